// Tools and drivers that are not run here: statements of the same kind through the real daemon, on old and new servers, under a policy
// that says nothing, so that the tiers decide. All are allowed without anybody being asked, and give the rows that they give directly.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { TOOLS, WITHHELD, type ToolStatement } from '../corpus/tool-statements.ts';
import { eventually } from '../support/daemon.ts';
import { startDriverWorld, type DriverWorld } from '../support/driver-world.ts';
import { findPostgres } from '../support/postgres-server.ts';
import { fileScope } from '../support/scope.ts';

/** Without rules, and with rules that allow the safe tier only. */
const ENDPOINT = 'plain';
const STRICT = 'tools';
/** A statement that waits for a person fails the test. */
const ANSWER_MS = 120_000;
const scope = fileScope();

async function connect(world: DriverWorld, target: string): Promise<pg.Client> {
  const env = world.environment(target);
  const client = new pg.Client({
    host: env['PGHOST'],
    port: Number(env['PGPORT']),
    user: env['PGUSER'],
    password: env['PGPASSWORD'],
    database: env['PGDATABASE'],
    query_timeout: ANSWER_MS,
  });
  await client.connect();
  return client;
}

/** Commands, column names and rows; an error by its code. */
async function answerTo(client: pg.Client, statement: ToolStatement): Promise<unknown> {
  const { values, ...rest } = statement;
  try {
    const query: pg.QueryArrayConfig = {
      rowMode: 'array',
      ...rest,
      ...(values === undefined ? {} : { values: [...values] }),
    };
    const result: pg.QueryArrayResult | pg.QueryArrayResult[] = await client.query(query);
    // A text with several statements gives an array, which the types do not say.
    const results = [result].flat();
    return results.map((one) => [one.command, one.fields.map((field) => field.name), one.rows]);
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

for (const flavour of ['debian', 'embedded'] as const) {
  const skip = findPostgres(flavour) === null ? `no ${flavour} PostgreSQL on this machine` : false;

  test(`MP-05, MP-07, MP-08: tools on a server of ${flavour}`, { skip }, async (t) => {
    const world = await startDriverWorld(scope, [STRICT], flavour);
    for (const tool of TOOLS) {
      await t.test(tool.name, async () => {
        const through = await connect(world, ENDPOINT);
        const direct = await connect(world, 'direct');
        try {
          for (const statement of tool.statements) {
            const full = typeof statement === 'string' ? { text: statement } : statement;
            const expected = await answerTo(direct, full);
            assert.ok(Array.isArray(expected), `the server itself says ${String(expected)}: ${full.text}`);
            assert.deepEqual(await answerTo(through, full), expected, full.text);
          }
        } finally {
          await through.end();
          await direct.end();
        }
      });
    }

    await t.test('stored passwords are not among what is allowed, and nobody was asked for anything else', async () => {
      assert.deepEqual(world.judged(ENDPOINT).denied, []);
      assert.equal(world.gateway.cli('audit', 'export', '--types', 'approval.created').stdout, '');
      const through = await connect(world, STRICT);
      for (const text of WITHHELD) {
        assert.equal(await answerTo(through, { text }), '42501', text);
      }
      await through.end();
      await eventually('all are on record', () => world.judged(STRICT).denied.length >= WITHHELD.length);
      assert.deepEqual(world.judged(STRICT).denied, WITHHELD);
    });
  });
}
