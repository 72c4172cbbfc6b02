// The only loop that copies bytes: it runs a protocol's session between two streams. It knows no protocol and no rule. Nothing
// is awaited per chunk: events come in, the session's commands go out in the same turn, and a verdict that is there at once
// is answered at once.
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import { countPassed } from '../lib/garbage.ts';
import type { Gate, RelayParts, Waiting } from '../protocols/protocol.ts';
import type { FinishReason, SessionCommand, SessionEvent, Side, Verdict } from '../protocols/session.ts';
import type { Action } from '../rules/action.ts';

/** How long a closed connection may take to deliver its last bytes. */
const LINGER_MS = 2000;
/** Events (above all verdicts) of one connection that are worked off before others have their turn. */
const MAX_EVENTS_PER_TURN = 256;

export interface RelayContext {
  readonly gate: Gate;
  readonly clock: Clock;
  /** Aborts when the connection must end at once. */
  readonly signal: AbortSignal;
  /** Aborts when the connection should end after the answer in progress; its reason (a text) is told to the client. */
  readonly draining: AbortSignal;
}

/** Runs the session until it finishes and both streams are closed. Never rejects. */
export function relay(parts: RelayParts, context: RelayContext): Promise<FinishReason> {
  return new Promise((resolve) => {
    new Relay(parts, context, resolve).start();
  });
}

class Relay {
  readonly #parts: RelayParts;
  readonly #context: RelayContext;
  readonly #resolve: (reason: FinishReason) => void;
  /** Events that arrived while the session was at work. */
  readonly #queue: SessionEvent[] = [];
  #busy = false;
  #reason: FinishReason | null = null;
  #clientHeld = false;
  #upstreamHeld = false;
  /** The action that the gate has and has not answered. */
  #asked: Action | null = null;
  #controller: AbortController | null = null;
  #linger: Timer | null = null;

  // One closure of each for the whole connection, so that a judged message makes none.
  readonly #waiting = (): Waiting => this.#makeWaiting();
  readonly #onAbort = (): void => {
    this.#finish({ kind: 'drained', detail: textOf(this.#context.signal.reason, 'the gateway closes the connection') });
  };
  readonly #onDraining = (): void => {
    this.#feed({ kind: 'draining', why: textOf(this.#context.draining.reason, 'the gateway is stopping') });
  };

  constructor(parts: RelayParts, context: RelayContext, resolve: (reason: FinishReason) => void) {
    this.#parts = parts;
    this.#context = context;
    this.#resolve = resolve;
  }

  start(): void {
    const { signal, draining } = this.#context;
    signal.addEventListener('abort', this.#onAbort, { once: true });
    draining.addEventListener('abort', this.#onDraining, { once: true });
    this.#parts.onCancelHandle?.(() => this.#feed({ kind: 'cancel-requested' }));
    this.#listen('client', this.#parts.client);
    this.#listen('upstream', this.#parts.upstream);
    if (signal.aborted) {
      this.#onAbort();
    } else if (draining.aborted) {
      this.#onDraining();
    }
  }

  #listen(from: Side, stream: Duplex): void {
    let ended = false;
    const end = (how: 'fin' | 'reset'): void => {
      if (!ended) {
        ended = true;
        this.#feed({ kind: 'ended', from, how });
      }
    };
    stream.on('data', (bytes: Buffer) => {
      countPassed(bytes.length);
      this.#feed({ kind: 'data', from, bytes });
    });
    stream.on('drain', () => this.#throttle());
    stream.on('end', () => end('fin'));
    stream.on('error', () => end('reset'));
    stream.on('close', () => {
      end('reset');
      this.#closed();
    });
    if (stream.destroyed || stream.readableEnded) {
      end(stream.destroyed ? 'reset' : 'fin');
    } else {
      stream.resume();
    }
  }

  /** Hands an event to the session, and whatever follows from it. */
  #feed(event: SessionEvent): void {
    if (this.#busy) {
      this.#queue.push(event);
      return;
    }
    this.#busy = true;
    this.#work(event);
  }

  /** Runs events until none is left; gives way to other connections when that takes long. */
  #work(event: SessionEvent): void {
    let next: SessionEvent | undefined = event;
    for (let turns = 0; next !== undefined && this.#reason === null; turns += 1) {
      if (turns === MAX_EVENTS_PER_TURN) {
        this.#giveWay(next);
        return;
      }
      next = this.#step(next) ?? this.#queue.shift();
    }
    this.#busy = false;
    this.#throttle();
  }

  /** A chunk of many tiny statements would keep everyone else waiting: the rest is judged in a later turn, and nothing is read until then. */
  #giveWay(next: SessionEvent): void {
    this.#clientHeld = true;
    this.#upstreamHeld = true;
    this.#parts.client.pause();
    this.#parts.upstream.pause();
    setImmediate(() => this.#work(next));
  }

  /** One event and its commands. Returns the event that answers the last command, when there is an answer already. */
  #step(event: SessionEvent): SessionEvent | undefined {
    let answer: SessionEvent | undefined;
    let settles = false;
    try {
      const commands = this.#parts.session.handle(event);
      for (const command of commands) {
        if (command.kind === 'settle') {
          settles = true;
        } else {
          answer = this.#run(command);
        }
      }
      // Book-keeping comes after the bytes that the peers wait for.
      if (settles) {
        this.#settle(commands);
      }
    } catch (error) {
      // A fault of our own in one connection ends that connection, and only that.
      this.#finish({ kind: 'failed', detail: messageOf(error) });
    }
    return answer;
  }

  #settle(commands: readonly SessionCommand[]): void {
    for (const command of commands) {
      if (command.kind === 'settle') {
        this.#context.gate.settle(command.action, command.outcome);
      }
    }
  }

  #run(command: Exclude<SessionCommand, { kind: 'settle' }>): SessionEvent | undefined {
    switch (command.kind) {
      case 'send':
        this.#stream(command.to).write(command.bytes);
        return undefined;
      case 'judge':
        return this.#judge(command.action);
      case 'await':
        command.work.then(
          () => this.#feed({ kind: 'awaited' }),
          (error: unknown) => this.#finish({ kind: 'failed', detail: messageOf(error) }),
        );
        return undefined;
      case 'withdraw':
        this.#controller?.abort();
        return undefined;
      case 'cancel-upstream':
        this.#parts.cancelUpstream();
        return undefined;
      case 'end':
        this.#stream(command.to).end();
        return undefined;
      case 'finish':
        this.#finish(command.reason);
        return undefined;
    }
  }

  #judge(action: Action): SessionEvent {
    this.#controller = null;
    this.#asked = action;
    const verdict = this.#context.gate.decide(action, this.#waiting);
    if (!(verdict instanceof Promise)) {
      this.#asked = null;
      return { kind: 'judged', action: action.id, verdict };
    }
    verdict.then(
      (given) => this.#answer(action, given),
      (error: unknown) => this.#finish({ kind: 'failed', detail: messageOf(error) }),
    );
    return { kind: 'waiting', action: action.id };
  }

  #answer(action: Action, verdict: Verdict): void {
    if (this.#asked === action) {
      this.#asked = null;
      this.#controller = null;
      this.#feed({ kind: 'judged', action: action.id, verdict });
    }
  }

  #makeWaiting(): Waiting {
    const action = this.#asked;
    const controller = new AbortController();
    this.#controller = controller;
    return {
      signal: controller.signal,
      parked: (notice) => {
        if (action !== null && this.#asked === action) {
          this.#feed({ kind: 'parked', action: action.id, notice });
        }
      },
    };
  }

  #stream(side: Side): Duplex {
    return side === 'client' ? this.#parts.client : this.#parts.upstream;
  }

  /** A side is read only while the other side takes what it is sent and the session has room. */
  #throttle(): void {
    if (this.#reason !== null) {
      return;
    }
    const { session, client, upstream } = this.#parts;
    const holdClient = upstream.writableNeedDrain || session.paused('client');
    if (holdClient !== this.#clientHeld) {
      this.#clientHeld = holdClient;
      setFlow(client, !holdClient);
    }
    const holdUpstream = client.writableNeedDrain || session.paused('upstream');
    if (holdUpstream !== this.#upstreamHeld) {
      this.#upstreamHeld = holdUpstream;
      setFlow(upstream, !holdUpstream);
    }
  }

  #finish(reason: FinishReason): void {
    if (this.#reason !== null) {
      return;
    }
    this.#reason = reason;
    const { client, upstream } = this.#parts;
    this.#context.signal.removeEventListener('abort', this.#onAbort);
    this.#context.draining.removeEventListener('abort', this.#onDraining);
    this.#controller?.abort();
    this.#asked = null;
    if (reason.kind === 'reset') {
      reset(client);
      reset(upstream);
    } else {
      // What was said last must arrive; what a peer still sends is read and dropped, so that closing does not reset.
      closeGently(client);
      closeGently(upstream);
    }
    this.#linger = this.#context.clock.after(LINGER_MS, () => {
      client.destroy();
      upstream.destroy();
    });
    this.#closed();
  }

  #closed(): void {
    if (this.#reason !== null && this.#parts.client.closed && this.#parts.upstream.closed) {
      this.#linger?.cancel();
      this.#resolve(this.#reason);
    }
  }
}

function setFlow(stream: Duplex, flowing: boolean): void {
  if (flowing) {
    stream.resume();
  } else {
    stream.pause();
  }
}

function closeGently(stream: Duplex): void {
  stream.resume();
  if (stream.writable) {
    stream.end();
  }
}

/** A broken connection is passed on as broken: an end would make cut data look complete. */
function reset(stream: Duplex): void {
  if (stream instanceof Socket && !stream.destroyed) {
    stream.resetAndDestroy();
  } else {
    stream.destroy();
  }
}

function textOf(reason: unknown, fallback: string): string {
  return typeof reason === 'string' ? reason : fallback;
}
