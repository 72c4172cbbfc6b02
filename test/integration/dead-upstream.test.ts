// A dead upstream behind every way in and every protocol (traps TR-01): the client is told so at once, in the words of its protocol; where it has
// none, its connection is reset. Nothing hangs, and nothing ends without a word.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { decode, encode } from 'dns-packet';
import { createWireguardKeys } from '../../src/devices/wireguard.ts';
import { eventually } from '../support/daemon.ts';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { startNameServer } from '../support/name-server.ts';
import { createNeighbour, enterOwnNetwork, must, whyNoTunnel, type Neighbour } from '../support/network.ts';
import { runProgram } from '../support/run.ts';
import { MAIN } from '../support/run-world.ts';
import { startTailscaled } from '../support/tailscaled.ts';
import { temporaryFolder, type CleanUp } from '../support/temp.ts';
import { openClientTunnel, publicKeyOf } from '../support/wireguard-client.ts';

const skip = whyNoTunnel();
if (skip === false) {
  enterOwnNetwork();
}

const CLIENT = join(import.meta.dirname, '..', 'support', 'dead-client.js');
const PROBE = join(import.meta.dirname, '..', 'support', 'probe.js');
const UDP_PORT = 51_895;
const INTERFACE = `cpd${process.pid % 100_000}`;
/** Of the gateway in the tailnet, and of the node there. */
const OWN = '100.64.0.1';
const NODE = '100.64.0.2';
/** Nobody declared it, and it refuses connections. */
const STRANGER = '93.184.216.34';
/** Half of the shortest deadline that could be waited for. */
const LIMIT_MS = 5_000;
/** A busy machine may be slow once; a deadline that is waited for is slow each time. */
const TRIES = 4;

/** How the client of a protocol speaks, the port where nothing listens, and what it must be told. */
interface Case {
  readonly name: string;
  readonly ref: string;
  readonly speaks: string;
  readonly port: number;
  readonly said: RegExp;
  readonly block: (host: string, listen: string) => string;
}

const CASES: readonly Case[] = [
  {
    name: 'pg',
    ref: 'postgres.pg',
    speaks: 'postgres',
    port: 901,
    said: /the gateway cannot reach the upstream database/,
    block: (host, listen) => `
endpoint "postgres" "pg" {
  host    = "${host}"
  sslmode = "disable"
  ${listen}
}
credential "postgres_credential" "pg" {
  endpoint = postgres.pg
  user     = "x"
  secret { env = "ANY_SECRET" }
}`,
  },
  {
    name: 'web',
    ref: 'https.web',
    speaks: 'https',
    port: 902,
    said: /HTTP\/1\.1 502 [^]*the gateway cannot reach the upstream/,
    block: (host, listen) => `
endpoint "https" "web" {
  hosts = ["${host}"]
  ${listen}
}
credential "passthrough" "web" { endpoint = https.web }`,
  },
  {
    name: 'kube',
    ref: 'kubernetes.kube',
    speaks: 'https',
    port: 903,
    said: /HTTP\/1\.1 502 [^]*"kind":"Status"[^]*the gateway cannot reach the upstream/,
    block: (host, listen) => `
endpoint "kubernetes" "kube" {
  server = "https://${host}"
  ${listen}
}
credential "bearer_token" "kube" {
  endpoint = kubernetes.kube
  secret { env = "ANY_SECRET" }
}`,
  },
  {
    name: 'chn',
    ref: 'clickhouse_native.chn',
    speaks: 'clickhouse',
    port: 904,
    said: /the gateway cannot reach the upstream database/,
    block: (host, listen) => `
endpoint "clickhouse_native" "chn" {
  hosts = ["${host}"]
  ${listen}
}`,
  },
  {
    name: 'chh',
    ref: 'clickhouse_https.chh',
    speaks: 'http',
    port: 905,
    // Its names are looked up before the statement is judged.
    said: /HTTP\/1\.1 502 [^]*cannot reach chh\.dead\.test:905: connect ECONNREFUSED/,
    block: (host, listen) => `
endpoint "clickhouse_https" "chh" {
  hosts = ["${host}"]
  tls   = false
  ${listen}
}
credential "clickhouse_credential" "ch" {
  endpoints = [clickhouse_native.chn, clickhouse_https.chh]
  user      = "x"
  secret { env = "ANY_SECRET" }
}`,
  },
  {
    name: 'box',
    ref: 'ssh.box',
    speaks: 'ssh',
    port: 906,
    said: /cannot reach/,
    block: (host, listen) => `
endpoint "ssh" "box" {
  hosts = ["${host}"]
  ${listen}
}
credential "ssh_key" "box" {
  endpoint = ssh.box
  user     = "x"
  secret "password" { env = "ANY_SECRET" }
}`,
  },
];

interface Told {
  readonly how: string;
  readonly said: string;
  readonly ms: number;
}

/** Runs the client somewhere: its arguments behind the protocol are the destination and where to connect. */
type Try = (speaks: string, wanted: string, at: string) => Promise<Told>;

const cleanUps: (() => unknown)[] = [];
const whole: CleanUp = { after: (step) => void cleanUps.unshift(step) };

interface World {
  readonly gateway: GatewayProcess;
  readonly node: Neighbour;
  readonly laptop: Neighbour;
  readonly runner: Neighbour;
  readonly home: string;
}

let world: World;

const hostOf = ({ name, port }: Case): string => `${name}.dead.test:${port}`;

function readTold({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }): Told {
  const line = stdout.split('\n').find((text) => text.startsWith('{')) ?? '';
  assert.notEqual(line, '', stdout + stderr);
  return JSON.parse(line) as Told;
}

function within(place: Neighbour): Try {
  return async (...args) => readTold(await place.run(process.execPath, [CLIENT, ...args], { timeoutMs: 60_000 }));
}

const here: Try = async (...args) =>
  readTold(await runProgram(process.execPath, [CLIENT, ...args], { timeoutMs: 60_000 }));

/** The variables say where the proxy is. */
const inRun: Try = async (speaks, wanted) =>
  readTold(
    await world.runner.run(
      process.execPath,
      [MAIN, 'run', '--mode', 'proxy', '--', 'sh', '-c', `"$0" "$1" "$2" "$3" "$HTTPS_PROXY"`].concat(
        process.execPath,
        CLIENT,
        speaks,
        wanted,
      ),
      { env: { HOME: world.home, NO_COLOR: '1' }, timeoutMs: 60_000 },
    ),
  );

/** The virtual address of a name, as a device is told. */
async function addressOf(place: Neighbour, name: string): Promise<string> {
  const hex = encode({ type: 'query', id: 7, flags: 256, questions: [{ name, type: 'A' }] }).toString('hex');
  const { stdout } = await place.run(process.execPath, [PROBE, 'dns', 'udp', '8.8.8.8', hex]);
  const [answer] = decode(Buffer.from(stdout, 'hex')).answers ?? [];
  return String(Reflect.get(Object(answer), 'data'));
}

/** Tries again while it is only slow; whatever it says must be right each time. */
async function check(what: string, attempt: () => Promise<Told>, isRight: (told: Told) => boolean): Promise<void> {
  let fastest = Number.POSITIVE_INFINITY;
  for (let left = TRIES; left > 0 && fastest >= LIMIT_MS; left -= 1) {
    const told = await attempt();
    assert.ok(isRight(told), `${what}: ${JSON.stringify(told)}`);
    fastest = Math.min(fastest, told.ms);
  }
  assert.ok(fastest < LIMIT_MS, `${what}: told after ${fastest} ms at best`);
}

function configFor(socket: string, resolver: string, ours: string): string {
  return `
schema_version = 1
gateway {
  dashboard_listen = "off"
  enroll_listen    = "${ours}:0"
  resolver         = "${resolver}"
  proxy {
    listen  = "127.0.0.1:0"
    profile = "oncall"
  }
  wireguard {
    subnet_cidr = "10.77.0.0/24"
    listen_port = ${UDP_PORT}
    endpoint    = "${ours}:${UDP_PORT}"
    interface   = "${INTERFACE}"
  }
  tailscale {
    socket    = "${socket}"
    interface = "cable0"
    authkey   = "{{secret:TAILNET_KEY}}"
  }
}
defaults { unknown_host = "passthrough" }
${CASES.map((one) => one.block(hostOf(one), 'listen = "127.0.0.1:0"')).join('\n')}
profile "oncall" {
  credentials = [pg, web, kube, ch, box]
  tailscale   = ["tag:agent"]
}
`;
}

describe('a dead upstream', { timeout: 600_000, skip }, () => {
  before(async () => {
    const node = await createNeighbour(whole);
    const laptop = await createNeighbour(whole);
    const runner = await createNeighbour(whole);
    must('ip', 'address', 'flush', 'dev', 'cable0');
    must('ip', 'address', 'add', `${node.ours}/32`, 'dev', 'lo');
    must('ip', 'address', 'add', `${OWN}/32`, 'dev', 'cable0');
    must('ip', 'route', 'add', `${NODE}/32`, 'dev', 'cable0');
    node.must('ip', 'address', 'add', `${NODE}/32`, 'dev', 'far0');
    node.must('ip', 'route', 'add', 'default', 'via', OWN, 'dev', 'far0', 'onlink', 'src', NODE);
    runner.must('ip', 'address', 'add', `${STRANGER}/32`, 'dev', 'lo');
    must('ip', 'route', 'add', STRANGER, 'via', runner.address);
    const names = await startNameServer(
      whole,
      Object.fromEntries(CASES.map(({ name }) => [`${name}.dead.test`, [node.ours]])),
    );
    const tailscaled = await startTailscaled(whole, OWN);
    tailscaled.nodes.set(NODE, { stableId: 'nAgent', name: 'agent', login: '', tags: ['tag:agent'] });
    const keys = createWireguardKeys();
    const stateDir = join(temporaryFolder(whole, 'clawpatrol-dead'), 'state');
    mkdirSync(stateDir, { mode: 0o700 });
    const device = {
      id: '0190a3d2-0000-7000-8000-000000000002',
      name: 'laptop',
      publicKey: keys.publicKey,
      number: 2,
      profile: 'oncall',
      user: '',
      enrolledMs: 0,
      tokenHash: '',
      revokedMs: null,
    };
    writeFileSync(join(stateDir, 'devices.json'), JSON.stringify({ version: 1, devices: [device] }));
    const gateway = await startGateway(whole, {
      stateDir,
      env: { ANY_SECRET: 'x', TAILNET_KEY: 'k' },
      config: configFor(tailscaled.socket, names.address, runner.ours),
    });
    const publicKey = await publicKeyOf(gateway);
    await openClientTunnel(whole, laptop, {
      keys,
      gateway: { publicKey, endpoint: `${laptop.ours}:${UDP_PORT}` },
      addresses: ['10.77.0.2/32', 'fdc1:a7b0:7a01::2/128'],
    });
    const home = temporaryFolder(whole, 'clawpatrol-home');
    const token = join(home, 'join-token');
    writeFileSync(token, gateway.cli('devices', 'token', '--profile', 'oncall', '--expires', '10m').stdout.trim());
    const fingerprint = /[0-9A-F:]{95}/.exec(gateway.cli('ca', 'show').stdout)?.[0] ?? '';
    const url = `https://${runner.ours}:${gateway.port('enroll')}#sha256=${fingerprint}`;
    const joined = await runner.run(process.execPath, [MAIN, 'join', url, '--no-trust', '--token-file', token], {
      env: { HOME: home, NO_COLOR: '1' },
      timeoutMs: 60_000,
    });
    assert.equal(joined.code, 0, joined.stderr);
    world = { gateway, node, laptop, runner, home };
  });

  after(async () => {
    for (const step of cleanUps) {
      await step();
    }
  });

  const proxy = (): string => `http://127.0.0.1:${world.gateway.port('proxy')}`;
  const ways: readonly (readonly [string, (one: Case) => Promise<Told>])[] = [
    ['a listener', (one) => here(one.speaks, hostOf(one), `127.0.0.1:${world.gateway.port(one.ref)}`)],
    ['CONNECT', (one) => here(one.speaks, hostOf(one), proxy())],
    [
      'the tunnel',
      async (one) =>
        within(world.laptop)(
          one.speaks,
          hostOf(one),
          `${await addressOf(world.laptop, `${one.name}.dead.test`)}:${one.port}`,
        ),
    ],
    [
      'the tailnet',
      async (one) =>
        within(world.node)(
          one.speaks,
          hostOf(one),
          `${await addressOf(world.node, `${one.name}.dead.test`)}:${one.port}`,
        ),
    ],
    ['a run in proxy mode', (one) => inRun(one.speaks, hostOf(one), '')],
  ];
  for (const [way, attempt] of ways) {
    test(`TR-01: behind ${way} every protocol tells its client at once that its upstream cannot be reached`, async () => {
      for (const one of CASES) {
        await check(
          `${one.name} behind ${way}`,
          () => attempt(one),
          ({ how, said }) => how !== 'nothing' && one.said.test(said),
        );
      }
    });
  }

  test('TR-01: what nobody declared has no words: it is reset, or the proxy says so before it is opened', async () => {
    const stranger = `${STRANGER}:907`;
    const isReset = ({ how, said }: Told): boolean => said === '' && ['ECONNRESET', 'ECONNREFUSED'].includes(how);
    const isToldByProxy = ({ said }: Told): boolean =>
      /^HTTP\/1\.1 502 [^]*cannot reach 93\.184\.216\.34:907/.test(said);
    const isToldUndeclared = ({ said }: Told): boolean => /^HTTP\/1\.1 403 [^]*:907 is not declared/.test(said);
    for (const [way, attempt, isRight] of [
      ['the tunnel', () => within(world.laptop)('raw', stranger, stranger), isReset],
      ['the tailnet', () => within(world.node)('raw', stranger, stranger), isReset],
      ['CONNECT', () => here('raw', stranger, proxy()), isToldByProxy],
      // A run has what is declared, and nothing else.
      ['a run in proxy mode', () => inRun('raw', stranger, ''), isToldUndeclared],
    ] as const) {
      await check(`a stranger behind ${way}`, attempt, isRight);
    }
    await eventually('each try is on record as one that failed', () => {
      const found = world.gateway.cli('audit', 'search', '--json', '--limit', '500', '--types', 'connection.closed');
      return found.stdout.includes('the destination could not be reached');
    });
  });
});
