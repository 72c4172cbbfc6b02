// The table of all functions of conditions, and those that belong nowhere else: sizes, sets, wall-clock readings.
import { asciiLower } from '../lib/text.ts';
import { Unknown } from './action.ts';
import type { Budget } from './cel-budget.ts';
import { CONVERSIONS } from './cel-conversions.ts';
import { OPERATORS, isIn } from './cel-operators.ts';
import { define } from './cel-signatures.ts';
import type { FunctionDefinition, FunctionTable, Run } from './cel-signatures.ts';
import { STRING_FUNCTIONS, codePoints } from './cel-strings.ts';
import { Duration, Timestamp, civilIn } from './cel-time.ts';
import type { Civil } from './cel-time.ts';
import { EXHAUSTED, Failure, NO_OVERLOAD, TypeName, isList, isMap, isRecord, keysOf, valueOf } from './cel-values.ts';
import type { Element, Key, Result, Value } from './cel-values.ts';
import { canonicalHeader } from './header-name.ts';

const NO_SUCH_ZONE = new Failure('no such time zone');

const size: Run = ([value = null], budget) => {
  if (typeof value === 'string') {
    return budget.spendText(value.length) ? BigInt(codePoints(value)) : EXHAUSTED;
  }
  if (isList(value) || value instanceof Uint8Array) {
    return BigInt(value.length);
  }
  return isMap(value) || isRecord(value) ? BigInt(keysOf(value).length) : NO_OVERLOAD;
};

/** Whether every element of `part` is in `whole`: no beats cannot tell beats yes. */
function includesAll(whole: readonly Element[], part: readonly Element[], budget: Budget): Result {
  let failed: Result = true;
  for (const element of part) {
    const found = isElementIn(element, whole, budget);
    if (found === false) {
      return false;
    }
    failed = found === true ? failed : found;
  }
  return failed;
}

function intersects(left: readonly Element[], right: readonly Element[], budget: Budget): Result {
  let failed: Result = false;
  for (const element of left) {
    const found = isElementIn(element, right, budget);
    if (found === true) {
      return true;
    }
    failed = found === false ? failed : found;
  }
  return failed;
}

function isElementIn(element: Element, list: readonly Element[], budget: Budget): Result {
  const value = valueOf(element);
  return value instanceof Unknown || value instanceof Failure ? value : isIn(value, list, budget);
}

function onLists(run: (left: readonly Element[], right: readonly Element[], budget: Budget) => Result): Run {
  return ([left = null, right = null], budget) =>
    isList(left) && isList(right) ? run(left, right, budget) : NO_OVERLOAD;
}

/** Both directions: two lists are equivalent when each includes the other. */
function equivalent(left: readonly Element[], right: readonly Element[], budget: Budget): Result {
  const forward = includesAll(left, right, budget);
  const backward = forward === false ? false : includesAll(right, left, budget);
  return backward === true ? forward : backward;
}

function reading(fromTime: (civil: Civil) => number, nsPerUnit: bigint | null): Run {
  return ([value, zone = ''], budget) => {
    if (value instanceof Duration && nsPerUnit !== null && zone === '') {
      const whole = value.ns / nsPerUnit;
      // getMilliseconds of a duration is the part below a second.
      return nsPerUnit === 1_000_000n ? whole % 1000n : whole;
    }
    if (!(value instanceof Timestamp) || typeof zone !== 'string') {
      return NO_OVERLOAD;
    }
    // Naming a zone may make a formatter.
    if (zone !== '' && !budget.spend(1000)) {
      return EXHAUSTED;
    }
    const civil = civilIn(value, zone);
    return civil === null ? NO_SUCH_ZONE : BigInt(fromTime(civil));
  };
}

const OF_TIME = ['timestamp.() int', 'timestamp.(string) int'];
const OF_BOTH = [...OF_TIME, 'duration.() int'];

/** Folds a value that is compared with a folded fact and that the loader could not fold: text, and what containers hold. */
function folding(fold: (text: string) => string): Run {
  const one = (element: Element): Element => (typeof element === 'string' ? fold(element) : element);
  return ([value = null], budget): Result => {
    if (typeof value === 'string') {
      return budget.spendText(value.length) ? fold(value) : EXHAUSTED;
    }
    if (isList(value)) {
      return budget.spend(value.length) ? value.map(one) : EXHAUSTED;
    }
    return isMap(value) || isRecord(value) ? foldKeys(value, fold, budget) : value;
  };
}

function foldKeys(
  map: ReadonlyMap<Key, Element> | Readonly<Record<string, Element>>,
  fold: (text: string) => string,
  budget: Budget,
): Value | Failure {
  const entries: readonly (readonly [Key, Element])[] = isMap(map) ? [...map] : Object.entries(map);
  if (!budget.spend(entries.length)) {
    return EXHAUSTED;
  }
  return new Map(entries.map(([key, element]) => [typeof key === 'string' ? fold(key) : key, element]));
}

/** Made by the loader only; no condition can write a name with @. */
export const FOLD_FUNCTIONS = { lower: '@lower', header: '@header' } as const;

const OTHERS: readonly [string, FunctionDefinition][] = [
  define(
    'size',
    ['string', 'bytes', 'list', 'map'].flatMap((type) => [`(${type}) int`, `${type}.() int`]),
    size,
  ),
  define('sets.contains', ['(list, list) bool'], onLists(includesAll)),
  define('sets.equivalent', ['(list, list) bool'], onLists(equivalent)),
  define('sets.intersects', ['(list, list) bool'], onLists(intersects)),
  define(
    'getFullYear',
    OF_TIME,
    reading((at) => at.year, null),
  ),
  define(
    'getMonth',
    OF_TIME,
    reading((at) => at.month - 1, null),
  ),
  define(
    'getDate',
    OF_TIME,
    reading((at) => at.dayOfMonth, null),
  ),
  define(
    'getDayOfMonth',
    OF_TIME,
    reading((at) => at.dayOfMonth - 1, null),
  ),
  define(
    'getDayOfWeek',
    OF_TIME,
    reading((at) => at.dayOfWeek, null),
  ),
  define(
    'getDayOfYear',
    OF_TIME,
    reading((at) => at.dayOfYear, null),
  ),
  define(
    'getHours',
    OF_BOTH,
    reading((at) => at.hour, 3_600_000_000_000n),
  ),
  define(
    'getMinutes',
    OF_BOTH,
    reading((at) => at.minute, 60_000_000_000n),
  ),
  define(
    'getSeconds',
    OF_BOTH,
    reading((at) => at.second, 1_000_000_000n),
  ),
  define(
    'getMilliseconds',
    OF_BOTH,
    reading((at) => at.millisecond, 1_000_000n),
  ),
  // Written by the checker: has() of a fact, the name of a type.
  define('@has', ['(dyn) bool'], () => true),
  define('@type', ['(string) type'], ([name]) => (typeof name === 'string' ? new TypeName(name) : NO_OVERLOAD)),
  define(FOLD_FUNCTIONS.lower, ['(dyn) dyn'], folding(asciiLower)),
  define(FOLD_FUNCTIONS.header, ['(dyn) dyn'], folding(canonicalHeader)),
];

export const FUNCTIONS: FunctionTable = new Map([...OPERATORS, ...CONVERSIONS, ...STRING_FUNCTIONS, ...OTHERS]);
