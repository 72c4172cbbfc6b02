// What an open page is told as it happens, as server-sent events: that the queue of approvals changed, and, when it asks, records as they
// reach the disk. A slow page gets fewer records and how many it missed, never a growing queue.
import type { ApprovalNews } from '../approvals/notify.ts';
import type { AuditFilter, AuditRecord } from '../audit/event.ts';
import type { AuditLog } from '../audit/log.ts';
import type { Clock } from '../lib/clock.ts';
import { createDeferred } from '../lib/deferred.ts';
import { matchesFilter } from './follow.ts';
import { recordRowJson } from './shapes.ts';

/** Newest records that wait for a page; older ones are counted and let go. */
const MAX_WAITING = 200;
/** A page is told at most so often. */
const PAUSE_MS = 100;
/** How often an idle stream says that it lives, and looks whether its session still does. */
const BEAT_MS = 15_000;

export interface LiveParts {
  readonly clock: Clock;
  readonly audit: Pick<AuditLog, 'follow' | 'search'>;
  readonly pendingCount: () => number;
  /** Calls when the queue has changed, until what it returns is called. */
  readonly onApprovals: (listener: (kind: ApprovalNews['kind']) => void) => () => void;
  /** Records to tell; null = none. */
  readonly filter: AuditFilter | null;
  /** The last record that the page has; null = it has none and wants none of the past. */
  readonly afterSeq: number | null;
  /** Whether the session behind the stream still stands. */
  readonly alive: () => boolean;
  /** Ends the stream. */
  readonly signal: AbortSignal;
}

/** Server-sent events without end, until `signal` aborts, the session ends, or the consumer stops. */
export async function* liveEvents(parts: LiveParts): AsyncGenerator<string> {
  const { clock, filter, signal } = parts;
  const inbox = new Inbox();
  const stops = [parts.onApprovals((kind) => inbox.noteApprovals(kind === 'break_glass'))];
  if (filter !== null) {
    stops.push(parts.audit.follow((record) => matchesFilter(record, filter) && inbox.add(record)));
  }
  const onAbort = (): void => inbox.wake();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    yield 'retry: 2000\n\n';
    if (filter !== null && parts.afterSeq !== null) {
      await catchUp(parts, filter, inbox);
    }
    while (!signal.aborted) {
      if (!parts.alive()) {
        yield eventText('ended', {});
        return;
      }
      if (inbox.takeApprovals()) {
        yield eventText('approvals', { pending: parts.pendingCount() });
      }
      if (inbox.takeAlarm()) {
        yield eventText('break_glass', {});
      }
      const { records, missed } = inbox.takeRecords();
      const last = records.at(-1);
      if (last !== undefined) {
        yield eventText('records', { items: records.map(recordRowJson), missed }, String(last.seq));
      }
      await pause(clock, PAUSE_MS, signal);
      if (!(await inbox.filled(clock))) {
        yield ': \n\n';
      }
    }
  } finally {
    stops.forEach((stop) => stop());
    signal.removeEventListener('abort', onAbort);
  }
}

/** What was recorded while the page was away, as far back as a page keeps. */
async function catchUp({ audit, afterSeq }: LiveParts, filter: AuditFilter, inbox: Inbox): Promise<void> {
  const past = await audit.search(filter, { limit: MAX_WAITING, cursor: null, newestFirst: true });
  inbox.addPast(past.items.filter(({ seq }) => seq > (afterSeq ?? 0)).toReversed());
}

/** What waits to be told. */
class Inbox {
  /** A new page asks for the queue anyway. */
  #approvals = true;
  /** Somebody decided alone; a new page asks for that too. */
  #alarm = true;
  #records: AuditRecord[] = [];
  #missed = 0;
  #woken = createDeferred<null>();

  noteApprovals(alarm: boolean): void {
    this.#approvals = true;
    this.#alarm ||= alarm;
    this.wake();
  }

  add(record: AuditRecord): void {
    this.#records.push(record);
    if (this.#records.length > MAX_WAITING) {
      this.#records.shift();
      this.#missed += 1;
    }
    this.wake();
  }

  /** The past comes before what was heard meanwhile, and what was heard is not repeated. */
  addPast(past: readonly AuditRecord[]): void {
    const seen = past.at(-1)?.seq ?? 0;
    this.#records = [...past, ...this.#records.filter(({ seq }) => seq > seen)].slice(-MAX_WAITING);
    this.wake();
  }

  takeApprovals(): boolean {
    const changed = this.#approvals;
    this.#approvals = false;
    return changed;
  }

  takeAlarm(): boolean {
    const alarm = this.#alarm;
    this.#alarm = false;
    return alarm;
  }

  takeRecords(): { readonly records: readonly AuditRecord[]; readonly missed: number } {
    const taken = { records: this.#records, missed: this.#missed };
    this.#records = [];
    this.#missed = 0;
    return taken;
  }

  wake(): void {
    this.#woken.resolve(null);
  }

  /** Waits for something to tell; false when nothing came within a beat. */
  async filled(clock: Clock): Promise<boolean> {
    const timer = clock.after(BEAT_MS, () => this.wake());
    await this.#woken.promise;
    timer.cancel();
    this.#woken = createDeferred<null>();
    return this.#approvals || this.#records.length > 0;
  }
}

function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      timer.cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.after(delayMs, done);
    signal.addEventListener('abort', done, { once: true });
  });
}

/** JSON has no line breaks outside of strings, and in strings they are escaped, so one `data` line holds it. */
function eventText(event: string, data: object, id?: string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
