// Checkpoints outside the store: appended to a file that the store's owner cannot take back where it lies on another machine or on an
// append-only volume. What could not be appended is appended with the next one, so the file has no holes.
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  writeSync,
} from 'node:fs';
import type { Database } from 'better-sqlite3';
import { hasCode, messageOf } from '../lib/errors.ts';
import { parseCheckpoint, parsePublished, publishedLine } from './checkpoint.ts';
import type { Checkpoint, Signed } from './checkpoint.ts';

/** A line is about 330 bytes; the last one is within this. */
const TAIL_BYTES = 16 * 1024;

export class Publisher {
  readonly #path: string;
  readonly #db: Database;
  readonly #storeId: string;
  /** Newest published sequence number; null while the file has not been read. */
  #publishedSeq: number | null = null;

  constructor(path: string, db: Database, storeId: string) {
    this.#path = path;
    this.#db = db;
    this.#storeId = storeId;
  }

  /** Appends what is new. Returns what is wrong with the file, or null. */
  publish(): string | null {
    try {
      const after = this.#publishedSeq ?? this.#readPublishedSeq();
      const rows = this.#db
        .prepare<[number], Signed & { seq: number }>(
          'SELECT seq, body, signature FROM checkpoints WHERE seq > ? ORDER BY seq',
        )
        .all(after);
      if (rows.length > 0) {
        this.#append(rows.map(publishedLine).join(''));
      }
      this.#publishedSeq = rows.at(-1)?.seq ?? after;
      return null;
    } catch (error) {
      this.#publishedSeq = null;
      return `cannot append checkpoints to ${this.#path}: ${messageOf(error)}`;
    }
  }

  #readPublishedSeq(): number {
    const last = readLastPublished(this.#path)?.point ?? null;
    return last !== null && last.store === this.#storeId ? last.seq : 0;
  }

  #append(lines: string): void {
    const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
    const file = openSync(this.#path, flags, 0o600);
    try {
      fchmodSync(file, 0o600);
      const size = fstatSync(file).size;
      const last = Buffer.alloc(1);
      // A crash may have left half a line: it stays, and the next one starts on its own.
      const whole = size === 0 || (readSync(file, last, 0, 1, size - 1) === 1 && last[0] === 0x0a);
      writeSync(file, whole ? lines : `\n${lines}`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }
}

/** The last whole checkpoint of a published file; null when the file or a checkpoint in it is not there. Throws when it cannot be read. */
export function readLastPublished(path: string): { readonly signed: Signed; readonly point: Checkpoint } | null {
  for (const line of readTail(path).split('\n').toReversed()) {
    const signed = parsePublished(line);
    const point = signed === null ? null : parseCheckpoint(signed.body);
    if (signed !== null && point !== null) {
      return { signed, point };
    }
  }
  return null;
}

function readTail(path: string): string {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) {
      return '';
    }
    throw error;
  }
  try {
    const size = fstatSync(file).size;
    const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
    const bytes = readSync(file, tail, 0, tail.length, size - tail.length);
    return tail.toString('utf8', 0, bytes);
  } finally {
    closeSync(file);
  }
}

/** Every whole checkpoint of a published file, oldest first; a half-written line is passed over. Throws when the file cannot be read. */
export function readPublished(path: string): readonly Signed[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line) => parsePublished(line) ?? []);
}
