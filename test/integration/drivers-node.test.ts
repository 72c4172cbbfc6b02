// Mappers of Node through the real daemon to a real server: TypeORM and Drizzle. They are no dependencies of this project: their own
// lock file says what is installed, once, into a folder of the user's cache.
import { join } from 'node:path';
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
import { INSTALL_MS, installClients } from '../support/npm-clients.ts';
import { fileScope } from '../support/scope.ts';

const SOURCE = 'test/integration/clients/node';

const scope = fileScope();
const skip = skipWithout('npm');
let world: DriverWorld;
let folder: string;

before(
  async () => {
    if (skip === false) {
      folder = await installClients(SOURCE);
      world = await startDriverWorld(scope, ['typeorm', 'drizzle']);
    }
  },
  { timeout: INSTALL_MS },
);

const client = (name: string): ClientProgram => ({
  program: process.execPath,
  args: [join(folder, 'client.mjs'), name],
  env: { TLS_OFF_PORT: String(world.gateway.port('postgres.tls_off')) },
});

for (const name of ['typeorm', 'drizzle']) {
  test(`MP-07: ${name}: what it reads of data and schema is what it reads directly`, { skip }, async () => {
    await checkReads(world, name, client(name));
  });

  test(`${name}: statements, denials, transactions, writes and resets`, { skip }, async () => {
    await checkSession(world, name, client(name));
  });
}

test('node-postgres: every kind of TLS on every kind of listener', { skip }, async () => {
  await checkTls(world, 'typeorm', client('typeorm'));
});
