// Events on their way to the disk, on the main thread: gathers them into batches, sends one batch at a time to the writer thread,
// and keeps everything that is not acknowledged. While one batch is being written the next one gathers, so that many durable
// events share one sync of the disk.
import { GatewayError, messageOf } from '../lib/errors.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { encodeBatch } from './batch.ts';
import type { Batch } from './batch.ts';
import type { AuditEvent } from './event.ts';
import type { AuditTicket } from './log.ts';
import { ThreadGoneError } from './thread.ts';

export interface QueueParts {
  readonly clock: Clock;
  /** Longest time that an event waits for company. */
  readonly batchMs: number;
  /** Beyond these `append` takes nothing: events that are not on disk, and characters of their texts. */
  readonly maxEvents: number;
  readonly maxChars: number;
  /** Pause between attempts while the store cannot be written. */
  readonly retryMs: number;
  /** How long `writable` and `flush` wait at most. */
  readonly waitMs: number;
  /** Writes a batch. Rejects with ThreadGoneError when nobody knows whether it was written, with another error when it was not. */
  write(batch: Batch): Promise<void>;
  /** Called when writing begins to fail (with why) and when it works again (null). */
  onStalled(why: string | null): void;
}

/** Most events of one batch: about 10 ms of the writer's time, which a durable event may have to wait for. */
const MAX_BATCH = 512;
/** A batch that has been on its way for longer than this means that the disk hangs. */
const HUNG_MS = 5000;
/** Attempts to send a batch again at once after its thread ended; then the store counts as broken. */
const CRASHES = 2;

type Outcome = Readonly<Record<string, unknown>>;

interface Waiter {
  resolve(ticket: AuditTicket): void;
  reject(error: Error): void;
}

/** An event, or what makes it when it is wanted. */
type EventSource = AuditEvent | (() => AuditEvent);

/** One event; also the ticket by which its outcome is added. */
class Entry implements AuditTicket {
  /** Who waits for the disk; null for nobody, also after giving up. */
  durable: Waiter | null;
  outcome: Outcome | null = null;
  sent = false;
  /** The caller was told that it is not recorded, and then it was. */
  givenUp = false;
  /** What it counts for in the queue's bound. */
  readonly chars: number;
  readonly #queue: AuditQueue;
  #source: EventSource;

  // oxlint-disable-next-line max-params -- made for every statement: no object around what it is made of
  constructor(queue: AuditQueue, source: EventSource, chars: number, durable: Waiter | null) {
    this.#queue = queue;
    this.#source = source;
    this.chars = chars;
    this.durable = durable;
  }

  get event(): AuditEvent {
    if (typeof this.#source === 'function') {
      this.#source = this.#source();
    }
    return this.#source;
  }

  settle(outcome: Outcome, timeMs: number): void {
    if (this.sent) {
      this.#queue.settleLate(this.event, outcome, timeMs);
    } else {
      this.outcome = outcome;
    }
  }
}

/** Somebody who waits until a number of events are done. */
interface FlushWaiter {
  readonly count: number;
  resolve(): void;
}

export class AuditQueue {
  readonly #parts: QueueParts;
  #waiting: Entry[] = [];
  #inFlight: Entry[] = [];
  #chars = 0;
  #batchId = 1;
  #sentMs = 0;
  #crashes = 0;
  /** A batch, perhaps an empty one, is on its way. */
  #sending = false;
  /** The batch in flight may be in the store already. */
  #ambiguous = false;
  #due = false;
  #timer: Timer | null = null;
  #scheduled = false;
  #retry: Timer | null = null;
  #stalledWhy: string | null = null;
  #appended = 0;
  #done = 0;
  #flushes: FlushWaiter[] = [];
  #writables: (() => void)[] = [];

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#waiting.length + this.#inFlight.length;
  }

  get stalled(): boolean {
    const hung = this.#sending && this.#parts.clock.monotonicMs() - this.#sentMs > HUNG_MS;
    return this.#stalledWhy !== null || hung;
  }

  append(event: AuditEvent): AuditTicket | null {
    return this.#takes() ? this.#push(event, charsOf(event), null) : null;
  }

  appendLater(chars: number, make: () => AuditEvent): AuditTicket | null {
    return this.#takes() ? this.#push(make, chars, null) : null;
  }

  /** Not bounded by the queue: each caller waits, so there are no more of these than connections. */
  appendDurable(event: AuditEvent): Promise<AuditTicket> {
    if (this.#stalledWhy !== null) {
      return Promise.reject(notRecorded(this.#stalledWhy));
    }
    return new Promise((resolve, reject) => {
      this.#push(event, charsOf(event), { resolve, reject });
      this.#due = true;
      this.#schedule();
    });
  }

  /** An outcome that came after its event was sent. Always taken: there are no more of these than actions that run. */
  settleLate(event: AuditEvent, outcome: Outcome, timeMs: number): void {
    this.#push(settledEvent(event, timeMs), 0, null).outcome = outcome;
  }

  writable(signal: AbortSignal): Promise<void> {
    if (this.#takes()) {
      return Promise.resolve();
    }
    return this.#wait(signal, 'the audit log takes nothing now', (resolve) => {
      this.#writables.push(resolve);
    });
  }

  flush(): Promise<void> {
    if (this.#done === this.#appended) {
      return Promise.resolve();
    }
    return this.#wait(null, 'the audit log could not be written', (resolve) => {
      this.#flushes.push({ count: this.#appended, resolve });
      this.#due = true;
      this.#pump();
    });
  }

  #wait(signal: AbortSignal | null, why: string, join: (resolve: () => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        leave();
        reject(notRecorded(this.#stalledWhy ?? why));
      };
      const deadline = this.#parts.clock.after(this.#parts.waitMs, giveUp);
      const leave = (): void => {
        deadline.cancel();
        signal?.removeEventListener('abort', giveUp);
      };
      if (signal?.aborted === true) {
        giveUp();
        return;
      }
      signal?.addEventListener('abort', giveUp, { once: true });
      join(() => {
        leave();
        resolve();
      });
    });
  }

  #takes(): boolean {
    const { maxEvents, maxChars } = this.#parts;
    return this.#stalledWhy === null && this.size < maxEvents && this.#chars < maxChars;
  }

  #push(source: EventSource, chars: number, durable: Waiter | null): Entry {
    const entry = new Entry(this, source, chars, durable);
    this.#waiting.push(entry);
    this.#chars += chars;
    this.#appended += 1;
    if (this.#waiting.length >= MAX_BATCH) {
      this.#schedule();
    }
    this.#arm();
    return entry;
  }

  /** Not at once: other events, and outcomes, of this turn of the loop come along. */
  #schedule(): void {
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.#pump();
      });
    }
  }

  #arm(): void {
    if (this.#timer === null && this.#waiting.length > 0) {
      this.#timer = this.#parts.clock.after(this.#parts.batchMs, () => {
        this.#timer = null;
        this.#due = true;
        this.#pump();
      });
    }
  }

  /** Sends the next batch if it is time and none is on its way. */
  #pump(): void {
    const ready = this.#due || this.#waiting.length >= MAX_BATCH;
    if (!ready || this.#sending || this.#retry !== null || this.#waiting.length === 0) {
      return;
    }
    this.#inFlight = this.#waiting.slice(0, MAX_BATCH);
    this.#waiting = this.#waiting.slice(MAX_BATCH);
    // What is left now was waiting with what is sent, so it is due as well.
    this.#due = this.#due && this.#waiting.length > 0;
    if (this.#waiting.length === 0) {
      this.#timer?.cancel();
      this.#timer = null;
    }
    for (const entry of this.#inFlight) {
      entry.sent = true;
    }
    this.#send();
  }

  #send(): void {
    const { clock } = this.#parts;
    this.#sending = true;
    this.#sentMs = clock.monotonicMs();
    this.#write(clock.now()).then(
      () => this.#written(),
      (error: unknown) => this.#failed(error),
    );
  }

  /** A fault while the batch is made counts as one of the store: nothing is let through that is not recorded. */
  async #write(nowMs: number): Promise<void> {
    await this.#parts.write(encodeBatch(this.#batchId, nowMs, this.#inFlight));
  }

  #written(): void {
    const written = this.#inFlight;
    this.#sending = false;
    this.#inFlight = [];
    this.#batchId += 1;
    this.#ambiguous = false;
    this.#crashes = 0;
    if (this.#stalledWhy !== null) {
      this.#stalledWhy = null;
      this.#parts.onStalled(null);
    }
    for (const entry of written) {
      this.#chars -= entry.chars;
      entry.durable?.resolve(entry);
      if (entry.givenUp && entry.event.type === 'action.decided') {
        // Its caller was told that it is not recorded, so nothing was let through.
        const outcome = { kind: 'not-run', status: 'recorded too late' };
        this.settleLate(entry.event, outcome, this.#parts.clock.now());
      }
    }
    this.#finish(written.length);
    for (const resolve of this.#writables.splice(0)) {
      resolve();
    }
    this.#pump();
    this.#arm();
  }

  #finish(count: number): void {
    this.#done += count;
    const done = this.#flushes.filter((waiter) => waiter.count <= this.#done);
    this.#flushes = this.#flushes.filter((waiter) => waiter.count > this.#done);
    for (const waiter of done) {
      waiter.resolve();
    }
  }

  #failed(error: unknown): void {
    this.#sending = false;
    if (error instanceof ThreadGoneError) {
      this.#ambiguous = true;
      this.#crashes += 1;
      if (this.#crashes <= CRASHES) {
        this.#send();
        return;
      }
    }
    const why = messageOf(error);
    if (this.#stalledWhy === null) {
      this.#parts.onStalled(why);
    }
    this.#stalledWhy = why;
    this.#waiting = this.#refuse(this.#waiting, why);
    if (this.#ambiguous) {
      // It may be written already, so it must stay as it is until that is known.
      for (const entry of this.#inFlight) {
        entry.givenUp ||= entry.durable !== null;
        entry.durable?.reject(notRecorded(why));
        entry.durable = null;
      }
    } else {
      const kept = this.#refuse(this.#inFlight, why);
      for (const entry of kept) {
        entry.sent = false;
      }
      this.#waiting = [...kept, ...this.#waiting];
      this.#inFlight = [];
    }
    this.#retry = this.#parts.clock.after(this.#parts.retryMs, () => this.#tryAgain());
  }

  #tryAgain(): void {
    this.#retry = null;
    if (this.#inFlight.length > 0) {
      this.#send();
    } else if (this.#waiting.length > 0) {
      this.#due = true;
      this.#pump();
    } else {
      // Nothing is kept, so whether writing works again is tried with an empty batch.
      this.#send();
    }
  }

  /** Tells the callers of durable events that these are not recorded, and takes the events out; returns the others. */
  #refuse(entries: readonly Entry[], why: string): Entry[] {
    const kept = entries.filter((entry) => entry.durable === null);
    for (const entry of entries) {
      if (entry.durable !== null) {
        this.#chars -= entry.chars;
        entry.durable.reject(notRecorded(why));
      }
    }
    this.#finish(entries.length - kept.length);
    return kept;
  }
}

function charsOf(event: AuditEvent): number {
  return (event.text?.length ?? 0) + (event.digestOf?.length ?? 0);
}

function notRecorded(why: string): GatewayError {
  return new GatewayError('STORE_FAILED', 'gateway', `the audit log cannot be written: ${why}`);
}

/** The record of an outcome by itself: about the same action, without repeating its request. */
function settledEvent(event: AuditEvent, timeMs: number): AuditEvent {
  return {
    type: 'action.settled',
    timeMs,
    agent: event.agent,
    session: event.session,
    actionId: event.actionId,
    endpoint: event.endpoint,
    family: event.family,
    factsJson: null,
    risk: event.risk,
    verdict: '',
    rule: '',
    approvers: NOBODY,
    by: 'gateway',
    reason: '',
    summary: event.summary,
    text: null,
    textComplete: true,
    digest: event.digest,
    digestOf: null,
    data: null,
  };
}

const NOBODY: readonly string[] = [];
