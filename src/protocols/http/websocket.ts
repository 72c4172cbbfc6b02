// What runs after an upgrade to WebSocket where a rule reads messages: each message of the client is held until it is whole, judged,
// and then sent on in the frames in which it came. Control frames pass at once. The server's frames pass as they are; their ends are
// followed so that a Close of ours stands between two of them.
import { createHash } from 'node:crypto';
import { MAX_PARKED_BUFFER_BYTES, MAX_SUMMARY_CHARS } from '../../lib/limits.ts';
import { shorten, visible } from '../../lib/text.ts';
import { decodeUtf8 } from '../../lib/utf8.ts';
import { Unknown } from '../../rules/action.ts';
import type { Action, Evidence, Facts, FactRecord, FactValue, Unit } from '../../rules/action.ts';
import type { FinishReason, Session, SessionCommand, SessionEvent, Side } from '../session.ts';
import { readJsonFact } from './body.ts';
import { httpFacts } from './facts.ts';
import type { UpgradeParts } from './flavour.ts';
import type { HttpRequest, HttpResponse } from './request.ts';
import { WEBSOCKET_MESSAGE, opaque } from './risk.ts';
import { Inflater, compressionOf } from './websocket-deflate.ts';
import { MAX_MESSAGE_BYTES, OPCODE, closeFrame, takeHead, unmask } from './websocket-frames.ts';
import type { FrameHead } from './websocket-frames.ts';

/** Facts whose reader makes the gateway look into messages. */
export const MESSAGE_FACTS: readonly string[] = ['http.kind', 'http.message', 'http.message_json'];

/** Pieces of one message: more of them, each an object here, would weigh many times what they hold. */
const MAX_PIECES = 4096;
/** Messages that wait behind one that is being judged; the client is not read while there are more. */
const MAX_QUEUED = 256;

const CLOSE_GOING_AWAY = 1001;
const CLOSE_PROTOCOL = 1002;
const CLOSE_POLICY = 1008;

/** A session that judges every message of the client. */
export function createMessageSession(request: HttpRequest, response: HttpResponse, parts: UpgradeParts): Session {
  return new MessageSession(request, response, parts);
}

interface Frame {
  readonly head: FrameHead;
  readonly raw: Buffer;
  readonly payload: Buffer;
}

/** A whole message that waits for its verdict, or for its turn. */
interface Held {
  readonly frames: readonly Buffer[];
  readonly sizeBytes: number;
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
  #fromClient: Buffer = Buffer.alloc(0);
  /** What came behind `#fromClient`, put to it when the frame at hand can be whole: a long one is not copied at every chunk. */
  #chunks: Buffer[] = [];
  #chunkBytes = 0;
  #wantedBytes = 0;
  /** Frames of a message that is not whole yet. */
  #fragments: Frame[] = [];
  #fragmentBytes = 0;
  readonly #queue: Held[] = [];
  #queuedBytes = 0;
  #judging: Held | null = null;
  /** Bytes of the server's frame that are still to come, and the beginning of a head. */
  #serverRest = 0;
  #serverHead: Buffer = Buffer.alloc(0);
  /** The Close that waits for the end of the server's frame. */
  #closing: { readonly frame: Buffer; readonly reason: FinishReason } | null = null;
  #finished = false;
  readonly #ended = new Set<Side>();

  constructor(request: HttpRequest, response: HttpResponse, parts: UpgradeParts) {
    this.#request = request;
    this.#parts = parts;
    this.#facts = httpFacts(request, { kind: 'unread' }, parts.state);
    const compression = compressionOf(response);
    this.#inflater = compression.kind === 'deflate' ? new Inflater(compression.keepsContext) : null;
    this.#unreadable = compression.kind === 'unknown';
  }

  paused(side: Side): boolean {
    const many = this.#queuedBytes + this.#fragmentBytes > MAX_PARKED_BUFFER_BYTES || this.#queue.length > MAX_QUEUED;
    return side === 'client' && many && this.#judging !== null;
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
      case 'waiting':
      case 'awaited':
      case 'parked':
      case 'cancel-requested':
        return [];
    }
  }

  #clientData(bytes: Buffer): readonly SessionCommand[] {
    if (this.#closing !== null) {
      return [];
    }
    if (this.#unreadable) {
      return this.#broken('the sides agreed on an extension that is not known');
    }
    this.#chunks.push(Buffer.from(bytes));
    this.#chunkBytes += bytes.length;
    if (this.#fromClient.length + this.#chunkBytes < this.#wantedBytes) {
      return [];
    }
    this.#fromClient = Buffer.concat([this.#fromClient, ...this.#chunks]);
    this.#chunks = [];
    this.#chunkBytes = 0;
    this.#wantedBytes = 0;
    const commands: SessionCommand[] = [];
    for (;;) {
      const take = takeHead(this.#fromClient, 'client');
      if (take.kind === 'malformed') {
        return [...commands, ...this.#broken(take.why)];
      }
      if (take.kind === 'incomplete') {
        break;
      }
      const head = take.value;
      const size = head.headBytes + head.payloadBytes;
      if (this.#fragmentBytes + size > MAX_MESSAGE_BYTES) {
        return [...commands, ...this.#deny(`a message is longer than ${MAX_MESSAGE_BYTES} bytes`)];
      }
      if (this.#fromClient.length < size) {
        this.#wantedBytes = size;
        break;
      }
      const raw = this.#fromClient.subarray(0, size);
      this.#fromClient = this.#fromClient.subarray(size);
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
    return [...withdrawn, send('upstream', raw)];
  }

  /** The frames at hand are one whole message. */
  #message(): readonly SessionCommand[] {
    const frames = this.#fragments;
    const sizeBytes = this.#fragmentBytes;
    this.#fragments = [];
    this.#fragmentBytes = 0;
    const plain = Buffer.concat(frames.map(({ head, payload }) => unmask(payload, head.mask)));
    const compressed = frames[0]?.head.compressed === true;
    const content = compressed ? (this.#inflater?.inflate(plain) ?? null) : plain;
    if (content === null) {
      return this.#deny('a compressed message is corrupt or too long');
    }
    const raw = frames.map((frame) => frame.raw);
    const unit = messageUnit(this.#facts, content);
    const { host, rawPath } = this.#request;
    const action = this.#parts.createAction({
      units: [unit],
      summary: shorten(visible(`WebSocket message of ${content.length} bytes to ${host}${rawPath}`), MAX_SUMMARY_CHARS),
      evidence: new MessageEvidence(content, raw),
    });
    this.#queue.push({ frames: raw, sizeBytes, action });
    this.#queuedBytes += sizeBytes;
    return [];
  }

  /** Asks about the first message that waits, one at a time. */
  #next(): readonly SessionCommand[] {
    const next = this.#judging === null ? this.#queue.shift() : undefined;
    if (next === undefined) {
      return [];
    }
    this.#queuedBytes -= next.sizeBytes;
    this.#judging = next;
    return [{ kind: 'judge', action: next.action }];
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
    let at = 0;
    for (;;) {
      const skipped = Math.min(this.#serverRest, bytes.length - at);
      this.#serverRest -= skipped;
      at += skipped;
      if (this.#serverRest === 0 && this.#serverHead.length === 0 && this.#closing !== null) {
        return [send('client', bytes.subarray(0, at)), ...this.#finish()];
      }
      if (at >= bytes.length) {
        return [send('client', bytes)];
      }
      const before = this.#serverHead.length;
      const head = Buffer.concat([this.#serverHead, bytes.subarray(at, at + 14 - before)]);
      const take = takeHead(head, 'server');
      if (take.kind === 'malformed') {
        this.#finished = true;
        return [{ kind: 'finish', reason: { kind: 'protocol-error', detail: `upstream: ${take.why}` } }];
      }
      if (take.kind === 'incomplete') {
        this.#serverHead = head;
        return [send('client', bytes)];
      }
      this.#serverHead = Buffer.alloc(0);
      at += take.value.headBytes - before;
      this.#serverRest = take.value.payloadBytes;
    }
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
    const between = this.#serverRest === 0 && this.#serverHead.length === 0;
    return [...withdrawn, upstream, ...(between ? this.#finish() : [])];
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

/** A message as rules see it, with the upgrade's own facts. */
export function messageUnit(upgrade: Facts, content: Buffer): Unit {
  const text = decodeUtf8(content);
  const { risk, causes, reason } = text === null ? opaque('the message is not text') : WEBSOCKET_MESSAGE;
  const message: FactValue = text ?? new Unknown('undecodable');
  let json: FactValue | undefined;
  const over: FactRecord = { 'http.kind': 'ws_message', 'http.message': message, risk, risk_causes: causes };
  const facts: Facts = {
    get: (name) => {
      if (name === 'http.message_json') {
        json ??= text === null ? message : text === '' ? {} : readJsonFact(text);
        return json;
      }
      return Object.hasOwn(over, name) ? over[name] : upgrade.get(name);
    },
  };
  return { facts, risk, riskCauses: causes, riskReason: reason, unreadable: text === null };
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
