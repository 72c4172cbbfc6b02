// A checked expression with its type, the variables around it, and small questions about both.
import { Uint } from './cel-tree.ts';
import type { Constant, Expr } from './cel-tree.ts';
import { foldOf, innerFold, isScalar, scalar } from './cel-types.ts';
import type { Fold, ScalarKind, Type } from './cel-types.ts';

export interface Typed {
  readonly expr: Expr;
  readonly type: Type;
}

/** Variables of the macros around a node, innermost first. */
export interface Scope {
  readonly variable: string;
  readonly type: Type;
  readonly range: Expr;
  readonly outer: Scope | null;
}

export function call(name: string, args: readonly Expr[], at: number): Expr {
  return { kind: 'call', function: name, args, method: false, at };
}

export function constantKind(value: Constant): ScalarKind {
  if (typeof value === 'object') {
    return value === null ? 'null' : value instanceof Uint ? 'uint' : 'bytes';
  }
  return typeof value === 'string'
    ? 'string'
    : typeof value === 'bigint'
      ? 'int'
      : typeof value === 'number'
        ? 'double'
        : 'bool';
}

export function findVariable(scope: Scope | null, name: string): Scope | null {
  for (let inner = scope; inner !== null; inner = inner.outer) {
    if (inner.variable === name) {
      return inner;
    }
  }
  return null;
}

export function isHeaderMap(type: Type): boolean {
  return type.kind === 'map' && innerFold(type.key)?.how === 'header';
}

export function isOrdering(name: string): boolean {
  return name === '_<_' || name === '_<=_' || name === '_>_' || name === '_>=_';
}

/** The operand with its vocabulary taken for open: a part of a value, or one to sort by, need not be a value. */
export function opened(part: Typed): Typed {
  const { type } = part;
  return isScalar(type) && type.fold !== null
    ? { ...part, type: scalar(type.kind, { ...type.fold, definition: null }) }
    : part;
}

export function markOpen(type: Type, fold: Fold): Type {
  if (type.kind === 'list') {
    return { ...type, of: markOpen(type.of, fold) };
  }
  return type.kind === 'string' || type.kind === 'dyn' ? scalar(type.kind, fold) : type;
}

export function operatorName(name: string): string {
  return name === '@in' ? 'in' : name.replace(/^_(.+)_$/, '$1').replace(/^([!-])_$/, '$1');
}

/** The type of what a function made that leaves an enumeration's value what it is. */
export function keptMark(operand: Type, result: Type, name: string): Type {
  const fold = foldOf(operand);
  if (fold?.how === 'lower' && isScalar(result)) {
    return scalar(result.kind, fold);
  }
  // dyn() of a container that holds enumerations stays what it is: `'DROP' in dyn(sql.verbs)` must not be a silent no.
  return name === 'dyn' && innerFold(operand) !== null ? operand : result;
}
