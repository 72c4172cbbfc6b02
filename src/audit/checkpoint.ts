// Signed statements about the chain: checkpoints ("record N had hash H at time T") and the stubs that stand for retired segments.
// What is signed is a fixed word, a line feed, and one line of JSON with keys in a fixed order.
import { createHash, createPublicKey, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { isObject } from '../lib/fields.ts';

/** What a signature is about; keeps a checkpoint from being passed off as a stub. */
type Purpose = 'clawpatrol-audit-checkpoint' | 'clawpatrol-audit-stub';

export interface Checkpoint {
  /** Id of the store, so that another store's checkpoints prove nothing here. */
  readonly store: string;
  readonly seq: number;
  /** Hash of record `seq`. */
  readonly head: string;
  readonly time: string;
  /** Id of the signing key. */
  readonly key: string;
}

/** What is left of a segment in the store after its records went to the archive. */
export interface Stub {
  readonly store: string;
  readonly segment: number;
  readonly first: number;
  readonly last: number;
  /** Hash before the first record, and of the last. */
  readonly prev: string;
  readonly head: string;
  readonly file: string;
  readonly file_sha256: string;
  readonly time: string;
  readonly key: string;
}

export interface Signed {
  readonly body: string;
  /** Base64. */
  readonly signature: string;
}

export function signCheckpoint(privateKey: KeyObject, point: Checkpoint): Signed {
  const { store, seq, head, time, key } = point;
  return signBody(privateKey, 'clawpatrol-audit-checkpoint', JSON.stringify({ store, seq, head, time, key }));
}

export function signStub(privateKey: KeyObject, stub: Stub): Signed {
  const { store, segment, first, last, prev, head, file, file_sha256, time, key } = stub;
  const ordered = { store, segment, first, last, prev, head, file, file_sha256, time, key };
  return signBody(privateKey, 'clawpatrol-audit-stub', JSON.stringify(ordered));
}

export function checkpointVerifies(publicKey: KeyObject, signed: Signed): boolean {
  return bodyVerifies(publicKey, 'clawpatrol-audit-checkpoint', signed);
}

export function stubVerifies(publicKey: KeyObject, signed: Signed): boolean {
  return bodyVerifies(publicKey, 'clawpatrol-audit-stub', signed);
}

function signBody(privateKey: KeyObject, purpose: Purpose, body: string): Signed {
  const signature = sign(null, Buffer.from(`${purpose}\n${body}`, 'utf8'), privateKey).toString('base64');
  return { body, signature };
}

function bodyVerifies(publicKey: KeyObject, purpose: Purpose, { body, signature }: Signed): boolean {
  try {
    return verify(null, Buffer.from(`${purpose}\n${body}`, 'utf8'), publicKey, Buffer.from(signature, 'base64'));
  } catch {
    // A key of another kind: nothing it could have signed.
    return false;
  }
}

export function parseCheckpoint(body: string): Checkpoint | null {
  const value = parseObject(body);
  if (value === null) {
    return null;
  }
  const { store, seq, head, time, key } = value;
  const texts = typeof store === 'string' && typeof head === 'string' && typeof time === 'string';
  return texts && typeof seq === 'number' && typeof key === 'string' ? { store, seq, head, time, key } : null;
}

export function parseStub(body: string): Stub | null {
  const value = parseObject(body);
  return value !== null && isStub(value) ? value : null;
}

function isStub(value: object): value is Stub {
  const fields = new Map<string, unknown>(Object.entries(value));
  const numbers = ['segment', 'first', 'last'].map((name) => fields.get(name));
  const texts = ['store', 'prev', 'head', 'file', 'file_sha256', 'time', 'key'].map((name) => fields.get(name));
  return numbers.every((item) => typeof item === 'number') && texts.every((item) => typeof item === 'string');
}

/** A line of the published file: the checkpoint's own keys and its signature. */
export function publishedLine({ body, signature }: Signed): string {
  return `${body.slice(0, -1)},"signature":${JSON.stringify(signature)}}\n`;
}

const SIGNATURE_END = /,"signature":"([A-Za-z0-9+/=]+)"\}$/;

/** The inverse of publishedLine, or null. */
export function parsePublished(line: string): Signed | null {
  const match = SIGNATURE_END.exec(line);
  return match === null ? null : { body: `${line.slice(0, match.index)}}`, signature: match[1] ?? '' };
}

function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** Short name of a public key: the first 32 hex digits of the SHA-256 of its DER form. */
export function keyId(publicKey: KeyObject): string {
  const der = publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('hex').slice(0, 32);
}

/** A public key from PEM or from base64 of its DER form, or null. */
export function parsePublicKey(text: string): KeyObject | null {
  try {
    return text.includes('-----BEGIN')
      ? createPublicKey(text)
      : createPublicKey({ key: Buffer.from(text.trim(), 'base64'), format: 'der', type: 'spki' });
  } catch {
    return null;
  }
}
