// The upstream's socket of a PostgreSQL connection: dial, TLS as `sslmode` says, login, greeting; and the cancel connection. What the
// upstream's bytes mean is decided in login.ts and greeting.ts.
import { pbkdf2, randomBytes } from 'node:crypto';
import { Socket, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket, checkServerIdentity, connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import type { EndpointConfig } from '../../config/config.ts';
import { type Clock } from '../../lib/clock.ts';
import { GatewayError, messageOf } from '../../lib/errors.ts';
import type { Secret } from '../../lib/secret.ts';
import type { Action } from '../../rules/action.ts';
import type { DispatchedCredential, Effect, MeasureContext } from '../protocol.ts';
import {
  BACK,
  SSL_REQUEST,
  cancelRequest,
  extendedQuery,
  queryMessage,
  startupPacket,
  takeMessage,
  untypedPacket,
} from './codec.ts';
import { planEffect, runEffect, type Answer } from './effect.ts';
import { Greeting, lookQuery } from './greeting.ts';
import {
  DEFAULT_AUTH_METHODS,
  Login,
  endPointBinding,
  type AuthMethod,
  type LoginFailure,
  type LoginParts,
  type LoginStep,
} from './login.ts';
import { readDataRow, readErrorFields } from './messages.ts';
import { Peer, once, within } from '../peer.ts';
import type { StartupRequest } from './startup.ts';

const TLS_MS = 10_000;
const LOGIN_MS = 15_000;
const CANCEL_MS = 10_000;
const KEEPALIVE_MS = 60_000;
/** The longest message that an upstream may send before the session begins. */
const MAX_GREETING_BYTES = 1024 * 1024;
const SASL_NONCE_BYTES = 18;
const ACCEPTED = 0x53;
const DECLINED = 0x4e;

const derive = promisify(pbkdf2);

export type SslMode = 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';

/** Where to log in, as whom, and how the upstream is checked. */
export interface Target {
  /** Name that a certificate must have. */
  readonly host: string;
  readonly sslMode: SslMode;
  readonly caCert: string | null;
  readonly user: string;
  readonly database: string;
  /** Further startup parameters. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly password: Secret | null;
  readonly methods: ReadonlySet<AuthMethod>;
  /** Look up names that exist outside of pg_catalog. */
  readonly catalogLookup: boolean;
}

/** What connecting needs of the gateway. */
export interface Dialler {
  readonly clock: Clock;
  dial(signal: AbortSignal): Promise<Duplex>;
  readonly signal: AbortSignal;
}

/** A logged-in upstream connection, idle. */
export interface Upstream {
  readonly peer: Peer;
  readonly greeting: Greeting;
  readonly target: Target;
}

/** The upstream did not let the gateway in. */
export class LoginError extends Error {
  /** SQLSTATE for the client. */
  readonly code: string;
  /** Holds no name that the client did not say itself. */
  readonly toldToClient: string;

  constructor(detail: string, code: string, toldToClient: string) {
    super(detail);
    this.code = code;
    this.toldToClient = toldToClient;
  }
}

/** The login that a client's request and its credential lead to. The credential's role wins; a database that the client names does. */
export function targetOf(request: StartupRequest, credential: DispatchedCredential, config: EndpointConfig): Target {
  const { user, database } = credential.attributes;
  const role = typeof user === 'string' && user !== '' ? user : request.user;
  const fallback = typeof database === 'string' && database !== '' ? database : role;
  const parameters = new Map(request.parameters);
  if (config.attributes['read_only'] === true) {
    // A second layer behind the judgement of each statement, not the guard.
    parameters.set('default_transaction_read_only', 'on');
  }
  return {
    host: config.hosts[0]?.host ?? '',
    sslMode: sslModeOf(config),
    caCert: config.caCert,
    user: role,
    database: request.database ?? fallback,
    parameters,
    password: credential.secrets.get('') ?? null,
    methods: authMethods(credential),
    catalogLookup: config.attributes['catalog_lookup'] === true,
  };
}

function sslModeOf(config: EndpointConfig): SslMode {
  const mode = SSL_MODES.find((known) => known === config.attributes['sslmode']);
  return mode ?? 'prefer';
}

const SSL_MODES: readonly SslMode[] = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'];

function authMethods(credential: DispatchedCredential): ReadonlySet<AuthMethod> {
  const listed = credential.attributes['auth_methods'];
  if (!Array.isArray(listed)) {
    return new Set(DEFAULT_AUTH_METHODS);
  }
  const known: readonly AuthMethod[] = ['scram-sha-256', 'md5', 'cleartext', 'trust'];
  return new Set(known.filter((method) => listed.includes(method)));
}

/** Dials, secures, logs in and looks around. Each phase has its own deadline, and its error names it. */
export async function openUpstream(dialler: Dialler, target: Target): Promise<Upstream> {
  const { clock, signal } = dialler;
  const peer = new Peer(await dialler.dial(signal));
  tune(peer.stream);
  try {
    const tls = new GatewayError('UPSTREAM_TLS', 'upstream', `TLS with ${target.host}: no answer in ${TLS_MS} ms`);
    await within(clock, { ms: TLS_MS, error: tls, outer: signal }, (inner) => secure(peer, target, inner));
    const slow = new GatewayError('UPSTREAM_AUTH', 'upstream', `login at ${target.host}: no end in ${LOGIN_MS} ms`);
    const greeting = await within(clock, { ms: LOGIN_MS, error: slow, outer: signal }, (inner) =>
      logIn(peer, target, inner),
    );
    return { peer, greeting, target };
  } catch (error) {
    peer.stream.destroy();
    throw error;
  }
}

/** Asks for TLS as libpq does, and verifies as much as the mode says. `require` with a CA verifies the chain, as in libpq. */
async function secure(peer: Peer, target: Target, signal: AbortSignal): Promise<void> {
  const { sslMode, host } = target;
  if (sslMode === 'disable') {
    return;
  }
  peer.stream.write(untypedPacket(SSL_REQUEST, Buffer.alloc(0)));
  while (peer.bytes.length === 0) {
    await peer.more(signal);
  }
  const answer = peer.bytes[0];
  if (peer.bytes.length > 1 || (answer !== ACCEPTED && answer !== DECLINED)) {
    // Also an ErrorResponse: it comes in clear from anyone, so it is not believed.
    throw new GatewayError('UPSTREAM_TLS', 'upstream', `${host} answered the request for TLS with something else`);
  }
  peer.used(1);
  if (answer === DECLINED) {
    if (sslMode === 'prefer') {
      return;
    }
    throw new GatewayError('UPSTREAM_TLS', 'upstream', `${host} does not do TLS, and sslmode is ${sslMode}`);
  }
  peer.stream = await handshake(peer.stream, target, signal);
}

async function handshake(stream: Duplex, target: Target, signal: AbortSignal): Promise<TLSSocket> {
  const { sslMode, host, caCert } = target;
  const verifies = sslMode === 'verify-full' || sslMode === 'verify-ca' || caCert !== null;
  const socket = connectTls({
    socket: stream,
    ALPNProtocols: ['postgresql'],
    minVersion: 'TLSv1.2',
    rejectUnauthorized: verifies,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(caCert === null ? {} : { ca: caCert }),
    checkServerIdentity: (_name, certificate) =>
      sslMode === 'verify-full' ? checkServerIdentity(host, certificate) : undefined,
  });
  try {
    await once(socket, 'secureConnect', signal);
  } catch (error) {
    if (error instanceof GatewayError) {
      throw error;
    }
    throw new GatewayError('UPSTREAM_TLS', 'upstream', `TLS with ${host} failed: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return socket;
}

async function logIn(peer: Peer, target: Target, signal: AbortSignal): Promise<Greeting> {
  const parameters = new Map([['user', target.user], ['database', target.database], ...target.parameters]);
  peer.stream.write(startupPacket(parameters));
  await authenticate(peer, target, signal);
  const greeting = new Greeting();
  await greet(peer, greeting, signal);
  if (greeting.error !== null) {
    throw refusedBy(greeting.error.code, greeting.error.message);
  }
  greeting.looking(target.catalogLookup);
  peer.stream.write(queryMessage(lookQuery(target.catalogLookup)));
  await greet(peer, greeting, signal);
  return greeting;
}

async function authenticate(peer: Peer, target: Target, signal: AbortSignal): Promise<void> {
  const login = new Login({
    user: target.user,
    password: target.password,
    methods: target.methods,
    channel: channelOf(peer.stream),
    nonce: randomBytes(SASL_NONCE_BYTES).toString('base64'),
  });
  for (;;) {
    const { type, body } = await message(peer, signal);
    let step: LoginStep = login.take(type, body);
    if (step.kind === 'derive') {
      step = login.derived(await derive(step.password, step.salt, step.iterations, 32, 'sha256'));
    }
    switch (step.kind) {
      case 'send':
        peer.stream.write(step.bytes);
        break;
      case 'wait':
        break;
      case 'done':
        return;
      case 'failed':
        throw failureOf(step);
      case 'derive':
        throw new LoginError('a key was asked for twice', '08P01', NEUTRAL);
    }
  }
}

/** Reads up to ReadyForQuery. */
async function greet(peer: Peer, greeting: Greeting, signal: AbortSignal): Promise<void> {
  for (;;) {
    const { type, body } = await message(peer, signal);
    if (greeting.take(type, body)) {
      return;
    }
  }
}

async function message(peer: Peer, signal: AbortSignal): Promise<{ readonly type: number; readonly body: Buffer }> {
  for (;;) {
    const taken = takeMessage(peer.bytes, MAX_GREETING_BYTES);
    switch (taken.kind) {
      case 'message':
        peer.used(taken.sizeBytes);
        return taken;
      case 'malformed':
        throw new LoginError(`login: the upstream sent ${taken.why}`, '08P01', NEUTRAL);
      case 'incomplete':
        await peer.more(signal);
        break;
    }
  }
}

function channelOf(stream: Duplex): LoginParts['channel'] {
  if (!(stream instanceof TLSSocket)) {
    return { kind: 'plain' };
  }
  const { raw } = stream.getPeerCertificate();
  const endPoint = Buffer.isBuffer(raw) ? endPointBinding(raw) : null;
  return endPoint === null ? { kind: 'unbound' } : { kind: 'tls', endPoint };
}

const NEUTRAL = 'the login at the upstream database failed';

function failureOf(failure: LoginFailure): LoginError {
  switch (failure.cause) {
    case 'refused':
      return refusedBy(failure.code, failure.detail);
    case 'broken':
      return new LoginError(`login: ${failure.detail}`, '08P01', NEUTRAL);
    case 'policy':
      return new LoginError(`login: ${failure.detail}`, '28000', NEUTRAL);
  }
}

/** The upstream's own error: its code is passed on where it says something to the client, its text never. */
function refusedBy(code: string, text: string): LoginError {
  const detail = `login: the upstream refused it: ${code} ${text}`;
  switch (code) {
    case '3D000':
      return new LoginError(detail, code, 'the database does not exist at the upstream');
    case '28000':
    case '28P01':
      return new LoginError(detail, code, "the upstream database refused the gateway's login");
    case '53300':
      return new LoginError(detail, code, 'the upstream database takes no more connections');
    case '57P03':
      return new LoginError(detail, code, 'the upstream database is not ready');
    default:
      return new LoginError(detail, /^[0-9A-Z]{5}$/.test(code) ? code : '08006', NEUTRAL);
  }
}

/** Sends the upstream's own key on a connection of its own. Best effort: it never rejects. */
export async function cancelAt(dialler: Dialler, upstream: Upstream): Promise<void> {
  const { key } = upstream.greeting;
  if (key === null) {
    return;
  }
  const slow = new Error('the cancel took too long');
  try {
    await within(dialler.clock, { ms: CANCEL_MS, error: slow, outer: dialler.signal }, async (signal) => {
      const peer = new Peer(await dialler.dial(signal));
      try {
        await secure(peer, upstream.target, signal);
        peer.stream.end(cancelRequest(key.processId, key.secretKey));
        await peer.more(signal);
      } finally {
        peer.stream.destroy();
      }
    });
  } catch {
    // The server closes the connection without an answer, which arrives here too.
  }
}

/** Small messages go out at once, and a peer that vanished is noticed. */
export function tune(stream: Duplex): void {
  if (stream instanceof Socket && !(stream instanceof TLSSocket)) {
    stream.setNoDelay(true);
    stream.setKeepAlive(true, KEEPALIVE_MS);
  }
}

/** What a measurement's questions may take each; the whole is bounded by the caller's signal. */
const MEASURE_LIMITS =
  "BEGIN READ ONLY; SET LOCAL statement_timeout = '2s'; SET LOCAL lock_timeout = '500ms'; SET LOCAL standard_conforming_strings = on";

/** Measures what a parked action would do, on a connection of its own. Null when nothing can be said. */
export async function measurePostgres(action: Action, context: MeasureContext, clock: Clock): Promise<Effect | null> {
  const plan = planEffect(action);
  const { credential, config, signal } = context;
  const database = action.units[0]?.facts.get('sql.database');
  const user = action.units[0]?.facts.get('sql.user');
  if (plan === null || credential === null || typeof database !== 'string') {
    return null;
  }
  const request = { user: typeof user === 'string' ? user : '', database, parameters: new Map(), negotiation: null };
  const target = { ...targetOf(request, credential, config), catalogLookup: false };
  const upstream = await openUpstream({ clock, dial: (inner) => context.dial(inner), signal }, target);
  const path = plan.schemas.map((name) => `"${name.replaceAll('"', '""')}"`).join(', ');
  try {
    return await runEffect(plan, async ({ sql, parameters }) => {
      await exchange(upstream.peer, queryMessage(MEASURE_LIMITS), signal);
      if (path !== '') {
        const prefixed =
          "SELECT pg_catalog.set_config('search_path', $1 || pg_catalog.current_setting('search_path'), true)";
        await exchange(upstream.peer, extendedQuery(prefixed, [`${path}, `]), signal);
      }
      const answer = await exchange(upstream.peer, extendedQuery(sql, parameters), signal);
      await exchange(upstream.peer, queryMessage('ROLLBACK'), signal);
      return answer;
    });
  } finally {
    upstream.peer.stream.destroy();
  }
}

/** Sends one question and reads its answer up to ReadyForQuery. */
async function exchange(peer: Peer, bytes: Buffer, signal: AbortSignal): Promise<Answer> {
  const rows: (readonly (string | null)[])[] = [];
  let error: string | null = null;
  peer.stream.write(bytes);
  for (;;) {
    const { type, body } = await message(peer, signal);
    switch (type) {
      case BACK.dataRow:
        rows.push(readDataRow(body) ?? []);
        break;
      case BACK.error:
        error = readErrorFields(body).get('C') ?? '';
        break;
      case BACK.ready:
        return error === null ? { kind: 'rows', rows } : { kind: 'error', code: error };
      default:
        break;
    }
  }
}
