// What an operator may see: everything, or what belongs to some profiles. The one place that decides it; everything that lists, reads, streams
// or counts for an operator asks here (dashboard/scoped-parts.ts), and so does the queue before it counts a vote. Pure.
import { INCIDENT_TYPES, type AuditEvent, type AuditEventType } from './event.ts';

export type Scope =
  | { readonly kind: 'all' }
  /** Never "": what belongs to no profile is for those who see everything. */
  | { readonly kind: 'profiles'; readonly profiles: readonly string[] };

export const EVERYTHING: Scope = { kind: 'all' };

/** `profiles` as an account has them; null = everything. */
export function scopeOf(profiles: readonly string[] | null): Scope {
  return profiles === null
    ? EVERYTHING
    : { kind: 'profiles', profiles: [...new Set(profiles)].filter((name) => name !== '').toSorted() };
}

/** Whether what belongs to that profile may be seen; "" = it belongs to none. */
export function sees(scope: Scope, profile: string): boolean {
  return scope.kind === 'all' || (profile !== '' && scope.profiles.includes(profile));
}

export function sameScope(one: Scope, other: Scope): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** The same for records of the log. Plain, so that it can be sent to the thread that reads them. */
export interface Within {
  readonly profiles: readonly string[];
  /** The `context` blocks of those profiles: what they tell of incidents belongs to nobody else either. */
  readonly sources: readonly string[];
  /** Account name of who looks: what the log has them doing themselves is theirs to see. Left out: nobody's. */
  readonly operator?: string;
}

/** What people did at the gateway itself; the log names them in `by`. Names of accounts are never those of anything else that acts. */
export const OWN_TYPES: readonly AuditEventType[] = ['operator.acted', 'secret.changed', 'audit.exported'];

/**
 * Whether a record may be seen: it is about an agent of one of the profiles, or an incident of one of the sources, or the act of who looks.
 * What they tried on an agent of another profile is about that agent.
 */
export function holdsRecord(
  { profiles, sources, operator }: Within,
  { agent, type, by }: Pick<AuditEvent, 'agent' | 'type' | 'by'>,
): boolean {
  const profile = agent?.profile ?? '';
  if (profile !== '') {
    return profiles.includes(profile);
  }
  return (INCIDENT_TYPES.includes(type) && sources.includes(by)) || (OWN_TYPES.includes(type) && by === operator);
}
