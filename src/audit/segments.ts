// Segments in the store: sealed ranges of records, and how a range leaves. Runs in the writer thread.
//
// A segment is sealed (a range that no longer grows, ending at a signed checkpoint), then exported by whoever drives retention, then
// becomes a signed stub; only then do the triggers let its records go, a few at a time so that writing is never held up for long.
import type { Database } from 'better-sqlite3';
import { timeText } from './canonical.ts';
import { signStub } from './checkpoint.ts';
import type { CheckpointKey } from './keys.ts';
import type { Store } from './store.ts';

export interface SealedSegment {
  readonly id: number;
  readonly first: number;
  readonly last: number;
  readonly prev: string;
  readonly head: string;
  readonly lastMs: number;
}

export interface RetireParts {
  readonly segment: number;
  /** Name of the archive file, and the SHA-256 of its bytes. */
  readonly file: string;
  readonly fileSha256: string;
  readonly nowMs: number;
}

const COLUMNS = 'id, first_seq AS first, last_seq AS last, prev, head, last_ms AS lastMs';

/** Seals what is not sealed yet when its first record is older than `segmentMs`. Null when nothing is due. */
export function sealSegment(store: Store, nowMs: number, segmentMs: number): SealedSegment | null {
  const { db, head } = store;
  const first = 1 + (db.prepare<[], number>('SELECT coalesce(max(last_seq), 0) FROM segments').pluck().get() ?? 0);
  const row = db
    .prepare<[number], { time_ms: number; prev: string }>('SELECT time_ms, prev FROM records WHERE seq = ?')
    .get(first);
  if (row === undefined || nowMs - row.time_ms < segmentMs) {
    return null;
  }
  store.checkpoint(nowMs);
  const last = db.prepare<[number], number>('SELECT time_ms FROM records WHERE seq = ?').pluck().get(head.seq);
  const { lastInsertRowid } = db
    .prepare(
      `INSERT INTO segments (first_seq, last_seq, prev, head, first_ms, last_ms, state)
       VALUES (?, ?, ?, ?, ?, ?, 'sealed')`,
    )
    .run(first, head.seq, row.prev, head.hash, row.time_ms, last ?? nowMs);
  return findSegment(db, Number(lastInsertRowid));
}

/** Segments whose last record is older than `beforeMs` and that are still whole in the store, oldest first. */
export function listDueSegments(db: Database, beforeMs: number): readonly SealedSegment[] {
  return db
    .prepare<[number], SealedSegment>(
      `SELECT ${COLUMNS} FROM segments WHERE state = 'sealed' AND last_ms < ? ORDER BY first_seq`,
    )
    .all(beforeMs);
}

/** Stubs of which records are still there: a purge that was cut short. */
export function listUnpurged(db: Database): readonly number[] {
  return db
    .prepare<[], number>(
      `SELECT id FROM segments s WHERE state = 'stub'
       AND EXISTS (SELECT 1 FROM records r WHERE r.seq BETWEEN s.first_seq AND s.last_seq) ORDER BY id`,
    )
    .pluck()
    .all();
}

/** Turns an exported segment into its signed stub. */
export function retireSegment(store: Store, key: CheckpointKey, parts: RetireParts): void {
  const segment = findSegment(store.db, parts.segment);
  if (segment === null) {
    throw new Error(`no segment ${parts.segment}`);
  }
  const { first, last, prev, head } = segment;
  const { body, signature } = signStub(key.privateKey, {
    store: store.id,
    segment: parts.segment,
    first,
    last,
    prev,
    head,
    file: parts.file,
    file_sha256: parts.fileSha256,
    time: timeText(parts.nowMs),
    key: key.id,
  });
  store.db
    .prepare("UPDATE segments SET state = 'stub', stub = ?, signature = ? WHERE id = ?")
    .run(body, signature, parts.segment);
}

/** Removes up to `limit` records of a stub. Returns whether some are left. */
export function purgeSegment(store: Store, id: number, limit: number): boolean {
  const segment = findSegment(store.db, id);
  return segment !== null && store.db.transaction(() => purge(store.db, segment, limit)).immediate();
}

function purge(db: Database, segment: SealedSegment, limit: number): boolean {
  const last = Math.min(segment.last, firstLeft(db, segment) + limit - 1);
  const range = [segment.first, last] as const;
  db.prepare(
    `DELETE FROM actions WHERE (action_id, seq) IN
     (SELECT action_id, seq FROM records WHERE seq BETWEEN ? AND ? AND action_id IS NOT NULL)`,
  ).run(...range);
  db.prepare('DELETE FROM records WHERE seq BETWEEN ? AND ?').run(...range);
  // A segment ends with a batch; one of which records are left stays until they go.
  const batches = db
    .prepare<[number, number], number>('SELECT first_seq FROM batches WHERE first_seq >= ? AND last_seq <= ?')
    .pluck()
    .all(...range);
  const ended = JSON.stringify(batches);
  db.prepare(
    `DELETE FROM batch_shapes WHERE shape IN (SELECT id FROM shapes)
     AND first_seq IN (SELECT value FROM json_each(?))`,
  ).run(ended);
  db.prepare('DELETE FROM batches WHERE first_seq IN (SELECT value FROM json_each(?))').run(ended);
  if (last < segment.last) {
    return true;
  }
  // What was decided long ago goes with its records; what waits stays.
  db.prepare("DELETE FROM approvals WHERE seq <= ? AND state <> 'pending'").run(segment.last);
  db.prepare("DELETE FROM grants WHERE seq <= ? AND state <> 'active'").run(segment.last);
  return false;
}

/** First record that is still there. */
function firstLeft(db: Database, { first, last }: SealedSegment): number {
  const query = 'SELECT min(seq) FROM records WHERE seq BETWEEN ? AND ?';
  return db.prepare<[number, number], number | null>(query).pluck().get(first, last) ?? last;
}

function findSegment(db: Database, id: number): SealedSegment | null {
  return db.prepare<[number], SealedSegment>(`SELECT ${COLUMNS} FROM segments WHERE id = ?`).get(id) ?? null;
}
