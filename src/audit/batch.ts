// Events on their way from the main thread to the writer thread. Encoding is on the path of every statement, and the main thread is what
// everybody waits for, so it is compact: a table of texts in which equal ones occur once, and twelve numbers per event that point into it. The
// text of a record is made from it in the writer (record-text.ts).
import { messageOf } from '../lib/errors.ts';
import type { AuditEvent } from './event.ts';
import type { Origin, Word } from './canonical.ts';

/** What the writer thread takes: everything of it stands alone, so a batch can be sent again to a new thread. */
export interface Batch {
  /** Rises by one; the writer remembers the last one it wrote, so none is written twice. */
  readonly id: number;
  readonly nowMs: number;
  readonly texts: readonly string[];
  readonly origins: readonly Origin[];
  readonly words: readonly Word[];
  /** CELLS numbers per event. */
  readonly cells: Float64Array;
}

/** One event as the writer sees it; numbers point into the batch's `texts`, `origins` and `words`, -1 is null. */
export interface BatchRow {
  readonly origin: number;
  readonly word: number;
  readonly timeMs: number;
  readonly actionId: number;
  readonly summary: number;
  readonly text: number;
  readonly textComplete: boolean;
  readonly facts: number;
  readonly digest: number;
  readonly digestOf: number;
  readonly outcome: number;
  readonly data: number;
}

const CELLS = 12;
/** How many of the latest distinct words and origins are looked through for an equal one. */
const LOOK_BACK = 16;

/** An event that waits for its batch, with the outcome if that has come already. */
export interface PendingEvent {
  readonly event: AuditEvent;
  readonly outcome: Readonly<Record<string, unknown>> | null;
}

/** Encodes events, oldest first. */
export function encodeBatch(id: number, nowMs: number, events: readonly PendingEvent[]): Batch {
  const encoder = new Encoder(events.length);
  for (const pending of events) {
    encoder.add(pending);
  }
  return { id, nowMs, ...encoder.finish() };
}

class Encoder {
  readonly #texts: string[] = [];
  readonly #indexes = new Map<string, number>();
  readonly #origins: Origin[] = [];
  readonly #words: Word[] = [];
  readonly #cells: Float64Array;
  #at = 0;

  constructor(events: number) {
    this.#cells = new Float64Array(events * CELLS);
  }

  add({ event, outcome }: PendingEvent): void {
    const cells = this.#cells;
    const at = this.#at;
    const text = event.text === null ? -1 : this.#intern(event.text);
    cells[at] = this.#origin(event);
    cells[at + 1] = this.#word(event);
    cells[at + 2] = event.timeMs;
    cells[at + 3] = event.actionId === null ? -1 : this.#push(event.actionId);
    cells[at + 4] = event.summary === event.text ? text : this.#intern(event.summary);
    cells[at + 5] = text;
    cells[at + 6] = event.textComplete ? 1 : 0;
    cells[at + 7] = event.factsJson === null ? -1 : this.#intern(event.factsJson);
    cells[at + 8] = event.digest === '' ? -1 : this.#push(event.digest);
    cells[at + 9] = this.#digestOf(event, text);
    cells[at + 10] = outcome === null ? -1 : this.#push(jsonOf(outcome));
    cells[at + 11] = event.data === null ? -1 : this.#push(jsonOf(event.data));
    this.#at = at + CELLS;
  }

  finish(): Omit<Batch, 'id' | 'nowMs'> {
    return { texts: this.#texts, origins: this.#origins, words: this.#words, cells: this.#cells };
  }

  #digestOf(event: AuditEvent, text: number): number {
    if (event.digestOf === null || event.digest !== '') {
      return -1;
    }
    return event.digestOf === event.text ? text : this.#intern(event.digestOf);
  }

  #push(text: string): number {
    return this.#texts.push(text) - 1;
  }

  #intern(text: string): number {
    const found = this.#indexes.get(text);
    if (found !== undefined) {
      return found;
    }
    const index = this.#push(text);
    this.#indexes.set(text, index);
    return index;
  }

  #origin(event: AuditEvent): number {
    const origins = this.#origins;
    for (let at = origins.length - 1; at >= Math.max(0, origins.length - LOOK_BACK); at -= 1) {
      const known = origins[at];
      if (
        known !== undefined &&
        known.session === event.session &&
        known.agent === event.agent &&
        known.endpoint === event.endpoint &&
        known.family === event.family
      ) {
        return at;
      }
    }
    const { session, agent, endpoint, family } = event;
    return origins.push({ session, agent, endpoint, family }) - 1;
  }

  #word(event: AuditEvent): number {
    const words = this.#words;
    for (let at = words.length - 1; at >= Math.max(0, words.length - LOOK_BACK); at -= 1) {
      const known = words[at];
      if (
        known !== undefined &&
        known.rule === event.rule &&
        known.type === event.type &&
        known.verdict === event.verdict &&
        known.risk === event.risk &&
        known.by === event.by &&
        known.reason === event.reason &&
        known.approvers === event.approvers
      ) {
        return at;
      }
    }
    const { type, risk, verdict, rule, approvers, by, reason } = event;
    return words.push({ type, risk, verdict, rule, approvers, by, reason }) - 1;
  }
}

export function countRows(batch: Batch): number {
  return batch.cells.length / CELLS;
}

/** The event at `index`, oldest first. */
export function rowOf({ cells }: Batch, index: number): BatchRow {
  const at = index * CELLS;
  return {
    origin: cells[at] ?? -1,
    word: cells[at + 1] ?? -1,
    timeMs: cells[at + 2] ?? 0,
    actionId: cells[at + 3] ?? -1,
    summary: cells[at + 4] ?? -1,
    text: cells[at + 5] ?? -1,
    textComplete: cells[at + 6] === 1,
    facts: cells[at + 7] ?? -1,
    digest: cells[at + 8] ?? -1,
    digestOf: cells[at + 9] ?? -1,
    outcome: cells[at + 10] ?? -1,
    data: cells[at + 11] ?? -1,
  };
}

/** JSON of an event's own data. What has none (a bigint, a cycle) is a fault of ours, and must not hold up the log. */
function jsonOf(value: Readonly<Record<string, unknown>>): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    return JSON.stringify({ unrecordable: messageOf(error) });
  }
}
