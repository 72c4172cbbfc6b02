// From a text to its outline. Total: what cannot be accounted for token by token comes back opaque.
import { mergeNested } from '../../sql/outline.ts';
import { Cursor, NotRead, TooMuch, type Grammar } from './cursor.ts';
import { readBare, readExpression } from './expression.ts';
import { createUnitOutline, opaqueText, type TextOutline } from './outline.ts';
import { setKind, type Found, type Reader } from './reader.ts';
import { continueQuery, readOrder, readQuery, readSettings, readWindow } from './select.ts';
import { copyPlanned, readStatement } from './statements.ts';
import { Walk } from './walk.ts';

export interface AnalyseOptions {
  /** False when more of the text follows that is not here. */
  readonly complete: boolean;
  /** Lower-case names of functions that count as safe. */
  readonly trusted: ReadonlySet<string>;
  /** Texts of more tokens are too large; the parser's own limit when left out. */
  readonly maxTokens?: number;
}

/** What is looked at of a text that goes on: the head of an INSERT has no more. */
const MAX_HEAD_TOKENS = 10_000;

const GRAMMAR: Grammar = {
  expression: readExpression,
  bare: readBare,
  query: readQuery,
  continued: continueQuery,
  order: readOrder,
  window: readWindow,
  settings: readSettings,
};

const NUL = 'the text of a statement may not hold a NUL byte';
const SEVERAL = 'several statements in one text are refused: send them one by one';

export function analyseText(text: string, options: AnalyseOptions): TextOutline {
  try {
    return readText(text, options);
  } catch (error) {
    if (error instanceof TooMuch) {
      return opaqueText({ text, cause: 'too_large', unknown: 'too_large' });
    }
    if (error instanceof NotRead || error instanceof RangeError) {
      const refused = text.includes('\0') ? { refused: NUL } : {};
      return opaqueText({
        ...refused,
        text,
        cause: 'unparseable',
        unknown: options.complete ? 'unparseable' : 'too_large',
      });
    }
    throw error;
  }
}

function readText(text: string, options: AnalyseOptions): TextOutline {
  const maxTokens = options.complete ? options.maxTokens : MAX_HEAD_TOKENS;
  const cursor = new Cursor(text, GRAMMAR, maxTokens === undefined ? {} : { maxTokens });
  cursor.takeSemicolons();
  if (cursor.peek().kind === 'end') {
    return options.complete ? emptyText(text) : opaqueText({ text, cause: 'too_large', unknown: 'too_large' });
  }
  if (!options.complete && !cursor.atOneOf('INSERT', 'WITH')) {
    return opaqueText({ text, cause: 'too_large', unknown: 'too_large' });
  }
  const start = cursor.start;
  const walk = new Walk(text, options.trusted);
  const found: Found = { insert: null, dataAt: null, changes: [], roots: [] };
  const reader = createReader({ cursor, walk, found, complete: options.complete });
  readStatement(reader);
  readParallel(reader, start);
  const end = cursor.end;
  const nul = text.indexOf('\0');
  if (nul >= 0 && nul < (found.dataAt ?? text.length)) {
    return opaqueText({ text: null, cause: 'encoding', unknown: 'undecodable', refused: NUL });
  }
  const several = readEnd(cursor);
  if (several) {
    return opaqueText({ text, cause: 'multi_parse', unknown: 'unparseable', refused: SEVERAL });
  }
  // The end of a text that goes on is not its end, unless data has begun.
  if (!options.complete && (found.insert?.dataStart ?? null) === null) {
    return opaqueText({ text, cause: 'too_large', unknown: 'too_large' });
  }
  walk.unit.range = [start, end];
  walk.unit.text = text.slice(start, end);
  return outlineOf(text, walk, { found, cursor });
}

function outlineOf(
  text: string,
  walk: Walk,
  { found, cursor }: { readonly found: Found; readonly cursor: Cursor },
): TextOutline {
  return {
    text,
    statements: 1,
    verb: walk.unit.verb,
    insert: found.insert,
    outfile: walk.clickhouse.outfile,
    format: walk.clickhouse.format,
    settings: walk.settings,
    parameters: cursor.parameters,
    changes: found.changes,
    unit: walk.unit,
    refused: walk.refused,
    tree: {
      roots: found.roots,
      tables: [...walk.seen.tables].toSorted(),
      sources: [...walk.seen.sources].toSorted(),
      functions: [...walk.seen.functions].toSorted(),
      skipped: [...cursor.skipped].toSorted(),
      calls: [...walk.seen.calls].toSorted(),
    },
  };
}

function emptyText(text: string): TextOutline {
  const unit = createUnitOutline('top');
  unit.verbs.add('other');
  unit.text = text;
  return { ...opaqueText({ text, cause: 'unparseable', unknown: 'unparseable' }), statements: 0, verb: null, unit };
}

/** Semicolons behind the statement; true when anything else follows them. Not read is what has no semicolon before it. */
function readEnd(cursor: Cursor): boolean {
  if (!cursor.atEnd()) {
    cursor.fail();
  }
  cursor.takeSemicolons();
  return cursor.peek().kind !== 'end';
}

interface ReaderParts {
  readonly cursor: Cursor;
  readonly walk: Walk;
  readonly found: Found;
  readonly complete: boolean;
}

function createReader(parts: ReaderParts): Reader {
  const { cursor, walk, found } = parts;
  const reader: Reader = {
    ...parts,
    nested(context, planned) {
      const start = cursor.start;
      const own: Found = { insert: null, dataAt: null, changes: [], roots: [] };
      const inner = walk.nest(context, [start, start], () => {
        cursor.nested(() => readStatement(createReader({ ...parts, found: own })));
        walk.unit.range = [start, cursor.end];
        walk.unit.text = walk.text.slice(start, cursor.end);
      });
      mergeNested(walk.unit, inner, planned);
      if (planned) {
        // It does not run: it is no unit, and changes nothing.
        walk.unit.nested.pop();
        copyPlanned(walk.unit, inner);
      } else {
        found.changes.push(...own.changes);
      }
      found.insert ??= own.insert;
      found.dataAt ??= own.dataAt;
    },
  };
  return reader;
}

/** `a PARALLEL WITH b`: each is a unit of a statement that is neither. */
function readParallel(reader: Reader, start: number): void {
  const { cursor, walk } = reader;
  if (!cursor.at('PARALLEL', 'WITH')) {
    return;
  }
  const first = walk.unit;
  first.context = 'parallel';
  first.range = [start, cursor.end];
  first.text = walk.text.slice(start, cursor.end);
  walk.unit = createUnitOutline('top');
  setKind(reader, { verb: 'other', roots: ['ParallelWithQuery'] });
  walk.unit.nested.push(first);
  mergeNested(walk.unit, first);
  while (cursor.take('PARALLEL', 'WITH')) {
    reader.nested('parallel', false);
  }
}
