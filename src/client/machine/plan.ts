// What makes a whole machine's traffic go through the tunnel, as numbers, names and lines for `ip`; nothing is done here. Pure.
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';

/** An address and port of the other side. */
export interface Place {
  readonly ip: string;
  readonly port: number;
}

/** A connection that somebody else has opened to this machine: it stays as it is. */
export interface Inbound {
  readonly local: Place;
  readonly remote: Place;
}

/** How IPv6 stands on the machine: `off` = there, and switched off. */
export type V6State = 'on' | 'off' | 'absent';

export interface MachinePlan {
  readonly interfaceName: string;
  /** The machine's addresses in the tunnel. */
  readonly addresses: readonly string[];
  readonly resolver: string;
  readonly mtu: number;
  readonly gatewayKey: string;
  /** Where the tunnel's own packets go. */
  readonly outer: Place;
  /** Where the gateway lets machines in, and answers them. */
  readonly enrol: Place;
  /** Networks that are reached without the tunnel, because somebody said so: `address/prefix`. */
  readonly direct: readonly string[];
  readonly inbound: readonly Inbound[];
  /** The machine's own addresses: what is sent from one of them answers somebody, or is stopped by the fence. */
  readonly own: readonly string[];
  /** Of the first of our routing rules; the second one comes right behind it. */
  readonly priority: number;
  readonly v6: V6State;
  /** Ports that the system gives to whoever calls out: what arrives there is no new session. */
  readonly callerPorts: { readonly low: number; readonly high: number };
  /** UDP ports where somebody is waited for all the same. */
  readonly udpServices: readonly number[];
}

/** The interface's alias says whose it is. */
export const ALIAS = 'clawpatrol machine';
/** Behind every other route of a table. */
const LAST_METRIC = '4278198272';

/** Numbers and names that follow from the interface's name, so that two tunnels do not meet. */
export function numbersOf(interfaceName: string): {
  readonly mark: string;
  readonly routeTable: string;
  readonly ruleTable: string;
} {
  const number = createHash('sha256').update(interfaceName).digest().readUInt16BE(0);
  return {
    mark: `0x${(0x636d_0000 + number).toString(16)}`,
    routeTable: String(600_000 + number),
    ruleTable: `clawpatrol_machine_${interfaceName.replace(/[^A-Za-z0-9]/g, '_')}`,
  };
}

export type IpVersion = '-4' | '-6';

/** One line for `ip`: `ip VERSION rule add WORDS`. */
export interface IpLine {
  readonly version: IpVersion;
  readonly words: readonly string[];
}

/** The families that the machine has. */
function versionsOf({ v6 }: Pick<MachinePlan, 'v6'>): readonly IpVersion[] {
  return v6 === 'absent' ? ['-4'] : ['-4', '-6'];
}

export function versionOf(address: string): IpVersion {
  return isIP(address.split('/')[0] ?? '') === 6 ? '-6' : '-4';
}

/**
 * Routing rules: what must not go through the tunnel (its own packets, this machine's words with the gateway, a lease of its address) takes the
 * machine's own table, and so does what is marked as an answer; everything else takes ours.
 */
export function rulesOf(plan: MachinePlan): readonly IpLine[] {
  const { outer, enrol, direct, priority, interfaceName } = plan;
  const { mark, routeTable } = numbersOf(interfaceName);
  const first = ['pref', String(priority)];
  const main = ['lookup', 'main'];
  const lines: readonly IpLine[] = [
    {
      version: versionOf(outer.ip),
      words: [...first, 'to', outer.ip, 'ipproto', 'udp', 'dport', String(outer.port), ...main],
    },
    {
      version: versionOf(enrol.ip),
      // Root alone: an agent has nothing to say there.
      words: [...first, 'to', enrol.ip, 'ipproto', 'tcp', 'dport', String(enrol.port), 'uidrange', '0-0', ...main],
    },
    { version: '-4', words: [...first, 'ipproto', 'udp', 'sport', '68', 'dport', '67', ...main] },
    ...plan.own.map((address) => ({ version: versionOf(address), words: [...first, 'from', address, ...main] })),
    ...direct.map((network) => ({ version: versionOf(network), words: [...first, 'to', network, ...main] })),
    ...versionsOf(plan).map((version) => ({
      version,
      words: ['pref', String(priority + 1), 'not', 'fwmark', mark, 'lookup', routeTable],
    })),
  ];
  const versions = versionsOf(plan);
  return lines.filter(({ version }) => versions.includes(version));
}

/** The route that is left when the interface is not there: nowhere. */
export function closedRoutesOf(plan: MachinePlan): readonly IpLine[] {
  const { routeTable } = numbersOf(plan.interfaceName);
  return versionsOf(plan).map((version) => ({
    version,
    words: ['unreachable', 'default', 'metric', LAST_METRIC, 'table', routeTable],
  }));
}

/** Input of `ip -batch -` that makes the interface a way out. */
export function openLines(plan: MachinePlan): string {
  const { interfaceName, addresses, mtu, v6 } = plan;
  const { routeTable } = numbersOf(interfaceName);
  const own = addresses.filter((address) => v6 === 'on' || versionOf(address) === '-4');
  const lines = [
    ...own.map((address) =>
      versionOf(address) === '-6'
        ? `address add ${address}/128 dev ${interfaceName} nodad`
        : `address add ${address}/32 dev ${interfaceName}`,
    ),
    `link set dev ${interfaceName} mtu ${mtu} up`,
    ...own.map((address) => `route add ${everything(address)} dev ${interfaceName} table ${routeTable}`),
  ];
  return `${lines.join('\n')}\n`;
}

function everything(address: string): string {
  return versionOf(address) === '-6' ? '::/0' : '0.0.0.0/0';
}

/** Input of `wg setconf`. The mark keeps the tunnel's own packets out of it. */
export function wireguardText(plan: MachinePlan, privateKey: string): string {
  const { outer, gatewayKey, interfaceName } = plan;
  const host = versionOf(outer.ip) === '-6' ? `[${outer.ip}]` : outer.ip;
  return `[Interface]
PrivateKey = ${privateKey}
FwMark = ${numbersOf(interfaceName).mark}

[Peer]
PublicKey = ${gatewayKey}
Endpoint = ${host}:${outer.port}
AllowedIPs = 0.0.0.0/0, ::/0
PersistentKeepalive = 25
`;
}

/** A priority before every rule of the machine's own, of which two are free. `taken`: those of all rules; 0 is the kernel's. */
export function choosePriority(taken: readonly number[]): number | null {
  const used = taken.filter((priority) => priority > 0);
  const limit = used.reduce((least, priority) => Math.min(least, priority), 32_766);
  return limit < 3 ? null : Math.min(100, limit - 2);
}

/** A network as it is typed: `192.168.0.0/16`, or one address. Null when it is none. */
export function readNetwork(text: string): string | null {
  const [address = '', prefix] = text.split('/');
  const version = isIP(address);
  const most = version === 4 ? 32 : 128;
  if (version === 0 || text.split('/').length > 2) {
    return null;
  }
  if (prefix === undefined) {
    return `${address}/${most}`;
  }
  return /^\d{1,3}$/.test(prefix) && Number(prefix) >= 1 && Number(prefix) <= most ? `${address}/${prefix}` : null;
}
