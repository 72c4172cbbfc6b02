// The facts of one HTTP request (fact reference, 4.1 and 4.2), each made when it is first asked for. What providers, GraphQL and
// JSON-RPC add is laid over them by analyser.ts.
import { hash } from 'node:crypto';
import { asciiLower } from '../../lib/text.ts';
import { decodeUtf8Bytes } from '../../lib/utf8.ts';
import { Unknown } from '../../rules/action.ts';
import type { FactRecord, FactValue, Facts } from '../../rules/action.ts';
import { neutralValue } from '../../rules/fact-schema.ts';
import { HTTP_FACTS } from '../../rules/schema-http.ts';
import { contentOf, isBodiless } from './body.ts';
import type { Content } from './body.ts';
import { canonicalTarget } from './canonical.ts';
import type { RequestState } from './flavour.ts';
import { readCodings, readHeaders } from './headers.ts';
import { readOverride } from './override.ts';
import type { MethodOverride } from './override.ts';
import type { BodyReading, HttpRequest } from './request.ts';
import type { CanonicalTarget } from './target.ts';

const LARGEST_INT = 9_223_372_036_854_775_807n;

/** A request with everything that is read of it, shared by facts, dialects and tiers. */
export class RequestReading {
  readonly request: HttpRequest;
  readonly state: RequestState;
  readonly content: Content;
  #target: CanonicalTarget | null = null;
  #override: MethodOverride | null = null;

  constructor(request: HttpRequest, body: BodyReading, state: RequestState) {
    this.request = request;
    this.state = state;
    this.content = contentOf(request, body, state.bodyBufferBytes);
  }

  get target(): CanonicalTarget {
    this.#target ??= canonicalTarget(this.request, this.state);
    return this.#target;
  }

  get override(): MethodOverride {
    this.#override ??= readOverride(this.request, this.content);
    return this.#override;
  }

  /** There is a body, and it was not held. */
  get isUnread(): boolean {
    return this.content.body.kind === 'unread' && !isBodiless(this.request);
  }

  /** Lower case, as sent. */
  get method(): string {
    return asciiLower(this.request.method);
  }
}

type Make = (reading: RequestReading) => FactValue;

/** Facts that every request has. Those that are not here are neutral unless something is laid over them. */
const MAKERS: Readonly<Record<string, Make>> = {
  'http.method': ({ method }) => method,
  'http.path': ({ target }) => target.path,
  'http.query': ({ target }) => target.query,
  'http.headers': ({ request }) => readHeaders(request.fields),
  'http.body': ({ content }) => content.text,
  'http.body_json': ({ content }) => content.json,
  'http.raw_path': ({ request }) => textOf(request.rawPath),
  'http.raw_query': ({ request }) => textOf(request.rawQuery ?? ''),
  'http.segments': ({ target }) => target.segments,
  'http.host': ({ request }) => request.host,
  'http.port': ({ request }) => BigInt(request.port),
  'http.scheme': ({ request }) => request.scheme,
  'http.version': ({ request }) => request.version,
  'http.kind': () => 'request',
  'http.content_type': ({ content }) => (content.media instanceof Unknown ? content.media : content.media.type),
  'http.content_encoding': ({ request }) => readCodings(request.fields),
  'http.body_size': ({ request, content }) => bodySize(request, content),
  'http.body_sha256': ({ content }) => digestOf(content),
  'http.form': ({ content: { form } }) => (form instanceof Unknown ? form : form.fields),
  'http.files': ({ content }) => filesOf(content),
  'http.upgrade': ({ request }) => request.upgrade,
  'http.effective_method': ({ override }) => override.effective,
  'http.has_credential': ({ state }) => state.hasCredential,
};

/** Names of facts that need the body. */
export const BODY_FACTS: readonly string[] = [
  'http.body',
  'http.body_json',
  'http.body_sha256',
  'http.form',
  'http.files',
];

function textOf(bytes: string): string | Unknown {
  return decodeUtf8Bytes(bytes) ?? new Unknown('undecodable');
}

function bodySize(request: HttpRequest, content: Content): bigint {
  const { sent } = content;
  if (!(sent instanceof Unknown)) {
    return BigInt(sent.length);
  }
  return request.contentLength === null ? LARGEST_INT : BigInt(request.contentLength);
}

function digestOf(content: Content): string | Unknown {
  const { sent } = content;
  if (sent instanceof Unknown) {
    return sent;
  }
  return sent.length === 0 ? '' : hash('sha256', sent, 'hex');
}

function filesOf(content: Content): FactValue {
  const { form } = content;
  return form instanceof Unknown
    ? form
    : form.files.map(({ field, filename, contentType, sizeBytes }) => ({
        field,
        filename,
        content_type: contentType,
        size: BigInt(sizeBytes),
      }));
}

/** What a fact is worth where it has no meaning. Words that are not the first thought: `client` sends, and a request is a request. */
const WORDS: Readonly<Record<string, string>> = { 'mcp.direction': 'client', 'http.kind': 'request' };

const NEUTRAL: ReadonlyMap<string, FactValue> = new Map(
  HTTP_FACTS.map(({ name, type, values }) => [
    name,
    WORDS[name] ?? (values?.includes('none') === true ? 'none' : neutralValue(type)),
  ]),
);

/** Facts of one request, with what dialects and providers say laid over them. */
export class HttpFacts implements Facts {
  /** Full names of the family's facts. */
  static readonly names: readonly string[] = [...NEUTRAL.keys()];
  readonly #reading: RequestReading;
  readonly #over: FactRecord;
  readonly #values = new Map<string, FactValue>();

  /** `over`: by full name; its values win. */
  constructor(reading: RequestReading, over: FactRecord) {
    this.#reading = reading;
    this.#over = over;
  }

  get(name: string): FactValue | undefined {
    if (Object.hasOwn(this.#over, name)) {
      return this.#over[name];
    }
    const make = Object.hasOwn(MAKERS, name) ? MAKERS[name] : undefined;
    if (make === undefined) {
      return NEUTRAL.get(name);
    }
    const known = this.#values.get(name);
    if (known !== undefined) {
      return known;
    }
    const value = make(this.#reading);
    this.#values.set(name, value);
    return value;
  }
}

/** The facts of a request for a protocol that adds its own (kubernetes). `risk` and `risk_causes` are that protocol's. */
export function httpFacts(request: HttpRequest, body: BodyReading, state: RequestState): Facts {
  return new HttpFacts(new RequestReading(request, body, state), {});
}
