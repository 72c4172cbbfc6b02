// A denied statement must not cost the connection: node-postgres, postgres.js and psycopg 2 go on behind denials of every kind, and behind one
// that a person made. The other drivers do the same in the tests of their language.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import pg from 'pg';
import postgres from 'postgres';
import { DENIED } from '../corpus/driver-world.ts';
import { checkDenied, skipWithout, startDriverWorld, type DriverWorld } from '../support/driver-world.ts';
import { pendingId } from '../support/pending.ts';
import { fileScope } from '../support/scope.ts';

const scope = fileScope();
const skip = skipWithout('/usr/lib/python3/dist-packages/psycopg2');
/** A connection that a denial broke would wait for ever. */
const LIMIT_MS = 120_000;
const DELETE = 'DELETE FROM notes WHERE id = 1';
let world: DriverWorld;

before(async () => {
  if (skip === false) {
    world = await startDriverWorld(scope, ['pg', 'postgres', 'psycopg2']);
  }
});

/** Runs one text, over the simple or the extended protocol, and gives its SQLSTATE, or `none`. */
type Run = (text: string, protocol: 'simple' | 'extended') => Promise<string>;

interface Opened {
  readonly run: Run;
  /** What `SELECT 1` gives. */
  one(): Promise<unknown>;
  end(): Promise<void>;
}

const codeOf = (done: PromiseLike<unknown>): Promise<string> =>
  Promise.resolve(done).then(
    () => 'none',
    (error: unknown) => (error as { code?: string }).code ?? String(error),
  );

async function nodePostgres(url: string): Promise<Opened> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return {
    // Only what has values, a name or this option is sent over the extended protocol.
    run: (text, protocol) =>
      codeOf(client.query({ text, ...(protocol === 'extended' ? { queryMode: protocol } : {}) })),
    one: async () => (await client.query('SELECT 1 AS one')).rows[0]?.one,
    end: () => client.end(),
  };
}

async function postgresJs(url: string): Promise<Opened> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  return {
    run: (text, protocol) =>
      codeOf(protocol === 'simple' ? sql.unsafe(text).simple() : sql.unsafe(text, [], { prepare: true })),
    one: async () => (await sql`SELECT 1 AS one`)[0]?.['one'],
    end: () => sql.end(),
  };
}

const OPEN = { pg: nodePostgres, postgres: postgresJs } as const;

for (const name of ['pg', 'postgres'] as const) {
  const open = async (endpoint: string): Promise<Opened> =>
    OPEN[name](`postgres://agent@127.0.0.1:${world.gateway.port(`postgres.${endpoint}`)}/app?sslmode=disable`);

  test(
    `MP-21, PG-T06: ${name} uses its connection after every kind of denial`,
    { skip, timeout: LIMIT_MS },
    async () => {
      const client = await open(name);
      for (const protocol of ['simple', 'extended'] as const) {
        for (const text of DENIED) {
          assert.deepEqual(
            [await client.run(text, protocol), await client.one()],
            ['42501', 1],
            `${protocol}: ${text}`,
          );
        }
      }
      assert.deepEqual([await client.run('SELECT 2', 'extended'), await client.one()], ['none', 1]);
      await client.end();
    },
  );

  test(`MP-21: ${name} uses its connection after a person said no`, { skip, timeout: LIMIT_MS }, async () => {
    const client = await open('plain');
    for (const protocol of ['simple', 'extended'] as const) {
      const asked = client.run(DELETE, protocol);
      const denied = world.gateway.cli('approvals', 'deny', await pendingId(world.gateway), '--note', 'not today');
      assert.equal(denied.code, 0, denied.stderr);
      assert.deepEqual([await asked, await client.one()], ['42501', 1], protocol);
    }
    await client.end();
  });
}

const PSYCOPG2 = `
import sys, psycopg2
connection = psycopg2.connect("")
connection.autocommit = True
cursor = connection.cursor()
for text in sys.argv[2:]:
    try:
        cursor.execute(text)
        code = "none"
    except psycopg2.Error as error:
        code = error.pgcode
    cursor.execute("SELECT 1")
    print(code, cursor.fetchone()[0])
`;

test('MP-21: psycopg 2 uses its connection after every kind of denial', { skip, timeout: LIMIT_MS }, async () => {
  await checkDenied(world, 'psycopg2', { program: '/usr/bin/python3', args: ['-c', PSYCOPG2] });
});
