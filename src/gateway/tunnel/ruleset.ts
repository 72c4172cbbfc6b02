// The rules of the kernel that make a tunnel a dead end but for us: every TCP connection of a device is handed to our listening socket
// whatever its destination (TPROXY keeps that), questions about names go to our name server, and nothing else passes, in any direction. The
// text is loaded as one transaction. Pure.
import type { Arriving } from './gate-ports.ts';
import { formatCidr } from './layout.ts';
import { COPIED_BYTES } from './packet-log.ts';
import type { Fenced } from './layout.ts';

/** Where our sockets listen. */
export interface TunnelPorts {
  /** The transparent listener at 127.0.0.1, and the one at ::1. */
  readonly tcp4: number;
  readonly tcp6: number;
  /** The name server at the gateway's tunnel addresses. */
  readonly dns: number;
}

/** What an interface that other programs use too may do beside carrying agents. */
export interface SharedInterface {
  /** The gateway's own addresses on it, and the port of operators' calls there, or null. */
  readonly addresses: readonly { readonly version: 4 | 6; readonly ip: string }[];
  readonly operatorPort: number | null;
  /** Questions of programs on this host to that address go to that port. */
  readonly resolver: { readonly address: string; readonly port: number };
}

/**
 * Questions of one address that are heard at all, above what the name server answers: each takes a place in the kernel's table of connections,
 * which this whole host shares, and a turn of the process that serves everybody.
 */
const QUESTIONS = '200/second burst 600 packets';

/**
 * Input of `nft -f -`: replaces the whole table at once. Without a listener (the gateway is gone) the tproxy statements match nothing, so
 * that connections meet the reset at the end and never the host or another network (attacks DP-26).
 */
export function writeRuleset(
  layout: Fenced,
  { tcp4, tcp6, dns }: TunnelPorts,
  arriving: Arriving,
  shared: SharedInterface | null = null,
): string {
  const { interfaceName, ruleTable, devices, logGroup } = layout;
  const mark = `0x${layout.mark.toString(16)}`;
  return `table inet ${ruleTable}
delete table inet ${ruleTable}
table inet ${ruleTable} {
${writeCounted('asking')}
${writeCounted('logged')}
${writeStrange(logGroup)}
  chain arriving {
${writeArriving(arriving, logGroup)}
  }
  chain catch {
    type filter hook prerouting priority mangle; policy accept;
${shared === null ? writeSpoofed(layout) : ''}    iifname != "${interfaceName}" return
${writeOwn(shared)}    meta nfproto ipv4 ip saddr != ${formatCidr(devices.v4)} jump strange
    meta nfproto ipv6 ip6 saddr != ${formatCidr(devices.v6)} jump strange
    tcp flags & (fin | syn | rst | ack) == syn jump arriving
    meta nfproto ipv4 meta l4proto tcp tproxy ip to 127.0.0.1:${tcp4} meta mark set ${mark} accept
    meta nfproto ipv6 meta l4proto tcp tproxy ip6 to [::1]:${tcp6} meta mark set ${mark} accept
    meta l4proto tcp reject with tcp reset
    meta nfproto ipv4 udp dport 53 add @asking4 { ip saddr limit rate over ${QUESTIONS} } drop
    meta nfproto ipv6 udp dport 53 add @asking6 { ip6 saddr limit rate over ${QUESTIONS} } drop
    udp dport 53 accept
    icmp type destination-unreachable accept
    icmpv6 type { destination-unreachable, packet-too-big } accept
${writeLogging(logGroup)}
    meta l4proto udp reject with icmpx type port-unreachable
    drop
  }
  chain names {
    type nat hook prerouting priority dstnat; policy accept;
    iifname "${interfaceName}" udp dport 53 redirect to :${dns}
  }
  chain inward {
    type filter hook input priority filter; policy accept;
    iifname != "${interfaceName}" return
${writeOwn(shared)}    meta l4proto tcp meta mark ${mark} accept
    udp dport ${dns} ct status dnat accept
    icmp type destination-unreachable accept
    icmpv6 type { destination-unreachable, packet-too-big } accept
    drop
  }
  chain through {
    type filter hook forward priority filter; policy accept;
    iifname "${interfaceName}" drop
    oifname "${interfaceName}" drop
  }
${shared === null ? writeOutward(interfaceName) : writeResolver(shared)}}
`;
}

/** Packets from an address that is of no device: logged, and fewer of them than of those that are somebody's. A link's own talk is not. */
function writeStrange(logGroup: number): string {
  return `  chain strange {
    ip6 saddr fe80::/10 drop
    limit rate 20/second burst 40 packets log group ${logGroup} snaplen ${COPIED_BYTES}
    drop
  }`;
}

/** Addresses that did something, each with a count of its own, for a minute; as many as devices can have. */
function writeCounted(name: string): string {
  return [4, 6]
    .map(
      (version) =>
        `  set ${name}${version} { type ipv${version}_addr; size 65536; flags dynamic, timeout; timeout 1m; }`,
    )
    .join('\n');
}

/** Each device is heard of, whatever another one sends meanwhile. */
function writeLogging(logGroup: number): string {
  const log = `limit rate 200/second burst 400 packets } log group ${logGroup} snaplen ${COPIED_BYTES}`;
  return `    meta nfproto ipv4 add @logged4 { ip saddr ${log}
    meta nfproto ipv6 add @logged6 { ip6 saddr ${log}`;
}

/** Whoever is beside this host has no device's address: what it sent from one would be taken for the device's own. */
function writeSpoofed({ interfaceName, devices }: Fenced): string {
  return `    iifname != { "lo", "${interfaceName}" } ip saddr ${formatCidr(devices.v4)} drop
    iifname != { "lo", "${interfaceName}" } ip6 saddr ${formatCidr(devices.v6)} drop
`;
}

/** Nothing on this host speaks to devices first. */
function writeOutward(interfaceName: string): string {
  return `  chain outward {
    type filter hook output priority filter; policy accept;
    oifname "${interfaceName}" ct state new drop
  }
`;
}

function writeResolver({ resolver: { address, port } }: SharedInterface): string {
  return `  chain asking {
    type nat hook output priority -100; policy accept;
    ip daddr ${address} udp dport 53 redirect to :${port}
  }
`;
}

/** Answers to what this host began, and operators at the gateway's own addresses. */
function writeOwn(shared: SharedInterface | null): string {
  if (shared === null) {
    return '';
  }
  const { addresses, operatorPort } = shared;
  return [
    'ct direction reply ct state established,related accept',
    ...(operatorPort === null
      ? []
      : addresses.map(({ version, ip }) => `${to(version, ip)} tcp dport ${operatorPort} accept`)),
  ]
    .map((line) => `    ${line}\n`)
    .join('');
}

/** First packets of connections that nothing could claim are refused here, and logged; the others go on. */
function writeArriving(arriving: Arriving, logGroup: number): string {
  if (arriving === 'everything') {
    return '    return';
  }
  const { anywhere, virtual, virtualPorts, addresses } = arriving;
  return [
    `tcp dport { ${anywhere.join(', ')} } return`,
    ...(virtualPorts.length === 0
      ? []
      : virtual.map(
          ({ version, network }) => `${to(version, network)} tcp dport { ${virtualPorts.join(', ')} } return`,
        )),
    ...addresses.map(
      ({ version, ip, port }) => `${to(version, ip)}${port === null ? '' : ` tcp dport ${port}`} return`,
    ),
  ]
    .map((line) => `    ${line}`)
    .concat(writeLogging(logGroup), '    meta l4proto tcp reject with tcp reset')
    .join('\n');
}

/** Matches packets to an address or network. */
function to(version: 4 | 6, network: string): string {
  return `${version === 4 ? 'ip' : 'ip6'} daddr ${network}`;
}
