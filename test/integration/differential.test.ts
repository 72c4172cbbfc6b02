// Whatever the gateway calls safe must change nothing: thousands of statements, plain, nested and broken, go through a policy that allows
// the safe tier only, to a scratch database. After each, the server must not have begun a writing transaction; at the end, a dump,
// the sequences, the roles and the large objects must be as before.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import pg from 'pg';
import { ATTACK_SCHEMA } from '../corpus/attack-sets.ts';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { findPostgres, startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { fieldsOf, query, RawPostgres } from '../support/raw-postgres.ts';
import { runProgram } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';
import { makeStatements } from '../support/statements.ts';

const COUNT = Number(process.env['DIFFERENTIAL_COUNT'] ?? 6000);
const SEED = Number(process.env['DIFFERENTIAL_SEED'] ?? 20_261_122);
const scope = fileScope();
const skip = findPostgres('debian') === null ? 'no PostgreSQL on this machine' : false;
let server: PostgresServer;
let gateway: GatewayProcess;

const config = (port: number): string => `schema_version = 1
gateway {
  dashboard_listen = "off"
}
endpoint "postgres" "scratch" {
  host      = "127.0.0.1:${port}"
  sslmode   = "disable"
  listen    = "127.0.0.1:0"
  profile   = "scratch"
  unmatched = "deny"
}
credential "postgres_credential" "scratch" {
  endpoint = postgres.scratch
  user     = "postgres"
  database = "app"
  secret { env = "PG_PASSWORD" }
}
profile "scratch" { credentials = [postgres_credential.scratch] }
rule "safe-only" {
  endpoint  = postgres.scratch
  condition = "risk == 'safe'"
  verdict   = "allow"
}
`;

before(async () => {
  if (skip === false) {
    server = await startPostgres(scope, { flavour: 'debian', settings: ['autovacuum = off'] });
    await server.query('CREATE DATABASE app');
    await server.query(ATTACK_SCHEMA, 'app');
    gateway = await startGateway(scope, { config: config(server.port), env: { PG_PASSWORD: server.password } });
  }
});

async function snapshot(): Promise<string> {
  const dump = await runProgram('pg_dump', ['-d', `postgres://postgres@127.0.0.1:${server.port}/app?sslmode=disable`], {
    env: { PGPASSWORD: server.password },
  });
  const rest = await server.query(
    `SELECT (SELECT last_value FROM s) AS seq, (SELECT count(*) FROM pg_largeobject_metadata) AS lo, (SELECT string_agg(rolname, ',' ORDER BY 1) FROM pg_roles) AS roles,
            (SELECT count(*) FROM pg_db_role_setting) AS settings, (SELECT string_agg(datname, ',' ORDER BY 1) FROM pg_database) AS databases`,
    'app',
  );
  return dump.stdout.replace(/^\\(un)?restrict .*$/gm, '') + JSON.stringify(rest);
}

test(
  `${COUNT} statements (seed ${SEED}): whatever is allowed as safe changes nothing`,
  { skip, timeout: 600_000 },
  async () => {
    const statements = makeStatements(COUNT, SEED);
    const watcher = new pg.Client({
      host: '127.0.0.1',
      port: server.port,
      user: 'postgres',
      password: server.password,
      database: 'app',
    });
    // The server is stopped while this connection is open when an assertion fails.
    watcher.on('error', () => undefined);
    await watcher.connect();
    const nextXid = async (): Promise<string> =>
      String(
        (await watcher.query<{ x: string }>('SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS x')).rows[0]?.x,
      );
    const earlier = await snapshot();
    let xid = await nextXid();
    let client: RawPostgres | null = null;
    let allowed = 0;
    let denied = 0;
    for (const [index, statement] of statements.entries()) {
      if (client === null || client.ended || index % 25 === 0) {
        client?.close();
        client = await RawPostgres.login(gateway.port('postgres.scratch'), { user: 'agent', database: 'app' });
      }
      client.send(query(statement));
      const answer = await client.until('Z').catch(() => null);
      const refused =
        answer === null || answer.some((message) => message.type === 'E' && fieldsOf(message)['C'] === '42501');
      allowed += refused ? 0 : 1;
      denied += refused ? 1 : 0;
      const now = await nextXid();
      assert.ok(now === xid || refused, `allowed, and it wrote: ${JSON.stringify(statement)}`);
      assert.equal(now, xid, `denied, and yet something was written: ${JSON.stringify(statement)}`);
      xid = now;
      if (answer !== null) {
        await client.ask(query('ROLLBACK')).catch(() => client?.close());
      }
    }
    client?.close();
    await watcher.end();
    assert.equal(await snapshot(), earlier, 'the database is as before');
    // A gateway that denies everything would pass the above.
    assert.ok(allowed > COUNT / 20 && denied > COUNT / 20, `${allowed} allowed, ${denied} denied`);
  },
);
