// Join tokens: they let a machine in without a person, under one profile, a counted number of times, for a limited time. Only their hash is
// stored. One file in the state directory, of which the daemon is the only writer.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import { openStoredList } from './stored-list.ts';
import type { FieldReader } from './stored-list.ts';

/** A join token, without the token. */
export interface JoinToken {
  readonly id: string;
  readonly profile: string;
  readonly usesLeft: number;
  readonly expiresMs: number;
  /** Who made it. */
  readonly by: string;
}

interface Stored extends JoinToken {
  readonly hash: string;
}

/** What tokens begin with, so that people and scanners recognise one that got lost. */
const PREFIX = 'cpjoin_';

export interface JoinTokens {
  /** A new token: the only time that its text is known. Throws GatewayError STORE_FAILED. */
  create(token: Omit<JoinToken, 'id'>): { readonly text: string; readonly token: JoinToken };
  /** Takes one use of the token, durably; null when there is none left, it has expired, or it never was one. Throws as `create` does. */
  use(text: string): JoinToken | null;
  /** Those that can still be used. */
  list(): readonly JoinToken[];
}

/** Opens the file, empty when there is none yet. Throws GatewayError STORE_FAILED. */
export function openJoinTokens({ stateDir, clock }: { readonly stateDir: string; readonly clock: Clock }): JoinTokens {
  const stored = openStoredList(join(stateDir, 'join-tokens.json'), 'tokens', readToken);
  const live = (): readonly Stored[] =>
    stored.items.filter(({ usesLeft, expiresMs }) => usesLeft > 0 && expiresMs > clock.now());
  return {
    create(token) {
      const text = `${PREFIX}${randomBytes(24).toString('base64url')}`;
      const entry = { ...token, id: uuidv7(clock.now()), hash: hashOf(text) };
      stored.replace([...live(), entry]);
      return { text, token: withoutHash(entry) };
    },
    use(text) {
      const hash = Buffer.from(hashOf(text));
      const found = live().find((entry) => timingSafeEqual(Buffer.from(entry.hash), hash));
      if (found === undefined) {
        return null;
      }
      stored.replace(live().map((entry) => (entry === found ? { ...entry, usesLeft: entry.usesLeft - 1 } : entry)));
      return withoutHash(found);
    },
    list: () => live().map(withoutHash),
  };
}

function withoutHash({ id, profile, usesLeft, expiresMs, by }: Stored): JoinToken {
  return { id, profile, usesLeft, expiresMs, by };
}

/** Of 192 random bits: no salt and no slow hash is needed. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

function readToken({ text, whole }: FieldReader): Stored | null {
  const hash = text('hash');
  return hash.length === 64
    ? {
        id: text('id'),
        profile: text('profile'),
        by: text('by'),
        hash,
        usesLeft: whole('usesLeft'),
        expiresMs: whole('expiresMs'),
      }
    : null;
}
