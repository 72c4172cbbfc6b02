// Where frames of WebSocket begin and end in one direction, without holding any of them: bytes that pass as they are can be followed, so
// that something of ours can stand between two frames, or a judgement begin with the next message.
import { OPCODE, takeHead } from './websocket-frames.ts';

const MAX_HEAD_BYTES = 14;
const NOTHING: Buffer = Buffer.alloc(0);

export class FrameFollower {
  readonly #from: 'client' | 'server';
  /** Bytes of the frame that are still to come, and the beginning of a head. */
  #rest = 0;
  #head: Buffer = NOTHING;
  #fragmented = false;
  #compressed = false;

  constructor(from: 'client' | 'server') {
    this.#from = from;
  }

  /** Between two frames. */
  get atBoundary(): boolean {
    return this.#rest === 0 && this.#head.length === 0;
  }

  /** Between two messages; control frames are none. */
  get betweenMessages(): boolean {
    return this.atBoundary && !this.#fragmented;
  }

  /** Some message was compressed. */
  get compressed(): boolean {
    return this.#compressed;
  }

  /** How many bytes were followed: all of them, or to the first place between two frames where that is asked for. A text: no frames. */
  follow(bytes: Buffer, untilBoundary: boolean): number | string {
    let at = 0;
    for (;;) {
      const skipped = Math.min(this.#rest, bytes.length - at);
      this.#rest -= skipped;
      at += skipped;
      if (at >= bytes.length || (untilBoundary && this.atBoundary)) {
        return at;
      }
      const before = this.#head.length;
      const head = Buffer.concat([this.#head, bytes.subarray(at, at + MAX_HEAD_BYTES - before)]);
      const take = takeHead(head, this.#from);
      if (take.kind === 'malformed') {
        return take.why;
      }
      if (take.kind === 'incomplete') {
        this.#head = head;
        return bytes.length;
      }
      const { headBytes, payloadBytes, opcode, fin, compressed } = take.value;
      this.#head = NOTHING;
      at += headBytes - before;
      this.#rest = payloadBytes;
      this.#compressed ||= compressed;
      if (opcode === OPCODE.continuation || opcode === OPCODE.text || opcode === OPCODE.binary) {
        this.#fragmented = !fin;
      }
    }
  }
}
