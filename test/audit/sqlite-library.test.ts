import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Database, libraryFor } from '../../src/audit/sqlite-library.ts';

// That 12 aborts on Node 24.19 is seen after seconds of idling only; `npm run matrix` runs everything there.
test('each version of Node gets the library that neither lacks symbols there nor aborts', () => {
  const cases = [
    ['20.19.0', 'better-sqlite3'],
    ['21.7.3', 'better-sqlite3'],
    ['22.0.0', 'better-sqlite3-napi'],
    ['24.19.0', 'better-sqlite3-napi'],
    ['100.0.0', 'better-sqlite3-napi'],
  ] as const;
  for (const [version, name] of cases) {
    assert.equal(libraryFor(version), name, version);
  }
});

test('the library of this Node opens databases', () => {
  const database = new Database(':memory:');
  assert.equal(database.prepare('SELECT 1').pluck().get(), 1);
  database.close();
});
