// The checked configuration: defaults filled in, references resolved to typed form, durations in milliseconds, sizes in bytes.
// Produced only by config/load.ts; everything behind it trusts these types. Nothing here holds a secret's value.
import type { Family, Risk } from '../rules/action.ts';
import type { Span } from './diagnostic.ts';

/** `TYPE.NAME`, for example `postgres.pg`; for one-label kinds `profile.default`; `builtin.dashboard`. */
export type Ref = string;

export interface Config {
  readonly schemaVersion: 0 | 1;
  /** SHA-256 (hex) over every file read, file markers included. */
  readonly revision: string;
  /** Every file read (configuration, includes, file markers), absolute, in reading order: what a reload watches. */
  readonly files: readonly string[];
  readonly gateway: GatewayConfig;
  readonly defaults: DefaultsConfig;
  /** Tier policy; a tier without a block has its built-in meaning filled in (`at` null). */
  readonly risks: Readonly<Record<Risk, RiskConfig>>;
  readonly profiles: readonly ProfileConfig[];
  readonly endpoints: readonly EndpointConfig[];
  readonly credentials: readonly CredentialConfig[];
  /** In declaration order, disabled ones included. */
  readonly rules: readonly RuleConfig[];
  readonly approvers: readonly ApproverConfig[];
  readonly tunnels: readonly NamedBlock[];
  readonly notifiers: readonly NamedBlock[];
  readonly contexts: readonly NamedBlock[];
  readonly grant: GrantLimits;
  /** Places of written attributes by `REF#ATTRIBUTE` (`postgres.pg#sslmode`, `gateway.audit#retention`), for findings. */
  readonly places?: ReadonlyMap<string, Span>;
}

/** A plain attribute value after conversion: seconds, durations and sizes are numbers; references are Ref strings. */
export type AttributeValue =
  | string
  | number
  | boolean
  | null
  | readonly AttributeValue[]
  | { readonly [key: string]: AttributeValue };

/** A block of which nothing but its checked attributes is used yet. Defaults are filled in. */
export interface NamedBlock {
  readonly type: string;
  readonly name: string;
  readonly ref: Ref;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly at: Span;
}

/** host:port of an address attribute, a Unix socket, or null for `off`. Port 0 = any free port. */
export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** `gateway { proxy { … } }`: whoever reaches it acts under one profile. */
export interface ProxyConfig {
  readonly listen: { readonly host: string; readonly port: number };
  readonly profile: string;
  /** CIDRs of sources that may use it. */
  readonly listenAllow: readonly string[];
}

export interface GatewayConfig {
  readonly dashboardListen: ListenAddress | null;
  /** The dashboard speaks TLS by itself. */
  readonly dashboardTls: boolean;
  /** null = `unix:STATE_DIR/control.sock`. */
  readonly controlListen: ListenAddress | null;
  readonly enrollListen: ListenAddress | null;
  readonly metricsListen: ListenAddress | null;
  /** The forward proxy, or null without one. */
  readonly proxy: ProxyConfig | null;
  readonly publicUrl: string | null;
  /** As written, or null: `$STATE_DIRECTORY`, else `$HOME/.clawpatrol` (decided by the daemon, not at load). */
  readonly stateDir: string | null;
  readonly dashboardSessionTtlMs: number;
  readonly resolver: string | null;
  readonly logPath: string | null;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error';
  readonly timezone: string;
  /** Milliseconds; 0 = keep for ever. */
  readonly sessionKeepMs: number;
  readonly actionsKeepMs: number;
  readonly limits: {
    readonly bodyBufferBytes: number;
    readonly bodyStorageBytes: number;
    readonly headerBytes: number;
    readonly parked: number;
    readonly parkedPerDevice: number;
    readonly connections: number;
    readonly connectionsPerDevice: number;
  };
  /** SQLite file, relative to the state directory unless absolute. */
  readonly storePath: string;
  readonly audit: {
    readonly durability: 'standard' | 'strict';
    readonly retentionMs: number;
    readonly segmentMs: number;
    /** null = STATE_DIR/archive. */
    readonly archiveDir: string | null;
    readonly redact: readonly string[];
    readonly checkpoint: {
      readonly everyMs: number;
      readonly records: number;
      /** The secret string as written (`{{secret:…}}`), or null: generated at first start. */
      readonly key: string | null;
      readonly publish: string | null;
    };
  };
  readonly vipSubnets: readonly string[];
  /** Checked attributes of the transports; null = block absent. */
  readonly wireguard: Readonly<Record<string, AttributeValue>> | null;
  readonly tailscale: Readonly<Record<string, AttributeValue>> | null;
}

export interface DefaultsConfig {
  readonly unmatched: 'risk' | 'allow' | 'deny';
  readonly unknownHost: 'deny' | 'passthrough';
  readonly unknownPrivate: 'deny' | 'passthrough';
  readonly llmFailMode: 'closed' | 'open';
  readonly llmCacheTtlMs: number;
  readonly humanTimeoutMs: number;
  readonly humanOnTimeout: 'deny' | 'escalate';
}

export interface RiskConfig {
  readonly risk: Risk;
  readonly outcome: RuleOutcome;
  readonly reason: string;
  readonly at: Span | null;
}

export type RuleOutcome =
  | { readonly kind: 'allow' }
  | { readonly kind: 'deny' }
  | { readonly kind: 'approve'; readonly approvers: readonly Ref[] };

/** CEL source with a way back to where each of its characters was typed (through quotes, escapes and heredoc indentation). */
export interface SourceText {
  readonly text: string;
  /** Place of the UTF-16 offset `offset` of `text` in the file. */
  locate(offset: number): Span;
}

export interface RuleConfig {
  readonly name: string;
  readonly endpoints: readonly Ref[];
  readonly family: Family;
  /** null = matches everything. */
  readonly condition: SourceText | null;
  readonly outcome: RuleOutcome;
  readonly priority: number;
  readonly credential: Ref | null;
  readonly reason: string;
  readonly disabled: boolean;
  /** Position in declaration order over the whole set, from 0. */
  readonly order: number;
  readonly at: Span;
}

/** A configured host. `port` is filled from the type's default. */
export interface HostPattern {
  /** Canonical host, `*.suffix` for a wildcard. */
  readonly host: string;
  readonly port: number;
  readonly wildcard: boolean;
}

export interface EndpointConfig {
  readonly type: string;
  readonly name: string;
  readonly ref: Ref;
  readonly family: Family;
  readonly hosts: readonly HostPattern[];
  readonly description: string;
  readonly tunnel: Ref | null;
  /** null = the audit's. */
  readonly retentionMs: number | null;
  readonly listen: { readonly host: string; readonly port: number } | null;
  /** Profile under which the direct listener acts; set whenever `listen` is. */
  readonly profile: string | null;
  /** CIDRs of sources that may use the direct listener. */
  readonly listenAllow: readonly string[];
  readonly listenTls: 'auto' | 'required' | 'off';
  readonly unmatched: 'risk' | 'allow' | 'deny';
  /** PEM of the upstream CA (file markers replaced), or null = system roots. */
  readonly caCert: string | null;
  /** The type's own attributes, snake_case as in the file, defaults filled in (`sslmode`, `read_only`, `trusted_functions` …). */
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly at: Span;
}

export interface CredentialConfig {
  readonly type: string;
  readonly name: string;
  readonly ref: Ref;
  readonly endpoints: readonly Ref[];
  readonly description: string;
  readonly placeholder: string | null;
  /** Explicit sources by slot ("" = the unnamed one). A slot that is absent here follows the default chain (config reference 2.6). */
  readonly secrets: Readonly<Record<string, SecretSource>>;
  /** Slots of the type: name and whether one must exist. */
  readonly slots: readonly { readonly name: string; readonly required: boolean }[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly at: Span;
}

export type SecretSource =
  | { readonly kind: 'env'; readonly variable: string }
  | { readonly kind: 'file'; readonly path: string }
  | {
      readonly kind: 'command';
      readonly argv: readonly string[];
      readonly passEnv: readonly string[];
      readonly timeoutMs: number;
      readonly ttlMs: number;
    }
  | { readonly kind: 'store'; readonly name: string };

export interface ProfileConfig {
  readonly name: string;
  readonly description: string;
  readonly credentials: readonly ProfileCredential[];
  readonly context: Ref | null;
  readonly agentFamily: string | null;
  /** Nodes of the tailnet that have it: `tag:NAME`, `user@domain`, `*@domain`, `node:STABLE_ID`. */
  readonly tailscale: readonly string[];
  readonly at: Span;
}

export interface ProfileCredential {
  readonly credential: Ref;
  /** Disambiguators that must equal the request's (`user`, `database`, `placeholder`), the entry's overriding the credential's. */
  readonly constraints: Readonly<Record<string, string>>;
}

export type ApproverConfig = HumanApproverConfig | LlmApproverConfig;

export interface HumanApproverConfig {
  readonly type: 'human_approver';
  readonly name: string;
  readonly ref: Ref;
  readonly timeoutMs: number;
  readonly onTimeout: 'deny' | 'escalate';
  readonly escalateTo: Ref | null;
  /** Distinct people. */
  readonly requireApprovers: number;
  /** Operator accounts, `user@domain`, `*@domain`, `slack:ID`, `local`; [] = any operator. */
  readonly approvers: readonly string[];
  readonly separationOfDuties: boolean;
  /** Who may decide alone in an emergency, written as in `approvers`; [] = nobody. */
  readonly breakGlass: readonly string[];
  readonly notifiers: readonly Ref[];
  readonly message: string | null;
  /** Time between reminders; 0 = none; null = half the timeout. */
  readonly remindMs: number | null;
  readonly onFatigue: 'warn' | 'second_approver';
  readonly fatigueMs: number;
  readonly grant: GrantLimits | null;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly at: Span;
}

export interface LlmApproverConfig {
  readonly type: 'llm_approver';
  readonly name: string;
  readonly ref: Ref;
  readonly onError: 'deny' | 'escalate';
  readonly escalateTo: Ref | null;
  readonly timeoutMs: number;
  readonly provider: 'anthropic' | 'openai' | 'google' | 'openai_compatible';
  readonly model: string;
  /** null = the provider's. */
  readonly baseUrl: string | null;
  readonly credential: Ref | null;
  /** null = the built-in one. */
  readonly policy: string | null;
  /** 0 = nothing is remembered. */
  readonly cacheTtlMs: number;
  /** Tokens, in and out, that it may use in an hour. */
  readonly hourlyTokens: number;
  /** Dollars for a million tokens; null = not told. */
  readonly price: { readonly input: number; readonly output: number } | null;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly at: Span;
}

export interface GrantLimits {
  /** False = no `grant` block: every approval is for one action, once. */
  readonly enabled: boolean;
  readonly maxDurationMs: number;
  readonly maxUses: number;
  readonly scopes: readonly ('exact' | 'shape')[];
  readonly maxRisk: 'suspicious' | 'destructive';
}
