// What a dialect's analysis finds out about one unit, as plain data (it crosses a thread boundary for long texts): nothing here
// depends on the connection. Binding to a connection's state turns it into facts (sql/facts.ts).
import type { Risk, UnknownCause } from '../../rules/action.ts';
import type { SqlStateChange } from './analysis.ts';

export type UnitContext =
  | 'top'
  | 'cte'
  | 'explain'
  | 'prepare'
  | 'execute'
  | 'cursor'
  | 'copy'
  | 'ctas'
  | 'view'
  | 'rule'
  | 'function'
  | 'do'
  | 'schema'
  | 'parallel'
  | 'execute_as';

/** A relation or object name as written, folded; the search path is applied later. */
export interface Name {
  readonly database: string | null;
  readonly schema: string | null;
  readonly name: string;
  /** It can only be one of the connection's own temporary tables. */
  readonly temporary?: true;
}

/** A relation that a unit names, and what the unit does with it. */
export interface Relation extends Name {
  read: boolean;
  write: boolean;
}

/** What only ClickHouse has. */
export interface ClickHouseOutline {
  /** Table functions by their own names. */
  tableFunctions: Set<string>;
  dictionaries: Set<string>;
  /** False when a dictionary is named by an expression. */
  dictionariesKnown: boolean;
  format: string;
  outfile: string;
  infile: string;
  cluster: string;
  engine: string;
  /** Operators by the names of their functions, which the text does not spell. */
  operators: Set<string>;
  /** Relations whose name is a parameter; only a query's own values tell them. */
  relationParameters: RelationParameter[];
}

/** `{name:Identifier}` where a relation stands. A part is a parameter's name or a written one. */
export interface RelationParameter {
  readonly database: NamePart | null;
  readonly name: NamePart;
  readonly read: boolean;
  readonly write: boolean;
}

export type NamePart = { readonly kind: 'written' | 'parameter'; readonly text: string };

/** A conjunct of the form *column op constant* (fact reference 3.5). */
export interface Predicate {
  readonly table: string;
  readonly column: string;
  readonly op: string;
  readonly kind: 'literal' | 'param' | 'expr' | 'column' | 'list' | 'subquery';
  /** Literal text, or the text of an expression; "" when there is none. */
  readonly value: string;
  /** Values of an `in` list when all are literals, null entries being parameters (see `params`). */
  readonly values: readonly string[];
  /** Whether the literal is written as a number. */
  readonly numeric: boolean;
  /** Whether the literal may be read as a point in time (not converted to something else). */
  readonly temporal: boolean;
  /** Number of the parameter for kind `param`, else 0. */
  readonly param: number;
  /** Byte offsets of the literals in the text that holds the unit, for texts of one shape; empty when they cannot be given. */
  readonly offsets: readonly number[];
}

/** LIMIT of the outermost SELECT. */
export type RowLimit =
  | { readonly kind: 'none' }
  | { readonly kind: 'rows'; readonly rows: bigint; readonly offset: number }
  | { readonly kind: 'param'; readonly param: number }
  | { readonly kind: 'unknown' };

/** A reference to something that an earlier statement of the connection made. */
export interface Lookup {
  readonly kind: 'prepared' | 'cursor';
  readonly name: string;
  /** Literal arguments of EXECUTE in text form; undefined entries are not literal, null is SQL NULL. */
  readonly arguments: readonly (string | null | undefined)[];
  /** Only planned, not run (EXPLAIN EXECUTE): no units of its own. */
  readonly planned: boolean;
}

export type RiskNote = { readonly tier: Risk; readonly cause: string; readonly reason: string };

export type OpaqueCause =
  | 'unparseable'
  | 'too_large'
  | 'dynamic_sql'
  | 'procedural_language'
  | 'unknown_statement'
  | 'unknown_prepared'
  | 'unknown_function'
  | 'encoding'
  | 'session_state'
  | 'multi_parse';

/** One unit before it is bound. Mutable while the analysis builds it, never afterwards. */
export interface UnitOutline {
  context: UnitContext;
  /** Why nothing but the statement text is known, or null for a unit that was read. `standin`: not even that. */
  blank: { readonly cause: UnknownCause; readonly standin: boolean } | null;
  verb: string;
  verbs: Set<string>;
  /** Its own text, or null when that could not be cut out. */
  text: string | null;
  /** Byte range of `text` in the whole text, or null for nested units that are not a slice of it. */
  range: readonly [start: number, end: number] | null;
  relations: Map<string, Relation>;
  /** False when it is about relations that it does not name (ALL TABLES IN SCHEMA). */
  relationsKnown: boolean;
  functions: Set<string>;
  volatileFunctions: Set<string>;
  functionEffects: Set<string>;
  /** Unqualified calls and operators of pg_catalog that another schema could shadow. */
  shadowable: Set<string>;
  columns: Set<string>;
  writeColumns: Set<string>;
  effects: Set<string>;
  object: string;
  objects: Map<string, Name>;
  cascade: boolean;
  copy: {
    readonly direction: 'none' | 'in' | 'out';
    readonly channel: 'none' | 'client' | 'file' | 'program';
    readonly program: string;
    readonly file: string;
  };
  roles: Set<string>;
  rolesKnown: boolean;
  settings: Map<string, string>;
  settingsKnown: boolean;
  predicates: Predicate[];
  predicatesComplete: boolean;
  /** Null where the notion does not apply. */
  hasWhere: boolean | null;
  bounded: boolean | null;
  rowLimit: RowLimit;
  locking: string;
  notes: RiskNote[];
  opaqueCauses: Set<OpaqueCause>;
  /** Something in it cannot be seen: tables, functions, columns, reads, writes, verbs and effects are Unknown. */
  hidden: boolean;
  /** RESET ALL, DISCARD ALL, RESET SESSION AUTHORIZATION: identity when the gateway set a role at login. */
  resetsRole: boolean;
  /** Oldest server major that reads this unit as our grammar does, 0 for all. */
  sinceMajor: number;
  lookup: Lookup | null;
  refused: string | null;
  /** Highest parameter number. */
  parameters: number;
  /** The text's fingerprint once somebody asked for it; shared by all outlines of a shape. */
  fingerprint: { value: string | null | undefined };
  /** A fact of class `shape` was decided by the value of an integer literal. */
  literalSensitive: boolean;
  clickhouse: ClickHouseOutline | null;
  nested: UnitOutline[];
}

/** A state change as plain data: the statement that PREPARE and DECLARE store is an outline, not yet a Judgeable. */
export type OutlineChange =
  | Exclude<SqlStateChange, { readonly kind: 'prepare' } | { readonly kind: 'declare' }>
  | { readonly kind: 'prepare'; readonly name: string; readonly statement: StatementOutline }
  | { readonly kind: 'declare'; readonly name: string; readonly hold: boolean; readonly statement: StatementOutline };

/** One top-level statement. */
export interface StatementOutline {
  readonly unit: UnitOutline;
  readonly changes: readonly OutlineChange[];
  readonly copyIn: boolean;
}

/** The analysis of a whole text. */
export interface TextOutline {
  readonly statements: readonly StatementOutline[];
}

/** A unit about which nothing is known yet. */
export function createOutline(context: UnitContext): UnitOutline {
  return {
    context,
    blank: null,
    verb: 'other',
    verbs: new Set(),
    text: null,
    range: null,
    relations: new Map(),
    relationsKnown: true,
    functions: new Set(),
    volatileFunctions: new Set(),
    functionEffects: new Set(),
    shadowable: new Set(),
    columns: new Set(),
    writeColumns: new Set(),
    effects: new Set(),
    object: 'none',
    objects: new Map(),
    cascade: false,
    copy: { direction: 'none', channel: 'none', program: '', file: '' },
    roles: new Set(),
    rolesKnown: true,
    settings: new Map(),
    settingsKnown: true,
    predicates: [],
    predicatesComplete: false,
    hasWhere: null,
    bounded: null,
    rowLimit: { kind: 'none' },
    locking: 'none',
    notes: [],
    opaqueCauses: new Set(),
    hidden: false,
    resetsRole: false,
    sinceMajor: 0,
    lookup: null,
    refused: null,
    parameters: 0,
    fingerprint: { value: undefined },
    literalSensitive: false,
    clickhouse: null,
    nested: [],
  };
}

/** A unit for something that exists and cannot be seen: all its facts are Unknown. */
export function createStandIn(context: UnitContext, cause: OpaqueCause, unknown: UnknownCause): UnitOutline {
  const outline = createOutline(context);
  outline.blank = { cause: unknown, standin: true };
  markOpaque(outline, cause);
  return outline;
}

/** Records that part of the unit cannot be accounted for. Opaque is destructive. */
export function markOpaque(outline: UnitOutline, cause: OpaqueCause): void {
  outline.opaqueCauses.add(cause);
  outline.effects.add('opaque');
}

/** Adds a relation, or widens what is done with one that is there. */
export function addRelation(outline: UnitOutline, name: Name, use: { read?: boolean; write?: boolean }): void {
  const key = nameKey(name);
  const known = outline.relations.get(key);
  if (known === undefined) {
    outline.relations.set(key, { ...name, read: use.read === true, write: use.write === true });
    return;
  }
  known.read ||= use.read === true;
  known.write ||= use.write === true;
}

export function nameKey(name: Name): string {
  return JSON.stringify([name.database, name.schema, name.name]);
}

/** Strength of row locks in rising order. */
export const LOCKS: readonly string[] = ['none', 'for_key_share', 'for_share', 'for_no_key_update', 'for_update'];

/** Lets the outer unit's facts include a nested one's (fact reference 3.2, 3.4). `planned`: it only is planned, nothing runs. */
export function mergeNested(outer: UnitOutline, inner: UnitOutline, planned: boolean = false): void {
  if (inner.blank !== null || inner.hidden) {
    outer.hidden = true;
  }
  for (const relation of inner.relations.values()) {
    addRelation(outer, relation, { read: relation.read, write: relation.write && !planned });
  }
  for (const key of ['functions', 'volatileFunctions', 'functionEffects', 'shadowable', 'columns', 'roles'] as const) {
    addAll(outer[key], inner[key]);
  }
  addAll(outer.opaqueCauses, inner.opaqueCauses);
  if (inner.opaqueCauses.size > 0) {
    outer.effects.add('opaque');
  }
  outer.relationsKnown &&= inner.relationsKnown;
  outer.rolesKnown &&= inner.rolesKnown;
  outer.settingsKnown &&= inner.settingsKnown;
  outer.sinceMajor = Math.max(outer.sinceMajor, inner.sinceMajor);
  outer.parameters = Math.max(outer.parameters, inner.parameters);
  outer.literalSensitive ||= inner.literalSensitive;
  outer.resetsRole ||= inner.resetsRole;
  outer.refused ??= inner.refused;
  if (outer.clickhouse !== null && inner.clickhouse !== null) {
    mergeClickHouse(outer.clickhouse, inner.clickhouse);
  }
  if (planned) {
    return;
  }
  addAll(outer.verbs, inner.verbs);
  addAll(outer.effects, inner.effects);
  addAll(outer.writeColumns, inner.writeColumns);
  for (const [name, value] of inner.settings) {
    outer.settings.set(name, value);
  }
  outer.hasWhere = both(outer.hasWhere, inner.hasWhere);
  outer.bounded = both(outer.bounded, inner.bounded);
  if (LOCKS.indexOf(inner.locking) > LOCKS.indexOf(outer.locking)) {
    outer.locking = inner.locking;
  }
  outer.notes.push(...inner.notes);
}

function mergeClickHouse(outer: ClickHouseOutline, inner: ClickHouseOutline): void {
  addAll(outer.tableFunctions, inner.tableFunctions);
  addAll(outer.dictionaries, inner.dictionaries);
  addAll(outer.operators, inner.operators);
  outer.dictionariesKnown &&= inner.dictionariesKnown;
  for (const parameter of inner.relationParameters) {
    outer.relationParameters.push(parameter);
  }
  for (const key of ['format', 'outfile', 'infile', 'cluster', 'engine'] as const) {
    outer[key] = outer[key] === '' ? inner[key] : outer[key];
  }
}

function both(a: boolean | null, b: boolean | null): boolean | null {
  return a === null ? b : b === null ? a : a && b;
}

export function addAll<T>(target: Set<T>, values: Iterable<T>): void {
  for (const value of values) {
    target.add(value);
  }
}

/** The unit and everything nested in it, outer before nested, in the order of the text. */
export function flatten(outline: UnitOutline): UnitOutline[] {
  return [outline, ...outline.nested.flatMap(flatten)];
}

/** Operators by which a condition restricts rows, whatever its value is (fact reference 3.5); `like` does where it does not begin open. */
export const EFFECTIVE_OPERATORS: ReadonlySet<string> = new Set(['=', '<', '<=', '>', '>=', 'in', 'is null', 'any']);
