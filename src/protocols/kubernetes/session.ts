// What runs between the two raw streams after an upgrade that was allowed: exec and attach, port-forward, and streams that are passed
// on as they are. Opening a port inside a port-forward is judged on its own (spdy-session.ts); stdin that was not asked for goes nowhere.
import { createHash } from 'node:crypto';
import type { Action, Evidence, Unit } from '../../rules/action.ts';
import { Gatherer } from '../../lib/gather.ts';
import { MAX_SUMMARY_CHARS } from '../../lib/limits.ts';
import { shorten, visible } from '../../lib/text.ts';
import type { UpgradeParts, UpgradeSession } from '../http/flavour.ts';
import { fieldValues } from '../http/request.ts';
import type { HttpRequest, HttpResponse } from '../http/request.ts';
import type { SessionCommand, SessionEvent, Side } from '../session.ts';
import { readTarget } from './request.ts';
import type { Target } from './request.ts';
import { readBoolean } from './query.ts';
import { SpdySession } from './spdy-session.ts';
import { EndStatus, farewell, HalfCloses } from './stream-end.ts';
import type { StreamEnding } from './stream-end.ts';
import { serverFrame, takeWebSocketFrame } from './websocket.ts';
import type { WebSocketFrame } from './websocket.ts';

/** kubectl's port-forward over WebSocket: SPDY frames inside binary messages. */
const TUNNEL = 'SPDY/3.1+portforward.k8s.io';

/** What is judged when a stream to a port is opened. */
export type PortAction = Parameters<UpgradeParts['createAction']>[0];

export interface StreamParts {
  createAction(parts: PortAction): Action;
  /** Another value than before when the policy in force is another one. */
  policy(): unknown;
  readonly target: Target;
  portAction(port: number): PortAction;
}

/** What an upgrade's session hangs on beside the upgrade itself. */
export interface UpgradeOptions extends UpgradeParts {
  /** The request's own unit, for one port that it leads to. */
  portUnit(port: number): Unit;
}

export function createUpgradeSession(
  request: HttpRequest,
  response: HttpResponse,
  options: UpgradeOptions,
): UpgradeSession {
  const reading = readTarget(request);
  if (reading.kind === 'refused') {
    return new RefusedSession(reading.why);
  }
  const { target } = reading;
  const { subresource, verb } = target;
  const streams: StreamParts = {
    createAction: (action) => options.createAction(action),
    policy: () => options.policy(),
    target,
    portAction: (port) => portAction(target, port, options.portUnit(port)),
  };
  const isShell = verb === 'connect' && (subresource === 'exec' || subresource === 'attach');
  const isForward = verb === 'connect' && subresource === 'portforward';
  if (request.upgrade === 'spdy/3.1' && (isShell || isForward)) {
    return new SpdySession(streams, { tunnelled: false, ports: isForward });
  }
  if (request.upgrade === 'spdy/3.1' && verb !== 'connect') {
    return new RefusedSession('SPDY where the API has no streams');
  }
  const protocol = fieldValues(response.fields, 'sec-websocket-protocol')[0] ?? '';
  if (isForward) {
    // Without the tunnel the ports are those of the request, which were judged with it.
    return protocol === TUNNEL ? new SpdySession(streams, { tunnelled: true, ports: true }) : new RawSession();
  }
  return isShell ? new ShellSession(target, protocol) : new RawSession();
}

function portAction({ namespace, name }: Target, port: number, unit: Unit): PortAction {
  const text = `port-forward to port ${port} of pod ${name} in namespace ${namespace}`;
  const evidence: Evidence = {
    text,
    parameters: [],
    sizeBytes: Buffer.byteLength(text),
    complete: true,
    digest: () => createHash('sha256').update(text).digest('hex'),
  };
  return { units: [unit], summary: shorten(visible(text), MAX_SUMMARY_CHARS), evidence };
}

/** Ends before it begins. */
class RefusedSession implements UpgradeSession {
  readonly ending = null;
  readonly idle = true;
  readonly #why: string;

  constructor(why: string) {
    this.#why = why;
  }

  handle(): readonly SessionCommand[] {
    return [{ kind: 'finish', reason: { kind: 'protocol-error', detail: this.#why } }];
  }

  paused(): boolean {
    return false;
  }
}

/** Bytes both ways, untouched. Watches and the like have no end of their own: they are cut off as soon as the gateway wants them to end. */
class RawSession implements UpgradeSession {
  readonly ending = null;
  readonly idle = false;
  readonly #closes = new HalfCloses();

  handle(event: SessionEvent): readonly SessionCommand[] {
    switch (event.kind) {
      case 'data':
        return [{ kind: 'send', to: event.from === 'client' ? 'upstream' : 'client', bytes: event.bytes }];
      case 'ended':
        return this.#closes.handle(event);
      case 'draining':
        return [{ kind: 'finish', reason: { kind: 'drained', detail: event.why } }];
      case 'judged':
      case 'waiting':
      case 'awaited':
      case 'parked':
      case 'cancel-requested':
        return [];
    }
  }

  paused(): boolean {
    return false;
  }
}

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const ERROR = 3;
const DIGIT_ZERO = 0x30;

/** exec and attach over WebSocket: one channel per stream, its number in the first byte of each message. */
class ShellSession implements UpgradeSession {
  readonly idle = false;
  readonly #stdin: boolean;
  readonly #tty: boolean;
  /** Channels are digits, and what follows is base64. */
  readonly #base64: boolean;
  readonly #closes = new HalfCloses();
  readonly #status = new EndStatus();
  readonly #gathered: Readonly<Record<Side, Gatherer>> = { client: new Gatherer(), upstream: new Gatherer() };
  /** Channel of the server's message whose fragments are coming. */
  #channel = -1;
  /** The server's message goes on in another frame. */
  #fragmented = false;
  /** What is read of the server's bytes are frames. */
  #readable = true;
  /** For the client, as soon as the server is between two messages. */
  #notice: Buffer | null = null;

  constructor({ query }: Target, protocol: string) {
    this.#stdin = readBoolean(query.get('stdin')) === true;
    this.#tty = readBoolean(query.get('tty')) === true;
    this.#base64 = protocol.includes('base64');
  }

  get ending(): StreamEnding | null {
    return this.#status.ending;
  }

  handle(event: SessionEvent): readonly SessionCommand[] {
    switch (event.kind) {
      case 'data':
        return event.from === 'client' ? this.#fromClient(event.bytes) : this.#fromUpstream(event.bytes);
      case 'ended':
        return this.#closes.handle(event);
      case 'draining':
        // It goes on until the deadline; whoever sits there is told.
        this.#notice = this.#messageOf(farewell(event.why, this.#tty));
        return this.#flushNotice();
      case 'judged':
      case 'waiting':
      case 'awaited':
      case 'parked':
      case 'cancel-requested':
        return [];
    }
  }

  paused(): boolean {
    return false;
  }

  #fromClient(bytes: Buffer): readonly SessionCommand[] {
    const frames = this.#take('client', bytes);
    if (typeof frames === 'string') {
      return [{ kind: 'finish', reason: { kind: 'protocol-error', detail: frames } }];
    }
    // Servers take every piece for a message with a channel of its own, or join them: nobody can tell which.
    if (!this.#stdin && frames.some(isPiece)) {
      const detail = 'a message in pieces, where stdin was not asked for';
      return [{ kind: 'finish', reason: { kind: 'protocol-error', detail } }];
    }
    const passed = frames.filter((frame) => this.#stdin || !isStdin(frame));
    return passed.map(({ raw }) => ({ kind: 'send', to: 'upstream', bytes: raw }));
  }

  #messageOf(text: Buffer): Buffer {
    const channel = this.#tty ? STDOUT : STDERR;
    return this.#base64
      ? serverFrame('text', Buffer.from(`${channel}${text.toString('base64')}`))
      : serverFrame('binary', Buffer.concat([Buffer.from([channel]), text]));
  }

  #flushNotice(): readonly SessionCommand[] {
    const notice = this.#notice;
    if (notice === null || !this.#readable || this.#fragmented || this.#gathered.upstream.size > 0) {
      return [];
    }
    this.#notice = null;
    return [{ kind: 'send', to: 'client', bytes: notice }];
  }

  /** The original goes on at once; a copy is read for the status. */
  #fromUpstream(bytes: Buffer): readonly SessionCommand[] {
    const frames = this.#readable ? this.#take('upstream', bytes) : [];
    this.#readable &&= typeof frames !== 'string';
    for (const frame of typeof frames === 'string' ? [] : frames) {
      this.#fragmented = isControl(frame) ? this.#fragmented : !frame.final;
      const first = frame.opcode !== 'continuation';
      if (this.#channelOf(frame) === ERROR && !isControl(frame)) {
        this.#status.add(first ? frame.payload.subarray(1) : frame.payload);
      }
    }
    return [{ kind: 'send', to: 'client', bytes }, ...this.#flushNotice()];
  }

  /** Whole frames, the rest is kept; a text when these are no frames. */
  #take(from: Side, bytes: Buffer): readonly WebSocketFrame[] | string {
    const gathered = this.#gathered[from];
    let rest = gathered.add(bytes);
    const frames: WebSocketFrame[] = [];
    while (rest !== null) {
      const taken = takeWebSocketFrame(rest, from === 'client');
      if (taken.kind === 'malformed') {
        return taken.why;
      }
      if (taken.kind === 'incomplete') {
        gathered.keep(rest, taken.wantedBytes);
        break;
      }
      frames.push(taken.frame);
      rest = rest.subarray(taken.frame.raw.length);
    }
    return frames;
  }

  /** The channel that a frame of the server belongs to; -1 for control frames and empty messages. */
  #channelOf(frame: WebSocketFrame): number {
    if (isControl(frame)) {
      return -1;
    }
    if (frame.opcode !== 'continuation') {
      const first = frame.payload[0] ?? -1;
      // The base64 protocols write the number as a digit.
      this.#channel = frame.opcode === 'text' ? first - DIGIT_ZERO : first;
    }
    return this.#channel;
  }
}

/** Whether a server could take it for stdin: the protocol, and not the frame's opcode, says whether channels are digits. */
function isStdin(frame: WebSocketFrame): boolean {
  const [first] = frame.payload;
  return !isControl(frame) && (first === STDIN || first === STDIN + DIGIT_ZERO);
}

function isPiece(frame: WebSocketFrame): boolean {
  return !isControl(frame) && (!frame.final || frame.opcode === 'continuation');
}

function isControl({ opcode }: WebSocketFrame): boolean {
  return opcode === 'close' || opcode === 'ping' || opcode === 'pong';
}
