// The encrypted store of secrets: one file in the state directory, each value sealed by the store key under its own name and slot, so
// that no value can be moved to another name. The daemon is its only writer; a change replaces the file whole.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../audit/durable-file.ts';
import { GatewayError, hasCode, messageOf } from '../lib/errors.ts';
import { fieldOf } from '../lib/fields.ts';
import { seal, unseal } from '../lib/seal.ts';
import { Secret } from '../lib/secret.ts';
import type { Clock } from '../lib/clock.ts';

/** The most that a secret may be, as UTF-8 (config reference 2.6). The least is one byte. */
export const MAX_SECRET_BYTES = 64 * 1024;
/** Names are those of blocks: short, and nothing that breaks a line. */
const MAX_NAME_CHARS = 128;

export interface StoredSecretInfo {
  readonly name: string;
  /** "" is the unnamed slot. */
  readonly slot: string;
  readonly updatedMs: number;
}

export interface SecretStore {
  /** The value, or null. Throws GatewayError STORE_KEY when it does not open with this store key. */
  find(name: string, slot: string): Secret | null;
  /** Whether anything is stored under that name. */
  has(name: string): boolean;
  /** Names and times, sorted; never values. */
  list(): readonly StoredSecretInfo[];
  /** Stores a value durably. Throws GatewayError SECRET_MISSING for one that is empty or too long, STORE_FAILED when it cannot be written. */
  set(name: string, slot: string, value: Secret): void;
  /** Whether there was one. */
  remove(name: string, slot: string): boolean;
}

export interface SecretStoreParts {
  readonly stateDir: string;
  readonly key: Buffer;
  readonly clock: Clock;
}

interface Entry extends StoredSecretInfo {
  readonly sealed: Buffer;
}

/** Opens the store, empty when there is no file yet. Throws GatewayError STORE_FAILED when the file is not what it should be. */
export function openSecretStore({ stateDir, key, clock }: SecretStoreParts): SecretStore {
  const path = join(stateDir, 'secrets.json');
  let entries = readEntries(path);

  function replace(next: ReadonlyMap<string, Entry>): void {
    writeEntries(path, next);
    entries = next;
  }

  return {
    find(name, slot) {
      const entry = entries.get(keyOf(name, slot));
      if (entry === undefined) {
        return null;
      }
      const plain = unseal(key, entry.sealed, contextOf(name, slot));
      if (plain === null) {
        const fix = 'it was sealed with another store key; restore that key, or set the secret again';
        throw new GatewayError(
          'STORE_KEY',
          'operator',
          `the stored secret ${labelOf(name, slot)} does not open: ${fix}`,
        );
      }
      return new Secret(plain.toString('utf8'));
    },
    has: (name) => [...entries.values()].some((entry) => entry.name === name),
    list: () =>
      [...entries.values()]
        .map(({ name, slot, updatedMs }) => ({ name, slot, updatedMs }))
        .toSorted((a, b) => compare(a.name, b.name) || compare(a.slot, b.slot)),
    set(name, slot, value) {
      checkName(name, slot);
      const plain = Buffer.from(value.reveal(), 'utf8');
      if (plain.length < 1 || plain.length > MAX_SECRET_BYTES) {
        const message = `a secret is 1 byte to 64 KiB long, this one has ${plain.length} bytes`;
        throw new GatewayError('SECRET_MISSING', 'operator', message);
      }
      const entry = { name, slot, updatedMs: clock.now(), sealed: seal(key, plain, contextOf(name, slot)) };
      replace(new Map(entries).set(keyOf(name, slot), entry));
    },
    remove(name, slot) {
      const next = new Map(entries);
      if (!next.delete(keyOf(name, slot))) {
        return false;
      }
      replace(next);
      return true;
    },
  };
}

/** `NAME` or `NAME, slot SLOT`, for messages. */
export function labelOf(name: string, slot: string): string {
  return slot === '' ? name : `${name}, slot ${slot}`;
}

function checkName(name: string, slot: string): void {
  const bad = [name, slot].some((text) => text.length > MAX_NAME_CHARS || /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text));
  if (bad || name.trim() !== name || name === '') {
    const message = 'a secret is named like a block: 1 to 128 characters, no control characters, no spaces around it';
    throw new GatewayError('CONFIG_INVALID', 'operator', message);
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function keyOf(name: string, slot: string): string {
  return JSON.stringify([name, slot]);
}

function contextOf(name: string, slot: string): string {
  return `secret ${keyOf(name, slot)}`;
}

function failOn(path: string, what: string, cause?: unknown): never {
  const why = cause === undefined ? '' : `: ${messageOf(cause)}`;
  throw new GatewayError('STORE_FAILED', 'operator', `${what} the stored secrets in ${path}${why}`, { cause });
}

function readEntries(path: string): ReadonlyMap<string, Entry> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return hasCode(error, 'ENOENT') ? new Map() : failOn(path, 'cannot read', error);
  }
  return parseEntries(text) ?? failOn(path, 'cannot make sense of');
}

function parseEntries(text: string): ReadonlyMap<string, Entry> | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const list = fieldOf(value, 'secrets');
  if (fieldOf(value, 'version') !== 1 || !Array.isArray(list)) {
    return null;
  }
  const entries = new Map<string, Entry>();
  for (const item of list) {
    const name = fieldOf(item, 'name');
    const slot = fieldOf(item, 'slot');
    const updatedMs = fieldOf(item, 'updated_ms');
    const sealed = fieldOf(item, 'sealed');
    if (
      typeof name !== 'string' ||
      typeof slot !== 'string' ||
      typeof updatedMs !== 'number' ||
      typeof sealed !== 'string'
    ) {
      return null;
    }
    entries.set(keyOf(name, slot), { name, slot, updatedMs, sealed: Buffer.from(sealed, 'base64') });
  }
  return entries;
}

function writeEntries(path: string, entries: ReadonlyMap<string, Entry>): void {
  const secrets = [...entries.values()].map(({ name, slot, updatedMs, sealed }) => ({
    name,
    slot,
    updated_ms: updatedMs,
    sealed: sealed.toString('base64'),
  }));
  const bytes = Buffer.from(`${JSON.stringify({ version: 1, secrets }, null, 1)}\n`);
  try {
    replaceFile(path, bytes);
  } catch (error) {
    failOn(path, 'cannot write', error);
  }
}
