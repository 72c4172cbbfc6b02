// Chunks that have passed are given back before V8 feels pressed to look through its whole heap.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { getHeapSpaceStatistics } from 'node:v8';
import { countPassed, createCount } from '../../src/lib/garbage.ts';

const MIB = 1024 ** 2;

test('the young generation is emptied after every 12 MiB that passed, and not before', () => {
  let collected = 0;
  const count = createCount(() => {
    collected += 1;
  });
  const seen: number[] = [];
  for (let passed = 0; passed < 100; passed += 1) {
    count(MIB);
    seen.push(collected);
  }
  assert.deepEqual([seen[10], seen[11], seen[22], seen[23], seen[99]], [0, 1, 1, 2, 8]);
});

/** Bytes that are used in the young generation. */
function youngBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')?.space_used_size ?? 0;
}

test('what is dead in the young generation is gone then', () => {
  countPassed(12 * MIB);
  const least = youngBytes();
  let garbage: unknown = null;
  while (youngBytes() < least + 200_000) {
    garbage = { garbage: [] };
    garbage = null;
  }
  assert.equal(garbage, null);
  const before = youngBytes();
  countPassed(12 * MIB);
  assert.ok(youngBytes() < before - 100_000, `${before} and then ${youngBytes()} bytes`);
});

test('the collector is not left open to other code', () => {
  assert.equal(Reflect.get(globalThis, 'gc'), undefined);
});

test('V8 knows the flags that are set: it complains about others', () => {
  const garbage = new URL('../../src/lib/garbage.js', import.meta.url).href;
  const flags = `import { boundOldGarbage } from ${JSON.stringify(garbage)};
    import { setFlagsFromString } from 'node:v8';
    boundOldGarbage();
    setFlagsFromString(process.argv[1]);`;
  const said = (flag: string): string =>
    spawnSync(process.execPath, ['--input-type=module', '-e', flags, '--', flag], { encoding: 'utf8' }).stderr;
  assert.equal(said('--heap-growing-percent=50'), '');
  assert.match(said('--no-such-flag-of-v8'), /no-such-flag/);
});
