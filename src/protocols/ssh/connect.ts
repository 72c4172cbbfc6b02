// The gateway's own connection to an upstream: dialled, its host key checked before anything is proved to it, logged in with the
// credential. Every phase has a deadline.
import type { Duplex } from 'node:stream';
import ssh2 from 'ssh2';
import { GatewayError, messageOf } from '../../lib/errors.ts';
import type { Secret } from '../../lib/secret.ts';
import type { DialTarget, DispatchedCredential, ServeContext } from '../protocol.ts';
import {
  fingerprint,
  hashOf,
  keyTypeOf,
  matchesHostKey,
  parsePrivateKey,
  parsePublicKey,
  publicKeyText,
  signatureAlgorithms,
  signWith,
} from './keys.ts';
import { UpstreamLogin } from './login.ts';
import type { Identity, UpstreamProof, UpstreamStep } from './login.ts';
import { DISCONNECT, Transport } from './transport.ts';
import { writeFields } from './wire.ts';

/** From the connected socket to the first keys, and from there to the end of the login. */
const KEX_MS = 10_000;
const LOGIN_MS = 30_000;
const AGENT_MS = 10_000;

export interface UpstreamConnection {
  readonly transport: Transport;
  readonly socket: Duplex;
  /** Texts that the upstream shows at the login. */
  readonly banners: readonly string[];
  /** From now on messages go there. */
  attach(owner: UpstreamOwner): void;
}

export interface UpstreamOwner {
  payload(payload: Buffer): void;
  ended(why: string): void;
  /** Bytes came. */
  received(): void;
}

export interface UpstreamOptions {
  readonly target: DialTarget;
  readonly user: string;
  readonly credential: DispatchedCredential | null;
}

export type ConnectContext = Pick<ServeContext, 'dial' | 'config' | 'clock' | 'keys' | 'noticed'>;

/** Rejects with GatewayError UPSTREAM_UNREACHABLE, UPSTREAM_AUTH or SECRET_MISSING. */
export async function connectUpstream(
  context: ConnectContext,
  options: UpstreamOptions,
  signal: AbortSignal,
): Promise<UpstreamConnection> {
  // Before anybody is dialled: what cannot be proved need not be tried.
  const proof = await readProof(options);
  const socket = await context.dial(signal, options.target);
  return new Promise((resolve, reject) => {
    const opening = new Opening(context, { ...options, proof, socket, signal }, { resolve, reject });
    opening.start();
  });
}

interface Parts extends UpstreamOptions {
  readonly proof: UpstreamProof;
  readonly socket: Duplex;
  readonly signal: AbortSignal;
}

interface Settled {
  resolve(connection: UpstreamConnection): void;
  reject(error: Error): void;
}

class Opening {
  readonly #context: ConnectContext;
  readonly #parts: Parts;
  readonly #settled: Settled;
  readonly #transport: Transport;
  readonly #banners: string[] = [];
  readonly #stop = (): void => this.#fail('UPSTREAM_UNREACHABLE', 'it was given up');
  #login: UpstreamLogin | null = null;
  #algorithms: readonly string[] | null = null;
  #owner: UpstreamOwner | null = null;
  #hostKey: Buffer | null = null;
  #refusedKey: string | null = null;
  #timer: { cancel(): void };
  #done = false;

  constructor(context: ConnectContext, parts: Parts, settled: Settled) {
    this.#context = context;
    this.#parts = parts;
    this.#settled = settled;
    this.#timer = context.clock.after(KEX_MS, () => this.#fail('UPSTREAM_UNREACHABLE', 'no key exchange in time'));
    const known = knownKey(context, parts.target);
    this.#transport = new Transport(
      {
        verify: (key): boolean => this.#verify(key),
        ...(known === null ? {} : { hostKeyAlgorithms: algorithmsFirst(known) }),
      },
      {
        write: (bytes): void => void parts.socket.write(bytes),
        secured: (): void => this.#secured(),
        payload: (payload): void => this.#payload(payload),
        signatureAlgorithms: (names): void => {
          this.#algorithms = names;
          this.#login?.learn(names);
        },
        ended: (why): void => this.#ended(why),
      },
    );
  }

  start(): void {
    const { socket, signal } = this.#parts;
    socket.on('data', (chunk: Buffer) => {
      this.#owner?.received();
      this.#transport.receive(chunk);
    });
    socket.on('error', () => undefined);
    socket.on('end', () => this.#ended('the upstream closed the connection'));
    socket.on('close', () => this.#ended('the upstream closed the connection'));
    signal.addEventListener('abort', this.#stop, { once: true });
    if (signal.aborted) {
      this.#stop();
      return;
    }
    this.#transport.start();
  }

  /** Before the exchange is finished: nothing is proved to a stranger (SH-34). */
  #verify(key: Buffer): boolean {
    this.#hostKey = key;
    try {
      this.#refusedKey = checkHostKey(this.#context, this.#parts, key);
    } catch (error) {
      this.#refusedKey = messageOf(error);
    }
    return this.#refusedKey === null;
  }

  #secured(): void {
    const { clock } = this.#context;
    this.#timer.cancel();
    this.#timer = clock.after(LOGIN_MS, () => this.#fail('UPSTREAM_AUTH', 'the login took too long'));
    try {
      this.#keepHostKey();
    } catch (error) {
      this.#fail('UPSTREAM_UNREACHABLE', messageOf(error));
      return;
    }
    this.#login = new UpstreamLogin(this.#parts.proof, this.#transport.sessionId);
    if (this.#algorithms !== null) {
      this.#login.learn(this.#algorithms);
    }
    this.#run(this.#login.start());
  }

  /** The key has signed the exchange: it is the upstream's own. */
  #keepHostKey(): void {
    const { target } = this.#parts;
    const key = this.#hostKey;
    if (
      key !== null &&
      knownKey(this.#context, target) === null &&
      pinnedKeys(this.#context, this.#parts).length === 0
    ) {
      this.#context.keys.keepUpstreamKey(nameOf(target), publicKeyText(key));
      this.#context.noticed('host-key-kept', `${nameOf(target)} was seen for the first time, with ${fingerprint(key)}`);
    }
  }

  #payload(payload: Buffer): void {
    if (this.#owner !== null) {
      this.#owner.payload(payload);
    } else if (this.#login === null) {
      this.#fail('UPSTREAM_UNREACHABLE', 'a message before the login');
    } else {
      this.#run(this.#login.handle(payload));
    }
  }

  #run(steps: readonly UpstreamStep[]): void {
    for (const step of steps) {
      switch (step.kind) {
        case 'send':
          this.#transport.send(step.payload);
          break;
        case 'banner':
          this.#banners.push(step.text);
          break;
        case 'sign':
          void this.#sign(step);
          break;
        case 'failed':
          this.#fail('UPSTREAM_AUTH', step.why);
          break;
        case 'done':
          this.#finish();
      }
    }
  }

  async #sign({ identity, algorithm, data }: Extract<UpstreamStep, { readonly kind: 'sign' }>): Promise<void> {
    let signature: Buffer | null = null;
    try {
      signature = await identity.sign(algorithm, data);
    } catch {
      // A key that cannot sign is one that was refused.
    }
    if (!this.#done && this.#login !== null) {
      this.#run(this.#login.signed(signature));
    }
  }

  #finish(): void {
    this.#close();
    this.#settled.resolve({
      transport: this.#transport,
      socket: this.#parts.socket,
      banners: this.#banners,
      attach: (owner) => {
        this.#owner = owner;
      },
    });
  }

  #ended(why: string): void {
    if (this.#owner !== null) {
      this.#owner.ended(why);
    } else if (this.#refusedKey === null) {
      this.#fail(this.#login === null ? 'UPSTREAM_UNREACHABLE' : 'UPSTREAM_AUTH', why);
    } else {
      this.#fail('UPSTREAM_UNREACHABLE', this.#refusedKey);
    }
  }

  #fail(code: 'UPSTREAM_UNREACHABLE' | 'UPSTREAM_AUTH', why: string): void {
    if (this.#done) {
      return;
    }
    this.#close();
    this.#transport.disconnect(DISCONNECT.byApplication, '');
    this.#parts.socket.destroy();
    this.#settled.reject(new GatewayError(code, 'upstream', `${nameOf(this.#parts.target)}: ${why}`));
  }

  #close(): void {
    this.#done = true;
    this.#timer.cancel();
    this.#parts.signal.removeEventListener('abort', this.#stop);
  }
}

/** How an upstream is called among kept keys. */
function nameOf({ host, port }: DialTarget): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function knownKey(context: ConnectContext, target: DialTarget): Buffer | null {
  const kept = context.keys.findUpstreamKey(nameOf(target));
  return kept === null ? null : parsePublicKey(kept);
}

/** `host_key` of the endpoint and `host_pubkey` of the credential. */
function pinnedKeys(context: ConnectContext, { credential }: UpstreamOptions): readonly string[] {
  const { host_key: written } = context.config().attributes;
  const own = credential?.secrets.get('host_pubkey');
  return [
    ...(Array.isArray(written) ? written : []).filter((text) => typeof text === 'string'),
    ...(own === undefined ? [] : [own.reveal()]),
  ];
}

/** Why that key is not taken, or null. A changed key is an alarm: somebody should hear of it. */
function checkHostKey(context: ConnectContext, options: UpstreamOptions, key: Buffer): string | null {
  const pinned = pinnedKeys(context, options);
  const shown = fingerprint(key);
  if (pinned.length > 0) {
    if (matchesHostKey(key, pinned)) {
      return null;
    }
    context.noticed('host-key-refused', `${nameOf(options.target)} shows ${shown}, which is none of its pinned keys`);
    return `its host key ${shown} is none of those that are configured`;
  }
  const kept = knownKey(context, options.target);
  if (kept === null || kept.equals(key)) {
    return null;
  }
  const was = fingerprint(kept);
  context.noticed('host-key-changed', `${nameOf(options.target)} shows ${shown}, and was known by ${was}`);
  return `its host key has changed from ${was} to ${shown}; write host_key on the endpoint if that is meant`;
}

/** Algorithms of the known key's type first: an upstream with several keys is to show the one that is known. */
function algorithmsFirst(known: Buffer): readonly string[] {
  const own = signatureAlgorithms(keyTypeOf(known));
  const all = [
    'ssh-ed25519',
    'ecdsa-sha2-nistp256',
    'ecdsa-sha2-nistp384',
    'ecdsa-sha2-nistp521',
    'rsa-sha2-512',
    'rsa-sha2-256',
  ];
  return [...own, ...all.filter((name) => !own.includes(name))];
}

/** What the credential can prove. Rejects with GatewayError SECRET_MISSING. */
async function readProof({ user, credential }: UpstreamOptions): Promise<UpstreamProof> {
  if (credential === null || credential.type === 'passthrough') {
    return { user, identities: [], password: null };
  }
  const secret = (slot: string): string | null => reveal(credential.secrets.get(slot));
  const key = secret('private_key');
  const { agent_socket: agent } = credential.attributes;
  try {
    const identities = [
      ...(key === null ? [] : keyIdentities(key, secret('passphrase'), secret('certificate'))),
      ...(typeof agent === 'string' ? await agentIdentities(agent) : []),
    ];
    return { user, identities, password: secret('password') };
  } catch (error) {
    throw new GatewayError('SECRET_MISSING', 'operator', `${credential.ref}: ${messageOf(error)}`);
  }
}

function reveal(secret: Secret | undefined): string | null {
  return secret === undefined ? null : secret.reveal();
}

/** The key with its certificate, and the key alone. */
function keyIdentities(text: string, passphrase: string | null, certificate: string | null): readonly Identity[] {
  const key = parsePrivateKey(text, passphrase);
  const plain: Identity = {
    blob: key.getPublicSSH(),
    sign: (algorithm, data) => Promise.resolve(signWith(key, algorithm, data)),
  };
  if (certificate === null) {
    return [plain];
  }
  const blob = parsePublicKey(certificate);
  if (blob === null) {
    throw new Error('the certificate cannot be read');
  }
  const certified: Identity = {
    blob,
    // The signature names the plain algorithm; only the request names the certificate's (PROTOCOL.certkeys of OpenSSH).
    sign: (algorithm, data) => Promise.resolve(signWith(key, algorithm.replace(/-cert-v01@openssh\.com$/, ''), data)),
  };
  return [certified, plain];
}

/** Which hash an RSA key signs with. */
interface SignRequest {
  hash?: 'sha256' | 'sha512';
}

/** The keys of an agent program, by its socket. */
async function agentIdentities(path: string): Promise<readonly Identity[]> {
  const agent = new ssh2.OpenSSHAgent(path);
  const keys = await answered<readonly Buffer[]>((done) => {
    agent.getIdentities((error, found) => {
      const blobs = (found ?? []).flatMap((key): Buffer[] => {
        const given = typeof key === 'object' && 'pubKey' in key ? key.pubKey : key;
        const parsed = typeof given === 'object' && 'pubKey' in given ? null : ssh2.utils.parseKey(given);
        return parsed === null || parsed instanceof Error ? [] : [parsed.getPublicSSH()];
      });
      done(error ?? null, blobs);
    });
  });
  return keys.map((blob) => ({
    blob,
    sign: async (algorithm, data): Promise<Buffer> => {
      const hash = hashOf(algorithm);
      const value = await answered<Buffer>((done) => {
        const sign: SignRequest = hash === 'sha256' || hash === 'sha512' ? { hash } : {};
        agent.sign(blob, data, sign, (error, made) => done(error ?? null, made));
      });
      return writeFields([{ string: algorithm }, { string: value }]);
    },
  }));
}

function answered<T>(ask: (done: (error: Error | null, value: T | undefined) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('the agent socket does not answer')), AGENT_MS);
    ask((error, value) => {
      clearTimeout(late);
      if (error !== null || value === undefined) {
        reject(new Error(`the agent socket: ${error === null ? 'no answer' : messageOf(error)}`));
      } else {
        resolve(value);
      }
    });
  });
}
