// What the command of a run in proxy mode connects to, all on the loopback: an HTTP proxy, whose password is in the command's environment, and
// one port for each host of an endpoint that no HTTP proxy serves. Everything goes on to the gateway.
import { timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { Carrier } from './carried.ts';
import { breakOff, couple } from './couple.ts';
import { isOwnPeer } from './local-peer.ts';
import { readUntil } from './read-until.ts';
import type { Beginning } from './read-until.ts';

const MAX_CONNECTIONS = 256;
const HEAD: Beginning = { mark: '\r\n\r\n', maxBytes: 64 * 1024, withinMs: 10_000 };
const REQUEST = /^([A-Z]+) (\S+) HTTP\/1\.[01]\r\n/;
const ABSOLUTE = /^http:\/\/(?:[^/?#@]*@)?(\[[^\]]+\]|[^/?#:]+)(?::(\d{1,5}))?(?:[/?#]|$)/i;

export interface Front {
  readonly port: number;
  close(): void;
}

/** A port that leads to one destination (`host:port`). */
export function openPort(carrier: Carrier, target: string): Promise<Front> {
  return listen((socket) => {
    if (!isOwnPeer(socket)) {
      socket.resetAndDestroy();
      return;
    }
    // Owned: it never rejects.
    void carryPort(carrier, target, socket);
  });
}

async function carryPort(carrier: Carrier, target: string, socket: Socket): Promise<void> {
  try {
    const carried = await carrier.open(target);
    if (carried.kind === 'open' && !socket.destroyed) {
      couple(socket, carried.socket);
      return;
    }
    if (carried.kind === 'open') {
      carried.socket.destroy();
    }
  } catch {
    // The client is told by a reset: its protocol has no other word for it.
  }
  breakOff(socket);
}

/** An HTTP proxy for whoever knows the password (user `run`). */
export function openHttpProxy(carrier: Carrier, password: string): Promise<Front> {
  const expected = Buffer.from(`Basic ${Buffer.from(`run:${password}`).toString('base64')}`);
  return listen((socket) => {
    readUntil(socket, HEAD, (head) => {
      const asked = readRequest(head);
      if (asked === null) {
        end(socket, answer(400, 'Bad Request', 'this is a proxy: CONNECT host:port, or an absolute http URL'));
        return;
      }
      const given = Buffer.from(/^proxy-authorization:[ \t]*(.*?)[ \t]*$/im.exec(head)?.[1] ?? '');
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
        end(
          socket,
          answer(407, 'Proxy Authentication Required', 'the password is in HTTPS_PROXY', [
            'Proxy-Authenticate: Basic realm="clawpatrol"',
          ]),
        );
        return;
      }
      // Owned: it never rejects.
      void carryRequest(carrier, { socket, head, ...asked });
    });
  });
}

interface Asked {
  readonly connect: boolean;
  readonly target: string;
}

/** What a request wants; null when it is none of a proxy's. */
function readRequest(head: string): Asked | null {
  const [, method = '', where = ''] = REQUEST.exec(head) ?? [];
  if (method === 'CONNECT') {
    return { connect: true, target: where };
  }
  const [, host, port] = ABSOLUTE.exec(where) ?? [];
  return host === undefined ? null : { connect: false, target: `${host}:${port ?? '80'}` };
}

async function carryRequest(
  carrier: Carrier,
  { socket, head, connect, target }: Asked & { readonly socket: Socket; readonly head: string },
): Promise<void> {
  try {
    const carried = await carrier.open(target);
    if (carried.kind === 'refused') {
      end(socket, carried.answer);
      return;
    }
    if (socket.destroyed) {
      carried.socket.destroy();
      return;
    }
    if (connect) {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    } else {
      // One request, one connection: the next may be for another host. The password stays here.
      const fields = head.replaceAll(/^(?:proxy-authorization|proxy-connection|connection):.*\r\n/gim, '');
      carried.socket.write(Buffer.from(fields.replace(/\r\n\r\n$/, '\r\nConnection: close\r\n\r\n'), 'latin1'));
    }
    couple(socket, carried.socket);
  } catch (error) {
    end(
      socket,
      answer(502, 'Bad Gateway', `the gateway is not reached: ${error instanceof Error ? error.message : ''}`),
    );
  }
}

function answer(status: number, text: string, reason: string, fields: readonly string[] = []): Buffer {
  const body = `${JSON.stringify({ error: { code: 'refused', reason } })}\n`;
  const head = [
    `HTTP/1.1 ${status} ${text}`,
    ...fields,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
}

/** The last that is said; what still comes is dropped, so that it is not lost to a reset. */
function end(socket: Socket, bytes: Buffer): void {
  socket.end(bytes);
  socket.resume();
  socket.setTimeout(2_000, () => socket.destroy());
}

function listen(accept: (socket: Socket) => void): Promise<Front> {
  return new Promise((resolve, reject) => {
    const open = new Set<Socket>();
    const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      open.add(socket);
      socket.once('close', () => open.delete(socket));
      socket.on('error', () => socket.destroy());
      accept(socket);
    });
    server.maxConnections = MAX_CONNECTIONS;
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: 0 }, () => {
      const address = server.address();
      resolve({
        port: typeof address === 'object' && address !== null ? address.port : 0,
        close() {
          server.close();
          open.forEach((socket) => socket.destroy());
        },
      });
    });
  });
}
