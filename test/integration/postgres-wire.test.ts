// Real clients against a real PostgreSQL through the protocol's own code, with a gate that is told what to say.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import postgres from 'postgres';
import { eventually } from '../support/daemon.ts';
import { startPostgres } from '../support/postgres-server.ts';
import {
  RawPostgres,
  bind,
  describe,
  execute,
  fieldsOf,
  frame,
  int16,
  int32,
  parse,
  query,
  startup,
  sync,
  type ServerMessage,
} from '../support/raw-postgres.ts';
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
  return runProgram('psql', [...args, ...commands.flatMap((command) => ['-c', command])]);
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

test('PG-T06: node pg is denied inside BEGIN, sees the failed transaction, and nothing of it stays', async () => {
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
    const answers = results.map((result) =>
      result.status === 'fulfilled' ? JSON.stringify(result.value) : (result.reason as { code: string }).code,
    );
    assert.deepEqual(answers, ['[{"a":1}]', '42501', '[{"name":"bob"}]', '42501', '[{"e":5}]']);
  } finally {
    await sql.end();
  }
});

function login(port: number) {
  return RawPostgres.login(port, { user: 'agent', database: 'postgres' });
}

/** Types of messages, errors with their code. */
function shown(messages: readonly ServerMessage[]): string {
  return messages
    .map((message) => {
      const code = message.type === 'E' ? `(${fieldsOf(message)['C'] ?? ''})` : '';
      return message.type === 'Z' ? `Z${message.body.toString()}` : message.type + code;
    })
    .join(' ');
}

test('groups that are denied end at their Sync, and the connection goes on (PG-95 to PG-99)', async () => {
  const { port } = await gateway();
  const client = await login(port);
  const drop = [parse('', 'DROP TABLE users'), bind('', ''), describe('P', ''), execute(''), sync()];
  assert.equal(shown(await client.ask(...drop)), 'E(42501) ZI');
  assert.equal(shown(await client.ask(parse('', 'SELECT 41'), sync())), '1 ZI');
  assert.equal(
    shown(await client.ask(parse('', 'DROP TABLE users'), bind('', ''), execute(''), sync())),
    'E(42501) ZI',
  );
  assert.equal(shown(await client.ask(bind('', ''), execute(''), sync())), 'E(26000) ZI');
  assert.equal(shown(await client.ask(parse('', 'DROP TABLE users'), query('SELECT 1'), sync())), 'E(42501) ZI');
  assert.equal(shown(await client.ask(query('SELECT 2'))), 'T D C ZI');
  assert.equal(shown(await client.ask(query('BEGIN'))), 'C ZT');
  assert.equal(shown(await client.ask(query('DROP TABLE users'))), 'E(42501) ZE');
  assert.equal(shown(await client.ask(query('DROP TABLE users'))), 'E(42501) ZE');
  assert.equal(shown(await client.ask(query('COMMIT'))), 'C ZI');
  assert.equal(shown(await client.ask(frame('F', int32(1), int16(0), int16(0), int16(0)))), 'E(42501) ZI');
  assert.equal(shown(await client.ask(query('SELECT 3'))), 'T D C ZI');
  client.close();
});

test('a parked statement tells its approval, runs once when allowed, and is withdrawn by a cancel', async () => {
  const { port, gate } = await gateway();
  const client = await login(port);
  client.send(query(`INSERT INTO users VALUES (7, 'park')`));
  const [notice] = await client.until('N');
  const first = fieldsOf(notice ?? { type: 'N', body: Buffer.alloc(0) });
  assert.match(first['M'] ?? '', /^waiting for approval approval-1/);
  assert.match(first['H'] ?? '', /clawpatrol approvals show approval-1/);
  // Later a sign of life that no client shows, and now and then how long it has been.
  const still = { approval: 'approval-1', expiresInMs: 480_000, waitsFor: 'oncall', waitedMs: 120_000 };
  gate.parked[0]?.notify({ ...still, silent: true });
  gate.parked[0]?.notify(still);
  const [life, again] = await client.until('N');
  assert.match(life?.body.toString() ?? '', /^server_version\0/);
  assert.equal(
    fieldsOf(again ?? { type: 'N', body: Buffer.alloc(0) })['M'],
    'still waiting for approval approval-1: oncall (for 2m now, expires in 8m)',
  );
  assert.equal((await server.query('SELECT count(*)::int AS n FROM users WHERE id = 7'))[0]?.['n'], 0);
  gate.parked[0]?.answer({ kind: 'allow' });
  assert.equal(shown(await client.until('Z')), 'C ZI');
  assert.equal((await server.query('SELECT count(*)::int AS n FROM users WHERE id = 7'))[0]?.['n'], 1);
  await server.query('DELETE FROM users WHERE id = 7');
  assert.deepEqual(gate.outcomes, [`INSERT INTO users VALUES (7, 'park'): ok 1 INSERT 0 1`]);
  client.close();

  const parked = new Promise<void>((resolve) => {
    gate.onParked = () => resolve();
  });
  const cancelled = runProgram('psql', ['-X', '-h', '127.0.0.1', '-p', String(port), '-U', 'agent', 'postgres'], {
    input: `INSERT INTO users VALUES (8, 'park');\nSELECT 'alive';\n`,
    watch: (printed, kill) => {
      if (printed.includes('waiting for approval')) {
        kill('SIGINT');
      }
    },
  });
  await parked;
  const result = await cancelled;
  assert.match(result.stderr, /canceling statement due to user request/);
  assert.equal((await server.query('SELECT count(*)::int AS n FROM users WHERE id = 8'))[0]?.['n'], 0);
});

test('a cancel reaches the running query of its own session only, and only from its own device (PG-100, MP-19)', async () => {
  let stranger = false;
  const { port, refused } = await startWireGateway(scope, {
    upstream: { host: server.host, port: server.port },
    user: server.user,
    password: server.password,
    device: () => (stranger ? 'somebody-else' : 'me'),
  });
  const client = await RawPostgres.open(port);
  client.send(startup({ user: 'agent', database: 'postgres' }));
  const hello = await client.until('Z');
  const key = hello.find((message) => message.type === 'K')?.body ?? Buffer.alloc(0);
  const cancel = async (bytes: Buffer) => {
    const other = await RawPostgres.open(port);
    other.send(Buffer.concat([int32(12 + bytes.length - 4), int32(80_877_102), bytes]));
    await other.untilEnd();
  };
  client.send(query('SELECT pg_sleep(600)'));
  await waitFor(async () => (await sleepers()) === 1);
  const wrong = Buffer.from(key);
  wrong[7] = (wrong[7] ?? 0) ^ 1;
  await cancel(wrong);
  stranger = true;
  await cancel(key);
  stranger = false;
  assert.equal(await sleepers(), 1);
  await waitFor(() => Promise.resolve(refused.length === 2));
  await cancel(key);
  assert.equal(shown(await client.until('Z')), 'T E(57014) ZI');
  await cancel(key);
  assert.equal(shown(await client.ask(query('SELECT 1'))), 'T D C ZI');
  client.close();
});

async function waiting(type: string): Promise<number> {
  const rows = await server.query(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE 'SELECT pg_advisory_lock%' AND wait_event_type = '${type}'`,
  );
  return Number(rows[0]?.['n']);
}

async function sleepers(): Promise<number> {
  const rows = await server.query(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'`,
  );
  return Number(rows[0]?.['n']);
}

function waitFor(check: () => Promise<boolean>): Promise<void> {
  return eventually('what was waited for', check);
}

test('copies pass in both directions, and a denied one leaves the connection usable (PG-110, PG-T10)', async () => {
  const { port, gate } = await gateway();
  await server.query('CREATE TABLE copied (a int, b text)');
  const data = Array.from({ length: 20_000 }, (_, index) => `${index}\trow ${index}`).join('\n');
  const args = ['-X', '-A', '-t', '-h', '127.0.0.1', '-p', String(port), '-U', 'agent', '-d', 'postgres'];
  const result = await runProgram('psql', args, {
    input: `\\copy copied from pstdin\n`,
  });
  assert.equal(result.code, 0, result.stderr);
  const put = await runProgram('psql', args, {
    input: `COPY copied FROM STDIN;\n${data}\n\\.\nSELECT count(*) FROM copied;\n`,
  });
  assert.match(put.stdout, /20000/, put.stderr);
  const out = await runProgram('psql', [...args, '-c', 'COPY (SELECT * FROM copied ORDER BY a) TO STDOUT']);
  assert.equal(out.stdout.trimEnd(), data);
  assert.ok(gate.outcomes.includes('COPY copied FROM STDIN;: ok 20000 COPY 20000'), gate.outcomes.join(', '));

  const client = await login(port);
  const stray = [frame('d', Buffer.from('1\n')), frame('c')];
  assert.equal(shown(await client.ask(query('COPY denied FROM STDIN'), ...stray)), 'E(42501) ZI');
  const group = [parse('', 'COPY denied FROM STDIN'), bind('', ''), execute(''), ...stray, sync()];
  assert.equal(shown(await client.ask(...group)), 'E(42501) ZI');
  const good = [parse('', 'COPY copied FROM STDIN'), bind('', ''), execute(''), sync()];
  client.send(...good);
  assert.equal(shown(await client.until('G')), '1 2 G');
  assert.equal(
    shown(await client.ask(...stray.slice(0, 0), frame('d', Buffer.from('bad\n')), frame('c'), sync())),
    'E(22P02) ZI',
  );
  assert.equal(shown(await client.ask(query('SELECT 1'))), 'T D C ZI');
  client.close();
});

test('notifications arrive while idle and while a statement is parked (MP-20)', async () => {
  const { port, gate } = await gateway();
  const client = await login(port);
  await client.ask(query('LISTEN news'));
  await server.query(`NOTIFY news, 'one'`);
  assert.equal(shown(await client.until('A')), 'A');
  client.send(query('SELECT 1 AS park'));
  await client.until('N');
  await server.query(`NOTIFY news, 'two'`);
  // The server delivers between statements; the parked one has not reached it, so it is idle.
  assert.equal(shown(await client.until('A')), 'A');
  gate.parked[0]?.answer({ kind: 'allow' });
  assert.equal(shown(await client.until('Z')), 'T D C ZI');
  client.close();
});

test('a client that goes away while its statement waits leaves nothing behind', async () => {
  const { port, gate, ended, finished } = await gateway();
  const client = await login(port);
  client.send(query(`INSERT INTO users VALUES (9, 'park')`));
  await client.until('N');
  client.close();
  await ended(1);
  assert.equal(gate.parked[0]?.signal.aborted, true);
  assert.equal(finished[0]?.kind === 'client-closed' || finished[0]?.kind === 'reset', true);
  assert.equal((await server.query('SELECT count(*)::int AS n FROM users WHERE id = 9'))[0]?.['n'], 0);
});

test('an upstream that dies is told to an idle client at once (PG-T18)', async () => {
  const { port } = await gateway();
  const client = await login(port);
  await server.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = 'postgres' AND datname = 'postgres'`,
  );
  assert.equal(shown(await client.until('E')), 'E(57P01)');
  await client.untilEnd();
});

test('draining ends idle connections with 57P01 and lets a running statement finish (PG-T19)', async () => {
  const { port, drain, ended, finished } = await gateway();
  const idle = await login(port);
  const running = await login(port);
  // It runs until the other session lets go of the lock, however long it takes to see that it does.
  const holder = new pg.Client({
    host: server.host,
    port: server.port,
    user: server.user,
    password: server.password,
    database: 'postgres',
  });
  await holder.connect();
  await holder.query('SELECT pg_advisory_lock(1)');
  running.send(query('SELECT pg_advisory_lock(1)'));
  await waitFor(async () => (await waiting('Lock')) === 1);
  drain('the gateway is stopping');
  assert.equal(shown(await idle.until('E')), 'E(57P01)');
  await holder.end();
  assert.equal(shown(await running.until('E')), 'T D C ZI E(57P01)');
  await ended(2);
  assert.deepEqual(
    finished.map(({ kind }) => kind),
    ['drained', 'drained'],
  );
});

test('a slow reader throttles the upstream and the memory stays flat (TR-03, MP-15)', async () => {
  const { port } = await gateway();
  const client = await login(port);
  client.socket.pause();
  const before = process.memoryUsage().rss;
  client.send(query(`SELECT repeat('x', 1000) FROM generate_series(1, 1000000)`));
  await waitFor(async () => (await waitingToSend()) === 1);
  // Of a gigabyte; this process's own memory goes up and down by tens of megabytes.
  assert.ok(process.memoryUsage().rss - before < 200 * 1024 * 1024);
  client.close();
});

test('PG-T07, PG-T13: a denial while 100 MB of a result are on their way comes behind its last message, and each statement has its record', async () => {
  const { port, gate } = await gateway();
  const client = await login(port);
  client.socket.pause();
  client.send(query(`SELECT repeat('x', 100000) FROM generate_series(1, 1000)`));
  await waitFor(async () => (await waitingToSend()) === 1);
  client.send(query('DROP TABLE users'), query('SELECT 1'));
  client.socket.resume();
  const [description, ...rows] = await client.until('C');
  assert.equal(description?.type, 'T');
  assert.equal(rows.length, 1001);
  for (const { type, body } of rows.slice(0, -1)) {
    // One column, its length, and nothing else between its bytes.
    assert.deepEqual([type, body.length], ['D', 2 + 4 + 100_000]);
    assert.ok(body.subarray(6).every((byte) => byte === 0x78));
  }
  assert.equal(shown(await client.until('Z')), 'ZI');
  assert.equal(shown(await client.until('Z')), 'E(42501) ZI');
  assert.equal(shown(await client.until('Z')), 'T D C ZI');
  assert.deepEqual(
    gate.asked.map(({ evidence }) => evidence.text),
    [`SELECT repeat('x', 100000) FROM generate_series(1, 1000)`, 'DROP TABLE users', 'SELECT 1'],
  );
  client.close();
});

async function waitingToSend(): Promise<number> {
  const rows = await server.query(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE 'SELECT repeat%' AND wait_event = 'ClientWrite'`,
  );
  return Number(rows[0]?.['n']);
}
