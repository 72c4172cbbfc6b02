// The Postgres protocol between real sockets without the rest of the gateway: a listener, a fake gate, the fake analysis.
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { EndpointConfig } from '../../src/config/config.ts';
import { relay } from '../../src/gateway/relay.ts';
import { systemClock, type Clock } from '../../src/lib/clock.ts';
import { GatewayError } from '../../src/lib/errors.ts';
import { Secret } from '../../src/lib/secret.ts';
import type { Connection, DispatchedCredential, Gate, ServeContext } from '../../src/protocols/protocol.ts';
import { servePostgres } from '../../src/protocols/postgres/serve.ts';
import type { FinishReason } from '../../src/protocols/session.ts';
import type { SqlAnalyser } from '../../src/protocols/sql/analysis.ts';
import type { AttributeValue } from '../../src/config/config.ts';
import { FakeAnalyser } from './fake-sql.ts';
import { FakeGate } from './fake-gate.ts';
import { AGENT } from './gate-parts.ts';
import { NO_KEYS } from './no-keys.ts';
import type { CleanUp } from './temp.ts';

export interface WireOptions {
  readonly upstream: { readonly host: string; readonly port: number };
  readonly user?: string;
  readonly password?: string | null;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly credentialAttributes?: Readonly<Record<string, AttributeValue>>;
  readonly caCert?: string | null;
  /** Host that the upstream's certificate must name. */
  readonly host?: string;
  readonly listenTls?: EndpointConfig['listenTls'];
  readonly serverTls?: SecureContext;
  readonly gate?: Gate;
  readonly analyser?: SqlAnalyser;
  /** Device of the n-th connection. */
  readonly device?: (connection: number) => string;
  readonly bodyBufferBytes?: number;
  readonly clock?: Clock;
}

export interface WireGateway {
  readonly port: number;
  readonly gate: FakeGate;
  readonly refused: string[];
  readonly finished: FinishReason[];
  readonly drain: (why: string) => void;
  readonly abort: (why: string) => void;
  /** Waits until that many connections have ended. */
  readonly ended: (count: number) => Promise<void>;
}

export async function startWireGateway(cleanUp: CleanUp, options: WireOptions): Promise<WireGateway> {
  const fake = new FakeGate();
  const gate = options.gate ?? fake;
  const analyser = options.analyser ?? new FakeAnalyser();
  const clock = options.clock ?? systemClock;
  const refused: string[] = [];
  const finished: FinishReason[] = [];
  const waiters: { readonly count: number; readonly resolve: () => void }[] = [];
  const draining = new AbortController();
  const ending = new AbortController();
  const shared = new Map<string, unknown>();
  const sockets = new Set<Socket>();
  let connections = 0;
  const config: EndpointConfig = {
    type: 'postgres',
    name: 'pg',
    ref: 'postgres.pg',
    family: 'sql',
    hosts: [{ host: options.host ?? options.upstream.host, port: options.upstream.port, wildcard: false }],
    description: '',
    tunnel: null,
    retentionMs: null,
    listen: null,
    profile: 'default',
    listenAllow: [],
    listenTls: options.listenTls ?? (options.serverTls === undefined ? 'off' : 'auto'),
    unmatched: 'risk',
    caCert: options.caCert ?? null,
    attributes: { sslmode: 'prefer', ...options.attributes },
    at: { file: 'test.hcl', line: 1, column: 1, endLine: 1, endColumn: 1 },
  };
  const credential: DispatchedCredential = {
    ref: 'postgres_credential.pg',
    type: 'postgres_credential',
    attributes: { user: options.user ?? null, ...options.credentialAttributes },
    secrets: new Map(
      options.password === null || options.password === undefined ? [] : [['', new Secret(options.password)]],
    ),
  };
  const serve = async (connection: Connection, context: ServeContext): Promise<void> => {
    finished.push(await servePostgres(connection, context, analyser));
    for (const waiter of waiters) {
      if (finished.length >= waiter.count) {
        waiter.resolve();
      }
    }
  };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    connections += 1;
    const session = `session-${connections}`;
    const device = options.device?.(connections) ?? AGENT.device;
    sockets.add(client);
    const context: ServeContext = {
      endpoint: { name: 'pg', type: 'postgres', ref: 'postgres.pg', family: 'sql', host: options.upstream.host },
      config: () => config,
      gate,
      clock,
      dial: (signal) => dial(options.upstream, signal),
      credential: () => Promise.resolve(credential),
      placeholders: () => [],
      secretAttribute: (name) => {
        const text = config.attributes[name];
        return typeof text === 'string' ? new Secret(text) : null;
      },
      serverTls: () =>
        options.serverTls === undefined
          ? Promise.reject(new Error('no certificate'))
          : Promise.resolve(options.serverTls),
      own: () => Promise.reject(new Error('not asked')),
      relay: (parts) => relay(parts, { gate, clock, signal: ending.signal, draining: draining.signal }),
      refused: (cause, detail) => void refused.push(`${cause}: ${detail}`),
      noticed: (cause, detail) => void refused.push(`${cause}: ${detail}`),
      shared: <T>(name: string, make: () => T): T => {
        const made = shared.get(name) ?? make();
        shared.set(name, made);
        return made as T;
      },
      reads: () => true,
      names: () => true,
      keys: NO_KEYS,
      keep: () => false,
      forbids: () => false,
      bodyBufferBytes: options.bodyBufferBytes ?? 1024 * 1024,
      headerBytes: 64 * 1024,
      signal: ending.signal,
      draining: draining.signal,
    };
    const connection = { session, client, agent: { ...AGENT, device }, dialled: '127.0.0.1:5432', target: null };
    void serve(connection, context);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  cleanUp.after(() => {
    ending.abort('the test is over');
    for (const socket of sockets) {
      socket.destroy();
    }
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    gate: fake,
    refused,
    finished,
    drain: (why) => draining.abort(why),
    abort: (why) => ending.abort(why),
    ended: (count) =>
      new Promise((resolve) => {
        if (finished.length >= count) {
          resolve();
        } else {
          waiters.push({ count, resolve });
        }
      }),
  };
}

function dial(upstream: WireOptions['upstream'], signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...upstream, allowHalfOpen: true, noDelay: true, signal });
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error) =>
      reject(new GatewayError('UPSTREAM_UNREACHABLE', 'upstream', error.message, { cause: error })),
    );
  });
}
