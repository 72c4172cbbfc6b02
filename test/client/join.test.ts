// What a machine believes before and after it has joined.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkRecord, devicePaths, readDevice, removeDevice, writeDevice } from '../../src/client/device-files.ts';
import { caEnvironment, formatEnvironment } from '../../src/client/environment.ts';
import { createGatewayLink, parseGatewayUrl } from '../../src/client/gateway-link.ts';
import { addTrust, findTrust, removeTrust } from '../../src/client/trust.ts';
import { createWireguardKeys } from '../../src/devices/wireguard.ts';
import { Secret } from '../../src/lib/secret.ts';
import { makeAuthority } from '../support/certificate.ts';
import { temporaryFolder } from '../support/temp.ts';

const KEYS = createWireguardKeys();
const RECORD = {
  gateway: { url: 'https://gw.test:8444', fingerprint: 'AA' },
  device: { id: 'id', name: 'laptop', profile: 'oncall' },
  addresses: ['10.77.0.2', 'fdc1::2'],
  resolver: '10.77.0.1',
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

test('a gateway whose name is not known any more is dialled where it was found, and must still prove its name', async (t) => {
  const authority = await makeAuthority();
  for (const name of ['gw.invalid', 'other.invalid']) {
    const server = createServer(await authority.leaf(name), (_, response) => void response.end('{"ok":true}'));
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const at = server.address();
    const url = parseGatewayUrl(`https://gw.invalid:${typeof at === 'object' && at !== null ? at.port : 0}`);
    const answer = createGatewayLink(url, authority.caPem, '127.0.0.1').get('/', new Secret('token'));
    if (name === 'gw.invalid') {
      assert.deepEqual(await answer, { ok: true });
    } else {
      await assert.rejects(answer, /shows a certificate that is not one of the gateway's CA for that name/);
    }
  }
});

test('what the gateway says goes into files only where it looks like what it is', () => {
  assert.deepEqual(checkRecord(RECORD), RECORD);
  const { tunnel } = RECORD;
  for (const bad of [
    { ...RECORD, addresses: ['10.77.0.2\nPostUp = touch /tmp/x'] },
    { ...RECORD, addresses: [] },
    { ...RECORD, resolver: '10.77.0.1\nnameserver 9.9.9.9' },
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

test('the certificate goes into the store of the system at hand, and leaving takes it out of each', async (t) => {
  const stores = [
    // Debian, Ubuntu; Alpine, whose program may know no --fresh.
    ['/usr/local/share/ca-certificates', ['update-ca-certificates', 'update-ca-certificates --fresh'], ''],
    [
      '/usr/local/share/ca-certificates',
      ['update-ca-certificates', 'update-ca-certificates --fresh', 'update-ca-certificates'],
      '--fresh',
    ],
    // Fedora, RHEL.
    ['/etc/pki/ca-trust/source/anchors', ['update-ca-trust extract', 'update-ca-trust extract'], ''],
    // Arch.
    ['/etc/ca-certificates/trust-source/anchors', ['update-ca-trust', 'update-ca-trust'], ''],
  ] as const;
  for (const [folder, commands, unknown] of stores) {
    const root = temporaryFolder(t, 'clawpatrol-root');
    mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(join(root, folder, 'other.crt'), 'OTHER\n');
    const ran: string[] = [];
    const run = (name: string, args: readonly string[]): Promise<string> => {
      ran.push([name, ...args].join(' '));
      return unknown !== '' && args.includes(unknown) ? Promise.reject(new Error('usage')) : Promise.resolve('');
    };
    const path = join(root, folder, 'clawpatrol.crt');
    assert.equal(findTrust('PEM\n', root), 'absent');
    assert.equal((await addTrust('PEM\n', run, root)).done, true);
    assert.equal(readFileSync(path, 'utf8'), 'PEM\n');
    assert.deepEqual([findTrust('PEM\n', root), findTrust('NEW\n', root)], ['trusted', 'other']);
    assert.equal((await removeTrust(run, root)).done, true);
    assert.throws(() => statSync(path));
    assert.equal(readFileSync(join(root, folder, 'other.crt'), 'utf8'), 'OTHER\n');
    assert.deepEqual(ran, commands);
    // Nothing is there any more: nothing is run.
    assert.deepEqual([await removeTrust(run, root), ran.length], [{ done: true, detail: '' }, commands.length]);
  }
  const none = temporaryFolder(t, 'clawpatrol-root');
  assert.equal((await addTrust('PEM\n', () => Promise.resolve(''), none)).done, false);
  assert.equal(findTrust('PEM\n', none), 'unknown');
});

test('a store that cannot be brought up to date is told', async (t) => {
  const root = temporaryFolder(t, 'clawpatrol-root');
  mkdirSync(join(root, '/etc/pki/ca-trust/source/anchors'), { recursive: true });
  const fails = () => Promise.reject(new Error('no update-ca-trust'));
  assert.match((await addTrust('PEM\n', fails, root)).detail, /no update-ca-trust; as root it works/);
  const removed = await removeTrust(fails, root);
  assert.deepEqual([removed.done, /is still trusted: no update-ca-trust/.test(removed.detail)], [false, true]);
});

test('TL-04: the bundle that programs read in place of their own list holds all of that list, and ours', (t) => {
  const paths = devicePaths({ HOME: temporaryFolder(t, 'clawpatrol-home') }, null);
  const ours = '-----BEGIN CERTIFICATE-----\nb3Vycw==\n-----END CERTIFICATE-----\n';
  writeDevice(paths, RECORD, { caPem: ours, token: new Secret('token'), privateKey: new Secret(KEYS.privateKey) });
  const blocks = (path: string): readonly string[] =>
    readFileSync(path, 'utf8').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const system = '/etc/ssl/certs/ca-certificates.crt';
  const theirs = existsSync(system) ? blocks(system) : [];
  const bundle = blocks(join(paths.caDir, 'ca-bundle.crt'));
  assert.deepEqual(bundle.slice(0, theirs.length), theirs);
  assert.deepEqual(bundle.slice(-1), blocks(join(paths.caDir, 'ca.crt')));
  const environment = caEnvironment({ bundle: 'all', ca: 'ours' });
  // Node adds to its own list; every other one is read in the place of one.
  assert.deepEqual(
    Object.entries(environment).filter(([, path]) => path === 'ours'),
    [['NODE_EXTRA_CA_CERTS', 'ours']],
  );
  for (const name of ['SSL_CERT_FILE', 'CURL_CA_BUNDLE', 'REQUESTS_CA_BUNDLE', 'GIT_SSL_CAINFO']) {
    assert.equal(environment[name], 'all', name);
  }
});

test('variables are quoted so that a folder with any name is one', () => {
  const environment = caEnvironment({ bundle: "/home/o'b $(x)/b", ca: '/ca' });
  assert.match(formatEnvironment(environment, 'sh'), /^export SSL_CERT_FILE='\/home\/o'\\''b \$\(x\)\/b'$/m);
  assert.match(formatEnvironment(environment, 'fish'), /^set -gx SSL_CERT_FILE '\/home\/o\\'b \$\(x\)\/b'$/m);
  assert.deepEqual(JSON.parse(formatEnvironment(environment, 'json')), environment);
});
