// The dashboard's address: the web page, the operator API for browsers, and the public paths. Everything that is not public takes an
// operator's session or token; everything that acts takes proof that our own page sent it.
import { Readable } from 'node:stream';
import type { SecureContext } from 'node:tls';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sees } from '../audit/scope.ts';
import type { ListenAddress } from '../config/config.ts';
import { formatHostPort } from '../config/hosts.ts';
import { GatewayError } from '../lib/errors.ts';
import { answerPublic, bindHttp, type HealthParts } from '../gateway/health.ts';
import {
  addRoutes,
  closeApp,
  createApp,
  cutOnChange,
  sameSight,
  sendError,
  signalOf,
  type Caller,
  type WholeParts,
} from './api.ts';
import { findBearer } from './bearer.ts';
import { cookieNames, readCookie, type CookieNames } from './cookies.ts';
import { ApiError, readFields, readFilter, readNumber } from './input.ts';
import { AUDIT_FILTERS } from '../client/control-shapes.ts';
import type { FeedListener } from '../approvals/feed.ts';
import { liveEvents } from './live.ts';
import type { TailnetPeople } from '../gateway/tailnet/people.ts';
import { createTailnetLogins, type TailnetLogins } from './tailnet-login.ts';
import { addCallbackRoutes, isCallbackPath, type CallbackParts } from './callback-routes.ts';
import { serveCarried } from './carry.ts';
import { addJoinRoutes, isJoinPath, type JoinParts } from './join-routes.ts';
import { addLoginRoutes, type Found } from './login.ts';
import { principalOf } from './operators.ts';
import {
  findActFault,
  findBrowserFault,
  findReadFault,
  isOwnHost,
  isSecure,
  type OriginParts,
  type OwnNames,
} from './origin.ts';
import { loadPage, SECURITY_HEADERS, type Page } from './page.ts';
import { createPasswords, type Passwords } from './password.ts';
import { ROUTES } from './routes.ts';
import { needsAll, scopeParts } from './scoped-parts.ts';
import { createSessions, sameText, type Sessions } from './sessions.ts';
import { createSetup } from './setup.ts';
import { createThrottle } from '../lib/throttle.ts';
import { createTlsFront } from './tls-front.ts';
import { createTurnedAway } from './turned-away.ts';

/** Browsers keep up to six each, and a live stream one for as long as a page is open. */
const MAX_CONNECTIONS = 512;
const LOGIN_TRIES = { supply: 10, refillMs: 6_000 };
/** Live streams of one operator, and of all. */
const MAX_STREAMS_EACH = 16;
const MAX_STREAMS = 128;

/**
 * Calls of the dashboard's address that are not in the table of the operator API, and who may make them: `anyone`, who is told nothing of any
 * profile (machines and channels prove themselves); an operator, about themselves (`session`), with what their scope shows (`scoped`), or who
 * sees everything (`unscoped`).
 */
export const OWN_ROUTES: Readonly<Record<string, 'anyone' | 'session' | 'scoped' | 'unscoped'>> = {
  'GET /': 'anyone',
  'GET /assets/:file': 'anyone',
  'GET /icon.svg': 'anyone',
  'GET /healthz': 'anyone',
  'GET /readyz': 'anyone',
  'GET /info': 'anyone',
  'GET /ca.crt': 'anyone',
  'GET /metrics': 'unscoped',
  'GET /api/session': 'anyone',
  'POST /api/login': 'anyone',
  'POST /api/setup': 'anyone',
  'POST /api/setup/look': 'anyone',
  'POST /api/logout': 'session',
  'POST /api/password': 'session',
  'GET /api/live': 'scoped',
  'POST /api/onboard/start': 'anyone',
  'POST /api/onboard/poll': 'anyone',
  'POST /api/onboard/claim': 'anyone',
  'POST /api/onboard/withdraw': 'anyone',
  'POST /api/device/runs': 'anyone',
  'POST /api/device/runs/:id/alive': 'anyone',
  'DELETE /api/device/runs/:id': 'anyone',
  'GET /api/device/status': 'anyone',
  'GET /api/env-pushdown': 'anyone',
  'POST /api/device/leave': 'anyone',
  // Whoever signed it.
  'POST /api/cred/:name/interactive': 'anyone',
  'POST /api/notifier/:name/decision': 'anyone',
  'POST /api/context/:name/events': 'anyone',
};

export interface DashboardParts extends WholeParts {
  readonly address: ListenAddress;
  /** The gateway's certificate for this address, as of now; null = plain HTTP. */
  readonly tls: (() => Promise<SecureContext>) | null;
  readonly publicUrl: () => string | null;
  readonly sessionTtlMs: () => number;
  readonly version: string;
  readonly health: HealthParts;
  readonly onApprovals: (listener: FeedListener) => () => void;
  /** What machines may ask here; null where they ask elsewhere, or nowhere. */
  readonly join: JoinParts | null;
  /** Where machines ask to be let in, when that is not here; null = nowhere. */
  readonly enrolListen: ListenAddress | null;
  /** What is called back by channels. */
  readonly channels: CallbackParts['channels'];
  /** Who calls over the tailnet, or null without one. */
  readonly people: TailnetPeople | null;
  /** For the operator at the terminal. */
  readonly tell: (line: string) => void;
  /** Left out: the page as built. */
  readonly page?: Page;
  /** Left out: at the cost that accounts deserve. */
  readonly passwords?: Passwords;
}

export interface Dashboard {
  /** As in the `ready` line. */
  readonly address: string;
  /** The address as bound, for what must not be dialled; null on a Unix socket. */
  readonly bound: { readonly host: string; readonly port: number } | null;
  /** Every call that is answered, as `METHOD /path`. */
  readonly routes: readonly string[];
  close(): Promise<void>;
}

/** Listens. Rejects with GatewayError LISTEN_FAILED. */
export async function listenDashboard(parts: DashboardParts): Promise<Dashboard> {
  const server = new DashboardServer(parts);
  return server.listen();
}

class DashboardServer {
  readonly #parts: DashboardParts;
  readonly #sessions: Sessions;
  readonly #page: Page;
  readonly #tailnet: TailnetLogins;
  readonly #streams = new Map<string, number>();
  readonly #turnedAway: (cause: string) => void;
  readonly #routes: string[] = [];
  #port = 0;

  constructor(parts: DashboardParts) {
    this.#parts = parts;
    const { clock } = parts;
    this.#sessions = createSessions({ clock, ttlMs: parts.sessionTtlMs });
    this.#tailnet = createTailnetLogins(parts);
    this.#page = parts.page ?? loadPage();
    this.#turnedAway = createTurnedAway(parts, 'the dashboard');
  }

  async listen(): Promise<Dashboard> {
    const { address, tls, clock, health, operators } = this.#parts;
    const { app, server } = createApp(this.#parts);
    app.addHook('onRoute', ({ method, url }) => this.#noteRoute(String(method), url));
    server.maxConnections = MAX_CONNECTIONS;
    server.on('clientError', (_, socket) => socket.destroy());
    app.addHook('onRequest', (request, reply) => this.#check(request, reply));
    const setup = createSetup(clock);
    addLoginRoutes(app, {
      ...this.#parts,
      passwords: this.#parts.passwords ?? createPasswords(),
      sessions: this.#sessions,
      setup,
      throttle: createThrottle(clock, LOGIN_TRIES),
      cookies: (request) => this.#cookies(request),
      findSession: (request) => this.#findSession(request),
    });
    this.#addPage(app);
    for (const path of ['/healthz', '/readyz', '/info', '/ca.crt', '/metrics'] as const) {
      app.get(path, async (_, reply) => {
        const { status, type, body } = await answerPublic(path, health);
        return reply.code(status).header('cache-control', 'no-store').type(type).send(body);
      });
    }
    const closing = addRoutes(app, {
      ...this.#parts,
      authenticate: (request) => this.#findCaller(request),
      unauthorised: 'log in first',
      turnedAway: () => this.#turnedAway('dashboard-role'),
    });
    if (this.#parts.join !== null) {
      addJoinRoutes(app, this.#parts.join);
      serveCarried(server, { ...this.#parts.join, runs: this.#parts.join.devices.runs });
    } else {
      app.post('/api/onboard/start', (request) => {
        throw new ApiError(404, 'not_found', describeElsewhere(this.#parts.enrolListen, request.hostname));
      });
    }
    await addCallbackRoutes(app, { ...this.#parts, turnedAway: this.#turnedAway });
    app.get('/api/live', (request, reply) => this.#live(request, reply, closing.signal));
    await app.ready();
    const front = tls === null ? server : createTlsFront(server, { context: tls, clock });
    const bound = await bindHttp(front, 'dashboard_listen', address);
    this.#port = bound.at?.port ?? 0;
    if (operators.list().length === 0) {
      this.#parts.tell(`setup: ${this.#url(bound.address)}/#/setup/${setup.issue()}`);
    }
    return {
      address: bound.address,
      bound: bound.at,
      routes: this.#routes,
      async close() {
        front.close();
        await closeApp({ app, server, closing });
      },
    };
  }

  /** A call of which nobody said whom it tells what is not served at all. */
  #noteRoute(method: string, path: string): void {
    const name = `${method} ${path}`;
    if (OWN_ROUTES[name] === undefined && !ROUTES.some((route) => name === `${route.method} ${route.path}`)) {
      throw new GatewayError('INTERNAL', 'gateway', `${name} is not classified: add it to OWN_ROUTES or ROUTES`);
    }
    this.#routes.push(name);
  }

  #own(): OwnNames {
    const { address, publicUrl, tls } = this.#parts;
    return {
      tls: tls !== null,
      publicUrl: publicUrl(),
      listenHost: address.kind === 'tcp' ? address.host : 'localhost',
    };
  }

  #url(address: string): string {
    const { publicUrl, tls } = this.#parts;
    return publicUrl() ?? `${tls === null ? 'http' : 'https'}://${address}`;
  }

  /** Before anything of a request is looked at: where it comes from, and whether it may. */
  async #check(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    void reply.headers(SECURITY_HEADERS);
    if (!(await this.#tailnet.admits(request.raw.socket))) {
      this.#turnedAway('dashboard-agent');
      throw new ApiError(403, 'not_permitted', 'this address is not for agents');
    }
    const path = request.url.split('?')[0] ?? '';
    const origin = originOf(request);
    if (path !== '/healthz' && path !== '/readyz' && !isOwnHost(origin, this.#own())) {
      this.#turnedAway('dashboard-host');
      const fix = 'set gateway { public_url } to the name that people use';
      throw new ApiError(421, 'not_permitted', `this dashboard does not answer to that name; ${fix}`);
    }
    const acts = request.method !== 'GET' && request.method !== 'HEAD';
    const isApi = path.startsWith('/api/');
    const machine = isJoinPath(path) || isCallbackPath(path);
    const fault = machine
      ? findBrowserFault(origin)
      : acts
        ? this.#findActFault(request, origin)
        : isApi
          ? findReadFault(origin)
          : null;
    if (fault !== null) {
      this.#turnedAway('dashboard-origin');
      throw new ApiError(403, 'not_permitted', fault);
    }
    const needed = OWN_ROUTES[`${request.method} ${path}`] ?? (isApi && !machine ? 'session' : 'anyone');
    const caller = needed === 'anyone' ? null : this.#findCaller(request);
    if (needed !== 'anyone' && caller === null) {
      throw new ApiError(401, 'unauthorised', 'log in first');
    }
    if (needed === 'unscoped' && caller?.operator.scope.kind !== 'all') {
      throw needsAll('this');
    }
  }

  /** A token is proof by itself: no browser adds it. A cookie is not, so it takes the session's own token beside it. */
  #findActFault(request: FastifyRequest, origin: OriginParts): string | null {
    if (request.headers.authorization !== undefined) {
      return origin.origin === undefined && origin.fetchSite === undefined ? null : findActFault(origin, this.#own());
    }
    const fault = findActFault(origin, this.#own());
    if (fault !== null) {
      return fault;
    }
    const found = this.#findSession(request);
    const given = request.headers['x-csrf-token'];
    // A login does not act for the session that the browser still has: it ends it.
    return found === null ||
      /^\/api\/(?:login|setup(?:\/look)?)(?:\?|$)/.test(request.url) ||
      (typeof given === 'string' && sameText(given, found.session.csrf))
      ? null
      : 'the CSRF token is missing or not that of this session; load the page again';
  }

  #findCaller(request: FastifyRequest): Caller | null {
    if (request.headers.authorization !== undefined) {
      return findBearer(this.#parts.operators, request.headers, 'dashboard');
    }
    const found = this.#findSession(request);
    return found === null ? null : { operator: principalOf(found.operator, 'dashboard'), role: found.operator.role };
  }

  /** Looked up anew at every request: whoever was removed, or has another password or role, is out. */
  #findSession(request: FastifyRequest): Found | null {
    const id = readCookie(request.headers.cookie, this.#cookies(request).session);
    const session = id === null ? null : this.#sessions.find(id);
    const operator = session === null ? null : this.#parts.operators.find(session.operator);
    return id === null || session === null || operator === null || operator.epoch !== session.epoch
      ? this.#tailnet.find(request.raw.socket)
      : { id, session, operator };
  }

  #cookies(request: FastifyRequest): CookieNames & { readonly secure: boolean } {
    const secure = isSecure(originOf(request), this.#own());
    return { ...cookieNames(secure, this.#port), secure };
  }

  #addPage(app: FastifyInstance): void {
    const send = (request: FastifyRequest, reply: FastifyReply, path: string): FastifyReply => {
      const file = this.#page.get(path);
      if (file === undefined) {
        return path === '/'
          ? reply.code(503).type('text/plain').send('The page was not built: npm run build\n')
          : sendError(this.#parts, reply, new ApiError(404, 'not_found', 'there is no such file'));
      }
      const zips = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
      return reply
        .headers({
          'cache-control': file.hashed ? 'public, max-age=31536000, immutable' : 'no-cache',
          vary: 'accept-encoding',
          ...(zips ? { 'content-encoding': 'gzip' } : {}),
        })
        .type(file.type)
        .send(zips ? file.gzipped : file.bytes);
    };
    app.get('/', (request, reply) => send(request, reply, '/'));
    app.get('/icon.svg', (request, reply) => send(request, reply, '/icon.svg'));
    app.get<{ Params: { file: string } }>('/assets/:file', (request, reply) =>
      send(request, reply, `/assets/${request.params.file}`),
    );
  }

  #live(request: FastifyRequest, reply: FastifyReply, closing: AbortSignal): FastifyReply {
    const caller = this.#findCaller(request);
    if (caller === null) {
      throw new ApiError(401, 'unauthorised', 'log in first');
    }
    const fields = readFields(request.query, [...AUDIT_FILTERS, 'records', 'after']);
    const { clock, onApprovals, operators, warn } = this.#parts;
    const { approvals, audit } = scopeParts(this.#parts, caller.operator);
    const wanted = fields.get('records') === '1';
    const lastId = request.headers['last-event-id'];
    const after = readNumber(fields, 'after', { from: 0, to: Number.MAX_SAFE_INTEGER });
    const release = this.#takeStream(caller.operator.name);
    const signal = signalOf(reply, closing);
    signal.addEventListener('abort', release, { once: true });
    const events = liveEvents({
      clock,
      audit,
      pendingCount: () => approvals.pending().length,
      // That something happens elsewhere is not told either, not even by an empty event.
      onApprovals: (listener) => onApprovals((kind, profile) => sees(caller.operator.scope, profile) && listener(kind)),
      filter: wanted ? readFilter(fields, clock.now()) : null,
      afterSeq: typeof lastId === 'string' && /^\d{1,15}$/.test(lastId) ? Number(lastId) : after,
      alive: () => this.#findCaller(request) !== null,
      signal,
    });
    // The page asks again at once, and is told what it may see now. Whoever is out is told that by the stream itself.
    cutOnChange(reply, operators, () => {
      const now = this.#findCaller(request);
      return now === null || sameSight(now, caller);
    });
    const stream = Readable.from(events, { objectMode: false, highWaterMark: 1 });
    stream.on('error', (error) => warn('a live stream of the dashboard broke off', error));
    return reply
      .headers({ 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
      .type('text/event-stream')
      .send(stream);
  }

  /** Counts a stream; what is returned lets it go, once. */
  #takeStream(name: string): () => void {
    const own = this.#streams.get(name) ?? 0;
    const all = [...this.#streams.values()].reduce((sum, count) => sum + count, 0);
    if (own >= MAX_STREAMS_EACH || all >= MAX_STREAMS) {
      throw new ApiError(429, 'throttled', 'too many pages are open; close some');
    }
    this.#streams.set(name, own + 1);
    return () => {
      const left = (this.#streams.get(name) ?? 1) - 1;
      if (left === 0) {
        this.#streams.delete(name);
      } else {
        this.#streams.set(name, left);
      }
    };
  }
}

function originOf({ headers }: FastifyRequest): OriginParts {
  const fetchSite = headers['sec-fetch-site'];
  return {
    host: headers.host,
    origin: headers.origin,
    fetchSite: typeof fetchSite === 'string' ? fetchSite : undefined,
  };
}

/** What a machine is told that wants to join here. `host`: the name by which it came. */
function describeElsewhere(enrolListen: ListenAddress | null, host: string): string {
  if (enrolListen === null) {
    return 'machines cannot join this gateway: it has no tunnel for them (gateway { wireguard { } })';
  }
  if (enrolListen.kind === 'unix') {
    return `machines do not join at this address, which is the dashboard's; the gateway lets them in at ${enrolListen.path}`;
  }
  const anywhere = enrolListen.host === '0.0.0.0' || enrolListen.host === '::';
  const at = anywhere ? host.replace(/^\[|\]$/g, '') : enrolListen.host;
  // Of a port that the system chose only the `ready` line tells.
  const url = `https://${formatHostPort(at, enrolListen.port)}`.replace(/:0$/, ':PORT');
  return `machines do not join at this address, which is the dashboard's: write ${url} (the enroll address of the gateway's \`ready\` line)`;
}
