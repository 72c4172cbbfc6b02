// Files that may not be there.
import { readFileSync } from 'node:fs';

/** The whole text; null where nothing has that name. Throws the system's error for everything else. */
export function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) {
      return null;
    }
    throw error;
  }
}
