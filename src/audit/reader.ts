// Entry of the reader thread: a read-only connection, so that a long search holds up neither the writer nor the event loop.
import { existsSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { Database as SqliteDatabase } from './sqlite-library.ts';
import type { Approval, ApprovalState } from '../approvals/approval.ts';
import type { Grant, GrantState } from '../approvals/grant.ts';
import { writeArchive } from './archive.ts';
import type { Archived } from './archive.ts';
import { bundleHead } from './bundle.ts';
import type { BundleRange } from './bundle.ts';
import { timeText } from './canonical.ts';
import { checkStore } from './check-store.ts';
import type { CheckResult } from './check-store.ts';
import { keyId, parsePublicKey } from './checkpoint.ts';
import type { AuditFilter, AuditRecord } from './event.ts';
import type { AuditPage } from './log.ts';
import { readPublished } from './publish.ts';
import {
  addFunctions,
  findBundleRange,
  getApproval,
  getGrant,
  getRecord,
  listApprovals,
  listGrants,
  readAfter,
  readBetween,
  search,
  searchRows,
  show,
} from './queries.ts';
import type { ApprovalPage, GrantPage, PageRequest, Row, StatePage } from './queries.ts';
import type { Within } from './scope.ts';
import { listDueSegments, listUnpurged } from './segments.ts';
import type { SealedSegment } from './segments.ts';
import { answerCalls } from './thread.ts';

export interface ReaderData {
  readonly path: string;
  readonly busyTimeoutMs: number;
}

export interface ReaderCalls {
  search(argument: { readonly filter: AuditFilter; readonly page: PageRequest }): AuditPage;
  show(argument: { readonly actionId: string; readonly within?: Within }): readonly AuditRecord[];
  get(seq: number): AuditRecord | null;
  after(argument: { readonly seq: number; readonly limit: number }): readonly AuditRecord[];
  approvals(argument: { readonly states: readonly ApprovalState[]; readonly page: StatePage }): ApprovalPage;
  approval(argument: { readonly id: string; readonly of?: readonly string[] }): Approval | null;
  grants(argument: { readonly states: readonly GrantState[]; readonly page: StatePage }): GrantPage;
  grant(argument: { readonly id: string; readonly of?: readonly string[] }): Grant | null;
  verify(argument: VerifyRange): CheckResult;
  rows(argument: { readonly filter: AuditFilter; readonly page: PageRequest }): {
    readonly rows: readonly Row[];
    readonly next: string | null;
  };
  between(argument: BundleRange): readonly Row[];
  /** Head of a bundle of these matches. */
  bundle(argument: {
    readonly filter: AuditFilter;
    readonly nowMs: number;
  }): { readonly range: BundleRange; readonly head: readonly string[] } | null;
  due(beforeMs: number): readonly SealedSegment[];
  unpurged(argument: null): readonly number[];
  archive(argument: { readonly segment: SealedSegment; readonly folder: string; readonly nowMs: number }): Archived;
}

export interface VerifyRange {
  readonly from: number | null;
  readonly to: number | null;
  /** File of published checkpoints. */
  readonly publish: string | null;
  /** The gateway's own key: what it has signed, nobody else signs later. */
  readonly publicPem: string;
}

const parts: ReaderData = workerData;
const db = new SqliteDatabase(parts.path, { readonly: true, fileMustExist: true, timeout: parts.busyTimeoutMs });
addFunctions(db);

answerCalls<ReaderCalls>({
  search: ({ filter, page }) => search(db, filter, page),
  show: ({ actionId, within }) => show(db, actionId, within),
  get: (seq) => getRecord(db, seq),
  after: ({ seq, limit }) => readAfter(db, seq, limit),
  approvals: ({ states, page }) => listApprovals(db, states, page),
  approval: ({ id, of }) => getApproval(db, id, of),
  grants: ({ states, page }) => listGrants(db, states, page),
  grant: ({ id, of }) => getGrant(db, id, of),
  verify({ from, to, publish, publicPem }) {
    // Before the first checkpoint there is no file.
    const published = publish === null || !existsSync(publish) ? [] : readPublished(publish);
    const publicKey = parsePublicKey(publicPem);
    const signed = publicKey !== null && hasSigned(keyId(publicKey));
    const result = checkStore(db, { from, to, publicKey: signed ? publicKey : null, published, schema: true });
    if (publish === null || published.length > 0 || result.checkpoints === 0) {
      return result;
    }
    return {
      ...result,
      notes: [...result.notes, `${publish} holds no checkpoint: nothing outside the store was looked at`],
    };
  },
  rows: ({ filter, page }) => searchRows(db, filter, page),
  between: ({ from, to }) => readBetween(db, from, to),
  bundle({ filter, nowMs }) {
    const range = findBundleRange(db, filter);
    const head = range === null ? null : bundleHead(db, range, timeText(nowMs));
    return range === null || head === null ? null : { range, head };
  },
  due: (beforeMs) => listDueSegments(db, beforeMs),
  unpurged: () => listUnpurged(db),
  archive: ({ segment, folder, nowMs }) => writeArchive(db, segment, folder, nowMs),
});

/** A gateway that has just been given another key has signed nothing yet. */
function hasSigned(key: string): boolean {
  const query =
    "SELECT 1 FROM checkpoints WHERE CASE WHEN json_valid(body) THEN json_extract(body, '$.key') END = ? LIMIT 1";
  return db.prepare<[string], number>(query).pluck().get(key) !== undefined;
}
