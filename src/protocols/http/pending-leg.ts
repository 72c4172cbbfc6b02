// The leg of an exchange while its upstream connection is being made. What is written meanwhile waits.
import type { Leg, LegEvents } from './sides.ts';

export class PendingLeg implements Leg {
  readonly #events: LegEvents;
  readonly #abort = new AbortController();
  #leg: Leg | null = null;
  #waiting: Buffer[] = [];
  #ended = false;
  #flowing = true;
  /** Nobody wants the connection any more. */
  cancelled = false;

  constructor(events: LegEvents) {
    this.#events = events;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  write(bytes: Buffer): boolean {
    if (this.#leg !== null) {
      return this.#leg.write(bytes);
    }
    this.#waiting.push(bytes);
    return false;
  }

  end(): void {
    this.#ended = true;
    this.#leg?.end();
  }

  setFlow(flowing: boolean): void {
    this.#flowing = flowing;
    this.#leg?.setFlow(flowing);
  }

  cancel(): void {
    this.cancelled = true;
    this.#abort.abort();
    this.#leg?.cancel();
  }

  /** The head has gone. */
  connected(leg: Leg): void {
    this.#leg = leg;
    leg.setFlow(this.#flowing);
    const full = this.#waiting.map((bytes) => leg.write(bytes)).includes(false);
    this.#waiting = [];
    if (this.#ended) {
      leg.end();
    } else if (!full) {
      this.#events.writable();
    }
  }

  failed(why: string): void {
    if (!this.cancelled) {
      this.#events.failed({ kind: 'unreachable', why, reused: false });
    }
  }
}
