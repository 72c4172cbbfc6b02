// The outer half of `clawpatrol run`: gets an identity for the run while the inner half starts, carries the tunnel's datagrams, passes signals on,
// and gives the command's exit code.
import { createSocket } from 'node:dgram';
import type { Socket as DatagramSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { existsSync, readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { createWireguardKeys } from '../../devices/wireguard.ts';
import { messageOf } from '../../lib/errors.ts';
import { fieldOf, textOf } from '../../lib/fields.ts';
import type { Environment } from '../environment.ts';
import { findPlaces } from '../machine/journal.ts';
import { FrameReader, writeFrame } from './frames.ts';
import type { InnerHalf } from './inner-half.ts';
import { openOuterOpenings } from './openings.ts';
import type { OuterOpenings } from './openings.ts';
import { listeningSockets, socketsNamedIn, withoutLeadingOut } from './plan.ts';
import type { OuterMessage, RunPlan } from './plan.ts';
import { beginRun, describeOpenings, environmentOf } from './registration.ts';
import { RunError } from './run-error.ts';
import type { RunOptions, StartedRun } from './registration.ts';
import { describeCrowded, findPlacesOf, findSocketFiles } from './socket-files.ts';

/**
 * Runs a command inside the tunnel, by an inner half that has been started, and gives the command's exit code. Rejects with RunError when it
 * cannot begin.
 */
export async function runInTunnel(options: RunOptions, inner: InnerHalf): Promise<number> {
  const keys = createWireguardKeys();
  const release = options.onSignal((name) => void inner.child.kill(name));
  try {
    const asked = Promise.all([
      openOuter(options.record.tunnel.endpoint, options.paths.caDir),
      beginRun(options, { public_key: keys.publicKey }),
    ]);
    // While the gateway is asked. Those of containers, and those that were moved far, are in no list.
    const home = options.env['HOME'] ?? homedir();
    const { paths: left, crowded } = findSocketFiles([home], 2);
    if (crowded) {
      options.warn(describeCrowded([home]));
    }
    const [outer, started] = await asked;
    options.note('the gateway knows the run');
    try {
      return await carry(inner, outer, { options, started, privateKey: keys.privateKey, left });
    } finally {
      outer.socket.close();
      await started.end();
    }
  } finally {
    release();
  }
}

interface Outer {
  readonly socket: DatagramSocket;
  readonly address: string;
  readonly port: number;
}

async function openOuter(endpoint: string, caDir: string): Promise<Outer> {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(endpoint);
  const name = match?.[1] ?? match?.[2] ?? '';
  try {
    const address = findPlaces(caDir)?.outer.ip ?? (await lookup(name)).address;
    return { socket: createSocket(isIPv6(address) ? 'udp6' : 'udp4'), address, port: Number(match?.[3]) };
  } catch (error) {
    throw new RunError(`the gateway's address ${endpoint} cannot be resolved: ${messageOf(error)}`, { cause: error });
  }
}

/** How often it is looked for sockets that somebody has left since. */
const LOOK_EVERY_MS = 250;

interface Carried {
  readonly options: RunOptions;
  readonly started: StartedRun;
  readonly privateKey: string;
  /** Sockets that lay in the user's folders when the run began. */
  readonly left: readonly string[];
}

async function carry(inner: InnerHalf, outer: Outer, carried: Carried): Promise<number> {
  const { options } = carried;
  const say = (message: OuterMessage): void => void inner.stream.write(writeFrame({ kind: 'message', value: message }));
  const openings = await openAsked(options, say);
  let looking: NodeJS.Timeout | null = null;
  try {
    relay(inner, outer, options.note);
    say({ kind: 'plan', plan: planFor(carried, openings) });
    looking = coverLater(() => findSockets(options.env, openings?.plan.path ?? null), say);
    return await inner.ended;
  } finally {
    clearInterval(looking ?? undefined);
    openings?.close();
  }
}

async function openAsked(
  { expose, hostLoopback }: RunOptions,
  say: (message: OuterMessage) => void,
): Promise<OuterOpenings | null> {
  if (expose.length === 0 && hostLoopback.length === 0) {
    return null;
  }
  try {
    return await openOuterOpenings({ expose, hostLoopback }, say);
  } catch (error) {
    throw new RunError(`a port cannot be opened: ${messageOf(error)}`, { cause: error });
  }
}

function planFor({ options, started, privateKey, left }: Carried, openings: OuterOpenings | null): RunPlan {
  const { paths, command, args, env } = options;
  const tunnel = fieldOf(started.answer, 'tunnel');
  const addresses = fieldOf(started.answer, 'addresses');
  const environment: Environment = {
    ...withoutLeadingOut(env, options.hostLoopback),
    ...environmentOf(options, started),
    ...describeOpenings(options),
  };
  return {
    privateKey,
    gatewayKey: textOf(tunnel, 'public_key'),
    addresses: Array.isArray(addresses) ? addresses.map(String) : [],
    resolver: textOf(started.answer, 'resolver'),
    mtu: Number(fieldOf(tunnel, 'mtu')),
    hidden: [paths.stateDir, dirname(paths.wireguardConfig)],
    caDir: paths.caDir,
    caFiles: Object.fromEntries(
      ['ca.crt', 'ca-bundle.crt'].map((name) => [name, readFileSync(join(paths.caDir, name), 'utf8')]),
    ),
    sockets: [...new Set([...findSockets(env, openings?.plan.path ?? null), ...left])],
    openings: openings?.plan ?? null,
    command,
    args,
    environment,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
  };
}

/** Sockets at which somebody listens after the run has begun, and those made anew at a path that was covered: all of them, each time. */
function coverLater(find: () => readonly string[], say: (message: OuterMessage) => void): NodeJS.Timeout {
  return setInterval(() => {
    const sockets = find();
    if (sockets.length > 0) {
      say({ kind: 'cover', sockets });
    }
  }, LOOK_EVERY_MS);
}

function findSockets(env: RunOptions['env'], own: string | null): readonly string[] {
  const list = existsSync('/proc/net/unix') ? readFileSync('/proc/net/unix', 'utf8') : '';
  return [...new Set([...findPlacesOf(listeningSockets(list)), ...socketsNamedIn(env)])].filter((path) => path !== own);
}

/** Passes datagrams both ways. */
function relay(inner: InnerHalf, { socket, address, port }: Outer, note: RunOptions['note']): void {
  const { stream } = inner;
  const reader = new FrameReader();
  stream.on('data', (chunk: Buffer) => {
    inner.heard = true;
    for (const frame of reader.push(chunk) ?? []) {
      if (frame.kind === 'datagram') {
        socket.send(frame.bytes, port, address);
      } else {
        note(String(fieldOf(frame.value, 'name')), Number(fieldOf(frame.value, 'atMs')));
      }
    }
  });
  socket.on('error', () => {});
  socket.on('message', (bytes, from) => {
    // Anybody may send to this socket; only what the gateway sends is the tunnel's.
    if (from.port === port && stream.writableLength < 4 * 1024 * 1024 && !stream.destroyed) {
      stream.write(writeFrame({ kind: 'datagram', bytes }));
    }
  });
}
