// A client connection as operators see it.
import type { Agent, SessionId } from '../../rules/action.ts';
import type { ClientSocket } from '../client-socket.ts';
import type { Route } from './routing.ts';

export interface OpenConnection {
  readonly session: SessionId;
  readonly agent: Agent;
  readonly endpoint: string;
  readonly openMs: number;
  readonly fromClientBytes: number;
  readonly toClientBytes: number;
}

export interface ConnectionState {
  readonly session: SessionId;
  readonly agent: Agent;
  readonly route: Route;
  readonly socket: ClientSocket;
  /** Monotonic. */
  readonly startedMs: number;
}

/** How it stands at that monotonic time. */
export function describeConnection(
  { session, agent, route, socket, startedMs }: ConnectionState,
  nowMs: number,
): OpenConnection {
  return {
    session,
    agent,
    endpoint: route.endpoint.ref,
    openMs: nowMs - startedMs,
    fromClientBytes: socket.bytesRead,
    toClientBytes: socket.bytesWritten,
  };
}
