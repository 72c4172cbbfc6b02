// How the cost of a piece of work grows with its size, without a word on how fast the machine is or what else it does.

const RUNS = 5;
/** Below this a run is too short to be told from the clock's own steps. */
const FLOOR_MS = 0.5;
/** For eight times the size: 8 is linear, 64 quadratic. */
export const LINEAR: number = 24;

/** How many times the processor time of `size` eight times as much takes; the least of several runs each. */
export function growth(size: number, run: (size: number) => unknown): number {
  const small = least(() => run(size));
  return least(() => run(8 * size)) / Math.max(small, FLOOR_MS);
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
