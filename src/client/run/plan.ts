// What a run needs to know inside its namespaces, and what is hidden from it there. Pure.
import { fieldOf, textOf } from '../../lib/fields.ts';
import type { ExposeRequest, OpeningsPlan } from './openings.ts';

/** Sent to the inner half as its first message. */
export interface RunPlan {
  readonly privateKey: string;
  readonly gatewayKey: string;
  readonly addresses: readonly string[];
  readonly resolver: string;
  readonly mtu: number;
  /** Folders with the device's own keys: empty for the command. */
  readonly hidden: readonly string[];
  /** Folder of certificates: these files stay, everything else in it is hidden (a gateway's state may lie there too). */
  readonly caDir: string;
  readonly caFiles: Readonly<Record<string, string>>;
  /** Sockets of this machine at which somebody listens: for the command nobody does. */
  readonly sockets: readonly string[];
  readonly openings: OpeningsPlan | null;
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly uid: number;
  readonly gid: number;
}

/** What the outer half says. */
export type OuterMessage =
  | { readonly kind: 'plan'; readonly plan: RunPlan }
  /** At these somebody listens now, outside. */
  | { readonly kind: 'cover'; readonly sockets: readonly string[] }
  | ExposeRequest;

/** What the inner half says: how far it is. `atMs` is milliseconds since the epoch. */
export interface InnerMessage {
  readonly kind: 'step';
  readonly name: string;
  readonly atMs: number;
}

/** Reads what the outer half said. Throws Error. */
export function readMessage(value: unknown): OuterMessage {
  switch (fieldOf(value, 'kind')) {
    case 'expose':
      return { kind: 'expose', port: Number(fieldOf(value, 'port')), name: textOf(value, 'name') };
    case 'cover':
      return { kind: 'cover', sockets: listOf(value, 'sockets') };
    default:
      return { kind: 'plan', plan: readPlan(fieldOf(value, 'plan')) };
  }
}

function listOf(value: unknown, name: string): readonly string[] {
  const items = fieldOf(value, name);
  return Array.isArray(items) ? items.map(String) : [];
}

function readPlan(value: unknown): RunPlan {
  const record = (name: string): Readonly<Record<string, string>> => {
    const entries = Object.entries(fieldOf(value, name) ?? {});
    return Object.fromEntries(entries.map(([key, text]) => [key, String(text)]));
  };
  const [mtu, uid, gid] = ['mtu', 'uid', 'gid'].map((name) => Number(fieldOf(value, name)));
  return {
    privateKey: textOf(value, 'privateKey'),
    gatewayKey: textOf(value, 'gatewayKey'),
    addresses: listOf(value, 'addresses'),
    resolver: textOf(value, 'resolver'),
    mtu: mtu ?? 1420,
    hidden: listOf(value, 'hidden'),
    caDir: textOf(value, 'caDir'),
    caFiles: record('caFiles'),
    sockets: listOf(value, 'sockets'),
    openings: readOpenings(fieldOf(value, 'openings')),
    command: textOf(value, 'command'),
    args: listOf(value, 'args'),
    environment: record('environment'),
    uid: uid ?? 0,
    gid: gid ?? 0,
  };
}

function readOpenings(value: unknown): OpeningsPlan | null {
  const ports = fieldOf(value, 'hostLoopback');
  return value === null || value === undefined
    ? null
    : {
        path: textOf(value, 'path'),
        key: textOf(value, 'key'),
        hostLoopback: Array.isArray(ports) ? ports.map(Number) : [],
      };
}

/** Names are asked of the gateway alone: no multicast, no local caches, no other resolvers. */
export const NSSWITCH =
  'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\nprotocols: files\nservices: files\n';

export function resolvConf(resolver: string): string {
  return `nameserver ${resolver}\noptions timeout:2 attempts:2\n`;
}

/** Variables that lead to daemons and agents outside, which would act for the command: it does not get them. */
const LEADING_OUT: readonly string[] = [
  'SSH_AUTH_SOCK',
  'SSH_AGENT_PID',
  'GPG_AGENT_INFO',
  'DBUS_SESSION_BUS_ADDRESS',
  'DBUS_SYSTEM_BUS_ADDRESS',
  'DOCKER_HOST',
  'CONTAINER_HOST',
  'CONTAINERD_ADDRESS',
  'TMUX',
  'STY',
  'VSCODE_IPC_HOOK_CLI',
  'VSCODE_GIT_IPC_HANDLE',
  'NOTIFY_SOCKET',
];

/** Of the shell's own proxy: nobody in a run reaches it, and programs that have these go nowhere else. */
const PROXIES: readonly string[] = ['http_proxy', 'https_proxy', 'ftp_proxy', 'all_proxy'];

/**
 * The environment without what leads out, and without our own words for the operator. `opened`: ports of the machine's loopback that the run has;
 * a proxy at one of them stays.
 */
export function withoutLeadingOut(
  env: Readonly<Record<string, string | undefined>>,
  opened: readonly number[],
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined &&
        !LEADING_OUT.includes(entry[0]) &&
        entry[0] !== 'CLAWPATROL_TOKEN' &&
        (!PROXIES.includes(entry[0].toLowerCase()) || isOpened(entry[1], opened)),
    ),
  );
}

function isOpened(proxy: string, opened: readonly number[]): boolean {
  const port = /^(?:[a-z0-9]+:\/\/)?(?:[^@/]*@)?(?:127\.0\.0\.1|localhost):(\d+)\/?$/i.exec(proxy)?.[1];
  return port !== undefined && opened.includes(Number(port));
}

/** As the table writes it. */
const SOCK_DGRAM = '0002';

/** Sockets that those variables name: ours may not be the network in which they were made, and then they are in no list that we see. */
export function socketsNamedIn(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  return LEADING_OUT.flatMap((name) => {
    const path = /^(?:unix:(?:path=)?(?:\/\/)?)?(\/[^,;]*)/.exec(env[name] ?? '')?.[1];
    return path === undefined || path.startsWith('/run/') ? [] : [path];
  });
}

/**
 * Names at which somebody listens, from the text of /proc/net/unix, as they were given when the socket was made; not those under /run, which is
 * empty inside, and not those without a file. The eighth column is the name, the fourth says whether it listens (`__SO_ACCEPTCON`), the fifth is
 * the type: one of datagrams hears whoever sends (/dev/log), and has no such flag.
 */
export function listeningSockets(procNetUnix: string): readonly string[] {
  const names = procNetUnix
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, flags = '0', type, name] = /^\S+: \S+ \S+ (\S+) (\S+) \S+ +\S+ ([^@\s].*)$/.exec(line) ?? [];
      const listens = (Number.parseInt(flags, 16) & 0x1_0000) !== 0 || type === SOCK_DGRAM;
      return name !== undefined && listens ? [name] : [];
    })
    .filter((name) => !name.startsWith('/run/') && !name.startsWith('/var/run/'));
  return [...new Set(names)];
}
