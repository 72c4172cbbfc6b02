// The configuration as those see it who see some profiles only: what these profiles reach, the rules that judge them, and who is asked by those
// rules. Pure.
import type { ApproverConfig, Config, EndpointConfig, Ref, RuleConfig, RuleOutcome } from '../config/config.ts';

const made = new WeakMap<Config, Map<string, Config>>();

/** The same object for the same configuration and profiles: what is worked out of it is kept by it. */
export function narrowConfig(config: Config, profiles: readonly string[]): Config {
  const known = made.get(config) ?? new Map<string, Config>();
  made.set(config, known);
  const key = JSON.stringify(profiles);
  const narrow = known.get(key) ?? narrowed(config, profiles);
  known.set(key, narrow);
  return narrow;
}

/** Names under which the store may have secrets that these credentials read. */
export function storedNames({ credentials }: Pick<Config, 'credentials'>): ReadonlySet<string> {
  return new Set(
    credentials.flatMap(({ name, secrets }) => [
      name,
      ...Object.values(secrets).flatMap((source) => (source.kind === 'store' ? [source.name] : [])),
    ]),
  );
}

/** `context` blocks of the profiles. */
export function sourcesOf({ profiles }: Pick<Config, 'profiles'>): readonly Ref[] {
  return [...new Set(profiles.flatMap(({ context }) => context ?? []))];
}

function narrowed(config: Config, names: readonly string[]): Config {
  const { gateway } = config;
  const profiles = config.profiles.filter(({ name }) => names.includes(name));
  const wielded = new Set(profiles.flatMap((profile) => profile.credentials.map(({ credential }) => credential)));
  const credentials = config.credentials.filter(({ ref }) => wielded.has(ref));
  const reached = new Set(credentials.flatMap((credential) => credential.endpoints));
  const own = (profile: string | null): boolean => profile !== null && names.includes(profile);
  const endpoints = config.endpoints
    .filter(({ ref, profile }) => reached.has(ref) || own(profile))
    // A listener of another profile leads to it too.
    .map((endpoint): EndpointConfig =>
      own(endpoint.profile) ? endpoint : { ...endpoint, listen: null, profile: null },
    );
  const refs = new Set(endpoints.map(({ ref }) => ref));
  const rules = narrowRules(config.rules, refs, wielded);
  const asked = [...rules, ...Object.values(config.risks)].flatMap(({ outcome }) => askedBy(outcome));
  const contexts = new Set(sourcesOf({ profiles }));
  return {
    ...config,
    files: [],
    gateway: { ...gateway, proxy: own(gateway.proxy?.profile ?? null) ? gateway.proxy : null },
    profiles,
    credentials: credentials.map((one) => ({ ...one, endpoints: one.endpoints.filter((ref) => refs.has(ref)) })),
    endpoints,
    rules,
    approvers: reachedBy(asked, config.approvers),
    tunnels: [],
    notifiers: [],
    contexts: config.contexts.filter(({ ref }) => contexts.has(ref)),
  };
}

/** Rules for what the profiles reach, with a credential that is theirs, and without the names of what they do not reach. */
function narrowRules(
  rules: readonly RuleConfig[],
  endpoints: ReadonlySet<Ref>,
  credentials: ReadonlySet<Ref>,
): readonly RuleConfig[] {
  return rules
    .filter(({ credential }) => credential === null || credentials.has(credential))
    .map((rule) => ({ ...rule, endpoints: rule.endpoints.filter((ref) => endpoints.has(ref)) }))
    .filter((rule) => rule.endpoints.length > 0);
}

function askedBy(outcome: RuleOutcome): readonly Ref[] {
  return outcome.kind === 'approve' ? outcome.approvers : [];
}

/** Those who are asked, and whom they hand on to. */
function reachedBy(asked: readonly Ref[], approvers: readonly ApproverConfig[]): readonly ApproverConfig[] {
  const found = new Set<ApproverConfig>();
  const next = [...asked];
  for (let ref = next.pop(); ref !== undefined; ref = next.pop()) {
    const approver = approvers.find((one) => one.ref === ref);
    if (approver !== undefined && !found.has(approver)) {
      found.add(approver);
      next.push(...(approver.escalateTo === null ? [] : [approver.escalateTo]));
    }
  }
  return approvers.filter((approver) => found.has(approver));
}
