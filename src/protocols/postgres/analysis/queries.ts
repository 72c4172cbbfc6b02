// Queries and the statements that change rows.
import type { RowLimit } from '../../sql/outline.ts';
import { LOCKS } from '../../sql/outline.ts';
import { joinsOnTarget, readCondition, type ColumnOwner, type ConditionContext } from './conditions.ts';
import { isCatalogueName, rangeVarName, targetRelation } from './relations.ts';
import { as, child, constantOf, list, num, str, stringOf, type TreeNode } from './tree.ts';
import type { Name } from '../../sql/outline.ts';
import type { RangeEntry, Walk } from './walk.ts';

const STRENGTHS: ReadonlyMap<string, string> = new Map([
  ['LCS_FORKEYSHARE', 'for_key_share'],
  ['LCS_FORSHARE', 'for_share'],
  ['LCS_FORNOKEYUPDATE', 'for_no_key_update'],
  ['LCS_FORUPDATE', 'for_update'],
]);

/** A query wherever it stands. The unit's own outermost query is looked at again by `outermost`. */
export function walkSelect(walk: Walk, node: TreeNode): void {
  walk.deeper(() => {
    walk.inQuery = true;
    walk.key('SelectStmt', node, 'withClause');
    walk.key('SelectStmt', node, 'fromClause');
    walk.fixedSetting = fixedSetting(node);
    const alone = runsOnce(node);
    const saved = walk.certain;
    walk.certain &&= alone;
    walk.fields('SelectStmt', node, ['withClause', 'fromClause', 'intoClause']);
    walk.certain = saved;
    for (const entry of list(node, 'lockingClause')) {
      lockRows(walk, as(entry, 'LockingClause'));
    }
    if (walk.root === node) {
      outermost(walk, node);
    }
  });
  if (walk.into === null || node['intoClause'] !== walk.into) {
    walk.key('SelectStmt', node, 'intoClause');
  }
}

const PLAIN_SELECT = new Set(['targetList', 'limitOption', 'op']);
const PLAIN_CALL = new Set(['funcname', 'args', 'funcformat', 'location']);

/** `SELECT f(constant, …)` and nothing else (no FILTER, no CASE among the arguments): what is called there runs exactly once. */
function runsOnce(node: TreeNode): boolean {
  return (
    Object.keys(node).every((key) => PLAIN_SELECT.has(key)) &&
    list(node, 'targetList').every((target) => {
      const call = as(as(target, 'ResTarget')?.['val'], 'FuncCall');
      return (
        call !== null && Object.keys(call).every((key) => PLAIN_CALL.has(key)) && list(call, 'args').every(isConstant)
      );
    })
  );
}

function isConstant(value: unknown): boolean {
  const cast = as(value, 'TypeCast');
  return constantOf(cast === null ? value : cast['arg']) !== null;
}

/** The setting's name in `… FROM pg_settings WHERE name = 'literal'` (pg_dump sets one that way). */
function fixedSetting(node: TreeNode): string | null {
  const [from, ...others] = list(node, 'fromClause').map((entry) => as(entry, 'RangeVar'));
  const where = as(node['whereClause'], 'A_Expr');
  if (from === null || from === undefined || others.length > 0 || where === null) {
    return null;
  }
  const name = rangeVarName(from);
  const column = as(where['lexpr'], 'ColumnRef');
  const literal = constantOf(where['rexpr']);
  const isSettings = name.name === 'pg_settings' && (name.schema === null || name.schema === 'pg_catalog');
  const isEquality =
    str(where, 'kind') === 'AEXPR_OP' && list(where, 'name').length === 1 && stringOf(list(where, 'name')[0]) === '=';
  const isName = column !== null && stringOf(list(column, 'fields').at(-1)) === 'name';
  return isSettings && isEquality && isName && literal?.kind === 'string' ? literal.text : null;
}

function lockRows(walk: Walk, clause: TreeNode | null): void {
  const strength = STRENGTHS.get(str(clause ?? {}, 'strength')) ?? 'for_update';
  if (LOCKS.indexOf(strength) > LOCKS.indexOf(walk.unit.locking)) {
    walk.unit.locking = strength;
  }
  walk.unit.effects.add('lock');
  walk.note('suspicious', 'row_locks', 'locks the rows that it reads, which blocks writers');
}

/** Facts that only the unit's outermost query has. */
function outermost(walk: Walk, node: TreeNode): void {
  walk.unit.rowLimit = readLimit(node);
  const where = node['whereClause'];
  if (list(node, 'fromClause').length === 0 || str(node, 'op') !== 'SETOP_NONE') {
    return;
  }
  if (where === undefined) {
    walk.unit.hasWhere = false;
    return;
  }
  const condition = readCondition(where, conditionContext(walk, null));
  walk.unit.hasWhere = !condition.always;
  walk.unit.predicates = [...condition.predicates];
  walk.unit.predicatesComplete = condition.complete;
  walk.unit.literalSensitive ||= condition.literalSensitive;
}

function readLimit(node: TreeNode): RowLimit {
  if (str(node, 'limitOption') === 'LIMIT_OPTION_WITH_TIES' || node['limitCount'] === undefined) {
    return { kind: 'none' };
  }
  const constant = constantOf(node['limitCount']);
  if (constant?.kind === 'null') {
    return { kind: 'none' };
  }
  if (constant?.kind === 'int' && !constant.text.startsWith('-')) {
    return { kind: 'rows', rows: BigInt(constant.text), offset: constant.at };
  }
  const parameter = as(node['limitCount'], 'ParamRef');
  return parameter === null ? { kind: 'unknown' } : { kind: 'param', param: num(parameter, 'number') };
}

/** How a condition over the current level's range finds out whose a column is. `target` null: any of the FROM. */
function conditionContext(walk: Walk, target: RangeEntry | null): ConditionContext {
  const { level, source, range } = walk;
  const sole = level.entries.length === 1 ? level.entries[0] : undefined;
  return {
    trusted: walk.options.trusted,
    textAfter: (at) => (at < 0 ? '' : source.expressionAfter(at, range)),
    owner: (qualifier): ColumnOwner => {
      if (qualifier === null) {
        const table = sole?.relation?.name ?? '';
        return { table, possible: true, certain: sole !== undefined && sole === target };
      }
      const entry = level.entries.find((candidate) => candidate.alias === qualifier);
      const mine = entry !== undefined && (target === null || entry === target);
      return { table: mine ? (entry.relation?.name ?? '') : '', possible: mine, certain: mine };
    },
  };
}

/** Enters the target and what RETURNING and ON CONFLICT call it besides. */
function enterTarget(walk: Walk, node: TreeNode): { readonly name: Name; readonly entry: RangeEntry | null } {
  const relation = child(node, 'relation') ?? {};
  const name = targetRelation(walk, relation, { target: true });
  const entry = walk.level.entries.at(-1) ?? null;
  if (isCatalogueName(name)) {
    walk.note('destructive', 'catalog_write', `changes ${name.name}, one of the server's own catalogues`);
  }
  if (name.name === 'pg_settings' && isCatalogueName(name)) {
    settingsTable(walk);
  }
  return { name, entry };
}

/** UPDATE pg_settings is set_config in the form of a table, with any name. */
function settingsTable(walk: Walk): void {
  walk.unit.settingsKnown = false;
  walk.unit.effects.add('session');
  walk.unit.effects.add('identity');
  walk.unit.refused ??= 'pg_settings may not be updated: use SET, so that the gateway sees what is set';
  walk.changes.push({ kind: 'unknown' });
}

/** RETURNING and ON CONFLICT see the target's rows under names of their own, beside those that the WHERE sees. */
function enterVersions(walk: Walk, node: TreeNode, name: Name): void {
  const names = ['old', 'new', 'excluded'];
  for (const option of list(child(node, 'returningClause') ?? {}, 'options')) {
    names.push(str(as(option, 'ReturningOption') ?? {}, 'value'));
  }
  for (const alias of names) {
    if (!walk.level.entries.some((entry) => entry.alias === alias)) {
      walk.enter({ alias, relation: name, rows: true, target: true });
    }
  }
}

function assigned(walk: Walk, targets: readonly unknown[]): void {
  for (const target of targets) {
    const column = str(as(target, 'ResTarget') ?? {}, 'name');
    if (column !== '') {
      walk.unit.writeColumns.add(column);
      walk.unit.columns.add(column);
    }
  }
}

export function walkInsert(walk: Walk, node: TreeNode): void {
  walk.inQuery = true;
  walk.key('InsertStmt', node, 'withClause');
  walk.key('InsertStmt', node, 'selectStmt');
  const { name } = enterTarget(walk, node);
  const columns = list(node, 'cols');
  if (columns.length === 0) {
    walk.unit.writeColumns.add('*');
  }
  assigned(walk, columns);
  const conflict = child(node, 'onConflictClause');
  if (conflict !== null && str(conflict, 'action') === 'ONCONFLICT_UPDATE') {
    walk.unit.verbs.add('update');
    assigned(walk, list(conflict, 'targetList'));
  }
  enterVersions(walk, node, name);
  walk.fields('InsertStmt', node, ['withClause', 'selectStmt', 'relation']);
}

export function walkUpdate(walk: Walk, node: TreeNode): void {
  walk.inQuery = true;
  walk.key('UpdateStmt', node, 'withClause');
  const { name, entry } = enterTarget(walk, node);
  walk.key('UpdateStmt', node, 'fromClause');
  assigned(walk, list(node, 'targetList'));
  const bounded = restrict(walk, node['whereClause'], entry);
  walk.key('UpdateStmt', node, 'whereClause');
  walk.key('UpdateStmt', node, 'targetList');
  enterVersions(walk, node, name);
  walk.fields('UpdateStmt', node, ['withClause', 'relation', 'fromClause', 'whereClause', 'targetList']);
  if (!bounded) {
    walk.note('destructive', 'unbounded_update', `changes rows of ${name.name} without a condition that limits which`);
  }
}

export function walkDelete(walk: Walk, node: TreeNode): void {
  walk.inQuery = true;
  walk.key('DeleteStmt', node, 'withClause');
  const { name, entry } = enterTarget(walk, node);
  walk.key('DeleteStmt', node, 'usingClause');
  const bounded = restrict(walk, node['whereClause'], entry);
  walk.key('DeleteStmt', node, 'whereClause');
  enterVersions(walk, node, name);
  walk.fields('DeleteStmt', node, ['withClause', 'relation', 'usingClause', 'whereClause']);
  if (bounded) {
    walk.note('destructive', 'delete', `deletes rows of ${name.name}`);
  } else {
    walk.note('destructive', 'unbounded_delete', `deletes rows of ${name.name} without a condition that limits which`);
  }
}

/** Reads the WHERE of UPDATE or DELETE; true when it bounds the target's rows. */
function restrict(walk: Walk, where: unknown, target: RangeEntry | null): boolean {
  const { unit } = walk;
  if (where === undefined) {
    unit.hasWhere = false;
    unit.bounded = false;
    return false;
  }
  if (as(where, 'CurrentOfExpr') !== null) {
    unit.hasWhere = true;
    unit.bounded = true;
    return true;
  }
  const condition = readCondition(where, conditionContext(walk, target));
  unit.hasWhere = !condition.always;
  unit.bounded = condition.effective && !condition.always;
  unit.predicates = [...condition.predicates];
  unit.predicatesComplete = condition.complete;
  unit.literalSensitive ||= condition.literalSensitive;
  return unit.bounded;
}

export function walkMerge(walk: Walk, node: TreeNode): void {
  walk.inQuery = true;
  walk.key('MergeStmt', node, 'withClause');
  const { name, entry } = enterTarget(walk, node);
  walk.key('MergeStmt', node, 'sourceRelation');
  const context = conditionContext(walk, entry);
  const joined = joinsOnTarget(node['joinCondition'], context.owner);
  let bounded = joined;
  for (const clause of list(node, 'mergeWhenClauses')) {
    bounded = mergeAction(walk, as(clause, 'MergeWhenClause') ?? {}, { context, joined, name }) && bounded;
  }
  walk.unit.bounded = bounded;
  if (!joined) {
    walk.note('destructive', 'unbounded_merge', `merges into ${name.name} without an equality on one of its columns`);
  }
  enterVersions(walk, node, name);
  walk.fields('MergeStmt', node, ['withClause', 'relation', 'sourceRelation']);
}

/** Notes what one WHEN does; true when the rows it changes are bounded. */
function mergeAction(
  walk: Walk,
  clause: TreeNode,
  merge: { readonly context: ConditionContext; readonly joined: boolean; readonly name: Name },
): boolean {
  const command = str(clause, 'commandType');
  const condition = clause['condition'];
  const effective = condition !== undefined && readCondition(condition, merge.context).effective;
  // Rows that no source row matched are not limited by the join.
  const bounded = effective || (merge.joined && str(clause, 'matchKind') === 'MERGE_WHEN_MATCHED');
  assigned(walk, list(clause, 'targetList'));
  if (command === 'CMD_INSERT') {
    walk.unit.verbs.add('insert');
    return true;
  }
  if (command === 'CMD_UPDATE') {
    walk.unit.verbs.add('update');
    if (!bounded) {
      walk.note('destructive', 'unbounded_update', `may change every row of ${merge.name.name}`);
    }
    return bounded;
  }
  if (command === 'CMD_DELETE') {
    walk.unit.verbs.add('delete');
    walk.unit.effects.add('delete');
    walk.note('destructive', bounded ? 'delete' : 'unbounded_delete', `deletes rows of ${merge.name.name}`);
    return bounded;
  }
  return true;
}
