// A deadline that is moved with every message costs one look at the clock, not one timer each.
import type { Clock, Timer } from './clock.ts';

/** One deadline that can be set anew any number of times. Starts without any. */
export class Deadline {
  readonly #clock: Clock;
  readonly #missed: () => void;
  #dueMs = Number.POSITIVE_INFINITY;
  #timer: Timer | null = null;
  /** When the running timer fires. */
  #firesMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, missed: () => void) {
    this.#clock = clock;
    this.#missed = missed;
  }

  /** The deadline is `ms` from now, whatever it was before. */
  set(ms: number): void {
    const nowMs = this.#clock.monotonicMs();
    this.#dueMs = nowMs + ms;
    // A timer that fires too early looks again; one that fires too late is replaced.
    if (this.#timer === null || this.#firesMs > this.#dueMs) {
      this.#arm(nowMs);
    }
  }

  /** There is no deadline until the next `set`. */
  clear(): void {
    this.#dueMs = Number.POSITIVE_INFINITY;
  }

  /** For good: no timer stays behind. */
  stop(): void {
    this.clear();
    this.#timer?.cancel();
    this.#timer = null;
  }

  #arm(nowMs: number): void {
    this.#timer?.cancel();
    this.#firesMs = this.#dueMs;
    this.#timer = this.#clock.after(Math.max(0, this.#dueMs - nowMs), () => this.#fired());
  }

  #fired(): void {
    this.#timer = null;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= this.#dueMs) {
      this.clear();
      this.#missed();
    } else if (this.#dueMs !== Number.POSITIVE_INFINITY) {
      this.#arm(nowMs);
    }
  }
}
