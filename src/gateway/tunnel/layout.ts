// Which addresses and numbers a tunnel uses: all of them follow from the configuration, so that what a killed gateway left behind can be
// found and replaced. Pure.
import { createHash } from 'node:crypto';
import type { AttributeValue } from '../../config/config.ts';
import { formatIp, parseCidr, parseIp } from '../../config/hosts.ts';
import type { Cidr, IpAddress } from '../../config/hosts.ts';

/** IPv6 addresses of devices: the same number in this network as in `subnet_cidr`. A ULA prefix (RFC 4193), drawn once. */
const DEVICES_V6: Cidr = { version: 6, base: 0xfdc1_a7b0_7a01_0000n << 64n, prefix: 64 };

/** A device's two addresses. */
export interface DeviceAddresses {
  readonly v4: string;
  readonly v6: string;
}

/** An interface that agents come through, and what of the kernel stands around it. */
export interface Fenced {
  readonly interfaceName: string;
  readonly devices: { readonly v4: Cidr; readonly v6: Cidr };
  /** Table of nftables that holds all our rules. */
  readonly ruleTable: string;
  /** Mark of intercepted packets, and the routing table that leads them to this host. */
  readonly mark: number;
  readonly routeTable: number;
  /** Group of the kernel's log that refused packets go to. */
  readonly logGroup: number;
}

/** Everything of a tunnel that its configuration decides. */
export interface TunnelLayout extends Fenced {
  readonly mtu: number;
  readonly listenPort: number;
  /** The gateway's own addresses on the interface: the first of each network. */
  readonly gateway: DeviceAddresses;
}

/** What a `wireguard { }` block says, as checked at load. */
export interface WireguardAttributes {
  readonly subnetCidr: string;
  readonly listenPort: number;
  readonly interfaceName: string;
  readonly mtu: number;
}

/** The layout of a checked block. Throws RangeError for a network that the checks of a load would have refused. */
export function layOut({ subnetCidr, listenPort, interfaceName, mtu }: WireguardAttributes): TunnelLayout {
  const v4 = parseCidr(subnetCidr);
  if (v4 === null || v4.version !== 4) {
    throw new RangeError(`subnet_cidr ${subnetCidr} is no IPv4 network`);
  }
  const devices = { v4, v6: DEVICES_V6 };
  return { ...fenceOf(interfaceName), mtu, listenPort, devices, gateway: addressesAt(devices, 1) };
}

/** Names and numbers of what stands around an interface. */
export function fenceOf(interfaceName: string): Omit<Fenced, 'devices'> {
  // Two gateways on one host differ in the interface, and so in everything.
  const number = createHash('sha256').update(interfaceName).digest().readUInt16BE(0);
  return {
    interfaceName,
    ruleTable: `clawpatrol_${interfaceName.replace(/[^A-Za-z0-9]/g, '_')}`,
    mark: 0x636c_0000 + number,
    routeTable: 510_000 + number,
    logGroup: number,
  };
}

/** The layout and mode of a checked `wireguard { }` block. */
export function readWireguard(attributes: Readonly<Record<string, AttributeValue>>): {
  readonly layout: TunnelLayout;
  readonly mode: 'auto' | 'kernel' | 'userspace';
} {
  const { subnet_cidr: subnetCidr, listen_port: listenPort, interface: interfaceName, mtu, mode } = attributes;
  return {
    layout: layOut({
      subnetCidr: typeof subnetCidr === 'string' ? subnetCidr : '',
      listenPort: Number(listenPort),
      interfaceName: typeof interfaceName === 'string' ? interfaceName : '',
      mtu: Number(mtu),
    }),
    mode: mode === 'kernel' || mode === 'userspace' ? mode : 'auto',
  };
}

/** The addresses with that number, from 1 (the gateway) to the size of the IPv4 network less one. */
export function addressesAt({ v4, v6 }: TunnelLayout['devices'], number: number): DeviceAddresses {
  return {
    v4: formatIp({ version: 4, value: v4.base + BigInt(number) }),
    v6: formatIp({ version: 6, value: v6.base + BigInt(number) }),
  };
}

/** Numbers of devices: 2 to this. The last address of the IPv4 network is its broadcast address. */
export function lastDeviceNumber({ v4 }: TunnelLayout['devices']): number {
  return 2 ** (32 - v4.prefix) - 2;
}

/** The number of an address in one of the devices' networks, or null. */
export function numberOf({ v4, v6 }: TunnelLayout['devices'], text: string): number | null {
  const ip = parseIp(text);
  if (ip === null) {
    return null;
  }
  const offset = offsetIn(ip.version === 4 ? v4 : v6, ip);
  return offset === null || offset > BigInt(lastDeviceNumber({ v4, v6 })) ? null : Number(offset);
}

/** How far into the network an address is, or null when it is not in it. */
export function offsetIn(network: Cidr, ip: IpAddress): bigint | null {
  const size = 1n << BigInt((network.version === 4 ? 32 : 128) - network.prefix);
  const offset = ip.value - network.base;
  return ip.version === network.version && offset >= 0n && offset < size ? offset : null;
}

/** `address/prefix` of a network. */
export function formatCidr({ version, base, prefix }: Cidr): string {
  return `${formatIp({ version, value: base })}/${prefix}`;
}
