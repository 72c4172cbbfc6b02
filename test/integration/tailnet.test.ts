// Agents of a tailnet where no Go is: a stand-in for tailscaled tells who an address is, and the packets come over a cable that stands for its
// interface. Rules, listeners, names and judgement are the daemon's own. tailnet-real.test.ts has the real programs.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { decode, encode } from 'dns-packet';
import { eventually } from '../support/daemon.ts';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { startNameServer } from '../support/name-server.ts';
import { createNeighbour, enterOwnNetwork, must, whyNoTunnel, type Neighbour } from '../support/network.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { startTailscaled, type StandIn, type StandInNode } from '../support/tailscaled.ts';
import { temporaryFolder, type CleanUp } from '../support/temp.ts';

const skip = whyNoTunnel();
if (skip === false) {
  enterOwnNetwork();
}

const PROBE = join(import.meta.dirname, '..', 'support', 'probe.js');
const NAME = 'db.internal.test';
const OWN = '100.64.0.1';
const ADDRESS = '100.64.0.2';
const AGENT: StandInNode = { stableId: 'nAgentCNTRL', name: 'agent', login: '', tags: ['tag:agent'] };
const ANN: StandInNode = { stableId: 'nAnnCNTRL', name: 'laptop', login: 'ann@example.com' };

interface World {
  readonly upstream: PostgresServer;
  readonly near: Neighbour;
  readonly tailscaled: StandIn;
  readonly gateway: GatewayProcess;
}

const cleanUps: (() => unknown)[] = [];
const whole: CleanUp = { after: (step) => void cleanUps.unshift(step) };
let world: World;

function configFor(
  socket: string,
  more: { readonly port: number; readonly user: string; readonly resolver: string },
): string {
  return `
schema_version = 1
gateway {
  dashboard_listen = "${OWN}:8080"
  resolver = "${more.resolver}"
  tailscale {
    socket    = "${socket}"
    interface = "cable0"
    authkey   = "{{secret:TAILNET_KEY}}"
    operators = ["*@example.com"]
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
profile "oncall" {
  credentials = [pg]
  tailscale   = ["tag:agent"]
}
defaults { unmatched = "deny" }
rule "reads" {
  endpoint  = pg
  condition = "sql.verb == 'select' && agent.transport == 'tailscale'"
  verdict   = "allow"
}
`;
}

const PSQL = { env: { PGCONNECT_TIMEOUT: '30', PGPASSWORD: 'none', PGSSLMODE: 'disable' } };

async function ask(name: string, ...words: readonly string[]): Promise<string> {
  const hex = encode({ type: 'query', id: 7, flags: 256, questions: [{ name, type: 'A' }] }).toString('hex');
  return probe(...words, 'dns', 'udp', '8.8.8.8', hex);
}

/** The virtual address of the declared name, as the agent is told. */
async function findAddress(): Promise<string> {
  const [answer] = decode(Buffer.from(await ask(NAME), 'hex')).answers ?? [];
  return String(Reflect.get(Object(answer), 'data'));
}

function psqlArgs(host: string): readonly string[] {
  return ['-At', '-h', host, '-p', String(world.upstream.port), '-U', 'anybody', '-d', 'postgres'];
}

function psql(sql: string, host: string) {
  return world.near.run('psql', [...psqlArgs(host), '-c', sql], PSQL);
}

async function probe(...args: readonly (string | number)[]): Promise<string> {
  const result = await world.near.run(process.execPath, [PROBE, ...args.map(String)]);
  return result.stdout === '' ? result.stderr : result.stdout;
}

function countCut(why: string): number {
  const found = world.gateway.cli('audit', 'search', '--json', '--limit', '500', '--types', 'connection.closed').stdout;
  return found.split('\n').filter((line) => line.includes(why)).length;
}

/** psql that stays connected. */
async function holdConnection(host: string): Promise<() => void> {
  const [enter, args] = world.near.within('psql', [...psqlArgs(host), '-f', '-']);
  const child = spawn(enter, [...args], { env: { PATH: process.env['PATH'] ?? '', ...PSQL.env }, stdio: 'pipe' });
  let printed = '';
  child.stdout.on('data', (bytes: Buffer) => {
    printed += bytes.toString();
  });
  child.stdin.on('error', () => {});
  child.stdin.write("select 'ready';\n");
  await eventually('psql is connected', () => printed.includes('ready'));
  return () => void child.kill();
}

describe('agents of a tailnet, by a stand-in for its daemon', { timeout: 1_200_000, skip }, () => {
  before(async () => {
    const upstream = await startPostgres(whole, {
      flavour: 'debian',
      settings: ["listen_addresses = '*'"],
      hba: ['host all all all scram-sha-256', 'local all all trust'],
    });
    const near = await createNeighbour(whole);
    // As tailscaled's own: no other address on it.
    must('ip', 'address', 'flush', 'dev', 'cable0');
    must('ip', 'address', 'add', `${near.ours}/32`, 'dev', 'lo');
    must('ip', 'address', 'add', `${OWN}/32`, 'dev', 'cable0');
    must('ip', 'route', 'add', `${ADDRESS}/32`, 'dev', 'cable0');
    near.must('ip', 'address', 'add', `${ADDRESS}/32`, 'dev', 'far0');
    near.must('ip', 'route', 'add', 'default', 'via', OWN, 'dev', 'far0', 'onlink', 'src', ADDRESS);
    const names = await startNameServer(whole, { [NAME]: [near.ours] });
    const tailscaled = await startTailscaled(whole, OWN);
    tailscaled.nodes.set(ADDRESS, AGENT);
    const gateway = await startGateway(whole, {
      config: configFor(tailscaled.socket, { port: upstream.port, user: upstream.user, resolver: names.address }),
      stateDir: join(temporaryFolder(whole, 'clawpatrol-tail'), 'state'),
      env: { CLAWPATROL_SECRET_PG: upstream.password, TAILNET_KEY: 'tskey-auth-test' },
    });
    world = { upstream, near, tailscaled, gateway };
  });
  after(async () => {
    for (const step of cleanUps) {
      await step();
    }
  });

  test('the node is logged in with the key, offers to carry everything and serves nothing by itself', () => {
    const { prefs, starts } = world.tailscaled;
    const [start] = starts;
    assert.equal(Reflect.get(Object(start), 'AuthKey'), 'tskey-auth-test');
    const sent = Object(Reflect.get(Object(start), 'UpdatePrefs'));
    assert.deepEqual(
      [sent.CorpDNS, sent.NetfilterMode, sent.RunSSH, sent.Hostname],
      [false, 0, false, 'clawpatrol-gateway'],
    );
    assert.deepEqual(prefs['AdvertiseRoutes'], ['0.0.0.0/0', '::/0', '10.78.0.0/16', 'fd78::/64']);
  });

  test('a node is judged under the profile of its tag, and finds no undeclared name, port or protocol', async () => {
    const address = await findAddress();
    assert.match(address, /^10\.78\./);
    assert.equal((await psql('select 41 + 1', address)).stdout.trim(), '42');
    assert.match((await psql('create table t (x int)', address)).stderr, /denied|refused/i);
    assert.equal(
      String(Reflect.get(decode(Buffer.from(await ask('stolen.attacker.test'), 'hex')), 'rcode')),
      'NXDOMAIN',
    );
    assert.equal(await probe('tcp', '1.1.1.1', 22), 'ECONNREFUSED');
    assert.equal(await probe('udp', '1.1.1.1', 443), 'ECONNREFUSED');
    const page = await world.near.run('curl', ['-sk', '-m', '60', `https://${OWN}:8080/api/session`]);
    assert.match(page.stdout, /not for agents/);
  });

  test('who is somebody else now is cut off and gets nothing until an operator gives the device a profile', async () => {
    const { tailscaled, gateway } = world;
    const address = await findAddress();
    const end = await holdConnection(address);
    tailscaled.nodes.set(ADDRESS, ANN);
    tailscaled.tell();
    await eventually('its connection has ended', () => countCut('its node has changed') > 0);
    end();
    assert.equal(await probe('tcp', address, world.upstream.port), 'ECONNRESET');
    assert.equal(await ask(NAME, 'briefly'), 'nothing');
    const listed = gateway.cli('devices', 'list', '--json').stdout;
    assert.match(listed, /"name":"laptop","profile":"","user":"ann@example.com"/);
    const page = await world.near.run('curl', ['-sk', '-m', '60', `https://${OWN}:8080/api/session`]);
    assert.match(page.stdout, /"name":"ann@example.com"/);
    assert.equal(gateway.cli('devices', 'set-profile', 'laptop', 'oncall').code, 0);
    assert.equal((await psql('select 1', address)).stdout.trim(), '1');
    const shut = await world.near.run('curl', ['-sk', '-m', '60', `https://${OWN}:8080/api/session`]);
    assert.match(shut.stdout, /not for agents/);
    assert.equal(gateway.cli('devices', 'revoke', 'laptop').code, 0);
    assert.notEqual((await psql('select 1', address)).code, 0);
  });

  test('expiry of the node, and logout of the gateway, cut open connections', async () => {
    const { tailscaled } = world;
    const back = async (): Promise<string> => {
      tailscaled.nodes.set(ADDRESS, AGENT);
      tailscaled.state = 'Running';
      tailscaled.tell();
      let address = '';
      await eventually('the agent is let in', async () => {
        const reply = await ask(NAME, 'briefly');
        address = reply === 'nothing' ? '' : await findAddress();
        return address !== '';
      });
      return address;
    };
    for (const [why, cut] of [
      ['not in the tailnet any more', () => tailscaled.nodes.set(ADDRESS, { ...AGENT, expired: true })],
      ['the gateway is not in the tailnet', () => (tailscaled.state = 'NeedsLogin')],
    ] as const) {
      const address = await back();
      const end = await holdConnection(address);
      cut();
      tailscaled.tell();
      await eventually(`its connection has ended: ${why}`, () => countCut(why) > 0);
      end();
      assert.equal(await probe('tcp', address, world.upstream.port), 'ECONNRESET');
    }
    await eventually('the routes are withdrawn', () => JSON.stringify(tailscaled.prefs['AdvertiseRoutes']) === '[]');
    await back();
    assert.equal((tailscaled.prefs['AdvertiseRoutes'] as string[]).length, 4);
  });

  test('a start without a daemon, past the names or beside what it serves, fails and says what to do', async (t) => {
    const more = { port: 5432, user: 'u', resolver: '127.0.0.1:1' };
    const alone = async (change: (standIn: StandIn) => void): Promise<string> => {
      const standIn = await startTailscaled(t, OWN);
      change(standIn);
      return standIn.socket;
    };
    for (const [socket, said] of [
      ['/nonexistent/tailscaled.sock', /no tailscaled answers at \/nonexistent\/tailscaled.sock .* install and start/],
      [await alone((standIn) => (standIn.resolver = '127.0.0.9')), /past the gateway; give tailscaled a resolv.conf/],
      [await alone((standIn) => (standIn.serveConfig = { TCP: { 443: {} } })), /run: tailscale serve reset/],
    ] as const) {
      // Another interface: the daemon of the tests before still has its own.
      const config = configFor(socket, more).replace('"cable0"', '"cable9"').replace(`${OWN}:8080`, 'off');
      const started = startGateway(t, { config, env: { TAILNET_KEY: 'k', CLAWPATROL_SECRET_PG: 'x' } });
      await assert.rejects(started, said);
    }
  });
});
