import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { systemClock } from '../../../src/lib/clock.ts';
import { shapeOf } from '../../../src/protocols/sql/shape.ts';
import { createPostgresAnalyser } from '../../../src/protocols/postgres/facts.ts';
import { factsObject, factsToJson, unknownFacts } from '../../../src/rules/facts.ts';
import { NO_NAMES, OPTIONS, STATE } from '../../support/sql.ts';

const sharing = await createPostgresAnalyser({ clock: systemClock });
const plain = await createPostgresAnalyser({ clock: systemClock, shapes: false });

/** `#` stands for a whole number. */
const TEMPLATES = [
  'SELECT abalance FROM pgbench_accounts WHERE aid = #;',
  'UPDATE pgbench_accounts SET abalance = abalance + # WHERE aid = #;',
  'UPDATE pgbench_accounts SET abalance = abalance + -# WHERE aid = #;',
  'INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (#, #, #, -#, CURRENT_TIMESTAMP);',
  'DELETE FROM t WHERE id = # AND x = #',
  'DELETE FROM t WHERE id IN (#, #, 1.5) RETURNING id',
  'SELECT * FROM t WHERE id IN (#, #, #) LIMIT #',
  'SELECT * FROM t WHERE a BETWEEN # AND # OFFSET #',
  'SELECT * FROM t WHERE # < a AND b = -#',
  'SELECT * FROM t WHERE # = #',
  'UPDATE t SET a = # WHERE # = #',
  'UPDATE t SET a = # WHERE a + # = a + #',
  'DELETE FROM t WHERE a = # OR a = #',
  'DELETE FROM t WHERE NOT (a = #)',
  'SELECT # + 1.5, a1 FROM t2 WHERE a1 = # ORDER BY # LIMIT #',
  'SELECT a[#] FROM t WHERE a[#] = # FETCH FIRST # ROWS ONLY',
  'SELECT CAST(# AS float(#))',
  'SELECT CAST(a AS varchar(#)) FROM t WHERE b > now() - #',
  'SELECT CURRENT_TIME(#)',
  'WITH x AS (DELETE FROM t WHERE a = # RETURNING a) SELECT * FROM x WHERE a = #',
  'SELECT set_config(a, b, false) FROM t WHERE c = #',
  'SELECT nextval(a), pg_sleep(#)',
  'EXPLAIN (ANALYZE #) DELETE FROM t',
  'EXPLAIN SELECT #',
  'SET work_mem = #',
  'FETCH # FROM c',
  'SELECT #; SELECT #',
  'SELECT a FROM t WHERE id = # FOR UPDATE',
  'SELECT a FROM t WHERE id = #::bigint AND j = CAST(# AS int)',
  'SELECT x#y, # AS a FROM t#',
  'SELECT #.5, #e3 FROM t WHERE a = #.0',
  'SELECT a FROM t WHERE id=#and b=#',
  'SELECT a FROM t LIMIT # OFFSET #',
  'MERGE INTO t USING s ON t.a = s.a AND t.b = # WHEN MATCHED THEN UPDATE SET a = #',
  'SELECT generate_series(#, #)',
  'VALUES (#), (#)',
  'TABLE t LIMIT #',
  'SELECT a FROM t TABLESAMPLE bernoulli (#) WHERE a = #',
  'SELECT (SELECT b FROM u WHERE u.a = # LIMIT #) FROM t WHERE t.a < #',
  'SELECT a FROM t WHERE id = 9999999999 AND a = #',
];

const number = fc.oneof(
  fc.integer({ min: 0, max: 99 }).map(String),
  fc.integer({ min: 0, max: 999_999_999 }).map(String),
  fc.constantFrom('0', '1', '00', '007', '2147483647', '2147483648', '99999999999999999999', '54', '1_000'),
);

const fill = (template: string, numbers: readonly string[]): string => {
  let index = 0;
  return template.replaceAll('#', () => numbers[index++ % numbers.length] ?? '1');
};

/** Everything that a judge or the log can see of a text. */
function seen(analyser: typeof sharing, sql: string): unknown {
  const text = analyser.analyse(Buffer.from(sql), OPTIONS);
  assert.ok(!(text instanceof Promise));
  const judgeable = analyser.bind(text, STATE, NO_NAMES, 'idle');
  return {
    statements: text.statements,
    changes: JSON.stringify(text.changes),
    parameters: text.parameters,
    refused: judgeable.refused,
    json: JSON.parse(factsToJson(judgeable.units, 'sql')),
    units: judgeable.units.map((unit) => ({
      facts: JSON.stringify(factsObject(unit, 'sql')),
      unknown: unknownFacts(unit, 'sql'),
      risk: [unit.risk, unit.riskCauses, unit.riskReason, unit.unreadable],
    })),
  };
}

test('what a shared analysis says of a text is what a full analysis says of it', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...TEMPLATES),
      fc.array(number, { minLength: 1, maxLength: 5 }),
      (template, numbers) => {
        // The first text of a shape makes the template, whatever its numbers were.
        const sql = fill(template, numbers);
        assert.deepEqual(seen(sharing, sql), seen(plain, sql), sql);
      },
    ),
    { numRuns: 500 },
  );
});

test('texts that differ in a number share their memo, others do not', () => {
  const memo = (sql: string): object | null => {
    const text = sharing.analyse(Buffer.from(sql), OPTIONS);
    assert.ok(!(text instanceof Promise));
    return sharing.bind(text, { ...STATE }, NO_NAMES, 'open').memo;
  };
  assert.equal(memo('SELECT a FROM m WHERE b = 1'), memo('SELECT a FROM m WHERE b = 23'));
  assert.notEqual(memo('SELECT a FROM m WHERE b = 1'), memo('SELECT a FROM m2 WHERE b = 1'));
  assert.notEqual(memo("SELECT a FROM m WHERE b = '1'"), memo("SELECT a FROM m WHERE b = '2'"));
  assert.notEqual(memo('SELECT 1; SELECT 2'), memo('SELECT 1; SELECT 3'));
});

test('only plain texts have a shape, and only numbers of their own are replaced', () => {
  for (const sql of [
    "SELECT '1'",
    'SELECT "a1"',
    'SELECT $1',
    'SELECT 1 -- 2',
    'SELECT 1 /* 2 */',
    'SELECT 1\\',
    'SELECT é, 1',
    'SELECT a',
  ]) {
    assert.equal(shapeOf(sql), null, sql);
  }
  const key = (sql: string): string | undefined => shapeOf(sql)?.key;
  assert.equal(key('SELECT 1'), key('SELECT 999999999'));
  for (const [a, b] of [
    ['SELECT t1.a, 5', 'SELECT t2.a, 5'],
    ['SELECT 1, 1.5', 'SELECT 1, 2.5'],
    ['SELECT 1, 1234567890', 'SELECT 1, 2234567890'],
    ['SELECT 1, 2x', 'SELECT 1, 3x'],
    ['SELECT 1, .5', 'SELECT 1, .6'],
  ] as const) {
    assert.notEqual(key(a), key(b), a);
  }
});
