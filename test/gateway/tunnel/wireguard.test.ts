import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressesAt, lastDeviceNumber, layOut, numberOf } from '../../../src/gateway/tunnel/layout.ts';
import { writeRuleset } from '../../../src/gateway/tunnel/ruleset.ts';
import {
  createWireguardKeys,
  isWireguardKey,
  readWireguardDump,
  wireguardKeysOf,
  writeWireguardConfig,
} from '../../../src/devices/wireguard.ts';

const LAYOUT = layOut({ subnetCidr: '10.77.0.0/24', listenPort: 51_820, interfaceName: 'clawpatrol0', mtu: 1420 });

test('a pair follows from its private half, and texts that are no keys are told apart', () => {
  const keys = createWireguardKeys();
  assert.ok(isWireguardKey(keys.publicKey) && isWireguardKey(keys.privateKey));
  assert.deepEqual(wireguardKeysOf(Buffer.from(keys.privateKey, 'base64')), keys);
  for (const text of [
    '',
    'x',
    `${keys.publicKey}=`,
    keys.publicKey.replace('=', ''),
    `${'A'.repeat(42)}B=`,
    `${keys.publicKey}\n`,
  ]) {
    assert.equal(isWireguardKey(text), false, text);
  }
});

test('an address inside the tunnel is its device’s number, in both networks, and nothing else is', () => {
  for (const number of [1, 2, 77, lastDeviceNumber(LAYOUT.devices)]) {
    const { v4, v6 } = addressesAt(LAYOUT.devices, number);
    assert.deepEqual([numberOf(LAYOUT.devices, v4), numberOf(LAYOUT.devices, v6)], [number, number]);
  }
  for (const ip of [
    '10.77.1.2',
    '10.76.255.255',
    '10.77.0.255',
    'fdc1:a7b0:7a01::ff',
    'fdc1:a7b0:7a01:0:1::2',
    '::2',
    '',
    'x',
  ]) {
    assert.equal(numberOf(LAYOUT.devices, ip), null, ip);
  }
});

test('the configuration of wg has every peer with its own addresses only, and wakes those whose place is known', () => {
  const text = writeWireguardConfig({ privateKey: 'PRIVATE', listenPort: 7 }, [
    { publicKey: 'ONE', addresses: ['10.77.0.2/32', 'fdc1::2/128'], outerAddress: null },
    { publicKey: 'TWO', addresses: ['10.77.0.3/32'], outerAddress: '192.0.2.7:9' },
  ]);
  assert.equal(
    text,
    `[Interface]
PrivateKey = PRIVATE
ListenPort = 7

[Peer]
PublicKey = ONE
AllowedIPs = 10.77.0.2/32, fdc1::2/128

[Peer]
PublicKey = TWO
AllowedIPs = 10.77.0.3/32
Endpoint = 192.0.2.7:9
PersistentKeepalive = 25
`,
  );
});

test('what wg says of peers is read; lines of another shape are left out', () => {
  const dump = [
    'PRIV\tPUB\t51820\toff',
    'ONE\t(none)\t192.0.2.7:9\t10.77.0.2/32\t1700000000\t10\t20\toff',
    'TWO\t(none)\t(none)\t10.77.0.3/32\t0\t0\t0\t25',
    'broken',
    '',
  ].join('\n');
  assert.deepEqual(readWireguardDump(dump), [
    {
      publicKey: 'ONE',
      outerAddress: '192.0.2.7:9',
      lastHandshakeMs: 1_700_000_000_000,
      receivedBytes: 10,
      sentBytes: 20,
    },
    { publicKey: 'TWO', outerAddress: null, lastHandshakeMs: null, receivedBytes: 0, sentBytes: 0 },
  ]);
});

test('names of the rules follow the interface, so that two gateways of one host do not share them', () => {
  const other = layOut({ subnetCidr: '10.66.0.0/24', listenPort: 51_821, interfaceName: 'claw-1', mtu: 1420 });
  assert.equal(other.ruleTable, 'clawpatrol_claw_1');
  assert.notEqual(other.mark, LAYOUT.mark);
  const rules = writeRuleset(LAYOUT, { tcp4: 1001, tcp6: 1002, dns: 1003 }, 'everything');
  for (const line of [
    'tproxy ip to 127.0.0.1:1001',
    'tproxy ip6 to [::1]:1002',
    'redirect to :1003',
    'ip saddr != 10.77.0.0/24 jump strange',
  ]) {
    assert.ok(rules.includes(line), line);
  }
});
