// The house's own rules, which no linter knows.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';

const ROOT = process.cwd();

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true })
    .map((file) => join(folder, String(file)))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .toSorted();
}

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const protocolFolders = readdirSync(join(ROOT, 'src/protocols'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !['sql', 'http', 'shell'].includes(entry.name))
  .map((entry) => entry.name);

test('every source file opens with a comment that says what it is for', () => {
  const bare = sources('src').filter((file) => !/^(#!.*\n)?(\/\/|\/\*)/.test(read(file)));
  assert.deepEqual(bare, []);
});

test('every protocol folder has the same files and a README', () => {
  // A folder that hands out no Protocol yet holds a part of one.
  for (const name of protocolFolders.filter((folder) => existsSync(join(ROOT, 'src/protocols', folder, 'index.ts')))) {
    const missing = ['facts.ts', 'session.ts', 'denial.ts', 'serve.ts', 'README.md'].filter(
      (file) => !existsSync(join(ROOT, 'src/protocols', name, file)),
    );
    assert.deepEqual(missing, [], name);
  }
});

test('no protocol imports another', () => {
  for (const name of protocolFolders) {
    for (const file of sources(join('src/protocols', name))) {
      for (const match of read(file).matchAll(/from '(\.[^']*)'/g)) {
        const target = relative(join(ROOT, 'src/protocols'), join(ROOT, file, '..', match[1] ?? ''));
        const other = protocolFolders.find((folder) => folder !== name && target.startsWith(`${folder}/`));
        assert.equal(other, undefined, `${file} imports ${match[1]}`);
      }
    }
  }
});

test('only main.ts, and the programs that a run starts, set the exit code of the process', () => {
  const setters = sources('src').filter((file) => /process\.(exitCode\s*=|exit\()/.test(read(file)));
  assert.deepEqual(setters, ['src/client/run/inside.ts', 'src/client/run/proxy-stdio.ts', 'src/main.ts']);
});

test('nothing that is shipped holds a note to self', () => {
  const noted = [...sources('src'), ...sources('test')].filter(
    (file) => !file.endsWith('tidy.test.ts') && /\b(TODO|FIXME|XXX|HACK)\b/.test(read(file)),
  );
  assert.deepEqual(noted, []);
});

test('imports go down the levels, never up', () => {
  const level = (file: string): number => {
    const inner = file.slice('src/'.length);
    const room = inner.split('/')[0] ?? '';
    const byRoom: Readonly<Record<string, number>> = {
      lib: 0,
      config: 1,
      rules: 1,
      protocols: 2,
      approvals: 2,
      audit: 2,
      credentials: 3,
      devices: 3,
      client: 3,
      gateway: 4,
      dashboard: 5,
      cli: 5,
    };
    return inner === 'main.ts'
      ? 6
      : inner === 'config/load.ts' || inner === 'protocols/all.ts'
        ? 3
        : (byRoom[room] ?? 9);
  };
  const upward: string[] = [];
  for (const file of sources('src')) {
    for (const match of read(file).matchAll(/^(?:import|export) (?!type)[^;]*? from '(\.[^']*)'/gm)) {
      const target = relative(ROOT, join(ROOT, file, '..', match[1] ?? ''));
      if (level(target) > level(file)) {
        upward.push(`${file} (level ${level(file)}) → ${target} (level ${level(target)})`);
      }
    }
  }
  assert.deepEqual(upward, []);
});
