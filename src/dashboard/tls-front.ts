// TLS before an HTTP server, with the gateway's own leaf of the day: a handshake within a limit, then the HTTP server has the connection.
import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket, type SecureContext } from 'node:tls';
import type { Clock } from '../lib/clock.ts';

/** From accept to the end of the handshake. */
const HANDSHAKE_MS = 5_000;

const BELOW = new WeakMap<Duplex, Socket>();

/** The TCP socket that a stream of such a server runs over; null when it is none of them. */
export function tcpBelow(stream: Duplex): Socket | null {
  return BELOW.get(stream) ?? null;
}

/**
 * A server that is not listening yet. Connections that do not finish a handshake are ended, and nobody hears of them. It has `maxConnections` of
 * the HTTP server, which never accepts any itself; no address has more than half of them.
 */
export function createTlsFront(
  http: Server,
  { context, clock }: { readonly context: () => Promise<SecureContext>; readonly clock: Clock },
): Server {
  const open = new Set<Socket>();
  const hasRoom = (address: string): boolean => {
    const most = http.maxConnections;
    const ofAddress = [...open].filter(({ remoteAddress = '' }) => remoteAddress === address).length;
    return open.size < most && ofAddress < Math.ceil(most / 2);
  };
  // Half open, as HTTP servers have it: what is carried here after CONNECT ends each direction by itself.
  const front = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    if (!hasRoom(socket.remoteAddress ?? '')) {
      socket.destroy();
      return;
    }
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    // Owned: what goes wrong ends this connection and nothing else.
    secure(socket, { context, clock }).then(
      (secured) => http.emit('connection', secured),
      () => socket.destroy(),
    );
  });
  front.once('close', () => open.forEach((socket) => socket.destroy()));
  return front;
}

async function secure(
  socket: Socket,
  { context, clock }: { readonly context: () => Promise<SecureContext>; readonly clock: Clock },
): Promise<TLSSocket> {
  const secureContext = await context();
  const secured = new TLSSocket(socket, { isServer: true, secureContext, ALPNProtocols: ['http/1.1'] });
  BELOW.set(secured, socket);
  await new Promise<void>((resolve, reject) => {
    const deadline = clock.after(HANDSHAKE_MS, () => socket.destroy());
    secured.once('secure', () => {
      deadline.cancel();
      resolve();
    });
    secured.on('error', reject);
    socket.once('close', () => {
      deadline.cancel();
      reject(new Error('closed during the handshake'));
    });
  });
  return secured;
}
