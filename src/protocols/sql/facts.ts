// Facts of one unit: an outline bound to a connection's state (fact reference 3.2 to 3.5). Values are made when first read.
import { GatewayError } from '../../lib/errors.ts';
import { Unknown, type FactRecord, type FactValue, type Facts, type UnknownCause } from '../../rules/action.ts';
import type { FactSchema } from '../../rules/fact-schema.ts';
import { factSchemas } from '../../rules/schemas.ts';
import { pathKnown, type ParameterValue, type SqlState } from './analysis.ts';
import type { Name, Predicate, UnitOutline } from './outline.ts';

/** What a dialect knows about names and shapes that the facts need. */
export interface FactDialect {
  /** All forms under which a name is listed; null when the search path decides and is not known. */
  nameForms(name: Name, state: SqlState): readonly string[] | null;
  fingerprint(text: string): string | null;
}

/** What a unit's facts are made from. */
export interface UnitFactsParts {
  readonly outline: UnitOutline;
  readonly state: SqlState;
  readonly transaction: 'idle' | 'open' | 'failed';
  /** Top-level statements of the batch. */
  readonly statements: number;
  /** Null: not bound yet. */
  readonly parameters: readonly ParameterValue[] | null;
  readonly dialect: FactDialect;
  readonly risk: string;
  readonly riskCauses: readonly string[];
  /** Facts of the query that are not the text's: what came with it. */
  readonly extra?: ReadonlyMap<string, FactValue>;
}

/** The facts that every protocol of SQL has. */
export function sqlSchema(): FactSchema {
  const schema = factSchemas.get('sql');
  if (schema === undefined) {
    throw new GatewayError('INTERNAL', 'gateway', 'there is no fact schema of the family sql');
  }
  return schema;
}

/** What `sql.row_limit` is when there is no limit: so large that no comparison with a limit holds. */
const NO_LIMIT = 9_223_372_036_854_775_807n;

type Getter = (facts: SqlFacts) => FactValue;

export class SqlFacts implements Facts {
  readonly parts: UnitFactsParts;
  #values: Map<string, FactValue> | null = null;

  constructor(parts: UnitFactsParts) {
    this.parts = parts;
  }

  get(name: string): FactValue | undefined {
    const known = this.#values?.get(name);
    if (known !== undefined) {
      return known;
    }
    const value = this.#make(name);
    if (value !== undefined) {
      this.#values ??= new Map();
      this.#values.set(name, value);
    }
    return value;
  }

  #make(name: string): FactValue | undefined {
    const extra = this.parts.extra?.get(name);
    if (extra !== undefined) {
      return extra;
    }
    const always = ALWAYS[name];
    if (always !== undefined) {
      return always(this);
    }
    const getter = GETTERS[name];
    if (getter === undefined) {
      return NEUTRAL[name];
    }
    const { blank } = this.parts.outline;
    if (blank !== null) {
      return readUnread(name, this.parts.outline, blank);
    }
    return this.parts.outline.hidden && HIDDEN.has(name) ? new Unknown('dynamic') : getter(this);
  }

  names(pick: (relation: { read: boolean; write: boolean }) => boolean): FactValue {
    const { outline, dialect, state } = this.parts;
    if (!outline.relationsKnown) {
      return new Unknown(outline.clickhouse === null ? 'unresolved' : 'dynamic');
    }
    const forms = new Set<string>();
    for (const relation of outline.relations.values()) {
      if (!pick(relation)) {
        continue;
      }
      const found = dialect.nameForms(relation, state);
      if (found === null) {
        return new Unknown('unresolved');
      }
      for (const form of found) {
        forms.add(form);
      }
    }
    return [...forms];
  }

  objects(): FactValue {
    const { outline, dialect, state } = this.parts;
    const forms = new Set<string>();
    for (const name of outline.objects.values()) {
      const found = SCHEMALESS.has(outline.object) ? [name.name] : dialect.nameForms(name, state);
      if (found === null) {
        return new Unknown('unresolved');
      }
      for (const form of found) {
        forms.add(form);
      }
    }
    return [...forms];
  }

  /** Values of the bound parameters, one per `$n` of the unit's text. */
  parameters(read: (value: ParameterValue) => FactValue | null): FactValue {
    const { outline, parameters } = this.parts;
    if (outline.parameters === 0) {
      return [];
    }
    if (parameters === null) {
      return new Unknown('dynamic');
    }
    const values: FactValue[] = [];
    for (let index = 0; index < outline.parameters; index += 1) {
      const value = read(parameters[index] ?? { kind: 'opaque' });
      if (value === null) {
        return new Unknown('undecodable');
      }
      values.push(value);
    }
    return values;
  }
}

/** Objects that live in no schema. */
const SCHEMALESS = new Set(
  (
    'schema database role tablespace extension language fdw server user_mapping publication subscription event_trigger ' +
    'access_method policy trigger rule column constraint parameter owned cast'
  ).split(' '),
);

/** Facts that are Unknown when something in the unit cannot be seen. */
const HIDDEN = new Set([
  'sql.tables',
  'sql.functions',
  'sql.volatile_functions',
  'sql.function_effects',
  'sql.columns',
  'sql.write_columns',
  'sql.table_functions',
  'sql.dictionaries',
  'sql.reads',
  'sql.writes',
  'sql.verbs',
  'sql.effects',
]);

/** Of a unit that was not read: its text where there is one, and that it is opaque. */
function readUnread(
  name: string,
  outline: UnitOutline,
  blank: { readonly cause: UnknownCause; readonly standin: boolean },
): FactValue {
  if (!blank.standin) {
    if (name === 'sql.statement' && outline.text !== null) {
      return outline.text;
    }
    if (name === 'sql.is_opaque') {
      return true;
    }
    if (name === 'sql.opaque_causes') {
      return [...outline.opaqueCauses];
    }
  }
  return new Unknown(blank.cause);
}

/** Known whatever the text is. */
const ALWAYS: Readonly<Record<string, Getter>> = {
  risk: ({ parts }) => parts.risk,
  risk_causes: ({ parts }) => parts.riskCauses,
  'sql.database': ({ parts }) => parts.state.database,
  'sql.user': ({ parts }) => parts.state.user,
  'sql.role': ({ parts }) => parts.state.role ?? new Unknown('dynamic'),
  'sql.transaction': ({ parts }) => parts.transaction,
};

const GETTERS: Readonly<Record<string, Getter>> = {
  'sql.verb': ({ parts }) => parts.outline.verb,
  'sql.verbs': ({ parts }) => [...parts.outline.verbs],
  'sql.tables': (facts) => facts.names(() => true),
  'sql.reads': (facts) => facts.names((relation) => relation.read),
  'sql.writes': (facts) => facts.names((relation) => relation.write),
  'sql.functions': ({ parts }) => [...parts.outline.functions],
  'sql.statement': ({ parts }) => parts.outline.text ?? new Unknown('unparseable'),
  'sql.context': ({ parts }) => parts.outline.context,
  'sql.statements': ({ parts }) => BigInt(parts.statements),
  'sql.effects': ({ parts }) => [...parts.outline.effects],
  'sql.columns': ({ parts }) =>
    parts.outline.opaqueCauses.size > 0 ? new Unknown('dynamic') : [...parts.outline.columns],
  'sql.write_columns': ({ parts }) => [...parts.outline.writeColumns],
  'sql.predicates': ({ parts }) => parts.outline.predicates.map((predicate) => predicateRecord(predicate, parts)),
  'sql.predicates_complete': ({ parts }) => parts.outline.predicatesComplete,
  'sql.has_where': ({ parts }) => parts.outline.hasWhere ?? false,
  'sql.bounded': ({ parts }) => parts.outline.bounded ?? false,
  'sql.row_limit': ({ parts }) => rowLimit(parts),
  'sql.locking': ({ parts }) => parts.outline.locking,
  'sql.object': ({ parts }) => parts.outline.object,
  'sql.objects': (facts) => facts.objects(),
  'sql.cascade': ({ parts }) => parts.outline.cascade,
  'sql.copy_direction': ({ parts }) => parts.outline.copy.direction,
  'sql.copy_channel': ({ parts }) => parts.outline.copy.channel,
  'sql.copy_program': ({ parts }) => parts.outline.copy.program,
  'sql.copy_file': ({ parts }) => parts.outline.copy.file,
  'sql.roles': ({ parts }) => (parts.outline.rolesKnown ? [...parts.outline.roles] : new Unknown('dynamic')),
  'sql.settings': ({ parts }) => (parts.outline.settingsKnown ? parts.outline.settings : new Unknown('dynamic')),
  'sql.volatile_functions': ({ parts }) => [...parts.outline.volatileFunctions],
  'sql.function_effects': ({ parts }) => [...parts.outline.functionEffects],
  'sql.is_opaque': ({ parts }) => parts.outline.opaqueCauses.size > 0,
  'sql.opaque_causes': ({ parts }) => [...parts.outline.opaqueCauses],
  'sql.params': (facts) =>
    facts.parameters((value) => (value.kind === 'text' ? value.text : value.kind === 'null' ? '' : null)),
  'sql.param_nulls': (facts) => facts.parameters((value) => (value.kind === 'opaque' ? null : value.kind === 'null')),
  'sql.fingerprint': ({ parts }) => fingerprint(parts),
  'sql.table_functions': ({ parts }) => [...(parts.outline.clickhouse?.tableFunctions ?? [])],
  'sql.dictionaries': ({ parts }) =>
    parts.outline.clickhouse?.dictionariesKnown === false
      ? new Unknown('dynamic')
      : [...(parts.outline.clickhouse?.dictionaries ?? [])],
  'sql.format': ({ parts }) => parts.outline.clickhouse?.format ?? '',
  'sql.outfile': ({ parts }) => parts.outline.clickhouse?.outfile ?? '',
  'sql.infile': ({ parts }) => parts.outline.clickhouse?.infile ?? '',
  'sql.cluster': ({ parts }) => parts.outline.clickhouse?.cluster ?? '',
  'sql.engine': ({ parts }) => parts.outline.clickhouse?.engine ?? '',
};

/** What a fact of another dialect is here. */
const NEUTRAL: Readonly<Record<string, FactValue>> = {
  'sql.query_params': new Map(),
  'sql.external_tables': [],
  'sql.interface': '',
};

function fingerprint(parts: UnitFactsParts): FactValue {
  const { text, fingerprint: known } = parts.outline;
  known.value ??= text === null ? null : parts.dialect.fingerprint(text);
  return known.value ?? new Unknown('unparseable');
}

function rowLimit(parts: UnitFactsParts): FactValue {
  const limit = parts.outline.rowLimit;
  switch (limit.kind) {
    case 'none':
      return NO_LIMIT;
    case 'rows':
      return limit.rows;
    case 'unknown':
      return new Unknown('dynamic');
    case 'param': {
      const value = parts.parameters === null ? null : (parts.parameters[limit.param - 1] ?? { kind: 'opaque' });
      if (value === null) {
        return new Unknown('dynamic');
      }
      if (value.kind === 'null') {
        return NO_LIMIT;
      }
      return value.kind === 'text' && /^\s*\+?\d{1,18}\s*$/.test(value.text)
        ? BigInt(value.text.trim().replace('+', ''))
        : new Unknown('undecodable');
    }
  }
}

function predicateRecord(predicate: Predicate, parts: UnitFactsParts): FactRecord {
  // An operator means what the search path says it means.
  const op = pathKnown(parts.state) ? predicate.op : 'other';
  if (predicate.kind === 'param') {
    const base = { table: predicate.table, column: predicate.column, op };
    return { ...base, ...boundValue(parts.parameters?.[predicate.param - 1] ?? null, parts.parameters !== null) };
  }
  const { value, values, kind, numeric, temporal } = predicate;
  return {
    table: predicate.table,
    column: predicate.column,
    op,
    value,
    values,
    kind,
    number: kind === 'literal' && numeric ? Number(value) : NOT_A_NUMBER,
    time: kind === 'literal' && temporal ? timeOf(value) : NOT_A_TIME,
  };
}

const NOT_A_NUMBER = new Unknown('dynamic');
const NOT_A_TIME = new Unknown('ambiguous');

function boundValue(value: ParameterValue | null, bound: boolean): FactRecord {
  if (value?.kind === 'text') {
    const number = /^[+-]?(\d+(?:\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(value.text)
      ? Number(value.text)
      : new Unknown('undecodable');
    return { value: value.text, values: [], kind: 'literal', number, time: timeOf(value.text) };
  }
  const cause: UnknownCause = bound ? 'undecodable' : 'dynamic';
  const unknown = new Unknown(cause);
  return value?.kind === 'null'
    ? { value: '', values: [], kind: 'literal', number: unknown, time: unknown }
    : { value: unknown, values: [], kind: 'param', number: unknown, time: unknown };
}

const ISO = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(\.\d{1,9})?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?)?$/i;

/** An unambiguous ISO 8601 date or date-time, else Unknown: what other forms mean hangs on DateStyle or the clock. */
export function timeOf(text: string): FactValue {
  const match = ISO.exec(text.trim());
  if (match === null) {
    return NOT_A_TIME;
  }
  const [, year = '', month = '', day = '', hour = '00', minute = '00', second = '00', fraction = '', zone = 'Z'] =
    match;
  const offset =
    zone.toUpperCase() === 'Z' ? 'Z' : zone.length === 3 ? `${zone}:00` : zone.replace(/^(.\d{2})(\d{2})$/, '$1:$2');
  const time = parseTime(`${year}-${month}-${day}T${hour}:${minute}:${second}${fraction.slice(0, 4)}${offset}`);
  // A day that its month does not have is moved on by the parser and refused by the server.
  const back = time === null ? '' : isoDay(parseTime(`${year}-${month}-${day}T00:00:00Z`));
  return time !== null && back === `${year}-${month}-${day}` ? time : NOT_A_TIME;
}

/** Null for what is no date. Makes a value from text and asks no clock. */
function parseTime(text: string): Date | null {
  // oxlint-disable-next-line no-restricted-globals -- a value made from text; the clock is not asked
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? null : time;
}

function isoDay(time: Date | null): string {
  return time === null ? '' : time.toISOString().slice(0, 10);
}
