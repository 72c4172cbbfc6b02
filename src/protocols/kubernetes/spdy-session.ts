// Streams of SPDY/3.1, plain or inside WebSocket messages. Opening a stream to a port that nothing was said about yet is an action of
// its own: what the client sends waits until it is judged, and a port that is denied never reaches the server.
import { Gatherer } from '../../lib/gather.ts';
import { MAX_PARKED_BUFFER_BYTES } from '../../lib/limits.ts';
import type { UpgradeSession } from '../http/flavour.ts';
import type { SessionCommand, SessionEvent, Side } from '../session.ts';
import { readBoolean } from './query.ts';
import type { StreamParts } from './session.ts';
import {
  carriesHeaders,
  dataOf,
  endsStream,
  goAway,
  HeaderDecoder,
  HeaderEncoder,
  readHeaders,
  refusedStream,
  RST_STREAM,
  SpdyScanner,
  SYN_STREAM,
  WINDOW_UPDATE,
} from './spdy.ts';
import type { SpdyPiece } from './spdy.ts';
import { EndStatus, farewell, HalfCloses } from './stream-end.ts';
import type { StreamEnding } from './stream-end.ts';
import { binaryFrame, takeWebSocketFrame } from './websocket.ts';

export interface SpdyKind {
  /** Inside binary messages of a WebSocket. */
  readonly tunnelled: boolean;
  /** Streams lead to ports; else they are those of exec and attach. */
  readonly ports: boolean;
}

const NOTHING: Buffer = Buffer.alloc(0);
/** Types of the streams of exec and attach. */
const SHELL_STREAMS: ReadonlySet<string> = new Set(['stdin', 'stdout', 'stderr', 'error', 'resize']);
/** Open, or refused and not taken back, at one time: more is no port-forward. */
const MAX_STREAMS = 10_000;

/** A stream that waits for the word on its port. */
interface Waiting {
  readonly action: string;
  readonly port: number;
  readonly piece: SpdyPiece & { readonly kind: 'control' };
  readonly headers: Buffer;
}

export class SpdySession implements UpgradeSession {
  readonly idle = false;
  readonly #parts: StreamParts;
  readonly #kind: SpdyKind;
  readonly #stdin: boolean;
  readonly #tty: boolean;
  readonly #closes = new HalfCloses();
  readonly #status = new EndStatus();
  readonly #scanner = new SpdyScanner();
  readonly #answers = new SpdyScanner();
  readonly #decoder = new HeaderDecoder();
  readonly #encoder = new HeaderEncoder();
  /** By port, under `#policy`. */
  readonly #verdicts = new Map<number, boolean>();
  #policy: unknown;
  readonly #refused = new Set<number>();
  /** Streams that were passed on and are not over, with who has ended them so far. */
  readonly #open = new Map<number, Set<Side>>();
  #lastStream = 0;
  #errorStream = -1;
  /** Where a person at a command reads; -1 before it is opened. */
  #textStream = -1;
  /** Why the gateway wants this to end; null while it does not. */
  #draining: string | null = null;
  /** Pieces of the client behind the one that waits. */
  #held: SpdyPiece[] = [];
  #heldBytes = 0;
  #waiting: Waiting | null = null;
  #clientEnd: (SessionEvent & { readonly kind: 'ended' }) | null = null;
  /** For the client, as soon as the server is between two frames. */
  #notices: Buffer[] = [];
  /** The server's message goes on in another frame. */
  #fragmented = false;
  #mask: Buffer | null = null;
  readonly #frames: Readonly<Record<Side, Gatherer>> = { client: new Gatherer(), upstream: new Gatherer() };

  constructor(parts: StreamParts, kind: SpdyKind) {
    this.#parts = parts;
    this.#kind = kind;
    this.#stdin = readBoolean(parts.target.query.get('stdin')) === true;
    this.#tty = readBoolean(parts.target.query.get('tty')) === true;
    this.#policy = parts.policy();
  }

  get ending(): StreamEnding | null {
    return this.#status.ending;
  }

  handle(event: SessionEvent): readonly SessionCommand[] {
    switch (event.kind) {
      case 'data':
        return event.from === 'client' ? this.#fromClient(event.bytes) : this.#fromUpstream(event.bytes);
      case 'judged':
        return this.#judged(event.action, event.verdict.kind === 'allow');
      case 'ended':
        return this.#ended(event);
      case 'draining':
        return this.#drain(event.why);
      case 'waiting':
      case 'awaited':
      case 'parked':
      case 'cancel-requested':
        return [];
    }
  }

  /** A command goes on until the deadline, and is told so; ports take no more streams, and their end is the end of the last one. */
  #drain(why: string): readonly SessionCommand[] {
    this.#draining = why;
    if (this.#kind.ports) {
      this.#notices.push(goAway(this.#lastStream));
    } else if (this.#textStream !== -1) {
      this.#notices.push(dataOf(this.#textStream, farewell(why, this.#tty)));
    }
    return [...this.#flushNotices(), ...this.#drained()];
  }

  /** The end, where the gateway waits for it and nothing is open. */
  #drained(): readonly SessionCommand[] {
    const open = this.#open.size > 0 || this.#waiting !== null || this.#notices.length > 0;
    return this.#draining === null || !this.#kind.ports || open
      ? []
      : [{ kind: 'finish', reason: { kind: 'drained', detail: this.#draining } }];
  }

  paused(side: Side): boolean {
    return side === 'client' && this.#heldBytes > MAX_PARKED_BUFFER_BYTES;
  }

  #ended(event: SessionEvent & { readonly kind: 'ended' }): readonly SessionCommand[] {
    if (event.from === 'client' && event.how === 'fin' && this.#waiting !== null) {
      // The port is not opened for nobody: the question is taken back, and then the end is passed on.
      this.#clientEnd = event;
      return [{ kind: 'withdraw', action: this.#waiting.action }];
    }
    return this.#closes.handle(event);
  }

  // Client to server.

  #fromClient(bytes: Buffer): readonly SessionCommand[] {
    const commands: SessionCommand[] = [];
    const content = this.#kind.tunnelled ? this.#unwrap('client', bytes, commands) : bytes;
    const pieces = content === null ? null : this.#scanner.push(content);
    if (pieces === null) {
      return [...commands, malformed('the client sent no frames of SPDY/3.1')];
    }
    this.#held.push(...pieces);
    this.#heldBytes += pieces.reduce((sum, piece) => sum + piece.bytes.length, 0);
    return [...commands, ...this.#advance()];
  }

  /** Sends what is held until a piece has to wait. */
  #advance(): readonly SessionCommand[] {
    const sent: Buffer[] = [];
    const after: SessionCommand[] = [];
    while (this.#waiting === null) {
      const piece = this.#held.shift();
      if (piece === undefined) {
        break;
      }
      this.#heldBytes -= piece.bytes.length;
      const command = this.#step(piece, sent);
      if (command !== null) {
        after.push(command);
        break;
      }
    }
    return [...this.#send('upstream', sent), ...this.#flushNotices(), ...(after.length > 0 ? after : this.#drained())];
  }

  /** One piece: into `sent`, dropped, or a command that ends this turn. */
  #step(piece: SpdyPiece, sent: Buffer[]): SessionCommand | null {
    if (piece.kind === 'data' || !carriesHeaders(piece.type)) {
      const ofStream = piece.kind === 'data' || piece.type === RST_STREAM || piece.type === WINDOW_UPDATE;
      if (!ofStream || !this.#refused.has(piece.stream)) {
        sent.push(piece.bytes);
        this.#follow('client', piece);
      } else if (piece.kind === 'control' && piece.type === RST_STREAM) {
        this.#refused.delete(piece.stream);
      }
      return null;
    }
    const headers = this.#decoder.decode(piece.bytes, piece.type);
    const read = headers === null ? null : readHeaders(headers);
    if (headers === null || read === null) {
      return malformed('the client sent a header block that cannot be read');
    }
    if (piece.type !== SYN_STREAM) {
      if (!this.#refused.has(piece.stream)) {
        sent.push(this.#encoder.encode(piece.bytes, piece.type, headers));
        this.#follow('client', piece);
      }
      return null;
    }
    return this.#opened(piece, headers, { type: read.get('streamtype') ?? '', port: read.get('port') ?? '', sent });
  }

  /** Who has ended which stream. */
  #follow(from: Side, piece: SpdyPiece): void {
    const ended = this.#open.get(piece.stream);
    if (ended === undefined) {
      return;
    }
    if (piece.kind === 'control' && piece.type === RST_STREAM) {
      this.#open.delete(piece.stream);
    } else if (piece.kind === 'data' ? piece.head && endsStream(piece.bytes) : endsWithHeaders(piece)) {
      ended.add(from);
      if (ended.size === 2) {
        this.#open.delete(piece.stream);
      }
    }
  }

  #opened(
    piece: SpdyPiece & { readonly kind: 'control' },
    headers: Buffer,
    { type, port, sent }: { readonly type: string; readonly port: string; readonly sent: Buffer[] },
  ): SessionCommand | null {
    if (!this.#kind.ports) {
      if (type === 'error') {
        this.#errorStream = piece.stream;
      } else if (type === (this.#tty ? 'stdout' : 'stderr')) {
        this.#textStream = piece.stream;
      }
      // Any other spelling is some server's stdin: of several values behind one name it takes the first.
      if (!SHELL_STREAMS.has(type) || (type === 'stdin' && !this.#stdin)) {
        return this.#refuse(piece.stream);
      }
      sent.push(this.#encoder.encode(piece.bytes, piece.type, headers));
      return null;
    }
    const number = /^[1-9]\d{0,4}$/.test(port) ? Number(port) : 0;
    if ((type !== 'data' && type !== 'error') || number === 0 || number > 65_535 || this.#draining !== null) {
      return this.#refuse(piece.stream);
    }
    // What an earlier policy said of a port is no word on a stream that is opened now.
    const policy = this.#parts.policy();
    if (policy !== this.#policy) {
      this.#policy = policy;
      this.#verdicts.clear();
    }
    const verdict = this.#verdicts.get(number);
    if (verdict === undefined) {
      return this.#ask(piece, headers, number);
    }
    if (!verdict) {
      return this.#refuse(piece.stream);
    }
    sent.push(this.#pass(piece, headers));
    return this.#open.size > MAX_STREAMS ? malformed('too many streams to ports') : null;
  }

  /** The frame that opens a stream, for the server. */
  #pass(piece: SpdyPiece & { readonly kind: 'control' }, headers: Buffer): Buffer {
    this.#lastStream = Math.max(this.#lastStream, piece.stream);
    this.#open.set(piece.stream, new Set());
    this.#follow('client', piece);
    return this.#encoder.encode(piece.bytes, piece.type, headers);
  }

  #ask(piece: SpdyPiece & { readonly kind: 'control' }, headers: Buffer, port: number): SessionCommand {
    const action = this.#parts.createAction(this.#parts.portAction(port));
    this.#waiting = { action: action.id, port, piece, headers };
    return { kind: 'judge', action };
  }

  #judged(action: string, allowed: boolean): readonly SessionCommand[] {
    const waiting = this.#waiting;
    if (waiting === null || waiting.action !== action) {
      return [];
    }
    this.#waiting = null;
    this.#verdicts.set(waiting.port, allowed);
    const { piece, headers } = waiting;
    const first = allowed ? this.#send('upstream', [this.#pass(piece, headers)]) : asList(this.#refuse(piece.stream));
    const rest = this.#advance();
    const end = this.#waiting === null ? this.#clientEnd : null;
    return [...first, ...rest, ...(end === null ? [] : this.#closes.handle(end))];
  }

  /** The stream closes alone: its opener is told, and nothing of it is sent on. */
  #refuse(stream: number): SessionCommand | null {
    this.#refused.add(stream);
    this.#notices.push(refusedStream(stream));
    return this.#refused.size > MAX_STREAMS ? malformed('too many streams to ports that were refused') : null;
  }

  // Server to client.

  #fromUpstream(bytes: Buffer): readonly SessionCommand[] {
    if (!this.#kind.tunnelled) {
      this.#readAnswers(bytes);
      return [{ kind: 'send', to: 'client', bytes }, ...this.#flushNotices(), ...this.#drained()];
    }
    // Whole messages go on as they came, so that one of ours can stand between two of them.
    const commands: SessionCommand[] = [];
    const content = this.#unwrap('upstream', bytes, commands);
    if (content === null) {
      return [malformed('the server sent no WebSocket frames')];
    }
    this.#readAnswers(content);
    return [...commands, ...this.#flushNotices(), ...this.#drained()];
  }

  #readAnswers(bytes: Buffer): void {
    for (const piece of this.#answers.push(bytes) ?? []) {
      this.#follow('upstream', piece);
      if (piece.kind === 'data' && piece.stream === this.#errorStream && !this.#kind.ports) {
        this.#status.add(piece.head ? piece.bytes.subarray(8) : piece.bytes);
      }
    }
  }

  #flushNotices(): readonly SessionCommand[] {
    if (this.#notices.length === 0 || !this.#answers.atBoundary || this.#fragmented) {
      return [];
    }
    const notices = this.#notices;
    this.#notices = [];
    return this.#send('client', notices);
  }

  #send(to: Side, pieces: readonly Buffer[]): readonly SessionCommand[] {
    if (pieces.length === 0) {
      return [];
    }
    const [only = NOTHING] = pieces;
    const bytes = pieces.length === 1 ? only : Buffer.concat(pieces);
    const mask = to === 'upstream' ? this.#mask : null;
    return [{ kind: 'send', to, bytes: this.#kind.tunnelled ? binaryFrame(bytes, mask) : bytes }];
  }

  /**
   * What is inside the WebSocket messages. Of the server's, frames go on as they are, through `commands`; of the client's only those
   * that are not messages. Null: these are no frames.
   */
  #unwrap(from: Side, bytes: Buffer, commands: SessionCommand[]): Buffer | null {
    const contents: Buffer[] = [];
    const gathered = this.#frames[from];
    let rest = gathered.add(bytes);
    while (rest !== null) {
      const taken = takeWebSocketFrame(rest, from === 'client');
      if (taken.kind === 'malformed') {
        return null;
      }
      if (taken.kind === 'incomplete') {
        gathered.keep(rest, taken.wantedBytes);
        break;
      }
      const { opcode, payload, raw, mask, final } = taken.frame;
      const isControl = opcode === 'close' || opcode === 'ping' || opcode === 'pong';
      if (!isControl) {
        contents.push(payload);
        this.#mask = mask ?? this.#mask;
        this.#fragmented = from === 'upstream' ? !final : this.#fragmented;
      }
      if (isControl || from === 'upstream') {
        commands.push({ kind: 'send', to: from === 'client' ? 'upstream' : 'client', bytes: raw });
      }
      rest = rest.subarray(raw.length);
    }
    return Buffer.concat(contents);
  }
}

/** HEADERS, SYN_STREAM and SYN_REPLY can end a stream; the other control frames have no such flag. */
function endsWithHeaders({ type, bytes }: SpdyPiece & { readonly kind: 'control' }): boolean {
  return carriesHeaders(type) && endsStream(bytes);
}

function asList(command: SessionCommand | null): readonly SessionCommand[] {
  return command === null ? [] : [command];
}

function malformed(detail: string): SessionCommand {
  return { kind: 'finish', reason: { kind: 'protocol-error', detail } };
}
