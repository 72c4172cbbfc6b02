// Operands of expressions: literals, names, calls with all that may stand in their parentheses, and the special forms of the dialect.
import type { Cursor } from './cursor.ts';
import { node, pathNode, queryNode, type Node, type Part, type Query } from './nodes.ts';

/** Words that begin a clause: never a name where an operand stands, unless quoted. */
const CLAUSES: ReadonlySet<string> = new Set(
  'SELECT|FROM|WHERE|PREWHERE|HAVING|UNION|INTERSECT|ON|USING|JOIN|AS|AND|OR|THEN|ELSE|END|WHEN|BETWEEN|IS|LIKE|ILIKE|IN|GLOBAL|WITH|INTO'.split(
    '|',
  ),
);

/** Of these: functions. */
const FUNCTION_WORDS: ReadonlySet<string> = new Set(['AND', 'OR', 'LIKE', 'ILIKE', 'IN']);

export function readOperand(cursor: Cursor): Node {
  const token = cursor.peek();
  switch (token.kind) {
    case 'string':
    case 'heredoc':
    case 'number':
      cursor.next();
      return node('literal', token.kind === 'number' ? 'number' : 'string', token.start, token.end);
    case 'mark':
      return readMarked(cursor, token.text);
    case 'quoted':
      return readNamed(cursor);
    case 'word':
      return readWord(cursor, token.text);
    case 'end':
    case 'malformed':
      return cursor.fail();
  }
}

function readMarked(cursor: Cursor, mark: string): Node {
  const start = cursor.start;
  switch (mark) {
    case '(':
      return cursor.nested(() => readParentheses(cursor));
    case '[': {
      cursor.next();
      const items = readItems(cursor, ']');
      return node('operator', 'array', start, cursor.end, items);
    }
    case '{':
      return cursor.peek(1).kind === 'string' || cursor.peek(1).kind === 'number' || cursor.atMark('}', 1)
        ? readMap(cursor)
        : readParameter(cursor);
    case '*':
      cursor.next();
      return readTransformers(cursor, node('star', '*', start, cursor.end));
    case '@@': {
      cursor.next();
      const parts = cursor.takePath();
      return node('operator', 'globalVariable', start, cursor.end, [pathNode(parts.slice(0, 0), start, cursor.end)]);
    }
    default:
      return cursor.fail();
  }
}

/** `{name:Type}`; of type Identifier it is a name. */
function readParameter(cursor: Cursor): Node {
  const start = cursor.start;
  const { name, type } = cursor.takeParameter();
  if (!/^identifier$/i.test(type)) {
    return node('parameter', name, start, cursor.end);
  }
  const parts: Part[] = [{ text: name, parameter: true, quoted: false }];
  while (cursor.atMark('.') && (cursor.atName(1) || cursor.atMark('{', 1))) {
    cursor.next();
    parts.push(cursor.takePart());
  }
  return cursor.atMark('(') ? cursor.fail() : pathNode(parts, start, cursor.end);
}

/** `{'a': 1, 'b': [2]}`. */
function readMap(cursor: Cursor): Node {
  const start = cursor.start;
  cursor.expectMark('{');
  const items: Node[] = [];
  while (!cursor.atMark('}')) {
    items.push(cursor.grammar.bare(cursor));
    cursor.expectMark(':');
    items.push(cursor.grammar.bare(cursor));
    if (!cursor.takeMark(',')) {
      break;
    }
  }
  cursor.expectMark('}');
  return node('operator', 'map', start, cursor.end, items);
}

/** Expressions up to a closing mark, which is taken; none are fine, and so is a comma before it. */
function readItems(cursor: Cursor, close: string): Node[] {
  const items: Node[] = [];
  while (!cursor.atMark(close)) {
    items.push(cursor.grammar.expression(cursor));
    if (!cursor.takeMark(',')) {
      break;
    }
  }
  cursor.expectMark(close);
  return items;
}

export function atQuery(cursor: Cursor): boolean {
  return (
    cursor.at('SELECT') ||
    (cursor.at('WITH') && cursor.peek(1).kind !== 'mark') ||
    (cursor.at('WITH') && (cursor.atMark('(', 1) || cursor.atMark('[', 1) || cursor.atMark('{', 1))) ||
    (cursor.at('FROM') && cursor.peek(1).kind !== 'end') ||
    (cursor.at('EXPLAIN') && cursor.peek(1).kind === 'word')
  );
}

/** A query in parentheses, a tuple, or an expression. */
function readParentheses(cursor: Cursor): Node {
  const start = cursor.start;
  cursor.expectMark('(');
  if (atQuery(cursor)) {
    const query = cursor.grammar.query(cursor);
    cursor.expectMark(')');
    return closed(cursor, queryNode(query), start);
  }
  if (cursor.takeMark(')')) {
    return node('operator', 'tuple', start, cursor.end);
  }
  const first = cursor.grammar.expression(cursor);
  if (
    first.kind === 'query' &&
    first.closed &&
    first.query !== null &&
    cursor.atOneOf('UNION', 'INTERSECT', 'EXCEPT')
  ) {
    const query = cursor.grammar.continued(cursor, first.query);
    cursor.expectMark(')');
    return closed(cursor, queryNode(query), start);
  }
  if (cursor.takeMark(')')) {
    return closed(cursor, first, start);
  }
  cursor.expectMark(',');
  const items = [first, ...readItems(cursor, ')')];
  return closed(cursor, node('operator', 'tuple', start, cursor.end, items), start);
}

function closed(cursor: Cursor, read: Node, start: number): Node {
  return { ...read, start, end: cursor.end, closed: true };
}

function readWord(cursor: Cursor, word: string): Node {
  const start = cursor.start;
  const following = cursor.peek(1);
  const call = following.kind === 'mark' && following.text === '(';
  const special = call ? CALLS[word] : undefined;
  if (call && QUANTIFIERS.has(word) && /^(SELECT|WITH)$/.test(cursor.peek(2).text)) {
    cursor.next();
    return readParentheses(cursor);
  }
  if (special !== undefined) {
    return cursor.nested(() => special(cursor, start));
  }
  if (!call && (word === 'NULL' || word === 'TRUE' || word === 'FALSE') && following.text !== '.') {
    cursor.next();
    return node('literal', word === 'NULL' ? 'null' : 'bool', start, cursor.end);
  }
  if (word === 'CASE' && !endsOperand(cursor)) {
    return cursor.nested(() => readCase(cursor));
  }
  if (word === 'INTERVAL' && !endsOperand(cursor)) {
    return cursor.nested(() => readInterval(cursor));
  }
  if ((word === 'DATE' || word === 'TIMESTAMP') && following.kind === 'string') {
    cursor.next();
    cursor.next();
    return node('operator', word === 'DATE' ? 'toDate' : 'toDateTime', start, cursor.end);
  }
  // A server may take `SELECT(1)` for a call; nobody writes that.
  const named = (call && FUNCTION_WORDS.has(word)) || (word === 'END' && /^[,).]$/.test(following.text));
  if (CLAUSES.has(word) && !named) {
    cursor.fail();
  }
  return readNamed(cursor);
}

/** Whether what follows the word at hand shows that it is a name by itself. */
function endsOperand(cursor: Cursor): boolean {
  const { kind, text } = cursor.peek(1);
  return (
    kind === 'end' ||
    (kind === 'mark' && text !== '(' && text !== '-' && text !== '[' && text !== '{') ||
    (kind === 'word' && /^(AS|FROM|WHERE|AND|OR|IN|IS|ASC|DESC|GROUP|ORDER|HAVING|LIMIT|THEN|ELSE|END)$/.test(text))
  );
}

/** A name, `t.*`, or a call. */
function readNamed(cursor: Cursor): Node {
  const start = cursor.start;
  const parts = [cursor.takePart()];
  while (cursor.atMark('.')) {
    if (cursor.atMark('*', 1)) {
      cursor.next();
      cursor.next();
      return readTransformers(cursor, { ...node('star', '*', start, cursor.end), parts });
    }
    if (cursor.peek(1).text === 'COLUMNS' && cursor.atMark('(', 2)) {
      cursor.next();
      return { ...readColumns(cursor, start), parts };
    }
    if (cursor.atMark('^', 1) || cursor.atMark('@', 1)) {
      // A sub-object of a JSON column.
      cursor.next();
      cursor.next();
      parts.push(cursor.takePart());
    } else if (cursor.atMark(':', 1)) {
      cursor.next();
      cursor.next();
      skipType(cursor);
    } else if (cursor.atName(1) || cursor.atMark('{', 1)) {
      cursor.next();
      parts.push(cursor.takePart());
    } else {
      break;
    }
  }
  return cursor.atMark('(') ? readCall(cursor, parts, start) : pathNode(parts, start, cursor.end);
}

export function readCall(cursor: Cursor, parts: readonly Part[], start: number): Node {
  if (parts.some(({ parameter }) => parameter)) {
    cursor.fail();
  }
  const name = parts.map(({ text }) => text).join('.');
  const call: Node = { ...node('call', name, start, start), parts };
  cursor.nested(() => readArguments(cursor, call));
  if (cursor.atMark('(')) {
    // The first parentheses held the parameters of an aggregate function.
    call.more.push(...call.args.splice(0));
    cursor.nested(() => readArguments(cursor, call));
  }
  readCallTail(cursor, call);
  call.end = cursor.end;
  return call;
}

function readArguments(cursor: Cursor, call: Node): void {
  cursor.expectMark('(');
  if (/^view(ifpermitted)?$/i.test(call.name) && atQuery(cursor)) {
    call.args.push(queryNode(cursor.grammar.query(cursor)));
    // viewIfPermitted(SELECT … ELSE null(…)), and what may follow a query in other table functions.
    if (cursor.take('ELSE') || cursor.takeMark(',')) {
      call.args.push(...readItems(cursor, ')'));
      return;
    }
    cursor.expectMark(')');
    return;
  }
  if ((cursor.at('DISTINCT') || cursor.at('ALL')) && !endsOperand(cursor) && !cursor.atMark('(', 1)) {
    cursor.next();
  } else if (cursor.at('DISTINCT') && cursor.atMark('(', 1)) {
    cursor.next();
  }
  while (!cursor.atMark(')')) {
    if (cursor.take('SETTINGS')) {
      cursor.grammar.settings(cursor);
      break;
    }
    if (cursor.take('ORDER', 'BY')) {
      call.more.push(...cursor.grammar.order(cursor));
      break;
    }
    call.args.push(cursor.grammar.expression(cursor));
    if (cursor.take('ORDER', 'BY')) {
      call.more.push(...cursor.grammar.order(cursor));
    }
    if (!cursor.takeMark(',') && !cursor.at('SETTINGS')) {
      break;
    }
  }
  cursor.expectMark(')');
}

/** IGNORE NULLS, FILTER (WHERE …), OVER (…). */
function readCallTail(cursor: Cursor, call: Node): void {
  cursor.takeOne('IGNORE NULLS', 'RESPECT NULLS');
  if (cursor.at('FILTER') && cursor.atMark('(', 1)) {
    cursor.next();
    cursor.next();
    cursor.expect('WHERE');
    call.more.push(cursor.grammar.expression(cursor));
    cursor.expectMark(')');
  }
  cursor.takeOne('IGNORE NULLS', 'RESPECT NULLS');
  if (cursor.take('OVER')) {
    if (cursor.atMark('(')) {
      call.more.push(...cursor.grammar.window(cursor));
    } else {
      cursor.takeName();
    }
  }
}

function readCase(cursor: Cursor): Node {
  const start = cursor.start;
  const parts: Node[] = [];
  cursor.expect('CASE');
  const simple = !cursor.at('WHEN');
  if (simple) {
    parts.push(cursor.grammar.expression(cursor));
  }
  while (cursor.take('WHEN')) {
    parts.push(cursor.grammar.expression(cursor));
    cursor.expect('THEN');
    parts.push(cursor.grammar.expression(cursor));
  }
  if (cursor.take('ELSE')) {
    parts.push(cursor.grammar.expression(cursor));
  }
  cursor.expect('END');
  return node('operator', simple ? 'caseWithExpression' : 'multiIf', start, cursor.end, parts);
}

const UNIT =
  /^(NANOSECOND|MICROSECOND|MILLISECOND|SECOND|MINUTE|HOUR|DAY|WEEK|MONTH|QUARTER|YEAR)S?$|^SQL_TSI_[A-Z]+$|^(NS|MCS|MS|SS?|MI|N|HH?|DD?|WK|WW|MM?|QQ?|YY|YYYY)$/;

/** `INTERVAL 1 DAY`, `INTERVAL x + 1 DAY`, `INTERVAL '1 day'`; without a unit it is a name or a call. */
function readInterval(cursor: Cursor): Node {
  const start = cursor.start;
  cursor.expect('INTERVAL');
  if (cursor.peek().kind === 'string' && !UNIT.test(cursor.peek(1).text)) {
    cursor.next();
    return node('operator', 'interval', start, cursor.end);
  }
  const parenthesised = cursor.atMark('(');
  const amount = cursor.grammar.bare(cursor);
  if (cursor.peek().kind === 'word' && UNIT.test(cursor.peek().text)) {
    cursor.next();
    return node('operator', 'interval', start, cursor.end, [amount]);
  }
  // A function of that name; reading it again from its parenthesis would make nested ones exponential.
  return parenthesised ? node('call', 'interval', start, cursor.end, [amount]) : cursor.fail();
}

type SpecialCall = (cursor: Cursor, start: number) => Node;

/** `x = ANY (SELECT …)`. */
const QUANTIFIERS: ReadonlySet<string> = new Set(['ANY', 'ALL', 'SOME']);

/** Calls whose arguments are separated by words. */
const CALLS: Readonly<Record<string, SpecialCall>> = {
  CAST: readCast,
  TRY_CAST: readCast,
  EXTRACT: (cursor, start) => readWorded(cursor, start, ['FROM']),
  SUBSTRING: (cursor, start) => readWorded(cursor, start, ['FROM', 'FOR']),
  SUBSTR: (cursor, start) => readWorded(cursor, start, ['FROM', 'FOR']),
  MID: (cursor, start) => readWorded(cursor, start, ['FROM', 'FOR']),
  OVERLAY: (cursor, start) => readWorded(cursor, start, ['PLACING', 'FROM', 'FOR']),
  POSITION: readPosition,
  LOCATE: readPosition,
  TRIM: readTrim,
  LTRIM: readTrim,
  RTRIM: readTrim,
  EXISTS: readExists,
  COLUMNS: (cursor, start) => readColumns(cursor, start),
};

function readCast(cursor: Cursor, start: number): Node {
  const name = cursor.takeName();
  cursor.expectMark('(');
  const value = cursor.grammar.bare(cursor);
  const args = [value];
  if (cursor.take('AS')) {
    // CAST(x AS alias AS Type), CAST(x AS alias, 'Type') and CAST(x AS Type).
    skipType(cursor);
    if (cursor.take('AS')) {
      skipType(cursor);
    } else if (cursor.takeMark(',')) {
      args.push(cursor.grammar.expression(cursor));
    }
  } else {
    cursor.expectMark(',');
    args.push(cursor.grammar.expression(cursor));
  }
  cursor.expectMark(')');
  return node('call', name, start, cursor.end, args);
}

function readWorded(cursor: Cursor, start: number, words: readonly string[]): Node {
  const name = cursor.takeName();
  cursor.expectMark('(');
  const args = [cursor.grammar.expression(cursor)];
  while (!cursor.atMark(')')) {
    if (!cursor.takeMark(',') && cursor.takeOne(...words) === null) {
      cursor.fail();
    }
    args.push(cursor.grammar.expression(cursor));
  }
  cursor.expectMark(')');
  return node('call', name, start, cursor.end, args);
}

/** POSITION(needle IN haystack): no IN of a table. */
function readPosition(cursor: Cursor, start: number): Node {
  const read = readWorded(cursor, start, []);
  const args = read.args.flatMap((arg) =>
    arg.kind === 'operator' && arg.name === 'in' && !arg.closed ? arg.args : [arg],
  );
  return { ...read, args };
}

function readTrim(cursor: Cursor, start: number): Node {
  const name = cursor.takeName();
  cursor.expectMark('(');
  const args: Node[] = [];
  if (cursor.takeOne('LEADING', 'TRAILING', 'BOTH') !== null && cursor.take('FROM')) {
    args.push(cursor.grammar.expression(cursor));
  } else {
    args.push(cursor.grammar.expression(cursor));
    if (cursor.take('FROM') || cursor.takeMark(',')) {
      args.push(cursor.grammar.expression(cursor));
    }
  }
  cursor.expectMark(')');
  return node('call', name, start, cursor.end, args);
}

function readExists(cursor: Cursor, start: number): Node {
  cursor.next();
  cursor.expectMark('(');
  if (!atQuery(cursor) && !cursor.atMark('(')) {
    cursor.fail();
  }
  const query: Query = cursor.grammar.query(cursor);
  cursor.expectMark(')');
  return node('operator', 'exists', start, cursor.end, [queryNode(query)]);
}

/** COLUMNS('regex') or COLUMNS(a, b). */
function readColumns(cursor: Cursor, start: number): Node {
  cursor.expect('COLUMNS');
  cursor.expectMark('(');
  const args = readItems(cursor, ')');
  return readTransformers(cursor, node('star', 'COLUMNS', start, cursor.end, args));
}

/** EXCEPT, REPLACE and APPLY behind a star. */
function readTransformers(cursor: Cursor, star: Node): Node {
  for (;;) {
    if (cursor.at('APPLY') && (cursor.atMark('(', 1) || cursor.atName(1))) {
      cursor.next();
      readApply(cursor, star);
    } else if (cursor.at('EXCEPT') && exceptColumns(cursor)) {
      cursor.next();
      cursor.take('STRICT');
      if (cursor.takeMark('(')) {
        cursor.list(() => (cursor.peek().kind === 'string' ? cursor.takeString() : cursor.takePath()));
        cursor.expectMark(')');
      } else {
        cursor.takeName();
      }
    } else if (cursor.at('REPLACE') && (cursor.atMark('(', 1) || cursor.peek(1).text === 'STRICT')) {
      cursor.next();
      cursor.take('STRICT');
      cursor.expectMark('(');
      star.args.push(...readItems(cursor, ')'));
    } else {
      star.end = cursor.end;
      return star;
    }
  }
}

/** Whether EXCEPT leaves out columns, and does not begin another query. */
function exceptColumns(cursor: Cursor): boolean {
  if (cursor.peek(1).kind === 'mark') {
    return cursor.atMark('(', 1) && cursor.peek(2).text !== 'SELECT' && cursor.peek(2).text !== 'WITH';
  }
  return cursor.atName(1) && !/^(SELECT|ALL|DISTINCT|WITH|FROM)$/.test(cursor.peek(1).text);
}

/** A function's name with parameters, or a lambda. */
function readApply(cursor: Cursor, star: Node): void {
  const start = cursor.start;
  const bracketed = cursor.takeMark('(');
  if (bracketed || cursor.atMark('->', 1)) {
    if (cursor.atMark('->', 1) || cursor.atMark('(')) {
      star.args.push(cursor.grammar.bare(cursor));
    } else {
      star.args.push(appliedFunction(cursor, start));
    }
    if (bracketed) {
      cursor.expectMark(')');
    }
    return;
  }
  star.args.push(appliedFunction(cursor, start));
}

function appliedFunction(cursor: Cursor, start: number): Node {
  const name = cursor.takeName();
  const call = node('call', name, start, cursor.end);
  if (cursor.takeMark('(')) {
    call.more.push(...readItems(cursor, ')'));
  }
  if (cursor.takeMark('(')) {
    cursor.expectMark(')');
  }
  return call;
}

const MORE_TYPE_WORDS: readonly string[] = [
  'DOUBLE PRECISION',
  'CHARACTER LARGE OBJECT',
  'CHARACTER VARYING',
  'CHAR LARGE OBJECT',
  'CHAR VARYING',
  'NATIONAL CHARACTER LARGE OBJECT',
  'NATIONAL CHARACTER VARYING',
  'NATIONAL CHAR VARYING',
  'NATIONAL CHARACTER',
  'NATIONAL CHAR',
  'NCHAR LARGE OBJECT',
  'NCHAR VARYING',
  'BINARY LARGE OBJECT',
  'BINARY VARYING',
];

/** A type: a name, and whatever its parentheses hold, which is neither evaluated nor looked up. */
export function skipType(cursor: Cursor): void {
  if (cursor.takeOne(...MORE_TYPE_WORDS) === null) {
    cursor.skipped.add(cursor.takeName());
  }
  if (cursor.atMark('(')) {
    cursor.skipParentheses();
  }
  cursor.takeOne('SIGNED', 'UNSIGNED');
}
