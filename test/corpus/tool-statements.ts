// What drivers and tools that cannot run in this test suite ask a server for when they connect and open a schema. The statements are
// written here, after what each of them is known to read: the same catalogues, functions, casts and constructs, in the same order and
// on one connection; they are not those programs' own texts.

export interface ToolStatement {
  readonly text: string;
  readonly values?: readonly (string | number | null)[];
  /** Sent as a named prepared statement. */
  readonly name?: string;
}

export interface Tool {
  readonly name: string;
  readonly statements: readonly (string | ToolStatement)[];
}

/** A statement with parameters. */
const bound = (text: string, ...values: (string | number | null)[]): ToolStatement => ({ text, values });

const OF_SCHEMA = "n.nspname = 'public'";

export const TOOLS: readonly Tool[] = [
  {
    name: 'Npgsql: types in one batch at connect, the reset of its pool',
    statements: [
      `SELECT version();
SELECT ns.nspname, t.oid, t.typname, t.typtype, t.typnotnull, t.element
FROM (
    -- arrays are told by their receive function
    SELECT outside.oid, outside.typnamespace, outside.typname, outside.kind AS typtype, outside.typnotnull, inside.oid AS element
    FROM (
        SELECT a.*, CASE WHEN p.proname = 'array_recv' THEN 'a' ELSE a.typtype END AS kind,
            CASE WHEN p.proname = 'array_recv' THEN a.typelem
                 WHEN a.typtype = 'r' THEN rngsubtype
                 WHEN a.typtype = 'm' THEN (SELECT rngtypid FROM pg_range WHERE rngmultitypid = a.oid)
                 WHEN a.typtype = 'd' THEN a.typbasetype END AS inner_oid
        FROM pg_type AS a
        LEFT JOIN pg_class AS c ON (c.oid = a.typrelid)
        LEFT JOIN pg_proc AS p ON p.oid = a.typreceive
        LEFT JOIN pg_range ON (pg_range.rngtypid = a.oid)
    ) AS outside
    LEFT JOIN pg_type AS inside ON inside.oid = inner_oid
) AS t
JOIN pg_namespace AS ns ON (ns.oid = typnamespace)
WHERE typtype IN ('b', 'r', 'm', 'e', 'd') OR (typtype = 'p' AND typname IN ('record', 'void')) OR typtype = 'a'
ORDER BY CASE WHEN typtype IN ('b', 'e', 'p') THEN 0 WHEN typtype = 'r' THEN 1 ELSE 2 END, t.oid;
-- fields of composite types
SELECT t.oid, a.attname, a.atttypid FROM pg_type AS t
JOIN pg_class AS c ON (c.oid = t.typrelid) JOIN pg_attribute AS a ON (a.attrelid = t.typrelid)
WHERE t.typtype = 'c' AND c.relkind = 'c' AND attnum > 0 AND NOT attisdropped ORDER BY t.oid, a.attnum;
-- labels
SELECT pg_type.oid, enumlabel FROM pg_enum JOIN pg_type ON pg_type.oid = enumtypid ORDER BY oid, enumsortorder;
`,
      'BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED',
      bound('SELECT name FROM users WHERE id = $1', 1),
      'COMMIT',
      'DISCARD ALL',
      'CLOSE ALL;RESET ALL;UNLISTEN *;SELECT pg_advisory_unlock_all();DISCARD SEQUENCES;DISCARD TEMP',
      'SELECT NULL WHERE false',
    ],
  },
  {
    name: 'EF Core: which migrations ran, and scaffolding from a database',
    statements: [
      `SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE ${OF_SCHEMA} AND c.relname = '__EFMigrationsHistory');`,
      "SELECT CASE WHEN COUNT(*) = 0 THEN FALSE ELSE TRUE END FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE classid = (SELECT oid FROM pg_class WHERE relname = 'pg_class') AND objid = c.oid AND deptype IN ('e', 'x'))",
      `SELECT n.nspname, c.relname, c.relkind, d.description FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
         LEFT OUTER JOIN pg_description AS d ON d.objoid = c.oid AND d.objsubid = 0 WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND ${OF_SCHEMA} ORDER BY 2`,
      `SELECT n.nspname, c.relname, a.attname, t.typname, basetype.typname AS basetypname, format_type(t.oid, a.atttypmod) AS formatted, a.attnotnull, a.atthasdef, a.attisdropped,
         a.attidentity::text, a.attgenerated::text, CASE WHEN atthasdef THEN (SELECT pg_get_expr(adbin, c.oid) FROM pg_attrdef WHERE adrelid = c.oid AND adnum = a.attnum) END AS def,
         CASE WHEN coll.collname <> 'default' THEN coll.collname END AS collname, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcycle
       FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid LEFT JOIN pg_type AS t ON a.atttypid = t.oid
         LEFT JOIN pg_type AS basetype ON basetype.oid = t.typbasetype LEFT JOIN pg_collation AS coll ON coll.oid = a.attcollation
         LEFT JOIN pg_depend AS dep ON dep.refobjid = c.oid AND dep.refobjsubid = a.attnum AND dep.deptype = 'i' LEFT JOIN pg_sequence AS s ON s.seqrelid = dep.objid
       WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND ${OF_SCHEMA} ORDER BY c.relname, a.attnum`,
      `SELECT n.nspname, c.relname, i.relname AS index_name, ix.indisunique, ix.indnkeyatts, ix.indkey, am.amname, ix.indclass, pg_get_expr(ix.indpred, ix.indrelid) AS pred,
         CASE WHEN ix.indexprs IS NULL THEN NULL ELSE pg_get_expr(ix.indexprs, c.oid) END AS exprs, ix.indoption, i.reloptions,
         (SELECT array_agg(pg_index_column_has_property(i.oid, k::int, 'nulls_first') ORDER BY k) FROM generate_series(1, ix.indnkeyatts) AS k) AS nulls_first
       FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_index AS ix ON c.oid = ix.indrelid JOIN pg_class AS i ON i.oid = ix.indexrelid JOIN pg_am AS am ON i.relam = am.oid
       WHERE NOT ix.indisprimary AND ${OF_SCHEMA} ORDER BY 2, 3`,
      "SELECT con.conname, con.contype, con.conkey, con.confkey, frn.relname, con.confdeltype::text FROM pg_constraint AS con LEFT JOIN pg_class AS frn ON frn.oid = con.confrelid WHERE con.contype IN ('p', 'f', 'u') ORDER BY con.oid",
      'SELECT nspname, typname, array_agg(enumlabel ORDER BY enumsortorder) AS labels FROM pg_enum JOIN pg_type ON pg_type.oid = enumtypid JOIN pg_namespace ON pg_namespace.oid = pg_type.typnamespace GROUP BY nspname, typname ORDER BY 1, 2',
      'SELECT ns.nspname, extname, extversion FROM pg_extension JOIN pg_namespace ns ON ns.oid = extnamespace',
    ],
  },
  {
    name: 'sqlx: a checked query is described, explained by its wire name and looked up in the catalogue',
    statements: [
      { name: 'sqlx_s_1', text: 'SELECT id, name, feeling FROM users WHERE id = $1', values: [3] },
      'EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE sqlx_s_1 (NULL)',
      bound('SELECT oid FROM pg_catalog.pg_type WHERE typname ILIKE $1', 'mood'),
      bound(
        'SELECT typname, typtype, typcategory, typrelid, typelem, typbasetype FROM pg_catalog.pg_type WHERE oid = $1',
        25,
      ),
      bound('SELECT enumlabel FROM pg_catalog.pg_enum WHERE enumtypid = $1::regtype ORDER BY enumsortorder', 'mood'),
      bound('SELECT rngsubtype FROM pg_catalog.pg_range WHERE rngtypid = $1::regtype', 'span'),
      bound(
        'SELECT col.idx, pg_attribute.attnotnull AS not_null FROM unnest($1::int4[], $2::int4[], $3::int2[]) AS col (idx, table_id, col_idx) LEFT JOIN pg_catalog.pg_attribute ON table_id IS NOT NULL AND attrelid = table_id AND attnum = col_idx ORDER BY col.idx',
        '{0,1}',
        '{1259,1259}',
        '{1,2}',
      ),
      'BEGIN',
      'SAVEPOINT _sqlx_savepoint_1',
      'ROLLBACK TO SAVEPOINT _sqlx_savepoint_1',
      'ROLLBACK',
    ],
  },
  {
    name: 'Prisma: start, and introspection of one schema',
    statements: [
      'SET search_path = "public"',
      "SELECT current_setting('server_version_num')::integer AS numeric_version, version()",
      bound('SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1), version()', 'public'),
      bound(
        `SELECT tbl.relname AS table_name, ns.nspname AS namespace, (tbl.relhassubclass AND tbl.relkind = 'p') AS is_partition, tbl.relrowsecurity, reloptions, obj_description(tbl.oid, 'pg_class') AS description
         FROM pg_class AS tbl INNER JOIN pg_namespace AS ns ON ns.oid = tbl.relnamespace WHERE tbl.relkind IN ('r', 'p') AND ns.nspname = ANY ($1) ORDER BY ns.nspname, tbl.relname`,
        '{public,shop}',
      ),
      bound(
        `SELECT oid.namespace, info.table_name, info.column_name, format_type(att.atttypid, att.atttypmod) AS formatted_type, info.numeric_precision, info.udt_name AS full_data_type,
           pg_get_expr(attdef.adbin, attdef.adrelid) AS column_default, info.is_nullable, info.is_identity, info.character_maximum_length, col_description(att.attrelid, ordinal_position) AS description
         FROM information_schema.columns info JOIN pg_attribute att ON att.attname = info.column_name
         JOIN (SELECT pg_class.oid, relname, pg_namespace.nspname AS namespace FROM pg_class JOIN pg_namespace ON pg_namespace.oid = pg_class.relnamespace WHERE relkind IN ('r', 'p', 'v')) AS oid
           ON oid.oid = att.attrelid AND relname = info.table_name AND namespace = info.table_schema
         LEFT OUTER JOIN pg_attrdef attdef ON attdef.adrelid = att.attrelid AND attdef.adnum = att.attnum AND table_schema = namespace
         WHERE namespace = ANY ($1) ORDER BY namespace, table_name, ordinal_position`,
        '{public,shop}',
      ),
      bound(
        `WITH rawindex AS (
           SELECT indrelid, indexrelid, indisunique, indisprimary, unnest(indkey) AS indkeyid, generate_subscripts(indkey, 1) AS indkeyidx, unnest(indclass) AS indclass, unnest(indoption) AS indoption
           FROM pg_index WHERE indpred IS NULL AND NOT indisexclusion)
         SELECT schemainfo.nspname, indexinfo.relname AS index_name, tableinfo.relname AS table_name, columninfo.attname, rawindex.indisunique, rawindex.indkeyidx, opclass.opcname, am.amname,
           CASE rawindex.indoption & 1 WHEN 1 THEN 'DESC' WHEN 0 THEN 'ASC' END AS column_order, pc.condeferrable
         FROM rawindex JOIN pg_class AS tableinfo ON tableinfo.oid = rawindex.indrelid JOIN pg_class AS indexinfo ON indexinfo.oid = rawindex.indexrelid JOIN pg_namespace AS schemainfo ON schemainfo.oid = tableinfo.relnamespace
           LEFT JOIN pg_attribute AS columninfo ON columninfo.attrelid = tableinfo.oid AND columninfo.attnum = rawindex.indkeyid JOIN pg_am am ON am.oid = indexinfo.relam
           LEFT JOIN pg_opclass AS opclass ON opclass.oid = rawindex.indclass LEFT JOIN pg_constraint pc ON rawindex.indexrelid = pc.conindid AND pc.contype <> 'f'
         WHERE schemainfo.nspname = ANY ($1) ORDER BY 1, 3, 2, 6`,
        '{public,shop}',
      ),
      bound(
        'SELECT views.viewname, views.definition FROM pg_catalog.pg_views views WHERE schemaname = ANY ($1)',
        '{public}',
      ),
      bound(
        'SELECT sequencename, start_value, min_value, max_value, increment_by, cycle, cache_size FROM pg_sequences WHERE schemaname = ANY ($1) ORDER BY 1',
        '{public,shop}',
      ),
      'BEGIN ISOLATION LEVEL SERIALIZABLE',
      bound(
        'SELECT "public"."users"."id", "public"."users"."name" FROM "public"."users" WHERE ("public"."users"."id" = $1 AND 1=1) LIMIT $2 OFFSET $3',
        1,
        1,
        0,
      ),
      'COMMIT',
    ],
  },
  {
    name: 'Hibernate: schema validation beside JDBC metadata',
    statements: [
      'SHOW TRANSACTION ISOLATION LEVEL',
      'select * from information_schema.sequences',
      'select current_schema()',
      bound(
        "select t.table_name, c.column_name, c.data_type, c.udt_name from information_schema.tables t join information_schema.columns c using (table_schema, table_name) where t.table_schema = $1 and t.table_type in ('BASE TABLE', 'VIEW') order by 1, c.ordinal_position",
        'public',
      ),
      bound(
        'select u1_0.id, u1_0.name from users u1_0 where u1_0.id = $1 order by u1_0.id offset 0 rows fetch first 1 rows only',
        1,
      ),
    ],
  },
  {
    name: 'pgAdmin: connect, the tree down to a table, its dashboard and properties',
    statements: [
      "SET DateStyle=ISO; SET client_min_messages=notice; SELECT set_config('bytea_output','hex',false) FROM pg_show_all_settings() WHERE name = 'bytea_output'; SET client_encoding='UTF8';",
      'SELECT version()',
      "SELECT db.oid AS did, db.datname, db.datallowconn, pg_encoding_to_char(db.encoding) AS serverencoding, has_database_privilege(db.oid, 'CREATE') AS cancreate FROM pg_catalog.pg_database db WHERE db.datname = current_database()",
      'SELECT gss_authenticated, encrypted FROM pg_catalog.pg_stat_gssapi WHERE pid = pg_backend_pid()',
      `SELECT r.oid, r.rolname, r.rolsuper, CASE WHEN r.rolsuper THEN true ELSE r.rolcreatedb END AS can_create_db,
         CASE WHEN 'pg_signal_backend' = ANY (ARRAY(WITH RECURSIVE up AS (SELECT p.oid, p.rolname FROM pg_catalog.pg_roles p WHERE p.oid = r.oid
           UNION ALL SELECT m.roleid, p.rolname FROM up JOIN pg_catalog.pg_auth_members m ON m.member = up.oid JOIN pg_catalog.pg_roles p ON p.oid = m.roleid) SELECT rolname FROM up)) THEN true ELSE false END AS can_signal
       FROM pg_catalog.pg_roles AS r WHERE rolname = current_user`,
      'SELECT usesuper, pg_catalog.pg_is_in_recovery() AS in_recovery, CASE WHEN usesuper THEN pg_catalog.pg_is_wal_replay_paused() ELSE false END AS paused FROM pg_catalog.pg_user WHERE usename = current_user AND NOT pg_catalog.pg_is_in_recovery() AND false',
      "SELECT nsp.oid, nsp.nspname AS name, pg_catalog.has_schema_privilege(nsp.oid, 'CREATE') AS can_create, des.description FROM pg_catalog.pg_namespace nsp LEFT OUTER JOIN pg_catalog.pg_description des ON (des.objoid = nsp.oid AND des.classoid = 'pg_namespace'::regclass) WHERE nspname NOT LIKE E'pg\\\\_%' AND NOT ((nsp.nspname = 'pg_catalog' AND EXISTS (SELECT 1 FROM pg_catalog.pg_class WHERE relname = 'pg_class' AND relnamespace = nsp.oid LIMIT 1)) OR nsp.nspname = 'information_schema') ORDER BY nspname",
      `SELECT rel.oid, rel.relname AS name, (SELECT count(*) FROM pg_catalog.pg_trigger WHERE tgrelid = rel.oid AND tgisinternal = FALSE) AS triggercount,
         (SELECT count(1) FROM pg_catalog.pg_inherits WHERE inhrelid = rel.oid LIMIT 1) AS is_inherits, pg_catalog.array_to_string(rel.relacl::text[], ', ') AS acl, substring(pg_catalog.array_to_string(rel.reloptions, ',') FROM 'fillfactor=([0-9]*)') AS fillfactor
       FROM pg_catalog.pg_class rel JOIN pg_catalog.pg_namespace n ON n.oid = rel.relnamespace WHERE rel.relkind IN ('r', 's', 't', 'p') AND ${OF_SCHEMA} AND NOT rel.relispartition ORDER BY rel.relname`,
      "SELECT 'datacl' AS deftype, COALESCE(gt.rolname, 'PUBLIC') AS grantee, g.rolname AS grantor, pg_catalog.array_agg(privilege_type ORDER BY 1) AS privileges, pg_catalog.array_agg(is_grantable) AS grantable FROM (SELECT (d).grantee AS grantee, (d).grantor AS grantor, (d).is_grantable AS is_grantable, CASE (d).privilege_type WHEN 'CONNECT' THEN 'c' WHEN 'CREATE' THEN 'C' WHEN 'SELECT' THEN 'r' ELSE 'UNKNOWN' END AS privilege_type FROM (SELECT pg_catalog.aclexplode(relacl) AS d FROM pg_catalog.pg_class WHERE relname = 'users') a) d LEFT JOIN pg_catalog.pg_roles g ON (d.grantor = g.oid) LEFT JOIN pg_catalog.pg_roles gt ON (d.grantee = gt.oid) GROUP BY g.rolname, gt.rolname ORDER BY 2",
      "SELECT pg_catalog.pg_get_viewdef('totals'::regclass, true), pg_catalog.pg_get_functiondef('add'::regproc), pg_catalog.pg_get_indexdef('orders_total'::regclass, 0, true), pg_catalog.pg_get_serial_sequence('notes', 'id')",
      "SELECT pg_catalog.pg_size_pretty(pg_catalog.pg_relation_size('users'::regclass)), pg_catalog.pg_size_pretty(pg_catalog.pg_total_relation_size('users'::regclass)), seq_scan IS NOT NULL, pg_catalog.pg_stat_get_last_vacuum_time(relid) FROM pg_catalog.pg_stat_all_tables WHERE relname = 'users'",
      `/*pga4dash*/ SELECT 'session_stats' AS chart_name, pg_catalog.row_to_json(t) IS NOT NULL AS chart_data FROM (SELECT (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE datname = 'app') AS "Total", (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE state = 'active') AS "Active") t
       UNION ALL SELECT 'tps_stats', pg_catalog.row_to_json(t) IS NOT NULL FROM (SELECT (SELECT sum(xact_commit) + sum(xact_rollback) FROM pg_catalog.pg_stat_database) AS "Transactions") t`,
      'SELECT locktype, mode, granted FROM pg_catalog.pg_locks l LEFT OUTER JOIN pg_catalog.pg_database d ON (l.database = d.oid) WHERE l.pid = -1 ORDER BY l.pid, locktype',
      "SELECT name, category, setting, unit, short_desc FROM pg_catalog.pg_settings WHERE name <> 'application_name' ORDER BY category, name",
      'SELECT gid, database, owner, transaction FROM pg_catalog.pg_prepared_xacts ORDER BY gid, database, owner',
    ],
  },
  {
    name: 'pgAdmin: the other branches of its tree, and their statistics',
    statements: [
      "SELECT proname, pg_catalog.oidvectortypes(proargtypes) AS takes, pg_catalog.concat(proname, '(', pg_catalog.array_length(proargnames, 1), ')') AS shown FROM pg_catalog.pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY proname",
      "SELECT relname, pg_catalog.split_part(relname, '_', 1) AS first, pg_catalog.strpos(relname, '_') AS at, pg_catalog.regexp_replace(relname, '_+', '-') AS dashed FROM pg_catalog.pg_class WHERE relname LIKE 'orders\\_%' ESCAPE '\\' AND NOT relname LIKE E'pg!_%' ESCAPE '!' ORDER BY relname",
      "SELECT name, installed_version FROM pg_catalog.pg_available_extensions WHERE name = 'plpgsql'",
      'SELECT pid, pg_catalog.pg_blocking_pids(pid)::text AS blocked_by FROM pg_catalog.pg_stat_activity WHERE pid = -1',
      "SELECT host(inet_server_addr()) IS NULL AS local, inet_client_addr() IS NULL AS here, pg_catalog.encode('\\x6162', 'base64') AS encoded, 'a'::bpchar AS padded, pg_catalog.bpchar('b') AS made",
      "SELECT indexrelname, idx_scan >= 0 AS scanned, idx_tup_read >= 0 AS read FROM pg_catalog.pg_stat_all_indexes JOIN pg_catalog.pg_statio_all_indexes USING (indexrelid, relid, schemaname, relname, indexrelname) WHERE schemaname = 'public' ORDER BY 1",
      "SELECT t.relname, t.heap_blks_hit >= 0 AS hit, s.blks_read IS NULL AS none FROM pg_catalog.pg_statio_all_tables t LEFT JOIN pg_catalog.pg_statio_all_sequences s ON s.relid = t.relid WHERE t.schemaname = 'public' ORDER BY 1",
      'SELECT funcname, calls FROM pg_catalog.pg_stat_user_functions ORDER BY 1',
      'SELECT pid, usename, state, sync_state, replay_lsn FROM pg_catalog.pg_stat_replication ORDER BY pid',
      'SELECT slot_name, slot_type, active, restart_lsn FROM pg_catalog.pg_replication_slots ORDER BY 1',
      'SELECT status, receive_start_lsn FROM pg_catalog.pg_stat_wal_receiver',
      'SELECT subname, received_lsn FROM pg_catalog.pg_stat_subscription ORDER BY 1',
      'SELECT p.pubname, t.schemaname, t.tablename FROM pg_catalog.pg_publication p LEFT JOIN pg_catalog.pg_publication_tables t ON t.pubname = p.pubname ORDER BY 1, 3',
      'SELECT sub.oid, sub.subname, sub.subenabled, pg_catalog.pg_get_userbyid(sub.subowner) AS owner FROM pg_catalog.pg_subscription sub ORDER BY 2',
      "SELECT pr.rolname, CASE WHEN rolconfig IS NULL THEN '' ELSE pg_catalog.array_to_string(rolconfig, ',') END AS config, pg_catalog.shobj_description(pr.oid, 'pg_authid') AS description FROM pg_catalog.pg_roles pr WHERE rolname !~ '^pg_' ORDER BY 1",
    ],
  },
  {
    name: 'DBeaver: connect and the tree of a schema',
    statements: [
      'SET extra_float_digits = 3',
      "SET application_name = 'DBeaver 25.2 - Main <app>'",
      'SELECT current_schema(), session_user',
      'SHOW search_path',
      bound(
        'SELECT db.oid, db.* FROM pg_catalog.pg_database db WHERE datallowconn AND NOT datistemplate OR db.datname = $1 ORDER BY db.datname',
        'app',
      ),
      bound('select * from pg_catalog.pg_settings where name = $1', 'standard_conforming_strings'),
      "select string_agg(word, ',' order by word) from pg_catalog.pg_get_keywords() where word <> ALL ('{a,abs,absolute,action}'::text[])",
      'SELECT * FROM pg_catalog.pg_enum WHERE 1<>1 LIMIT 1',
      "SELECT n.oid, n.*, d.description FROM pg_catalog.pg_namespace n LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid = n.oid AND d.objsubid = 0 AND d.classoid = 'pg_namespace'::regclass ORDER BY nspname",
      "SELECT t.oid, t.*, c.relkind, format_type(nullif(t.typbasetype, 0), t.typtypmod) AS base_type_name, d.description FROM pg_catalog.pg_type t LEFT OUTER JOIN pg_catalog.pg_type et ON et.oid = t.typelem LEFT OUTER JOIN pg_catalog.pg_class c ON c.oid = t.typrelid LEFT OUTER JOIN pg_catalog.pg_description d ON t.oid = d.objoid WHERE t.typname IS NOT NULL AND (c.relkind IS NULL OR c.relkind = 'c') AND (et.typcategory IS NULL OR et.typcategory <> 'C') ORDER BY t.oid",
      `SELECT c.oid, c.relname, d.description, pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS partition_expr, pg_catalog.pg_get_partkeydef(c.oid) AS partition_key
       FROM pg_catalog.pg_class c INNER JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid = c.oid AND d.objsubid = 0 AND d.classoid = 'pg_class'::regclass
       WHERE ${OF_SCHEMA} AND c.relkind NOT IN ('i', 'I', 'c') ORDER BY c.oid`,
      `SELECT c.relname, a.*, pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) AS def_value, dsc.description, dep.objid
       FROM pg_catalog.pg_attribute a INNER JOIN pg_catalog.pg_class c ON (a.attrelid = c.oid) INNER JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         LEFT OUTER JOIN pg_catalog.pg_attrdef ad ON (a.attrelid = ad.adrelid AND a.attnum = ad.adnum) LEFT OUTER JOIN pg_catalog.pg_description dsc ON (c.oid = dsc.objoid AND a.attnum = dsc.objsubid)
         LEFT OUTER JOIN pg_depend dep ON dep.refobjid = a.attrelid AND dep.deptype = 'i' AND dep.refobjsubid = a.attnum AND dep.classid = dep.refclassid
       WHERE NOT a.attisdropped AND c.relkind NOT IN ('i', 'I', 'c') AND ${OF_SCHEMA} ORDER BY a.attrelid, a.attnum`,
      `SELECT c.oid, c.*, t.relname AS tabrelname, rt.relnamespace AS refnamespace, CASE WHEN c.contype = 'c' THEN substring(pg_get_constraintdef(c.oid), 7) ELSE null END AS check_copy
       FROM pg_catalog.pg_constraint c INNER JOIN pg_catalog.pg_class t ON t.oid = c.conrelid INNER JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace LEFT OUTER JOIN pg_catalog.pg_class rt ON rt.oid = c.confrelid WHERE ${OF_SCHEMA} ORDER BY c.oid`,
      `SELECT i.*, i.indkey AS keys, c.relname, tc.relname AS tabrelname, dsc.description, pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS pred_expr, pg_catalog.pg_get_expr(i.indexprs, i.indrelid, true) AS expr, pg_catalog.pg_relation_size(i.indexrelid) AS index_rel_size, pg_catalog.pg_stat_get_numscans(i.indexrelid) >= 0 AS scanned
       FROM pg_catalog.pg_index i INNER JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid INNER JOIN pg_catalog.pg_class tc ON tc.oid = i.indrelid INNER JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace LEFT OUTER JOIN pg_catalog.pg_description dsc ON i.indexrelid = dsc.objoid WHERE ${OF_SCHEMA} ORDER BY tabrelname, c.relname`,
      "SELECT c.oid, pg_catalog.pg_total_relation_size(c.oid) AS total_rel_size, pg_catalog.pg_relation_size(c.oid) AS rel_size FROM pg_class c WHERE c.relname = 'users'",
      "SELECT p.oid AS poid, p.*, pg_catalog.pg_get_expr(p.proargdefaults, 0) AS arg_defaults, pg_catalog.pg_get_functiondef(p.oid) AS body, d.description FROM pg_catalog.pg_proc p LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid = p.oid WHERE p.proname IN ('add', 'touch') ORDER BY p.proname",
      'SELECT t.tgname, pg_catalog.pg_get_triggerdef(t.oid), p.proname FROM pg_catalog.pg_trigger t LEFT JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid WHERE NOT t.tgisinternal ORDER BY 1',
      'SELECT a.oid, a.*, pd.description FROM pg_catalog.pg_roles a LEFT JOIN pg_catalog.pg_shdescription pd ON a.oid = pd.objoid ORDER BY a.rolname',
      'SELECT x.* FROM public.users x ORDER BY id LIMIT 20',
      'SET search_path = shop, public',
      'SET search_path = public, "$user"',
    ],
  },
  {
    name: 'DataGrip: connect and introspection by state numbers',
    statements: [
      'SET extra_float_digits = 3',
      "SET application_name = 'DataGrip 2025.2.3'",
      'select current_database() as a, current_schemas(false) as b',
      "select round(extract(epoch from pg_postmaster_start_time() at time zone 'UTC')) > 0 as started",
      'select L.transactionid::varchar::bigint as id from pg_catalog.pg_locks L where L.transactionid is not null and L.pid = -1 order by pg_catalog.age(L.transactionid) desc limit 1',
      'select case when pg_catalog.pg_is_in_recovery() then null else (pg_catalog.txid_current() % 4294967296)::varchar::bigint > 0 end as current_txid',
      'select N.oid::bigint as id, datname as name, D.description, datistemplate, pg_catalog.pg_get_userbyid(N.datdba) as "owner" from pg_catalog.pg_database N left join pg_catalog.pg_shdescription D on N.oid = D.objoid order by case when datname = pg_catalog.current_database() then -1::bigint else N.oid::bigint end',
      'select count(*) > 0 from (select name, is_dst from pg_catalog.pg_timezone_names union distinct select abbrev as name, is_dst from pg_catalog.pg_timezone_abbrevs) z',
      'select R.oid::bigint as role_id, rolname, rolsuper, rolinherit, rolvaliduntil, rolconfig, D.description from pg_catalog.pg_roles R left join pg_catalog.pg_shdescription D on D.objoid = R.oid order by 1',
      'select T.oid as object_id, T.spcacl as acl, pg_catalog.pg_tablespace_location(T.oid) from pg_catalog.pg_tablespace T union all select T.oid, T.datacl, null from pg_catalog.pg_database T order by 1',
      'select E.oid as id, E.xmin as state_number, extname, extversion, array(select unnest from unnest(versions) where unnest > extversion) as updates from pg_catalog.pg_extension E left join (select name, array_agg(version) as versions from pg_catalog.pg_available_extension_versions() group by name) V on E.extname = V.name',
      "select T.oid, pg_catalog.translate(relkind, 'rmvpfS', 'rmvrfS') as kind, relname from pg_catalog.pg_class T where relnamespace = 'public'::regnamespace and relkind in ('r', 'm', 'v', 'p', 'f', 'S') union all select oid, case when prokind != 'a' then 'R' else 'a' end, proname from pg_catalog.pg_proc where pronamespace = 'public'::regnamespace order by 1",
      bound(
        "select T.oid as type_id, T.xmin as state_number, T.typname, case when T.typtype in ('c', 'e') then null else pg_catalog.format_type(T.typbasetype, T.typtypmod) end as def from pg_catalog.pg_type T left outer join pg_catalog.pg_class C on T.typrelid = C.oid where T.typnamespace = (select oid from pg_catalog.pg_namespace where nspname = $1) and (T.typtype in ('d', 'e') or C.relkind = 'c'::\"char\") and pg_catalog.age(T.xmin) <= coalesce(nullif(greatest(pg_catalog.age($2::varchar::xid), -1), -1), 2147483647) order by 1",
        'public',
        '1',
      ),
      bound(
        "select T.relname, (select pg_catalog.array_agg(inhparent::bigint order by inhseqno)::varchar from pg_catalog.pg_inherits where T.oid = inhrelid) as ancestors, pg_catalog.pg_get_expr(T.relpartbound, T.oid) as part from pg_catalog.pg_class T where relnamespace = (select oid from pg_catalog.pg_namespace where nspname = $1) and relkind in ('r', 'p') order by 1",
        'shop',
      ),
      "with languages as (select oid as lang_oid, lanname as lang from pg_catalog.pg_language), routines as (select proname, prolang as lang_oid, proargtypes::int[] as in_types, pg_catalog.pg_get_expr(proargdefaults, 0) as defaults, proconfig from pg_catalog.pg_proc where pronamespace = 'public'::regnamespace) select * from routines natural join languages order by proname",
      'select A.aggfnoid::regproc::text, A.aggtransfn::oid, case when A.aggsortop = 0 then null else A.aggsortop::regoper::varchar end as sort from pg_catalog.pg_aggregate A order by A.aggfnoid::oid limit 50',
      'select oprname, oprcode::varchar, oprcom::regoper::varchar, oprnegate::regoper::varchar from pg_catalog.pg_operator order by oid limit 50',
      "select h.indexrelid, k, k <= indnkeyatts in_key, h.indkey[k-1], h.indcollation[k-1], case when indexprs is null then null when h.indkey[k-1] = 0 then chr(27) || pg_catalog.pg_get_indexdef(h.indexrelid, k::int, true) else pg_catalog.pg_get_indexdef(h.indexrelid, k::int, true) end as expression, amcanorder from pg_catalog.pg_index h join pg_catalog.pg_class s on s.oid = h.indexrelid cross join unnest(h.indkey) with ordinality u(u, k) cross join pg_catalog.pg_indexam_has_property(s.relam, 'can_order') amcanorder where s.relnamespace = 'public'::regnamespace order by 1, k",
      "select conname, conkey, confkey, pg_catalog.pg_get_expr(conbin, conrelid), conexclop::int[], array(select unnest::regoper::varchar from unnest(conexclop)) from pg_catalog.pg_constraint where contype in ('p', 'u', 'f', 'c', 'x') and connamespace = 'public'::regnamespace order by oid",
      "select oid, pg_catalog.pg_get_function_arguments(oid), pg_catalog.pg_get_function_result(oid), pg_catalog.pg_get_function_sqlbody(oid), prosrc from pg_catalog.pg_proc where pronamespace = 'public'::regnamespace order by oid",
      'select oid as id, umserver as server_id, case when umuser = 0 then null else pg_catalog.pg_get_userbyid(umuser) end as "user" from pg_catalog.pg_user_mapping order by server_id',
      'SHOW TRANSACTION ISOLATION LEVEL',
      'select t.*, CTID from public.users t order by id limit 501',
    ],
  },
  {
    name: 'Metabase: sync of a database',
    statements: [
      'show timezone;',
      'SELECT nspname, typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.oid IN (SELECT DISTINCT enumtypid FROM pg_enum e)',
      `with table_privileges as (
         select NULL as role, t.schemaname as schema, t.objectname as table,
           pg_catalog.has_any_column_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"' || '.' || '"' || replace(t.objectname, '"', '""') || '"', 'update') as update,
           pg_catalog.has_any_column_privilege(current_user, '"' || t.schemaname || '"' || '.' || '"' || t.objectname || '"', 'select') as select,
           pg_catalog.has_table_privilege(current_user, '"' || t.schemaname || '"' || '.' || '"' || t.objectname || '"', 'delete') as delete
         from (select schemaname, tablename as objectname from pg_catalog.pg_tables union select schemaname, viewname as objectname from pg_views union select schemaname, matviewname as objectname from pg_matviews) t
         where t.schemaname !~ '^pg_' and t.schemaname <> 'information_schema' and pg_catalog.has_schema_privilege(current_user, t.schemaname, 'usage'))
       select t.* from table_privileges t order by 2, 3`,
      bound(
        `SELECT "n"."nspname" AS "schema", "c"."relname" AS "name", CASE "c"."relkind" WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'PARTITIONED TABLE' ELSE NULL END AS "type", "d"."description", "stat"."n_live_tup" IS NULL
         FROM "pg_catalog"."pg_class" AS "c" INNER JOIN "pg_catalog"."pg_namespace" AS "n" ON "c"."relnamespace" = "n"."oid" LEFT JOIN "pg_catalog"."pg_description" AS "d" ON ("c"."oid" = "d"."objoid") AND ("d"."objsubid" = 0) AND ("d"."classoid" = 'pg_class'::regclass)
         LEFT JOIN "pg_stat_user_tables" AS "stat" ON ("n"."nspname" = "stat"."schemaname") AND ("c"."relname" = "stat"."relname") WHERE ("n"."nspname" !~ '^pg_') AND c.relkind in ('r', 'p', 'v', 'f', 'm') AND ("n"."nspname" IN ($1, $2)) ORDER BY 1, 2`,
        'public',
        'shop',
      ),
      bound(
        `SELECT c.column_name, CASE WHEN c.udt_schema IN ('public', 'pg_catalog') THEN FORMAT('%s', c.udt_name) ELSE FORMAT('"%s"."%s"', c.udt_schema, c.udt_name) END AS database_type, c.ordinal_position - 1 AS position,
           COL_DESCRIPTION(CAST(CAST(FORMAT('%I.%I', CAST(c.table_schema AS TEXT), CAST(c.table_name AS TEXT)) AS REGCLASS) AS OID), c.ordinal_position) AS comment, ((column_default IS NULL) OR (LOWER(column_default) = 'null')) AS required
         FROM information_schema.columns AS c WHERE c.table_schema !~ '^information_schema|catalog_history|pg_' AND c.table_schema IN ($1) ORDER BY c.table_name, 3`,
        'public',
      ),
      `SELECT tmp."table-name", TRIM(BOTH '"' FROM pg_catalog.pg_get_indexdef(tmp.ci_oid, tmp.pos, false)) AS "field-name" FROM (SELECT ct.relname AS "table-name", ci.oid AS ci_oid, (information_schema._pg_expandarray(i.indkey)).n AS pos
         FROM pg_catalog.pg_class AS ct INNER JOIN pg_catalog.pg_namespace AS n ON ct.relnamespace = n.oid INNER JOIN pg_catalog.pg_index AS i ON ct.oid = i.indrelid INNER JOIN pg_catalog.pg_class AS ci ON ci.oid = i.indexrelid
         WHERE pg_catalog.pg_get_expr(i.indpred, i.indrelid) IS NULL AND n.nspname !~ '^information_schema|catalog_history|pg_') AS tmp WHERE tmp.pos = 1 ORDER BY 1, 2`,
      `SELECT SUBSTRING("public"."users"."name", 1, 1234) AS "substring1", "public"."users"."score" FROM "public"."users" ORDER BY id LIMIT 100`,
      bound(
        `SELECT DATE_TRUNC('month', "public"."users"."seen") AS "seen", COUNT(*) AS "count" FROM "public"."users" WHERE "public"."users"."id" < $1 GROUP BY DATE_TRUNC('month', "public"."users"."seen") ORDER BY 1`,
        100,
      ),
    ],
  },
  {
    name: 'Grafana: the query builder, and a panel with expanded macros',
    statements: [
      "SELECT current_setting('server_version_num')::int / 100 AS version",
      "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'",
      `select quote_ident(table_name) as "table" from information_schema.tables where quote_ident(table_schema) not in ('information_schema', 'pg_catalog', '_timescaledb_cache')
         and table_type != 'VIEW' and quote_ident(table_schema) in (select case when trim(s[i]) = '"$user"' then user else trim(s[i]) end from generate_series(array_lower(string_to_array(current_setting('search_path'), ','), 1), array_upper(string_to_array(current_setting('search_path'), ','), 1)) as i, string_to_array(current_setting('search_path'), ',') s) order by 1`,
      'select quote_ident(column_name) as "column", data_type as "type" from information_schema.columns where quote_ident(table_name) = \'users\' order by 1',
      `SELECT floor(extract(epoch from seen) / 3600) * 3600 AS "time", avg(score) AS "value" FROM users WHERE seen BETWEEN '2026-01-01T00:00:00Z' AND '2026-01-09T00:00:00Z' GROUP BY 1 ORDER BY 1`,
    ],
  },
  {
    name: 'pgbouncer and other pools: resets between users',
    statements: [
      'DISCARD ALL',
      'DEALLOCATE ALL',
      'SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL;',
      '',
    ],
  },
];

/** What some of these tools also ask for and what stays with a person: stored passwords. */
export const WITHHELD: readonly string[] = [
  'select oid, umserver, umoptions from pg_catalog.pg_user_mapping',
  'SELECT a.oid, a.rolname, a.rolpassword FROM pg_catalog.pg_authid a',
];
