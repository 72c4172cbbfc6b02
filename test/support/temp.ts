// Temporary folders that go away with the test that made them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where the test's clean-up goes: `t.after`, or a list of one's own. */
export interface CleanUp {
  after(undo: () => void | Promise<void>): void;
}

/** A new empty folder (mode 0700), removed after the test. */
export function temporaryFolder(cleanUp: CleanUp, label: string = 'clawpatrol-test'): string {
  const folder = mkdtempSync(join(tmpdir(), `${label}-`));
  cleanUp.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
