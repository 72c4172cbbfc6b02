// What a setting does to the statement it comes with and to later ones (fact reference 7.7), whichever way it is set: SET, a SETTINGS
// clause, the Query packet, the URL.
import type { Risk } from '../../../rules/action.ts';

export interface SettingJudgement {
  readonly tier: Risk;
  readonly cause: string;
  readonly reason: string;
  /** The gateway would read another text than the server, or another than was judged would run: refused whatever rules say. */
  readonly refused: string | null;
}

const SAFE: SettingJudgement = { tier: 'safe', cause: '', reason: '', refused: null };

/** How results look, how they are computed, and how they travel: none of it changes what is read or written, or for whom. */
const HARMLESS =
  'output_format_* input_format_* format_csv_* format_tsv_* format_regexp* format_custom_* ' +
  'date_time_input_format date_time_output_format interval_output_format bool_*_representation default_format extremes ' +
  'log_comment query_id wait_end_of_query send_progress_in_http_headers http_headers_progress_interval_ms buffer_size http_response_buffer_size ' +
  'http_zlib_compression_level enable_http_compression http_write_exception_in_output_format compress decompress ' +
  'network_compression_method network_zstd_compression_level http_native_compression_disable_checksumming_on_decompress ' +
  'cancel_http_readonly_queries_on_client_close send_logs_level send_profile_events add_http_cors_header session_timezone ' +
  'async_insert async_insert_* wait_for_async_insert wait_for_async_insert_timeout insert_deduplicate insert_deduplication_token ' +
  'insert_quorum insert_quorum_parallel insert_quorum_timeout insert_null_as_default insert_distributed_sync mutations_sync alter_sync ' +
  'replication_alter_partitions_sync lightweight_deletes_sync select_sequential_consistency database_replicated_ddl_output ' +
  'join_algorithm join_use_nulls join_default_strictness any_join_distinct_right_table_keys optimize_* query_plan_* ' +
  'use_query_cache use_uncompressed_cache enable_filesystem_cache enable_reads_from_query_cache enable_writes_to_query_cache ' +
  'query_cache_ttl query_cache_tag query_cache_min_query_runs query_cache_min_query_duration query_cache_compress_entries ' +
  'count_distinct_implementation totals_mode group_by_use_nulls group_by_overflow_mode group_by_two_level_threshold* distinct_overflow_mode ' +
  'read_overflow_mode result_overflow_mode timeout_overflow_mode set_overflow_mode join_overflow_mode sort_overflow_mode ' +
  'transfer_overflow_mode aggregate_functions_null_for_empty transform_null_in cast_keep_nullable decimal_check_overflow ' +
  'union_default_mode except_default_mode intersect_default_mode final do_not_merge_across_partitions_select_final ' +
  'distributed_product_mode distributed_aggregation_memory_efficient distributed_group_by_no_merge prefer_localhost_replica ' +
  'load_balancing skip_unavailable_shards fallback_to_stale_replicas_for_distributed_queries connect_timeout receive_timeout send_timeout ' +
  'connect_timeout_with_failover_ms http_connection_timeout http_receive_timeout http_send_timeout poll_interval interactive_delay ' +
  'compile_expressions compile_aggregate_expressions compile_sort_description min_count_to_compile* min_insert_block_size_* ' +
  'min_bytes_to_use_direct_io merge_tree_* local_filesystem_read_method remote_filesystem_read_method preferred_block_size_bytes ' +
  'force_index_by_date force_primary_key force_data_skipping_indices force_optimize_skip_unused_shards enable_optimize_predicate_expression ' +
  'move_all_conditions_to_prewhere enable_early_constant_folding short_circuit_function_evaluation asterisk_include_*_columns ' +
  'describe_compact_output describe_include_subcolumns show_table_uuid_in_table_create_query_if_not_nil flatten_nested ' +
  'low_cardinality_allow_in_native_format precise_float_parsing parallel_view_processing empty_result_for_aggregation_by_empty_set ' +
  'strict_insert_defaults use_client_time_zone stream_flush_interval_ms exact_rows_before_limit rows_before_aggregation ' +
  'memory_overcommit_ratio_denominator priority send_table_structure_on_insert_with_inline_data partial_merge_join_optimizations ' +
  'enable_unaligned_array_join convert_query_to_cnf enable_lightweight_delete enable_multiple_prewhere_read_steps';

const isListed = matcher(HARMLESS);

/** Names of files and places, which a pattern of the list above would take in: output_format_schema is a file that the server writes. */
const NAMES_PLACE = /(^|_)(path|schema|file|url|threads)(_|$)/;

function isHarmless(name: string): boolean {
  return isListed(name) && !NAMES_PLACE.test(name);
}

/** Limits that may be tightened: the server's own default, 0 where it has no limit. A looser value than that is not safe. */
const LIMITS: ReadonlyMap<string, number> = new Map(
  (
    'max_execution_time 0|max_execution_time_leaf 0|max_estimated_execution_time 0|max_result_rows 0|max_result_bytes 0|max_rows_to_read 0|' +
    'max_bytes_to_read 0|max_rows_to_read_leaf 0|max_bytes_to_read_leaf 0|max_rows_to_group_by 0|max_rows_to_sort 0|max_bytes_to_sort 0|' +
    'max_rows_in_set 0|max_bytes_in_set 0|max_rows_in_join 0|max_bytes_in_join 0|max_rows_in_distinct 0|max_bytes_in_distinct 0|' +
    'max_rows_to_transfer 0|max_bytes_to_transfer 0|max_columns_to_read 0|max_temporary_columns 0|max_temporary_non_const_columns 0|' +
    'max_memory_usage 10000000000|max_memory_usage_for_user 0|max_network_bandwidth 0|max_network_bytes 0|max_execution_speed 0|' +
    'max_execution_speed_bytes 0|max_concurrent_queries_for_user 0|max_ast_depth 1000|max_ast_elements 50000|max_expanded_ast_elements 500000|' +
    'max_subquery_depth 100|max_analyze_depth 5000|max_partitions_per_insert_block 100|max_distributed_depth 5|max_partitions_to_read 0|' +
    'max_bytes_before_external_group_by 0|max_bytes_before_external_sort 0|max_temporary_data_on_disk_size_for_query 0|' +
    'max_threads 256|max_insert_threads 256|max_final_threads 256|max_download_threads 64|max_parsing_threads 64|max_alter_threads 64|' +
    'max_block_size 1048576|max_insert_block_size 16777216|max_joined_block_size_rows 1048576|max_read_buffer_size 16777216|' +
    'max_compress_block_size 16777216|max_query_size 262144|max_parser_depth 1000|max_parser_backtracks 1000000|' +
    'max_distributed_connections 1024|max_parallel_replicas 1000|max_streams_to_max_threads_ratio 1'
  )
    .split('|')
    .map((entry) => {
      const [name = '', value = '0'] = entry.split(' ');
      return [name, Number(value)];
    }),
);

function matcher(names: string): (name: string) => boolean {
  const exact = new Set<string>();
  const patterns: RegExp[] = [];
  for (const name of names.split(' ')) {
    if (name.includes('*')) {
      patterns.push(new RegExp(`^${name.replaceAll('*', '[a-z0-9_]*')}$`));
    } else {
      exact.add(name);
    }
  }
  return (name) => exact.has(name) || patterns.some((pattern) => pattern.test(name));
}

const OFF = /^(0|false)$/i;

/** Settings under which the server reads another language, or text that is no statement here. */
export function changesReading(name: string, value: string): boolean {
  switch (name) {
    case 'dialect':
      return value !== 'clickhouse';
    case 'implicit_select':
    case 'allow_settings_after_format_in_insert':
      return !OFF.test(value);
    case 'implicit_table_at_top_level':
    case 'polyglot_dialect':
      return value !== '';
    default:
      return false;
  }
}

/** Whether the setting decides how text is read, so that its value has to be known. */
export function decidesReading(name: string): boolean {
  return changesReading(name, 'on') || changesReading(name, '');
}

/**
 * What a setting hides of the statements that run under it: `names`, what their table names stand for (without the global WITH a name of a
 * UNION or a sub-query is a table, and not the query of that name), or `all`, where its value is an expression that is added to them.
 */
export function hides(name: string, value: string): 'names' | 'all' | null {
  switch (name) {
    case 'enable_global_with_statement':
      return /^(1|true)$/i.test(value) ? null : 'names';
    case 'compatibility':
      return value === '' || GLOBAL_WITH.test(value) ? null : 'names';
    case 'additional_table_filters':
    case 'additional_result_filter':
      return value === '' ? null : 'all';
    default:
      return null;
  }
}

/** Versions whose WITH is global without being told so. */
const GLOBAL_WITH = /^(2[2-9]|[3-9]\d)\.\d+(\.\d+)*$/;

/** Judges one setting. `value` null: back to the server's own, or a value that is not in the text. */
export function judgeSetting(name: string, value: string | null): SettingJudgement {
  if (value !== null && changesReading(name, value)) {
    return {
      ...destructive(name, 'under which the server would read other text than was judged'),
      refused: `${name} may not be set to this value: the gateway would read another text than the server`,
    };
  }
  if (isHarmless(name)) {
    return SAFE;
  }
  if (value === null) {
    return destructive(name, 'to a value that is not in the text');
  }
  if (decidesReading(name)) {
    return SAFE;
  }
  // Neither can be taken back within the session.
  if ((name === 'readonly' && /^[12]$/.test(value)) || (name === 'allow_ddl' && OFF.test(value))) {
    return SAFE;
  }
  return judgeLimit(name, value);
}

function judgeLimit(name: string, value: string): SettingJudgement {
  const limit = LIMITS.get(name);
  if (limit === undefined) {
    return destructive(name, 'which is on no list of harmless settings');
  }
  const number = /^\d{1,15}(\.\d{1,6})?$/.test(value) ? Number(value) : 0;
  return number > 0 && (limit === 0 || number <= limit)
    ? SAFE
    : destructive(name, `to ${value}, which is no limit that is tighter than the server's own`);
}

function destructive(name: string, why: string): SettingJudgement {
  return { tier: 'destructive', cause: 'setting', reason: `sets ${name}, ${why}`, refused: null };
}
