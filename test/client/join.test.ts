// What a machine believes before and after it has joined.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkRecord, devicePaths, readDevice, removeDevice, writeDevice } from '../../src/client/device-files.ts';
import { caEnvironment, formatEnvironment } from '../../src/client/environment.ts';
import { parseGatewayUrl } from '../../src/client/gateway-link.ts';
import { addTrust, removeTrust } from '../../src/client/trust.ts';
import { createWireguardKeys } from '../../src/devices/wireguard.ts';
import { Secret } from '../../src/lib/secret.ts';
import { temporaryFolder } from '../support/temp.ts';

const KEYS = createWireguardKeys();
const RECORD = {
  gateway: { url: 'https://gw.test:8444', fingerprint: 'AA' },
  device: { id: 'id', name: 'laptop', profile: 'oncall' },
  addresses: ['10.77.0.2', 'fdc1::2'],
  tunnel: { publicKey: KEYS.publicKey, endpoint: 'gw.test:51820', mtu: 1420 },
};

test('a gateway is written as https with an optional fingerprint; without TLS only this machine', () => {
  const fingerprint = 'ab'.repeat(32);
  assert.deepEqual(parseGatewayUrl(`https://gw.test:8444#sha256=${fingerprint}`), {
    protocol: 'https:',
    host: 'gw.test',
    port: 8444,
    fingerprint: 'AB:'.repeat(32).slice(0, -1),
  });
  assert.deepEqual(
    ['https://gw.test', 'http://127.0.0.1:8080', 'http://[::1]:8080', 'http://localhost'].map(
      (text) => parseGatewayUrl(text).port,
    ),
    [443, 8080, 8080, 80],
  );
  for (const text of [
    'gw.test',
    'http://gw.test',
    'http://127.evil.test',
    'ftp://gw.test',
    'https://user@gw.test',
    'https://gw.test/path',
    'https://gw.test#sha1=00',
    'https://gw.test#sha256=00',
  ]) {
    assert.throws(() => parseGatewayUrl(text), { name: 'LinkError' }, text);
  }
});

test('what the gateway says goes into files only where it looks like what it is', () => {
  assert.deepEqual(checkRecord(RECORD), RECORD);
  const { tunnel } = RECORD;
  for (const bad of [
    { ...RECORD, addresses: ['10.77.0.2\nPostUp = touch /tmp/x'] },
    { ...RECORD, addresses: [] },
    { ...RECORD, tunnel: { ...tunnel, endpoint: 'gw.test:1\nPostUp = x' } },
    { ...RECORD, tunnel: { ...tunnel, publicKey: `${KEYS.publicKey}\n` } },
    { ...RECORD, tunnel: { ...tunnel, mtu: '1420' } },
    { ...RECORD, device: { id: 'id', name: 'laptop' } },
    null,
  ]) {
    assert.throws(() => checkRecord(bad), Error, JSON.stringify(bad));
  }
});

test('CP-19: keys and tokens are for this user alone, also over an older file that was not, and leave takes them away', (t) => {
  const home = temporaryFolder(t, 'clawpatrol-home');
  const paths = devicePaths({ HOME: home }, null);
  mkdirSync(join(home, '.config', 'clawpatrol'), { recursive: true });
  writeFileSync(paths.wireguardConfig, 'old', { mode: 0o644 });
  writeDevice(paths, RECORD, { caPem: 'PEM\n', token: new Secret('token'), privateKey: new Secret(KEYS.privateKey) });
  assert.deepEqual(readDevice(paths), RECORD);
  for (const path of [paths.wireguardConfig, join(paths.stateDir, 'token')]) {
    assert.equal(statSync(path).mode & 0o777, 0o600, path);
  }
  assert.match(readFileSync(paths.wireguardConfig, 'utf8'), /^Address = 10\.77\.0\.2\/32, fdc1::2\/128$/m);
  assert.ok(readFileSync(join(paths.caDir, 'ca-bundle.crt'), 'utf8').endsWith('PEM\n'));
  assert.deepEqual(removeDevice(paths, { ca: true, config: false }).length, 3);
  assert.equal(readDevice(paths), null);
  assert.equal(readFileSync(join(paths.caDir, 'ca.crt'), 'utf8'), 'PEM\n');
});

test('the certificate goes into the store of the system at hand, and out of it', async (t) => {
  for (const [folder, program] of [
    ['/usr/local/share/ca-certificates', 'update-ca-certificates'],
    ['/etc/pki/ca-trust/source/anchors', 'update-ca-trust'],
    ['/etc/ca-certificates/trust-source/anchors', 'update-ca-trust'],
  ] as const) {
    const root = temporaryFolder(t, 'clawpatrol-root');
    mkdirSync(join(root, folder), { recursive: true });
    const ran: string[] = [];
    const run = (name: string): Promise<string> => {
      ran.push(name);
      return Promise.resolve('');
    };
    const path = join(root, folder, 'clawpatrol.crt');
    assert.equal((await addTrust('PEM\n', run, root)).done, true);
    assert.equal(readFileSync(path, 'utf8'), 'PEM\n');
    assert.equal((await removeTrust(run, root)).done, true);
    assert.throws(() => statSync(path));
    assert.deepEqual(ran, [program, program]);
  }
  const none = temporaryFolder(t, 'clawpatrol-root');
  assert.equal((await addTrust('PEM\n', () => Promise.resolve(''), none)).done, false);
});

test('variables are quoted so that a folder with any name is one', () => {
  const environment = caEnvironment({ bundle: "/home/o'b $(x)/b", ca: '/ca' });
  assert.match(formatEnvironment(environment, 'sh'), /^export SSL_CERT_FILE='\/home\/o'\\''b \$\(x\)\/b'$/m);
  assert.match(formatEnvironment(environment, 'fish'), /^set -gx SSL_CERT_FILE '\/home\/o\\'b \$\(x\)\/b'$/m);
  assert.deepEqual(JSON.parse(formatEnvironment(environment, 'json')), environment);
});
