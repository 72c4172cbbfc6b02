// What one condition may cost. A step is one turn of a macro, one element looked at by `in`, or a stretch of text.
// The caps are far above any sensible rule (a thousand tables against a hundred names is a hundred thousand): they only make
// sure that a crafted request cannot hold the event loop. Measured on 2 busy cores, an exhausted budget costs 30 to 200 ms.

export const MAX_STEPS = 200_000;
/** Characters that are scanned for the price of one step. */
const CHARS_PER_STEP = 64;

export class Budget {
  #left = MAX_STEPS;

  refill(): void {
    this.#left = MAX_STEPS;
  }

  /** False when the budget is exhausted; it stays so until the next condition. */
  spend(steps: number): boolean {
    this.#left -= steps;
    return this.#left >= 0;
  }

  /** Pays for scanning or making `chars` characters. */
  spendText(chars: number): boolean {
    return this.spend(chars / CHARS_PER_STEP);
  }
}
