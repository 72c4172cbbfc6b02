// Runs compiled tests: node scripts/test.mjs [unit|integration] [part of a file name].
// Node 20 has no test globs, and newer versions fail when given a folder, so the files are listed here.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const [set = 'unit', part = ''] = process.argv.slice(2);
const files = readdirSync('dist/test', { recursive: true })
  .map((file) => join('dist/test', String(file)))
  .filter((file) => file.endsWith('.test.js') && file.includes(part))
  .filter((file) => file.includes('/integration/') === (set === 'integration'))
  .toSorted();
if (files.length === 0) {
  console.error(`no ${set} test matches "${part}"`);
  process.exit(1);
}
const imports = files.map((file) => `await import(${JSON.stringify(join(process.cwd(), file))});`).join('');
const args =
  set === 'unit'
    ? ['--enable-source-maps', '--input-type=module', '--eval', imports]
    : ['--enable-source-maps', '--test', '--test-concurrency=2', ...files];
process.exit(spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1);
