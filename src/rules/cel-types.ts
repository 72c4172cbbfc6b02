// Static types of conditions. `dyn` fits everything and is checked when it is evaluated.
import type { FactDefinition, FactType } from './fact-schema.ts';

/**
 * How literals that meet a value are written: enumerations are lower-case, header names canonical. The mark travels with the
 * value's type, so that a literal is found wherever it meets the fact.
 */
export interface Fold {
  readonly how: 'lower' | 'header';
  /** The fact, for messages. */
  readonly fact: string;
  /** Closed vocabulary, or null when every literal may match. */
  readonly definition: FactDefinition | null;
}

export type ScalarKind =
  | 'string'
  | 'int'
  | 'uint'
  | 'double'
  | 'bool'
  | 'bytes'
  | 'null'
  | 'timestamp'
  | 'duration'
  | 'type'
  | 'dyn';

export type Type =
  | { readonly kind: ScalarKind; readonly fold: Fold | null }
  | { readonly kind: 'list'; readonly of: Type }
  | { readonly kind: 'map'; readonly key: Type; readonly of: Type }
  | { readonly kind: 'record'; readonly fields: Readonly<Record<string, Type>> };

export function scalar(kind: ScalarKind, fold: Fold | null = null): Type {
  return { kind, fold };
}

export const DYN = scalar('dyn');
export const BOOL = scalar('bool');
export const STRING = scalar('string');

/** The type of a fact, marked when literals are to be folded. */
export function typeOfFact(definition: FactDefinition): Type {
  const { name, type } = definition;
  if (name === 'http.headers') {
    return convert(type, null, { how: 'header', fact: name, definition: null });
  }
  const closed = definition.values !== undefined;
  const folded = closed || definition.folded === true;
  return convert(type, folded ? { how: 'lower', fact: name, definition: closed ? definition : null } : null, null);
}

function convert(type: FactType, fold: Fold | null, keyFold: Fold | null): Type {
  switch (type.kind) {
    case 'list':
      return { kind: 'list', of: convert(type.of, fold, null) };
    case 'map':
      return { kind: 'map', key: scalar('string', keyFold), of: convert(type.of, fold, null) };
    case 'record': {
      const fields = Object.entries(type.fields).map(([name, field]) => [name, convert(field, null, null)] as const);
      return { kind: 'record', fields: Object.fromEntries(fields) };
    }
    case 'string':
    case 'int':
    case 'double':
    case 'bool':
    case 'timestamp':
    case 'dyn':
      return scalar(type.kind, type.kind === 'string' ? fold : null);
  }
}

const NUMERIC: ReadonlySet<string> = new Set(['int', 'uint', 'double']);

/** Whether two values can be equal at all. */
export function comparable(left: Type, right: Type): boolean {
  if (left.kind === 'dyn' || right.kind === 'dyn') {
    return true;
  }
  if (left.kind === 'list' && right.kind === 'list') {
    return comparable(left.of, right.of);
  }
  if (left.kind === 'map' && right.kind === 'map') {
    return comparable(left.key, right.key) && comparable(left.of, right.of);
  }
  if (left.kind === 'record' || right.kind === 'record') {
    return (left.kind === 'map' || left.kind === 'record') && (right.kind === 'map' || right.kind === 'record');
  }
  return left.kind === right.kind || (NUMERIC.has(left.kind) && NUMERIC.has(right.kind));
}

/** Whether a value of type `given` may be handed to a parameter of type `wanted`. */
export function fits(given: Type, wanted: Type): boolean {
  if (given.kind === 'dyn' || wanted.kind === 'dyn') {
    return true;
  }
  if (given.kind === 'list' && wanted.kind === 'list') {
    return fits(given.of, wanted.of);
  }
  if (wanted.kind === 'map') {
    return given.kind === 'map' || given.kind === 'record';
  }
  return given.kind === wanted.kind;
}

/** The type of "one of these": the common type, else dyn. Marks are joined by whoever folds. */
export function join(left: Type, right: Type): Type {
  if (left.kind === 'list' && right.kind === 'list') {
    return { kind: 'list', of: join(left.of, right.of) };
  }
  if (left.kind === 'map' && right.kind === 'map') {
    return { kind: 'map', key: join(left.key, right.key), of: join(left.of, right.of) };
  }
  const fold = joinFolds(foldOf(left), foldOf(right));
  const kind = left.kind === right.kind && isScalar(left) ? left.kind : 'dyn';
  return scalar(kind, fold);
}

export type Scalar = Extract<Type, { fold: Fold | null }>;

export function isScalar(type: Type): type is Scalar {
  return type.kind !== 'list' && type.kind !== 'map' && type.kind !== 'record';
}

/** The common type of any number of values; dyn of none. */
export function joinAll(types: readonly Type[]): Type {
  const [first, ...rest] = types;
  return first === undefined ? DYN : rest.reduce(join, first);
}

/** Type of what `in` and the macros look at: elements of a list, keys of a map. Null when it holds nothing. */
export function heldBy(type: Type): Type | null {
  if (type.kind === 'list') {
    return type.of;
  }
  if (type.kind === 'map') {
    return type.key;
  }
  return type.kind === 'record' ? STRING : type.kind === 'dyn' ? DYN : null;
}

function joinFolds(left: Fold | null, right: Fold | null): Fold | null {
  if (left === null || right === null || left.definition === right.definition) {
    return left ?? right;
  }
  return { ...left, definition: null };
}

/** The mark of a scalar; null for containers. */
export function foldOf(type: Type): Fold | null {
  return isScalar(type) ? type.fold : null;
}

/** The mark of what a list or map holds, or of the scalar itself. */
export function innerFold(type: Type): Fold | null {
  if (isScalar(type)) {
    return type.fold;
  }
  return type.kind === 'record' ? null : innerFold(type.kind === 'list' ? type.of : type.key);
}

/** A type as a person reads it. */
export function describeType(type: Type): string {
  if (isScalar(type)) {
    return type.kind;
  }
  if (type.kind === 'record') {
    return `record{${Object.keys(type.fields).join(', ')}}`;
  }
  return type.kind === 'list'
    ? `list(${describeType(type.of)})`
    : `map(${describeType(type.key)}, ${describeType(type.of)})`;
}
