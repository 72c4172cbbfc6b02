// How people decided and what reviewer models were used for, counted anew of what some profiles' agents asked: what is kept in memory counts
// everything together.
import type { Approval, Review } from '../approvals/approval.ts';
import { createFatigue, decisionsOf, type ApproverRecord } from '../approvals/fatigue.ts';
import type { ReviewerUsage } from '../approvals/reviewer.ts';
import { DEFAULT_FATIGUE_MS } from '../approvals/stages.ts';
import type { SqliteAuditLog } from '../audit/sqlite.ts';
import type { Config } from '../config/config.ts';

/** Newest approvals that are looked through. */
const MAX_APPROVALS = 500;
const PAGE = 100;
const HOUR_MS = 3_600_000;

export async function readApprovals(
  audit: Pick<SqliteAuditLog, 'listApprovals'>,
  profiles: readonly string[],
): Promise<readonly Approval[]> {
  const states = ['pending', 'approved', 'denied', 'expired', 'cancelled'] as const;
  const found: Approval[] = [];
  for (let cursor: string | null = null; found.length < MAX_APPROVALS;) {
    const page: Awaited<ReturnType<SqliteAuditLog['listApprovals']>> = await audit.listApprovals(states, {
      limit: PAGE,
      cursor,
      profiles,
    });
    found.push(...page.items);
    cursor = page.next;
    if (cursor === null) {
      break;
    }
  }
  return found;
}

export function approversOf(
  approvals: readonly Approval[],
  { approvers }: Pick<Config, 'approvers'>,
): readonly ApproverRecord[] {
  const fatigue = createFatigue();
  const limitOf = (ref: string): number => {
    const approver = approvers.find((one) => one.ref === ref);
    return approver?.type === 'human_approver' ? approver.fatigueMs : DEFAULT_FATIGUE_MS;
  };
  decisionsOf(approvals, limitOf).forEach((decided) => fatigue.note(decided));
  return fatigue.list();
}

export function usageOf(
  approvals: readonly Approval[],
  { approvers }: Pick<Config, 'approvers'>,
  nowMs: number,
): readonly ReviewerUsage[] {
  const reviews = approvals.flatMap((approval) => approval.reviews).toSorted((a, b) => a.atMs - b.atMs);
  return approvers.flatMap((approver) => {
    const own = reviews.filter((review) => review.approver === approver.ref);
    return approver.type === 'llm_approver' && own.length > 0
      ? [{ approver: approver.ref, ...countReviews(own, nowMs), hourlyTokens: approver.hourlyTokens }]
      : [];
  });
}

function countReviews(reviews: readonly Review[], nowMs: number): Omit<ReviewerUsage, 'approver' | 'hourlyTokens'> {
  const count = (fits: (review: Review) => boolean): number => reviews.filter(fits).length;
  const sum = (of: (review: Review) => number): number => reviews.reduce((total, review) => total + of(review), 0);
  return {
    reviews: reviews.length,
    allowed: count(({ answer }) => answer === 'allow'),
    denied: count(({ answer }) => answer === 'deny'),
    escalated: count(({ answer }) => answer === 'escalate'),
    failed: count(({ answer }) => answer === null),
    cached: count(({ cached }) => cached),
    inputTokens: sum(({ inputTokens }) => inputTokens),
    outputTokens: sum(({ outputTokens }) => outputTokens),
    cost: sum(({ cost }) => cost ?? 0),
    hourTokens: sum((one) => (nowMs - one.atMs < HOUR_MS ? one.inputTokens + one.outputTokens : 0)),
    lastTrouble: reviews.findLast(({ trouble }) => trouble !== null)?.trouble ?? '',
  };
}
