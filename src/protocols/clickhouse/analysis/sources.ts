// What stands behind FROM: tables, table functions, queries, joins of them, and ARRAY JOIN.
import type { Cursor } from './cursor.ts';
import { aliasHere, readBare, readExpression, readItem, takeAlias } from './expression.ts';
import type { Node, Source } from './nodes.ts';
import { readCall } from './operand.ts';

export function readSources(cursor: Cursor, others: Node[]): Source[] {
  const sources = [readSource(cursor, others)];
  for (;;) {
    if (!readJoin(cursor, sources, others)) {
      return sources;
    }
  }
}

function readSource(cursor: Cursor, others: Node[]): Source {
  const source = readNamedSource(cursor);
  takeAlias(cursor, source, true);
  if (source.alias !== null && cursor.atMark('(') && cursor.atName(1)) {
    cursor.skipParentheses();
    source.renames = true;
  }
  cursor.take('FINAL');
  if (cursor.take('SAMPLE')) {
    others.push(readBare(cursor));
    if (cursor.take('OFFSET')) {
      others.push(readBare(cursor));
    }
  }
  if (source.alias === null) {
    takeAlias(cursor, source, true);
  }
  cursor.take('FINAL');
  return source;
}

function readNamedSource(cursor: Cursor): Source {
  const start = cursor.start;
  if (cursor.atMark('(')) {
    if (!beginsQuery(cursor)) {
      cursor.fail();
    }
    cursor.next();
    const query = cursor.grammar.query(cursor);
    cursor.expectMark(')');
    return { kind: 'query', parts: [], call: null, query, alias: null };
  }
  if (cursor.peek().kind === 'word' && !cursor.atMark('(', 1) && !cursor.atMark('.', 1) && !aliasHere(cursor)) {
    cursor.fail();
  }
  const parts = cursor.takePath();
  if (cursor.atMark('(')) {
    return { kind: 'function', parts, call: readCall(cursor, parts, start), query: null, alias: null };
  }
  return { kind: 'table', parts, call: null, query: null, alias: null };
}

/** Whether the parentheses that come next, in any number, hold a query. */
function beginsQuery(cursor: Cursor): boolean {
  let offset = 0;
  while (cursor.atMark('(', offset)) {
    offset += 1;
  }
  const { kind, text } = cursor.peek(offset);
  return kind === 'word' && /^(SELECT|WITH|FROM|EXPLAIN|VALUES)$/.test(text);
}

const STRICTNESS: readonly string[] = ['ANY', 'ALL', 'ASOF', 'SEMI', 'ANTI', 'ONLY'];
const KINDS: readonly string[] = ['INNER', 'LEFT', 'RIGHT', 'FULL', 'CROSS', 'PASTE', 'NATURAL'];

/** One more join, or false when none follows. */
function readJoin(cursor: Cursor, sources: Source[], others: Node[]): boolean {
  if (cursor.takeMark(',')) {
    sources.push(readSource(cursor, others));
    return true;
  }
  const position = cursor.position;
  cursor.takeOne('LEFT', 'INNER');
  if (cursor.take('ARRAY', 'JOIN')) {
    others.push(...cursor.list(() => readItem(cursor)));
    return true;
  }
  cursor.back(position);
  cursor.takeOne('GLOBAL', 'LOCAL');
  for (let words = 0; words < 4; words += 1) {
    cursor.takeOne(...STRICTNESS, ...KINDS, 'OUTER');
  }
  if (!cursor.take('JOIN')) {
    cursor.back(position);
    return false;
  }
  sources.push(readSource(cursor, others));
  if (cursor.take('ON')) {
    others.push(readExpression(cursor));
  } else if (cursor.take('USING')) {
    if (cursor.takeMark('(')) {
      others.push(...cursor.list(() => readExpression(cursor)));
      cursor.expectMark(')');
    } else {
      others.push(...cursor.list(() => readItem(cursor)));
    }
  }
  return true;
}
