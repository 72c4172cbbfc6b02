// Which endpoint and profile a direct listener stands for. Listeners are known by the address as written, so that a reload can move one
// from an endpoint to another without closing it. Pure.
import type { EndpointConfig, HostPattern } from '../config/config.ts';
import type { DialTarget } from '../protocols/protocol.ts';
import { formatAddress } from './addresses.ts';
import type { Live } from './live.ts';

/** Where a connection at a listener goes. */
export interface Route {
  readonly endpoint: EndpointConfig;
  readonly profile: string;
}

/** An address to listen on. */
export interface ListenerSpec {
  /** Equal keys mean the same socket. */
  readonly key: string;
  readonly host: string;
  readonly port: number;
  /** Who wants it, for messages: a typed endpoint reference. */
  readonly name: string;
}

/** The direct listeners of a configuration with where they lead, by key. */
export function createRoutes(live: Live): ReadonlyMap<string, Route & { readonly spec: ListenerSpec }> {
  const routes = new Map<string, Route & { readonly spec: ListenerSpec }>();
  for (const endpoint of live.config.endpoints) {
    if (endpoint.listen !== null && endpoint.profile !== null) {
      const { host, port } = endpoint.listen;
      // "Any free port" is a different one for each endpoint, and stays the endpoint's.
      const key = port === 0 ? `${formatAddress(host, 0)} ${endpoint.ref}` : formatAddress(host, port);
      routes.set(key, { endpoint, profile: endpoint.profile, spec: { key, host, port, name: endpoint.ref } });
    }
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
 * The endpoint of a profile that a destination belongs to: exact before wildcard, the longest wildcard suffix first. Null when the profile
 * reaches none that claims it.
 */
export function findEndpoint(live: Live, profile: string, target: DialTarget): EndpointConfig | null {
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

function isCloser(pattern: HostPattern, than: HostPattern | null): boolean {
  return than === null || (than.wildcard && (!pattern.wildcard || pattern.host.length > than.host.length));
}
