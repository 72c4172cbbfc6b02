// Keys of SSH as this folder needs them: public keys written in configurations, what a signature is checked with, and what one is made with.
// Parsing and mathematics are ssh2's and Node's.
import { createHash, createPublicKey } from 'node:crypto';
import ssh2 from 'ssh2';
import type { ParsedKey } from 'ssh2';
import utils from 'ssh2/lib/protocol/utils.js';
import { WireReader, writeFields } from './wire.ts';

/** Signature algorithms that are taken and made, by the type of key they belong to. No SHA-1, no DSA. */
const SIGNATURES: Readonly<Record<string, readonly string[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
};

const HASHES: Readonly<Record<string, string>> = { 'rsa-sha2-512': 'sha512', 'rsa-sha2-256': 'sha256' };

const MIN_RSA_BITS = 2048;

/** Signature algorithms for keys of a type, the strongest first; [] for types that are not taken. */
export function signatureAlgorithms(keyType: string): readonly string[] {
  return Object.hasOwn(SIGNATURES, keyType) ? (SIGNATURES[keyType] ?? []) : [];
}

/** The type that a public key in wire form says it has; "" when it is none. */
export function keyTypeOf(blob: Buffer): string {
  const reader = new WireReader(blob);
  const type = reader.name();
  return reader.intact ? type : '';
}

/** `SHA256:…`, as OpenSSH writes it. */
export function fingerprint(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** `TYPE BASE64`, as in known_hosts and authorized_keys. */
export function publicKeyText(blob: Buffer): string {
  return `${keyTypeOf(blob)} ${blob.toString('base64')}`;
}

/** The wire form of the first key in a line of known_hosts, authorized_keys or a `.pub` file; null when there is none. */
export function parsePublicKey(line: string): Buffer | null {
  const match = /(?:^|\s)((?:ssh-|ecdsa-|sk-|rsa-)[\w@.-]+)\s+([A-Za-z0-9+/]+={0,2})(?:\s|$)/.exec(line);
  if (match === null) {
    return null;
  }
  const blob = Buffer.from(match[2] ?? '', 'base64');
  return keyTypeOf(blob) === match[1] ? blob : null;
}

/** Whether a host key is one of those that are written: `SHA256:…`, or lines of keys. */
export function matchesHostKey(blob: Buffer, accepted: readonly string[]): boolean {
  const own = fingerprint(blob);
  return accepted
    .flatMap((text) => text.split('\n'))
    .map((line) => line.trim())
    .some((line) =>
      line.startsWith('SHA256:') ? line.replace(/=+$/, '') === own : parsePublicKey(line)?.equals(blob) === true,
    );
}

/**
 * Whether `signature` (algorithm and value, wire form) over `data` was made by the key `blob` with exactly that algorithm (SH-28). Total:
 * what is malformed is false.
 */
export function verifySignature(
  blob: Buffer,
  algorithm: string,
  { data, signature }: { readonly data: Buffer; readonly signature: Buffer },
): boolean {
  const type = keyTypeOf(blob);
  const reader = new WireReader(signature);
  const named = reader.name();
  const value = reader.string();
  if (!reader.done || named !== algorithm || !signatureAlgorithms(type).includes(algorithm)) {
    return false;
  }
  try {
    const key = ssh2.utils.parseKey(blob);
    const converted = utils.sigSSHToASN1(value, type);
    if (key instanceof Error || converted === undefined || isWeak(key)) {
      return false;
    }
    const verified: unknown = key.verify(data, converted, HASHES[algorithm]);
    // An Error object, which is what a malformed signature gives, is no yes.
    return verified === true;
  } catch {
    return false;
  }
}

/** An RSA key that is too short to be believed. */
function isWeak(key: ParsedKey): boolean {
  if (key.type !== 'ssh-rsa') {
    return false;
  }
  const bits = createPublicKey(key.getPublicPEM()).asymmetricKeyDetails?.modulusLength ?? 0;
  return bits < MIN_RSA_BITS;
}

/** A signature in wire form. Throws when the key cannot make it. */
export function signWith(key: ParsedKey, algorithm: string, data: Buffer): Buffer {
  const made: unknown = key.sign(data, HASHES[algorithm]);
  const value = Buffer.isBuffer(made) ? utils.convertSignature(made, key.type) : false;
  if (value === false || value === undefined) {
    throw new Error(`the ${key.type} key cannot sign`);
  }
  return writeFields([{ string: algorithm }, { string: value }]);
}

/** Name of the hash that goes with an RSA signature; undefined for other algorithms. */
export function hashOf(algorithm: string): string | undefined {
  return HASHES[algorithm];
}

/** A private key out of its text. Throws with what is wrong with it; never with the key. */
export function parsePrivateKey(text: string, passphrase: string | null): ParsedKey {
  const key = passphrase === null ? ssh2.utils.parseKey(text) : ssh2.utils.parseKey(text, passphrase);
  if (key instanceof Error) {
    throw new Error(
      /encrypted/i.test(key.message) ? 'the private key needs a passphrase' : 'the private key cannot be read',
    );
  }
  if (!key.isPrivateKey()) {
    throw new Error('this is a public key, not a private one');
  }
  if (signatureAlgorithms(key.type).length === 0 || isWeak(key)) {
    throw new Error(`a key of type ${key.type} that is not in use any more (DSA, or RSA below ${MIN_RSA_BITS} bits)`);
  }
  return key;
}

const MAX_TRIES = 50;

/** A new host key as text (OpenSSH's format). Throws when none can be made. */
export function createHostKey(): string {
  // About one in two hundred that ssh2 writes cannot be read again, by ssh2 or by anybody: it takes leading zeros of a field away. A host key
  // is kept for good, so that such a one would keep the endpoint shut.
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const text = ssh2.utils.generateKeyPairSync('ed25519').private;
    if (!(ssh2.utils.parseKey(text) instanceof Error)) {
      return text;
    }
  }
  throw new Error('no host key could be made');
}
