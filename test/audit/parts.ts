// Parts for audit tests: events, logs in temporary folders, workers that a test can kill, and a raw connection for tampering.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Database as SqliteDatabase } from '../../src/audit/sqlite-library.ts';
import type { Database } from 'better-sqlite3';
import { encodeBatch } from '../../src/audit/batch.ts';
import type { Batch } from '../../src/audit/batch.ts';
import { BODY_START, parseBody } from '../../src/audit/canonical.ts';
import type { BodyJson } from '../../src/audit/canonical.ts';
import { BatchTexts, FactTexts } from '../../src/audit/record-text.ts';
import { openAuditLog } from '../../src/audit/sqlite.ts';
import type { AuditLogParts, AuditTrouble, SqliteAuditLog } from '../../src/audit/sqlite.ts';
import type { AuditEvent } from '../../src/audit/event.ts';
import { loadCheckpointKey } from '../../src/audit/keys.ts';
import type { CheckpointKey } from '../../src/audit/keys.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { uuidv7 } from '../../src/lib/ids.ts';
import type { Agent } from '../../src/rules/action.ts';
import { temporaryFolder } from '../support/temp.ts';
import type { CleanUp } from '../support/temp.ts';

export const AGENT: Agent = {
  device: 'listener/pg',
  profile: 'oncall',
  run: '',
  user: 'dana',
  ip: '10.1.2.3',
  transport: 'direct',
};

export const OUTCOME = { kind: 'ok', rows: 1, status: 'SELECT 1', duration_ms: 0.5 };

export function createEvent(parts: Partial<AuditEvent> = {}): AuditEvent {
  return {
    type: 'action.decided',
    timeMs: Date.now(),
    agent: AGENT,
    session: 'session-1',
    actionId: uuidv7(Date.now()),
    endpoint: 'postgres.pg',
    family: 'sql',
    factsJson: '{"sql":{"verb":"select","tables":["public.users"]},"risk":"safe"}',
    risk: 'safe',
    verdict: 'allow',
    rule: 'reads',
    approvers: [],
    by: 'rule',
    reason: '',
    summary: 'SELECT * FROM users',
    text: 'SELECT * FROM users',
    textComplete: true,
    digest: '',
    digestOf: 'SELECT * FROM users',
    data: null,
    ...parts,
  };
}

/** A clock whose wall time is set by hand; timers are the machine's. */
export class WallClock implements Clock {
  offsetMs = 0;
  now(): number {
    return Date.now() + this.offsetMs;
  }
  monotonicMs(): number {
    return systemClock.monotonicMs();
  }
  after: Clock['after'] = (delayMs, fire) => systemClock.after(delayMs, fire);
}

export interface TestLog {
  readonly log: SqliteAuditLog;
  readonly folder: string;
  readonly path: string;
  readonly publish: string;
  readonly archive: string;
  readonly key: CheckpointKey;
  readonly clock: WallClock;
  readonly troubles: AuditTrouble[];
  /** Writer threads as they were started. */
  readonly writers: () => readonly Worker[];
  /** Closes this one and opens the same store again. */
  reopen(parts?: Partial<AuditLogParts>): Promise<TestLog>;
}

/** A log in a folder of its own, closed after the test. */
export async function openLog(
  cleanUp: CleanUp,
  parts: Partial<AuditLogParts> = {},
  folder: string = temporaryFolder(cleanUp, 'audit'),
): Promise<TestLog> {
  const key = parts.key ?? loadCheckpointKey({ stateDir: folder, storeKey: Buffer.alloc(32, 1), configured: null });
  const workers: { readonly entry: URL; readonly worker: Worker }[] = [];
  const troubles: AuditTrouble[] = [];
  const clock = new WallClock();
  const path = join(folder, 'clawpatrol.db');
  const publish = join(folder, 'published.jsonl');
  const archive = join(folder, 'archive');
  const log = await openAuditLog({
    path,
    clock,
    key,
    checkpoint: { everyMs: 60_000, records: 1000, publish },
    retention: () => ({ retentionMs: 0, segmentMs: 3_600_000, archiveDir: archive }),
    onTrouble: (trouble) => troubles.push(trouble),
    spawn: (entry, workerData) => {
      const worker = new Worker(entry, { workerData, execArgv: [] });
      workers.push({ entry, worker });
      return worker;
    },
    ...parts,
    // Nothing here waits in vain: a machine on which a thread begins slowly is waited for.
    tuning: { batchMs: 5, retryMs: 20, waitMs: 60_000, busyTimeoutMs: 50, ...parts.tuning },
  });
  // In a gateway the sockets keep the process alive.
  const alive = setInterval(() => {}, 1000);
  const close = async (): Promise<void> => {
    await log.close().catch(() => {});
    clearInterval(alive);
  };
  cleanUp.after(close);
  const reopen = async (next: Partial<AuditLogParts> = {}): Promise<TestLog> => {
    await close();
    return openLog(cleanUp, { key, ...parts, ...next }, folder);
  };
  const writers = (): readonly Worker[] =>
    workers.filter(({ entry }) => entry.pathname.includes('writer')).map(({ worker }) => worker);
  return { log, folder, path, publish, archive, key, clock, troubles, writers, reopen };
}

/** Appends events, with an outcome where one is owed, and waits until they are on disk. */
export async function write(log: SqliteAuditLog, events: readonly AuditEvent[]): Promise<void> {
  for (const event of events) {
    const ticket = log.append(event);
    if (ticket === null) {
      throw new Error('the log takes nothing');
    }
    if (event.type === 'action.decided') {
      ticket.settle(OUTCOME, event.timeMs);
    }
  }
  await log.flush();
}

/** What somebody with the file in his hands can do: every trigger is gone. */
export function tamper(path: string, work: (db: Database) => void, options: { keepTriggers?: boolean } = {}): void {
  const db = new SqliteDatabase(path);
  try {
    const query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'";
    const triggers = db.prepare<[], { name: string; sql: string }>(query).all();
    if (options.keepTriggers !== true) {
      db.exec(triggers.map(({ name }) => `DROP TRIGGER ${name};`).join('\n'));
    }
    work(db);
    if (options.keepTriggers !== true) {
      db.exec(triggers.map(({ sql }) => `${sql};`).join('\n'));
    }
  } finally {
    db.close();
  }
}

/** Waits for something that comes by itself. */
export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadlineMs = performance.now() + 60_000;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) {
      throw new Error(`waited in vain until ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Bodies of a batch as the writer makes them, all with the number 0. */
export function bodiesOf(batch: Batch): readonly BodyJson[] {
  const texts = new BatchTexts(batch, new FactTexts());
  return Array.from({ length: texts.length }, (_, index) => {
    const body = parseBody(`${BODY_START}0${texts.row(index).rest}`);
    assert.ok(body !== null);
    return body;
  });
}

/** A batch as a log would make it for events without outcomes. */
export function makeBatchOf(id: number, events: readonly AuditEvent[]): Batch {
  return encodeBatch(
    id,
    0,
    events.map((event) => ({ event, outcome: null })),
  );
}
