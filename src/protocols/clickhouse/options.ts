// What an endpoint's configuration says about analysis.
import type { EndpointConfig } from '../../config/config.ts';
import type { ClickHouseOptions } from './analysis/context.ts';

const known = new WeakMap<EndpointConfig, Map<number, ClickHouseOptions>>();

/** The same object for the same configuration, so that caches may go by it. */
export function clickHouseOptions(config: EndpointConfig, maxTextBytes: number): ClickHouseOptions {
  const bySize = known.get(config) ?? new Map<number, ClickHouseOptions>();
  known.set(config, bySize);
  const kept = bySize.get(maxTextBytes);
  if (kept !== undefined) {
    return kept;
  }
  const { read_only: readOnly, trusted_functions: trusted } = config.attributes;
  const names = Array.isArray(trusted) ? trusted : [];
  const options = {
    readOnly: readOnly === true,
    trustedFunctions: new Set(names.map((name) => String(name).toLowerCase())),
    maxTextBytes,
  };
  bySize.set(maxTextBytes, options);
  return options;
}
