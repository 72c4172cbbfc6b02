// Agents' text as the page shows it: whatever cannot be seen is named, whatever hides by its length is folded, and nothing is left out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytes, count, countdown, duration, splitLine, splitRequest } from '../../../src/dashboard/web/text.ts';

/** What a reader sees of a request. */
function seen(text: string): string {
  return splitRequest(text)
    .map((line) => (line.kind === 'gap' ? `[${line.count}]` : line.pieces.map((piece) => piece.text).join('')))
    .join('\n');
}

test('AP-04: characters that cannot be seen or that move others are named', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['a\u202eb', 'aU+202Eb'],
    ['a\u200bb\u2066c', 'aU+200BbU+2066c'],
    ['a\u0000b\u001b[2Jc', 'aU+0000bU+001B[2Jc'],
    ['a\u2028b', 'aU+2028b'],
    ['a\rb', 'aU+000Db'],
    ['a\u00a0b\u3164c', 'aU+00A0bU+3164c'],
    ['a\u{e0041}b', 'aU+E0041b'],
    ['a\ud800b', 'aU+D800b'],
    ['plain ✅ <b> ü 漢', 'plain ✅ <b> ü 漢'],
  ];
  for (const [text, expected] of rows) {
    assert.equal(seen(text), expected, JSON.stringify(text));
  }
});

test('AP-04: empty lines and spaces that push something out of sight are folded and counted', () => {
  assert.equal(seen(`a${'\n'.repeat(100_001)}b`), 'a\n[100000]\nb');
  assert.equal(seen('a\n\n\nb'), 'a\n\n\nb');
  assert.equal(seen(`a${' '.repeat(5_000)}b`), 'a5,000 spacesb');
  assert.equal(seen(`a${' \t\n'.repeat(10)}b`), 'a    \n[9]\nb'.replace('a    ', 'a     '));
  const numbers = splitRequest('a\n\n\n\n\nb').map((line) => (line.kind === 'line' ? line.number : 0));
  assert.deepEqual(numbers, [1, 0, 6], 'what follows keeps its number');
  const [piled] = splitLine(`e${'\u0301'.repeat(500)}`);
  assert.ok((piled?.text.length ?? 500) < 10, 'marks do not pile up');
});

test('no visible character of any text is lost', () => {
  const bare = (text: string): string => text.replaceAll(/[^\x21-\x7e]/g, '');
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', 'Z', '9', ';', '-', ' ', '\n', '\t', 'é'), maxLength: 400 }),
      (text) => {
        const lines = splitRequest(text);
        const shown = lines
          .flatMap((line) => (line.kind === 'line' ? line.pieces.filter(({ kind }) => kind === 'plain') : []))
          .map((piece) => piece.text)
          .join('');
        assert.equal(bare(shown), bare(text));
      },
    ),
  );
});

test('numbers and times are written in one way', () => {
  assert.equal(count(1_234_567), '1,234,567');
  assert.equal(count(999), '999');
  assert.equal(duration(59_999), '59 s');
  assert.equal(duration(3_720_000), '1 h 02');
  assert.equal(duration(-5), '0 s');
  assert.equal(countdown(61_000), '1:01');
  assert.equal(countdown(3_661_000), '1:01:01');
  assert.equal(bytes(1536), '1.5 KiB');
});
