// What the readers of statements share: where they stand, the unit they fill, and phrases that many statements have.
import type { Risk } from '../../../rules/action.ts';
import type { Name, UnitContext } from '../../sql/outline.ts';
import type { ClickHouseChange, ClickHouseInsert } from './context.ts';
import type { Cursor } from './cursor.ts';
import type { Part } from './nodes.ts';
import type { Use, Walk } from './walk.ts';

/** What a statement says beside its facts. */
export interface Found {
  insert: ClickHouseInsert | null;
  /** Where data that is not read as tokens begins, as an index into the text; null without. */
  dataAt: number | null;
  readonly changes: ClickHouseChange[];
  /** Root nodes of the server's tree that stand for such a statement. */
  roots: readonly string[];
}

export interface Reader {
  readonly cursor: Cursor;
  readonly walk: Walk;
  readonly found: Found;
  /** Whether the text ends where it ends; false when more follows that is not here. */
  readonly complete: boolean;
  /** Reads the statement that comes next as a unit nested in the one at hand. `planned`: it does not run. */
  nested(context: UnitContext, planned: boolean): void;
}

export interface Kind {
  readonly verb: string;
  /** Beside `verb` in `sql.verbs`. */
  readonly also?: string;
  readonly object?: string;
  readonly effects?: readonly string[];
  readonly tier?: Risk;
  readonly cause?: string;
  readonly reason?: string;
  readonly roots: readonly string[];
}

/** Says what kind of statement it is. */
export function setKind({ walk, found }: Reader, kind: Kind): void {
  const { unit } = walk;
  unit.verb = kind.verb;
  unit.verbs.add(kind.verb);
  if (kind.also !== undefined) {
    unit.verbs.add(kind.also);
  }
  unit.object = kind.object ?? 'none';
  for (const effect of kind.effects ?? []) {
    unit.effects.add(effect);
  }
  if (kind.tier !== undefined && kind.tier !== 'safe') {
    walk.note(kind.tier, kind.cause ?? kind.verb, kind.reason ?? `is ${kind.verb.toUpperCase()}`);
  }
  found.roots = kind.roots;
}

/** A relation that the statement acts on: also one of its objects. */
export function takeTarget(reader: Reader, use: Use): readonly Part[] {
  const { cursor, walk } = reader;
  const parts = cursor.takePath();
  walk.relation(parts, use, null);
  addObject(reader, parts);
  return parts;
}

export function addObject({ walk }: Reader, parts: readonly Part[]): void {
  const name = toName(parts);
  if (name !== null) {
    walk.unit.objects.set(JSON.stringify(name), name);
  }
}

function toName(parts: readonly Part[]): Name | null {
  const texts = parts.map(({ text }) => text);
  const [first, ...rest] = texts;
  if (first === undefined || parts.some(({ parameter }) => parameter)) {
    return null;
  }
  return rest.length === 0
    ? { database: null, schema: null, name: first }
    : { database: null, schema: first, name: rest.join('.') };
}

/** Names of objects that live in no database: `a, b`, each maybe a text. */
export function takeObjects(reader: Reader): void {
  reader.cursor.list(() => {
    const name = takeNameOrText(reader);
    const object = { database: null, schema: null, name };
    reader.walk.unit.objects.set(JSON.stringify(object), object);
  });
}

export function takeNameOrText({ cursor }: Reader): string {
  return cursor.peek().kind === 'string' ? cursor.takeKnownString() : cursor.takeName();
}

export function takeIfExists({ cursor }: Reader): void {
  cursor.takeOne('IF NOT EXISTS', 'IF EXISTS', 'IF EMPTY');
}

/** ON CLUSTER name. */
export function takeCluster(reader: Reader): void {
  const { cursor, walk } = reader;
  if (!cursor.take('ON', 'CLUSTER')) {
    return;
  }
  if (cursor.atMark('{')) {
    cursor.takeParameter();
    walk.clickhouse.cluster = '*';
  } else {
    walk.clickhouse.cluster = takeNameOrText(reader);
  }
}

/** Words and names up to the end of the statement, none of which can hold a query. */
export function skipRest({ cursor }: Reader): void {
  let depth = 0;
  while (!(depth === 0 && endsStatement(cursor))) {
    const token = cursor.peek();
    if (token.kind === 'end' || token.kind === 'malformed' || BEGINS_QUERY.has(token.text)) {
      cursor.fail();
    }
    cursor.next();
    if (token.kind === 'mark') {
      depth += token.text === '(' ? 1 : token.text === ')' ? -1 : 0;
    }
    if (depth < 0) {
      cursor.fail();
    }
  }
}

const BEGINS_QUERY: ReadonlySet<string> = new Set([';', 'SELECT', 'INSERT', 'EXECUTE']);

/** Whether what may follow any statement comes next, or nothing. */
export function endsStatement(cursor: Cursor): boolean {
  return (
    cursor.atEnd() ||
    cursor.at('PARALLEL', 'WITH') ||
    cursor.at('INTO', 'OUTFILE') ||
    (cursor.at('FORMAT') && cursor.peek(1).kind === 'word') ||
    cursor.atMark(')')
  );
}

/** INTO OUTFILE, FORMAT and SETTINGS at the end of a statement that answers. */
export function takeOutput(reader: Reader): void {
  const { cursor, walk } = reader;
  if (cursor.take('INTO', 'OUTFILE')) {
    const path = cursor.takeString();
    walk.clickhouse.outfile = path ?? '*';
    walk.unit.copy = { direction: 'out', channel: 'client', program: '', file: path ?? '*' };
    walk.note('suspicious', 'outfile', 'writes its result to a file');
    cursor.take('AND', 'STDOUT');
    cursor.takeOne('APPEND', 'TRUNCATE');
    if (cursor.take('COMPRESSION')) {
      cursor.takeString();
      if (cursor.take('LEVEL')) {
        cursor.next();
      }
    }
  }
  for (let clauses = 0; clauses < 2; clauses += 1) {
    if (cursor.take('FORMAT')) {
      walk.clickhouse.format = cursor.takeName();
    }
    if (cursor.take('SETTINGS')) {
      walk.applySettings(cursor.grammar.settings(cursor));
    }
  }
}
