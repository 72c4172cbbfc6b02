// Writes what happens to approvals into the log, and tells whether it is there. Nothing here throws: what is not on disk does not count.
import type { AuditLog } from '../audit/log.ts';
import type { Approval } from './approval.ts';
import type { Item } from './item.ts';
import { approvalEvent, refusedVoteEvent, type RefusedVote, type Transition } from './records.ts';

export interface Recording {
  /** Whether the transition, with the grants that it changed, is on disk. */
  record(item: Item, transition: Transition): Promise<boolean>;
  /** A vote that counts for nothing. */
  refusal(approval: Approval, vote: RefusedVote): Promise<void>;
}

export interface RecordingParts {
  readonly audit: Pick<AuditLog, 'appendDurable'>;
  readonly warn: (message: string, error: unknown) => void;
}

export function createRecording({ audit, warn }: RecordingParts): Recording {
  return {
    async record(item, transition) {
      const grants = item.unrecorded;
      item.unrecorded = [];
      try {
        await audit.appendDurable(approvalEvent(item.approval, { ...transition, grants }));
        return true;
      } catch (error) {
        warn(`${transition.type} of ${item.approval.id} could not be recorded`, error);
        return false;
      }
    },
    async refusal(approval, vote) {
      try {
        await audit.appendDurable(refusedVoteEvent(approval, vote));
      } catch (error) {
        warn('a vote that was refused could not be recorded', error);
      }
    },
  };
}
