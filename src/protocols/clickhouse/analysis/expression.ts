// Expressions: operators by precedence over operands. What an expression means is of no interest; what it names and calls is.
import type { Cursor } from './cursor.ts';
import { node, pathNode, type Node } from './nodes.ts';
import { readOperand, skipType } from './operand.ts';

interface BinaryOperator {
  readonly name: string;
  readonly level: number;
  /** How many tokens it takes. */
  readonly tokens: number;
}

const LAMBDA = 1;
const TERNARY = 2;
const OR = 3;
const AND = 4;
const NOT = 5;
const IS = 6;
const BETWEEN = 7;
const COMPARISON = 9;
const CONCAT = 10;
const SUM = 11;
const PRODUCT = 12;

const MARKS: ReadonlyMap<string, BinaryOperator> = new Map(
  Object.entries({
    '->': ['lambda', LAMBDA],
    '?': ['if', TERNARY],
    '=': ['equals', COMPARISON],
    '==': ['equals', COMPARISON],
    '!=': ['notEquals', COMPARISON],
    '<>': ['notEquals', COMPARISON],
    '<=>': ['isNotDistinctFrom', COMPARISON],
    '~': ['match', COMPARISON],
    '~*': ['matchCaseInsensitive', COMPARISON],
    '!~': ['notMatch', COMPARISON],
    '!~*': ['notMatchCaseInsensitive', COMPARISON],
    '<': ['less', COMPARISON],
    '>': ['greater', COMPARISON],
    '<=': ['lessOrEquals', COMPARISON],
    '>=': ['greaterOrEquals', COMPARISON],
    '||': ['concat', CONCAT],
    '+': ['plus', SUM],
    '-': ['minus', SUM],
    '*': ['multiply', PRODUCT],
    '/': ['divide', PRODUCT],
    '%': ['modulo', PRODUCT],
  } satisfies Record<string, readonly [string, number]>).map(([mark, [name, level]]) => [
    mark,
    { name, level, tokens: 1 },
  ]),
);

const WORDS: readonly (readonly [string, string, number])[] = [
  ['OR', 'or', OR],
  ['AND', 'and', AND],
  ['IS', 'is', IS],
  ['BETWEEN', 'between', BETWEEN],
  ['NOT BETWEEN', 'notBetween', BETWEEN],
  ['LIKE', 'like', COMPARISON],
  ['ILIKE', 'ilike', COMPARISON],
  ['NOT LIKE', 'notLike', COMPARISON],
  ['NOT ILIKE', 'notILike', COMPARISON],
  ['REGEXP', 'match', COMPARISON],
  ['NOT REGEXP', 'match not', COMPARISON],
  ['IN', 'in', COMPARISON],
  ['NOT IN', 'notIn', COMPARISON],
  ['GLOBAL IN', 'globalIn', COMPARISON],
  ['GLOBAL NOT IN', 'globalNotIn', COMPARISON],
  ['MOD', 'modulo', PRODUCT],
  ['DIV', 'intDiv', PRODUCT],
];

const MAX_NESTED_JOINS = 100;
/** Levels whose operators are not put into one node. */
const NESTING: ReadonlySet<number> = new Set([LAMBDA, TERNARY, IS, BETWEEN, COMPARISON]);

interface WordOperator extends BinaryOperator {
  readonly words: readonly string[];
}

const BY_FIRST_WORD: ReadonlyMap<string, readonly WordOperator[]> = groupByFirstWord();

function groupByFirstWord(): ReadonlyMap<string, readonly WordOperator[]> {
  const groups = new Map<string, WordOperator[]>();
  for (const [text, name, level] of WORDS) {
    const words = text.split(' ');
    const group = groups.get(words[0] ?? '') ?? [];
    group.push({ name, level, tokens: words.length, words });
    groups.set(words[0] ?? '', group);
  }
  return groups;
}

function peekOperator(cursor: Cursor): BinaryOperator | null {
  const token = cursor.peek();
  if (token.kind === 'mark') {
    return MARKS.get(token.text) ?? null;
  }
  if (token.kind !== 'word') {
    return null;
  }
  if (token.text === 'IN' && cursor.at('IN', 'PARTITION') && !endsName(cursor)) {
    return null;
  }
  return BY_FIRST_WORD.get(token.text)?.find(({ words }) => cursor.at(...words)) ?? null;
}

/** Whether PARTITION, two tokens on, is a name by itself, and not the beginning of a clause. */
function endsName(cursor: Cursor): boolean {
  const { kind, text } = cursor.peek(2);
  return kind === 'end' || (kind === 'mark' && text !== '(' && text !== '{');
}

/** Words that end an expression where an alias without AS could stand. */
const NOT_ALIASES: ReadonlySet<string> = new Set(
  (
    'ALL|AND|ANTI|ANY|ARRAY|AS|ASC|ASCENDING|ASOF|BETWEEN|BY|COLLATE|CROSS|DATE|DESC|DESCENDING|DIV|ELSE|END|ESCAPE|EXCEPT|EXTEND|FETCH|FILL|FILTER|' +
    'FINAL|FOLLOWING|FOR|FORMAT|FROM|FULL|GLOBAL|GROUP|HAVING|IGNORE|ILIKE|IN|INNER|INTERPOLATE|INTERSECT|INTO|IS|JOIN|LEFT|LIKE|' +
    'LIMIT|LOCAL|MOD|NATURAL|NOT|NULLS|OFFSET|ON|ONLY|OR|ORDER|OUTER|OVER|PARALLEL|PASTE|PLACING|PRECEDING|PREWHERE|QUALIFY|REGEXP|RESPECT|RIGHT|' +
    'RLIKE|SAMPLE|SELECT|SEMI|SETTINGS|STALENESS|STEP|STREAM|THEN|TO|TTL|UNION|USING|VALUES|WHEN|WHERE|WINDOW|WITH'
  ).split('|'),
);

/** Whether a word may be an alias without AS. */
export function aliasHere(cursor: Cursor): boolean {
  const token = cursor.peek();
  return token.kind === 'quoted' || (token.kind === 'word' && !NOT_ALIASES.has(token.text));
}

/** AS and a name, where that is an alias and not the beginning of a query. */
export function takeAlias(cursor: Cursor, target: { alias: string | null }, bare: boolean): void {
  if (cursor.at('AS') && cursor.atName(1) && !/^(SELECT|WITH|FROM)$/.test(cursor.peek(1).text)) {
    cursor.next();
    target.alias = cursor.takeName();
  } else if (bare && aliasHere(cursor)) {
    target.alias = cursor.takeName();
  }
}

/** An expression, with AS and a name where one follows. */
export function readExpression(cursor: Cursor): Node {
  const read = readBare(cursor);
  takeAlias(cursor, read, false);
  return read;
}

/** An expression after which AS belongs to somebody else. */
export function readBare(cursor: Cursor): Node {
  return cursor.nested(() => readOperators(cursor, LAMBDA));
}

/** An expression of a list of a SELECT: an alias needs no AS. */
export function readItem(cursor: Cursor): Node {
  const read = readBare(cursor);
  takeAlias(cursor, read, true);
  return read;
}

function readOperators(cursor: Cursor, lowest: number): Node {
  let left = readPrefix(cursor);
  // Comparisons of comparisons nest; what joins more than a few is nobody's query.
  let joins = 0;
  for (;;) {
    const operator = peekOperator(cursor);
    if (operator === null || operator.level < lowest) {
      return left;
    }
    for (let taken = 0; taken < operator.tokens; taken += 1) {
      cursor.next();
    }
    joins += NESTING.has(operator.level) ? 1 : 0;
    if (joins > MAX_NESTED_JOINS) {
      cursor.fail();
    }
    left = readRest(cursor, left, operator);
    left.end = cursor.end;
  }
}

function readPrefix(cursor: Cursor): Node {
  const start = cursor.start;
  if (cursor.take('NOT')) {
    const inner = cursor.nested(() => readOperators(cursor, NOT));
    return node('operator', 'not', start, cursor.end, [inner]);
  }
  if (cursor.takeMark('-') || cursor.takeMark('+')) {
    const inner = cursor.nested(() => readPrefix(cursor));
    return node('operator', 'negate', start, cursor.end, [inner]);
  }
  return readAccess(cursor, readOperand(cursor));
}

/** `x[1]`, `x.1`, `x.name`, `x::Type`, `x AT TIME ZONE 'z'`, in any number. */
function readAccess(cursor: Cursor, operand: Node): Node {
  let left = operand;
  for (;;) {
    if (cursor.takeMark('[')) {
      const index = readExpression(cursor);
      cursor.expectMark(']');
      left = joined(left, 'arrayElement', index);
    } else if (cursor.takeMark('::')) {
      skipType(cursor);
      left = joined(left, 'CAST', null);
    } else if (cursor.atMark('.') && (cursor.peek(1).kind === 'number' || cursor.atName(1))) {
      cursor.next();
      cursor.next();
      left = joined(left, 'tupleElement', null);
    } else if (cursor.take('AT', 'TIME', 'ZONE')) {
      left = joined(left, 'toTimeZone', readOperand(cursor));
    } else {
      left.end = cursor.end;
      return left;
    }
  }
}

/** Chains of one operator are one node, so that the tree is no deeper than the text's parentheses. */
function joined(left: Node, name: string, right: Node | null): Node {
  const args = right === null ? [] : [right];
  if (left.kind === 'operator' && left.name === name && !left.closed && name !== 'lambda') {
    left.args.push(...args);
    return left;
  }
  return node('operator', name, left.start, left.end, [left, ...args]);
}

function readRest(cursor: Cursor, left: Node, operator: BinaryOperator): Node {
  const { name, level } = operator;
  if (name === 'lambda') {
    const body = cursor.nested(() => readOperators(cursor, LAMBDA));
    return lambda(cursor, left, body);
  }
  if (name === 'if') {
    const then = cursor.nested(() => readOperators(cursor, TERNARY));
    cursor.expectMark(':');
    const otherwise = cursor.nested(() => readOperators(cursor, TERNARY));
    return node('operator', 'if', left.start, cursor.end, [left, then, otherwise]);
  }
  if (name === 'is') {
    return readIs(cursor, left);
  }
  if (level === BETWEEN) {
    const low = cursor.nested(() => readOperators(cursor, BETWEEN + 1));
    cursor.expect('AND');
    const high = cursor.nested(() => readOperators(cursor, BETWEEN + 1));
    return node('operator', name, left.start, cursor.end, [left, low, high]);
  }
  const right = cursor.nested(() => readOperators(cursor, level + 1));
  if (level === SUM || level === PRODUCT || level === CONCAT) {
    return chained(left, name, right);
  }
  if (level === COMPARISON) {
    if (/like$/i.test(name) && cursor.take('ESCAPE')) {
      cursor.takeString();
    }
    return node('operator', name, left.start, cursor.end, [left, right]);
  }
  return joined(left, name, right);
}

/** Arithmetic of one level is one node with all its operators' names. */
function chained(left: Node, name: string, right: Node): Node {
  const arithmetic = /\b(plus|minus|multiply|divide|modulo|intDiv|concat)\b/.test(left.name);
  if (left.kind === 'operator' && arithmetic && !left.closed && sameLevel(left.name, name)) {
    left.args.push(right);
    return left.name.split(' ').includes(name) ? left : { ...left, name: `${left.name} ${name}` };
  }
  return node('operator', name, left.start, right.end, [left, right]);
}

function sameLevel(names: string, name: string): boolean {
  const sums = /\b(plus|minus)\b/;
  const concat = /\bconcat\b/;
  return sums.test(names) === sums.test(name) && concat.test(names) === concat.test(name);
}

function lambda(cursor: Cursor, left: Node, body: Node): Node {
  const names = left.kind === 'operator' && left.name === 'tuple' ? left.args : [left];
  if (names.some((name) => name.kind !== 'name' || name.parts.length !== 1)) {
    cursor.fail();
  }
  return node('lambda', 'lambda', left.start, cursor.end, [body]);
}

function readIs(cursor: Cursor, left: Node): Node {
  const negated = cursor.take('NOT');
  if (cursor.take('DISTINCT', 'FROM')) {
    const right = cursor.nested(() => readOperators(cursor, COMPARISON + 1));
    const name = negated ? 'isNotDistinctFrom' : 'isDistinctFrom';
    return node('operator', name, left.start, cursor.end, [left, right]);
  }
  const what = cursor.takeOne('NULL', 'TRUE', 'FALSE', 'UNKNOWN');
  if (what === null) {
    cursor.fail();
  }
  const name = what === 'NULL' ? (negated ? 'isNotNull' : 'isNull') : 'is';
  return node('operator', name, left.start, cursor.end, [left]);
}

/** The name of a column or relation, as an expression. */
export function readPath(cursor: Cursor): Node {
  const start = cursor.start;
  const parts = cursor.takePath();
  return pathNode(parts, start, cursor.end);
}
