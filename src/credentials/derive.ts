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
import type { SecretSources } from './sources.ts';

type Slots = ReadonlyMap<string, Secret>;

export interface Deriver {
  /** All slots. Rejects with GatewayError SECRET_MISSING when what is needed cannot be made. */
  derive(credential: CredentialConfig, secrets: Slots): Promise<Slots>;
  /** After a reload: everything is made anew. */
  forget(): void;
}

export interface DeriverParts {
  readonly clock: Clock;
  readonly env: () => Readonly<Record<string, string | undefined>>;
  readonly post: PostForm;
}

/** Creates a deriver. What it makes is kept by credential and value of its secret: no profile is shown another's, and a changed key counts at once. */
export function createDeriver({ clock, env, post }: DeriverParts): Deriver {
  const kept = createRenewing<Slots>(clock);

  async function deriveGoogle(credential: CredentialConfig, secrets: Slots): Promise<Slots> {
    const key = secrets.get('sa_key');
    if (key === undefined) {
      return secrets;
    }
    const made = await kept.get(keyOf(credential, key), async () => {
      const { value, lifeMs } = await mintGoogleToken(key, { clock, post });
      return { value: new Map([['access_token', value]]), lifeMs };
    });
    return new Map([...secrets, ...made]);
  }

  async function deriveKubeconfig(credential: CredentialConfig, secrets: Slots): Promise<Slots> {
    const { context, in_cluster: inCluster } = credential.attributes;
    const text = inCluster === true ? null : (secrets.get('') ?? null);
    if (text === null && inCluster !== true) {
      throw new Error('it has no kubeconfig; write a secret block, or in_cluster = true');
    }
    return kept.get(keyOf(credential, text), () =>
      readKubeconfig(
        { text, context: typeof context === 'string' && context !== '' ? context : null },
        { clock, env: env() },
      ),
    );
  }

  return {
    async derive(credential, secrets) {
      try {
        switch (credential.type) {
          case 'google_gke_credential':
            return await deriveGoogle(credential, secrets);
          case 'kubeconfig_credential':
            return await deriveKubeconfig(credential, secrets);
          default:
            return secrets;
        }
      } catch (error) {
        const what = credential.type === 'google_gke_credential' ? 'an access token' : 'what the kubeconfig holds';
        throw new GatewayError(
          'SECRET_MISSING',
          'operator',
          `cannot get ${what} for ${credential.ref}: ${messageOf(error)}`,
          {
            cause: error,
          },
        );
      }
    },
    forget: () => kept.forget(),
  };
}

/** Sources whose values have been through a deriver. */
export function deriveFrom(sources: SecretSources, deriver: Deriver): SecretSources {
  return {
    read: async (credential) => deriver.derive(credential, await sources.read(credential)),
    forget() {
      sources.forget();
      deriver.forget();
    },
  };
}

function keyOf(credential: CredentialConfig, secret: Secret | null): string {
  const value = secret === null ? '' : createHash('sha256').update(secret.reveal()).digest('hex');
  return JSON.stringify([credential.ref, credential.attributes, value]);
}
