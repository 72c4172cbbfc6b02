// SCRAM-SHA-256 (RFC 5802, RFC 7677) as PostgreSQL uses it: what the gateway's login at the upstream and an agent's login at the gateway share.
import { createHash, createHmac } from 'node:crypto';

/** What a server keeps of a password: nothing in it logs anybody in. */
export interface Verifier {
  readonly salt: Buffer;
  readonly iterations: number;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

export const SASL_MECHANISM = 'SCRAM-SHA-256';
/** With channel binding. */
export const SASL_MECHANISM_PLUS = 'SCRAM-SHA-256-PLUS';
/** A SASL message that is longer is refused unread. */
export const MAX_SASL_BYTES = 8192;

export function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'utf8').digest();
}

export function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/** Of two buffers of one length. */
export function xor(left: Buffer, right: Buffer): Buffer {
  return Buffer.from(left.map((byte, index) => byte ^ (right[index] ?? 0)));
}

/** The verifier of a salted password: PBKDF2-HMAC-SHA-256 of the prepared password, 32 bytes. */
export function verifierOf(saltedPassword: Buffer, salt: Buffer, iterations: number): Verifier {
  const storedKey = sha256(hmac(saltedPassword, 'Client Key'));
  return { salt, iterations, storedKey, serverKey: hmac(saltedPassword, 'Server Key') };
}

/** SASLprep (RFC 4013) as PostgreSQL applies it: a password with a prohibited character is used as it is. */
export function preparePassword(password: string): string {
  if (/^[\x20-\x7e]*$/.test(password)) {
    return password;
  }
  const mapped = password
    .replace(/[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu, ' ')
    .replace(/\u00ad|\u034f|\u1806|\u180b|\u180c|\u180d|\u200c|\u200d|\u2060|\p{Variation_Selector}|\ufeff/gu, '')
    .normalize('NFKC');
  return /[\p{Cc}\p{Co}\p{Cn}\p{Cs}\u2028\u2029\ufff9-\uffff]/u.test(mapped) ? password : mapped;
}
