// Sockets where people's programs leave them: agents for keys, terminal multiplexers, editors.
import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import type { Dirent, Stats } from 'node:fs';
import { dirname, join } from 'node:path';

/** Most entries that are looked at: what waits for this is a person, and thousands cost tens of milliseconds. */
const MAX_ENTRIES = 20_000;

/** Where everybody may leave sockets. */
export const SHARED_FOLDERS: readonly string[] = ['/tmp', '/var/tmp'];

/** What was found where sockets are left. */
export interface SocketFiles {
  readonly paths: readonly string[];
  /** There was more than is looked at: some of the deepest may be missing. */
  readonly crowded: boolean;
}

/**
 * Sockets in those folders and so many folders deep below them; not those by which a run's own openings pass. Level by level: one large folder
 * takes nothing from the others above it.
 */
export function findSocketFiles(folders: readonly string[], depth: number): SocketFiles {
  const paths: string[] = [];
  let left = MAX_ENTRIES;
  let level = folders;
  for (let below = depth; below >= 0; below -= 1) {
    const next: string[] = [];
    for (const folder of level) {
      if (left <= 0) {
        return { paths, crowded: true };
      }
      const entries = list(folder);
      left -= entries.length;
      for (const entry of entries) {
        const path = join(folder, entry.name);
        if (entry.isSocket() && !/\/clawpatrol-run-[^/]+\/openings\.sock$/.test(path)) {
          paths.push(path);
        } else if (entry.isDirectory()) {
          next.push(path);
        }
      }
    }
    level = next;
  }
  return { paths, crowded: false };
}

/** What a person is told where not everything was looked at. */
export function describeCrowded(folders: readonly string[]): string {
  return `${folders.join(' and ')} holds more than ${MAX_ENTRIES} files: a socket deep in there that a container left may be in reach of the command`;
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
  return [...new Set([...found, ...findSocketFiles([...moved], 0).paths])];
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
