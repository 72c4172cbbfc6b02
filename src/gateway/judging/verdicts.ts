// The final words on an action, in the gateway's own terms; each protocol puts them into its own. An agent learns the rule's name,
// the reason that its author wrote for it, one coarse word, and what it can do: never a condition, a fact's value or who was asked. The
// protocol adds the action's id, by which people find its records.
import type { Decision } from '../../rules/decision.ts';
import { QUARANTINED } from './quarantine.ts';
import type { Verdict } from '../../protocols/session.ts';

export type Denial = Extract<Verdict, { kind: 'deny' }>;

export const ALLOW: Verdict = { kind: 'allow' };

/** Rules, the tier, or the protocol said no. */
export function denialOf(decision: Decision): Denial {
  return deny({
    rule: decision.rule,
    reason: decision.reason,
    word: decision.cannotTell?.word ?? '',
    hint:
      decision.by === 'cannot-tell'
        ? 'The gateway could not read it well enough to allow it: send it in a simpler form, or ask a person.'
        : 'Nothing was run. Sending it again gives the same answer: ask a person if it is needed.',
  });
}

/** It needs a person, and no person could be shown the whole of it. */
export function denialOfCut(decision: Decision): Denial {
  return deny({
    rule: decision.rule,
    reason: 'it needs approval, and it is too long to be shown whole to the person who would approve it',
    word: 'truncated',
    hint: 'Nothing was run, nobody was asked. Send it in smaller parts.',
  });
}

/** It needs a person, and people are asked only about what is done for a known incident. */
export function denialOfContext(decision: Decision, { reason, hint }: Pick<Denial, 'reason' | 'hint'>): Denial {
  return deny({ rule: decision.rule, reason, word: '', hint: `Nothing was run, nobody was asked. ${hint}` });
}

/** An approver said no. `note` is what that person wrote for the agent. */
export function denialOfPerson(decision: Decision, note: string): Denial {
  return deny({
    rule: decision.rule,
    reason: note === '' ? 'an approver denied it' : `an approver denied it: ${note}`,
    word: '',
    hint: 'Nothing was run. Do not send it again unless a person tells you to.',
  });
}

/** A reviewer model said no, or gave no answer where that denies. Its reasons are not told: they would teach how to get past it. */
export function denialOfReviewer(decision: Decision, why: string): Denial {
  return deny({
    rule: decision.rule,
    reason: why,
    word: '',
    hint: 'Nothing was run. Sending it again does not help: ask a person.',
  });
}

/** The time to answer ran out. */
export function denialOfExpiry(decision: Decision): Denial {
  const denial = deny({
    rule: decision.rule,
    reason: 'nobody approved it in time',
    word: '',
    hint: 'Nothing was run. Tell a person that it waits for approval before you send it again.',
  });
  return { ...denial, expired: true };
}

/** The client went away or took it back. */
export function denialOfCancel(decision: Decision, why: string): Denial {
  return { ...deny({ rule: decision.rule, reason: why, word: '', hint: '' }), cause: 'cancelled' };
}

/** It could not be recorded, or the question could not be put. */
export function denialOfTrouble(rule: string, why: string): Denial {
  return {
    ...deny({ rule, reason: why, word: '', hint: 'Nothing was run. Try again later, or tell a person.' }),
    cause: 'unavailable',
  };
}

/** A person has stopped this agent. */
export function denialOfQuarantine(): Denial {
  return deny({
    rule: '',
    reason: QUARANTINED,
    word: '',
    hint: 'Nothing is run for this agent until a person lifts it. Stop, and tell a person.',
  });
}

/** The configuration changed under a waiting or new action. */
export function denialOfChange(rule: string, why: string): Denial {
  return deny({ rule, reason: why, word: '', hint: 'Nothing was run. Send it again to be judged anew.' });
}

interface Words {
  readonly rule: string;
  readonly reason: string;
  readonly word: string;
  readonly hint: string;
}

function deny(words: Words): Denial {
  return { kind: 'deny', cause: 'deny', ...words };
}
