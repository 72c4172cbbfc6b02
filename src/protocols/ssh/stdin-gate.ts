// Stdin that has to be read before the program may run: held until its end, the cap, or the timeout. Silence is never taken for the end.
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Flow } from './flow.ts';
import type { SshRequestKind } from './request.ts';

export type Stdin = Extract<SshRequestKind, { readonly verb: 'shell' }>['stdin'];

export interface GateParts {
  readonly clock: Clock;
  readonly flow: Flow;
  readonly heldBytes: number;
  readonly timeoutMs: number;
}

export class StdinGate {
  readonly #parts: GateParts;
  readonly #timer: Timer;
  #done: ((stdin: Stdin) => void) | null;

  constructor(parts: GateParts, done: (stdin: Stdin) => void) {
    this.#parts = parts;
    this.#done = done;
    this.#timer = parts.clock.after(parts.timeoutMs, () => this.#release({ kind: 'cut', cause: 'incomplete' }));
    // One more than is held, so that a stream of exactly that length can be told from a longer one.
    parts.flow.allow(parts.heldBytes + 1);
  }

  /** More may have come. */
  look(): void {
    if (this.#parts.flow.queuedBytes > this.#parts.heldBytes) {
      this.#release({ kind: 'cut', cause: 'too_large' });
    }
  }

  /** It ended. */
  end(): void {
    this.#release({ kind: 'whole', bytes: this.#parts.flow.queued() });
  }

  /** Nobody asks any more. */
  cancel(): void {
    this.#done = null;
    this.#timer.cancel();
  }

  #release(stdin: Stdin): void {
    const done = this.#done;
    this.cancel();
    done?.(stdin);
  }
}
