// Sockets where people's programs leave them: agents for keys, terminal multiplexers, editors.
import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import type { Dirent, Stats } from 'node:fs';
import { dirname, join } from 'node:path';

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

/**
 * Where sockets of those names lie now. A name is what the socket was made under: ssh makes that of a shared connection (ControlPath) beside its
 * place and links it there, and a name without a slash in front was meant from its maker's folder.
 */
export function findPlacesOf(names: readonly string[]): readonly string[] {
  const relative = names.filter((name) => !name.startsWith('/'));
  const folders = relative.length === 0 ? [] : workingFolders();
  const paths = [
    ...names.filter((name) => name.startsWith('/')),
    ...folders.flatMap((folder) => relative.map((name) => join(folder, name))),
  ];
  const moved = new Set<string>();
  const found = paths.filter((path) => {
    const stats = statOf(path);
    const isThere = stats?.isSocket() === true;
    if (!isThere || stats.nlink > 1) {
      moved.add(dirname(path));
    }
    return isThere;
  });
  return [...new Set([...found, ...findSocketFiles([...moved], 0)])];
}

/** Of every process that we may look at. */
function workingFolders(): readonly string[] {
  const folders = list('/proc').flatMap(({ name }) => {
    try {
      return /^\d+$/.test(name) ? [readlinkSync(`/proc/${name}/cwd`)] : [];
    } catch {
      return [];
    }
  });
  return [...new Set(folders)].filter((folder) => folder.startsWith('/'));
}

function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
