// A question of the gateway's own over HTTP: one connection, one statement, a short answer in text.
import type { Duplex } from 'node:stream';
import { GatewayError } from '../../lib/errors.ts';
import { connectUpstream } from '../http/connect.ts';
import { H1Upstream } from '../http/h1-upstream.ts';
import type { Injector } from '../http/injector.ts';
import type { BodyReading, HttpRequest } from '../http/request.ts';
import type { LegEvents, Outgoing } from '../http/sides.ts';
import type { DispatchedCredential, ServeContext } from '../protocol.ts';

const ANSWER_MS = 15_000;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

export interface QuestionParts {
  /** Asked where that request goes. */
  readonly request: HttpRequest;
  readonly context: ServeContext;
  readonly credential: DispatchedCredential | null;
  readonly injector: Injector;
}

export type OwnAnswer =
  | { readonly kind: 'answered'; readonly text: string }
  /** With the server's words. */
  | { readonly kind: 'refused'; readonly why: string };

/** Rejects when there is no answer. */
export async function askOverHttp(sql: Buffer, parts: QuestionParts): Promise<OwnAnswer> {
  const { request, context, credential, injector } = parts;
  const body: BodyReading = { kind: 'whole', bytes: sql };
  const own: HttpRequest = {
    ...request,
    method: 'POST',
    rawPath: '/',
    // Not in the statement: what is explained may have a FORMAT of its own, and would take another for its own too.
    rawQuery: 'default_format=TSVRaw',
    fields: [
      { name: 'User-Agent', value: 'clawpatrol' },
      { name: 'Content-Type', value: 'text/plain' },
      { name: 'Content-Length', value: String(sql.length) },
    ],
    framing: 'length',
    contentLength: sql.length,
    version: '1.1',
  };
  const injected = injector.inject(own, credential, {
    nowMs: context.clock.now(),
    body,
    endpoint: context.config(),
    placeholders: [],
  });
  if (injected.kind === 'refused') {
    throw new GatewayError('SECRET_MISSING', 'operator', injected.why);
  }
  const { host, port, scheme } = request;
  const target = { host, port };
  const identity = injector.identity(credential);
  const { stream } = await connectUpstream(
    context,
    { target, scheme, protocols: ['http/1.1'], identity },
    context.signal,
  );
  const outgoing: Outgoing = {
    request: injected.request,
    target,
    credential: credential?.ref ?? null,
    identity: null,
    expectContinue: false,
    body,
    bodyEnded: true,
    fresh: true,
  };
  return exchange(stream, outgoing, context);
}

function exchange(stream: Duplex, outgoing: Outgoing, { clock, signal }: ServeContext): Promise<OwnAnswer> {
  return new Promise((resolve, reject) => {
    const upstream: H1Upstream = new H1Upstream(stream, clock, { idle: () => upstream.close(), gone: () => undefined });
    const done = (answer: OwnAnswer | null, why: string): void => {
      timer.cancel();
      signal.removeEventListener('abort', giveUp);
      upstream.close();
      if (answer === null) {
        reject(new GatewayError('UPSTREAM_PROTOCOL', 'upstream', why));
      } else {
        resolve(answer);
      }
    };
    const giveUp = (): void => done(null, 'the connection ends');
    const timer = clock.after(ANSWER_MS, () => done(null, `no answer in ${ANSWER_MS} ms`));
    signal.addEventListener('abort', giveUp, { once: true });
    upstream.begin(outgoing, new Answer(done));
  });
}

/** Collects one answer. */
class Answer implements LegEvents {
  readonly #done: (answer: OwnAnswer | null, why: string) => void;
  readonly #pieces: Buffer[] = [];
  #size = 0;
  #status = 0;

  constructor(done: (answer: OwnAnswer | null, why: string) => void) {
    this.#done = done;
  }

  head({ status }: { readonly status: number }): void {
    this.#status = status;
  }

  data(bytes: Buffer): void {
    this.#size += bytes.length;
    if (this.#size <= MAX_ANSWER_BYTES) {
      this.#pieces.push(bytes);
    }
  }

  end(): void {
    const text = Buffer.concat(this.#pieces).toString('utf8');
    if (this.#status !== 200) {
      this.#done({ kind: 'refused', why: `status ${this.#status}: ${text.slice(0, 300)}` }, '');
    } else if (this.#size > MAX_ANSWER_BYTES) {
      this.#done(null, 'an answer that is too long');
    } else {
      this.#done({ kind: 'answered', text }, '');
    }
  }

  failed({ why }: { readonly why: string }): void {
    this.#done(null, why);
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
    this.#done(null, 'the server switched protocols');
  }
}
