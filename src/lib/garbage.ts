// How V8 is asked to look after the heap of a daemon that passes bytes on: two things that its defaults, made for programs that compute,
// do badly here.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Dead chunks before they are given back. Well below what V8 lets grow before it marks everything that lives: 64 MiB outside its heap, or
 * half of what lives (`boundOldGarbage`), which is some 20 MiB in a daemon at rest.
 */
const STEP_BYTES = 12 * 1024 * 1024;

/**
 * To be told the size of every chunk that was read from a socket. Bytes that pass through are garbage at once, and V8 notices late: a
 * chunk of 16 KiB costs its young generation a few hundred bytes, so tens of MiB of dead chunks are there before that is full, and then V8
 * marks everything that lives: ten times a second while a large body passes, and that costs as much as passing it. Emptying the young
 * generation before that takes a millisecond and gives the chunks back. One count for the process, as there is one heap.
 */
export const countPassed: (sizeBytes: number) => void = createCount(getCollector());

/** Calls `collect` each time that another step of bytes has passed. */
export function createCount(collect: () => void): (sizeBytes: number) => void {
  let passedBytes = 0;
  return (sizeBytes) => {
    passedBytes += sizeBytes;
    if (passedBytes >= STEP_BYTES) {
      passedBytes = 0;
      collect();
    }
  };
}

/** V8's own function, which no other code of the process gets to see; where there is none, V8 is left to itself. */
function getCollector(): () => void {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  return typeof gc === 'function' ? () => void Reflect.apply(gc, undefined, [{ type: 'minor' }]) : () => undefined;
}

/**
 * Lets dead objects that have grown old take half of what lives, not three times as much: what waits a moment for the audit log is
 * promoted by V8, and 50 MiB of living heap grew to 200 MiB before it looked. For the process, its threads included.
 */
export function boundOldGarbage(): void {
  setFlagsFromString('--heap-growing-percent=50');
}
