import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textOf } from '../../../support/sql.ts';

const cases: readonly (readonly [string, string])[] = [
  ['SET search_path = a, "B c", \'d\'', 'set search_path=a, "B c", d'],
  ["SET search_path TO 'a, b'", 'set search_path="a, b"'],
  ["SET search_path = ''", 'set search_path=""'],
  ['SET search_path = DEFAULT', 'reset search_path'],
  ['SET LOCAL search_path = a', 'set local search_path=a'],
  ['SET LOCAL search_path TO DEFAULT', 'set local search_path=?'],
  ["SET SCHEMA 'x'", 'set search_path=x'],
  ["SELECT set_config('Search_Path', 'a', false)", 'set search_path=a'],
  ["SELECT pg_catalog.set_config('search_path', 'a', true)", 'set local search_path=a'],
  ["SELECT set_config('search_path', 'a', x)", 'set search_path=?'],
  ["SELECT set_config('search_path', 'a', false) FROM t", 'set search_path=?'],
  ["SELECT set_config('search_path', 'a', false) WHERE false", 'set search_path=?'],
  ["SELECT set_config('search_path', $1, false)", 'set search_path=?'],
  ["SELECT set_config(x, 'a', false)", 'unknown'],
  ["EXPLAIN SELECT set_config('search_path', 'a', false)", ''],
  ["EXPLAIN ANALYZE SELECT set_config('search_path', 'a', false)", 'set search_path=?'],
  ['SET ROLE x', 'set-role x'],
  ['SET LOCAL ROLE x', 'set-role local x'],
  ['SET ROLE NONE', 'reset role'],
  ['RESET ROLE', 'reset role'],
  ['SET SESSION AUTHORIZATION x', 'set session_authorization=x'],
  ["SELECT set_config('session_authorization', 'x', false)", 'set session_authorization=x'],
  ['SET LOCAL SESSION AUTHORIZATION DEFAULT', 'set local session_authorization=?'],
  ['RESET SESSION AUTHORIZATION', 'reset session_authorization'],
  ["SELECT set_config('role', 'x', false)", 'set-role x'],
  ['RESET ALL', 'reset-all'],
  ['DISCARD ALL', 'discard all'],
  ['DISCARD TEMP', 'discard temp'],
  ['BEGIN', 'begin'],
  ['START TRANSACTION', 'begin'],
  ['END', 'commit'],
  ['ABORT', 'rollback'],
  ['SAVEPOINT a', 'savepoint a'],
  ['ROLLBACK TO "A"', 'rollback-to A'],
  ['RELEASE a', 'release a'],
  ['PREPARE p AS SELECT 1', 'prepare p'],
  ['DEALLOCATE p', 'deallocate p'],
  ['DEALLOCATE ALL', 'deallocate'],
  ['DECLARE c CURSOR FOR SELECT 1', 'declare c'],
  ['DECLARE c CURSOR WITH HOLD FOR SELECT 1', 'declare hold c'],
  ['CLOSE c', 'close c'],
  ['CLOSE ALL', 'close'],
  ['EXECUTE p', 'execute p'],
  ['FETCH 5 FROM c', 'fetch c'],
  ['CREATE SCHEMA s', 'schemas-changed'],
  ['DROP SCHEMA s', 'schemas-changed'],
  ['SELECT f()', 'unknown'],
  ['CALL p()', 'unknown'],
  ['DO $$ BEGIN PERFORM 1; END $$', ''],
  ['DO $$ BEGIN SET search_path = a; END $$', 'unknown'],
  ["CREATE FUNCTION f() RETURNS int LANGUAGE sql SET search_path = a AS 'SELECT 1'", ''],
  ['CREATE VIEW v AS SELECT f()', ''],
  ['not sql', 'unknown'],
  ['SELECT 1', ''],
];

for (const [sql, want] of cases) {
  test(`what it does to the connection: ${sql}`, async () => {
    const { changes } = await textOf(sql);
    const shown = changes.flat().map((change) => {
      const local = 'local' in change && change.local ? 'local ' : '';
      if (change.kind === 'set') {
        return `set ${local}${change.name}=${change.value ?? '?'}`;
      }
      if (change.kind === 'set-role') {
        return `set-role ${local}${change.role ?? '?'}`;
      }
      if (change.kind === 'declare') {
        return `declare ${change.hold ? 'hold ' : ''}${change.name}`;
      }
      if (change.kind === 'discard') {
        return `discard ${change.what}`;
      }
      return 'name' in change && change.name !== null ? `${change.kind} ${change.name}` : change.kind;
    });
    assert.equal(shown.join('; '), want);
  });
}

test('each statement of a text has its own changes', async () => {
  const text = await textOf('BEGIN; SELECT 1; SET search_path = a; COPY t FROM STDIN; COMMIT');
  assert.deepEqual(
    text.changes.map((list) => list.length),
    [1, 0, 1, 0, 1],
  );
  assert.deepEqual(text.copyIn, [false, false, false, true, false]);
});
