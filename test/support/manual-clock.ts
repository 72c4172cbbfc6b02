// A clock that stands still until a test moves it.
import type { Clock, Timer } from '../../src/lib/clock.ts';

/** Both times start at the given wall clock and move together with `advance`. */
export class ManualClock implements Clock {
  #nowMs: number;
  #elapsedMs = 0;
  #pending: { readonly dueMs: number; readonly fire: () => void }[] = [];

  constructor(nowMs: number = Date.UTC(2026, 0, 5, 12)) {
    this.#nowMs = nowMs;
  }

  /** Timers that have neither fired nor been cancelled. */
  get timers(): number {
    return this.#pending.length;
  }

  now(): number {
    return this.#nowMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  /** Moves the wall clock alone, as an administrator would. */
  setWall(nowMs: number): void {
    this.#nowMs = nowMs - this.#elapsedMs;
  }

  after(delayMs: number, fire: () => void): Timer {
    const entry = { dueMs: this.#elapsedMs + delayMs, fire };
    this.#pending.push(entry);
    return { cancel: () => void (this.#pending = this.#pending.filter((other) => other !== entry)) };
  }

  /** Lets time pass and fires what is due, in order. */
  advance(ms: number): void {
    const endMs = this.#elapsedMs + ms;
    for (;;) {
      const next = this.#pending.filter((entry) => entry.dueMs <= endMs).toSorted((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined) {
        break;
      }
      this.#pending = this.#pending.filter((entry) => entry !== next);
      this.#elapsedMs = Math.max(this.#elapsedMs, next.dueMs);
      next.fire();
    }
    this.#elapsedMs = endMs;
  }
}
