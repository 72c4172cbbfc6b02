// Known ways out of a run, each tried from inside: what must not work is tried, and what happened is told. Nothing is changed that outlives the
// attempt.
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { connect, isIPv6 } from 'node:net';
import { join } from 'node:path';
import { SYSTEM_PATH } from '../../devices/system-path.ts';
import type { DevicePaths } from '../device-files.ts';
import { findSocketFiles, SHARED_FOLDERS } from './socket-files.ts';

/** What an attempt showed. `held` false: there is a way out. */
export interface Attempt {
  readonly name: string;
  readonly held: boolean;
  readonly detail: string;
  /** The user opened this way on purpose: it is told, and does not count. */
  readonly asked?: true;
}

/** A gateway that is busy refuses late what the kernel has accepted for it: that is no way out. */
const WAIT_MS = 5_000;

export interface EscapeParts {
  readonly paths: DevicePaths;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** An address and port that answer outside, to be tried too; null = only well-known ones. */
  readonly outside: { readonly host: string; readonly port: number } | null;
}

/** Ports at which machines have something of their own at the loopback. */
const LOOPBACK_PORTS = [
  22, 53, 80, 443, 631, 2375, 2376, 3306, 5037, 5432, 6379, 8080, 8443, 9200, 11434, 27017,
] as const;

/** Tries them all. Never rejects. */
export async function tryEscapes({ paths, env, outside }: EscapeParts): Promise<readonly Attempt[]> {
  // First: every other attempt opens descriptors of its own.
  const inherited = tryDescriptors();
  const destinations: readonly (readonly [string, string, number])[] = [
    ['a public address', '1.1.1.1', 443],
    ['a public resolver over TLS', '9.9.9.9', 853],
    ['a public IPv6 address', '2606:4700:4700::1111', 443],
    ['the cloud metadata address', '169.254.169.254', 80],
    ['the cloud metadata address over IPv6', 'fd00:ec2::254', 80],
    ['a private address', '192.168.0.1', 80],
    ...(outside === null ? [] : [['the address that was given', outside.host, outside.port] as const]),
  ];
  const packets: readonly (readonly [string, string, number])[] = [
    ['QUIC', '1.1.1.1', 443],
    ['NTP', '162.159.200.1', 123],
    ['multicast names', '224.0.0.251', 5353],
    ['multicast names over IPv6', 'ff02::fb', 5353],
  ];
  const openings = readOpenings(env);
  const network = await Promise.all([
    ...destinations.map(([name, host, port]) => tryTcp(`TCP to ${name} (${host} ${port})`, host, port)),
    ...packets.map(([name, host, port]) => tryUdp(`UDP: ${name} (${host} ${port})`, host, port)),
    tryLoopback(openings.hostLoopback),
    ...findSockets(env).map((path) => trySocket(path)),
  ]);
  return [
    ...openings.attempts,
    ...tryMode(env),
    inherited,
    ...network,
    ...tryPrograms(),
    ...tryDaemons(env),
    ...tryFiles(paths),
    tryInterfaces(),
    tryAbstract(),
    ...tryProcesses(),
    ...(await tryKernel()),
  ];
}

/** A run in proxy mode leads what asks for it, and holds nothing. */
function tryMode(env: EscapeParts['env']): readonly Attempt[] {
  return env['CLAWPATROL_RUN_MODE'] === 'proxy'
    ? [{ name: 'containment', held: false, detail: 'this run is in proxy mode, which routes and contains nothing' }]
    : [];
}

/** What `--expose` and `--host-loopback` opened. */
function readOpenings(env: EscapeParts['env']): {
  readonly attempts: readonly Attempt[];
  readonly hostLoopback: readonly number[];
} {
  const openings = (env['CLAWPATROL_RUN_OPENINGS'] ?? '').split(',').flatMap((text) => {
    const match = /^(expose|host-loopback):(\d{1,5})$/.exec(text);
    return match === null ? [] : [{ kind: match[1] ?? '', port: Number(match[2]) }];
  });
  return {
    attempts: openings.map(({ kind, port }) => ({
      name: `port ${port}`,
      held: true,
      asked: true,
      detail:
        kind === 'expose'
          ? `it can be reached at 127.0.0.1:${port} of the machine (--expose)`
          : `it leads to 127.0.0.1:${port} of the machine (--host-loopback)`,
    })),
    hostLoopback: openings.filter(({ kind }) => kind === 'host-loopback').map(({ port }) => port),
  };
}

/** The run's own loopback has nobody who was there before it. */
async function tryLoopback(asked: readonly number[]): Promise<Attempt> {
  const tries = LOOPBACK_PORTS.filter((port) => !asked.includes(port)).flatMap((port) =>
    ['127.0.0.1', '::1'].map(async (host) => ((await answers({ host, port })) ? `${host} ${port}` : null)),
  );
  const found = (await Promise.all(tries)).filter((where) => where !== null);
  return {
    name: 'the machine’s loopback',
    held: found.length === 0,
    detail: found.length === 0 ? 'nobody answers' : `somebody answers at ${found.join(', ')}`,
  };
}

/** Whether somebody takes a connection there. */
function answers(
  where: { readonly path: string } | { readonly host: string; readonly port: number },
): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(where);
    const end = (answered: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answered);
    };
    const timer = setTimeout(() => end(false), WAIT_MS);
    socket.on('connect', () => end(true));
    socket.on('error', () => end(false));
  });
}

/** Held: it was refused or reset, or nothing came. A server that speaks, keeps the connection or closes it in order is a way out. */
function tryTcp(name: string, host: string, port: number): Promise<Attempt> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (held: boolean, detail: string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ name, held, detail });
    };
    let timer = setTimeout(() => end(true, 'no answer'), WAIT_MS);
    socket.on('connect', () => {
      clearTimeout(timer);
      timer = setTimeout(() => end(false, 'it was let through'), WAIT_MS);
      socket.write('\r\n');
    });
    socket.on('data', () => end(false, 'it answered'));
    socket.on('end', () => end(false, 'it was let through, and closed'));
    socket.on('error', (error) => end(true, 'code' in error ? String(error.code) : error.message));
  });
}

function tryUdp(name: string, host: string, port: number): Promise<Attempt> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    let ended = false;
    let connected = false;
    const end = (held: boolean, detail: string): void => {
      if (!ended) {
        ended = true;
        clearTimeout(timer);
        clearInterval(again);
        socket.close();
        resolve({ name, held, detail });
      }
    };
    const send = (): void => {
      if (!ended) {
        socket.send('x', () => {});
      }
    };
    const timer = setTimeout(() => end(true, 'no answer'), WAIT_MS);
    // The refusal of one datagram is told at the next.
    const again = setInterval(() => (connected ? send() : undefined), 200);
    socket.on('message', () => end(false, 'it answered'));
    socket.on('error', (error) => end(true, 'code' in error ? String(error.code) : error.message));
    // A listener, and no callback: that would be given the failure in place of the error's listener.
    socket.once('connect', () => {
      connected = true;
      send();
    });
    socket.connect(port, host);
  });
}

/** Programs that would change or leave the namespaces; each must fail. */
function tryPrograms(): readonly Attempt[] {
  const programs: readonly (readonly [string, string, readonly string[]])[] = [
    ['another network by setns', 'nsenter', ['--net=/proc/1/ns/net', 'true']],
    ['the mounts of process 1', 'nsenter', ['--mount=/proc/1/ns/mnt', 'true']],
    ['taking the tunnel down', 'ip', ['link', 'set', 'dev', 'clawpatrol', 'down']],
    ['another route', 'ip', ['route', 'add', '198.51.100.0/24', 'dev', 'lo']],
    ['uncovering /run', 'umount', ['/run']],
    ['uncovering /run from a new namespace', 'unshare', ['--user', '--map-root-user', '--mount', 'umount', '/run']],
    ['the tunnel’s key by wg', 'wg', ['show', 'clawpatrol', 'private-key']],
    ['more rights by sudo', 'sudo', ['-n', 'true']],
  ];
  return programs.map(([name, program, args]) => {
    const { status, stdout, error } = spawnSync(program, args, {
      env: { PATH: SYSTEM_PATH },
      timeout: 5_000,
      encoding: 'utf8',
    });
    const held = status !== 0 || (program === 'wg' && /^(?:\(none\))?\s*$/.test(stdout));
    return { name, held, detail: error === undefined ? `${program} ended with ${status}` : `${program} cannot be run` };
  });
}

const MAX_SOCKETS = 256;

/** The agent's of the shell first, then those in folders where programs leave them. */
function findSockets(env: EscapeParts['env']): readonly string[] {
  const agent = env['SSH_AUTH_SOCK'] ?? '';
  const files = findSocketFiles([...SHARED_FOLDERS, '/run', env['HOME'] ?? '/root'], 2).paths;
  return [...new Set([...(agent === '' ? [] : [agent]), ...files])].slice(0, MAX_SOCKETS);
}

async function trySocket(path: string): Promise<Attempt> {
  const answered = await answers({ path });
  return { name: `the socket ${path}`, held: !answered, detail: answered ? 'somebody answers' : 'nobody answers' };
}

/** Sockets of daemons that do things outside for whoever asks. */
function tryDaemons(env: EscapeParts['env']): readonly Attempt[] {
  const user = env['XDG_RUNTIME_DIR'] ?? `/run/user/${process.getuid?.() ?? 0}`;
  const sockets = [
    '/var/run/docker.sock',
    '/run/podman/podman.sock',
    '/run/containerd/containerd.sock',
    '/run/crio/crio.sock',
    '/run/dbus/system_bus_socket',
    '/run/systemd/private',
    '/run/nscd/socket',
    '/run/systemd/resolve/io.systemd.Resolve',
    join(user, 'bus'),
    join(user, 'docker.sock'),
    join(user, 'podman', 'podman.sock'),
    join(user, 'systemd', 'private'),
  ];
  return sockets.map((path) => ({
    name: `the socket ${path}`,
    held: !existsSync(path),
    detail: existsSync(path) ? 'it is there' : 'not there',
  }));
}

/** The device's own keys. */
function tryFiles({ stateDir, wireguardConfig, caDir }: DevicePaths): readonly Attempt[] {
  const files = [
    join(stateDir, 'key'),
    join(stateDir, 'token'),
    wireguardConfig,
    join(caDir, 'control.sock'),
    join(caDir, 'keys'),
  ];
  return files.map((path) => ({
    name: `the file ${path}`,
    held: !existsSync(path),
    detail: existsSync(path) ? 'it is there' : 'not there',
  }));
}

/** Nothing but the loopback and the tunnel. */
function tryInterfaces(): Attempt {
  // Not /sys, which shows the machine's.
  const names = [...readFileSync('/proc/net/dev', 'utf8').matchAll(/^\s*(\S+):/gm)].map((match) => match[1] ?? '');
  const others = names.filter((name) => name !== 'lo' && name !== 'clawpatrol');
  return {
    name: 'another network interface',
    held: others.length === 0 && names.includes('clawpatrol'),
    detail: others.length === 0 ? names.join(', ') : `there is ${others.join(', ')}`,
  };
}

/** Sockets without a file belong to a network: a run has its own. */
function tryAbstract(): Attempt {
  const lines = readFileSync('/proc/net/unix', 'utf8').split('\n');
  const names = lines.flatMap((line) => / (@\S.*)$/.exec(line)?.[1] ?? []);
  return {
    name: 'abstract sockets',
    held: names.length === 0,
    detail: names.length === 0 ? 'there is none' : `there is ${[...new Set(names)].slice(0, 3).join(', ')}`,
  };
}

/** Connections and folders that were open when the run began, handed down; a folder also in place of input or output. */
function tryDescriptors(): Attempt {
  const open = readdirSync('/proc/self/fd').filter((fd) => {
    const path = `/proc/self/fd/${fd}`;
    try {
      return (Number(fd) > 2 && readlinkSync(path).startsWith('socket:')) || isForeignFolder(path);
    } catch {
      return false;
    }
  });
  return {
    name: 'a connection or folder that was inherited',
    held: open.length === 0,
    detail:
      open.length === 0 ? 'there is none' : `descriptor ${open.toSorted((a, b) => Number(a) - Number(b)).join(', ')}`,
  };
}

/** One that is not just being read, as this one is. */
function isForeignFolder(path: string): boolean {
  return statSync(path).isDirectory() && !/^\/proc\/\d+\/fd$/.test(readlinkSync(path));
}

/** Processes outside: whose network could be entered, whose files, memory or variables could be read. */
function tryProcesses(): readonly Attempt[] {
  const own = { net: readlinkSync('/proc/self/ns/net'), mnt: readlinkSync('/proc/self/ns/mnt') };
  const entered: string[] = [];
  const read: string[] = [];
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const look = (file: string): string => {
      try {
        return readlinkSync(`/proc/${pid}/${file}`);
      } catch {
        return '';
      }
    };
    const [net, mnt] = [look('ns/net'), look('ns/mnt')];
    if (net !== '' && net !== own.net) {
      entered.push(pid);
    }
    if (mnt !== '' && mnt !== own.mnt && look('root') !== '') {
      read.push(pid);
    }
  }
  return [
    tellProcesses('the network of another process (setns)', entered),
    tellProcesses('the files of another process (/proc/…/root)', read),
  ];
}

function tellProcesses(name: string, pids: readonly string[]): Attempt {
  const held = pids.length === 0;
  return { name, held, detail: held ? 'none can be' : `of process ${pids.slice(0, 5).join(', ')}` };
}

/** Packets past the kernel's own protocols, and what the kernel has that belongs to no network. */
async function tryKernel(): Promise<readonly Attempt[]> {
  const { default: koffi } = await import('koffi');
  const library = koffi.load(null);
  const call = (prototype: string, ...args: readonly unknown[]): number => {
    const found: unknown = library.func(prototype);
    const result: unknown = typeof found === 'function' ? Reflect.apply(found, undefined, args) : -1;
    return typeof result === 'number' ? result : -1;
  };
  const [AF_INET, AF_INET6, AF_PACKET, AF_BLUETOOTH, AF_VSOCK] = [2, 10, 17, 31, 40];
  const [SOCK_STREAM, SOCK_RAW, ICMP, ICMP6, ALL, HCI] = [1, 3, 1, 58, 0x0300, 1];
  const kinds: readonly (readonly [string, readonly number[]])[] = [
    ['a raw socket', [AF_INET, SOCK_RAW, ICMP]],
    ['a raw socket over IPv6', [AF_INET6, SOCK_RAW, ICMP6]],
    ['a packet socket', [AF_PACKET, SOCK_RAW, ALL]],
    ['a socket to the host of a virtual machine (vsock)', [AF_VSOCK, SOCK_STREAM, 0]],
    ['a Bluetooth socket', [AF_BLUETOOTH, SOCK_RAW, HCI]],
  ];
  const sockets = kinds.map(([name, args]) => {
    const held = call('int socket(int domain, int type, int protocol)', ...args) < 0;
    return { name, held, detail: held ? 'not permitted' : 'it can be opened' };
  });
  return [...sockets, ...tryCalls(call, () => koffi.errno())];
}

/** The terminal that is shared with the shell, operations that no filter sees, and keys that are looked up outside. */
function tryCalls(call: (prototype: string, ...args: readonly unknown[]) => number, error: () => number): Attempt[] {
  const SYSTEM_CALL = 'long syscall(long number, long a, long b, long c, long d, long e, long f)';
  const [IO_URING_SETUP, KEYCTL, SESSION] = [425, process.arch === 'arm64' ? 219 : 250, -3];
  const [EFAULT, TIOCSTI] = [14, 0x5412];
  // Nothing is given, and so nothing is done: who may do it is told that nothing was given.
  const ring = call(SYSTEM_CALL, IO_URING_SETUP, 1, 0, 0, 0, 0, 0) >= 0 || error() === EFAULT;
  const keys = call(SYSTEM_CALL, KEYCTL, 0, SESSION, 0, 0, 0, 0) >= 0;
  const typing = [0, 1, 2].some((fd) => {
    return call('int ioctl(int fd, unsigned long request, void *text)', fd, TIOCSTI, null) >= 0 || error() === EFAULT;
  });
  return [
    tellCall('typing into the shared terminal', typing),
    tellCall('io_uring', ring),
    tellCall('the session’s keyring', keys),
  ];
}

function tellCall(name: string, open: boolean): Attempt {
  return { name, held: !open, detail: open ? 'it is permitted' : 'not permitted' };
}
