// Client programs that need packages of their own: what a lock file beside them names is installed once, into a folder of the user's
// cache, so that no such package becomes a dependency of this project.
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from './run.ts';

/** The first time packages are fetched; for all that is made ready. */
export const INSTALL_MS = 480_000;
const FETCH_MS = 300_000;

/**
 * Installs what the lock file in `source` names, unless an earlier run did, and gives the folder, in which the programs of `source` are
 * too. Two runs at once do not disturb each other.
 */
export async function installClients(source: string): Promise<string> {
  const lock = readFileSync(join(source, 'package-lock.json'));
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'clawpatrol-test');
  const wanted = join(cache, createHash('sha256').update(lock).digest('hex').slice(0, 16));
  if (!existsSync(wanted)) {
    const fresh = `${wanted}.${randomUUID()}`;
    mkdirSync(fresh, { recursive: true });
    for (const name of ['package.json', 'package-lock.json']) {
      copyFileSync(join(source, name), join(fresh, name));
    }
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', fresh];
    const run = await runProgram('npm', args, { env: { ...environment(), HOME: homedir() }, timeoutMs: FETCH_MS });
    assert.equal(run.code, 0, run.stderr);
    try {
      renameSync(fresh, wanted);
    } catch {
      // Another run was first.
      rmSync(fresh, { recursive: true, force: true });
    }
  }
  for (const name of readdirSync(source).filter((file) => file.endsWith('.mjs'))) {
    // In one step: another run may be reading it.
    const fresh = join(wanted, `${name}.${randomUUID()}`);
    copyFileSync(join(source, name), fresh);
    renameSync(fresh, join(wanted, name));
  }
  return wanted;
}

/** Proxies and registries are the machine's own. */
function environment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value !== undefined && /^(npm_config_|https?_proxy|no_proxy|node_extra)/i.test(name) ? [[name, value]] : [],
    ),
  );
}
