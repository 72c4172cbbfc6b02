// The contract between the ClickHouse analysis and the two wires (native, HTTP): what a query comes with, and what is found out about it.
import type { Judged } from '../../sql/action.ts';
import type { SqlOptions } from '../../sql/analysis.ts';

/** What an endpoint's configuration says about analysis. */
export type ClickHouseOptions = SqlOptions;

/** What a query comes with beside its text. Everything here is what the server will get, after the gateway's own changes. */
export interface ClickHouseContext {
  /** Database that unqualified names are looked up in; follows USE only after the server has accepted it. */
  readonly database: string;
  /** Upstream login that the gateway uses. */
  readonly user: string;
  /** Role in force as tracked; "" for the login's default roles, null when it cannot be told. */
  readonly role: string | null;
  readonly interface: 'native' | 'http';
  /** Settings of this query: of the Query packet, the URL or the headers. Names as sent; not user, database, query or `param_*`. */
  readonly settings: ReadonlyMap<string, string>;
  /** Values of `{name:Type}`: of the packet, of `param_*` in the URL, and of earlier `SET param_*` in the session. Unescaped text. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Names of the temporary tables that are sent with the query. */
  readonly externalTables: readonly string[];
  /** Temporary tables that earlier statements of the session made. */
  readonly temporaryTables: readonly string[];
  /** Settings that earlier SET statements of the session left (names as written), for what changes how a text is read. */
  readonly sessionSettings: ReadonlyMap<string, string>;
}

/** What the server's success of the query does to the session. The wire applies it when the server has said so, not before. */
export type ClickHouseChange =
  | { readonly kind: 'database'; readonly name: string }
  /** Value null: back to the server's own (SET x = DEFAULT). */
  | { readonly kind: 'setting'; readonly name: string; readonly value: string | null }
  /** Names without `param_`. */
  | { readonly kind: 'parameter'; readonly name: string; readonly value: string }
  | { readonly kind: 'temporary-table'; readonly name: string }
  | { readonly kind: 'temporary-table-gone'; readonly name: string }
  /** SET ROLE, EXECUTE AS: the role is no longer known. */
  | { readonly kind: 'role-unknown' };

/** Where the data of an INSERT comes from. */
export interface ClickHouseInsert {
  /** Name of the format as written (`CSV`), `Values` for VALUES, "" when the text names none. */
  readonly format: string;
  /** The client has to send the data: in blocks (native), or behind the text (HTTP). False with SELECT and with FROM INFILE. */
  readonly takesData: boolean;
  /**
   * Offset of the first byte of data in the text's bytes: everything before it is the judged statement. The length of the text
   * when the data has not begun. Null where the statement takes no data behind its text.
   */
  readonly dataStart: number | null;
  /** Path of FROM INFILE, "" without. */
  readonly infile: string;
}

/** The analysis of one text, made once; plain and independent of any connection. */
export interface ClickHouseText {
  /** "" for a text that was not read (too long, not UTF-8). */
  readonly text: string;
  /** Top-level statements: 1, or 0 for an empty text. A text of several is refused. */
  readonly statements: number;
  /** Verb of the statement (`select`), or null when it could not be read. */
  readonly verb: string | null;
  /** Null unless the statement is an INSERT, also below EXPLAIN. */
  readonly insert: ClickHouseInsert | null;
  /** INTO OUTFILE: the client writes the file (native), the server refuses it (HTTP). "" without. */
  readonly outfile: string;
  /** FORMAT of the answer, "" without. */
  readonly format: string;
  /** SETTINGS of the statement itself, of all its queries, in the order of the text. */
  readonly settings: ReadonlyMap<string, string>;
  /** Names of the `{name:Type}` substitutions with their types as written. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly changes: readonly ClickHouseChange[];
}

/** A text with its context: what the gate judges. */
export interface ClickHouseJudgeable extends Judged {
  readonly source: ClickHouseText;
}

/** Total: what it cannot account for comes back opaque, never as an exception. Holds the bounded cache of texts. */
export interface ClickHouseAnalyser {
  /**
   * `bytes`: the exact bytes of the text. `complete` false: more bytes follow that are not here (a long HTTP body). The text is then
   * opaque unless it is an INSERT whose data begins within `bytes`. Synchronous, except that long texts go to a worker.
   */
  analyse(bytes: Buffer, options: ClickHouseOptions, complete?: boolean): ClickHouseText | Promise<ClickHouseText>;
  bind(text: ClickHouseText, context: ClickHouseContext, options: ClickHouseOptions): ClickHouseJudgeable;
  /**
   * Whether the server's own reading agrees: `explained` is the answer to EXPLAIN AST of the text (format TSVRaw). Null when it does,
   * else what differs, for the record.
   */
  compareAst(text: ClickHouseText, explained: string): string | null;
  /** Ends the worker thread, where one was needed. */
  close(): Promise<void>;
}
