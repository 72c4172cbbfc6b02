// The address for machines that want to be let in: TLS, the calls of join-routes.ts, and what anybody may know. No page and no operator call.
import type { SecureContext } from 'node:tls';
import type { ListenAddress } from '../config/config.ts';
import type { Clock } from '../lib/clock.ts';
import { answerPublic, bindHttp, type HealthParts } from '../gateway/health.ts';
import { closeApp, createApp } from './api.ts';
import { serveCarried } from './carry.ts';
import type { Dashboard } from './dashboard.ts';
import { addJoinRoutes, type JoinParts } from './join-routes.ts';
import { createTlsFront } from './tls-front.ts';

const MAX_CONNECTIONS = 256;
/** Keys, names and tokens are short; the longest is a reason of 4 KiB, each byte escaped as JSON may. */
const MAX_BODY_BYTES = 32 * 1024;

export interface JoinServerParts extends JoinParts {
  readonly name: string;
  readonly address: ListenAddress;
  readonly tls: () => Promise<SecureContext>;
  readonly health: HealthParts;
  readonly clock: Clock;
  /** For the process log. */
  readonly warn: (message: string, error: unknown) => void;
}

/** Listens. Rejects with GatewayError LISTEN_FAILED. */
export async function listenJoin(parts: JoinServerParts): Promise<Omit<Dashboard, 'routes'>> {
  const { app, server } = createApp(parts, MAX_BODY_BYTES);
  server.maxConnections = MAX_CONNECTIONS;
  server.on('clientError', (_, socket) => socket.destroy());
  addJoinRoutes(app, parts);
  serveCarried(server, { ...parts, runs: parts.devices.runs });
  for (const path of ['/healthz', '/info', '/ca.crt'] as const) {
    app.get(path, async (_, reply) => {
      const { status, type, body } = await answerPublic(path, parts.health);
      return reply.code(status).header('cache-control', 'no-store').type(type).send(body);
    });
  }
  await app.ready();
  const front = createTlsFront(server, { context: parts.tls, clock: parts.clock });
  const bound = await bindHttp(front, parts.name, parts.address);
  const closing = new AbortController();
  return {
    address: bound.address,
    bound: bound.at,
    async close() {
      front.close();
      await closeApp({ app, server, closing });
    },
  };
}
