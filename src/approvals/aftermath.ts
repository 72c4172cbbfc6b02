// What came of a decision that one person took alone: heard from the log, and told to everybody who was told of the decision.
import type { AuditRecord } from '../audit/event.ts';
import type { Ref } from '../config/config.ts';
import type { Approval } from './approval.ts';
import { brokenGlass } from './break-glass.ts';
import type { ApprovalNews } from './notify.ts';

/** Actions whose end is waited for; of more the oldest are told as unknown. */
const MAX_OPEN = 1_000;

export interface AftermathParts {
  /** Calls with every record that is on disk, until what it returns is called. */
  readonly follow: (listener: (record: AuditRecord) => void) => () => void;
  readonly announce: (news: ApprovalNews) => void;
  /** Who else decides for that approver: `Alarm.allowed`. */
  readonly allowedOf: (approver: Ref) => readonly string[];
}

export interface Aftermath {
  hear(news: ApprovalNews): void;
}

export function createAftermath({ follow, announce, allowedOf }: AftermathParts): Aftermath {
  /** Approved, and not over; by action. */
  const open = new Map<string, Approval>();
  let unfollow: (() => void) | null = null;
  const tell = (approval: Approval, outcome: string): void => {
    for (const vote of brokenGlass(approval)) {
      const alarm = { vote, allowed: allowedOf(vote.breakGlass.approver) };
      announce({ kind: 'break_glass_over', approval, alarm, outcome });
    }
  };
  const close = (actionId: string, outcome: string): void => {
    const approval = open.get(actionId);
    if (approval === undefined) {
      return;
    }
    open.delete(actionId);
    if (open.size === 0) {
      unfollow?.();
      unfollow = null;
    }
    tell(approval, outcome);
  };
  const heard = (record: AuditRecord): void => {
    if (record.actionId === null || !open.has(record.actionId)) {
      return;
    }
    const outcome = outcomeOf(record);
    if (outcome !== null) {
      close(record.actionId, outcome);
    }
  };
  return {
    hear(news) {
      if (news.kind !== 'decided' || brokenGlass(news.approval).length === 0) {
        return;
      }
      const { state, ended, actionId } = news.approval;
      if (state !== 'approved') {
        tell(news.approval, `it did not run: ${state}${ended === '' ? '' : `, ${ended}`}`);
        return;
      }
      open.set(actionId, news.approval);
      unfollow ??= follow(heard);
      const [oldest] = open.keys();
      if (open.size > MAX_OPEN && oldest !== undefined) {
        close(oldest, 'unknown: too many others wait');
      }
    },
  };
}

/** The end of an action in a line; null when the record does not end it. */
function outcomeOf({ type, verdict, reason, data }: AuditRecord): string | null {
  if (type === 'action.decided') {
    return verdict === 'deny' ? `it did not run: ${reason}` : null;
  }
  const outcome = data?.['outcome'];
  if (type !== 'action.settled' || typeof outcome !== 'object' || outcome === null) {
    return null;
  }
  const [kind, status, code] = ['kind', 'status', 'error_code'].map((key): unknown => Reflect.get(outcome, key));
  const told = [kind === 'ok' ? 'it ran' : String(kind), status, code];
  return told.filter((part) => typeof part === 'string' && part !== '').join(', ');
}
