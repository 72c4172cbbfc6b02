// JSON of what waits for people, and of their words on it, as it travels (control-shapes.ts has the rest and its conventions). Types only.

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
