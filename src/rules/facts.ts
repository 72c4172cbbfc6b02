// Facts as data: making them from a table, and writing them down for people, the audit log and `explain`.
import { types } from 'node:util';
import { Unknown } from './action.ts';
import type { FactRecord, FactValue, Facts, Family, Unit } from './action.ts';
import { factSchemas } from './schemas.ts';

/** Facts from a table of full names. Total: a name that the table lacks is undefined, as one that no schema has. */
export function recordFacts(record: FactRecord): Facts {
  return { get: (name) => (Object.hasOwn(record, name) ? record[name] : undefined) };
}

/** Values of facts as JSON text would hold them. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** What a record keeps of one value; a list or text over it is cut, and the record says so. */
const MAX_RECORDED_CHARS = 2000;
const MAX_RECORDED_ITEMS = 200;
const MAX_DEPTH = 64;

/**
 * The facts of all units as JSON text for a record: nested by variable (`{"sql":{"verb":"delete"}}`), several units as
 * `{"units":[…]}`. Left out are neutral values (`""`, `[]`, `{}`, `false`, `none`) and Unknown ones; the names of those are
 * under `unknown`. Bounded: long texts and lists are cut, and `"cut":true` says that something was.
 */
export function factsToJson(units: readonly Unit[], family: Family): string {
  const recorded = units.slice(0, MAX_RECORDED_ITEMS).map((unit) => recordOf(unit, family));
  const [first] = recorded;
  if (units.length === 1 && first !== undefined) {
    return JSON.stringify(first);
  }
  return JSON.stringify({ units: recorded, ...(recorded.length < units.length ? { cut: true } : {}) });
}

function recordOf(unit: Unit, family: Family): Json {
  const writer = new Writer(MAX_RECORDED_CHARS, MAX_RECORDED_ITEMS);
  const facts = nest(unit, family, (value) => (isNeutral(value) ? undefined : writer.write(value, 0)));
  const unknown = unknownFacts(unit, family);
  return { ...facts, ...(unknown.length > 0 ? { unknown } : {}), ...(writer.cut ? { cut: true } : {}) };
}

/** Every fact of the family that could be told, nested by variable, neutral values included and nothing cut (`explain`). */
export function factsObject(unit: Unit, family: Family): { readonly [key: string]: Json } {
  const writer = new Writer(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  return nest(unit, family, (value) => writer.write(value, 0));
}

/** Sorted full names of the family's facts that could not be told. `agent.*` and the like are not a unit's. */
export function unknownFacts(unit: Unit, family: Family): readonly string[] {
  return unitFacts(family)
    .filter((name) => unit.facts.get(name) instanceof Unknown)
    .toSorted();
}

/** Names of facts that a unit carries itself, by family: everything but the common ones. */
function unitFacts(family: Family): readonly string[] {
  return [...(factSchemas.get(family)?.facts.keys() ?? [])].filter(
    (name) => name.includes('.') && !COMMON_GROUP.test(name),
  );
}

const COMMON_GROUP = /^(?:agent|endpoint|time|context)\./;

/** Groups facts by variable; `write` leaves a value out by giving undefined. */
function nest(
  unit: Unit,
  family: Family,
  write: (value: FactValue) => Json | undefined,
): { readonly [key: string]: Json } {
  const groups = new Map<string, [string, Json][]>();
  for (const name of unitFacts(family)) {
    const value = unit.facts.get(name);
    const written = value === undefined ? undefined : write(value);
    if (written !== undefined) {
      const dot = name.indexOf('.');
      const group = groups.get(name.slice(0, dot)) ?? [];
      group.push([name.slice(dot + 1), written]);
      groups.set(name.slice(0, dot), group);
    }
  }
  return Object.fromEntries([...groups].map(([variable, fields]) => [variable, Object.fromEntries(fields)]));
}

function isNeutral(value: FactValue): boolean {
  if (value === '' || value === false || value === 'none') {
    return true;
  }
  if (Array.isArray(value)) {
    return value.length === 0;
  }
  if (value instanceof Map) {
    return value.size === 0;
  }
  return isPlain(value) && Object.keys(value).length === 0;
}

function isPlain(value: FactValue): value is FactRecord {
  return typeof value === 'object' && value !== null && !types.isDate(value) && !(value instanceof Unknown);
}

/** Turns values into JSON, within limits. Undefined = there is nothing to tell. */
class Writer {
  cut = false;
  readonly #maxChars: number;
  readonly #maxItems: number;

  constructor(maxChars: number, maxItems: number) {
    this.#maxChars = maxChars;
    this.#maxItems = maxItems;
  }

  write(value: FactValue | undefined, depth: number): Json | undefined {
    if (value === undefined || value instanceof Unknown) {
      return undefined;
    }
    if (typeof value === 'object' && value !== null) {
      return types.isDate(value) ? timeText(value) : this.#container(value, depth);
    }
    if (typeof value === 'string') {
      return value.length <= this.#maxChars ? value : this.#shortened(value.slice(0, this.#maxChars));
    }
    if (typeof value === 'bigint') {
      // JSON readers take numbers for doubles; what does not fit stays exact as text.
      return BigInt.asIntN(53, value) === value ? Number(value) : String(value);
    }
    return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
  }

  #container(
    value: readonly FactValue[] | ReadonlyMap<string, FactValue> | FactRecord,
    depth: number,
  ): Json | undefined {
    if (depth >= MAX_DEPTH) {
      this.cut = true;
      return undefined;
    }
    if (isListValue(value)) {
      // An element that could not be told keeps its place.
      return this.#bounded(value).map((item) => this.write(item, depth + 1) ?? null);
    }
    const entries = this.#bounded(value instanceof Map ? [...value] : Object.entries(value));
    const written = entries.flatMap(([key, item]): [string, Json][] => {
      const json = this.write(item, depth + 1);
      return json === undefined ? [] : [[key, json]];
    });
    return Object.fromEntries(written);
  }

  #bounded<T>(items: readonly T[]): readonly T[] {
    return items.length <= this.#maxItems ? items : this.#shortened(items.slice(0, this.#maxItems));
  }

  #shortened<T>(value: T): T {
    this.cut = true;
    return value;
  }
}

function isListValue(value: FactValue): value is readonly FactValue[] {
  return Array.isArray(value);
}

function timeText(value: Date): string {
  return Number.isNaN(value.getTime()) ? 'invalid' : value.toISOString();
}
