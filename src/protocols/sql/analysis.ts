// The contract between a SQL dialect's analysis (text and connection state to units) and a protocol's state machine.
// The machine never looks into SQL; the analysis never sees a wire.
import type { Judged } from './action.ts';

/** What the endpoint's configuration says about analysis (fact reference 1.10). */
export interface SqlOptions {
  readonly readOnly: boolean;
  /** Lower-case names, `f` or `schema.f`, that count as safe. */
  readonly trustedFunctions: ReadonlySet<string>;
  /** Texts longer than this are not analysed (`limits.body_buffer`). */
  readonly maxTextBytes: number;
}

/** Value of a bound parameter as far as it can be read: text form, SQL NULL, or not decodable. */
export type ParameterValue =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'null' }
  | { readonly kind: 'opaque' };

/**
 * What a connection's earlier statements did to the meaning of later ones. Immutable: the tracker makes a new one for every change, so its
 * identity may be part of a cache key.
 */
export interface SqlState {
  readonly database: string;
  /** Login role at the upstream. */
  readonly user: string;
  /** Effective role, or null when it cannot be told (after an opaque unit). */
  readonly role: string | null;
  /** Role that RESET ROLE goes back to (the session's user, which SET SESSION AUTHORIZATION changes), or null when it cannot be told. */
  readonly resetRole: string | null;
  /**
   * Schemas that an unqualified name is looked up in, in order, or null when not known. `pg_catalog` is implicit, and `$user` is the
   * schema named like the role.
   */
  readonly searchPath: readonly string[] | null;
  /**
   * Schemas that existed at login, or null when not known: `$user` adds no names where the role has none. A schema that the path names
   * itself always does, since somebody may have made it since.
   */
  readonly schemas: ReadonlySet<string> | null;
  /** The gateway itself set a role at login, so that RESET and DISCARD would undo it. */
  readonly gatewaySetRole: boolean;
  /** False once the server reported something under which our grammar would read other text (standard_conforming_strings off, …). */
  readonly readable: boolean;
  /** Major version of the server, 0 when unknown. */
  readonly serverMajor: number;
  /** Functions and operators that also exist outside pg_catalog (catalogue lookup), or null when not looked up. */
  readonly shadowedFunctions: ReadonlySet<string> | null;
}

/** Whether it can be told where an unqualified name is looked up. */
export function pathKnown({ searchPath, role }: Pick<SqlState, 'searchPath' | 'role'>): boolean {
  return searchPath !== null && (role !== null || !searchPath.includes('$user'));
}

/** Looks up names that earlier statements of this connection made. Both tables are the session's. */
export interface SqlNames {
  /** Prepared statements: wire Parse and SQL PREPARE share one namespace. Undefined = not made through the gateway. */
  prepared(name: string): Judgeable | undefined;
  /** Cursors and portals share another. */
  cursor(name: string): Judgeable | undefined;
}

/**
 * What a statement will do to the connection once the server confirms it, in order. `set` with value null: to something that
 * cannot be told. Names are folded as the server does.
 */
export type SqlStateChange =
  | { readonly kind: 'set'; readonly name: string; readonly value: string | null; readonly local: boolean }
  | { readonly kind: 'reset'; readonly name: string }
  | { readonly kind: 'reset-all' }
  | { readonly kind: 'set-role'; readonly role: string | null; readonly local: boolean }
  | { readonly kind: 'begin' | 'commit' | 'rollback' }
  | { readonly kind: 'savepoint' | 'release' | 'rollback-to'; readonly name: string }
  | { readonly kind: 'prepare'; readonly name: string; readonly statement: Judgeable }
  | { readonly kind: 'deallocate'; readonly name: string | null }
  | { readonly kind: 'declare'; readonly name: string; readonly statement: Judgeable; readonly hold: boolean }
  | { readonly kind: 'close'; readonly name: string | null }
  | { readonly kind: 'discard'; readonly what: 'all' | 'plans' | 'sequences' | 'temp' }
  | { readonly kind: 'schemas-changed' }
  /** The stored statement of this name runs: its own changes (`source.changes`) apply. Unknown name: as `unknown`. */
  | { readonly kind: 'execute' | 'fetch'; readonly name: string }
  /** Something ran whose effect on the connection's state is not known: path and role become unknown. `lasting`: it may commit on its own, so also when it fails. */
  | { readonly kind: 'unknown'; readonly lasting?: true };

/** The analysis of one text, made once. Opaque to the session but for these fields. */
export interface SqlText {
  readonly text: string;
  /** Top-level statements: how many CommandComplete or EmptyQueryResponse a simple Query earns when all succeed; 0 = empty text. */
  readonly statements: number;
  /** State changes per top-level statement, same order. */
  readonly changes: readonly (readonly SqlStateChange[])[];
  /** Whether each top-level statement is COPY … FROM STDIN (the client sends data next). */
  readonly copyIn: readonly boolean[];
  /** True when it names a prepared statement or cursor (EXECUTE, FETCH), or its tables hang on the search path: then `bind` depends on more than the text. */
  readonly readsState: boolean;
  /** Number of the highest `$n`, 0 without parameters. */
  readonly parameters: number;
}

/** A text bound to a connection's state: what the gate judges. */
export interface Judgeable extends Judged {
  readonly source: SqlText;
  /** The same with parameter values known (`sql.params`, predicates of kind `param`). Values beyond the text's parameters are ignored. */
  withParameters(values: () => readonly ParameterValue[]): Judgeable;
}

/** A dialect's analysis. Total: anything it cannot account for comes back opaque. Holds the bounded cache of texts. */
export interface SqlAnalyser {
  /** `bytes` are the text's exact bytes, without the protocol's terminator. Synchronous, except that long texts go to a worker. */
  analyse(bytes: Buffer, options: SqlOptions): SqlText | Promise<SqlText>;
  /** `transaction` is the status of the server's last ReadyForQuery: idle, open or failed. */
  bind(text: SqlText, state: SqlState, names: SqlNames, transaction: 'idle' | 'open' | 'failed'): Judgeable;
}
