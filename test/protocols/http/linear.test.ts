// What an agent writes is read in time that grows with its length and no faster: one request may not hold up everybody's. Quadratic
// readers took from five seconds to minutes for each of these.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { takeProxyRequest } from '../../../src/gateway/proxy-request.ts';
import { trimBlanks } from '../../../src/lib/text.ts';
import { parseRequestHead } from '../../../src/protocols/http/h1-head.ts';
import { parseMediaType } from '../../../src/protocols/http/headers.ts';
import { INJECTORS } from '../../../src/protocols/http/injectors.ts';
import { splitMultipart } from '../../../src/protocols/http/multipart.ts';
import { parseYaml } from '../../../src/protocols/kubernetes/yaml.ts';
import { makeRequest } from '../../support/http.ts';
import { dispatched } from './parts.ts';

const BLANKS = ' '.repeat(64_000);
const MAX_MS = 2_500;

test('no header, part or body takes longer than its length', () => {
  const part = `X: a${' '.repeat(8_000)}b\r\n\r\nx\r\n--b`;
  const parts = Buffer.from(`--b\r\n${Array.from({ length: 120 }, () => part).join('\r\n')}--`);
  const keys = Array.from({ length: 8_000 }, (_, index) => `k${index}: `).join('\n');
  const connect = Buffer.from(`CONNECT a:443 HTTP/1.1\r\nX:${BLANKS}\u0001\r\n\r\n`, 'latin1');
  const { request } = makeRequest({ headers: [['Cookie', `a${BLANKS}b`]] });
  const sid = dispatched('cookie_token', 'S', { cookie_name: 'sid' });
  const cookie = INJECTORS['cookie_token'];
  const endpoint = { type: 'https', attributes: {} } as const;
  const body = { kind: 'whole', bytes: Buffer.alloc(0) } as const;
  for (const [name, run] of [
    ['blanks inside a header', () => parseRequestHead(`GET / HTTP/1.1\r\nX:a${BLANKS}b`)],
    ['blanks of a CONNECT head', () => takeProxyRequest(connect, 128 * 1024)],
    ['blanks of a media type', () => parseMediaType(`a/b;${BLANKS}!@`)],
    ['blanks in the headers of parts', () => splitMultipart(parts, 'b')],
    ['blanks in a cookie', () => cookie?.(request, sid, { nowMs: 0, body, endpoint })],
    ['keys of YAML', () => parseYaml(keys.slice(0, 65_000))],
  ] as const) {
    const startMs = performance.now();
    run();
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs < MAX_MS, `${name}: ${Math.round(tookMs)} ms`);
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
