// Where the store key comes from, and which files are refused.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { loadStoreKey } from '../../src/credentials/store-key.ts';
import { GatewayError } from '../../src/lib/errors.ts';

const KEY = Buffer.alloc(32, 9);
const TEXT = KEY.toString('base64');

function makeDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'store-key-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function refuses(run: () => unknown, text: RegExp): void {
  assert.throws(
    run,
    (error) => error instanceof GatewayError && error.code === 'STORE_KEY' && text.test(error.message),
  );
}

test('the key may be given in the environment, as text or as a file', (t) => {
  const stateDir = makeDir(t);
  const file = join(stateDir, 'given');
  writeFileSync(file, `${TEXT}\n`, { mode: 0o600 });
  const raw = join(stateDir, 'raw');
  writeFileSync(raw, KEY, { mode: 0o440 });
  for (const given of [TEXT, TEXT.replace('=', ''), `@${file}`, `@${raw}`]) {
    const loaded = loadStoreKey({ stateDir, env: { CLAWPATROL_STORE_KEY: given } });
    assert.deepEqual(loaded, { key: KEY, source: 'environment', created: false }, given);
  }
});

test('systemd credentials come next, and an absent one falls through to the state directory', (t) => {
  const stateDir = makeDir(t);
  const credentials = makeDir(t);
  const env = { CREDENTIALS_DIRECTORY: credentials, CLAWPATROL_STORE_KEY: '' };
  assert.equal(loadStoreKey({ stateDir, env }).source, 'state-dir');
  writeFileSync(join(credentials, 'store-key'), TEXT, { mode: 0o400 });
  assert.deepEqual(loadStoreKey({ stateDir, env }), { key: KEY, source: 'credentials-directory', created: false });
});

test('without one from outside it is made once, with mode 0600, and found again', (t) => {
  const stateDir = makeDir(t);
  const first = loadStoreKey({ stateDir, env: {} });
  assert.equal(first.created, true);
  assert.equal(first.source, 'state-dir');
  const path = join(stateDir, 'keys', 'store.key');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(join(stateDir, 'keys')).mode & 0o777, 0o700);
  assert.equal(readFileSync(path, 'utf8'), `${first.key.toString('base64')}\n`);
  assert.deepEqual(loadStoreKey({ stateDir, env: {} }), { ...first, created: false });
});

test('a key that is no key, that others can read, or that is a link is refused with what to do', (t) => {
  const stateDir = makeDir(t);
  const path = join(stateDir, 'keys', 'store.key');
  mkdirSync(join(stateDir, 'keys'));
  refuses(() => loadStoreKey({ stateDir, env: { CLAWPATROL_STORE_KEY: 'short' } }), /32 bytes in base64/);
  refuses(() => loadStoreKey({ stateDir, env: { CLAWPATROL_STORE_KEY: `@${path}` } }), /is not a store key/);
  writeFileSync(path, 'not a key', { mode: 0o600 });
  refuses(() => loadStoreKey({ stateDir, env: {} }), /32 bytes in base64/);
  writeFileSync(path, TEXT);
  chmodSync(path, 0o640);
  refuses(() => loadStoreKey({ stateDir, env: {} }), /chmod 600/);
  rmSync(path);
  symlinkSync(join(stateDir, 'elsewhere'), path);
  refuses(() => loadStoreKey({ stateDir, env: {} }), /cannot read/);
});
