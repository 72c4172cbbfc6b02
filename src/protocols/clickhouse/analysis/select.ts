// SELECT with all its clauses, and what may be put together of several.
import type { Cursor } from './cursor.ts';
import { readBare, readExpression, readItem } from './expression.ts';
import { node, type Node, type Query, type Select, type SettingNode, type WithItem } from './nodes.ts';
import { atQuery } from './operand.ts';
import { readSources } from './sources.ts';

/** A query: SELECTs and parenthesised queries joined by UNION, EXCEPT and INTERSECT. */
export function readQuery(cursor: Cursor): Query {
  return cursor.nested(() => continueQuery(cursor, readOperandQuery(cursor)));
}

export function continueQuery(cursor: Cursor, first: Query): Query {
  const operands = [first];
  while (cursor.atOneOf('UNION', 'INTERSECT', 'EXCEPT')) {
    cursor.next();
    cursor.takeOne('ALL', 'DISTINCT');
    operands.push(readOperandQuery(cursor));
  }
  return operands.length === 1
    ? first
    : { ...first, kind: 'set', select: null, closed: false, operands, start: first.start, end: cursor.end };
}

function empty(kind: Query['kind'], start: number): Query {
  return { kind, select: null, operands: [], rows: [], closed: false, inner: null, start, end: start };
}

function readOperandQuery(cursor: Cursor): Query {
  const start = cursor.start;
  if (cursor.takeMark('(')) {
    const query = readQuery(cursor);
    cursor.expectMark(')');
    return { ...query, closed: true };
  }
  if (cursor.at('VALUES') && cursor.atMark('(', 1)) {
    cursor.next();
    const rows = cursor.list(() => readExpression(cursor));
    return { ...empty('values', start), rows, end: cursor.end };
  }
  if (cursor.at('EXPLAIN')) {
    cursor.next();
    readExplainKind(cursor);
    const inner = readQuery(cursor);
    return { ...empty('explain', start), inner, end: cursor.end };
  }
  const select = readSelect(cursor);
  return { ...empty('select', start), select, end: cursor.end };
}

const EXPLAINS: readonly string[] = [
  'AST',
  'SYNTAX',
  'QUERY TREE',
  'PLAN',
  'PIPELINE',
  'ESTIMATE',
  'TABLE OVERRIDE',
  'CURRENT TRANSACTION',
];

/** The word behind EXPLAIN (`PLAN` when there is none), and its settings. */
export function readExplainKind(cursor: Cursor): string {
  const kind = cursor.takeOne(...EXPLAINS) ?? 'PLAN';
  while (cursor.peek().kind === 'word' && cursor.atMark('=', 1)) {
    cursor.grammar.settings(cursor);
  }
  return kind;
}

function emptySelect(): Select {
  return {
    withItems: [],
    recursive: false,
    projection: [],
    sources: [],
    conditions: [],
    hasWhere: false,
    others: [],
    limit: null,
    ties: false,
    settings: [],
  };
}

function readSelect(cursor: Cursor): Select {
  const select = emptySelect();
  if (cursor.take('WITH')) {
    select.recursive = cursor.take('RECURSIVE');
    readWithItems(cursor, select);
  }
  const early = cursor.take('FROM');
  if (early) {
    select.sources = readSources(cursor, select.others);
  }
  cursor.expect('SELECT');
  readDistinct(cursor, select);
  readTop(cursor, select);
  readProjection(cursor, select);
  if (!early && cursor.take('FROM')) {
    select.sources = readSources(cursor, select.others);
  }
  readConditions(cursor, select);
  readGrouping(cursor, select);
  readOrdering(cursor, select);
  readLimits(cursor, select);
  if (cursor.take('SETTINGS')) {
    select.settings.push(...readSettings(cursor));
  }
  return select;
}

export function readWithItems(cursor: Cursor, select: Pick<Select, 'withItems'>): void {
  do {
    select.withItems.push(readWithItem(cursor));
    // A comma before SELECT is allowed.
  } while (cursor.takeMark(',') && !cursor.at('SELECT'));
}

/** `name [(columns)] AS [MATERIALIZED] (query)`, or `expression AS name`. */
function readWithItem(cursor: Cursor): WithItem {
  const position = cursor.position;
  if (cursor.atName()) {
    const name = cursor.takeName();
    if (cursor.atMark('(')) {
      skipNames(cursor);
    }
    if (cursor.take('AS')) {
      cursor.takeOne('MATERIALIZED', 'NOT MATERIALIZED');
      if (cursor.takeMark('(')) {
        if (atQuery(cursor) || cursor.atMark('(')) {
          const query = readQuery(cursor);
          cursor.expectMark(')');
          return { name, query, expression: null };
        }
      }
    }
    cursor.back(position);
  }
  const expression = readItem(cursor);
  return { name: expression.alias, query: null, expression };
}

/** A list of names in parentheses, or nothing that is taken for one. */
function skipNames(cursor: Cursor): void {
  for (let offset = 1; cursor.atName(offset); offset += 2) {
    if (cursor.atMark(')', offset + 1)) {
      for (let taken = 0; taken < offset + 2; taken += 1) {
        cursor.next();
      }
      return;
    }
    if (!cursor.atMark(',', offset + 1)) {
      return;
    }
  }
}

function readDistinct(cursor: Cursor, select: Select): void {
  if (cursor.take('DISTINCT')) {
    if (cursor.take('ON')) {
      cursor.expectMark('(');
      select.others.push(...cursor.list(() => readExpression(cursor)));
      cursor.expectMark(')');
    }
  } else if (cursor.at('ALL') && !cursor.atMark('(', 1) && !cursor.atMark(',', 1) && !cursor.at('ALL', 'FROM')) {
    cursor.next();
  }
}

function readTop(cursor: Cursor, select: Select): void {
  if (
    !cursor.at('TOP') ||
    (cursor.peek(1).kind !== 'number' && !(cursor.atMark('(', 1) && cursor.peek(2).kind === 'number'))
  ) {
    return;
  }
  cursor.next();
  if (cursor.takeMark('(')) {
    select.limit = readExpression(cursor);
    cursor.expectMark(')');
  } else {
    const token = cursor.next();
    select.limit = node('literal', 'number', token.start, token.end);
  }
  select.ties ||= cursor.take('WITH', 'TIES');
}

function readProjection(cursor: Cursor, select: Select): void {
  do {
    select.projection.push(readItem(cursor));
  } while (cursor.takeMark(',') && !cursor.at('FROM') && !cursor.atEnd() && !cursor.atMark(')'));
}

function readConditions(cursor: Cursor, select: Select): void {
  for (const word of ['PREWHERE', 'WHERE', 'PREWHERE']) {
    if (cursor.take(word)) {
      select.hasWhere = true;
      select.conditions.push(readExpression(cursor));
    }
  }
}

function readGrouping(cursor: Cursor, select: Select): void {
  if (cursor.take('GROUP', 'BY')) {
    const grouped =
      cursor.atOneOf('ROLLUP', 'CUBE') && cursor.atMark('(', 1) && cursor.takeOne('ROLLUP', 'CUBE') !== null;
    if (grouped || cursor.take('GROUPING', 'SETS')) {
      select.others.push(...readExpressionsInParentheses(cursor));
    } else if (!(cursor.at('ALL') && !cursor.atMark('(', 1) && cursor.take('ALL'))) {
      select.others.push(...cursor.list(() => readExpression(cursor)));
    }
  }
  cursor.takeAny('WITH ROLLUP', 'WITH CUBE', 'WITH TOTALS');
  if (cursor.take('HAVING')) {
    select.others.push(readExpression(cursor));
  }
  if (cursor.take('WINDOW')) {
    cursor.list(() => {
      cursor.takeName();
      cursor.expect('AS');
      select.others.push(...readWindow(cursor));
    });
  }
  if (cursor.take('QUALIFY')) {
    select.others.push(readExpression(cursor));
  }
}

function readExpressionsInParentheses(cursor: Cursor): Node[] {
  cursor.expectMark('(');
  const read = cursor.list(() => readExpression(cursor));
  cursor.expectMark(')');
  return read;
}

function readOrdering(cursor: Cursor, select: Select): void {
  if (!cursor.take('ORDER', 'BY')) {
    return;
  }
  select.others.push(...readOrder(cursor));
  if (cursor.take('INTERPOLATE') && cursor.takeMark('(')) {
    while (!cursor.takeMark(')')) {
      cursor.takePath();
      if (cursor.take('AS')) {
        select.others.push(readBare(cursor));
      }
      if (!cursor.takeMark(',') && !cursor.atMark(')')) {
        cursor.fail();
      }
    }
  }
}

/** Elements of ORDER BY, up to the end of the list. */
export function readOrder(cursor: Cursor): Node[] {
  const read: Node[] = [];
  if (cursor.at('ALL') && !cursor.atMark('(', 1) && !cursor.atMark('.', 1)) {
    cursor.next();
    readDirection(cursor, read);
    return read;
  }
  do {
    read.push(readExpression(cursor));
    readDirection(cursor, read);
  } while (cursor.takeMark(','));
  return read;
}

function readDirection(cursor: Cursor, read: Node[]): void {
  cursor.takeOne('ASC', 'ASCENDING', 'DESC', 'DESCENDING');
  if (cursor.take('NULLS') && cursor.takeOne('FIRST', 'LAST') === null) {
    cursor.fail();
  }
  if (cursor.take('COLLATE')) {
    cursor.takeString();
  }
  if (cursor.take('WITH', 'FILL')) {
    while (cursor.takeOne('FROM', 'TO', 'STEP', 'STALENESS') !== null) {
      read.push(readExpression(cursor));
    }
  }
}

function readLimits(cursor: Cursor, select: Select): void {
  for (let clauses = 0; clauses < 2 && cursor.take('LIMIT'); clauses += 1) {
    const first = readExpression(cursor);
    let limit = first;
    if (cursor.takeMark(',')) {
      limit = readExpression(cursor);
      select.others.push(first);
    } else if (cursor.take('OFFSET')) {
      select.others.push(readExpression(cursor));
    }
    const ties = cursor.take('WITH', 'TIES');
    if (cursor.take('BY')) {
      select.others.push(limit);
      if (!cursor.take('ALL')) {
        select.others.push(...cursor.list(() => readExpression(cursor)));
      }
    } else {
      select.limit = limit;
      select.ties ||= ties;
    }
  }
  if (cursor.take('OFFSET')) {
    select.others.push(readExpression(cursor));
    cursor.takeOne('ROWS', 'ROW');
  }
  if (cursor.take('FETCH')) {
    if (cursor.takeOne('FIRST', 'NEXT') === null) {
      cursor.fail();
    }
    select.limit = cursor.atOneOf('ROW', 'ROWS') ? null : readExpression(cursor);
    select.ties ||= select.limit === null;
    cursor.takeOne('ROWS', 'ROW');
    if (cursor.take('WITH', 'TIES')) {
      select.ties = true;
    } else {
      cursor.expect('ONLY');
    }
  }
}

/** `(w PARTITION BY … ORDER BY … ROWS BETWEEN … AND …)`. */
export function readWindow(cursor: Cursor): Node[] {
  const read: Node[] = [];
  cursor.expectMark('(');
  if (
    cursor.atName() &&
    !cursor.at('PARTITION', 'BY') &&
    !cursor.at('ORDER', 'BY') &&
    !cursor.atOneOf('ROWS', 'RANGE', 'GROUPS')
  ) {
    cursor.takeName();
  }
  if (cursor.take('PARTITION', 'BY')) {
    read.push(...cursor.list(() => readExpression(cursor)));
  }
  if (cursor.take('ORDER', 'BY')) {
    read.push(...readOrder(cursor));
  }
  if (cursor.takeOne('ROWS', 'RANGE', 'GROUPS') !== null) {
    if (cursor.take('BETWEEN')) {
      readFrame(cursor, read);
      cursor.expect('AND');
    }
    readFrame(cursor, read);
  }
  cursor.expectMark(')');
  return read;
}

function readFrame(cursor: Cursor, read: Node[]): void {
  if (cursor.take('CURRENT', 'ROW')) {
    return;
  }
  if (!cursor.take('UNBOUNDED')) {
    read.push(readBare(cursor));
  }
  if (cursor.takeOne('PRECEDING', 'FOLLOWING') === null) {
    cursor.fail();
  }
}

/** `name = value, …`; a value is a literal, a parameter, an array, a map, or a word. */
export function readSettings(cursor: Cursor): SettingNode[] {
  const read: SettingNode[] = [];
  do {
    const name = cursor
      .takePath()
      .map(({ text, parameter }) => (parameter ? cursor.fail() : text))
      .join('.');
    if (!cursor.takeMark('=')) {
      // A setting without a value is on.
      read.push({ name, value: '1', literal: true });
      continue;
    }
    read.push({ name, ...readSettingValue(cursor) });
  } while (cursor.atMark(',') && cursor.atName(1) && cursor.takeMark(','));
  return read;
}

function readSettingValue(cursor: Cursor): Pick<SettingNode, 'value' | 'literal'> {
  const token = cursor.peek();
  if (token.kind === 'string' || token.kind === 'heredoc') {
    const value = cursor.takeString();
    return { value, literal: value !== null };
  }
  if (token.kind === 'word') {
    cursor.next();
    if (cursor.atMark('(')) {
      // disk(type = …) and the like.
      cursor.skipParentheses();
      return { value: null, literal: false };
    }
    return token.text === 'DEFAULT' ? { value: null, literal: true } : { value: cursor.raw(token), literal: true };
  }
  const sign = cursor.takeMark('-') ? '-' : cursor.takeMark('+') ? '' : '';
  if (cursor.peek().kind === 'number') {
    return { value: sign + cursor.raw(cursor.next()), literal: true };
  }
  const value = readBare(cursor);
  const plain = value.kind === 'operator' && (value.name === 'array' || value.name === 'map' || value.name === 'tuple');
  if (!plain && value.kind !== 'parameter') {
    cursor.fail();
  }
  return { value: null, literal: false };
}
