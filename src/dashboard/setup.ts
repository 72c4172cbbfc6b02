// How the first operator comes to be: a token that is printed once at a start without operators. Whoever reads the gateway's terminal may
// make the first account; nobody becomes an operator by arriving first.
import { randomBytes } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import { hashOf, sameText } from './sessions.ts';

/** How long the token works. */
const SETUP_MS = 30 * 60_000;

export interface Setup {
  /** Makes the token, which is kept as a hash only. */
  issue(): string;
  /** Whether that is the token, in time and unused. */
  fits(token: string): boolean;
  /** It has done its work. */
  use(): void;
}

export function createSetup(clock: Pick<Clock, 'monotonicMs'>): Setup {
  let hash: string | null = null;
  let untilMs = 0;
  return {
    issue() {
      const token = randomBytes(24).toString('base64url');
      hash = hashOf(token);
      untilMs = clock.monotonicMs() + SETUP_MS;
      return token;
    },
    fits: (token) => hash !== null && clock.monotonicMs() < untilMs && sameText(hashOf(token), hash),
    use() {
      hash = null;
    },
  };
}
