// Prepared statements and portals of one connection. Wire Parse and SQL PREPARE share one name space on the server, portals
// and cursors share another, so each is one table here (checked on PostgreSQL 15).
import type { Judgeable, SqlAnalyser, SqlNames, SqlState, SqlStateChange, SqlText } from '../sql/analysis.ts';
import { NameTable } from './names.ts';
import type { SqlEvidence } from './evidence.ts';

/** Longer names are refused: the server compares the first 63 bytes only, so two of them may be one (hash key NAMEDATALEN). */
export const MAX_NAME_BYTES = 63;
/** Bytes of text and parameters that one connection may keep under names. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;
/** What a name costs beside its text. */
const NAME_BYTES = 256;

/** A statement under a name. `sql`: made by SQL PREPARE, so it is reached through EXECUTE. */
export type Prepared =
  | {
      readonly kind: 'wire';
      readonly text: SqlText;
      /** Exact bytes of the text. */
      readonly bytes: Buffer;
      readonly sizeBytes: number;
      /** Parameter types, from Parse or as the server described them. */
      oids: readonly number[];
    }
  | { readonly kind: 'sql'; readonly judgeable: Judgeable; readonly sizeBytes: number };

/** A portal or cursor. */
export interface Portal {
  readonly judgeable: Judgeable;
  /** Null for a cursor that SQL declared. */
  readonly evidence: SqlEvidence | null;
  readonly hold: boolean;
  readonly sizeBytes: number;
  /** The transaction that made it has committed. */
  committed: boolean;
}

/** A wire statement, with its cost for the bound. */
export function wirePrepared(text: SqlText, bytes: Buffer, oids: readonly number[]): Prepared {
  return { kind: 'wire', text, bytes, oids, sizeBytes: NAME_BYTES + bytes.length * 2 };
}

/** A portal that Bind makes. */
export function wirePortal(judgeable: Judgeable, evidence: SqlEvidence): Portal {
  return {
    judgeable,
    evidence,
    hold: false,
    committed: false,
    sizeBytes: NAME_BYTES + evidence.sizeBytes,
  };
}

const UNKNOWN: SqlStateChange = { kind: 'unknown' };

/** Both tables, and the view of them that the analysis has. */
export class Statements implements SqlNames {
  readonly prepareds = new NameTable<Prepared>();
  readonly portals = new NameTable<Portal>();
  readonly #analyser: SqlAnalyser;
  /** Group that the message being looked at belongs to; kept by the session. */
  group = 0;
  /** State under which names are resolved now. */
  readonly #view: () => { readonly state: SqlState; readonly transaction: 'idle' | 'open' | 'failed' };

  constructor(
    analyser: SqlAnalyser,
    view: () => { readonly state: SqlState; readonly transaction: 'idle' | 'open' | 'failed' },
  ) {
    this.#analyser = analyser;
    this.#view = view;
  }

  get full(): boolean {
    return this.prepareds.sizeBytes + this.portals.sizeBytes > MAX_KEPT_BYTES;
  }

  prepared(name: string): Judgeable | undefined {
    const found = this.prepareds.find(wireName(name), this.group);
    if (found.kind !== 'known') {
      return undefined;
    }
    return found.value.kind === 'sql' ? found.value.judgeable : this.bind(found.value.text);
  }

  cursor(name: string): Judgeable | undefined {
    const found = this.portals.find(wireName(name), this.group);
    return found.kind === 'known' ? found.value.judgeable : undefined;
  }

  /** A text bound to the connection as it is now. */
  bind(text: SqlText): Judgeable {
    const { state, transaction } = this.#view();
    return this.#analyser.bind(text, state, this, transaction);
  }

  /** Changes with those of the stored statements that EXECUTE and FETCH run in their place. */
  expand(changes: readonly SqlStateChange[]): readonly SqlStateChange[] {
    if (!changes.some((change) => change.kind === 'execute' || change.kind === 'fetch')) {
      return changes;
    }
    return changes.flatMap((change) => {
      if (change.kind !== 'execute' && change.kind !== 'fetch') {
        return [change];
      }
      if (change.kind === 'execute') {
        return this.prepared(change.name)?.source.changes.flat() ?? [UNKNOWN];
      }
      // How much of a cursor's query runs in a FETCH cannot be told: nothing, when it is used up.
      return (this.cursor(change.name)?.source.changes.flat().length ?? 1) > 0 ? [UNKNOWN] : [];
    });
  }

  /** A confirmed change that SQL made to the names. */
  apply(change: SqlStateChange): void {
    switch (change.kind) {
      case 'prepare': {
        const { statement } = change;
        const sizeBytes = NAME_BYTES + statement.source.text.length * 2;
        this.prepareds.set(wireName(change.name), { kind: 'sql', judgeable: statement, sizeBytes });
        break;
      }
      case 'deallocate':
        forgetOne(this.prepareds, change.name);
        break;
      case 'declare': {
        const { statement, hold } = change;
        const sizeBytes = NAME_BYTES + statement.source.text.length * 2;
        const cursor = { judgeable: statement, evidence: null, hold, sizeBytes, committed: false };
        this.portals.set(wireName(change.name), cursor);
        break;
      }
      case 'close':
        forgetOne(this.portals, change.name);
        break;
      case 'discard':
        if (change.what === 'all') {
          forgetOne(this.prepareds, null);
          forgetOne(this.portals, null);
        }
        break;
      case 'commit':
        this.transactionEnded(true);
        break;
      case 'rollback':
        this.transactionEnded(false);
        break;
      case 'set':
      case 'reset':
      case 'reset-all':
      case 'set-role':
      case 'begin':
      case 'savepoint':
      case 'release':
      case 'rollback-to':
      case 'schemas-changed':
      case 'execute':
      case 'fetch':
      case 'unknown':
        break;
    }
  }

  /** Portals end with their transaction, but for cursors WITH HOLD that were committed. */
  transactionEnded(committed: boolean): void {
    this.portals.forget((portal) => {
      portal.committed = portal.committed || (committed && portal.hold);
      return portal.committed;
    });
  }

  /** A simple Query destroys the unnamed statement and portal (checked). */
  queryDone(): void {
    this.prepareds.set('', null);
    this.portals.set('', null);
  }
}

/** SQL names are UTF-8; tables are keyed by one character per byte. */
function wireName(name: string): string {
  return /^[\x20-\x7e]*$/.test(name) ? name : Buffer.from(name, 'utf8').toString('latin1');
}

function forgetOne<T extends { readonly sizeBytes: number }>(table: NameTable<T>, name: string | null): void {
  if (name === null) {
    table.forget(() => false);
  } else {
    table.set(wireName(name), null);
  }
}
