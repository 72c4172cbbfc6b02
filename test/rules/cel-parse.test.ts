import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCondition } from '../../src/rules/cel-parse.ts';
import { walk } from '../../src/rules/cel-tree.ts';
import type { Expr } from '../../src/rules/cel-tree.ts';

function tree(text: string): Expr {
  const parsed = parseCondition(text);
  assert.equal(parsed.kind, 'tree', text);
  assert.ok(parsed.kind === 'tree');
  return parsed.expr;
}

function check(text: string, code: 'cel-syntax' | 'cel-too-big', at: number, message: RegExp = /./): void {
  const parsed = parseCondition(text);
  assert.ok(parsed.kind === 'failed', text);
  assert.equal(parsed.code, code, text);
  assert.equal(parsed.at, at, text);
  assert.match(parsed.message, message);
}

test('what is not CEL is refused where it goes wrong', () => {
  check('a $$ b', 'cel-syntax', 2);
  check('[1, 2', 'cel-syntax', 0, /never closed/);
  check('a && ', 'cel-syntax', 2);
  check('', 'cel-syntax', 0);
  check("'open", 'cel-syntax', 0, /has no end/);
  check('a.b c', 'cel-syntax', 4);
  check('Foo{a: 1}', 'cel-syntax', 0, /messages/);
  check('x == google.protobuf.Timestamp{}', 'cel-syntax', 5, /messages/);
});

test('integers beyond 64 bits are refused', () => {
  check('9223372036854775808', 'cel-syntax', 0, /64 bits/);
  check('1 == -9223372036854775809', 'cel-syntax', 5, /64 bits/);
  check('18446744073709551616u', 'cel-syntax', 0, /64 bits/);
  assert.equal(tree('9223372036854775807').kind, 'const');
  assert.equal(tree('-9223372036854775808').kind, 'const');
  assert.equal(tree('18446744073709551615u').kind, 'const');
});

test('an escape that CEL does not have is refused where it stands', () => {
  check("x.matches('\\d+')", 'cel-syntax', 11, /unknown escape \\d/);
  check('x == "a\\q"', 'cel-syntax', 7);
  check("'''it's \\w'''", 'cel-syntax', 8);
  check("b'\\z'", 'cel-syntax', 2);
  check("'\\u12'", 'cel-syntax', 1);
  for (const good of [
    "r'\\d+'",
    'R"\\q"',
    "'\\\\d'",
    "'\\n\\t\\x41\\u00e9\\U0001F600\\101\\`\\?\\''",
    "'''it's'''",
    "br'\\q'",
    "'\\\\'",
  ]) {
    assert.equal(tree(good).kind, 'const', good);
  }
});

test('sizes have limits', () => {
  const long = `'${'x'.repeat(16 * 1024 - 2)}'`;
  assert.equal(tree(long).kind, 'const');
  check(`${long} `, 'cel-too-big', 0, /16384 bytes/);
  const items = (count: number): string => `[${Array.from({ length: count }, () => '1').join(',')}]`;
  assert.equal(tree(items(4999)).kind, 'list');
  check(items(5000), 'cel-too-big', 10_000 - 1, /5000 nodes/);
  const nested = (depth: number): string => (depth === 0 ? 'true' : `[1].exists(x${depth}, ${nested(depth - 1)})`);
  assert.equal(tree(nested(3)).kind, 'fold');
  assert.ok(parseCondition(nested(4)).kind === 'failed');
  for (const deep of [
    'a' + '.b'.repeat(300),
    '!(-('.repeat(250) + '1' + '))'.repeat(250),
    '['.repeat(5000) + ']'.repeat(5000),
  ]) {
    const parsed = parseCondition(deep);
    assert.ok(
      parsed.kind === 'failed' && parsed.code === 'cel-too-big' && /deep/.test(parsed.message),
      deep.slice(0, 9),
    );
  }
});

test('offsets are UTF-16 and point at the token itself', () => {
  const text = "a == 'x😀' // why\n  && b.c";
  const found: [string, number][] = [];
  walk(tree(text), (node) => {
    found.push([node.kind, node.at]);
  });
  assert.deepEqual(found, [
    ['and', 0],
    ['call', 2],
    ['name', 0],
    ['const', 5],
    ['select', text.indexOf('b.c')],
    ['name', text.indexOf('b.c')],
  ]);
});

test('macros stay what they were written as', () => {
  const rows: readonly [string, string, boolean, boolean][] = [
    ['a.exists(x, x)', 'exists', true, false],
    ['a.all(x, x)', 'all', true, false],
    ['a.exists_one(x, x)', 'exists_one', true, false],
    ['a.existsOne(x, x)', 'exists_one', true, false],
    ['a.filter(x, x)', 'filter', true, false],
    ['a.map(x, x)', 'map', false, true],
    ['a.map(x, x, x)', 'map', true, true],
  ];
  for (const [text, macro, hasTest, hasStep] of rows) {
    const expr = tree(text);
    assert.ok(expr.kind === 'fold', text);
    assert.equal(expr.macro, macro);
    assert.equal(expr.test !== null, hasTest, text);
    assert.equal(expr.step !== null, hasStep, text);
    assert.equal(expr.variable, 'x');
  }
});

test('chains of && and || are flat, also through parentheses', () => {
  const expr = tree('a && (b && c) && d');
  assert.ok(expr.kind === 'and' && expr.terms.length === 4);
  const mixed = tree('a || b && c || d');
  assert.ok(mixed.kind === 'or' && mixed.terms.length === 3);
});

test('qualified functions are no methods', () => {
  const expr = tree('sets.contains([1], [1])');
  assert.ok(expr.kind === 'call' && expr.function === 'sets.contains' && !expr.method);
  const method = tree("a.contains('x')");
  assert.ok(method.kind === 'call' && method.function === 'contains' && method.method);
});
