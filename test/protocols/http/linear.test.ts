// What an agent writes is read in time that grows with its length and no faster: one request may not hold up everybody's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { takeProxyRequest } from '../../../src/gateway/arriving/proxy-request.ts';
import { Appender } from '../../../src/lib/gather.ts';
import { trimBlanks } from '../../../src/lib/text.ts';
import { parseRequestHead, takeSpan } from '../../../src/protocols/http/h1-head.ts';
import { ClientHelloReader } from '../../../src/protocols/http/client-hello.ts';
import { FormScanner } from '../../../src/protocols/http/form-scanner.ts';
import { parseMediaType } from '../../../src/protocols/http/headers.ts';
import { INJECTORS } from '../../../src/protocols/http/injectors.ts';
import { splitMultipart } from '../../../src/protocols/http/multipart.ts';
import { parseYaml } from '../../../src/protocols/kubernetes/yaml.ts';
import { growth, LINEAR } from '../../support/growth.ts';
import { makeRequest } from '../../support/http.ts';
import { dispatched } from './parts.ts';

const blanks = (size: number): string => ' '.repeat(size);

/** One buffer after the other until the reader has had all of them. */
function bytewise(text: string, take: (soFar: Buffer, seen: number) => unknown): void {
  const appender = new Appender();
  let input: Buffer = Buffer.alloc(0);
  for (const byte of Buffer.from(text, 'latin1')) {
    const seen = input.length;
    input = appender.append(input, Buffer.of(byte));
    take(input, seen);
  }
}

test('no header, part or body takes longer than its length', () => {
  const parts = (size: number): Buffer =>
    Buffer.from(`--b\r\n${Array.from({ length: 100 }, () => `X: a${blanks(size)}b\r\n\r\nx\r\n--b`).join('\r\n')}--`);
  const keys = (count: number): string => Array.from({ length: count }, (_, index) => `k${index}: `).join('\n');
  const sid = dispatched('cookie_token', 'S', { cookie_name: 'sid' });
  const cookie = INJECTORS['cookie_token'];
  const endpoint = { type: 'https', attributes: {} } as const;
  const body = { kind: 'whole', bytes: Buffer.alloc(0) } as const;
  const cases: readonly (readonly [name: string, size: number, run: (size: number) => unknown])[] = [
    ['blanks inside a header', 8_000, (n) => parseRequestHead(`GET / HTTP/1.1\r\nX:a${blanks(n)}b`)],
    [
      'blanks of a CONNECT head',
      8_000,
      (n) =>
        takeProxyRequest(Buffer.from(`CONNECT a:443 HTTP/1.1\r\nX:${blanks(n)}\u0001\r\n\r\n`, 'latin1'), 128 * 1024),
    ],
    ['blanks of a media type', 8_000, (n) => parseMediaType(`a/b;${blanks(n)}!@`)],
    ['blanks in the headers of parts', 1_000, (n) => splitMultipart(parts(n), 'b')],
    [
      'blanks in a cookie',
      8_000,
      (n) => {
        const { request } = makeRequest({ headers: [['Cookie', `a${blanks(n)}b`]] });
        return cookie?.(request, sid, { nowMs: 0, body, endpoint });
      },
    ],
    ['keys of YAML', 200, (n) => parseYaml(keys(n))],
    [
      'a head that comes byte by byte',
      2_000,
      (n) => bytewise(`GET / HTTP/1.1\r\nX: ${'x'.repeat(n)}`, (at, seen) => takeSpan(at, 65_536, 'request', seen)),
    ],
    [
      'a ClientHello in records of one byte, byte by byte',
      200,
      (n) => {
        const reader = new ClientHelloReader();
        const record = (byte: number): string => String.fromCharCode(22, 3, 1, 0, 1, byte);
        const text = [1, 0, 0xf0, 0].map(record).join('') + record(0).repeat(n);
        bytewise(text, (at) => reader.take(at));
      },
    ],
    [
      'a form that streams by',
      8_000,
      (n) => new FormScanner('multipart/x').push(Buffer.from(`;name="${blanks(n)}`.repeat(9))),
    ],
    [
      'headers of a form that streams by',
      10,
      (n) =>
        new FormScanner('multipart/x').push(Buffer.from(`\ncontent-disposition: ${';name="'.repeat(900)}\n`.repeat(n))),
    ],
  ];
  for (const [name, size, run] of cases) {
    const times = growth(size, run);
    assert.ok(times < LINEAR, `${name}: ${times.toFixed(1)} times for 8 times the size`);
  }
});

test('blanks are taken off both ends, and no other character is', () => {
  for (const [text, want] of [
    [' \t a \t b \t', 'a \t b'],
    ['a', 'a'],
    ['', ''],
    [' \t ', ''],
    ['\u00a0a\n', '\u00a0a\n'],
  ] as const) {
    assert.equal(trimBlanks(text), want);
  }
});
