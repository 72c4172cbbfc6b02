import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Unknown } from '../../src/rules/action.ts';
import type { FactValue, Family } from '../../src/rules/action.ts';
import { match } from '../support/rule-parts.ts';
import { readJson } from '../../src/lib/json.ts';

const UNKNOWN = new Unknown('unparseable');

type Row = readonly [condition: string, expected: 'yes' | 'no' | 'cannot-tell'];

function check(rows: readonly Row[], facts: Readonly<Record<string, FactValue>>, family: Family = 'sql'): void {
  for (const [condition, expected] of rows) {
    assert.equal(match(condition, facts, family), expected, condition);
  }
}

test('RC-07: an unknown fact is absorbed by && and || only, in either order', () => {
  const no = "sql.database == 'other'";
  const yes = "sql.database == 'app'";
  const open = "sql.verb == 'drop'";
  check(
    [
      [open, 'cannot-tell'],
      [`${no} && ${open}`, 'no'],
      [`${open} && ${no}`, 'no'],
      [`${yes} && ${open}`, 'cannot-tell'],
      [`${open} && ${yes}`, 'cannot-tell'],
      [`${yes} || ${open}`, 'yes'],
      [`${open} || ${yes}`, 'yes'],
      [`${no} || ${open}`, 'cannot-tell'],
      [`${open} || ${no}`, 'cannot-tell'],
      [`${open} || ${no} || ${yes}`, 'yes'],
      [`${open} && ${yes} && ${no}`, 'no'],
      [`!(${open})`, 'cannot-tell'],
      ['sql.verb == sql.verb', 'cannot-tell'],
      ['sql.verb != sql.verb', 'cannot-tell'],
      ["sql.verb in ['drop', 'select']", 'cannot-tell'],
      ['has(sql.verb)', 'cannot-tell'],
      ['has(sql.database)', 'yes'],
      [`${open} ? true : true`, 'cannot-tell'],
      [`true ? ${yes} : ${open}`, 'yes'],
      [`false ? ${open} : ${no}`, 'no'],
      [`${yes} ? ${open} : true`, 'cannot-tell'],
      ["sql.tables.exists(t, t == 'x')", 'cannot-tell'],
      ['size(sql.tables) == 0', 'cannot-tell'],
      ["'x' in sql.tables", 'cannot-tell'],
      ["[sql.verb] == ['drop']", 'cannot-tell'],
      ["{'a': sql.verb} == {'a': 'drop'}", 'cannot-tell'],
      ["sql.verb.startsWith('dr')", 'cannot-tell'],
      ["sql.verb.matches('dr')", 'cannot-tell'],
      ['type(sql.verb) == string', 'cannot-tell'],
    ],
    { 'sql.verb': UNKNOWN, 'sql.tables': UNKNOWN, 'sql.database': 'app' },
  );
});

test('exists and all fold as && and || do', () => {
  const json = { a: [1, 'x', 2] };
  check(
    [
      ['http.body_json.a.exists(v, v > 1)', 'yes'],
      ['http.body_json.a.exists(v, v > 5)', 'cannot-tell'],
      ['http.body_json.a.all(v, v > 1)', 'no'],
      ['http.body_json.a.all(v, v > 0)', 'cannot-tell'],
      ['http.body_json.a.exists_one(v, v == 2)', 'yes'],
      ['http.body_json.a.exists_one(v, v > 1)', 'cannot-tell'],
      ['http.body_json.a.filter(v, v == 2) == [2]', 'yes'],
      ['http.body_json.a.filter(v, v > 1) == [2]', 'cannot-tell'],
      ['http.body_json.a.map(v, v == 2, v + 1.0) == [3.0]', 'yes'],
      ['http.body_json.a.map(v, v + 1.0) == [3.0]', 'cannot-tell'],
      ['http.body_json.exists(k, k == "a")', 'yes'],
      ['http.body_json.a[0].exists(k, true)', 'cannot-tell'],
    ],
    { 'http.body_json': json },
    'http',
  );
});

test('a missing key or field cannot tell; a guard answers for a body that was read', () => {
  check(
    [
      ['http.body_json.a.b == 1', 'yes'],
      ['http.body_json.x == 1', 'cannot-tell'],
      ['http.body_json.x.y == 1', 'cannot-tell'],
      ['http.body_json.a.b.c == 1', 'cannot-tell'],
      ['has(http.body_json.x)', 'no'],
      ['has(http.body_json.a.b)', 'yes'],
      ['has(http.body_json.x.y)', 'cannot-tell'],
      ['has(http.body_json.x) && http.body_json.x == 1', 'no'],
      ['has(http.body_json.n) && http.body_json.n == null', 'yes'],
      ['has(http.body_json.constructor)', 'no'],
      ["http.body_json['a'].b == 1", 'yes'],
      ["http.body_json['__proto__'] == 1", 'cannot-tell'],
      ["http.query['id'][0] == '7'", 'yes'],
      ["http.query['id'][1] == '7'", 'cannot-tell'],
      ["http.query['no'][0] == '7'", 'cannot-tell'],
      ["'no' in http.query && http.query['no'][0] == '7'", 'no'],
      ["http.query.id == ['7']", 'yes'],
      ['http.body_json', 'cannot-tell'],
      ['http.body_json.a.b', 'cannot-tell'],
      ['http.body_json.t', 'yes'],
      ['http.body_json.a.b ? true : false', 'cannot-tell'],
      ['!http.body_json.a.b', 'cannot-tell'],
      ['http.body_json.a.b && true', 'cannot-tell'],
    ],
    { 'http.body_json': { a: { b: 1 }, n: null, t: true }, 'http.query': new Map([['id', ['7']]]) },
    'http',
  );
});

test('numbers and records with unknown parts compare as far as they are known', () => {
  check(
    [
      ['k8s.ports == [80]', 'cannot-tell'],
      ['k8s.ports == [80, 81]', 'no'],
      ['80 in k8s.ports', 'cannot-tell'],
      ['k8s.ports != [80]', 'cannot-tell'],
    ],
    { 'k8s.ports': [UNKNOWN] },
    'k8s',
  );
  check(
    [
      ["sql.predicates[0] == {'column': 'c', 'number': 1.0}", 'cannot-tell'],
      ["sql.predicates[0] == {'column': 'd', 'number': 1.0}", 'no'],
      ["sql.predicates == [{'column': 'c'}]", 'no'],
    ],
    { 'sql.predicates': [{ column: 'c', number: UNKNOWN }] },
  );
});

test('a body that is unknown leaves its guard open', () => {
  const condition = 'has(http.body_json.a) && http.body_json.a == 1';
  assert.equal(match(condition, { 'http.body_json': new Unknown('too_large') }, 'http'), 'cannot-tell');
  assert.equal(match(condition, { 'http.body_json': {} }, 'http'), 'no');
});

test('an unknown value inside a container is met only when it is read', () => {
  const predicate = {
    table: 't',
    column: 'c',
    op: '<',
    value: 'x',
    kind: 'literal',
    number: UNKNOWN,
    time: new Date('2024-01-01T00:00:00Z'),
  };
  check(
    [
      ["sql.predicates.exists(p, p.column == 'c')", 'yes'],
      ['sql.predicates.exists(p, p.number < 5.0)', 'cannot-tell'],
      ["sql.predicates.exists(p, p.column == 'd' && p.number < 5.0)", 'no'],
      ["sql.predicates.exists(p, p.time <= timestamp('2024-01-01T00:00:00Z'))", 'yes'],
      ["sql.predicates.exists(p, p.time < timestamp('2024-01-01T00:00:00Z'))", 'no'],
      ['has(sql.predicates[0].number)', 'cannot-tell'],
      ['has(sql.predicates[0].values)', 'no'],
      ['has(sql.predicates[0].column)', 'yes'],
      ["sql.predicates[0].values == ['a']", 'cannot-tell'],
      ["'b' in sql.params", 'cannot-tell'],
      ["'a' in sql.params", 'yes'],
      ["sql.params == ['a', 'b']", 'cannot-tell'],
      ["sql.params == ['x', 'b']", 'no'],
      ["sql.params == ['a']", 'no'],
      ["sql.params[0] == 'a'", 'yes'],
      ["sql.params[1] == 'a'", 'cannot-tell'],
      ["sets.contains(sql.params, ['a'])", 'yes'],
      ["sets.contains(sql.params, ['z'])", 'cannot-tell'],
      ["sets.contains(['z'], sql.params)", 'no'],
      ["sets.contains(['a'], sql.params)", 'cannot-tell'],
      ["sets.intersects(sql.params, ['a'])", 'yes'],
      ["sets.intersects(sql.params, ['z'])", 'cannot-tell'],
      ["sets.equivalent(sql.params, ['a'])", 'cannot-tell'],
      ["sets.equivalent(sql.params, ['z'])", 'no'],
      ["sql.settings == {'a': '1'}", 'cannot-tell'],
      ["sql.settings == {'b': '1'}", 'no'],
      ["'a' in sql.settings", 'yes'],
      ['has(sql.settings.a)', 'cannot-tell'],
    ],
    {
      'sql.predicates': [predicate],
      'sql.params': ['a', UNKNOWN],
      'sql.settings': new Map([['a', UNKNOWN]]),
    },
  );
});

test('a key of a JSON body that is there in another case only cannot be told', () => {
  const body = readJson('{"Action":"refund","n":{"ID":1},"list":[1]}', { number: null, text: null });
  assert.ok(body.kind === 'value');
  const facts = { 'http.body_json': body.value };
  const cases: readonly (readonly [string, string])[] = [
    ["http.body_json.action == 'refund'", 'cannot-tell'],
    ["http.body_json['action'] == 'refund'", 'cannot-tell'],
    ['has(http.body_json.action)', 'cannot-tell'],
    ["'action' in http.body_json", 'cannot-tell'],
    ['has(http.body_json.n.id)', 'cannot-tell'],
    ['has(http.body_json.Action)', 'yes'],
    ["'Action' in http.body_json", 'yes'],
    ["http.body_json.Action == 'refund'", 'yes'],
    ['has(http.body_json.other)', 'no'],
    ["'other' in http.body_json", 'no'],
    ['size(http.body_json) == 3', 'yes'],
  ];
  for (const [condition, want] of cases) {
    assert.equal(match(condition, facts, 'http'), want, condition);
  }
});
