// Lists of names are split as the server's SplitIdentifierString does, in time that grows with their length.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitNames } from '../../../../src/protocols/postgres/analysis/names.ts';
import { growth, LINEAR } from '../../../support/growth.ts';
import { fact, judgeableOf } from '../../../support/sql.ts';

test('names are folded, unquoted and cut, and what the server refuses is null', () => {
  for (const [text, separator, want] of [
    ['a, B ,"C d"', ',', ['a', 'b', 'C d']],
    [' \t\n', ',', []],
    ['"$user", public', ',', ['$user', 'public']],
    ['"a""b".c', '.', ['a"b', 'c']],
    ['x'.repeat(70), ',', ['x'.repeat(63)]],
    ['""', ',', ['']],
    ['a,', ',', null],
    [',a', ',', null],
    ['a b', ',', null],
    ['"a', ',', null],
    ['"a"b', ',', null],
    ['a"b"', ',', null],
    ['a.b', ',', ['a.b']],
    ['f(x)', '.', null],
  ] as const) {
    assert.deepEqual(splitNames(text, separator), want, text);
  }
});

test('SQ-08: names fold by ASCII only and are cut on the border of a character', async () => {
  assert.deepEqual(splitNames('TO\u212aENS, \u0130D, TOKENS', ','), ['to\u212aens', '\u0130d', 'tokens']);
  assert.deepEqual(splitNames('\u00e9'.repeat(40), ','), ['\u00e9'.repeat(31)]);
  for (const [sql, want] of [
    ['SELECT 1 FROM TO\u212aENS', 'to\u212aens'],
    ['SELECT 1 FROM TOKENS', 'tokens'],
    [`SELECT 1 FROM x${'\u00e9'.repeat(40)}`, `x${'\u00e9'.repeat(31)}`],
  ] as const) {
    const [unit] = (await judgeableOf(sql)).units;
    assert.deepEqual(fact(unit, 'tables'), [want, `public.${want}`], sql);
  }
});

test('no list of names takes longer than its length', () => {
  for (const textOf of [
    (n: number) => 'a,'.repeat(n),
    (n: number) => `a${' '.repeat(n)}\u0001`,
    (n: number) => `"${'""'.repeat(n)}`,
    (n: number) => `${' '.repeat(n)}"`,
    (n: number) => `"a" ,`.repeat(n),
  ]) {
    const times = growth(4_000, (n) => splitNames(textOf(n), ','));
    assert.ok(times < LINEAR, `${JSON.stringify(textOf(2))}: ${times.toFixed(1)} times for 8 times the size`);
  }
});
