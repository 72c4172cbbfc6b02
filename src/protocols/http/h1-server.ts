// The agent's HTTP/1 connection: heads are taken off it one at a time, each request is an exchange of its own, and answers go out in order.
// It is the agent's side (sides.ts) of whichever exchange is running. Further pipelined bytes wait, bounded, in its input (notes H4).
import type { Duplex } from 'node:stream';
import { Deadline } from '../../lib/deadline.ts';
import { abortReason } from '../../lib/errors.ts';
import { Appender } from '../../lib/gather.ts';
import { MAX_PARKED_BUFFER_BYTES } from '../../lib/limits.ts';
import { countPassed } from '../../lib/garbage.ts';
import type { DialTarget, ServeContext } from '../protocol.ts';
import type { FinishReason } from '../session.ts';
import { Exchange, type ExchangeEnd, type ExchangeParts, type Upgraded } from './exchange.ts';
import type { LocalAnswer } from './flavour.ts';
import { createBodyReader, type BodyReader } from './h1-body.ts';
import { isMalformed, takeSpan } from './h1-head.ts';
import type { RefusedRequest } from './h1-request.ts';
import { chunkOf, lastChunk, responseHead } from './h1-write.ts';
import { KnownRequest } from './memory.ts';
import type { Field, HttpResponse } from './request.ts';
import type { AgentSide, BodySink, ResponseStart } from './sides.ts';
import * as timing from './timing.ts';
import { writeTogether } from './write-together.ts';

/** Why the connection no longer is one of HTTP/1. */
export type H1End =
  | { readonly kind: 'finished'; readonly reason: FinishReason }
  /** The agent was told 200; what follows is for that host. */
  | { readonly kind: 'connect'; readonly target: DialTarget; readonly stream: Duplex }
  | { readonly kind: 'upgraded'; readonly upgraded: Upgraded };

export interface H1Parts extends ExchangeParts {
  readonly stream: Duplex;
  /** A client under TLS that ends its direction is gone: none of them half-closes. */
  readonly secure: boolean;
  /** Reads a head, or finds it among the known ones. */
  readHead(text: string): KnownRequest | RefusedRequest | { readonly kind: 'connect'; readonly target: DialTarget };
  /** Breaks the connection so that what was sent does not look whole. */
  reset(): void;
}

/** Serves the connection until it ends or turns into something else. */
export function serveH1(parts: H1Parts): Promise<H1End> {
  return new Promise((resolve) => {
    new H1Server(parts, resolve).start();
  });
}

type State = 'head' | 'exchange' | 'lingering' | 'over';

/** Steps of one connection that are worked off before others have their turn. */
const MAX_STEPS = 256;
const EMPTY = Buffer.alloc(0);
const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');
const ESTABLISHED = Buffer.from('HTTP/1.1 200 Connection established\r\n\r\n', 'latin1');
const CHUNKED: Field = { name: 'Transfer-Encoding', value: 'chunked' };
const CLOSE: Field = { name: 'Connection', value: 'close' };
const KEEP_ALIVE: Field = { name: 'Connection', value: 'keep-alive' };
const NOTHING: readonly Field[] = [];

class H1Server implements AgentSide {
  readonly #parts: H1Parts;
  readonly #context: ServeContext;
  readonly #stream: Duplex;
  readonly #resolve: (end: H1End) => void;
  readonly #deadline: Deadline;
  #state: State = 'head';
  /** What has come and was not used. */
  #input: Buffer = EMPTY;
  readonly #appender = new Appender();
  /** Bytes of the input in which no whole head was found. */
  #seenBytes = 0;
  #pumping = false;
  #streamPaused = false;
  /** The client has ended its direction. */
  #fin = false;
  #exchange: Exchange | null = null;
  #known: KnownRequest | null = null;
  #reader: BodyReader | null = null;
  #sink: BodySink | null = null;
  #flowing = false;
  #timed = false;
  #stepBytes = 0;
  #dropped = 0;
  #keepAlive = true;
  #headBegun = false;
  #awaitsContinue = false;
  #chunked = false;
  readonly #out: Buffer[] = [];
  #reason: FinishReason = { kind: 'client-closed', detail: 'the client closed the connection' };

  readonly #onData = (chunk: Buffer): void => this.#received(chunk);
  readonly #onEnd = (): void => this.#finished();
  readonly #onDrain = (): void => {
    this.#exchange?.drained();
    this.#pump();
  };
  readonly #onError = (): void => undefined;
  readonly #onClose = (): void => this.#closed();
  readonly #onAbort = (): void => this.#aborted();
  readonly #onDraining = (): void => this.#drain();

  constructor(parts: H1Parts, resolve: (end: H1End) => void) {
    this.#parts = parts;
    this.#context = parts.context;
    this.#stream = parts.stream;
    this.#resolve = resolve;
    this.#deadline = new Deadline(parts.context.clock, () => this.#late());
  }

  start(): void {
    const { signal, draining } = this.#context;
    const stream = this.#stream;
    stream.on('data', this.#onData);
    stream.on('end', this.#onEnd);
    stream.on('drain', this.#onDrain);
    stream.on('error', this.#onError);
    stream.on('close', this.#onClose);
    signal.addEventListener('abort', this.#onAbort, { once: true });
    draining.addEventListener('abort', this.#onDraining, { once: true });
    this.#deadline.set(timing.IDLE_MS);
    if (signal.aborted) {
      this.#aborted();
    } else if (stream.destroyed) {
      this.#closed();
    } else if (draining.aborted) {
      this.#drain();
    } else {
      stream.resume();
    }
  }

  // What the exchange asks for.

  get version(): '1.0' | '1.1' {
    return this.#known?.reading.request.version === '1.0' ? '1.0' : '1.1';
  }

  get awaitsContinue(): boolean {
    return this.#awaitsContinue && this.#input.length === 0;
  }

  get congested(): boolean {
    return this.#stream.writableNeedDrain;
  }

  readBody(sink: BodySink, { invite, timed }: { readonly invite: boolean; readonly timed: boolean }): void {
    this.#sink = sink;
    this.#timed = timed || this.#known?.reading.framing.kind === 'length';
    if (invite) {
      this.invite();
    }
    this.setBodyFlow(true);
  }

  invite(): void {
    if (this.awaitsContinue) {
      this.#stream.write(CONTINUE);
    }
    this.#awaitsContinue = false;
  }

  setBodyFlow(flowing: boolean): void {
    this.#flowing = flowing;
    this.#stepBytes = 0;
    if (flowing && this.#reader !== null) {
      if (this.#timed) {
        this.#deadline.set(timing.BODY_MS);
      }
      this.#pump();
    } else if (this.#state === 'exchange') {
      this.#deadline.clear();
    }
  }

  sendInterim(head: HttpResponse): void {
    this.#out.push(responseHead(head.status, '', head.fields, NOTHING));
  }

  sendHead(head: ResponseStart): void {
    // An old client reads to the end of the connection.
    this.#chunked = head.body === 'stream' && this.version === '1.1';
    this.#settleKeepAlive(head.body === 'stream' && !this.#chunked);
    this.#out.push(responseHead(head.status, head.reason, head.fields, this.#framingFields(head)));
  }

  #framingFields(head: ResponseStart): readonly Field[] {
    const fields: Field[] = this.#chunked ? [CHUNKED] : [];
    if (head.status !== 101 && !this.#keepAlive) {
      fields.push(CLOSE);
    } else if (head.status !== 101 && this.version === '1.0') {
      fields.push(KEEP_ALIVE);
    }
    return fields;
  }

  /** Whether another request may follow is said in the head, so it is settled by then. */
  #settleKeepAlive(endsWithConnection: boolean): void {
    const { keepAlive } = this.#known?.reading ?? { keepAlive: false };
    this.#keepAlive = this.#keepAlive && keepAlive && !endsWithConnection && !this.#context.draining.aborted;
  }

  sendData(bytes: Buffer): void {
    if (this.#fin) {
      this.#deadline.set(timing.HALF_CLOSED_MS);
    }
    this.#out.push(this.#chunked ? chunkOf(bytes) : bytes);
  }

  sendEnd(trailers: readonly Field[]): void {
    if (this.#chunked) {
      this.#out.push(lastChunk(trailers));
    }
  }

  sendLocal(answer: LocalAnswer): void {
    this.#settleKeepAlive(this.#reader !== null);
    this.#chunked = false;
    const length = { name: 'Content-Length', value: String(answer.body.length) };
    const added = [length, ...this.#framingFields({ ...answer, reason: '', body: 'length' })];
    const head = responseHead(answer.status, '', answer.fields, added);
    const silent = this.#known?.reading.request.method === 'HEAD';
    // One write: a client must never see a head without its body (HX-05).
    this.#out.push(silent ? head : Buffer.concat([head, answer.body]));
    this.flush();
  }

  flush(): void {
    const out = this.#out;
    const stream = this.#stream;
    if (out.length === 0 || !stream.writable) {
      out.length = 0;
      return;
    }
    writeTogether(stream, out);
    out.length = 0;
  }

  cut(): void {
    this.#out.length = 0;
    this.#keepAlive = false;
    this.#reason = { kind: 'upstream-closed', detail: 'an answer of the upstream broke off' };
    this.#parts.reset();
  }

  detach(): Duplex {
    this.#release();
    if (this.#input.length > 0) {
      this.#stream.unshift(this.#input);
      this.#input = EMPTY;
    }
    return this.#stream;
  }

  // The connection.

  #received(chunk: Buffer): void {
    countPassed(chunk.length);
    if (this.#state === 'lingering') {
      this.#dropped += chunk.length;
      if (this.#dropped > timing.LINGER_BYTES) {
        this.#stream.destroy();
      }
      return;
    }
    this.#input = this.#appender.append(this.#input, chunk);
    this.#pump();
  }

  /** Works until nothing more can be made of the input. */
  #pump(): void {
    if (this.#pumping) {
      return;
    }
    this.#pumping = true;
    let steps = 0;
    try {
      while (steps < MAX_STEPS && this.#step()) {
        steps += 1;
      }
    } finally {
      this.#pumping = false;
    }
    if (steps === MAX_STEPS) {
      // Many small requests at once, each answered at once: others have their turn first (ND-07).
      setImmediate(() => this.#pump());
    }
    this.#throttle();
  }

  #step(): boolean {
    switch (this.#state) {
      case 'head':
        return this.#takeHead();
      case 'exchange':
        return this.#takeBody();
      case 'lingering':
      case 'over':
        return false;
    }
  }

  #takeHead(): boolean {
    if (this.#input.length === 0) {
      if (this.#fin) {
        this.#linger();
      }
      return false;
    }
    if (this.#stream.writableNeedDrain) {
      // A client that does not read its answers gets no more of them: they would only be kept in memory.
      return false;
    }
    const span = takeSpan(this.#input, this.#context.headerBytes, 'request', this.#seenBytes);
    this.#seenBytes = span.kind === 'incomplete' ? this.#input.length : 0;
    switch (span.kind) {
      case 'incomplete':
        if (this.#fin) {
          this.#refuseHead({
            kind: 'refused',
            status: 400,
            code: 'malformed',
            why: 'the head of the request broke off',
          });
        } else if (!this.#headBegun) {
          this.#headBegun = true;
          this.#deadline.set(timing.HEAD_MS);
        }
        return false;
      case 'malformed':
        this.#refuseHead({ kind: 'refused', status: span.status, code: 'malformed', why: span.why });
        return false;
      case 'span':
        this.#headBegun = false;
        this.#deadline.clear();
        this.#input = this.#input.length === span.sizeBytes ? EMPTY : this.#input.subarray(span.sizeBytes);
        return this.#begin(span.text);
    }
  }

  #begin(text: string): boolean {
    const read = this.#parts.readHead(text);
    if (!(read instanceof KnownRequest)) {
      if (read.kind === 'connect') {
        this.#stream.write(ESTABLISHED);
        this.#state = 'over';
        this.#resolve({ kind: 'connect', target: read.target, stream: this.detach() });
      } else {
        this.#refuseHead(read);
      }
      return false;
    }
    this.#state = 'exchange';
    this.#known = read;
    const reader = createBodyReader(read.reading.framing);
    this.#reader = reader.empty ? null : reader;
    this.#awaitsContinue = read.reading.expectContinue;
    this.#flowing = false;
    this.#sink = null;
    const exchange = new Exchange(this.#parts, this, read, (end) => this.#exchangeEnded(end));
    this.#exchange = exchange;
    exchange.start();
    return true;
  }

  #takeBody(): boolean {
    const reader = this.#reader;
    const sink = this.#sink;
    if (reader === null || sink === null || !this.#flowing || this.#input.length === 0) {
      return false;
    }
    const input = this.#input;
    const pieces = reader.take(input);
    if (isMalformed(pieces)) {
      this.#input = EMPTY;
      this.#failBody(400, pieces.why);
      return false;
    }
    this.#input = pieces.used === input.length ? EMPTY : input.subarray(pieces.used);
    this.#progressed(pieces.used);
    if (pieces.done) {
      this.#reader = null;
      this.#deadline.clear();
    }
    for (const data of pieces.data) {
      sink.bodyData(data);
    }
    if (pieces.done) {
      sink.bodyEnd();
    }
    return true;
  }

  #failBody(status: 400 | 408, why: string): void {
    this.#keepAlive = false;
    this.#sink = null;
    this.#exchange?.bodyFailed(status, why);
  }

  #progressed(bytes: number): void {
    this.#stepBytes += bytes;
    if (this.#timed && this.#stepBytes >= timing.BODY_STEP_BYTES) {
      this.#stepBytes = 0;
      this.#deadline.set(timing.BODY_MS);
    }
  }

  /** Enough is read to notice that the client goes away, and no more (notes H9). */
  #throttle(): void {
    const waiting = this.#state === 'exchange' || (this.#state === 'head' && this.#stream.writableNeedDrain);
    const pause = waiting && this.#input.length >= MAX_PARKED_BUFFER_BYTES;
    if (pause !== this.#streamPaused) {
      this.#streamPaused = pause;
      if (pause) {
        this.#stream.pause();
      } else {
        this.#stream.resume();
      }
    }
  }

  #exchangeEnded({ upgraded }: ExchangeEnd): void {
    this.#exchange = null;
    this.#sink = null;
    if (upgraded !== null) {
      this.#state = 'over';
      this.#resolve({ kind: 'upgraded', upgraded });
      return;
    }
    if (this.#state !== 'exchange') {
      return;
    }
    if (!this.#keepAlive || this.#reader !== null || this.#context.draining.aborted) {
      this.#linger();
      return;
    }
    this.#state = 'head';
    this.#known = null;
    this.#deadline.set(timing.IDLE_MS);
    this.#pump();
  }

  #refuseHead({ status, code, why }: RefusedRequest): void {
    this.#context.refused(code, why);
    this.#known = null;
    this.#reason = { kind: 'protocol-error', detail: why };
    const refusal = { status, code, reason: why, rule: '', hint: '', action: '' };
    this.sendLocal(this.#parts.flavour.refuse(refusal, null));
    this.#linger();
  }

  /** Ends our direction and drops what still comes for a while: closing at once would reset away what was said last. */
  #linger(): void {
    if (this.#state === 'lingering' || this.#state === 'over') {
      return;
    }
    this.#state = 'lingering';
    this.#input = EMPTY;
    this.flush();
    if (this.#fin || this.#stream.destroyed) {
      this.#over();
      return;
    }
    this.#deadline.set(timing.LINGER_MS);
    this.#stream.end();
    this.#stream.resume();
  }

  #finished(): void {
    this.#fin = true;
    switch (this.#state) {
      case 'head':
        this.#pump();
        break;
      case 'exchange':
        if (this.#parts.secure || this.#reader !== null || (this.#exchange?.undecided ?? false)) {
          this.#keepAlive = false;
          this.#exchange?.gone();
        } else {
          this.#deadline.set(timing.HALF_CLOSED_MS);
        }
        break;
      case 'lingering':
        this.#over();
        break;
      case 'over':
        break;
    }
  }

  #closed(): void {
    if (this.#state === 'over') {
      return;
    }
    const running = this.#exchange;
    this.#keepAlive = false;
    running?.gone();
    this.#over();
  }

  #aborted(): void {
    this.#reason = {
      kind: 'drained',
      detail: abortReason(this.#context.signal, 'the gateway closes the connection'),
    };
    this.#stream.destroy();
    this.#closed();
  }

  #drain(): void {
    this.#reason = { kind: 'drained', detail: abortReason(this.#context.draining, 'the gateway is stopping') };
    if (this.#state === 'head' && this.#input.length === 0) {
      this.#linger();
    }
  }

  #late(): void {
    switch (this.#state) {
      case 'head':
        if (this.#headBegun) {
          this.#refuseHead({ kind: 'refused', status: 408, code: 'malformed', why: 'the head did not come in time' });
        } else {
          this.#reason = { kind: 'timeout', detail: 'no request came in time' };
          this.#linger();
        }
        break;
      case 'exchange':
        if (this.#fin) {
          this.#keepAlive = false;
          this.#exchange?.gone();
          break;
        }
        this.#failBody(408, 'the body of the request did not come in time');
        break;
      case 'lingering':
        this.#stream.destroy();
        this.#over();
        break;
      case 'over':
        break;
    }
  }

  #over(): void {
    if (this.#state !== 'over') {
      this.#state = 'over';
      this.#release();
      this.#stream.on('error', () => undefined);
      if (this.#stream.writable) {
        this.#stream.end();
      }
      this.#resolve({ kind: 'finished', reason: this.#reason });
    }
  }

  #release(): void {
    const stream = this.#stream;
    this.#deadline.stop();
    stream.pause();
    stream.off('data', this.#onData);
    stream.off('end', this.#onEnd);
    stream.off('drain', this.#onDrain);
    stream.off('close', this.#onClose);
    this.#context.signal.removeEventListener('abort', this.#onAbort);
    this.#context.draining.removeEventListener('abort', this.#onDraining);
  }
}
