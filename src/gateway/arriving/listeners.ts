// TCP listeners of the data plane. A change of the set is planned first (every new address is bound), then committed or undone, so that
// an address that is taken refuses a reload as a whole.
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { formatHostPort } from '../../config/hosts.ts';
import type { Clock } from '../../lib/clock.ts';
import { GatewayError, messageOf } from '../../lib/errors.ts';
import type { BoundAddress } from '../dialling/addresses.ts';
import type { ListenerSpec } from './routing.ts';

/** How long accepting pauses when the system could not take a client. */
const EXHAUSTED_PAUSE_MS = 1_000;
/** Connections that the kernel keeps until they are accepted. */
const BACKLOG = 511;

export interface ListenersParts {
  readonly clock: Clock;
  /** A client has connected to the listener with that key. Must not throw and must not wait. */
  readonly onSocket: (socket: Socket, key: string) => void;
  /** Accepting stopped for a while, for the log. */
  readonly onExhausted: (name: string, error: unknown) => void;
}

/** A planned change: everything that may fail has been done. */
export interface ListenerPlan {
  /** Bound address of every listener of the new set, by key. */
  readonly bound: ReadonlyMap<string, BoundAddress>;
  commit(): void;
  undo(): void;
}

export interface Listeners {
  /** Binds what is new. Throws GatewayError LISTEN_FAILED and leaves no trace then. */
  plan(specs: readonly ListenerSpec[]): Promise<ListenerPlan>;
  readonly bound: ReadonlyMap<string, BoundAddress>;
  /** Stops accepting. Connections live on. */
  close(): void;
}

interface Open {
  readonly spec: ListenerSpec;
  readonly address: BoundAddress;
  close(): void;
}

export function createListeners(parts: ListenersParts): Listeners {
  let open = new Map<string, Open>();
  return {
    async plan(specs) {
      const fresh: Open[] = [];
      const next = new Map<string, Open>();
      try {
        for (const spec of specs) {
          const known = open.get(spec.key);
          const listener = known ?? (await openListener(spec, parts));
          if (known === undefined) {
            fresh.push(listener);
          }
          next.set(spec.key, listener);
        }
      } catch (error) {
        fresh.forEach((listener) => listener.close());
        throw error;
      }
      return {
        bound: addresses(next),
        commit() {
          const gone = [...open].filter(([key]) => !next.has(key));
          open = next;
          gone.forEach(([, listener]) => listener.close());
        },
        undo: () => fresh.forEach((listener) => listener.close()),
      };
    },
    get bound() {
      return addresses(open);
    },
    close() {
      open.forEach((listener) => listener.close());
      open = new Map();
    },
  };
}

function addresses(open: ReadonlyMap<string, Open>): ReadonlyMap<string, BoundAddress> {
  return new Map([...open].map(([key, listener]) => [key, listener.address]));
}

async function openListener(spec: ListenerSpec, parts: ListenersParts): Promise<Open> {
  // Half-open: a client that has sent its last byte still gets its answer. The session decides when both directions are over.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => parts.onSocket(socket, spec.key));
  await bind(server, spec, spec.port);
  const at = server.address();
  const port = at !== null && typeof at === 'object' ? at.port : spec.port;
  let closed = false;
  const listenAgain = async (): Promise<void> => {
    if (closed) {
      return;
    }
    try {
      await bind(server, spec, port);
    } catch {
      pause();
    }
  };
  const pause = (): void => {
    // The promise has no rejection: a failure pauses again.
    parts.clock.after(EXHAUSTED_PAUSE_MS, () => void listenAgain());
  };
  server.on('error', (error) => {
    // While it is not listening, the error belongs to whoever binds it.
    if (!server.listening) {
      return;
    }
    // The system cannot take the next client: no memory, no buffers (without a descriptor left Node turns clients away by itself). Waiting
    // without accepting keeps what is connected alive; accepting again at once would only spin.
    parts.onExhausted(spec.name, error);
    server.close();
    pause();
  });
  return {
    spec,
    address: { host: spec.host, port },
    close() {
      closed = true;
      server.close();
    },
  };
}

/** Listens, or throws LISTEN_FAILED with the address and what to do. */
export async function bind(server: Server, spec: Omit<ListenerSpec, 'key'>, port: number): Promise<void> {
  const listening = once(server, 'listening');
  server.listen({ host: spec.host, port, backlog: BACKLOG });
  try {
    await listening;
  } catch (error) {
    const where = `${spec.name}: cannot listen on ${formatHostPort(spec.host, port)}`;
    throw new GatewayError('LISTEN_FAILED', 'operator', `${where}: ${fixFor(error)}`, { cause: error });
  }
}

function fixFor(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  switch (code) {
    case 'EADDRINUSE':
      return 'the address is in use; stop what listens there, or choose another port';
    case 'EADDRNOTAVAIL':
      return 'this machine does not have that address; choose one that it has';
    case 'EACCES':
      return 'not permitted; choose a port of 1024 or above, or grant CAP_NET_BIND_SERVICE';
    default:
      return messageOf(error);
  }
}
