// What channels still have to send: bounded, in order for each approval, tried again a few times with growing pauses, each try with a
// deadline. What fails is told and forgotten; nobody waits for it.
import type { Clock } from '../../lib/clock.ts';
import { createDeferred } from '../../lib/deferred.ts';
import { messageOf } from '../../lib/errors.ts';

/** A try that failed in a way that another one will not mend. */
export class Permanent extends Error {}

/** The other side asks for a pause. */
export class Later extends Error {
  readonly afterMs: number;

  constructor(message: string, afterMs: number) {
    super(message);
    this.afterMs = afterMs;
  }
}

export interface OutboxParts {
  readonly clock: Clock;
  /** A delivery that failed for good; `key` is what it was about. */
  readonly failed: (key: string, why: string) => void;
  readonly limits?: Partial<OutboxLimits>;
}

export interface OutboxLimits {
  /** Deliveries that wait, in all and about one thing. */
  readonly waiting: number;
  readonly waitingEach: number;
  /** At the same time. */
  readonly running: number;
  /** Pauses before the second and third try. */
  readonly pausesMs: readonly number[];
}

const LIMITS: OutboxLimits = { waiting: 2_000, waitingEach: 16, running: 4, pausesMs: [1_000, 5_000] };
/** Longer pauses than this are not kept, whatever the other side asks for. */
const MAX_PAUSE_MS = 30_000;

export interface Delivery {
  /** Deliveries of one key come one after the other, in order. */
  readonly key: string;
  /** One that waits is replaced by a newer one of the same kind; null: each counts. */
  readonly kind: string | null;
  readonly timeoutMs: number;
  run(signal: AbortSignal): Promise<void>;
}

export interface Outbox {
  /** Returns at once. */
  send(delivery: Delivery): void;
  /** Resolves when nothing waits any more, or after `limitMs`. */
  drain(limitMs: number): Promise<void>;
  /** Gives up what waits and what is under way. */
  close(): void;
  readonly waiting: number;
}

export function createOutbox(parts: OutboxParts): Outbox {
  return new Queue(parts);
}

class Queue implements Outbox {
  readonly #parts: OutboxParts;
  readonly #limits: OutboxLimits;
  /** By key, in the order of their first delivery. */
  readonly #lines = new Map<string, Delivery[]>();
  readonly #busy = new Set<string>();
  readonly #closing = new AbortController();
  #waiting = 0;
  #onIdle: () => void = () => {};

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    this.#limits = { ...LIMITS, ...parts.limits };
  }

  get waiting(): number {
    return this.#waiting;
  }

  send(delivery: Delivery): void {
    if (this.#closing.signal.aborted) {
      return;
    }
    const line = this.#lines.get(delivery.key) ?? [];
    const same = delivery.kind === null ? -1 : line.findLastIndex(({ kind }) => kind === delivery.kind);
    if (same !== -1) {
      line[same] = delivery;
      return;
    }
    if (this.#waiting >= this.#limits.waiting || line.length >= this.#limits.waitingEach) {
      this.#parts.failed(delivery.key, 'too many messages wait to be sent');
      return;
    }
    line.push(delivery);
    this.#lines.set(delivery.key, line);
    this.#waiting += 1;
    this.#next();
  }

  async drain(limitMs: number): Promise<void> {
    if (this.#busy.size === 0 && this.#waiting === 0) {
      return;
    }
    const drained = createDeferred<void>();
    this.#onIdle = drained.resolve;
    const timer = this.#parts.clock.after(limitMs, () => drained.resolve());
    // The clock's timers keep no process alive, and at the end of one nothing else does.
    const alive = setInterval(() => {}, limitMs);
    await drained.promise;
    clearInterval(alive);
    timer.cancel();
  }

  close(): void {
    this.#closing.abort();
    this.#lines.clear();
    this.#waiting = 0;
  }

  #next(): void {
    for (const [key, line] of this.#lines) {
      if (this.#busy.size >= this.#limits.running) {
        return;
      }
      if (this.#busy.has(key)) {
        continue;
      }
      const delivery = line.shift();
      if (line.length === 0) {
        this.#lines.delete(key);
      }
      if (delivery !== undefined) {
        this.#waiting -= 1;
        this.#busy.add(key);
        void this.#deliver(delivery);
      }
    }
  }

  async #deliver(delivery: Delivery): Promise<void> {
    const { pausesMs } = this.#limits;
    for (let attempt = 0; !this.#closing.signal.aborted; attempt += 1) {
      const error = await this.#attempt(delivery);
      if (error === null || this.#closing.signal.aborted) {
        break;
      }
      const pauseMs = pausesMs[attempt];
      if (pauseMs === undefined || error instanceof Permanent) {
        this.#parts.failed(delivery.key, messageOf(error));
        break;
      }
      await this.#pause(error instanceof Later ? Math.max(pauseMs, Math.min(error.afterMs, MAX_PAUSE_MS)) : pauseMs);
    }
    this.#busy.delete(delivery.key);
    if (!this.#closing.signal.aborted) {
      this.#next();
    }
    if (this.#busy.size === 0 && this.#waiting === 0) {
      this.#onIdle();
    }
  }

  /** What went wrong, or null. */
  async #attempt(delivery: Delivery): Promise<Error | null> {
    const { timeoutMs } = delivery;
    const over = new AbortController();
    const closed = this.#closing.signal;
    const end = (): void => over.abort(new Error('it was given up'));
    closed.addEventListener('abort', end, { once: true });
    const deadline = this.#parts.clock.after(timeoutMs, () =>
      over.abort(new Error(`no answer within ${timeoutMs} ms`)),
    );
    try {
      const gaveUp = new Promise<never>((_, reject) => {
        over.signal.addEventListener('abort', () => reject(over.signal.reason), { once: true });
      });
      await Promise.race([delivery.run(over.signal), gaveUp]);
      return null;
    } catch (error) {
      return error instanceof Error ? error : new Error(messageOf(error));
    } finally {
      deadline.cancel();
      closed.removeEventListener('abort', end);
    }
  }

  #pause(ms: number): Promise<void> {
    const closed = this.#closing.signal;
    return new Promise((resolve) => {
      const timer = this.#parts.clock.after(ms, done);
      function done(): void {
        timer.cancel();
        closed.removeEventListener('abort', done);
        resolve();
      }
      closed.addEventListener('abort', done, { once: true });
    });
  }
}
