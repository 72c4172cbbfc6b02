// What passes between the two halves of a run over one stream: datagrams of the tunnel, and messages. Pure.

/** A datagram to or from the gateway, or a JSON message. */
export type Frame =
  | { readonly kind: 'datagram'; readonly bytes: Buffer }
  | { readonly kind: 'message'; readonly value: unknown };

const HEADER_BYTES = 5;
const DATAGRAM = 0;
const MESSAGE = 1;
const MAX_DATAGRAM_BYTES = 65_535;
/** A plan holds every certificate that this machine trusts, and the environment. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** Kind (one byte), length (four, big-endian), content. Throws RangeError for content that is too long. */
export function writeFrame(frame: Frame): Buffer {
  const content = frame.kind === 'datagram' ? frame.bytes : Buffer.from(JSON.stringify(frame.value));
  if (content.length > capOf(frame.kind === 'datagram' ? DATAGRAM : MESSAGE)) {
    throw new RangeError(`${content.length} bytes are more than a frame holds`);
  }
  const header = Buffer.alloc(HEADER_BYTES);
  header[0] = frame.kind === 'datagram' ? DATAGRAM : MESSAGE;
  header.writeUInt32BE(content.length, 1);
  return Buffer.concat([header, content]);
}

/** Puts frames together from pieces of any size. */
export class FrameReader {
  #held: Buffer = Buffer.alloc(0);

  /** The frames that are whole now; null when what came is none, after which nothing more can be read. */
  push(chunk: Buffer): readonly Frame[] | null {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const frames: Frame[] = [];
    let at = 0;
    while (this.#held.length - at >= HEADER_BYTES) {
      const length = this.#held.readUInt32BE(at + 1);
      const end = at + HEADER_BYTES + length;
      if (length > capOf(this.#held[at])) {
        return null;
      }
      if (this.#held.length < end) {
        break;
      }
      const frame = readFrame(this.#held[at], this.#held.subarray(at + HEADER_BYTES, end));
      if (frame === null) {
        return null;
      }
      frames.push(frame);
      at = end;
    }
    this.#held = this.#held.subarray(at);
    return frames;
  }
}

function capOf(kind: number | undefined): number {
  return kind === MESSAGE ? MAX_MESSAGE_BYTES : MAX_DATAGRAM_BYTES;
}

function readFrame(kind: number | undefined, content: Buffer): Frame | null {
  if (kind === DATAGRAM) {
    return { kind: 'datagram', bytes: content };
  }
  try {
    return kind === MESSAGE ? { kind: 'message', value: JSON.parse(content.toString('utf8')) as unknown } : null;
  } catch {
    return null;
  }
}
