// The audit log as the rest of the program sees it. Implemented by audit/sqlite.ts with a writer thread.
import type { AuditEvent, AuditFilter, AuditRecord } from './event.ts';
import type { Within } from './scope.ts';

/** A record that may still be completed cheaply: when the outcome arrives before the batch is written, both become one record. */
export interface AuditTicket {
  /** Adds the outcome. Call at most once. */
  settle(outcome: Readonly<Record<string, unknown>>, timeMs: number): void;
}

export interface AuditLog {
  /**
   * `append` of an event that is made when its batch is sent, so that nobody waits for its making.
   * `make` must not throw; `chars` is about how much text it holds. Null as `append`.
   */
  appendLater(chars: number, make: () => AuditEvent): AuditTicket | null;
  /**
   * Records an event that may be written up to 100 ms later. Returns null when the queue is full or the store is broken: the caller
   * must then not let the effect happen before `writable()` resolves (back-pressure; nothing is dropped).
   */
  append(event: AuditEvent): AuditTicket | null;
  /**
   * Resolves when the event is on disk (fsync). Rejects with GatewayError STORE_FAILED when it cannot be written: the effect must then
   * not happen. A rejected event is not written later, unless a crash left open whether it was written already; a decision that turns
   * out to be in the log after all gets the outcome `not-run`.
   */
  appendDurable(event: AuditEvent): Promise<AuditTicket>;
  /** Resolves when `append` would take an event again. Rejects with GatewayError STORE_FAILED after its deadline. */
  writable(signal: AbortSignal): Promise<void>;
  /** True while records cannot be written. */
  readonly stalled: boolean;
  /** Resolves when everything appended so far is on disk. */
  flush(): Promise<void>;
  /** Final checkpoint, flush, and end of the writer thread. */
  close(): Promise<void>;

  search(
    filter: AuditFilter,
    page: { readonly limit: number; readonly cursor: string | null; readonly newestFirst: boolean },
  ): Promise<AuditPage>;
  /** Every record of an action (id or unique prefix of 8 or more, among what is `within`), in order. */
  show(actionId: string, within?: Within): Promise<readonly AuditRecord[]>;
  get(seq: number): Promise<AuditRecord | null>;
  /** Called for every record that reaches the disk, in order, until the returned function is called. */
  follow(listener: (record: AuditRecord) => void): () => void;
  metrics(): AuditMetrics;
}

export interface AuditPage {
  readonly items: readonly AuditRecord[];
  readonly next: string | null;
}

export interface AuditMetrics {
  readonly records: number;
  readonly headSeq: number;
  readonly headHash: string;
  readonly lastWriteMs: number;
  readonly queued: number;
  readonly stalled: boolean;
}
