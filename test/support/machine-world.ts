// A machine that is to be routed through a gateway as a whole, in a network of its own: a cable to the gateway, an operator who reaches it over
// SSH through the same cable, and a watcher on the cable that notes every packet which is neither the tunnel's nor an answer. Needs root.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from './daemon.ts';
import { startGateway, type GatewayProcess } from './gateway-process.ts';
import { startNameServer } from './name-server.ts';
import { createNeighbour, must, type Neighbour } from './network.ts';
import { freePort } from './ports.ts';
import { startPostgres, type PostgresServer } from './postgres-server.ts';
import type { ProgramResult } from './run.ts';
import { makeKey } from './sshd.ts';
import { temporaryFolder, type CleanUp } from './temp.ts';

export const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.js');
const PROBE = join(import.meta.dirname, 'probe.js');
const SSHD = '/usr/sbin/sshd';
export const SSH_PORT = 2222;
const UDP_PORT = 51_897;
export const NAME = 'db.internal.test';
/** Of IPv6 on the machine's cable. */
const OURS_V6 = 'fd31::1';
const MACHINE_V6 = 'fd31::2';
/** Of IPv6 on the operator's. */
const OPERATOR_ROUTER_V6 = 'fd32::1';
const OPERATOR_V6 = 'fd32::2';

export interface MachineWorld {
  readonly machine: Neighbour;
  readonly operator: Neighbour;
  readonly upstream: PostgresServer;
  readonly home: string;
  gateway: GatewayProcess;
  /** Starts another gateway on the same state. */
  startAgain(): Promise<void>;
  /** URL of the gateway with its fingerprint. */
  url(): string;
  /** A file with a fresh join token. */
  tokenFile(): string;
  /** Runs the command line on the machine. */
  clawpatrol(...args: readonly string[]): Promise<ProgramResult>;
  probe(...args: readonly (string | number)[]): Promise<string>;
  psql(sql: string): Promise<ProgramResult>;
  /** Starts a shell on the machine, over SSH from the operator's. */
  openSession(cleanUp: CleanUp, version?: 4 | 6): Session;
  /** What has left the machine beside the tunnel since the last call: `address protocol port`. */
  takeLeaks(): readonly string[];
  /** Everything that routing may change, as text. */
  snapshot(): string;
}

export interface Session {
  /** Types a line. */
  type(line: string): void;
  /** Everything that was printed. */
  said(): string;
  /** Types an echo and waits for it. */
  mustBeAlive(): Promise<void>;
}

export async function startMachineWorld(cleanUp: CleanUp): Promise<MachineWorld> {
  const upstream = await startPostgres(cleanUp, {
    flavour: 'debian',
    settings: ["listen_addresses = '*'"],
    hba: ['host all all all scram-sha-256', 'local all all trust'],
  });
  const [machine, machineCable] = await join6(cleanUp);
  const operator = await createNeighbour(cleanUp);
  operator.must('ip', 'route', 'add', 'default', 'via', operator.ours);
  const operatorCable = wayTo(operator.address);
  must('ip', 'address', 'add', `${OPERATOR_ROUTER_V6}/64`, 'dev', operatorCable, 'nodad');
  const operatorEnd = /dev (\S+)/.exec(operator.must('ip', '-o', 'route', 'get', operator.ours))?.[1] ?? '';
  operator.must('ip', 'address', 'add', `${OPERATOR_V6}/64`, 'dev', operatorEnd, 'nodad');
  operator.must('ip', '-6', 'route', 'add', 'default', 'via', OPERATOR_ROUTER_V6);
  must('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
  const names = await startNameServer(cleanUp, { [NAME]: [machine.ours] });
  const stateDir = join(temporaryFolder(cleanUp, 'clawpatrol-machine'), 'state');
  mkdirSync(stateDir, { mode: 0o700 });
  const enrolPort = await freePort();
  const config = configFor(upstream, names.address, `${machine.ours}:${enrolPort}`);
  const start = () => startGateway(cleanUp, { config, stateDir, env: { CLAWPATROL_SECRET_PG: upstream.password } });
  const gateway = await start();
  const home = temporaryFolder(cleanUp, 'clawpatrol-home');
  watchCable(cleanUp, { cable: machineCable, machine, enrolPort });
  const login = await startMachineSshd(cleanUp, machine);
  // The kernel looks for a second whether somebody else has the cable's own address, and says so in what is compared later.
  await eventually('addresses are settled', () => !machine.must('ip', '-6', 'address').includes('tentative'));
  const env = { HOME: home, NO_COLOR: '1' };
  const world: MachineWorld = {
    machine,
    operator,
    upstream,
    home,
    gateway,
    async startAgain() {
      world.gateway = await start();
    },
    url() {
      const fingerprint = /[0-9A-F:]{95}/.exec(world.gateway.cli('ca', 'show').stdout)?.[0] ?? '';
      return `https://${machine.ours}:${enrolPort}#sha256=${fingerprint}`;
    },
    tokenFile() {
      const { stdout } = world.gateway.cli('devices', 'token', '--profile', 'oncall', '--expires', '10m');
      const path = join(temporaryFolder(cleanUp, 'clawpatrol-token'), 'token');
      writeFileSync(path, stdout.trim(), { mode: 0o600 });
      return path;
    },
    clawpatrol: (...args) => machine.run(process.execPath, [MAIN, ...args], { env, timeoutMs: 180_000 }),
    async probe(...args) {
      const result = await machine.run(process.execPath, [PROBE, ...args.map(String)]);
      return result.stdout === '' ? result.stderr : result.stdout;
    },
    psql: (sql) =>
      machine.run(
        'psql',
        ['-At', '-h', NAME, '-p', String(upstream.port), '-U', 'anybody', '-d', 'postgres', '-c', sql],
        { env: { PGCONNECT_TIMEOUT: '30', PGPASSWORD: 'none', PGSSLMODE: 'disable' } },
      ),
    openSession: (scope, version = 4) =>
      openSession(scope, { operator, address: version === 4 ? machine.address : MACHINE_V6, login, home }),
    takeLeaks,
    snapshot: () => snapshot(machine),
  };
  return world;
}

function configFor(upstream: PostgresServer, resolver: string, enrol: string): string {
  const ours = enrol.split(':')[0] ?? '';
  return `
schema_version = 1
gateway {
  dashboard_listen = "127.0.0.1:0"
  enroll_listen = "${enrol}"
  resolver = "${resolver}"
  wireguard {
    subnet_cidr = "10.77.0.0/24"
    listen_port = ${UDP_PORT}
    endpoint    = "${ours}:${UDP_PORT}"
    interface   = "cpm${process.pid % 100_000}"
  }
}
credential "postgres_credential" "pg" {
  endpoint = postgres.pg
  user     = "${upstream.user}"
}
endpoint "postgres" "pg" {
  host    = "${NAME}:${upstream.port}"
  sslmode = "disable"
}
profile "oncall" { credentials = [pg] }
defaults { unmatched = "deny" }
rule "reads" {
  endpoint  = pg
  condition = "sql.verb == 'select'"
  verdict   = "allow"
}
`;
}

/** The end of our cable to a neighbour. */
function wayTo(address: string): string {
  return /dev (\S+)/.exec(must('ip', '-o', 'route', 'get', address))?.[1] ?? '';
}

/** A neighbour with a way out over the cable, by both families. */
async function join6(cleanUp: CleanUp): Promise<readonly [Neighbour, string]> {
  const machine = await createNeighbour(cleanUp);
  const near = wayTo(machine.address);
  const far = /dev (\S+)/.exec(machine.must('ip', '-o', 'route', 'get', machine.ours))?.[1] ?? '';
  must('ip', 'address', 'add', `${OURS_V6}/64`, 'dev', near, 'nodad');
  machine.must('ip', 'address', 'add', `${MACHINE_V6}/64`, 'dev', far, 'nodad');
  machine.must('ip', '-4', 'route', 'add', 'default', 'via', machine.ours);
  machine.must('ip', '-6', 'route', 'add', 'default', 'via', OURS_V6);
  return [machine, near];
}

/** Notes what comes over the cable and is neither the tunnel's, nor an answer to the operator, nor what keeps the cable alive. */
function watchCable(
  cleanUp: CleanUp,
  { cable, machine, enrolPort }: { readonly cable: string; readonly machine: Neighbour; readonly enrolPort: number },
): void {
  const rules = `table inet watch {
  set seen4 { type ipv4_addr . inet_proto . inet_service; flags dynamic; size 1000; }
  set seen6 { type ipv6_addr . inet_proto . inet_service; flags dynamic; size 1000; }
  chain watch {
    type filter hook prerouting priority -400; policy accept;
    iifname != "${cable}" return
    ip daddr ${machine.ours} udp dport ${UDP_PORT} return
    ip daddr ${machine.ours} tcp dport ${enrolPort} return
    tcp sport ${SSH_PORT} return
    icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-report, mld-listener-done, mld2-listener-report } return
    meta nfproto ipv4 update @seen4 { ip daddr . meta l4proto . th dport }
    meta nfproto ipv6 update @seen6 { ip6 daddr . meta l4proto . th dport }
  }
}
`;
  const path = join(temporaryFolder(cleanUp, 'clawpatrol-watch'), 'rules.nft');
  writeFileSync(path, rules);
  must('nft', '-f', path);
}

function takeLeaks(): readonly string[] {
  const leaks = ['seen4', 'seen6'].flatMap((name) => {
    const listed = must('nft', '-n', 'list', 'set', 'inet', 'watch', name);
    must('nft', 'flush', 'set', 'inet', 'watch', name);
    const elements = /elements = \{([^}]*)\}/.exec(listed)?.[1] ?? '';
    return elements
      .split(',')
      .map((element) => element.trim().replaceAll(' . ', ' '))
      .filter((element) => element !== '');
  });
  return leaks.toSorted();
}

async function startMachineSshd(cleanUp: CleanUp, machine: Neighbour): Promise<string> {
  const folder = temporaryFolder(cleanUp, 'clawpatrol-sshd');
  makeKey(join(folder, 'host'));
  makeKey(join(folder, 'login'));
  writeFileSync(join(folder, 'authorized_keys'), readFileSync(join(folder, 'login.pub')));
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  writeFileSync(
    join(folder, 'sshd_config'),
    `Port ${SSH_PORT}
ListenAddress 0.0.0.0
ListenAddress ::
HostKey ${join(folder, 'host')}
PidFile none
AuthorizedKeysFile ${join(folder, 'authorized_keys')}
StrictModes no
UsePAM no
PermitRootLogin yes
UseDNS no
`,
  );
  const [program, args] = machine.within(SSHD, ['-D', '-e', '-f', join(folder, 'sshd_config')]);
  const child = spawn(program, [...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', (bytes: Buffer) => (log += bytes.toString()));
  cleanUp.after(() => void child.kill());
  await eventually('sshd listens', () => log.includes('on :: port') && log.includes('on 0.0.0.0 port'));
  return join(folder, 'login');
}

interface SessionParts {
  readonly operator: Neighbour;
  readonly address: string;
  readonly login: string;
  readonly home: string;
}

let echoes = 0;

function openSession(cleanUp: CleanUp, { operator, address, login, home }: SessionParts): Session {
  const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'BatchMode=yes', 'LogLevel=ERROR'];
  const [program, args] = operator.within('ssh', [
    '-F',
    'none',
    '-i',
    login,
    '-p',
    String(SSH_PORT),
    ...options.flatMap((option) => ['-o', option]),
    `root@${address}`,
    `HOME=${home} NO_COLOR=1 exec sh`,
  ]);
  const child = spawn(program, [...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  cleanUp.after(() => void child.kill());
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
  child.stdin.on('error', () => {});
  const session: Session = {
    type: (line) => void child.stdin.write(`${line}\n`),
    said: () => said,
    async mustBeAlive() {
      echoes += 1;
      const word = `alive-${echoes}-`;
      session.type(`echo ${word}$((1 + 1))`);
      await eventually(`the session answers (${said.slice(-300)})`, () => said.includes(`${word}2`));
    },
  };
  return session;
}

function snapshot(machine: Neighbour): string {
  const commands: readonly (readonly [string, ...string[]])[] = [
    ['ip', '-4', 'rule'],
    ['ip', '-6', 'rule'],
    ['ip', '-4', 'route', 'show', 'table', 'all'],
    ['ip', '-6', 'route', 'show', 'table', 'all'],
    ['ip', '-o', 'link'],
    ['ip', '-o', 'address'],
    ['nft', 'list', 'ruleset'],
    ['cat', '/etc/resolv.conf'],
    ['cat', '/proc/self/mounts'],
    ['cat', '/proc/sys/net/ipv4/conf/all/src_valid_mark'],
    ['stat', '-c', '%i %a %u %g %Y', '/etc/resolv.conf'],
  ];
  return commands
    .map(([program, ...args]) => `# ${program} ${args.join(' ')}\n${machine.must(program, ...args)}`)
    .join('\n');
}
