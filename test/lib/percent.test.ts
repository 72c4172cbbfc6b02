// Percent escapes and UTF-8: exact, or nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodePercent } from '../../src/lib/percent.ts';
import { decodeUtf8, decodeUtf8Bytes } from '../../src/lib/utf8.ts';

test('an escape is decoded once, and what is no escape is nothing', () => {
  const cases: [string, string | null][] = [
    ['', ''],
    ['plain', 'plain'],
    ['a+b', 'a+b'],
    ['%41%62', 'Ab'],
    ['%2541', '%41'],
    ['%c3%a4', 'ä'],
    ['\xc3\xa4', 'ä'],
    ['%ef%bb%bfx', '\ufeffx'],
    ['%', null],
    ['%4', null],
    ['%zz', null],
    ['%+1', null],
    ['% 1', null],
    ['%c3', null],
    ['%ff', null],
    ['%c0%af', null],
    ['%ed%a0%80', null],
    ['\xe4', null],
    ['\u0141%41', null],
  ];
  for (const [text, want] of cases) {
    assert.equal(decodePercent(text), want, text);
  }
  assert.equal(decodePercent('a+b%2b', true), 'a b+');
});

test('ND-04: what decodeURIComponent reads is read the same, and what makes it throw is nothing', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...Array.from('%%%acef0189+zA/')) }), (text) => {
      let want: string | null;
      try {
        want = decodeURIComponent(text);
      } catch {
        want = null;
      }
      assert.equal(decodePercent(text), want);
    }),
  );
});

test('ND-04: bytes that are not UTF-8 give no text, and a byte order mark stays', () => {
  assert.equal(decodeUtf8(Buffer.from([0xef, 0xbb, 0xbf, 0x41])), '\ufeffA');
  for (const bytes of [[0x80], [0xc3], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xc0, 0x80]]) {
    assert.equal(decodeUtf8(Buffer.from(bytes)), null);
  }
  assert.equal(decodeUtf8Bytes('\xe2\x82\xac'), '€');
  assert.equal(decodeUtf8Bytes('\xe2'), null);
});
