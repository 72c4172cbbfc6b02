// What the queue of parked requests is made of, and what others may ask of it. Types only.
import type { Action } from '../rules/action.ts';
import type { AuditLog } from '../audit/log.ts';
import type { Clock } from '../lib/clock.ts';
import type { Decision } from '../rules/decision.ts';
import type { Waiting } from '../protocols/protocol.ts';
import type { Approval, ApprovalResult, ApprovalStore, Grants, VoteResult } from './approval.ts';
import type { BreakGlassOffer } from './break-glass.ts';
import type { Fatigue } from './fatigue.ts';
import type { Shown } from './item.ts';
import type { Found } from './lookup.ts';
import type { Measure } from './measuring.ts';
import type { ApprovalNews } from './notify.ts';
import type { Reviewer } from './reviewer.ts';
import type { ApprovalSettings, Ballot, HumanStage, Principal } from './stages.ts';

export interface ApprovalsParts {
  readonly clock: Clock;
  readonly audit: Pick<AuditLog, 'appendDurable'>;
  readonly store: ApprovalStore;
  readonly settings: () => ApprovalSettings;
  readonly grants: Grants;
  readonly measure: Measure;
  /** Reviewer models. */
  readonly reviewer: Reviewer;
  /** Who decides how. */
  readonly fatigue: Fatigue;
  /** Tells channels; returns at once. */
  readonly announce: (news: ApprovalNews) => void;
  /** What approvers see of an action: its text, and its facts as JSON text nested by variable. */
  readonly show: (action: Action) => Shown;
  /** An approval has ended; for metrics. */
  readonly ended: (approval: Approval, waitedMs: number) => void;
  readonly warn: (message: string, error: unknown) => void;
}

export interface Approvals {
  /** Parks an action until it is decided. Never rejects: trouble is `refused`. `waiting.signal` takes it back at once; its reason says why. */
  ask(action: Action, decision: Decision, waiting: Waiting): Promise<ApprovalResult>;
  /**
   * Counts a vote on the approval with exactly that id, and on `together - 1` equal ones that came after it (as many as the voter was shown).
   * `voter` comes from the channel's authentication and from nothing else.
   */
  vote(id: string, ballot: Ballot, voter: Principal): Promise<VoteResult>;
  /** Those that wait, oldest first; of equal ones the oldest only, which says how many there are. */
  pending(): readonly Approval[];
  /** Waiting or ended, with its effect as far as it is measured; by id or unique prefix of 8 or more. */
  find(idOrPrefix: string): Promise<Found>;
  /** Resolves when the effect of a waiting approval is measured, or after `limitMs`. */
  effectReady(id: string, limitMs: number): Promise<void>;
  /** The people that a waiting approval is put to now and the action that it is about, or null. */
  asked(id: string): { readonly action: Action; readonly human: HumanStage } | null;
  /** Whether that person could decide a waiting approval alone, and what is missing that they would overrule. */
  offerBreakGlass(id: string, voter: Principal): BreakGlassOffer;
  /** Marks what was waiting when the last process ended as cancelled. Call once, before the first `ask`. */
  recoverPending(): Promise<number>;
  /** Cancels everything that waits and refuses what comes after. */
  close(why: string): Promise<void>;
}
