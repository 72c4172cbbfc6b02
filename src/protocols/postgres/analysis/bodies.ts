// Code inside statements: DO blocks and function bodies. SQL bodies are parsed as SQL, PL/pgSQL ones by PL/pgSQL's own parser; what
// neither can see into is opaque.
import { asciiLower } from '../../../lib/text.ts';
import { createStandIn, type OpaqueCause } from '../../sql/outline.ts';
import { stored, type StatementHandler } from './ddl.ts';
import { namedFunctions, recordObject } from './objects.ts';
import { Source } from './source.ts';
import { as, isNode, list, str, stringOf, takeCensus, unwrap, type TreeNode } from './tree.ts';
import type { Walk } from './walk.ts';

/** Bodies may hold bodies (CREATE FUNCTION in a DO block in …). */
const MAX_BODIES = 8;

function doBlock(walk: Walk, node: TreeNode): void {
  walk.fields('DoStmt', node);
  const args = list(node, 'args').map((entry) => as(entry, 'DefElem') ?? {});
  const language = languageOf(args) ?? 'plpgsql';
  walkBody(walk, 'do', { language, sql: null });
  // What a block sets stays set, and whether it ran that far is not known. It may commit and fail after that.
  if (walk.changes.length > 0) {
    walk.changes = [{ kind: 'unknown', lasting: true }];
  }
}

function createFunction(walk: Walk, node: TreeNode): void {
  recordObject(walk, 'CreateFunctionStmt', node);
  namedFunctions(walk, node);
  if (node['is_procedure'] === true) {
    walk.unit.object = 'procedure';
  }
  const { changes } = walk;
  walk.changes = [];
  walk.fields('CreateFunctionStmt', node, ['sql_body']);
  if (node['sql_body'] !== undefined) {
    atomicBody(walk, node['sql_body']);
  } else {
    const options = list(node, 'options').map((entry) => as(entry, 'DefElem') ?? {});
    const source = options.find((option) => str(option, 'defname') === 'as');
    const items = list(as(source?.['arg'], 'List') ?? {}, 'items').map(stringOf);
    const language = languageOf(options) ?? 'sql';
    walkBody(walk, 'function', { language, sql: items.length === 1 ? (items[0] ?? null) : null });
  }
  // Nothing of a body runs now.
  walk.changes = changes;
}

function languageOf(options: readonly TreeNode[]): string | null {
  const option = options.find((entry) => str(entry, 'defname') === 'language');
  const name = option === undefined ? null : stringOf(option['arg']);
  return name === null ? null : asciiLower(name);
}

/** RETURN expression, or BEGIN ATOMIC with its statements. */
function atomicBody(walk: Walk, body: unknown): void {
  const wrapped = unwrap(body);
  if (wrapped === null) {
    return;
  }
  if (wrapped.type === 'ReturnStmt') {
    walk.fields('ReturnStmt', wrapped.node);
    return;
  }
  if (wrapped.type === 'List') {
    walk.seen += 1;
    for (const item of list(wrapped.node, 'items')) {
      atomicBody(walk, item);
    }
    return;
  }
  stored(walk, 'function', body, null);
}

type BodyContext = 'do' | 'function';

function walkBody(
  walk: Walk,
  context: BodyContext,
  body: { readonly language: string; readonly sql: string | null },
): void {
  if (walk.bodies >= MAX_BODIES) {
    hide(walk, context, { cause: 'procedural_language', why: 'holds code nested too deep to be read' });
    return;
  }
  walk.bodies += 1;
  if (body.language === 'sql' && context === 'function' && body.sql !== null) {
    walkSql(walk, context, body.sql);
  } else if (body.language === 'plpgsql') {
    walkPlPgSql(walk, context);
  } else {
    hide(walk, context, { cause: 'procedural_language', why: `holds code in the language ${body.language}` });
  }
  walk.bodies -= 1;
}

/** The body, or part of it, cannot be seen. */
function hide(walk: Walk, context: BodyContext, what: { readonly cause: OpaqueCause; readonly why: string }): void {
  walk.unit.hidden = true;
  walk.opaque(what.cause, what.why);
  walk.adopt(createStandIn(context, what.cause, what.cause === 'unparseable' ? 'unparseable' : 'dynamic'));
  walk.changes.push({ kind: 'unknown' });
}

/** Parses text found inside a body; the walk continues in that text's own source. False when it does not parse. */
function within(
  walk: Walk,
  text: string,
  each: (statement: { type: string; node: TreeNode }, range: [number, number]) => void,
): boolean {
  const parsed = walk.grammar.parse(text);
  if (parsed.kind !== 'ok' || text.includes('\0')) {
    return false;
  }
  const saved = { source: walk.source, range: walk.range };
  const source = new Source(text, walk.grammar);
  walk.source = source;
  let read = true;
  for (const raw of parsed.value) {
    const census = takeCensus(raw.stmt);
    const wrapped = unwrap(raw.stmt);
    if (census.unknown !== null || wrapped === null) {
      read = false;
      continue;
    }
    const end = raw.length === 0 ? source.length : raw.location + raw.length;
    const seen = walk.seen;
    walk.range = [raw.location, end];
    each(wrapped, [raw.location, end]);
    read &&= walk.seen - seen === census.nodes;
    // The caller's census knows only its own text.
    walk.seen = seen;
  }
  Object.assign(walk, saved);
  return read;
}

/** Statements of a text, each a unit. */
function walkSql(walk: Walk, context: BodyContext, text: string): void {
  const read = within(walk, text, (statement, range) => {
    walk.ctes = null;
    walk.nest(context, range, () => walk.statement(statement.type, statement.node));
  });
  if (!read) {
    hide(walk, context, { cause: 'unparseable', why: 'holds code that does not parse' });
  }
}

/** An expression: it may hold FROM and WHERE, so it is read as the query that PL/pgSQL makes of it. */
function walkExpression(walk: Walk, context: BodyContext, expression: string): void {
  let count = 0;
  const read = within(walk, `SELECT ${expression}`, (statement) => {
    count += 1;
    if (statement.type === 'SelectStmt') {
      walk.typed(statement.type, statement.node);
    } else {
      count += 1;
    }
  });
  if (!read || count !== 1) {
    hide(walk, context, { cause: 'unparseable', why: 'holds an expression that does not parse' });
  }
}

/** `target := expression`: both sides can hold calls. */
function walkAssignment(walk: Walk, context: BodyContext, text: string): void {
  const source = new Source(text, walk.grammar);
  const sign = source.tokens().find((token) => token.text === ':=' || token.text === '=');
  if (sign === undefined) {
    hide(walk, context, { cause: 'unparseable', why: 'holds an assignment that does not parse' });
    return;
  }
  walkExpression(walk, context, source.slice(0, sign.start));
  walkExpression(walk, context, source.slice(sign.end, source.length));
}

/** Statements whose expression is a statement of its own, by the key that holds it. */
const QUERIES: ReadonlyMap<string, readonly string[]> = new Map([
  ['PLpgSQL_stmt_execsql', ['sqlstmt']],
  ['PLpgSQL_stmt_perform', ['expr']],
  ['PLpgSQL_stmt_call', ['expr']],
  ['PLpgSQL_stmt_return_query', ['query']],
  ['PLpgSQL_stmt_open', ['query']],
  ['PLpgSQL_stmt_fors', ['query']],
  ['PLpgSQL_var', ['cursor_explicit_expr']],
]);

/** Keys whose expression gives the text of a statement at run time. */
const DYNAMIC: ReadonlyMap<string, readonly string[]> = new Map([
  ['PLpgSQL_stmt_dynexecute', ['query']],
  ['PLpgSQL_stmt_dynfors', ['query']],
  ['PLpgSQL_stmt_open', ['dynquery']],
  ['PLpgSQL_stmt_return_query', ['dynquery']],
]);

const KNOWN = new Set(
  (
    'function var row rec recfield type expr nsitem condition exception exception_block if_elsif case_when diag_item ' +
    'raise_option stmt_block stmt_assign stmt_if stmt_case stmt_loop stmt_while stmt_fori stmt_fors stmt_forc stmt_foreach_a ' +
    'stmt_exit stmt_return stmt_return_next stmt_return_query stmt_raise stmt_assert stmt_execsql stmt_dynexecute stmt_dynfors ' +
    'stmt_getdiag stmt_open stmt_fetch stmt_close stmt_perform stmt_call stmt_commit stmt_rollback'
  )
    .split(' ')
    .map((name) => `PLpgSQL_${name}`),
);

function walkPlPgSql(walk: Walk, context: BodyContext): void {
  const parsed = walk.grammar.parsePlPgSql(walk.source.slice(walk.range[0], walk.range[1]));
  if (parsed.kind !== 'ok' || parsed.value.length !== 1) {
    hide(walk, context, { cause: 'unparseable', why: 'holds code that does not parse' });
    return;
  }
  walkTree(walk, context, parsed.value[0]);
}

/** Every key of every node of a PL/pgSQL tree. */
function walkTree(walk: Walk, context: BodyContext, value: unknown): void {
  if (Array.isArray(value)) {
    for (const entry of value) {
      walkTree(walk, context, entry);
    }
    return;
  }
  if (!isNode(value)) {
    return;
  }
  for (const key in value) {
    const inner = value[key];
    if (key.startsWith('PLpgSQL_') && isNode(inner)) {
      walkPlNode(walk, context, { type: key, node: inner });
    } else {
      walkTree(walk, context, inner);
    }
  }
}

function walkPlNode(walk: Walk, context: BodyContext, item: { readonly type: string; readonly node: TreeNode }): void {
  const { type, node } = item;
  if (!KNOWN.has(type)) {
    hide(walk, context, { cause: 'unknown_statement', why: `holds code of an unknown kind (${type})` });
  }
  if (type === 'PLpgSQL_expr') {
    const text = str(node, 'query');
    if (typeof node['parseMode'] === 'number' && node['parseMode'] >= 3) {
      walkAssignment(walk, context, text);
    } else {
      walkExpression(walk, context, text);
    }
    return;
  }
  if (type === 'PLpgSQL_stmt_commit' || type === 'PLpgSQL_stmt_rollback') {
    const verb = type.replace('PLpgSQL_stmt_', '');
    walk.nest(context, null, () => {
      walk.unit.verb = verb;
      walk.unit.verbs.add(verb);
      walk.unit.text = verb.toUpperCase();
      walk.unit.effects.add('session');
    });
  }
  for (const key in node) {
    const expression = as(node[key], 'PLpgSQL_expr');
    if (expression !== null && QUERIES.get(type)?.includes(key) === true) {
      walkSql(walk, context, str(expression, 'query'));
      continue;
    }
    if (expression !== null && DYNAMIC.get(type)?.includes(key) === true) {
      hide(walk, context, { cause: 'dynamic_sql', why: 'runs SQL that is put together while it runs' });
    }
    walkTree(walk, context, node[key]);
  }
}

export const BODIES: ReadonlyMap<string, StatementHandler> = new Map<string, StatementHandler>([
  ['DoStmt', doBlock],
  ['CreateFunctionStmt', createFunction],
]);
