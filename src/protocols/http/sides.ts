// What an exchange knows of its two sides, so that it need not know whether either of them speaks HTTP/1 or HTTP/2. Types only.
import type { Duplex } from 'node:stream';
import type { DialTarget } from '../protocol.ts';
import type { LocalAnswer } from './flavour.ts';
import type { UpstreamIdentity } from './injector.ts';
import type { BodyReading, Field, HttpRequest, HttpResponse } from './request.ts';

/** Takes the body of a request. */
export interface BodySink {
  bodyData(bytes: Buffer): void;
  bodyEnd(): void;
}

/** The head of an answer with how its body ends. */
export interface ResponseStart extends HttpResponse {
  /** "" for the usual phrase. */
  readonly reason: string;
  /** `length`: Content-Length is among the fields. */
  readonly body: 'none' | 'length' | 'stream';
}

/** The agent's side of one exchange: an HTTP/1 connection between two heads, or one HTTP/2 stream. */
export interface AgentSide {
  /** The agent can be told of progress: interim answers, trailers. */
  readonly version: HttpRequest['version'];
  /** The agent has not been told to send its body yet, and has not begun to. */
  readonly awaitsContinue: boolean;
  /**
   * Hands the body out from now on. `invite`: `100 Continue` goes out first where the agent waits for it. `timed`: the agent must keep
   * sending, since somebody waits for the whole.
   */
  readBody(sink: BodySink, how: { readonly invite: boolean; readonly timed: boolean }): void;
  /** Sends 100 Continue where the agent still waits for it. */
  invite(): void;
  setBodyFlow(flowing: boolean): void;
  sendInterim(head: HttpResponse): void;
  sendHead(head: ResponseStart): void;
  sendData(bytes: Buffer): void;
  sendEnd(trailers: readonly Field[]): void;
  /** A whole answer of the gateway's own. */
  sendLocal(answer: LocalAnswer): void;
  /** What was said so far must not look whole. */
  cut(): void;
  /** What was sent so far goes out now. */
  flush(): void;
  /** More would only be kept in memory: `Exchange.drained` says when it is over. */
  readonly congested: boolean;
  /** Gives the raw stream away after a 101, with what the agent has already sent behind its request. */
  detach(): Duplex;
}

/** What the agent's side tells its exchange. */
export interface AgentEvents extends BodySink {
  /** The agent is gone, or has ended its direction where that means the same. */
  gone(): void;
  /** `congested` is over. */
  drained(): void;
  /** The body breaks its own framing, or came too slowly. */
  bodyFailed(status: 400 | 408, why: string): void;
}

/** A request as it goes upstream. */
export interface Outgoing {
  /** With the credential in it. */
  readonly request: HttpRequest;
  readonly target: DialTarget;
  /** Typed reference of the credential, or null; connections are not shared between credentials. */
  readonly credential: string | null;
  /** What the credential adds to TLS, or null. */
  readonly identity: UpstreamIdentity | null;
  /** The agent waits for 100 Continue and its body has not begun. */
  readonly expectContinue: boolean;
  /** What of the body is there already. */
  readonly body: BodyReading;
  /** Nothing of the body follows. */
  readonly bodyEnded: boolean;
  /** Not over a connection that was used before. */
  readonly fresh: boolean;
}

/** Why an upstream did not answer. */
export interface LegFailure {
  /** `lost`: the connection ended. `protocol`: what came was no answer. `timeout`: nothing came. `credential`: ours was refused. */
  readonly kind: 'unreachable' | 'lost' | 'protocol' | 'timeout' | 'credential';
  /** For the log. */
  readonly why: string;
  /** The connection had served another request before. */
  readonly reused: boolean;
}

/** What an upstream tells the exchange. `failed` and `end` are the last. */
export interface LegEvents {
  /** An interim answer, 100 among them. */
  interim(head: HttpResponse): void;
  head(head: ResponseStart): void;
  data(bytes: Buffer): void;
  end(trailers: readonly Field[]): void;
  /** Everything of this turn was told. */
  turnEnded(): void;
  failed(failure: LegFailure): void;
  /** More of the body may be written. */
  writable(): void;
  /** The upstream has switched protocols. */
  upgraded(head: ResponseStart, stream: Duplex): void;
}

/** The upstream's side of one exchange. */
export interface Leg {
  /** False: hold the rest until `writable`. */
  write(bytes: Buffer): boolean;
  /** The body is whole. */
  end(): void;
  setFlow(flowing: boolean): void;
  /** Nobody wants the answer any more, or the body will not become whole. */
  cancel(): void;
}

/** Upstream connections of one agent connection. */
export interface Upstreams {
  /** Sends the head and what of the body is there. The events come later, or before this returns. */
  start(outgoing: Outgoing, events: LegEvents): Leg;
  /** Ends them all. */
  close(): void;
}
