// An HTTP/1 upstream over TLS that writes down every byte and answers exactly what a test says.
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { createBodyReader } from '../../src/protocols/http/h1-body.ts';
import { isMalformed, parseRequestHead, type RequestHead } from '../../src/protocols/http/h1-head.ts';
import { requestFraming } from '../../src/protocols/http/framing.ts';
import { testLeaf } from './http-gateway.ts';
import type { CleanUp } from './temp.ts';

export interface UpstreamRequest {
  readonly head: RequestHead;
  /** The head as it came, without its empty line. */
  readonly text: string;
  readonly socket: TLSSocket;
  /** Bytes of the body so far; all of them once `whole` has resolved. */
  readonly body: () => Buffer;
  readonly whole: Promise<void>;
  /** Resolves when that many bytes of the body are there. */
  arrived(bytes: number): Promise<void>;
}

export interface RawUpstream {
  readonly port: number;
  readonly requests: UpstreamRequest[];
  /** Raw bytes by connection. */
  readonly connections: Buffer[][];
  readonly sockets: TLSSocket[];
  next(): Promise<UpstreamRequest>;
}

/** `answer`: called for each head; default: `200` with the path as body. Return a text to have it written. */
export async function startRawUpstream(
  cleanUp: CleanUp,
  answer: (request: UpstreamRequest) => string | Buffer | undefined | void = (request) =>
    respond(`${request.head.method} ${request.head.target}`),
  name: string = 'api.test',
): Promise<RawUpstream> {
  const requests: UpstreamRequest[] = [];
  const connections: Buffer[][] = [];
  const sockets: TLSSocket[] = [];
  const waiting: ((request: UpstreamRequest) => void)[] = [];
  const secureContext = await testLeaf(name);
  const server = createServer(
    { allowHalfOpen: true, SNICallback: (_, done) => done(null, secureContext) },
    (socket) => {
      const chunks: Buffer[] = [];
      connections.push(chunks);
      sockets.push(socket);
      socket.on('error', () => undefined);
      serve(socket, chunks, (request) => {
        requests.push(request);
        const text = answer(request);
        if (text !== undefined) {
          socket.write(text);
        }
        waiting.shift()?.(request);
      });
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUp.after(() => {
    sockets.forEach((socket) => socket.destroy());
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    connections,
    sockets,
    next: () => new Promise((resolve) => waiting.push(resolve)),
  };
}

/** A plain answer with Content-Length. */
export function respond(body: string, status: string = '200 OK', ...headers: readonly string[]): string {
  return [`HTTP/1.1 ${status}`, ...headers, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n');
}

function serve(socket: TLSSocket, chunks: Buffer[], begun: (request: UpstreamRequest) => void): void {
  let input: Buffer = Buffer.alloc(0);
  let take: ((bytes: Buffer) => Buffer) | null = null;
  const step = (): boolean => {
    if (take !== null) {
      input = take(input);
      return take === null && input.length > 0;
    }
    const end = input.indexOf('\r\n\r\n');
    if (end === -1) {
      return false;
    }
    const text = input.toString('latin1', 0, end);
    input = input.subarray(end + 4);
    const head = parseRequestHead(text);
    if (isMalformed(head)) {
      socket.destroy();
      return false;
    }
    const framing = requestFraming(head.version, head.fields);
    if (framing.kind === 'malformed') {
      socket.destroy();
      return false;
    }
    const reader = createBodyReader(framing);
    const body: Buffer[] = [];
    let size = 0;
    const waiters: { readonly bytes: number; readonly wake: () => void }[] = [];
    let wholeNow: () => void = () => undefined;
    const whole = new Promise<void>((resolve) => {
      wholeNow = resolve;
    });
    if (reader.empty) {
      wholeNow();
    } else {
      take = (bytes) => {
        const pieces = reader.take(bytes);
        if (isMalformed(pieces)) {
          socket.destroy();
          return Buffer.alloc(0);
        }
        body.push(...pieces.data);
        size += pieces.data.reduce((sum, data) => sum + data.length, 0);
        waiters.filter((waiter) => size >= waiter.bytes).forEach(({ wake }) => wake());
        if (pieces.done) {
          take = null;
          wholeNow();
        }
        return bytes.subarray(pieces.used);
      };
    }
    begun({
      head,
      text,
      socket,
      body: () => Buffer.concat(body),
      whole,
      arrived: (bytes) =>
        new Promise((resolve) => {
          if (size >= bytes) {
            resolve();
          } else {
            waiters.push({ bytes, wake: resolve });
          }
        }),
    });
    return input.length > 0;
  };
  socket.on('data', (bytes: Buffer) => {
    chunks.push(bytes);
    input = Buffer.concat([input, bytes]);
    while (step()) {
      // One message after the other.
    }
  });
  socket.on('end', () => socket.end());
}
