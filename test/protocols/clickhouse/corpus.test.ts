// Statements of every kind with the facts they must have, and the tree that a server (26.9) makes of each: our reading must be the
// server's.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Unknown, type FactValue } from '../../../src/rules/action.ts';
import { CONTEXT, OPTIONS, analyser, fact, judge } from '../../support/clickhouse-sql.ts';

interface Row {
  readonly sql: string;
  /** `-` for a text that must not be read. */
  readonly verb: string;
  readonly risk: string;
  readonly refused?: true;
  /** As written, not qualified. */
  readonly reads?: readonly string[];
  readonly writes?: readonly string[];
  readonly functions?: readonly string[];
  /** The server's EXPLAIN AST; null where it does not parse the text, or does not know what it names. */
  readonly tree: string | null;
}

const file = join(process.cwd(), 'test/corpus/clickhouse-statements.json');
const rows: readonly Row[] = JSON.parse(readFileSync(file, 'utf8'));

/** Every form that a name as written is listed under. */
function forms(names: readonly string[]): readonly string[] {
  return names
    .flatMap((name) => {
      const dot = name.indexOf('.');
      return dot < 0 ? [name, `app.${name}`] : [name, name.slice(dot + 1)];
    })
    .flatMap((name) => [name, name.toLowerCase()]);
}

function sorted(value: FactValue | undefined): readonly unknown[] | string {
  return Array.isArray(value)
    ? [...new Set(value.map(String))].toSorted()
    : value instanceof Unknown
      ? value.cause
      : 'nothing';
}

test('the corpus holds statements of every verb and tier', () => {
  assert.ok(rows.length >= 400);
  assert.deepEqual([...new Set(rows.map(({ risk }) => risk))].toSorted(), ['destructive', 'safe', 'suspicious']);
  assert.ok(new Set(rows.map(({ verb }) => verb)).size >= 30);
});

test('every statement of the corpus has its verb, tier, tables and functions', async () => {
  for (const row of rows) {
    const judged = await judge(row.sql);
    const [unit] = judged.units;
    assert.equal(judged.risk, row.risk, `${row.sql}: ${unit?.riskReason}`);
    assert.equal(judged.refused !== null, row.refused === true, row.sql);
    assert.equal(judged.source.verb ?? '-', row.verb, row.sql);
    if (row.verb === '-') {
      assert.equal(fact(unit, 'is_opaque'), true, row.sql);
      assert.ok(fact(unit, 'tables') instanceof Unknown, row.sql);
      continue;
    }
    for (const [name, wanted] of [
      ['reads', row.reads],
      ['writes', row.writes],
    ] as const) {
      const found = fact(unit, name);
      if (Array.isArray(found)) {
        assert.deepEqual(sorted(found), [...new Set(forms(wanted ?? []))].toSorted(), `${name} of ${row.sql}`);
      }
    }
    if (!(fact(unit, 'functions') instanceof Unknown)) {
      assert.deepEqual(sorted(fact(unit, 'functions')), row.functions, row.sql);
    }
  }
});

test('CK-05: what the server reads, we read as the server does, or not at all', async () => {
  let compared = 0;
  for (const { sql, tree, verb } of rows) {
    if (tree !== null && verb !== '-') {
      const text = await analyser.analyse(Buffer.from(sql), OPTIONS);
      assert.equal(analyser.compareAst(text, tree), null, sql);
      compared += 1;
    }
  }
  assert.ok(compared > 500);
  // Nearly all of it: what is left is written so that versions of the server differ on it.
  assert.ok(compared >= 0.98 * rows.filter(({ tree }) => tree !== null).length);
  const cte = rows.filter(({ sql, verb }) => verb === 'insert' && /\bWITH\b/.test(sql));
  assert.ok(cte.length >= 2, 'INSERT with WITH before it and behind it');
});

test('another tree than that of the text is a disagreement', async () => {
  const text = await analyser.analyse(Buffer.from('SELECT a FROM events'), OPTIONS);
  const tree = rows.find(({ sql }) => sql === 'SELECT a FROM events GROUP BY ALL')?.tree ?? '';
  assert.equal(analyser.compareAst(text, tree), null);
  for (const [from, to] of [
    ['TableIdentifier events', 'TableIdentifier tokens'],
    ['TableIdentifier events', 'Function file (children 1)'],
    ['Identifier a', 'Function my_udf (children 1)'],
    ['SelectWithUnionQuery', 'DropQuery'],
  ]) {
    assert.notEqual(analyser.compareAst(text, tree.replace(from ?? '', to ?? '')), null, to);
  }
  for (const answer of ['', '\n', 'Code: 62. DB::Exception: Syntax error', '1']) {
    assert.notEqual(analyser.compareAst(text, answer), null, answer);
  }
  const unread = await analyser.analyse(Buffer.from('SELEKT 1'), OPTIONS);
  assert.notEqual(analyser.compareAst(unread, tree), null);
});

test('a text says the same whichever way it is asked, and keeps what it said', async () => {
  const text = await analyser.analyse(Buffer.from('SELECT a FROM events'), OPTIONS);
  assert.equal(await analyser.analyse(Buffer.from('SELECT a FROM events'), { ...OPTIONS }), text);
  const first = analyser.bind(text, CONTEXT, OPTIONS);
  assert.equal(analyser.bind(text, { ...CONTEXT }, OPTIONS), first);
  assert.notEqual(analyser.bind(text, { ...CONTEXT, database: 'other' }, OPTIONS).memo, first.memo);
});
