// Two devices, one of them hostile: what it does to the gateway and to the other, through a real tunnel.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { after, before, describe, test } from 'node:test';
import { decode, encode } from 'dns-packet';
import { createWireguardKeys } from '../../src/devices/wireguard.ts';
import { provePossession } from '../../src/devices/possession.ts';
import { CLIENT_LEVEL } from '../../src/lib/client-level.ts';
import { eventually } from '../support/daemon.ts';
import { enterOwnNetwork, must, whyNoTunnel, type Neighbour } from '../support/network.ts';
import type { CleanUp } from '../support/temp.ts';
import { gatewayBlock, joinDevice, startTunnelWorld, type TunnelWorld } from '../support/tunnel-world.ts';

const skip = whyNoTunnel();
if (skip === false) {
  enterOwnNetwork();
}

/** Debian's. */
const PYTHON = '/usr/bin/python3';
const OTHER = createWireguardKeys();

const cleanUps: (() => unknown)[] = [];
const whole: CleanUp = { after: (step) => void cleanUps.unshift(step) };
let world: TunnelWorld;
let other: Neighbour;

const CONFIG = `${gatewayBlock('limits { connections_per_device = 50 }\n  vip_subnets = ["10.78.0.0/24", "fd78::/64"]')}
endpoint "https" "api" { hosts = ["api.declared.test", "late.declared.test", "*.wild.test"] }
endpoint "https" "docs" { hosts = ["docs.declared.test", "*.papers.test"] }
credential "passthrough" "api" { endpoint = https.api }
credential "passthrough" "docs" { endpoint = https.docs }
profile "oncall" { credentials = [api] }
profile "writers" { credentials = [docs] }
`;

function hexOf(name: string, type: 'A' | 'AAAA' | 'PTR' = 'A'): string {
  return encode({ type: 'query', id: 7, flags: 256, questions: [{ name, type }] }).toString('hex');
}

async function python(at: Neighbour, script: string, ...args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await at.run(PYTHON, ['-c', script, ...args], { timeoutMs: 60_000 });
  return stdout === '' ? stderr : stdout.trim();
}

const ASK = `import socket, sys
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); one.settimeout(2)
for turn in range(10):
    try:
        one.sendto(bytes.fromhex(sys.argv[1]), ("9.9.9.9", 53)); print(one.recv(4096).hex()); break
    except OSError:
        pass
`;

async function rcodeAt(at: Neighbour, name: string): Promise<unknown> {
  return Reflect.get(decode(Buffer.from(await python(at, ASK, hexOf(name)), 'hex')), 'rcode');
}

function descriptors(): number {
  return readdirSync(`/proc/${world.gateway.pid}/fd`).length;
}

describe('a hostile device', { timeout: 1_200_000, skip }, () => {
  before(async () => {
    world = await startTunnelWorld(whole, {
      config: CONFIG,
      addresses: [],
      profile: 'oncall',
      others: [{ name: 'other', profile: 'writers', keys: OTHER }],
    });
    other = await joinDevice(whole, world.gateway, { keys: OTHER, number: 3 });
  });

  after(async () => {
    for (const step of cleanUps) {
      await step();
    }
  });

  test('a question from port 0, where nobody hears an answer, ends nothing', async () => {
    const script = `import socket, struct, sys
question = bytes.fromhex(sys.argv[1])
out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
for source in (0, 40000):
    udp = struct.pack("!HHHH", source, 53, 8 + len(question), 0) + question
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, socket.inet_aton("10.77.0.2"), socket.inet_aton("9.9.9.9"))
    out.sendto(ip + udp, ("9.9.9.9", 0))
print("sent")`;
    assert.equal(await python(world.device, script, hexOf('undeclared.test')), 'sent');
    assert.equal(await rcodeAt(world.device, 'api.declared.test'), 'NOERROR');
    assert.equal(await rcodeAt(other, 'docs.declared.test'), 'NOERROR');
    assert.equal(world.gateway.child.exitCode, null);
  });

  test('TR-18 DP-14: questions over TCP and greetings that never end take no more connections than a device may have', async () => {
    const script = `import socket, sys, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
for port, bytes_ in ((53, b"\\xff\\xff" + b"x" * 100), (443, b"\\x16\\x03\\x01\\x40")):
    held, refused = [], 0
    for turn in range(300):
        one = socket.socket(); one.settimeout(3)
        try:
            one.connect(("9.9.9.9", port)); one.send(bytes_); held.append(one)
        except OSError:
            refused += 1
    kept = 0
    for one in held:
        one.setblocking(False)
        try:
            one.recv(1)
        except BlockingIOError:
            kept += 1
        except OSError:
            refused += 1
    print(port, kept, refused, flush=True)
    sys.stdin.readline()
`;
    const [program, args] = world.device.within(PYTHON, ['-c', script]);
    const had = descriptors();
    const child = spawn(program, [...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
    for (const port of [53, 443]) {
      await eventually('all have been tried', () => new RegExp(`^${port} \\d+ \\d+\n`, 'm').test(said));
      // Those beyond may be about to be closed. Well before it gives up on any of those that it keeps.
      await eventually(`${had} and no more than 60 are open`, () => descriptors() <= had + 60, 5_000);
      assert.equal(await rcodeAt(other, 'docs.declared.test'), 'NOERROR');
      child.stdin.write('\n');
    }
    await eventually('they are free again', () => descriptors() <= had + 5);
    await eventually('it is on record', () => {
      const { stdout } = world.gateway.cli('audit', 'search', '--device', 'laptop', '--limit', '1000', '--json');
      return /too many connections of this device/.test(stdout);
    });
  });

  test('DP-10 DP-31: a flood of questions fills no table of the kernel, and another device is answered', async () => {
    const countFlows = (): number => Number(readFileSync('/proc/sys/net/netfilter/nf_conntrack_count', 'utf8'));
    const script = `import socket, sys
question = bytes.fromhex(sys.argv[1])
ways = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(50)]
sent = 0
while sent < 20000:
    for way in ways:
        try:
            way.sendto(question, ("9.9.%d.%d" % (sent >> 8 & 255, sent & 255), 53)); sent += 1
        except OSError:
            pass
print(sent)`;
    const had = countFlows();
    const beganMs = Date.now();
    const flooding = python(world.device, script, hexOf('api.declared.test'));
    assert.equal(await rcodeAt(other, 'docs.declared.test'), 'NOERROR');
    assert.equal(await flooding, '20000');
    assert.equal(await rcodeAt(other, 'docs.declared.test'), 'NOERROR');
    const most = 600 + 200 * ((Date.now() - beganMs) / 1000) + 300;
    assert.ok(countFlows() - had < most, `${countFlows() - had} flows, ${most} at most`);
  });

  test('AU-06: what is refused of one device is recorded while another one floods', async () => {
    const flood = `import signal, socket
signal.alarm(90)
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
turn = 0
while True:
    turn += 1
    if turn == 20000: print("flooding", flush=True)
    try:
        one.sendto(b"x", ("9.9.%d.%d" % (turn >> 8 & 255, turn & 255), 7777))
    except OSError:
        pass`;
    const [program, args] = world.device.within(PYTHON, ['-c', flood]);
    const flooding = spawn(program, [...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(flooding.stdout, 'data');
    const single = `import socket
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for turn in range(3): one.sendto(b"x", ("9.9.9.9", 5555 + turn))`;
    const search = (): string =>
      world.gateway.cli('audit', 'search', '--device', 'other', '--limit', '100', '--json').stdout;
    try {
      await eventually('the other’s are recorded', async () => {
        // Again and again: a datagram may be lost where both have the same cable, before anybody could see whose it is.
        await python(other, single);
        return /9\.9\.9\.9:555[567]/.test(search());
      });
    } finally {
      flooding.kill('SIGKILL');
    }
  });

  test('DN-10: names under a wildcard that one device makes up leave room for another’s, and for declared ones', async () => {
    const script = `import socket, sys
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); one.settimeout(3)
codes = {}
for turn in range(150):
    name = ("n%d" % turn).encode()
    question = bytes([0, turn]) + b"\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0" + bytes([len(name)]) + name + b"\\4wild\\4test\\0\\0\\1\\0\\1"
    for again in range(10):
        try:
            one.sendto(question, ("9.9.9.9", 53)); reply = one.recv(4096)
            # A late answer to the question before is not this one's.
            while reply[1] != turn: reply = one.recv(4096)
            code = reply[3] & 15; break
        except OSError:
            code = -1
    codes[code] = codes.get(code, 0) + 1
print(codes)`;
    assert.equal(await python(world.device, script), '{0: 64, 2: 86}');
    assert.equal(await rcodeAt(other, 'x.papers.test'), 'NOERROR');
    assert.equal(await rcodeAt(world.device, 'n7.wild.test'), 'NOERROR');
    assert.equal(await rcodeAt(world.device, 'late.declared.test'), 'NOERROR');
  });

  test('DP-20: a neighbour of the gateway does not ask about names in a device’s name', async () => {
    const { beyond, gateway } = world;
    const port = /redirect to :(\d+)/.exec(
      must('nft', 'list', 'table', 'inet', `clawpatrol_cpw${process.pid % 100_000}`),
    )?.[1];
    assert.ok(port !== undefined);
    beyond.must('ip', 'route', 'add', '10.77.0.0/24', 'via', beyond.ours);
    const script = `import socket, struct, sys
question, port = bytes.fromhex(sys.argv[1]), int(sys.argv[2])
out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
for target in ("10.77.0.1", "${beyond.ours}"):
    for to in (port, 53):
        udp = struct.pack("!HHHH", 40000, to, 8 + len(question), 0) + question
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, socket.inet_aton("10.77.0.2"), socket.inet_aton(target))
        out.sendto(ip + udp, (target, 0))
print("sent")`;
    assert.equal(await python(beyond, script, hexOf('spoofed.test'), port), 'sent');
    assert.equal(await rcodeAt(world.device, 'genuine.test'), 'NXDOMAIN');
    const search = (): string =>
      gateway.cli('audit', 'search', '--device', 'laptop', '--limit', '1000', '--json').stdout;
    await eventually('the device’s own is recorded', () => search().includes('genuine.test'));
    assert.ok(!search().includes('spoofed.test'));
  });

  test('CP-21: a run that began under another profile has what its device has now', async (t) => {
    const { gateway } = world;
    const token = gateway.cli('devices', 'token', '--profile', 'writers', '--expires', '10m').stdout.trim();
    const [own, keys] = [createWireguardKeys(), createWireguardKeys()];
    const started = await ask('/api/onboard/start', { public_key: own.publicKey, hostname: 'demoted', token });
    const deviceCode = String(started.body['device_code']);
    const proof = provePossession({ ...own, publicKey: String(started.body['proof_key']) }, deviceCode);
    const claimed = await ask('/api/onboard/claim', { device_code: deviceCode, proof });
    const run = await ask('/api/device/runs', { public_key: keys.publicKey }, String(claimed.body['token']));
    const [address = ''] = run.body['addresses'] as readonly string[];
    const at = await joinDevice(t, gateway, { keys, number: Number(address.split('.')[3]) });
    const known = async () => [await rcodeAt(at, 'docs.declared.test'), await rcodeAt(at, 'api.declared.test')];
    assert.deepEqual(await known(), ['NOERROR', 'NXDOMAIN']);
    assert.equal(gateway.cli('devices', 'set-profile', 'demoted', 'oncall').code, 0);
    assert.deepEqual(await known(), ['NXDOMAIN', 'NOERROR']);
  });

  test('CP-18: a join token that fifty machines use at once lets one of them in', async () => {
    const token = world.gateway.cli('devices', 'token', '--profile', 'oncall', '--expires', '10m').stdout.trim();
    const tries = Array.from({ length: 50 }, (_, index) =>
      ask('/api/onboard/start', {
        public_key: createWireguardKeys().publicKey,
        hostname: `racer${index}`,
        token,
      }),
    );
    const all = await Promise.all(tries);
    assert.equal(all.filter(({ status }) => status === 200).length, 1);
  });

  test('what cannot be asked of the address for machines leaves no record', async () => {
    const asked = (): number => {
      const { stdout } = world.gateway.cli('audit', 'search', '--types', 'device.asked', '--limit', '1000', '--json');
      return (JSON.parse(stdout) as { items: readonly unknown[] }).items.length;
    };
    const had = asked();
    for (let index = 0; index < 30; index += 1) {
      const said = await ask('/api/onboard/start', { public_key: 'x', hostname: 'y'.repeat(200) });
      assert.ok([400, 429].includes(said.status), JSON.stringify(said));
    }
    assert.equal(asked(), had);
    const giant = await ask('/api/onboard/start', { public_key: 'x'.repeat(100_000), hostname: 'y' });
    // 0: it was ended while it still spoke.
    assert.ok([413, 0].includes(giant.status), JSON.stringify(giant));
  });
});

function joinPort(): number {
  return Number(/:(\d+)$/.exec(world.gateway.addresses.get('enroll') ?? '')?.[1]);
}

/** What machines ask of the gateway. */
function ask(
  path: string,
  body: object,
  token: string = '',
): Promise<{ readonly status: number; readonly body: Readonly<Record<string, unknown>> }> {
  const bytes = Buffer.from(JSON.stringify(body));
  return new Promise((resolve) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port: joinPort(),
        path,
        method: 'POST',
        // One connection for each: a kept one may have ended while this process waited for the command line.
        agent: false,
        rejectUnauthorized: false,
        headers: {
          'content-type': 'application/json',
          'content-length': bytes.length,
          'clawpatrol-client': String(CLIENT_LEVEL),
          ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
        },
      },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
      },
    );
    sent.on('error', (error) => resolve({ status: 0, body: { error: error.message } }));
    sent.end(bytes);
  });
}
