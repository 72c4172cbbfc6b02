// Searching: every filter finds what it should and nothing else, page by page, in both directions.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Database as SqliteDatabase } from '../../src/audit/sqlite-library.ts';
import type { Database } from 'better-sqlite3';
import type { AuditEvent, AuditFilter } from '../../src/audit/event.ts';
import { loadCheckpointKey } from '../../src/audit/keys.ts';
import { addFunctions, getApproval, getRecord, listApprovals, search, show } from '../../src/audit/queries.ts';
import { Store } from '../../src/audit/store.ts';
import { temporaryFolder } from '../support/temp.ts';
import { AGENT, createEvent, makeBatchOf } from './parts.ts';

const undo: (() => void | Promise<void>)[] = [];
after(async () => {
  for (const step of undo.toReversed()) {
    await step();
  }
});

/** A store with these events, and a connection that only reads. */
function makeStore(batches: readonly (readonly AuditEvent[])[]): Database {
  const folder = temporaryFolder({ after: (step) => undo.push(step) });
  const key = loadCheckpointKey({ stateDir: folder, storeKey: Buffer.alloc(32), configured: null });
  const path = `${folder}/store.db`;
  const store = new Store({ path, key, run: 'r', checkpointRecords: 1000, busyTimeoutMs: 100, nowMs: 0 });
  for (const [index, events] of batches.entries()) {
    store.write(makeBatchOf(index + 1, events));
  }
  const db = new SqliteDatabase(path, { readonly: true });
  addFunctions(db);
  undo.push(() => {
    db.close();
    store.close();
  });
  return db;
}

const ACTION = '01a20000-0000-7000-8000-000000000001';
const TWIN = '01a20000-0000-7000-8000-000000000002';
const tables = (...names: readonly string[]): string => JSON.stringify({ sql: { tables: names } });

const EVENTS: readonly AuditEvent[] = [
  createEvent({ timeMs: 1000, actionId: ACTION, factsJson: tables('public.users', 'audit.log'), rule: 'reads' }),
  createEvent({
    timeMs: 2000,
    actionId: TWIN,
    verdict: 'deny',
    rule: 'no-drops',
    risk: 'destructive',
    text: 'DROP TABLE Größe',
    data: { claim: { task: 'ab'.repeat(16) } },
  }),
  createEvent({ timeMs: 1500, agent: { ...AGENT, device: 'laptop', profile: 'dev' }, factsJson: tables('users') }),
  createEvent({
    timeMs: 3000,
    type: 'operator.acted',
    agent: null,
    actionId: null,
    by: 'local',
    factsJson: null,
    endpoint: '',
  }),
  createEvent({
    timeMs: 4000,
    endpoint: 'postgres.other',
    family: 'k8s',
    summary: '100% "sure"',
    factsJson: null,
    data: { claim: { task: 't', trace: 'ab'.repeat(16) } },
  }),
  createEvent({
    timeMs: 5000,
    actionId: ACTION,
    type: 'action.settled',
    verdict: '',
    factsJson: '[{"sql":{"tables":["a"]}},{"sql":{"tables":["b"]}}]',
  }),
];
const db = makeStore([EVENTS.slice(0, 3), EVENTS.slice(3)]);

const CASES: readonly (readonly [string, AuditFilter, readonly number[]])[] = [
  ['nothing', {}, [1, 2, 3, 4, 5, 6]],
  ['since', { sinceMs: 2000 }, [2, 4, 5, 6]],
  ['until', { untilMs: 1999 }, [1, 3]],
  ['a time between', { sinceMs: 1200, untilMs: 2500 }, [2, 3]],
  ['a time when nothing was', { sinceMs: 9000 }, []],
  ['device', { device: 'laptop' }, [3]],
  ['profile', { profile: 'dev' }, [3]],
  ['trace', { trace: 'ab'.repeat(16) }, [5]],
  ['a trace that nobody named', { trace: 'cd'.repeat(16) }, []],
  ['endpoint', { endpoint: 'postgres.other' }, [5]],
  ['family', { family: 'k8s' }, [5]],
  ['rule', { rule: 'no-drops' }, [2]],
  ['verdict', { verdict: 'deny' }, [2]],
  ['risk', { risk: 'destructive' }, [2]],
  ['who', { by: 'local' }, [4]],
  ['type', { types: ['operator.acted', 'action.settled'] }, [4, 6]],
  ['a table, exactly', { table: 'users' }, [3]],
  ['a qualified table', { table: 'public.users' }, [1, 2]],
  ['a table of a second unit', { table: 'b' }, [6]],
  ['no such table', { table: 'user' }, []],
  ['action', { action: ACTION }, [1, 6]],
  ['a unique prefix of an action', { action: TWIN.slice(0, -1) + '2' }, [2]],
  ['a prefix that several actions have', { action: '01a20000' }, []],
  ['a prefix that is too short', { action: ACTION.slice(0, 7) }, []],
  ['a pattern in the place of an id', { action: '01a2____' }, []],
  ['text in any case, beyond ASCII', { text: 'GRÖSSE'.replace('SS', 'ß') }, [2]],
  ['text with wildcards, taken as they are', { text: '100% "s' }, [5]],
  ['a wildcard that is none', { text: '1_0' }, []],
  ['text, or text of the summary', { text: 'select' }, [1, 2, 3, 4, 5, 6]],
  ['several at once', { verdict: 'allow', table: 'public.users', sinceMs: 500 }, [1]],
  ['several that exclude each other', { verdict: 'deny', device: 'laptop' }, []],
];

for (const [name, filter, expected] of CASES) {
  test(`a search by ${name} finds just that, whole or page by page`, () => {
    for (const newestFirst of [false, true]) {
      const order = newestFirst ? expected.toReversed() : expected;
      const whole = search(db, filter, { limit: 100, cursor: null, newestFirst });
      assert.deepEqual(
        whole.items.map((record) => record.seq),
        order,
      );
      assert.equal(whole.next, null);
      const paged: number[] = [];
      let cursor: string | null = null;
      do {
        const page = search(db, filter, { limit: 2, cursor, newestFirst });
        assert.ok(page.items.length > 0 || page.next === null);
        paged.push(...page.items.map((record) => record.seq));
        cursor = page.next;
      } while (cursor !== null);
      assert.deepEqual(paged, order);
    }
  });
}

test('the records about a table are all of its actions: what was asked, who voted, what became of it', () => {
  const about = (actionId: string | null, changes: Partial<AuditEvent>): AuditEvent =>
    createEvent({ actionId, factsJson: null, ...changes });
  const story = makeStore([
    [
      about(ACTION, { verdict: 'approve', factsJson: tables('users') }),
      about(ACTION, { type: 'approval.created', verdict: 'approve', factsJson: tables('users') }),
      about(TWIN, { factsJson: tables('logs') }),
      about(ACTION, { type: 'approval.approved', verdict: '', by: 'alice' }),
      about(null, { type: 'operator.acted', verdict: '' }),
    ],
    [
      about(TWIN, { type: 'action.settled', verdict: '' }),
      about(ACTION, { verdict: 'allow', factsJson: tables('users') }),
      about(ACTION, { type: 'action.settled', verdict: '' }),
    ],
  ]);
  const found = (filter: AuditFilter): readonly number[] =>
    search(story, filter, { limit: 100, cursor: null, newestFirst: false }).items.map((record) => record.seq);
  assert.deepEqual(found({ table: 'users' }), [1, 2, 4, 7, 8]);
  assert.deepEqual(found({ table: 'logs' }), [3, 6]);
  assert.deepEqual(found({ table: 'users', types: ['approval.approved', 'action.settled'] }), [4, 8]);
  assert.deepEqual(found({ table: 'users', by: 'alice' }), [4]);
  assert.deepEqual(found({ table: 'other' }), []);
});

test('a cursor that is none finds nothing', () => {
  assert.deepEqual(search(db, {}, { limit: 10, cursor: 'x', newestFirst: true }), { items: [], next: null });
});

test('rare matches among many records are found from both ends', () => {
  const batches = Array.from({ length: 12 }, (_, batch) =>
    Array.from({ length: 500 }, (_unused, index) =>
      createEvent({ rule: (batch * 500 + index) % 1999 === 7 ? 'rare' : 'usual' }),
    ),
  );
  const many = makeStore(batches);
  const expected = [8, 2007, 4006];
  for (const newestFirst of [false, true]) {
    const { items, next } = search(many, { rule: 'rare' }, { limit: 10, cursor: null, newestFirst });
    assert.deepEqual(
      items.map((record) => record.seq),
      newestFirst ? expected.toReversed() : expected,
    );
    assert.equal(next, null);
  }
});

test('the records of an action are shown in order, by id or by a unique prefix', () => {
  assert.deepEqual(
    show(db, ACTION).map((record) => record.seq),
    [1, 6],
  );
  assert.deepEqual(show(db, '01a20000'), []);
  assert.deepEqual(show(db, 'ffffffff'), []);
  assert.equal(getRecord(db, 2)?.rule, 'no-drops');
  assert.equal(getRecord(db, 99), null);
});

test('approvals are as their newest record made them', () => {
  const approval = (id: string, state: string): AuditEvent =>
    createEvent({
      type: state === 'pending' ? 'approval.created' : 'approval.approved',
      data: { approval: { id, state, createdMs: 1, summary: `of ${id}` } },
    });
  const store = makeStore([
    [approval('0000000a-1', 'pending'), approval('0000000a-2', 'pending')],
    [approval('0000000b-3', 'pending'), approval('0000000a-1', 'approved')],
    [
      createEvent({ type: 'approval.voted', data: { approval: 'no object' } }),
      createEvent({ type: 'operator.acted', data: { approval: { id: '0000000c-4', state: 'pending', createdMs: 1 } } }),
    ],
  ]);
  const list = (states: Parameters<typeof listApprovals>[1], limit = 10, cursor: string | null = null): unknown => {
    const { items, next } = listApprovals(store, states, { limit, cursor });
    return [items.map(({ id }) => id), next];
  };
  assert.deepEqual(list(['pending']), [['0000000b-3', '0000000a-2'], null]);
  assert.deepEqual(list(['approved', 'pending']), [['0000000b-3', '0000000a-2', '0000000a-1'], null]);
  assert.deepEqual(list(['approved', 'pending'], 2), [['0000000b-3', '0000000a-2'], '0000000a-2']);
  assert.deepEqual(list(['approved', 'pending'], 2, '0000000a-2'), [['0000000a-1'], null]);
  assert.deepEqual(list(['denied']), [[], null]);
  assert.equal(getApproval(store, '0000000b')?.id, '0000000b-3');
  assert.equal(getApproval(store, '0000000a'), null, 'two have this prefix');
  assert.equal(getApproval(store, '0000000a-1')?.state, 'approved');
});

test('CP-14: within a scope the store finds, counts and pages as if nothing else were there', () => {
  const of = (profile: string) => ({ ...AGENT, device: `device-${profile}`, profile });
  const id = (profile: string): string => `0000000${profile}-0000-7000-8000-00000000000${profile}`;
  const approval = (profile: string): AuditEvent =>
    createEvent({
      type: 'approval.created',
      agent: of(profile),
      actionId: id(profile),
      // They begin alike.
      data: { approval: { id: `0190aaaa-${profile}`, state: 'pending', createdMs: 1, agent: of(profile) } },
    });
  const decided = (profile: string, timeMs: number): AuditEvent =>
    createEvent({ agent: of(profile), timeMs, actionId: `0190bbbb-0000-7000-8000-00000000000${profile}` });
  const told = (by: string): AuditEvent =>
    createEvent({
      type: 'incident.opened',
      agent: null,
      actionId: null,
      by,
      endpoint: '',
      family: '',
      factsJson: null,
    });
  const acted = (by: string, profile: string | null): AuditEvent =>
    createEvent({
      type: 'operator.acted',
      agent: profile === null ? null : of(profile),
      actionId: null,
      by,
      endpoint: '',
      family: '',
      factsJson: null,
    });
  const store = makeStore([
    [approval('a'), approval('b'), decided('a', 10), decided('b', 20), decided('b', 30)],
    [told('pagerduty.a'), told('pagerduty.b'), createEvent({ type: 'gateway.started', agent: null, actionId: null })],
    [acted('ann', null), acted('bob', null), acted('ann', 'b'), acted('ann', 'a')],
  ]);
  const within = { profiles: ['a'], sources: ['pagerduty.a'] };
  const find = (filter: AuditFilter, limit = 100): readonly string[] => {
    const found: string[] = [];
    let cursor: string | null = null;
    do {
      const page: ReturnType<typeof search> = search(store, filter, { limit, cursor, newestFirst: false });
      found.push(...page.items.map(({ seq, type }) => `${seq} ${type}`));
      cursor = page.next;
    } while (cursor !== null);
    return found;
  };
  const own = ['1 approval.created', '3 action.decided', '6 incident.opened', '12 operator.acted'];
  assert.deepEqual(find({ within }), own);
  assert.deepEqual(find({ within }, 1), own, 'page by page, and none of them empty');
  assert.equal(find({}).length, 12, 'all is there for those who see everything');
  assert.deepEqual(find({ within, profile: 'b' }), []);
  assert.deepEqual(find({ profile: 'b' }).length, 4);
  // Their own acts too, of nobody else, and not on what they do not see.
  const acts = find({ within: { ...within, operator: 'ann' }, types: ['operator.acted'] });
  assert.deepEqual(acts, ['9 operator.acted', '12 operator.acted']);
  assert.deepEqual(find({ within, by: 'pagerduty.b' }), []);
  assert.deepEqual(find({ within: { profiles: [], sources: [] } }), []);
  // An id of another is none, and what begins alike elsewhere makes nothing ambiguous.
  assert.equal(show(store, '0190bbbb').length, 0);
  assert.deepEqual(
    show(store, '0190bbbb', within).map(({ seq }) => seq),
    [3],
  );
  assert.equal(show(store, '0190bbbb-0000-7000-8000-00000000000b', within).length, 0);
  assert.equal(show(store, '0190bbbb-0000-7000-8000-00000000000b').length, 2);
  assert.equal(show(store, id('b'), within).length, 0, 'also where the record is listed by its action');
  assert.equal(show(store, id('a'), within).length, 1);
  assert.deepEqual(find({ within, action: '0190bbbb' }), ['3 action.decided']);
  assert.deepEqual(find({ within, action: id('b') }), []);
  assert.equal(getApproval(store, '0190aaaa'), null);
  assert.equal(getApproval(store, '0190aaaa', ['a'])?.id, '0190aaaa-a');
  assert.equal(getApproval(store, '0190aaaa-b', ['a']), null);
  assert.equal(getApproval(store, '0190aaaa-b', ['a', 'b'])?.id, '0190aaaa-b');
  const listed = listApprovals(store, ['pending'], { limit: 1, cursor: null, profiles: ['a'] });
  assert.deepEqual([listed.items.map((one) => one.id), listed.next], [['0190aaaa-a'], null]);
});
