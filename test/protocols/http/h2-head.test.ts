// Header blocks of HTTP/2 as requests: what is sent on, and what HTTP/1 would read in another way (HT-01, HT-07, notes H6).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Entrance } from '../../../src/protocols/http/authority.ts';
import { blockOf, fieldsOf, readBlock } from '../../../src/protocols/http/h2-head.ts';

const ENTRANCE: Entrance = {
  patterns: [{ host: 'api.test', port: 443, wildcard: false }],
  target: null,
  serverName: 'api.test',
  secure: true,
  dialled: { host: '127.0.0.1', port: 15_443 },
  ownNames: new Set(['localhost']),
  tunnelOnly: false,
};
const GET = [':method', 'GET', ':scheme', 'https', ':authority', 'api.test', ':path', '/a?b'];

function read(raw: readonly string[], ended: boolean = true): string {
  const reading = readBlock(raw, ended, ENTRANCE);
  if (reading.kind === 'refused') {
    return String(reading.status);
  }
  const { method, host, port, rawPath, rawQuery, fields, framing } = reading.request;
  const shown = fields.map(({ name, value }) => `${name}=${value}`).join(' ');
  return `${method} ${host} ${port} ${rawPath} ${rawQuery} ${framing} [${shown}]`;
}

test('a block is a request, with cookies joined and what is for the next hop taken out', () => {
  assert.equal(read(GET), 'GET api.test 443 /a b none []');
  assert.equal(
    read([...GET, 'cookie', 'a=1', 'x-a', '1', 'cookie', 'b=2', 'x-a', '2', 'te', 'trailers', 'x-forwarded-for', 'c']),
    'GET api.test 443 /a b none [cookie=a=1; b=2 x-a=1 x-a=2 te=trailers]',
  );
  assert.equal(read(GET, false), 'GET api.test 443 /a b stream []');
  assert.equal(read([...GET, 'content-length', '7'], false), 'GET api.test 443 /a b length [content-length=7]');
  assert.equal(read([':method', 'GET', ':path', '/', 'host', 'api.test']), 'GET api.test 443 / null none []');
});

test('what is doubtful is refused', () => {
  const cases: readonly (readonly [readonly string[], string])[] = [
    [[...GET, 'connection', 'close'], '400'],
    [[...GET, 'transfer-encoding', 'chunked'], '400'],
    [[...GET, 'upgrade', 'h2c'], '400'],
    [[...GET, 'te', 'gzip'], '400'],
    [[...GET, 'X-Upper', '1'], '400'],
    [[...GET, 'x y', '1'], '400'],
    [[...GET, 'x', 'a\r\nb: c'], '400'],
    [[...GET, 'x', 'a\0'], '400'],
    [[...GET, 'x', ' a'], '400'],
    [[...GET, 'x', 'a '], '400'],
    [[...GET, ':path', '/b'], '400'],
    [[...GET, 'x', '1', ':late', '1'], '400'],
    [[...GET, ':protocol', 'websocket'], '405'],
    [[...GET, 'host', 'other.test'], '400'],
    [[...GET, 'content-length', '1', 'content-length', '1'], '400'],
    [[...GET, 'content-length', '+1'], '400'],
    [[...GET, 'expect', 'magic'], '417'],
    [[':method', 'GET', ':authority', 'api.test', ':path', '/a b'], '400'],
    [[':method', 'GET', ':authority', 'api.test', ':path', '/a#b'], '400'],
    [[':method', 'GET', ':authority', 'api.test', ':path', 'a'], '400'],
    [[':method', 'GET', ':authority', 'api.test', ':path', '*'], '400'],
    [[':method', 'G T', ':authority', 'api.test', ':path', '/'], '400'],
    [[':method', 'CONNECT', ':authority', 'api.test:443'], '405'],
    [[':method', 'TRACE', ':authority', 'api.test', ':path', '/'], '405'],
    [[':method', 'GET', ':authority', 'other.test', ':path', '/'], '421'],
    [[':method', 'GET', ':path', '/'], '400'],
    [[':authority', 'api.test', ':path', '/'], '400'],
  ];
  for (const [raw, status] of cases) {
    assert.equal(read(raw), status, raw.join(' '));
  }
});

test('fields go out with every value they came with, whatever they are called', () => {
  const raw = [':status', '200', 'set-cookie', 'a', 'X', 'no', 'set-cookie', 'b'];
  assert.equal(fieldsOf(raw), null);
  const fields = fieldsOf(raw.filter((text) => text !== 'X' && text !== 'no')) ?? [];
  assert.deepEqual(
    { ...blockOf({ ':status': 200 }, [...fields, { name: '__proto__', value: 'c' }, { name: 'Server', value: 'd' }]) },
    {
      ':status': 200,
      'set-cookie': ['a', 'b'],
      ['__proto__']: 'c',
      server: 'd',
    },
  );
});
