// Lints of single conditions: what a reviewer would ask about each rule alone.
import type { Config, RuleConfig } from '../config/config.ts';
import type { Expr } from './cel-tree.ts';
import { childrenOf, factsRead, walk } from './cel-tree.ts';
import type { Issue } from './condition-issue.ts';
import type { FactSchema } from './fact-schema.ts';
import { describe, pathOf, rootFact, setsOf } from './implication.ts';
import type { Ranges } from './implication.ts';
import { CONNECT_RESOURCES } from './schema-k8s.ts';

/** Findings about a rule's condition, which has been checked and folded. */
export function lintCondition(rule: RuleConfig, expr: Expr, schema: FactSchema, config: Config): readonly Issue[] {
  const ofPostgres = config.endpoints.some(({ ref, type }) => type === 'postgres' && rule.endpoints.includes(ref));
  return [
    ...unguardedFields(expr, schema),
    ...textPatterns(expr),
    ...(ofPostgres ? capitalNames(expr) : []),
    ...impossible(expr),
    ...(rule.outcome.kind === 'allow' ? agentChosen(expr) : undeclaredMcp(rule, expr, config)),
  ];
}

/** Without `mcp = true` these facts are there only where the agent says that it speaks MCP: whoever leaves that out is matched by no such rule. */
function undeclaredMcp(rule: RuleConfig, expr: Expr, config: Config): readonly Issue[] {
  const endpoint = config.endpoints.find(
    ({ ref, attributes }) => rule.endpoints.includes(ref) && attributes['mcp'] !== true,
  );
  const fact = [...factsRead(expr)].find((name) => name.startsWith('mcp.'));
  if (endpoint === undefined || fact === undefined) {
    return [];
  }
  const message = `${endpoint.ref} is not declared to speak MCP: an agent that does not say so itself has no ${fact}`;
  return [warning('mcp-undeclared', expr.at, message, `write mcp = true in ${endpoint.ref}`)];
}

function warning(code: string, at: number, message: string, fix: string): Issue {
  return { code, severity: 'warning', message, fix, at };
}

/** Paths that are known to exist where a node stands. */
type Guards = ReadonlySet<string>;

/**
 * Reads of keys that may be absent, where nothing asks for them first. An absent key cannot tell, so the rule denies wherever it
 * is absent. Guards count anywhere in the same conjunction, since && absorbs in both directions.
 */
function unguardedFields(expr: Expr, schema: FactSchema): readonly Issue[] {
  const found = new Map<string, Issue>();
  const visit = (node: Expr, guards: Guards, ranges: Ranges): void => {
    const path = readPath(node, schema, ranges);
    if (path !== null && !guards.has(path)) {
      const at = node.at;
      const message = `${path} may be absent, and then the rule cannot tell and denies`;
      found.set(path, found.get(path) ?? warning('unguarded-field', at, message, `write ${guardFor(node)} && …`));
    }
    switch (node.kind) {
      case 'and':
      case 'or': {
        const inner = new Set([
          ...guards,
          ...node.terms.flatMap((term) => guardsOf(term, node.kind === 'and', ranges)),
        ]);
        node.terms.forEach((term) => visit(term, inner, ranges));
        break;
      }
      case 'conditional': {
        visit(node.test, guards, ranges);
        visit(node.yes, new Set([...guards, ...guardsOf(node.test, true, ranges)]), ranges);
        visit(node.no, new Set([...guards, ...guardsOf(node.test, false, ranges)]), ranges);
        break;
      }
      case 'fold': {
        visit(node.range, guards, ranges);
        const inner = new Map([...ranges, [node.variable, node.range]]);
        for (const child of [node.test, node.step]) {
          if (child !== null) {
            visit(child, guards, inner);
          }
        }
        break;
      }
      case 'const':
      case 'name':
      case 'fact':
      case 'select':
      case 'index':
      case 'call':
      case 'list':
      case 'map':
        childrenOf(node).forEach((child) => visit(child, guards, ranges));
    }
  };
  visit(expr, new Set(), new Map());
  return [...found.values()];
}

/** The path that a node reads when a part of it may be absent: a key of a map, a field of JSON. Null for everything else. */
function readPath(node: Expr, schema: FactSchema, ranges: Ranges): string | null {
  if ((node.kind !== 'select' && node.kind !== 'index') || (node.kind === 'select' && node.test)) {
    return null;
  }
  const fact = rootFact(node, ranges);
  const type = fact === null ? undefined : schema.facts.get(fact)?.type;
  // Every fetched field of an incident is present, "" when it was empty.
  const optional = (type?.kind === 'map' && fact !== 'context.alert') || type?.kind === 'dyn';
  // A list in a map is reached through its key; its own elements are the business of whoever indexes it.
  const ofList = node.kind === 'index' && node.index.kind === 'const' && typeof node.index.value !== 'string';
  return optional && !ofList ? pathOf(node) : null;
}

/** Paths that exist for sure when the expression is `wanted`. */
function guardsOf(expr: Expr, wanted: boolean, ranges: Ranges): readonly string[] {
  if (expr.kind === 'call' && expr.function === '!_') {
    return expr.args.flatMap((arg) => guardsOf(arg, !wanted, ranges));
  }
  if (!wanted) {
    return expr.kind === 'or' ? expr.terms.flatMap((term) => guardsOf(term, false, ranges)) : [];
  }
  if (expr.kind === 'and') {
    return expr.terms.flatMap((term) => guardsOf(term, true, ranges));
  }
  if (expr.kind === 'select' && expr.test) {
    return texts(pathOf({ ...expr, test: false }));
  }
  const [key, container] = expr.kind === 'call' && expr.function === '@in' ? expr.args : [];
  if (key?.kind === 'const' && typeof key.value === 'string' && container !== undefined) {
    const path = pathOf(container);
    return path === null ? [] : [`${path}.${key.value}`];
  }
  return [];
}

function texts(path: string | null): readonly string[] {
  return path === null ? [] : [path];
}

function guardFor(node: Expr): string {
  if (node.kind === 'index') {
    return `${describe(node.index)} in ${describe(node.operand)}`;
  }
  return `has(${describe(node)})`;
}

const PATTERN_CALLS: ReadonlySet<string> = new Set(['matches', 'contains', 'startsWith', 'endsWith']);

const INSTEAD: Readonly<Record<string, string>> = {
  'sql.statement': 'sql.verb, sql.tables, sql.functions or sql.predicates',
  'ssh.command': 'ssh.programs, ssh.argv or ssh.commands',
};

/** Patterns over text that a parser has read already: comments, quoting and case defeat them. */
function textPatterns(expr: Expr): readonly Issue[] {
  const issues: Issue[] = [];
  walk(expr, (node) => {
    const target = node.kind === 'call' && PATTERN_CALLS.has(node.function) ? node.args[0] : undefined;
    const instead = target?.kind === 'fact' ? INSTEAD[target.name] : undefined;
    if (target?.kind === 'fact' && instead !== undefined) {
      const message = `a pattern over ${target.name} is defeated by comments, quoting and case`;
      issues.push(warning('text-regexp', node.at, message, `ask the parsed facts: ${instead}`));
    }
  });
  return issues;
}

const NAME_FACTS: ReadonlySet<string> = new Set([
  'sql.tables',
  'sql.functions',
  'sql.reads',
  'sql.writes',
  'sql.columns',
  'sql.write_columns',
]);

/** Capitals in a name that Postgres spells in lower case unless it was quoted. */
function capitalNames(expr: Expr): readonly Issue[] {
  const issues: Issue[] = [];
  const visit = (node: Expr, ranges: Ranges): void => {
    if (node.kind === 'call' && node.args.some((arg) => NAME_FACTS.has(rootFact(arg, ranges) ?? ''))) {
      for (const arg of node.args) {
        walk(arg, (literal) => {
          if (literal.kind === 'const' && typeof literal.value === 'string' && /[A-Z]/.test(literal.value)) {
            const message = `'${literal.value}' has capitals; names that are not quoted are lower-case in the facts`;
            issues.push(
              warning(
                'case-table',
                literal.at,
                message,
                `write '${literal.value.toLowerCase()}' unless the name is quoted in SQL`,
              ),
            );
          }
        });
      }
    }
    const inner = node.kind === 'fold' ? new Map([...ranges, [node.variable, node.range]]) : ranges;
    childrenOf(node).forEach((child) => visit(child, inner));
  };
  visit(expr, new Map());
  return issues.filter((issue, index) => issues.findIndex(({ at }) => at === issue.at) === index);
}

/** Conditions that are always false: contradicting conjuncts, constants, combinations that no request has. */
function impossible(expr: Expr): readonly Issue[] {
  if (expr.kind === 'const' && expr.value === false) {
    return [
      warning(
        'dead-combination',
        expr.at,
        'the condition is always false',
        'use disabled = true to keep a rule for later',
      ),
    ];
  }
  const sets = setsOf(expr);
  const clash = sets.find((set, index) =>
    sets.slice(0, index).some((other) => other.fact === set.fact && set.single && isDisjoint(set.values, other.values)),
  );
  if (clash !== undefined) {
    return [
      warning(
        'dead-combination',
        expr.at,
        `${clash.fact} is asked to be two things at once`,
        'join the values with `in`',
      ),
    ];
  }
  const resource = sets.find(({ fact }) => fact === 'k8s.resource');
  const verb = sets.find(({ fact }) => fact === 'k8s.verb');
  if (
    resource !== undefined &&
    verb !== undefined &&
    !verb.values.has('connect') &&
    [...resource.values].every((name) => CONNECT_RESOURCES.has(name))
  ) {
    return [
      warning(
        'dead-combination',
        expr.at,
        `${[...resource.values].join(', ')} has the verb connect, whatever the method`,
        "write k8s.verb == 'connect'",
      ),
    ];
  }
  return [];
}

function isDisjoint(left: ReadonlySet<string>, right: ReadonlySet<string>): boolean {
  return [...left].every((value) => !right.has(value));
}

/** Facts that the agent sets to whatever it likes, at no cost. */
const FREE: ReadonlySet<string> = new Set(['context.reason', 'context.incident', 'ssh.user', 'http.headers']);

/** Facts that an agent settles by what it says of itself: it names the incident, and with it the alert, for whatever else it does. */
const SAID: ReadonlySet<string> = new Set(['context.reason', 'context.incident', 'context.alert']);

function agentChosen(expr: Expr): readonly Issue[] {
  const facts = [...factsRead(expr)];
  const said = facts.filter((name) => SAID.has(name));
  if (facts.length === 0 || !facts.every((name) => FREE.has(name) || SAID.has(name))) {
    return said.length === 0
      ? []
      : [
          warning(
            'agent-chosen',
            expr.at,
            `this allows by ${said.join(', ')}, which hangs on what the agent says of itself`,
            'let it narrow: deny, or ask a person, where it does not fit, and allow by what the gateway measured',
          ),
        ];
  }
  return [
    warning(
      'agent-chosen',
      expr.at,
      `the agent chooses ${facts.join(', ')} freely, and nothing else is asked for`,
      'ask for something that the gateway measured as well',
    ),
  ];
}
