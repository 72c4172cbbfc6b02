// Everything that the gateway knows of devices, for those who let them in and those who speak with them.
import type { Enrolment } from './enrolment.ts';
import type { JoinTokens } from './join-tokens.ts';
import type { DeviceRegistry } from './registry.ts';
import type { RunRegistry } from './runs.ts';

/** What a device needs to know to come in. */
export interface TunnelDescription {
  readonly publicKey: string;
  /** `host:port` that clients dial; asked for anew, since a reload may change it. */
  readonly endpoint: () => string;
  readonly mtu: number;
  /** A device's own addresses, by its place. */
  readonly addressesOf: (number: number) => { readonly v4: string; readonly v6: string };
  /** Resolves when every device and run that may come now is let in by the tunnel. */
  readonly peersSet: () => Promise<void>;
  /** When each peer was last heard (milliseconds since the epoch), by public key. */
  readonly lastHeard: () => Promise<ReadonlyMap<string, number>>;
}

export interface Devices {
  readonly registry: DeviceRegistry;
  readonly runs: RunRegistry;
  readonly tokens: JoinTokens;
  readonly enrolment: Enrolment;
  /** Null without WireGuard: machines come as nodes of the tailnet only. */
  readonly tunnel: TunnelDescription | null;
}
