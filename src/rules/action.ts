// What is judged: the vocabulary that protocols, rules, approvals and audit share. Types and the lists of their words.

export type ActionId = string;
export type SessionId = string;
export const FAMILIES = ['sql', 'http', 'k8s', 'ssh'] as const;
export type Family = (typeof FAMILIES)[number];
export type Risk = 'safe' | 'suspicious' | 'destructive';

/** Tiers in rising order; index in this list is strength. */
export const RISKS: readonly Risk[] = ['safe', 'suspicious', 'destructive'];

/** Who is acting. Comes from the transport (key, listener), never from anything that the client says. */
export interface Agent {
  /** Enrolled device name, or `listener/NAME` for a direct listener. */
  readonly device: string;
  readonly profile: string;
  /** Id of the `clawpatrol run` the flow belongs to, or "". */
  readonly run: string;
  /** Owner of the device, or "". */
  readonly user: string;
  /** Source address, canonical text; IPv4-mapped IPv6 is written as IPv4. */
  readonly ip: string;
  readonly transport: 'direct' | 'wireguard' | 'tailscale' | 'proxy';
}

/** The configured upstream that an action is addressed to. */
export interface Endpoint {
  readonly name: string;
  /** HCL type label, for example `postgres`. */
  readonly type: string;
  /** Typed reference, for example `postgres.pg`. */
  readonly ref: string;
  readonly family: Family;
  /** Upstream host as dialled, canonical. */
  readonly host: string;
}

/** Why a fact could not be determined. */
export type UnknownCause =
  | 'too_large'
  | 'incomplete'
  | 'unparseable'
  | 'undecodable'
  | 'ambiguous'
  | 'dynamic'
  | 'unresolved'
  | 'unavailable';

/** The coarse word that an agent is told about a rule that could not tell. */
export type CannotTellWord = 'truncated' | 'unparseable' | 'evaluation';

/** A fact whose true value is not known. Reading it in a condition is a CEL error that only absorption can hide. */
export class Unknown {
  readonly cause: UnknownCause;

  constructor(cause: UnknownCause) {
    this.cause = cause;
  }
}

/** A record value: CEL map with exactly these keys. A key whose value is Unknown gives an error when read. */
export interface FactRecord {
  readonly [key: string]: FactValue;
}

/**
 * A fact's value in JavaScript: CEL int is `bigint`, CEL double is `number`, timestamp is `Date`, lists are arrays, maps are
 * `Map`, records are plain objects. `dyn` facts hold the plain value that JSON.parse would give.
 */
export type FactValue =
  | string
  | number
  | bigint
  | boolean
  | Date
  | Unknown
  | null
  | readonly FactValue[]
  | ReadonlyMap<string, FactValue>
  | FactRecord;

/** The facts of one unit by full name (`sql.verb`). Values may be computed when first read. */
export interface Facts {
  /** Undefined only for a name that the family's schema does not have. */
  get(name: string): FactValue | undefined;
}

/**
 * One thing that is judged on its own: a top-level statement, a statement nested in another, a member of a batch.
 * `facts` holds the family's facts and `risk`, `risk_causes`; the facts of section 2 of the fact reference (agent.*, endpoint.*,
 * time.*, context.*) are added by whoever evaluates.
 */
export interface Unit {
  readonly facts: Facts;
  readonly risk: Risk;
  /** Codes behind the tier, for example `unbounded_delete`; empty for safe. */
  readonly riskCauses: readonly string[];
  /** The sentence that says why the tier is what it is, for `explain` and people. "" for safe. */
  readonly riskReason: string;
  /** The whole unit could not be read (unparseable, cut): with no rule, even `unmatched = "allow"` denies. */
  readonly unreadable: boolean;
}

/** What the client sent, whole, as it will be forwarded. */
export interface Evidence {
  /** The canonical request as text: SQL text, shell command, HTTP head and body. Bound parameters follow in `parameters`. */
  readonly text: string;
  /** Bound parameter values in text form ("\\x…" for binary ones), or [] where there are none. Null is SQL NULL. */
  readonly parameters: readonly (string | null)[];
  /** Bytes as sent, of the text and parameters together. */
  readonly sizeBytes: number;
  /** False when the request was longer than what was kept; `text` is then a prefix. */
  readonly complete: boolean;
  /** Lower-case hex SHA-256 over the exact bytes that are forwarded. Computed when first asked for. */
  digest(): string;
}

/** One unit of agent work that is judged. */
export interface Action {
  /** UUIDv7; every audit record about it carries this id. */
  readonly id: ActionId;
  readonly session: SessionId;
  readonly agent: Agent;
  readonly endpoint: Endpoint;
  readonly family: Family;
  /** Typed reference of the credential that was dispatched (`postgres_credential.pg`), or null. */
  readonly credential: string | null;
  /** At least one, outer before nested, in the order of the text. */
  readonly units: readonly Unit[];
  /** The highest of the units'. */
  readonly risk: Risk;
  /** One line for a person. */
  readonly summary: string;
  readonly evidence: Evidence;
  /**
   * `prepare`: nothing runs yet (a wire Parse). It can be denied, is never parked, and a fact that is Unknown only because parameters
   * are not bound yet (`dynamic`) postpones the judgement to the execution.
   */
  readonly phase: 'prepare' | 'execute';
  /** Set when the protocol itself refuses, whatever rules say (a setting that changes how text is read): the reason. */
  readonly refused: string | null;
  /**
   * Two actions with the same object here (and the same agent.profile, endpoint and credential) have equal facts in every fact of
   * class `shape`; null when nothing may be remembered. Verdicts are remembered by this identity.
   */
  readonly memo: object | null;
  /** W3C trace id (32 hexadecimal digits) that the request named: the agent's word. Left out or "" where it named none. */
  readonly trace?: string;
}

/** What became of an action that was let through. */
export interface Outcome {
  /** `rolled-back`: it ran, and a later failure in its implicit transaction undid it. */
  readonly kind: 'ok' | 'error' | 'cancelled' | 'rolled-back' | 'unknown' | 'not-run';
  /** Rows returned or affected; null where the notion does not apply. */
  readonly rows: number | null;
  /** Protocol's own word for it: a command tag, an HTTP status, an exit code. */
  readonly status: string;
  /** SQLSTATE or like; "" unless `error`. */
  readonly errorCode: string;
  readonly bytesToClient: number;
  readonly durationMs: number;
}
