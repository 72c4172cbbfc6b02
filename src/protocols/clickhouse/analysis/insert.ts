// INSERT: its target, where its rows come from, and where in the text its data begins.
import { markOpaque } from '../../sql/outline.ts';
import { Cursor, MAX_TOKENS, NotRead, TooMuch } from './cursor.ts';
import type { Query, Select } from './nodes.ts';
import { readCall } from './operand.ts';
import { setKind, takeTarget, type Reader } from './reader.ts';
import { readQuery } from './select.ts';
import { walkWithItems } from './queries.ts';
import { walkTableFunction } from './table-functions.ts';
import type { Scope } from './walk.ts';

/** `outer`: what WITH in front of INSERT defined. */
export function readInsert(reader: Reader, outer: Pick<Select, 'withItems' | 'recursive'> | null): void {
  const { cursor, walk } = reader;
  setKind(reader, {
    verb: 'insert',
    object: 'none',
    effects: ['write'],
    tier: 'suspicious',
    cause: 'insert',
    reason: 'adds rows',
    roots: ['InsertQuery'],
  });
  const scope: Scope | null = outer === null ? null : { parent: null, names: new Set(), aliases: new Set() };
  if (outer !== null && scope !== null) {
    walkWithItems(walk, outer, scope);
  }
  cursor.expect('INSERT', 'INTO');
  readTarget(reader);
  readColumns(reader);
  if (cursor.take('SETTINGS')) {
    walk.applySettings(cursor.grammar.settings(cursor));
  }
  readRows(reader, scope);
}

function readTarget(reader: Reader): void {
  const { cursor, walk } = reader;
  cursor.take('TABLE');
  if (cursor.at('FUNCTION') && cursor.atName(1)) {
    cursor.next();
    const start = cursor.start;
    const call = readCall(cursor, cursor.takePath(), start);
    walkTableFunction(walk, call, null);
    for (const relation of walk.unit.relations.values()) {
      relation.write = true;
    }
    if (cursor.take('PARTITION', 'BY')) {
      walk.expression(cursor.grammar.bare(cursor), null);
    }
    return;
  }
  const parts = takeTarget(reader, { write: true });
  if (parts.length > 1 && /^(system|information_schema)$/i.test(parts[0]?.text ?? '')) {
    walk.note('destructive', 'catalogue', 'writes to a system table');
  }
}

/** `(a, b)`, `(* EXCEPT (c))`, or nothing. A query in parentheses may stand there too. */
function readColumns(reader: Reader): void {
  const { cursor, walk } = reader;
  if (!cursor.atMark('(') || /^(SELECT|WITH)$/.test(cursor.peek(1).text) || cursor.atMark('(', 1)) {
    walk.unit.writeColumns.add('*');
    return;
  }
  cursor.next();
  while (!cursor.takeMark(')')) {
    const item = cursor.grammar.bare(cursor);
    if (item.kind === 'star') {
      walk.unit.writeColumns.add('*');
    } else if (item.kind === 'name' && item.parts.every(({ parameter }) => !parameter)) {
      walk.unit.writeColumns.add(item.parts.map(({ text }) => text).join('.'));
    } else {
      cursor.fail();
    }
    if (!cursor.takeMark(',') && !cursor.atMark(')')) {
      cursor.fail();
    }
  }
}

function readRows(reader: Reader, scope: Scope | null): void {
  const { cursor, walk, found } = reader;
  let infile = '';
  if (cursor.take('FROM', 'INFILE')) {
    infile = cursor.takeKnownString();
    if (cursor.take('COMPRESSION')) {
      cursor.takeString();
    }
    if (cursor.take('SETTINGS')) {
      walk.applySettings(cursor.grammar.settings(cursor));
    }
    walk.clickhouse.infile = infile;
    walk.unit.copy = { direction: 'in', channel: 'client', program: '', file: infile };
  }
  if (cursor.take('VALUES')) {
    readData(reader, 'Values', infile);
    return;
  }
  if (cursor.take('WATCH')) {
    walk.relation(cursor.takePath(), { read: true }, null);
    found.insert = { format: '', takesData: false, dataStart: null, infile };
    return;
  }
  if (!cursor.at('FORMAT') && !cursor.atEnd()) {
    const query = readQuery(cursor);
    readSelected(reader, query, scope);
  }
  if (cursor.take('FORMAT')) {
    const format = cursor.takeName();
    readData(reader, format, infile);
    return;
  }
  if (!reader.complete) {
    // What follows may still be a query.
    cursor.fail();
  }
  found.insert ??= { format: '', takesData: infile === '', dataStart: infile === '' ? lengthOf(reader) : null, infile };
}

function readSelected(reader: Reader, query: Query, scope: Scope | null): void {
  const { walk, found } = reader;
  walk.nestQuery('ctas', query, scope);
  walk.unit.effects.add('read');
  found.insert = { format: '', takesData: false, dataStart: null, infile: '' };
}

function lengthOf({ cursor }: Reader): number {
  return Buffer.byteLength(cursor.text);
}

/** What follows is data. That of VALUES is expressions, which the server evaluates. */
function readData(reader: Reader, format: string, infile: string): void {
  const { cursor, walk, found } = reader;
  walk.clickhouse.format = format;
  const { text } = cursor;
  let at = cursor.end;
  if (format.toLowerCase() !== 'values' || !/^values$/i.test(text.slice(at - 6, at))) {
    at += /^[ \t\f]*\r?\n?/.exec(text.slice(at, at + 4096))?.[0].length ?? 0;
  }
  if (!reader.complete && cursor.end >= text.length) {
    // The word may go on.
    cursor.fail();
  }
  found.insert = {
    format,
    takesData: infile === '',
    dataStart: infile === '' ? Buffer.byteLength(text.slice(0, at)) : null,
    infile,
  };
  if (infile === '' && format.toLowerCase() === 'values') {
    readValues(reader, at);
  } else {
    found.dataAt = at;
  }
  // What is data is not read as tokens.
  cursor.finish();
}

function readValues(reader: Reader, at: number): void {
  const { cursor, walk, complete } = reader;
  if (!complete) {
    hide(reader, 'too_large');
    return;
  }
  const inner = new Cursor(cursor.text, cursor.grammar, { position: at, maxTokens: cursor.maxTokens });
  const outer = walk.unit;
  const { calls, sources } = walk.seen;
  walk.seen.calls = new Set();
  walk.seen.sources = new Set();
  try {
    while (!inner.atEnd()) {
      if (!inner.atMark('(')) {
        inner.fail();
      }
      walk.expression(inner.grammar.bare(inner), null);
      inner.forget();
      inner.takeMark(',');
    }
    inner.takeMark(';');
    if (inner.peek().kind !== 'end') {
      inner.fail();
    }
  } catch (error) {
    if (!(error instanceof NotRead || error instanceof TooMuch)) {
      throw error;
    }
    walk.unit = outer;
    if (error instanceof TooMuch && cursor.maxTokens < MAX_TOKENS) {
      throw error;
    }
    hide(reader, 'unparseable');
  }
  // The server's tree does not hold the data.
  walk.seen.calls = calls;
  walk.seen.sources = sources;
}

/** Rows that are not read may call and read anything. */
function hide({ walk }: Reader, cause: 'too_large' | 'unparseable'): void {
  walk.unit.hidden = true;
  markOpaque(walk.unit, cause);
  walk.note('destructive', 'opaque', 'holds rows of VALUES that could not be read, and that may call functions');
}
