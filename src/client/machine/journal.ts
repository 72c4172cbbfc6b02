// What was made to route a whole machine, written down before each step, so that whoever finds it (a guard, `leave`, the next start) can undo it
// in reverse; and the one word that decides between keeping and undoing.
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode, messageOf } from '../../lib/errors.ts';
import { fieldOf } from '../../lib/fields.ts';
import { readIfThere } from '../optional-file.ts';
import { checkOwn } from './own-folder.ts';
import type { IpLine, MachinePlan } from './plan.ts';

/** One thing that was made, or was about to be. */
export type Step =
  | { readonly kind: 'setting'; readonly path: string; readonly before: string; readonly written: string }
  | { readonly kind: 'firewall'; readonly table: string }
  | { readonly kind: 'route'; readonly line: IpLine }
  | { readonly kind: 'rule'; readonly line: IpLine }
  | { readonly kind: 'link'; readonly name: string }
  /** Names, by systemd-resolved. */
  | { readonly kind: 'resolved'; readonly name: string }
  /** Names, by a file laid over the system's. */
  | { readonly kind: 'cover'; readonly path: string; readonly source: string }
  /** Names, by a file where there was none. */
  | { readonly kind: 'file'; readonly path: string; readonly text: string }
  | { readonly kind: 'unit'; readonly path: string; readonly name: string };

export interface Journal {
  readonly version: 1;
  /** Which start of the system this belongs to: nothing of the kernel's outlives it. */
  readonly boot: string;
  /** When it is undone unless it was kept, in milliseconds since the system's start. */
  readonly deadlineMs: number;
  /** The process that guards it: an earlier one that finds another name here ends. */
  readonly guard: string;
  readonly plan: MachinePlan;
  readonly steps: readonly Step[];
}

/** `kept`: a person said so. `undone`: it is being undone, or was. */
export type Word = 'kept' | 'undone';

export interface JournalFile {
  /** Null when nothing was made. Throws Error when it makes no sense, or when we are root and others could have written it. */
  read(): Journal | null;
  /** Durable when it returns. */
  write(journal: Journal): void;
  /** What was decided, or null. */
  decided(): Word | null;
  /** Decides, unless somebody was quicker: gives the word that holds. */
  decide(word: Word): Word;
  /** Forgets the decision. */
  reopen(): void;
  remove(): void;
  /** The folder it lies in. */
  readonly folder: string;
}

const NAME = 'whole-machine';
const WORD = 'whole-machine.decided';

/** The journal in a folder of certificates (config reference 7.1). */
export function openJournal(folder: string): JournalFile {
  const path = join(folder, NAME);
  const wordPath = join(folder, WORD);
  const decided = (): Word | null => {
    const text = readIfThere(wordPath)?.trim();
    return text === undefined ? null : text === 'kept' ? 'kept' : 'undone';
  };
  return {
    folder,
    decided,
    read() {
      const text = readIfThere(path);
      if (text !== null) {
        checkOwn(path);
      }
      return text === null ? null : readJournal(text, path);
    },
    write(journal) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      checkOwn(folder);
      const next = `${path}.next`;
      writeDurable(next, `${JSON.stringify(journal)}\n`);
      renameSync(next, path);
    },
    decide(word) {
      checkOwn(folder);
      try {
        // Whoever makes the file has the word.
        writeFileSync(wordPath, `${word}\n`, { flag: 'wx', mode: 0o600 });
        return word;
      } catch (error) {
        if (hasCode(error, 'EEXIST')) {
          return decided() ?? 'undone';
        }
        throw error;
      }
    },
    reopen: () => rmSync(wordPath, { force: true }),
    remove() {
      rmSync(path, { force: true });
      rmSync(`${path}.next`, { force: true });
      rmSync(wordPath, { force: true });
    },
  };
}

/** Where the gateway is, as it was found before the whole machine was routed: its name may not be known any more. Null: ask for its name. */
export function findPlaces(folder: string): Pick<MachinePlan, 'outer' | 'enrol'> | null {
  try {
    return openJournal(folder).read()?.plan ?? null;
  } catch {
    return null;
  }
}

function readJournal(text: string, path: string): Journal {
  try {
    const value = JSON.parse(text) as unknown;
    if (fieldOf(value, 'version') !== 1 || !Array.isArray(fieldOf(value, 'steps'))) {
      throw new Error('it is of another version');
    }
    // We alone write it, for ourselves, where only root may: that was checked.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return value as Journal;
  } catch (error) {
    throw new Error(`cannot make sense of ${path}, which says what to undo: ${messageOf(error)}`, { cause: error });
  }
}

function writeDurable(path: string, text: string): void {
  const file = openSync(path, 'w', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
