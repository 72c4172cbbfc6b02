// Recorded facts of texts that share a shape: what rules/facts.ts writes, with only the facts of class `text` made anew.
import { Unknown, type FactValue, type Unit } from '../../rules/action.ts';

/** Facts of one unit as they were recorded for another text of the shape, ready to be written around the rest. */
export interface FactsJson {
  readonly before: string;
  readonly after: string;
}

/** Facts of class `text` that a text without parameters has. */
const TEXT_FACTS = ['statement', 'predicates', 'row_limit'];

export function readJson(json: string): FactsJson {
  const { sql = {}, ...rest }: { sql?: Readonly<Record<string, unknown>> } = JSON.parse(json);
  const shared = Object.entries(sql).filter(([key]) => !TEXT_FACTS.includes(key));
  const after = JSON.stringify(rest).slice(1);
  return { before: `{"sql":{${shared.map(pair).join('')}`, after: after === '}' ? '}}' : `},${after}` };
}

function pair([key, value]: readonly [string, unknown]): string {
  return `${JSON.stringify(key)}:${JSON.stringify(value)},`;
}

/** The record of a unit whose facts of class `shape` are the base's. */
export function withTextFacts(base: FactsJson, unit: Unit): string {
  const pairs = TEXT_FACTS.map((key) => written(key, unit.facts.get(`sql.${key}`)))
    .filter((text) => text !== '')
    .join(',');
  // Every statement that is recorded has a text, so there is something after the last comma.
  return base.before + pairs + base.after;
}

function written(key: string, value: FactValue | undefined): string {
  const empty = value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
  return empty || value instanceof Unknown ? '' : `"${key}":${JSON.stringify(plain(value))}`;
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
  const record: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    if (!(item instanceof Unknown)) {
      record[key] = plain(item);
    }
  }
  return record;
}

function isList(value: FactValue): value is readonly FactValue[] {
  return Array.isArray(value);
}
