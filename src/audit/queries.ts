// Reading the store: filters, pages, approvals. Synchronous, on a read-only connection in the reader thread.
import type { Database } from 'better-sqlite3';
import type { Approval, ApprovalState } from '../approvals/approval.ts';
import type { Grant, GrantState } from '../approvals/grant.ts';
import { recordOf } from './canonical.ts';
import { INCIDENT_TYPES, type AuditFilter, type AuditRecord } from './event.ts';
import type { AuditPage } from './log.ts';
import { OWN_TYPES, type Within } from './scope.ts';
import { MAX_APART_MS, timesOfId } from './tables.ts';

export interface PageRequest {
  readonly limit: number;
  readonly cursor: string | null;
  readonly newestFirst: boolean;
}

/** A stored record as text. */
export interface Row {
  readonly seq: number;
  readonly body: string;
  readonly prev: string;
  readonly hash: string;
}

const MAX_PAGE = 1000;
/** Records looked at in the first step; each further step is four times as long. Keeps frequent and rare matches both cheap. */
const FIRST_WINDOW = 2000;
/** Shortest prefix by which an id is found. */
const MIN_PREFIX = 8;

/** Adds the function that the text filter uses: LIKE and lower() of SQLite fold ASCII only. */
export function addFunctions(db: Database): void {
  db.function('folded_contains', { deterministic: true }, (text: unknown, needle: unknown) =>
    typeof text === 'string' && typeof needle === 'string' && text.toLowerCase().includes(needle) ? 1 : 0,
  );
}

interface Range {
  readonly low: number;
  readonly high: number;
}

interface Where {
  readonly clauses: readonly string[];
  readonly values: readonly (string | number)[];
  /** Shapes that the records can have; null = all. */
  readonly shapes: readonly number[] | null;
}

/** One page of stored rows. The cursor is the sequence number of the last one seen. */
export function searchRows(
  db: Database,
  filter: AuditFilter,
  { limit, cursor, newestFirst }: PageRequest,
): { readonly rows: readonly Row[]; readonly next: string | null } {
  const wanted = Math.min(Math.max(1, Math.floor(limit)), MAX_PAGE) + 1;
  const range = narrow(db, filter, cursor, newestFirst);
  const where = range === null ? null : whereOf(db, filter);
  const rows: Row[] = [];
  if (range !== null && where !== null) {
    const sql = `SELECT seq, body, prev, hash FROM records WHERE seq BETWEEN ? AND ?
      ${where.clauses.map((clause) => `AND ${clause}`).join(' ')} ORDER BY seq ${newestFirst ? 'DESC' : 'ASC'} LIMIT ?`;
    const statement = db.prepare<(string | number)[], Row>(sql);
    for (const { low, high } of windowsOf(db, range, where.shapes, newestFirst)) {
      rows.push(...statement.all(low, high, ...where.values, wanted - rows.length));
      if (rows.length === wanted) {
        break;
      }
    }
  }
  const more = rows.length === wanted;
  const kept = more ? rows.slice(0, -1) : rows;
  return { rows: kept, next: more ? String(kept.at(-1)?.seq ?? '') : null };
}

/** The range cut into windows in the order in which they are searched; of those only the batches that have one of the shapes. */
function* windowsOf(
  db: Database,
  range: Range,
  shapes: readonly number[] | null,
  newestFirst: boolean,
): Generator<Range, void, void> {
  const batches = db.prepare<{ from: number; to: number; shapes: string }, Range>(
    `SELECT first_seq AS low, last_seq AS high FROM batches WHERE first_seq IN (
       SELECT first_seq FROM batch_shapes WHERE shape IN (SELECT value FROM json_each($shapes)) AND first_seq BETWEEN $from AND $to)
     ORDER BY first_seq ${newestFirst ? 'DESC' : 'ASC'}`,
  );
  const batchOf = db
    .prepare<[number], number | null>('SELECT max(first_seq) FROM batches WHERE first_seq <= ?')
    .pluck();
  let { low, high } = range;
  for (let width = FIRST_WINDOW; low <= high; width *= 4) {
    const from = newestFirst ? Math.max(low, high - width + 1) : low;
    const to = newestFirst ? high : Math.min(high, low + width - 1);
    if (shapes === null) {
      yield { low: from, high: to };
    } else {
      for (const batch of batches.all({ from: batchOf.get(from) ?? from, to, shapes: JSON.stringify(shapes) })) {
        yield { low: Math.max(from, batch.low), high: Math.min(to, batch.high) };
      }
    }
    low = newestFirst ? low : to + 1;
    high = newestFirst ? from - 1 : high;
  }
}

export function search(db: Database, filter: AuditFilter, page: PageRequest): AuditPage {
  const { rows, next } = searchRows(db, filter, page);
  return { items: rows.flatMap((row) => recordOf(row) ?? []), next };
}

/** Sequence numbers that can match at all; null = none. Uses what is known of batches and actions. */
function narrow(db: Database, filter: AuditFilter, cursor: string | null, newestFirst: boolean): Range | null {
  const ends = db.prepare<[], Ends>('SELECT min(seq) AS low, max(seq) AS high FROM records').get();
  let low = ends?.low ?? 1;
  let high = ends?.high ?? 0;
  const at = cursor === null ? null : Number(cursor);
  if (at !== null) {
    if (!Number.isSafeInteger(at)) {
      return null;
    }
    low = newestFirst ? low : Math.max(low, at + 1);
    high = newestFirst ? Math.min(high, at - 1) : high;
  }
  const found: (Ends | null)[] = [];
  if (filter.sinceMs !== undefined || filter.untilMs !== undefined) {
    found.push(rangeOfTimes(db, filter.sinceMs ?? Number.MIN_SAFE_INTEGER, filter.untilMs ?? Number.MAX_SAFE_INTEGER));
  }
  if (filter.action !== undefined) {
    const seqs = seqsOf(db, filter.action, filter.within);
    found.push(seqs.length === 0 ? null : { low: seqs[0] ?? 0, high: seqs.at(-1) ?? 0 });
  }
  for (const bounds of found) {
    low = Math.max(low, bounds?.low ?? Number.POSITIVE_INFINITY);
    high = Math.min(high, bounds?.high ?? 0);
  }
  return low <= high ? { low, high } : null;
}

/** First and last record of the batches that have records of these times. */
function rangeOfTimes(db: Database, firstMs: number, lastMs: number): Ends | null {
  const query = 'SELECT min(first_seq) AS low, max(last_seq) AS high FROM batches WHERE last_ms >= ? AND first_ms <= ?';
  return db.prepare<[number, number], Ends>(query).get(firstMs, lastMs) ?? null;
}

/** Records of the one action whose id is, or starts with, `prefix`, oldest first; [] when it does not name exactly one of those within. */
function seqsOf(db: Database, prefix: string, within?: Within): readonly number[] {
  if (!isPrefix(prefix)) {
    return [];
  }
  const seen = within === undefined ? '' : 'AND shape IN (SELECT value FROM json_each($shapes))';
  const seenThere = within === undefined ? '' : `AND seq IN (SELECT seq FROM records WHERE seq = actions.seq ${seen})`;
  const { first, last } = timesOfId(prefix);
  const near = Number.isNaN(first) ? null : rangeOfTimes(db, first - MAX_APART_MS, last + MAX_APART_MS);
  const among = `(SELECT action_id, seq FROM actions WHERE action_id >= $from AND action_id < $to ${seenThere}
    UNION SELECT action_id, seq FROM records
    WHERE seq BETWEEN $low AND $high AND action_id >= $from AND action_id < $to ${seen})`;
  const shapes = JSON.stringify(within === undefined ? [] : findShapes(db, { within }));
  const values = { from: prefix, to: `${prefix}~`, low: near?.low ?? 1, high: near?.high ?? 0, shapes };
  const ids = db
    .prepare<[typeof values], string>(`SELECT DISTINCT action_id FROM ${among} LIMIT 2`)
    .pluck()
    .all(values);
  return ids.length === 1
    ? db.prepare<[typeof values], number>(`SELECT seq FROM ${among} ORDER BY seq`).pluck().all(values)
    : [];
}

interface Ends {
  readonly low: number | null;
  readonly high: number | null;
}

/** Combinations of words whose facts name a table. */
const NAMING = 'SELECT id FROM shapes WHERE EXISTS (SELECT 1 FROM json_each(tables) WHERE value = ?)';

/**
 * A record that names the table, or one without tables of its own (a vote, an outcome) of an action that has such a record: the story of
 * a table is whole. Only the latter cost a look-up each, among the listed records: one that is not listed is the whole of its action.
 */
const TELLS_OF = `(shape IN (SELECT value FROM json_each(?)) OR (shape IN (SELECT id FROM shapes WHERE tables = '[]') AND EXISTS
  (SELECT 1 FROM actions JOIN records AS told ON told.seq = actions.seq
   WHERE actions.action_id = records.action_id AND told.shape IN (SELECT value FROM json_each(?)))))`;

/** Conditions on a record within the range; null when nothing can match. */
function whereOf(db: Database, filter: AuditFilter): Where | null {
  const clauses: string[] = [];
  const values: (string | number)[] = [];
  let shapes = findShapes(db, filter);
  if (shapes !== null) {
    if (shapes.length === 0) {
      return null;
    }
    clauses.push('shape IN (SELECT value FROM json_each(?))');
    values.push(JSON.stringify(shapes));
  }
  if (filter.table !== undefined) {
    const naming = db.prepare<[string], number>(NAMING).pluck().all(filter.table);
    if (naming.length === 0) {
      return null;
    }
    clauses.push(TELLS_OF);
    values.push(JSON.stringify(naming), JSON.stringify(naming));
    shapes ??= [...naming, ...db.prepare<[], number>("SELECT id FROM shapes WHERE tables = '[]'").pluck().all()];
  }
  if (filter.sinceMs !== undefined) {
    clauses.push('time_ms >= ?');
    values.push(filter.sinceMs);
  }
  if (filter.untilMs !== undefined) {
    clauses.push('time_ms <= ?');
    values.push(filter.untilMs);
  }
  if (filter.action !== undefined) {
    // narrow() has found that the prefix belongs to one action.
    clauses.push('action_id >= ? AND action_id < ?');
    values.push(filter.action, `${filter.action}~`);
  }
  if (filter.text !== undefined) {
    const needle = filter.text.toLowerCase();
    clauses.push(
      "(folded_contains(json_extract(body, '$.summary'), ?) OR folded_contains(json_extract(body, '$.text'), ?))",
    );
    values.push(needle, needle);
  }
  if (filter.trace !== undefined) {
    // Few records have the digits anywhere: only they are read as JSON.
    clauses.push("(instr(body, ?) > 0 AND json_extract(body, '$.data.claim.trace') = ?)");
    values.push(filter.trace, filter.trace);
  }
  return { clauses, values, shapes };
}

/** Combinations of words that the filter admits; null when it says nothing about words. */
function findShapes(db: Database, filter: AuditFilter): readonly number[] | null {
  const words: readonly (readonly [string, string | undefined])[] = [
    ['device', filter.device],
    ['profile', filter.profile],
    ['endpoint', filter.endpoint],
    ['family', filter.family],
    ['rule', filter.rule],
    ['verdict', filter.verdict],
    ['risk', filter.risk],
    ['actor', filter.by],
  ];
  const clauses: string[] = [];
  const values: string[] = [];
  for (const [column, word] of words) {
    if (word !== undefined) {
      clauses.push(`${column} = ?`);
      values.push(word);
    }
  }
  if (filter.types !== undefined) {
    clauses.push('type IN (SELECT value FROM json_each(?))');
    values.push(JSON.stringify(filter.types));
  }
  if (filter.within !== undefined) {
    const { profiles, sources, operator } = filter.within;
    const acts = 'type IN (SELECT value FROM json_each(?)) AND actor IN (SELECT value FROM json_each(?))';
    clauses.push(`(profile IN (SELECT value FROM json_each(?)) OR (profile = '' AND ((${acts}) OR (${acts}))))`);
    const own = operator === undefined ? [] : [operator];
    values.push(...[profiles, INCIDENT_TYPES, sources, OWN_TYPES, own].map((list) => JSON.stringify(list)));
  }
  if (clauses.length === 0) {
    return null;
  }
  return db
    .prepare<string[], number>(`SELECT id FROM shapes WHERE ${clauses.join(' AND ')}`)
    .pluck()
    .all(...values);
}

/** Whether a text can stand for an id; "~" sorts after every character of one. */
function isPrefix(text: string): boolean {
  return text.length >= MIN_PREFIX && /^[0-9A-Za-z-]+$/.test(text);
}

/** Where a row says whose it is. */
const PROFILE_PATHS = { approvals: '$.agent.profile', grants: '$.profile' } as const;

/** Keeps to rows of the profiles in the JSON list `$profiles`; all of them when that is null. */
function isOneOf(table: keyof typeof PROFILE_PATHS): string {
  return `($profiles IS NULL OR json_extract(body, '${PROFILE_PATHS[table]}') IN (SELECT value FROM json_each($profiles)))`;
}

/** The body of the one row of these profiles whose id is, or starts with, `prefix`; null when none or several do. */
function findBody(db: Database, table: 'approvals' | 'grants', prefix: string, of?: Profiles): string | null {
  if (!isPrefix(prefix)) {
    return null;
  }
  const values = { from: prefix, to: `${prefix}~`, profiles: of === undefined ? null : JSON.stringify(of) };
  const found = db
    .prepare<[typeof values], string>(
      `SELECT body FROM ${table} WHERE id >= $from AND id < $to AND ${isOneOf(table)} LIMIT 2`,
    )
    .pluck()
    .all(values);
  return found.length === 1 ? (found[0] ?? null) : null;
}

/** Every record of one action, oldest first; [] when the id or prefix does not name exactly one of those within. */
export function show(db: Database, idOrPrefix: string, within?: Within): readonly AuditRecord[] {
  const query = `SELECT seq, body, prev, hash FROM records WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq`;
  return db
    .prepare<[string], Row>(query)
    .all(JSON.stringify(seqsOf(db, idOrPrefix, within)))
    .flatMap((row) => recordOf(row) ?? []);
}

export function getRecord(db: Database, seq: number): AuditRecord | null {
  const row = db.prepare<[number], Row>('SELECT seq, body, prev, hash FROM records WHERE seq = ?').get(seq);
  return row === undefined ? null : recordOf(row);
}

/** Records after `seq`, oldest first. */
export function readAfter(db: Database, seq: number, limit: number): readonly AuditRecord[] {
  return db
    .prepare<[number, number], Row>('SELECT seq, body, prev, hash FROM records WHERE seq > ? ORDER BY seq LIMIT ?')
    .all(seq, limit)
    .flatMap((row) => recordOf(row) ?? []);
}

/** Stored rows of a run, oldest first. */
export function readBetween(db: Database, from: number, to: number): readonly Row[] {
  return db
    .prepare<[number, number], Row>('SELECT seq, body, prev, hash FROM records WHERE seq BETWEEN ? AND ? ORDER BY seq')
    .all(from, to);
}

/** First and last match, the last moved on to the next signed checkpoint where there is one; null when nothing matches. */
export function findBundleRange(db: Database, filter: AuditFilter): { from: number; to: number } | null {
  const ends = [false, true].map((newestFirst) =>
    searchRows(db, filter, { limit: 1, cursor: null, newestFirst }).rows.at(0),
  );
  const [first, last] = ends;
  if (first === undefined || last === undefined) {
    return null;
  }
  const signed = db
    .prepare<[number], number | null>('SELECT min(seq) FROM checkpoints WHERE seq >= ?')
    .pluck()
    .get(last.seq);
  return { from: first.seq, to: signed ?? last.seq };
}

/** Rows of these profiles; left out: all rows. */
type Profiles = readonly string[];

export interface StatePage {
  readonly limit: number;
  readonly cursor: string | null;
  readonly profiles?: Profiles;
}

export interface ApprovalPage {
  readonly items: readonly Approval[];
  readonly next: string | null;
}

/** Approvals in these states, newest first. Ids are UUIDv7, so their order is that of creation. */
export function listApprovals(db: Database, states: readonly ApprovalState[], page: StatePage): ApprovalPage {
  const { bodies, next } = pageOf(db, 'approvals', states, page);
  return { items: bodies.map(parseApproval), next };
}

function pageOf(
  db: Database,
  table: 'approvals' | 'grants',
  states: readonly string[],
  { limit, cursor, profiles }: StatePage,
): { readonly bodies: readonly string[]; readonly next: string | null } {
  const wanted = Math.min(Math.max(1, Math.floor(limit)), MAX_PAGE);
  const rows = db
    .prepare<[object], { id: string; body: string }>(
      `SELECT id, body FROM ${table} WHERE state IN (SELECT value FROM json_each($states)) AND id < $before
       AND ${isOneOf(table)} ORDER BY id DESC LIMIT $limit`,
    )
    .all({
      states: JSON.stringify(states),
      before: cursor ?? '~',
      profiles: profiles === undefined ? null : JSON.stringify(profiles),
      limit: wanted + 1,
    });
  const kept = rows.slice(0, wanted);
  return {
    bodies: kept.map(({ body }) => body),
    next: rows.length > wanted ? (kept.at(-1)?.id ?? null) : null,
  };
}

/** The approval with this id, or with this unique prefix of 8 or more; null when none or several have it. */
export function getApproval(db: Database, idOrPrefix: string, of?: Profiles): Approval | null {
  const body = findBody(db, 'approvals', idOrPrefix, of);
  return body === null ? null : parseApproval(body);
}

export interface GrantPage {
  readonly items: readonly Grant[];
  readonly next: string | null;
}

/** Grants in these states, newest first. */
export function listGrants(db: Database, states: readonly GrantState[], page: StatePage): GrantPage {
  const { bodies, next } = pageOf(db, 'grants', states, page);
  return { items: bodies.map(parseGrant), next };
}

/** The grant with this id, or with this unique prefix of 8 or more; null when none or several have it. */
export function getGrant(db: Database, idOrPrefix: string, of?: Profiles): Grant | null {
  const body = findBody(db, 'grants', idOrPrefix, of);
  return body === null ? null : parseGrant(body);
}

/** The writer made it from a Grant. */
function parseGrant(body: string): Grant {
  const grant: Grant = JSON.parse(body);
  return grant;
}

/** What approvals of an earlier version did not tell. */
type Later = Pick<Approval, 'reviews' | 'alike' | 'alert' | 'words' | 'grantsMade' | 'askedMs'>;

const LATER: Omit<Later, 'askedMs'> = { reviews: [], alike: 1, alert: null, words: '', grantsMade: [] };

/** The writer made it from an Approval. */
function parseApproval(body: string): Approval {
  const stored: Omit<Approval, keyof Later> & Partial<Later> = JSON.parse(body);
  return { ...LATER, ...stored, askedMs: stored.askedMs ?? stored.createdMs };
}
