// A whole daemon with a signed webhook, both ways, and PagerDuty as a channel.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Approval } from '../../src/approvals/approval.ts';
import { createOperatorServers } from '../../src/dashboard/operations.ts';
import { openOperators } from '../../src/dashboard/operators.ts';
import {
  connectLines,
  eventually,
  lineConfig,
  startDaemon,
  startLineServer,
  type LineClient,
} from '../support/daemon.ts';
import {
  HOOK_SECRET,
  REST_KEY,
  ROUTING_KEY,
  sendDecision,
  startHookServer,
  type HookCall,
  type HookServer,
} from '../support/hook-server.ts';
import type { CleanUp } from '../support/temp.ts';

interface World {
  readonly hook: HookServer;
  readonly client: LineClient;
  readonly decisions: string;
  readonly park: (line: string) => Promise<Approval>;
  readonly pending: () => number;
  readonly events: (type: string) => Promise<readonly { readonly by: string; readonly reason: string }[]>;
}

async function open(t: CleanUp, notifier: (url: string) => string, approver: string = ''): Promise<World> {
  const hook = await startHookServer(t);
  const upstream = await startLineServer(t);
  const config = lineConfig(
    upstream.port,
    `gateway {
  dashboard_listen = "127.0.0.1:0"
  public_url       = "http://127.0.0.1:1"
}
${notifier(hook.url)}
approver "human_approver" "oncall" {
  notifiers = [bus]
  ${approver}
}
approver "human_approver" "others" {}
rule "others" {
  endpoint  = postgres.pg
  condition = "sql.verb == 'drop'"
  approve   = [human_approver.others]
}
risk "destructive" { approve = [human_approver.oncall] }`,
  );
  const daemon = await startDaemon(t, config, {
    env: { HOOK_SECRET, ROUTING_KEY, CLAWPATROL_SECRET_PD: REST_KEY },
    openDashboard(address, operations) {
      const operators = openOperators({ stateDir: operations.stateDir, clock: operations.clock });
      for (const [name, role] of [
        ['alice', 'approver'],
        ['bob', 'approver'],
        ['victor', 'viewer'],
      ] as const) {
        operators.add({ name, role, email: '', slack: '', password: null });
      }
      return createOperatorServers(() => {}).openDashboard(address, operations);
    },
  });
  const { approvals, audit } = daemon.operations;
  const client = await connectLines(t, daemon.port('postgres.pg'));
  return {
    hook,
    client,
    decisions: `http://${daemon.addresses.get('dashboard')}/api/notifier/bus/decision`,
    async park(line) {
      client.send(line);
      assert.match(await client.next(), /^parked /);
      const approval = approvals.pending().find(({ summary }) => summary === line);
      assert.ok(approval !== undefined);
      return approval;
    },
    pending: () => approvals.pending().length,
    async events(type) {
      const page = await audit.search({}, { limit: 1000, cursor: null, newestFirst: false });
      return page.items.filter((record) => record.type === type);
    },
  };
}

const webhook =
  (rest: string = '') =>
  (url: string): string =>
    `notifier "webhook" "bus" {
  url         = "${url}/bus"
  secret      = "{{secret:HOOK_SECRET}}"
  interactive = true
  ${rest}
}`;

const ballot = ({ id, request }: Approval): Readonly<Record<string, string>> => ({
  approval: id,
  digest: request.digest,
  decision: 'approve',
  operator: 'alice',
});

async function callsOf(hook: HookServer, type: string): Promise<readonly HookCall[]> {
  await eventually(`${type} is sent`, () => hook.calls.some(({ body }) => body['type'] === type));
  return hook.calls.filter(({ body }) => body['type'] === type);
}

test('a webhook is told under a signature, a decision comes back under one, and the end is told too', async (t) => {
  const { hook, client, decisions, park } = await open(t, webhook('include = "full"\nheaders = { x-team = "ops" }'));
  const approval = await park('destructive delete one');
  const [asked] = await callsOf(hook, 'approval.asked');
  assert.ok(asked?.signed === true);
  assert.equal(asked.headers['x-team'], 'ops');
  const told = asked.body['approval'] as { readonly id: string; readonly request: Readonly<Record<string, unknown>> };
  assert.equal(told.id, approval.id);
  assert.deepEqual([told.request['text'], told.request['whole']], ['destructive delete one', true]);
  assert.equal(asked.body['link'], `http://127.0.0.1:1/#/approvals/${approval.id}`);
  const { status, body } = await sendDecision(decisions, ballot(approval));
  assert.deepEqual([status, body], [200, { result: 'recorded', state: 'approved' }]);
  assert.equal(await client.next(), 'done destructive delete one');
  const [decided] = await callsOf(hook, 'approval.decided');
  assert.ok(decided?.signed === true);
});

test('AP-13, AP-14, CP-12: only an operator who may decide is heard, once, on exactly what was told, under the right key', async (t) => {
  const { client, decisions, park, pending, events } = await open(t, webhook(), 'require_approvers = 2');
  const approval = await park('destructive delete two');
  const good = ballot(approval);
  const rows: readonly (readonly [
    string,
    Readonly<Record<string, unknown>>,
    Parameters<typeof sendDecision>[2],
    number,
  ])[] = [
    ['nobody', { ...good, operator: 'mallory' }, {}, 403],
    ['local is no account', { ...good, operator: 'local' }, {}, 403],
    ['a viewer', { ...good, operator: 'victor' }, {}, 403],
    ['another digest', { ...good, digest: good['digest']?.replace(/^./, (one) => (one === '0' ? '1' : '0')) }, {}, 409],
    ['no digest', { ...good, digest: '' }, {}, 400],
    ['a denial without a reason', { ...good, decision: 'deny' }, {}, 400],
    [
      'another request',
      { ...good, approval: good['approval']?.replace(/.$/, (one) => (one === '0' ? '1' : '0')) },
      {},
      404,
    ],
    ['our own message sent back', { type: 'approval.asked', ...good }, {}, 400],
    ['more than a decision', { ...good, grant: '1h' }, {}, 400],
    ['stale', good, { skew: -360 }, 401],
    ['of the future', good, { skew: 360 }, 401],
    ['another key', good, { secret: 'other' }, 401],
    ['altered', good, { spoil: true }, 401],
    ['unsigned', good, { unsigned: true }, 401],
  ];
  for (const [what, decision, options, status] of rows) {
    assert.equal((await sendDecision(decisions, decision, options)).status, status, what);
    assert.equal(pending(), 1, what);
  }
  assert.equal((await sendDecision(decisions.replace('/bus/', '/other/'), good)).status, 404);
  await eventually('all are recorded', async () => (await events('operator.acted')).length === 3);
  const refused = (await events('operator.acted')).map(({ by }) => by);
  assert.deepEqual(refused, ['victor', 'alice', 'alice']);
  const first = await sendDecision(decisions, good);
  assert.deepEqual([first.status, await first.again(), pending()], [200, 401, 1]);
  assert.equal((await sendDecision(decisions, { ...good, operator: 'bob' })).status, 200);
  assert.equal(await client.next(), 'done destructive delete two');
});

test('AP-15: a webhook decides nothing for an approver who does not name it', async (t) => {
  const { decisions, park, pending } = await open(t, webhook());
  const { status, body } = await sendDecision(decisions, ballot(await park('destructive drop it')));
  assert.deepEqual([status, pending()], [403, 1]);
  assert.match(String(body['why']), /human_approver\.others is not asked through webhook\.bus/);
});

test('TA-14: a webhook that fails is tried again under the same delivery, and nothing waits for it', async (t) => {
  const { hook, client, park, decisions } = await open(t, webhook());
  hook.statuses.push(500, 302);
  const approval = await park('destructive delete three');
  await eventually('it is tried again', () => hook.calls.length >= 2);
  const [first, second] = hook.calls;
  assert.equal(first?.headers['clawpatrol-delivery'], second?.headers['clawpatrol-delivery']);
  assert.ok(second?.signed === true);
  assert.equal((await sendDecision(decisions, ballot(approval))).status, 200);
  assert.equal(await client.next(), 'done destructive delete three');
});

test('TA-14: a delivery that fails for good is recorded without address and key', async (t) => {
  const { hook, park, events } = await open(t, webhook());
  hook.statuses.push(410);
  await park('destructive delete four');
  await eventually('it is recorded', async () => (await events('notifier.failed')).length > 0);
  assert.deepEqual(
    (await events('notifier.failed')).map(({ by, reason }) => [by, reason]),
    [['webhook.bus', 'HTTP status 410']],
  );
});

test('PagerDuty gets an alert while a request waits, and it is resolved with it', async (t) => {
  const { hook, park, client } = await open(
    t,
    (url) => `notifier "pagerduty" "bus" {
  routing_key = "{{secret:ROUTING_KEY}}"
  base_url    = "${url}"
}`,
  );
  const approval = await park('destructive delete five');
  await eventually('an alert is triggered', () => hook.calls.length === 1);
  const [alert] = hook.calls;
  const { routing_key: key, event_action: action, dedup_key: dedup, payload } = alert?.body ?? {};
  assert.deepEqual([key, action, dedup], [ROUTING_KEY, 'trigger', approval.id]);
  const { summary, severity } = payload as Readonly<Record<string, unknown>>;
  assert.deepEqual(
    [summary, severity],
    ['Approval needed: destructive on postgres.pg: destructive delete five', 'warning'],
  );
  client.socket.destroy();
  await eventually('it is resolved', () => hook.calls.length === 2);
  const { event_action: end, dedup_key: same } = hook.calls[1]?.body ?? {};
  assert.deepEqual([end, same], ['resolve', approval.id]);
});
