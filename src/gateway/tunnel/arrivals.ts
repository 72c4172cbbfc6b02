// Connections out of the tunnel: who dialled (its tunnel address says so), what it dialled (a virtual address is a name; else the server name
// that it sends, else the address itself), and which endpoint of its profile that belongs to. Everything else is refused and recorded.
import type { Socket } from 'node:net';
import { createEvent } from '../../audit/event.ts';
import { formatHostPort } from '../../config/hosts.ts';
import type { Clock } from '../../lib/clock.ts';
import { visible } from '../../lib/text.ts';
import type { DialTarget } from '../../protocols/protocol.ts';
import type { Agent } from '../../rules/action.ts';
import { canonicalIp } from '../dialling/addresses.ts';
import { receiveFirstBytes } from '../arriving/first-bytes.ts';
import type { FirstBytes } from '../arriving/first-bytes.ts';
import type { Live } from '../live.ts';
import type { Logger } from '../logger.ts';
import type { Metrics } from '../metrics.ts';
import type { PassThrough } from '../arriving/pass-through.ts';
import type { Places } from '../places.ts';
import type { Recorder } from '../judging/recorder.ts';
import { findEndpoint } from '../arriving/routing.ts';
import type { Route } from '../arriving/routing.ts';
import { findSaidRefusal, mayBeTls } from '../arriving/undeclared.ts';

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
  /** A run that comes with a token from that address, or null when it may not come. */
  identifyRun(id: string, ip: string): Agent | null;
  destinationOf(ip: string): Destination;
  /** What carries that address, also of nobody's. */
  transportOf(ip: string): Agent['transport'];
  /** The name that the device asked for last and was told that address for, or "". */
  askedNameOf(agent: Agent, ip: string): string;
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
  /** Counts those that ask about names, or have not said where they want to, with all other connections. */
  readonly places: Places;
  /** What no endpoint claims, where the policy lets it through. */
  readonly passThrough: Pick<PassThrough, 'offered' | 'accept'>;
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
      const transport = this.#parts.view.transportOf(ip);
      const unknown: Agent = { device: '', profile: '', run: '', user: '', ip, transport };
      // The system tells no addresses of a connection that was reset before it was accepted (traps TR-13).
      const [cause, why] =
        ip === ''
          ? ['gone', 'it was reset before it was accepted']
          : ['device', `${ip} is no device's address, or its device has no profile`];
      this.#refuse({ socket, agent: unknown, dialled }, cause, why);
      return;
    }
    const arrival = { socket, agent, dialled };
    if (dialled.port === DNS_PORT) {
      this.#serveNames(arrival);
    } else {
      this.#route(arrival);
    }
  }

  close(): void {
    this.#closing.abort();
  }

  #serveNames(arrival: Arrival): void {
    const { places, view } = this.#parts;
    const { agent, socket } = arrival;
    const full = places.findRefusal(agent.device);
    if (full !== null) {
      this.#refuse(arrival, 'limit', full);
      return;
    }
    places.take(agent.device);
    socket.once('close', () => places.free(agent.device));
    view.serveNames(socket);
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
        if (findEndpoint(live(), agent.profile, dialled) !== null) {
          this.#admit(arrival, dialled);
        } else if (this.#mayBeNamed(agent.profile, dialled.port)) {
          // Owned: it never rejects, and ends with its deadline.
          void this.#askName(arrival);
        } else {
          this.#passOrRefuse(arrival, null);
        }
    }
  }

  #admit(arrival: Arrival, target: DialTarget): void {
    const { agent, socket } = arrival;
    const endpoint = findEndpoint(this.#parts.live(), agent.profile, target);
    if (endpoint === null) {
      const where = formatHostPort(target.host, target.port);
      this.#refuse(arrival, 'destination', `no endpoint of profile ${agent.profile} claims ${where}`, where);
      return;
    }
    this.#parts.admit(socket, { route: { endpoint, profile: agent.profile }, target, agent });
  }

  /** Whether a server name could lead somewhere, or away from something: an endpoint speaks TLS first on that port. */
  #mayBeNamed(profile: string, port: number): boolean {
    const live = this.#parts.live();
    const { offered } = this.#parts.passThrough;
    return mayBeTls(
      { endpoints: live.config.endpoints.filter(({ ref }) => offered || live.reaches(profile, ref)) },
      port,
    );
  }

  /** `said`: what the client said first, where that could lead to an endpoint; null where it could not. */
  #passOrRefuse(arrival: Arrival, said: FirstBytes | null): void {
    const { live, passThrough, view } = this.#parts;
    const { agent, dialled, socket } = arrival;
    const why = passThrough.offered
      ? said === null
        ? null
        : findSaidRefusal(live().config, dialled.port, said)
      : describeRefusal(arrival, said);
    if (why !== null) {
      const where = said?.kind === 'name' ? formatHostPort(said.name, dialled.port) : null;
      this.#refuse(arrival, 'destination', why, where);
      return;
    }
    const onRefused = (): void => void socket.resetAndDestroy();
    const name = view.askedNameOf(agent, dialled.host);
    passThrough.accept({ socket, agent, target: dialled, name, heard: true, onDialled: () => {}, onRefused });
  }

  async #askName(arrival: Arrival): Promise<void> {
    const { agent, dialled, socket } = arrival;
    const { clock, live, places } = this.#parts;
    const full = places.findRefusal(agent.device);
    if (full !== null) {
      this.#refuse(arrival, 'limit', full);
      return;
    }
    places.take(agent.device);
    const said = await receiveFirstBytes(socket, { clock, signal: this.#closing.signal });
    // Whoever takes it over counts it again.
    places.free(agent.device);
    if (said.kind === 'name') {
      const target = { host: said.name, port: dialled.port };
      if (findEndpoint(live(), agent.profile, target) !== null) {
        this.#admit(arrival, target);
        return;
      }
    }
    this.#passOrRefuse(arrival, said);
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
        data: { cause, dialled: where ?? formatHostPort(dialled.host, dialled.port) },
      }),
    );
  }
}

/** Why nothing claims it, with what the client said where it was asked. */
function describeRefusal({ agent, dialled }: Arrival, said: FirstBytes | null): string {
  const where = formatHostPort(dialled.host, dialled.port);
  const unclaimed = `no endpoint of profile ${agent.profile} claims ${where}`;
  switch (said?.kind) {
    case undefined:
      return unclaimed;
    case 'name':
      return `no endpoint of profile ${agent.profile} claims ${formatHostPort(said.name, dialled.port)}, dialled at ${dialled.host}`;
    case 'malformed':
      return `${unclaimed}, and the server name cannot be read: ${said.why}`;
    case 'nameless':
    case 'other':
    case 'nothing':
      return `${unclaimed}, and no server name says otherwise`;
  }
}
