// What belongs to the gateway, for the guard of destinations that nobody declared.
import type { Config } from '../config/config.ts';
import { readLocalAddresses } from './dial.ts';
import { formatCidr, readWireguard } from './tunnel/layout.ts';
import type { OwnAddresses } from './undeclared.ts';

/** As it is now: interfaces come and go. */
export function readOwnAddresses({ gateway }: Pick<Config, 'gateway'>): OwnAddresses {
  const devices = gateway.wireguard === null ? null : readWireguard(gateway.wireguard).layout.devices;
  const inside = devices === null ? [] : [formatCidr(devices.v4), formatCidr(devices.v6)];
  return { networks: [...gateway.vipSubnets, ...inside], local: readLocalAddresses() };
}
