// From a text to its outline: parse, account for every node, walk. Total: what goes wrong comes back as an opaque outline.
import type { UnknownCause } from '../../../rules/action.ts';
import {
  createOutline,
  markOpaque,
  type OpaqueCause,
  type OutlineChange,
  type StatementOutline,
  type TextOutline,
  type UnitOutline,
} from '../../sql/outline.ts';
import { BODIES } from './bodies.ts';
import { DDL, plainDdl, type StatementHandler } from './ddl.ts';
import type { Grammar, RawStatement } from './engine.ts';
import { EXPRESSIONS } from './expressions.ts';
import { walkDelete, walkInsert, walkMerge, walkUpdate } from './queries.ts';
import { variableSet } from './sets.ts';
import { secretColumns } from './relations.ts';
import { countPieces, Source } from './source.ts';
import { STATEMENTS } from './statements.ts';
import { UTILITY } from './utility.ts';
import { child, takeCensus, unwrap, type TreeNode } from './tree.ts';
import { Walk, type Handlers, type WalkOptions } from './walk.ts';

const CHANGES_OF_ROWS: readonly (readonly [string, StatementHandler])[] = [
  ['InsertStmt', walkInsert],
  ['UpdateStmt', walkUpdate],
  ['DeleteStmt', walkDelete],
  ['MergeStmt', walkMerge],
  ['SelectStmt', query],
  ['VariableSetStmt', variableSet],
];

const STATEMENT_HANDLERS: ReadonlyMap<string, StatementHandler> = new Map([
  ...CHANGES_OF_ROWS,
  ...DDL,
  ...UTILITY,
  ...BODIES,
]);

/** Wrappers and inner nodes of the grammar: never a statement of their own. */
const NOT_STATEMENTS = new Set(['RawStmt', 'SetOperationStmt', 'ReturnStmt', 'PLAssignStmt']);

const HANDLERS: Handlers = {
  expressions: EXPRESSIONS,
  statement: walkStatement,
  isStatement: (type) => type !== 'SelectStmt' && type.endsWith('Stmt'),
};

function walkStatement(walk: Walk, type: string, node: TreeNode): void {
  const row = STATEMENTS.get(type);
  if (row === undefined || NOT_STATEMENTS.has(type)) {
    walk.fields(type, node);
    blank(walk.unit, 'unparseable');
    walk.opaque('unknown_statement', `is a statement of an unknown kind (${type})`);
    return;
  }
  walk.unit.verb = row.verb;
  walk.unit.verbs.add(row.verb);
  walk.unit.object = row.object;
  for (const effect of row.effects) {
    walk.unit.effects.add(effect);
  }
  walk.use = row.use;
  if (row.reason !== '') {
    walk.note(row.tier, row.cause, row.reason);
  }
  (STATEMENT_HANDLERS.get(type) ?? plainDdl(type))(walk, node);
  secretColumns(walk);
}

/** A query as a statement; SELECT INTO makes a table and is a CREATE around its query. */
function query(walk: Walk, node: TreeNode): void {
  const into = findInto(node);
  walk.certain = walk.unit.context === 'top';
  if (into === null) {
    walk.root = node;
    walk.typed('SelectStmt', node);
    return;
  }
  const row = STATEMENTS.get('CreateTableAsStmt');
  walk.unit.verb = 'create';
  walk.unit.verbs = new Set(['create']);
  walk.unit.object = 'table';
  for (const effect of row?.effects ?? []) {
    walk.unit.effects.add(effect);
  }
  walk.note('suspicious', 'create', row?.reason ?? '');
  walk.use = 'write';
  walk.typed('IntoClause', into);
  walk.nest('ctas', walk.unit.range, () => {
    walk.unit.verb = 'select';
    walk.unit.verbs.add('select');
    walk.unit.effects.add('read');
    walk.into = into;
    walk.root = node;
    walk.typed('SelectStmt', node);
  });
}

/** The grammar puts INTO on the leftmost query of a set operation. */
function findInto(node: TreeNode): TreeNode | null {
  for (let select: TreeNode | null = node; select !== null; select = child(select, 'larg')) {
    const into = child(select, 'intoClause');
    if (into !== null) {
      return into;
    }
  }
  return null;
}

function blank(unit: UnitOutline, cause: UnknownCause): void {
  unit.blank = { cause, standin: false };
}

/** A text that could not be read: one unit of which at most the text is known. */
export function opaqueText(text: string | null, cause: OpaqueCause, unknown: UnknownCause): TextOutline {
  const unit = createOutline('top');
  unit.text = text;
  blank(unit, unknown);
  markOpaque(unit, cause);
  unit.notes.push({ tier: 'destructive', cause: 'opaque', reason: OPAQUE_REASONS[cause] });
  return { statements: [{ unit, changes: [{ kind: 'unknown' }], copyIn: false }] };
}

const OPAQUE_REASONS: Readonly<Record<OpaqueCause, string>> = {
  unparseable: 'does not parse, so what it does is not known',
  too_large: 'is too long to be read',
  dynamic_sql: 'runs SQL that is put together while it runs',
  procedural_language: 'holds code in a language that is not read',
  unknown_statement: 'holds something that this grammar does not know',
  unknown_prepared: 'runs a statement that was not made through the gateway',
  unknown_function: 'calls something that is in no list of known functions',
  encoding: 'is not valid text, so the server may read something else',
  session_state: 'would be read differently under a setting of this connection',
  multi_parse: 'could be split into statements in two ways',
};

/** Texts of more statements are not judged one by one: each is a unit, and rules run for each. */
const MAX_STATEMENTS = 10_000;

/** Integer literals that servers before 16 read otherwise: 0x1F, 1_000. */
const NEW_NUMBER = /[0-9](?:_[0-9]|[xob])/i;

/** Analyses a text without NUL. */
export function analyseText(text: string, grammar: Grammar, options: WalkOptions): TextOutline {
  const parsed = grammar.parse(text);
  if (parsed.kind !== 'ok') {
    return opaqueText(text, 'unparseable', 'unparseable');
  }
  try {
    return readStatements(text, parsed.value, { grammar, options });
  } catch {
    // A tree too deep for our own stack.
    return opaqueText(text, 'unparseable', 'unparseable');
  }
}

function readStatements(
  text: string,
  raws: readonly RawStatement[],
  parts: { readonly grammar: Grammar; readonly options: WalkOptions },
): TextOutline {
  if (raws.length > MAX_STATEMENTS) {
    return opaqueText(text, 'too_large', 'too_large');
  }
  const source = new Source(text, parts.grammar);
  const semicolon = text.indexOf(';');
  const several = semicolon >= 0 && semicolon < text.trimEnd().length - 1;
  if (several && countPieces(source) !== raws.length) {
    return opaqueText(text, 'multi_parse', 'unparseable');
  }
  const sinceMajor = NEW_NUMBER.test(text) && hasNewNumber(source) ? 16 : 0;
  const statements: StatementOutline[] = [];
  for (const raw of raws) {
    const statement = readStatement(source, raw, parts);
    statement.unit.sinceMajor = Math.max(statement.unit.sinceMajor, sinceMajor);
    statements.push(statement);
  }
  return { statements };
}

function hasNewNumber(source: Source): boolean {
  return source
    .tokens()
    .some((token) => (token.name === 'ICONST' || token.name === 'FCONST') && /[_xob]/i.test(token.text));
}

function readStatement(
  source: Source,
  raw: RawStatement,
  parts: { readonly grammar: Grammar; readonly options: WalkOptions },
): StatementOutline {
  const end = raw.length === 0 ? source.length : raw.location + raw.length;
  const unit = createOutline('top');
  unit.text = source.slice(raw.location, end);
  unit.range = [raw.location, end];
  const census = takeCensus(raw.stmt);
  const wrapped = unwrap(raw.stmt);
  const changes: OutlineChange[] = [{ kind: 'unknown' }];
  if (census.unknown !== null || wrapped === null) {
    return unread(unit, changes);
  }
  const walk = new Walk({ ...parts, handlers: HANDLERS, source, unit });
  walk.range = unit.range;
  walkStatement(walk, wrapped.type, wrapped.node);
  if (walk.seen !== census.nodes) {
    return unread(unit, changes);
  }
  const copyIn = unit.copy.direction === 'in' && unit.copy.channel === 'client' && unit.verb === 'copy';
  return { unit, changes: walk.changes, copyIn };
}

/** A statement that parsed and that this code does not know all of. */
function unread(unit: UnitOutline, changes: readonly OutlineChange[]): StatementOutline {
  const fresh = createOutline('top');
  fresh.text = unit.text;
  fresh.range = unit.range;
  blank(fresh, 'unparseable');
  markOpaque(fresh, 'unknown_statement');
  fresh.notes.push({ tier: 'destructive', cause: 'opaque', reason: OPAQUE_REASONS.unknown_statement });
  return { unit: fresh, changes, copyIn: false };
}
