// The static check of a condition: names against the fact schema, types of operands, case of literals, patterns. What comes
// out is the tree to evaluate, with facts resolved and literals folded.
import type { Family } from './action.ts';
import { FUNCTIONS } from './cel-functions.ts';
import type { Expr } from './cel-tree.ts';
import {
  BOOL,
  DYN,
  STRING,
  comparable,
  describeType,
  fits,
  foldOf,
  heldBy,
  innerFold,
  join,
  joinAll,
  scalar,
  typeOfFact,
} from './cel-types.ts';
import type { Fold, Type } from './cel-types.ts';
import type { Issue } from './condition-issue.ts';
import type { FactSchema } from './fact-schema.ts';
import { foldInto } from './fold.ts';
import type { Meeting } from './fold.ts';
import { canonicalHeader } from './header-name.ts';
import { describeUnknownFunction, describeUnknownName, isMacroName } from './names.ts';
import { compilePattern } from './regexp.ts';
import {
  call,
  constantKind,
  findVariable,
  isHeaderMap,
  isOrdering,
  keptMark,
  markOpen,
  opened,
  operatorName,
} from './typed.ts';
import type { Scope, Typed } from './typed.ts';

export type FactSchemas = ReadonlyMap<Family, FactSchema>;

export interface Checked {
  readonly expr: Expr;
  readonly issues: readonly Issue[];
}

/** Checks a parsed condition of a rule of `family`. The tree may be evaluated when no issue is an error. */
export function checkCondition(expr: Expr, family: Family, schemas: FactSchemas): Checked {
  const checker = new Checker(family, schemas);
  const typed = checker.check(expr, null);
  if (typed.type.kind !== 'bool' && typed.type.kind !== 'dyn') {
    checker.error('cel-not-bool', expr.at, {
      message: `a condition is a bool, this is ${describeType(typed.type)}`,
      fix: 'compare it with something',
    });
  }
  return { expr: typed.expr, issues: checker.issues };
}

const TYPE_NAMES: ReadonlySet<string> = new Set([
  'int',
  'uint',
  'double',
  'bool',
  'string',
  'bytes',
  'list',
  'map',
  'null_type',
  'type',
]);

/** Methods under which an enumeration stops being one: the result has a case that the loader cannot follow. */
const TRANSFORMS: ReadonlySet<string> = new Set([
  'upperAscii',
  'trim',
  'replace',
  'substring',
  'charAt',
  'split',
  'join',
]);

const PART_METHODS: ReadonlyMap<string, Meeting> = new Map([
  ['contains', 'contains'],
  ['startsWith', 'startsWith'],
  ['endsWith', 'endsWith'],
]);

class Checker {
  readonly issues: Issue[] = [];
  readonly #family: Family;
  readonly #schema: FactSchema | null;
  readonly #schemas: FactSchemas;

  constructor(family: Family, schemas: FactSchemas) {
    this.#family = family;
    this.#schemas = schemas;
    this.#schema = schemas.get(family) ?? null;
  }

  error(code: string, at: number, text: { message: string; fix: string }): void {
    // A name can be wrong once and be met twice: && and macros repeat nothing, but folding looks at ranges again.
    if (!this.issues.some((issue) => issue.code === code && issue.at === at)) {
      this.issues.push({ code, severity: 'error', at, ...text });
    }
  }

  check(expr: Expr, scope: Scope | null): Typed {
    switch (expr.kind) {
      case 'const':
        return { expr, type: scalar(constantKind(expr.value)) };
      case 'name':
        return this.#name(expr, scope);
      case 'fact':
        return { expr, type: this.#typeOf(expr.name) };
      case 'select':
        return this.#select(expr, scope);
      case 'index':
        return this.#index(expr, scope);
      case 'call':
        return this.#call(expr, scope);
      case 'and':
      case 'or':
        return { expr: { ...expr, terms: expr.terms.map((term) => this.#bool(term, scope).expr) }, type: BOOL };
      case 'conditional':
        return this.#conditional(expr, scope);
      case 'list':
        return this.#list(expr, scope);
      case 'map':
        return this.#map(expr, scope);
      case 'fold':
        return this.#fold(expr, scope);
    }
  }

  #typeOf(fact: string): Type {
    const definition = this.#schema?.facts.get(fact);
    return definition === undefined ? DYN : typeOfFact(definition);
  }

  #name(expr: Extract<Expr, { kind: 'name' }>, scope: Scope | null): Typed {
    const variable = findVariable(scope, expr.name);
    if (variable !== null) {
      return { expr, type: variable.type };
    }
    if (this.#schema?.facts.has(expr.name) === true) {
      return { expr: { kind: 'fact', name: expr.name, at: expr.at }, type: this.#typeOf(expr.name) };
    }
    if (TYPE_NAMES.has(expr.name)) {
      const name: Expr = { kind: 'const', value: expr.name, at: expr.at };
      return { expr: call('@type', [name], expr.at), type: scalar('type') };
    }
    this.error('cel-unknown-name', expr.at, describeUnknownName(expr.name, this.#family, this.#schemas));
    return { expr, type: DYN };
  }

  /** `a.b` is a fact when `a` is no variable and the schema has `a.b`; everything after that is a field. */
  #select(expr: Extract<Expr, { kind: 'select' }>, scope: Scope | null): Typed {
    const { operand, field, at } = expr;
    if (
      operand.kind === 'name' &&
      findVariable(scope, operand.name) === null &&
      this.#schema?.facts.has(operand.name) !== true
    ) {
      const name = `${operand.name}.${field}`;
      if (this.#schema?.facts.has(name) !== true) {
        this.error('cel-unknown-name', operand.at, describeUnknownName(name, this.#family, this.#schemas));
        return { expr, type: DYN };
      }
      const fact: Expr = { kind: 'fact', name, at: operand.at };
      // Every declared fact exists: has() of one is true, or cannot tell.
      return expr.test ? { expr: call('@has', [fact], at), type: BOOL } : { expr: fact, type: this.#typeOf(name) };
    }
    const inner = this.check(operand, scope);
    const found = this.#fieldOf(inner.type, field, at);
    const canonical = isHeaderMap(inner.type) ? canonicalHeader(field) : field;
    return { expr: { ...expr, operand: inner.expr, field: canonical }, type: expr.test ? BOOL : found };
  }

  #fieldOf(type: Type, field: string, at: number): Type {
    if (type.kind === 'record') {
      const found = Object.hasOwn(type.fields, field) ? type.fields[field] : undefined;
      if (found === undefined) {
        this.error('cel-type', at, {
          message: `there is no key ${field}`,
          fix: `the keys are ${Object.keys(type.fields).join(', ')}`,
        });
      }
      return found ?? DYN;
    }
    if (type.kind === 'map') {
      return type.of;
    }
    if (type.kind !== 'dyn') {
      this.error('cel-type', at, {
        message: `${describeType(type)} has no field ${field}`,
        fix: 'only maps and JSON values have fields',
      });
    }
    return DYN;
  }

  #index(expr: Extract<Expr, { kind: 'index' }>, scope: Scope | null): Typed {
    const operand = this.check(expr.operand, scope);
    const index = this.check(expr.index, scope);
    const { type } = operand;
    if (type.kind === 'map') {
      if (!comparable(index.type, type.key)) {
        this.#wrongIndex(expr, index.type, `a ${describeType(type.key)}`);
      }
      return this.#indexMap({ operand, index, of: type.of, keyFold: innerFold(type.key) }, expr, scope);
    }
    const indexed: Expr = { ...expr, operand: operand.expr, index: index.expr };
    if (type.kind === 'list') {
      if (!fits(index.type, scalar('int'))) {
        this.#wrongIndex(expr, index.type, 'an int');
      }
      return { expr: indexed, type: type.of };
    }
    if (type.kind === 'record' && index.expr.kind === 'const' && typeof index.expr.value === 'string') {
      return { expr: indexed, type: this.#fieldOf(type, index.expr.value, expr.at) };
    }
    if (type.kind !== 'record' && type.kind !== 'dyn') {
      this.error('cel-type', expr.at, {
        message: `${describeType(type)} cannot be indexed`,
        fix: 'only lists, maps and JSON values can',
      });
    }
    return { expr: indexed, type: DYN };
  }

  /** Folds whichever side meets the other's mark: a literal key of http.headers, the keys of a map literal indexed by an enumeration. */
  #indexMap(
    parts: { operand: Typed; index: Typed; of: Type; keyFold: Fold | null },
    expr: Extract<Expr, { kind: 'index' }>,
    scope: Scope | null,
  ): Typed {
    const { operand, index, of, keyFold } = parts;
    const indexFold = foldOf(index.type);
    const folded = keyFold === null ? index.expr : this.#folded(index, keyFold, 'whole', scope);
    const map =
      keyFold === null && indexFold !== null ? this.#folded(operand, indexFold, 'whole', scope) : operand.expr;
    return { expr: { ...expr, operand: map, index: folded }, type: of };
  }

  #wrongIndex(expr: Expr, type: Type, wanted: string): void {
    this.error('cel-type', expr.at, { message: `the index is ${describeType(type)}`, fix: `it has to be ${wanted}` });
  }

  #bool(expr: Expr, scope: Scope | null): Typed {
    const typed = this.check(expr, scope);
    if (!fits(typed.type, BOOL)) {
      this.error('cel-type', expr.at, {
        message: `a bool is wanted here, this is ${describeType(typed.type)}`,
        fix: 'compare it with something',
      });
    }
    return typed;
  }

  #conditional(expr: Extract<Expr, { kind: 'conditional' }>, scope: Scope | null): Typed {
    const test = this.#bool(expr.test, scope);
    const [yes, no] = this.#joined([this.check(expr.yes, scope), this.check(expr.no, scope)], scope);
    if (yes === undefined || no === undefined) {
      return { expr, type: DYN };
    }
    if (!comparable(yes.type, no.type)) {
      this.error('cel-type', expr.at, {
        message: `the branches are ${describeType(yes.type)} and ${describeType(no.type)}`,
        fix: 'give both one type',
      });
    }
    return {
      expr: { ...expr, test: test.expr, yes: yes.expr, no: no.expr },
      type: join(yes.type, no.type),
    };
  }

  /** Alternatives of one value: when one is an enumeration, the others are folded, so that the result compares as one. */
  #joined(parts: readonly Typed[], scope: Scope | null): readonly Typed[] {
    const fold = parts.map((part) => innerFold(part.type)).find((found) => found !== null);
    if (fold === undefined || fold === null) {
      return parts;
    }
    const open: Fold = { ...fold, definition: null };
    return parts.map((part) =>
      innerFold(part.type) === null
        ? { ...part, expr: this.#folded(part, open, 'whole', scope), type: markOpen(part.type, open) }
        : part,
    );
  }

  #list(expr: Extract<Expr, { kind: 'list' }>, scope: Scope | null): Typed {
    const items = this.#joined(
      expr.items.map((item) => this.check(item, scope)),
      scope,
    );
    return {
      expr: { ...expr, items: items.map((item) => item.expr) },
      type: { kind: 'list', of: joinAll(items.map(({ type }) => type)) },
    };
  }

  #map(expr: Extract<Expr, { kind: 'map' }>, scope: Scope | null): Typed {
    const keys = expr.entries.map(([key]) => this.check(key, scope));
    const values = this.#joined(
      expr.entries.map(([, value]) => this.check(value, scope)),
      scope,
    );
    for (const key of keys) {
      if (!['string', 'int', 'uint', 'bool', 'dyn'].includes(key.type.kind)) {
        this.error('cel-type', key.expr.at, {
          message: `${describeType(key.type)} cannot be a key`,
          fix: 'keys are string, int, uint or bool',
        });
      }
    }
    const entries = keys.map((key, index): readonly [Expr, Expr] => [key.expr, values[index]?.expr ?? key.expr]);
    const key = joinAll(keys.map(({ type }) => type));
    return { expr: { ...expr, entries }, type: { kind: 'map', key, of: joinAll(values.map(({ type }) => type)) } };
  }

  #fold(expr: Extract<Expr, { kind: 'fold' }>, scope: Scope | null): Typed {
    const range = this.check(expr.range, scope);
    const inner: Scope = {
      variable: expr.variable,
      type: this.#elementType(range, expr),
      range: range.expr,
      outer: scope,
    };
    const test = expr.test === null ? null : this.#bool(expr.test, inner);
    const step = expr.step === null ? null : this.check(expr.step, inner);
    const type: Type =
      expr.macro === 'map'
        ? { kind: 'list', of: step?.type ?? DYN }
        : expr.macro === 'filter'
          ? { kind: 'list', of: inner.type }
          : BOOL;
    return { expr: { ...expr, range: range.expr, test: test?.expr ?? null, step: step?.expr ?? null }, type };
  }

  #elementType(range: Typed, expr: Extract<Expr, { kind: 'fold' }>): Type {
    const held = heldBy(range.type);
    if (held === null) {
      this.error('cel-type', expr.at, {
        message: `${expr.macro}() runs over lists and maps, this is ${describeType(range.type)}`,
        fix: '',
      });
    }
    return held ?? DYN;
  }

  #call(expr: Extract<Expr, { kind: 'call' }>, scope: Scope | null): Typed {
    const definition = FUNCTIONS.get(expr.function);
    // Arguments of a macro that was written wrongly name variables that nobody declared.
    const args = isMacroName(expr.function) ? [] : expr.args.map((arg) => this.check(arg, scope));
    if (definition === undefined) {
      this.error('cel-unknown-name', expr.at, describeUnknownFunction(expr.function, expr.method));
      return { expr, type: DYN };
    }
    const checked: Extract<Expr, { kind: 'call' }> = { ...expr, args: args.map((arg) => arg.expr) };
    if (expr.function === '_==_' || expr.function === '_!=_') {
      return { expr: this.#comparison(checked, args, scope), type: BOOL };
    }
    const overloads = definition.overloads.filter(
      ({ method, params }) =>
        method === expr.method &&
        params.length === args.length &&
        params.every((param, index) => fits(args[index]?.type ?? DYN, param)),
    );
    const first = overloads[0];
    if (first === undefined) {
      this.#wrongOperands(expr, args);
      return { expr: checked, type: DYN };
    }
    if (expr.function === '@in') {
      return { expr: this.#membership(checked, args, scope), type: BOOL };
    }
    const same = overloads.every(({ result }) => result.kind === first.result.kind);
    return this.#marked(checked, args, { type: same ? first.result : DYN, scope });
  }

  #wrongOperands(expr: Extract<Expr, { kind: 'call' }>, args: readonly Typed[]): void {
    const types = args.map((arg) => describeType(arg.type));
    const shown = expr.method
      ? `${types[0] ?? ''}.${expr.function}(${types.slice(1).join(', ')})`
      : `${operatorName(expr.function)} on ${types.join(' and ')}`;
    const fix = expr.method ? '' : 'compare values of one type; numbers stand without quotes';
    this.error('cel-type', expr.at, { message: `there is no ${shown}`, fix });
  }

  #comparison(expr: Extract<Expr, { kind: 'call' }>, args: readonly Typed[], scope: Scope | null): Expr {
    const [left, right] = args;
    if (left === undefined || right === undefined) {
      return expr;
    }
    if (!comparable(left.type, right.type)) {
      const lists = left.type.kind === 'list' || right.type.kind === 'list';
      this.error('cel-type', expr.at, {
        message: `${describeType(left.type)} and ${describeType(right.type)} are never equal`,
        fix: lists ? "to look for an element, write 'x' in list" : 'compare values of one type',
      });
    }
    return { ...expr, args: this.#mutual(left, right, 'whole', scope) };
  }

  #membership(expr: Extract<Expr, { kind: 'call' }>, args: readonly Typed[], scope: Scope | null): Expr {
    const [value, container] = args;
    if (value === undefined || container === undefined) {
      return expr;
    }
    const { type } = container;
    const held = heldBy(type) ?? DYN;
    if (!comparable(value.type, held)) {
      this.error('cel-type', expr.at, {
        message: `${describeType(value.type)} is never in ${describeType(type)}`,
        fix: 'compare values of one type',
      });
    }
    return { ...expr, args: this.#mutual(value, container, 'whole', scope) };
  }

  /** Folds the side without a mark into the other's. Two marked sides are folded already. */
  #mutual(left: Typed, right: Typed, meeting: Meeting, scope: Scope | null): readonly Expr[] {
    const leftFold = innerFold(left.type);
    const rightFold = innerFold(right.type);
    if (leftFold !== null && rightFold === null) {
      return [left.expr, this.#folded(right, leftFold, meeting, scope)];
    }
    if (rightFold !== null && leftFold === null) {
      return [this.#folded(left, rightFold, 'whole', scope), right.expr];
    }
    return [left.expr, right.expr];
  }

  // oxlint-disable-next-line max-params -- three of them are one folding
  #folded(part: Typed, fold: Fold, meeting: Meeting, scope: Scope | null): Expr {
    return foldInto(part.expr, {
      fold,
      meeting,
      findRange: (variable) => findVariable(scope, variable)?.range ?? null,
      report: (issue) => this.error(issue.code, issue.at, issue),
    });
  }

  /** What a mark on an operand means to a function: the result keeps it, the other operands are folded, or nobody can follow. */
  #marked(
    expr: Extract<Expr, { kind: 'call' }>,
    args: readonly Typed[],
    rest: { type: Type; scope: Scope | null },
  ): Typed {
    const { type, scope } = rest;
    const [first, second] = args;
    const name = expr.function;
    if (name === 'matches') {
      return { expr: this.#pattern(expr, first?.type ?? DYN), type };
    }
    if (first === undefined) {
      return { expr, type };
    }
    if (name === 'lowerAscii' || name === 'string' || name === 'dyn') {
      return { expr, type: keptMark(first.type, type, name) };
    }
    if (name === '_+_' && second !== undefined) {
      return this.#sum(expr, first, second, { type, scope });
    }
    if (
      second !== undefined &&
      (PART_METHODS.has(name) || name === 'indexOf' || name === 'lastIndexOf' || isOrdering(name))
    ) {
      const meeting = PART_METHODS.get(name) ?? 'whole';
      // Text in which the fact's value is looked for may hold anything, and so may what it is sorted against.
      const target = meeting === 'whole' ? opened(first) : first;
      const parts = this.#mutual(target, opened(second), meeting, scope);
      return { expr: { ...expr, args: [...parts, ...expr.args.slice(2)] }, type };
    }
    if (name.startsWith('sets.') && second !== undefined) {
      return { expr: { ...expr, args: this.#mutual(first, second, 'whole', scope) }, type };
    }
    if (TRANSFORMS.has(name) && args.some((arg) => innerFold(arg.type)?.how === 'lower')) {
      this.#enumCase(expr, innerFold(first.type)?.fact ?? name);
    }
    return { expr, type };
  }

  #sum(
    expr: Extract<Expr, { kind: 'call' }>,
    left: Typed,
    right: Typed,
    rest: { type: Type; scope: Scope | null },
  ): Typed {
    if (
      left.expr.kind === 'const' &&
      right.expr.kind === 'const' &&
      typeof left.expr.value === 'string' &&
      typeof right.expr.value === 'string'
    ) {
      return { expr: { kind: 'const', value: left.expr.value + right.expr.value, at: left.expr.at }, type: STRING };
    }
    if (left.type.kind === 'list' && right.type.kind === 'list') {
      const [first = left, second = right] = this.#joined([left, right], rest.scope);
      return { expr: { ...expr, args: [first.expr, second.expr] }, type: join(first.type, second.type) };
    }
    const fold = foldOf(left.type) ?? foldOf(right.type);
    if (fold?.how === 'lower') {
      this.#enumCase(expr, fold.fact);
    }
    return { expr, type: rest.type };
  }

  #enumCase(expr: Expr, fact: string): void {
    this.error('enum-case', expr.at, {
      message: `${fact} compares without regard to case, and that cannot be kept up here`,
      fix: 'compare the fact itself',
    });
  }

  /** Checks a constant pattern, and makes patterns on enumerations ignore case. */
  #pattern(expr: Extract<Expr, { kind: 'call' }>, target: Type): Expr {
    const [text, pattern] = expr.args;
    if (text === undefined || pattern === undefined) {
      return expr;
    }
    const ignoreCase = foldOf(target)?.how === 'lower';
    if (pattern.kind !== 'const' || typeof pattern.value !== 'string') {
      const flag: Expr = { kind: 'const', value: '(?i)', at: pattern.at };
      return ignoreCase ? { ...expr, args: [text, call('_+_', [flag, pattern], pattern.at)] } : expr;
    }
    if (pattern.value.includes('\b')) {
      this.issues.push({
        code: 'regexp-backspace',
        severity: 'warning',
        message: 'the pattern holds a backspace character, not \\b',
        fix: "write r'\\b', or \\\\b in a heredoc, or \\\\\\\\b in quotes",
        at: pattern.at,
      });
    }
    const value = ignoreCase ? `(?i)${pattern.value}` : pattern.value;
    const compiled = compilePattern(value, false);
    if ('error' in compiled) {
      this.error('cel-regexp', pattern.at, { message: `not an RE2 pattern: ${compiled.error}`, fix: '' });
    }
    return { ...expr, args: [text, { ...pattern, value }] };
  }
}
