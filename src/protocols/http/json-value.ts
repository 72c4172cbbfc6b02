// Looking into JSON values as facts hold them: objects without prototype, lists, scalars, Unknown where readers differ.
import { types } from 'node:util';
import { Unknown } from '../../rules/action.ts';
import type { FactRecord, FactValue } from '../../rules/action.ts';

export function isJsonObject(value: FactValue | undefined): value is FactRecord {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Unknown) &&
    !(value instanceof Map) &&
    !types.isDate(value)
  );
}

/** Own keys of an object; none of anything else. */
export function jsonKeys(value: FactValue | undefined): readonly string[] {
  return isJsonObject(value) ? Object.keys(value) : [];
}

/** The value of a key that the object has; null otherwise. */
export function jsonValue(value: FactValue | undefined, key: string): FactValue {
  return isJsonObject(value) && Object.hasOwn(value, key) ? (value[key] ?? null) : null;
}
