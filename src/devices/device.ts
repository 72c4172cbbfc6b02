// A device: a machine that an operator has let in, known by its WireGuard key, or a node of the tailnet, known by the id that its control server gave it. What a device may reach is its profile's.

export interface Device {
  /** UUIDv7, for ever. */
  readonly id: string;
  /** Shown to people and in records; unique among devices that are not revoked. */
  readonly name: string;
  /** Base64 of 32 bytes; unique. "" for a node of the tailnet. */
  readonly publicKey: string;
  /** Stable id of a node of the tailnet; unique. "" for a machine that comes over WireGuard. */
  readonly node: string;
  /** Its place in the tunnel's networks: 2 and up; never that of another device, also after it is revoked. 0 for a node of the tailnet. */
  readonly number: number;
  /** "" = none was given; a node of the tailnet then has what a profile says of it, or none. */
  readonly profile: string;
  /** Owner, or "". */
  readonly user: string;
  readonly enrolledMs: number;
  /** SHA-256 (hex) of the token with which it speaks to the gateway for itself; "" = it has none yet. */
  readonly tokenHash: string;
  /** When it was shut out for good; null = it may come. */
  readonly revokedMs: number | null;
}
