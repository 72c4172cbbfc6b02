// Chains of references of which each block has at most one.

/** The members of the cycle that `start` belongs to, from `start` on, or null. */
export function findCycle(start: string, next: ReadonlyMap<string, string>): readonly string[] | null {
  const path = [start];
  for (let at = next.get(start); at !== undefined; at = next.get(at)) {
    if (at === start) {
      return path;
    }
    if (path.includes(at)) {
      return null;
    }
    path.push(at);
  }
  return null;
}
