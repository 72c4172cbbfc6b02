// Root does what a journal says, and reads keys by their paths: whoever may change one of the folders on the way to them would be root. As sudo
// keeps a HOME here and there, that has to be looked at.
import { lstatSync, realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

const GROUP_OR_OTHERS_WRITE = 0o022;
/** Others may add entries, and not take away what is not theirs. */
const STICKY = 0o1000;

/** The folder or file on the way to that path, itself included, that somebody else than root and `owner` can change or replace; null = none. */
export function findForeign(path: string, owner: number): string | null {
  const parts = ancestorsOf(resolve(path));
  for (const [index, part] of parts.entries()) {
    const stat = lstatSync(part, { throwIfNoEntry: false });
    if (stat === undefined) {
      // What is not there yet is made by us, unless somebody else may be quicker.
      const above = index === 0 ? null : parts[index - 1];
      return above !== null && above !== undefined && isShared(above) ? above : null;
    }
    if (stat.uid !== 0 && stat.uid !== owner) {
      return part;
    }
    if (stat.isSymbolicLink()) {
      const target = realPath(part);
      const foreign = target === null ? part : findForeign(target, owner);
      if (foreign !== null) {
        return foreign;
      }
    } else if ((stat.mode & GROUP_OR_OTHERS_WRITE) !== 0 && (stat.mode & STICKY) === 0) {
      return part;
    }
  }
  return null;
}

/** Throws Error unless that path is root's alone, where we are root. */
export function checkOwn(path: string): void {
  const own = process.getuid?.() ?? 0;
  const foreign = own === 0 ? findForeign(path, own) : null;
  if (foreign !== null) {
    throw new Error(describeForeign(path, foreign));
  }
}

/** Says what to do. */
export function describeForeign(path: string, foreign: string): string {
  const fix = 'give it to root alone, or use a folder of root (sudo -H)';
  return `${path} would be trusted by root, and others can change ${foreign}; ${fix}`;
}

/** Null: the link leads nowhere. */
function realPath(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}

function isShared(path: string): boolean {
  const stat = lstatSync(realpathSync(path));
  return (stat.mode & GROUP_OR_OTHERS_WRITE) !== 0;
}

/** From `/` down to the path. */
function ancestorsOf(path: string): readonly string[] {
  const above = dirname(path);
  return above === path ? [path] : [...ancestorsOf(above), path];
}
