// What machines ask over HTTP: health, readiness, metrics, and what is public about the gateway. Also the small server of the metrics
// address; on the dashboard's address dashboard/dashboard.ts gives these answers.
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import type { Server } from 'node:net';
import type { ListenAddress } from '../config/config.ts';
import { formatHostPort } from '../config/hosts.ts';
import { GatewayError, messageOf } from '../lib/errors.ts';
import type { BoundAddress } from './dialling/addresses.ts';
import { bind } from './arriving/listeners.ts';

/** What may be told to anyone who can reach the address. */
export interface HealthParts {
  /** Names of what is not ready; none = ready. */
  readonly failing: () => readonly string[];
  readonly metrics: { scrape(): Promise<string>; readonly contentType: string };
  readonly info: () => { readonly version: string; readonly fingerprint: string };
  readonly caPem: () => string;
}

export interface HealthServer {
  /** As in the `ready` line: `host:port` or `unix:PATH`. */
  readonly address: string;
  /** As bound; null on a Unix socket. */
  readonly bound: BoundAddress | null;
  close(): Promise<void>;
}

const MAX_CLIENTS = 256;

/** Serves the paths of the metrics address. Throws GatewayError LISTEN_FAILED. */
export async function openHealthServer(address: ListenAddress, parts: HealthParts): Promise<HealthServer> {
  const server = createServer(
    { requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 5_000, maxHeaderSize: 16_384 },
    (request, response) => {
      // The answer owns its failure: a client that went away is no fault.
      answer(request, response, parts).catch(() => response.destroy());
    },
  );
  server.maxConnections = MAX_CLIENTS;
  server.on('clientError', (_, socket) => socket.destroy());
  const bound = await bindHttp(server, 'metrics_listen', address);
  return {
    address: bound.address,
    bound: bound.at,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Binds a server to an address of the configuration, whose attribute is `name`. Throws GatewayError LISTEN_FAILED. */
export async function bindHttp(
  server: Server,
  name: string,
  address: ListenAddress,
): Promise<{ readonly address: string; readonly at: BoundAddress | null }> {
  if (address.kind === 'tcp') {
    await bind(server, { name, host: address.host, port: address.port }, address.port);
    const bound = server.address();
    // A name is bound to one of its addresses, and that is what nobody may be led to.
    const at = bound !== null && typeof bound === 'object' ? { host: bound.address, port: bound.port } : address;
    return { address: formatHostPort(address.host, at.port), at: { host: at.host, port: at.port } };
  }
  await removeStaleSocket(address.path, name);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new GatewayError('LISTEN_FAILED', 'operator', `${name}: cannot listen on ${address.path}: ${messageOf(error)}`),
      ),
    );
    server.listen(address.path, () => resolve());
  });
  chmodSync(address.path, 0o600);
  return { address: `unix:${address.path}`, at: null };
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

/** Paths that are the same for everybody who may ask at all. */
export type PublicPath = '/healthz' | '/readyz' | '/metrics' | '/info' | '/ca.crt';

export interface PublicAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** What is said at such a path. */
export async function answerPublic(path: PublicPath, parts: HealthParts): Promise<PublicAnswer> {
  switch (path) {
    case '/healthz':
      return { status: 200, type: JSON_TYPE, body: '{"status":"ok"}' };
    case '/readyz': {
      const failing = parts.failing();
      const body = failing.length === 0 ? { status: 'ok' } : { status: 'unready', failing };
      return { status: failing.length === 0 ? 200 : 503, type: JSON_TYPE, body: JSON.stringify(body) };
    }
    case '/metrics':
      return { status: 200, type: parts.metrics.contentType, body: await parts.metrics.scrape() };
    case '/info': {
      const { version, fingerprint } = parts.info();
      return { status: 200, type: JSON_TYPE, body: JSON.stringify({ version, ca_fingerprint: fingerprint }) };
    }
    case '/ca.crt':
      return { status: 200, type: 'application/x-pem-file', body: parts.caPem() };
  }
}

const JSON_TYPE = 'application/json';
/** Of the metrics address. */
const METRICS_PATHS: readonly PublicPath[] = ['/healthz', '/readyz', '/metrics'];

async function answer(request: IncomingMessage, response: ServerResponse, parts: HealthParts): Promise<void> {
  const asked = (request.url ?? '').split('?')[0] ?? '';
  const path = METRICS_PATHS.find((one) => one === asked);
  if (path === undefined) {
    send(response, { status: 404, type: JSON_TYPE, body: '{"error":{"code":"not_found"}}' });
    return;
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    send(response, { status: 405, type: JSON_TYPE, body: '{"error":{"code":"method"}}' });
    return;
  }
  send(response, await answerPublic(path, parts));
}

function send(response: ServerResponse, { status, type, body }: PublicAnswer): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
}
