// Writes a sealed segment as a compressed bundle. Runs in a thread of its own, since a day of records takes a while; it checks the
// chain of what it writes, so that a broken segment is never taken out of the store.
import { createHash } from 'node:crypto';
import { closeSync, constants, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Database } from 'better-sqlite3';
import { bundleEnd, bundleHead } from './bundle.ts';
import { lineOf, timeText } from './canonical.ts';
import { checkStore } from './check-store.ts';
import { makePrivateFolder, syncFolder } from './durable-file.ts';
import { readBetween } from './queries.ts';
import type { SealedSegment } from './segments.ts';

export interface Archived {
  /** Name within the folder. */
  readonly file: string;
  readonly fileSha256: string;
}

const PAGE = 1000;

/** Throws when the segment does not verify or cannot be written; then there is no file of that name, or the one of before. */
export function writeArchive(db: Database, segment: SealedSegment, folder: string, nowMs: number): Archived {
  const { first: from, last: to } = segment;
  const { finding } = checkStore(db, { from, to, publicKey: null, published: [], schema: false });
  if (finding !== null) {
    throw new Error(`records ${from} to ${to} stay in the store: ${finding.kind} at ${finding.seq}: ${finding.detail}`);
  }
  const head = bundleHead(db, { from, to }, timeText(nowMs));
  if (head === null) {
    throw new Error(`records ${from} to ${to} are not in the store`);
  }
  makePrivateFolder(folder);
  const store = db.prepare<[], string>("SELECT value FROM store WHERE key = 'id'").pluck().get() ?? '';
  const name = `audit-${store.slice(0, 8)}-${String(from).padStart(12, '0')}-${to}.jsonl.gz`;
  const temporary = join(folder, `.${name}.part`);
  const digest = createHash('sha256');
  rmSync(temporary, { force: true });
  const file = openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  // Each piece is a gzip member of its own; members one after the other are one gzip file.
  const write = (lines: readonly string[]): void => {
    const piece = gzipSync(`${lines.join('\n')}\n`);
    digest.update(piece);
    writeSync(file, piece);
  };
  try {
    write(head);
    for (let at = from; at <= to; at += PAGE) {
      write(readBetween(db, at, Math.min(to, at + PAGE - 1)).map((row) => lineOf(row.body, row.prev, row.hash)));
    }
    write([bundleEnd({ from, to })]);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, join(folder, name));
  // The new name itself must survive a power cut before the records may go.
  syncFolder(folder);
  return { file: name, fileSha256: digest.digest('hex') };
}
