// The tunnel as a device sees it: real WireGuard between two networks, the real daemon at one end, unmodified clients at the other.
// Rows of the data plane (attacks DP, traps DN and TR) that only a real tunnel can show.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { decode, encode, type Answer, type Packet, type RecordType } from 'dns-packet';
import { createWireguardKeys, wireguardKeysOf } from '../../src/devices/wireguard.ts';
import { provePossession } from '../../src/devices/possession.ts';
import { CLIENT_LEVEL } from '../../src/lib/client-level.ts';
import { eventually } from '../support/daemon.ts';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { startNameServer } from '../support/name-server.ts';
import { createNeighbour, enterOwnNetwork, must, whyNoTunnel, type Neighbour } from '../support/network.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { temporaryFolder, type CleanUp } from '../support/temp.ts';
import { openClientTunnel, publicKeyOf } from '../support/wireguard-client.ts';

const skip = whyNoTunnel();
if (skip === false) {
  enterOwnNetwork();
}

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.js');
const PROBE = join(import.meta.dirname, '..', 'support', 'probe.js');
const INTERFACE = `cpt${process.pid % 100_000}`;
const UDP_PORT = 51_899;
const NAME = 'db.internal.test';
/** Where nothing listens. */
const DEAD_PORT = 9;
const LAPTOP = createWireguardKeys();
const ADDRESSES = ['10.77.0.2/32', 'fdc1:a7b0:7a01::2/128'];

function configFor(upstream: PostgresServer, resolver: string, ours: string): string {
  return `
schema_version = 1
gateway {
  dashboard_listen = "127.0.0.1:0"
  enroll_listen = "${ours}:0"
  resolver = "${resolver}"
  wireguard {
    subnet_cidr = "10.77.0.0/24"
    listen_port = ${UDP_PORT}
    endpoint    = "172.31.0.1:${UDP_PORT}"
    interface   = "${INTERFACE}"
  }
}
credential "postgres_credential" "pg" {
  endpoint = postgres.pg
  user     = "${upstream.user}"
}
credential "postgres_credential" "other" {
  endpoint = postgres.other
  user     = "${upstream.user}"
}
endpoint "postgres" "pg" {
  host    = "${NAME}:${upstream.port}"
  sslmode = "disable"
}
endpoint "postgres" "dead" {
  host    = "dead.internal.test:${DEAD_PORT}"
  sslmode = "disable"
}
credential "postgres_credential" "dead" {
  endpoint = postgres.dead
  user     = "${upstream.user}"
}
endpoint "postgres" "other" {
  host    = "other.internal.test:${upstream.port}"
  sslmode = "disable"
}
profile "oncall" { credentials = [pg, dead] }
profile "other" { credentials = [other] }
defaults { unmatched = "deny" }
rule "reads" {
  endpoint  = pg
  condition = "sql.verb == 'select'"
  verdict   = "allow"
}
`;
}

/** A device that was let in earlier, as the gateway keeps it. */
function device(name: string, number: number, publicKey: string, profile: string = 'oncall') {
  const id = `0190a3d2-0000-7000-8000-00000000000${number}`;
  return { id, name, publicKey, number, profile, user: '', enrolledMs: 0, tokenHash: '', revokedMs: null };
}

const cleanUps: (() => unknown)[] = [];
const whole: CleanUp = { after: (step) => void cleanUps.unshift(step) };

interface World {
  readonly upstream: PostgresServer;
  readonly far: Neighbour;
  readonly stateDir: string;
  readonly config: string;
  gateway: GatewayProcess;
}

let world: World;

function start(stateDir: string, config: string): Promise<GatewayProcess> {
  return startGateway(whole, {
    config,
    stateDir,
    env: { CLAWPATROL_SECRET_PG: world.upstream.password, CLAWPATROL_SECRET_DEAD: 'none' },
  });
}

function psql(sql: string, host: string = NAME) {
  const { far, upstream } = world;
  const args = ['-At', '-h', host, '-p', String(upstream.port), '-U', 'anybody', '-d', 'postgres', '-c', sql];
  const env = { PGCONNECT_TIMEOUT: '30', PGPASSWORD: 'none', PGSSLMODE: 'disable' };
  return far.run('psql', args, { env });
}

async function probe(...args: readonly (string | number)[]): Promise<string> {
  const result = await world.far.run(process.execPath, [PROBE, ...args.map(String)]);
  return result.stdout === '' ? result.stderr : result.stdout;
}

async function ask(name: string, type: RecordType, by: string = 'udp', resolver: string = '8.8.8.8'): Promise<Packet> {
  const hex = encode({ type: 'query', id: 7, flags: 256, questions: [{ name, type }] }).toString('hex');
  const reply = await probe('dns', by, resolver, hex);
  return decode(Buffer.from(reply, 'hex'));
}

function rcode(packet: Packet): string {
  return String(Reflect.get(packet, 'rcode'));
}

function addressOf(packet: Packet): unknown {
  const [answer]: readonly (Answer | undefined)[] = packet.answers ?? [];
  return answer !== undefined && 'data' in answer ? answer.data : null;
}

describe('a device behind the tunnel', { timeout: 1_200_000, skip }, () => {
  before(async () => {
    const upstream = await startPostgres(whole, {
      flavour: 'debian',
      settings: ["listen_addresses = '*'"],
      hba: ['host all all all scram-sha-256', 'local all all trust'],
    });
    const far = await createNeighbour(whole);
    const names = await startNameServer(whole, {
      [NAME]: [far.ours],
      'other.internal.test': [far.ours],
      'dead.internal.test': [far.ours],
    });
    const stateDir = join(temporaryFolder(whole, 'clawpatrol-tunnel'), 'state');
    mkdirSync(stateDir, { mode: 0o700 });
    const devices = [
      device('laptop', 2, LAPTOP.publicKey),
      device('gone', 3, createWireguardKeys().publicKey, 'nobody'),
    ];
    writeFileSync(join(stateDir, 'devices.json'), JSON.stringify({ version: 1, devices }));
    const config = configFor(upstream, names.address, far.ours);
    // The gateway is the last part, and needs the others.
    world = { upstream, far, stateDir, config } as World;
    world.gateway = await start(stateDir, config);
    const publicKey = await publicKeyOf(world.gateway);
    assert.match(publicKey, /^.{43}=$/);
    const gateway = { publicKey, endpoint: `${far.ours}:${UDP_PORT}` };
    await openClientTunnel(whole, far, { keys: LAPTOP, gateway, addresses: ADDRESSES });
  });

  after(async () => {
    for (const step of cleanUps) {
      await step();
    }
  });

  test('plain psql reaches a declared name, over IPv6 and IPv4, and is judged', async () => {
    const v4 = addressOf(await ask(NAME, 'A'));
    const v6 = addressOf(await ask(NAME, 'AAAA'));
    for (const host of [NAME, v4, v6]) {
      const read = await psql('select 41 + 1', String(host));
      assert.deepEqual([read.stdout, read.stderr, read.code], ['42\n', '', 0]);
    }
    const denied = await psql('drop table whatever');
    assert.match(denied.stderr, /no rule matched, and what no rule allows is denied/);
    assert.equal(denied.code, 1);
    await eventually('it is recorded', () => {
      const { stdout } = world.gateway.cli('audit', 'search', '--device', 'laptop', '--verdict', 'deny', '--json');
      return stdout.includes('"transport":"wireguard"');
    });
  });

  test('DP-04 DP-06 DP-07 DP-15 TR-01: TCP to what is not declared fails at connect, and is recorded', async () => {
    const dashboard = Number(/:(\d+)$/.exec(world.gateway.addresses.get('dashboard') ?? '')?.[1]);
    const virtual = String(addressOf(await ask(NAME, 'A')));
    const cases: readonly (readonly [string, number])[] = [
      ['9.9.9.9', 443],
      ['203.0.113.7', 22],
      ['2001:db8::7', 6379],
      ['169.254.169.254', 80],
      ['fd00:ec2::254', 80],
      ['10.0.0.1', 8443],
      ['100.100.100.200', 80],
      // The gateway itself, at each of its addresses inside, where its dashboard or its database is.
      ['10.77.0.1', dashboard],
      ['10.77.0.1', world.upstream.port],
      ['fdc1:a7b0:7a01::1', dashboard],
      // A virtual address at another port.
      [virtual, 22],
    ];
    for (const [host, port] of cases) {
      assert.equal(await probe('tcp', host, port), 'ECONNREFUSED', `${host} ${port}`);
    }
    // One that is nobody's, at a port that somebody has: only we can tell.
    assert.equal(await probe('tcp', '10.78.200.200', world.upstream.port), 'ECONNRESET');
    await eventually('they are recorded', () => {
      const found = world.gateway.cli('audit', 'search', '--device', 'laptop', '--limit', '300', '--json');
      return ['9.9.9.9:443', '169.254.169.254:80', '[2001:db8::7]:6379', `${NAME}:22`].every((dialled) =>
        found.stdout.includes(JSON.stringify(dialled)),
      );
    });
    // The twin: the declared port of the same virtual address.
    assert.equal((await psql('select 1', virtual)).code, 0);
  });

  test('TR-01: what is declared and does not answer is told at once, in the words of its protocol, and never hangs', async () => {
    const { far } = world;
    const dead = ['-h', 'dead.internal.test', '-p', String(DEAD_PORT), '-U', 'x', '-d', 'postgres', '-c', 'select 1'];
    const asked = await far.run('psql', dead, { env: { PGSSLMODE: 'disable', PGPASSWORD: 'x' } });
    assert.match(asked.stderr, /the gateway cannot reach the upstream database; its audit log says why/);
    assert.equal(asked.code, 2);
    // The twin: a port of the same host that is not declared is refused by the kernel.
    assert.equal(await probe('tcp', String(addressOf(await ask('dead.internal.test', 'A'))), 10), 'ECONNREFUSED');
  });

  test('DP-01 DP-02: QUIC and every other UDP is refused at once', async () => {
    const virtual = String(addressOf(await ask(NAME, 'A')));
    const v6 = String(addressOf(await ask(NAME, 'AAAA')));
    for (const [host, port] of [
      [virtual, 443],
      [v6, 443],
      ['9.9.9.9', 443],
      ['203.0.113.9', 123],
      ['10.77.0.1', UDP_PORT],
    ] as const) {
      assert.equal(await probe('udp', host, port), 'ECONNREFUSED', `${host} ${port}`);
    }
    await eventually('they are recorded', () => {
      const { stdout } = world.gateway.cli('audit', 'search', '--device', 'laptop', '--limit', '300', '--json');
      return [`${NAME}:443`, '9.9.9.9:443', '203.0.113.9:123'].every((dialled) => stdout.includes(dialled));
    });
  });

  test('DP-09 DN-01 DN-03 DN-05 DP-13: every resolver is the gateway, and it tells declared names only', async () => {
    const expected = addressOf(await ask(NAME, 'A'));
    for (const [by, resolver] of [
      ['udp', '1.1.1.1'],
      ['tcp', '8.8.4.4'],
      ['udp', '2001:4860:4860::8888'],
      ['tcp', '2001:4860:4860::8888'],
      ['udp', '10.77.0.1'],
    ] as const) {
      assert.equal(addressOf(await ask(NAME, 'A', by, resolver)), expected, `${by} ${resolver}`);
    }
    const mixed = await ask('dB.InTernal.TEST', 'A');
    assert.equal(addressOf(mixed), expected);
    assert.equal(mixed.questions?.[0]?.name, 'dB.InTernal.TEST');
    // It exists and has none of that type; it does not exist; it is another profile's.
    const none = await ask(NAME, 'MX');
    assert.deepEqual([rcode(none), none.answers, none.authorities?.[0]?.type], ['NOERROR', [], 'SOA']);
    for (const name of ['example.org', 'other.internal.test', 'nternal.test', `x.${NAME}`]) {
      assert.equal(rcode(await ask(name, 'A')), 'NXDOMAIN', name);
    }
    // One under which a declared name lies exists: told otherwise, a resolver would not ask for that either (RFC 8020).
    const above = await ask('Internal.test', 'A');
    assert.deepEqual([rcode(above), above.answers, above.authorities?.[0]?.type], ['NOERROR', [], 'SOA']);
    await eventually('it is recorded', () => {
      const { stdout } = world.gateway.cli('audit', 'search', '--device', 'laptop', '--limit', '300', '--json');
      return stdout.includes('example.org: no endpoint of its profile has that name');
    });
  });

  test('MP-48: names are told as programs ask for them: any case, no address of a kind, over TCP, localhost, with a search domain', async () => {
    const [expected, sixth] = [addressOf(await ask(NAME, 'A')), addressOf(await ask(NAME, 'AAAA'))];
    assert.equal(addressOf(await ask(NAME.toUpperCase(), 'AAAA')), sixth);
    assert.equal(addressOf(await ask(NAME, 'A', 'tcp')), expected);
    // What is not there is answered: a resolver that waits for it makes every connection slow.
    for (const type of ['TXT', 'SRV', 'CAA'] as const) {
      const none = await ask(NAME, type);
      assert.deepEqual([rcode(none), none.answers], ['NOERROR', []], type);
    }
    assert.deepEqual(
      [addressOf(await ask('localhost', 'A')), addressOf(await ask('LocalHost', 'AAAA'))],
      ['127.0.0.1', '::1'],
    );
    // A resolver with a search domain asks for this first, and goes on when it does not exist.
    assert.equal(rcode(await ask(`${NAME}.corp.test`, 'A')), 'NXDOMAIN');
    assert.equal(addressOf(await ask(`${NAME}.`, 'A')), expected);
  });

  test('DP-20 CP-16: a source address that is not the peer’s, and a peer that nobody let in, get nothing', async () => {
    const { far } = world;
    far.must('ip', 'address', 'add', '10.77.0.3/32', 'dev', interfaceOf(far));
    far.must('ip', 'route', 'add', '10.78.0.1/32', 'dev', interfaceOf(far), 'src', '10.77.0.3');
    const spoofed = await probe('briefly', 'tcp', '10.78.0.1', world.upstream.port);
    far.must('ip', 'route', 'delete', '10.78.0.1/32');
    far.must('ip', 'address', 'delete', '10.77.0.3/32', 'dev', interfaceOf(far));
    assert.equal(spoofed, 'nothing');
    assert.equal((await psql('select 1')).code, 0);
  });

  test('CP-11 CP-18 DP-22: a machine is let in by an operator, and is out at once when it is revoked', async (t) => {
    const { gateway, upstream } = world;
    const keys = createWireguardKeys();
    const second = await createNeighbour(t);
    const started = await machineCall('onboard/start', { public_key: keys.publicKey, hostname: 'second host' });
    assert.equal(started.status, 200, JSON.stringify(started.body));
    const { user_code: userCode, device_code: deviceCode } = started.body;
    assert.deepEqual((await machineCall('onboard/poll', { device_code: deviceCode })).body, { status: 'waiting' });
    const asked = { device_code: deviceCode, proof: prove(keys, started.body) };
    assert.equal((await machineCall('onboard/claim', asked)).status, 409);
    assert.match(gateway.cli('devices', 'list').stdout, /waiting: [A-Z-]{9} second host from 172\.31\.0\.1/);
    const approved = gateway.cli('devices', 'approve', String(userCode), '--profile', 'oncall');
    assert.match(approved.stdout, /let in: second-host .*with profile oncall\nCA fingerprint .*: [0-9A-F:]{95}/);
    // CP-20: it is the machine with the key, and no other, that fetches what is told to it.
    assert.equal((await machineCall('onboard/claim', { device_code: deviceCode })).status, 403);
    const claimed = await machineCall('onboard/claim', asked);
    assert.equal(claimed.status, 200);
    assert.equal((await machineCall('onboard/claim', asked)).status, 404);
    const { tunnel, addresses, token } = claimed.body as {
      tunnel: { public_key: string };
      addresses: string[];
      token: string;
    };
    await openClientTunnel(t, second, {
      keys,
      gateway: { publicKey: tunnel.public_key, endpoint: `${second.ours}:${UDP_PORT}` },
      addresses: addresses.map((address) => `${address}/${address.includes(':') ? 128 : 32}`),
    });
    const [program, args] = second.within('psql', [
      '-At',
      '-h',
      NAME,
      '-p',
      String(upstream.port),
      '-U',
      'x',
      '-d',
      'postgres',
    ]);
    const client = spawn(program, [...args], {
      env: { PATH: process.env['PATH'], PGSSLMODE: 'disable', PGPASSWORD: 'x' },
    });
    t.after(() => void client.kill());
    let said = '';
    client.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
    client.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
    client.stdin.write("select 'here ' || 1;\n");
    await eventually('it is let through', () => said.includes('here 1'));
    await eventually('it is heard', () => /last heard +20/.test(gateway.cli('devices', 'show', 'second-host').stdout));
    assert.equal(gateway.cli('devices', 'revoke', 'second-host').code, 0);
    client.stdin.write("select 'still ' || 2;\n");
    await eventually('its session is over', () => /terminated|closed the connection|lost/.test(said));
    assert.doesNotMatch(said, /still 2/);
    // Its token is worth nothing, and its key stays out.
    assert.equal(
      (await machineCall('device/runs', { public_key: createWireguardKeys().publicKey }, token)).status,
      401,
    );
    const again = await machineCall('onboard/start', { public_key: keys.publicKey, hostname: 'second' });
    assert.notEqual(gateway.cli('devices', 'approve', String(again.body['user_code']), '--profile', 'oncall').code, 0);
    // The twin: the other device is still in.
    assert.equal((await psql('select 1')).code, 0);
  });

  test('CP-17 CP-19 DP-23 DP-24 TR-15 DN-04: join, run and leave, as people type them', async (t) => {
    const { gateway } = world;
    const third = await createNeighbour(t);
    const home = temporaryFolder(t, 'clawpatrol-home');
    const port = Number(/:(\d+)$/.exec(gateway.addresses.get('enroll') ?? '')?.[1]);
    const fingerprint = /[0-9A-F:]{95}/.exec(gateway.cli('ca', 'show').stdout)?.[0] ?? '';
    const clawpatrol = (...args: readonly string[]) =>
      third.run(process.execPath, [MAIN, ...args], { env: { HOME: home, NO_COLOR: '1' }, timeoutMs: 60_000 });
    const url = `https://${world.far.ours}:${port}`;
    third.must('ip', 'route', 'add', world.far.ours, 'via', third.ours);
    // Another CA, no fingerprint at all, and no TLS to another machine: nothing is sent.
    const wrong = `${url}#sha256=${'00'.repeat(32)}`;
    for (const [target, message] of [
      [wrong, /shows another CA .* nothing was sent/],
      [url, /which nobody has confirmed; compare it with `clawpatrol ca show`/],
      [url.replace('https', 'http'), /without TLS only this machine itself may be asked/],
    ] as const) {
      const refused = await clawpatrol('join', target, '--no-trust');
      assert.match(refused.stderr, message);
      assert.notEqual(refused.code, 0);
    }
    assert.ok(!gateway.cli('devices', 'list').stdout.includes(third.address));
    const beginJoin = () => {
      const [program, args] = third.within(process.execPath, [
        MAIN,
        'join',
        `${url}#sha256=${fingerprint}`,
        '--no-trust',
        '--hostname',
        'third',
      ]);
      const child = spawn(program, [...args], { env: { PATH: process.env['PATH'], HOME: home, NO_COLOR: '1' } });
      const begun = { child, said: '', closed: once(child, 'close') };
      child.stdout.on('data', (bytes: Buffer) => (begun.said += bytes.toString()));
      child.stderr.on('data', (bytes: Buffer) => (begun.said += bytes.toString()));
      return begun;
    };
    const codeOf = async (begun: { readonly said: string }): Promise<string> => {
      await eventually('it shows a code', () => /^ +code +[A-Z]{4}-[A-Z]{4}/m.test(begun.said));
      return /^ +code +([A-Z]{4}-[A-Z]{4})/m.exec(begun.said)?.[1] ?? '';
    };
    // A join that is interrupted waits no more; of two, the later one counts, and both say so.
    const interrupted = beginJoin();
    const forgotten = await codeOf(interrupted);
    assert.ok(gateway.cli('devices', 'list').stdout.includes(`waiting: ${forgotten}`));
    interrupted.child.kill('SIGINT');
    assert.deepEqual(await interrupted.closed, [1, null]);
    assert.match(interrupted.said, /interrupted: the request is taken back/);
    assert.doesNotMatch(gateway.cli('devices', 'list').stdout, /waiting: \S+ third/);
    const earlier = beginJoin();
    const earlierCode = await codeOf(earlier);
    const later = beginJoin();
    const code = await codeOf(later);
    assert.ok(later.said.includes(`This machine waited already, with the code ${earlierCode}`), later.said);
    assert.deepEqual(await earlier.closed, [1, null]);
    assert.match(earlier.said, /another join of this machine has taken its place/);
    assert.deepEqual(gateway.cli('devices', 'list').stdout.match(/waiting: \S+ third/g), [`waiting: ${code} third`]);
    assert.ok(later.said.includes(fingerprint));
    assert.equal(gateway.cli('devices', 'approve', code, '--profile', 'oncall').code, 0);
    const [status] = await later.closed;
    const { said } = later;
    assert.deepEqual([status, /joined as third with profile oncall/.test(said)], [0, true], said);
    const config = readFileSync(join(home, '.config', 'clawpatrol', 'wg.conf'), 'utf8');
    const secret = /PrivateKey = (\S+)/.exec(config)?.[1] ?? '';
    for (const path of ['.config/clawpatrol/wg.conf', '.local/state/clawpatrol/key', '.local/state/clawpatrol/token']) {
      assert.equal(statSync(join(home, path)).mode & 0o777, 0o600, path);
    }
    assert.ok(!said.includes(secret));
    assert.match((await clawpatrol('env')).stdout, /^export SSL_CERT_FILE='\/.*ca-bundle\.crt'$/m);
    const carriers = () =>
      readdirSync('/proc').filter((pid) => {
        try {
          return (
            /^\d+$/.test(pid) &&
            readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith('wireguard-go\0--foreground\0clawpatrol\0')
          );
        } catch {
          return false;
        }
      });
    const carriersBefore = carriers();
    const inRun = (...words: readonly string[]) =>
      third.run(process.execPath, [MAIN, 'run', ...words], {
        env: { HOME: home, NO_COLOR: '1', PGSSLMODE: 'disable', PGPASSWORD: 'x' },
        timeoutMs: 60_000,
      });
    const query = ['psql', '-At', '-h', NAME, '-p', String(world.upstream.port), '-U', 'x', '-d', 'postgres', '-c'];
    const inside = await inRun(...query, 'select 6');
    assert.deepEqual([inside.stdout, inside.stderr, inside.code], ['6\n', '', 0]);
    assert.match((await inRun(...query, 'drop table whatever')).stderr, /no rule allows/);
    let logged = '';
    await eventually('it is recorded', () => {
      logged = gateway.cli('audit', 'search', '--device', 'third', '--verdict', 'deny', '--json').stdout;
      return /"run":"[0-9a-f-]{36}"/.test(logged);
    });
    // What a run asks of its own accord is no refusal.
    assert.doesNotMatch(logged, /a question about names/);
    // TR-15: the first connection works; then the command's own exit code, and its signal.
    assert.deepEqual(
      [
        (await inRun('sh', '-c', 'exit 7')).code,
        (await inRun('sh', '-c', 'kill -9 $$')).code,
        (await inRun('/no/such')).code,
      ],
      [7, 137, 127],
    );
    assert.equal((await inRun('cat', '/etc/resolv.conf')).stdout.split('\n')[0], 'nameserver 10.77.0.1');
    // DN-04: outside nothing has changed.
    assert.notEqual(third.must('cat', '/etc/resolv.conf').split('\n')[0], 'nameserver 10.77.0.1');
    // DP-23 DP-24: nothing gets out, also to what answers beside the tunnel.
    const beside = `${third.ours}:${world.upstream.port}`;
    const escapes = await inRun(process.execPath, MAIN, 'escape-test', '--outside', beside);
    // Other tests come and go in /tmp meanwhile: their sockets are not counted.
    const found = escapes.stdout
      .split('\n')
      .filter((line) => line.startsWith('OPEN ') && !line.includes('socket /tmp/'));
    assert.deepEqual(found, [], escapes.stderr);
    assert.match(escapes.stdout, /^held TCP to the address that was given/m);
    // The twin: without a run, the same test finds the way out.
    const open = await third.run(process.execPath, [MAIN, 'escape-test', '--outside', beside], {
      env: { HOME: home, NO_COLOR: '1', CLAWPATROL_RUN: 'none' },
    });
    assert.match(open.stdout, /^OPEN TCP to the address that was given/m);
    assert.match(open.stdout, /^OPEN another network interface/m);
    assert.match(open.stdout, /^OPEN the file .*\/token: it is there$/m);
    assert.equal(open.code, 1);
    // CP-03 CP-04: not even the operators' socket of a gateway on the same machine.
    const socket = `unix:${join(world.stateDir, 'control.sock')}`;
    const asked = await inRun(process.execPath, MAIN, 'approvals', 'list', '--gateway', socket);
    // It is covered where it was found among those in /tmp, of which only so many are looked at; the gateway itself hangs up on whoever asks from a run.
    assert.match(asked.stderr, /nothing listens there|does not talk to this process/);
    // Without root: the same, as another user with a home of its own.
    const plain = temporaryFolder(t, 'clawpatrol-plain');
    must('cp', '-a', `${home}/.`, plain);
    must('chown', '-R', '65534:65534', plain);
    const asNobody = await third.run(
      'setpriv',
      [
        '--reuid=65534',
        '--regid=65534',
        '--clear-groups',
        process.execPath,
        MAIN,
        'run',
        'sh',
        '-c',
        'id -u; cat ~/.local/state/clawpatrol/key; exec "$@"',
        'sh',
        ...query,
        'select 8',
      ],
      { env: { HOME: plain, NO_COLOR: '1', PGSSLMODE: 'disable', PGPASSWORD: 'x' }, cwd: '/' },
    );
    assert.deepEqual([asNobody.stdout, asNobody.code], ['65534\n8\n', 0], asNobody.stderr);
    assert.match(asNobody.stderr, /clawpatrol\/key: No such file/);
    // The runs have ended with their commands, and so have the processes that carried their tunnels.
    // Other tests have runs too, which come and go.
    const seen = carriers().filter((pid) => !carriersBefore.includes(pid));
    await eventually('no carrier is left', () => !carriers().some((pid) => seen.includes(pid)), 180_000);
    await eventually('no run is left', () => !/^run/m.test(gateway.cli('devices', 'show', 'third').stdout));
    await openClientTunnel(t, third, {
      keys: wireguardKeysOf(Buffer.from(secret, 'base64')),
      gateway: { publicKey: await publicKeyOf(gateway), endpoint: `${third.ours}:${UDP_PORT}` },
      addresses: (/Address = (.*)/.exec(config)?.[1] ?? '').split(', '),
    });
    const read = await third.run(
      'psql',
      ['-At', '-h', NAME, '-p', String(world.upstream.port), '-U', 'x', '-d', 'postgres', '-c', 'select 5'],
      {
        env: { PGSSLMODE: 'disable', PGPASSWORD: 'x' },
      },
    );
    assert.equal(read.stdout, '5\n', read.stderr);
    const left = await clawpatrol('leave');
    assert.equal(left.code, 0, left.stdout + left.stderr);
    assert.ok(!existsSync(join(home, '.local/state/clawpatrol/key')));
    assert.doesNotMatch(gateway.cli('devices', 'list').stdout, /third/);
    assert.equal((await clawpatrol('leave')).code, 1);
  });

  test('TR-08 CP-28: a run has an address of its own, and its device’s token does nothing else', async () => {
    const { gateway } = world;
    const { stdout } = gateway.cli('devices', 'token', '--profile', 'oncall', '--expires', '10m');
    const own = createWireguardKeys();
    const asked = { public_key: own.publicKey, hostname: 'ci', token: stdout.trim() };
    const { body } = await machineCall('onboard/start', asked);
    assert.equal(
      (await machineCall('onboard/start', { ...asked, public_key: createWireguardKeys().publicKey })).status,
      403,
    );
    const claimed = await machineCall('onboard/claim', { device_code: body['device_code'], proof: prove(own, body) });
    const token = String(claimed.body['token']);
    // One key is one peer: with another device's a run would take that device out of the tunnel.
    const laptops = await machineCall('device/runs', { public_key: LAPTOP.publicKey, label: 'claude' }, token);
    assert.ok(laptops.status >= 400, JSON.stringify(laptops.body));
    assert.match(must('wg', 'show', INTERFACE, 'allowed-ips'), /10\.77\.0\.2\/32/);
    const keys = createWireguardKeys();
    const run = await machineCall('device/runs', { public_key: keys.publicKey, label: 'claude' }, token);
    const address = String((run.body['addresses'] as string[])[0]);
    assert.match(address, /^10\.77\.0\.2[345]\d$/);
    assert.deepEqual(run.body['addresses'], [address, `fdc1:a7b0:7a01::${Number(address.split('.')[3]).toString(16)}`]);
    assert.match(gateway.cli('devices', 'show', 'ci').stdout, /claude/);
    assert.equal((await machineCall('devices', {}, token)).status, 404);
    assert.equal((await machineCall('device/leave', {}, token)).status, 200);
    assert.equal((await machineCall('device/leave', {}, token)).status, 401);
    assert.match(must('wg', 'show', INTERFACE, 'allowed-ips'), /10\.77\.0\.2/);
    await eventually(
      'it is no peer any more',
      () => !must('wg', 'show', INTERFACE, 'allowed-ips').includes(`${address}/32`),
    );
  });

  test('a tunnel whose carrier dies is made anew; until then nothing passes, and the gateway says so', async () => {
    const { gateway } = world;
    const healthy = gateway.cli('status').stdout;
    assert.match(healthy, /tunnel.*(wireguard-go|kernel).*\d+ peers, the last was heard 20/);
    if (!healthy.includes('wireguard-go')) {
      // The kernel's own has no process that could die.
      return;
    }
    const children = childrenOf(gateway.pid).filter((pid) => statOf(pid).includes('(wireguard-go) '));
    assert.equal(children.length, 1);
    process.kill(Number(children[0]), 'SIGKILL');
    await eventually('it says so', () => gateway.log().includes('it is made anew'));
    await eventually('it is up again', () => gateway.log().includes('the tunnel is up again'));
    await eventually('the peer is back', async () => (await psql('select 8')).stdout === '8\n', 180_000);
    assert.equal(await probe('tcp', '203.0.113.7', 22), 'ECONNREFUSED');
  });

  test('an interface that is deleted by hand is noticed, also where no process ends with it, and made anew', async () => {
    const { gateway } = world;
    for (const unnoticed of [false, true]) {
      const revivals = gateway.log().split('the tunnel is up again').length;
      const carrier = childrenOf(gateway.pid).find((pid) => statOf(pid).includes('(wireguard-go) '));
      if (unnoticed && carrier !== undefined) {
        // As with the kernel's own: nothing tells us.
        process.kill(Number(carrier), 'SIGSTOP');
      }
      must('ip', 'link', 'delete', 'dev', INTERFACE);
      await eventually('it is up again', () => gateway.log().split('the tunnel is up again').length > revivals, 90_000);
      assert.match(gateway.log(), unnoticed ? /"why":"the interface cpt\d+ was deleted"/ : /it is made anew/);
      await eventually('the peer is back', async () => (await psql('select 9')).stdout === '9\n', 180_000);
      assert.equal(await probe('tcp', '203.0.113.7', 22), 'ECONNREFUSED');
    }
  });

  test('routing rules that others remove, as systemd-networkd does, are put back', async () => {
    for (const version of ['-4', '-6']) {
      must('ip', version, 'rule', 'delete', 'priority', '5000');
    }
    const said = 'somebody had removed the routing rules of the tunnel';
    await eventually('it says so', () => world.gateway.log().includes(said), 60_000);
    await eventually('it serves again', async () => (await psql('select 11')).stdout === '11\n', 180_000);
    assert.equal(await probe('tcp', '203.0.113.7', 22), 'ECONNREFUSED');
  });

  test('what the tunnel was made with needs a restart, and a reload says so', async () => {
    const { gateway } = world;
    const original = readFileSync(gateway.configPath, 'utf8');
    const changed = original
      .replace('interface   =', 'mtu = 1400\n    interface   =')
      .replace('wireguard {', 'vip_subnets = ["10.79.0.0/16", "fd79::/64"]\n  wireguard {');
    writeFileSync(gateway.configPath, changed);
    const reloaded = gateway.cli('reload', '--json').stdout;
    for (const name of ['wireguard', 'vip_subnets']) {
      assert.ok(reloaded.includes(`gateway.${name} changed, which a reload does not bring into force`), reloaded);
    }
    assert.match(gateway.cli('status').stdout, /not in force until a restart: .*wireguard/);
    // What it was made with stays in force.
    assert.match(String(addressOf(await ask(NAME, 'A'))), /^10\.78\./);
    assert.equal((await psql('select 3')).stdout, '3\n');
    writeFileSync(gateway.configPath, original);
    assert.doesNotMatch(gateway.cli('reload', '--json').stdout, /does not bring into force/);
  });

  test('DN-06 TR-06: after kill -9 the next gateway takes over interface, rules, peers and virtual addresses', async () => {
    const known = addressOf(await ask(NAME, 'A'));
    // Where its peers are is noted every few seconds.
    await eventually('the peer is noted', () => existsSync(join(world.stateDir, 'tunnel-peers')));
    process.kill(world.gateway.pid, 'SIGKILL');
    await world.gateway.exited;
    // DP-26: without a gateway there is no way out.
    assert.notEqual(await probe('briefly', 'tcp', '9.9.9.9', 443), 'ended');
    world.gateway = await start(world.stateDir, world.config);
    await eventually('the peer is back', async () => (await psql('select 7')).stdout === '7\n', 180_000);
    assert.equal(addressOf(await ask(NAME, 'A')), known);
  });

  test('a stop leaves nothing behind', async () => {
    assert.equal(await world.gateway.stop(), 0);
    assert.ok(!must('ip', '-brief', 'link').includes(INTERFACE));
    assert.equal(must('nft', 'list', 'ruleset').trim(), '');
    assert.deepEqual(
      must('ip', 'rule')
        .split('\n')
        .filter((line) => line.includes('fwmark')),
      [],
    );
    assert.equal(must('ip', 'route', 'show', 'table', 'all', 'type', 'local').includes('default'), false);
  });
});

/** What shows that a machine has the private half of its key. */
function prove({ privateKey }: { readonly privateKey: string }, started: Record<string, unknown>): string {
  const publicKey = String(started['proof_key']);
  return provePossession({ privateKey, publicKey }, String(started['device_code'])) ?? '';
}

/** What `join` and `run` ask of the gateway. */
async function machineCall(
  path: string,
  body: object,
  token: string | null = null,
): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
  const port = Number(/:(\d+)$/.exec(world.gateway.addresses.get('enroll') ?? '')?.[1]);
  const bytes = Buffer.from(JSON.stringify(body));
  const authorization = {
    'clawpatrol-client': String(CLIENT_LEVEL),
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
  };
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: world.far.ours,
        port,
        path: `/api/${path}`,
        method: 'POST',
        // One connection for each: a kept one may have ended while this process waited for the command line.
        agent: false,
        ca: world.gateway.cli('ca', 'export').stdout,
        headers: { 'content-type': 'application/json', 'content-length': bytes.length, ...authorization },
      },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
      },
    );
    sent.on('error', reject);
    sent.end(bytes);
  });
}

function interfaceOf(far: Neighbour): string {
  return /^(wgt\S+)/m.exec(far.must('ip', '-brief', 'link'))?.[1] ?? '';
}

function childrenOf(pid: number): readonly string[] {
  return readdirSync('/proc').filter(
    (entry) => /^\d+$/.test(entry) && statOf(entry).split(') ')[1]?.split(' ')[1] === String(pid),
  );
}

/** What the system says of a process; "" when it is gone. */
function statOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return '';
  }
}
