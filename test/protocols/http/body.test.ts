// Bodies: codings come off within bounds, and whatever two readers would read differently is Unknown.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { contentOf } from '../../../src/protocols/http/body.ts';
import type { Content } from '../../../src/protocols/http/body.ts';
import { decodeBody } from '../../../src/protocols/http/codings.ts';
import { decodeZstd } from '../../../src/protocols/http/zstd.ts';
import { Unknown } from '../../../src/rules/action.ts';
import type { FactValue } from '../../../src/rules/action.ts';
import { makeRequest } from '../../support/http.ts';

const MIB = 1024 * 1024;

function content(body: string | Buffer, headers: readonly (readonly [string, string])[] = []): Content {
  const made = makeRequest({ body, headers });
  return contentOf(made.request, made.body);
}

const causeOf = (value: unknown): string => (value instanceof Unknown ? value.cause : 'known');

/** A field of a JSON object. */
function member(value: FactValue, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}

const REFUND = '{"action":"refund"}';
// Made by zstd 1.5: a compressed block (FSE tables, Huffman literals), with content size and checksum.
const ZSTD_LIST = Buffer.from(
  'KLUv/QRgLRcACmJYCxuAqaCYA1qFITYGNwLuo4yObHf3ypX9GoiRDgO3AKoAqADCTuHSRWwrPdRrfIZ4hnuQumYmkyv4MJPsO9pkvpJJXnScPbSOm9t+x2niiWVsijpstvYK2SwOWuIerj6ih5lFuoU8A+9NumfsYeoqTZ2rfRh5hpPiqG9ull1Wd6iFdDsXdZ58IVv5VcyIqwfdw3BH7Vp9rKnoIU01H+daj/Zh6EFyKZ9xGj7kdPFR3MbBeBjisEtfJ3k4xXePBwAIBwsKEg4cfEBAYYGBAgkOEA4UECQsDBBwwCBLyHf2ELMwnqgpsvG+zqy4VcfQB9mEjuJi9sD5Jq6qB/ahz2gTmei+oFvchrtoNnIjW2QeBk61K+bhYta+mO1iGvtkLrmZXTUbcZNbhB5EPl5DPUSfiO9qG+YLfsNd0lF5oG3qsE4DH+I+oYeSZYgnbM4cxylz6rre8qHuYN3qRy50k7VYp/KIZ+pynuNGD7TrZiq5Jq64OdRn3YoffWJX6JA+CA85wqagA/YVF6JZD9SHsYf4DW01VaeyY5BnqCsxO3PuMjkGeyi3oWOIhXP1ppNLu4rfUBPFHGihZZinN6Pb2Ef5qu5wG+qyeEob4+HmqqVz5Q4z1S3Vr/cwfZB7pF/cxk5xH3vwNumVe6bP3IP1WmJu78xny0Cz8UC0DHxYs7hdfZWv7Eo3uouz2UZaLi6paZA7drFzmnkklqOpuIk97I1p81RcrVt54B2cy5iGCg0CFO9BYoZM12n0ULbY04doIZtsM87rdjQN90kcIw/NYTU5y0vdjG7cQ/GcXKSD7IGxjWw3D7VriGXkGOgYmxgPJpPQPbsqPuky1Ef3QHyQmYN995QsQ4vcJpycbbAv4ht6DLXFDZlBM+4SHrZVbNaHwS6JZXpU3YhJ+kD1DXFJL6rJmKbzaplYro/YHLh1prOPeJCeujsyo567pgftIbjVbL2lckVNEfd6KwIAVzOySCt5cWUqNuOKZw==',
  'base64',
);
const LIST = `{"action":"refund","list":[${Array.from({ length: 400 }, (_, index) => (index * index) % 977).join(',')}]}`;

/** A frame of raw blocks, or of blocks that repeat one byte. */
function zstdFrame(blocks: readonly (Buffer | { readonly repeat: number })[], descriptor: number = 0x00): Buffer {
  const parts: Buffer[] = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, descriptor, 0x38])];
  blocks.forEach((block, index) => {
    const size = Buffer.isBuffer(block) ? block.length : block.repeat;
    const header = (size << 3) | (Buffer.isBuffer(block) ? 0 : 2) | (index === blocks.length - 1 ? 1 : 0);
    parts.push(Buffer.from([header & 0xff, (header >> 8) & 0xff, header >> 16]));
    parts.push(Buffer.isBuffer(block) ? block : Buffer.from([0x61]));
  });
  return Buffer.concat(parts);
}

test('every known coding comes off, also two of them, in the right order', () => {
  const text = Buffer.from(REFUND);
  const cases: [string, Buffer][] = [
    ['gzip', gzipSync(text)],
    ['X-GZIP', gzipSync(text)],
    ['deflate', deflateSync(text)],
    ['br', brotliCompressSync(text)],
    ['zstd', zstdFrame([text])],
    ['identity', text],
    ['gzip, gzip', gzipSync(gzipSync(text))],
    ['gzip, br', brotliCompressSync(gzipSync(text))],
    ['identity, deflate', deflateSync(text)],
  ];
  for (const [coding, bytes] of cases) {
    const read = content(bytes, [['Content-Encoding', coding]]);
    assert.equal(read.text, REFUND, coding);
    assert.equal(member(read.json, 'action'), 'refund', coding);
  }
  assert.equal(content(ZSTD_LIST, [['content-encoding', 'zstd']]).text, LIST);
  assert.equal(content('', [['Content-Encoding', 'gzip']]).text, '');
});

test('what does not decode completely, and by all readers alike, is undecodable', () => {
  const text = Buffer.from(REFUND);
  const gzip = gzipSync(text);
  const flipped = (bytes: Buffer, at: number): Buffer => {
    const copy = Buffer.from(bytes);
    copy[at] = (copy[at] ?? 0) ^ 0xff;
    return copy;
  };
  const frame = zstdFrame([text]);
  const cases: [string, string, Buffer][] = [
    ['unknown coding', 'lzma', text],
    ['coding with parameters', 'gzip;q=1', gzip],
    ['three codings', 'gzip, gzip, gzip', gzipSync(gzipSync(gzip))],
    ['not coded at all', 'gzip', text],
    ['two members', 'gzip', Buffer.concat([gzipSync('{}'), gzip])],
    ['bytes behind the end', 'gzip', Buffer.concat([gzip, Buffer.from('x')])],
    ['cut', 'gzip', gzip.subarray(0, -1)],
    ['wrong checksum', 'gzip', flipped(gzip, gzip.length - 5)],
    ['wrong length', 'gzip', flipped(gzip, gzip.length - 1)],
    ['reserved flags', 'gzip', flipped(gzip, 3)],
    ['bare deflate', 'deflate', deflateRawSync(text)],
    ['bytes behind deflate', 'deflate', Buffer.concat([deflateSync(text), text])],
    ['bytes behind br', 'br', Buffer.concat([brotliCompressSync(text), text])],
    ['cut br', 'br', brotliCompressSync(text).subarray(0, -1)],
    ['two frames', 'zstd', Buffer.concat([zstdFrame([Buffer.from('{}')]), frame])],
    ['skippable frame', 'zstd', Buffer.concat([Buffer.from([0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 0]), frame])],
    ['dictionary', 'zstd', zstdFrame([text], 0x01)],
    ['reserved bit', 'zstd', zstdFrame([text], 0x08)],
    ['window too large', 'zstd', flipped(frame, 5)],
    ['block too large', 'zstd', zstdFrame([{ repeat: 131_073 }])],
    ['cut zstd', 'zstd', frame.subarray(0, -1)],
    ['wrong content size', 'zstd', flipped(ZSTD_LIST, 5)],
  ];
  for (const [what, coding, bytes] of cases) {
    assert.equal(causeOf(content(bytes, [['Content-Encoding', coding]]).text), 'undecodable', what);
  }
});

test('a bomb stops at its bound, and what is only longer than is read is too large', () => {
  const zeros = Buffer.alloc(8 * MIB);
  for (const [coding, bomb] of [
    ['gzip', gzipSync(zeros)],
    ['br', brotliCompressSync(zeros, { params: { 1: 4 } })],
    ['gzip', gzipSync(gzipSync(Buffer.alloc(2 * MIB)))],
    ['zstd', zstdFrame(Array.from({ length: 64 }, () => ({ repeat: 131_072 })))],
  ] as const) {
    const read = decodeBody(bomb, bomb.length < 3000 ? [coding, coding] : [coding], 256 * MIB);
    assert.equal(causeOf(read), 'undecodable', coding);
  }
  const noise = Buffer.from(Array.from({ length: 40_000 }, (_, index) => (index * 7919) % 251));
  assert.equal(causeOf(decodeBody(gzipSync(noise), ['gzip'], 39_999)), 'too_large');
  assert.ok(!(decodeBody(gzipSync(noise), ['gzip'], 40_000) instanceof Unknown));
  assert.equal(causeOf(decodeBody(zstdFrame([noise]), ['zstd'], 39_999)), 'too_large');
});

test('random bytes never make a decoder throw', () => {
  const names = fc.constantFrom('gzip', 'deflate', 'br', 'zstd');
  fc.assert(
    fc.property(names, fc.uint8Array({ maxLength: 200 }), (coding, bytes) => {
      decodeBody(Buffer.from(bytes), [coding], MIB);
    }),
  );
  const frame = zstdFrame([Buffer.from(REFUND), { repeat: 5 }]);
  fc.assert(
    fc.property(fc.nat(ZSTD_LIST.length - 1), fc.nat(255), (at, byte) => {
      const bent = Buffer.from(ZSTD_LIST);
      bent[at] = byte;
      decodeZstd(bent, MIB);
      decodeZstd(bent.subarray(0, at), MIB);
      decodeZstd(frame.subarray(0, at), MIB);
    }),
  );
});

test('text is UTF-8 and nothing else, whatever charset is named', () => {
  const cases: [string | Buffer, string, string][] = [
    ['ä', 'text/plain', 'known'],
    ['ä', 'text/plain; charset=UTF-8', 'known'],
    ['a', 'text/plain; charset="iso-8859-1"', 'known'],
    ['ä', 'text/plain; charset=iso-8859-1', 'undecodable'],
    ['+AGE-', 'application/json; charset=utf-7', 'undecodable'],
    ['{}', 'application/json; charset=utf-16', 'undecodable'],
    ['{}', 'application/json; charset=utf-8; charset=utf-7', 'undecodable'],
    [Buffer.from([0xff, 0xfe, 0x7b, 0]), 'application/json', 'undecodable'],
    [Buffer.from([0xe4]), '', 'undecodable'],
  ];
  for (const [body, type, want] of cases) {
    const read = content(body, type === '' ? [] : [['Content-Type', type]]);
    assert.equal(causeOf(read.text), want, type);
    assert.equal(want === 'known' || causeOf(read.json) === want, true, type);
  }
});

test('JSON is read whatever the media type says; an empty body is {}', () => {
  for (const type of ['text/plain', 'application/json', 'image/png']) {
    assert.equal(member(content(REFUND, [['Content-Type', type]]).json, 'action'), 'refund');
  }
  assert.deepEqual(content('').json, {});
  const cases: [string, string][] = [
    [`${REFUND}x`, 'unparseable'],
    [`${REFUND}\n{}`, 'unparseable'],
    [`\ufeff${REFUND}`, 'unparseable'],
    [' ', 'unparseable'],
    ['{"action":"x","action":"refund"}', 'ambiguous'],
    ['['.repeat(100_000), 'unparseable'],
  ];
  for (const [body, cause] of cases) {
    assert.equal(causeOf(content(body).json), cause, body.slice(0, 40));
  }
  assert.equal(causeOf(member(content('{"n":12345678901234567890}').json, 'n')), 'ambiguous');
});

test('a body that was not held or was cut is Unknown, and one that does not exist is empty', () => {
  const { request } = makeRequest({ body: REFUND, headers: [['Content-Type', 'application/json']] });
  const bytes = Buffer.from(REFUND);
  assert.equal(causeOf(contentOf(request, { kind: 'unread' }).text), 'incomplete');
  assert.equal(causeOf(contentOf(request, { kind: 'cut', cause: 'too_large', bytes }).json), 'too_large');
  assert.equal(causeOf(contentOf(request, { kind: 'cut', cause: 'incomplete', bytes }).form), 'known');
  const none = makeRequest({});
  assert.equal(contentOf(none.request, { kind: 'unread' }).text, '');
});

test('the fields of an urlencoded form are all of them, or Unknown', () => {
  const form = (body: string): ReturnType<typeof fields> => fields(body, 'application/x-www-form-urlencoded');
  assert.deepEqual(form('action=refund&a=1&a=2+3'), {
    action: ['refund'],
    a: ['1', '2 3'],
  });
  assert.deepEqual(form('n=%C3%A4&m=ä'), { n: ['ä'], m: ['ä'] });
  assert.equal(form('a=1;b=2'), 'ambiguous');
  assert.equal(form('a=%zz'), 'ambiguous');
  assert.deepEqual(fields('a=1', 'text/plain'), {});
  assert.equal(fields('a=1', 'application/x-www-form-urlencoded, text/plain'), 'ambiguous');
});

function fields(body: string | Buffer, type: string): Record<string, readonly string[]> | string {
  const { form } = content(body, [['Content-Type', type]]);
  return form instanceof Unknown ? form.cause : Object.fromEntries(form.fields);
}

const PART = 'Content-Disposition: form-data; name="action"\r\n\r\nrefund';

function multipart(parts: readonly string[], boundary: string = 'B'): string {
  return `${parts.map((part) => `--${boundary}\r\n${part}\r\n`).join('')}--${boundary}--\r\n`;
}

test('the parts of a multipart form are fields and files', () => {
  const body = multipart([
    PART,
    'content-disposition: form-data; name=action\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nsecond',
    'Content-Disposition: form-data; name="f"; filename="a b.png"\r\nContent-Type: image/png\r\n\r\n\0\r\n--C',
    'Content-Disposition: form-data; name="empty"\r\n\r\n',
  ]);
  const { form } = content(body, [['Content-Type', 'multipart/form-data; boundary="B"']]);
  assert.ok(!(form instanceof Unknown));
  assert.deepEqual(Object.fromEntries(form.fields), { action: ['refund', 'second'], empty: [''] });
  assert.deepEqual(form.files, [{ field: 'f', filename: 'a b.png', contentType: 'image/png', sizeBytes: 6 }]);
});

test('a multipart form that some server reads otherwise is Unknown', () => {
  const good = multipart([PART]);
  const part = (head: string, text: string = 'x'): string => multipart([`${head}\r\n\r\n${text}`]);
  const disposition = 'Content-Disposition: form-data; name="a"';
  const cases: [string, string][] = [
    ['no boundary', good],
    ['final boundary missing', good.slice(0, -4)],
    ['text before', `x\r\n${good}`],
    ['text behind', `${good}x`],
    ['boundary inside a line', part(disposition, 'x--B')],
    ['boundary behind a bare line feed', part(disposition, 'x\n--B\r\n')],
    ['longer boundary', part(disposition, 'x\r\n--BX\r\ny')],
    ['padding', good.replace('--B\r\n', '--B \r\n')],
    ['line feeds only', good.replaceAll('\r\n', '\n')],
    ['no header', multipart(['x'])],
    ['folded header', part('Content-Disposition: form-data;\r\n name="a"')],
    ['space before the colon', part('Content-Disposition : form-data; name="a"')],
    ['two dispositions', part(`${disposition}\r\n${disposition}`)],
    ['two names', part('Content-Disposition: form-data; name="a"; name="b"')],
    ['filename*', part(`${disposition}; filename="a"; filename*=utf-8''b`)],
    ['name*', part("Content-Disposition: form-data; name*=utf-8''action")],
    ['escaped quote', part('Content-Disposition: form-data; name="a\\"b"')],
    ['percent quote', part('Content-Disposition: form-data; name="a%22b"')],
    ['no name', part('Content-Disposition: form-data')],
    ['not form-data', part('Content-Disposition: attachment; name="a"')],
    ['base64', part(`${disposition}\r\nContent-Transfer-Encoding: base64`)],
    ['bytes without a name', part(`${disposition}\r\nContent-Type: application/octet-stream`)],
    ['a file without a name', part(`${disposition}; filename=""`)],
    ['name not UTF-8', part('Content-Disposition: form-data; name="\xff"')],
    ['too many', multipart(Array.from({ length: 1001 }, () => PART))],
  ];
  for (const [what, body] of cases) {
    const type = what === 'no boundary' ? 'multipart/form-data' : 'multipart/form-data; boundary=B';
    assert.equal(fields(Buffer.from(body, 'latin1'), type), 'ambiguous', what);
  }
  assert.equal(fields(good, 'multipart/form-data; boundary=B; boundary=C'), 'ambiguous');
  const notUtf8 = Buffer.from(part(disposition, '\xff'), 'latin1');
  assert.equal(fields(notUtf8, 'multipart/form-data; boundary=B'), 'undecodable');
  assert.equal(
    fields(part('Content-Disposition: form-data; name="_charset_"', 'utf-7'), 'multipart/form-data; boundary=B'),
    'undecodable',
  );
  assert.deepEqual(fields(good, 'multipart/form-data; boundary=B'), { action: ['refund'] });
});

test('random multipart bodies are read without throwing', () => {
  const pieces = fc.constantFrom('--B', '--', '\r\n', '\n', PART, 'Content-Type: text/plain', ':', ' ', 'x', '\0');
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 20 }), (list) => {
      fields(list.join(''), 'multipart/form-data; boundary=B');
    }),
  );
});

test('a body is read once, and a head that comes again with another body has another content', () => {
  const { request, body } = makeRequest({ body: REFUND });
  assert.equal(contentOf(request, body), contentOf(request, body));
  const other = contentOf(request, { kind: 'whole', bytes: Buffer.from('{}') });
  assert.deepEqual([other.text, contentOf(request, body).text], ['{}', REFUND]);
  const unread = { kind: 'unread' } as const;
  const none = makeRequest({}).request;
  assert.equal(contentOf(none, unread).text, '');
  assert.ok(contentOf(request, unread).text instanceof Unknown);
});
