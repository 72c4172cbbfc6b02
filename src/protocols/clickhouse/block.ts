// A block of data without compression, walked over to find where it ends. Values are not read, but for the lengths among them; nothing is
// kept. Any cut of the bytes into pieces gives the same end.
import { SINCE } from './codec.ts';
import { parseType, type Layout } from './types.ts';

/** The server's own limits are far below; what is above is no block. */
const MAX_COLUMNS = 64 * 1024;
const MAX_ROWS = 0x7fff_ffff;
/** Elements of all values of a nested column together. */
const MAX_ELEMENTS = 2 ** 40;
const MAX_VALUE_BYTES = 2 ** 30;
const MAX_TYPE_BYTES = 64 * 1024;
const MAX_COLUMN_NAME_BYTES = 64 * 1024;

const INDEX_TYPE_MASK = 0xff;
const NEEDS_GLOBAL_DICTIONARY = 0x100;
const HAS_ADDITIONAL_KEYS = 0x200;

export type BlockState = 'reading' | 'done' | 'malformed' | 'unknown-type';

/** Walks over one block. */
export class BlockWalker {
  state: BlockState = 'reading';
  /** What is wrong, or the type that is not known. */
  why = '';
  columns = 0;
  rows = 0;
  readonly #revision: number;
  readonly #steps: Generator<void, void, void>;
  #bytes: Buffer = EMPTY;
  #at = 0;

  constructor(revision: number) {
    this.#revision = revision;
    this.#steps = this.#block();
  }

  /** Takes from `at` on what belongs to the block. Gives the offset behind it; the rest is not the block's. */
  push(bytes: Buffer, at: number): number {
    this.#bytes = bytes;
    this.#at = at;
    if (this.state === 'reading' && this.#steps.next().done === true && this.state === 'reading') {
      this.state = 'done';
    }
    this.#bytes = EMPTY;
    return this.#at;
  }

  #fail(why: string): never {
    this.state = 'malformed';
    this.why = why;
    throw STOP;
  }

  *#block(): Generator<void, void, void> {
    try {
      yield* this.#info();
      this.columns = yield* this.#varuint();
      this.rows = yield* this.#varuint();
      if (this.columns > MAX_COLUMNS || this.rows > MAX_ROWS) {
        this.#fail(`a block of ${this.columns} columns and ${this.rows} rows`);
      }
      if (this.columns === 0 && this.rows > 0) {
        this.#fail(`${this.rows} rows without a column`);
      }
      for (let column = 0; column < this.columns; column += 1) {
        yield* this.#column();
      }
    } catch (error) {
      if (error !== STOP) {
        throw error;
      }
    }
  }

  /** Numbered fields up to a zero (ClickHouse, Core/BlockInfo.h). */
  *#info(): Generator<void, void, void> {
    for (;;) {
      const field = yield* this.#varuint();
      switch (field) {
        case 0:
          return;
        case 1:
          yield* this.#skip(1);
          break;
        case 2:
          yield* this.#skip(4);
          break;
        default:
          this.#fail(`a block with an unknown field ${field}`);
      }
    }
  }

  *#column(): Generator<void, void, void> {
    yield* this.#skip(yield* this.#length(MAX_COLUMN_NAME_BYTES));
    const name = (yield* this.#take(yield* this.#length(MAX_TYPE_BYTES))).toString('utf8');
    const layout = parseType(name);
    if (layout === null) {
      this.state = 'unknown-type';
      this.why = name;
      throw STOP;
    }
    if (this.#revision >= SINCE.customSerialization && (yield* this.#u8()) !== 0) {
      this.#fail('a column in a form that is not spoken at this revision');
    }
    if (this.rows > 0) {
      yield* this.#prefix(layout);
      yield* this.#values(layout, this.rows);
    }
  }

  /** What stands once before the values of a column. */
  *#prefix(layout: Layout): Generator<void, void, void> {
    switch (layout.kind) {
      case 'fixed':
      case 'string':
        return;
      case 'nullable':
      case 'array':
        yield* this.#prefix(layout.of);
        return;
      case 'tuple':
        for (const element of layout.of) {
          yield* this.#prefix(element);
        }
        return;
      case 'low-cardinality':
        if ((yield* this.#u64()) !== 1) {
          this.#fail('a dictionary of an unknown version');
        }
    }
  }

  *#values(layout: Layout, count: number): Generator<void, void, void> {
    switch (layout.kind) {
      case 'fixed':
        yield* this.#skip(count * layout.sizeBytes);
        return;
      case 'string':
        yield* this.#strings(count);
        return;
      case 'nullable':
        yield* this.#skip(count);
        yield* this.#values(layout.of, count);
        return;
      case 'array':
        yield* this.#values(layout.of, yield* this.#lastOffset(count));
        return;
      case 'tuple':
        for (const element of layout.of) {
          yield* this.#values(element, count);
        }
        return;
      case 'low-cardinality':
        yield* this.#dictionary(layout.of, count);
    }
  }

  /** Of an array's ends only the last matters: it is the number of all elements. */
  *#lastOffset(count: number): Generator<void, number, void> {
    if (count === 0) {
      return 0;
    }
    yield* this.#skip((count - 1) * 8);
    const last = yield* this.#u64();
    if (last > MAX_ELEMENTS) {
      this.#fail(`an array column of ${last} elements`);
    }
    return last;
  }

  /** Values come in groups, each with new entries of the dictionary and places in it (SerializationLowCardinality). */
  *#dictionary(of: Layout, count: number): Generator<void, void, void> {
    for (let left = count; left > 0;) {
      const flags = yield* this.#u64();
      const indexType = flags & INDEX_TYPE_MASK;
      if (flags > 0xffff || (flags & NEEDS_GLOBAL_DICTIONARY) !== 0 || indexType > 3) {
        this.#fail('a dictionary in a form that is not for clients');
      }
      if ((flags & HAS_ADDITIONAL_KEYS) !== 0) {
        const keys = yield* this.#u64();
        if (keys > MAX_ELEMENTS) {
          this.#fail(`a dictionary of ${keys} entries`);
        }
        yield* this.#values(of, keys);
      }
      const rows = yield* this.#u64();
      if (rows === 0 || rows > left) {
        this.#fail(`${rows} places in a dictionary for ${left} values`);
      }
      yield* this.#skip(rows * 2 ** indexType);
      left -= rows;
    }
  }

  *#strings(count: number): Generator<void, void, void> {
    for (let left = count; left > 0; left -= 1) {
      left = this.#wholeStrings(left);
      if (left > 0) {
        yield* this.#skip(yield* this.#length(MAX_VALUE_BYTES));
      }
    }
  }

  /** Skips the short strings that are whole in this piece; gives how many are left. The loop that large selects and inserts spend their time in. */
  #wholeStrings(count: number): number {
    const bytes = this.#bytes;
    const end = bytes.length;
    let at = this.#at;
    let left = count;
    while (left > 0 && at < end) {
      const size = bytes[at] ?? 0;
      const next = at + 1 + size;
      if (size >= 0x80 || next > end) {
        break;
      }
      at = next;
      left -= 1;
    }
    this.#at = at;
    return left;
  }

  *#length(max: number): Generator<void, number, void> {
    const size = yield* this.#varuint();
    if (size > max) {
      this.#fail(`a string of ${size} bytes, at most ${max}`);
    }
    return size;
  }

  *#skip(size: number): Generator<void, void, void> {
    if (size > Number.MAX_SAFE_INTEGER) {
      this.#fail('a column that is too long');
    }
    for (let left = size; left > 0;) {
      const here = Math.min(left, this.#bytes.length - this.#at);
      this.#at += here;
      left -= here;
      if (left > 0) {
        yield;
      }
    }
  }

  *#u8(): Generator<void, number, void> {
    while (this.#at >= this.#bytes.length) {
      yield;
    }
    const byte = this.#bytes[this.#at] ?? 0;
    this.#at += 1;
    return byte;
  }

  *#varuint(): Generator<void, number, void> {
    let value = 0;
    for (let power = 1; power < 2 ** 56; power *= 128) {
      const byte = yield* this.#u8();
      value += (byte & 0x7f) * power;
      if (byte < 0x80) {
        return value;
      }
    }
    return this.#fail('a number that is too large');
  }

  /** Numbers above 2^53 lose their last digits, and are above every limit. */
  *#u64(): Generator<void, number, void> {
    const bytes = yield* this.#take(8);
    return bytes.readUInt32LE(0) + bytes.readUInt32LE(4) * 2 ** 32;
  }

  /** Short: the caller has checked the size. */
  *#take(size: number): Generator<void, Buffer, void> {
    if (this.#bytes.length - this.#at >= size) {
      this.#at += size;
      return this.#bytes.subarray(this.#at - size, this.#at);
    }
    const parts: Buffer[] = [];
    for (let left = size; left > 0;) {
      const part = this.#bytes.subarray(this.#at, this.#at + left);
      // A copy: the piece belongs to whoever pushed it.
      parts.push(Buffer.from(part));
      this.#at += part.length;
      left -= part.length;
      if (left > 0) {
        yield;
      }
    }
    return Buffer.concat(parts);
  }
}

const EMPTY = Buffer.alloc(0);
/** Ends a walk from within; never leaves this file. */
const STOP = new Error('the walk has ended');
