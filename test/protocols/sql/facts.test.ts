import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Unknown } from '../../../src/rules/action.ts';
import { SQL_FACTS } from '../../../src/rules/schema-sql.ts';
import { timeOf } from '../../../src/protocols/sql/facts.ts';
import { growth, LINEAR } from '../../support/growth.ts';
import { fact, judgeableOf } from '../../support/sql.ts';

const TEXTS: readonly string[] = [
  'SELECT 1',
  'not sql at all',
  "DELETE FROM logs WHERE date < '2024-01-01' AND n IN (1, 2) AND x = $1 LIMIT",
  "DELETE FROM logs WHERE date < '2024-01-01' AND n IN (1, 2) AND x = $1",
  'SELECT f()',
  "DO $$ BEGIN EXECUTE 'x'; END $$",
  'EXECUTE nobody_made_this(1)',
  'SET search_path = a; SET ROLE x; SELECT set_config(a, b, c)',
  "COPY t TO PROGRAM 'x'",
  'GRANT SELECT ON t TO PUBLIC',
  'SELECT * FROM t FOR UPDATE',
  '',
];

test('every fact of the schema has a value of its type, or is Unknown, for every text', async () => {
  for (const sql of TEXTS) {
    for (const unit of (await judgeableOf(sql)).units) {
      for (const { name, type, values } of SQL_FACTS) {
        const value = unit.facts.get(name);
        assert.notEqual(value, undefined, `${name} of ${sql}`);
        if (value instanceof Unknown) {
          continue;
        }
        const kinds: Readonly<Record<string, boolean>> = {
          string: typeof value === 'string',
          int: typeof value === 'bigint',
          bool: typeof value === 'boolean',
          list: Array.isArray(value),
          map: value instanceof Map,
        };
        assert.ok(kinds[type.kind], `${name} of ${sql}: ${typeof value}`);
        for (const item of Array.isArray(value) ? value : [value]) {
          const legal = values === undefined || item === '' || values.includes(String(item));
          assert.ok(legal, `${name} of ${sql}: ${String(item)}`);
        }
      }
      assert.equal(unit.facts.get('sql.nothing'), undefined);
      assert.equal(unit.facts.get('risk'), unit.risk);
    }
  }
});

test('only an unambiguous ISO date is a time', () => {
  const cases: readonly (readonly [string, string | null])[] = [
    ['2024-01-01', '2024-01-01T00:00:00.000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
    ['2023-02-29', null],
    ['2024-01-01 12:30', '2024-01-01T12:30:00.000Z'],
    ['2024-01-01T12:30:05.123456+02', '2024-01-01T10:30:05.123Z'],
    ['2024-01-01T00:00:00Z', '2024-01-01T00:00:00.000Z'],
    ['2024-01-01 00:00:00-0330', '2024-01-01T03:30:00.000Z'],
    ['01/02/2024', null],
    ['20240101', null],
    ['today', null],
    ['infinity', null],
    ['2024-1-1', null],
    ['2024-13-01', null],
    ['', null],
  ];
  for (const [text, want] of cases) {
    const time = timeOf(text);
    assert.equal(time instanceof Date ? time.toISOString() : null, want, text);
  }
});

test('predicates keep what kind of value they compare with', async () => {
  const { units } = await judgeableOf(
    "SELECT * FROM t WHERE a = 5 AND b = 'x' AND c IN (1, 2) AND d IS NULL AND e < now() - interval '1 day' AND f = $2" +
      " AND g = h AND i IN (SELECT 1) AND j BETWEEN 1 AND 2 AND 3 >= k AND l LIKE 'a%' AND (m = 1 OR m = 2) AND n = ANY ($1)",
  );
  const predicates = fact(units[0], 'predicates');
  assert.ok(Array.isArray(predicates));
  assert.deepEqual(
    predicates.map((p) => [p['column'], p['op'], p['kind'], p['value'] instanceof Unknown ? 'unknown' : p['value']]),
    [
      ['a', '=', 'literal', '5'],
      ['b', '=', 'literal', 'x'],
      ['c', 'in', 'list', '1,2'],
      ['d', 'is null', 'literal', ''],
      ['e', '<', 'expr', "now() - interval '1 day'"],
      ['f', '=', 'param', 'unknown'],
      ['g', '=', 'column', ''],
      ['i', 'in', 'subquery', ''],
      ['j', '>=', 'literal', '1'],
      ['j', '<=', 'literal', '2'],
      ['k', '<=', 'literal', '3'],
      ['l', 'like', 'literal', 'a%'],
      ['m', 'in', 'list', '1,2'],
      ['n', 'any', 'param', 'unknown'],
    ],
  );
  assert.equal(fact(units[0], 'predicates_complete'), true);
});

test('bound values fill parameters, predicates and the row limit', async () => {
  const parsed = await judgeableOf('SELECT * FROM t WHERE a = $1 LIMIT $2');
  assert.ok(fact(parsed.units[0], 'params') instanceof Unknown);
  assert.ok(fact(parsed.units[0], 'row_limit') instanceof Unknown);
  const [unit] = parsed.withParameters(() => [
    { kind: 'text', text: '7' },
    { kind: 'text', text: '10' },
  ]).units;
  assert.deepEqual(fact(unit, 'params'), ['7', '10']);
  assert.deepEqual(fact(unit, 'param_nulls'), [false, false]);
  assert.equal(fact(unit, 'row_limit'), 10n);
  const [predicate] = fact(unit, 'predicates') as readonly Record<string, unknown>[];
  assert.deepEqual([predicate?.['kind'], predicate?.['value'], predicate?.['number']], ['literal', '7', 7]);
  const [nulls] = parsed.withParameters(() => [{ kind: 'null' }, { kind: 'null' }]).units;
  assert.equal(fact(nulls, 'row_limit'), 9_223_372_036_854_775_807n);
  const [hidden] = parsed.withParameters(() => [{ kind: 'opaque' }, { kind: 'opaque' }]).units;
  assert.ok(fact(hidden, 'params') instanceof Unknown);
});

test('a bound text is looked at in time that grows with its length', async () => {
  const parsed = await judgeableOf('SELECT * FROM t WHERE a = $1');
  const times = growth(4_000, (n) => {
    const text = `${'0'.repeat(n)}x`;
    const [unit] = parsed.withParameters(() => [{ kind: 'text', text }]).units;
    assert.ok(Array.isArray(fact(unit, 'predicates')));
  });
  assert.ok(times < LINEAR, `${times.toFixed(1)} times for 8 times the size`);
});
