// A request's body while it is held for judging: up to the cap, and then no more. Pure.
import type { BodyReading } from './request.ts';

/** Shorter pieces are copied together: an object for each of a million of them would weigh a hundred times what they hold. */
const SMALL_BYTES = 4 * 1024;
const SLAB_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(0);

export class BodyHolder {
  /** The body is whole. */
  ended = false;
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Where short pieces go, and how much of it is used; what is used stands behind the chunks. */
  #slab = NOTHING;
  #used = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** False when it is over the cap: no more should come. What comes all the same is kept, since it is to be sent. */
  add(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    if (chunk.length >= SMALL_BYTES) {
      this.#seal();
      this.#chunks.push(chunk);
    } else {
      this.#addSmall(chunk);
    }
    return this.#bytes <= this.#maxBytes;
  }

  #addSmall(chunk: Buffer): void {
    if (this.#used + chunk.length > this.#slab.length) {
      this.#seal();
      // Most bodies are short and come in one piece.
      const size = this.#bytes === chunk.length ? SMALL_BYTES : SLAB_BYTES;
      this.#slab = Buffer.allocUnsafe(size);
      this.#used = 0;
    }
    chunk.copy(this.#slab, this.#used);
    this.#used += chunk.length;
  }

  /** The used part of the slab becomes a chunk; what is free of it stays to be used. */
  #seal(): void {
    if (this.#used > 0) {
      this.#chunks.push(this.#slab.subarray(0, this.#used));
      this.#slab = this.#slab.subarray(this.#used);
      this.#used = 0;
    }
  }

  /** What is there. `broken`: the rest will not come. */
  reading(broken: boolean): BodyReading {
    this.#seal();
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
