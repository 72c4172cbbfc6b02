// Declarations of columns, indexes and projections, and the clauses of storage: everything in CREATE TABLE that holds expressions.
import { addRelation } from '../../sql/outline.ts';
import type { Node } from './nodes.ts';
import { readCall, skipType } from './operand.ts';
import type { Reader } from './reader.ts';
import { readQuery } from './select.ts';

/** `(a Int8 DEFAULT 1, INDEX i a TYPE minmax, …)`. */
export function readDeclarations(reader: Reader): void {
  const { cursor } = reader;
  cursor.expectMark('(');
  while (!cursor.takeMark(')')) {
    readDeclaration(reader);
    if (!cursor.takeMark(',') && !cursor.atMark(')')) {
      cursor.fail();
    }
  }
}

function expression({ cursor, walk }: Reader): void {
  walk.expression(cursor.grammar.bare(cursor), null);
}

function readDeclaration(reader: Reader): void {
  const { cursor } = reader;
  if (cursor.at('INDEX') && cursor.atName(1)) {
    cursor.next();
    readIndex(reader);
  } else if (cursor.at('CONSTRAINT') && cursor.atName(1)) {
    cursor.next();
    readConstraint(reader);
  } else if (cursor.at('PROJECTION') && cursor.atName(1)) {
    cursor.next();
    readProjection(reader);
  } else if (cursor.at('PRIMARY', 'KEY')) {
    cursor.take('PRIMARY', 'KEY');
    expression(reader);
  } else if (cursor.at('FOREIGN', 'KEY')) {
    cursor.fail();
  } else {
    readColumn(reader);
  }
}

const DEFAULTS: readonly string[] = ['DEFAULT', 'MATERIALIZED', 'ALIAS', 'EPHEMERAL'];

/** A column: its name, type, and what it is made of. */
export function readColumn(reader: Reader): void {
  const { cursor, walk } = reader;
  const path = cursor.takePath();
  walk.unit.columns.add(path.map(({ text }) => text).join('.'));
  readColumnRest(reader);
}

export function readColumnRest(reader: Reader): void {
  const { cursor } = reader;
  const endsColumn = (): boolean => cursor.atEnd() || cursor.atMark(',') || cursor.atMark(')');
  if (!endsColumn() && !cursor.atOneOf(...DEFAULTS, 'COMMENT', 'CODEC', 'TTL', 'STATISTICS', 'SETTINGS', 'REMOVE')) {
    skipType(cursor);
  }
  while (!endsColumn()) {
    if (cursor.takeOne(...DEFAULTS) !== null) {
      if (!endsColumn() && !cursor.atOneOf('COMMENT', 'CODEC', 'TTL')) {
        expression(reader);
      }
    } else if (cursor.take('TTL')) {
      expression(reader);
    } else if (cursor.takeOne('COMMENT', 'COLLATE') !== null) {
      cursor.takeString();
    } else if (cursor.atOneOf('CODEC', 'STATISTICS', 'SETTINGS')) {
      cursor.skipped.add(cursor.takeName());
      cursor.skipParentheses();
    } else if (cursor.takeOne('NOT NULL', 'NULL', 'PRIMARY KEY', 'AUTO_INCREMENT', 'FIRST') === null) {
      if (!cursor.take('AFTER')) {
        return;
      }
      cursor.takePath();
    }
  }
}

export function readIndex(reader: Reader): void {
  const { cursor } = reader;
  cursor.takePath();
  expression(reader);
  if (cursor.take('TYPE')) {
    skipType(cursor);
  }
  if (cursor.take('GRANULARITY')) {
    cursor.next();
  }
}

export function readConstraint(reader: Reader): void {
  const { cursor } = reader;
  cursor.takeName();
  if (cursor.takeOne('CHECK', 'ASSUME') === null) {
    cursor.fail();
  }
  expression(reader);
}

/** A projection's query reads the table it belongs to. */
export function readProjection(reader: Reader): void {
  const { cursor, walk } = reader;
  cursor.takeName();
  cursor.expectMark('(');
  walk.query(readQuery(cursor), null);
  cursor.expectMark(')');
  if (cursor.take('WITH', 'SETTINGS')) {
    cursor.skipParentheses();
  }
}

/** ENGINE, ORDER BY, PARTITION BY, TTL, SETTINGS … in any order. Gives the engine's name, or null without one. */
export function readStorage(reader: Reader): string | null {
  const { cursor, walk } = reader;
  let engine: string | null = null;
  for (;;) {
    if (cursor.take('ENGINE')) {
      cursor.takeMark('=');
      engine = readEngine(reader);
    } else if (cursor.takeOne('PARTITION BY', 'PRIMARY KEY', 'ORDER BY', 'SAMPLE BY', 'UNIQUE KEY') !== null) {
      expression(reader);
    } else if (cursor.take('TTL')) {
      readTtl(reader);
    } else if (cursor.take('SETTINGS')) {
      readTableSettings(reader);
    } else if (cursor.take('COMMENT')) {
      cursor.takeString();
    } else {
      walk.clickhouse.engine = engine ?? walk.clickhouse.engine;
      return engine;
    }
  }
}

/** Settings of the table, not of the query. */
export function readTableSettings({ cursor, walk }: Reader): void {
  for (const { name, value, literal } of cursor.grammar.settings(cursor)) {
    if (literal) {
      walk.unit.settings.set(name, value ?? 'default');
    } else {
      walk.unit.settingsKnown = false;
    }
    if (/^(disk|storage_policy|.*path.*|.*url.*)$/.test(name)) {
      walk.note('destructive', 'storage', `puts data where ${name} says`);
    }
  }
}

export function readTtl(reader: Reader): void {
  const { cursor, walk } = reader;
  cursor.list(() => {
    expression(reader);
    if (cursor.takeOne('TO DISK', 'TO VOLUME') !== null) {
      cursor.takeString();
    } else if (cursor.take('RECOMPRESS')) {
      cursor.expect('CODEC');
      cursor.skipParentheses();
    } else if (cursor.take('GROUP', 'BY')) {
      cursor.list(() => expression(reader));
      if (cursor.take('SET')) {
        const calls = new Set(walk.seen.calls);
        cursor.list(() => expression(reader));
        // The server's tree leaves them out.
        walk.seen.calls = calls;
      }
    } else {
      cursor.take('DELETE');
    }
    if (cursor.take('WHERE')) {
      expression(reader);
    }
  });
}

function readEngine(reader: Reader): string {
  const { cursor, walk } = reader;
  const start = cursor.start;
  const parts = cursor.takePath();
  const name = parts.map(({ text }) => text).join('.');
  walk.seen.functions.add(name);
  if (!cursor.atMark('(')) {
    return name;
  }
  const call = readCall(cursor, parts, start);
  nameEngineTables(reader, name, call.args);
  for (const argument of call.args) {
    if (argument.kind !== 'name') {
      walk.expression(argument, null);
    }
  }
  return name;
}

/** Engines that are windows to other tables of this server. */
function nameEngineTables(reader: Reader, engine: string, args: readonly Node[]): void {
  const { walk } = reader;
  const [first, second] = /^distributed$/i.test(engine) ? args.slice(1) : args;
  if (/^(buffer|distributed)$/i.test(engine)) {
    const [database, table] = [first, second].map((argument) => textOf(reader, argument));
    if (table === null || table === undefined || database === null || database === undefined) {
      walk.unit.relationsKnown = false;
      return;
    }
    const schema = database === '' ? null : database;
    addRelation(walk.unit, { database: null, schema, name: table }, { read: true, write: true });
  } else if (/^(merge|alias|loop)$/i.test(engine)) {
    walk.unit.relationsKnown = false;
  } else if (/^dictionary$/i.test(engine)) {
    walk.dictionary(first);
  }
}

function textOf({ walk }: Reader, argument: Node | undefined): string | null {
  if (argument?.kind === 'name' && argument.parts.every(({ parameter }) => !parameter)) {
    return argument.parts.map(({ text }) => text).join('.');
  }
  return walk.literal(argument);
}
