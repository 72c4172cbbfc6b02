// The inner half of `clawpatrol run`: runs in namespaces of its own (user, network, mounts), where nothing is reachable. It makes the tunnel, hides
// what the command must not reach, waits until the tunnel works, and starts the command without any right over these namespaces. What the
// tunnel sends and receives passes over a stream to the outer half, which has the network. It begins before there is a plan: the interface needs none.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import type { Socket as DatagramSocket } from 'node:dgram';
import { existsSync, fstatSync, statSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../../lib/errors.ts';
import { openTunnel, startCarrier, untilReady } from './carrier.ts';
import { FrameReader, writeFrame } from './frames.ts';
import { cover, coverRun, coverSocket, findResolver, hide } from './mounts.ts';
import { answerExpose, openInnerOpenings } from './openings.ts';
import { readMessage } from './plan.ts';
import type { InnerMessage, RunPlan } from './plan.ts';
import { seal } from './seal.ts';
import { describeCrowded, findSocketFiles, SHARED_FOLDERS } from './socket-files.ts';

/** The stream to the outer half. */
const STREAM = 3;
/** Ends of `run` itself, not of the command (config reference 6.7). */
const FAILED = 125;
const CANNOT_EXECUTE = 126;
const NOT_FOUND = 127;
const FORWARDED = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;

const stream = new Socket({ fd: STREAM, readable: true, writable: true });
let child: ChildProcess | null = null;
let peerPort = 0;
let plan: RunPlan | null = null;

function fail(message: string, code: number = FAILED): never {
  process.stderr.write(`clawpatrol run: ${message}\n`);
  process.exit(code);
}

/** Tells the outer half how far we are. */
function tell(message: InnerMessage): void {
  stream.write(writeFrame({ kind: 'message', value: message }));
}

function note(name: string): void {
  tell({ kind: 'step', name, atMs: performance.timeOrigin + performance.now() });
}

/** WireGuard speaks with us as if we were the gateway; what it says goes over the stream. */
async function openRelay(): Promise<{ readonly socket: DatagramSocket; readonly port: number }> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  socket.on('message', (bytes, { port }) => {
    // WireGuard speaks first, before there is a command: what the command sends here goes nowhere, and turns nothing away from WireGuard.
    peerPort = peerPort === 0 ? port : peerPort;
    if (port !== peerPort) {
      return;
    }
    // What the stream cannot take is dropped, as a network would: the tunnel's own flows back off.
    if (stream.writableLength < 4 * 1024 * 1024) {
      stream.write(writeFrame({ kind: 'datagram', bytes }));
    }
  });
  return { socket, port: socket.address().port };
}

function start({ command, args, environment, uid, gid }: RunPlan): void {
  seal();
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
  note('the command was started');
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

/** A folder handed down in place of input or output leads below what is covered, as one of any other number would. */
function checkStreams(): void {
  const names = ['input', 'output', 'error'];
  const found = names.find((_, fd) => isFolder(fd));
  if (found !== undefined) {
    fail(
      `standard ${found} is a folder, by which a command gets around what a run covers; redirect it from or to a file`,
    );
  }
}

/** False for one that is closed. */
function isFolder(fd: number): boolean {
  try {
    return fstatSync(fd).isDirectory();
  } catch {
    return false;
  }
}

/** Where we are, by its name: as we came into it, it may lie below what is covered since, and lead from there to all that is. */
function enterAgain(): void {
  try {
    process.chdir(folder ?? '');
  } catch {
    fail(`the folder ${folder ?? 'that it was started in'} is not there in a run; start it in another one`);
  }
}

async function begin(given: RunPlan, resolver: string | null): Promise<void> {
  note('the plan is here');
  checkStreams();
  checkCommand(given);
  const opened = openTunnel(given, relay.port);
  // The interface is made by other processes meanwhile.
  hide(given, resolver);
  enterAgain();
  note('the rest is hidden');
  await opened;
  // Whoever reaches WireGuard's own socket reads its key: it was needed until now, and belongs to the same user as the command.
  cover('/run/wireguard');
  note('the tunnel has its addresses');
  if (given.openings !== null) {
    await openInnerOpenings(given.openings);
  }
  await untilReady(given.resolver);
  note('the gateway answers');
  start(given);
}

function take(value: unknown): void {
  const message = readMessage(value);
  if (message.kind === 'expose') {
    if (plan?.openings !== null && plan?.openings !== undefined) {
      answerExpose(plan.openings, message);
    }
  } else if (message.kind === 'cover') {
    message.sockets.forEach(coverSocket);
  } else if (plan === null) {
    plan = message.plan;
    begin(plan, resolver).catch((error: unknown) => fail(messageOf(error)));
  }
}

function findFolder(): string | null {
  try {
    return process.cwd();
  } catch {
    // It has been removed; it leads upwards all the same.
    return null;
  }
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
stream.on('error', () => {});
const folder = findFolder();
const resolver = findResolver();
coverRun();
startCarrier(fail);
const relay = await openRelay();
// Those of other networks, as containers have them, are in no list that the outer half sees.
const left = findSocketFiles(SHARED_FOLDERS, 2);
left.paths.forEach(coverSocket);
if (left.crowded) {
  process.stderr.write(`clawpatrol run: ${describeCrowded(SHARED_FOLDERS)}\n`);
}
note('the inner half is ready');
const reader = new FrameReader();
stream.on('data', (chunk: Buffer) => {
  const frames = reader.push(chunk);
  if (frames === null) {
    fail('the outer half said something that makes no sense');
  }
  for (const frame of frames) {
    if (frame.kind === 'datagram') {
      relay.socket.send(frame.bytes, peerPort, '127.0.0.1');
    } else {
      take(frame.value);
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
