// What tailscaled's LocalAPI answers, read into what the gateway needs of it: ipnstate.Status, apitype.WhoIsResponse, ipn.ServeConfig,
// tailcfg.DERPMap. A field that is missing or of another type is not guessed. Pure.
import { parseCidr, parseIp } from '../../config/hosts.ts';
import { fieldOf } from '../../lib/fields.ts';
import { offsetIn } from '../tunnel/layout.ts';

/** A node as `whois` describes it. */
export interface TailnetNode {
  /** Given by the control server, for as long as the node exists. */
  readonly stableId: string;
  /** Host name, for people. */
  readonly name: string;
  /** Login of its owner, or "" for a tagged node. */
  readonly user: string;
  readonly tags: readonly string[];
  /** Milliseconds since the epoch when its key expires; null = never. */
  readonly expiresMs: number | null;
  readonly expired: boolean;
  /** Networks that it carries for others; those of an exit node are not among them. */
  readonly routes: readonly string[];
}

/** How the host's own node stands. */
export interface NodeStatus {
  /** `Running`, `NeedsLogin`, `Stopped`, …; "" when it cannot be read. */
  readonly state: string;
  readonly addresses: readonly string[];
  /** Addresses of its own HTTP server for peers, `http://HOST:PORT`. */
  readonly peerUrls: readonly string[];
  readonly authUrl: string;
  readonly health: readonly string[];
  readonly hasTun: boolean;
}

function readText(value: unknown, name: string): string {
  const field = fieldOf(value, name);
  return typeof field === 'string' ? field : '';
}

function readTexts(value: unknown, name: string): readonly string[] {
  const field = fieldOf(value, name);
  return Array.isArray(field) ? field.filter((one): one is string => typeof one === 'string') : [];
}

export function readStatus(value: unknown): NodeStatus {
  const self = fieldOf(value, 'Self');
  return {
    state: readText(value, 'BackendState'),
    addresses: readTexts(value, 'TailscaleIPs'),
    peerUrls: readTexts(self, 'PeerAPIURL'),
    authUrl: readText(value, 'AuthURL'),
    health: readTexts(value, 'Health'),
    hasTun: fieldOf(value, 'TUN') === true,
  };
}

/** Null: no node that can be told from others. */
export function readNode(value: unknown): TailnetNode | null {
  const node = fieldOf(value, 'Node');
  const stableId = readText(node, 'StableID');
  if (!/^[A-Za-z0-9]{1,64}$/.test(stableId)) {
    return null;
  }
  const tags = readTexts(node, 'Tags');
  const login = readText(fieldOf(value, 'UserProfile'), 'LoginName');
  const expiry = Date.parse(readText(node, 'KeyExpiry'));
  return {
    stableId,
    name: readText(node, 'ComputedName') || readText(node, 'Name').split('.')[0] || 'node',
    user: tags.length > 0 ? '' : login.toLowerCase(),
    tags,
    // The zero time of Go stands for never.
    expiresMs: Number.isNaN(expiry) || expiry <= 0 ? null : expiry,
    expired: fieldOf(node, 'Expired') === true,
    routes: readRoutes(node),
  };
}

/** What a node is let send and get beside its own addresses (`tailcfg.Node`). */
function readRoutes(node: unknown): readonly string[] {
  const own = readTexts(node, 'Addresses');
  return readTexts(node, 'AllowedIPs').filter((network) => !own.includes(network) && !network.endsWith('/0'));
}

/** Whether an address is one of the node's own, and not only one of a network behind it. */
export function ownsAddress(value: unknown, text: string): boolean {
  const ip = parseIp(text);
  return readTexts(fieldOf(value, 'Node'), 'Addresses').some((network) => {
    const cidr = parseCidr(network);
    return ip !== null && cidr?.prefix === (ip.version === 4 ? 32 : 128) && offsetIn(cidr, ip) !== null;
  });
}

/** `ipn.ServeConfig` with anything in it. */
export function readServes(value: unknown): boolean {
  return ['TCP', 'Web', 'Services', 'Foreground', 'AllowFunnel'].some((name) => {
    const field = fieldOf(value, name);
    return typeof field === 'object' && field !== null && Object.keys(field).length > 0;
  });
}

/** Host names of a `tailcfg.DERPMap`. */
export function readHostsOfMap(value: unknown): readonly string[] {
  const regions = fieldOf(value, 'Regions');
  const all = typeof regions === 'object' && regions !== null ? Object.values(regions) : [];
  return all.flatMap((region: unknown) => {
    const nodes = fieldOf(region, 'Nodes');
    return Array.isArray(nodes) ? nodes.map((node: unknown) => readText(node, 'HostName').toLowerCase()) : [];
  });
}

/** Whether a node is one that an entry of `profile { tailscale }` or `operators` names. */
export function matchesNode(entry: string, { stableId, user, tags }: TailnetNode): boolean {
  if (entry.startsWith('tag:')) {
    return tags.includes(entry);
  }
  if (entry.startsWith('node:')) {
    return stableId === entry.slice('node:'.length);
  }
  return matchesLogin(entry, user);
}

/** Whether `user@domain` or `*@domain` names that login. No entry names "". */
export function matchesLogin(entry: string, login: string): boolean {
  const named = entry.toLowerCase();
  return named.startsWith('*@')
    ? login.endsWith(named.slice(1)) &&
        login.length > named.length - 1 &&
        !login.slice(0, 1 - named.length).includes('@')
    : login !== '' && login === named;
}
