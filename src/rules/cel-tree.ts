// The syntax tree of a condition, as the checker and the evaluator walk it. Macros stay what they were written as, and
// chains of && and || are flat, so that the depth of the tree is the depth of the source.

export type Macro = 'exists' | 'all' | 'exists_one' | 'map' | 'filter';

/** A literal's value. CEL int is bigint, double is number. */
export type Constant = string | bigint | number | boolean | null | Uint8Array | Uint;

/** A CEL uint. */
export class Uint {
  readonly value: bigint;

  constructor(value: bigint) {
    this.value = value;
  }
}

/** `at` is a UTF-16 offset into the condition: where a diagnostic about the node points. */
export type Expr =
  | { readonly kind: 'const'; readonly value: Constant; readonly at: number }
  | { readonly kind: 'name'; readonly name: string; readonly at: number }
  | { readonly kind: 'fact'; readonly name: string; readonly at: number }
  | {
      readonly kind: 'select';
      readonly operand: Expr;
      readonly field: string;
      /** `has(operand.field)`. */
      readonly test: boolean;
      readonly at: number;
    }
  | { readonly kind: 'index'; readonly operand: Expr; readonly index: Expr; readonly at: number }
  | {
      readonly kind: 'call';
      /** Operators by CEL's own names (`_==_`), qualified functions with their dot (`sets.contains`). */
      readonly function: string;
      /** The receiver comes first when `method` is set. */
      readonly args: readonly Expr[];
      readonly method: boolean;
      readonly at: number;
    }
  | { readonly kind: 'and' | 'or'; readonly terms: readonly Expr[]; readonly at: number }
  | {
      readonly kind: 'conditional';
      readonly test: Expr;
      readonly yes: Expr;
      readonly no: Expr;
      readonly at: number;
    }
  | { readonly kind: 'list'; readonly items: readonly Expr[]; readonly at: number }
  | { readonly kind: 'map'; readonly entries: readonly (readonly [Expr, Expr])[]; readonly at: number }
  | {
      readonly kind: 'fold';
      readonly macro: Macro;
      readonly range: Expr;
      readonly variable: string;
      /** The predicate; null for `map` without one. */
      readonly test: Expr | null;
      /** The transformation of `map`. */
      readonly step: Expr | null;
      readonly at: number;
    };

/** Direct children, in source order. */
export function childrenOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'const':
    case 'name':
    case 'fact':
      return [];
    case 'select':
      return [expr.operand];
    case 'index':
      return [expr.operand, expr.index];
    case 'call':
      return expr.args;
    case 'and':
    case 'or':
      return expr.terms;
    case 'conditional':
      return [expr.test, expr.yes, expr.no];
    case 'list':
      return expr.items;
    case 'map':
      return expr.entries.flat();
    case 'fold':
      return [expr.range, expr.test, expr.step].filter((child) => child !== null);
  }
}

/** Calls `visit` on the node and everything below it. */
export function walk(expr: Expr, visit: (expr: Expr) => void): void {
  visit(expr);
  for (const child of childrenOf(expr)) {
    walk(child, visit);
  }
}

/** Names of the facts that an expression can read. */
export function factsRead(expr: Expr): ReadonlySet<string> {
  const names = new Set<string>();
  walk(expr, (node) => {
    if (node.kind === 'fact') {
      names.add(node.name);
    }
  });
  return names;
}
