// Type conversions. Text is read strictly: JavaScript's Number('') is 0 and BigInt('0x10') is 16, CEL's are errors.
import { int, uint } from './cel-operators.ts';
import { define } from './cel-signatures.ts';
import type { FunctionDefinition, Run } from './cel-signatures.ts';
import { Duration, Timestamp, formatDuration, formatTimestamp, parseDuration, parseTimestamp } from './cel-time.ts';
import { Uint } from './cel-tree.ts';
import { EXHAUSTED, Failure, NO_OVERLOAD, TypeName, typeNameOf } from './cel-values.ts';
import type { Result, Value } from './cel-values.ts';

const NOT_CONVERTIBLE = new Failure('the value cannot be converted');

/** Longest text that is read as a number, an instant or a duration. */
const MAX_NUMBER_CHARS = 64;

function wholeOf(value: Value | undefined, pattern: RegExp): bigint | Failure {
  if (typeof value === 'bigint') {
    return value;
  }
  if (value instanceof Uint) {
    return value.value;
  }
  if (typeof value === 'number') {
    // 2^63 itself cannot be told from its neighbours as a double, so CEL refuses it on both ends.
    return Number.isFinite(value) && value > -(2 ** 63) ? BigInt(Math.trunc(value)) : NOT_CONVERTIBLE;
  }
  if (typeof value === 'string') {
    return value.length <= MAX_NUMBER_CHARS && pattern.test(value) ? BigInt(value) : NOT_CONVERTIBLE;
  }
  return NO_OVERLOAD;
}

const toInt: Run = ([value]) => {
  if (value instanceof Timestamp || value instanceof Duration) {
    return value.ns / 1_000_000_000n;
  }
  const whole = wholeOf(value, /^-?\d+$/);
  return typeof whole === 'bigint' ? int(whole) : whole;
};

const toUint: Run = ([value]) => {
  const whole = wholeOf(value, /^\d+$/);
  return typeof whole === 'bigint' ? uint(whole) : whole;
};

const DOUBLE_TEXT = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

const toDouble: Run = ([value]) => {
  if (typeof value === 'string') {
    const readable = value.length <= MAX_NUMBER_CHARS && DOUBLE_TEXT.test(value);
    return readable ? Number(value) : NOT_CONVERTIBLE;
  }
  if (typeof value === 'bigint' || typeof value === 'number') {
    return Number(value);
  }
  return value instanceof Uint ? Number(value.value) : NO_OVERLOAD;
};

const BOOLS: Readonly<Record<string, boolean>> = {
  true: true,
  True: true,
  TRUE: true,
  t: true,
  '1': true,
  false: false,
  False: false,
  FALSE: false,
  f: false,
  '0': false,
};

const toBool: Run = ([value]) => {
  if (typeof value === 'boolean') {
    return value;
  }
  return typeof value === 'string'
    ? ((Object.hasOwn(BOOLS, value) ? BOOLS[value] : undefined) ?? NOT_CONVERTIBLE)
    : NO_OVERLOAD;
};

const toText: Run = ([value = null], budget) => {
  if (typeof value === 'string') {
    return value;
  }
  if (value instanceof Uint8Array) {
    return budget.spendText(value.length) ? decode(value) : EXHAUSTED;
  }
  if (value instanceof Timestamp) {
    return formatTimestamp(value);
  }
  if (value instanceof Duration) {
    return formatDuration(value);
  }
  const plain = value instanceof Uint ? value.value : value;
  return typeof plain === 'bigint' || typeof plain === 'number' || typeof plain === 'boolean'
    ? String(plain)
    : NO_OVERLOAD;
};

function decode(bytes: Uint8Array): Result {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return NOT_CONVERTIBLE;
  }
}

const toBytes: Run = ([value], budget) => {
  if (typeof value !== 'string') {
    return value instanceof Uint8Array ? value : NO_OVERLOAD;
  }
  return budget.spendText(value.length) ? new Uint8Array(Buffer.from(value)) : EXHAUSTED;
};

const toTimestamp: Run = ([value]) => {
  if (typeof value === 'string') {
    return parseTimestamp(value) ?? NOT_CONVERTIBLE;
  }
  if (typeof value === 'bigint') {
    return Timestamp.of(value * 1_000_000_000n) ?? NOT_CONVERTIBLE;
  }
  return value instanceof Timestamp ? value : NO_OVERLOAD;
};

const toDuration: Run = ([value]) => {
  if (typeof value === 'string') {
    return parseDuration(value) ?? NOT_CONVERTIBLE;
  }
  return value instanceof Duration ? value : NO_OVERLOAD;
};

/** Signatures of a conversion from each of the types to one. */
function from(result: string, ...types: readonly string[]): readonly string[] {
  return types.map((type) => `(${type}) ${result}`);
}

export const CONVERSIONS: readonly [string, FunctionDefinition][] = [
  define('int', from('int', 'int', 'uint', 'double', 'string', 'timestamp', 'duration'), toInt),
  define('uint', from('uint', 'int', 'uint', 'double', 'string'), toUint),
  define('double', from('double', 'int', 'uint', 'double', 'string'), toDouble),
  define('bool', from('bool', 'bool', 'string'), toBool),
  define('string', from('string', 'string', 'int', 'uint', 'double', 'bool', 'bytes', 'timestamp', 'duration'), toText),
  define('bytes', from('bytes', 'bytes', 'string'), toBytes),
  define('timestamp', from('timestamp', 'timestamp', 'string', 'int'), toTimestamp),
  define('duration', from('duration', 'duration', 'string'), toDuration),
  define('type', ['(dyn) type'], ([value = null]) => new TypeName(typeNameOf(value))),
  define('dyn', ['(dyn) dyn'], ([value = null]) => value),
];
