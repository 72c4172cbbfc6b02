import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { chooseStateDir, openStateDir } from '../../src/gateway/state-dir.ts';
import { temporaryFolder } from '../support/temp.ts';

const MODULE = new URL('../../src/gateway/state-dir.js', import.meta.url).href;

test('the state directory is the option, else the configuration, else the service manager, else at home', () => {
  const env = { STATE_DIRECTORY: '/var/lib/clawpatrol', HOME: '/home/ops' };
  const cases: [Parameters<typeof chooseStateDir>[0], string][] = [
    [{ option: '/a', configured: '/b', env }, '/a'],
    [{ option: null, configured: '/b', env }, '/b'],
    [{ option: null, configured: null, env }, '/var/lib/clawpatrol'],
    [{ option: null, configured: null, env: { HOME: '/home/ops' } }, '/home/ops/.clawpatrol'],
  ];
  for (const [choice, expected] of cases) {
    assert.equal(chooseStateDir(choice), expected);
  }
});

test('it is made private, and one that others can read is told', (t) => {
  const folder = temporaryFolder(t, 'state');
  const path = join(folder, 'deep', 'state');
  const first = openStateDir(path);
  assert.equal(statSync(path).mode & 0o777, 0o700);
  assert.deepEqual(first.warnings, []);
  first.release();
  chmodSync(path, 0o755);
  const second = openStateDir(path);
  assert.match(second.warnings[0] ?? '', /chmod 700/);
  second.release();
});

test('a place where no folder can be is refused with what is wrong, and at once', (t) => {
  const file = join(temporaryFolder(t, 'state'), 'file');
  writeFileSync(file, '');
  for (const [path, why] of [
    [file, /it is a file; make the directory, or name another/],
    [join(file, 'state'), /it is a file/],
    // Its parent is there, and the kernel makes nothing in it. In a process of its own, which can be ended if it goes on for ever.
    ...(process.platform === 'linux' ? [[`/proc/${process.pid}/state`, /ENOENT/] as const] : []),
  ] as const) {
    const code = `import(${JSON.stringify(MODULE)}).then((m) => m.openStateDir(process.argv[1]))`;
    const { status, stderr } = spawnSync(process.execPath, ['-e', code, path], {
      encoding: 'utf8',
      timeout: 60_000,
      killSignal: 'SIGKILL',
    });
    assert.equal(status, 1, path);
    assert.match(stderr, why);
  }
});

test('a second holder is refused, and told who holds it; after a release it may', (t) => {
  const path = join(temporaryFolder(t, 'state'), 'state');
  const held = openStateDir(path);
  assert.throws(() => openStateDir(path), {
    code: 'STATE_LOCKED',
    message: new RegExp(`process ${process.pid}.*${path}`),
  });
  held.release();
  openStateDir(path).release();
});

test('a holder that was killed holds nothing', { timeout: 120_000 }, async (t) => {
  const path = join(temporaryFolder(t, 'state'), 'state');
  const script = `const { openStateDir } = await import(${JSON.stringify(MODULE)});
    openStateDir(${JSON.stringify(path)}); console.log('held'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  assert.throws(() => openStateDir(path), { code: 'STATE_LOCKED' });
  child.kill('SIGKILL');
  await once(child, 'exit');
  openStateDir(path).release();
});

test('LC-18: a lock file that is a link, and a directory that is a file, are refused', (t) => {
  const folder = temporaryFolder(t, 'state');
  const file = join(folder, 'plain');
  writeFileSync(file, '');
  assert.throws(() => openStateDir(file), { code: 'STATE_DIR' });
  const trapped = temporaryFolder(t, 'trapped');
  symlinkSync(file, join(trapped, 'gateway.lock'));
  assert.throws(() => openStateDir(trapped), { code: 'STATE_DIR' });
});
