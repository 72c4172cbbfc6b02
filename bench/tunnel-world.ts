// What the tunnel costs: a stream in each direction, new connections, and new Postgres sessions, from a device in a network of its own through
// WireGuard alone, through WireGuard and a bare relay, and through WireGuard and the gateway. The ways take turns. Run by tunnel.ts as a
// process of its own, since it leaves the machine's network: node tunnel-world.js ROUNDS MIB SECONDS.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createWireguardKeys } from '../src/devices/wireguard.ts';
import { eventually } from '../test/support/daemon.ts';
import { enterOwnNetwork, must, type Neighbour } from '../test/support/network.ts';
import { startPostgres, type PostgresServer } from '../test/support/postgres-server.ts';
import { runProgram } from '../test/support/run.ts';
import { temporaryFolder } from '../test/support/temp.ts';
import { gatewayBlock, startTunnelWorld } from '../test/support/tunnel-world.ts';
import { findProgram, firstLine, median, Scope, table } from './parts.ts';

/** Where servers are that only a tunnel or the gateway leads to, and the two ends of the plain tunnel. */
const FAR = '93.184.216.34';
const [NEAR_END, FAR_END] = ['10.99.0.1', '10.99.0.2'];
const PLAIN_PORT = 51_900;
const ECHO_PORT = 7000;
const FLOOD_PORT = 7002;
const DIGEST_PORT = 7004;
const CLIENTS = 8;

interface Way {
  readonly name: string;
  /** Address and port at which the device finds what listens on that port. */
  readonly at: (port: number) => readonly [string, number];
}

interface Work {
  readonly name: string;
  run(way: Way): Promise<number>;
}

const [rounds = 1, mebibytes = 50, seconds = 1] = process.argv.slice(2).map(Number);

function configFor(databases: string): string {
  return `${gatewayBlock('limits { connections_per_device = 20000 }')}
defaults { unknown_host = "passthrough" }
endpoint "postgres" "bench" {
  host    = "${databases}"
  sslmode = "disable"
}
credential "postgres_credential" "bench" {
  endpoint = postgres.bench
  user     = "postgres"
  secret { env = "BENCH_PASSWORD" }
}
profile "bench" { credentials = [bench] }
`;
}

/** A second tunnel from the device that ends here without a gateway, of the kind that the gateway's is. */
async function openPlainTunnel(scope: Scope, device: Neighbour, kind: string): Promise<void> {
  const [near, far] = [createWireguardKeys(), createWireguardKeys()];
  const folder = temporaryFolder(scope, 'clawpatrol-bench');
  const sides = [
    { name: `cpa${process.pid}`, keys: near, peer: far.publicKey, extra: `ListenPort = ${PLAIN_PORT}`, end: NEAR_END },
    { name: `cpb${process.pid}`, keys: far, peer: near.publicKey, extra: '', end: FAR_END },
  ] as const;
  for (const { name, keys, peer, extra, end } of sides) {
    const there = end === FAR_END;
    const run = (program: string, ...args: string[]): string =>
      there ? device.must(program, ...args) : must(program, ...args);
    if (kind === 'kernel') {
      run('ip', 'link', 'add', name, 'type', 'wireguard');
    } else {
      const [program, args] = there
        ? device.within('wireguard-go', ['--foreground', name])
        : (['wireguard-go', ['--foreground', name]] as const);
      const child = spawn(program, [...args], { stdio: 'ignore' });
      scope.after(() => void child.kill());
      await eventually('its interface is there', () => run('ip', '-brief', 'link').includes(name));
    }
    const path = join(folder, name);
    const endpoint = there ? `Endpoint = ${device.ours}:${PLAIN_PORT}\n` : '';
    const allowed = there ? NEAR_END : FAR_END;
    writeFileSync(
      path,
      `[Interface]\nPrivateKey = ${keys.privateKey}\n${extra}\n[Peer]\nPublicKey = ${peer}\n${endpoint}AllowedIPs = ${allowed}/32\n`,
    );
    run('wg', 'setconf', name, path);
    run('ip', 'address', 'add', `${end}/24`, 'dev', name);
    run('ip', 'link', 'set', name, 'mtu', '1420', 'up');
  }
}

/** A relay that listens where the plain tunnel ends, to each port at that address. */
async function startRelays(
  scope: Scope,
  targets: readonly (readonly [string, number])[],
): Promise<Map<number, number>> {
  const relays = new Map<number, number>();
  for (const [host, port] of targets) {
    const args = [join(import.meta.dirname, 'relay.js'), String(port), host, NEAR_END];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    scope.after(() => void child.kill('SIGKILL'));
    relays.set(port, Number((await firstLine(child)).trim()));
  }
  return relays;
}

async function startFarServers(scope: Scope): Promise<void> {
  const path = join(import.meta.dirname, '..', 'test', 'support', 'far-server.js');
  const child = spawn(process.execPath, [path], { stdio: ['ignore', 'pipe', 'inherit'] });
  scope.after(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
}

function works(device: Neighbour, postgres: PostgresServer): readonly Work[] {
  const load = async (...words: readonly (string | number)[]): Promise<number> => {
    const args = [join(import.meta.dirname, 'tunnel-load.js'), ...words.map(String)];
    const done = await device.run(process.execPath, args, { timeoutMs: 120_000 });
    if (done.code !== 0) {
      throw new Error(`the load ended with ${done.code}: ${done.stderr}`);
    }
    return Number(done.stdout);
  };
  const bytes = mebibytes * 1024 ** 2;
  const sessions = async (way: Way): Promise<number> => {
    const [host, port] = way.at(postgres.port);
    const words = ['-n', '-S', '-C', '-c', '4', '-j', '1', '-T', String(seconds), '-U', 'postgres', 'bench'];
    const env = { PGPASSWORD: postgres.password, PGSSLMODE: 'disable', PGGSSENCMODE: 'disable' };
    const program = findProgram('pgbench') ?? 'pgbench';
    const done = await device.run(program, ['-h', host, '-p', String(port), ...words], { env, timeoutMs: 60_000 });
    const figure = /tps = ([\d.]+)/.exec(done.stdout)?.[1];
    if (figure === undefined) {
      throw new Error(`pgbench said: ${done.stdout}${done.stderr}`);
    }
    return Number(figure);
  };
  return [
    {
      name: 'down, MiB/s',
      run: (way) => load('down', ...way.at(FLOOD_PORT), bytes),
    },
    {
      name: 'up, MiB/s',
      run: (way) => load('up', ...way.at(DIGEST_PORT), bytes),
    },
    {
      name: `new connections a second, ${CLIENTS} clients`,
      run: (way) => load('connect', ...way.at(ECHO_PORT), seconds, CLIENTS),
    },
    { name: 'new Postgres sessions a second, 4 clients', run: sessions },
  ];
}

async function measure(scope: Scope): Promise<void> {
  enterOwnNetwork();
  const postgres = await startPostgres(scope, {
    flavour: 'debian',
    settings: ["listen_addresses = '*'", 'max_connections = 200'],
    hba: ['host all all all scram-sha-256', 'local all all trust'],
  });
  await postgres.query('CREATE DATABASE bench');
  await runProgram(
    findProgram('pgbench') ?? 'pgbench',
    ['-i', '-q', '-s', '1', '-h', '127.0.0.1', '-p', String(postgres.port), '-U', 'postgres', 'bench'],
    { env: { PGPASSWORD: postgres.password } },
  );
  // The cable to the far network is the second one.
  const ours = '172.31.1.1';
  const { device, gateway } = await startTunnelWorld(scope, {
    config: configFor(`${ours}:${postgres.port}`),
    addresses: [FAR],
    profile: 'bench',
    env: { BENCH_PASSWORD: postgres.password },
  });
  const kind = /"kind":"(kernel|userspace)"/.exec(gateway.log())?.[1] ?? 'userspace';
  await openPlainTunnel(scope, device, kind);
  await startFarServers(scope);
  // Thousands of short connections between the same two addresses.
  device.must('sysctl', '-qw', 'net.ipv4.tcp_tw_reuse=1', 'net.ipv4.ip_local_port_range=1024 65535');
  must('sysctl', '-qw', 'net.ipv4.tcp_tw_reuse=1', 'net.ipv4.ip_local_port_range=1024 65535');
  const relays = await startRelays(scope, [
    ...[FLOOD_PORT, DIGEST_PORT, ECHO_PORT].map((port) => [FAR, port] as const),
    ['127.0.0.1', postgres.port],
  ]);
  const ways: readonly Way[] = [
    { name: 'WireGuard alone', at: (port) => [NEAR_END, port] },
    { name: 'with a relay', at: (port) => [NEAR_END, relays.get(port) ?? 0] },
    { name: 'with the gateway', at: (port) => [port === postgres.port ? ours : FAR, port] },
  ];
  process.stdout.write(`WireGuard in the ${kind === 'kernel' ? 'kernel' : 'user space (wireguard-go)'}\n\n`);
  const rows: string[][] = [];
  for (const work of works(device, postgres)) {
    rows.push(await compare(work, ways));
  }
  const head = ['work', ...ways.map(({ name }) => name), 'gateway ÷ alone', 'gateway ÷ relay'];
  process.stdout.write(`streams of ${mebibytes} MiB\n\n${table(head, rows)}\n\n`);
  const verified = gateway.cli('audit', 'verify');
  process.stdout.write(`audit verify: ${verified.stdout.trim()}${verified.stderr.trim()}\n`);
}

/** The ratios are medians of the ratios of one round; the first round warms up. */
async function compare(work: Work, ways: readonly Way[]): Promise<string[]> {
  const figures = new Map<string, number[]>(ways.map(({ name }) => [name, []]));
  for (let round = -1; round < rounds; round += 1) {
    for (const way of ways) {
      const figure = await work.run(way);
      if (round >= 0) {
        figures.get(way.name)?.push(figure);
      }
    }
  }
  const [alone = [], relay = [], gateway = []] = ways.map(({ name }) => figures.get(name) ?? []);
  const ratio = (theirs: readonly number[]): string =>
    median(gateway.map((figure, index) => figure / (theirs[index] ?? figure))).toFixed(2);
  return [work.name, ...[alone, relay, gateway].map((all) => median(all).toFixed(0)), ratio(alone), ratio(relay)];
}

const scope = new Scope();
// Who stops it half-way is left with none of its processes.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void scope.end().finally(() => process.exit(1)));
}
try {
  await measure(scope);
} finally {
  await scope.end();
}
