// Known ways out of a run, each tried from inside: what must not work is tried, and what happened is told. Nothing is changed that outlives the
// attempt.
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, readFileSync } from 'node:fs';
import { connect, isIPv6 } from 'node:net';
import { join } from 'node:path';
import { SYSTEM_PATH } from '../../devices/commands.ts';
import type { DevicePaths } from '../device-files.ts';

/** What an attempt showed. `held` false: there is a way out. */
export interface Attempt {
  readonly name: string;
  readonly held: boolean;
  readonly detail: string;
}

const WAIT_MS = 1500;

export interface EscapeParts {
  readonly paths: DevicePaths;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** An address and port that answer outside, to be tried too; null = only well-known ones. */
  readonly outside: { readonly host: string; readonly port: number } | null;
}

/** Tries them all, one after the other. Never rejects. */
export async function tryEscapes({ paths, env, outside }: EscapeParts): Promise<readonly Attempt[]> {
  const attempts: Attempt[] = [];
  const destinations: readonly (readonly [string, string, number])[] = [
    ['a public address', '1.1.1.1', 443],
    ['a public resolver over TLS', '9.9.9.9', 853],
    ['a public IPv6 address', '2606:4700:4700::1111', 443],
    ['the cloud metadata address', '169.254.169.254', 80],
    ['a private address', '192.168.0.1', 80],
    ...(outside === null ? [] : [['the address that was given', outside.host, outside.port] as const]),
  ];
  for (const [name, host, port] of destinations) {
    attempts.push(await tryTcp(`TCP to ${name} (${host} ${port})`, host, port));
  }
  for (const [name, host, port] of [
    ['QUIC', '1.1.1.1', 443],
    ['NTP', '162.159.200.1', 123],
    ['multicast names', '224.0.0.251', 5353],
  ] as const) {
    attempts.push(await tryUdp(`UDP: ${name} (${host} ${port})`, host, port));
  }
  attempts.push(...tryPrograms(), ...trySockets(env), ...tryFiles(paths), tryInterfaces());
  return attempts;
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
    let connected = false;
    const timer = setTimeout(() => end(!connected, connected ? 'it was let through' : 'no answer'), WAIT_MS);
    socket.on('connect', () => {
      connected = true;
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

/** Sockets of daemons that do things outside for whoever asks. */
function trySockets(env: EscapeParts['env']): readonly Attempt[] {
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
