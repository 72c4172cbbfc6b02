// Files and folders that the daemon alone may read, and that a power cut leaves as they were or as they should be, never a part.
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { hasCode } from '../lib/errors.ts';

/** Written beside (mode 0600, no link followed), flushed, and renamed over. Throws what the file system says. */
export function replaceFile(path: string, bytes: Buffer): void {
  const beside = `${path}.new`;
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
  const file = openSync(beside, flags, 0o600);
  try {
    fchmodSync(file, 0o600);
    writeWhole(file, bytes);
  } finally {
    closeSync(file);
  }
  renameSync(beside, path);
  syncFolder(dirname(path));
}

/** Made with mode 0600 and flushed. Throws what the file system says, also where something has that name already. */
export function writeNewFile(path: string, bytes: Buffer): void {
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    writeWhole(file, bytes);
  } finally {
    closeSync(file);
  }
  syncFolder(dirname(path));
}

function writeWhole(file: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length;) {
    written += writeSync(file, bytes, written);
  }
  fsyncSync(file);
}

/** A name that was made or changed in the folder survives a power cut from here on. */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, constants.O_RDONLY);
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/**
 * Makes a folder, and those above it, with mode 0700 where they are missing. Throws Error when it cannot be, or is a file.
 * Not `recursive`: where the parent is there and the kernel answers ENOENT all the same (/proc), Node tries parent and folder in turn for ever,
 * and hears no signal meanwhile.
 */
export function makePrivateFolder(path: string): void {
  if (!existsSync(path)) {
    const parent = dirname(path);
    if (parent !== path) {
      makePrivateFolder(parent);
    }
    makeOne(path);
  }
  if (!statSync(path).isDirectory()) {
    throw new Error('it is a file');
  }
}

/** Another thread may have been quicker. */
function makeOne(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) {
      throw error;
    }
  }
}
