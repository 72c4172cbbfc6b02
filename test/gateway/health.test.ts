// The addresses for machines: what their Unix sockets may take away when they are made.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeStaleSocket } from '../../src/gateway/health.ts';
import { temporaryFolder } from '../support/temp.ts';

test('only a socket that nobody answers is taken away for a listener; files, links and folders stay', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'notes.txt');
  writeFileSync(file, 'mine');
  const link = join(folder, 'link');
  symlinkSync(file, link);
  const inner = join(folder, 'folder');
  mkdirSync(inner);
  for (const path of [file, link, inner]) {
    await assert.rejects(removeStaleSocket(path, 'metrics_listen'), { code: 'LISTEN_FAILED', message: /no socket/ });
    assert.ok(existsSync(path), path);
  }
  assert.equal(readFileSync(file, 'utf8'), 'mine');
  const socket = join(folder, 'metrics.sock');
  await removeStaleSocket(socket, 'metrics_listen');
  const server = createServer();
  server.listen(socket);
  await once(server, 'listening');
  await assert.rejects(removeStaleSocket(socket, 'metrics_listen'), { code: 'LISTEN_FAILED', message: /in use/ });
  await new Promise<void>((resolve) => server.close(() => resolve()));
});
