// The WireGuard transport: interface, listeners, name server and devices put together. What it yields are sockets with the destination that
// the device dialled; who the device is follows from its address inside the tunnel, which WireGuard ties to its key.
import type { Socket } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { createEvent } from '../../audit/event.ts';
import type { AttributeValue } from '../../config/config.ts';
import type { DeviceRegistry } from '../../devices/registry.ts';
import { findSilent } from '../../devices/runs.ts';
import type { Run, RunRegistry } from '../../devices/runs.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import { GatewayError, messageOf } from '../../lib/errors.ts';
import type { Job, Jobs } from '../../lib/jobs.ts';
import type { Agent } from '../../rules/action.ts';
import type { Live } from '../live.ts';
import type { Logger } from '../logger.ts';
import type { Metrics } from '../metrics.ts';
import type { Recorder } from '../judging/recorder.ts';
import { runCommand } from '../../devices/commands.ts';
import type { Inside } from './inside.ts';
import { createInterface } from './interface.ts';
import { claimInterface } from './interface-claim.ts';
import type { InterfaceClaim } from './interface-claim.ts';
import type { TunnelInterface } from './interface.ts';
import { addressesAt, numberOf } from './layout.ts';
import type { TunnelLayout } from './layout.ts';
import { openNameServer } from './name-server.ts';
import type { NameServer } from './name-server.ts';
import { findArriving } from './gate-ports.ts';
import { Movements } from './movements.ts';
import type { Movement } from './movements.ts';
import type { TunnelPorts } from './ruleset.ts';
import { readOuterAddresses, writeOuterAddresses } from './stored.ts';
import type { Transport, TransportState } from './transports.ts';
import { followRefusedPackets } from './refused-packets.ts';
import type { RefusedPackets } from './refused-packets.ts';
import type { Peer, PeerState, WireguardKeys } from '../../devices/wireguard.ts';

/** How long a peer that may not come any more still hears us. */
const LINGER_MS = 1_000;
/** How often it is looked where the peers are. */
const WATCH_MS = 5_000;
/** A tunnel that went down is made anew so often, the first time after this, then each time after twice as long. */
const REVIVALS = 6;
const REVIVE_MS = 500;
/** Up for so long, it counts as well again. */
const STEADY_MS = 60_000;

export interface TunnelParts {
  readonly clock: Clock;
  readonly jobs: Jobs;
  readonly stateDir: string;
  readonly inside: Inside;
  readonly keys: WireguardKeys;
  readonly layout: TunnelLayout;
  readonly mode: 'auto' | 'kernel' | 'userspace';
  readonly registry: DeviceRegistry;
  readonly runs: RunRegistry;
  readonly live: () => Live;
  readonly metrics: Metrics;
  readonly recorder: Recorder;
  readonly logger: Logger;
}

export interface Tunnel extends Transport {
  /** What clients need to know of the gateway. */
  readonly publicKey: string;
  readonly layout: TunnelLayout;
  /** What WireGuard knows of the peers. */
  peers(): Promise<readonly PeerState[]>;
  /** Resolves when the last change of devices and runs has reached WireGuard. Never rejects. */
  peersSet(): Promise<void>;
}

/** Throws GatewayError when the configuration pins another key (`server_pub`). */
export function checkPinnedKey(
  attributes: Readonly<Record<string, AttributeValue>>,
  { publicKey }: WireguardKeys,
): void {
  const pinned = attributes['server_pub'];
  if (typeof pinned === 'string' && pinned !== publicKey) {
    const message = `the tunnel's key in state_dir has the public half ${publicKey}, and wireguard { server_pub } pins ${pinned}`;
    throw new GatewayError('TUNNEL_FAILED', 'operator', message);
  }
}

/** Makes the interface, without letting anything in. Rejects with GatewayError. */
export async function createTunnel(parts: TunnelParts): Promise<Tunnel> {
  const tunnel = new WireguardTunnel(parts);
  await tunnel.create();
  return tunnel;
}

class WireguardTunnel implements Tunnel {
  #trouble: string | null = null;
  readonly name = 'wireguard';
  readonly #parts: TunnelParts;
  #claim: InterfaceClaim | null = null;
  #interface: TunnelInterface | null = null;
  #names: NameServer | null = null;
  #refused: RefusedPackets | null = null;
  #open = false;
  #ports: TunnelPorts | null = null;
  #heard: readonly PeerState[] = [];
  readonly #movements = new Movements();
  #watch: Job | null = null;
  #keeping: Job | null = null;
  /** What is being put back. */
  #led: Promise<void> = Promise.resolve();
  #revival: Timer | null = null;
  #attempt = 0;
  #revivedMs = Number.NEGATIVE_INFINITY;
  /** Where each peer was last heard, by public key. */
  #outer: ReadonlyMap<string, string>;
  /** The last change of the peers; each waits for the one before. */
  #changed: Promise<void> = Promise.resolve();

  constructor(parts: TunnelParts) {
    this.#parts = parts;
    this.#outer = readOuterAddresses(parts.stateDir);
  }

  get publicKey(): string {
    return this.#parts.keys.publicKey;
  }

  get layout(): TunnelLayout {
    return this.#parts.layout;
  }

  get address(): string {
    return `udp/${this.layout.listenPort}`;
  }

  get state(): TransportState {
    const heard = this.#heard.flatMap(({ lastHandshakeMs }) => (lastHandshakeMs === null ? [] : [lastHandshakeMs]));
    return {
      name: 'wireguard',
      kind: this.#interface?.kind ?? 'kernel',
      trouble: this.#trouble,
      peers: this.#heard.length,
      lastHandshakeMs: heard.length === 0 ? null : heard.reduce((latest, at) => Math.max(latest, at)),
    };
  }

  async create(): Promise<void> {
    const { layout, keys, logger } = this.#parts;
    const release = await claimInterface(layout.interfaceName);
    try {
      this.#interface = await this.#makeInterface();
    } catch (error) {
      release();
      throw error;
    }
    this.#claim = release;
    logger.info(
      { interface: layout.interfaceName, kind: this.#interface.kind, public_key: keys.publicKey },
      'the tunnel has its interface',
    );
  }

  #makeInterface(): Promise<TunnelInterface> {
    const { layout, mode, keys, clock } = this.#parts;
    return createInterface({
      layout,
      mode,
      privateKey: keys.privateKey,
      clock,
      run: runCommand,
      onDeath: (why) => this.#noteDeath(why),
    });
  }

  /** One that dies again at once is the same outage; while it is made anew, its death shows as a failure of that. */
  #noteDeath(why: string): void {
    if (this.#trouble === null) {
      const isSame = this.#parts.clock.monotonicMs() - this.#revivedMs < STEADY_MS;
      this.#reviveAfter(why, isSame ? this.#attempt + 1 : 1);
    }
  }

  /** Until it is up again nothing passes: the kernel's rules stand, and the interface is gone. */
  #reviveAfter(why: string, attempt: number): void {
    const { clock, logger } = this.#parts;
    this.#trouble = why;
    this.#attempt = attempt;
    if (attempt > REVIVALS) {
      logger.error({ why }, 'the tunnel is down: nothing comes through it until the gateway is started again');
      return;
    }
    logger.error({ why, attempt }, 'the tunnel is down: it is made anew');
    // Owned: it never rejects.
    this.#revival = clock.after(REVIVE_MS * 2 ** (attempt - 1), () => void this.#revive(attempt));
  }

  /** Never rejects. */
  async #revive(attempt: number): Promise<void> {
    const ports = this.#ports;
    if (!this.#open || ports === null) {
      return;
    }
    try {
      // One whose interface was deleted by hand may have a process left that holds its name.
      this.#interface?.abandon();
      const made = await this.#makeInterface();
      this.#interface = made;
      await made.open(ports, findArriving(this.#parts.live().config), this.#allowedPeers());
      this.#trouble = null;
      this.#revivedMs = this.#parts.clock.monotonicMs();
      this.#parts.logger.info({ kind: made.kind }, 'the tunnel is up again');
    } catch (error) {
      this.#reviveAfter(messageOf(error), attempt + 1);
    }
  }

  async policyChanged(): Promise<void> {
    const ports = this.#ports;
    if (!this.#open || ports === null) {
      return;
    }
    try {
      await this.#interface?.setArriving(ports, findArriving(this.#parts.live().config));
    } catch (error) {
      // What arrives is judged by the policy in force all the same; what was declared just now is still refused.
      this.#parts.logger.error({ err: error }, 'the rules of the tunnel could not be changed; reload again');
    }
  }

  async open(): Promise<void> {
    const { clock, inside, layout, registry, runs } = this.#parts;
    const names = await openNameServer({
      addresses: layout.gateway,
      clock,
      answer: (message, ip) => {
        const agent = this.identify(ip);
        return agent === null ? null : inside.answer(message, agent);
      },
    });
    this.#names = names;
    this.#open = true;
    this.#ports = { ...inside.ports, dns: names.port };
    await this.#interface?.open(this.#ports, findArriving(this.#parts.live().config), this.#allowedPeers());
    this.#refused = followRefusedPackets({
      ...this.#parts,
      group: layout.logGroup,
      transport: this.name,
      // The kernel tells of packets up to a second late, and a run may last less.
      identify: (ip) => this.#identifyAs(ip, (number) => runs.latelyAt(number)),
      destinationOf: (ip) => inside.destinationOf(ip),
    });
    // Who is shut out is told so by the end of its connections: that must still reach it. New ones it does not get from the start.
    registry.onChange(({ revokedMs }) => this.#syncPeersAfter(revokedMs === null ? 0 : LINGER_MS));
    runs.onChange(({ endedMs }) => this.#syncPeersAfter(endedMs === null ? 0 : LINGER_MS));
    this.#watchPeers();
  }

  identify(ip: string): Agent | null {
    return this.#identifyAs(ip, (number) => this.#parts.runs.at(number));
  }

  #identifyAs(ip: string, runAt: (number: number) => Run | null): Agent | null {
    const number = numberOf(this.layout.devices, ip);
    if (number === null) {
      return null;
    }
    const { registry, live } = this.#parts;
    const run = runAt(number);
    const device = run === null ? registry.at(number) : registry.find(run.device);
    if (device === null || device.revokedMs !== null) {
      return null;
    }
    // A run has what its device has now, not what that had when it began.
    const { name, user, profile } = device;
    return live().profiles.has(profile)
      ? { device: name, profile, run: run?.id ?? '', user, ip, transport: 'wireguard' }
      : null;
  }

  identifyRun(id: string, ip: string): Agent | null {
    const { registry, runs, live } = this.#parts;
    const run = runs.find(id);
    const device = run === null ? null : registry.find(run.device);
    if (run === null || device === null || device.revokedMs !== null || !live().profiles.has(device.profile)) {
      return null;
    }
    const { name, user } = device;
    return { device: name, profile: device.profile, run: id, user, ip, transport: 'proxy' };
  }

  isInside(ip: string): boolean {
    return numberOf(this.layout.devices, ip) !== null;
  }

  serveNames(socket: Socket): void {
    if (this.#names === null) {
      socket.destroy();
      return;
    }
    this.#names.serve(socket);
  }

  peers(): Promise<readonly PeerState[]> {
    return this.#interface?.peers() ?? Promise.resolve([]);
  }

  peersSet(): Promise<void> {
    return this.#changed;
  }

  async close(): Promise<void> {
    this.#open = false;
    this.#watch?.stop();
    this.#revival?.cancel();
    this.#keeping?.stop();
    await this.#led.catch(() => undefined);
    await this.#changed;
    await this.#noteOuterAddresses();
    const troubles = (await this.#interface?.close()) ?? [];
    this.#claim?.();
    this.#names?.close();
    await this.#refused?.close();
    for (const why of troubles) {
      this.#parts.logger.error({ why }, 'a part of the tunnel could not be taken down');
    }
  }

  #watchPeers(): void {
    this.#watch = this.#parts.jobs.every({
      name: 'handshakes of the tunnel',
      everyMs: () => WATCH_MS,
      work: async () => {
        const why = await this.#noteOuterAddresses();
        if (why !== null) {
          throw new Error(why);
        }
      },
    });
    this.#keeping = this.#parts.jobs.every({
      name: 'routing rules of the tunnel',
      everyMs: () => WATCH_MS,
      work: () => {
        this.#led = this.#leadAgain();
        return this.#led;
      },
    });
  }

  /** Rejects with GatewayError. */
  async #leadAgain(): Promise<void> {
    if (this.#open && this.#trouble === null && (await this.#interface?.leadAgain()) === true) {
      this.#parts.logger.warn({}, 'somebody had removed the routing rules of the tunnel; they are there again');
    }
  }

  /** Gives what went wrong and never rejects: without it clients only take longer to come back after a restart. */
  async #noteOuterAddresses(): Promise<string | null> {
    try {
      this.#heard = await this.peers();
      this.#endSilentRuns(this.#heard);
      this.#movements.note(this.#heard, this.#parts.clock.now()).forEach((movement) => this.#noteMovement(movement));
      const heard = this.#heard.flatMap(({ publicKey, outerAddress }) =>
        outerAddress === null ? [] : [[publicKey, outerAddress] as const],
      );
      const next = new Map(heard);
      if (!isDeepStrictEqual(next, this.#outer)) {
        writeOuterAddresses(this.#parts.stateDir, next);
        this.#outer = next;
      }
      return null;
    } catch (error) {
      this.#parts.logger.warn({ err: error }, 'where the peers of the tunnel are could not be noted');
      await this.#noteLoss();
      return messageOf(error);
    }
  }

  /** The kernel tells nobody that an interface was deleted. Never rejects. */
  async #noteLoss(): Promise<void> {
    // What cannot be asked now is asked the next time.
    const isThere = await (this.#interface?.isThere() ?? Promise.resolve(true)).catch(() => true);
    if (this.#open && !isThere) {
      this.#noteDeath(`the interface ${this.layout.interfaceName} was deleted`);
    }
  }

  #endSilentRuns(peers: readonly PeerState[]): void {
    const { runs, clock, logger } = this.#parts;
    const handshakes = new Map(peers.map(({ publicKey, lastHandshakeMs }) => [publicKey, lastHandshakeMs ?? 0]));
    const heardMs = ({ id, publicKey }: Run): number => Math.max(handshakes.get(publicKey) ?? 0, runs.heardMs(id));
    for (const { id } of this.#open ? findSilent(runs.list(), heardMs, clock.now()) : []) {
      logger.info({ run: id }, 'nothing was heard of a run any more; it has ended');
      runs.end(id);
    }
  }

  #syncPeersAfter(delayMs: number): void {
    if (delayMs === 0) {
      this.#syncPeers();
    } else {
      this.#parts.clock.after(delayMs, () => this.#syncPeers());
    }
  }

  #syncPeers(): void {
    const before = this.#changed;
    this.#changed = this.#setPeersAfter(before);
  }

  /** Never rejects. */
  async #setPeersAfter(before: Promise<void>): Promise<void> {
    await before;
    if (!this.#open) {
      return;
    }
    try {
      await this.#interface?.setPeers(this.#allowedPeers());
    } catch (error) {
      // The devices' addresses are looked up at every connection: one that was shut out stays out.
      this.#parts.logger.error({ err: error }, 'the peers of the tunnel could not be changed');
    }
  }

  #allowedPeers(): readonly Peer[] {
    const { layout, registry, runs } = this.#parts;
    const devices = registry.list().filter(({ revokedMs, node }) => revokedMs === null && node === '');
    const known = new Set(devices.map(({ id }) => id));
    const tunnelled = runs.list().filter(({ device, number }) => number !== 0 && known.has(device));
    return [...devices, ...tunnelled].map(({ publicKey, number }) => {
      const { v4, v6 } = addressesAt(layout.devices, number);
      const outerAddress = this.#outer.get(publicKey) ?? null;
      return { publicKey, addresses: [`${v4}/32`, `${v6}/128`], outerAddress };
    });
  }

  #noteMovement({ publicKey, from, to, isShared }: Movement): void {
    const { clock, layout, logger, metrics, recorder, registry, runs } = this.#parts;
    const owner = [...registry.list(), ...runs.list()].find((one) => one.publicKey === publicKey);
    const agent = owner === undefined ? null : this.identify(addressesAt(layout.devices, owner.number).v4);
    if (agent === null) {
      return;
    }
    const cause = isShared ? 'shared-key' : 'moved';
    const why = isShared
      ? 'two machines seem to have its key: revoke it and let each in anew'
      : 'its machine is elsewhere now';
    if (isShared) {
      logger.warn({ device: agent.device, from, to }, why);
    }
    metrics.noticed(cause);
    recorder.record(createEvent('connection.noticed', clock.now(), { agent, reason: why, data: { cause, from, to } }));
  }
}
