// Long texts are analysed in a thread of their own, so that one connection cannot stall the others; a text that takes too long
// costs the thread, and is opaque.
import { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../../../lib/clock.ts';
import type { TextOutline } from '../../sql/outline.ts';
import type { WalkOptions } from './walk.ts';

/** Texts that wait for the thread; more than this are opaque at once. */
const MAX_WAITING = 64;
const MAX_WORKER_HEAP_MB = 512;
/** What a new thread gets beside a text's own time: it loads the grammar first, which takes seconds on a machine that is overloaded. */
const START_MS = 15_000;

export interface AnalysisRequest {
  readonly id: number;
  readonly text: string;
  readonly options: WalkOptions;
}

export interface AnalysisReply {
  readonly id: number;
  readonly outline: TextOutline;
}

export interface AnalysisThread {
  /** Null when the thread could not do it in time. Never rejects. */
  analyse(text: string, options: WalkOptions): Promise<TextOutline | null>;
  close(): Promise<void>;
}

interface Waiting {
  readonly request: AnalysisRequest;
  readonly done: (outline: TextOutline | null) => void;
}

export function createAnalysisThread(parts: { readonly clock: Clock; readonly deadlineMs: number }): AnalysisThread {
  return new Thread(parts.clock, parts.deadlineMs);
}

class Thread implements AnalysisThread {
  readonly #clock: Clock;
  readonly #deadlineMs: number;
  readonly #waiting: Waiting[] = [];
  #worker: Worker | null = null;
  #running: { readonly item: Waiting; readonly timer: Timer } | null = null;
  #nextId = 1;

  constructor(clock: Clock, deadlineMs: number) {
    this.#clock = clock;
    this.#deadlineMs = deadlineMs;
  }

  analyse(text: string, options: WalkOptions): Promise<TextOutline | null> {
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.resolve(null);
    }
    return new Promise((done) => {
      const request = { id: this.#nextId, text, options: { readOnly: options.readOnly, trusted: options.trusted } };
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
    const worker = new Worker(new URL('./worker.js', import.meta.url), {
      // Flags of the main thread (a script given as text) do not apply to a file.
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: MAX_WORKER_HEAP_MB },
    });
    worker.on('message', (reply: AnalysisReply) => {
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

  #finish(outline: TextOutline | null): void {
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
