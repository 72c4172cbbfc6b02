// What of an approval goes into the audit log. Each record carries the whole approval, so that the log alone tells the story and the
// table of approvals can be made from it.
import type { AuditEvent, AuditEventType } from '../audit/event.ts';
import type { Decision } from '../rules/decision.ts';
import type { Approval, Review } from './approval.ts';
import type { Grant } from './grant.ts';
import type { Ballot, Principal } from './stages.ts';

/** Who did it, when, and what for. */
export interface Transition {
  readonly type: Extract<AuditEventType, `approval.${string}`>;
  readonly atMs: number;
  readonly by: string;
  readonly reason: string;
  /** Grants as they are after it: made, or used once more. */
  readonly grants?: readonly Grant[];
  /** The assessment that `approval.reviewed` is about. */
  readonly review?: Review;
}

/** The record of one transition. `approval` is what it became by it. */
export function approvalEvent(approval: Approval, transition: Transition): AuditEvent {
  const { type, atMs, by, reason, grants = [], review } = transition;
  const created = type === 'approval.created';
  return {
    ...aboutApproval(approval),
    type,
    timeMs: atMs,
    factsJson: created ? approval.factsJson : null,
    verdict: created ? 'approve' : '',
    by,
    reason,
    data: {
      approval,
      ...(grants.length === 0 ? {} : { grants }),
      ...(review === undefined ? {} : { review }),
    },
  };
}

export interface RefusedVote {
  readonly ballot: Ballot;
  readonly voter: Principal;
  readonly atMs: number;
  readonly why: string;
}

/** The record of a vote that counts for nothing: by someone who may not, or on something else than what waits. */
export function refusedVoteEvent(approval: Approval, vote: RefusedVote): AuditEvent {
  const { ballot, voter, atMs, why } = vote;
  return {
    ...aboutApproval(approval),
    type: 'operator.acted',
    timeMs: atMs,
    factsJson: null,
    verdict: '',
    by: voter.name,
    reason: why,
    data: {
      call: `approvals.${ballot.decision}`,
      result: 'refused',
      via: voter.via,
      approval_id: approval.id,
      state: approval.state,
      digest: ballot.digest,
      ...((ballot.breakGlass ?? null) === null ? {} : { break_glass: true }),
    },
  };
}

/** The word of the log for what asked for people. */
export function askedBy(decision: Decision): string {
  return decision.by === 'rule' ? 'rule' : 'risk';
}

function aboutApproval(
  approval: Approval,
): Omit<AuditEvent, 'type' | 'timeMs' | 'factsJson' | 'verdict' | 'by' | 'reason' | 'data'> {
  return {
    agent: approval.agent,
    session: approval.session,
    actionId: approval.actionId,
    endpoint: approval.endpoint,
    family: approval.family,
    risk: approval.risk,
    rule: approval.rule,
    approvers: approval.approvers,
    summary: approval.summary,
    text: null,
    textComplete: approval.request.complete,
    digest: approval.request.digest,
    digestOf: null,
  };
}
