// Records refusals and denials, which an agent can produce without limit and which nothing waits for. Up to a rate each one gets its
// own record; beyond it, and while the store takes nothing, they are counted and summarised with a digest, never dropped silently.
import { createHash } from 'node:crypto';
import { createEvent } from '../../audit/event.ts';
import type { AuditEvent } from '../../audit/event.ts';
import type { AuditLog } from '../../audit/log.ts';
import type { Clock } from '../../lib/clock.ts';

/** Own records per device: a burst, refilled at this many a second. */
const BURST = 5_000;
const PER_SECOND = 500;
/** Devices that have a budget and summaries of their own; any others share one. */
const MAX_SOURCES = 2_000;
/** How long denials are gathered before their summary is written. */
const SUMMARY_MS = 1_000;

/** Takes what has to be recorded but waits for nobody. */
export interface Recorder {
  record(event: AuditEvent): void;
  /** Writes the summaries that are still open; for a stop. */
  flush(): void;
  /** Events that did not get a record of their own since the start. */
  readonly summarised: number;
}

interface Source {
  tokens: number;
  filledMs: number;
}

interface Summary {
  readonly first: AuditEvent;
  count: number;
  /** Digest over the id and digest of every summarised event, in order. */
  digest: string;
}

export function createRecorder({ audit, clock }: { audit: AuditLog; clock: Clock }): Recorder {
  return new BoundedRecorder(audit, clock);
}

class BoundedRecorder implements Recorder {
  readonly #audit: AuditLog;
  readonly #clock: Clock;
  readonly #sources = new Map<string, Source>();
  readonly #summaries = new Map<string, Summary>();
  #summarised = 0;
  #scheduled = false;

  constructor(audit: AuditLog, clock: Clock) {
    this.#audit = audit;
    this.#clock = clock;
  }

  get summarised(): number {
    return this.#summarised;
  }

  record(event: AuditEvent): void {
    if (!this.#takeToken(event.agent?.device ?? '') || this.#audit.append(event) === null) {
      this.#summarise(event);
    }
  }

  flush(): void {
    this.#scheduled = false;
    for (const [key, summary] of this.#summaries) {
      if (this.#audit.append(summaryEvent(summary, this.#clock.now())) === null) {
        // The store takes nothing: what is counted stays counted, and is tried again.
        this.#schedule();
        return;
      }
      this.#summaries.delete(key);
    }
    this.#forgetFull();
  }

  #takeToken(device: string): boolean {
    const key = this.#sources.has(device) || this.#sources.size < MAX_SOURCES ? device : '';
    const nowMs = this.#clock.monotonicMs();
    const source = this.#sources.get(key) ?? { tokens: BURST, filledMs: nowMs };
    this.#sources.set(key, source);
    source.tokens = tokensAt(source, nowMs);
    source.filledMs = nowMs;
    if (source.tokens < 1) {
      return false;
    }
    source.tokens -= 1;
    return true;
  }

  #summarise(event: AuditEvent): void {
    this.#summarised += 1;
    const profile = event.agent?.profile ?? '';
    const own = `${profile}\n${event.type}\n${event.agent?.device ?? ''}\n${event.endpoint}`;
    // Beyond the cap everything of a profile shares the summary of whoever was first beyond it: who sees one profile sees no other's counts.
    const key = this.#summaries.has(own) || this.#summaries.size < MAX_SOURCES ? own : profile;
    const summary = this.#summaries.get(key) ?? { first: event, count: 0, digest: '' };
    this.#summaries.set(key, summary);
    summary.count += 1;
    summary.digest = createHash('sha256')
      .update(`${summary.digest}\n${event.actionId ?? ''}\n${event.digest}\n${event.reason}`)
      .digest('hex');
    this.#schedule();
  }

  #schedule(): void {
    if (!this.#scheduled) {
      this.#scheduled = true;
      this.#clock.after(SUMMARY_MS, () => this.flush());
    }
  }

  /** Devices whose budget is full again need no entry. */
  #forgetFull(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [device, source] of this.#sources) {
      if (tokensAt(source, nowMs) >= BURST) {
        this.#sources.delete(device);
      }
    }
  }
}

function tokensAt(source: Source, nowMs: number): number {
  return Math.min(BURST, source.tokens + ((nowMs - source.filledMs) / 1000) * PER_SECOND);
}

function summaryEvent({ first, count, digest }: Summary, timeMs: number): AuditEvent {
  return createEvent(first.type, timeMs, {
    agent: first.agent,
    endpoint: first.endpoint,
    family: first.family,
    verdict: first.verdict,
    rule: first.rule,
    reason: first.reason,
    summary: `${count} more like this, not recorded one by one`,
    digest,
    data: { summarised: count, first_action: first.actionId, since_ms: first.timeMs },
  });
}
