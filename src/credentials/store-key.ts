// The key that seals what is stored: secrets and private keys. Where it comes from is in the config reference, 7.2.
import { randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makePrivateFolder, writeNewFile } from '../audit/durable-file.ts';
import { GatewayError, hasCode, messageOf } from '../lib/errors.ts';
import { SEAL_KEY_BYTES } from '../lib/seal.ts';

export interface StoreKeyParts {
  readonly stateDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface StoreKey {
  readonly key: Buffer;
  /** `state-dir` deserves a warning at every start: whoever copies the directory has the key with it. */
  readonly source: 'environment' | 'credentials-directory' | 'state-dir';
  /** True when it was made just now. */
  readonly created: boolean;
}

/** Supplied from outside, else kept (and made at first start) in the state directory. Throws GatewayError STORE_KEY. */
export function loadStoreKey({ stateDir, env }: StoreKeyParts): StoreKey {
  const given = env['CLAWPATROL_STORE_KEY'];
  if (given !== undefined && given !== '') {
    const key = given.startsWith('@') ? readKeyFile(given.slice(1), 0o007) : parseKey(Buffer.from(given, 'utf8'));
    return { key: key ?? failOn('CLAWPATROL_STORE_KEY'), source: 'environment', created: false };
  }
  const credentials = env['CREDENTIALS_DIRECTORY'];
  if (credentials !== undefined && credentials !== '') {
    const path = join(credentials, 'store-key');
    const key = readKeyFile(path, 0o007);
    if (key !== null) {
      return { key, source: 'credentials-directory', created: false };
    }
  }
  const path = join(stateDir, 'keys', 'store.key');
  const key = readKeyFile(path, 0o077);
  return key === null
    ? { key: createKeyFile(path), source: 'state-dir', created: true }
    : { key, source: 'state-dir', created: false };
}

/** 32 raw bytes, or their base64 with or without a line end; null when it is neither. */
function parseKey(content: Buffer): Buffer | null {
  if (content.length === SEAL_KEY_BYTES) {
    return content;
  }
  const text = content.toString('latin1').trim();
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) {
    return null;
  }
  const key = Buffer.from(text, 'base64');
  return key.length === SEAL_KEY_BYTES ? key : null;
}

/** The key in a file, or null when there is no such file. `forbidden` are the permission bits that must not be set. */
function readKeyFile(path: string, forbidden: number): Buffer | null {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) {
      return null;
    }
    throw new GatewayError('STORE_KEY', 'operator', `cannot read the store key ${path}: ${messageOf(error)}`);
  }
  try {
    if ((fstatSync(file).mode & forbidden) !== 0) {
      const fix = `others can read the store key ${path}; run: chmod 600 ${path}`;
      throw new GatewayError('STORE_KEY', 'operator', fix);
    }
    return parseKey(readFileSync(file)) ?? failOn(path);
  } finally {
    closeSync(file);
  }
}

function failOn(where: string): never {
  const message = `${where} is not a store key: give 32 bytes in base64, for example from: openssl rand -base64 32`;
  throw new GatewayError('STORE_KEY', 'operator', message);
}

function createKeyFile(path: string): Buffer {
  const key = randomBytes(SEAL_KEY_BYTES);
  try {
    makePrivateFolder(dirname(path));
    writeNewFile(path, Buffer.from(`${key.toString('base64')}\n`));
  } catch (error) {
    throw new GatewayError('STORE_KEY', 'operator', `cannot make the store key ${path}: ${messageOf(error)}`);
  }
  return key;
}
