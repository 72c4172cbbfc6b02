// What a folder under src/protocols/ hands out, and all that it knows of the gateway.
import type { Duplex } from 'node:stream';
import type { SecureContext } from 'node:tls';
import type { EndpointConfig } from '../config/config.ts';
import type { Clock } from '../lib/clock.ts';
import type { Secret } from '../lib/secret.ts';
import type { Action, Agent, Endpoint, Evidence, Family, Outcome, SessionId, Unit } from '../rules/action.ts';
import type { FactSchema } from '../rules/fact-schema.ts';
import type { FinishReason, ParkedNotice, Session, Verdict } from './session.ts';

/** How to wait, asked for only when an answer has to be waited for. */
export interface Waiting {
  /** Aborts when the client goes away or withdraws; an aborted action is never sent. */
  readonly signal: AbortSignal;
  /** Called when the action is parked, and about every 30 s while it is. */
  parked(notice: ParkedNotice): void;
  /**
   * The same action (same id) with its whole evidence, for a person or a model to look at: what was not held for rules (a body that no
   * rule reads) is held now. Called before anybody is asked; the action that it gives is judged again. Absent where `decide` was given
   * everything. Never rejects.
   */
  whole?(): Promise<Action>;
  /**
   * The client does not wait for the answer: an action that is allowed is kept, and runs when `Gate.resume` is called for it. Absent where
   * clients always wait.
   */
  detached?(): boolean;
}

/** Rules, then risk, then approvals, then the audit record, then the answer: in that order, for every protocol. */
export interface Gate {
  /** Synchronous whenever nothing has to be waited for. Never rejects: trouble is a denial. `waiting` is called at most once. */
  decide(action: Action, waiting: () => Waiting): Verdict | Promise<Verdict>;
  /** Exactly once for every action that was allowed with phase `execute`. */
  settle(action: Action, outcome: Outcome): void;
  /**
   * An action that was allowed while its client did not wait is to run now, once: `action` is the same (same id, same digest) on the
   * connection that fetches it. It is judged again by the policy in force, which must still put the same question; a deny wins.
   */
  resume(action: Action): Verdict;
}

/** A client connection as a transport yields it. Nothing after it knows how the bytes arrived. */
export interface Connection {
  readonly session: SessionId;
  readonly client: Duplex;
  readonly agent: Agent;
  /** Address the client dialled, `host:port`. */
  readonly dialled: string;
  /** The destination that brought the client to this endpoint (CONNECT, a virtual address), or null at a listener of the endpoint's own. */
  readonly target: DialTarget | null;
}

/** One of an endpoint's hosts. */
export interface DialTarget {
  /** Canonical; never a pattern. */
  readonly host: string;
  readonly port: number;
}

/** A credential as configured, with its values. */
export interface DispatchedCredential {
  readonly ref: string;
  readonly type: string;
  readonly attributes: EndpointConfig['attributes'];
  /** Secret by slot; what was made of it (an access token, a client certificate) stands beside it under a slot of its own. */
  readonly secrets: ReadonlyMap<string, Secret>;
  /** Makes the values anew, after an upstream refused them; absent where they are as they were configured. Rejects as `credential` does. */
  readonly renew?: () => Promise<DispatchedCredential>;
}

/** A credential that might be chosen. */
export type CandidateCredential = Pick<DispatchedCredential, 'type' | 'attributes'>;

/** By disambiguator (`user`, `placeholder`): what the client said that may choose among several credentials. */
export type Hints = Readonly<Record<string, string>>;

/** The same for every candidate, or, where a candidate's type says where to look, by candidate. */
export type DispatchHints = Hints | ((candidate: CandidateCredential) => Hints);

/** Keys that an endpoint keeps for good. */
export interface EndpointKeys {
  /**
   * The private key that the endpoint shows to agents, as text; kept sealed, and made by `create` when there is none yet. Throws
   * GatewayError STATE_DIR or STORE_KEY.
   */
  hostKey(create: () => string): string;
  /** The key that the upstream `host:port` showed when it was first seen, as it was kept; null = never. */
  findUpstreamKey(upstream: string): string | null;
  keepUpstreamKey(upstream: string, key: string): void;
}

/** A request to the gateway's own name (`AGENT_NAME`): answered by the gateway, never sent anywhere. */
export interface OwnRequest {
  readonly method: string;
  /** As it came; begins with `/`, or is `*`. */
  readonly path: string;
  /** What follows the first `?`; "" without one. */
  readonly query: string;
  /** Values of the fields Accept and Content-Type; "" where there is none, or several. */
  readonly accept: string;
  readonly contentType: string;
  /** Null when it is longer than `MAX_OWN_BODY_BYTES`, or did not come whole. */
  readonly body: Buffer | null;
}

/** The longest body of a request to the gateway itself. */
export const MAX_OWN_BODY_BYTES = 64 * 1024;

export interface OwnAnswer {
  readonly status: number;
  /** Content-Type. */
  readonly type: string;
  readonly body: string;
  /** Further fields. */
  readonly fields?: readonly { readonly name: string; readonly value: string }[];
}

/** Everything a protocol may ask of the gateway for one connection. */
export interface ServeContext {
  readonly endpoint: Endpoint;
  /** The endpoint as configured now; a getter, since a reload may change attributes. */
  readonly config: () => EndpointConfig;
  readonly gate: Gate;
  readonly clock: Clock;
  /**
   * Connects to the endpoint's upstream (resolver, tunnel, deadline): to `target`, which must be one of its hosts, else to its only one.
   * Rejects with GatewayError UPSTREAM_UNREACHABLE.
   */
  dial(signal: AbortSignal, target?: DialTarget): Promise<Duplex>;
  /** The credential for this profile at this endpoint. Rejects with GatewayError SECRET_MISSING; null = none is configured. */
  credential(hints: DispatchHints): Promise<DispatchedCredential | null>;
  /** Every placeholder of the configuration in force: texts that stand for a secret, and must never reach an upstream. */
  placeholders(): readonly string[];
  /**
   * Value of an attribute of the endpoint that is a secret string, as it is now; null = not written. Throws GatewayError SECRET_MISSING
   * when what it refers to cannot be had.
   */
  secretAttribute(name: string): Secret | null;
  /** Server-side TLS: a leaf for these names, else one that names the endpoint's hosts, the listen address and `localhost`. */
  serverTls(names?: readonly string[]): Promise<SecureContext>;
  /** Runs a session between two streams with back-pressure until it finishes. */
  relay(parts: RelayParts): Promise<FinishReason>;
  /** Something was refused before any action existed (bad startup, failed login): recorded and counted. `cause` is a fixed word. */
  refused(cause: string, detail: string): void;
  /** Something happened that people should hear of, and that changes no verdict: recorded and counted. `cause` is a fixed word. */
  noticed(cause: string, detail: string): void;
  /** Shared, process-wide service objects that protocols keep per gateway (for example cancel keys): get or make by name. */
  shared<T>(name: string, make: () => T): T;
  /** Whether some rule, tier or approver that is in force for this connection with that credential may read the fact. */
  reads(credential: string | null, fact: string): boolean;
  /** Whether some rule that is in force for this connection names that value in a condition on the fact: a closed one, such as a verb. */
  names(credential: string | null, fact: string, value: string): boolean;
  readonly keys: EndpointKeys;
  /** Keeps a part (from 0) of what an action showed, as text in the audit log; false when the log takes nothing now. */
  keep(action: Action, part: number, text: string): boolean;
  /** The answer to a request to the gateway's own name, which every listener of the HTTP protocols serves. Never rejects. */
  own(request: OwnRequest): Promise<OwnAnswer>;
  /** Whether rules deny that action as it stands: nobody is asked, nothing is recorded, and what they cannot tell is not denied. */
  forbids(action: Action): boolean;
  /** The most of one request that is held for judging. */
  readonly bodyBufferBytes: number;
  /** The longest request head of the HTTP protocols. */
  readonly headerBytes: number;
  /** Aborts when the connection must end at once (second signal, device revoked). */
  readonly signal: AbortSignal;
  /** Aborts, with a text as its reason, when the connection is to end after the answer in progress. `relay` looks at it by itself. */
  readonly draining: AbortSignal;
}

export interface RelayParts {
  readonly session: Session;
  readonly client: Duplex;
  readonly upstream: Duplex;
  /** Out-of-band cancel; called for a `cancel-upstream` command. */
  cancelUpstream(): void;
  /** Hands out a function through which someone else (a CancelRequest connection) can raise `cancel-requested`. */
  onCancelHandle?(cancel: () => void): void;
}

/** What names without a schema are looked up in where a described PostgreSQL statement does not say it: the server's own default. */
export const DEFAULT_SEARCH_PATH: readonly string[] = ['public'];

/** A request described by hand: a fixture's `action`, or flags of `explain`. Keys as in the config reference 6.5. */
export interface ActionSample {
  readonly family: Family;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Taken as cut at body_buffer. */
  readonly truncated: boolean;
  /** host or host:port of the action as written; null or left out: the endpoint's own. */
  readonly host?: string | null;
  /** Whether a credential will be injected; true when left out. */
  readonly hasCredential?: boolean;
}

/** What the live code makes of a sample. */
export interface AnalysedSample {
  readonly units: readonly Unit[];
  readonly evidence: Evidence;
  readonly summary: string;
  readonly refused: string | null;
}

/** Measured effect of a parked action, for the approver. Computed without running the action. */
export interface Effect {
  /** Lines for people, most important first, for example `estimated rows: 120000 (EXPLAIN)`. */
  readonly lines: readonly string[];
  /** The same as data. */
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Protocol {
  /** HCL label of the endpoint type. */
  readonly name: string;
  readonly facts: FactSchema;
  /** Resolves when the connection has ended. Never rejects for anything a peer did. */
  serve(connection: Connection, context: ServeContext): Promise<FinishReason>;
  /**
   * The live path's own code; used by test and explain. A promise where the live path takes long texts off its thread. Throws (or
   * rejects with) GatewayError CLIENT_PROTOCOL when the sample is malformed.
   */
  analyse(sample: ActionSample, endpoint: EndpointConfig): AnalysedSample | Promise<AnalysedSample>;
  /** Measures what a parked action would do; null where nothing can be said. Bounded by `signal`. */
  measure?(action: Action, context: MeasureContext): Promise<Effect | null>;
}

/** What a measurement may use: its own connection, the session's credential, a deadline. */
export interface MeasureContext {
  readonly config: EndpointConfig;
  dial(signal: AbortSignal): Promise<Duplex>;
  readonly credential: DispatchedCredential | null;
  readonly signal: AbortSignal;
}
