// Records as bytes, in the writer thread: the text of every event of a batch, in one scratch memory, with room in front for what comes last.
import { Lru } from '../lib/lru.ts';
import { countRows, rowOf } from './batch.ts';
import type { Batch, BatchRow } from './batch.ts';
import { BODY_START, bodyRest, normalTime, originText, quoted, sha256, wordText } from './canonical.ts';
import type { Origin, Word } from './canonical.ts';
import { isFoundByTime, readTables, shapeWords } from './tables.ts';

/** What an event says about the outcome of its action: nothing, that it will come, that it is this. */
export type Effect = 'none' | 'open' | 'settled';

/** One record but for its number and its place in the chain. */
export interface TextRow {
  readonly timeMs: number;
  readonly actionId: string | null;
  /** The words by which it is found. */
  readonly shape: readonly string[];
  readonly effect: Effect;
  /** It is listed under its action. */
  readonly listed: boolean;
  /** The approval that an approval event tells of, as JSON made it; undefined where there is none. */
  readonly approval: unknown;
  /** The grants that an approval or grant event tells of; [] where there are none. */
  readonly grants: readonly unknown[];
  /** The body behind its number. */
  readonly rest: string;
}

/** Facts texts whose tables are remembered. */
const MAX_FACTS = 5_000;
const MAX_FACTS_CHARS = 16 * 1024 * 1024;
const NO_FACTS: KnownFacts = { text: 'null', tables: '[]' };

interface KnownFacts {
  /** As the body has them. */
  readonly text: string;
  /** JSON list of the tables that they name. */
  readonly tables: string;
}

/** Facts as the body has them, remembered across batches. */
export class FactTexts {
  readonly #known = new Lru<string, KnownFacts>(MAX_FACTS, MAX_FACTS_CHARS);

  /** As given. JSON of several lines becomes one line, and what is no JSON becomes a string: one record is one line of JSON. */
  of(factsJson: string | null): KnownFacts {
    if (factsJson === null) {
      return NO_FACTS;
    }
    const known = this.#known.find(factsJson);
    if (known !== null) {
      return known;
    }
    const tables = readTables(factsJson);
    const facts: KnownFacts =
      tables === null
        ? { text: quoted(factsJson), tables: '[]' }
        : { text: factsJson.replaceAll(/[\r\n]+/g, ' '), tables: JSON.stringify(tables) };
    this.#known.put(factsJson, facts, factsJson.length);
    return facts;
  }
}

/** One pass over a batch, with what its records share worked out once. */
export class BatchTexts {
  readonly #batch: Batch;
  readonly #known: FactTexts;
  readonly #quoted: (string | undefined)[] = [];
  readonly #origins: (string | undefined)[] = [];
  readonly #words: (string | undefined)[] = [];
  readonly #facts: (KnownFacts | undefined)[] = [];
  readonly #shapes = new Map<number, readonly string[]>();

  constructor(batch: Batch, known: FactTexts) {
    this.#batch = batch;
    this.#known = known;
  }

  get length(): number {
    return countRows(this.#batch);
  }

  /** The event at `index`, oldest first. */
  row(index: number): TextRow {
    const row = rowOf(this.#batch, index);
    const word = getItem(this.#batch.words, row.word);
    const facts = row.facts === -1 ? NO_FACTS : (this.#facts[row.facts] ??= this.#known.of(this.#text(row.facts)));
    const actionId = this.#text(row.actionId);
    const timeMs = normalTime(row.timeMs);
    const { type, verdict } = word;
    const settled = row.outcome !== -1;
    return {
      timeMs,
      actionId,
      shape: this.#shapeOf(row, word, facts),
      effect: effectOf(word, settled),
      listed: actionId !== null && !isFoundByTime({ type, verdict, settled, actionId, timeMs }),
      ...(/^(?:approval|grant)\./.test(type) ? toldOf(this.#text(row.data)) : TOLD_NOTHING),
      rest: this.#rest(row, word, facts),
    };
  }

  #rest(row: BatchRow, word: Word, facts: KnownFacts): string {
    const digestOf = this.#text(row.digestOf);
    return bodyRest(
      {
        timeMs: row.timeMs,
        type: word.type,
        actionId: this.#quote(row.actionId),
        summary: this.#quote(row.summary),
        digest: digestOf === null ? this.#quote(row.digest) : `"${sha256(digestOf)}"`,
        text: this.#quote(row.text),
        textComplete: row.textComplete,
        facts: facts.text,
        outcome: this.#text(row.outcome) ?? 'null',
        data: this.#text(row.data) ?? 'null',
      },
      {
        origin: (this.#origins[row.origin] ??= originText(getItem(this.#batch.origins, row.origin))),
        word: (this.#words[row.word] ??= wordText(word)),
      },
    );
  }

  #text(index: number): string | null {
    return index === -1 ? null : (this.#batch.texts[index] ?? null);
  }

  #quote(index: number): string {
    return index === -1 ? 'null' : (this.#quoted[index] ??= quoted(this.#text(index)));
  }

  /** The same list for events that share one. */
  #shapeOf(row: BatchRow, word: Word, facts: KnownFacts): readonly string[] {
    const { texts, words, origins } = this.#batch;
    const key = (row.origin * words.length + row.word) * (texts.length + 1) + row.facts + 1;
    const known = this.#shapes.get(key);
    if (known !== undefined) {
      return known;
    }
    const made = wordsOf(getItem(origins, row.origin), word, facts);
    this.#shapes.set(key, made);
    return made;
  }
}

function wordsOf({ agent, endpoint, family }: Origin, word: Word, facts: KnownFacts): readonly string[] {
  const { type, rule, verdict, risk, by } = word;
  const [device, profile] = [agent?.device ?? '', agent?.profile ?? ''];
  return shapeWords([type, device, profile, endpoint, family, rule, verdict, risk ?? '', by, facts.tables]);
}

/** Keeps the list of actions that were let through and whose outcome is not recorded, for the next start after a crash. */
function effectOf({ type, verdict }: Word, settled: boolean): Effect {
  if (type === 'action.settled') {
    return 'settled';
  }
  return type === 'action.decided' && verdict === 'allow' && !settled ? 'open' : 'none';
}

type Told = Pick<TextRow, 'approval' | 'grants'>;
const TOLD_NOTHING: Told = { approval: undefined, grants: [] };

function toldOf(dataJson: string | null): Told {
  const data: unknown = JSON.parse(dataJson ?? 'null');
  if (typeof data !== 'object' || data === null) {
    return TOLD_NOTHING;
  }
  const grants: unknown = 'grants' in data ? data.grants : null;
  return { approval: 'approval' in data ? data.approval : undefined, grants: Array.isArray(grants) ? grants : [] };
}

function getItem<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) {
    throw new RangeError(`batch entry ${index} of ${items.length}`);
  }
  return item;
}

const FIRST_BYTES = 64 * 1024;
/** Longest UTF-8 of one UTF-16 unit. */
const MAX_UNIT_BYTES = 3;

/** Memory in which a record is put together, used again for the next one. */
export class Scratch {
  #memory = Buffer.allocUnsafeSlow(FIRST_BYTES);

  /** What is hashed, and the body within it; both are overwritten by the next call. */
  put(prev: string, seq: number, rest: string): { readonly hashed: Buffer; readonly body: Buffer } {
    const text = `${prev}${BODY_START}${seq}${rest}`;
    if (text.length * MAX_UNIT_BYTES > this.#memory.length) {
      this.#memory = Buffer.allocUnsafeSlow(text.length * MAX_UNIT_BYTES);
    }
    const end = this.#memory.write(text, 0, 'utf8');
    return { hashed: this.#memory.subarray(0, end), body: this.#memory.subarray(prev.length, end) };
  }
}
