// Where somebody who is connected would be led if they came now: what a change of the policy, of a device or of a run has left of it.
import type { DialTarget } from '../protocols/protocol.ts';
import type { Agent } from '../rules/action.ts';
import { createRanges } from './dialling/addresses.ts';
import type { Live } from './live.ts';
import { findEndpoint } from './arriving/routing.ts';
import type { Route, Way } from './arriving/routing.ts';
import type { TunnelView } from './tunnel/arrivals.ts';

export interface RouteNowParts {
  readonly live: () => Live;
  readonly tunnel: TunnelView | null;
  /** Where a listener leads now. */
  readonly route: (key: string) => Way | null;
}

/** Where a device or run would be led now; null when it is not the same any more. */
export function findInsideRoute(
  { live, tunnel }: RouteNowParts,
  target: DialTarget | null,
  { device, run, ip, transport }: Agent,
): Route | null {
  const agent = (transport === 'proxy' ? tunnel?.identifyRun(run, ip) : tunnel?.identify(ip)) ?? null;
  if (agent === null || agent.device !== device || agent.run !== run || target === null) {
    return null;
  }
  const endpoint = findEndpoint(live(), agent.profile, target);
  return endpoint === null ? null : { endpoint, profile: agent.profile };
}

/** Where a client of that address would be led now by a listener, or null. */
export function findListenerRoute(
  { live, route }: RouteNowParts,
  key: string,
  { target, ip }: { readonly target: DialTarget | null; readonly ip: string },
): Route | null {
  const way = route(key);
  switch (way?.kind) {
    case undefined:
      return null;
    case 'endpoint':
      return target === null && createRanges(way.endpoint.listenAllow)(ip) ? way : null;
    case 'proxy': {
      const { profile, listenAllow } = way;
      const endpoint = target === null ? null : findEndpoint(live(), profile, target);
      return endpoint !== null && createRanges(listenAllow)(ip) ? { endpoint, profile } : null;
    }
  }
}
