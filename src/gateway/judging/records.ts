// Audit events of the gate and of the listeners: what is recorded about an action, a connection and the daemon itself. Pure.
// Everything that an agent wrote is bounded here; escaping is the writer's and the exporter's.
import { createEvent } from '../../audit/event.ts';
import type { AuditEvent } from '../../audit/event.ts';
import type { ActionClaimJson } from '../../approvals/claims.ts';
import type { Action, Evidence, Outcome } from '../../rules/action.ts';
import type { Decision } from '../../rules/decision.ts';

/** Parts of an action's record that are made once and shared between equal actions. */
export interface RecordedRequest {
  readonly factsJson: string | null;
  readonly summary: string;
  readonly text: string | null;
  readonly textComplete: boolean;
  readonly digest: string;
  /** Bound parameters, bounded; [] where there are none. */
  readonly parameters: readonly (string | null)[];
}

const NONE: readonly string[] = [];

/** The word of the log for what decided. */
function decidedBy(decision: Decision): string {
  switch (decision.by) {
    case 'rule':
    case 'cannot-tell':
      return 'rule';
    case 'risk':
      return 'risk';
    case 'unmatched':
      return 'defaults';
    case 'protocol':
      return 'gateway';
  }
}

/** What of a record the moment of the decision gives. */
export interface RecordedMoment {
  readonly timeMs: number;
  /** What the agent said of its work, or null. */
  readonly claim: ActionClaimJson | null;
}

/**
 * The record of a safe, allowed action: the hot path, so one literal without a spread. Parameters are kept only where there are any.
 */
export function allowedEvent(
  action: Action,
  decision: Decision,
  request: RecordedRequest,
  { timeMs, claim }: RecordedMoment,
): AuditEvent {
  return {
    type: 'action.decided',
    timeMs,
    agent: action.agent,
    session: action.session,
    actionId: action.id,
    endpoint: action.endpoint.ref,
    family: action.family,
    factsJson: request.factsJson,
    risk: action.risk,
    verdict: 'allow',
    rule: decision.rule,
    approvers: NONE,
    by: decidedBy(decision),
    reason: decision.reason,
    summary: request.summary,
    text: request.text,
    textComplete: request.textComplete,
    digest: request.digest,
    digestOf: null,
    data:
      claim !== null
        ? { ...(request.parameters.length === 0 ? {} : { parameters: request.parameters }), claim }
        : request.parameters.length === 0
          ? null
          : { parameters: request.parameters },
  };
}

/** What a fuller record says beside the decision itself. */
export interface DecidedParts {
  readonly verdict: 'allow' | 'deny' | 'approve';
  readonly by?: string;
  readonly reason?: string;
  readonly approvers?: readonly string[];
  readonly data?: Readonly<Record<string, unknown>>;
}

/** The record of any other decision: with the causes of the tier, why a rule could not tell, and the size of the request. */
export function decidedEvent(
  action: Action,
  decision: Decision,
  request: RecordedRequest,
  parts: DecidedParts & RecordedMoment,
): AuditEvent {
  const told = decision.cannotTell;
  return {
    ...allowedEvent(action, decision, request, parts),
    verdict: parts.verdict,
    by: parts.by ?? decidedBy(decision),
    reason: parts.reason ?? decision.reason,
    approvers: parts.approvers ?? decision.approvers,
    data: {
      credential: action.credential,
      bytes: action.evidence.sizeBytes,
      complete: action.evidence.complete,
      ...(action.phase === 'prepare' ? { phase: action.phase } : {}),
      ...(request.parameters.length === 0 ? {} : { parameters: request.parameters }),
      ...(action.units.length === 1 ? {} : { units: action.units.length, unit: decision.unit }),
      risk_causes: [...new Set(action.units.flatMap((unit) => unit.riskCauses))],
      ...(told === null
        ? {}
        : { cannot_tell: { word: told.word, cause: told.cause, facts: told.facts, detail: told.detail } }),
      ...(parts.claim === null ? {} : { claim: parts.claim }),
      ...parts.data,
    },
  };
}

/** What became of an action, with the keys of the record. */
export function outcomeData(outcome: Outcome): Readonly<Record<string, unknown>> {
  return {
    kind: outcome.kind,
    rows: outcome.rows,
    status: outcome.status,
    error_code: outcome.errorCode,
    bytes: outcome.bytesToClient,
    duration_ms: Math.round(outcome.durationMs * 1000) / 1000,
  };
}

/** The outcome of an action whose connection ended before anyone could tell what became of it. */
export const OUTCOME_UNKNOWN: Outcome = {
  kind: 'unknown',
  rows: null,
  status: '',
  errorCode: '',
  bytesToClient: 0,
  durationMs: 0,
};

/** The outcome of an action that was allowed and then never sent. */
export const OUTCOME_NOT_RUN: Outcome = { ...OUTCOME_UNKNOWN, kind: 'not-run' };

/** Longest piece of one parameter that a record keeps, and how many parameters. */
const MAX_PARAMETER_CHARS = 256;
const MAX_PARAMETERS = 64;

/** Parameters as a record keeps them: the first ones, each up to a length, and what was left out said. */
export function sampleParameters(parameters: readonly (string | null)[]): readonly (string | null)[] {
  if (parameters.length <= MAX_PARAMETERS && parameters.every((text) => (text?.length ?? 0) <= MAX_PARAMETER_CHARS)) {
    return parameters;
  }
  const kept = parameters
    .slice(0, MAX_PARAMETERS)
    .map((text) =>
      text === null || text.length <= MAX_PARAMETER_CHARS ? text : `${text.slice(0, MAX_PARAMETER_CHARS)}…`,
    );
  return parameters.length > MAX_PARAMETERS
    ? [...kept, `… ${parameters.length - MAX_PARAMETERS} more parameters`]
    : kept;
}

/** The stored sample of a request: as much of its text as `maxBytes` bytes of UTF-8 hold, and whether that is all of it. */
export function sampleText(
  { text, complete }: Pick<Evidence, 'text' | 'complete'>,
  maxBytes: number,
): { readonly text: string; readonly complete: boolean } {
  // A UTF-16 unit takes at most three bytes of UTF-8, so short texts need no count.
  if (text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes) {
    return { text, complete };
  }
  // At least one byte a unit, so the slice holds the limit and what follows it, which tells whether the limit is a character's border.
  const bytes = Buffer.from(text.slice(0, maxBytes + 1), 'utf8');
  let end = maxBytes;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) {
    end -= 1;
  }
  return { text: bytes.toString('utf8', 0, end), complete: false };
}

/** A part, from 0, of what an action showed on a terminal (lines of asciicast version 2). */
export function recordedEvent(
  { id, session, agent, endpoint, family }: Action,
  { part, text }: { readonly part: number; readonly text: string },
  timeMs: number,
): AuditEvent {
  const data = { part, cast: text };
  return createEvent('action.recorded', timeMs, { agent, session, actionId: id, endpoint: endpoint.ref, family, data });
}
