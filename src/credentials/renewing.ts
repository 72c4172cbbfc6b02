// Values that live for a time and are made anew: access tokens, what a credential plugin prints. Made by one caller at a time, renewed when
// 80 % of their life is over, and served no longer than they live.
import type { Clock } from '../lib/clock.ts';
import { Lru } from '../lib/lru.ts';

/** What was made, and how long it holds from the moment it was asked for. */
export interface Made<T> {
  readonly value: T;
  readonly lifeMs: number;
}

export interface Renewing<T> {
  /** The value under that key; `make` is called when there is none that holds. Rejects with what `make` rejects with. */
  get(key: string, make: () => Promise<Made<T>>): Promise<T>;
  /** Nothing is kept any more. */
  forget(): void;
}

interface Kept<T> {
  readonly value: T;
  /** Monotonic. */
  readonly renewMs: number;
  readonly untilMs: number;
}

const RENEW_AT = 0.8;
/** Taken off the end of a life: the value has still to reach who checks it. */
const MARGIN_MS = 30_000;
const MAX_KEPT = 256;

export function createRenewing<T>(clock: Clock): Renewing<T> {
  const kept = new Lru<string, Kept<T>>(MAX_KEPT);
  const making = new Map<string, Promise<T>>();

  async function renew(key: string, make: () => Promise<Made<T>>): Promise<T> {
    const startedMs = clock.monotonicMs();
    try {
      const { value, lifeMs } = await make();
      kept.put(key, {
        value,
        renewMs: startedMs + lifeMs * RENEW_AT,
        untilMs: startedMs + Math.max(lifeMs * RENEW_AT, lifeMs - MARGIN_MS),
      });
      return value;
    } catch (error) {
      const last = kept.find(key);
      // Early renewal may fail: what is there holds for a while yet.
      if (last !== null && clock.monotonicMs() < last.untilMs) {
        return last.value;
      }
      kept.delete(key);
      throw error;
    } finally {
      making.delete(key);
    }
  }

  return {
    get(key, make) {
      const found = kept.find(key);
      if (found !== null && clock.monotonicMs() < found.renewMs) {
        return Promise.resolve(found.value);
      }
      const running = making.get(key) ?? renew(key, make);
      if (!making.has(key)) {
        making.set(key, running);
      }
      return running;
    },
    forget: () => kept.clear(),
  };
}
