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
  readonly subject: 'incident' | 'task' | 'action';
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

export interface VoteJson {
  readonly by: string;
  readonly via: string;
  readonly decision: 'approve' | 'deny' | 'escalate';
  readonly at: string;
  readonly note: string;
  readonly digest: string;
  /** Decided alone, by break-glass: what was missing. Null: an ordinary vote. */
  readonly break_glass: readonly string[] | null;
}

/** Whether the one who asks may decide a waiting request alone. */
export interface BreakGlassJson {
  readonly offered: boolean;
  /** What they would overrule. */
  readonly missing: readonly string[];
  /** Why not; "" when they may. */
  readonly why: string;
}

/** What a reviewer model said. A model's words: show them as such, after the facts. */
export interface ReviewJson {
  readonly approver: string;
  readonly provider: string;
  readonly model: string;
  readonly at: string;
  /** Null: no answer that counts, and `trouble` says why. */
  readonly answer: 'allow' | 'deny' | 'escalate' | null;
  /** 0 to 100, or null. */
  readonly risk: number | null;
  readonly reasons: readonly {
    readonly quote: string;
    readonly why: string;
    /** False: the quote is not in what the model was shown. */
    readonly found: boolean;
  }[];
  /** `timeout`, `refused`, `malformed`, `budget` …; null with an answer. */
  readonly trouble: string | null;
  readonly detail: string;
  readonly prompt_version: string;
  readonly prompt_digest: string;
  readonly input_tokens: number;
  readonly output_tokens: number;
  /** Dollars, or null. */
  readonly cost: number | null;
  readonly latency_ms: number;
  readonly cached: boolean;
}

/** A lease: what is like an approved request may pass without asking. */
export interface GrantJson {
  readonly id: string;
  readonly state: 'active' | 'used-up' | 'expired' | 'revoked' | 'ended';
  readonly scope: 'exact' | 'shape';
  /** What it covers, for people. */
  readonly sentence: string;
  readonly approver: string;
  readonly device: string;
  readonly profile: string;
  readonly endpoint: string;
  readonly family: string;
  readonly credential: string | null;
  readonly risk: string;
  readonly by: readonly string[];
  /** Id of the approval that it came of. */
  readonly approval: string;
  readonly created: string;
  readonly expires: string;
  readonly uses: number;
  readonly max_uses: number;
  readonly ended_at: string | null;
  /** Who ended it and why; "" while it is active. */
  readonly ended: string;
}

/** What a grant of a waiting approval would be, before it is given. */
export interface GrantPreviewJson {
  readonly scope: 'exact' | 'shape';
  /** Null when no grant can be given, and `objection` says why. */
  readonly sentence: string | null;
  readonly objection: string | null;
  readonly max_duration_s: number;
  readonly max_uses: number;
  /** Of the actions of the last week, how many it would have covered; `truncated`: only the newest were looked at. */
  readonly last_week: {
    readonly covered: number;
    readonly looked_at: number;
    readonly truncated: boolean;
    /** Summaries of the newest few. */
    readonly samples: readonly { readonly at: string; readonly action_id: string; readonly summary: string }[];
  };
}

/** How one person decides. */
export interface ApproverJson {
  readonly name: string;
  readonly decided: number;
  readonly approved: number;
  /** Of the last decisions, 20 at most. */
  readonly last_decided: number;
  readonly last_approved: number;
  readonly median_s: number;
  readonly last: string | null;
  /** Approves nearly everything unread. */
  readonly tired: boolean;
}

/** What a reviewer model was used for, since the gateway started. */
export interface ReviewerJson {
  readonly approver: string;
  readonly provider: string;
  readonly model: string;
  readonly reviews: number;
  readonly allowed: number;
  readonly denied: number;
  readonly escalated: number;
  readonly failed: number;
  readonly cached: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cost: number | null;
  readonly hour_tokens: number;
  readonly hourly_tokens: number;
  readonly last_trouble: string;
}

export interface EffectJson {
  readonly lines: readonly string[];
  readonly data: Readonly<Record<string, unknown>>;
}

export interface ApprovalJson {
  readonly id: string;
  readonly action_id: string;
  readonly session: string;
  readonly state: 'pending' | 'approved' | 'denied' | 'expired' | 'cancelled';
  readonly created: string;
  readonly expires: string;
  readonly decided: string | null;
  readonly risk: string;
  readonly risk_causes: readonly string[];
  readonly endpoint: string;
  readonly family: string;
  readonly profile: string;
  readonly device: string;
  readonly run: string;
  readonly agent_ip: string;
  readonly rule: string;
  /** Told to the agent and the approver. */
  readonly reason: string;
  /** All approvers in order; `approver` is the one asked now, at index `stage`. */
  readonly approvers: readonly string[];
  readonly stage: number;
  readonly approver: string;
  /** Distinct people that the stage needs. */
  readonly required: number;
  readonly summary: string;
  readonly votes: readonly VoteJson[];
  readonly request: {
    readonly digest: string;
    readonly bytes: number;
    readonly complete: boolean;
    readonly text: string;
    readonly parameters: readonly (string | null)[];
    /** There only in a list, where a long `text` was cut and `parameters` and `facts` were left out: `show` has them. */
    readonly listed_whole?: false;
  };
  /** Facts nested by variable. */
  readonly facts: unknown;
  /** Newest assessment of a reviewer model; null while there is none. */
  readonly reviewer: ReviewJson | null;
  /** All of them, in order. */
  readonly reviews: readonly ReviewJson[];
  /** Fields of the incident, or null. */
  readonly context: Readonly<Record<string, string>> | null;
  /** The agent's own words, or null. */
  readonly intent: string | null;
  /** What else it said of its work, or null: nobody has checked it. */
  readonly claim: ClaimJson | null;
  readonly effect: EffectJson | null;
  /** The grant that answered in a person's place. */
  readonly grant_id: string | null;
  /** Grants that came of it. */
  readonly grants_made: readonly string[];
  /** When those who are asked now were asked. */
  readonly asked: string;
  /** Equal requests that wait, this one included: a vote with `together` answers as many as were shown. */
  readonly alike: number;
  /** Why it ended, "" while it waits. */
  readonly ended: string;
  /** It holds locks while it waits. */
  readonly in_transaction: boolean;
}

/** Each is left out where nothing was said. */
export interface ClaimJson {
  readonly incident?: string;
  readonly task?: string;
  /** Id of the action that led to this work. */
  readonly parent?: string;
  /** W3C trace id. */
  readonly trace?: string;
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
