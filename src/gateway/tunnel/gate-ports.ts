// Which TCP connections of devices the kernel lets arrive: those that some endpoint could claim. Every other meets a reset at its first packet,
// so that `connect()` fails at once (traps TR-01). It is a coarse sieve over all profiles; who may go where is decided when it arrives. Pure.
import { isIP } from 'node:net';
import type { Config } from '../../config/config.ts';
import { formatIp, parseCidr } from '../../config/hosts.ts';

/** Questions about names over TCP go to any resolver. */
const DNS_PORT = 53;

export interface ArrivingPorts {
  /** Of any address: a server name tells where it leads. */
  readonly anywhere: readonly number[];
  /** Networks of virtual addresses, version 4 and 6, and the ports of the names in them. */
  readonly virtual: readonly { readonly version: 4 | 6; readonly network: string }[];
  readonly virtualPorts: readonly number[];
  /** Declared addresses, and the gateway's own name. Port null: all. */
  readonly addresses: readonly { readonly version: 4 | 6; readonly ip: string; readonly port: number | null }[];
}

/** `everything`: what is not declared may pass. */
export type Arriving = 'everything' | ArrivingPorts;

/** What may arrive under a configuration. */
export function findArriving({ endpoints, defaults, gateway }: Config): Arriving {
  if (defaults.unknownHost === 'passthrough') {
    return 'everything';
  }
  const hosts = endpoints.flatMap((endpoint) =>
    endpoint.hosts.flatMap(({ host, port }) =>
      port === null ? [] : [{ host, port, tls: endpoint.family === 'http' || endpoint.family === 'k8s' }],
    ),
  );
  const networks = gateway.vipSubnets.map(parseCidr).filter((cidr) => cidr !== null);
  const literals = new Map<string, ArrivingPorts['addresses'][number]>();
  for (const { host, port } of hosts) {
    const version = isIP(host);
    if (version === 4 || version === 6) {
      literals.set(`${host} ${port}`, { version, ip: host, port });
    }
  }
  const size = networks.reduce(
    (least, { version, prefix }) => Math.min(least, (version === 4 ? 32 : 128) - prefix),
    128,
  );
  const own = networks.map(({ version, base }) => ({
    version,
    ip: formatIp({ version, value: base + (1n << BigInt(size)) - 2n }),
    port: null,
  }));
  return {
    anywhere: unique([DNS_PORT, ...hosts.filter(({ tls }) => tls).map(({ port }) => port)]),
    virtual: networks.map(({ version }, index) => ({ version, network: gateway.vipSubnets[index] ?? '' })),
    virtualPorts: unique(hosts.filter(({ host }) => isIP(host) === 0).map(({ port }) => port)),
    addresses: [...own, ...literals.values()],
  };
}

function unique(ports: readonly number[]): readonly number[] {
  return [...new Set(ports)].toSorted((a, b) => a - b);
}
