// Rows of the approvals that only the whole path shows: the real daemon before a real PostgreSQL, with a client that says exactly what it is told to.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { createControlClient, type ControlClient } from '../../src/client/control-client.ts';
import type { ApprovalJson } from '../../src/client/approval-shapes.ts';
import { errorCodes, parkedId, tags } from '../support/attack-gateway.ts';
import { eventually } from '../support/daemon.ts';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { findPostgres, startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { fieldsOf, query, RawPostgres, startup } from '../support/raw-postgres.ts';
import { startRecordingProxy, type RecordingProxy } from '../support/recording-proxy.ts';
import { fileScope } from '../support/scope.ts';

const scope = fileScope();
const skip = findPostgres('debian') === null ? 'no PostgreSQL on this machine' : false;
let server: PostgresServer;
let proxy: RecordingProxy;
let gateway: GatewayProcess;
let client: ControlClient;

const CONFIG = (port: number): string => `schema_version = 1
gateway { dashboard_listen = "off" }
grant {
  max_duration = "30m"
  scopes       = ["exact", "shape"]
  max_risk     = "destructive"
}
endpoint "postgres" "pg" {
  host    = "127.0.0.1:${port}"
  sslmode = "disable"
  listen  = "127.0.0.1:0"
}
credential "postgres_credential" "pg" {
  endpoint = postgres.pg
  user     = "postgres"
  secret { env = "PG_PASSWORD" }
}
profile "default" { credentials = [postgres_credential.pg] }
rule "never" {
  endpoint  = postgres.pg
  condition = "sql.verb == 'drop'"
  verdict   = "deny"
  reason    = "schema changes need a migration"
}
`;

before(async () => {
  if (skip !== false) {
    return;
  }
  server = await startPostgres(scope, { flavour: 'debian' });
  await server.query('CREATE DATABASE app');
  await server.query(
    `CREATE TABLE jobs (id int PRIMARY KEY, kind int);
     INSERT INTO jobs SELECT i, i FROM generate_series(1, 100) i;
     CREATE SCHEMA other;
     CREATE TABLE other.jobs (id int PRIMARY KEY, kind int);
     INSERT INTO other.jobs SELECT i, i FROM generate_series(1, 100) i;
     CREATE ROLE app;
     CREATE SEQUENCE ran;
     CREATE FUNCTION counting() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT nextval(''ran'')::int'`,
    'app',
  );
  proxy = await startRecordingProxy(scope, server.port);
  gateway = await startGateway(scope, { config: CONFIG(proxy.port), env: { PG_PASSWORD: server.password } });
  client = createControlClient({ kind: 'unix', path: join(gateway.stateDir, 'control.sock') });
});

async function login(): Promise<RawPostgres> {
  const raw = await RawPostgres.login(gateway.port('postgres.pg'), { user: 'agent', database: 'app' });
  scope.after(() => raw.close());
  return raw;
}

/** Sends a statement that must be asked about, and gives its approval. */
async function ask(raw: RawPostgres, sql: string): Promise<ApprovalJson> {
  raw.send(query(sql));
  const id = await parkedId(raw);
  assert.notEqual(id, '', `${sql} waits`);
  return client.approvals.show(id);
}

async function approve({ id, request }: ApprovalJson, grant?: string): Promise<void> {
  await client.approvals.approve(id, { digest: request.digest, ...(grant === undefined ? {} : { grant }) });
}

/** Roles are asked about, and approved. */
async function run(raw: RawPostgres, sql: string): Promise<void> {
  if (/ROLE/.test(sql)) {
    await approve(await ask(raw, sql));
  } else {
    raw.send(query(sql));
  }
  assert.deepEqual(errorCodes(await raw.until('Z')), [], sql);
}

const rows = async (table: string, id: number): Promise<number> =>
  Number((await server.query(`SELECT count(*)::int AS n FROM ${table} WHERE id = ${id}`, 'app'))[0]?.['n']);
const sentUpstream = (): string => proxy.connections.map(({ chunks }) => Buffer.concat(chunks).toString()).join('\n');

describe('the approvals, whole', { skip, timeout: 300_000 }, () => {
  test('AP-19: a CancelRequest takes a parked statement back, with 57014, and no approval helps it any more', async () => {
    const raw = await RawPostgres.open(gateway.port('postgres.pg'));
    scope.after(() => raw.close());
    raw.send(startup({ user: 'agent', database: 'app' }));
    const key = (await raw.until('Z')).find(({ type }) => type === 'K')?.body ?? Buffer.alloc(8);
    const parked = await ask(raw, 'DELETE FROM jobs WHERE id = 1');
    const socket = connect({ host: '127.0.0.1', port: gateway.port('postgres.pg') });
    const code = Buffer.alloc(8);
    code.writeUInt32BE(16, 0);
    code.writeUInt32BE(80_877_102, 4);
    socket.end(Buffer.concat([code, key]));
    assert.deepEqual(errorCodes(await raw.until('Z')), ['57014']);
    await eventually('it is cancelled', async () => (await client.approvals.show(parked.id)).state === 'cancelled');
    await assert.rejects(approve(parked));
    assert.equal(await rows('jobs', 1), 1);
    assert.ok(!/(?<!JSON\) )DELETE FROM jobs WHERE id = 1\0/.test(sentUpstream()), 'it was planned at most');
    // The connection is as good as before, and the same statement can be approved.
    await approve(await ask(raw, 'DELETE FROM jobs WHERE id = 1'));
    assert.deepEqual(tags(await raw.until('Z')), ['DELETE 1']);
  });

  test('AP-20: what was approved once is asked about again', async () => {
    const raw = await login();
    const first = await ask(raw, 'DELETE FROM jobs WHERE id = 2');
    await approve(first);
    assert.deepEqual(tags(await raw.until('Z')), ['DELETE 1']);
    await server.query('INSERT INTO jobs VALUES (2, 2)', 'app');
    const second = await ask(raw, 'DELETE FROM jobs WHERE id = 2');
    assert.notEqual(second.id, first.id);
    assert.equal(second.request.digest, first.request.digest);
    await assert.rejects(approve(first), 'the first approval is spent');
    await client.approvals.deny(second.id, { note: 'once is enough' });
    assert.deepEqual(errorCodes(await raw.until('Z')), ['42501']);
    assert.equal(await rows('jobs', 2), 1);
  });

  test('AP-24: the same bytes under another search path or role are another question, lease or not', async () => {
    const raw = await login();
    const sql = 'DELETE FROM jobs WHERE id = 3';
    await approve(await ask(raw, sql), '10m,uses=9,scope=exact');
    assert.deepEqual(tags(await raw.until('Z')), ['DELETE 1']);
    assert.deepEqual(tags(await raw.ask(query(sql))), ['DELETE 0'], 'the lease covers it as it was');
    for (const [change, back] of [
      ['SET search_path TO other', 'SET search_path TO DEFAULT'],
      ['SET ROLE app', 'RESET ROLE'],
    ] as const) {
      await run(raw, change);
      const asked = await ask(raw, sql);
      await client.approvals.deny(asked.id, { note: 'not there' });
      assert.deepEqual(errorCodes(await raw.until('Z')), ['42501'], `after ${change}`);
      await run(raw, back);
    }
    assert.equal(await rows('other.jobs', 3), 1);
    assert.deepEqual(tags(await raw.ask(query(sql))), ['DELETE 0'], 'and covers it again as it was');
  });

  test('AP-34: a secret in a literal is masked for people and in the log, the digest and what runs are of the true bytes', async () => {
    const raw = await login();
    const sql = `ALTER ROLE app PASSWORD 's3cret-canary'`;
    const parked = await ask(raw, sql);
    assert.equal(parked.request.text, `ALTER ROLE app PASSWORD '[masked]'`);
    assert.equal(parked.request.digest, createHash('sha256').update(sql).digest('hex'));
    await approve(parked);
    assert.deepEqual(tags(await raw.until('Z')), ['ALTER ROLE']);
    assert.ok(sentUpstream().includes('s3cret-canary'));
    const exported = gateway.cli('audit', 'export', '--format', 'jsonl');
    assert.match(exported.stdout, /ALTER ROLE app PASSWORD '\[masked\]'/);
    assert.doesNotMatch(exported.stdout, /s3cret-canary/);
    assert.match((await ask(raw, 'DELETE FROM jobs WHERE id = 40')).request.text ?? '', /id = 40/, 'the rest stays');
    raw.close();
  });

  test('AP-36: an effect is measured read-only and in time, and nothing with effects of its own is run for it', async () => {
    const raw = await login();
    const counted = await ask(raw, 'DELETE FROM jobs WHERE id > 50 AND id <= 60');
    await eventually('it is measured', async () => {
      const { effect } = await client.approvals.show(counted.id);
      return JSON.stringify(effect).includes('exact rows now: 10');
    });
    await client.approvals.deny(counted.id, { note: 'no' });
    await raw.until('Z');
    assert.equal(await rows('jobs', 55), 1);
    assert.ok(/BEGIN READ ONLY; SET LOCAL statement_timeout = '2s'/.test(sentUpstream()));
    const volatile = await ask(raw, 'DELETE FROM jobs WHERE id = counting()');
    await client.approvals.deny(volatile.id, { note: 'no' });
    await raw.until('Z');
    const [{ is_called: called } = {}] = await server.query('SELECT is_called FROM ran', 'app');
    assert.equal(called, false, 'the function did not run');
  });

  test('AP-37: of a batch with a statement that is denied nobody is asked about the others', async () => {
    const raw = await login();
    const asked = gateway.cli('audit', 'search', '--limit', '1000', '--json').stdout.match(/"approval\.created"/g);
    const told = await raw.ask(query('DELETE FROM jobs WHERE id = 70; DROP TABLE jobs'));
    assert.deepEqual(errorCodes(told), ['42501']);
    const [error] = told.filter(({ type }) => type === 'E');
    assert.match(error === undefined ? '' : (fieldsOf(error)['M'] ?? ''), /schema changes need a migration/);
    assert.deepEqual((await client.approvals.list()).items, []);
    const after = gateway.cli('audit', 'search', '--limit', '1000', '--json').stdout.match(/"approval\.created"/g);
    assert.equal(after?.length, asked?.length, 'nobody was asked');
    assert.equal(await rows('jobs', 70), 1);
    // Both of a batch that may be asked about are one question.
    await approve(await ask(raw, 'DELETE FROM jobs WHERE id = 70; DELETE FROM jobs WHERE id = 71'));
    assert.deepEqual(tags(await raw.until('Z')), ['DELETE 1', 'DELETE 1']);
  });

  test('CP-31: verbs of poolers’ consoles are nothing on the data plane, under whatever database name', async () => {
    const raw = await login();
    for (const sql of [
      'SHUTDOWN',
      'KILL app',
      'PAUSE app',
      'RELOAD',
      'SUSPEND',
      'RESUME',
      'SHUTDOWN WAIT_FOR_CLIENTS',
    ]) {
      assert.equal(errorCodes(await raw.ask(query(sql))).length, 1, sql);
      assert.ok(!sentUpstream().includes(`${sql}\0`), sql);
    }
    for (const database of ['pgbouncer', 'clawpatrol', 'admin']) {
      const other = await RawPostgres.open(gateway.port('postgres.pg'));
      scope.after(() => other.close());
      other.send(startup({ user: 'agent', database }));
      assert.deepEqual(errorCodes(await other.until('E')), ['3D000'], `${database} is a database like any other`);
    }
    assert.deepEqual(tags(await raw.ask(query('SHOW server_version'))), ['SHOW']);
  });
});
