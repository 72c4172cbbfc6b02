// Clean-up for a whole test file: steps run in reverse order after its last test.
import { after } from 'node:test';
import type { CleanUp } from './temp.ts';

/** Registers itself with the file's `after`. */
export function fileScope(): CleanUp {
  const undo: (() => void | Promise<void>)[] = [];
  after(async () => {
    for (const step of undo.toReversed()) {
      await step();
    }
  });
  return { after: (step) => void undo.push(step) };
}
