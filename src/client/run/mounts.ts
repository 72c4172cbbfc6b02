// What the command of a run must not reach is covered in the run's own mount namespace: sockets of daemons that act outside for whoever asks, the
// device's keys, other resolvers. System calls rather than mount(8): each program that is started is time that the user waits.
import { existsSync, lstatSync, mkdirSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import koffi from 'koffi';
import { NSSWITCH, resolvConf } from './plan.ts';
import type { RunPlan } from './plan.ts';

const MS_NOSUID = 2;
const MS_NODEV = 4;
const MS_BIND = 4096;
/** What this process writes for the command to see. */
const OWN = '/run/clawpatrol';

let systemMount: unknown = null;

interface Mount {
  readonly source: string;
  readonly type: string | null;
  readonly flags: number;
  readonly data: string | null;
}

/** mount(2). Throws Error. */
function mount(target: string, { source, type, flags, data }: Mount): void {
  systemMount ??= koffi
    .load(null)
    .func('int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)');
  const result: unknown =
    typeof systemMount === 'function' ? Reflect.apply(systemMount, undefined, [source, target, type, flags, data]) : -1;
  if (result !== 0) {
    throw new Error(`${target} cannot be covered (error ${koffi.errno()})`);
  }
}

function emptyFolder(size: string): Mount {
  return { source: 'clawpatrol', type: 'tmpfs', flags: MS_NOSUID | MS_NODEV, data: `mode=0755,size=${size}` };
}

function inPlaceOf(source: string): Mount {
  return { source, type: null, flags: MS_BIND, data: null };
}

/** An empty folder in place of the real one, which nobody inside can take away again. Throws Error. */
export function cover(folder: string): void {
  if (existsSync(folder) && statSync(folder).isDirectory()) {
    mount(folder, emptyFolder('4m'));
  }
}

/** What lies under /run is gone from here on: sockets of containers, D-Bus, name caches, agents. Throws Error. */
export function coverRun(): void {
  mount('/run', emptyFolder('16m'));
  for (const folder of ['/run/wireguard', '/run/lock', OWN]) {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
  }
  // Usually a link to /run.
  if (!lstatSync('/var/run', { throwIfNoEntry: false })?.isSymbolicLink()) {
    cover('/var/run');
  }
}

/** A file with that text in place of the real one. */
function replace(path: string, text: string, name: string): void {
  const target = existsSync(path) ? realpathSync(path) : null;
  if (target !== null) {
    const own = join(OWN, name);
    writeFileSync(own, text, { mode: 0o644 });
    mount(target, inPlaceOf(own));
  }
}

/** A socket that nobody listens at any more for those inside. One that has gone meanwhile, or is covered already, needs nothing. */
export function coverSocket(path: string): void {
  if (isSocket(path)) {
    try {
      mount(path, inPlaceOf('/dev/null'));
    } catch (error) {
      if (isSocket(path)) {
        throw error;
      }
    }
  }
}

/** False too where this user may not look: the command, which is the same user, may not connect there either. */
function isSocket(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true;
  } catch {
    return false;
  }
}

/** Call `coverRun` first; `resolver` is where /etc/resolv.conf led before that. Throws Error. */
export function hide(plan: RunPlan, resolver: string | null): void {
  mkdirSync(`/run/user/${plan.uid}`, { recursive: true, mode: 0o755 });
  if (resolver?.startsWith('/run/') === true) {
    mkdirSync(dirname(resolver), { recursive: true });
    writeFileSync(resolver, resolvConf(plan.resolver));
  } else {
    replace('/etc/resolv.conf', resolvConf(plan.resolver), 'resolv.conf');
  }
  replace('/etc/nsswitch.conf', NSSWITCH, 'nsswitch.conf');
  plan.sockets.forEach(coverSocket);
  for (const folder of [...plan.hidden, plan.caDir]) {
    cover(folder);
  }
  for (const [name, text] of Object.entries(plan.caFiles)) {
    writeFileSync(join(plan.caDir, name), text, { mode: 0o644 });
  }
}

/** Where names are configured, before anything is covered; null = nowhere. */
export function findResolver(): string | null {
  return existsSync('/etc/resolv.conf') ? realpathSync('/etc/resolv.conf') : null;
}
