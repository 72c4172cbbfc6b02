// Makes the tunnel that the configuration asks for, from what is in the state directory.
import { openDeviceRegistry } from '../../devices/registry.ts';
import type { DeviceRegistry } from '../../devices/registry.ts';
import { openRunRegistry } from '../../devices/runs.ts';
import type { RunRegistry } from '../../devices/runs.ts';
import type { Connections } from '../connections.ts';
import { lastDeviceNumber } from './layout.ts';
import { loadWireguardKeys } from './stored.ts';
import { checkPinnedKey, createTunnel, readWireguard } from './tunnel.ts';
import type { Tunnel, TunnelParts } from './tunnel.ts';
import { isWireguardKey } from './wireguard.ts';

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
  readonly devices: DeviceRegistry;
  readonly runs: RunRegistry;
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
  const devices = openDeviceRegistry({ stateDir, clock, isKey: isWireguardKey, lastNumber: () => runs.lowest - 1 });
  const runs = openRunRegistry({
    stateDir,
    clock,
    isKey: isWireguardKey,
    lastNumber: highest,
    highestDevice: () => devices.list().reduce((most, { number }) => Math.max(most, number), 1),
  });
  const tunnel = await createTunnel({ ...parts, keys, layout, mode, registry: devices, runs });
  onStop('the tunnel', () => tunnel.close());
  return {
    tunnel,
    devices,
    runs,
    follow(connections) {
      runs.onChange(({ id, endedMs }) => {
        if (endedMs !== null) {
          connections.endRun(id, 'its run has ended');
        }
      });
      devices.onChange(({ name, revokedMs }) => {
        if (revokedMs === null) {
          connections.drain('the profile or name of its device has changed', 'unrouted');
        } else {
          connections.endDevice(name, 'its device was revoked');
        }
      });
    },
  };
}
