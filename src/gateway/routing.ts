// Which endpoint and profile a direct listener stands for. Listeners are known by the address as written, so that a reload can move one
// from an endpoint to another without closing it. Pure.
import type { EndpointConfig } from '../config/config.ts';
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
