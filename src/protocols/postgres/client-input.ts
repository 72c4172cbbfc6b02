// The client's bytes on their way upstream: where the next message begins, what has been sent, what has to wait, and what
// passes (or is dropped) without being held. It forwards slices of the chunks themselves, and copies only what came in pieces.
import { HEADER_BYTES, lengthAt } from './codec.ts';

const EMPTY = Buffer.alloc(0);

/** What stands at the front. */
export type Front = 'incomplete' | 'header' | 'streaming';

export class ClientInput {
  readonly #send: (bytes: Buffer) => void;
  #bytes: Buffer = EMPTY;
  /** Start of the message at the front, end of it (once its header is there), and start of what has not been sent. */
  #at = 0;
  #end = 0;
  #sent = 0;
  /** Pieces that wait for the rest of a message, or for a verdict. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Bytes that must be there before it is worth looking again. */
  #needed = HEADER_BYTES;
  /** Bytes of a message that pass or are dropped as they come. */
  #streaming = 0;
  #dropping = false;

  constructor(send: (bytes: Buffer) => void) {
    this.#send = send;
  }

  /** Nothing is held or half read. */
  get empty(): boolean {
    return this.#heldBytes === 0 && this.#streaming === 0 && this.#at === this.#bytes.length;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Type byte and length field of the message at the front; only when `front()` said `header`. */
  get type(): number {
    return this.#bytes[this.#at] ?? 0;
  }

  get length(): number {
    return lengthAt(this.#bytes, this.#at);
  }

  /** Bytes that are here from the front on. */
  get available(): number {
    return this.#bytes.length - this.#at;
  }

  /** The message at the front is here as a whole. */
  get whole(): boolean {
    return this.#end <= this.#bytes.length;
  }

  /** Body of the message at the front, as far as it is here. */
  get body(): Buffer {
    return this.#bytes.subarray(this.#at + HEADER_BYTES, this.#end);
  }

  /** Takes a chunk. False when there is nothing new to look at. `blocked`: a message waits, so everything behind it does. */
  add(bytes: Buffer, blocked: boolean): boolean {
    if (!blocked && this.#heldBytes === 0) {
      this.#begin(bytes);
      return true;
    }
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    return !blocked && this.#takeHeld();
  }

  /** What stands at the front. Passes on (or drops) what streams. */
  front(): Front {
    if (this.#streaming > 0) {
      return this.#stream();
    }
    if (this.available < HEADER_BYTES) {
      this.#needed = HEADER_BYTES;
      return 'incomplete';
    }
    this.#end = this.#at + 1 + this.length;
    return 'header';
  }

  /** It is not worth looking again before this many bytes of the message are here. */
  need(bytes: number): void {
    this.#needed = bytes;
  }

  /** Keeps what is left over, and goes on with what arrived meanwhile. True when there is something to look at. */
  refill(): boolean {
    const more = this.#held.length > 0;
    const rest = this.available;
    if (rest > 0) {
      this.#held.unshift(this.#bytes.subarray(this.#at));
      this.#heldBytes += rest;
    }
    this.#begin(EMPTY);
    return more && this.#takeHeld();
  }

  /** Sends everything in front of the message at the front. */
  flush(): void {
    if (this.#at > this.#sent) {
      const whole = this.#sent === 0 && this.#at === this.#bytes.length;
      this.#send(whole ? this.#bytes : this.#bytes.subarray(this.#sent, this.#at));
      this.#sent = this.#at;
    }
  }

  /** The message at the front may go out, with the next flush. What of it has not arrived follows as it comes. */
  pass(): void {
    const here = Math.min(this.#end, this.#bytes.length);
    this.#streaming = this.#end - here;
    this.#dropping = false;
    this.#at = here;
  }

  /** Leaves the message at the front out, with whatever of it is still to come. */
  leaveOut(): void {
    this.flush();
    const here = Math.min(this.#end, this.#bytes.length);
    this.#streaming = this.#end - here;
    this.#dropping = true;
    this.#at = here;
    this.#sent = here;
  }

  #begin(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#at = 0;
    this.#sent = 0;
  }

  #takeHeld(): boolean {
    if (this.#heldBytes < this.#needed) {
      return false;
    }
    const only = this.#held.length === 1 ? this.#held[0] : undefined;
    this.#begin(only ?? Buffer.concat(this.#held));
    this.#held = [];
    this.#heldBytes = 0;
    return true;
  }

  #stream(): Front {
    const taken = Math.min(this.available, this.#streaming);
    this.#streaming -= taken;
    this.#at += taken;
    if (this.#dropping) {
      this.#sent = this.#at;
    }
    if (this.#streaming > 0) {
      this.#needed = 1;
      return 'incomplete';
    }
    return 'streaming';
  }
}
