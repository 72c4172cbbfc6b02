import assert from 'node:assert/strict';
import { mkdirSync, renameSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { watchConfig } from '../../src/gateway/reloading/config-watch.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createJobs } from '../../src/lib/jobs.ts';
import { eventually } from '../support/daemon.ts';
import { temporaryFolder, type CleanUp } from '../support/temp.ts';

async function world(t: CleanUp, paths: (folder: string) => readonly string[]) {
  const folder = temporaryFolder(t, 'watch');
  const main = join(folder, 'gateway.hcl');
  writeFileSync(main, 'one');
  let loads = 0;
  const load = () => {
    loads += 1;
    return Promise.resolve();
  };
  const watch = watchConfig({
    clock: systemClock,
    jobs: createJobs(systemClock),
    paths: () => paths(folder),
    onChange: () => watch.around(load),
  });
  t.after(() => watch.stop());
  await watch.around(load);
  return { folder, main, watch, loads: () => loads };
}

const main = (folder: string) => [join(folder, 'gateway.hcl')];

const changes: { name: string; change: (folder: string, path: string) => void }[] = [
  { name: 'written in place', change: (_, path) => writeFileSync(path, 'two') },
  {
    name: 'replaced by a file with an older time',
    change: (folder, path) => {
      writeFileSync(join(folder, 'new'), 'two');
      utimesSync(join(folder, 'new'), 1, 1);
      renameSync(join(folder, 'new'), path);
    },
  },
  {
    name: 'turned into a link to another file',
    change: (folder, path) => {
      writeFileSync(join(folder, 'target'), 'two');
      unlinkSync(path);
      symlinkSync(join(folder, 'target'), path);
    },
  },
  { name: 'removed', change: (_, path) => unlinkSync(path) },
];
for (const { name, change } of changes) {
  test(`LC-08: a file that is ${name} is loaded anew, once`, async (t) => {
    const { folder, main: path, loads } = await world(t, main);
    change(folder, path);
    await eventually('it is noticed', () => loads() === 2);
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(loads(), 2);
  });
}

test('LC-08: a new time without new content is no change; a new file in a directory is one', async (t) => {
  const { folder, main: path, loads } = await world(t, (root) => [join(root, 'gateway.hcl'), root]);
  utimesSync(path, 5, 5);
  writeFileSync(join(folder, 'notes.txt'), 'x');
  mkdirSync(join(folder, 'sub'));
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.equal(loads(), 1);
  writeFileSync(join(folder, 'more.hcl'), 'x');
  await eventually('it is noticed', () => loads() === 2);
});

test('LC-08: what is being loaded is not loaded once more, however long that takes', async (t) => {
  const { main: path, watch, loads } = await world(t, main);
  const looked = async (times: number): Promise<void> => {
    for (let left = times; left > 0; left -= 1) {
      const lastMs = watch.lastLookMs;
      await eventually('it looks again', () => watch.lastLookMs !== lastMs);
    }
  };
  writeFileSync(path, 'two');
  let release = (): void => undefined;
  const held = watch.around(() => new Promise<void>((resolve) => (release = resolve)));
  await looked(5);
  release();
  await held;
  await looked(3);
  assert.equal(loads(), 1);
  // The twin: what comes after it.
  writeFileSync(path, 'three');
  await eventually('it is noticed', () => loads() === 2);
});
