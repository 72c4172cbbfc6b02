// Configurations, units and actions made by hand, for tests of the rules.
import type { Config, EndpointConfig, RiskConfig, RuleConfig, SourceText } from '../../src/config/config.ts';
import type { Diagnostic } from '../../src/config/diagnostic.ts';
import { RISKS } from '../../src/rules/action.ts';
import type { Action, Agent, Family, FactValue, Facts, Risk, Unit } from '../../src/rules/action.ts';
import { compilePolicy } from '../../src/rules/compile.ts';
import type { CommonFacts, Decision, Policy } from '../../src/rules/decision.ts';
import { neutralValue } from '../../src/rules/fact-schema.ts';
import { factSchemas } from '../../src/rules/schemas.ts';

/** One line of text at 10:1, so that column = 1 + offset in code points. */
export function source(text: string): SourceText {
  return {
    text,
    locate(offset) {
      const before = text.slice(0, offset).split('\n');
      const line = 9 + before.length;
      const column = Array.from(before.at(-1) ?? '').length + 1;
      return { file: 'gw.hcl', line, column, endLine: line, endColumn: column + 1 };
    },
  };
}

export const ENDPOINT_OF: Readonly<Record<Family, string>> = {
  sql: 'postgres.pg',
  http: 'https.api',
  k8s: 'kubernetes.prod',
  ssh: 'ssh.host',
};

export interface RuleParts {
  readonly name?: string;
  readonly family?: Family;
  readonly condition?: string | null;
  /** `allow`, `deny`, or typed references of approvers. */
  readonly outcome?: 'allow' | 'deny' | readonly string[];
  readonly priority?: number;
  readonly credential?: string | null;
  readonly reason?: string;
  readonly disabled?: boolean;
  readonly endpoints?: readonly string[];
  readonly file?: string;
}

export function makeRule(parts: RuleParts, order: number): RuleConfig {
  const family = parts.family ?? 'sql';
  const outcome = parts.outcome ?? 'deny';
  const file = parts.file ?? 'gw.hcl';
  return {
    name: parts.name ?? `r${order}`,
    endpoints: parts.endpoints ?? [ENDPOINT_OF[family]],
    family,
    condition: parts.condition === undefined || parts.condition === null ? null : source(parts.condition),
    outcome: typeof outcome === 'string' ? { kind: outcome } : { kind: 'approve', approvers: outcome },
    priority: parts.priority ?? 0,
    credential: parts.credential ?? null,
    reason: parts.reason ?? '',
    disabled: parts.disabled ?? false,
    order,
    at: { file, line: order + 1, column: 1, endLine: order + 1, endColumn: 2 },
  };
}

const BUILTIN: Readonly<Record<Risk, RiskConfig>> = {
  safe: { risk: 'safe', outcome: { kind: 'allow' }, reason: '', at: null },
  suspicious: {
    risk: 'suspicious',
    outcome: { kind: 'approve', approvers: ['builtin.dashboard'] },
    reason: '',
    at: null,
  },
  destructive: {
    risk: 'destructive',
    outcome: { kind: 'approve', approvers: ['builtin.dashboard'] },
    reason: '',
    at: null,
  },
};

export interface ConfigParts {
  readonly rules?: readonly RuleParts[];
  readonly unmatched?: 'risk' | 'allow' | 'deny';
  readonly risks?: Partial<Config['risks']>;
  readonly timezone?: string;
}

export function makeEndpoint(family: Family, unmatched: 'risk' | 'allow' | 'deny'): EndpointConfig {
  const ref = ENDPOINT_OF[family];
  const [type = '', name = ''] = ref.split('.');
  return {
    type,
    name,
    ref,
    family,
    hosts: [],
    description: '',
    tunnel: null,
    retentionMs: null,
    listen: null,
    profile: null,
    listenAllow: [],
    listenTls: 'auto',
    unmatched,
    caCert: null,
    attributes: {},
    at: { file: 'gw.hcl', line: 1, column: 1, endLine: 1, endColumn: 2 },
  };
}

export function makeRuleConfig(parts: ConfigParts): Config {
  const unmatched = parts.unmatched ?? 'risk';
  return {
    schemaVersion: 1,
    revision: 'r1',
    files: [],
    gateway: {
      dashboardListen: null,
      dashboardTls: false,
      controlListen: null,
      enrollListen: null,
      metricsListen: null,
      proxy: null,
      publicUrl: null,
      stateDir: null,
      dashboardSessionTtlMs: 0,
      resolver: null,
      logPath: null,
      logLevel: 'info',
      timezone: parts.timezone ?? 'UTC',
      sessionKeepMs: 0,
      actionsKeepMs: 0,
      limits: {
        bodyBufferBytes: 1 << 20,
        bodyStorageBytes: 1 << 16,
        headerBytes: 1 << 16,
        parked: 100,
        parkedPerDevice: 10,
        connections: 100,
        connectionsPerDevice: 10,
      },
      storePath: 'store.db',
      audit: {
        durability: 'standard',
        retentionMs: 0,
        segmentMs: 0,
        archiveDir: null,
        redact: [],
        checkpoint: { everyMs: 0, records: 0, key: null, publish: null },
      },
      vipSubnets: [],
      wireguard: null,
      tailscale: null,
    },
    defaults: {
      unmatched,
      unknownHost: 'deny',
      unknownPrivate: 'deny',
      llmFailMode: 'closed',
      llmCacheTtlMs: 0,
      humanTimeoutMs: 600_000,
      humanOnTimeout: 'deny',
    },
    risks: { ...BUILTIN, ...parts.risks },
    profiles: [],
    endpoints: (['sql', 'http', 'k8s', 'ssh'] as const).map((family) => makeEndpoint(family, unmatched)),
    credentials: [],
    rules: (parts.rules ?? []).map(makeRule),
    approvers: [],
    tunnels: [],
    notifiers: [],
    contexts: [],
    grant: { enabled: false, maxDurationMs: 0, maxUses: 0, scopes: [], maxRisk: 'suspicious' },
  };
}

/** The compiled policy, or a throw with the diagnostics. */
export function makePolicy(parts: ConfigParts): Policy {
  const { policy, diagnostics } = compilePolicy(makeRuleConfig(parts), factSchemas);
  if (policy === null) {
    throw new Error(diagnostics.map(({ code, message }) => `${code}: ${message}`).join('\n'));
  }
  return policy;
}

/** Diagnostics of one condition. */
export function diagnose(condition: string, family: Family = 'sql'): readonly Diagnostic[] {
  return compilePolicy(makeRuleConfig({ rules: [{ condition, family }] }), factSchemas).diagnostics;
}

/** Facts from a table. A name that is not given is neutral for its type, as the fact reference wants it. */
export function makeFacts(values: Readonly<Record<string, FactValue>>, family: Family = 'sql'): Facts {
  return {
    get(name) {
      if (Object.hasOwn(values, name)) {
        return values[name];
      }
      const type = factSchemas.get(family)?.facts.get(name)?.type;
      return type === undefined ? undefined : neutralValue(type);
    },
  };
}

export interface UnitParts {
  readonly facts?: Readonly<Record<string, FactValue>>;
  readonly risk?: Risk;
  readonly riskReason?: string;
  readonly riskCauses?: readonly string[];
  readonly unreadable?: boolean;
}

export function makeUnit(parts: UnitParts = {}, family: Family = 'sql'): Unit {
  return {
    facts: makeFacts(parts.facts ?? {}, family),
    risk: parts.risk ?? 'safe',
    riskCauses: parts.riskCauses ?? [],
    riskReason: parts.riskReason ?? '',
    unreadable: parts.unreadable ?? false,
  };
}

export const TEST_AGENT: Agent = {
  device: 'laptop',
  profile: 'default',
  run: '',
  user: '',
  ip: '10.0.0.7',
  transport: 'direct',
};

export interface ActionParts {
  readonly family?: Family;
  readonly units?: readonly UnitParts[];
  readonly phase?: 'prepare' | 'execute';
  readonly refused?: string | null;
  readonly credential?: string | null;
  readonly agent?: Partial<Agent>;
}

export function makeRuleAction(parts: ActionParts = {}): Action {
  const family = parts.family ?? 'sql';
  const ref = ENDPOINT_OF[family];
  const [type = '', name = ''] = ref.split('.');
  const units = (parts.units ?? [{}]).map((unit) => makeUnit(unit, family));
  return {
    id: '00000000-0000-7000-8000-000000000000',
    session: 's1',
    agent: { ...TEST_AGENT, ...parts.agent },
    endpoint: { name, type, ref, family, host: 'pg.internal' },
    family,
    credential: parts.credential ?? null,
    units,
    risk: RISKS.findLast((risk) => units.some((unit) => unit.risk === risk)) ?? 'safe',
    summary: '',
    evidence: { text: '', parameters: [], sizeBytes: 0, complete: true, digest: () => '' },
    phase: parts.phase ?? 'execute',
    refused: parts.refused ?? null,
    memo: null,
  };
}

/** 2026-11-22T03:04:05Z, a Sunday. */
export const NOW_MS = 1_795_316_645_000;

export const COMMON: CommonFacts = { nowMs: NOW_MS, incident: '', alert: new Map(), reason: '' };

export function decide(policy: Policy, action: Action, common: CommonFacts = COMMON): Decision {
  return policy.ruleSet(ENDPOINT_OF[action.family], action.agent.profile, action.credential).decide(action, common);
}

export type Matched = 'yes' | 'no' | 'cannot-tell';

/** What one deny rule with this condition says about one unit: yes, no, or cannot tell. */
export function match(
  condition: string,
  facts: Readonly<Record<string, FactValue>> = {},
  family: Family = 'sql',
): Matched {
  return matcher(condition, family)(facts);
}

/** The same for many units: the condition is compiled once. */
export function matcher(
  condition: string,
  family: Family = 'sql',
): (facts: Readonly<Record<string, FactValue>>) => Matched {
  const policy = makePolicy({ rules: [{ condition, family }], unmatched: 'allow' });
  return (facts) => {
    const decision = decide(policy, makeRuleAction({ family, units: [{ facts }] }));
    return decision.by === 'cannot-tell' ? 'cannot-tell' : decision.kind === 'deny' ? 'yes' : 'no';
  };
}
