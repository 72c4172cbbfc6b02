// Network addresses: canonical text, ranges, and which of them no upstream name may resolve to. Pure.
import { BlockList, isIP } from 'node:net';
import { parseIp } from '../../config/hosts.ts';

/** Canonical text of a peer's address: IPv4-mapped IPv6 as IPv4, no zone. "" for none. */
export function canonicalIp(address: string | undefined): string {
  if (address === undefined) {
    return '';
  }
  const bare = address.replace(/%.*$/, '').toLowerCase();
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(bare);
  return mapped?.[1] ?? bare;
}

/** What an address is counted as where each may have so much: of IPv6 its network, whose other 64 bits one machine chooses as it likes. */
export function sourceOf(address: string | undefined): string {
  const text = canonicalIp(address);
  const ip = parseIp(text);
  return ip?.version === 6 ? `${(ip.value >> 64n).toString(16)}::/64` : text;
}

/** A test for membership in a list of CIDRs. An address that is none is in no list. */
export function createRanges(cidrs: readonly string[]): (ip: string) => boolean {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [network = '', prefix] = cidr.split('/');
    const version = isIP(network);
    if (version !== 0) {
      list.addSubnet(network, Number(prefix ?? (version === 4 ? 32 : 128)), version === 4 ? 'ipv4' : 'ipv6');
    }
  }
  return (ip) => {
    const version = isIP(ip);
    return version !== 0 && list.check(ip, version === 4 ? 'ipv4' : 'ipv6');
  };
}

const isLoopback = createRanges(['127.0.0.0/8', '::1/128']);

/**
 * What a *name* must not resolve to: this host, link-local and cloud metadata, multicast, broadcast, no address at all. Who means one of
 * these writes the address itself. Private ranges are what internal names are for.
 */
const isNeverNamed = createRanges([
  '0.0.0.0/8',
  '169.254.0.0/16',
  // Metadata services outside link-local: Alibaba Cloud, Azure, Oracle Cloud; below those of IPv6: AWS, Google Cloud.
  '100.100.100.200/32',
  '168.63.129.16/32',
  '192.0.0.192/32',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/128',
  'fe80::/10',
  'ff00::/8',
  'fd00:ec2::254/128',
  'fd20:ce::254/128',
  // The same behind a translator to IPv4 (RFC 6052): this host, link-local, no address.
  '64:ff9b::7f00:0/104',
  '64:ff9b::a9fe:0/112',
  '64:ff9b::/104',
]);

const isV6Unicast = createRanges(['2000::/3']);

/** Whether an address has a place in the IPv6 internet (RFC 4291, section 2.4; IANA gives out nothing else). */
export function isGlobalV6(ip: string): boolean {
  return isV6Unicast(ip);
}

/** Addresses that are never somebody else's public ones. */
export function isNeverPublic(ip: string): boolean {
  return isLoopback(ip) || isNeverNamed(ip);
}

/** True when the configured host may be dialled at that address, to which it resolved. */
export function mayDial(host: string, ip: string): boolean {
  if (isIP(host) !== 0) {
    return true;
  }
  const address = canonicalIp(ip);
  if (isLoopback(address)) {
    return host === 'localhost' || host.endsWith('.localhost');
  }
  return isIP(address) !== 0 && !isNeverNamed(address);
}

function isWildcard(ip: string): boolean {
  return ip === '0.0.0.0' || ip === '::';
}

/** An address that something listens on here. */
export interface BoundAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * True when dialling that address would reach one of our own listeners: the same port, and the same address, or a wildcard listener and
 * any address of this machine.
 */
export function reachesSelf(
  ip: string,
  port: number,
  own: { readonly bound: readonly BoundAddress[]; readonly local: ReadonlySet<string> },
): boolean {
  const address = canonicalIp(ip);
  return own.bound.some((listener) => {
    if (listener.port !== port) {
      return false;
    }
    const host = canonicalIp(listener.host);
    // Whoever dials "no address" reaches this machine: Linux takes it for loopback.
    const here = isWildcard(address) || isLoopback(address) || own.local.has(address);
    return host === address || (isWildcard(host) && here) || (isWildcard(address) && isLoopback(host));
  });
}
