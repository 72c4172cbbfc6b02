// Attacks on the reading of ClickHouse's SQL, at the level of units, facts and verdicts: attacks that must not pass, each with a twin
// under the same rules that must. The wire tests repeat some of them end to end.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/load.ts';
import { Unknown } from '../../src/rules/action.ts';
import type { Policy } from '../../src/rules/decision.ts';
import { createMemoryReader } from '../config/memory-reader.ts';
import { COMMON, makePolicy, makeRuleAction, type ConfigParts, type RuleParts } from '../support/rule-parts.ts';
import { fact, judge, verdictOf, type JudgeOptions } from '../support/clickhouse-sql.ts';

const deny = (condition: string): RuleParts => ({ condition, outcome: 'deny' });
const allow = (condition: string): RuleParts => ({ condition, outcome: 'allow' });
const READ_VERBS =
  "sql.verb in ['select','show','explain','set','begin','commit','rollback','declare','fetch','close','prepare','execute']";
const BAN_VERBS = "sql.verb in ['delete','drop','create','alter','truncate','grant','revoke']";

const SETS: Readonly<Record<string, ConfigParts>> = {
  T: {},
  READ: { unmatched: 'deny', rules: [allow(READ_VERBS)] },
  BAN: { unmatched: 'allow', rules: [deny(BAN_VERBS)] },
  SECRET: { unmatched: 'allow', rules: [deny("'tokens' in sql.tables")] },
  LOGS: { unmatched: 'deny', rules: [allow("sql.tables.all(t, t in ['logs', 'app.logs'])")] },
  COLUMN: { unmatched: 'allow', rules: [deny("'pw' in sql.columns || '*' in sql.columns")] },
  PURGE: {
    unmatched: 'deny',
    rules: [
      allow(
        `sql.verb == "delete" && sql.writes.all(t, t in ["logs", "app.logs"]) && !sql.is_opaque && sql.context == "top"
          && sql.predicates.exists(p, p.column == "date" && p.op in ["<", "<="] && p.time <= timestamp("2024-01-01T00:00:00Z"))`,
      ),
      deny("sql.verb == 'delete' && !sql.bounded"),
    ],
  },
};

const policies = new Map(Object.entries(SETS).map(([name, parts]) => [name, makePolicy(parts)]));

interface Row {
  readonly id: string;
  readonly set: string;
  readonly not: readonly string[];
  readonly pass: readonly string[];
  /** `deny` stands for refuse too. */
  readonly want?: 'deny' | 'approve' | 'refuse';
  readonly extra?: JudgeOptions;
  readonly causes?: string;
}

const UNDER_WITH = 'WITH tokens AS (SELECT 1) SELECT 1 UNION ALL SELECT * FROM tokens';

const rows: readonly Row[] = [
  {
    id: 'CH-01',
    set: 'SECRET',
    not: [
      'SELECT 1 -- settings x\n, s FROM tokens',
      'SELECT 1 # format x\n, s FROM tokens',
      'SELECT 1 // x\n, s FROM tokens',
    ],
    pass: ['SELECT 1 -- settings x, s FROM tokens', "SELECT '-- ', s FROM logs -- tokens"],
  },
  {
    id: 'CH-02',
    set: 'SECRET',
    not: ['SELECT 1 /* settings */ , s FROM tokens', 'SELECT 1/**/, s FROM/**/tokens'],
    pass: ['SELECT 1 /* settings , s FROM tokens */'],
  },
  {
    id: 'CH-03',
    set: 'SECRET',
    not: ['SELECT 1 SETTINGS max_threads=1 UNION ALL SELECT s FROM tokens'],
    pass: ['SELECT 1 SETTINGS max_threads=1 UNION ALL SELECT s FROM logs'],
  },
  {
    id: 'CH-04',
    set: 'SECRET',
    not: ['SELECT 1 /* /* */ -- */ FROM tokens', 'SELECT 1 /* /* */ , s FROM tokens -- */', 'SELECT 1 /*/* */ */'],
    pass: ['SELECT 1 /* * / tokens */', 'SELECT 1 /*/ tokens */'],
  },
  {
    id: 'CH-05',
    set: 'T',
    want: 'approve',
    causes: 'network',
    not: [
      "SELECT * FROM url('http://x','CSV','a String')",
      "SELECT * FROM remote('h', db.t)",
      "SELECT * FROM s3('https://x')",
      "SELECT * FROM mysql('h','d','t','u','p')",
      "SELECT * FROM postgresql('h','d','t','u','p')",
      "SELECT * FROM URL('http://x','CSV')",
      "SELECT * FROM `url`('http://x','CSV')",
      "SELECT 1 WHERE 1 IN url('http://x','CSV')",
      "EXPLAIN SELECT * FROM url('http://x','CSV')",
      "DESCRIBE TABLE url('http://x','CSV')",
    ],
    pass: ['SELECT * FROM numbers(3)', "SELECT 'url(1)'", 'SELECT domain(url) FROM logs'],
  },
  {
    id: 'CH-06',
    set: 'T',
    want: 'approve',
    causes: 'file',
    not: [
      "SELECT * FROM file('x')",
      "SELECT * FROM sqlite('/x','t')",
      "SELECT file('x')",
      "SELECT arrayMap(x -> file(x), ['/etc/passwd'])",
      "INSERT INTO logs VALUES (file('/etc/passwd'))",
      "SELECT * FROM logs ORDER BY file('x')",
      "SELECT * FROM numbers(length(file('x')))",
      "WITH file('x') AS f SELECT f",
      "SELECT arrayMap(file, ['/etc/passwd'])",
      "SELECT arrayMap((`file`) AS f, ['/etc/passwd'])",
      "SELECT * APPLY file FROM (SELECT '/etc/passwd' AS a)",
      "SELECT * APPLY(x -> file(x)) FROM (SELECT '/etc/passwd' AS a)",
      "ALTER TABLE logs ADD COLUMN c String DEFAULT file('/etc/passwd')",
    ],
    pass: [
      'SELECT file FROM logs',
      "SELECT 'file(1)'",
      'SELECT arrayMap(negate, [1]), arrayConcat(my_a, b), arrayMap(x, y -> x + y, a, b) FROM logs',
    ],
  },
  {
    id: 'CH-07',
    set: 'T',
    want: 'approve',
    causes: 'opaque',
    not: ["SELECT * FROM executable('s.sh','TSV','a String')", "SELECT * FROM eval('SELECT 1')"],
    pass: ["SELECT * FROM format('TSV', 'a')"],
  },
  {
    id: 'CH-08',
    set: 'SECRET',
    not: [
      "SELECT * FROM merge('db','^tokens$')",
      "SELECT * FROM merge('db','^tok')",
      'SELECT * FROM merge(currentDatabase(), {p:String})',
      "SELECT * FROM merge('^tokens$')",
    ],
    pass: ["SELECT * FROM merge('db','^logs$')"],
  },
  {
    id: 'CH-09',
    set: 'SECRET',
    not: [
      "SELECT * FROM clusterAllReplicas('c', db.tokens)",
      "SELECT * FROM remote('localhost', db, tokens)",
      "SELECT * FROM remote('localhost', 'db', 'tokens')",
      'SELECT * FROM view(SELECT * FROM tokens)',
      'SELECT * FROM loop(tokens)',
      "SELECT * FROM cluster('c', view(SELECT * FROM tokens))",
      'SELECT * FROM mergeTreeIndex(db, tokens)',
      'WITH tokens AS (SELECT 1) SELECT * FROM view(SELECT * FROM tokens)',
      'WITH tokens AS (SELECT 1) SELECT * FROM loop(tokens)',
    ],
    pass: ["SELECT * FROM clusterAllReplicas('c', db.logs)", 'SELECT * FROM view(SELECT * FROM logs)'],
  },
  {
    // Without the global WITH, a name that only the first SELECT gives to a query is a table elsewhere.
    id: 'CH-09',
    set: 'SECRET',
    not: [
      `${UNDER_WITH} SETTINGS enable_global_with_statement=0`,
      `${UNDER_WITH} SETTINGS enable_global_with_statement={x:UInt8}`,
      `${UNDER_WITH} SETTINGS compatibility='20.8'`,
      'WITH tokens AS (SELECT 1) SELECT * FROM (SELECT * FROM tokens SETTINGS enable_global_with_statement=false)',
      `INSERT INTO logs SETTINGS enable_global_with_statement=0 ${UNDER_WITH}`,
      "SELECT * FROM logs SETTINGS additional_result_filter='1 IN (SELECT s FROM tokens)'",
      "SELECT * FROM logs SETTINGS additional_table_filters={'logs':'1 IN (SELECT s FROM tokens)'}",
    ],
    pass: [
      UNDER_WITH,
      `${UNDER_WITH} SETTINGS enable_global_with_statement=1`,
      `${UNDER_WITH} SETTINGS compatibility='23.8'`,
      "SELECT * FROM logs SETTINGS additional_result_filter=''",
      'SET enable_global_with_statement=0',
    ],
  },
  {
    // An alias that gives the columns other names.
    id: 'CH-12',
    set: 'COLUMN',
    not: ['SELECT b FROM users AS u(a, b)', 'SELECT u.b FROM users AS u(a, b)', 'SELECT pw AS a FROM users'],
    pass: ['SELECT a FROM users AS u', 'SELECT u.a FROM users u'],
  },
  {
    // A table may be called as a word of SYSTEM is.
    id: 'CH-22',
    set: 'SECRET',
    not: [
      'SYSTEM STOP MERGES tokens',
      'SYSTEM STOP TTL MERGES app.tokens',
      'SYSTEM FLUSH DISTRIBUTED tokens',
      'SYSTEM RELOAD DICTIONARY tokens',
      'SYSTEM PREWARM MARK CACHE tokens',
      "SYSTEM DROP REPLICA 'r' FROM TABLE app.tokens",
      "SYSTEM DROP REPLICA 'r' FROM DATABASE app",
    ],
    pass: [
      'SYSTEM STOP MERGES logs',
      'SYSTEM STOP MERGES',
      'SYSTEM STOP TTL MERGES',
      'SYSTEM STOP MERGES ON VOLUME p.v',
      'SYSTEM STOP REPLICATION QUEUES',
      "SYSTEM DROP REPLICA 'r' FROM TABLE app.logs",
      "SYSTEM DROP REPLICA 'r'",
    ],
  },
  {
    // What is in a database goes along with it, and is not named.
    id: 'CH-21',
    set: 'SECRET',
    not: ['DROP DATABASE app', 'DETACH DATABASE app', 'TRUNCATE DATABASE app', 'RENAME DATABASE app TO b'],
    pass: ['DROP TABLE app.logs', 'DETACH TABLE logs', 'TRUNCATE TABLE logs', 'RENAME TABLE logs TO b'],
  },
  {
    id: 'CH-10',
    set: 'SECRET',
    not: [
      'SELECT * FROM logs WHERE a IN tokens',
      'SELECT * FROM logs WHERE a GLOBAL IN db.tokens',
      'SELECT * FROM logs WHERE a NOT IN (tokens)',
      'SELECT in(a, tokens) FROM logs',
      'SELECT globalNotIn(a, tokens) FROM logs',
      "SELECT arrayMap(x -> (x AS tokens), ['q']), 's' IN tokens",
      "SELECT (SELECT 'q' AS tokens), 's' IN tokens",
      "SELECT 's' IN (tokens AS tokens)",
      "SELECT 's' IN tokens AS tokens",
      "SELECT 1 + ('s' IN tokens AS tokens)",
      "WITH 's' IN tokens AS tokens SELECT tokens",
      "SELECT 's' IN tokens AS x, x AS tokens",
      'INSERT INTO logs VALUES (1 IN tokens)',
      'SHOW TABLES WHERE 1 IN tokens',
      'KILL QUERY WHERE 1 IN tokens TEST',
      'ALTER TABLE logs DELETE WHERE a IN tokens',
      'CREATE ROW POLICY p ON logs USING a IN tokens TO ALL',
    ],
    pass: [
      'SELECT * FROM logs WHERE a IN (1, 2)',
      "SELECT 'q' AS tokens, 's' IN tokens",
      "WITH ['q'] AS tokens SELECT 's' IN tokens",
      "SELECT position('a' IN tokens) FROM logs",
    ],
  },
  {
    id: 'CH-11',
    set: 'SECRET',
    not: [
      "SELECT dictGet('tokens','s',1)",
      "SELECT dictGet(tokens,'s',1)",
      "SELECT joinGet('db.tokens','s',1)",
      "SELECT * FROM dictionary('tokens')",
      "SELECT dictGet(concat('tok','ens'),'s',1)",
    ],
    pass: ["SELECT dictGet('countries','s',1)"],
  },
  {
    id: 'CH-11',
    set: 'SECRET',
    not: [
      "SELECT * FROM format(Values, 's String', '((SELECT s FROM tokens))')",
      "SELECT * FROM format('values', '(1)')",
      "SELECT * FROM format(concat('Val','ues'), 's String', '(1)')",
      "SELECT * FROM format(JSONEachRow, 'a Int8, s String DEFAULT joinGet(''tokens'',''s'',1)', '{}')",
      "SELECT * FROM format(CSV, concat('a Int8 DEF','AULT 1'), '1')",
      "SELECT * FROM format(CSV, x'61', '1')",
      "SELECT * FROM values('a Int8, s String default dictGet(''tokens'',''s'',1)', (1,''))",
      "SELECT * FROM values({p:String}, (1,''))",
      "SELECT * FROM generateRandom('s String MATERIALIZED joinGet(''tokens'',''s'',1)')",
      "INSERT INTO logs SELECT * FROM input('s String ALIAS joinGet(''tokens'',''s'',1)') FORMAT CSV 1",
    ],
    pass: [
      "SELECT * FROM format(JSONEachRow, 'a Int8, s String', '{}')",
      'SELECT * FROM format(CSV, $$1,default$$)',
      "SELECT * FROM values('a Int8, s String', (1,'default'))",
      'SELECT * FROM values(1, 2)',
      'SELECT * FROM values((1), (2))',
      "SELECT * FROM values((1, 'a'), (2, 'b'))",
      "SELECT * FROM generateRandom('s String')",
      "INSERT INTO logs SELECT * FROM input('s String') FORMAT CSV 1",
    ],
  },
  {
    id: 'CH-12',
    set: 'SECRET',
    not: [
      'SELECT * FROM prod.tokens',
      'SELECT * FROM `prod`.`tokens`',
      'SELECT * FROM "tokens"',
      'SELECT * FROM "\\x74okens"',
      'SELECT * FROM "t\\okens"',
      'SELECT * FROM logs, tokens',
      'SELECT (SELECT max(s) FROM tokens)',
      'INSERT INTO logs SELECT * FROM tokens',
      'INSERT INTO logs VALUES ((SELECT max(s) FROM tokens))',
      'SELECT * FROM logs ORDER BY (SELECT max(s) FROM tokens)',
      'SELECT * FROM logs LIMIT (SELECT count() FROM tokens)',
      "SELECT * FROM values('a String', ((SELECT max(s) FROM tokens)))",
      'EXPLAIN SELECT * FROM tokens',
      'CREATE VIEW v AS SELECT * FROM tokens',
      'FROM tokens SELECT s',
      'WITH tokens AS (SELECT * FROM tokens) SELECT * FROM tokens',
      'WITH RECURSIVE tokens AS (SELECT * FROM tokens) SELECT * FROM tokens',
      "WITH RECURSIVE tokens AS (SELECT * FROM tokens UNION ALL SELECT 'a') SELECT * FROM tokens",
      'WITH q AS (SELECT * FROM tokens), tokens AS (SELECT 1) SELECT * FROM q',
      'SELECT (WITH tokens AS (SELECT 1) SELECT 1), s FROM tokens',
      '(WITH tokens AS (SELECT 1) SELECT 1) UNION ALL SELECT s FROM tokens',
      'WITH TOKENS AS (SELECT 1) SELECT * FROM tokens',
      'WITH tokens AS (SELECT 1) SELECT * FROM app.tokens',
      'DESCRIBE (SELECT (SELECT max(s) FROM tokens))',
      'SELECT * FROM {t:Identifier}',
    ],
    pass: [
      'SELECT tokens FROM logs',
      "SELECT 'SELECT * FROM tokens'",
      'WITH tokens AS (SELECT 1 AS a) SELECT * FROM tokens',
      'WITH tokens AS (SELECT 1 AS a) SELECT * FROM tokens UNION ALL SELECT * FROM (SELECT * FROM tokens)',
      "WITH RECURSIVE tokens AS (SELECT 'a' AS a UNION ALL SELECT * FROM tokens) SELECT * FROM tokens",
      'SELECT x.a FROM logs AS x JOIN logs AS y USING a',
    ],
  },
  {
    id: 'CH-13',
    set: 'LOGS',
    not: ['SELECT * FROM Logs', 'SELECT * FROM logs, Logs', 'SELECT * FROM App.logs'],
    pass: ['SELECT * FROM logs', 'SELECT * FROM app.logs'],
  },
  {
    id: 'CH-14',
    set: 'SECRET',
    not: ['SELECT * FROM {t:Identifier}', 'SELECT * FROM app.{t:Identifier}', 'SELECT 1 IN {t:Identifier}'],
    pass: ['SELECT {t:String} FROM logs', 'SELECT * FROM {other:Identifier}'],
    extra: {
      context: {
        parameters: new Map([
          ['t', 'tokens'],
          ['other', 'logs'],
        ]),
      },
    },
  },
  {
    id: 'CH-15',
    set: 'BAN',
    want: 'refuse',
    not: ['SELECT 1; DROP TABLE t', 'SELECT 1;SELECT 2', 'SELECT 1; x', 'DROP TABLE t; SELECT 1'],
    pass: ['SELECT 1;', 'SELECT 1; -- DROP TABLE t', "SELECT ';DROP TABLE t'"],
  },
  {
    id: 'CH-16',
    set: 'BAN',
    not: [
      'CREATE TABLE a (x Int8) ENGINE=Memory PARALLEL WITH DROP TABLE t',
      'OPTIMIZE TABLE a PARALLEL WITH DROP TABLE t',
      'OPTIMIZE TABLE a PARALLEL WITH OPTIMIZE TABLE b PARALLEL WITH TRUNCATE TABLE t',
    ],
    pass: ['OPTIMIZE TABLE a PARALLEL WITH OPTIMIZE TABLE b'],
  },
  {
    id: 'CH-17',
    set: 'BAN',
    not: ['EXECUTE AS admin DROP TABLE t', 'EXECUTE AS admin EXECUTE AS root DROP TABLE t'],
    pass: ['EXECUTE AS admin SELECT 1'],
  },
  {
    id: 'CH-18',
    set: 'T',
    want: 'refuse',
    not: [
      "SET dialect='kusto'",
      "SELECT 1 SETTINGS dialect='prql'",
      "SELECT * FROM (SELECT 1 SETTINGS dialect = 'kusto')",
      'SELECT 1 SETTINGS implicit_select = 1',
      'SELECT 1 SETTINGS dialect = {x:String}',
      'SELECT 1 SETTINGS implicit_select',
      "SELECT 1 SETTINGS implicit_table_at_top_level = 'tokens'",
      "EXPLAIN SELECT 1 SETTINGS dialect='kusto'",
    ],
    pass: ["SET dialect='clickhouse'"],
  },
  { id: 'CH-19', set: 'READ', not: ['1 + 1', 'tokens', '(1)::String'], pass: ['SELECT 1 + 1'] },
  {
    id: 'CH-20',
    set: 'T',
    want: 'approve',
    not: [
      'SELECT 1 SETTINGS readonly=0',
      'SELECT 1 SETTINGS allow_ddl=1',
      "SET profile='admin'",
      'SET ROLE admin',
      'SET DEFAULT ROLE admin TO bob',
      'SELECT 1 SETTINGS max_memory_usage=0',
      'SELECT 1 SETTINGS max_execution_time=0',
      'SELECT 1 SETTINGS max_threads={x:UInt8}',
      "SELECT 1 SETTINGS additional_table_filters={'a':'b'}",
      'SELECT * FROM (SELECT 1 SETTINGS readonly=0)',
      'INSERT INTO logs SETTINGS readonly=0 VALUES (1)',
      'SELECT 1 FORMAT CSV SETTINGS readonly=0',
      "SELECT 1 FORMAT Protobuf SETTINGS output_format_schema='/x'",
      "SELECT 1 SETTINGS input_format_record_errors_file_path='/x'",
    ],
    pass: ['SELECT 1 SETTINGS readonly=1', 'SELECT 1 SETTINGS max_execution_time=5', 'SET max_threads=2'],
  },
  {
    id: 'CH-21',
    set: 'T',
    want: 'approve',
    not: [
      'ALTER TABLE t DELETE WHERE 1',
      'DELETE FROM t WHERE 1',
      "ALTER TABLE t DROP PARTITION 'x'",
      'ALTER TABLE t MODIFY TTL d + INTERVAL 1 DAY',
      'TRUNCATE TABLE t',
      'DETACH TABLE t PERMANENTLY',
      'RENAME TABLE a TO b',
      'EXCHANGE TABLES a AND b',
      "ALTER TABLE t REPLACE PARTITION 'x' FROM u",
      'ALTER TABLE t ADD COLUMN c Int8, DROP COLUMN b',
    ],
    pass: ['SHOW CREATE TABLE t', 'DESCRIBE TABLE t', 'EXISTS TABLE t'],
  },
  {
    id: 'CH-22',
    set: 'T',
    want: 'approve',
    not: [
      'SYSTEM SHUTDOWN',
      'SYSTEM STOP MERGES',
      "SYSTEM DROP REPLICA 'r' FROM TABLE t",
      'SYSTEM RELOAD CONFIG',
      'SYSTEM FROBNICATE',
      'SYSTEM FLUSH LOGS',
    ],
    pass: ["SELECT 'SYSTEM SHUTDOWN'", 'SELECT * FROM system.parts'],
  },
  {
    id: 'CH-23',
    set: 'T',
    want: 'approve',
    not: [
      "CREATE TABLE x (a Int8) ENGINE=URL('http://x', CSV)",
      "CREATE DATABASE d ENGINE=PostgreSQL('h','d','u','p')",
      "CREATE DICTIONARY d (id UInt64) PRIMARY KEY id SOURCE(HTTP(URL 'http://x' FORMAT 'CSV')) LAYOUT(FLAT()) LIFETIME(1)",
      'CREATE NAMED COLLECTION c AS a = 1',
      'CREATE FUNCTION f AS x -> x',
      "BACKUP TABLE t TO S3('https://x')",
      "RESTORE TABLE t FROM Disk('a', 'b')",
    ],
    pass: ['SHOW CREATE DICTIONARY d', 'SHOW FUNCTIONS'],
  },
  {
    id: 'CH-24',
    set: 'SECRET',
    not: ["INSERT INTO FUNCTION file('x') SELECT * FROM tokens"],
    pass: ["INSERT INTO FUNCTION null('a Int8') SELECT * FROM logs"],
  },
  {
    id: 'CH-25',
    set: 'T',
    want: 'approve',
    not: ["SELECT 1 INTO OUTFILE 'x'", "SELECT 1 INTO OUTFILE 'x' FORMAT CSV", "SHOW TABLES INTO OUTFILE 'x'"],
    pass: ["SELECT 'INTO OUTFILE x'"],
  },
  {
    id: 'CH-36',
    set: 'T',
    want: 'approve',
    not: [
      "SELECT hasColumnInTable('host','db','t','c')",
      "SELECT hasColumnInTable('h','u','p','db','t','c')",
      'SELECT my_udf(1)',
      'SELECT LengthUTF8(1)',
      'SELECT arrayMap(my_udf, [1])',
      'SELECT arrayMap({f:Identifier}, [1])',
    ],
    pass: ["SELECT hasColumnInTable('db','t','c')", "SELECT lengthUTF8('a')", "SELECT LENGTH('a')"],
  },
  {
    id: 'CH-37',
    set: 'T',
    want: 'approve',
    not: ['KILL QUERY WHERE 1', 'KILL MUTATION WHERE 1', "KILL QUERY WHERE query_id='x' SYNC"],
    pass: ['SELECT * FROM system.processes', 'SHOW PROCESSLIST'],
  },
  // Must pass.
  {
    id: 'MP-16',
    set: 'PURGE',
    not: [
      "DELETE FROM logs WHERE date < '2025-01-01'",
      "DELETE FROM logs WHERE date < '2024-01-01' OR 1",
      "DELETE FROM logs WHERE toString(date) < '2024-01-01'",
      "DELETE FROM users WHERE date < '2024-01-01'",
      "DELETE FROM logs WHERE date < file('x')",
      "DELETE FROM logs WHERE date < '2024-01-01' AND ('2020-01-01' AS date) != ''",
      "DELETE FROM logs WHERE ('2020-01-01' AS date) < '2024-01-01'",
    ],
    pass: [
      "DELETE FROM logs WHERE date < '2024-01-01'",
      "DELETE FROM logs WHERE '2024-01-01' > date",
      "DELETE FROM logs WHERE date BETWEEN '2020-01-01' AND '2023-12-31'",
      "DELETE FROM app.logs WHERE date < '2024-01-01' AND level = 'debug'",
    ],
  },
  {
    id: 'MP-23',
    set: 'T',
    want: 'approve',
    not: ["SELECT * FROM url('x', 'CSV')"],
    pass: [
      'SELECT 1 -- settings',
      "SELECT 'SETTINGS x'",
      'SELECT a FROM logs SETTINGS max_threads=2 FORMAT JSON',
      'WITH x AS (SELECT 1 AS a) SELECT a FROM x',
      'SELECT a FROM logs ARRAY JOIN arr AS a PREWHERE b = 1',
      'SELECT a FROM logs FINAL',
      'SELECT arrayMap(x -> x + 1, [1, 2])',
      'SELECT number FROM numbers(10)',
      'SELECT {x:UInt8}',
    ],
  },
];

for (const { id, set, not, pass, want, extra = {}, causes } of rows) {
  test(`${id}: what must not pass does not, and its twin does`, async () => {
    const policy = policies.get(set);
    assert.ok(policy !== undefined);
    for (const sql of not) {
      const verdict = await verdictOf(policy, sql, extra);
      const expected = want ?? 'deny';
      assert.ok(verdict === expected || (expected === 'deny' && verdict === 'refuse'), `${sql}: ${verdict}`);
      if (causes !== undefined) {
        const { units } = await judge(sql, extra);
        assert.ok(units[0]?.riskCauses.includes(causes), `${sql}: ${units[0]?.riskCauses.join()}`);
      }
    }
    for (const sql of pass) {
      const { units } = await judge(sql, extra);
      assert.equal(await verdictOf(policy, sql, extra), 'allow', `${sql}: ${units[0]?.riskReason}`);
    }
  });
}

test('CH-18: a dialect that the query brings is refused, and one that the session has makes everything opaque', async () => {
  for (const settings of [new Map([['dialect', 'prql']]), new Map([['implicit_select', '1']])]) {
    assert.equal(await verdictOf(makePolicy({ unmatched: 'allow' }), 'SELECT 1', { context: { settings } }), 'refuse');
    const { units } = await judge('SELECT 1', { context: { sessionSettings: settings } });
    assert.equal(fact(units[0], 'is_opaque'), true);
  }
  const settings = new Map([['dialect', 'clickhouse']]);
  assert.equal(await verdictOf(makePolicy({}), 'SELECT 1', { context: { settings } }), 'allow');
});

test('CH-09: a setting of the packet, the URL or the session that changes what names stand for makes the tables unknown', async () => {
  const policy = makePolicy(SETS['SECRET'] ?? {});
  for (const [name, value, verdict] of [
    ['enable_global_with_statement', '0', 'deny'],
    ['enable_global_with_statement', '1', 'allow'],
    ['compatibility', '21.1', 'deny'],
    ['compatibility', '24.8', 'allow'],
    ['additional_result_filter', '1 IN (SELECT s FROM tokens)', 'deny'],
    ['additional_table_filters', "{'logs':'file(1)'}", 'deny'],
  ] as const) {
    const settings = new Map([[name, value]]);
    for (const context of [{ settings }, { sessionSettings: settings }]) {
      assert.equal(await verdictOf(policy, UNDER_WITH, { context }), verdict, `${name} = ${value}`);
    }
  }
  const settings = new Map([['additional_result_filter', "file('/x') = ''"]]);
  const [unit] = (await judge('SELECT 1 FROM logs', { context: { settings } })).units;
  assert.ok(fact(unit, 'functions') instanceof Unknown);
  assert.equal(fact(unit, 'is_opaque'), true);
});

test('CH-20: settings of the packet or the URL count as those of the text', async () => {
  const of = (name: string, value: string): JudgeOptions => ({ context: { settings: new Map([[name, value]]) } });
  for (const [name, value] of [
    ['readonly', '0'],
    ['allow_ddl', '1'],
    ['profile', 'admin'],
    ['role', 'admin'],
    ['max_execution_time', '0'],
    ['no_such_setting', '1'],
  ] as const) {
    const { risk, units } = await judge('SELECT 1', of(name, value));
    assert.equal(risk, 'destructive', name);
    assert.deepEqual(fact(units[0], 'settings'), new Map([[name, value]]));
  }
  assert.equal((await judge('SELECT 1', of('max_execution_time', '10'))).risk, 'safe');
});

test('CH-24, CH-25: where data goes and comes from are facts', async () => {
  const file = (await judge("INSERT INTO FUNCTION file('x') SELECT * FROM tokens")).units;
  assert.deepEqual(fact(file[0], 'reads'), ['tokens', 'app.tokens']);
  assert.deepEqual(fact(file[0], 'table_functions'), ['file']);
  assert.equal(file.length, 2);
  const [outfile] = (await judge("SELECT 1 INTO OUTFILE 'x.csv' FORMAT CSV")).units;
  assert.deepEqual([fact(outfile, 'outfile'), fact(outfile, 'format')], ['x.csv', 'CSV']);
});

/** The shipped pack, included as its first lines say. */
async function packPolicy(): Promise<Policy> {
  const files = {
    'gw.hcl': `schema_version = 1
include = ["policies/clickhouse-readonly.hcl"]
endpoint "clickhouse_https" "analytics" {
  hosts = ["analytics.example"]
  listen = "127.0.0.1:8443"
}
credential "clickhouse_credential" "ops" {
  endpoint = clickhouse_https.analytics
  user = "ops"
}
profile "default" {
  credentials = [clickhouse_credential.ops]
}
`,
    'policies/clickhouse-readonly.hcl': readFileSync('config/policies/clickhouse-readonly.hcl', 'utf8'),
  };
  const { policy, diagnostics } = await loadConfig('gw.hcl', { reader: createMemoryReader(files) });
  assert.ok(policy !== null, JSON.stringify(diagnostics));
  return policy;
}

interface CorpusRow {
  readonly sql: string;
  readonly verb: string;
  readonly risk: string;
}

test('the read-only pack lets all safe statements of the corpus pass that only look, and no other', async () => {
  const policy = await packPolicy();
  const path = join(process.cwd(), 'test/corpus/clickhouse-statements.json');
  const corpus: readonly CorpusRow[] = JSON.parse(readFileSync(path, 'utf8'));
  const looks = new Set(['select', 'show', 'describe', 'exists', 'explain', 'check', 'use', 'set']);
  const ref = 'clickhouse_https.analytics';
  const endpoint = {
    name: 'analytics',
    type: 'clickhouse_https',
    ref,
    family: 'sql',
    host: 'analytics.example',
  } as const;
  for (const { sql, verb, risk } of [...corpus, { sql: '-- ping', verb: 'select', risk: 'safe' }]) {
    const judged = await judge(sql);
    const action = { ...makeRuleAction({ credential: 'clickhouse_credential.ops' }), ...judged, endpoint };
    const { kind, by } = policy.ruleSet(ref, action.agent.profile, 'clickhouse_credential.ops').decide(action, COMMON);
    const wanted = risk === 'safe' && looks.has(verb) ? 'allow' : 'deny';
    assert.ok(kind === wanted || (wanted === 'deny' && by === 'protocol'), `${sql}: ${kind}`);
  }
});
