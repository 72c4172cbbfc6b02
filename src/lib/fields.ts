// What parsed JSON is made of, for readers that take single fields out of it. Pure.

/** A JSON object with whatever in it. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether it is a JSON object: neither null nor a list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A field of what was parsed; undefined when there is none. */
export function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

/** A text field. Throws Error that names it when it is missing. */
export function textOf(value: unknown, name: string): string {
  const field = fieldOf(value, name);
  if (typeof field !== 'string') {
    throw new Error(`${name} is missing`);
  }
  return field;
}
