// A lease on the whole path: from one approval psql's next statements like it pass without asking, others do not, a restart keeps what is
// left of it, and a changed policy ends it.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { createControlClient, type ControlClient } from '../../src/client/control-client.ts';
import type { ApprovalJson } from '../../src/client/approval-shapes.ts';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { findPostgres, startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { runProgram, type ProgramResult } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';

const scope = fileScope();
const skip = findPostgres('debian') === null ? 'no PostgreSQL on this machine' : false;
let server: PostgresServer;
let gateway: GatewayProcess;
let client: ControlClient;

function configOf(reason: string): string {
  return `schema_version = 1
gateway { dashboard_listen = "off" }
endpoint "postgres" "pg" {
  host      = "127.0.0.1:${server.port}"
  sslmode   = "disable"
  listen    = "127.0.0.1:0"
  profile   = "default"
  unmatched = "allow"
}
credential "postgres_credential" "pg" {
  endpoint = postgres.pg
  user     = "postgres"
  database = "app"
  secret { env = "PG_PASSWORD" }
}
profile "default" { credentials = [postgres_credential.pg] }
approver "human_approver" "oncall" {}
grant {
  max_duration = "30m"
  scopes       = ["exact", "shape"]
  max_risk     = "destructive"
}
rule "ask" {
  endpoint  = postgres.pg
  condition = "sql.verb == 'delete'"
  approve   = [human_approver.oncall]
  reason    = "${reason}"
}
rule "never" {
  endpoint  = postgres.pg
  condition = "sql.verb == 'delete' && sql.predicates.exists(p, p.value == '13')"
  verdict   = "deny"
  priority  = 10
}
`;
}

async function open(config: string, stateDir?: string): Promise<void> {
  gateway = await startGateway(scope, {
    config,
    env: { PG_PASSWORD: server.password },
    ...(stateDir === undefined ? {} : { stateDir }),
  });
  client = createControlClient({ kind: 'unix', path: join(gateway.stateDir, 'control.sock') });
}

before(async () => {
  if (skip !== false) {
    return;
  }
  server = await startPostgres(scope, { flavour: 'debian' });
  await server.query('CREATE DATABASE app');
  await server.query(
    `CREATE TABLE jobs (id int PRIMARY KEY, kind int);
     INSERT INTO jobs SELECT i, i FROM generate_series(1, 100) i;`,
    'app',
  );
  await open(configOf('somebody looks'));
});

function psql(sql: string): Promise<ProgramResult> {
  const url = `postgres://agent@127.0.0.1:${gateway.port('postgres.pg')}/app?sslmode=disable`;
  return runProgram('psql', ['-X', '-A', '-t', '-d', url, '-c', sql]);
}

async function waiting(): Promise<ApprovalJson> {
  const untilMs = Date.now() + 60_000;
  while (Date.now() < untilMs) {
    const [found] = (await client.approvals.list()).items;
    if (found !== undefined) {
      return found;
    }
  }
  throw new Error('nothing was parked');
}

/** Runs a statement that must be asked about, and denies it. */
async function asks(sql: string): Promise<void> {
  const running = psql(sql);
  const { id } = await waiting();
  await client.approvals.deny(id, { note: 'not this one' });
  assert.match((await running).stderr, /not this one/, sql);
}

test('a lease lets the next ones like it pass, counted in the log, and nothing else', { skip }, async () => {
  const running = psql('DELETE FROM jobs WHERE id = 1');
  const parked = await waiting();
  const preview = await client.grants.preview(parked.id, 'shape');
  assert.match(preview.sentence ?? '', /^delete on public\.jobs where id = any value/);
  const approved = await client.approvals.approve(parked.id, {
    digest: parked.request.digest,
    grant: '10m,uses=3,scope=shape',
  });
  assert.equal((await running).stdout.trim(), 'DELETE 1');
  const [id = ''] = approved.grants_made;

  for (const row of [2, 3]) {
    assert.equal((await psql(`delete from jobs where id = ${row} -- other text`)).stdout.trim(), 'DELETE 1');
  }
  assert.equal((await client.grants.show(id)).uses, 2);
  const used = await client.audit.search({ by: `grant:${id}`, limit: 10 });
  assert.equal(used.items.filter(({ type }) => type === 'action.decided').length, 2);

  await asks('DELETE FROM jobs WHERE kind = 4');
  await asks('DELETE FROM jobs WHERE id > 4');
  await asks('DELETE FROM jobs WHERE id IN (4, 5)');
  const denied = await psql('DELETE FROM jobs WHERE id = 13');
  assert.match(denied.stderr, /never/, 'a rule that denies wins over a grant');
  assert.equal((await client.grants.show(id)).uses, 2, 'nothing of that was counted');
});

test('what is left of a lease survives a restart, to its last use', { skip }, async () => {
  const { stateDir } = gateway;
  await gateway.stop();
  await open(configOf('somebody looks'), stateDir);
  assert.equal((await psql('DELETE FROM jobs WHERE id = 20')).stdout.trim(), 'DELETE 1');
  await asks('DELETE FROM jobs WHERE id = 21');
  const [grant] = (await client.grants.list({ all: 'true' })).items;
  assert.deepEqual([grant?.state, grant?.uses], ['used-up', 3]);
});

test('a changed policy of its endpoint ends a lease', { skip }, async () => {
  const running = psql('DELETE FROM jobs WHERE id = 30');
  const parked = await waiting();
  await client.approvals.approve(parked.id, { digest: parked.request.digest, grant: '10m,scope=shape' });
  await running;
  assert.equal((await client.grants.list()).items.length, 1);
  const { stateDir } = gateway;
  await gateway.stop();
  await open(configOf('another reason'), stateDir);
  assert.deepEqual((await client.grants.list()).items, []);
  await asks('DELETE FROM jobs WHERE id = 31');
});
