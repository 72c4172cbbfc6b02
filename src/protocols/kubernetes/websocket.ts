// WebSocket frames (RFC 6455), as far as an upgraded stream of Kubernetes needs them: whole frames of one direction, with a bound.
// Nothing is decompressed: the API server offers no extension.

export type Opcode = 'continuation' | 'text' | 'binary' | 'close' | 'ping' | 'pong';

export interface WebSocketFrame {
  readonly opcode: Opcode;
  readonly final: boolean;
  /** Masking taken off. */
  readonly payload: Buffer;
  /** Key of the frame when it was masked. */
  readonly mask: Buffer | null;
  /** As received. */
  readonly raw: Buffer;
}

export type TakenFrame =
  /** `wantedBytes`: so many must be there before it is worth another look. */
  | { readonly kind: 'incomplete'; readonly wantedBytes: number }
  | { readonly kind: 'malformed'; readonly why: string }
  | { readonly kind: 'frame'; readonly frame: WebSocketFrame };

/** Frames of kubectl and of the server are at most 64 KiB; more is held from nobody. */
const MAX_FRAME_BYTES = 4 * 1024 * 1024;

const OPCODES: Readonly<Record<number, Opcode>> = {
  0: 'continuation',
  1: 'text',
  2: 'binary',
  8: 'close',
  9: 'ping',
  10: 'pong',
};

/** The first frame of `bytes`. `masked`: whether frames of this direction must be (those of clients must). */
export function takeWebSocketFrame(bytes: Buffer, masked: boolean): TakenFrame {
  const [first, second] = bytes;
  if (first === undefined || second === undefined) {
    return { kind: 'incomplete', wantedBytes: 2 };
  }
  const opcode = OPCODES[first & 0x0f];
  if (opcode === undefined || (first & 0x70) !== 0) {
    return { kind: 'malformed', why: 'a WebSocket frame with an unknown opcode or extension' };
  }
  if (((second & 0x80) !== 0) !== masked) {
    return { kind: 'malformed', why: `a WebSocket frame that is ${masked ? 'not ' : ''}masked` };
  }
  const length = second & 0x7f;
  const control = (first & 0x08) !== 0;
  if (control && (length > 125 || (first & 0x80) === 0)) {
    return { kind: 'malformed', why: 'a WebSocket control frame that is too long or in pieces' };
  }
  const headBytes = 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + (masked ? 4 : 0);
  if (bytes.length < headBytes) {
    return { kind: 'incomplete', wantedBytes: headBytes };
  }
  const size = length === 126 ? bytes.readUInt16BE(2) : length === 127 ? Number(bytes.readBigUInt64BE(2)) : length;
  if (size > MAX_FRAME_BYTES) {
    return { kind: 'malformed', why: `a WebSocket frame of ${size} bytes` };
  }
  if (bytes.length < headBytes + size) {
    return { kind: 'incomplete', wantedBytes: headBytes + size };
  }
  const mask = masked ? bytes.subarray(headBytes - 4, headBytes) : null;
  const content = bytes.subarray(headBytes, headBytes + size);
  const payload = mask === null ? content : applyMask(content, mask);
  const raw = bytes.subarray(0, headBytes + size);
  return { kind: 'frame', frame: { opcode, final: (first & 0x80) !== 0, payload, mask, raw } };
}

/** One whole message as a server sends it. */
export function serverFrame(kind: 'text' | 'binary', payload: Buffer): Buffer {
  return Buffer.concat([frameHead(kind === 'text' ? 0x81 : 0x82, 0, payload.length), payload]);
}

/** One whole binary message; masked with the key where there is one. */
export function binaryFrame(payload: Buffer, mask: Buffer | null): Buffer {
  const head = frameHead(0x82, mask === null ? 0 : 0x80, payload.length);
  return mask === null ? Buffer.concat([head, payload]) : Buffer.concat([head, mask, applyMask(payload, mask)]);
}

function frameHead(first: number, flag: number, size: number): Buffer {
  return size < 126
    ? Buffer.from([first, flag | size])
    : size < 0x1_0000
      ? Buffer.from([first, flag | 126, size >> 8, size & 0xff])
      : Buffer.concat([Buffer.from([first, flag | 127]), longSize(size)]);
}

function longSize(size: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(size));
  return bytes;
}

function applyMask(bytes: Buffer, mask: Buffer): Buffer {
  const result = Buffer.from(bytes);
  for (let at = 0; at < result.length; at += 1) {
    result[at] = (result[at] ?? 0) ^ (mask[at % 4] ?? 0);
  }
  return result;
}
