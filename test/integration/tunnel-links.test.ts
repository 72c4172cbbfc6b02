// The link itself, through a real tunnel to destinations that nobody declared: sizes, changing addresses, floods, what is no TCP, names that need
// more than one packet, and the gateway's own addresses.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { decode, encode } from 'dns-packet';
import { createWireguardKeys, wireguardKeysOf } from '../../src/devices/wireguard.ts';
import { eventually } from '../support/daemon.ts';
import { startNameServer } from '../support/name-server.ts';
import { createNeighbour, enterOwnNetwork, must, whyNoTunnel, type Neighbour } from '../support/network.ts';
import type { CleanUp } from '../support/temp.ts';
import { gatewayBlock, joinDevice, startTunnelWorld, type TunnelWorld } from '../support/tunnel-world.ts';
import { openClientTunnel, publicKeyOf } from '../support/wireguard-client.ts';

const skip = whyNoTunnel();
if (skip === false) {
  enterOwnNetwork();
}

const STRANGER = '93.184.216.34';
const STRANGER_V6 = '2606:2800:220:1::34';
/** Ours on the cable to the far network. */
const LAN = '172.31.1.1';
const MANY = Array.from({ length: 60 }, (_, index) => `93.184.217.${index + 1}`);
/** Debian's. */
const PYTHON = '/usr/bin/python3';

const cleanUps: (() => unknown)[] = [];
const whole: CleanUp = { after: (step) => void cleanUps.unshift(step) };
const table: Record<string, readonly string[]> = {
  'stranger.test': [STRANGER],
  'many.test': MANY,
  'gateway.test': [LAN],
};
const DESKTOP = { name: 'desktop', profile: 'oncall', keys: createWireguardKeys() };
let world: TunnelWorld;

function configFor(resolver: string): string {
  const block = gatewayBlock(`resolver = "${resolver}"\n  metrics_listen = "[::]:0"`);
  return `${block.replace('dashboard_listen = "127.0.0.1:0"', 'dashboard_listen = "[::]:0"')}
defaults { unknown_host = "passthrough" }
endpoint "https" "api" { hosts = ["api.declared.test"] }
credential "passthrough" "api" { endpoint = https.api }
profile "oncall" { credentials = [api] }
`;
}

interface Item {
  readonly type: string;
  readonly reason: string;
  readonly device: string | null;
  readonly data: Readonly<Record<string, unknown>> | null;
}

function records(...words: readonly string[]): readonly Item[] {
  const { stdout } = world.gateway.cli('audit', 'search', '--limit', '1000', '--json', ...words);
  return (JSON.parse(stdout) as { items: Item[] }).items;
}

function python(
  at: Neighbour,
  script: string,
  ...args: readonly string[]
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  return at.run(PYTHON, ['-c', script, ...args], { timeoutMs: 120_000 });
}

/** A device's client that stays: each line that it is given is sent, and what comes back is in `said`. */
function converse(host: string, port: number, at: Neighbour = world.device) {
  const [program, args] = at.within(process.execPath, [
    '-e',
    `const s = require('node:net').connect(${port}, '${host}'); s.pipe(process.stdout); process.stdin.pipe(s);`,
  ]);
  const child = spawn(program, [...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const talk = { said: '', child, send: (text: string): unknown => child.stdin.write(text) };
  child.stdout.on('data', (bytes: Buffer) => (talk.said += bytes.toString()));
  return talk;
}

/**
 * A word and its echo, and only then the end: under a flood the kernel keeps no state of half-open connections (SYN cookies), and an end that
 * overtakes a lost first word is reset there, or taken without the word.
 */
async function isEchoed(at: Neighbour): Promise<void> {
  const talk = converse(STRANGER, 7000, at);
  talk.send('word');
  await eventually('the word comes back', () => talk.said === 'word');
  talk.child.stdin.end();
  await once(talk.child, 'close');
  assert.equal(talk.said, 'wordbye');
}

describe('the link to a device', { timeout: 1_200_000, skip }, () => {
  before(async () => {
    const names = await startNameServer(whole, table);
    world = await startTunnelWorld(whole, {
      config: configFor(names.address),
      addresses: [STRANGER, STRANGER_V6],
      profile: 'oncall',
      others: [DESKTOP],
    });
    must('ip', '-6', 'address', 'add', '2001:db8:31::1/64', 'dev', 'cable1', 'nodad');
    world.beyond.must('ip', '-6', 'address', 'add', '2001:db8:31::2/64', 'dev', 'far1', 'nodad');
    must('ip', '-6', 'route', 'add', STRANGER_V6, 'via', '2001:db8:31::2');
  });

  after(async () => {
    for (const step of cleanUps) {
      await step();
    }
  });

  test('TR-05: every size passes, over both versions, whatever the MTU of tunnel and cable', async (t) => {
    const { device, interfaceName } = world;
    t.after(() => {
      device.must('ip', 'link', 'set', interfaceName, 'mtu', '1420');
      device.must('ip', 'link', 'set', 'far0', 'mtu', '1500');
      must('ip', 'link', 'set', 'cable0', 'mtu', '1500');
    });
    for (const [inner, outer] of [
      [1420, 1500],
      [1280, 1500],
      // Larger than what the cable carries: the outer packets come in pieces.
      [1420, 1300],
    ] as const) {
      device.must('ip', 'link', 'set', interfaceName, 'mtu', String(inner));
      device.must('ip', 'link', 'set', 'far0', 'mtu', String(outer));
      must('ip', 'link', 'set', 'cable0', 'mtu', String(outer));
      for (const host of [STRANGER, STRANGER_V6]) {
        for (const size of [1, 1400, 9000, 50_000]) {
          const text = 'm'.repeat(size);
          assert.equal(await world.talk(host, 7000, text), `fin ${text}bye`, `${host} ${size} at ${inner} in ${outer}`);
        }
      }
    }
  });

  test('TR-14: a device whose outer address changes keeps its connections, and is still the same device', async (t) => {
    const talk = converse(STRANGER, 7000);
    t.after(() => void talk.child.kill());
    talk.send('before ');
    await eventually('it is open', () => talk.said === 'before ');
    world.device.must('wg', 'set', world.interfaceName, 'listen-port', '40404');
    talk.send('after');
    await eventually('it goes on', () => talk.said === 'before after');
    talk.child.stdin.end();
    await once(talk.child, 'exit');
    await eventually('it is the device’s', () =>
      records('--device', 'laptop').some(
        ({ type, data }) => type === 'connection.closed' && data?.['bytes_from_client'] === 12,
      ),
    );
  });

  test('TR-13: a connection that is gone at once is recorded whole, or as one that was gone before it was accepted', async () => {
    const here = (): readonly Item[] => records().filter(({ data }) => data?.['dialled'] === `${STRANGER}:7003`);
    const script = `let left = 20;
      for (let at = 0; at < 20; at += 1) {
        const s = require('node:net').connect(7003, '${STRANGER}', () => { s.resetAndDestroy(); left -= 1; if (left === 0) process.exit(0); });
      }`;
    assert.equal((await world.device.run(process.execPath, ['-e', script])).code, 0);
    await eventually('each has its end', () => here().filter(({ type }) => type !== 'connection.opened').length === 20);
    for (const { type, device, reason } of here()) {
      const told = [type, device, /^it was reset before it was accepted$/.test(reason)];
      assert.deepEqual(told, type === 'connection.refused' ? [type, null, true] : [type, 'laptop', false]);
    }
    // The twin: one that stays a moment is the device's in both records.
    assert.equal(await world.talk(STRANGER, 7003, 'x'), 'fin got 1');
    await eventually('it has both', () => here().filter(({ device }) => device === 'laptop').length >= 2);
  });

  test('DP-03: what is neither TCP nor a question about names goes nowhere, and is recorded', async (t) => {
    const listen = `import select, socket
sockets = [socket.socket(socket.AF_INET, socket.SOCK_RAW, number) for number in (1, 4, 47, 50, 132)]
print("ready", flush=True)
wanted = {1, 4, 47, 50, 132}
while wanted:
    for one in select.select(sockets, [], [])[0]:
        packet = one.recv(2000)
        if b"from-" in packet:
            print(packet[packet.index(b"from-"):].decode(), packet[9], flush=True)
            if b"from-outside" in packet: wanted.discard(packet[9])
`;
    const send = `import socket, sys
for number in (1, 4, 47, 50, 132):
    head = bytes([8, 0, 0, 0, 0, 1, 0, 1]) if number == 1 else b"\\0" * 8
    socket.socket(socket.AF_INET, socket.SOCK_RAW, number).sendto(head + sys.argv[1].encode(), ("${STRANGER}", 0))
`;
    const [program, args] = world.beyond.within(PYTHON, ['-c', listen]);
    const listener = spawn(program, [...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    let heard = '';
    listener.stdout.on('data', (bytes: Buffer) => (heard += bytes.toString()));
    t.after(() => void listener.kill());
    let isOver = false;
    listener.once('close', () => (isOver = true));
    await eventually('it listens', () => heard.includes('ready'));
    await eventually('they are recorded', async () => {
      // Again and again: a packet may be lost, and so may the kernel's word of it.
      assert.equal((await python(world.device, send, 'from-device')).stderr, '');
      const reasons = new Set(records('--device', 'laptop').map(({ reason }) => reason));
      return ['icmp', 'protocol 4', 'protocol 47', 'protocol 50', 'protocol 132'].every((what) =>
        reasons.has(`${what} is not carried`),
      );
    });
    // The twin: what this machine itself sends arrives there.
    await eventually('all of those are heard', () => {
      must(PYTHON, '-c', send, 'from-outside');
      return isOver;
    });
    assert.doesNotMatch(heard, /from-device/);
    assert.match(heard, /from-outside 47/);
  });

  test('DN-09: of many addresses as many are told as fit into any packet, by either way of asking', async () => {
    for (const by of ['udp', 'tcp']) {
      const questions = [{ name: 'many.test', type: 'A' } as const];
      const hex = encode({ type: 'query', id: 9, flags: 256, questions }).toString('hex');
      const reply = Buffer.from(await world.probe('dns', by, '8.8.8.8', hex), 'hex');
      assert.ok(reply.length <= 512, `${reply.length} bytes`);
      const answer = decode(reply);
      assert.equal(Reflect.get(answer, 'flag_tc'), false);
      const told = (answer.answers ?? []).map((one) => ('data' in one && typeof one.data === 'string' ? one.data : ''));
      assert.equal(told.length, 8);
      assert.ok(told.every((ip) => MANY.includes(ip)));
    }
  });

  test('CP-03 TR-17: nothing of the gateway itself is reached out of the tunnel, at any of its addresses or names', async () => {
    const { gateway, beyond } = world;
    const portOf = (name: string): number => Number(/:(\d+)$/.exec(gateway.addresses.get(name) ?? '')?.[1]);
    const ports = ['dashboard', 'metrics'].map(portOf);
    assert.ok(ports.every((port) => port > 0));
    const soFar = records('--device', 'laptop').length;
    for (const port of ports) {
      for (const host of [
        '10.77.0.1',
        'fdc1:a7b0:7a01::1',
        LAN,
        '2001:db8:31::1',
        '::ffff:172.31.1.1',
        'gateway.test',
      ]) {
        const said = await world.probe('tcp', host, port);
        assert.match(
          said,
          /^(?:ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ENOTFOUND|getaddrinfo.*)$/,
          `${host} ${port}`,
        );
      }
      // The twin: operators come another way.
      const program = `const s = require('node:net').connect(${port}, '${LAN}', () => { console.log('connected'); process.exit(0); }); s.on('error', (e) => console.log(e.code));`;
      assert.equal((await beyond.run(process.execPath, ['-e', program])).stdout, 'connected\n');
    }
    await eventually('the tries are recorded', () => {
      const found = records('--device', 'laptop');
      return found.length > soFar + 6 && found.some(({ data }) => data?.['dialled'] === `${LAN}:${ports[0]}`);
    });
  });

  test('DN-02: a resolver that is the gateway itself ends in an error, not in a circle', async () => {
    const { configPath } = world.gateway;
    const had = readFileSync(configPath, 'utf8');
    writeFileSync(configPath, had.replace(/resolver = "[^"]*"/, 'resolver = "10.77.0.1:53"'));
    assert.equal(world.gateway.cli('reload').code, 0);
    const rcodeOf = async (name: string): Promise<unknown> => {
      const hex = encode({ type: 'query', id: 9, flags: 256, questions: [{ name, type: 'A' }] }).toString('hex');
      const script = `import socket, sys
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); one.settimeout(20)
for turn in range(5):
    try:
        one.sendto(bytes.fromhex(sys.argv[1]), ("8.8.8.8", 53)); print(one.recv(4096).hex()); break
    except OSError:
        pass`;
      return Reflect.get(decode(Buffer.from((await python(world.device, script, hex)).stdout.trim(), 'hex')), 'rcode');
    };
    assert.equal(await rcodeOf('circle.test'), 'SERVFAIL');
    writeFileSync(configPath, had);
    assert.equal(world.gateway.cli('reload').code, 0);
    assert.equal(await rcodeOf('stranger.test'), 'NOERROR');
  });

  test('DP-31: a device that floods the gateway with first packets keeps nobody else from it', async (t) => {
    // Its own answers to what it did not ask for are dropped, so that every connection stays half open.
    const { device } = world;
    const desktop = await joinDevice(t, world.gateway, { keys: DESKTOP.keys, number: 3 });
    device.must('nft', 'add', 'table', 'inet', 'silent');
    device.must('nft', 'add', 'chain', 'inet', 'silent', 'out', '{ type filter hook output priority 0 ; }');
    device.must('nft', 'add', 'rule', 'inet', 'silent', 'out', 'tcp flags & rst == rst drop');
    t.after(() => device.must('nft', 'delete', 'table', 'inet', 'silent'));
    const flood = `import socket, struct, sys
source, target = socket.inet_aton("10.77.0.2"), socket.inet_aton("${STRANGER}")
out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
out.bind(("10.77.0.2", 0))
def total(data):
    s = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    s = (s >> 16) + (s & 0xffff)
    return ~(s + (s >> 16)) & 0xffff
sent = 0
for turn in range(100000):
    head = struct.pack("!HHLLBBHHH", 1024 + turn % 60000, 7000 + turn // 60000, turn, 0, 5 << 4, 2, 64000, 0, 0)
    check = total(source + target + struct.pack("!BBH", 0, 6, len(head)) + head)
    head = head[:16] + struct.pack("!H", check) + head[18:]
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, turn & 0xffff, 0, 64, 6, 0, source, target)
    try:
        out.sendto(ip + head, ("${STRANGER}", 0))
        sent += 1
    except OSError:
        pass
    if turn == 2000:
        print("flooding", flush=True)
print("sent", sent, flush=True)
`;
    const [program, args] = device.within(PYTHON, ['-c', flood]);
    const flooding = spawn(program, [...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    flooding.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
    const over = once(flooding, 'close');
    await eventually('it floods', () => said.includes('flooding'));
    // Meanwhile new connections of another device and of its own come through the same queue of the kernel; and another machine asks the operators' side,
    // which shares the process.
    await isEchoed(desktop);
    await isEchoed(device);
    const dashboard = Number(/:(\d+)$/.exec(world.gateway.addresses.get('dashboard') ?? '')?.[1]);
    const asked = await world.beyond.run('curl', [
      '-sSk',
      '-m',
      '60',
      `https://${LAN}:${dashboard}/healthz`,
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
    ]);
    assert.match(asked.stdout, /^[1-5]\d\d$/, asked.stderr);
    assert.equal(world.gateway.cli('status').code, 0);
    await over;
    assert.match(said, /sent \d{5,}/);
    const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${world.gateway.pid}/status`, 'utf8'))?.[1]) / 1024;
    assert.ok(rss < 400, `${rss.toFixed(0)} MiB`);
    await isEchoed(device);
  });

  test('DP-21: a key that is in two machines is noticed, and both places are on record', async (t) => {
    const { device, gateway, interfaceName } = world;
    const privateKey = device.must('wg', 'show', interfaceName, 'private-key').trim();
    const publicKey = await publicKeyOf(gateway);
    const noticed = (cause: string, to: string = ''): boolean =>
      records('--device', 'laptop').some(({ data }) => data?.['cause'] === cause && String(data['to']).startsWith(to));
    assert.equal(await world.talk(STRANGER, 7003, 'x'), 'fin got 1');
    // What it may still have to say itself, such as answers to what the flood has left, would come from the first place in between.
    device.must('ip', 'link', 'set', 'far0', 'down');
    t.after(() => void device.must('ip', 'link', 'set', 'far0', 'up'));
    const second = await createNeighbour(t);
    await openClientTunnel(t, second, {
      keys: wireguardKeysOf(Buffer.from(privateKey, 'base64')),
      gateway: { publicKey, endpoint: `${second.ours}:51898` },
      addresses: ['10.77.0.2/32'],
    });
    const fetchThere = (at: Neighbour): Promise<unknown> =>
      at.run('bash', ['-c', `exec 3<>/dev/tcp/${STRANGER}/7003; echo x >&3`], { timeoutMs: 5_000 });
    await eventually('the second is heard', async () => {
      await fetchThere(second);
      return noticed('moved', second.address);
    });
    assert.equal(noticed('shared-key'), false);
    device.must('ip', 'link', 'set', 'far0', 'up');
    await eventually('the first comes back', async () => {
      await fetchThere(device);
      return noticed('shared-key', device.address);
    });
    await eventually('the log says so', () => gateway.log().includes('two machines seem to have its key'));
  });
});
