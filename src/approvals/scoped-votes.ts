// The queue as people reach it, from whatever channel: a vote on what the voter's scope does not show counts for nothing, and is answered as one
// on what does not exist. The log is told why.
import type { AuditLog } from '../audit/log.ts';
import { EVERYTHING, sees } from '../audit/scope.ts';
import type { Clock } from '../lib/clock.ts';
import type { Approval, ApprovalStore } from './approval.ts';
import type { Approvals } from './queue.ts';
import { createRecording } from './recording.ts';
import type { Ballot, Principal } from './stages.ts';

export interface ScopedVotesParts {
  readonly clock: Clock;
  readonly audit: Pick<AuditLog, 'appendDurable'>;
  readonly store: Pick<ApprovalStore, 'getApproval'>;
  readonly warn: (message: string, error: unknown) => void;
}

export function scopeVotes(queue: Approvals, { clock, audit, store, warn }: ScopedVotesParts): Approvals {
  const recording = createRecording({ audit, warn });
  const record = (approval: Approval, ballot: Ballot, voter: Principal): void => {
    const why = `${voter.name} is scoped to profiles, and ${approval.agent.profile} is none of them`;
    // Never rejects. Not waited for: how long an answer takes must not tell that there is something.
    void recording.refusal(approval, { ballot, voter, atMs: clock.now(), why });
  };
  return {
    ask: (action, decision, waiting) => queue.ask(action, decision, waiting),
    pending: () => queue.pending(),
    find: (idOrPrefix) => queue.find(idOrPrefix),
    effectReady: (id, limitMs) => queue.effectReady(id, limitMs),
    asked: (id) => queue.asked(id),
    offerBreakGlass: (id, voter) => queue.offerBreakGlass(id, voter),
    recoverPending: () => queue.recoverPending(),
    close: (why) => queue.close(why),
    async vote(id, ballot, voter) {
      const scope = voter.scope ?? EVERYTHING;
      // Every approval is stored before anybody is asked.
      const stored = scope.kind === 'all' ? null : await store.getApproval(id);
      if (stored !== null && !sees(scope, stored.agent.profile)) {
        record(stored, ballot, voter);
        return { kind: 'not-found' };
      }
      return queue.vote(id, ballot, voter);
    },
  };
}
