// kill -9 in the middle of load: the log verifies, nothing that changed data is missing from it, and what was parked never runs.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, test } from 'node:test';
import pg from 'pg';
import { createControlClient } from '../../src/client/control-client.ts';
import { clientConfig } from '../corpus/client-config.ts';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { eventually } from '../support/daemon.ts';
import { findPostgres, startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { fieldsOf, query, RawPostgres } from '../support/raw-postgres.ts';
import { startRecordingProxy } from '../support/recording-proxy.ts';
import { fileScope } from '../support/scope.ts';

const scope = fileScope();
const skip = findPostgres('debian') === null ? 'no PostgreSQL on this machine' : false;
let server: PostgresServer;

before(async () => {
  if (skip === false) {
    server = await startPostgres(scope, { flavour: 'debian' });
    await server.query('CREATE DATABASE app');
    await server.query(
      'CREATE TABLE journal (id int PRIMARY KEY); CREATE TABLE precious (id int); INSERT INTO precious VALUES (1)',
      'app',
    );
  }
});

async function insertUntilDead(gateway: GatewayProcess, from: number): Promise<void> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port: gateway.port('postgres.work'),
    user: 'agent',
    database: 'app',
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    for (let id = from; id < from + 100_000; id += 1) {
      await client.query(
        id % 2 === 0 ? `INSERT INTO journal VALUES (${id})` : { text: 'INSERT INTO journal VALUES ($1)', values: [id] },
      );
    }
  } catch {
    // The gateway was killed: that is the point.
  }
  await client.end().catch(() => undefined);
}

test(
  'AU-04: after kill -9 under load the log verifies, holds every effect, and the parked request is cancelled',
  { skip, timeout: 400_000 },
  async () => {
    const options = { config: clientConfig(server.port, 'app'), env: { PG_PASSWORD: server.password } };
    const first = await startGateway(scope, options);
    const parked = await RawPostgres.login(first.port('postgres.work'), { user: 'agent', database: 'app' });
    parked.send(query('DELETE FROM precious WHERE id = 1'));
    const notice = (await parked.until('N')).at(-1);
    const approval =
      /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(notice === undefined ? '' : (fieldsOf(notice)['M'] ?? ''))?.[0] ?? '';
    const load = [0, 200_000, 400_000, 600_000].map(async (from) => insertUntilDead(first, from));
    const inserted = async (): Promise<number> =>
      Number((await server.query('SELECT count(*)::int AS n FROM journal', 'app'))[0]?.['n']);
    const deadline = Date.now() + 120_000;
    while ((await inserted()) < 400 && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await first.stop('SIGKILL');
    await Promise.all(load);
    parked.close();

    const second = await startGateway(scope, { ...options, stateDir: first.stateDir });
    const verified = second.cli('audit', 'verify');
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
    assert.match(verified.stdout, /^ok: \d+ record/);

    const exported = second.cli('audit', 'export', '--format', 'jsonl');
    assert.equal(exported.code, 0, exported.stderr);
    const recorded = new Set<number>();
    for (const line of exported.stdout.split('\n').filter((text) => text !== '')) {
      const parameters = /journal VALUES \(\$1\)/.test(line) ? /"(\d{1,6})"/g : /journal VALUES \((\d+)\)/g;
      for (const match of line.matchAll(parameters)) {
        recorded.add(Number(match[1]));
      }
    }
    const rows = await server.query('SELECT id FROM journal', 'app');
    assert.ok(rows.length >= 400, `${rows.length} rows`);
    const missing = rows.map((found) => Number(found['id'])).filter((id) => !recorded.has(id));
    assert.deepEqual(missing, [], 'every insert that took effect is in the log');

    const shown = second.cli('approvals', 'show', approval, '--json');
    assert.equal((JSON.parse(shown.stdout) as { state: string }).state, 'cancelled', shown.stdout);
    assert.notEqual(second.cli('approvals', 'approve', approval, '--digest', '0'.repeat(64)).code, 0);
    assert.deepEqual(await server.query('SELECT id FROM precious', 'app'), [{ id: 1 }]);
  },
);

test(
  'AP-27: after kill -9 between an approval and its execution nothing is run twice, nothing runs without its client, and the log tells it',
  { skip, timeout: 400_000 },
  async () => {
    await server.query('CREATE TABLE runs (round int)', 'app');
    const options = { config: clientConfig(server.port, 'app'), env: { PG_PASSWORD: server.password } };
    let stateDir: string | undefined;
    for (let round = 0; round < 3; round += 1) {
      const gateway = await startGateway(scope, { ...options, ...(stateDir === undefined ? {} : { stateDir }) });
      stateDir = gateway.stateDir;
      const worker = await RawPostgres.login(gateway.port('postgres.work'), { user: 'agent', database: 'app' });
      worker.send(query(`WITH gone AS (DELETE FROM precious) INSERT INTO runs VALUES (${round})`));
      const notice = (await worker.until('N')).at(-1);
      const id = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(notice === undefined ? '' : (fieldsOf(notice)['M'] ?? ''))?.[0] ?? '';
      const client = createControlClient({ kind: 'unix', path: join(stateDir, 'control.sock') });
      const { request } = await client.approvals.show(id);
      // The answer comes when the approval is on disk; the decision has a record of its own behind it.
      await client.approvals.approve(id, { digest: request.digest });
      gateway.child.kill('SIGKILL');
      await gateway.exited;
      worker.close();
      const ran = async (): Promise<number> =>
        Number((await server.query(`SELECT count(*)::int AS n FROM runs WHERE round = ${round}`, 'app'))[0]?.['n']);
      // What the gateway had sent may run on without it: only when nobody works there any more is the number the last one.
      const others = "SELECT 1 FROM pg_stat_activity WHERE datname = 'app' AND pid <> pg_backend_pid()";
      await eventually('its connections are over', async () => (await server.query(others, 'app')).length === 0);
      const once = await ran();
      assert.ok(once <= 1);
      const next = await startGateway(scope, { ...options, stateDir });
      assert.equal(next.cli('audit', 'verify').code, 0);
      const shown = JSON.parse(next.cli('approvals', 'show', id, '--json').stdout) as { state: string };
      assert.equal(shown.state, 'approved', 'what was told to the approver holds');
      const records = next.cli('audit', 'search', '--text', `VALUES (${round})`, '--json', '--limit', '1000').stdout;
      const allowed = /"verdict":\s*"allow"/.test(records);
      assert.ok(allowed || once === 0, `round ${round}: what ran was recorded as allowed before`);
      assert.equal(await ran(), once, 'the restart ran nothing');
      assert.notEqual(next.cli('approvals', 'approve', id, '--digest', request.digest).code, 0);
      await next.stop();
    }
  },
);

test(
  'TA-16: what was approved has its outcome in the log, whether the upstream dies before, during or after it',
  { skip, timeout: 400_000 },
  async () => {
    await server.query('CREATE TABLE held (id int); INSERT INTO held VALUES (1), (2), (3), (4)', 'app');
    const proxy = await startRecordingProxy(scope, server.port);
    const gateway = await startGateway(scope, {
      config: clientConfig(proxy.port, 'app'),
      env: { PG_PASSWORD: server.password },
    });
    const control = createControlClient({ kind: 'unix', path: join(gateway.stateDir, 'control.sock') });
    const parked = async (sql: string) => {
      const client = await RawPostgres.login(gateway.port('postgres.work'), { user: 'agent', database: 'app' });
      client.send(query(sql));
      const notice = (await client.until('N')).at(-1);
      const id = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(notice === undefined ? '' : (fieldsOf(notice)['M'] ?? ''))?.[0] ?? '';
      const approve = async (): Promise<void> => {
        const { request } = await control.approvals.show(id);
        await control.approvals.approve(id, { digest: request.digest });
      };
      return { client, id, approve };
    };
    /** Outcomes that are on record for a statement; safe ones come a little later. */
    const outcomes = (sql: string): readonly unknown[] =>
      gateway
        .cli('audit', 'export', '--format', 'jsonl', '--text', sql)
        .stdout.split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as { outcome: { kind: string } | null })
        .flatMap(({ outcome }) => (outcome === null ? [] : [outcome.kind]));

    const early = await parked('DELETE FROM held WHERE id = 1');
    proxy.cut();
    await eventually('it is taken back', async () => (await control.approvals.show(early.id)).state === 'cancelled');
    await assert.rejects(early.approve());
    early.client.close();

    const slow = 'DELETE FROM held WHERE id = 2 AND pg_sleep(60) IS NOT NULL';
    const during = await parked(slow);
    await during.approve();
    const active =
      "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'DELETE FROM held WHERE id = 2%'";
    await eventually('it runs', async () => (await server.query(active, 'app')).length === 1);
    proxy.cut();
    await eventually('its outcome is on record', () => Promise.resolve(outcomes(slow).length === 1));
    assert.deepEqual(outcomes(slow), ['unknown']);
    during.client.close();

    const refused = 'DELETE FROM held WHERE id = 3 AND 1 / (id - 3) = 1';
    const error = await parked(refused);
    await error.approve();
    await error.client.until('Z');
    const done = 'DELETE FROM held WHERE id = 4';
    const after = await parked(done);
    await after.approve();
    await after.client.until('Z');
    proxy.cut();
    await eventually('the outcomes of both are on record', () =>
      Promise.resolve(outcomes(refused).length === 1 && outcomes(done).length === 1),
    );
    assert.deepEqual([outcomes(refused), outcomes(done)], [['error'], ['ok']]);
    assert.deepEqual(await server.query('SELECT id FROM held WHERE id IN (1, 4)', 'app'), [{ id: 1 }]);
    assert.equal(gateway.cli('audit', 'verify').code, 0);
  },
);
