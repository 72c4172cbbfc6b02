// Real clients through the real daemon to a real server: what they print and return is what they would get directly, and a denial
// leaves them able to go on.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import pg from 'pg';
import postgres from 'postgres';
import { clientConfig } from '../corpus/client-config.ts';
import { eventually } from '../support/daemon.ts';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { findPostgres, startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { runProgram, type ProgramResult } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';
import { temporaryFolder } from '../support/temp.ts';

const scope = fileScope();
const skip = findPostgres('debian') === null ? 'no PostgreSQL on this machine' : false;
let server: PostgresServer;
let gateway: GatewayProcess;

before(async () => {
  if (skip !== false) {
    return;
  }
  server = await startPostgres(scope, { flavour: 'debian' });
  await server.query('CREATE DATABASE app');
  await server.query(
    `CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, born date);
     CREATE TABLE orders (id serial PRIMARY KEY, user_id int REFERENCES users ON DELETE CASCADE, total numeric);
     CREATE INDEX orders_user ON orders (user_id);
     CREATE VIEW totals AS SELECT user_id, sum(total) FROM orders GROUP BY 1;
     CREATE TYPE mood AS ENUM ('sad', 'ok');
     CREATE FUNCTION add(a int, b int) RETURNS int LANGUAGE sql AS 'SELECT a + b';
     INSERT INTO users SELECT i, 'user ' || i, '2000-01-01'::date + i FROM generate_series(1, 500) i;
     INSERT INTO orders (user_id, total) SELECT 1 + i % 500, i FROM generate_series(1, 2000) i;`,
    'app',
  );
  gateway = await startGateway(scope, {
    config: clientConfig(server.port, 'app'),
    env: { PG_PASSWORD: server.password },
  });
});

/** Programs that ask hundreds of things take a quarter of a minute on a quick machine. */
const PATIENCE_MS = 300_000;
type EndpointName = 'strict' | 'work';
const portOf = (name: EndpointName): number => gateway.port(`postgres.${name}`);
const url = (name: EndpointName): string => `postgres://agent@127.0.0.1:${portOf(name)}/app?sslmode=disable`;

async function psql(
  name: EndpointName,
  sql: string,
  options: Parameters<typeof runProgram>[2] = {},
): Promise<ProgramResult> {
  return runProgram('psql', ['-X', '-q', '-A', '-t', '-d', url(name)], {
    input: sql,
    timeoutMs: PATIENCE_MS,
    ...options,
  });
}

const pendingIds = (): string[] => {
  const listed = gateway.cli('approvals', 'list', '--json');
  assert.equal(listed.code, 0, listed.stderr);
  return (JSON.parse(listed.stdout) as { items: { id: string }[] }).items.map((item) => item.id);
};

function decide(verb: 'approve' | 'deny', id: string, ...more: string[]): void {
  const shown = gateway.cli('approvals', 'show', id, '--json');
  const digest = (JSON.parse(shown.stdout) as { request: { digest: string } }).request.digest;
  const done = gateway.cli('approvals', verb, id, ...(verb === 'approve' ? ['--digest', digest] : []), ...more);
  assert.equal(done.code, 0, done.stdout + done.stderr);
}

test('psql reads, and a denial says why and leaves it able to go on', { skip }, async () => {
  const result = await psql('work', 'SELECT count(*) FROM users;\nDROP TABLE users;\nSELECT 2;\n');
  assert.equal(result.stdout, '500\n2\n');
  assert.match(result.stderr, /schema changes need a migration/);
  assert.match(result.stderr, /no-drops/);
});

test('every \\d command of psql passes under the tiers alone', { skip }, async () => {
  const letters = [
    '',
    'a',
    'A',
    'b',
    'c',
    'C',
    'd',
    'D',
    'dp',
    'e',
    'es',
    'et',
    'eu',
    'ew',
    'f',
    'F',
    'Fd',
    'Fp',
    'Ft',
    'g',
    'i',
    'l',
    'L',
    'm',
    'n',
    'o',
    'O',
    'p',
    'P',
    'r',
    'rds',
    'Rp',
    'Rs',
    's',
    't',
    'T',
    'u',
    'v',
    'x',
    'X',
    'y',
  ];
  const commands = letters
    .filter((letter) => !['r', 'es', 'e'].includes(letter))
    .flatMap((letter) => [
      `\\d${letter}`,
      `\\d${letter}+`,
      ...(letter === '' || 'acCdDfioOstTvy'.includes(letter) ? [`\\d${letter}S+`] : []),
    ]);
  // \deu+ prints the options of user mappings, which hold passwords: that read is suspicious and waits for a person.
  const script = [
    ...commands.filter((command) => command !== '\\deu+'),
    '\\l+',
    '\\sf add',
    '\\sv totals',
    '\\dconfig',
    '\\d users',
    '\\d+ orders',
    '\\d totals',
    '\\z',
  ].join('\n');
  const through = await psql('strict', script);
  const direct = await runProgram(
    'psql',
    ['-X', '-q', '-A', '-t', '-d', `postgres://postgres@127.0.0.1:${server.port}/app?sslmode=disable`],
    {
      input: script,
      env: { PGPASSWORD: server.password },
      timeoutMs: PATIENCE_MS,
    },
  );
  assert.equal(through.stderr, direct.stderr);
  assert.equal(through.stdout, direct.stdout);
});

test('\\copy works both ways', { skip }, async () => {
  const folder = temporaryFolder(scope);
  const file = join(folder, 'rows.csv');
  writeFileSync(file, '9001,copied one,2001-01-01\n9002,copied two,2001-01-02\n');
  const result = await psql(
    'work',
    `\\copy users FROM '${file}' CSV\nSELECT name FROM users WHERE id > 9000 ORDER BY id;\n\\copy (SELECT id FROM users WHERE id > 9000 ORDER BY id) TO '${join(folder, 'out')}'\n`,
  );
  assert.equal(result.stderr, '');
  assert.equal(result.stdout, 'copied one\ncopied two\n');
  assert.equal(readFileSync(join(folder, 'out'), 'utf8'), '9001\n9002\n');
});

test('Ctrl-C in psql cancels its own query and the connection lives', { skip }, async () => {
  const sleeping = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep(30)%'";
  const waiting: Promise<void>[] = [];
  const result = await psql('work', "\\echo started\nSELECT pg_sleep(30);\nSELECT 'alive';\n", {
    watch: (printed, kill) => {
      if (printed.includes('started') && waiting.length === 0) {
        // Before the query is sent psql has nothing to cancel, and the signal does nothing.
        waiting.push(
          eventually('the query runs', async () => (await server.query(sleeping, 'app')).length === 1).then(() =>
            kill('SIGINT'),
          ),
        );
      }
    },
  });
  await Promise.all(waiting);
  assert.match(result.stderr, /canceling statement due to user request/);
});

test('MP-45: a parked delete tells psql its approval id, and runs once it is approved', { skip }, async () => {
  let approved = false;
  const result = await psql('work', 'DELETE FROM users WHERE id = 500;\nSELECT count(*) FROM users WHERE id = 500;\n', {
    watch: (printed) => {
      const id = /([0-9a-f]{8}-[0-9a-f-]{27})/.exec(printed)?.[1];
      if (id !== undefined && !approved) {
        approved = true;
        assert.ok(pendingIds().includes(id));
        decide('approve', id);
      }
    },
  });
  assert.ok(approved, result.stderr);
  assert.equal(result.stdout, '0\n');
});

test('a parked delete that a person denies gives the note to the agent, and nothing is deleted', { skip }, async () => {
  let denied = false;
  const result = await psql('work', 'DELETE FROM users WHERE id = 499;\nSELECT count(*) FROM users WHERE id = 499;\n', {
    watch: (printed) => {
      const id = /([0-9a-f]{8}-[0-9a-f-]{27})/.exec(printed)?.[1];
      if (id !== undefined && !denied) {
        denied = true;
        decide('deny', id, '--note', 'not on a Friday');
      }
    },
  });
  assert.match(result.stderr, /not on a Friday/);
  assert.equal(result.stdout, '1\n');
});

test('Ctrl-C while parked cancels the approval', { skip }, async () => {
  const result = await psql('work', 'DELETE FROM users WHERE id = 498;\nSELECT 1;\n', {
    watch: (printed, kill) => {
      if (/[0-9a-f]{8}-[0-9a-f-]{27}/.test(printed) && !printed.includes('cancel')) {
        kill('SIGINT');
      }
    },
  });
  assert.match(result.stderr, /cancel/);
  await eventually('nothing waits any more', () => pendingIds().length === 0);
  assert.deepEqual(await server.query('SELECT count(*)::int AS n FROM users WHERE id = 498', 'app'), [{ n: 1 }]);
});

test('pg_dump gives the same dump as directly: schema, data, and in parallel', { skip }, async () => {
  const folder = temporaryFolder(scope);
  const dump = async (extra: string[], target: string, password: string): Promise<ProgramResult> =>
    runProgram('pg_dump', ['-d', target, ...extra], { env: { PGPASSWORD: password }, timeoutMs: PATIENCE_MS });
  const direct = `postgres://postgres@127.0.0.1:${server.port}/app?sslmode=disable`;
  const clean = (text: string): string => text.replace(/^\\(un)?restrict .*$/gm, '');
  for (const extra of [['-s'], [], ['--inserts', '-t', 'users']]) {
    const through = await dump(extra, url('strict'), '');
    assert.equal(through.stderr, '');
    assert.equal(clean(through.stdout), clean((await dump(extra, direct, server.password)).stdout));
  }
  const parallel = await dump(['-Fd', '-j4', '-f', join(folder, 'dump')], url('strict'), '');
  assert.deepEqual([parallel.code, parallel.stderr], [0, '']);
  assert.ok(existsSync(join(folder, 'dump', 'toc.dat')));
});

test('pgbench runs in all three protocols', { skip }, async () => {
  const init = await runProgram('pgbench', ['-i', '-q', '-s', '1', '-I', 'tgvp'], {
    env: {
      PGHOST: '127.0.0.1',
      PGPORT: String(server.port),
      PGUSER: 'postgres',
      PGPASSWORD: server.password,
      PGDATABASE: 'app',
      PGSSLMODE: 'disable',
    },
  });
  assert.equal(init.code, 0, init.stderr);
  for (const mode of ['simple', 'extended', 'prepared']) {
    const run = await runProgram('pgbench', ['-n', '-c', '4', '-j', '2', '-t', '100', '-M', mode], {
      env: {
        PGHOST: '127.0.0.1',
        PGPORT: String(portOf('work')),
        PGUSER: 'agent',
        PGDATABASE: 'app',
        PGSSLMODE: 'disable',
      },
      timeoutMs: PATIENCE_MS,
    });
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stdout, /number of transactions actually processed: 400\/400/);
  }
});

test(
  'MP-05: node-postgres: parameters, named statements, transactions, and life after a denial',
  { skip },
  async () => {
    const client = new pg.Client({ connectionString: url('work') });
    await client.connect();
    try {
      const rows = await client.query('SELECT name FROM users WHERE id = $1', [7]);
      assert.deepEqual(rows.rows, [{ name: 'user 7' }]);
      for (const id of [1, 2, 3]) {
        const named = await client.query({ name: 'by-id', text: 'SELECT id FROM users WHERE id = $1', values: [id] });
        assert.deepEqual(named.rows, [{ id }]);
      }
      await assert.rejects(client.query('DROP TABLE users'), { code: '42501' });
      await assert.rejects(client.query('DROP TABLE $1', ['x']), Error);
      await client.query('BEGIN');
      await client.query("INSERT INTO users VALUES (8001, 'in transaction', NULL)");
      await assert.rejects(client.query('DROP TABLE users'), { code: '42501' });
      await assert.rejects(client.query('SELECT 1'), { code: '25P02' });
      assert.equal((await client.query('COMMIT')).command, 'ROLLBACK');
      assert.deepEqual((await client.query('SELECT count(*)::int AS n FROM users WHERE id = 8001')).rows, [{ n: 0 }]);
    } finally {
      await client.end();
    }
  },
);

test(
  'MP-05: postgres.js: a pipeline with a denied statement in the middle answers each in its place',
  { skip },
  async () => {
    const sql = postgres(url('work'), { max: 1, onnotice: () => undefined });
    try {
      const answers = await Promise.allSettled([
        sql`SELECT 1 AS n`,
        sql`DROP TABLE users`,
        sql`SELECT name FROM users WHERE id = ${3}`,
        sql`TRUNCATE orders`,
        sql`SELECT 2 AS n`,
      ]);
      assert.deepEqual(
        answers.map((answer) =>
          answer.status === 'fulfilled' ? answer.value[0] : (answer.reason as { code: string }).code,
        ),
        [{ n: 1 }, '42501', { name: 'user 3' }, '42501', { n: 2 }],
      );
      await assert.rejects(
        sql.begin(async (tx) => {
          await tx`INSERT INTO users VALUES (8002, 'tx', NULL)`;
          await tx`DROP TABLE users`;
        }),
        { code: '42501' },
      );
      assert.deepEqual([...(await sql`SELECT count(*)::int AS n FROM users WHERE id = 8002`)], [{ n: 0 }]);
      const cursor: number[] = [];
      for await (const rows of sql`SELECT id FROM users ORDER BY id LIMIT 100`.cursor(10)) {
        cursor.push(...rows.map((found) => Number(found['id'])));
      }
      assert.equal(cursor.length, 100);
    } finally {
      await sql.end();
    }
  },
);

test('LISTEN and NOTIFY are delivered while idle', { skip }, async () => {
  const sql = postgres(url('work'), { max: 2, onnotice: () => undefined });
  try {
    const heard = new Promise<string>((resolve) => {
      void sql.listen('news', resolve).then(async () => sql.notify('news', 'hello'));
    });
    assert.equal(await heard, 'hello');
  } finally {
    await sql.end();
  }
});

const PYTHON = `
import sys, psycopg2
c = psycopg2.connect(sys.argv[1])
cur = c.cursor()
cur.execute("SELECT name FROM users WHERE id = %s", (5,))
print(cur.fetchone()[0])
try:
    cur.execute("DROP TABLE users")
except psycopg2.Error as e:
    print(e.pgcode)
c.rollback()
cur.execute("SELECT 1")
print(cur.fetchone()[0])
cur.execute("DECLARE c CURSOR FOR SELECT id FROM users ORDER BY id")
cur.execute("FETCH 3 FROM c")
print(cur.fetchall())
c.commit()
`;

test('MP-05: psycopg2: reads, is denied, rolls back and goes on', { skip }, async () => {
  const result = await runProgram('/usr/bin/python3', ['-c', PYTHON, url('work')]);
  assert.equal(result.stderr, '');
  assert.equal(result.stdout, 'user 5\n42501\n1\n[(1,), (2,), (3,)]\n');
});

test('a large result and a large COPY arrive whole', { skip }, async () => {
  const result = await psql(
    'strict',
    "SELECT md5(string_agg(i::text, ',')) FROM generate_series(1, 300000) i;\nCOPY (SELECT i, repeat('x', 100) FROM generate_series(1, 200000) i) TO STDOUT;\n",
    {},
  );
  assert.equal(result.stderr, '');
  assert.equal(result.stdout.split('\n').length, 200_002);
});
