// A TCP listener that takes connections to any address and port: an nftables tproxy rule hands it the packets, and IP_TRANSPARENT lets the
// kernel accept them under the address that the client dialled, which Node then tells as the socket's own.
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import koffi from 'koffi';
import { GatewayError } from '../../lib/errors.ts';
import { bind } from '../arriving/listeners.ts';

/** ip(7) and ipv6(7). */
const SOL_IP = 0;
const IP_TRANSPARENT = 19;
const SOL_IPV6 = 41;
const IPV6_TRANSPARENT = 75;

export interface TransparentListener {
  readonly port: number;
  close(): void;
}

export interface TransparentParts {
  readonly host: '127.0.0.1' | '::1';
  /** A client has connected. Must not throw and must not wait. */
  readonly onSocket: (socket: Socket) => void;
  /** The system could not take a client. */
  readonly onError: (error: Error) => void;
}

/** Listens on a free port of the loopback address. Rejects with GatewayError LISTEN_FAILED (no CAP_NET_ADMIN, mostly). */
export async function openTransparentListener({
  host,
  onSocket,
  onError,
}: TransparentParts): Promise<TransparentListener> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, onSocket);
  await bind(server, { host, port: 0, name: 'wireguard' }, 0);
  server.on('error', onError);
  try {
    makeTransparent(server, host);
  } catch (error) {
    server.close();
    throw error;
  }
  const at = server.address();
  return { port: at !== null && typeof at === 'object' ? at.port : 0, close: () => void server.close() };
}

function makeTransparent(server: Server, host: TransparentParts['host']): void {
  const setsockopt: unknown = koffi
    .load(null)
    .func('int setsockopt(int, int, int, const void *value, uint32_t length)');
  const descriptor = descriptorOf(server);
  const one = Buffer.from(Uint32Array.of(1).buffer);
  const [level, option] = host === '::1' ? [SOL_IPV6, IPV6_TRANSPARENT] : [SOL_IP, IP_TRANSPARENT];
  const status: unknown =
    typeof setsockopt === 'function' && descriptor !== null
      ? Reflect.apply(setsockopt, undefined, [descriptor, level, option, one, one.length])
      : -1;
  if (status !== 0) {
    const message = `the listener at ${host} cannot be made transparent; run the gateway with CAP_NET_ADMIN (Linux only)`;
    throw new GatewayError('LISTEN_FAILED', 'operator', message);
  }
}

/** Node keeps the descriptor behind an undocumented property. */
function descriptorOf(server: Server): number | null {
  const handle: unknown = Reflect.get(server, '_handle');
  const descriptor: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : null;
  return typeof descriptor === 'number' && descriptor >= 0 ? descriptor : null;
}
