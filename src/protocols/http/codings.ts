// Content codings of bodies that are judged (RFC 9110, 8.4.1): gzip, deflate, br, zstd, up to two, each with a bound on what comes
// out. What a lenient reader takes and a strict one does not (a second member, bytes behind the end) is not decoded at all: the
// upstream may stop where we go on.
import { brotliDecompressSync, crc32, inflateRawSync, inflateSync } from 'node:zlib';
import type { InputType, ZlibOptions } from 'node:zlib';
import { hasCode } from '../../lib/errors.ts';
import { Unknown } from '../../rules/action.ts';
import { decodeZstd } from './zstd.ts';

/** A body whose codings are off, or why they could not be taken off. */
export type Decoded = Buffer | Unknown;

/** More codings than this on one body are not taken off. */
const MAX_CODINGS = 2;
/** What comes out may be this many times as long as what went in, or MIN_BOMB_BYTES long, whichever is more. */
const MAX_RATIO = 100;
const MIN_BOMB_BYTES = 1024 * 1024;

const UNDECODABLE = new Unknown('undecodable');

type Decode = (bytes: Buffer, maxBytes: number) => Buffer | null;

const DECODERS: Readonly<Record<string, Decode>> = {
  gzip: decodeGzip,
  'x-gzip': decodeGzip,
  deflate: decodeDeflate,
  br: decodeBrotli,
  zstd: decodeZstd,
};

/** Whether all codings are known and not too many. */
export function canDecode(codings: readonly string[]): boolean {
  const applied = codings.filter((coding) => coding !== 'identity');
  return applied.length <= MAX_CODINGS && applied.every((coding) => Object.hasOwn(DECODERS, coding));
}

/** Takes codings off, the last one first. `maxBytes` bounds what comes out of each. An empty body has no coding. */
export function decodeBody(bytes: Buffer, codings: readonly string[], maxBytes: number): Decoded {
  if (bytes.length === 0) {
    return bytes;
  }
  if (!canDecode(codings)) {
    return UNDECODABLE;
  }
  let decoded = bytes;
  for (const coding of codings.toReversed()) {
    const decode = DECODERS[coding];
    if (decode !== undefined) {
      const bomb = Math.max(decoded.length * MAX_RATIO, MIN_BOMB_BYTES);
      // One byte more than is allowed tells what is too long from what is corrupt.
      const limit = Math.min(bomb, maxBytes);
      const next = decode(decoded, limit + 1);
      if (next === null || next.length > bomb) {
        return UNDECODABLE;
      }
      if (next.length > maxBytes) {
        return new Unknown('too_large');
      }
      decoded = next;
    }
  }
  return decoded;
}

interface Inflated {
  readonly buffer: Buffer;
  /** Input bytes that were used. */
  readonly used: number;
}

type Inflate = (bytes: InputType, options: ZlibOptions) => unknown;

/** Null: corrupt. A result of `maxBytes` bytes stands for one that is at least as long. */
function inflate(run: Inflate, bytes: Buffer, maxBytes: number): Inflated | null {
  try {
    const result = run(bytes, { info: true, maxOutputLength: maxBytes });
    return isInfo(result) ? { buffer: result.buffer, used: result.engine.bytesWritten } : null;
  } catch (error) {
    return isTooLong(error) ? { buffer: Buffer.alloc(maxBytes), used: bytes.length } : null;
  }
}

/** What zlib gives with `info: true`, which its types do not tell. */
export interface ZlibInfo {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

export function isInfo(value: unknown): value is ZlibInfo {
  return typeof value === 'object' && value !== null && 'buffer' in value && 'engine' in value;
}

function isTooLong(error: unknown): boolean {
  return hasCode(error, 'ERR_BUFFER_TOO_LARGE');
}

const GZIP_HEADER_BYTES = 10;
const GZIP_TRAILER_BYTES = 8;

/** One member (RFC 1952). zlib's own gunzip reads on into a second member and drops bytes behind the last. */
function decodeGzip(bytes: Buffer, maxBytes: number): Buffer | null {
  const start = gzipDataStart(bytes);
  const inflated = start === null ? null : inflate(inflateRawSync, bytes.subarray(start), maxBytes);
  if (start === null || inflated === null || inflated.buffer.length >= maxBytes) {
    return inflated?.buffer ?? null;
  }
  const end = start + inflated.used;
  const whole = end + GZIP_TRAILER_BYTES === bytes.length;
  const intact =
    whole &&
    bytes.readUInt32LE(end) === crc32(inflated.buffer) &&
    bytes.readUInt32LE(end + 4) === inflated.buffer.length;
  return intact ? inflated.buffer : null;
}

const FHCRC = 2;
const FEXTRA = 4;
const FNAME = 8;
const FCOMMENT = 16;

/** Where the compressed data begins; null when the header is none, or uses reserved bits. */
function gzipDataStart(bytes: Buffer): number | null {
  if (bytes.length < GZIP_HEADER_BYTES + GZIP_TRAILER_BYTES || bytes.readUIntBE(0, 3) !== 0x1f8b08) {
    return null;
  }
  const flags = bytes[3] ?? 0;
  if ((flags & 0xe0) !== 0) {
    return null;
  }
  let at = GZIP_HEADER_BYTES;
  if ((flags & FEXTRA) !== 0) {
    at += 2 + bytes.readUInt16LE(at);
  }
  for (const flag of [FNAME, FCOMMENT]) {
    if ((flags & flag) !== 0) {
      const end = bytes.indexOf(0, at);
      if (end < 0) {
        return null;
      }
      at = end + 1;
    }
  }
  at += (flags & FHCRC) === 0 ? 0 : 2;
  return at <= bytes.length - GZIP_TRAILER_BYTES ? at : null;
}

/** The zlib format (RFC 1950), which is what `deflate` means; a bare deflate stream, which some send, is not known. */
function decodeDeflate(bytes: Buffer, maxBytes: number): Buffer | null {
  const inflated = inflate(inflateSync, bytes, maxBytes);
  const whole = inflated !== null && (inflated.used === bytes.length || inflated.buffer.length >= maxBytes);
  return whole ? inflated.buffer : null;
}

function decodeBrotli(bytes: Buffer, maxBytes: number): Buffer | null {
  const inflated = inflate(brotliDecompressSync, bytes, maxBytes);
  const whole = inflated !== null && (inflated.used === bytes.length || inflated.buffer.length >= maxBytes);
  return whole ? inflated.buffer : null;
}
