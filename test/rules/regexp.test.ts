import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Budget, MAX_STEPS } from '../../src/rules/cel-budget.ts';
import { EXHAUSTED, Failure } from '../../src/rules/cel-values.ts';
import { compilePattern, findPattern } from '../../src/rules/regexp.ts';
import { decide, makePolicy, makeRuleAction, match } from '../support/rule-parts.ts';

const MIB = 1 << 20;

test('patterns are RE2, unanchored', () => {
  const rows: readonly (readonly [string, string, 'yes' | 'no'])[] = [
    ['b+', 'abbc', 'yes'],
    ['^b', 'abc', 'no'],
    ['(?i)DROP', 'a drop b', 'yes'],
    ['\\\\bdrop\\\\b', 'a drop b', 'yes'],
    ['\\\\bdrop\\\\b', 'adropb', 'no'],
    ['^.$', '😀', 'yes'],
  ];
  for (const [pattern, text, expected] of rows) {
    assert.equal(match(`sql.statement.matches('${pattern}')`, { 'sql.statement': text }), expected, pattern);
    // The same pattern when only the evaluation knows it.
    const dynamic = { 'sql.statement': text, 'sql.database': pattern.replaceAll('\\\\', '\\') };
    assert.equal(match('sql.statement.matches(sql.database)', dynamic), expected, pattern);
  }
});

test('RC-08, ND-02: a pattern that backtracks elsewhere is linear here', () => {
  const facts = { 'sql.statement': `${'a'.repeat(MIB)}b` };
  const begin = performance.now();
  for (const pattern of ['(a+)+$', '(a|aa)+$', '^(a*)*c']) {
    assert.equal(match(`sql.statement.matches('${pattern}')`, facts), 'no', pattern);
  }
  // Where a pattern backtracks this takes longer than anybody waits; a slow machine takes seconds.
  assert.ok(performance.now() - begin < 60_000);
});

test('RC-08: long patterns and long loops end in cannot tell', () => {
  const words = Array.from({ length: 1500 }, (_, index) => `w${index}x`).join('|');
  assert.equal(match(`sql.statement.matches('${words}')`, { 'sql.statement': 'a w7x b' }), 'yes');
  assert.equal(match(`sql.statement.matches('${words}')`, { 'sql.statement': 'x'.repeat(2 * MIB) }), 'cannot-tell');
  const many = Array.from({ length: 1_000_000 }, (_, index) => `t${index}`);
  assert.equal(match("sql.tables.exists(t, t == 'nope')", { 'sql.tables': many }), 'cannot-tell');
  assert.equal(match("'nope' in sql.tables", { 'sql.tables': many }), 'cannot-tell');
  const few = many.slice(0, 2000);
  assert.equal(
    match('sql.tables.all(t, sql.reads.exists(r, r == t))', { 'sql.tables': few, 'sql.reads': few }),
    'cannot-tell',
  );
  assert.equal(match("sql.tables.all(t, t != 'nope')", { 'sql.tables': few }), 'yes');
});

test('text that grows is paid for before it is made', () => {
  const text = 'a'.repeat(MIB / 4);
  const facts = { 'sql.statement': text, 'sql.tables': Array.from({ length: 100 }, () => text) };
  for (const condition of [
    "sql.statement.replace('a', sql.statement) == ''",
    "sql.tables.join(',').size() > 0",
    'sql.tables.map(t, t + t + t + t).size() == 1',
    'sql.tables.all(t, t.lowerAscii() == t)',
    "sql.tables.all(t, t.trim().split('').size() > 0)",
    "sql.tables.all(t, t.charAt(9) == 'a' && t.substring(1) != '')",
    "sql.tables.all(t, t.indexOf('z') < 0 && size(t) > 1)",
    'sql.tables.all(t, bytes(t).size() > 0 && string(bytes(t)) == t)',
    'sql.tables.all(t, t <= t)',
    "sql.tables.all(t, t.contains('z') || t.startsWith('z') || !t.endsWith('zz'))",
    "sql.tables.all(t, t.contains(t + 'z') == false)",
    "sql.tables.all(t, bytes(t) + bytes(t) != b'')",
    "(sql.tables + sql.tables).all(t, ('A' + t).upperAscii() != t)",
    "sql.tables.all(t, t.matches('a{3}z'))",
    "sql.tables.all(t, !t.matches(sql.database + 'zz'))",
  ]) {
    assert.notEqual(match(condition, facts), 'yes', condition);
  }
});

test('an exhausted budget is absorbed like every failure, and the next rule has a full one', () => {
  const many = Array.from({ length: 1_000_000 }, (_, index) => `t${index}`);
  const facts = { 'sql.tables': many };
  assert.equal(match("sql.tables.exists(t, t == 'nope') || true", facts), 'yes');
  const policy = makePolicy({
    rules: [
      { name: 'heavy', condition: "sql.tables.exists(t, t == 'nope') && false", outcome: 'deny' },
      { name: 'light', condition: '[1, 2, 3].exists(n, n == 3)', outcome: 'allow' },
    ],
  });
  assert.equal(decide(policy, makeRuleAction({ units: [{ facts }] })).rule, 'light');
});

test('a computed pattern is compiled once, and only when it is short', () => {
  const budget = new Budget();
  budget.refill();
  const pattern = findPattern('computed+', budget);
  assert.equal(findPattern('computed+', budget), pattern);
  assert.ok(findPattern('a'.repeat(1001), budget) instanceof Failure);
  assert.ok(findPattern('(', budget) instanceof Failure);
  assert.equal(match('sql.statement.matches(sql.database)', { 'sql.database': '(' }), 'cannot-tell');
  budget.spend(MAX_STEPS);
  assert.equal(findPattern('another one', budget), EXHAUSTED);
  const compiled = compilePattern('a', false);
  assert.ok(!('error' in compiled));
  assert.equal(compiled.test('a', budget), EXHAUSTED);
  budget.refill();
  assert.equal(compiled.test('A', budget), false);
  const folded = compilePattern('a', true);
  assert.ok(!('error' in folded) && folded.test('A', budget) === true);
});
