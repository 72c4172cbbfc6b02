// Drivers of compiled languages through the real daemon to a real server: pgjdbc (with all of its DatabaseMetaData), pgx and lib/pq.
// The programs are compiled here, into a folder of this run.
import assert from 'node:assert/strict';
import { join } from 'node:path';
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
import { runProgram, type ProgramOptions } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';
import { temporaryFolder } from '../support/temp.ts';

const JAR = '/usr/share/java/postgresql.jar';
const CLIENTS = 'test/integration/clients';
const BUILD_MS = 300_000;

const scope = fileScope();
const skipJava = skipWithout('javac', JAR);
const skipGo = skipWithout('go');
const folder = temporaryFolder(scope);
let world: DriverWorld;

before(async () => {
  if (skipJava === false || skipGo === false) {
    world = await startDriverWorld(scope, ['jdbc', 'pgx', 'pq']);
  }
});

async function build(program: string, args: readonly string[], options: ProgramOptions = {}): Promise<void> {
  const env = { HOME: process.env['HOME'] ?? folder, ...options.env };
  const built = await runProgram(program, args, { ...options, env, timeoutMs: BUILD_MS });
  assert.equal(built.code, 0, built.stderr);
}

async function checkAll(endpoint: string, client: ClientProgram): Promise<void> {
  await checkReads(world, endpoint, client);
  await checkSession(world, endpoint, client);
  await checkDenied(world, endpoint, client);
  await checkTls(world, endpoint, client);
}

test(
  'MP-05, MP-21: pgjdbc: data, all of DatabaseMetaData, denials, batches, COPY, and every sslmode',
  { skip: skipJava },
  async () => {
    await build('javac', ['-cp', JAR, '-d', folder, join(CLIENTS, 'java', 'Client.java')]);
    // One thread compiles and collects: such a short run gains nothing from more.
    const quick = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];
    await checkAll('jdbc', { program: 'java', args: [...quick, '-cp', `${JAR}:${folder}`, 'Client'] });
  },
);

test(
  'MP-05, MP-21: pgx and lib/pq: data, types, denials, batches, COPY, and every sslmode',
  { skip: skipGo, timeout: 2 * BUILD_MS },
  async () => {
    const binary = join(folder, 'client');
    const env = Object.fromEntries(
      ['GOPROXY', 'GOFLAGS', 'GOCACHE', 'GOMODCACHE', 'GOSUMDB'].flatMap((name) => {
        const value = process.env[name];
        return value === undefined ? [] : [[name, value]];
      }),
    );
    await build('go', ['build', '-buildvcs=false', '-o', binary, '.'], {
      cwd: join(CLIENTS, 'go'),
      env: { ...env, CGO_ENABLED: '0' },
    });
    const off = { TLS_OFF_PORT: String(world.gateway.port('postgres.tls_off')) };
    await checkAll('pgx', { program: binary, args: ['pgx'] });
    await checkAll('pq', { program: binary, args: ['pq'], env: off });
  },
);
