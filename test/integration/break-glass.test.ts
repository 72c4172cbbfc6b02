// Break-glass through the daemon: a real psql waits for two people, one who is listed decides alone on the page or the command line, and
// everybody is told. And the same request where it must do nothing.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { ApprovalJson } from '../../src/client/approval-shapes.ts';
import type { ListJson, RecordJson } from '../../src/client/control-shapes.ts';
import { addOperator, hasBrowser, logIn, openPage, startBrowser } from '../support/browser.ts';
import { eventually } from '../support/daemon.ts';
import { startDashboardWorld, type DashboardWorld } from '../support/dashboard-world.ts';
import { type CliResult, runCli, startGateway } from '../support/gateway-process.ts';
import { sendDecision, startHookServer, HOOK_SECRET, ROUTING_KEY, type HookServer } from '../support/hook-server.ts';
import { fileScope } from '../support/scope.ts';

const skip = hasBrowser ? false : 'no Chromium on this machine';
const LIMIT = { timeout: 300_000 };
const REASON = 'checkout is down and nobody else answers';

describe('AP-33: break-glass', { skip }, () => {
  const scope = fileScope();
  let world: DashboardWorld;
  let browser: Browser;
  let hook: HookServer;
  const tokens = new Map<string, string>();

  before(async () => {
    hook = await startHookServer(scope);
    const rest = `
notifier "webhook" "bus" {
  url         = "${hook.url}/bus"
  secret      = "{{secret:HOOK_SECRET}}"
  interactive = true
}
notifier "webhook" "elsewhere" {
  url    = "${hook.url}/elsewhere"
  secret = "{{secret:HOOK_SECRET}}"
  events = ["expired"]
}
notifier "pagerduty" "pd" {
  routing_key = "{{secret:ROUTING_KEY}}"
  base_url    = "${hook.url}"
}
approver "human_approver" "oncall" {
  approvers         = ["alice", "bob", "zoe@example.com"]
  require_approvers = 2
  break_glass       = ["alice"]
  notifiers         = [bus]
}
risk "destructive" { approve = [human_approver.oncall] }
rule "never" {
  endpoint  = postgres.shop
  condition = "sql.verb == 'drop'"
  verdict   = "deny"
}`;
    world = await startDashboardWorld(scope, {
      rest,
      gateway: 'public_url = "http://127.0.0.1:1"',
      env: { HOOK_SECRET, ROUTING_KEY },
    });
    browser = await startBrowser(scope);
    addOperator(world.gateway, 'alice', 'approver');
    addOperator(world.gateway, 'bob', 'approver');
    addOperator(world.gateway, 'root', 'admin');
    addOperator(world.gateway, 'carl', 'approver');
    for (const name of ['alice', 'bob']) {
      tokens.set(name, world.gateway.cli('operators', 'token', name, '--expires', '1h').stdout.trim());
    }
  });

  async function enter(name: string): Promise<Page> {
    const { page } = await openPage(browser);
    await logIn(page, world.gateway, name);
    return page;
  }

  async function look(page: Page, text: string): Promise<void> {
    await page.getByRole('link', { name: text }).first().click();
    await page.getByRole('article').getByText(text).first().waitFor();
  }

  /** The command line of somebody elsewhere, with a token of theirs. */
  function cliAs(name: string, ...args: readonly string[]): CliResult {
    const where = `http://${world.gateway.addresses.get('dashboard')}`;
    return runCli([...args, '--gateway', where], { CLAWPATROL_TOKEN: tokens.get(name) ?? '' });
  }

  /** A statement of an agent that waits. */
  async function park(sql: string) {
    const agent = world.psql(sql);
    const id = await agent.parked;
    const shown = JSON.parse(world.gateway.cli('approvals', 'show', id, '--json').stdout) as ApprovalJson;
    return { agent, id, digest: shown.request.digest };
  }

  async function calls(path: string, type: string) {
    const found = () =>
      hook.calls.filter(
        // Exactly: the name of one is the beginning of the other's.
        (call) => call.path === path && call.body['type'] === type,
      );
    await eventually(`${type} at ${path}`, () => found().length > 0);
    return found();
  }

  const recordsOf = (id: string): readonly RecordJson[] => {
    const page = JSON.parse(world.gateway.cli('audit', 'search', '--json', '--limit', '1000').stdout) as
      | ListJson<RecordJson>
      | readonly RecordJson[];
    const items = 'items' in page ? page.items : page;
    return items.filter(({ data }) => JSON.stringify(data).includes(id));
  };

  test(
    'AP-33: on the page: not by the key, not without a reason; then it runs, and everybody is told what came of it',
    LIMIT,
    async () => {
      const [alice, bob] = [await enter('alice'), await enter('bob')];
      const sql = 'DELETE FROM logs WHERE id <= 20';
      const agent = world.psql(sql);
      const id = await agent.parked;
      await look(bob, sql);
      await bob.getByRole('button', { name: /^Approve/ }).waitFor();
      assert.equal(
        await bob.getByRole('button', { name: 'Break glass' }).count(),
        0,
        'who is not listed has no button',
      );

      await look(alice, sql);
      await alice.getByRole('button', { name: 'Break glass' }).click();
      const button = alice.getByRole('button', { name: 'Break the glass and approve' });
      await alice.getByText('2 people are needed, and with alice it is 1').waitFor();
      assert.ok(await button.isDisabled());
      await alice.getByLabel(/Why now/).fill('too short');
      await alice.getByLabel(/All other approvers/).check();
      assert.ok(await button.isDisabled());
      await alice.getByRole('heading', { name: 'What it would do' }).click();
      await alice.keyboard.press('a');
      await alice.keyboard.press('a');
      await alice.getByLabel(/Why now/).fill(REASON);
      assert.equal(recordsOf(id).filter(({ type }) => type === 'approval.voted').length, 0, 'the key did nothing');
      await button.click();
      assert.match((await agent.over).text, /^DELETE 20$/m);
      await alice.getByText('Approved alone, by break-glass, by alice').waitFor();
      await bob.getByRole('alert').getByText(REASON).waitFor();
      await bob.getByRole('link', { name: 'Reviewers' }).click();
      await bob.getByText('decided alone', { exact: true }).waitFor();

      // Every channel, whatever it asks to hear, and every other approver and admin by name.
      for (const path of ['/bus', '/elsewhere']) {
        const [told] = await calls(path, 'approval.break_glass');
        const glass = told?.body['break_glass'] as {
          readonly by: string;
          readonly reason: string;
          readonly missing: readonly string[];
          readonly call: readonly { readonly name: string; readonly email: string }[];
        };
        assert.deepEqual([glass.by, glass.reason], ['alice', REASON]);
        assert.deepEqual(glass.missing, ['2 people are needed, and with alice it is 1']);
        assert.deepEqual(glass.call.map(({ name }) => name).toSorted(), ['bob', 'root', 'zoe@example.com']);
        const [over] = await calls(path, 'approval.break_glass_over');
        assert.match(JSON.stringify(over?.body['break_glass']), /"outcome":"it ran, DELETE 20"/);
      }
      await eventually('PagerDuty is called twice', () => pages(id).length === 2);
      assert.deepEqual(
        pages(id).map(({ body }) => [body['event_action'], (body['payload'] as { severity: string }).severity]),
        [
          ['trigger', 'critical'],
          ['trigger', 'critical'],
        ],
      );

      const story = recordsOf(id).filter(({ type }) => type.startsWith('approval.'));
      assert.deepEqual(story.map(({ type }) => type).toSorted(), [
        'approval.approved',
        'approval.break_glass',
        'approval.break_glass_over',
        'approval.created',
      ]);
      const record = story.find(({ type }) => type === 'approval.break_glass');
      assert.deepEqual([record?.by, record?.reason], ['alice', REASON]);
      const listed = JSON.parse(
        world.gateway.cli('approvals', 'list', '--break-glass', '--json').stdout,
      ) as ListJson<ApprovalJson>;
      assert.deepEqual(
        listed.items.map((item) => [item.id, item.state]),
        [[id, 'approved']],
      );
      assert.match(world.gateway.cli('approvals', 'show', id).stdout, /BREAK-GLASS +checkout is down/);
      assert.match(
        world.gateway.cli('approvals', 'list', '--break-glass').stdout,
        /alice\tapproved\t.*checkout is down/,
      );
    },
  );

  function pages(id: string): HookServer['calls'] {
    return hook.calls.filter(({ path, body }) => path === '/v2/enqueue' && body['dedup_key'] === `${id} break-glass`);
  }

  test(
    'AP-33: on the command line with the flag and a reason; nobody else, and nothing from a channel',
    LIMIT,
    async () => {
      const { agent, id, digest } = await park('DELETE FROM users WHERE id < 4');
      const flag = ['--digest', digest];
      const rows: readonly (readonly [string, readonly string[], number, RegExp])[] = [
        ['bob', ['--break-glass', '--reason', REASON], 1, /bob is not in break_glass of human_approver\.oncall/],
        ['alice', ['--break-glass', '--reason', 'now'], 2, /10 characters or more/],
        ['alice', ['--break-glass'], 2, /needs --reason/],
        ['alice', ['--reason', REASON], 2, /goes with --break-glass/],
        ['alice', ['--break-glass', '--reason', REASON, '--grant', '5m'], 2, /leave --grant/],
        ['alice', ['--break-glass', '--reason', REASON, '--note', 'x'], 2, /leave --grant/],
      ];
      for (const [who, args, code, want] of rows) {
        const result = cliAs(who, 'approvals', 'approve', id, ...flag, ...args);
        assert.equal(result.code, code, `${args.join(' ')}: ${result.stdout}${result.stderr}`);
        assert.match(result.stderr, want);
      }
      // The gateway's own host is nobody of the list.
      const local = world.gateway.cli('approvals', 'approve', id, ...flag, '--break-glass', '--reason', REASON);
      assert.match(local.stderr, /local is not in break_glass/);
      const decisions = `http://${world.gateway.addresses.get('dashboard')}/api/notifier/bus/decision`;
      const decision = { approval: id, digest, decision: 'approve', operator: 'alice' };
      const { status } = await sendDecision(decisions, { ...decision, break_glass: REASON });
      assert.equal(status, 400, 'a channel has no such word');
      const still = JSON.parse(world.gateway.cli('approvals', 'show', id, '--json').stdout) as ApprovalJson;
      assert.deepEqual([still.state, still.votes], ['pending', []]);

      const done = cliAs('alice', 'approvals', 'approve', id, ...flag, '--break-glass', '--reason', REASON);
      assert.equal(done.code, 0, done.stderr);
      assert.match((await agent.over).text, /^DELETE 3$/m);
      const refused = recordsOf(id).filter(({ type, data }) => {
        return type === 'operator.acted' && JSON.stringify(data).includes('"result":"refused"');
      });
      assert.ok(refused.length >= 3, 'each attempt is in the log');
    },
  );

  test('AP-33: what a rule denies is nobody’s to approve', LIMIT, async () => {
    const { text } = await world.psql('DROP TABLE users').over;
    assert.match(text, /denied|ERROR/);
    assert.doesNotMatch(text, /waiting for approval/);
  });

  test(
    'AP-33: a gateway that is killed before it knew what came of it tells it at its next start, once',
    LIMIT,
    async () => {
      // It runs until the gateway is gone.
      const { id, digest } = await park('DELETE FROM logs WHERE id = 199 AND pg_sleep(60) IS NOT NULL');
      const glass = ['--digest', digest, '--break-glass', '--reason', REASON];
      const done = cliAs('alice', 'approvals', 'approve', id, ...glass);
      assert.equal(done.code, 0, done.stderr);
      const { configPath, stateDir } = world.gateway;
      await world.gateway.stop('SIGKILL');
      const told = (type: string) =>
        hook.calls.filter(({ path, body }) => {
          const approval = body['approval'] as { readonly id: string } | undefined;
          return path === '/bus' && body['type'] === type && approval?.id === id;
        });
      assert.equal(told('approval.break_glass_over').length, 0);

      const env = { HOOK_SECRET, ROUTING_KEY, CLAWPATROL_SECRET_SHOP: world.server.password };
      const config = readFileSync(configPath, 'utf8');
      for (const start of ['first', 'second']) {
        const next = await startGateway(scope, { config, stateDir, env });
        await eventually(`told at the ${start} start`, () => told('approval.break_glass_over').length > 0);
        assert.equal(await next.stop(), 0);
        assert.equal(told('approval.break_glass_over').length, 1, start);
      }
      const [over] = told('approval.break_glass_over');
      assert.match(JSON.stringify(over?.body['break_glass']), /"by":"alice".*"outcome":"unknown/);
      assert.ok(told('approval.break_glass').length >= 1, 'that it was done is told again: it may not have gone out');
    },
  );
});
