// A clock that moves only when told. Wall clock and monotonic clock move together unless the wall clock is set.
import type { Clock, Timer } from '../../src/lib/clock.ts';

interface Pending {
  readonly dueMs: number;
  readonly order: number;
  readonly fire: () => void;
}

/** Hand-driven time. `timers` is what has not fired and was not cancelled. */
export class FakeClock implements Clock {
  #wallMs: number;
  #monotonicMs = 5_000;
  #order = 0;
  readonly #pending = new Set<Pending>();

  constructor(wallMs: number = Date.UTC(2026, 0, 2, 3, 4, 5)) {
    this.#wallMs = wallMs;
  }

  now(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  after(delayMs: number, fire: () => void): Timer {
    const pending: Pending = { dueMs: this.#monotonicMs + delayMs, order: (this.#order += 1), fire };
    this.#pending.add(pending);
    return { cancel: () => this.#pending.delete(pending) };
  }

  get timers(): number {
    return this.#pending.size;
  }

  /** Somebody sets the machine's clock; timers do not care. */
  setWall(wallMs: number): void {
    this.#wallMs = wallMs;
  }

  /** Time passes without any timer getting its turn, as in a blocked event loop. */
  stall(durationMs: number): void {
    this.#wallMs += durationMs;
    this.#monotonicMs += durationMs;
  }

  /** Time passes; due timers fire in order, and promises get their turn after each. */
  async advance(durationMs: number): Promise<void> {
    const endMs = this.#monotonicMs + durationMs;
    await settled();
    for (;;) {
      const [next] = [...this.#pending]
        .filter((pending) => pending.dueMs <= endMs)
        .toSorted((a, b) => a.dueMs - b.dueMs || a.order - b.order);
      if (next === undefined) {
        break;
      }
      this.#pending.delete(next);
      this.stall(Math.max(0, next.dueMs - this.#monotonicMs));
      next.fire();
      await settled();
    }
    this.stall(endMs - this.#monotonicMs);
    await settled();
  }
}

/** Resolves when everything that was ready to run has run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
