// Relations as the tree writes them.
import { nameKey, type Name } from '../../sql/outline.ts';
import { RELATIONS } from './catalogue.ts';
import { nameOf, splitNames } from './names.ts';
import { child, list, str, type TreeNode } from './tree.ts';
import type { Walk } from './walk.ts';

const CATALOGUE: ReadonlySet<string> = new Set(RELATIONS.split(' '));

/** Catalogue relations that hold password hashes, sampled data or stored credentials. */
const SECRETS: ReadonlySet<string> = new Set([
  'pg_authid',
  'pg_shadow',
  'pg_largeobject',
  'pg_statistic',
  'pg_hba_file_rules',
]);

/** Catalogue relations of which only some columns are such: tools read the others. */
const SECRET_COLUMNS: ReadonlyMap<string, readonly string[]> = new Map([
  ['pg_user_mapping', ['umoptions']],
  ['pg_user_mappings', ['umoptions']],
  ['_pg_user_mappings', ['umoptions']],
  ['user_mapping_options', ['option_value']],
  ['pg_stats', ['most_common_vals', 'most_common_elems', 'histogram_bounds', 'range_bounds_histogram']],
  ['pg_stats_ext', ['most_common_vals']],
  ['pg_stats_ext_exprs', ['most_common_vals', 'most_common_elems', 'histogram_bounds', 'range_bounds_histogram']],
  ['pg_statistic_ext_data', ['stxdmcv', 'stxdexpr']],
]);

/** Notes a statement that reads such columns. Called when the statement has been walked. */
export function secretColumns(walk: Walk): void {
  for (const relation of walk.unit.relations.values()) {
    const secret = relation.read && isCatalogueName(relation) ? SECRET_COLUMNS.get(relation.name) : undefined;
    if (secret !== undefined && ['*', ...secret].some((column) => walk.unit.columns.has(column))) {
      walk.note('suspicious', 'secret_catalog', `reads ${relation.name}, which holds secrets or sampled data`);
    }
  }
}

/** Whether an unqualified name is pg_catalog's, which is searched first. */
export function isCatalogueRelation(name: string): boolean {
  return CATALOGUE.has(name);
}

export function isCatalogueName(name: Name): boolean {
  return name.schema === null
    ? CATALOGUE.has(name.name)
    : name.schema === 'pg_catalog' || name.schema === 'information_schema';
}

export function rangeVarName(node: TreeNode): Name {
  const temporary = str(node, 'relpersistence') === 't' && str(node, 'schemaname') === '';
  return {
    database: str(node, 'catalogname') || null,
    schema: temporary ? 'pg_temp' : str(node, 'schemaname') || null,
    name: str(node, 'relname'),
  };
}

/** Notes a read of a relation whose rows are secrets. */
export function readRelation(walk: Walk, name: Name): void {
  walk.relation(name, { read: true });
  if (SECRETS.has(name.name) && (name.schema === null || name.schema === 'pg_catalog')) {
    walk.note('suspicious', 'secret_catalog', `reads ${name.name}, which holds secrets or sampled data`);
  }
}

/** A relation in FROM, or one that a statement names outside of queries. */
export function rangeVar(walk: Walk, node: TreeNode): void {
  walk.fields('RangeVar', node);
  const name = rangeVarName(node);
  const alias = aliasOf(node) ?? name.name;
  renamedColumns(walk, node);
  if (walk.inQuery) {
    if (name.schema === null && walk.isCte(name.name)) {
      walk.enter({ alias, relation: null, rows: false, target: false });
      return;
    }
    readRelation(walk, name);
  } else {
    walk.relation(name, { read: walk.use === 'read', write: walk.use === 'write' });
  }
  walk.enter({ alias, relation: name, rows: true, target: false });
}

/** The relation that a statement changes: never a common table expression. */
export function targetRelation(walk: Walk, node: TreeNode, options: { target: boolean }): Name {
  walk.fields('RangeVar', node);
  const name = rangeVarName(node);
  walk.relation(name, { write: true });
  walk.enter({ alias: aliasOf(node) ?? name.name, relation: name, rows: true, target: options.target });
  return name;
}

/** `FROM users AS u(a, b)` gives columns new names by position: which ones are read then is not known. */
export function renamedColumns(walk: Walk, node: TreeNode): void {
  if (list(child(node, 'alias') ?? {}, 'colnames').length > 0) {
    walk.unit.columns.add('*');
  }
}

export function aliasOf(node: TreeNode): string | null {
  const alias = child(node, 'alias');
  return alias === null ? null : str(alias, 'aliasname');
}

/** A relation given as text (regclass input), or null for an OID or something the server would refuse. */
export function relationOfText(text: string): Name | null {
  return /^[0-9-]/.test(text.trim()) ? null : nameOf(splitNames(text, '.') ?? []);
}

/** An object that DDL, GRANT or COMMENT is about. */
export function addObject(walk: Walk, name: Name): void {
  walk.unit.objects.set(nameKey(name), name);
}
