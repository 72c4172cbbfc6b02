// The client's socket of a native connection: TLS, hellos, and the hand-over to the relay. The upstream's socket is in connect.ts. Everything
// that decides anything is in the pure files beside this one.
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { GatewayError, messageOf } from '../../lib/errors.ts';
import type { ErrorCode } from '../../lib/errors.ts';
import { serveHttp, type HttpParts } from '../http/serve.ts';
import { Peer, once, within } from '../peer.ts';
import type { Connection, DispatchedCredential, ServeContext } from '../protocol.ts';
import type { FinishReason } from '../session.ts';
import type { ClickHouseAnalyser } from './analysis/context.ts';
import { OLDEST_REVISION, SINCE, type Taken } from './codec.ts';
import { ask, openUpstream, sendAddendum, targetOf, tune, type Upstream } from './connect.ts';
import { CODES, exceptionPacket } from './denial.ts';
import { serverHello, takeAddendum, takeClientHello, type ClientHello } from './login.ts';
import { clickHouseOptions } from './options.ts';
import { createNativeSession } from './session.ts';
import { verifierOf } from './verify.ts';

/** From the first byte to the end of the hello, TLS included; absolute, not per byte. */
const HELLO_MS = 10_000;
/** The first byte of a TLS record. */
const TLS_HANDSHAKE = 0x16;
const MAX_HELLO_BYTES = 256 * 1024;

/** The connection ends before there is a session. */
class Refusal extends Error {
  readonly reason: FinishReason;
  /** Last word to the client, or null. */
  readonly answer: Buffer | null;

  constructor(reason: FinishReason, answer: Buffer | null) {
    super(reason.detail);
    this.reason = reason;
    this.answer = answer;
  }
}

/** A client connection of a `clickhouse_https` endpoint: the engine of protocols/http/ with this type's flavour. */
export function serveClickHouseHttp(
  connection: Connection,
  context: ServeContext,
  parts: HttpParts,
): Promise<FinishReason> {
  return serveHttp(connection, context, parts);
}

/** Serves one client connection from its first byte to its end. */
export async function serveClickHouseNative(
  connection: Connection,
  context: ServeContext,
  analyser: ClickHouseAnalyser,
): Promise<FinishReason> {
  const client = new Peer(connection.client);
  tune(connection.client);
  try {
    return await new Login(client, connection, context).run(analyser);
  } catch (error) {
    if (error instanceof Refusal) {
      closeWith(client.stream, error.answer);
      return error.reason;
    }
    closeWith(client.stream, exceptionPacket(CODES.networkError, 'the gateway failed'));
    return { kind: 'failed', detail: messageOf(error) };
  }
}

class Login {
  readonly #client: Peer;
  readonly #connection: Connection;
  readonly #context: ServeContext;

  constructor(client: Peer, connection: Connection, context: ServeContext) {
    this.#client = client;
    this.#connection = connection;
    this.#context = context;
  }

  /** The upstream is logged in at first, so that every failure is the answer to the client's hello. */
  async run(analyser: ClickHouseAnalyser): Promise<FinishReason> {
    const hello = await this.#timed((signal) => this.#begin(signal));
    const gone = new AbortController();
    const onGone = (): void => gone.abort(new Error('the client is gone'));
    const signal = AbortSignal.any([this.#context.signal, gone.signal]);
    const { stream } = this.#client;
    stream.on('close', onGone);
    try {
      const credential = await this.#credential(hello);
      const { clock } = this.#context;
      const dialler = { clock, dial: (inner: AbortSignal): Promise<Duplex> => this.#context.dial(inner), signal };
      const target = targetOf(hello, credential, this.#context.config());
      const upstream = await openUpstream(dialler, target, hello);
      try {
        const database = await this.#settle(upstream, signal);
        stream.off('close', onGone);
        return await this.#relay(analyser, { upstream, credential, database, hello });
      } catch (error) {
        upstream.peer.stream.destroy();
        throw error;
      }
    } catch (error) {
      throw error instanceof Refusal ? error : this.#failed(error, gone.signal.aborted);
    } finally {
      stream.off('close', onGone);
    }
  }

  async #timed<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const timeout = new Refusal({ kind: 'timeout', detail: 'the client did not finish its hello in time' }, null);
    const limit = { ms: HELLO_MS, error: timeout, outer: this.#context.signal };
    try {
      return await within(this.#context.clock, limit, work);
    } catch (error) {
      if (error === timeout) {
        this.#context.refused('startup-timeout', timeout.reason.detail);
      }
      throw error instanceof Refusal ? error : new Refusal({ kind: 'client-closed', detail: messageOf(error) }, null);
    }
  }

  #refuse(cause: string, detail: string, answer: Buffer | null): Refusal {
    this.#context.refused(cause, detail);
    return new Refusal({ kind: 'refused', detail }, answer);
  }

  async #begin(signal: AbortSignal): Promise<ClientHello> {
    const client = this.#client;
    while (client.bytes.length === 0) {
      await client.more(signal);
    }
    const { listenTls, attributes } = this.#context.config();
    if (client.bytes[0] === TLS_HANDSHAKE) {
      if (listenTls === 'off') {
        throw this.#refuse('tls-off', 'this listener speaks no TLS', null);
      }
      await this.#accept(signal);
    } else if (listenTls === 'required' || (this.#connection.target !== null && attributes['tls'] === true)) {
      throw this.#refuse('tls-required', 'this endpoint speaks TLS only', null);
    }
    const hello = await this.#take(takeClientHello, signal);
    const { revision, user } = hello;
    if (revision < OLDEST_REVISION) {
      const detail = `a client of revision ${revision}, too old to be followed`;
      throw this.#refuse('old-client', detail, exceptionPacket(CODES.unexpectedPacket, detail));
    }
    if (/^ .* $/.test(user)) {
      // Names under which servers log in to each other, and in which keys and tokens are presented in place of passwords.
      const detail = 'a login that is not by user and password';
      throw this.#refuse('login-kind', detail, exceptionPacket(CODES.authenticationFailed, detail));
    }
    return hello;
  }

  async #take<T>(take: (bytes: Buffer) => Taken<T>, signal: AbortSignal): Promise<T> {
    const client = this.#client;
    for (;;) {
      const taken = take(client.bytes);
      if (taken.kind === 'packet') {
        client.used(taken.sizeBytes);
        return taken.packet;
      }
      if (taken.kind === 'malformed' || client.bytes.length > MAX_HELLO_BYTES) {
        const detail = taken.kind === 'malformed' ? taken.why : 'a hello that is too long';
        throw this.#refuse('hello', detail, exceptionPacket(CODES.unexpectedPacket, detail));
      }
      await client.more(signal);
    }
  }

  async #accept(signal: AbortSignal): Promise<void> {
    const client = this.#client;
    const secureContext = await this.#context.serverTls();
    client.release();
    const secured = new TLSSocket(client.stream, { isServer: true, secureContext });
    secured.disableRenegotiation();
    try {
      await once(secured, 'secure', signal);
    } catch (error) {
      throw error instanceof Refusal ? error : this.#refuse('tls-handshake', messageOf(error), null);
    }
    client.stream = secured;
  }

  async #credential({ user, database }: ClientHello): Promise<DispatchedCredential> {
    const credential = await this.#context.credential({ user, database });
    if (credential === null) {
      const { ref } = this.#context.endpoint;
      throw new GatewayError('SECRET_MISSING', 'operator', `no credential is configured for ${ref}`);
    }
    return credential;
  }

  /** Greets the client, takes what it sends behind its hello, and finds out where unqualified names are looked up. */
  async #settle(upstream: Upstream, signal: AbortSignal): Promise<string> {
    const { revision, hello, target } = upstream;
    this.#client.stream.write(serverHello(hello, revision));
    const quotaKey =
      revision >= SINCE.addendum ? await this.#timed((inner) => this.#take(takeAddendum, inner)) : Buffer.alloc(0);
    sendAddendum(upstream, quotaKey);
    if (target.database !== '') {
      return target.database;
    }
    const { clock } = this.#context;
    const [database = ''] = await ask(upstream, 'SELECT currentDatabase()', { clock, signal });
    return database;
  }

  /** What the client is told is neutral: the real user, host and text stay in the log. */
  #failed(error: unknown, clientGone: boolean): Refusal {
    if (clientGone) {
      return new Refusal({ kind: 'client-closed', detail: 'the client closed during the login' }, null);
    }
    const detail = messageOf(error);
    this.#context.refused('upstream-login', detail);
    return new Refusal({ kind: 'refused', detail }, tellFailure(error instanceof GatewayError ? error.code : null));
  }

  #relay(analyser: ClickHouseAnalyser, { upstream, credential, database, hello }: Opened): Promise<FinishReason> {
    const context = this.#context;
    const connection = this.#connection;
    const session = createNativeSession({
      origin: {
        session: connection.session,
        agent: connection.agent,
        endpoint: context.endpoint,
        credential: credential.ref,
        clock: context.clock,
      },
      analyser,
      options: () => clickHouseOptions(context.config(), context.bodyBufferBytes),
      verify: verifierOf(context, analyser, { credential, hello }),
      revision: upstream.revision,
      user: upstream.target.user,
      database,
      refused: (cause, detail) => context.refused(cause, detail),
    });
    this.#client.release();
    upstream.peer.release();
    return context.relay({
      session,
      client: this.#client.stream,
      upstream: upstream.peer.stream,
      cancelUpstream: () => undefined,
    });
  }
}

interface Opened {
  readonly upstream: Upstream;
  readonly credential: DispatchedCredential;
  readonly database: string;
  readonly hello: ClientHello;
}

function closeWith(stream: Duplex, answer: Buffer | null): void {
  if (answer !== null && stream.writable) {
    stream.write(answer);
  }
  stream.end();
  stream.resume();
  if (stream instanceof Socket) {
    stream.destroySoon();
  }
}

/** A server that is down and one that does not let us in are different troubles for whoever looks into them. */
function tellFailure(code: ErrorCode | null): Buffer {
  if (code === 'SECRET_MISSING') {
    return exceptionPacket(CODES.authenticationFailed, 'the gateway has no usable credential for this endpoint');
  }
  const text =
    code === 'UPSTREAM_UNREACHABLE'
      ? 'the gateway cannot reach the upstream database; its audit log says why'
      : 'the gateway cannot log in to the upstream database';
  return exceptionPacket(CODES.networkError, text);
}
