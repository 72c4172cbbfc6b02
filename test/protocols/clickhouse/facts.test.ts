// The analysis of ClickHouse's SQL as the wires use it: texts, what they come with, and what is judged.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClickHouseAnalyser } from '../../../src/protocols/clickhouse/facts.ts';
import type { ClickHouseContext } from '../../../src/protocols/clickhouse/analysis/context.ts';

const analyser = createClickHouseAnalyser();
const OPTIONS = { readOnly: false, trustedFunctions: new Set<string>(), maxTextBytes: 1024 * 1024 };
const CONTEXT: ClickHouseContext = {
  database: 'app',
  user: 'agent',
  role: '',
  interface: 'native',
  settings: new Map(),
  parameters: new Map(),
  externalTables: [],
  temporaryTables: [],
  sessionSettings: new Map(),
};

async function judge(
  sql: string | Buffer,
  context: Partial<ClickHouseContext> = {},
): Promise<ReturnType<typeof analyser.bind>> {
  const text = await analyser.analyse(Buffer.from(sql), OPTIONS);
  return analyser.bind(text, { ...CONTEXT, ...context }, OPTIONS);
}

test('what cannot be read is opaque, and a plain SELECT is safe', async () => {
  assert.equal((await judge('SELECT 1')).risk, 'safe');
  for (const text of ['SELEKT 1', Buffer.from([0x27, 0xff, 0x27]), 'SELECT 1\0']) {
    const { risk, units } = await judge(text);
    assert.equal(risk, 'destructive');
    assert.equal(units[0]?.facts.get('sql.is_opaque'), true);
  }
});

test('a setting under which the server reads another language is refused, wherever it comes from', async () => {
  const settings = new Map([['dialect', 'kusto']]);
  assert.notEqual((await judge('SELECT 1', { settings })).refused, null);
  assert.equal((await judge('SELECT 1', { settings: new Map([['dialect', 'clickhouse']]) })).refused, null);
  assert.equal((await judge('SELECT 1', { sessionSettings: settings })).units[0]?.unreadable, true);
});
