import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatHostPort } from '../../../src/config/hosts.ts';
import { canonicalIp, createRanges, mayDial, reachesSelf } from '../../../src/gateway/dialling/addresses.ts';

test('addresses are written in one way', () => {
  const cases: [string | undefined, string][] = [
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::FFFF:10.1.2.3', '10.1.2.3'],
    ['10.1.2.3', '10.1.2.3'],
    ['fe80::1%eth0', 'fe80::1'],
    ['2001:DB8::1', '2001:db8::1'],
    [undefined, ''],
  ];
  for (const [given, expected] of cases) {
    assert.equal(canonicalIp(given), expected);
  }
});

test('a source is in a range only when its bits are', () => {
  const inRanges = createRanges(['127.0.0.0/8', '10.1.0.0/16', '::1/128', '2001:db8::/32', '192.0.2.7']);
  const inside = ['127.9.9.9', '10.1.255.255', '::1', '2001:db8:1::1', '192.0.2.7'];
  const outside = ['10.2.0.1', '192.0.2.8', '::2', '2001:db9::1', '', 'not an address'];
  for (const ip of inside) {
    assert.equal(inRanges(ip), true, ip);
  }
  for (const ip of outside) {
    assert.equal(inRanges(ip), false, ip);
  }
});

test('HT-44: a name leads nowhere that only a written address may', () => {
  const refused: [string, string][] = [
    ['db.example', '127.0.0.1'],
    ['db.example', '::1'],
    ['db.example', '::ffff:127.0.0.1'],
    ['db.example', '169.254.169.254'],
    ['db.example', 'fd00:ec2::254'],
    ['db.example', 'fe80::1'],
    ['db.example', '0.0.0.0'],
    ['db.example', '::'],
    ['db.example', '::ffff:7f00:1'],
    ['db.example', '::ffff:a9fe:a9fe'],
    ['db.example', '100.100.100.200'],
    ['db.example', '::ffff:100.100.100.200'],
    ['db.example', '168.63.129.16'],
    ['db.example', '192.0.0.192'],
    ['db.example', 'fd20:ce::254'],
    ['db.example', '64:ff9b::169.254.169.254'],
    ['db.example', '64:ff9b::7f00:1'],
    ['db.example', '224.0.0.1'],
    ['db.example', '255.255.255.255'],
    ['localhost', '169.254.169.254'],
    ['localhost.example', '127.0.0.1'],
  ];
  for (const [host, ip] of refused) {
    assert.equal(mayDial(host, ip), false, `${host} at ${ip}`);
  }
  const allowed: [string, string][] = [
    ['db.example', '10.0.0.5'],
    ['db.example', '203.0.113.5'],
    ['db.example', '100.100.100.201'],
    ['db.example', '64:ff9b::203.0.113.5'],
    ['100.100.100.200', '100.100.100.200'],
    ['db.example', 'fd12:3456::1'],
    ['localhost', '127.0.0.1'],
    ['pg.localhost', '::1'],
    ['127.0.0.1', '127.0.0.1'],
    ['169.254.169.254', '169.254.169.254'],
  ];
  for (const [host, ip] of allowed) {
    assert.equal(mayDial(host, ip), true, `${host} at ${ip}`);
  }
});

test('an upstream that is one of our own listeners is recognised', () => {
  const own = {
    bound: [
      { host: '127.0.0.1', port: 15432 },
      { host: '0.0.0.0', port: 8080 },
    ],
    local: new Set(['192.0.2.10', '127.0.0.1']),
  };
  const cases: [string, number, boolean][] = [
    ['127.0.0.1', 15432, true],
    ['::ffff:127.0.0.1', 15432, true],
    ['127.0.0.1', 5432, false],
    ['127.0.0.2', 15432, false],
    ['192.0.2.10', 8080, true],
    ['127.0.0.1', 8080, true],
    ['192.0.2.11', 8080, false],
    // "No address" is this machine.
    ['0.0.0.0', 15432, true],
    ['::', 15432, true],
    ['0.0.0.0', 8080, true],
    ['0.0.0.0', 5432, false],
  ];
  for (const [ip, port, expected] of cases) {
    assert.equal(reachesSelf(ip, port, own), expected, formatHostPort(ip, port));
  }
});
