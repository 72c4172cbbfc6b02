// One parked request: what keeps it alive while it waits, and what the waiting session hears when it has ended.
import type { Action } from '../rules/action.ts';
import type { Decision } from '../rules/decision.ts';
import type { ParkedNotice } from '../protocols/session.ts';
import type { Timer } from '../lib/clock.ts';
import type { LlmApproverConfig, Ref } from '../config/config.ts';
import type { Approval, ApprovalResult, ApprovalState } from './approval.ts';
import type { ActionClaimJson } from './claims.ts';
import type { Grant } from './grant.ts';
import type { Measurement } from './measuring.ts';
import { startCourse, type ApprovalSettings, type Course, type HumanStage } from './stages.ts';
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
  /** The people that are asked now; null before that, and while a reviewer model looks at it. */
  human: HumanStage | null;
  /** Takes back the review that is under way. */
  review: Reviewing | null;
  /** Monotonic time at which those who are asked now were asked. */
  askedMonotonicMs: number;
  deadline: Timer | null;
  reminder: Timer | null;
  reminders: number;
  /** Notifiers that were told of it. */
  readonly told: Set<Ref>;
  /** Grants that have changed by it and are not recorded yet. */
  unrecorded: readonly Grant[];
  /** What makes requests alike: equal ones of one agent are one question with a count. */
  readonly alike: string;
  notice: Timer | null;
  /** How often the waiting client was told that it waits. */
  notices: number;
  /** Whom it was told then that it waits for. */
  waitsFor: string;
  measurement: Measurement | null;
  readonly onAbort: () => void;
  readonly resolve: (result: ApprovalResult) => void;
  readonly result: Promise<ApprovalResult>;
}

export interface Reviewing {
  readonly approver: LlmApproverConfig;
  readonly abort: AbortController;
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
  /** Left out: the action's own. */
  readonly summary?: string;
  readonly factsJson: string;
  /** As in `Approval`. */
  readonly alert: Approval['alert'];
  readonly words: string;
  /** As in `Approval`; left out: nothing was said. */
  readonly claim?: ActionClaimJson | null;
}

/** An item that nobody has been asked about yet. */
export function newItem(
  parts: Pick<Item, 'action' | 'signal' | 'notify' | 'approval' | 'onAbort' | 'resolve' | 'result' | 'alike'>,
  { approvers, nowMs }: { readonly approvers: readonly Ref[]; readonly nowMs: number },
): Item {
  return {
    ...parts,
    createdMonotonicMs: nowMs,
    askedMonotonicMs: nowMs,
    dueMs: Number.POSITIVE_INFINITY,
    course: startCourse(approvers),
    human: null,
    review: null,
    deadline: null,
    notice: null,
    notices: 0,
    waitsFor: '',
    reminder: null,
    reminders: 0,
    told: new Set(),
    unrecorded: [],
    measurement: null,
  };
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
    reviews: [],
    askedMs: nowMs,
    alike: 1,
    summary: shown.summary ?? action.summary,
    request: {
      digest: action.evidence.digest(),
      sizeBytes: action.evidence.sizeBytes,
      complete: action.evidence.complete,
      text: shown.text,
      parameters: action.evidence.parameters,
    },
    factsJson: shown.factsJson,
    alert: shown.alert,
    words: shown.words,
    claim: shown.claim ?? null,
    effect: null,
    grantId: null,
    grantsMade: [],
    ended: '',
    inTransaction: action.units.some((unit) => unit.facts.get('sql.transaction') === 'open'),
  };
}

/**
 * What requests of one agent must have in common to be one question: where they go, with what, their bytes, what is known of them, and who
 * is asked why.
 */
export function alikeKey(action: Action, decision: Decision, { text, factsJson }: Shown): string {
  const { agent, endpoint, credential, evidence } = action;
  const { device, profile, run, user } = agent;
  return JSON.stringify([
    [device, profile, run, user, endpoint.ref, credential],
    [evidence.digest(), text.length, factsJson],
    [decision.rule, decision.reason, decision.approvers],
  ]);
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

/** Why nobody is asked about an action, or null. `waiting` and `ofDevice` count those that wait already. */
export function findRefusal(
  action: Action,
  decision: Decision,
  {
    settings,
    signal,
    waiting,
    ofDevice,
  }: {
    readonly settings: Pick<ApprovalSettings, 'parked' | 'parkedPerDevice'>;
    readonly signal: AbortSignal;
    readonly waiting: number;
    readonly ofDevice: number;
  },
): string | null {
  if (signal.aborted) {
    return abortReason(signal);
  }
  if (decision.approvers.length === 0) {
    return 'nobody is named who could approve it';
  }
  // Nobody can answer for what nobody can see whole (config reference 1.7).
  if (!action.evidence.complete && (action.family === 'sql' || action.family === 'ssh')) {
    return 'it is too long to be shown whole to an approver';
  }
  if (waiting >= settings.parked) {
    return 'too many requests wait for approval already';
  }
  return ofDevice >= settings.parkedPerDevice ? 'too many requests of this device wait for approval already' : null;
}
