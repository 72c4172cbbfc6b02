// What single positions of a tree mean: relations, columns, casts, operators, query levels.
import { asciiLower } from '../../../lib/text.ts';
import type { Name } from '../../sql/outline.ts';
import { callFunction, callNamed } from './calls.ts';
import { cutParentheses } from './source.ts';
import { isBuiltInOperator, isBuiltInType } from './functions.ts';
import { nameOf } from './names.ts';
import { walkSelect } from './queries.ts';
import {
  addObject,
  aliasOf,
  rangeVar,
  renamedColumns,
  readRelation,
  relationOfText,
  targetRelation,
} from './relations.ts';
import { storedSetting } from './sets.ts';
import { as, child, constantOf, flag, list, num, str, stringOf, strings, unwrap, type TreeNode } from './tree.ts';
import type { Handler, RangeEntry, Walk } from './walk.ts';

/** An entry for something that is not a table, after its parts were followed. */
function aliased(type: string, rows: boolean): Handler {
  return (walk, node) => {
    walk.fields(type, node);
    const alias = aliasOf(node);
    if (alias !== null) {
      walk.enter({ alias, relation: null, rows, target: false });
    }
  };
}

function joinExpr(walk: Walk, node: TreeNode): void {
  walk.fields('JoinExpr', node, ['quals']);
  renamedColumns(walk, node);
  walk.key('JoinExpr', node, 'quals');
  for (const column of strings(list(node, 'usingClause')) ?? []) {
    walk.unit.columns.add(column);
    readTargets(walk);
  }
  if (flag(node, 'isNatural')) {
    walk.unit.columns.add('*');
    readTargets(walk);
  }
  for (const alias of [aliasOf(node), str(child(node, 'join_using_alias') ?? {}, 'aliasname')]) {
    if (alias !== null && alias !== '') {
      walk.enter({ alias, relation: null, rows: true, target: false });
    }
  }
}

function rangeFunction(walk: Walk, node: TreeNode): void {
  walk.fields('RangeFunction', node, ['coldeflist']);
  // A record function's column list converts its values, so these types are casts.
  for (const column of list(node, 'coldeflist')) {
    const definition = as(column, 'ColumnDef');
    if (definition !== null) {
      walk.casting('ColumnDef', definition, 'typeName');
      walk.fields('ColumnDef', definition, ['typeName']);
    }
  }
  const alias = aliasOf(node);
  if (alias !== null) {
    walk.enter({ alias, relation: null, rows: false, target: false });
  }
}

function tableSample(walk: Walk, node: TreeNode): void {
  walk.fields('RangeTableSample', node);
  const parts = strings(list(node, 'method'));
  if (parts !== null && parts.length > 0) {
    callNamed(walk, parts);
  }
}

/** Every target relation in scope may be what an unqualified reference looks at. */
function readTargets(walk: Walk): void {
  for (let level: Walk['level'] | null = walk.level; level !== null; level = level.parent) {
    for (const entry of level.entries) {
      readTarget(walk, entry);
    }
  }
}

function readTarget(walk: Walk, entry: RangeEntry): void {
  if (entry.target && entry.relation !== null) {
    const saved = walk.unit;
    walk.unit = entry.unit;
    readRelation(walk, entry.relation);
    walk.unit = saved;
  }
}

function findEntry(walk: Walk, alias: string): RangeEntry | null {
  for (let level: Walk['level'] | null = walk.level; level !== null; level = level.parent) {
    const found = level.entries.find((entry) => entry.alias === alias);
    if (found !== undefined) {
      return found;
    }
  }
  return null;
}

/** The only relation that an unqualified column can belong to, or null when there are several. */
function soleRelation(walk: Walk): Name | null {
  let sole: Name | null = null;
  for (let level: Walk['level'] | null = walk.level; level !== null; level = level.parent) {
    for (const entry of level.entries) {
      if (sole !== null || entry.relation === null) {
        return null;
      }
      sole = entry.relation;
    }
  }
  return sole;
}

/**
 * Built-in functions that give out what is in a row. `u.row_to_json` calls one when the table has no such column, as `row_to_json(u)` does (a
 * user's own function can be called that way too: that cannot be told from a column here).
 */
const ROW_FUNCTIONS: ReadonlySet<string> = new Set(
  (
    'any_value array_agg concat json_agg json_agg_strict json_build_array json_build_object jsonb_agg jsonb_agg_strict ' +
    'jsonb_build_array jsonb_build_object max min quote_literal quote_nullable record_out record_send row_to_json to_json to_jsonb'
  ).split(' '),
);

function columnRef(walk: Walk, node: TreeNode): void {
  walk.fields('ColumnRef', node);
  const fields = list(node, 'fields');
  const names = fields.map(stringOf).filter((name) => name !== null);
  const starred = names.length < fields.length;
  if (starred) {
    walk.unit.columns.add('*');
  }
  const column = starred ? null : names.at(-1);
  const qualifier = starred ? names.at(-1) : names.at(-2);
  if (column !== null && column !== undefined) {
    walk.unit.columns.add(column);
  }
  if (qualifier !== undefined && column !== null && column !== undefined && ROW_FUNCTIONS.has(column)) {
    walk.unit.columns.add('*');
    walk.named([column]);
  }
  if (qualifier !== undefined) {
    const entry = findEntry(walk, qualifier);
    if (entry === null) {
      readTargets(walk);
    } else {
      readTarget(walk, entry);
      if (entry.relation !== null && column !== null && column !== undefined) {
        walk.unit.columns.add(`${entry.relation.name}.${column}`);
      }
    }
    return;
  }
  readTargets(walk);
  if (column === null || column === undefined) {
    return;
  }
  // The name of a range entry alone takes its whole row. A column of that name would come first; which exists is not known.
  if (findEntry(walk, column)?.rows === true) {
    walk.unit.columns.add('*');
  }
  const sole = soleRelation(walk);
  if (sole !== null) {
    walk.unit.columns.add(`${sole.name}.${column}`);
  }
}

function indirection(walk: Walk, node: TreeNode): void {
  walk.fields('A_Indirection', node);
  for (const part of list(node, 'indirection')) {
    const name = stringOf(part);
    if (name !== null) {
      walk.unit.columns.add(name);
    } else if (as(part, 'A_Star') !== null) {
      walk.unit.columns.add('*');
    }
  }
}

function paramRef(walk: Walk, node: TreeNode): void {
  walk.fields('ParamRef', node);
  walk.unit.parameters = Math.max(walk.unit.parameters, num(node, 'number'));
}

function typeName(walk: Walk, node: TreeNode): void {
  walk.fields('TypeName', node);
  const parts = strings(list(node, 'names')) ?? [];
  const name = nameOf(parts);
  if (flag(node, 'pct_type')) {
    const relation = nameOf(parts.slice(0, -1));
    if (relation !== null) {
      walk.relation(relation, {});
    }
    walk.unit.columns.add(parts.at(-1) ?? '');
    return;
  }
  if (!walk.casts || name === null) {
    return;
  }
  const builtIn =
    name.schema === null
      ? isBuiltInType(name.name)
      : name.schema === 'pg_catalog' || name.schema === 'information_schema';
  if (!builtIn) {
    unknownOperation(walk, `cast:${asciiLower(parts.join('.'))}`, 'converts to a type that is not built in');
  }
}

/** A cast or operator outside pg_catalog runs a function that nobody vouches for. */
function unknownOperation(walk: Walk, label: string, what: string): void {
  walk.unit.functions.add(label);
  if (walk.options.trusted.has(label)) {
    return;
  }
  walk.unit.volatileFunctions.add(label);
  walk.unit.functionEffects.add('unknown');
  walk.opaque('unknown_function', `${what} (${label})`);
}

function typeCast(walk: Walk, node: TreeNode): void {
  walk.casting('TypeCast', node, 'typeName');
  walk.fields('TypeCast', node, ['typeName']);
  const type = strings(list(child(node, 'typeName') ?? {}, 'names'))?.at(-1);
  const constant = constantOf(node['arg']);
  if (type === 'regclass' && constant !== null && constant.kind === 'string') {
    const relation = relationOfText(constant.text);
    if (relation !== null) {
      walk.relation(relation, {});
    }
  }
}

function operatorOf(walk: Walk, parts: readonly string[] | null): void {
  const name = nameOf(parts ?? []);
  if (name === null) {
    return;
  }
  if (name.schema === null) {
    walk.unit.shadowable.add(name.name);
  }
  const builtIn = (name.schema === null || name.schema === 'pg_catalog') && isBuiltInOperator(name.name);
  if (!builtIn) {
    unknownOperation(walk, `operator:${(parts ?? []).join('.')}`, 'uses an operator that is not built in');
  }
}

/** Kinds of A_Expr whose name is no operator but the construct's own word. */
const WORDY = new Set(['AEXPR_BETWEEN', 'AEXPR_NOT_BETWEEN', 'AEXPR_BETWEEN_SYM', 'AEXPR_NOT_BETWEEN_SYM']);

function operatorExpr(walk: Walk, node: TreeNode): void {
  walk.fields('A_Expr', node);
  if (!WORDY.has(str(node, 'kind'))) {
    // <> and != are one operator to the server.
    const parts = strings(list(node, 'name'));
    operatorOf(walk, parts);
  }
}

function operatorList(type: string, key: string): Handler {
  return (walk, node) => {
    walk.fields(type, node);
    const parts = strings(list(node, key));
    if (parts !== null && parts.length > 0) {
      operatorOf(walk, parts);
    }
  };
}

/** A table expression's own text stands in its parentheses; statements in it that change data are units. */
function commonTableExpr(walk: Walk, node: TreeNode): void {
  walk.fields('CommonTableExpr', node, ['ctequery']);
  const query = unwrap(node['ctequery']);
  if (query === null) {
    return;
  }
  if (!walk.handlers.isStatement(query.type)) {
    walk.node(node['ctequery']);
    return;
  }
  const range = cutParentheses(walk.source, num(node, 'location'), list(node, 'aliascolnames').length > 0 ? 1 : 0);
  walk.nest('cte', range, () => walk.statement(query.type, query.node));
}

export function withClause(walk: Walk, node: TreeNode): void {
  walk.seen += 1;
  const names = new Set<string>();
  walk.ctes = { parent: walk.ctes, names };
  const ctes = list(node, 'ctes').map((entry) => as(entry, 'CommonTableExpr'));
  if (flag(node, 'recursive')) {
    for (const cte of ctes) {
      names.add(str(cte ?? {}, 'ctename'));
    }
  }
  for (const cte of ctes) {
    if (cte !== null) {
      commonTableExpr(walk, cte);
      names.add(str(cte, 'ctename'));
    }
  }
}

function indexColumn(type: string): Handler {
  return (walk, node) => {
    walk.fields(type, node);
    const name = str(node, 'name');
    if (name !== '') {
      walk.unit.columns.add(name);
    }
  };
}

/** Fields that hold column names as plain strings. */
function columnLists(type: string, keys: readonly string[]): Handler {
  return (walk, node) => {
    walk.fields(type, node);
    for (const key of keys) {
      for (const column of strings(list(node, key)) ?? []) {
        walk.unit.columns.add(column);
      }
    }
  };
}

function constraint(walk: Walk, node: TreeNode): void {
  walk.fields('Constraint', node, ['pktable']);
  const saved = walk.use;
  walk.use = 'read';
  walk.key('Constraint', node, 'pktable');
  walk.use = saved;
  for (const key of ['keys', 'including', 'fk_attrs', 'pk_attrs', 'fk_del_set_cols']) {
    for (const column of strings(list(node, key)) ?? []) {
      walk.unit.columns.add(column);
    }
  }
  // Each element of EXCLUDE is a pair: the index column, and the names of its operator.
  for (const pair of list(node, 'exclusions')) {
    const [, operator] = list(as(pair, 'List') ?? {}, 'items');
    operatorOf(walk, strings(list(as(operator, 'List') ?? {}, 'items')));
  }
}

function columnDef(walk: Walk, node: TreeNode): void {
  walk.fields('ColumnDef', node);
  const name = str(node, 'colname');
  if (name !== '') {
    walk.unit.columns.add(name);
  }
}

/** Constructs that convert a value to the type they name. */
function converting(type: string): Handler {
  return (walk, node) => {
    walk.casting(type, node, 'typeName');
    walk.fields(type, node, ['typeName']);
  };
}

function tableLike(walk: Walk, node: TreeNode): void {
  const saved = walk.use;
  walk.use = 'name';
  walk.fields('TableLikeClause', node);
  walk.use = saved;
}

/** Names after FOR UPDATE OF are aliases of the query's own FROM. */
function lockingClause(walk: Walk, node: TreeNode): void {
  walk.fields('LockingClause', node, ['lockedRels']);
  for (const entry of list(node, 'lockedRels')) {
    const relation = as(entry, 'RangeVar');
    if (relation !== null) {
      walk.fields('RangeVar', relation);
    }
  }
}

function xmlSerialize(walk: Walk, node: TreeNode): void {
  converting('XmlSerialize')(walk, node);
  walk.unit.functions.add('xmlserialize');
}

/** SELECT INTO and CREATE TABLE AS make this relation. */
function intoClause(walk: Walk, node: TreeNode): void {
  const relation = child(node, 'rel');
  if (relation !== null) {
    const name = targetRelation(walk, relation, { target: false });
    addObject(walk, name);
  }
  walk.fields('IntoClause', node, ['rel']);
}

function defElem(walk: Walk, node: TreeNode): void {
  const set = as(node['arg'], 'VariableSetStmt');
  if (set !== null) {
    // CREATE FUNCTION … SET: in force while the function runs.
    walk.seen += 1;
    storedSetting(walk, set);
    return;
  }
  walk.fields('DefElem', node);
  const owner = str(node, 'defname') === 'owner' ? stringOf(node['arg']) : null;
  if (owner !== null) {
    walk.unit.roles.add(owner);
  }
  const arg = as(node['arg'], 'List');
  if (str(node, 'defname') === 'owned_by' && arg !== null) {
    const parts = strings(list(arg, 'items')) ?? [];
    const relation = nameOf(parts.slice(0, -1));
    if (relation !== null) {
      walk.relation(relation, {});
      walk.unit.columns.add(parts.at(-1) ?? '');
    }
  }
}

/** Roles as words: what the grammar knows as keywords stays as written there. */
function roleName(node: TreeNode): string {
  switch (str(node, 'roletype')) {
    case 'ROLESPEC_CURRENT_ROLE':
    case 'ROLESPEC_CURRENT_USER':
      return 'current_user';
    case 'ROLESPEC_SESSION_USER':
      return 'session_user';
    case 'ROLESPEC_PUBLIC':
      return 'public';
    default:
      return str(node, 'rolename');
  }
}

function roleSpec(walk: Walk, node: TreeNode): void {
  walk.fields('RoleSpec', node);
  walk.unit.roles.add(roleName(node));
}

/** Constructs that are function calls with their own syntax. `since`: the major that made them so; before, a user's function has that name. */
function construct(type: string, label: (node: TreeNode) => string, since: number = 0): Handler {
  return (walk, node) => {
    walk.fields(type, node);
    const name = label(node);
    if (name !== '') {
      walk.unit.functions.add(name);
      walk.unit.functionEffects.add('safe');
    }
    walk.unit.sinceMajor = Math.max(walk.unit.sinceMajor, since);
  };
}

function jsonTable(walk: Walk, node: TreeNode): void {
  aliased('JsonTable', false)(walk, node);
  walk.unit.functions.add('json_table');
  walk.unit.sinceMajor = Math.max(walk.unit.sinceMajor, 17);
}

function currentOf(walk: Walk, node: TreeNode): void {
  walk.fields('CurrentOfExpr', node);
}

export const EXPRESSIONS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['SelectStmt', walkSelect],
  ['RangeVar', rangeVar],
  ['RangeSubselect', aliased('RangeSubselect', false)],
  ['RangeFunction', rangeFunction],
  ['RangeTableFunc', aliased('RangeTableFunc', false)],
  ['RangeTableSample', tableSample],
  ['JsonTable', jsonTable],
  ['JoinExpr', joinExpr],
  ['WithClause', withClause],
  ['CommonTableExpr', commonTableExpr],
  ['ColumnRef', columnRef],
  ['A_Indirection', indirection],
  ['ParamRef', paramRef],
  ['FuncCall', callFunction],
  ['TypeName', typeName],
  ['TypeCast', typeCast],
  ['A_Expr', operatorExpr],
  ['SubLink', operatorList('SubLink', 'operName')],
  ['SortBy', operatorList('SortBy', 'useOp')],
  ['IndexElem', indexColumn('IndexElem')],
  ['PartitionElem', indexColumn('PartitionElem')],
  ['StatsElem', indexColumn('StatsElem')],
  ['AccessPriv', columnLists('AccessPriv', ['cols'])],
  ['VacuumRelation', columnLists('VacuumRelation', ['va_cols'])],
  ['PublicationTable', columnLists('PublicationTable', ['columns'])],
  ['Constraint', constraint],
  ['ColumnDef', columnDef],
  ['JsonOutput', converting('JsonOutput')],
  ['JsonTableColumn', converting('JsonTableColumn')],
  ['RangeTableFuncCol', converting('RangeTableFuncCol')],
  ['IntoClause', intoClause],
  ['TableLikeClause', tableLike],
  ['LockingClause', lockingClause],
  ['DefElem', defElem],
  ['RoleSpec', roleSpec],
  ['CurrentOfExpr', currentOf],
  [
    'SQLValueFunction',
    construct('SQLValueFunction', (node) => asciiLower(str(node, 'op').replace(/^SVFOP_|_N$/g, ''))),
  ],
  ['CoalesceExpr', construct('CoalesceExpr', () => 'coalesce')],
  ['MinMaxExpr', construct('MinMaxExpr', (node) => (str(node, 'op') === 'IS_LEAST' ? 'least' : 'greatest'))],
  ['GroupingFunc', construct('GroupingFunc', () => 'grouping')],
  ['XmlExpr', construct('XmlExpr', (node) => asciiLower(str(node, 'op').replace(/^IS_/, '')))],
  ['XmlSerialize', xmlSerialize],
  ['JsonFuncExpr', construct('JsonFuncExpr', (node) => asciiLower(str(node, 'op').replace(/_OP$/, '')), 17)],
  ['JsonParseExpr', construct('JsonParseExpr', () => 'json', 17)],
  ['JsonScalarExpr', construct('JsonScalarExpr', () => 'json_scalar', 17)],
  ['JsonSerializeExpr', construct('JsonSerializeExpr', () => 'json_serialize', 17)],
  ['JsonObjectConstructor', construct('JsonObjectConstructor', () => 'json_object', 16)],
  ['JsonArrayConstructor', construct('JsonArrayConstructor', () => 'json_array', 16)],
  ['JsonArrayQueryConstructor', construct('JsonArrayQueryConstructor', () => 'json_array', 16)],
  ['JsonObjectAgg', construct('JsonObjectAgg', () => 'json_objectagg', 16)],
  ['JsonArrayAgg', construct('JsonArrayAgg', () => 'json_arrayagg', 16)],
  ['MergeSupportFunc', construct('MergeSupportFunc', () => 'merge_action', 17)],
]);
