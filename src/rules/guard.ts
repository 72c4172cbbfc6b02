// Which rules need not be evaluated. A conjunct like `sql.verb in ['drop', 'alter']` that is surely false makes the whole
// condition false whatever its other terms are, Unknown ones too, so a rule whose guard does not hold is a clean "no".
// An index over the guards keeps a thousand rules about as cheap as ten.
import { Unknown } from './action.ts';
import type { Expr } from './cel-tree.ts';
import { isList } from './cel-values.ts';
import type { Frame } from './frame.ts';

/** The condition is false unless the fact is one of the values, or (a list) holds one of them. */
export interface Guard {
  readonly fact: string;
  readonly values: ReadonlySet<string>;
}

/** Facts that are at hand for every unit and a function of its shape: reading one early costs and forgets nothing. */
const CHEAP: ReadonlySet<string> = new Set([
  'sql.verb',
  'sql.verbs',
  'sql.effects',
  'sql.object',
  'sql.tables',
  'sql.reads',
  'sql.writes',
  'sql.functions',
  'sql.database',
  'sql.context',
  'k8s.verb',
  'k8s.resource',
  'k8s.namespace',
  'k8s.name',
  'k8s.group',
  'http.method',
  'http.path',
  'http.host',
  'ssh.verb',
  'risk',
]);

/** The narrowest guard among an expression's conjuncts, or null. */
export function findGuard(expr: Expr): Guard | null {
  return findGuards(expr).reduce<Guard | null>(
    (best, guard) => (best === null || guard.values.size < best.values.size ? guard : best),
    null,
  );
}

/** Of each conjunct that is one. */
export function findGuards(expr: Expr): readonly Guard[] {
  return (expr.kind === 'and' ? expr.terms : [expr]).map(guardOf).filter((guard) => guard !== null);
}

function guardOf(term: Expr): Guard | null {
  if (term.kind === 'or') {
    return alternatives(term.terms.map(guardOf));
  }
  if (term.kind === 'fold' && term.macro === 'exists' && term.range.kind === 'fact' && term.test !== null) {
    return membership(term.test, { kind: 'name', name: term.variable }, term.range.name);
  }
  const fact = term.kind === 'call' ? term.args.find((arg) => arg.kind === 'fact') : undefined;
  return fact === undefined ? null : membership(term, fact, fact.name);
}

/** `x == 'a'`, `'a' == x`, `x in ['a', 'b']`, and for a fact that is a list `'a' in x`. */
function membership(term: Expr, subject: { readonly kind: string; readonly name: string }, fact: string): Guard | null {
  if (term.kind !== 'call' || !CHEAP.has(fact)) {
    return null;
  }
  const [left, right] = term.args;
  if (left === undefined || right === undefined) {
    return null;
  }
  const isSubject = (expr: Expr): boolean => expr.kind === subject.kind && 'name' in expr && expr.name === subject.name;
  // 'a' in fact asks for one element, as 'a' == x asks for one value.
  const turned = term.function === '_==_' || (term.function === '@in' && subject.kind === 'fact');
  const values = isSubject(left)
    ? valuesOf(term.function, right)
    : turned && isSubject(right)
      ? valuesOf('_==_', left)
      : null;
  return values === null ? null : { fact, values };
}

/** What the subject has to be for `subject == other` or `subject in other`. A whole list as `other` of == says nothing. */
function valuesOf(operator: string, other: Expr): ReadonlySet<string> | null {
  if (operator === '_==_') {
    return other.kind === 'const' && typeof other.value === 'string' ? new Set([other.value]) : null;
  }
  if (operator !== '@in' || other.kind !== 'list') {
    return null;
  }
  const texts = other.items.flatMap((item) =>
    item.kind === 'const' && typeof item.value === 'string' ? [item.value] : [],
  );
  return texts.length === other.items.length ? new Set(texts) : null;
}

function alternatives(guards: readonly (Guard | null)[]): Guard | null {
  const [first] = guards;
  const values = new Set<string>();
  for (const guard of guards) {
    if (guard === null || guard.fact !== first?.fact) {
      return null;
    }
    guard.values.forEach((value) => values.add(value));
  }
  return first === undefined || first === null ? null : { fact: first.fact, values };
}

interface IndexedFact {
  readonly slot: number;
  /** Positions of the rules that a value keeps. */
  readonly byValue: ReadonlyMap<string, readonly number[]>;
  readonly all: readonly number[];
}

const NONE: readonly number[] = [];

/** Picks the rules that have to be evaluated for a unit, as bits in rule order. */
export class GuardIndex {
  /** Scratch that every `select` overwrites: bit n of word n >> 5 is rule n. */
  readonly #bits: Uint32Array;
  readonly #always: Uint32Array;
  readonly #facts: readonly IndexedFact[];

  constructor(guards: readonly (Guard | null)[], frame: Frame) {
    const words = Math.ceil(guards.length / 32);
    this.#bits = new Uint32Array(words);
    this.#always = new Uint32Array(words);
    const byFact = new Map<string, { byValue: Map<string, number[]>; all: number[] }>();
    guards.forEach((guard, position) => {
      if (guard === null) {
        mark(this.#always, position);
        return;
      }
      const entry = byFact.get(guard.fact) ?? { byValue: new Map<string, number[]>(), all: [] };
      byFact.set(guard.fact, entry);
      entry.all.push(position);
      for (const value of guard.values) {
        entry.byValue.set(value, [...(entry.byValue.get(value) ?? []), position]);
      }
    });
    this.#facts = [...byFact].map(([fact, entry]) => ({ slot: frame.slot(fact), ...entry }));
  }

  /** The candidates for the unit that the frame is in. Valid until the next call. */
  select(frame: Frame): Uint32Array {
    this.#bits.set(this.#always);
    for (const { slot, byValue, all } of this.#facts) {
      const value = frame.read(slot);
      if (typeof value === 'string') {
        this.#keep(byValue.get(value) ?? NONE);
      } else if (isList(value)) {
        for (const element of value) {
          this.#keep(
            element instanceof Unknown ? all : typeof element === 'string' ? (byValue.get(element) ?? NONE) : NONE,
          );
        }
      } else {
        // Unknown, or something unforeseen: nothing is excluded.
        this.#keep(all);
      }
    }
    return this.#bits;
  }

  #keep(positions: readonly number[]): void {
    for (const position of positions) {
      mark(this.#bits, position);
    }
  }
}

function mark(bits: Uint32Array, position: number): void {
  const word = position >> 5;
  bits[word] = (bits[word] ?? 0) | (1 << (position & 31));
}
