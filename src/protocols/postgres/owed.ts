// What the server still owes the client: one entry per message that earns a reply, in the order in which they were sent. The
// replies come back in exactly this order, so the front of the queue says what the next one means.
import type { SqlStateChange } from '../sql/analysis.ts';
import type { SqlAction } from '../sql/action.ts';
import type { NameChange } from './names.ts';
import type { Portal, Prepared } from './statements.ts';

export type Owed =
  | Execution
  | { readonly kind: 'parse'; readonly change: NameChange<Prepared> }
  | { readonly kind: 'bind'; readonly change: NameChange<Portal> }
  /** `prepared` is told the parameter types that the server reports. */
  | { readonly kind: 'describe'; readonly prepared: Prepared | null }
  | { readonly kind: 'close-statement'; readonly change: NameChange<Prepared> }
  | { readonly kind: 'close-portal'; readonly change: NameChange<Portal> }
  /** A Sync. `inCopy`: sent while data was being copied in, so that the server may swallow it without an answer. */
  | { readonly kind: 'sync'; readonly inCopy: boolean }
  /** CopyDone or CopyFail that was sent before the server asked for data. Earns no reply of its own. */
  | { readonly kind: 'copy-end' }
  | Denied;

/** A statement that runs: a simple Query (with any number of statements) or one Execute. */
export interface Execution {
  readonly kind: 'execution';
  readonly simple: boolean;
  readonly action: SqlAction;
  /** State changes per statement of the text. */
  readonly changes: readonly (readonly SqlStateChange[])[];
  /** Data from the client may follow. */
  readonly copyIn: boolean;
  /** Confirming it may change what later statements mean. */
  readonly matters: boolean;
  readonly group: number;
  readonly startedMs: number;
  /** Statements that have completed. */
  done: number;
  rows: number | null;
  /** DataRow messages that came back. */
  rowsSeen: number;
  /** Last command tag. */
  tag: string;
  /** SQLSTATE of the error, or "". */
  errorCode: string;
}

/** A substitute that the server must reject; the error is rewritten into the refusal. */
export interface Denied {
  readonly kind: 'denied';
  /** It replaced a message that is answered with ReadyForQuery. */
  readonly simple: boolean;
  readonly nonce: string;
  /** The ErrorResponse for the client. */
  readonly error: Buffer;
  /** The unnamed statement, which the failed Parse destroys, was meant. */
  readonly unnamed: boolean;
  answered: boolean;
}

/** First in, first out, without moving entries on every take. */
export class OwedQueue {
  #entries: Owed[] = [];
  #front = 0;

  get length(): number {
    return this.#entries.length - this.#front;
  }

  push(entry: Owed): void {
    this.#entries.push(entry);
  }

  front(): Owed | undefined {
    return this.#entries[this.#front];
  }

  shift(): Owed | undefined {
    const entry = this.#entries[this.#front];
    if (entry !== undefined) {
      this.#front += 1;
      if (this.#front === this.#entries.length) {
        this.#entries = [];
        this.#front = 0;
      } else if (this.#front > 1000) {
        this.#entries = this.#entries.slice(this.#front);
        this.#front = 0;
      }
    }
    return entry;
  }

  /** Removes the Syncs between the front and the end of the copied data; the server reads them as part of the copy. */
  swallowSyncs(): { readonly ended: boolean } {
    const rest = this.#entries.slice(this.#front + 1);
    const end = rest.findIndex((entry) => entry.kind === 'copy-end');
    const kept = rest.filter((entry, index) => !(entry.kind === 'sync' && (end < 0 || index < end)));
    this.#entries = [...this.#entries.slice(this.#front, this.#front + 1), ...kept];
    this.#front = 0;
    return { ended: end >= 0 };
  }

  /** Removes the Syncs that were sent among the data of a copy that has succeeded: the copy has read them. */
  dropCopySyncs(): void {
    this.#entries = this.#entries.slice(this.#front).filter((entry) => !(entry.kind === 'sync' && entry.inCopy));
    this.#front = 0;
  }

  /** True when some entry may still ask the client for data. */
  expectsData(): boolean {
    for (let index = this.#front; index < this.#entries.length; index += 1) {
      const entry = this.#entries[index];
      if (entry?.kind === 'execution' && entry.copyIn) {
        return true;
      }
    }
    return false;
  }
}
