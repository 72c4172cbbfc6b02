// GraphQL over HTTP in all its transports: JSON bodies, batches of them, application/graphql, forms, uploads, GET. Gives one call
// for each operation that would run; what would run is never guessed.
import { decodePercent } from '../../lib/percent.ts';
import { Unknown } from '../../rules/action.ts';
import type { FactRecord, FactValue, UnknownCause } from '../../rules/action.ts';
import { isBodiless, isUntypedForm, readJsonFact } from './body.ts';
import type { RequestReading } from './facts.ts';
import { readDocument } from './graphql-document.ts';
import type { GraphqlOperation } from './graphql-document.ts';
import { isJsonObject, jsonKeys, jsonValue } from './json-value.ts';
import { possibleValues } from './query.ts';
import { fieldValues } from './request.ts';

/** More requests in one batch are not read. */
const MAX_BATCH = 500;

/** One request of GraphQL: what runs, or why that cannot be told. */
export interface GraphqlUnit {
  readonly facts: FactRecord;
  /** Null: nobody can tell what would run. */
  readonly operation: GraphqlOperation | null;
  /** The text is likely of another language; facts are Unknown all the same. */
  readonly foreign: boolean;
}

export interface GraphqlRequests {
  /** The path is one of a GraphQL server, which takes nothing else. Without it the tier is not lowered. */
  readonly declared: boolean;
  readonly units: readonly GraphqlUnit[];
}

/** Names of facts that need the body where it may be GraphQL. */
export const GRAPHQL_FACTS: readonly string[] = [
  'graphql.type',
  'graphql.name',
  'graphql.operations',
  'graphql.fields',
  'graphql.paths',
  'graphql.variables',
];

const MAX_GRAPHQL_SEGMENTS = 5;
const GRAPHQL_SEGMENTS = new Set(['graphql', 'graphql.json', 'gql']);

/** Whether the path is known and ends as those of GraphQL servers do. */
export function isGraphqlPath({ target: { segments } }: Pick<RequestReading, 'target'>): boolean {
  if (segments instanceof Unknown || segments.length > MAX_GRAPHQL_SEGMENTS) {
    return false;
  }
  const last = segments.findLast((segment) => segment !== '');
  return last !== undefined && GRAPHQL_SEGMENTS.has(last.toLowerCase());
}

/** What one client-sent set of parameters says. */
interface Parameters {
  readonly query: FactValue | undefined;
  readonly operationName: FactValue | undefined;
  readonly variables: FactValue | undefined;
  /** A stored document is named. */
  readonly persisted: 'none' | 'hash' | 'id';
}

/** The calls of GraphQL in a request; null when it is none. */
export function readGraphql(reading: RequestReading): GraphqlRequests | null {
  const declared = isGraphqlPath(reading);
  const url = urlParameters(reading);
  const body = bodyParameters(reading, declared);
  if (body instanceof Unknown) {
    return { declared, units: [unknownUnit(body.cause)] };
  }
  if (body === null) {
    return url === null || !isAsked(url, declared) ? null : { declared, units: [unitOf(url)] };
  }
  // Servers take the text from the URL too where the body has none.
  const asked = url === null ? body : [url, ...body];
  if (!declared && !asked.some((parameters) => isAsked(parameters, false))) {
    return null;
  }
  return { declared, units: body.map((parameters) => unitOf(merge(url, parameters))) };
}

/** On other paths than a GraphQL server's, a text without a selection cannot be an operation. */
function isAsked({ query, persisted }: Parameters, declared: boolean): boolean {
  return typeof query === 'string'
    ? declared || query.includes('{')
    : declared && (query !== undefined || persisted !== 'none');
}

/** Protocols over a WebSocket in which operations of GraphQL are sent (graphql-ws, subscriptions-transport-ws). */
const GRAPHQL_PROTOCOL = /graphql/i;

/**
 * For a request that `readGraphql` does not take for one: the facts of GraphQL, Unknown, where its body cannot be read and may be one all
 * the same, or where it opens a WebSocket on which operations will come. {} where it cannot be.
 */
export function possibleGraphql(reading: RequestReading): FactRecord {
  const { content, request } = reading;
  const { json, form, media } = content;
  if (request.upgrade === 'websocket') {
    const spoken = fieldValues(request.fields, 'sec-websocket-protocol').join();
    return isGraphqlPath(reading) || GRAPHQL_PROTOCOL.test(spoken) ? unknownUnit('dynamic').facts : {};
  }
  if (isBodiless(request)) {
    return {};
  }
  if (!(media instanceof Unknown) && /form/.test(media.type) && form instanceof Unknown) {
    return unknownUnit(form.cause).facts;
  }
  const hidden = isUntypedForm(request) && form instanceof Unknown && namesFormKey(content.text);
  return json instanceof Unknown && (content.mayBeJson || hidden) ? unknownUnit(json.cause).facts : {};
}

/** Parameters of the URL; null when there are none. */
function urlParameters({ target: { query }, request }: RequestReading): Parameters | null {
  if (query instanceof Unknown) {
    return /query|extensions|id=/i.test(request.rawQuery ?? '')
      ? { query, operationName: undefined, variables: undefined, persisted: 'none' }
      : null;
  }
  const texts = [...query].filter(([key]) => KEYS.has(key));
  return texts.length === 0 ? null : parametersOf(new Map(texts.map(([key, values]) => [key, only(values)])));
}

/** A parameter that stands twice is read by each server in its own way. */
function only(values: readonly string[]): FactValue {
  const [value = ''] = values;
  return values.length === 1 ? value : new Unknown('ambiguous');
}

const KEYS: ReadonlySet<string> = new Set([
  'query',
  'operationName',
  'variables',
  'extensions',
  'id',
  'documentId',
  'doc_id',
  'queryId',
  'query_hash',
]);
const ID_KEYS: readonly string[] = ['id', 'documentId', 'doc_id', 'queryId', 'query_hash'];

function parametersOf(values: ReadonlyMap<string, FactValue>): Parameters {
  const extensions = fromText(values.get('extensions'));
  const hashed = extensions instanceof Unknown || jsonKeys(extensions).includes('persistedQuery');
  return {
    query: values.get('query') ?? undefined,
    operationName: values.get('operationName') ?? undefined,
    variables: values.get('variables') ?? undefined,
    persisted: ID_KEYS.some((key) => values.has(key)) ? 'id' : hashed ? 'hash' : 'none',
  };
}

/** Parameters of every request in the body; null: the body is none of GraphQL; Unknown: it should be, and cannot be read. */
function bodyParameters(reading: RequestReading, declared: boolean): readonly Parameters[] | Unknown | null {
  const { content, request } = reading;
  if (isBodiless(request)) {
    return null;
  }
  const type = content.media instanceof Unknown ? '' : content.media.type;
  if (type === 'application/graphql') {
    const { text } = content;
    return [{ query: text, operationName: undefined, variables: undefined, persisted: 'none' }];
  }
  const isUrlencoded = type === 'application/x-www-form-urlencoded' || isUntypedForm(request);
  if (isUrlencoded && content.mayBeJson) {
    return jsonOrForm(reading, declared);
  }
  if (isUrlencoded || type === 'multipart/form-data') {
    return formParameters(reading, declared);
  }
  return jsonParameters(content.json, declared);
}

/** JSON where a form is announced, as curl does of itself: GitHub reads it. A text in which a reader of forms finds parameters too is neither. */
function jsonOrForm(
  { content: { json, text } }: RequestReading,
  declared: boolean,
): readonly Parameters[] | Unknown | null {
  return namesFormKey(text) ? new Unknown('ambiguous') : jsonParameters(json, declared);
}

/** Whether some reader of forms finds a parameter of GraphQL in the text. */
function namesFormKey(text: string | Unknown): boolean {
  return typeof text === 'string' && possibleValues(text, isFormKey).length > 0;
}

function isFormKey(name: string): boolean {
  const key = decodePercent(name, true) ?? name;
  return KEYS.has(key) || key === 'operations';
}

function formParameters(
  { content: { form } }: RequestReading,
  declared: boolean,
): readonly Parameters[] | Unknown | null {
  if (form instanceof Unknown) {
    return declared ? form : null;
  }
  const values = new Map([...form.fields].map(([key, list]) => [key, only(list)]));
  const operations = values.get('operations');
  if (operations !== undefined) {
    // The upload specification: the request as JSON text, files in other parts.
    const json = fromText(operations);
    return json instanceof Unknown ? json : jsonParameters(json, declared);
  }
  const own = new Map([...values].filter(([key]) => KEYS.has(key)));
  return own.size === 0 && !declared ? null : [parametersOf(own)];
}

function jsonParameters(json: FactValue, declared: boolean): readonly Parameters[] | Unknown | null {
  if (json instanceof Unknown) {
    return declared ? json : null;
  }
  const members: readonly FactValue[] = Array.isArray(json) ? (json as readonly FactValue[]) : [json];
  if (members.length === 0 || members.length > MAX_BATCH || !members.every(isJsonObject)) {
    return declared ? new Unknown(members.length > MAX_BATCH ? 'too_large' : 'unparseable') : null;
  }
  return members.map((member) =>
    parametersOf(new Map(jsonKeys(member).flatMap((key) => (KEYS.has(key) ? [[key, jsonValue(member, key)]] : [])))),
  );
}

/** JSON inside a text, as URLs and forms carry it; what is no text stays. */
function fromText(value: FactValue | undefined): FactValue {
  return typeof value === 'string' ? (value === '' ? {} : readJsonFact(value)) : (value ?? {});
}

/** Servers take a parameter from the URL, or from the body: both must say the same. */
function merge(url: Parameters | null, body: Parameters): Parameters {
  if (url === null) {
    return body;
  }
  return {
    query: same(url.query, body.query),
    operationName: same(url.operationName, body.operationName),
    variables:
      url.variables === undefined
        ? body.variables
        : body.variables === undefined
          ? url.variables
          : new Unknown('ambiguous'),
    persisted: url.persisted === 'none' ? body.persisted : url.persisted,
  };
}

function same(url: FactValue | undefined, body: FactValue | undefined): FactValue | undefined {
  if (url === undefined || body === undefined) {
    return url ?? body;
  }
  return url === body ? url : new Unknown('ambiguous');
}

function unitOf({ query, operationName, variables, persisted }: Parameters): GraphqlUnit {
  if (query instanceof Unknown) {
    return unknownUnit(query.cause);
  }
  if (typeof query !== 'string') {
    return unknownUnit(persisted === 'none' ? 'unparseable' : 'dynamic');
  }
  // A server may run the stored document and not the text.
  if (persisted === 'id') {
    return unknownUnit('ambiguous');
  }
  if (operationName !== undefined && typeof operationName !== 'string') {
    return unknownUnit('ambiguous');
  }
  const result = readDocument(query, operationName ?? null);
  if (result.kind === 'unknown') {
    return { ...unknownUnit(result.cause), foreign: result.foreign };
  }
  const { operation } = result;
  return {
    operation,
    foreign: false,
    facts: {
      'graphql.type': operation.type,
      'graphql.name': operation.name,
      'graphql.operations': BigInt(operation.operations),
      'graphql.fields': operation.fields,
      'graphql.paths': operation.paths,
      'graphql.variables': fromText(variables),
    },
  };
}

function unknownUnit(cause: UnknownCause): GraphqlUnit {
  const unknown = new Unknown(cause);
  return { operation: null, foreign: false, facts: Object.fromEntries(GRAPHQL_FACTS.map((name) => [name, unknown])) };
}
