// Real clients against a real PostgreSQL through the protocol's own code, with a gate that is told what to say.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import postgres from 'postgres';
import { startPostgres } from '../support/postgres-server.ts';
import { runProgram } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';
import { startWireGateway } from '../support/wire-gateway.ts';

const scope = fileScope();
const server = await startPostgres(scope, { flavour: 'debian' });
await server.query(
  'CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1, $$ada$$), (2, $$bob$$)',
);

async function gateway() {
  return startWireGateway(scope, {
    upstream: { host: server.host, port: server.port },
    user: server.user,
    password: server.password,
  });
}

async function psql(port: number, ...commands: readonly string[]) {
  const args = ['-X', '-A', '-t', '-h', '127.0.0.1', '-p', String(port), '-U', 'agent', '-d', 'postgres'];
  return runProgram('psql', [...args, ...commands.flatMap((command) => ['-c', command])], { timeoutMs: 20_000 });
}

test('psql reads, is denied with the reason, and goes on', async () => {
  const { port, gate } = await gateway();
  const result = await psql(port, 'SELECT name FROM users ORDER BY id', 'DROP TABLE users', 'SELECT 41 + 1');
  assert.equal(result.stdout, 'ada\nbob\n42\n');
  assert.match(result.stderr, /ERROR: {2}schema changes need a migration/);
  assert.match(result.stderr, /no-drops/);
  assert.deepEqual(gate.outcomes, [
    'SELECT name FROM users ORDER BY id: ok 2 SELECT 2',
    'SELECT 41 + 1: ok 1 SELECT 1',
  ]);
});

test('node pg is denied inside BEGIN, sees the failed transaction, and nothing of it stays', async () => {
  const { port } = await gateway();
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'agent', database: 'postgres' });
  await client.connect();
  try {
    await client.query('BEGIN');
    await client.query('INSERT INTO users VALUES ($1, $2)', [3, 'eve']);
    await assert.rejects(client.query('DROP TABLE users'), { code: '42501' });
    await assert.rejects(client.query('SELECT 1'), { code: '25P02' });
    const commit = await client.query('COMMIT');
    assert.equal(commit.command, 'ROLLBACK');
    await assert.rejects(client.query('DELETE FROM users WHERE id = $1', [1]), { code: '42501' });
    const { rows } = await client.query('SELECT count(*)::int AS n FROM users');
    assert.deepEqual(rows, [{ n: 2 }]);
  } finally {
    await client.end();
  }
});

test('postgres.js pipelines allowed and denied statements and gets each answer', async () => {
  const { port } = await gateway();
  const sql = postgres({
    host: '127.0.0.1',
    port,
    user: 'agent',
    database: 'postgres',
    max: 1,
    onnotice: () => undefined,
  });
  try {
    const results = await Promise.allSettled([
      sql`SELECT 1 AS a`,
      sql`DELETE FROM users`,
      sql`SELECT name FROM users WHERE id = ${2}`,
      sql`DROP TABLE users`,
      sql`SELECT 5 AS e`,
    ]);
    const shown = results.map((result) =>
      result.status === 'fulfilled' ? JSON.stringify(result.value) : (result.reason as { code: string }).code,
    );
    assert.deepEqual(shown, ['[{"a":1}]', '42501', '[{"name":"bob"}]', '42501', '[{"e":5}]']);
  } finally {
    await sql.end();
  }
});
