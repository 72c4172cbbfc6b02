// The outer half of `clawpatrol run`: gets an identity for the run, starts the inner half in its namespaces, carries the tunnel's datagrams, passes
// signals on, and gives the command's exit code.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import type { Socket as DatagramSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import type { Duplex } from 'node:stream';
import { dirname, join } from 'node:path';
import { createWireguardKeys } from '../../devices/wireguard.ts';
import { messageOf } from '../../lib/errors.ts';
import { fieldOf, readCa, readToken, textOf } from '../device-files.ts';
import type { DevicePaths, DeviceRecord } from '../device-files.ts';
import { caEnvironment } from '../environment.ts';
import { createGatewayLink, parseGatewayUrl } from '../gateway-link.ts';
import { FrameReader, writeFrame } from './frames.ts';
import type { RunPlan } from './plan.ts';

// The compiler rewrites the extension in import statements only, so the entry is named after the file that runs: `.js` as built.
const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const INSIDE = new URL(`./inside.${EXTENSION}`, import.meta.url);

/** A run that could not begin, with what to do. */
export class RunError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RunError';
  }
}

export interface RunOptions {
  readonly paths: DevicePaths;
  readonly record: DeviceRecord;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly profile: string | null;
  readonly label: string;
  /** Whether variables for certificates are set. */
  readonly setEnvironment: boolean;
  /** Calls the listener at each arrival of a signal that is not the terminal's to send. */
  readonly onSignal: (listener: (name: 'SIGTERM' | 'SIGHUP' | 'SIGINT') => void) => () => void;
}

/** Runs a command inside the tunnel and gives its exit code. Rejects with RunError or LinkError when it cannot begin. */
export async function runInTunnel(options: RunOptions): Promise<number> {
  const { paths, record } = options;
  const link = createGatewayLink(parseGatewayUrl(record.gateway.url), readCa(paths));
  const token = readToken(paths);
  const keys = createWireguardKeys();
  const outer = await openOuter(record.tunnel.endpoint);
  const started = await link.post(
    '/api/device/runs',
    {
      public_key: keys.publicKey,
      label: options.label,
      ...(options.profile === null ? {} : { profile: options.profile }),
    },
    token,
  );
  const id = textOf(fieldOf(started, 'run'), 'id');
  try {
    return await carry(planFor(options, { started, id, privateKey: keys.privateKey }), outer, options);
  } finally {
    outer.socket.close();
    // One that cannot be told to have ended is ended by an operator; the command's exit code is what counts here.
    await link.delete(`/api/device/runs/${id}`, token).catch(() => undefined);
  }
}

interface Outer {
  readonly socket: DatagramSocket;
  readonly address: string;
  readonly port: number;
}

async function openOuter(endpoint: string): Promise<Outer> {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(endpoint);
  const name = match?.[1] ?? match?.[2] ?? '';
  try {
    const { address } = await lookup(name);
    return { socket: createSocket(isIPv6(address) ? 'udp6' : 'udp4'), address, port: Number(match?.[3]) };
  } catch (error) {
    throw new RunError(`the gateway's address ${endpoint} cannot be resolved: ${messageOf(error)}`, { cause: error });
  }
}

function planFor(
  { paths, command, args, env, setEnvironment }: RunOptions,
  { started, id, privateKey }: { readonly started: unknown; readonly id: string; readonly privateKey: string },
): RunPlan {
  const tunnel = fieldOf(started, 'tunnel');
  const addresses = fieldOf(started, 'addresses');
  const files = { bundle: join(paths.caDir, 'ca-bundle.crt'), ca: join(paths.caDir, 'ca.crt') };
  const own = Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  return {
    privateKey,
    gatewayKey: textOf(tunnel, 'public_key'),
    addresses: Array.isArray(addresses) ? addresses.map(String) : [],
    resolver: textOf(started, 'resolver'),
    mtu: Number(fieldOf(tunnel, 'mtu')),
    hidden: [paths.stateDir, dirname(paths.wireguardConfig)],
    caDir: paths.caDir,
    caFiles: { 'ca.crt': readFileSync(files.ca, 'utf8'), 'ca-bundle.crt': readFileSync(files.bundle, 'utf8') },
    command,
    args,
    environment: { ...own, ...(setEnvironment ? caEnvironment(files) : {}), CLAWPATROL_RUN: id },
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
  };
}

async function carry(plan: RunPlan, outer: Outer, { onSignal }: RunOptions): Promise<number> {
  const namespaces = ['--user', '--map-root-user', '--net', '--mount', '--propagation', 'private'];
  const child = spawn('unshare', [...namespaces, '--', process.execPath, INSIDE.pathname], {
    // Nothing of the command's environment decides how the inner half runs.
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin' },
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
  });
  const stream = streamOf(child);
  const release = onSignal((name) => void child.kill(name));
  const heard = relay(stream, outer);
  stream.write(writeFrame({ kind: 'message', value: plan }));
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', (error) =>
        reject(new RunError(`unshare cannot be started (${messageOf(error)}); install util-linux`)),
      );
      child.once('exit', (code, signal) => {
        if (code === 1 && !heard()) {
          reject(new RunError(noNamespaces()));
          return;
        }
        resolve(code ?? (signal === 'SIGKILL' ? 137 : 143));
      });
    });
  } finally {
    release();
    stream.destroy();
  }
}

function noNamespaces(): string {
  return 'this system gives this user no namespaces; allow them (sysctl kernel.unprivileged_userns_clone=1, or on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0), or run it with sudo';
}

function streamOf(child: ChildProcess): Duplex {
  const stream: unknown = child.stdio[3];
  // The fourth place was asked for as a pipe, which is a socket in both directions.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return stream as Duplex;
}

/** Passes datagrams both ways; tells whether the inner half has ever said anything. */
function relay(stream: Duplex, { socket, address, port }: Outer): () => boolean {
  const reader = new FrameReader();
  let heard = false;
  stream.on('error', () => {});
  stream.on('data', (chunk: Buffer) => {
    heard = true;
    for (const frame of reader.push(chunk) ?? []) {
      if (frame.kind === 'datagram') {
        socket.send(frame.bytes, port, address);
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
  return () => heard;
}
