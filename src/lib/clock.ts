// Time as an argument. Nothing outside this file and the I/O leaves asks the machine what time it is, so that
// every deadline, expiry and record can be tested without waiting.

/** A pending timer; `cancel` is safe to call any number of times, also after it has fired. */
export interface Timer {
  cancel(): void;
}

/** Source of time. `now` is wall clock (milliseconds since the epoch), `monotonicMs` never steps back. */
export interface Clock {
  now(): number;
  monotonicMs(): number;
  /** Calls `fire` once after `delayMs` (any non-negative number; longer than setTimeout's 2^31-1 ms is chained). */
  after(delayMs: number, fire: () => void): Timer;
}

/** setTimeout takes a signed 32-bit number of milliseconds and fires at once for anything larger. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** The machine's clock. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, fire) {
    const dueMs = performance.now() + delayMs;
    let handle: NodeJS.Timeout;
    const arm = (): void => {
      const leftMs = Math.max(0, dueMs - performance.now());
      handle = setTimeout(leftMs > MAX_TIMEOUT_MS ? arm : fire, Math.min(leftMs, MAX_TIMEOUT_MS));
      handle.unref();
    };
    arm();
    return { cancel: () => clearTimeout(handle) };
  },
};
