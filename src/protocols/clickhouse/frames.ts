// Compressed frames of the native protocol: 16 bytes of checksum, a method, two lengths (ClickHouse, ICompressionCodec). Lengths are
// checked against caps before anything is allocated, and what a frame decodes to must be exactly as long as it says.
import * as zlib from 'node:zlib';
import { decodeZstd } from '../http/zstd.ts';
import { cityHash128 } from './cityhash.ts';
import { decodeLz4 } from './lz4.ts';

export const CHECKSUM_BYTES = 16;
/** Method and both lengths: they count in the compressed length, and in the checksum. */
const HEADER_BYTES = 9;
export const FRAME_HEAD_BYTES = CHECKSUM_BYTES + HEADER_BYTES;
/** Clients and servers make frames of 1 MiB of data; rows that are longer make longer ones. */
export const MAX_FRAME_BYTES = 64 * 1024 * 1024;

const NONE = 0x02;
const LZ4 = 0x82;
const ZSTD = 0x90;

/** The head of a frame. */
export interface FrameHead {
  readonly method: number;
  /** The whole frame with its checksum. */
  readonly sizeBytes: number;
  /** What it decodes to. */
  readonly rawBytes: number;
}

/** The head at `at`; null when it is no frame that is read here. At least FRAME_HEAD_BYTES must be there. */
export function readFrameHead(bytes: Buffer, at: number): FrameHead | null {
  const method = bytes[at + CHECKSUM_BYTES] ?? 0;
  const compressed = bytes.readUInt32LE(at + CHECKSUM_BYTES + 1);
  const rawBytes = bytes.readUInt32LE(at + CHECKSUM_BYTES + 5);
  const known = method === NONE || method === LZ4 || method === ZSTD;
  const sized = compressed > HEADER_BYTES && compressed <= MAX_FRAME_BYTES && rawBytes <= MAX_FRAME_BYTES;
  return known && sized && rawBytes > 0 ? { method, sizeBytes: CHECKSUM_BYTES + compressed, rawBytes } : null;
}

/** What a whole frame decodes to, or null when it is corrupt. */
export function decodeFrame(frame: Buffer, { method, rawBytes }: FrameHead): Buffer | null {
  const payload = frame.subarray(FRAME_HEAD_BYTES);
  switch (method) {
    case NONE:
      return payload.length === rawBytes ? payload : null;
    case LZ4: {
      const raw = Buffer.allocUnsafe(rawBytes);
      return decodeLz4(payload, raw) ? raw : null;
    }
    case ZSTD: {
      const raw = unzstd(payload, rawBytes);
      return raw?.length === rawBytes ? raw : null;
    }
    default:
      return null;
  }
}

/** Node has zstd of its own from 22.15 on, which is ten times as fast. Both refuse what is longer than the frame says. */
const native: unknown = Reflect.get(zlib, 'zstdDecompressSync');

function unzstd(payload: Buffer, rawBytes: number): Buffer | null {
  if (typeof native !== 'function') {
    return decodeZstd(payload, rawBytes + 1);
  }
  try {
    const raw: unknown = native(payload, { maxOutputLength: rawBytes });
    return Buffer.isBuffer(raw) ? raw : null;
  } catch {
    return null;
  }
}

/** Whether the checksum is that of what follows it. */
export function checksumHolds(frame: Buffer): boolean {
  return cityHash128(frame.subarray(CHECKSUM_BYTES)).equals(frame.subarray(0, CHECKSUM_BYTES));
}

/** A frame that holds its data as they are. */
export function wrapFrame(raw: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEAD_BYTES + raw.length);
  frame[CHECKSUM_BYTES] = NONE;
  frame.writeUInt32LE(HEADER_BYTES + raw.length, CHECKSUM_BYTES + 1);
  frame.writeUInt32LE(raw.length, CHECKSUM_BYTES + 5);
  raw.copy(frame, FRAME_HEAD_BYTES);
  cityHash128(frame.subarray(CHECKSUM_BYTES)).copy(frame);
  return frame;
}

/** Numbers below this may be packet types, now or later. */
const FIRST_FREE_TYPE = 32;

/**
 * Whether a server that has lost its place in front of this frame would read it as a packet. A block of several frames is sent so that none
 * but its first begins like that: a server that gives up in the middle of a block (out of memory, a type that it does not know) goes on
 * with what comes next as a packet, and would otherwise run whatever query an agent has put there.
 */
export function beginsLikePacket(frame: Buffer): boolean {
  const [first = 0, second = 0] = frame;
  return first < FIRST_FREE_TYPE || (first >= 0x80 && (second & 0x7f) === 0);
}
