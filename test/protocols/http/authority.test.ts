// Which host a request is for, and which it may not be for (HT-01, HT-27, HT-28, DP-05).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostPattern } from '../../../src/config/config.ts';
import { findServerName, type Entrance } from '../../../src/protocols/http/authority.ts';
import { isMalformed, parseRequestHead } from '../../../src/protocols/http/h1-head.ts';
import { readRequest } from '../../../src/protocols/http/h1-request.ts';

const host = (name: string, port: number = 443): HostPattern => ({
  host: name,
  port,
  wildcard: name.startsWith('*.'),
});

function entrance(changes: Partial<Entrance> = {}): Entrance {
  return {
    patterns: [host('api.test')],
    target: null,
    serverName: null,
    secure: false,
    dialled: { host: '127.0.0.1', port: 15_443 },
    ownNames: new Set(['localhost', '127.0.0.1']),
    tunnelOnly: false,
    ...changes,
  };
}

/** Where a request goes, or the status of its refusal. */
function where(at: Entrance, line: string, ...headers: readonly string[]): string {
  const head = parseRequestHead([line, ...headers].join('\r\n'));
  if (isMalformed(head)) {
    return String(head.status);
  }
  const reading = readRequest(head, at);
  switch (reading.kind) {
    case 'request': {
      const { scheme, host: name, port, rawPath, rawQuery } = reading.request;
      return `${scheme} ${name} ${port} ${rawPath}${rawQuery === null ? '' : `?${rawQuery}`}`;
    }
    case 'connect':
      return `tunnel ${reading.target.host} ${reading.target.port}`;
    case 'refused':
      return String(reading.status);
  }
}

const get = (name: string): readonly [string, string] => ['GET /a HTTP/1.1', `Host: ${name}`];

test('a direct listener takes the endpoint by any spelling of its host, and itself for the only one', () => {
  for (const name of [
    'api.test',
    'API.Test',
    'api.test.',
    'api.test:443',
    'api.test:15443',
    '127.0.0.1:15443',
    'localhost:15443',
    'localhost',
    '127.0.0.1',
  ]) {
    assert.equal(where(entrance(), ...get(name)), 'https api.test 443 /a', name);
  }
  for (const name of [
    'other.test',
    'api.test:8443',
    'api.test:80',
    'localhost:80',
    'evilapi.test',
    'api.test.evil',
    '127.0.0.2:15443',
  ]) {
    assert.equal(where(entrance(), ...get(name)), '421', name);
  }
  for (const name of [
    '',
    'api.test:',
    'a b',
    'user@api.test',
    'api.test/x',
    'api.test, api.test',
    '[::1',
    'api.t\xe4st',
    'api.test:0',
  ]) {
    assert.equal(where(entrance(), ...get(name)), '400', name);
  }
});

test('several hosts, ports and wildcards: what is named decides, and what nobody named is refused', () => {
  const many = entrance({
    patterns: [
      host('*.svc.test'),
      host('api.test'),
      host('api.test', 8443),
      host('plain.test', 80),
      host('x.test', 9000),
    ],
  });
  const cases: Readonly<Record<string, string>> = {
    'api.test': 'https api.test 443 /a',
    'api.test:8443': 'https api.test 8443 /a',
    'plain.test': 'http plain.test 80 /a',
    'plain.test:80': 'http plain.test 80 /a',
    'x.test': 'https x.test 9000 /a',
    'a.svc.test': 'https a.svc.test 443 /a',
    'a.b.svc.test': 'https a.b.svc.test 443 /a',
    'svc.test': '421',
    'evilsvc.test': '421',
    'localhost:15443': '421',
  };
  for (const [name, expected] of Object.entries(cases)) {
    assert.equal(where(many, ...get(name)), expected, name);
  }
});

test('IPv6 hosts stand in brackets and are canonical', () => {
  const six = entrance({ patterns: [host('2001:db8::1')] });
  assert.equal(where(six, ...get('[2001:DB8:0::1]')), 'https 2001:db8::1 443 /a');
  const mapped = entrance({ patterns: [host('1.2.3.4')] });
  assert.equal(where(mapped, ...get('[::ffff:1.2.3.4]')), 'https 1.2.3.4 443 /a');
});

test('the host is the TLS server name, and the CONNECT target', () => {
  const secure = entrance({ patterns: [host('api.test'), host('b.test')], serverName: 'api.test', secure: true });
  assert.equal(where(secure, ...get('api.test')), 'https api.test 443 /a');
  assert.equal(where(secure, ...get('b.test')), '421');
  assert.equal(where(secure, ...get('localhost:15443')), '421');
  const tunnel = entrance({ patterns: [host('api.test'), host('b.test')], target: { host: 'b.test', port: 443 } });
  assert.equal(where(tunnel, ...get('b.test')), 'https b.test 443 /a');
  assert.equal(where(tunnel, ...get('b.test:443')), 'https b.test 443 /a');
  assert.equal(where(tunnel, ...get('b.test:80')), '421');
  assert.equal(where(tunnel, ...get('api.test')), '421');
  assert.equal(where(tunnel, ...get('localhost:15443')), '421');
});

test('exactly one Host, and an absolute target that says the same', () => {
  const cases: readonly (readonly [string, readonly string[], string])[] = [
    ['GET / HTTP/1.1', [], '400'],
    ['GET / HTTP/1.0', [], '400'],
    ['GET / HTTP/1.1', ['Host: api.test', 'host: api.test'], '400'],
    ['GET https://api.test/x?y#z HTTP/1.1', ['Host: api.test'], '400'],
    ['GET https://api.test/x?y HTTP/1.1', ['Host: api.test'], 'https api.test 443 /x?y'],
    ['GET HTTPS://API.test HTTP/1.1', ['Host: api.test'], 'https api.test 443 /'],
    ['GET https://api.test?q HTTP/1.1', ['Host: api.test'], 'https api.test 443 /?q'],
    ['GET https://api.test/x HTTP/1.1', ['Host: b.test'], '400'],
    ['GET https://b.test/x HTTP/1.1', ['Host: b.test'], '421'],
    ['GET http://api.test/x HTTP/1.1', ['Host: api.test'], '421'],
    ['GET http://api.test:443/x HTTP/1.1', ['Host: api.test:443'], 'https api.test 443 /x'],
    ['GET ftp://api.test/x HTTP/1.1', ['Host: api.test'], '400'],
    ['GET api.test/x HTTP/1.1', ['Host: api.test'], '400'],
    ['OPTIONS * HTTP/1.1', ['Host: api.test'], 'https api.test 443 *'],
    ['GET * HTTP/1.1', ['Host: api.test'], '400'],
    ['TRACE / HTTP/1.1', ['Host: api.test'], '405'],
    ['PRI / HTTP/1.1', ['Host: api.test'], '405'],
    ['GET //x/../y%2f?a=b?c HTTP/1.1', ['Host: api.test'], 'https api.test 443 //x/../y%2f?a=b?c'],
  ];
  for (const [line, headers, expected] of cases) {
    assert.equal(where(entrance(), line, ...headers), expected, `${line} ${headers.join()}`);
  }
});

test('CONNECT leads to hosts of the endpoint with their ports, once, and without a body', () => {
  const many = entrance({ patterns: [host('api.test'), host('*.svc.test', 8443)] });
  const cases: readonly (readonly [string, readonly string[], string])[] = [
    ['CONNECT api.test:443 HTTP/1.1', ['Host: api.test:443'], 'tunnel api.test 443'],
    ['CONNECT API.TEST.:443 HTTP/1.0', [], 'tunnel api.test 443'],
    ['CONNECT a.svc.test:8443 HTTP/1.1', ['Host: a.svc.test:8443'], 'tunnel a.svc.test 8443'],
    ['CONNECT api.test HTTP/1.1', ['Host: api.test'], '400'],
    ['CONNECT api.test:80 HTTP/1.1', ['Host: api.test:80'], '421'],
    ['CONNECT b.test:443 HTTP/1.1', ['Host: b.test:443'], '421'],
    ['CONNECT api.test:443 HTTP/1.1', ['Host: b.test:443'], '400'],
    ['CONNECT api.test:443 HTTP/1.1', ['Host: api.test', 'Content-Length: 3'], '400'],
    ['CONNECT https://api.test:443/ HTTP/1.1', ['Host: api.test'], '400'],
  ];
  for (const [line, headers, expected] of cases) {
    assert.equal(where(many, line, ...headers), expected, `${line} ${headers.join()}`);
  }
  const inside = entrance({ target: { host: 'api.test', port: 443 }, secure: true });
  assert.equal(where(inside, 'CONNECT api.test:443 HTTP/1.1', 'Host: api.test:443'), '405');
  const required = entrance({ tunnelOnly: true });
  assert.equal(where(required, 'CONNECT api.test:443 HTTP/1.1', 'Host: api.test:443'), 'tunnel api.test 443');
  assert.equal(where(required, ...get('api.test')), '400');
});

test('TLS server names: the endpoint is found, the listener is itself, everything else is foreign', () => {
  const at = entrance({ patterns: [host('api.test'), host('*.svc.test', 8443)] });
  const named = (name: string, to: Entrance = at): string | null => {
    const found = findServerName(to, name);
    return found === 'foreign' ? 'foreign' : found.name;
  };
  assert.equal(named('api.test'), 'api.test');
  assert.equal(named('Api.Test.'), 'api.test');
  assert.equal(named('a.svc.test'), 'a.svc.test');
  assert.equal(named('localhost'), null);
  assert.equal(named('127.0.0.1'), null);
  assert.equal(named('svc.test'), 'foreign');
  assert.equal(named('evil.test'), 'foreign');
  assert.equal(named('api.test:443'), 'foreign');
  const tunnel = { ...at, target: { host: 'api.test', port: 443 } };
  assert.equal(named('api.test', tunnel), 'api.test');
  assert.equal(named('a.svc.test', tunnel), 'foreign');
  assert.equal(named('localhost', tunnel), 'foreign');
});

function request(...lines: readonly string[]) {
  const head = parseRequestHead(['GET / HTTP/1.1', 'Host: api.test', ...lines].join('\r\n'));
  const reading = isMalformed(head) ? head : readRequest(head, entrance());
  return reading.kind === 'request' ? reading : null;
}

test('what is for the next hop, or would steer us, is taken out; what is end to end stays whatever Connection says (HT-24, HT-25)', () => {
  const read = request(
    'Connection: keep-alive, X-Api-Key, authorization, Hop',
    'Keep-Alive: 5',
    'Hop: 1',
    'Authorization: a',
    'X-Api-Key: b',
    'X-Forwarded-For: c',
    'Forwarded: d',
    'Via: e',
    'X-Real-IP: f',
    'Cf-Connecting-IP: g',
    'Proxy-Authorization: h',
    'Alt-Used: i',
    'Clawpatrol-Retry: j',
    'TE: gzip',
    'Upgrade: h2c',
    'HTTP2-Settings: k',
    'Accept: l',
    'accept: m',
  );
  assert.deepEqual(
    read?.request.fields.map(({ name, value }) => `${name}: ${value}`),
    ['Authorization: a', 'X-Api-Key: b', 'Accept: l', 'accept: m'],
  );
  assert.equal(read?.request.upgrade, 'none');
});

test('what some servers take in place of the host or path that was judged is taken out, however its name is written', () => {
  const read = request(
    'X-Original-URL: /v1/refunds',
    'x-rewrite-url: /v1/refunds',
    'X-Original-Host: other.test',
    'X-Host: other.test',
    'X_Forwarded_Host: other.test',
    'X_Original_URL: /v1/refunds',
    'Client-IP: 127.0.0.1',
    'True-Client-IP: 127.0.0.1',
    'X-Original-Title: a',
    'X_Trace: b',
  );
  assert.deepEqual(
    read?.request.fields.map(({ name, value }) => `${name}: ${value}`),
    ['X-Original-Title: a', 'X_Trace: b'],
  );
});

test('upgrades and expectations are read, and doubtful ones are refused', () => {
  assert.equal(request('Connection: Upgrade', 'Upgrade: WebSocket')?.request.upgrade, 'websocket');
  assert.equal(request('Connection: keep-alive, upgrade', 'Upgrade: SPDY/3.1')?.request.upgrade, 'spdy/3.1');
  assert.equal(request('Connection: Upgrade', 'Upgrade: websocket, h2c'), null);
  assert.equal(request('Connection: Upgrade', 'Upgrade: websocket', 'Content-Length: 3'), null);
  assert.equal(request('Content-Length: 3', 'Expect: 100-Continue')?.expectContinue, true);
  assert.equal(request('Expect: 100-continue')?.expectContinue, false);
  assert.equal(request('Content-Length: 3', 'Expect: 200-ok'), null);
});

test('the gateway`s own name is served beside the hosts of any endpoint, before any wildcard, and never under another server name', () => {
  const own = 'https clawpatrol.internal 443 /a';
  for (const name of [
    'clawpatrol.internal',
    'ClawPatrol.Internal.',
    'clawpatrol.internal:443',
    'clawpatrol.internal:80',
  ]) {
    assert.equal(where(entrance(), ...get(name)), own, name);
  }
  assert.equal(where(entrance(), ...get('clawpatrol.internal:15443')), own, 'as the listener is dialled');
  assert.equal(where(entrance(), ...get('clawpatrol.internal:9000')), '421');
  assert.equal(where(entrance(), ...get('x.clawpatrol.internal')), '421');
  assert.equal(where(entrance({ patterns: [host('*.internal')] }), ...get('clawpatrol.internal')), own);
  assert.equal(where(entrance({ patterns: [host('*.internal')] }), ...get('a.internal')), 'https a.internal 443 /a');
  const secure = entrance({ serverName: 'clawpatrol.internal', secure: true });
  assert.equal(where(secure, ...get('clawpatrol.internal')), own);
  assert.equal(where(secure, ...get('api.test')), '421');
  const other = entrance({ serverName: 'api.test', secure: true });
  assert.equal(where(other, ...get('clawpatrol.internal')), '421');
  assert.equal(where(other, ...get('api.test')), 'https api.test 443 /a');
  const tied = entrance({ target: { host: 'api.test', port: 443 } });
  assert.equal(where(tied, ...get('clawpatrol.internal')), '421');
  assert.deepEqual(findServerName(entrance(), 'CLAWPATROL.internal'), { name: 'clawpatrol.internal' });
  assert.equal(findServerName(tied, 'clawpatrol.internal'), 'foreign');
  assert.equal(
    where(entrance(), 'CONNECT clawpatrol.internal:443 HTTP/1.1', 'Host: clawpatrol.internal:443'),
    'tunnel clawpatrol.internal 443',
  );
  assert.equal(where(entrance(), 'CONNECT clawpatrol.internal:22 HTTP/1.1', 'Host: clawpatrol.internal:22'), '421');
});
