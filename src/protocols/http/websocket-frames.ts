// Frames of WebSocket (RFC 6455, 5.2), taken from the front of a buffer. Strict: what a peer might read otherwise is malformed.

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** One message, compressed or not, is held up to this. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const MAX_CONTROL_BYTES = 125;
const MASK_BYTES = 4;

export interface FrameHead {
  readonly fin: boolean;
  /** The first reserved bit: compressed, where that was agreed on. */
  readonly compressed: boolean;
  readonly opcode: number;
  readonly headBytes: number;
  readonly payloadBytes: number;
  /** Null in frames of the server. */
  readonly mask: Buffer | null;
}

export type Take<T> =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'malformed'; readonly why: string }
  | { readonly kind: 'taken'; readonly value: T };

const INCOMPLETE = { kind: 'incomplete' } as const;
const OPCODES: ReadonlySet<number> = new Set(Object.values(OPCODE));

/** The head of the first frame. Clients mask and servers do not (5.1). */
export function takeHead(bytes: Buffer, from: 'client' | 'server'): Take<FrameHead> {
  const [first = 0, second = 0] = bytes;
  if (bytes.length < 2) {
    return INCOMPLETE;
  }
  const masked = (second & 0x80) !== 0;
  const short = second & 0x7f;
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  const headBytes = 2 + lengthBytes + (masked ? MASK_BYTES : 0);
  const opcode = first & 0x0f;
  const fin = (first & 0x80) !== 0;
  const isControl = (opcode & 8) !== 0;
  const why = faultOf({ first, opcode, fin, short, masked }, from);
  if (why !== null) {
    return { kind: 'malformed', why };
  }
  if (bytes.length < headBytes) {
    return INCOMPLETE;
  }
  const payloadBytes = lengthBytes === 0 ? short : lengthOf(bytes, lengthBytes);
  if (payloadBytes === null) {
    return { kind: 'malformed', why: 'the length of a frame is not written in the shortest way, or too large' };
  }
  return {
    kind: 'taken',
    value: {
      fin,
      compressed: !isControl && (first & 0x40) !== 0,
      opcode,
      headBytes,
      payloadBytes,
      mask: masked ? Buffer.from(bytes.subarray(headBytes - MASK_BYTES, headBytes)) : null,
    },
  };
}

interface FirstBytes {
  readonly first: number;
  readonly opcode: number;
  readonly fin: boolean;
  readonly short: number;
  readonly masked: boolean;
}

function faultOf({ first, opcode, fin, short, masked }: FirstBytes, from: 'client' | 'server'): string | null {
  const isControl = (opcode & 8) !== 0;
  if (!OPCODES.has(opcode) || (first & 0x30) !== 0) {
    return 'a frame uses a reserved opcode or bit';
  }
  if (isControl && (!fin || short > MAX_CONTROL_BYTES || (first & 0x40) !== 0)) {
    return 'a control frame is cut, compressed or longer than 125 bytes';
  }
  return masked === (from === 'client') ? null : `a frame of the ${from} is ${masked ? '' : 'not '}masked`;
}

/** Null: a shorter form would have done, or it is beyond exact integers. */
function lengthOf(bytes: Buffer, lengthBytes: number): number | null {
  if (lengthBytes === 2) {
    const length = bytes.readUInt16BE(2);
    return length > MAX_CONTROL_BYTES ? length : null;
  }
  const length = bytes.readBigUInt64BE(2);
  return length > 0xffffn && length <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(length) : null;
}

/** The payload without its mask, in a buffer of its own. Four bytes at a time: a long message is in the main thread's way. */
export function unmask(payload: Buffer, mask: Buffer | null): Buffer {
  if (mask === null) {
    return Buffer.from(payload);
  }
  const words = new Uint32Array(Math.ceil(payload.length / 4));
  const plain = Buffer.from(words.buffer, 0, payload.length);
  payload.copy(plain);
  // The machine's own order on both sides of the exclusive or.
  const [word = 0] = new Uint32Array(Uint8Array.from(mask).buffer);
  for (let index = 0; index < words.length; index += 1) {
    words[index] = (words[index] ?? 0) ^ word;
  }
  return plain;
}

/** A Close frame. Towards the upstream it is masked, with zeros: what it hides from caches is ours and always the same. */
export function closeFrame(code: number, reason: string, to: 'client' | 'upstream'): Buffer {
  const text = Buffer.from(reason, 'utf8').subarray(0, MAX_CONTROL_BYTES - 2 - 3);
  // Cut at a whole character.
  const cut = Buffer.from(text.toString('utf8').replace(/\ufffd+$/, ''), 'utf8');
  const masked = to === 'upstream';
  const head = Buffer.from([
    0x80 | OPCODE.close,
    (masked ? 0x80 : 0) | (cut.length + 2),
    ...(masked ? [0, 0, 0, 0] : []),
  ]);
  return Buffer.concat([head, Buffer.from([code >> 8, code & 0xff]), cut]);
}
