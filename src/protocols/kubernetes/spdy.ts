// SPDY/3.1 frames as kubectl and the API server exchange them: which stream is opened for what, and where frames begin and end. Header
// blocks share one compression context per direction; what a client sends is decoded and written anew, so that a stream that is
// refused need not reach the server for those after it to be readable.
import { constants, inflateRawSync } from 'node:zlib';
import { Gatherer } from '../../lib/gather.ts';
import { SPDY_DICTIONARY } from './spdy-dictionary.ts';

export const SYN_STREAM = 1;
const SYN_REPLY = 2;
export const RST_STREAM = 3;
const GOAWAY = 7;
export const HEADERS = 8;
export const WINDOW_UPDATE = 9;

const HEAD_BYTES = 8;
/** Of a control frame; header blocks of Kubernetes have a few hundred bytes. */
const MAX_CONTROL_BYTES = 64 * 1024;
const MAX_HEADER_BYTES = 64 * 1024;
const WINDOW_BYTES = 32 * 1024;
/** Adler-32 of the dictionary, by which zlib names it. */
const DICTIONARY_ID = 0xe3c6a7c2;

/** A piece of one direction. */
export type SpdyPiece =
  /** A whole control frame. */
  | { readonly kind: 'control'; readonly type: number; readonly stream: number; readonly bytes: Buffer }
  /** A part of a data frame; `head` on its first part, which holds the frame's head. */
  | {
      readonly kind: 'data';
      readonly stream: number;
      readonly head: boolean;
      readonly bytes: Buffer;
      readonly last: boolean;
    };

/** Cuts one direction into pieces. Bounded: data frames are handed on as they come. */
export class SpdyScanner {
  readonly #gathered = new Gatherer();
  #buffer: Buffer = Buffer.alloc(0);
  /** Of the data frame that is being handed on. */
  #stream = 0;
  #remaining = 0;

  /** Between two frames. */
  get atBoundary(): boolean {
    return this.#remaining === 0 && this.#gathered.size === 0;
  }

  /** The pieces that are there now; null: these are no frames of SPDY/3. */
  push(bytes: Buffer): readonly SpdyPiece[] | null {
    const pieces: SpdyPiece[] = [];
    const buffer = this.#gathered.add(bytes);
    if (buffer === null) {
      return pieces;
    }
    this.#buffer = buffer;
    for (;;) {
      const piece = this.#take();
      if (piece === null) {
        return null;
      }
      if (typeof piece === 'number') {
        this.#gathered.keep(this.#buffer, piece);
        return pieces;
      }
      pieces.push(piece);
    }
  }

  /** A number: so many bytes must be there. */
  #take(): SpdyPiece | number | null {
    if (this.#remaining > 0) {
      return this.#buffer.length === 0 ? 1 : this.#part(Math.min(this.#remaining, this.#buffer.length), false);
    }
    if (this.#buffer.length < HEAD_BYTES) {
      return HEAD_BYTES;
    }
    const first = this.#buffer.readUInt32BE(0);
    const size = this.#buffer.readUIntBE(5, 3);
    if (first < 0x8000_0000) {
      this.#stream = first;
      this.#remaining = HEAD_BYTES + size;
      return this.#part(Math.min(this.#remaining, this.#buffer.length), true);
    }
    if (first >>> 16 !== 0x8003 || size > MAX_CONTROL_BYTES) {
      return null;
    }
    if (this.#buffer.length < HEAD_BYTES + size) {
      return HEAD_BYTES + size;
    }
    const frame = this.#cut(HEAD_BYTES + size);
    const stream = size >= 4 ? frame.readUInt32BE(HEAD_BYTES) & 0x7fff_ffff : 0;
    return { kind: 'control', type: first & 0xffff, stream, bytes: frame };
  }

  #part(size: number, head: boolean): SpdyPiece {
    this.#remaining -= size;
    return { kind: 'data', stream: this.#stream, head, bytes: this.#cut(size), last: this.#remaining === 0 };
  }

  #cut(size: number): Buffer {
    const bytes = this.#buffer.subarray(0, size);
    this.#buffer = this.#buffer.subarray(size);
    return bytes;
  }
}

/** Where the header block of a control frame begins. */
function blockOffset(type: number): number {
  return HEAD_BYTES + (type === SYN_STREAM ? 10 : 4);
}

export function carriesHeaders(type: number): boolean {
  return type === SYN_STREAM || type === SYN_REPLY || type === HEADERS;
}

/** Decodes the header blocks of one direction, in order. */
export class HeaderDecoder {
  #history: Buffer | null = null;

  /** The uncompressed block of a control frame; null when it cannot be read, after which nothing can. */
  decode(frame: Buffer, type: number): Buffer | null {
    let block = frame.subarray(blockOffset(type));
    if (this.#history === null) {
      const skipped = headerSize(block);
      if (skipped === null) {
        return null;
      }
      this.#history = skipped === 2 ? Buffer.alloc(0) : SPDY_DICTIONARY;
      block = block.subarray(skipped);
    }
    // Only after a flush does the next block begin at a byte.
    if (block.length < 4 || block.readUInt32BE(block.length - 4) !== 0x0000_ffff) {
      return null;
    }
    try {
      const decoded = inflateRawSync(block, {
        ...(this.#history.length === 0 ? {} : { dictionary: this.#history }),
        finishFlush: constants.Z_SYNC_FLUSH,
        maxOutputLength: MAX_HEADER_BYTES,
      });
      this.#history = Buffer.concat([this.#history, decoded]).subarray(-WINDOW_BYTES);
      return decoded;
    } catch {
      return null;
    }
  }
}

/** Bytes of the zlib header before the first block, or null. */
function headerSize(block: Buffer): number | null {
  if (block.length < 6 || block.readUInt16BE(0) % 31 !== 0 || ((block[0] ?? 0) & 0x0f) !== 8) {
    return null;
  }
  if (((block[1] ?? 0) & 0x20) === 0) {
    return 2;
  }
  return block.readUInt32BE(2) === DICTIONARY_ID ? 6 : null;
}

const ZLIB_HEAD = Buffer.from([0x78, 0x01]);
/** An empty stored block: what a reader takes for a flush. */
const FLUSH = Buffer.from([0, 0, 0, 0xff, 0xff]);

/** Writes control frames with header blocks that are stored, not compressed. */
export class HeaderEncoder {
  #begun = false;

  /** The frame with `headers` as its block. */
  encode(frame: Buffer, type: number, headers: Buffer): Buffer {
    const size = headers.length;
    const stored = Buffer.from([0, size & 0xff, size >> 8, ~size & 0xff, (~size >> 8) & 0xff]);
    const block = Buffer.concat([...(this.#begun ? [] : [ZLIB_HEAD]), stored, headers, FLUSH]);
    this.#begun = true;
    const head = Buffer.from(frame.subarray(0, blockOffset(type)));
    head.writeUIntBE(head.length - HEAD_BYTES + block.length, 5, 3);
    return Buffer.concat([head, block]);
  }
}

/** Names in lower case and values of an uncompressed header block; null when it is malformed or says a name twice. */
export function readHeaders(block: Buffer): ReadonlyMap<string, string> | null {
  const headers = new Map<string, string>();
  let at = 4;
  const text = (): string | null => {
    const size = at + 4 <= block.length ? block.readUInt32BE(at) : block.length;
    const end = at + 4 + size;
    if (end > block.length) {
      return null;
    }
    const value = block.toString('latin1', at + 4, end);
    at = end;
    return value;
  };
  const count = block.length >= 4 ? block.readUInt32BE(0) : -1;
  for (let index = 0; index < count; index += 1) {
    const name = text()?.toLowerCase();
    const value = text();
    if (name === undefined || value === null || headers.has(name)) {
      return null;
    }
    headers.set(name, value);
  }
  return count >= 0 && at === block.length ? headers : null;
}

/** Whether the frame that begins here is the last of its sender on its stream (FLAG_FIN). */
export function endsStream(frame: Buffer): boolean {
  return ((frame[4] ?? 0) & 1) !== 0;
}

/** A data frame of a stream. */
export function dataOf(stream: number, content: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(stream, 0);
  head.writeUIntBE(content.length, 5, 3);
  return Buffer.concat([head, content]);
}

/** GOAWAY with status OK: no stream after `lastStream` is taken, those before may end. */
export function goAway(lastStream: number): Buffer {
  const frame = Buffer.from([0x80, 3, 0, GOAWAY, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
  frame.writeUInt32BE(lastStream, HEAD_BYTES);
  return frame;
}

/** RST_STREAM with status REFUSED_STREAM. */
export function refusedStream(stream: number): Buffer {
  const frame = Buffer.from([0x80, 3, 0, RST_STREAM, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 3]);
  frame.writeUInt32BE(stream, HEAD_BYTES);
  return frame;
}
