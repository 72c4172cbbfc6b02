// The agent's HTTP/2 connection: each stream is an exchange of its own, judged at the same time as the others. Frames, HPACK and flow control
// are nghttp2's; a stream whose exchange waits is not read, so its window stays shut and the others go on (notes H5).
import {
  constants,
  performServerHandshake,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '../../lib/clock.ts';
import { Deadline } from '../../lib/deadline.ts';
import { abortReason } from '../../lib/errors.ts';
import { countPassed } from '../../lib/garbage.ts';
import type { ServeContext } from '../protocol.ts';
import type { FinishReason } from '../session.ts';
import { Exchange, type ExchangeParts } from './exchange.ts';
import type { LocalAnswer } from './flavour.ts';
import type { RefusedRequest } from './h1-request.ts';
import { blockOf } from './h2-head.ts';
import { KnownRequest } from './memory.ts';
import type { Field, HttpResponse } from './request.ts';
import type { AgentSide, BodySink, ResponseStart } from './sides.ts';
import { BODY_MS, BODY_STEP_BYTES, IDLE_MS } from './timing.ts';

const MAX_STREAMS = 128;
/** Window of each stream: what a parked upload may have on its way. */
const WINDOW = 256 * 1024;
const SESSION_WINDOW = 2 * 1024 * 1024;
/** Memory of one session in MB, as node:http2 counts it. */
const MAX_SESSION_MB = 32;
const MAX_PINGS = 32;
const MAX_INVALID_FRAMES = 64;
/** Streams that a client may reset in a while (CVE-2023-44487). */
const MAX_RESETS = 100;
const RESETS_MS = 10_000;
const NO_FIELDS: readonly Field[] = [];

export interface H2Parts extends ExchangeParts {
  readonly stream: Duplex;
  /** Reads a header block, or finds it among the known ones. */
  readBlock(raw: readonly string[], ended: boolean): KnownRequest | RefusedRequest;
}

/** Serves the connection until it ends. */
export function serveH2(parts: H2Parts): Promise<FinishReason> {
  return new Promise((resolve) => {
    new H2Server(parts, resolve).start();
  });
}

class H2Server {
  readonly #parts: H2Parts;
  readonly #context: ServeContext;
  readonly #session: ServerHttp2Session;
  readonly #resolve: (reason: FinishReason) => void;
  readonly #idle: Deadline;
  #reason: FinishReason = { kind: 'client-closed', detail: 'the client closed the connection' };
  #open = 0;
  #resets = 0;
  #resetsSinceMs = 0;

  readonly #onAbort = (): void => this.#abort();
  readonly #onDraining = (): void => this.#drain();

  constructor(parts: H2Parts, resolve: (reason: FinishReason) => void) {
    this.#parts = parts;
    this.#context = parts.context;
    this.#resolve = resolve;
    this.#idle = new Deadline(parts.context.clock, () =>
      this.#end({ kind: 'timeout', detail: 'no request came in time' }),
    );
    this.#session = performServerHandshake(parts.stream, {
      settings: {
        maxConcurrentStreams: MAX_STREAMS,
        maxHeaderListSize: parts.context.headerBytes,
        initialWindowSize: WINDOW,
        enableConnectProtocol: false,
      },
      maxHeaderListPairs: 500,
      maxSessionMemory: MAX_SESSION_MB,
      maxOutstandingPings: MAX_PINGS,
      maxSessionInvalidFrames: MAX_INVALID_FRAMES,
    });
  }

  start(): void {
    const session = this.#session;
    const { signal, draining } = this.#context;
    session.on('error', () => undefined);
    session.on('close', () => this.#closed());
    session.on(
      'stream',
      (stream: ServerHttp2Stream, _headers: IncomingHttpHeaders, flags: number, ...rest: unknown[]) =>
        this.#begin(stream, flags, rest[0]),
    );
    // Sockets here may be half open, which a session of HTTP/2 cannot be.
    // One that was closed before waits for the other end to close too, which has long left: the socket is closed here.
    this.#parts.stream.once('end', () => {
      session.destroy();
      this.#parts.stream.destroy();
    });
    session.once('connect', () => session.setLocalWindowSize(SESSION_WINDOW));
    signal.addEventListener('abort', this.#onAbort, { once: true });
    draining.addEventListener('abort', this.#onDraining, { once: true });
    this.#idle.set(IDLE_MS);
    if (signal.aborted) {
      this.#abort();
    } else if (draining.aborted) {
      this.#drain();
    }
  }

  #begin(stream: ServerHttp2Stream, flags: number, raw: unknown): void {
    // oxlint-disable-next-line no-bitwise -- flags of a frame
    const ended = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    this.#open += 1;
    this.#idle.clear();
    stream.on('close', () => this.#streamClosed(stream));
    const pairs = Array.isArray(raw) ? raw.map(String) : [];
    const read = this.#parts.readBlock(pairs, ended);
    const side = new H2Side(stream, this.#context.clock);
    if (read instanceof KnownRequest) {
      side.serve(this.#parts, read);
    } else {
      this.#context.refused(read.code, read.why);
      const refusal = { status: read.status, code: read.code, reason: read.why, rule: '', hint: '', action: '' };
      side.sendLocal(this.#parts.flavour.refuse(refusal, null));
    }
  }

  #streamClosed(stream: ServerHttp2Stream): void {
    this.#open -= 1;
    // INTERNAL_ERROR is our own word, for an answer that broke off.
    if (stream.rstCode !== constants.NGHTTP2_NO_ERROR && stream.rstCode !== constants.NGHTTP2_INTERNAL_ERROR) {
      this.#countReset();
    }
    if (this.#open === 0) {
      this.#idle.set(IDLE_MS);
    }
  }

  #countReset(): void {
    const nowMs = this.#context.clock.monotonicMs();
    if (nowMs - this.#resetsSinceMs > RESETS_MS) {
      this.#resetsSinceMs = nowMs;
      this.#resets = 0;
    }
    this.#resets += 1;
    if (this.#resets > MAX_RESETS && !this.#session.destroyed) {
      this.#context.refused('resets', `more than ${MAX_RESETS} streams were reset`);
      this.#reason = { kind: 'protocol-error', detail: 'too many streams were reset' };
      this.#session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      this.#session.destroy();
    }
  }

  /** No new streams; those that are open come to their end. */
  #end(reason: FinishReason): void {
    this.#reason = reason;
    if (!this.#session.closed && !this.#session.destroyed) {
      this.#session.close();
    }
  }

  #drain(): void {
    this.#end({ kind: 'drained', detail: abortReason(this.#context.draining, 'the gateway is stopping') });
  }

  #abort(): void {
    this.#reason = {
      kind: 'drained',
      detail: abortReason(this.#context.signal, 'the gateway closes the connection'),
    };
    this.#session.destroy();
  }

  #closed(): void {
    this.#idle.stop();
    this.#context.signal.removeEventListener('abort', this.#onAbort);
    this.#context.draining.removeEventListener('abort', this.#onDraining);
    this.#resolve(this.#reason);
  }
}

/** One stream as the agent's side of its exchange. */
class H2Side implements AgentSide {
  readonly version = '2';
  readonly #stream: ServerHttp2Stream;
  readonly #clock: Clock;
  #exchange: Exchange | null = null;
  #known: KnownRequest | null = null;
  #sink: BodySink | null = null;
  #awaitsContinue = false;
  #bodySeen = false;
  #timed = false;
  #timer: Timer | null = null;
  #stepBytes = 0;
  #trailers: readonly Field[] = NO_FIELDS;
  #over = false;

  constructor(stream: ServerHttp2Stream, clock: Clock) {
    this.#stream = stream;
    this.#clock = clock;
    stream.on('error', () => undefined);
  }

  serve(parts: ExchangeParts, known: KnownRequest): void {
    const stream = this.#stream;
    this.#known = known;
    this.#awaitsContinue = known.reading.expectContinue;
    const exchange = new Exchange(parts, this, known, () => this.#exchangeEnded());
    this.#exchange = exchange;
    stream.on('drain', () => exchange.drained());
    stream.on('close', () => this.#closed());
    stream.on('wantTrailers', () => this.#sendTrailers());
    exchange.start();
  }

  get awaitsContinue(): boolean {
    return this.#awaitsContinue && !this.#bodySeen && this.#stream.readableLength === 0;
  }

  get congested(): boolean {
    return this.#stream.writableNeedDrain;
  }

  readBody(sink: BodySink, { invite, timed }: { readonly invite: boolean; readonly timed: boolean }): void {
    const listening = this.#sink !== null;
    this.#sink = sink;
    this.#timed = timed || this.#known?.reading.framing.kind === 'length';
    if (invite) {
      this.invite();
    }
    if (!listening) {
      this.#stream.on('data', (bytes: Buffer) => this.#received(bytes));
      this.#stream.on('end', () => this.#ended());
    }
    this.setBodyFlow(true);
  }

  #received(bytes: Buffer): void {
    countPassed(bytes.length);
    this.#bodySeen = true;
    this.#stepBytes += bytes.length;
    if (this.#stepBytes >= BODY_STEP_BYTES) {
      this.#restartTimer();
    }
    this.#sink?.bodyData(bytes);
  }

  #ended(): void {
    this.#timer?.cancel();
    // The readable side of a stream that was reset ends too.
    if (!this.#stream.aborted) {
      this.#sink?.bodyEnd();
    }
  }

  invite(): void {
    if (this.awaitsContinue && this.#sendable) {
      this.#stream.additionalHeaders({ ':status': 100 });
    }
    this.#awaitsContinue = false;
  }

  setBodyFlow(flowing: boolean): void {
    this.#timer?.cancel();
    if (flowing) {
      this.#restartTimer();
      this.#stream.resume();
    } else {
      this.#stream.pause();
    }
  }

  #restartTimer(): void {
    this.#timer?.cancel();
    this.#stepBytes = 0;
    if (this.#timed && !this.#stream.readableEnded) {
      this.#timer = this.#clock.after(BODY_MS, () => {
        this.#sink = null;
        this.#exchange?.bodyFailed(408, 'the body of the request did not come in time');
      });
    }
  }

  get #sendable(): boolean {
    return !this.#stream.destroyed && !this.#stream.headersSent;
  }

  sendInterim(head: HttpResponse): void {
    if (this.#sendable) {
      this.#stream.additionalHeaders(blockOf({ ':status': head.status }, head.fields));
    }
  }

  sendHead(head: ResponseStart): void {
    if (this.#sendable) {
      const block = blockOf({ ':status': head.status }, head.fields);
      const endStream = head.body === 'none';
      this.#stream.respond(block, { endStream, waitForTrailers: !endStream && head.body === 'stream' });
    }
  }

  sendData(bytes: Buffer): void {
    if (this.#stream.writable) {
      this.#stream.write(bytes);
    }
  }

  sendEnd(trailers: readonly Field[]): void {
    this.#trailers = trailers;
    if (this.#stream.writable) {
      this.#stream.end();
    }
  }

  #sendTrailers(): void {
    if (!this.#stream.destroyed) {
      this.#stream.sendTrailers(blockOf({}, this.#trailers));
    }
  }

  sendLocal(answer: LocalAnswer): void {
    if (!this.#sendable) {
      this.cut();
      return;
    }
    const empty = answer.body.length === 0;
    const silent = empty || this.#known?.reading.request.method === 'HEAD';
    // Without a body the head is the end, which is what gRPC calls an answer of trailers only.
    const length = empty ? [] : [{ name: 'content-length', value: String(answer.body.length) }];
    this.#stream.respond(blockOf({ ':status': answer.status }, [...answer.fields, ...length]), { endStream: silent });
    if (!silent) {
      this.#stream.end(answer.body);
    }
    this.#stop();
  }

  cut(): void {
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  flush(): void {
    // Each write is a frame of its own already.
  }

  detach(): Duplex {
    // No upgrade is ever read from a stream (h2-head.ts), so nothing can be given away.
    return this.#stream;
  }

  /** Nobody reads the body any more: the client is told so once its answer has gone (RFC 9113, section 8.1). */
  #stop(): void {
    const stream = this.#stream;
    this.#sink = null;
    // A request that ended with its head has no body to stop. RST_STREAM before the end of the answer, which with trailers comes after
    // `finish`, would break that answer off: Go's client takes it for a failed read.
    if (!stream.readableEnded && !stream.endAfterHeaders && !stream.destroyed) {
      stream.once('finish', () => stream.close(constants.NGHTTP2_NO_ERROR));
      stream.resume();
    }
  }

  #exchangeEnded(): void {
    this.#over = true;
    this.#timer?.cancel();
    this.#stop();
  }

  #closed(): void {
    this.#timer?.cancel();
    if (!this.#over) {
      this.#exchange?.gone();
    }
  }
}
