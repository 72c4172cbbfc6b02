// How settings stand in a Query before revision 54429 (ClickHouse 20.1): numbers as they are, everything else as text. The layout hangs on
// the name, so a name that is in neither list cannot be read over.

const TEXTS =
  'count_distinct_implementation date_time_input_format distinct_overflow_mode distributed_product_mode format_csv_delimiter ' +
  'format_schema group_by_overflow_mode join_default_strictness join_overflow_mode load_balancing network_compression_method ' +
  'read_overflow_mode result_overflow_mode send_logs_level set_overflow_mode sort_overflow_mode timeout_overflow_mode totals_mode ' +
  'transfer_overflow_mode input_format_allow_errors_ratio max_streams_to_max_threads_ratio memory_tracker_fault_probability ' +
  'totals_auto_threshold';

const NUMBERS =
  'add_http_cors_header aggregation_memory_efficient_merge_threads allow_ddl allow_distributed_ddl allow_experimental_low_cardinality_type ' +
  'asterisk_left_columns_only background_pool_size background_schedule_pool_size calculate_text_stack_trace compile compile_expressions ' +
  'connect_timeout connect_timeout_with_failover_ms connections_with_failover_max_tries decimal_check_overflow ' +
  'distributed_aggregation_memory_efficient distributed_connections_pool_size distributed_ddl_task_timeout ' +
  'distributed_directory_monitor_batch_inserts distributed_directory_monitor_sleep_time_ms distributed_group_by_no_merge ' +
  'empty_result_for_aggregation_by_empty_set enable_debug_queries enable_http_compression enable_optimize_predicate_expression extremes ' +
  'fallback_to_stale_replicas_for_distributed_queries force_index_by_date force_primary_key format_csv_allow_double_quotes ' +
  'format_csv_allow_single_quotes fsync_metadata group_by_two_level_threshold group_by_two_level_threshold_bytes http_connection_timeout ' +
  'http_headers_progress_interval_ms http_max_multipart_form_data_size http_native_compression_disable_checksumming_on_decompress ' +
  'http_receive_timeout http_send_timeout http_zlib_compression_level input_format_allow_errors_num input_format_import_nested_json ' +
  'input_format_skip_unknown_fields input_format_values_interpret_expressions insert_allow_materialized_columns insert_deduplicate ' +
  'insert_distributed_sync insert_distributed_timeout insert_quorum insert_quorum_timeout insert_sample_with_metadata interactive_delay ' +
  'join_use_nulls log_profile_events log_queries log_queries_cut_to_length log_query_settings log_query_threads ' +
  'low_cardinality_allow_in_native_format low_cardinality_max_dictionary_size low_cardinality_use_single_dictionary_for_part ' +
  'mark_cache_min_lifetime max_ast_depth max_ast_elements max_block_size max_bytes_before_external_group_by ' +
  'max_bytes_before_external_sort max_bytes_before_remerge_sort max_bytes_in_distinct max_bytes_in_join max_bytes_in_set max_bytes_to_read ' +
  'max_bytes_to_sort max_bytes_to_transfer max_columns_to_read max_compress_block_size max_concurrent_queries_for_user ' +
  'max_distributed_connections max_execution_time max_expanded_ast_elements max_fetch_partition_retries_count max_insert_block_size ' +
  'max_memory_usage max_memory_usage_for_all_queries max_memory_usage_for_user max_network_bandwidth max_network_bandwidth_for_all_users ' +
  'max_network_bandwidth_for_user max_network_bytes max_parallel_replicas max_pipeline_depth max_query_size max_read_buffer_size ' +
  'max_replica_delay_for_distributed_queries max_result_bytes max_result_rows max_rows_in_distinct max_rows_in_join max_rows_in_set ' +
  'max_rows_to_group_by max_rows_to_read max_rows_to_sort max_rows_to_transfer max_subquery_depth max_temporary_columns ' +
  'max_temporary_non_const_columns max_threads merge_tree_coarse_index_granularity merge_tree_max_rows_to_use_cache ' +
  'merge_tree_min_rows_for_concurrent_read merge_tree_min_rows_for_seek merge_tree_uniform_read_distribution min_bytes_to_use_direct_io ' +
  'min_compress_block_size min_count_to_compile min_execution_speed min_insert_block_size_bytes min_insert_block_size_rows ' +
  'mysql_max_rows_to_insert network_zstd_compression_level odbc_max_field_size optimize_min_equality_disjunction_chain_length ' +
  'optimize_move_to_prewhere optimize_throw_if_noop output_format_json_escape_forward_slashes output_format_json_quote_64bit_integers ' +
  'output_format_json_quote_denormals output_format_pretty_color output_format_pretty_max_column_pad_width output_format_pretty_max_rows ' +
  'output_format_write_statistics parallel_replica_offset parallel_replicas_count parallel_view_processing poll_interval ' +
  'prefer_localhost_replica preferred_block_size_bytes preferred_max_column_in_block_size_bytes priority queue_max_wait_ms ' +
  'read_backoff_max_throughput read_backoff_min_events read_backoff_min_interval_between_events_ms read_backoff_min_latency_ms readonly ' +
  'receive_timeout replace_running_query replication_alter_columns_timeout replication_alter_partitions_sync ' +
  'select_sequential_consistency send_progress_in_http_headers send_timeout skip_unavailable_shards stream_flush_interval_ms ' +
  'table_function_remote_max_addresses tcp_keep_alive_timeout timeout_before_checking_execution_speed use_client_time_zone ' +
  'use_index_for_in_with_subqueries use_uncompressed_cache';

const texts = new Set(TEXTS.split(' '));
const numbers = new Set(NUMBERS.split(' '));

/** How the value of that setting stands in a packet. */
export function binaryForm(name: string): 'number' | 'string' | 'unknown' {
  if (numbers.has(name)) {
    return 'number';
  }
  return texts.has(name) ? 'string' : 'unknown';
}
