// Which credential an agent's connection gets: the profile's at that endpoint, told apart by what the client said (config reference 1.4).
import type { Config, CredentialConfig, Ref } from '../config/config.ts';
import type { CandidateCredential, DispatchedCredential, DispatchHints, Hints } from '../protocols/protocol.ts';
import { GatewayError } from '../lib/errors.ts';
import type { SecretSources } from './sources.ts';

/** What of the configuration says who may wield what. */
export type DispatchConfig = Pick<Config, 'profiles' | 'credentials'>;

export type Choice =
  | { readonly kind: 'credential'; readonly credential: CredentialConfig }
  /** The profile has no credential at this endpoint. */
  | { readonly kind: 'none' }
  /** It has several, and what the client said fits none of them. */
  | { readonly kind: 'no-match'; readonly asked: readonly string[] };

/** Chooses without looking at any secret. A lone credential is used whatever the client said; among several most constraints win. */
export function chooseCredential(
  config: DispatchConfig,
  profile: string,
  at: { readonly endpoint: Ref; readonly hints: DispatchHints },
): Choice {
  const byRef = new Map(config.credentials.map((credential) => [credential.ref, credential]));
  const entries = config.profiles.find(({ name }) => name === profile)?.credentials ?? [];
  const candidates = entries.flatMap(({ credential: ref, constraints }) => {
    const credential = byRef.get(ref);
    return credential !== undefined && credential.endpoints.includes(at.endpoint) ? [{ credential, constraints }] : [];
  });
  const [first] = candidates;
  if (first === undefined) {
    return { kind: 'none' };
  }
  if (candidates.length === 1) {
    return { kind: 'credential', credential: first.credential };
  }
  const fitting = candidates
    .map((candidate) => ({ ...candidate, wanted: Object.entries(candidate.constraints) }))
    .filter(({ credential, wanted }) => {
      const said = saidFor(credential, at.hints);
      return wanted.every(([name, value]) => Object.hasOwn(said, name) && said[name] === value);
    })
    .toSorted((a, b) => b.wanted.length - a.wanted.length);
  const [best, second] = fitting;
  // Two that fit equally well are refused at load; should one come through, none is picked for being first.
  if (best === undefined || second?.wanted.length === best.wanted.length) {
    const asked = new Set(candidates.flatMap(({ constraints }) => Object.keys(constraints)));
    return { kind: 'no-match', asked: [...asked].toSorted() };
  }
  return { kind: 'credential', credential: best.credential };
}

function saidFor({ type, attributes }: CandidateCredential, hints: DispatchHints): Hints {
  return typeof hints === 'function' ? hints({ type, attributes }) : hints;
}

/** Every placeholder of a configuration, each once: those of credentials and those that profiles write in their place. */
export function placeholdersOf(config: DispatchConfig): readonly string[] {
  const own = config.credentials.map(({ placeholder }) => placeholder);
  const written = config.profiles.flatMap(({ credentials }) =>
    credentials.map(({ constraints }) => constraints['placeholder'] ?? null),
  );
  return [...new Set([...own, ...written])].filter((text): text is string => text !== null && text !== '');
}

/** Hands out credentials with their values. */
export interface Dispatcher {
  /**
   * The credential for a connection of that profile to that endpoint; null when none is configured. Rejects with GatewayError
   * SECRET_MISSING when its value cannot be had, or when several exist and the client named none of them.
   */
  dispatch(profile: string, endpoint: Ref, hints: DispatchHints): Promise<DispatchedCredential | null>;
}

export interface DispatcherParts {
  /** The configuration in force. */
  readonly config: () => DispatchConfig;
  readonly sources: SecretSources;
}

/** Creates a dispatcher. It keeps nothing: a reload and a changed secret count from the next connection on. */
export function createDispatcher({ config, sources }: DispatcherParts): Dispatcher {
  return {
    async dispatch(profile, endpoint, hints) {
      const choice = chooseCredential(config(), profile, { endpoint, hints });
      switch (choice.kind) {
        case 'none':
          return null;
        case 'no-match':
          throw new GatewayError(
            'SECRET_MISSING',
            'client',
            `profile ${profile} has several credentials at ${endpoint}, and the client's ${choice.asked.join(' and ')} fits none of them`,
          );
        case 'credential':
          return describe(choice.credential, await sources.read(choice.credential), sources);
      }
    },
  };
}

function describe(
  credential: CredentialConfig,
  secrets: DispatchedCredential['secrets'],
  sources: SecretSources,
): DispatchedCredential {
  const { ref, type, attributes } = credential;
  const plain = { ref, type, attributes, secrets };
  if (!MADE.includes(type)) {
    return plain;
  }
  const renew = async (): Promise<DispatchedCredential> =>
    describe(credential, (await sources.renew?.(credential)) ?? secrets, sources);
  return { ...plain, renew };
}

/** Types whose values are made, and may be refused before their time. */
const MADE: readonly string[] = ['google_gke_credential', 'kubeconfig_credential'];
