// JSON values of bodies, and ways into them.
import { MAX_JSON_DEPTH, readJson } from '../../lib/json.ts';
import { Unknown } from '../../rules/action.ts';

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

export const MAX_DEPTH = MAX_JSON_DEPTH;

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !isList(value);
}

export function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** The value at a chain of keys, or undefined. */
export function valueAt(value: JsonValue | undefined, ...keys: readonly string[]): JsonValue | undefined {
  let at = value;
  for (const key of keys) {
    if (!isObject(at) || !Object.hasOwn(at, key)) {
      return undefined;
    }
    at = at[key];
  }
  return at;
}

/** The text at a chain of keys, "" when there is none. */
export function textAt(value: JsonValue | undefined, ...keys: readonly string[]): string {
  const found = valueAt(value, ...keys);
  return typeof found === 'string' ? found : '';
}

/** Reads JSON text. */
export function parseJson(text: string): JsonValue | Unknown {
  let exact = true;
  const hole = (): null => {
    exact = false;
    return null;
  };
  // A number or text that readers read differently makes the whole body unknown: nobody sends one to the API server.
  const holes = {
    get number(): null {
      return hole();
    },
    get text(): null {
      return hole();
    },
  };
  const reading = readJson<null>(text, holes);
  if (reading.kind === 'fault') {
    return new Unknown(reading.fault === 'ambiguous' ? 'ambiguous' : 'unparseable');
  }
  return exact ? reading.value : new Unknown('ambiguous');
}
