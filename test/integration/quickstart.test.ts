// `npm start` as a newcomer meets it: a read, a denial, a delete that a person approves at a terminal, and nothing left after Ctrl-C.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const STARTED_WITHIN_MS = 120_000;
const PARKED_WITHIN_MS = 60_000;

interface Started {
  readonly child: ChildProcess;
  readonly said: () => string;
  readonly exited: Promise<number | null>;
}

/** A script that goes on by itself, with what it prints. */
function start(args: readonly string[], cwd = ROOT): Started {
  const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => {
      text += bytes.toString();
    });
  }
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, said: () => text, exited };
}

async function until<T>(find: () => T | null, withinMs: number, what: () => string): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (let found = find(); ; found = find()) {
    if (found !== null) {
      return found;
    }
    assert.ok(performance.now() < deadline, what());
    await setTimeout(100);
  }
}

test('npm start', { timeout: 600_000 }, async (t) => {
  const started = start(['scripts/start.mjs']);
  t.after(() => started.child.kill('SIGINT'));
  await until(() => (/Below is the log/.test(started.said()) ? true : null), STARTED_WITHIN_MS, started.said);
  assert.equal(started.said().match(/#\/setup\//g)?.length, 1, 'the set-up link is told once');
  const { control } = Object(JSON.parse(readFileSync(join(ROOT, '.quickstart', 'run.json'), 'utf8')));
  const folder = dirname(dirname(String(control).replace('unix:', '')));
  assert.ok(existsSync(folder));
  const query = (sql: string): Started => start(['scripts/quickstart-query.mjs', sql]);
  const cli = (...args: string[]): string =>
    spawnSync(join(ROOT, 'bin', 'clawpatrol'), [...args, '--gateway', control], { encoding: 'utf8' }).stdout;

  const read = query('SELECT count(*) FROM users');
  assert.equal(await read.exited, 0, read.said());
  assert.match(read.said(), /^ 50$/m);

  const denied = query('WITH x AS (SELECT * FROM api_keys) SELECT count(*) FROM x');
  assert.equal(await denied.exited, 1);
  assert.match(denied.said(), /ERROR: {2}42501: API keys are not for agents[\s\S]*HINT: /);

  const parked = query("DELETE FROM logs WHERE at < '2026-01-01'");
  const findParked = (): string | null => /waiting for approval (\S+):/.exec(parked.said())?.[1] ?? null;
  const id = await until(findParked, PARKED_WITHIN_MS, parked.said);
  // The agent hears that it waits before what the statement would do has been measured.
  const show = (): string => cli('approvals', 'show', id, '--json');
  await until(() => (Object(JSON.parse(show())).effect === null ? null : true), PARKED_WITHIN_MS, show);
  const shown = Object(JSON.parse(show()));
  assert.deepEqual(shown.effect.data.exact_rows, 1364);
  assert.match(cli('approvals', 'approve', id, '--digest', shown.request.digest), /^approved /);
  assert.equal(await parked.exited, 0);
  assert.match(parked.said(), /^DELETE 1364$/m);

  const dropped = query('DROP TABLE users CASCADE');
  const findDropped = (): string | null => /waiting for approval (\S+):/.exec(dropped.said())?.[1] ?? null;
  const dropId = await until(findDropped, PARKED_WITHIN_MS, dropped.said);
  const findKey = (): true | null =>
    cli('approvals', 'show', dropId).includes('foreign key orders_user_id_fkey of orders') ? true : null;
  await until(findKey, PARKED_WITHIN_MS, () => cli('approvals', 'show', dropId));
  cli('approvals', 'deny', dropId, '--note', 'not today');
  assert.equal(await dropped.exited, 1);
  assert.match(dropped.said(), /not today/);

  assert.match(cli('audit', 'verify'), /^ok: \d+ record\(s\)/);
  started.child.kill('SIGINT');
  assert.equal(await started.exited, 0, started.said());
  assert.equal(existsSync(folder), false);
  assert.equal(existsSync(join(ROOT, '.quickstart')), false);
});

/** A second checkout: scripts and example are copies, what is installed and built is shared. */
function checkout(): string {
  const folder = mkdtempSync(join(tmpdir(), 'clawpatrol-checkout-'));
  for (const name of ['bin', 'scripts', 'examples', 'package.json', 'package-lock.json', 'tsconfig.json']) {
    // With their times: a newer tsconfig.json would have it compiled again, under the feet of every other test.
    cpSync(join(ROOT, name), join(folder, name), { recursive: true, preserveTimestamps: true });
  }
  for (const name of ['node_modules', 'dist', 'src']) {
    symlinkSync(join(ROOT, name), join(folder, name));
  }
  return folder;
}

test(
  'two quickstarts at once take ports of their own, also with rules that the gateway refuses where they lie',
  { timeout: 600_000 },
  async (t) => {
    const second = checkout();
    t.after(() => rmSync(second, { recursive: true, force: true }));
    const example = join(second, 'examples', 'quickstart');
    for (const file of readdirSync(example).filter((name) => name.endsWith('.hcl'))) {
      chmodSync(join(example, file), 0o666);
    }
    const both = [ROOT, second].map((cwd) => ({ cwd, ...start(['scripts/start.mjs'], cwd) }));
    t.after(() => both.forEach(({ child }) => child.kill('SIGINT')));
    for (const { cwd, said } of both) {
      await until(() => (/Below is the log/.test(said()) ? true : null), STARTED_WITHIN_MS, said);
      const read = start(['scripts/quickstart-query.mjs', 'SELECT count(*) FROM users'], cwd);
      assert.equal(await read.exited, 0, read.said());
    }
    const ports = both.map(({ said }) => /^ {2}gateway +127\.0\.0\.1:(\d+);/m.exec(said())?.[1]);
    assert.notEqual(ports[0], ports[1]);
    for (const { child, said, exited } of both) {
      child.kill('SIGINT');
      assert.equal(await exited, 0, said());
      assert.doesNotMatch(said(), /Building/, 'what is shared was built already');
    }
  },
);
