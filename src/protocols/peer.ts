// A stream before the relay has it: read piece by piece, every wait with a deadline and a signal. The pure phases (start-up, login)
// say what the bytes mean; this only moves them.
import type { Duplex } from 'node:stream';
import type { Clock } from '../lib/clock.ts';
import { Appender } from '../lib/gather.ts';

/** A stream that is read piece by piece, with what was read and not used up. */
export class Peer {
  stream: Duplex;
  bytes: Buffer = Buffer.alloc(0);
  readonly #appender = new Appender();

  constructor(stream: Duplex) {
    this.stream = stream;
    // Whoever waits notices errors by the close that follows; nobody else may crash on them.
    stream.on('error', () => undefined);
  }

  /** Waits for more bytes. Rejects when the stream ends or the signal aborts. */
  more(signal: AbortSignal): Promise<void> {
    const { stream } = this;
    return new Promise((resolve, reject) => {
      const done = (error: Error | null): void => {
        stream.off('data', onData);
        stream.off('end', onEnd);
        stream.off('close', onEnd);
        signal.removeEventListener('abort', onAbort);
        if (error === null) {
          resolve();
        } else {
          reject(error);
        }
      };
      const onData = (chunk: Buffer): void => {
        stream.pause();
        this.bytes = this.#appender.append(this.bytes, chunk);
        done(null);
      };
      const onEnd = (): void => done(new Error('the peer closed the connection'));
      const onAbort = (): void => done(abortError(signal));
      if (signal.aborted || stream.destroyed || stream.readableEnded) {
        reject(signal.aborted ? abortError(signal) : new Error('the peer closed the connection'));
        return;
      }
      stream.on('data', onData);
      stream.on('end', onEnd);
      stream.on('close', onEnd);
      signal.addEventListener('abort', onAbort, { once: true });
      stream.resume();
    });
  }

  used(sizeBytes: number): void {
    this.bytes = this.bytes.subarray(sizeBytes);
  }

  /** Gives back what was read too far, for the next reader of the stream. */
  release(): void {
    if (this.bytes.length > 0) {
      this.stream.unshift(this.bytes);
      this.bytes = Buffer.alloc(0);
    }
  }
}

function abortError(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason));
}

/** Runs work under an absolute deadline and an outer signal. The error that the signal carries names the phase. */
export async function within<T>(
  clock: Clock,
  limit: { readonly ms: number; readonly error: Error; readonly outer: AbortSignal },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => controller.abort(limit.outer.reason);
  const timer = clock.after(limit.ms, () => controller.abort(limit.error));
  limit.outer.addEventListener('abort', stop, { once: true });
  if (limit.outer.aborted) {
    stop();
  }
  try {
    return await work(controller.signal);
  } finally {
    timer.cancel();
    limit.outer.removeEventListener('abort', stop);
  }
}

/** Resolves at the event; rejects when the stream fails or closes before, or the signal aborts (then the stream is destroyed). */
export function once(stream: Duplex, event: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null): void => {
      stream.off(event, onEvent);
      stream.off('close', onClose);
      stream.off('error', onError);
      signal.removeEventListener('abort', onAbort);
      stream.on('error', () => undefined);
      if (error === null) {
        resolve();
      } else {
        stream.destroy();
        reject(error);
      }
    };
    const onEvent = (): void => done(null);
    const onClose = (): void => done(new Error('the peer closed the connection'));
    const onError = (error: Error): void => done(error);
    const onAbort = (): void => done(abortError(signal));
    stream.on(event, onEvent);
    stream.on('close', onClose);
    stream.on('error', onError);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) {
      onAbort();
    }
  });
}
