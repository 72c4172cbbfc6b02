// What the session asks of whoever runs it: sending, judging, recording. The session itself does no I/O and knows no gate.
import type { Clock } from '../../lib/clock.ts';
import type { Action, Outcome } from '../../rules/action.ts';
import type { FinishReason, ParkedNotice, Verdict } from '../session.ts';
import type { Send } from './channel.ts';
import type { PtyRequest } from './codec.ts';
import type { SshRequest } from './request.ts';

/** Hears how a request is judged. */
export interface Answer {
  /** Once; also while `judge` still runs, when nothing has to be waited for. */
  decided(verdict: Verdict, action: Action): void;
  /** It waits for a person; repeated while it does. */
  parked?(notice: ParkedNotice): void;
}

/** A question that may still be open. */
export interface Pending {
  /** Whoever asked is gone: it will never run. */
  withdraw(): void;
}

/** An interactive stream that is kept. */
export interface Recording {
  output(bytes: Buffer): void;
  input(bytes: Buffer): void;
  resized(size: Pick<PtyRequest, 'columns' | 'rows'>): void;
  end(): void;
}

export interface SshHost {
  readonly clock: Clock;
  readonly send: Send;
  judge(request: SshRequest, answer: Answer): Pending;
  /** Whether stdin must be there before the request can be judged. */
  needsStdin(request: SshRequest): boolean;
  settle(action: Action, outcome: Outcome): void;
  /** Something was refused before there was anything to judge. */
  refused(cause: string, detail: string): void;
  /** Begins to keep what runs on a terminal; null when it cannot be kept, and then must not run. `lost`: it cannot be kept any more. */
  record(action: Action, pty: PtyRequest | null, lost: () => void): Recording | null;
  /** The most of stdin that is held. */
  readonly heldBytes: number;
  readonly stdinTimeoutMs: () => number;
  /** The session is over; called once. */
  finish(reason: FinishReason): void;
}
