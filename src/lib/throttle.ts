// How often something may be tried: a small supply for each key that refills slowly. What should not have counted gives its try back, as a
// right password does, so that only wrong ones use the supply up. Pure but for the clock that it is given.
import type { Clock } from './clock.ts';

export interface Throttle {
  /** Takes one try from every key, or from none of them when one has nothing left: then the milliseconds until it has. */
  take(keys: readonly string[]): number | null;
  /** Gives the try back. */
  giveBack(keys: readonly string[]): void;
}

/** Tries at once, and how long it takes until there is one more. */
export interface ThrottleLimits {
  readonly supply: number;
  readonly refillMs: number;
}

/** Keys that are remembered; the fullest are let go first, which forgets least. */
const MAX_KEYS = 10_000;

interface Supply {
  left: number;
  atMs: number;
}

export function createThrottle(clock: Pick<Clock, 'monotonicMs'>, { supply, refillMs }: ThrottleLimits): Throttle {
  const supplies = new Map<string, Supply>();
  const look = (key: string): Supply => {
    const nowMs = clock.monotonicMs();
    const found = supplies.get(key);
    if (found === undefined) {
      return { left: supply, atMs: nowMs };
    }
    const refilled = Math.min(supply, found.left + (nowMs - found.atMs) / refillMs);
    return { left: refilled, atMs: nowMs };
  };
  return {
    take(keys) {
      const found = keys.map((key) => [key, look(key)] as const);
      const least = Math.min(...found.map(([, { left }]) => left));
      if (least < 1) {
        return Math.ceil((1 - least) * refillMs);
      }
      for (const [key, { left, atMs }] of found) {
        supplies.set(key, { left: left - 1, atMs });
      }
      prune(supplies, look);
      return null;
    },
    giveBack(keys) {
      for (const key of keys) {
        const { left, atMs } = look(key);
        supplies.set(key, { left: Math.min(supply, left + 1), atMs });
      }
    },
  };
}

function prune(supplies: Map<string, Supply>, look: (key: string) => Supply): void {
  if (supplies.size <= MAX_KEYS) {
    return;
  }
  const fullest = [...supplies.keys()].map((key) => [key, look(key).left] as const).toSorted((a, b) => b[1] - a[1]);
  for (const [key] of fullest.slice(0, MAX_KEYS / 10)) {
    supplies.delete(key);
  }
}
