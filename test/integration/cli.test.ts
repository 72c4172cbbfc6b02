// bin/clawpatrol as a process: exit codes reach the shell, SIGUSR1 opens no inspector, a reader that goes away ends it quietly.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { temporaryFolder } from '../support/temp.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const BIN = join(ROOT, 'bin', 'clawpatrol');

function run(args: readonly string[], cwd: string = ROOT): { code: number | null; stdout: string; stderr: string } {
  const env = { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent' };
  const { status, stdout, stderr } = spawnSync(BIN, args, { cwd, env, encoding: 'utf8', timeout: 120_000 });
  return { code: status, stdout, stderr };
}

test('exit codes reach the shell', () => {
  assert.equal(run(['version']).code, 0);
  assert.equal(run([]).code, 2);
  assert.equal(run(['validate', '/nonexistent']).code, 2);
  const status = run(['status']);
  assert.equal(status.code, 3);
  assert.match(status.stderr, /no gateway answers at unix:\/nonexistent\/\.clawpatrol\/control\.sock/);
  assert.equal(run(['validate', 'examples/quickstart', '--strict']).code, 0);
});

test('it runs from any folder, by a link to it', (t) => {
  const folder = temporaryFolder(t);
  const { status, stdout } = spawnSync('/bin/sh', ['-c', `ln -s "${BIN}" here && ./here version`], {
    cwd: folder,
    encoding: 'utf8',
  });
  assert.equal(status, 0);
  assert.match(stdout, /^clawpatrol \d/);
});

test('a checkout that is not built says what to do', (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'bin'));
  cpSync(BIN, join(folder, 'bin', 'clawpatrol'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  const { status, stderr } = spawnSync(join(folder, 'bin', 'clawpatrol'), ['version'], { encoding: 'utf8' });
  assert.equal(status, 2);
  assert.match(stderr, /not built: run/);
});

test('ND-13: SIGUSR1 opens no inspector', async (t) => {
  // A gateway that takes the call keeps the process waiting until it answers.
  const path = join(temporaryFolder(t), 'control.sock');
  const server = createServer();
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const connected = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const child = spawn(BIN, ['status', '--gateway', `unix:${path}`], { stdio: ['ignore', 'ignore', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.on('data', (bytes: Buffer) => {
    stderr += bytes.toString();
  });
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  const socket = await connected;
  await new Promise((resolve) => socket.once('data', resolve));
  child.kill('SIGUSR1');
  // The inspector would announce itself on stderr while the process still waits for its answer.
  await setTimeout(300);
  const body = '{"ok":true,"checks":[]}';
  socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  assert.equal(await closed, 0);
  assert.equal(stderr, '');
});

test('a reader that goes away ends it without a stack', () => {
  const { status, stderr } = spawnSync('/bin/sh', ['-c', `"${BIN}" completion bash | head -n 1`], { encoding: 'utf8' });
  assert.deepEqual([status, stderr], [0, '']);
});
