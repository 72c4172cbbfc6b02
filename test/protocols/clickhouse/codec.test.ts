// The pieces of the native protocol: numbers and strings, frames and their checksums, data types, and where a block ends.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BlockWalker } from '../../../src/protocols/clickhouse/block.ts';
import { cityHash128 } from '../../../src/protocols/clickhouse/cityhash.ts';
import { Cursor, Input, Writer } from '../../../src/protocols/clickhouse/codec.ts';
import {
  beginsLikePacket,
  checksumHolds,
  decodeFrame,
  readFrameHead,
  wrapFrame,
} from '../../../src/protocols/clickhouse/frames.ts';
import { decodeLz4 } from '../../../src/protocols/clickhouse/lz4.ts';
import { parameterText } from '../../../src/protocols/clickhouse/query.ts';
import { binaryForm } from '../../../src/protocols/clickhouse/settings-binary.ts';
import { parseType } from '../../../src/protocols/clickhouse/types.ts';

test('numbers and strings come back as they were written, and are incomplete at every earlier byte', () => {
  for (const value of [0n, 1n, 127n, 128n, 16_383n, 16_384n, 2n ** 53n, 2n ** 64n - 1n]) {
    const bytes = new Writer().varuint(value).string('text').bytes();
    const cursor = new Cursor(bytes);
    assert.equal(cursor.bigVaruint(), value);
    assert.equal(cursor.text(), 'text');
    assert.equal(cursor.trouble, 'none');
    for (let end = 0; end < bytes.length; end += 1) {
      const cut = new Cursor(bytes.subarray(0, end));
      cut.bigVaruint();
      cut.text();
      assert.equal(cut.trouble, 'incomplete');
    }
  }
});

test('CK-03 lengths of 2^31, 2^63 and of more than ten bytes are malformed before anything is allocated', () => {
  for (const length of [2n ** 31n, 2n ** 32n - 1n, 2n ** 63n, 2n ** 64n - 1n]) {
    const cursor = new Cursor(new Writer().varuint(length).bytes());
    cursor.string();
    assert.equal(cursor.trouble, 'malformed');
  }
  const endless = new Cursor(Buffer.alloc(11, 0xff));
  endless.varuint();
  assert.equal(endless.trouble, 'malformed');
  const fits = new Cursor(new Writer().string(Buffer.alloc(65_536)).bytes());
  assert.equal(fits.string().length, 65_536);
});

test('what waits to be read is the same however it came', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), fc.integer({ min: 1, max: 20 }), (chunks, step) => {
      const input = new Input();
      const read: Buffer[] = [];
      for (const chunk of chunks) {
        input.append(Buffer.from(chunk));
        if (input.length > step) {
          read.push(Buffer.from(input.view.subarray(0, step)));
          input.used(step);
        }
      }
      read.push(Buffer.from(input.drain()));
      assert.deepEqual(Buffer.concat(read), Buffer.concat(chunks));
    }),
  );
});

// The real client takes checksums of the gateway, and the gateway the client's: test/integration/clickhouse-native.test.ts.
test('checksums are those of CityHash128 1.0.2', () => {
  for (const size of [1, 3, 7, 8, 15, 16, 17, 31, 127, 128, 143, 144, 145, 300, 1000, 5000]) {
    const bytes = Buffer.from(Array.from({ length: size }, (_, index) => (index * 31 + size) & 0xff));
    assert.deepEqual(cityHash128(bytes), slowCityHash128(bytes), `${size} bytes`);
  }
});

test('a frame holds what was put into it, and a changed byte breaks its checksum', () => {
  for (const size of [1, 10, 1000, 70_000]) {
    const raw = Buffer.alloc(size, 'data ');
    const frame = wrapFrame(raw);
    const head = readFrameHead(frame, 0);
    assert.equal(head?.sizeBytes, frame.length);
    assert.deepEqual(head === null ? null : decodeFrame(frame, head), raw);
    assert.equal(checksumHolds(frame), true);
    const broken = Buffer.from(frame);
    broken[frame.length - 1] = (broken[frame.length - 1] ?? 0) ^ 1;
    assert.equal(checksumHolds(broken), false);
  }
});

test('CH-31 heads of frames with an unknown method, or a length of 0 or 2^31, are none', () => {
  const change = (edit: (frame: Buffer) => void): boolean => {
    const frame = wrapFrame(Buffer.from('x'));
    edit(frame);
    return readFrameHead(frame, 0) === null;
  };
  assert.equal(
    change((frame) => frame.writeUInt8(0x91, 16)),
    true,
  );
  assert.equal(
    change((frame) => frame.writeUInt32LE(0, 17)),
    true,
  );
  assert.equal(
    change((frame) => frame.writeUInt32LE(9, 17)),
    true,
  );
  assert.equal(
    change((frame) => frame.writeUInt32LE(2 ** 31, 17)),
    true,
  );
  assert.equal(
    change((frame) => frame.writeUInt32LE(2 ** 31, 21)),
    true,
  );
  assert.equal(
    change((frame) => frame.writeUInt32LE(0, 21)),
    true,
  );
  assert.equal(
    change(() => undefined),
    false,
  );
});

test('an LZ4 block gives as many bytes as it should, or is none', () => {
  const cases: readonly (readonly [string, string | null])[] = [
    ['50' + Buffer.from('hello').toString('hex'), 'hello'],
    // "ab", then 6 bytes from two before, then "!".
    ['22616202001021', 'abababab!'],
    ['22616203001021', null],
    ['22616200001021', null],
    ['60' + Buffer.from('hello').toString('hex'), null],
    ['f0', null],
    ['', null],
  ];
  for (const [input, expected] of cases) {
    const output = Buffer.alloc(expected === null ? 9 : expected.length);
    const decoded = decodeLz4(Buffer.from(input, 'hex'), output);
    assert.equal(decoded ? output.toString() : null, expected, input);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.integer({ min: 0, max: 100 }), (input, size) => {
      assert.equal(typeof decodeLz4(Buffer.from(input), Buffer.alloc(size)), 'boolean');
    }),
  );
});

test('a frame that could be read as a packet is told from one that cannot', () => {
  const begins = (...bytes: number[]): boolean => beginsLikePacket(Buffer.from(bytes));
  for (const first of [
    [0, 9],
    [1, 9],
    [2, 0],
    [31, 1],
    [0x81, 0x00],
    [0x81, 0x80],
  ]) {
    assert.equal(begins(...first), true, String(first));
  }
  for (const first of [
    [32, 1],
    [0x7f, 0],
    [0x81, 0x01],
    [0xff, 0xff],
  ]) {
    assert.equal(begins(...first), false, String(first));
  }
});

const TYPES: readonly (readonly [string, string])[] = [
  ['UInt8', '1'],
  ["DateTime64(3, 'UTC')", '8'],
  ['Decimal(9, 2)', '4'],
  ['Decimal(38, 2)', '16'],
  ['FixedString(16)', '16'],
  ["Enum8('a,)' = 1, 'b\\'' = 2)", '1'],
  ['String', 's'],
  ['Nullable(Int32)', 'n4'],
  ['Array(Array(String))', 'aas'],
  ['Map(String, Array(UInt8))', 'a(s,a1)'],
  ['Tuple(a UInt8, `b c` String)', '(1,s)'],
  ['Nested(a UInt8, b String)', 'a(1,s)'],
  ['LowCardinality(Nullable(String))', 'ls'],
  ['SimpleAggregateFunction(sum, UInt64)', '8'],
  ['Point', '(8,8)'],
];
const UNKNOWN_TYPES = [
  'Nonsense',
  'AggregateFunction(uniq, String)',
  'JSON',
  'Dynamic',
  'Variant(String, UInt8)',
  "Object('json')",
  'Array(Nonsense)',
  'Nullable(Array(UInt8))',
  'Array(UInt8',
  'FixedString(0)',
  'Tuple()',
  "Enum8('a",
  `${'Array('.repeat(40)}UInt8${')'.repeat(40)}`,
];

test('a known type has its layout, and every other has none', () => {
  const show = (layout: ReturnType<typeof parseType>): string => {
    switch (layout?.kind) {
      case undefined:
        return '?';
      case 'fixed':
        return String(layout.sizeBytes);
      case 'string':
        return 's';
      case 'nullable':
        return `n${show(layout.of)}`;
      case 'array':
        return `a${show(layout.of)}`;
      case 'low-cardinality':
        return `l${show(layout.of)}`;
      case 'tuple':
        return `(${layout.of.map(show).join(',')})`;
    }
  };
  for (const [type, layout] of TYPES) {
    assert.equal(show(parseType(type)), layout, type);
  }
  for (const type of UNKNOWN_TYPES) {
    assert.equal(parseType(type), null, type);
  }
  // Names nested in names cost no more than their length.
  assert.equal(parseType(`${'Tuple('.repeat(20)}Nonsense${')'.repeat(20)}`), null);
});

const u64 = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 8);
  values.forEach((value, index) => bytes.writeBigUInt64LE(BigInt(value), index * 8));
  return bytes;
};
const strings = (...values: string[]): Buffer =>
  values.reduce((writer, value) => writer.string(value), new Writer()).bytes();
const block = (columns: readonly (readonly [string, Buffer])[], rows: number, custom: boolean = false): Buffer => {
  const writer = new Writer()
    .raw(Buffer.from([1, 0, 2, 255, 255, 255, 255, 0]))
    .varuint(columns.length)
    .varuint(rows);
  for (const [type, data] of columns) {
    writer
      .string('c')
      .string(type)
      .raw(custom ? Buffer.from([0]) : Buffer.alloc(0))
      .raw(data);
  }
  return writer.bytes();
};

const BLOCKS: readonly (readonly [string, Buffer, number])[] = [
  ['no columns', block([], 0), 54412],
  [
    'columns without rows',
    block(
      [
        ['UInt8', Buffer.alloc(0)],
        ['LowCardinality(String)', Buffer.alloc(0)],
      ],
      0,
    ),
    54412,
  ],
  [
    'numbers and strings',
    block(
      [
        ['UInt32', Buffer.alloc(12)],
        ['String', strings('', 'ab', 'x'.repeat(300))],
      ],
      3,
    ),
    54412,
  ],
  ['missing values', block([['Nullable(String)', Buffer.concat([Buffer.from([0, 1]), strings('a', '')])]], 2), 54412],
  [
    'arrays of arrays',
    block([['Array(Array(UInt16))', Buffer.concat([u64(1, 3), u64(2, 2, 5), Buffer.alloc(10)])]], 2),
    54412,
  ],
  ['empty arrays', block([['Array(String)', u64(0, 0)]], 2), 54412],
  [
    'maps',
    block([['Map(String, UInt8)', Buffer.concat([u64(1, 2), strings('a', 'b'), Buffer.from([1, 2])])]], 2),
    54464,
  ],
  [
    'a dictionary',
    block(
      [
        [
          'LowCardinality(String)',
          Buffer.concat([u64(1), u64(0x600), u64(2), strings('', 'a'), u64(3), Buffer.from([0, 1, 1])]),
        ],
      ],
      3,
    ),
    54412,
  ],
  [
    'a dictionary in an array, in two groups',
    block(
      [
        [
          'Array(LowCardinality(String))',
          Buffer.concat([
            u64(1),
            u64(1, 3),
            u64(0x600),
            u64(1),
            strings('a'),
            u64(1),
            Buffer.from([0]),
            u64(0x601),
            u64(1),
            strings('b'),
            u64(2),
            Buffer.alloc(4),
          ]),
        ],
      ],
      2,
    ),
    54412,
  ],
];

test('the end of a block is found however it is cut, and what is behind it is left alone', () => {
  for (const [name, plain, revision] of BLOCKS) {
    const bytes =
      revision === 54464
        ? block([['Map(String, UInt8)', Buffer.concat([u64(1, 2), strings('a', 'b'), Buffer.from([1, 2])])]], 2, true)
        : plain;
    const behind = Buffer.concat([bytes, Buffer.from('behind')]);
    const whole = new BlockWalker(revision);
    assert.equal(whole.push(behind, 0), bytes.length, name);
    assert.equal(whole.state, 'done', name);
    const walker = new BlockWalker(revision);
    for (let at = 0; at < bytes.length; at += 1) {
      assert.equal(walker.state, 'reading', `${name} at ${at}`);
      assert.equal(walker.push(bytes.subarray(at, at + 1), 0), 1);
    }
    assert.equal(walker.state, 'done', name);
  }
});

test('a block that cannot be is malformed, and one of an unknown type says so', () => {
  const states: readonly (readonly [Buffer, string])[] = [
    [Buffer.from([3]), 'malformed'],
    [Buffer.from([0, 0, 1]), 'malformed'],
    [
      new Writer()
        .u8(0)
        .varuint(2 ** 20)
        .varuint(1)
        .bytes(),
      'malformed',
    ],
    [
      new Writer()
        .u8(0)
        .varuint(1)
        .varuint(2 ** 40)
        .bytes(),
      'malformed',
    ],
    [block([['Array(UInt8)', u64(2 ** 50)]], 1), 'malformed'],
    [block([['LowCardinality(String)', u64(2)]], 1), 'malformed'],
    [block([['LowCardinality(String)', u64(1, 0x100)]], 1), 'malformed'],
    [block([['String', Buffer.from([0xff, 0xff, 0xff, 0xff, 0x7f])]], 1), 'malformed'],
    [block([['Nonsense', Buffer.alloc(0)]], 1), 'unknown-type'],
  ];
  for (const [bytes, state] of states) {
    const walker = new BlockWalker(54412);
    walker.push(bytes, 0);
    assert.equal(walker.state, state);
  }
  const custom = new BlockWalker(54464);
  custom.push(Buffer.concat([new Writer().u8(0).varuint(1).varuint(1).string('c').string('UInt8').u8(1).bytes()]), 0);
  assert.equal(custom.state, 'malformed');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const walker = new BlockWalker(54464);
      assert.ok(walker.push(Buffer.from(bytes), 0) <= bytes.length);
    }),
  );
});

test('settings in binary form are numbers, texts, or not known', () => {
  assert.deepEqual(['max_threads', 'load_balancing', 'totals_auto_threshold', 'whatever'].map(binaryForm), [
    'number',
    'string',
    'string',
    'unknown',
  ]);
});

test('a parameter is a text in quotes, or none', () => {
  const cases: readonly (readonly [string, string | null])[] = [
    ["'tokens'", 'tokens'],
    ["'it\\'s'", "it's"],
    ["'a\\\\b'", 'a\\b'],
    ["'\\x41'", null],
    ['UInt64_5', null],
    ["'a'b'", null],
    ["'", null],
    ['NULL', null],
  ];
  for (const [value, text] of cases) {
    assert.equal(parameterText(value), text, value);
  }
});

const MASK = 2n ** 64n - 1n;
const [K0, K1, K2, K3, MUL] = [
  0xc3a5c85c97cb3127n,
  0xb492b66fbe98f273n,
  0x9ae16a3b2f90404fn,
  0xc949d7c7509e6557n,
  0x9ddfea08eb382d69n,
];

/** The same in numbers without end, as the algorithm's description has it. */
function slowCityHash128(bytes: Buffer): Buffer {
  const at64 = (at: number): bigint => bytes.readBigUInt64LE(at);
  const rotate = (value: bigint, by: number): bigint => ((value >> BigInt(by)) | (value << BigInt(64 - by))) & MASK;
  const mix = (value: bigint): bigint => value ^ (value >> 47n);
  const mul = (a: bigint, b: bigint): bigint => (a * b) & MASK;
  const add = (...values: bigint[]): bigint => values.reduce((sum, value) => (sum + value) & MASK, 0n);
  const hash16 = (u: bigint, v: bigint): bigint => mul(mix(mul(v ^ mix(mul(u ^ v, MUL)), MUL)), MUL);
  const short = (at: number, size: number): bigint => {
    if (size > 8) {
      const [a, b] = [at64(at), at64(at + size - 8)];
      return hash16(a, rotate(add(b, BigInt(size)), size)) ^ b;
    }
    if (size >= 4) {
      return hash16(BigInt(size) + (BigInt(bytes.readUInt32LE(at)) << 3n), BigInt(bytes.readUInt32LE(at + size - 4)));
    }
    if (size === 0) {
      return K2;
    }
    const [a = 0, b = 0, c = 0] = [bytes[at], bytes[at + (size >> 1)], bytes[at + size - 1]];
    return mul(mix(mul(BigInt(a + (b << 8)), K2) ^ mul(BigInt(size + (c << 2)), K3)), K2);
  };
  const weak = (at: number, first: bigint, second: bigint): [bigint, bigint] => {
    let a = add(first, at64(at));
    let b = rotate(add(second, a, at64(at + 24)), 21);
    const c = a;
    a = add(a, at64(at + 8), at64(at + 16));
    b = add(b, rotate(a, 44));
    return [add(a, at64(at + 24)), add(b, c)];
  };
  const seeded = (from: number, size: number, low: bigint, high: bigint): [bigint, bigint] => {
    if (size < 128) {
      let [a, b, c, d] = [low, high, 0n, 0n];
      if (size <= 16) {
        a = mul(mix(mul(a, K1)), K1);
        c = add(mul(b, K1), short(from, size));
        d = mix(add(a, size >= 8 ? at64(from) : c));
      } else {
        c = hash16(add(at64(from + size - 8), K1), a);
        d = hash16(add(b, BigInt(size)), add(c, at64(from + size - 16)));
        a = add(a, d);
        for (let done = 0; done + 16 < size; done += 16) {
          a = mul(a ^ mul(mix(mul(at64(from + done), K1)), K1), K1);
          b ^= a;
          c = mul(c ^ mul(mix(mul(at64(from + done + 8), K1)), K1), K1);
          d ^= c;
        }
      }
      a = hash16(a, c);
      b = hash16(d, b);
      return [a ^ b, hash16(b, a)];
    }
    let [x, y, z] = [low, high, mul(BigInt(size), K1)];
    let v: [bigint, bigint] = [add(mul(rotate(y ^ K1, 49), K1), at64(from)), 0n];
    v[1] = add(mul(rotate(v[0], 42), K1), at64(from + 8));
    let w: [bigint, bigint] = [add(mul(rotate(add(y, z), 35), K1), x), mul(rotate(add(x, at64(from + 88)), 53), K1)];
    let at = from;
    let left = size;
    for (; left >= 128; left -= 128) {
      for (let half = 0; half < 2; half += 1) {
        x = mul(rotate(add(x, y, v[0], at64(at + 16)), 37), K1) ^ w[1];
        y = mul(rotate(add(y, v[1], at64(at + 48)), 42), K1) ^ v[0];
        z = rotate(z ^ w[0], 33);
        v = weak(at, mul(v[1], K1), add(x, w[0]));
        w = weak(at + 32, add(z, w[1]), y);
        [z, x] = [x, z];
        at += 64;
      }
    }
    y = add(y, mul(rotate(w[0], 37), K0), z);
    x = add(x, mul(rotate(add(v[0], z), 49), K0));
    for (let done = 0; done < left;) {
      done += 32;
      y = add(mul(rotate(add(y, MASK + 1n - x), 42), K0), v[1]);
      w[0] = add(w[0], at64(at + left - done + 16));
      x = add(mul(rotate(x, 49), K0), w[0]);
      w[0] = add(w[0], v[0]);
      v = weak(at + left - done, v[0], v[1]);
    }
    x = hash16(x, v[0]);
    y = hash16(y, w[0]);
    return [add(hash16(add(x, v[1]), w[1]), y), hash16(add(x, w[1]), add(y, v[1]))];
  };
  const size = bytes.length;
  const [low, high] =
    size >= 16
      ? seeded(16, size - 16, at64(0) ^ K3, at64(8))
      : size >= 8
        ? seeded(0, 0, at64(0) ^ mul(BigInt(size), K0), at64(size - 8) ^ K1)
        : seeded(0, size, K0, K1);
  const out = Buffer.alloc(16);
  out.writeBigUInt64LE(low, 0);
  out.writeBigUInt64LE(high, 8);
  return out;
}
