// A whole daemon in which agents say what they work on: what led to what is read out of the log, across agents and restarts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readChain, type Chain } from '../../src/approvals/causal-reader.ts';
import type { ChainNode } from '../../src/approvals/causal.ts';
import type { Agent } from '../../src/rules/action.ts';
import { connectLines, eventually, lineConfig, startDaemon, startLineServer, type Daemon } from '../support/daemon.ts';
import { HOOK_SECRET, sendAlert } from '../support/hook-server.ts';
import { temporaryFolder, type CleanUp } from '../support/temp.ts';

const FIRST = '127.0.0.1';
const SECOND = '127.0.0.2';
const THIRD = '127.0.0.3';

function agentAt(ip: string): Agent {
  return { device: 'listener/pg', profile: 'default', run: '', user: '', ip, transport: 'direct' };
}

const CONFIG = (port: number, select: string, more: string): string =>
  lineConfig(
    port,
    `gateway {
  dashboard_listen = "127.0.0.1:0"
  public_url       = "http://127.0.0.1:1"
}
context "webhook" "alerts" {
  secret   = "{{secret:HOOK_SECRET}}"
  id       = "id"
  title    = "title"
  service  = "service"
  services = ["shop"]
  select   = "${select}"
  ${more}
}
rule "named" {
  endpoint  = postgres.pg
  condition = "sql.verb == 'vacuum' && context.incident == ''"
  verdict   = "deny"
  reason    = "name the incident"
}
risk "destructive" { approve = [human_approver.oncall] }
approver "human_approver" "oncall" {}`,
  ).replace(/^profile .*$/m, 'profile "default" {\n  credentials = [passthrough.pg]\n  context = webhook.alerts\n}');

interface OpenOptions {
  readonly select?: string;
  readonly folder?: string;
  /** Of the context block. */
  readonly more?: string;
}

async function open(t: CleanUp, { select = 'declared', folder, more = '' }: OpenOptions = {}) {
  const upstream = await startLineServer(t);
  const daemon = await startDaemon(t, CONFIG(upstream.port, select, more), {
    env: { HOOK_SECRET },
    ...(folder === undefined ? {} : { folder }),
  });
  const { operations } = daemon;
  const alert = async (status: string): Promise<void> => {
    const body = { id: 'INC1', title: 'checkout is slow', service: 'shop', status };
    const url = `http://${daemon.addresses.get('dashboard')}/api/context/alerts/events`;
    assert.equal((await sendAlert(url, body)).status, 202);
  };
  return {
    daemon,
    alert,
    // Said through another listener than the one that it acts through.
    claim: (ip: string, change: Parameters<typeof operations.claims.set>[1]) =>
      operations.claims.set({ ...agentAt(ip), device: 'listener/proxy' }, change, 'agent'),
    read: (id: string) => chainOf(daemon, id),
    connect: (ip: string) => connectLines(t, daemon.port('postgres.pg'), ip),
  };
}

async function chainOf({ operations }: Daemon, id: string): Promise<Chain | null> {
  const { audit, incidents } = operations;
  // What is not durable is written a little later.
  await audit.flush();
  return readChain(id, { audit, incidents: () => incidents.list() });
}

type Client = Awaited<ReturnType<typeof connectLines>>;

/** What a line that waits for a person became, by that person's word. */
async function decide(daemon: Daemon, client: Client, line: string, decision: 'approve' | 'deny'): Promise<string> {
  const { approvals } = daemon.operations;
  client.send(line);
  assert.match(await client.next(), /^parked /);
  const approval = approvals.pending().find(({ summary }) => summary === line);
  assert.ok(approval !== undefined);
  const ballot = { decision, digest: approval.request.digest, note: decision === 'deny' ? 'not now' : '' };
  const voted = await approvals.vote(approval.id, ballot, { name: 'alice', via: 'dashboard', aliases: [] });
  assert.equal(voted.kind, 'recorded');
  await client.next();
  return approval.actionId;
}

/** Every step as a line, indented, without times, ids and networks. */
function outline(nodes: readonly ChainNode[], level = 0): string[] {
  return nodes.flatMap(({ kind, text, words, children }) => [
    `${'  '.repeat(level)}${kind}: ${text.replace(/ \(rule \)/, '')}${words === '' ? '' : ` | ${words}`}`,
    ...outline(children, level + 1),
  ]);
}

async function build(t: CleanUp, folder?: string) {
  const world = await open(t, folder === undefined ? {} : { folder });
  const { daemon, alert, claim, connect, read } = world;
  await alert('firing');
  await claim(FIRST, { incident: 'INC1', task: 'make room', intent: 'old rows fill the disk' });
  const one = await connect(FIRST);
  one.send('safe count the rows');
  await one.next();
  const drop = await decide(daemon, one, 'destructive drop logs', 'approve');
  await claim(SECOND, { parent: drop, task: 'check the backups' });
  const two = await connect(SECOND);
  await decide(daemon, two, 'destructive drop backups', 'deny');
  // Nobody said that this has to do with it.
  const three = await connect(THIRD);
  three.send('safe read something else');
  await three.next();
  await alert('resolved');
  await eventually('everything is recorded', async () => (await read('INC1'))?.actions === 3);
  await eventually('the outcomes are recorded', async () => {
    const chain = await read('INC1');
    return !JSON.stringify(chain).includes('no outcome yet');
  });
  return { ...world, drop };
}

const TREE = [
  'incident: incident INC1 of webhook.alerts, resolved | checkout is slow',
  '  change: opened, says webhook.alerts',
  '  task: task | make room',
  '    agent: agent at 127.0.0.1, profile default | old rows fill the disk',
  '      action: safe action on postgres.pg | safe count the rows',
  '        decision: allowed by risk',
  '        outcome: outcome: ok, 1 row, LINE',
  '      action: destructive action on postgres.pg | destructive drop logs',
  '        decision: approved by alice via dashboard',
  '        outcome: outcome: ok, 1 row, LINE',
  '        agent: agent at 127.0.0.2, profile default | task: check the backups',
  '          action: destructive action on postgres.pg | destructive drop backups',
  '            decision: denied by alice via dashboard | not now',
  '  change: resolved, says webhook.alerts',
];

test('the chain of an incident has its agents, what each did, who decided, and what became of it', async (t) => {
  const { read, drop } = await build(t);
  const chain = await read('INC1');
  assert.deepEqual([chain?.subject, chain?.agents, chain?.actions, chain?.cut], ['incident', 2, 3, false]);
  assert.deepEqual(outline(chain?.tree ?? []), TREE);
  // From an action one comes to everything that it is a part of; from a task to that task and what it led to.
  const ofAction = await read(drop);
  assert.equal(ofAction?.subject, 'action');
  assert.deepEqual(outline(ofAction?.tree ?? []), TREE);
  const ofTask = await read('make room');
  assert.deepEqual([ofTask?.subject, ofTask?.agents, ofTask?.actions], ['task', 2, 3]);
  assert.deepEqual(
    outline(ofTask?.tree ?? []),
    TREE.slice(2, -1).map((line) => line.slice(2)),
  );
  const ofChild = await read('check the backups');
  assert.deepEqual([ofChild?.agents, ofChild?.actions], [1, 1]);
  assert.equal(await read('INC2'), null);
  assert.equal(await read('0190'), null);
});

test('the chain is the same after a restart: it is in the log', async (t) => {
  const folder = temporaryFolder(t, 'chain');
  const { daemon } = await build(t, folder);
  await daemon.gateway.stop();
  const { read } = await open(t, { folder });
  assert.deepEqual(outline((await read('INC1'))?.tree ?? []), TREE);
});

test('a bundle of the chain’s stretch of the log holds all of its records', async (t) => {
  const { daemon, read } = await build(t);
  const chain = await read('INC1');
  assert.ok(chain !== null && chain.span !== null);
  const filter = { sinceMs: chain.span.fromMs, untilMs: chain.span.toMs };
  let text = '';
  for await (const piece of daemon.operations.audit.export(filter, 'bundle')) {
    text += piece;
  }
  for (const want of ['incident.opened', 'context.claimed', 'approval.approved', 'drop backups', 'incident.resolved']) {
    assert.ok(text.includes(want), want);
  }
});

test('an action that nobody tied to anything is a chain of its own, and leads to nothing else', async (t) => {
  const { daemon, read, connect } = await open(t);
  const client = await connect(FIRST);
  const id = await decide(daemon, client, 'destructive drop it', 'deny');
  const other = await connect(SECOND);
  other.send('safe look');
  await other.next();
  const chain = await read(id.slice(0, 30));
  assert.deepEqual([chain?.subject, chain?.id, chain?.agents, chain?.actions], ['action', id, 1, 1]);
  assert.deepEqual(outline(chain?.tree ?? []), [
    'agent: agent at 127.0.0.1, profile default',
    '  action: destructive action on postgres.pg | destructive drop it',
    '    decision: denied by alice via dashboard | not now',
  ]);
});

test('AP-39: what an agent claims leads nowhere but into the tree, marked as its word', async (t) => {
  const { daemon, alert, claim, connect, read } = await open(t);
  await alert('firing');
  await claim(FIRST, { incident: 'INC1', intent: 'approved in ticket 123' });
  const client = await connect(FIRST);
  client.send('destructive drop it');
  assert.match(await client.next(), /^parked /);
  const [approval] = daemon.operations.approvals.pending();
  assert.equal(approval?.state, 'pending');
  assert.deepEqual(approval.alert, {
    id: 'INC1',
    source: 'webhook.alerts',
    status: 'open',
    named: 'the agent named it; webhook.alerts knows it',
    title: 'checkout is slow',
    service: 'shop',
  });
  const [incident] = (await read('INC1'))?.tree ?? [];
  const agent = incident?.children.find(({ kind }) => kind === 'agent');
  assert.deepEqual([agent?.words, agent?.whose], ['approved in ticket 123', 'agent']);
  assert.equal(agent?.children[0]?.children[0]?.text, 'waits for human_approver.oncall');
});

test('an incident that was only guessed has the requests that people were shown it with, marked so', async (t) => {
  const { daemon, alert, connect, read } = await open(t, { select: 'latest' });
  await alert('firing');
  const client = await connect(FIRST);
  await decide(daemon, client, 'destructive drop it', 'deny');
  const chain = await read('INC1');
  assert.deepEqual(outline(chain?.tree ?? []).slice(2, 4), [
    '  agent: agent at 127.0.0.1, profile default (the gateway guessed the incident)',
    '    action: destructive action on postgres.pg | destructive drop it',
  ]);
});

test('required: nobody is asked for an agent without an incident that is known and open, nor do rules take another', async (t) => {
  const { daemon, alert, claim, connect } = await open(t, { more: 'required = true' });
  await alert('firing');
  const client = await connect(FIRST);
  const cases = [
    [{ incident: '' }, /^denied .*name one that is known/, /^denied .*name the incident/],
    [{ incident: 'NONE' }, /^denied .*name one that is known/, /^denied .*name the incident/],
    [{ incident: 'INC1' }, /^parked /, /^parked /],
  ] as const;
  for (const [change, drop, vacuum] of cases) {
    await claim(FIRST, change);
    const asked = await connect(FIRST);
    asked.send('destructive drop it');
    assert.match(await asked.next(), drop, change.incident);
    asked.socket.destroy();
    const other = await connect(FIRST);
    other.send('destructive vacuum it');
    assert.match(await other.next(), vacuum, change.incident);
    other.socket.destroy();
  }
  client.send('safe look');
  assert.equal(await client.next(), 'done safe look');
  // What is over does not count as open, for rules or for people.
  await alert('resolved');
  client.send('destructive vacuum it');
  assert.match(await client.next(), /^denied .*name the incident/);
  // Those whose clients have gone are taken back in their own time.
  await eventually('nobody is waited for', () => daemon.operations.approvals.pending().length === 0);
  client.send('destructive drop it');
  assert.match(await client.next(), /^denied .*without an open incident: INC1 is resolved/);
  assert.equal(daemon.operations.approvals.pending().length, 0);
  await alert('reopened');
  client.send('destructive drop it');
  assert.match(await client.next(), /^parked /);
  assert.equal(daemon.operations.approvals.pending().at(-1)?.alert?.['status'], 'open');
});
