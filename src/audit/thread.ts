// A worker thread that answers calls. The two ends of it: `startThread` in the main thread, `answerCalls` in the worker's entry.
import { parentPort } from 'node:worker_threads';
import type { Worker } from 'node:worker_threads';
import { messageOf } from '../lib/errors.ts';

/** Starts a worker on one of the audit entries. A part, so that a test can hold the worker in its hands. */
export type SpawnWorker = (entry: URL, workerData: unknown) => Worker;

/** What a thread can be asked: plain functions of plain values. */
type Calls<T> = { readonly [K in keyof T]: (argument: never) => unknown };

/** The thread ended (or was never up) before it answered: whether the call was done is not known. */
export class ThreadGoneError extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'ThreadGoneError';
  }
}

interface Call {
  readonly call: number;
  readonly name: string;
  readonly argument: unknown;
}

type Answer =
  | { readonly call: number; readonly ok: true; readonly value: unknown }
  | { readonly call: number; readonly ok: false; readonly message: string };

export interface Thread<T extends Calls<T>> {
  /** The worker's answer. Rejects with the worker's own error, or with ThreadGoneError. Calls are answered in order. */
  call<K extends keyof T & string>(name: K, argument: Parameters<T[K]>[0]): Promise<ReturnType<T[K]>>;
  /** Ends the thread without waiting for what it does. */
  end(): Promise<void>;
}

/** `onGone` is called once, when the thread has ended for whatever reason other than `end()`. */
export function startThread<T extends Calls<T>>(worker: Worker, onGone: (why: string) => void): Thread<T> {
  const link = new Link(worker, onGone);
  return {
    // What comes back is what the worker's function of that name returned: `answerCalls` is given the same table of types.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    call: (name, argument) => link.call(name, argument) as Promise<never>,
    end: () => link.end(),
  };
}

interface Waiter {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

class Link {
  readonly #worker: Worker;
  readonly #onGone: (why: string) => void;
  readonly #waiting = new Map<number, Waiter>();
  #lastCall = 0;
  #gone: string | null = null;
  #ending = false;

  constructor(worker: Worker, onGone: (why: string) => void) {
    this.#worker = worker;
    this.#onGone = onGone;
    worker.on('message', (answer: Answer) => this.#answered(answer));
    worker.on('error', (error) => this.#leave(messageOf(error)));
    worker.on('exit', (code) => this.#leave(`the thread ended with code ${code}`));
    // An idle thread does not keep the process alive; one that owes an answer does.
    worker.unref();
  }

  call(name: string, argument: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#gone !== null) {
        reject(new ThreadGoneError(this.#gone));
        return;
      }
      this.#lastCall += 1;
      this.#waiting.set(this.#lastCall, { resolve, reject });
      this.#worker.ref();
      const message: Call = { call: this.#lastCall, name, argument };
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window: there is no origin
      this.#worker.postMessage(message);
    });
  }

  async end(): Promise<void> {
    this.#ending = true;
    await this.#worker.terminate();
    this.#leave('the thread was ended');
  }

  #answered(answer: Answer): void {
    const waiter = this.#waiting.get(answer.call);
    this.#waiting.delete(answer.call);
    // terminate() holds the process until the thread has ended; an answer that comes meanwhile must not let go.
    if (this.#waiting.size === 0 && !this.#ending) {
      this.#worker.unref();
    }
    if (answer.ok) {
      waiter?.resolve(answer.value);
    } else {
      waiter?.reject(new Error(answer.message));
    }
  }

  #leave(why: string): void {
    if (this.#gone !== null) {
      return;
    }
    this.#gone = why;
    const left = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const waiter of left) {
      waiter.reject(new ThreadGoneError(why));
    }
    if (!this.#ending) {
      this.#onGone(why);
    }
  }
}

/** In the worker: answers each call with what the function of that name returns, in order. What it throws becomes the caller's error. */
export function answerCalls<T extends Calls<T>>(calls: T): void {
  const port = parentPort;
  if (port === null) {
    throw new Error('this file is the entry of a worker thread');
  }
  const table = new Map<string, (argument: never) => unknown>(Object.entries(calls));
  port.on('message', ({ call, name, argument }: Call & { readonly argument: never }) => {
    let message: Answer;
    try {
      message = { call, ok: true, value: table.get(name)?.(argument) };
    } catch (error) {
      message = { call, ok: false, message: messageOf(error) };
    }
    port.postMessage(message);
  });
}
