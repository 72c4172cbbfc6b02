// The gateway's login at the upstream (RFC 4252, the client's half): with the credential's key, certificate or password, or those of an
// agent socket. What the agent gave is never used. Messages in, steps out; signing is somebody else's.
import { MESSAGE } from './codec.ts';
import { keyTypeOf, signatureAlgorithms } from './keys.ts';
import { WireReader, writeFields } from './wire.ts';
import type { Field } from './wire.ts';

/** Messages before the upstream has answered: banners, prompts. */
const MAX_MESSAGES = 64;
const MAX_BANNER_CHARS = 16_384;
const CERTIFICATE = '-cert-v01@openssh.com';

/** Something that can prove itself with signatures. */
export interface Identity {
  /** The public key or the certificate, wire form. */
  readonly blob: Buffer;
  /** The signature over `data`, wire form. */
  sign(algorithm: string, data: Buffer): Promise<Buffer>;
}

/** What the gateway has for the upstream. */
export interface UpstreamProof {
  readonly user: string;
  readonly identities: readonly Identity[];
  readonly password: string | null;
}

export type UpstreamStep =
  | { readonly kind: 'send'; readonly payload: Buffer }
  /** Sign, and give the signature to `signed`. */
  | { readonly kind: 'sign'; readonly identity: Identity; readonly algorithm: string; readonly data: Buffer }
  | { readonly kind: 'banner'; readonly text: string }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly why: string };

/** A way to log in that has not been tried. */
type Way =
  | { readonly method: 'none' | 'password' | 'keyboard-interactive' }
  | { readonly method: 'publickey'; readonly identity: Identity };

/** One login. */
export class UpstreamLogin {
  readonly #proof: UpstreamProof;
  readonly #sessionId: Buffer;
  readonly #ways: Way[];
  #algorithms: readonly string[] | null = null;
  #pending: Buffer | null = null;
  #method = '';
  #messages = 0;
  #bannerChars = 0;
  #tried: string[] = [];

  constructor(proof: UpstreamProof, sessionId: Buffer) {
    this.#proof = proof;
    this.#sessionId = sessionId;
    const { identities, password } = proof;
    this.#ways = [
      ...identities.map((identity): Way => ({ method: 'publickey', identity })),
      ...(password === null ? [] : ([{ method: 'password' }, { method: 'keyboard-interactive' }] satisfies Way[])),
      ...(identities.length === 0 && password === null ? ([{ method: 'none' }] satisfies Way[]) : []),
    ];
  }

  /** What the server says it takes (RFC 8308). */
  learn(algorithms: readonly string[]): void {
    this.#algorithms = algorithms;
  }

  start(): readonly UpstreamStep[] {
    return [send([{ byte: MESSAGE.serviceRequest }, { string: 'ssh-userauth' }])];
  }

  handle(payload: Buffer): readonly UpstreamStep[] {
    this.#messages += 1;
    if (this.#messages > MAX_MESSAGES) {
      return [{ kind: 'failed', why: 'the upstream does not come to an end with the login' }];
    }
    const reader = new WireReader(payload, 1);
    switch (payload[0] ?? 0) {
      case MESSAGE.serviceAccept:
        return this.#next(null);
      case MESSAGE.authBanner:
        return this.#banner(reader.string().toString('utf8'));
      case MESSAGE.authSuccess:
        return [{ kind: 'done' }];
      case MESSAGE.authFailure: {
        const methods = reader.string().toString('latin1').split(',');
        return reader.intact ? this.#next(methods) : [malformed()];
      }
      case MESSAGE.authPkOk:
        return this.#method === 'keyboard-interactive' ? this.#prompt(reader) : [malformed()];
      default:
        return [malformed()];
    }
  }

  /** The signature that was asked for, or why there is none. */
  signed(signature: Buffer | null): readonly UpstreamStep[] {
    const request = this.#pending;
    this.#pending = null;
    return request === null || signature === null
      ? this.#next(null)
      : [send([{ raw: request }, { string: signature }])];
  }

  #banner(text: string): readonly UpstreamStep[] {
    this.#bannerChars += text.length;
    return this.#bannerChars > MAX_BANNER_CHARS ? [] : [{ kind: 'banner', text }];
  }

  /** Tries the next way among those that the upstream goes on with; null = it has not said. */
  #next(methods: readonly string[] | null): readonly UpstreamStep[] {
    for (;;) {
      const way = this.#ways.shift();
      if (way === undefined) {
        return [{ kind: 'failed', why: this.#failure(methods) }];
      }
      if (methods === null || methods.includes(way.method)) {
        const step = this.#try(way);
        if (step !== null) {
          this.#method = way.method;
          this.#tried = [...new Set([...this.#tried, way.method])];
          return [step];
        }
      }
    }
  }

  #failure(methods: readonly string[] | null): string {
    const tried = this.#tried.length === 0 ? '' : ` with ${this.#tried.join(', ')}`;
    const asked = methods === null ? '' : `; it takes ${methods.join(', ') || 'nothing'}`;
    return `the upstream refused the login as ${this.#proof.user}${tried}${asked}`;
  }

  #try(way: Way): UpstreamStep | null {
    const head: readonly Field[] = [
      { byte: MESSAGE.authRequest },
      { string: this.#proof.user },
      { string: 'ssh-connection' },
      { string: way.method },
    ];
    switch (way.method) {
      case 'none':
        return send(head);
      case 'password':
        return send([...head, { bool: false }, { string: this.#proof.password ?? '' }]);
      case 'keyboard-interactive':
        return send([...head, { string: '' }, { string: '' }]);
      case 'publickey': {
        const algorithm = this.#algorithmFor(keyTypeOf(way.identity.blob));
        if (algorithm === null) {
          return null;
        }
        const request = writeFields([...head, { bool: true }, { string: algorithm }, { string: way.identity.blob }]);
        this.#pending = request;
        const data = writeFields([{ string: this.#sessionId }, { raw: request }]);
        return { kind: 'sign', identity: way.identity, algorithm, data };
      }
    }
  }

  /** The strongest algorithm that both know; for a certificate its own name of it. */
  #algorithmFor(keyType: string): string | null {
    const certified = keyType.endsWith(CERTIFICATE);
    const plain = signatureAlgorithms(certified ? keyType.slice(0, -CERTIFICATE.length) : keyType);
    const names = plain.map((name) => (certified ? name + CERTIFICATE : name));
    const known = this.#algorithms;
    if (known === null || names.length < 2) {
      return names.at(-1) ?? null;
    }
    return names.find((name) => known.includes(name)) ?? names.at(-1) ?? null;
  }

  /** A prompt that hides what is typed is answered with the password; nothing else is (SS-14). */
  #prompt(reader: WireReader): readonly UpstreamStep[] {
    reader.string();
    reader.string();
    reader.string();
    const count = reader.uint32();
    if (count === 0 && reader.done) {
      return [send([{ byte: MESSAGE.authInfoResponse }, { uint32: 0 }])];
    }
    reader.string();
    const echo = reader.bool();
    if (count !== 1 || echo || !reader.done) {
      return [{ kind: 'failed', why: 'the upstream asks questions that nobody can answer (keyboard-interactive)' }];
    }
    return [send([{ byte: MESSAGE.authInfoResponse }, { uint32: 1 }, { string: this.#proof.password ?? '' }])];
  }
}

function send(fields: readonly Field[]): UpstreamStep {
  return { kind: 'send', payload: writeFields(fields) };
}

function malformed(): UpstreamStep {
  return { kind: 'failed', why: 'the upstream sent what is no part of a login' };
}
