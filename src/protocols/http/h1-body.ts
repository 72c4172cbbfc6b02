// Bodies of HTTP/1 messages, whatever way they are framed: chunks of the connection in, pieces of the body out. Incremental, bounded and
// total: any cutting gives the same bytes, and what is not exactly RFC 9112's grammar is malformed (HT-06). Pure.
import { isMalformed, parseFields, type Malformed } from './h1-head.ts';
import type { Field } from './request.ts';

/** How a body ends. */
export type BodyFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }
  /** Responses only: with the connection. */
  | { readonly kind: 'close' };

/** What one chunk of the connection held of a body. */
export interface BodyPieces {
  readonly data: readonly Buffer[];
  /** Bytes of the chunk that belong to the body; what follows belongs to the next message. */
  readonly used: number;
  /** The body is whole. */
  readonly done: boolean;
  /** Only with `done`, and only of chunked bodies. */
  readonly trailers: readonly Field[];
}

const NO_FIELDS: readonly Field[] = [];
const NO_DATA: readonly Buffer[] = [];
const MAX_SIZE_DIGITS = 13;
/** Extensions of one chunk (facts, 4.4; CVE-2024-22019). */
const MAX_EXTENSION_BYTES = 256;
const MAX_TRAILER_BYTES = 16 * 1024;
/** What extensions cost in all: a body of one-byte chunks may not carry hundreds of bytes a byte for ever. */
const MAX_EXTENSIONS_IN_ALL = 64 * 1024;
const CR = 0x0d;
const LF = 0x0a;

/** Names that mean something only before a body: framing, routing, authority (RFC 9110, section 6.5.1). */
const NOT_IN_TRAILERS =
  /^(?:content-(?:length|encoding|type|range)|transfer-encoding|te|trailer|host|connection|keep-alive|upgrade|expect|range|authorization|(?:set-)?cookie2?|proxy-.*|www-authenticate|max-forwards|forwarded|x-forwarded-.*|x-real-ip|via|cf-.*|if-.*|cache-control|pragma|age|date|location|vary|warning|alt-svc|x-http-method(?:-override)?|x-method-override|clawpatrol-.*)$/i;

/** Reads one body. */
export interface BodyReader {
  take(chunk: Buffer): BodyPieces | Malformed;
  /** The connection has ended in this direction: whether the body was whole then. */
  atEnd(): boolean;
  /** The body is whole already, before a byte came. */
  readonly empty: boolean;
}

export function createBodyReader(framing: BodyFraming): BodyReader {
  switch (framing.kind) {
    case 'none':
      return new LengthReader(0);
    case 'length':
      return new LengthReader(framing.bytes);
    case 'chunked':
      return new ChunkedReader();
    case 'close':
      return CLOSE_READER;
  }
}

const CLOSE_READER: BodyReader = {
  take: (chunk) => ({ data: [chunk], used: chunk.length, done: false, trailers: NO_FIELDS }),
  atEnd: () => true,
  empty: false,
};

class LengthReader implements BodyReader {
  readonly empty: boolean;
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
    this.empty = bytes === 0;
  }

  take(chunk: Buffer): BodyPieces {
    const used = Math.min(this.#left, chunk.length);
    this.#left -= used;
    const data = used === 0 ? NO_DATA : [used === chunk.length ? chunk : chunk.subarray(0, used)];
    return { data, used, done: this.#left === 0, trailers: NO_FIELDS };
  }

  atEnd(): boolean {
    return this.#left === 0;
  }
}

type ChunkedState = 'size' | 'data' | 'data-end' | 'trailers' | 'done';

function malformed(why: string): Malformed {
  return { kind: 'malformed', status: 400, why };
}

class ChunkedReader implements BodyReader {
  readonly empty = false;
  #state: ChunkedState = 'size';
  /** Bytes of the current chunk's data that are still to come. */
  #left = 0;
  /** What has come of a line (size or trailers) that is not whole. */
  #line = '';
  #extensions = 0;
  #trailers: readonly Field[] = NO_FIELDS;

  take(chunk: Buffer): BodyPieces | Malformed {
    const data: Buffer[] = [];
    let at = 0;
    while (at < chunk.length && this.#state !== 'done') {
      const next = this.#state === 'data' ? this.#takeData(chunk, at, data) : this.#takeControl(chunk, at);
      if (typeof next !== 'number') {
        return next;
      }
      at = next;
    }
    return { data, used: at, done: this.#state === 'done', trailers: this.#trailers };
  }

  atEnd(): boolean {
    return this.#state === 'done';
  }

  #takeData(chunk: Buffer, at: number, data: Buffer[]): number {
    const end = Math.min(chunk.length, at + this.#left);
    data.push(chunk.subarray(at, end));
    this.#left -= end - at;
    if (this.#left === 0) {
      this.#state = 'data-end';
    }
    return end;
  }

  /** A line: a size, the end of a chunk's data, or one of the trailers. Returns where it ends, or the chunk does. */
  #takeControl(chunk: Buffer, at: number): number | Malformed {
    const lineFeed = chunk.indexOf(LF, at);
    const end = lineFeed === -1 ? chunk.length : lineFeed + 1;
    const max = this.#maxLine();
    if (this.#line.length + (end - at) > max) {
      return malformed(this.#state === 'trailers' ? 'trailers of more than 16 KiB' : 'a chunk size line is too long');
    }
    this.#line += chunk.toString('latin1', at, end);
    if (lineFeed === -1) {
      return checkPartial(this.#line) ?? end;
    }
    return this.#takeLine() ?? end;
  }

  #maxLine(): number {
    switch (this.#state) {
      case 'trailers':
        return MAX_TRAILER_BYTES;
      case 'data-end':
        return 2;
      case 'size':
      case 'data':
      case 'done':
        return MAX_SIZE_DIGITS + 1 + MAX_EXTENSION_BYTES + 2;
    }
  }

  /** `#line` ends with LF. Null when it was right. */
  #takeLine(): Malformed | null {
    const whole = this.#line;
    if (whole.charCodeAt(whole.length - 2) !== CR) {
      return malformed('a line of a chunked body does not end with CR LF');
    }
    switch (this.#state) {
      case 'size':
        this.#line = '';
        return this.#takeSize(whole.slice(0, -2));
      case 'data-end':
        this.#line = '';
        this.#state = 'size';
        return whole === '\r\n' ? null : malformed('a chunk is longer than its size');
      case 'trailers':
        return this.#takeTrailers(whole);
      case 'data':
      case 'done':
        return null;
    }
  }

  #takeSize(line: string): Malformed | null {
    const match = /^([0-9A-Fa-f]{1,13})(;[\t\x20-\x7e\x80-\xff]*)?$/.exec(line);
    if (match === null) {
      return malformed('a chunk size is not plain hexadecimal');
    }
    this.#extensions += match[2]?.length ?? 0;
    if (this.#extensions > MAX_EXTENSIONS_IN_ALL) {
      return malformed('chunk extensions of more than 64 KiB');
    }
    this.#left = Number.parseInt(match[1] ?? '', 16);
    this.#state = this.#left === 0 ? 'trailers' : 'data';
    return null;
  }

  /** The section ends with an empty line; until then `#line` grows. */
  #takeTrailers(whole: string): Malformed | null {
    if (whole !== '\r\n' && !whole.endsWith('\r\n\r\n')) {
      return null;
    }
    this.#line = '';
    this.#state = 'done';
    if (whole === '\r\n') {
      return null;
    }
    const fields = parseFields(whole.slice(0, -4));
    if (isMalformed(fields)) {
      return malformed(`in the trailers: ${fields.why}`);
    }
    const forbidden = fields.find(({ name }) => NOT_IN_TRAILERS.test(name));
    this.#trailers = fields;
    return forbidden === undefined ? null : malformed(`${forbidden.name} may not stand in trailers`);
  }
}

/** A CR that no LF follows is found when its next byte is there. */
function checkPartial(line: string): Malformed | null {
  const carriageReturn = line.lastIndexOf('\r');
  return carriageReturn !== -1 && carriageReturn !== line.length - 1 && line[carriageReturn + 1] !== '\n'
    ? malformed('a CR without LF in a chunked body')
    : null;
}
