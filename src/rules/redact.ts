// What is stored and shown of a request: its text and its facts with values masked that somebody could log in with. SSH has
// no names to go by and stays as it is. Pure.
import type { Action, FactRecord, FactValue, Family, Unit } from './action.ts';
import { MASKED } from './header-name.ts';
import { maskBody, maskPairs, maskRequestText } from './redact-text.ts';
import type { Masker } from './redact-text.ts';
import { maskSqlText } from './redact-sql.ts';
import { keyMasking, maskingInside } from './redactor.ts';
import type { Masking, Redactor } from './redactor.ts';

/** The text of an action as it is kept. */
export function redactText(action: Action, redactor: Redactor): string {
  const { text } = action.evidence;
  if (action.family === 'sql') {
    return maskSqlText(text, redactor);
  }
  // The units of a safe statement are not asked for: they may have to be made.
  return hasNames(action.family) ? maskRequestText(text, maskerOf(redactor, action.family, action.units)) : text;
}

/** The line for people as it is kept. */
export function redactSummary({ family, summary }: Pick<Action, 'family' | 'summary'>, redactor: Redactor): string {
  return family === 'sql' ? maskSqlText(summary, redactor) : summary;
}

/** Gives a fact's value as it is kept; the same value where nothing is masked in that family. */
export function factRedaction(
  unit: Unit,
  family: Family,
  redactor: Redactor,
): (value: FactValue, name: string) => FactValue {
  if (family === 'sql') {
    return (value, name) => redactSqlFact(value, name, redactor);
  }
  if (!hasNames(family)) {
    return (value) => value;
  }
  const masker = maskerOf(redactor, family, [unit]);
  return (value, name) => {
    if (typeof value === 'string') {
      return redactString(value, name, { unit, masker });
    }
    const masking = MASKING_OF.get(name)?.(redactor) ?? masker.masking;
    return typeof value === 'object' ? maskValue(value, 'keep', masking) : value;
  };
}

/** Operators of predicates that compare with one value; values of others are bounds, which people have to see. */
const EQUALS: ReadonlySet<string> = new Set(['=', 'in']);

function redactSqlFact(value: FactValue, name: string, redactor: Redactor): FactValue {
  switch (name) {
    case 'sql.statement':
      return typeof value === 'string' ? maskSqlText(value, redactor) : value;
    case 'sql.settings':
    case 'sql.query_params':
      return maskValue(value, 'keep', (key) => (redactor.parameter(key) ? 'all' : 'keep'));
    case 'sql.predicates':
      return Array.isArray(value) ? value.map((one: FactValue) => redactPredicate(one, redactor)) : value;
    default:
      return value;
  }
}

function redactPredicate(predicate: FactValue, redactor: Redactor): FactValue {
  if (!isRecord(predicate)) {
    return predicate;
  }
  const { column, op } = predicate;
  const hides = typeof column === 'string' && typeof op === 'string' && redactor.key(column) && EQUALS.has(op);
  return hides ? maskValue(predicate, 'keep', (key) => (key.startsWith('value') ? 'all' : 'keep')) : predicate;
}

function isRecord(value: FactValue): value is FactRecord {
  return isKeyed(value) && !(value instanceof Map);
}

function hasNames(family: Family): boolean {
  return family === 'http' || family === 'k8s';
}

function maskerOf(redactor: Redactor, family: Family, units: readonly Unit[]): Masker {
  const isKubernetes = family === 'k8s';
  const isSecret = isKubernetes && units.some(({ facts }) => facts.get('k8s.resource_type') === 'secrets');
  return { redactor, isSecret, masking: keyMasking(redactor, { isKubernetes, isSecret }) };
}

const byParameter =
  (redactor: Redactor) =>
  (name: string): Masking =>
    redactor.parameter(name) ? 'all' : 'keep';

/** Facts whose keys are no keys of JSON. */
const MASKING_OF: ReadonlyMap<string, (redactor: Redactor) => (key: string) => Masking> = new Map([
  [
    'http.headers',
    (redactor: Redactor) =>
      (name: string): Masking =>
        redactor.header(name) ? 'all' : 'keep',
  ],
  ['http.query', byParameter],
  ['http.form', byParameter],
  ['k8s.params', byParameter],
  ['k8s.params_all', byParameter],
]);

function redactString(
  value: string,
  name: string,
  { unit, masker }: { readonly unit: Unit; readonly masker: Masker },
): string {
  switch (name) {
    case 'http.raw_query':
      return maskPairs(value, masker.redactor);
    case 'http.body': {
      const type = unit.facts.get('http.content_type');
      return maskBody(value, typeof type === 'string' ? type : '', masker);
    }
    case 'http.message':
      return maskBody(value, '', masker);
    default:
      return value;
  }
}

type Container = readonly FactValue[] | ReadonlyMap<string, FactValue> | FactRecord;

function maskValue(value: FactValue, holds: Masking, masking: (key: string) => Masking): FactValue {
  if (Array.isArray(value)) {
    const items: readonly FactValue[] = value;
    return items.map((item) => maskValue(item, maskingInside(holds, true), masking));
  }
  if (!isKeyed(value)) {
    return holds === 'keep' || value === '' || value === null || value === undefined ? value : MASKED;
  }
  const inside = maskingInside(holds, false);
  const entry = (key: string, item: FactValue): [string, FactValue] => [
    key,
    maskValue(item, inside === 'all' ? 'all' : masking(key), masking),
  ];
  return value instanceof Map
    ? new Map([...value].map(([key, item]: [string, FactValue]) => entry(key, item)))
    : Object.fromEntries(Object.entries(value).map(([key, item]) => entry(key, item)));
}

function isKeyed(value: FactValue): value is Exclude<Container, readonly FactValue[]> {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  return value instanceof Map || prototype === Object.prototype || prototype === null;
}
