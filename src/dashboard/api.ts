// The operator API over HTTP: who calls, what they may send, and how errors look. What the calls do is in routes.ts.
import { createServer, type Server } from 'node:http';
import { Readable } from 'node:stream';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { sameScope } from '../audit/scope.ts';
import type { ControlErrorCode, ErrorJson } from '../client/control-shapes.ts';
import { GatewayError, messageOf } from '../lib/errors.ts';
import { isObject } from '../lib/fields.ts';
import { ApiError } from './input.ts';
import type { Counted, Operators } from './operators.ts';
import { mayDo, type Role } from './roles.ts';
import { needsAll, scopeParts } from './scoped-parts.ts';
import { operatorEvent, type Answer, type Call, type OperatorParts, type Route } from './call.ts';
import { ROUTES } from './routes.ts';

/** A secret of 64 KiB, each byte escaped as JSON may, and its name. */
const MAX_BODY_BYTES = 512 * 1024;
const MAX_HEADER_BYTES = 16 * 1024;
/** All of a request must have come by then; answers may take longer. Callers are on this machine or near it. */
const REQUEST_TIMEOUT_MS = 4_000;
/** How often Node looks for requests that took longer; half a minute if nothing is said. */
const CHECK_EVERY_MS = 1_000;
const KEEP_ALIVE_MS = 5_000;
/** What of one text an `operator.acted` record repeats. */
const MAX_RECORDED_CHARS = 2_000;

/** Who asks, and what they may. */
export interface Caller {
  readonly operator: Counted;
  readonly role: Role;
}

/** The parts as the gateway has them, before any scope. */
export interface WholeParts extends OperatorParts {
  readonly operators: Operators;
}

export interface OperatorApiParts extends WholeParts {
  /** Who asks, from the connection or what the request proves; null = nobody who may ask anything. */
  readonly authenticate: (request: FastifyRequest) => Caller | null;
  /** What to tell those. */
  readonly unauthorised: string;
  /** Called for every call that was turned away. */
  readonly turnedAway: () => void;
}

export interface OperatorApi {
  /** Not listening yet. */
  readonly server: Server;
  /** Ends every answer and connection. */
  close(): Promise<void>;
}

/** Makes the API. Every route of the table is served, and nothing else. */
export async function createOperatorApi(parts: OperatorApiParts): Promise<OperatorApi> {
  const { app, server } = createApp(parts);
  app.addHook('onRequest', async (request) => {
    if (parts.authenticate(request) === null) {
      parts.turnedAway();
      throw new ApiError(401, 'unauthorised', parts.unauthorised);
    }
  });
  const closing = addRoutes(app, parts);
  await app.ready();
  return { server, close: () => closeApp({ app, server, closing }) };
}

/** Adds every call of the table to an application; what is returned ends their answers. */
export function addRoutes(app: FastifyInstance, parts: OperatorApiParts): AbortController {
  const closing = new AbortController();
  for (const route of ROUTES) {
    app.route({
      method: route.method,
      url: route.path,
      handler: (request, reply) => serve(route, { parts, closing: closing.signal }, request, reply),
    });
  }
  return closing;
}

/** Ends every answer and connection. */
export async function closeApp({
  app,
  server,
  closing,
}: {
  readonly app: FastifyInstance;
  readonly server: Server;
  readonly closing: AbortController;
}): Promise<void> {
  closing.abort();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
  await app.close();
}

/** An application with the limits of the operator API and without any route. */
export function createApp(
  parts: Pick<OperatorParts, 'warn'>,
  maxBodyBytes: number = MAX_BODY_BYTES,
): {
  readonly app: FastifyInstance;
  readonly server: Server;
} {
  let server: Server | null = null;
  const app = fastify({
    bodyLimit: maxBodyBytes,
    // A HEAD of every GET would be calls that the table does not have.
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    logger: false,
    frameworkErrors(error, _request, reply) {
      // What the router itself cannot read: no hook and no error handler sees it.
      sendError(parts, reply, error);
    },
    serverFactory(handler) {
      server = createServer(
        {
          maxHeaderSize: MAX_HEADER_BYTES,
          requestTimeout: REQUEST_TIMEOUT_MS,
          headersTimeout: REQUEST_TIMEOUT_MS,
          connectionsCheckingInterval: CHECK_EVERY_MS,
          keepAliveTimeout: KEEP_ALIVE_MS,
        },
        handler,
      );
      return server;
    },
  });
  if (server === null) {
    throw new GatewayError('INTERNAL', 'gateway', 'the server of the operator API was not made');
  }
  // A browser can send text/plain to anywhere without asking; JSON it cannot.
  app.removeContentTypeParser(['text/plain']);
  app.setErrorHandler((error, _request, reply) => sendError(parts, reply, error));
  app.setNotFoundHandler((_request, reply) =>
    sendError(parts, reply, new ApiError(404, 'not_found', 'there is no such call')),
  );
  return { app, server };
}

interface Serving {
  readonly parts: OperatorApiParts;
  readonly closing: AbortSignal;
}

async function serve(
  route: Route,
  { parts, closing }: Serving,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const caller = parts.authenticate(request);
  if (caller === null) {
    throw new ApiError(401, 'unauthorised', parts.unauthorised);
  }
  const { operator, role } = caller;
  if (!mayDo(role, route.role)) {
    recordOverreach(route, parts, operator);
    throw new ApiError(
      403,
      'not_permitted',
      `${route.name} takes the role ${route.role}, and ${operator.name} has ${role}`,
    );
  }
  if (route.sight === 'unscoped' && operator.scope.kind !== 'all') {
    recordOverreach(route, parts, operator);
    throw needsAll(route.name);
  }
  const params = new Map(Object.entries(isObject(request.params) ? request.params : {}).filter(isTextEntry));
  const signal = signalOf(reply, closing);
  const seen = scopeParts(parts, operator);
  const call: Call = { parts: seen, operator, role, params, query: request.query, body: request.body, signal };
  if (route.kind === 'acts') {
    await recordAct(route, call);
  }
  const answer = await route.answer(call);
  if (route.kind === 'reads' && !sameSight(parts.authenticate(request), caller)) {
    throw new ApiError(409, 'refused', 'what you may see has changed meanwhile; ask again');
  }
  if (answer.kind === 'stream') {
    cutOnChange(reply, parts.operators, () => sameSight(parts.authenticate(request), caller));
  }
  return send(reply, answer, parts);
}

/** What goes on for a while ends when who asked may not see it any more, or sees something else. */
export function cutOnChange(reply: FastifyReply, operators: Operators, stands: () => boolean): void {
  const stop = operators.onChange(() => stands() || reply.raw.destroy());
  reply.raw.once('close', stop);
}

/** Whether a request made again would be answered for the same person, role and scope. */
export function sameSight(now: Caller | null, before: Caller): boolean {
  return (
    now !== null &&
    now.operator.name === before.operator.name &&
    now.role === before.role &&
    sameScope(now.operator.scope, before.operator.scope)
  );
}

/** Somebody known asked for more than they may. */
function recordOverreach(route: Route, parts: OperatorApiParts, operator: Counted): void {
  const data = { call: route.name, result: 'refused', via: operator.via };
  const narrow = operator.scope.kind !== 'all' && route.sight === 'unscoped';
  const reason = `takes the role ${route.role}${narrow ? ', and an operator who sees every profile' : ''}`;
  if (
    parts.audit.append(operatorEvent('operator.acted', operator, { atMs: parts.clock.now(), data, reason })) === null
  ) {
    parts.warn(`${route.name} was refused, which could not be recorded`, operator.name);
  }
}

/** An act is on disk before it is done: who, through what, and on what. */
async function recordAct(route: Route, { parts, operator, params, body }: Call): Promise<void> {
  const given = isObject(body) ? body : {};
  const repeated = (route.recorded ?? []).flatMap((name): [string, string][] => {
    const value = params.get(name) ?? given[name];
    return typeof value === 'string' ? [[name, value.slice(0, MAX_RECORDED_CHARS)]] : [];
  });
  const data = { call: route.name, via: operator.via, ...Object.fromEntries(repeated) };
  try {
    await parts.audit.appendDurable(operatorEvent('operator.acted', operator, { atMs: parts.clock.now(), data }));
  } catch (error) {
    parts.warn(`${route.name} was refused, since it could not be recorded`, error);
    throw new ApiError(503, 'unavailable', 'the log cannot be written, so nothing was done; see: clawpatrol status');
  }
}

function send(reply: FastifyReply, answer: Answer, parts: OperatorApiParts): FastifyReply {
  void reply.header('cache-control', 'no-store');
  switch (answer.kind) {
    case 'json':
      return reply.type('application/json; charset=utf-8').send(JSON.stringify(answer.body));
    case 'text':
      return reply.type(answer.type).send(answer.text);
    case 'stream': {
      const stream = Readable.from(answer.pieces, { objectMode: false });
      // The head has gone out, so a failure can only be told by an answer that breaks off.
      stream.on('error', (error) => parts.warn('an answer of the operator API broke off', error));
      if (answer.name !== undefined) {
        void reply.header('content-disposition', `attachment; filename="${answer.name}"`);
      }
      return reply.type(answer.type).send(stream);
    }
  }
}

/** Aborts when this answer is over, whether it was read or not. Leaves nothing behind on the connection, which may carry other calls. */
export function signalOf(reply: FastifyReply, closing: AbortSignal): AbortSignal {
  const over = new AbortController();
  const end = (): void => over.abort();
  closing.addEventListener('abort', end, { once: true });
  reply.raw.once('close', () => {
    closing.removeEventListener('abort', end);
    end();
  });
  return over.signal;
}

/** An error as JSON, in the words of the operator API. */
export function sendError(parts: Pick<OperatorParts, 'warn'>, reply: FastifyReply, error: unknown): FastifyReply {
  const { status, code, message } = describeError(parts, error);
  const body: ErrorJson = { error: { code, message } };
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(body));
}

function describeError(
  parts: Pick<OperatorParts, 'warn'>,
  error: unknown,
): { readonly status: number; readonly code: ControlErrorCode; readonly message: string } {
  if (error instanceof ApiError) {
    return error;
  }
  if (error instanceof GatewayError) {
    const ours = error.code !== 'SECRET_MISSING' && error.code !== 'CONFIG_INVALID';
    return ours
      ? { status: 503, code: 'unavailable', message: error.message }
      : { status: 400, code: 'bad_request', message: error.message };
  }
  const status = isObject(error) && typeof error['statusCode'] === 'number' ? error['statusCode'] : 500;
  if (status === 413) {
    return { status, code: 'too_large', message: `a body has ${MAX_BODY_BYTES} bytes at most` };
  }
  if (status >= 400 && status < 500) {
    return { status, code: 'bad_request', message: messageOf(error) };
  }
  parts.warn('a call of the operator API failed', error);
  return { status: 500, code: 'internal', message: 'a fault of the gateway; its log says more' };
}

function isTextEntry(entry: readonly [string, unknown]): entry is [string, string] {
  return typeof entry[1] === 'string';
}
