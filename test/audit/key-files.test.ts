// Key files are read as they are, told apart from absent ones, and never through a link.
import assert from 'node:assert/strict';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findKeyFile } from '../../src/audit/key-files.ts';
import { temporaryFolder } from '../support/temp.ts';

test('LC-18: a file is read, an absent one is null, and a link is refused', (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'key');
  writeFileSync(path, 'content');
  symlinkSync(path, join(folder, 'link'));
  assert.equal(findKeyFile(path)?.toString(), 'content');
  assert.equal(findKeyFile(join(folder, 'absent')), null);
  assert.throws(() => findKeyFile(join(folder, 'link')), { code: 'STATE_DIR' });
});
