// Installs dependencies and builds when they are missing or older than what they come from. Node built-ins only: this runs first.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const STAMP = 'node_modules/.clawpatrol-lock';
const STAMP_BUILT = 'dist/.built';

function run(command, args, env = process.env) {
  const result = spawnSync(command, args, { stdio: 'inherit', env });
  if (result.status !== 0) {
    console.error(`${command} ${args.join(' ')} failed (${result.error?.message ?? `exit ${result.status}`})`);
    process.exit(1);
  }
}

/** Whether node_modules holds what package-lock.json asks for, also when it was filled by hand with `npm ci`. */
function complete() {
  try {
    const wanted = JSON.parse(readFileSync('package-lock.json', 'utf8')).packages;
    const found = JSON.parse(readFileSync('node_modules/.package-lock.json', 'utf8')).packages;
    return Object.entries(wanted).every(
      ([path, entry]) => path === '' || entry.optional === true || found[path]?.version === entry.version,
    );
  } catch {
    return false;
  }
}

/** Which SQLite this Node uses (src/audit/sqlite-library.ts). */
const SQLITE = Number.parseInt(process.versions.node, 10) >= 22 ? 'better-sqlite3-napi' : 'better-sqlite3';

/** Whether SQLite loads here: it is missing where npm skipped install scripts, and another one after a change of Node. */
function nativeLoads() {
  const use = `new (require('${SQLITE}'))(':memory:').close()`;
  return spawnSync(process.execPath, ['-e', use], { stdio: 'ignore' }).status === 0;
}

/**
 * The environment for npm. SQLite is compiled where no prebuilt one can be fetched, and node-gyp would fetch the headers of Node for it: it is
 * told where they are instead, beside the Node that runs, as most installations have them. What the user has configured counts.
 */
export function npmEnvironment(env = process.env, execPath = process.execPath) {
  const configured = Object.keys(env).some((name) => /^npm_(?:package_)?config_(?:node_gyp_)?nodedir$/i.test(name));
  const prefix = dirname(dirname(execPath));
  if (configured || !hasHeaders(prefix) || npmConfig('nodedir') !== null) {
    return env;
  }
  // The second is what node-gyp reads once npm no longer hands on the first.
  return { ...env, npm_config_nodedir: prefix, npm_package_config_node_gyp_nodedir: prefix };
}

/** Whether the headers there are those of the Node that runs. */
function hasHeaders(prefix) {
  const folder = join(prefix, 'include', 'node');
  try {
    const versions = readFileSync(join(folder, 'node_version.h'), 'utf8');
    const abi = /^#define NODE_MODULE_VERSION (\d+)/m.exec(versions)?.[1];
    return abi === process.versions.modules && existsSync(join(folder, 'node.h'));
  } catch {
    return false;
  }
}

/** A value of npm's configuration files, or null. */
function npmConfig(name) {
  const { status, stdout } = spawnSync('npm', ['config', 'get', name], { encoding: 'utf8' });
  const value = status === 0 ? stdout.trim() : '';
  return ['', 'undefined', 'null'].includes(value) ? null : value;
}

/** Runs `npm ci` unless node_modules was made from this very package-lock.json, for this Node. */
export function ensureInstalled() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`Claw Patrol needs Node 20.19 or newer; this is ${process.versions.node}.`);
    process.exit(1);
  }
  const lock = createHash('sha256')
    .update(readFileSync('package-lock.json'))
    .update(process.versions.modules)
    .digest('hex');
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === lock) {
    return;
  }
  // npm leaves out the SQLite that the Node at hand cannot use, so after a change of Node it is missing.
  if (!complete() || (SQLITE === 'better-sqlite3-napi' && !nativeLoads())) {
    console.log(
      'Installing dependencies (the first time takes a minute or two: SQLite is compiled where no prebuilt one can be fetched) …',
    );
    run('npm', ['ci', '--no-audit', '--no-fund'], npmEnvironment());
  }
  if (!nativeLoads()) {
    console.log('Building SQLite for this Node …');
    // Install scripts may be switched off for this user; this one is needed.
    run('npm', ['rebuild', SQLITE, '--ignore-scripts=false', '--foreground-scripts'], npmEnvironment());
  }
  mkdirSync('node_modules', { recursive: true });
  writeFileSync(STAMP, lock);
}

/** Modification time (ms) of the newest file below a folder. */
function newest(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((latest, entry) => Math.max(latest, statSync(join(entry.parentPath, entry.name)).mtimeMs), 0);
}

/** Compiles, and builds the page, when a source is newer than the last build. */
export function ensureBuilt() {
  const built = existsSync('dist/src/main.js') && existsSync('dist/src/dashboard/page/index.html');
  const stamped = existsSync(STAMP_BUILT) ? statSync(STAMP_BUILT).mtimeMs : 0;
  if (built && stamped > Math.max(newest('src'), statSync('tsconfig.json').mtimeMs)) {
    return;
  }
  console.log('Building …');
  run('node_modules/.bin/tsc', []);
  buildPage();
  noteBuilt();
}

/** The page of the dashboard, into dist/. */
export function buildPage() {
  run(process.execPath, ['scripts/build-web.mjs']);
}

/** From now on, what is in dist/ counts as built. */
export function noteBuilt() {
  writeFileSync(STAMP_BUILT, '');
}
