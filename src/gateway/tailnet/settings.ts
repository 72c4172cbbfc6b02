// What a `tailscale { }` block says, and what tailscaled is told because of it. Pure.
import { isIP } from 'node:net';
import type { AttributeValue, Config } from '../../config/config.ts';
import { parseCidr } from '../../config/hosts.ts';
import { fenceOf } from '../tunnel/layout.ts';
import type { Fenced } from '../tunnel/layout.ts';
import type { PrefChanges } from './local-api.ts';

/** Addresses of every tailnet (tailscale.com/kb/1015, 1033). */
const NODES_V4 = '100.64.0.0/10';
const NODES_V6 = 'fd7a:115c:a1e0::/48';
/** Where tailscaled asks about names; the kernel's rules lead it to us. In 127.0.0.0/8, so that nothing else can be there. */
export const RESOLVER_ADDRESS = '127.78.0.53';
/** Where tailscaled goes when no control server is configured. */
const DEFAULT_CONTROL = ['controlplane.tailscale.com', 'login.tailscale.com'];

export interface TailnetSettings {
  readonly layout: Fenced;
  readonly socket: string;
  readonly hostname: string;
  /** Of the control server; null = tailscaled's own. */
  readonly controlUrl: string | null;
  readonly tags: readonly string[];
  /** As written, with references; null = none is configured. */
  readonly authKey: string | null;
}

/** The settings of a checked block. Throws RangeError for constants that are no networks, which they are. */
export function readTailscale(attributes: Readonly<Record<string, AttributeValue>>): TailnetSettings {
  const text = (name: string): string | null => {
    const value = attributes[name];
    return typeof value === 'string' && value !== '' ? value : null;
  };
  const [v4, v6] = [parseCidr(NODES_V4), parseCidr(NODES_V6)];
  if (v4 === null || v6 === null) {
    throw new RangeError('the networks of tailnets cannot be read');
  }
  const tags = attributes['tags'];
  return {
    layout: { ...fenceOf(text('interface') ?? 'tailscale0'), devices: { v4, v6 } },
    socket: text('socket') ?? '/var/run/tailscale/tailscaled.sock',
    hostname: text('hostname') ?? 'clawpatrol-gateway',
    controlUrl: text('control_url')?.replace(/\/$/, '') ?? null,
    tags: Array.isArray(tags) ? tags.filter((tag): tag is string => typeof tag === 'string') : [],
    authKey: text('authkey'),
  };
}

/** Networks that nodes have their addresses in. */
export const NODE_NETWORKS: readonly string[] = [NODES_V4, NODES_V6];

/**
 * Preferences without which the gateway would not be what everything goes through: rules of its own only, no use of another exit node, and
 * nothing that tailscaled would offer to peers by itself.
 */
export function findPrefs({ hostname, tags }: TailnetSettings): PrefChanges {
  return {
    WantRunning: true,
    Hostname: hostname,
    ...(tags.length === 0 ? {} : { AdvertiseTags: tags }),
    CorpDNS: false,
    NetfilterMode: 0,
    ShieldsUp: false,
    RunSSH: false,
    RunWebClient: false,
    ExitNodeID: '',
    ExitNodeIP: '',
    AppConnector: { Advertise: false },
  };
}

/**
 * What the node offers to carry: everything, and by name what an exit node's own filter leaves out of everything, which is private space:
 * virtual addresses, and declared addresses.
 */
export function findRoutes({ gateway, endpoints }: Config): readonly string[] {
  const declared = endpoints.flatMap(({ hosts }) =>
    hosts.flatMap(({ host }) => (isIP(host) === 0 ? [] : [`${host}/${isIP(host) === 4 ? 32 : 128}`])),
  );
  return [...new Set(['0.0.0.0/0', '::/0', ...gateway.vipSubnets, ...declared])];
}

/** Names that tailscaled must find to be in the tailnet at all. */
export function findNeeded(controlUrl: string, relays: readonly string[]): ReadonlySet<string> {
  const control = URL.canParse(controlUrl) ? [new URL(controlUrl).hostname.toLowerCase()] : [];
  return new Set([...DEFAULT_CONTROL, ...control, ...relays].filter((name) => name !== '' && isIP(name) === 0));
}
