// Agents that come through a real tailnet, beside one that comes through WireGuard: headscale, tailscaled in each network, the real daemon as
// exit node, unmodified clients. Runs
// where scripts/tailnet/build.sh has built the programs (npm run tailnet); elsewhere there is nothing to run here, and tailnet.test.ts runs
// everywhere.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { encode } from 'dns-packet';
import { createWireguardKeys } from '../../src/devices/wireguard.ts';
import { eventually } from '../support/daemon.ts';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { startNameServer } from '../support/name-server.ts';
import { createNeighbour, enterOwnNetwork, must, whyNoTunnel, type Neighbour } from '../support/network.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { hasTailnet, startTailnet, type Tailnet, type TailnetNode } from '../support/tailnet.ts';
import { temporaryFolder, type CleanUp } from '../support/temp.ts';
import { openClientTunnel, publicKeyOf } from '../support/wireguard-client.ts';

const here = hasTailnet() && whyNoTunnel() === false;
if (here) {
  enterOwnNetwork();
}

const PROBE = join(import.meta.dirname, '..', 'support', 'probe.js');
const NAME = 'db.internal.test';
const RESOLVER = '127.78.0.53';
const ORDINARY_NODE = '127.0.0.1';
const UDP_PORT = 51_895;
const INTERFACE = `cpt${process.pid % 100_000}`;
const PEER = createWireguardKeys();

interface World {
  readonly upstream: PostgresServer;
  readonly tailnet: Tailnet;
  readonly near: Neighbour;
  readonly far: Neighbour;
  readonly third: Neighbour;
  /** Comes through WireGuard. */
  readonly peer: Neighbour;
  readonly gatewayNode: TailnetNode;
  readonly agent: TailnetNode;
  readonly spare: TailnetNode;
  readonly stranger: TailnetNode;
  gateway: GatewayProcess;
  /** The gateway’s in the tailnet. */
  readonly ownAddress: string;
  /** Starts the gateway once more with what it had, its dashboard at that address alone. */
  readonly restart: () => Promise<GatewayProcess>;
  /** What was asked of the resolver beyond the gateway. */
  readonly asked: ReadonlySet<string>;
}

const cleanUps: (() => unknown)[] = [];
const whole: CleanUp = { after: (step) => void cleanUps.unshift(step) };
let world: World;

function configFor(
  upstream: PostgresServer,
  resolver: string,
  node: { readonly socket: string; readonly url: string; readonly endpoint: string; readonly dashboard: string },
): string {
  return `
schema_version = 1
gateway {
  dashboard_listen = "${node.dashboard}:8080"
  resolver = "${resolver}"
  wireguard {
    subnet_cidr = "10.77.0.0/24"
    listen_port = ${UDP_PORT}
    endpoint    = "${node.endpoint}:${UDP_PORT}"
    interface   = "${INTERFACE}"
  }
  tailscale {
    socket      = "${node.socket}"
    control_url = "${node.url}"
    authkey     = "{{secret:TAILNET_KEY}}"
    hostname    = "gateway"
    operators   = ["*@example.com"]
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
profile "oncall" {
  credentials = [pg]
  tailscale   = ["tag:agent"]
}
profile "tunnelled" { credentials = [pg] }
defaults { unmatched = "deny" }
rule "shows" {
  endpoint  = pg
  condition = "sql.verb == 'show' && agent.transport == 'wireguard' && agent.profile == 'tunnelled'"
  verdict   = "allow"
}
rule "reads" {
  endpoint  = pg
  condition = "sql.verb == 'select' && agent.transport == 'tailscale'"
  verdict   = "allow"
}
`;
}

function psqlArgs(sql: string, host: string): readonly string[] {
  return ['-At', '-h', host, '-p', String(world.upstream.port), '-U', 'anybody', '-d', 'postgres', '-c', sql];
}

const PSQL = { env: { PGCONNECT_TIMEOUT: '30', PGPASSWORD: 'none', PGSSLMODE: 'disable' } };

function psql(at: Neighbour, sql: string, host: string = NAME) {
  return at.run('psql', psqlArgs(sql, host), PSQL);
}

/** By curl, from an address of its own choice: its exit code; 28 is that nothing came back. */
async function dialFrom(at: Neighbour, source: string, host: string): Promise<number | null> {
  const where = host.includes(':') ? `[${host}]` : host;
  const url = `http://${where}:${world.upstream.port}/`;
  return (await at.run('curl', ['-sS', '-m', '4', '--interface', source, url])).code;
}

async function probe(at: Neighbour, ...args: readonly (string | number)[]): Promise<string> {
  const result = await at.run(process.execPath, [PROBE, ...args.map(String)]);
  return result.stdout === '' ? result.stderr : result.stdout;
}

function records(...filters: readonly string[]): string {
  return world.gateway.cli('audit', 'search', '--json', '--limit', '500', ...filters).stdout;
}

async function useExitNode(node: TailnetNode, exit: TailnetNode): Promise<void> {
  const address = await exit.address();
  // Without a relay that both reach, the first packets find their way late.
  await eventually('the nodes see each other', async () => (await node.cli('ping', '-c', '1', address)).code === 0);
  await eventually(
    'the exit node is offered',
    async () => (await node.cli('set', `--exit-node=${address}`)).code === 0,
  );
}

function question(name: string): string {
  return encode({ type: 'query', id: 7, flags: 256, questions: [{ name, type: 'A' }] }).toString('hex');
}

/** The first virtual address that the gateway gives. */
function virtual(): string {
  return '10.78.0.1';
}

/** psql that stays connected, and says `ready` once more. */
function openPsql(at: Neighbour, sql: string = "select 'ready'"): { printed(): string; again(): void; end(): void } {
  const [enter, args] = at.within('psql', [...psqlArgs(sql, NAME).slice(0, -2), '-f', '-']);
  const child = spawn(enter, [...args], { env: { PATH: process.env['PATH'] ?? '', ...PSQL.env }, stdio: 'pipe' });
  let printed = '';
  child.stdout.on('data', (bytes: Buffer) => {
    printed += bytes.toString();
  });
  child.stdin.on('error', () => {});
  const again = (): void => void child.stdin.write(`${sql};\n`);
  again();
  return { printed: () => printed, again, end: () => void child.kill() };
}

/** How many connections of the device ended because of what became of its node. */
function countCut(device: string): number {
  const { items } = JSON.parse(records('--device', device, '--types', 'connection.closed')) as {
    items: { reason: string | null }[];
  };
  return items.filter(({ reason }) => reason?.includes('its node') === true).length;
}

async function expire(): Promise<void> {
  const { tailnet } = world;
  const nodes = (await tailnet.headscale('nodes', 'list')) as { id: number; given_name: string }[];
  const id = nodes.find(({ given_name: name }) => name === 'spare')?.id ?? 0;
  await tailnet.headscale('nodes', 'expire', '-i', String(id));
}

/** A device of WireGuard that was let in earlier, as the gateway keeps it. */
function letIn(stateDir: string): void {
  mkdirSync(stateDir, { mode: 0o700 });
  const laptop = {
    id: '0190a3d2-0000-7000-8000-000000000002',
    name: 'laptop',
    publicKey: PEER.publicKey,
    number: 2,
    profile: 'tunnelled',
    user: '',
    enrolledMs: 0,
    tokenHash: '',
    revokedMs: null,
  };
  writeFileSync(join(stateDir, 'devices.json'), JSON.stringify({ version: 1, devices: [laptop] }));
}

function suite(): void {
  before(async () => {
    const upstream = await startPostgres(whole, {
      flavour: 'debian',
      settings: ["listen_addresses = '*'"],
      hba: ['host all all all scram-sha-256', 'local all all trust'],
    });
    const tailnet = await startTailnet(whole);
    const near = await createNeighbour(whole);
    const far = await createNeighbour(whole);
    const third = await createNeighbour(whole);
    const peer = await createNeighbour(whole);
    const names = await startNameServer(whole, { [NAME]: [near.ours] });
    const gatewayNode = await tailnet.startNode('gateway', null, RESOLVER);
    const stateDir = join(temporaryFolder(whole, 'clawpatrol-tail'), 'state');
    letIn(stateDir);
    const place = { socket: gatewayNode.socket, url: tailnet.controlUrl, endpoint: peer.ours };
    const env = {
      CLAWPATROL_SECRET_PG: upstream.password,
      TAILNET_KEY: await tailnet.authKey('boss', ['tag:gateway']),
    };
    const start = (dashboard: string): Promise<GatewayProcess> => {
      const config = configFor(upstream, names.address, { ...place, dashboard });
      return startGateway(whole, { config, stateDir, env, readyWithinMs: 120_000 });
    };
    // The control server gives an address anew when a registration was slow and is tried again: which one it is is known only now.
    const gateway = await start('0.0.0.0');
    const ownAddress = await gatewayNode.address();
    const restart = (): Promise<GatewayProcess> => start(ownAddress);
    const publicKey = await publicKeyOf(gateway);
    await openClientTunnel(whole, peer, {
      keys: PEER,
      gateway: { publicKey, endpoint: `${peer.ours}:${UDP_PORT}` },
      addresses: ['10.77.0.2/32', 'fdc1:a7b0:7a01::2/128'],
    });
    const enter = async (name: string, at: Neighbour, key: string): Promise<TailnetNode> => {
      const node = await tailnet.startNode(name, at, ORDINARY_NODE);
      const up = await node.cli(
        'up',
        `--login-server=${tailnet.controlUrl}`,
        `--auth-key=${key}`,
        `--hostname=${name}`,
      );
      assert.equal(up.code, 0, up.stderr);
      await useExitNode(node, gatewayNode);
      await eventually(`${name} finds names`, async () =>
        /10\.78\./.test((await node.cli('dns', 'query', NAME)).stdout),
      );
      return node;
    };
    const agent = await enter('agent', near, await tailnet.authKey('boss', ['tag:agent']));
    const spare = await enter('spare', third, await tailnet.authKey('boss', ['tag:agent']));
    const stranger = await enter('stranger', far, await tailnet.authKey('ann'));
    const nodes = { gatewayNode, agent, spare, stranger };
    world = { upstream, tailnet, near, far, third, peer, ...nodes, gateway, ownAddress, restart, asked: names.asked };
  });
  after(async () => {
    for (const step of cleanUps) {
      await step();
    }
  });

  test('psql through the exit node is judged under the profile of its node', async () => {
    const read = await psql(world.near, 'select 41 + 1');
    assert.equal(read.stdout.trim(), '42', read.stderr);
    const write = await psql(world.near, 'create table t (x int)');
    assert.match(write.stderr, /denied|refused/i);
    await eventually('it is on record', () => /"device":"agent"/.test(records('--endpoint', 'postgres.pg')));
    assert.equal(await probe(world.near, 'tcp', '1.1.1.1', 443), 'ECONNREFUSED');
    assert.equal(await probe(world.near, 'udp', '1.1.1.1', 443), 'ECONNREFUSED');
  });

  test('the dashboard takes an operator by the login of the node, and no agent', async () => {
    const ask = (at: Neighbour) => at.run('curl', ['-skS', '-m', '60', `https://${world.ownAddress}:8080/api/session`]);
    const own = await ask(world.far);
    assert.match(own.stdout + own.stderr, /"name":"ann@example.com"/);
    assert.match((await ask(world.near)).stdout, /not for agents/);
  });

  test('a node without a profile gets nothing, and is on record as a device that an operator may give one', async () => {
    const { far, gateway, upstream } = world;
    const refused = await psql(far, 'select 1');
    assert.notEqual(refused.code, 0);
    assert.equal(await probe(far, 'tcp', virtual(), upstream.port), 'ECONNRESET');
    assert.equal(await probe(far, 'briefly', 'dns', 'udp', '8.8.8.8', question(NAME)), 'nothing');
    assert.match(
      gateway.cli('devices', 'list', '--json').stdout,
      /"name":"stranger","profile":"","user":"ann@example.com"/,
    );
    assert.equal(gateway.cli('devices', 'set-profile', 'stranger', 'oncall').code, 0);
    assert.equal((await psql(far, 'select 2')).stdout.trim(), '2');
    const page = await far.run('curl', ['-sk', '-m', '60', `https://${world.ownAddress}:8080/api/session`]);
    assert.match(page.stdout, /not for agents/);
    assert.equal(gateway.cli('devices', 'revoke', 'stranger').code, 0);
    assert.notEqual((await psql(far, 'select 3')).code, 0);
  });

  test('names that tailscaled answers as exit node come to the gateway and go no further', async () => {
    const { near, agent, asked, gatewayNode } = world;
    const declared = await agent.cli('dns', 'query', NAME);
    assert.match(declared.stdout, /10\.78\.0\.1/);
    const secret = 'stolen-data.attacker.test';
    const undeclared = await agent.cli('dns', 'query', secret);
    assert.match(undeclared.stdout, /RCodeNameError|NXDOMAIN/i);
    assert.equal([...asked].includes(secret), false);
    await eventually('it is on record', () => records('--types', 'connection.refused').includes(secret));
    const self = await gatewayNode.cli('status', '--json');
    const [peerUrl = ''] = Reflect.get(JSON.parse(self.stdout).Self, 'PeerAPIURL') as string[];
    const own = await near.run('curl', ['-s', '-m', '5', '-w', '%{http_code}', `${peerUrl}/v0/goroutines`]);
    assert.match(own.stdout, /403$/);
  });

  test('beside WireGuard: each is judged by its own profile, and addresses of one are worth nothing on the other', async () => {
    const { agent, near, peer } = world;
    assert.equal((await psql(peer, 'show client_encoding')).stdout.trim(), 'UTF8');
    assert.match((await psql(peer, 'select 1')).stderr, /denied|refused/i);
    assert.match((await psql(near, 'show client_encoding')).stderr, /denied|refused/i);
    assert.equal((await psql(near, 'select 5')).stdout.trim(), '5');
    const own = await agent.address();
    const at = /^(wgt\S+)/m.exec(peer.must('ip', '-brief', 'link'))?.[1] ?? '';
    for (const [from, device, stolen, ours] of [
      [peer, at, own, '10.77.0.2'],
      [near, 'tailscale0', '10.77.0.2', own],
    ] as const) {
      from.must('ip', 'address', 'add', `${stolen}/32`, 'dev', device);
      assert.equal(await dialFrom(from, stolen, virtual()), 28, stolen);
      from.must('ip', 'address', 'delete', `${stolen}/32`, 'dev', device);
      assert.notEqual(await dialFrom(from, ours, virtual()), 28, ours);
    }
    assert.equal(await probe(peer, 'tcp', world.ownAddress, 8080), 'ECONNREFUSED');
    assert.equal(await probe(peer, 'tcp', own, 22), 'ECONNREFUSED');
    assert.equal(await probe(near, 'briefly', 'tcp', '10.77.0.1', UDP_PORT), 'nothing');
  });

  test('over IPv6 too: what is declared is judged, and the rest refused and recorded, or left to die by tailscaled', async () => {
    const { agent, near, upstream } = world;
    assert.match((await agent.cli('dns', 'query', NAME, 'AAAA')).stdout, /fd78::1/);
    assert.equal((await psql(near, 'select 6', 'fd78::1')).stdout.trim(), '6');
    assert.match((await psql(near, 'create table t (x int)', 'fd78::1')).stderr, /denied|refused/i);
    for (const address of ['2606:4700:4700::1111', '64:ff9b::a01:101', 'fd78::ffff']) {
      assert.equal(await probe(near, 'tcp', address, 8443), 'ECONNREFUSED', address);
      assert.equal(await probe(near, 'udp', address, 443), 'ECONNREFUSED', address);
      await eventually(`${address} is on record`, () => {
        const found = records('--types', 'connection.refused', '--device', 'agent');
        return found.includes(`"[${address}]:8443"`) && found.includes(`"[${address}]:443"`);
      });
    }
    // Nothing that is anybody's in the tailnet, or behind a subnet router (4via6), is an exit node's to carry.
    const [, own6 = ''] = (await world.gatewayNode.cli('ip')).stdout.split('\n');
    for (const address of ['fd7a:115c:a1e0:b1a:0:7:a01:101', 'fe80::1%tailscale0', own6]) {
      assert.match(
        await probe(near, 'briefly', 'tcp', address, upstream.port),
        /^(?:nothing|ECONNREFUSED|EHOSTUNREACH)$/,
        address,
      );
    }
  });

  test('what is behind a subnet router has addresses of its own, which get nothing', async () => {
    const { agent, gatewayNode, near } = world;
    const behind = '192.168.50.9';
    near.must('ip', 'address', 'add', `${behind}/32`, 'dev', 'lo');
    // So that WireGuard between the nodes lets those addresses in: the rules around the interface are shown.
    assert.equal((await gatewayNode.cli('set', '--accept-routes')).code, 0);
    assert.equal((await agent.cli('set', '--advertise-routes=192.168.50.0/24')).code, 0);
    await eventually('that it carries others is on record', () =>
      records('--types', 'connection.noticed').includes('its node carries 192.168.50.0/24 for others'),
    );
    assert.equal(await dialFrom(near, behind, virtual()), 28);
    await eventually('it was refused', async () => {
      await dialFrom(near, behind, virtual());
      return records('--types', 'connection.refused').includes(`${behind} is no device's address`);
    });
    assert.equal((await psql(near, 'select 7')).stdout.trim(), '7');
    assert.equal((await agent.cli('set', '--advertise-routes=')).code, 0);
    assert.equal((await gatewayNode.cli('set', '--accept-routes=false')).code, 0);
    await eventually('all is as it was', async () => (await psql(near, 'select 7')).code === 0);
  });

  test('after kill -9 nothing passes, and the next gateway takes over both', async () => {
    const { near, peer } = world;
    process.kill(world.gateway.pid, 'SIGKILL');
    await world.gateway.exited;
    const said: string[] = [];
    await eventually('it is refused', async () => {
      said.push(await probe(near, 'briefly', 'tcp', '1.1.1.1', 443));
      return said.includes('ECONNREFUSED');
    });
    assert.ok(!said.includes('ended'), said.join(' '));
    assert.notEqual((await psql(near, 'select 8', virtual())).code, 0);
    assert.notEqual((await psql(peer, 'show client_encoding', virtual())).code, 0);
    world.gateway = await world.restart();
    await eventually('the peer is back', async () => (await psql(peer, 'show client_encoding')).code === 0, 180_000);
    await eventually('the node is back', async () => (await psql(near, 'select 8')).code === 0, 180_000);
  });

  test('expiry and logout of a node cut its open connections, and none that came through WireGuard', async () => {
    const { near, peer, third, agent } = world;
    const other = openPsql(peer, 'show client_encoding');
    await eventually('the peer is connected', () => other.printed().includes('UTF8'));
    for (const [device, at, how] of [
      ['spare', third, expire],
      ['agent', near, async () => void (await agent.cli('logout'))],
    ] as const) {
      const session = openPsql(at);
      await eventually(`${device} is connected`, () => session.printed().includes('ready'));
      const cutBefore = countCut(device);
      await how();
      await eventually(`the connection of ${device} has ended`, () => countCut(device) > cutBefore);
      session.end();
      assert.notEqual((await psql(at, 'select 1', virtual())).code, 0);
    }
    const had = other.printed().length;
    other.again();
    await eventually('the peer goes on', () => other.printed().length > had);
    other.end();
  });

  test('a stop takes down both', async () => {
    const { gateway, gatewayNode } = world;
    assert.equal(await gateway.stop(), 0);
    assert.ok(!must('ip', '-brief', 'link').includes(INTERFACE));
    // tailscaled has tables of its own, which are empty.
    assert.doesNotMatch(must('nft', 'list', 'ruleset'), /clawpatrol|chain/);
    assert.match((await gatewayNode.cli('debug', 'prefs')).stdout, /"AdvertiseRoutes": (?:null|\[\])/);
  });
}

if (here) {
  describe('agents of a tailnet', { timeout: 1_800_000 }, suite);
}
