// A client connection of an `ssh` endpoint from its first byte to its end: two connections, one to the agent and one to the upstream, and
// the session between them. The agent's login ends only when the gateway's own has succeeded, so that trouble upstream is a login that fails.
import type { Duplex } from 'node:stream';
import { GatewayError, messageOf } from '../../lib/errors.ts';
import { Deadline } from '../../lib/deadline.ts';
import type { Timer } from '../../lib/clock.ts';
import type { Connection, DialTarget, DispatchedCredential, ServeContext } from '../protocol.ts';
import type { FinishReason, Side } from '../session.ts';
import { AgentLogin } from './agent-login.ts';
import type { AgentProof, LoginStep } from './agent-login.ts';
import { MESSAGE, writeMessage } from './codec.ts';
import { connectUpstream } from './connect.ts';
import type { UpstreamConnection } from './connect.ts';
import type { SshAnalyser } from './facts.ts';
import type { SshHost } from './host.ts';
import { Judging } from './judging.ts';
import { createHostKey, parsePrivateKey, parsePublicKey } from './keys.ts';
import { createRecording } from './recording.ts';
import { SshSession } from './session.ts';
import { DISCONNECT, Transport } from './transport.ts';
import type { Ending } from './transport.ts';
import { writeFields } from './wire.ts';

/** To the first keys, and from the first byte to the end of the login; absolute. */
const KEX_MS = 10_000;
const LOGIN_MS = 60_000;
/** A side that is silent for that long is asked for a sign of life; after four times as long it is gone. */
const QUIET_MS = 60_000;
const DEAD_QUIETS = 4;
/** Keys are exchanged anew at the latest after this (RFC 4253, section 9). */
const REKEY_MS = 3_600_000;
const DEFAULT_STDIN_TIMEOUT_MS = 10_000;
const MAX_BANNER_CHARS = 4096;

/** Serves one client connection. Never rejects for anything a peer did. */
export async function serveSsh(
  connection: Connection,
  context: ServeContext,
  analyser: SshAnalyser,
): Promise<FinishReason> {
  let run: Run;
  try {
    run = new Run(connection, context, analyser);
  } catch (error) {
    context.refused('host-key', messageOf(error));
    return { kind: 'failed', detail: messageOf(error) };
  }
  return run.serve();
}

class Run {
  readonly #connection: Connection;
  readonly #context: ServeContext;
  readonly #analyser: SshAnalyser;
  readonly #transport: Transport;
  readonly #target: DialTarget | null;
  readonly #finished: Promise<FinishReason>;
  #resolve: (reason: FinishReason) => void = () => undefined;
  #login: AgentLogin | null = null;
  #upstream: UpstreamConnection | null = null;
  #session: SshSession | null = null;
  #judging: Judging | null = null;
  #deadline: Timer;
  #rekeying: Timer | null = null;
  readonly #quiet: Readonly<Record<Side, Quiet>>;
  readonly #ending = new AbortController();
  #over = false;
  #undo: () => void = () => undefined;

  constructor(connection: Connection, context: ServeContext, analyser: SshAnalyser) {
    this.#connection = connection;
    this.#context = context;
    this.#analyser = analyser;
    this.#target = connection.target ?? context.config().hosts.find(({ wildcard }) => !wildcard) ?? null;
    this.#finished = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    const hostKey = parsePrivateKey(context.keys.hostKey(createHostKey), null);
    this.#transport = new Transport(
      { hostKey },
      {
        write: (bytes): void => void connection.client.write(bytes),
        secured: (): void => this.#secured(),
        payload: (payload): void => this.#payload(payload),
        ended: (why, how): void => this.#transportEnded('client', why, how),
      },
    );
    this.#deadline = context.clock.after(KEX_MS, () => this.#late('no key exchange in time'));
    this.#quiet = { client: this.#watch('client'), upstream: this.#watch('upstream') };
  }

  serve(): Promise<FinishReason> {
    const { client } = this.#connection;
    const { signal, draining } = this.#context;
    client.on('data', (chunk: Buffer) => {
      this.#quiet.client.heard();
      this.#transport.receive(chunk);
      this.#balance();
    });
    client.on('error', () => undefined);
    client.on('drain', () => this.#balance());
    client.on('end', () => this.#finish({ kind: 'client-closed', detail: 'the client closed the connection' }));
    client.on('close', () => this.#finish({ kind: 'client-closed', detail: 'the client closed the connection' }));
    const stop = (): void => this.#finish({ kind: 'drained', detail: String(signal.reason) });
    const drain = (): void => this.#drain(String(draining.reason));
    signal.addEventListener('abort', stop, { once: true });
    draining.addEventListener('abort', drain, { once: true });
    this.#undo = (): void => {
      signal.removeEventListener('abort', stop);
      draining.removeEventListener('abort', drain);
    };
    if (signal.aborted) {
      stop();
    } else {
      this.#transport.start();
      // Whoever looked at the first bytes before has stopped it.
      client.resume();
    }
    return this.#finished;
  }

  #drain(why: string): void {
    if (this.#session === null) {
      this.#finish({ kind: 'drained', detail: why });
    } else {
      this.#session.drain(why);
    }
  }

  #late(why: string): void {
    this.#context.refused('timeout', why);
    this.#finish({ kind: 'timeout', detail: why });
  }

  #secured(): void {
    this.#deadline.cancel();
    this.#deadline = this.#context.clock.after(LOGIN_MS, () => this.#late('the login took too long'));
    let proof: AgentProof;
    try {
      proof = readProof(this.#context);
    } catch (error) {
      this.#context.refused('agent-password', messageOf(error));
      this.#finish({ kind: 'failed', detail: messageOf(error) });
      return;
    }
    this.#login = new AgentLogin(proof, this.#transport.sessionId);
  }

  #payload(payload: Buffer): void {
    const number = payload[0] ?? 0;
    if (this.#session !== null && number >= MESSAGE.globalRequest) {
      this.#session.handle('client', payload);
    } else if (this.#session !== null && number === MESSAGE.authRequest) {
      // Once logged in, further attempts are silently ignored (RFC 4252, section 5.1).
    } else if (this.#login === null || this.#session !== null) {
      this.#finish({ kind: 'protocol-error', detail: `message ${number} out of place` });
    } else {
      this.#step(this.#login.handle(payload));
    }
  }

  #step(steps: readonly LoginStep[]): void {
    for (const step of steps) {
      switch (step.kind) {
        case 'send':
          this.#transport.send(step.payload);
          break;
        case 'login':
          void this.#logIn(step.user);
          break;
        case 'finish':
          this.#context.refused(step.cause === 'auth' ? 'login' : 'malformed', step.why);
          this.#transport.disconnect(
            step.cause === 'auth' ? DISCONNECT.noMoreAuth : DISCONNECT.protocolError,
            step.why,
          );
          this.#finish({ kind: step.cause === 'auth' ? 'refused' : 'protocol-error', detail: step.why });
      }
    }
  }

  /** The agent may come in: the gateway logs in upstream, and only then says so. */
  async #logIn(user: string): Promise<void> {
    const login = this.#login;
    if (login === null) {
      return;
    }
    try {
      const credential = await this.#credential(user);
      const target = this.#target;
      if (target === null) {
        throw new GatewayError('UPSTREAM_UNREACHABLE', 'operator', 'the endpoint has no host that can be dialled');
      }
      const upstream = await connectUpstream(this.#context, { target, user, credential }, this.#ending.signal);
      if (this.#over) {
        upstream.transport.disconnect(DISCONNECT.byApplication, '');
        upstream.socket.destroy();
        return;
      }
      this.#begin(upstream, { login, user, credential, target });
    } catch (error) {
      if (!this.#over) {
        this.#step(login.fail(messageOf(error)));
      }
    }
  }

  /** Throws GatewayError SECRET_MISSING where there is none that serves that user. */
  async #credential(user: string): Promise<DispatchedCredential | null> {
    const credential = await this.#context.credential({ user });
    if (credential === null) {
      throw new GatewayError('SECRET_MISSING', 'operator', 'no credential is configured for this endpoint and profile');
    }
    const only = credential.attributes['user'];
    if (typeof only === 'string' && only !== user) {
      throw new GatewayError('SECRET_MISSING', 'client', `this endpoint serves the user ${only}, not ${user}`);
    }
    return credential;
  }

  #begin(
    upstream: UpstreamConnection,
    {
      login,
      user,
      credential,
      target,
    }: {
      readonly login: AgentLogin;
      readonly user: string;
      readonly credential: DispatchedCredential | null;
      readonly target: DialTarget;
    },
  ): void {
    const { context, connection } = { context: this.#context, connection: this.#connection };
    this.#deadline.cancel();
    this.#upstream = upstream;
    const judging = new Judging({
      context,
      analyser: this.#analyser,
      session: connection.session,
      agent: connection.agent,
      endpoint: { ...context.endpoint, host: target.host },
      credential: credential?.ref ?? null,
    });
    this.#judging = judging;
    const session = new SshSession(this.#host(judging), { user, host: target.host });
    this.#session = session;
    upstream.attach({
      payload: (payload) => this.#fromUpstream(payload),
      ended: (why) => this.#finish({ kind: 'upstream-closed', detail: why }),
      received: () => this.#quiet.upstream.heard(),
    });
    upstream.socket.on('drain', () => this.#balance());
    upstream.socket.on('data', () => this.#balance());
    for (const text of upstream.banners) {
      this.#transport.send(
        writeFields([{ byte: MESSAGE.authBanner }, { string: text.slice(0, MAX_BANNER_CHARS) }, { string: '' }]),
      );
    }
    this.#step(login.succeed());
    this.#quiet.client.heard();
    this.#quiet.upstream.heard();
    this.#rekeyLater();
    if (context.draining.aborted) {
      session.drain(String(context.draining.reason));
    }
  }

  #fromUpstream(payload: Buffer): void {
    const number = payload[0] ?? 0;
    if (number >= MESSAGE.globalRequest) {
      this.#session?.handle('upstream', payload);
    } else if (number !== MESSAGE.authBanner) {
      this.#finish({ kind: 'upstream-closed', detail: `the upstream sent message ${number} out of place` });
    }
  }

  #host(judging: Judging): SshHost {
    const context = this.#context;
    return {
      clock: context.clock,
      send: (to, head, body) => {
        const transport = to === 'client' ? this.#transport : this.#upstream?.transport;
        transport?.send(head, body);
      },
      judge: (request, answer) => judging.judge(request, answer),
      needsStdin: (request) => judging.needsStdin(request),
      settle: (action, outcome) => context.gate.settle(action, outcome),
      refused: (cause, detail) => context.refused(cause, detail),
      record: (action, pty, lost) =>
        createRecording({
          clock: context.clock,
          pty,
          title: action.summary,
          keep: (part, text) => context.keep(action, part, text),
          lost,
        }),
      heldBytes: context.bodyBufferBytes,
      stdinTimeoutMs: () => {
        const { stdin_timeout: written } = context.config().attributes;
        return typeof written === 'number' ? written : DEFAULT_STDIN_TIMEOUT_MS;
      },
      finish: (reason) => this.#finish(reason),
    };
  }

  /** A side that takes nothing stops the other from being read; so does a key exchange, in which everything sent is kept. */
  #balance(): void {
    const upstream = this.#upstream;
    if (this.#over || upstream === null) {
      return;
    }
    const { client } = this.#connection;
    flow(upstream.socket, client.writableNeedDrain || this.#transport.exchanging);
    flow(client, upstream.socket.writableNeedDrain || upstream.transport.exchanging);
  }

  #watch(side: Side): Quiet {
    return new Quiet(this.#context.clock, {
      ask: () => {
        const transport = side === 'client' ? this.#transport : this.#upstream?.transport;
        const data = Buffer.alloc(0);
        transport?.send(writeMessage({ kind: 'global', name: 'keepalive@openssh.com', wantReply: true, data }));
      },
      dead: () => this.#finish({ kind: 'timeout', detail: `the ${side} gives no sign of life` }),
    });
  }

  #rekeyLater(): void {
    this.#rekeying = this.#context.clock.after(REKEY_MS, () => {
      this.#transport.rekey();
      this.#upstream?.transport.rekey();
      this.#rekeyLater();
    });
  }

  #transportEnded(side: Side, why: string, how: Ending): void {
    if (how === 'malformed') {
      this.#context.refused('malformed', `${side}: ${why}`);
    }
    this.#finish({
      kind: how === 'malformed' ? 'protocol-error' : how === 'failed' ? 'failed' : 'client-closed',
      detail: why,
    });
  }

  #finish(reason: FinishReason): void {
    if (this.#over) {
      return;
    }
    this.#over = true;
    this.#undo();
    this.#deadline.cancel();
    this.#rekeying?.cancel();
    this.#quiet.client.stop();
    this.#quiet.upstream.stop();
    this.#ending.abort(new Error(reason.detail));
    this.#session?.lost();
    this.#judging?.withdraw();
    this.#transport.disconnect(DISCONNECT.byApplication, reason.detail);
    const upstream = this.#upstream;
    if (upstream !== null) {
      upstream.transport.disconnect(DISCONNECT.byApplication, '');
      upstream.socket.end();
      upstream.socket.resume();
      this.#context.clock.after(1000, () => upstream.socket.destroy());
    }
    this.#connection.client.resume();
    this.#resolve(reason);
  }
}

/** What the endpoint asks agents to prove. Throws GatewayError SECRET_MISSING. */
function readProof(context: ServeContext): AgentProof {
  const { agent_keys: written } = context.config().attributes;
  const lines = (Array.isArray(written) ? written : []).filter((line) => typeof line === 'string');
  return {
    password: context.secretAttribute('agent_password')?.reveal() ?? null,
    keys:
      lines.length === 0
        ? null
        : lines.flatMap((line) => line.split('\n')).flatMap((line) => parsePublicKey(line) ?? []),
  };
}

function flow(stream: Duplex, stopped: boolean): void {
  if (stopped && !stream.isPaused()) {
    stream.pause();
  } else if (!stopped && stream.isPaused()) {
    stream.resume();
  }
}

/** Notices that a side is silent. */
class Quiet {
  readonly #deadline: Deadline;
  #asked = 0;

  constructor(clock: ServeContext['clock'], parts: { readonly ask: () => void; readonly dead: () => void }) {
    this.#deadline = new Deadline(clock, () => {
      this.#asked += 1;
      if (this.#asked >= DEAD_QUIETS) {
        parts.dead();
        return;
      }
      parts.ask();
      this.#deadline.set(QUIET_MS);
    });
  }

  heard(): void {
    this.#asked = 0;
    this.#deadline.set(QUIET_MS);
  }

  stop(): void {
    this.#deadline.stop();
  }
}
