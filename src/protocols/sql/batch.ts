// Several statements in one text run one after the other: what the first does to the connection holds for the second. The session's
// tracker learns of it only when the server has answered, so a batch is followed here, on the assumption that each statement succeeds.
// (One that fails ends the batch.) What cannot be told becomes unknown.
import type { Judgeable, SqlNames, SqlState, SqlStateChange } from './analysis.ts';

export interface BatchParts {
  readonly state: SqlState;
  readonly names: SqlNames;
  readonly transaction: 'idle' | 'open' | 'failed';
  /** Reads the value of a search_path setting. */
  readonly parsePath: (value: string) => readonly string[] | null;
}

type Names = Map<string, Judgeable | null>;

export class Batch implements SqlNames {
  #state: SqlState;
  readonly #parts: BatchParts;
  readonly #prepared: Names = new Map();
  readonly #cursors: Names = new Map();
  #allPreparedGone = false;
  #allCursorsGone = false;
  /** State when the transaction began, which the batch's first statement does without a BEGIN; null: it began before the batch. */
  #start: SqlState | null;
  #savepoints: { readonly name: string; readonly state: SqlState }[] = [];
  /** Something was set for the transaction only, or the transaction was open before. */
  #local: boolean;

  constructor(parts: BatchParts) {
    this.#parts = parts;
    this.#state = parts.state;
    this.#start = parts.transaction === 'idle' ? parts.state : null;
    this.#local = parts.transaction !== 'idle';
  }

  get state(): SqlState {
    return this.#state;
  }

  prepared(name: string): Judgeable | undefined {
    const own = this.#prepared.get(name);
    return own === undefined
      ? this.#allPreparedGone
        ? undefined
        : this.#parts.names.prepared(name)
      : (own ?? undefined);
  }

  cursor(name: string): Judgeable | undefined {
    const own = this.#cursors.get(name);
    return own === undefined ? (this.#allCursorsGone ? undefined : this.#parts.names.cursor(name)) : (own ?? undefined);
  }

  /** The statement is taken to have succeeded. */
  apply(changes: readonly SqlStateChange[]): void {
    for (const change of changes) {
      this.#apply(change);
    }
  }

  #apply(change: SqlStateChange): void {
    switch (change.kind) {
      case 'set':
        this.#local ||= change.local;
        if (change.name === 'search_path') {
          this.#merge({ searchPath: change.value === null ? null : this.#parts.parsePath(change.value) });
        } else if (change.name === 'session_authorization') {
          this.#merge({ role: change.value, resetRole: change.value });
        }
        break;
      case 'reset':
        this.#reset(change.name);
        break;
      case 'reset-all':
        this.#merge({ searchPath: null });
        break;
      case 'set-role':
        this.#local ||= change.local;
        this.#merge({ role: change.role });
        break;
      case 'schemas-changed':
        this.#merge({ schemas: null });
        break;
      case 'unknown':
        this.#merge({ searchPath: null, role: null, resetRole: null, schemas: null });
        break;
      case 'execute':
      case 'fetch':
        this.#run(change.kind === 'execute' ? this.prepared(change.name) : this.cursor(change.name));
        break;
      case 'begin':
      case 'commit':
      case 'rollback':
      case 'savepoint':
      case 'release':
      case 'rollback-to':
        this.#transaction(change);
        break;
      case 'prepare':
        this.#prepared.set(change.name, change.statement);
        break;
      case 'declare':
        this.#cursors.set(change.name, change.statement);
        break;
      case 'deallocate':
        this.#allPreparedGone ||= forget(this.#prepared, change.name);
        break;
      case 'close':
        this.#allCursorsGone ||= forget(this.#cursors, change.name);
        break;
      case 'discard':
        if (change.what === 'all') {
          this.#allPreparedGone = forget(this.#prepared, null);
          this.#allCursorsGone = forget(this.#cursors, null);
          this.#merge({ searchPath: null, role: null, resetRole: null });
        }
        break;
    }
  }

  #merge(changes: Partial<SqlState>): void {
    this.#state = { ...this.#state, ...changes };
  }

  #reset(name: string): void {
    if (name === 'search_path') {
      // What it was at login is the tracker's to know.
      this.#merge({ searchPath: null });
    } else if (name === 'role') {
      this.#merge({ role: this.#state.resetRole });
    } else if (name === 'session_authorization') {
      // The same: only the tracker knows the login.
      this.#merge({ role: null, resetRole: null });
    }
  }

  /** How much of it runs cannot be told: nothing, when a cursor is used up or there is WITH NO DATA. */
  #run(stored: Judgeable | undefined): void {
    if ((stored?.source.changes.flat().length ?? 1) > 0) {
      this.#apply({ kind: 'unknown' });
    }
  }

  #transaction(
    change: Extract<
      SqlStateChange,
      { kind: 'begin' | 'commit' | 'rollback' | 'savepoint' | 'release' | 'rollback-to' }
    >,
  ): void {
    switch (change.kind) {
      // In a transaction already, be it an implicit one: BEGIN changes nothing that a ROLLBACK would keep.
      case 'begin':
        break;
      case 'commit':
        if (this.#local) {
          this.#back(this.#state === this.#start ? this.#state : null);
        }
        this.#restart();
        break;
      case 'rollback':
        this.#back(this.#start);
        this.#restart();
        break;
      case 'savepoint':
        this.#savepoints.push({ name: change.name, state: this.#state });
        break;
      case 'release':
        this.#cutSavepoints(change.name, false);
        break;
      case 'rollback-to':
        this.#back(this.#cutSavepoints(change.name, true));
        break;
    }
  }

  /** The next statement begins a transaction. */
  #restart(): void {
    this.#start = this.#state;
    this.#savepoints = [];
  }

  /** Savepoints made after this one are gone, and with RELEASE this one too. Its state, or null when it was not made in this batch. */
  #cutSavepoints(name: string, keep: boolean): SqlState | null {
    const index = this.#savepoints.findLastIndex((savepoint) => savepoint.name === name);
    const state = this.#savepoints[index]?.state ?? null;
    this.#savepoints = index < 0 ? [] : this.#savepoints.slice(0, keep ? index + 1 : index);
    return state;
  }

  /** Path and role are what they were then; null: that is not known. Names that were made meanwhile are kept by the server. */
  #back(state: SqlState | null): void {
    const { searchPath, role, resetRole } = state ?? { searchPath: null, role: null, resetRole: null };
    this.#merge({ searchPath, role, resetRole });
  }
}

/** Forgets one name, or all; true when all are gone. */
function forget(names: Names, name: string | null): boolean {
  if (name !== null) {
    names.set(name, null);
    return false;
  }
  names.clear();
  return true;
}
