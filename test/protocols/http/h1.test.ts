// The HTTP/1 codec: what is read, what is refused, and that cutting the bytes anywhere changes nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { requestFraming, responseFraming } from '../../../src/protocols/http/framing.ts';
import { createBodyReader, type BodyFraming } from '../../../src/protocols/http/h1-body.ts';
import {
  isMalformed,
  MAX_FIELDS,
  parseRequestHead,
  parseResponseHead,
  takeRequestHead,
  takeResponseHead,
  takeSpan,
} from '../../../src/protocols/http/h1-head.ts';
import { HTTP_HEADS } from '../../corpus/http-heads.ts';

const MAX_HEAD = 4096;

function headOf(text: string): string {
  const taken = takeRequestHead(Buffer.from(text, 'latin1'), MAX_HEAD);
  switch (taken.kind) {
    case 'head':
      return `${taken.head.method} ${taken.head.target} ${taken.head.version} ${JSON.stringify(taken.head.fields.map(({ name, value }) => [name, value]))} ${taken.sizeBytes}`;
    case 'malformed':
      return `refused ${taken.status}`;
    case 'incomplete':
      return 'incomplete';
  }
}

test('heads are read as pairs, in order, in their own case, with nothing joined', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['GET / HTTP/1.1\r\n\r\n', 'GET / 1.1 [] 18'],
    [
      'GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nx-a:2 \t\r\n\r\nrest',
      'GET / 1.1 [["Host","a"],["X-A","1"],["x-a","2"]] 44',
    ],
    ['\r\nGET /a?b=c%20&d HTTP/1.0\r\nA:\r\n\r\n', 'GET /a?b=c%20&d 1.0 [["A",""]] 34'],
    ['QUERY * HTTP/1.1\r\nA: \xe4 b\r\n\r\n', 'QUERY * 1.1 [["A","ä b"]] 28'],
    ['POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n', 'POST / 1.1 [["Content-Length","10"]] 39'],
    ['POST / HTTP/1.1\r\nTransfer-Encoding:Chunked\r\n\r\n', 'POST / 1.1 [["Transfer-Encoding","Chunked"]] 46'],
    ['GET / HTTP/1.1\r\nA: b', 'incomplete'],
    ['GE', 'incomplete'],
    ['\r', 'incomplete'],
  ];
  for (const [text, expected] of cases) {
    assert.equal(headOf(text), expected, JSON.stringify(text));
  }
});

test('what two readers could read in two ways is refused (HT-03 to HT-05, HT-10)', () => {
  const cases: Readonly<Record<string, number>> = {
    'GET / HTTP/1.1\r\nA : b\r\n\r\n': 400,
    'GET / HTTP/1.1\r\nA\t: b\r\n\r\n': 400,
    'GET / HTTP/1.1\r\n: b\r\n\r\n': 400,
    'GET / HTTP/1.1\r\nA\r\n\r\n': 400,
    'GET / HTTP/1.1\r\nA: b\nB: c\r\n\r\n': 400,
    'GET / HTTP/1.1\nA: b\n\n': 400,
    'GET / HTTP/1.1\r\nA: b\rB: c\r\n\r\n': 400,
    'GET / HTTP/1.1\r\nA: b\0c\r\n\r\n': 400,
    'GET / HTTP/1.1\r\nA: b\x0b\r\n\r\n': 400,
    'GET / HTTP/1.1\r\nA: b\x7f\r\n\r\n': 400,
    'GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n': 400,
    'GET / HTTP/1.1\r\n A: b\r\n\r\n': 400,
    'GET / HTTP/1.1\r\nA\xe4: b\r\n\r\n': 400,
    '\r\n\r\nGET / HTTP/1.1\r\n\r\n': 400,
    '\nGET / HTTP/1.1\r\n\r\n': 400,
    ' GET / HTTP/1.1\r\n\r\n': 400,
    'GET  / HTTP/1.1\r\n\r\n': 400,
    'GET / HTTP/1.1 \r\n\r\n': 400,
    'GET /a b HTTP/1.1\r\n\r\n': 400,
    'GET /a#b HTTP/1.1\r\n\r\n': 400,
    'GET /a\tb HTTP/1.1\r\n\r\n': 400,
    'GET /\r\n\r\n': 400,
    'GET\r\n\r\n': 400,
    'GET / http/1.1\r\n\r\n': 400,
    'GET / HTTP/1.1x\r\n\r\n': 400,
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n': 505,
    'GET / HTTP/1.2\r\n\r\n': 505,
    'G\xc4T / HTTP/1.1\r\n\r\n': 400,
    'SSH-2.0-OpenSSH_9\r\n': 400,
    '\x16\x03\x01': 400,
    'POST / HTTP/1.1\r\nContent-Length: +10\r\n\r\n': 400,
    'POST / HTTP/1.1\r\nContent-Length: 0x10\r\n\r\n': 400,
    'POST / HTTP/1.1\r\nContent-Length: 1e1\r\n\r\n': 400,
    'POST / HTTP/1.1\r\nContent-Length:  10\r\n\r\n': 400,
    'POST / HTTP/1.1\r\nContent-Length: 10 \r\n\r\n': 400,
    'POST / HTTP/1.1\r\nContent-Length: 010\r\n\r\n': 400,
    'POST / HTTP/1.1\r\nContent-Length: 10, 10\r\n\r\n': 400,
    'POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n': 400,
    'POST / HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\n': 400,
    'POST / HTTP/1.1\r\nContent-Length:\r\n\r\n': 400,
    'POST / HTTP/1.1\r\nTransfer-Encoding: chunked, x\r\n\r\n': 400,
    'POST / HTTP/1.1\r\nTransfer-Encoding: x, chunked\r\n\r\n': 400,
    'POST / HTTP/1.1\r\nTransfer-Encoding:  chunked\r\n\r\n': 400,
    'POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\x0b\r\n\r\n': 400,
    'POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n': 400,
    'POST / HTTP/1.1\r\ntransfer-encoding: "chunked"\r\n\r\n': 400,
  };
  for (const [text, status] of Object.entries(cases)) {
    assert.equal(headOf(text), `refused ${status}`, JSON.stringify(text));
  }
});

test('heads over the limits are refused before they are held (HT-11)', () => {
  const line = 'GET / HTTP/1.1\r\n';
  const cases: readonly (readonly [string, string])[] = [
    [line + `A: ${'x'.repeat(MAX_HEAD)}`, 'refused 431'],
    [`GET /${'x'.repeat(MAX_HEAD)}`, 'refused 431'],
    [`${line}A: ${'x'.repeat(MAX_HEAD)}\r\n\r\n`, 'refused 431'],
    ['G'.repeat(65), 'refused 400'],
  ];
  for (const [text, expected] of cases) {
    assert.equal(headOf(text), expected);
  }
  const many = Buffer.from(`${line}${'a:b\r\n'.repeat(MAX_FIELDS + 1)}\r\n`, 'latin1');
  assert.equal(takeRequestHead(many, 1e6).kind, 'malformed');
  const enough = Buffer.from(`${line}${'a:b\r\n'.repeat(MAX_FIELDS)}\r\n`, 'latin1');
  assert.equal(takeRequestHead(enough, 1e6).kind, 'head');
});

test('a head that is refused whole is refused, or unfinished, at every cut, and never read', () => {
  const good = 'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n';
  for (let at = 0; at < good.length; at += 1) {
    assert.equal(headOf(good.slice(0, at)), 'incomplete', String(at));
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const taken = takeRequestHead(Buffer.from(bytes), MAX_HEAD);
      return taken.kind !== 'head' || taken.sizeBytes <= bytes.length;
    }),
  );
});

test('responses: status lines as servers write them, and nothing else', () => {
  const good: readonly (readonly [string, number, string])[] = [
    ['HTTP/1.1 200 OK', 200, 'OK'],
    ['HTTP/1.1 200 ', 200, ''],
    ['HTTP/1.0 404', 404, ''],
    ['HTTP/1.1 418 I am a \xe4', 418, 'I am a ä'],
  ];
  for (const [text, status, reason] of good) {
    const head = parseResponseHead(text);
    assert.deepEqual('kind' in head ? head : [head.status, head.reason], [status, reason]);
  }
  for (const text of [
    'HTTP/2 200 OK',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 600 X',
    'HTTP/1.1  200 OK',
    '200 OK',
    'HTTP/1.1 200\tOK',
  ]) {
    assert.ok(isMalformed(parseResponseHead(text)), text);
  }
  assert.equal(takeResponseHead(Buffer.from('ICY 200 OK\r\n'), 100).kind, 'malformed');
  assert.equal(takeResponseHead(Buffer.from('HTT'), 100).kind, 'incomplete');
});

function framingOf(text: string): string {
  const head = parseRequestHead(text);
  if (isMalformed(head)) {
    return 'refused';
  }
  const framing = requestFraming(head.version, head.fields);
  return framing.kind === 'malformed' ? 'refused' : framing.kind === 'length' ? String(framing.bytes) : framing.kind;
}

test('one length or one coding, or none: everything else is refused (HT-02, HT-03)', () => {
  const cases: Readonly<Record<string, string>> = {
    'GET / HTTP/1.1': 'none',
    'POST / HTTP/1.1\r\nContent-Length: 0': '0',
    'POST / HTTP/1.1\r\nContent-Length: 999999999999999': '999999999999999',
    'POST / HTTP/1.1\r\nTransfer-Encoding: chunked': 'chunked',
    'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3': 'refused',
    'POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked': 'refused',
    'POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4': 'refused',
    'POST / HTTP/1.1\r\nContent-Length: 3\r\ncontent-length: 3': 'refused',
    'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked': 'refused',
    'POST / HTTP/1.0\r\nTransfer-Encoding: chunked': 'refused',
  };
  for (const [text, expected] of Object.entries(cases)) {
    assert.equal(framingOf(text), expected, text);
  }
});

test('bodies of answers by method and status (HX-07)', () => {
  const chunked = { name: 'Transfer-Encoding', value: 'chunked' };
  const three = { name: 'Content-Length', value: '3' };
  const cases: readonly (readonly [string, number, readonly (typeof three)[], string])[] = [
    ['GET', 200, [], 'close'],
    ['GET', 200, [three], 'length'],
    ['GET', 200, [three, three], 'length'],
    ['GET', 200, [three, { ...three, value: '4' }], 'malformed'],
    ['GET', 200, [chunked], 'chunked'],
    ['GET', 200, [chunked, three], 'malformed'],
    ['HEAD', 200, [three], 'none'],
    ['HEAD', 200, [chunked], 'none'],
    ['GET', 204, [], 'none'],
    ['GET', 304, [three], 'none'],
    ['GET', 103, [], 'none'],
  ];
  for (const [method, status, fields, expected] of cases) {
    assert.equal(responseFraming(method, { version: '1.1', status, fields }).kind, expected, `${method} ${status}`);
  }
  assert.equal(responseFraming('GET', { version: '1.0', status: 200, fields: [chunked] }).kind, 'malformed');
});

/** Reads a body from chunks: what it holds, what is left, or why it is refused. */
function readBody(framing: BodyFraming, chunks: readonly Buffer[]): string {
  const reader = createBodyReader(framing);
  const data: Buffer[] = [];
  const left: Buffer[] = [];
  let done = reader.empty;
  let trailers = '';
  for (const chunk of chunks) {
    if (done) {
      left.push(chunk);
      continue;
    }
    const pieces = reader.take(chunk);
    if (isMalformed(pieces)) {
      return 'refused';
    }
    data.push(...pieces.data);
    left.push(chunk.subarray(pieces.used));
    done = pieces.done;
    trailers = pieces.trailers.map(({ name, value }) => `${name}=${value}`).join(',');
  }
  const text = (buffers: readonly Buffer[]): string => Buffer.concat(buffers).toString('latin1');
  return `${text(data)}|${trailers}|${done ? text(left) : 'unfinished'}`;
}

const CHUNKED: Readonly<Record<string, string>> = {
  '0\r\n\r\n': '||',
  '3\r\nabc\r\n0\r\n\r\nGET': 'abc||GET',
  '3\r\nabc\r\n0000b\r\n01234567890\r\n0\r\n\r\n': 'abc01234567890||',
  'A\r\n0123456789\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\nrest': '0123456789|X-Sum=1,Y=2|rest',
  '3;a=b;c\r\nabc\r\n0;d\r\n\r\n': 'abc||',
  '3\r\nab': 'ab||unfinished',
  '0x5\r\nabcde\r\n0\r\n\r\n': 'refused',
  '5 \r\nabcde\r\n0\r\n\r\n': 'refused',
  ' 5\r\nabcde\r\n0\r\n\r\n': 'refused',
  '+5\r\nabcde\r\n0\r\n\r\n': 'refused',
  '-5\r\nabcde\r\n0\r\n\r\n': 'refused',
  '5_0\r\nabcde\r\n0\r\n\r\n': 'refused',
  '\r\nabcde': 'refused',
  '3\nabc\r\n0\r\n\r\n': 'refused',
  '3\rabc\r\n0\r\n\r\n': 'refused',
  '3\r\nabc0\r\n\r\n': 'refused',
  '3\r\nabcd\r\n0\r\n\r\n': 'refused',
  '3\r\nabc\n0\r\n\r\n': 'refused',
  '100000000000000\r\n': 'refused',
  'ffffffffffffffff\r\n': 'refused',
  [`3;${'x'.repeat(300)}\r\nabc\r\n0\r\n\r\n`]: 'refused',
  '0\r\nContent-Length: 3\r\n\r\n': 'refused',
  '0\r\nAuthorization: x\r\n\r\n': 'refused',
  '0\r\nHost: x\r\n\r\n': 'refused',
  '0\r\nTransfer-Encoding: chunked\r\n\r\n': 'refused',
  '0\r\nX : x\r\n\r\n': 'refused',
  '0\r\nX: x\n\r\n': 'refused',
  [`0\r\n${'x: y\r\n'.repeat(4000)}\r\n`]: 'refused',
};

test('chunked bodies are read exactly, and at any cut alike (HT-06)', () => {
  for (const [text, expected] of Object.entries(CHUNKED)) {
    const bytes = Buffer.from(text, 'latin1');
    assert.equal(readBody({ kind: 'chunked' }, [bytes]), expected, JSON.stringify(text.slice(0, 60)));
    const single = [...bytes].map((byte) => Buffer.from([byte]));
    assert.equal(readBody({ kind: 'chunked' }, single), expected, JSON.stringify(text.slice(0, 60)));
  }
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.entries(CHUNKED)),
      fc.array(fc.integer({ min: 0, max: 80 }), { maxLength: 6 }),
      ([text, expected], cuts) => {
        const bytes = Buffer.from(text, 'latin1');
        const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].toSorted((a, b) => a - b);
        const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
        return readBody({ kind: 'chunked' }, chunks) === expected;
      },
    ),
  );
});

test('extensions may not carry more than the body for ever', () => {
  const chunk = `1;${'e'.repeat(250)}\r\nx\r\n`;
  assert.equal(readBody({ kind: 'chunked' }, [Buffer.from(chunk.repeat(100) + '0\r\n\r\n')]), `${'x'.repeat(100)}||`);
  assert.equal(readBody({ kind: 'chunked' }, [Buffer.from(chunk.repeat(400) + '0\r\n\r\n')]), 'refused');
});

test('bodies with a length end there, and what follows is left for the next request', () => {
  const bytes = Buffer.from('abcdefGET / HTTP/1.1');
  assert.equal(readBody({ kind: 'length', bytes: 6 }, [bytes]), 'abcdef||GET / HTTP/1.1');
  assert.equal(
    readBody({ kind: 'length', bytes: 6 }, [bytes.subarray(0, 2), bytes.subarray(2)]),
    'abcdef||GET / HTTP/1.1',
  );
  assert.equal(readBody({ kind: 'length', bytes: 100 }, [bytes]), 'abcdefGET / HTTP/1.1||unfinished');
  assert.equal(readBody({ kind: 'none' }, [bytes]), '||abcdefGET / HTTP/1.1');
});

test('a head that comes byte by byte is read as one that comes at once, at every byte of it', () => {
  for (const head of HTTP_HEADS) {
    const bytes = Buffer.from(head, 'latin1');
    for (const of of ['request', 'response'] as const) {
      let seen = 0;
      for (let size = 1; size <= bytes.length; size += 1) {
        const part = bytes.subarray(0, size);
        const once = takeSpan(part, MAX_HEAD, of);
        assert.deepEqual(takeSpan(part, MAX_HEAD, of, seen), once, JSON.stringify(head.slice(0, size)));
        if (once.kind !== 'incomplete') {
          break;
        }
        // Some pieces are longer than a byte.
        seen = size % 3 === 0 ? size : seen;
      }
    }
  }
});
