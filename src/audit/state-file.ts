// Small files of the state directory that the daemon alone writes: read whole, replaced whole.
import { readFileSync } from 'node:fs';
import { GatewayError, hasCode, messageOf } from '../lib/errors.ts';
import { replaceFile } from './durable-file.ts';

/**
 * The JSON value in a file; null when there is no file. Throws GatewayError STORE_FAILED when it cannot be read, is no JSON, or says `null`:
 * who was locked out is not forgotten because of it.
 */
export function readStateFile(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) {
      return null;
    }
    throw new GatewayError('STORE_FAILED', 'operator', `cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badStateFile(path, error);
  }
  if (value === null) {
    throw badStateFile(path);
  }
  return value;
}

/** A file whose content is not what it should be: nothing is guessed from it. */
export function badStateFile(path: string, cause?: unknown): GatewayError {
  return new GatewayError('STORE_FAILED', 'operator', `cannot make sense of ${path}; restore it, or move it away`, {
    cause,
  });
}

/** As JSON, whole or not at all (durable-file.ts). Throws GatewayError STORE_FAILED. */
export function replaceStateFile(path: string, value: unknown): void {
  try {
    replaceFile(path, Buffer.from(`${JSON.stringify(value, null, 1)}\n`));
  } catch (error) {
    throw new GatewayError('STORE_FAILED', 'operator', `cannot write ${path}: ${messageOf(error)}`, { cause: error });
  }
}
