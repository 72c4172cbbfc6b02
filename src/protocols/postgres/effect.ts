// What a parked statement would do, measured without running it: the planner's estimate, an exact count where that is cheap, the
// foreign keys that would cascade, and the size and dependents of what would be dropped. This file says which questions to ask and
// what the answers mean; connect.ts asks them, in read-only transactions on a connection of their own.
import { Unknown, type Action, type FactRecord, type FactValue, type Unit } from '../../rules/action.ts';
import type { Effect } from '../protocol.ts';

/** A question to the database. `search` is put in front of the search path for it. */
export interface Question {
  readonly sql: string;
  readonly parameters: readonly (string | null)[];
}

/** Rows in text form, or the SQLSTATE of an error. */
export type Answer =
  | { readonly kind: 'rows'; readonly rows: readonly (readonly (string | null)[])[] }
  | { readonly kind: 'error'; readonly code: string };

export type Ask = (question: Question) => Promise<Answer>;

/** Counting is for statements that cost less than this to count (planner's units; about a second on a plain machine). */
const MAX_COUNT_COST = 50_000;
const MAX_TABLES = 8;
const MAX_KEYS = 50;
const WRITING_VERBS: ReadonlySet<string> = new Set(['insert', 'update', 'delete', 'merge']);

/** What can be asked about an action, as far as its facts say; null when nothing can. */
export interface EffectPlan {
  readonly verb: string;
  /** Relations that it changes, as `to_regclass` reads them, best known form first. */
  readonly relations: readonly string[];
  /** Schemas that its unqualified names are looked up in. */
  readonly schemas: readonly string[];
  /** The statement may be planned: nothing in it can run while it is. */
  readonly explain: Question | null;
  /** The same rows, counted. */
  readonly count: Question | null;
  /** Columns that an UPDATE sets; null when not known. */
  readonly columns: readonly string[] | null;
}

/** Looks at the facts only; nothing is asked yet. */
export function planEffect(action: Action): EffectPlan | null {
  const [unit] = action.units;
  const { evidence } = action;
  const verb = unit === undefined ? null : textFact(unit, 'sql.verb');
  if (unit === undefined || verb === null || !evidence.complete || unit.facts.get('sql.statements') !== 1n) {
    return null;
  }
  const named = listFact(unit, verb === 'drop' ? 'sql.objects' : 'sql.writes') ?? [];
  const relations = named.slice(0, MAX_TABLES);
  const harmless = action.units.every(
    (each) => each.facts.get('sql.is_opaque') === false && listFact(each, 'sql.volatile_functions')?.length === 0,
  );
  const explain =
    WRITING_VERBS.has(verb) && harmless
      ? { sql: `EXPLAIN (FORMAT JSON) ${evidence.text}`, parameters: evidence.parameters }
      : null;
  if (explain === null && verb !== 'drop' && verb !== 'truncate') {
    return null;
  }
  return {
    verb,
    relations: relations.toSorted((a, b) => Number(b.includes('.')) - Number(a.includes('.'))).map(regclassText),
    schemas: [...new Set(relations.filter((name) => name.includes('.')).map((name) => name.split('.')[0] ?? ''))],
    explain,
    count: action.units.length === 1 && explain !== null ? countQuestion(unit, verb) : null,
    columns: listFact(unit, 'sql.write_columns'),
  };
}

/** Asks what the plan says and puts the answers into words. Null when nothing was learned. */
export async function runEffect(plan: EffectPlan, ask: Ask): Promise<Effect | null> {
  const lines: string[] = [];
  const data: Record<string, unknown> = {};
  if (plan.explain !== null) {
    const estimate = readEstimate(await ask(plan.explain));
    if (estimate !== null) {
      lines.push(`estimated rows: ${estimate.rows} (EXPLAIN)`);
      data['estimated_rows'] = estimate.rows;
      data['estimated_cost'] = estimate.cost;
    }
  }
  if (plan.count !== null) {
    const exact = await countRows(plan.count, ask);
    if (exact !== null) {
      lines.unshift(`exact rows now: ${exact} (counted)`);
      data['exact_rows'] = exact;
    }
  }
  const relations = await existing(plan, ask);
  if (plan.verb === 'drop' || plan.verb === 'truncate') {
    await describeRelations(relations, ask, { lines, data });
  }
  if (plan.verb === 'delete' || plan.verb === 'update') {
    await describeCascades(plan, relations, ask, { lines, data });
  }
  return lines.length === 0 ? null : { lines, data };
}

interface Report {
  readonly lines: string[];
  readonly data: Record<string, unknown>;
}

interface Relation {
  readonly name: string;
  readonly kind: string;
  readonly rows: number;
  readonly bytes: number;
}

const KINDS: Readonly<Record<string, string>> = {
  r: 'table',
  p: 'partitioned table',
  v: 'view',
  m: 'materialized view',
  i: 'index',
  S: 'sequence',
  f: 'foreign table',
};

async function existing(plan: EffectPlan, ask: Ask): Promise<readonly Relation[]> {
  const found = new Map<string, Relation>();
  for (const relation of plan.relations) {
    const answer = await ask({ sql: RELATION, parameters: [relation] });
    for (const [name, kind, rows, bytes] of answer.kind === 'rows' ? answer.rows : []) {
      if (typeof name === 'string') {
        const word = KINDS[kind ?? ''] ?? 'relation';
        found.set(name, { name, kind: word, rows: Number(rows ?? '-1'), bytes: Number(bytes ?? '0') });
      }
    }
  }
  return [...found.values()];
}

async function describeRelations(relations: readonly Relation[], ask: Ask, report: Report): Promise<void> {
  const shown: unknown[] = [];
  for (const { name, kind, rows, bytes } of relations) {
    const count = rows < 0 ? 'never counted' : `about ${rows} rows`;
    report.lines.push(`${kind} ${name}: ${count}, ${sizeText(bytes)}`);
    const dependents: string[] = [];
    const answer = await ask({ sql: DEPENDENTS, parameters: [name] });
    for (const [dependent, what] of answer.kind === 'rows' ? answer.rows : []) {
      dependents.push(`${what ?? ''} ${dependent ?? ''}`);
    }
    if (dependents.length > 0) {
      report.lines.push(`depending on ${name}: ${dependents.join(', ')}`);
    }
    shown.push({ name, kind, estimated_rows: rows, bytes, dependents });
  }
  report.data['relations'] = shown;
}

async function describeCascades(
  plan: EffectPlan,
  relations: readonly Relation[],
  ask: Ask,
  report: Report,
): Promise<void> {
  const shown: unknown[] = [];
  for (const { name } of relations) {
    const answer = await ask({ sql: plan.verb === 'delete' ? DELETE_CASCADES : UPDATE_CASCADES, parameters: [name] });
    for (const [key, from, to, action, columns] of answer.kind === 'rows' ? answer.rows : []) {
      const touched = plan.verb === 'delete' || touches(plan.columns, (columns ?? '').split(','));
      const verb = CASCADES[action ?? ''];
      if (touched && verb !== undefined) {
        const what = plan.verb === 'delete' ? verb.onDelete : verb.onUpdate;
        report.lines.push(`foreign key ${key ?? ''}: also ${what} rows of ${from ?? ''} (references ${to ?? ''})`);
        shown.push({ key, from, to, action: what });
      }
    }
  }
  if (shown.length > 0) {
    report.data['cascades'] = shown;
  }
}

const CASCADES: Readonly<Record<string, { readonly onDelete: string; readonly onUpdate: string }>> = {
  c: { onDelete: 'deletes', onUpdate: 'updates' },
  n: { onDelete: 'sets NULL in', onUpdate: 'sets NULL in' },
  d: { onDelete: 'sets defaults in', onUpdate: 'sets defaults in' },
};

function touches(columns: readonly string[] | null, keys: readonly string[]): boolean {
  return columns === null || columns.includes('*') || keys.some((key) => columns.includes(key));
}

async function countRows(question: Question, ask: Ask): Promise<number | null> {
  const plan = readEstimate(await ask({ ...question, sql: `EXPLAIN (FORMAT JSON) ${question.sql}` }));
  if (plan === null || plan.cost > MAX_COUNT_COST) {
    return null;
  }
  const answer = await ask(question);
  const text = answer.kind === 'rows' ? answer.rows[0]?.[0] : null;
  return typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : null;
}

/** Rows and cost of the top plan node; of what feeds it where the node itself returns nothing (ModifyTable). */
function readEstimate(answer: Answer): { readonly rows: number; readonly cost: number } | null {
  const text = answer.kind === 'rows' ? answer.rows[0]?.[0] : null;
  if (typeof text !== 'string') {
    return null;
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  const top = property(Array.isArray(parsed) ? parsed[0] : null, 'Plan');
  const children = property(top, 'Plans');
  const source = property(top, 'Node Type') === 'ModifyTable' && Array.isArray(children) ? children : [top];
  const rows = source.map((node) => property(node, 'Plan Rows')).filter((count) => typeof count === 'number');
  const cost = property(top, 'Total Cost');
  return rows.length > 0 && typeof cost === 'number' ? { rows: rows.reduce((a, b) => a + b, 0), cost } : null;
}

function property(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Object.entries(value).find(([name]) => name === key)?.[1] : null;
}

/** The rows that a DELETE or UPDATE of one table takes, when its WHERE is nothing but comparisons with constants. */
function countQuestion(unit: Unit, verb: string): Question | null {
  const tables = listFact(unit, 'sql.tables');
  const writes = listFact(unit, 'sql.writes');
  const target = writes?.find((name) => name.includes('.')) ?? writes?.[0];
  const alone = tables?.every((name) => writes?.includes(name) === true) === true;
  if ((verb !== 'delete' && verb !== 'update') || target === undefined || !alone) {
    return null;
  }
  const predicates = unit.facts.get('sql.predicates');
  const complete = unit.facts.get('sql.predicates_complete') === true;
  const bare = unit.facts.get('sql.has_where') === false;
  if (!Array.isArray(predicates) || !(complete || (bare && predicates.length === 0))) {
    return null;
  }
  const parameters: string[] = [];
  const conditions: string[] = [];
  for (const predicate of predicates) {
    const condition = isRecord(predicate) ? conditionOf(predicate, parameters) : null;
    if (condition === null) {
      return null;
    }
    conditions.push(condition);
  }
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  return { sql: `SELECT pg_catalog.count(*) FROM ${regclassText(target)}${where}`, parameters };
}

const COMPARISONS: ReadonlySet<string> = new Set(['=', '<>', '<', '<=', '>', '>=']);

function conditionOf(predicate: FactRecord, parameters: string[]): string | null {
  const { column, op, value, kind } = predicate;
  if (typeof column !== 'string' || column === '' || typeof op !== 'string') {
    return null;
  }
  if (op === 'is null' || op === 'is not null') {
    return `${quoteName(column)} ${op.toUpperCase()}`;
  }
  if (kind !== 'literal' || typeof value !== 'string' || !COMPARISONS.has(op)) {
    return null;
  }
  parameters.push(value);
  return `${quoteName(column)} OPERATOR(pg_catalog.${op}) $${parameters.length}`;
}

function isRecord(value: FactValue | undefined): value is FactRecord {
  const plain = typeof value === 'object' && value !== null && !Array.isArray(value);
  return plain && !(value instanceof Unknown) && !(value instanceof Map);
}

function textFact(unit: Unit, name: string): string | null {
  const value = unit.facts.get(name);
  return typeof value === 'string' ? value : null;
}

function listFact(unit: Unit, name: string): readonly string[] | null {
  const value = unit.facts.get(name);
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : null;
}

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A fact's `schema.leaf` or `leaf` as a quoted name. */
function regclassText(name: string): string {
  const dot = name.indexOf('.');
  return dot < 0 ? quoteName(name) : `${quoteName(name.slice(0, dot))}.${quoteName(name.slice(dot + 1))}`;
}

function sizeText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let size = bytes;
  let unit = 0;
  while (size >= 10_240 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${Math.round(size)} ${units[unit] ?? ''}`;
}

const RELATION =
  'SELECT c.oid::pg_catalog.regclass::text, c.relkind::text, c.reltuples::bigint::text, ' +
  'pg_catalog.pg_total_relation_size(c.oid)::text FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1::text)';

const DEPENDENTS =
  "SELECT DISTINCT v.oid::pg_catalog.regclass::text, CASE v.relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END " +
  'FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid JOIN pg_catalog.pg_class v ON v.oid = r.ev_class ' +
  "WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass " +
  'AND d.refobjid = pg_catalog.to_regclass($1::text) AND v.oid <> d.refobjid ' +
  "UNION SELECT k.conrelid::pg_catalog.regclass::text, 'foreign key ' || k.conname || ' of' FROM pg_catalog.pg_constraint k " +
  `WHERE k.contype = 'f' AND k.confrelid = pg_catalog.to_regclass($1::text) AND k.conrelid <> k.confrelid LIMIT ${MAX_KEYS}`;

const DELETE_CASCADES =
  'WITH RECURSIVE c(name, source, target, kind, depth) AS (' +
  'SELECT k.conname::text, k.conrelid, k.confrelid, k.confdeltype::text, 1 FROM pg_catalog.pg_constraint k ' +
  "WHERE k.contype = 'f' AND k.confrelid = pg_catalog.to_regclass($1::text) AND k.confdeltype IN ('c', 'n', 'd') UNION " +
  'SELECT k.conname::text, k.conrelid, k.confrelid, k.confdeltype::text, c.depth + 1 FROM pg_catalog.pg_constraint k ' +
  "JOIN c ON k.confrelid = c.source AND c.kind = 'c' WHERE k.contype = 'f' AND k.confdeltype IN ('c', 'n', 'd') AND c.depth < 5) " +
  'SELECT DISTINCT name, source::pg_catalog.regclass::text, target::pg_catalog.regclass::text, kind, NULL::text ' +
  `FROM c LIMIT ${MAX_KEYS}`;

const UPDATE_CASCADES =
  'SELECT k.conname::text, k.conrelid::pg_catalog.regclass::text, k.confrelid::pg_catalog.regclass::text, k.confupdtype::text, ' +
  "(SELECT pg_catalog.string_agg(a.attname::text, ',') FROM pg_catalog.pg_attribute a WHERE a.attrelid = k.confrelid " +
  "AND a.attnum = ANY (k.confkey)) FROM pg_catalog.pg_constraint k WHERE k.contype = 'f' " +
  `AND k.confrelid = pg_catalog.to_regclass($1::text) AND k.confupdtype IN ('c', 'n', 'd') LIMIT ${MAX_KEYS}`;
