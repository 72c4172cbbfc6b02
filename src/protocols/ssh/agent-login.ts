// An agent's login at the gateway (RFC 4252, the server's half). Who the agent is, the listener or the tunnel says; where the endpoint asks for
// a password or for keys, they must be proved as well. The user name only says whom the agent wants to be upstream.
import { createHash, timingSafeEqual } from 'node:crypto';
import { MESSAGE } from './codec.ts';
import { keyTypeOf, signatureAlgorithms, verifySignature } from './keys.ts';
import { WireReader, writeFields } from './wire.ts';

/** Wrong passwords and signatures after which the connection ends. */
const MAX_FAILURES = 6;
/** Requests altogether: an agent program with a dozen keys asks for each whether it would do (SS-02). */
const MAX_REQUESTS = 64;
const MAX_USER_BYTES = 256;

/** What an agent has to prove; with neither it need not prove anything. */
export interface AgentProof {
  /** Any user name with this password. */
  readonly password: string | null;
  /** Public keys in wire form; null where none are configured. */
  readonly keys: readonly Buffer[] | null;
}

export type LoginStep =
  | { readonly kind: 'send'; readonly payload: Buffer }
  /** The agent is who it must be, and asks for that user upstream. `succeed` or `fail` follows. */
  | { readonly kind: 'login'; readonly user: string }
  | { readonly kind: 'finish'; readonly cause: 'auth' | 'protocol'; readonly why: string };

/** One login. Messages in, steps out. */
export class AgentLogin {
  readonly #proof: AgentProof;
  readonly #sessionId: Buffer;
  #state: 'service' | 'open' | 'deciding' | 'done' = 'service';
  #requests = 0;
  #failures = 0;

  constructor(proof: AgentProof, sessionId: Buffer) {
    this.#proof = proof;
    this.#sessionId = sessionId;
  }

  get done(): boolean {
    return this.#state === 'done';
  }

  /** A message before the login is done. */
  handle(payload: Buffer): readonly LoginStep[] {
    const number = payload[0];
    if (number === MESSAGE.serviceRequest && this.#state === 'service') {
      const reader = new WireReader(payload, 1);
      const service = reader.name();
      if (!reader.done || service !== 'ssh-userauth') {
        return [{ kind: 'finish', cause: 'protocol', why: 'the client asked for a service that is not served' }];
      }
      this.#state = 'open';
      return [send([{ byte: MESSAGE.serviceAccept }, { string: service }])];
    }
    if (number !== MESSAGE.authRequest || this.#state !== 'open') {
      return [{ kind: 'finish', cause: 'protocol', why: `message ${number ?? 0} before the login was done` }];
    }
    this.#requests += 1;
    if (this.#requests > MAX_REQUESTS) {
      return [{ kind: 'finish', cause: 'auth', why: 'too many logins were tried' }];
    }
    return this.#request(payload);
  }

  /** The upstream took the login. */
  succeed(): readonly LoginStep[] {
    this.#state = 'done';
    return [send([{ byte: MESSAGE.authSuccess }])];
  }

  /** It could not be had: the agent is told why, and the connection ends. */
  fail(why: string): readonly LoginStep[] {
    this.#state = 'done';
    return [
      send([{ byte: MESSAGE.authBanner }, { string: `clawpatrol: ${why}\r\n` }, { string: '' }]),
      send([{ byte: MESSAGE.authFailure }, { string: '' }, { bool: false }]),
      { kind: 'finish', cause: 'auth', why },
    ];
  }

  #request(payload: Buffer): readonly LoginStep[] {
    const reader = new WireReader(payload, 1);
    const user = readUser(reader.string());
    const service = reader.name();
    const method = reader.name();
    if (!reader.intact || service !== 'ssh-connection') {
      return [{ kind: 'finish', cause: 'protocol', why: 'a malformed login' }];
    }
    if (user === null) {
      return [{ kind: 'finish', cause: 'auth', why: 'a user name that is not one' }];
    }
    switch (method) {
      case 'none':
        return !reader.done || this.#asks ? this.#refuse(0) : this.#accept(user);
      case 'password':
        return this.#password(user, reader);
      case 'publickey':
        return this.#publicKey(user, reader, payload);
      default:
        return this.#refuse(0);
    }
  }

  get #asks(): boolean {
    return this.#proof.password !== null || this.#proof.keys !== null;
  }

  #password(user: string, reader: WireReader): readonly LoginStep[] {
    const changes = reader.bool();
    const given = reader.string();
    if (!reader.done || changes) {
      return this.#refuse(1);
    }
    const { password } = this.#proof;
    return !this.#asks || (password !== null && isSame(given, Buffer.from(password)))
      ? this.#accept(user)
      : this.#refuse(1);
  }

  #publicKey(user: string, reader: WireReader, payload: Buffer): readonly LoginStep[] {
    const signed = reader.bool();
    const algorithm = reader.name();
    const key = reader.string();
    const signedBytes = reader.at;
    const { keys } = this.#proof;
    // Certificates are of no type that is known here, and so refused (SH-30).
    const fits = reader.intact && signatureAlgorithms(keyTypeOf(key)).includes(algorithm);
    if (!fits || (this.#asks && keys?.some((known) => known.equals(key)) !== true)) {
      return this.#refuse(0);
    }
    if (!signed) {
      // A question, not a login (SH-27).
      return reader.done
        ? [send([{ byte: MESSAGE.authPkOk }, { string: algorithm }, { string: key }])]
        : this.#refuse(0);
    }
    const signature = reader.string();
    const data = writeFields([{ string: this.#sessionId }, { raw: payload.subarray(0, signedBytes) }]);
    return reader.done && verifySignature(key, algorithm, { data, signature }) ? this.#accept(user) : this.#refuse(1);
  }

  #accept(user: string): readonly LoginStep[] {
    this.#state = 'deciding';
    return [{ kind: 'login', user }];
  }

  #refuse(failures: number): readonly LoginStep[] {
    this.#failures += failures;
    if (this.#failures >= MAX_FAILURES) {
      return [{ kind: 'finish', cause: 'auth', why: 'too many failed logins' }];
    }
    const methods = [
      ...(this.#proof.keys === null ? [] : ['publickey']),
      ...(this.#proof.password === null ? [] : ['password']),
    ];
    return [send([{ byte: MESSAGE.authFailure }, { string: methods.join(',') }, { bool: false }])];
  }
}

function send(fields: Parameters<typeof writeFields>[0]): LoginStep {
  return { kind: 'send', payload: writeFields(fields) };
}

/** In constant time, whatever the lengths (SH-46). */
function isSame(a: Buffer, b: Buffer): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());
}

/** A user name that can stand in logs, commands and file names as it is (SH-36); null for any other. */
export function readUser(bytes: Buffer): string | null {
  const text = bytes.toString('utf8');
  return bytes.length > 0 &&
    bytes.length <= MAX_USER_BYTES &&
    Buffer.from(text, 'utf8').equals(bytes) &&
    /^[^\s\p{C}/'"`;|&<>$(){}*?!#~-][^\s\p{C}/'"`;|&<>(){}*?!#~]*$/u.test(text)
    ? text
    : null;
}
