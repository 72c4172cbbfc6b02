// Long texts are analysed in a thread of their own, so that one connection cannot stall the others; a text that takes too long
// costs the thread, and is opaque.
import { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../../lib/clock.ts';

/** Texts that wait for the thread; more than this are opaque at once. */
const MAX_WAITING = 64;
const MAX_WORKER_HEAP_MB = 512;
/** What a new thread gets beside a text's own time: it loads the grammar first, which takes seconds on a machine that is overloaded. */
const START_MS = 15_000;

export interface AnalysisRequest<Options> {
  readonly id: number;
  readonly text: string;
  /** Plain data. */
  readonly options: Options;
}

export interface AnalysisReply<Outline> {
  readonly id: number;
  readonly outline: Outline;
}

export interface AnalysisThread<Options, Outline> {
  /** Null when the thread could not do it in time. Never rejects. */
  analyse(text: string, options: Options): Promise<Outline | null>;
  close(): Promise<void>;
}

interface Waiting<Options, Outline> {
  readonly request: AnalysisRequest<Options>;
  readonly done: (outline: Outline | null) => void;
}

export interface ThreadParts {
  readonly clock: Clock;
  readonly deadlineMs: number;
  /** The dialect's script, which answers an AnalysisRequest with an AnalysisReply. */
  readonly script: URL;
}

export function createAnalysisThread<Options, Outline>(parts: ThreadParts): AnalysisThread<Options, Outline> {
  return new Thread<Options, Outline>(parts);
}

class Thread<Options, Outline> implements AnalysisThread<Options, Outline> {
  readonly #clock: Clock;
  readonly #deadlineMs: number;
  readonly #script: URL;
  readonly #waiting: Waiting<Options, Outline>[] = [];
  #worker: Worker | null = null;
  #running: { readonly item: Waiting<Options, Outline>; readonly timer: Timer } | null = null;
  #nextId = 1;

  constructor({ clock, deadlineMs, script }: ThreadParts) {
    this.#clock = clock;
    this.#deadlineMs = deadlineMs;
    this.#script = script;
  }

  analyse(text: string, options: Options): Promise<Outline | null> {
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.resolve(null);
    }
    return new Promise((done) => {
      const request = { id: this.#nextId, text, options };
      this.#nextId += 1;
      this.#waiting.push({ request, done });
      this.#next();
    });
  }

  async close(): Promise<void> {
    for (const item of this.#waiting.splice(0)) {
      item.done(null);
    }
    await this.#stop();
  }

  /** Gives the thread its next text when it is idle. */
  #next(): void {
    if (this.#running !== null) {
      return;
    }
    const item = this.#waiting.shift();
    if (item === undefined) {
      return;
    }
    const limitMs = this.#worker === null ? START_MS + this.#deadlineMs : this.#deadlineMs;
    this.#worker ??= this.#start();
    const timer = this.#clock.after(limitMs, () => this.#fail());
    this.#running = { item, timer };
    this.#worker.ref();
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window: there is no origin
    this.#worker.postMessage(item.request);
  }

  #start(): Worker {
    const worker = new Worker(this.#script, {
      // Flags of the main thread (a script given as text) do not apply to a file.
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: MAX_WORKER_HEAP_MB },
    });
    worker.on('message', (reply: AnalysisReply<Outline>) => {
      if (worker === this.#worker && reply.id === this.#running?.item.request.id) {
        this.#finish(reply.outline);
      }
    });
    const lost = (): void => {
      if (worker === this.#worker) {
        this.#fail();
      }
    };
    worker.on('error', lost);
    worker.on('exit', lost);
    // After the listeners: adding one for messages keeps the process alive.
    worker.unref();
    return worker;
  }

  #finish(outline: Outline | null): void {
    const running = this.#running;
    this.#running = null;
    running?.timer.cancel();
    this.#worker?.unref();
    running?.item.done(outline);
    this.#next();
  }

  /** The text took too long or broke the thread: the thread is given up, the text is opaque, the others go on. */
  #fail(): void {
    // Nobody waits for the old thread to end: it holds nothing of ours.
    this.#stop().catch(() => undefined);
    this.#finish(null);
  }

  async #stop(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    if (this.#running !== null) {
      const { item, timer } = this.#running;
      this.#running = null;
      timer.cancel();
      item.done(null);
    }
    await worker?.terminate();
  }
}
