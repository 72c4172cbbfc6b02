// TLS before an HTTP server, with the gateway's own leaf of the day: a handshake within a limit, then the HTTP server has the connection.
import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket, type SecureContext } from 'node:tls';
import { sourceOf } from '../gateway/dialling/addresses.ts';
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
 * the HTTP server, which never accepts any itself; no address has more than a third of them:
 * a machine has one of each version.
 */
export function createTlsFront(
  http: Server,
  { context, clock }: { readonly context: () => Promise<SecureContext>; readonly clock: Clock },
): Server {
  const open = new Map<Socket, string>();
  const hasRoom = (source: string): boolean => {
    const most = http.maxConnections;
    const ofSource = [...open.values()].filter((other) => other === source).length;
    return open.size < most && ofSource < Math.ceil(most / 3);
  };
  // Half open, as HTTP servers have it: what is carried here after CONNECT ends each direction by itself.
  const front = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    const source = sourceOf(socket.remoteAddress);
    if (!hasRoom(source)) {
      socket.destroy();
      return;
    }
    open.set(socket, source);
    socket.once('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    // Owned: what goes wrong ends this connection and nothing else.
    secure(socket, { context, clock }).then(
      (secured) => http.emit('connection', secured),
      () => socket.destroy(),
    );
  });
  // Node looks for requests that take too long from the moment that its server listens; that one never does by itself.
  front.once('listening', () => http.emit('listening'));
  front.once('close', () => [...open.keys()].forEach((socket) => socket.destroy()));
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
