// The signing key: made once and sealed, or given; and what it signs.
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  checkpointVerifies,
  keyId,
  parseCheckpoint,
  parsePublicKey,
  parsePublished,
  parseStub,
  publishedLine,
  signCheckpoint,
  signStub,
  stubVerifies,
} from '../../src/audit/checkpoint.ts';
import { loadCheckpointKey } from '../../src/audit/keys.ts';
import { GatewayError } from '../../src/lib/errors.ts';
import { temporaryFolder } from '../support/temp.ts';

const STORE_KEY = Buffer.alloc(32, 5);
const POINT = { store: 's', seq: 7, head: 'ab', time: '2026-01-01T00:00:00.000Z', key: 'k' };
const { seq: _seq, ...SHARED } = POINT;
const STUB = { ...SHARED, segment: 1, first: 1, last: 7, prev: '00', file: 'f', file_sha256: 'cd' };

test('the key is made once, sealed, and readable by its owner only', (t) => {
  const stateDir = temporaryFolder(t);
  const made = loadCheckpointKey({ stateDir, storeKey: STORE_KEY, configured: null });
  const again = loadCheckpointKey({ stateDir, storeKey: STORE_KEY, configured: null });
  assert.equal(again.id, made.id);
  const names = readdirSync(join(stateDir, 'keys')).toSorted();
  assert.deepEqual(names, [`audit-${made.id}.pub`, 'audit.key']);
  for (const name of names) {
    assert.equal(statSync(join(stateDir, 'keys', name)).mode & 0o777, 0o600);
  }
  const der = made.privateKey.export({ type: 'pkcs8', format: 'der' });
  const stored = readFileSync(join(stateDir, 'keys', 'audit.key'));
  assert.equal(stored.includes(der.subarray(-32)), false);
  assert.equal(readFileSync(join(stateDir, 'keys', `audit-${made.id}.pub`), 'utf8'), made.publicPem);
});

test('a key that does not open with the store key is an error that says what to do', (t) => {
  const stateDir = temporaryFolder(t);
  loadCheckpointKey({ stateDir, storeKey: STORE_KEY, configured: null });
  assert.throws(
    () => loadCheckpointKey({ stateDir, storeKey: Buffer.alloc(32, 6), configured: null }),
    (error) => error instanceof GatewayError && error.code === 'STORE_KEY' && /move the file away/.test(error.message),
  );
});

test('a key may be given as PEM or as 32 bytes of base64, and nothing else', (t) => {
  const stateDir = temporaryFolder(t);
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const raw = privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(-32).toString('base64');
  const expected = keyId(createPublicKey(privateKey));
  for (const configured of [pem, raw, `${raw}\n`]) {
    assert.equal(loadCheckpointKey({ stateDir, storeKey: STORE_KEY, configured }).id, expected);
  }
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
  const wrong = ['', 'x', raw.slice(4), rsa.export({ type: 'pkcs8', format: 'pem' }).toString()];
  for (const configured of wrong) {
    assert.throws(() => loadCheckpointKey({ stateDir, storeKey: STORE_KEY, configured }), /not an Ed25519 key/);
  }
  assert.deepEqual(readdirSync(stateDir), []);
});

test('a signature holds for what was signed, for that purpose, with that key', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const signed = signCheckpoint(privateKey, POINT);
  assert.equal(checkpointVerifies(publicKey, signed), true);
  assert.equal(checkpointVerifies(publicKey, { ...signed, body: signed.body.replace('7', '8') }), false);
  assert.equal(checkpointVerifies(publicKey, { ...signed, signature: '' }), false);
  assert.equal(checkpointVerifies(generateKeyPairSync('ed25519').publicKey, signed), false);
  assert.equal(checkpointVerifies(generateKeyPairSync('x25519').publicKey, signed), false);
  assert.equal(stubVerifies(publicKey, signed), false);
  const stub = signStub(privateKey, STUB);
  assert.equal(stubVerifies(publicKey, stub), true);
  assert.equal(checkpointVerifies(publicKey, stub), false);
  assert.deepEqual(parseStub(stub.body), STUB);
});

test('a published line gives the checkpoint back, and a broken one nothing', () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  const signed = signCheckpoint(privateKey, POINT);
  const line = publishedLine(signed);
  assert.deepEqual(parsePublished(line.trimEnd()), signed);
  assert.deepEqual(parseCheckpoint(signed.body), POINT);
  for (const broken of ['', '{}', line.slice(0, 40), 'null', '[1]']) {
    assert.equal(parsePublished(broken), null);
    assert.equal(parseCheckpoint(broken), null);
    assert.equal(parseStub(broken), null);
  }
});

test('a public key is read from PEM or base64 of its DER form', (t) => {
  const { publicKey } = generateKeyPairSync('ed25519');
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const der = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  for (const text of [pem, der, `${der}\n`]) {
    const parsed = parsePublicKey(text);
    assert.equal(parsed === null ? null : keyId(parsed), keyId(publicKey));
  }
  assert.equal(parsePublicKey('nothing'), null);
  writeFileSync(join(temporaryFolder(t), 'x'), '');
});
