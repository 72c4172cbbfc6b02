// Connections of runs that come with a token (`run --mode proxy`) and have said where they want to: led to the endpoint of the run's profile that
// claims it, as those out of the tunnel are. Everything else is refused and recorded.
import { createEvent } from '../../audit/event.ts';
import { formatHostPort } from '../../config/hosts.ts';
import type { Clock } from '../../lib/clock.ts';
import { visible } from '../../lib/text.ts';
import type { DialTarget } from '../../protocols/protocol.ts';
import type { Agent } from '../../rules/action.ts';
import type { ClientSocket } from '../client-socket.ts';
import type { Live } from '../live.ts';
import type { Metrics } from '../metrics.ts';
import type { Recorder } from '../judging/recorder.ts';
import { findEndpoint } from './routing.ts';
import type { Route } from './routing.ts';
import type { TunnelView } from '../tunnel/arrivals.ts';

/** A run that is known by its token, and where it wants to. */
export interface RunRequest {
  readonly run: string;
  /** Source address. */
  readonly ip: string;
  readonly target: DialTarget;
}

export interface RunArrivalsParts {
  readonly clock: Clock;
  readonly live: () => Live;
  readonly metrics: Metrics;
  readonly recorder: Recorder;
  readonly tunnel: TunnelView | null;
  /** Takes over a stream whose destination is known. */
  readonly admit: (
    socket: ClientSocket,
    to: { readonly route: Route; readonly target: DialTarget; readonly agent: Agent },
  ) => void;
}

export interface RunArrivals {
  /** Null when it is taken, and then `take` has given its stream; else why not, recorded, and the caller ends it. */
  accept(asked: RunRequest, take: () => ClientSocket): string | null;
  /** Takes nobody any more. */
  close(): void;
}

export function createRunArrivals({ clock, live, metrics, recorder, tunnel, admit }: RunArrivalsParts): RunArrivals {
  let stopping = false;
  return {
    accept({ run, ip, target }, take) {
      const agent = stopping ? null : (tunnel?.identifyRun(run, ip) ?? null);
      if (agent === null) {
        return stopping ? 'the gateway is stopping' : 'the run is over, or its device or profile is no more';
      }
      const { profile } = agent;
      const endpoint = findEndpoint(live(), profile, target);
      if (endpoint !== null) {
        const socket = take();
        socket.on('error', () => {});
        admit(socket, { route: { endpoint, profile }, target, agent });
        return null;
      }
      const dialled = formatHostPort(target.host, target.port);
      metrics.refused('destination');
      recorder.record(
        createEvent('connection.refused', clock.now(), {
          agent,
          verdict: 'deny',
          reason: visible(`no endpoint of profile ${profile} claims ${dialled}`),
          data: { cause: 'destination', dialled },
        }),
      );
      return `${dialled} is not declared`;
    },
    close() {
      stopping = true;
    },
  };
}
