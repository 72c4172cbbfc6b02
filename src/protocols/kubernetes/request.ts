// What a request asks of the API server: kube-apiserver's own reading (RequestInfo), and the shapes that are refused because two
// readers could take them differently. Nothing here looks at the body.
import { Unknown } from '../../rules/action.ts';
import { CONNECT_RESOURCES } from '../../rules/schema-k8s.ts';
import { OVERRIDE_FIELDS } from '../http/override.ts';
import { readPath } from '../http/path.ts';
import type { PathForms } from '../http/path.ts';
import type { HttpRequest } from '../http/request.ts';
import { parseQuery, readBoolean } from './query.ts';
import type { Query } from './query.ts';

export type Verb =
  | 'meta'
  | 'get'
  | 'list'
  | 'watch'
  | 'create'
  | 'update'
  | 'patch'
  | 'delete'
  | 'deletecollection'
  | 'connect';

/** The address and verb of one request. */
export interface Target {
  readonly verb: Verb;
  /** The authoriser's verb, before exec and its like become `connect`. */
  readonly apiVerb: Verb;
  readonly group: string;
  readonly version: string;
  /** Plural, without subresource; "" for meta. */
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** What follows `…/proxy/`, raw; "" without. */
  readonly proxyPath: string;
  readonly query: Query;
}

export type Reading =
  | { readonly kind: 'target'; readonly target: Target }
  | { readonly kind: 'refused'; readonly why: string };

const METHOD_VERBS: Readonly<Record<string, Verb>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

const META_PATHS =
  /^\/(?:api|apis|api\/[^/]+|apis\/[^/]+|apis\/[^/]+\/[^/]+|version|(?:healthz|livez|readyz)(?:\/.+)?|openapi\/v2|openapi\/v3(?:\/.+)?|metrics|\.well-known\/openid-configuration|openid\/v1\/jwks)$/;

/** Reads method, path, query and headers. Total. */
export function readTarget(request: HttpRequest): Reading {
  const why = refusedHead(request);
  if (why !== null) {
    return { kind: 'refused', why };
  }
  const query = parseQuery(request.rawQuery);
  if (query === null) {
    return refused('the query is malformed, or can be read in two ways');
  }
  if (query.has('_method')) {
    return refused('method overrides are not taken');
  }
  const path = splitProxy(request.rawPath);
  const segments = canonicalSegments(path.head);
  if (segments === null) {
    return refused('the path is not canonical');
  }
  return readSegments({ method: request.method, segments, proxyPath: path.proxied, query });
}

function refused(why: string): Reading {
  return { kind: 'refused', why };
}

/** Refusals that hang on method and header fields alone. */
function refusedHead(request: HttpRequest): string | null {
  const { method, fields } = request;
  if (METHOD_VERBS[method] === undefined) {
    return `${/^[A-Z]{1,20}$/.test(method) ? method : 'this method'} is not a method of the API`;
  }
  if ((method === 'GET' || method === 'HEAD') && request.framing !== 'none' && request.contentLength !== 0) {
    return `${method} with a body`;
  }
  for (const { name } of fields) {
    // Servers behind CGI and its descendants take `_` for `-`. `X-Remote-*` is how an authenticating proxy says who asks.
    const lower = name.toLowerCase().replaceAll('_', '-');
    if (lower.startsWith('impersonate-') || lower.startsWith('x-remote-')) {
      return 'impersonation headers are not taken from agents';
    }
    if (OVERRIDE_FIELDS.has(lower)) {
      return 'method overrides are not taken';
    }
  }
  return null;
}

/** Cuts off what a proxy subresource is asked for: that part belongs to another server, and stays raw. */
function splitProxy(rawPath: string): { readonly head: string; readonly proxied: string } {
  const match =
    /^(\/api\/[^/]+\/(?:namespaces\/[^/]+\/(?:pods|services)|nodes)\/[^/]+\/proxy)(?:\/(.*))?$/s.exec(rawPath) ?? [];
  const [, head, proxied = ''] = match;
  return head === undefined || hasDotSegment(proxied) ? { head: rawPath, proxied: '' } : { head, proxied };
}

/** A dot segment behind `proxy/` climbs out of it wherever something between us and the server tidies paths. */
function hasDotSegment(path: string): boolean {
  return path
    .replace(/%2e/gi, '.')
    .replace(/%2f|%5c|\\/gi, '/')
    .split('/')
    .some((segment) => /^\.\.?(?:;|$)/.test(segment));
}

/** The endpoint has no say in how its paths are read: there is one API server. */
const STRICT: PathForms = { encodedSlash: false, emptySegments: false, pathParams: false };

/** The decoded segments of a path that can be read in one way only, a trailing empty one included; else null. */
function canonicalSegments(rawPath: string): readonly string[] | null {
  const { segments } = readPath(rawPath, STRICT);
  return segments instanceof Unknown ? null : segments;
}

interface PathParts {
  readonly method: string;
  readonly segments: readonly string[];
  readonly proxyPath: string;
  readonly query: Query;
}

function readSegments(parts: PathParts): Reading {
  const { segments, method } = parts;
  const [prefix] = segments;
  const trailing = segments.at(-1) === '';
  const trimmed = trailing ? segments.slice(0, -1) : segments;
  const needed = prefix === 'api' ? 3 : 4;
  if ((prefix !== 'api' && prefix !== 'apis') || trimmed.length < needed) {
    const known = META_PATHS.test(`/${trimmed.join('/')}`);
    return known && (method === 'GET' || method === 'HEAD')
      ? { kind: 'target', target: metaTarget(parts.query) }
      : refused(
          known ? `${method} on a discovery or health path` : 'not a path of the API that is served through here',
        );
  }
  if (trailing) {
    return refused('the path is not canonical');
  }
  return readResource(parts, trimmed, needed);
}

function metaTarget(query: Query): Target {
  return {
    verb: 'meta',
    apiVerb: 'meta',
    group: '',
    version: '',
    resource: '',
    subresource: '',
    namespace: '',
    name: '',
    proxyPath: '',
    query,
  };
}

/** Steps 3 to 7 of the server's reading. `needed` tells where the first part of the resource stands. */
function readResource(parts: PathParts, segments: readonly string[], needed: number): Reading {
  const group = needed === 3 ? '' : (segments[1] ?? '');
  const version = segments[needed - 2] ?? '';
  let rest = segments.slice(needed - 1);
  let verb: Verb = METHOD_VERBS[parts.method] ?? 'connect';
  const special = rest[0] === 'watch' || rest[0] === 'proxy' ? rest[0] : null;
  if (special !== null) {
    if (rest.length < 2) {
      return refused('not a path of the API that is served through here');
    }
    rest = rest.slice(1);
    verb = special === 'watch' ? 'watch' : 'connect';
  }
  if (special === 'watch' && parts.method !== 'GET') {
    return refused('a watch is a GET');
  }
  let namespace = '';
  if (rest[0] === 'namespaces' && rest.length > 1) {
    namespace = rest[1] ?? '';
    if (rest.length > 2 && rest[2] !== 'status' && rest[2] !== 'finalize') {
      rest = rest.slice(2);
    }
  }
  const [resource = '', pathName = '', pathSubresource = ''] = rest;
  if (special === 'proxy') {
    const proxyPath = rest.slice(2).join('/');
    return done({ ...parts, group, version, namespace, resource, subresource: 'proxy', proxyPath }, verb, pathName);
  }
  // What is asked of the proxied server does not hang on how the words before it are escaped.
  const proxyPath = pathSubresource === 'proxy' && parts.proxyPath === '' ? rest.slice(3).join('/') : parts.proxyPath;
  const whole = { ...parts, group, version, namespace, resource, subresource: pathSubresource, proxyPath };
  return done(whole, verb, pathName);
}

type Addressed = Omit<Target, 'verb' | 'apiVerb' | 'name'> & {
  readonly method: string;
  readonly segments: readonly string[];
};

function done(addressed: Addressed, pathVerb: Verb, pathName: string): Reading {
  const { group, version, resource, subresource, namespace, proxyPath, query } = addressed;
  let apiVerb = pathVerb;
  let name = pathName;
  if (name === '' && apiVerb === 'get') {
    apiVerb = readBoolean(query.get('watch')) === true ? 'watch' : 'list';
    name = selectedName(query.get('fieldSelector')?.[0] ?? '');
  } else if (name === '' && apiVerb === 'delete') {
    apiVerb = 'deletecollection';
  }
  const connects = CONNECT_RESOURCES.has(`${resource}/${subresource}`);
  const verb = connects ? 'connect' : apiVerb;
  const target: Target = { verb, apiVerb, group, version, resource, subresource, namespace, name, proxyPath, query };
  return { kind: 'target', target };
}

/** The name that a field selector pins (`metadata.name=N` or `==`), or "". A selector that the server would reject pins nothing. */
function selectedName(selector: string): string {
  const terms = selector.split(',').filter((term) => term !== '');
  // The server's reader takes a term without an operator for an error, and forgets the whole selector.
  if (terms.some((term) => !/[^=!]=/.test(term)) || selector.includes('\\')) {
    return '';
  }
  for (const term of terms) {
    const match = /^metadata\.name==?([^=]*)$/.exec(term);
    const name = match?.[1] ?? '';
    if (name !== '' && name !== '.' && name !== '..' && !/[/%]/.test(name)) {
      return name;
    }
  }
  return '';
}
