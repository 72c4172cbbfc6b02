// What belongs to the gateway, for the guard of destinations that nobody declared.
import type { Config } from '../../config/config.ts';
import { readLocalAddresses } from './dial.ts';
import { formatCidr, readWireguard } from '../tunnel/layout.ts';
import { NODE_NETWORKS } from '../tailnet/settings.ts';
import type { OwnAddresses } from '../arriving/undeclared.ts';

/** Of a configuration, which never changes. */
const networksOf = new WeakMap<Config['gateway'], readonly string[]>();

/** As it is now, or was a second ago: interfaces come and go. The same networks as long as the configuration is the same. */
export function readOwnAddresses({ gateway }: Pick<Config, 'gateway'>): OwnAddresses {
  const networks = networksOf.get(gateway) ?? readNetworks(gateway);
  networksOf.set(gateway, networks);
  return { networks, local: readLocalAddresses() };
}

function readNetworks({ vipSubnets, wireguard, tailscale }: Config['gateway']): readonly string[] {
  const devices = wireguard === null ? null : readWireguard(wireguard).layout.devices;
  const inside = devices === null ? [] : [formatCidr(devices.v4), formatCidr(devices.v6)];
  return [...vipSubnets, ...inside, ...(tailscale === null ? [] : NODE_NETWORKS)];
}
