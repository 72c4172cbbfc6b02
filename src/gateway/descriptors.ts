// How many file descriptors this process may open, and how many client connections that allows.
import { readFileSync } from 'node:fs';

/** Kept for the store, the log, workers, the control socket and what operators do. */
const RESERVED = 128;
/** A connection has a client and an upstream. */
const PER_CONNECTION = 2;

/** Connections that fit under the limit; infinite where the limit is not known. */
export function maxConnections(limits: string): number {
  const match = /^Max open files\s+(\d+|unlimited)/m.exec(limits);
  const soft = match?.[1];
  if (soft === undefined || soft === 'unlimited') {
    return Number.POSITIVE_INFINITY;
  }
  return Math.max(1, Math.floor((Number(soft) - RESERVED) / PER_CONNECTION));
}

/** The same for this process. */
export function readMaxConnections(): number {
  try {
    return maxConnections(readFileSync('/proc/self/limits', 'latin1'));
  } catch {
    // Not Linux: the system itself refuses what is too much.
    return Number.POSITIVE_INFINITY;
  }
}
