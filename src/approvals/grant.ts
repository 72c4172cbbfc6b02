// A grant (lease) as it is stored and listed, and what its limits allow. Pure.
import type { GrantLimits, Ref } from '../config/config.ts';
import { RISKS, type Agent, type Risk } from '../rules/action.ts';
import { formatDuration } from '../lib/units.ts';
import type { GrantWish } from './approval.ts';

export type GrantState = 'active' | 'used-up' | 'expired' | 'revoked' | 'ended';

/** "What is like this, by this agent at this endpoint, until then, so many times." */
export interface Grant {
  /** UUIDv7. */
  readonly id: string;
  readonly state: GrantState;
  readonly scope: 'exact' | 'shape';
  /** SHA-256 (hex) of what must be equal: the request's form, or its bytes with what they mean. */
  readonly key: string;
  /** The human stage that it answers. */
  readonly approver: Ref;
  readonly device: string;
  readonly profile: string;
  readonly endpoint: Ref;
  readonly family: string;
  /** Dispatched credential, or null. */
  readonly credential: Ref | null;
  /** The highest tier that it covers. */
  readonly risk: Risk;
  /** What it covers, for people. */
  readonly sentence: string;
  readonly by: readonly string[];
  /** The approval that it came of. */
  readonly approval: string;
  readonly createdMs: number;
  readonly expiresMs: number;
  readonly maxUses: number;
  readonly uses: number;
  readonly endedMs: number | null;
  /** Who ended it and why; "" while it is active. */
  readonly ended: string;
  /** Whose request it came of, for the records of its end; left out in older ones. It answers for every run of the device. */
  readonly agent?: Agent;
  /** Of the configuration that stood behind the question: another one ends the grant. */
  readonly policy: string;
}

/** Why a wish goes beyond the limits, or null. */
export function findWishObjection(wish: GrantWish, limits: GrantLimits, risk: Risk): string | null {
  if (!limits.enabled) {
    return 'the configuration has no grant block: every approval is for one action, once';
  }
  if (RISKS.indexOf(risk) > RISKS.indexOf(limits.maxRisk)) {
    return `no grant covers what is ${risk}; at most ${limits.maxRisk}`;
  }
  if (!limits.scopes.includes(wish.scope)) {
    return `scope ${wish.scope} is not allowed here; allowed: ${limits.scopes.join(', ')}`;
  }
  if (!(wish.durationMs > 0 && wish.durationMs <= limits.maxDurationMs)) {
    return `a grant lasts ${formatDuration(limits.maxDurationMs)} at most`;
  }
  if (!(Number.isInteger(wish.uses) && wish.uses >= 1 && wish.uses <= limits.maxUses)) {
    return `a grant has ${limits.maxUses} uses at most`;
  }
  return null;
}
