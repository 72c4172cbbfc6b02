// What a run needs to know inside its namespaces, and what is hidden from it there. Pure.
import { fieldOf, textOf } from '../device-files.ts';

/** Sent to the inner half as its first message. */
export interface RunPlan {
  readonly privateKey: string;
  readonly gatewayKey: string;
  readonly addresses: readonly string[];
  readonly resolver: string;
  readonly mtu: number;
  /** Folders with the device's own keys: empty for the command. */
  readonly hidden: readonly string[];
  /** Folder of certificates: these files stay, everything else in it is hidden (a gateway's state may lie there too). */
  readonly caDir: string;
  readonly caFiles: Readonly<Record<string, string>>;
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly uid: number;
  readonly gid: number;
}

/** Reads a plan as it was sent. Throws Error. */
export function readPlan(value: unknown): RunPlan {
  const record = (name: string): Readonly<Record<string, string>> => {
    const entries = Object.entries(fieldOf(value, name) ?? {});
    return Object.fromEntries(entries.map(([key, text]) => [key, String(text)]));
  };
  const list = (name: string): readonly string[] => {
    const items = fieldOf(value, name);
    return Array.isArray(items) ? items.map(String) : [];
  };
  const [mtu, uid, gid] = ['mtu', 'uid', 'gid'].map((name) => Number(fieldOf(value, name)));
  return {
    privateKey: textOf(value, 'privateKey'),
    gatewayKey: textOf(value, 'gatewayKey'),
    addresses: list('addresses'),
    resolver: textOf(value, 'resolver'),
    mtu: mtu ?? 1420,
    hidden: list('hidden'),
    caDir: textOf(value, 'caDir'),
    caFiles: record('caFiles'),
    command: textOf(value, 'command'),
    args: list('args'),
    environment: record('environment'),
    uid: uid ?? 0,
    gid: gid ?? 0,
  };
}

/** Names are asked of the gateway alone: no multicast, no local caches, no other resolvers. */
export const NSSWITCH =
  'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\nprotocols: files\nservices: files\n';

export function resolvConf(resolver: string): string {
  return `nameserver ${resolver}\noptions timeout:2 attempts:2\n`;
}
