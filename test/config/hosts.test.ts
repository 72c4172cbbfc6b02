// Canonical hosts, addresses and networks: every spelling of one thing is one text, and what is none is refused.
import assert from 'node:assert/strict';
import { isIPv6 } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  canonicalHost,
  cidrContains,
  cidrsOverlap,
  formatAddress,
  formatHostPort,
  formatIp,
  isLoopbackHost,
  parseAddress,
  parseCidr,
  parseHost,
  parseIp,
} from '../../src/config/hosts.ts';

function shownHost(text: string, wildcards = true): string | null {
  const parsed = parseHost(text, wildcards);
  return parsed === null ? null : `${parsed.wildcard ? 'any ' : ''}${formatHostPort(parsed.host, parsed.port ?? 0)}`;
}

test('TL-05: hosts have one spelling', () => {
  const cases: readonly (readonly [string, string | null])[] = [
    ['api.github.com', 'api.github.com:0'],
    ['API.GitHub.Com.', 'api.github.com:0'],
    ['api.github.com:443', 'api.github.com:443'],
    ['bücher.example', 'xn--bcher-kva.example:0'],
    ['xn--BCHER-kva.example', 'xn--bcher-kva.example:0'],
    ['10.0.0.1', '10.0.0.1:0'],
    ['10.0.0.1:5432', '10.0.0.1:5432'],
    ['[FD78:0:0::1]:5432', '[fd78::1]:5432'],
    ['fd78::0001', '[fd78::1]:0'],
    ['[::ffff:10.0.0.1]:1', '10.0.0.1:1'],
    ['localhost', 'localhost:0'],
    ['db_1.internal', 'db_1.internal:0'],
    ['*.example.com', 'any *.example.com:0'],
    ['*.Example.COM.:8443', 'any *.example.com:8443'],
    ['*', null],
    ['*.com', null],
    ['*.', null],
    ['a.*.com', null],
    ['*.10.0.0.1', null],
    ['*.example..com', null],
    ['', null],
    ['.', null],
    ['a..b', null],
    ['a b', null],
    ['-a.com', null],
    ['a.com:0', null],
    ['a.com:65536', null],
    ['a.com:', null],
    ['a.com:x', null],
    ['fd78::1:5432:x', null],
    ['[10.0.0.1]:1', null],
    ['[fd78::1', null],
    ['http://a.com', null],
    ['a.com/x', null],
    ['user@a.com', null],
    ['127.1', null],
    ['0x7f.0.0.1', null],
    ['010.0.0.1', null],
    ['256.0.0.1', null],
    ['1.2.3.4.5', null],
    [`${'a'.repeat(64)}.com`, null],
    [`${'a.'.repeat(127)}com`, null],
    ['fe80::1%eth0', null],
    ['ａ.com', 'a.com:0'],
  ];
  for (const [text, want] of cases) {
    assert.equal(shownHost(text), want, JSON.stringify(text));
  }
  assert.equal(shownHost('*.example.com', false), null);
});

test('a canonical host is its own canonical form', () => {
  fc.assert(
    fc.property(fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6(), fc.string()), (text) => {
      const host = canonicalHost(text);
      assert.ok(host === null || canonicalHost(host) === host, `${text} → ${host ?? ''}`);
    }),
  );
});

test('IPv6 text is read as the standard says, and written in its short form', () => {
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      const ip = parseIp(text);
      assert.ok(ip !== null, text);
      const shown = formatIp(ip);
      assert.deepEqual(parseIp(shown), ip);
      assert.equal(ip.version === 6 && new URL(`http://[${text}]`).hostname === `[${shown}]`, ip.version === 6);
    }),
  );
  fc.assert(
    fc.property(fc.stringMatching(/^[0-9a-f:.]{2,20}$/), (text) => {
      assert.equal(text.includes(':') && parseIp(text) !== null, isIPv6(text), text);
    }),
  );
});

test('addresses to listen on', () => {
  const cases: readonly (readonly [string, string | null])[] = [
    ['127.0.0.1:8080', '127.0.0.1:8080'],
    ['[::1]:0', '[::1]:0'],
    ['localhost:1', 'localhost:1'],
    ['unix:/run/x.sock', 'unix:/run/x.sock'],
    ['unix:x.sock', null],
    ['unix:', null],
    ['::1:80', null],
    ['example.com:80', null],
    ['127.0.0.1', null],
    ['127.0.0.1:65536', null],
    [':8080', null],
    ['', null],
  ];
  for (const [text, want] of cases) {
    const address = parseAddress(text);
    assert.equal(address === null || address === 'off' ? null : formatAddress(address), want, text);
  }
  assert.equal(parseAddress('off'), 'off');
});

test('networks hold what they hold', () => {
  const contains = (cidr: string, ip: string): boolean | null => {
    const [network, address] = [parseCidr(cidr), parseIp(ip)];
    return network === null || address === null ? null : cidrContains(network, address);
  };
  assert.equal(contains('10.0.0.0/8', '10.255.255.255'), true);
  assert.equal(contains('10.0.0.0/8', '11.0.0.0'), false);
  assert.equal(contains('10.9.9.9/8', '10.0.0.1'), true);
  assert.equal(contains('0.0.0.0/0', '::1'), false);
  assert.equal(contains('127.0.0.0/8', '::ffff:127.0.0.1'), true);
  assert.equal(contains('fd78::/64', 'fd78::ffff'), true);
  assert.equal(contains('fd78::/64', 'fd78:0:0:1::'), false);
  assert.equal(contains('::/0', '::1'), true);
  for (const text of ['10.0.0.0', '10.0.0.0/33', '10.0.0.0/-1', 'x/8', '::/129', '::ffff:10.0.0.0/104', '/8']) {
    assert.equal(parseCidr(text), null, text);
  }
  const overlap = (a: string, b: string): boolean | null => {
    const [first, second] = [parseCidr(a), parseCidr(b)];
    return first === null || second === null ? null : cidrsOverlap(first, second);
  };
  assert.equal(overlap('10.0.0.0/8', '10.1.0.0/16'), true);
  assert.equal(overlap('10.1.0.0/16', '10.0.0.0/8'), true);
  assert.equal(overlap('10.1.0.0/16', '10.2.0.0/16'), false);
  assert.equal(overlap('0.0.0.0/0', '::/0'), false);
});

test('loopback is told by address', () => {
  assert.deepEqual(
    ['localhost', '127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'].map(isLoopbackHost),
    Array.from({ length: 5 }, () => true),
  );
  assert.deepEqual(['0.0.0.0', '::', '10.0.0.1', 'localhost.example.com'].map(isLoopbackHost), [
    false,
    false,
    false,
    false,
  ]);
});
