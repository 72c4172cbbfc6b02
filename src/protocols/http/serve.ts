// The client's socket of an HTTP-shaped protocol: which bytes it begins with, TLS with a leaf for the name it asks for, tunnels that it opens
// with CONNECT, and the hand-over to the protocol version that was agreed on. What bytes mean is decided in the pure files beside this one.
import { randomBytes } from 'node:crypto';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { AGENT_NAME, formatHostPort } from '../../config/hosts.ts';
import { messageOf } from '../../lib/errors.ts';
import { once, Peer, within } from '../peer.ts';
import type { Connection, DispatchedCredential, ServeContext } from '../protocol.ts';
import type { FinishReason } from '../session.ts';
import type { Outcome } from '../../rules/action.ts';
import { HttpAction } from './action.ts';
import { findServerName, parseDialled, schemeOf, type Entrance } from './authority.ts';
import { beginsTls, ClientHelloReader, UNRECOGNIZED_NAME, type ClientHello } from './client-hello.ts';
import { Deferrals } from './deferred.ts';
import type { Upgraded } from './exchange.ts';
import type { HttpFlavour } from './flavour.ts';
import { isMalformed, parseRequestHead } from './h1-head.ts';
import { readRequest, type Reading, type RefusedRequest } from './h1-request.ts';
import { serveH1, type H1End } from './h1-server.ts';
import type { Injector } from './injector.ts';
import type { CredentialSource, JudgementParts } from './judgement.ts';
import { createMcpFollower } from './mcp.ts';
import { KnownRequest, RequestMemory } from './memory.ts';
import { readBlock } from './h2-head.ts';
import { createUpstreams } from './h2-pool.ts';
import { serveH2 } from './h2-server.ts';
import { createH1Upstreams } from './upstream.ts';

/** To the first byte, and from it to the end of the TLS handshake; absolute (TR-10). */
const OPENING_MS = 10_000;
/** A dispatched credential is taken for the same request again without asking; a changed secret counts after this at the latest. */
const CREDENTIAL_MS = 5_000;
const NONCE_BYTES = 8;
/** To who speaks plain HTTP where TLS belongs. */
const PLAIN_AT_TLS = [
  'HTTP/1.1 400 Bad Request',
  'Connection: close',
  'Content-Type: text/plain',
  '',
  'clawpatrol: this port speaks TLS only; write https://\n',
].join('\r\n');

/** Of an action that was approved, and that its agent never came for. */
const NOT_FETCHED: Outcome = {
  kind: 'not-run',
  rows: null,
  status: '',
  errorCode: '',
  bytesToClient: 0,
  durationMs: 0,
};

/** What makes an HTTP-shaped protocol of the engine. */
export interface HttpParts {
  readonly flavour: HttpFlavour;
  readonly injector: Injector;
}

/** Serves one client connection from its first byte to its end. */
export async function serveHttp(
  connection: Connection,
  context: ServeContext,
  parts: HttpParts,
): Promise<FinishReason> {
  const shared = shareParts(connection, context, parts);
  const run = new Run(connection, context, { ...parts, ...shared, context });
  try {
    return await run.serve();
  } catch (error) {
    if (error instanceof Refusal) {
      return error.reason;
    }
    return { kind: 'failed', detail: messageOf(error) };
  } finally {
    await Promise.all(shared.lasting);
  }
}

function shareParts(
  connection: Connection,
  context: ServeContext,
  { flavour, injector }: HttpParts,
): Pick<JudgementParts, 'origin' | 'credentials' | 'mcp' | 'deferrals' | 'lasting'> {
  const origin = {
    session: connection.session,
    agent: connection.agent,
    endpoint: context.endpoint,
    family: flavour.family,
    clock: context.clock,
  };
  return {
    origin,
    mcp: flavour.family === 'http' ? createMcpFollower(context, origin) : null,
    credentials: new ConnectionCredentials(context, injector),
    lasting: new Set(),
    deferrals: context.shared(
      'http.deferrals',
      () => new Deferrals(context.clock, (action) => context.gate.settle(action, NOT_FETCHED)),
    ),
  };
}

/** The connection ends before there is a request. */
class Refusal extends Error {
  readonly reason: FinishReason;

  constructor(reason: FinishReason) {
    super(reason.detail);
    this.reason = reason;
  }
}

class Run {
  readonly #connection: Connection;
  readonly #context: ServeContext;
  readonly #parts: JudgementParts;
  readonly #memory: RequestMemory;
  #entrance: Entrance;
  #stream: Duplex;

  constructor(connection: Connection, context: ServeContext, parts: JudgementParts) {
    this.#connection = connection;
    this.#context = context;
    this.#parts = parts;
    this.#stream = connection.client;
    const config = context.config();
    this.#memory = context.shared(`http.memory ${config.ref} ${connection.agent.profile}`, () => new RequestMemory());
    this.#entrance = {
      patterns: config.hosts,
      target: connection.target,
      serverName: null,
      secure: false,
      dialled: parseDialled(connection.dialled),
      ownNames: new Set(['localhost', ...(config.listen === null ? [] : [config.listen.host])]),
      tunnelOnly: connection.target === null && config.listenTls === 'required',
    };
  }

  async serve(): Promise<FinishReason> {
    for (;;) {
      const protocol = await this.#open();
      const end = await this.#serveAs(protocol);
      switch (end.kind) {
        case 'finished':
          return end.reason;
        case 'upgraded':
          return this.#runUpgraded(end.upgraded);
        case 'connect':
          // The same path again, now tied to one host: TLS begins inside.
          this.#stream = end.stream;
          this.#entrance = { ...this.#entrance, target: end.target };
      }
    }
  }

  /** Reads the first bytes and, where they are a ClientHello, makes TLS of it. Gives the protocol of ALPN, "" without TLS. */
  async #open(): Promise<string> {
    const late = new Refusal({ kind: 'timeout', detail: 'the client did not begin in time' });
    const peer = new Peer(this.#stream);
    try {
      return await within(
        this.#context.clock,
        { ms: OPENING_MS, error: late, outer: this.#context.signal },
        async (signal) => {
          await peer.more(signal);
          if (!beginsTls(peer.bytes[0] ?? 0)) {
            this.#checkPlain(peer);
            peer.release();
            return '';
          }
          return this.#accept(await this.#takeHello(peer, signal), peer, signal);
        },
      );
    } catch (error) {
      if (error instanceof Refusal) {
        throw error;
      }
      throw new Refusal({ kind: 'client-closed', detail: messageOf(error) });
    }
  }

  #checkPlain({ stream }: Peer): void {
    const { tunnelOnly, target } = this.#entrance;
    if (tunnelOnly && target !== null) {
      throw this.#refuse('tls-required', 'this listener speaks TLS only');
    }
    // What a client dials by the host's own name and port it believes to be that server, which speaks TLS there (DP-18).
    const dialled = this.#connection.target;
    if (dialled !== null && this.#schemeAt(dialled.port) === 'https') {
      stream.write(PLAIN_AT_TLS);
      throw this.#refuse('tls-required', `${formatHostPort(dialled.host, dialled.port)} speaks TLS only`);
    }
  }

  #schemeAt(port: number): 'http' | 'https' {
    return this.#parts.flavour.schemeAt?.(port, this.#context.config()) ?? schemeOf(port);
  }

  async #takeHello(peer: Peer, signal: AbortSignal): Promise<ClientHello> {
    if (this.#context.config().listenTls === 'off' && this.#entrance.target === null) {
      throw this.#refuse('tls-off', 'this listener speaks no TLS');
    }
    const reader = new ClientHelloReader();
    for (;;) {
      const taken = reader.take(peer.bytes);
      switch (taken.kind) {
        case 'hello':
          return taken.hello;
        case 'malformed':
          throw this.#refuse('tls-hello', taken.why);
        case 'incomplete':
          await peer.more(signal);
      }
    }
  }

  async #accept(hello: ClientHello, peer: Peer, signal: AbortSignal): Promise<string> {
    const name = hello.serverName === null ? { name: null } : findServerName(this.#entrance, hello.serverName);
    if (name === 'foreign') {
      peer.stream.write(UNRECOGNIZED_NAME);
      throw this.#refuse(
        'server-name',
        `the TLS server name ${hello.serverName ?? ''} is none of this endpoint's hosts`,
      );
    }
    const { target } = this.#entrance;
    const leafName = name.name ?? target?.host ?? null;
    // A context of its own for each name, so that its tickets are taken at that name only (TL-08).
    const secureContext = await this.#context.serverTls(leafName === null ? undefined : [leafName]);
    peer.release();
    const secured = new TLSSocket(peer.stream, { isServer: true, secureContext, ALPNProtocols: ['h2', 'http/1.1'] });
    secured.disableRenegotiation();
    // A half-open socket would be waited for until the deadline.
    const onEnd = (): void => void secured.destroy();
    secured.once('end', onEnd);
    try {
      await once(secured, 'secure', signal);
    } catch (error) {
      // Also what a client does that does not trust the gateway's CA (DP-19).
      throw error instanceof Refusal ? error : this.#refuse('tls-handshake', messageOf(error));
    } finally {
      secured.off('end', onEnd);
    }
    // What tls.Server sets for its sockets: node:http2 waits for an event that comes no more otherwise.
    Object.assign(secured, { secureConnecting: false });
    this.#stream = secured;
    this.#entrance = { ...this.#entrance, serverName: name.name, secure: true, tunnelOnly: false };
    return typeof secured.alpnProtocol === 'string' ? secured.alpnProtocol : '';
  }

  #refuse(cause: string, detail: string): Refusal {
    this.#context.refused(cause, detail);
    return new Refusal({ kind: 'refused', detail });
  }

  async #serveAs(protocol: string): Promise<H1End> {
    const entrance = this.#entrance;
    // What a flavour makes of a request may hang on whose it is.
    const whose = this.#parts.flavour.prepare === undefined ? '' : JSON.stringify(this.#connection.agent.device);
    const prefix = `${whose}${entrance.secure ? 's' : 'p'} ${entrance.serverName ?? ''} ${targetText(entrance)} ${entrance.dialled.port}\n`;
    // What an agent of HTTP/1 is answered comes over HTTP/1: nothing is lost between the two.
    const upstreams = protocol === 'h2' ? createUpstreams(this.#context) : createH1Upstreams(this.#context);
    const parts = { ...this.#parts, upstreams, stream: this.#stream };
    try {
      if (protocol === 'h2') {
        const readBlockAt = (raw: readonly string[], ended: boolean): KnownRequest | RefusedRequest =>
          notConnect(this.#read(`2${ended ? '.' : '+'}${prefix}${raw.join('\n')}`, (at) => readBlock(raw, ended, at)));
        return { kind: 'finished', reason: await serveH2({ ...parts, readBlock: readBlockAt }) };
      }
      return await serveH1({
        ...parts,
        secure: entrance.secure,
        readHead: (text) => this.#read(prefix + text, (at) => readText(text, at)),
        reset: () => this.#reset(),
      });
    } finally {
      upstreams.close();
    }
  }

  /** What is known of a request, or what reading it gives. */
  #read(key: string, read: (at: Entrance) => Reading): KnownRequest | RefusedRequest | ReadConnect {
    const config = this.#context.config();
    const known = this.#memory.find(config, key);
    if (known !== null) {
      return known;
    }
    const reading = read({ ...this.#entrance, patterns: config.hosts });
    if (reading.kind !== 'request') {
      return reading;
    }
    const { flavour } = this.#parts;
    // What is for the gateway itself means nothing to the endpoint.
    const own = reading.request.host === AGENT_NAME;
    const prepared = own
      ? undefined
      : flavour.prepare?.(reading.request, {
          config,
          agent: this.#connection.agent,
          nonce: this.#context.shared('http.nonce', () => randomBytes(NONCE_BYTES).toString('hex')),
        });
    if (prepared !== undefined && 'why' in prepared) {
      return { kind: 'refused', status: prepared.status, code: 'malformed', why: prepared.why };
    }
    const made = new KnownRequest(prepared === undefined ? reading : { ...reading, request: prepared });
    this.#memory.put(key, made);
    return made;
  }

  /** TR-12: what broke off must not end as if it were whole. */
  #reset(): void {
    const { client } = this.#connection;
    if (client instanceof Socket && !client.destroyed) {
      // What `resetAndDestroy` sets, without the FIN that it sends first: a client of HTTP/1.0 takes that for the end of its answer.
      Object.assign(client, { resetAndClosing: true });
    }
    client.destroy();
    this.#stream.destroy();
  }

  async #runUpgraded(upgraded: Upgraded): Promise<FinishReason> {
    const { request, response, client, upstream, state, credential } = upgraded;
    const { flavour, origin } = this.#parts;
    const session = flavour.upgraded(request, response, {
      state,
      reads: (fact) => this.#context.reads(credential, fact),
      policy: () => this.#context.config(),
      createAction: ({ units, summary, evidence }) => {
        const risks = units.map(({ risk }) => risk);
        const risk = risks.includes('destructive')
          ? 'destructive'
          : risks.includes('suspicious')
            ? 'suspicious'
            : 'safe';
        const analysis = { units, summary, risk, refused: null } as const;
        return new HttpAction(origin, { analysis, evidence, credential, memo: null, id: null });
      },
    });
    const reason = await this.#context.relay({ session, client, upstream, cancelUpstream: () => undefined });
    const broken = reason.kind === 'reset' || reason.kind === 'failed';
    const ending = session.ending ?? { kind: 'ok', errorCode: '' };
    upgraded.settle(broken ? { kind: 'error', errorCode: reason.kind } : ending);
    return reason;
  }
}

type ReadConnect = Extract<Reading, { readonly kind: 'connect' }>;

/** A stream never asks for a tunnel: h2-head.ts refuses that. */
function notConnect(read: KnownRequest | RefusedRequest | ReadConnect): KnownRequest | RefusedRequest {
  return read instanceof KnownRequest || read.kind === 'refused'
    ? read
    : { kind: 'refused', status: 405, code: 'malformed', why: 'CONNECT is not served here' };
}

function readText(text: string, entrance: Entrance): Reading {
  const head = parseRequestHead(text);
  return isMalformed(head)
    ? { kind: 'refused', status: head.status, code: 'malformed', why: head.why }
    : readRequest(head, entrance);
}

function targetText({ target }: Entrance): string {
  return target === null ? '' : `${target.host}:${target.port}`;
}

/** Asks for credentials by what requests say, and keeps the answer for a moment. */
class ConnectionCredentials implements CredentialSource {
  readonly #context: ServeContext;
  readonly #injector: Injector;
  readonly #kept = new WeakMap<KnownRequest, Kept>();

  constructor(context: ServeContext, injector: Injector) {
    this.#context = context;
    this.#injector = injector;
  }

  find(known: KnownRequest): DispatchedCredential | null | Promise<DispatchedCredential | null> {
    const nowMs = this.#context.clock.monotonicMs();
    const kept = this.#kept.get(known);
    if (kept !== undefined && nowMs < kept.untilMs && kept.config === this.#context.config()) {
      return kept.credential;
    }
    const config = this.#context.config();
    return this.#context.credential(this.#injector.hints(known.reading.request)).then((credential) => {
      this.#kept.set(known, { credential, config, untilMs: nowMs + CREDENTIAL_MS });
      return credential;
    });
  }
}

interface Kept {
  readonly credential: DispatchedCredential | null;
  readonly config: object;
  readonly untilMs: number;
}
