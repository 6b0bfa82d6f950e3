--- The functions that a script's read may call: built-in ones that change nothing, hold nothing and wait for nothing.
--- They are PostgreSQL's immutable and stable functions without support functions, and a few volatile ones by name.
--- tests/servers/client/pg_functions_spec.lua compares the list with a server.

local M = {}

-- "a b c" → { a = true, … }
local function set(words)
  local map = {}
  for word in words:gmatch "%S+" do
    map[word] = true
  end
  return map
end

--- Immutable and stable in every version of PostgreSQL that has them.
M.pure = set [[
  abbrev abs aclexplode acos acosd acosh age area array_agg array_dims array_fill array_length array_lower
  array_ndims array_position array_positions array_remove array_replace array_to_json array_to_string
  array_to_tsvector array_upper ascii asin asind asinh atan atan2 atan2d atand atanh avg bit bit_and bit_count
  bit_length bit_or bit_xor bool bool_and bool_or box bpchar broadcast btrim cardinality cbrt ceil ceiling center
  char char_length character_length chr cidr circle col_description concat concat_ws convert convert_from convert_to
  corr cos cosd cosh cot cotd count covar_pop covar_samp cume_dist current_database current_schema current_schemas
  current_setting current_user date date_bin date_part date_trunc datemultirange daterange decode degrees dense_rank
  diagonal diameter div encode enum_first enum_last enum_range every exp extract factorial family first_value float4
  float8 floor format format_type gcd generate_series generate_subscripts get_bit get_byte get_current_ts_config
  getdatabaseencoding getpgusername has_any_column_privilege has_column_privilege has_database_privilege
  has_foreign_data_wrapper_privilege has_function_privilege has_language_privilege has_parameter_privilege
  has_schema_privilege has_sequence_privilege has_server_privilege has_table_privilege has_tablespace_privilege
  has_type_privilege hashtext height host hostmask inet_client_addr inet_client_port inet_merge inet_same_family
  inet_server_addr inet_server_port initcap int2 int4 int4multirange int4range int8 int8multirange int8range
  interval is_normalized isclosed isempty isfinite ishorizontal isopen isparallel isperp isvertical json_agg
  json_array_elements json_array_elements_text json_array_length json_build_array json_build_object json_each
  json_each_text json_object json_object_agg json_object_keys json_populate_record json_populate_recordset
  json_strip_nulls json_to_record json_to_recordset json_to_tsvector json_typeof jsonb_agg jsonb_array_elements
  jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text
  jsonb_insert jsonb_object jsonb_object_agg jsonb_object_keys jsonb_path_exists jsonb_path_exists_tz
  jsonb_path_match jsonb_path_match_tz jsonb_path_query jsonb_path_query_array jsonb_path_query_array_tz
  jsonb_path_query_first jsonb_path_query_first_tz jsonb_path_query_tz jsonb_populate_record
  jsonb_populate_recordset jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_to_record jsonb_to_recordset
  jsonb_to_tsvector jsonb_typeof justify_days justify_hours justify_interval lag last_value lcm lead left length
  like line ln log log10 lower lower_inc lower_inf lpad lseg ltrim macaddr macaddr8 make_date make_interval
  make_time make_timestamp make_timestamptz masklen max md5 min min_scale mod mode money multirange mxid_age name
  netmask network normalize notlike now npoints nth_value ntile num_nonnulls num_nulls numeric nummultirange numnode
  numrange obj_description octet_length oid oidvectortypes overlaps overlay parse_ident path percent_rank
  percentile_cont percentile_disc pg_available_extension_versions pg_available_extensions pg_backend_pid
  pg_char_to_encoding pg_client_encoding pg_collation_for pg_collation_is_visible pg_column_compression
  pg_column_is_updatable pg_column_size pg_conf_load_time pg_conversion_is_visible pg_current_snapshot
  pg_current_xact_id_if_assigned pg_describe_object pg_encoding_max_length pg_encoding_to_char
  pg_extension_update_paths pg_filenode_relation pg_function_is_visible pg_get_catalog_foreign_keys
  pg_get_constraintdef pg_get_expr pg_get_function_arg_default pg_get_function_arguments
  pg_get_function_identity_arguments pg_get_function_result pg_get_function_sqlbody pg_get_functiondef
  pg_get_indexdef pg_get_keywords pg_get_object_address pg_get_partition_constraintdef pg_get_partkeydef
  pg_get_replica_identity_index pg_get_ruledef pg_get_serial_sequence pg_get_statisticsobjdef
  pg_get_statisticsobjdef_columns pg_get_statisticsobjdef_expressions pg_get_triggerdef pg_get_userbyid
  pg_get_viewdef pg_has_role pg_identify_object pg_identify_object_as_address pg_index_column_has_property
  pg_index_has_property pg_indexam_has_property pg_indexam_progress_phasename pg_is_other_temp_schema
  pg_listening_channels pg_lsn pg_mcv_list_items pg_my_temp_schema pg_opclass_is_visible pg_operator_is_visible
  pg_opfamily_is_visible pg_options_to_table pg_partition_root pg_postmaster_start_time pg_relation_filenode
  pg_relation_filepath pg_relation_is_publishable pg_relation_is_updatable pg_sequence_parameters
  pg_settings_get_flags pg_size_bytes pg_size_pretty pg_snapshot_xip pg_snapshot_xmax pg_snapshot_xmin
  pg_table_is_visible pg_tablespace_databases pg_tablespace_location pg_timezone_names
  pg_trigger_depth pg_ts_config_is_visible pg_ts_dict_is_visible pg_ts_parser_is_visible pg_ts_template_is_visible
  pg_type_is_visible pg_typeof pg_visible_in_snapshot pg_wal_lsn_diff pg_walfile_name pg_walfile_name_offset
  phraseto_tsquery pi plainto_tsquery point polygon position pow power querytree quote_ident quote_literal
  quote_nullable radians radius range_agg range_intersect_agg range_merge rank regclass regexp_count regexp_instr
  regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr
  regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy repeat replace reverse
  right round row_number row_security_active row_to_json rpad rtrim scale session_user set_bit set_byte set_masklen
  setweight sha224 sha256 sha384 sha512 shobj_description sign sin sind sinh slope split_part sqrt
  statement_timestamp stddev stddev_pop stddev_samp string_agg string_to_array string_to_table strip strpos substr
  substring sum tan tand tanh text time timestamp timestamptz timetz timezone to_ascii to_char to_date to_hex
  to_json to_jsonb to_number to_regclass to_regcollation to_regnamespace to_regoper to_regoperator to_regproc
  to_regprocedure to_regrole to_regtype to_timestamp to_tsquery to_tsvector transaction_timestamp translate
  trim_array trim_scale trunc ts_delete ts_filter ts_headline ts_lexize ts_parse ts_rank ts_rank_cd ts_token_type
  tsmultirange tsrange tstzmultirange tstzrange tsvector_to_array txid_current_if_assigned txid_current_snapshot
  txid_snapshot_xip txid_snapshot_xmax txid_snapshot_xmin txid_visible_in_snapshot unistr unnest upper upper_inc
  upper_inf var_pop var_samp varbit varchar variance version websearch_to_tsquery width width_bucket xid xml
  xml_is_well_formed xml_is_well_formed_content xml_is_well_formed_document xmlagg xmlcomment xmlexists xmlvalidate
  xpath xpath_exists]]

--- Volatile because what they show changes by itself.
M.volatile = set [[
  clock_timestamp current_query gen_random_uuid pg_blocking_pids pg_current_wal_lsn pg_database_size pg_indexes_size
  pg_is_in_recovery pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_partition_ancestors
  pg_partition_tree pg_relation_size pg_sequence_last_value pg_table_size pg_tablespace_size pg_total_relation_size
  random timeofday uuidv4 uuidv7]]

--- From some versions only, and from extensions.
M.others = set [[
  any_value array_reverse array_sample array_shuffle array_sort casefold crc32 crc32c date_add date_subtract digest erf
  erfc gamma hmac json_array json_arrayagg json_exists json_objectagg json_query json_scalar json_serialize json_table
  json_value levenshtein lgamma pg_input_is_valid pg_timezone_abbrevs random_normal similarity system_user to_bin to_oct
  unaccent unicode_assigned uuid_extract_timestamp uuid_extract_version uuid_generate_v4 word_similarity]]

--- The server's functions that act, wait or show what is not the reader's: its volatile ones of all versions. A read
--- may not name them in the form of a column, and an archive may not bring expressions that call them.
M.acting = set [[
  amvalidate binary_upgrade_create_empty_extension brin_desummarize_range brin_summarize_new_values
  brin_summarize_range currtid2 currval cursor_to_xml cursor_to_xmlschema database_to_xml database_to_xml_and_xmlschema
  dblink dblink_connect dblink_exec dblink_open dblink_send_query gin_clean_pending_list lastval lo_close lo_creat
  lo_create lo_export lo_from_bytea lo_get lo_import lo_lseek lo_lseek64 lo_open lo_put lo_tell lo_tell64 lo_truncate
  lo_truncate64 lo_unlink loread lowrite nextval pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock
  pg_advisory_unlock_all pg_advisory_unlock_shared pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_backup_start
  pg_backup_stop pg_cancel_backend pg_clear_attribute_stats pg_clear_relation_stats pg_control_checkpoint
  pg_control_init pg_control_recovery pg_control_system pg_copy_logical_replication_slot
  pg_copy_physical_replication_slot pg_create_logical_replication_slot pg_create_physical_replication_slot
  pg_create_restore_point pg_current_logfile pg_drop_replication_slot pg_export_snapshot pg_extension_config_dump
  pg_file_read pg_file_rename pg_file_sync pg_file_unlink pg_file_write pg_hba_file_rules pg_import_system_collations
  pg_log_backend_memory_contexts pg_log_standby_snapshot pg_logdir_ls pg_logical_emit_message
  pg_logical_slot_get_binary_changes pg_logical_slot_get_changes pg_logical_slot_peek_binary_changes
  pg_logical_slot_peek_changes pg_ls_archive_statusdir pg_ls_dir pg_ls_logdir pg_ls_logicalmapdir
  pg_ls_logicalsnapdir pg_ls_replslotdir pg_ls_summariesdir pg_ls_tmpdir pg_ls_waldir pg_nextoid pg_notify pg_promote
  pg_read_binary_file pg_read_file pg_read_file_old pg_reload_conf pg_replication_origin_advance
  pg_replication_origin_create pg_replication_origin_drop pg_replication_origin_session_reset
  pg_replication_origin_session_setup pg_replication_origin_xact_reset pg_replication_origin_xact_setup
  pg_replication_slot_advance pg_restore_attribute_stats pg_restore_relation_stats pg_rotate_logfile
  pg_rotate_logfile_old pg_show_all_file_settings pg_sleep pg_sleep_for pg_sleep_until pg_start_backup
  pg_stat_clear_snapshot pg_stat_file pg_stat_force_next_flush pg_stat_reset pg_stat_reset_replication_slot
  pg_stat_reset_shared pg_stat_reset_single_function_counters pg_stat_reset_single_table_counters pg_stat_reset_slru
  pg_stat_reset_subscription_stats pg_stat_statements_reset pg_stop_backup pg_stop_making_pinned_objects pg_switch_wal
  pg_switch_xlog pg_sync_replication_slots pg_terminate_backend pg_try_advisory_lock pg_try_advisory_lock_shared
  pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared pg_wal_replay_pause pg_wal_replay_resume query_to_xml
  query_to_xml_and_xmlschema query_to_xmlschema schema_to_xml schema_to_xml_and_xmlschema set_config setseed setval
  table_to_xml table_to_xml_and_xmlschema ts_rewrite ts_stat txid_current pg_current_xact_id]]

-- A parenthesis after one of these does not call a function: keywords, constructors, types with a precision.
local SYNTAX <const> = set [[
  all and any array as between bernoulli by case cast char character coalesce collation cross cube dec decimal distinct
  else end escape except exists explain fetch filter float for from full from greatest group grouping having ilike in
  inner intersect is isnull join lateral least left like limit materialized natural not notnull nullif nchar numeric
  offset on only or order outer over overlaps overlay partition position recursive right rollup row rows select sets
  similar some substring symmetric asymmetric system table then time timestamp to treat trim union unique using values
  varchar varying when where window with within without xmlattributes xmlconcat xmlelement xmlforest xmlparse xmlpi
  xmlroot xmlserialize xmltable]]

--- May a read have this name before a parenthesis?
---@param name string in lower case
---@return boolean
function M.allowed(name) return M.pure[name] or M.volatile[name] or M.others[name] or false end

--- Is the name a keyword that a parenthesis may follow?
---@param name string in lower case
---@return boolean
function M.is_syntax(name) return SYNTAX[name] or false end

return M
