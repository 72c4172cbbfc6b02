// What a called function can do (fact reference 7.4). The catalogue's own volatility proves nothing for some names
// (database_to_xml is stable and reads any table), so the classes below are looked at first.
import type { Risk } from '../../../rules/action.ts';
import {
  IMMUTABLE_OR_STABLE_FUNCTIONS,
  OPERATORS,
  REGCLASS_FUNCTIONS,
  TYPES,
  VOLATILE_FUNCTIONS,
} from './catalogue.ts';

export type FunctionClass =
  | 'safe'
  | 'session'
  | 'dynamic_sql'
  | 'file'
  | 'network'
  | 'process'
  | 'server'
  | 'replication'
  | 'large_object'
  | 'sequence'
  | 'lock'
  | 'message'
  | 'sleep'
  | 'maintenance'
  | 'unknown';

interface ClassRow {
  readonly class: FunctionClass;
  readonly tier: Risk;
  /** Entries of `sql.effects` that a call adds. */
  readonly effects: readonly string[];
  /** Names, `*` standing for any characters; looked up in this order. */
  readonly names: string;
  /** Also when the function is not one of pg_catalog (extensions install these anywhere). */
  readonly anywhere?: boolean;
  /** For a person: what a call does. */
  readonly why: string;
}

const ROWS: readonly ClassRow[] = [
  {
    class: 'dynamic_sql',
    tier: 'destructive',
    effects: ['opaque'],
    names: 'query_to_xml* cursor_to_xml* table_to_xml* schema_to_xml* database_to_xml* ts_stat',
    why: 'runs a query or reads tables given as text',
  },
  {
    class: 'dynamic_sql',
    tier: 'destructive',
    effects: ['opaque'],
    names:
      'pg_input_is_valid pg_input_error_info domain_in domain_recv record_in record_recv array_in array_recv range_in range_recv ' +
      'multirange_in multirange_recv',
    why: 'converts to a type given at run time, which runs the code of that type',
  },
  {
    class: 'dynamic_sql',
    tier: 'destructive',
    effects: ['opaque'],
    names: 'crosstab* connectby xpath_table',
    anywhere: true,
    why: 'runs a query given as text',
  },
  {
    class: 'file',
    tier: 'destructive',
    effects: ['file'],
    names:
      'pg_read_file* pg_read_binary_file* pg_stat_file pg_ls_* pg_current_logfile pg_hba_file_rules pg_ident_file_mappings ' +
      'pg_show_all_file_settings lo_import lo_export pg_file_* pg_logdir_ls',
    why: 'reaches files of the server',
  },
  {
    class: 'network',
    tier: 'destructive',
    effects: ['network'],
    names: 'dblink* postgres_fdw_* http* net.http_* aws_s3.* aws_lambda.* azure_storage.*',
    anywhere: true,
    why: 'reaches other hosts',
  },
  {
    class: 'process',
    tier: 'destructive',
    effects: ['server'],
    names: 'pg_terminate_backend pg_cancel_backend',
    why: "ends other people's work",
  },
  {
    class: 'server',
    tier: 'destructive',
    effects: ['server'],
    names:
      'pg_reload_conf pg_rotate_logfile* pg_promote pg_wal_replay_pause pg_wal_replay_resume pg_switch_wal pg_backup_* ' +
      'pg_start_backup pg_stop_backup pg_create_restore_point pg_log_* pg_import_system_collations pg_extension_config_dump ' +
      'binary_upgrade_* pg_stop_making_pinned_objects pg_nextoid pg_stat_reset* pg_restore_*_stats pg_clear_*_stats',
    why: 'acts on the whole server',
  },
  {
    class: 'server',
    tier: 'destructive',
    effects: ['server'],
    names: 'pg_stat_statements_reset pg_truncate_visibility_map heap_force_*',
    anywhere: true,
    why: 'acts on the whole server',
  },
  {
    class: 'replication',
    tier: 'destructive',
    effects: ['server'],
    names:
      'pg_create_*_replication_slot pg_drop_replication_slot pg_copy_*_replication_slot pg_replication_slot_advance ' +
      'pg_sync_replication_slots pg_logical_slot_* pg_logical_emit_message pg_replication_origin_*',
    why: 'changes replication',
  },
  {
    class: 'large_object',
    tier: 'destructive',
    effects: ['delete'],
    names: 'lo_unlink',
    why: 'deletes a large object',
  },
  {
    class: 'large_object',
    tier: 'suspicious',
    effects: ['read'],
    names: 'lo_get loread lo_open lo_lseek* lo_tell* lo_close',
    why: 'reads large objects',
  },
  {
    class: 'large_object',
    tier: 'suspicious',
    effects: ['write'],
    names: 'lo_creat lo_create lo_from_bytea lo_put lowrite lo_truncate*',
    why: 'writes large objects',
  },
  { class: 'sequence', tier: 'suspicious', effects: ['write'], names: 'nextval', why: 'advances a sequence' },
  { class: 'sequence', tier: 'destructive', effects: ['write'], names: 'setval', why: 'sets a sequence' },
  {
    class: 'lock',
    tier: 'suspicious',
    effects: ['lock'],
    names: 'pg_advisory_lock* pg_advisory_xact_lock* pg_try_advisory_*',
    why: 'takes an advisory lock',
  },
  { class: 'message', tier: 'suspicious', effects: ['message'], names: 'pg_notify', why: 'sends a message to others' },
  {
    class: 'sleep',
    tier: 'suspicious',
    effects: [],
    names: 'pg_sleep pg_sleep_for pg_sleep_until',
    why: 'holds the connection and its locks',
  },
  {
    class: 'maintenance',
    tier: 'suspicious',
    effects: ['maintenance'],
    names: 'brin_summarize_* brin_desummarize_* gin_clean_pending_list pg_stat_force_next_flush',
    why: 'puts load on the server',
  },
  {
    class: 'maintenance',
    tier: 'suspicious',
    effects: ['maintenance'],
    names: 'pg_prewarm',
    anywhere: true,
    why: 'puts load on the server',
  },
  // What set_config does hangs on its arguments; the walk judges it as the SET that it is.
  { class: 'session', tier: 'safe', effects: ['session'], names: 'set_config', why: '' },
];

/** Volatile by the catalogue, and harmless. */
const HARMLESS_VOLATILE =
  'clock_timestamp timeofday random random_normal setseed gen_random_uuid uuidv4 uuidv7 currval lastval pg_is_in_recovery ' +
  'pg_*_size pg_size_* pg_partition_tree pg_partition_ancestors pg_export_snapshot pg_blocking_pids ' +
  'pg_safe_snapshot_blocking_pids pg_lock_status pg_current_wal_*lsn pg_last_wal_* pg_last_xact_* pg_last_committed_xact ' +
  'pg_xact_status txid_status pg_xact_commit_timestamp* pg_control_* pg_stat_get_* pg_stat_have_stats pg_stat_clear_snapshot ' +
  'pg_sequence_last_value pg_notification_queue_usage pg_prepared_xact pg_get_shmem_allocations* ' +
  'pg_get_backend_memory_contexts pg_*collation_actual_version pg_advisory_unlock* pg_jit_available ' +
  'pg_tablespace_location pg_get_wal_* pg_is_wal_replay_paused amvalidate pg_get_sequence_data pg_get_wait_events ' +
  'pg_get_aios pg_get_multixact_members pg_show_replication_origin_status current_query array_sample array_shuffle ts_rewrite ' +
  'bernoulli system';

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(' ').filter((word) => word !== ''));
}

function matcher(names: string): (name: string) => boolean {
  const exact = new Set<string>();
  const patterns: RegExp[] = [];
  for (const name of words(names)) {
    if (name.includes('*')) {
      patterns.push(new RegExp(`^${name.replaceAll('.', '\\.').replaceAll('*', '.*')}$`, 's'));
    } else {
      exact.add(name);
    }
  }
  return (name) => exact.has(name) || patterns.some((pattern) => pattern.test(name));
}

/** What is known about one function. */
export interface FunctionInfo {
  readonly class: FunctionClass;
  readonly tier: Risk;
  readonly effects: readonly string[];
  readonly why: string;
  /** Its result depends on nothing but its arguments and the statement's snapshot. */
  readonly stable: boolean;
}

const UNKNOWN: FunctionInfo = {
  class: 'unknown',
  tier: 'destructive',
  effects: ['opaque'],
  why: 'is in no list of known functions',
  stable: false,
};
const TRUSTED: FunctionInfo = { class: 'safe', tier: 'safe', effects: [], why: '', stable: false };

const stableNames = words(IMMUTABLE_OR_STABLE_FUNCTIONS);
const volatileNames = words(VOLATILE_FUNCTIONS);
const harmless = matcher(HARMLESS_VOLATILE);
const rows = ROWS.map((row) => ({ row, matches: matcher(row.names) }));

function findRow(name: string, anywhereOnly: boolean): FunctionInfo | null {
  const found = rows.find(({ row, matches }) => (!anywhereOnly || row.anywhere === true) && matches(name));
  if (found === undefined) {
    return null;
  }
  const { class: kind, tier, effects, why } = found.row;
  return { class: kind, tier, effects, why, stable: false };
}

const builtIn = new Map<string, FunctionInfo>();
for (const name of [...stableNames, ...volatileNames]) {
  const stable = stableNames.has(name);
  const safe: FunctionInfo = { class: 'safe', tier: 'safe', effects: [], why: '', stable };
  builtIn.set(name, findRow(name, false) ?? (stable || harmless(name) ? safe : UNKNOWN));
}

/** A function by schema (null = unqualified) and name, both folded. */
export function classifyFunction(schema: string | null, name: string, trusted: ReadonlySet<string>): FunctionInfo {
  const qualified = schema === null ? name : `${schema}.${name}`;
  if (schema === null || schema === 'pg_catalog') {
    const found = builtIn.get(name);
    if (found !== undefined) {
      return found;
    }
  }
  if (trusted.has(qualified)) {
    return TRUSTED;
  }
  // information_schema is the server's own: drivers call its helpers.
  if (schema === 'information_schema' && name.startsWith('_pg_')) {
    return { ...TRUSTED, stable: true };
  }
  // Names that older servers have (pg_start_backup) or that extensions install in any schema.
  return findRow(qualified, true) ?? findRow(name, schema !== null && schema !== 'pg_catalog') ?? UNKNOWN;
}

/** Whether pg_catalog has a function of this name: then an unqualified call finds that one first. */
export function isBuiltInFunction(name: string): boolean {
  return builtIn.has(name);
}

const types = words(TYPES);
const operators = words(OPERATORS);
const regclassFunctions = words(REGCLASS_FUNCTIONS);

export function isBuiltInType(name: string): boolean {
  return types.has(name);
}

export function isBuiltInOperator(name: string): boolean {
  return operators.has(name);
}

/** Whether the first argument of this built-in function names a relation. */
export function takesRelation(name: string): boolean {
  return regclassFunctions.has(name);
}
