// Sealing and retiring segments on a schedule. Nothing leaves the store before its archive file is complete and on disk; when the
// archive cannot be written nothing is deleted, and readiness says so.
import { accessSync, constants } from 'node:fs';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Archived } from './archive.ts';
import { makePrivateFolder } from './durable-file.ts';
import type { SealedSegment } from './segments.ts';

export interface RetentionConfig {
  /** Age at which a sealed segment leaves the store; 0 = never. */
  readonly retentionMs: number;
  /** Age of its first record at which a segment is sealed. */
  readonly segmentMs: number;
  readonly archiveDir: string;
}

/** What retention asks of the log's threads. */
export interface RetentionStore {
  seal(nowMs: number, segmentMs: number): Promise<SealedSegment | null>;
  /** Sealed segments whose last record is older. */
  due(beforeMs: number): Promise<readonly SealedSegment[]>;
  /** Stubs that still have records in the store. */
  unpurged(): Promise<readonly number[]>;
  archive(segment: SealedSegment, folder: string, nowMs: number): Promise<Archived>;
  retire(segment: SealedSegment, archived: Archived, nowMs: number): Promise<void>;
  purge(segment: number, limit: number): Promise<boolean>;
  /** Told of what was done; becomes a record. */
  sealed(segment: SealedSegment): Promise<void>;
  retired(segment: SealedSegment, archived: Archived): Promise<void>;
}

/** Records that one step removes: some milliseconds of the writer's time, between two batches. */
const PURGE_STEP = 2000;

/** One round: seal what is old enough, archive and retire what is due, finish what an earlier round left. Returns what went wrong, or null. */
export async function runRetention(
  store: RetentionStore,
  config: RetentionConfig,
  clock: Clock,
): Promise<string | null> {
  const { retentionMs, segmentMs, archiveDir } = config;
  try {
    const sealed = await store.seal(clock.now(), segmentMs);
    if (sealed !== null) {
      await store.sealed(sealed);
    }
    if (retentionMs > 0) {
      checkArchive(archiveDir);
      for (const segment of await store.due(clock.now() - retentionMs)) {
        const archived = await store.archive(segment, archiveDir, clock.now());
        await store.retire(segment, archived, clock.now());
        await store.retired(segment, archived);
      }
    }
    for (const id of await store.unpurged()) {
      let left = true;
      while (left) {
        left = await store.purge(id, PURGE_STEP);
      }
    }
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

/** Known before a segment is due: an operator has time to mend it. */
function checkArchive(folder: string): void {
  try {
    makePrivateFolder(folder);
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new Error(`the archive ${folder} cannot be written: ${messageOf(error)}`, { cause: error });
  }
}
