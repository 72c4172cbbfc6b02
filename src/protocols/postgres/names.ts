// What a name on the wire stands for. The server is the one that makes and drops names, so a change counts when it confirms;
// a pipelining client, though, uses a name before that. Within one group (up to the next Sync or Query) the newest change that
// was sent is the right answer: if it fails, the server skips whatever relied on it. Across groups it is not, so then the
// answer is "wait" until the server has spoken.

/** A change that the server has not confirmed. `value` null: the name goes away. */
export interface NameChange<T> {
  readonly name: string;
  readonly value: T | null;
  /** Number of the group that it was sent in. */
  readonly group: number;
}

/** What is known about a name. */
export type Lookup<T> =
  | { readonly kind: 'known'; readonly value: T }
  /** Not made through this connection as far as the gateway can tell. */
  | { readonly kind: 'unknown' }
  /** An unconfirmed change of an earlier group decides. */
  | { readonly kind: 'wait' };

const UNKNOWN: Lookup<never> = { kind: 'unknown' };
const WAIT: Lookup<never> = { kind: 'wait' };

/** One name space: prepared statements, or portals and cursors. */
export class NameTable<T extends { readonly sizeBytes: number }> {
  readonly #confirmed = new Map<string, T>();
  readonly #pending = new Map<string, NameChange<T>>();
  #sizeBytes = 0;

  /** Bytes kept for the names in use and about to be, for the bound on them. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  find(name: string, group: number): Lookup<T> {
    const change = this.#pending.get(name);
    if (change !== undefined) {
      if (change.group !== group) {
        return WAIT;
      }
      return change.value === null ? UNKNOWN : { kind: 'known', value: change.value };
    }
    const value = this.#confirmed.get(name);
    return value === undefined ? UNKNOWN : { kind: 'known', value };
  }

  /** A change was sent. It must be confirmed or dropped later. */
  send(change: NameChange<T>): void {
    this.#pending.set(change.name, change);
    this.#sizeBytes += change.value?.sizeBytes ?? 0;
  }

  /** The server did it. */
  confirm(change: NameChange<T>): void {
    this.set(change.name, change.value);
    this.drop(change);
  }

  /** The server did not do it. */
  drop(change: NameChange<T>): void {
    this.#sizeBytes -= change.value?.sizeBytes ?? 0;
    if (this.#pending.get(change.name) === change) {
      this.#pending.delete(change.name);
    }
  }

  /** The server made or dropped the name on its own account (SQL PREPARE, DEALLOCATE, end of a transaction). */
  set(name: string, value: T | null): void {
    const before = this.#confirmed.get(name);
    this.#sizeBytes += (value?.sizeBytes ?? 0) - (before?.sizeBytes ?? 0);
    if (value !== null) {
      this.#confirmed.set(name, value);
    } else if (before !== undefined) {
      this.#confirmed.delete(name);
    }
  }

  /** Forgets the confirmed names for which `keep` is false. */
  forget(keep: (value: T) => boolean): void {
    for (const [name, value] of this.#confirmed) {
      if (!keep(value)) {
        this.set(name, null);
      }
    }
  }

  /** True when a change of an earlier group is not confirmed yet. */
  unsettledBefore(group: number): boolean {
    for (const change of this.#pending.values()) {
      if (change.group !== group) {
        return true;
      }
    }
    return false;
  }
}
