// Python's drivers and mappers through the real daemon to a real server: psycopg 3, asyncpg, SQLAlchemy, Django.
import { before, test } from 'node:test';
import {
  checkDenied,
  checkReads,
  checkSession,
  checkTls,
  skipWithout,
  startDriverWorld,
  type ClientProgram,
  type DriverWorld,
} from '../support/driver-world.ts';
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
  const row = name === 'psycopg3' || name === 'asyncpg_client' ? 'MP-05' : 'MP-07';

  test(`${row}: ${name}: what it reads of data and schema is what it reads directly`, { skip }, async () => {
    await checkReads(world, name, client(name));
  });

  test(`${name}: statements, denials, transactions, writes and resets`, { skip }, async () => {
    await checkSession(world, name, client(name));
  });

  if (row === 'MP-05') {
    test(`MP-21: ${name} uses its connection after every kind of denial`, { skip }, async () => {
      await checkDenied(world, name, client(name));
    });
  }

  test(`${name}: every sslmode on every kind of listener`, { skip }, async () => {
    await checkTls(world, name, client(name));
  });
}
