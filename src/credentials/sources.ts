// Where a credential's value comes from: environment, file, command, encrypted store, or the default chain (config reference 2.6).
// A value leaves this file only as a Secret; no message here holds one.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { CredentialConfig, SecretSource } from '../config/config.ts';
import { secretVariable } from '../config/names.ts';
import type { Clock } from '../lib/clock.ts';
import { GatewayError, messageOf } from '../lib/errors.ts';
import { Secret } from '../lib/secret.ts';
import { runForSecret } from './command.ts';
import { labelOf, MAX_SECRET_BYTES, type SecretStore } from './store.ts';

export interface SecretSources {
  /** Every slot's value; an optional slot without one is left out. Rejects with GatewayError SECRET_MISSING. */
  read(credential: CredentialConfig): Promise<ReadonlyMap<string, Secret>>;
  /** Reads anew what was made of the configured values (an access token); null where they are used as they are. */
  renew?(credential: CredentialConfig): Promise<ReadonlyMap<string, Secret>> | null;
  /** After a reload: the environment and what commands said are looked at anew. */
  forget(): void;
}

/** The sources as configured, without what is made of them. */
export interface ConfiguredSources extends SecretSources {
  /** Why a credential that has to have a value has none, with what to do; null where it has one. Runs no commands. */
  findMissing(credential: CredentialConfig): Promise<string | null>;
}

export interface SecretSourcesParts {
  readonly clock: Clock;
  readonly env: () => Readonly<Record<string, string | undefined>>;
  readonly store: SecretStore;
  /** A finding that does not stop anything, told once. */
  readonly warn: (message: string) => void;
}

type CommandSource = Extract<SecretSource, { readonly kind: 'command' }>;

interface Kept {
  readonly value: Promise<Secret>;
  /** Monotonic; null while the command runs. */
  untilMs: number | null;
}

/** Creates the sources. */
export function createSecretSources(parts: SecretSourcesParts): ConfiguredSources {
  return new Sources(parts);
}

class Sources implements ConfiguredSources {
  readonly #parts: SecretSourcesParts;
  /** What commands said, by credential, slot and command; also what makes each run one at a time. */
  readonly #kept = new Map<string, Kept>();
  readonly #warned = new Set<string>();
  #env: Readonly<Record<string, string | undefined>>;

  constructor(parts: SecretSourcesParts) {
    this.#parts = parts;
    this.#env = { ...parts.env() };
  }

  async read(credential: CredentialConfig): Promise<ReadonlyMap<string, Secret>> {
    const values = new Map<string, Secret>();
    for (const { name: slot, required } of credential.slots) {
      const source = Object.hasOwn(credential.secrets, slot) ? credential.secrets[slot] : undefined;
      const value =
        source === undefined
          ? await this.#readDefault(credential, slot)
          : await this.#readSource(source, credential, slot);
      if (value !== null) {
        values.set(slot, value);
      } else if (required) {
        throw missing(credential, slot, this.#adviceFor(credential, slot));
      }
    }
    return values;
  }

  async findMissing(credential: CredentialConfig): Promise<string | null> {
    const slots = credential.slots.filter(({ name }) => credential.secrets[name]?.kind !== 'command');
    try {
      await this.read({ ...credential, slots });
      return null;
    } catch (error) {
      return messageOf(error);
    }
  }

  forget(): void {
    this.#env = { ...this.#parts.env() };
    this.#kept.clear();
  }

  async #readSource(source: SecretSource, credential: CredentialConfig, slot: string): Promise<Secret | null> {
    switch (source.kind) {
      case 'env':
        return this.#readVariable(source.variable, credential, slot);
      case 'file':
        return this.#readFile(source.path, credential, slot);
      case 'command':
        return this.#readCommand(source, credential, slot);
      case 'store': {
        const value = this.#parts.store.find(source.name, '');
        if (value === null) {
          throw missing(
            credential,
            slot,
            `nothing is stored under ${source.name}; run: clawpatrol secrets set ${source.name}`,
          );
        }
        return value;
      }
    }
  }

  /** The store answers for all slots together as soon as it has one of them, so that two sources never mix. */
  async #readDefault(credential: CredentialConfig, slot: string): Promise<Secret | null> {
    const { store } = this.#parts;
    if (store.has(credential.name)) {
      return store.find(credential.name, slot);
    }
    const variable = secretVariable(credential.name, slot);
    const written = this.#env[variable];
    return written === undefined || written === '' ? null : this.#readVariable(variable, credential, slot);
  }

  #adviceFor(credential: CredentialConfig, slot: string): string {
    if (this.#parts.store.has(credential.name)) {
      return `the store has other slots of it, but not this one; run: clawpatrol secrets set ${credential.name} ${slot}`.trim();
    }
    const set = `clawpatrol secrets set ${credential.name} ${slot}`.trim();
    return `run: ${set}, or set ${secretVariable(credential.name, slot)}, or write a secret block`;
  }

  async #readVariable(variable: string, credential: CredentialConfig, slot: string): Promise<Secret> {
    const written = this.#env[variable];
    if (written === undefined || written === '') {
      throw missing(credential, slot, `the variable ${variable} is not set; set it where the gateway starts`);
    }
    if (written.startsWith('@')) {
      return this.#readFile(written.slice(1), credential, slot);
    }
    return checked(Buffer.from(written, 'utf8'), credential, slot, `the variable ${variable}`);
  }

  /** Read whenever it is needed: a changed file counts at once, whatever its times say. */
  async #readFile(path: string, credential: CredentialConfig, slot: string): Promise<Secret> {
    let bytes: Buffer;
    try {
      bytes = await this.#readBytes(path);
    } catch (error) {
      throw missing(credential, slot, `cannot read ${path}: ${messageOf(error)}`);
    }
    return checked(withoutNewline(bytes), credential, slot, `the file ${path}`);
  }

  async #readBytes(path: string): Promise<Buffer> {
    // Not blocking: opening a pipe without a writer would wait for one.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = await file.stat();
      if (!stat.isFile()) {
        throw new Error('it is not a regular file');
      }
      if ((stat.mode & 0o044) !== 0) {
        this.#warnOnce(`${path} holds a secret and others may read it; run: chmod 600 ${path}`);
      }
      // Two for a newline, one to see that there is more than may be.
      const bytes = Buffer.alloc(MAX_SECRET_BYTES + 3);
      let sizeBytes = 0;
      for (;;) {
        const { bytesRead } = await file.read(bytes, sizeBytes, bytes.length - sizeBytes, sizeBytes);
        if (bytesRead === 0) {
          return bytes.subarray(0, sizeBytes);
        }
        sizeBytes += bytesRead;
      }
    } finally {
      await file.close();
    }
  }

  async #readCommand(source: CommandSource, credential: CredentialConfig, slot: string): Promise<Secret> {
    const { clock } = this.#parts;
    const key = JSON.stringify([credential.ref, slot, source.argv, source.passEnv]);
    const kept = this.#kept.get(key);
    if (kept !== undefined && (kept.untilMs === null || clock.monotonicMs() < kept.untilMs)) {
      return kept.value;
    }
    const fresh: Kept = { value: this.#runCommand(source, credential, slot), untilMs: null };
    this.#kept.set(key, fresh);
    try {
      const value = await fresh.value;
      fresh.untilMs = clock.monotonicMs() + source.ttlMs;
      return value;
    } catch (error) {
      // The old value is gone too: after its time a failed renewal refuses, it never serves a stale one.
      if (this.#kept.get(key) === fresh) {
        this.#kept.delete(key);
      }
      throw error;
    }
  }

  async #runCommand(source: CommandSource, credential: CredentialConfig, slot: string): Promise<Secret> {
    const result = await runForSecret(source, {
      env: this.#env,
      clock: this.#parts.clock,
      maxBytes: MAX_SECRET_BYTES + 2,
    });
    const name = `the command ${source.argv[0] ?? ''}`;
    if (result.kind === 'failed') {
      throw missing(credential, slot, `${name} ${result.why}`);
    }
    return checked(withoutNewline(result.output), credential, slot, `the output of ${name}`);
  }

  #warnOnce(message: string): void {
    if (!this.#warned.has(message)) {
      this.#warned.add(message);
      this.#parts.warn(message);
    }
  }
}

function withoutNewline(bytes: Buffer): Buffer {
  const end = bytes.at(-1) === 0x0a ? bytes.length - 1 : bytes.length;
  return bytes.subarray(0, end < bytes.length && bytes[end - 1] === 0x0d ? end - 1 : end);
}

function checked(bytes: Buffer, credential: CredentialConfig, slot: string, where: string): Secret {
  if (bytes.length === 0) {
    throw missing(credential, slot, `${where} is empty`);
  }
  if (bytes.length > MAX_SECRET_BYTES) {
    throw missing(credential, slot, `${where} is longer than 64 KiB`);
  }
  const text = bytes.toString('utf8');
  if (!Buffer.from(text, 'utf8').equals(bytes)) {
    throw missing(credential, slot, `${where} is not UTF-8 text`);
  }
  return new Secret(text);
}

function missing(credential: CredentialConfig, slot: string, why: string): GatewayError {
  return new GatewayError('SECRET_MISSING', 'operator', `no secret for ${labelOf(credential.ref, slot)}: ${why}`);
}
