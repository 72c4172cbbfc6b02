// Conjuncts of a condition that have the form *column op constant* (fact reference 3.5), and whether one of them bounds a write.
import type { Predicate } from '../../sql/outline.ts';
import { EFFECTIVE_OPERATORS } from '../../sql/outline.ts';
import { decodeQuoted } from './lexer.ts';
import type { Node } from './nodes.ts';

export interface PredicateScope {
  readonly text: string;
  /** The one relation that columns can be of, or "". */
  readonly table: string;
  /** Its alias, "" without. */
  readonly alias: string;
  /** Names that mean an expression, whatever the columns are. */
  readonly aliases: ReadonlySet<string>;
}

const OPERATORS: Readonly<Record<string, string>> = {
  equals: '=',
  notEquals: '<>',
  less: '<',
  lessOrEquals: '<=',
  greater: '>',
  greaterOrEquals: '>=',
  like: 'like',
  notLike: 'not like',
  ilike: 'ilike',
  notILike: 'other',
  match: '~',
  in: 'in',
  notIn: 'not in',
  globalIn: 'in',
  globalNotIn: 'not in',
};

/** The operator when its sides are swapped. */
const TURNED: Readonly<Record<string, string>> = { '=': '=', '<>': '<>', '<': '>', '<=': '>=', '>': '<', '>=': '<=' };

export function readPredicates(
  conditions: readonly Node[],
  scope: PredicateScope,
): { readonly list: readonly Predicate[]; readonly complete: boolean } {
  const list: Predicate[] = [];
  let complete = conditions.length > 0;
  for (const conjunct of conditions.flatMap(conjuncts)) {
    const found = readConjunct(conjunct, scope);
    complete &&= found.length > 0;
    list.push(...found);
  }
  return { list, complete };
}

function conjuncts(node: Node): readonly Node[] {
  return node.kind === 'operator' && node.name === 'and' ? node.args.flatMap(conjuncts) : [node];
}

function readConjunct(node: Node, scope: PredicateScope): readonly Predicate[] {
  if (node.kind !== 'operator') {
    return [];
  }
  const [left, right, third] = node.args;
  if (left === undefined) {
    return [];
  }
  if (node.name === 'isNull' || node.name === 'isNotNull') {
    const column = columnOf(left, scope);
    return column === null ? [] : [{ ...bare(column, node.name === 'isNull' ? 'is null' : 'is not null') }];
  }
  if (node.name === 'between' && right !== undefined && third !== undefined) {
    const column = columnOf(left, scope);
    return column === null ? [] : [compared(column, '>=', right, scope), compared(column, '<=', third, scope)];
  }
  const op = OPERATORS[node.name];
  if (op === undefined || right === undefined) {
    return [];
  }
  const column = columnOf(left, scope);
  if (column !== null) {
    return [compared(column, op, right, scope)];
  }
  const turned = TURNED[op];
  const other = columnOf(right, scope);
  return turned === undefined || other === null ? [] : [compared(other, turned, left, scope)];
}

interface Column {
  readonly table: string;
  readonly column: string;
}

function columnOf(node: Node, scope: PredicateScope): Column | null {
  if (node.kind !== 'name' || node.parts.length > 2 || node.parts.some(({ parameter }) => parameter)) {
    return null;
  }
  const [first, second] = node.parts.map(({ text }) => text);
  if (first === undefined) {
    return null;
  }
  if (second === undefined) {
    return scope.aliases.has(first) ? null : { table: scope.table, column: first };
  }
  return first === scope.alias || first === scope.table ? { table: scope.table, column: second } : null;
}

function bare({ table, column }: Column, op: string): Predicate {
  return {
    table,
    column,
    op,
    kind: 'literal',
    value: '',
    values: [],
    numeric: false,
    temporal: false,
    param: 0,
    offsets: [],
  };
}

function compared(column: Column, op: string, side: Node, scope: PredicateScope): Predicate {
  const base = bare(column, op);
  if (op === 'in' || op === 'not in') {
    return listed(base, side, scope);
  }
  const literal = literalOf(side, scope.text);
  if (literal !== null) {
    return { ...base, value: literal.value, numeric: literal.numeric, temporal: !literal.numeric };
  }
  if (side.kind === 'parameter') {
    return { ...base, kind: 'param', value: side.name };
  }
  if (side.kind === 'query') {
    return { ...base, kind: 'subquery' };
  }
  if (side.kind === 'name') {
    return { ...base, kind: 'column' };
  }
  return stable(side)
    ? { ...base, kind: 'expr', value: scope.text.slice(side.start, side.end) }
    : { ...base, op: 'other', kind: 'expr' };
}

function listed(base: Predicate, side: Node, scope: PredicateScope): Predicate {
  if (side.kind === 'query') {
    return { ...base, kind: 'subquery' };
  }
  const items =
    side.kind === 'operator' && (side.name === 'tuple' || side.name === 'array')
      ? side.args
      : side.kind === 'literal'
        ? [side]
        : null;
  const values = items?.map((item) => literalOf(item, scope.text)?.value ?? null) ?? null;
  if (values === null || values.includes(null)) {
    return { ...base, op: 'other', kind: 'expr' };
  }
  const texts = values.filter((value) => value !== null);
  return { ...base, kind: 'list', values: texts, value: texts.join(',') };
}

function literalOf(node: Node, text: string): { readonly value: string; readonly numeric: boolean } | null {
  if (node.kind === 'operator' && node.name === 'negate' && node.args[0] !== undefined) {
    const inner = literalOf(node.args[0], text);
    return inner?.numeric === true ? { value: `-${inner.value}`, numeric: true } : null;
  }
  if (node.kind === 'operator' && (node.name === 'toDate' || node.name === 'toDateTime') && node.args.length === 0) {
    const value = decodeQuoted(text.slice(text.indexOf("'", node.start), node.end));
    return value === null ? null : { value, numeric: false };
  }
  if (node.kind !== 'literal') {
    return null;
  }
  if (node.name === 'number') {
    const raw = text.slice(...bounds(node, text)).replaceAll('_', '');
    return /^\d+(\.\d*)?(e[+-]?\d+)?$/i.test(raw) ? { value: raw, numeric: true } : null;
  }
  const value = node.name === 'string' ? decodedOf(text, node) : null;
  return value === null ? null : { value, numeric: false };
}

/** A literal in parentheses is as wide as they are. */
function bounds(node: Node, text: string): readonly [number, number] {
  let [start, end] = [node.start, node.end];
  while (/[(\s]/.test(text.charAt(start)) && start < end) {
    start += 1;
  }
  while (/[)\s]/.test(text.charAt(end - 1)) && end > start) {
    end -= 1;
  }
  return [start, end];
}

/** Content of a literal text, null where servers decode it in different ways. */
export function decodedOf(text: string, node: Node): string | null {
  return decodeQuoted(node.closed ? text.slice(...bounds(node, text)) : text.slice(node.start, node.end));
}

const STABLE =
  /^(now|now64|today|yesterday|to(date|datetime|datetime64|startof\w+|uint\d+|int\d+|string|monday|yyyymm(dd)?|interval\w+)|(add|subtract)(days|months|weeks|years|hours|minutes|seconds|quarters)|date_(add|sub)|date(add|sub))$/i;

/** An expression of constants whose value does not change while the statement runs. */
function stable(node: Node): boolean {
  switch (node.kind) {
    case 'literal':
    case 'parameter':
      return true;
    case 'operator':
      return (
        /^(plus|minus|multiply|divide|negate|interval|CAST|toDate|toDateTime| )+$/.test(node.name) &&
        node.args.every(stable)
      );
    case 'call':
      return STABLE.test(node.name) && node.more.length === 0 && node.args.every(stable);
    case 'name':
    case 'query':
    case 'star':
    case 'lambda':
      return false;
  }
}

/** Whether the author restricted rows by one of these (fact reference 3.5). */
export function isBounded(predicates: readonly Predicate[]): boolean {
  return predicates.some(({ op, kind, value }) => {
    if (kind === 'column' || kind === 'subquery') {
      return false;
    }
    return EFFECTIVE_OPERATORS.has(op) || (op === 'like' && kind === 'literal' && /^[^%_]/.test(value));
  });
}

/** Whether a condition may hold for every row: it looks at no column (`aliases` are none), or says something that is always true. */
export function isTautology(node: Node, text: string, aliases: ReadonlySet<string>): boolean {
  if (node.kind === 'operator') {
    const [left, right] = node.args;
    switch (node.name) {
      case 'and':
        return node.args.every((arg) => isTautology(arg, text, aliases));
      case 'or':
        return node.args.some((arg) => isTautology(arg, text, aliases)) || excludesNothing(node.args, text);
      case 'equals':
      case 'lessOrEquals':
      case 'greaterOrEquals':
        if (left !== undefined && right !== undefined && written(left, text) === written(right, text)) {
          return true;
        }
        break;
      default:
        break;
    }
  }
  return !looksAtRows(node, aliases);
}

function written(node: Node, text: string): string {
  return text.slice(node.start, node.end).replace(/\s+/g, '');
}

/** `x IS NULL OR x IS NOT NULL`. */
function excludesNothing(args: readonly Node[], text: string): boolean {
  const of = (name: string): readonly string[] =>
    args
      .filter((arg) => arg.kind === 'operator' && arg.name === name)
      .map((arg) => (arg.args[0] === undefined ? '' : written(arg.args[0], text)));
  const nulls = new Set(of('isNull'));
  return of('isNotNull').some((column) => nulls.has(column));
}

function looksAtRows(node: Node, aliases: ReadonlySet<string>): boolean {
  const [first, second] = node.parts;
  if (node.kind === 'name') {
    return second !== undefined || first === undefined || !aliases.has(first.text);
  }
  return (
    node.kind === 'star' ||
    node.kind === 'query' ||
    node.args.some((arg) => looksAtRows(arg, aliases)) ||
    node.more.some((part) => looksAtRows(part, aliases))
  );
}
