// Files that may not be there.
import { readFileSync } from 'node:fs';
import { hasCode } from '../lib/errors.ts';

/** The whole text; null where nothing has that name. Throws the system's error for everything else. */
export function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) {
      return null;
    }
    throw error;
  }
}
