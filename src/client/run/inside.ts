// The inner half of `clawpatrol run`: runs in namespaces of its own (user, network, mounts), where nothing is reachable. It makes the tunnel, hides
// what the command must not reach, waits until the tunnel works, and starts the command without any right over these namespaces. What the
// tunnel sends and receives passes over a stream to the outer half, which has the network.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import type { Socket as DatagramSocket } from 'node:dgram';
import { existsSync, mkdirSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { runCommand, SYSTEM_PATH } from '../../devices/commands.ts';
import { writeWireguardConfig } from '../../devices/wireguard.ts';
import { messageOf } from '../../lib/errors.ts';
import { FrameReader, writeFrame } from './frames.ts';
import { NSSWITCH, readPlan, resolvConf } from './plan.ts';
import type { RunPlan } from './plan.ts';

/** The stream to the outer half. */
const STREAM = 3;
const INTERFACE = 'clawpatrol';
const INTERFACE_MS = 5_000;
/** Until the gateway has answered through the tunnel. */
const READY_MS = 15_000;
const ASK_EVERY_MS = 100;
/** Ends of `run` itself, not of the command (config reference 6.7). */
const FAILED = 125;
const CANNOT_EXECUTE = 126;
const NOT_FOUND = 127;
const FORWARDED = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;

const stream = new Socket({ fd: STREAM, readable: true, writable: true });
let child: ChildProcess | null = null;

function fail(message: string, code: number = FAILED): never {
  process.stderr.write(`clawpatrol run: ${message}\n`);
  process.exit(code);
}

/** WireGuard speaks with us as if we were the gateway; what it says goes over the stream. */
async function openRelay(): Promise<{ readonly socket: DatagramSocket; readonly port: number }> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  socket.on('message', (bytes, { port }) => {
    peerPort = port;
    // What the stream cannot take is dropped, as a network would: the tunnel's own flows back off.
    if (stream.writableLength < 4 * 1024 * 1024) {
      stream.write(writeFrame({ kind: 'datagram', bytes }));
    }
  });
  return { socket, port: socket.address().port };
}

let peerPort = 0;

async function openTunnel(plan: RunPlan, relayPort: number): Promise<void> {
  await runCommand('ip', ['link', 'set', 'lo', 'up']);
  // It ends with us, however we end: else each run would leave one behind, with its namespaces.
  const carrier = spawn('setpriv', ['--pdeathsig', 'KILL', 'wireguard-go', '--foreground', INTERFACE], {
    env: { PATH: SYSTEM_PATH, LOG_LEVEL: 'error' },
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  carrier.on('error', (error) =>
    fail(`wireguard-go cannot be started (${messageOf(error)}); install wireguard-go and util-linux`),
  );
  carrier.on('exit', () => fail('the tunnel has ended'));
  process.on('exit', () => void carrier.kill('SIGKILL'));
  const endMs = performance.now() + INTERFACE_MS;
  while (!existsSync(`/run/wireguard/${INTERFACE}.sock`)) {
    if (performance.now() > endMs) {
      fail('wireguard-go made no interface; is /dev/net/tun there?');
    }
    await pause(5);
  }
  const peer = {
    publicKey: plan.gatewayKey,
    addresses: ['0.0.0.0/0', '::/0'],
    outerAddress: `127.0.0.1:${relayPort}`,
  };
  await runCommand(
    'wg',
    ['setconf', INTERFACE, '/dev/stdin'],
    writeWireguardConfig({ privateKey: plan.privateKey, listenPort: 0 }, [peer]),
  );
  const lines = [
    ...plan.addresses.map(
      (address) => `address add ${address}/${address.includes(':') ? '128' : '32'} dev ${INTERFACE}`,
    ),
    `link set dev ${INTERFACE} mtu ${plan.mtu} up`,
    `route add 0.0.0.0/0 dev ${INTERFACE}`,
    `route add ::/0 dev ${INTERFACE}`,
  ];
  // One program for all of it: starting each costs milliseconds that the user waits.
  await runCommand('ip', ['-batch', '-'], `${lines.join('\n')}\n`);
}

/** An empty folder in place of the real one, which nobody inside can take away again. */
async function cover(folder: string): Promise<void> {
  if (existsSync(folder) && statSync(folder).isDirectory()) {
    await runCommand('mount', ['-t', 'tmpfs', '-o', 'mode=0755,size=4m', 'clawpatrol', folder]);
  }
}

/** A file with that text in place of the real one. */
async function replace(path: string, text: string, from: string): Promise<void> {
  const target = existsSync(path) ? realpathSync(path) : null;
  if (target !== null) {
    writeFileSync(from, text, { mode: 0o644 });
    await runCommand('mount', ['--bind', from, target]);
  }
}

/**
 * Sockets of other daemons (containers, D-Bus, name caches) lie under /run: it is empty inside. Then the device's own keys, and everything
 * beside the certificates.
 */
async function hide(plan: RunPlan): Promise<void> {
  const resolver = existsSync('/etc/resolv.conf') ? realpathSync('/etc/resolv.conf') : null;
  await runCommand('mount', ['-t', 'tmpfs', '-o', 'mode=0755,size=16m', 'clawpatrol', '/run']);
  for (const folder of ['/run/wireguard', '/run/lock', `/run/user/${plan.uid}`, '/run/clawpatrol']) {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
  }
  if (resolver?.startsWith('/run/') === true) {
    mkdirSync(dirname(resolver), { recursive: true });
    writeFileSync(resolver, resolvConf(plan.resolver));
  } else {
    await replace('/etc/resolv.conf', resolvConf(plan.resolver), '/run/clawpatrol/resolv.conf');
  }
  await replace('/etc/nsswitch.conf', NSSWITCH, '/run/clawpatrol/nsswitch.conf');
  for (const folder of [...plan.hidden, plan.caDir]) {
    await cover(folder);
  }
  for (const [name, text] of Object.entries(plan.caFiles)) {
    writeFileSync(join(plan.caDir, name), text, { mode: 0o644 });
  }
}

/** Asks the gateway for its own name until it answers: then the tunnel works from end to end. */
async function untilReady(resolver: string): Promise<void> {
  // clawpatrol.internal, A: id 1, one question.
  const question = Buffer.from('0001010000010000000000000a636c6177706174726f6c08696e7465726e616c0000010001', 'hex');
  const socket = createSocket('udp4');
  const answered = new Promise<'answered'>((resolve) => socket.once('message', () => resolve('answered')));
  socket.on('error', () => {});
  const endMs = performance.now() + READY_MS;
  while (performance.now() < endMs) {
    socket.send(question, 53, resolver);
    if ((await Promise.race([answered, pause(ASK_EVERY_MS)])) === 'answered') {
      socket.close();
      return;
    }
  }
  fail('the gateway does not answer through the tunnel; is its UDP port reachable from here?');
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, delayMs);
  });
}

function start({ command, args, environment, uid, gid }: RunPlan): void {
  // A user namespace of its own, as the user: the command has no right over the network and the mounts that it finds.
  const wrapped = [
    '--user',
    `--map-user=${uid}`,
    `--map-group=${gid}`,
    '--',
    'setpriv',
    '--no-new-privs',
    '--',
    command,
    ...args,
  ];
  child = spawn('unshare', wrapped, { env: environment, stdio: 'inherit' });
  child.on('error', (error) => fail(`unshare cannot be started: ${messageOf(error)}`, CANNOT_EXECUTE));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
}

/** Where the command is, by the PATH that it will have; the reason where it is not. */
function checkCommand({ command, environment }: RunPlan): void {
  const places = command.includes('/')
    ? [command]
    : (environment['PATH'] ?? '').split(':').map((folder) => join(folder, command));
  const found = places.find((path) => existsSync(path));
  if (found === undefined) {
    fail(`${command}: not found`, NOT_FOUND);
  }
  if ((statSync(found).mode & 0o111) === 0 || statSync(found).isDirectory()) {
    fail(`${command}: cannot be executed`, CANNOT_EXECUTE);
  }
}

async function begin(plan: RunPlan, relay: { readonly port: number }): Promise<void> {
  checkCommand(plan);
  await hide(plan);
  await openTunnel(plan, relay.port);
  // Whoever reaches WireGuard's own socket reads its key: it was needed until now, and belongs to the same user as the command.
  await cover('/run/wireguard');
  await untilReady(plan.resolver);
  start(plan);
}

// A terminal sends these to everybody in the foreground: they are the command's to act on.
for (const name of ['SIGINT', 'SIGQUIT'] as const) {
  process.on(name, () => {});
}
for (const name of FORWARDED) {
  process.on(name, () => {
    if (child === null) {
      fail(`ended by ${name} before the command began`, 128 + constants.signals[name]);
    }
    child.kill(name);
  });
}
const relay = await openRelay();
const reader = new FrameReader();
let began = false;
stream.on('data', (chunk: Buffer) => {
  const frames = reader.push(chunk);
  if (frames === null) {
    fail('the outer half said something that makes no sense');
  }
  for (const frame of frames) {
    if (frame.kind === 'datagram') {
      relay.socket.send(frame.bytes, peerPort, '127.0.0.1');
    } else if (!began) {
      began = true;
      begin(readPlan(frame.value), relay).catch((error: unknown) => fail(messageOf(error)));
    }
  }
});
stream.on('close', () => {
  // Without the outer half there is no way out any more; a command that goes on would only hang.
  if (child === null) {
    fail('the outer half has ended');
  }
  child.kill('SIGTERM');
});
