// What a reviewer would ask about a policy (configuration reference, 6.4; fact reference, 1.8). Every finding is a warning; a
// configuration whose conditions do not compile has no lints here, it has errors.
import type { Config, RuleConfig, RuleOutcome } from '../config/config.ts';
import type { Diagnostic } from '../config/diagnostic.ts';
import type { Expr } from './cel-tree.ts';
import type { FactSchemas } from './check.ts';
import { checkRule, inEvaluationOrder } from './compile.ts';
import type { CheckedRule } from './compile.ts';
import { excludes, implies, shapeOf } from './implication.ts';
import type { Shape } from './implication.ts';
import { lintCondition } from './lint-conditions.ts';

interface Prepared {
  readonly rule: RuleConfig;
  readonly expr: Expr | null;
  readonly shape: Shape;
}

/** Lints of the rules of a checked configuration. Disabled rules are linted alone, not against others. */
export function lintPolicy(config: Config, schemas: FactSchemas): readonly Diagnostic[] {
  const checked = config.rules.map((rule) => checkRule(rule, schemas)).filter(isSound);
  const prepared = inEvaluationOrder(checked)
    .filter(({ rule }) => !rule.disabled)
    .map(({ rule, expr }): Prepared => ({ rule, expr, shape: shapeOf(expr) }));
  return [
    ...checked.flatMap((result) => lintAlone(result, schemas, config)),
    ...shadowed(prepared),
    ...ties(prepared),
    ...withoutCatchAll(prepared, config),
  ];
}

function isSound({ diagnostics }: CheckedRule): boolean {
  return diagnostics.every(({ severity }) => severity !== 'error');
}

function lintAlone({ rule, expr }: CheckedRule, schemas: FactSchemas, config: Config): readonly Diagnostic[] {
  const schema = schemas.get(rule.family);
  const source = rule.condition;
  if (expr === null || source === null || schema === undefined) {
    return [];
  }
  return lintCondition(rule, expr, schema, config).map(({ at, ...issue }) => ({ ...issue, at: source.locate(at) }));
}

/** A rule that earlier rules leave nothing to: on each of its endpoints some earlier one matches whatever it matches. */
function shadowed(rules: readonly Prepared[]): readonly Diagnostic[] {
  return rules.flatMap((later, index) => {
    const earlier = rules
      .slice(0, index)
      .filter((rule) => reachesAs(rule.rule, later.rule) && implies(later.shape, rule.shape));
    const hiders = later.rule.endpoints.map((ref) => earlier.find(({ rule }) => rule.endpoints.includes(ref)));
    const [first] = hiders;
    if (first === undefined || hiders.includes(undefined)) {
      return [];
    }
    const { name, at } = first.rule;
    return [
      warning('shadowed-rule', later.rule, {
        message: `rule ${later.rule.name} can never decide: rule ${name} (${at.file}:${at.line}) matches whatever it matches`,
        fix: 'give it a higher priority, make the other narrower, or remove one',
      }),
    ];
  });
}

/** Whenever the later rule may match, the earlier one is asked too. */
function reachesAs(earlier: RuleConfig, later: RuleConfig): boolean {
  return earlier.credential === null || earlier.credential === later.credential;
}

/** Of two rules with one priority that may both match and say different things, file order alone decides. */
function ties(rules: readonly Prepared[]): readonly Diagnostic[] {
  return rules.flatMap((later, index) => {
    // A rule without condition at the end is a default, and everybody reads it so.
    if (later.expr === null) {
      return [];
    }
    const rival = rules.slice(0, index).find((earlier) => contradicts(earlier, later));
    if (rival === undefined) {
      return [];
    }
    const { name, at } = rival.rule;
    return [
      warning('contradictory-tie', later.rule, {
        message: `rules ${name} (${at.file}:${at.line}) and ${later.rule.name} have priority ${later.rule.priority}, may both match and differ; order alone decides`,
        fix: 'give them different priorities, or conditions that exclude each other',
      }),
    ];
  });
}

function contradicts(earlier: Prepared, later: Prepared): boolean {
  return (
    earlier.rule.priority === later.rule.priority &&
    !sameOutcome(earlier.rule.outcome, later.rule.outcome) &&
    earlier.rule.endpoints.some((ref) => later.rule.endpoints.includes(ref)) &&
    (reachesAs(earlier.rule, later.rule) || later.rule.credential === null) &&
    // A shadowed rule is reported as that.
    !implies(later.shape, earlier.shape) &&
    !excludes(earlier.shape, later.shape)
  );
}

function sameOutcome(left: RuleOutcome, right: RuleOutcome): boolean {
  return left.kind === right.kind && approversText(left) === approversText(right);
}

function approversText(outcome: RuleOutcome): string {
  return outcome.kind === 'approve' ? outcome.approvers.join(' ') : '';
}

/** An endpoint whose rules all have conditions, and what they do not match passes. */
function withoutCatchAll(rules: readonly Prepared[], config: Config): readonly Diagnostic[] {
  return config.endpoints.flatMap((endpoint): Diagnostic[] => {
    const own = rules.filter(({ rule }) => rule.endpoints.includes(endpoint.ref));
    const total = own.some(({ rule, expr }) => expr === null && rule.credential === null);
    if (endpoint.unmatched !== 'allow' || own.length === 0 || total) {
      return [];
    }
    return [
      {
        at: endpoint.at,
        severity: 'warning',
        code: 'no-catch-all',
        message: `what no rule of ${endpoint.ref} matches is allowed`,
        fix: 'end with a rule without condition, or set unmatched = "risk"',
      },
    ];
  });
}

function warning(code: string, rule: RuleConfig, text: { message: string; fix: string }): Diagnostic {
  return { at: rule.at, severity: 'warning', code, ...text };
}
