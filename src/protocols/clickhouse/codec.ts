// The pieces that packets of ClickHouse's native protocol are made of: packet types, protocol revisions, variable-length numbers and
// strings. Whole packets are read in login.ts, query.ts and server-stream.ts; blocks of data in block.ts.

/** Packets that a client sends (ClickHouse, Core/Protocol.h). All others are between servers. */
export const CLIENT = { hello: 0, query: 1, data: 2, cancel: 3, ping: 4 } as const;

/** Packets that a server sends to a client. */
export const SERVER = {
  hello: 0,
  data: 1,
  exception: 2,
  progress: 3,
  pong: 4,
  endOfStream: 5,
  profileInfo: 6,
  totals: 7,
  extremes: 8,
  log: 10,
  tableColumns: 11,
  profileEvents: 14,
  timezoneUpdate: 17,
} as const;

/** From which protocol revision on something is part of the stream (ClickHouse, Core/ProtocolDefines.h). */
export const SINCE = {
  clientWriteInfo: 54420,
  settingsAsStrings: 54429,
  interserverSecret: 54441,
  openTelemetry: 54442,
  distributedDepth: 54448,
  initialQueryStartTime: 54449,
  parallelReplicas: 54453,
  customSerialization: 54454,
  addendum: 54458,
  parameters: 54459,
  serverQueryTimeInProgress: 54460,
  passwordComplexityRules: 54461,
  interserverNonce: 54462,
  totalBytesInProgress: 54463,
} as const;

/**
 * The newest revision that is spoken here, on both legs. Up to it every field of every packet that passes is known. Above it come columns
 * in sparse form (54465), a login by SSH key (54466) and packets in chunks (54470): a gateway that announced those without following each
 * of them would lose track of where a packet ends, and servers and clients of any age fall back without loss.
 */
export const NEWEST_REVISION = 54464;
/** ClickHouse 18.12 (2018). Older ones have other hellos, and columns in other forms. */
export const OLDEST_REVISION = 54406;

/** The longest name, version or message that is not a query's text. */
export const MAX_NAME_BYTES = 64 * 1024;

/** A number of at most this many bytes, seven bits each. */
const MAX_VARUINT_BYTES = 10;

/**
 * Reads fields from the front of what is there. It never throws: once a field is not whole (`incomplete`) or cannot be (`malformed`), all
 * later reads give neutral values, and whoever reads looks at `trouble` at the end.
 */
export class Cursor {
  readonly bytes: Buffer;
  at: number;
  trouble: 'none' | 'incomplete' | 'malformed' = 'none';
  why = '';

  constructor(bytes: Buffer, at: number = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  malformed(why: string): void {
    if (this.trouble === 'none') {
      this.trouble = 'malformed';
      this.why = why;
    }
  }

  /** A number that may be as long as 64 bits. */
  bigVaruint(): bigint {
    if (this.trouble !== 'none') {
      return 0n;
    }
    let value = 0n;
    for (let index = 0; index < MAX_VARUINT_BYTES; index += 1) {
      const byte = this.bytes[this.at + index];
      if (byte === undefined) {
        this.trouble = 'incomplete';
        return 0n;
      }
      value |= BigInt(byte & 0x7f) << BigInt(7 * index);
      if (byte < 0x80) {
        this.at += index + 1;
        return BigInt.asUintN(64, value);
      }
    }
    this.malformed('a number of more than ten bytes');
    return 0n;
  }

  /** A number that this gateway can count to. */
  varuint(): number {
    const byte = this.bytes[this.at];
    if (byte !== undefined && byte < 0x80 && this.trouble === 'none') {
      this.at += 1;
      return byte;
    }
    const value = this.bigVaruint();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      this.malformed('a number that is too large');
      return 0;
    }
    return Number(value);
  }

  u8(): number {
    return this.take(1)[0] ?? 0;
  }

  i32(): number {
    const bytes = this.take(4);
    return bytes.length === 4 ? bytes.readInt32LE(0) : 0;
  }

  /** That many bytes as they are. */
  take(size: number): Buffer {
    if (this.trouble !== 'none') {
      return EMPTY;
    }
    if (this.bytes.length - this.at < size) {
      this.trouble = 'incomplete';
      return EMPTY;
    }
    this.at += size;
    return this.bytes.subarray(this.at - size, this.at);
  }

  /** A string as its bytes. */
  string(maxBytes: number = MAX_NAME_BYTES): Buffer {
    const size = this.varuint();
    if (size > maxBytes) {
      this.malformed(`a string of ${size} bytes, at most ${maxBytes}`);
      return EMPTY;
    }
    return this.take(size);
  }

  text(maxBytes: number = MAX_NAME_BYTES): string {
    return this.string(maxBytes).toString('utf8');
  }
}

const EMPTY = Buffer.alloc(0);

/** Puts fields together. */
export class Writer {
  readonly #parts: Buffer[] = [];

  varuint(value: number | bigint): this {
    const bytes: number[] = [];
    let rest = BigInt(value);
    for (; rest >= 0x80n; rest >>= 7n) {
      bytes.push(Number(rest & 0x7fn) | 0x80);
    }
    bytes.push(Number(rest));
    this.#parts.push(Buffer.from(bytes));
    return this;
  }

  u8(value: number): this {
    this.#parts.push(Buffer.from([value]));
    return this;
  }

  i32(value: number): this {
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeInt32LE(value);
    this.#parts.push(bytes);
    return this;
  }

  u32(value: number): this {
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeUInt32LE(value);
    this.#parts.push(bytes);
    return this;
  }

  raw(bytes: Buffer): this {
    this.#parts.push(bytes);
    return this;
  }

  string(value: string | Buffer): this {
    const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
    return this.varuint(bytes.length).raw(bytes);
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** What came of reading one packet from the front of a buffer. */
export type Taken<T> =
  | { readonly kind: 'packet'; readonly packet: T; readonly sizeBytes: number }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'malformed'; readonly why: string };

/** Ends a reading: the packet that was read, or why there is none. */
export function taken<T>(cursor: Cursor, packet: () => T, from: number = 0): Taken<T> {
  switch (cursor.trouble) {
    case 'none':
      return { kind: 'packet', packet: packet(), sizeBytes: cursor.at - from };
    case 'incomplete':
      return { kind: 'incomplete' };
    case 'malformed':
      return { kind: 'malformed', why: cursor.why };
  }
}

/**
 * Bytes that wait to be read: what comes is appended, what was read is dropped. Grows by doubling, so that a long packet in many pieces
 * is not copied anew with each.
 */
export class Input {
  #bytes: Buffer = EMPTY;
  #from = 0;
  #to = 0;
  /** The buffer is our own, so that there may be room behind what waits. */
  #owned = false;

  get length(): number {
    return this.#to - this.#from;
  }

  /** What waits; valid until the next `append`. */
  get view(): Buffer {
    return this.#bytes.subarray(this.#from, this.#to);
  }

  append(chunk: Buffer): void {
    if (this.#from === this.#to) {
      // Mostly everything was read: then the chunk is looked at where it is.
      this.#bytes = chunk;
      this.#from = 0;
      this.#to = chunk.length;
      this.#owned = false;
      return;
    }
    if (!this.#owned || this.#to + chunk.length > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.length + chunk.length, 2 * this.length));
      this.#bytes.copy(grown, 0, this.#from, this.#to);
      this.#to -= this.#from;
      this.#from = 0;
      this.#bytes = grown;
      this.#owned = true;
    }
    chunk.copy(this.#bytes, this.#to);
    this.#to += chunk.length;
  }

  used(sizeBytes: number): void {
    this.#from += sizeBytes;
    if (this.#from >= this.#to) {
      this.#bytes = EMPTY;
      this.#from = 0;
      this.#to = 0;
      this.#owned = false;
    }
  }

  /** Gives everything away. */
  drain(): Buffer {
    const { view } = this;
    this.used(this.length);
    return view;
  }
}
