// Client connections of the data plane: who may connect, what each one is given, and how it ends. A failure in one connection ends that
// connection; whatever happens, its end is recorded and its unsettled actions are closed.
import type { Socket } from 'node:net';
import { createEvent } from '../../audit/event.ts';
import type { AuditLog } from '../../audit/log.ts';
import type { EndpointConfig } from '../../config/config.ts';
import { formatHostPort } from '../../config/hosts.ts';
import type { Clock } from '../../lib/clock.ts';
import { GatewayError, messageOf } from '../../lib/errors.ts';
import { uuidv7 } from '../../lib/ids.ts';
import type { Secret } from '../../lib/secret.ts';
import { visible } from '../../lib/text.ts';
import type {
  Connection,
  DialTarget,
  DispatchedCredential,
  DispatchHints,
  Protocol,
  ServeContext,
} from '../../protocols/protocol.ts';
import type { FinishReason } from '../../protocols/session.ts';
import type { Agent, SessionId } from '../../rules/action.ts';
import type { RuleSet } from '../../rules/decision.ts';
import { canonicalIp, createRanges } from '../dialling/addresses.ts';
import type { AgentApi } from '../agent-api/api.ts';
import type { ClientSocket } from '../client-socket.ts';
import type { Certificates } from '../certificates.ts';
import type { Dial } from '../dialling/dial.ts';
import { describeDirectAgent } from './direct-agent.ts';
import { createForwardProxy } from './forward-proxy.ts';
import type { ForwardProxy } from './forward-proxy.ts';
import { leadsThere, matchHost, sameHosts, stillWields } from './routing.ts';
import type { GatewayGate } from '../judging/gate.ts';
import { NO_CONTEXT } from '../judging/judge.ts';
import type { ContextOf } from '../judging/judge.ts';
import type { Live } from '../live.ts';
import type { Logger } from '../logger.ts';
import type { Metrics } from '../metrics.ts';
import { describeConnection } from './open-connection.ts';
import type { OpenConnection } from './open-connection.ts';
import { QUARANTINED } from '../judging/quarantine.ts';
import type { Quarantine } from '../judging/quarantine.ts';
import type { Recorder } from '../judging/recorder.ts';
import { recordedEvent } from '../judging/records.ts';
import { createArrivals } from '../tunnel/arrivals.ts';
import type { Arrivals, TunnelView } from '../tunnel/arrivals.ts';
import { endpointKeys } from '../ssh-keys.ts';
import type { SshKeys } from '../ssh-keys.ts';
import { relay } from '../relay.ts';
import { findInsideRoute, findListenerRoute } from '../route-now.ts';
import { createRunArrivals } from './run-arrivals.ts';
import type { RunArrivals, RunRequest } from './run-arrivals.ts';
import { createPassThrough } from './pass-through.ts';
import type { PassThrough, PassThroughParts } from './pass-through.ts';
import { Places } from '../places.ts';
import { describeEndpoint, leafNames } from './endpoint-names.ts';
import type { Route, Way } from './routing.ts';

/** For the answer in progress of a connection whose endpoint, profile or credential is gone. */
const WITHDRAWN_MS = 20_000;

/** Chooses and reads the credential of a profile at an endpoint. */
export interface Credentials {
  /** Null when none is configured. Rejects with GatewayError SECRET_MISSING. */
  dispatch(profile: string, endpoint: string, hints: DispatchHints): Promise<DispatchedCredential | null>;
}

/** Stands for the tunnel where listeners have their key. */
const TUNNEL_KEY = 'wireguard';
/** Stands for runs that come with a token. */
const RUN_KEY = 'run';

export interface ConnectionsParts {
  readonly clock: Clock;
  readonly audit: AuditLog;
  readonly recorder: Recorder;
  readonly metrics: Metrics;
  readonly gate: GatewayGate;
  readonly quarantine: Pick<Quarantine, 'find'>;
  readonly live: () => Live;
  /** The inside of the tunnel, or null without one. */
  readonly tunnel: TunnelView | null;
  /** Where a listener leads now. */
  readonly route: (key: string) => Way | null;
  readonly protocols: ReadonlyMap<string, Protocol>;
  readonly dial: Dial;
  /** What destinations that nobody declared are judged by. */
  readonly strangers: Pick<PassThroughParts, 'own' | 'declared' | 'resolve'>;
  readonly certificates: Certificates;
  readonly keys: SshKeys;
  readonly credentials: Credentials;
  /** The text of a secret string with its references replaced; `what` names it. Throws GatewayError SECRET_MISSING. */
  readonly secretString: (text: string, what: string) => Secret;
  readonly logger: Logger;
  /** Answers for the gateway itself. */
  readonly agentApi: AgentApi;
  /** As in `JudgeParts`. */
  readonly contextOf?: ContextOf;
  /** Connections that the file descriptors of this process allow. */
  readonly maxConnections: number;
}

export interface Connections {
  /** Takes a socket that a listener has accepted. */
  accept(socket: Socket, key: string): void;
  /** Takes a socket that came out of the tunnel. */
  acceptTunnelled(socket: Socket): void;
  /** As `RunArrivals.accept`. */
  acceptRun(asked: RunRequest, take: () => ClientSocket): string | null;
  /** Ends every connection of a device now. */
  endDevice(device: string, why: string): void;
  /** Ends every connection of a run now. */
  endRun(run: string, why: string): void;
  /** Ends the connections of those agents now. */
  endOf(fits: (agent: Agent) => boolean, why: string): void;
  /** Those that are open, oldest first. */
  list(): readonly OpenConnection[];
  /** Asks every connection, or those that the policy in force no longer has, to end after the answer in progress. */
  drain(why: string, which: 'all' | 'unrouted'): void;
  /** Ends every connection now. */
  abort(why: string): void;
  /** Resolves when there is none left. */
  emptied(): Promise<void>;
  /** What the session's protocol was given last; for measuring on its behalf. */
  credentialOf(session: SessionId): DispatchedCredential | null;
  readonly size: number;
}

interface Entry {
  readonly session: SessionId;
  readonly key: string;
  readonly route: Route;
  readonly agent: Agent;
  readonly socket: ClientSocket;
  readonly startedMs: number;
  /** What the client dialled. */
  readonly dialled: string;
  /** What it asked the forward proxy for, or null. */
  readonly target: DialTarget | null;
  /** Aborted with a text: end after the answer in progress. */
  readonly draining: AbortController;
  /** Aborted with a text: end now. */
  readonly ending: AbortController;
  credential: DispatchedCredential | null;
}

export function createConnections(parts: ConnectionsParts): Connections {
  return new OpenConnections(parts);
}

class OpenConnections implements Connections {
  readonly #parts: ConnectionsParts;
  readonly #open = new Map<SessionId, Entry>();
  readonly #places: Places;
  readonly #passThrough: PassThrough;
  /** Objects that protocols keep per gateway, by name. */
  readonly #shared = new Map<string, unknown>();
  readonly #proxy: ForwardProxy;
  readonly #arrivals: Arrivals | null;
  readonly #runs: RunArrivals;
  #waiting: (() => void)[] = [];

  constructor(parts: ConnectionsParts) {
    this.#parts = parts;
    this.#places = new Places(() => {
      const { connections, connectionsPerDevice } = parts.live().config.gateway.limits;
      return { connections: Math.min(connections, parts.maxConnections), connectionsPerDevice };
    });
    this.#passThrough = createPassThrough({
      ...parts,
      ...parts.strangers,
      places: this.#places,
      stillHere: (agent) => this.#isStillHere(agent),
    });
    const passThrough = this.#passThrough;
    this.#proxy = createForwardProxy({
      ...parts,
      passThrough,
      admit: (socket, key, to) => this.#admitInside(key, socket, to),
    });
    const { tunnel } = parts;
    this.#runs = createRunArrivals({ ...parts, admit: (socket, to) => this.#admitInside(RUN_KEY, socket, to) });
    this.#arrivals =
      tunnel === null
        ? null
        : createArrivals({
            ...parts,
            passThrough,
            places: this.#places,
            view: tunnel,
            admit: (socket, to) => this.#admitInside(TUNNEL_KEY, socket, to),
          });
  }

  get size(): number {
    return this.#open.size + this.#passThrough.size;
  }

  accept(socket: Socket, key: string): void {
    // Nothing between here and the protocol may lose the process to a broken socket.
    socket.on('error', () => {});
    const way = this.#parts.route(key);
    switch (way?.kind) {
      case undefined:
        socket.destroy();
        return;
      case 'endpoint':
        this.#admit(
          this.#identify(formatHostPort(canonicalIp(socket.localAddress), socket.localPort ?? 0), key, way, {
            socket,
            target: null,
            agent: describeDirectAgent(socket, `listener/${way.endpoint.name}`, way.profile),
          }),
        );
        return;
      case 'proxy':
        this.#proxy.accept(socket, key, way);
    }
  }

  acceptTunnelled(socket: Socket): void {
    this.#arrivals?.accept(socket);
  }

  acceptRun(asked: RunRequest, take: () => ClientSocket): string | null {
    return this.#runs.accept(asked, take);
  }

  endDevice(device: string, why: string): void {
    this.endOf((agent) => agent.device === device, why);
  }

  endOf(fits: (agent: Agent) => boolean, why: string): void {
    for (const { agent, ending } of this.#open.values()) {
      if (fits(agent)) {
        ending.abort(why);
      }
    }
    this.#passThrough.endOf(fits, why);
  }

  endRun(run: string, why: string): void {
    this.endOf((agent) => agent.run === run, why);
  }

  list(): readonly OpenConnection[] {
    const nowMs = this.#parts.clock.monotonicMs();
    const open = [...this.#open.values()].map((entry) => describeConnection(entry, nowMs));
    return [...open, ...this.#passThrough.list()].toSorted((a, b) => b.openMs - a.openMs);
  }

  /** One that has said, or shown, where it wants to. */
  #admitInside(
    key: string,
    socket: ClientSocket,
    { route, target, agent }: { readonly route: Route; readonly target: DialTarget; readonly agent: Agent },
  ): void {
    this.#admit(this.#identify(formatHostPort(target.host, target.port), key, route, { socket, target, agent }));
  }

  #admit(entry: Entry): void {
    const { socket } = entry;
    const refusal = this.#findRefusal(entry) ?? this.#recordOpening(entry);
    if (refusal !== null) {
      this.#refuse(entry, refusal.cause, refusal.detail);
      socket.resetAndDestroy();
      return;
    }
    this.#open.set(entry.session, entry);
    this.#places.take(entry.agent.device);
    this.#parts.metrics.connections(entry.route.endpoint.ref, 1);
    socket.setKeepAlive(true, 60_000);
    // Owned: it never rejects, and its end is awaited through `emptied`.
    void this.#serve(entry);
  }

  drain(why: string, which: 'all' | 'unrouted'): void {
    if (which === 'all') {
      this.#runs.close();
      this.#proxy.close();
      this.#arrivals?.close();
    }
    this.#passThrough.drain(why, which);
    for (const entry of this.#open.values()) {
      if (which === 'all' || !this.#stillRouted(entry)) {
        if (which === 'unrouted' && !entry.draining.signal.aborted) {
          // A shell may have no end of its own; what it was opened under is gone.
          this.#parts.clock.after(WITHDRAWN_MS, () => entry.ending.abort(why));
        }
        entry.draining.abort(why);
      }
    }
  }

  abort(why: string): void {
    for (const entry of this.#open.values()) {
      entry.ending.abort(why);
    }
    this.#passThrough.endOf(() => true, why);
  }

  async emptied(): Promise<void> {
    if (this.#open.size > 0) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    await this.#passThrough.emptied();
  }

  credentialOf(session: SessionId): DispatchedCredential | null {
    return this.#open.get(session)?.credential ?? null;
  }

  /** Who connects to what, taken at accept: later the socket may no longer know. */
  #identify(
    dialled: string,
    key: string,
    { endpoint, profile }: Route,
    { socket, target, agent }: Pick<Entry, 'socket' | 'target' | 'agent'>,
  ): Entry {
    return {
      session: uuidv7(this.#parts.clock.now()),
      key,
      route: { endpoint, profile },
      agent,
      socket,
      startedMs: this.#parts.clock.monotonicMs(),
      dialled,
      target,
      draining: new AbortController(),
      ending: new AbortController(),
      credential: null,
    };
  }

  #findRefusal({ route, agent, target }: Entry): { readonly cause: string; readonly detail: string } | null {
    if (agent.ip === '') {
      return { cause: 'gone', detail: 'the client was gone when it was accepted' };
    }
    if (this.#parts.quarantine.find(agent) !== null) {
      return { cause: 'quarantine', detail: QUARANTINED };
    }
    if (target === null && !createRanges(route.endpoint.listenAllow)(agent.ip)) {
      return { cause: 'source', detail: `${agent.ip} is not in listen_allow` };
    }
    if (!leadsThere(this.#parts.live(), route)) {
      return { cause: 'profile', detail: `profile ${route.profile} does not reach ${route.endpoint.ref}` };
    }
    if (!this.#parts.protocols.has(route.endpoint.type)) {
      return { cause: 'not_served', detail: `endpoints of type ${route.endpoint.type} are not served by this version` };
    }
    const full = this.#places.findRefusal(agent.device);
    return full === null ? null : { cause: 'limit', detail: full };
  }

  /** What cannot be recorded does not begin. */
  #recordOpening(entry: Entry): { readonly cause: string; readonly detail: string } | null {
    const { agent, session, route } = entry;
    const event = createEvent('connection.opened', this.#parts.clock.now(), {
      agent,
      session,
      endpoint: route.endpoint.ref,
      family: route.endpoint.family,
      data: { dialled: entry.dialled },
    });
    return this.#parts.audit.append(event) === null
      ? { cause: 'unavailable', detail: 'the connection could not be recorded' }
      : null;
  }

  async #serve(entry: Entry): Promise<void> {
    const { endpoint } = entry.route;
    const protocol = this.#parts.protocols.get(endpoint.type);
    const connection: Connection = {
      session: entry.session,
      client: entry.socket,
      agent: entry.agent,
      dialled: entry.dialled,
      target: entry.target,
    };
    let reason: FinishReason = { kind: 'refused', detail: 'not served' };
    try {
      reason = (await protocol?.serve(connection, this.#contextOf(entry))) ?? reason;
    } catch (error) {
      this.#tellFailure(entry, error);
      reason = { kind: 'failed', detail: messageOf(error) };
    }
    try {
      this.#end(entry, reason);
    } catch (error) {
      this.#parts.logger.error({ err: error, session: entry.session }, 'the end of a connection failed');
    }
  }

  /** The culprit picks the level: what clients do wrong is no news, a fault of ours has its stack. */
  #tellFailure({ session, route }: Entry, error: unknown): void {
    const { logger } = this.#parts;
    const fields = { session, endpoint: route.endpoint.ref };
    const culprit = error instanceof GatewayError ? error.culprit : 'gateway';
    switch (culprit) {
      case 'client':
        logger.debug({ ...fields, why: messageOf(error) }, 'a connection failed');
        return;
      case 'upstream':
      case 'operator':
        logger.warn({ ...fields, why: messageOf(error) }, 'a connection failed');
        return;
      case 'gateway':
        logger.error({ ...fields, err: error }, 'a connection failed');
    }
  }

  #end(entry: Entry, reason: FinishReason): void {
    const { agent, session, socket } = entry;
    const { endpoint } = entry.route;
    // Sends what is still buffered, then closes.
    socket.destroySoon();
    this.#open.delete(session);
    this.#places.free(agent.device);
    this.#parts.metrics.connections(endpoint.ref, -1);
    this.#parts.gate.ended(session);
    const event = createEvent('connection.closed', this.#parts.clock.now(), {
      agent,
      session,
      endpoint: endpoint.ref,
      family: endpoint.family,
      reason: visible(reason.detail),
      data: {
        how: reason.kind,
        bytes_from_client: socket.bytesRead,
        bytes_to_client: socket.bytesWritten,
        duration_ms: Math.round(this.#parts.clock.monotonicMs() - entry.startedMs),
      },
    });
    if (this.#parts.audit.append(event) === null) {
      this.#parts.recorder.record(event);
    }
    if (this.#open.size === 0) {
      this.#waiting.splice(0).forEach((resolve) => resolve());
    }
  }

  #contextOf(entry: Entry): ServeContext {
    const { clock, gate, live, certificates, credentials } = this.#parts;
    const { endpoint: accepted } = entry.route;
    const config = (): EndpointConfig => live().endpoints.get(accepted.ref) ?? accepted;
    const rulesOf = (credential: string | null): RuleSet =>
      live().policy.ruleSet(accepted.ref, entry.agent.profile, credential);
    return {
      endpoint: describeEndpoint(accepted),
      config,
      gate,
      clock,
      dial: (signal, target) => this.#dial(config(), target ?? null, signal),
      credential: (hints) => this.#credentialFor(entry, credentials, hints),
      secretAttribute: (name) => {
        const text = config().attributes[name];
        return typeof text === 'string' ? this.#parts.secretString(text, `${accepted.ref} ${name}`) : null;
      },
      placeholders: () => live().placeholders,
      serverTls: (names) => certificates.serverContext(names ?? leafNames(accepted)),
      relay: (relayParts) =>
        relay(relayParts, { gate, clock, signal: entry.ending.signal, draining: entry.draining.signal }),
      refused: (cause, detail) => this.#refuse(entry, cause, detail),
      noticed: (cause, detail) => this.#notice(entry, cause, detail),
      shared: (name, make) => this.#getShared(name, make),
      reads: (credential, fact) => rulesOf(credential).reads(fact),
      names: (credential, fact, value) => rulesOf(credential).names(fact, value),
      keys: endpointKeys(this.#parts.keys, accepted.ref),
      keep: (action, part, text) =>
        this.#parts.audit.append(recordedEvent(action, { part, text }, clock.now())) !== null,
      own: (request) =>
        this.#parts.agentApi.answer(entry.agent, request, (cause, detail) => this.#refuse(entry, cause, detail)),
      forbids: (action) => {
        const context = this.#parts.contextOf?.(action.agent) ?? NO_CONTEXT;
        const { kind, by } = rulesOf(action.credential).decide(action, { ...context, nowMs: clock.now() });
        return kind === 'deny' && by !== 'cannot-tell';
      },
      bodyBufferBytes: live().config.gateway.limits.bodyBufferBytes,
      headerBytes: live().config.gateway.limits.headerBytes,
      signal: entry.ending.signal,
      draining: entry.draining.signal,
    };
  }

  /**
   * What the connection logs in with. A reload that happens while the secret is read has looked at the connection when it had no
   * credential yet: if the one that comes has been changed or taken away by it, the credential is chosen again.
   */
  async #credentialFor(
    entry: Entry,
    credentials: Credentials,
    hints: DispatchHints,
  ): Promise<DispatchedCredential | null> {
    for (;;) {
      const before = this.#parts.live();
      entry.credential = await credentials.dispatch(entry.agent.profile, entry.route.endpoint.ref, hints);
      if (this.#parts.live() === before || this.#stillRouted(entry)) {
        return entry.credential;
      }
    }
  }

  #dial(config: EndpointConfig, target: DialTarget | null, signal: AbortSignal): Promise<Socket> {
    const upstream = target ?? config.hosts.find(({ wildcard }) => !wildcard);
    if (config.tunnel !== null) {
      // An upstream behind a tunnel is never dialled directly.
      const message = `${config.ref}: tunnels are not served by this version`;
      return Promise.reject(new GatewayError('UPSTREAM_UNREACHABLE', 'operator', message));
    }
    if (upstream === undefined || !config.hosts.some((pattern) => matchHost(pattern, upstream))) {
      const message = `${config.ref}: ${upstream === undefined ? 'it has no host that can be dialled' : `${formatHostPort(upstream.host, upstream.port)} is none of its hosts`}`;
      return Promise.reject(new GatewayError('UPSTREAM_UNREACHABLE', 'operator', message));
    }
    return this.#parts.dial(upstream, signal);
  }

  #getShared<T>(name: string, make: () => T): T {
    if (!this.#shared.has(name)) {
      this.#shared.set(name, make());
    }
    // Whoever asks under a name made it: each protocol prefixes its own.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return this.#shared.get(name) as T;
  }

  #refuse(entry: Entry, cause: string, detail: string): void {
    const { agent, session, route } = entry;
    this.#parts.metrics.refused(cause);
    this.#parts.logger.debug({ session, ip: agent.ip, cause }, 'a connection was refused');
    this.#parts.recorder.record(
      createEvent('connection.refused', this.#parts.clock.now(), {
        agent,
        session,
        endpoint: route.endpoint.ref,
        family: route.endpoint.family,
        verdict: 'deny',
        reason: visible(detail),
        data: { cause, dialled: entry.dialled },
      }),
    );
  }

  #notice({ agent, session, route }: Entry, cause: string, detail: string): void {
    this.#parts.metrics.noticed(cause);
    this.#parts.logger.warn({ session, endpoint: route.endpoint.ref, cause }, visible(detail));
    this.#parts.recorder.record(
      createEvent('connection.noticed', this.#parts.clock.now(), {
        agent,
        session,
        endpoint: route.endpoint.ref,
        family: route.endpoint.family,
        reason: visible(detail),
        data: { cause },
      }),
    );
  }

  /** False when the endpoint, profile or credential is gone, or when one now means something else than at accept. */
  #stillRouted({ key, route, agent, credential, target }: Entry): boolean {
    const inside = key === TUNNEL_KEY || key === RUN_KEY;
    const now = inside
      ? findInsideRoute(this.#parts, target, agent)
      : findListenerRoute(this.#parts, key, { target, ip: agent.ip });
    return (
      now !== null &&
      now.endpoint.ref === route.endpoint.ref &&
      now.endpoint.type === route.endpoint.type &&
      now.profile === route.profile &&
      sameHosts(now.endpoint, route.endpoint) &&
      leadsThere(this.#parts.live(), now) &&
      (credential === null || stillWields(this.#parts.live(), now, credential))
    );
  }

  /** Whether a client whose destination was not declared could still come, under the same profile. */
  #isStillHere({ device, run, ip, profile, transport }: Agent): boolean {
    if (transport === 'wireguard' || transport === 'tailscale') {
      const agent = this.#parts.tunnel?.identify(ip) ?? null;
      return agent?.device === device && agent.run === run && agent.profile === profile;
    }
    const { proxy } = this.#parts.live().config.gateway;
    return proxy?.profile === profile && createRanges(proxy.listenAllow)(ip);
  }
}
