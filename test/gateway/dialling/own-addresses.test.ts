// What belongs to the gateway is not asked of the system for every connection.
import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import type { Config } from '../../../src/config/config.ts';
import { readLocalAddresses } from '../../../src/gateway/dialling/dial.ts';
import { readOwnAddresses } from '../../../src/gateway/dialling/own-addresses.ts';
import { createShut } from '../../../src/gateway/arriving/undeclared.ts';

test('the machine’s addresses are read again after a second, and are all of them', () => {
  const atMs = performance.now() + 1_000_000;
  const first = readLocalAddresses(atMs);
  assert.equal(readLocalAddresses(atMs + 999), first);
  const later = readLocalAddresses(atMs + 1_001);
  assert.notEqual(later, first);
  const count = new Set(Object.values(networkInterfaces()).flatMap((found) => (found ?? []).map((one) => one.address)));
  assert.equal(later.size, count.size);
  assert.ok(later.has('127.0.0.1'));
});

test('each configuration has its own networks', () => {
  const gatewayOf = (wireguard: Config['gateway']['wireguard']): Config['gateway'] =>
    ({ vipSubnets: ['10.78.0.0/16'], wireguard, tailscale: null }) as unknown as Config['gateway'];
  const plain = { gateway: gatewayOf(null) };
  const tunnelled = { gateway: gatewayOf({ subnet_cidr: '10.77.0.0/24' }) };
  assert.deepEqual(readOwnAddresses(plain).networks, ['10.78.0.0/16']);
  assert.equal(readOwnAddresses(plain).networks, readOwnAddresses(plain).networks);
  const { networks } = readOwnAddresses(tunnelled);
  assert.equal(networks[1], '10.77.0.0/24');
  const defaults = { unknownPrivate: 'passthrough' } as Config['defaults'];
  for (const [config, shut] of [
    [plain, null],
    [tunnelled, 'it is an address of the gateway'],
    [plain, null],
  ] as const) {
    assert.equal(createShut({ defaults }, readOwnAddresses(config))('10.77.0.9'), shut);
  }
});
