// Key material in the state directory. A link there is not followed: it could name any file that the daemon may read.
import { chmodSync, closeSync, constants, openSync, readFileSync } from 'node:fs';
import { GatewayError, hasCode, messageOf } from '../lib/errors.ts';
import { makePrivateFolder } from './durable-file.ts';

/** Makes the folder of keys where it is missing, and closes it to others in any case. Throws what the file system says. */
export function makeKeyFolder(folder: string): void {
  makePrivateFolder(folder);
  chmodSync(folder, 0o700);
}

/** The content, or null when there is no such file. Throws GatewayError STATE_DIR when it cannot be read or is a link. */
export function findKeyFile(path: string): Buffer | null {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) {
      return null;
    }
    throw new GatewayError('STATE_DIR', 'operator', `cannot read ${path}: ${messageOf(error)}`);
  }
  try {
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}
