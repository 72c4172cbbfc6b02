// What a provider's API calls are named: the seam between the facts of HTTP (facts.ts) and one file a provider. A provider knows
// hosts, paths and tables; it knows nothing of units, rules or of how a body is decoded (body.ts, `contentOf`). Types only.
import type { FactRecord, Risk } from '../../../rules/action.ts';
import type { RequestState } from '../flavour.ts';
import type { BodyReading, HttpRequest } from '../request.ts';
import type { CanonicalTarget } from '../target.ts';

/** What a provider makes of one of its requests. */
export interface ProviderReading {
  /** By full name: `http.action`, `http.action_class`, `gcp.*`, `aws.*`, `github.*`, `git.*`. What is left out is neutral. */
  readonly facts: FactRecord;
  readonly risk: Risk;
  /** Codes behind the tier, for example `secret`, `identity`; empty for safe. */
  readonly causes: readonly string[];
  /** The sentence that says why the tier is what it is. "" for safe. */
  readonly reason: string;
  /** Refused whatever rules say (host and signature scope differ): the reason for the agent; else null. */
  readonly refused: string | null;
  /** Requests embedded in a batch, in order: each is a unit, with its own facts, in place of the batch itself. */
  readonly parts?: readonly EmbeddedRequest[];
  /** It has effects that could not be read: destructive, and denied even where everything unmatched is allowed. */
  readonly opaque?: boolean;
}

/** A request inside the body of another, complete: fields of the outer one that hold for it are among its own. */
export interface EmbeddedRequest {
  readonly request: HttpRequest;
  readonly body: BodyReading;
}

/** The GraphQL operation that will run, as far as a provider needs it. */
export interface GraphqlCall {
  readonly type: 'query' | 'mutation' | 'subscription';
  /** Top-level fields, aliases removed, fragments expanded, in order of the document. */
  readonly fields: readonly string[];
}

/** Names calls of one provider. Pure and total. */
export interface Provider {
  /**
   * Whether `read` hangs on the body of this request (parts of a batch, an action that stands in a form). Called before the body is
   * there, and must be cheap.
   */
  needsBody(request: HttpRequest, canonical: CanonicalTarget): boolean;
  /**
   * Null: not this provider's host. Where `needsBody` was true and the body is `unread` or `cut`, what hangs on it is Unknown. The
   * state holds the endpoint's attributes.
   */
  read(
    request: HttpRequest,
    body: BodyReading,
    canonical: CanonicalTarget,
    state: RequestState,
  ): ProviderReading | null;
  /**
   * The same for a GraphQL operation, one reading a field that has a name of its own: each is a unit. `call` is null where nobody can tell
   * what would run. Null: not this provider's.
   */
  readGraphql?(
    request: HttpRequest,
    call: GraphqlCall | null,
    canonical: CanonicalTarget,
  ): readonly ProviderReading[] | null;
}
