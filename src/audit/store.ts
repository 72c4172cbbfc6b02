// The writing side of the store, in the writer thread: turns batches into chained records, one transaction a batch. Synchronous; the
// only code that inserts into the audit tables. A failure leaves the store as it was, and the same batch can be tried again.
import { closeSync, constants, fchmodSync, openSync, statSync } from 'node:fs';
import { isObject } from '../lib/fields.ts';
import { Database as SqliteDatabase } from './sqlite-library.ts';
import type { Database, Statement } from 'better-sqlite3';
import { Lru } from '../lib/lru.ts';
import type { Batch } from './batch.ts';
import { ZERO_HASH, sha256, timeText } from './canonical.ts';
import { signCheckpoint } from './checkpoint.ts';
import type { CheckpointKey } from './keys.ts';
import { applyMigrations } from './migrate.ts';
import { BatchTexts, FactTexts, Scratch } from './record-text.ts';
import type { TextRow } from './record-text.ts';
import { MIGRATIONS } from './schema.ts';

export interface StoreParts {
  readonly path: string;
  readonly key: CheckpointKey;
  /** Names the writer of this start of the gateway; batch ids count within it. */
  readonly run: string;
  /** A checkpoint is written when this many records have come since the last one. */
  readonly checkpointRecords: number;
  readonly busyTimeoutMs: number;
  readonly nowMs: number;
}

export interface Head {
  readonly seq: number;
  readonly hash: string;
}

/** Of a new store. Records are longer than a kilobyte: in small pages they waste space, and each page costs two writes. */
const PAGE_BYTES = 16 * 1024;
/** Pages in the write-ahead log before they are moved to the main file: fewer, larger moves than SQLite's 1000 of 4 KiB. */
const WAL_PAGES = 1000;
const WAL_KEPT_BYTES = 64 * 1024 * 1024;
/** Combinations of searchable words whose rows are remembered. */
const MAX_SHAPES = 20_000;

export class Store {
  readonly db: Database;
  readonly id: string;
  readonly #parts: StoreParts;
  readonly #shapes = new Lru<string, number>(MAX_SHAPES);
  readonly #statements: Statements;
  readonly #facts = new FactTexts();
  readonly #scratch = new Scratch();
  #head: Head;
  #lastBatch: number;
  #checkpointSeq: number;
  /** Which file each path of the store meant when it was first seen: the main file and its write-ahead log. */
  readonly #files = new Map<string, string>();

  constructor(parts: StoreParts) {
    this.#parts = parts;
    createPrivately(parts.path);
    this.db = new SqliteDatabase(parts.path, { timeout: parts.busyTimeoutMs });
    try {
      // Only a store without tables takes it.
      this.db.pragma(`page_size = ${PAGE_BYTES}`);
      this.db.pragma('journal_mode = WAL');
      // An acknowledged record survives a power cut: every commit syncs. Batches make that cheap.
      this.db.pragma('synchronous = FULL');
      this.db.pragma(`wal_autocheckpoint = ${WAL_PAGES}`);
      this.db.pragma(`journal_size_limit = ${WAL_KEPT_BYTES}`);
      this.db.pragma('trusted_schema = OFF');
      applyMigrations(this.db, MIGRATIONS, parts.nowMs);
      this.#statements = prepareStatements(this.db);
      this.id = this.#openIdentity();
      this.#head = this.#readHead();
      this.#lastBatch = this.#readLastBatch();
      this.#checkpointSeq = this.#readCheckpointSeq();
      this.#checkFiles();
    } catch (error) {
      this.db.close();
      throw error;
    }
  }

  get head(): Head {
    return this.#head;
  }

  /** Id of the last batch of this run that is in the store. */
  get lastBatch(): number {
    return this.#lastBatch;
  }

  /** Writes a batch in one durable transaction. A batch that was written before is not written again. */
  write(batch: Batch): void {
    if (batch.id <= this.#lastBatch) {
      return;
    }
    let head = this.#head;
    this.#transact(() => {
      head = this.#append(new BatchTexts(batch, this.#facts), head);
      this.#statements.setState.run('batch', String(batch.id));
      if (head.seq - this.#checkpointSeq >= this.#parts.checkpointRecords) {
        this.#insertCheckpoint(head, batch.nowMs);
      }
    });
    this.#head = head;
    this.#lastBatch = batch.id;
    this.#checkpointSeq = this.#readCheckpointSeq();
  }

  /** Numbers the records, chains them and puts them into the tables. */
  #append(texts: BatchTexts, start: Head): Head {
    const { insertRecord, insertBatch, insertBatchShape } = this.#statements;
    const shapes = new Map<readonly string[], number>();
    let { seq, hash } = start;
    let firstMs = Number.POSITIVE_INFINITY;
    let lastMs = Number.NEGATIVE_INFINITY;
    for (let index = 0; index < texts.length; index += 1) {
      const row = texts.row(index);
      const prev = hash;
      seq += 1;
      const { hashed, body } = this.#scratch.put(prev, seq, row.rest);
      hash = sha256(hashed);
      let shape = shapes.get(row.shape);
      if (shape === undefined) {
        shape = this.#shapeOf(row.shape);
        shapes.set(row.shape, shape);
      }
      insertRecord.run(seq, row.timeMs, row.actionId, shape, body, prev, hash);
      this.#note(row, seq);
      firstMs = Math.min(firstMs, row.timeMs);
      lastMs = Math.max(lastMs, row.timeMs);
    }
    if (texts.length > 0) {
      insertBatch.run(start.seq + 1, seq, firstMs, lastMs);
      for (const shape of new Set(shapes.values())) {
        insertBatchShape.run(shape, start.seq + 1);
      }
    }
    return { seq, hash };
  }

  /** What a record says beside itself: about its action, and about an approval. */
  #note({ actionId, listed, effect, approval, grants }: TextRow, seq: number): void {
    if (actionId !== null && listed) {
      this.#statements.insertAction.run(actionId, seq);
    }
    if (actionId !== null && effect === 'settled') {
      this.#statements.deleteUnsettled.run(actionId);
    } else if (actionId !== null && effect === 'open') {
      this.#statements.insertUnsettled.run(actionId, seq);
    }
    if (isObject(approval)) {
      this.#project(approval, seq);
    }
    for (const grant of grants) {
      this.#projectGrant(grant, seq);
    }
  }

  /** A grant as the grants table shows it. Records of uses may come out of turn; what has ended stays ended. */
  #projectGrant(grant: unknown, seq: number): void {
    if (isObject(grant)) {
      const { id, state, uses } = grant;
      if (typeof id === 'string' && typeof state === 'string' && typeof uses === 'number') {
        this.#statements.upsertGrant.run(id, state, Math.floor(uses), seq, JSON.stringify(grant));
      }
    }
  }

  /** An approval as the approvals table shows it. */
  #project(approval: Readonly<Record<string, unknown>>, seq: number): void {
    const { id, state, createdMs } = approval;
    if (typeof id === 'string' && typeof state === 'string' && typeof createdMs === 'number') {
      this.#statements.upsertApproval.run(id, state, Math.floor(createdMs), seq, JSON.stringify(approval));
    }
  }

  /** Signs the head, unless the last checkpoint already is about it. */
  checkpoint(nowMs: number): void {
    if (this.#head.seq > this.#checkpointSeq) {
      this.#transact(() => this.#insertCheckpoint(this.#head, nowMs));
      this.#checkpointSeq = this.#head.seq;
    }
  }

  close(): void {
    this.db.close();
  }

  /** All or nothing; afterwards what is remembered is again what is stored. */
  #transact(work: () => void): void {
    this.#checkFiles();
    try {
      this.db.transaction(work).immediate();
    } catch (error) {
      this.#recover();
      throw error;
    }
  }

  /**
   * The paths must still mean the files that are open. What is written to a file that was removed or replaced is gone with this process,
   * and SQLite says nothing about it.
   */
  #checkFiles(): void {
    const { path } = this.#parts;
    for (const name of [path, `${path}-wal`]) {
      const stat = statSync(name, { throwIfNoEntry: false });
      const file = stat === undefined ? null : `${stat.dev}:${stat.ino}`;
      const known = this.#files.get(name);
      if (known !== undefined && known !== file) {
        throw new Error(`${name} was removed or replaced while it was in use; put it back, or start the gateway anew`);
      }
      if (file !== null) {
        this.#files.set(name, file);
      }
    }
  }

  #recover(): void {
    this.#shapes.clear();
    try {
      this.#head = this.#readHead();
      this.#lastBatch = this.#readLastBatch();
      this.#checkpointSeq = this.#readCheckpointSeq();
    } catch {
      // Cannot be read now either. What is remembered is the state before the transaction, and that was rolled back.
    }
  }

  #insertCheckpoint(head: Head, nowMs: number): void {
    const { id, privateKey } = this.#parts.key;
    const point = { store: this.id, seq: head.seq, head: head.hash, time: timeText(nowMs), key: id };
    const { body, signature } = signCheckpoint(privateKey, point);
    this.#statements.insertCheckpoint.run(head.seq, body, signature);
  }

  #openIdentity(): string {
    const { key, run, nowMs } = this.#parts;
    this.db
      .transaction(() => {
        this.db
          .prepare("INSERT OR IGNORE INTO store (key, value) VALUES ('id', lower(hex(randomblob(16)))), ('run', '')")
          .run();
        if (this.#readState('run') !== run) {
          this.#statements.setState.run('run', run);
          this.#statements.setState.run('batch', '0');
        }
        const since = this.#readHead().seq + 1;
        this.#statements.insertKey.run(key.id, key.publicPem, since, timeText(nowMs));
      })
      .immediate();
    return this.#readState('id');
  }

  #readState(key: string): string {
    return this.db.prepare<[string], string>('SELECT value FROM store WHERE key = ?').pluck().get(key) ?? '';
  }

  #readLastBatch(): number {
    return Number(this.#readState('batch'));
  }

  #readHead(): Head {
    const row = this.db
      .prepare<[], Head>(
        `SELECT seq, hash FROM records WHERE seq = (SELECT max(seq) FROM records)
         UNION ALL SELECT last_seq, head FROM segments ORDER BY 1 DESC LIMIT 1`,
      )
      .get();
    return row ?? { seq: 0, hash: ZERO_HASH };
  }

  #readCheckpointSeq(): number {
    return this.db.prepare<[], number>('SELECT coalesce(max(seq), 0) FROM checkpoints').pluck().get() ?? 0;
  }

  #shapeOf(values: readonly string[]): number {
    const key = JSON.stringify(values);
    const known = this.#shapes.find(key);
    if (known !== null) {
      return known;
    }
    this.#statements.insertShape.run(...values);
    const id = this.#statements.findShape.get(...values) ?? 0;
    this.#shapes.put(key, id);
    return id;
  }
}

interface Statements {
  readonly insertRecord: Statement<[number, number, string | null, number, Uint8Array, string, string]>;
  readonly insertBatch: Statement<[number, number, number, number]>;
  readonly insertBatchShape: Statement<[number, number]>;
  readonly insertAction: Statement<[string, number]>;
  readonly insertShape: Statement<string[]>;
  readonly findShape: Statement<string[], number>;
  readonly insertCheckpoint: Statement<[number, string, string]>;
  readonly insertKey: Statement<[string, string, number, string]>;
  readonly setState: Statement<[string, string]>;
  readonly upsertApproval: Statement<[string, string, number, number, string]>;
  readonly upsertGrant: Statement<[string, string, number, number, string]>;
  readonly insertUnsettled: Statement<[string, number]>;
  readonly deleteUnsettled: Statement<[string]>;
}

function prepareStatements(db: Database): Statements {
  return {
    insertRecord: db.prepare(
      'INSERT INTO records (seq, time_ms, action_id, shape, body, prev, hash) VALUES (?, ?, ?, ?, CAST(? AS TEXT), ?, ?)',
    ),
    insertBatch: db.prepare('INSERT INTO batches (first_seq, last_seq, first_ms, last_ms) VALUES (?, ?, ?, ?)'),
    insertBatchShape: db.prepare('INSERT INTO batch_shapes (shape, first_seq) VALUES (?, ?)'),
    insertAction: db.prepare('INSERT INTO actions (action_id, seq) VALUES (?, ?)'),
    insertShape: db.prepare(
      `INSERT OR IGNORE INTO shapes (type, device, profile, endpoint, family, rule, verdict, risk, actor, tables)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    findShape: db
      .prepare<string[], number>(
        `SELECT id FROM shapes WHERE type = ? AND device = ? AND profile = ? AND endpoint = ? AND family = ?
         AND rule = ? AND verdict = ? AND risk = ? AND actor = ? AND tables = ?`,
      )
      .pluck(),
    insertCheckpoint: db.prepare('INSERT INTO checkpoints (seq, body, signature) VALUES (?, ?, ?)'),
    insertKey: db.prepare('INSERT OR IGNORE INTO keys (id, public_key, since_seq, added) VALUES (?, ?, ?, ?)'),
    setState: db.prepare(
      'INSERT INTO store (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
    ),
    upsertApproval: db.prepare(
      `INSERT INTO approvals (id, state, created_ms, seq, body) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET state = excluded.state, seq = excluded.seq, body = excluded.body`,
    ),
    upsertGrant: db.prepare(
      `INSERT INTO grants (id, state, uses, seq, body) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET state = excluded.state, uses = excluded.uses, seq = excluded.seq, body = excluded.body
       WHERE grants.state = 'active' AND excluded.uses >= grants.uses`,
    ),
    insertUnsettled: db.prepare('INSERT OR REPLACE INTO unsettled (action_id, seq) VALUES (?, ?)'),
    deleteUnsettled: db.prepare('DELETE FROM unsettled WHERE action_id = ?'),
  };
}

/** SQLite gives its -wal and -shm files the mode of the main file, so that one is made first. A link is not followed. */
function createPrivately(path: string): void {
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    fchmodSync(file, 0o600);
  } finally {
    closeSync(file);
  }
}
