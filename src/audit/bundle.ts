// A bundle: a run of records without gaps and everything that is needed to verify it without the store. Archived segments are
// bundles, compressed. One JSON object a line:
//
//   {"kind":"bundle","version":1,"store":…,"from":…,"to":…,"prev":…,"made":…}   prev: hash before the first record
//   {"kind":"key","id":…,"public_key":…}                                          keys that sign, as the store lists them
//   {"kind":"stub","body":…,"signature":…}                                        retired segments before it
//   {"kind":"checkpoint","body":…,"signature":…}                                  checkpoints of these records
//   {"seq":…,…,"prev":…,"hash":…}                                                 the records (canonical.ts)
//   {"kind":"end","records":…}
import type { KeyObject } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import { parseLine } from './canonical.ts';
import { ChainCheck } from './chain.ts';
import type { Finding, KeyRing } from './chain.ts';
import { listKeys, readStubs, withId } from './check-store.ts';
import type { CheckResult } from './check-store.ts';
import { parseStub, stubVerifies } from './checkpoint.ts';
import type { Signed } from './checkpoint.ts';

const VERSION = 1;

export interface BundleRange {
  readonly from: number;
  readonly to: number;
}

/** The lines before the records. Null when the range holds no record. */
export function bundleHead(db: Database, { from, to }: BundleRange, made: string): readonly string[] | null {
  const prev = db.prepare<[number], string>('SELECT prev FROM records WHERE seq = ?').pluck().get(from);
  if (prev === undefined) {
    return null;
  }
  const store = db.prepare<[], string>("SELECT value FROM store WHERE key = 'id'").pluck().get() ?? '';
  const keys = db
    .prepare<[], { id: string; public_key: string }>('SELECT id, public_key FROM keys ORDER BY since_seq')
    .all();
  const checkpoints = db
    .prepare<[number, number], Signed>('SELECT body, signature FROM checkpoints WHERE seq BETWEEN ? AND ? ORDER BY seq')
    .all(from, to);
  const stubs = readStubs(db).filter(({ stub }) => stub.last < from);
  return [
    JSON.stringify({ kind: 'bundle', version: VERSION, store, from, to, prev, made }),
    ...keys.map((key) => JSON.stringify({ kind: 'key', ...key })),
    ...stubs.map(({ body, signature }) => JSON.stringify({ kind: 'stub', body, signature })),
    ...checkpoints.map(({ body, signature }) => JSON.stringify({ kind: 'checkpoint', body, signature })),
  ];
}

export function bundleEnd({ from, to }: BundleRange): string {
  return JSON.stringify({ kind: 'end', records: to - from + 1 });
}

export interface BundleHeader {
  readonly store: string;
  readonly from: number;
  readonly to: number;
  readonly prev: string;
}

export interface BundleResult extends CheckResult {
  readonly header: BundleHeader | null;
  /** Hash of the last record. */
  readonly head: string;
}

/** Checks a bundle line by line. `publicKey` is a key from outside that its newest checkpoints must be signed with. */
export async function checkBundle(lines: AsyncIterable<string>, publicKey: KeyObject | null): Promise<BundleResult> {
  const check = new BundleCheck(publicKey);
  try {
    for await (const line of lines) {
      check.take(line);
    }
  } catch (error) {
    check.broken(error instanceof Error ? error.message : String(error));
  }
  return check.end();
}

class BundleCheck {
  readonly #publicKey: KeyObject | null;
  #header: BundleHeader | null = null;
  readonly #keys: string[] = [];
  readonly #checkpoints: Signed[] = [];
  readonly #stubs: Signed[] = [];
  #chain: ChainCheck | null = null;
  #finding: Finding | null = null;
  #head = '';
  #lastSeq = 0;
  #ended = false;

  constructor(publicKey: KeyObject | null) {
    this.#publicKey = publicKey;
  }

  take(line: string): void {
    if (this.#finding !== null) {
      this.#lookForMissing(line);
    } else if (line.startsWith('{"seq":')) {
      this.#takeRecord(line);
    } else if (line !== '') {
      this.#takeOther(line);
    }
  }

  broken(why: string): void {
    this.#finding ??= { seq: this.#lastSeq + 1, kind: 'unreadable', detail: why };
  }

  end(): BundleResult {
    const header = this.#header;
    const chain = this.#chain;
    if (header === null) {
      this.#finding ??= { seq: 0, kind: 'unreadable', detail: 'it is not a bundle of records' };
    } else if (this.#finding === null && (this.#lastSeq < header.to || !this.#ended)) {
      const detail = `the bundle ends at record ${this.#lastSeq}; it should hold records ${header.from} to ${header.to}`;
      this.#finding = { seq: this.#lastSeq + 1, kind: 'truncated', detail };
    }
    this.#finding ??= chain?.end() ?? null;
    return {
      header,
      head: this.#head,
      records: chain?.records ?? 0,
      from: header?.from ?? 0,
      to: this.#lastSeq,
      checkpoints: chain?.checkpoints ?? 0,
      finding: this.#finding,
      notes: chain?.notes ?? [],
      unsigned: this.#finding === null ? (chain?.unsigned ?? null) : null,
    };
  }

  #takeRecord(line: string): void {
    const row = parseLine(line);
    const seq = Number(/^\{"seq":(\d+),/.exec(line)?.[1] ?? Number.NaN);
    if (row === null || Number.isNaN(seq)) {
      this.#finding = { seq: this.#lastSeq + 1, kind: 'unreadable', detail: 'the line is not a record' };
      return;
    }
    this.#chain ??= this.#startChain();
    this.#finding ??= this.#chain?.take({ seq, ...row }) ?? null;
    if (this.#finding === null) {
      this.#lastSeq = seq;
      this.#head = row.hash;
    }
  }

  #takeOther(line: string): void {
    const fields = parseFields(line);
    const { kind, body, signature } = fields;
    if (kind === 'bundle') {
      this.#header = headerOf(fields);
      this.#lastSeq = (this.#header?.from ?? 1) - 1;
    } else if (kind === 'key' && typeof fields['public_key'] === 'string') {
      this.#keys.push(fields['public_key']);
    } else if (kind === 'stub' && typeof body === 'string' && typeof signature === 'string') {
      this.#stubs.push({ body, signature });
    } else if (kind === 'checkpoint' && typeof body === 'string' && typeof signature === 'string') {
      this.#checkpoints.push({ body, signature });
    } else if (kind === 'end') {
      this.#ended = true;
    } else {
      this.#finding = { seq: this.#lastSeq + 1, kind: 'unreadable', detail: 'a line is not of a bundle' };
    }
  }

  #startChain(): ChainCheck | null {
    const header = this.#header;
    if (header === null) {
      this.#finding = { seq: 0, kind: 'unreadable', detail: 'it is not a bundle of records' };
      return null;
    }
    const keys: KeyRing = { listed: listKeys(this.#keys), trusted: withId(this.#publicKey) };
    this.#finding = checkStubs(this.#stubs, header, keys);
    return new ChainCheck(
      { storeId: header.store, keys, checkpoints: this.#checkpoints, locate: (): null => null },
      header.from,
      header.prev,
    );
  }

  /** A record that seemed gone may come later: then the order was changed. */
  #lookForMissing(line: string): void {
    const finding = this.#finding;
    if (finding?.kind === 'deleted' && line.startsWith(`{"seq":${finding.seq},`)) {
      this.#finding = { seq: finding.seq, kind: 'reordered', detail: 'it stands further back' };
    }
  }
}

function checkStubs(stubs: readonly Signed[], header: BundleHeader, keys: KeyRing): Finding | null {
  for (const signed of stubs) {
    const stub = parseStub(signed.body);
    const key = stub === null ? undefined : (keys.listed.get(stub.key) ?? undefined);
    if (stub === null || key === undefined || stub.store !== header.store || !stubVerifies(key, signed)) {
      const seq = stub?.first ?? 0;
      return { seq, kind: 'bad-signature', detail: 'the signature of its stub does not verify' };
    }
    if (stub.last + 1 === header.from && stub.head !== header.prev) {
      return { seq: header.from, kind: 'edited', detail: 'it does not follow the stub before it' };
    }
  }
  return null;
}

function parseFields(line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function headerOf(fields: Readonly<Record<string, unknown>>): BundleHeader | null {
  const { store, from, to, prev } = fields;
  const whole = typeof store === 'string' && typeof prev === 'string' && fields['version'] === VERSION;
  return whole && typeof from === 'number' && typeof to === 'number' ? { store, from, to, prev } : null;
}
