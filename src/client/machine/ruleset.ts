// The kernel's rules of a machine whose traffic goes through the tunnel: nothing leaves any other way, of either family, whoever sends it, but the
// tunnel's own packets, answers to sessions that somebody else opened to this machine, and what keeps its address alive. Loaded as one
// transaction. Pure.
import { numbersOf, versionOf } from './plan.ts';
import type { Inbound, MachinePlan } from './plan.ts';

/** Input of `nft -f -`: replaces the whole table. */
export function writeMachineRules(plan: MachinePlan): string {
  const { mark, ruleTable } = numbersOf(plan.interfaceName);
  return `table inet ${ruleTable}
delete table inet ${ruleTable}
table inet ${ruleTable} {
${sets(plan)}
${arriving(plan, mark)}${departing(plan, mark)}${received(plan, mark)}}
`;
}

/** Answers find their way by the mark of their connection. */
function arriving(plan: MachinePlan, mark: string): string {
  return `  chain arriving {
    type filter hook prerouting priority mangle; policy accept;
    iifname { "lo", "${plan.interfaceName}" } return
${foreign(plan)}
    ct mark ${mark} meta mark set ${mark} return
    fib daddr type != local return
    meta mark set ${mark}
    ct state new tcp flags & (fin | syn | rst | ack) == syn ct mark set ${mark}
    ct state new udp dport != ${plan.callerPorts.low}-${plan.callerPorts.high} ct mark set ${mark}
    ct state new udp dport @services ct mark set ${mark}
    ct state new icmp type echo-request ct mark set ${mark}
    ct state new icmpv6 type echo-request ct mark set ${mark}
  }
  chain departing {
    type route hook output priority mangle; policy accept;
    ct mark ${mark} ct direction reply meta mark set ${mark}
    ip saddr . tcp sport . ip daddr . tcp dport @stay4 meta mark set ${mark}
    ip6 saddr . tcp sport . ip6 daddr . tcp dport @stay6 meta mark set ${mark}
  }
`;
}

/** Answers stand before the tunnel: at this hook the interface is still the one that was looked up before they were marked. */
function departing(plan: MachinePlan, mark: string): string {
  return `  chain into_tunnel {
${ownSources(plan)}
    meta l4proto tcp reject with tcp reset
    drop
  }
  chain outward {
    type filter hook output priority filter; policy accept;
    oifname "lo" accept
    ct mark ${mark} ct direction reply accept
    ct mark ${mark} ct state related meta l4proto { icmp, ipv6-icmp } accept
    ip saddr . tcp sport . ip daddr . tcp dport @stay4 accept
    ip6 saddr . tcp sport . ip6 daddr . tcp dport @stay6 accept
    oifname "${plan.interfaceName}" jump into_tunnel
${exceptions(plan)}
    ip daddr @direct4 accept
    ip6 daddr @direct6 accept
    udp sport 68 udp dport 67 accept
    ip6 daddr { fe80::/10, ff02::/16 } udp sport 546 udp dport 547 accept
    icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-report, mld2-listener-report } accept
    meta l4proto tcp reject with tcp reset
    reject with icmpx type admin-prohibited
  }
`;
}

function received({ interfaceName }: MachinePlan, mark: string): string {
  return `  chain inward {
    type filter hook input priority filter; policy accept;
    iifname != "${interfaceName}" return
    ct state established,related accept
    drop
  }
  chain through {
    type filter hook forward priority filter; policy accept;
    ct mark ${mark} accept
    oifname "${interfaceName}" accept
    iifname "${interfaceName}" ct state established,related accept
    iifname "${interfaceName}" drop
    ip daddr @direct4 accept
    ip6 daddr @direct6 accept
    ip saddr @direct4 ct direction reply accept
    ip6 saddr @direct6 ct direction reply accept
    reject with icmpx type admin-prohibited
  }
`;
}

function sets({ inbound, direct, udpServices }: MachinePlan): string {
  const stay = (version: '-4' | '-6'): readonly string[] =>
    inbound.filter(({ local }) => versionOf(local.ip) === version).map(quadruple);
  const networks = (version: '-4' | '-6'): readonly string[] =>
    direct.filter((network) => versionOf(network) === version);
  return [
    set('stay4', 'type ipv4_addr . inet_service . ipv4_addr . inet_service;', stay('-4')),
    set('stay6', 'type ipv6_addr . inet_service . ipv6_addr . inet_service;', stay('-6')),
    set('services', 'type inet_service;', udpServices.map(String)),
    set('direct4', 'type ipv4_addr; flags interval; auto-merge;', networks('-4')),
    set('direct6', 'type ipv6_addr; flags interval; auto-merge;', networks('-6')),
  ].join('\n');
}

function set(name: string, kind: string, elements: readonly string[]): string {
  const list = elements.length === 0 ? '' : ` elements = { ${elements.join(', ')} };`;
  return `  set ${name} { ${kind}${list} }`;
}

function quadruple({ local, remote }: Inbound): string {
  return `${local.ip} . ${local.port} . ${remote.ip} . ${remote.port}`;
}

/** Who is beside us must not speak to our address in the tunnel: answers would tell what goes on in it (CVE-2019-14899). */
function foreign({ addresses }: MachinePlan): string {
  return addresses.map((address) => `    ${family(address)} daddr ${address} drop`).join('\n');
}

/** What was open before the tunnel has another source: it ends here. */
function ownSources({ addresses }: MachinePlan): string {
  return addresses.map((address) => `    ${family(address)} saddr ${address} accept`).join('\n');
}

function exceptions({ outer, enrol }: MachinePlan): string {
  return `    ${family(outer.ip)} daddr ${outer.ip} udp dport ${outer.port} accept
    ${family(enrol.ip)} daddr ${enrol.ip} tcp dport ${enrol.port} meta skuid 0 accept`;
}

function family(address: string): 'ip' | 'ip6' {
  return versionOf(address) === '-6' ? 'ip6' : 'ip';
}
