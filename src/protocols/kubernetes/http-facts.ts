// The facts of HTTP that a request to the API server has as well.
import { asciiLower } from '../../lib/text.ts';
import type { FactValue, Facts } from '../../rules/action.ts';
import { HTTP_FACTS } from '../../rules/schema-http.ts';
import { canonicalTarget } from '../http/canonical.ts';
import type { RequestState } from '../http/flavour.ts';
import { readHeaders } from '../http/headers.ts';
import type { BodyReading, HttpRequest } from '../http/request.ts';

export function httpFacts(request: HttpRequest, _body: BodyReading, state: RequestState): Facts {
  const target = canonicalTarget(request, state);
  const known: Readonly<Record<string, () => FactValue>> = {
    'http.method': () => asciiLower(request.method),
    'http.path': () => target.path,
    'http.query': () => target.query,
    'http.headers': () => readHeaders(request.fields),
    'http.host': () => request.host,
    'http.port': () => BigInt(request.port),
    'http.scheme': () => request.scheme,
    'http.version': () => request.version,
    'http.kind': () => 'request',
    'http.upgrade': () => request.upgrade,
    'http.raw_path': () => request.rawPath,
    'http.raw_query': () => request.rawQuery ?? '',
    'http.has_credential': () => state.hasCredential,
  };
  return { get: (name) => known[name]?.() ?? neutral.get(name) };
}

const neutral: ReadonlyMap<string, FactValue> = new Map(
  HTTP_FACTS.map(({ name, type }): [string, FactValue] => {
    switch (type.kind) {
      case 'string':
        return [name, ''];
      case 'int':
        return [name, 0n];
      case 'double':
        return [name, 0];
      case 'bool':
        return [name, false];
      case 'list':
        return [name, []];
      case 'map':
        return [name, new Map()];
      case 'dyn':
      case 'record':
      case 'timestamp':
        return [name, {}];
    }
  }),
);
