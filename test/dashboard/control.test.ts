// Who may reach the operator API: the socket's mode, the kernel's word on the peer, and TCP.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { spawn, spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { ControlError, createControlClient, parseControlAddress } from '../../src/client/control-client.ts';
import { listenControl } from '../../src/dashboard/control.ts';
import { createPeerLookup } from '../../src/dashboard/peer.ts';
import { GatewayError } from '../../src/lib/errors.ts';
import { openWorld, type ControlWorld } from './control-world.ts';

async function refusals(world: ControlWorld): Promise<readonly unknown[]> {
  await world.audit.flush();
  const page = await world.audit.search(
    { types: ['connection.refused'] },
    { limit: 10, cursor: null, newestFirst: false },
  );
  return page.items.map((record) => record.data?.['cause']);
}

test('the socket is made for its owner alone, and goes away with the gateway', async (t) => {
  const world = await openWorld(t);
  const stat = lstatSync(world.path);
  assert.equal(stat.isSocket(), true);
  assert.equal(stat.mode & 0o777, 0o600);
  assert.equal(world.control.address, `unix:${world.path}`);
  await world.control.close();
  assert.equal(existsSync(world.path), false);
});

test('the kernel tells who is at the other end', async (t) => {
  const world = await openWorld(t);
  const server = createServer();
  const path = join(world.dir, 'peer.sock');
  server.listen(path);
  await once(server, 'listening');
  t.after(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const client = createConnection(path);
  t.after(() => client.destroy());
  const [socket] = await once(server, 'connection');
  assert.equal(createPeerLookup()(socket), process.getuid?.());
  assert.equal(createPeerLookup('win32')(socket), null);
  socket.destroy();
  assert.equal(createPeerLookup()(socket), null, 'a socket that is gone is nobody');
});

test('only this user and root are listened to; others are cut off and recorded', async (t) => {
  const own = process.getuid?.() ?? 0;
  const rows: readonly (readonly [string, number | null, boolean])[] = [
    ['this user', own, true],
    ['root', 0, true],
    ['another user', own + 4711, false],
    ['nobody can tell', null, false],
  ];
  for (const [name, user, allowed] of rows) {
    const world = await openWorld(t, { findPeerUser: () => user });
    if (allowed) {
      assert.equal((await world.client.status()).ok, true, name);
      continue;
    }
    await assert.rejects(
      world.client.status(),
      (error) =>
        error instanceof ControlError && error.exitCode === 3 && /only its own user and root/.test(error.message),
      name,
    );
    assert.deepEqual(await refusals(world), ['control-peer'], name);
  }
});

test(
  'another user of the machine is turned away by the kernel, even past the mode of the file',
  { skip: process.getuid?.() !== 0 },
  async (t) => {
    // The gateway under test acts as a user of its own would: root connects, and so may nobody else.
    const world = await openWorld(t);
    chmodSync(world.dir, 0o755);
    chmodSync(world.path, 0o666);
    const script = `const s = require('net').connect(process.argv[1]); s.on('connect', () => s.write('GET /api/status HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n')); s.on('data', (d) => console.log('data ' + d)); s.on('error', () => {}); s.on('close', () => console.log('closed'));`;
    const child = async (uid: number): Promise<string> => {
      const running = spawn(process.execPath, ['-e', script, world.path], {
        uid,
        stdio: ['ignore', 'pipe', 'ignore'],
        timeout: 120_000,
      });
      let output = '';
      running.stdout.on('data', (piece: Buffer) => {
        output += piece.toString();
        if (output.includes('HTTP/1.1 200')) {
          running.kill();
        }
      });
      await once(running, 'close');
      return output;
    };
    assert.equal((await child(65_534)).trim(), 'closed');
    assert.match(await child(0), /HTTP\/1\.1 200/);
  },
);

test('over TCP every call is refused, and told why', async (t) => {
  const world = await openWorld(t, { address: { kind: 'tcp', host: '127.0.0.1', port: 0 } });
  const address = parseControlAddress(world.control.address);
  assert.ok(address?.kind === 'tcp');
  assert.ok(address.port > 0);
  const client = createControlClient(address);
  const isRefusal = (error: unknown): boolean => {
    assert.ok(error instanceof ControlError);
    assert.equal(error.code, 'unauthorised');
    assert.equal(error.exitCode, 4);
    assert.match(error.message, /needs an operator token/);
    return true;
  };
  // All are waited for from the start: the second may be refused before the first.
  const calls = [client.status(), client.approvals.list(), client.reload(), client.audit.search()];
  await Promise.all(calls.map((call) => assert.rejects(call, isRefusal)));
  assert.deepEqual(await refusals(world), ['control-without-token']);
});

test('a socket that a dead gateway left is replaced; anything else in its place stays', async (t) => {
  const world = await openWorld(t);
  const failsOn = async (path: string, message: RegExp) => {
    await assert.rejects(listenControl({ ...world.parts, address: { kind: 'unix', path } }), (error) => {
      assert.ok(error instanceof GatewayError);
      assert.equal(error.code, 'LISTEN_FAILED');
      assert.match(error.message, message);
      return true;
    });
  };
  await failsOn(world.path, /another process listens/);
  assert.equal((await world.client.status()).ok, true);

  const file = join(world.dir, 'precious.txt');
  writeFileSync(file, 'keep me');
  await failsOn(file, /is no socket/);
  assert.equal(readFileSync(file, 'utf8'), 'keep me');

  const stale = join(world.dir, 'stale.sock');
  const script = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script, stale]);
  assert.equal(lstatSync(stale).isSocket(), true);
  const second = await listenControl({ ...world.parts, address: { kind: 'unix', path: stale } });
  assert.equal((await createControlClient({ kind: 'unix', path: stale }).status()).ok, true);
  await second.close();

  const deep = join(world.dir, 'd'.repeat(120));
  mkdirSync(deep);
  await failsOn(join(deep, 'control.sock'), /at most 103 work/);
  await failsOn(join(world.dir, 'missing', 'control.sock'), /cannot listen on control_listen/);
});

test('addresses of gateways are read as they are written', () => {
  const rows = [
    ['unix:/run/x.sock', { kind: 'unix', path: '/run/x.sock' }],
    ['unix:///run/x.sock', { kind: 'unix', path: '/run/x.sock' }],
    ['unix:', null],
    ['127.0.0.1:8080', { kind: 'tcp', host: '127.0.0.1', port: 8080 }],
    ['http://gw.example:80/', { kind: 'tcp', host: 'gw.example', port: 80 }],
    ['[::1]:8080', { kind: 'tcp', host: '::1', port: 8080 }],
    ['gw.example', null],
    ['gw.example:0', null],
    ['gw.example:65536', null],
    ['http://user@gw.example:80', null],
    ['', null],
  ] as const;
  for (const [text, expected] of rows) {
    assert.deepEqual(parseControlAddress(text), expected, text);
  }
});
