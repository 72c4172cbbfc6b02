// Facts of family `sql` (fact reference, section 3). The vocabulary of an enumeration is the family's: a verb that only
// ClickHouse has is legal in a rule about Postgres, so that one rule can serve both.
import type { FactDefinition } from './fact-schema.ts';
import { BOOL, DOUBLE, INT, STRING, STRINGS, STRING_MAP, TIMESTAMP, facts, listOf, record } from './schema-parts.ts';

// `shape` is a function of the action's memo: text shape, database, role, search path. `text` also hangs on literals
// and bound parameters.
const shape = facts('shape', 'agent');
const text = facts('text', 'agent');
const connection = facts('connection', 'upstream');
const login = facts('shape', 'operators');

const VERBS =
  'alter|analyze|attach|backup|begin|call|check|checkpoint|close|cluster|comment|commit|commit prepared|copy|create|' +
  'deallocate|declare|delete|describe|detach|discard|do|drop|exchange|execute|execute as|exists|explain|fetch|grant|' +
  'import|insert|kill|listen|load|lock|merge|move|notify|optimize|other|prepare|prepare transaction|reassign|refresh|' +
  'reindex|release|rename|reset|restore|revoke|rollback|rollback prepared|savepoint|security label|select|set|' +
  'set local role|set local session authorization|set role|set session authorization|show|system|truncate|undrop|' +
  'unlisten|update|use|vacuum|watch|with';

const CONTEXTS = 'top|cte|explain|prepare|execute|cursor|copy|ctas|view|rule|function|do|schema|parallel|execute_as';

const EFFECTS =
  'read|write|delete|ddl|privilege|identity|session|lock|exec|file|network|message|maintenance|server|opaque';

const FUNCTION_EFFECTS =
  'safe|session|dynamic_sql|file|network|process|server|replication|large_object|sequence|lock|message|sleep|' +
  'maintenance|read|write|delete|ddl|privilege|identity|exec|opaque|unknown';

const OBJECTS =
  'none|table|view|materialized_view|index|sequence|schema|database|role|function|procedure|trigger|event_trigger|rule|' +
  'policy|extension|type|domain|cast|operator|collation|conversion|language|fdw|server|user_mapping|foreign_table|' +
  'publication|subscription|statistics|tablespace|access_method|text_search|transform|large_object|parameter|system|' +
  'default_privileges|owned|column|constraint|dictionary|user|quota|row_policy|settings_profile|named_collection|workload';

const OPAQUE_CAUSES =
  'unparseable|too_large|dynamic_sql|procedural_language|unknown_statement|unknown_prepared|unknown_function|encoding|' +
  'session_state|multi_parse';

const LOCKING = 'none|for_key_share|for_share|for_no_key_update|for_update';

const PREDICATE = record({
  table: STRING,
  column: STRING,
  op: STRING,
  value: STRING,
  values: STRINGS,
  kind: STRING,
  number: DOUBLE,
  time: TIMESTAMP,
});

export const SQL_FACTS: readonly FactDefinition[] = [
  shape.closed('sql.verb', STRING, VERBS, 'kind of this unit, from the syntax tree; never empty'),
  shape.plain('sql.tables', STRINGS, 'every relation the unit names in any position, as leaf and schema.leaf'),
  shape.plain(
    'sql.functions',
    STRINGS,
    'every function called anywhere in the unit; also casts and operators outside pg_catalog',
  ),
  text.plain('sql.statement', STRING, 'text of this unit exactly as sent, without the closing semicolon'),
  login.plain('sql.database', STRING, 'database of the connection'),
  shape.closed(
    'sql.verbs',
    listOf(STRING),
    VERBS,
    'kinds of everything that runs now or is stored for later in this unit',
  ),
  shape.closed('sql.context', STRING, CONTEXTS, 'top, or where the unit was nested'),
  shape.plain('sql.statements', INT, 'number of top-level statements in the batch'),
  shape.closed('sql.effects', STRINGS, EFFECTS, 'effects of the unit, nested statements and called functions included'),
  shape.plain('sql.reads', STRINGS, 'relations whose rows may be read'),
  shape.plain(
    'sql.writes',
    STRINGS,
    'relations written, created, altered, dropped, truncated, locked exclusively or granted on',
  ),
  shape.plain('sql.columns', STRINGS, 'columns referenced, as column and table.column; * for a star or a whole row'),
  shape.plain('sql.write_columns', STRINGS, 'columns assigned; * for an INSERT without a column list'),
  text.plain('sql.predicates', listOf(PREDICATE), 'conjuncts of the WHERE that have the form column op constant'),
  shape.plain('sql.predicates_complete', BOOL, 'the WHERE is nothing but the listed conjuncts'),
  shape.plain(
    'sql.has_where',
    BOOL,
    'every UPDATE, DELETE and top-level SELECT has a WHERE that does not fold to true',
  ),
  shape.plain('sql.bounded', BOOL, 'every UPDATE, DELETE and MERGE action has an effective conjunct on its target'),
  text.plain('sql.row_limit', INT, 'LIMIT of the outermost SELECT; the largest int when there is none'),
  shape.closed('sql.locking', STRING, LOCKING, 'strongest row lock clause in the unit'),
  shape.closed('sql.object', STRING, OBJECTS, 'object class of DDL, GRANT, COMMENT; none otherwise'),
  shape.plain('sql.objects', STRINGS, 'names of those objects'),
  shape.plain('sql.cascade', BOOL, 'CASCADE on DROP, TRUNCATE, REVOKE, DROP OWNED'),
  shape.closed('sql.copy_direction', STRING, 'none|in|out', 'COPY FROM or COPY TO; INTO OUTFILE, FROM INFILE'),
  shape.closed('sql.copy_channel', STRING, 'none|client|file|program', 'the other end of COPY'),
  shape.plain('sql.copy_program', STRING, 'command of COPY … PROGRAM'),
  shape.plain('sql.copy_file', STRING, 'server path of COPY, OUTFILE, INFILE'),
  shape.plain(
    'sql.roles',
    STRINGS,
    'roles that the unit switches to, grants to or from, creates, alters, drops or makes owner',
  ),
  shape.plain('sql.settings', STRING_MAP, 'parameters set; "default" for a reset, key * for RESET ALL'),
  shape.plain('sql.volatile_functions', STRINGS, 'called functions that are not on the safe list'),
  shape.closed('sql.function_effects', STRINGS, FUNCTION_EFFECTS, 'effect classes of the called functions'),
  shape.plain('sql.is_opaque', BOOL, 'something in the unit can have effects that the analysis cannot see'),
  shape.closed('sql.opaque_causes', STRINGS, OPAQUE_CAUSES, 'why the unit is opaque'),
  text.plain('sql.params', STRINGS, 'values of the bound parameters in text form; NULL is ""'),
  text.plain('sql.param_nulls', listOf(BOOL), 'which bound parameters are NULL'),
  shape.plain('sql.fingerprint', STRING, 'hash of the statement with constants replaced; for grants and statistics'),
  login.plain('sql.user', STRING, 'upstream login role that the gateway uses'),
  shape.plain('sql.role', STRING, 'effective role as tracked'),
  connection.closed('sql.transaction', STRING, 'idle|open|failed', 'transaction status the server last reported'),
  shape.plain('sql.table_functions', STRINGS, 'ClickHouse: table functions'),
  shape.plain('sql.dictionaries', STRINGS, 'ClickHouse: dictionaries read'),
  text.plain('sql.query_params', STRING_MAP, 'ClickHouse: substitutions of {name:Type}'),
  shape.plain('sql.external_tables', STRINGS, 'ClickHouse: temporary tables sent with the query'),
  shape.plain('sql.format', STRING, 'ClickHouse: FORMAT'),
  shape.plain('sql.outfile', STRING, 'ClickHouse: INTO OUTFILE'),
  shape.plain('sql.infile', STRING, 'ClickHouse: FROM INFILE'),
  shape.plain('sql.cluster', STRING, 'ClickHouse: ON CLUSTER name'),
  shape.plain('sql.engine', STRING, 'ClickHouse: engine of CREATE or ATTACH'),
  shape.closed('sql.interface', STRING, 'native|http', 'which endpoint form carried the statement'),
];
