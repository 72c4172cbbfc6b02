// Answers that are owed to a client, in the order of its requests: one that is known early waits for those before it.

/** A place in the order. */
export interface Owed {
  run: (() => void) | null;
}

export class Answers {
  readonly #owed: Owed[] = [];

  get empty(): boolean {
    return this.#owed.length === 0;
  }

  /** Takes the next place. */
  owe(): Owed {
    const owed: Owed = { run: null };
    this.#owed.push(owed);
    return owed;
  }

  /** What that place stands for can be done, as soon as everything before it was. */
  pay(owed: Owed, run: () => void): void {
    owed.run = run;
    for (let first = this.#owed[0]; first !== undefined && first.run !== null; first = this.#owed[0]) {
      this.#owed.shift();
      first.run();
    }
  }

  /** Does it in its turn: now, when nothing is owed. */
  add(run: () => void): void {
    this.pay(this.owe(), run);
  }
}
