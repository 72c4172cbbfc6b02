// The data types of SSH (RFC 4251, section 5) out of bytes and into bytes. Reading is total: what is cut short sets `broken`, and whoever
// reads a whole message asks `done`, so that a message with bytes to spare is as malformed as one that lacks some.

const EMPTY = Buffer.alloc(0);

/** Reads the fields of one message in order. After a field that is not there, everything reads as empty and `done` is false. */
export class WireReader {
  readonly #bytes: Buffer;
  #at: number;
  #broken = false;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** Everything was read, and nothing was missing. */
  get done(): boolean {
    return !this.#broken && this.#at === this.#bytes.length;
  }

  /** Nothing was missing so far. */
  get intact(): boolean {
    return !this.#broken;
  }

  /** Offset of the next field. */
  get at(): number {
    return this.#at;
  }

  byte(): number {
    return this.#take(1)[0] ?? 0;
  }

  bool(): boolean {
    return this.byte() !== 0;
  }

  uint32(): number {
    const bytes = this.#take(4);
    return bytes.length === 4 ? bytes.readUInt32BE(0) : 0;
  }

  uint64(): bigint {
    const bytes = this.#take(8);
    return bytes.length === 8 ? bytes.readBigUInt64BE(0) : 0n;
  }

  /** A string as bytes; a view, not a copy. */
  string(): Buffer {
    return this.#take(this.uint32());
  }

  /** A string that is a name of the protocol: anything but printable US-ASCII breaks the reader. */
  name(): string {
    const text = this.string().toString('latin1');
    if (!/^[\x21-\x7e]*$/.test(text)) {
      this.#broken = true;
      return '';
    }
    return text;
  }

  /** What is left, as a view. */
  rest(): Buffer {
    return this.#broken ? EMPTY : this.#take(this.#bytes.length - this.#at);
  }

  #take(length: number): Buffer {
    if (this.#broken || length > this.#bytes.length - this.#at) {
      this.#broken = true;
      return EMPTY;
    }
    const taken = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return taken;
  }
}

/** One field of a message to be written. */
export type Field =
  | { readonly byte: number }
  | { readonly bool: boolean }
  | { readonly uint32: number }
  | { readonly string: string | Buffer }
  | { readonly raw: Buffer };

/** The bytes of a message. */
export function writeFields(fields: readonly Field[]): Buffer {
  const parts: Buffer[] = [];
  for (const field of fields) {
    if ('byte' in field) {
      parts.push(Buffer.of(field.byte));
    } else if ('bool' in field) {
      parts.push(Buffer.of(field.bool ? 1 : 0));
    } else if ('uint32' in field) {
      parts.push(uint32(field.uint32));
    } else if ('raw' in field) {
      parts.push(field.raw);
    } else {
      const bytes = typeof field.string === 'string' ? Buffer.from(field.string, 'utf8') : field.string;
      parts.push(uint32(bytes.length), bytes);
    }
  }
  return Buffer.concat(parts);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value >>> 0, 0);
  return bytes;
}
