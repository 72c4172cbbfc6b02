// Which endpoint and profile a listener stands for, and which endpoint a destination belongs to. Listeners are known by the address as written, so that a reload can move one
// from an endpoint to another without closing it. Pure.
import { isDeepStrictEqual } from 'node:util';
import type { EndpointConfig, HostPattern } from '../../config/config.ts';
import { AGENT_NAME, AGENT_PORTS, formatHostPort } from '../../config/hosts.ts';
import type { DialTarget, DispatchedCredential } from '../../protocols/protocol.ts';
import type { Live } from '../live.ts';

/** Where a connection goes. */
export interface Route {
  readonly endpoint: EndpointConfig;
  readonly profile: string;
}

/** Where connections at a listener go: to one endpoint, or to whichever of a profile's the client names. */
export type Way =
  | ({ readonly kind: 'endpoint' } & Route)
  | { readonly kind: 'proxy'; readonly profile: string; readonly listenAllow: readonly string[] };

/** An address to listen on. */
export interface ListenerSpec {
  /** Equal keys mean the same socket. */
  readonly key: string;
  readonly host: string;
  readonly port: number;
  /** Who wants it, for messages: a typed endpoint reference. */
  readonly name: string;
}

/** The listeners of a configuration with where they lead, by key. */
export function createRoutes(live: Live): ReadonlyMap<string, Way & { readonly spec: ListenerSpec }> {
  const routes = new Map<string, Way & { readonly spec: ListenerSpec }>();
  for (const endpoint of live.config.endpoints) {
    if (endpoint.listen !== null && endpoint.profile !== null) {
      const { host, port } = endpoint.listen;
      // "Any free port" is a different one for each endpoint, and stays the endpoint's.
      const key = port === 0 ? `${formatHostPort(host, 0)} ${endpoint.ref}` : formatHostPort(host, port);
      const spec = { key, host, port, name: endpoint.ref };
      routes.set(key, { kind: 'endpoint', endpoint, profile: endpoint.profile, spec });
    }
  }
  const { proxy } = live.config.gateway;
  if (proxy !== null) {
    const { host, port } = proxy.listen;
    const key = port === 0 ? `${formatHostPort(host, 0)} proxy` : formatHostPort(host, port);
    const { profile, listenAllow } = proxy;
    routes.set(key, { kind: 'proxy', profile, listenAllow, spec: { key, host, port, name: 'proxy' } });
  }
  return routes;
}

/** Whether a pattern covers that host and port: any depth under a wildcard's suffix, never the bare suffix (config reference, 1.6). */
export function matchHost(pattern: HostPattern, { host, port }: DialTarget): boolean {
  return (
    pattern.port === port &&
    (pattern.wildcard
      ? host.endsWith(pattern.host.slice(1)) && host.length >= pattern.host.length
      : host === pattern.host)
  );
}

/**
 * Stands for the gateway itself where a connection leads to an endpoint. It speaks HTTP as `https` endpoints do; it has no upstream, no
 * credential and no rules, and what is asked there is no action.
 */
const AGENT_ENDPOINT: EndpointConfig = {
  type: 'https',
  name: AGENT_NAME,
  ref: AGENT_NAME,
  family: 'http',
  hosts: AGENT_PORTS.map((port) => ({ host: AGENT_NAME, port, wildcard: false })),
  description: 'the gateway itself',
  tunnel: null,
  retentionMs: null,
  listen: null,
  profile: null,
  listenAllow: [],
  listenTls: 'auto',
  unmatched: 'risk',
  caCert: null,
  attributes: {},
  at: { file: '', line: 0, column: 0, endLine: 0, endColumn: 0 },
};

/**
 * The endpoint of a profile that a destination belongs to: exact before wildcard, the longest wildcard suffix first. Null when the profile
 * reaches none that claims it.
 */
export function findEndpoint(live: Live, profile: string, target: DialTarget): EndpointConfig | null {
  if (target.host === AGENT_NAME) {
    return AGENT_PORTS.includes(target.port) && live.profiles.has(profile) ? AGENT_ENDPOINT : null;
  }
  let best: { readonly endpoint: EndpointConfig; readonly pattern: HostPattern } | null = null;
  for (const endpoint of live.config.endpoints) {
    for (const pattern of endpoint.hosts) {
      if (
        matchHost(pattern, target) &&
        live.reaches(profile, endpoint.ref) &&
        isCloser(pattern, best?.pattern ?? null)
      ) {
        best = { endpoint, pattern };
      }
    }
  }
  return best?.endpoint ?? null;
}

/** Whether the profile reaches the endpoint; the gateway itself is there for every profile. */
export function leadsThere(live: Live, { endpoint, profile }: Route): boolean {
  return endpoint === AGENT_ENDPOINT ? live.profiles.has(profile) : live.reaches(profile, endpoint.ref);
}

function isCloser(pattern: HostPattern, than: HostPattern | null): boolean {
  return than === null || (than.wildcard && (!pattern.wildcard || pattern.host.length > than.host.length));
}

/** False when the profile lost the credential that a connection has logged in with, or when it now names somebody else. */
export function stillWields(
  live: Live,
  { profile, endpoint }: Route,
  { ref, attributes }: DispatchedCredential,
): boolean {
  const entries = live.profiles.get(profile)?.credentials ?? [];
  const credential = live.config.credentials.find((candidate) => candidate.ref === ref);
  return (
    credential !== undefined &&
    entries.some((entry) => entry.credential === ref) &&
    credential.endpoints.includes(endpoint.ref) &&
    isDeepStrictEqual(credential.attributes, attributes)
  );
}

/** Whether both lead to the same upstreams. */
export function sameHosts(a: EndpointConfig, b: EndpointConfig): boolean {
  return (
    a.hosts.length === b.hosts.length &&
    a.hosts.every((host, index) => host.host === b.hosts[index]?.host && host.port === b.hosts[index]?.port)
  );
}
