// Requests described by hand (`clawpatrol test`, `explain`): by method and path, from which the live code derives everything, or by
// verb, resource and name as people say it.
import { GatewayError } from '../../lib/errors.ts';
import type { EndpointConfig } from '../../config/config.ts';
import type { BodyReading, Field, HttpRequest } from '../http/request.ts';
import type { ActionSample } from '../protocol.ts';
import { RISK_ROWS } from './risk-table.ts';

export interface SampleRequest {
  readonly request: HttpRequest;
  readonly body: BodyReading;
  /** Named by a plural whose group cannot be told. */
  readonly groupUnknown: boolean;
}

type Fields = ActionSample['fields'];

const METHODS: Readonly<Record<string, string>> = {
  meta: 'GET',
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETE',
  connect: 'POST',
};

/** The request that a sample describes. Throws GatewayError CLIENT_PROTOCOL when it describes none. */
export function sampleRequest(sample: ActionSample, endpoint: EndpointConfig): SampleRequest {
  const { fields } = sample;
  const verb = textOf(fields, 'verb');
  const derived = textOf(fields, 'path') === '' ? derivedTarget(fields) : null;
  const target = derived?.target ?? textOf(fields, 'path');
  const method = textOf(fields, 'method') || (verb === '' ? 'GET' : (METHODS[verb] ?? ''));
  if (method === '') {
    throw bad(`k8s.verb "${verb}" is none of ${Object.keys(METHODS).join(', ')}`);
  }
  const bytes = bodyOf(fields);
  const at = target.indexOf('?');
  const query = [...(at === -1 ? [] : [target.slice(at + 1)]), ...queryPairs(fields)].join('&');
  const headers = headerFields(fields);
  const upgrade = headers.find(({ name }) => name.toLowerCase() === 'upgrade')?.value.toLowerCase() ?? 'none';
  const [host] = endpoint.hosts;
  const request: HttpRequest = {
    version: '1.1',
    method,
    scheme: 'https',
    host: host?.host ?? '',
    port: host?.port ?? 443,
    rawPath: at === -1 ? target : target.slice(0, at),
    rawQuery: at === -1 && query === '' ? null : query,
    fields: headers,
    upgrade,
    framing: bytes.length > 0 || sample.truncated ? 'length' : 'none',
    contentLength: bytes.length > 0 || sample.truncated ? bytes.length + (sample.truncated ? 1 : 0) : null,
  };
  const body: BodyReading = sample.truncated ? { kind: 'cut', cause: 'too_large', bytes } : { kind: 'whole', bytes };
  return { request, body, groupUnknown: derived?.groupUnknown ?? false };
}

function bad(message: string): GatewayError {
  return new GatewayError('CLIENT_PROTOCOL', 'operator', message);
}

function textOf(fields: Fields, key: string): string {
  const value = fields[key];
  return typeof value === 'string' ? value : '';
}

function bodyOf(fields: Fields): Buffer {
  const encoded = textOf(fields, 'body_b64');
  return encoded === '' ? Buffer.from(textOf(fields, 'body')) : Buffer.from(encoded, 'base64');
}

function recordOf(fields: Fields, key: string): readonly [string, unknown][] {
  const value = fields[key];
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : typeof value === 'string' ? [value] : [];
}

function headerFields(fields: Fields): readonly Field[] {
  return recordOf(fields, 'headers').flatMap(([name, values]) => listOf(values).map((value) => ({ name, value })));
}

function queryPairs(fields: Fields): readonly string[] {
  const entries = [...recordOf(fields, 'query'), ...recordOf(fields, 'params')];
  return entries.flatMap(([name, values]) =>
    listOf(values).map((value) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`),
  );
}

/** The path of a verb, a resource and names, with the group that the built-in resource has. */
function derivedTarget(fields: Fields): { readonly target: string; readonly groupUnknown: boolean } {
  const verb = textOf(fields, 'verb');
  const named = textOf(fields, 'resource');
  if (verb === 'meta') {
    return { target: '/version', groupUnknown: false };
  }
  if (verb === '' || named === '') {
    throw bad('k8s needs method and path, or verb and resource');
  }
  const [resource = '', ...subresource] = named.split('/');
  const row = RISK_ROWS.find(({ resources }) => resources.includes(named) || resources.includes(resource));
  const group = row?.groups[0] ?? 'group.invalid';
  const name = textOf(fields, 'name');
  if (subresource.length > 0 && name === '') {
    throw bad(`k8s.name is needed with ${named}`);
  }
  const namespace = textOf(fields, 'namespace');
  const parts = [
    ...(group === '' ? ['api', 'v1'] : ['apis', group, 'v1']),
    ...(namespace === '' || resource === 'namespaces' ? [] : ['namespaces', namespace]),
    resource,
    ...(name === '' ? [] : [name]),
    ...subresource,
  ];
  const watch = verb === 'watch' ? '?watch=true' : '';
  return { target: `/${parts.map(encodeURIComponent).join('/')}${watch}`, groupUnknown: row === undefined };
}
