// What is recorded. One event becomes one chained record; the keys are those of the record object in the config reference 6.1.
import type { Agent, Risk } from '../rules/action.ts';
import type { Within } from './scope.ts';

/** Every kind of record. */
export const AUDIT_EVENT_TYPES = [
  'gateway.started',
  'gateway.stopped',
  'config.loaded',
  'config.refused',
  'connection.opened',
  'connection.closed',
  'connection.refused',
  'connection.noticed',
  'action.decided',
  'action.settled',
  'action.recorded',
  'approval.created',
  'approval.voted',
  /** One person decides alone what takes more: approvals/break-glass.ts. */
  'approval.break_glass',
  /** Everybody was told what came of that: approvals/aftermath.ts. */
  'approval.break_glass_over',
  'approval.reviewed',
  'approval.approved',
  'approval.denied',
  'approval.expired',
  'approval.cancelled',
  'grant.revoked',
  'grant.ended',
  'operator.acted',
  'secret.changed',
  'audit.exported',
  'audit.sealed',
  'device.asked',
  'device.enrolled',
  'device.revoked',
  'run.started',
  'run.ended',
  /** An agent has said what it works on: approvals/claims.ts. */
  'context.claimed',
  'incident.opened',
  'incident.changed',
  'incident.resolved',
  /** An agent has asked whether an action would be allowed: no action, and no decision. */
  'context.asked',
  'notifier.failed',
] as const;

export type AuditEventType = (typeof AUDIT_EVENT_TYPES)[number];

/** What is told of incidents: records that belong to the source that told them, in place of an agent. */
export const INCIDENT_TYPES: readonly AuditEventType[] = ['incident.opened', 'incident.changed', 'incident.resolved'];

/** An event before it is numbered and chained. Everything a peer wrote is bounded by the sender of the event. */
export interface AuditEvent {
  readonly type: AuditEventType;
  /** Wall clock, milliseconds since the epoch. Order comes from the sequence number, never from this. */
  readonly timeMs: number;
  readonly agent: Agent | null;
  /** Session of a connection; "" when none. */
  readonly session: string;
  readonly actionId: string | null;
  /** Typed reference, "" when none. */
  readonly endpoint: string;
  readonly family: string;
  /** JSON text of the facts that could be told, nested by variable; null when not recorded. Shared between equal statements. */
  readonly factsJson: string | null;
  readonly risk: Risk | null;
  /** allow, deny, approve (parked); "" when the event is not about a decision. */
  readonly verdict: string;
  /** Deciding rule, "" when none. */
  readonly rule: string;
  readonly approvers: readonly string[];
  /** Who acted: `rule`, `risk`, `grant:ID`, an operator (`local`, an account), `gateway`. */
  readonly by: string;
  readonly reason: string;
  readonly summary: string;
  /** Stored sample of the request, cut at `body_storage`; null when none. */
  readonly text: string | null;
  readonly textComplete: boolean;
  /** Lower-case hex SHA-256 of the whole request; "" = the writer computes it from `digestOf`. */
  readonly digest: string;
  /** Exact bytes behind the digest when it is left to the writer thread; null otherwise. */
  readonly digestOf: string | null;
  /** Type-specific facts as plain JSON (outcome, approval id and state, note, revision, …). */
  readonly data: Readonly<Record<string, unknown>> | null;
}

/** What an event is about; everything that is left out has its neutral value. */
export type EventParts = Partial<Omit<AuditEvent, 'type' | 'timeMs'>>;

/** An event with neutral values for all that was left out. */
export function createEvent(type: AuditEventType, timeMs: number, parts: EventParts): AuditEvent {
  return {
    type,
    timeMs,
    agent: null,
    session: '',
    actionId: null,
    endpoint: '',
    family: '',
    factsJson: null,
    risk: null,
    verdict: '',
    rule: '',
    approvers: NONE,
    by: 'gateway',
    reason: '',
    summary: '',
    text: null,
    textComplete: true,
    digest: '',
    digestOf: null,
    data: null,
    ...parts,
  };
}

const NONE: readonly string[] = [];

/** A stored record. */
export interface AuditRecord extends Omit<AuditEvent, 'digestOf'> {
  readonly seq: number;
  /** Hex SHA-256 of the record before; 64 zeros for the first. */
  readonly prev: string;
  readonly hash: string;
}

/** Filters of `audit search`, `tail` and `export`; all given ones must hold. */
export interface AuditFilter {
  readonly sinceMs?: number;
  readonly untilMs?: number;
  readonly device?: string;
  readonly profile?: string;
  readonly endpoint?: string;
  readonly family?: string;
  readonly rule?: string;
  readonly verdict?: string;
  readonly risk?: string;
  readonly by?: string;
  /** A table that the statement names (`sql.tables`); also finds the votes on such a statement and what became of it. */
  readonly table?: string;
  /** Action id, or a unique prefix of 8 or more. */
  readonly action?: string;
  /** Case-insensitive substring of text or summary. */
  readonly text?: string;
  /** W3C trace id that the request or its agent named: decisions only. */
  readonly trace?: string;
  readonly types?: readonly AuditEventType[];
  /** What may be seen at all; left out: everything. Never an operator's word. */
  readonly within?: Within;
}
