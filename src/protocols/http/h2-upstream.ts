// An HTTP/2 connection to an upstream: each exchange is one of its streams. Frames, HPACK and flow control are nghttp2's.
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { messageOf } from '../../lib/errors.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import { countPassed } from '../../lib/garbage.ts';
import { hostValue } from './h1-write.ts';
import { blockOf, fieldsOf } from './h2-head.ts';
import { onlyValue } from './fields.ts';
import type { Field } from './request.ts';
import type { Leg, LegEvents, LegFailure, Outgoing, ResponseStart } from './sides.ts';

/** To the head of an answer, from the last byte of the request that could be sent (notes H10). */
const FIRST_BYTE_MS = 600_000;
const MAX_HEADER_LIST = 256 * 1024;
const WINDOW = 1024 * 1024;
const NO_FIELDS: readonly Field[] = [];
const NO_BODY_STATUS: ReadonlySet<number> = new Set([204, 304]);

/** What the pool learns of a connection. */
export interface H2UpstreamOwner {
  /** The upstream takes no new streams. */
  leaving(): void;
  gone(): void;
}

export class H2Upstream {
  readonly #session: ClientHttp2Session;
  readonly #clock: Clock;
  #served = 0;

  constructor(stream: Duplex, authority: string, clock: Clock, owner: H2UpstreamOwner) {
    this.#clock = clock;
    this.#session = connect(`https://${authority}`, {
      createConnection: () => stream,
      settings: { enablePush: false, initialWindowSize: WINDOW, maxHeaderListSize: MAX_HEADER_LIST },
      maxHeaderListPairs: 500,
    });
    this.#session.on('error', () => undefined);
    // Sockets here may be half open, which a session of HTTP/2 cannot be. Without an error, answers that broke off would look whole.
    stream.once('end', () => {
      this.#session.destroy(new Error('the upstream closed the connection'), constants.NGHTTP2_CANCEL);
      // A session that was closed before leaves its socket open until the other end closes.
      stream.destroy();
    });
    this.#session.on('goaway', () => owner.leaving());
    this.#session.on('close', () => owner.gone());
    this.#session.once('connect', () => this.#session.setLocalWindowSize(4 * WINDOW));
  }

  get usable(): boolean {
    return !this.#session.closed && !this.#session.destroyed;
  }

  start(outgoing: Outgoing, events: LegEvents): Leg {
    this.#served += 1;
    const { request, body, bodyEnded, expectContinue } = outgoing;
    const { rawPath, rawQuery, method, scheme } = request;
    const pseudo = {
      ':method': method,
      ':scheme': scheme,
      ':authority': hostValue(request),
      ':path': rawQuery === null ? rawPath : `${rawPath}?${rawQuery}`,
      ...(expectContinue ? { expect: '100-continue' } : {}),
    };
    const bytes = body.kind === 'unread' ? null : body.bytes;
    const empty = bodyEnded && (bytes === null || bytes.length === 0);
    let stream: ClientHttp2Stream;
    try {
      stream = this.#session.request(blockOf(pseudo, request.fields), { endStream: empty });
    } catch (error) {
      // The session has ended meanwhile, or a field is none that HTTP/2 knows.
      events.failed({ kind: 'protocol', why: messageOf(error), reused: false });
      return NO_LEG;
    }
    const leg = new H2Leg(stream, { events, method, clock: this.#clock, reused: this.#served > 1 });
    if (!empty) {
      if (bytes !== null && bytes.length > 0) {
        stream.write(bytes);
      }
      if (bodyEnded) {
        stream.end();
      }
    }
    return leg;
  }

  /** Streams that are open go on; no new one begins. */
  retire(): void {
    if (!this.#session.closed) {
      this.#session.close();
    }
  }

  close(): void {
    this.#session.destroy();
  }
}

interface LegParts {
  readonly events: LegEvents;
  readonly method: string;
  readonly clock: Clock;
  readonly reused: boolean;
}

class H2Leg implements Leg {
  readonly #stream: ClientHttp2Stream;
  readonly #parts: LegParts;
  #timer: Timer | null;
  #answered = false;
  #over = false;
  #trailers: readonly Field[] = NO_FIELDS;

  constructor(stream: ClientHttp2Stream, parts: LegParts) {
    this.#stream = stream;
    this.#parts = parts;
    this.#timer = this.#arm();
    stream.on('headers', (_headers, _flags, raw?: unknown) => this.#interim(_headers[':status'] ?? 0, raw));
    stream.on('response', (headers, flags, raw?: unknown) => this.#head(headers[':status'] ?? 0, flags, raw));
    stream.on('trailers', (_headers, _flags, raw?: unknown) => {
      this.#trailers = fieldsOf(asStrings(raw)) ?? NO_FIELDS;
    });
    stream.on('data', (bytes: Buffer) => this.#data(bytes));
    stream.on('end', () => this.#end());
    stream.on('drain', () => this.#parts.events.writable());
    stream.on('error', () => undefined);
    stream.on('close', () => this.#closed());
  }

  write(bytes: Buffer): boolean {
    this.#timer?.cancel();
    this.#timer = this.#answered ? null : this.#arm();
    return this.#stream.write(bytes);
  }

  end(): void {
    this.#stream.end();
  }

  setFlow(flowing: boolean): void {
    if (flowing) {
      this.#stream.resume();
    } else {
      this.#stream.pause();
    }
  }

  cancel(): void {
    this.#finish();
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  #arm(): Timer {
    return this.#parts.clock.after(FIRST_BYTE_MS, () => this.#fail('timeout', 'the upstream did not answer in time'));
  }

  #interim(status: number, raw: unknown): void {
    if (!this.#over) {
      this.#parts.events.interim({ status, fields: fieldsOf(asStrings(raw)) ?? NO_FIELDS });
    }
  }

  #head(status: number, flags: number, raw: unknown): void {
    if (this.#over) {
      return;
    }
    const fields = fieldsOf(asStrings(raw));
    if (fields === null || status < 200 || status > 599) {
      this.#fail('protocol', "the upstream's answer cannot be read");
      return;
    }
    this.#answered = true;
    this.#timer?.cancel();
    // oxlint-disable-next-line no-bitwise -- flags of a frame
    const ended = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    const none = ended || this.#parts.method === 'HEAD' || NO_BODY_STATUS.has(status);
    const body: ResponseStart['body'] = none
      ? 'none'
      : onlyValue(fields, 'content-length') === null
        ? 'stream'
        : 'length';
    this.#parts.events.head({ status, reason: '', fields, body });
    this.#parts.events.turnEnded();
  }

  #data(bytes: Buffer): void {
    countPassed(bytes.length);
    if (!this.#over) {
      this.#parts.events.data(bytes);
      this.#parts.events.turnEnded();
    }
  }

  #end(): void {
    if (!this.#over && this.#answered && this.#stream.rstCode === constants.NGHTTP2_NO_ERROR) {
      this.#finish();
      this.#parts.events.end(this.#trailers);
    }
  }

  #closed(): void {
    // A stream that the upstream has not looked at may be asked for again (RFC 9113, section 8.7).
    const untouched = this.#stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
    this.#fail('lost', `the upstream ended the stream (${this.#stream.rstCode ?? 0})`, untouched);
  }

  #fail(kind: LegFailure['kind'], why: string, untouched: boolean = false): void {
    if (!this.#over) {
      this.#finish();
      this.#stream.close(constants.NGHTTP2_CANCEL);
      this.#parts.events.failed({ kind, why, reused: untouched || (this.#parts.reused && !this.#answered) });
    }
  }

  #finish(): void {
    this.#over = true;
    this.#timer?.cancel();
    this.#timer = null;
  }
}

function asStrings(raw: unknown): readonly string[] {
  return Array.isArray(raw) ? raw.map(String) : [];
}

const NO_LEG: Leg = { write: () => true, end: () => undefined, setFlow: () => undefined, cancel: () => undefined };
