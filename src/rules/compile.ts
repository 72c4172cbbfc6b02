// Configuration to policy: compiles every rule's condition (disabled ones too), reports what is wrong with it where it was
// typed, and hands out rule sets by endpoint, profile and credential.
import type { Config, EndpointConfig, RiskConfig, RuleConfig, RuleOutcome, SourceText } from '../config/config.ts';
import type { Diagnostic } from '../config/diagnostic.ts';
import type { Family, Risk } from './action.ts';
import { compileExpr } from './cel-eval.ts';
import { parseCondition } from './cel-parse.ts';
import { factsRead } from './cel-tree.ts';
import type { Expr } from './cel-tree.ts';
import { checkCondition } from './check.ts';
import type { FactSchemas } from './check.ts';
import type { Issue } from './condition-issue.ts';
import type { Policy, RuleSet, TierPolicy } from './decision.ts';
import { Frame } from './frame.ts';
import { findGuard } from './guard.ts';
import { warnOfModelAlone } from './model-alone.ts';
import { namedValues } from './named-values.ts';
import { createRuleSet } from './rule-set.ts';
import type { CompiledRule } from './rule-set.ts';

export interface CompileResult {
  /** Null when a diagnostic is an error. */
  readonly policy: Policy | null;
  readonly diagnostics: readonly Diagnostic[];
}

/** Compiles the rules of a checked configuration. Total. */
export function compilePolicy(config: Config, schemas: FactSchemas): CompileResult {
  return assemble(
    config,
    config.rules.map((rule) => checkRule(rule, schemas)),
    schemas,
  );
}

/** Rules between two pauses. Checking one takes up to a millisecond, and connections wait meanwhile. */
const RULES_A_TURN = 10;

/** The same with pauses: a thousand rules take a second, in which a gateway that reloads must go on serving. */
export async function compilePolicyInTurns(
  config: Config,
  schemas: FactSchemas,
  nextTurn: () => Promise<void>,
): Promise<CompileResult> {
  const checked: CheckedRule[] = [];
  for (const [index, rule] of config.rules.entries()) {
    if (index % RULES_A_TURN === RULES_A_TURN - 1) {
      await nextTurn();
    }
    checked.push(checkRule(rule, schemas));
  }
  return assemble(config, checked, schemas);
}

function assemble(config: Config, checked: readonly CheckedRule[], schemas: FactSchemas): CompileResult {
  const diagnostics = checked.flatMap((result) => result.diagnostics);
  if (diagnostics.some(({ severity }) => severity === 'error')) {
    return { policy: null, diagnostics };
  }
  return { policy: new CompiledPolicy(config, checked, schemas), diagnostics };
}

/** A rule whose condition has been checked; `expr` is null when it has none (or a broken one). */
export interface CheckedRule {
  readonly rule: RuleConfig;
  readonly expr: Expr | null;
  readonly diagnostics: readonly Diagnostic[];
}

/** Parses and checks one rule's condition. */
export function checkRule(rule: RuleConfig, schemas: FactSchemas): CheckedRule {
  const source = rule.condition;
  // An empty condition matches everything, as an absent one does.
  if (source === null || source.text.trim() === '') {
    const issue = warnOfModelAlone(rule, null);
    return { rule, expr: null, diagnostics: issue === null ? [] : [located(issue, rule.at)] };
  }
  const parsed = parseCondition(source.text);
  if (parsed.kind === 'failed') {
    const { code, message, fix, at } = parsed;
    return { rule, expr: null, diagnostics: [locate({ code, severity: 'error', message, fix, at }, source)] };
  }
  const { expr, issues } = checkCondition(parsed.expr, rule.family, schemas);
  const alone = warnOfModelAlone(rule, expr);
  const inOrder = [...issues, ...(alone === null ? [] : [alone])].toSorted((a, b) => a.at - b.at);
  return { rule, expr, diagnostics: inOrder.map((issue) => locate(issue, source)) };
}

function locate(issue: Issue, source: SourceText): Diagnostic {
  // A finding at the very end of the text points at its last character.
  return located(issue, source.locate(Math.max(0, Math.min(issue.at, source.text.length - 1))));
}

function located({ code, severity, message, fix }: Issue, at: Diagnostic['at']): Diagnostic {
  return { at, code, severity, message, fix };
}

/** Priority, high first; ties in declaration order. */
export function inEvaluationOrder(rules: readonly CheckedRule[]): readonly CheckedRule[] {
  return rules.toSorted((a, b) => b.rule.priority - a.rule.priority || a.rule.order - b.rule.order);
}

class CompiledPolicy implements Policy {
  readonly revision: string;
  readonly #endpoints: ReadonlyMap<string, EndpointConfig>;
  readonly #rules: readonly { readonly config: RuleConfig; readonly compiled: CompiledRule }[];
  readonly #frames: ReadonlyMap<Family, Frame>;
  readonly #tiers: Readonly<Record<Risk, TierPolicy>>;
  readonly #sets = new Map<string, Map<string | null, RuleSet>>();

  constructor(config: Config, checked: readonly CheckedRule[], schemas: FactSchemas) {
    this.revision = config.revision;
    this.#endpoints = new Map(config.endpoints.map((endpoint) => [endpoint.ref, endpoint]));
    this.#frames = new Map(
      [...schemas].map(([family, schema]) => [family, new Frame(schema, config.gateway.timezone)]),
    );
    this.#tiers = {
      safe: tier(config.risks.safe),
      suspicious: tier(config.risks.suspicious),
      destructive: tier(config.risks.destructive),
    };
    this.#rules = inEvaluationOrder(checked).map(({ rule, expr }) => ({
      config: rule,
      compiled: compileRule(rule, expr, this.#frame(rule.family)),
    }));
  }

  ruleSet(endpointRef: string, profile: string, credentialRef: string | null): RuleSet {
    // Conditions read the profile as a fact; the rules of an endpoint are the same under every profile.
    const key = `${profile}\n${endpointRef}`;
    let sets = this.#sets.get(key);
    if (sets === undefined) {
      sets = new Map();
      this.#sets.set(key, sets);
    }
    let set = sets.get(credentialRef);
    if (set === undefined) {
      set = this.#create(endpointRef, credentialRef);
      sets.set(credentialRef, set);
    }
    return set;
  }

  #create(endpointRef: string, credential: string | null): RuleSet {
    const endpoint = this.#endpoints.get(endpointRef);
    const rules = this.#rules
      .filter(({ config }) => config.endpoints.includes(endpointRef))
      .map(({ compiled }) => compiled);
    return createRuleSet({
      frame: this.#frame(endpoint?.family ?? 'sql'),
      rules,
      credential,
      // An endpoint that this policy does not have lets nothing through.
      unmatched: endpoint?.unmatched ?? 'deny',
      tiers: this.#tiers,
    });
  }

  #frame(family: Family): Frame {
    return this.#frames.get(family) ?? new Frame({ family, facts: new Map() }, 'UTC');
  }
}

function tier({ risk, outcome, reason }: RiskConfig): TierPolicy {
  return { risk, kind: outcome.kind, approvers: approversOf(outcome), reason };
}

function approversOf(outcome: RuleOutcome): readonly string[] {
  return outcome.kind === 'approve' ? [...new Set(outcome.approvers)] : [];
}

function compileRule(rule: RuleConfig, expr: Expr | null, frame: Frame): CompiledRule {
  return {
    name: rule.name,
    priority: rule.priority,
    file: rule.at.file,
    line: rule.at.line,
    disabled: rule.disabled,
    credential: rule.credential,
    condition: expr === null ? null : compileExpr(expr, frame),
    guard: expr === null ? null : findGuard(expr),
    facts: expr === null ? new Set() : factsRead(expr),
    named: expr === null ? new Map() : namedValues(expr),
    kind: rule.outcome.kind,
    approvers: approversOf(rule.outcome),
    reason: rule.reason,
  };
}
