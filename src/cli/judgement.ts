// A judged action as JSON (config reference 6.6) and as text. Shared by `explain` and `test`.
import type { Judged, Unclaimed } from '../gateway/judging/offline.ts';
import { Unknown } from '../rules/action.ts';
import type { Family, Risk, Unit } from '../rules/action.ts';
import type { Decision, DecisionKind, RuleTrace } from '../rules/decision.ts';
import { factsObject, unknownFacts } from '../rules/facts.ts';
import { factSchemas } from '../rules/schemas.ts';

export interface JudgementJson {
  readonly endpoint: string | null;
  readonly family: Family | null;
  readonly facts: unknown;
  readonly risk: string | null;
  readonly rule: string;
  readonly verdict: DecisionKind | 'passthrough';
  readonly approvers: readonly string[];
  readonly reason: string;
  readonly unknown: readonly string[];
  readonly statements?: readonly JudgementJson[];
}

export interface RuleJson {
  readonly name: string;
  readonly priority: number;
  readonly file: string;
  readonly line: number;
  readonly result: string;
  readonly cause: string;
}

/** The batch object without its id. With several statements the top level is the one that decided. */
export function judgementJson(judged: Judged | Unclaimed): JudgementJson {
  if (judged.kind === 'unclaimed') {
    return {
      endpoint: null,
      family: null,
      facts: {},
      risk: null,
      rule: '',
      verdict: judged.verdict,
      approvers: [],
      reason: judged.reason,
      unknown: [],
    };
  }
  const { action, decision, units, endpoint } = judged;
  const describe = (unit: Unit | null, word: Decision, risk: Risk): JudgementJson => ({
    endpoint: endpoint.ref,
    family: action.family,
    facts: unit === null ? {} : factsObject(unit, action.family),
    risk,
    rule: word.rule,
    verdict: word.kind,
    approvers: word.approvers,
    reason: word.reason,
    unknown: unit === null ? [] : unknownNames(unit, action.family, word),
  });
  const whole = describe(units[decision.unit]?.unit ?? null, decision, action.risk);
  return units.length < 2
    ? whole
    : { ...whole, statements: units.map(({ unit, decision: word }) => describe(unit, word, unit.risk)) };
}

/** Full names of the facts that could not be told, and those of the agent or the clock that a rule stumbled over. */
function unknownNames(unit: Unit, family: Family, decision: Decision): readonly string[] {
  return [...new Set([...unknownFacts(unit, family), ...(decision.cannotTell?.facts ?? [])])].toSorted();
}

/** Names of the facts that a unit carries itself; those of the agent, the endpoint and the clock do not come from it. */
function ownFacts(family: Family): readonly string[] {
  const names = [...(factSchemas.get(family)?.facts.keys() ?? [])];
  return names.filter((name) => name.includes('.') && !/^(agent|endpoint|time|context)\./.test(name)).toSorted();
}

/** One unit's facts as rows for people, the unknown ones with their cause; what is empty is only counted. */
export function factTable(unit: Unit, family: Family): { readonly rows: readonly string[][]; readonly empty: number } {
  const rows = ownFacts(family).map((name) => {
    const value = unit.facts.get(name);
    return [name, value instanceof Unknown ? `unknown (${value.cause})` : factText(value)];
  });
  const shown = rows.filter(([, text = '']) => !EMPTY_TEXTS.includes(text));
  return { rows: shown, empty: rows.length - shown.length };
}

const EMPTY_TEXTS: readonly string[] = ['""', '[]', '{}', '"none"'];

function factText(value: unknown): string {
  return (
    JSON.stringify(value, (_key, part: unknown) => {
      if (typeof part === 'bigint') {
        return Number.isSafeInteger(Number(part)) ? Number(part) : String(part);
      }
      if (part instanceof Map) {
        return Object.fromEntries<unknown>(part);
      }
      return part instanceof Unknown ? `unknown (${part.cause})` : part;
    }) ?? 'none'
  );
}

/** The walk as JSON. */
export function rulesJson(trace: readonly RuleTrace[]): readonly RuleJson[] {
  return trace.map(({ rule, priority, file, line, result, cause }) => ({
    name: rule,
    priority,
    file,
    line,
    result,
    cause,
  }));
}

/** What decided, in a sentence. */
export function whyText(judged: Judged | Unclaimed): string {
  if (judged.kind === 'unclaimed') {
    return judged.reason;
  }
  const { decision, action, trace } = judged;
  const place = trace.find((step) => step.rule === decision.rule && step.unit === decision.unit);
  const at = place === undefined ? '' : ` (${place.file}:${place.line})`;
  switch (decision.by) {
    case 'rule':
      return `rule ${decision.rule}${at}`;
    case 'cannot-tell': {
      const facts = decision.cannotTell?.facts.join(', ') ?? '';
      const cause = decision.cannotTell?.cause ?? 'error';
      return `rule ${decision.rule}${at} cannot tell: ${facts === '' ? (decision.cannotTell?.detail ?? '') : facts} (${cause})`;
    }
    case 'risk':
      return `no rule matched; risk ${action.risk}`;
    case 'unmatched':
      return `no rule matched; unmatched is ${decision.kind}`;
    case 'protocol':
      return `the protocol refuses: ${decision.reason}`;
  }
}
