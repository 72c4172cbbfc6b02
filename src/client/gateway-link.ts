// How a machine speaks with the gateway for itself: over TLS that trusts the gateway's own CA and nothing else, once its fingerprint is known;
// without TLS only on the machine itself. Each call has a deadline and a bound.
import { X509Certificate } from 'node:crypto';
import { request as requestPlain } from 'node:http';
import type { RequestOptions } from 'node:http';
import { request as requestSecure } from 'node:https';
import { isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import { CLIENT_LEVEL, CLIENT_LEVEL_HEADER } from '../lib/client-level.ts';
import { messageOf } from '../lib/errors.ts';
import type { Secret } from '../lib/secret.ts';
import { LinkError, readAnswer } from './link-answer.ts';

/** Where a gateway lets machines in. */
export interface GatewayUrl {
  readonly protocol: 'https:' | 'http:';
  readonly host: string;
  readonly port: number;
  /** SHA-256 of its CA, upper-case hex with colons, or null when the URL does not say. */
  readonly fingerprint: string | null;
}

const DEADLINE_MS = 15_000;
const MAX_ANSWER_BYTES = 256 * 1024;

/** Reads `https://HOST[:PORT][#sha256=FINGERPRINT]`; plain http only to the loopback. Throws LinkError with what to write instead. */
export function parseGatewayUrl(text: string): GatewayUrl {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new LinkError(0, `"${text}" is no URL: write https://HOST:PORT`);
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const { protocol } = url;
  if (protocol !== 'https:' && protocol !== 'http:') {
    throw new LinkError(0, `"${text}" is not https`);
  }
  if (protocol === 'http:' && !isLoopback(host)) {
    throw new LinkError(0, `without TLS only this machine itself may be asked: write https://${url.host}`);
  }
  if (url.username !== '' || url.search !== '' || (url.pathname !== '/' && url.pathname !== '')) {
    throw new LinkError(0, 'the URL of a gateway has no user, path or query');
  }
  const written = /^#sha256=([0-9A-Fa-f:]+)$/.exec(url.hash)?.[1];
  if (url.hash !== '' && written === undefined) {
    throw new LinkError(0, 'what stands behind # must be sha256=FINGERPRINT');
  }
  const port = url.port === '' ? (protocol === 'https:' ? 443 : 80) : Number(url.port);
  return { protocol, host, port, fingerprint: written === undefined ? null : canonicalFingerprint(written) };
}

/** A SHA-256 as `clawpatrol ca show` writes it. Throws LinkError when it is none. */
export function canonicalFingerprint(text: string): string {
  const hex = text.replaceAll(':', '').toUpperCase();
  if (!/^[0-9A-F]{64}$/.test(hex)) {
    throw new LinkError(0, 'a fingerprint is 64 hexadecimal digits (SHA-256), with or without colons');
  }
  return hex.match(/../g)?.join(':') ?? '';
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** The gateway's CA certificate as it shows it, and its fingerprint. Nothing is trusted yet, and nothing but this is asked. Throws LinkError. */
export async function fetchCa(url: GatewayUrl): Promise<{ readonly pem: string; readonly fingerprint: string }> {
  // The one call that verifies nothing: what it brings counts only if its fingerprint is the one that a person or the URL gave.
  const pem = await call(url, { path: '/ca.crt', method: 'GET', rejectUnauthorized: false }, null);
  try {
    return { pem, fingerprint: new X509Certificate(pem).fingerprint256 };
  } catch (error) {
    throw new LinkError(0, `${url.host}:${url.port} does not show a certificate at /ca.crt; is it a gateway?`, {
      cause: error,
    });
  }
}

/** A gateway that is trusted by its CA. */
export interface GatewayLink {
  readonly url: GatewayUrl;
  /** Rejects with LinkError. */
  post(path: string, body: object, token?: Secret): Promise<unknown>;
  get(path: string, token: Secret): Promise<unknown>;
  delete(path: string, token: Secret): Promise<unknown>;
}

/** `address`: where the gateway is, when its name cannot be asked for; its certificate is still the name's. */
export function createGatewayLink(url: GatewayUrl, caPem: string, address: string | null = null): GatewayLink {
  const at = address === null || isIP(url.host) !== 0 ? {} : { lookup: lookupAs(address) };
  const send = async (options: RequestOptions, body: object | null, token: Secret | undefined): Promise<unknown> => {
    const text = await call(url, { ...options, ca: caPem, ...(token === undefined ? {} : { token }), ...at }, body);
    try {
      return JSON.parse(text) as unknown;
    } catch (error) {
      throw new LinkError(0, 'the gateway answered something that is no JSON', { cause: error });
    }
  };
  return {
    url,
    post: (path, body, token) => send({ path, method: 'POST' }, body, token),
    get: (path, token) => send({ path, method: 'GET' }, null, token),
    delete: (path, token) => send({ path, method: 'DELETE' }, null, token),
  };
}

/** Tells that address for whatever is asked. */
function lookupAs(address: string): LookupFunction {
  return (_host, options, done) => {
    const family = isIP(address);
    if (options.all === true) {
      done(null, [{ address, family }]);
    } else {
      done(null, address, family);
    }
  };
}

interface CallOptions extends RequestOptions {
  readonly token?: Secret;
  readonly ca?: string;
  readonly rejectUnauthorized?: boolean;
}

function call(url: GatewayUrl, options: CallOptions, body: object | null): Promise<string> {
  const bytes = body === null ? null : Buffer.from(JSON.stringify(body));
  const headers = {
    [CLIENT_LEVEL_HEADER]: String(CLIENT_LEVEL),
    ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token.reveal()}` }),
    ...(bytes === null ? {} : { 'content-type': 'application/json', 'content-length': bytes.length }),
  };
  const where = `${url.protocol}//${url.host}:${url.port}`;
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? requestSecure : requestPlain;
    const { host, port } = url;
    const { path, method, ca, rejectUnauthorized, lookup } = options;
    const trust = {
      ...(lookup === undefined ? {} : { lookup }),
      ...(ca === undefined ? {} : { ca }),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    };
    const sent = request({ path, method, ...trust, host, port, headers, agent: false }, (response) => {
      const status = response.statusCode ?? 0;
      const text = readAnswer(response, MAX_ANSWER_BYTES).then((read) =>
        status === 200 ? read : Promise.reject(new LinkError(status, reasonIn(read) ?? `${where} answered ${status}`)),
      );
      resolve(text);
    });
    sent.setTimeout(DEADLINE_MS, () => sent.destroy(new Error(`no answer within ${DEADLINE_MS / 1000} s`)));
    sent.on('error', (error) => reject(new LinkError(0, `${where} ${explain(error)}`, { cause: error })));
    sent.end(bytes ?? undefined);
  });
}

/** What to look at when nothing answers, by what the system says. */
const UNREACHABLE: Readonly<Record<string, string>> = {
  ECONNREFUSED:
    'refuses connections: the gateway is down, or listens elsewhere. Look on its host (`clawpatrol status`; its `ready` line names the enroll and dashboard addresses), start it or correct the URL, and try again',
  ENOTFOUND: 'has a name that does not exist: check how it is written, and the name server of this machine',
  EAI_AGAIN: 'has a name that cannot be looked up now: check the name server of this machine, and try again',
  ECONNRESET:
    'ends the connection at once: something else than a gateway may listen there, or a firewall ends it. Check host and port against the `ready` line of the gateway',
  EPROTO:
    'speaks something else than was asked (https or http): check scheme and port against the `ready` line of the gateway',
};
const NO_WAY =
  'does not answer: check that the gateway’s host is up, and that this machine may connect to it (routes, firewalls)';

/** Stands behind the URL. */
function explain(error: Error): string {
  // A name with several addresses fails with what each of them said.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const code = first instanceof Error && 'code' in first ? String(first.code) : '';
  if (/CERT|SELF_SIGNED|ALTNAME|UNABLE_TO/.test(code)) {
    return `shows a certificate that is not one of the gateway's CA for that name (${code}); use the name of gateway { public_url }, or an address it listens at`;
  }
  const known = /TIMEDOUT|UNREACH/.test(code) ? NO_WAY : UNREACHABLE[/SSL|HPE_/.test(code) ? 'EPROTO' : code];
  if (known !== undefined) {
    return `${known} (${code})`;
  }
  return error.message.startsWith('no answer')
    ? `${NO_WAY} (${error.message})`
    : `cannot be asked: ${messageOf(first)}`;
}

function reasonIn(text: string): string | null {
  try {
    const value: unknown = JSON.parse(text);
    const error: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, 'error') : null;
    const message: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'message') : null;
    return typeof message === 'string' ? message : null;
  } catch {
    return null;
  }
}
