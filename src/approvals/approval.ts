// A parked request as it is stored, listed and decided. Types, and the list of its states.
import type { Action, Agent, Risk } from '../rules/action.ts';
import type { Effect } from '../protocols/protocol.ts';
import type { Ref } from '../config/config.ts';
import type { ActionClaimJson } from './claims.ts';
import type { Grant } from './grant.ts';

export const APPROVAL_STATES = ['pending', 'approved', 'denied', 'expired', 'cancelled'] as const;
export type ApprovalState = (typeof APPROVAL_STATES)[number];

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
  /** How long the voter had been asked when the vote came; null for what is nobody's vote (gateway, model) and in older records. */
  readonly waitedMs?: number | null;
  /** The grant that the voter would give with it. */
  readonly grant?: GrantWish;
  /** It was decided alone, in an emergency; `note` is the reason. Left out: an ordinary vote. */
  readonly breakGlass?: BreakGlass;
}

/** What one person decided alone. */
export interface BreakGlass {
  /** The approver in whose place it was. */
  readonly approver: Ref;
  /** What would have been needed beside, each as a sentence. */
  readonly missing: readonly string[];
}

/** "And the next ones like it": what an approver may say with an approval. */
export interface GrantWish {
  readonly durationMs: number;
  readonly uses: number;
  /** `exact`: the same bytes; `shape`: the same form with constants removed. */
  readonly scope: 'exact' | 'shape';
}

/** What a reviewer model gave as one reason. A model's words: shown as such, and never to the agent. */
export interface ReviewReason {
  /** What it says it read in the facts or the request. */
  readonly quote: string;
  readonly why: string;
  /** Whether the quote is in what the model was shown. */
  readonly found: boolean;
}

/** Why a reviewer model gave no answer that counts. */
export type ReviewTrouble =
  /** Longer than a model is shown, or cut before it came here. */
  | 'cut'
  | 'timeout'
  /** The model declined to answer. */
  | 'refused'
  /** The answer broke off. */
  | 'truncated'
  /** Not exactly the schema. */
  | 'malformed'
  /** The hour's tokens are spent. */
  | 'budget'
  /** Nearly the same was asked too often. */
  | 'repeated'
  | 'rate-limited'
  | 'unreachable'
  /** It has no credential, or a wrong one. */
  | 'unauthorised'
  /** The gateway takes it back. */
  | 'cancelled';

/** One assessment by a reviewer model. */
export interface Review {
  readonly approver: Ref;
  readonly provider: string;
  readonly model: string;
  readonly atMs: number;
  /** The model's word; null when there was none that counts. */
  readonly answer: 'allow' | 'deny' | 'escalate' | null;
  /** 0 to 100; null without an answer. */
  readonly risk: number | null;
  readonly reasons: readonly ReviewReason[];
  /** null when there is an answer. */
  readonly trouble: ReviewTrouble | null;
  /** For people and the log: what exactly went wrong; "" with an answer. */
  readonly detail: string;
  /** Version of the built-in instructions, and SHA-256 of instructions, policy and input without the fence that is drawn by lot. */
  readonly promptVersion: string;
  readonly promptDigest: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Dollars; null when the configuration names no price. */
  readonly cost: number | null;
  readonly latencyMs: number;
  /** Remembered from an equal request: no call was made. */
  readonly cached: boolean;
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
  /** What reviewer models said, in order. */
  readonly reviews: readonly Review[];
  /** When those who are asked now were asked first. */
  readonly askedMs: number;
  /** Equal requests of the same agent that wait, this one included; a vote may answer them together. */
  readonly alike: number;
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
  /** Fields of the incident that the agent works on, from the incident's system; null when there is none. */
  readonly alert: Readonly<Record<string, string>> | null;
  /** The agent's own words on why; "" when it gave none. Never a ground for anything. */
  readonly words: string;
  /** What else it said of its work (incident, task, what led to it, trace), or null: the agent's word alike. Left out in older records. */
  readonly claim?: ActionClaimJson | null;
  readonly effect: Effect | null;
  /** The grant that answered in a person's place, or null. */
  readonly grantId: string | null;
  /** Grants that came of this approval. */
  readonly grantsMade: readonly string[];
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

export type RefusedCode = 'not-permitted' | 'wrong-digest' | 'needs-reason' | 'grant-refused';

/** What became of a vote. */
export type VoteResult =
  /** Counted (or counted before); the approval's state tells whether it is decided now. */
  | { readonly kind: 'recorded'; readonly approval: Approval }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'decided'; readonly approval: Approval }
  | { readonly kind: 'refused'; readonly code: RefusedCode; readonly why: string }
  /** The record could not be written; the vote does not count. */
  | { readonly kind: 'unrecorded' };

/** Approvals as they are stored: the audit log makes them from its records (`data.approval`), in the record's own transaction. */
export interface ApprovalStore {
  /** By id or unique prefix of 8 or more; null when none or several have it. `of`: among those of these profiles. */
  getApproval(idOrPrefix: string, of?: readonly string[]): Promise<Approval | null>;
  /** In these states, newest first. `cursor` is the `next` of the page before. */
  listApprovals(
    states: readonly ApprovalState[],
    page: { readonly limit: number; readonly cursor: string | null },
  ): Promise<{ readonly items: readonly Approval[]; readonly next: string | null }>;
}

/** Grants as the queue uses them. All of it is immediate: counting is atomic because nothing happens in between. */
export interface Grants {
  /** Answers a human stage: counts one use and gives the grant as it is after it, which goes into the next record. Null: ask. */
  use(action: Action, approver: Ref): Grant | null;
  /** Why no grant of that scope can be made of this action, or null. */
  findObjection(action: Action, scope: GrantWish['scope']): string | null;
  /** The grant that an approved request gives. Not in force before `start`. */
  make(action: Action, approval: Approval, wish: GrantTerms): Grant;
  /** It is on disk: it may answer from now on. */
  start(grant: Grant): void;
}

export interface GrantTerms extends GrantWish {
  readonly approver: Ref;
  readonly by: readonly string[];
}
