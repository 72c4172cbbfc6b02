// Where secrets come from: every source, the default chain, and what is refused. Commands are real processes.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { test } from 'node:test';
import type { CredentialConfig, SecretSource } from '../../src/config/config.ts';
import { secretVariable } from '../../src/config/names.ts';
import { createSecretSources, type ConfiguredSources, type SecretSources } from '../../src/credentials/sources.ts';
import { openSecretStore, type SecretStore } from '../../src/credentials/store.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { GatewayError } from '../../src/lib/errors.ts';
import { Secret } from '../../src/lib/secret.ts';
import { eventually } from '../support/daemon.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { credentialOf } from './parts.ts';

const CANARY = 'canary-77aa-value';

interface World {
  readonly dir: string;
  readonly env: Record<string, string | undefined>;
  readonly store: SecretStore;
  readonly sources: ConfiguredSources;
  readonly clock: FakeClock;
  readonly warnings: string[];
}

async function withWorld(body: (world: World) => Promise<void>, { realTime = false } = {}): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'clawpatrol-sources-'));
  const clock = new FakeClock();
  const store = openSecretStore({ stateDir: dir, key: randomBytes(32), clock });
  const env: Record<string, string | undefined> = { PATH: process.env['PATH'], HOME: dir, LANG: 'C' };
  const warnings: string[] = [];
  const warn = (message: string) => warnings.push(message);
  const sources = createSecretSources({ clock: realTime ? systemClock : clock, env: () => env, store, warn });
  try {
    await body({ dir, env, store, sources, clock, warnings });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function value(sources: SecretSources, credential: CredentialConfig, slot: string = ''): Promise<string | null> {
  return (await sources.read(credential)).get(slot)?.reveal() ?? null;
}

async function refused(sources: SecretSources, credential: CredentialConfig, message: RegExp): Promise<void> {
  await assert.rejects(sources.read(credential), (error) => {
    assert.ok(error instanceof GatewayError);
    assert.equal(error.code, 'SECRET_MISSING');
    assert.match(error.message, message);
    assert.equal(inspect(error).includes(CANARY), false, 'an error tells no value');
    return true;
  });
}

function commandSource(argv: readonly string[], changes: object = {}): SecretSource {
  return { kind: 'command', argv, passEnv: [], timeoutMs: 10_000, ttlMs: 900_000, ...changes };
}

/** A Node program as a command: the only interpreter that is there for certain. */
function script(code: string, changes: object = {}): SecretSource {
  return commandSource([process.execPath, '-e', code], changes);
}

/** `gone`, also for a killed process that whoever inherited it has not looked after yet; else the letter of /proc. */
function stateOf(pid: number): string {
  try {
    const letter = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.[0] ?? 'Z';
    return letter === 'Z' || letter === 'X' ? 'gone' : letter;
  } catch {
    return 'gone';
  }
}

test('variables of the default chain are named after credential and slot', () => {
  const rows = [
    ['pg', '', 'CLAWPATROL_SECRET_PG'],
    ['pg-main', '', 'CLAWPATROL_SECRET_PG_MAIN'],
    ['k8s', 'cert', 'CLAWPATROL_SECRET_K8S_CERT'],
    ['Été.1', 'a-b', 'CLAWPATROL_SECRET__T__1_A_B'],
  ] as const;
  for (const [name, slot, expected] of rows) {
    assert.equal(secretVariable(name, slot), expected);
  }
});

test('env reads the variable as it was at load, and @ names a file', () =>
  withWorld(async ({ dir, env, sources }) => {
    const credential = credentialOf('pg', { source: { kind: 'env', variable: 'PG_PASSWORD' } });
    await refused(sources, credential, /PG_PASSWORD is not set/);
    env['PG_PASSWORD'] = CANARY;
    await refused(sources, credential, /PG_PASSWORD is not set/);
    sources.forget();
    assert.equal(await value(sources, credential), CANARY);
    writeFileSync(join(dir, 'pw'), 'from the file\n', { mode: 0o600 });
    env['PG_PASSWORD'] = `@${join(dir, 'pw')}`;
    sources.forget();
    assert.equal(await value(sources, credential), 'from the file');
  }));

test('a file is read when needed, less one newline, and a change counts at once', () =>
  withWorld(async ({ dir, sources, warnings }) => {
    const path = join(dir, 'pw');
    const credential = credentialOf('pg', { source: { kind: 'file', path } });
    await refused(sources, credential, /cannot read/);
    const rows = [
      ['a\n', 'a'],
      ['b\r\n', 'b'],
      ['c\n\n', 'c\n'],
      ['d', 'd'],
      [' e ', ' e '],
    ] as const;
    for (const [content, expected] of rows) {
      writeFileSync(path, content, { mode: 0o600 });
      assert.equal(await value(sources, credential), expected);
    }
    assert.deepEqual(warnings, []);
    chmodSync(path, 0o640);
    await sources.read(credential);
    await sources.read(credential);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /chmod 600/);
  }));

test('a file that cannot be a secret is refused', () =>
  withWorld(async ({ dir, sources }) => {
    const path = join(dir, 'pw');
    const credential = credentialOf('pg', { source: { kind: 'file', path } });
    const rows: readonly (readonly [string | Buffer, RegExp])[] = [
      ['', /is empty/],
      ['\n', /is empty/],
      ['x'.repeat(64 * 1024 + 1), /longer than 64 KiB/],
      ['x'.repeat(1024 * 1024), /longer than 64 KiB/],
      [Buffer.from([0x61, 0xff]), /not UTF-8/],
    ];
    for (const [content, message] of rows) {
      writeFileSync(path, content);
      await refused(sources, credential, message);
    }
    writeFileSync(path, `${'x'.repeat(64 * 1024)}\n`);
    assert.equal((await value(sources, credential))?.length, 64 * 1024);
    const folder = credentialOf('pg', { source: { kind: 'file', path: dir } });
    await refused(sources, folder, /not a regular file/);
    const device = credentialOf('pg', { source: { kind: 'file', path: '/dev/zero' } });
    await refused(sources, device, /not a regular file/);
  }));

test('the store answers for an explicit name', () =>
  withWorld(async ({ sources, store }) => {
    const credential = credentialOf('pg', { source: { kind: 'store', name: 'agent' } });
    await refused(sources, credential, /clawpatrol secrets set agent/);
    store.set('agent', '', new Secret(CANARY));
    assert.equal(await value(sources, credential), CANARY);
  }));

test("without a secret block: the store under the credential's name, then the variable", () =>
  withWorld(async ({ env, sources, store }) => {
    const credential = credentialOf('pg-main');
    await refused(sources, credential, /clawpatrol secrets set pg-main, or set CLAWPATROL_SECRET_PG_MAIN/);
    env['CLAWPATROL_SECRET_PG_MAIN'] = 'from the environment';
    sources.forget();
    assert.equal(await value(sources, credential), 'from the environment');
    store.set('pg-main', '', new Secret('from the store'));
    assert.equal(await value(sources, credential), 'from the store');
  }));

test('the default chain answers for all slots together, and optional slots may be missing', () =>
  withWorld(async ({ env, sources, store }) => {
    const credential = credentialOf('k8s', {
      slots: [
        { name: 'cert', required: true },
        { name: 'key', required: true },
        { name: 'ca', required: false },
      ],
    });
    env['CLAWPATROL_SECRET_K8S_CERT'] = 'env cert';
    env['CLAWPATROL_SECRET_K8S_KEY'] = 'env key';
    sources.forget();
    assert.deepEqual([...(await sources.read(credential)).keys()], ['cert', 'key']);
    store.set('k8s', 'cert', new Secret('store cert'));
    await refused(sources, credential, /slot key: the store has other slots/);
    store.set('k8s', 'key', new Secret('store key'));
    assert.equal(await value(sources, credential, 'key'), 'store key');
    assert.equal(await value(sources, credential, 'ca'), null);
  }));

test('a credential without slots needs nothing', () =>
  withWorld(async ({ sources }) => {
    assert.equal((await sources.read(credentialOf('none', { type: 'passthrough', slots: [] }))).size, 0);
  }));

test('LC-19: a command gets no shell, a named few variables and no input; its output is the secret', () =>
  withWorld(async ({ env, sources }) => {
    env['SECRET_OF_SOMEONE'] = 'x';
    env['OP_TOKEN'] = 'passed';
    env['CLAWPATROL_STORE_KEY'] = 'never';
    sources.forget();
    const print = script('console.log(JSON.stringify(process.env))', { passEnv: ['OP_TOKEN', 'CLAWPATROL_STORE_KEY'] });
    const seen = JSON.parse((await value(sources, credentialOf('pg', { source: print }))) ?? '') as object;
    // Where coverage is measured, node hands this on to every child itself.
    const names = Object.keys(seen).filter((name) => name !== 'NODE_V8_COVERAGE');
    assert.deepEqual(names.toSorted(), ['HOME', 'LANG', 'OP_TOKEN', 'PATH']);
    const literal = script('console.log(process.argv[1])');
    assert.ok(literal.kind === 'command');
    const unshelled = commandSource([...literal.argv, '$(id); `id` | cat']);
    assert.equal(await value(sources, credentialOf('pg', { source: unshelled })), '$(id); `id` | cat');
  }));

test('a command that fails, hangs, floods or is not there refuses, and tells nothing of what it printed', () =>
  withWorld(
    async ({ sources, dir }) => {
      const rows: readonly (readonly [SecretSource, RegExp])[] = [
        [script(`console.log('${CANARY}'); console.error('${CANARY}'); process.exit(3)`), /ended with status 3/],
        [script(`process.kill(process.pid, 'SIGTERM')`), /ended by SIGTERM/],
        [
          script(`console.log('${CANARY}'); setInterval(() => {}, 1000)`, { timeoutMs: 300 }),
          /did not end within 300 ms/,
        ],
        [script(`process.stdout.write('x'.repeat(1 << 20))`), /more than a secret may be/],
        [script(''), /is empty/],
        [commandSource([join(dir, 'no-such-program')]), /was not found/],
        [commandSource([dir]), /could not be started/],
        [commandSource(['']), /cannot be a command/],
      ];
      for (const [source, message] of rows) {
        await refused(sources, credentialOf('pg', { source }), message);
      }
    },
    { realTime: true },
  ));

test('a command that ran too long is ended with everything that it started', () =>
  withWorld(async ({ sources, dir, clock }) => {
    const pidFile = join(dir, 'pid');
    const child = `require('fs').writeFileSync('${pidFile}', process.pid + ' '); setInterval(() => {}, 1000)`;
    const parent = `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(child)}], { stdio: 'inherit' }); setInterval(() => {}, 1000)`;
    const ended = refused(sources, credentialOf('pg', { source: script(parent, { timeoutMs: 1_500 }) }), /did not end/);
    // The time of the command begins when both run, however long a slow machine takes to start them.
    await eventually('both run', () => existsSync(pidFile) && readFileSync(pidFile, 'utf8').endsWith(' '));
    await clock.advance(1_500);
    await ended;
    const pid = Number(readFileSync(pidFile, 'utf8'));
    await eventually('it is gone', () => stateOf(pid) === 'gone');
  }));

test('a command runs once for its time to live, one at a time, and a failed renewal refuses', () =>
  withWorld(async ({ sources, dir, clock }) => {
    const count = join(dir, 'count');
    const fail = join(dir, 'fail');
    const code = `const fs = require('fs'); fs.appendFileSync('${count}', 'x'); if (fs.existsSync('${fail}')) process.exit(1); console.log('v' + fs.readFileSync('${count}').length)`;
    const credential = credentialOf('pg', { source: script(code, { ttlMs: 60_000 }) });
    const together = await Promise.all([1, 2, 3].map(() => value(sources, credential)));
    assert.deepEqual(together, ['v1', 'v1', 'v1']);
    clock.stall(59_999);
    assert.equal(await value(sources, credential), 'v1');
    clock.stall(1);
    assert.equal(await value(sources, credential), 'v2');
    clock.stall(60_000);
    writeFileSync(fail, '');
    await refused(sources, credential, /status 1/);
    rmSync(fail);
    assert.equal(await value(sources, credential), 'v4');
    sources.forget();
    assert.equal(await value(sources, credential), 'v5');
    assert.equal(clock.timers, 0);
  }));

test('a credential without a value is told with what to do, and no command runs for that', () =>
  withWorld(async ({ sources, dir, env }) => {
    const ran = join(dir, 'ran');
    const command = credentialOf('pg', { source: script(`require('fs').writeFileSync('${ran}', '')`) });
    assert.equal(await sources.findMissing(command), null);
    assert.equal(existsSync(ran), false);
    assert.match(
      (await sources.findMissing(credentialOf('pg'))) ?? '',
      /^no secret for postgres_credential\.pg: run: clawpatrol secrets set pg, or set CLAWPATROL_SECRET_PG, /,
    );
    env['CLAWPATROL_SECRET_PG'] = 'value';
    sources.forget();
    assert.equal(await sources.findMissing(credentialOf('pg')), null);
    const absent = credentialOf('pg', { source: { kind: 'file', path: join(dir, 'absent') } });
    assert.match((await sources.findMissing(absent)) ?? '', /cannot read .*absent/);
    const optional = credentialOf('pg', { slots: [{ name: '', required: false }] });
    delete env['CLAWPATROL_SECRET_PG'];
    sources.forget();
    assert.equal(await sources.findMissing(optional), null);
  }));
