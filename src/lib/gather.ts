// Bytes of a stream that are not used yet. A reader that says how many it needs sees them in one buffer only when they are there: what
// comes in tiny chunks is copied once, and not once for each chunk.

const NOTHING: Buffer = Buffer.alloc(0);

export class Gatherer {
  #front: Buffer = NOTHING;
  #chunks: Buffer[] = [];
  #chunkBytes = 0;
  #wantedBytes = 0;

  /** All that is there and not used. */
  get size(): number {
    return this.#front.length + this.#chunkBytes;
  }

  /** What is there in one buffer, or null while it is less than was asked for. The chunk itself may be kept: it must not change. */
  add(chunk: Buffer): Buffer | null {
    if (this.size + chunk.length < this.#wantedBytes) {
      this.#chunks.push(chunk);
      this.#chunkBytes += chunk.length;
      return null;
    }
    const whole = this.size === 0 ? chunk : Buffer.concat([this.#front, ...this.#chunks, chunk]);
    this.#chunks = [];
    this.#chunkBytes = 0;
    this.#front = whole;
    this.#wantedBytes = 0;
    return whole;
  }

  /** What of the last buffer is not used; `wantedBytes`, with those, must be there before the next is given. */
  keep(rest: Buffer, wantedBytes: number): void {
    this.#front = rest;
    this.#wantedBytes = wantedBytes;
  }
}

/** Puts what comes behind what is not used yet, each byte copied a bounded number of times however small the pieces are. */
export class Appender {
  #slab: Buffer = NOTHING;
  #end = 0;

  /** `rest`: the end of what was given last. The buffer is the caller's; only bytes behind it are written later. */
  append(rest: Buffer, chunk: Buffer): Buffer {
    if (rest.length === 0) {
      return chunk;
    }
    const start = rest.byteOffset - this.#slab.byteOffset;
    const follows = rest.buffer === this.#slab.buffer && start + rest.length === this.#end;
    if (follows && this.#end + chunk.length <= this.#slab.length) {
      chunk.copy(this.#slab, this.#end);
      this.#end += chunk.length;
      return this.#slab.subarray(start, this.#end);
    }
    this.#end = rest.length + chunk.length;
    this.#slab = Buffer.allocUnsafeSlow(2 * this.#end);
    rest.copy(this.#slab);
    chunk.copy(this.#slab, rest.length);
    return this.#slab.subarray(0, this.#end);
  }
}
