// What runs between the two raw streams after an upgrade that was allowed: exec and attach, port-forward, and streams that are passed
// on as they are. Opening a port inside a port-forward is judged on its own (spdy-session.ts); stdin that was not asked for goes nowhere.
import { createHash } from 'node:crypto';
import type { Action, Evidence, Unit } from '../../rules/action.ts';
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
import { EndStatus, HalfCloses } from './stream-end.ts';
import type { StreamEnding } from './stream-end.ts';
import { takeWebSocketFrame } from './websocket.ts';
import type { WebSocketFrame } from './websocket.ts';

/** kubectl's port-forward over WebSocket: SPDY frames inside binary messages. */
const TUNNEL = 'SPDY/3.1+portforward.k8s.io';

/** What is judged when a stream to a port is opened. */
export type PortAction = Parameters<UpgradeParts['createAction']>[0];

export interface StreamParts {
  createAction(parts: PortAction): Action;
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
  return isShell ? new ShellSession(readBoolean(target.query.get('stdin')) === true) : new RawSession();
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

/** Bytes both ways, untouched. */
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
      case 'judged':
      case 'waiting':
      case 'awaited':
      case 'parked':
      case 'cancel-requested':
      case 'draining':
        return [];
    }
  }

  paused(): boolean {
    return false;
  }
}

const STDIN = 0;
const ERROR = 3;
const DIGIT_ZERO = 0x30;
const NOTHING: Buffer = Buffer.alloc(0);

/** exec and attach over WebSocket: one channel per stream, its number in the first byte of each message. */
class ShellSession implements UpgradeSession {
  readonly idle = false;
  readonly #stdin: boolean;
  readonly #closes = new HalfCloses();
  readonly #status = new EndStatus();
  readonly #buffers: Record<Side, Buffer> = { client: NOTHING, upstream: NOTHING };
  /** Channel of the server's message whose fragments are coming. */
  #channel = -1;

  constructor(stdin: boolean) {
    this.#stdin = stdin;
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
      case 'judged':
      case 'waiting':
      case 'awaited':
      case 'parked':
      case 'cancel-requested':
      case 'draining':
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

  /** The original goes on at once; a copy is read for the status. */
  #fromUpstream(bytes: Buffer): readonly SessionCommand[] {
    const frames = this.#take('upstream', bytes);
    for (const frame of typeof frames === 'string' ? [] : frames) {
      const first = frame.opcode !== 'continuation';
      if (this.#channelOf(frame) === ERROR && !isControl(frame)) {
        this.#status.add(first ? frame.payload.subarray(1) : frame.payload);
      }
    }
    return [{ kind: 'send', to: 'client', bytes }];
  }

  /** Whole frames, the rest is kept; a text when these are no frames. */
  #take(from: Side, bytes: Buffer): readonly WebSocketFrame[] | string {
    let rest = this.#buffers[from].length === 0 ? bytes : Buffer.concat([this.#buffers[from], bytes]);
    const frames: WebSocketFrame[] = [];
    for (;;) {
      const taken = takeWebSocketFrame(rest, from === 'client');
      if (taken.kind !== 'frame') {
        this.#buffers[from] = taken.kind === 'incomplete' ? rest : NOTHING;
        return taken.kind === 'incomplete' ? frames : taken.why;
      }
      frames.push(taken.frame);
      rest = rest.subarray(taken.frame.raw.length);
    }
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
