// The writing side by itself: a batch is written whole or not at all, and once.
import assert from 'node:assert/strict';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Batch } from '../../src/audit/batch.ts';
import { checkStore } from '../../src/audit/check-store.ts';
import { loadCheckpointKey } from '../../src/audit/keys.ts';
import { Store } from '../../src/audit/store.ts';
import { temporaryFolder } from '../support/temp.ts';
import { createEvent, makeBatchOf } from './parts.ts';

function openStore(t: TestContext, folder: string, run: string): Store {
  const key = loadCheckpointKey({ stateDir: folder, storeKey: Buffer.alloc(32), configured: null });
  const path = join(folder, 'store.db');
  const store = new Store({ path, key, run, checkpointRecords: 4, busyTimeoutMs: 100, nowMs: 0 });
  t.after(() => store.close());
  return store;
}

function makeBatch(id: number, count: number): Batch {
  return makeBatchOf(
    id,
    Array.from({ length: count }, () => createEvent({ verdict: 'deny' })),
  );
}

function isIntact(store: Store): boolean {
  return checkStore(store.db, { from: null, to: null, publicKey: null, published: [], schema: true }).finding === null;
}

test('a batch that is sent again is written once, also by a new writer of the same run', (t) => {
  const folder = temporaryFolder(t);
  const store = openStore(t, folder, 'run');
  const batch = makeBatch(1, 3);
  store.write(batch);
  store.write(batch);
  assert.equal(store.head.seq, 3);
  const again = openStore(t, folder, 'run');
  again.write(batch);
  assert.equal(again.head.seq, 3);
  again.write(makeBatch(2, 1));
  assert.equal(again.head.seq, 4);
  assert.ok(isIntact(again));
});

test('batches of another start of the gateway count from one again', (t) => {
  const folder = temporaryFolder(t);
  openStore(t, folder, 'first').write(makeBatch(1, 3));
  const store = openStore(t, folder, 'second');
  store.write(makeBatch(1, 2));
  assert.equal(store.head.seq, 5);
  assert.ok(isIntact(store));
});

test('a batch that fails half-way leaves nothing, and the same batch can be written afterwards', (t) => {
  const store = openStore(t, temporaryFolder(t), 'run');
  store.write(makeBatch(1, 2));
  store.db.exec(
    "CREATE TRIGGER fault BEFORE INSERT ON records WHEN NEW.seq = 5 BEGIN SELECT RAISE(ABORT, 'full'); END",
  );
  const batch = makeBatch(2, 6);
  assert.throws(() => store.write(batch), /full/);
  assert.equal(store.head.seq, 2);
  store.db.exec('DROP TRIGGER fault');
  store.write(batch);
  assert.equal(store.head.seq, 8);
  assert.ok(isIntact(store));
});

test('a checkpoint comes with the batch that fills the count, and one about the same head is not repeated', (t) => {
  const store = openStore(t, temporaryFolder(t), 'run');
  const list = (): unknown[] => store.db.prepare('SELECT seq FROM checkpoints ORDER BY seq').pluck().all();
  store.write(makeBatch(1, 3));
  assert.deepEqual(list(), []);
  store.write(makeBatch(2, 6));
  assert.deepEqual(list(), [9]);
  store.checkpoint(0);
  assert.deepEqual(list(), [9]);
  store.write(makeBatch(3, 1));
  store.checkpoint(0);
  assert.deepEqual(list(), [9, 10]);
});

test('nothing is written to a store whose files were removed or replaced, and it goes on once they are back', (t) => {
  for (const name of ['store.db', 'store.db-wal']) {
    const folder = temporaryFolder(t);
    const path = join(folder, name);
    const store = openStore(t, folder, 'run');
    store.write(makeBatch(1, 1));
    renameSync(path, `${path}.away`);
    assert.throws(() => store.write(makeBatch(2, 1)), /was removed or replaced/, `${name} removed`);
    writeFileSync(path, '');
    assert.throws(() => store.write(makeBatch(2, 1)), /was removed or replaced/, `${name} replaced`);
    assert.throws(() => store.checkpoint(0), /was removed or replaced/, `${name}: checkpoint`);
    rmSync(path);
    renameSync(`${path}.away`, path);
    store.write(makeBatch(2, 1));
    assert.equal(store.head.seq, 2, name);
    assert.ok(isIntact(store), name);
  }
});

test('texts of any length and script are written whole', (t) => {
  const store = openStore(t, temporaryFolder(t), 'run');
  const texts = ['plain', '€'.repeat(40_000), '\u{1f600}'.repeat(500), '', 'x'.repeat(100_000), 'ä'];
  store.write(
    makeBatchOf(
      1,
      texts.map((text) => createEvent({ summary: text, text: null })),
    ),
  );
  const summaries = store.db.prepare("SELECT coalesce(json_extract(body, '$.summary'), '') FROM records ORDER BY seq");
  assert.deepEqual(summaries.pluck().all(), texts);
  assert.ok(isIntact(store));
});
