// A whole machine behind the tunnel: real WireGuard, real SSH into it, and a watcher on its cable that sees every packet which takes another way.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../support/daemon.ts';
import { MAIN, NAME, startMachineWorld, type MachineWorld } from '../support/machine-world.ts';
import { enterOwnNetwork, whyNoTunnel } from '../support/network.ts';
import type { CleanUp } from '../support/temp.ts';

const skip = whyNoTunnel();
if (skip === false) {
  enterOwnNetwork();
}

const FAR_SERVER = join(import.meta.dirname, '..', 'support', 'far-server.js');
const INTERFACE = 'clawpatrol0';
/** Reached beside the tunnel, because somebody says so. */
const DIRECT = '198.51.100.7';
const cleanUps: (() => unknown)[] = [];
const whole: CleanUp = { after: (step) => void cleanUps.unshift(step) };
let world: MachineWorld;

/** Ways out that people and programs try: what is asked of the probe. */
const WAYS: readonly (readonly [string, string, number])[] = [
  ['udp', '8.8.8.8', 53],
  ['tcp', '8.8.8.8', 53],
  ['tcp', '9.9.9.9', 853],
  ['tcp', '1.1.1.1', 443],
  ['udp', '1.1.1.1', 443],
  ['udp', '224.0.0.251', 5353],
  ['udp', '162.159.200.1', 123],
  ['tcp', '169.254.169.254', 80],
  ['tcp', '2001:4860:4860::8888', 53],
  ['udp', '2001:4860:4860::8888', 53],
  ['tcp', '2606:4700:4700::1111', 443],
  ['tcp', 'fd00:ec2::254', 80],
  // Beside it on the same cable: another port of the gateway's host, by both families.
  ['tcp', '172.31.0.1', 9],
  ['tcp', 'fd31::1', 9],
];

/** An ICMP echo request, and a datagram of a protocol that nobody knows. */
const ECHO = `
import socket
for protocol, data in ((1, bytes([8, 0, 0xf7, 0xff, 0, 0, 0, 0])), (253, b'x' * 8)):
    for bound in (False, True):
        s = socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol)
        if bound:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'far0')
        try:
            s.sendto(data, ('1.1.1.1', 0))
        except OSError:
            pass
`;

async function tryWays(): Promise<void> {
  await Promise.all(WAYS.map((way) => world.probe('briefly', ...way)));
  // Bound to the machine's own address, or to its cable: routing rules that go by the source would let them out.
  const curl = (...args: readonly string[]) => world.machine.run('curl', ['-s', '-m', '2', ...args]);
  await Promise.all([
    curl('--interface', world.machine.address, 'http://1.1.1.1/'),
    curl('--interface', 'far0', 'http://1.1.1.1/'),
    world.machine.run('/usr/bin/python3', ['-c', ECHO]),
  ]);
}

/** Processes that the machine's tunnel leaves running, by what they were called with; those of other networks of this system are not its own. */
function helpers(): readonly string[] {
  const network = networkOf(world.machine.pid);
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
        const ours =
          line.includes(`machine/guard.js ${world.home}`) || line === `wireguard-go --foreground ${INTERFACE}`;
        return ours && networkOf(pid) === network ? [`${pid} ${line}`] : [];
      } catch {
        return [];
      }
    });
}

/** The network namespace that a process is in. Throws when it has ended. */
function networkOf(pid: number | string): string {
  return readlinkSync(`/proc/${pid}/ns/net`);
}

async function untilRestored(expected: string): Promise<void> {
  await eventually('everything is as it was', () => world.snapshot() === expected, 90_000).catch(() =>
    assert.equal(world.snapshot(), expected),
  );
  await eventually('nothing is left running', () => helpers().length === 0);
  assert.ok(!existsSync(join(world.home, '.clawpatrol', 'whole-machine')));
}

describe('a whole machine behind the tunnel', { timeout: 1_800_000, skip }, () => {
  let original = '';

  before(async () => {
    world = await startMachineWorld(whole);
    original = world.snapshot();
  });

  after(async () => {
    // What a failed test has left would outlive it: not the machine's network, but processes.
    await world?.clawpatrol('leave', '-y');
    for (const step of cleanUps) {
      await step();
    }
  });

  test('the watcher sees the ways out of a machine that is not routed', async () => {
    world.takeLeaks();
    await tryWays();
    const leaks = world.takeLeaks();
    for (const leak of ['8.8.8.8 17 53', '9.9.9.9 6 853', '1.1.1.1 6 443', '169.254.169.254 6 80', 'fd31::1 6 9']) {
      assert.ok(leaks.includes(leak), `${leak} in ${leaks.join(', ')}`);
    }
    for (const start of ['2606:4700:4700::1111 6 ', '1.1.1.1 1 ', '1.1.1.1 253 ']) {
      assert.ok(
        leaks.some((leak) => leak.startsWith(start)),
        `${start} in ${leaks.join(', ')}`,
      );
    }
  });

  test('TR-19: begun over SSH, the session lives; nobody keeps it, and all of it is undone', async (t) => {
    const session = world.openSession(t);
    await session.mustBeAlive();
    const args = `${world.url()} --token-file ${world.tokenFile()} --hostname box --no-trust`;
    session.type(
      `'${process.execPath}' ${MAIN} join '${args.split(' ')[0]}' ${args.split(' ').slice(1).join(' ')} --whole-host --rollback-after 3s; echo code=$?`,
    );
    await eventually('it says what it did', () => /code=\d/.test(session.said()), 90_000);
    assert.match(session.said(), /joined as box with profile oncall/);
    assert.match(session.said(), /It is undone in 3 s unless you keep it: clawpatrol join --confirm\ncode=0/);
    await session.mustBeAlive();
    await untilRestored(original);
    await session.mustBeAlive();
    const late = await world.clawpatrol('join', '--confirm');
    assert.match(late.stderr, /nothing to keep/);
    assert.equal(late.code, 1);
  });

  test('the time runs also when the command and its terminal are killed; Ctrl-C undoes at once', async (t) => {
    const terminal = openTerminal(t, '--rollback-after 8s');
    await terminal.says(/Press ENTER within 8 s to keep it/);
    // The command, and what holds its terminal.
    signalAll(`${MAIN} join --whole-machine --rollback-after 8s`, 'SIGKILL');
    await untilRestored(original);
    const other = openTerminal(t, '--rollback-after 10m');
    await other.says(/Press ENTER within 600 s/);
    other.type('\u0003');
    await other.says(/undone; everything is as it was/);
    await untilRestored(original);
  });

  test('a gateway that does not answer through the tunnel: undone at once, with the reason', async () => {
    assert.match(world.gateway.cli('devices', 'list').stdout, /box/);
    const record = join(world.home, '.clawpatrol', 'device');
    assert.ok(existsSync(record));
    process.kill(world.gateway.pid, 'SIGSTOP');
    const refused = await world.clawpatrol('join', '--whole-machine');
    process.kill(world.gateway.pid, 'SIGCONT');
    assert.match(refused.stderr, /does not answer through the tunnel.*everything is as it was/);
    assert.equal(refused.code, 1);
    await untilRestored(original);
  });

  test('DP-07 DP-11 DP-24 DN-03 CP-03: once kept, everything goes through the tunnel, and nothing beside it', async (t) => {
    const session = world.openSession(t);
    await session.mustBeAlive();
    const session6 = world.openSession(t, 6);
    await session6.mustBeAlive();
    const outward = await openOutward(t);
    const terminal = openTerminal(t, `--rollback-after 10m --direct ${DIRECT}`);
    await terminal.says(/Press ENTER within 600 s/);
    const again = await world.clawpatrol('join', '--whole-machine');
    assert.match(again.stderr, /waits to be kept/);
    terminal.type('\n');
    await terminal.says(/kept: everything goes through the tunnel; this system is not run by systemd/);
    assert.equal((await world.clawpatrol('join', '--confirm')).code, 0);
    assert.match((await world.clawpatrol('join', '--whole-machine')).stderr, /through the tunnel already/);
    // What was open before, outwards, does not go on beside the tunnel.
    await outward.ended();
    await session.mustBeAlive();
    world.takeLeaks();
    const read = await world.psql('select 41 + 1');
    assert.deepEqual([read.stdout, read.stderr, read.code], ['42\n', '', 0]);
    assert.match((await world.psql('drop table whatever')).stderr, /no rule allows/);
    for (const [kind, host, port] of WAYS.filter((way) => way[0] === 'tcp' && way[2] !== 53)) {
      const said = await world.probe(kind, host, port);
      assert.ok(['ECONNREFUSED', 'ECONNRESET', 'ended'].includes(said), `${host} ${port}: ${said}`);
    }
    await tryWays();
    // Names: whatever resolver is asked, by the system's own way too.
    const asked = await world.machine.run('getent', ['ahosts', NAME]);
    assert.match(asked.stdout, /^(10\.78\.|fd78:)/m);
    assert.equal((await world.machine.run('getent', ['ahosts', 'example.org'])).code, 2);
    assert.deepEqual(world.takeLeaks(), []);
    // A session that begins now, from where there is no route beside the tunnel.
    await session6.mustBeAlive();
    for (const version of [4, 6] as const) {
      await world.openSession(t, version).mustBeAlive();
    }
    // What was left out on purpose, and nothing beside it.
    world.takeLeaks();
    await Promise.all([DIRECT, '198.51.101.0'].map((host) => world.probe('briefly', 'tcp', host, 80)));
    assert.deepEqual(world.takeLeaks(), [`${DIRECT} 6 80`]);
    const status = await world.clawpatrol('status', '--json');
    assert.equal(status.code, 0, status.stdout);
    assert.deepEqual(checksOf(status.stdout), {
      joined: 'ok',
      gateway: 'ok',
      transport: 'ok',
      tunnel: 'ok',
      profile: 'ok',
      policy: 'ok',
      pending: 'ok',
      ca: 'warn',
    });
    let doctor: Readonly<Record<string, string>> = {};
    // Another test may stand for Docker on this system for a moment; a way out of ours would stay.
    await eventually('doctor has looked while nobody else opened a socket', async () => {
      doctor = checksOf((await world.clawpatrol('doctor', '--json')).stdout);
      return doctor['ways-out'] === 'ok';
    });
    for (const name of ['node', 'clock', 'mtu', 'dns', 'programs', 'tun', 'namespaces', 'ways-out']) {
      assert.equal(doctor[name], 'ok', `${name} in ${JSON.stringify(doctor)}`);
    }
    // Nothing of this machine's shell trusts the gateway: it joined with --no-trust.
    assert.deepEqual([doctor['ca-openssl'], doctor['ca-python'], doctor['ca-node']], ['warn', 'warn', 'warn']);
    // Root alone speaks with the gateway itself.
    const url = new URL(world.url());
    const asRoot = await world.machine.run('curl', ['-sk', '-m', '30', `https://${url.host}/info`]);
    assert.match(asRoot.stdout, /ca_fingerprint/);
    const asNobody = await world.machine.run('setpriv', [
      '--reuid=65534',
      '--clear-groups',
      'curl',
      '-sk',
      '-m',
      '5',
      `https://${url.host}/info`,
    ]);
    assert.equal(asNobody.stdout, '');
  });

  test('DP-26: without a gateway nothing gets out; the next one serves the machine again', async () => {
    world.takeLeaks();
    process.kill(world.gateway.pid, 'SIGKILL');
    await world.gateway.exited;
    await tryWays();
    assert.notEqual(await world.probe('briefly', 'tcp', '9.9.9.9', 443), 'ended');
    const status = await world.clawpatrol('status');
    assert.match(status.stdout, /^fail gateway: .*; is https:\S+ reachable from here, and running\?$/m);
    assert.equal(status.code, 3);
    assert.deepEqual(world.takeLeaks(), []);
    await world.startAgain();
    await eventually('it serves again', async () => (await world.psql('select 7')).stdout === '7\n', 90_000);
    assert.deepEqual(world.takeLeaks(), []);
  });

  test('TR-16: a carrier that dies leaves no way out, and is started again', async () => {
    const carrier = helpers().find((line) => line.includes('wireguard-go'));
    if (carrier === undefined) {
      // The kernel's own has no process that could die.
      return;
    }
    world.takeLeaks();
    process.kill(Number(carrier.split(' ')[0]), 'SIGKILL');
    await tryWays();
    await eventually('it carries again', async () => (await world.psql('select 8')).stdout === '8\n', 90_000);
    assert.deepEqual(world.takeLeaks(), []);
  });

  test('rules and routes that others remove, as systemd-networkd does, leave no way out, and are put back', async () => {
    const { machine } = world;
    world.takeLeaks();
    const priorities = (version: string): readonly number[] => {
      const rules = JSON.parse(machine.must('ip', '-json', version, 'rule', 'show')) as { readonly priority: number }[];
      return rules.map(({ priority }) => priority).filter((priority) => priority > 0 && priority < 32_766);
    };
    const now = () => ['-4', '-6'].map((version) => priorities(version));
    const expected = now();
    // What would put them back is held until it was seen that they are gone.
    signalAll(`machine/guard.js ${world.home}`, 'SIGSTOP');
    for (const version of ['-4', '-6']) {
      priorities(version).forEach((priority) =>
        machine.must('ip', version, 'rule', 'delete', 'pref', String(priority)),
      );
    }
    assert.deepEqual(now(), [[], []]);
    await tryWays();
    signalAll(`machine/guard.js ${world.home}`, 'SIGCONT');
    await eventually('it carries again', async () => (await world.psql('select 6')).stdout === '6\n', 90_000);
    await eventually('all are back', () => JSON.stringify(now()) === JSON.stringify(expected));
    await tryWays();
    assert.deepEqual(world.takeLeaks(), []);
  });

  test('after a restart of the system, as far as the kernel forgets, it is made anew', async () => {
    const { machine } = world;
    // Nobody is left who could make the interface anew.
    signalAll(`machine/guard.js ${world.home}`, 'SIGKILL');
    machine.must('ip', 'link', 'delete', 'dev', INTERFACE);
    machine.must('nft', 'flush', 'ruleset');
    const open = await world.clawpatrol('status');
    assert.match(open.stdout, /^fail transport: (the interface clawpatrol0 is gone|the kernel's rules are gone)/m);
    assert.equal(open.code, 1);
    const resumed = await world.clawpatrol('join', '--resume');
    assert.deepEqual([resumed.stdout, resumed.code], ['everything goes through the tunnel again\n', 0], resumed.stderr);
    world.takeLeaks();
    await eventually('it carries again', async () => (await world.psql('select 9')).stdout === '9\n', 90_000);
    await tryWays();
    assert.deepEqual(world.takeLeaks(), []);
  });

  test('leave undoes all of it, here and at the gateway, and a second time finds nothing', async (t) => {
    const session = world.openSession(t);
    await session.mustBeAlive();
    // Also when nobody guards it any more.
    signalAll(`machine/guard.js ${world.home}`, 'SIGKILL');
    const left = await world.clawpatrol('leave');
    assert.equal(left.code, 0, left.stdout + left.stderr);
    assert.match(left.stdout, /this machine's traffic goes its old way again/);
    await untilRestored(original);
    await session.mustBeAlive();
    assert.doesNotMatch(world.gateway.cli('devices', 'list').stdout, /box/);
    assert.equal((await world.clawpatrol('leave')).code, 1);
  });
});

/** State by name of what `--json` of `status` or `doctor` said. */
function checksOf(stdout: string): Readonly<Record<string, string>> {
  const { checks } = JSON.parse(stdout) as { checks: { name: string; state: string }[] };
  return Object.fromEntries(checks.map(({ name, state }) => [name, state]));
}

/** `join --whole-machine` at a terminal of its own. */
function openTerminal(cleanUp: CleanUp, flags: string) {
  const command = `'${process.execPath}' ${MAIN} join --whole-machine ${flags}`;
  const [program, args] = world.machine.within('script', ['-qec', command, '/dev/null']);
  const env = { PATH: process.env['PATH'], HOME: world.home, NO_COLOR: '1' };
  const child = spawn(program, [...args], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  cleanUp.after(() => void child.kill('SIGKILL'));
  child.stdin.on('error', () => {});
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
  return {
    type: (text: string) => void child.stdin.write(text),
    says: (pattern: RegExp) =>
      eventually(`it says ${pattern.source}`, () => pattern.test(said), 90_000).catch(() => assert.fail(said)),
  };
}

/** A connection from the machine to the operator's, over which something goes all the time. */
async function openOutward(cleanUp: CleanUp): Promise<{ readonly ended: () => Promise<void> }> {
  const [serve, serveArgs] = world.operator.within(process.execPath, [FAR_SERVER]);
  const server = spawn(serve, [...serveArgs], { stdio: ['ignore', 'pipe', 'inherit'] });
  cleanUp.after(() => void server.kill());
  let serving = '';
  server.stdout.on('data', (bytes: Buffer) => (serving += bytes.toString()));
  await eventually('the far server listens', () => serving !== '');
  const code = `
    const socket = require('net').connect(7000, '${world.operator.address}');
    const timer = setInterval(() => socket.write('x'), 50);
    socket.once('data', () => console.log('open'));
    socket.on('error', (error) => console.log(error.code));
    socket.on('close', () => { clearInterval(timer); console.log('over'); });`;
  const [program, args] = world.machine.within(process.execPath, ['-e', code]);
  const child = spawn(program, [...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  cleanUp.after(() => void child.kill());
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
  let closed = false;
  child.once('close', () => (closed = true));
  await eventually('it is open', () => said.includes('open'));
  return {
    async ended() {
      await eventually('what was open outwards is over', () => closed).catch((error: unknown) => {
        const sockets = world.machine.must('ss', '-taonip', 'dport', '=', ':7000');
        throw new Error(`${said}${sockets}${world.machine.must('nft', 'list', 'ruleset')}`, { cause: error });
      });
      // A reset it is, but a program that reads and writes at that moment may be told of it as an end.
      assert.match(said, /^over$/m);
    },
  };
}

/** To every process that was called with that. */
function signalAll(text: string, signal: NodeJS.Signals): void {
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      if (readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').includes(text)) {
        process.kill(Number(pid), signal);
      }
    } catch {
      // It has ended by itself, or with one before it.
    }
  }
}
