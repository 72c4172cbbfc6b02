// The one canonical spelling of hosts and addresses (config reference, 0.1): configuration, routing, certificates and DNS
// compare what these functions return and nothing else. Pure: no name is looked up.
import { domainToASCII } from 'node:url';
import type { ListenAddress } from './config.ts';

/** An IP address as a number of 32 or 128 bits. IPv4-mapped IPv6 is IPv4. */
export interface IpAddress {
  readonly version: 4 | 6;
  readonly value: bigint;
}

/** A network: the addresses whose first `prefix` bits equal `base`'s. */
export interface Cidr {
  readonly version: 4 | 6;
  readonly base: bigint;
  readonly prefix: number;
}

export interface ParsedHost {
  /** Canonical; a wildcard keeps its `*.`, an IPv6 address stands without brackets. */
  readonly host: string;
  readonly port: number | null;
  readonly wildcard: boolean;
}

/** The name under which agents find the gateway itself, and the ports that it answers at. */
export const AGENT_NAME = 'clawpatrol.internal';
export const AGENT_PORTS: readonly number[] = [443, 80];

const MAX_NAME_CHARS = 253;
const MAPPED_PREFIX = 0xffffn << 32n;

/** Dotted-quad or RFC 4291 text to a number, or null. No leading zeros, no zone, no short forms. */
export function parseIp(text: string): IpAddress | null {
  if (!text.includes(':')) {
    const value = parseIpv4(text);
    return value === null ? null : { version: 4, value };
  }
  const value = parseIpv6(text);
  if (value === null) {
    return null;
  }
  return value >> 32n === 0xffffn ? { version: 4, value: value - MAPPED_PREFIX } : { version: 6, value };
}

function parseIpv4(text: string): bigint | null {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) {
    return null;
  }
  return parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n);
}

function parseIpv6(text: string): bigint | null {
  if (text.length > 45) {
    return null;
  }
  let source = text;
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (dotted !== null) {
    const tail = parseIpv4(dotted[2] ?? '');
    if (tail === null) {
      return null;
    }
    source = `${dotted[1] ?? ''}${(tail >> 16n).toString(16)}:${(tail & 0xffffn).toString(16)}`;
  }
  const halves = source.split('::');
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const written = groups.flat();
  const missing = 8 - written.length;
  if (halves.length > 2 || !written.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) {
    return null;
  }
  if (halves.length === 2 ? missing < 1 : missing !== 0) {
    return null;
  }
  const zeros = halves.length === 2 ? Array.from({ length: missing }, () => '0') : [];
  const all = [...(groups[0] ?? []), ...zeros, ...(groups[1] ?? [])];
  return all.reduce((sum, group) => (sum << 16n) | BigInt(Number.parseInt(group, 16)), 0n);
}

/** Canonical text: dotted quad, or RFC 5952. */
export function formatIp(ip: IpAddress): string {
  if (ip.version === 4) {
    return [24n, 16n, 8n, 0n].map((shift) => ((ip.value >> shift) & 255n).toString()).join('.');
  }
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((ip.value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16),
  );
  let best = { start: 0, length: 1 };
  for (let start = 0; start < 8; start += 1) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === '0') {
      length += 1;
    }
    if (length > best.length) {
      best = { start, length };
    }
  }
  if (best.length < 2) {
    return groups.join(':');
  }
  return `${groups.slice(0, best.start).join(':')}::${groups.slice(best.start + best.length).join(':')}`;
}

/** `ADDRESS/PREFIX` to a network, or null. Bits behind the prefix are dropped. */
export function parseCidr(text: string): Cidr | null {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const ip = match === null ? null : parseIp(match[1] ?? '');
  const prefix = Number(match?.[2]);
  const bits = ip?.version === 4 ? 32 : 128;
  // A mapped network would silently become another one: its prefix counts 128 bits.
  const mapped = ip?.version === 4 && (match?.[1] ?? '').includes(':');
  if (ip === null || prefix > bits || mapped) {
    return null;
  }
  const shift = BigInt(bits - prefix);
  return { version: ip.version, base: (ip.value >> shift) << shift, prefix };
}

/** Whether the network holds the address. */
export function cidrContains(cidr: Cidr, ip: IpAddress): boolean {
  const shift = BigInt((cidr.version === 4 ? 32 : 128) - cidr.prefix);
  return cidr.version === ip.version && ip.value >> shift === cidr.base >> shift;
}

/** Whether two networks share an address. */
export function cidrsOverlap(a: Cidr, b: Cidr): boolean {
  const wider = a.prefix <= b.prefix ? a : b;
  const narrower = wider === a ? b : a;
  return cidrContains(wider, { version: narrower.version, value: narrower.base });
}

const LOOPBACK: readonly Cidr[] = [
  { version: 4, base: 127n << 24n, prefix: 8 },
  { version: 6, base: 1n, prefix: 128 },
];

/** `localhost` or an address of the loopback networks. */
export function isLoopbackHost(host: string): boolean {
  const ip = parseIp(host);
  return host === 'localhost' || (ip !== null && LOOPBACK.some((cidr) => cidrContains(cidr, ip)));
}

/**
 * Canonical form of a name or of an IP address without brackets, or null: lower case, IDNA to ASCII, no trailing dot,
 * IPv6 compressed, IPv4-mapped as IPv4. A name whose last label is a number is refused: some resolvers read it as an address.
 */
export function canonicalHost(text: string): string | null {
  const ip = parseIp(text);
  if (ip !== null) {
    return formatIp(ip);
  }
  if (text === '' || /[^\p{L}\p{N}\p{M}\-._]/u.test(text)) {
    return null;
  }
  const name = domainToASCII(text.replace(/\.$/, ''));
  const labels = name.split('.');
  const last = labels.at(-1) ?? '';
  if (name.length > MAX_NAME_CHARS || /^(?:\d+|0x[0-9a-f]*)$/i.test(last)) {
    return null;
  }
  return labels.every((label) => /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label)) ? name : null;
}

/** A configured host with an optional port, or null when it is none. `wildcards`: `*.suffix` is allowed. */
export function parseHost(text: string, wildcards: boolean): ParsedHost | null {
  const { name, port } = splitPort(text);
  if (name === null || port === undefined) {
    return null;
  }
  if (!name.startsWith('*.')) {
    const host = canonicalHost(name);
    return host === null ? null : { host, port, wildcard: false };
  }
  const suffix = canonicalHost(name.slice(2));
  if (!wildcards || suffix === null || parseIp(suffix) !== null || suffix.split('.').length < 2) {
    return null;
  }
  return { host: `*.${suffix}`, port, wildcard: true };
}

/** `port` undefined: written, and not one. */
function splitPort(text: string): { readonly name: string | null; readonly port: number | null | undefined } {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  if (bracketed !== null) {
    const inner = bracketed[1] ?? '';
    const port = bracketed[2] === undefined ? null : parsePort(bracketed[2], 1);
    return { name: inner.includes(':') && parseIp(inner) !== null ? inner : null, port };
  }
  if (text.indexOf(':') !== text.lastIndexOf(':')) {
    return { name: parseIp(text) === null ? null : text, port: null };
  }
  const colon = text.indexOf(':');
  return colon === -1
    ? { name: text, port: null }
    : { name: text.slice(0, colon), port: parsePort(text.slice(colon + 1), 1) };
}

function parsePort(text: string, least: number): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : -1;
  return port >= least && port <= 65_535 ? port : undefined;
}

/** `ip:port`, `[v6]:port`, `localhost:port` or `unix:/path`; `off` is 'off'; anything else null. */
export function parseAddress(text: string): ListenAddress | 'off' | null {
  if (text === 'off') {
    return 'off';
  }
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    return path.startsWith('/') && !path.includes('\0') ? { kind: 'unix', path } : null;
  }
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const port = parsePort(match?.[3] ?? '', 0);
  if (match === null || port === undefined) {
    return null;
  }
  if (match[2] === 'localhost') {
    return { kind: 'tcp', host: 'localhost', port };
  }
  const ip = parseIp(match[1] ?? match[2] ?? '');
  return ip === null ? null : { kind: 'tcp', host: formatIp(ip), port };
}

/** The written form of an address, as in the daemon's `ready` line. */
export function formatAddress(address: ListenAddress): string {
  if (address.kind === 'unix') {
    return `unix:${address.path}`;
  }
  return formatHostPort(address.host, address.port);
}

/** `host:port`, with brackets around IPv6. */
export function formatHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Sources that may use a listener that says nothing about them. */
export const LOOPBACK_SOURCES: readonly string[] = ['127.0.0.0/8', '::1/128'];
