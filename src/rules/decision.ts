// What the rules say, and the compiled policy as the rest of the program sees it.
import type { Action, CannotTellWord, Risk, Unknown, UnknownCause } from './action.ts';

export const DECISION_KINDS = ['allow', 'deny', 'approve'] as const;
export type DecisionKind = (typeof DECISION_KINDS)[number];

/** Rules' word on one action: the strictest over its units. */
export interface Decision {
  readonly kind: DecisionKind;
  /** What decided. `protocol`: the protocol itself refuses. `cannot-tell`: a rule could not be evaluated. */
  readonly by: 'rule' | 'cannot-tell' | 'risk' | 'unmatched' | 'protocol';
  /** Name of the deciding rule, "" when none matched. */
  readonly rule: string;
  /** Told to the agent on a denial and to the approver; never empty for deny and approve. Holds no condition text and no fact value. */
  readonly reason: string;
  /** Set when `by` is `cannot-tell`. */
  readonly cannotTell: CannotTell | null;
  /** Typed references of the approvers in order, joined over the units without repeats; [] unless `approve`. */
  readonly approvers: readonly string[];
  /** Index of the unit that decided. */
  readonly unit: number;
  /** Whether the answer may be remembered: by the action's memo object, by that and the session, or not at all. */
  readonly holds: 'shape' | 'connection' | 'once';
}

export interface CannotTell {
  /** What the agent may hear. */
  readonly word: CannotTellWord;
  readonly cause: UnknownCause | 'error';
  /** Facts that were Unknown, full names, sorted; for the log only. */
  readonly facts: readonly string[];
  /** The evaluation error; for the log only. */
  readonly detail: string;
}

/** One rule of a walk, for `explain`. */
export interface RuleTrace {
  readonly rule: string;
  readonly priority: number;
  readonly file: string;
  readonly line: number;
  readonly unit: number;
  readonly result: 'yes' | 'no' | 'cannot-tell' | 'disabled' | 'other-credential';
  readonly cause: string;
}

/** Values of the facts that no unit carries, sampled once per decision. */
export interface CommonFacts {
  /** Wall clock, milliseconds since the epoch; null = unknown (offline without a given time). */
  readonly nowMs: number | null;
  /** Unknown where the source of incidents does not answer. */
  readonly incident: string | Unknown;
  readonly alert: ReadonlyMap<string, string>;
  readonly reason: string;
  /**
   * Full names of `agent.*` facts that nobody gave (offline: `test`, `explain`); they read as Unknown (`unavailable`).
   * Absent on the live path, where the transport knows them all.
   */
  readonly unknownFacts?: ReadonlySet<string>;
}

/** The rules of one (endpoint, profile, credential), compiled and ordered. Pure and total: it never throws. */
export interface RuleSet {
  decide(action: Action, common: CommonFacts): Decision;
  /** The same, with every rule that was walked. */
  explain(action: Action, common: CommonFacts): { readonly decision: Decision; readonly trace: readonly RuleTrace[] };
  /** True when some enabled rule, tier or approver of this set can read the fact: nothing is buffered for facts nobody reads. */
  reads(factName: string): boolean;
  /** True when some enabled rule of this set compares the fact with that text for being equal. */
  names(factName: string, value: string): boolean;
}

/** What a tier means when no rule matched. */
export interface TierPolicy {
  readonly risk: Risk;
  readonly kind: DecisionKind;
  readonly approvers: readonly string[];
  readonly reason: string;
}

/** A compiled configuration's rules. Immutable; a reload makes a new one. */
export interface Policy {
  /** SHA-256 (hex) over the configuration's files. */
  readonly revision: string;
  /** Rule set for an endpoint (typed ref) under a profile with a dispatched credential (typed ref or null). Cached. */
  ruleSet(endpointRef: string, profile: string, credentialRef: string | null): RuleSet;
}
