// The control address: where the command line reaches the operator API. On a Unix socket the file's mode and the kernel's word on the
// peer say who may ask: this process's own user and root, as operator `local`. On TCP every call needs an operator's token.
import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { createConnection, type AddressInfo, type Socket } from 'node:net';
import { EVERYTHING } from '../audit/scope.ts';
import type { ListenAddress } from '../config/config.ts';
import { GatewayError, messageOf } from '../lib/errors.ts';
import { createOperatorApi, type Caller, type OperatorApi, type WholeParts } from './api.ts';
import { findBearer } from './bearer.ts';
import { createPeerLookup, type FindPeerUser } from './peer.ts';
import { createTurnedAway } from './turned-away.ts';

/** Operators are few; a call holds a connection only while it lasts. */
const MAX_CONNECTIONS = 64;
/** `sun_path` without its closing NUL: 108 bytes on Linux, 104 on macOS. */
const MAX_SOCKET_PATH_BYTES = 103;

/** Whoever can read the state directory can do anything already. */
const LOCAL: Caller = { operator: { name: 'local', via: 'cli', aliases: [], scope: EVERYTHING }, role: 'admin' };

export interface ControlParts extends WholeParts {
  readonly address: ListenAddress;
  /** Left out: what the system says. */
  readonly findPeerUser?: FindPeerUser;
  /** User of this process; null where there are none. */
  readonly ownUser: number | null;
}

export interface Control {
  /** As in the `ready` line: `unix:PATH` or `host:port`. */
  readonly address: string;
  /** As bound; null on a Unix socket. */
  readonly bound: { readonly host: string; readonly port: number } | null;
  close(): Promise<void>;
}

/** Listens. Rejects with GatewayError LISTEN_FAILED. */
export async function listenControl(parts: ControlParts): Promise<Control> {
  const { address } = parts;
  const findPeerUser = parts.findPeerUser ?? createPeerLookup();
  const known = new WeakMap<Socket, Caller>();
  const turnedAway = createTurnedAway(parts, 'the control address');
  const api = await createOperatorApi({
    ...parts,
    authenticate: ({ raw, headers }) =>
      address.kind === 'tcp' ? findBearer(parts.operators, headers, 'cli') : (known.get(raw.socket) ?? null),
    unauthorised:
      address.kind === 'tcp'
        ? 'control over TCP needs an operator token: clawpatrol operators token NAME, and --token-file'
        : 'only the user of the gateway and root may ask here',
    turnedAway: () => turnedAway(address.kind === 'tcp' ? 'control-without-token' : 'control-peer'),
  });
  api.server.maxConnections = MAX_CONNECTIONS;
  // Before HTTP reads a byte: whoever may not ask is not listened to.
  api.server.prependListener('connection', (socket: Socket) => {
    if (address.kind === 'tcp') {
      return;
    }
    const user = findPeerUser(socket);
    if (user !== null && (user === 0 || user === parts.ownUser)) {
      known.set(socket, LOCAL);
    } else {
      turnedAway('control-peer');
      socket.destroy();
    }
  });
  await listen(api, address);
  return {
    address: describeAddress(api, address),
    bound: boundOf(api),
    async close() {
      await api.close();
      if (address.kind === 'unix') {
        rmSync(address.path, { force: true });
      }
    },
  };
}

async function listen(api: OperatorApi, address: ListenAddress): Promise<void> {
  if (address.kind === 'unix') {
    await makeRoom(address.path);
  }
  const where = address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port };
  try {
    await new Promise<void>((resolve, reject) => {
      api.server.once('error', reject);
      // The file is made inside this call, so no one finds it with a wider mode than it keeps.
      const mask = address.kind === 'unix' ? process.umask(0o177) : null;
      try {
        api.server.listen(where, () => resolve());
      } finally {
        if (mask !== null) {
          process.umask(mask);
        }
      }
    });
    if (address.kind === 'unix') {
      chmodSync(address.path, 0o600);
    }
  } catch (error) {
    await api.close();
    const text = address.kind === 'unix' ? `unix:${address.path}` : `${address.host}:${address.port}`;
    throw failed(`cannot listen on control_listen ${text}: ${messageOf(error)}`, error);
  }
}

/** Takes away the socket of a gateway that is gone; anything else at that path stays and is an error. */
async function makeRoom(path: string): Promise<void> {
  const sizeBytes = Buffer.byteLength(path);
  if (sizeBytes > MAX_SOCKET_PATH_BYTES) {
    const fix = 'choose a shorter state_dir, or set control_listen';
    throw failed(
      `the path of the control socket has ${sizeBytes} bytes, at most ${MAX_SOCKET_PATH_BYTES} work: ${path}; ${fix}`,
    );
  }
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) {
    return;
  }
  if (!found.isSocket()) {
    throw failed(`${path} is in the way of the control socket and is no socket; move it away`);
  }
  if (await answers(path)) {
    throw failed(`another process listens on ${path}; stop it, or choose another control_listen`);
  }
  rmSync(path, { force: true });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}

function failed(message: string, cause?: unknown): GatewayError {
  return new GatewayError('LISTEN_FAILED', 'operator', message, { cause });
}

function boundOf({ server }: OperatorApi): Control['bound'] {
  const bound: AddressInfo | string | null = server.address();
  return typeof bound === 'object' && bound !== null ? { host: bound.address, port: bound.port } : null;
}

function describeAddress(api: OperatorApi, address: ListenAddress): string {
  if (address.kind === 'unix') {
    return `unix:${address.path}`;
  }
  const bound: AddressInfo | string | null = api.server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : address.port;
  return address.host.includes(':') ? `[${address.host}]:${port}` : `${address.host}:${port}`;
}
