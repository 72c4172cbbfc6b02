// Attacks on the reading of SQL, at the level of units, facts and verdicts: attacks that must not pass, each with a twin that must.
// The wire tests repeat them end to end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makePolicy, type ConfigParts, type RuleParts } from '../support/rule-parts.ts';
import { actionOf, fact, judgeableOf, verdictOf, type AnalyseOptions } from '../support/sql.ts';
import { decide } from '../support/rule-parts.ts';

const deny = (condition: string): RuleParts => ({ condition, outcome: 'deny' });
const allow = (condition: string): RuleParts => ({ condition, outcome: 'allow' });
const READ_VERBS =
  "sql.verb in ['select','show','explain','set','begin','commit','rollback','declare','fetch','close','prepare','execute']";
const BAN_VERBS = "sql.verb in ['delete','drop','create','alter','truncate','grant','revoke']";

/** The rule sets that the cases name. */
const SETS: Readonly<Record<string, ConfigParts>> = {
  T: {},
  D: { unmatched: 'deny' },
  READ: { unmatched: 'deny', rules: [allow(READ_VERBS)] },
  BAN: { unmatched: 'allow', rules: [deny(BAN_VERBS)] },
  BANMERGE: { unmatched: 'allow', rules: [deny(BAN_VERBS.replace("'delete'", "'delete','merge'"))] },
  SECRET: { unmatched: 'allow', rules: [deny("'tokens' in sql.tables")] },
  SCHEMA: { unmatched: 'allow', rules: [deny("'secret.users' in sql.tables")] },
  PW: { unmatched: 'allow', rules: [deny("'pw' in sql.columns || '*' in sql.columns")] },
  FN: {
    unmatched: 'allow',
    rules: [deny("sql.functions.exists(f, f in ['pg_sleep','pg_read_file','set_config'])")],
  },
  ASK: {
    unmatched: 'allow',
    rules: [{ condition: "sql.verb in ['insert','update','delete']", outcome: ['human_approver.oncall'] }],
  },
  REVOKE: { unmatched: 'allow', rules: [deny("sql.verb == 'revoke'")] },
  IDENTITY: { unmatched: 'allow', rules: [deny("'identity' in sql.effects")] },
  COPYOUT: {
    unmatched: 'deny',
    rules: [
      allow("sql.verb == 'copy' && sql.copy_direction == 'out' && sql.copy_channel == 'client'"),
      allow("sql.verb == 'select'"),
    ],
  },
  LIMIT: { unmatched: 'deny', rules: [allow('sql.row_limit <= 100')] },
  PURGE: {
    unmatched: 'deny',
    rules: [
      allow(
        `sql.verb == "delete" && sql.writes.all(t, t in ["logs", "public.logs"]) && !sql.is_opaque && sql.context == "top"
          && sql.predicates.exists(p, p.column == "date" && p.op in ["<", "<="] && p.time <= timestamp("2024-01-01T00:00:00Z"))`,
      ),
      deny("sql.verb == 'delete' && !sql.bounded"),
    ],
  },
};

const policies = new Map(Object.entries(SETS).map(([name, parts]) => [name, makePolicy(parts)]));

interface Case {
  readonly id: string;
  readonly set: string;
  readonly sql: readonly (string | Buffer)[];
  readonly want: 'deny' | 'allow' | 'approve' | 'refuse';
  readonly units?: number;
  readonly risk?: string;
  readonly extra?: AnalyseOptions;
}

const cases: Case[] = [];

/** Adds denied texts and their allowed twins under the same rules. */
function row(
  id: string,
  set: string,
  parts: Partial<Case> & { readonly not?: readonly string[]; readonly pass?: readonly string[] },
): void {
  const { not = [], pass = [], ...rest } = parts;
  const want = set === 'T' || set === 'ASK' ? 'approve' : 'deny';
  cases.push({ id, set, want, ...rest, sql: rest.sql ?? not });
  const extra = rest.extra === undefined ? {} : { extra: rest.extra };
  cases.push({ id: `${id} twin`, set, sql: pass, want: 'allow', ...extra });
}

// 1.1 Where a statement ends.
row('PG-01', 'READ', { not: ['SELECT 1; DROP TABLE users'], units: 2, pass: ['SELECT 1; SELECT 2'] });
row('PG-02', 'READ', {
  not: ["SELECT E'\\''; DROP TABLE users; --'"],
  units: 2,
  pass: ["SELECT E'\\'; DROP TABLE users; --'"],
});
row('PG-03', 'READ', {
  not: ['SELECT 1 AS a$b$; DROP TABLE users; SELECT 1 AS c$b$'],
  units: 3,
  pass: ['SELECT $b$; DROP TABLE users; SELECT 1 AS c$b$'],
});
row('PG-04', 'READ', { not: ['SELECT 1 AS a$$; DROP TABLE t'], units: 2, pass: ['SELECT $$; DROP TABLE t$$'] });
row('PG-05', 'READ', { not: ['SELECT 1 --\r; DROP TABLE users'], units: 2, pass: ['SELECT 1 --; DROP TABLE users'] });
row('PG-06', 'READ', { not: ['SELECT 1\v; DROP TABLE t'], pass: ['SELECT 1\v'] });
row('PG-07', 'READ', {
  not: ['SELECT 1 /* /* */ */ ; DROP TABLE t'],
  units: 2,
  pass: ['SELECT 1 /* /* */ ; DROP TABLE t; */'],
});
row('PG-08, SQ-01', 'READ', { not: ['SELECT 1\0; DROP TABLE t', 'SELECT 1\0', '\0'], pass: ['SELECT 1'] });
row('PG-09, SQ-02', 'READ', {
  sql: [
    Buffer.from([0x53, 0x45, 0x4c, 0x45, 0x43, 0x54, 0x20, 0x27, 0xff, 0x27]),
    Buffer.from("SELECT '\xc3('", 'latin1'),
  ],
  pass: ["SELECT 'é'"],
});
row('PG-10', 'READ', {
  not: ['SELECT 1；DROP TABLE t', 'SELECT 1; DROP TABLE t', '﻿SELECT 1; DROP TABLE t'],
  pass: ["SELECT '；'"],
});
row('PG-11', 'READ', {
  not: ["SELECT 'a\\'; DROP TABLE t; --'", 'SELECT 1'],
  extra: { state: { readable: false } },
});
for (const sql of [
  'SET standard_conforming_strings = off',
  "SELECT set_config('standard_conforming_strings','off',false)",
  "SET NAMES 'SJIS'",
  "SET client_encoding='GBK'",
  'SET client_encoding TO BIG5',
  'SET LOCAL client_encoding TO BIG5',
  'SET backslash_quote = on',
  "SELECT pg_catalog.set_config('client_encoding', 'SJIS', true)",
  "SELECT set_config('client_encoding', x, true) FROM t",
  'DO $$ BEGIN SET standard_conforming_strings = off; END $$',
  "UPDATE pg_settings SET setting = 'off' WHERE name = 'standard_conforming_strings'",
  "UPDATE pg_catalog.pg_settings SET setting = 'x'",
  "DO $$ BEGIN PERFORM set_config('client_encoding', 'SJIS', false); END $$",
  "PREPARE p AS SELECT set_config('client_encoding', 'SJIS', false)",
  "ALTER ROLE me SET client_encoding = 'SJIS'",
]) {
  cases.push({ id: 'PG-12 to PG-14', set: 'T', sql: [sql], want: 'refuse' });
}
cases.push({
  id: 'PG-12 to PG-14 twin',
  set: 'T',
  sql: [
    'SET standard_conforming_strings = on',
    "SET NAMES 'UTF8'",
    "SET client_encoding = 'utf-8'",
    'SET client_encoding TO SQL_ASCII',
    'SET backslash_quote = safe_encoding',
  ],
  want: 'allow',
});
row('PG-15', 'BAN', {
  not: ['DELETE/*c*/FROM u', '/*x*/-- y\nDELETE FROM u', 'dElEtE FROM u'],
  pass: ["SELECT 'DELETE FROM u'", '-- DELETE FROM u\nSELECT 1'],
});
row('PG-18', 'READ', {
  not: ['SELECT 1x FROM secrets', 'SELECT 1_x', 'SELECT 0x'],
  pass: ['SELECT 1 x FROM secrets'],
});
row('PG-18 older server', 'READ', {
  not: ['SELECT 0x1F FROM secrets', 'SELECT 1_000 FROM secrets', 'SELECT JSON_ARRAY(1)'],
  pass: ["SELECT '0x1F', 1000"],
  extra: { state: { serverMajor: 15 } },
});
row('PG-18 newer server', 'READ', { pass: ['SELECT 0x1F FROM secrets', 'SELECT JSON_ARRAY(1)'] });
row('PG-19', 'BAN', { not: ['REPACK t', 'FROBNICATE'], pass: ['VACUUM t'] });

// 1.2 Statements inside statements.
row('PG-21', 'BAN', {
  not: ['WITH x AS (DELETE FROM u RETURNING *) SELECT * FROM x'],
  units: 2,
  pass: ['WITH x AS (SELECT * FROM u) SELECT * FROM x'],
});
row('PG-22', 'BAN', {
  not: [
    'WITH a AS (WITH x AS (DELETE FROM u RETURNING *) SELECT * FROM x) SELECT * FROM a',
    'INSERT INTO t WITH x AS (DELETE FROM u RETURNING *) SELECT * FROM x',
    'WITH x AS (DELETE FROM u RETURNING *) INSERT INTO t SELECT * FROM x',
    'CREATE TABLE t AS WITH x AS (DELETE FROM u RETURNING *) SELECT * FROM x',
    'COPY (WITH x AS (DELETE FROM u RETURNING *) SELECT * FROM x) TO STDOUT',
    'WITH a AS (INSERT INTO t SELECT 1 RETURNING *), b AS (DELETE FROM u RETURNING *) SELECT * FROM a',
    'UPDATE t SET a = 1 FROM (WITH x AS (DELETE FROM u RETURNING *) SELECT * FROM x) y',
    'SELECT (WITH x AS (DELETE FROM u RETURNING *) SELECT a FROM x)',
  ],
  pass: ['INSERT INTO t WITH x AS (SELECT * FROM u) SELECT * FROM x', 'COPY (SELECT * FROM u) TO STDOUT'],
});
row('PG-23', 'BANMERGE', {
  not: ['WITH a AS (MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE RETURNING *) SELECT * FROM a'],
  pass: ['WITH a AS (INSERT INTO t VALUES (1) RETURNING *) SELECT * FROM a'],
});
row('PG-24', 'READ', { not: ['EXPLAIN ANALYZE DELETE FROM users'], pass: ['EXPLAIN DELETE FROM users'] });
row('PG-25', 'READ', {
  not: [
    'EXPLAIN (BUFFERS, ANALYZE) DELETE FROM users',
    'EXPLAIN (ANALYZE on) DELETE FROM users',
    'EXPLAIN (ANALYZE 1) DELETE FROM users',
    "EXPLAIN (ANALYZE 'true') DELETE FROM users",
    'EXPLAIN (ANALYZE false, ANALYZE true) DELETE FROM users',
    'EXPLAIN (ANALYZE true, ANALYZE false) DELETE FROM users',
    'EXPLAIN ANALYZE VERBOSE DELETE FROM users',
    'EXPLAIN (ANALYZE, VERBOSE) DELETE FROM users',
    'EXPLAIN ("analyze") DELETE FROM users',
  ],
  pass: [
    'EXPLAIN (BUFFERS) DELETE FROM users',
    'EXPLAIN (ANALYZE false) DELETE FROM users',
    'EXPLAIN (ANALYZE off) DELETE FROM users',
    'EXPLAIN (ANALYZE 0) DELETE FROM t',
  ],
});
row('PG-26', 'READ', {
  not: [
    'EXPLAIN (ANALYZE) CREATE TABLE x AS SELECT 1',
    'EXPLAIN ANALYZE REFRESH MATERIALIZED VIEW m',
    'EXPLAIN ANALYZE EXECUTE p',
    'EXPLAIN ANALYZE DECLARE c CURSOR FOR WITH x AS (DELETE FROM u RETURNING 1) SELECT * FROM x',
  ],
  pass: ['EXPLAIN (ANALYZE) SELECT 1', 'EXPLAIN CREATE TABLE x AS SELECT 1'],
});
row('PG-27', 'READ', { not: ['PREPARE p AS DELETE FROM users'], pass: ['PREPARE p AS SELECT * FROM users'] });
row('PG-28', 'READ', {
  not: ['EXECUTE q', 'FETCH c', 'FETCH ALL FROM c', 'EXPLAIN EXECUTE q'],
  pass: ['PREPARE q AS SELECT 1; EXECUTE q', 'DECLARE c CURSOR FOR SELECT 1; FETCH c'],
});
row('PG-28 deallocated', 'READ', {
  not: ['PREPARE q AS SELECT 1; EXECUTE q; DISCARD ALL; EXECUTE q'],
  pass: ['PREPARE q AS SELECT 1; EXECUTE q; EXECUTE q'],
});
row('PG-29', 'BAN', {
  not: ['PREPARE p AS DELETE FROM t WHERE id=$1; EXECUTE p(1)'],
  pass: ['PREPARE p AS UPDATE t SET a=1 WHERE id=$1; EXECUTE p(1)'],
});
row('PG-30', 'READ', {
  not: ['PREPARE p AS SELECT 1; CREATE TABLE t AS EXECUTE p'],
  pass: ['PREPARE p AS SELECT 1; EXECUTE p'],
});
row('PG-32', 'ASK', {
  not: ['PREPARE p1 AS UPDATE t SET a=1 WHERE id=1; EXECUTE p1'],
  pass: ['PREPARE p1 AS SELECT 1; EXECUTE p1'],
});
row('PG-33', 'SECRET', {
  not: ['DECLARE c CURSOR FOR SELECT * FROM tokens', 'DECLARE c CURSOR FOR SELECT * FROM tokens; FETCH c'],
  pass: ['DECLARE c CURSOR FOR SELECT * FROM other; FETCH c; MOVE c; CLOSE c'],
});
row('PG-34', 'BAN', { not: ['DO $$ BEGIN DROP TABLE users; END $$'], pass: ['DO $$ BEGIN PERFORM 1; END $$'] });
const body = (code: string, declare = ''): string =>
  `DO $$ ${declare === '' ? '' : `DECLARE ${declare}`} BEGIN ${code} END $$`;
row('PG-35', 'BAN', {
  not: [
    body('PERFORM 1; DROP TABLE users;'),
    body('IF true THEN DROP TABLE users; END IF;'),
    body('IF true THEN NULL; ELSE DROP TABLE users; END IF;'),
    body('IF true THEN NULL; ELSIF false THEN DROP TABLE users; END IF;'),
    body('PERFORM 1; EXCEPTION WHEN others THEN DROP TABLE users;'),
    body('BEGIN DROP TABLE users; END;'),
    body('CASE 1 WHEN 1 THEN DROP TABLE users; END CASE;'),
    body('CASE 1 WHEN 2 THEN NULL; ELSE DROP TABLE users; END CASE;'),
    body('LOOP DROP TABLE users; END LOOP;'),
    body('WHILE true LOOP DROP TABLE users; END LOOP;'),
    body('FOR i IN 1..2 LOOP DROP TABLE users; END LOOP;'),
    body('FOR r IN SELECT 1 LOOP DROP TABLE users; END LOOP;', 'r record;'),
    body('FOREACH x IN ARRAY ARRAY[1] LOOP DROP TABLE users; END LOOP;', 'x int;'),
    body('FOR r IN c LOOP DROP TABLE users; END LOOP;', 'c CURSOR FOR SELECT 1;'),
    "DO 'BEGIN DROP TABLE users; END' LANGUAGE plpgsql",
    "DO LANGUAGE 'plpgsql' 'BEGIN DROP TABLE users; END'",
  ],
  pass: [body('IF true THEN PERFORM 1; END IF;'), body('PERFORM 1; EXCEPTION WHEN others THEN NULL;')],
});
row('PG-36', 'BAN', {
  not: [
    body("EXECUTE 'DR'||'OP TABLE users';"),
    body("FOR r IN EXECUTE 'x' LOOP NULL; END LOOP;", 'r record;'),
    body("OPEN c FOR EXECUTE 'x';", 'c refcursor;'),
    body("EXECUTE 'select 1' INTO n;", 'n int;'),
    body('not a statement'),
    body('x := 1;'),
  ],
  pass: [body('FOR r IN SELECT 1 LOOP NULL; END LOOP;', 'r record;'), body('OPEN c FOR SELECT 1;', 'c refcursor;')],
});
row('PG-36 function', 'D', {
  not: ["CREATE FUNCTION f() RETURNS SETOF int LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'x'; END $$"],
});
row('PG-37', 'SECRET', {
  not: [
    body('NULL;', 'n int := (SELECT count(*) FROM tokens);'),
    body('NULL;', 'c CURSOR FOR SELECT * FROM tokens;'),
    body('n := count(*) FROM tokens;', 'n int;'),
    body('n = (SELECT count(*) FROM tokens);', 'n int;'),
    body('n[(SELECT count(*) FROM tokens)] := 1;', 'n int[];'),
    body('IF EXISTS(SELECT 1 FROM tokens) THEN NULL; END IF;'),
    body("RAISE NOTICE '%', (SELECT s FROM tokens);"),
    body('RAISE EXCEPTION USING MESSAGE = (SELECT s FROM tokens);'),
    body('ASSERT (SELECT true FROM tokens);'),
    body('ASSERT false, (SELECT s FROM tokens);'),
    body('FOR i IN 1..(SELECT count(*) FROM tokens) LOOP NULL; END LOOP;'),
    body('FOR i IN 1..2 BY (SELECT count(*) FROM tokens) LOOP NULL; END LOOP;'),
    body('WHILE EXISTS(SELECT 1 FROM tokens) LOOP NULL; END LOOP;'),
    body('LOOP EXIT WHEN EXISTS(SELECT 1 FROM tokens); END LOOP;'),
    body('LOOP CONTINUE WHEN EXISTS(SELECT 1 FROM tokens); END LOOP;'),
    body('CASE (SELECT 1 FROM tokens) WHEN 1 THEN NULL; END CASE;'),
    body('CASE 1 WHEN (SELECT 1 FROM tokens) THEN NULL; END CASE;'),
    body('FOREACH x IN ARRAY (SELECT array_agg(i) FROM tokens) LOOP NULL; END LOOP;', 'x int;'),
    body('OPEN c((SELECT 1 FROM tokens));', 'c CURSOR (a int) FOR SELECT a;'),
    body('FOR r IN c((SELECT 1 FROM tokens)) LOOP NULL; END LOOP;', 'c CURSOR (a int) FOR SELECT a;'),
    body('FETCH RELATIVE (SELECT 1 FROM tokens) FROM c INTO n;', 'c refcursor; n int;'),
    body('PERFORM s FROM tokens;'),
    body('SELECT s INTO n FROM tokens;', 'n text;'),
    body('CALL p((SELECT 1 FROM tokens));'),
  ],
  pass: [
    body('NULL;', 'n int := (SELECT count(*) FROM other);'),
    body('n := count(*) FROM other;', 'n int;'),
    body("RAISE NOTICE 'tokens %', (SELECT s FROM other);"),
  ],
});
row('PG-38', 'T', {
  not: ['DO LANGUAGE plpython3u $$ print(1) $$', "DO 'x' LANGUAGE plperl", 'DO \'x\' LANGUAGE "PLPGSQL2"'],
  risk: 'destructive',
  pass: ['SELECT 1'],
});
row('PG-39', 'BAN', {
  not: [
    "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'DELETE FROM users'",
    'CREATE FUNCTION f() RETURNS void BEGIN ATOMIC DELETE FROM users; END',
    'CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DELETE FROM users; END $$',
    'CREATE PROCEDURE f() LANGUAGE plpgsql AS $$ BEGIN DELETE FROM users; END $$',
  ],
  pass: ['SELECT 1'],
});
row('PG-40', 'T', {
  not: ['SELECT f()', 'SELECT public.f()', 'SELECT * FROM f()', 'SELECT "Count"(*) FROM t'],
  risk: 'destructive',
  pass: ['SELECT count(*) FROM t'],
});
row('PG-40 trusted', 'T', {
  not: ['SELECT other_fn()', 'SELECT evil.trusted_fn()'],
  pass: ['SELECT trusted_fn()', 'SELECT app.helper(1)'],
  extra: { options: { trustedFunctions: new Set(['trusted_fn', 'app.helper']) } },
});
row('PG-41', 'BAN', {
  not: [
    'CREATE RULE r AS ON INSERT TO v DO INSTEAD (DELETE FROM t; SELECT 1)',
    'CREATE RULE r AS ON INSERT TO v DO INSTEAD DELETE FROM t',
  ],
});
row('PG-42', 'BAN', {
  not: [
    'ALTER SYSTEM SET work_mem = 1',
    'CREATE EXTENSION x',
    'CREATE SERVER s FOREIGN DATA WRAPPER w',
    'CREATE USER MAPPING FOR u SERVER s',
    'CREATE FOREIGN TABLE f (a int) SERVER s',
    'CREATE POLICY p ON t',
    'CREATE PUBLICATION p FOR ALL TABLES',
    "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p",
    'CREATE CAST (a AS b) WITHOUT FUNCTION',
    'CREATE AGGREGATE a (int) (sfunc = f, stype = int)',
    'CREATE OPERATOR + (leftarg = a, rightarg = b, function = f)',
    'CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f()',
    "CREATE TABLESPACE t LOCATION '/x'",
    'CREATE ACCESS METHOD a TYPE TABLE HANDLER h',
    'CREATE LANGUAGE l',
    'CREATE STATISTICS s ON a, b FROM t',
    'CREATE TYPE t AS (a int)',
    "CREATE TYPE t AS ENUM ('a')",
    'CREATE TYPE t AS RANGE (subtype = int4)',
    'CREATE TYPE t',
    'CREATE TYPE t (input = f, output = g)',
    'DROP OWNED BY x',
    'DROP SUBSCRIPTION s',
    'DROP USER MAPPING FOR u SERVER s',
    'DROP TABLESPACE t',
    'ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO x',
    'ALTER EXTENSION x UPDATE',
    'ALTER EXTENSION x ADD TABLE t',
    'ALTER POLICY p ON t USING (true)',
    "ALTER TYPE t ADD VALUE 'x'",
    'ALTER TYPE t RENAME TO u',
    'CREATE DATABASE d',
    'CREATE ROLE r',
    'CREATE MATERIALIZED VIEW m AS SELECT 1',
    'CREATE TEXT SEARCH CONFIGURATION c (COPY = simple)',
    "CREATE COLLATION c (locale = 'C')",
    'CREATE DOMAIN d AS int',
    'CREATE TRANSFORM FOR t LANGUAGE l (FROM SQL WITH FUNCTION f(internal), TO SQL WITH FUNCTION g(internal))',
    "CREATE CONVERSION c FOR 'UTF8' TO 'LATIN1' FROM f",
    'CREATE OPERATOR CLASS c FOR TYPE t USING btree AS STORAGE int',
    'CREATE OPERATOR FAMILY f USING btree',
    'ALTER OPERATOR FAMILY f USING btree ADD OPERATOR 1 < (int, int)',
    'ALTER FUNCTION f() OWNER TO x',
    'ALTER TABLE t OWNER TO x',
    'ALTER TABLE t SET SCHEMA s',
    'ALTER ROLE r SUPERUSER',
    'ALTER DATABASE d SET x.y = 1',
    'ALTER SEQUENCE s RESTART',
    'ALTER INDEX i ATTACH PARTITION j',
    'DROP ROLE r',
    'DROP DATABASE d',
    'GRANT a TO b',
  ].filter((sql) => !/RENAME/.test(sql)),
  pass: ['INSERT INTO t VALUES (1)'],
});
for (const sql of [
  'IMPORT FOREIGN SCHEMA a FROM SERVER s INTO b',
  'REASSIGN OWNED BY a TO b',
  "SECURITY LABEL ON TABLE t IS 'x'",
  "LOAD 'x'",
  "COMMIT PREPARED 'x'",
]) {
  cases.push({ id: 'PG-43', set: 'D', sql: [sql], want: 'deny', risk: 'destructive' });
  cases.push({ id: 'PG-43', set: 'T', sql: [sql], want: 'approve', risk: 'destructive' });
}
row('PG-44', 'REVOKE', {
  not: ['REVOKE ALL ON t FROM x', 'REVOKE a FROM b', 'REVOKE GRANT OPTION FOR SELECT ON t FROM x'],
  pass: ['GRANT SELECT ON t TO x', 'GRANT a TO b'],
});
row('PG-45', 'READ', {
  not: [
    'SELECT * INTO newt FROM users',
    'SELECT * INTO TEMP newt FROM users',
    'SELECT 1 INTO newt UNION SELECT 2',
    'TABLE users; SELECT 1 INTO x',
  ],
  pass: ['SELECT * FROM users'],
});
row('PG-46', 'T', {
  not: [
    'SELECT * FROM users FOR UPDATE',
    'SELECT * FROM users FOR SHARE SKIP LOCKED',
    'SELECT * FROM (SELECT * FROM users FOR UPDATE) x',
  ],
  risk: 'suspicious',
  pass: ['SELECT * FROM users'],
});
row('PG-47', 'COPYOUT', {
  not: [
    'COPY u FROM STDIN',
    'COPY (DELETE FROM u RETURNING *) TO STDOUT',
    "COPY u TO '/tmp/x'",
    "COPY u TO  PROGRAM 'sh'",
    "copy u to\nprogram 'sh'",
    "COPY u FROM PROGRAM 'sh'",
  ],
  pass: ['COPY u TO STDOUT', 'COPY (SELECT 1) TO STDOUT'],
});
row('PG-48', 'BAN', { not: ['CREATE SCHEMA s CREATE TABLE t(a int) GRANT SELECT ON t TO PUBLIC'], units: 3 });
row('PG-49', 'READ', { not: ['CALL p()'], pass: ['SELECT 1'] });
const readOnly: AnalyseOptions = { options: { readOnly: true } };
for (const sql of [
  'COMMIT; DROP TABLE u',
  'BEGIN READ WRITE',
  'START TRANSACTION READ WRITE',
  'SET TRANSACTION READ WRITE',
  'SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE',
  'SET transaction_read_only=off',
  'SET default_transaction_read_only TO 0',
  'RESET default_transaction_read_only',
  "SELECT set_config('default_transaction_read_only','off',false)",
  'INSERT INTO t VALUES (1)',
  'WITH x AS (DELETE FROM u RETURNING 1) SELECT * FROM x',
  'SELECT f()',
  "SELECT nextval('s')",
]) {
  cases.push({ id: 'PG-51, PG-52', set: 'T', sql: [sql], want: 'refuse', extra: readOnly });
}
cases.push({
  id: 'PG-51, PG-52 twin',
  set: 'T',
  sql: [
    'BEGIN',
    'BEGIN READ ONLY',
    'SET TRANSACTION READ ONLY',
    'COMMIT',
    'SELECT 1',
    'SET default_transaction_read_only = on',
  ],
  want: 'allow',
  extra: readOnly,
});

// 1.3 Tables, columns, names.
row('PG-53', 'SECRET', {
  not: [
    'SELECT JSON_ARRAY(SELECT s FROM tokens)',
    "SELECT JSON_OBJECT('a': (SELECT s FROM tokens))",
    "SELECT * FROM JSON_TABLE((SELECT s FROM tokens)::jsonb, '$' COLUMNS (a int PATH '$'))",
    "SELECT * FROM JSON_TABLE('1', '$' PASSING (SELECT s FROM tokens) AS x COLUMNS (a int PATH '$'))",
    'SELECT XMLELEMENT(NAME x, (SELECT s FROM tokens))',
    "SELECT * FROM XMLTABLE('/a' PASSING (SELECT s FROM tokens) COLUMNS a int)",
    "SELECT JSON_VALUE((SELECT s FROM tokens)::jsonb, '$')",
    'SELECT JSON_SCALAR((SELECT s FROM tokens))',
    'SELECT JSON_OBJECTAGG(a: (SELECT s FROM tokens)) FROM x',
  ],
  pass: ['SELECT JSON_ARRAY(SELECT s FROM other)', "SELECT 'tokens'"],
});
row('PG-54', 'SECRET', { not: ["SELECT ('{1}'::int[])[(SELECT id FROM tokens)]"], pass: ["SELECT ('{1}'::int[])[1]"] });
row('PG-55', 'SECRET', {
  not: ['SELECT 1 GROUP BY ROLLUP((SELECT count(*) FROM tokens))'],
  pass: ['SELECT 1 GROUP BY ROLLUP(a)'],
});
row('PG-56', 'SECRET', {
  not: ['INSERT INTO a VALUES (1) ON CONFLICT (i) DO UPDATE SET v=(SELECT s FROM tokens)'],
  pass: ['INSERT INTO a VALUES (1) ON CONFLICT (i) DO UPDATE SET v=1'],
});
row('PG-57', 'SECRET', { not: ['UPDATE a SET (x,y)=(SELECT p,q FROM tokens)'], pass: ['UPDATE a SET (x,y)=(1,2)'] });
row('PG-59', 'SECRET', {
  not: ['TABLE tokens', 'DELETE FROM a USING tokens', 'UPDATE a SET b=1 FROM tokens', 'COPY tokens TO STDOUT'],
  pass: ['TABLE other'],
});
row('PG-60', 'SECRET', {
  not: [
    'LOCK TABLE tokens',
    "COMMENT ON TABLE tokens IS 'x'",
    "COMMENT ON COLUMN tokens.a IS 'x'",
    'GRANT SELECT ON tokens TO x',
    'GRANT SELECT ON ALL TABLES IN SCHEMA public TO x',
    'VACUUM tokens',
    'REINDEX TABLE tokens',
    'ANALYZE tokens',
    'TRUNCATE a, tokens',
    'DROP TABLE a, tokens',
    'CREATE INDEX ON tokens(s)',
    'CREATE TRIGGER t BEFORE INSERT ON tokens EXECUTE FUNCTION f()',
    'CREATE TABLE x (LIKE tokens)',
    'CREATE TABLE x () INHERITS (tokens)',
    'CREATE TABLE x PARTITION OF tokens FOR VALUES IN (1)',
    'CREATE TABLE x (a int REFERENCES tokens)',
    'CREATE TABLE x (a int, FOREIGN KEY (a) REFERENCES tokens (b))',
    'CREATE VIEW v AS SELECT * FROM tokens',
    'CREATE STATISTICS s ON a,b FROM tokens',
    'ALTER PUBLICATION p ADD TABLE tokens',
    'ALTER TABLE tokens ADD COLUMN a int',
    'ALTER TABLE x ATTACH PARTITION tokens DEFAULT',
    'ALTER TABLE x INHERIT tokens',
    'ALTER TABLE tokens RENAME TO x',
    'ALTER TABLE tokens RENAME COLUMN a TO b',
    'ALTER TABLE tokens SET SCHEMA x',
    'ALTER TABLE tokens OWNER TO x',
    'CREATE POLICY p ON tokens',
    'CREATE RULE r AS ON INSERT TO tokens DO NOTHING',
    'DROP TRIGGER t ON tokens',
    'DROP POLICY p ON tokens',
    'DROP RULE r ON tokens',
    "SECURITY LABEL ON TABLE tokens IS 'x'",
    'CLUSTER tokens',
    'REFRESH MATERIALIZED VIEW tokens',
    "SELECT 'tokens'::regclass",
    "SELECT nextval('tokens')",
    'CREATE SEQUENCE s OWNED BY tokens.a',
    'CREATE FUNCTION f(a tokens.b%TYPE) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
    'ALTER EXTENSION e ADD TABLE tokens',
    'COPY tokens FROM STDIN',
    'INSERT INTO tokens VALUES (1)',
    'SELECT * INTO tokens FROM a',
    'CREATE TABLE tokens AS SELECT 1',
    'MERGE INTO tokens USING a ON true WHEN MATCHED THEN DO NOTHING',
    'MERGE INTO a USING tokens ON true WHEN MATCHED THEN DO NOTHING',
  ],
  pass: [
    'LOCK TABLE other',
    'CREATE INDEX tokens ON other(s)',
    'SELECT 1 AS tokens',
    'DROP TRIGGER tokens ON other',
    'SELECT 1 FROM other AS tokens',
  ],
});
row('PG-61', 'SECRET', {
  pass: [
    'WITH tokens AS (SELECT 1) SELECT * FROM tokens',
    'WITH RECURSIVE tokens AS (SELECT 1 UNION SELECT * FROM tokens) SELECT * FROM tokens',
  ],
  not: [
    'WITH tokens AS (SELECT * FROM tokens) SELECT * FROM tokens',
    'WITH a AS (SELECT * FROM tokens), tokens AS (SELECT 1) SELECT * FROM a',
    'WITH tokens AS (SELECT 1) DELETE FROM tokens',
    'WITH tokens AS (SELECT 1) SELECT * FROM public.tokens',
    'SELECT (WITH tokens AS (SELECT 1) SELECT 1), (SELECT s FROM tokens)',
    'WITH tokens AS (SELECT 1) INSERT INTO tokens SELECT * FROM tokens',
  ],
});
row('PG-63', 'SECRET', {
  not: [
    'SELECT * FROM "tokens"',
    'SELECT * FROM TOKENS',
    'SELECT * FROM public.tokens',
    'SELECT * FROM U&"\\0074okens"',
    'SELECT * FROM app.public.tokens',
    'SELECT * FROM other.public.tokens',
  ],
  pass: ['SELECT * FROM "Tokens"', 'SELECT * FROM "TOKENS"', 'SELECT * FROM "to\u212Aens"'],
});
row('PG-64', 'SCHEMA', {
  not: [
    'SET search_path = secret; SELECT * FROM users',
    "SET search_path = 'secret', public; SELECT * FROM users",
    "SELECT set_config('search_path', 'secret', false); SELECT * FROM users",
    "SET SCHEMA 'secret'; SELECT * FROM users",
    'BEGIN; SET LOCAL search_path = secret; SELECT * FROM users',
  ],
  pass: ['SET search_path = app, public; SELECT * FROM users', 'SELECT * FROM users'],
});
row('PG-65', 'SCHEMA', {
  not: [
    "SELECT set_config('search_path', (SELECT 'secret'), false); SELECT * FROM users",
    "SELECT CASE WHEN true THEN set_config('search_path', 'secret', false) END; SELECT * FROM users",
    'SELECT evil(); SELECT * FROM users',
    'DO $$ BEGIN SET search_path = secret; END $$; SELECT * FROM users',
    "PREPARE p AS SELECT set_config('search_path', 'secret', false); EXECUTE p; SELECT * FROM users",
  ],
  pass: [
    "SELECT set_config('search_path', (SELECT 'secret'), false); SELECT * FROM app.users",
    'DO $$ BEGIN PERFORM 1; END $$; SELECT * FROM users',
  ],
});
row('PG-66', 'SCHEMA', {
  pass: [
    'SAVEPOINT a; SET search_path=secret; ROLLBACK TO a; SELECT * FROM users',
    'BEGIN; SET LOCAL search_path=secret; ROLLBACK; SELECT * FROM users',
  ],
  not: [
    'SAVEPOINT a; SET search_path=secret; RELEASE a; SELECT * FROM users',
    'BEGIN; SET search_path=secret; COMMIT; SELECT * FROM users',
    'BEGIN; SET search_path = secret; SAVEPOINT a; ROLLBACK TO a; SELECT * FROM users',
  ],
});
row('PG-67', 'SCHEMA', {
  not: ['SELECT * FROM users'],
  pass: ['SELECT * FROM public.users', 'SELECT * FROM other'],
  extra: { state: { searchPath: ['secret'] } },
});
row('PG-67 unknown path', 'SCHEMA', {
  not: ['SELECT * FROM users', 'SELECT * FROM other'],
  pass: ['SELECT * FROM public.users', 'SELECT 1'],
  extra: { state: { searchPath: null } },
});
row('PG-69', 'PW', {
  not: [
    'SELECT pw FROM users',
    'SELECT u.pw FROM users u',
    'SELECT * FROM users',
    'SELECT u.* FROM users u',
    'SELECT u FROM users u',
    'SELECT users FROM users',
    'SELECT row_to_json(u) FROM users u',
    'SELECT (u).pw FROM users u',
    'SELECT (u).* FROM users u',
    'TABLE users',
    'COPY users TO STDOUT',
    'COPY users (pw) TO STDOUT',
    'INSERT INTO a VALUES (1) RETURNING *',
    'INSERT INTO a VALUES (1) RETURNING a',
    'UPDATE users SET a = 1 RETURNING old',
    "SELECT a FROM users WHERE pw LIKE 'a%'",
    'SELECT a FROM users ORDER BY pw',
    'SELECT a.x FROM a NATURAL JOIN users',
    'SELECT j FROM (a JOIN users USING (id)) AS j',
    'SELECT a.x FROM a JOIN users USING (pw)',
    'SELECT count(DISTINCT pw) FROM users',
    'SELECT (SELECT u FROM a LIMIT 1) FROM users u',
    'SELECT pw(users) FROM users',
    'UPDATE users SET a = pw',
    'CREATE INDEX ON users (pw)',
    'GRANT SELECT (pw) ON users TO x',
    'SELECT array_agg(u) FROM users u',
    'SELECT u.row_to_json FROM users u',
    'SELECT (u).to_jsonb FROM users u',
    'SELECT y FROM users AS u(x, y)',
    'SELECT y FROM (users JOIN a ON true) AS j(x, y)',
  ],
  pass: [
    'SELECT count(*) FROM users',
    'SELECT id FROM users',
    'SELECT x FROM generate_series(1, 2) x',
    'SELECT s FROM (SELECT id FROM users) s',
  ],
});
row('PG-70', 'SECRET', { pass: ['SELECT * FROM view_over_it'] });

// 1.4 Functions and identity.
row('PG-71', 'FN', {
  not: ["SELECT * FROM pg_read_file('/etc/passwd')"],
  pass: ['SELECT * FROM generate_series(1,2)'],
});
row('PG-72', 'FN', {
  not: [
    'SELECT array_agg(a ORDER BY pg_sleep(1)) FROM t',
    'SELECT a[(pg_sleep(1))::text::int] FROM t',
    'SELECT 1 LIMIT pg_sleep(1)::text::int',
    'INSERT INTO t VALUES (1) RETURNING pg_sleep(1)',
    'SELECT CASE WHEN true THEN pg_sleep(1) END',
    'SELECT count(*) FILTER (WHERE pg_sleep(1) IS NULL) FROM t',
    'VALUES (pg_sleep(1))',
    'SELECT * FROM t JOIN LATERAL pg_sleep(1) x ON true',
    'CREATE TABLE x (a int CHECK (pg_sleep(1) IS NULL))',
    'CREATE TABLE x (a text DEFAULT pg_sleep(1))',
    'CREATE INDEX ON t ((pg_sleep(1)))',
    'CREATE POLICY p ON t USING (pg_sleep(1) IS NULL)',
    'CREATE DOMAIN d AS int CHECK (pg_sleep(VALUE) IS NULL)',
    'ALTER TABLE t ALTER a SET DEFAULT pg_sleep(1)',
    'CREATE VIEW v AS SELECT pg_sleep(1)',
    'EXPLAIN SELECT pg_sleep(1)',
    body('PERFORM pg_sleep(1);'),
    body('NULL;', 'x text := pg_sleep(1);'),
    body('RETURN;').replace('RETURN;', 'IF pg_sleep(1) IS NULL THEN NULL; END IF;'),
  ],
  pass: ['SELECT array_agg(a ORDER BY b) FROM t'],
});
row('PG-73', 'FN', {
  not: ['SELECT pg_catalog.pg_sleep(1)', 'SELECT "pg_sleep"(1)', 'SELECT PG_SLEEP(1)', 'SELECT U&"pg\\005fsleep"(1)'],
  pass: ['SELECT 1 AS pg_sleep'],
});
row('PG-74', 'IDENTITY', {
  not: [
    'SET ROLE x',
    'SET LOCAL ROLE x',
    'SET SESSION AUTHORIZATION x',
    'SET "role" TO x',
    'SET ROLE NONE',
    'RESET ROLE',
    "SELECT set_config('role','x',false)",
    "SELECT set_config('ROLE','x',false)",
    "SELECT set_config('ro'||'le','x',false)",
    'ALTER ROLE me SET role = x',
    'CREATE FUNCTION f() RETURNS int LANGUAGE sql SET role = x AS $$ SELECT 1 $$',
    body('SET ROLE x;'),
    "PREPARE p AS SELECT set_config('role', 'x', false); EXECUTE p",
  ],
  pass: ['SET application_name = x', "SELECT set_config('application_name','x',false)"],
});
row('PG-75', 'IDENTITY', {
  not: ['DISCARD ALL', 'RESET ALL', 'RESET SESSION AUTHORIZATION', 'SET SESSION AUTHORIZATION DEFAULT'],
  pass: ['DISCARD PLANS'],
  extra: { state: { gatewaySetRole: true } },
});
row('PG-75 none set', 'IDENTITY', { pass: ['DISCARD ALL', 'RESET ALL', 'RESET SESSION AUTHORIZATION'] });
for (const call of [
  "query_to_xml('delete from u',true,true,'')",
  "table_to_xml('tokens',true,true,'')",
  "database_to_xml(true,true,'')",
  "schema_to_xml_and_xmlschema('a',true,true,'')",
  "cursor_to_xml('c',1,true,true,'')",
  "ts_stat('select 1')",
  "crosstab('select 1')",
  "public.crosstab('select 1')",
  "ts_rewrite(q, 'select 1')",
  "pg_input_is_valid('1', 'evil_domain')",
  "domain_in('1', 1, 2)",
]) {
  cases.push({ id: 'PG-76', set: 'T', sql: [`SELECT ${call}`], want: 'approve', risk: 'destructive' });
  cases.push({ id: 'PG-76 under BAN', set: 'BAN', sql: [`SELECT ${call}`], want: 'deny' });
}
row('PG-76 twin', 'T', { not: [], pass: ['SELECT ts_rewrite(q, r, s) FROM t', 'SELECT xmlelement(name a)'] });
row('PG-77', 'T', {
  not: [
    "SELECT dblink('a','b')",
    "SELECT ext.dblink('a','b')",
    "SELECT dblink_exec('a','b')",
    "SELECT lo_export(1,'x')",
    "SELECT lo_import('x')",
    "SELECT pg_ls_dir('.')",
    "SELECT pg_stat_file('x')",
    'SELECT pg_terminate_backend(1)',
    "SELECT pg_import_system_collations('x')",
    'SELECT pg_reload_conf()',
    'SELECT pg_switch_wal()',
  ],
  risk: 'destructive',
  pass: ['SELECT pg_backend_pid()'],
});
row('PG-78', 'T', {
  not: [
    'SELECT 1 OPERATOR(evil.+) 2',
    "SELECT 'x'::evil.t",
    'SELECT CAST(a AS evil.t) FROM t',
    "SELECT 'x'::mood",
    'SELECT a &&& b FROM t',
    'SELECT a FROM t ORDER BY a USING OPERATOR(evil.<)',
    'SELECT a = ANY(SELECT 1), b OPERATOR(evil.=) ANY (SELECT 1) FROM t',
    "SELECT * FROM json_to_record('{}') AS x(a evil.t)",
    "SELECT evil.t 'x'",
  ],
  risk: 'destructive',
  pass: [
    "SELECT 'x'::text, 1 OPERATOR(pg_catalog.+) 2, '1'::pg_catalog.int4, a::information_schema.sql_identifier FROM t",
  ],
});
row('PG-78 exclude', 'T', {
  not: [
    'CREATE TABLE t (a int, EXCLUDE USING gist (a WITH OPERATOR(evil.=)))',
    'CREATE TABLE t (a int, EXCLUDE USING gist (a WITH =, b WITH &&&))',
  ],
  risk: 'destructive',
});
row('PG-78 exclude, built in', 'T', {
  not: [
    'CREATE TABLE t (a int, EXCLUDE USING gist (a WITH OPERATOR(pg_catalog.=), b WITH &&))',
    'CREATE TABLE t (a int, EXCLUDE USING gist (a WITH =))',
  ],
  risk: 'suspicious',
});
// A collation is a provider and a locale, never code: it runs nothing, but it decides what is equal.
row('PG-78 collation', 'T', { pass: ['SELECT a COLLATE evil.c FROM t ORDER BY a COLLATE evil.c'] });
row('PG-79', 'T', {
  not: ['EXPLAIN SELECT evil_immutable()', "EXPLAIN SELECT pg_read_file('x')"],
  pass: ['EXPLAIN SELECT now()'],
});
row('PG-80', 'T', {
  not: ["SELECT nextval('s')", 'SELECT pg_advisory_lock(1)', "SELECT pg_notify('c','m')", 'SELECT pg_sleep(9)'],
  risk: 'suspicious',
  pass: ["SELECT currval('s')"],
});
row('PG-80 setval', 'T', { not: ["SELECT setval('s', 1)"], risk: 'destructive' });
row('PG-81', 'T', {
  not: [
    'SELECT rolpassword FROM pg_authid',
    'SELECT * FROM pg_catalog.pg_shadow',
    'COPY pg_authid TO STDOUT',
    'TABLE pg_statistic',
  ],
  risk: 'suspicious',
  pass: ['SELECT * FROM pg_roles', 'SELECT * FROM app.pg_authid'],
});
row('PG-81 columns', 'T', {
  not: [
    'SELECT umoptions FROM pg_user_mappings',
    'SELECT m FROM pg_user_mappings m',
    'TABLE pg_user_mappings',
    'SELECT option_value FROM information_schema.user_mapping_options',
    "SELECT most_common_vals FROM pg_stats WHERE tablename = 'tokens'",
    'SELECT (s).histogram_bounds FROM pg_stats s',
    'SELECT x FROM pg_stats AS s(a, b, c, d, e, f, g, h, i, x)',
    'SELECT stxdmcv FROM pg_statistic_ext_data',
  ],
  risk: 'suspicious',
  pass: [
    'SELECT srvname, usename FROM pg_user_mappings',
    'SELECT schemaname, tablename, null_frac, avg_width FROM pg_stats',
    'SELECT most_common_vals FROM app.pg_stats',
  ],
});

// 1.5 Bounded and unbounded writes.
const purge = (condition: string): string => `DELETE FROM logs WHERE ${condition}`;
row('PG-82', 'PURGE', {
  not: ['DELETE FROM logs'],
  pass: [
    purge("date < '2024-01-01'"),
    purge("'2024-01-01' > date"),
    purge("date BETWEEN '2020-01-01' AND '2023-12-31'"),
    purge("date < '2024-01-01' AND level='debug'"),
    "DELETE FROM public.logs WHERE date < '2024-01-01'",
    "DELETE FROM logs USING users WHERE date < '2023-01-01'",
    "DELETE FROM logs l WHERE l.date < '2024-01-01'::date",
    "DELETE FROM logs WHERE date < DATE '2023-01-01' RETURNING id",
  ],
});
row('PG-83', 'PURGE', {
  not: [
    'true',
    '1=1',
    'id=id',
    "'a'='a'",
    'NOT false',
    'x IS NULL OR x IS NOT NULL',
    '(a OR true) AND 1 < 2',
    '$1 = $1',
    'now() = now()',
    "'t'",
    'true::bool',
    'id IS NOT NULL OR id IS NULL',
  ].map(purge),
});
row('PG-84', 'PURGE', { not: [purge("date < '2024-01-01' OR true"), purge("date < '2024-01-01' OR id > 0")] });
row('PG-85', 'PURGE', {
  not: [
    'id IS NOT NULL',
    'id <> 0',
    'id != 0',
    "msg LIKE '%'",
    'EXISTS (SELECT 1)',
    'id = ANY(ARRAY(SELECT id FROM logs))',
    'length(msg) > 0',
    'id IN (SELECT id FROM logs)',
    'id = other_id',
    'id NOT IN (1, 2)',
    "msg LIKE '_a'",
    'id = random()',
  ].map(purge),
});
row('PG-86', 'PURGE', {
  not: [
    "date < '9999-01-01'",
    "date < 'infinity'",
    "date < 'tomorrow'",
    "'01/02/2025' > date",
    "date < '2024-02-31'",
    'date < 20240101',
    "date < '2023-01-01'::text",
    'date < now()',
  ].map(purge),
});
row('PG-87', 'PURGE', {
  not: [
    purge("NOT (date >= '2024-01-01')"),
    purge('date < (SELECT max(date) FROM logs)'),
    purge("date OPERATOR(evil.<) '2020-01-01'"),
    purge("date < '2020-01-01' COLLATE evil.c"),
    purge("date COLLATE evil.c < '2020-01-01'"),
    "DELETE FROM logs USING other WHERE other.date < '2020-01-01'",
    "DELETE FROM logs l USING other logs WHERE logs.date < '2020-01-01'",
  ],
});
row('PG-88', 'PURGE', { not: ["WITH x AS (DELETE FROM logs WHERE date<'2023-01-01' RETURNING 1) DELETE FROM logs"] });
row('PG-89', 'PURGE', {
  not: [
    "DELETE FROM logs WHERE date < '2023-01-01' AND evil()",
    "DELETE FROM logs WHERE date < '2023-01-01' RETURNING evil()",
  ],
});
row('PG-90', 'PURGE', {
  not: ["DELETE FROM logs WHERE date < '2023-01-01'; DELETE FROM users WHERE date < '2023-01-01'"],
  pass: ["DELETE FROM logs WHERE date < '2023-01-01'; DELETE FROM logs WHERE date < '2022-01-01'"],
});
row('PG-93', 'T', {
  not: [
    'UPDATE users SET admin=true',
    'UPDATE t SET a=1 FROM u',
    'UPDATE t SET a=1 WHERE true',
    'UPDATE t SET a=1 FROM u WHERE u.id = 1',
    'MERGE INTO t USING s ON true WHEN MATCHED THEN UPDATE SET a=1',
    'MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN DELETE',
    'MERGE INTO t USING s ON t.id = s.id WHEN NOT MATCHED BY SOURCE THEN UPDATE SET a=1',
  ],
  risk: 'destructive',
});
row('PG-93 bounded', 'T', {
  not: [
    'UPDATE t SET a=1 WHERE id=1',
    'MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET a=1',
    'INSERT INTO t VALUES (1)',
  ],
  risk: 'suspicious',
});
row('PG-94, SQ-03', 'LIMIT', {
  not: [
    'SELECT * FROM users',
    'SELECT * FROM users LIMIT ALL',
    'SELECT * FROM users LIMIT NULL',
    'SELECT * FROM users LIMIT 1000',
    'SELECT * FROM users ORDER BY a FETCH FIRST 10 ROWS WITH TIES',
    'SELECT * FROM users LIMIT (SELECT 5)',
    'SELECT * FROM users LIMIT 2 + 3',
    '(SELECT a FROM users LIMIT 5) UNION ALL SELECT a FROM users',
    'SELECT * FROM (SELECT * FROM users LIMIT 5) x',
    'DELETE FROM users',
    'SELECT * FROM users LIMIT $1',
  ],
  pass: [
    'SELECT * FROM users LIMIT 0',
    'SELECT * FROM users LIMIT 100',
    'SELECT * FROM users FETCH FIRST 5 ROWS ONLY',
    '(SELECT a FROM t) UNION ALL SELECT b FROM u LIMIT 7',
  ],
});

for (const { id, set, sql, want, units, risk, extra } of cases) {
  if (sql.length === 0) {
    continue;
  }
  test(`${id} under ${set}: ${want}`, async () => {
    const policy = policies.get(set);
    assert.ok(policy !== undefined, set);
    for (const text of sql) {
      const shown = typeof text === 'string' ? text : text.toString('latin1');
      const judgeable = await judgeableOf(text, extra);
      assert.equal(await verdictOf(policy, text, extra), want, shown);
      if (set === 'SECRET' && want === 'deny' && !shown.includes('ALL TABLES')) {
        // Denied because it is seen, not because nothing is.
        const tables = fact(judgeable.units.at(0), 'tables');
        assert.ok(Array.isArray(tables) && tables.includes('tokens'), shown);
      }
      if (units !== undefined) {
        assert.ok(judgeable.units.length >= units, `${shown}: ${judgeable.units.length} units`);
      }
      if (risk !== undefined) {
        assert.equal(judgeable.risk, risk, shown);
      }
    }
  });
}

test('PG-37, SQ-05: every expression of a block is seen, not only counted as unseen', async () => {
  const found = cases.find(({ id }) => id === 'PG-37');
  for (const sql of found?.sql ?? []) {
    const [unit] = (await judgeableOf(sql)).units;
    const tables = fact(unit, 'tables');
    assert.ok(Array.isArray(tables) && tables.includes('tokens'), `${String(sql)}: ${JSON.stringify(tables)}`);
  }
});

test('PG-58: a sub-select is found in every position that PG-58 names', async () => {
  const slots = [
    'SELECT 1 LIMIT (SELECT 1 FROM tokens)',
    'SELECT 1 OFFSET (SELECT 1 FROM tokens)',
    'SELECT DISTINCT ON ((SELECT 1 FROM tokens)) 1',
    'SELECT array_agg(1 ORDER BY (SELECT 1 FROM tokens))',
    'SELECT count(*) FILTER (WHERE EXISTS (SELECT 1 FROM tokens))',
    'SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY (SELECT 1 FROM tokens))',
    'SELECT sum(1) OVER (ROWS BETWEEN (SELECT 1 FROM tokens) PRECEDING AND CURRENT ROW)',
    'SELECT sum(1) OVER w FROM a WINDOW w AS (PARTITION BY (SELECT 1 FROM tokens))',
    'SELECT * FROM a TABLESAMPLE bernoulli ((SELECT 1 FROM tokens))',
    'SELECT * FROM a TABLESAMPLE bernoulli (1) REPEATABLE ((SELECT 1 FROM tokens))',
    'DELETE FROM a RETURNING (SELECT 1 FROM tokens)',
    'VALUES ((SELECT 1 FROM tokens))',
    'SELECT 1 WHERE 1 IN (SELECT 1 FROM tokens)',
    'SELECT 1 WHERE 1 = ANY (SELECT 1 FROM tokens)',
    'SELECT 1 WHERE 1 IN (1, (SELECT 1 FROM tokens))',
    'SELECT * FROM a JOIN b ON EXISTS (SELECT 1 FROM tokens)',
    'SELECT * FROM a, LATERAL (SELECT 1 FROM tokens) x',
    'SELECT 1 HAVING EXISTS (SELECT 1 FROM tokens)',
    'MERGE INTO a USING b ON true WHEN MATCHED AND EXISTS (SELECT 1 FROM tokens) THEN DO NOTHING',
    'MERGE INTO a USING b ON true WHEN MATCHED THEN UPDATE SET x = (SELECT 1 FROM tokens)',
    'MERGE INTO a USING b ON true WHEN NOT MATCHED THEN INSERT VALUES ((SELECT 1 FROM tokens))',
    'MERGE INTO a USING (SELECT 1 FROM tokens) b ON true WHEN MATCHED THEN DO NOTHING',
  ];
  for (const sql of slots) {
    const [unit] = (await judgeableOf(sql)).units;
    const tables = fact(unit, 'tables');
    assert.ok(Array.isArray(tables) && tables.includes('tokens'), sql);
  }
});

test('PG-68: a name longer than 63 bytes is the name that the server cuts it to', async () => {
  const name = 'k'.repeat(63);
  const policy = makePolicy({ unmatched: 'allow', rules: [deny(`'${name}' in sql.tables`)] });
  assert.equal(await verdictOf(policy, `SELECT * FROM ${name}abcdefg`), 'deny');
  assert.equal(await verdictOf(policy, `SELECT * FROM ${name.slice(1)}`), 'allow');
});

test('PG-91 and PG-92: bound values decide, and a value that cannot be read denies', async () => {
  const policy = makePolicy(SETS['PURGE'] ?? {});
  const parsed = await judgeableOf('DELETE FROM logs WHERE date < $1');
  const bound = (value: ReturnType<Parameters<typeof parsed.withParameters>[0]>): string =>
    decide(policy, actionOf(parsed.withParameters(() => value))).kind;
  assert.equal(decide(policy, actionOf(parsed)).kind, 'deny');
  assert.equal(bound([{ kind: 'text', text: '2023-01-01' }]), 'allow');
  assert.equal(bound([{ kind: 'text', text: '2030-01-01' }]), 'deny');
  assert.equal(bound([{ kind: 'opaque' }]), 'deny');
  assert.equal(bound([{ kind: 'null' }]), 'deny');
  assert.equal(bound([]), 'deny');
});

test('the arguments of EXECUTE are the values of the stored statement', async () => {
  const prepare = 'PREPARE p AS DELETE FROM logs WHERE date < $1;';
  const policy = makePolicy({
    unmatched: 'allow',
    rules: [
      deny(
        "sql.context == 'execute' && !sql.predicates.exists(p, p.column == 'date' && p.time <= timestamp('2024-01-01T00:00:00Z'))",
      ),
    ],
  });
  for (const [args, want] of [
    ["('2023-01-01')", 'allow'],
    ["('2023-01-01'::date)", 'allow'],
    ["('2030-01-01')", 'deny'],
    ['(now())', 'deny'],
    ['(NULL)', 'deny'],
  ] as const) {
    assert.equal(await verdictOf(policy, `${prepare} EXECUTE p${args}`), want, args);
  }
});
