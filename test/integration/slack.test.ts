// A whole daemon with a Slack channel, against a stand-in that speaks Slack's Web API, signed callbacks and Socket Mode.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOperatorServers } from '../../src/dashboard/operations.ts';
import { openOperators, type NewOperator } from '../../src/dashboard/operators.ts';
import type { ApprovalState } from '../../src/approvals/approval.ts';
import {
  connectLines,
  eventually,
  lineConfig,
  startDaemon,
  startLineServer,
  type LineClient,
} from '../support/daemon.ts';
import {
  APP_TOKEN,
  BOT_TOKEN,
  buttonsOf,
  SIGNING_SECRET,
  startSlackServer,
  textOfBlocks,
  type SlackMessage,
  type SlackServer,
} from '../support/slack-server.ts';
import type { CleanUp } from '../support/temp.ts';

const ALICE = 'U0ALICE';
const VIEWER = 'U0VIEWER';
const MALLORY = 'U0MALLORY';
const LISTED = 'U0LISTED';
const ANN = 'U0ANN';

const account = (name: string, changes: Partial<NewOperator> = {}): NewOperator => ({
  name,
  role: 'approver',
  email: '',
  slack: '',
  password: null,
  ...changes,
});

const OPERATORS: readonly NewOperator[] = [
  account('alice', { slack: ALICE, email: 'alice@example.com' }),
  account('victor', { slack: VIEWER, role: 'viewer' }),
  account('bob', { slack: 'U0BOB' }),
  account('ann', { slack: ANN, profiles: ['elsewhere'] }),
];

interface World {
  readonly slack: SlackServer;
  readonly client: LineClient;
  readonly lines: readonly string[];
  readonly callback: string;
  /** Parks a line; its message. */
  readonly park: (line: string) => Promise<SlackMessage>;
  readonly state: (line: string) => Promise<ApprovalState | null>;
  readonly click: (message: SlackMessage, action: 'approve' | 'deny', user: string) => Promise<void>;
  readonly events: (type: string) => Promise<readonly { readonly by: string; readonly reason: string }[]>;
}

interface Shape {
  readonly approver?: string;
  readonly notifier?: string;
  readonly rest?: string;
}

async function open(t: CleanUp, shape: Shape = {}): Promise<World> {
  const slack = await startSlackServer(t);
  const upstream = await startLineServer(t);
  const config = lineConfig(
    upstream.port,
    `gateway {
  dashboard_listen = "127.0.0.1:0"
  public_url       = "http://127.0.0.1:1"
}
credential "slack_tokens" "ops" { endpoint = https.slack }
endpoint "https" "slack" { hosts = ["slack.com"] }
notifier "slack" "room" {
  credential  = slack_tokens.ops
  channel     = "#approvals"
  interactive = true
  base_url    = "${slack.url}"
  ${shape.notifier ?? ''}
}
approver "human_approver" "oncall" {
  notifiers = [slack.room]
  ${shape.approver ?? ''}
}
risk "destructive" { approve = [human_approver.oncall] }
${shape.rest ?? ''}`,
  );
  const daemon = await startDaemon(t, config, {
    env: {
      CLAWPATROL_SECRET_OPS_BOT: BOT_TOKEN,
      CLAWPATROL_SECRET_OPS_APP: APP_TOKEN,
      CLAWPATROL_SECRET_OPS_SIGNING_SECRET: SIGNING_SECRET,
    },
    openDashboard(address, operations) {
      const operators = openOperators({ stateDir: operations.stateDir, clock: operations.clock });
      OPERATORS.forEach((operator) => operators.add(operator));
      return createOperatorServers(() => {}).openDashboard(address, operations);
    },
  });
  const callback = `http://${daemon.addresses.get('dashboard')}/api/cred/ops/interactive`;
  const client = await connectLines(t, daemon.port('postgres.pg'));
  const { approvals, audit } = daemon.operations;
  const world: World = {
    slack,
    client,
    lines: upstream.lines,
    callback,
    async park(line) {
      const before = slack.messages.length;
      client.send(line);
      assert.match(await client.next(), /^parked /);
      await eventually('the message is posted', () => slack.messages.length > before);
      const message = slack.messages.at(-1);
      assert.ok(message !== undefined);
      return message;
    },
    async state(line) {
      const waiting = approvals.pending().find(({ summary }) => summary === line);
      const { items } = await audit.listApprovals(['approved', 'denied', 'expired', 'cancelled'], {
        limit: 100,
        cursor: null,
      });
      return waiting?.state ?? items.find(({ summary }) => summary === line)?.state ?? null;
    },
    async click(message, action, user) {
      const payload = slack.clickPayload(message, `clawpatrol_${action}`, { user });
      assert.deepEqual(await slack.callBack(callback, payload), { status: 200, body: '' });
    },
    async events(type) {
      const page = await audit.search({}, { limit: 1000, cursor: null, newestFirst: false });
      return page.items.filter((record) => record.type === type);
    },
  };
  return world;
}

async function told(slack: SlackServer, text: RegExp, user: string): Promise<void> {
  await eventually(`${user} is told ${text}`, () =>
    slack.ephemeral.some((one) => one.user === user && text.test(one.text)),
  );
}

test('a request is posted whole, a linked operator approves it by a button, and the message loses its buttons', async (t) => {
  const { slack, client, lines, park, click, events } = await open(t);
  const line = 'destructive delete everything';
  const message = await park(line);
  assert.match(textOfBlocks(message.blocks), /destructive delete everything/);
  assert.match(textOfBlocks(message.blocks), /complete, sha256 [0-9a-f]{64}/);
  await click(message, 'approve', ALICE);
  assert.equal(await client.next(), `done ${line}`);
  assert.deepEqual(lines, [line]);
  await eventually('the message is updated', () => buttonsOf(message).size === 0);
  assert.match(textOfBlocks(message.blocks), /approved by alice via slack/);
  await eventually('it is recorded', async () => (await events('approval.approved')).length > 0);
  assert.equal((await events('approval.approved'))[0]?.by, 'alice');
  assert.equal(slack.messages.length, 1);
});

test('a denial asks for its reason in a modal, and the agent is told it', async (t) => {
  const { slack, client, lines, park, click, callback } = await open(t);
  const message = await park('destructive drop it');
  await click(message, 'deny', ALICE);
  assert.equal(slack.views.length, 1);
  const empty = await slack.callBack(callback, slack.reasonPayload('  ', { user: ALICE }));
  assert.match(empty.body, /needs a reason/);
  assert.deepEqual(await slack.callBack(callback, slack.reasonPayload('wrong table', { user: ALICE })), {
    status: 200,
    body: '{"response_action":"clear"}',
  });
  assert.match(await client.next(), /^denied .*wrong table/);
  assert.deepEqual(lines, []);
  await eventually('the message is updated', () => /denied by alice/.test(textOfBlocks(message.blocks)));
});

test('AP-13: a member of the channel who is no approver changes nothing, is told so, and is recorded', async (t) => {
  const { slack, client, park, click, state, events } = await open(t);
  const line = 'destructive delete one';
  const message = await park(line);
  for (const user of [MALLORY, VIEWER]) {
    await click(message, 'approve', user);
    await told(slack, /Refused/, user);
    assert.equal(await state(line), 'pending');
  }
  await eventually('both are recorded', async () => (await events('operator.acted')).length === 2);
  const refused = (await events('operator.acted')).map(({ by }) => by);
  assert.deepEqual(refused, [`slack:${MALLORY}`, 'victor']);
  await click(message, 'approve', ALICE);
  assert.equal(await client.next(), `done ${line}`);
});

test('AP-13: with a list of approvers only those on it count, by account or by Slack id', async (t) => {
  const { slack, client, park, click, state } = await open(t, { approver: `approvers = ["bob", "slack:${LISTED}"]` });
  const line = 'destructive delete two';
  const message = await park(line);
  await click(message, 'approve', ALICE);
  await told(slack, /alice is not among the approvers/, ALICE);
  assert.equal(await state(line), 'pending');
  await click(message, 'approve', LISTED);
  assert.equal(await client.next(), `done ${line}`);
});

test('CP-14: for an operator who sees other profiles only no button leads anywhere, whatever list they are on; the log says why', async (t) => {
  const world = await open(t, { approver: 'approvers = ["ann", "alice"]' });
  const { slack, client, park, click, state, events, callback } = world;
  const line = 'destructive delete three';
  const message = await park(line);
  for (const action of ['approve', 'deny'] as const) {
    const before = slack.ephemeral.length;
    await click(message, action, ANN);
    await eventually('ann is told', () => slack.ephemeral.length > before);
    assert.match(slack.ephemeral.at(-1)?.text ?? '', /This gateway knows no such request/, action);
  }
  assert.equal(slack.views.length, 0, 'nobody is asked for a reason');
  assert.equal(await state(line), 'pending');
  await eventually('the log says why', async () => (await events('operator.acted')).length === 2);
  for (const { by, reason } of await events('operator.acted')) {
    assert.deepEqual([by, reason], ['ann', 'ann is scoped to profiles, and default is none of them']);
  }
  const late = slack.clickPayload(message, 'clawpatrol_approve', { user: ANN });
  await click(message, 'approve', ALICE);
  assert.equal(await client.next(), `done ${line}`);
  await slack.callBack(callback, late);
  await eventually('nor is she told what became of it', () => slack.ephemeral.length === 3);
  assert.match(slack.ephemeral.at(-1)?.text ?? '', /This gateway knows no such request/);
});

test('AP-11: two clicks of one person are one vote of two', async (t) => {
  const { client, park, click, state, slack } = await open(t, { approver: 'require_approvers = 2' });
  const line = 'destructive delete twice';
  const message = await park(line);
  await click(message, 'approve', ALICE);
  await click(message, 'approve', ALICE);
  assert.equal(await state(line), 'pending');
  await eventually('the vote is on the message', () => /alice via slack: approve/.test(textOfBlocks(message.blocks)));
  await click(message, 'approve', 'U0BOB');
  assert.equal(await client.next(), `done ${line}`);
  assert.deepEqual(slack.ephemeral, []);
});

test('AP-14: a callback that is stale, from the future, wrongly signed, unsigned, altered or of another workspace changes nothing', async (t) => {
  const { slack, client, park, state, callback } = await open(t);
  const line = 'destructive delete three';
  const message = await park(line);
  const payload = slack.clickPayload(message, 'clawpatrol_approve', { user: ALICE });
  const cases = [{ skew: -360 }, { skew: 360 }, { secret: 'another' }, { unsigned: true }, { spoil: true }] as const;
  for (const options of cases) {
    assert.equal((await slack.callBack(callback, payload, options)).status, 401, JSON.stringify(options));
  }
  const unknown = callback.replace('/ops/', '/other/');
  assert.equal((await slack.callBack(unknown, payload)).status, 404);
  for (const team of [{ team: 'T0OTHER' }, { userTeam: 'T0OTHER' }]) {
    const foreign = slack.clickPayload(message, 'clawpatrol_approve', { user: ALICE, ...team });
    assert.equal((await slack.callBack(callback, foreign)).status, 200);
    await told(slack, /another workspace/, ALICE);
  }
  assert.equal(await state(line), 'pending');
  assert.equal((await slack.callBack(callback, payload)).status, 200);
  assert.equal(await client.next(), `done ${line}`);
});

test('AP-14: the same signed bytes are taken once', async (t) => {
  const { slack, park, callback, state } = await open(t, { approver: 'require_approvers = 2' });
  const line = 'destructive delete four';
  const message = await park(line);
  const payload = slack.clickPayload(message, 'clawpatrol_approve', { user: ALICE });
  assert.equal((await slack.callBack(callback, payload)).status, 200);
  assert.equal((await slack.replay()).status, 401);
  assert.equal(await state(line), 'pending');
});

test('AP-15: a button counts for the message that it came from, the request that was on it, and the approver who is asked there', async (t) => {
  const { slack, client, park, state, callback } = await open(t);
  const first = await park('destructive delete five');
  const value = String(buttonsOf(first).get('clawpatrol_approve')?.['value']);
  const [id, digest] = JSON.parse(value) as [string, string];
  const cases = [
    { ts: '1700000000.999999' },
    { channel: 'C0OTHER' },
    { value: JSON.stringify([id, digest.replace(/^./, (one) => (one === '0' ? '1' : '0')), 1]) },
    { value: JSON.stringify([id.replace(/.$/, (one) => (one === '0' ? '1' : '0')), digest, 1]) },
  ];
  for (const options of cases) {
    const payload = slack.clickPayload(first, 'clawpatrol_approve', { user: ALICE, ...options });
    assert.equal((await slack.callBack(callback, payload)).status, 200);
    assert.equal(await state('destructive delete five'), 'pending', JSON.stringify(options));
  }
  const payload = slack.clickPayload(first, 'clawpatrol_approve', { user: ALICE });
  assert.equal((await slack.callBack(callback, payload)).status, 200);
  assert.equal(await client.next(), 'done destructive delete five');
});

test('AP-17, TA-03: clicks on what is decided change nothing, are explained, and the message is brought up to date', async (t) => {
  const { slack, client, lines, park, callback, state } = await open(t);
  const line = 'destructive delete six';
  const message = await park(line);
  const stale = slack.clickPayload(message, 'clawpatrol_approve', { user: ALICE });
  const denying = slack.clickPayload(message, 'clawpatrol_deny', { user: 'U0BOB' });
  assert.equal((await slack.callBack(callback, stale)).status, 200);
  assert.equal(await client.next(), `done ${line}`);
  await eventually('the message is updated', () => buttonsOf(message).size === 0);
  const { updates } = message;
  for (let again = 0; again < 5; again += 1) {
    await slack.callBack(callback, { ...denying, again });
  }
  await told(slack, /Too late: it is approved by alice/, 'U0BOB');
  await eventually('the stale message is updated again', () => message.updates > updates);
  assert.equal(await state(line), 'approved');
  assert.deepEqual(lines, [line]);
});

test('TA-14: Slack out of order stops nothing: tried again, then recorded, and the request waits for the others', async (t) => {
  const { slack, client, state, events, park } = await open(t);
  slack.faults.push({ method: 'chat.postMessage', status: 500 });
  await park('destructive delete seven');
  assert.equal(slack.calls.filter((call) => call === 'chat.postMessage').length, 2);
  slack.faults.push({ method: 'chat.postMessage', status: 200, error: 'channel_not_found' });
  const other = 'destructive delete eight';
  const second = await connectLines(t, client.socket.remotePort ?? 0);
  second.send(other);
  assert.match(await second.next(), /^parked /);
  await eventually('the failure is recorded', async () => (await events('notifier.failed')).length === 1);
  const [failed] = await events('notifier.failed');
  assert.deepEqual([failed?.by, failed?.reason], ['slack.room', 'chat.postMessage: channel_not_found']);
  assert.equal(await state(other), 'pending');
});

test('Socket Mode takes clicks over a connection of its own, and opens it anew when it ends', async (t) => {
  const { slack, client, park } = await open(t, { notifier: 'socket_mode = true' });
  await eventually('the connection is open', () => slack.sockets.size === 1);
  const first = await park('destructive delete nine');
  const answered = await slack.push(slack.clickPayload(first, 'clawpatrol_approve', { user: ALICE }));
  assert.equal('payload' in answered, false);
  assert.equal(await client.next(), 'done destructive delete nine');
  slack.sockets.forEach((socket) => socket.terminate());
  await eventually('it is closed', () => slack.sockets.size === 0);
  await eventually('it is open again', () => slack.sockets.size === 1);
  const second = await park('destructive delete ten');
  await slack.push(slack.clickPayload(second, 'clawpatrol_deny', { user: ALICE }));
  const reply = await slack.push(slack.reasonPayload('not now', { user: ALICE }));
  assert.deepEqual(reply['payload'], { response_action: 'clear' });
  assert.match(await client.next(), /not now/);
});
