// The analysis is total: whatever the text, a verdict comes, in time, and the process lives.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import createInstance from 'libpg-query/wasm/libpg-query.js';
import { createGrammar } from '../../../../src/protocols/postgres/analysis/engine.ts';
import { createPostgresAnalyser } from '../../../../src/protocols/postgres/facts.ts';
import { analyser, fact, judgeableOf, NO_NAMES, OPTIONS, STATE, textOf } from '../../../support/sql.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { factsToJson } from '../../../../src/rules/facts.ts';

const repeat = (count: number, before: string, middle: string, after = ''): string =>
  `SELECT ${before.repeat(count)}${middle}${after.repeat(count)}`;

const DEEP: readonly (readonly [string, string])[] = [
  ['10,000 parentheses', repeat(10_000, '(', '1', ')')],
  ['10,000 minus signs', repeat(10_000, '- ', '1')],
  ['10,000 casts', repeat(10_000, '', '1', '::int')],
  ['10,000 sums', repeat(10_000, '', '1', '+1')],
  ['5,000 unions', repeat(5000, '', '1', ' UNION SELECT 1')],
  ['3,000 sub-selects', repeat(3000, '(SELECT ', '1', ')')],
  ['5,000 joins', `SELECT 1 FROM a${' CROSS JOIN a'.repeat(5000)}`],
  ['1,200 nested calls', repeat(1200, 'abs(', '1', ')')],
  ['20,000 statements', 'SELECT 1;'.repeat(20_000)],
  ['100,000 list elements', `SELECT * FROM t WHERE a IN (1${',1'.repeat(100_000)})`],
  ['deep block', `DO $$ BEGIN ${'BEGIN '.repeat(2000)} NULL; ${'END; '.repeat(2000)} END $$`],
];

for (const [name, sql] of DEEP) {
  test(`PG-16, SQ-06: ${name} get a verdict, and the next text is read as ever`, async () => {
    const judgeable = await judgeableOf(sql);
    assert.ok(judgeable.units.length > 0);
    assert.ok(judgeable.units.every((unit) => unit.risk === 'destructive' || fact(unit, 'is_opaque') === false));
    assert.equal((await judgeableOf(`SELECT ${name.length} FROM after_it`)).risk, 'safe');
  });
}

test('PG-T16: a long text is analysed elsewhere, with the same result', async () => {
  const filler = ' '.repeat(40_000);
  const long = analyser.analyse(Buffer.from(`SELECT a FROM t;${filler} DELETE FROM logs WHERE id = 1`), OPTIONS);
  assert.ok(long instanceof Promise);
  const judgeable = analyser.bind(await long, STATE, NO_NAMES, 'idle');
  assert.deepEqual(
    judgeable.units.map((unit) => [fact(unit, 'verb'), fact(unit, 'tables'), fact(unit, 'bounded')]),
    [
      ['select', ['t', 'public.t'], false],
      ['delete', ['logs', 'public.logs'], true],
    ],
  );
  assert.equal(typeof fact(judgeable.units[1], 'fingerprint'), 'string');
});

test('a text over the cap is opaque and too large', async () => {
  const judgeable = await judgeableOf(`SELECT '${'x'.repeat(2000)}'`, { options: { maxTextBytes: 1000 } });
  assert.deepEqual(fact(judgeable.units[0], 'opaque_causes'), ['too_large']);
  assert.equal(judgeable.units[0]?.unreadable, true);
  assert.equal(judgeable.risk, 'destructive');
  assert.equal((await judgeableOf(`SELECT '${'x'.repeat(900)}'`, { options: { maxTextBytes: 1000 } })).risk, 'safe');
});

const LONG = Buffer.from(`SELECT 1${' '.repeat(40_000)}`);

test('PG-T16: a text that takes too long in the thread is opaque, and the next one is read', async () => {
  const clock = new FakeClock();
  const own = await createPostgresAnalyser({ clock });
  const cut = own.analyse(Buffer.from(`SELECT ${'f(a),'.repeat(30_000)}1`), OPTIONS);
  await clock.advance(60_000);
  assert.equal(own.bind(await cut, STATE, NO_NAMES, 'idle').units[0]?.unreadable, true);
  const whole = await own.analyse(LONG, OPTIONS);
  assert.equal(own.bind(whole, STATE, NO_NAMES, 'idle').risk, 'safe');
  await own.close();
});

test('the time that a thread takes to start does not count against the text', async () => {
  const clock = new FakeClock();
  const own = await createPostgresAnalyser({ clock });
  const text = own.analyse(LONG, OPTIONS);
  await clock.advance(5_000);
  assert.equal(own.bind(await text, STATE, NO_NAMES, 'idle').risk, 'safe');
  await own.close();
});

test('SQ-06: an instance of the parser that trapped is replaced', async () => {
  const grammar = await createGrammar();
  for (let round = 0; round < 5; round += 1) {
    const deep = grammar.parse(repeat(10_000, '', '1', '+1'));
    assert.notEqual(deep.kind, 'ok');
    await grammar.ready();
    assert.equal(grammar.parse('SELECT 1').kind, 'ok');
  }
});

test('ND-12: an instance of the parser that has grown past its size is replaced, and one that has not is kept', async () => {
  let made = 0;
  const grown = { mebibytes: 512 };
  const grammar = await createGrammar(async () => {
    made += 1;
    const instance = await createInstance();
    // What its memory is said to be, without the half gibibyte.
    const heap = (): object => (made > 2 ? instance.HEAPU8 : { length: grown.mebibytes * 1024 * 1024 });
    return new Proxy(instance, { get: (of, name) => (name === 'HEAPU8' ? heap() : Reflect.get(of, name)) });
  });
  await eventuallyMade(() => made === 2);
  for (let round = 0; round < 100; round += 1) {
    assert.equal(grammar.parse('SELECT 1').kind, 'ok');
  }
  assert.equal(made, 2, 'at its size it may stay');
  grown.mebibytes = 513;
  assert.equal(grammar.parse('SELECT 1').kind, 'ok', 'what was asked is answered all the same');
  assert.ok(grammar.available, 'the spare one has its place at once');
  await eventuallyMade(() => made === 3);
  assert.equal(grammar.parse('SELECT 2').kind, 'ok');
  await grammar.ready();
  const parsed = grammar.parse('SELECT 3; SELECT 4');
  assert.equal(parsed.kind === 'ok' ? parsed.value.length : parsed.message, 2);
});

/** Instances are made in turns of their own. */
async function eventuallyMade(holds: () => boolean): Promise<void> {
  for (let turns = 0; !holds(); turns += 1) {
    assert.ok(turns < 1_000_000, 'no instance was made');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const WORDS =
  "SELECT|FROM|WHERE|DELETE|INSERT INTO|UPDATE|SET|VALUES|DROP TABLE|t|u|\"q\"|'s'|E'\\''|$$x$$|$a$;$a$|1|1.5|$1|(|)|,|;|;|--c\n|/*|*/|=|<|::int|.|*|AS|AND|OR|NOT|NULL|WITH|UNION|ORDER BY|LIMIT|RETURNING|BEGIN|END|COMMIT|DO|EXPLAIN|ANALYZE|PREPARE p AS|EXECUTE p|COPY|TO STDOUT|FROM STDIN|CREATE|TABLE|FUNCTION|f|BEGIN ATOMIC|CASE|WHEN|THEN|\0|\\|é|\v|\r|[|]|:|@|#|U&\"\\0061\"|x'1f'|b'01'".split(
    '|',
  );

test('PG-20: random tokens never throw, and our statements are those of the grammar or the text is opaque', async () => {
  const own = await createGrammar();
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...WORDS), { maxLength: 14 }), (tokens) => {
      const sql = tokens.join(' ');
      const text = analyser.analyse(Buffer.from(sql), OPTIONS);
      assert.ok(!(text instanceof Promise));
      const judgeable = analyser.bind(text, STATE, NO_NAMES, 'idle');
      factsToJson(judgeable.units, 'sql');
      const parsed = sql.includes('\0') ? null : own.parse(sql);
      const opaque = judgeable.units.some((unit) => unit.unreadable);
      assert.equal(opaque, opaque || parsed?.kind !== 'ok' || parsed.value.length !== text.statements, sql);
      assert.ok(opaque || (parsed?.kind === 'ok' && parsed.value.length === text.statements), sql);
      assert.equal(text.changes.length, text.statements);
      assert.equal(text.copyIn.length, text.statements);
    }),
    { numRuns: 4000 },
  );
});

test('SQ-06: random bytes never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const text = analyser.analyse(Buffer.from(bytes), OPTIONS);
      assert.ok(!(text instanceof Promise));
      assert.ok(analyser.bind(text, STATE, NO_NAMES, 'failed').units.length > 0);
    }),
    { numRuns: 2000 },
  );
});

/** Every slot of the grammar that takes an expression; `#` is the slot. */
const SLOTS: readonly string[] = [
  'SELECT #',
  'SELECT # AS x',
  'SELECT DISTINCT ON (#) 1',
  'SELECT 1 FROM a WHERE #',
  'SELECT 1 GROUP BY #',
  'SELECT 1 GROUP BY CUBE (#)',
  'SELECT 1 GROUP BY GROUPING SETS ((#), ())',
  'SELECT 1 HAVING #',
  'SELECT 1 ORDER BY #',
  'SELECT 1 LIMIT #',
  'SELECT 1 OFFSET #',
  'SELECT 1 FETCH FIRST (#) ROWS ONLY',
  'SELECT f(#)',
  'SELECT f(VARIADIC #)',
  'SELECT f(a => #)',
  'SELECT sum(#) OVER ()',
  'SELECT sum(1) OVER (PARTITION BY #)',
  'SELECT sum(1) OVER (ORDER BY #)',
  'SELECT sum(1) OVER (ROWS # PRECEDING)',
  'SELECT sum(1) FILTER (WHERE #)',
  'SELECT array_agg(1 ORDER BY #)',
  'SELECT percentile_cont(#) WITHIN GROUP (ORDER BY 1)',
  'SELECT CASE # WHEN 1 THEN 2 END',
  'SELECT CASE WHEN # THEN 2 END',
  'SELECT CASE WHEN true THEN # END',
  'SELECT CASE WHEN true THEN 1 ELSE # END',
  'SELECT COALESCE(1, #)',
  'SELECT GREATEST(1, #)',
  'SELECT NULLIF(1, #)',
  'SELECT ARRAY[#]',
  'SELECT ARRAY[[1], [#]]',
  'SELECT ROW(1, #)',
  'SELECT (1, #)',
  'SELECT a[#] FROM t',
  'SELECT a[#:2] FROM t',
  'SELECT a[1:#] FROM t',
  'SELECT (f(1))[#]',
  'SELECT CAST(# AS text)',
  'SELECT #::text',
  'SELECT # COLLATE "C"',
  "SELECT # AT TIME ZONE 'UTC'",
  'SELECT now() AT TIME ZONE #',
  'SELECT - #',
  'SELECT 1 + #',
  'SELECT # = ANY (ARRAY[1])',
  'SELECT 1 = ALL (#)',
  'SELECT # IN (1, 2)',
  'SELECT 1 IN (2, #)',
  'SELECT # IN (SELECT 1)',
  'SELECT # LIKE 1',
  'SELECT a LIKE #',
  'SELECT a LIKE b ESCAPE #',
  'SELECT a SIMILAR TO #',
  'SELECT # BETWEEN 1 AND 2',
  'SELECT 1 BETWEEN # AND 2',
  'SELECT 1 BETWEEN SYMMETRIC 1 AND #',
  'SELECT # IS NULL',
  'SELECT # IS NOT TRUE',
  'SELECT # IS DISTINCT FROM 1',
  'SELECT 1 IS DISTINCT FROM #',
  'SELECT # IS JSON',
  'SELECT # IS DOCUMENT',
  'SELECT NOT #',
  'SELECT true AND #',
  'SELECT EXISTS (SELECT #)',
  'SELECT ARRAY(SELECT #)',
  'SELECT (SELECT #)',
  'SELECT EXTRACT(epoch FROM #)',
  'SELECT OVERLAY(a PLACING # FROM 1)',
  'SELECT POSITION(# IN a)',
  'SELECT SUBSTRING(a FROM #)',
  'SELECT TRIM(# FROM a)',
  'SELECT XMLELEMENT(NAME a, #)',
  'SELECT XMLELEMENT(NAME a, XMLATTRIBUTES(# AS b))',
  'SELECT XMLFOREST(# AS a)',
  'SELECT XMLCONCAT(#)',
  'SELECT XMLPARSE(DOCUMENT #)',
  'SELECT XMLPI(NAME a, #)',
  'SELECT XMLROOT(#, VERSION NO VALUE)',
  'SELECT XMLSERIALIZE(CONTENT # AS text)',
  'SELECT XMLEXISTS(# PASSING a)',
  "SELECT JSON_OBJECT('a': #)",
  'SELECT JSON_OBJECT(#: 1)',
  'SELECT JSON_ARRAY(1, #)',
  'SELECT JSON_ARRAYAGG(#)',
  'SELECT JSON_OBJECTAGG(a: #)',
  'SELECT JSON(#)',
  'SELECT JSON_SCALAR(#)',
  'SELECT JSON_SERIALIZE(#)',
  "SELECT JSON_EXISTS(#, '$')",
  "SELECT JSON_QUERY(a, '$' PASSING # AS x)",
  "SELECT JSON_VALUE(a, '$' DEFAULT # ON EMPTY)",
  "SELECT JSON_VALUE(a, '$' DEFAULT # ON ERROR)",
  'SELECT JSON_VALUE(a, #)',
  'SELECT * FROM f(#)',
  'SELECT * FROM ROWS FROM (f(#), g(1))',
  'SELECT * FROM LATERAL (SELECT #) x',
  'SELECT * FROM a JOIN b ON #',
  'SELECT * FROM a LEFT JOIN (SELECT #) b USING (x)',
  'SELECT * FROM a TABLESAMPLE system (#)',
  'SELECT * FROM a TABLESAMPLE system (1) REPEATABLE (#)',
  "SELECT * FROM XMLTABLE('/a' PASSING # COLUMNS b int)",
  "SELECT * FROM XMLTABLE('/a' PASSING a COLUMNS b int PATH #)",
  "SELECT * FROM XMLTABLE('/a' PASSING a COLUMNS b int DEFAULT #)",
  'SELECT * FROM XMLTABLE(# PASSING a COLUMNS b int)',
  "SELECT * FROM XMLTABLE(XMLNAMESPACES(# AS x), '/a' PASSING a COLUMNS b int)",
  "SELECT * FROM JSON_TABLE(#, '$' COLUMNS (a int))",
  "SELECT * FROM JSON_TABLE(a, '$' PASSING # AS x COLUMNS (a int))",
  "SELECT * FROM JSON_TABLE(a, '$' COLUMNS (a int DEFAULT # ON EMPTY))",
  "SELECT * FROM JSON_TABLE(a, '$' COLUMNS (NESTED PATH '$' COLUMNS (a int DEFAULT # ON ERROR)))",
  'WITH x AS (SELECT #) SELECT 1',
  'WITH RECURSIVE x AS (SELECT 1 UNION SELECT #) SELECT 1',
  'SELECT 1 UNION SELECT #',
  'VALUES (1), (#)',
  'INSERT INTO a VALUES (#)',
  'INSERT INTO a SELECT #',
  'INSERT INTO a (b[#]) VALUES (1)',
  'INSERT INTO a VALUES (1) ON CONFLICT ((#)) DO NOTHING',
  'INSERT INTO a VALUES (1) ON CONFLICT (b) WHERE # DO NOTHING',
  'INSERT INTO a VALUES (1) ON CONFLICT (b) DO UPDATE SET b = #',
  'INSERT INTO a VALUES (1) ON CONFLICT (b) DO UPDATE SET b = 1 WHERE #',
  'INSERT INTO a VALUES (1) RETURNING #',
  'UPDATE a SET b = #',
  'UPDATE a SET b[#] = 1',
  'UPDATE a SET (b, c) = (1, #)',
  'UPDATE a SET (b, c) = (SELECT 1, #)',
  'UPDATE a SET b = 1 WHERE #',
  'UPDATE a SET b = 1 FROM (SELECT #) x',
  'UPDATE a SET b = 1 RETURNING #',
  'DELETE FROM a WHERE #',
  'DELETE FROM a USING f(#) x',
  'DELETE FROM a RETURNING #',
  'MERGE INTO a USING b ON # WHEN MATCHED THEN DO NOTHING',
  'MERGE INTO a USING b ON true WHEN MATCHED AND # THEN DELETE',
  'MERGE INTO a USING b ON true WHEN NOT MATCHED THEN INSERT VALUES (#)',
  'MERGE INTO a USING b ON true WHEN MATCHED THEN UPDATE SET b = # RETURNING 1',
  'MERGE INTO a USING b ON true WHEN MATCHED THEN DELETE RETURNING #',
  'COPY (SELECT #) TO STDOUT',
  'COPY a FROM STDIN WHERE #',
  'EXPLAIN SELECT #',
  'EXPLAIN ANALYZE SELECT #',
  'PREPARE p AS SELECT #',
  'EXECUTE p(#)',
  'DECLARE c CURSOR FOR SELECT #',
  'CALL p(#)',
  'CREATE TABLE a (b int DEFAULT #)',
  'CREATE TABLE a (b int CHECK (#))',
  'CREATE TABLE a (b int, CHECK (#))',
  'CREATE TABLE a (b int GENERATED ALWAYS AS (#) STORED)',
  'CREATE TABLE a (b int, EXCLUDE USING gist ((#) WITH =) WHERE (#))',
  'CREATE TABLE a (b int) PARTITION BY RANGE ((#))',
  'CREATE TABLE a PARTITION OF b FOR VALUES IN (#)',
  'CREATE TABLE a PARTITION OF b FOR VALUES FROM (#) TO (1)',
  'CREATE TABLE a AS SELECT #',
  'CREATE MATERIALIZED VIEW a AS SELECT #',
  'CREATE VIEW a AS SELECT #',
  'CREATE INDEX ON a ((#))',
  'CREATE INDEX ON a (b) WHERE #',
  'CREATE STATISTICS s ON (#), b FROM a',
  'CREATE POLICY p ON a USING (#)',
  'CREATE POLICY p ON a WITH CHECK (#)',
  'ALTER POLICY p ON a USING (#)',
  'CREATE TRIGGER t BEFORE UPDATE ON a FOR EACH ROW WHEN (#) EXECUTE FUNCTION f()',
  'CREATE RULE r AS ON UPDATE TO a WHERE # DO NOTHING',
  'CREATE RULE r AS ON UPDATE TO a DO SELECT #',
  'CREATE DOMAIN d AS int DEFAULT # CHECK (VALUE > 0)',
  'CREATE DOMAIN d AS int CHECK (#)',
  'ALTER DOMAIN d ADD CHECK (#)',
  'ALTER DOMAIN d SET DEFAULT #',
  'ALTER TABLE a ADD COLUMN b int DEFAULT #',
  'ALTER TABLE a ALTER b SET DEFAULT #',
  'ALTER TABLE a ALTER b TYPE int USING #',
  'ALTER TABLE a ADD CHECK (#)',
  'CREATE FUNCTION f(a int DEFAULT #) RETURNS int LANGUAGE sql RETURN 1',
  'CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN #',
  'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT #; END',
  'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT # $$',
  'CREATE PUBLICATION p FOR TABLE a WHERE (#)',
  'CREATE SCHEMA s CREATE VIEW v AS SELECT #',
];

test('SQ-04: a sub-select and a call are found in every expression slot of the grammar', async () => {
  for (const slot of SLOTS) {
    const sql = slot.replaceAll('#', '(SELECT pg_sleep(s) FROM tokens)');
    const { units } = await judgeableOf(sql);
    const [unit] = units;
    assert.equal(unit?.unreadable, false, sql);
    if (fact(unit, 'context') === 'top' && !sql.startsWith('EXECUTE')) {
      const [tables, functions] = [fact(unit, 'tables'), fact(unit, 'functions')];
      assert.ok(Array.isArray(tables) && tables.includes('tokens'), sql);
      assert.ok(Array.isArray(functions) && functions.includes('pg_sleep'), sql);
    }
  }
});

test('SQ-02: what stands before a statement in characters of many bytes moves nothing out of it', async () => {
  const { units } = await judgeableOf("SELECT '\u00e9\u{1f600}\u4e2d'; DROP TABLE tokens; SELECT 1 FROM t");
  assert.deepEqual(
    units.map((unit) => [fact(unit, 'verb'), fact(unit, 'statement')]),
    [
      ['select', "SELECT '\u00e9\u{1f600}\u4e2d'"],
      ['drop', 'DROP TABLE tokens'],
      ['select', 'SELECT 1 FROM t'],
    ],
  );
});

test('the analysis of one text is one object while it is kept', async () => {
  const sql = "SELECT 'kept' FROM t";
  assert.equal(await textOf(sql), await textOf(sql));
  assert.notEqual(await textOf(sql, { readOnly: true }), await textOf(sql));
});
