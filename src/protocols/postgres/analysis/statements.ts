// Every statement node of the grammar: its verb, object class, and the tier it has before its parts are looked at (fact
// reference 7.2). Nodes that need more than this row have a handler (analyse.ts). A node that is not here is opaque.
import type { Risk } from '../../../rules/action.ts';

export interface StatementRow {
  readonly verb: string;
  readonly object: string;
  readonly tier: Risk;
  readonly cause: string;
  readonly effects: readonly string[];
  /** What a statement does with the relations it names outside of queries. */
  readonly use: 'read' | 'write' | 'name';
  /** For a person, after "it". */
  readonly reason: string;
}

// Node | verb | object | tier | cause | effects | use | reason.
const TABLE = `
SelectStmt|select|none|safe||read|read|
InsertStmt|insert|none|suspicious|insert|write|write|adds rows
UpdateStmt|update|none|suspicious|update|write|write|changes rows
DeleteStmt|delete|none|destructive|delete|delete write|write|
MergeStmt|merge|none|suspicious|merge|write|write|inserts or changes rows
TruncateStmt|truncate|table|destructive|truncate|delete write|write|removes all rows
CopyStmt|copy|none|safe|||name|
VariableShowStmt|show|none|safe|||name|
ExplainStmt|explain|none|safe|||name|
TransactionStmt|other|none|safe||session|name|
ConstraintsSetStmt|set|constraint|safe||session|name|
ClosePortalStmt|close|none|safe||session|name|
DeallocateStmt|deallocate|none|safe||session|name|
ListenStmt|listen|none|safe||session|name|
UnlistenStmt|unlisten|none|safe||session|name|
DeclareCursorStmt|declare|none|safe||session|name|
PrepareStmt|prepare|none|safe||session|name|
FetchStmt|fetch|none|safe|||name|
ExecuteStmt|execute|none|safe|||name|
DiscardStmt|discard|none|safe||session|name|
VariableSetStmt|set|none|safe||session|name|
NotifyStmt|notify|none|suspicious|message|message|name|sends a message to other clients
LockStmt|lock|table|destructive|lock||name|
CreateStmt|create|table|suspicious|create|ddl|write|creates a table
CreateTableAsStmt|create|table|suspicious|create|ddl write|write|creates a table from a query
CreateSeqStmt|create|sequence|suspicious|create|ddl|write|creates a sequence
CreateEnumStmt|create|type|suspicious|create|ddl|write|creates a type
CreateDomainStmt|create|domain|suspicious|create|ddl|write|creates a domain
CompositeTypeStmt|create|type|suspicious|create|ddl|write|creates a type
CreateRangeStmt|create|type|suspicious|create|ddl|write|creates a type
CreateStatsStmt|create|statistics|suspicious|create|ddl|read|creates extended statistics
AlterStatsStmt|alter|statistics|suspicious|alter|ddl|write|changes extended statistics
CommentStmt|comment|none|suspicious|comment|ddl|write|changes a comment
AlterObjectDependsStmt|alter|none|suspicious|alter|ddl|write|changes what an object depends on
CreateSchemaStmt|create|schema|suspicious|create|ddl|write|creates a schema
ViewStmt|create|view|suspicious|create|ddl|write|creates a view
IndexStmt|create|index|destructive|create_index|ddl lock|write|
ReindexStmt|reindex|index|destructive|reindex|maintenance lock|write|
RefreshMatViewStmt|refresh|materialized_view|destructive|refresh|maintenance lock write|write|
VacuumStmt|vacuum|none|suspicious|maintenance|maintenance|name|puts load on the server
CheckPointStmt|checkpoint|none|suspicious|maintenance|maintenance|name|causes a burst of input and output
AlterEnumStmt|alter|type|suspicious|alter|ddl|write|adds a value to a type
AlterTableStmt|alter|table|suspicious|alter|ddl|write|
ClusterStmt|cluster|table|destructive|rewrite|maintenance lock|write|rewrites a table under an exclusive lock
DropStmt|drop|none|destructive|drop|ddl delete|write|drops an object
DropdbStmt|drop|database|destructive|drop|ddl delete server|write|drops a database
DropRoleStmt|drop|role|destructive|drop|privilege ddl|write|drops a role
DropTableSpaceStmt|drop|tablespace|destructive|drop|ddl server|write|drops a tablespace
DropSubscriptionStmt|drop|subscription|destructive|drop|ddl network|write|drops a subscription
DropUserMappingStmt|drop|user_mapping|destructive|drop|ddl network|write|drops stored credentials of a foreign server
DropOwnedStmt|drop|owned|destructive|drop|ddl delete privilege|write|drops everything a role owns
RenameStmt|rename|none|destructive|rename|ddl|write|changes what an existing name means
AlterObjectSchemaStmt|alter|none|destructive|alter|ddl|write|moves an object to another schema
AlterTypeStmt|alter|type|destructive|alter|ddl|write|changes a type
AlterDomainStmt|alter|domain|destructive|alter|ddl|write|changes a domain
AlterSeqStmt|alter|sequence|destructive|alter|ddl|write|changes the numbers that a sequence gives
ReplicaIdentityStmt|alter|table|destructive|alter|ddl|write|changes what is replicated
AlterCollationStmt|alter|collation|destructive|alter|ddl|write|changes a collation
AlterTSConfigurationStmt|alter|text_search|destructive|alter|ddl|write|changes text search
AlterTSDictionaryStmt|alter|text_search|destructive|alter|ddl|write|changes text search
GrantStmt|grant|none|destructive|privilege|privilege|write|changes who may do what
GrantRoleStmt|grant|role|destructive|privilege|privilege|write|changes who is a member of what
AlterDefaultPrivilegesStmt|alter|default_privileges|destructive|privilege|privilege|write|changes who may use objects made later
AlterOwnerStmt|alter|none|destructive|privilege|privilege ddl|write|changes an owner
ReassignOwnedStmt|reassign|owned|destructive|privilege|privilege ddl|write|gives everything a role owns to another
CreateRoleStmt|create|role|destructive|privilege|privilege|write|creates a role
AlterRoleStmt|alter|role|destructive|privilege|privilege|write|changes a role
AlterRoleSetStmt|alter|role|destructive|privilege|privilege|write|changes what a role's later connections start with
CreatePolicyStmt|create|policy|destructive|privilege|privilege ddl|write|changes which rows people see
AlterPolicyStmt|alter|policy|destructive|privilege|privilege ddl|write|changes which rows people see
SecLabelStmt|security label|none|destructive|privilege|privilege|write|changes a security label
CreateFunctionStmt|create|function|destructive|code|ddl exec|write|installs code
AlterFunctionStmt|alter|function|destructive|code|ddl exec|write|changes how a function runs
CreateTrigStmt|create|trigger|destructive|code|ddl exec|write|installs code that later writes run
CreateEventTrigStmt|create|event_trigger|destructive|code|ddl exec|write|installs code that later statements run
AlterEventTrigStmt|alter|event_trigger|destructive|code|ddl|write|changes which code later statements run
RuleStmt|create|rule|destructive|code|ddl exec|write|changes what later statements on a table do
CreatePLangStmt|create|language|destructive|code|ddl exec|write|installs a language
CreateTransformStmt|create|transform|destructive|code|ddl exec|write|installs code
CreateCastStmt|create|cast|destructive|code|ddl exec|write|changes how later statements resolve
CreateConversionStmt|create|conversion|destructive|code|ddl exec|write|installs code
CreateOpClassStmt|create|operator|destructive|code|ddl exec|write|changes how later statements resolve
CreateOpFamilyStmt|create|operator|destructive|code|ddl exec|write|changes how later statements resolve
AlterOpFamilyStmt|alter|operator|destructive|code|ddl exec|write|changes how later statements resolve
AlterOperatorStmt|alter|operator|destructive|code|ddl|write|changes an operator
DefineStmt|create|none|destructive|code|ddl exec|write|installs code, or changes how later statements resolve
CreateAmStmt|create|access_method|destructive|code|ddl exec|write|installs code
LoadStmt|load|none|destructive|code|exec file|name|loads code into the server
CreateExtensionStmt|create|extension|destructive|code|ddl exec|write|installs code
AlterExtensionStmt|alter|extension|destructive|code|ddl exec|write|changes installed code
AlterExtensionContentsStmt|alter|extension|destructive|code|ddl|write|changes what belongs to an extension
CallStmt|call|procedure|destructive|procedure|exec|name|runs a procedure
DoStmt|do|none|suspicious|code||name|runs a code block
CreateFdwStmt|create|fdw|destructive|network|ddl network|write|opens the server to other hosts
AlterFdwStmt|alter|fdw|destructive|network|ddl network|write|opens the server to other hosts
CreateForeignServerStmt|create|server|destructive|network|ddl network|write|opens the server to other hosts
AlterForeignServerStmt|alter|server|destructive|network|ddl network|write|opens the server to other hosts
CreateUserMappingStmt|create|user_mapping|destructive|network|ddl network|write|stores credentials for another host
AlterUserMappingStmt|alter|user_mapping|destructive|network|ddl network|write|changes credentials for another host
CreateForeignTableStmt|create|foreign_table|destructive|network|ddl network|write|reaches data of another host
ImportForeignSchemaStmt|import|schema|destructive|network|ddl network|write|reaches data of another host
CreatePublicationStmt|create|publication|destructive|network|ddl network|read|lets data leave
AlterPublicationStmt|alter|publication|destructive|network|ddl network|read|lets data leave
CreateSubscriptionStmt|create|subscription|destructive|network|ddl network|write|connects to another host
AlterSubscriptionStmt|alter|subscription|destructive|network|ddl network|write|connects to another host
AlterSystemStmt|alter|system|destructive|server|server|write|changes the whole server's configuration
AlterDatabaseStmt|alter|database|destructive|server|ddl server|write|changes a database
AlterDatabaseSetStmt|alter|database|destructive|server|ddl server|write|changes what later connections start with
AlterDatabaseRefreshCollStmt|alter|database|destructive|server|ddl server|write|changes a database
CreatedbStmt|create|database|destructive|server|ddl server|write|creates a database
CreateTableSpaceStmt|create|tablespace|destructive|server|ddl server file|write|uses a directory of the server
AlterTableSpaceOptionsStmt|alter|tablespace|destructive|server|ddl server|write|changes a tablespace
AlterTableMoveAllStmt|alter|tablespace|destructive|server|ddl server lock|write|moves many tables
RawStmt|other|none|destructive|opaque|opaque|name|is no statement of its own
SetOperationStmt|other|none|destructive|opaque|opaque|name|is no statement of its own
ReturnStmt|other|none|destructive|opaque|opaque|name|is no statement of its own
PLAssignStmt|other|none|destructive|opaque|opaque|name|is no statement of its own`;

const TIERS: ReadonlyMap<string, Risk> = new Map([
  ['safe', 'safe'],
  ['suspicious', 'suspicious'],
  ['destructive', 'destructive'],
]);

function readRow(line: string): readonly [string, StatementRow] {
  const [node = '', verb = '', object = '', tier = '', cause = '', effects = '', use = '', reason = ''] =
    line.split('|');
  return [
    node,
    {
      verb,
      object,
      tier: TIERS.get(tier) ?? 'destructive',
      cause,
      effects: effects.split(' ').filter((effect) => effect !== ''),
      use: use === 'read' || use === 'write' ? use : 'name',
      reason,
    },
  ];
}

export const STATEMENTS: ReadonlyMap<string, StatementRow> = new Map(TABLE.trim().split('\n').map(readRow));
