// Small files of the state directory that the daemon alone writes: read whole, replaced whole.
import { closeSync, constants, fchmodSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { GatewayError, messageOf } from '../lib/errors.ts';

/** The JSON value in a file; null when there is no file. Throws GatewayError STORE_FAILED when it cannot be read or is no JSON. */
export function readStateFile(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return null;
    }
    throw new GatewayError('STORE_FAILED', 'operator', `cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch (error) {
    throw badStateFile(path, error);
  }
}

/** A file whose content is not what it should be: nothing is guessed from it. */
export function badStateFile(path: string, cause?: unknown): GatewayError {
  return new GatewayError('STORE_FAILED', 'operator', `cannot make sense of ${path}; restore it, or move it away`, {
    cause,
  });
}

/** Written beside, flushed, and renamed over: a crash leaves the old file or the new one. Throws GatewayError STORE_FAILED. */
export function replaceStateFile(path: string, value: unknown): void {
  const bytes = Buffer.from(`${JSON.stringify(value, null, 1)}\n`);
  const beside = `${path}.new`;
  try {
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
  } catch (error) {
    throw new GatewayError('STORE_FAILED', 'operator', `cannot write ${path}: ${messageOf(error)}`, { cause: error });
  }
}
