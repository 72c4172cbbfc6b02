// Virtual addresses: each declared name has one number, and with it an IPv4 and an IPv6 address that lead to us. A name keeps its address
// over restarts, and an address is given to another name only when nobody can still hold the old meaning (traps DN-06, DN-10). Pure: what
// must survive is handed to `save`.
import { AGENT_NAME, formatIp, parseIp } from '../../config/hosts.ts';
import type { Cidr } from '../../config/hosts.ts';
import { offsetIn } from './layout.ts';

/** How long after its last use an address may still be in somebody's cache or connection. */
const QUARANTINE_MS = 24 * 3_600_000;
/** Names under wildcards that have an address at the same time: of all devices, and of one, so that none can take them from the others. */
const MAX_WILDCARD_NAMES = 16_384;
const MAX_OF_DEVICE = 1024;

/** A name with its number; what is stored. */
export interface AssignedName {
  readonly name: string;
  readonly number: number;
}

export interface VirtualAddress {
  readonly v4: string;
  readonly v6: string;
}

export interface VirtualAddressParts {
  readonly v4: Cidr;
  readonly v6: Cidr;
  /** What an earlier run stored, oldest first: of two with one name or number the later counts. */
  readonly saved: readonly AssignedName[];
  /** Must be durable when it returns: the address is told afterwards. Throws when it cannot be. */
  readonly save: (assigned: AssignedName) => void;
  readonly nowMs: () => number;
}

interface Entry extends AssignedName {
  usedMs: number;
  /** The device that asked for it first, under a wildcard: it may be taken away again. "": an earlier run's. Null: it is declared itself. */
  wildcardOf: string | null;
}

export class VirtualAddresses {
  readonly #parts: VirtualAddressParts;
  readonly #byName = new Map<string, Entry>();
  readonly #byNumber = new Map<number, Entry>();
  readonly #last: number;
  #next = 1;
  readonly #maxWildcards: number;
  readonly #maxOfDevice: number;
  #wildcards = 0;
  readonly #ofDevice = new Map<string, number>();

  constructor(parts: VirtualAddressParts) {
    this.#parts = parts;
    // The last but one would be the broadcast address of some clients' routes; the last of the IPv4 network decides, as the smaller one.
    this.#last = 2 ** (32 - parts.v4.prefix) - 2;
    // In a small network too there is room for declared names, and for another device's.
    this.#maxWildcards = Math.min(MAX_WILDCARD_NAMES, Math.floor((this.#last * 3) / 4));
    this.#maxOfDevice = Math.min(MAX_OF_DEVICE, Math.ceil(this.#last / 4));
    const nowMs = parts.nowMs();
    for (const { name, number } of parts.saved) {
      if (number >= 1 && number < this.#last) {
        this.#forget(this.#byName.get(name));
        this.#forget(this.#byNumber.get(number));
        // Whether a wildcard brought it is not stored: it is found out when it is asked for again.
        this.#keep({ name, number, usedMs: nowMs, wildcardOf: '' });
        this.#next = Math.max(this.#next, number + 1);
      }
    }
  }

  /**
   * The name's address, given now if it has none. `wildcardOf`: the device that asks for it under a wildcard; null for a declared name. Null
   * when there is no room. Throws what `save` throws.
   */
  assign(name: string, wildcardOf: string | null): VirtualAddress | null {
    if (name === AGENT_NAME) {
      return this.#addressOf(this.#last);
    }
    const nowMs = this.#parts.nowMs();
    const known = this.#byName.get(name);
    if (known !== undefined) {
      known.usedMs = nowMs;
      this.#mark(known, wildcardOf);
      return this.#addressOf(known.number);
    }
    const number = this.#findRoom(wildcardOf, nowMs);
    if (number === null) {
      return null;
    }
    this.#parts.save({ name, number });
    this.#forget(this.#byNumber.get(number));
    this.#keep({ name, number, usedMs: nowMs, wildcardOf });
    return this.#addressOf(number);
  }

  /** The name behind an address. `unassigned`: ours, but nobody's; `other`: not a virtual address. */
  find(ip: string): { readonly kind: 'name'; readonly name: string } | { readonly kind: 'unassigned' | 'other' } {
    const address = parseIp(ip);
    const offset = address === null ? null : offsetIn(address.version === 4 ? this.#parts.v4 : this.#parts.v6, address);
    if (offset === null) {
      return { kind: 'other' };
    }
    if (offset === BigInt(this.#last)) {
      return { kind: 'name', name: AGENT_NAME };
    }
    const entry = offset < BigInt(this.#last) ? this.#byNumber.get(Number(offset)) : undefined;
    if (entry === undefined) {
      return { kind: 'unassigned' };
    }
    entry.usedMs = this.#parts.nowMs();
    return { kind: 'name', name: entry.name };
  }

  get size(): number {
    return this.#byName.size;
  }

  #findRoom(wildcardOf: string | null, nowMs: number): number | null {
    if (wildcardOf !== null) {
      if ((this.#ofDevice.get(wildcardOf) ?? 0) >= this.#maxOfDevice) {
        return this.#findIdle(nowMs, wildcardOf);
      }
      if (this.#wildcards >= this.#maxWildcards) {
        return this.#findIdle(nowMs, null);
      }
    }
    if (this.#next < this.#last) {
      const number = this.#next;
      this.#next += 1;
      return number;
    }
    return this.#findIdle(nowMs, null);
  }

  /** The number of the wildcard's name that was not used for the longest time, if that is long enough; of that device, or of all. */
  #findIdle(nowMs: number, device: string | null): number | null {
    let idle: Entry | null = null;
    for (const entry of this.#byName.values()) {
      const fits = entry.wildcardOf !== null && (device === null || entry.wildcardOf === device);
      if (fits && nowMs - entry.usedMs > QUARANTINE_MS && (idle === null || entry.usedMs < idle.usedMs)) {
        idle = entry;
      }
    }
    return idle?.number ?? null;
  }

  #keep(entry: Entry): void {
    this.#byName.set(entry.name, entry);
    this.#byNumber.set(entry.number, entry);
    this.#count(entry.wildcardOf, 1);
  }

  #forget(entry: Entry | undefined): void {
    if (entry !== undefined) {
      this.#byName.delete(entry.name);
      this.#byNumber.delete(entry.number);
      this.#count(entry.wildcardOf, -1);
    }
  }

  /** It stays on the account of whoever asked first; one of an earlier run has nobody yet. */
  #mark(entry: Entry, wildcardOf: string | null): void {
    if (wildcardOf !== null && entry.wildcardOf !== null && entry.wildcardOf !== '') {
      return;
    }
    this.#count(entry.wildcardOf, -1);
    entry.wildcardOf = wildcardOf;
    this.#count(wildcardOf, 1);
  }

  #count(device: string | null, change: 1 | -1): void {
    if (device === null) {
      return;
    }
    this.#wildcards += change;
    const now = (this.#ofDevice.get(device) ?? 0) + change;
    if (now > 0) {
      this.#ofDevice.set(device, now);
    } else {
      this.#ofDevice.delete(device);
    }
  }

  #addressOf(number: number): VirtualAddress {
    const { v4, v6 } = this.#parts;
    return {
      v4: formatIp({ version: 4, value: v4.base + BigInt(number) }),
      v6: formatIp({ version: 6, value: v6.base + BigInt(number) }),
    };
  }
}
