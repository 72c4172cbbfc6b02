// Records of safe, allowed actions, made after their bytes have gone: taking a digest and putting a record together costs about as much as
// judging a remembered statement, and the client need not wait for it. They are made in the same turn of the event loop, long before
// the 100 ms that a safe record may be late; the log has said beforehand that it takes them.
import type { AuditEvent } from '../audit/event.ts';
import type { AuditLog, AuditTicket } from '../audit/log.ts';

type OutcomeData = Readonly<Record<string, unknown>>;

export interface LateParts {
  readonly audit: AuditLog;
  /** Runs something at the end of this turn of the event loop (`setImmediate`). */
  readonly defer: (run: () => void) => void;
}

/** One record to be made; its outcome may come before it is. */
class LateRecord implements AuditTicket {
  readonly #make: () => AuditEvent;
  #ticket: AuditTicket | null = null;
  #outcome: OutcomeData | null = null;
  #timeMs = 0;

  constructor(make: () => AuditEvent) {
    this.#make = make;
  }

  settle(outcome: OutcomeData, timeMs: number): void {
    if (this.#ticket === null) {
      this.#outcome = outcome;
      this.#timeMs = timeMs;
    } else {
      this.#ticket.settle(outcome, timeMs);
    }
  }

  record(audit: AuditLog): void {
    this.#ticket = audit.appendAccepted(this.#make());
    if (this.#outcome !== null) {
      this.#ticket.settle(this.#outcome, this.#timeMs);
    }
  }
}

export class LateRecords {
  readonly #parts: LateParts;
  #waiting: LateRecord[] = [];
  readonly #record = (): void => this.#recordAll();

  constructor(parts: LateParts) {
    this.#parts = parts;
  }

  /** Null when the log takes nothing now. `make` must not throw. */
  add(make: () => AuditEvent): AuditTicket | null {
    if (!this.#parts.audit.accepting) {
      return null;
    }
    const record = new LateRecord(make);
    this.#waiting.push(record);
    if (this.#waiting.length === 1) {
      this.#parts.defer(this.#record);
    }
    return record;
  }

  #recordAll(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const record of waiting) {
      record.record(this.#parts.audit);
    }
  }
}
