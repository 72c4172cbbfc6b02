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
