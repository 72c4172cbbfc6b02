// A program under what a service manager or a container runtime would put around it: a read-only file system, few devices, a user and capabilities
// of its own, and the system calls of a list. Needs root.
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Confinement {
  /** A folder of the test's own, outside everything that is made writable. */
  readonly folder: string;
  /** Folders that are there, empty, and writable; everything else is not. */
  readonly writable: readonly string[];
  /** Paths under /dev, beyond null, zero, full, random, urandom and tty. */
  readonly devices: readonly string[];
  /** `net_admin`, …; none are left beside them. */
  readonly capabilities: readonly string[];
  readonly uid: number;
  /** Of the writable folders; the user that it starts as, when left out. */
  readonly owner?: number;
  /** Names of system calls and families of sockets; null: any. */
  readonly calls: {
    readonly names: readonly string[];
    readonly families: readonly number[];
    /** What is not on the list fails with EPERM; else it ends the process. */
    readonly fails: boolean;
  } | null;
}

/** Debian's Python has the bindings; another one that comes first in PATH need not. */
const PYTHON = '/usr/bin/python3';

/** Loads the filter (no_new_privs stands already) and becomes the program. What is not on the list ends the process or fails, as the unit says. */
const FILTER = `import errno, json, os, sys, seccomp
with open(sys.argv[1]) as file:
    wanted = json.load(file)
rest = seccomp.ERRNO(errno.EPERM) if wanted["fails"] else seccomp.KILL_PROCESS
calls = seccomp.SyscallFilter(defaction=rest)
for name in wanted["names"]:
    if name not in ("socket", "unshare", "setns"):
        try:
            calls.add_rule(seccomp.ALLOW, name)
        except (RuntimeError, ValueError, OSError):
            pass
for name in () if wanted["fails"] else ("unshare", "setns"):
    calls.add_rule(seccomp.ERRNO(errno.EPERM), name)
for family in range(0, 46):
    action = seccomp.ALLOW if family in wanted["families"] else seccomp.ERRNO(errno.EAFNOSUPPORT)
    calls.add_rule(action, "socket", seccomp.Arg(0, seccomp.EQ, family))
calls.load()
os.execvp(sys.argv[2], sys.argv[2:])
`;

/** Starts it; it ends with the child that is given. */
export function spawnConfined(
  { folder, writable, devices, capabilities, uid, owner = uid, calls }: Confinement,
  command: readonly string[],
  env: Readonly<Record<string, string>>,
): ChildProcess {
  chmodSync(folder, 0o755);
  const dev = join(folder, 'dev');
  mkdirSync(dev, { recursive: true });
  const kept = ['null', 'zero', 'full', 'random', 'urandom', 'tty', ...devices];
  const mounts = [
    'set -e',
    'mount --make-rprivate /',
    ...writable.flatMap((path) => [`mount -t tmpfs -o mode=0700 tmpfs '${path}'`, `chown ${owner}:${owner} '${path}'`]),
    // Devices: a folder with those alone in the place of the machine's.
    `mount -t tmpfs tmpfs '${dev}'`,
    ...kept.flatMap((name) => [
      `mkdir -p "$(dirname '${dev}/${name}')"`,
      `: >'${dev}/${name}'`,
      `mount --bind '/dev/${name}' '${dev}/${name}'`,
    ]),
    `ln -s /proc/self/fd '${dev}/fd'`,
    `ln -s /proc/self/fd/0 '${dev}/stdin'`,
    `mount --rbind '${dev}' /dev`,
    'mount --bind /proc/sys /proc/sys',
    'mount -o remount,bind,ro /proc/sys',
    'mount -o remount,bind,ro /sys',
    'mount -o remount,bind,ro /',
    'umask 077',
    'exec "$@"',
  ].join('\n');
  const set = ['-all', ...capabilities.map((name) => `+${name}`)].join(',');
  const identity = uid === 0 ? [] : [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
  const filter = join(folder, 'filter.py');
  writeFileSync(filter, FILTER);
  const list = join(folder, 'calls.json');
  writeFileSync(list, JSON.stringify(calls ?? {}));
  const held = calls === null ? [] : [PYTHON, filter, list];
  const confine = ['--mount', 'sh', '-c', mounts, 'sh', 'setpriv', ...identity];
  const privileges = [`--inh-caps=${set}`, `--ambient-caps=${set}`, `--bounding-set=${set}`, '--no-new-privs', '--'];
  return spawn('unshare', [...confine, ...privileges, ...held, ...command], {
    env: { PATH: process.env['PATH'] ?? '', NO_COLOR: '1', ...env },
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

export interface Served {
  /** Everything that it said. */
  readonly said: string;
  readonly code: number | null;
  /** How it was ended, where it did not end itself. */
  readonly signal: string | null;
  /** What `/healthz` answered while it ran; "" when it never was ready. */
  readonly health: string;
}

/** Waits until the gateway is ready or over, asks for its health, and stops it. */
export async function serveOnce(child: ChildProcess): Promise<Served> {
  let said = '';
  let health = '';
  const asking: Promise<void>[] = [];
  const ask = async (port: string): Promise<void> => {
    try {
      health = await (await fetch(`http://127.0.0.1:${port}/healthz`)).text();
    } finally {
      child.kill('SIGTERM');
    }
  };
  child.stderr?.on('data', (bytes: Buffer) => (said += bytes.toString()));
  child.stdout?.on('data', (bytes: Buffer) => {
    said += bytes.toString();
    const port = /^ready .*dashboard=\S+?:(\d+)(?:\s|$)/m.exec(said)?.[1];
    if (port !== undefined && asking.length === 0) {
      asking.push(ask(port));
    }
  });
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.once('close', (status, by) => resolve([status, by])),
  );
  await Promise.all(asking);
  return { said, code, signal, health };
}
