// One Zstandard frame (RFC 8878) as HTTP allows it (RFC 9659). Node 20 cannot decode zstd; fzstd can, and takes more than libzstd
// does. So what it does not look at is checked here first: one frame and nothing behind it, no dictionary, the window, and the
// length of every block. The checksum is not verified: a body that fails it is refused by the upstream.
import { Decompress } from 'fzstd';

const MAGIC = 0xfd2fb528;
/** RFC 9659: a decoder for HTTP need not take more, so some refuse what others read. */
const MAX_WINDOW_BYTES = 8 * 1024 * 1024;
const MAX_BLOCK_BYTES = 128 * 1024;
const MAX_CONTENT_SIZE = 0x7fff_ffff;
const CHECKSUM_BYTES = 4;
const BLOCK_HEADER_BYTES = 3;

const RLE_BLOCK = 1;
const RESERVED_BLOCK = 3;

interface Frame {
  /** Where the first block begins. */
  readonly blocks: number;
  readonly hasChecksum: boolean;
  /** Bytes of the decoded content where the header tells them, else null. */
  readonly contentSize: number | null;
  readonly maxBlockBytes: number;
}

/** Thrown through fzstd, which has no other way to be stopped. */
const TOO_LONG = new Error('longer than was asked for');

/**
 * The content of exactly one frame. Null: it is none, is corrupt, or needs what HTTP does not have. A result of `maxBytes` bytes
 * stands for one that is at least as long.
 */
export function decodeZstd(bytes: Buffer, maxBytes: number): Buffer | null {
  const frame = readFrame(bytes);
  if (frame === null || !blocksFill(bytes, frame)) {
    return null;
  }
  if (frame.contentSize !== null && frame.contentSize >= maxBytes) {
    return Buffer.alloc(maxBytes);
  }
  const parts: Uint8Array[] = [];
  let size = 0;
  const decoder = new Decompress((part) => {
    size += part.length;
    if (size >= maxBytes || part.length > frame.maxBlockBytes) {
      throw TOO_LONG;
    }
    parts.push(part);
  });
  try {
    decoder.push(bytes, true);
  } catch (error) {
    return error === TOO_LONG && size >= maxBytes ? Buffer.alloc(maxBytes) : null;
  }
  const content = Buffer.concat(parts);
  return frame.contentSize === null || frame.contentSize === content.length ? content : null;
}

/** The frame header (RFC 8878, 3.1.1.1). */
function readFrame(bytes: Buffer): Frame | null {
  if (bytes.length < 6 || bytes.readUInt32LE(0) !== MAGIC) {
    return null;
  }
  const descriptor = bytes[4] ?? 0;
  const singleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  // A dictionary is something that both sides agreed on elsewhere, and the reserved bit must be 0.
  if ((descriptor & 0x0b) !== 0) {
    return null;
  }
  const sizeBytes = sizeFlag === 0 ? (singleSegment ? 1 : 0) : 1 << sizeFlag;
  const sizeAt = singleSegment ? 5 : 6;
  const blocks = sizeAt + sizeBytes;
  if (bytes.length < blocks) {
    return null;
  }
  const contentSize = sizeBytes === 0 ? null : readSize(bytes, sizeAt, sizeBytes);
  const window = singleSegment ? (contentSize ?? 0) : windowOf(bytes[5] ?? 0);
  if (window > MAX_WINDOW_BYTES || (contentSize !== null && contentSize > MAX_CONTENT_SIZE)) {
    return null;
  }
  return {
    blocks,
    hasChecksum: (descriptor & 4) !== 0,
    contentSize,
    maxBlockBytes: Math.min(window, MAX_BLOCK_BYTES),
  };
}

function readSize(bytes: Buffer, at: number, sizeBytes: number): number {
  if (sizeBytes === 8) {
    return Number(bytes.readBigUInt64LE(at));
  }
  return bytes.readUIntLE(at, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
}

function windowOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

/** Whether the blocks are of known kinds and sizes and end where the bytes end. */
function blocksFill(bytes: Buffer, frame: Frame): boolean {
  let at = frame.blocks;
  for (;;) {
    if (at + BLOCK_HEADER_BYTES > bytes.length) {
      return false;
    }
    const header = bytes.readUIntLE(at, BLOCK_HEADER_BYTES);
    const kind = (header >> 1) & 3;
    const size = header >> 3;
    if (kind === RESERVED_BLOCK || size > frame.maxBlockBytes) {
      return false;
    }
    at += BLOCK_HEADER_BYTES + (kind === RLE_BLOCK ? 1 : size);
    if ((header & 1) !== 0) {
      return at + (frame.hasChecksum ? CHECKSUM_BYTES : 0) === bytes.length;
    }
  }
}
