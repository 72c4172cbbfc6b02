// Records as they reach the disk, for `audit tail -f`: the last few first, without a gap and without repeats, then whatever comes.
import type { AuditFilter, AuditRecord } from '../audit/event.ts';
import type { AuditLog } from '../audit/log.ts';
import { holdsRecord } from '../audit/scope.ts';
import { readTables } from '../audit/tables.ts';
import type { Clock } from '../lib/clock.ts';
import { createDeferred } from '../lib/deferred.ts';
import { isObject } from '../lib/fields.ts';

/** A reader that falls this far behind is let go: it asks again from where it was. */
const MAX_BEHIND = 2_000;
/** An empty line now and then keeps the connection, and shows that the reader has gone. */
const WARM_MS = 15_000;

export interface FollowParts {
  readonly audit: Pick<AuditLog, 'follow' | 'search'>;
  readonly clock: Clock;
  readonly filter: AuditFilter;
  /** So many of the past first. */
  readonly last: number;
  /** Ends the stream. */
  readonly signal: AbortSignal;
}

/** Lines of JSON (or empty ones) without end, until `signal` aborts or the consumer stops. */
export async function* followRecords(
  { audit, clock, filter, last, signal }: FollowParts,
  toLine: (record: AuditRecord) => string,
): AsyncGenerator<string> {
  const waiting: AuditRecord[] = [];
  let wake = createDeferred<null>();
  let behind = false;
  // Listening begins before the past is read, so that nothing falls between the two.
  const stop = audit.follow((record) => {
    if (matchesFilter(record, filter)) {
      behind ||= waiting.length >= MAX_BEHIND;
      if (!behind) {
        waiting.push(record);
      }
      wake.resolve(null);
    }
  });
  const onAbort = (): void => wake.resolve(null);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    // The head of the answer goes out with the first byte.
    yield '\n';
    const past = last === 0 ? [] : (await audit.search(filter, { limit: last, cursor: null, newestFirst: true })).items;
    for (const record of past.toReversed()) {
      yield toLine(record);
    }
    const seenSeq = past[0]?.seq ?? 0;
    while (!signal.aborted) {
      for (let record = waiting.shift(); record !== undefined; record = waiting.shift()) {
        if (record.seq > seenSeq) {
          yield toLine(record);
        }
      }
      if (behind) {
        throw new Error('the reader is too slow');
      }
      const timer = clock.after(WARM_MS, () => wake.resolve(null));
      await wake.promise;
      timer.cancel();
      wake = createDeferred<null>();
      if (waiting.length === 0) {
        yield '\n';
      }
    }
  } finally {
    stop();
    signal.removeEventListener('abort', onAbort);
  }
}

/** Whether a record fits; the same words as the store's own search. */
export function matchesFilter(record: AuditRecord, filter: AuditFilter): boolean {
  const { agent } = record;
  const pairs: readonly (readonly [string | undefined, string | null | undefined])[] = [
    [filter.device, agent?.device],
    [filter.profile, agent?.profile],
    [filter.endpoint, record.endpoint],
    [filter.family, record.family],
    [filter.rule, record.rule],
    [filter.verdict, record.verdict],
    [filter.risk, record.risk],
    [filter.by, record.by],
  ];
  return (
    pairs.every(([wanted, value]) => wanted === undefined || wanted === value) &&
    (filter.sinceMs === undefined || record.timeMs >= filter.sinceMs) &&
    (filter.untilMs === undefined || record.timeMs <= filter.untilMs) &&
    (filter.action === undefined || record.actionId?.startsWith(filter.action) === true) &&
    (filter.types === undefined || filter.types.includes(record.type)) &&
    (filter.within === undefined || holdsRecord(filter.within, record)) &&
    (filter.table === undefined || (readTables(record.factsJson ?? 'null') ?? []).includes(filter.table)) &&
    (filter.trace === undefined || traceIn(record) === filter.trace) &&
    (filter.text === undefined || hasText(record, filter.text))
  );
}

function traceIn({ data }: AuditRecord): unknown {
  const claim = data?.['claim'];
  return isObject(claim) ? claim['trace'] : undefined;
}

function hasText(record: AuditRecord, wanted: string): boolean {
  const lower = wanted.toLowerCase();
  return [record.text ?? '', record.summary].some((text) => text.toLowerCase().includes(lower));
}
