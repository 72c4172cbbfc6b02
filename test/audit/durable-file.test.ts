// Private files and folders: what is made, with which modes, and what is refused.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makePrivateFolder, replaceFile, writeNewFile } from '../../src/audit/durable-file.ts';
import { temporaryFolder } from '../support/temp.ts';

const modeOf = (path: string): number => statSync(path).mode & 0o777;

test('a folder is made with those above it, for nobody else to read; one that is there is left as it is', (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'one', 'two');
  makePrivateFolder(path);
  assert.deepEqual([modeOf(join(folder, 'one')), modeOf(path)], [0o700, 0o700]);
  const open = join(folder, 'open');
  mkdirSync(open, { mode: 0o755 });
  const before = modeOf(open);
  makePrivateFolder(open);
  assert.equal(modeOf(open), before);
});

test('what cannot be a folder is an error, and nothing that goes on for ever', (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'file'), '');
  symlinkSync(join(folder, 'nowhere'), join(folder, 'link'));
  const cases: readonly (readonly [path: string, error: RegExp])[] = [
    [join(folder, 'file'), /it is a file/],
    [join(folder, 'file', 'below'), /it is a file/],
    [join(folder, 'link'), /ENOENT/],
    ...(process.platform === 'linux' ? [[`/proc/${process.pid}/archive`, /ENOENT/] as const] : []),
  ];
  for (const [path, error] of cases) {
    assert.throws(() => makePrivateFolder(path), error, path);
  }
});

test('a new file takes the place of nothing; a file that is replaced leaves nothing beside it', (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'key');
  writeNewFile(path, Buffer.from('first'));
  assert.throws(() => writeNewFile(path, Buffer.from('second')), { code: 'EEXIST' });
  assert.equal(readFileSync(path, 'utf8'), 'first');
  replaceFile(path, Buffer.from('second'));
  assert.equal(readFileSync(path, 'utf8'), 'second');
  assert.equal(modeOf(path), 0o600);
  assert.deepEqual(readdirSync(folder), ['key']);
});
