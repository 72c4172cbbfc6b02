// Recorded facts of texts that share a shape: what rules/facts.ts writes, with only the facts of class `text` made anew.
import { Unknown, type FactValue, type Unit } from '../../rules/action.ts';

/** Facts of one unit as they were recorded for another text of the shape. */
export interface FactsJson {
  readonly sql: Readonly<Record<string, unknown>>;
  readonly rest: Readonly<Record<string, unknown>>;
}

export function readJson(json: string): FactsJson {
  const { sql, ...rest }: { sql?: Readonly<Record<string, unknown>> } = JSON.parse(json);
  return { sql: sql ?? {}, rest };
}

/** The record of a unit whose facts of class `shape` are the base's. */
export function withTextFacts(base: FactsJson, unit: Unit): string {
  const { statement: _statement, predicates: _predicates, row_limit: _limit, ...shared } = base.sql;
  const sql: Record<string, unknown> = { ...shared };
  put(sql, 'statement', unit.facts.get('sql.statement'));
  put(sql, 'predicates', unit.facts.get('sql.predicates'));
  put(sql, 'row_limit', unit.facts.get('sql.row_limit'));
  return JSON.stringify({ sql, ...base.rest });
}

function put(into: Record<string, unknown>, key: string, value: FactValue | undefined): void {
  const empty = value === '' || (Array.isArray(value) && value.length === 0);
  if (value !== undefined && !empty && !(value instanceof Unknown)) {
    into[key] = plain(value);
  }
}

/** As the record writer has it: what could not be told is left out of records, large integers are text. */
function plain(value: FactValue): unknown {
  if (typeof value === 'bigint') {
    return BigInt.asIntN(53, value) === value ? Number(value) : String(value);
  }
  if (isList(value)) {
    return value.map(plain);
  }
  if (typeof value !== 'object' || value === null || value instanceof Map || 'toISOString' in value) {
    return value;
  }
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => !(item instanceof Unknown))
      .map(([key, item]) => [key, plain(item)]),
  );
}

function isList(value: FactValue): value is readonly FactValue[] {
  return Array.isArray(value);
}
