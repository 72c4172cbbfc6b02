// Events on their way from the main thread to the writer thread. An event becomes the text of its record here, but for the number and
// the hash that only the writer can know, and a batch of them is one piece of memory that is handed over without a copy: strings that cross
// a thread one by one cost more than everything else about a record.
import { Lru } from '../lib/lru.ts';
import { messageOf } from '../lib/errors.ts';
import type { Agent } from '../rules/action.ts';
import { BODY_START, ZERO_HASH, bodyRest, normalTime, originText, quoted, sha256, wordText } from './canonical.ts';
import type { Origin, Word } from './canonical.ts';
import type { AuditEvent } from './event.ts';
import { isFoundByTime, readTables, shapeWords } from './tables.ts';

/** What the writer thread takes: everything of it stands alone, so that it can be made and sent again for a new thread. */
export interface Batch {
  /** Rises by one; the writer remembers the last one it wrote, so none is written twice. */
  readonly id: number;
  readonly nowMs: number;
  /** CELLS numbers per event. */
  readonly cells: Float64Array;
  /** Rests of bodies in UTF-8, each behind ROOM_BYTES for what the writer puts in front. */
  readonly bytes: Uint8Array;
  /** Action of each event. */
  readonly actions: readonly (string | null)[];
  /** The words by which records are found, each combination once. */
  readonly shapes: readonly (readonly string[])[];
  /** JSON of the approvals that events of this batch tell of, by the event's place in it. */
  readonly approvals: readonly (readonly [number, string])[];
}

/** One event as the writer sees it. */
export interface BatchRow {
  readonly timeMs: number;
  /** Where the rest of its body is in the batch's bytes. */
  readonly start: number;
  readonly end: number;
  /** Place of its words in the batch's shapes. */
  readonly shape: number;
  readonly effect: number;
  /** It is listed under its action. */
  readonly listed: boolean;
}

/** What an event says about the outcome of its action: nothing, that it will come, that it is this. */
export const EFFECT = { none: 0, open: 1, settled: 2 } as const;

const CELLS = 6;
/** Room for the hash before, and for the start of a body up to the longest number. */
export const ROOM_BYTES: number = ZERO_HASH.length + BODY_START.length + 16;

/** An event that waits for its batch, with the outcome if that has come already. */
export interface PendingEvent {
  readonly event: AuditEvent;
  readonly outcome: Readonly<Record<string, unknown>> | null;
  /** Kept here once made; whoever changes the outcome takes it away. */
  encoded?: EncodedEvent | null;
}

/** The words of some records, with their place in the batch that is being made. */
interface Shape {
  readonly words: readonly string[];
  batch: number;
  place: number;
}

/** An event as text. */
export interface EncodedEvent {
  readonly timeMs: number;
  readonly actionId: string | null;
  /** The body behind its number. */
  readonly rest: string;
  readonly shape: Shape;
  readonly effect: number;
  readonly listed: boolean;
  /** JSON of the approval that an approval event tells of. */
  readonly approval: string | null;
}

interface KnownFacts {
  /** As the body has them. */
  readonly text: string;
  readonly tables: string;
}

interface KnownOrigin {
  readonly origin: Origin;
  readonly text: string;
  readonly shapes: Map<KnownWord, Map<KnownFacts, Shape>>;
}

interface KnownWord {
  readonly word: Word;
  readonly text: string;
}

/** How many of the latest distinct words are looked through for an equal one. */
const MAX_WORDS = 16;
/** Combinations that one connection keeps; beyond them it starts anew. */
const MAX_SHAPES = 256;
const MAX_FACTS = 2000;
const MAX_FACTS_CHARS = 8 * 1024 * 1024;
/** Longest character in UTF-8. */
const MAX_CHAR_BYTES = 4;
const NO_FACTS: KnownFacts = { text: 'null', tables: '[]' };

/** Makes texts and batches, and remembers what many records share. One of them serves a log for its whole life. */
export class Encoder {
  readonly #origins = new WeakMap<Agent, KnownOrigin>();
  readonly #words: KnownWord[] = [];
  #nextWord = 0;
  readonly #facts = new Lru<string, KnownFacts>(MAX_FACTS, MAX_FACTS_CHARS);
  #batches = 0;

  /** The text of an event. Never throws: what cannot be told says so. */
  encode({ event, outcome }: PendingEvent): EncodedEvent {
    const facts = event.factsJson === null ? NO_FACTS : this.#factsOf(event.factsJson);
    const origin = this.#originOf(event);
    const word = this.#wordOf(event);
    const text = quoted(event.text);
    const rest = bodyRest(
      {
        timeMs: event.timeMs,
        type: event.type,
        actionId: quoted(event.actionId),
        summary: event.summary === event.text ? text : quoted(event.summary),
        digest: digestText(event),
        text,
        textComplete: event.textComplete,
        facts: facts.text,
        outcome: outcome === null ? 'null' : jsonOf(outcome),
        data: event.data === null ? 'null' : jsonOf(event.data),
      },
      { origin: origin.text, word: word.text },
    );
    const timeMs = normalTime(event.timeMs);
    return {
      timeMs,
      actionId: event.actionId,
      rest,
      shape: shapeOf(origin, word, facts),
      effect: effectOf(event, outcome),
      listed: isListed(event, timeMs, outcome !== null),
      approval: approvalOf(event),
    };
  }

  /** A batch of events, oldest first. */
  batch(id: number, nowMs: number, events: readonly PendingEvent[]): Batch {
    this.#batches += 1;
    const cells = new Float64Array(events.length * CELLS);
    const actions: (string | null)[] = [];
    const shapes: (readonly string[])[] = [];
    const approvals: [number, string][] = [];
    const encoded = events.map((pending) => (pending.encoded ??= this.encode(pending)));
    const memory = new Memory(encoded);
    for (const [index, { timeMs, actionId, rest, shape, effect, listed, approval }] of encoded.entries()) {
      if (shape.batch !== this.#batches) {
        shape.batch = this.#batches;
        shape.place = shapes.push(shape.words) - 1;
      }
      const at = index * CELLS;
      cells[at] = timeMs;
      cells[at + 1] = memory.add(rest);
      cells[at + 2] = memory.end;
      cells[at + 3] = shape.place;
      cells[at + 4] = effect;
      cells[at + 5] = listed ? 1 : 0;
      actions.push(actionId);
      if (approval !== null) {
        approvals.push([index, approval]);
      }
    }
    return { id, nowMs, cells, bytes: memory.bytes, actions, shapes, approvals };
  }

  /** The facts as given. JSON of several lines becomes one line, and what is no JSON becomes a string: one record is one line of JSON. */
  #factsOf(factsJson: string): KnownFacts {
    const known = this.#facts.find(factsJson);
    if (known !== null) {
      return known;
    }
    const tables = readTables(factsJson);
    const facts: KnownFacts =
      tables === null
        ? { text: quoted(factsJson), tables: '[]' }
        : { text: factsJson.replaceAll(/[\r\n]+/g, ' '), tables: JSON.stringify(tables) };
    this.#facts.put(factsJson, facts, factsJson.length);
    return facts;
  }

  #originOf(event: AuditEvent): KnownOrigin {
    const { agent, session, endpoint, family } = event;
    const known = agent === null ? undefined : this.#origins.get(agent);
    if (
      known !== undefined &&
      known.origin.session === session &&
      known.origin.endpoint === endpoint &&
      known.origin.family === family
    ) {
      return known;
    }
    const origin = { session, agent, endpoint, family };
    const made: KnownOrigin = { origin, text: originText(origin), shapes: new Map() };
    if (agent !== null) {
      this.#origins.set(agent, made);
    }
    return made;
  }

  #wordOf(event: AuditEvent): KnownWord {
    for (const known of this.#words) {
      const { word } = known;
      if (
        word.rule === event.rule &&
        word.type === event.type &&
        word.verdict === event.verdict &&
        word.risk === event.risk &&
        word.by === event.by &&
        word.reason === event.reason &&
        word.approvers === event.approvers
      ) {
        return known;
      }
    }
    const { type, risk, verdict, rule, approvers, by, reason } = event;
    const word = { type, risk, verdict, rule, approvers, by, reason };
    const made: KnownWord = { word, text: wordText(word) };
    this.#words[this.#nextWord] = made;
    this.#nextWord = (this.#nextWord + 1) % MAX_WORDS;
    return made;
  }
}

function shapeOf(known: KnownOrigin, word: KnownWord, facts: KnownFacts): Shape {
  const { shapes, origin } = known;
  const found = shapes.get(word)?.get(facts);
  if (found !== undefined) {
    return found;
  }
  const { type, rule, verdict, risk, by } = word.word;
  const { agent, endpoint, family } = origin;
  const words = shapeWords([
    type,
    agent?.device ?? '',
    agent?.profile ?? '',
    endpoint,
    family,
    rule,
    verdict,
    risk ?? '',
    by,
    facts.tables,
  ]);
  const made: Shape = { words, batch: 0, place: 0 };
  if (shapes.size >= MAX_SHAPES) {
    shapes.clear();
  }
  const byFacts = shapes.get(word) ?? new Map<KnownFacts, Shape>();
  if (byFacts.size >= MAX_SHAPES) {
    byFacts.clear();
  }
  shapes.set(word, byFacts.set(facts, made));
  return made;
}

/** Keeps the list of actions that were let through and whose outcome is not recorded, for the next start after a crash. */
function effectOf(event: AuditEvent, outcome: PendingEvent['outcome']): number {
  if (event.type === 'action.settled') {
    return EFFECT.settled;
  }
  return event.type === 'action.decided' && event.verdict === 'allow' && outcome === null ? EFFECT.open : EFFECT.none;
}

function isListed({ type, verdict, actionId }: AuditEvent, timeMs: number, settled: boolean): boolean {
  return actionId !== null && !isFoundByTime({ type, verdict, settled, actionId, timeMs });
}

function approvalOf({ type, data }: AuditEvent): string | null {
  const approval = type.startsWith('approval.') ? data?.['approval'] : null;
  return typeof approval === 'object' && approval !== null ? jsonOf({ ...approval }) : null;
}

function digestText({ digest, digestOf }: AuditEvent): string {
  return digest === '' && digestOf !== null ? `"${sha256(digestOf)}"` : quoted(digest);
}

/** The rests of a batch's bodies, one behind the other. */
class Memory {
  /** End of what was added last. */
  end = 0;
  #buffer: Buffer;

  /** Nearly all of it is ASCII; for what is not there is more memory in the end. */
  constructor(events: readonly EncodedEvent[]) {
    const chars = events.reduce((sum, { rest }) => sum + rest.length + ROOM_BYTES, 0);
    this.#buffer = Buffer.from(new ArrayBuffer(chars));
  }

  get bytes(): Uint8Array {
    return this.#buffer;
  }

  /** Returns where the text begins. */
  add(text: string): number {
    const start = this.end + ROOM_BYTES;
    this.#reserve(start + text.length);
    // What does not fit is written as far as whole characters fit, so a text that comes near the end may have been cut.
    let written = this.#buffer.write(text, start, 'utf8');
    if (start + written > this.#buffer.length - MAX_CHAR_BYTES) {
      written = Buffer.byteLength(text);
      this.#reserve(start + written);
      this.#buffer.write(text, start, 'utf8');
    }
    this.end = start + written;
    return start;
  }

  #reserve(needed: number): void {
    if (needed > this.#buffer.length) {
      const larger = Buffer.from(new ArrayBuffer(needed * 2));
      this.#buffer.copy(larger, 0, 0, this.end);
      this.#buffer = larger;
    }
  }
}

export function countRows(batch: Batch): number {
  return batch.cells.length / CELLS;
}

/** The event at `index`, oldest first. */
export function rowOf({ cells }: Batch, index: number): BatchRow {
  const at = index * CELLS;
  return {
    timeMs: cells[at] ?? 0,
    start: cells[at + 1] ?? 0,
    end: cells[at + 2] ?? 0,
    shape: cells[at + 3] ?? 0,
    effect: cells[at + 4] ?? 0,
    listed: cells[at + 5] === 1,
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
