// Destinations that nobody declared, under `unknown_host = "passthrough"`: which addresses stay shut whatever the configuration opens. Pure.
import { isIP } from 'node:net';
import type { Config } from '../../config/config.ts';
import { AGENT_NAME, parseHost } from '../../config/hosts.ts';
import type { DialTarget } from '../../protocols/protocol.ts';
import { canonicalIp, createRanges, isNeverPublic } from '../dialling/addresses.ts';
import type { FirstBytes } from './first-bytes.ts';
import { matchHost } from './routing.ts';

/** Translations of IPv4 addresses: what stands behind one cannot be told from where it leads (RFC 4291, 4380, 6052, 8215, 3056). */
const isTranslated = createRanges(['::/96', '2001::/32', '2002::/16', '64:ff9b::/96', '64:ff9b:1::/48']);

/** RFC 1918, shared space of providers (RFC 6598), benchmarking (RFC 2544), unique local (RFC 4193) and the old site-local addresses. */
const isPrivate = createRanges([
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '198.18.0.0/15',
  'fc00::/7',
  'fec0::/10',
]);

/** Ranges of lists that were asked for before: to make them costs more than to ask them. */
const known = new WeakMap<readonly string[], (ip: string) => boolean>();

function rangesOf(networks: readonly string[]): (ip: string) => boolean {
  const ranges = known.get(networks) ?? createRanges(networks);
  known.set(networks, ranges);
  return ranges;
}

/** What belongs to the gateway. */
export interface OwnAddresses {
  /** Networks of devices and of virtual addresses. */
  readonly networks: readonly string[];
  /** Every address of this machine. */
  readonly local: ReadonlySet<string>;
}

/** Says why an address is shut, or null where nothing speaks against it. */
export type FindShut = (ip: string) => string | null;

/** The guard of a configuration. */
export function createShut({ defaults }: Pick<Config, 'defaults'>, { networks, local }: OwnAddresses): FindShut {
  const isOwnNetwork = rangesOf(networks);
  return (text) => {
    const ip = canonicalIp(text);
    if (isIP(ip) === 0) {
      return 'it is no address';
    }
    if (isNeverPublic(ip)) {
      return 'it is an address of this machine, a link, a group or a metadata service';
    }
    if (isTranslated(ip)) {
      return 'it is a translation of another address';
    }
    if (local.has(ip) || isOwnNetwork(ip)) {
      return 'it is an address of the gateway';
    }
    return isPrivate(ip) && defaults.unknownPrivate !== 'passthrough'
      ? 'it is private, and unknown_private is deny'
      : null;
  };
}

/** Whether some endpoint has that host, on any port and for any profile: such a host is not unknown, and neither is the gateway's own name. */
export function isDeclaredHost({ endpoints }: Pick<Config, 'endpoints'>, host: string): boolean {
  return (
    host === AGENT_NAME ||
    endpoints.some(({ hosts }) => hosts.some((pattern) => matchHost(pattern, { host, port: pattern.port })))
  );
}

/** Whether some endpoint that speaks TLS has that port, so that a server name tells what a connection is for. */
export function mayBeTls({ endpoints }: Pick<Config, 'endpoints'>, port: number): boolean {
  return endpoints.some(
    ({ family, hosts }) => (family === 'http' || family === 'k8s') && hosts.some((host) => host.port === port),
  );
}

/** Whether an endpoint of that port covers names that cannot all be looked up. */
function hasWildcard({ endpoints }: Pick<Config, 'endpoints'>, port: number): boolean {
  return endpoints.some(({ hosts }) => hosts.some((host) => host.wildcard && host.port === port));
}

/** Hosts whose addresses are nobody's way around a rule: those of endpoints, and the gateway's own public ones. Without wildcards. */
export function reservedHosts({ endpoints, gateway }: Pick<Config, 'endpoints' | 'gateway'>): readonly string[] {
  const dialled = gateway.wireguard?.['endpoint'];
  const own = [
    gateway.publicUrl === null ? null : parseHost(new URL(gateway.publicUrl).hostname, false),
    typeof dialled === 'string' ? parseHost(dialled, false) : null,
  ];
  const written = endpoints.flatMap(({ hosts }) => hosts.filter(({ wildcard }) => !wildcard));
  return [...new Set([...written, ...own].flatMap((found) => (found === null ? [] : [found.host])))];
}

/** Why a destination cannot be passed through because of its name, or null. An address has none. */
export function findNameRefusal(config: Config, { host }: DialTarget): string | null {
  return isDeclaredHost(config, host) ? `${host} is declared: what is not declared of it stays shut` : null;
}

/** Why what a client said first does not go to a destination that nobody declared, or null. */
export function findSaidRefusal(config: Config, port: number, said: FirstBytes): string | null {
  switch (said.kind) {
    case 'name':
      return isDeclaredHost(config, said.name) ? `${said.name} is declared, and not at that address and port` : null;
    case 'nameless':
      return hasWildcard(config, port) ? 'TLS without a server name could be for any host of a wildcard' : null;
    case 'malformed':
      return said.why;
    case 'nothing':
      return 'the client did not say what it wants';
    case 'other':
      return null;
  }
}
