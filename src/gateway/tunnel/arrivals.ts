// Connections out of the tunnel: who dialled (its tunnel address says so), what it dialled (a virtual address is a name; else the server name
// that it sends, else the address itself), and which endpoint of its profile that belongs to. Everything else is refused and recorded.
import type { Socket } from 'node:net';
import { createEvent } from '../../audit/event.ts';
import { canonicalHost } from '../../config/hosts.ts';
import type { Clock } from '../../lib/clock.ts';
import { visible } from '../../lib/text.ts';
import { beginsTls, takeClientHello } from '../../protocols/http/client-hello.ts';
import type { DialTarget } from '../../protocols/protocol.ts';
import type { Agent } from '../../rules/action.ts';
import { canonicalIp, formatAddress } from '../addresses.ts';
import type { Live } from '../live.ts';
import type { Logger } from '../logger.ts';
import type { Metrics } from '../metrics.ts';
import type { Recorder } from '../recorder.ts';
import { findEndpoint } from '../routing.ts';
import type { Route } from '../routing.ts';

/** From accept to the server name; absolute, not per byte. */
const HELLO_MS = 10_000;
const DNS_PORT = 53;

/** What an address inside the tunnel stands for. */
export type Destination =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'unassigned' }
  | { readonly kind: 'other' };

/** What is known of the tunnel's inside. */
export interface TunnelView {
  /** The device that has that tunnel address, or null. */
  identify(ip: string): Agent | null;
  destinationOf(ip: string): Destination;
  /** Takes over a connection to port 53. */
  serveNames(socket: Socket): void;
}

export interface ArrivalsParts {
  readonly clock: Clock;
  readonly live: () => Live;
  readonly metrics: Metrics;
  readonly recorder: Recorder;
  readonly logger: Logger;
  readonly view: TunnelView;
  /** Takes over a socket whose destination is known. */
  readonly admit: (
    socket: Socket,
    to: { readonly route: Route; readonly target: DialTarget; readonly agent: Agent },
  ) => void;
}

export interface Arrivals {
  /** Takes a socket that the transparent listener has accepted. */
  accept(socket: Socket): void;
  /** Ends those whose destination is not known yet. */
  close(): void;
}

export function createArrivals(parts: ArrivalsParts): Arrivals {
  return new OpenArrivals(parts);
}

interface Arrival {
  readonly socket: Socket;
  readonly agent: Agent;
  readonly dialled: DialTarget;
}

class OpenArrivals implements Arrivals {
  readonly #parts: ArrivalsParts;
  readonly #closing = new AbortController();
  readonly #asking = new Map<string, number>();

  constructor(parts: ArrivalsParts) {
    this.#parts = parts;
  }

  accept(socket: Socket): void {
    socket.on('error', () => {});
    // Taken at once: a closed socket no longer knows them.
    const ip = canonicalIp(socket.remoteAddress);
    const dialled = { host: canonicalIp(socket.localAddress), port: socket.localPort ?? 0 };
    const agent = this.#parts.view.identify(ip);
    if (agent === null) {
      const unknown: Agent = { device: '', profile: '', run: '', user: '', ip, transport: 'wireguard' };
      this.#refuse({ socket, agent: unknown, dialled }, 'device', `${ip} is no device's address`);
      return;
    }
    if (dialled.port === DNS_PORT) {
      this.#parts.view.serveNames(socket);
      return;
    }
    this.#route({ socket, agent, dialled });
  }

  close(): void {
    this.#closing.abort();
  }

  #route(arrival: Arrival): void {
    const { live, view } = this.#parts;
    const { agent, dialled } = arrival;
    const destination = view.destinationOf(dialled.host);
    switch (destination.kind) {
      case 'name':
        this.#admit(arrival, { host: destination.name, port: dialled.port });
        return;
      case 'unassigned':
        this.#refuse(arrival, 'destination', `${dialled.host} is no name's virtual address`);
        return;
      case 'other':
        if (findEndpoint(live(), agent.profile, dialled) !== null || !this.#mayBeNamed(agent.profile, dialled.port)) {
          this.#admit(arrival, dialled);
          return;
        }
        // Owned: it never rejects, and ends with its deadline.
        void this.#askName(arrival);
    }
  }

  #admit(arrival: Arrival, target: DialTarget): void {
    const { agent, socket } = arrival;
    const endpoint = findEndpoint(this.#parts.live(), agent.profile, target);
    if (endpoint === null) {
      const where = formatAddress(target.host, target.port);
      this.#refuse(arrival, 'destination', `no endpoint of profile ${agent.profile} claims ${where}`, where);
      return;
    }
    this.#parts.admit(socket, { route: { endpoint, profile: agent.profile }, target, agent });
  }

  /** Whether a server name could lead somewhere: some endpoint of the profile speaks TLS first on that port. */
  #mayBeNamed(profile: string, port: number): boolean {
    const live = this.#parts.live();
    return live.config.endpoints.some(
      ({ family, hosts, ref }) =>
        (family === 'http' || family === 'k8s') &&
        hosts.some((host) => host.port === port) &&
        live.reaches(profile, ref),
    );
  }

  async #askName(arrival: Arrival): Promise<void> {
    const { agent, dialled } = arrival;
    const asking = this.#asking.get(agent.device) ?? 0;
    if (asking >= this.#parts.live().config.gateway.limits.connectionsPerDevice) {
      this.#refuse(arrival, 'limit', 'too many connections that have not said what they want');
      return;
    }
    this.#asking.set(agent.device, asking + 1);
    const name = await receiveServerName(arrival.socket, { clock: this.#parts.clock, signal: this.#closing.signal });
    this.#asking.set(agent.device, (this.#asking.get(agent.device) ?? 1) - 1);
    if (name === null) {
      const where = formatAddress(dialled.host, dialled.port);
      this.#refuse(
        arrival,
        'destination',
        `no endpoint of profile ${agent.profile} claims ${where}, and no server name says otherwise`,
        where,
      );
      return;
    }
    this.#admit(arrival, { host: name, port: dialled.port });
  }

  #refuse({ socket, agent, dialled }: Arrival, cause: string, detail: string, where: string | null = null): void {
    const { clock, metrics, logger, recorder } = this.#parts;
    socket.resetAndDestroy();
    metrics.refused(cause);
    logger.debug({ ip: agent.ip, cause }, 'a connection out of the tunnel was refused');
    recorder.record(
      createEvent('connection.refused', clock.now(), {
        agent,
        verdict: 'deny',
        reason: visible(detail),
        data: { cause, dialled: where ?? formatAddress(dialled.host, dialled.port) },
      }),
    );
  }
}

/** The canonical server name of a TLS client, or null. The bytes are still to be read from the socket. */
function receiveServerName(
  socket: Socket,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<string | null> {
  return new Promise((resolve) => {
    let held: Buffer = Buffer.alloc(0);
    const finish = (name: string | null): void => {
      deadline.cancel();
      signal.removeEventListener('abort', onGone);
      socket.off('data', onData);
      socket.off('end', onGone);
      socket.off('close', onGone);
      socket.pause();
      if (held.length > 0) {
        socket.unshift(held);
      }
      resolve(name);
    };
    const onData = (chunk: Buffer): void => {
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      if (!beginsTls(held[0] ?? 0)) {
        finish(null);
        return;
      }
      const taken = takeClientHello(held);
      if (taken.kind !== 'incomplete') {
        const name = taken.kind === 'hello' ? taken.hello.serverName : null;
        finish(name === null ? null : canonicalHost(name));
      }
    };
    const onGone = (): void => finish(null);
    const deadline = clock.after(HELLO_MS, onGone);
    signal.addEventListener('abort', onGone, { once: true });
    socket.on('data', onData);
    socket.on('end', onGone);
    socket.on('close', onGone);
  });
}
