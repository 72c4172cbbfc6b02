// `npm test`: installs what is missing, checks and builds, then runs every test, and ends with one line over all of it.
// With CI=true a skipped test is a failure.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { ensureInstalled, noteBuilt } from './ensure.mjs';

const ci = process.env.CI === 'true';
const total = { passed: 0, failed: 0, skipped: 0 };

function step(name, command, args, env = {}) {
  console.log(`\n== ${name}`);
  const status = spawnSync(command, args, { stdio: 'inherit', env: { ...process.env, ...env } }).status ?? 1;
  if (status !== 0) {
    console.log(`== ${name}: exit ${status}`);
  }
  return status;
}

/** A step without counts of its own is one test. */
function check(name, command, args) {
  const ok = step(name, command, args) === 0;
  total[ok ? 'passed' : 'failed'] += 1;
  return ok;
}

function suite(name, set) {
  const folder = mkdtempSync(join(tmpdir(), 'clawpatrol-test-'));
  const file = join(folder, 'counts.json');
  step(name, process.execPath, ['scripts/test.mjs', set], { COUNTS: file });
  const counts = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { passed: 0, failed: 1, skipped: 0 };
  rmSync(folder, { recursive: true, force: true });
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
}

/** Whether a program (by name) or a file or folder (by path) is on this machine. */
function has(thing) {
  const programs = ['/usr/bin', '/usr/sbin', '/usr/local/bin', ...(process.env.PATH ?? '').split(delimiter)];
  return thing.startsWith('/') ? existsSync(thing) : programs.some((folder) => existsSync(join(folder, thing)));
}

/** Debian's folder of Python packages: tests use its Python, whatever other one comes first in PATH. */
const PYTHON = '/usr/lib/python3/dist-packages';

/** Real servers and clients that tests talk to. What cannot be installed here is skipped, loudly. */
function ensureServers() {
  const wanted = [
    ['psql', 'postgresql-client'],
    ['pgbouncer', 'pgbouncer'],
    ['/usr/lib/postgresql', 'postgresql'],
    ['/usr/bin/python3', 'python3'],
    [`${PYTHON}/psycopg2`, 'python3-psycopg2'],
    [`${PYTHON}/psycopg`, 'python3-psycopg'],
    [`${PYTHON}/asyncpg`, 'python3-asyncpg'],
    [`${PYTHON}/sqlalchemy`, 'python3-sqlalchemy'],
    [`${PYTHON}/django`, 'python3-django'],
    [`${PYTHON}/boto3`, 'python3-boto3'],
    [`${PYTHON}/requests`, 'python3-requests'],
    [`${PYTHON}/pip`, 'python3-pip'],
    ['wg', 'wireguard-tools'],
    ['wireguard-go', 'wireguard-go'],
    ['nft', 'nftables'],
    ['ip', 'iproute2'],
    ['git', 'git'],
    ['openssl', 'openssl'],
    ['script', 'bsdutils'],
    ['/usr/sbin/clickhouse-server', 'clickhouse-server'],
    ['/usr/bin/clickhouse-client', 'clickhouse-client'],
    [`${PYTHON}/clickhouse_driver`, 'python3-clickhouse-driver'],
    ['/usr/bin/systemd-analyze', 'systemd'],
    ['/usr/share/doc/python3-seccomp', 'python3-seccomp'],
    ['curl', 'curl'],
    ['kubectl', 'kubernetes-client'],
    ['/usr/sbin/sshd', 'openssh-server'],
    ['ssh', 'openssh-client'],
    ['sshpass', 'sshpass'],
    ['rsync', 'rsync'],
    [`${PYTHON}/paramiko`, 'python3-paramiko'],
    ['/usr/share/doc/libssh-4', 'libssh-4'],
    ['/usr/bin/ansible', 'ansible-core'],
    ['javac', 'default-jdk-headless'],
    ['/usr/share/java/postgresql.jar', 'libpostgresql-jdbc-java'],
    ['go', 'golang-go'],
    ['/usr/bin/chromium', 'chromium'],
    ['/usr/bin/ruby', 'ruby'],
    ['/usr/share/doc/ruby-pg', 'ruby-pg'],
    ['/usr/share/doc/ruby-activerecord', 'ruby-activerecord'],
  ];
  const missing = wanted.filter(([thing]) => !has(thing)).map(([, name]) => name);
  if (missing.length === 0) {
    return;
  }
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    const quiet = { DEBIAN_FRONTEND: 'noninteractive' };
    step('install servers (update)', 'apt-get', ['update', '-qq'], quiet);
    step('install servers', 'apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], quiet);
    return;
  }
  console.log(`\nSKIPPED: this machine lacks ${missing.join(', ')}; the tests that need them are skipped.`);
  console.log(`         Install them (apt-get install ${missing.join(' ')}) to run everything.`);
}

ensureInstalled();
ensureServers();
rmSync('dist', { recursive: true, force: true });
if (
  check('build', 'node_modules/.bin/tsc', []) &&
  check('types of the page', 'node_modules/.bin/tsc', ['-p', 'src/dashboard/web']) &&
  check('build the page', process.execPath, ['scripts/build-web.mjs'])
) {
  // Tests run `npm start`, which builds what is not: not while others use it.
  noteBuilt();
  check('lint', 'node_modules/.bin/oxlint', ['--deny-warnings', 'src', 'test', 'scripts', 'bench']);
  check('format', 'node_modules/.bin/oxfmt', ['--check', 'src', 'test', 'scripts', 'bench']);
  if (existsSync('scripts/reference.mjs')) {
    check('reference page is current', process.execPath, ['scripts/reference.mjs', '--check']);
  }
  suite('unit tests', 'unit');
  suite('integration tests', 'integration');
}
if (ci && total.skipped > 0) {
  console.log(`\n${total.skipped} test(s) were skipped, and with CI=true a skip is a failure.`);
  total.failed += total.skipped;
}
console.log(
  `\n${total.passed} passed, ${total.failed} failed${!ci && total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`,
);
process.exit(total.failed === 0 ? 0 : 1);
