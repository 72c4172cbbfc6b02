// SFTP version 3 (draft-ietf-secsh-filexfer-02, and OpenSSH's PROTOCOL for its extensions): frames out of a stream, requests out of frames.
// Bounded and total: a frame that is too long, or whose fields do not end where it does, is malformed.
import { WireReader, writeFields } from './wire.ts';
import type { Field } from './wire.ts';

/** OpenSSH's own limit (SFTP_MAX_MSG_LENGTH); without the four bytes of the length. */
export const MAX_FRAME_BYTES = 256 * 1024;
/** A type and a number at least. */
const MIN_FRAME_BYTES = 5;
/** Enough for everything of a WRITE or DATA but its bytes: handles have at most 256. */
const HEAD_BYTES = 4 + 1 + 4 + 4 + 256 + 8 + 4;
const MAX_HANDLE_BYTES = 256;

export const SFTP_TYPE = {
  init: 1,
  version: 2,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  fstat: 8,
  setstat: 9,
  fsetstat: 10,
  opendir: 11,
  readdir: 12,
  remove: 13,
  mkdir: 14,
  rmdir: 15,
  realpath: 16,
  stat: 17,
  rename: 18,
  readlink: 19,
  symlink: 20,
  status: 101,
  handle: 102,
  data: 103,
  extended: 200,
} as const;

/** Codes of SSH_FXP_STATUS. */
export const SFTP_STATUS = { ok: 0, eof: 1, permissionDenied: 3, failure: 4, unsupported: 8 } as const;

/** One frame as it came. */
export interface Frame {
  readonly type: number;
  /** Number of the request; for INIT and VERSION the version. */
  readonly id: number;
  /** The whole frame with its length, in the pieces in which it came. */
  readonly pieces: readonly Buffer[];
  readonly sizeBytes: number;
}

/** Cuts a stream into frames. Any cutting of the stream gives the same frames. */
export class FrameReader {
  #pieces: Buffer[] = [];
  #haveBytes = 0;
  #needBytes: number | null = null;
  #broken = false;

  /** Bytes of a frame that has not come to its end. */
  get heldBytes(): number {
    return this.#haveBytes;
  }

  /** Calls for each frame that is complete now. False when the stream cannot be read, now or before. */
  read(bytes: Buffer, frame: (frame: Frame) => void): boolean {
    let rest = bytes;
    while (rest.length > 0 && !this.#broken) {
      const missing = (this.#needBytes ?? 4) - this.#haveBytes;
      const taken = rest.subarray(0, missing);
      rest = rest.subarray(taken.length);
      this.#pieces.push(taken);
      this.#haveBytes += taken.length;
      if (taken.length < missing) {
        break;
      }
      if (this.#needBytes === null) {
        this.#needBytes = 4 + join(this.#pieces, 4).readUInt32BE(0);
        this.#broken = this.#needBytes < 4 + MIN_FRAME_BYTES || this.#needBytes > 4 + MAX_FRAME_BYTES;
      } else {
        this.#finish(frame);
      }
    }
    return !this.#broken;
  }

  #finish(frame: (frame: Frame) => void): void {
    const pieces = this.#pieces;
    const head = join(pieces, 9);
    const sizeBytes = this.#haveBytes;
    this.#pieces = [];
    this.#haveBytes = 0;
    this.#needBytes = null;
    frame({ type: head[4] ?? 0, id: head.readUInt32BE(5), pieces, sizeBytes });
  }
}

/** The first bytes of pieces, in one. */
function join(pieces: readonly Buffer[], atLeast: number): Buffer {
  const [first] = pieces;
  return first !== undefined && (first.length >= atLeast || pieces.length === 1) ? first : Buffer.concat(pieces);
}

/** The head of a frame that carries bytes. */
function headOf({ pieces, sizeBytes }: Frame): Buffer {
  const wanted = Math.min(sizeBytes, HEAD_BYTES);
  const [first] = pieces;
  if (first !== undefined && first.length >= wanted) {
    return first;
  }
  const parts: Buffer[] = [];
  let have = 0;
  for (const piece of pieces) {
    parts.push(piece);
    have += piece.length;
    if (have >= wanted) {
      break;
    }
  }
  return Buffer.concat(parts);
}

/** A request, as far as judging needs it. Paths and handles are views. */
export type SftpCall =
  | { readonly kind: 'open'; readonly path: Buffer; readonly flags: number }
  | { readonly kind: 'path'; readonly type: number; readonly path: Buffer }
  | { readonly kind: 'paths'; readonly type: number; readonly path: Buffer; readonly target: Buffer }
  | { readonly kind: 'handle'; readonly type: number; readonly handle: Buffer; readonly sizeBytes: number }
  | { readonly kind: 'extended'; readonly name: string; readonly data: Buffer };

/** What a client asks for, or null when it cannot be read, or is of no type that there is. */
export function parseCall(frame: Frame): SftpCall | null {
  if (frame.type === SFTP_TYPE.write) {
    return parseWrite(frame);
  }
  const reader = new WireReader(join(frame.pieces, frame.sizeBytes), 9);
  const call = readCall(frame.type, reader);
  return call !== null && reader.done ? call : null;
}

function parseWrite(frame: Frame): SftpCall | null {
  const reader = new WireReader(headOf(frame), 9);
  const handle = reader.string();
  reader.uint64();
  const sizeBytes = reader.uint32();
  return reader.intact && handle.length <= MAX_HANDLE_BYTES && reader.at + sizeBytes === frame.sizeBytes
    ? { kind: 'handle', type: SFTP_TYPE.write, handle, sizeBytes }
    : null;
}

function readCall(type: number, reader: WireReader): SftpCall | null {
  switch (type) {
    case SFTP_TYPE.open: {
      const path = reader.string();
      const flags = reader.uint32();
      return readAttributes(reader) ? { kind: 'open', path, flags } : null;
    }
    case SFTP_TYPE.setstat:
    case SFTP_TYPE.mkdir: {
      const path = reader.string();
      return readAttributes(reader) ? { kind: 'path', type, path } : null;
    }
    case SFTP_TYPE.lstat:
    case SFTP_TYPE.opendir:
    case SFTP_TYPE.remove:
    case SFTP_TYPE.rmdir:
    case SFTP_TYPE.realpath:
    case SFTP_TYPE.stat:
    case SFTP_TYPE.readlink:
      return { kind: 'path', type, path: reader.string() };
    case SFTP_TYPE.rename:
    case SFTP_TYPE.symlink: {
      const path = reader.string();
      return { kind: 'paths', type, path, target: reader.string() };
    }
    case SFTP_TYPE.close:
    case SFTP_TYPE.fstat:
    case SFTP_TYPE.readdir:
      return { kind: 'handle', type, handle: reader.string(), sizeBytes: 0 };
    case SFTP_TYPE.read: {
      const handle = reader.string();
      reader.uint64();
      return { kind: 'handle', type, handle, sizeBytes: reader.uint32() };
    }
    case SFTP_TYPE.fsetstat: {
      const handle = reader.string();
      return readAttributes(reader) ? { kind: 'handle', type, handle, sizeBytes: 0 } : null;
    }
    case SFTP_TYPE.extended:
      return { kind: 'extended', name: reader.name(), data: reader.rest() };
    default:
      return null;
  }
}

const ATTRIBUTE = { size: 1, ids: 2, permissions: 4, times: 8, extended: 0x8000_0000 } as const;

/** ATTRS of version 3. */
function readAttributes(reader: WireReader): boolean {
  const flags = reader.uint32();
  if ((flags & ATTRIBUTE.size) !== 0) {
    reader.uint64();
  }
  if ((flags & ATTRIBUTE.ids) !== 0) {
    reader.uint64();
  }
  if ((flags & ATTRIBUTE.permissions) !== 0) {
    reader.uint32();
  }
  if ((flags & ATTRIBUTE.times) !== 0) {
    reader.uint64();
  }
  if ((flags & ATTRIBUTE.extended) !== 0) {
    for (let count = reader.uint32(); count > 0 && reader.intact; count -= 1) {
      reader.string();
      reader.string();
    }
  }
  return reader.intact && (flags & ~(ATTRIBUTE.extended | 15)) === 0;
}

/** What an extended request of OpenSSH acts on. */
export type ExtendedCall =
  | { readonly kind: 'none' }
  | { readonly kind: 'path'; readonly path: Buffer }
  | { readonly kind: 'paths'; readonly path: Buffer; readonly target: Buffer }
  | { readonly kind: 'handle'; readonly handle: Buffer }
  | { readonly kind: 'handles'; readonly from: Buffer; readonly to: Buffer };

/** Extensions that are understood, and so let through; null for any other, and for what is malformed. */
export function parseExtended(name: string, data: Buffer): ExtendedCall | null {
  const reader = new WireReader(data);
  const call = readExtended(name, reader);
  return call !== null && reader.done ? call : null;
}

export const EXTENSIONS: readonly string[] = [
  'posix-rename@openssh.com',
  'hardlink@openssh.com',
  'statvfs@openssh.com',
  'fstatvfs@openssh.com',
  'fsync@openssh.com',
  'lsetstat@openssh.com',
  'limits@openssh.com',
  'expand-path@openssh.com',
  'copy-data',
  'home-directory',
  'users-groups-by-id@openssh.com',
];

function readExtended(name: string, reader: WireReader): ExtendedCall | null {
  switch (name) {
    case 'posix-rename@openssh.com':
    case 'hardlink@openssh.com': {
      const path = reader.string();
      return { kind: 'paths', path, target: reader.string() };
    }
    case 'statvfs@openssh.com':
    case 'expand-path@openssh.com':
      return { kind: 'path', path: reader.string() };
    case 'lsetstat@openssh.com': {
      const path = reader.string();
      return readAttributes(reader) ? { kind: 'path', path } : null;
    }
    case 'fstatvfs@openssh.com':
    case 'fsync@openssh.com':
      return { kind: 'handle', handle: reader.string() };
    case 'copy-data': {
      const from = reader.string();
      reader.uint64();
      reader.uint64();
      const to = reader.string();
      reader.uint64();
      return { kind: 'handles', from, to };
    }
    case 'limits@openssh.com':
      return { kind: 'none' };
    case 'home-directory':
      reader.string();
      return { kind: 'none' };
    case 'users-groups-by-id@openssh.com':
      reader.string();
      reader.string();
      return { kind: 'none' };
    default:
      return null;
  }
}

/** A frame of our own. */
export function writeFrame(type: number, fields: readonly Field[]): Buffer {
  const body = writeFields([{ byte: type }, ...fields]);
  return writeFields([{ string: body }]);
}

/** SSH_FXP_STATUS. */
export function statusFrame(id: number, code: number, text: string): Buffer {
  return writeFrame(SFTP_TYPE.status, [{ uint32: id }, { uint32: code }, { string: text }, { string: '' }]);
}

/** What a server says of itself, or null when malformed. */
export function parseVersion(frame: Frame): readonly (readonly [name: string, data: Buffer])[] | null {
  const reader = new WireReader(join(frame.pieces, frame.sizeBytes), 9);
  const pairs: [string, Buffer][] = [];
  while (!reader.done && reader.intact && pairs.length < 256) {
    const name = reader.name();
    pairs.push([name, reader.string()]);
  }
  return reader.done ? pairs : null;
}

/** Code of an SSH_FXP_STATUS. */
export function statusCode(frame: Frame): number {
  return new WireReader(join(frame.pieces, 13), 9).uint32();
}

/** Handle of an SSH_FXP_HANDLE, or null when malformed. */
export function parseHandle(frame: Frame): Buffer | null {
  const reader = new WireReader(join(frame.pieces, frame.sizeBytes), 9);
  const handle = reader.string();
  return reader.done && handle.length > 0 && handle.length <= MAX_HANDLE_BYTES ? handle : null;
}
