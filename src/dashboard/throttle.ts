// How often a login may be tried: a small supply for each key that refills slowly. A right password gives its try back, so that only
// wrong ones use the supply up. Pure but for the clock that it is given.
import type { Clock } from '../lib/clock.ts';

export interface Throttle {
  /** Takes one try from every key, or from none of them when one has nothing left: then the milliseconds until it has. */
  take(keys: readonly string[]): number | null;
  /** Gives the try back. */
  giveBack(keys: readonly string[]): void;
}

/** Tries at once, and how long it takes until there is one more. */
const SUPPLY = 10;
const REFILL_MS = 6_000;
/** Keys that are remembered; the fullest are let go first, which forgets least. */
const MAX_KEYS = 10_000;

interface Supply {
  left: number;
  atMs: number;
}

export function createThrottle(clock: Pick<Clock, 'monotonicMs'>): Throttle {
  const supplies = new Map<string, Supply>();
  const look = (key: string): Supply => {
    const nowMs = clock.monotonicMs();
    const found = supplies.get(key);
    if (found === undefined) {
      return { left: SUPPLY, atMs: nowMs };
    }
    const refilled = Math.min(SUPPLY, found.left + (nowMs - found.atMs) / REFILL_MS);
    return { left: refilled, atMs: nowMs };
  };
  return {
    take(keys) {
      const found = keys.map((key) => [key, look(key)] as const);
      const least = Math.min(...found.map(([, { left }]) => left));
      if (least < 1) {
        return Math.ceil((1 - least) * REFILL_MS);
      }
      for (const [key, supply] of found) {
        supplies.set(key, { left: supply.left - 1, atMs: supply.atMs });
      }
      prune(supplies, look);
      return null;
    },
    giveBack(keys) {
      for (const key of keys) {
        const supply = look(key);
        supplies.set(key, { left: Math.min(SUPPLY, supply.left + 1), atMs: supply.atMs });
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
