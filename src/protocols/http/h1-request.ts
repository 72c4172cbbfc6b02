// From an HTTP/1 head to the request that is judged and sent: forms of the target, host, framing, upgrade, expectation. Pure.
import { findConnectTarget, findPlace, parseAuthority, type Entrance } from './authority.ts';
import { retryOf } from './deferred.ts';
import { countOf, forwardedFields, listOf, onlyValue } from './fields.ts';
import { keepsAlive, requestFraming } from './framing.ts';
import type { BodyFraming } from './h1-body.ts';
import type { RequestHead } from './h1-head.ts';
import type { HttpRequest } from './request.ts';
import type { DialTarget } from '../protocol.ts';

/** A request that may be judged, and what its connection must know of it. */
export interface ReadRequest {
  readonly kind: 'request';
  readonly request: HttpRequest;
  readonly framing: BodyFraming;
  /** The client sends its body only after 100 Continue, or after it is tired of waiting. */
  readonly expectContinue: boolean;
  readonly keepAlive: boolean;
  /** Approval that it is the retry of, as the agent says; null when it is none (deferred.ts). */
  readonly retry: string | null;
}

export interface RefusedRequest {
  readonly kind: 'refused';
  readonly status: number;
  readonly code: 'malformed' | 'misdirected';
  readonly why: string;
}

export type Reading = ReadRequest | RefusedRequest | { readonly kind: 'connect'; readonly target: DialTarget };

/** What a head asks for, at that entrance. */
export function readRequest(head: RequestHead, entrance: Entrance): Reading {
  const { method, version, fields } = head;
  if (method === 'CONNECT') {
    return readConnect(head, entrance);
  }
  if (method === 'TRACE' || method === 'PRI') {
    return refused(`${method} is not served`, 405);
  }
  if (entrance.tunnelOnly) {
    return refused('this listener speaks TLS only');
  }
  if (countOf(fields, 'host') !== 1) {
    return refused('a request has exactly one Host');
  }
  const target = splitTarget(head);
  if (target === null) {
    return refused('the request target has no form that is served');
  }
  const host = onlyValue(fields, 'host') ?? '';
  const place = findPlace(entrance, target.authority ?? host, target.scheme);
  if (place.kind === 'misplaced' || (target.authority !== null && !sameAuthority(target.authority, host))) {
    const why = place.kind === 'misplaced' ? place.why : 'the request target and Host differ';
    return refused(why, place.kind === 'misplaced' ? place.status : 400, 'misdirected');
  }
  const framing = requestFraming(version, fields);
  const upgrade = readUpgrade(head);
  if (framing.kind === 'malformed') {
    return refused(framing.why);
  }
  if (typeof upgrade !== 'string') {
    return upgrade;
  }
  const hasBody = framing.kind === 'chunked' || (framing.kind === 'length' && framing.bytes > 0);
  if (upgrade !== 'none' && hasBody) {
    return refused('a request for an upgrade has no body');
  }
  const expectation = readExpectation(head);
  if (typeof expectation !== 'boolean') {
    return expectation;
  }
  const request: HttpRequest = {
    version,
    method,
    scheme: place.scheme,
    host: place.host,
    port: place.port,
    rawPath: target.path,
    rawQuery: target.query,
    fields: forwardedFields(fields),
    upgrade,
    framing: framing.kind === 'chunked' ? 'stream' : framing.kind === 'length' ? 'length' : 'none',
    contentLength: framing.kind === 'length' ? framing.bytes : null,
  };
  // Through a forward proxy the next request may be for another host, which has another connection.
  const keepAlive = keepsAlive(head) && (target.authority === null || entrance.target === null);
  const expectContinue = expectation && hasBody;
  return { kind: 'request', request, framing, expectContinue, keepAlive, retry: retryOf(fields) };
}

function refused(why: string, status: number = 400, code: 'malformed' | 'misdirected' = 'malformed'): RefusedRequest {
  return { kind: 'refused', status, code, why };
}

/** Clients of HTTP/1.0 ask for a tunnel without naming Host; where there is one it says the same as the target. */
function readConnect({ target, fields }: RequestHead, entrance: Entrance): Reading {
  if (entrance.secure || entrance.target !== null) {
    return refused('CONNECT is not served here', 405);
  }
  if (countOf(fields, 'content-length') + countOf(fields, 'transfer-encoding') > 0 || countOf(fields, 'host') > 1) {
    return refused('CONNECT has no body and at most one Host');
  }
  const host = onlyValue(fields, 'host');
  const found = findConnectTarget(entrance, target);
  if ('kind' in found) {
    return refused(found.why, found.status, 'misdirected');
  }
  if (host !== null && parseAuthority(host)?.host !== found.host) {
    return refused('the target of CONNECT and Host differ', 400, 'misdirected');
  }
  return { kind: 'connect', target: found };
}

interface SplitTarget {
  /** Null for a target in origin form. */
  readonly authority: string | null;
  readonly scheme: 'http' | 'https' | null;
  readonly path: string;
  readonly query: string | null;
}

/** Cuts a target and changes nothing of it: what is forwarded is what came (HX-18). */
function splitTarget({ method, target }: RequestHead): SplitTarget | null {
  if (target === '*') {
    return method === 'OPTIONS' ? { authority: null, scheme: null, path: '*', query: null } : null;
  }
  if (target.startsWith('/')) {
    return { authority: null, scheme: null, ...splitPath(target) };
  }
  const match = /^(https?):\/\/([^/?]+)(.*)$/is.exec(target);
  if (match === null) {
    return null;
  }
  const rest = match[3] ?? '';
  return {
    authority: match[2] ?? '',
    scheme: match[1]?.toLowerCase() === 'https' ? 'https' : 'http',
    ...splitPath(rest.startsWith('/') ? rest : `/${rest}`),
  };
}

export function splitPath(target: string): { readonly path: string; readonly query: string | null } {
  const mark = target.indexOf('?');
  return mark === -1 ? { path: target, query: null } : { path: target.slice(0, mark), query: target.slice(mark + 1) };
}

function sameAuthority(a: string, b: string): boolean {
  const left = parseAuthority(a);
  const right = parseAuthority(b);
  return left !== null && right !== null && left.host === right.host && left.port === right.port;
}

/** The one upgrade that is asked for, lower case. Without `Connection: upgrade` the field is for nobody and is dropped. */
function readUpgrade({ version, fields }: RequestHead): string | RefusedRequest {
  const wanted = listOf(fields, 'upgrade');
  if (wanted.length === 0 || version === '1.0' || !listOf(fields, 'connection').includes('upgrade')) {
    return 'none';
  }
  const [only] = wanted;
  return wanted.length > 1 || only === undefined || !/^[!#$%&'*+\-.^_`|~0-9a-z/]{1,64}$/.test(only)
    ? refused('a request asks for one upgrade at most')
    : only;
}

function readExpectation({ version, fields }: RequestHead): boolean | RefusedRequest {
  const expectations = listOf(fields, 'expect');
  if (expectations.length === 0 || version === '1.0') {
    return false;
  }
  return expectations.length === 1 && expectations[0] === '100-continue'
    ? true
    : refused('this expectation cannot be met', 417);
}
