// The client's socket of a PostgreSQL connection: its start-up, TLS, and the hand-over to the relay. The upstream's socket is in
// connect.ts. Everything that decides anything is in the pure files beside this one.
import { pbkdf2, randomBytes } from 'node:crypto';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import type { EndpointConfig } from '../../config/config.ts';
import { GatewayError, messageOf } from '../../lib/errors.ts';
import type { Secret } from '../../lib/secret.ts';
import type { Connection, DispatchedCredential, ServeContext } from '../protocol.ts';
import type { FinishReason } from '../session.ts';
import type { SqlAnalyser, SqlOptions } from '../sql/analysis.ts';
import { AGENT_LOGIN_OFFER, AGENT_SCRAM_ITERATIONS, AgentLogin, MAX_AGENT_LOGIN_BYTES } from './agent-login.ts';
import { CancelKeys } from './cancel.ts';
import { AUTHENTICATION_OK, READY_IDLE, backendKeyMessage, parameterStatusMessage, takeMessage } from './codec.ts';
import { LoginError, cancelAt, openUpstream, targetOf, tune, type Dialler, type Upstream } from './connect.ts';
import { fatalMessage } from './denial.ts';
import { Peer, once, within } from '../peer.ts';
import { preparePassword, verifierOf, type Verifier } from './scram.ts';
import { createPostgresSession } from './session.ts';
import { Startup, type StartupRequest } from './startup.ts';

/** From the first byte to the end of the startup packet, TLS included; absolute, not per byte. */
const STARTUP_MS = 10_000;
/** From the question for a password to its proof; a person who has to type it connects anew. */
const AGENT_LOGIN_MS = 10_000;
const SALT_BYTES = 16;
const NONCE_BYTES = 18;
/** Each is a connection to the upstream. More for one session at once are as if they had come too late. */
const MAX_CANCELS_AT_ONCE = 4;

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

/** Serves one client connection from its first byte to its end. */
export async function servePostgres(
  connection: Connection,
  context: ServeContext,
  analyser: SqlAnalyser,
): Promise<FinishReason> {
  const client = new Peer(connection.client);
  tune(connection.client);
  try {
    const request = await receiveAgentLogin(client, context, await receiveStartup(client, connection, context));
    return await login(client, connection, context, { request, analyser });
  } catch (error) {
    if (error instanceof Refusal) {
      closeWith(client.stream, error.answer);
      return error.reason;
    }
    closeWith(client.stream, fatalMessage('58000', 'the gateway failed'));
    return { kind: 'failed', detail: messageOf(error) };
  }
}

const derive = promisify(pbkdf2);

/** Lets the agent prove that it knows the endpoint's `agent_password`, where there is one. Nothing is looked up for it before. */
async function receiveAgentLogin(
  client: Peer,
  context: ServeContext,
  request: StartupRequest,
): Promise<StartupRequest> {
  let password: Secret | null;
  try {
    password = context.secretAttribute('agent_password');
  } catch (error) {
    context.refused('agent-login', messageOf(error));
    throw new Refusal(
      { kind: 'refused', detail: messageOf(error) },
      fatalMessage('28000', 'the gateway cannot check the password of this endpoint'),
    );
  }
  if (password === null) {
    return request;
  }
  const timeout = new Refusal({ kind: 'timeout', detail: 'the client did not finish its login in time' }, null);
  const limit = { ms: AGENT_LOGIN_MS, error: timeout, outer: context.signal };
  const verifier = await verifierFor(context, password);
  try {
    await within(context.clock, limit, (signal) => takeAgentLogin(client, context, { request, verifier }, signal));
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal({ kind: 'client-closed', detail: messageOf(error) }, null);
  }
  return { ...request, negotiation: null };
}

async function takeAgentLogin(
  client: Peer,
  context: ServeContext,
  { request, verifier }: { readonly request: StartupRequest; readonly verifier: Verifier },
  signal: AbortSignal,
): Promise<void> {
  const nonce = randomBytes(NONCE_BYTES).toString('base64');
  const proof = new AgentLogin({ verifier, user: request.user, nonce });
  client.stream.write(Buffer.concat([request.negotiation ?? Buffer.alloc(0), AGENT_LOGIN_OFFER]));
  for (;;) {
    const taken = takeMessage(client.bytes, MAX_AGENT_LOGIN_BYTES);
    if (taken.kind === 'incomplete') {
      await client.more(signal);
      continue;
    }
    const step = taken.kind === 'message' ? proof.take(taken.type, taken.body) : proof.take(0, Buffer.alloc(0));
    if (step.kind === 'failed') {
      context.refused('agent-login', step.detail);
      throw new Refusal({ kind: 'refused', detail: step.detail }, fatalMessage(step.code, step.message));
    }
    client.used(taken.kind === 'message' ? taken.sizeBytes : 0);
    client.stream.write(step.bytes);
    if (step.kind === 'accepted') {
      return;
    }
  }
}

interface KnownVerifier {
  readonly password: Secret;
  readonly verifier: Promise<Verifier>;
}

/** One of each endpoint is kept, since making one is made to take time; a changed password makes it anew. */
function verifierFor(context: ServeContext, password: Secret): Promise<Verifier> {
  const known = context.shared('postgres.agent-verifiers', () => new Map<string, KnownVerifier>());
  const kept = known.get(context.endpoint.ref);
  if (kept !== undefined && kept.password.reveal() === password.reveal()) {
    return kept.verifier;
  }
  const verifier = makeVerifier(password);
  known.set(context.endpoint.ref, { password, verifier });
  return verifier;
}

async function makeVerifier(password: Secret): Promise<Verifier> {
  const salt = randomBytes(SALT_BYTES);
  const prepared = preparePassword(password.reveal());
  return verifierOf(await derive(prepared, salt, AGENT_SCRAM_ITERATIONS, 32, 'sha256'), salt, AGENT_SCRAM_ITERATIONS);
}

async function receiveStartup(client: Peer, connection: Connection, context: ServeContext): Promise<StartupRequest> {
  const timeout = new Refusal({ kind: 'timeout', detail: 'the client did not finish its start-up in time' }, null);
  const limit = { ms: STARTUP_MS, error: timeout, outer: context.signal };
  try {
    return await within(context.clock, limit, (signal) => takeStartup(client, connection, context, signal));
  } catch (error) {
    if (error === timeout) {
      context.refused('startup-timeout', timeout.reason.detail);
    }
    if (error instanceof Refusal) {
      throw error;
    }
    throw new Refusal({ kind: 'client-closed', detail: messageOf(error) }, null);
  }
}

async function takeStartup(
  client: Peer,
  connection: Connection,
  context: ServeContext,
  signal: AbortSignal,
): Promise<StartupRequest> {
  const startup = new Startup(context.config().listenTls);
  for (;;) {
    const step = startup.take(client.bytes);
    switch (step.kind) {
      case 'incomplete':
        await client.more(signal);
        break;
      case 'answer':
        client.used(step.sizeBytes);
        client.stream.write(step.bytes);
        break;
      case 'secure':
        client.used(step.sizeBytes);
        await acceptTls(client, context, { answer: step.answer, direct: step.direct }, signal);
        startup.secured();
        break;
      case 'cancel': {
        const known = cancelKeys(context).request(step.processId, step.secretKey, connection.agent.device);
        const detail = known ? 'a cancel request' : 'a cancel request with a key that was not issued to this device';
        if (!known) {
          context.refused('cancel-key', detail);
        }
        throw new Refusal({ kind: known ? 'client-closed' : 'refused', detail }, null);
      }
      case 'startup':
        client.used(step.sizeBytes);
        return step.request;
      case 'refused':
        context.refused(step.cause, step.detail);
        throw new Refusal({ kind: 'refused', detail: step.detail }, step.error);
    }
  }
}

async function acceptTls(
  client: Peer,
  context: ServeContext,
  { answer, direct }: { readonly answer: Buffer; readonly direct: boolean },
  signal: AbortSignal,
): Promise<void> {
  const secureContext = await context.serverTls();
  if (answer.length > 0) {
    client.stream.write(answer);
  }
  client.release();
  const secured = new TLSSocket(client.stream, {
    isServer: true,
    secureContext,
    ALPNProtocols: ['postgresql'],
  });
  try {
    await once(secured, 'secure', signal);
  } catch (error) {
    context.refused('tls-handshake', messageOf(error));
    throw error instanceof Refusal
      ? error
      : new Refusal({ kind: 'refused', detail: 'TLS with the client failed' }, null);
  }
  client.stream = secured;
  if (direct && secured.alpnProtocol !== 'postgresql') {
    const detail = 'direct TLS without the ALPN protocol "postgresql"';
    context.refused('tls-alpn', detail);
    throw new Refusal({ kind: 'refused', detail }, null);
  }
}

interface LoginWork {
  readonly request: StartupRequest;
  readonly analyser: SqlAnalyser;
}

/** Logs in upstream first, so that every failure is a start-up error for the client; then runs the session. */
async function login(
  client: Peer,
  connection: Connection,
  context: ServeContext,
  { request, analyser }: LoginWork,
): Promise<FinishReason> {
  const gone = new AbortController();
  const onGone = (): void => gone.abort(new Error('the client is gone'));
  const signal = AbortSignal.any([context.signal, gone.signal]);
  client.stream.on('close', onGone);
  let upstream: Upstream;
  let credential: DispatchedCredential;
  try {
    credential = await findCredential(context, request);
    upstream = await openUpstream(diallerOf(context, signal), targetOf(request, credential, context.config()));
  } catch (error) {
    throw failedLogin(context, error, gone.signal.aborted);
  } finally {
    client.stream.off('close', onGone);
  }
  return runSession(client, connection, context, { request, analyser, upstream, credential });
}

function diallerOf(context: ServeContext, signal: AbortSignal): Dialler {
  return { clock: context.clock, dial: (inner): Promise<Duplex> => context.dial(inner), signal };
}

async function findCredential(context: ServeContext, request: StartupRequest): Promise<DispatchedCredential> {
  const { user, database } = request;
  const credential = await context.credential({ user, database: database ?? user });
  if (credential === null) {
    throw new GatewayError('SECRET_MISSING', 'operator', `no credential is configured for ${context.endpoint.ref}`);
  }
  return credential;
}

/** What the client is told is neutral: the real role, host and text stay in the log. */
function failedLogin(context: ServeContext, error: unknown, clientGone: boolean): Refusal {
  if (clientGone) {
    return new Refusal({ kind: 'client-closed', detail: 'the client closed during the login' }, null);
  }
  const detail = messageOf(error);
  context.refused('upstream-login', detail);
  if (error instanceof LoginError) {
    return new Refusal({ kind: 'refused', detail }, fatalMessage(error.code, error.toldToClient));
  }
  const code = error instanceof GatewayError && error.code === 'SECRET_MISSING' ? '28000' : '08006';
  const text =
    code === '28000'
      ? 'the gateway has no usable credential for this endpoint'
      : 'the gateway cannot reach the upstream database; its audit log says why';
  return new Refusal({ kind: 'refused', detail }, fatalMessage(code, text));
}

async function runSession(
  client: Peer,
  connection: Connection,
  context: ServeContext,
  parts: LoginWork & { readonly upstream: Upstream; readonly credential: DispatchedCredential },
): Promise<FinishReason> {
  const { request, upstream, credential, analyser } = parts;
  const { greeting, target } = upstream;
  let cancel: (() => void) | null = null;
  let cancels = 0;
  const cancelNow = async (): Promise<void> => {
    if (cancels < MAX_CANCELS_AT_ONCE) {
      cancels += 1;
      await cancelAt(context, upstream);
      cancels -= 1;
    }
  };
  const key = cancelKeys(context).issue(connection.agent.device, () => cancel?.());
  const session = createPostgresSession({
    origin: {
      session: connection.session,
      agent: connection.agent,
      endpoint: context.endpoint,
      credential: credential.ref,
      clock: context.clock,
    },
    analyser,
    options: optionsOf(context),
    tracker: greeting.tracker(target.database, target.user),
    clock: context.clock,
    signOfLife: signOfLifeOf(greeting.parameters),
  });
  const statuses = [...greeting.parameters].map(([name, value]) => parameterStatusMessage(name, value));
  const hello = [AUTHENTICATION_OK, ...statuses, backendKeyMessage(key.processId, key.secretKey), READY_IDLE];
  client.stream.write(Buffer.concat([request.negotiation ?? Buffer.alloc(0), ...hello]));
  client.release();
  upstream.peer.release();
  try {
    return await context.relay({
      session,
      client: client.stream,
      upstream: upstream.peer.stream,
      cancelUpstream: () => {
        // Nobody waits for it, and it never rejects: a cancel that fails is as if it had come too late.
        void cancelNow();
      },
      onCancelHandle: (handle) => {
        cancel = handle;
      },
    });
  } finally {
    key.release();
  }
}

/** The analysis options as configured now, made anew only when the configuration changes. */
function optionsOf(context: ServeContext): () => SqlOptions {
  let config: EndpointConfig | null = null;
  let options: SqlOptions = { readOnly: false, trustedFunctions: new Set(), maxTextBytes: context.bodyBufferBytes };
  return () => {
    const now = context.config();
    if (now !== config) {
      config = now;
      options = sqlOptions(now, context.bodyBufferBytes);
    }
    return options;
  };
}

/** What an endpoint's configuration says about analysis. */
export function sqlOptions(config: EndpointConfig, maxTextBytes: number): SqlOptions {
  const { read_only: readOnly, trusted_functions: trusted } = config.attributes;
  const names = Array.isArray(trusted) ? trusted : [];
  return {
    readOnly: readOnly === true,
    trustedFunctions: new Set(names.map((name) => String(name).toLowerCase())),
    maxTextBytes,
  };
}

function cancelKeys(context: ServeContext): CancelKeys {
  return context.shared('postgres.cancel-keys', () => new CancelKeys());
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

/** What the server said of itself at the login, once more: it changes nothing, and keeps a client's read timeout from running out. */
function signOfLifeOf(parameters: ReadonlyMap<string, string>): Buffer | null {
  const version = parameters.get('server_version');
  return version === undefined ? null : parameterStatusMessage('server_version', version);
}
