// Security cases of section 1.1 that need more than one text: another way of reading strings, sizes, depths and random tokens. End to end:
// through the daemon, with a recording proxy before a real server.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { createGrammar, type Grammar } from '../../src/protocols/postgres/analysis/engine.ts';
import {
  errorCodes,
  startAttackGateway,
  tags,
  type AttackClient,
  type AttackGateway,
} from '../support/attack-gateway.ts';
import { findPostgres } from '../support/postgres-server.ts';
import { query } from '../support/raw-postgres.ts';
import { fileScope } from '../support/scope.ts';
import { randomFrom } from '../support/statements.ts';

const scope = fileScope();
const skip = findPostgres('debian') === null ? 'no PostgreSQL on this machine' : false;
const MIB = 1024 * 1024;
let world: AttackGateway;

before(async () => {
  if (skip === false) {
    world = await startAttackGateway(scope);
    await world.server.query('CREATE DATABASE old_strings');
    await world.server.query('ALTER DATABASE old_strings SET standard_conforming_strings = off');
  }
});

test('PG-11: where the server reads backslashes in plain strings, nothing is taken for read', { skip }, async () => {
  const texts = [`SELECT 'a\\'; DROP TABLE t; --'`, 'SELECT 1'];
  const old = await world.login('READ', { database: 'old_strings' });
  const mark = old.sent().length;
  for (const text of texts) {
    assert.deepEqual(errorCodes(await old.raw.ask(query(text))), ['42501'], text);
    assert.ok(!old.sent().subarray(mark).includes(text), 'none of it reached the upstream');
  }
  old.raw.close();
  // The twin: one string to a server that reads it as we do.
  const usual = await world.login('READ');
  assert.deepEqual(tags(await usual.raw.ask(query(`SELECT 'a\\; DROP TABLE t; --'`))), ['SELECT 1']);
  usual.raw.close();
});

/** Allowed texts are forwarded whatever the server then says to their depth. `slow`: the analysis takes a hundred round trips or more. */
const BIG: readonly (readonly [name: string, text: string, allowed: boolean, slow?: boolean])[] = [
  ['10,000 nested parentheses', `SELECT ${'('.repeat(10_000)}1${')'.repeat(10_000)}`, false],
  ['10,000 parentheses around a DROP', `SELECT 1; ${'('.repeat(10_000)}DROP TABLE t${')'.repeat(10_000)}`, false],
  ['a 5,000-way UNION', `SELECT 1${' UNION SELECT 1'.repeat(5000)}`, false],
  ['a 500-way UNION', `SELECT 1${' UNION SELECT 1'.repeat(500)}`, true],
  ['a 100,000-element list', `SELECT * FROM t WHERE a IN (1${',1'.repeat(100_000)})`, true, true],
  ['a 100,000-element list before a DROP', `SELECT 1 IN (1${',1'.repeat(100_000)}); DROP TABLE t`, false, true],
  ['7,000 alternatives', `SELECT 1 FROM t WHERE a = 1${' OR x=1'.repeat(7000)}`, true, true],
  ['2,500 alternatives', `SELECT 1 FROM t WHERE a = 1${' OR x=1'.repeat(2500)}; DROP TABLE t`, false],
  ['1,000 statements', 'SELECT 1;'.repeat(1000), true],
];

test('PG-16: deep and wide texts get a verdict in time, and others are served meanwhile', { skip }, async () => {
  const client = await world.login('READ');
  const other = await world.login('READ');
  for (const [name, text, allowed, slow = false] of BIG) {
    const mark = client.sent().length;
    client.raw.send(query(text));
    const answered = client.raw.until('Z', 60_000);
    const served = await pingUntil(other, answered);
    assert.equal(errorCodes(await answered).includes('42501'), !allowed, name);
    assert.equal(client.sent().subarray(mark).includes(text.slice(0, 1000)), allowed, name);
    // Analysed where the others are served, it would hold up all but the first of them.
    assert.ok(!slow || served >= 5, `${name}: ${served} served meanwhile`);
  }
  client.raw.close();
  other.raw.close();
});

/** How many statements of a neighbour are answered before the work is done. */
async function pingUntil({ raw }: AttackClient, work: Promise<unknown>): Promise<number> {
  const state = { done: false, served: 0 };
  const settled = (): void => {
    state.done = true;
  };
  work.then(settled, settled);
  while (!state.done) {
    assert.deepEqual(tags(await raw.ask(query('SELECT 1'))), ['SELECT 1']);
    state.served += 1;
  }
  return state.served;
}

test(
  'PG-17: a text over the cap is denied and drained, and the next query works',
  { skip, timeout: 400_000 },
  async () => {
    const client = await world.login('READ');
    const filled = (sizeBytes: number): string => `SELECT '${'x'.repeat(sizeBytes - 9)}'`;
    // The first cap is `body_buffer`: over it the text is held, and what it does is unknown. Over the second it is not held either.
    const cases: readonly (readonly [number, boolean])[] = [
      [MIB, true],
      [MIB + 1, false],
      [16 * MIB + 1, false],
    ];
    for (const [sizeBytes, allowed] of cases) {
      const mark = client.sent().length;
      const messages = await client.raw.ask(query(filled(sizeBytes)));
      assert.deepEqual(errorCodes(messages), allowed ? [] : ['42501'], String(sizeBytes));
      const sent = client.sent().length - mark;
      assert.ok(allowed ? sent === sizeBytes + 6 : sent < 200, `${sent} bytes went upstream`);
      assert.deepEqual(tags(await client.raw.ask(query('SELECT 2'))), ['SELECT 1']);
    }
    client.raw.close();
  },
);

const TOKENS =
  `SELECT|FROM|WHERE|DELETE|INSERT INTO|VALUES|DROP TABLE|t|u|"q"|'s'|E'\\''|$$x$$|$a$;$a$|1|$1|(|)|,|;|;|;|--c\n|/*|*/|=|::int|.|*|AS|AND|NOT|NULL|WITH|UNION|LIMIT|EXPLAIN|TABLE|\\|é|\v|\r|[|]|U&"\\0061"`.split(
    '|',
  );

/** What READ lets pass when nothing else is in the text. */
const READS = new Set(['SelectStmt', 'ExplainStmt']);

/** The grammar's own statements: their kinds, or null when it does not parse. */
function kindsOf(grammar: Grammar, text: string): readonly string[] | null {
  const parsed = grammar.parse(text);
  return parsed.kind === 'ok' ? parsed.value.map(({ stmt }) => Object.keys(stmt)[0] ?? '') : null;
}

async function checkSoup(client: AttackClient, grammar: Grammar, text: string): Promise<'allowed' | 'denied'> {
  const mark = client.sent().length;
  const messages = await client.raw.ask(query(text));
  const passed = client.sent().subarray(mark).includes(query(text));
  const kinds = kindsOf(grammar, text);
  if (kinds === null || !kinds.every((kind) => READS.has(kind))) {
    assert.deepEqual(errorCodes(messages), ['42501'], JSON.stringify(text));
    assert.ok(!passed, JSON.stringify(text));
    return 'denied';
  }
  // What passes is what the grammar alone would call reads. The server answers at most as many statements as it counts.
  assert.ok(!passed || tags(messages).length <= Math.max(1, kinds.length), JSON.stringify(text));
  return passed ? 'allowed' : 'denied';
}

test(
  'PG-20: of random tokens nothing passes but what the grammar reads as reads',
  { skip, timeout: 400_000 },
  async () => {
    const grammar = await createGrammar();
    const random = randomFrom(20);
    const token = (): string => TOKENS[Math.floor(random() * TOKENS.length)] ?? '';
    const texts = Array.from({ length: 2500 }, (_, index) => {
      // Half of them begin as a read does, or hardly any would parse.
      const start = index % 2 === 0 ? ['SELECT', '1'] : [];
      return [...start, ...Array.from({ length: 1 + Math.floor(random() * 8) }, token)].join(' ');
    });
    const seen = { allowed: 0, denied: 0 };
    // One after the other on each of ten connections: the log's disk writes are shared.
    const clients = [];
    for (let count = 0; count < 10; count += 1) {
      clients.push(await world.login('READ'));
    }
    const work = async (client: AttackClient): Promise<void> => {
      for (let text = texts.pop(); text !== undefined; text = texts.pop()) {
        seen[await checkSoup(client, grammar, text)] += 1;
      }
      client.raw.close();
    };
    await Promise.all(clients.map(work));
    assert.ok(seen.allowed > 50 && seen.denied > 600, JSON.stringify(seen));
  },
);
