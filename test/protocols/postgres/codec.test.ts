// Frames, message bodies, and what becomes of hostile lengths.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  FRONT,
  backendKeyMessage,
  clientLengthLimit,
  errorMessage,
  frame,
  negotiateVersionMessage,
  noticeMessage,
  parseMessage,
  queryMessage,
  startupPacket,
  takeMessage,
} from '../../../src/protocols/postgres/codec.ts';
import {
  readBind,
  readBindNames,
  readDataRow,
  readErrorFields,
  readExecute,
  readParameterStatus,
  readParameterTypes,
  readParameters,
  readParse,
  readQuery,
  readTag,
  readTarget,
  rowsOfTag,
} from '../../../src/protocols/postgres/messages.ts';

const CAP = 1000;

for (const length of [0, 1, 3, CAP + 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]) {
  test(`PG-T08: a message whose length says ${length} is malformed, and nothing is allocated for it`, () => {
    const bytes = Buffer.alloc(5);
    bytes[0] = FRONT.query;
    bytes.writeUInt32BE(length, 1);
    assert.equal(takeMessage(bytes, CAP).kind, 'malformed');
  });
}

for (const length of [4, CAP]) {
  test(`PG-T08: a message whose length says ${length} is taken once it is whole`, () => {
    const bytes = Buffer.alloc(length + 1);
    bytes[0] = FRONT.query;
    bytes.writeUInt32BE(length, 1);
    for (const cut of [0, 4, length]) {
      assert.equal(takeMessage(bytes.subarray(0, cut), CAP).kind, 'incomplete');
    }
    const taken = takeMessage(bytes, CAP);
    assert.equal(taken.kind === 'message' && taken.sizeBytes, length + 1);
  });
}

test('client messages have the limits that the server has', () => {
  const cases: readonly [number, number][] = [
    [FRONT.query, 0x3fff_ffff],
    [FRONT.copyData, 0x3fff_ffff],
    [FRONT.sync, 10_000],
    [FRONT.terminate, 10_000],
    [FRONT.password, 0],
    [0x00, 0],
    [0xff, 0],
  ];
  for (const [type, limit] of cases) {
    assert.equal(clientLengthLimit(type), limit);
  }
});

test('what does not fit the length field is refused by the encoder', () => {
  // Zero pages that nobody touches: the length alone is looked at.
  assert.equal(frame(FRONT.query, Buffer.alloc(0x3fff_ffff)), null);
});

test('message bodies are read as they were written, and a body that does not fit is null', () => {
  const parse = parseMessage(Buffer.from('s1'), 'SELECT $1').subarray(5);
  assert.deepEqual(readParse(parse)?.text.toString(), 'SELECT $1');
  assert.equal(readParse(parse)?.name, 's1');
  assert.equal(readParse(parse.subarray(0, -1)), null);
  assert.equal(readParse(Buffer.concat([parse, Buffer.from([0])])), null);
  assert.equal(readParse(Buffer.from('no end')), null);
  const typed = Buffer.from([0, 0x31, 0, 0, 1, 0, 0, 0, 23]);
  assert.deepEqual(readParse(typed)?.oids, [23]);

  assert.equal(readQuery(queryMessage('SELECT 1').subarray(5))?.toString(), 'SELECT 1');
  assert.equal(readQuery(Buffer.from('SELECT 1')), null);
  assert.equal(readQuery(Buffer.alloc(0)), null);

  assert.equal(readExecute(Buffer.from('p\0\0\0\0\0')), 'p');
  assert.equal(readExecute(Buffer.from('p\0\0\0')), null);
  assert.deepEqual(readTarget(Buffer.from('Sx\0')), { what: 'statement', name: 'x' });
  assert.deepEqual(readTarget(Buffer.from('Px\0')), { what: 'portal', name: 'x' });
  for (const body of ['', 'S', 'Sx', 'Xx\0', 'Sx\0y']) {
    assert.equal(readTarget(Buffer.from(body)), null);
  }
  assert.deepEqual(readParameterStatus(Buffer.from('a\0b\0')), { name: 'a', value: 'b' });
  assert.equal(readParameterStatus(Buffer.from('a\0b')), null);
  assert.equal(readParameterStatus(Buffer.from('a')), null);
  assert.deepEqual(readParameterTypes(Buffer.from([0, 1, 0, 0, 0, 23])), [23]);
  assert.equal(readParameterTypes(Buffer.from([0, 1, 0])), null);
  assert.equal(readTag(Buffer.from('SELECT 5\0')), 'SELECT 5');
  assert.equal(readTag(Buffer.from('BEGIN')), 'BEGIN');
});

test('a command tag counts rows only when its last word is a number', () => {
  const cases: readonly [string, number | null][] = [
    ['SELECT 5', 5],
    ['INSERT 0 1', 1],
    ['COPY 10', 10],
    ['BEGIN', null],
    ['CREATE TABLE', null],
    ['SELECT 99999999999999999999', null],
  ];
  for (const [tag, rows] of cases) {
    assert.equal(rowsOfTag(tag), rows, tag);
  }
});

/** Body of a Bind. */
function bindBody(formats: readonly number[], values: readonly (Buffer | null)[]): Buffer {
  const parts = [Buffer.from('p\0s\0'), uint16(formats.length), ...formats.map(uint16), uint16(values.length)];
  for (const value of values) {
    const length = Buffer.alloc(4);
    length.writeInt32BE(value === null ? -1 : value.length, 0);
    parts.push(length, value ?? Buffer.alloc(0));
  }
  return Buffer.concat([...parts, uint16(0)]);
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value, 0);
  return bytes;
}

test('a Bind gives its names and its values in their formats', () => {
  const check = (formats: readonly number[], expected: readonly boolean[]) => {
    const bind = readBind(bindBody(formats, [Buffer.from('a'), null]));
    assert.deepEqual([bind?.portal, bind?.statement, bind?.parameters], ['p', 's', 2]);
    const read = readParameters(bind?.values ?? Buffer.alloc(0));
    assert.deepEqual(
      read.map((parameter) => parameter.binary),
      expected,
    );
    assert.deepEqual([read[0]?.bytes?.toString(), read[1]?.bytes], ['a', null]);
  };
  check([], [false, false]);
  check([1], [true, true]);
  check([0, 1], [false, true]);
});

test('a Bind that is cut or lies about a length is malformed at every byte', () => {
  const whole = bindBody([1], [Buffer.from('abc'), null]);
  for (let cut = 0; cut < whole.length; cut += 1) {
    assert.equal(readBind(whole.subarray(0, cut)), null, `cut at ${cut}`);
  }
  const lying = Buffer.from(whole);
  lying.writeInt32BE(-2, 10);
  assert.equal(readBind(lying), null);
  assert.deepEqual(readBindNames(whole.subarray(0, 4)), { portal: 'p', statement: 's', end: 4 });
  assert.equal(readBindNames(whole.subarray(0, 3)), null);
});

test('columns of a DataRow are read as text, and lengths that do not fit are malformed', () => {
  const row = Buffer.from([0, 2, 0, 0, 0, 1, 0x61, 0xff, 0xff, 0xff, 0xff]);
  assert.deepEqual(readDataRow(row), ['a', null]);
  for (const bad of [row.subarray(0, 6), row.subarray(0, 1), Buffer.from([0, 1, 0xff, 0xff, 0xff, 0xfe])]) {
    assert.equal(readDataRow(bad), null);
  }
});

test('errors and notices carry their fields, and a NUL cannot end one early', () => {
  const fields = { severity: 'ERROR', code: '42501', message: 'no\0S-injected', detail: 'd', hint: 'h' } as const;
  const read = readErrorFields(errorMessage(fields).subarray(5));
  assert.deepEqual(Object.fromEntries(read), { S: 'ERROR', V: 'ERROR', C: '42501', M: 'no', D: 'd', H: 'h' });
  const notice = noticeMessage({ severity: 'NOTICE', code: '00000', message: 'm', detail: '', hint: '' });
  assert.deepEqual(Object.fromEntries(readErrorFields(notice.subarray(5))), {
    S: 'NOTICE',
    V: 'NOTICE',
    C: '00000',
    M: 'm',
  });
  assert.equal(readErrorFields(Buffer.from('Mno end')).size, 0);
});

test('start-up messages have the bytes that the manual gives', () => {
  assert.equal(
    startupPacket(new Map([['user', 'u']])).toString('hex'),
    '0000001000030000' + Buffer.from('user\0u\0\0').toString('hex'),
  );
  assert.equal(backendKeyMessage(1, 2).toString('hex'), '4b0000000c0000000100000002');
  assert.equal(
    negotiateVersionMessage(0, ['_pq_.x']).toString('hex'),
    '76000000130000000000000001' + Buffer.from('_pq_.x\0').toString('hex'),
  );
});

test('random bytes never make a reader throw', () => {
  const readers = [
    readParse,
    readBind,
    readBindNames,
    readQuery,
    readExecute,
    readTarget,
    readParameterStatus,
    readParameterTypes,
    readTag,
    readErrorFields,
    readDataRow,
  ];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      for (const reader of readers) {
        reader(Buffer.from(bytes));
      }
      takeMessage(Buffer.from(bytes), CAP);
    }),
    { numRuns: 2000 },
  );
});
