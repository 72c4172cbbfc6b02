// From a record to what goes into the team's repository: a fixture for `clawpatrol test`, and a rule that denies its like. Pure; the page
// shows the text to copy and writes nothing.
import type { RecordJson } from '../../client/control-shapes.ts';
import { isObject } from '../../lib/fields.ts';

/** What of an action's records a fixture and a rule are made of; null when they do not say enough. */
export interface Decided {
  readonly endpoint: string;
  readonly family: string;
  readonly text: string;
  readonly complete: boolean;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly verdict: string;
  readonly rule: string;
  readonly risk: string;
  readonly approvers: readonly string[];
}

/** Reads an action's records: the first decision is the rules' own, before a person was asked. */
export function readDecided(records: readonly RecordJson[]): Decided | null {
  const first = records.find(({ type, verdict }) => type === 'action.decided' && verdict !== null);
  const facts = Array.isArray(first?.facts) ? (first.facts[0] as unknown) : first?.facts;
  if (first === undefined || first.endpoint === null || first.family === null || !isObject(facts)) {
    return null;
  }
  return {
    endpoint: first.endpoint,
    family: first.family,
    text: first.text ?? '',
    complete: first.text_complete,
    facts,
    verdict: first.verdict ?? '',
    rule: first.rule ?? '',
    risk: first.risk ?? '',
    approvers: first.approvers,
  };
}

/** A fixture's JSON; a text that says why there is none. */
export function fixtureOf(decided: Decided): { readonly json: string } | { readonly why: string } {
  const described = describe(decided);
  if (described === null) {
    return { why: `The record does not hold enough of a request of ${decided.family} to make a fixture.` };
  }
  if (decided.family === 'sql' && !decided.complete) {
    return { why: 'Only the beginning of the statement is stored, and a fixture needs all of it.' };
  }
  const match = {
    verdict: decided.verdict,
    rule: decided.rule,
    endpoint: decided.endpoint,
    risk: decided.risk,
    ...(decided.verdict === 'approve' ? { approvers: decided.approvers } : {}),
  };
  return { json: `${JSON.stringify({ action: { [decided.family]: described }, match }, null, 2)}\n` };
}

function describe({ family, text, facts }: Decided): object | null {
  const http = facts['http'];
  const k8s = facts['k8s'];
  switch (family) {
    case 'sql': {
      const sql = facts['sql'];
      const database = isObject(sql) ? sql['database'] : undefined;
      return { statement: text, ...(typeof database === 'string' && database !== '' ? { database } : {}) };
    }
    case 'http':
      return isObject(http) ? pick(http, ['method', 'path', 'query']) : null;
    case 'k8s':
      return isObject(http)
        ? pick(http, ['method', 'path', 'query'])
        : isObject(k8s)
          ? pick(k8s, ['verb', 'resource', 'namespace', 'name'])
          : null;
    default:
      return null;
  }
}

function pick(from: Readonly<Record<string, unknown>>, names: readonly string[]): object {
  return Object.fromEntries(
    names.flatMap((name): [string, unknown][] => {
      const value = from[name];
      return value === undefined || value === '' || (isObject(value) && Object.keys(value).length === 0)
        ? []
        : [[name, value]];
    }),
  );
}

/** HCL of a rule that denies what is like it; null when the facts say too little to tell its like. */
export function ruleOf(decided: Decided): string | null {
  const terms = termsOf(decided);
  if (terms.length === 0) {
    return null;
  }
  return [
    `rule "${ruleName(decided)}" {`,
    `  endpoint  = ${decided.endpoint}`,
    '  priority  = 200',
    `  condition = ${hclText(terms.join(' && '))}`,
    '  verdict   = "deny"',
    '  reason    = "blocked from the dashboard; say here what to do instead"',
    '}',
    '',
  ].join('\n');
}

function termsOf({ family, facts }: Decided): readonly string[] {
  switch (family) {
    case 'sql': {
      const sql = isObject(facts['sql']) ? facts['sql'] : {};
      const tables = Array.isArray(sql['tables']) ? sql['tables'].filter((one) => typeof one === 'string') : [];
      return [
        ...equals('sql.verb', sql['verb']),
        ...(tables.length === 0 ? [] : [`sql.tables.exists(t, t in [${tables.map(celText).join(', ')}])`]),
      ];
    }
    case 'k8s': {
      const k8s = isObject(facts['k8s']) ? facts['k8s'] : {};
      return ['verb', 'resource', 'namespace'].flatMap((name) => equals(`k8s.${name}`, k8s[name]));
    }
    case 'http': {
      const http = isObject(facts['http']) ? facts['http'] : {};
      return ['method', 'path'].flatMap((name) => equals(`http.${name}`, http[name]));
    }
    default:
      return [];
  }
}

function equals(name: string, value: unknown): readonly string[] {
  return typeof value === 'string' && value !== '' ? [`${name} == ${celText(value)}`] : [];
}

function ruleName({ family, facts }: Decided): string {
  const group = facts[family];
  const word = isObject(group) ? (group['verb'] ?? group['method']) : '';
  return `block-${typeof word === 'string' && word !== '' ? word.toLowerCase().replaceAll(/[^a-z0-9-]+/g, '-') : family}`;
}

/** A CEL string in single quotes. */
function celText(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll("'", "\\'")
    .replaceAll(
      /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
      (char) => `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
    );
  return `'${escaped}'`;
}

/** An HCL string in double quotes, in which nothing is a template. */
function hclText(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('${', () => '$${')
    .replaceAll('%{', '%%{');
  return `"${escaped}"`;
}
