// ClickHouse's HTTP interface as a flavour of the engine in protocols/http/: what a request means, how it is refused, and where the gateway's
// credential goes. What a request says is read in request.ts.
import { hash } from 'node:crypto';
import { GatewayError, messageOf } from '../../lib/errors.ts';
import { shorten, visible } from '../../lib/text.ts';
import type { Evidence } from '../../rules/action.ts';
import { HttpEvidence } from '../http/action.ts';
import { fieldValues } from '../http/request.ts';
import { onlyValue } from '../http/fields.ts';
import type {
  BeforeParts,
  HttpAnalyser,
  HttpAnalysis,
  HttpFlavour,
  LocalAnswer,
  Refusal,
  RequestState,
} from '../http/flavour.ts';
import { standardInjector, type Injector } from '../http/injector.ts';
import type { BodyReading, HttpRequest, HttpResponse } from '../http/request.ts';
import type { ClickHouseAnalyser, ClickHouseContext, ClickHouseText } from './analysis/context.ts';
import { hides } from './analysis/settings.ts';
import { CODES, denialText } from './denial.ts';
import { killAbandoned, markRequest } from './http-kill.ts';
import { askOverHttp } from './http-own.ts';
import { clickHouseOptions } from './options.ts';
import {
  isForm,
  isHealth,
  prepareRequest,
  schemeAt,
  readHttpQuery,
  urlText,
  type AgentLogin,
  type HttpQuery,
} from './request.ts';

/** `limits.body_buffer` where the state does not say. */
const DEFAULT_BODY_BYTES = 1024 * 1024;
/** The URL's share of a statement, on top of the body's. */
const URL_BYTES = 64 * 1024;
const MAX_REFUSAL_CHARS = 2000;
const MAX_SUMMARY_CHARS = 200;

export interface ClickHouseHttp {
  readonly flavour: HttpFlavour;
  readonly injector: Injector;
}

/** Both halves share what a request's preparation has found out. */
export function createClickHouseHttp(analyser: ClickHouseAnalyser): ClickHouseHttp {
  const http = new Http(analyser);
  return { flavour: http.flavour, injector: http.injector };
}

/** What was found out about a request before its analysis. */
interface Known {
  text: ClickHouseText | null;
  /** Where unqualified names are looked up when the request does not say. */
  database: string;
  /** Upstream login. */
  readonly user: string;
  /** Why nothing can be told of it, or null. */
  refused: string | null;
}

class Http {
  readonly #analyser: ClickHouseAnalyser;
  readonly #logins = new WeakMap<HttpRequest, AgentLogin>();
  /** By body where there is one that is judged, else by request: requests with one head are one object. */
  readonly #known = new WeakMap<object, Known>();

  constructor(analyser: ClickHouseAnalyser) {
    this.#analyser = analyser;
  }

  get flavour(): HttpFlavour {
    const analysis: HttpAnalyser = {
      needsBody: (request, state) => this.#needsBody(request, state),
      analyse: (request, body, state) => this.#analyse(request, body, state),
    };
    return {
      family: 'sql',
      analyser: analysis,
      refuse,
      upgrades: [],
      upgraded: () => {
        throw new GatewayError('INTERNAL', 'gateway', 'ClickHouse has no upgrades');
      },
      schemeAt,
      prepare: (request, { config, agent, nonce }) => {
        const sessions = `cp-${hash('sha256', `${nonce}\n${agent.device}\n${agent.profile}\n${config.ref}`, 'hex').slice(0, 24)}-`;
        const prepared = prepareRequest(request, config, sessions);
        if (prepared.kind === 'refused') {
          return prepared;
        }
        this.#logins.set(prepared.request, prepared.login);
        return prepared.request;
      },
      before: (request, body, parts) => this.#before(request, body, parts),
      evidence: (request, body) => new HttpQueryEvidence(request, body),
      outcome: outcomeOf,
      marked: markRequest,
      abandoned: (sent, parts) => killAbandoned(sent, parts, this.injector),
    };
  }

  get injector(): Injector {
    return {
      ...standardInjector,
      hints: (request) => {
        const { user, database } = this.#loginOf(request);
        const placeholders = standardInjector.hints(request);
        return (candidate) => ({
          ...(typeof placeholders === 'function' ? placeholders(candidate) : placeholders),
          user,
          database,
        });
      },
      inject: (request, credential, parts) =>
        standardInjector.inject(request, credential, { ...parts, login: this.#loginOf(request).user }),
    };
  }

  #loginOf(request: HttpRequest): AgentLogin {
    return this.#logins.get(request) ?? { user: '', database: '' };
  }

  /** The data of an INSERT are no part of its statement: where the URL says all of it, they go straight on. */
  #needsBody(request: HttpRequest, state: RequestState): boolean {
    if (isHealth(request) || request.framing === 'none') {
      return false;
    }
    const text = urlText(request);
    if (isForm(request) || text.length === 0) {
      return true;
    }
    const read = this.#analyser.analyse(text, optionsFor(state), false);
    return read instanceof Promise || read.insert === null || read.insert.dataStart === null;
  }

  #before(request: HttpRequest, body: BodyReading, parts: BeforeParts): Promise<string | null> | null {
    const user = parts.credential?.attributes['user'];
    const known: Known = { text: null, database: '', user: typeof user === 'string' ? user : '', refused: null };
    this.#known.set(keyOf(request, body), known);
    if (isHealth(request)) {
      return null;
    }
    const query = this.#read(request, body, parts.state);
    const read = this.#analyser.analyse(query.text, optionsFor(parts.state), query.complete);
    const database = query.database === '' ? databaseOf(request, parts, this.injector) : query.database;
    const verifies = parts.state.config.attributes['verify_ast'] === true;
    if (!(read instanceof Promise) && typeof database === 'string' && !verifies) {
      known.text = read;
      known.database = database;
      return null;
    }
    return this.#learn(known, { request, query, read, database, ...parts });
  }

  /** Why the server could not be asked what has to be known of the statement; null when it was. */
  async #learn(known: Known, { request, query, read, database, ...parts }: Learning): Promise<string | null> {
    let asked = 'the server did not say where names are looked up';
    try {
      known.text = await read;
      known.database = await database;
      if (parts.state.config.attributes['verify_ast'] === true && known.text.verb !== null) {
        asked = DID_NOT_READ;
        known.refused = await this.#verify(known.text, { request, query, ...parts });
      }
      return null;
    } catch (error) {
      // Nothing that was read can be relied on, wherever it is judged all the same.
      known.refused = `${asked}: ${messageOf(error)}`;
      return known.refused;
    }
  }

  /** Null when the server reads the statement as we do. Asked once for each text. Rejects when the server does not answer. */
  async #verify(
    text: ClickHouseText,
    { request, query, context, credential }: Pick<Learning, 'request' | 'query' | 'context' | 'credential'>,
  ): Promise<string | null> {
    const statement = query.text.subarray(0, text.insert?.dataStart ?? query.text.length);
    const asked = context.shared(`clickhouse.http-ast ${context.endpoint.ref}`, () => new Map<string, string | null>());
    const key = hash('sha256', statement, 'hex');
    const kept = asked.get(key);
    if (kept !== undefined) {
      return kept;
    }
    const sql = Buffer.concat([EXPLAIN, statement]);
    const answer = await askOverHttp(sql, { request, context, credential, injector: this.injector });
    // Also a server that knows no EXPLAIN AST, or that cannot parse the text: nobody has confirmed our reading. Asked again next time.
    if (answer.kind === 'refused') {
      return `${DID_NOT_READ}: ${answer.why}`;
    }
    const differs = this.#analyser.compareAst(text, answer.text);
    const told = differs === null ? null : 'the server reads this statement differently than the gateway (verify_ast)';
    if (asked.size >= MAX_ASKED) {
      asked.clear();
    }
    asked.set(key, told);
    return told;
  }

  #read(request: HttpRequest, body: BodyReading, state: RequestState): HttpQuery {
    const without = request.framing === 'none';
    return readHttpQuery(request, without ? WHOLE_NOTHING : body, maxBytesOf(state));
  }

  #analyse(request: HttpRequest, body: BodyReading, state: RequestState): HttpAnalysis {
    const options = optionsFor(state);
    const known = this.#known.get(keyOf(request, body)) ?? NOTHING_KNOWN;
    const query = isHealth(request) ? HEALTH_QUERY : this.#read(request, body, state);
    const read = known.text ?? this.#analyser.analyse(query.text, options, query.complete);
    // Nobody waited for the worker: as if it had not been read.
    const text = read instanceof Promise ? this.#unread(state) : read;
    const { units, risk, summary, refused } = this.#analyser.bind(text, contextOf(query, known), options);
    return {
      units,
      risk,
      summary: isHealth(request)
        ? shorten(visible(`${request.method} ${request.rawPath}`), MAX_SUMMARY_CHARS)
        : summary,
      refused: query.refused ?? known.refused ?? refused ?? sessionRefusal(query, text),
      ...(known.refused === null ? {} : { passing: true }),
    };
  }

  #unread(state: RequestState): ClickHouseText {
    const read = this.#analyser.analyse(Buffer.alloc(1), { ...optionsFor(state), maxTextBytes: -1 });
    if (read instanceof Promise) {
      throw new GatewayError('INTERNAL', 'gateway', 'a text that is too long was read');
    }
    return read;
  }
}

interface Learning extends BeforeParts {
  readonly request: HttpRequest;
  readonly query: HttpQuery;
  readonly read: ClickHouseText | Promise<ClickHouseText>;
  readonly database: string | Promise<string>;
}

const DID_NOT_READ = 'the server did not say how it reads the statement (verify_ast)';
const EXPLAIN = Buffer.from('EXPLAIN AST ');
const MAX_ASKED = 4096;
const NOTHING_KNOWN: Known = { text: null, database: '', user: '', refused: null };
const WHOLE_NOTHING: BodyReading = { kind: 'whole', bytes: Buffer.alloc(0) };
const HEALTH_QUERY: HttpQuery = {
  text: Buffer.alloc(0),
  complete: true,
  settings: new Map(),
  parameters: new Map(),
  externalTables: [],
  database: '',
  inSession: false,
  refused: null,
};

function keyOf(request: HttpRequest, body: BodyReading): object {
  return body.kind === 'unread' || request.framing === 'none' ? request : body;
}

function maxBytesOf(state: RequestState): number {
  return state.bodyBufferBytes ?? DEFAULT_BODY_BYTES;
}

function optionsFor(state: RequestState): ReturnType<typeof clickHouseOptions> {
  return clickHouseOptions(state.config, maxBytesOf(state) + URL_BYTES);
}

function contextOf(query: HttpQuery, { database, user }: Known): ClickHouseContext {
  return {
    database,
    user,
    role: '',
    interface: 'http',
    settings: query.settings,
    parameters: query.parameters,
    externalTables: query.externalTables,
    temporaryTables: [],
    sessionSettings: new Map(),
  };
}

/**
 * What would change what later requests of the server's session mean is not followed from one request to the next, which may come over
 * other connections: so it is said with each of them.
 */
function sessionRefusal(query: HttpQuery, text: ClickHouseText): string | null {
  if (!query.inSession) {
    return null;
  }
  if (text.verb === null) {
    return 'in a session of HTTP only statements that can be read are served: it may change what later requests mean';
  }
  if (text.changes.some((change) => change.kind === 'setting' && hides(change.name, change.value ?? '?') !== null)) {
    return 'settings that change which tables a statement reads are not set for a session of HTTP: name them with each request';
  }
  const change = text.changes.find(
    ({ kind }) => kind === 'database' || kind === 'parameter' || kind === 'role-unknown',
  );
  return change === undefined
    ? null
    : 'USE, SET of parameters and SET ROLE are not served in a session of HTTP: name the database, param_NAME or role with each request';
}

/** Where the gateway's user looks up names that say no database: asked once for each credential. */
function databaseOf(
  request: HttpRequest,
  { context, credential }: BeforeParts,
  injector: Injector,
): string | Promise<string> {
  const asked = context.shared('clickhouse.databases', () => new Map<string, string>());
  const key = `${context.endpoint.ref} ${request.host}:${request.port} ${credential?.ref ?? ''}`;
  const kept = asked.get(key);
  if (kept !== undefined) {
    return kept;
  }
  return (async (): Promise<string> => {
    const answer = await askOverHttp(CURRENT_DATABASE, { request, context, credential, injector });
    if (answer.kind === 'refused') {
      throw new GatewayError('UPSTREAM_AUTH', 'upstream', answer.why);
    }
    const database = answer.text.trimEnd();
    if (asked.size >= MAX_ASKED) {
      asked.clear();
    }
    asked.set(key, database);
    return database;
  })();
}

const CURRENT_DATABASE = Buffer.from('SELECT currentDatabase()');

/** Shown as the statement and what it comes with; the digest is of the request as it is sent. */
class HttpQueryEvidence implements Evidence {
  readonly complete: boolean;
  readonly sizeBytes: number;
  readonly #request: HttpRequest;
  readonly #body: BodyReading;
  readonly #http: HttpEvidence;

  constructor(request: HttpRequest, body: BodyReading) {
    this.#request = request;
    this.#body = body;
    this.#http = new HttpEvidence(request, body);
    this.complete = this.#http.complete;
    this.sizeBytes = this.#http.sizeBytes;
  }

  get text(): string {
    const { method, rawPath } = this.#request;
    return isHealth(this.#request) ? `${method} ${rawPath}` : this.#query().text.toString('utf8');
  }

  get parameters(): readonly string[] {
    const { settings, parameters, externalTables, database } = this.#query();
    return [
      ...(database === '' ? [] : [`database ${database}`]),
      ...[...settings].map(([name, value]) => `setting ${name} = ${value}`),
      ...[...parameters].map(([name, value]) => `parameter ${name} = ${value}`),
      ...externalTables.map((name) => `temporary table ${name}`),
    ];
  }

  digest(): string {
    return this.#http.digest();
  }

  #query(): HttpQuery {
    const body = this.#request.framing === 'none' ? WHOLE_NOTHING : this.#body;
    return readHttpQuery(this.#request, body, DEFAULT_BODY_BYTES);
  }
}

/** As the server says it: a status, a code in a header, and a line of text. */
export function refuse({ status, code, reason, rule, hint, action }: Refusal): LocalAnswer {
  const exception =
    code === 'denied' ? CODES.accessDenied : status >= 500 ? CODES.networkError : CODES.unexpectedPacket;
  const text = visible(denialText({ reason, rule, hint, word: '' }, action), true).slice(0, MAX_REFUSAL_CHARS);
  return {
    status,
    fields: [
      { name: 'Content-Type', value: 'text/plain; charset=UTF-8' },
      { name: 'X-ClickHouse-Exception-Code', value: String(exception) },
      { name: 'Cache-Control', value: 'no-store' },
    ],
    body: Buffer.from(`Code: ${exception}. DB::Exception: ${text}\n`, 'utf8'),
  };
}

/** Rows and the code of an exception, as the head of an answer tells them. */
export function outcomeOf({ fields }: HttpResponse): { readonly rows: number | null; readonly errorCode: string } {
  const errorCode = onlyValue(fields, 'x-clickhouse-exception-code') ?? '';
  const summary = fieldValues(fields, 'x-clickhouse-summary').at(-1) ?? '';
  const rowsOf = (name: string): number =>
    Number(new RegExp(`"${name}"\\s*:\\s*"?(\\d{1,15})`).exec(summary)?.[1] ?? 0);
  const rows = rowsOf('written_rows') > 0 ? rowsOf('written_rows') : rowsOf('result_rows');
  return { rows: summary === '' ? null : rows, errorCode: /^\d{1,9}$/.test(errorCode) ? errorCode : '' };
}
