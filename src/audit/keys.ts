// The Ed25519 key that signs checkpoints: given in the configuration, or made at first start and sealed with the store key.
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { GatewayError, messageOf } from '../lib/errors.ts';
import { seal, unseal } from '../lib/seal.ts';
import { keyId } from './checkpoint.ts';
import { writeNewFile } from './durable-file.ts';
import { findKeyFile, makeKeyFolder } from './key-files.ts';

export interface CheckpointKey {
  /** As in checkpoints: short digest of the public key. */
  readonly id: string;
  readonly privateKey: KeyObject;
  /** PEM, for operators to keep where the gateway cannot reach it. */
  readonly publicPem: string;
}

export interface CheckpointKeyParts {
  readonly stateDir: string;
  readonly storeKey: Buffer;
  /** Value of `audit { checkpoint { key } }`, resolved: PEM, or base64 of 32 bytes. Null: generated at first start. */
  readonly configured: string | null;
}

const CONTEXT = 'keys/audit.key';
/** PKCS #8 wrapping of a raw Ed25519 key (RFC 8410, section 7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Throws GatewayError CONFIG_INVALID, STORE_KEY or STATE_DIR. */
export function loadCheckpointKey({ stateDir, storeKey, configured }: CheckpointKeyParts): CheckpointKey {
  if (configured !== null) {
    const key = parsePrivateKey(configured);
    if (key === null) {
      const message = 'audit.checkpoint.key is not an Ed25519 key: give PEM, or 32 bytes in base64';
      throw new GatewayError('CONFIG_INVALID', 'operator', message);
    }
    return withPublic(key);
  }
  const path = join(stateDir, 'keys', 'audit.key');
  const sealed = findKeyFile(path);
  if (sealed === null) {
    return createKey(stateDir, path, storeKey);
  }
  const der = unseal(storeKey, sealed, CONTEXT);
  if (der === null) {
    const fix = 'give the store key it was sealed with, or move the file away to start with a new key';
    throw new GatewayError('STORE_KEY', 'operator', `${path} does not open with this store key; ${fix}`);
  }
  return withPublic(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
}

function parsePrivateKey(text: string): KeyObject | null {
  try {
    const raw = Buffer.from(text.trim(), 'base64');
    const key = text.includes('-----BEGIN')
      ? createPrivateKey(text)
      : createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, raw]), format: 'der', type: 'pkcs8' });
    return key.asymmetricKeyType === 'ed25519' ? key : null;
  } catch {
    return null;
  }
}

function withPublic(privateKey: KeyObject): CheckpointKey {
  const publicKey = createPublicKey(privateKey);
  return {
    id: keyId(publicKey),
    privateKey,
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

function createKey(stateDir: string, path: string, storeKey: Buffer): CheckpointKey {
  const { privateKey } = generateKeyPairSync('ed25519');
  const key = withPublic(privateKey);
  try {
    makeKeyFolder(join(stateDir, 'keys'));
    writeNewFile(path, seal(storeKey, privateKey.export({ type: 'pkcs8', format: 'der' }), CONTEXT));
    writeNewFile(join(stateDir, 'keys', `audit-${key.id}.pub`), Buffer.from(key.publicPem));
  } catch (error) {
    throw new GatewayError('STATE_DIR', 'operator', `cannot make ${path}: ${messageOf(error)}`);
  }
  return key;
}
