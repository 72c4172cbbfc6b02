// A parked request as it is stored, listed and decided. Types only.
import type { Action, Agent, Risk } from '../rules/action.ts';
import type { Effect } from '../protocols/protocol.ts';

export type ApprovalState = 'pending' | 'approved' | 'denied' | 'expired' | 'cancelled';

export interface Vote {
  /** Authenticated principal: `local` (control socket), an operator account, a linked Slack id, or a reviewer model's reference. */
  readonly by: string;
  readonly via: 'cli' | 'dashboard' | 'slack' | 'webhook' | 'model' | 'gateway';
  readonly decision: 'approve' | 'deny' | 'escalate';
  readonly atMs: number;
  /** Told to the agent on a denial. */
  readonly note: string;
  /** Digest of what the voter was shown; equals the approval's. "" on a denial by someone who was shown nothing. */
  readonly digest: string;
}

/** Everything about one parked request. Survives a restart (as `cancelled` when its client is gone). */
export interface Approval {
  /** UUIDv7. */
  readonly id: string;
  readonly actionId: string;
  readonly session: string;
  readonly state: ApprovalState;
  readonly createdMs: number;
  /** Deadline of the stage that is asked now, set when it is entered; for people and for a restart. A wait never outlives it. */
  readonly expiresMs: number;
  readonly decidedMs: number | null;
  readonly agent: Agent;
  readonly endpoint: string;
  readonly family: string;
  readonly risk: Risk;
  readonly riskCauses: readonly string[];
  readonly rule: string;
  readonly reason: string;
  /** Typed references in order, and which one is asked now. */
  readonly approvers: readonly string[];
  readonly stage: number;
  /** Distinct people that the current stage needs. */
  readonly required: number;
  readonly votes: readonly Vote[];
  readonly summary: string;
  readonly request: {
    readonly digest: string;
    readonly sizeBytes: number;
    readonly complete: boolean;
    readonly text: string;
    readonly parameters: readonly (string | null)[];
  };
  /** Facts as JSON text nested by variable. */
  readonly factsJson: string;
  readonly effect: Effect | null;
  /** Seam for leases: the grant that answered in a person's place, or null. */
  readonly grantId: string | null;
  /** Why it ended, for `expired`, `cancelled` and `denied`. */
  readonly ended: string;
  /** In an open transaction it holds locks while it waits. */
  readonly inTransaction: boolean;
}

/** What the queue answers to the gate when the wait is over. */
export type ApprovalResult =
  | { readonly kind: 'approved'; readonly approval: Approval }
  | { readonly kind: 'denied'; readonly approval: Approval; readonly note: string }
  | { readonly kind: 'expired'; readonly approval: Approval }
  | { readonly kind: 'cancelled'; readonly approval: Approval; readonly why: string }
  | { readonly kind: 'refused'; readonly why: string };

/** Approvals as they are stored: the audit log makes them from its records (`data.approval`), in the record's own transaction. */
export interface ApprovalStore {
  /** By id or unique prefix of 8 or more; null when none or several have it. */
  getApproval(idOrPrefix: string): Promise<Approval | null>;
  /** In these states, newest first. `cursor` is the `next` of the page before. */
  listApprovals(
    states: readonly ApprovalState[],
    page: { readonly limit: number; readonly cursor: string | null },
  ): Promise<{ readonly items: readonly Approval[]; readonly next: string | null }>;
}

/** Answers a human stage without asking when a lease covers the action. The seam for grants; today's implementation covers nothing. */
export interface Grants {
  findCover(action: Action, approver: string): { readonly grantId: string } | null;
}
