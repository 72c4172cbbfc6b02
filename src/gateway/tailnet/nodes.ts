// Who the addresses of the tailnet are: asked of the daemon when a connection comes, remembered briefly, and asked again when the tailnet has
// changed. What is remembered is the node; device and profile are looked up anew each time.
import type { DeviceRegistry } from '../../devices/registry.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Agent } from '../../rules/action.ts';
import type { Live } from '../live.ts';
import type { LocalApi } from './local-api.ts';
import { matchesNode } from './values.ts';
import type { TailnetNode } from './values.ts';

const FRESH_MS = 5_000;
/** There are no more devices than these in any tailnet that one gateway carries. */
const MAX_REMEMBERED = 20_000;
/** Addresses of nobody, which whoever is behind a subnet router may send from: they push nobody out but each other. */
const MAX_STRANGERS = 1_000;
/** Questions to the daemon at the same time. */
const AT_ONCE = 16;

export interface NodesParts {
  readonly clock: Clock;
  readonly api: Pick<LocalApi, 'whois'>;
  readonly registry: Pick<DeviceRegistry, 'meet' | 'ofNode'>;
  readonly live: () => Live;
  /** What of a host name may be a device's. */
  readonly name: (host: string) => string;
  readonly left: (ip: string, why: string) => void;
  /** A node that comes for the first time, or carries other networks than before, for others. */
  readonly routes: (ip: string, networks: readonly string[]) => void;
  readonly failed: (error: unknown) => void;
}

export interface Nodes {
  readonly size: number;
  /** The node at that address that may come, or null. */
  find(ip: string): TailnetNode | null;
  /** The agent at that address, as remembered; null without a profile. */
  identify(ip: string): Agent | null;
  /** The profile of a node, or null: none, or more than one without an operator's choice. */
  profileOf(node: TailnetNode): string | null;
  /** Whether a node is an agent's: an operator or a profile says so, also one that is not there (any more), or it was shut out. */
  isAgent(node: TailnetNode): boolean;
  /** Asks who that is, unless it is known. Never rejects; null: it is known. */
  meet(ip: string, port: number): Promise<void> | null;
  /** Asks again about everybody; tells of those who are somebody else now. Rejects when the daemon cannot be asked. */
  refresh(): Promise<void>;
  forget(): void;
}

export function createNodes(parts: NodesParts): Nodes {
  return new RememberedNodes(parts);
}

interface Remembered {
  readonly node: TailnetNode;
  readonly atMs: number;
}

class RememberedNodes implements Nodes {
  readonly #parts: NodesParts;
  readonly #known = new Map<string, Remembered>();
  /** When it was heard that nobody has that address. */
  readonly #strangers = new Map<string, number>();
  readonly #asking = new Map<string, Promise<void>>();

  constructor(parts: NodesParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#known.size;
  }

  find(ip: string): TailnetNode | null {
    const node = this.#known.get(ip)?.node ?? null;
    return node !== null && this.#mayCome(node) ? node : null;
  }

  identify(ip: string): Agent | null {
    const node = this.find(ip);
    const device = node === null ? null : this.#parts.registry.ofNode(node.stableId);
    const profile = node === null ? null : this.profileOf(node);
    return device === null || profile === null
      ? null
      : { device: device.name, profile, run: '', user: device.user, ip, transport: 'tailscale' };
  }

  profileOf(node: TailnetNode): string | null {
    const { live, registry } = this.#parts;
    const given = registry.ofNode(node.stableId)?.profile ?? '';
    if (given !== '') {
      return live().profiles.has(given) ? given : null;
    }
    const named = live().config.profiles.filter(({ tailscale }) => tailscale.some((entry) => matchesNode(entry, node)));
    return named.length === 1 ? (named[0]?.name ?? null) : null;
  }

  isAgent(node: TailnetNode): boolean {
    const { live, registry } = this.#parts;
    const device = registry.ofNode(node.stableId);
    return (
      device === null ||
      device.profile !== '' ||
      live().config.profiles.some(({ tailscale }) => tailscale.some((entry) => matchesNode(entry, node)))
    );
  }

  meet(ip: string, port: number): Promise<void> | null {
    const atMs = this.#known.get(ip)?.atMs ?? this.#strangers.get(ip);
    if (atMs !== undefined && this.#parts.clock.monotonicMs() - atMs < FRESH_MS) {
      return null;
    }
    const asking = this.#asking.get(ip) ?? this.#meetOne(ip, port);
    this.#asking.set(ip, asking);
    return asking;
  }

  async refresh(): Promise<void> {
    const ips = [...this.#known.keys()];
    for (let at = 0; at < ips.length; at += AT_ONCE) {
      await Promise.all(ips.slice(at, at + AT_ONCE).map((ip) => this.#ask(ip, 0)));
    }
  }

  forget(): void {
    this.#known.clear();
    this.#strangers.clear();
  }

  /** Never rejects: who cannot be asked about is nobody. */
  async #meetOne(ip: string, port: number): Promise<void> {
    try {
      await this.#ask(ip, port);
    } catch (error) {
      this.#parts.failed(error);
      this.#remember(ip, null);
    }
    this.#asking.delete(ip);
  }

  async #ask(ip: string, port: number): Promise<void> {
    const { api, registry, name } = this.#parts;
    const node = await api.whois(ip, port);
    if (node !== null && this.#mayCome(node)) {
      try {
        registry.meet({ node: node.stableId, name: name(node.name), user: node.user });
      } catch (error) {
        this.#parts.failed(error);
      }
    }
    this.#remember(ip, node !== null && this.#mayCome(node) ? node : null);
  }

  #remember(ip: string, node: TailnetNode | null): void {
    const { clock, left, routes } = this.#parts;
    const before = this.#known.get(ip)?.node ?? null;
    const atMs = clock.monotonicMs();
    this.#known.delete(ip);
    this.#strangers.delete(ip);
    if (node === null) {
      this.#strangers.set(ip, atMs);
      dropOldest(this.#strangers, MAX_STRANGERS);
    } else {
      this.#known.set(ip, { node, atMs });
      const oldest = dropOldest(this.#known, MAX_REMEMBERED);
      if (oldest !== null) {
        left(oldest, 'its node was not heard of for long');
      }
    }
    if (before !== null && !isSame(before, node)) {
      left(ip, node === null ? 'its node is not in the tailnet any more' : 'its node has changed');
    }
    if (node !== null && node.routes.length > 0 && before?.routes.join() !== node.routes.join()) {
      routes(ip, node.routes);
    }
  }

  #mayCome({ expired, expiresMs }: TailnetNode): boolean {
    return !expired && (expiresMs === null || expiresMs > this.#parts.clock.now());
  }
}

/** The key that had to go so that there are no more than that; null: none. */
function dropOldest(map: Map<string, unknown>, most: number): string | null {
  const [oldest] = map.keys();
  if (map.size <= most || oldest === undefined) {
    return null;
  }
  map.delete(oldest);
  return oldest;
}

function isSame(a: TailnetNode, b: TailnetNode | null): boolean {
  return (
    b !== null &&
    a.stableId === b.stableId &&
    a.user === b.user &&
    a.tags.toSorted().join() === b.tags.toSorted().join()
  );
}
