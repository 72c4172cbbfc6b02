// Entry of the reader thread: a read-only connection, so that a long search holds up neither the writer nor the event loop.
import { workerData } from 'node:worker_threads';
import SqliteDatabase from 'better-sqlite3';
import type { Approval, ApprovalState } from '../approvals/approval.ts';
import { checkStore } from './check-store.ts';
import type { CheckResult } from './check-store.ts';
import type { AuditFilter, AuditRecord } from './event.ts';
import type { AuditPage } from './log.ts';
import { readPublished } from './publish.ts';
import { addFunctions, getApproval, getRecord, listApprovals, readAfter, search, show } from './queries.ts';
import type { ApprovalPage, PageRequest } from './queries.ts';
import { answerCalls } from './thread.ts';

export interface ReaderData {
  readonly path: string;
  readonly busyTimeoutMs: number;
}

export interface ReaderCalls {
  search(argument: { readonly filter: AuditFilter; readonly page: PageRequest }): AuditPage;
  show(actionId: string): readonly AuditRecord[];
  get(seq: number): AuditRecord | null;
  after(argument: { readonly seq: number; readonly limit: number }): readonly AuditRecord[];
  approvals(argument: {
    readonly states: readonly ApprovalState[];
    readonly page: { readonly limit: number; readonly cursor: string | null };
  }): ApprovalPage;
  approval(idOrPrefix: string): Approval | null;
  verify(argument: VerifyRange): CheckResult;
}

export interface VerifyRange {
  readonly from: number | null;
  readonly to: number | null;
  /** File of published checkpoints. */
  readonly publish: string | null;
}

const parts: ReaderData = workerData;
const db = new SqliteDatabase(parts.path, { readonly: true, fileMustExist: true, timeout: parts.busyTimeoutMs });
addFunctions(db);

answerCalls<ReaderCalls>({
  search: ({ filter, page }) => search(db, filter, page),
  show: (actionId) => show(db, actionId),
  get: (seq) => getRecord(db, seq),
  after: ({ seq, limit }) => readAfter(db, seq, limit),
  approvals: ({ states, page }) => listApprovals(db, states, page),
  approval: (idOrPrefix) => getApproval(db, idOrPrefix),
  verify({ from, to, publish }) {
    const published = publish === null ? [] : readPublished(publish);
    return checkStore(db, { from, to, publicKey: null, published, schema: true });
  },
});
