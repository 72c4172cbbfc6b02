// A list in one file of the state directory, of which the daemon is the only writer: read whole at start, replaced whole at each change.
import { readFileSync } from 'node:fs';
import { replaceStateFile } from '../audit/state-file.ts';
import { GatewayError, hasCode, messageOf } from '../lib/errors.ts';
import { fieldOf } from '../lib/fields.ts';

export interface StoredList<T> {
  readonly items: readonly T[];
  /** Durable when it returns. Throws GatewayError STORE_FAILED, and then nothing has changed. */
  replace(items: readonly T[]): void;
}

/** Reads one item; null = it is not what it should be. */
export type ReadItem<T> = (read: FieldReader) => T | null;

/** The fields of a stored object; one that is missing or of another type spoils the item. */
export interface FieldReader {
  readonly text: (name: string) => string;
  /** "" where it is missing: a field that older versions did not have. */
  readonly textIfThere: (name: string) => string;
  /** Empty where it is missing. */
  readonly textsIfThere: (name: string) => readonly string[];
  readonly whole: (name: string) => number;
  /** Null where null is stored. */
  readonly wholeOrNull: (name: string) => number | null;
}

/**
 * Opens `{"version":1,KEY:[…]}`; empty when there is no file yet. Throws GatewayError STORE_FAILED when the file cannot be read or is not what
 * it should be: going on without it would forget who was shut out.
 */
export function openStoredList<T>(path: string, key: string, readItem: ReadItem<T>): StoredList<T> {
  let items = readItems(path, key, readItem);
  return {
    get items() {
      return items;
    },
    replace(next) {
      replaceStateFile(path, { version: 1, [key]: next });
      items = next;
    },
  };
}

function readItems<T>(path: string, key: string, readItem: ReadItem<T>): readonly T[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) {
      return [];
    }
    throw new GatewayError('STORE_FAILED', 'operator', `cannot read ${path}: ${messageOf(error)}`);
  }
  const items = parseItems(text, key, readItem);
  if (items === null) {
    throw new GatewayError('STORE_FAILED', 'operator', `cannot make sense of ${path}; restore it from a backup`);
  }
  return items;
}

function parseItems<T>(text: string, key: string, readItem: ReadItem<T>): readonly T[] | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const list = fieldOf(value, key);
  if (fieldOf(value, 'version') !== 1 || !Array.isArray(list)) {
    return null;
  }
  const items: T[] = [];
  for (const stored of list) {
    const item = readOne(stored, readItem);
    if (item === null) {
      return null;
    }
    items.push(item);
  }
  return items;
}

function readOne<T>(stored: unknown, readItem: ReadItem<T>): T | null {
  let sound = true;
  const whole = (name: string): number => {
    const field = fieldOf(stored, name);
    const fits = typeof field === 'number' && Number.isSafeInteger(field);
    sound &&= fits;
    return fits ? field : 0;
  };
  const text = (name: string): string => {
    const field = fieldOf(stored, name);
    sound &&= typeof field === 'string';
    return typeof field === 'string' ? field : '';
  };
  const item = readItem({
    text,
    textIfThere: (name) => (fieldOf(stored, name) === undefined ? '' : text(name)),
    textsIfThere: (name) => {
      const list = fieldOf(stored, name) ?? [];
      const fits = Array.isArray(list) && list.every((one) => typeof one === 'string');
      sound &&= fits;
      return fits ? list : [];
    },
    whole,
    wholeOrNull: (name) => (fieldOf(stored, name) === null ? null : whole(name)),
  });
  return sound ? item : null;
}
