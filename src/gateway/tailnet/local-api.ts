// Calls of tailscaled's LocalAPI: HTTP over the Unix socket of the host's daemon (tailscale.com/client/local). Every call has a deadline and a
// bounded answer; what comes back is read in values.ts.
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../lib/clock.ts';
import { GatewayError, messageOf } from '../../lib/errors.ts';
import { fieldOf } from '../../lib/fields.ts';
import { ownsAddress, readHostsOfMap, readNode, readServes, readStatus } from './values.ts';
import type { NodeStatus, TailnetNode } from './values.ts';

const DEADLINE_MS = 10_000;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** Initial state (2), no private keys (16), not more often than needed (256): ipn.NotifyWatchOpt. */
const WATCH_MASK = 2 | 16 | 256;

/** Preferences of tailscaled that are changed together, as `ipn.MaskedPrefs` has them. */
export type PrefChanges = Readonly<Record<string, unknown>>;

export interface LocalApi {
  status(): Promise<NodeStatus>;
  /** Who has that address of the tailnet; null: nobody. */
  whois(ip: string, port: number): Promise<TailnetNode | null>;
  /** The control server that the node belongs to, or "". */
  controlUrl(): Promise<string>;
  editPrefs(changes: PrefChanges): Promise<void>;
  /** Begins a login with that key; `status` tells how it went. */
  logIn(login: { readonly authKey: string; readonly prefs: PrefChanges }): Promise<void>;
  /** Whether the node offers something to others by itself (`tailscale serve`). */
  serves(): Promise<boolean>;
  /** Names of the relays. */
  relayHosts(): Promise<readonly string[]>;
  /** Calls when something about the tailnet has changed; resolves when the daemon has nothing more to say. Never rejects. */
  watch(onChange: () => void, signal: AbortSignal): Promise<void>;
}

interface Reply {
  readonly status: number;
  readonly text: string;
}

/** Rejections are GatewayError TUNNEL_FAILED, which name the socket and what to do. */
export function createLocalApi({ socket, clock }: { readonly socket: string; readonly clock: Clock }): LocalApi {
  const ask = async (method: string, path: string, body: unknown = null): Promise<Reply> => {
    const reply = await exchange(socket, clock, { method, path, body }).catch((error: unknown) => {
      const fix = 'install and start tailscaled, or name its socket in gateway { tailscale { socket } }';
      const message = `no tailscaled answers at ${socket} (${messageOf(error)}); ${fix}`;
      throw new GatewayError('TUNNEL_FAILED', 'operator', message, { cause: error });
    });
    if (reply.status === 401 || reply.status === 403) {
      const fix = 'run the gateway as root, or let its user in: tailscale set --operator=USER';
      const said = `${method} ${path}: ${reply.text.trim().slice(0, 200)}`;
      throw new GatewayError(
        'TUNNEL_FAILED',
        'operator',
        `tailscaled at ${socket} does not let us in (${said}); ${fix}`,
      );
    }
    return reply;
  };
  const must = async (method: string, path: string, body: unknown = null): Promise<unknown> => {
    const { status, text } = await ask(method, path, body);
    if (status >= 300) {
      const message = `tailscaled at ${socket}: ${method} ${path} gave ${status}: ${text.trim().slice(0, 200)}`;
      throw new GatewayError('TUNNEL_FAILED', 'operator', message);
    }
    return method === 'GET' ? mustParse(text, socket, path) : parse(text);
  };
  return {
    async status() {
      return readStatus(await must('GET', 'status?peers=false'));
    },
    async whois(ip, port) {
      const at = ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
      const { status, text } = await ask('GET', `whois?addr=${encodeURIComponent(at)}`);
      const told = status === 200 ? parse(text) : undefined;
      // A subnet router is not whoever is behind it.
      return ownsAddress(told, ip) ? readNode(told) : null;
    },
    async controlUrl() {
      const url = fieldOf(await must('GET', 'prefs'), 'ControlURL');
      return typeof url === 'string' ? url : '';
    },
    async editPrefs(changes) {
      await must('PATCH', 'prefs', maskOf(changes));
    },
    async logIn({ authKey, prefs }) {
      const now = await must('GET', 'prefs');
      const all = typeof now === 'object' && now !== null ? now : {};
      await must('POST', 'start', { AuthKey: authKey, UpdatePrefs: { ...all, ...prefs } });
      await must('POST', 'login-interactive');
    },
    async serves() {
      return readServes(await must('GET', 'serve-config'));
    },
    async relayHosts() {
      return readHostsOfMap(await must('GET', 'derpmap'));
    },
    watch: (onChange, signal) => watchBus(socket, onChange, signal),
  };
}

/** Each changed field with its `…Set`. */
function maskOf(changes: PrefChanges): object {
  return Object.fromEntries(
    Object.entries(changes).flatMap(([name, value]) => [
      [name, value],
      [`${name}Set`, true],
    ]),
  );
}

/** Throws GatewayError TUNNEL_FAILED where it is no JSON. */
function mustParse(text: string, socket: string, path: string): unknown {
  const value = parse(text);
  if (value === undefined) {
    const message = `tailscaled at ${socket}: its answer to ${path} makes no sense; is it tailscaled that listens there?`;
    throw new GatewayError('TUNNEL_FAILED', 'operator', message);
  }
  return value;
}

/** Undefined where it is no JSON: `null` is an answer, of one that has nothing to say. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function openRequest(socket: string, method: string, path: string): ReturnType<typeof request> {
  return request({
    socketPath: socket,
    method,
    path: `/localapi/v0/${path}`,
    headers: { host: 'local-tailscaled.sock', 'content-type': 'application/json' },
    agent: false,
  });
}

function exchange(
  socket: string,
  clock: Clock,
  { method, path, body }: { readonly method: string; readonly path: string; readonly body: unknown },
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const asked = openRequest(socket, method, path);
    const timer = clock.after(DEADLINE_MS, () => asked.destroy(new Error(`no answer within ${DEADLINE_MS / 1000} s`)));
    const fail = (error: Error): void => {
      timer.cancel();
      reject(error);
    };
    asked.on('error', fail);
    asked.on('response', (response) => {
      const finish = async (): Promise<void> => {
        const text = await collect(response);
        timer.cancel();
        resolve({ status: response.statusCode ?? 0, text });
      };
      finish().catch(fail);
    });
    asked.end(body === null ? undefined : JSON.stringify(body));
  });
}

async function collect(response: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of response) {
    const bytes = Buffer.from(piece);
    size += bytes.length;
    if (size > MAX_ANSWER_BYTES) {
      throw new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
    }
    pieces.push(bytes);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** What it says is not read: it can be large, and every line means that something has changed. */
function watchBus(socket: string, onChange: () => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const asked = openRequest(socket, 'GET', `watch-ipn-bus?mask=${WATCH_MASK}`);
    const end = (): void => void asked.destroy();
    signal.addEventListener('abort', end, { once: true });
    asked.on('error', () => {});
    asked.on('close', () => {
      signal.removeEventListener('abort', end);
      resolve();
    });
    asked.on('response', (response) => {
      response.on('error', () => {});
      response.on('data', () => onChange());
    });
    asked.end();
  });
}
