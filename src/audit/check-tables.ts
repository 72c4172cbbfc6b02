// The part of the check that is not the chain: rows that no chain leads to, tables and indexes that would show something else than the
// records say. Whoever has the file can write there too.
import type { Database, Statement } from 'better-sqlite3';
import { isObject } from '../lib/fields.ts';
import { hashOf } from './canonical.ts';
import type { BodyJson } from './canonical.ts';
import type { Finding } from './chain.ts';

/** What approvals and grants are shown from: one row each, as the newest record about it made it. */
const SHOWN = ['approvals', 'grants'] as const;
type Shown = (typeof SHOWN)[number];
/** The state in which a row outlives its record's retirement (segments.ts). */
const OPEN: Readonly<Record<Shown, string>> = { approvals: 'pending', grants: 'active' };
/** The column beside id, state and seq. */
const EXTRA: Readonly<Record<Shown, { readonly column: string; readonly field: string }>> = {
  approvals: { column: 'created_ms', field: 'createdMs' },
  grants: { column: 'uses', field: 'uses' },
};

interface ShownRow {
  readonly id: string;
  readonly state: string;
  readonly extra: number;
  readonly seq: number;
  readonly body: string;
  /** The record that it says it is of; null: that one is not there. */
  readonly record: string | null;
}

/** A record about an approval or grant has its row, and the row is of no earlier record. */
export class ShownCheck {
  readonly #rows: readonly { readonly table: Shown; readonly find: Statement<[string], ShownRow> }[];

  constructor(db: Database) {
    this.#rows = shownTables(db).map((table) => ({
      table,
      find: db.prepare<[string], ShownRow>(
        `SELECT id, state, ${EXTRA[table].column} AS extra, seq FROM ${table} WHERE id = ?`,
      ),
    }));
  }

  check(seq: number, { type, data }: BodyJson): Finding | null {
    if (!/^(?:approval|grant)\./.test(type)) {
      return null;
    }
    for (const { table, find } of this.#rows) {
      for (const told of toldIn(data, table)) {
        const row = find.get(told.id);
        // An ended grant, or one that counts more uses, takes nothing from a record that comes out of turn (store.ts).
        const newer =
          row !== undefined &&
          (row.seq >= seq || (table === 'grants' && (row.state !== 'active' || row.extra > told.extra)));
        if (!newer) {
          return {
            seq,
            kind: 'edited',
            detail: `${told.id}, of which it tells, is not in the list of ${table} as it made it`,
          };
        }
      }
    }
    return null;
  }
}

export interface ShownRange {
  /** First record of the log. */
  readonly start: number;
  /** Records that are looked at. */
  readonly first: number;
  readonly to: number;
  /** All of the log: then rows of every number are looked at. */
  readonly whole: boolean;
}

/** Rows of the lists that are not what their record says. Those of records that were retired are counted in `notes`: nothing here proves them. */
export function checkShown(db: Database, { start, first, to, whole }: ShownRange, notes: string[]): Finding | null {
  for (const table of shownTables(db)) {
    const rows = db
      .prepare<[number, number, number, string], ShownRow>(
        `SELECT t.id, t.state, t.${EXTRA[table].column} AS extra, t.seq, t.body, r.body AS record
         FROM ${table} t LEFT JOIN records r ON r.seq = t.seq
         WHERE ? OR t.seq BETWEEN ? AND ? OR t.state = ?`,
      )
      .iterate(whole ? 1 : 0, first, to, OPEN[table]);
    let unproven = 0;
    for (const row of rows) {
      if (row.record === null && row.seq >= 1 && row.seq < start) {
        unproven += 1;
      } else if (!isTold(row, table)) {
        return {
          seq: row.seq,
          kind: 'edited',
          detail: `${row.id} in the list of ${table} is not what this record says`,
        };
      }
    }
    if (unproven > 0) {
      notes.push(`${unproven} of the list of ${table} are of records that were retired: only the archive proves them`);
    }
  }
  return null;
}

function isTold(row: ShownRow, table: Shown): boolean {
  let data: unknown;
  try {
    const parsed: unknown = JSON.parse(row.record ?? 'null');
    data = isObject(parsed) ? parsed['data'] : null;
  } catch {
    return false;
  }
  return toldIn(data, table).some(
    ({ id, state, extra, text }) => id === row.id && state === row.state && extra === row.extra && text === row.body,
  );
}

interface Told {
  readonly id: string;
  readonly state: string;
  readonly extra: number;
  readonly text: string;
}

/** What a record's data tells of approvals or grants, as the writer takes it (store.ts). */
function toldIn(data: unknown, table: Shown): readonly Told[] {
  if (!isObject(data)) {
    return [];
  }
  const values: unknown[] =
    table === 'approvals' ? [data['approval']] : Array.isArray(data['grants']) ? data['grants'] : [];
  return values.filter(isObject).flatMap((value) => {
    const { id, state } = value;
    const extra = value[EXTRA[table].field];
    const usable = typeof id === 'string' && typeof state === 'string' && typeof extra === 'number';
    return usable ? [{ id, state, extra: Math.floor(extra), text: JSON.stringify(value) }] : [];
  });
}

/** A store of an earlier release has no grants yet. */
function shownTables(db: Database): readonly Shown[] {
  const there = listTables(db);
  return SHOWN.filter((table) => there.has(table));
}

function listTables(db: Database): ReadonlySet<string> {
  return new Set(db.prepare<[], string>("SELECT name FROM sqlite_master WHERE type = 'table'").pluck().all());
}

interface Left {
  readonly seq: number;
  readonly body: string;
  readonly prev: string;
  readonly hash: string;
}

/**
 * Records before the beginning of the chain: what a purge that is under way has left of the last retired segment (its end, since purges go
 * from the front), and nothing else. A search would show anything else.
 */
export function checkBefore(db: Database, start: number, prev: string): Finding | null {
  const rows = db
    .prepare<[number], Left>('SELECT seq, body, prev, hash FROM records WHERE seq < ? ORDER BY seq DESC')
    .iterate(start);
  let [expected, head] = [start - 1, prev];
  for (const row of rows) {
    if (row.seq < 1 || row.seq !== expected || row.hash !== head || hashOf(row.prev, row.body) !== row.hash) {
      return { seq: row.seq, kind: 'edited', detail: `it stands before record ${start}, with which the log begins` };
    }
    expected -= 1;
    head = row.prev;
  }
  return null;
}

/** Tables beside the records; each of them is small next to those. */
const SIDE_TABLES = [
  'store',
  'shapes',
  'keys',
  'checkpoints',
  'segments',
  'batches',
  'batch_shapes',
  'actions',
] as const;

/** An index that lacks an entry hides a row from whoever looks through it, and the row itself is intact. */
export function checkIndexes(db: Database): Finding | null {
  const there = listTables(db);
  for (const table of [...SIDE_TABLES, ...SHOWN].filter((name) => there.has(name))) {
    const word = db.prepare<[string], string>('SELECT * FROM pragma_integrity_check(?)').pluck().get(table) ?? 'ok';
    if (word !== 'ok') {
      return { seq: 0, kind: 'edited', detail: `what leads to rows of ${table} does not match them: ${word}` };
    }
  }
  return null;
}
