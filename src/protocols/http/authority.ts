// Which of the endpoint's hosts a request is for. The CONNECT target, the TLS server name and Host (or :authority, or an absolute target)
// must all name the same one (HT-01); what names another host is misdirected, whatever it resolves to. The gateway's own name is served beside
// the endpoint's hosts, and comes before any wildcard. Pure.
import type { HostPattern } from '../../config/config.ts';
import { AGENT_NAME, AGENT_PORTS, parseHost } from '../../config/hosts.ts';
import type { DialTarget } from '../protocol.ts';

/** How a connection came in, as far as it says where its requests go. */
export interface Entrance {
  /** The endpoint's hosts. */
  readonly patterns: readonly HostPattern[];
  /** What a CONNECT, or the transport, has tied the connection to; null at a listener of the endpoint's own. */
  readonly target: DialTarget | null;
  /** The TLS server name, canonical and one of the endpoint's; null without TLS, without a name, and where it names the listener. */
  readonly serverName: string | null;
  /** Under TLS. */
  readonly secure: boolean;
  /** Own address of the listener, as the client dialled it. */
  readonly dialled: DialTarget;
  /** Own names of the listener: requests to them are for the endpoint's only host. */
  readonly ownNames: ReadonlySet<string>;
  /** Only CONNECT may be asked for: what follows it must be TLS. */
  readonly tunnelOnly: boolean;
}

export interface Place {
  readonly kind: 'place';
  readonly scheme: 'http' | 'https';
  /** Canonical. */
  readonly host: string;
  readonly port: number;
}

export interface Misplaced {
  readonly kind: 'misplaced';
  readonly status: 400 | 421;
  readonly why: string;
}

/** Port 80 is plain HTTP, every other port speaks TLS. */
export function schemeOf(port: number): 'http' | 'https' {
  return port === 80 ? 'http' : 'https';
}

export function parseDialled(text: string): DialTarget {
  const parsed = parseHost(text, false);
  return { host: parsed?.host ?? '', port: parsed?.port ?? 0 };
}

/** An authority as written, canonical; null when it is none. */
export function parseAuthority(text: string): { readonly host: string; readonly port: number | null } | null {
  // Names beyond ASCII come as A-labels; raw bytes here would be read in whatever encoding suits.
  return /^[\x21-\x7e]+$/.test(text) ? parseHost(text, false) : null;
}

/** Where a request with that authority goes. `scheme`: what an absolute target says, else null. */
export function findPlace(entrance: Entrance, authority: string, scheme: 'http' | 'https' | null): Place | Misplaced {
  const parsed = parseAuthority(authority);
  if (parsed === null) {
    return { kind: 'misplaced', status: 400, why: 'the host of the request cannot be read' };
  }
  const port = parsed.port ?? (scheme === null ? null : scheme === 'https' ? 443 : 80);
  const { target, serverName } = entrance;
  if (target !== null) {
    return parsed.host === target.host && (port === null || port === target.port)
      ? placeAt(target.host, target.port)
      : misplaced('the host of the request is not the one that the connection was made to');
  }
  if (parsed.host === AGENT_NAME) {
    return findOwnPlace(entrance, port);
  }
  const covered = portsOf(entrance.patterns, parsed.host);
  if (serverName === null && covered.length === 0 && scheme === null && isOwn(entrance, parsed.host, port)) {
    return findOnlyHost(entrance);
  }
  if (serverName !== null && parsed.host !== serverName) {
    return misplaced('the host of the request is not the TLS server name');
  }
  return choosePort(parsed.host, covered, { port, own: scheme === null ? entrance.dialled.port : null });
}

/** The target of a CONNECT, which must be one of the endpoint's hosts with that port. */
export function findConnectTarget(entrance: Entrance, authority: string): DialTarget | Misplaced {
  const parsed = parseAuthority(authority);
  if (parsed === null || parsed.port === null) {
    return { kind: 'misplaced', status: 400, why: 'the target of CONNECT is not host:port' };
  }
  const ports = parsed.host === AGENT_NAME ? AGENT_PORTS : portsOf(entrance.patterns, parsed.host);
  return ports.includes(parsed.port)
    ? { host: parsed.host, port: parsed.port }
    : misplaced('the target of CONNECT is none of the hosts of this endpoint');
}

/** A TLS server name: the endpoint's, one of the listener's own (null), or a foreign one. */
export function findServerName(entrance: Entrance, name: string): { readonly name: string | null } | 'foreign' {
  const canonical = parseAuthority(name);
  if (canonical === null || canonical.port !== null) {
    return 'foreign';
  }
  const { host } = canonical;
  if (entrance.target !== null) {
    return host === entrance.target.host ? { name: host } : 'foreign';
  }
  if (host === AGENT_NAME || portsOf(entrance.patterns, host).length > 0) {
    return { name: host };
  }
  return isOwn(entrance, host, null) ? { name: null } : 'foreign';
}

/** Whether a pattern covers that host, at any port: any depth under a wildcard's suffix, never the bare suffix (HT-28). */
function covers(pattern: HostPattern, host: string): boolean {
  return pattern.wildcard
    ? host.endsWith(pattern.host.slice(1)) && host.length >= pattern.host.length
    : host === pattern.host;
}

function portsOf(patterns: readonly HostPattern[], host: string): readonly number[] {
  const ports = patterns.filter((pattern) => covers(pattern, host)).map(({ port }) => port);
  return ports.length < 2 ? ports : [...new Set(ports)];
}

/** The gateway itself: a client that dials the listener names its port, or none. */
function findOwnPlace({ serverName, dialled }: Entrance, port: number | null): Place | Misplaced {
  if (serverName !== null && serverName !== AGENT_NAME) {
    return misplaced('the host of the request is not the TLS server name');
  }
  return port === null || port === dialled.port || AGENT_PORTS.includes(port)
    ? placeAt(AGENT_NAME, 443)
    : misplaced(`${AGENT_NAME} has no such port`);
}

function isOwn({ dialled, ownNames }: Entrance, host: string, port: number | null): boolean {
  return (host === dialled.host || ownNames.has(host)) && (port === null || port === dialled.port);
}

function findOnlyHost({ patterns }: Entrance): Place | Misplaced {
  const hosts = new Set(patterns.filter(({ wildcard }) => !wildcard).map(({ host }) => host));
  const [host] = hosts;
  return host === undefined || hosts.size > 1
    ? misplaced('the endpoint has several hosts, and the request names none of them')
    : choosePort(host, portsOf(patterns, host), { port: null, own: null });
}

/** `own`: the listener's port stands for no port, since a client that dials the listener names it. */
function choosePort(
  host: string,
  ports: readonly number[],
  { port, own }: { readonly port: number | null; readonly own: number | null },
): Place | Misplaced {
  if (port !== null && ports.includes(port)) {
    return placeAt(host, port);
  }
  if (ports.length === 0 || (port !== null && port !== own)) {
    return misplaced('the host of the request is none of the hosts of this endpoint');
  }
  if (ports.includes(443)) {
    return placeAt(host, 443);
  }
  const [only] = ports;
  return only === undefined || ports.length > 1
    ? misplaced('the endpoint has several ports of that host, and the request names none of them')
    : placeAt(host, only);
}

function placeAt(host: string, port: number): Place {
  return { kind: 'place', scheme: schemeOf(port), host, port };
}

function misplaced(why: string): Misplaced {
  return { kind: 'misplaced', status: 421, why };
}
