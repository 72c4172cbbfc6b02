// Joining and leaving as the command line tells of them.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { devicePaths, readDevice, writeDevice } from '../../src/client/device-files.ts';
import { createWireguardKeys } from '../../src/devices/wireguard.ts';
import { Secret } from '../../src/lib/secret.ts';
import { makeAuthority } from '../support/certificate.ts';
import { runVerb } from '../support/cli.ts';
import { freePort } from '../support/ports.ts';
import { temporaryFolder } from '../support/temp.ts';

test('an empty token file is refused, and nobody is waited for', async (t) => {
  const home = temporaryFolder(t, 'clawpatrol-home');
  const file = join(home, 'token');
  writeFileSync(file, '\n');
  const { code, stderr } = await runVerb(['join', 'https://127.0.0.1:1', '--token-file', file], {
    env: { HOME: home },
  });
  assert.equal(code, 2);
  assert.match(stderr, /token is empty; `clawpatrol devices token --profile PROFILE --expires 1h` prints a token/);
});

test('a machine that the gateway has shut out leaves with nothing left to do; one that it does not answer is told what is', async (t) => {
  const authority = await makeAuthority();
  const keys = createWireguardKeys();
  for (const [status, code, said] of [
    [401, 0, /^removed /m],
    [500, 1, /^left: the gateway could not be told .*clawpatrol devices revoke id$/m],
  ] as const) {
    const server = createServer(await authority.leaf('127.0.0.1'), (_, response) => {
      response.writeHead(status).end('{}');
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const at = server.address();
    const home = temporaryFolder(t, 'clawpatrol-home');
    const paths = devicePaths({ HOME: home }, null);
    const url = `https://127.0.0.1:${typeof at === 'object' && at !== null ? at.port : 0}`;
    const record = {
      gateway: { url, fingerprint: 'AA' },
      device: { id: 'id', name: 'laptop', profile: 'oncall' },
      addresses: ['10.77.0.2', 'fdc1::2'],
      resolver: '10.77.0.1',
      tunnel: { publicKey: keys.publicKey, endpoint: '127.0.0.1:51820', mtu: 1420 },
    };
    writeDevice(paths, record, {
      caPem: authority.caPem,
      token: new Secret('t'),
      privateKey: new Secret(keys.privateKey),
    });
    const left = await runVerb(['leave', '--yes', '--keep-ca'], { env: { HOME: home } });
    assert.match(left.stdout, said);
    assert.equal(left.code, code, left.stdout + left.stderr);
    assert.equal(/^left:/m.test(left.stdout), code !== 0);
    assert.equal(readDevice(paths), null);
  }
});

test('join and run with no gateway there name its URL, what to look at and what to do', async (t) => {
  const home = temporaryFolder(t, 'clawpatrol-home');
  const port = await freePort();
  const url = `https://127.0.0.1:${port}`;
  const keys = createWireguardKeys();
  const joined = await runVerb(['join', `${url}#sha256=${'00'.repeat(32)}`], { env: { HOME: home } });
  assert.equal(joined.code, 3);
  const record = {
    gateway: { url, fingerprint: 'AA' },
    device: { id: 'id', name: 'laptop', profile: 'oncall' },
    addresses: ['10.77.0.2', 'fdc1::2'],
    resolver: '10.77.0.1',
    tunnel: { publicKey: keys.publicKey, endpoint: '127.0.0.1:51820', mtu: 1420 },
  };
  writeDevice(devicePaths({ HOME: home }, null), record, {
    caPem: (await makeAuthority()).caPem,
    token: new Secret('t'),
    privateKey: new Secret(keys.privateKey),
  });
  const ran = await runVerb(['run', '--mode', 'proxy', '--', 'true'], { env: { HOME: home } });
  assert.equal(ran.code, 125);
  for (const { stderr } of [joined, ran]) {
    assert.ok(stderr.includes(`${url} refuses connections: the gateway is down, or listens elsewhere`), stderr);
    assert.match(stderr, /`clawpatrol status`.*start it or correct the URL, and try again \(ECONNREFUSED\)/);
  }
  assert.match(ran.stderr, /nothing was started\. .*if the gateway has moved, join it anew/);
});

test('what answers there and is no gateway is told as that', async (t) => {
  const home = temporaryFolder(t, 'clawpatrol-home');
  const fingerprint = `#sha256=${'00'.repeat(32)}`;
  const listening = async (answer: (socket: Socket) => void): Promise<string> => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {});
      answer(socket);
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const at = server.address();
    return `https://127.0.0.1:${typeof at === 'object' && at !== null ? at.port : 0}`;
  };
  for (const [url, said] of [
    [await listening((socket) => void socket.end('SSH-2.0-x\r\n')), /speaks something else than was asked/],
    [await listening((socket) => void socket.resetAndDestroy()), /ends the connection at once/],
  ] as const) {
    const { stderr, code } = await runVerb(['join', `${url}${fingerprint}`], { env: { HOME: home } });
    assert.deepEqual([code, stderr.includes(url)], [3, true], stderr);
    assert.match(stderr, said);
  }
});
