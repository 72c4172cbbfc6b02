// What tells one HTTP-shaped protocol (https, kubernetes) from another. The engine (serve.ts) frames, waits, sends and streams; a
// flavour says what a request means, how a refusal reads, and what may follow an upgrade. Types only.
import type { EndpointConfig } from '../../config/config.ts';
import type { Action, Agent, Evidence, Family, Outcome, Risk, Unit, Unknown } from '../../rules/action.ts';
import type { DispatchedCredential, ServeContext } from '../protocol.ts';
import type { Session } from '../session.ts';
import type { BodyReading, Field, HttpRequest, HttpResponse } from './request.ts';

/** What beside the request itself a reading of it hangs on. */
export interface RequestState {
  /** The endpoint as configured now. */
  readonly config: EndpointConfig;
  /** A credential will be injected. */
  readonly hasCredential: boolean;
  /** The most that a body may be with its codings off; 1 MiB when left out. */
  readonly bodyBufferBytes?: number;
  /** What is known of the MCP session that the request belongs to; left out where no session is followed. */
  readonly mcp?: McpView;
}

/** An MCP session as one request sees it (mcp-session.ts keeps them). */
export interface McpView {
  /** Hash of the session's id, "" without one; Unknown when the id was issued to somebody else. */
  readonly session: string | Unknown;
  /** The request names a session that the server issued to this agent through this gateway, and goes where that one began. */
  readonly isIssued: boolean;
  /** Set when the request takes up what was issued to somebody else. */
  readonly refused: string | null;
  /** The method of the server's request with that id that is not answered yet, or null. */
  askedBy(id: string | number): string | null;
}

/** A request as rules see it. */
export interface HttpAnalysis {
  /** At least one; more for batches (fact reference, 1.1). */
  readonly units: readonly Unit[];
  /** The highest of the units'. */
  readonly risk: Risk;
  /** One line for a person, for example `POST api.github.com/repos/o/r/merges`. */
  readonly summary: string;
  /** The protocol itself refuses, whatever rules say: the reason for the agent; else null. */
  readonly refused: string | null;
  /** Hangs on something that may be different the next time (a server that did not answer): not remembered for the same request. */
  readonly passing?: true;
}

/** Makes facts of requests. Pure and total. */
export interface HttpAnalyser {
  /**
   * Whether the body must be there before the request can be judged: a rule reads one of its facts, or units or tier of this request
   * hang on it. `reads` tells of every fact whether some rule, tier or approver of this endpoint, profile and credential may read it.
   */
  needsBody(request: HttpRequest, state: RequestState, reads: (fact: string) => boolean): boolean;
  analyse(request: HttpRequest, body: BodyReading, state: RequestState): HttpAnalysis;
}

/** Why the gateway answers in the upstream's place. */
export interface Refusal {
  /** HTTP status, for example 403, 400, 421, 431, 502. */
  readonly status: number;
  /** A fixed word: `denied`, `malformed`, `misdirected`, `upstream`, `credential`, `unavailable`, `cancelled`. */
  readonly code: string;
  /** For the agent. */
  readonly reason: string;
  /** Name of the deciding rule, "" when none. */
  readonly rule: string;
  /** What an agent can do about it; may be "". */
  readonly hint: string;
  /** Id of the action, "" when there was none yet. */
  readonly action: string;
}

/** An answer that the gateway gives itself. Content-Length is added by who sends it. */
export interface LocalAnswer {
  readonly status: number;
  readonly fields: readonly Field[];
  readonly body: Buffer;
}

/** What a flavour may know of a connection before anything is judged. */
export interface PrepareParts {
  readonly config: EndpointConfig;
  readonly agent: Agent;
  /** Differs with every start of the gateway, and cannot be guessed. */
  readonly nonce: string;
}

/** What a flavour may ask while it makes ready for an analysis. */
export interface BeforeParts {
  readonly state: RequestState;
  readonly context: ServeContext;
  readonly credential: DispatchedCredential | null;
}

/** What a flavour may use for a request whose agent is gone. */
export interface AbandonedParts {
  readonly context: ServeContext;
  readonly credential: DispatchedCredential | null;
}

/** One HTTP-shaped protocol. */
export interface HttpFlavour {
  readonly family: Family;
  readonly analyser: HttpAnalyser;
  /** What the endpoint's servers speak at that port. Left out: plain HTTP at 80, TLS everywhere else. */
  schemeAt?(port: number, config: EndpointConfig): 'http' | 'https';
  /**
   * The request as it is judged and sent, where that is not as it came: what names an account is taken out, what two readers could read in
   * two ways is refused.
   */
  prepare?(request: HttpRequest, parts: PrepareParts): HttpRequest | { readonly status: number; readonly why: string };
  /**
   * What must be there before `analyse` can be called with that request and body; null where nothing is missing. The promise gives null, or
   * why the upstream could not be asked for it: then the request is answered as one whose upstream failed. Never rejects.
   */
  before?(request: HttpRequest, body: BodyReading, parts: BeforeParts): Promise<string | null> | null;
  /** What people are shown and the record keeps, where that is not the request of HTTP itself. */
  evidence?(request: HttpRequest, body: BodyReading): Evidence;
  /** What the head of an answer says of how the action ended, beside its status. */
  outcome?(response: HttpResponse): Pick<Outcome, 'rows' | 'errorCode'>;
  /** The request as it is sent, with a mark by which `abandoned` finds what runs for it. `mark` is another one for each sending. */
  marked?(request: HttpRequest, mark: string): HttpRequest;
  /**
   * The agent has gone, and a server may go on with what was sent: stops that. Null where nothing is to be stopped. Bounded, and never
   * rejects; the connection's end waits for it.
   */
  abandoned?(sent: HttpRequest, parts: AbandonedParts): Promise<void> | null;
  /** How a refusal reads to a client of this protocol. `request` is null when none could be read. */
  refuse(refusal: Refusal, request: HttpRequest | null): LocalAnswer;
  /** Upgrades that may be forwarded, lower case (`websocket`, `spdy/3.1`); all others are refused. */
  readonly upgrades: readonly string[];
  /** What runs between the two raw streams after a 101 for an upgrade that was judged. */
  upgraded(request: HttpRequest, response: HttpResponse, parts: UpgradeParts): UpgradeSession;
}

/** A session that may know how its stream ended, for the record of the upgrade. */
export interface UpgradeSession extends Session {
  /** Null or left out: the streams said nothing about it. `errorCode` is the protocol's own word, for example `exit 3`. */
  readonly ending?: { readonly kind: 'ok' | 'error'; readonly errorCode: string } | null;
}

/** What an upgraded stream may need to ask for further judgements on its own. */
export interface UpgradeParts {
  readonly state: RequestState;
  /** Some rule, tier or approver of the policy in force may read that fact. */
  readonly reads: (fact: string) => boolean;
  /** Another value than before when the policy in force is another one. */
  policy(): unknown;
  /** An action of this connection over units that are not the request's own (a message, a forwarded port). */
  createAction(parts: {
    readonly units: readonly Unit[];
    readonly summary: string;
    readonly evidence: Evidence;
  }): Action;
}
