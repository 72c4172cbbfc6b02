// `unknown_host = "passthrough"` through a real tunnel and through the forward proxy: what nobody declared is relayed as it is, what is shut
// stays shut, and what is declared is reached under its rules or not at all.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { decode, encode } from 'dns-packet';
import { hello, name, split } from '../support/client-hello.ts';
import { eventually } from '../support/daemon.ts';
import { startNameServer, type TestNameServer } from '../support/name-server.ts';
import { enterOwnNetwork, whyNoTunnel } from '../support/network.ts';
import type { CleanUp } from '../support/temp.ts';
import { gatewayBlock, startTunnelWorld, type TunnelWorld } from '../support/tunnel-world.ts';

const skip = whyNoTunnel();
if (skip === false) {
  enterOwnNetwork();
}

const STRANGER = '93.184.216.34';
const DECLARED = '93.184.216.35';
const WILD = '93.184.216.36';
const PRIVATE = '10.9.8.7';
const SHARED = '100.64.1.1';
const LINK_LOCAL = '169.254.169.254';
const STRANGER_V6 = '2606:2800:220:1::34';

const PER_DEVICE = 40;
const TRANSFER_BYTES = 200 * 1024 * 1024;

function configFor(resolver: string): string {
  return `${gatewayBlock(`
  resolver = "${resolver}"
  limits { connections_per_device = ${PER_DEVICE} }
  proxy {
    listen  = "127.0.0.1:0"
    profile = "oncall"
  }`)}
defaults {
  unknown_host = "passthrough"
  unmatched    = "allow"
}
credential "passthrough" "none" { endpoints = [https.api, https.wild] }
credential "passthrough" "others" { endpoint = https.others }
endpoint "https" "api" { hosts = ["api.declared.test"] }
endpoint "https" "wild" { hosts = ["*.wild.test"] }
endpoint "https" "others" { hosts = ["others.declared.test"] }
profile "oncall" { credentials = [none] }
profile "other" { credentials = [others] }
`;
}

const cleanUps: (() => unknown)[] = [];
const whole: CleanUp = { after: (step) => void cleanUps.unshift(step) };
let world: TunnelWorld;
let names: TestNameServer;

async function ask(host: string, type: 'A' | 'AAAA' | 'TXT' = 'A', by: string = 'udp'): Promise<string> {
  const hex = encode({ type: 'query', id: 7, flags: 256, questions: [{ name: host, type }] }).toString('hex');
  const packet = decode(Buffer.from(await world.probe('dns', by, '8.8.8.8', hex), 'hex'));
  const data = (packet.answers ?? []).flatMap((answer) =>
    'data' in answer && typeof answer.data === 'string' ? [answer.data] : [],
  );
  return [String(Reflect.get(packet, 'rcode')), ...data].join(' ');
}

/** Records about a destination, newest last: type, cause or end, bytes. */
function recorded(dialled: string): readonly string[] {
  const { stdout } = world.gateway.cli('audit', 'search', '--limit', '500', '--json');
  const { items } = JSON.parse(stdout) as {
    items: { seq: number; type: string; data: Record<string, string | number> | null }[];
  };
  return items
    .filter(({ data }) => data?.['dialled'] === dialled)
    .toSorted((a, b) => a.seq - b.seq)
    .map(({ type, data }) =>
      [type, data?.['cause'] ?? data?.['how'], data?.['bytes_from_client'], data?.['bytes_to_client']]
        .filter((part) => part !== undefined)
        .join(' '),
    );
}

/** What the proxy answers to CONNECT, then what comes back for the bytes. */
function throughProxy(target: string, bytes: string | Buffer): Promise<readonly [string, string]> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: world.gateway.port('proxy'), allowHalfOpen: true });
    let head = '';
    let got = '';
    let isOpen = false;
    const told = (): void => resolve([head.split('\r\n')[0]?.split(' ')[1] ?? '', got]);
    socket.on('connect', () => void socket.write(`CONNECT ${target} HTTP/1.1\r\n\r\n`));
    socket.on('error', told);
    socket.on('end', () => {
      socket.destroy();
      told();
    });
    socket.on('data', (chunk: Buffer) => {
      if (isOpen) {
        got += chunk.toString('latin1');
        return;
      }
      head += chunk.toString('latin1');
      const at = head.indexOf('\r\n\r\n');
      if (at !== -1 && head.startsWith('HTTP/1.1 200')) {
        isOpen = true;
        got = head.slice(at + 4);
        socket.end(bytes);
      }
    });
  });
}

describe('destinations that nobody declared', { timeout: 1_200_000, skip }, () => {
  before(async () => {
    names = await startNameServer(whole, {
      'stranger.test': [STRANGER, STRANGER_V6],
      'api.declared.test': [DECLARED],
      'others.declared.test': [DECLARED],
      'x.wild.test': [WILD],
      'alias.test': [DECLARED],
      'rebound.test': ['127.0.0.1', LINK_LOCAL, PRIVATE, '10.77.0.1'],
      'mixed.test': ['127.0.0.1', STRANGER],
      'txt-only.test': [],
    });
    world = await startTunnelWorld(whole, {
      config: configFor(names.address),
      addresses: [STRANGER, DECLARED, WILD, PRIVATE, SHARED, LINK_LOCAL],
      profile: 'oncall',
    });
  });

  after(async () => {
    for (const step of cleanUps) {
      await step();
    }
  });

  test('DP-32 TR-11 TR-20: are relayed by name and by address, half-closed as they are, and recorded with their bytes', async () => {
    assert.equal(await ask('stranger.test'), `NOERROR ${STRANGER}`);
    assert.equal(await world.talk(STRANGER, 7000, 'hello'), 'fin hellobye');
    assert.equal(await world.talk('stranger.test', 7003, Buffer.alloc(5_000)), 'fin got 5000');
    // A server that speaks first, at a port of its own and where TLS could come.
    assert.equal(await world.talkBriefly(STRANGER, 22, ''), 'nothing');
    assert.equal(await world.talk(STRANGER, 22, 'x'), 'fin SSH-2.0-far\r\nxbye');
    assert.equal(await world.talk(STRANGER, 443, 'SSH-2.0-client\r\n'), 'fin got 16');
    const said = hello([0, name('stranger.test')]);
    assert.equal(await world.talk(STRANGER, 443, said, 1), `fin got ${said.length}`);
    await eventually('both ends are recorded', () => recorded(`${STRANGER}:7000`).length === 2);
    assert.deepEqual(recorded(`${STRANGER}:7000`), ['connection.opened', 'connection.closed client-closed 5 8']);
    await eventually('its name is recorded', () => {
      const { stdout } = world.gateway.cli('audit', 'search', '--device', 'laptop', '--limit', '500', '--json');
      return stdout.includes('"name":"stranger.test"');
    });
  });

  test('TR-12: a destination that breaks off is passed on as broken off', async () => {
    assert.equal(await world.talk(STRANGER, 7001, 'x'), 'ECONNRESET');
    await eventually('it is recorded', () => recorded(`${STRANGER}:7001`).length === 2);
    assert.match(recorded(`${STRANGER}:7001`)[1] ?? '', /^connection\.closed reset/);
    // Nobody listens there.
    assert.equal(await world.talk(STRANGER, 9, 'x'), 'ECONNRESET');
  });

  test('DP-07 DP-08 DP-32: this machine, links, metadata, groups, private space and the tunnel’s own stay shut', async () => {
    for (const host of [
      LINK_LOCAL,
      PRIVATE,
      SHARED,
      '0.0.0.0',
      '224.0.0.1',
      '10.77.0.1',
      '10.77.0.3',
      '10.78.1.1',
      '172.31.0.1',
      '172.31.1.1',
      '100.100.100.200',
      '168.63.129.16',
      'fdc1:a7b0:7a01::1',
      'fd78::9',
      'fe80::1',
      'fd00:ec2::254',
      '64:ff9b::a9fe:a9fe',
      '::ffff:10.9.8.7',
      '2002:a9fe:a9fe::1',
    ]) {
      assert.doesNotMatch(await world.talkBriefly(host, 7003, 'x'), /got/, host);
    }
    for (const host of [LINK_LOCAL, PRIVATE]) {
      await eventually(`${host} is recorded`, () =>
        recorded(`${host}:7003`).includes('connection.refused destination'),
      );
    }
    // UDP is not TCP.
    assert.equal(await world.probe('udp', STRANGER, 443), 'ECONNREFUSED');
    // A name that leads there is told as none, and one that leads to both only as what is open.
    assert.equal(await ask('rebound.test'), 'NXDOMAIN');
    assert.equal(await ask('mixed.test'), `NOERROR ${STRANGER}`);
    // The twin.
    assert.equal(await world.talk(STRANGER, 7003, 'x'), 'fin got 1');
  });

  test('DP-05 DP-06 DP-13: a declared host is reached under its rules or not at all', async () => {
    assert.match(await ask('api.declared.test'), /^NOERROR 10\.78\./);
    assert.equal(await ask('others.declared.test'), 'NXDOMAIN');
    const virtual = (await ask('api.declared.test')).split(' ')[1] ?? '';
    const to = (host: string): Buffer => hello([0, name(host)]);
    for (const [host, port, bytes] of [
      // Its other ports, by its virtual address and by its own.
      [virtual, 7003, 'x'],
      [DECLARED, 7003, 'x'],
      [DECLARED, 80, 'GET / HTTP/1.1\r\n\r\n'],
      // By its address: without TLS, without a name, with another's name, with another profile's.
      [DECLARED, 443, 'x'],
      [DECLARED, 443, hello()],
      [DECLARED, 443, to('stranger.test')],
      [DECLARED, 443, to('others.declared.test')],
      // What could be for a host of the wildcard, or is for one of another profile.
      [WILD, 443, hello()],
      [STRANGER, 443, to('others.declared.test')],
      [STRANGER, 443, hello([0, name('a.test')], [0, name('b.test')])],
    ] as const) {
      assert.equal(await world.talk(host, port, bytes), 'ECONNRESET', `${host}:${port}`);
    }
    // With its own name it is the endpoint's, wherever it was dialled: the gateway answers with TLS of its own.
    for (const [host, sni] of [
      [DECLARED, 'api.declared.test'],
      [STRANGER, 'api.declared.test'],
      [WILD, 'x.wild.test'],
    ] as const) {
      assert.doesNotMatch(await world.talkBriefly(host, 443, to(sni)), /got/, sni);
      await eventually('it is the endpoint’s', () =>
        recorded(`${sni}:443`).some((line) => line.startsWith('connection.opened')),
      );
    }
    // The twins.
    assert.match(await world.talk(STRANGER, 443, to('stranger.test')), /got/);
    assert.match(await world.talk(WILD, 443, to('tame.test')), /got/);
  });

  test('DP-09 DP-10 DN-01 MP-48: names that nobody declared are asked of the gateway’s resolver, for addresses only', async () => {
    assert.equal(await ask('stranger.test', 'A', 'tcp'), `NOERROR ${STRANGER}`);
    assert.equal(await ask('txt-only.test'), 'NOERROR');
    assert.equal(await ask('txt-only.test', 'TXT'), 'NOERROR');
    assert.equal(await ask('no-such.test'), 'NXDOMAIN');
    // Nothing could follow over IPv6 from here.
    assert.equal(await ask('stranger.test', 'AAAA'), 'NOERROR');
    assert.ok(names.asked.has('no-such.test'));
    await eventually('it is recorded', () => recorded('no-such.test').includes('connection.noticed name'));
  });

  test('DP-32: the forward proxy opens the same by CONNECT, and nothing more', async () => {
    assert.deepEqual(await throughProxy('stranger.test:7000', 'hello'), ['200', 'hellobye']);
    assert.deepEqual(await throughProxy(`${STRANGER}:7003`, 'hello'), ['200', 'got 5']);
    assert.deepEqual(await throughProxy('stranger.test:443', hello([0, name('stranger.test')])), [
      '200',
      `got ${hello([0, name('stranger.test')]).length}`,
    ]);
    for (const [target, status] of [
      ['rebound.test:7003', '403'],
      ['alias.test:7003', '403'],
      ['others.declared.test:443', '403'],
      ['api.declared.test:7003', '403'],
      [`${DECLARED}:443`, '403'],
      [`${PRIVATE}:7003`, '403'],
      ['127.0.0.1:8443', '403'],
      ['no-such.test:443', '403'],
      ['stranger.test:9', '502'],
    ] as const) {
      assert.deepEqual(await throughProxy(target, 'x'), [status, ''], target);
    }
    assert.deepEqual(await throughProxy('stranger.test:443', hello([0, name('others.declared.test')])), ['200', '']);
  });

  test('TR-03 TR-05: 200 MB pass whole in each direction beside a client that reads nothing, in bounded memory', async (t) => {
    const rss = (): number =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${world.gateway.pid}/status`, 'utf8'))?.[1]) / 1024;
    const [program, args] = world.device.within('bash', [
      '-c',
      `exec 3<>/dev/tcp/${STRANGER}/7002; read -r -N 1 <&3; echo open; exec sleep 600`,
    ]);
    const stalled = spawn(program, [...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => void stalled.kill('SIGKILL'));
    await once(stalled.stdout, 'data');
    const shell = async (script: string): Promise<string> =>
      (await world.device.run('bash', ['-c', script], { timeoutMs: 300_000 })).stdout.slice(0, 64);
    const bytes = (text: string): string => `yes | tr -d '\\n' | tr y ${text} | head -c ${TRANSFER_BYTES}`;
    const digestOf = (text: string): string => {
      const hash = createHash('sha256');
      const chunk = Buffer.alloc(1024 * 1024, text);
      for (let sent = 0; sent < TRANSFER_BYTES; sent += chunk.length) {
        hash.update(chunk);
      }
      return hash.digest('hex');
    };
    const beforeMiB = rss();
    const down = await shell(`head -c ${TRANSFER_BYTES} </dev/tcp/${STRANGER}/7002 | sha256sum`);
    assert.equal(down, digestOf('x'));
    const length = String(TRANSFER_BYTES).padStart(12, '0');
    const up = await shell(
      `exec 3<>/dev/tcp/${STRANGER}/7004; { printf ${length}; ${bytes('z')}; } >&3; head -c 64 <&3`,
    );
    assert.equal(up, digestOf('z'));
    const grownMiB = rss() - beforeMiB;
    stalled.kill('SIGKILL');
    assert.ok(grownMiB < 100, `grown by ${grownMiB} MiB`);
    // Nothing of them takes up room in what follows.
    for (const [port, lines] of [
      [7002, 4],
      [7004, 2],
    ] as const) {
      await eventually(`those at ${port} are over`, () => recorded(`${STRANGER}:${port}`).length === lines);
    }
  });

  test('DP-31: a device that takes all its connections is refused more, and others are not', async () => {
    const hold = `
      const { connect } = require('node:net');
      let held = 0, reset = 0;
      const tell = () => { if (held + reset === ${PER_DEVICE + 20}) { console.log(held, reset); } };
      for (let at = 0; at < ${PER_DEVICE + 20}; at += 1) {
        // A reset may be lost: what is said once more is reset once more.
        let again;
        const socket = connect(7000, '${STRANGER}', () => { socket.write('x'); again = setInterval(() => socket.write('x'), 1000); });
        socket.once('data', () => { clearInterval(again); held += 1; tell(); });
        socket.on('error', () => { clearInterval(again); reset += 1; tell(); });
      }`;
    const [program, args] = world.device.within(process.execPath, ['-e', hold]);
    const holder = spawn(program, [...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [said] = (await once(holder.stdout, 'data')) as [Buffer];
    assert.equal(said.toString(), `${PER_DEVICE} 20\n`);
    assert.deepEqual(await throughProxy('stranger.test:7000', 'hello'), ['200', 'hellobye']);
    holder.kill('SIGKILL');
    await eventually('there is room again', async () => (await world.talk(STRANGER, 7003, 'x')) === 'fin got 1');
  });

  test('a reload that shuts them again ends what is open', async () => {
    const socket = connect({ host: '127.0.0.1', port: world.gateway.port('proxy') });
    let got = '';
    socket.on('data', (chunk: Buffer) => (got += chunk.toString('latin1')));
    socket.on('error', () => {});
    const closed = new Promise((resolve) => void socket.once('close', resolve));
    socket.write(`CONNECT ${STRANGER}:7000 HTTP/1.1\r\n\r\nfirst`);
    await eventually('it is open', () => got.endsWith('first'));
    const { configPath } = world.gateway;
    writeFileSync(
      configPath,
      readFileSync(configPath, 'utf8').replace('unknown_host = "passthrough"', 'unknown_private = "passthrough"'),
    );
    assert.equal(world.gateway.cli('reload').code, 0);
    await closed;
    assert.deepEqual(await throughProxy(`${STRANGER}:7003`, 'x'), ['403', '']);
    assert.equal(await world.talk(STRANGER, 7003, 'x'), 'ECONNREFUSED');
    assert.equal(await ask('stranger.test'), 'NXDOMAIN');
    // Private space is open when it is said, together with the other.
    writeFileSync(
      configPath,
      readFileSync(configPath, 'utf8').replace(
        'unknown_private = "passthrough"',
        'unknown_host = "passthrough"\n  unknown_private = "passthrough"',
      ),
    );
    assert.equal(world.gateway.cli('reload').code, 0);
    assert.equal(await world.talk(PRIVATE, 7003, 'x'), 'fin got 1');
    assert.equal(await world.talk(SHARED, 7003, 'x'), 'fin got 1');
    assert.doesNotMatch(await world.talkBriefly(LINK_LOCAL, 7003, 'x'), /got/);
    assert.doesNotMatch(await world.talkBriefly('10.77.0.1', 7003, 'x'), /got/);
  });

  test('TL-01 TL-09 DP-17 DP-18: with everything shut again the server name is found however the hello comes', async () => {
    const { configPath } = world.gateway;
    writeFileSync(configPath, readFileSync(configPath, 'utf8').replaceAll('= "passthrough"', '= "deny"'));
    assert.equal(world.gateway.cli('reload').code, 0);
    const named = (host: string): Buffer => hello([0, name(host)], [21, Array.from({ length: 4096 }, () => 0)]);
    const opened = (): number =>
      recorded('api.declared.test:443').filter((line) => line.startsWith('connection.opened')).length;
    for (const [bytes, piece] of [
      [named('api.declared.test'), 997],
      [named('API.declared.TEST.'), 5_000],
      [split(named('api.declared.test'), 100), 53],
    ] as const) {
      const soFar = opened();
      assert.doesNotMatch(await world.talk('9.9.9.9', 443, bytes, piece), /ECONNRESET/);
      await eventually('it is the endpoint’s', () => opened() === soFar + 1);
    }
    for (const bytes of [
      hello(),
      hello([0, name('9.9.9.9')]),
      hello([0, name('stranger.test')]),
      hello([0, name('api.declared.test')], [0, name('api.declared.test')]),
      Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'),
      Buffer.from('GET / HTTP/1.1\r\nHost: api.declared.test\r\n\r\n'),
      Buffer.from([22, 3, 1, 255, 255]),
    ]) {
      assert.equal(await world.talk('9.9.9.9', 443, bytes), 'ECONNRESET', bytes.toString('latin1'));
    }
    await eventually('they are on record', () => recorded('9.9.9.9:443').includes('connection.refused destination'));
    // The declared host's own address and port speak TLS and nothing else.
    const virtual = (await ask('api.declared.test')).split(' ')[1] ?? '';
    const refusals = (): number =>
      recorded('api.declared.test:443').filter((line) => line === 'connection.refused tls-required').length;
    assert.equal(refusals(), 0);
    for (const text of ['GET / HTTP/1.1\r\nHost: api.declared.test\r\n\r\n', 'SSH-2.0-OpenSSH_9.2\r\n', '\0\0\0\x08']) {
      assert.match(await world.talk(virtual, 443, text), /^fin HTTP\/1\.1 400 [^]*TLS only/, JSON.stringify(text));
    }
    await eventually('each is on record', () => refusals() === 3);
  });
});
