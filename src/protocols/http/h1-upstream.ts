// An HTTP/1 connection to an upstream: one request at a time, its answer read strictly, and reused only when nothing about either is in
// doubt (HX-03, HT-13). It is the upstream's leg (sides.ts) of the exchange that is running.
import type { Duplex } from 'node:stream';
import type { Clock } from '../../lib/clock.ts';
import { Deadline } from '../../lib/deadline.ts';
import { countPassed } from '../../lib/garbage.ts';
import { Appender } from '../../lib/gather.ts';
import { keepsAlive, responseFraming } from './framing.ts';
import { createBodyReader, type BodyFraming, type BodyReader } from './h1-body.ts';
import { isMalformed, takeResponseHead, type ResponseHead } from './h1-head.ts';
import { chunkOf, lastChunk, requestHead, type OutgoingParts } from './h1-write.ts';
import { listOf } from './fields.ts';
import type { Field, HttpRequest } from './request.ts';
import type { Leg, LegEvents, LegFailure, Outgoing, ResponseStart } from './sides.ts';

/** The longest head of an answer; what is longer is no answer (DP-30). */
const MAX_HEAD_BYTES = 256 * 1024;
/** From the last byte of the request, or the last that could be sent of it, to the head of the answer (notes H10). */
const FIRST_BYTE_MS = 600_000;

const EMPTY = Buffer.alloc(0);
const NOTHING: readonly Field[] = [];

/** Heads of requests that went out before in the same form. */
const heads = new WeakMap<HttpRequest, Buffer>();

function headOf(request: HttpRequest, parts: OutgoingParts): Buffer {
  if (parts.expectContinue) {
    return requestHead(request, parts);
  }
  const known = heads.get(request);
  if (known !== undefined) {
    return known;
  }
  const head = requestHead(request, parts);
  heads.set(request, head);
  return head;
}

/** What the pool learns of a connection. */
export interface H1UpstreamOwner {
  /** It may serve the next request. */
  idle(connection: H1Upstream): void;
  /** It is over. */
  gone(connection: H1Upstream): void;
}

export class H1Upstream implements Leg {
  readonly #stream: Duplex;
  readonly #owner: H1UpstreamOwner;
  readonly #deadline: Deadline;
  #input: Buffer = EMPTY;
  readonly #appender = new Appender();
  /** Bytes of the input in which no whole head was found. */
  #seenBytes = 0;
  #events: LegEvents | null = null;
  #outgoing: Outgoing | null = null;
  #reader: BodyReader | null = null;
  /** After this answer the connection can serve another request. */
  #keepAlive = false;
  #requestDone = false;
  #served = 0;
  #over = false;

  constructor(stream: Duplex, clock: Clock, owner: H1UpstreamOwner) {
    this.#stream = stream;
    this.#owner = owner;
    this.#deadline = new Deadline(clock, () => this.#fail('timeout', 'the upstream did not answer in time'));
    stream.on('data', this.#onData);
    stream.on('end', this.#onEnd);
    stream.on('error', this.#onError);
    stream.on('close', this.#onEnd);
    stream.on('drain', this.#onDrain);
    stream.resume();
  }

  readonly #onData = (chunk: Buffer): void => this.#received(chunk);
  readonly #onEnd = (): void => this.#ended();
  readonly #onError = (): void => this.#ended();
  readonly #onDrain = (): void => this.#drained();

  get usable(): boolean {
    return !this.#over && this.#events === null && this.#stream.writable && !this.#stream.readableEnded;
  }

  /** Sends the head and what of the body is there. */
  begin(outgoing: Outgoing, events: LegEvents): void {
    this.#outgoing = outgoing;
    this.#events = events;
    this.#reader = null;
    this.#requestDone = outgoing.bodyEnded;
    this.#keepAlive = outgoing.request.upgrade === 'none';
    const parts = { expectContinue: outgoing.expectContinue, keepAlive: true };
    const pieces = [headOf(outgoing.request, parts)];
    const { body } = outgoing;
    const streamed = outgoing.request.framing === 'stream';
    if (body.kind !== 'unread' && body.bytes.length > 0) {
      pieces.push(streamed ? chunkOf(body.bytes) : body.bytes);
    }
    if (outgoing.bodyEnded && streamed) {
      pieces.push(lastChunk(NOTHING));
    }
    const [head] = pieces;
    this.#stream.write(pieces.length === 1 && head !== undefined ? head : Buffer.concat(pieces));
    this.#deadline.set(FIRST_BYTE_MS);
  }

  write(bytes: Buffer): boolean {
    this.#deadline.set(FIRST_BYTE_MS);
    this.#stream.write(this.#outgoing?.request.framing === 'stream' ? chunkOf(bytes) : bytes);
    return !this.#stream.writableNeedDrain;
  }

  end(): void {
    this.#requestDone = true;
    if (this.#outgoing?.request.framing === 'stream') {
      this.#stream.write(lastChunk(NOTHING));
    }
  }

  setFlow(flowing: boolean): void {
    if (flowing) {
      this.#stream.resume();
    } else {
      this.#stream.pause();
    }
  }

  cancel(): void {
    this.#events = null;
    this.close();
  }

  close(): void {
    if (!this.#over) {
      this.#release();
      this.#stream.destroy();
      this.#owner.gone(this);
    }
  }

  #received(chunk: Buffer): void {
    countPassed(chunk.length);
    const events = this.#events;
    if (events === null) {
      // Nobody has asked: whatever it is, it must not be taken for the answer to the next request (HT-13).
      this.close();
      return;
    }
    this.#input = this.#appender.append(this.#input, chunk);
    while (this.#events === events && this.#input.length > 0 && this.#step(events)) {
      // Each step has used some of the input.
    }
    events.turnEnded();
  }

  #step(events: LegEvents): boolean {
    return this.#reader === null ? this.#takeHead(events) : this.#takeBody(events, this.#reader);
  }

  #takeHead(events: LegEvents): boolean {
    const taken = takeResponseHead(this.#input, MAX_HEAD_BYTES, this.#seenBytes);
    this.#seenBytes = taken.kind === 'incomplete' ? this.#input.length : 0;
    if (taken.kind === 'incomplete') {
      return false;
    }
    if (taken.kind === 'malformed') {
      this.#fail('protocol', `the upstream's answer: ${taken.why}`);
      return false;
    }
    this.#input = this.#input.subarray(taken.sizeBytes);
    const { head } = taken;
    if (head.status === 101) {
      return this.#upgrade(head, events);
    }
    if (head.status < 200) {
      events.interim({ status: head.status, fields: head.fields });
      return true;
    }
    return this.#answer(head, events);
  }

  #answer(head: ResponseHead, events: LegEvents): boolean {
    const framing = responseFraming(this.#outgoing?.request.method ?? 'GET', head);
    if (framing.kind === 'malformed') {
      this.#fail('protocol', `the upstream's answer: ${framing.why}`);
      return false;
    }
    this.#deadline.clear();
    this.#keepAlive = this.#keepAlive && framing.kind !== 'close' && keepsAlive(head);
    const reader = createBodyReader(framing);
    this.#reader = reader;
    events.head(startOf(head, framing));
    if (reader.empty) {
      this.#complete(events, NOTHING);
    }
    return true;
  }

  #takeBody(events: LegEvents, reader: BodyReader): boolean {
    const input = this.#input;
    const pieces = reader.take(input);
    if (isMalformed(pieces)) {
      this.#fail('protocol', `the upstream's answer: ${pieces.why}`);
      return false;
    }
    this.#input = pieces.used === input.length ? EMPTY : input.subarray(pieces.used);
    for (const data of pieces.data) {
      events.data(data);
    }
    if (pieces.done) {
      this.#complete(events, pieces.trailers);
    }
    return true;
  }

  /** The answer is whole. What follows it without a request makes the connection unusable. */
  #complete(events: LegEvents, trailers: readonly Field[]): void {
    const reusable = this.#keepAlive && this.#requestDone && this.#input.length === 0;
    this.#events = null;
    this.#outgoing = null;
    this.#reader = null;
    this.#served += 1;
    if (reusable) {
      this.#stream.resume();
      this.#owner.idle(this);
    } else {
      this.close();
    }
    events.end(trailers);
  }

  #upgrade(head: ResponseHead, events: LegEvents): boolean {
    const wanted = this.#outgoing?.request.upgrade ?? 'none';
    const granted = listOf(head.fields, 'upgrade');
    if (wanted === 'none' || granted.length !== 1 || granted[0] !== wanted) {
      this.#fail('protocol', 'the upstream switched to a protocol that nobody asked for');
      return false;
    }
    this.#events = null;
    this.#release();
    this.#stream.pause();
    if (this.#input.length > 0) {
      this.#stream.unshift(this.#input);
      this.#input = EMPTY;
    }
    this.#owner.gone(this);
    events.upgraded(startOf(head, { kind: 'none' }), this.#stream);
    return false;
  }

  #drained(): void {
    if (!this.#requestDone) {
      this.#events?.writable();
    }
  }

  #ended(): void {
    if (this.#over) {
      return;
    }
    const events = this.#events;
    const reader = this.#reader;
    if (events !== null && reader !== null && reader.atEnd()) {
      this.#keepAlive = false;
      this.#complete(events, NOTHING);
      events.turnEnded();
      return;
    }
    this.#fail('lost', reader === null ? 'the upstream closed the connection' : "the upstream's answer broke off");
  }

  #fail(kind: LegFailure['kind'], why: string): void {
    const events = this.#events;
    // Bytes of an answer that was never whole are an answer begun: it may not be asked for again.
    const reused = this.#served > 0 && this.#input.length === 0;
    this.#events = null;
    this.close();
    events?.failed({ kind, why, reused });
  }

  #release(): void {
    this.#over = true;
    this.#deadline.stop();
    const stream = this.#stream;
    stream.off('data', this.#onData);
    stream.off('end', this.#onEnd);
    stream.off('close', this.#onEnd);
    stream.off('drain', this.#onDrain);
  }
}

function startOf(head: ResponseHead, framing: BodyFraming): ResponseStart {
  const { status, reason } = head;
  const body = framing.kind === 'none' ? 'none' : framing.kind === 'length' ? 'length' : 'stream';
  return { status, reason, fields: lengthOnce(head, body), body };
}

/** Equal lengths written twice are one; an answer that has no body by its status has no length either (RFC 9110, section 8.6). */
function lengthOnce({ status, fields }: ResponseHead, body: ResponseStart['body']): readonly Field[] {
  const none = body === 'none' && (status < 200 || status === 204);
  let seen = false;
  const kept = fields.filter(({ name }) => {
    if (name.length !== 14 || name.toLowerCase() !== 'content-length') {
      return true;
    }
    const first = !seen;
    seen = true;
    return first && !none;
  });
  return kept.length === fields.length ? fields : kept;
}
