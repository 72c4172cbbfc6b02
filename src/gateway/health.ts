// The small HTTP servers of the daemon: health, readiness and metrics for machines, and the public paths of the dashboard's address.
// Everything else on the dashboard's address is refused.
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import type { ListenAddress } from '../config/config.ts';
import { GatewayError, messageOf } from '../lib/errors.ts';
import { formatAddress } from './addresses.ts';
import { bind } from './listeners.ts';

/** What may be told to anyone who can reach the address. */
export interface HealthParts {
  /** Names of what is not ready; none = ready. */
  readonly failing: () => readonly string[];
  readonly metrics: { scrape(): Promise<string>; readonly contentType: string };
  readonly info: () => { readonly version: string; readonly fingerprint: string };
  readonly caPem: () => string;
}

/** Which paths an address serves. */
export type HealthRole = 'metrics' | 'dashboard';

export interface HealthServer {
  /** As in the `ready` line: `host:port` or `unix:PATH`. */
  readonly address: string;
  readonly port: number | null;
  close(): Promise<void>;
}

const MAX_CLIENTS = 256;

/** Serves the paths of that role. Throws GatewayError LISTEN_FAILED. */
export async function openHealthServer(
  role: HealthRole,
  address: ListenAddress,
  parts: HealthParts,
): Promise<HealthServer> {
  const server = createServer(
    { requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 5_000, maxHeaderSize: 16_384 },
    (request, response) => {
      // The answer owns its failure: a client that went away is no fault.
      answer(role, request, response, parts).catch(() => response.destroy());
    },
  );
  server.maxConnections = MAX_CLIENTS;
  server.on('clientError', (_, socket) => socket.destroy());
  const port = await listen(server, role, address);
  return {
    address: address.kind === 'unix' ? `unix:${address.path}` : formatAddress(address.host, port ?? address.port),
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function listen(server: Server, role: HealthRole, address: ListenAddress): Promise<number | null> {
  if (address.kind === 'tcp') {
    await bind(server, { name: `${role}_listen`, host: address.host, port: address.port }, address.port);
    const bound = server.address();
    return bound !== null && typeof bound === 'object' ? bound.port : address.port;
  }
  await removeStaleSocket(address.path, `${role}_listen`);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new GatewayError(
          'LISTEN_FAILED',
          'operator',
          `${role}_listen: cannot listen on ${address.path}: ${messageOf(error)}`,
        ),
      ),
    );
    server.listen(address.path, () => resolve());
  });
  chmodSync(address.path, 0o600);
  return null;
}

/** A socket file of a process that is gone is taken away; one that answers, or what is no socket, belongs to somebody: LISTEN_FAILED. */
export async function removeStaleSocket(path: string, name: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) {
    return;
  }
  if (!found.isSocket()) {
    throw new GatewayError(
      'LISTEN_FAILED',
      'operator',
      `${name}: ${path} is in the way and is no socket; move it away`,
    );
  }
  const alive = await new Promise<boolean>((resolve) => {
    const probe = createConnection(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
  if (alive) {
    throw new GatewayError('LISTEN_FAILED', 'operator', `${name}: ${path} is in use; stop what listens there`);
  }
  rmSync(path, { force: true });
}

async function answer(
  role: HealthRole,
  request: IncomingMessage,
  response: ServerResponse,
  parts: HealthParts,
): Promise<void> {
  const path = (request.url ?? '').split('?')[0] ?? '';
  const known = PATHS.get(path);
  if (known === undefined || !known.roles.includes(role)) {
    // On the dashboard's address every path that is not public needs an operator's session.
    send(response, role === 'dashboard' ? 401 : 404, 'application/json', '{"error":{"code":"unauthorised"}}');
    return;
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    send(response, 405, 'application/json', '{"error":{"code":"method"}}');
    return;
  }
  await known.serve(response, parts);
}

interface PublicPath {
  readonly roles: readonly HealthRole[];
  serve(response: ServerResponse, parts: HealthParts): Promise<void> | void;
}

const PATHS: ReadonlyMap<string, PublicPath> = new Map<string, PublicPath>([
  [
    '/healthz',
    {
      roles: ['metrics', 'dashboard'],
      serve: (response) => send(response, 200, 'application/json', '{"status":"ok"}'),
    },
  ],
  [
    '/readyz',
    {
      roles: ['metrics', 'dashboard'],
      serve(response, parts) {
        const failing = parts.failing();
        const body = failing.length === 0 ? { status: 'ok' } : { status: 'unready', failing };
        send(response, failing.length === 0 ? 200 : 503, 'application/json', JSON.stringify(body));
      },
    },
  ],
  [
    '/metrics',
    {
      roles: ['metrics'],
      async serve(response, parts) {
        send(response, 200, parts.metrics.contentType, await parts.metrics.scrape());
      },
    },
  ],
  [
    '/info',
    {
      roles: ['dashboard'],
      serve(response, parts) {
        const { version, fingerprint } = parts.info();
        send(response, 200, 'application/json', JSON.stringify({ version, ca_fingerprint: fingerprint }));
      },
    },
  ],
  [
    '/ca.crt',
    {
      roles: ['dashboard'],
      serve: (response, parts) => send(response, 200, 'application/x-pem-file', parts.caPem()),
    },
  ],
]);

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
}
