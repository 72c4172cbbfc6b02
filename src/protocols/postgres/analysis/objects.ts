// The objects that DDL, GRANT, COMMENT and their like are about.
import type { Name } from '../../sql/outline.ts';
import { nameOf } from './names.ts';
import { addObject, rangeVarName, readRelation } from './relations.ts';
import { as, child, isNode, list, str, stringOf, strings, unwrap, type TreeNode } from './tree.ts';
import type { Walk } from './walk.ts';

/** `sql.object` by the grammar's object type. */
const CLASSES: ReadonlyMap<string, string> = new Map(
  (
    'ACCESS_METHOD=access_method AGGREGATE=function AMOP=operator AMPROC=operator ATTRIBUTE=column CAST=cast COLUMN=column ' +
    'COLLATION=collation CONVERSION=conversion DATABASE=database DEFAULT=column DEFACL=default_privileges DOMAIN=domain ' +
    'DOMCONSTRAINT=constraint EVENT_TRIGGER=event_trigger EXTENSION=extension FDW=fdw FOREIGN_SERVER=server ' +
    'FOREIGN_TABLE=foreign_table FUNCTION=function INDEX=index LANGUAGE=language LARGEOBJECT=large_object ' +
    'MATVIEW=materialized_view OPCLASS=operator OPERATOR=operator OPFAMILY=operator PARAMETER_ACL=parameter POLICY=policy ' +
    'PROCEDURE=procedure PUBLICATION=publication PUBLICATION_NAMESPACE=publication PUBLICATION_REL=publication ROLE=role ' +
    'ROUTINE=function RULE=rule SCHEMA=schema SEQUENCE=sequence SUBSCRIPTION=subscription STATISTIC_EXT=statistics ' +
    'TABCONSTRAINT=constraint TABLE=table TABLESPACE=tablespace TRANSFORM=transform TRIGGER=trigger ' +
    'TSCONFIGURATION=text_search TSDICTIONARY=text_search TSPARSER=text_search TSTEMPLATE=text_search TYPE=type ' +
    'USER_MAPPING=user_mapping VIEW=view'
  )
    .split(' ')
    .map((pair) => {
      const [type = '', name = ''] = pair.split('=');
      return [`OBJECT_${type}`, name];
    }),
);

export function objectClass(objectType: string): string {
  return CLASSES.get(objectType) ?? 'none';
}

const RELATIONS = new Set(['table', 'view', 'materialized_view', 'sequence', 'index', 'foreign_table']);
/** Things that belong to a relation: their list names the relation first and them last. */
const PARTS = new Set(['column', 'trigger', 'rule', 'policy', 'constraint']);
const ROUTINES = new Set(['function', 'procedure']);

/** Follows an object of a statement and records it as what the statement is about. */
export function namedObject(walk: Walk, kind: string, value: unknown): void {
  const wrapped = unwrap(value);
  walk.node(value);
  if (wrapped === null) {
    return;
  }
  const parts = partsOf(wrapped);
  if (parts === null) {
    return;
  }
  if (PARTS.has(kind)) {
    const relation = nameOf(parts.slice(0, -1));
    if (relation !== null) {
      walk.relation(relation, { write: true });
    }
    addObject(walk, { database: null, schema: null, name: parts.at(-1) ?? '' });
    return;
  }
  const name = nameOf(parts);
  if (name === null) {
    return;
  }
  addObject(walk, name);
  if (RELATIONS.has(kind)) {
    walk.relation(name, { write: true });
  }
  if (ROUTINES.has(kind)) {
    walk.named(parts);
  }
  if (kind === 'role') {
    walk.unit.roles.add(name.name);
  }
}

function partsOf(wrapped: { readonly type: string; readonly node: TreeNode }): readonly string[] | null {
  const { type, node } = wrapped;
  switch (type) {
    case 'String':
      return [str(node, 'sval')];
    case 'List':
      // Of a constraint on a domain: the type, then the name.
      return list(node, 'items').flatMap((item) => {
        const text = stringOf(item);
        return text === null ? (strings(list(as(item, 'TypeName') ?? {}, 'names')) ?? []) : [text];
      });
    case 'TypeName':
      return strings(list(node, 'names'));
    case 'ObjectWithArgs':
      return strings(list(node, 'objname'));
    case 'RangeVar': {
      const name = rangeVarName(node);
      return [name.database, name.schema, name.name].filter((part) => part !== null);
    }
    case 'RoleSpec':
      return [str(node, 'rolename')];
    default:
      return null;
  }
}

/** The key of each statement that names its object: a name, a list of names, a relation or a list of relations. */
const NAMING_KEYS: ReadonlyMap<string, string> = new Map(
  (
    'CreateStmt=relation CreateSeqStmt=sequence AlterSeqStmt=sequence ViewStmt=view RefreshMatViewStmt=relation ' +
    'AlterTableStmt=relation ClusterStmt=relation ReindexStmt=relation IndexStmt=idxname CompositeTypeStmt=typevar ' +
    'CreateEnumStmt=typeName CreateRangeStmt=typeName CreateDomainStmt=domainname AlterEnumStmt=typeName ' +
    'AlterDomainStmt=typeName AlterTypeStmt=typeName CreateSchemaStmt=schemaname CreateFunctionStmt=funcname ' +
    'AlterFunctionStmt=func CreateTrigStmt=trigname CreateEventTrigStmt=trigname AlterEventTrigStmt=trigname ' +
    'RuleStmt=rulename CreatePolicyStmt=policy_name AlterPolicyStmt=policy_name CreateExtensionStmt=extname ' +
    'AlterExtensionStmt=extname AlterExtensionContentsStmt=extname CreateRoleStmt=role CreatedbStmt=dbname ' +
    'DropdbStmt=dbname AlterDatabaseStmt=dbname AlterDatabaseSetStmt=dbname AlterDatabaseRefreshCollStmt=dbname ' +
    'CreateTableSpaceStmt=tablespacename DropTableSpaceStmt=tablespacename AlterTableSpaceOptionsStmt=tablespacename ' +
    'AlterTableMoveAllStmt=orig_tablespacename CreateFdwStmt=fdwname AlterFdwStmt=fdwname ' +
    'CreateForeignServerStmt=servername AlterForeignServerStmt=servername CreateUserMappingStmt=servername ' +
    'AlterUserMappingStmt=servername DropUserMappingStmt=servername ImportForeignSchemaStmt=local_schema ' +
    'CreatePublicationStmt=pubname AlterPublicationStmt=pubname CreateSubscriptionStmt=subname ' +
    'AlterSubscriptionStmt=subname DropSubscriptionStmt=subname CreateStatsStmt=defnames AlterStatsStmt=defnames ' +
    'CreatePLangStmt=plname CreateAmStmt=amname CreateConversionStmt=conversion_name CreateOpClassStmt=opclassname ' +
    'CreateOpFamilyStmt=opfamilyname AlterOpFamilyStmt=opfamilyname AlterCollationStmt=collname DefineStmt=defnames ' +
    'AlterTSDictionaryStmt=dictname AlterTSConfigurationStmt=cfgname TruncateStmt=relations LockStmt=relations ' +
    'ReplicaIdentityStmt=name CreateTransformStmt=lang'
  )
    .split(' ')
    .map((pair) => {
      const [type = '', key = ''] = pair.split('=');
      return [type, key];
    }),
);

/** Records the object that a statement's own key names; the walk itself is the caller's. */
export function recordObject(walk: Walk, type: string, node: TreeNode): void {
  const value = node[NAMING_KEYS.get(type) ?? ''];
  if (typeof value === 'string') {
    addObject(walk, { database: null, schema: null, name: value });
    return;
  }
  if (Array.isArray(value)) {
    const parts = strings(value);
    const names: readonly (Name | null)[] =
      parts === null ? value.map((entry) => relationOf(as(entry, 'RangeVar'))) : [nameOf(parts)];
    for (const name of names) {
      if (name !== null) {
        addObject(walk, name);
      }
    }
    return;
  }
  if (isNode(value)) {
    const name =
      typeof value['relname'] === 'string' ? relationOf(value) : nameOf(strings(list(value, 'objname')) ?? []);
    if (name !== null) {
      addObject(walk, name);
    }
  }
}

function relationOf(node: TreeNode | null): Name | null {
  return node === null ? null : rangeVarName(node);
}

/** Functions that DDL names without calling them. */
export function namedFunctions(walk: Walk, node: TreeNode): void {
  for (const key of ['funcname', 'func_name', 'handler_name', 'plhandler', 'plinline', 'plvalidator']) {
    const parts = strings(list(node, key));
    if (parts !== null && parts.length > 0) {
      walk.named(parts);
    }
  }
  for (const key of ['func', 'fromsql', 'tosql']) {
    const parts = strings(list(child(node, key) ?? {}, 'objname'));
    if (parts !== null && parts.length > 0) {
      walk.named(parts);
    }
  }
}

/** COPY table TO, and ANALYZE: all or the named columns of a table are read. */
export function readColumns(walk: Walk, name: Name, columns: readonly string[]): void {
  readRelation(walk, name);
  if (columns.length === 0) {
    walk.unit.columns.add('*');
  }
  for (const column of columns) {
    walk.unit.columns.add(column);
    walk.unit.columns.add(`${name.name}.${column}`);
  }
}
