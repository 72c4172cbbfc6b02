// How many connections there may be at the same time: of all, and of each device. Pure.

export interface PlaceLimits {
  readonly connections: number;
  readonly connectionsPerDevice: number;
}

/** Counts connections of every kind together. */
export class Places {
  readonly #limits: () => PlaceLimits;
  readonly #perDevice = new Map<string, number>();
  #total = 0;

  constructor(limits: () => PlaceLimits) {
    this.#limits = limits;
  }

  /** Why there is no room for one more of that device, or null. */
  findRefusal(device: string): string | null {
    const { connections, connectionsPerDevice } = this.#limits();
    if (this.#total >= connections) {
      return 'too many connections';
    }
    return (this.#perDevice.get(device) ?? 0) >= connectionsPerDevice ? 'too many connections of this device' : null;
  }

  take(device: string): void {
    this.#total += 1;
    this.#perDevice.set(device, (this.#perDevice.get(device) ?? 0) + 1);
  }

  free(device: string): void {
    const left = (this.#perDevice.get(device) ?? 1) - 1;
    this.#total -= 1;
    if (left > 0) {
      this.#perDevice.set(device, left);
    } else {
      this.#perDevice.delete(device);
    }
  }
}
