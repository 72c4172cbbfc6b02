// Runs compiled tests: node scripts/test.mjs [unit|integration] [part of a file name].
// Node 20 has no test globs, and newer versions fail when given a folder, so the files are listed here. Unit tests share one process
// (ten times faster than a process each); integration tests get a process each. With COUNTS=FILE the totals are written there as JSON.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
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
const folder = mkdtempSync(join(tmpdir(), 'clawpatrol-counts-'));
const tap = join(folder, 'tap');
const reporters = [
  '--test-reporter=spec',
  '--test-reporter-destination=stdout',
  '--test-reporter=tap',
  `--test-reporter-destination=${tap}`,
];
const imports = files.map((file) => `await import(${JSON.stringify(join(process.cwd(), file))});`).join('');
const args =
  set === 'unit'
    ? ['--enable-source-maps', ...reporters, '--input-type=module', '--eval', imports]
    : ['--enable-source-maps', ...reporters, '--test', '--test-concurrency=2', ...files];
const status = spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
const report = readFileSync(tap, 'utf8');
rmSync(folder, { recursive: true, force: true });
const count = (word) => Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(report)?.[1] ?? 0);
if (process.env.COUNTS !== undefined) {
  // A process that died before its report counts as one failure.
  const failed = count('fail') + count('cancelled');
  writeFileSync(
    process.env.COUNTS,
    JSON.stringify({
      passed: count('pass'),
      failed: status !== 0 && failed === 0 ? 1 : failed,
      skipped: count('skipped'),
    }),
  );
}
process.exit(status);
