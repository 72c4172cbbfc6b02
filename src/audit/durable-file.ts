// Replacing a small file as a whole: a crash leaves the old content or the new one, never a part.
import { closeSync, constants, fchmodSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** Written beside (mode 0600, no link followed), flushed, and renamed over. Throws what the file system says. */
export function replaceFile(path: string, bytes: Buffer): void {
  const beside = `${path}.new`;
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
  const file = openSync(beside, flags, 0o600);
  try {
    fchmodSync(file, 0o600);
    for (let written = 0; written < bytes.length;) {
      written += writeSync(file, bytes, written);
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(beside, path);
  const folder = openSync(dirname(path), constants.O_RDONLY);
  fsyncSync(folder);
  closeSync(folder);
}
