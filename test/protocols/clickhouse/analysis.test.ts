// ClickHouse's texts in detail: where data begin, names and literals, predicates, settings, what a statement does to its session, and
// texts that are made to hurt.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Unknown, type FactValue } from '../../../src/rules/action.ts';
import { analyseText } from '../../../src/protocols/clickhouse/analysis/analyse.ts';
import type { ClickHouseText } from '../../../src/protocols/clickhouse/analysis/context.ts';
import { decodeQuoted } from '../../../src/protocols/clickhouse/analysis/lexer.ts';
import { judgeSetting } from '../../../src/protocols/clickhouse/analysis/settings.ts';
import { createClickHouseAnalyser } from '../../../src/protocols/clickhouse/facts.ts';
import { CONTEXT, OPTIONS, analyser, fact, judge } from '../../support/clickhouse-sql.ts';
import { LINEAR, growth } from '../../support/growth.ts';

const NOBODY = { complete: true, trusted: new Set<string>() };

async function textOf(sql: string | Buffer, complete: boolean = true): Promise<ClickHouseText> {
  return analyser.analyse(typeof sql === 'string' ? Buffer.from(sql) : sql, OPTIONS, complete);
}

test('the judged statement of an INSERT ends where its data begin', async () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['INSERT INTO t VALUES (1)', 'INSERT INTO t VALUES', 'Values'],
    ['INSERT INTO t FORMAT CSV\n1,2\n', 'INSERT INTO t FORMAT CSV\n', 'CSV'],
    ['INSERT INTO t FORMAT CSV \t\r\n1,2\n', 'INSERT INTO t FORMAT CSV \t\r\n', 'CSV'],
    ['INSERT INTO t FORMAT CSV\n\n1,2\n', 'INSERT INTO t FORMAT CSV\n', 'CSV'],
    ['INSERT INTO t FORMAT JSONEachRow {"a": "; DROP"}', 'INSERT INTO t FORMAT JSONEachRow ', 'JSONEachRow'],
    ['INSERT INTO t FORMAT TSV\n\'unclosed ` " /* $x$', 'INSERT INTO t FORMAT TSV\n', 'TSV'],
    ['INSERT INTO `é` FORMAT CSV\né', 'INSERT INTO `é` FORMAT CSV\n', 'CSV'],
    ['INSERT INTO t VALUES', 'INSERT INTO t VALUES', 'Values'],
    ['INSERT INTO t', 'INSERT INTO t', ''],
    [
      "INSERT INTO t SELECT a FROM input('a Int8') FORMAT CSV\n1",
      "INSERT INTO t SELECT a FROM input('a Int8') FORMAT CSV\n",
      'CSV',
    ],
  ];
  for (const [sql, head, format] of cases) {
    const { insert } = await textOf(sql);
    assert.equal(insert?.takesData, true, sql);
    assert.equal(insert.format, format, sql);
    assert.equal(
      Buffer.from(sql)
        .subarray(0, insert.dataStart ?? 0)
        .toString(),
      head,
      sql,
    );
  }
  for (const sql of ['INSERT INTO t SELECT 1', "INSERT INTO t FROM INFILE 'x' FORMAT CSV", 'SELECT 1']) {
    assert.notEqual((await textOf(sql)).insert?.takesData, true, sql);
  }
});

test('data may be anything, and what is called in rows of VALUES is judged', async () => {
  const binary = Buffer.concat([Buffer.from('INSERT INTO t FORMAT RowBinary\n'), Buffer.from([0, 0xff, 0x27, 0xc3])]);
  assert.equal((await judge(binary)).risk, 'suspicious');
  assert.equal((await textOf(binary)).insert?.dataStart, 31);
  assert.equal((await judge("INSERT INTO t VALUES (1, 'a;b', now()), (2, DEFAULT, NULL);")).risk, 'suspicious');
  const { units, risk } = await judge("INSERT INTO t VALUES (1), ((SELECT max(s) FROM tokens), url('x'))");
  assert.deepEqual(fact(units[0], 'reads'), ['tokens', 'app.tokens']);
  assert.equal(risk, 'destructive');
  const [garbled] = (await judge('INSERT INTO t VALUES (1) x')).units;
  assert.equal(fact(garbled, 'is_opaque'), true);
  assert.ok(fact(garbled, 'functions') instanceof Unknown);
});

test('a text that goes on is read only when it is an INSERT whose data have begun', async () => {
  const open = async (sql: string | Buffer): Promise<boolean> => (await textOf(sql, false)).verb !== null;
  assert.equal(await open('INSERT INTO t FORMAT CSV\n1'), true);
  assert.equal(await open('INSERT INTO t FORMAT CSV\n'), true);
  assert.equal(await open(Buffer.from([...Buffer.from('INSERT INTO t FORMAT CSV\n'), 0xc3])), true);
  assert.equal(await open(Buffer.from([...Buffer.from("INSERT INTO t FORMAT CSV\n'é"), 0xc3])), true);
  for (const sql of [
    'SELECT 1',
    'INSERT INTO t',
    'INSERT INTO t SELECT 1',
    'INSERT INTO t (a',
    'INSERT INTO t FORMAT CSV',
    'INSERT INTO t VALUES',
    '',
    'SELECT 1;',
  ]) {
    assert.equal(await open(sql), false, sql);
  }
  // Rows that are not here may call anything.
  const values = analyser.bind(await textOf('INSERT INTO t VALUES (1), (2', false), CONTEXT, OPTIONS);
  assert.equal(fact(values.units[0], 'verb'), 'insert');
  assert.equal(fact(values.units[0], 'is_opaque'), true);
});

test('NUL bytes, invalid UTF-8 and too much of anything are opaque', async () => {
  for (const sql of [
    'SELECT 1\0',
    "SELECT '\0'",
    'INSERT INTO t\0 FORMAT CSV\n1',
    Buffer.from([0x27, 0xff, 0x27]),
    `SELECT ${'('.repeat(5000)}1${')'.repeat(5000)}`,
    `SELECT ${'x,'.repeat(300_000)}1`,
  ]) {
    const { risk, units } = await judge(sql);
    assert.equal(risk, 'destructive');
    assert.equal(fact(units[0], 'is_opaque'), true);
    assert.ok(fact(units[0], 'tables') instanceof Unknown);
  }
  assert.notEqual((await judge('SELECT 1\0')).refused, null);
  assert.equal((await judge(`SELECT ${'('.repeat(90)}1${')'.repeat(90)}`)).risk, 'safe');
  const [long] = (await judge('SELECT 1', { options: { maxTextBytes: 3 } })).units;
  assert.equal((fact(long, 'verb') as Unknown).cause, 'too_large');
});

test('literals and quoted names are decoded as every server does, or not at all', () => {
  const cases: readonly (readonly [string, string | null])[] = [
    ["'a'", 'a'],
    ["'it''s'", "it's"],
    ["'a\\'b'", "a'b"],
    ["'\\t\\n\\\\'", '\t\n\\'],
    ["'\\x41'", 'A'],
    ['`a``b`', 'a`b'],
    ['"a\\"b"', 'a"b'],
    ['$x$a$b$x$', 'a$b'],
    // Newer servers keep the backslash of an unknown escape; \N is nothing; bytes above 7F may be parts of a character.
    ["'\\d'", null],
    ["'\\N'", null],
    ["'\\xff'", null],
    ["x'41'", null],
  ];
  for (const [raw, decoded] of cases) {
    assert.equal(decodeQuoted(raw), decoded, raw);
  }
});

test('conjuncts of a WHERE are facts, and only those', async () => {
  const predicatesOf = async (where: string, context = {}): Promise<readonly string[]> => {
    const { units } = await judge(`DELETE FROM logs WHERE ${where}`, { context });
    const found = fact(units[0], 'predicates');
    assert.ok(Array.isArray(found));
    return found.map((record) => {
      const { column, op, value, kind } = record as Record<string, string>;
      return `${column} ${op} ${kind === 'param' ? '?' : value} ${kind}`;
    });
  };
  assert.deepEqual(await predicatesOf("a = 1 AND (b < 'x' AND 2 <= c)"), [
    'a = 1 literal',
    'b < x literal',
    'c >= 2 literal',
  ]);
  assert.deepEqual(await predicatesOf('a = 1 OR b = 2'), []);
  assert.deepEqual(await predicatesOf('NOT a = 1'), []);
  assert.deepEqual(await predicatesOf('a IN (1, 2) AND b IN (SELECT 1) AND c IN t'), [
    'a in 1,2 list',
    'b in  subquery',
    'c other  expr',
  ]);
  assert.deepEqual(await predicatesOf('a BETWEEN -1 AND 2.5'), ['a >= -1 literal', 'a <= 2.5 literal']);
  assert.deepEqual(await predicatesOf('d < now() - INTERVAL 30 DAY'), ['d < now() - INTERVAL 30 DAY expr']);
  assert.deepEqual(await predicatesOf('a = b AND x.c = 1 AND logs.d IS NULL'), ['a =  column', 'd is null  literal']);
  const parameters = new Map([['p', '7']]);
  assert.deepEqual(await predicatesOf('a = {p:UInt8}', { parameters }), ['a = 7 literal']);
  assert.deepEqual(await predicatesOf('a = {p:UInt8}'), ['a = ? param']);
});

test('a write is bounded by a comparison of a column with a constant, and by nothing else', async () => {
  const boundedOf = async (where: string): Promise<unknown> =>
    fact((await judge(`ALTER TABLE t UPDATE a = 1 WHERE ${where}`)).units[0], 'bounded');
  for (const where of ['a = 1', "d < '2024-01-01'", 'a IN (1, 2)', 'a = {p:UInt8}', "s LIKE 'x%'", 'd < today() - 3']) {
    assert.equal(await boundedOf(where), true, where);
  }
  for (const where of [
    '1',
    'a = a',
    'a != 1',
    'a = b',
    'a = 1 OR 1',
    "s LIKE '%x'",
    'a IN (SELECT 1)',
    'a = 1 AND (1 AS a) = 1',
    'f(a) = 1',
    'NOT a',
  ]) {
    assert.equal(await boundedOf(where), false, where);
  }
  const whereOf = async (where: string): Promise<unknown> =>
    fact((await judge(`SELECT 1 FROM t WHERE ${where}`)).units[0], 'has_where');
  for (const where of ['1', '1 = 1', '(1 AS x) AND x', 'a = a', 'a OR 1', 'a IS NULL OR a IS NOT NULL', "'x' = 'y'"]) {
    assert.equal(await whereOf(where), false, where);
  }
  assert.equal(await whereOf('a = 1'), true);
});

test('the row limit is that of the outermost query', async () => {
  const limitOf = async (sql: string): Promise<unknown> => {
    const limit = fact((await judge(sql)).units[0], 'row_limit');
    return limit instanceof Unknown ? limit.cause : limit;
  };
  const none = 9_223_372_036_854_775_807n;
  for (const [sql, wanted] of [
    ['SELECT 1 FROM t LIMIT 10', 10n],
    ['SELECT 1 FROM t LIMIT 5, 10', 10n],
    ['SELECT 1 FROM t LIMIT 10 OFFSET 5', 10n],
    ['SELECT TOP 3 a FROM t', 3n],
    ['SELECT 1 FROM t OFFSET 1 ROWS FETCH FIRST 4 ROWS ONLY', 4n],
    ['SELECT 1 FROM (SELECT 1 LIMIT 3)', none],
    ['SELECT 1 FROM t LIMIT 10 WITH TIES', none],
    ['SELECT 1 FROM t LIMIT 10 BY a', none],
    ['SELECT 1 FROM t LIMIT 1 + 1', 'dynamic'],
    ['SELECT 1 FROM t LIMIT {n:UInt8}', 'dynamic'],
  ] as const) {
    assert.equal(await limitOf(sql), wanted, sql);
  }
});

test('what a statement does to its session is said for when the server has confirmed it', async () => {
  const changes = async (sql: string): Promise<unknown> => (await textOf(sql)).changes;
  assert.deepEqual(await changes('USE `a b`'), [{ kind: 'database', name: 'a b' }]);
  assert.deepEqual(await changes("SET max_threads = 1, param_t = 'tokens', x = DEFAULT"), [
    { kind: 'setting', name: 'max_threads', value: '1' },
    { kind: 'parameter', name: 't', value: 'tokens' },
    { kind: 'setting', name: 'x', value: null },
  ]);
  assert.deepEqual(await changes('CREATE TEMPORARY TABLE x (a Int8)'), [{ kind: 'temporary-table', name: 'x' }]);
  assert.deepEqual(await changes('DROP TABLE x'), [{ kind: 'temporary-table-gone', name: 'x' }]);
  assert.deepEqual(await changes('SET ROLE admin'), [{ kind: 'role-unknown' }]);
  assert.deepEqual(await changes('EXPLAIN SYNTAX USE a'), []);
});

test('what comes with a query is in its facts', async () => {
  const context = {
    interface: 'http',
    externalTables: ['ids'],
    temporaryTables: ['tmp'],
    parameters: new Map([['t', 'tokens']]),
    settings: new Map([['max_threads', '2']]),
  } as const;
  const { units } = await judge("SELECT * FROM ids, tmp, other, {t:Identifier} SETTINGS log_comment = 'x'", {
    context,
  });
  const [unit] = units;
  assert.deepEqual(fact(unit, 'tables'), ['ids', 'tmp', 'other', 'app.other', 'tokens', 'app.tokens']);
  assert.equal(fact(unit, 'interface'), 'http');
  assert.deepEqual(fact(unit, 'external_tables'), ['ids']);
  assert.deepEqual(fact(unit, 'query_params'), context.parameters);
  assert.deepEqual(
    fact(unit, 'settings'),
    new Map([
      ['log_comment', 'x'],
      ['max_threads', '2'],
    ]),
  );
  // What is written is listed under all its names.
  const [written] = (await judge('INSERT INTO tmp VALUES (1)', { context })).units;
  assert.deepEqual(fact(written, 'writes'), ['tmp', 'app.tmp']);
  const [missing] = (await judge('SELECT * FROM {x:Identifier}')).units;
  assert.equal((fact(missing, 'tables') as Unknown).cause, 'dynamic');
});

test('classes, names, roles and clusters of objects are facts', async () => {
  const cases: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
    ['DROP TABLE a.b ON CLUSTER c', { object: 'table', objects: ['b', 'a.b'], cluster: 'c', cascade: false }],
    ['DROP DATABASE a', { object: 'database', objects: ['a'], cascade: true }],
    ['GRANT SELECT ON a.b TO bob, alice', { verb: 'grant', roles: ['bob', 'alice'], writes: ['b', 'a.b'] }],
    ['CREATE USER bob', { object: 'user', roles: ['bob'] }],
    ["CREATE TABLE t (a Int8) ENGINE = URL('x', CSV)", { object: 'table', engine: 'URL' }],
    ["SELECT dictGet('d', 'a', 1)", { dictionaries: ['d'], functions: ['dictget'] }],
    ['SELECT * FROM numbers(1), view(SELECT 1)', { table_functions: ['numbers', 'view'] }],
    ['SELECT sumIf(a, b), quantileTiming(0.5)(c) FROM t', { functions: ['sumif', 'sum', 'quantiletiming'] }],
    ['EXECUTE AS bob SELECT 1', { verb: 'execute as', roles: ['bob'], effects: ['identity', 'read'] }],
  ];
  for (const [sql, wanted] of cases) {
    const { units } = await judge(sql);
    for (const [name, value] of Object.entries(wanted)) {
      assert.deepEqual(fact(units[0], name), value, `${name} of ${sql}`);
    }
  }
});

function word(value: FactValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

test('statements inside statements are units of their own', async () => {
  const contexts = async (sql: string): Promise<readonly unknown[]> =>
    (await judge(sql)).units.map((unit) => `${word(fact(unit, 'context'))} ${word(fact(unit, 'verb'))}`);
  assert.deepEqual(await contexts('INSERT INTO a SELECT 1'), ['top insert', 'ctas select']);
  assert.deepEqual(await contexts('CREATE TABLE a ENGINE = Memory AS SELECT 1'), ['top create', 'ctas select']);
  assert.deepEqual(await contexts('CREATE VIEW a AS SELECT 1'), ['top create', 'view select']);
  assert.deepEqual(await contexts('SELECT * FROM view(SELECT 1)'), ['top select', 'view select']);
  assert.deepEqual(await contexts('EXPLAIN SELECT 1'), ['top explain']);
  assert.deepEqual(await contexts('EXPLAIN ANALYZE SELECT 1'), ['top explain', 'explain select']);
  assert.deepEqual(await contexts('EXECUTE AS a DROP TABLE b'), ['top execute as', 'execute_as drop']);
  assert.deepEqual(await contexts('DROP TABLE a PARALLEL WITH DROP TABLE b'), [
    'top other',
    'parallel drop',
    'parallel drop',
  ]);
});

test('a limit may be tightened and not loosened; what is on no list is destructive', () => {
  for (const [name, value, tier] of [
    ['max_execution_time', '10', 'safe'],
    ['max_execution_time', '0', 'destructive'],
    ['max_execution_time', '-1', 'destructive'],
    ['max_memory_usage', '1000000', 'safe'],
    ['max_memory_usage', '99999999999999', 'destructive'],
    ['max_threads', 'auto', 'destructive'],
    ['output_format_json_quote_64bit_integers', '0', 'safe'],
    ['format_schema', 'x', 'destructive'],
    ['format_template_row', 'x', 'destructive'],
    ['additional_result_filter', 'x', 'destructive'],
    ['allow_experimental_analyzer', '1', 'destructive'],
    ['enable_global_with_statement', '0', 'destructive'],
    ['SQL_tenant', '1', 'destructive'],
    ['constructor', '1', 'destructive'],
  ] as const) {
    assert.equal(judgeSetting(name, value).tier, tier, `${name} = ${value}`);
  }
  assert.notEqual(judgeSetting('dialect', 'prql').refused, null);
  assert.equal(judgeSetting('dialect', 'clickhouse').refused, null);
});

test('a read-only endpoint refuses what is not a read, and trusted functions count as safe', async () => {
  const readOnly = { options: { readOnly: true } };
  assert.equal((await judge('SELECT 1 FROM t', readOnly)).refused, null);
  for (const sql of ['INSERT INTO t VALUES (1)', 'DROP TABLE t', "SELECT file('x')", 'SELEKT', 'SYSTEM FLUSH LOGS']) {
    assert.notEqual((await judge(sql, readOnly)).refused, null, sql);
  }
  const trusted = { options: { trustedFunctions: new Set(['my_udf', 'app.pview']) } };
  assert.equal((await judge('SELECT My_UDF(1) FROM app.pview(x = 1)', trusted)).risk, 'safe');
  assert.equal((await judge('SELECT my_udf(1)')).risk, 'destructive');
});

test('long texts are read in a thread, and say the same there', async () => {
  const own = createClickHouseAnalyser({ deadlineMs: 120_000 });
  const numbers = Array.from({ length: 20_000 }, (_, index) => index).join(',');
  const sql = `SELECT a FROM tokens WHERE a IN (${numbers})`;
  const read = own.analyse(Buffer.from(sql), OPTIONS);
  assert.ok(read instanceof Promise);
  const text = await read;
  assert.deepEqual(fact(own.bind(text, CONTEXT, OPTIONS).units[0], 'tables'), ['tokens', 'app.tokens']);
  assert.equal(own.analyse(Buffer.from(sql), OPTIONS), text);
  // The head of an INSERT is short, however long its data are.
  const insert = own.analyse(Buffer.from(`INSERT INTO t FORMAT CSV\n${numbers}`), OPTIONS);
  assert.ok(!(insert instanceof Promise));
  assert.equal(insert.insert?.dataStart, 25);
  const rows = await own.analyse(Buffer.from(`INSERT INTO t VALUES ${'(1),'.repeat(9000)}(file('x'))`), OPTIONS);
  assert.equal(own.bind(rows, CONTEXT, OPTIONS).risk, 'destructive');
  await own.close();
});

const SOUP = (
  'SELECT|FROM|WHERE|t|a.b|`q`|"d"|\'s\'|\'|"|`|1|0x1F|1.5|.5|(|)|[|]|{|}|{p:Identifier}|,|.|;|:|::|->|?|+|-|--|/*|*/|/|*|%|=|<=|IN|NOT|AND|OR|' +
  'AS|WITH|UNION ALL|EXCEPT|JOIN|ON|USING|ARRAY JOIN|GROUP BY|ORDER BY|LIMIT|BY|SETTINGS|FORMAT|INSERT INTO|VALUES|CREATE TABLE|DROP|ALTER TABLE|' +
  'DELETE|UPDATE|SYSTEM|GRANT|TO|CASE|WHEN|THEN|END|INTERVAL|DAY|CAST(|EXTRACT(|TRIM(|view(|merge(|f(|x -> |NULL|$a$|\\|#|\n|\0|é|‘|EXPLAIN|' +
  'PARALLEL WITH|EXECUTE AS|ENGINE =|PARTITION|OVER (|COLUMNS(|APPLY(|REPLACE|* EXCEPT|BETWEEN|IS NULL'
).split('|');

test('no text makes the analysis throw, and what it reads has facts', () => {
  const soup = fc.array(fc.constantFrom(...SOUP), { maxLength: 40 }).map((pieces) => pieces.join(' '));
  const texts = fc.oneof(
    soup,
    fc.string({ unit: 'binary', maxLength: 60 }),
    soup.map((text) => `SELECT ${text}`),
  );
  fc.assert(
    fc.property(texts, fc.boolean(), (sql, complete) => {
      const text = analyser.analyse(Buffer.from(sql), OPTIONS, complete);
      assert.ok(!(text instanceof Promise));
      const { units, risk } = analyser.bind(text, CONTEXT, OPTIONS);
      assert.ok(units.length > 0);
      for (const name of ['verb', 'tables', 'functions', 'settings', 'predicates', 'statement', 'is_opaque']) {
        assert.notEqual(fact(units[0], name), undefined);
      }
      assert.ok(text.verb !== null || risk === 'destructive' || text.statements === 0);
    }),
    { numRuns: 3000, seed: 7 },
  );
});

// Twice what is allowed elsewhere: the trees of long texts are collected as garbage, which shows; a square would be 64.
test('the time that a text takes grows with its length', () => {
  const repeated: readonly (readonly [string, string, string])[] = [
    ['SELECT 1', '+1-1', ''],
    ['SELECT 1', ' OR 1', ''],
    ['SELECT a', '[1]', ''],
    ['SELECT a', '::Int8', ''],
    ['SELECT a', ', b IN c', ''],
    ['SELECT ', "'\\'", "'"],
    ['SELECT ', '/* */', '1'],
    ['SELECT 1', ' UNION ALL SELECT 1', ''],
    ['SELECT 1 FROM t', ' JOIN u USING a', ''],
    ['SELECT 1 FROM a', ', {p:Identifier}', ''],
    ['SELECT ', '$a$ ', ''],
    ['INSERT INTO t VALUES (1)', ',(1)', ''],
    ['ALTER TABLE t DROP COLUMN a', ', DROP COLUMN b', ''],
    ['DROP TABLE a', ' PARALLEL WITH DROP TABLE b', ''],
  ];
  for (const [head, piece, tail] of repeated) {
    const factor = growth(500, (size) => analyseText(head + piece.repeat(size) + tail, NOBODY));
    assert.ok(factor < 2 * LINEAR, `${head}${piece}…: ${factor}`);
  }
  // What nests without end is given up at once.
  for (const piece of [
    '(',
    '[',
    'NOT ',
    '- ',
    'f(',
    'CASE ',
    'x -> ',
    '(SELECT ',
    'INTERVAL ',
    'a ? ',
    'EXPLAIN ',
    '{',
  ]) {
    assert.equal(analyseText(`SELECT ${piece.repeat(50_000)}`, NOBODY).tree, null, piece);
  }
});
