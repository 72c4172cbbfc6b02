// Upstreams of an agent that speaks HTTP/2: HTTP/2 where the upstream agrees to it, all streams over one connection a credential; HTTP/1
// otherwise, one connection a request at a time (notes H6).
import type { EndpointConfig } from '../../config/config.ts';
import { messageOf } from '../../lib/errors.ts';
import type { ServeContext } from '../protocol.ts';
import { connectUpstream, type ConnectedUpstream } from './connect.ts';
import { hostValue } from './h1-write.ts';
import { H2Upstream } from './h2-upstream.ts';
import { PendingLeg } from './pending-leg.ts';
import type { Leg, LegEvents, Outgoing, Upstreams } from './sides.ts';
import { H1Upstreams, keyOf } from './upstream.ts';

/** Upstreams over whichever version they agree to. */
export function createUpstreams(context: ServeContext): Upstreams {
  return new AnyUpstreams(context);
}

/** What is known of one destination. */
type Known =
  | { readonly kind: 'h1' }
  | { readonly kind: 'h2'; readonly connection: H2Upstream }
  /** Someone is connecting; who comes meanwhile waits for what it will be. */
  | { readonly kind: 'connecting'; readonly waiting: (() => void)[] };

interface Ask {
  readonly key: string;
  readonly leg: PendingLeg;
  readonly outgoing: Outgoing;
  readonly events: LegEvents;
}

class AnyUpstreams implements Upstreams {
  readonly #context: ServeContext;
  readonly #h1: H1Upstreams;
  readonly #known = new Map<string, Known>();
  readonly #sessions = new Set<H2Upstream>();
  #config: EndpointConfig;
  #closed = false;

  constructor(context: ServeContext) {
    this.#context = context;
    this.#h1 = new H1Upstreams(context);
    this.#config = context.config();
  }

  start(outgoing: Outgoing, events: LegEvents): Leg {
    this.#forgetOutlived();
    const key = keyOf(outgoing);
    const known = this.#known.get(key);
    if (outgoing.request.scheme === 'http' || known?.kind === 'h1') {
      return this.#h1.start(outgoing, events);
    }
    if (known?.kind === 'h2' && known.connection.usable) {
      return known.connection.start(outgoing, events);
    }
    const ask: Ask = { key, leg: new PendingLeg(events), outgoing, events };
    if (known?.kind === 'connecting') {
      known.waiting.push(() => this.#again(ask));
    } else {
      const waiting: (() => void)[] = [];
      this.#known.set(key, { kind: 'connecting', waiting });
      // Owned by the leg: it never rejects, and both outcomes are told to the leg.
      void this.#connect(ask, waiting);
    }
    return ask.leg;
  }

  close(): void {
    this.#closed = true;
    this.#h1.close();
    for (const session of this.#sessions) {
      session.close();
    }
  }

  async #connect(ask: Ask, waiting: readonly (() => void)[]): Promise<void> {
    const { identity, target, request } = ask.outgoing;
    const options = { target, scheme: request.scheme, protocols: ['h2', 'http/1.1'], identity };
    try {
      // Not the leg's signal: others may wait for the same connection. One of its own: as many connect at once as there are streams, and
      // Node warns of so many listeners of one signal.
      const connected = await connectUpstream(this.#context, options, AbortSignal.any([this.#context.signal]));
      this.#settle(ask, connected);
    } catch (error) {
      this.#known.delete(ask.key);
      ask.leg.failed(messageOf(error));
    }
    for (const wake of waiting) {
      wake();
    }
  }

  #settle(ask: Ask, connected: ConnectedUpstream): void {
    const { key, leg, outgoing, events } = ask;
    if (this.#closed) {
      connected.stream.destroy();
      return;
    }
    if (connected.protocol !== 'h2') {
      this.#known.set(key, { kind: 'h1' });
      this.#h1.adopt(connected, leg, { key, outgoing, events });
      return;
    }
    const connection: H2Upstream = new H2Upstream(connected.stream, hostValue(outgoing.request), this.#context.clock, {
      leaving: () => this.#forget(key, connection),
      gone: () => this.#gone(key, connection),
    });
    this.#sessions.add(connection);
    this.#known.set(key, { kind: 'h2', connection });
    this.#begin(ask, connection);
  }

  #begin({ leg, outgoing, events }: Ask, connection: H2Upstream): void {
    if (leg.cancelled) {
      return;
    }
    leg.connected(connection.start(outgoing, events));
  }

  /** What was being connected is there, or failed: the same request once more. */
  #again(ask: Ask): void {
    const known = this.#known.get(ask.key);
    if (ask.leg.cancelled || this.#closed) {
      return;
    }
    if (known?.kind === 'h2' && known.connection.usable) {
      this.#begin(ask, known.connection);
    } else if (known?.kind === 'h1') {
      ask.leg.connected(this.#h1.start(ask.outgoing, ask.events));
    } else {
      ask.leg.failed('the upstream could not be reached');
    }
  }

  #gone(key: string, connection: H2Upstream): void {
    this.#sessions.delete(connection);
    this.#forget(key, connection);
  }

  #forget(key: string, connection: H2Upstream): void {
    const known = this.#known.get(key);
    if (known?.kind === 'h2' && known.connection === connection) {
      this.#known.delete(key);
    }
  }

  #forgetOutlived(): void {
    const config = this.#context.config();
    if (config !== this.#config) {
      this.#config = config;
      for (const [key, known] of this.#known) {
        if (known.kind === 'h2') {
          known.connection.retire();
          this.#known.delete(key);
        }
      }
    }
  }
}
