// Python's drivers and mappers through the real daemon to a real server: psycopg 3, asyncpg, SQLAlchemy, Django; and libpq's own demands.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import {
  checkReads,
  checkSession,
  checkTls,
  skipWithout,
  startDriverWorld,
  type ClientProgram,
  type DriverWorld,
} from '../support/driver-world.ts';
import { runProgram } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';

const scope = fileScope();
const skip = skipWithout(
  '/usr/lib/python3/dist-packages/psycopg',
  '/usr/lib/python3/dist-packages/asyncpg',
  '/usr/lib/python3/dist-packages/sqlalchemy',
  '/usr/lib/python3/dist-packages/django',
);
const NAMES = ['psycopg3', 'asyncpg_client', 'sqlalchemy_client', 'django_client'];
let world: DriverWorld;

before(async () => {
  if (skip === false) {
    world = await startDriverWorld(scope, NAMES);
  }
});

const client = (name: string): ClientProgram => ({
  // Debian's own Python: the packages are Debian's too.
  program: '/usr/bin/python3',
  args: [`test/integration/clients/${name}.py`],
  env: { PYTHONDONTWRITEBYTECODE: '1' },
});

for (const name of NAMES) {
  test(`${name}: what it reads of data and schema is what it reads directly`, { skip }, async () => {
    await checkReads(world, name, client(name));
  });

  test(`${name}: statements, denials, transactions, writes and resets`, { skip }, async () => {
    await checkSession(world, name, client(name));
  });

  test(`${name}: every sslmode on every kind of listener`, { skip }, async () => {
    await checkTls(world, name, client(name));
  });
}

test(
  'libpq: a client that insists on channel binding says why it does not connect; preferring it connects',
  { skip },
  async () => {
    const env = { ...world.environment('psycopg3'), PGSSLMODE: 'verify-full', PGSSLROOTCERT: world.caPath };
    const ask = ['-X', '-A', '-t', '-c', 'SELECT 1'];
    const preferring = await runProgram('psql', ask, { env: { ...env, PGCHANNELBINDING: 'prefer' } });
    assert.deepEqual([preferring.stdout, preferring.stderr], ['1\n', '']);
    const insisting = await runProgram('psql', ask, { env: { ...env, PGCHANNELBINDING: 'require' } });
    assert.equal(insisting.stdout, '');
    assert.match(insisting.stderr, /channel binding required/);
  },
);
