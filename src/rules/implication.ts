// What can be proved about conditions by looking at them: equal ones, and conjunctions of simple terms on facts.
// Everything else is "not proved", which every caller takes for the harmless answer.
import type { Constant, Expr } from './cel-tree.ts';

/** Ranges of macro variables, by name. */
export type Ranges = ReadonlyMap<string, Expr>;

/** The condition holds only if the fact is (or, for a list, contains) one of these values. */
export interface ValueSet {
  readonly fact: string;
  readonly values: ReadonlySet<string>;
  /** The fact is one value, so two sets without common values exclude each other. */
  readonly single: boolean;
}

/** The expression as text that is equal for equal conditions, wherever they were typed. */
export function canonical(expr: Expr): string {
  return JSON.stringify(expr, (key: string, value: unknown) => {
    if (key === 'at') {
      return undefined;
    }
    return typeof value === 'bigint' ? { int: String(value) } : value;
  });
}

/** Terms of a conjunction; anything else is its own only term. */
export function termsOf(expr: Expr): readonly Expr[] {
  return expr.kind === 'and' ? expr.terms : [expr];
}

/** The value sets among an expression's conjuncts. */
export function setsOf(expr: Expr): readonly ValueSet[] {
  return termsOf(expr)
    .map(setOf)
    .filter((set) => set !== null);
}

/** `fact == 'a'`, `fact in ['a', 'b']`, `'a' in fact`, and || of these on one fact. */
function setOf(term: Expr): ValueSet | null {
  if (term.kind === 'or') {
    return union(term.terms.map(setOf));
  }
  if (term.kind !== 'call' || term.args.length !== 2) {
    return null;
  }
  const [left, right] = term.args;
  if (left === undefined || right === undefined) {
    return null;
  }
  if (term.function === '_==_') {
    // A list that equals a list of texts is not one of those texts.
    const [fact, other] = left.kind === 'fact' ? [left, right] : [right, left];
    return fact.kind === 'fact' && other.kind === 'const' ? single(fact, other) : null;
  }
  if (term.function !== '@in') {
    return null;
  }
  if (left.kind === 'fact' && right.kind === 'list') {
    return single(left, right);
  }
  const values = right.kind === 'fact' && left.kind === 'const' ? literals(left) : null;
  return values !== null && right.kind === 'fact' ? { fact: right.name, values, single: false } : null;
}

function single(fact: Extract<Expr, { kind: 'fact' }>, expr: Expr): ValueSet | null {
  const values = literals(expr);
  return values === null ? null : { fact: fact.name, values, single: true };
}

function literals(expr: Expr): ReadonlySet<string> | null {
  const items = expr.kind === 'list' ? expr.items : [expr];
  const found = items.flatMap((item) => (item.kind === 'const' && typeof item.value === 'string' ? [item.value] : []));
  return found.length === items.length ? new Set(found) : null;
}

function union(sets: readonly (ValueSet | null)[]): ValueSet | null {
  const [first] = sets;
  if (first === undefined || first === null) {
    return null;
  }
  const values = new Set<string>();
  for (const set of sets) {
    if (set === null || set.fact !== first.fact || set.single !== first.single) {
      return null;
    }
    set.values.forEach((value) => values.add(value));
  }
  return { ...first, values };
}

/** A condition prepared for comparing: null stands for one that matches everything. */
export interface Shape {
  readonly terms: readonly { readonly text: string; readonly set: ValueSet | null }[];
}

export function shapeOf(expr: Expr | null): Shape {
  const terms = expr === null ? [] : termsOf(expr);
  return { terms: terms.map((term) => ({ text: canonical(term), set: setOf(term) })) };
}

/** Proved: whenever `narrow` holds, `wide` holds. */
export function implies(narrow: Shape, wide: Shape): boolean {
  return wide.terms.every(({ text, set }) =>
    narrow.terms.some((term) => term.text === text || (set !== null && term.set !== null && isWithin(term.set, set))),
  );
}

function isWithin(inner: ValueSet, outer: ValueSet): boolean {
  return (
    inner.fact === outer.fact &&
    inner.single === outer.single &&
    [...inner.values].every((value) => outer.values.has(value))
  );
}

/** Proved: the two never hold together. */
export function excludes(left: Shape, right: Shape): boolean {
  return left.terms.some(({ text, set }) =>
    right.terms.some(
      (other) =>
        isNegation(text, other.text) ||
        (set !== null &&
          other.set !== null &&
          set.single &&
          set.fact === other.set.fact &&
          [...set.values].every((value) => other.set?.values.has(value) === false)),
    ),
  );
}

/** Canonical text of `!(…)`. */
function negated(text: string): string {
  return `{"kind":"call","function":"!_","args":[${text}],"method":false}`;
}

function isNegation(left: string, right: string): boolean {
  return left === negated(right) || right === negated(left);
}

/** `http.body_json.a` for a chain of fields and constant keys that starts at a fact or variable; null for other expressions. */
export function pathOf(expr: Expr): string | null {
  if (expr.kind === 'fact' || expr.kind === 'name') {
    return expr.name;
  }
  if (expr.kind === 'select') {
    const operand = pathOf(expr.operand);
    return operand === null || expr.test ? null : `${operand}.${expr.field}`;
  }
  if (expr.kind === 'index' && expr.index.kind === 'const') {
    const operand = pathOf(expr.operand);
    const { value } = expr.index;
    return operand === null
      ? null
      : typeof value === 'string'
        ? `${operand}.${value}`
        : `${operand}[${literalText(value)}]`;
  }
  return null;
}

/** The fact that a chain of fields, keys and macro variables starts at, or null. */
export function rootFact(expr: Expr, ranges: Ranges): string | null {
  switch (expr.kind) {
    case 'fact':
      return expr.name;
    case 'select':
    case 'index':
      return rootFact(expr.operand, ranges);
    case 'name': {
      const range = ranges.get(expr.name);
      // A variable ranges over something outside it, so its own name is out of the way when its range is followed.
      return range === undefined ? null : rootFact(range, new Map([...ranges].filter(([name]) => name !== expr.name)));
    }
    case 'const':
    case 'call':
    case 'and':
    case 'or':
    case 'conditional':
    case 'list':
    case 'map':
    case 'fold':
      return null;
  }
}

function literalText(value: Constant): string {
  if (typeof value === 'string') {
    return `'${value}'`;
  }
  return typeof value === 'object' ? '…' : String(value);
}

/** A path or literal as it would be typed, for suggestions. */
export function describe(expr: Expr): string {
  if (expr.kind === 'const') {
    return literalText(expr.value);
  }
  if (expr.kind === 'select') {
    return `${describe(expr.operand)}.${expr.field}`;
  }
  if (expr.kind === 'index') {
    return `${describe(expr.operand)}[${describe(expr.index)}]`;
  }
  return expr.kind === 'fact' || expr.kind === 'name' ? expr.name : '…';
}
