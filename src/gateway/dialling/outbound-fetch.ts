// The gateway's own HTTP calls (to reviewer models), over its own dialler: names are resolved and addresses checked as for upstreams, so that
// no configured URL leads to cloud metadata or back into this gateway. HTTP/1.1, one connection a call, no redirects, no proxies, bounded.
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { connect as connectTls } from 'node:tls';
import { isIP, type Socket } from 'node:net';
import type { Dial } from './dial.ts';

/** Longer answers break off: what is asked for is short. */
const MAX_ANSWER_BYTES = 1024 * 1024;
const HEADER_LIMIT_BYTES = 32 * 1024;

export interface OutboundParts {
  readonly dial: Dial;
  /** PEM of authorities beside the system's; for tests and private authorities. */
  readonly ca?: string;
}

export interface OutboundCall {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
}

/** One call. Rejects when there is no whole answer. */
export type Outbound = (call: OutboundCall) => Promise<Response>;

export function createOutbound(parts: OutboundParts): Outbound {
  return async (call) => {
    const { url, signal } = call;
    const secure = url.protocol === 'https:';
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
    const plain = await parts.dial({ host, port }, signal);
    try {
      const socket = secure ? await secured(plain, host, { ca: parts.ca, signal }) : plain;
      return await exchange(socket, call);
    } finally {
      plain.destroy();
    }
  };
}

function secured(
  socket: Socket,
  host: string,
  { ca, signal }: { readonly ca: string | undefined; readonly signal: AbortSignal },
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const tls = connectTls({
      socket,
      ...(isIP(host) === 0 ? { servername: host } : { host }),
      ...(ca === undefined ? {} : { ca }),
      ALPNProtocols: ['http/1.1'],
    });
    const giveUp = (): void => {
      tls.destroy(new Error('it was given up'));
    };
    signal.addEventListener('abort', giveUp, { once: true });
    tls.once('secureConnect', () => {
      signal.removeEventListener('abort', giveUp);
      resolve(tls);
    });
    // Stays: an error between here and the exchange must not end the process.
    tls.on('error', (error) => {
      signal.removeEventListener('abort', giveUp);
      reject(error);
    });
    tls.once('close', () => reject(new Error('the connection was closed during the TLS handshake')));
  });
}

function exchange(socket: Socket, { url, method, headers, body, signal }: OutboundCall): Promise<Response> {
  return new Promise((resolve, reject) => {
    const bytes = Buffer.from(body, 'utf8');
    const request: ClientRequest = httpRequest({
      createConnection: () => socket,
      method,
      path: `${url.pathname}${url.search}`,
      setHost: false,
      headers: { ...headers, host: url.host, 'content-length': String(bytes.length), connection: 'close' },
      maxHeaderSize: HEADER_LIMIT_BYTES,
      signal,
    });
    request.once('error', reject);
    request.once('response', (response) => {
      readAnswer(response).then(resolve, reject);
    });
    request.end(bytes);
  });
}

async function readAnswer(response: IncomingMessage): Promise<Response> {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  for await (const piece of response) {
    const bytes: Buffer = Buffer.from(piece);
    sizeBytes += bytes.length;
    if (sizeBytes > MAX_ANSWER_BYTES) {
      throw new Error(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    }
    pieces.push(bytes);
  }
  const status = response.statusCode ?? 0;
  if (!response.complete || status < 200 || status > 599) {
    throw new Error('the answer broke off');
  }
  const headers = new Headers();
  for (const [name, value] of Object.entries(response.headers)) {
    headers.set(name, Array.isArray(value) ? value.join(', ') : (value ?? ''));
  }
  const empty = status === 204 || status === 205 || status === 304;
  return new Response(empty ? null : Buffer.concat(pieces), { status, headers });
}
