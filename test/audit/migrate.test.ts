// Migrations run once, each whole or not at all, and never differently.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Database as SqliteDatabase } from '../../src/audit/sqlite-library.ts';
import { applyMigrations, checksumOf, listApplied } from '../../src/audit/migrate.ts';
import { MIGRATIONS } from '../../src/audit/schema.ts';

const A = { name: '1-a', sql: 'CREATE TABLE a (x INTEGER)' };
const B = { name: '2-b', sql: 'CREATE TABLE b (x INTEGER); INSERT INTO a VALUES (1)' };

test('LC-04: each migration is applied once and in order', () => {
  const db = new SqliteDatabase(':memory:');
  applyMigrations(db, [A], 0);
  applyMigrations(db, [A, B], 0);
  applyMigrations(db, [A, B], 0);
  assert.deepEqual(
    listApplied(db).map(({ name }) => name),
    ['1-a', '2-b'],
  );
  assert.equal(db.prepare('SELECT count(*) FROM a').pluck().get(), 1);
});

test('a store of a newer program, or with another history, is left alone', () => {
  const db = new SqliteDatabase(':memory:');
  applyMigrations(db, [A, B], 0);
  for (const known of [[A], [B], [{ ...A, sql: `${A.sql};` }, B], []]) {
    assert.throws(() => applyMigrations(db, known, 0), /another version/);
  }
});

test('LC-04: a migration that fails leaves nothing behind', () => {
  const db = new SqliteDatabase(':memory:');
  const bad = { name: '2-bad', sql: 'CREATE TABLE c (x INTEGER); SELECT nothing FROM nowhere' };
  assert.throws(() => applyMigrations(db, [A, bad], 0));
  assert.deepEqual(
    listApplied(db).map(({ name }) => name),
    ['1-a'],
  );
  assert.equal(db.prepare("SELECT count(*) FROM sqlite_master WHERE name = 'c'").pluck().get(), 0);
});

test('LC-04: released migrations are as they were released', () => {
  const released = new Map<string, string>([
    ['0001-audit-records', '2aa651c335e142b6483dae06a5e8308c5e4888821592929b31af2104e6cf19c6'],
    ['0002-audit-append-only', '170bff9cf0e5b6ef3d5b3f7e1df660117a2d37db8815d02b6a73c652ce0fe8cd'],
    ['0003-audit-batches', '9ba2d93fb4da861a9efae22a9e7db1f2c88a775aac16095f21ba353fd007b558'],
    ['0004-audit-grants', '03e30788aeecb55bba2f2ceee806d0bfd99e2465c99277ecafdd699c4d76cd22'],
  ]);
  assert.deepEqual(new Map(MIGRATIONS.map((migration) => [migration.name, checksumOf(migration)])), released);
});
