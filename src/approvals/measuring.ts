// Measures what parked actions would do, a few at a time: an agent that parks fifty statements must not put fifty EXPLAINs on the
// database at once.
import type { Action } from '../rules/action.ts';
import type { Clock } from '../lib/clock.ts';
import { createDeferred } from '../lib/deferred.ts';
import type { Effect } from '../protocols/protocol.ts';

/** Asks the protocol; bounded by `signal`. Null = nothing can be said. */
export type Measure = (action: Action, signal: AbortSignal) => Promise<Effect | null>;

/** One measurement under way or waiting for its turn. */
export interface Measurement {
  /** Resolves when it is over, whatever came of it. Never rejects. */
  readonly over: Promise<Effect | null>;
  /** Resolves when it is over, or after that time. */
  within(limitMs: number): Promise<void>;
  /** Gives up; `over` resolves with null soon. */
  stop(): void;
}

const MAX_AT_ONCE = 4;
const DEADLINE_MS = 15_000;
/** Made once: an error of its own for each would cost a stack trace each. */
const GIVEN_UP = new Error('the measurement was given up');

export interface MeasuringParts {
  readonly clock: Clock;
  readonly measure: Measure;
  /** Something went wrong; the card then shows no effect. */
  readonly warn: (message: string, error: unknown) => void;
}

/** A queue of measurements. */
export function createMeasuring({ clock, measure, warn }: MeasuringParts): (action: Action) => Measurement {
  const turns: (() => void)[] = [];
  let running = 0;

  async function run(action: Action, abort: AbortController): Promise<Effect | null> {
    if (running >= MAX_AT_ONCE) {
      await new Promise<void>((resolve) => turns.push(resolve));
    } else {
      running += 1;
    }
    const timer = clock.after(DEADLINE_MS, () => abort.abort(GIVEN_UP));
    try {
      return abort.signal.aborted ? null : await Promise.race([measure(action, abort.signal), aborted(abort.signal)]);
    } catch (error) {
      warn('the effect of a parked action could not be measured', error);
      return null;
    } finally {
      timer.cancel();
      // The turn is handed on without being given back: nobody can slip in between.
      const next = turns.shift();
      if (next === undefined) {
        running -= 1;
      } else {
        next();
      }
    }
  }

  return (action) => {
    const abort = new AbortController();
    const over = run(action, abort);
    return {
      over,
      async within(limitMs) {
        const { promise: late, resolve } = createDeferred<null>();
        const timer = clock.after(limitMs, () => resolve(null));
        await Promise.race([over, late]);
        timer.cancel();
      },
      stop: () => abort.abort(GIVEN_UP),
    };
  };
}

/** Resolves with null when the signal aborts, so that a measurement that ignores its signal holds nobody up. */
function aborted(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(null), { once: true }));
}
