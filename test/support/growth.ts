// How the cost of a piece of work grows with its size, without a word on how fast the machine is or what else it does.

const RUNS = 5;
const ROUNDS = 4;
/** Below this a run is too short to be told from the clock's own steps. */
const FLOOR_MS = 0.5;
/** For eight times the size: 8 is linear, 64 quadratic. */
export const LINEAR: number = 24;

/**
 * How many times the processor time of `size` eight times as much takes; the least of several runs each. The time is that of the whole
 * process: while a thread of another test is at work, more runs are made.
 */
export function growth(size: number, run: (size: number) => unknown): number {
  let [small, large] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < ROUNDS && !(large / Math.max(small, FLOOR_MS) < LINEAR); round += 1) {
    small = Math.min(
      small,
      least(() => run(size)),
    );
    large = Math.min(
      large,
      least(() => run(8 * size)),
    );
  }
  return large / Math.max(small, FLOOR_MS);
}

function least(run: () => unknown): number {
  const times = Array.from({ length: RUNS }, () => {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...times);
}
