import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Database, libraryFor } from '../../src/audit/sqlite-library.ts';

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

test('statements and databases that are let go of are collected quietly, also between turns of the event loop', async (t) => {
  const collect: unknown = Reflect.get(globalThis, 'gc');
  if (typeof collect !== 'function') {
    const { setFlagsFromString } = await import('node:v8');
    const { runInNewContext } = await import('node:vm');
    setFlagsFromString('--expose-gc');
    const exposed: unknown = runInNewContext('gc');
    setFlagsFromString('--no-expose-gc');
    assert.equal(typeof exposed, 'function');
    Reflect.set(globalThis, 'gc', exposed);
    t.after(() => Reflect.deleteProperty(globalThis, 'gc'));
  }
  for (let count = 0; count < 20; count += 1) {
    new Database(':memory:').prepare('SELECT 1').get();
  }
  // `async`: the collection runs as a task of its own, as it does in an idle process.
  const run: unknown = Reflect.get(globalThis, 'gc');
  assert.ok(typeof run === 'function');
  await Reflect.apply(run, null, [{ execution: 'async', type: 'major' }]);
  assert.equal(new Database(':memory:').prepare('SELECT 1').pluck().get(), 1);
});
