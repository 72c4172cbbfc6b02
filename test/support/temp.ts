// Temporary folders that go away with the tests that made them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where the test's clean-up goes: `t.after`, or a list of one's own. */
export interface CleanUp {
  after(undo: () => void | Promise<void>): void;
}

const done: string[] = [];
// Again and again where a process that was just killed still writes into it.
process.once('exit', () => done.forEach((folder) => rmSync(folder, { recursive: true, force: true, maxRetries: 10 })));

/**
 * A new empty folder (mode 0700). It goes when the process ends, not with its test: clean-ups run in the order in which they were asked for,
 * and what lies in the folder is closed by later ones.
 */
export function temporaryFolder(cleanUp: CleanUp, label: string = 'clawpatrol-test'): string {
  const folder = mkdtempSync(join(tmpdir(), `${label}-`));
  cleanUp.after(() => {
    done.push(folder);
  });
  return folder;
}
