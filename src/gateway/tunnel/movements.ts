// Notices that a peer is heard from elsewhere. A machine that moves goes from place to place; a key that is in two machines comes back, again and
// again, to a place that it has just left, because WireGuard answers whoever spoke last (attacks DP-21). Pure.
import type { PeerState } from '../../devices/wireguard.ts';

/** Coming back within this time is taken for a second machine: a port of an address translation is not given twice so soon. */
const RETURN_MS = 600_000;
/** Places of one peer that are remembered. */
const MAX_LEFT = 8;

export interface Movement {
  readonly publicKey: string;
  /** `host:port`. */
  readonly from: string;
  readonly to: string;
  /** Two machines have the key, by all appearances. Told once in ten minutes for a key. */
  readonly isShared: boolean;
}

interface Trace {
  readonly at: string;
  /** When each place was left. */
  readonly left: ReadonlyMap<string, number>;
  readonly toldMs: number;
}

export class Movements {
  #traces: ReadonlyMap<string, Trace> = new Map();

  /** What has changed since the last look; peers that are gone are forgotten. */
  note(peers: readonly Pick<PeerState, 'publicKey' | 'outerAddress'>[], nowMs: number): readonly Movement[] {
    const found: Movement[] = [];
    const next = new Map<string, Trace>();
    for (const { publicKey, outerAddress } of peers) {
      const before = this.#traces.get(publicKey);
      if (outerAddress === null) {
        continue;
      }
      if (before === undefined || before.at === outerAddress) {
        next.set(publicKey, before ?? { at: outerAddress, left: new Map(), toldMs: Number.NEGATIVE_INFINITY });
        continue;
      }
      const leftMs = before.left.get(outerAddress);
      const isReturn = leftMs !== undefined && nowMs - leftMs < RETURN_MS;
      const isNews = !isReturn || nowMs - before.toldMs >= RETURN_MS;
      if (isNews) {
        found.push({ publicKey, from: before.at, to: outerAddress, isShared: isReturn });
      }
      const left = [...before.left].filter(([place]) => place !== before.at && place !== outerAddress);
      next.set(publicKey, {
        at: outerAddress,
        left: new Map([...left, [before.at, nowMs] as const].slice(-MAX_LEFT)),
        toldMs: isReturn && isNews ? nowMs : before.toldMs,
      });
    }
    this.#traces = next;
    return found;
  }
}
