// A connection of the gateway's own to an API server, for measuring what a parked request would do.
import type { Clock } from '../../lib/clock.ts';
import { GatewayError } from '../../lib/errors.ts';
import { Unknown } from '../../rules/action.ts';
import type { Action } from '../../rules/action.ts';
import { NO_BODY } from '../http/action.ts';
import { connectUpstream } from '../http/connect.ts';
import { H1Upstream } from '../http/h1-upstream.ts';
import type { Injector } from '../http/injector.ts';
import type { BodyReading, Field, HttpRequest } from '../http/request.ts';
import type { LegEvents } from '../http/sides.ts';
import type { Effect, MeasureContext } from '../protocol.ts';
import { measureEffect } from './effect.ts';
import type { ApiAnswer, ApiRequest } from './effect.ts';
import { parseJson } from './json.ts';

/** Longer answers are not read: what is asked for is one object, or a page of names. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

export interface MeasureParts {
  readonly clock: Clock;
  readonly injector: Injector;
}

/** Measures over a connection per question; null when nothing can be said, also when the server cannot be asked. */
export function measureKubernetes(
  action: Action,
  context: MeasureContext,
  parts: MeasureParts,
): Promise<Effect | null> {
  return measureEffect(action, (request) => ask(request, context, parts));
}

async function ask(
  question: ApiRequest,
  context: MeasureContext,
  { clock, injector }: MeasureParts,
): Promise<ApiAnswer> {
  const { config, credential, signal } = context;
  const host = config.hosts.find(({ wildcard }) => !wildcard);
  if (host === undefined) {
    throw new GatewayError('UPSTREAM_UNREACHABLE', 'operator', `${config.ref} names no host that can be dialled`);
  }
  const body: BodyReading = question.body === '' ? NO_BODY : { kind: 'whole', bytes: Buffer.from(question.body) };
  const injected = injector.inject(requestOf(question, body, host), credential, {
    nowMs: clock.now(),
    body,
    endpoint: config,
    placeholders: [],
  });
  if (injected.kind === 'refused') {
    throw new GatewayError('SECRET_MISSING', 'operator', injected.why);
  }
  const { stream } = await connectUpstream(
    { dial: (wait) => context.dial(wait), config: () => config, clock, shared: (_name, make) => make() },
    { target: host, scheme: 'https', protocols: ['http/1.1'], identity: injector.identity(credential) },
    signal,
  );
  const outgoing = {
    request: injected.request,
    target: host,
    credential: credential?.ref ?? null,
    identity: null,
    expectContinue: false,
    body,
    bodyEnded: true,
    fresh: true,
  };
  return new Promise((resolve, reject) => {
    const upstream: H1Upstream = new H1Upstream(stream, clock, { idle: () => upstream.close(), gone: () => undefined });
    const giveUp = (): void => {
      upstream.close();
      reject(new GatewayError('UPSTREAM_UNREACHABLE', 'upstream', 'the measurement was given up'));
    };
    signal.addEventListener('abort', giveUp, { once: true });
    upstream.begin(
      outgoing,
      new Answer((answer) => {
        signal.removeEventListener('abort', giveUp);
        upstream.close();
        if (typeof answer === 'string') {
          reject(new GatewayError('UPSTREAM_PROTOCOL', 'upstream', answer));
        } else {
          resolve(answer);
        }
      }),
    );
  });
}

function requestOf(
  { method, target, accept, contentType }: ApiRequest,
  body: BodyReading,
  { host, port }: { readonly host: string; readonly port: number },
): HttpRequest {
  const at = target.indexOf('?');
  const size = body.kind === 'whole' ? body.bytes.length : 0;
  const fields: Field[] = [
    { name: 'Accept', value: accept },
    { name: 'User-Agent', value: 'clawpatrol' },
    ...(size === 0
      ? []
      : [
          { name: 'Content-Type', value: contentType },
          { name: 'Content-Length', value: String(size) },
        ]),
  ];
  return {
    version: '1.1',
    method,
    scheme: 'https',
    host,
    port,
    rawPath: at === -1 ? target : target.slice(0, at),
    rawQuery: at === -1 ? null : target.slice(at + 1),
    fields,
    upgrade: 'none',
    framing: size === 0 ? 'none' : 'length',
    contentLength: size === 0 ? null : size,
  };
}

/** Collects one answer; tells a text when there is none. */
class Answer implements LegEvents {
  readonly #done: (answer: ApiAnswer | string) => void;
  readonly #pieces: Buffer[] = [];
  #size = 0;
  #status = 0;

  constructor(done: (answer: ApiAnswer | string) => void) {
    this.#done = done;
  }

  head({ status }: { readonly status: number }): void {
    this.#status = status;
  }

  data(bytes: Buffer): void {
    this.#size += bytes.length;
    if (this.#size <= MAX_ANSWER_BYTES) {
      this.#pieces.push(bytes);
    } else {
      this.#done({ status: this.#status, value: null });
    }
  }

  end(): void {
    const value = parseJson(Buffer.concat(this.#pieces).toString('utf8'));
    this.#done({ status: this.#status, value: value instanceof Unknown ? null : value });
  }

  failed({ why }: { readonly why: string }): void {
    this.#done(why);
  }

  interim(): void {
    // Nothing is waited for with 100 Continue.
  }

  turnEnded(): void {
    // Everything is collected at once.
  }

  writable(): void {
    // The request went out whole.
  }

  upgraded(): void {
    this.#done('the server switched protocols');
  }
}
