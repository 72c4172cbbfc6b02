// Operators of conditions, by CEL's internal names. Integers are 64 bits and overflow is an error, as CEL has it.
import type { Budget } from './cel-budget.ts';
import { define } from './cel-signatures.ts';
import type { FunctionDefinition, Run } from './cel-signatures.ts';
import { Duration, Timestamp } from './cel-time.ts';
import { Uint } from './cel-tree.ts';
import {
  EXHAUSTED,
  Failure,
  NO_OVERLOAD,
  compare,
  equals,
  isList,
  isMap,
  isRecord,
  keyOf,
  findElement,
  lookUp,
} from './cel-values.ts';
import type { Result, Value } from './cel-values.ts';
import { Unknown } from './action.ts';

const OVERFLOW = new Failure('the result is out of range');
const DIVISION_BY_ZERO = new Failure('division by zero');

const MIN_INT = -(2n ** 63n);
const MAX_INT = 2n ** 63n - 1n;
const MAX_UINT = 2n ** 64n - 1n;

export function int(value: bigint): Result {
  return value >= MIN_INT && value <= MAX_INT ? value : OVERFLOW;
}

export function uint(value: bigint): Result {
  return value >= 0n && value <= MAX_UINT ? new Uint(value) : OVERFLOW;
}

/** Arithmetic on two numbers of one type; CEL does not mix them. */
function arithmetic(
  onInts: (a: bigint, b: bigint) => bigint | Failure,
  onDoubles: (a: number, b: number) => number,
): Run {
  const whole = (a: bigint, b: bigint, fit: (value: bigint) => Result): Result => {
    const result = onInts(a, b);
    return typeof result === 'bigint' ? fit(result) : result;
  };
  return ([left, right]) => {
    if (typeof left === 'bigint' && typeof right === 'bigint') {
      return whole(left, right, int);
    }
    if (typeof left === 'number' && typeof right === 'number') {
      return onDoubles(left, right);
    }
    return left instanceof Uint && right instanceof Uint ? whole(left.value, right.value, uint) : NO_OVERLOAD;
  };
}

const addNumbers = arithmetic(
  (a, b) => a + b,
  (a, b) => a + b,
);

const subtractNumbers = arithmetic(
  (a, b) => a - b,
  (a, b) => a - b,
);

const add: Run = (args, budget) => {
  const [left = null, right = null] = args;
  if (typeof left === 'string' && typeof right === 'string') {
    return budget.spendText(left.length + right.length) ? left + right : EXHAUSTED;
  }
  if (isList(left) && isList(right)) {
    return budget.spend(left.length + right.length) ? [...left, ...right] : EXHAUSTED;
  }
  if (left instanceof Uint8Array && right instanceof Uint8Array) {
    return budget.spendText(left.length + right.length) ? new Uint8Array([...left, ...right]) : EXHAUSTED;
  }
  return addTimes(left, right) ?? addNumbers(args, budget);
};

function addTimes(left: Value, right: Value): Result | null {
  if (left instanceof Duration && right instanceof Duration) {
    return Duration.of(left.ns + right.ns) ?? OVERFLOW;
  }
  if (left instanceof Timestamp && right instanceof Duration) {
    return Timestamp.of(left.ns + right.ns) ?? OVERFLOW;
  }
  return left instanceof Duration && right instanceof Timestamp ? (Timestamp.of(left.ns + right.ns) ?? OVERFLOW) : null;
}

const subtract: Run = (args, budget) => {
  const [left, right] = args;
  if (left instanceof Timestamp && right instanceof Duration) {
    return Timestamp.of(left.ns - right.ns) ?? OVERFLOW;
  }
  const bothTimes = left instanceof Timestamp && right instanceof Timestamp;
  const bothDurations = left instanceof Duration && right instanceof Duration;
  return bothTimes || bothDurations ? (Duration.of(left.ns - right.ns) ?? OVERFLOW) : subtractNumbers(args, budget);
};

const divide = arithmetic(
  (a, b) => (b === 0n ? DIVISION_BY_ZERO : a / b),
  (a, b) => a / b,
);

const modulo: Run = (args, budget) => (typeof args[0] === 'number' ? NO_OVERLOAD : remainder(args, budget));

const remainder = arithmetic(
  (a, b) => (b === 0n ? DIVISION_BY_ZERO : a % b),
  (a, b) => a % b,
);

const negate: Run = ([value]) => {
  if (typeof value === 'bigint') {
    return int(-value);
  }
  return typeof value === 'number' ? -value : NO_OVERLOAD;
};

function ordering(holds: (order: number) => boolean): Run {
  return ([left = null, right = null], budget) => {
    if (typeof left === 'string' && !budget.spendText(left.length)) {
      return EXHAUSTED;
    }
    const order = compare(left, right);
    return order === null ? NO_OVERLOAD : holds(order);
  };
}

/** Membership with three values: an Unknown element keeps the answer open unless another one matches. */
export function isIn(value: Value, container: Value, budget: Budget): Result {
  if (isList(container)) {
    if (!budget.spend(container.length)) {
      return EXHAUSTED;
    }
    let unknown: Unknown | null = null;
    for (const element of container) {
      const equal = equals(value, element);
      if (equal === true) {
        return true;
      }
      if (equal !== false) {
        unknown = equal;
      }
    }
    return unknown ?? false;
  }
  if (!isMap(container) && !isRecord(container)) {
    return NO_OVERLOAD;
  }
  const key = keyOf(value);
  if (key === undefined || lookUp(container, key) !== undefined) {
    return key !== undefined;
  }
  // Unknown where only another spelling of the key is there.
  const element = findElement(container, key);
  return element instanceof Unknown ? element : false;
}

const NUMBERS = ['int', 'uint', 'double'];
const ORDERED = [...NUMBERS, 'string', 'bool', 'bytes', 'timestamp', 'duration'];

const arithmeticSignatures = NUMBERS.map((type) => `(${type}, ${type}) ${type}`);
const orderSignatures = [
  ...ORDERED.map((type) => `(${type}, ${type}) bool`),
  ...NUMBERS.flatMap((left) => NUMBERS.filter((right) => right !== left).map((right) => `(${left}, ${right}) bool`)),
];

/** `==`, `!=` and `in` are checked apart: their operands only have to be comparable. */
export const OPERATORS: readonly [string, FunctionDefinition][] = [
  define('_==_', ['(dyn, dyn) bool'], ([left = null, right = null]) => equals(left, right)),
  define('_!=_', ['(dyn, dyn) bool'], ([left = null, right = null]) => {
    const equal = equals(left, right);
    return typeof equal === 'boolean' ? !equal : equal;
  }),
  define('@in', ['(dyn, list) bool', '(dyn, map) bool'], ([value = null, container = null], budget) =>
    isIn(value, container, budget),
  ),
  define(
    '_<_',
    orderSignatures,
    ordering((order) => order < 0),
  ),
  define(
    '_<=_',
    orderSignatures,
    ordering((order) => order <= 0),
  ),
  define(
    '_>_',
    orderSignatures,
    ordering((order) => order > 0),
  ),
  define(
    '_>=_',
    orderSignatures,
    ordering((order) => order >= 0),
  ),
  define(
    '_+_',
    [
      ...arithmeticSignatures,
      '(string, string) string',
      '(bytes, bytes) bytes',
      '(list, list) list',
      '(timestamp, duration) timestamp',
      '(duration, timestamp) timestamp',
      '(duration, duration) duration',
    ],
    add,
  ),
  define(
    '_-_',
    [
      ...arithmeticSignatures,
      '(timestamp, timestamp) duration',
      '(timestamp, duration) timestamp',
      '(duration, duration) duration',
    ],
    subtract,
  ),
  define(
    '_*_',
    arithmeticSignatures,
    arithmetic(
      (a, b) => a * b,
      (a, b) => a * b,
    ),
  ),
  define('_/_', arithmeticSignatures, divide),
  define('_%_', ['(int, int) int', '(uint, uint) uint'], modulo),
  define('-_', ['(int) int', '(double) double'], negate),
  define('!_', ['(bool) bool'], ([value]) => (typeof value === 'boolean' ? !value : NO_OVERLOAD)),
];
