// Runs the tests under other versions of Node: npm run matrix [-- [--unit] VERSION ...], by default the newest 22 and 24. Each version
// works in a copy of the project with packages of its own, so the checkout stays what it is. Fetches the Node binaries from the registry.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { ensureBuilt, ensureInstalled } from './ensure.mjs';

const sets = process.argv.includes('--unit') ? ['unit'] : ['unit', 'integration'];
const named = process.argv.slice(2).filter((word) => word !== '--unit');
const versions = named.length === 0 ? ['22', '24'] : named;
const LEFT_OUT = new Set(['.git', 'node_modules', 'coverage']);

const folder = mkdtempSync(join(tmpdir(), 'clawpatrol-matrix-'));
// PostgreSQL refuses to run as root, so its own user must reach the binaries in the copy.
chmodSync(folder, 0o755);
const lines = [];
let failed = false;

function run(command, args, options) {
  const status = spawnSync(command, args, { stdio: 'inherit', ...options }).status ?? 1;
  if (status !== 0) {
    throw new Error(`${command} ${args.join(' ')}: exit ${status}`);
  }
}

/** A copy of the project with the packages that the Node in `home` uses; the environment that runs it. */
function prepare(version, home) {
  const copy = join(folder, `on-${version}`);
  cpSync(join(folder, 'project'), copy, { recursive: true, verbatimSymlinks: true });
  const env = { ...process.env, PATH: join(home, 'bin') + delimiter + process.env.PATH, npm_config_nodedir: home };
  const install = "import { ensureInstalled } from './scripts/ensure.mjs'; ensureInstalled();";
  run(join(home, 'bin', 'node'), ['--input-type=module', '--eval', install], { cwd: copy, env });
  return { copy, env };
}

function test(version) {
  const home = join(folder, 'node_modules', `node-${version}`);
  const node = join(home, 'bin', 'node');
  const { copy, env } = prepare(version, home);
  const exact = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
  for (const set of sets) {
    console.log(`\n== ${exact}: ${set}`);
    const file = join(copy, `counts-${set}.json`);
    spawnSync(node, ['scripts/test.mjs', set], { cwd: copy, env: { ...env, COUNTS: file }, stdio: 'inherit' });
    const counts = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { passed: 0, failed: 1, skipped: 0 };
    failed ||= counts.failed > 0;
    lines.push(`${exact} ${set}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  }
  rmSync(copy, { recursive: true, force: true });
}

ensureInstalled();
ensureBuilt();
try {
  const wanted = versions.map((version) => `node-${version}@npm:node-${process.platform}-${process.arch}@${version}`);
  run('npm', ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', ...wanted]);
  // One state of the project for all versions, whatever is edited here meanwhile.
  const project = join(folder, 'project');
  for (const name of readdirSync('.').filter((entry) => !LEFT_OUT.has(entry))) {
    cpSync(name, join(project, name), { recursive: true, verbatimSymlinks: true });
  }
  versions.forEach(test);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`\n${lines.join('\n')}`);
process.exit(failed ? 1 : 0);
