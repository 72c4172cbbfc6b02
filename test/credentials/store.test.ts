// The encrypted store of secrets.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openSecretStore, type SecretStore } from '../../src/credentials/store.ts';
import { GatewayError, type ErrorCode } from '../../src/lib/errors.ts';
import { Secret } from '../../src/lib/secret.ts';
import { FakeClock } from '../support/fake-clock.ts';

const CANARY = 'canary-4f1b-value';

function withStore(
  body: (parts: { stateDir: string; key: Buffer; clock: FakeClock; open: () => SecretStore }) => void,
) {
  const stateDir = mkdtempSync(join(tmpdir(), 'clawpatrol-store-'));
  const key = randomBytes(32);
  const clock = new FakeClock();
  try {
    body({ stateDir, key, clock, open: () => openSecretStore({ stateDir, key, clock }) });
  } finally {
    rmSync(stateDir, { recursive: true, force: true });
  }
}

function rejects(run: () => unknown, code: ErrorCode): void {
  assert.throws(
    run,
    (error) => error instanceof GatewayError && error.code === code && !error.message.includes(CANARY),
  );
}

test('what is set is found again after a restart, and only sealed on disk', () => {
  withStore(({ stateDir, clock, open }) => {
    const store = open();
    store.set('pg', '', new Secret(CANARY));
    store.set('tls', 'key', new Secret(`${CANARY} of tls`));
    assert.equal(open().find('pg', '')?.reveal(), CANARY);
    assert.equal(open().find('tls', 'key')?.reveal(), `${CANARY} of tls`);
    assert.equal(open().find('tls', ''), null);
    assert.equal(open().has('tls'), true);
    assert.equal(open().has('t'), false);
    assert.deepEqual(open().list(), [
      { name: 'pg', slot: '', updatedMs: clock.now() },
      { name: 'tls', slot: 'key', updatedMs: clock.now() },
    ]);
    const path = join(stateDir, 'secrets.json');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(readFileSync(path, 'utf8').includes(CANARY), false);
    assert.equal(readFileSync(path, 'utf8').includes(Buffer.from(CANARY).toString('base64')), false);
    assert.deepEqual(readdirSync(stateDir), ['secrets.json']);
  });
});

test('a value is replaced and removed', () => {
  withStore(({ open }) => {
    const store = open();
    store.set('pg', '', new Secret('one'));
    store.set('pg', '', new Secret('two'));
    assert.equal(open().find('pg', '')?.reveal(), 'two');
    assert.equal(store.remove('pg', ''), true);
    assert.equal(store.remove('pg', ''), false);
    assert.equal(open().find('pg', ''), null);
  });
});

test('values have one byte to 64 KiB, names are plain', () => {
  withStore(({ open }) => {
    const store = open();
    store.set('long', '', new Secret('é'.repeat(32 * 1024)));
    rejects(() => store.set('long', '', new Secret(`${'é'.repeat(32 * 1024)}x`)), 'SECRET_MISSING');
    rejects(() => store.set('empty', '', new Secret('')), 'SECRET_MISSING');
    for (const name of ['', ' pg', 'pg\n', 'a\u202eb', 'x'.repeat(129)]) {
      rejects(() => store.set(name, '', new Secret('v')), 'CONFIG_INVALID');
    }
    assert.deepEqual(
      store.list().map(({ name }) => name),
      ['long'],
    );
  });
});

test('a value opens only under its own name and with its own key', () => {
  withStore(({ stateDir, clock, open }) => {
    const store = open();
    store.set('pg', '', new Secret(CANARY));
    store.set('weak', '', new Secret('known'));
    const path = join(stateDir, 'secrets.json');
    const file = JSON.parse(readFileSync(path, 'utf8')) as { secrets: { name: string; sealed: string }[] };
    const [pg, weak] = file.secrets;
    assert.ok(pg !== undefined && weak !== undefined);
    pg.sealed = weak.sealed;
    writeFileSync(path, JSON.stringify(file));
    rejects(() => open().find('pg', ''), 'STORE_KEY');
    assert.equal(open().find('weak', '')?.reveal(), 'known');
    rejects(() => openSecretStore({ stateDir, key: randomBytes(32), clock }).find('weak', ''), 'STORE_KEY');
  });
});

test('a file that is not a store is refused, not overwritten', () => {
  withStore(({ stateDir, open }) => {
    const path = join(stateDir, 'secrets.json');
    for (const text of ['', '{', '[]', '{"version":2,"secrets":[]}', '{"version":1,"secrets":[{"name":"x"}]}']) {
      writeFileSync(path, text);
      rejects(open, 'STORE_FAILED');
      assert.equal(readFileSync(path, 'utf8'), text);
    }
  });
});

test('a change that cannot be written changes nothing', () => {
  withStore(({ stateDir, open }) => {
    const store = open();
    store.set('pg', '', new Secret('one'));
    rmSync(stateDir, { recursive: true });
    rejects(() => store.set('pg', '', new Secret('two')), 'STORE_FAILED');
    assert.equal(store.find('pg', '')?.reveal(), 'one');
  });
});
