// What only the connection's state can tell.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Unknown } from '../../../src/rules/action.ts';
import { analyser, fact, judgeableOf, NO_NAMES, STATE, textOf } from '../../support/sql.ts';

test('unqualified names are listed for every schema of the path, also for one that was made since the login', async () => {
  const sql = 'SELECT * FROM users, pg_class, pg_temp.x, app.public.y, other.public.z';
  const state = { searchPath: ['a', 'b', 'made_since'], schemas: new Set(['a', 'b', 'public']) };
  const [unit] = (await judgeableOf(sql, { state })).units;
  assert.deepEqual(fact(unit, 'tables'), [
    'users',
    'a.users',
    'b.users',
    'made_since.users',
    'pg_class',
    'pg_catalog.pg_class',
    'x',
    'pg_temp.x',
    'y',
    'public.y',
    'z',
    'public.z',
    'other.public.z',
  ]);
});

test('a path that puts another schema before the catalogue lets it shadow functions and operators', async () => {
  const shadow = { searchPath: ['evil', 'pg_catalog'] };
  assert.equal((await judgeableOf('SELECT count(*) FROM app.t', { state: shadow })).risk, 'destructive');
  assert.equal((await judgeableOf('SELECT 1 + 1', { state: shadow })).risk, 'destructive');
  assert.equal((await judgeableOf('SELECT pg_catalog.count(*) FROM app.t', { state: shadow })).risk, 'safe');
  assert.equal((await judgeableOf('SELECT 1 + 1', { state: { searchPath: ['pg_catalog', 'evil'] } })).risk, 'safe');
  assert.deepEqual(fact((await judgeableOf('SELECT 1 FROM pg_class', { state: shadow })).units[0], 'tables'), [
    'pg_class',
    'evil.pg_class',
    'pg_catalog.pg_class',
  ]);
});

test('functions that the catalogue look-up found elsewhere too are unknown', async () => {
  const state = { shadowedFunctions: new Set(['lower', '=']) };
  assert.equal((await judgeableOf("SELECT lower('A')", { state })).risk, 'destructive');
  assert.equal((await judgeableOf('SELECT 1 FROM t WHERE a = 1', { state })).risk, 'destructive');
  assert.equal((await judgeableOf("SELECT upper('A')", { state })).risk, 'safe');
  assert.equal((await judgeableOf("SELECT pg_catalog.lower('A')", { state })).risk, 'safe');
});

test('operators cannot be told while the path is not known', async () => {
  const state = { searchPath: null };
  const [unit] = (await judgeableOf('UPDATE app.t SET a = 1 WHERE id = 1', { state })).units;
  assert.equal(fact(unit, 'bounded'), false);
  assert.equal(unit?.risk, 'destructive');
  const [predicate] = fact(unit, 'predicates') as readonly Record<string, unknown>[];
  assert.equal(predicate?.['op'], 'other');
  assert.deepEqual(fact(unit, 'tables'), ['t', 'app.t']);
});

test('a role that cannot be told is Unknown, and so is a path that names it', async () => {
  const [unit] = (await judgeableOf('SELECT * FROM t', { state: { role: null, searchPath: ['$user', 'public'] } }))
    .units;
  assert.ok(fact(unit, 'role') instanceof Unknown);
  assert.ok(fact(unit, 'tables') instanceof Unknown);
  const [known] = (await judgeableOf('SELECT * FROM t', { state: { searchPath: ['$user', 'public'] } })).units;
  assert.deepEqual(fact(known, 'tables'), ['t', 'agent.t', 'public.t']);
});

test('PG-T17: equal states share a memo, different ones do not', async () => {
  const text = await textOf('SELECT * FROM t');
  const memo = (state: Partial<typeof STATE>): object | null =>
    analyser.bind(text, { ...STATE, ...state }, NO_NAMES, 'idle').memo;
  assert.equal(memo({}), memo({}));
  assert.notEqual(memo({}), memo({ searchPath: ['secret'] }));
  assert.notEqual(memo({}), memo({ role: 'other' }));
  assert.notEqual(memo({}), memo({ database: 'other' }));
  assert.notEqual(memo({}), null);
  const execute = await textOf('EXECUTE p');
  assert.equal(analyser.bind(execute, STATE, NO_NAMES, 'idle').memo, null);
});

test('a stored statement runs under the path of the moment', async () => {
  const prepared = (await textOf('PREPARE p AS SELECT * FROM users')).changes.flat()[0];
  assert.ok(prepared?.kind === 'prepare');
  const names = { ...NO_NAMES, prepared: () => prepared.statement };
  const { units } = await judgeableOf('EXECUTE p', { names, state: { searchPath: ['secret'] } });
  assert.deepEqual(
    units.map((unit) => [fact(unit, 'verb'), fact(unit, 'context'), fact(unit, 'tables')]),
    [
      ['execute', 'top', ['users', 'secret.users']],
      ['select', 'execute', ['users', 'secret.users']],
    ],
  );
});

test('$user is the role of the moment, also in the middle of a text, and adds nothing where that role has no schema', async () => {
  const state = { searchPath: ['$user', 'public'], user: 'app', role: 'app', resetRole: 'app' };
  const cases: readonly (readonly [string, readonly string[] | 'unresolved', ReadonlySet<string> | null])[] = [
    ['SELECT * FROM t', ['t', 'app.t', 'public.t'], null],
    ['SELECT * FROM t', ['t', 'public.t'], new Set(['public'])],
    ['SET ROLE y; SELECT * FROM t', ['t', 'y.t', 'public.t'], new Set(['app', 'public', 'y'])],
    ['SET ROLE y; RESET ROLE; SELECT * FROM t', ['t', 'app.t', 'public.t'], null],
    ['SET SESSION AUTHORIZATION x; SET ROLE y; RESET ROLE; SELECT * FROM t', ['t', 'x.t', 'public.t'], null],
    ['SET SESSION AUTHORIZATION x; RESET SESSION AUTHORIZATION; SELECT * FROM t', 'unresolved', null],
    ['DO $$ BEGIN EXECUTE x; END $$; RESET ROLE; SELECT * FROM t', 'unresolved', null],
  ];
  for (const [sql, want, schemas] of cases) {
    const unit = (await judgeableOf(sql, { state: { ...state, schemas } })).units.at(-1);
    const tables = fact(unit, 'tables');
    assert.deepEqual(tables instanceof Unknown ? tables.cause : tables, want, sql);
  }
});

test('what the statements of one text do to path and names is followed, and unknown where the text alone cannot tell', async () => {
  const state = { searchPath: ['a'], schemas: null };
  const from = (schema: string): readonly string[] => ['t', `${schema}.t`];
  const cases: readonly (readonly [string, readonly string[] | 'unresolved'])[] = [
    ['SET search_path = b; SELECT * FROM t', from('b')],
    ['SET search_path = b; ROLLBACK; SELECT * FROM t', from('a')],
    ['BEGIN; SET search_path = b; COMMIT; SELECT * FROM t', from('b')],
    ['BEGIN; SET LOCAL search_path = b; SELECT * FROM t', from('b')],
    ['BEGIN; SET LOCAL search_path = b; COMMIT; SELECT * FROM t', 'unresolved'],
    ['SAVEPOINT s; SET search_path = b; ROLLBACK TO s; SELECT * FROM t', from('a')],
    ['SAVEPOINT s; SET search_path = b; RELEASE s; SELECT * FROM t', from('b')],
    ['SAVEPOINT s; SET search_path = b; RELEASE s; ROLLBACK TO s; SELECT * FROM t', 'unresolved'],
    ['SET search_path = b; ROLLBACK TO somewhere; SELECT * FROM t', 'unresolved'],
    ['SET search_path = b; RESET search_path; SELECT * FROM t', 'unresolved'],
    ['SET search_path = b; RESET ALL; SELECT * FROM t', 'unresolved'],
    ['DISCARD ALL; SELECT * FROM t', 'unresolved'],
    ['DISCARD TEMP; SELECT * FROM t', from('a')],
    ["SELECT set_config('search_path', x, false) FROM y; SELECT * FROM t", 'unresolved'],
    ['PREPARE p AS SELECT 1; EXECUTE p; SELECT * FROM t', from('a')],
    ['EXECUTE elsewhere; SELECT * FROM t', 'unresolved'],
  ];
  for (const [sql, want] of cases) {
    const unit = (await judgeableOf(sql, { state })).units.at(-1);
    const tables = fact(unit, 'tables');
    assert.deepEqual(tables instanceof Unknown ? tables.cause : tables, want, sql);
  }
});

test('a name that was given up earlier in the text is not one any more', async () => {
  const cases: readonly (readonly [string, boolean])[] = [
    ['PREPARE p AS SELECT 1; EXECUTE p', false],
    ['PREPARE p AS SELECT 1; DEALLOCATE p; EXECUTE p', true],
    ['PREPARE p AS SELECT 1; DEALLOCATE ALL; EXECUTE p', true],
    ['PREPARE p AS SELECT 1; DISCARD ALL; EXECUTE p', true],
    ['PREPARE p AS SELECT 1; PREPARE q AS SELECT 2; DEALLOCATE q; EXECUTE p', false],
    ['DECLARE c CURSOR FOR SELECT 1; FETCH c', false],
    ['DECLARE c CURSOR FOR SELECT 1; CLOSE c; FETCH c', true],
    ['DECLARE c CURSOR FOR SELECT 1; CLOSE ALL; FETCH c', true],
  ];
  for (const [sql, opaque] of cases) {
    assert.equal((await judgeableOf(sql)).risk === 'destructive', opaque, sql);
  }
});
