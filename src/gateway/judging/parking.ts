// Actions that wait for a person: puts the question, and takes it back when the client goes away, when a new policy asks something
// else, or when the gateway stops. Whether an approved action may still run is asked again by the gate, under the policy then in force.
import type { Action } from '../../rules/action.ts';
import type { Approval, ApprovalResult } from '../../approvals/approval.ts';
import type { Decision } from '../../rules/decision.ts';
import type { Waiting } from '../../protocols/protocol.ts';
import { messageOf } from '../../lib/errors.ts';

/** Who asks people: the queue. */
export interface Approvals {
  /** Resolves when the question has an end; `waiting.signal` takes it back. The signal's reason, an Error, says why. */
  ask(action: Action, decision: Decision, waiting: Waiting): Promise<ApprovalResult>;
}

/** How the wait ended. */
export type Answer =
  | { readonly kind: 'approved'; readonly approval: Approval }
  | { readonly kind: 'denied'; readonly approval: Approval; readonly note: string }
  | { readonly kind: 'expired'; readonly approval: Approval }
  /** The client went away or withdrew. */
  | { readonly kind: 'withdrawn' }
  /** The gateway took it back: new policy, endpoint gone, stop. */
  | { readonly kind: 'taken-back'; readonly why: string }
  /** The question could not be put (queue full, store broken). */
  | { readonly kind: 'refused'; readonly why: string };

export interface Parking {
  ask(question: Question, waiting: Waiting): Promise<Answer>;
  /** Looks at every waiting question; a text from `objection` takes it back. */
  review(objection: (question: Question) => string | null): void;
  readonly size: number;
}

/** What is asked. */
export interface Question {
  readonly action: Action;
  readonly decision: Decision;
  /** All of the configuration behind the question, as text: the same question only while this is the same. */
  readonly fingerprint: string;
}

interface Parked {
  readonly question: Question;
  takeBack(why: string): void;
}

export function createParking(approvals: Approvals): Parking {
  const parked = new Set<Parked>();
  return {
    async ask(question, waiting) {
      const abort = new AbortController();
      let takenBack: string | null = null;
      const onClientGone = (): void => abort.abort(new Error('the client withdrew it'));
      const entry: Parked = {
        question,
        takeBack(why) {
          takenBack ??= why;
          abort.abort(new Error(why));
        },
      };
      if (waiting.signal.aborted) {
        return { kind: 'withdrawn' };
      }
      waiting.signal.addEventListener('abort', onClientGone, { once: true });
      parked.add(entry);
      try {
        const result = await approvals.ask(question.action, question.decision, {
          signal: abort.signal,
          parked: (notice) => waiting.parked(notice),
        });
        return answerOf(result, waiting.signal.aborted, takenBack);
      } catch (error) {
        return { kind: 'refused', why: messageOf(error) };
      } finally {
        parked.delete(entry);
        waiting.signal.removeEventListener('abort', onClientGone);
      }
    },
    review(objection) {
      for (const entry of parked) {
        const why = objection(entry.question);
        if (why !== null) {
          entry.takeBack(why);
        }
      }
    },
    get size() {
      return parked.size;
    },
  };
}

/** A question that was taken back stays taken back, whatever the queue says in the same moment. */
function answerOf(result: ApprovalResult, clientGone: boolean, takenBack: string | null): Answer {
  if (clientGone) {
    return { kind: 'withdrawn' };
  }
  if (takenBack !== null) {
    return { kind: 'taken-back', why: takenBack };
  }
  switch (result.kind) {
    case 'approved':
    case 'denied':
    case 'expired':
    case 'refused':
      return result;
    case 'cancelled':
      return { kind: 'taken-back', why: result.why };
  }
}
