// `clawpatrol audit verify`: checks a store, a bundle or a folder of archived segments, without a gateway and without writing anything.
import type { KeyObject } from 'node:crypto';
import { createReadStream, openSync, readSync, closeSync, readdirSync, statSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { Database as SqliteDatabase } from './sqlite-library.ts';
import { GatewayError, messageOf } from '../lib/errors.ts';
import { checkBundle } from './bundle.ts';
import type { BundleResult } from './bundle.ts';
import type { Finding } from './chain.ts';
import { checkStore } from './check-store.ts';
import type { CheckResult } from './check-store.ts';
import { parsePublicKey } from './checkpoint.ts';
import type { Signed } from './checkpoint.ts';
import { readPublished } from './publish.ts';

export interface VerifyOptions {
  /** The store's file, a bundle (`.gz` or not), or a folder of archived segments. */
  readonly path: string;
  /** File with the public key (PEM) that the newest checkpoints must be signed with. Left out: the keys that the store lists. */
  readonly publicKeyFile?: string | null;
  /** File of published checkpoints. */
  readonly checkpointsFile?: string | null;
  readonly from?: number | null;
  readonly to?: number | null;
}

/** The JSON form of `audit verify` (config reference 6.8), and what else a reader should know. */
export interface VerifyReport {
  readonly ok: boolean;
  readonly records: number;
  readonly from: number;
  readonly to: number;
  readonly checkpoints: number;
  readonly first_bad: Finding | null;
  readonly notes: readonly string[];
}

/** Rejects with GatewayError STORE_FAILED when there is nothing to verify: no such file, no such key. */
export async function verifyStore(options: VerifyOptions): Promise<VerifyReport> {
  const publicKey = readPublicKey(options.publicKeyFile ?? null);
  let kind: 'folder' | 'store' | 'bundle';
  try {
    kind = statSync(options.path).isDirectory() ? 'folder' : isSqlite(options.path) ? 'store' : 'bundle';
  } catch (error) {
    throw new GatewayError('STORE_FAILED', 'operator', `cannot read ${options.path}: ${messageOf(error)}`);
  }
  switch (kind) {
    case 'folder':
      return signedReport(await verifyFolder(options.path, publicKey), publicKey);
    case 'store': {
      const report = reportOf(verifyFile(options, publicKey));
      // A part of a log may hold no checkpoint; those behind it speak for it.
      return (options.from ?? options.to ?? null) === null ? signedReport(report, publicKey) : report;
    }
    case 'bundle':
      return signedReport(reportOf(await checkBundle(linesOf(options.path), publicKey)), publicKey);
  }
}

export function reportOf({ records, from, to, checkpoints, finding, notes, unsigned }: CheckResult): VerifyReport {
  const told = unsigned === null ? notes : [...notes, unsigned];
  return { ok: finding === null, records, from, to, checkpoints, first_bad: finding, notes: told };
}

/** Who gives a key wants to know that its owner has signed: a log of which every checkpoint was taken out is signed by nobody. */
function signedReport(report: VerifyReport, publicKey: KeyObject | null): VerifyReport {
  if (!report.ok || publicKey === null || report.records === 0 || report.checkpoints > 0) {
    return report;
  }
  const detail = 'no checkpoint of these records is there, so that nothing of them is signed with the given key';
  return { ...report, ok: false, first_bad: { seq: report.from, kind: 'bad-signature', detail } };
}

function readPublicKey(path: string | null): KeyObject | null {
  if (path === null) {
    return null;
  }
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new GatewayError('STORE_FAILED', 'operator', `cannot read the public key ${path}: ${messageOf(error)}`);
  }
  const key = parsePublicKey(text);
  if (key === null) {
    throw new GatewayError('STORE_FAILED', 'operator', `${path} is not a public key in PEM`);
  }
  return key;
}

const SQLITE_MAGIC = 'SQLite format 3\0';

function isSqlite(path: string): boolean {
  const file = openSync(path, 'r');
  try {
    const head = Buffer.alloc(SQLITE_MAGIC.length);
    readSync(file, head, 0, head.length, 0);
    return head.toString('latin1') === SQLITE_MAGIC;
  } finally {
    closeSync(file);
  }
}

function verifyFile(options: VerifyOptions, publicKey: KeyObject | null): CheckResult {
  const { path, checkpointsFile = null, from = null, to = null } = options;
  try {
    const published = checkpointsFile === null ? [] : readGiven(checkpointsFile);
    const db = new SqliteDatabase(path, { readonly: true, fileMustExist: true });
    try {
      return checkStore(db, { from, to, publicKey, published, schema: true });
    } finally {
      db.close();
    }
  } catch (error) {
    throw new GatewayError('STORE_FAILED', 'operator', `cannot verify ${path}: ${messageOf(error)}`);
  }
}

/** Whoever names a file wants the log held against it: one that holds nothing would prove nothing, and say so to nobody. */
function readGiven(path: string): readonly Signed[] {
  const published = readPublished(path);
  if (published.length === 0) {
    throw new Error(`${path} holds no published checkpoint`);
  }
  return published;
}

/** Archived segments in order: each by itself, and each after the one before. */
async function verifyFolder(folder: string, publicKey: KeyObject | null): Promise<VerifyReport> {
  const results: BundleResult[] = [];
  let finding: Finding | null = null;
  for (const name of listArchive(folder)) {
    const result = await checkBundle(linesOf(join(folder, name)), publicKey);
    const before = results.at(-1) ?? null;
    const found = checkNeighbours(before, result) ?? result.finding;
    results.push(result);
    if (found !== null) {
      // A file without a readable head tells no number of its own.
      const seq = result.header === null ? (before?.to ?? 0) + 1 : found.seq;
      finding = { ...found, seq, detail: `${name}: ${found.detail}` };
      break;
    }
  }
  if (results.length === 0) {
    throw new GatewayError('STORE_FAILED', 'operator', `${folder} holds no archived segment (*.jsonl.gz)`);
  }
  return {
    ok: finding === null,
    records: sum(results.map((result) => result.records)),
    from: results[0]?.from ?? 0,
    to: results.at(-1)?.to ?? 0,
    checkpoints: sum(results.map((result) => result.checkpoints)),
    first_bad: finding,
    notes: [...results.flatMap((result) => result.notes), ...unsignedAtEnd(results)],
  };
}

/** What ends one archived segment is vouched for by the checkpoints of the next. */
function unsignedAtEnd(results: readonly BundleResult[]): readonly string[] {
  const unsigned = results.at(-1)?.unsigned ?? null;
  return unsigned === null ? [] : [unsigned];
}

/** Names carry the first record's number with leading zeros, so their order is that of the records. */
function listArchive(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith('audit-') && name.endsWith('.jsonl.gz'))
    .toSorted();
}

function checkNeighbours(before: BundleResult | null, { header }: BundleResult): Finding | null {
  if (before === null || header === null || before.header?.store !== header.store) {
    return null;
  }
  if (header.from !== before.to + 1) {
    return { seq: before.to + 1, kind: 'deleted', detail: `records ${before.to + 1} to ${header.from - 1} are gone` };
  }
  return header.prev === before.head
    ? null
    : { seq: header.from, kind: 'edited', detail: 'it does not follow the segment before it' };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function linesOf(path: string): AsyncIterable<string> {
  const file = createReadStream(path);
  const gunzip = createGunzip();
  const input = path.endsWith('.gz') ? file.pipe(gunzip) : file;
  // pipe() does not pass errors on.
  file.on('error', (error) => gunzip.destroy(error));
  return readLines(input);
}

async function* readLines(input: NodeJS.ReadableStream): AsyncGenerator<string> {
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  const failures: Error[] = [];
  // readline ends quietly when its input fails.
  input.on('error', (error) => {
    failures.push(error);
    lines.close();
  });
  yield* lines;
  const [failure] = failures;
  if (failure !== undefined) {
    throw failure;
  }
}
