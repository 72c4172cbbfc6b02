// Facts as data: making them from a table, and writing them down for people, the audit log and `explain`.
import { types } from 'node:util';
import { Unknown } from './action.ts';
import type { FactRecord, FactValue, Facts, Family, Unit } from './action.ts';
import type { FactClass } from './fact-schema.ts';
import { factRedaction } from './redact.ts';
import { BUILT_IN_REDACTOR } from './redactor.ts';
import type { Redactor } from './redactor.ts';
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
 * under `unknown`. Bounded: long texts and lists are cut, and `"cut":true` says that something was. With `shapeOnly` there are the
 * facts of class `shape` and no others, so that the result is the same for every action with one memo object. What `redactor` knows by
 * name is masked; without one, what is built in.
 */
export function factsToJson(
  units: readonly Unit[],
  family: Family,
  options: { readonly shapeOnly?: boolean; readonly redactor?: Redactor } = {},
): string {
  const names = namesOf(family).filter((name) => options.shapeOnly !== true || name.class === 'shape');
  const recorded = units.slice(0, MAX_RECORDED_ITEMS).map((unit) => {
    const redact = factRedaction(unit, family, options.redactor ?? BUILT_IN_REDACTOR);
    return recordOf(unit, names, redact);
  });
  const [first] = recorded;
  if (units.length === 1 && first !== undefined) {
    return JSON.stringify(first);
  }
  return JSON.stringify({ units: recorded, ...(recorded.length < units.length ? { cut: true } : {}) });
}

function recordOf(unit: Unit, names: readonly FactName[], redact: (value: FactValue, name: string) => FactValue): Json {
  const writer = new Writer(MAX_RECORDED_CHARS, MAX_RECORDED_ITEMS);
  const unknown: string[] = [];
  const facts = nest(unit, names, (value, name) => {
    if (value instanceof Unknown) {
      unknown.push(name);
      return undefined;
    }
    return isNeutral(value) ? undefined : writer.write(redact(value, name), 0);
  });
  return {
    ...facts,
    ...(unknown.length > 0 ? { unknown: unknown.toSorted() } : {}),
    ...(writer.cut ? { cut: true } : {}),
  };
}

/** Every fact of the family that could be told, nested by variable, neutral values included and nothing cut (`explain`). */
export function factsObject(unit: Unit, family: Family): { readonly [key: string]: Json } {
  const writer = new Writer(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  return nest(unit, namesOf(family), (value) => writer.write(value, 0));
}

/** Sorted full names of the family's facts that could not be told. `agent.*` and the like are not a unit's. */
export function unknownFacts(unit: Unit, family: Family): readonly string[] {
  return namesOf(family)
    .filter(({ full }) => unit.facts.get(full) instanceof Unknown)
    .map(({ full }) => full)
    .toSorted();
}

/** A fact's name in its parts. */
interface FactName {
  readonly full: string;
  readonly variable: string;
  readonly field: string;
  readonly class: FactClass;
}

const COMMON_GROUP = /^(?:agent|endpoint|time|context)\./;

/** Names of facts that a unit carries itself, by family: everything but the common ones. Made once. */
const UNIT_FACTS: ReadonlyMap<Family, readonly FactName[]> = new Map(
  [...factSchemas].map(([family, schema]) => [
    family,
    [...schema.facts.values()]
      .filter(({ name }) => name.includes('.') && !COMMON_GROUP.test(name))
      .map(({ name, class: factClass }) => {
        const dot = name.indexOf('.');
        return { full: name, variable: name.slice(0, dot), field: name.slice(dot + 1), class: factClass };
      }),
  ]),
);

function namesOf(family: Family): readonly FactName[] {
  return UNIT_FACTS.get(family) ?? [];
}

/** Groups facts by variable; `write` leaves a value out by giving undefined. */
function nest(
  unit: Unit,
  names: readonly FactName[],
  write: (value: FactValue, name: string) => Json | undefined,
): { readonly [key: string]: Json } {
  const groups = new Map<string, [string, Json][]>();
  for (const { full, variable, field } of names) {
    const value = unit.facts.get(full);
    const written = value === undefined ? undefined : write(value, full);
    if (written !== undefined) {
      const group = groups.get(variable) ?? [];
      group.push([field, written]);
      groups.set(variable, group);
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
