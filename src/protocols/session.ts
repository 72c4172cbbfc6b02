// The contract of a protocol's state machine: events in, commands out. No I/O, no clock, no promise.
// Bytes from a peer never make it throw; what cannot be parsed ends the session with a reason.
import type { Action, ActionId, Outcome } from '../rules/action.ts';

export type Side = 'client' | 'upstream';

export function otherSide(side: Side): Side {
  return side === 'client' ? 'upstream' : 'client';
}

/** Final word on an action, after rules, risk and approvals. Shared between equal answers; never mutated. */
export type Verdict =
  | { readonly kind: 'allow' }
  | {
      readonly kind: 'deny';
      /** `deny`: rules, risk or an approver said no. `cancelled`: the client withdrew. `unavailable`: it could not be recorded or asked. */
      readonly cause: 'deny' | 'cancelled' | 'unavailable';
      /** Name of the rule, "" when none. */
      readonly rule: string;
      /** For the agent; no condition text, no fact value, no approver's identity. */
      readonly reason: string;
      /** "" or one of truncated, unparseable, evaluation. */
      readonly word: string;
      /** What an agent can do about it; may be "". */
      readonly hint: string;
      /** Set where it was refused because nobody answered in time. */
      readonly expired?: true;
    };

/** News about an action that waits for someone. */
export interface ParkedNotice {
  readonly approval: string;
  /** Milliseconds from now until it expires. */
  readonly expiresInMs: number;
  /** Short text of who is asked, from the configuration (approver names), never from a person. */
  readonly waitsFor: string;
  /** How long it has waited; left out: it begins to. */
  readonly waitedMs?: number;
  /** Nothing to be read: a sign of life, for clients that give up a connection on which nothing comes. */
  readonly silent?: boolean;
}

export type SessionEvent =
  | { readonly kind: 'data'; readonly from: Side; readonly bytes: Buffer }
  /** The peer ended its direction (`fin`) or the connection broke. */
  | { readonly kind: 'ended'; readonly from: Side; readonly how: 'fin' | 'reset' }
  | { readonly kind: 'judged'; readonly action: ActionId; readonly verdict: Verdict }
  /** The verdict on the action of the last `judge` command is not there yet: what comes before the action must go out now. */
  | { readonly kind: 'waiting'; readonly action: ActionId }
  /** The work of the last `await` command is done. */
  | { readonly kind: 'awaited' }
  /** The action waits for approval; repeated about every 30 s while it does. */
  | { readonly kind: 'parked'; readonly action: ActionId; readonly notice: ParkedNotice }
  /** Someone with the right to do so asks that the running or parked action be cancelled (Postgres CancelRequest). */
  | { readonly kind: 'cancel-requested' }
  /** The gateway stops, or the endpoint, profile or device is gone: end after the answer in progress. */
  | { readonly kind: 'draining'; readonly why: string };

export type SessionCommand =
  | { readonly kind: 'send'; readonly to: Side; readonly bytes: Buffer }
  /** Ask the gate. At most one at a time for ordered protocols; always the last command of its list. */
  | { readonly kind: 'judge'; readonly action: Action }
  /** Go on with `awaited` when this is done (a long text is analysed in a worker). Never rejects; last of its list. */
  | { readonly kind: 'await'; readonly work: Promise<void> }
  /** The parked action is withdrawn: abort its wait. A `judged` event with cause `cancelled` follows. */
  | { readonly kind: 'withdraw'; readonly action: ActionId }
  | { readonly kind: 'settle'; readonly action: Action; readonly outcome: Outcome }
  /** Pass a cancel on to the upstream, out of band (Postgres: a new connection with the upstream's key). */
  | { readonly kind: 'cancel-upstream' }
  /** Half-close towards that side after everything sent so far. */
  | { readonly kind: 'end'; readonly to: Side }
  | { readonly kind: 'finish'; readonly reason: FinishReason };

/** Why a connection ended; recorded in `connection.closed`. */
export interface FinishReason {
  readonly kind:
    | 'client-closed'
    | 'upstream-closed'
    | 'protocol-error'
    | 'refused'
    | 'drained'
    | 'timeout'
    | 'failed'
    | 'reset';
  /** For the log: what exactly. Never holds a secret. */
  readonly detail: string;
}

/** A protocol's state machine. */
export interface Session {
  handle(event: SessionEvent): readonly SessionCommand[];
  /** True when the connection could be closed without breaking an answer: nothing outstanding, no open transaction. */
  readonly idle: boolean;
  /** True while bytes of that side must not be read (back-pressure from a parked action). */
  paused(side: Side): boolean;
}
