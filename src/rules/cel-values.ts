// Values while a condition is evaluated, and what comes in place of one: a fact that is Unknown, or an error. Both spread
// through every operator and are absorbed by && and || alone; nothing here throws.
import { types } from 'node:util';
import { foldKey } from '../lib/json.ts';
import { Unknown } from './action.ts';
import { Duration, Timestamp } from './cel-time.ts';
import { Uint } from './cel-tree.ts';

/** An evaluation error: a missing key, a type mismatch under dyn, an exhausted budget. */
export class Failure {
  readonly detail: string;

  constructor(detail: string) {
    this.detail = detail;
  }
}

/** The value of `type(x)`. */
export class TypeName {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** Keys of map literals; uint keys are kept as int, since CEL holds them equal. */
export type Key = string | bigint | boolean;

/** What an expression can be worth. Fact values are of this type but for what stands in containers (see Element). */
export type Value =
  | string
  | number
  | bigint
  | boolean
  | null
  | Uint8Array
  | Uint
  | Timestamp
  | Duration
  | TypeName
  | readonly Element[]
  | ReadonlyMap<Key, Element>
  | { readonly [key: string]: Element };

/** What a container can hold, before `valueOf`. */
export type Element = Value | Unknown | Date;

export type Result = Value | Unknown | Failure;

const MISSING_KEY = new Failure('no such key');
export const OUT_OF_RANGE = new Failure('index out of range');
export const NOT_BOOL = new Failure('a bool was wanted');
export const NO_OVERLOAD = new Failure('the operands have the wrong types');
export const EXHAUSTED = new Failure('the evaluation budget is exhausted');

export function isFailed(result: Result): result is Unknown | Failure {
  return typeof result === 'object' && (result instanceof Unknown || result instanceof Failure);
}

/** A fact or element as the evaluator holds it: instants become Timestamp, absent ones an error, the rest stays. */
export function valueOf(element: Element | undefined): Result {
  if (typeof element !== 'object' || element === null) {
    return element === undefined ? MISSING_KEY : element;
  }
  if (types.isDate(element)) {
    const ms = element.getTime();
    return Number.isNaN(ms) ? new Failure('not an instant') : Timestamp.ofMs(ms);
  }
  return element;
}

export function isList(value: Element | Failure): value is readonly Element[] {
  return Array.isArray(value);
}

export function isMap(value: Element | Failure): value is ReadonlyMap<Key, Element> {
  return value instanceof Map;
}

/** A record or a JSON object: a plain object, none of our classes. */
export function isRecord(value: Element | Failure): value is { readonly [key: string]: Element } {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** A value as map key: whole numbers of every type are one key space. Undefined = cannot be a key. */
export function keyOf(value: Value): Key | undefined {
  if (typeof value === 'string' || typeof value === 'bigint' || typeof value === 'boolean') {
    return value;
  }
  if (typeof value === 'number') {
    return Number.isInteger(value) ? BigInt(value) : undefined;
  }
  return value instanceof Uint ? value.value : undefined;
}

/** CEL equality: numbers across types, containers deeply. Unknown when only an Unknown part keeps it open. */
export function equals(left: Element, right: Element): boolean | Unknown {
  if (left === right) {
    return !(left instanceof Unknown) || left;
  }
  if (typeof left === 'string' || typeof right === 'string') {
    return unknownOf(left, right) ?? false;
  }
  const unknown = unknownOf(left, right);
  if (unknown !== null) {
    return unknown;
  }
  const leftNumber = numberOf(left);
  const rightNumber = numberOf(right);
  if (leftNumber !== null && rightNumber !== null) {
    // Between a bigint and a number == compares mathematical values, exactly what CEL asks for.
    // oxlint-disable-next-line eqeqeq
    return leftNumber == rightNumber;
  }
  if (isList(left)) {
    return isList(right) && equalLists(left, right);
  }
  if (isMap(left) || isRecord(left)) {
    return (isMap(right) || isRecord(right)) && equalMaps(left, right);
  }
  return equalScalars(valueOf(left), valueOf(right));
}

function unknownOf(left: Element, right: Element): Unknown | null {
  if (left instanceof Unknown) {
    return left;
  }
  return right instanceof Unknown ? right : null;
}

function equalScalars(left: Result, right: Result): boolean {
  if (left instanceof Uint8Array) {
    return right instanceof Uint8Array && Buffer.compare(left, right) === 0;
  }
  if (left instanceof Timestamp) {
    return right instanceof Timestamp && left.ns === right.ns;
  }
  if (left instanceof Duration) {
    return right instanceof Duration && left.ns === right.ns;
  }
  return left instanceof TypeName && right instanceof TypeName && left.name === right.name;
}

/** The number behind int, uint and double, or null. */
export function numberOf(value: Element | Failure): bigint | number | null {
  if (typeof value === 'bigint' || typeof value === 'number') {
    return value;
  }
  return value instanceof Uint ? value.value : null;
}

function equalLists(left: readonly Element[], right: readonly Element[]): boolean | Unknown {
  if (left.length !== right.length) {
    return false;
  }
  return allEqual(left.map((item, index) => [item, right[index]]));
}

/** Surely different beats not known, whatever the order. */
function allEqual(pairs: Iterable<readonly [Element, Element | undefined]>): boolean | Unknown {
  let unknown: Unknown | null = null;
  for (const [left, right] of pairs) {
    const equal = right !== undefined && equals(left, right);
    if (equal === false) {
      return false;
    }
    if (equal !== true) {
      unknown = equal;
    }
  }
  return unknown ?? true;
}

type MapLike = ReadonlyMap<Key, Element> | { readonly [key: string]: Element };

function equalMaps(left: MapLike, right: MapLike): boolean | Unknown {
  const keys = keysOf(left);
  if (keys.length !== keysOf(right).length) {
    return false;
  }
  return allEqual(keys.map((key) => [lookUp(left, key) ?? null, lookUp(right, key)]));
}

export function keysOf(map: MapLike): readonly Key[] {
  return isMap(map) ? [...map.keys()] : Object.keys(map);
}

/** The element under a key, undefined when there is none. Only own keys of records and JSON objects count. */
export function lookUp(map: MapLike, key: Key): Element | undefined {
  if (isMap(map)) {
    return map.get(key);
  }
  return typeof key === 'string' && Object.hasOwn(map, key) ? map[key] : undefined;
}

/**
 * The element under a key as a reader of JSON may find it: where an object lacks the key and has one that differs in case only, nobody
 * can tell, since some readers (Go's encoding/json) take that one. Objects of JSON bodies have no prototype; others are exact.
 */
export function findElement(map: MapLike, key: Key): Element | undefined {
  const element = lookUp(map, key);
  if (element !== undefined || isMap(map) || typeof key !== 'string' || Object.getPrototypeOf(map) !== null) {
    return element;
  }
  return foldedKeys(map).has(foldKey(key)) ? SPELLED_OTHERWISE : undefined;
}

const SPELLED_OTHERWISE = new Unknown('ambiguous');
/** Made at the first key that an object lacks: a macro may ask the same one many times. */
const folded = new WeakMap<object, ReadonlySet<string>>();

function foldedKeys(object: object): ReadonlySet<string> {
  let keys = folded.get(object);
  if (keys === undefined) {
    keys = new Set(Object.keys(object).map(foldKey));
    folded.set(object, keys);
  }
  return keys;
}

/** Order of two values of one type (numbers across types): negative, 0, positive; null when they cannot be ordered. */
export function compare(left: Value, right: Value): number | null {
  if (typeof left === 'string' && typeof right === 'string') {
    return compareText(left, right);
  }
  const leftNumber = numberOf(left);
  const rightNumber = numberOf(right);
  if (leftNumber !== null && rightNumber !== null) {
    return typeof leftNumber === typeof rightNumber
      ? orderOf(leftNumber, rightNumber)
      : // CEL orders an int and a double as doubles.
        orderOf(Number(leftNumber), Number(rightNumber));
  }
  if (typeof left === 'boolean' && typeof right === 'boolean') {
    return Number(left) - Number(right);
  }
  if (left instanceof Uint8Array && right instanceof Uint8Array) {
    return Buffer.compare(left, right);
  }
  const leftTime = left instanceof Timestamp || left instanceof Duration ? left : null;
  const rightTime = right instanceof Timestamp || right instanceof Duration ? right : null;
  if (leftTime === null || rightTime === null || leftTime.constructor !== rightTime.constructor) {
    return null;
  }
  return orderOf(leftTime.ns, rightTime.ns);
}

/** NaN comes out for what has no order, and no comparison with it holds. */
function orderOf(left: bigint | number, right: bigint | number): number {
  return left < right ? -1 : left > right ? 1 : left === right ? 0 : Number.NaN;
}

/** By code point. JavaScript compares UTF-16 units, which puts U+1F600 before U+FFFD. */
function compareText(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index += 1) {
    const a = left.charCodeAt(index);
    const b = right.charCodeAt(index);
    if (a !== b) {
      // At the first difference, a surrogate stands for a code point above every unit that is none.
      return rank(a) - rank(b);
    }
  }
  return left.length - right.length;
}

function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/** CEL's name of a value's type. */
export function typeNameOf(value: Value): string {
  if (typeof value === 'object') {
    return objectTypeName(value);
  }
  return SCALAR_NAMES[typeof value] ?? 'dyn';
}

const SCALAR_NAMES: Readonly<Record<string, string>> = {
  string: 'string',
  boolean: 'bool',
  bigint: 'int',
  number: 'double',
};

function objectTypeName(value: Exclude<Value, string | boolean | bigint | number>): string {
  if (value === null) {
    return 'null_type';
  }
  if (isList(value)) {
    return 'list';
  }
  if (value instanceof Uint8Array) {
    return 'bytes';
  }
  if (value instanceof Uint) {
    return 'uint';
  }
  if (value instanceof Timestamp) {
    return 'google.protobuf.Timestamp';
  }
  if (value instanceof Duration) {
    return 'google.protobuf.Duration';
  }
  return value instanceof TypeName ? 'type' : 'map';
}
