// The start of a client's connection, up to the moment when it is known who wants which database: SSLRequest and
// GSSENCRequest in any order, direct TLS, CancelRequest, version negotiation, and the startup packet with its parameters kept
// by an allow list. Pure: serve.ts owns the bytes, the answers and the TLS handshake.
import { asciiLower } from '../../lib/text.ts';
import { MAX_STARTUP_BYTES } from '../../lib/limits.ts';
import {
  CANCEL_REQUEST,
  GSSENC_REQUEST,
  SSL_REQUEST,
  PROTOCOL_3_0,
  errorMessage,
  negotiateVersionMessage,
} from './codec.ts';
import { findParameterProblem, splitOptions } from './parameters.ts';

/** What the client asked for. */
export interface StartupRequest {
  /** Role that the client named; which role is used upstream is the credential's business. */
  readonly user: string;
  /** null = not named, so the server's rule (same as the role) holds. */
  readonly database: string | null;
  /** All others that passed the allow list, exactly as sent, in order. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Sent before AuthenticationOk when the client asked for more than protocol 3.0; else null. */
  readonly negotiation: Buffer | null;
}

/** What the front of the client's bytes means. `sizeBytes` are used up by it. */
export type StartupStep =
  | { readonly kind: 'incomplete' }
  /** Answer these bytes (if any) and begin a TLS handshake. `direct`: the handshake's first bytes are still in the buffer. */
  | { readonly kind: 'secure'; readonly answer: Buffer; readonly direct: boolean; readonly sizeBytes: number }
  | { readonly kind: 'answer'; readonly bytes: Buffer; readonly sizeBytes: number }
  | { readonly kind: 'cancel'; readonly processId: number; readonly secretKey: Buffer }
  | { readonly kind: 'startup'; readonly request: StartupRequest; readonly sizeBytes: number }
  /** `error` null: nothing is said to a peer that may not even speak this protocol. */
  | { readonly kind: 'refused'; readonly error: Buffer | null; readonly cause: string; readonly detail: string };

const TLS_HANDSHAKE_RECORD = 0x16;
const ACCEPT = Buffer.from('S');
const DECLINE = Buffer.from('N');

/** Decides about the bytes before login. One per connection. */
export class Startup {
  readonly #listenTls: 'auto' | 'required' | 'off';
  #encrypted = false;
  #askedForTls = false;
  #askedForGss = false;

  constructor(listenTls: 'auto' | 'required' | 'off') {
    this.#listenTls = listenTls;
  }

  /** The TLS handshake is done; from here on only a startup packet or a cancel may come. */
  secured(): void {
    this.#encrypted = true;
  }

  /** Looks at everything that has arrived and is not used up. */
  take(buffer: Buffer): StartupStep {
    if (buffer[0] === TLS_HANDSHAKE_RECORD && !this.#encrypted && !this.#askedForTls && !this.#askedForGss) {
      return this.#listenTls === 'off'
        ? refused(null, 'tls-off', 'the client began with TLS, and listen_tls is off')
        : { kind: 'secure', answer: Buffer.alloc(0), direct: true, sizeBytes: 0 };
    }
    if (buffer.length < 4) {
      return { kind: 'incomplete' };
    }
    const length = buffer.readUInt32BE(0);
    if (length < 8 || length > MAX_STARTUP_BYTES) {
      return refused(null, 'malformed-startup', `a startup packet of ${length} bytes, at most ${MAX_STARTUP_BYTES}`);
    }
    if (buffer.length < length) {
      return { kind: 'incomplete' };
    }
    const code = buffer.readUInt32BE(4);
    switch (code) {
      case SSL_REQUEST:
      case GSSENC_REQUEST:
        return this.#encryptionRequest(code, buffer, length);
      case CANCEL_REQUEST:
        return cancelStep(buffer.subarray(8, length));
      default:
        return this.#startup(code, buffer.subarray(8, length), length);
    }
  }

  #encryptionRequest(code: number, buffer: Buffer, length: number): StartupStep {
    const repeated = code === SSL_REQUEST ? this.#askedForTls : this.#askedForGss;
    if (length !== 8 || repeated || this.#encrypted) {
      return refused(null, 'malformed-startup', 'an encryption request that is repeated or has a body');
    }
    // Whatever follows in clear was sent by someone who cannot know our answer: it would be read as if it had come through
    // the encrypted channel (CVE-2021-23214, pgbouncer CVE-2021-3935).
    if (buffer.length > length) {
      return refused(null, 'clear-bytes-behind-tls-request', 'clear bytes behind an encryption request');
    }
    if (code === GSSENC_REQUEST) {
      this.#askedForGss = true;
      return { kind: 'answer', bytes: DECLINE, sizeBytes: length };
    }
    this.#askedForTls = true;
    return this.#listenTls === 'off'
      ? { kind: 'answer', bytes: DECLINE, sizeBytes: length }
      : { kind: 'secure', answer: ACCEPT, direct: false, sizeBytes: length };
  }

  #startup(code: number, body: Buffer, length: number): StartupStep {
    if (code >>> 16 !== 3) {
      const text = `unsupported frontend protocol ${code >>> 16}.${code & 0xffff}: server supports 3.0`;
      return refused({ code: '0A000', message: text }, 'unsupported-protocol', text);
    }
    if (!this.#encrypted && this.#listenTls === 'required') {
      const text = 'this gateway accepts encrypted connections only; connect with sslmode=require or higher';
      return refused({ code: '28000', message: text }, 'tls-required', text);
    }
    const pairs = readPairs(body);
    if (typeof pairs === 'string') {
      return refused({ code: '08P01', message: `invalid startup packet: ${pairs}` }, 'malformed-startup', pairs);
    }
    return judgePairs(pairs, code, length);
  }
}

/** Name and value pairs in order, or what is wrong with them. */
function readPairs(body: Buffer): ReadonlyMap<string, string> | string {
  const pairs = new Map<string, string>();
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let at = 0;
  while (at < body.length && body[at] !== 0) {
    const nameEnd = body.indexOf(0, at);
    const valueEnd = nameEnd < 0 ? -1 : body.indexOf(0, nameEnd + 1);
    if (valueEnd < 0) {
      return 'a parameter without an end';
    }
    let name: string;
    let value: string;
    try {
      name = decoder.decode(body.subarray(at, nameEnd));
      value = decoder.decode(body.subarray(nameEnd + 1, valueEnd));
    } catch {
      return 'a parameter that is not UTF-8';
    }
    if ([...pairs.keys()].some((known) => asciiLower(known) === asciiLower(name))) {
      return 'a parameter is given twice';
    }
    pairs.set(name, value);
    at = valueEnd + 1;
  }
  return at + 1 === body.length ? pairs : 'bytes behind the end of the parameters';
}

function judgePairs(pairs: ReadonlyMap<string, string>, code: number, sizeBytes: number): StartupStep {
  const parameters = new Map<string, string>();
  const ignored: string[] = [];
  for (const [name, value] of pairs) {
    if (name.startsWith('_pq_.')) {
      ignored.push(name);
    } else if (name !== 'user' && name !== 'database') {
      const problem = name === 'options' ? findOptionsProblem(value, pairs) : findParameterProblem(name, value);
      if (problem !== null) {
        return refused({ code: '42501', message: problem }, 'startup-parameter', problem);
      }
      parameters.set(name, value);
    }
  }
  const user = pairs.get('user') ?? '';
  if (user === '') {
    const text = 'no PostgreSQL user name specified in startup packet';
    return refused({ code: '28000', message: text }, 'malformed-startup', text);
  }
  const database = pairs.get('database') ?? '';
  const negotiation =
    code === PROTOCOL_3_0 && ignored.length === 0 ? null : negotiateVersionMessage(PROTOCOL_3_0, ignored);
  const request = { user, database: database === '' ? null : database, parameters, negotiation };
  return { kind: 'startup', request, sizeBytes };
}

/** Judges each setting inside `options` as if it were a parameter of its own. */
function findOptionsProblem(text: string, pairs: ReadonlyMap<string, string>): string | null {
  const settings = splitOptions(text);
  if (settings === null) {
    return 'startup parameter "options" may hold only -c name=value and --name=value';
  }
  const seen = new Set([...pairs.keys()].map(asciiLower));
  for (const { name, value } of settings) {
    if (seen.has(name)) {
      return 'a setting is given twice in the startup packet';
    }
    seen.add(name);
    const problem = findParameterProblem(name, value);
    if (problem !== null) {
      return problem;
    }
  }
  return null;
}

/** A CancelRequest; keys longer than protocol 3.2 allows are nobody's. */
function cancelStep(body: Buffer): StartupStep {
  if (body.length < 8 || body.length > 4 + 256) {
    return refused(null, 'malformed-startup', 'a cancel request of a wrong size');
  }
  return { kind: 'cancel', processId: body.readUInt32BE(0), secretKey: body.subarray(4) };
}

function refused(
  error: { readonly code: string; readonly message: string } | null,
  cause: string,
  detail: string,
): StartupStep {
  return {
    kind: 'refused',
    error: error === null ? null : errorMessage({ severity: 'FATAL', ...error }),
    cause,
    detail,
  };
}
