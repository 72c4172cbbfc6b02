// Entry of the writer thread: the one connection that writes the audit tables.
import { workerData } from 'node:worker_threads';
import type { Database } from 'better-sqlite3';
import { messageOf } from '../lib/errors.ts';
import type { Batch } from './batch.ts';
import type { Finding } from './chain.ts';
import { checkStore } from './check-store.ts';
import { parseCheckpoint } from './checkpoint.ts';
import type { Signed } from './checkpoint.ts';
import { Publisher, readLastPublished } from './publish.ts';
import { purgeSegment, retireSegment, sealSegment } from './segments.ts';
import type { RetireParts, SealedSegment } from './segments.ts';
import { Store } from './store.ts';
import type { Head, StoreParts } from './store.ts';
import { answerCalls } from './thread.ts';

/** What the writer thread is started with. */
export interface WriterData extends StoreParts {
  readonly publish: string | null;
}

export interface WriterCalls {
  open(argument: null): OpenedStore;
  write(batch: Batch): Written;
  checkpoint(nowMs: number): Written;
  seal(argument: { readonly nowMs: number; readonly segmentMs: number }): SealedSegment | null;
  retire(parts: RetireParts): void;
  /** Whether records of the segment are left. */
  purge(argument: { readonly segment: number; readonly limit: number }): boolean;
  close(nowMs: number): Written;
}

export interface OpenedStore {
  readonly storeId: string;
  readonly head: Head;
  /** What is wrong with the end of the log as it was found, or null. */
  readonly finding: Finding | null;
  /** Actions that were let through by an earlier run and whose outcome was never recorded. */
  readonly unsettled: readonly { readonly actionId: string; readonly seq: number }[];
}

export interface Written {
  readonly head: Head;
  readonly tookMs: number;
  /** What is wrong with the published file, or null. */
  readonly publishing: string | null;
}

const parts: WriterData = workerData;
let store: Store | null = null;
let publisher: Publisher | null = null;

answerCalls<WriterCalls>({
  open() {
    store = new Store(parts);
    publisher = parts.publish === null ? null : new Publisher(parts.publish, store.db, store.id);
    const finding = checkEnd(store.db);
    const query = 'SELECT action_id AS actionId, seq FROM unsettled ORDER BY seq';
    const unsettled = store.db.prepare<[], { actionId: string; seq: number }>(query).all();
    return { storeId: store.id, head: store.head, finding, unsettled };
  },
  write: (batch) => timed((open) => open.write(batch)),
  checkpoint: (nowMs) => timed((open) => open.checkpoint(nowMs)),
  seal: ({ nowMs, segmentMs }) => sealSegment(getStore(), nowMs, segmentMs),
  retire: (retired) => retireSegment(getStore(), parts.key, retired),
  purge: ({ segment, limit }) => purgeSegment(getStore(), segment, limit),
  close(nowMs) {
    const written = timed((open) => open.checkpoint(nowMs));
    getStore().close();
    store = null;
    return written;
  },
});

/** The log's end as it was found: from the last checkpoint on, against that and the published one. */
function checkEnd(db: Database): Finding | null {
  const last = db.prepare<[], string>('SELECT body FROM checkpoints ORDER BY seq DESC LIMIT 1').pluck().get();
  const from = last === undefined ? null : (parseCheckpoint(last)?.seq ?? null);
  let published: readonly Signed[] = [];
  try {
    const line = parts.publish === null ? null : readLastPublished(parts.publish);
    published = line === null ? [] : [line.signed];
  } catch (error) {
    return { seq: 0, kind: 'unreadable', detail: `the published checkpoints: ${messageOf(error)}` };
  }
  return checkStore(db, { from, to: null, publicKey: null, published, schema: true }).finding;
}

function timed(work: (open: Store) => void): Written {
  const startedMs = performance.now();
  const open = getStore();
  work(open);
  const publishing = publisher?.publish() ?? null;
  return { head: open.head, tookMs: performance.now() - startedMs, publishing };
}

function getStore(): Store {
  if (store === null) {
    throw new Error('the store is not open');
  }
  return store;
}
