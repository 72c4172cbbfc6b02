// Syntax: what a text means, held against HashiCorp's own parser; where characters of a string stand; texts that are no HCL.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseHcl } from '../../src/config/hcl.ts';
import { SourceFile } from '../../src/config/source.ts';
import type { Body, Expression } from '../../src/config/syntax.ts';

interface Oracle {
  parse(name: string, text: string): Promise<unknown>;
}

/** Loaded when first asked: its start blocks the event loop, and the other files of this process begin while this one is read. */
let oracle: Oracle | null = null;

/** HashiCorp's reading as JSON, or null when it refuses the text. */
async function theirs(text: string): Promise<unknown> {
  oracle ??= createRequire(import.meta.url)('@cdktn/hcl2json') as Oracle;
  return oracle.parse('x.hcl', text).catch(() => null);
}

/** Our reading in the same form: templates and references as `${…}` text, `${` doubled. */
function toJson(value: Expression): unknown {
  switch (value.kind) {
    case 'string':
      return value.text.text.replaceAll(/([$%])\{/g, (match, sign: string) => sign + match);
    case 'number':
    case 'bool':
      return value.value;
    case 'null':
      return null;
    case 'list':
      return value.items.map(toJson);
    case 'object':
      return Object.fromEntries(value.entries.map(({ key, value: item }) => [key, toJson(item)]));
    case 'reference':
      return `\${${value.segments.join('.')}}`;
    case 'invalid':
      return 'INVALID';
  }
}

function bodyToJson(body: Body): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const item of body) {
    if (item.kind === 'attribute') {
      result[item.name] = toJson(item.value);
      continue;
    }
    let holder = result;
    for (const name of [item.keyword, ...item.labels.map((label) => label.text)].slice(0, -1)) {
      holder = (holder[name] ??= {}) as Record<string, unknown>;
    }
    const last = item.labels.at(-1)?.text ?? item.keyword;
    holder[last] = [...((holder[last] ?? []) as unknown[]), bodyToJson(item.body)];
  }
  return result;
}

const ACCEPTED: readonly string[] = [
  'a = 1\n',
  'a = 1',
  'a = -5\n',
  'a = - 5\n',
  'a = 00012\n',
  'a = 1.5\n',
  'a = true\nb = false\nc = null\n',
  'a = "x\\\\y\\"z\\t\\r\\n"\n',
  'a = "\\u00e9\\U0001F600"\n',
  'a = "a\tb"\n',
  'a = ""\n',
  'a = "$"\nb = "$$"\nc = "%"\nd = "100%"\n',
  'a = "$${x} and %%{ y }"\n',
  'a = [1, 2,\n 3,\n]\n',
  'a = [\n# c\n1, # d\n2\n]\n',
  'a = { "k" = [1,2], j = {x=1} }\n',
  'a = {\n x = 1\n y = 2,\n z: 3\n\n}\n',
  'a = {a=1,\n\n b=2}\n',
  'a = [{x=1\ny=2}, {x=[1\n,2]\ny=2}]\n',
  'a = {1 = 2, true = 3}\n',
  'a = b\nc = d.e\nf = g-h.i-j\n',
  'a {\n}\n',
  'a {}\n',
  'a { b = 1 }\n',
  'a { # c\n b=1\n}\n',
  'a { /* x\n */ }\n',
  'a { b = [\n1\n] }\n',
  'a "b" c "d" {}\n',
  'a "x" {\n b "y" {}\n b "z" {\n c = 1\n }\n}\n',
  '/* x */ a = 1 // c\n# d\nb = 2 # e\n',
  'a = 1 /* x\n */ \nb = 2\n',
  'a = 1\r\nb = 2\r\n',
  'a = <<E\nfoo\nE\n',
  'a = <<E\nE\n',
  'a = <<E\nfoo\n  E\n',
  'a = <<E\n  foo\n\n\tbar "q" \\" \\n $${x} $ %\nE\n',
  'a = <<-E\n    foo\n  E\n',
  'a = <<-E\n    foo\n  \n    bar\n  E\n',
  'a = <<-E\n\n   foo\n\t bar\n  E\n',
  'a = <<-E\n  $${x}\n    y\nE\n',
  'a = <<-E\n \n   \n  E\n',
  'a = [<<E\nfoo\nE\n, 1]\n',
  'a = <<E\r\nfoo\r\nE\r\n',
  'a = <<A-B\nfoo\nA-B\n',
  'é = "ü"\n_x = 1\ny- = 2\n',
  '\ufeffa = 1\n',
];

test('what is accepted is read as HashiCorp reads it', async () => {
  for (const text of ACCEPTED) {
    const { body, diagnostics } = await parseHcl(new SourceFile('x.hcl', text.replace(/^\ufeff/, ''), 0));
    assert.notEqual(body, null, JSON.stringify({ text, diagnostics }));
    assert.deepEqual(bodyToJson(body ?? []), await theirs(text), JSON.stringify(text));
  }
});

const REFUSED: readonly string[] = [
  'a = b.#c\nd\n',
  'a = b.\nd\n',
  'a = 1 b = 2\n',
  'a {b=1\n}\n',
  'a {\n b=1}\n',
  'a { b = 1 c = 2 }\n',
  'a { b "x" {} }\n',
  'a\n{}\n',
  'a "x"\n{}\n',
  'a\n= 1\n',
  'a =\n1\n',
  'a "b"{}b "c" {}\n',
  'a = 1 +\n2\n',
  'a = {b = 1 c = 2}\n',
  'a = {x = \n1}\n',
  'a = {x\n=1}\n',
  'a = [1 2]\n',
  'a = [\n1\n2]\n',
  'a = {x = 5\n-3}\n',
  'a = "x\ny"\n',
  'a = "\\q"\n',
  'a = "\\u00"\n',
  'a = "\\ud800"\n',
  'a = "x" "y"\n',
  "a = 'x'\n",
  'a = 1;\n',
  'a = 0x10\n',
  'a = .5\n',
  'a::b = 1\n',
  'a = b::c\n',
  '"a" = 1\n',
  'a.b = 1\n',
  'a "${x}" {}\n',
  'a = <<E\nfoo\n',
  'a = <<E\nfoo\nE',
  'a = <<E \nfoo\nE\n',
  'a = <<"E"\nfoo\nE\n',
  'a = 1\rb = 2\n',
  'a { b = <<E\nx\nE\n}\n',
  'a = x\u0000\n',
];

test('what HashiCorp refuses is refused, with a place', async () => {
  for (const text of REFUSED) {
    assert.equal(await theirs(text), null, `the oracle takes ${JSON.stringify(text)}`);
    const { diagnostics } = await parseHcl(new SourceFile('x.hcl', text, 0));
    assert.ok(
      diagnostics.some(({ code, severity }) => severity === 'error' && ['syntax', 'not-constant'].includes(code)),
      JSON.stringify(text),
    );
  }
});

const PIECES: readonly string[] = [
  ...'a b = { } [ ] ( ) , : " 1 - + . true null "x" $${ ${ \\ é'.split(' '),
  ' ',
  ' ',
  '\n',
  '\n',
  '{\n',
  '}\n',
  ' = 1\n',
  '<<E\nfoo\nE\n',
  '#c\n',
  '/*\n*/',
];
const piece = fc.constantFrom(...PIECES);

/** Never thrown, never accepted where HashiCorp refuses, and the same values where both accept. */
async function compare(text: string): Promise<void> {
  const { body, diagnostics } = await parseHcl(new SourceFile('x.hcl', text, 0));
  if (body === null || diagnostics.length > 0) {
    assert.ok(diagnostics.length > 0, `refused without a word: ${JSON.stringify(text)}`);
    return;
  }
  const reference = await theirs(text);
  assert.notEqual(reference, null, `accepted ${JSON.stringify(text)}`);
  // The oracle leaves arithmetic as text.
  if (!/[+\-()]/.test(text)) {
    assert.deepEqual(bodyToJson(body), reference, JSON.stringify(text));
  }
}

test('random pieces of HCL are read as HashiCorp reads them, or refused', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 14 }), (pieces) => compare(pieces.join(''))),
    { numRuns: 300 },
  );
});

test('small changes to good texts are read as HashiCorp reads them, or refused', async () => {
  const edit = fc.record({ at: fc.nat(), drop: fc.nat(2), put: fc.oneof(piece, fc.constant('')) });
  const changed = fc.record({
    text: fc.constantFrom(...ACCEPTED),
    edits: fc.array(edit, { minLength: 1, maxLength: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(changed, ({ text, edits }) => {
      let result = text.replace(/^\ufeff/, '');
      for (const { at, drop, put } of edits) {
        const from = at % (result.length + 1);
        result = result.slice(0, from) + put + result.slice(from + drop);
      }
      return compare(result);
    }),
    { numRuns: 300 },
  );
});

test('arithmetic over numbers is calculated', async () => {
  const cases: readonly (readonly [string, number])[] = [
    ['24 * 60 * 60', 86_400],
    ['1 + 2 * 3', 7],
    ['(1 + 2) * 3', 9],
    ['10 - 2 - 3', 5],
    ['7 % 4', 3],
    ['7 / 2', 3.5],
    ['-(2 + 3)', -5],
    ['2 - -1', 3],
    ['(\n1 +\n2)', 3],
  ];
  for (const [text, want] of cases) {
    const { body } = await parseHcl(new SourceFile('x.hcl', `a = ${text}\n`, 0));
    const [item] = body ?? [];
    assert.equal(item?.kind === 'attribute' && item.value.kind === 'number' ? item.value.value : null, want, text);
  }
});

/** Finds `mark` in the decoded text of `a` and wants it where it stands in the file. */
async function checkPlace(text: string, mark: string): Promise<void> {
  const { body } = await parseHcl(new SourceFile('x.hcl', text, 0));
  const [item] = body ?? [];
  assert.ok(item?.kind === 'attribute' && item.value.kind === 'string', text);
  const at = item.value.text.locate(item.value.text.text.indexOf(mark));
  const lines = text.split('\n');
  const line = lines.findIndex((candidate) => candidate.includes(mark));
  const column = Array.from((lines[line] ?? '').slice(0, (lines[line] ?? '').indexOf(mark))).length;
  assert.deepEqual([at.line, at.column], [line + 1, column + 1], text);
}

test('a character of a string is found through quotes, escapes and indentation', async () => {
  await checkPlace('a = "plain X"\n', 'X');
  await checkPlace('a = "\\"quoted\\" X"\n', 'X');
  await checkPlace('a = "\\u00e9\\U0001F600 😀é X"\n', 'X');
  await checkPlace('a = "$${ %%{ $ X"\n', 'X');
  await checkPlace('a = <<E\none\n  two X\nE\n', 'X');
  await checkPlace('a = <<-E\n    one\n\n      two X\n  E\n', 'X');
  await checkPlace('a = <<-E\n    $${x} X\n  E\n', 'X');
  await checkPlace('a = <<-E\r\n    one\r\n    two X\r\n  E\r\n', 'X');
});

test('the end of a string is a place too', async () => {
  const { body } = await parseHcl(new SourceFile('x.hcl', 'a = "ab\\n"\n', 0));
  const [item] = body ?? [];
  assert.ok(item?.kind === 'attribute' && item.value.kind === 'string');
  const { text } = item.value;
  assert.deepEqual([text.locate(3).column, text.locate(99).column, text.locate(-1).column], [10, 10, 6]);
});
