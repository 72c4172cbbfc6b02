// Checks an open store: the chain, the checkpoints, the stubs of retired segments, and that the searchable columns say what the records say.
import type { KeyObject } from 'node:crypto';
import { Database as SqliteDatabase } from './sqlite-library.ts';
import type { Database, Statement } from 'better-sqlite3';
import { messageOf } from '../lib/errors.ts';
import { ZERO_HASH } from './canonical.ts';
import type { BodyJson } from './canonical.ts';
import { ChainCheck } from './chain.ts';
import type { ChainRow, Finding, KeyRing } from './chain.ts';
import { keyId, parseCheckpoint, parsePublicKey, parseStub, stubVerifies } from './checkpoint.ts';
import type { Signed, Stub } from './checkpoint.ts';
import { checkBefore, checkIndexes, checkShown, ShownCheck } from './check-tables.ts';
import { applyMigrations, listApplied } from './migrate.ts';
import { MIGRATIONS } from './schema.ts';
import { isFoundByTime, shapeWords, tablesOf } from './tables.ts';

export interface CheckOptions {
  /** First and last record to look at; null = from the first, to the last. */
  readonly from: number | null;
  readonly to: number | null;
  /** Public key from outside. */
  readonly publicKey: KeyObject | null;
  /** Checkpoints from outside, oldest first. */
  readonly published: readonly Signed[];
  /** Look at the schema too (are the triggers there?), and at what is beside the chain: rows before it, lists, indexes. */
  readonly schema: boolean;
}

export interface CheckResult {
  readonly records: number;
  readonly from: number;
  readonly to: number;
  readonly checkpoints: number;
  readonly finding: Finding | null;
  /** Things a reader should know that are no tampering: a change of keys. */
  readonly notes: readonly string[];
  /** What no checkpoint vouches for at the end of it, in words; null: nothing, or not its end was looked at. */
  readonly unsigned: string | null;
}

interface StoredRow extends ChainRow {
  readonly time_ms: number;
  readonly action_id: string | null;
  readonly shape: number;
}

/** Records are read in pages, each in a read transaction of its own: a long check does not hold up the writer's housekeeping. */
const PAGE = 500;
const READ_PAGE = `SELECT seq, time_ms, action_id, shape, body, prev, hash FROM records
  WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ${PAGE}`;
const READ_SHAPE = `SELECT type, device, profile, endpoint, family, rule, verdict, risk, actor, tables FROM shapes WHERE id = ?`;

/** Read-only. What SQLite itself cannot read is a finding too. */
export function checkStore(db: Database, options: CheckOptions): CheckResult {
  const progress = { lastSeq: 0 };
  try {
    return checkReadable(db, options, progress);
  } catch (error) {
    const finding: Finding = { seq: progress.lastSeq + 1, kind: 'unreadable', detail: messageOf(error) };
    return { records: 0, from: 0, to: 0, checkpoints: 0, finding, notes: [], unsigned: null };
  }
}

function checkReadable(db: Database, options: CheckOptions, progress: { lastSeq: number }): CheckResult {
  const storeId = db.prepare<[], string>("SELECT value FROM store WHERE key = 'id'").pluck().get() ?? '';
  const keys: KeyRing = { listed: readKeys(db), trusted: withId(options.publicKey) };
  const start = readStart(db, storeId, keys);
  // Checkpoints before the end of the log: whatever is signed by now has its record by then.
  const stored = db.prepare<[], Signed>('SELECT body, signature FROM checkpoints ORDER BY seq').all();
  const lastSeq = db.prepare<[], number>('SELECT coalesce(max(seq), 0) FROM records').pluck().get() ?? 0;
  const first = Math.max(start.seq, options.from ?? 0);
  const to = options.to ?? Math.max(lastSeq, start.seq - 1);
  const published = options.published.filter(({ body }) => parseCheckpoint(body)?.store === storeId);
  const checkpoints = [...stored, ...published].filter(({ body }) => {
    const seq = parseCheckpoint(body)?.seq ?? first;
    return seq >= first && (options.to === null || seq <= options.to);
  });
  const prev =
    first === start.seq
      ? start.prev
      : (db
          .prepare<[number], string>('SELECT hash FROM records WHERE seq = ?')
          .pluck()
          .get(first - 1) ?? null);
  const chain = new ChainCheck(
    { storeId, keys, checkpoints, locate: (seq): number | null => locate(db, seq) },
    first,
    prev,
  );
  const finding =
    start.finding ??
    checkRows(db, chain, { first, to, progress }) ??
    chain.end() ??
    checkPublished(options.published, storeId) ??
    (options.schema
      ? checkBeside(db, { start, first, to, whole: options.from === null && options.to === null }, chain)
      : null);
  const { records, notes } = chain;
  const unsigned = options.to === null && finding === null ? chain.unsigned : null;
  return { records, from: first, to: first + records - 1, checkpoints: chain.checkpoints, finding, notes, unsigned };
}

/** What no chain leads to. Rows before the log and indexes are looked at where all of it is: both may take a while. */
function checkBeside(
  db: Database,
  {
    start,
    first,
    to,
    whole,
  }: { readonly start: Start; readonly first: number; readonly to: number; readonly whole: boolean },
  chain: ChainCheck,
): Finding | null {
  return (
    checkSchema(db) ??
    (whole ? (checkBefore(db, start.seq, start.prev) ?? checkIndexes(db)) : null) ??
    checkShown(db, { start: start.seq, first, to, whole }, chain.notes)
  );
}

function checkRows(
  db: Database,
  chain: ChainCheck,
  range: { readonly first: number; readonly to: number; readonly progress: { lastSeq: number } },
): Finding | null {
  const page = db.prepare<[number, number], StoredRow>(READ_PAGE);
  const shape = db.prepare<[number], string[]>(READ_SHAPE).raw();
  const lists = new ListCheck(db);
  const shown = new ShownCheck(db);
  const known = new Map<number, string>();
  const wordsOf = (id: number): string => {
    const words = known.get(id) ?? JSON.stringify(shape.get(id) ?? null);
    known.set(id, words);
    return words;
  };
  for (let after = range.first - 1; ;) {
    const rows = page.all(after, range.to);
    for (const row of rows) {
      const bad = chain.take(
        row,
        (body) => checkColumns(row, wordsOf(row.shape), body) ?? lists.check(row, body) ?? shown.check(row.seq, body),
      );
      if (bad !== null) {
        return bad;
      }
      after = row.seq;
      range.progress.lastSeq = row.seq;
    }
    if (rows.length < PAGE) {
      return null;
    }
  }
}

/** The searchable columns are copies: one that was changed would hide a record from a search, though its text is intact. */
function checkColumns(row: StoredRow, words: string, body: BodyJson): Finding | null {
  const expected = JSON.stringify(
    shapeWords([
      body.type,
      body.device ?? '',
      body.profile ?? '',
      body.endpoint ?? '',
      body.family ?? '',
      body.rule ?? '',
      body.verdict ?? '',
      body.risk ?? '',
      body.by ?? '',
      JSON.stringify(tablesOf(body.facts)),
    ]),
  );
  if (words === expected && row.action_id === body.action_id && row.time_ms === Date.parse(body.time)) {
    return null;
  }
  return { seq: row.seq, kind: 'edited', detail: 'what it is searched by does not match its content' };
}

interface Listed {
  readonly first_seq: number;
  readonly last_seq: number;
  readonly first_ms: number;
  readonly last_ms: number;
}

/** What leads a search to a record, besides its own columns: its batch, and the list of actions that their time does not lead to. */
class ListCheck {
  readonly #batch: Statement<[number], Listed>;
  readonly #shapes: Statement<[number], number>;
  readonly #action: Statement<[string, number], number>;
  #listed: Listed | undefined;
  #listedShapes = new Set<number>();

  constructor(db: Database) {
    this.#batch = db.prepare('SELECT * FROM batches WHERE first_seq <= ? ORDER BY first_seq DESC LIMIT 1');
    this.#shapes = db
      .prepare<[number], number>(
        'SELECT shape FROM batch_shapes WHERE shape IN (SELECT id FROM shapes) AND first_seq = ?',
      )
      .pluck();
    this.#action = db
      .prepare<[string, number], number>('SELECT 1 FROM actions WHERE action_id = ? AND seq = ?')
      .pluck();
  }

  check(row: StoredRow, body: BodyJson): Finding | null {
    if (this.#listed === undefined || row.seq > this.#listed.last_seq) {
      this.#listed = this.#batch.get(row.seq);
      this.#listedShapes = new Set(this.#shapes.all(this.#listed?.first_seq ?? 0));
    }
    const batch = this.#listed;
    const inBatch =
      batch !== undefined &&
      row.seq <= batch.last_seq &&
      row.time_ms >= batch.first_ms &&
      row.time_ms <= batch.last_ms &&
      this.#listedShapes.has(row.shape);
    const { type, verdict, outcome, action_id: actionId } = body;
    const found =
      actionId === null ||
      isFoundByTime({ type, verdict: verdict ?? '', settled: outcome !== null, actionId, timeMs: row.time_ms }) ||
      this.#action.get(actionId, row.seq) !== undefined;
    return inBatch && found
      ? null
      : { seq: row.seq, kind: 'edited', detail: 'what leads a search to it does not match its content' };
  }
}

interface Start {
  readonly seq: number;
  readonly prev: string;
  readonly finding: Finding | null;
}

/** Where the records begin: after the stubs, which must be signed and follow on each other. */
function readStart(db: Database, storeId: string, keys: KeyRing): Start {
  const rows = db
    .prepare<[], Signed>("SELECT stub AS body, signature FROM segments WHERE state = 'stub' ORDER BY first_seq")
    .all();
  let seq = 1;
  let prev = ZERO_HASH;
  for (const signed of rows) {
    const stub = parseStub(signed.body);
    const key = stub === null ? undefined : keyOf(keys, stub.key);
    const valid = stub !== null && key !== undefined && stub.store === storeId && stubVerifies(key, signed);
    if (!valid || stub.first !== seq || stub.prev !== prev) {
      const detail = valid ? 'the stub does not follow what is before it' : 'the signature of its stub does not verify';
      return { seq, prev, finding: { seq, kind: valid ? 'deleted' : 'bad-signature', detail } };
    }
    seq = stub.last + 1;
    prev = stub.head;
  }
  return { seq, prev, finding: null };
}

function keyOf(keys: KeyRing, id: string): KeyObject | undefined {
  return keys.trusted?.id === id ? keys.trusted.key : keys.listed.get(id);
}

/** Stubs of a store, oldest first. */
export function readStubs(db: Database): readonly (Signed & { readonly stub: Stub })[] {
  const rows = db
    .prepare<[], Signed>("SELECT stub AS body, signature FROM segments WHERE state = 'stub' ORDER BY first_seq")
    .all();
  return rows.flatMap((signed) => {
    const stub = parseStub(signed.body);
    return stub === null ? [] : [{ ...signed, stub }];
  });
}

function readKeys(db: Database): ReadonlyMap<string, KeyObject> {
  const rows = db.prepare<[], { public_key: string }>('SELECT public_key FROM keys').all();
  return listKeys(rows.map((row) => row.public_key));
}

/** Public keys by their id, which is computed, never believed. */
export function listKeys(texts: readonly string[]): ReadonlyMap<string, KeyObject> {
  const keys = new Map<string, KeyObject>();
  for (const text of texts) {
    const key = parsePublicKey(text);
    if (key !== null) {
      keys.set(keyId(key), key);
    }
  }
  return keys;
}

export function withId(key: KeyObject | null): KeyRing['trusted'] {
  return key === null ? null : { id: keyId(key), key };
}

function locate(db: Database, seq: number): number | null {
  const found = db
    .prepare<[string], number>('SELECT seq FROM records WHERE substr(body, 1, 30) LIKE ? LIMIT 1')
    .pluck()
    .get(`{"seq":${seq},%`);
  return found ?? null;
}

/** A published file whose end is about another store: this store was put in the place of that one. */
function checkPublished(published: readonly Signed[], storeId: string): Finding | null {
  const last = published.at(-1);
  const point = last === undefined ? null : parseCheckpoint(last.body);
  if (point === null || point.store === storeId) {
    return null;
  }
  const detail = `the published checkpoints end with those of another store (${point.store})`;
  return { seq: 0, kind: 'truncated', detail };
}

interface SchemaRow {
  readonly name: string;
  readonly type: string;
  readonly tbl_name: string;
  readonly sql: string | null;
}

/** Tables, indexes and triggers as the applied migrations make them. */
function checkSchema(db: Database): Finding | null {
  const applied = listApplied(db).length;
  const fresh = new SqliteDatabase(':memory:');
  try {
    applyMigrations(fresh, MIGRATIONS.slice(0, applied), 0);
    // SQLite's own tables and indexes have such names; it makes no triggers, and whoever writes to the schema itself may call one so.
    const query =
      "SELECT name, type, tbl_name, sql FROM sqlite_master WHERE type = 'trigger' OR name NOT GLOB 'sqlite_*' ORDER BY name";
    const there = new Map(
      db
        .prepare<[], SchemaRow>(query)
        .all()
        .map((row) => [row.name, row]),
    );
    const ours = new Map(
      fresh
        .prepare<[], SchemaRow>(query)
        .all()
        .map((row) => [row.name, row]),
    );
    for (const { name, type, sql } of ours.values()) {
      if (there.get(name)?.sql !== sql) {
        const what = there.has(name) ? 'is not as the program made it' : 'is missing';
        return { seq: 0, kind: 'edited', detail: `the ${type} ${name} ${what} in the store` };
      }
    }
    for (const { name, type, tbl_name } of there.values()) {
      if (type === 'trigger' && !ours.has(name) && ours.has(tbl_name)) {
        return { seq: 0, kind: 'edited', detail: `the trigger ${name} on ${tbl_name} is not the program's` };
      }
    }
    return null;
  } finally {
    fresh.close();
  }
}
