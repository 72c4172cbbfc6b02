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
  /** Ids of the devices that came with it. */
  readonly devices: readonly string[];
}

interface Stored extends JoinToken {
  readonly hash: string;
}

/** What tokens begin with, so that people and scanners recognise one that got lost. */
const PREFIX = 'cpjoin_';

export interface JoinTokens {
  /** A new token: the only time that its text is known. Throws GatewayError STORE_FAILED. */
  create(token: Omit<JoinToken, 'id' | 'devices'>): { readonly text: string; readonly token: JoinToken };
  /** The token with that text; null when it has no use left, has expired, or never was one. */
  find(text: string): JoinToken | null;
  /** Takes one use of the token, durably. Throws as `create` does. */
  take(id: string): void;
  /** A device has come with it. Throws as `create` does. */
  bind(id: string, device: string): void;
  /** The tokens with which that device came let nobody in any more. Throws as `create` does. */
  withdrawOf(device: string): void;
  /** Those that can still be used. */
  list(): readonly JoinToken[];
}

/** Opens the file, empty when there is none yet. Throws GatewayError STORE_FAILED. */
export function openJoinTokens({ stateDir, clock }: { readonly stateDir: string; readonly clock: Clock }): JoinTokens {
  const stored = openStoredList(join(stateDir, 'join-tokens.json'), 'tokens', readToken);
  const live = (): readonly Stored[] =>
    stored.items.filter(({ usesLeft, expiresMs }) => usesLeft > 0 && expiresMs > clock.now());
  const change = (id: string, to: (entry: Stored) => Stored): void =>
    stored.replace(live().map((entry) => (entry.id === id ? to(entry) : entry)));
  return {
    create(token) {
      const text = `${PREFIX}${randomBytes(24).toString('base64url')}`;
      const entry = { ...token, id: uuidv7(clock.now()), hash: hashOf(text), devices: [] };
      stored.replace([...live(), entry]);
      return { text, token: withoutHash(entry) };
    },
    find(text) {
      const hash = Buffer.from(hashOf(text));
      const found = live().find((entry) => timingSafeEqual(Buffer.from(entry.hash), hash));
      return found === undefined ? null : withoutHash(found);
    },
    take: (id) => change(id, (entry) => ({ ...entry, usesLeft: entry.usesLeft - 1 })),
    bind: (id, device) => change(id, (entry) => ({ ...entry, devices: [...new Set([...entry.devices, device])] })),
    withdrawOf(device) {
      const kept = live().filter(({ devices }) => !devices.includes(device));
      if (kept.length < live().length) {
        stored.replace(kept);
      }
    },
    list: () => live().map(withoutHash),
  };
}

function withoutHash({ id, profile, usesLeft, expiresMs, by, devices }: Stored): JoinToken {
  return { id, profile, usesLeft, expiresMs, by, devices };
}

/** Of 192 random bits: no salt and no slow hash is needed. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

function readToken({ text, textsIfThere, whole }: FieldReader): Stored | null {
  const hash = text('hash');
  return hash.length === 64
    ? {
        id: text('id'),
        profile: text('profile'),
        by: text('by'),
        hash,
        usesLeft: whole('usesLeft'),
        expiresMs: whole('expiresMs'),
        devices: textsIfThere('devices'),
      }
    : null;
}
