// The call that shows the policy in force: every rule and tier with how often it has decided, and what a lint says about it.
import type { PolicyJson, RuleJson } from '../client/control-shapes.ts';
import type { Config, RuleConfig, RuleOutcome } from '../config/config.ts';
import type { Hit } from '../gateway/judging/rule-hits.ts';
import { lintPolicy } from '../rules/lint.ts';
import { factSchemas } from '../rules/schemas.ts';
import { readFields } from './input.ts';
import type { Answer, Call, Route } from './call.ts';
import { timeText } from './shapes.ts';

const SHADOWED = 'shadowed-rule';

/** Lints by rule, made once for a configuration: they look at every pair of rules. */
const linted = new WeakMap<Config, ReadonlyMap<string, readonly Finding[]>>();

interface Finding {
  readonly code: string;
  readonly message: string;
}

function findingsOf(config: Config): ReadonlyMap<string, readonly Finding[]> {
  const known = linted.get(config);
  if (known !== undefined) {
    return known;
  }
  const findings = new Map<string, Finding[]>();
  for (const { code, message, at } of lintPolicy(config, factSchemas)) {
    const rule = config.rules.find((one) => one.at.file === at.file && holds(one, at.line));
    if (rule !== undefined) {
      findings.set(rule.name, [...(findings.get(rule.name) ?? []), { code, message }]);
    }
  }
  linted.set(config, findings);
  return findings;
}

function holds({ at }: RuleConfig, line: number): boolean {
  return at.line <= line && line <= at.endLine;
}

function hitJson(hit: Hit | null): { readonly hits: number; readonly last: string | null } {
  return { hits: hit?.count ?? 0, last: hit === null ? null : timeText(hit.lastMs) };
}

function outcomeJson(outcome: RuleOutcome): Pick<RuleJson, 'verdict' | 'approvers'> {
  return { verdict: outcome.kind, approvers: outcome.kind === 'approve' ? outcome.approvers : [] };
}

async function showPolicy({ parts, query }: Call): Promise<Answer> {
  readFields(query, []);
  const config = parts.config();
  const findings = findingsOf(config);
  const rules = config.rules.toSorted((a, b) => b.priority - a.priority || a.order - b.order);
  const body: PolicyJson = {
    revision: config.revision,
    since: timeText(parts.hits.sinceMs),
    unmatched: config.defaults.unmatched,
    rules: rules.map((rule) => {
      const found = findings.get(rule.name) ?? [];
      return {
        name: rule.name,
        endpoints: rule.endpoints,
        family: rule.family,
        condition: rule.condition?.text ?? null,
        ...outcomeJson(rule.outcome),
        priority: rule.priority,
        credential: rule.credential,
        reason: rule.reason,
        disabled: rule.disabled,
        file: rule.at.file,
        line: rule.at.line,
        shadowed: found.some(({ code }) => code === SHADOWED),
        findings: found.map(({ message }) => message),
        ...hitJson(parts.hits.ofRule(rule.name)),
      };
    }),
    tiers: Object.values(config.risks).map(({ risk, outcome, reason }) => ({
      risk,
      ...outcomeJson(outcome),
      reason,
      ...hitJson(parts.hits.ofTier(risk)),
    })),
  };
  return { kind: 'json', body };
}

export const POLICY_ROUTES: readonly Route[] = [
  {
    name: 'policy.show',
    method: 'GET',
    path: '/api/policy',
    kind: 'reads',
    role: 'viewer',
    sight: 'scoped',
    answer: showPolicy,
  },
];
