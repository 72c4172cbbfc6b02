// Where a browser's request comes from, as far as the browser says it: the answer to DNS rebinding and to pages of other origins. Pure.
import { isIP } from 'node:net';

export interface OriginParts {
  /** `Host` as sent. */
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** `Sec-Fetch-Site` as sent. */
  readonly fetchSite: string | undefined;
}

export interface OwnNames {
  /** Over TLS by itself. */
  readonly tls: boolean;
  /** As listened on, without port. */
  readonly listenHost: string;
  /** `gateway { public_url }`, or null. */
  readonly publicUrl: string | null;
}

/** The name in `Host` without port and brackets, lower-case; null when it cannot be read. */
export function hostName(host: string | undefined): string | null {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(host ?? '');
  return match === null ? null : (match[1] ?? match[2] ?? '').toLowerCase();
}

/**
 * Whether `Host` names this dashboard. A page of another origin can make its own name resolve to our address and is then same-origin with
 * us for the browser, but it cannot change the name: so only names that are ours count. An address names nobody else.
 */
export function isOwnHost({ host }: OriginParts, own: OwnNames): boolean {
  const name = hostName(host);
  return (
    name !== null &&
    (isIP(name) !== 0 ||
      name === 'localhost' ||
      name.endsWith('.localhost') ||
      name === own.listenHost.toLowerCase() ||
      name === publicHost(own))
  );
}

/** Whether the browser came by the public URL, where TLS ends before us. */
export function isSecure(parts: OriginParts, own: OwnNames): boolean {
  return own.tls || (own.publicUrl?.startsWith('https://') === true && hostName(parts.host) === publicHost(own));
}

/** Why a request that only reads is refused for where it comes from, or null. Browsers without Sec-Fetch-Site are held by SameSite. */
export function findReadFault({ fetchSite }: OriginParts): string | null {
  return fetchSite === undefined || fetchSite === 'same-origin' || fetchSite === 'none'
    ? null
    : `a page of another origin asked (${fetchSite})`;
}

/** Why a request that acts is refused for where it comes from, or null. Ports are origins of their own, other than for cookies. */
export function findActFault(parts: OriginParts, own: OwnNames): string | null {
  const { origin, fetchSite, host } = parts;
  if (fetchSite !== undefined && fetchSite !== 'same-origin') {
    return `a page of another origin asked (${fetchSite})`;
  }
  if (origin !== undefined) {
    const scheme = isSecure(parts, own) ? 'https' : 'http';
    return origin.toLowerCase() === `${scheme}://${(host ?? '').toLowerCase()}`
      ? null
      : `the origin ${origin} is not this dashboard`;
  }
  return fetchSite === undefined ? 'it says neither Origin nor Sec-Fetch-Site' : null;
}

/** Why a call that no page makes is refused for where it comes from, or null: machines say neither. */
export function findBrowserFault({ origin, fetchSite }: OriginParts): string | null {
  return origin === undefined && fetchSite === undefined ? null : 'this call is for machines, and a browser made it';
}

function publicHost({ publicUrl }: OwnNames): string | null {
  return publicUrl === null ? null : hostName(new URL(publicUrl).host);
}
