// The check of a chain of records against itself and against signed checkpoints, one record at a time, wherever the records come from.
import type { KeyObject } from 'node:crypto';
import { hashOf, parseBody } from './canonical.ts';
import type { BodyJson } from './canonical.ts';
import { checkpointVerifies, parseCheckpoint } from './checkpoint.ts';
import type { Checkpoint, Signed } from './checkpoint.ts';

/** What is wrong, in one word. */
export type FindingKind = 'edited' | 'deleted' | 'reordered' | 'truncated' | 'bad-signature' | 'unreadable';

export interface Finding {
  /** First record that is not as it was written; 0 when it is not about a record. */
  readonly seq: number;
  readonly kind: FindingKind;
  readonly detail: string;
}

export interface ChainRow {
  readonly seq: number;
  readonly prev: string;
  readonly hash: string;
  readonly body: string;
}

/** Keys that may have signed, and whom to believe. */
export interface KeyRing {
  /** By key id: as the store (or bundle) itself lists them. */
  readonly listed: ReadonlyMap<string, KeyObject>;
  /** A key from outside, which the newest checkpoints must be signed with; null when none was given. */
  readonly trusted: { readonly id: string; readonly key: KeyObject } | null;
}

export interface ChainParts {
  readonly storeId: string;
  readonly keys: KeyRing;
  /** Of the store and of a published file, in any order; those before the first record are left out by the caller. */
  readonly checkpoints: readonly Signed[];
  /** Where the record that calls itself `seq` is stored, if anywhere. Asked only when something is wrong already. */
  locate(seq: number): number | null;
}

interface Point {
  readonly signed: Signed;
  readonly point: Checkpoint | null;
}

export class ChainCheck {
  readonly #parts: ChainParts;
  readonly #points: readonly Point[];
  #nextPoint = 0;
  #expectedSeq: number;
  #prev: string | null;
  /** Newest record up to which a checkpoint held. */
  #provenSeq: number;
  #trustedSeen = false;
  #keySeen = '';
  #records = 0;
  #checkpoints = 0;
  readonly notes: string[] = [];

  /** `prev` is the hash before the first record; null when it is not known (a range that starts in the middle). */
  constructor(parts: ChainParts, firstSeq: number, prev: string | null) {
    this.#parts = parts;
    this.#expectedSeq = firstSeq;
    this.#provenSeq = firstSeq - 1;
    this.#prev = prev;
    this.#points = parts.checkpoints
      .map((signed) => ({ signed, point: parseCheckpoint(signed.body) }))
      .toSorted((a, b) => (a.point?.seq ?? 0) - (b.point?.seq ?? 0));
  }

  get records(): number {
    return this.#records;
  }

  get checkpoints(): number {
    return this.#checkpoints;
  }

  /** The next record, in stored order. Returns the first thing that is wrong. `body` receives the parsed body of a good one. */
  take(row: ChainRow, body?: (parsed: BodyJson) => Finding | null): Finding | null {
    const parsed = parseBody(row.body);
    const bad = this.#checkPlace(row, parsed) ?? this.#checkHash(row, parsed);
    if (bad !== null) {
      return bad;
    }
    if (parsed === null) {
      return { seq: row.seq, kind: 'unreadable', detail: 'the stored text is not the JSON of a record' };
    }
    const other = body?.(parsed) ?? null;
    if (other !== null) {
      return other;
    }
    this.#records += 1;
    this.#prev = row.hash;
    this.#expectedSeq = row.seq + 1;
    return this.#checkPoints(row);
  }

  /** After the last record: nothing may be signed beyond it. */
  end(): Finding | null {
    const left = this.#points[this.#nextPoint];
    const trusted = this.#parts.keys.trusted;
    if (left !== undefined) {
      const bad = this.#checkSignature(left);
      const lastSeq = this.#expectedSeq - 1;
      const detail = `the log ends at record ${lastSeq}, but a signed checkpoint tells of record ${left.point?.seq ?? 0}`;
      return bad ?? { seq: this.#expectedSeq, kind: 'truncated', detail };
    }
    if (trusted !== null && this.#checkpoints > 0 && !this.#trustedSeen) {
      const detail = `no checkpoint is signed with the given key ${trusted.id}`;
      return { seq: this.#provenSeq, kind: 'bad-signature', detail };
    }
    return null;
  }

  /** The records at the end that no checkpoint vouches for, in words; null when there are none. */
  get unsigned(): string | null {
    const [from, to] = [this.#provenSeq + 1, this.#expectedSeq - 1];
    if (from > to) {
      return null;
    }
    const [which, them] = from === to ? [`record ${from} comes`, 'it'] : [`records ${from} to ${to} come`, 'them'];
    return `${which} after the last signed checkpoint: whoever can write the file could cut ${them} off or write ${them} anew`;
  }

  #checkPlace(row: ChainRow, parsed: BodyJson | null): Finding | null {
    const expected = this.#expectedSeq;
    const says = parsed?.seq ?? row.seq;
    if (row.seq === expected && says === row.seq) {
      return null;
    }
    if (row.seq === expected && row.hash !== hashOf(row.prev, row.body) && this.#parts.locate(expected) === null) {
      return { seq: expected, kind: 'edited', detail: `it calls itself record ${says} and its hash does not match` };
    }
    const where = this.#parts.locate(expected);
    if (where === null) {
      const detail =
        row.seq === expected
          ? `it is gone; record ${says} stands in its place`
          : `record${row.seq - expected > 1 ? `s ${expected} to ${row.seq - 1} are` : ` ${expected} is`} gone`;
      return { seq: expected, kind: 'deleted', detail };
    }
    return {
      seq: expected,
      kind: 'reordered',
      detail: `record ${says} stands in its place, and it stands at ${where}`,
    };
  }

  #checkHash(row: ChainRow, parsed: BodyJson | null): Finding | null {
    if (hashOf(row.prev, row.body) !== row.hash) {
      const whole = parsed === null ? ', and its text is no longer JSON' : '';
      return { seq: row.seq, kind: 'edited', detail: `its hash does not match its content${whole}` };
    }
    if (this.#prev !== null && row.prev !== this.#prev) {
      // This record's own hash covers what the one before was; so it is the one before that was replaced.
      const detail = `record ${row.seq} was chained to another content of it`;
      return this.#records > 0
        ? { seq: row.seq - 1, kind: 'edited', detail }
        : { seq: row.seq, kind: 'edited', detail: 'it does not follow what is before it' };
    }
    return null;
  }

  #checkPoints(row: ChainRow): Finding | null {
    for (let next = this.#points[this.#nextPoint]; next !== undefined; next = this.#points[this.#nextPoint]) {
      const seq = next.point?.seq ?? 0;
      if (next.point !== null && seq > row.seq) {
        return null;
      }
      const bad = this.#checkSignature(next);
      if (bad !== null) {
        return bad;
      }
      if (seq === row.seq && next.point?.head !== row.hash) {
        const from = this.#provenSeq + 1;
        const detail = `the signed checkpoint of record ${seq} tells another hash: records ${from} to ${seq} are not the ones that were signed`;
        return { seq, kind: 'bad-signature', detail };
      }
      this.#nextPoint += 1;
      // The store's and the published one of the same record count once.
      if (seq === row.seq && this.#provenSeq !== seq) {
        this.#checkpoints += 1;
        this.#provenSeq = seq;
      }
    }
    return null;
  }

  /** The signature itself: whose, and whether it is one. */
  #checkSignature({ signed, point }: Point): Finding | null {
    const { storeId, keys } = this.#parts;
    if (point === null) {
      return { seq: this.#expectedSeq, kind: 'bad-signature', detail: 'a checkpoint is not readable' };
    }
    const refuse = (detail: string): Finding => ({ seq: point.seq, kind: 'bad-signature', detail });
    if (point.store !== storeId) {
      return refuse(`its checkpoint is of another store (${point.store})`);
    }
    const trusted = keys.trusted?.id === point.key ? keys.trusted.key : null;
    const key = trusted ?? keys.listed.get(point.key);
    if (key === undefined) {
      return refuse(`its checkpoint is signed with a key that is not known (${point.key})`);
    }
    if (!checkpointVerifies(key, signed)) {
      return refuse('the signature of its checkpoint does not verify');
    }
    if (this.#trustedSeen && trusted === null) {
      return refuse(`its checkpoint is signed with ${point.key}, which is not the given key`);
    }
    this.#noteKey(point);
    this.#trustedSeen ||= trusted !== null;
    return null;
  }

  #noteKey({ key, seq }: Checkpoint): void {
    if (this.#keySeen !== key) {
      if (this.#keySeen !== '') {
        this.notes.push(`the signing key changed at record ${seq}: from ${this.#keySeen} to ${key}`);
      }
      this.#keySeen = key;
    }
  }
}
