// Where channels call back, and alerting systems tell of incidents: signed by the other side over the very bytes, so the bodies are taken raw. No session, no token and no browser
// counts here, and whoever is turned away is told nothing but that.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Channels } from '../gateway/channels/channels.ts';
import type { Incidents } from '../gateway/channels/incidents.ts';
import type { CallbackReply } from '../gateway/channels/parts.ts';
import type { Signed } from '../approvals/signature.ts';
import { ApiError } from './input.ts';

const MAX_CALLBACK_BYTES = 256 * 1024;

/** Whether a path is one of those that channels call. */
export function isCallbackPath(path: string): boolean {
  return /^\/api\/(?:cred\/[^/]+\/interactive|notifier\/[^/]+\/decision|context\/[^/]+\/events)$/.test(path);
}

export interface CallbackParts {
  readonly channels: Pick<Channels, 'receiveSlack' | 'receiveDecision'>;
  readonly incidents: Pick<Incidents, 'receive'>;
  readonly turnedAway: (cause: string) => void;
}

/** Adds the calls. */
export async function addCallbackRoutes(
  app: FastifyInstance,
  { channels, incidents, turnedAway }: CallbackParts,
): Promise<void> {
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: MAX_CALLBACK_BYTES }, (_, body, done) => {
      done(null, body);
    });
    scope.post<{ Params: { name: string } }>('/api/cred/:name/interactive', async (request, reply) =>
      answer(reply, await channels.receiveSlack(request.params.name, signedOf(request)), turnedAway),
    );
    scope.post<{ Params: { name: string } }>('/api/notifier/:name/decision', async (request, reply) =>
      answer(reply, await channels.receiveDecision(request.params.name, signedOf(request)), turnedAway),
    );
    scope.post<{ Params: { name: string } }>('/api/context/:name/events', async (request, reply) =>
      answer(reply, await incidents.receive(request.params.name, signedOf(request)), turnedAway),
    );
  });
}

function signedOf({ body, headers }: FastifyRequest): Signed {
  return {
    body: Buffer.isBuffer(body) ? body : Buffer.alloc(0),
    header(name) {
      const value = headers[name];
      return typeof value === 'string' ? value : '';
    },
  };
}

function answer(reply: FastifyReply, result: CallbackReply, turnedAway: (cause: string) => void): FastifyReply {
  if (result.kind === 'refused') {
    turnedAway('channel-callback');
    throw new ApiError(result.status, 'not_permitted', 'this call does not count');
  }
  void reply.code(result.status).header('cache-control', 'no-store');
  // Slack takes a text in the body for a message, so an answer without one is empty.
  return result.body === null
    ? reply.send('')
    : reply.type('application/json; charset=utf-8').send(JSON.stringify(result.body));
}
