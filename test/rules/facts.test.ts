import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Unknown } from '../../src/rules/action.ts';
import type { FactValue, Unit } from '../../src/rules/action.ts';
import { factsObject, factsToJson, recordFacts, unknownFacts } from '../../src/rules/facts.ts';
import { makeUnit } from '../support/rule-parts.ts';

function unit(facts: Readonly<Record<string, FactValue>>): Unit {
  return makeUnit({ facts });
}

function recorded(facts: Readonly<Record<string, FactValue>>): unknown {
  return JSON.parse(factsToJson([unit(facts)], 'sql'));
}

test('facts of a table are read by full name, and nothing else is there', () => {
  const facts = recordFacts({ 'sql.verb': 'drop' });
  assert.equal(facts.get('sql.verb'), 'drop');
  assert.equal(facts.get('sql.tables'), undefined);
  assert.equal(facts.get('constructor'), undefined);
});

test('a record holds what is known and not neutral, nested by variable', () => {
  const bare = recorded({}) as { sql: Record<string, unknown> };
  assert.deepEqual(bare, { sql: { statements: 0, row_limit: 0 } });
  assert.deepEqual(
    recorded({
      'sql.verb': 'delete',
      'sql.tables': ['t', 'public.t'],
      'sql.settings': new Map<string, FactValue>([
        ['a', '1'],
        ['b', new Unknown('dynamic')],
      ]),
      'sql.bounded': true,
      'sql.is_opaque': false,
      'sql.locking': 'none',
      'sql.row_limit': 2n ** 63n - 1n,
      'sql.statements': -1n,
      'sql.columns': new Unknown('dynamic'),
      'sql.params': ['x', new Unknown('undecodable')],
      'sql.predicates': [
        { column: 'c', number: 1.5, time: new Date('2024-01-01T00:00:00Z'), value: new Unknown('dynamic') },
        { column: 'd', number: Number.NaN, time: new Date(Number.NaN) },
      ],
    }),
    {
      sql: {
        verb: 'delete',
        tables: ['t', 'public.t'],
        settings: { a: '1' },
        bounded: true,
        row_limit: '9223372036854775807',
        statements: -1,
        params: ['x', null],
        predicates: [
          { column: 'c', number: 1.5, time: '2024-01-01T00:00:00.000Z' },
          { column: 'd', number: 'NaN', time: 'invalid' },
        ],
      },
      unknown: ['sql.columns'],
    },
  );
});

test('several units are a list', () => {
  const json = JSON.parse(factsToJson([unit({ 'sql.verb': 'a' }), unit({ 'sql.verb': 'b' })], 'sql')) as {
    units: { sql: { verb: string } }[];
  };
  assert.deepEqual(
    json.units.map(({ sql }) => sql.verb),
    ['a', 'b'],
  );
  assert.deepEqual(JSON.parse(factsToJson([], 'sql')), { units: [] });
});

test('a record is bounded and says when something was cut', () => {
  const long = recorded({ 'sql.statement': 'x'.repeat(5000) }) as { sql: { statement: string }; cut: boolean };
  assert.equal(long.sql.statement.length, 2000);
  assert.equal(long.cut, true);
  const many = recorded({ 'sql.tables': Array.from({ length: 500 }, (_, index) => `t${index}`) }) as {
    sql: { tables: string[] };
    cut: boolean;
  };
  assert.equal(many.sql.tables.length, 200);
  assert.equal(many.cut, true);
  const units = JSON.parse(
    factsToJson(
      Array.from({ length: 300 }, () => unit({})),
      'sql',
    ),
  ) as { units: unknown[]; cut: boolean };
  assert.equal(units.units.length, 200);
  assert.equal(units.cut, true);
  let deep: FactValue = 'x';
  for (let depth = 0; depth < 200; depth += 1) {
    deep = [deep];
  }
  const nested = recorded({ 'sql.params': deep }) as { cut: boolean };
  assert.equal(nested.cut, true);
});

test('explain gets every fact that could be told, whole', () => {
  const facts = factsObject(
    unit({ 'sql.statement': 'x'.repeat(5000), 'sql.tables': new Unknown('unresolved') }),
    'sql',
  );
  const sql = facts['sql'] as Record<string, unknown>;
  assert.equal(String(sql['statement']).length, 5000);
  assert.equal('tables' in sql, false);
  assert.deepEqual(sql['functions'], []);
  assert.equal(sql['is_opaque'], false);
  assert.deepEqual(Object.keys(facts), ['sql']);
  const k8s = factsObject(makeUnit({}, 'k8s'), 'k8s');
  assert.deepEqual(Object.keys(k8s).toSorted().slice(-2), ['mcp', 'rpc']);
  assert.ok('http' in k8s && 'k8s' in k8s && !('agent' in k8s) && !('risk' in k8s));
});

test('unknown facts are listed by full name, sorted', () => {
  const one = unit({
    'sql.verb': new Unknown('unparseable'),
    'sql.tables': new Unknown('unparseable'),
    'sql.params': ['a'],
  });
  assert.deepEqual(unknownFacts(one, 'sql'), ['sql.tables', 'sql.verb']);
  assert.deepEqual(unknownFacts(unit({}), 'sql'), []);
});

test('records are made from plain tables too', () => {
  const bare: Unit = { ...unit({}), facts: recordFacts({ 'sql.verb': 'show', 'sql.settings': {} }) };
  assert.deepEqual(JSON.parse(factsToJson([bare], 'sql')), { sql: { verb: 'show' } });
});

test('without text facts, texts of one shape have one record', () => {
  const of = (statement: string, params: readonly string[]) =>
    factsToJson([unit({ 'sql.verb': 'select', 'sql.statement': statement, 'sql.params': params })], 'sql', {
      shapeOnly: true,
    });
  assert.equal(of('select 1', ['a']), of('select 2', ['b']));
  assert.deepEqual(JSON.parse(of('select 1', [])), { sql: { verb: 'select', statements: 0 } });
});

test('a record has the header fields of a request without what somebody logs in with', () => {
  const headers = new Map<string, FactValue>([
    ['Authorization', ['Bearer t0ken']],
    ['X-Api-Key', ['k3y', 'other']],
    ['Accept', ['*/*']],
  ]);
  const text = factsToJson([makeUnit({ facts: { 'http.headers': headers } }, 'http')], 'http');
  assert.doesNotMatch(text, /t0ken|k3y|other/);
  assert.match(
    text,
    /"headers":\{"Authorization":\["\[masked\]"\],"X-Api-Key":\["\[masked\]","\[masked\]"\],"Accept":\["\*\/\*"\]\}/,
  );
});
