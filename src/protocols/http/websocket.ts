// What runs after an upgrade to WebSocket where a rule reads messages: each message of the client is held until it is whole, judged,
// and then sent on in the frames in which it came, or sent without a question where the policy now in force reads none. Control frames
// pass at once. The server's frames pass as they are; their ends are followed so that a Close of ours stands between two of them.
import { createHash } from 'node:crypto';
import { Gatherer } from '../../lib/gather.ts';
import { MAX_PARKED_BUFFER_BYTES, MAX_SUMMARY_CHARS } from '../../lib/limits.ts';
import { shorten, visible } from '../../lib/text.ts';
import { decodeUtf8 } from '../../lib/utf8.ts';
import { Unknown } from '../../rules/action.ts';
import type { Action, Evidence, Facts, FactRecord, FactValue, Unit } from '../../rules/action.ts';
import type { FinishReason, Session, SessionCommand, SessionEvent, Side } from '../session.ts';
import { DEFAULT_BODY_BYTES, readJsonFact } from './body.ts';
import { httpFacts } from './facts.ts';
import type { UpgradeParts } from './flavour.ts';
import type { HttpRequest, HttpResponse } from './request.ts';
import { WEBSOCKET_MESSAGE, opaque } from './risk.ts';
import { Inflater, compressionOf } from './websocket-deflate.ts';
import { FrameFollower } from './websocket-follow.ts';
import { MAX_MESSAGE_BYTES, OPCODE, closeFrame, takeHead, unmask } from './websocket-frames.ts';
import type { FrameHead } from './websocket-frames.ts';

/** Facts whose reader makes the gateway look into messages. */
const MESSAGE_FACTS: readonly string[] = ['http.kind', 'http.message', 'http.message_json'];

/** Pieces of one message: more of them, each an object here, would weigh many times what they hold. */
const MAX_PIECES = 4096;
/** Messages that wait behind one that is being judged; the client is not read while there are more. */
const MAX_QUEUED = 256;

const CLOSE_GOING_AWAY = 1001;
const CLOSE_PROTOCOL = 1002;
const CLOSE_POLICY = 1008;

/** Whether the policy in force has something that reads messages. */
export function readsMessages({ reads }: Pick<UpgradeParts, 'reads'>): boolean {
  return MESSAGE_FACTS.some(reads);
}

/** A session that judges every message of the client. `server` has followed its frames so far. */
export function createMessageSession(
  request: HttpRequest,
  response: HttpResponse,
  { server = new FrameFollower('server'), ...parts }: UpgradeParts & { readonly server?: FrameFollower },
): Session {
  return new MessageSession(request, response, { parts, server });
}

interface Frame {
  readonly head: FrameHead;
  readonly raw: Buffer;
  readonly payload: Buffer;
}

/** A whole message that waits for its verdict, or for its turn. */
interface Held {
  readonly frames: readonly Frame[];
  readonly sizeBytes: number;
}

interface Inflating {
  readonly held: Held;
  content: Buffer | null;
  /** The client has left meanwhile. */
  dropped: boolean;
}

interface Judging {
  readonly frames: readonly Buffer[];
  readonly action: Action;
}

class MessageSession implements Session {
  readonly idle = false;
  readonly #request: HttpRequest;
  readonly #parts: UpgradeParts;
  readonly #facts: Facts;
  readonly #inflater: Inflater | null;
  /** Set when what the sides agreed on cannot be followed. */
  readonly #unreadable: boolean;
  readonly #gathered = new Gatherer();
  /** Frames of a message that is not whole yet. */
  #fragments: Frame[] = [];
  #fragmentBytes = 0;
  readonly #queue: Held[] = [];
  #queuedBytes = 0;
  #judging: Judging | null = null;
  /** The message whose compression is being taken off, and what came of it. */
  #inflating: Inflating | null = null;
  readonly #server: FrameFollower;
  /** Whether `#policy` reads messages. */
  #reads = true;
  #policy: unknown = null;
  /** The Close that waits for the end of the server's frame. */
  #closing: { readonly frame: Buffer; readonly reason: FinishReason } | null = null;
  #finished = false;
  readonly #ended = new Set<Side>();

  constructor(
    request: HttpRequest,
    response: HttpResponse,
    { parts, server }: { readonly parts: UpgradeParts; readonly server: FrameFollower },
  ) {
    this.#request = request;
    this.#parts = parts;
    this.#server = server;
    this.#facts = httpFacts(request, { kind: 'unread' }, parts.state);
    const compression = compressionOf(response);
    this.#inflater = compression.kind === 'deflate' ? new Inflater(compression.keepsContext) : null;
    this.#unreadable = compression.kind === 'unknown';
  }

  paused(side: Side): boolean {
    const many = this.#queuedBytes + this.#fragmentBytes > MAX_PARKED_BUFFER_BYTES || this.#queue.length > MAX_QUEUED;
    return side === 'client' && many && this.#isBusy();
  }

  handle(event: SessionEvent): readonly SessionCommand[] {
    if (this.#finished) {
      return [];
    }
    switch (event.kind) {
      case 'data':
        return event.from === 'client' ? this.#clientData(event.bytes) : this.#serverData(event.bytes);
      case 'judged':
        return this.#judged(event.verdict);
      case 'ended':
        return this.#end(event.from, event.how);
      case 'draining':
        return this.#close(CLOSE_GOING_AWAY, 'the gateway is stopping', { kind: 'drained', detail: event.why });
      case 'awaited':
        return this.#inflated();
      case 'waiting':
      case 'parked':
      case 'cancel-requested':
        return [];
    }
  }

  #isBusy(): boolean {
    return this.#judging !== null || this.#inflating !== null;
  }

  #clientData(bytes: Buffer): readonly SessionCommand[] {
    if (this.#closing !== null) {
      return [];
    }
    if (this.#unreadable) {
      return this.#broken('the sides agreed on an extension that is not known');
    }
    let rest = this.#gathered.add(Buffer.from(bytes));
    const commands: SessionCommand[] = [];
    while (rest !== null) {
      const take = takeHead(rest, 'client');
      if (take.kind === 'malformed') {
        return [...commands, ...this.#broken(take.why)];
      }
      if (take.kind === 'incomplete') {
        // Heads are short: it is looked at again with every byte.
        this.#gathered.keep(rest, 0);
        break;
      }
      const head = take.value;
      const size = head.headBytes + head.payloadBytes;
      if (this.#fragmentBytes + size > MAX_MESSAGE_BYTES) {
        return [...commands, ...this.#deny(`a message is longer than ${MAX_MESSAGE_BYTES} bytes`)];
      }
      if (rest.length < size) {
        this.#gathered.keep(rest, size);
        break;
      }
      const raw = rest.subarray(0, size);
      rest = rest.subarray(size);
      commands.push(...this.#frame({ head, raw, payload: raw.subarray(head.headBytes) }));
      if (this.#isOver()) {
        return commands;
      }
    }
    return [...commands, ...this.#next()];
  }

  #isOver(): boolean {
    return this.#finished || this.#closing !== null;
  }

  #frame(frame: Frame): readonly SessionCommand[] {
    const { head, raw } = frame;
    if (head.opcode === OPCODE.close) {
      return this.#clientClose(raw);
    }
    if (head.opcode === OPCODE.ping || head.opcode === OPCODE.pong) {
      return [send('upstream', raw)];
    }
    const continues = head.opcode === OPCODE.continuation;
    const fault =
      continues !== this.#fragments.length > 0
        ? 'a fragment is out of order'
        : head.compressed && (continues || this.#inflater === null)
          ? 'a frame says that it is compressed, which was not agreed on'
          : null;
    if (fault !== null) {
      return this.#broken(fault);
    }
    this.#fragments.push(frame);
    this.#fragmentBytes += raw.length;
    if (this.#fragments.length > MAX_PIECES) {
      return this.#deny(`a message has more than ${MAX_PIECES} pieces`);
    }
    return head.fin ? this.#message() : [];
  }

  /** The client leaves: what is not judged yet is never sent. */
  #clientClose(raw: Buffer): readonly SessionCommand[] {
    const withdrawn: SessionCommand[] =
      this.#judging === null ? [] : [{ kind: 'withdraw', action: this.#judging.action.id }];
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    this.#fragments = [];
    this.#fragmentBytes = 0;
    if (this.#inflating !== null) {
      this.#inflating.dropped = true;
    }
    return [...withdrawn, send('upstream', raw)];
  }

  /** The frames at hand are one whole message. */
  #message(): readonly SessionCommand[] {
    this.#queue.push({ frames: this.#fragments, sizeBytes: this.#fragmentBytes });
    this.#queuedBytes += this.#fragmentBytes;
    this.#fragments = [];
    this.#fragmentBytes = 0;
    return [];
  }

  /** Asks about the first message that waits, one at a time; those that nothing reads are sent. */
  #next(): readonly SessionCommand[] {
    const commands: SessionCommand[] = [];
    while (!this.#isBusy() && !this.#isOver()) {
      const next = this.#queue.shift();
      if (next === undefined) {
        break;
      }
      this.#queuedBytes -= next.sizeBytes;
      commands.push(...this.#open(next));
    }
    return commands;
  }

  /** Takes the compression off: a message of a few bytes may become a long one, and that is done beside the main thread. */
  #open(held: Held): readonly SessionCommand[] {
    const plain = Buffer.concat(held.frames.map(({ head, payload }) => unmask(payload, head.mask)));
    const inflater = held.frames[0]?.head.compressed === true ? this.#inflater : null;
    if (inflater === null) {
      return this.#ask(held, plain);
    }
    const content = inflater.inflateShort(plain);
    if (content !== null) {
      return this.#ask(held, content);
    }
    const inflating: Inflating = { held, content: null, dropped: false };
    this.#inflating = inflating;
    const work = async (): Promise<void> => {
      inflating.content = await inflater.inflate(plain);
    };
    return [{ kind: 'await', work: work() }];
  }

  #inflated(): readonly SessionCommand[] {
    const inflating = this.#inflating;
    this.#inflating = null;
    if (inflating === null || inflating.dropped || this.#isOver()) {
      return [];
    }
    const { held, content } = inflating;
    return content === null
      ? this.#deny('a compressed message is corrupt or too long')
      : [...this.#ask(held, content), ...this.#next()];
  }

  #ask({ frames }: Held, content: Buffer): readonly SessionCommand[] {
    const raw = frames.map((frame) => frame.raw);
    if (!this.#isRead()) {
      return raw.map((frame) => send('upstream', frame));
    }
    const unit = messageUnit(this.#facts, content, this.#parts.state.bodyBufferBytes);
    const { host, rawPath } = this.#request;
    const action = this.#parts.createAction({
      units: [unit],
      summary: shorten(visible(`WebSocket message of ${content.length} bytes to ${host}${rawPath}`), MAX_SUMMARY_CHARS),
      evidence: new MessageEvidence(content, raw),
    });
    this.#judging = { frames: raw, action };
    return [{ kind: 'judge', action }];
  }

  #isRead(): boolean {
    const policy = this.#parts.policy();
    if (policy !== this.#policy) {
      this.#policy = policy;
      this.#reads = readsMessages(this.#parts);
    }
    return this.#reads;
  }

  #judged(verdict: Extract<SessionEvent, { kind: 'judged' }>['verdict']): readonly SessionCommand[] {
    const held = this.#judging;
    this.#judging = null;
    if (held === null) {
      return [];
    }
    if (verdict.kind === 'deny') {
      return verdict.cause === 'cancelled' ? [] : this.#deny(verdict.reason);
    }
    const sent: SessionCommand[] = held.frames.map((frame) => send('upstream', frame));
    const { action } = held;
    const outcome = { kind: 'ok', rows: null, status: 'sent', errorCode: '', bytesToClient: 0, durationMs: 0 } as const;
    return [...sent, { kind: 'settle', action, outcome }, ...this.#next()];
  }

  #serverData(bytes: Buffer): readonly SessionCommand[] {
    const followed = this.#server.follow(bytes, this.#closing !== null);
    if (typeof followed === 'string') {
      this.#finished = true;
      return [{ kind: 'finish', reason: { kind: 'protocol-error', detail: `upstream: ${followed}` } }];
    }
    const passed = send('client', bytes.subarray(0, followed));
    return this.#closing !== null && this.#server.atBoundary ? [passed, ...this.#finish()] : [passed];
  }

  #deny(reason: string): readonly SessionCommand[] {
    return this.#close(CLOSE_POLICY, reason, { kind: 'refused', detail: reason });
  }

  #broken(why: string): readonly SessionCommand[] {
    return this.#close(CLOSE_PROTOCOL, why, { kind: 'protocol-error', detail: why });
  }

  /** Closes both ways; towards the client behind the server's frame that is under way. */
  #close(code: number, text: string, reason: FinishReason): readonly SessionCommand[] {
    const withdrawn: SessionCommand[] =
      this.#judging === null ? [] : [{ kind: 'withdraw', action: this.#judging.action.id }];
    this.#queue.length = 0;
    this.#fragments = [];
    this.#closing = { frame: closeFrame(code, text, 'client'), reason };
    const upstream = send('upstream', closeFrame(code, '', 'upstream'));
    return [...withdrawn, upstream, ...(this.#server.atBoundary ? this.#finish() : [])];
  }

  #finish(): readonly SessionCommand[] {
    const closing = this.#closing;
    if (closing === null) {
      return [];
    }
    this.#finished = true;
    return [
      send('client', closing.frame),
      { kind: 'end', to: 'client' },
      { kind: 'end', to: 'upstream' },
      { kind: 'finish', reason: closing.reason },
    ];
  }

  #end(from: Side, how: 'fin' | 'reset'): readonly SessionCommand[] {
    const withdrawn: SessionCommand[] =
      from === 'client' && this.#judging !== null ? [{ kind: 'withdraw', action: this.#judging.action.id }] : [];
    this.#ended.add(from);
    if (how === 'reset' || this.#ended.size === 2 || this.#closing !== null) {
      this.#finished = true;
      const kind = how === 'reset' ? 'reset' : from === 'client' ? 'client-closed' : 'upstream-closed';
      const reason = this.#closing?.reason ?? ({ kind, detail: `the ${from} ended` } as const);
      return [...withdrawn, { kind: 'finish', reason }];
    }
    return [...withdrawn, { kind: 'end', to: from === 'client' ? 'upstream' : 'client' }];
  }
}

function send(to: Side, bytes: Buffer): SessionCommand {
  return { kind: 'send', to, bytes };
}

/** A message as rules see it, with the upgrade's own facts. JSON is read up to the length up to which that of a body is. */
function messageUnit(upgrade: Facts, content: Buffer, maxJsonBytes: number = DEFAULT_BODY_BYTES): Unit {
  const text = decodeUtf8(content);
  const { risk, causes, reason } = text === null ? opaque('the message is not text') : WEBSOCKET_MESSAGE;
  const message: FactValue = text ?? new Unknown('undecodable');
  let json: FactValue | undefined;
  const over: FactRecord = { 'http.kind': 'ws_message', 'http.message': message, risk, risk_causes: causes };
  const facts: Facts = {
    get: (name) => {
      if (name === 'http.message_json') {
        json ??= content.length > maxJsonBytes ? new Unknown('too_large') : jsonOf(text, message);
        return json;
      }
      return Object.hasOwn(over, name) ? over[name] : upgrade.get(name);
    },
  };
  return { facts, risk, riskCauses: causes, riskReason: reason, unreadable: text === null };
}

function jsonOf(text: string | null, message: FactValue): FactValue {
  return text === null ? message : text === '' ? {} : readJsonFact(text);
}

const NO_PARAMETERS: readonly (string | null)[] = [];

/** A message, and the frames in which it will be sent on. */
class MessageEvidence implements Evidence {
  readonly parameters = NO_PARAMETERS;
  readonly complete = true;
  readonly sizeBytes: number;
  readonly #content: Buffer;
  readonly #frames: readonly Buffer[];

  constructor(content: Buffer, frames: readonly Buffer[]) {
    this.#content = content;
    this.#frames = frames;
    this.sizeBytes = frames.reduce((sum, frame) => sum + frame.length, 0);
  }

  get text(): string {
    return decodeUtf8(this.#content) ?? `[base64] ${this.#content.toString('base64')}`;
  }

  digest(): string {
    const digest = createHash('sha256');
    for (const frame of this.#frames) {
      digest.update(frame);
    }
    return digest.digest('hex');
  }
}
