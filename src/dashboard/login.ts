// Logging in and out of the dashboard, and the first account. Every try is recorded; a wrong one uses up a supply that refills slowly,
// for the address it came from and for the account, so that guessing at one account keeps nobody else out. Whoever logged in to the account
// with this browser before has a supply of their own.
import { createHmac, randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isIP } from 'node:net';
import type { SessionJson } from '../client/control-shapes.ts';
import type { OperatorParts } from './call.ts';
import { operatorEvent } from './call.ts';
import { canonicalIp } from '../gateway/dialling/addresses.ts';
import { readCookie, writeCookie, type CookieNames } from './cookies.ts';
import { ApiError, getText, readBody } from './input.ts';
import { findNameFault, type Operator, type Operators } from './operators.ts';
import { BusyError, findPasswordFault, MAX_PASSWORD_CHARS, type PasswordHash, type Passwords } from './password.ts';
import { sameText, type Session, type Sessions } from './sessions.ts';
import type { Setup } from './setup.ts';
import { timeText } from './shapes.ts';
import type { Throttle } from '../lib/throttle.ts';

export interface LoginParts extends Pick<OperatorParts, 'clock' | 'audit' | 'warn'> {
  readonly operators: Operators;
  readonly passwords: Passwords;
  readonly sessions: Sessions;
  readonly setup: Setup;
  readonly throttle: Throttle;
  readonly version: string;
  /** The names of our cookies for that request, and whether it came over TLS. */
  readonly cookies: (request: FastifyRequest) => CookieNames & { readonly secure: boolean };
  /** The session that a request belongs to, with its operator as the account is now. */
  readonly findSession: (request: FastifyRequest) => Found | null;
}

export interface Found {
  readonly id: string;
  readonly session: Session;
  readonly operator: Operator;
}

/** A login that has to be told apart is sent in so many bytes at most. */
const BODY_LIMIT = 8 * 1024;
const DEVICE_KEPT_MS = 400 * 86_400_000;
/** Failed tries that are recorded one by one in a minute; more are counted. */
const RECORDED_PER_MINUTE = 60;
const MINUTE_MS = 60_000;

/** Adds the calls of `LOGIN_ROUTES`. */
export function addLoginRoutes(app: FastifyInstance, parts: LoginParts): void {
  const login = new Login(parts);
  const options = { bodyLimit: BODY_LIMIT };
  app.get('/api/session', (request, reply) => answer(reply, login.describe(request)));
  app.post('/api/login', options, async (request, reply) => answer(reply, await login.logIn(request, reply)));
  app.post('/api/setup', options, async (request, reply) => answer(reply, await login.setUp(request, reply)));
  app.post('/api/setup/look', options, async (request, reply) =>
    answer(reply, await login.lookAtSetUp(request, reply)),
  );
  app.post('/api/logout', options, async (request, reply) => answer(reply, await login.logOut(request, reply)));
  app.post('/api/password', options, async (request, reply) =>
    answer(reply, await login.changePassword(request, reply)),
  );
}

function answer(reply: FastifyReply, body: object): FastifyReply {
  return reply.header('cache-control', 'no-store').type('application/json; charset=utf-8').send(JSON.stringify(body));
}

class Login {
  readonly #parts: LoginParts;
  /** Signs device cookies. New at every start: then nobody is known, and the address counts again. */
  readonly #deviceKey = randomBytes(32);
  #recordedSinceMs = Number.NEGATIVE_INFINITY;
  #recorded = 0;
  #unrecorded = 0;

  constructor(parts: LoginParts) {
    this.#parts = parts;
  }

  describe(request: FastifyRequest): SessionJson {
    const found = this.#parts.findSession(request);
    return found === null ? this.#nobody() : this.#somebody(found.operator, found.session);
  }

  async logIn(request: FastifyRequest, reply: FastifyReply): Promise<SessionJson> {
    const fields = readBody(request.body, ['name', 'password']);
    const name = getText(fields, 'name');
    const password = getText(fields, 'password');
    const operator = this.#parts.operators.find(name);
    await this.#checked(request, { operator, password, call: 'session.login' });
    if (operator === null) {
      throw wrong();
    }
    return this.#enter(request, reply, operator);
  }

  /** Whether the link works, before somebody fills in a form for nothing. A try like any other: it cannot be used to guess. */
  async lookAtSetUp(request: FastifyRequest, reply: FastifyReply): Promise<object> {
    await this.#tryToken(readBody(request.body, ['token']).get('token') ?? '', request, reply);
    return {};
  }

  async setUp(request: FastifyRequest, reply: FastifyReply): Promise<SessionJson> {
    const { operators, passwords, setup } = this.#parts;
    const fields = readBody(request.body, ['token', 'name', 'password']);
    const name = getText(fields, 'name');
    const password = getText(fields, 'password');
    const token = fields.get('token') ?? '';
    await this.#tryToken(token, request, reply);
    const fault = findNameFault(name) ?? findPasswordFault(password);
    if (fault !== null) {
      throw new ApiError(400, 'bad_request', fault);
    }
    const hash = await untilBusy(passwords.hash(password));
    // Somebody else may have been faster while the password was hashed.
    if (!this.#opens(token)) {
      throw new ApiError(409, 'decided', 'the first operator was made just now by somebody else');
    }
    await this.#recordFirst('session.setup', name, request);
    setup.use();
    operators.add({ name, role: 'admin', email: '', slack: '', password: hash });
    const operator = operators.find(name);
    if (operator === null) {
      throw new ApiError(500, 'internal', 'the account was not kept');
    }
    return this.#enter(request, reply, operator);
  }

  async logOut(request: FastifyRequest, reply: FastifyReply): Promise<SessionJson> {
    const { sessions, cookies, findSession } = this.#parts;
    const found = findSession(request);
    const names = cookies(request);
    if (found !== null) {
      sessions.close(found.id);
      await this.#record('session.logout', 'ok', { request, name: found.operator.name });
    }
    void reply.header('set-cookie', writeCookie(names.session, 'none', { secure: names.secure, maxAgeMs: 0 }));
    return this.#nobody();
  }

  async changePassword(request: FastifyRequest, reply: FastifyReply): Promise<SessionJson> {
    const { operators, passwords, sessions, findSession } = this.#parts;
    const found = findSession(request);
    if (found === null) {
      throw new ApiError(401, 'unauthorised', 'log in first');
    }
    const { name } = found.operator;
    const fields = readBody(request.body, ['current', 'password']);
    const password = getText(fields, 'password');
    const current = fields.get('current') ?? '';
    await this.#checked(request, { operator: found.operator, password: current, call: 'session.password' });
    const fault = findPasswordFault(password);
    if (fault !== null) {
      throw new ApiError(400, 'bad_request', fault);
    }
    const hash: PasswordHash = await untilBusy(passwords.hash(password));
    await this.#recordFirst('session.password', name, request);
    operators.setPassword(name, hash);
    sessions.closeAllOf(name);
    const operator = operators.find(name);
    if (operator === null) {
      throw wrong();
    }
    return this.#enter(request, reply, operator);
  }

  /** Rejects unless the password is the operator's, within the supply of tries. */
  async #checked(
    request: FastifyRequest,
    {
      operator,
      password,
      call,
    }: { readonly operator: Operator | null; readonly password: string; readonly call: string },
  ): Promise<void> {
    const { passwords, throttle } = this.#parts;
    const name = operator?.name ?? '';
    const keys = this.#keysOf(request, name);
    const leftMs = throttle.take(keys);
    if (leftMs !== null) {
      await this.#record(call, 'throttled', { request, name });
      throw tooMany(leftMs);
    }
    const stored = password.length > MAX_PASSWORD_CHARS ? null : (operator?.password ?? null);
    const right = await untilBusy(passwords.verify(password.slice(0, MAX_PASSWORD_CHARS), stored));
    if (!right) {
      await this.#record(call, 'refused', { request, name });
      throw wrong();
    }
    throttle.giveBack(keys);
  }

  #opens(token: string): boolean {
    return this.#parts.operators.list().length === 0 && this.#parts.setup.fits(token);
  }

  async #tryToken(token: string, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const keys = [`setup:${addressKey(request)}`];
    this.#take(keys, reply);
    if (!this.#opens(token)) {
      await this.#record('session.setup', 'refused', { request, name: '' });
      const fix = 'restart the gateway for a new link, or run: clawpatrol operators add NAME --role admin';
      throw new ApiError(
        401,
        'unauthorised',
        `this set-up link was used, is too old, or is not of this gateway; ${fix}`,
      );
    }
    this.#parts.throttle.giveBack(keys);
  }

  #take(keys: readonly string[], reply: FastifyReply): void {
    const leftMs = this.#parts.throttle.take(keys);
    if (leftMs !== null) {
      void reply.header('retry-after', String(Math.ceil(leftMs / 1000)));
      throw tooMany(leftMs);
    }
  }

  #keysOf(request: FastifyRequest, name: string): readonly string[] {
    const known = readCookie(request.headers.cookie, this.#parts.cookies(request).device);
    const nonce = known?.split('.')[0] ?? '';
    return name !== '' && known !== null && sameText(known, this.#deviceValue(name, nonce))
      ? [`device:${nonce}`]
      : [`address:${addressKey(request)}`, `account:${name}`];
  }

  #deviceValue(name: string, nonce: string): string {
    const mac = createHmac('sha256', this.#deviceKey)
      .update(JSON.stringify([name, nonce]))
      .digest('base64url');
    return `${nonce}.${mac}`;
  }

  /** A new session in the place of whatever the browser had. */
  async #enter(request: FastifyRequest, reply: FastifyReply, operator: Operator): Promise<SessionJson> {
    const { sessions, cookies, clock } = this.#parts;
    const names = cookies(request);
    const { secure } = names;
    await this.#record('session.login', 'ok', { request, name: operator.name });
    const old = readCookie(request.headers.cookie, names.session);
    if (old !== null) {
      sessions.close(old);
    }
    const { id, session } = sessions.open(operator.name, operator.epoch);
    const device = this.#deviceValue(operator.name, randomBytes(16).toString('base64url'));
    void reply.header('set-cookie', [
      writeCookie(names.session, id, { secure, maxAgeMs: session.expiresMs - clock.now() }),
      writeCookie(names.device, device, { secure, maxAgeMs: DEVICE_KEPT_MS }),
    ]);
    return this.#somebody(operator, session);
  }

  #nobody(): SessionJson {
    const { operators, version } = this.#parts;
    return { operator: null, csrf: null, expires: null, version, setup: operators.list().length === 0 };
  }

  #somebody({ name, role, email, profiles }: Operator, { csrf, expiresMs }: Session): SessionJson {
    const { version } = this.#parts;
    return { operator: { name, role, email, profiles }, csrf, expires: timeText(expiresMs), version, setup: false };
  }

  /** On disk before it is done, and refused when it cannot be. */
  async #recordFirst(call: string, name: string, request: FastifyRequest): Promise<void> {
    const { audit, clock, warn } = this.#parts;
    const data = { call, via: 'dashboard', address: addressOf(request) };
    try {
      await audit.appendDurable(operatorEvent('operator.acted', { name }, { atMs: clock.now(), data }));
    } catch (error) {
      warn(`${call} was refused, since it could not be recorded`, error);
      throw new ApiError(503, 'unavailable', 'the log cannot be written, so nothing was done; see: clawpatrol status');
    }
  }

  /** A name that no account has is not recorded: people type passwords into the wrong field. */
  async #record(
    call: string,
    result: 'ok' | 'refused' | 'throttled',
    { request, name }: { readonly request: FastifyRequest; readonly name: string },
  ): Promise<void> {
    const { audit, clock, warn } = this.#parts;
    if (result !== 'ok' && !this.#mayRecord()) {
      this.#unrecorded += 1;
      return;
    }
    const more = this.#unrecorded > 0 ? { unrecorded_before: this.#unrecorded } : {};
    this.#unrecorded = 0;
    const data = { call, result, via: 'dashboard', address: addressOf(request), ...more };
    const by = name === '' ? 'gateway' : name;
    const reason = result === 'ok' ? '' : name === '' ? 'no such operator' : 'not logged in';
    const event = operatorEvent('operator.acted', { name: by }, { atMs: clock.now(), data, reason });
    if (audit.append(event) === null) {
      warn(`${call} could not be recorded`, result);
      if (result === 'ok') {
        throw new ApiError(
          503,
          'unavailable',
          'the log cannot be written, so nobody is let in; see: clawpatrol status',
        );
      }
    }
  }

  #mayRecord(): boolean {
    const nowMs = this.#parts.clock.monotonicMs();
    if (nowMs - this.#recordedSinceMs >= MINUTE_MS) {
      this.#recordedSinceMs = nowMs;
      this.#recorded = 0;
    }
    this.#recorded += 1;
    return this.#recorded <= RECORDED_PER_MINUTE;
  }
}

function wrong(): ApiError {
  return new ApiError(401, 'unauthorised', 'name or password is wrong');
}

function tooMany(leftMs: number): ApiError {
  const seconds = Math.max(1, Math.ceil(leftMs / 1000));
  return new ApiError(429, 'throttled', `too many wrong passwords; try again in ${seconds} s`);
}

async function untilBusy<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof BusyError ? new ApiError(503, 'unavailable', error.message) : error;
  }
}

/** The peer's own address. What headers say about others is anybody's word. */
function addressOf(request: FastifyRequest): string {
  return canonicalIp(request.raw.socket.remoteAddress);
}

/** One household or host is one key: of IPv6 it has the last 64 bits to itself. */
function addressKey(request: FastifyRequest): string {
  const ip = addressOf(request);
  return isIP(ip) === 6 ? (ip.split('::')[0] ?? '').split(':').slice(0, 4).join(':') : ip;
}
