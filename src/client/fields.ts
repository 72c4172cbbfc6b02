// Fields of what was parsed. Pure.

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
