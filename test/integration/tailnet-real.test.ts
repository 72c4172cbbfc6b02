// Agents that come through a real tailnet: headscale, tailscaled in each network, the real daemon as exit node, unmodified clients. Runs
// where scripts/tailnet/build.sh has built the programs (npm run tailnet); elsewhere there is nothing to run here, and tailnet.test.ts runs
// everywhere.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { encode } from 'dns-packet';
import { eventually } from '../support/daemon.ts';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { startNameServer } from '../support/name-server.ts';
import { createNeighbour, enterOwnNetwork, whyNoTunnel, type Neighbour } from '../support/network.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { hasTailnet, startTailnet, type Tailnet, type TailnetNode } from '../support/tailnet.ts';
import { temporaryFolder, type CleanUp } from '../support/temp.ts';

const here = hasTailnet() && whyNoTunnel() === false;
if (here) {
  enterOwnNetwork();
}

const PROBE = join(import.meta.dirname, '..', 'support', 'probe.js');
const NAME = 'db.internal.test';
const RESOLVER = '127.78.0.53';
const ORDINARY_NODE = '127.0.0.1';

interface World {
  readonly upstream: PostgresServer;
  readonly tailnet: Tailnet;
  readonly near: Neighbour;
  readonly far: Neighbour;
  readonly third: Neighbour;
  readonly gatewayNode: TailnetNode;
  readonly agent: TailnetNode;
  readonly spare: TailnetNode;
  readonly stranger: TailnetNode;
  readonly gateway: GatewayProcess;
  /** What was asked of the resolver beyond the gateway. */
  readonly asked: ReadonlySet<string>;
}

const cleanUps: (() => unknown)[] = [];
const whole: CleanUp = { after: (step) => void cleanUps.unshift(step) };
let world: World;

function configFor(
  upstream: PostgresServer,
  resolver: string,
  node: { readonly socket: string; readonly url: string },
): string {
  return `
schema_version = 1
gateway {
  dashboard_listen = "100.64.0.1:8080"
  resolver = "${resolver}"
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
defaults { unmatched = "deny" }
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

const PSQL = { env: { PGCONNECT_TIMEOUT: '10', PGPASSWORD: 'none', PGSSLMODE: 'disable' }, timeoutMs: 25_000 };

function psql(at: Neighbour, sql: string, host: string = NAME) {
  return at.run('psql', psqlArgs(sql, host), PSQL);
}

async function probe(at: Neighbour, ...args: readonly (string | number)[]): Promise<string> {
  const result = await at.run(process.execPath, [PROBE, ...args.map(String)], { timeoutMs: 20_000 });
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

/** psql that stays connected. */
function openPsql(at: Neighbour): { printed(): string; end(): void } {
  const [enter, args] = at.within('psql', [...psqlArgs("select 'ready'", NAME).slice(0, -2), '-f', '-']);
  const child = spawn(enter, [...args], { env: { PATH: process.env['PATH'] ?? '', ...PSQL.env }, stdio: 'pipe' });
  let printed = '';
  child.stdout.on('data', (bytes: Buffer) => {
    printed += bytes.toString();
  });
  child.stdin.on('error', () => {});
  child.stdin.write("select 'ready';\n");
  return { printed: () => printed, end: () => void child.kill() };
}

/** How many connections of the device ended because of what became of its node. */
function countCut(device: string): number {
  return records('--device', device)
    .split('\n')
    .filter((line) => line.includes('"connection.closed"') && line.includes('its node')).length;
}

async function expire(): Promise<void> {
  const { tailnet } = world;
  const nodes = (await tailnet.headscale('nodes', 'list')) as { id: number; given_name: string }[];
  const id = nodes.find(({ given_name: name }) => name === 'spare')?.id ?? 0;
  await tailnet.headscale('nodes', 'expire', '-i', String(id));
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
    const names = await startNameServer(whole, { [NAME]: [near.ours] });
    const gatewayNode = await tailnet.startNode('gateway', null, RESOLVER);
    const gateway = await startGateway(whole, {
      config: configFor(upstream, names.address, { socket: gatewayNode.socket, url: tailnet.controlUrl }),
      stateDir: join(temporaryFolder(whole, 'clawpatrol-tail'), 'state'),
      env: {
        CLAWPATROL_SECRET_PG: upstream.password,
        TAILNET_KEY: await tailnet.authKey('boss', ['tag:gateway']),
      },
      readyWithinMs: 60_000,
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
    world = { upstream, tailnet, near, far, third, gatewayNode, agent, spare, stranger, gateway, asked: names.asked };
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
    const ask = (at: Neighbour) => at.run('curl', ['-skS', '-m', '10', 'https://100.64.0.1:8080/api/session']);
    const own = await ask(world.far);
    assert.match(own.stdout + own.stderr, /"name":"ann@example.com"/);
    assert.match((await ask(world.near)).stdout, /not for agents/);
  });

  test('a node without a profile gets nothing, and is on record as a device that an operator may give one', async () => {
    const { far, gateway, upstream } = world;
    const refused = await psql(far, 'select 1');
    assert.notEqual(refused.code, 0);
    assert.equal(await probe(far, 'tcp', virtual(), upstream.port), 'ECONNRESET');
    assert.equal(await probe(far, 'dns', 'udp', '8.8.8.8', question(NAME)), 'nothing');
    assert.match(
      gateway.cli('devices', 'list', '--json').stdout,
      /"name":"stranger","profile":"","user":"ann@example.com"/,
    );
    assert.equal(gateway.cli('devices', 'set-profile', 'stranger', 'oncall').code, 0);
    assert.equal((await psql(far, 'select 2')).stdout.trim(), '2');
    const page = await far.run('curl', ['-sk', '-m', '10', 'https://100.64.0.1:8080/api/session']);
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

  test('expiry and logout of a node cut its open connections', async () => {
    const { near, third, agent } = world;
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
  });
}

if (here) {
  describe('agents of a tailnet', { timeout: 300_000 }, suite);
}
