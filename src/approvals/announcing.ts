// Who is told of an item of the queue, and when: people that they are asked, that something changed, and that they have not answered; the
// waiting client that it waits.
import type { Clock } from '../lib/clock.ts';
import type { Ref } from '../config/config.ts';
import type { ParkedNotice } from '../protocols/session.ts';
import type { Item } from './item.ts';
import type { Alarm, ApprovalNews, Asked } from './notify.ts';

/** How often a waiting client gets a sign of life, and how many of them may pass without words. */
const NOTICE_MS = 30_000;
const MAX_SILENT = 120;

export interface AnnouncingParts {
  readonly clock: Clock;
  readonly warn: (message: string, error: unknown) => void;
  readonly announce: (news: ApprovalNews) => void;
  /** Of equal requests only the first is announced. */
  readonly isFirst: (item: Item) => boolean;
}

export interface Announcing {
  /** People are asked; `previous` did not answer. Reminds them until they do. */
  asked(item: Item, previous: Ref | null): void;
  changed(item: Item): void;
  decided(item: Item): void;
  /** Somebody decided alone. */
  alarm(item: Item, alarm: Alarm): void;
  /** Tells the waiting client that it waits, now and from time to time. */
  tick(item: Item): void;
}

export function createAnnouncing({ clock, announce, isFirst, warn }: AnnouncingParts): Announcing {
  const remind = (item: Item): void => {
    const { human } = item;
    item.reminder?.cancel();
    if (human === null || human.remindMs <= 0 || item.approval.state !== 'pending') {
      return;
    }
    item.reminder = clock.after(human.remindMs, () => {
      const asked = askedOf(item);
      // Whoever was asked may have been replaced in the meantime; that has reminders of its own.
      if (asked === null || item.human !== human || item.approval.state !== 'pending') {
        return;
      }
      item.reminders += 1;
      if (isFirst(item)) {
        announce({ kind: 'reminded', approval: item.approval, asked, number: item.reminders });
      }
      remind(item);
    });
  };
  const tick = (item: Item): void => {
    const notice = noticeOf(item, clock.monotonicMs());
    try {
      item.notify(notice);
    } catch (error) {
      warn('a waiting client could not be told that it waits', error);
    }
    // The client may have withdrawn in answer to the notice.
    if (item.approval.state === 'pending') {
      item.notice = clock.after(NOTICE_MS, () => tick(item));
    }
  };
  return {
    tick,
    asked(item, previous) {
      const asked = askedOf(item);
      if (asked === null) {
        return;
      }
      if (isFirst(item)) {
        asked.notifiers.forEach((ref) => item.told.add(ref));
        announce({ kind: 'asked', approval: item.approval, asked, previous });
      }
      remind(item);
    },
    changed(item) {
      const asked = askedOf(item);
      if (asked !== null && isFirst(item)) {
        announce({ kind: 'changed', approval: item.approval, asked });
      }
    },
    alarm: (item, alarm) => announce({ kind: 'break_glass', approval: item.approval, alarm }),
    decided: (item) => announce({ kind: 'decided', approval: item.approval, told: [...item.told] }),
  };
}

/** What the client is told now; counts that it was. */
function noticeOf(item: Item, nowMs: number): ParkedNotice {
  const waitsFor = item.human?.label ?? 'a reviewer model';
  const silent = !isTold(item.notices) && waitsFor === item.waitsFor;
  item.notices += 1;
  item.waitsFor = waitsFor;
  return {
    approval: item.approval.id,
    expiresInMs: Math.max(0, item.dueMs - nowMs),
    waitsFor,
    waitedMs: nowMs - item.createdMonotonicMs,
    silent,
  };
}

/** In words at once, and again whenever the wait has doubled: who reads it every half minute stops reading. */
function isTold(count: number): boolean {
  return Number.isInteger(Math.log2(Math.max(1, count))) || count % MAX_SILENT === 0;
}

/** The people that an item waits for, or null. */
function askedOf({ human, approval }: Item): Asked | null {
  return human === null
    ? null
    : { approver: human.ref, notifiers: human.notifiers, message: human.message, required: approval.required };
}
