// WireGuard and Tailscale in one gateway: whoever comes by one of them is judged as that, its addresses are worth nothing on the other, and
// what ends in one goes on in the other. With the stand-in for tailscaled, whose packets come over a cable: IPv6 and subnet routers too.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { decode, encode } from 'dns-packet';
import { createWireguardKeys } from '../../src/devices/wireguard.ts';
import { eventually } from '../support/daemon.ts';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { startNameServer } from '../support/name-server.ts';
import { createNeighbour, enterOwnNetwork, must, whyNoTunnel, type Neighbour } from '../support/network.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { startTailscaled, type StandIn, type StandInNode } from '../support/tailscaled.ts';
import { temporaryFolder, type CleanUp } from '../support/temp.ts';
import { openClientTunnel, publicKeyOf } from '../support/wireguard-client.ts';

const skip = whyNoTunnel();
if (skip === false) {
  enterOwnNetwork();
}

const PROBE = join(import.meta.dirname, '..', 'support', 'probe.js');
const NAME = 'db.internal.test';
const UDP_PORT = 51_896;
const INTERFACE = `cpb${process.pid % 100_000}`;
/** The gateway's addresses in the tailnet, and those of the node. */
const OWN = { v4: '100.64.0.1', v6: 'fd7a:115c:a1e0::1' };
const NODE = { v4: '100.64.0.2', v6: 'fd7a:115c:a1e0::2' };
const PEER = { v4: '10.77.0.2', v6: 'fdc1:a7b0:7a01::2' };
/** Of the node's name there is a device already. */
const FIRST: StandInNode = { stableId: 'nFirstCNTRL', name: 'laptop', login: '', tags: ['tag:agent'] };
const SECOND: StandInNode = { stableId: 'nSecondCNTRL', name: 'second', login: '', tags: ['tag:agent'] };
const ROUTER: StandInNode = {
  stableId: 'nRouterCNTRL',
  name: 'router',
  login: '',
  tags: ['tag:agent'],
  routes: ['100.100.0.0/16', '192.168.50.0/24', '0.0.0.0/0'],
};

interface World {
  readonly upstream: PostgresServer;
  /** Comes through WireGuard. */
  readonly peer: Neighbour;
  /** Comes through the tailnet. */
  readonly node: Neighbour;
  readonly tailscaled: StandIn;
  readonly stateDir: string;
  readonly config: string;
  readonly publicKey: string;
  gateway: GatewayProcess;
}

const cleanUps: (() => unknown)[] = [];
const whole: CleanUp = { after: (step) => void cleanUps.unshift(step) };
let world: World;

function configFor(
  socket: string,
  endpoint: string,
  more: { readonly port: number; readonly user: string; readonly resolver: string },
): string {
  return `
schema_version = 1
gateway {
  dashboard_listen = "127.0.0.1:0"
  resolver = "${more.resolver}"
  wireguard {
    subnet_cidr = "10.77.0.0/24"
    listen_port = ${UDP_PORT}
    endpoint    = "${endpoint}:${UDP_PORT}"
    interface   = "${INTERFACE}"
  }
  tailscale {
    socket    = "${socket}"
    interface = "cable0"
    authkey   = "{{secret:TAILNET_KEY}}"
  }
}
credential "postgres_credential" "pg" {
  endpoint = postgres.pg
  user     = "${more.user}"
}
endpoint "postgres" "pg" {
  host    = "${NAME}:${more.port}"
  sslmode = "disable"
}
profile "alpha" { credentials = [pg] }
profile "beta" {
  credentials = [pg]
  tailscale   = ["tag:agent"]
}
defaults { unmatched = "deny" }
rule "alpha" {
  endpoint  = pg
  condition = "agent.profile == 'alpha' && agent.transport == 'wireguard' && sql.verb == 'select'"
  verdict   = "allow"
}
rule "beta" {
  endpoint  = pg
  condition = "agent.profile == 'beta' && agent.transport == 'tailscale' && sql.verb == 'show'"
  verdict   = "allow"
}
`;
}

async function probe(at: Neighbour, ...args: readonly (string | number)[]): Promise<string> {
  const result = await at.run(process.execPath, [PROBE, ...args.map(String)]);
  return result.stdout === '' ? result.stderr : result.stdout;
}

async function ask(at: Neighbour, name: string, type: 'A' | 'AAAA', resolver: string = '8.8.8.8'): Promise<string> {
  const hex = encode({ type: 'query', id: 7, flags: 256, questions: [{ name, type }] }).toString('hex');
  const reply = await probe(at, 'dns', 'udp', resolver, hex);
  const packet = decode(Buffer.from(reply, 'hex'));
  const [answer] = packet.answers ?? [];
  return answer === undefined ? String(Reflect.get(packet, 'rcode')) : String(Reflect.get(answer, 'data'));
}

/** Whether nobody answers a question about names. */
async function isUnheard(at: Neighbour, name: string): Promise<boolean> {
  const hex = encode({ type: 'query', id: 7, flags: 256, questions: [{ name, type: 'A' }] }).toString('hex');
  return (await probe(at, 'briefly', 'dns', 'udp', '8.8.8.8', hex)) === 'nothing';
}

const PSQL = { env: { PGCONNECT_TIMEOUT: '30', PGPASSWORD: 'none', PGSSLMODE: 'disable' } };

function psqlArgs(host: string): readonly string[] {
  return ['-At', '-h', host, '-p', String(world.upstream.port), '-U', 'anybody', '-d', 'postgres'];
}

/** What psql prints for it, or says. */
async function psql(at: Neighbour, sql: string, host: string): Promise<string> {
  const { code, stdout, stderr } = await at.run('psql', [...psqlArgs(host), '-c', sql], PSQL);
  return code === 0 ? stdout.trim() : stderr;
}

interface Held {
  /** Resolves once a further statement was answered. */
  goesOn(): Promise<void>;
  /** Resolves once it was cut off; until then it goes on asking. */
  ended(): Promise<void>;
}

/** psql that stays connected. Who has just become somebody else may be cut off as the one before: then it connects again. */
async function hold(at: Neighbour, host: string, sql: string): Promise<Held> {
  let held: Held | null = null;
  await eventually('psql is connected and answered', async () => {
    held = await connectPsql(at, host, sql);
    return held !== null;
  });
  assert.ok(held !== null);
  return held;
}

/** Null: it was cut off before its first answer. */
async function connectPsql(at: Neighbour, host: string, sql: string): Promise<Held | null> {
  const [enter, args] = at.within('psql', [...psqlArgs(host), '-f', '-']);
  const child = spawn(enter, [...args], { env: { PATH: process.env['PATH'] ?? '', ...PSQL.env }, stdio: 'pipe' });
  whole.after(() => void child.kill());
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => {
      printed += bytes.toString();
    });
  }
  child.stdin.on('error', () => {});
  const answers = (): number => printed.split('\n').filter((line) => /^(?:one|UTF8)$/.test(line)).length;
  let isOver = false;
  child.once('close', () => (isOver = true));
  const isCut = (): boolean => isOver || /terminat|closed the connection|lost/.test(printed);
  const goesOn = async (): Promise<void> => {
    const had = answers();
    child.stdin.write(`${sql};\n`);
    await eventually('a further statement is answered', () => answers() > had);
  };
  child.stdin.write(`${sql};\n`);
  await eventually('it is answered or cut off', () => answers() > 0 || isCut());
  if (isCut()) {
    child.kill();
    return null;
  }
  return {
    goesOn,
    async ended() {
      // psql hears of it only when it says something.
      await eventually('it was cut off', () => {
        child.stdin.write(`${sql};\n`);
        return isCut();
      });
    },
  };
}

const SELECT = "select 'one'";
const SHOW = 'show client_encoding';

/** Each as JSON. */
function records(...filters: readonly string[]): readonly string[] {
  const { stdout } = world.gateway.cli('audit', 'search', '--json', '--limit', '500', ...filters);
  return (JSON.parse(stdout) as { items: unknown[] }).items.map((item) => JSON.stringify(item));
}

/** On record as refused, with that text, by what came that way, where it was somebody's. */
async function isRefused(transport: 'wireguard' | 'tailscale', text: string): Promise<void> {
  await eventually(`${transport}: ${text} is on record`, () =>
    records('--types', 'connection.refused').some(
      (record) =>
        record.includes(text) && (record.includes(`"transport":"${transport}"`) || record.includes('"device":null')),
    ),
  );
}

/** For the time of `work` the network there sends from that address. */
async function sendingFrom(
  at: Neighbour,
  { address, device, via }: { readonly address: string; readonly device: string; readonly via: readonly string[] },
  work: () => Promise<void>,
): Promise<void> {
  const v6 = address.includes(':');
  const version = v6 ? '-6' : '-4';
  at.must('ip', 'address', 'add', `${address}/${v6 ? 128 : 32}`, 'dev', device, ...(v6 ? ['nodad'] : []));
  const had = at.must('ip', version, 'route', 'show', 'default').trim().split(/\s+/);
  at.must('ip', version, 'route', 'replace', 'default', ...via, 'dev', device, 'src', address);
  try {
    await work();
  } finally {
    at.must('ip', version, 'route', 'replace', ...had);
    at.must('ip', 'address', 'delete', `${address}/${v6 ? 128 : 32}`, 'dev', device);
  }
}

const interfaceOf = (at: Neighbour): string => /^(wgt\S+)/m.exec(at.must('ip', '-brief', 'link'))?.[1] ?? '';
/** Out of the cable. */
const BY_CABLE = { v4: ['via', OWN.v4, 'onlink'], v6: ['via', OWN.v6, 'onlink'] };

/** An interface as tailscaled has it: both addresses, and nothing is asked about who is where. */
function layCable(node: Neighbour): void {
  must('ip', 'address', 'flush', 'dev', 'cable0');
  must('ip', 'address', 'add', `${node.ours}/32`, 'dev', 'lo');
  must('ip', 'address', 'add', `${OWN.v4}/32`, 'dev', 'cable0');
  must('ip', 'address', 'add', `${OWN.v6}/128`, 'dev', 'cable0', 'nodad');
  must('ip', 'route', 'add', '100.64.0.0/10', 'dev', 'cable0');
  must('ip', '-6', 'route', 'add', 'fd7a:115c:a1e0::/48', 'dev', 'cable0');
  node.must('ip', 'address', 'add', `${NODE.v4}/32`, 'dev', 'far0');
  node.must('ip', 'address', 'add', `${NODE.v6}/128`, 'dev', 'far0', 'nodad');
  const macOf = (text: string): string => /ether (\S+)/.exec(text)?.[1] ?? '';
  const [here, there] = [macOf(must('ip', 'link', 'show', 'cable0')), macOf(node.must('ip', 'link', 'show', 'far0'))];
  for (const own of [OWN.v4, OWN.v6]) {
    node.must('ip', 'neighbour', 'replace', own, 'lladdr', here, 'dev', 'far0', 'nud', 'permanent');
  }
  for (const address of [NODE.v4, NODE.v6]) {
    must('ip', 'neighbour', 'replace', address, 'lladdr', there, 'dev', 'cable0', 'nud', 'permanent');
  }
  node.must('ip', 'route', 'add', 'default', ...BY_CABLE.v4, 'dev', 'far0', 'src', NODE.v4);
  node.must('ip', '-6', 'route', 'add', 'default', ...BY_CABLE.v6, 'dev', 'far0', 'src', NODE.v6);
}

function start(stateDir: string, config: string): Promise<GatewayProcess> {
  return startGateway(whole, {
    config,
    stateDir,
    env: { CLAWPATROL_SECRET_PG: world.upstream.password, TAILNET_KEY: 'tskey-auth-test' },
  });
}

/** Who is at the node's addresses. */
function become(node: StandInNode): void {
  const { tailscaled } = world;
  for (const address of [NODE.v4, NODE.v6]) {
    tailscaled.nodes.set(address, node);
  }
  tailscaled.tell();
}

describe('WireGuard and Tailscale in one gateway', { timeout: 1_200_000, skip }, () => {
  before(async () => {
    const upstream = await startPostgres(whole, {
      flavour: 'debian',
      settings: ["listen_addresses = '*'"],
      hba: ['host all all all scram-sha-256', 'local all all trust'],
    });
    const node = await createNeighbour(whole);
    const peer = await createNeighbour(whole);
    layCable(node);
    const names = await startNameServer(whole, { [NAME]: [peer.ours] });
    const tailscaled = await startTailscaled(whole, OWN.v4, OWN.v6);
    const keys = createWireguardKeys();
    const stateDir = join(temporaryFolder(whole, 'clawpatrol-both'), 'state');
    mkdirSync(stateDir, { mode: 0o700 });
    const laptop = {
      id: '0190a3d2-0000-7000-8000-000000000002',
      name: 'laptop',
      publicKey: keys.publicKey,
      number: 2,
      profile: 'alpha',
      user: '',
      enrolledMs: 0,
      tokenHash: '',
      revokedMs: null,
    };
    writeFileSync(join(stateDir, 'devices.json'), JSON.stringify({ version: 1, devices: [laptop] }));
    const more = { port: upstream.port, user: upstream.user, resolver: names.address };
    const config = configFor(tailscaled.socket, peer.ours, more);
    // The gateway is the last part, and needs the others.
    world = { upstream, node, peer, tailscaled, stateDir, config } as World;
    become(FIRST);
    const gateway = await start(stateDir, config);
    const publicKey = await publicKeyOf(gateway);
    world = { ...world, gateway, publicKey };
    await openClientTunnel(whole, peer, {
      keys,
      gateway: { publicKey, endpoint: `${peer.ours}:${UDP_PORT}` },
      addresses: [`${PEER.v4}/32`, `${PEER.v6}/128`],
    });
  });
  after(async () => {
    for (const step of cleanUps) {
      await step();
    }
  });

  test('each is judged under its own profile, over IPv4 and IPv6, and none under the other’s', async () => {
    const { node, peer, gateway } = world;
    for (const type of ['A', 'AAAA'] as const) {
      const address = await ask(peer, NAME, type);
      assert.match(address, type === 'A' ? /^10\.78\./ : /^fd78:/);
      assert.equal(await ask(node, NAME, type, type === 'A' ? '8.8.8.8' : '2001:4860:4860::8888'), address);
      assert.equal(await psql(peer, SELECT, address), 'one');
      assert.match(await psql(peer, SHOW, address), /denied|refused/i);
      assert.equal(await psql(node, SHOW, address), 'UTF8');
      assert.match(await psql(node, SELECT, address), /denied|refused/i);
    }
    const status = gateway.cli('status', '--json').stdout;
    assert.match(status, /"name":"tunnel","state":"ok"/);
    assert.match(status, /"name":"tailscale","state":"ok"/);
    // Of two devices that would have one name, the later has another.
    const listed = gateway.cli('devices', 'list', '--json').stdout;
    assert.match(listed, /"name":"laptop","profile":"alpha"/);
    assert.match(listed, /"name":"laptop-nFirstCNTRL"/);
  });

  test('DP-20: addresses of one transport are worth nothing on the other, also where the first fence is open', async () => {
    const { node, peer, upstream, publicKey } = world;
    const at = interfaceOf(peer);
    const own = must('wg', 'show', INTERFACE, 'allowed-ips').trim();
    const [key = ''] = own.split('\t');
    assert.notEqual(key, publicKey);
    for (const version of ['v4', 'v6'] as const) {
      const address = await ask(peer, NAME, version === 'v4' ? 'A' : 'AAAA');
      const stolen = NODE[version];
      const prefix = version === 'v4' ? 32 : 128;
      // By the keys of WireGuard, and, where those would let it in, by the rules around the interface.
      for (const more of ['', `,${stolen}/${prefix}`]) {
        must('wg', 'set', INTERFACE, 'peer', key, 'allowed-ips', `${PEER.v4}/32,${PEER.v6}/128${more}`);
        await sendingFrom(peer, { address: stolen, device: at, via: [] }, async () => {
          assert.equal(await probe(peer, 'briefly', 'tcp', address, upstream.port), 'nothing', stolen);
        });
      }
      must('wg', 'set', INTERFACE, 'peer', key, 'allowed-ips', `${PEER.v4}/32,${PEER.v6}/128`);
      await isRefused('wireguard', `${stolen} is no device's address`);
      await sendingFrom(node, { address: PEER[version], device: 'far0', via: BY_CABLE[version] }, async () => {
        assert.equal(await probe(node, 'briefly', 'tcp', address, upstream.port), 'nothing', PEER[version]);
      });
      assert.equal(await psql(peer, SELECT, address), 'one');
      assert.equal(await psql(node, SHOW, address), 'UTF8');
    }
  });

  test('DP-07: neither reaches the other’s network, nor the gateway in it', async () => {
    const { node, peer } = world;
    for (const [transport, at, addresses] of [
      ['wireguard', peer, [OWN.v4, OWN.v6, NODE.v4, NODE.v6]],
      ['tailscale', node, ['10.77.0.1', 'fdc1:a7b0:7a01::1', PEER.v4, PEER.v6]],
    ] as const) {
      for (const address of addresses) {
        assert.equal(await probe(at, 'tcp', address, 8080), 'ECONNREFUSED', address);
        await isRefused(transport, `claims ${address.includes(':') ? `[${address}]` : address}:8080`);
      }
    }
  });

  test('DP-24: what a node dials over IPv6 and nobody declared is refused at once and recorded, whatever form it has', async () => {
    const { node } = world;
    for (const address of [
      '2606:4700:4700::1111',
      // An IPv4 host behind a subnet router (4via6), and behind a translator.
      'fd7a:115c:a1e0:b1a:0:7:a01:101',
      '64:ff9b::a01:101',
      // The gateway's own: as a node of the tailnet, in the tunnel, and the virtual address of nobody.
      OWN.v6,
      'fdc1:a7b0:7a01::1',
      'fd78::ffff',
      'fd00:ec2::254',
    ]) {
      assert.equal(await probe(node, 'tcp', address, 8443), 'ECONNREFUSED', address);
      assert.equal(await probe(node, 'udp', address, 443), 'ECONNREFUSED', address);
      await isRefused('tailscale', `claims [${address}]:8443`);
      await isRefused('tailscale', `"dialled":"[${address}]:443","protocol":"udp"`);
    }
    // A link has no other end here.
    const linkLocal = await probe(node, 'briefly', 'tcp', 'fe80::1%far0', 8443);
    assert.match(linkLocal, /^(?:nothing|EHOSTUNREACH|ECONNREFUSED)$/);
  });

  test('hosts behind a subnet router get nothing by its identity, and that it is one is on record', async () => {
    const { node, upstream, gateway } = world;
    become(ROUTER);
    const address = await ask(node, NAME, 'A');
    await eventually('the router is let in', async () => (await psql(node, SHOW, address)) === 'UTF8');
    await eventually('that it carries others is on record', () =>
      records('--types', 'connection.noticed').some((record) =>
        /carries 100\.100\.0\.0\/16, 192\.168\.50\.0\/24 for others/.test(record),
      ),
    );
    // One that whois could take for the router's by its routes, and one that no node can have.
    for (const [behind, words, said] of [
      ['100.100.3.4', [], 'ECONNRESET'],
      ['192.168.50.9', ['briefly'], 'nothing'],
    ] as const) {
      must('ip', 'route', 'replace', `${behind}/32`, 'via', NODE.v4, 'dev', 'cable0', 'onlink');
      await sendingFrom(node, { address: behind, device: 'far0', via: BY_CABLE.v4 }, async () => {
        assert.equal(await probe(node, ...words, 'tcp', address, upstream.port), said, behind);
        assert.ok(await isUnheard(node, NAME), behind);
      });
      await isRefused('tailscale', `${behind} is no device's address`);
    }
    assert.doesNotMatch(gateway.cli('devices', 'list', '--json').stdout, /100\.100|192\.168/);
    assert.equal(await psql(node, SHOW, address), 'UTF8');
  });

  test('CP-18 DP-22: what is shut out of one transport leaves the other’s connections alone', async () => {
    const { node, peer, gateway } = world;
    become(FIRST);
    const address = await ask(peer, NAME, 'A');
    await eventually('the node is let in', async () => (await psql(node, SHOW, address)) === 'UTF8');
    const first = await hold(node, address, SHOW);
    const held = await hold(peer, address, SELECT);
    assert.equal(gateway.cli('devices', 'revoke', 'laptop-nFirstCNTRL').code, 0);
    await first.ended();
    await held.goesOn();
    become(SECOND);
    await eventually('another node is let in', async () => (await psql(node, SHOW, address)) === 'UTF8');
    const second = await hold(node, address, SHOW);
    // Trouble of the whole tailnet is the tailnet's alone.
    world.tailscaled.state = 'NeedsLogin';
    world.tailscaled.tell();
    await second.ended();
    await held.goesOn();
    world.tailscaled.state = 'Running';
    world.tailscaled.tell();
    await eventually('the tailnet is back', async () => (await psql(node, SHOW, address)) === 'UTF8');
    const third = await hold(node, address, SHOW);
    await third.goesOn();
  });

  test('DP-26: after kill -9 nothing passes, and the next gateway takes over both', async () => {
    const { node, peer, upstream, stateDir, config } = world;
    const address = await ask(peer, NAME, 'A');
    process.kill(world.gateway.pid, 'SIGKILL');
    await world.gateway.exited;
    assert.notEqual(await probe(peer, 'briefly', 'tcp', address, upstream.port), 'ended');
    assert.equal(await probe(node, 'tcp', address, upstream.port), 'ECONNREFUSED');
    assert.equal(await probe(node, 'tcp', '2606:4700:4700::1111', 443), 'ECONNREFUSED');
    world.gateway = await start(stateDir, config);
    await eventually('the peer is back', async () => (await psql(peer, SELECT, address)) === 'one', 180_000);
    await eventually('the node is back', async () => (await psql(node, SHOW, address)) === 'UTF8');
    const tables = must('nft', 'list', 'tables')
      .split('\n')
      .filter((line) => line.includes('clawpatrol_'));
    assert.deepEqual(
      tables.toSorted(),
      ['table inet clawpatrol_cable0', `table inet clawpatrol_${INTERFACE}`].toSorted(),
    );
    const rules = must('ip', 'rule')
      .split('\n')
      .filter((line) => line.includes('fwmark'));
    assert.equal(rules.length, 2);
  });

  test('CP-18: a device of the tunnel is out at once when it is revoked, and the tailnet goes on', async () => {
    const { node, peer, gateway } = world;
    const address = await ask(peer, NAME, 'A');
    const [other, held] = [await hold(node, address, SHOW), await hold(peer, address, SELECT)];
    assert.equal(gateway.cli('devices', 'revoke', 'laptop').code, 0);
    await held.ended();
    await other.goesOn();
    assert.notEqual(await psql(peer, SELECT, address), 'one');
  });

  test('a stop takes down both', async () => {
    assert.equal(await world.gateway.stop(), 0);
    assert.ok(!must('ip', '-brief', 'link').includes(INTERFACE));
    assert.equal(must('nft', 'list', 'ruleset').trim(), '');
    const rules = must('ip', 'rule') + must('ip', '-6', 'rule');
    assert.ok(!rules.includes('fwmark'), rules);
    assert.equal(must('ip', 'route', 'show', 'table', 'all', 'type', 'local').includes('default'), false);
    assert.deepEqual(world.tailscaled.prefs['AdvertiseRoutes'], []);
  });

  test('where the tailnet cannot be joined at the start, the tunnel is taken down again too', async () => {
    const { tailscaled, stateDir, config } = world;
    tailscaled.serveConfig = { TCP: { 443: {} } };
    await assert.rejects(start(stateDir, config), /run: tailscale serve reset/);
    assert.ok(!must('ip', '-brief', 'link').includes(INTERFACE));
    assert.equal(must('nft', 'list', 'ruleset').trim(), '');
  });
});
