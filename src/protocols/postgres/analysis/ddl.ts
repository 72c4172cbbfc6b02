// Statements that define, change, drop or grant.
import type { Risk } from '../../../rules/action.ts';
import { namedFunctions, namedObject, objectClass, recordObject } from './objects.ts';
import { storedSetting } from './sets.ts';
import { cutAfter } from './source.ts';
import { as, child, constantOf, flag, list, num, str, strings, unwrap, type TreeNode } from './tree.ts';
import { isCatalogueName } from './relations.ts';
import type { Walk } from './walk.ts';

export type StatementHandler = (walk: Walk, node: TreeNode) => void;

/** Most DDL: every key is followed, the object recorded, functions that it names listed. */
export function plainDdl(type: string): StatementHandler {
  return (walk, node) => {
    recordObject(walk, type, node);
    namedFunctions(walk, node);
    walk.unit.cascade ||= str(node, 'behavior') === 'DROP_CASCADE';
    walk.fields(type, node);
  };
}

/** The objects of DROP, COMMENT, SECURITY LABEL, RENAME, ALTER … OWNER, SET SCHEMA, DEPENDS ON EXTENSION. */
function aboutObject(type: string, kindKey: string, objectKeys: readonly string[]): StatementHandler {
  return (walk, node) => {
    const kind = objectClass(str(node, kindKey));
    walk.unit.object = kind;
    walk.unit.cascade ||= str(node, 'behavior') === 'DROP_CASCADE';
    for (const key of objectKeys) {
      const value = node[key];
      if (key === 'relation') {
        const relation = child(node, key);
        if (relation !== null) {
          namedObject(walk, relationKind(kind), { RangeVar: relation });
        }
      } else {
        for (const object of Array.isArray(value) ? value : [value]) {
          namedObject(walk, kind, object);
        }
      }
    }
    walk.fields(type, node, objectKeys);
    const part = str(node, 'subname');
    if (part !== '') {
      walk.unit.columns.add(part);
    }
  };
}

/** ALTER TABLE t RENAME COLUMN is about a column, its relation is the table. */
function relationKind(kind: string): string {
  return ['column', 'trigger', 'rule', 'policy', 'constraint'].includes(kind) ? 'table' : kind;
}

function drop(walk: Walk, node: TreeNode): void {
  aboutObject('DropStmt', 'removeType', ['objects'])(walk, node);
}

function rename(walk: Walk, node: TreeNode): void {
  walk.unit.verbs.add('alter');
  aboutObject('RenameStmt', 'renameType', ['relation', 'object'])(walk, node);
  if (walk.unit.object === 'role' || walk.unit.object === 'schema' || walk.unit.object === 'database') {
    namedObject(walk, walk.unit.object, { String: { sval: str(node, 'subname') } });
    walk.seen -= 1;
  }
}

function grant(walk: Walk, node: TreeNode): void {
  const isGrant = flag(node, 'is_grant');
  setVerb(walk, isGrant ? 'grant' : 'revoke');
  const kind = objectClass(str(node, 'objtype'));
  grantOn(walk, node, kind);
  walk.fields('GrantStmt', node, ['objects']);
}

/** What GRANT and REVOKE are about; without objects of its own for ALTER DEFAULT PRIVILEGES. */
function grantOn(walk: Walk, node: TreeNode, kind: string): void {
  walk.unit.object = kind;
  walk.unit.cascade ||= str(node, 'behavior') === 'DROP_CASCADE';
  const all = str(node, 'targtype') === 'ACL_TARGET_ALL_IN_SCHEMA';
  if (all) {
    walk.unit.relationsKnown = false;
  }
  for (const object of list(node, 'objects')) {
    namedObject(walk, all ? 'schema' : kind, object);
  }
}

function defaultPrivileges(walk: Walk, node: TreeNode): void {
  const action = child(node, 'action') ?? {};
  walk.unit.cascade ||= str(action, 'behavior') === 'DROP_CASCADE';
  walk.fields('AlterDefaultPrivilegesStmt', node, ['action']);
  walk.fields('GrantStmt', action);
  walk.unit.object = 'default_privileges';
}

function grantRole(walk: Walk, node: TreeNode): void {
  setVerb(walk, flag(node, 'is_grant') ? 'grant' : 'revoke');
  walk.unit.cascade ||= str(node, 'behavior') === 'DROP_CASCADE';
  walk.fields('GrantRoleStmt', node);
  for (const role of list(node, 'granted_roles')) {
    const name = str(as(role, 'AccessPriv') ?? {}, 'priv_name');
    walk.unit.roles.add(name);
    namedObject(walk, 'role', { String: { sval: name } });
    walk.seen -= 1;
  }
}

export function setVerb(walk: Walk, verb: string): void {
  walk.unit.verbs.delete(walk.unit.verb);
  walk.unit.verb = verb;
  walk.unit.verbs.add(verb);
}

function createRole(walk: Walk, node: TreeNode): void {
  walk.unit.roles.add(str(node, 'role'));
  plainDdl('CreateRoleStmt')(walk, node);
}

function withStoredSetting(type: string): StatementHandler {
  return (walk, node) => {
    recordObject(walk, type, node);
    walk.fields(type, node, ['setstmt']);
    const set = child(node, 'setstmt');
    if (set !== null) {
      storedSetting(walk, set);
    }
  };
}

/** Subcommands that neither lose data nor block others for long (fact reference 7.2). */
const MILD: ReadonlySet<string> = new Set(
  (
    'AT_ColumnDefault AT_CookedColumnDefault AT_DropNotNull AT_SetStatistics AT_SetOptions AT_ResetOptions AT_SetStorage ' +
    'AT_SetCompression AT_SetRelOptions AT_ResetRelOptions AT_ReplaceRelOptions AT_ValidateConstraint AT_ClusterOn ' +
    'AT_DropCluster AT_AddIndexConstraint'
  ).split(' '),
);

function alterTable(walk: Walk, node: TreeNode): void {
  walk.unit.object = objectClass(str(node, 'objtype'));
  recordObject(walk, 'AlterTableStmt', node);
  let worst: Risk = 'suspicious';
  for (const entry of list(node, 'cmds')) {
    const command = as(entry, 'AlterTableCmd') ?? {};
    const name = str(command, 'name');
    if (name !== '') {
      walk.unit.columns.add(name);
    }
    walk.unit.cascade ||= str(command, 'behavior') === 'DROP_CASCADE';
    if (str(command, 'subtype') === 'AT_ChangeOwner') {
      walk.unit.effects.add('privilege');
    }
    if (!isMild(command) || walk.unit.object === 'type') {
      worst = 'destructive';
    }
  }
  const what = walk.unit.object.replace('_', ' ');
  walk.note(
    worst,
    'alter',
    worst === 'suspicious'
      ? `changes a ${what}`
      : `changes a ${what} in a way that rewrites, blocks, drops or changes rights`,
  );
  walk.fields('AlterTableStmt', node);
}

function isMild(command: TreeNode): boolean {
  const subtype = str(command, 'subtype');
  if (subtype === 'AT_AddConstraint') {
    return flag(as(command['def'], 'Constraint') ?? {}, 'skip_validation');
  }
  return subtype === 'AT_AddColumn' ? isMildColumn(as(command['def'], 'ColumnDef') ?? {}) : MILD.has(subtype);
}

/** A new column with no or a constant default and no constraint that has to look at rows. */
function isMildColumn(column: TreeNode): boolean {
  const constraints = list(column, 'constraints').map((entry) => as(entry, 'Constraint') ?? {});
  const hasDefault = constraints.some((constraint) => str(constraint, 'contype') === 'CONSTR_DEFAULT');
  const type = strings(list(child(column, 'typeName') ?? {}, 'names'))?.at(-1) ?? '';
  return (
    !/^(small|big)?serial[248]?$/.test(type) &&
    constraints.every((constraint) => {
      switch (str(constraint, 'contype')) {
        case 'CONSTR_NULL':
          return true;
        case 'CONSTR_NOTNULL':
          return hasDefault;
        case 'CONSTR_DEFAULT': {
          const cast = as(constraint['raw_expr'], 'TypeCast');
          return constantOf(cast === null ? constraint['raw_expr'] : cast['arg']) !== null;
        }
        default:
          return false;
      }
    })
  );
}

function alterEnum(walk: Walk, node: TreeNode): void {
  if (str(node, 'oldVal') !== '') {
    walk.note('destructive', 'rename', 'renames a value of a type, which changes what stored values mean');
  }
  plainDdl('AlterEnumStmt')(walk, node);
}

function hasOption(node: TreeNode, key: string, name: string): boolean {
  return list(node, key).some((entry) => {
    const option = as(entry, 'DefElem');
    const arg = option === null ? null : unwrap(option['arg']);
    const off =
      arg !== null && /^(false|off|0)?$/i.test(str(arg.node, 'sval') || (num(arg.node, 'ival') === 0 ? '' : 'on'));
    return option !== null && str(option, 'defname') === name && (arg === null || !off);
  });
}

function index(walk: Walk, node: TreeNode): void {
  recordObject(walk, 'IndexStmt', node);
  if (flag(node, 'concurrent')) {
    walk.note('suspicious', 'create_index', 'builds an index');
  } else {
    walk.note('destructive', 'create_index', 'builds an index in a way that blocks writes to the table');
  }
  walk.fields('IndexStmt', node);
}

function reindex(walk: Walk, node: TreeNode): void {
  const kind = str(node, 'kind').replace('REINDEX_OBJECT_', '').toLowerCase();
  walk.unit.object = kind === 'system' ? 'database' : kind;
  if (hasOption(node, 'params', 'concurrently')) {
    walk.note('suspicious', 'reindex', 'rebuilds indexes');
  } else {
    walk.note('destructive', 'reindex', 'rebuilds indexes in a way that blocks others');
  }
  recordObject(walk, 'ReindexStmt', node);
  const name = str(node, 'name');
  if (name !== '') {
    walk.unit.objects.set(name, { database: null, schema: null, name });
  }
  walk.fields('ReindexStmt', node);
}

function refresh(walk: Walk, node: TreeNode): void {
  if (flag(node, 'concurrent')) {
    walk.note('suspicious', 'refresh', 'recomputes a materialized view');
  } else {
    walk.note('destructive', 'refresh', 'recomputes a materialized view in a way that blocks its readers');
  }
  plainDdl('RefreshMatViewStmt')(walk, node);
}

function vacuum(walk: Walk, node: TreeNode): void {
  if (!flag(node, 'is_vacuumcmd')) {
    setVerb(walk, 'analyze');
    walk.use = 'read';
  } else if (hasOption(node, 'options', 'full')) {
    walk.use = 'write';
    walk.unit.effects.add('lock');
    walk.note('destructive', 'rewrite', 'rewrites tables under an exclusive lock');
  }
  walk.fields('VacuumStmt', node);
}

function view(walk: Walk, node: TreeNode): void {
  recordObject(walk, 'ViewStmt', node);
  if (flag(node, 'replace')) {
    walk.note('destructive', 'replace', 'replaces a view, which changes what later reads mean');
  }
  walk.fields('ViewStmt', node, ['query']);
  stored(walk, 'view', node['query'], cutAfter(walk.source, walk.range, new Set(['AS'])));
  if ([...walk.unit.relations.values()].some((name) => name.name === 'pg_settings' && isCatalogueName(name))) {
    // An UPDATE of such a view sets parameters, and nothing in its text says so.
    walk.unit.refused ??= 'views over pg_settings may not be created: an update of one sets parameters unseen';
  }
}

/** A statement that is kept for later: a unit of its own that changes nothing of the connection now. */
export function stored(
  walk: Walk,
  context: 'view' | 'rule' | 'function',
  query: unknown,
  range: readonly [number, number] | null,
): void {
  const wrapped = unwrap(query);
  if (wrapped !== null) {
    const changes = walk.changes;
    walk.changes = [];
    walk.nest(context, range, () => walk.statement(wrapped.type, wrapped.node));
    walk.changes = changes;
  }
}

function rule(walk: Walk, node: TreeNode): void {
  recordObject(walk, 'RuleStmt', node);
  walk.key('RuleStmt', node, 'relation');
  walk.fields('RuleStmt', node, ['relation', 'actions']);
  for (const action of list(node, 'actions')) {
    stored(walk, 'rule', action, null);
  }
}

function createSchema(walk: Walk, node: TreeNode): void {
  recordObject(walk, 'CreateSchemaStmt', node);
  if (child(node, 'authrole') !== null) {
    walk.unit.effects.add('privilege');
    walk.note('destructive', 'privilege', 'creates a schema that belongs to another role');
  }
  walk.fields('CreateSchemaStmt', node, ['schemaElts']);
  for (const element of list(node, 'schemaElts')) {
    const wrapped = unwrap(element);
    if (wrapped !== null) {
      walk.nest('schema', null, () => walk.statement(wrapped.type, wrapped.node));
    }
  }
  walk.changes.push({ kind: 'schemas-changed' });
}

function foreignTable(walk: Walk, node: TreeNode): void {
  const base = child(node, 'base') ?? {};
  recordObject(walk, 'CreateStmt', base);
  walk.fields('CreateForeignTableStmt', node, ['base']);
  walk.fields('CreateStmt', base);
}

function define(walk: Walk, node: TreeNode): void {
  walk.unit.object = objectClass(str(node, 'kind'));
  recordObject(walk, 'DefineStmt', node);
  walk.fields('DefineStmt', node);
  for (const entry of list(node, 'definition')) {
    // Functions are written as type names there; a type name listed as a function does no harm.
    const parts = strings(list(as(as(entry, 'DefElem')?.['arg'], 'TypeName') ?? {}, 'names'));
    if (parts !== null && parts.length > 0) {
      walk.named(parts);
    }
  }
}

function publication(type: string): StatementHandler {
  return (walk, node) => {
    const listed = list(node, 'pubobjects').map((entry) => as(entry, 'PublicationObjSpec') ?? {});
    if (flag(node, 'for_all_tables') || listed.some((entry) => str(entry, 'pubobjtype') !== 'PUBLICATIONOBJ_TABLE')) {
      walk.unit.relationsKnown = false;
    }
    plainDdl(type)(walk, node);
  };
}

function schemaDrop(walk: Walk, node: TreeNode): void {
  drop(walk, node);
  if (walk.unit.object === 'schema') {
    walk.changes.push({ kind: 'schemas-changed' });
  }
}

function dropDatabase(walk: Walk, node: TreeNode): void {
  walk.unit.cascade = true;
  plainDdl('DropdbStmt')(walk, node);
}

function dropRole(walk: Walk, node: TreeNode): void {
  for (const role of list(node, 'roles')) {
    const name = str(as(role, 'RoleSpec') ?? {}, 'rolename');
    walk.unit.objects.set(name, { database: null, schema: null, name });
  }
  walk.fields('DropRoleStmt', node);
}

function commentStmt(walk: Walk, node: TreeNode): void {
  aboutObject('CommentStmt', 'objtype', ['object'])(walk, node);
}

export const DDL: ReadonlyMap<string, StatementHandler> = new Map<string, StatementHandler>([
  ['DropStmt', schemaDrop],
  ['DropdbStmt', dropDatabase],
  ['DropRoleStmt', dropRole],
  ['RenameStmt', rename],
  ['CommentStmt', commentStmt],
  ['SecLabelStmt', aboutObject('SecLabelStmt', 'objtype', ['object'])],
  ['AlterOwnerStmt', aboutObject('AlterOwnerStmt', 'objectType', ['relation', 'object'])],
  ['AlterObjectSchemaStmt', aboutObject('AlterObjectSchemaStmt', 'objectType', ['relation', 'object'])],
  ['AlterObjectDependsStmt', aboutObject('AlterObjectDependsStmt', 'objectType', ['relation', 'object'])],
  ['AlterExtensionContentsStmt', aboutObject('AlterExtensionContentsStmt', 'objtype', ['object'])],
  ['GrantStmt', grant],
  ['GrantRoleStmt', grantRole],
  ['AlterDefaultPrivilegesStmt', defaultPrivileges],
  ['CreateRoleStmt', createRole],
  ['AlterRoleSetStmt', withStoredSetting('AlterRoleSetStmt')],
  ['AlterDatabaseSetStmt', withStoredSetting('AlterDatabaseSetStmt')],
  ['AlterSystemStmt', withStoredSetting('AlterSystemStmt')],
  ['AlterTableStmt', alterTable],
  ['AlterEnumStmt', alterEnum],
  ['IndexStmt', index],
  ['ReindexStmt', reindex],
  ['RefreshMatViewStmt', refresh],
  ['VacuumStmt', vacuum],
  ['ViewStmt', view],
  ['RuleStmt', rule],
  ['CreateSchemaStmt', createSchema],
  ['CreateForeignTableStmt', foreignTable],
  ['DefineStmt', define],
  ['CreatePublicationStmt', publication('CreatePublicationStmt')],
  ['AlterPublicationStmt', publication('AlterPublicationStmt')],
]);
