// What came of a decision that one person took alone: heard from the log, and told to everybody who was told of the decision. That it was told
// is in the log too, so that what a gateway that ended left untold is told by the next one.
import { createEvent, type AuditEvent, type AuditRecord } from '../audit/event.ts';
import type { AuditLog, AuditPage } from '../audit/log.ts';
import type { Ref } from '../config/config.ts';
import type { Clock } from '../lib/clock.ts';
import { fieldOf } from '../lib/fields.ts';
import type { Approval, ApprovalStore } from './approval.ts';
import { brokenGlass } from './break-glass.ts';
import type { Alarm, ApprovalNews } from './notify.ts';

/** Actions whose end is waited for; of more the oldest are told as unknown. */
const MAX_OPEN = 1_000;
/** How far back a start looks for what was left untold, and at how many records. */
const RECALL_MS = 7 * 24 * 3_600_000;
const RECALL_PAGES = 10;

export interface AftermathParts {
  readonly clock: Clock;
  readonly audit: Pick<AuditLog, 'append' | 'search' | 'show'> & Pick<ApprovalStore, 'getApproval'>;
  readonly warn: (message: string, error: unknown) => void;
  /** Calls with every record that is on disk, until what it returns is called. */
  readonly follow: (listener: (record: AuditRecord) => void) => () => void;
  readonly announce: (news: ApprovalNews) => void;
  /** Who else decides for that approver: `Alarm.allowed`. */
  readonly allowedOf: (approver: Ref) => readonly string[];
}

export interface Aftermath {
  hear(news: ApprovalNews): void;
  /**
   * Tells what the process before did not: that somebody decided alone, which may not have gone out either, and what came of it. Call once, when
   * nothing waits any more of what waited then. Resolves with how many there were.
   */
  recall(): Promise<number>;
}

export function createAftermath(parts: AftermathParts): Aftermath {
  const { clock, audit, follow, announce, allowedOf, warn } = parts;
  /** Approved, and not over; by action. */
  const open = new Map<string, Approval>();
  let unfollow: (() => void) | null = null;
  const tell = (approval: Approval, outcome: string): void => {
    for (const alarm of alarmsOf(approval, allowedOf)) {
      announce({ kind: 'break_glass_over', approval, alarm, outcome });
    }
    if (audit.append(overEvent(approval, outcome, clock.now())) === null) {
      warn(`what came of ${approval.id} was told, and could not be recorded as told`, null);
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
      const { state, actionId } = news.approval;
      if (state !== 'approved') {
        tell(news.approval, notRun(news.approval));
        return;
      }
      open.set(actionId, news.approval);
      unfollow ??= follow(heard);
      const [oldest] = open.keys();
      if (open.size > MAX_OPEN && oldest !== undefined) {
        close(oldest, 'unknown: too many others wait');
      }
    },
    async recall() {
      const untold = await findUntold(audit, clock.now() - RECALL_MS);
      for (const approval of untold) {
        alarmsOf(approval, allowedOf).forEach((alarm) => announce({ kind: 'break_glass', approval, alarm }));
        tell(approval, await lookUp(audit, approval));
      }
      return untold.length;
    },
  };
}

/** Each vote by which somebody decided alone, with whom it calls. */
function alarmsOf(approval: Approval, allowedOf: AftermathParts['allowedOf']): readonly Alarm[] {
  return brokenGlass(approval).map((vote) => ({ vote, allowed: allowedOf(vote.breakGlass.approver) }));
}

function overEvent(approval: Approval, outcome: string, atMs: number): AuditEvent {
  const { agent, session, actionId, endpoint, family, risk, rule, summary, request } = approval;
  const about = { agent, session, actionId, endpoint, family, risk, rule, summary, digest: request.digest };
  const data = { approval_id: approval.id, outcome };
  return createEvent('approval.break_glass_over', atMs, { ...about, reason: outcome, data });
}

/** What was decided alone since then, and of which nobody was told what came of it; oldest first. */
async function findUntold(audit: AftermathParts['audit'], sinceMs: number): Promise<readonly Approval[]> {
  const told = new Set<string>();
  const untold = new Set<string>();
  const filter = { types: ['approval.break_glass', 'approval.break_glass_over'], sinceMs } as const;
  let cursor: string | null = null;
  for (let page = 0; page < RECALL_PAGES; page += 1) {
    // Newest first: that it was told comes before what it was about.
    const { items, next }: AuditPage = await audit.search(filter, { limit: 200, cursor, newestFirst: true });
    for (const { type, data } of items) {
      const over = type === 'approval.break_glass_over';
      const id = over ? data?.['approval_id'] : fieldOf(data?.['approval'], 'id');
      if (typeof id === 'string') {
        (over ? told : untold).add(id);
      }
    }
    cursor = next;
    if (cursor === null) {
      break;
    }
  }
  const found: Approval[] = [];
  for (const id of [...untold].toReversed()) {
    const approval = told.has(id) ? null : await audit.getApproval(id);
    if (approval !== null && brokenGlass(approval).length > 0) {
      found.push(approval);
    }
  }
  return found;
}

/** The end of an approved action, or of the approval, as far as the log has it. */
async function lookUp(audit: AftermathParts['audit'], approval: Approval): Promise<string> {
  if (approval.state !== 'approved') {
    return notRun(approval);
  }
  const outcomes = (await audit.show(approval.actionId)).map(outcomeOf).filter((outcome) => outcome !== null);
  return outcomes.at(-1) ?? 'unknown: the gateway ended before it was known';
}

function notRun({ state, ended }: Approval): string {
  return `it did not run: ${state}${ended === '' ? '' : `, ${ended}`}`;
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
