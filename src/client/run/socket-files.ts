// Sockets where people's programs leave them: agents for keys, terminal multiplexers, editors.
import { readdirSync } from 'node:fs';
import type { Dirent } from 'node:fs';
import { join } from 'node:path';

/** Most entries that are looked at: what waits for this is a person, and thousands cost tens of milliseconds. */
const MAX_ENTRIES = 5_000;

/** Where everybody may leave sockets. */
export const SHARED_FOLDERS: readonly string[] = ['/tmp', '/var/tmp'];

/** Paths of sockets in those folders and so many folders deep below them; not those by which a run's own openings pass. */
export function findSocketFiles(folders: readonly string[], depth: number): readonly string[] {
  const found: string[] = [];
  let left = MAX_ENTRIES;
  const look = (folder: string, below: number): void => {
    for (const entry of list(folder)) {
      left -= 1;
      const path = join(folder, entry.name);
      if (entry.isSocket() && !/\/clawpatrol-run-[^/]+\/openings\.sock$/.test(path)) {
        found.push(path);
      } else if (entry.isDirectory() && below > 0 && left > 0) {
        look(path, below - 1);
      }
    }
  };
  folders.forEach((folder) => look(folder, depth));
  return found;
}

/** Empty where it cannot be read: then nobody inside can either. */
function list(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
