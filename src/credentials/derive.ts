// Credentials whose configured value is not what an upstream is shown: a key is exchanged for an access token, a kubeconfig is read. What is
// made stands under slots of its own (`access_token`, `cert`, `key`, `ca`, …) beside the configured ones.
import { createHash } from 'node:crypto';
import type { CredentialConfig } from '../config/config.ts';
import type { Clock } from '../lib/clock.ts';
import { GatewayError, messageOf } from '../lib/errors.ts';
import type { Secret } from '../lib/secret.ts';
import { mintGoogleToken } from './google-token.ts';
import { readKubeconfig } from './kubeconfig.ts';
import type { PostForm } from './post-form.ts';
import { createRenewing } from './renewing.ts';
import type { Renewing } from './renewing.ts';
import type { SecretSources } from './sources.ts';

type Slots = ReadonlyMap<string, Secret>;

export interface Deriver {
  /** All slots. Rejects with GatewayError SECRET_MISSING when what is needed cannot be made. */
  derive(credential: CredentialConfig, secrets: Slots): Promise<Slots>;
  /** What was made for that credential is not served again. At most once in half a minute: an upstream that refuses everything costs little. */
  drop(credential: CredentialConfig): void;
  /** After a reload: everything is made anew. */
  forget(): void;
}

export interface DeriverParts {
  readonly clock: Clock;
  readonly env: () => Readonly<Record<string, string | undefined>>;
  readonly post: PostForm;
}

/** Creates a deriver. What it makes is kept by credential and value of its secret: no profile is shown another's, and a changed key counts at once. */
export function createDeriver(parts: DeriverParts): Deriver {
  return new KeepingDeriver(parts);
}

const MIN_DROP_MS = 30_000;

class KeepingDeriver implements Deriver {
  readonly #parts: DeriverParts;
  readonly #kept: Renewing<Slots>;
  /** How often what was made for a credential was dropped: part of the key under which it is kept. */
  readonly #drops = new Map<string, { readonly count: number; readonly atMs: number }>();

  constructor(parts: DeriverParts) {
    this.#parts = parts;
    this.#kept = createRenewing<Slots>(parts.clock);
  }

  async derive(credential: CredentialConfig, secrets: Slots): Promise<Slots> {
    try {
      switch (credential.type) {
        case 'google_gke_credential':
          return await this.#deriveGoogle(credential, secrets);
        case 'kubeconfig_credential':
          return await this.#deriveKubeconfig(credential, secrets);
        default:
          return secrets;
      }
    } catch (error) {
      const what = credential.type === 'google_gke_credential' ? 'an access token' : 'what the kubeconfig holds';
      const message = `cannot get ${what} for ${credential.ref}: ${messageOf(error)}`;
      throw new GatewayError('SECRET_MISSING', 'operator', message, { cause: error });
    }
  }

  drop({ ref }: CredentialConfig): void {
    const last = this.#drops.get(ref);
    const nowMs = this.#parts.clock.monotonicMs();
    if (last === undefined || nowMs - last.atMs >= MIN_DROP_MS) {
      this.#drops.set(ref, { count: (last?.count ?? 0) + 1, atMs: nowMs });
    }
  }

  forget(): void {
    this.#kept.forget();
    this.#drops.clear();
  }

  async #deriveGoogle(credential: CredentialConfig, secrets: Slots): Promise<Slots> {
    const key = secrets.get('sa_key');
    if (key === undefined) {
      return secrets;
    }
    const made = await this.#kept.get(this.#keyOf(credential, key), async () => {
      const { value, lifeMs } = await mintGoogleToken(key, this.#parts);
      return { value: new Map([['access_token', value]]), lifeMs };
    });
    return new Map([...secrets, ...made]);
  }

  async #deriveKubeconfig(credential: CredentialConfig, secrets: Slots): Promise<Slots> {
    const { context: named, in_cluster: inCluster } = credential.attributes;
    const text = inCluster === true ? null : (secrets.get('') ?? null);
    if (text === null && inCluster !== true) {
      throw new Error('it has no kubeconfig; write a secret block, or in_cluster = true');
    }
    const { clock, env } = this.#parts;
    const context = typeof named === 'string' && named !== '' ? named : null;
    return this.#kept.get(this.#keyOf(credential, text), () =>
      readKubeconfig({ text, context }, { clock, env: env() }),
    );
  }

  #keyOf({ ref, attributes }: CredentialConfig, secret: Secret | null): string {
    const value = secret === null ? '' : createHash('sha256').update(secret.reveal()).digest('hex');
    return JSON.stringify([ref, attributes, value, this.#drops.get(ref)?.count ?? 0]);
  }
}

/** Sources whose values have been through a deriver. */
export function deriveFrom(sources: SecretSources, deriver: Deriver): SecretSources {
  return {
    read: async (credential) => deriver.derive(credential, await sources.read(credential)),
    renew(credential) {
      deriver.drop(credential);
      return this.read(credential);
    },
    forget() {
      sources.forget();
      deriver.forget();
    },
  };
}
