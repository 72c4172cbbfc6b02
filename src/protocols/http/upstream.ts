// The upstream connections of one agent connection. They are shared with no other agent and no other credential (TL-06, HT-26); what is idle
// is used again, and what the configuration has outlived is not (HX-14).
import type { EndpointConfig } from '../../config/config.ts';
import { messageOf } from '../../lib/errors.ts';
import type { ServeContext } from '../protocol.ts';
import { connectUpstream, type ConnectedUpstream, type ConnectOptions } from './connect.ts';
import { H1Upstream } from './h1-upstream.ts';
import { PendingLeg } from './pending-leg.ts';
import type { Leg, LegEvents, Outgoing, Upstreams } from './sides.ts';

/** Idle connections that are kept. */
const MAX_IDLE = 8;

/** Upstreams over HTTP/1. */
export function createH1Upstreams(context: ServeContext): Upstreams {
  return new H1Upstreams(context);
}

interface Idle {
  readonly key: string;
  readonly connection: H1Upstream;
}

export class H1Upstreams implements Upstreams {
  readonly #context: ServeContext;
  readonly #open = new Map<H1Upstream, string>();
  /** The one that was used last is last. */
  #idle: Idle[] = [];
  #config: EndpointConfig;
  #closed = false;

  constructor(context: ServeContext) {
    this.#context = context;
    this.#config = context.config();
  }

  start(outgoing: Outgoing, events: LegEvents): Leg {
    this.#forgetOutlived();
    const key = keyOf(outgoing);
    const found = outgoing.fresh ? null : this.#takeIdle(key);
    if (found !== null) {
      found.begin(outgoing, events);
      return found;
    }
    const leg = new PendingLeg(events);
    const { identity, target, request } = outgoing;
    const signal = AbortSignal.any([leg.signal, this.#context.signal]);
    const options = { target, scheme: request.scheme, protocols: ['http/1.1'], identity };
    // Owned by the leg: it never rejects, and both outcomes are told to the leg.
    void this.#connect(leg, { options, signal, key }, { outgoing, events });
    return leg;
  }

  close(): void {
    this.#closed = true;
    this.#idle = [];
    for (const connection of this.#open.keys()) {
      connection.close();
    }
  }

  async #connect(
    leg: PendingLeg,
    { options, signal, key }: { readonly options: ConnectOptions; readonly signal: AbortSignal; readonly key: string },
    { outgoing, events }: { readonly outgoing: Outgoing; readonly events: LegEvents },
  ): Promise<void> {
    let connected: ConnectedUpstream;
    try {
      connected = await connectUpstream(this.#context, options, signal);
    } catch (error) {
      leg.failed(messageOf(error));
      return;
    }
    this.adopt(connected, leg, { key, outgoing, events });
  }

  /** Takes a connection that was just made for that request. */
  adopt(
    connected: ConnectedUpstream,
    leg: PendingLeg,
    { key, outgoing, events }: { readonly key: string; readonly outgoing: Outgoing; readonly events: LegEvents },
  ): void {
    const begun = leg.cancelled ? null : this.#begin(connected, key, outgoing, events);
    if (begun === null) {
      connected.stream.destroy();
    } else {
      leg.connected(begun);
    }
  }

  #begin({ stream }: ConnectedUpstream, key: string, outgoing: Outgoing, events: LegEvents): Leg | null {
    if (this.#closed) {
      return null;
    }
    const connection: H1Upstream = new H1Upstream(stream, this.#context.clock, {
      idle: () => this.#keep(connection, key),
      gone: () => this.#forget(connection),
    });
    this.#open.set(connection, key);
    connection.begin(outgoing, events);
    return connection;
  }

  #keep(connection: H1Upstream, key: string): void {
    this.#idle.push({ key, connection });
    if (this.#idle.length > MAX_IDLE) {
      this.#idle.shift()?.connection.close();
    }
  }

  #forget(connection: H1Upstream): void {
    this.#open.delete(connection);
    this.#idle = this.#idle.filter((idle) => idle.connection !== connection);
  }

  #takeIdle(key: string): H1Upstream | null {
    for (let at = this.#idle.length - 1; at >= 0; at -= 1) {
      const idle = this.#idle[at];
      if (idle !== undefined && idle.key === key && idle.connection.usable) {
        this.#idle.splice(at, 1);
        return idle.connection;
      }
    }
    return null;
  }

  /** A reload may have changed the authority that is trusted, or the address. */
  #forgetOutlived(): void {
    const config = this.#context.config();
    if (config !== this.#config) {
      this.#config = config;
      for (const { connection } of this.#idle.slice()) {
        connection.close();
      }
    }
  }
}

/** Requests with equal keys may share a connection. */
export function keyOf({ target, credential, identity, request }: Outgoing): string {
  const certificate = identity === null ? '' : `${identity.ca ?? ''} ${identity.cert?.reveal() ?? ''}`;
  return `${request.scheme} ${target.host} ${target.port} ${credential ?? ''} ${certificate}`;
}
