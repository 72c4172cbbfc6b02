// The tunnel's interface on this host: made with the kernel's WireGuard or, without it, with wireguard-go; addressed, routed and fenced; and
// taken down again. What a gateway that was killed left behind is recognised by the mark on the interface and replaced.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Clock } from '../../lib/clock.ts';
import { GatewayError, hasCode, messageOf } from '../../lib/errors.ts';
import { SYSTEM_PATH } from '../../devices/system-path.ts';
import type { RunCommand } from '../../devices/commands.ts';
import type { TunnelLayout } from './layout.ts';
import type { Arriving } from './gate-ports.ts';
import { leadHere, leadHereAgain, setRules, takeDown } from './fence.ts';
import { writeRuleset } from './ruleset.ts';
import type { TunnelPorts } from './ruleset.ts';
import { readWireguardDump, writeWireguardConfig } from '../../devices/wireguard.ts';
import type { Peer, PeerState } from '../../devices/wireguard.ts';

/** How long wireguard-go may take to make its interface. */
const USERSPACE_START_MS = 15_000;
const POLL_MS = 20;
/** How much of what wireguard-go says is kept, in characters. Its advertisement alone has 700. */
const MAX_SAID = 2_000;
/** The interface's alias says whose it is. */
const ALIAS = 'clawpatrol gateway';

export interface InterfaceParts {
  readonly layout: TunnelLayout;
  readonly mode: 'auto' | 'kernel' | 'userspace';
  readonly privateKey: string;
  readonly clock: Clock;
  readonly run: RunCommand;
  /** The process that carries the tunnel has ended by itself. */
  readonly onDeath: (why: string) => void;
}

export interface TunnelInterface {
  readonly kind: 'kernel' | 'userspace';
  /** Fences the interface and lets traffic in. Until then it carries nothing. */
  open(ports: TunnelPorts, arriving: Arriving, peers: readonly Peer[]): Promise<void>;
  /** Which connections may arrive from now on. */
  setArriving(ports: TunnelPorts, arriving: Arriving): Promise<void>;
  /** The peers from now on. */
  setPeers(peers: readonly Peer[]): Promise<void>;
  peers(): Promise<readonly PeerState[]>;
  /** Whether the system still has it: anybody with the right may delete it. Rejects with GatewayError. */
  isThere(): Promise<boolean>;
  /** Whether somebody had taken away what leads packets here; it is there again then. Rejects with GatewayError. */
  leadAgain(): Promise<boolean>;
  /** Ends its process, where it has one that is of no use any more. */
  abandon(): void;
  /** Undoes everything. Never rejects; gives what could not be undone. */
  close(): Promise<readonly string[]>;
}

/** Makes the interface with its addresses, down. Rejects with GatewayError TUNNEL_FAILED and leaves nothing behind then. */
export async function createInterface(parts: InterfaceParts): Promise<TunnelInterface> {
  await removeStale(parts);
  const made = new MadeInterface(parts);
  try {
    await made.create();
  } catch (error) {
    await made.close();
    throw withRights(error);
  }
  return made;
}

/** What `ip` and wireguard-go say of a missing right tells nobody where to get it. */
function withRights(error: unknown): unknown {
  const said = messageOf(error);
  if (!/operation not permitted|permission denied|tun device|dev\/net\/tun/i.test(said)) {
    return error;
  }
  const fix =
    "the tunnel needs CAP_NET_ADMIN (under systemd: config/clawpatrol-gateway.service.d/wireguard.conf) and, without the kernel's WireGuard, /dev/net/tun";
  return new GatewayError('TUNNEL_FAILED', 'operator', `${said}; ${fix}`, { cause: error });
}

async function removeStale({ layout, run }: InterfaceParts): Promise<void> {
  const { interfaceName } = layout;
  const alias = await readAlias(interfaceName, run);
  if (alias === null) {
    return;
  }
  if (alias !== ALIAS) {
    const fix = 'choose another wireguard { interface }, or remove it';
    const message = `the interface ${interfaceName} exists and is not ours (alias "${alias}"); ${fix}`;
    throw new GatewayError('TUNNEL_FAILED', 'operator', message);
  }
  // A wireguard-go that was left alone ends with its interface.
  await run('ip', ['link', 'delete', 'dev', interfaceName]);
}

/** Null: there is no such interface. */
async function readAlias(interfaceName: string, run: RunCommand): Promise<string | null> {
  const all: unknown = JSON.parse(await run('ip', ['-json', 'link', 'show']));
  for (const link of Array.isArray(all) ? all : []) {
    if (typeof link === 'object' && link !== null && Reflect.get(link, 'ifname') === interfaceName) {
      const alias: unknown = Reflect.get(link, 'ifalias');
      return typeof alias === 'string' ? alias : '';
    }
  }
  return null;
}

/** What wireguard-go has not done yet, or null: the interface is there a moment before the program hears what it is told. */
async function findLacking(name: string, run: RunCommand): Promise<string | null> {
  if ((await readAlias(name, run)) === null) {
    return 'no interface';
  }
  return run('wg', ['show', name, 'public-key']).then(
    () => null,
    (error: unknown) => `it takes no orders (${messageOf(error)})`,
  );
}

/** The lines outside the frame, as the end of a sentence. */
function withoutFrame(said: string): string {
  const lines = said.split('\n').flatMap((line) => (/^[│┌└]/.test(line) || line.trim() === '' ? [] : [line.trim()]));
  return lines.length === 0 ? '' : `: ${lines.join(' ').slice(0, 500)}`;
}

class MadeInterface implements TunnelInterface {
  kind: 'kernel' | 'userspace' = 'kernel';
  readonly #parts: InterfaceParts;
  #process: ChildProcess | null = null;
  /** Until it is there, what ends its process is told by the failure to make it. */
  #made = false;
  #closing = false;

  constructor(parts: InterfaceParts) {
    this.#parts = parts;
  }

  async create(): Promise<void> {
    const { layout, run } = this.#parts;
    const { interfaceName, mtu, gateway, devices } = layout;
    await this.#createLink();
    await run('ip', ['link', 'set', 'dev', interfaceName, 'alias', ALIAS]);
    await run('ip', ['link', 'set', 'dev', interfaceName, 'mtu', String(mtu)]);
    await run('ip', ['address', 'add', `${gateway.v4}/${devices.v4.prefix}`, 'dev', interfaceName]);
    await run('ip', ['address', 'add', `${gateway.v6}/${devices.v6.prefix}`, 'dev', interfaceName, 'nodad']);
  }

  async setArriving(ports: TunnelPorts, arriving: Arriving): Promise<void> {
    await setRules(this.#parts, writeRuleset(this.#parts.layout, ports, arriving));
  }

  async open(ports: TunnelPorts, arriving: Arriving, peers: readonly Peer[]): Promise<void> {
    const { layout, run } = this.#parts;
    // The fence stands before the first packet can come.
    await this.setArriving(ports, arriving);
    await leadHere(this.#parts);
    await this.setPeers(peers);
    await run('ip', ['link', 'set', 'dev', layout.interfaceName, 'up']);
  }

  async setPeers(peers: readonly Peer[]): Promise<void> {
    const { layout, run, privateKey } = this.#parts;
    const text = writeWireguardConfig({ privateKey, listenPort: layout.listenPort }, peers);
    await run('wg', ['syncconf', layout.interfaceName, '/dev/stdin'], text);
  }

  async peers(): Promise<readonly PeerState[]> {
    const { layout, run } = this.#parts;
    return readWireguardDump(await run('wg', ['show', layout.interfaceName, 'dump']));
  }

  async isThere(): Promise<boolean> {
    const { layout, run } = this.#parts;
    return (await readAlias(layout.interfaceName, run)) === ALIAS;
  }

  leadAgain(): Promise<boolean> {
    return leadHereAgain(this.#parts);
  }

  abandon(): void {
    this.#closing = true;
    this.#process?.kill('SIGKILL');
  }

  async close(): Promise<readonly string[]> {
    this.#closing = true;
    const { layout, run } = this.#parts;
    const troubles: string[] = [];
    if ((await readAlias(layout.interfaceName, run).catch(() => null)) !== null) {
      await run('ip', ['link', 'delete', 'dev', layout.interfaceName]).catch(
        (error: unknown) => void troubles.push(messageOf(error)),
      );
    }
    troubles.push(...(await takeDown(this.#parts)));
    this.#process?.kill();
    return troubles;
  }

  async #createLink(): Promise<void> {
    const { mode, run, layout } = this.#parts;
    if (mode !== 'userspace') {
      try {
        await run('ip', ['link', 'add', 'dev', layout.interfaceName, 'type', 'wireguard']);
        return;
      } catch (error) {
        if (mode === 'kernel' || !/unknown device type|not supported/i.test(messageOf(error))) {
          throw error;
        }
      }
    }
    this.kind = 'userspace';
    await this.#startUserspace();
    this.#made = true;
  }

  /** In the foreground, so that it is our child and ends with us where the system allows that. */
  async #startUserspace(): Promise<void> {
    const { layout, clock, run, onDeath } = this.#parts;
    const child = spawn('wireguard-go', ['--foreground', layout.interfaceName], {
      env: { PATH: SYSTEM_PATH, LOG_LEVEL: 'error' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    let ended: string | null = null;
    let said = '';
    // Why it fails stands on its standard output; on the other one is an advertisement for the kernel's WireGuard, in a frame.
    const note = (chunk: Buffer): void => void (said = `${said}${chunk.toString('utf8')}`.slice(-MAX_SAID));
    child.stdout.on('data', note);
    child.stderr.on('data', note);
    child.on('error', (error) => {
      const missing = hasCode(error, 'ENOENT');
      ended = missing ? 'it is not installed; install wireguard-go' : messageOf(error);
    });
    // Not at `exit`: what it said last may still be on its way.
    child.on('close', (code, signal) => {
      ended = `wireguard-go ended (${signal ?? `status ${code}`})${withoutFrame(said)}`;
      if (this.#made && !this.#closing) {
        onDeath(ended);
      }
    });
    const deadlineMs = clock.monotonicMs() + USERSPACE_START_MS;
    let lacking = await findLacking(layout.interfaceName, run);
    for (; lacking !== null; lacking = await findLacking(layout.interfaceName, run)) {
      if (ended !== null || clock.monotonicMs() > deadlineMs) {
        const why = ended ?? `${lacking} within ${USERSPACE_START_MS / 1000} s`;
        throw new GatewayError('TUNNEL_FAILED', 'operator', `wireguard-go made no interface: ${why}`);
      }
      await new Promise<void>((resolve) => void clock.after(POLL_MS, resolve));
    }
  }
}
