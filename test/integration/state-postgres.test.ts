// What earlier statements did to the search path: however it was changed, taken back or not run at all, a name that the server would
// find in a denied schema is not read. On a server that reports no search_path, so the gateway's own account of it is what counts.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ATTACK_SCHEMA, attackConfig } from '../corpus/attack-sets.ts';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { findPostgres, startPostgres } from '../support/postgres-server.ts';
import * as wire from '../support/raw-postgres.ts';

const undo: (() => void | Promise<void>)[] = [];
const scope = { after: (step: () => void | Promise<void>) => undo.push(step) };
const skip = findPostgres('debian') === null ? 'no PostgreSQL on this machine' : false;
let gateway: GatewayProcess;

before(async () => {
  if (skip !== false) {
    return;
  }
  const server = await startPostgres(scope, { flavour: 'debian' });
  await server.query('CREATE DATABASE app');
  await server.query(
    `${ATTACK_SCHEMA}
     CREATE TABLE late (i int UNIQUE DEFERRABLE INITIALLY DEFERRED);
     INSERT INTO late VALUES (1);
     INSERT INTO secret.users VALUES (4711)`,
    'app',
  );
  gateway = await startGateway(scope, {
    config: attackConfig(server.port, 'app'),
    env: { PG_PASSWORD: server.password },
  });
});

after(async () => {
  for (const step of undo.toReversed()) {
    await step();
  }
});

const SECRET = 'SET search_path = secret';
const PUBLIC = 'SET search_path = public';
const CONFIG = (path: string): string => `SELECT set_config('search_path', '${path}', false)`;
const READ = 'SELECT * FROM users';
const q = (sql: string): Buffer => wire.query(sql);
const run = (sql: string, rows: number = 0): Buffer =>
  Buffer.concat([wire.parse('', sql), wire.bind('', ''), wire.execute('', rows)]);
const group = (...messages: readonly Buffer[]): Buffer => Buffer.concat([...messages, wire.sync()]);

interface Case {
  readonly name: string;
  /** Each is sent, and its ReadyForQuery awaited, before the next. */
  readonly steps: readonly Buffer[];
  /** The last step reads `users`; unless it is denied, it may only be public.users. */
  readonly allowed: boolean;
}

const CASES: readonly Case[] = [
  { name: 'twin: back to public', steps: [q(SECRET), q(PUBLIC), q(READ)], allowed: true },
  {
    name: 'a rolled back batch restores what was before its first statement',
    steps: [q(SECRET), q(`${PUBLIC}; ROLLBACK; ${READ}`)],
    allowed: false,
  },
  {
    name: 'BEGIN inside a batch does not start anew',
    steps: [q(SECRET), q(`${PUBLIC}; BEGIN; ROLLBACK; ${READ}`)],
    allowed: false,
  },
  {
    name: 'BEGIN inside a transaction does not start anew',
    steps: [q(SECRET), q('BEGIN'), q(PUBLIC), q(`BEGIN; ROLLBACK; ${READ}`)],
    allowed: false,
  },
  {
    name: 'a released savepoint is gone',
    steps: [q(`BEGIN; ${SECRET}; SAVEPOINT a; ${PUBLIC}; SAVEPOINT a; RELEASE a; ROLLBACK TO a; ${READ}`)],
    allowed: false,
  },
  {
    name: 'twin: a savepoint restores',
    steps: [q(`BEGIN; ${PUBLIC}; SAVEPOINT a; ${SECRET}; SAVEPOINT a; RELEASE a; ROLLBACK TO a; ${READ}`)],
    allowed: true,
  },
  {
    name: 'set_config that no row runs',
    steps: [q(SECRET), q(`${CONFIG('public')} WHERE false`), q(READ)],
    allowed: false,
  },
  {
    name: 'set_config that LIMIT 0 does not run',
    steps: [q(SECRET), q(`${CONFIG('public')} LIMIT 0`), q(READ)],
    allowed: false,
  },
  {
    name: 'set_config of a row that OFFSET skips',
    steps: [q(SECRET), q(`${CONFIG('public')} OFFSET 1`), q(READ)],
    allowed: false,
  },
  {
    name: 'set_config over no rows',
    steps: [q(SECRET), q(`${CONFIG('public')} FROM generate_series(1,0)`), q(READ)],
    allowed: false,
  },
  {
    name: 'set_config with HAVING false',
    steps: [q(SECRET), q(`${CONFIG('public')} HAVING false`), q(READ)],
    allowed: false,
  },
  {
    name: 'set_config in a CASE',
    steps: [q(SECRET), q(`SELECT CASE WHEN false THEN set_config('search_path','public',false) END`), q(READ)],
    allowed: false,
  },
  {
    name: 'two set_config in one',
    steps: [
      q(`SELECT coalesce(set_config('search_path','secret',false), set_config('search_path','public',false))`),
      q(READ),
    ],
    allowed: false,
  },
  {
    name: 'set_config in a set operation',
    steps: [q(`${CONFIG('secret')} UNION ALL ${CONFIG('public')} LIMIT 1`), q(READ)],
    allowed: false,
  },
  {
    name: 'set_config beside a set-returning function',
    steps: [q(SECRET), q(`SELECT set_config('search_path','public',false), generate_series(1,length('x'))`), q(READ)],
    allowed: false,
  },
  {
    name: 'set_config that is only explained',
    steps: [q(SECRET), q(`EXPLAIN ${CONFIG('public')}`), q(READ)],
    allowed: false,
  },
  {
    name: 'set_config that is only prepared',
    steps: [q(SECRET), q(`PREPARE p AS ${CONFIG('public')}`), q(READ)],
    allowed: false,
  },
  {
    name: 'set_config that is only declared',
    steps: [q(SECRET), q('BEGIN'), q(`DECLARE c CURSOR FOR ${CONFIG('public')}`), q(READ)],
    allowed: false,
  },
  {
    name: 'a cursor that is fetched nothing from',
    steps: [q(SECRET), q('BEGIN'), q(`DECLARE c CURSOR FOR ${CONFIG('public')}`), q('FETCH 0 FROM c'), q(READ)],
    allowed: false,
  },
  {
    name: 'a cursor that is used up',
    steps: [
      q('BEGIN'),
      q(`DECLARE c CURSOR FOR ${CONFIG('public')}`),
      q('FETCH ALL FROM c'),
      q(SECRET),
      q('FETCH ALL FROM c'),
      q(READ),
    ],
    allowed: false,
  },
  {
    name: 'a cursor that is used up, in one batch',
    steps: [
      q(`BEGIN; DECLARE c CURSOR FOR ${CONFIG('public')}; FETCH ALL FROM c; ${SECRET}; FETCH ALL FROM c; ${READ}`),
    ],
    allowed: false,
  },
  {
    name: 'CREATE TABLE AS WITH NO DATA',
    steps: [q(SECRET), q(`CREATE TEMP TABLE nothing AS ${CONFIG('public')} WITH NO DATA`), q(READ)],
    allowed: false,
  },
  {
    name: 'set_config under FILTER',
    steps: [q(SECRET), q(`SELECT count(set_config('search_path','public',false)) FILTER (WHERE false)`), q(READ)],
    allowed: false,
  },
  {
    name: 'set_config in a CASE in an argument',
    steps: [q(SECRET), q(`SELECT lower(CASE WHEN false THEN set_config('search_path','public',false) END)`), q(READ)],
    allowed: false,
  },
  { name: 'twin: a bare set_config', steps: [q(SECRET), q(CONFIG('public')), q(READ)], allowed: true },
  {
    name: 'a move over a portal that ran before',
    steps: [
      q('BEGIN'),
      group(wire.parse('', CONFIG('public')), wire.bind('once', ''), wire.execute('once', 1)),
      q(SECRET),
      q('MOVE RELATIVE 0 FROM once'),
      q(READ),
    ],
    allowed: false,
  },
  {
    name: 'EXECUTE for a table without data',
    steps: [
      group(wire.parse('w', CONFIG('public'))),
      q(SECRET),
      q(`CREATE TEMP TABLE nothing AS EXECUTE w WITH NO DATA`),
      q(READ),
    ],
    allowed: false,
  },
  {
    name: 'EXECUTE for a table without data, in one batch',
    steps: [
      group(wire.parse('w', CONFIG('public'))),
      q(SECRET),
      q(`CREATE TEMP TABLE nothing AS EXECUTE w WITH NO DATA; ${READ}`),
    ],
    allowed: false,
  },
  {
    name: 'twin: a DO block that changes nothing and fails',
    steps: [q(`DO $$ BEGIN RAISE EXCEPTION 'x'; END $$`), q(READ)],
    allowed: true,
  },
  {
    name: 'a portal that is suspended after it set the path',
    steps: [group(run(CONFIG('secret'), 1)), q(READ)],
    allowed: false,
  },
  {
    name: 'a portal that is executed twice',
    steps: [
      q('BEGIN'),
      group(wire.parse('', CONFIG('public')), wire.bind('once', ''), wire.execute('once')),
      q(SECRET),
      group(wire.execute('once')),
      q(READ),
    ],
    allowed: false,
  },
  {
    name: 'a commit at Sync that fails',
    steps: [q(SECRET), group(run(PUBLIC), run('INSERT INTO late VALUES (1)')), q(READ)],
    allowed: false,
  },
  {
    name: 'twin: a commit at Sync',
    steps: [q(SECRET), group(run(PUBLIC), run('SELECT 1')), q(READ)],
    allowed: true,
  },
  {
    name: 'a DO block that commits and then fails',
    steps: [
      q(`DO $$ BEGIN PERFORM set_config('search_path','secret',false); COMMIT; RAISE EXCEPTION 'x'; END $$`),
      q(READ),
    ],
    allowed: false,
  },
  {
    name: 'a pipelined group whose SET an older VACUUM commits before it fails',
    steps: [group(run(SECRET), run('VACUUM u'), run('SELECT 1/0')), q(READ)],
    allowed: false,
  },
  {
    name: 'a pipelined group whose SET CREATE INDEX CONCURRENTLY commits before it fails',
    steps: [group(run(SECRET), run('REINDEX TABLE CONCURRENTLY public.u'), run('SELECT 1/0')), q(READ)],
    allowed: false,
  },
  {
    name: 'COMMIT AND CHAIN keeps the path',
    steps: [q('BEGIN'), q(SECRET), q('COMMIT AND CHAIN'), q('ROLLBACK'), q(READ)],
    allowed: false,
  },
  {
    name: 'ROLLBACK AND CHAIN takes it back',
    steps: [q(SECRET), q('BEGIN'), q(PUBLIC), q('ROLLBACK AND CHAIN'), q(READ)],
    allowed: false,
  },
  {
    name: 'SET LOCAL outside of a transaction',
    steps: [q(SECRET), q('SET LOCAL search_path = public'), q(READ)],
    allowed: false,
  },
  {
    name: 'SET LOCAL in a batch, committed',
    steps: [q(SECRET), q(`SET LOCAL search_path = public; COMMIT; ${READ}`)],
    allowed: false,
  },
  {
    name: 'SET in a failed transaction',
    steps: [q('BEGIN'), q(SECRET), q('SAVEPOINT a'), q(PUBLIC), q('SELECT 1/0'), q('ROLLBACK TO a'), q(READ)],
    allowed: false,
  },
  {
    name: 'COMMIT of a failed transaction',
    steps: [q(SECRET), q('BEGIN'), q(PUBLIC), q('SELECT 1/0'), q('COMMIT'), q(READ)],
    allowed: false,
  },
  {
    name: 'SET after SET LOCAL in one transaction',
    steps: [q('BEGIN'), q('SET LOCAL search_path = public'), q(SECRET), q('COMMIT'), q(READ)],
    allowed: false,
  },
  {
    name: 'SET LOCAL after SET in one transaction',
    steps: [q('BEGIN'), q(SECRET), q('SET LOCAL search_path = public'), q('COMMIT'), q(READ)],
    allowed: false,
  },
  {
    name: 'the whole of it in one extended group',
    steps: [group(run(SECRET), run(READ))],
    allowed: false,
  },
  {
    name: 'a path with a quoted name',
    steps: [q(`SET search_path = "secret", public`), q(READ)],
    allowed: false,
  },
  {
    name: 'an update of a view over pg_settings',
    steps: [
      q('CREATE TEMP VIEW settings AS SELECT * FROM pg_settings'),
      q(`UPDATE settings SET setting = 'secret' WHERE name = 'search_path'`),
      q(READ),
    ],
    allowed: true,
  },
  {
    name: 'a view that sets the path',
    steps: [q(`CREATE TEMP VIEW setter AS ${CONFIG('secret')}`), q('SELECT * FROM setter'), q(READ)],
    allowed: true,
  },
  {
    name: 'a default that sets the path',
    steps: [
      q(`CREATE TEMP TABLE setter (i int, p text DEFAULT set_config('search_path', 'secret', false))`),
      q('INSERT INTO setter VALUES (1)'),
      q(READ),
    ],
    allowed: true,
  },
  {
    name: 'a rule that sets the path',
    steps: [
      q('CREATE TEMP TABLE ruled (i int)'),
      q(`CREATE RULE r AS ON INSERT TO ruled DO ALSO ${CONFIG('secret')}`),
      q('INSERT INTO ruled VALUES (1)'),
      q(READ),
    ],
    allowed: true,
  },
  {
    name: 'twin: a view, a default and a rule that set nothing',
    steps: [
      q('CREATE TEMP VIEW names AS SELECT relname FROM pg_class'),
      q('CREATE TEMP TABLE ruled (i int DEFAULT 1)'),
      q('CREATE RULE r AS ON INSERT TO ruled DO ALSO SELECT 1'),
      q('INSERT INTO ruled VALUES (1)'),
      q('SELECT * FROM names LIMIT 1'),
      q(READ),
    ],
    allowed: true,
  },
  { name: 'SET SCHEMA', steps: [q(`SET SCHEMA 'secret'`), q(READ)], allowed: false },
  {
    name: 'RESET goes to the login value',
    steps: [q(PUBLIC), q('RESET search_path'), q(READ)],
    allowed: true,
  },
  {
    name: 'PREPARE under one path, EXECUTE under another',
    steps: [q(`PREPARE r AS ${READ}`), q(SECRET), q('EXECUTE r')],
    allowed: false,
  },
  {
    name: 'Parse under one path, Bind under another',
    steps: [group(wire.parse('r', 'SELECT id FROM users')), q(SECRET), group(wire.bind('', 'r'), wire.execute(''))],
    allowed: false,
  },
  {
    name: 'SET SESSION CHARACTERISTICS and ALTER ROLE do not change it now',
    steps: [q('SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED'), q(READ)],
    allowed: true,
  },
];

for (const { name, steps, allowed } of CASES) {
  test(name, { skip, timeout: 120_000 }, async () => {
    const client = await wire.RawPostgres.login(gateway.port('postgres.pg-schema'), { user: 'agent', database: 'app' });
    try {
      let last: readonly wire.ServerMessage[] = [];
      for (const step of steps) {
        last = await client.ask(step);
      }
      const denied = last.some((message) => message.type === 'E' && wire.fieldsOf(message)['C'] === '42501');
      const leaked = last.some((message) => message.type === 'D' && message.body.includes('4711'));
      assert.equal(leaked, false, 'rows of the denied table were read');
      assert.equal(denied, !allowed, last.map((message) => message.type).join(''));
    } finally {
      client.close();
    }
  });
}
