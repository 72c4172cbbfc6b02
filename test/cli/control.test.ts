// Where the command line looks for the gateway of this machine.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { defaultStateDir } from '../../src/cli/control.ts';
import { temporaryFolder } from '../support/temp.ts';

test('a gateway of the user comes before the service’s, and what is said before both', (t) => {
  const home = temporaryFolder(t, 'clawpatrol-home');
  const own = join(home, '.clawpatrol');
  const service = join(home, 'service');
  const find = (env: Readonly<Record<string, string>> = {}): string =>
    defaultStateDir({ env: { HOME: home, ...env } }, service);
  assert.equal(find(), own);
  mkdirSync(service);
  assert.equal(find(), service);
  // A device's certificates lie there as well: they are no gateway.
  mkdirSync(own);
  assert.equal(find(), service);
  writeFileSync(join(own, 'control.sock'), '');
  assert.equal(find(), own);
  assert.equal(find({ STATE_DIRECTORY: '/elsewhere' }), '/elsewhere');
  assert.equal(find({ STATE_DIRECTORY: '' }), own);
});
