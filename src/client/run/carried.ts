// Connections of a run in proxy mode: TLS to the gateway, which trusts its own CA alone, and CONNECT with the run's token inside.
import { connect as connectPlain } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectSecure } from 'node:tls';
import type { Secret } from '../../lib/secret.ts';
import type { GatewayUrl } from '../gateway-link.ts';

/** What the gateway said to a wish: the connection, or its answer as it came (an HTTP answer that a client of a proxy can be given). */
export type Carried =
  | { readonly kind: 'open'; readonly socket: Socket }
  | { readonly kind: 'refused'; readonly answer: Buffer };

export interface Carrier {
  /** `host:port`. Rejects with Error when the gateway is not reached. */
  open(target: string): Promise<Carried>;
}

const ANSWER_MS = 15_000;
const MAX_HEAD_BYTES = 16 * 1024;
const OPENED = /^HTTP\/1\.1 200 /;

export function createCarrier(url: GatewayUrl, caPem: string, token: Secret): Carrier {
  const { host, port, protocol } = url;
  const dial = (): Socket =>
    protocol === 'https:'
      ? connectSecure({
          host,
          port,
          ca: caPem,
          ALPNProtocols: ['http/1.1'],
          ...(isName(host) ? { servername: host } : {}),
        })
      : connectPlain({ host, port });
  return {
    open(target) {
      const socket = dial();
      socket.allowHalfOpen = true;
      socket.setNoDelay(true);
      socket.once(protocol === 'https:' ? 'secureConnect' : 'connect', () =>
        socket.write(
          `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\nProxy-Authorization: Bearer ${token.reveal()}\r\n\r\n`,
        ),
      );
      return readAnswer(socket);
    },
  };
}

function isName(host: string): boolean {
  return /[A-Za-z]/.test(host) && !host.includes(':');
}

function readAnswer(socket: Socket): Promise<Carried> {
  return new Promise((resolve, reject) => {
    let held: Buffer = Buffer.alloc(0);
    const stop = (): void => {
      clearTimeout(limit);
      socket.off('data', onData);
      socket.off('end', onEnd);
      socket.off('error', onError);
    };
    const onError = (error: Error): void => {
      stop();
      socket.destroy();
      reject(error);
    };
    const onEnd = (): void => {
      stop();
      socket.destroy();
      resolve({ kind: 'refused', answer: held });
    };
    const onData = (chunk: Buffer): void => {
      held = Buffer.concat([held, chunk]);
      const end = held.indexOf('\r\n\r\n');
      if (end !== -1 && OPENED.test(held.toString('latin1', 0, 20))) {
        stop();
        socket.pause();
        if (held.length > end + 4) {
          socket.unshift(held.subarray(end + 4));
        }
        resolve({ kind: 'open', socket });
      } else if (held.length > MAX_HEAD_BYTES) {
        onError(new Error('the gateway answers with more than an answer has'));
      }
    };
    const limit = setTimeout(() => onError(new Error('the gateway does not answer')), ANSWER_MS);
    socket.on('data', onData);
    socket.once('end', onEnd);
    socket.once('error', onError);
  });
}
