// The state directory: made private, and held by one gateway at a time. The lock is the kernel's (flock), so it ends with the process
// however that ends; a file with a process id in it would outlive kill -9 and could name a stranger.
import { closeSync, constants, ftruncateSync, openSync, readFileSync, statfsSync, statSync, writeSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import koffi from 'koffi';
import { makePrivateFolder } from '../audit/durable-file.ts';
import { GatewayError, messageOf } from '../lib/errors.ts';

/** A state directory that this process holds. */
export interface StateDir {
  readonly path: string;
  /** What an operator should hear about it. */
  readonly warnings: readonly string[];
  release(): void;
}

export interface StateDirChoice {
  /** `--state-dir`, relative to the working directory. */
  readonly option: string | null;
  /** `gateway { state_dir }`. */
  readonly configured: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The option, else the configuration, else `$STATE_DIRECTORY`, else `$HOME/.clawpatrol`. */
export function chooseStateDir({ option, configured, env }: StateDirChoice): string {
  const given = option ?? configured ?? env['STATE_DIRECTORY'] ?? '';
  if (given !== '') {
    return isAbsolute(given) ? given : resolve(given);
  }
  return join(env['HOME'] ?? homedir(), '.clawpatrol');
}

/** Makes the directory where it is missing and takes its lock. Throws GatewayError STATE_DIR or STATE_LOCKED. */
export function openStateDir(path: string): StateDir {
  const warnings: string[] = [];
  try {
    makePrivateFolder(path);
    if ((statSync(path).mode & 0o077) !== 0) {
      warnings.push(`others can read the state directory ${path}; run: chmod 700 ${path}`);
    }
  } catch (error) {
    const fix = 'make the directory, or name another with --state-dir or gateway { state_dir }';
    throw new GatewayError(
      'STATE_DIR',
      'operator',
      `cannot use the state directory ${path}: ${messageOf(error)}; ${fix}`,
    );
  }
  const file = openLock(join(path, 'gateway.lock'));
  if (!takeLock(file)) {
    const holder = readHolder(join(path, 'gateway.lock'));
    closeSync(file);
    throw new GatewayError(
      'STATE_LOCKED',
      'operator',
      `another gateway${holder} holds ${path}; stop it, or give this one its own --state-dir`,
    );
  }
  ftruncateSync(file, 0);
  writeSync(file, `${process.pid}\n`, 0);
  return { path, warnings, release: () => closeSync(file) };
}

function openLock(path: string): number {
  try {
    // Node opens with O_CLOEXEC: a child process cannot keep the lock.
    return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (error) {
    throw new GatewayError('STATE_DIR', 'operator', `cannot write ${path}: ${messageOf(error)}`);
  }
}

/** For the message only: whose lock it is. */
function readHolder(path: string): string {
  try {
    const text = readFileSync(path, 'latin1').trim();
    return /^\d{1,10}$/.test(text) ? ` (process ${text})` : '';
  } catch {
    return '';
  }
}

const LOCK_EXCLUSIVE = 2;
const LOCK_NOT_BLOCKING = 4;

function takeLock(file: number): boolean {
  // The process itself: its C library is loaded already, whatever its name is on this system.
  const flock: unknown = koffi.load(null).func('int flock(int, int)');
  if (typeof flock !== 'function') {
    throw new GatewayError('STATE_DIR', 'gateway', 'the system has no flock');
  }
  return Reflect.apply(flock, undefined, [file, LOCK_EXCLUSIVE | LOCK_NOT_BLOCKING]) === 0;
}

/** Free bytes where that path is, for those who are not root; null when it cannot be told. */
export function readFreeBytes(path: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch {
    return null;
  }
}
