// Finding approvals, whether they wait or have ended, and what is done at start with those that waited when the last process ended.
import type { AuditLog } from '../audit/log.ts';
import type { Clock } from '../lib/clock.ts';
import type { Approval, ApprovalStore } from './approval.ts';
import type { ApprovalNews } from './notify.ts';
import { approvalEvent } from './records.ts';

const MIN_PREFIX_CHARS = 8;
const PAGE = 200;

export type Found =
  | { readonly kind: 'found'; readonly approval: Approval }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'ambiguous' };

/** By id or unique prefix of 8 or more. `waiting` are those in the queue; `current` is the newest form of one of them. */
export async function findApproval(
  idOrPrefix: string,
  {
    store,
    waiting,
    current,
  }: {
    readonly store: ApprovalStore;
    readonly waiting: () => readonly Approval[];
    readonly current: (id: string) => Approval | null;
  },
): Promise<Found> {
  // Ten thousand others may wait; a click names one.
  const exact = current(idOrPrefix);
  if (exact !== null) {
    return { kind: 'found', approval: exact };
  }
  const fitting = waiting().filter(({ id }) => id.startsWith(idOrPrefix));
  const [only] = fitting;
  if (idOrPrefix.length < MIN_PREFIX_CHARS) {
    return { kind: 'not-found' };
  }
  if (fitting.length > 1) {
    return { kind: 'ambiguous' };
  }
  const stored = await store.getApproval(idOrPrefix);
  if (stored !== null) {
    return { kind: 'found', approval: current(stored.id) ?? stored };
  }
  if (only === undefined) {
    return { kind: 'not-found' };
  }
  // The store also says null when several have the prefix. One that waits is stored, unless it is being written just now.
  return (await store.getApproval(only.id)) === null ? { kind: 'found', approval: only } : { kind: 'ambiguous' };
}

export interface RecoverParts {
  readonly clock: Clock;
  readonly audit: Pick<AuditLog, 'appendDurable'>;
  readonly store: ApprovalStore;
  readonly ended: (approval: Approval, waitedMs: number) => void;
  readonly announce: (news: ApprovalNews) => void;
  /** Notifiers that may have been told of an approval. */
  readonly toldOf: (approval: Approval) => readonly string[];
}

/** Marks what was waiting when the last process ended as cancelled. Resolves with how many there were. */
export async function recoverPending({ clock, audit, store, ended, announce, toldOf }: RecoverParts): Promise<number> {
  let recovered = 0;
  for (let cursor: string | null = null; ;) {
    const page: Awaited<ReturnType<ApprovalStore['listApprovals']>> = await store.listApprovals(['pending'], {
      limit: PAGE,
      cursor,
    });
    for (const approval of page.items) {
      const why = 'the gateway was restarted while it waited';
      const atMs = clock.now();
      const cancelled: Approval = { ...approval, state: 'cancelled', decidedMs: atMs, ended: `restart: ${why}` };
      await audit.appendDurable(
        approvalEvent(cancelled, { type: 'approval.cancelled', atMs, by: 'gateway', reason: why }),
      );
      ended(cancelled, Math.max(0, atMs - approval.createdMs));
      announce({ kind: 'decided', approval: cancelled, told: toldOf(cancelled) });
      recovered += 1;
    }
    cursor = page.next;
    if (cursor === null) {
      return recovered;
    }
  }
}
