// Mappers of Node through the real daemon to a real server: TypeORM and Drizzle. They are no dependencies of this project: their own
// lock file says what is installed, once, into a folder of the user's cache.
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
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
import { runProgram } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';

const SOURCE = 'test/integration/clients/node';
const INSTALL_MS = 240_000;

const scope = fileScope();
const skip = skipWithout('npm');
let world: DriverWorld;
let folder: string;

before(
  async () => {
    if (skip === false) {
      folder = await install();
      world = await startDriverWorld(scope, ['typeorm', 'drizzle']);
    }
  },
  { timeout: INSTALL_MS },
);

/** Installs what the lock file names, unless an earlier run did, and gives the folder. Two runs at once do not disturb each other. */
async function install(): Promise<string> {
  const lock = readFileSync(join(SOURCE, 'package-lock.json'));
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'clawpatrol-test');
  const wanted = join(cache, createHash('sha256').update(lock).digest('hex').slice(0, 16));
  if (!existsSync(wanted)) {
    const fresh = `${wanted}.${randomUUID()}`;
    mkdirSync(fresh, { recursive: true });
    for (const name of ['package.json', 'package-lock.json']) {
      copyFileSync(join(SOURCE, name), join(fresh, name));
    }
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', fresh];
    const run = await runProgram('npm', args, { env: { ...environment(), HOME: homedir() }, timeoutMs: INSTALL_MS });
    assert.equal(run.code, 0, run.stderr);
    try {
      renameSync(fresh, wanted);
    } catch {
      // Another run was first.
      rmSync(fresh, { recursive: true, force: true });
    }
  }
  copyFileSync(join(SOURCE, 'client.mjs'), join(wanted, 'client.mjs'));
  return wanted;
}

/** Proxies and registries are the machine's own. */
function environment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value !== undefined && /^(npm_config_|https?_proxy|no_proxy|node_extra)/i.test(name) ? [[name, value]] : [],
    ),
  );
}

const client = (name: string): ClientProgram => ({
  program: process.execPath,
  args: [join(folder, 'client.mjs'), name],
  env: { TLS_OFF_PORT: String(world.gateway.port('postgres.tls_off')) },
});

for (const name of ['typeorm', 'drizzle']) {
  test(`${name}: what it reads of data and schema is what it reads directly`, { skip }, async () => {
    await checkReads(world, name, client(name));
  });

  test(`${name}: statements, denials, transactions, writes and resets`, { skip }, async () => {
    await checkSession(world, name, client(name));
  });
}

test('node-postgres: every kind of TLS on every kind of listener', { skip }, async () => {
  await checkTls(world, 'typeorm', client('typeorm'));
});
