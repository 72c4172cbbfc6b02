// The page of incidents in a real browser: what alerting systems say appears by itself, with what agents did about it, and an admin takes the
// evidence along.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createOperatorServers } from '../../src/dashboard/operations.ts';
import type { Agent } from '../../src/rules/action.ts';
import { hasBrowser, openPage, PASSWORD, startBrowser } from '../support/browser.ts';
import { connectLines, lineConfig, startDaemon, startLineServer } from '../support/daemon.ts';
import { runCli } from '../support/gateway-process.ts';
import { HOOK_SECRET, sendAlert } from '../support/hook-server.ts';
import { temporaryFolder, type CleanUp } from '../support/temp.ts';

const skip = hasBrowser ? false : 'no Chromium on this machine';
const LIMIT = { skip, timeout: 300_000 };
const AGENT: Agent = {
  device: 'listener/pg',
  profile: 'default',
  run: '',
  user: '',
  ip: '127.0.0.1',
  transport: 'direct',
};
const CONFIG = `gateway {
  dashboard_listen = "127.0.0.1:0"
  public_url       = "http://127.0.0.1:1"
}
context "webhook" "alerts" {
  secret  = "{{secret:HOOK_SECRET}}"
  id      = "id"
  title   = "title"
  service = "service"
  body    = "text"
  url     = "link"
}
approver "human_approver" "oncall" {}
risk "destructive" { approve = [human_approver.oncall] }`;

/** A daemon with one admin, who is logged in. */
async function open(t: CleanUp) {
  const upstream = await startLineServer(t);
  const config = lineConfig(upstream.port, CONFIG).replace(
    /^profile .*$/m,
    'profile "default" {\n  credentials = [passthrough.pg]\n  context = webhook.alerts\n}',
  );
  let setup = '';
  const tell = (line: string): void => {
    setup = line;
  };
  const daemon = await startDaemon(t, config, {
    env: { HOOK_SECRET },
    openDashboard: (address, operations) => createOperatorServers(tell).openDashboard(address, operations),
  });
  const base = `http://${daemon.addresses.get('dashboard')}`;
  const browser = await startBrowser(t);
  const { page, faults } = await openPage(browser, { acceptDownloads: true });
  await page.goto(setup.replace(/^setup: http:\/\/[^/]+/, base));
  await page.getByLabel('Name').fill('alice');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByLabel('Password, once more').fill(PASSWORD);
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByRole('heading', { name: 'Nothing waits for you' }).waitFor();
  const alert = async (status: string, changes: Readonly<Record<string, string>> = {}): Promise<void> => {
    const body = { id: 'INC1', title: 'checkout is slow', service: 'shop', status, ...changes };
    assert.equal((await sendAlert(`${base}/api/context/alerts/events`, body)).status, 202);
  };
  return { daemon, page, faults, alert, base };
}

async function act(t: CleanUp, { daemon }: Awaited<ReturnType<typeof open>>): Promise<void> {
  const { claims, approvals } = daemon.operations;
  await claims.set(AGENT, { incident: 'INC1', task: 'make room', intent: 'old rows fill the disk' }, 'agent');
  const client = await connectLines(t, daemon.port('postgres.pg'));
  client.send('safe count the rows');
  await client.next();
  client.send('destructive delete old rows');
  assert.match(await client.next(), /^parked /);
  const [waiting] = approvals.pending();
  assert.ok(waiting !== undefined);
  const ballot = { decision: 'approve', digest: waiting.request.digest, note: 'looks right' } as const;
  const voted = await approvals.vote(waiting.id, ballot, { name: 'alice', via: 'dashboard', aliases: [] });
  assert.equal(voted.kind, 'recorded', JSON.stringify(voted));
  await client.next();
  await claims.set({ ...AGENT, ip: '127.0.0.2' }, { parent: waiting.actionId, task: 'check the backups' }, 'agent');
  const other = await connectLines(t, daemon.port('postgres.pg'), '127.0.0.2');
  other.send('destructive drop backups');
  assert.match(await other.next(), /^parked /);
}

test(
  'an incident appears as it is told, with what its agents do, and everybody’s words marked as theirs',
  LIMIT,
  async (t) => {
    const world = await open(t);
    const { page, faults, alert } = world;
    await page.getByRole('link', { name: 'Incidents' }).click();
    await page.getByRole('heading', { name: 'No incident yet' }).first().waitFor();
    await alert('firing', {
      text: 'p99 over 5 s\n<img src=x onerror=alert(1)>\u202e',
      link: 'https://alerts.example/INC1',
    });
    await page.getByRole('link', { name: /checkout is slow/ }).click();
    await page.getByText('No agent has said that it works on this.').waitFor();
    await page.getByText('<img src=x onerror=alert(1)>').waitFor();
    await page.getByText('U+202E').waitFor();
    await page.getByText('others’ words, not checked').waitFor();
    assert.equal(
      await page.getByRole('link', { name: 'https://alerts.example/INC1' }).getAttribute('rel'),
      'noopener noreferrer',
    );
    await act(t, world);
    await page.getByText('destructive delete old rows').waitFor();
    await page.getByText('approved by alice via dashboard').waitFor();
    await page.getByText('waits for human_approver.oncall').waitFor();
    await page.getByText('2 agents, 3 actions').waitFor();
    await page.getByText('outcome: ok, 1 row, LINE').first().waitFor();
    await alert('resolved');
    await page.getByText('none open').waitFor();
    await alert('firing', { id: 'INC2', title: 'disk is full' });
    await page.getByRole('link', { name: /disk is full/ }).waitFor();
    await page.locator('body').press('k');
    await page.getByRole('heading', { name: 'disk is full' }).waitFor();
    await page.locator('body').press('j');
    await page.getByRole('heading', { name: 'checkout is slow' }).waitFor();
    await page.setViewportSize({ width: 390, height: 844 });
    await page.getByRole('link', { name: '← All incidents' }).waitFor();
    const wide = await page.evaluate('document.documentElement.scrollWidth > innerWidth');
    assert.equal(wide, false, 'nothing hangs over the edge of a phone');
    await page.getByText('p99 over 5 s').waitFor();
    await page.getByRole('link', { name: '← All incidents' }).click();
    await page.getByRole('link', { name: /disk is full/ }).waitFor();
    assert.deepEqual(faults, []);
  },
);

test('the evidence bundle that an admin downloads verifies without the gateway', LIMIT, async (t) => {
  const world = await open(t);
  const { page, alert, daemon } = world;
  await alert('firing');
  await act(t, world);
  await page.getByRole('link', { name: 'Incidents' }).click();
  await page.getByRole('link', { name: /checkout is slow/ }).click();
  const downloading = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download the evidence bundle' }).click();
  const download = await downloading;
  assert.equal(download.suggestedFilename(), 'incident-INC1.bundle.jsonl');
  const folder = temporaryFolder(t, 'evidence');
  const path = join(folder, download.suggestedFilename());
  await download.saveAs(path);
  assert.match(readFileSync(path, 'utf8'), /delete old rows/);
  const verified = runCli(['audit', 'verify', '--store', path]);
  assert.equal(verified.code, 0, verified.stderr + verified.stdout);
  assert.match(verified.stdout, /^ok: /);
  const { items } = await daemon.operations.audit.search(
    { types: ['audit.exported'] },
    { limit: 10, cursor: null, newestFirst: true },
  );
  assert.deepEqual(
    items.map(({ by, data }) => [by, data?.['chain']]),
    [['alice', 'INC1']],
  );
});
