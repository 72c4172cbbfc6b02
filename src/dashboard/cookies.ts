// Cookies of the dashboard, read and written. The names carry the port: browsers share a host's cookies among its ports. Pure.

export interface CookieNames {
  readonly session: string;
  readonly device: string;
}

/** `__Host-`: the browser takes it over TLS only, and from no other host. */
export function cookieNames(secure: boolean, port: number): CookieNames {
  const prefix = secure ? '__Host-' : '';
  return { session: `${prefix}clawpatrol-${port}`, device: `${prefix}clawpatrol-device-${port}` };
}

/** The cookie's value; null when it is absent, is there twice, or is nothing that we have written. */
export function readCookie(header: string | undefined, name: string): string | null {
  const values = (header ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  const [value] = values;
  return values.length === 1 && value !== undefined && /^[\w.-]{16,256}$/.test(value) ? value : null;
}

/** A `Set-Cookie` value that no script reads and no other site sends. `maxAgeMs` 0 takes it away. */
export function writeCookie(
  name: string,
  value: string,
  { secure, maxAgeMs }: { readonly secure: boolean; readonly maxAgeMs: number },
): string {
  const parts = [`${name}=${value}`, 'Path=/', 'HttpOnly', 'SameSite=Strict', `Max-Age=${Math.floor(maxAgeMs / 1000)}`];
  return [...parts, ...(secure ? ['Secure'] : [])].join('; ');
}
