// The Tailscale transport: this host's tailscaled carries the packets, the gateway is its tailnet's exit node, and what comes out of its
// interface meets the same rules and listeners as a WireGuard tunnel. Who an address is, the daemon says (LocalAPI whois), at every connection.
import type { Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { createEvent } from '../../audit/event.ts';
import { runCommand } from '../../devices/commands.ts';
import type { DeviceRegistry } from '../../devices/registry.ts';
import { nameFrom } from '../../devices/enrolment.ts';
import type { Clock } from '../../lib/clock.ts';
import { GatewayError, messageOf } from '../../lib/errors.ts';
import type { Job, Jobs } from '../../lib/jobs.ts';
import type { Secret } from '../../lib/secret.ts';
import { visible } from '../../lib/text.ts';
import type { Agent } from '../../rules/action.ts';
import { resolveHost } from '../dialling/dial.ts';
import type { Live } from '../live.ts';
import type { Logger } from '../logger.ts';
import type { Metrics } from '../metrics.ts';
import type { Recorder } from '../judging/recorder.ts';
import { leadHere, leadHereAgain, setRules, takeDown } from '../tunnel/fence.ts';
import { findArriving } from '../tunnel/gate-ports.ts';
import type { Inside } from '../tunnel/inside.ts';
import { openNameServer } from '../tunnel/name-server.ts';
import type { NameServer } from '../tunnel/name-server.ts';
import { offsetIn } from '../tunnel/layout.ts';
import { followRefusedPackets } from '../tunnel/refused-packets.ts';
import type { RefusedPackets } from '../tunnel/refused-packets.ts';
import { writeRuleset } from '../tunnel/ruleset.ts';
import type { Transport, TransportState } from '../tunnel/transports.ts';
import { parseIp } from '../../config/hosts.ts';
import { createCanary } from './canary.ts';
import type { LocalApi } from './local-api.ts';
import { createNodes } from './nodes.ts';
import type { Nodes } from './nodes.ts';
import { createOwnNames } from './names.ts';
import { RESOLVER_ADDRESS, findNeeded, findPrefs, findRoutes } from './settings.ts';
import type { TailnetSettings } from './settings.ts';
import type { NodeStatus } from './values.ts';

/** How long tailscaled may take to be in the tailnet. */
const RUNNING_MS = 60_000;
/** Until the interface has the addresses of a node that is in. */
const ADDRESSES_MS = 5_000;
const POLL_MS = 250;
/** How often it is looked whether everything is as it was, beside being told. */
const WATCH_MS = 10_000;
const CANARY_MS = 60_000;
const REWATCH_MS = 1_000;
/** Nobody listens there; the rules then refuse. */
const NO_PORT = 1;

export interface TailnetParts {
  readonly clock: Clock;
  readonly jobs: Jobs;
  readonly settings: TailnetSettings;
  readonly api: LocalApi;
  readonly authKey: () => Secret | null;
  readonly inside: Inside;
  readonly registry: DeviceRegistry;
  readonly live: () => Live;
  readonly metrics: Metrics;
  readonly recorder: Recorder;
  readonly logger: Logger;
  /** Port of the dashboard where it listens on the tailnet, or null. */
  readonly operatorPort: () => number | null;
  /** Who had an address (null: all of them) is not there any more, or is somebody else. */
  readonly left: (ip: string | null, why: string) => void;
}

export interface Tailnet extends Transport {
  readonly nodes: Nodes;
  /** The gateway's own addresses in the tailnet. */
  readonly addresses: readonly string[];
}

/** Brings the node into the tailnet, fenced, without letting anything in. Rejects with GatewayError. */
export async function createTailnet(parts: TailnetParts): Promise<Tailnet> {
  const tailnet = new TailnetTransport(parts);
  try {
    await tailnet.create();
  } catch (error) {
    await tailnet.close();
    throw error;
  }
  return tailnet;
}

class TailnetTransport implements Tailnet {
  readonly name = 'tailscale';
  readonly nodes: Nodes;
  addresses: readonly string[] = [];
  readonly #parts: TailnetParts;
  readonly #canary: ReturnType<typeof createCanary>;
  readonly #closing = new AbortController();
  #own: NameServer | null = null;
  #names: NameServer | null = null;
  #refused: RefusedPackets | null = null;
  #needed: ReadonlySet<string> = new Set();
  #open = false;
  #trouble: string | null = 'it is not open yet';
  #watch: Job | null = null;
  #canaryMs = 0;
  #looking: Promise<void> | null = null;
  #again = false;

  constructor(parts: TailnetParts) {
    this.#parts = parts;
    this.#canary = createCanary(parts.clock);
    this.nodes = createNodes({
      ...parts,
      name: nameFrom,
      routes: (ip, networks) => this.#noteRouter(ip, networks),
      failed: (error) => parts.logger.error({ err: error }, 'a node of the tailnet could not be made a device'),
    });
  }

  get address(): string {
    return this.addresses[0] ?? '';
  }

  get state(): TransportState {
    const { interfaceName } = this.#parts.settings.layout;
    return {
      name: 'tailscale',
      kind: `tailscaled at ${interfaceName}`,
      trouble: this.#trouble,
      peers: this.nodes.size,
      lastHandshakeMs: null,
    };
  }

  async create(): Promise<void> {
    const { api, clock, inside, live, settings } = this.#parts;
    await api.status();
    // Fenced before anything else: from here on nothing passes that is not ours.
    this.#needed = findNeeded(settings.controlUrl ?? (await api.controlUrl()), []);
    const answer = createOwnNames({
      live,
      inside,
      needed: () => this.#needed,
      resolve: (host) => resolveHost(host, live().config.gateway.resolver),
      canary: (name) => this.#canary.heard(name),
    });
    this.#own = await openNameServer({ addresses: { v4: '127.0.0.1', v6: '::1' }, clock, answer });
    await this.#setRules();
    await leadHere({ layout: settings.layout, run: runCommand });
    await this.#enter();
  }

  async #enter(): Promise<void> {
    const { api, authKey, clock, settings } = this.#parts;
    const { controlUrl } = settings;
    const prefs = { ...findPrefs(settings), AdvertiseRoutes: [] };
    const before = await api.status();
    const isIn = !['NeedsLogin', 'NoState', ''].includes(before.state);
    const now = await api.controlUrl();
    if (isIn && controlUrl !== null && now.replace(/\/$/, '') !== controlUrl) {
      const message = `tailscaled belongs to ${now || 'its own control server'}, and tailscale { control_url } names ${controlUrl}; run: tailscale logout`;
      throw new GatewayError('TUNNEL_FAILED', 'operator', message);
    }
    const key = isIn ? null : authKey();
    if (key !== null) {
      await api.logIn({
        authKey: key.reveal(),
        prefs: { ...prefs, ...(controlUrl === null ? {} : { ControlURL: controlUrl }) },
      });
    } else {
      await api.editPrefs(prefs);
    }
    const deadlineMs = clock.monotonicMs() + RUNNING_MS;
    for (;;) {
      const status = await api.status();
      if (status.state === 'Running' && status.addresses.length > 0) {
        await this.#settle(status);
        await this.#untilHere();
        return;
      }
      const isHopeless = status.state === 'NeedsLogin' && key === null;
      if (isHopeless || clock.monotonicMs() > deadlineMs) {
        throw new GatewayError('TUNNEL_FAILED', 'operator', describeOut(status, key !== null));
      }
      await new Promise<void>((resolve) => void clock.after(POLL_MS, resolve));
    }
  }

  /** The node is in the tailnet: what it is there. */
  async #settle({ addresses, hasTun }: NodeStatus): Promise<void> {
    const { api, settings } = this.#parts;
    if (!hasTun) {
      const message =
        'tailscaled runs without an interface (--tun=userspace-networking); packets cannot be taken from it';
      throw new GatewayError('TUNNEL_FAILED', 'operator', message);
    }
    this.addresses = addresses;
    this.#needed = findNeeded(settings.controlUrl ?? (await api.controlUrl()), await api.relayHosts());
  }

  /** tailscaled is running a moment before its interface has the addresses, and listeners are opened at them next. One may never come: IPv6 off. */
  async #untilHere(): Promise<void> {
    const { clock } = this.#parts;
    const deadlineMs = clock.monotonicMs() + ADDRESSES_MS;
    while (!this.addresses.every((ip) => isHere(ip)) && clock.monotonicMs() < deadlineMs) {
      await new Promise<void>((resolve) => void clock.after(POLL_MS, resolve));
    }
  }

  async open(): Promise<void> {
    await this.#listenForNames();
    await this.#setRules();
    await this.#check(await this.#parts.api.status(), true);
    this.#open = true;
    this.#trouble = null;
    await this.#advertise();
    const { layout } = this.#parts.settings;
    this.#refused = followRefusedPackets({
      ...this.#parts,
      group: layout.logGroup,
      transport: this.name,
      meet: (ip) => (this.isInside(ip) ? this.meet(ip, 0) : null),
      identify: (ip) => this.identify(ip),
      destinationOf: (ip) => this.#parts.inside.destinationOf(ip),
    });
    this.#lookLater();
    // Owned: it never rejects, and ends with us.
    void this.#follow();
  }

  identify(ip: string): Agent | null {
    return this.#trouble === null ? this.nodes.identify(ip) : null;
  }

  meet(ip: string, port: number): Promise<void> | null {
    return this.nodes.meet(ip, port);
  }

  isInside(text: string): boolean {
    const ip = parseIp(text);
    const { v4, v6 } = this.#parts.settings.layout.devices;
    return ip !== null && offsetIn(ip.version === 4 ? v4 : v6, ip) !== null;
  }

  serveNames(socket: Socket): void {
    if (this.#names === null) {
      socket.destroy();
      return;
    }
    this.#names.serve(socket);
  }

  async policyChanged(): Promise<void> {
    if (!this.#open) {
      return;
    }
    try {
      await this.#setRules();
      await this.#advertise();
    } catch (error) {
      // What arrives is judged by the policy in force all the same; what was declared just now is still refused.
      this.#parts.logger.error({ err: error }, 'the rules of the tailnet could not be changed; reload again');
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#open = false;
    this.#watch?.stop();
    await this.#looking;
    const { api, logger, settings } = this.#parts;
    await this.#refused?.close();
    this.#names?.close();
    this.#own?.close();
    try {
      // What is no exit node any more gets no packets to forward: only then may the fence go.
      await api.editPrefs({ AdvertiseRoutes: [] });
    } catch (error) {
      logger.error({ err: error }, 'tailscaled may still be an exit node; the rules around its interface stay');
      return;
    }
    for (const why of await takeDown({ layout: settings.layout, run: runCommand })) {
      logger.error({ why }, 'a part of the tailnet could not be taken down');
    }
  }

  /** Hosts behind a node come with addresses of their own, which are nobody's; where the node itself translates them, nobody can tell. */
  #noteRouter(ip: string, networks: readonly string[]): void {
    const { clock, logger, recorder } = this.#parts;
    const agent = this.identify(ip);
    if (agent === null) {
      return;
    }
    const carried = networks.slice(0, 8).join(', ');
    const reason = `its node carries ${carried} for others: what it sends under its own address counts as its own`;
    logger.warn(
      { device: agent.device, networks: carried },
      'a node of the tailnet that has a profile is a subnet router',
    );
    const data = { cause: 'router', networks: carried };
    recorder.record(createEvent('connection.noticed', clock.now(), { agent, reason: visible(reason), data }));
  }

  async #advertise(): Promise<void> {
    await this.#parts.api.editPrefs({ AdvertiseRoutes: findRoutes(this.#parts.live().config) });
  }

  async #listenForNames(): Promise<void> {
    const { clock, inside } = this.#parts;
    this.#names?.close();
    this.#names = null;
    const v4 = this.addresses.find((ip) => !ip.includes(':')) ?? '127.0.0.1';
    const v6 = this.addresses.find((ip) => ip.includes(':')) ?? '::1';
    const answer = (message: Buffer, ip: string): ReturnType<Inside['answer']> => {
      const agent = this.identify(ip);
      return agent === null ? null : inside.answer(message, agent);
    };
    this.#names = await openNameServer({
      addresses: { v4, v6 },
      clock,
      answer: (message, ip) => {
        const meeting = this.isInside(ip) ? this.meet(ip, 0) : null;
        return meeting === null ? answer(message, ip) : meeting.then(() => answer(message, ip));
      },
    });
  }

  #setRules(): Promise<void> {
    const { inside, live, operatorPort, settings } = this.#parts;
    const { tcp4, tcp6 } = inside.ports;
    const ports = { tcp4: tcp4 || NO_PORT, tcp6: tcp6 || NO_PORT, dns: this.#names?.port ?? NO_PORT };
    const shared = {
      addresses: this.addresses.map((ip) => ({ version: ip.includes(':') ? (6 as const) : (4 as const), ip })),
      operatorPort: operatorPort(),
      resolver: { address: RESOLVER_ADDRESS, port: this.#own?.port ?? NO_PORT },
    };
    return setRules({ run: runCommand }, writeRuleset(settings.layout, ports, findArriving(live().config), shared));
  }

  async #follow(): Promise<void> {
    const { api, clock } = this.#parts;
    while (!this.#closing.signal.aborted) {
      await api.watch(() => this.#look(), this.#closing.signal);
      this.#look();
      await new Promise<void>((resolve) => void clock.after(REWATCH_MS, resolve));
    }
  }

  #lookLater(): void {
    this.#watch = this.#parts.jobs.every({
      name: 'looks at tailscaled',
      everyMs: () => WATCH_MS,
      work: async () => {
        this.#look();
        await this.#looking;
        if (this.#trouble !== null) {
          throw new Error(this.#trouble);
        }
      },
    });
  }

  /** One look at a time; what changes meanwhile is looked at after it. */
  #look(): void {
    if (!this.#open) {
      return;
    }
    if (this.#looking !== null) {
      this.#again = true;
      return;
    }
    this.#looking = this.#lookUntilDone();
  }

  async #lookUntilDone(): Promise<void> {
    do {
      this.#again = false;
      await this.#lookOnce();
    } while (this.#again && this.#open);
    this.#looking = null;
  }

  /** Never rejects: what cannot be known is trouble, and then nothing passes. */
  async #lookOnce(): Promise<void> {
    const { api, clock } = this.#parts;
    try {
      const status = await api.status();
      if (status.state !== 'Running') {
        throw new GatewayError('TUNNEL_FAILED', 'operator', describeOut(status, false));
      }
      if (status.addresses.join() !== this.addresses.join()) {
        await this.#settle(status);
        await this.#listenForNames();
        await this.#setRules();
      }
      const isDue = this.#trouble !== null || clock.monotonicMs() - this.#canaryMs > CANARY_MS;
      await this.#check(status, isDue);
      if (await leadHereAgain({ layout: this.#parts.settings.layout, run: runCommand })) {
        this.#parts.logger.warn({}, 'somebody had removed the routing rules of the tailnet; they are there again');
      }
      await this.nodes.refresh();
      if (this.#trouble !== null && this.#open) {
        await this.#advertise();
        this.#trouble = null;
        this.#parts.logger.info({}, 'the tailnet is up again');
      }
    } catch (error) {
      await this.#withdraw(messageOf(error));
    }
  }

  /** Nothing of tailscaled's own may stand beside us. Rejects with GatewayError. */
  async #check({ peerUrls }: NodeStatus, withCanary: boolean): Promise<void> {
    const { api, clock } = this.#parts;
    if (await api.serves()) {
      const message =
        'tailscaled serves something to its peers by itself, past the gateway; run: tailscale serve reset';
      throw new GatewayError('TUNNEL_FAILED', 'operator', message);
    }
    const [peerUrl] = peerUrls;
    if (withCanary && peerUrl !== undefined) {
      await this.#canary.fly(peerUrl);
      this.#canaryMs = clock.monotonicMs();
    }
  }

  async #withdraw(why: string): Promise<void> {
    const { api, left, logger } = this.#parts;
    if (this.#trouble !== why) {
      logger.error({ why }, 'nothing comes through the tailnet');
    }
    this.#trouble = why;
    this.nodes.forget();
    left(null, 'the gateway is not in the tailnet');
    await api.editPrefs({ AdvertiseRoutes: [] }).catch(() => {});
  }
}

function describeOut({ state, authUrl, health }: NodeStatus, hadKey: boolean): string {
  const said = health.length === 0 ? '' : ` (${health.join(' ').slice(0, 300)})`;
  const fix =
    authUrl !== ''
      ? `log it in at ${authUrl}`
      : hadKey
        ? 'check authkey and control_url'
        : 'log it in with "tailscale up", or write authkey in gateway { tailscale { } }';
  return `tailscaled is not in a tailnet: ${state || 'it does not say how it stands'}${said}; ${fix}`;
}

/** Whether an interface of this system has that address. */
function isHere(ip: string): boolean {
  return Object.values(networkInterfaces()).some((entries) => entries?.some(({ address }) => address === ip));
}
