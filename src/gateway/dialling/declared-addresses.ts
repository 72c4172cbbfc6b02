// Where declared hosts are: looked up as the dialler looks them up, so that a declared host which is dialled by its address is recognised.
import { isIP } from 'node:net';
import type { Clock } from '../../lib/clock.ts';
import { Lru } from '../../lib/lru.ts';
import { canonicalIp } from './addresses.ts';

/** How long an answer counts as fresh. */
const FRESH_MS = 30_000;
/** Names with many addresses tell a few of them at a time: one that was seen stays the name's for this long. */
const KEPT_MS = 3_600_000;
const MAX_KEPT = 20_000;
/** Look-ups at a time. */
const PARALLEL = 32;

export interface DeclaredAddressesParts {
  readonly clock: Clock;
  readonly hosts: () => readonly string[];
  /** Rejects when nothing could be learned; a name that does not exist has no addresses. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
}

export interface DeclaredAddresses {
  /** The declared host that has that address; `unclear` while the addresses of one cannot be learned. Never rejects. */
  find(ip: string): Promise<{ readonly host: string | null; readonly unclear: string | null }>;
}

/** Nothing is looked up before somebody asks. */
export function createDeclaredAddresses(parts: DeclaredAddressesParts): DeclaredAddresses {
  return new LookedUp(parts);
}

class LookedUp implements DeclaredAddresses {
  readonly #parts: DeclaredAddressesParts;
  readonly #kept = new Lru<string, { readonly host: string; readonly atMs: number }>(MAX_KEPT);
  readonly #askedMs = new Map<string, number>();
  readonly #failed = new Set<string>();
  #refreshing: Promise<void> | null = null;

  constructor(parts: DeclaredAddressesParts) {
    this.#parts = parts;
  }

  async find(ip: string): Promise<{ readonly host: string | null; readonly unclear: string | null }> {
    const hosts = this.#parts.hosts();
    const nowMs = this.#parts.clock.monotonicMs();
    const stale = hosts.filter((host) => nowMs - (this.#askedMs.get(host) ?? Number.NEGATIVE_INFINITY) > FRESH_MS);
    if (stale.length > 0) {
      this.#refreshing ??= this.#refresh(stale);
      // One that was never looked up is waited for; the others are known well enough until the answer comes.
      if (stale.some((host) => !this.#askedMs.has(host) || this.#failed.has(host))) {
        await this.#refreshing;
      }
    }
    const found = this.#kept.find(canonicalIp(ip));
    const isKnown = found !== null && nowMs - found.atMs < KEPT_MS && hosts.includes(found.host);
    return {
      host: isKnown ? found.host : null,
      unclear: hosts.find((host) => this.#failed.has(host) || !this.#askedMs.has(host)) ?? null,
    };
  }

  async #refresh(hosts: readonly string[]): Promise<void> {
    const left = [...hosts];
    const worker = async (): Promise<void> => {
      for (let host = left.pop(); host !== undefined; host = left.pop()) {
        await this.#lookUp(host);
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, worker));
    this.#refreshing = null;
    const current = new Set(this.#parts.hosts());
    for (const host of this.#askedMs.keys()) {
      if (!current.has(host)) {
        this.#askedMs.delete(host);
        this.#failed.delete(host);
      }
    }
  }

  async #lookUp(host: string): Promise<void> {
    try {
      const addresses = isIP(host) === 0 ? await this.#parts.resolve(host) : [host];
      const atMs = this.#parts.clock.monotonicMs();
      addresses.forEach((ip) => this.#kept.put(canonicalIp(ip), { host, atMs }));
      this.#failed.delete(host);
    } catch {
      this.#failed.add(host);
    }
    this.#askedMs.set(host, this.#parts.clock.monotonicMs());
  }
}
