// Decoded blocks to the checked `Config`: defaults that depend on other blocks, derived values, canonical forms. Values that
// were refused have a harmless stand-in here, so that the checks after it see the rest; such a configuration is never used.
import type { Family, Risk } from '../rules/action.ts';
import { RISKS } from '../rules/action.ts';
import type {
  ApproverConfig,
  AttributeValue,
  Config,
  CredentialConfig,
  DefaultsConfig,
  GrantLimits,
  LlmApproverConfig,
  NamedBlock,
  ProfileConfig,
  RiskConfig,
  RuleConfig,
  RuleOutcome,
} from './config.ts';
import { buildCredentials, endpointsOf } from './build-credentials.ts';
import { buildEndpoints } from './build-endpoints.ts';
import { buildGateway } from './build-gateway.ts';
import type { Declared, Draft } from './declare.ts';
import { DecodedBlock, isRecord } from './decode.ts';
import { providerOf } from './model-family.ts';
import { BUILTIN_APPROVER } from './names.ts';
import { endpointTypes } from './schema-endpoints.ts';
import { credentialTypes } from './schema-credentials.ts';
import { defaultsSpec, grantSpec } from './schema-gateway.ts';
import { notifierTypes } from './schema-people.ts';
import { SECOND_MS } from './schema-types.ts';
import type { Span } from './diagnostic.ts';

/** Facts about the load that the blocks do not hold. */
export interface BuildParts {
  readonly schemaVersion: 0 | 1;
  readonly revision: string;
  readonly files: readonly string[];
}

/** Assembles the configuration. */
export function buildConfig(draft: Draft, parts: BuildParts): Config {
  const defaults = buildDefaults(draft);
  const credentials = buildCredentials(draft);
  const endpoints = buildEndpoints(draft, defaults);
  const grant = buildGrant(draft.first('grant')?.block ?? null, draft.start);
  return {
    schemaVersion: parts.schemaVersion,
    revision: parts.revision,
    files: parts.files,
    gateway: buildGateway(draft),
    defaults,
    risks: buildRisks(draft),
    profiles: buildProfiles(draft, credentials),
    endpoints,
    credentials,
    rules: buildRules(draft, new Set(endpoints.map(({ family }) => family))),
    approvers: draft.all('approver').map((declared) => buildApprover(declared, defaults, grant)),
    tunnels: draft.all('tunnel').map(buildNamed),
    notifiers: [...draft.all('notifier').map(buildNamed), ...draft.all('approver').flatMap(buildShorthand)],
    contexts: draft.all('context').map(buildNamed),
    grant,
    places: draft.places(),
  };
}

function buildDefaults(draft: Draft): DefaultsConfig {
  const block = draft.first('defaults')?.block ?? new DecodedBlock(defaultsSpec, draft.start);
  return {
    unmatched: block.word('unmatched', ['risk', 'allow', 'deny'], 'risk'),
    unknownHost: block.word('unknown_host', ['deny', 'passthrough'], 'deny'),
    unknownPrivate: block.word('unknown_private', ['deny', 'passthrough'], 'deny'),
    llmFailMode: block.word('llm_fail_mode', ['closed', 'open'], 'closed'),
    llmCacheTtlMs: block.number('llm_cache_ttl') ?? 0,
    humanTimeoutMs: block.number('human_timeout') ?? 600 * SECOND_MS,
    // `allow` is read as `deny`: no path leads from a timeout to allow.
    humanOnTimeout: block.word('human_on_timeout', ['deny', 'escalate'], 'deny'),
  };
}

/** `outer` bounds the limits of an approver's own block. */
function buildGrant(block: DecodedBlock | null, start: Span, outer: GrantLimits | null = null): GrantLimits {
  const source = block ?? new DecodedBlock(grantSpec, start);
  const pick = <T>(name: string, own: T, inherited: T | undefined): T =>
    inherited === undefined || source.written(name) ? own : inherited;
  const bound = outer?.enabled === true ? outer : null;
  const scopes = source.texts('scopes').filter((scope) => scope === 'exact' || scope === 'shape');
  return {
    enabled: block !== null,
    maxDurationMs: pick('max_duration', source.number('max_duration') ?? 0, bound?.maxDurationMs),
    maxUses: pick('max_uses', source.number('max_uses') ?? 1, bound?.maxUses),
    scopes: pick('scopes', scopes, bound?.scopes),
    maxRisk: pick('max_risk', source.word('max_risk', ['suspicious', 'destructive'], 'suspicious'), bound?.maxRisk),
  };
}

const BUILT_IN_OUTCOMES: Readonly<Record<Risk, RuleOutcome>> = {
  safe: { kind: 'allow' },
  suspicious: { kind: 'approve', approvers: [BUILTIN_APPROVER] },
  destructive: { kind: 'approve', approvers: [BUILTIN_APPROVER] },
};

function buildRisks(draft: Draft): Readonly<Record<Risk, RiskConfig>> {
  const written = new Map(draft.all('risk').map((declared) => [declared.name, declared.block]));
  const build = (risk: Risk): RiskConfig => {
    const block = written.get(risk);
    return block === undefined
      ? { risk, outcome: BUILT_IN_OUTCOMES[risk], reason: '', at: null }
      : { risk, outcome: buildOutcome(block), reason: block.text('reason') ?? '', at: block.at };
  };
  const [safe, suspicious, destructive] = RISKS.map(build);
  return {
    safe: safe ?? build('safe'),
    suspicious: suspicious ?? build('suspicious'),
    destructive: destructive ?? build('destructive'),
  };
}

function buildOutcome(block: DecodedBlock): RuleOutcome {
  const approvers = block.texts('approve');
  if (approvers.length > 0) {
    return { kind: 'approve', approvers };
  }
  return { kind: block.word('verdict', ['allow', 'deny'], 'deny') };
}

/**
 * What a condition is about whose rule names no endpoint that there is, so that what is wrong with it is told in the same run. Such a
 * configuration is refused in any case.
 */
function likelyFamily(condition: string, configured: ReadonlySet<Family>): Family {
  // Rules of a cluster read the facts of its HTTP requests, too.
  const meant = (['k8s', 'ssh', 'sql', 'http'] as const).find((family) => condition.includes(`${family}.`));
  return meant ?? [...configured][0] ?? 'sql';
}

function buildRules(draft: Draft, families: ReadonlySet<Family>): readonly RuleConfig[] {
  const rules: RuleConfig[] = [];
  for (const [order, { name, block }] of draft.all('rule').entries()) {
    const endpoints = endpointsOf(block);
    const condition = block.located('condition');
    const family =
      endpointTypes[endpoints[0]?.split('.')[0] ?? '']?.family ?? likelyFamily(condition?.text ?? '', families);
    rules.push({
      name,
      endpoints,
      family,
      condition: condition === null || condition.text.trim() === '' ? null : condition,
      outcome: buildOutcome(block),
      priority: block.number('priority') ?? 0,
      credential: block.text('credential'),
      reason: block.text('reason') ?? '',
      disabled: block.flag('disabled'),
      order,
      at: block.at,
    });
  }
  return rules;
}

function buildProfiles(draft: Draft, credentials: readonly CredentialConfig[]): readonly ProfileConfig[] {
  const known = new Map(credentials.map((credential) => [credential.ref, credential]));
  return draft.all('profile').map(({ name, block }) => {
    const entries = entriesOf(block).map(({ credential: ref, written }) => {
      const credential = known.get(ref);
      return {
        credential: ref,
        constraints: { ...(credential === undefined ? {} : ownConstraints(credential)), ...written },
      };
    });
    return {
      name,
      description: block.text('description') ?? '',
      credentials: entries,
      context: block.text('context'),
      agentFamily: block.text('agent_family'),
      tailscale: block.texts('tailscale'),
      at: block.at,
    };
  });
}

export interface ProfileEntry {
  readonly credential: string;
  /** Disambiguators that stand on the entry itself. */
  readonly written: Readonly<Record<string, string>>;
  readonly at: Span;
}

/** A profile's entries as they are written. */
export function entriesOf(block: DecodedBlock): readonly ProfileEntry[] {
  const entries = block.value('credentials');
  return (Array.isArray(entries) ? entries : []).flatMap((entry: AttributeValue, index) => {
    if (!isRecord(entry)) {
      return [];
    }
    const { credential, ...rest } = entry;
    const written = Object.entries(rest).filter(
      (pair): pair is [string, string] => typeof pair[1] === 'string' && pair[1] !== '',
    );
    return typeof credential === 'string'
      ? [{ credential, written: Object.fromEntries(written), at: block.itemPlace('credentials', index) }]
      : [];
  });
}

/** Disambiguators that the credential itself declares. */
export function ownConstraints(credential: CredentialConfig): Readonly<Record<string, string>> {
  const constraints: Record<string, string> = {};
  for (const by of credentialTypes[credential.type]?.by ?? []) {
    const value = by === 'placeholder' ? credential.placeholder : credential.attributes[by];
    if (typeof value === 'string' && value !== '') {
      constraints[by] = value;
    }
  }
  return constraints;
}

function buildApprover(declared: Declared, defaults: DefaultsConfig, outer: GrantLimits): ApproverConfig {
  const { name, ref, block } = declared;
  const common = { name, ref, escalateTo: block.text('escalate_to'), attributes: block.record(), at: block.at };
  if (declared.type === 'llm_approver') {
    const onError = defaults.llmFailMode === 'open' ? 'escalate' : 'deny';
    return {
      ...common,
      type: 'llm_approver',
      onError: block.word('on_error', ['deny', 'escalate'], onError),
      timeoutMs: block.number('timeout') ?? 30 * SECOND_MS,
      ...buildModel(block),
      cacheTtlMs: block.number('cache_ttl') ?? defaults.llmCacheTtlMs,
    };
  }
  const grant = block.nested('grant')[0] ?? null;
  const inherited = common.escalateTo === null ? 'deny' : defaults.humanOnTimeout;
  return {
    ...common,
    type: 'human_approver',
    timeoutMs: block.number('timeout') ?? defaults.humanTimeoutMs,
    onTimeout: block.written('on_timeout') ? block.word('on_timeout', ['deny', 'escalate'], 'deny') : inherited,
    requireApprovers: Math.max(1, block.number('require_approvers') ?? 1),
    approvers: block.texts('approvers'),
    separationOfDuties: block.flag('separation_of_duties'),
    breakGlass: block.texts('break_glass'),
    notifiers: isShorthand(block) ? [common.ref] : block.texts('notifiers'),
    message: block.text('message'),
    remindMs: block.number('remind'),
    onFatigue: block.word('on_fatigue', ['warn', 'second_approver'], 'warn'),
    fatigueMs: block.number('fatigue_median') ?? 5 * SECOND_MS,
    grant: grant === null ? null : buildGrant(grant, block.at, outer),
  };
}

const PROVIDERS = ['anthropic', 'openai', 'google', 'openai_compatible'] as const;

type Model = Pick<
  LlmApproverConfig,
  'provider' | 'model' | 'baseUrl' | 'credential' | 'policy' | 'hourlyTokens' | 'price'
>;

function buildModel(block: DecodedBlock): Model {
  const model = block.text('model') ?? '';
  const provider = block.text('provider') ?? providerOf(model);
  return {
    // A model whose provider is not known is refused by the checks.
    provider: PROVIDERS.find((name) => name === provider) ?? 'openai_compatible',
    model,
    baseUrl: block.text('base_url'),
    credential: block.text('credential'),
    policy: block.text('policy'),
    hourlyTokens: block.number('hourly_tokens') ?? 2_000_000,
    price: priceOf(block.value('price')),
  };
}

/** Dollars for a million tokens, or null where nothing of that form is written. */
export function priceOf(value: AttributeValue): LlmApproverConfig['price'] {
  if (!isRecord(value) || Object.keys(value).some((key) => key !== 'input' && key !== 'output')) {
    return null;
  }
  const { input, output } = value;
  return typeof input === 'number' && typeof output === 'number' && input >= 0 && output >= 0
    ? { input, output }
    : null;
}

/** `credential` and `channel` of a `human_approver` stand for a Slack notifier of its own, under the approver's reference. */
function isShorthand(block: DecodedBlock): boolean {
  return block.written('credential') && block.written('channel');
}

function buildShorthand({ type, name, ref, block }: Declared): readonly NamedBlock[] {
  const slack = notifierTypes['slack'];
  if (type !== 'human_approver' || slack === undefined || !isShorthand(block)) {
    return [];
  }
  const own = new DecodedBlock(slack, block.at).record();
  const { credential = null, channel = null, interactive = false } = block.record();
  return [{ type: 'slack', name, ref, attributes: { ...own, credential, channel, interactive }, at: block.at }];
}

function buildNamed({ type, name, ref, block }: Declared): NamedBlock {
  return { type, name, ref, attributes: block.record(), at: block.at };
}
