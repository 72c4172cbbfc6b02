// Makes the transports that the configuration asks for, from what is in the state directory.
import type { AttributeValue, GatewayConfig } from '../../config/config.ts';
import { isLoopbackHost, parseHost, formatHostPort } from '../../config/hosts.ts';
import type { Devices, TunnelDescription } from '../../devices/devices.ts';
import { createEnrolment } from '../../devices/enrolment.ts';
import { openJoinTokens } from '../../devices/join-tokens.ts';
import { openDeviceRegistry } from '../../devices/registry.ts';
import type { DeviceRegistry } from '../../devices/registry.ts';
import { openRunRegistry } from '../../devices/runs.ts';
import { existsSync, readFileSync } from 'node:fs';
import type { RunRegistry } from '../../devices/runs.ts';
import { Secret } from '../../lib/secret.ts';
import type { Connections } from '../arriving/connections.ts';
import type { Live } from '../live.ts';
import type { Logger } from '../logger.ts';
import { addressesAt, lastDeviceNumber, readWireguard } from './layout.ts';
import { loadWireguardKeys } from './stored.ts';
import { checkPinnedKey, createTunnel } from './tunnel.ts';
import type { Tunnel, TunnelParts } from './tunnel.ts';
import { isWireguardKey } from '../../devices/wireguard.ts';
import { sourceOf } from '../dialling/addresses.ts';
import { createLocalApi } from '../tailnet/local-api.ts';
import { readTailscale } from '../tailnet/settings.ts';
import { createPeople } from '../tailnet/people.ts';
import type { TailnetPeople } from '../tailnet/people.ts';
import { createTailnet } from '../tailnet/tailnet.ts';
import type { Tailnet } from '../tailnet/tailnet.ts';
import { createInside } from './inside.ts';
import type { Quarantine } from '../judging/quarantine.ts';
import type { Inside } from './inside.ts';
import { joinTransports } from './transports.ts';
import type { Transport, Transports } from './transports.ts';

type Attributes = Readonly<Record<string, AttributeValue>>;

const COOKIES = '/proc/sys/net/ipv4/tcp_syncookies';

export interface PrepareParts extends Pick<
  TunnelParts,
  'clock' | 'jobs' | 'stateDir' | 'live' | 'metrics' | 'recorder' | 'logger'
> {
  readonly quarantine: Pick<Quarantine, 'list'>;
  readonly storeKey: Buffer;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The text of a secret string with its references replaced. Throws GatewayError SECRET_MISSING. */
  readonly secretString: (text: string, what: string) => Secret;
  /** Registers what undoes a step. */
  readonly onStop: (name: string, undo: () => Promise<void> | void) => void;
}

/** Transports that let nothing in yet, with their devices. */
export interface Prepared {
  readonly transports: Transports;
  readonly devices: Devices;
  /** Who calls the dashboard over the tailnet, or null without one. */
  readonly people: TailnetPeople | null;
  /** Acts on open connections from now on, when a device changes. */
  follow(connections: Pick<Connections, 'drain' | 'endDevice' | 'endRun' | 'endOf'>): void;
}

type Ends = Pick<Connections, 'drain' | 'endDevice' | 'endRun' | 'endOf'>;

/** The transports that the configuration asks for; null without a `wireguard { }` or `tailscale { }` block. Rejects with GatewayError. */
export async function prepareTransports(parts: PrepareParts): Promise<Prepared | null> {
  const { clock, stateDir, live, onStop, quarantine } = parts;
  const { wireguard, tailscale } = live().config.gateway;
  if (wireguard === null && tailscale === null) {
    return null;
  }
  const layout = wireguard === null ? null : readWireguard(wireguard).layout;
  const highest = layout === null ? 1 : lastDeviceNumber(layout.devices);
  // Devices have their places from below, runs from above; each looks where the other is.
  // One key is one peer of WireGuard: of two that had the same, the one that is set last would have the addresses.
  const registry = openDeviceRegistry({
    stateDir,
    clock,
    isKey: (text) => isWireguardKey(text) && !runs.hasKey(text),
    lastNumber: () => runs.lowest - 1,
  });
  const runs = openRunRegistry({
    stateDir,
    clock,
    isKey: isWireguardKey,
    isDevices: (publicKey) => registry.list().some((device) => device.publicKey === publicKey),
    lastNumber: highest,
    highestDevice: () => registry.list().reduce((most, { number }) => Math.max(most, number), 1),
  });
  const carried: Transport[] = [];
  const isInside = (ip: string): boolean => carried.some((transport) => transport.isInside(ip));
  const shared: Shared = { ...parts, registry, runs, inside: createInside({ ...parts, isInside }) };
  const transports = joinTransports(carried, shared.inside);
  onStop('the tunnel', () => transports.close());
  const tunnel = wireguard === null ? null : await prepareTunnel(wireguard, shared);
  if (tunnel !== null) {
    carried.push(tunnel);
  }
  let ends: Ends | null = null;
  const tailnet =
    tailscale === null
      ? null
      : await prepareTailnet(tailscale, shared, (ip, why) =>
          ends?.endOf((agent) => agent.transport === 'tailscale' && (ip === null || agent.ip === ip), why),
        );
  if (tailnet !== null) {
    carried.push(tailnet);
  }
  warnOfFloods(parts.logger);
  const tokens = openJoinTokens({ stateDir, clock });
  const hasProfile = (name: string): boolean => live().profiles.has(name);
  const isHeld = (name: string): boolean =>
    quarantine.list().some((held) => held.kind === 'device' && held.name === name);
  const keys = { isKey: isWireguardKey, sourceOf };
  const enrolment = createEnrolment({ clock, registry, tokens, hasProfile, isHeld, ...keys });
  return {
    transports,
    people: tailnet === null ? null : peopleOf(tailnet, live),
    devices: { registry, runs, tokens, enrolment, tunnel: tunnel === null ? null : describeTunnel(tunnel, live) },
    follow(connections) {
      ends = connections;
      followDevices(shared, connections);
    },
  };
}

/** All devices share the kernel's queue of connections that are half open; only with cookies does one that fills it keep nobody out. */
function warnOfFloods(logger: Logger): void {
  const setting = 'net.ipv4.tcp_syncookies';
  const value = existsSync(COOKIES) ? readFileSync(COOKIES, 'latin1').trim() : '';
  if (value === '0') {
    logger.warn({}, `${setting} is 0: a device that floods the tunnel keeps the others out; set it to 1`);
  }
}

function peopleOf(tailnet: Tailnet, live: () => Live): TailnetPeople {
  const { nodes } = tailnet;
  return createPeople({ live, nodes, isInside: (ip) => tailnet.isInside(ip), own: () => tailnet.addresses });
}

interface Shared extends PrepareParts {
  readonly registry: DeviceRegistry;
  readonly runs: RunRegistry;
  readonly inside: Inside;
}

function followDevices({ runs, registry }: Shared, connections: Ends): void {
  runs.onChange(({ id, endedMs }) => {
    if (endedMs !== null) {
      connections.endRun(id, 'its run has ended');
    }
  });
  registry.onChange(({ name, revokedMs }) => {
    if (revokedMs === null) {
      connections.drain('the profile or name of its device has changed', 'unrouted');
    } else {
      connections.endDevice(name, 'its device was revoked');
    }
  });
}

function prepareTunnel(attributes: Attributes, shared: Shared): Promise<Tunnel> {
  const { layout, mode } = readWireguard(attributes);
  const keys = loadWireguardKeys(shared.stateDir, shared.storeKey);
  checkPinnedKey(attributes, keys);
  return createTunnel({ ...shared, keys, layout, mode });
}

/** `left`: who had an address (null: all of them) is not there any more. */
function prepareTailnet(
  attributes: Attributes,
  shared: Shared,
  left: (ip: string | null, why: string) => void,
): Promise<Tailnet> {
  const { clock, env, live, secretString } = shared;
  const settings = readTailscale(attributes);
  return createTailnet({
    ...shared,
    settings,
    api: createLocalApi({ socket: settings.socket, clock }),
    authKey() {
      const { authKey } = settings;
      const given = env['TS_AUTHKEY'] ?? '';
      return authKey !== null ? secretString(authKey, 'tailscale.authkey') : given === '' ? null : new Secret(given);
    },
    operatorPort() {
      const { dashboardListen } = live().config.gateway;
      return dashboardListen?.kind === 'tcp' && !isLoopbackHost(dashboardListen.host) ? dashboardListen.port : null;
    },
    left,
  });
}

function describeTunnel(tunnel: Tunnel, live: () => Live): TunnelDescription {
  const { layout, publicKey } = tunnel;
  return {
    publicKey,
    endpoint: () => dialTarget(live().config.gateway, layout.listenPort),
    mtu: layout.mtu,
    addressesOf: (number) => addressesAt(layout.devices, number),
    peersSet: () => tunnel.peersSet(),
    async lastHeard() {
      const peers = await tunnel.peers();
      return new Map(
        peers.flatMap((peer) =>
          peer.lastHandshakeMs === null ? [] : [[peer.publicKey, peer.lastHandshakeMs] as const],
        ),
      );
    },
  };
}

/** What clients dial: `endpoint` unless it is a wildcard address, else the host of `public_url` (config reference, 1.2). */
function dialTarget(
  { wireguard, publicUrl }: Pick<GatewayConfig, 'wireguard' | 'publicUrl'>,
  listenPort: number,
): string {
  const written = wireguard?.['endpoint'];
  const parsed = typeof written === 'string' ? parseHost(written, false) : null;
  if (parsed !== null && parsed.host !== '0.0.0.0' && parsed.host !== '::') {
    return formatHostPort(parsed.host, parsed.port ?? listenPort);
  }
  const host = publicUrl === null ? 'localhost' : new URL(publicUrl).hostname.replace(/^\[|\]$/g, '');
  return formatHostPort(host, listenPort);
}
