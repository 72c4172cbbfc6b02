// A request's body while it is held for judging: up to the cap, and then no more. Pure.
import type { BodyReading } from './request.ts';

export class BodyHolder {
  /** The body is whole. */
  ended = false;
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** False when it is over the cap: no more should come. What comes all the same is kept, since it is to be sent. */
  add(chunk: Buffer): boolean {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    return this.#bytes <= this.#maxBytes;
  }

  /** What is there. `broken`: the rest will not come. */
  reading(broken: boolean): BodyReading {
    if (this.#chunks.length > 1) {
      this.#chunks = [Buffer.concat(this.#chunks)];
    }
    const bytes = this.#chunks[0] ?? Buffer.alloc(0);
    if (this.ended && this.#bytes <= this.#maxBytes) {
      return { kind: 'whole', bytes };
    }
    return { kind: 'cut', cause: broken && this.#bytes <= this.#maxBytes ? 'incomplete' : 'too_large', bytes };
  }
}
