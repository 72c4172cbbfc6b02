// An upstream as APIs are, over TLS, for HTTP/1.1 and HTTP/2: echoes, a file with ranges and validators, events one at a time, a long poll.
import { createHash } from 'node:crypto';
import { createSecureServer } from 'node:http2';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { testAuthority } from './http-gateway.ts';
import type { CleanUp } from './temp.ts';

/** What `/file` holds. */
export const FILE_TEXT = Array.from({ length: 1000 }, (_, index) => `line ${index}`).join('\n');
const ETAG = '"v1"';

export interface ApiUpstream {
  readonly port: number;
  /** `METHOD path version`, in order. */
  readonly seen: string[];
  /** Lets the next event of `/events` out. */
  release(): void;
}

type Answer = (request: Http2ServerRequest, response: Http2ServerResponse) => void | Promise<void>;

/** Waits for `take` until there was a `give`, and the other way round: neither needs to come first. */
class Meeting {
  #given = 0;
  #waiting: (() => void)[] = [];

  give(): void {
    const wake = this.#waiting.shift();
    if (wake === undefined) {
      this.#given += 1;
    } else {
      wake();
    }
  }

  take(): Promise<void> {
    if (this.#given > 0) {
      this.#given -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

export async function startApi(cleanUp: CleanUp): Promise<ApiUpstream> {
  const seen: string[] = [];
  const events = new Meeting();
  const polled = new Meeting();
  const answered = new Meeting();
  const answers: Readonly<Record<string, Answer>> = {
    '/file': sendFile,
    '/events': async (_, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      for (const name of ['first', 'second', 'third']) {
        response.write(`data: ${name}\n\n`);
        await events.take();
      }
      response.end();
    },
    '/release': (_, response) => {
      events.give();
      response.end('ok');
    },
    '/poll': async (_, response) => {
      polled.give();
      await answered.take();
      response.end('news');
    },
    '/answer-poll': async (_, response) => {
      await polled.take();
      answered.give();
      response.end('answered');
    },
  };
  const leaf = await (await testAuthority()).leaf('localhost');
  const server = createSecureServer({ ...leaf, allowHTTP1: true }, (request, response) => {
    seen.push(`${request.method} ${request.url} ${request.httpVersion}`);
    void (answers[request.url] ?? echo)(request, response);
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUp.after(() => {
    server.close();
    sockets.forEach((socket) => socket.destroy());
  });
  return { port: (server.address() as AddressInfo).port, seen, release: () => events.give() };
}

async function echo(request: Http2ServerRequest, response: Http2ServerResponse): Promise<void> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const bytes of request as AsyncIterable<Buffer>) {
    sizeBytes += bytes.length;
    hash.update(bytes);
  }
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify({ line: `${request.method} ${request.url}`, sizeBytes, sha256: hash.digest('hex') }));
}

function sendFile({ headers }: Http2ServerRequest, response: Http2ServerResponse): void {
  const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '');
  if (headers['if-none-match'] === ETAG) {
    response.writeHead(304, { ETag: ETAG }).end();
  } else if (range === null) {
    response.writeHead(200, { ETag: ETAG, 'Accept-Ranges': 'bytes', 'Content-Length': FILE_TEXT.length });
    response.end(FILE_TEXT);
  } else {
    const [from, to] = [Number(range[1]), Number(range[2])];
    const part = FILE_TEXT.slice(from, to + 1);
    response.writeHead(206, {
      'Content-Range': `bytes ${from}-${to}/${FILE_TEXT.length}`,
      'Content-Length': part.length,
    });
    response.end(part);
  }
}
