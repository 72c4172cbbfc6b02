// The guard of destinations that nobody declared.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createShut } from '../../../src/gateway/arriving/undeclared.ts';

const OWN = {
  networks: ['10.78.0.0/16', 'fd78::/64', '203.0.113.128/25'],
  local: new Set(['198.51.100.4', '2001:db8::4']),
};

function isShut(ip: string, unknownPrivate: 'deny' | 'passthrough'): boolean {
  const defaults = { unknownHost: 'passthrough', unknownPrivate } as Parameters<typeof createShut>[0]['defaults'];
  return createShut({ defaults }, OWN)(ip) !== null;
}

test('what is never public stays shut whatever is opened, in every spelling (DP-07)', () => {
  for (const ip of [
    '127.0.0.1',
    '127.255.0.9',
    '::1',
    '0.0.0.0',
    '::',
    '169.254.169.254',
    'fe80::1',
    'fe80::1%eth0',
    '224.0.0.251',
    'ff02::fb',
    '255.255.255.255',
    '240.0.0.1',
    '100.100.100.200',
    '168.63.129.16',
    'fd00:ec2::254',
    '64:ff9b::808:808',
    '64:ff9b:1::1',
    '2002:7f00:1::1',
    '2001:0:1::1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:169.254.169.254',
    '10.78.3.4',
    'fd78::3',
    '203.0.113.200',
    '198.51.100.4',
    '::ffff:198.51.100.4',
    '2001:db8::4',
    'example.org',
    '',
  ]) {
    assert.equal(isShut(ip, 'passthrough'), true, ip);
  }
});

test('private space is open only when it is said; public addresses always are (DP-32)', () => {
  for (const ip of [
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1',
    '198.18.0.1',
    'fd12::1',
    '::ffff:10.0.0.1',
  ]) {
    assert.equal(isShut(ip, 'deny'), true, ip);
    assert.equal(isShut(ip, 'passthrough'), false, ip);
  }
  for (const ip of [
    '8.8.8.8',
    '172.32.0.1',
    '100.128.0.1',
    '198.51.100.5',
    '203.0.113.7',
    '2606:4700::1111',
    '::ffff:8.8.8.8',
  ]) {
    assert.equal(isShut(ip, 'deny'), false, ip);
  }
});
