// What a connection's earlier statements did to the meaning of later ones: search path, role, readability. A change is applied
// when the server confirms it, and undone as the server undoes it: with the transaction, with a savepoint, or with the error.
import type { SqlState, SqlStateChange } from '../sql/analysis.ts';
import { asciiLower } from '../../lib/text.ts';
import { readableEncoding } from './parameters.ts';

/** The two things that a transaction can take back. `local` values end with it. */
interface Scope {
  /** Names of the path as set, `$user` unresolved; null = cannot be told. */
  readonly path: readonly string[] | null;
  readonly localPath: readonly string[] | null | undefined;
  readonly role: string | null;
  readonly localRole: string | null | undefined;
  /** Who RESET ROLE goes back to. */
  readonly session: string | null;
  readonly localSession: string | null | undefined;
}

interface Savepoint {
  readonly name: string;
  readonly scope: Scope;
}

const ALL_UNKNOWN: Partial<Scope> = {
  path: null,
  localPath: undefined,
  role: null,
  localRole: undefined,
  session: null,
  localSession: undefined,
};

/** Folds confirmed changes into a SqlState. */
export class Tracker {
  #state: SqlState;
  #scope: Scope;
  /** The path that RESET goes back to, and the session's user that RESET SESSION AUTHORIZATION does. */
  readonly #loginPath: readonly string[] | null;
  readonly #loginSession: string | null;
  /** As it was when the transaction began, implicit or explicit; null outside of one. */
  #atBegin: Scope | null = null;
  #savepoints: Savepoint[] = [];

  /** `path`: the value of `search_path` at login as SHOW prints it, or null when it is not known. */
  constructor(atLogin: SqlState, path: string | null) {
    this.#loginPath = path === null ? null : splitSearchPath(path);
    this.#loginSession = atLogin.resetRole;
    this.#scope = {
      path: this.#loginPath,
      localPath: undefined,
      role: atLogin.role,
      localRole: undefined,
      session: atLogin.resetRole,
      localSession: undefined,
    };
    this.#state = atLogin;
    this.#publish();
  }

  /** The state now. Its identity changes exactly when a value does. */
  get state(): SqlState {
    return this.#state;
  }

  /** Whether confirming these changes could change the state, so that nothing may be judged before they are. */
  matters(changes: readonly SqlStateChange[]): boolean {
    for (const change of changes) {
      switch (change.kind) {
        case 'begin':
        case 'savepoint':
        case 'release':
          break;
        case 'commit':
        case 'rollback':
        case 'rollback-to':
          if (this.#atBegin !== null && this.#atBegin !== this.#scope) {
            return true;
          }
          break;
        case 'set':
          if (change.name === 'search_path' || change.name === 'role' || change.name === 'session_authorization') {
            return true;
          }
          break;
        case 'reset':
        case 'reset-all':
        case 'set-role':
        case 'prepare':
        case 'deallocate':
        case 'declare':
        case 'close':
        case 'discard':
        case 'schemas-changed':
        case 'execute':
        case 'fetch':
        case 'unknown':
          return true;
      }
    }
    return false;
  }

  /** The server did it. `tag` is its CommandComplete: COMMIT of a failed transaction answers ROLLBACK. */
  apply(change: SqlStateChange, tag: string): void {
    this.#atBegin ??= this.#scope;
    switch (change.kind) {
      case 'set':
        this.#set(change.name, change.value, change.local);
        break;
      case 'reset':
        this.#set(change.name, 'default', false);
        break;
      case 'reset-all':
        this.#change({ path: this.#loginPath, localPath: undefined });
        break;
      case 'set-role':
        this.#change(change.local ? { localRole: change.role } : { role: change.role, localRole: undefined });
        break;
      case 'discard':
        if (change.what === 'all') {
          this.#change({ path: this.#loginPath, localPath: undefined });
          this.#setSession(this.#loginSession, false);
        }
        break;
      // What runs there was expanded by whoever knows the names; what is left is not known.
      case 'execute':
      case 'fetch':
      case 'unknown':
        this.#replace({ ...this.#state, schemas: null });
        this.#change(ALL_UNKNOWN);
        break;
      case 'schemas-changed':
        this.#replace({ ...this.#state, schemas: null });
        break;
      case 'commit':
        this.#end(tag !== 'ROLLBACK');
        break;
      case 'rollback':
        this.#end(false);
        break;
      case 'savepoint':
        this.#savepoints.push({ name: change.name, scope: this.#scope });
        break;
      case 'release':
        this.#cutSavepoints(change.name, false);
        break;
      case 'rollback-to':
        this.#cutSavepoints(change.name, true);
        break;
      case 'begin':
      case 'prepare':
      case 'deallocate':
      case 'declare':
      case 'close':
        break;
    }
  }

  /** ReadyForQuery outside of a transaction: whatever was implicit ended. `unsure`: part of it may have been committed. */
  idle(how: 'committed' | 'rolled-back' | 'unsure'): void {
    const before = this.#atBegin;
    if (before === null) {
      return;
    }
    const changed = before !== this.#scope;
    this.#end(how === 'committed');
    if (changed && how === 'unsure') {
      this.#change(ALL_UNKNOWN);
    }
  }

  /** A ParameterStatus: what the server itself says is in force. */
  reported(name: string, value: string): void {
    switch (name) {
      case 'standard_conforming_strings':
        this.#readable(value === 'on');
        break;
      case 'client_encoding':
        this.#readable(readableEncoding(value));
        break;
      case 'search_path':
        // Only PostgreSQL 18 and later say so; sent ahead of ReadyForQuery, so it is the value after the whole group.
        this.#change({ path: splitSearchPath(value), localPath: undefined });
        break;
      default:
        break;
    }
  }

  /** Once the server read text in a way that ours is not, what it made of it cannot be told any more. */
  #readable(readable: boolean): void {
    if (!readable && this.#state.readable) {
      this.#replace({ ...this.#state, readable: false });
    }
  }

  #set(name: string, value: string | null, local: boolean): void {
    const reset = value !== null && asciiLower(value) === 'default';
    if (name === 'search_path') {
      const path = reset ? this.#loginPath : value === null ? null : splitSearchPath(value);
      this.#change(local ? { localPath: path } : { path, localPath: undefined });
    } else if (name === 'role') {
      // Who the session's user is after a transaction that changed it for itself only cannot be said in one value.
      const back = this.#scope.localSession === undefined ? this.#scope.session : null;
      const role = reset || value === 'none' ? back : value;
      this.#change(local ? { localRole: role } : { role, localRole: undefined });
    } else if (name === 'session_authorization') {
      this.#setSession(reset ? this.#loginSession : value, local);
    }
  }

  /** The server sets the role to none with it. */
  #setSession(user: string | null, local: boolean): void {
    this.#change(
      local
        ? { localRole: user, localSession: user }
        : { role: user, localRole: undefined, session: user, localSession: undefined },
    );
  }

  #change(changes: Partial<Scope>): void {
    this.#scope = { ...this.#scope, ...changes };
    this.#publish();
  }

  #end(committed: boolean): void {
    const before = this.#atBegin;
    this.#atBegin = null;
    this.#savepoints = [];
    if (before === null || before === this.#scope) {
      return;
    }
    this.#scope = committed
      ? { ...this.#scope, localPath: undefined, localRole: undefined, localSession: undefined }
      : before;
    this.#publish();
  }

  #cutSavepoints(name: string, restore: boolean): void {
    const index = this.#savepoints.findLastIndex((savepoint) => savepoint.name === name);
    const found = this.#savepoints[index];
    if (found === undefined) {
      return;
    }
    this.#savepoints.length = restore ? index + 1 : index;
    if (restore) {
      this.#scope = found.scope;
      this.#publish();
    }
  }

  #publish(): void {
    const { path, localPath, role, localRole, session, localSession } = this.#scope;
    const effectiveRole = localRole === undefined ? role : localRole;
    const names = localPath === undefined ? path : localPath;
    this.#replace({
      ...this.#state,
      role: effectiveRole,
      resetRole: localSession === undefined ? session : localSession,
      searchPath: names,
    });
  }

  #replace(next: SqlState): void {
    const now = this.#state;
    const same =
      now.role === next.role &&
      now.resetRole === next.resetRole &&
      samePath(now.searchPath, next.searchPath) &&
      now.readable === next.readable &&
      now.schemas === next.schemas;
    if (!same) {
      this.#state = next;
    }
  }
}

function samePath(a: readonly string[] | null, b: readonly string[] | null): boolean {
  if (a === null || b === null) {
    return a === b;
  }
  return a.length === b.length && a.every((name, index) => name === b[index]);
}

/** The names in a `search_path` value as SHOW prints it, or null when it is not one (SplitIdentifierString). */
export function splitSearchPath(text: string): readonly string[] | null {
  const names: string[] = [];
  const name = /[ \t\n\r\f\v]*(?:"((?:[^"]|"")*)"|([^", \t\n\r\f\v]+))[ \t\n\r\f\v]*(,|$)/y;
  if (text.trim() === '') {
    return names;
  }
  for (;;) {
    const match = name.exec(text);
    if (match === null) {
      return null;
    }
    names.push(match[1] === undefined ? asciiLower(match[2] ?? '') : match[1].replaceAll('""', '"'));
    if (match[3] === '') {
      return names;
    }
  }
}
