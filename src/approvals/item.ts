// One parked request: what keeps it alive while it waits, and what the waiting session hears when it has ended.
import type { Action } from '../rules/action.ts';
import type { Decision } from '../rules/decision.ts';
import type { ParkedNotice } from '../protocols/session.ts';
import type { Timer } from '../lib/clock.ts';
import type { Approval, ApprovalResult, ApprovalState } from './approval.ts';
import type { Measurement } from './measuring.ts';
import type { Course, HumanStage } from './stages.ts';
import { uuidv7 } from '../lib/ids.ts';
import { messageOf } from '../lib/errors.ts';

/** An approval that waits, and what keeps it alive. */
export interface Item {
  readonly action: Action;
  readonly signal: AbortSignal;
  readonly notify: (notice: ParkedNotice) => void;
  readonly createdMonotonicMs: number;
  /** Monotonic time after which it cannot be approved, whatever else the wall clock says. */
  dueMs: number;
  /** Replaced as a whole by every change. */
  approval: Approval;
  course: Course;
  human: HumanStage | null;
  deadline: Timer | null;
  notice: Timer | null;
  measurement: Measurement | null;
  readonly onAbort: () => void;
  readonly resolve: (result: ApprovalResult) => void;
  readonly result: Promise<ApprovalResult>;
}

export interface Ending {
  readonly state: Exclude<ApprovalState, 'pending'>;
  readonly by: string;
  readonly why: string;
  /** For the agent. */
  readonly note?: string;
}

/** An action as approvers see it. */
export interface Shown {
  readonly text: string;
  readonly factsJson: string;
}

/** The approval of an action that has just been asked for. */
export function describeApproval(
  action: Action,
  decision: Decision,
  { nowMs, shown }: { readonly nowMs: number; readonly shown: Shown },
): Approval {
  return {
    id: uuidv7(nowMs),
    actionId: action.id,
    session: action.session,
    state: 'pending',
    createdMs: nowMs,
    expiresMs: nowMs,
    decidedMs: null,
    agent: action.agent,
    endpoint: action.endpoint.ref,
    family: action.family,
    risk: action.risk,
    riskCauses: [...new Set(action.units.flatMap((unit) => unit.riskCauses))],
    rule: decision.rule,
    reason: decision.reason,
    approvers: decision.approvers,
    stage: 0,
    required: 1,
    votes: [],
    summary: action.summary,
    request: {
      digest: action.evidence.digest(),
      sizeBytes: action.evidence.sizeBytes,
      complete: action.evidence.complete,
      text: shown.text,
      parameters: action.evidence.parameters,
    },
    factsJson: shown.factsJson,
    effect: null,
    grantId: null,
    ended: '',
    inTransaction: action.units.some((unit) => unit.facts.get('sql.transaction') === 'open'),
  };
}

export const NOT_RECORDED = 'the approval could not be recorded';
export const CHANGED: Ending = {
  state: 'cancelled',
  by: 'gateway',
  why: 'the request is not the one that was shown to the approver',
};

/** What the waiting session hears. An approval counts only when it is on disk and the client is still there. */
export function resultOf(item: Item, note: string, recorded: boolean): ApprovalResult {
  const { approval, signal } = item;
  switch (approval.state) {
    case 'pending':
      return { kind: 'refused', why: 'still pending' };
    case 'approved':
      if (!recorded) {
        return { kind: 'refused', why: NOT_RECORDED };
      }
      return signal.aborted
        ? { kind: 'cancelled', approval, why: abortReason(signal) }
        : { kind: 'approved', approval };
    case 'denied':
      return { kind: 'denied', approval, note };
    case 'expired':
      return { kind: 'expired', approval };
    case 'cancelled':
      return approval.ended === NOT_RECORDED
        ? { kind: 'refused', why: NOT_RECORDED }
        : { kind: 'cancelled', approval, why: approval.ended };
  }
}

export function abortReason({ reason }: AbortSignal): string {
  return reason instanceof Error && reason.name !== 'AbortError' ? messageOf(reason) : 'the client withdrew it';
}
