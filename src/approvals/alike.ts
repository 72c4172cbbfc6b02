// Equal requests of one agent are one question with a count, so that people are not asked fifty times for the same. Each keeps its own
// approval: what a vote says of the first it says of as many of the others as the voter was shown.
import type { Item } from './item.ts';

export class AlikeGroups {
  /** Waiting items by what makes them alike, oldest first. */
  readonly #groups = new Map<string, Item[]>();

  /** Adds one. Gives the item that stands for the group, when that is another. */
  join(item: Item): Item | null {
    const group = this.#groups.get(item.alike);
    if (group === undefined) {
      this.#groups.set(item.alike, [item]);
      return null;
    }
    group.push(item);
    return recount(group);
  }

  /** Takes one out. Gives what stands for the rest now, and whether it did so before. */
  leave(item: Item): { readonly first: Item; readonly before: boolean } | null {
    const group = this.#groups.get(item.alike) ?? [];
    const index = group.indexOf(item);
    if (index >= 0) {
      group.splice(index, 1);
    }
    const first = recount(group);
    if (first === null) {
      this.#groups.delete(item.alike);
      return null;
    }
    return { first, before: index !== 0 };
  }

  isFirst(item: Item): boolean {
    return item.approval.state === 'pending' && this.#groups.get(item.alike)?.[0] === item;
  }

  /** Up to so many that came after this one. */
  after(item: Item, atMost: number): readonly Item[] {
    const group = this.#groups.get(item.alike) ?? [];
    const index = group.indexOf(item);
    return index < 0 ? [] : group.slice(index + 1, index + 1 + Math.max(0, atMost));
  }
}

function recount(group: readonly Item[]): Item | null {
  const [first] = group;
  if (first === undefined) {
    return null;
  }
  first.approval = { ...first.approval, alike: group.length };
  return first;
}

/** How many of each there are; what there is none of takes no room. */
export class Counts {
  readonly #counts = new Map<string, number>();

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  add(name: string, change: 1 | -1): void {
    const count = this.of(name) + change;
    if (count <= 0) {
      this.#counts.delete(name);
    } else {
      this.#counts.set(name, count);
    }
  }
}
