// Break-glass in the queue: who may, what it overrules, what is recorded and told, and in which order. A clock that moves only when told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAftermath, type AftermathParts } from '../../src/approvals/aftermath.ts';
import type { Approval, VoteResult } from '../../src/approvals/approval.ts';
import type { ApprovalNews } from '../../src/approvals/notify.ts';
import type { Ballot, Principal } from '../../src/approvals/stages.ts';
import type { HumanApproverConfig } from '../../src/config/config.ts';
import { createEvent, type AuditEvent, type AuditRecord } from '../../src/audit/event.ts';
import { settled } from '../support/fake-clock.ts';
import { actionOf, createWorld, decisionOf, human, model, person, reviewOf, settingsOf, type World } from './parts.ts';

const REASON = 'checkout is down and nobody else answers';
const ALICE = person('alice');

interface Waiting {
  readonly id: string;
  readonly digest: string;
  readonly over: () => string | null;
}

async function ask(world: World, ...approvers: readonly string[]): Promise<Waiting> {
  const action = actionOf();
  let over: string | null = null;
  void world.approvals
    .ask(action, decisionOf(...approvers), { signal: new AbortController().signal, parked: () => undefined })
    .then(({ kind }) => (over = kind));
  await settled();
  const [waiting] = world.approvals.pending();
  return { id: waiting?.id ?? '', digest: action.evidence.digest(), over: () => over };
}

function breakGlass(
  world: World,
  { id, digest }: Waiting,
  voter: Principal = ALICE,
  ballot: Partial<Ballot> = {},
): Promise<VoteResult> {
  return world.approvals.vote(id, { decision: 'approve', digest, note: '', breakGlass: REASON, ...ballot }, voter);
}

/** An approver that takes two people, of whom alice may break the glass. */
const pair = (changes: Partial<HumanApproverConfig> = {}): HumanApproverConfig =>
  human('oncall', {
    approvers: ['alice', 'bob', 'carol'],
    requireApprovers: 2,
    breakGlass: ['alice'],
    ...changes,
  });

test('AP-33: one listed person decides alone what takes two, with a record of its own and an alarm before it is decided', async () => {
  const world = createWorld(settingsOf([pair()]));
  const waiting = await ask(world, 'human_approver.oncall');
  // The ordinary vote of the same person is held back.
  const ordinary = { decision: 'approve', digest: waiting.digest, note: '' } as const;
  assert.equal((await world.approvals.vote(waiting.id, ordinary, ALICE)).kind, 'recorded');
  assert.equal(waiting.over(), null);
  world.audit.hold();
  const voting = breakGlass(world, waiting);
  await settled();
  assert.equal(world.audit.types().at(-1), 'break_glass');
  assert.equal(waiting.over(), null, 'nothing comes of it before it is on disk');
  assert.ok(!world.news.some(({ kind }) => kind === 'break_glass'));
  world.audit.letGo();
  assert.equal((await voting).kind, 'recorded');
  await settled();
  assert.equal(waiting.over(), 'approved');
  assert.deepEqual(world.audit.types(), ['created', 'voted', 'break_glass', 'approved']);
  const record = world.audit.events[2];
  assert.deepEqual([record?.by, record?.reason], ['alice', REASON]);
  const approval = record?.data?.['approval'] as Approval;
  assert.equal(approval.state, 'pending');
  assert.deepEqual(approval.votes.at(-1)?.breakGlass, {
    approver: 'human_approver.oncall',
    missing: ['2 people are needed, and with alice it is 1'],
  });
  const kinds = world.news.map(({ kind }) => kind);
  assert.ok(kinds.indexOf('break_glass') < kinds.indexOf('decided'), kinds.join());
  const alarm = world.news.find((news) => news.kind === 'break_glass');
  assert.deepEqual(alarm?.kind === 'break_glass' ? alarm.alarm.allowed : [], ['alice', 'bob', 'carol']);
  assert.deepEqual(world.granted, []);
});

test('AP-33: who, how and on what break-glass does nothing, and one row that differs by one thing and works', async () => {
  const others = (listed: readonly string[]): HumanApproverConfig => pair({ breakGlass: listed });
  const rows: readonly {
    readonly title: string;
    readonly approver?: HumanApproverConfig;
    readonly voter?: Principal;
    readonly ballot?: Partial<Ballot>;
    readonly want: RegExp | null;
  }[] = [
    { title: 'the good one', want: null },
    { title: 'by an address', approver: others(['alice@x.com']), voter: person('al', 'alice@x.com'), want: null },
    { title: 'not listed', voter: person('bob'), want: /bob is not in break_glass of human_approver\.oncall/ },
    { title: 'off, as it is by default', approver: others([]), want: /is not in break_glass/ },
    {
      title: 'listed, and no approver otherwise',
      approver: others(['zoe']),
      voter: person('zoe'),
      want: null,
    },
    {
      title: 'their own device',
      approver: pair({ breakGlass: ['alice@example.com'] }),
      voter: person('al', 'alice@example.com'),
      want: /owns the device that asks/,
    },
    { title: 'a viewer', voter: { ...ALICE, standing: 'viewer' }, want: /no role that decides/ },
    { title: 'a stranger', voter: { ...ALICE, standing: 'stranger' }, want: /no role that decides/ },
    {
      title: 'Slack',
      voter: { ...ALICE, via: 'slack', notifier: 'slack.ops' },
      want: /dashboard and the command line/,
    },
    { title: 'a webhook', voter: { ...ALICE, via: 'webhook' }, want: /dashboard and the command line/ },
    { title: 'the dashboard', voter: { ...ALICE, via: 'dashboard' }, want: null },
    { title: 'no reason', ballot: { breakGlass: '' }, want: /needs a reason/ },
    { title: 'a reason of blanks', ballot: { breakGlass: ` a ${' '.repeat(40)} b ` }, want: /needs a reason/ },
    { title: 'a reason of ten', ballot: { breakGlass: 'db is down' }, want: null },
    { title: 'another digest', ballot: { digest: '0'.repeat(64) }, want: /digest/ },
    { title: 'a lease', ballot: { grant: { durationMs: 1, uses: 1, scope: 'exact' } }, want: /no lease/ },
    { title: 'a denial', ballot: { decision: 'deny' }, want: /denial/ },
    { title: 'nothing is missing', approver: pair({ requireApprovers: 1 }), want: /ordinary approval/ },
  ];
  for (const { title, approver = pair(), voter = ALICE, ballot = {}, want } of rows) {
    const world = createWorld(settingsOf([approver]));
    const waiting = await ask(world, approver.ref);
    const result = await breakGlass(world, waiting, voter, ballot);
    await settled();
    if (want === null) {
      assert.deepEqual([result.kind, waiting.over()], ['recorded', 'approved'], title);
      assert.deepEqual(world.audit.types(), ['created', 'break_glass', 'approved'], title);
    } else {
      assert.ok(result.kind === 'refused', title);
      assert.match(result.why, want, title);
      assert.equal(waiting.over(), null, title);
      assert.deepEqual(world.audit.types(), ['created', 'operator.acted'], title);
      assert.equal(world.audit.events.at(-1)?.data?.['break_glass'], true, title);
      assert.ok(!world.news.some(({ kind }) => kind === 'break_glass'), title);
    }
  }
});

test('AP-33: fatigue and the order of escalation are overruled too, and what was missing says which', async () => {
  const tired = pair({ requireApprovers: 1, onFatigue: 'second_approver', approvers: ['alice', 'bob'] });
  const leads = human('leads', { approvers: ['lena'], breakGlass: ['lena'] });
  const first = human('oncall', { approvers: ['bob'], onTimeout: 'escalate', escalateTo: leads.ref });
  const rows = [
    { approvers: [tired], voter: ALICE, want: /2 people are needed, and with alice it is 1; one of them because/ },
    { approvers: [first, leads], voter: person('lena'), want: /oncall is asked first, and human_approver\.leads/ },
  ];
  for (const { approvers, voter, want } of rows) {
    const world = createWorld(settingsOf(approvers));
    for (let count = 0; count < 20; count += 1) {
      world.fatigue.note({ by: 'alice', approved: true, atMs: 0, tookMs: 1, limitMs: 5_000 });
    }
    const waiting = await ask(world, 'human_approver.oncall');
    const offer = world.approvals.offerBreakGlass(waiting.id, voter);
    assert.match(offer.kind === 'offered' ? offer.missing.join('; ') : offer.why, want);
    assert.equal((await breakGlass(world, waiting, voter)).kind, 'recorded');
    await settled();
    assert.equal(waiting.over(), 'approved');
    const bob = world.approvals.offerBreakGlass(waiting.id, person('bob'));
    assert.equal(bob.kind, 'refused');
  }
});

test('AP-33: only the stage whose approver lists them: the next people and the model still decide', async () => {
  const later = human('security', { approvers: ['sam'], requireApprovers: 1 });
  const world = createWorld(settingsOf([pair(), model('m'), later]));
  world.review = async ({ approver }) => reviewOf(approver, 'allow');
  const waiting = await ask(world, 'human_approver.oncall', 'llm_approver.m', later.ref);
  assert.equal((await breakGlass(world, waiting)).kind, 'recorded');
  await settled();
  assert.equal(waiting.over(), null);
  const again = await breakGlass(world, waiting);
  assert.equal(again.kind === 'refused' ? again.code : '', 'not-permitted');
  const vote = { decision: 'approve', digest: waiting.digest, note: '' } as const;
  assert.equal((await world.approvals.vote(waiting.id, vote, person('sam'))).kind, 'recorded');
  await settled();
  assert.equal(waiting.over(), 'approved');
});

test('AP-33: what is not on disk does not count, and meanwhile nobody else decides', async () => {
  const world = createWorld(settingsOf([pair()]));
  const waiting = await ask(world, 'human_approver.oncall');
  world.audit.hold();
  const voting = breakGlass(world, waiting);
  const denial = { decision: 'deny', digest: '', note: 'no' } as const;
  const other = await world.approvals.vote(waiting.id, denial, person('bob'));
  assert.match(other.kind === 'refused' ? other.why : '', /at this moment/);
  await world.clock.advance(700_000);
  assert.equal(waiting.over(), null);
  world.audit.failing = true;
  world.audit.letGo();
  assert.equal((await voting).kind, 'unrecorded');
  await settled();
  assert.equal(waiting.over(), 'refused');
  assert.ok(!world.news.some(({ kind }) => kind === 'break_glass'));
});

test('AP-33: of equal requests one is decided', async () => {
  const world = createWorld(settingsOf([pair()]));
  const first = await ask(world, 'human_approver.oncall');
  await ask(world, 'human_approver.oncall');
  await breakGlass(world, first, ALICE, { together: 2 });
  await settled();
  assert.equal(world.ended.length, 1);
  assert.equal(world.approvals.pending().length, 1);
});

test('AP-33: what came of it is told: how it ran, that it was refused after all, that it never came to it', async () => {
  const rows: readonly {
    readonly state: Approval['state'];
    readonly record: Partial<AuditRecord> | null;
    readonly want: readonly string[];
  }[] = [
    {
      state: 'approved',
      record: { type: 'action.settled', data: { outcome: { kind: 'ok', status: 'DELETE 3', error_code: '' } } },
      want: ['it ran, DELETE 3'],
    },
    {
      state: 'approved',
      record: { type: 'action.settled', data: { outcome: { kind: 'error', status: '', error_code: '42P01' } } },
      want: ['error, 42P01'],
    },
    {
      state: 'approved',
      record: { type: 'action.decided', verdict: 'deny', reason: 'a rule denies it now' },
      want: ['it did not run: a rule denies it now'],
    },
    { state: 'approved', record: { type: 'action.decided', verdict: 'allow' }, want: [] },
    {
      state: 'approved',
      record: { type: 'action.settled', actionId: 'another', data: { outcome: { kind: 'ok' } } },
      want: [],
    },
    { state: 'cancelled', record: null, want: ['it did not run: cancelled, the client went away'] },
  ];
  for (const { state, record, want } of rows) {
    const world = createWorld(settingsOf([pair()]));
    const waiting = await ask(world, 'human_approver.oncall');
    await breakGlass(world, waiting);
    await settled();
    const [ended] = world.ended;
    assert.ok(ended !== undefined);
    const told: ApprovalNews[] = [];
    const recorded: AuditEvent[] = [];
    const followers = new Set<(record: AuditRecord) => void>();
    const aftermath = createAftermath({
      clock: world.clock,
      audit: aftermathLog([], null, recorded),
      warn: () => undefined,
      announce: (news) => told.push(news),
      allowedOf: () => ['bob'],
      follow(listener) {
        followers.add(listener);
        return () => followers.delete(listener);
      },
    });
    const approval = { ...ended, state, ended: state === 'approved' ? '' : 'the client went away' };
    aftermath.hear({ kind: 'decided', approval, told: [] });
    if (record !== null) {
      const made = { ...createEvent('action.settled', 0, { actionId: ended.actionId }), seq: 1, prev: '', hash: '' };
      followers.forEach((follower) => follower({ ...made, ...record }));
    }
    const outcomes = told.map((news) => (news.kind === 'break_glass_over' ? news.outcome : news.kind));
    assert.deepEqual(outcomes, want);
    assert.deepEqual(
      recorded.map(({ type, reason }) => [type, reason]),
      want.map((outcome) => ['approval.break_glass_over', outcome]),
    );
    assert.equal(followers.size, want.length === 0 ? 1 : 0, 'it listens as long as something is open');
  }
});

/** A log with these records; `approval` is what its id is found as. */
function aftermathLog(
  records: readonly AuditRecord[],
  approval: Approval | null,
  recorded: AuditEvent[],
): AftermathParts['audit'] {
  return {
    append(event) {
      recorded.push(event);
      return { settle: () => undefined };
    },
    async search({ types, sinceMs = 0 }) {
      const items = records.filter(({ type, timeMs }) => types?.includes(type) === true && timeMs >= sinceMs);
      return { items: items.toReversed(), next: null };
    },
    show: async (actionId) => records.filter((record) => record.actionId === actionId),
    getApproval: async () => approval,
  };
}

test('AP-33: what the gateway before left untold is told at the next start, once', async () => {
  const world = createWorld(settingsOf([pair()]));
  const waiting = await ask(world, 'human_approver.oncall');
  await breakGlass(world, waiting);
  await settled();
  const ended = world.news.findLast(({ kind }) => kind === 'decided')?.approval;
  assert.ok(ended !== undefined);
  const { actionId, id } = ended;
  const nowMs = world.clock.now();
  const recordOf = (type: AuditRecord['type'], data: AuditRecord['data'], timeMs = nowMs): AuditRecord => ({
    ...createEvent(type, timeMs, { actionId, data }),
    seq: 1,
    prev: '',
    hash: '',
  });
  const broken = recordOf('approval.break_glass', { approval: ended });
  const weekMs = 7 * 24 * 3_600_000;
  const cancelled: Approval = { ...ended, state: 'cancelled', ended: 'restart: it waited' };
  const rows: readonly (readonly [records: readonly AuditRecord[], approval: Approval, want: readonly string[]])[] = [
    [[broken], ended, ['break_glass', 'unknown: the gateway ended before it was known']],
    [
      [broken, recordOf('action.settled', { outcome: { kind: 'ok', status: 'DELETE 3', error_code: '' } })],
      ended,
      ['break_glass', 'it ran, DELETE 3'],
    ],
    [[broken], cancelled, ['break_glass', 'it did not run: cancelled, restart: it waited']],
    // Told already, too long ago, or none.
    [[broken, recordOf('approval.break_glass_over', { approval_id: id, outcome: 'it ran' })], ended, []],
    [[recordOf('approval.break_glass', { approval: ended }, nowMs - weekMs - 1)], ended, []],
    [[], ended, []],
  ];
  for (const [records, approval, want] of rows) {
    const told: ApprovalNews[] = [];
    const recorded: AuditEvent[] = [];
    const aftermath = createAftermath({
      clock: world.clock,
      audit: aftermathLog(records, approval, recorded),
      warn: () => undefined,
      announce: (news) => told.push(news),
      allowedOf: () => ['bob'],
      follow: () => () => undefined,
    });
    assert.equal(await aftermath.recall(), want.length === 0 ? 0 : 1);
    assert.deepEqual(
      told.map((news) => (news.kind === 'break_glass_over' ? news.outcome : news.kind)),
      want,
    );
    assert.equal(recorded.length, want.length === 0 ? 0 : 1);
    assert.equal(recorded[0]?.data?.['approval_id'], want.length === 0 ? undefined : id);
  }
});
