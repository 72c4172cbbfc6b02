// Grants: whom they answer, how often and how long, and that every doubt asks again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GrantTerms } from '../../src/approvals/approval.ts';
import type { Grant } from '../../src/approvals/grant.ts';
import { createGrantBook, type GrantBook } from '../../src/approvals/grants.ts';
import { describeApproval } from '../../src/approvals/item.ts';
import type { Action } from '../../src/rules/action.ts';
import { FakeClock, settled } from '../support/fake-clock.ts';
import { actionOf, decisionOf, FakeAudit, grantOf } from './parts.ts';

const ONCALL = 'human_approver.oncall';
const TERMS: GrantTerms = { approver: ONCALL, by: ['bob'], durationMs: 600_000, uses: 3, scope: 'shape' };

interface Room {
  readonly clock: FakeClock;
  readonly audit: FakeAudit;
  readonly book: GrantBook;
  stored: readonly Grant[];
  policy: string;
  give(terms?: Partial<GrantTerms>, action?: Action): Grant;
}

/** The form of a text is the text without its numbers. */
function openRoom(): Room {
  const clock = new FakeClock();
  const audit = new FakeAudit();
  const book = createGrantBook({
    clock,
    audit,
    store: {
      getGrant: async () => null,
      listGrants: async () => ({ items: room.stored, next: null }),
    },
    likeness({ evidence }, scope) {
      if (evidence.text.includes('opaque') && scope === 'shape') {
        return { kind: 'none', why: 'it has no form' };
      }
      const key = scope === 'exact' ? `exact ${evidence.text}` : evidence.text.replace(/\d+/g, '?');
      return { kind: 'like', key, sentence: key };
    },
    policyOf: () => room.policy,
    warn: () => undefined,
  });
  const room: Room = {
    clock,
    audit,
    book,
    stored: [],
    policy: 'p1',
    give(terms = {}, action = actionOf()) {
      const shown = { text: action.evidence.text, factsJson: '{}', alert: null, words: '' };
      const approval = describeApproval(action, decisionOf(ONCALL), { nowMs: clock.now(), shown });
      const grant = book.make(action, approval, { ...TERMS, ...terms });
      book.start(grant);
      return grant;
    },
  };
  return room;
}

const like = (changes: Parameters<typeof actionOf>[0] = {}): Action =>
  actionOf({ text: 'delete from users where id = 8', ...changes });

test('a grant answers what is like it, so often and no oftener', () => {
  const room = openRoom();
  const { id } = room.give();
  for (const uses of [1, 2, 3]) {
    const grant = room.book.use(like(), ONCALL);
    assert.deepEqual([grant?.id, grant?.uses], [id, uses]);
    assert.equal(grant?.state, uses === 3 ? 'used-up' : 'active');
  }
  assert.equal(room.book.use(like(), ONCALL), null);
  assert.deepEqual(room.book.active(), []);
  assert.equal(room.clock.timers, 0);
});

test('TA-15: with one use left, of a hundred at once one is covered', async () => {
  const room = openRoom();
  room.give({ uses: 1 });
  const uses = await Promise.all(Array.from({ length: 100 }, async () => room.book.use(like(), ONCALL)));
  assert.equal(uses.filter((grant) => grant !== null).length, 1);
});

test('AP-32: what differs in anything is asked about', () => {
  const rows: readonly (readonly [string, Action, string])[] = [
    ['another form', like({ text: 'delete from logs where id = 8' }), ONCALL],
    ['another device', like({ agent: { device: 'other' } }), ONCALL],
    ['another profile', like({ agent: { profile: 'other' } }), ONCALL],
    ['another endpoint', { ...like(), endpoint: { ...like().endpoint, ref: 'postgres.other' } }, ONCALL],
    ['another credential', { ...like(), credential: 'postgres_credential.admin' }, ONCALL],
    ['another family', like({ family: 'http' }), ONCALL],
    ['a higher tier', { ...like(), risk: 'destructive' }, ONCALL],
    ['a part of a request', like({ complete: false }), ONCALL],
    ['another approver', like(), 'human_approver.leads'],
    ['a model', like(), 'llm_approver.r'],
    ['the dashboard', like(), 'builtin.dashboard'],
  ];
  for (const [name, action, approver] of rows) {
    const room = openRoom();
    room.give();
    assert.equal(room.book.use(action, approver), null, name);
    assert.equal(room.book.active()[0]?.uses, 0, `${name}: nothing is counted`);
    assert.notEqual(room.book.use({ ...like(), risk: 'safe' }, ONCALL), null, `${name}: its twin`);
  }
});

test('an exact grant answers the same bytes only', () => {
  const room = openRoom();
  room.give({ scope: 'exact' });
  assert.equal(room.book.use(like(), ONCALL), null);
  assert.equal(room.book.use(actionOf(), ONCALL)?.uses, 1);
});

test('a grant ends with its time, by the clock that is ahead', async () => {
  const room = openRoom();
  room.give();
  await room.clock.advance(599_999);
  assert.notEqual(room.book.use(like(), ONCALL), null);
  await room.clock.advance(1);
  assert.equal(room.book.use(like(), ONCALL), null);
  await settled();
  assert.deepEqual(
    room.audit.events.map(({ type, reason }) => [type, reason]),
    [['grant.ended', 'its time is over']],
  );
  for (const jumpMs of [86_400_000, -86_400_000]) {
    const jumped = openRoom();
    jumped.give();
    jumped.clock.setWall(jumped.clock.now() + jumpMs);
    assert.equal(jumped.book.use(like(), ONCALL) !== null, jumpMs < 0, 'a clock that is set forward ends it');
    await jumped.clock.advance(600_000);
    assert.equal(jumped.book.use(like(), ONCALL), null, 'a clock that is set back prolongs nothing');
  }
});

test('a revoked grant answers nothing from that moment on, and twice is once', async () => {
  const room = openRoom();
  const { id } = room.give();
  room.audit.hold();
  const revoking = room.book.revoke(id, 'carol', 'enough');
  assert.equal(room.book.use(like(), ONCALL), null, 'before it is on disk');
  assert.equal((await room.book.revoke(id, 'dave', '')).kind, 'not-active');
  room.audit.letGo();
  const revoked = await revoking;
  assert.ok(revoked.kind === 'revoked');
  assert.equal(revoked.grant.ended, 'revoked by carol: enough');
  assert.deepEqual(room.audit.events[0]?.data, { grants: [revoked.grant] });
  assert.equal(room.audit.events[0]?.by, 'carol');
  const broken = openRoom();
  const other = broken.give();
  broken.audit.failing = true;
  assert.equal((await broken.book.revoke(other.id, 'carol', '')).kind, 'unrecorded');
  assert.equal(broken.book.use(like(), ONCALL), null);
});

test('a changed policy of the endpoint ends its grants; the same policy leaves them', async () => {
  const room = openRoom();
  room.give();
  room.book.policyChanged();
  assert.notEqual(room.book.use(like(), ONCALL), null);
  room.policy = 'p2';
  assert.equal(room.book.use(like(), ONCALL), null, 'also before anybody says so');
  room.book.policyChanged();
  await settled();
  assert.equal(room.audit.events.at(-1)?.reason, 'the policy of its endpoint changed');
  room.policy = 'p1';
  assert.equal(room.book.use(like(), ONCALL), null, 'ended is ended');
});

test('a policy that changes while the approval is being recorded leaves nothing of its grant, also when it comes back', async () => {
  const room = openRoom();
  const action = actionOf();
  const shown = { text: action.evidence.text, factsJson: '{}', alert: null, words: '' };
  const approval = describeApproval(action, decisionOf(ONCALL), { nowMs: room.clock.now(), shown });
  const grant = room.book.make(action, approval, TERMS);
  room.policy = 'p2';
  room.book.policyChanged();
  room.book.start(grant);
  await settled();
  assert.deepEqual(room.book.active(), []);
  assert.equal(room.audit.events.at(-1)?.reason, 'the policy of its endpoint changed');
  room.policy = 'p1';
  assert.equal(room.book.use(like(), ONCALL), null);
});

test('DP-16 CP-22: grants of a device that is gone end, and whoever comes next with its name has none', async () => {
  const room = openRoom();
  const { device } = room.give();
  room.book.endOf((grant) => grant.device === 'another', 'gone');
  assert.notEqual(room.book.use(like(), ONCALL), null);
  room.book.endOf((grant) => grant.device === device, 'its device was revoked or has another name');
  assert.equal(room.book.use(like(), ONCALL), null);
  await settled();
  assert.equal(room.audit.events.at(-1)?.reason, 'its device was revoked or has another name');
});

test('grants survive a restart with what is left of them', async () => {
  const room = openRoom();
  const nowMs = room.clock.now();
  const common = { key: 'delete from users where id = ?', scope: 'shape', policy: 'p1' } as const;
  room.stored = [
    grantOf({ ...common, id: 'left', createdMs: nowMs - 1_000, expiresMs: nowMs + 1_000, uses: 19 }),
    grantOf({ ...common, id: 'over', createdMs: nowMs - 2_000, expiresMs: nowMs, approver: 'x' }),
    grantOf({ ...common, id: 'changed', createdMs: nowMs, expiresMs: nowMs + 9_000, policy: 'p0' }),
  ];
  await room.book.load();
  assert.deepEqual(
    room.book.active().map(({ id }) => id),
    ['left'],
  );
  assert.equal(room.book.use(like(), ONCALL)?.state, 'used-up');
  assert.equal(room.book.use(like(), ONCALL), null);
  const early = openRoom();
  early.stored = [
    grantOf({ ...common, createdMs: early.clock.now() + 86_400_000, expiresMs: early.clock.now() + 86_500_000 }),
  ];
  await early.book.load();
  await early.clock.advance(100_000);
  assert.equal(early.book.use(like(), ONCALL), null, 'a clock that was set back gives no day more');
});

test('what has no form, or is not whole, cannot be granted', () => {
  const { book } = openRoom();
  assert.match(book.findObjection(actionOf({ text: 'opaque' }), 'shape') ?? '', /it has no form/);
  assert.equal(book.findObjection(actionOf({ text: 'opaque' }), 'exact'), null);
  assert.match(book.findObjection(actionOf({ complete: false }), 'exact') ?? '', /it was cut/);
  const room = openRoom();
  room.give({}, actionOf({ text: 'opaque' }));
  assert.deepEqual(room.book.active(), []);
});
