// JSON of the operator API as it travels over the control socket (config reference 6.1): keys snake_case, times RFC 3339 UTC with
// milliseconds, absent = null. Types only; new keys may appear.

export interface ListJson<T> {
  readonly items: readonly T[];
  readonly next: string | null;
  /** How many there are on all pages, where that is known. */
  readonly total?: number;
}

export interface ErrorJson {
  readonly error: { readonly code: ControlErrorCode; readonly message: string };
}

/** Fixed words of `error.code`. */
export type ControlErrorCode =
  /** The request itself is malformed. */
  | 'bad_request'
  /** No credentials, or none that count here. */
  | 'unauthorised'
  | 'not_found'
  /** A prefix that fits several ids. */
  | 'ambiguous'
  /** The approval has been decided, has expired or was cancelled. */
  | 'decided'
  /** This operator may not decide this approval. */
  | 'not_permitted'
  /** The digest is not that of the request: what was seen is not what waits. */
  | 'wrong_digest'
  /** A denial without a reason: the agent is told it. */
  | 'needs_reason'
  /** The grant goes beyond its limits, or this request has no form that could be granted. */
  | 'grant_refused'
  /** A reload was refused, or another answer that is "no". */
  | 'refused'
  /** Cannot be done now: the log cannot be written, the gateway is stopping. */
  | 'unavailable'
  | 'too_large'
  /** Too many tries; wait. */
  | 'throttled'
  | 'internal';

/** Who a browser is logged in as; nulls while it is not. */
export interface SessionJson {
  readonly operator: {
    readonly name: string;
    readonly role: 'viewer' | 'approver' | 'admin';
    readonly email: string;
    /** What they see, and nothing else; null: everything. */
    readonly profiles: readonly string[] | null;
  } | null;
  /** To be sent back as `x-csrf-token` with every call that acts. */
  readonly csrf: string | null;
  readonly expires: string | null;
  readonly version: string;
  /** There is no operator yet. */
  readonly setup: boolean;
}

/** A record as a list shows it. */
export interface RecordRowJson {
  readonly seq: number;
  readonly time: string;
  readonly type: string;
  readonly action_id: string | null;
  readonly device: string | null;
  readonly profile: string | null;
  readonly endpoint: string | null;
  readonly family: string | null;
  readonly risk: string | null;
  readonly verdict: string | null;
  readonly rule: string | null;
  readonly by: string | null;
  readonly reason: string | null;
  readonly summary: string | null;
}

/** An incident as its source tells it. `fields` are outsiders' words. */
export interface IncidentJson {
  readonly id: string;
  /** The context block. */
  readonly source: string;
  readonly status: 'open' | 'acknowledged' | 'resolved';
  readonly url: string | null;
  readonly fields: Readonly<
    Partial<Record<'title' | 'urgency' | 'service' | 'body' | 'assignees' | 'notes' | 'timeline', string>>
  >;
  readonly opened: string;
  readonly changed: string;
  readonly resolved: string | null;
}

/** One step of a chain. `text` is the gateway's; `words` are untrusted, and those of `whose`. */
export interface ChainNodeJson {
  readonly kind: 'incident' | 'change' | 'task' | 'agent' | 'action' | 'review' | 'decision' | 'outcome';
  /** Of an incident or action. */
  readonly id: string | null;
  readonly at: string;
  readonly text: string;
  readonly words: string;
  readonly whose: 'outsiders' | 'agent' | 'model' | 'person' | null;
  readonly tone: 'good' | 'bad' | 'wait' | null;
  readonly children: readonly ChainNodeJson[];
}

/** What led to what. Who belongs to what is the agents' word. */
export interface ChainJson {
  readonly subject: 'incident' | 'task' | 'trace' | 'action';
  readonly id: string;
  readonly incident: IncidentJson | null;
  readonly agents: number;
  readonly actions: number;
  /** There is more than this. */
  readonly cut: boolean;
  /** Times of its first and last record. */
  readonly from: string | null;
  readonly to: string | null;
  readonly tree: readonly ChainNodeJson[];
}

export interface RecordJson {
  readonly seq: number;
  readonly time: string;
  readonly type: string;
  readonly action_id: string | null;
  readonly session: string | null;
  readonly device: string | null;
  readonly profile: string | null;
  readonly run: string | null;
  readonly user: string | null;
  readonly agent_ip: string | null;
  readonly transport: string | null;
  readonly endpoint: string | null;
  readonly family: string | null;
  readonly facts: unknown;
  readonly risk: string | null;
  readonly verdict: string | null;
  readonly rule: string | null;
  readonly approvers: readonly string[];
  readonly by: string | null;
  readonly reason: string | null;
  readonly summary: string | null;
  readonly text: string | null;
  readonly text_complete: boolean;
  readonly digest: string | null;
  readonly outcome: unknown;
  /** What else the type carries. */
  readonly data: unknown;
  readonly prev: string;
  readonly hash: string;
}

export interface CheckJson {
  readonly name: string;
  readonly state: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  readonly fix: string;
}

export interface JobJson {
  readonly name: string;
  readonly every_ms: number;
  /** Null: it has not run yet. */
  readonly last_run: string | null;
  readonly last_error: string | null;
  /** It should have run by now. */
  readonly overdue: boolean;
}

export interface StatusJson {
  readonly ok: boolean;
  readonly checks: readonly CheckJson[];
  /** The recurring work of the gateway; older gateways do not tell of it. */
  readonly jobs?: readonly JobJson[];
}

export interface DiagnosticJson {
  readonly file: string;
  readonly line: number;
  readonly col: number;
  readonly end_line: number;
  readonly end_col: number;
  readonly severity: 'error' | 'warning';
  readonly code: string;
  readonly message: string;
  readonly fix: string;
}

export interface ReloadJson {
  readonly ok: boolean;
  readonly revision: string;
  readonly diagnostics: readonly DiagnosticJson[];
  /** Why it was refused where no diagnostic says it; "" otherwise. */
  readonly message: string;
}

export interface VerifyJson {
  readonly ok: boolean;
  readonly records: number;
  readonly from: number;
  readonly to: number;
  readonly checkpoints: number;
  readonly first_bad: { readonly seq: number; readonly kind: string; readonly detail: string } | null;
  /** What a reader should know that is no tampering, for example a change of keys. */
  readonly notes: readonly string[];
}

export interface SecretJson {
  readonly name: string;
  readonly slot: string;
  readonly updated: string;
}

/** Whoever can act: a direct listener, the forward proxy, a device. */
export interface AgentJson {
  readonly device: string;
  readonly profile: string;
  readonly kind: 'listener' | 'proxy' | 'device';
  readonly owner: string;
  /** Of a listener. */
  readonly endpoint: string;
  /** How many are open, and how many requests wait for a person. */
  readonly connections: number;
  readonly waiting: number;
  readonly quarantine: QuarantineJson | null;
}

export interface ConnectionJson {
  readonly session: string;
  readonly device: string;
  readonly profile: string;
  readonly run: string;
  readonly agent_ip: string;
  readonly transport: string;
  readonly endpoint: string;
  readonly opened: string;
  readonly bytes_from_client: number;
  readonly bytes_to_client: number;
}

/** Who may do nothing until it is lifted; `name` is "" for all. */
export interface QuarantineJson {
  readonly kind: 'device' | 'profile' | 'all';
  readonly name: string;
  readonly by: string;
  readonly at: string;
  readonly reason: string;
}

/** The policy in force, rules in evaluation order. Hits are counted from `since` on, over reloads. */
export interface PolicyJson {
  readonly revision: string;
  readonly since: string;
  readonly unmatched: string;
  readonly rules: readonly RuleJson[];
  /** What decides where no rule matches. */
  readonly tiers: readonly TierJson[];
}

export interface TierJson {
  readonly risk: string;
  readonly verdict: 'allow' | 'deny' | 'approve';
  readonly approvers: readonly string[];
  readonly reason: string;
  readonly hits: number;
  readonly last: string | null;
}

export interface RuleJson {
  readonly name: string;
  readonly endpoints: readonly string[];
  readonly family: string;
  /** Null matches everything. */
  readonly condition: string | null;
  readonly verdict: 'allow' | 'deny' | 'approve';
  readonly approvers: readonly string[];
  readonly priority: number;
  readonly credential: string | null;
  readonly reason: string;
  readonly disabled: boolean;
  readonly file: string;
  readonly line: number;
  /** Earlier rules leave nothing to it. */
  readonly shadowed: boolean;
  /** What `clawpatrol lint` says about it. */
  readonly findings: readonly string[];
  readonly hits: number;
  readonly last: string | null;
}

export interface OperatorJson {
  readonly name: string;
  readonly role: 'viewer' | 'approver' | 'admin';
  readonly email: string;
  readonly slack: string;
  /** What they see, and nothing else; null: everything. */
  readonly profiles: readonly string[] | null;
  readonly created: string;
  readonly has_password: boolean;
  /** How many tokens work now. */
  readonly tokens: number;
}

/** A token, told once. */
export interface TokenJson {
  readonly name: string;
  readonly token: string;
  readonly expires: string;
}

export interface CaJson {
  /** SHA-256 of the certificate, colon-separated upper-case hex. */
  readonly fingerprint: string;
  readonly subject: string;
  readonly not_before: string;
  readonly not_after: string;
}

/** What a client of a Kubernetes endpoint needs. Nothing of it is secret. */
export interface KubeconfigJson {
  /** Name of the endpoint. */
  readonly name: string;
  /** URL that kubectl dials. */
  readonly server: string;
  /** URL of the forward proxy that leads there; "" when the endpoint has a listener of its own. */
  readonly proxy_url: string;
  /** PEM of the gateway's own authority. */
  readonly certificate: string;
}

/** Host key of an SSH endpoint. */
export interface KnownHostJson {
  readonly endpoint: string;
  /** As known_hosts has them. */
  readonly names: readonly string[];
  /** `TYPE BASE64`. */
  readonly key: string;
}

export interface ProfileJson {
  readonly name: string;
  readonly description: string;
  readonly credentials: readonly string[];
  readonly endpoints: readonly string[];
  /** Names of the rules on those endpoints, in evaluation order. */
  readonly rules: readonly string[];
  readonly devices: readonly string[];
  readonly context: string | null;
  readonly agent_family: string | null;
}

/** Filters of the audit calls, as on the command line; `since` and `until` are RFC 3339 or a duration back from now (`2h`). */
export interface AuditFilterJson {
  readonly since?: string;
  readonly until?: string;
  readonly device?: string;
  readonly profile?: string;
  readonly endpoint?: string;
  readonly family?: string;
  readonly rule?: string;
  readonly verdict?: string;
  readonly risk?: string;
  readonly by?: string;
  readonly table?: string;
  readonly action?: string;
  readonly text?: string;
  /** Comma-separated event types. */
  readonly types?: string;
}

/** Names of the filters: options of the command line and query fields of the operator API. */
export const AUDIT_FILTERS = [
  'since',
  'until',
  'device',
  'profile',
  'endpoint',
  'family',
  'rule',
  'verdict',
  'risk',
  'by',
  'table',
  'action',
  'text',
  'types',
] as const satisfies readonly (keyof AuditFilterJson)[];

/** A machine that was let in. */
export interface DeviceJson {
  readonly id: string;
  readonly name: string;
  readonly profile: string;
  /** Who let it in; "" for a join token. */
  readonly user: string;
  readonly public_key: string;
  /** Stable id of a node of the tailnet, or "". */
  readonly node: string;
  /** IPv4 and IPv6 in the tunnel. */
  readonly addresses: readonly string[];
  readonly enrolled: string;
  readonly revoked: string | null;
  readonly last_heard: string | null;
  readonly runs: readonly {
    readonly id: string;
    readonly profile: string;
    readonly label: string;
    readonly started: string;
  }[];
}

/** A machine that waits to be let in. Host name and wish are its own words. */
export interface JoinRequestJson {
  readonly code: string;
  readonly hostname: string;
  readonly ip: string;
  readonly public_key: string;
  readonly wish: string;
  readonly asked: string;
  readonly expires: string;
}

export interface DeviceListJson extends ListJson<DeviceJson> {
  readonly waiting: readonly JoinRequestJson[];
}

/** A join token, told once. */
export interface JoinTokenJson {
  readonly id: string;
  readonly token: string;
  readonly profile: string;
  readonly uses: number;
  readonly expires: string;
}
