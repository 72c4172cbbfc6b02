// The beginning of a connection: all up to a mark, within a time and a bound.
import type { Socket } from 'node:net';

export interface Beginning {
  /** What ends it; it belongs to it. */
  readonly mark: string;
  readonly maxBytes: number;
  readonly withinMs: number;
}

/**
 * Calls `then` once with what came up to the mark, read as Latin-1, and leaves the socket paused with what follows still in it. A connection
 * that says more than `maxBytes` without the mark, or nothing whole in time, is ended without a word.
 */
export function readUntil(
  socket: Socket,
  { mark, maxBytes, withinMs }: Beginning,
  then: (beginning: string) => void,
): void {
  let held: Buffer = Buffer.alloc(0);
  const limit = setTimeout(() => socket.destroy(), withinMs);
  const onData = (chunk: Buffer): void => {
    held = Buffer.concat([held, chunk]);
    const at = held.indexOf(mark);
    if (at === -1 && held.length <= maxBytes) {
      return;
    }
    clearTimeout(limit);
    socket.off('data', onData);
    socket.pause();
    if (at === -1) {
      socket.destroy();
      return;
    }
    const end = at + mark.length;
    // Before anything is waited for: a stream that has ended meanwhile takes nothing back.
    if (end < held.length) {
      socket.unshift(held.subarray(end));
    }
    then(held.toString('latin1', 0, end));
  };
  socket.on('data', onData);
  socket.once('close', () => clearTimeout(limit));
}
