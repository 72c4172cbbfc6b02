// What parked statements would do, measured on a real PostgreSQL with the real analysis, without any of it being done.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { Secret } from '../../src/lib/secret.ts';
import { createPostgresAnalyser } from '../../src/protocols/postgres/facts.ts';
import { createPostgres } from '../../src/protocols/postgres/index.ts';
import type { MeasureContext } from '../../src/protocols/protocol.ts';
import type { SqlState } from '../../src/protocols/sql/analysis.ts';
import { SqlEvidence } from '../../src/protocols/postgres/evidence.ts';
import { SqlAction } from '../../src/protocols/sql/action.ts';
import { AGENT, ENDPOINT } from '../support/gate-parts.ts';
import { startPostgres } from '../support/postgres-server.ts';
import { fileScope } from '../support/scope.ts';

const scope = fileScope();
const server = await startPostgres(scope, { flavour: 'debian' });
await server.query(
  `CREATE TABLE users (id int PRIMARY KEY, name text);
   CREATE TABLE orders (id int PRIMARY KEY, owner int REFERENCES users ON DELETE CASCADE ON UPDATE CASCADE);
   CREATE TABLE lines (of_order int REFERENCES orders ON DELETE CASCADE, note int REFERENCES users ON DELETE SET NULL);
   CREATE TABLE logs (date date, level text);
   CREATE VIEW recent AS SELECT * FROM logs;
   INSERT INTO users SELECT n, 'name' FROM generate_series(1, 500) n;
   INSERT INTO logs SELECT date '2024-01-01' + n, 'info' FROM generate_series(0, 999) n;
   CREATE FUNCTION boom() RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE EXCEPTION ''planned''; END';
   ANALYZE`,
);
const analyser = await createPostgresAnalyser({ clock: systemClock });
const protocol = createPostgres({ analyser, clock: systemClock });
const options = { readOnly: false, trustedFunctions: new Set<string>(), maxTextBytes: 1 << 20 };
const state: SqlState = {
  database: 'postgres',
  user: server.user,
  role: server.user,
  resetRole: server.user,
  searchPath: ['public'],
  schemas: new Set(['public']),
  gatewaySetRole: false,
  readable: true,
  serverMajor: server.major,
  shadowedFunctions: null,
};
const context: MeasureContext = {
  config: { ...ENDPOINT, attributes: { sslmode: 'disable' } },
  dial: () => Promise.resolve(connect({ host: server.host, port: server.port })),
  credential: {
    ref: 'postgres_credential.pg',
    type: 'postgres_credential',
    attributes: { user: server.user },
    secrets: new Map([['', new Secret(server.password)]]),
  },
  signal: new AbortController().signal,
};

async function measure(sql: string): Promise<readonly string[] | null> {
  const bytes = Buffer.from(sql);
  const text = await analyser.analyse(bytes, options);
  const names = { prepared: () => undefined, cursor: () => undefined };
  const judgeable = analyser.bind(text, state, names, 'idle');
  const endpoint = { name: 'pg', type: 'postgres', ref: 'postgres.pg', family: 'sql', host: 'db' } as const;
  const origin = { session: 's', agent: AGENT, endpoint, credential: null, clock: systemClock };
  const evidence = new SqlEvidence(sql, bytes, null, true);
  const action = new SqlAction(origin, judgeable, evidence, { phase: 'execute', refused: null });
  return (await protocol.measure?.(action, context))?.lines ?? null;
}

test('a bounded delete is estimated and counted, and nothing is deleted', async () => {
  const lines = await measure(`DELETE FROM logs WHERE date < '2024-04-10'`);
  assert.equal(lines?.[0], 'exact rows now: 100 (counted)');
  assert.match(lines?.[1] ?? '', /^estimated rows: \d+ \(EXPLAIN\)$/);
  assert.equal((await server.query('SELECT count(*)::int AS n FROM logs'))[0]?.['n'], 1000);
});

test('an unbounded delete counts every row and names the foreign keys that cascade, at any depth', async () => {
  const lines = (await measure('DELETE FROM users')) ?? [];
  assert.equal(lines[0], 'exact rows now: 500 (counted)');
  assert.deepEqual(lines.slice(2).toSorted(), [
    'foreign key lines_note_fkey: also sets NULL in rows of lines (references users)',
    'foreign key lines_of_order_fkey: also deletes rows of lines (references orders)',
    'foreign key orders_owner_fkey: also deletes rows of orders (references users)',
  ]);
});

test('an update names a cascade only where it changes the key', async () => {
  const harmless = (await measure(`UPDATE users SET name = 'x' WHERE id = 7`)) ?? [];
  assert.equal(harmless[0], 'exact rows now: 1 (counted)');
  assert.equal(harmless.length, 2);
  const keyed = (await measure('UPDATE users SET id = id + 1000')) ?? [];
  assert.ok(keyed.includes('foreign key orders_owner_fkey: also updates rows of orders (references users)'));
});

test('an insert from a select is estimated', async () => {
  assert.deepEqual(await measure('INSERT INTO logs SELECT * FROM logs'), ['estimated rows: 1000 (EXPLAIN)']);
});

test('a drop and a truncate show size and dependents', async () => {
  for (const sql of ['DROP TABLE logs', 'TRUNCATE logs']) {
    const lines = (await measure(sql)) ?? [];
    assert.match(lines[0] ?? '', /^table logs: about 1000 rows, \d+ kB$/, sql);
    assert.equal(lines[1], 'depending on logs: view recent', sql);
  }
  const users = (await measure('DROP TABLE users')) ?? [];
  assert.match(users[1] ?? '', /foreign key orders_owner_fkey of orders/);
});

test('what could run while it is planned is not planned, and several statements are not measured', async () => {
  assert.equal(await measure('DELETE FROM logs WHERE level = boom()::text'), null);
  assert.equal(await measure('DELETE FROM logs; DELETE FROM users'), null);
  assert.equal(await measure('SELECT 1'), null);
});
