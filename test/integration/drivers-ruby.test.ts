// ruby-pg and ActiveRecord through the real daemon to a real server.
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
import { fileScope } from '../support/scope.ts';

const scope = fileScope();
const skip = skipWithout('/usr/bin/ruby', '/usr/share/doc/ruby-activerecord');
const client: ClientProgram = { program: '/usr/bin/ruby', args: ['test/integration/clients/ruby/client.rb'] };
let world: DriverWorld;

before(async () => {
  if (skip === false) {
    world = await startDriverWorld(scope, ['ruby']);
  }
});

test('MP-07: ActiveRecord: what it reads of data and schema is what it reads directly', { skip }, async () => {
  await checkReads(world, 'ruby', client);
});

test('ActiveRecord: statements, denials, transactions, writes and resets', { skip }, async () => {
  await checkSession(world, 'ruby', client);
});

test('ruby-pg: every sslmode on every kind of listener', { skip }, async () => {
  await checkTls(world, 'ruby', client);
});
