// The strict JSON reader: one value that every reader reads the same way, or a fault.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MAX_JSON_DEPTH, foldKey, readJson } from '../../src/lib/json.ts';
import type { JsonFault } from '../../src/lib/json.ts';

const HOLES = { number: 'NUMBER', text: 'TEXT' };

/** Without prototypes, so that deepEqual compares content. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}

test('what is JSON is read as everybody reads it', () => {
  const texts = [
    '{}',
    ' [ ] ',
    '\t{"a" : [1, -2.5e3, true, false, null, "x"]}\r\n',
    '"\\u0041\\n\\"\\\\\\/\\b\\f\\r\\t"',
    '"\\ud83d\\ude00"',
    '"😀"',
    '0',
    '-0',
    '1E5',
    '9007199254740991',
    '-9007199254740991',
    '{"":1,"a":{"A":2}}',
    '[[[[1]]]]',
  ];
  for (const text of texts) {
    const reading = readJson(text, HOLES);
    assert.ok(reading.kind === 'value', text);
    assert.deepEqual(plain(reading.value), plain(JSON.parse(text)), text);
  }
});

test('ND-03: what is not exactly one value, or not the same one to all, is a fault', () => {
  const deep = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  const cases: [string, JsonFault][] = [
    ['', 'syntax'],
    ['\ufeff{}', 'syntax'],
    ['{} {}', 'syntax'],
    ['{}\n{}', 'syntax'],
    ['{}x', 'syntax'],
    ['{"a":1} // c', 'syntax'],
    ['/**/{}', 'syntax'],
    ["{'a':1}", 'syntax'],
    ['{a:1}', 'syntax'],
    ['{"a":1,}', 'syntax'],
    ['[1,]', 'syntax'],
    ['[,1]', 'syntax'],
    ['[1 2]', 'syntax'],
    ['{"a" 1}', 'syntax'],
    ['{"a":}', 'syntax'],
    ['01', 'syntax'],
    ['+1', 'syntax'],
    ['.5', 'syntax'],
    ['1.', 'syntax'],
    ['NaN', 'syntax'],
    ['Infinity', 'syntax'],
    ['tru', 'syntax'],
    ['nullx', 'syntax'],
    ['"\n"', 'syntax'],
    ['"\0"', 'syntax'],
    ['"\\x41"', 'syntax'],
    ['"\\u004"', 'syntax'],
    ['"abc', 'syntax'],
    ['"abc\\', 'syntax'],
    ['[', 'syntax'],
    ['{\0"\0a\0"\0', 'syntax'],
    ['\u00a0{}', 'syntax'],
    ['{"action":"x","action":"refund"}', 'ambiguous'],
    ['{"action":"refund","Action":"x"}', 'ambiguous'],
    ['{"a":{"b":1,"\\u0062":2}}', 'ambiguous'],
    ['{"kind":1,"\u212aind":2}', 'ambiguous'],
    ['{"s":1,"\u017f":2}', 'ambiguous'],
    ['{"\\ud800":1}', 'ambiguous'],
    ['{"__proto__":1,"__PROTO__":2}', 'ambiguous'],
    [deep(MAX_JSON_DEPTH + 1), 'depth'],
    [deep(100_000), 'depth'],
    ['{"a":'.repeat(100_000), 'depth'],
  ];
  for (const [text, fault] of cases) {
    assert.deepEqual(readJson(text, HOLES), { kind: 'fault', fault }, text.slice(0, 60));
  }
  assert.equal(readJson(deep(MAX_JSON_DEPTH), HOLES).kind, 'value');
});

test('ND-03: a number or text that readers read differently is a hole at its place, and nothing else is lost', () => {
  const cases: [string, unknown][] = [
    ['{"a":9007199254740992,"b":1}', { a: 'NUMBER', b: 1 }],
    ['[-9007199254740993]', ['NUMBER']],
    ['[1e400, -1e400, 1e308]', ['NUMBER', 'NUMBER', 1e308]],
    ['["\\ud800", "x\\udc00\\ud800y", "ok"]', ['TEXT', 'TEXT', 'ok']],
  ];
  for (const [text, want] of cases) {
    const reading = readJson(text, HOLES);
    assert.ok(reading.kind === 'value', text);
    assert.deepEqual(plain(reading.value), want, text);
  }
});

test('ND-03: __proto__ is a key like any other', () => {
  const reading = readJson('{"__proto__":{"admin":true},"constructor":1}', HOLES);
  assert.ok(reading.kind === 'value' && typeof reading.value === 'object' && reading.value !== null);
  assert.deepEqual(Object.keys(reading.value), ['__proto__', 'constructor']);
  assert.equal(Object.getPrototypeOf(reading.value), null);
  assert.equal(Reflect.get({}, 'admin'), undefined);
});

test('any text gives a value or a fault, and a value only where JSON.parse gives the same', () => {
  const pieces = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"a"',
    '"A"',
    '"\\u0061"',
    '1',
    '-',
    '.',
    'e',
    'null',
    ' ',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(pieces).map((list) => list.join('')),
        fc.string(),
      ),
      (text) => {
        const reading = readJson(text, HOLES);
        if (reading.kind === 'value') {
          assert.deepEqual(plain(reading.value), plain(JSON.parse(text)));
        }
      },
    ),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), (text) => {
      const reading = readJson(text, HOLES);
      assert.ok(reading.kind === 'value' || reading.fault === 'ambiguous', text);
    }),
  );
});

test('keys that a reader without regard for case takes for one fold to one', () => {
  for (const [left, right] of [
    ['Action', 'ACTION'],
    ['\u212a', 'k'],
    ['\u017f', 's'],
    ['Ä', 'ä'],
  ] as const) {
    assert.equal(foldKey(left), foldKey(right));
  }
  assert.notEqual(foldKey('a'), foldKey('b'));
});
