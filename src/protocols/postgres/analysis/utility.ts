// Statements that are about the connection, the transaction, or another statement.
import { createOutline, mergeNested, type RiskNote, type UnitOutline } from '../../sql/outline.ts';
import { addObject, isCatalogueName, targetRelation } from './relations.ts';
import { setVerb, type StatementHandler } from './ddl.ts';
import { recordObject, readColumns } from './objects.ts';
import { transactionOptions } from './sets.ts';
import { cutAfter, cutExplained, cutParentheses } from './source.ts';
import { as, child, constantOf, flag, list, num, str, stringOf, strings, unwrap, type TreeNode } from './tree.ts';
import type { Walk } from './walk.ts';

/** Bit of DeclareCursorStmt.options (the server's CURSOR_OPT_HOLD). */
const CURSOR_HOLD = 0x20;

function transaction(walk: Walk, node: TreeNode): void {
  walk.fields('TransactionStmt', node);
  const name = str(node, 'savepoint_name');
  const { changes } = walk;
  switch (str(node, 'kind')) {
    case 'TRANS_STMT_BEGIN':
    case 'TRANS_STMT_START':
      setVerb(walk, 'begin');
      transactionOptions(walk, list(node, 'options'));
      changes.push({ kind: 'begin' });
      return;
    case 'TRANS_STMT_COMMIT':
      setVerb(walk, 'commit');
      changes.push({ kind: 'commit' });
      return;
    case 'TRANS_STMT_ROLLBACK':
      setVerb(walk, 'rollback');
      changes.push({ kind: 'rollback' });
      return;
    case 'TRANS_STMT_SAVEPOINT':
      setVerb(walk, 'savepoint');
      changes.push({ kind: 'savepoint', name });
      return;
    case 'TRANS_STMT_RELEASE':
      setVerb(walk, 'release');
      changes.push({ kind: 'release', name });
      return;
    case 'TRANS_STMT_ROLLBACK_TO':
      setVerb(walk, 'rollback');
      changes.push({ kind: 'rollback-to', name });
      return;
    case 'TRANS_STMT_PREPARE':
      setVerb(walk, 'prepare transaction');
      walk.note('suspicious', 'prepared_transaction', 'leaves locks behind that outlive the connection');
      changes.push({ kind: 'commit' });
      return;
    default:
      setVerb(walk, str(node, 'kind') === 'TRANS_STMT_COMMIT_PREPARED' ? 'commit prepared' : 'rollback prepared');
      walk.unit.effects.add('server');
      walk.note('destructive', 'prepared_transaction', "ends a transaction that may be another connection's");
  }
}

function explain(walk: Walk, node: TreeNode): void {
  walk.fields('ExplainStmt', node, ['query']);
  const options = list(node, 'options').map((entry) => as(entry, 'DefElem') ?? {});
  const analyze = options.filter((option) => str(option, 'defname').toLowerCase() === 'analyze');
  const runs = analyze.length > 1 || analyze.some((option) => !isSurelyOff(option));
  const inner = unwrap(node['query']);
  if (inner === null) {
    return;
  }
  if (runs) {
    walk.nest('explain', cutExplained(walk.source, walk.range), () => walk.statement(inner.type, inner.node));
    return;
  }
  const outer = walk.unit;
  const changes = walk.changes;
  walk.changes = [];
  const planned = planOnly(walk, () => walk.statement(inner.type, inner.node));
  // Planning may run functions that claim to be immutable.
  const unknown = walk.changes.filter((change) => change.kind === 'unknown');
  walk.changes = [...changes, ...unknown];
  mergeNested(outer, planned, true);
  outer.notes.push(...planned.notes.filter(concernsFunction));
  outer.lookup = planned.lookup === null ? null : { ...planned.lookup, planned: true };
}

/** `ANALYZE false` in the spellings the server takes for it; anything else may run the statement. */
function isSurelyOff(option: TreeNode): boolean {
  const arg = unwrap(option['arg']);
  if (arg === null) {
    return false;
  }
  const text = arg.type === 'Integer' ? String(num(arg.node, 'ival')) : (stringOf(option['arg']) ?? '');
  return /^(false|off|0)$/i.test(text);
}

/** Builds an outline that is no unit of its own. */
function planOnly(walk: Walk, build: () => void): UnitOutline {
  const outer = walk.unit;
  const scratch = createOutline('explain');
  walk.unit = scratch;
  walk.nest('explain', null, build);
  walk.unit = outer;
  return scratch.nested[0] ?? scratch;
}

const FUNCTION_CAUSES = new Set(
  (
    'function_unknown opaque dynamic_sql file network process server replication large_object sequence lock message sleep ' +
    'maintenance'
  ).split(' '),
);

function concernsFunction(note: RiskNote): boolean {
  return FUNCTION_CAUSES.has(note.cause);
}

function prepare(walk: Walk, node: TreeNode): void {
  const query = unwrap(node['query']);
  walk.casting('PrepareStmt', node, 'argtypes');
  walk.fields('PrepareStmt', node, ['query', 'argtypes']);
  if (query === null) {
    return;
  }
  const outer = walk.changes;
  walk.changes = [];
  const range = cutAfter(walk.source, walk.range, new Set(['AS']));
  const unit = walk.nest('prepare', range, () => walk.statement(query.type, query.node));
  const statement = { unit, changes: walk.changes, copyIn: false };
  walk.changes = [...outer, { kind: 'prepare', name: str(node, 'name'), statement }];
}

function execute(walk: Walk, node: TreeNode): void {
  walk.fields('ExecuteStmt', node);
  const name = str(node, 'name');
  walk.unit.lookup = {
    kind: 'prepared',
    name,
    arguments: list(node, 'params').map((param) => {
      const cast = as(param, 'TypeCast');
      const constant = constantOf(cast === null ? param : cast['arg']);
      return constant === null ? undefined : constant.kind === 'null' ? null : constant.text;
    }),
    planned: false,
  };
  walk.changes.push({ kind: 'execute', name });
}

function declare(walk: Walk, node: TreeNode): void {
  walk.fields('DeclareCursorStmt', node, ['query']);
  const query = unwrap(node['query']);
  if (query === null) {
    return;
  }
  const outer = walk.changes;
  walk.changes = [];
  const range = cutAfter(walk.source, walk.range, new Set(['FOR']));
  const unit = walk.nest('cursor', range, () => walk.statement(query.type, query.node));
  const statement = { unit, changes: walk.changes, copyIn: false };
  const hold = (num(node, 'options') & CURSOR_HOLD) !== 0;
  walk.changes = [...outer, { kind: 'declare', name: str(node, 'portalname'), hold, statement }];
}

function fetch(walk: Walk, node: TreeNode): void {
  walk.fields('FetchStmt', node);
  if (flag(node, 'ismove')) {
    setVerb(walk, 'move');
  }
  const name = str(node, 'portalname');
  walk.unit.lookup = { kind: 'cursor', name, arguments: [], planned: false };
  walk.changes.push({ kind: 'fetch', name });
}

function close(walk: Walk, node: TreeNode): void {
  walk.fields('ClosePortalStmt', node);
  walk.changes.push({ kind: 'close', name: str(node, 'portalname') || null });
}

function deallocate(walk: Walk, node: TreeNode): void {
  walk.fields('DeallocateStmt', node);
  walk.changes.push({ kind: 'deallocate', name: flag(node, 'isall') ? null : str(node, 'name') || null });
}

const DISCARDS = new Map([
  ['DISCARD_PLANS', 'plans'],
  ['DISCARD_SEQUENCES', 'sequences'],
  ['DISCARD_TEMP', 'temp'],
] as const);

function discard(walk: Walk, node: TreeNode): void {
  walk.fields('DiscardStmt', node);
  const what = [...DISCARDS].find(([target]) => target === str(node, 'target'))?.[1] ?? 'all';
  if (what === 'all') {
    walk.unit.settings.set('*', 'default');
    walk.unit.resetsRole = true;
  }
  walk.changes.push({ kind: 'discard', what });
}

/** Lock modes in the server's numbering, weakest first: ACCESS SHARE is 1, SHARE UPDATE EXCLUSIVE 4, ACCESS EXCLUSIVE 8. */
function lock(walk: Walk, node: TreeNode): void {
  const mode = num(node, 'mode');
  recordObject(walk, 'LockStmt', node);
  if (mode !== 1) {
    walk.unit.effects.add('lock');
    if (mode === 2 || mode === 3) {
      walk.note('suspicious', 'lock', 'locks tables in a mode that others notice');
    } else {
      walk.use = 'write';
      walk.note('destructive', 'lock', 'locks tables in a mode that blocks others');
    }
  }
  walk.fields('LockStmt', node);
}

/** SET CONSTRAINTS: what its list names are constraints, not relations. */
function setConstraints(walk: Walk, node: TreeNode): void {
  walk.fields('ConstraintsSetStmt', node, ['constraints']);
  for (const entry of list(node, 'constraints')) {
    const name = as(entry, 'RangeVar');
    if (name !== null) {
      walk.fields('RangeVar', name);
      addObject(walk, { database: null, schema: str(name, 'schemaname') || null, name: str(name, 'relname') });
    }
  }
}

function copy(walk: Walk, node: TreeNode): void {
  const isIn = flag(node, 'is_from');
  const isProgram = flag(node, 'is_program');
  const file = str(node, 'filename');
  const channel = isProgram ? 'program' : file === '' ? 'client' : 'file';
  walk.unit.copy = {
    direction: isIn ? 'in' : 'out',
    channel,
    program: isProgram ? file : '',
    file: isProgram ? '' : file,
  };
  if (channel === 'program') {
    walk.unit.effects.add('exec');
    walk.note('destructive', 'exec', 'runs a program on the server');
  } else if (channel === 'file') {
    walk.unit.effects.add('file');
    walk.note('destructive', 'file', 'reads or writes a file of the server');
  }
  const query = unwrap(node['query']);
  if (query !== null) {
    const range = cutParentheses(walk.source, walk.range[0], 0);
    walk.nest('copy', range, () => walk.statement(query.type, query.node));
  }
  const relation = child(node, 'relation');
  if (relation !== null) {
    copyTable(walk, relation, { isIn, columns: strings(list(node, 'attlist')) ?? [] });
  }
  walk.inQuery = true;
  walk.fields('CopyStmt', node, ['query', 'relation']);
}

function copyTable(
  walk: Walk,
  relation: TreeNode,
  options: { readonly isIn: boolean; readonly columns: readonly string[] },
): void {
  walk.fields('RangeVar', relation);
  const name = {
    database: str(relation, 'catalogname') || null,
    schema: str(relation, 'schemaname') || null,
    name: str(relation, 'relname'),
  };
  if (!options.isIn) {
    readColumns(walk, name, options.columns);
    return;
  }
  walk.seen -= 1;
  targetRelation(walk, relation, { target: false });
  walk.unit.effects.add('write');
  walk.note('suspicious', 'copy_in', 'adds rows');
  if (isCatalogueName(name)) {
    walk.note('destructive', 'catalog_write', `changes ${name.name}, one of the server's own catalogues`);
  }
  if (options.columns.length === 0) {
    walk.unit.writeColumns.add('*');
  }
  for (const column of options.columns) {
    walk.unit.writeColumns.add(column);
    walk.unit.columns.add(column);
  }
}

function createTableAs(walk: Walk, node: TreeNode): void {
  const isView = str(node, 'objtype') === 'OBJECT_MATVIEW';
  walk.unit.object = isView ? 'materialized_view' : 'table';
  walk.key('CreateTableAsStmt', node, 'into');
  walk.fields('CreateTableAsStmt', node, ['into', 'query']);
  const query = unwrap(node['query']);
  if (query !== null) {
    const range = cutAfter(walk.source, walk.range, new Set(['AS']));
    walk.nest('ctas', range, () => walk.statement(query.type, query.node));
  }
}

/** CALL: what a procedure does is its own secret, unless the operators trust it. */
function call(walk: Walk, node: TreeNode): void {
  walk.fields('CallStmt', node, ['funccall']);
  const called = child(node, 'funccall') ?? {};
  walk.fields('FuncCall', called);
  const parts = strings(list(called, 'funcname')) ?? [];
  const label = parts.join('.').toLowerCase();
  walk.named(parts);
  walk.unit.objects.set(label, { database: null, schema: parts.at(-2) ?? null, name: parts.at(-1) ?? '' });
  if (walk.options.trusted.has(label)) {
    walk.unit.effects.delete('exec');
    walk.unit.notes = walk.unit.notes.filter((note) => note.cause !== 'procedure');
    walk.note('suspicious', 'procedure', `runs the procedure ${label}`);
    return;
  }
  walk.unit.volatileFunctions.add(label);
  walk.unit.functionEffects.add('unknown');
  walk.opaque('unknown_function', `runs the procedure ${label}, which is in no list of known functions`);
  walk.changes.push({ kind: 'unknown', lasting: true });
}

export const UTILITY: ReadonlyMap<string, StatementHandler> = new Map<string, StatementHandler>([
  ['TransactionStmt', transaction],
  ['ExplainStmt', explain],
  ['PrepareStmt', prepare],
  ['ExecuteStmt', execute],
  ['DeclareCursorStmt', declare],
  ['FetchStmt', fetch],
  ['ClosePortalStmt', close],
  ['DeallocateStmt', deallocate],
  ['DiscardStmt', discard],
  ['LockStmt', lock],
  ['ConstraintsSetStmt', setConstraints],
  ['CopyStmt', copy],
  ['CreateTableAsStmt', createTableAs],
  ['CallStmt', call],
]);
