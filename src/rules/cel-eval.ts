// A checked tree becomes a closure. The grammar is the CEL library's, the evaluation is ours, because the library's has no
// budget (a macro over a million elements holds the event loop), makes an Error with a stack for every Unknown, and builds
// lists and calls anew for each evaluation. The library is the oracle in the tests.
import { Unknown } from './action.ts';
import { FUNCTIONS } from './cel-functions.ts';
import { isIn } from './cel-operators.ts';
import type { Run } from './cel-signatures.ts';
import type { Expr } from './cel-tree.ts';
import {
  EXHAUSTED,
  Failure,
  NOT_BOOL,
  NO_OVERLOAD,
  OUT_OF_RANGE,
  equals,
  isFailed,
  isList,
  isMap,
  isRecord,
  keyOf,
  keysOf,
  findElement,
  numberOf,
  valueOf,
} from './cel-values.ts';
import type { Element, Key, Result, Value } from './cel-values.ts';
import type { Frame } from './frame.ts';
import { compilePattern } from './regexp.ts';

/** An expression, ready to run. Never throws for values that facts can have. */
export type Evaluate = (frame: Frame) => Result;

/** Names of macro variables around an expression, outermost first; the index is the frame's variable. */
type Scope = readonly string[];

/** A step on the way from a value to a part of it. `slot` names the fact that an Unknown part belongs to; -1 = none. */
interface Access {
  readonly operand: Evaluate;
  readonly slot: number;
}

/** Compiles a checked tree. Facts get slots in `frame`, and the closure has to be run with that frame. */
export function compileExpr(expr: Expr, frame: Frame, scope: Scope = []): Evaluate {
  const inner = (child: Expr): Evaluate => compileExpr(child, frame, scope);
  switch (expr.kind) {
    case 'const': {
      const { value } = expr;
      return () => value;
    }
    case 'fact': {
      const slot = frame.slot(expr.name);
      return (running) => running.read(slot);
    }
    case 'name':
      return compileVariable(scope.lastIndexOf(expr.name), slotOf(expr, frame));
    case 'select':
      return expr.test
        ? compileHas({ operand: inner(expr.operand), slot: slotOf(expr, frame) }, expr.field)
        : compileSelect({ operand: inner(expr.operand), slot: slotOf(expr, frame) }, expr.field);
    case 'index':
      return compileIndex({ operand: inner(expr.operand), slot: slotOf(expr, frame) }, inner(expr.index));
    case 'and':
      return compileLogic(expr.terms.map(inner), false);
    case 'or':
      return compileLogic(expr.terms.map(inner), true);
    case 'conditional':
      return compileConditional(inner(expr.test), inner(expr.yes), inner(expr.no));
    case 'list':
      return compileList(expr.items.map(inner));
    case 'map':
      return compileMap(expr.entries.map(([key, value]) => [inner(key), inner(value)] as const));
    case 'call':
      return compileCall(expr, frame, scope);
    case 'fold':
      return compileFold(expr, frame, scope);
  }
}

/** Slot of the first fact below an expression: the one that an Unknown part is reported under. */
function slotOf(expr: Expr, frame: Frame): number {
  switch (expr.kind) {
    case 'fact':
      return frame.slot(expr.name);
    case 'select':
    case 'index':
      return slotOf(expr.operand, frame);
    case 'call':
    case 'list':
      return (
        (expr.kind === 'call' ? expr.args : expr.items)
          .map((child) => slotOf(child, frame))
          .find((slot) => slot >= 0) ?? -1
      );
    case 'fold':
      return slotOf(expr.range, frame);
    case 'const':
    case 'name':
    case 'and':
    case 'or':
    case 'conditional':
    case 'map':
      return -1;
  }
}

function compileVariable(depth: number, slot: number): Evaluate {
  return (frame) => noted(frame.variables[depth] ?? null, slot, frame);
}

function noted(result: Result, slot: number, frame: Frame): Result {
  return result instanceof Unknown && slot >= 0 ? frame.note(slot, result) : result;
}

function compileSelect({ operand, slot }: Access, field: string): Evaluate {
  return (frame) => {
    const value = operand(frame);
    if (isFailed(value)) {
      return value;
    }
    return isMap(value) || isRecord(value) ? noted(valueOf(findElement(value, field)), slot, frame) : NO_OVERLOAD;
  };
}

/** `has()` of a key whose value is Unknown cannot tell, as the reference wants it. */
function compileHas({ operand, slot }: Access, field: string): Evaluate {
  return (frame) => {
    const value = operand(frame);
    if (isFailed(value)) {
      return value;
    }
    if (!isMap(value) && !isRecord(value)) {
      return NO_OVERLOAD;
    }
    const element = findElement(value, field);
    return element instanceof Unknown ? noted(element, slot, frame) : element !== undefined;
  };
}

function compileIndex({ operand, slot }: Access, index: Evaluate): Evaluate {
  return (frame) => {
    const value = operand(frame);
    if (isFailed(value)) {
      return value;
    }
    const at = index(frame);
    return isFailed(at) ? at : noted(elementAt(value, at), slot, frame);
  };
}

function elementAt(value: Value, at: Value): Result {
  if (isList(value)) {
    const number = numberOf(at);
    if (number === null || !Number.isInteger(Number(number))) {
      return NO_OVERLOAD;
    }
    return number >= 0 && number < value.length ? valueOf(value[Number(number)]) : OUT_OF_RANGE;
  }
  const key = keyOf(at);
  if ((!isMap(value) && !isRecord(value)) || key === undefined) {
    return NO_OVERLOAD;
  }
  return valueOf(findElement(value, key));
}

/** && (decided by false) and || (decided by true): a deciding term wins over every failure, whatever the order. */
function compileLogic(terms: readonly Evaluate[], decisive: boolean): Evaluate {
  return (frame) => {
    let failed: Unknown | Failure | null = null;
    for (const term of terms) {
      const value = term(frame);
      if (value === decisive) {
        return decisive;
      }
      if (typeof value !== 'boolean' && failed === null) {
        failed = isFailed(value) ? value : NOT_BOOL;
      }
    }
    return failed ?? !decisive;
  };
}

function compileConditional(test: Evaluate, yes: Evaluate, no: Evaluate): Evaluate {
  return (frame) => {
    const chosen = test(frame);
    if (typeof chosen === 'boolean') {
      return chosen ? yes(frame) : no(frame);
    }
    return isFailed(chosen) ? chosen : NOT_BOOL;
  };
}

function compileList(items: readonly Evaluate[]): Evaluate {
  return (frame) => {
    const list: Value[] = [];
    for (const item of items) {
      const value = item(frame);
      if (isFailed(value)) {
        return value;
      }
      list.push(value);
    }
    return list;
  };
}

function compileMap(entries: readonly (readonly [Evaluate, Evaluate])[]): Evaluate {
  return (frame) => {
    const map = new Map<Key, Element>();
    for (const [keyOfEntry, valueOfEntry] of entries) {
      const key = keyOfEntry(frame);
      const value = isFailed(key) ? key : valueOfEntry(frame);
      if (isFailed(key) || isFailed(value)) {
        return value;
      }
      const usable = keyOf(key);
      if (usable === undefined || map.has(usable)) {
        return BAD_KEY;
      }
      map.set(usable, value);
    }
    return map;
  };
}

const BAD_KEY = new Failure('a key is repeated, or cannot be a key');

function compileCall(expr: Extract<Expr, { kind: 'call' }>, frame: Frame, scope: Scope): Evaluate {
  const definition = FUNCTIONS.get(expr.function);
  const args = expr.args.map((arg) => compileExpr(arg, frame, scope));
  const fast = compileFast(expr, args, frame);
  if (fast !== null) {
    return fast;
  }
  return definition === undefined ? () => NO_OVERLOAD : callOf(definition.run, args, slotOf(expr, frame));
}

function callOf(run: Run, args: readonly Evaluate[], slot: number): Evaluate {
  return (frame) => {
    const values: Value[] = [];
    for (const arg of args) {
      const value = arg(frame);
      if (isFailed(value)) {
        return value;
      }
      values.push(value);
    }
    return noted(run(values, frame.budget), slot, frame);
  };
}

/** The shapes that most conditions consist of, without the array of arguments. */
function compileFast(expr: Extract<Expr, { kind: 'call' }>, args: readonly Evaluate[], frame: Frame): Evaluate | null {
  const [left, right] = expr.args;
  const [first, second] = args;
  if (left === undefined || right === undefined || first === undefined || second === undefined) {
    return null;
  }
  const slot = slotOf(expr, frame);
  if (expr.function === '_==_' || expr.function === '_!=_') {
    const wanted = expr.function === '_==_';
    if (right.kind === 'const' && typeof right.value === 'string') {
      return compileEqualsText(first, right.value, wanted);
    }
    return (running) => compareEqual(first(running), second(running), { wanted, slot, frame: running });
  }
  if (expr.function === '@in') {
    const texts = right.kind === 'list' ? textsOf(right.items) : null;
    return texts === null ? compileIn(first, second, slot) : compileInTexts(first, texts);
  }
  if (right.kind === 'const' && typeof right.value === 'string') {
    const find = PARTS[expr.function];
    return expr.function === 'matches'
      ? compileMatches(first, right.value)
      : find === undefined
        ? null
        : compilePart(first, right.value, find);
  }
  return null;
}

const PARTS: Readonly<Record<string, (text: string, part: string) => boolean>> = {
  contains: (text, part) => text.includes(part),
  startsWith: (text, part) => text.startsWith(part),
  endsWith: (text, part) => text.endsWith(part),
};

function compilePart(operand: Evaluate, part: string, find: (text: string, part: string) => boolean): Evaluate {
  return (frame) => {
    const value = operand(frame);
    if (typeof value === 'string') {
      return frame.budget.spendText(value.length + part.length) ? find(value, part) : EXHAUSTED;
    }
    return isFailed(value) ? value : NO_OVERLOAD;
  };
}

function compileEqualsText(operand: Evaluate, text: string, wanted: boolean): Evaluate {
  return (frame) => {
    const value = operand(frame);
    return isFailed(value) ? value : (value === text) === wanted;
  };
}

function compareEqual(left: Result, right: Result, how: { wanted: boolean; slot: number; frame: Frame }): Result {
  if (isFailed(left) || isFailed(right)) {
    return isFailed(left) ? left : right;
  }
  const equal = equals(left, right);
  return typeof equal === 'boolean' ? equal === how.wanted : noted(equal, how.slot, how.frame);
}

function textsOf(items: readonly Expr[]): ReadonlySet<string> | null {
  const texts = new Set<string>();
  for (const item of items) {
    if (item.kind !== 'const' || typeof item.value !== 'string') {
      return null;
    }
    texts.add(item.value);
  }
  return texts;
}

function compileInTexts(operand: Evaluate, texts: ReadonlySet<string>): Evaluate {
  return (frame) => {
    const value = operand(frame);
    return isFailed(value) ? value : typeof value === 'string' && texts.has(value);
  };
}

function compileIn(operand: Evaluate, container: Evaluate, slot: number): Evaluate {
  return (frame) => {
    const value = operand(frame);
    const holder = isFailed(value) ? value : container(frame);
    return isFailed(value) || isFailed(holder) ? holder : noted(isIn(value, holder, frame.budget), slot, frame);
  };
}

/** A constant pattern is compiled once, however long it is. */
function compileMatches(operand: Evaluate, pattern: string): Evaluate {
  const compiled = compilePattern(pattern, false);
  if ('error' in compiled) {
    const failure = new Failure(`not a pattern: ${compiled.error}`);
    return () => failure;
  }
  return (frame) => {
    const value = operand(frame);
    if (typeof value === 'string') {
      return compiled.test(value, frame.budget);
    }
    return isFailed(value) ? value : NO_OVERLOAD;
  };
}

/** What a macro does with its elements, one after the other. A result ends the loop. */
type Turn = (state: FoldState, frame: Frame) => Result | undefined;

interface FoldState {
  element: Result;
  failed: Unknown | Failure | null;
  count: number;
  readonly list: Value[];
}

function compileFold(expr: Extract<Expr, { kind: 'fold' }>, frame: Frame, scope: Scope): Evaluate {
  const range = compileExpr(expr.range, frame, scope);
  const depth = scope.length;
  const inner = [...scope, expr.variable];
  const slot = slotOf(expr.range, frame);
  const test = expr.test === null ? null : compileExpr(expr.test, frame, inner);
  const step = expr.step === null ? null : compileExpr(expr.step, frame, inner);
  const { turn, finish } = MACRO_TURNS[expr.macro](test ?? ALWAYS, step ?? NOTHING);
  return (running) => {
    const over = range(running);
    if (isFailed(over)) {
      return over;
    }
    if (!isList(over) && !isMap(over) && !isRecord(over)) {
      return NO_OVERLOAD;
    }
    const state: FoldState = { element: null, failed: null, count: 0, list: [] };
    for (const element of isList(over) ? over : keysOf(over)) {
      if (!running.budget.spend(1)) {
        return EXHAUSTED;
      }
      state.element = noted(valueOf(element), slot, running);
      running.variables[depth] = state.element;
      const result = turn(state, running);
      if (result !== undefined) {
        return result;
      }
    }
    return finish(state);
  };
}

const ALWAYS: Evaluate = () => true;
const NOTHING: Evaluate = () => null;

interface MacroCode {
  readonly turn: Turn;
  readonly finish: (state: FoldState) => Result;
}

/** exists (decided by true) and all (decided by false). */
function quantifier(test: Evaluate, decisive: boolean): MacroCode {
  return {
    turn: (state, frame) => {
      const value = test(frame);
      if (value === decisive) {
        return decisive;
      }
      if (typeof value !== 'boolean') {
        state.failed ??= isFailed(value) ? value : NOT_BOOL;
      }
      return undefined;
    },
    finish: (state) => state.failed ?? !decisive,
  };
}

/** Macros that need every element: a failure ends them. */
function collector(
  test: Evaluate,
  keep: (state: FoldState, frame: Frame) => Result | undefined,
  finish: MacroCode['finish'],
): MacroCode {
  return {
    turn: (state, frame) => {
      const value = test(frame);
      if (value === true) {
        return keep(state, frame);
      }
      return value === false ? undefined : isFailed(value) ? value : NOT_BOOL;
    },
    finish,
  };
}

function append(state: FoldState, value: Result): Result | undefined {
  if (isFailed(value)) {
    return value;
  }
  state.list.push(value);
  return undefined;
}

const MACRO_TURNS: Readonly<
  Record<Extract<Expr, { kind: 'fold' }>['macro'], (test: Evaluate, step: Evaluate) => MacroCode>
> = {
  exists: (test) => quantifier(test, true),
  all: (test) => quantifier(test, false),
  exists_one: (test) =>
    collector(
      test,
      (state) => {
        state.count += 1;
        return undefined;
      },
      (state) => state.count === 1,
    ),
  filter: (test) =>
    collector(
      test,
      (state) => append(state, state.element),
      (state) => state.list,
    ),
  map: (test, step) =>
    collector(
      test,
      (state, frame) => append(state, step(frame)),
      (state) => state.list,
    ),
};

/** The condition's answer: true, false, or why it cannot tell. */
export function answerOf(result: Result): boolean | Unknown | Failure {
  if (typeof result === 'boolean') {
    return result;
  }
  return isFailed(result) ? result : NOT_BOOL;
}
