// The gateway's login at the upstream, from the first authentication request to AuthenticationOk: SCRAM-SHA-256 (RFC 5802,
// RFC 7677) with channel binding tls-server-end-point (RFC 5929) under TLS, MD5, cleartext, and none. Pure: serve.ts moves
// the bytes and computes the key (PBKDF2 takes milliseconds, so it is done off this thread).
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../../lib/secret.ts';
import { BACK, passwordMessage, saslInitialMessage, saslResponseMessage } from './codec.ts';
import { readErrorFields } from './messages.ts';
import { MAX_SASL_BYTES, SASL_MECHANISM, SASL_MECHANISM_PLUS, hmac, preparePassword, sha256, xor } from './scram.ts';

/** How the upstream may ask the gateway to prove itself (`auth_methods` of the credential). */
export type AuthMethod = 'scram-sha-256' | 'md5' | 'cleartext' | 'trust';

/** Both are refused by default: MD5 hands out something to replay, cleartext the password itself. */
export const DEFAULT_AUTH_METHODS: readonly AuthMethod[] = ['scram-sha-256', 'trust'];

export interface LoginParts {
  readonly user: string;
  /** null = the credential has none: only `trust` can work. */
  readonly password: Secret | null;
  readonly methods: ReadonlySet<AuthMethod>;
  /** `plain`: no TLS. `unbound`: TLS, but no hash that both sides would compute is known. Else the hash of the certificate. */
  readonly channel: { readonly kind: 'plain' | 'unbound' } | { readonly kind: 'tls'; readonly endPoint: Buffer };
  /** Fresh and random, printable, without a comma. */
  readonly nonce: string;
}

export type LoginStep =
  | { readonly kind: 'send'; readonly bytes: Buffer }
  /** Compute PBKDF2-HMAC-SHA-256 (32 bytes) of the prepared password and call `derived`. */
  | { readonly kind: 'derive'; readonly password: string; readonly salt: Buffer; readonly iterations: number }
  | { readonly kind: 'wait' }
  | { readonly kind: 'done' }
  | LoginFailure;

export interface LoginFailure {
  readonly kind: 'failed';
  /** `refused`: the upstream said no. `broken`: it did not keep to the protocol. `policy`: we do not do what it asks. */
  readonly cause: 'refused' | 'broken' | 'policy';
  /** SQLSTATE of the upstream's error, else "". */
  readonly code: string;
  /** For the operator's log; may hold names, never a secret. */
  readonly detail: string;
}

const MIN_ITERATIONS = 4096;
/** More would let an upstream keep a thread busy for seconds with one message. */
const MAX_ITERATIONS = 1_000_000;

type State =
  | { readonly kind: 'start' }
  /** A password was sent; Ok or an error follows. */
  | { readonly kind: 'answered' }
  | { readonly kind: 'scram-first'; readonly bare: string; readonly gs2: string }
  | { readonly kind: 'scram-deriving'; readonly authMessage: string; readonly withoutProof: string }
  | { readonly kind: 'scram-final'; readonly serverSignature: Buffer }
  | { readonly kind: 'verified' }
  | { readonly kind: 'over' };

/** One login. Feed it every message up to `done` or `failed`. */
export class Login {
  readonly #parts: LoginParts;
  #state: State = { kind: 'start' };

  constructor(parts: LoginParts) {
    this.#parts = parts;
  }

  /** A whole message from the upstream. */
  take(type: number, body: Buffer): LoginStep {
    if (type === BACK.error) {
      const fields = readErrorFields(body);
      return this.#fail('refused', fields.get('M') ?? 'an error without a message', fields.get('C') ?? '');
    }
    if (type === BACK.notice || type === BACK.negotiateVersion) {
      return { kind: 'wait' };
    }
    if (type !== BACK.authentication || body.length < 4) {
      return this.#fail('broken', 'the upstream sent something else than an authentication request');
    }
    const request = body.readUInt32BE(0);
    const data = body.subarray(4);
    switch (request) {
      case 0:
        return this.#accepted();
      case 3:
        return this.#cleartext();
      case 5:
        return this.#md5(data);
      case 10:
        return this.#scramStart(data);
      case 11:
        return this.#scramContinue(data);
      case 12:
        return this.#scramFinal(data);
      default:
        return this.#fail('policy', `the upstream asks for authentication type ${request}, which is not supported`);
    }
  }

  /** The salted password that a `derive` step asked for. */
  derived(saltedPassword: Buffer): LoginStep {
    const state = this.#state;
    if (state.kind !== 'scram-deriving') {
      return this.#fail('broken', 'a key that was not asked for');
    }
    const clientKey = hmac(saltedPassword, 'Client Key');
    const proof = xor(clientKey, hmac(sha256(clientKey), state.authMessage));
    const serverSignature = hmac(hmac(saltedPassword, 'Server Key'), state.authMessage);
    this.#state = { kind: 'scram-final', serverSignature };
    return { kind: 'send', bytes: saslResponseMessage(`${state.withoutProof},p=${proof.toString('base64')}`) };
  }

  #fail(cause: LoginFailure['cause'], detail: string, code: string = ''): LoginFailure {
    this.#state = { kind: 'over' };
    return { kind: 'failed', cause, code, detail };
  }

  /** AuthenticationOk. After SASL began, only a verified server signature makes it believable. */
  #accepted(): LoginStep {
    switch (this.#state.kind) {
      case 'start':
        if (!this.#parts.methods.has('trust')) {
          return this.#fail('policy', 'the upstream asks for no proof, and auth_methods does not list "trust"');
        }
        break;
      case 'answered':
      case 'verified':
        break;
      case 'scram-first':
      case 'scram-deriving':
      case 'scram-final':
      case 'over':
        return this.#fail('broken', 'the upstream accepted the login without proving that it knows the password');
    }
    this.#state = { kind: 'over' };
    return { kind: 'done' };
  }

  /** The password for a method that the credential allows, or why not. */
  #allowed(method: AuthMethod): Secret | LoginFailure {
    if (this.#state.kind !== 'start') {
      return this.#fail('broken', 'a second authentication request');
    }
    if (!this.#parts.methods.has(method)) {
      return this.#fail(
        'policy',
        `the upstream asks for ${method}, and auth_methods of the credential does not list it`,
      );
    }
    return (
      this.#parts.password ?? this.#fail('policy', 'the upstream asks for a password, and the credential has none')
    );
  }

  #cleartext(): LoginStep {
    const password = this.#allowed('cleartext');
    if ('kind' in password) {
      return password;
    }
    this.#state = { kind: 'answered' };
    return { kind: 'send', bytes: passwordMessage(password.reveal()) };
  }

  #md5(salt: Buffer): LoginStep {
    const password = this.#allowed('md5');
    if ('kind' in password) {
      return password;
    }
    if (salt.length !== 4) {
      return this.#fail('broken', 'an MD5 request without a salt');
    }
    const inner = createHash('md5').update(`${password.reveal()}${this.#parts.user}`, 'utf8').digest('hex');
    const outer = createHash('md5').update(inner, 'latin1').update(salt).digest('hex');
    this.#state = { kind: 'answered' };
    return { kind: 'send', bytes: passwordMessage(`md5${outer}`) };
  }

  #scramStart(data: Buffer): LoginStep {
    const password = this.#allowed('scram-sha-256');
    if ('kind' in password) {
      return password;
    }
    if (data.length > MAX_SASL_BYTES) {
      return this.#fail('broken', 'a list of SASL mechanisms that is too long');
    }
    const offered = data.toString('latin1').split('\0');
    const { channel, nonce } = this.#parts;
    const bound = channel.kind === 'tls' && offered.includes(SASL_MECHANISM_PLUS);
    if (!bound && !offered.includes(SASL_MECHANISM)) {
      return this.#fail('policy', 'the upstream offers no SASL mechanism that is supported');
    }
    // "y": we could bind the channel and believe that the server cannot. A server that did offer it sees that someone
    // in between removed the offer (RFC 5802, section 6).
    const gs2 = bound ? 'p=tls-server-end-point,,' : channel.kind === 'tls' ? 'y,,' : 'n,,';
    const bare = `n=,r=${nonce}`;
    this.#state = { kind: 'scram-first', bare, gs2 };
    return {
      kind: 'send',
      bytes: saslInitialMessage(bound ? SASL_MECHANISM_PLUS : SASL_MECHANISM, `${gs2}${bare}`),
    };
  }

  #scramContinue(data: Buffer): LoginStep {
    const state = this.#state;
    if (state.kind !== 'scram-first' || this.#parts.password === null) {
      return this.#fail('broken', 'a SASL message out of order');
    }
    const first = data.length > MAX_SASL_BYTES ? null : parseServerFirst(data.toString('utf8'), this.#parts.nonce);
    if (first === null) {
      return this.#fail('broken', "the upstream's SCRAM challenge is malformed or outside of the accepted limits");
    }
    const { channel } = this.#parts;
    const header = Buffer.from(state.gs2, 'utf8');
    const binding = state.gs2.startsWith('p') && channel.kind === 'tls' ? channel.endPoint : Buffer.alloc(0);
    const withoutProof = `c=${Buffer.concat([header, binding]).toString('base64')},r=${first.nonce}`;
    const authMessage = `${state.bare},${data.toString('utf8')},${withoutProof}`;
    this.#state = { kind: 'scram-deriving', authMessage, withoutProof };
    const password = preparePassword(this.#parts.password.reveal());
    return { kind: 'derive', password, salt: first.salt, iterations: first.iterations };
  }

  #scramFinal(data: Buffer): LoginStep {
    const state = this.#state;
    if (state.kind !== 'scram-final') {
      return this.#fail('broken', 'a SASL message out of order');
    }
    const match = data.length > MAX_SASL_BYTES ? null : /^v=([A-Za-z0-9+/]{43}=)(,.*)?$/.exec(data.toString('latin1'));
    const signature = Buffer.from(match?.[1] ?? '', 'base64');
    if (signature.length !== state.serverSignature.length || !timingSafeEqual(signature, state.serverSignature)) {
      return this.#fail('broken', "the upstream's SCRAM signature is wrong: it does not know the password");
    }
    this.#state = { kind: 'verified' };
    return { kind: 'wait' };
  }
}

/** `r=NONCE,s=SALT,i=COUNT[,extensions]`; a leading `m=` (mandatory extension) is not understood, so refused. */
function parseServerFirst(
  text: string,
  clientNonce: string,
): { readonly nonce: string; readonly salt: Buffer; readonly iterations: number } | null {
  const match = /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/]+={0,2}),i=([1-9]\d{0,9})(,.*)?$/.exec(text);
  const nonce = match?.[1] ?? '';
  const iterations = Number(match?.[3] ?? '0');
  const tooEasy = !nonce.startsWith(clientNonce) || nonce.length === clientNonce.length;
  if (match === null || tooEasy || iterations < MIN_ITERATIONS || iterations > MAX_ITERATIONS) {
    return null;
  }
  return { nonce, salt: Buffer.from(match[2] ?? '', 'base64'), iterations };
}

/** Signature algorithms (OID content bytes in hex) and the hash that tls-server-end-point uses for them. */
const END_POINT_HASHES: ReadonlyMap<string, string> = new Map([
  ['2a864886f70d010104', 'sha256'], // md5WithRSA: RFC 5929 replaces MD5 and SHA-1 by SHA-256
  ['2a864886f70d010105', 'sha256'], // sha1WithRSA
  ['2a864886f70d01010b', 'sha256'],
  ['2a864886f70d01010c', 'sha384'],
  ['2a864886f70d01010d', 'sha512'],
  ['2a8648ce3d0401', 'sha256'], // ecdsa-with-SHA1
  ['2a8648ce3d040302', 'sha256'],
  ['2a8648ce3d040303', 'sha384'],
  ['2a8648ce3d040304', 'sha512'],
]);

/** The tls-server-end-point binding of a certificate (DER), or null where RFC 5929 leaves it undefined (Ed25519, PSS). */
export function endPointBinding(certificate: Buffer): Buffer | null {
  const outer = derElement(certificate, 0);
  const signed = outer === null ? null : derElement(certificate, outer.start);
  const algorithm = signed === null ? null : derElement(certificate, signed.end);
  const oid = algorithm === null ? null : derElement(certificate, algorithm.start);
  if (oid === null) {
    return null;
  }
  const hash = END_POINT_HASHES.get(certificate.toString('hex', oid.start, oid.end));
  return hash === undefined ? null : createHash(hash).update(certificate).digest();
}

/** Content bounds of the DER element at `at`, or null when it does not fit. */
function derElement(bytes: Buffer, at: number): { readonly start: number; readonly end: number } | null {
  const first = bytes[at + 1];
  if (first === undefined) {
    return null;
  }
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (lengthBytes > 4 || at + 2 + lengthBytes > bytes.length) {
    return null;
  }
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes);
  const start = at + 2 + lengthBytes;
  return start + length <= bytes.length && first !== 0x80 ? { start, end: start + length } : null;
}
