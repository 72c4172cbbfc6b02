// Requests made by hand, for tests of the facts of HTTP.
import { makeEndpoint } from './rule-parts.ts';
import type { AttributeValue, EndpointConfig } from '../../src/config/config.ts';
import type { RequestState } from '../../src/protocols/http/flavour.ts';
import type { BodyReading, HttpRequest } from '../../src/protocols/http/request.ts';

export interface RequestParts {
  readonly method?: string;
  /** Path and query as sent. */
  readonly target?: string;
  readonly headers?: readonly (readonly [string, string])[];
  /** The body as sent; its length is the Content-Length. */
  readonly body?: string | Buffer;
  readonly host?: string;
  readonly upgrade?: string;
  readonly version?: HttpRequest['version'];
  /** The length is not known before the end. */
  readonly streamed?: boolean;
}

/** A request, and its whole body. */
export function makeRequest(parts: RequestParts = {}): { readonly request: HttpRequest; readonly body: BodyReading } {
  const bytes = Buffer.from(parts.body ?? '');
  const target = parts.target ?? '/';
  const mark = target.indexOf('?');
  const hasBody = parts.body !== undefined;
  const framing = hasBody ? (parts.streamed === true ? 'stream' : 'length') : 'none';
  return {
    request: {
      version: parts.version ?? '1.1',
      method: parts.method ?? (hasBody ? 'POST' : 'GET'),
      scheme: 'https',
      host: parts.host ?? 'api.example.com',
      port: 443,
      rawPath: mark < 0 ? target : target.slice(0, mark),
      rawQuery: mark < 0 ? null : target.slice(mark + 1),
      fields: (parts.headers ?? []).map(([name, value]) => ({ name, value })),
      upgrade: parts.upgrade ?? 'none',
      framing,
      contentLength: framing === 'length' ? bytes.length : null,
    },
    body: { kind: 'whole', bytes },
  };
}

/** An https endpoint with these attributes of its own. */
export function makeHttpEndpoint(
  attributes: Readonly<Record<string, AttributeValue>> = {},
  unmatched: EndpointConfig['unmatched'] = 'risk',
): EndpointConfig {
  return { ...makeEndpoint('http', unmatched), attributes };
}

export function makeState(attributes: Readonly<Record<string, AttributeValue>> = {}): RequestState {
  return { config: makeHttpEndpoint(attributes), hasCredential: false };
}
