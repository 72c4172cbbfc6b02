// Notices that the configuration's files have changed, by content: modification times lie after a checkout, a copy or a restore. A file
// system notification only brings the look forward; the look itself is what counts.
import { createHash } from 'node:crypto';
import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import type { Job, Jobs } from '../../lib/jobs.ts';

/** Time between looks. */
const LOOK_MS = 3_000;
/** A change must stand this long, so that a file is not read while an editor writes it. */
const SETTLE_MS = 200;

export interface ConfigWatchParts {
  readonly clock: Clock;
  readonly jobs: Jobs;
  /** Files and directories to look at, absolute; may change with every load. */
  readonly paths: () => readonly string[];
  /** The content differs from what was last loaded or tried: load it, through `around`. Must not reject. */
  readonly onChange: () => Promise<void>;
}

export interface ConfigWatch {
  /** Runs a load; what it saw is known from then on. A change in the middle of it is found at the next look. */
  around<T>(load: () => Promise<T>): Promise<T>;
  stop(): void;
  /** Monotonic time of the last look, for `status`. */
  readonly lastLookMs: number;
}

/** Starts looking. */
export function watchConfig(parts: ConfigWatchParts): ConfigWatch {
  return new ContentWatch(parts);
}

class ContentWatch implements ConfigWatch {
  readonly #parts: ConfigWatchParts;
  #known: string | null = null;
  #pending: string | null = null;
  readonly #job: Job;
  /** Loads under way, or waiting for another. */
  #loads = 0;
  #stopped = false;
  #watchers: FSWatcher[] = [];
  #watched = '';
  lastLookMs: number;

  constructor(parts: ConfigWatchParts) {
    this.#parts = parts;
    this.lastLookMs = parts.clock.monotonicMs();
    this.#job = parts.jobs.every({
      name: 'looks at the configuration',
      everyMs: () => LOOK_MS,
      work: () => this.#look(),
    });
  }

  async around<T>(load: () => Promise<T>): Promise<T> {
    this.#loads += 1;
    const paths = this.#parts.paths();
    const before = await fingerprint(paths);
    try {
      return await load();
    } finally {
      const after = await fingerprint(paths);
      // The load may have brought other files. Text that changed meanwhile must differ from what is known.
      this.#known = before === after ? await fingerprint(this.#parts.paths()) : '';
      this.#loads -= 1;
      this.#subscribe();
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#job.stop();
    this.#unsubscribe();
  }

  /** Says when to look again, where that is sooner than in turn. */
  async #look(): Promise<number | undefined> {
    this.lastLookMs = this.#parts.clock.monotonicMs();
    const seen = await fingerprint(this.#parts.paths());
    if (this.#loads > 0) {
      // What is new here is being loaded: it is not to be loaded, or refused, once more.
      return SETTLE_MS;
    }
    if (seen !== this.#known && this.#known !== null) {
      return (await this.#follow(seen)) ? undefined : SETTLE_MS;
    }
    return undefined;
  }

  /** The first sight of a change is only noted; seen twice alike, it is loaded. True when there is nothing left to settle. */
  async #follow(seen: string): Promise<boolean> {
    if (seen !== this.#pending) {
      this.#pending = seen;
      return false;
    }
    this.#pending = null;
    await this.#parts.onChange();
    return true;
  }

  /** Looks soon after any notification. Directories, since editors and mounts replace files by renaming. */
  #subscribe(): void {
    const folders = [...new Set(this.#parts.paths().flatMap((path) => [path, dirname(path)]))].toSorted();
    if (folders.join('\n') === this.#watched || this.#stopped) {
      return;
    }
    this.#unsubscribe();
    this.#watched = folders.join('\n');
    for (const folder of folders) {
      try {
        const watcher = watch(folder, { persistent: false }, () => this.#job.runAfter(SETTLE_MS));
        watcher.on('error', () => watcher.close());
        this.#watchers.push(watcher);
      } catch {
        // Not there, or out of watches: the look every three seconds finds the change.
      }
    }
  }

  #unsubscribe(): void {
    this.#watchers.forEach((watcher) => watcher.close());
    this.#watchers = [];
    this.#watched = '';
  }
}

/** One text for the content of files and the names in directories. What cannot be read counts as its error. */
async function fingerprint(paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const path of paths.toSorted()) {
    hash.update(`${path}\n${await contentOf(path)}\n`);
  }
  return hash.digest('hex');
}

async function contentOf(path: string): Promise<string> {
  try {
    return createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'error';
    return code === 'EISDIR' ? namesIn(path) : code;
  }
}

async function namesIn(path: string): Promise<string> {
  try {
    const names = await readdir(path);
    return JSON.stringify(names.filter((name) => name.endsWith('.hcl')).toSorted());
  } catch {
    return 'unreadable';
  }
}
