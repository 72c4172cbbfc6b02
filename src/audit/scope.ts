// What an operator may see: everything, or what belongs to some profiles. The one place that decides it; everything that lists, reads, streams
// or counts for an operator asks here (dashboard/scoped-parts.ts), and so does the queue before it counts a vote. Pure.
import { INCIDENT_TYPES, type AuditEvent } from './event.ts';

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
}

/** Whether a record may be seen: it is about an agent of one of the profiles, or an incident of one of the sources. */
export function holdsRecord(
  { profiles, sources }: Within,
  { agent, type, by }: Pick<AuditEvent, 'agent' | 'type' | 'by'>,
): boolean {
  const profile = agent?.profile ?? '';
  return profile === '' ? INCIDENT_TYPES.includes(type) && sources.includes(by) : profiles.includes(profile);
}
