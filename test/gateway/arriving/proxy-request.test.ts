import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { takeProxyRequest } from '../../../src/gateway/arriving/proxy-request.ts';

const MAX = 1024;

function take(text: string): string {
  const taken = takeProxyRequest(Buffer.from(text, 'latin1'), MAX);
  switch (taken.kind) {
    case 'incomplete':
      return 'incomplete';
    case 'connect':
      return `connect ${taken.target.host} ${taken.target.port} rest ${JSON.stringify(text.slice(taken.sizeBytes))}`;
    case 'absolute':
      return `absolute ${taken.target.host} ${taken.target.port}`;
    case 'refused':
      return `refused ${taken.status}`;
  }
}

test('the destination is read in its canonical form, and a request in absolute form stays in the stream', () => {
  const cases: [string, string][] = [
    ['CONNECT api.example.com:443 HTTP/1.1\r\n\r\n', 'connect api.example.com 443 rest ""'],
    [
      'CONNECT API.Example.COM.:443 HTTP/1.1\r\nHost: api.example.com:443\r\n\r\n\x16\x03',
      'connect api.example.com 443 rest "\\u0016\\u0003"',
    ],
    ['CONNECT [2001:DB8::1]:443 HTTP/1.1\r\nUser-Agent: x\r\n\r\n', 'connect 2001:db8::1 443 rest ""'],
    ['GET http://api.example.com/a HTTP/1.1\r\n', 'absolute api.example.com 80'],
    ['GET http://api.example.com:8080 HTTP/1.1\r\n', 'absolute api.example.com 8080'],
    ['GET https://api.example.com?x HTTP/1.1\r\n', 'absolute api.example.com 443'],
  ];
  for (const [text, expected] of cases) {
    assert.equal(take(text), expected, text);
  }
});

test('what is no request of a proxy is refused', () => {
  const cases: [string, string][] = [
    ['\x16\x03\x01', 'refused 400'],
    ['GET /a HTTP/1.1\r\n', 'refused 400'],
    ['GET /a\r\n', 'refused 400'],
    ['PRI * HTTP/2.0\r\n', 'refused 400'],
    ['SSH-2.0-x\r\n', 'refused 400'],
    ['GET http://h/ HTTP/1.1\n', 'refused 400'],
    ['CONNECT api.example.com HTTP/1.1\r\n\r\n', 'refused 400'],
    ['CONNECT api.example.com:443 HTTP/1.1\r\nHost: other.example.com:443\r\n\r\n', 'refused 400'],
    ['CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:444\r\n\r\n', 'refused 400'],
    ['CONNECT api.example.com:443 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc', 'refused 400'],
    ['CONNECT api.example.com:443 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n', 'refused 400'],
    ['CONNECT api.example.com:443 HTTP/1.1\r\nbad line\r\n\r\n', 'refused 400'],
    ['CONNECT api.example.com:443 HTTP/1.1\r\nName : x\r\n\r\n', 'refused 400'],
    ['GET http://us er@h/ HTTP/1.1\r\n', 'refused 400'],
    ['GET http://user:pw@api.example.com/ HTTP/1.1\r\n', 'refused 400'],
    ['GET http:///x HTTP/1.1\r\n', 'refused 400'],
    [`GET http://h/${'a'.repeat(MAX)} HTTP/1.1\r\n`, 'refused 431'],
    [`CONNECT h.example:443 HTTP/1.1\r\nX: ${'a'.repeat(MAX)}\r\n\r\n`, 'refused 431'],
    ['a'.repeat(MAX), 'refused 431'],
  ];
  for (const [text, expected] of cases) {
    assert.equal(take(text), expected, JSON.stringify(text.slice(0, 80)));
  }
});

test('no prefix of a request is taken for another one', () => {
  const whole = 'CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n\r\n';
  for (let size = 0; size < whole.length; size += 1) {
    assert.equal(take(whole.slice(0, size)), 'incomplete', `${size} bytes`);
  }
});

test('no bytes make it throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      takeProxyRequest(Buffer.from(bytes), MAX);
      takeProxyRequest(Buffer.concat([Buffer.from('CONNECT a:1 HTTP/1.1\r\n'), bytes, Buffer.from('\r\n\r\n')]), MAX);
    }),
  );
});
