// The ways by which agents come to the gateway without a listener of their own: WireGuard, Tailscale, or both. Each knows its agents by their
// addresses; no address is of two.
import type { Socket } from 'node:net';
import type { Agent } from '../../rules/action.ts';
import { canonicalIp } from '../dialling/addresses.ts';
import type { TunnelView } from './arrivals.ts';
import type { Inside } from './inside.ts';

/** How a transport stands. */
export interface TransportState {
  readonly name: 'wireguard' | 'tailscale';
  /** How its interface is made, in a word. */
  readonly kind: string;
  /** Why nothing comes through it, or null. */
  readonly trouble: string | null;
  /** Agents that it knows. */
  readonly peers: number;
  /** Milliseconds since the epoch; null: no agent was ever heard by this gateway, or it cannot be told. */
  readonly lastHandshakeMs: number | null;
}

export interface Transport {
  readonly name: 'wireguard' | 'tailscale';
  /** For the ready line. */
  readonly address: string;
  /** How it stands, as last looked at. */
  readonly state: TransportState;
  /** Whether an address is one of its network. */
  isInside(ip: string): boolean;
  /** The agent that has that address, or null. */
  identify(ip: string): Agent | null;
  /** As in `TunnelView`; absent where there are no runs. */
  identifyRun?(id: string, ip: string): Agent | null;
  /** Asks who has that address, where that takes time; afterwards `identify` knows. Never rejects. Null: nothing has to be asked. */
  meet?(ip: string, port: number): Promise<void> | null;
  /** Takes over a connection to port 53. */
  serveNames(socket: Socket): void;
  /** Lets traffic in; the inside is open. Rejects with GatewayError. */
  open(): Promise<void>;
  /** Brings the policy in force into the kernel's rules. Never rejects. */
  policyChanged(): Promise<void>;
  close(): Promise<void>;
}

/** All of them as one. */
export interface Transports extends TunnelView {
  readonly states: readonly TransportState[];
  /** Lets traffic in; gives the pairs of the ready line. Rejects with GatewayError. */
  open(onSocket: (socket: Socket) => void): Promise<readonly (readonly [string, string])[]>;
  /** Never rejects. */
  policyChanged(): Promise<void>;
  close(): Promise<void>;
}

export function joinTransports(transports: readonly Transport[], inside: Inside): Transports {
  const of = (ip: string): Transport | null => transports.find((transport) => transport.isInside(ip)) ?? null;
  return {
    get states() {
      return transports.map(({ state }) => state);
    },
    async open(onSocket) {
      await inside.open((socket) => {
        const meeting = of(canonicalIp(socket.remoteAddress))?.meet?.(
          canonicalIp(socket.remoteAddress),
          socket.remotePort ?? 0,
        );
        if (meeting === undefined || meeting === null) {
          onSocket(socket);
          return;
        }
        // A reset meanwhile ends it; nothing of it is read before it is known whose it is.
        socket.on('error', () => {});
        // Owned: it never rejects, and ends with its deadline.
        void meeting.then(() => (socket.destroyed ? undefined : onSocket(socket)));
      });
      for (const transport of transports) {
        await transport.open();
      }
      return transports.map(({ name, address }) => [name, address] as const);
    },
    async policyChanged() {
      await Promise.all(transports.map((transport) => transport.policyChanged()));
    },
    async close() {
      for (const transport of transports) {
        await transport.close();
      }
      inside.close();
    },
    identify: (ip) => of(ip)?.identify(ip) ?? null,
    identifyRun: (id, ip) => transports.find(({ name }) => name === 'wireguard')?.identifyRun?.(id, ip) ?? null,
    transportOf: (ip) => of(ip)?.name ?? 'direct',
    destinationOf: (ip) => inside.destinationOf(ip),
    askedNameOf: (agent, ip) => inside.askedNameOf(agent, ip),
    serveNames(socket) {
      const transport = of(canonicalIp(socket.remoteAddress));
      if (transport === null) {
        socket.destroy();
        return;
      }
      transport.serveNames(socket);
    },
  };
}
