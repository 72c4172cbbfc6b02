// The queue of parked requests: states, deadlines, races and what is recorded, on a clock that moves only when told.
import assert from 'node:assert/strict';
import { getEventListeners, setMaxListeners } from 'node:events';
import { test } from 'node:test';
import type { Action } from '../../src/rules/action.ts';
import type { Approval, ApprovalResult } from '../../src/approvals/approval.ts';
import type { Effect } from '../../src/protocols/protocol.ts';
import { settled } from '../support/fake-clock.ts';
import {
  actionOf,
  createWorld,
  decisionOf,
  grantOf,
  human,
  model,
  person,
  reviewOf,
  settingsOf,
  type ActionChanges,
  type World,
} from './parts.ts';

const DAY_MS = 86_400_000;
const oncall = human('oncall');

interface Asked {
  readonly id: string;
  readonly digest: string;
  readonly abort: AbortController;
  readonly action: Action;
  readonly result: Promise<ApprovalResult>;
}

let texts = 0;

/** Parks an action, unlike all others if its text is not given, and waits until its question is put. */
async function ask(world: World, approvers: readonly string[] = [oncall.ref], changes: ActionChanges = {}) {
  const abort = new AbortController();
  texts += 1;
  const action = actionOf({ text: `delete from users where id = ${texts}`, ...changes });
  const result = world.approvals.ask(action, decisionOf(...approvers), {
    signal: abort.signal,
    parked: (notice) => world.notices.push(notice),
  });
  await settled();
  const approval = world.approvals.pending().at(-1);
  const parked: Asked = { id: approval?.id ?? '', digest: action.evidence.digest(), abort, action, result };
  return parked;
}

function approve(world: World, asked: Asked, name: string = 'bob') {
  return world.approvals.vote(asked.id, { decision: 'approve', digest: asked.digest, note: '' }, person(name));
}

function deny(world: World, asked: Asked, note: string = 'not today', name: string = 'bob') {
  return world.approvals.vote(asked.id, { decision: 'deny', digest: asked.digest, note }, person(name));
}

function lastApproval(world: World): Approval {
  const approval = world.ended.at(-1);
  assert.ok(approval !== undefined);
  return approval;
}

test('an approved request is released once, with the whole story in the log', async () => {
  const world = createWorld(settingsOf([oncall]));
  const asked = await ask(world);
  assert.deepEqual(
    world.notices.map(({ approval, expiresInMs, waitsFor }) => ({ approval, expiresInMs, waitsFor })),
    [{ approval: asked.id, expiresInMs: 600_000, waitsFor: 'oncall' }],
  );
  assert.equal((await approve(world, asked)).kind, 'recorded');
  const result = await asked.result;
  assert.equal(result.kind, 'approved');
  assert.deepEqual(world.audit.types(), ['created', 'approved']);
  const [created, approved] = world.audit.events;
  assert.equal(created?.by, 'rule');
  assert.equal(created?.verdict, 'approve');
  assert.equal(created?.digest, asked.digest);
  assert.equal(approved?.by, 'bob');
  const stored: unknown = approved?.data?.['approval'];
  assert.deepEqual(stored, world.ended[0]);
  assert.equal(lastApproval(world).votes[0]?.digest, asked.digest);
  assert.equal((await approve(world, asked)).kind, 'not-found');
  assert.equal(world.clock.timers, 0);
});

test('a denied request tells the agent the note', async () => {
  const world = createWorld(settingsOf([oncall]));
  const asked = await ask(world);
  await deny(world, asked, 'use the replica');
  const result = await asked.result;
  assert.ok(result.kind === 'denied');
  assert.equal(result.note, 'use the replica');
  assert.equal(world.audit.events.at(-1)?.reason, 'use the replica');
});

test('the waiting session hears nothing before the record is on disk', async () => {
  const world = createWorld(settingsOf([oncall]));
  const asked = await ask(world);
  let heard = false;
  void asked.result.finally(() => {
    heard = true;
  });
  world.audit.hold();
  const vote = approve(world, asked);
  await settled();
  assert.equal(heard, false);
  assert.deepEqual(world.approvals.pending(), []);
  world.audit.letGo();
  await vote;
  await settled();
  assert.equal(heard, true);
});

test('the client is not told that it waits before that is on disk', async () => {
  const world = createWorld(settingsOf([oncall]));
  world.audit.hold();
  const asked = await ask(world);
  assert.equal(world.notices.length, 0);
  world.audit.letGo();
  await settled();
  assert.equal(world.notices.length, 1);
  asked.abort.abort();
  await asked.result;
});

test('AP-16, TA-02: of a hundred votes at once exactly one decides and leaves one record', async () => {
  for (const first of ['approve', 'deny'] as const) {
    const world = createWorld(settingsOf([oncall]));
    const asked = await ask(world);
    const votes = Array.from({ length: 100 }, (_, index) =>
      (index % 2 === 0) === (first === 'approve')
        ? approve(world, asked, `person-${index}`)
        : deny(world, asked, 'no', `person-${index}`),
    );
    const kinds = (await Promise.all(votes)).map((vote) => vote.kind);
    assert.equal(kinds.filter((kind) => kind === 'recorded').length, 1);
    assert.equal(kinds.filter((kind) => kind === 'decided').length, 99);
    assert.deepEqual(world.audit.types(), ['created', first === 'approve' ? 'approved' : 'denied']);
    assert.equal((await asked.result).kind, first === 'approve' ? 'approved' : 'denied');
    assert.equal(world.ended.length, 1);
  }
});

test('AP-11: two people are two people: clicks of one count once, a denial decides', async () => {
  const both = human('oncall', { requireApprovers: 2 });
  const world = createWorld(settingsOf([both]));
  const asked = await ask(world);
  assert.equal(world.approvals.pending()[0]?.required, 2);
  for (const name of ['bob', 'bob', 'bob']) {
    assert.equal((await approve(world, asked, name)).kind, 'recorded');
  }
  assert.equal(world.approvals.pending().length, 1);
  assert.deepEqual(world.audit.types(), ['created', 'voted']);
  await approve(world, asked, 'carol');
  assert.equal((await asked.result).kind, 'approved');
  assert.deepEqual(
    lastApproval(world).votes.map((vote) => vote.by),
    ['bob', 'carol'],
  );

  const second = await ask(world);
  await approve(world, second, 'bob');
  await deny(world, second, 'no', 'bob');
  assert.equal((await second.result).kind, 'denied');
});

test('all stages must allow, each with votes of its own and time of its own', async () => {
  const leads = human('leads', { timeoutMs: 60_000 });
  const world = createWorld(settingsOf([oncall, leads]));
  const asked = await ask(world, [oncall.ref, leads.ref]);
  await world.clock.advance(590_000);
  await approve(world, asked);
  const [waiting] = world.approvals.pending();
  assert.equal(waiting?.stage, 1);
  assert.equal(waiting?.expiresMs, world.clock.now() + 60_000);
  await world.clock.advance(59_000);
  assert.equal(world.approvals.pending().length, 1);
  await approve(world, asked);
  assert.equal((await asked.result).kind, 'approved');
  assert.deepEqual(world.audit.types(), ['created', 'voted', 'approved']);
});

test('a chain of a model that gives no answer and a person waits for the person', async () => {
  const world = createWorld(settingsOf([model('r', { onError: 'escalate' }), oncall]));
  const parked = await ask(world, ['llm_approver.r', oncall.ref]);
  assert.equal(world.approvals.pending()[0]?.stage, 1);
  await approve(world, parked);
  assert.equal((await parked.result).kind, 'approved');
  assert.deepEqual(world.audit.types(), ['created', 'reviewed', 'approved']);

  const alone = createWorld(settingsOf([model('r')]));
  const refused = await ask(alone, ['llm_approver.r']);
  const result = await refused.result;
  assert.ok(result.kind === 'denied');
  assert.deepEqual(alone.audit.types(), ['created', 'reviewed', 'denied']);
});

test("a model's yes releases what it alone is asked about; the record says that no person decided", async () => {
  const world = createWorld(settingsOf([model('r')]));
  world.review = async ({ approver }) => reviewOf(approver, 'allow');
  const parked = await ask(world, ['llm_approver.r']);
  const result = await parked.result;
  assert.ok(result.kind === 'approved');
  assert.deepEqual(
    result.approval.votes.map(({ by, via }) => ({ by, via })),
    [{ by: 'llm_approver.r', via: 'model' }],
  );
  assert.equal(world.audit.events.at(-1)?.by, 'llm_approver.r');
  const reviewed = world.audit.events.find(({ type }) => type === 'approval.reviewed');
  assert.deepEqual(reviewed?.data?.['review'], result.approval.reviews[0]);
});

test('AP-35: a model that allows before a person leaves it to the person, who sees what it said', async () => {
  const world = createWorld(settingsOf([model('r'), oncall]));
  world.review = async ({ approver }) => reviewOf(approver, 'allow');
  const parked = await ask(world, ['llm_approver.r', oncall.ref]);
  const [waiting] = world.approvals.pending();
  assert.equal(waiting?.approvers[waiting.stage], oncall.ref);
  assert.equal(waiting?.reviews[0]?.answer, 'allow');
  await deny(world, parked);
  assert.equal((await parked.result).kind, 'denied');
});

test('while a model looks at it nobody else decides, and a client that goes away ends the review', async () => {
  const world = createWorld(settingsOf([model('r'), oncall]));
  const signals: AbortSignal[] = [];
  world.review = ({ approver }, signal) => {
    signals.push(signal);
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(reviewOf(approver, 'allow')));
    });
  };
  const parked = await ask(world, ['llm_approver.r', oncall.ref]);
  const vote = await approve(world, parked);
  assert.deepEqual([vote.kind, vote.kind === 'refused' ? vote.code : ''], ['refused', 'not-permitted']);
  parked.abort.abort();
  assert.equal((await parked.result).kind, 'cancelled');
  assert.equal(signals[0]?.aborted, true);
  await settled();
  assert.deepEqual(world.audit.types(), ['created', 'cancelled']);
  assert.equal(world.clock.timers, 0);
});

test('a reviewer that hangs or throws is trouble, and its word afterwards counts for nothing', async () => {
  const settings = settingsOf([model('r', { onError: 'escalate', timeoutMs: 20_000 }), oncall]);
  const throwing = createWorld(settings);
  throwing.review = () => Promise.reject(new Error('out of memory'));
  await ask(throwing, ['llm_approver.r', oncall.ref]);
  assert.equal(throwing.approvals.pending()[0]?.reviews[0]?.trouble, 'unreachable');

  const hanging = createWorld(settings);
  const late: (() => void)[] = [];
  hanging.review = ({ approver }) =>
    new Promise((resolve) => {
      late.push(() => resolve(reviewOf(approver, 'allow')));
    });
  const parked = await ask(hanging, ['llm_approver.r', oncall.ref]);
  await hanging.clock.advance(20_000);
  assert.equal(hanging.approvals.pending()[0]?.stage, 0, 'it keeps its own time');
  await hanging.clock.advance(10_000);
  assert.equal(hanging.approvals.pending()[0]?.reviews[0]?.trouble, 'timeout');
  assert.equal(hanging.approvals.pending()[0]?.stage, 1);
  late[0]?.();
  await settled();
  assert.equal(hanging.approvals.pending()[0]?.reviews.length, 1);
  await approve(hanging, parked);
  assert.equal((await parked.result).kind, 'approved');
});

test('votes that do not count change nothing and are recorded', async () => {
  const strict = human('oncall', { approvers: ['carol'] });
  const world = createWorld(settingsOf([strict]));
  const asked = await ask(world);
  const outsider = await approve(world, asked, 'bob');
  assert.ok(outsider.kind === 'refused' && outsider.code === 'not-permitted');
  const stale = await world.approvals.vote(
    asked.id,
    { decision: 'approve', digest: '0'.repeat(64), note: '' },
    person('carol'),
  );
  assert.ok(stale.kind === 'refused' && stale.code === 'wrong-digest');
  assert.equal(world.approvals.pending()[0]?.votes.length, 0);
  assert.deepEqual(world.audit.types(), ['created', 'operator.acted', 'operator.acted']);
  assert.deepEqual(world.audit.events[1]?.by, 'bob');
  assert.equal((await approve(world, asked, 'carol')).kind, 'recorded');
  assert.equal((await asked.result).kind, 'approved');
});

test('AP-12: the owner of the device cannot approve where duties are separated', async () => {
  const world = createWorld(settingsOf([human('oncall', { separationOfDuties: true })]));
  const asked = await ask(world, [oncall.ref], { agent: { user: 'bob' } });
  assert.equal((await approve(world, asked, 'bob')).kind, 'refused');
  assert.equal((await approve(world, asked, 'carol')).kind, 'recorded');
  assert.equal((await asked.result).kind, 'approved');
});

test('AP-17: an id that is not known is not found, and one that ended stays ended', async () => {
  const world = createWorld(settingsOf([oncall]));
  const asked = await ask(world);
  await approve(world, asked);
  world.stored = world.ended;
  const again = await deny(world, asked);
  assert.ok(again.kind === 'decided');
  assert.equal(again.approval.state, 'approved');
  assert.equal(
    (await world.approvals.vote('nope', { decision: 'deny', digest: '', note: '' }, person('b'))).kind,
    'not-found',
  );
});

test('nobody answers: the request expires, at the deadline and not before', async () => {
  const world = createWorld(settingsOf([oncall]));
  const asked = await ask(world);
  await world.clock.advance(599_999);
  assert.equal(world.approvals.pending().length, 1);
  await world.clock.advance(1);
  assert.equal((await asked.result).kind, 'expired');
  assert.deepEqual(world.audit.types(), ['created', 'expired']);
  assert.equal(world.clock.timers, 0);
});

test('AP-28: a vote at the deadline comes too late, also when the timer is late', async () => {
  const world = createWorld(settingsOf([oncall]));
  const asked = await ask(world);
  world.clock.stall(600_000);
  assert.equal((await approve(world, asked)).kind, 'decided');
  assert.equal((await asked.result).kind, 'expired');
});

test('AP-28, TA-01: a jump of the wall clock neither ends a wait nor prolongs it', async () => {
  for (const jumpMs of [DAY_MS, -DAY_MS]) {
    const world = createWorld(settingsOf([oncall]));
    const asked = await ask(world);
    world.clock.setWall(world.clock.now() + jumpMs);
    await world.clock.advance(599_000);
    assert.equal(world.approvals.pending().length, 1);
    await world.clock.advance(1_000);
    assert.equal((await asked.result).kind, 'expired');

    const early = await ask(world);
    world.clock.setWall(world.clock.now() + jumpMs);
    assert.equal((await approve(world, early)).kind, 'recorded');
    assert.equal((await early.result).kind, 'approved');
  }
});

test('escalation asks the next people, whose time starts anew; votes before it do not count', async () => {
  const leads = human('leads', { timeoutMs: 120_000, requireApprovers: 2 });
  const first = human('oncall', { onTimeout: 'escalate', escalateTo: leads.ref, requireApprovers: 2 });
  const world = createWorld(settingsOf([first, leads]));
  const asked = await ask(world);
  await approve(world, asked, 'bob');
  await world.clock.advance(600_000);
  const [waiting] = world.approvals.pending();
  assert.deepEqual(waiting?.approvers, [leads.ref]);
  assert.equal(waiting?.expiresMs, world.clock.now() + 120_000);
  await approve(world, asked, 'carol');
  assert.equal(world.approvals.pending().length, 1);
  await approve(world, asked, 'bob');
  assert.equal((await asked.result).kind, 'approved');
  assert.deepEqual(world.audit.types(), ['created', 'voted', 'voted', 'voted', 'approved']);
  assert.equal(world.audit.events[2]?.by, 'gateway');
});

test('a request inside a transaction waits a minute at most, whoever is asked', async () => {
  const quick = human('oncall', { timeoutMs: 40_000, onTimeout: 'escalate', escalateTo: 'human_approver.leads' });
  const leads = human('leads', { onTimeout: 'escalate', escalateTo: 'human_approver.boss' });
  const world = createWorld(settingsOf([quick, leads, human('boss')]));
  const asked = await ask(world, [oncall.ref], { transaction: 'open' });
  assert.equal(world.approvals.pending()[0]?.inTransaction, true);
  await world.clock.advance(59_000);
  assert.equal(world.approvals.pending().length, 1);
  await world.clock.advance(1_000);
  assert.equal((await asked.result).kind, 'expired');
  assert.match(lastApproval(world).ended, /transaction/);
  assert.deepEqual(world.audit.types(), ['created', 'voted', 'expired']);
});

test('a waiting client gets a sign of life every half minute, words whenever the wait has doubled, and nothing after the end', async () => {
  const leads = human('leads');
  const first = human('oncall', { timeoutMs: 330_000, onTimeout: 'escalate', escalateTo: leads.ref });
  const world = createWorld(settingsOf([first, leads]));
  const asked = await ask(world);
  await world.clock.advance(360_000);
  assert.deepEqual(
    world.notices.slice(0, 4).map((notice) => notice.expiresInMs),
    [330_000, 300_000, 270_000, 240_000],
  );
  assert.deepEqual(
    world.notices.map(({ silent, waitedMs = 0 }) => (silent === true ? '-' : String(waitedMs / 1_000))).join(' '),
    // At 330 s somebody else is asked, and that is news.
    '0 30 60 - 120 - - - 240 - - 330 -',
  );
  assert.equal(world.notices.at(-1)?.waitsFor, 'leads');
  const told = world.notices.length;
  await deny(world, asked);
  await world.clock.advance(90_000);
  assert.equal(world.notices.length, told);
});

test('AP-18, TA-04: a client that goes away cancels at once, and a later approval has no effect', async () => {
  const world = createWorld(settingsOf([oncall]));
  const asked = await ask(world);
  asked.abort.abort();
  assert.deepEqual(world.approvals.pending(), []);
  const late = await approve(world, asked);
  assert.equal(late.kind, 'decided');
  const result = await asked.result;
  assert.ok(result.kind === 'cancelled');
  assert.equal(result.why, 'the client withdrew it');
  assert.deepEqual(world.audit.types(), ['created', 'cancelled']);
  assert.equal(world.clock.timers, 0);
});

test('a client that goes away at any step never gets its request released', async () => {
  const gone = createWorld(settingsOf([oncall]));
  const aborted = new AbortController();
  aborted.abort(new Error('closed before it was asked'));
  const early = await gone.approvals.ask(actionOf(), decisionOf(oncall.ref), {
    signal: aborted.signal,
    parked: () => assert.fail('nothing is parked'),
  });
  assert.deepEqual(early, { kind: 'refused', why: 'closed before it was asked' });
  assert.equal(gone.audit.events.length, 0);

  const writing = createWorld(settingsOf([oncall]));
  writing.audit.hold();
  const parked = await ask(writing);
  parked.abort.abort();
  writing.audit.letGo();
  assert.equal((await parked.result).kind, 'cancelled');
  assert.deepEqual(writing.audit.types(), ['created', 'cancelled']);
  assert.equal(writing.notices.length, 0);
  assert.equal(writing.clock.timers, 0);

  const approving = createWorld(settingsOf([oncall]));
  const asked = await ask(approving);
  approving.audit.hold();
  const vote = approve(approving, asked);
  asked.abort.abort();
  approving.audit.letGo();
  await vote;
  assert.equal((await asked.result).kind, 'cancelled');
});

test('what cannot be recorded does not count', async () => {
  const world = createWorld(settingsOf([oncall]));
  world.audit.failing = true;
  const unasked = await ask(world);
  assert.equal((await unasked.result).kind, 'refused');
  assert.equal(world.notices.length, 0);

  world.audit.failing = false;
  const asked = await ask(world);
  world.audit.failing = true;
  assert.equal((await approve(world, asked)).kind, 'unrecorded');
  assert.equal((await asked.result).kind, 'refused');
  assert.deepEqual(world.approvals.pending(), []);
  assert.ok(world.warnings.length > 0);

  const both = createWorld(settingsOf([human('oncall', { requireApprovers: 2 })]));
  const half = await ask(both);
  both.audit.failing = true;
  assert.equal((await approve(both, half)).kind, 'unrecorded');
  assert.equal((await half.result).kind, 'refused');
});

test('AP-30, TA-13: a queue that is full refuses the newcomer and keeps the others', async () => {
  const world = createWorld(settingsOf([oncall], { parked: 3, parkedPerDevice: 2 }));
  const first = await ask(world);
  await ask(world);
  const third = await (await ask(world)).result;
  assert.ok(third.kind === 'refused');
  assert.match(third.why, /this device/);
  await ask(world, [oncall.ref], { agent: { device: 'other' } });
  const fifth = await (await ask(world, [oncall.ref], { agent: { device: 'third' } })).result;
  assert.ok(fifth.kind === 'refused');
  assert.match(fifth.why, /too many requests wait/);
  assert.equal(world.approvals.pending().length, 3);
  await approve(world, first);
  assert.equal((await first.result).kind, 'approved');
  await ask(world);
  assert.equal(world.approvals.pending().length, 3);
});

test('what nobody can see whole is not asked, except where the cut is shown', async () => {
  const world = createWorld(settingsOf([oncall]));
  const cut = await (await ask(world, [oncall.ref], { complete: false })).result;
  assert.equal(cut.kind, 'refused');
  await ask(world, [oncall.ref], { complete: false, family: 'http' });
  assert.equal(world.approvals.pending()[0]?.request.complete, false);
  const nobody = await (await ask(world, [])).result;
  assert.equal(nobody.kind, 'refused');
});

test('TA-08: what was shown is what is released: other bytes are not', async () => {
  const world = createWorld(settingsOf([oncall]));
  let digest = 'a'.repeat(64);
  const asked = await ask(world, [oncall.ref], { digest: () => digest });
  digest = 'b'.repeat(64);
  await approve(world, asked);
  assert.equal((await asked.result).kind, 'cancelled');
  assert.deepEqual(world.audit.types(), ['created', 'cancelled']);
});

test('a long list of what waited is recovered whole', async () => {
  const before = createWorld(settingsOf([oncall], { parkedPerDevice: 500 }));
  for (let count = 0; count < 450; count += 1) {
    await ask(before);
  }
  const after = createWorld(settingsOf([oncall]));
  after.stored = before.approvals.pending();
  assert.equal(await after.approvals.recoverPending(), 450);
  assert.equal(new Set(after.ended.map((approval) => approval.id)).size, 450);
});

test('AP-27, TA-05: after a restart what waited is cancelled in the log and cannot be decided', async () => {
  const before = createWorld(settingsOf([oncall]));
  await ask(before);
  const after = createWorld(settingsOf([oncall]));
  after.stored = before.approvals.pending();
  assert.equal(await after.approvals.recoverPending(), 1);
  assert.deepEqual(after.audit.types(), ['cancelled']);
  const [left] = after.ended;
  assert.equal(left?.state, 'cancelled');
  assert.match(left?.ended ?? '', /^restart/);
  after.stored = after.ended;
  const vote = { decision: 'approve', digest: left?.request.digest ?? '', note: '' } as const;
  assert.equal((await after.approvals.vote(left?.id ?? '', vote, person('bob'))).kind, 'decided');
});

test('a gateway that stops cancels what waits and asks nobody any more', async () => {
  const world = createWorld(settingsOf([oncall]));
  const asked = await ask(world);
  await world.approvals.close('the gateway is stopping');
  const result = await asked.result;
  assert.ok(result.kind === 'cancelled');
  assert.equal(result.why, 'the gateway is stopping');
  assert.deepEqual(await (await ask(world)).result, { kind: 'refused', why: 'the gateway is stopping' });
  assert.equal(world.clock.timers, 0);
});

test('a stop in the middle of an approval does not end it twice', async () => {
  const world = createWorld(settingsOf([oncall]));
  const asked = await ask(world);
  world.audit.hold();
  const vote = approve(world, asked);
  const closed = world.approvals.close('the gateway is stopping');
  world.audit.letGo();
  await Promise.all([vote, closed]);
  assert.equal((await asked.result).kind, 'approved');
  assert.deepEqual(world.audit.types(), ['created', 'approved']);
  assert.equal(world.ended.length, 1);
});

test("a grant answers in a person's place, and the approval says which", async () => {
  const world = createWorld(settingsOf([oncall]));
  world.cover = () => grantOf({ id: 'grant-1', uses: 1 });
  const covered = await ask(world);
  const result = await covered.result;
  assert.ok(result.kind === 'approved');
  assert.equal(result.approval.grantId, 'grant-1');
  assert.equal(world.audit.events.at(-1)?.by, 'grant:grant-1');
  // Its use is counted in the very record that puts the question.
  assert.deepEqual(world.audit.events[0]?.data?.['grants'], [grantOf({ id: 'grant-1', uses: 1 })]);
});

test('an approval that a tier asked for says so', async () => {
  const world = createWorld(settingsOf([oncall]));
  const waiting = { signal: new AbortController().signal, parked: () => undefined };
  void world.approvals.ask(actionOf(), { ...decisionOf(oncall.ref), by: 'risk', rule: '' }, waiting);
  await settled();
  assert.equal(world.audit.events[0]?.by, 'risk');
  assert.equal(world.audit.events[0]?.rule, '');
});

test('trouble with a notice or with the facts harms nobody else', async () => {
  const world = createWorld(settingsOf([oncall]));
  const signal = new AbortController().signal;
  const broken = () => {
    throw new Error('the session is gone');
  };
  const result = world.approvals.ask(actionOf(), decisionOf(oncall.ref), { signal, parked: broken });
  await settled();
  await world.clock.advance(30_000);
  assert.equal(world.warnings.length, 2);
  const [waiting] = world.approvals.pending();
  const ballot = { decision: 'approve', digest: waiting?.request.digest ?? '', note: '' } as const;
  await world.approvals.vote(waiting?.id ?? '', ballot, person('bob'));
  assert.equal((await result).kind, 'approved');

  const unreadable = { ...actionOf(), evidence: { ...actionOf().evidence, digest: broken } };
  const refused = await world.approvals.ask(unreadable, decisionOf(oncall.ref), { signal, parked: () => undefined });
  assert.equal(refused.kind, 'refused');
  assert.deepEqual(world.approvals.pending(), []);
});

test('a vote that may not count is refused also when that cannot be recorded', async () => {
  const world = createWorld(settingsOf([human('oncall', { approvers: ['carol'] })]));
  const asked = await ask(world);
  world.audit.failing = true;
  assert.equal((await approve(world, asked, 'bob')).kind, 'refused');
  assert.equal(world.warnings.length, 1);
  assert.equal(world.approvals.pending().length, 1);
  await world.approvals.effectReady('nothing', 1_000);
  assert.deepEqual(await world.approvals.find(asked.id.slice(0, 8)), {
    kind: 'found',
    approval: world.approvals.pending()[0],
  });
});

test('trouble inside the queue is a refusal and leaves nothing behind', async () => {
  const world = createWorld(settingsOf([oncall]));
  world.cover = () => {
    throw new Error('lookup failed');
  };
  const asked = await ask(world);
  assert.notEqual((await asked.result).kind, 'approved');
  assert.deepEqual(world.approvals.pending(), []);
  assert.equal(world.clock.timers, 0);
  world.cover = () => null;
  await ask(world);
  assert.equal(world.approvals.pending().length, 1);
});

test('the measured effect is attached when it is ready, and its measurement ends with the wait', async () => {
  const world = createWorld(settingsOf([oncall]));
  const effect: Effect = { lines: ['estimated rows: 3 (EXPLAIN)'], data: { rows: 3 } };
  let done: (effect: Effect) => void = () => undefined;
  world.measure = () => new Promise((resolve) => (done = resolve));
  const asked = await ask(world);
  const shown = world.approvals.effectReady(asked.id, 2_000);
  done(effect);
  await shown;
  const found = await world.approvals.find(asked.id.slice(0, 8));
  assert.deepEqual(found.kind === 'found' ? found.approval.effect : found.kind, effect);
  await approve(world, asked);
  assert.deepEqual(lastApproval(world).effect, effect);

  let stopped = false;
  world.measure = (_action, signal) => {
    signal.addEventListener('abort', () => (stopped = true));
    return new Promise(() => undefined);
  };
  const slow = await ask(world);
  const impatient = world.approvals.effectReady(slow.id, 2_000);
  await world.clock.advance(2_000);
  await impatient;
  slow.abort.abort();
  await slow.result;
  await settled();
  assert.equal(stopped, true);
  assert.equal(world.clock.timers, 0);

  world.measure = () => Promise.reject(new Error('no such table'));
  const broken = await ask(world);
  await world.approvals.effectReady(broken.id, 2_000);
  assert.equal(world.approvals.pending()[0]?.effect, null);
  assert.equal((await approve(world, broken)).kind, 'recorded');
});

test('few effects are measured at once, and one that hangs does not block the others for long', async () => {
  const world = createWorld(settingsOf([oncall]));
  let running = 0;
  let most = 0;
  let started = 0;
  world.measure = (_action, signal) =>
    new Promise((resolve) => {
      started += 1;
      running += 1;
      most = Math.max(most, running);
      signal.addEventListener('abort', () => {
        running -= 1;
        resolve(null);
      });
    });
  for (let index = 0; index < 8; index += 1) {
    await ask(world);
  }
  assert.equal(most, 4);
  await world.clock.advance(15_000);
  for (let index = 0; index < 4; index += 1) {
    await ask(world);
  }
  await world.clock.advance(15_000);
  await world.clock.advance(15_000);
  assert.equal(started, 12);
  assert.equal(most, 4);
});

test('the list is in the order of asking, and a prefix finds one or tells that it is ambiguous', async () => {
  const world = createWorld(settingsOf([oncall]));
  const first = await ask(world);
  await world.clock.advance(5);
  const second = await ask(world);
  assert.deepEqual(
    world.approvals.pending().map((approval) => approval.id),
    [first.id, second.id],
  );
  const prefix = first.id.slice(0, 8);
  assert.equal((await world.approvals.find(first.id)).kind, 'found');
  assert.equal((await world.approvals.find(prefix)).kind, 'ambiguous');
  assert.equal((await world.approvals.find('ffffffff')).kind, 'not-found');
  assert.equal((await world.approvals.find(first.id.slice(0, 7))).kind, 'not-found');
  await approve(world, second);
  const waiting = world.approvals.pending();
  assert.equal((await world.approvals.find(prefix)).kind, 'found', 'one waits, and is being written');
  world.stored = [...waiting, ...world.ended];
  assert.equal((await world.approvals.find(prefix)).kind, 'ambiguous', 'one waits, one has ended');
  const [ended] = world.ended;
  assert.deepEqual(await world.approvals.find(second.id), { kind: 'found', approval: ended });
});

test('TA-09: ten thousand parked and withdrawn requests leave no timer, no listener and no entry', async () => {
  const world = createWorld(settingsOf([oncall]));
  const shared = new AbortController();
  const gone = new Error('gone');
  for (let round = 0; round < 10_000; round += 1) {
    const abort = new AbortController();
    const result = world.approvals.ask(actionOf(), decisionOf(oncall.ref), {
      signal: abort.signal,
      parked: () => abort.abort(gone),
    });
    assert.equal((await result).kind, 'cancelled');
    world.audit.events.length = 0;
    world.ended.length = 0;
  }
  assert.equal(world.clock.timers, 0);
  assert.deepEqual(world.approvals.pending(), []);
  const last = world.approvals.ask(actionOf(), decisionOf(oncall.ref), {
    signal: shared.signal,
    parked: () => undefined,
  });
  await settled();
  assert.equal(getEventListeners(shared.signal, 'abort').length, 1);
  const [waiting] = world.approvals.pending();
  await world.approvals.vote(
    waiting?.id ?? '',
    { decision: 'deny', digest: waiting?.request.digest ?? '', note: 'no' },
    person('bob'),
  );
  await last;
  assert.equal(getEventListeners(shared.signal, 'abort').length, 0);
});

test('requests that wait at once by the thousand are a list in order, and take little memory each', async () => {
  const COUNT = 2_000;
  const world = createWorld(
    settingsOf([human('oncall', { remindMs: 60_000 })], { parked: COUNT, parkedPerDevice: COUNT }),
  );
  const abort = new AbortController();
  setMaxListeners(0, abort.signal);
  const before = process.memoryUsage().heapUsed;
  const results = Array.from({ length: COUNT }, (_, index) =>
    world.approvals.ask(actionOf({ text: `delete from users where id = ${index}` }), decisionOf(oncall.ref), {
      signal: abort.signal,
      parked: () => undefined,
    }),
  );
  await settled();
  assert.equal(world.approvals.pending().length, COUNT);
  world.audit.events.length = 0;
  world.news.length = 0;
  const perItem = (process.memoryUsage().heapUsed - before) / COUNT;
  assert.ok(perItem < 64 * 1024, `${Math.round(perItem / 1024)} KiB for each`);
  abort.abort(new Error('gone'));
  assert.ok((await Promise.all(results)).every(({ kind }) => kind === 'cancelled'));
  assert.equal(world.clock.timers, 0);
});

test('people are told when they are asked, reminded until they answer, and told the end; of equal requests once', async () => {
  const asking = human('oncall', { remindMs: 60_000, timeoutMs: 300_000, notifiers: ['slack.ops'] });
  const leads = human('leads', { remindMs: 0, notifiers: ['pagerduty.primary'] });
  const world = createWorld(settingsOf([{ ...asking, onTimeout: 'escalate', escalateTo: leads.ref }, leads]));
  const told = () =>
    world.news.map((news) => {
      const who = news.kind === 'decided' ? news.told.join() : 'asked' in news ? news.asked.notifiers.join() : '';
      return `${news.kind} ${who}${news.kind === 'reminded' ? ` ${news.number}` : ''}`;
    });
  const parked = await ask(world);
  await world.clock.advance(120_000);
  assert.deepEqual(told(), ['asked slack.ops', 'changed slack.ops', 'reminded slack.ops 1', 'reminded slack.ops 2']);
  await world.clock.advance(180_000);
  const asked = world.news.find((news) => news.kind === 'asked' && news.previous !== null);
  assert.equal(asked?.kind === 'asked' ? asked.previous : '', oncall.ref);
  await deny(world, parked);
  assert.equal(told().at(-1), 'decided slack.ops,pagerduty.primary');
  world.news.length = 0;
  const text = 'delete from users';
  await ask(world, [oncall.ref], { text });
  await ask(world, [oncall.ref], { text });
  assert.deepEqual(
    world.news.filter(({ kind }) => kind === 'asked').map(({ approval }) => approval.alike),
    [1],
  );
  assert.equal(world.news.filter(({ kind }) => kind === 'changed').at(-1)?.approval.alike, 2);
});
