// How an endpoint is named: in facts and records, and in the leaf that its listener shows. Pure.
import type { EndpointConfig } from '../../config/config.ts';
import type { Endpoint } from '../../rules/action.ts';

/** The endpoint as facts and records name it. */
export function describeEndpoint(config: EndpointConfig): Endpoint {
  const { name, type, ref, family } = config;
  return { name, type, ref, family, host: config.hosts[0]?.host ?? '' };
}

/** Names of the leaf that a direct listener shows: the endpoint's hosts, the listen address, `localhost`. */
export function leafNames(config: EndpointConfig): readonly string[] {
  const listen = config.listen?.host ?? '';
  const wildcard = listen === '' || listen === '0.0.0.0' || listen === '::';
  return [
    ...new Set([
      ...config.hosts.map(({ host }) => host),
      ...(wildcard ? [] : [listen]),
      'localhost',
      '127.0.0.1',
      '::1',
    ]),
  ];
}
