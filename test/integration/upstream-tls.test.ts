// DP-29, TL-07: every protocol that reaches its upstream over TLS against every kind of certificate that must not be believed. Nothing is said
// to such an upstream, no secret least of all; the same endpoint speaks to the one whose certificate is right.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { createSecureContext, TLSSocket, type SecureContext, type SecureContextOptions } from 'node:tls';
import { eventually } from '../support/daemon.ts';
import { makeAuthority } from '../support/certificate.ts';
import { startGateway } from '../support/gateway-process.ts';
import { runProgram } from '../support/run.ts';
import type { CleanUp } from '../support/temp.ts';

const CLIENT = join(import.meta.dirname, '..', 'support', 'dead-client.js');
const SECRET = 'never-to-be-told-5a1c';

interface Case {
  /** How its client speaks (dead-client.ts). */
  readonly speaks: string;
  readonly credential: string;
  /** What is in its endpoint at that upstream. */
  readonly block: (at: string, ca: string) => string;
}

const PROTOCOLS: Readonly<Record<string, Case>> = {
  postgres: {
    speaks: 'postgres',
    credential: 'postgres_credential',
    block: (at, ca) => `host = "${at}"\n  sslmode = "verify-full"\n  ca_cert = ${ca}`,
  },
  https: {
    speaks: 'https',
    credential: 'bearer_token',
    block: (at, ca) => `hosts = ["${at}"]\n  ca_cert = ${ca}`,
  },
  kubernetes: {
    speaks: 'https',
    credential: 'bearer_token',
    block: (at, ca) => `server = "https://${at}"\n  ca_cert = ${ca}`,
  },
  clickhouse_native: {
    speaks: 'clickhouse',
    credential: 'clickhouse_credential',
    block: (at, ca) => `hosts = ["${at}"]\n  tls = true\n  ca_cert = ${ca}`,
  },
  clickhouse_https: {
    speaks: 'http',
    credential: 'clickhouse_credential',
    block: (at, ca) => `hosts = ["${at}"]\n  ca_cert = ${ca}`,
  },
};

interface Upstream {
  readonly port: number;
  /** Bytes that came inside TLS. */
  told(): string;
}

/** Agrees to TLS as a PostgreSQL does when it is asked so, else speaks it at once; says nothing inside, and ends after the first words. */
async function startUpstream(cleanUp: CleanUp, options: SecureContextOptions): Promise<Upstream> {
  const context = createSecureContext(options);
  const sockets = new Set<Socket>();
  let told = '';
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('readable', () => {
      const first: unknown = socket.read();
      if (!Buffer.isBuffer(first)) {
        return;
      }
      const asked = first[0] === 0;
      if (asked) {
        socket.write('S');
      } else {
        socket.unshift(first);
      }
      secure(socket, context, (bytes) => (told += bytes.toString('latin1')));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp.after(() => {
    server.close();
    sockets.forEach((socket) => socket.destroy());
  });
  return { port: (server.address() as AddressInfo).port, told: () => told };
}

function secure(socket: Socket, secureContext: SecureContext, take: (bytes: Buffer) => void): void {
  const inside = new TLSSocket(socket, { isServer: true, secureContext });
  inside.on('error', () => undefined);
  inside.on('data', (bytes: Buffer) => {
    take(bytes);
    inside.destroy();
  });
}

test(
  'DP-29 TL-07: over every protocol an upstream is told nothing unless its certificate is right',
  { timeout: 900_000 },
  async (t) => {
    const [authority, stranger] = [await makeAuthority(), await makeAuthority()];
    const right = await authority.leaf('localhost');
    const upstreams: Readonly<Record<string, Upstream>> = {
      right: await startUpstream(t, right),
      expired: await startUpstream(t, await authority.leaf('localhost', -1)),
      'wrong-name': await startUpstream(t, await authority.leaf('other.test')),
      'unknown-authority': await startUpstream(t, await stranger.leaf('localhost')),
      // A signature that is too weak, and a version of TLS that is.
      'weak-signature': await startUpstream(t, {
        ...(await authority.leaf('localhost', 30, 'SHA-1')),
        ciphers: 'DEFAULT@SECLEVEL=0',
      }),
      'weak-version': await startUpstream(t, {
        ...right,
        minVersion: 'TLSv1',
        maxVersion: 'TLSv1.1',
        ciphers: 'DEFAULT@SECLEVEL=0',
      }),
    };
    const ca = `<<PEM\n${authority.caPem.trim()}\nPEM\n`;
    const kinds = Object.entries(upstreams);
    const blocks = Object.entries(PROTOCOLS).flatMap(([protocol, { credential, block }]) => [
      // Each protocol has a profile of its own, so that all may claim the same addresses.
      `profile "${protocol}" { credentials = [${kinds.map(([kind]) => `${credential}.${protocol}-${kind}`).join(', ')}] }`,
      ...kinds.map(
        ([kind, { port }]) => `
endpoint "${protocol}" "${protocol}-${kind}" {
  ${block(`localhost:${port}`, ca)}
  listen  = "127.0.0.1:0"
  profile = "${protocol}"
}
credential "${credential}" "${protocol}-${kind}" {
  endpoint = ${protocol}.${protocol}-${kind}
  ${credential === 'bearer_token' ? '' : 'user = "x"'}
  secret { env = "ANY_SECRET" }
}`,
      ),
    ]);
    const gateway = await startGateway(t, {
      config: `schema_version = 1
gateway { dashboard_listen = "off" }
${blocks.join('\n')}`,
      env: { ANY_SECRET: SECRET },
    });
    for (const [protocol, { speaks }] of Object.entries(PROTOCOLS)) {
      for (const [kind, upstream] of kinds) {
        const what = `${protocol}, ${kind}`;
        const before = upstream.told().length;
        const port = gateway.port(`${protocol}.${protocol}-${kind}`);
        const at = `localhost:${upstream.port}`;
        const { stdout } = await runProgram(process.execPath, [CLIENT, speaks, at, `127.0.0.1:${port}`], {
          timeoutMs: 60_000,
        });
        if (kind === 'right') {
          await eventually(`${what}: it is spoken to`, () => upstream.told().length > before);
        } else {
          assert.equal(upstream.told(), '', what);
          assert.doesNotMatch(stdout, /"how":"nothing"/, `${what}: the client is told`);
        }
        assert.ok(!stdout.includes(SECRET) && !gateway.log().includes(SECRET), what);
      }
    }
  },
);
