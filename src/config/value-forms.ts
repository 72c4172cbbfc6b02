// Checks of strings that have a form of their own: addresses, URLs, names of headers and zones, secret references.
import { nearest } from '../lib/text.ts';
import { canonicalHost, formatHostPort, isLoopbackHost, parseAddress, parseCidr, parseHost, parseIp } from './hosts.ts';
import type { Finding } from './report.ts';
import type { StringForm } from './schema-types.ts';

/** The value to keep (canonical where there is a canonical form), or what is wrong with it. */
export type FormResult =
  | { readonly kind: 'ok'; readonly value: string }
  | { readonly kind: 'bad'; readonly finding: Finding };

type Check = (text: string) => FormResult;

const ok = (value: string): FormResult => ({ kind: 'ok', value });
const bad = (code: string, message: string, fix: string): FormResult => ({
  kind: 'bad',
  finding: { code, message, fix },
});

function checkAddress(text: string): FormResult {
  return parseAddress(text) === null
    ? bad(
        'bad-address',
        `"${text}" is not an address`,
        'write IP:PORT, [IPv6]:PORT, localhost:PORT, unix:/PATH or off; port 0 takes any free port',
      )
    : ok(text);
}

function checkIpPort(text: string): FormResult {
  const address = parseAddress(text);
  return address === null || address === 'off' || address.kind !== 'tcp' || address.host === 'localhost'
    ? bad('bad-address', `"${text}" is not an address`, 'write IP:PORT or [IPv6]:PORT; port 0 takes any free port')
    : ok(formatHostPort(address.host, address.port));
}

function checkResolver(text: string): FormResult {
  const parsed = parseHost(text, false);
  return parsed === null || parseIp(parsed.host) === null
    ? bad('bad-address', `"${text}" is not the address of a DNS server`, 'write IP or IP:PORT')
    : ok(formatHostPort(parsed.host, parsed.port ?? 53));
}

function parseHttpUrl(text: string): URL | null {
  const trimmed = text.trim();
  if (!/^https?:\/\//i.test(trimmed) || !URL.canParse(trimmed)) {
    return null;
  }
  const parsed = new URL(trimmed);
  return parsed.hostname === '' || parsed.username !== '' || parsed.password !== '' ? null : parsed;
}

function checkUrl(text: string): FormResult {
  const parsed = parseHttpUrl(text);
  return parsed === null || parsed.search !== '' || parsed.hash !== ''
    ? bad('wrong-type', 'this is not an absolute http(s) URL', 'write https://HOST[:PORT][/PATH], no user, query or #')
    : ok(text.trim().replace(/\/+$/, ''));
}

function checkUrlHttps(text: string): FormResult {
  const parsed = parseHttpUrl(text);
  const host = parsed?.hostname.replace(/^\[|\]$/g, '') ?? '';
  return parsed === null || (parsed.protocol === 'http:' && !isLoopbackHost(host))
    ? bad('wrong-type', 'this is not an https URL', 'write https://HOST/PATH; http:// only to loopback')
    : ok(text.trim());
}

function checkHostOrUrl(text: string): FormResult {
  const rest = text.replace(/^https:\/\//i, '').replace(/\/$/, '');
  const parsed = parseHost(rest, false);
  return parsed === null
    ? bad(
        'bad-host',
        `"${text}" is neither a host nor an https:// URL without path`,
        'write HOST[:PORT] or https://HOST[:PORT]',
      )
    : ok(parsed.port === null ? parsed.host : formatHostPort(parsed.host, parsed.port));
}

function checkDialHost(text: string): FormResult {
  const parsed = parseHost(text, false);
  return parsed === null
    ? bad('bad-host', `"${text}" is not a host`, 'write HOST or HOST:PORT')
    : ok(parsed.port === null ? parsed.host : formatHostPort(parsed.host, parsed.port));
}

function checkCidr(text: string): FormResult {
  return parseCidr(text) === null
    ? bad('bad-cidr', `"${text}" is not a network`, 'write ADDRESS/PREFIX, for example 10.0.0.0/8')
    : ok(text);
}

function checkTimezone(text: string): FormResult {
  try {
    return ok(new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone === '' ? 'UTC' : text);
  } catch {
    const near = nearest(text, Intl.supportedValuesOf('timeZone'));
    const fix = near === null ? 'write an IANA name, for example Europe/Berlin' : `did you mean "${near}"?`;
    return bad('bad-enum', `"${text}" is not a time zone`, fix);
  }
}

function checkOperator(text: string): FormResult {
  const domain = /^(?:[^\s@*]+|\*)@([^\s@]+)$/.exec(text)?.[1];
  const account = /^(?!slack:)[\p{L}\p{N}_][\p{L}\p{N}_.+-]{0,127}$/u.test(text);
  const slack = /^slack:[A-Z0-9]{2,32}$/.test(text);
  if (account || slack || (domain !== undefined && canonicalHost(domain) !== null)) {
    return ok(text);
  }
  return bad(
    'bad-operator',
    `"${text}" names no operator`,
    'write an account, user@domain, *@domain, slack:ID or local',
  );
}

function checkTailnetNode(text: string): FormResult {
  const domain = /^(?:[^\s@*:]+|\*)@([^\s@]+)$/.exec(text)?.[1];
  return /^tag:[A-Za-z][A-Za-z0-9-]{0,62}$/.test(text) ||
    /^node:[A-Za-z0-9]{1,64}$/.test(text) ||
    (domain !== undefined && canonicalHost(domain) !== null)
    ? ok(text)
    : bad('bad-tailnet-node', `"${text}" names no node`, 'write tag:NAME, user@domain, *@domain or node:STABLE_ID');
}

function checkHostKey(text: string): FormResult {
  const fingerprint = /^SHA256:[A-Za-z0-9+/]{43}=?$/;
  const key = /^(?:\S+\s+)?(?:ssh-|ecdsa-|sk-)[\w@.-]+\s+[A-Za-z0-9+/]{32,}={0,2}(?:\s.*)?$/;
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  return lines.length > 0 && lines.every((line) => fingerprint.test(line.trim()) || key.test(line.trim()))
    ? ok(text)
    : bad('wrong-type', 'this is not a host key', 'write SHA256:FINGERPRINT, or a known_hosts or public key line');
}

/** Lines of authorized_keys without options, which would be promises that nobody keeps. */
function checkPublicKey(text: string): FormResult {
  const key = /^(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521))\s+[A-Za-z0-9+/]{32,}={0,2}(?:\s.*)?$/;
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  return lines.length > 0 && lines.every((line) => key.test(line.trim()))
    ? ok(text)
    : bad('wrong-type', 'this is not a public key', 'write ssh-ed25519 AAAA… as in a .pub file, without options');
}

/** Whole certificates in text form. Whether each can be read is found when it is used. */
function checkPem(text: string): FormResult {
  const certificates = /-----BEGIN CERTIFICATE-----\s[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/;
  return certificates.test(text)
    ? ok(text)
    : bad('wrong-type', 'this holds no PEM certificate', 'write -----BEGIN CERTIFICATE----- …, or <<file:PATH>>');
}

function matching(pattern: RegExp, code: string, what: string, fix: string): Check {
  return (text) => (pattern.test(text) ? ok(text) : bad(code, `"${text}" is not ${what}`, fix));
}

const CHECKS: Readonly<Record<StringForm, Check>> = {
  address: checkAddress,
  'base64-key': matching(/^[A-Za-z0-9+/]{43}=$/, 'wrong-type', 'a WireGuard key', 'write 32 bytes in base64'),
  cidr: checkCidr,
  'dial-host': checkDialHost,
  'env-name': matching(/^[A-Za-z_][A-Za-z0-9_]*$/, 'bad-name', 'the name of a variable', 'write letters, digits and _'),
  'header-name': matching(
    /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/,
    'bad-name',
    'a header or cookie name',
    'write letters, digits and -',
  ),
  'host-or-url': checkHostOrUrl,
  'host-key': checkHostKey,
  'public-key': checkPublicKey,
  interface: matching(
    /^(?!\.{1,2}$)[^\s/:\0]{1,15}$/,
    'bad-name',
    'an interface name',
    'write 1 to 15 characters without / or space',
  ),
  'ip-port': checkIpPort,
  pem: checkPem,
  operator: checkOperator,
  'tailnet-node': checkTailnetNode,
  resolver: checkResolver,
  'absolute-path': matching(/^\/[^\0]+$/, 'wrong-type', 'an absolute path', 'write the path from the root: /etc/…'),
  path: matching(/^[^\0]+$/, 'empty-value', 'a path', 'write a path, or remove the attribute'),
  timezone: checkTimezone,
  url: checkUrl,
  'url-https': checkUrlHttps,
};

/** Checks a string against its form. */
export function checkForm(text: string, form: StringForm): FormResult {
  return CHECKS[form](text);
}

const SECRET_REFERENCE = /\{\{secret:([^{}]*)(\}\})?/g;
const SECRET_TARGET = /^(?:(?:env:)?[A-Za-z_][A-Za-z0-9_]*|file:\/[^\0]+|store:[^\s\0]{1,128})$/;

/** What is wrong with the `{{secret:…}}` of a text, or null. `allowed`: the attribute is a secret string. */
export function checkSecretReferences(
  text: string,
  allowed: boolean,
): { readonly offset: number; readonly finding: Finding } | null {
  for (const match of text.matchAll(SECRET_REFERENCE)) {
    if (!allowed) {
      const message = 'a secret reference stands in an attribute that takes none';
      const fix = 'use a credential with a secret block, or an attribute that the reference calls a secret string';
      return { offset: match.index, finding: { code: 'bad-secret-reference', message, fix } };
    }
    if (match[2] === undefined || !SECRET_TARGET.test(match[1] ?? '')) {
      const message = 'this secret reference is malformed';
      const fix = 'write {{secret:NAME}}, {{secret:env:NAME}}, {{secret:file:/PATH}} or {{secret:store:NAME}}';
      return { offset: match.index, finding: { code: 'bad-secret-reference', message, fix } };
    }
  }
  return null;
}

/** Whether a secret string holds any reference; one that holds none is a literal. */
export function holdsSecretReference(text: string): boolean {
  return text.includes('{{secret:');
}
