// Logins that last: who a cookie stands for, until it idles too long, grows too old, or its operator is changed. Kept in memory as hashes,
// so that a restart logs everybody out and a copy of the process's files opens nothing.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';

/** Without any request and without an open page for so long, a session ends. */
export const IDLE_MS = 60 * 60_000;
/** The oldest of an operator's sessions makes room. */
const MAX_PER_OPERATOR = 20;
const ID_BYTES = 32;

export interface Session {
  readonly operator: string;
  /** Epoch of the operator's credentials at login; another one now ends the session. */
  readonly epoch: string;
  /** Must come back in a header with everything that acts: a foreign page can send the cookie, but cannot read this. */
  readonly csrf: string;
  readonly createdMs: number;
  readonly expiresMs: number;
}

export interface Sessions {
  /** A new session; gives the cookie's value, which is kept nowhere. */
  open(operator: string, epoch: string): { readonly id: string; readonly session: Session };
  /** The session behind a cookie's value, used just now; null when there is none (any more). */
  find(id: string): Session | null;
  close(id: string): void;
  closeAllOf(operator: string): void;
}

interface Kept extends Session {
  readonly startedMonotonicMs: number;
  usedMonotonicMs: number;
}

/** `ttlMs`: how long a session lasts at most, as configured now. */
export function createSessions({ clock, ttlMs }: { readonly clock: Clock; readonly ttlMs: () => number }): Sessions {
  const kept = new Map<string, Kept>();
  const alive = (session: Kept): boolean => {
    const nowMs = clock.monotonicMs();
    // Both clocks count: the wall clock may be set, the monotonic one may stand still while the machine sleeps.
    return (
      nowMs - session.usedMonotonicMs < IDLE_MS &&
      nowMs - session.startedMonotonicMs < ttlMs() &&
      clock.now() < session.expiresMs
    );
  };
  return {
    open(operator, epoch) {
      const own = [...kept].filter(([, session]) => session.operator === operator);
      for (const [key] of own.slice(0, Math.max(0, own.length - MAX_PER_OPERATOR + 1))) {
        kept.delete(key);
      }
      const id = randomBytes(ID_BYTES).toString('base64url');
      const monotonicMs = clock.monotonicMs();
      const session: Kept = {
        operator,
        epoch,
        csrf: randomBytes(ID_BYTES).toString('base64url'),
        createdMs: clock.now(),
        expiresMs: clock.now() + ttlMs(),
        startedMonotonicMs: monotonicMs,
        usedMonotonicMs: monotonicMs,
      };
      kept.set(hashOf(id), session);
      return { id, session };
    },
    find(id) {
      const key = hashOf(id);
      const session = kept.get(key);
      if (session === undefined) {
        return null;
      }
      if (!alive(session)) {
        kept.delete(key);
        return null;
      }
      session.usedMonotonicMs = clock.monotonicMs();
      return session;
    },
    close(id) {
      kept.delete(hashOf(id));
    },
    closeAllOf(operator) {
      for (const [key, session] of kept) {
        if (session.operator === operator) {
          kept.delete(key);
        }
      }
    },
  };
}

/** How session ids and tokens are kept: they are random, so a plain hash cannot be turned back. */
export function hashOf(value: string): string {
  return createHash('sha256').update(value).digest('base64url');
}

/** Compares in a time that does not depend on where they differ. */
export function sameText(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => createHash('sha256').update(text).digest());
  return left !== undefined && right !== undefined && timingSafeEqual(left, right);
}
