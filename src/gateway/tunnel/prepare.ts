// Makes the tunnel that the configuration asks for, from what is in the state directory.
import type { GatewayConfig } from '../../config/config.ts';
import { parseHost } from '../../config/hosts.ts';
import type { Devices, TunnelDescription } from '../../devices/devices.ts';
import { createEnrolment } from '../../devices/enrolment.ts';
import { openJoinTokens } from '../../devices/join-tokens.ts';
import { openDeviceRegistry } from '../../devices/registry.ts';
import { openRunRegistry } from '../../devices/runs.ts';
import { existsSync, readFileSync } from 'node:fs';
import type { Connections } from '../connections.ts';
import { formatAddress } from '../addresses.ts';
import type { Live } from '../live.ts';
import type { Logger } from '../logger.ts';
import { addressesAt, lastDeviceNumber, readWireguard } from './layout.ts';
import { loadWireguardKeys } from './stored.ts';
import { checkPinnedKey, createTunnel } from './tunnel.ts';
import type { Tunnel, TunnelParts } from './tunnel.ts';
import { isWireguardKey } from '../../devices/wireguard.ts';

const COOKIES = '/proc/sys/net/ipv4/tcp_syncookies';

export interface PrepareParts extends Pick<
  TunnelParts,
  'clock' | 'stateDir' | 'live' | 'metrics' | 'recorder' | 'logger'
> {
  readonly storeKey: Buffer;
  /** Registers what undoes a step. */
  readonly onStop: (name: string, undo: () => Promise<void> | void) => void;
}

/** A tunnel that lets nothing in yet, with its devices. */
export interface Prepared {
  readonly tunnel: Tunnel;
  readonly devices: Devices;
  /** Acts on open connections from now on, when a device changes. */
  follow(connections: Pick<Connections, 'drain' | 'endDevice' | 'endRun'>): void;
}

/** The tunnel that the configuration asks for; null without a `wireguard { }` block. Rejects with GatewayError. */
export async function prepareTunnel(parts: PrepareParts): Promise<Prepared | null> {
  const { clock, stateDir, storeKey, live, onStop } = parts;
  const attributes = live().config.gateway.wireguard;
  if (attributes === null) {
    return null;
  }
  const { layout, mode } = readWireguard(attributes);
  const keys = loadWireguardKeys(stateDir, storeKey);
  checkPinnedKey(attributes, keys);
  const highest = lastDeviceNumber(layout.devices);
  // Devices have their places from below, runs from above; each looks where the other is.
  const registry = openDeviceRegistry({ stateDir, clock, isKey: isWireguardKey, lastNumber: () => runs.lowest - 1 });
  const runs = openRunRegistry({
    stateDir,
    clock,
    isKey: isWireguardKey,
    lastNumber: highest,
    highestDevice: () => registry.list().reduce((most, { number }) => Math.max(most, number), 1),
  });
  const tunnel = await createTunnel({ ...parts, keys, layout, mode, registry, runs });
  warnOfFloods(parts.logger);
  const tokens = openJoinTokens({ stateDir, clock });
  const enrolment = createEnrolment({
    clock,
    registry,
    tokens,
    isKey: isWireguardKey,
    hasProfile: (name) => live().profiles.has(name),
  });
  onStop('the tunnel', () => tunnel.close());
  return {
    tunnel,
    devices: { registry, runs, tokens, enrolment, tunnel: describeTunnel(tunnel, live) },
    follow(connections) {
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
export function dialTarget(
  { wireguard, publicUrl }: Pick<GatewayConfig, 'wireguard' | 'publicUrl'>,
  listenPort: number,
): string {
  const written = wireguard?.['endpoint'];
  const parsed = typeof written === 'string' ? parseHost(written, false) : null;
  if (parsed !== null && parsed.host !== '0.0.0.0' && parsed.host !== '::') {
    return formatAddress(parsed.host, parsed.port ?? listenPort);
  }
  const host = publicUrl === null ? 'localhost' : new URL(publicUrl).hostname.replace(/^\[|\]$/g, '');
  return formatAddress(host, listenPort);
}
