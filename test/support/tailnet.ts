// A real tailnet in networks of a test's own: headscale as its control server, and tailscaled with an interface in each. Built by
// scripts/tailnet/build.sh. Call `enterOwnNetwork` first: the control server and the gateway's node are in this process' network.
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './daemon.ts';
import { must, type Neighbour } from './network.ts';
import { runProgram, type ProgramResult } from './run.ts';
import { temporaryFolder, type CleanUp } from './temp.ts';

const BINARIES = process.env['CLAWPATROL_TAILNET'] ?? join(homedir(), '.cache', 'clawpatrol-tailnet');
const PROGRAMS = ['headscale', 'tailscaled', 'tailscale'];
/** The control server's own address: every cable reaches it. */
const CONTROL = '172.30.0.1';
const CONTROL_URL = `http://${CONTROL}:8085`;

/** Whether everything is there. */
export function hasTailnet(): boolean {
  return PROGRAMS.every((name) => existsSync(join(BINARIES, name)));
}

export interface TailnetNode {
  readonly socket: string;
  log(): string;
  /** The tailscale program of that node. */
  cli(...args: readonly string[]): Promise<ProgramResult>;
  /** Its IPv4 address in the tailnet. */
  address(): Promise<string>;
  stop(): Promise<void>;
}

export interface Tailnet {
  readonly controlUrl: string;
  /** An operator's command at the control server; gives what it says as JSON. */
  headscale(...args: readonly string[]): Promise<unknown>;
  /** A key with which a node joins as that user's, or tagged. */
  authKey(user: string, tags?: readonly string[]): Promise<string>;
  /** Starts a node there; null: in this process' network. `resolver`: first line of its resolv.conf. */
  startNode(name: string, at: Neighbour | null, resolver: string): Promise<TailnetNode>;
}

function configOf(folder: string): string {
  return JSON.stringify({
    server_url: CONTROL_URL,
    listen_addr: `${CONTROL}:8085`,
    metrics_listen_addr: '127.0.0.1:0',
    grpc_listen_addr: '127.0.0.1:0',
    noise: { private_key_path: join(folder, 'noise.key') },
    prefixes: { v4: '100.64.0.0/10', v6: 'fd7a:115c:a1e0::/48' },
    derp: {
      server: {
        enabled: true,
        region_id: 999,
        region_code: 'test',
        region_name: 'test',
        verify_clients: false,
        stun_listen_addr: `${CONTROL}:3478`,
        private_key_path: join(folder, 'derp.key'),
        automatically_add_embedded_derp_region: true,
        ipv4: CONTROL,
      },
      urls: [],
      paths: [],
      auto_update_enabled: false,
    },
    disable_check_updates: true,
    database: { type: 'sqlite', sqlite: { path: join(folder, 'db.sqlite') } },
    log: { level: 'info' },
    policy: { mode: 'file', path: join(folder, 'policy.json') },
    dns: { magic_dns: true, base_domain: 'tail.test', override_local_dns: false, nameservers: { global: [] } },
    unix_socket: join(folder, 'control.sock'),
    unix_socket_permission: '0770',
  });
}

const POLICY = {
  tagOwners: { 'tag:gateway': ['boss@example.com'], 'tag:agent': ['boss@example.com'] },
  acls: [{ action: 'accept', src: ['*'], dst: ['*:*'] }],
  autoApprovers: {
    exitNode: ['tag:gateway'],
    routes: {
      '10.78.0.0/16': ['tag:gateway'],
      'fd78::/64': ['tag:gateway'],
      '192.168.50.0/24': ['tag:agent'],
    },
  },
};

function start(
  cleanUp: CleanUp,
  log: string,
  [program, args]: readonly [string, readonly string[]],
): { readonly child: ChildProcess; stop(): Promise<void> } {
  const file = openSync(log, 'w');
  const child = spawn(program, [...args], {
    stdio: ['ignore', file, file],
    env: { ...process.env, TS_NO_LOGS_NO_SUPPORT: 'true' },
  });
  closeSync(file);
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await new Promise((resolve) =>
      child.exitCode === null && child.signalCode === null ? child.once('exit', resolve) : resolve(null),
    );
  };
  cleanUp.after(stop);
  return { child, stop };
}

/** Starts the control server with users boss and ann. */
export async function startTailnet(cleanUp: CleanUp): Promise<Tailnet> {
  const folder = temporaryFolder(cleanUp, 'clawpatrol-tailnet');
  const config = join(folder, 'config.json');
  writeFileSync(config, configOf(folder));
  writeFileSync(join(folder, 'policy.json'), JSON.stringify(POLICY));
  must('ip', 'address', 'add', `${CONTROL}/32`, 'dev', 'lo');
  start(cleanUp, join(folder, 'headscale.log'), [join(BINARIES, 'headscale'), ['-c', config, 'serve']]);
  const headscale: Tailnet['headscale'] = async (...args) => {
    const result = await runProgram(join(BINARIES, 'headscale'), ['-c', config, ...args, '-o', 'json'], {
      timeoutMs: 60_000,
    });
    if (result.code !== 0) {
      throw new Error(`headscale ${args.join(' ')}: ${result.stderr}${result.stdout}`);
    }
    return JSON.parse(result.stdout === '' ? 'null' : result.stdout);
  };
  await eventually('the control server is up', () =>
    headscale('users', 'list').then(
      () => true,
      () => false,
    ),
  );
  const users = new Map<string, string>();
  for (const name of ['boss', 'ann']) {
    const made = await headscale('users', 'create', name, '--email', `${name}@example.com`);
    users.set(name, String(Reflect.get(Object(made), 'id')));
  }
  return {
    controlUrl: CONTROL_URL,
    headscale,
    async authKey(user, tags = []) {
      const tagged = tags.length === 0 ? [] : ['--tags', tags.join()];
      const made = await headscale('preauthkeys', 'create', '--reusable', '-u', users.get(user) ?? '', ...tagged);
      return String(Reflect.get(Object(made), 'key'));
    },
    startNode: (name, at, resolver) => startNode(cleanUp, join(folder, name), { at, resolver }),
  };
}

async function startNode(
  cleanUp: CleanUp,
  folder: string,
  { at, resolver }: { readonly at: Neighbour | null; readonly resolver: string },
): Promise<TailnetNode> {
  mkdirSync(folder);
  const socket = join(folder, 'socket');
  const resolv = join(folder, 'resolv.conf');
  writeFileSync(resolv, `nameserver ${resolver}\n`);
  const daemon = [
    join(BINARIES, 'tailscaled'),
    '--tun=tailscale0',
    `--statedir=${folder}`,
    `--socket=${socket}`,
    '--port=0',
  ];
  // tailscaled writes /etc/resolv.conf: it gets one of its own, in mounts of its own.
  const script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"';
  let child: readonly [string, readonly string[]];
  if (at === null) {
    child = ['unshare', ['--mount', '--propagation', 'private', 'sh', '-c', script, resolv, ...daemon]];
  } else {
    at.must('ip', 'route', 'replace', CONTROL, 'via', at.ours);
    at.must('ip', 'route', 'replace', 'default', 'via', at.ours);
    at.must('mount', '--bind', resolv, '/etc/resolv.conf');
    child = at.within('sh', ['-c', 'exec "$@"', 'sh', ...daemon]);
  }
  const log = join(folder, 'log');
  const running = start(cleanUp, log, child);
  const cli: TailnetNode['cli'] = (...args) =>
    runProgram(join(BINARIES, 'tailscale'), [`--socket=${socket}`, ...args], { timeoutMs: 60_000 });
  await eventually('tailscaled takes calls', async () => (await cli('status', '--json')).code === 0);
  return {
    socket,
    cli,
    stop: () => running.stop(),
    log: () => readFileSync(log, 'utf8'),
    address: async () => (await cli('ip', '-4')).stdout.trim(),
  };
}
