// The calls about those who decide: how people do it, and what reviewer models were used for.
import type { ApproverRecord } from '../approvals/fatigue.ts';
import { NO_REVIEWS, type ReviewerUsage } from '../approvals/reviewer.ts';
import type { ApproverJson, ReviewerJson } from '../client/approval-shapes.ts';
import type { Config } from '../config/config.ts';
import { readFields } from './input.ts';
import type { Answer, Call, Route } from './call.ts';
import { timeText } from './shapes.ts';

function approverJson(record: ApproverRecord): ApproverJson {
  const { name, decided, approved, lastDecided, lastApproved, medianMs, lastMs, tired } = record;
  return {
    name,
    decided,
    approved,
    last_decided: lastDecided,
    last_approved: lastApproved,
    median_s: medianMs / 1000,
    last: lastMs === 0 ? null : timeText(lastMs),
    tired,
  };
}

async function listApprovers({ parts, query }: Call): Promise<Answer> {
  readFields(query, []);
  return { kind: 'json', body: { items: (await parts.fatigue.list()).map(approverJson), next: null } };
}

/** Every reviewer model of the configuration, also those that nobody has asked yet. */
function reviewersOf({ approvers }: Config, usage: readonly ReviewerUsage[]): readonly ReviewerJson[] {
  return approvers.flatMap((approver) => {
    if (approver.type !== 'llm_approver') {
      return [];
    }
    const used = usage.find(({ approver: ref }) => ref === approver.ref) ?? { ...NO_REVIEWS, hourTokens: 0 };
    return [
      {
        approver: approver.ref,
        provider: approver.provider,
        model: approver.model,
        reviews: used.reviews,
        allowed: used.allowed,
        denied: used.denied,
        escalated: used.escalated,
        failed: used.failed,
        cached: used.cached,
        input_tokens: used.inputTokens,
        output_tokens: used.outputTokens,
        cost: approver.price === null ? null : used.cost,
        hour_tokens: used.hourTokens,
        hourly_tokens: approver.hourlyTokens,
        last_trouble: used.lastTrouble,
      },
    ];
  });
}

async function listReviewers({ parts, query }: Call): Promise<Answer> {
  readFields(query, []);
  return { kind: 'json', body: { items: reviewersOf(parts.config(), await parts.reviewer.usage()), next: null } };
}

export const APPROVER_ROUTES: readonly Route[] = [
  {
    name: 'approvers.list',
    method: 'GET',
    path: '/api/approvers',
    kind: 'reads',
    role: 'viewer',
    sight: 'scoped',
    answer: listApprovers,
  },
  {
    name: 'reviewers.list',
    method: 'GET',
    path: '/api/reviewers',
    kind: 'reads',
    role: 'viewer',
    sight: 'scoped',
    answer: listReviewers,
  },
];
