// Bound values as text, as PostgreSQL prints them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeParameter } from '../../../src/protocols/postgres/values.ts';

/** Text of a binary value, or its kind. */
function decode(oid: number, hex: string): string {
  const value = decodeParameter({ binary: true, bytes: Buffer.from(hex, 'hex') }, oid);
  return value.kind === 'text' ? value.text : value.kind;
}

const CASES: readonly [number, string, string][] = [
  [16, '01', 't'],
  [16, '00', 'f'],
  [16, '', 'opaque'],
  [17, 'dead', '\\xdead'],
  [20, 'ffffffffffffffff', '-1'],
  [21, '8000', '-32768'],
  [23, '0000002a', '42'],
  [23, '002a', 'opaque'],
  [25, '68c3a9', 'hé'],
  [25, 'ff', 'opaque'],
  [26, 'ffffffff', '4294967295'],
  [700, '3dcccccd', '0.1'],
  [700, '7f800000', 'Infinity'],
  [701, '3fb999999999999a', '0.1'],
  [701, '7ff8000000000000', 'NaN'],
  [1082, '00000000', '2000-01-01'],
  [1082, '00001f2a', '2021-11-04'],
  [1082, 'fffffffe', '1999-12-30'],
  [1082, '7fffffff', 'infinity'],
  [1082, '80000000', '-infinity'],
  [1082, 'ff000000', 'opaque'],
  [1083, '00000009eb9c9d42', decodeTime()],
  [1114, '0000000000000001', '2000-01-01 00:00:00.000001'],
  [1114, 'ffffffffffffffff', '1999-12-31 23:59:59.999999'],
  [1114, '7fffffffffffffff', 'infinity'],
  [1184, '8000000000000000', '-infinity'],
  [1184, '0002a30b8f2f4000', timestampText()],
  [1700, '0002000000000002000c0c1c', '12.31'],
  [1700, '00010000400000000005', '-5'],
  [1700, '0000000000000003', '0.000'],
  [1700, '00000000c0000000', 'NaN'],
  [1700, '0001000100000000000c', '120000'],
  [1700, '0001ffff000000050007', '0.00070'],
  [1700, '00000000f0000000', '-Infinity'],
  [1700, '0002', 'opaque'],
  [2950, '0123456789abcdef0123456789abcdef', '01234567-89ab-cdef-0123-456789abcdef'],
  [3802, '017b7d', '{}'],
  [3802, '027b7d', 'opaque'],
  [0, '31', 'opaque'],
  [600, '31', 'opaque'],
];

function decodeTime(): string {
  const us = 0x9eb9c9d42;
  const seconds = Math.floor(us / 1e6);
  const pad = (value: number) => String(value).padStart(2, '0');
  const fraction = String(us % 1e6)
    .padStart(6, '0')
    .replace(/0+$/, '');
  return `${pad(Math.floor(seconds / 3600))}:${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}.${fraction}`;
}

function timestampText(): string {
  const ms = Number(0x0002a30b8f2f4000n / 1000n) + Date.UTC(2000, 0, 1);
  const us = Number(0x0002a30b8f2f4000n % 1_000_000n);
  const fraction = us === 0 ? '' : `.${String(us).padStart(6, '0').replace(/0+$/, '')}`;
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')}${fraction}+00`;
}

for (const [oid, hex, text] of CASES) {
  test(`binary ${hex} of type ${oid} reads as ${text}`, () => assert.equal(decode(oid, hex), text));
}

test('every day of four hundred years has the date that the calendar gives', () => {
  const bytes = Buffer.alloc(4);
  for (let day = -73_048; day <= 73_048; day += 1) {
    bytes.writeInt32BE(day, 0);
    const expected = new Date(Date.UTC(2000, 0, 1 + day)).toISOString().slice(0, 10);
    assert.equal(decode(1082, bytes.toString('hex')), expected);
  }
});

test('text stays text whatever its type, NULL is NULL, and broken UTF-8 is opaque', () => {
  const text = (bytes: Buffer | null) => decodeParameter({ binary: false, bytes }, 600);
  assert.deepEqual(text(Buffer.from('(1,2)')), { kind: 'text', text: '(1,2)' });
  assert.deepEqual(text(null), { kind: 'null' });
  assert.deepEqual(text(Buffer.from([0xff])), { kind: 'opaque' });
});

test('random bytes of any type never throw', () => {
  const oids = [16, 17, 18, 20, 21, 23, 25, 26, 700, 701, 1082, 1083, 1114, 1184, 1700, 2950, 3802];
  fc.assert(
    fc.property(fc.constantFrom(...oids), fc.uint8Array({ maxLength: 24 }), (oid, bytes) => {
      decodeParameter({ binary: true, bytes: Buffer.from(bytes) }, oid);
    }),
    { numRuns: 3000 },
  );
});
