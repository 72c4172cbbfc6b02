// The operator API over HTTP: who calls, what they may send, and how errors look. What the calls do is in routes.ts.
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Principal } from '../approvals/stages.ts';
import type { ControlErrorCode, ErrorJson } from '../client/control-shapes.ts';
import { GatewayError, messageOf } from '../lib/errors.ts';
import { ApiError } from './input.ts';
import { operatorEvent, ROUTES, type Answer, type Call, type OperatorParts, type Route } from './routes.ts';

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

export interface OperatorApiParts extends OperatorParts {
  /** Who is at the other end of that connection; null = nobody who may ask anything. */
  readonly authenticate: (socket: Socket) => Principal | null;
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
  const closing = new AbortController();
  const { app, server } = createApp((error, reply) => sendError(parts, reply, error));
  app.addHook('onRequest', async (request) => {
    if (parts.authenticate(request.raw.socket) === null) {
      parts.turnedAway();
      throw new ApiError(401, 'unauthorised', parts.unauthorised);
    }
  });
  app.setErrorHandler((error, _request, reply) => sendError(parts, reply, error));
  app.setNotFoundHandler((_request, reply) =>
    sendError(parts, reply, new ApiError(404, 'not_found', 'there is no such call')),
  );
  for (const route of ROUTES) {
    app.route({
      method: route.method,
      url: route.path,
      handler: (request, reply) => serve(route, { parts, closing: closing.signal }, request, reply),
    });
  }
  await app.ready();
  return {
    server,
    async close() {
      closing.abort();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      await app.close();
    },
  };
}

/** `onMisread` answers what the router itself cannot read: no hook and no error handler sees those. */
function createApp(onMisread: (error: unknown, reply: FastifyReply) => FastifyReply): {
  readonly app: FastifyInstance;
  readonly server: Server;
} {
  let server: Server | null = null;
  const app = fastify({
    bodyLimit: MAX_BODY_BYTES,
    // A HEAD of every GET would be calls that the table does not have.
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    logger: false,
    frameworkErrors(error, _request, reply) {
      onMisread(error, reply);
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
  const operator = parts.authenticate(request.raw.socket);
  if (operator === null) {
    throw new ApiError(401, 'unauthorised', parts.unauthorised);
  }
  const params = new Map(Object.entries(isRecord(request.params) ? request.params : {}).filter(isTextEntry));
  const signal = signalOf(reply, closing);
  const call: Call = { parts, operator, params, query: request.query, body: request.body, signal };
  if (route.kind === 'acts') {
    await recordAct(route, call);
  }
  return send(reply, await route.answer(call), parts);
}

/** An act is on disk before it is done: who, through what, and on what. */
async function recordAct(route: Route, { parts, operator, params, body }: Call): Promise<void> {
  const given = isRecord(body) ? body : {};
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
      return reply.type(answer.type).send(stream);
    }
  }
}

/** Aborts when this answer is over, whether it was read or not. Leaves nothing behind on the connection, which may carry other calls. */
function signalOf(reply: FastifyReply, closing: AbortSignal): AbortSignal {
  const over = new AbortController();
  const end = (): void => over.abort();
  closing.addEventListener('abort', end, { once: true });
  reply.raw.once('close', () => {
    closing.removeEventListener('abort', end);
    end();
  });
  return over.signal;
}

function sendError(parts: OperatorApiParts, reply: FastifyReply, error: unknown): FastifyReply {
  const { status, code, message } = describeError(parts, error);
  const body: ErrorJson = { error: { code, message } };
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(body));
}

function describeError(
  parts: OperatorApiParts,
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
  const status = isRecord(error) && typeof error['statusCode'] === 'number' ? error['statusCode'] : 500;
  if (status === 413) {
    return { status, code: 'too_large', message: `a body has ${MAX_BODY_BYTES} bytes at most` };
  }
  if (status >= 400 && status < 500) {
    return { status, code: 'bad_request', message: messageOf(error) };
  }
  parts.warn('a call of the operator API failed', error);
  return { status: 500, code: 'internal', message: 'a fault of the gateway; its log says more' };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTextEntry(entry: readonly [string, unknown]): entry is [string, string] {
  return typeof entry[1] === 'string';
}
