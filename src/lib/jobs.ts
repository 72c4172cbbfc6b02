// Recurring work, in one place: what is registered here runs in its turn, and can be asked when it last ran, how it ended, and whether it is late.
// A watchdog that nothing starts is worse than none (traps TR-07).
import type { Clock, Timer } from './clock.ts';
import { messageOf } from './errors.ts';

/** How a job stands. */
export interface JobState {
  readonly name: string;
  readonly everyMs: number;
  /** End of its last run, wall clock (milliseconds since the epoch); null: it has not run yet. */
  readonly lastRunMs: number | null;
  /** What its last run failed with, or null. */
  readonly lastError: string | null;
  /** It should have run again by now, with as long again to spare. */
  readonly late: boolean;
}

export interface JobPlan {
  /** As people read it; two jobs may have the same. */
  readonly name: string;
  /** From the end of one run to the next; asked for anew each time, since a reload may change it. */
  readonly everyMs: () => number;
  /** Until the first run; 0 = before `every` returns. Left out: `everyMs`. */
  readonly firstMs?: number;
  /** One run; what it throws is noted, and the next one comes all the same. A number is the time until the next run, this once. */
  readonly work: () => Promise<number | void> | number | void;
}

export interface Job {
  /** Runs after so long in place of its turn; while it is at work, so long after that. 0 = at once. */
  runAfter(delayMs: number): void;
  /** No more runs; one that is at work comes to its end. */
  stop(): void;
}

export interface Jobs {
  every(plan: JobPlan): Job;
  /** Those that have not been stopped, in the order in which they began. */
  list(): readonly JobState[];
}

/** No job counts as late before this: a busy machine is no fault. */
const SPARE_MS = 30_000;

export function createJobs(clock: Clock): Jobs {
  const jobs = new Set<RunningJob>();
  return {
    every(plan) {
      const job = new RunningJob(plan, clock, () => jobs.delete(job));
      jobs.add(job);
      job.runAfter(plan.firstMs ?? plan.everyMs());
      return job;
    },
    list: () => [...jobs].map((job) => job.state),
  };
}

class RunningJob implements Job {
  readonly #plan: JobPlan;
  readonly #clock: Clock;
  readonly #onStop: () => void;
  #timer: Timer | null = null;
  #working = false;
  /** Asked for while it was at work. */
  #wantedMs: number | null = null;
  #stopped = false;
  #lastRunMs: number | null = null;
  #lastError: string | null = null;
  /** When its last run ended, or when it was registered, on the clock that nobody sets. */
  #sinceMs: number;

  constructor(plan: JobPlan, clock: Clock, onStop: () => void) {
    this.#plan = plan;
    this.#clock = clock;
    this.#onStop = onStop;
    this.#sinceMs = clock.monotonicMs();
  }

  get state(): JobState {
    const everyMs = this.#plan.everyMs();
    return {
      name: this.#plan.name,
      everyMs,
      lastRunMs: this.#lastRunMs,
      lastError: this.#lastError,
      late: this.#clock.monotonicMs() - this.#sinceMs > everyMs + Math.max(everyMs, SPARE_MS),
    };
  }

  runAfter(delayMs: number): void {
    if (this.#stopped) {
      return;
    }
    if (this.#working) {
      this.#wantedMs = delayMs;
      return;
    }
    this.#timer?.cancel();
    if (delayMs === 0) {
      // Owned: it never rejects, and arms the next one.
      void this.#run();
    } else {
      this.#timer = this.#clock.after(delayMs, () => void this.#run());
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#onStop();
  }

  async #run(): Promise<void> {
    this.#working = true;
    let nextMs: number | void = undefined;
    try {
      nextMs = await this.#plan.work();
      this.#lastError = null;
    } catch (error) {
      this.#lastError = messageOf(error);
    }
    this.#working = false;
    this.#lastRunMs = this.#clock.now();
    this.#sinceMs = this.#clock.monotonicMs();
    const wantedMs = this.#wantedMs;
    this.#wantedMs = null;
    // Not at once, whatever was asked for: a job that asks for itself would leave nobody else a turn.
    this.runAfter(Math.max(1, wantedMs ?? nextMs ?? this.#plan.everyMs()));
  }
}
