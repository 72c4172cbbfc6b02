// Rules under which a reviewer model alone decides what is destructive. A model's yes lets it run, so a load says which rules these are. Pure.
import type { RuleConfig } from '../config/config.ts';
import type { Expr } from './cel-tree.ts';
import type { Issue } from './condition-issue.ts';
import { findGuards } from './guard.ts';

/** The warning about such a rule, at the start of its condition; null where a person is asked, or nothing destructive can match. */
export function warnOfModelAlone({ name, outcome, disabled }: RuleConfig, expr: Expr | null): Issue | null {
  const models = outcome.kind === 'approve' ? outcome.approvers : [];
  if (disabled || models.length === 0 || !models.every((ref) => ref.startsWith('llm_approver.'))) {
    return null;
  }
  if (expr !== null && neverDestructive(expr)) {
    return null;
  }
  const message = `rule "${name}" lets ${models.join(' and ')} alone decide what has risk "destructive": no person is asked`;
  const fix = "add a human_approver as a second stage, or end the condition with: && risk != 'destructive'";
  return { at: 0, code: 'weak-review', severity: 'warning', message, fix };
}

/** One of the conjuncts says so: `risk == 'suspicious'`, `risk in […]` without it, `risk != 'destructive'`. */
function neverDestructive(expr: Expr): boolean {
  const terms = expr.kind === 'and' ? expr.terms : [expr];
  return (
    findGuards(expr).some(({ fact, values }) => fact === 'risk' && !values.has('destructive')) || terms.some(excludes)
  );
}

function excludes(term: Expr): boolean {
  if (term.kind !== 'call' || term.function !== '_!=_') {
    return false;
  }
  return (
    term.args.some((arg) => arg.kind === 'fact' && arg.name === 'risk') &&
    term.args.some((arg) => arg.kind === 'const' && arg.value === 'destructive')
  );
}
