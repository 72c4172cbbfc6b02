// A daemon at tailscaled's socket that does not answer as tailscaled does: what it says is bounded and in time, and what cannot be read is a
// failure, never a "no" by which something would be let through.
import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLocalApi, type LocalApi } from '../../../src/gateway/tailnet/local-api.ts';
import { GatewayError } from '../../../src/lib/errors.ts';
import { eventually } from '../../support/daemon.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder, type CleanUp } from '../../support/temp.ts';

const DEADLINE_MS = 10_000;

interface Daemon {
  readonly api: LocalApi;
  readonly clock: FakeClock;
  /** Connections that it has seen. */
  readonly seen: () => number;
}

/** Answers every request with these bytes; `end`: and closes. */
async function daemonSaying(t: CleanUp, said: string | Buffer, end: boolean): Promise<Daemon> {
  const path = join(temporaryFolder(t, 'clawpatrol-lying'), 'tailscaled.sock');
  const open = new Set<Socket>();
  let seen = 0;
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => {
      seen += 1;
      if (end) {
        socket.end(said);
      } else {
        socket.write(said);
      }
    });
  });
  t.after(() => {
    open.forEach((socket) => socket.destroy());
    server.close();
  });
  await new Promise<void>((resolve) => void server.listen(path, resolve));
  const clock = new FakeClock();
  return { api: createLocalApi({ socket: path, clock }), clock, seen: () => seen };
}

function reply(status: string, body: string, length: number = Buffer.byteLength(body)): string {
  return `HTTP/1.1 ${status}\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n${body}`;
}

function fails(work: Promise<unknown>): Promise<void> {
  return assert.rejects(work, (error) => error instanceof GatewayError && error.code === 'TUNNEL_FAILED');
}

const LIES: readonly (readonly [string, string | Buffer])[] = [
  ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ['nothing', ''],
  ['no JSON', reply('200 OK', '<html>hello</html>')],
  ['half of its JSON', reply('200 OK', '{"BackendState":"Running"', 5_000)],
  ['more than 4 MiB', reply('200 OK', `"${'x'.repeat(4 * 1024 * 1024)}"`)],
  ['an error', reply('500 Internal Server Error', '{"BackendState":"Running"}')],
  ['that we may not', reply('403 Forbidden', 'access denied')],
  ['a redirection', reply('302 Found', '{}')],
];

test('what the daemon at the socket says and cannot be read is a failure of every question', async (t) => {
  for (const [name, said] of LIES) {
    const { api } = await daemonSaying(t, said, true);
    await t.test(name, async () => {
      await Promise.all([api.status(), api.serves(), api.relayHosts(), api.controlUrl()].map(fails));
    });
  }
  // The twin: an answer, and an empty one to what serves nothing.
  const { api } = await daemonSaying(t, reply('200 OK', '{"BackendState":"Running","TUN":true}'), true);
  assert.equal((await api.status()).state, 'Running');
  const none = await daemonSaying(t, reply('200 OK', 'null\n'), true);
  assert.equal(await none.api.serves(), false);
  const some = await daemonSaying(t, reply('200 OK', '{"TCP":{"443":{"HTTPS":true}}}'), true);
  assert.equal(await some.api.serves(), true);
});

test('who cannot be told is nobody, or a failure', async (t) => {
  for (const [name, said] of LIES) {
    const { api } = await daemonSaying(t, said, true);
    await t.test(name, async () => {
      const found = await api.whois('100.64.0.2', 1).catch(() => null);
      assert.equal(found, null);
    });
  }
  const node = {
    Node: {
      StableID: 'n1',
      ComputedName: 'box',
      Addresses: ['100.64.0.2/32', 'fd7a:115c:a1e0::2/128'],
      AllowedIPs: ['100.64.0.2/32', 'fd7a:115c:a1e0::2/128', '100.100.0.0/16', '192.168.7.0/24', '0.0.0.0/0', '::/0'],
    },
    UserProfile: { LoginName: 'Ann@example.com' },
  };
  // A subnet router has its own addresses, and nobody else's.
  for (const [ip, user] of [
    ['100.64.0.2', 'ann@example.com'],
    ['fd7a:115c:a1e0::2', 'ann@example.com'],
    ['100.100.0.9', undefined],
    ['192.168.7.9', undefined],
    ['fd7a:115c:a1e0:b1a:0:7:c0a8:709', undefined],
  ] as const) {
    const { api } = await daemonSaying(t, reply('200 OK', JSON.stringify(node)), true);
    const found = await api.whois(ip, 1);
    assert.equal(found?.user, user, ip);
    assert.deepEqual(found?.routes ?? [], user === undefined ? [] : ['100.100.0.0/16', '192.168.7.0/24']);
  }
  const { api } = await daemonSaying(t, reply('200 OK', '{"Node":{"StableID":"n1","ComputedName":"box"}}'), true);
  assert.equal(await api.whois('100.64.0.2', 1), null);
});

test('a daemon that never ends what it says is waited for ten seconds', async (t) => {
  for (const said of ['', 'HTTP/1.1 200 OK\r\n', reply('200 OK', '{"BackendState"', 5_000)]) {
    const { api, clock, seen } = await daemonSaying(t, said, false);
    const asked = fails(api.status());
    await eventually('it was asked', () => seen() === 1);
    clock.advance(DEADLINE_MS);
    await asked;
  }
});
