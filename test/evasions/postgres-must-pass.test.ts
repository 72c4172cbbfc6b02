// What ordinary clients send must be safe: a firewall that stops psql is switched off.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Judgeable, SqlNames } from '../../src/protocols/sql/analysis.ts';
import { analyser, fact, judgeableOf, OPTIONS, STATE, textOf } from '../support/sql.ts';

const corpus = (file: string): readonly string[] => {
  const queries: unknown = JSON.parse(readFileSync(`test/corpus/${file}`, 'utf8'));
  assert.ok(Array.isArray(queries) && queries.length > 50);
  return queries.map(String);
};

test('MP-01: every backslash command of psql is safe, but for the one that lists stored credentials', async () => {
  for (const sql of corpus('psql-queries.json')) {
    const judgeable = await judgeableOf(sql);
    const want = sql.includes('umoptions') ? 'suspicious' : 'safe';
    assert.equal(judgeable.risk, want, sql);
    for (const unit of judgeable.units) {
      assert.equal(fact(unit, 'verb'), 'select', sql);
    }
  }
});

test('MP-02, MP-03: all that pg_dump sends is safe', async () => {
  const prepared = new Map<string, Judgeable>();
  const names: SqlNames = { prepared: (name) => prepared.get(name), cursor: () => undefined };
  for (const sql of corpus('pg-dump-queries.json')) {
    const text = await textOf(sql);
    const judgeable = analyser.bind(text, STATE, names, 'open');
    assert.equal(judgeable.risk, 'safe', `${sql}: ${judgeable.units.map((unit) => unit.riskReason).join()}`);
    assert.equal(judgeable.refused, null, sql);
    for (const change of text.changes.flat()) {
      if (change.kind === 'prepare') {
        prepared.set(change.name, change.statement);
      }
    }
  }
});

const SAFE: readonly string[] = [
  '-- ping',
  ';',
  '',
  '/* x */',
  'SELECT 1; -- done',
  ' \n ',
  'DISCARD ALL',
  'SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL;',
  'DEALLOCATE ALL',
  'SELECT * FROM pg_stat_activity',
  'SELECT * FROM pg_locks WHERE NOT granted',
  'SELECT pg_blocking_pids(12)',
  "SELECT pg_total_relation_size('public.t'), pg_size_pretty(pg_database_size(current_database()))",
  'SELECT pg_is_in_recovery(), pg_current_wal_lsn()',
  'SHOW ALL',
  'EXPLAIN SELECT * FROM t',
  'EXPLAIN (ANALYZE, BUFFERS) SELECT * FROM t',
  'EXPLAIN (ANALYZE false) DELETE FROM t',
  'EXPLAIN DELETE FROM t',
  `SELECT ';', $$;DROP TABLE x;$$, $a$';$a$, E'\\';', "a;b" FROM t -- ; x`,
  'SELECT * FROM app.public.t',
  `SELECT a COLLATE "default" FROM t WHERE U&"\\0061" OPERATOR(pg_catalog.~) 'x'`,
  'SELECT a, count(*) FROM t GROUP BY GROUPING SETS ((a), ())',
  'SELECT sum(a) OVER (ORDER BY b ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t',
  'BEGIN; SAVEPOINT a; SELECT 1; ROLLBACK TO a; COMMIT AND CHAIN',
  "SET LOCAL statement_timeout='5s'",
  'DECLARE c CURSOR FOR SELECT 1; FETCH 10 FROM c; CLOSE c',
  'SET search_path = app, public; SELECT * FROM users',
  'WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r',
  'LISTEN x; UNLISTEN x',
  // Drivers and object-relational mappers at start.
  "SET client_encoding TO 'UTF8'; SET TimeZone TO 'UTC'; SET standard_conforming_strings TO on",
  'SET extra_float_digits = 3',
  "SET application_name = 'PostgreSQL JDBC Driver'",
  'SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED',
  'SELECT t.oid, typarray FROM pg_type t WHERE t.typname = $1 OR t.oid = $2::regtype',
  "SELECT current_schema(), version(), pg_backend_pid(), current_setting('server_version_num')",
  'SELECT n.nspname, (information_schema._pg_expandarray(i.indkey)).n FROM pg_catalog.pg_index i, pg_catalog.pg_namespace n',
  'SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a WHERE a.attrelid = \'"users"\'::regclass',
  "SELECT c.relname FROM pg_class c WHERE c.relkind IN ('r','v') AND pg_catalog.pg_table_is_visible(c.oid)",
  'SELECT json_agg(x) FROM (SELECT 1) x',
  "SELECT date_trunc('day', now()) - interval '1 day', extract(epoch FROM now()), substring('a' from 1), trim(both ' ' from 'a')",
  "SELECT a::numeric(10,2), b::timestamptz, '{1,2}'::int[], NULL::jsonb, $1::uuid FROM t",
];

for (const sql of SAFE) {
  test(`PG-T11: ordinary and safe: ${JSON.stringify(sql).slice(0, 90)}`, async () => {
    const judgeable = await judgeableOf(sql);
    assert.equal(judgeable.risk, 'safe', judgeable.units.map((unit) => unit.riskReason).join());
    assert.equal(judgeable.refused, null);
  });
}

test('MP-12: what is only legal in new grammars parses', async () => {
  for (const sql of [
    "SELECT * FROM JSON_TABLE('[1]', '$[*]' COLUMNS (a int PATH '$'))",
    'MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET a = 1 WHEN NOT MATCHED THEN INSERT VALUES (1)',
    'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END',
    'SELECT xmlforest(a AS b) FROM t',
    'UPDATE t SET a = 1 WHERE id = 1 RETURNING WITH (OLD AS o) o.a, new.a',
  ]) {
    const { units } = await judgeableOf(sql);
    assert.equal(units[0]?.unreadable, false, sql);
  }
});

test('MP-49: an empty DO is not opaque, a trusted function is safe', async () => {
  const { units } = await judgeableOf('DO $$ BEGIN PERFORM 1; END $$');
  assert.deepEqual(
    units.map((unit) => [fact(unit, 'verb'), fact(unit, 'context'), fact(unit, 'is_opaque')]),
    [
      ['do', 'top', false],
      ['select', 'do', false],
    ],
  );
  const trusted = { options: { trustedFunctions: new Set(['trusted_fn']) } };
  assert.equal((await judgeableOf('SELECT trusted_fn()', trusted)).risk, 'safe');
});

test('a text without a statement has no change and no copy', async () => {
  const text = await textOf('-- ping', OPTIONS);
  assert.equal(text.statements, 0);
  assert.deepEqual([text.changes, text.copyIn, text.parameters], [[], [], 0]);
});
