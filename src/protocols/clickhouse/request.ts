// An HTTP request as ClickHouse reads it: what of the URL, the headers, a form and the body is the statement, a setting, a parameter, a login.
// What two readers could read in two ways is refused; what names an account is taken out before anything is judged. Pure.
import type { EndpointConfig } from '../../config/config.ts';
import { Unknown } from '../../rules/action.ts';
import { isCoded } from '../http/body.ts';
import { decodeBody } from '../http/codings.ts';
import { onlyValue } from '../http/fields.ts';
import { parseMediaType, readCodings } from '../http/headers.ts';
import { readFormPart, splitMultipart } from '../http/multipart.ts';
import { readQuery } from '../http/query.ts';
import { fieldValues } from '../http/request.ts';
import type { BodyReading, Field, HttpRequest } from '../http/request.ts';
import { FRAME_HEAD_BYTES, checksumHolds, decodeFrame, readFrameHead } from './frames.ts';

/** What an agent said of who it is: it may choose among credentials, and goes nowhere. */
export interface AgentLogin {
  readonly user: string;
  readonly database: string;
}

export type Prepared =
  | { readonly kind: 'ready'; readonly request: HttpRequest; readonly login: AgentLogin }
  | { readonly kind: 'refused'; readonly status: number; readonly why: string };

/** Paths that ask how the server is. Every other one but `/` is a handler of its own. */
const HEALTH = new Set(['/ping', '/replicas_status']);
/** Ports on which ClickHouse speaks plain HTTP. */
const PLAIN_PORTS = new Set([80, 8123]);

/** Parameters of the URL that are no settings (ClickHouse, Server/HTTPHandler.cpp). */
const RESERVED = new Set(
  (
    'query user password database session_id default_format compress decompress query_id quota_key stacktrace buffer_size ' +
    'wait_end_of_query session_timeout session_check close_session client_protocol_version'
  ).split(' '),
);
const ACCOUNT = new Set(['user', 'password']);
/** Fields of ClickHouse's own that go on; others say who asks, or are not known. */
const OWN_FIELDS = new Set(['x-clickhouse-database', 'x-clickhouse-format', 'x-clickhouse-quota']);
const MAX_SESSION_CHARS = 200;

export function isHealth({ rawPath }: HttpRequest): boolean {
  return HEALTH.has(rawPath);
}

/** What the endpoint's servers speak at that port: `tls`, or what is usual there. */
export function schemeAt(port: number, { attributes }: EndpointConfig): 'http' | 'https' {
  const plain = PLAIN_PORTS.has(port) ? attributes['tls'] !== true : attributes['tls'] === false;
  return plain ? 'http' : 'https';
}

/** The request as it is judged and sent. `sessions`: what names of the agent's sessions are put behind. */
export function prepareRequest(request: HttpRequest, config: EndpointConfig, sessions: string): Prepared {
  const { method, rawPath } = request;
  if (rawPath !== '/' && !isHealth(request)) {
    return refused(404, 'only /, /ping and /replicas_status are served here');
  }
  if (!/^(?:GET|POST|HEAD|PUT)$/.test(method)) {
    return refused(405, `${method} is not served here`);
  }
  const pairs = readQuery(request.rawQuery);
  if (pairs instanceof Unknown) {
    return refused(
      400,
      'the query of the URL could be read in more than one way: write %3B for a semicolon, and each name once',
    );
  }
  const problem = problemOf([...pairs].flatMap(([name, values]) => values.map(() => name)));
  const session = pairs.get('session_id')?.[0];
  const badSession = session !== undefined && (session === '' || session.length > MAX_SESSION_CHARS);
  const doubled = [...OWN_FIELDS].find((name) => fieldValues(request.fields, name).length > 1);
  if (problem !== null || badSession || doubled !== undefined) {
    return refused(
      400,
      problem ?? (badSession ? 'a session has a name of 1 to 200 characters' : `${doubled} stands twice`),
    );
  }
  if (pairs.has('database') && onlyValue(request.fields, 'x-clickhouse-database') !== null) {
    return refused(400, 'the database is named in the URL and in a header');
  }
  const rawQuery = rewriteQuery(request.rawQuery, session === undefined ? null : `${sessions}${session}`);
  return {
    kind: 'ready',
    request: {
      ...request,
      rawQuery,
      fields: request.fields.filter(isForwarded),
      scheme: schemeAt(request.port, config),
    },
    login: {
      user: onlyValue(request.fields, 'x-clickhouse-user') ?? pairs.get('user')?.[0] ?? basicUser(request.fields),
      database: onlyValue(request.fields, 'x-clickhouse-database') ?? pairs.get('database')?.[0] ?? '',
    },
  };
}

function refused(status: number, why: string): Prepared {
  return { kind: 'refused', status, why };
}

/** Names are looked up without regard to case, and of two equal ones a server may take either. */
function problemOf(names: readonly string[]): string | null {
  const seen = new Set<string>();
  for (const name of names) {
    const lower = name.toLowerCase();
    if (seen.has(lower)) {
      return `the parameter ${lower} stands twice`;
    }
    if (name !== lower && RESERVED.has(lower)) {
      return `write the parameter ${lower} in lower case`;
    }
    seen.add(lower);
  }
  return null;
}

function isForwarded({ name }: Field): boolean {
  const lower = name.toLowerCase().replaceAll('_', '-');
  return !lower.startsWith('x-clickhouse-') || OWN_FIELDS.has(lower);
}

/** Without the agent's account, and with its session's name behind its device's. All other pairs stay byte for byte. */
function rewriteQuery(rawQuery: string | null, session: string | null): string | null {
  if (rawQuery === null) {
    return null;
  }
  const pairs = rawQuery.split('&').flatMap((pair) => {
    const parsed = readQuery(pair);
    const [name = ''] = parsed instanceof Unknown ? [] : [...parsed.keys()];
    if (ACCOUNT.has(name)) {
      return [];
    }
    return name === 'session_id' && session !== null ? [`session_id=${encodeURIComponent(session)}`] : [pair];
  });
  return pairs.join('&');
}

function basicUser(fields: readonly Field[]): string {
  const value = onlyValue(fields, 'authorization') ?? '';
  const encoded = /^basic\s+([A-Za-z0-9+/=]+)$/i.exec(value)?.[1];
  return encoded === undefined ? '' : (Buffer.from(encoded, 'base64').toString('utf8').split(':', 1)[0] ?? '');
}

/** What a prepared request asks, as far as it is known. */
export interface HttpQuery {
  /** The statement: what the URL says, a line feed, and the body; up to where the body is known. */
  readonly text: Buffer;
  /** False where more of the text follows that is not in `text`. */
  readonly complete: boolean;
  readonly settings: ReadonlyMap<string, string>;
  readonly parameters: ReadonlyMap<string, string>;
  readonly externalTables: readonly string[];
  /** "" where the request names none. */
  readonly database: string;
  /** The request belongs to a session of the server's. */
  readonly inSession: boolean;
  /** Why it is refused whatever rules say, or null. */
  readonly refused: string | null;
}

const LINE_FEED = Buffer.from('\n');
const NOTHING = Buffer.alloc(0);

/** Whether the body is a form: then its fields are parameters like those of the URL. */
export function isForm({ fields }: HttpRequest): boolean {
  return fieldValues(fields, 'content-type').some((value) => /^\s*multipart\//i.test(value));
}

/** What the URL alone says of the statement, as it stands in front of a body; empty without. */
export function urlText(request: HttpRequest): Buffer {
  const pairs = readQuery(request.rawQuery);
  const query = pairs instanceof Unknown ? '' : (pairs.get('query')?.[0] ?? '');
  return Buffer.from(query === '' ? '' : `${query}\n`, 'utf8');
}

/** Reads a prepared request. `maxBytes` bounds what the body may be without its codings. */
export function readHttpQuery(request: HttpRequest, body: BodyReading, maxBytes: number): HttpQuery {
  const pairs = readQuery(request.rawQuery);
  const named = new Map<string, string>();
  for (const [name, values] of pairs instanceof Unknown ? [] : pairs) {
    named.set(name, values[0] ?? '');
  }
  const form = isForm(request) ? readForm(request, body) : null;
  if (form !== null && 'refused' in form) {
    return { ...settingsOf(named, request), text: NOTHING, complete: false, externalTables: [], refused: form.refused };
  }
  const tables = form?.tables ?? [];
  const problem = problemOf([...named.keys(), ...(form?.fields.keys() ?? [])]);
  const evaluated = tables.some((table) =>
    [form?.fields.get(`${table}_format`), named.get(`${table}_format`)].some(
      (format) => format?.trim().toLowerCase() === 'values',
    ),
  );
  const account = [...(form?.fields.keys() ?? [])].find((name) => FORM_REFUSED.has(name));
  for (const [name, value] of form?.fields ?? []) {
    if (!tables.some((table) => TABLE_PARTS.some((part) => name === `${table}${part}`))) {
      named.set(name, value);
    }
  }
  const query = Buffer.from(named.get('query') ?? '', 'utf8');
  const rest =
    form === null ? bodyText(request, body, { maxBytes, decompress: named.get('decompress') }) : WHOLE_NOTHING;
  return {
    ...settingsOf(named, request),
    text: joined(query, rest),
    complete: rest.complete,
    externalTables: tables,
    refused:
      problem ??
      (account === undefined ? null : `the field ${account} does not belong into a form`) ??
      (evaluated ? 'rows of Values in a form are expressions, which nobody judges: send another format' : null),
  };
}

/** As the server joins them: a line feed stands between the two, whatever either ends with. */
function joined(query: Buffer, rest: BodyText): Buffer {
  if (query.length === 0) {
    return rest.bytes;
  }
  return rest.bytes.length > 0 || !rest.complete ? Buffer.concat([query, LINE_FEED, rest.bytes]) : query;
}

/** Of a form these cannot be taken out, or written anew. */
const FORM_REFUSED = new Set([...ACCOUNT, 'session_id', 'database']);
/** How a form describes a temporary table. */
const TABLE_PARTS = ['_structure', '_types', '_format'];

function settingsOf(
  named: ReadonlyMap<string, string>,
  request: HttpRequest,
): Pick<HttpQuery, 'settings' | 'parameters' | 'database' | 'inSession'> {
  const settings = new Map<string, string>();
  const parameters = new Map<string, string>();
  for (const [name, value] of named) {
    if (name.startsWith('param_')) {
      parameters.set(name.slice('param_'.length), value);
    } else if (!RESERVED.has(name) && name !== '') {
      settings.set(name, value);
    }
  }
  const database = named.get('database') ?? onlyValue(request.fields, 'x-clickhouse-database') ?? '';
  return { settings, parameters, database, inSession: named.has('session_id') };
}

interface Form {
  readonly fields: ReadonlyMap<string, string>;
  /** Temporary tables: parts with a file's name. */
  readonly tables: readonly string[];
}

function readForm(request: HttpRequest, body: BodyReading): Form | { readonly refused: string } {
  if (body.kind !== 'whole') {
    return { refused: 'a form that is too long to be read' };
  }
  const media = parseMediaType(onlyValue(request.fields, 'content-type') ?? '');
  const parts =
    media?.type === 'multipart/form-data' && !isCoded(request)
      ? splitMultipart(body.bytes, media.parameters.get('boundary'))
      : null;
  const read = parts?.map(readFormPart);
  if (read === undefined || read.some((part) => part === null)) {
    return { refused: 'a form that could be read in more than one way' };
  }
  const fields = new Map<string, string>();
  const tables: string[] = [];
  for (const part of read) {
    if (part === null || fields.has(part.name) || tables.includes(part.name)) {
      return { refused: 'a form in which a name stands twice' };
    }
    if (part.filename === null) {
      fields.set(part.name, part.content.toString('utf8'));
    } else {
      tables.push(part.name);
    }
  }
  return { fields, tables };
}

interface BodyText {
  readonly bytes: Buffer;
  readonly complete: boolean;
}

const WHOLE_NOTHING: BodyText = { bytes: NOTHING, complete: true };
const UNREADABLE: BodyText = { bytes: NOTHING, complete: false };

/** The body without its codings, as far as it is there. */
function bodyText(
  request: HttpRequest,
  body: BodyReading,
  { maxBytes, decompress }: { readonly maxBytes: number; readonly decompress: string | undefined },
): BodyText {
  if (body.kind === 'unread') {
    return UNREADABLE;
  }
  const codings = readCodings(request.fields).filter((coding) => coding !== 'identity');
  const framed = decompress !== undefined && decompress !== '' && !/^(?:0|false)$/i.test(decompress);
  const complete = body.kind === 'whole';
  if (codings.length === 0) {
    return framed ? framedText(body.bytes, complete, maxBytes) : { bytes: body.bytes, complete };
  }
  if (!complete) {
    return UNREADABLE;
  }
  const plain = decodeBody(body.bytes, codings, maxBytes);
  if (plain instanceof Unknown) {
    return UNREADABLE;
  }
  return framed ? framedText(plain, true, maxBytes) : { bytes: plain, complete: true };
}

/** `decompress=1`: the body is frames of the native protocol. */
function framedText(bytes: Buffer, whole: boolean, maxBytes: number): BodyText {
  const parts: Buffer[] = [];
  let at = 0;
  let size = 0;
  while (bytes.length - at >= FRAME_HEAD_BYTES) {
    const head = readFrameHead(bytes, at);
    if (head === null || size + head.rawBytes > maxBytes) {
      return UNREADABLE;
    }
    if (bytes.length - at < head.sizeBytes) {
      break;
    }
    const frame = bytes.subarray(at, at + head.sizeBytes);
    const raw = checksumHolds(frame) ? decodeFrame(frame, head) : null;
    if (raw === null) {
      return UNREADABLE;
    }
    parts.push(raw);
    size += raw.length;
    at += head.sizeBytes;
  }
  return whole && at < bytes.length ? UNREADABLE : { bytes: Buffer.concat(parts), complete: whole };
}
