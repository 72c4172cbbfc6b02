// Judges an action that was described by hand, with the live path's own analysis and rules and without any I/O:
// what `clawpatrol test` and `clawpatrol explain` are made of.
import { NO_ALERT } from '../../rules/common-facts.ts';
import type { Config, CredentialConfig, EndpointConfig, HostPattern, Ref } from '../../config/config.ts';
import { GatewayError } from '../../lib/errors.ts';
import { asciiLower, orKnown } from '../../lib/text.ts';
import type { ActionSample, AnalysedSample, Protocol } from '../../protocols/protocol.ts';
import { RISKS, Unknown } from '../../rules/action.ts';
import type { Action, Agent, Facts, FactValue, Risk, Unit } from '../../rules/action.ts';
import type { CommonFacts, Decision, Policy, RuleTrace } from '../../rules/decision.ts';
import { BadSample } from './sample.ts';
import type { HandAction } from './sample.ts';

export interface OfflineParts {
  readonly config: Config;
  readonly policy: Policy;
  readonly protocols: ReadonlyMap<string, Protocol>;
  /** Who asks, and what is known at this moment, where a running gateway asks; left out: nobody, and nothing that was not described. */
  readonly asked?: { readonly agent: Agent; readonly common: CommonFacts };
}

/** The rules' word on one unit of the action. */
export interface UnitJudgement {
  readonly unit: Unit;
  readonly decision: Decision;
}

/** An action that an endpoint claims, and what is decided about it. */
export interface Judged {
  readonly kind: 'judged';
  readonly endpoint: EndpointConfig;
  /** "" when several profiles reach the endpoint, or none, and none was named. */
  readonly profile: string;
  readonly credential: Ref | null;
  readonly action: Action;
  readonly decision: Decision;
  /** How it came to that, and of each unit alone; empty where a running gateway asks. */
  readonly trace: readonly RuleTrace[];
  readonly units: readonly UnitJudgement[];
}

/** A host that no endpoint claims: `defaults.unknown_host` decides. */
export interface Unclaimed {
  readonly kind: 'unclaimed';
  readonly host: string;
  readonly verdict: 'deny' | 'passthrough';
  readonly reason: string;
}

/** Judges a described action. Rejects with BadSample when it cannot be judged. */
export async function judgeOffline(parts: OfflineParts, hand: HandAction): Promise<Judged | Unclaimed> {
  const { config } = parts;
  const profile = findProfile(config, hand);
  const endpoint = findEndpoint(config, hand, profile);
  if (endpoint === null) {
    const verdict = config.defaults.unknownHost;
    const host = hand.host ?? '';
    return { kind: 'unclaimed', host, verdict, reason: `no endpoint claims ${host}; unknown_host is ${verdict}` };
  }
  if (endpoint.family !== hand.family) {
    throw new BadSample(
      `${endpoint.ref} takes ${endpoint.family} actions, and this is a ${hand.family} action`,
      'family-mismatch',
    );
  }
  const reaching = profilesReaching(config, endpoint);
  if (profile !== null && !reaching.includes(profile)) {
    throw new BadSample(`profile ${profile} holds no credential of ${endpoint.ref}, so its agents cannot reach it`);
  }
  const acting = profile ?? (reaching.length === 1 ? (reaching[0] ?? '') : '');
  const credential = findCredential(config, endpoint, hand, acting);
  const units = agreeing(await analyse(parts, endpoint, { hand, credential }), hand);
  const agent = parts.asked?.agent ?? describeAgent(hand, acting);
  const action = makeAction({ endpoint, hand, agent, credential, analysed: units });
  const common = parts.asked?.common ?? commonFacts(hand, acting);
  const rules = parts.policy.ruleSet(endpoint.ref, acting, credential);
  // An agent is told the decision alone, and waits on the thread that serves all others.
  if (parts.asked !== undefined) {
    const decision = rules.decide(action, common);
    return { kind: 'judged', endpoint, profile: acting, credential, action, decision, trace: [], units: [] };
  }
  const { decision, trace } = rules.explain(action, common);
  return {
    kind: 'judged',
    endpoint,
    profile: acting,
    credential,
    action,
    decision,
    trace,
    units: action.units.map((unit) => ({
      unit,
      decision: rules.explain({ ...action, units: [unit], risk: unit.risk, memo: null }, common).decision,
    })),
  };
}

/** The profile that was named, or null. */
function findProfile(config: Config, hand: HandAction): string | null {
  if (hand.profile === null) {
    return null;
  }
  const name = hand.profile.replace(/^profile\./, '');
  if (!config.profiles.some((profile) => profile.name === name)) {
    throw new BadSample(
      `there is no profile "${name}"${orKnown(
        name,
        config.profiles.map((profile) => profile.name),
      )}`,
    );
  }
  return name;
}

/** The endpoint that is pinned, or that claims the host; null when none does. */
function findEndpoint(config: Config, hand: HandAction, profile: string | null): EndpointConfig | null {
  if (hand.endpoint !== null) {
    return pinnedEndpoint(config, hand.endpoint);
  }
  if (hand.host === null) {
    throw new BadSample(`name the endpoint or the host${orKnown('', ...endpointNames(config))}`);
  }
  const { host, port } = splitHost(hand.host);
  const reachable = config.endpoints.filter(
    (endpoint) => profile === null || profilesReaching(config, endpoint).includes(profile),
  );
  const claims = reachable
    .flatMap((endpoint) =>
      endpoint.hosts
        .filter((pattern) => claimsHost(pattern, host, port))
        .map((pattern) => ({ endpoint, strength: pattern.wildcard ? pattern.host.length : Number.POSITIVE_INFINITY })),
    )
    // A host without a port may be claimed on several ports, by several families: the action says which it is.
    .filter(({ endpoint }) => port !== null || endpoint.family === hand.family);
  const strongest = Math.max(...claims.map((claim) => claim.strength));
  const best = [...new Set(claims.filter((claim) => claim.strength === strongest).map((claim) => claim.endpoint))];
  if (best.length > 1) {
    const names = best.map((endpoint) => endpoint.ref).join(', ');
    throw new BadSample(
      `${hand.host} is claimed by ${names}: name one as the endpoint, or a profile that reaches only one`,
      'ambiguous-host',
    );
  }
  return best[0] ?? null;
}

function pinnedEndpoint(config: Config, name: string): EndpointConfig {
  const found = config.endpoints.find((endpoint) => endpoint.ref === name || endpoint.name === name);
  if (found === undefined) {
    throw new BadSample(`there is no endpoint "${name}"${orKnown(name, ...endpointNames(config))}`, 'unknown-endpoint');
  }
  return found;
}

/** Typed and bare. */
function endpointNames({ endpoints }: Config): readonly [readonly string[], readonly string[]] {
  return [endpoints.map(({ ref }) => ref), endpoints.map(({ name }) => name)];
}

/** Canonical host and port of `host`, `host:port`, `[v6]:port`; the port is null where none is written. */
function splitHost(text: string): { readonly host: string; readonly port: number | null } {
  const match = /^(\[[^\]]+\]|[^:]+)(?::(\d{1,5}))?$/.exec(text.trim());
  const host = asciiLower(match?.[1] ?? text.trim()).replace(/\.$/, '');
  return { host, port: match?.[2] === undefined ? null : Number(match[2]) };
}

/** As on the live path: exact names, and wildcards that cover any depth but not the bare suffix. */
function claimsHost(pattern: HostPattern, host: string, port: number | null): boolean {
  if (port !== null && pattern.port !== port) {
    return false;
  }
  return pattern.wildcard
    ? host.endsWith(pattern.host.slice(1)) && host !== pattern.host.slice(2)
    : pattern.host === host;
}

function profilesReaching(config: Config, endpoint: EndpointConfig): readonly string[] {
  const bound = new Set(credentialsOf(config, endpoint).map((credential) => credential.ref));
  return config.profiles
    .filter((profile) => profile.credentials.some((entry) => bound.has(entry.credential)))
    .map((profile) => profile.name);
}

function credentialsOf(config: Config, endpoint: EndpointConfig): readonly CredentialConfig[] {
  return config.credentials.filter((credential) => credential.endpoints.includes(endpoint.ref));
}

/** The named credential, else the only candidate, else null. */
function findCredential(config: Config, endpoint: EndpointConfig, hand: HandAction, profile: string): Ref | null {
  const bound = credentialsOf(config, endpoint);
  const held = config.profiles.find(({ name }) => name === profile)?.credentials.map((entry) => entry.credential);
  const candidates = bound.filter((credential) => held === undefined || held.includes(credential.ref));
  if (hand.credential !== null) {
    const named = bound.find(({ ref, name }) => ref === hand.credential || name === hand.credential);
    if (named === undefined) {
      // Agents ask too, and learn no other profile's credentials.
      const names = orKnown(
        hand.credential,
        candidates.map(({ ref }) => ref),
        candidates.map(({ name }) => name),
      );
      throw new BadSample(`no credential "${hand.credential}" is bound to ${endpoint.ref}${names}`);
    }
    return named.ref;
  }
  return candidates.length === 1 ? (candidates[0]?.ref ?? null) : null;
}

/** What the live code makes of it. */
async function analyse(
  { protocols, config }: OfflineParts,
  endpoint: EndpointConfig,
  { hand, credential }: { readonly hand: HandAction; readonly credential: Ref | null },
): Promise<AnalysedSample> {
  const protocol = protocols.get(endpoint.type);
  if (protocol === undefined) {
    throw new BadSample(
      `${endpoint.ref}: endpoints of type ${endpoint.type} are not served by this version, so their actions cannot be judged`,
      'not-served',
    );
  }
  if (hand.fields['search_path'] !== undefined && endpoint.type !== 'postgres') {
    throw new BadSample('leave out sql.search_path: only PostgreSQL has one');
  }
  const type = config.credentials.find(({ ref }) => ref === credential)?.type ?? 'passthrough';
  const sample: ActionSample = {
    family: hand.family,
    fields: hand.fields,
    truncated: hand.truncated,
    host: hand.host,
    hasCredential: type !== 'passthrough',
  };
  try {
    return await protocol.analyse(sample, endpoint);
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'CLIENT_PROTOCOL') {
      throw new BadSample(error.message);
    }
    throw error;
  }
}

/**
 * Facts that a fixture states must agree with the parser's (a test that invents facts proves nothing about the live path);
 * they stand in only for what the parser could not tell.
 */
function agreeing(analysed: AnalysedSample, hand: HandAction): AnalysedSample {
  if (hand.family !== 'sql') {
    return analysed;
  }
  const stated = new Map<string, FactValue>();
  const { verb, tables, functions } = hand.fields;
  if (typeof verb === 'string') {
    stated.set('sql.verb', asciiLower(verb));
    checkVerb(asciiLower(verb), analysed.units);
  }
  for (const [name, list] of [
    ['sql.tables', tables],
    ['sql.functions', functions],
  ] as const) {
    if (Array.isArray(list)) {
      stated.set(name, list as readonly string[]);
      checkNames(name, list as readonly string[], analysed.units);
    }
  }
  return stated.size === 0 ? analysed : { ...analysed, units: analysed.units.map((unit) => standIn(unit, stated)) };
}

/** The stated verb is that of the first unit, which is the outer one. */
function checkVerb(stated: string, units: readonly Unit[]): void {
  const parsed = units[0]?.facts.get('sql.verb');
  if (typeof parsed === 'string' && parsed !== stated) {
    throw new BadSample(
      `action.sql.verb says "${stated}", and the statement is "${parsed}": leave it out or correct it`,
    );
  }
}

function leaf(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** Every stated name is among the parsed ones, and every parsed one is stated, in any of its forms (`t`, `schema.t`). */
function checkNames(fact: string, stated: readonly string[], units: readonly Unit[]): void {
  const values = units.map((unit) => unit.facts.get(fact));
  if (values.some((value) => value instanceof Unknown)) {
    return;
  }
  const parsed = new Set(values.flatMap((value) => (Array.isArray(value) ? (value as readonly string[]) : [])));
  const statedLeaves = new Set(stated.map(leaf));
  const extra = stated.filter((name) => !parsed.has(name));
  const missing = [...parsed].filter((name) => !stated.includes(name) && !statedLeaves.has(leaf(name)));
  if (extra.length > 0 || missing.length > 0) {
    const differences = [
      ...extra.map((name) => `"${name}" is stated and not in the statement`),
      ...missing.map((name) => `"${name}" is in the statement and not stated`),
    ];
    throw new BadSample(
      `action.${fact} disagrees with the parser: ${differences.join('; ')}; leave it out or correct it`,
    );
  }
}

function standIn(unit: Unit, stated: ReadonlyMap<string, FactValue>): Unit {
  const facts: Facts = {
    get: (name) => {
      const value = unit.facts.get(name);
      return value instanceof Unknown ? (stated.get(name) ?? value) : value;
    },
  };
  return { ...unit, facts };
}

function describeAgent({ run, peerIp }: HandAction, profile: string): Agent {
  return { device: '', profile, run: run ?? '', user: '', ip: peerIp ?? '', transport: 'direct' };
}

function makeAction(parts: {
  readonly endpoint: EndpointConfig;
  readonly hand: HandAction;
  readonly agent: Agent;
  readonly credential: Ref | null;
  readonly analysed: AnalysedSample;
}): Action {
  const { endpoint, hand, agent, credential, analysed } = parts;
  const { name, type, ref, family, hosts } = endpoint;
  const strength = Math.max(0, ...analysed.units.map((unit) => RISKS.indexOf(unit.risk)));
  return {
    id: '',
    session: '',
    agent,
    endpoint: { name, type, ref, family, host: hosts[0]?.host ?? '' },
    family: hand.family,
    credential,
    units: analysed.units,
    risk: RISKS[strength] ?? ('destructive' satisfies Risk),
    summary: analysed.summary,
    evidence: analysed.evidence,
    phase: 'execute',
    refused: analysed.refused,
    memo: null,
  };
}

/** Offline there is no clock, no incident and no device: what was not given is unknown. */
function commonFacts(hand: HandAction, profile: string): CommonFacts {
  const unknownFacts = new Set(['agent.device', 'agent.user', 'agent.transport']);
  if (profile === '') {
    unknownFacts.add('agent.profile');
  }
  if (hand.peerIp === null) {
    unknownFacts.add('agent.ip');
  }
  if (hand.run === null) {
    unknownFacts.add('agent.run');
  }
  return { nowMs: null, incident: '', alert: NO_ALERT, reason: '', unknownFacts };
}
