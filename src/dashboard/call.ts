// What a call of the operator API is: what it is given of the gateway, what it answers, and who may make it. The calls themselves are in
// routes.ts and the files beside it.
import type { Fatigue } from '../approvals/fatigue.ts';
import type { GrantBook } from '../approvals/grants.ts';
import type { Approvals } from '../approvals/queue.ts';
import type { Reviewer } from '../approvals/reviewer.ts';
import type { Principal } from '../approvals/stages.ts';
import { createEvent } from '../audit/event.ts';
import type { AuditEvent } from '../audit/event.ts';
import type { SqliteAuditLog } from '../audit/sqlite.ts';
import type { KnownHostJson, StatusJson } from '../client/control-shapes.ts';
import type { Config } from '../config/config.ts';
import type { Diagnostic } from '../config/diagnostic.ts';
import type { SecretStore } from '../credentials/store.ts';
import type { Clock } from '../lib/clock.ts';
import type { Devices } from '../devices/devices.ts';
import type { Fields } from './input.ts';
import type { Connections } from '../gateway/arriving/connections.ts';
import type { Incidents } from '../gateway/channels/incidents.ts';
import type { Quarantine } from '../gateway/judging/quarantine.ts';
import type { RuleHits } from '../gateway/judging/rule-hits.ts';
import type { Counted, Operators } from './operators.ts';
import type { Role } from './roles.ts';
import type { CaInfo } from './shapes.ts';

/** The log, with what only operators ask of it. */
export type OperatorAudit = Pick<
  SqliteAuditLog,
  | 'append'
  | 'appendDurable'
  | 'search'
  | 'show'
  | 'get'
  | 'follow'
  | 'listApprovals'
  | 'listGrants'
  | 'getApproval'
  | 'getGrant'
  | 'verify'
  | 'export'
>;

/** What operators do with devices. */
export interface OperatorDevices extends Pick<Devices, 'tunnel'> {
  readonly registry: Pick<Devices['registry'], 'list' | 'find' | 'change' | 'revoke'>;
  readonly runs: Pick<Devices['runs'], 'list' | 'end'>;
  readonly tokens: Pick<Devices['tokens'], 'create' | 'withdrawOf'>;
  readonly enrolment: Pick<Devices['enrolment'], 'waiting' | 'approve' | 'deny'>;
}

/** What operators do with accounts. */
export type OperatorAccounts = Omit<Operators, 'findByToken' | 'onChange'>;

/** What the operator API needs of the gateway. */
export interface OperatorParts {
  readonly clock: Clock;
  readonly config: () => Config;
  readonly approvals: Pick<Approvals, 'pending' | 'find' | 'effectReady' | 'asked' | 'offerBreakGlass' | 'vote'>;
  readonly reviewer: { usage(): ReturnType<Reviewer['usage']> | Promise<ReturnType<Reviewer['usage']>> };
  readonly fatigue: { list(): ReturnType<Fatigue['list']> | Promise<ReturnType<Fatigue['list']>> };
  readonly grants: Pick<GrantBook, 'active' | 'describe' | 'keyOf' | 'findObjection' | 'revoke'>;
  readonly incidents: Pick<Incidents, 'list' | 'receive'>;
  readonly audit: OperatorAudit;
  readonly secrets: Pick<SecretStore, 'list' | 'set' | 'remove'>;
  readonly operators: OperatorAccounts;
  readonly quarantine: Pick<Quarantine, 'list' | 'find' | 'set' | 'lift'>;
  readonly hits: Pick<RuleHits, 'sinceMs' | 'ofRule' | 'ofTier'>;
  readonly connections: Pick<Connections, 'list'>;
  readonly ca: () => CaInfo;
  /** Host keys of SSH endpoints, made where there were none. */
  readonly knownHosts: () => readonly KnownHostJson[];
  /** Null without a tunnel for them. */
  readonly devices: OperatorDevices | null;
  readonly status: () => StatusJson | Promise<StatusJson>;
  /** Resolves when the new configuration is in force or refused. */
  readonly reload: () => Promise<{
    readonly ok: boolean;
    /** The one in force now. */
    readonly revision: string;
    readonly diagnostics: readonly Diagnostic[];
    /** Why it was refused where no diagnostic says it. */
    readonly message: string;
  }>;
  /** For the process log. */
  readonly warn: (message: string, error: unknown) => void;
}

/** One call, authenticated. */
export interface Call {
  /** As the operator's scope shows them. */
  readonly parts: OperatorParts;
  readonly operator: Counted;
  readonly role: Role;
  readonly params: Fields;
  readonly query: unknown;
  readonly body: unknown;
  /** Aborts when the caller goes away or the API closes. */
  readonly signal: AbortSignal;
}

export type Answer =
  | { readonly kind: 'json'; readonly body: object }
  | { readonly kind: 'text'; readonly type: string; readonly text: string }
  | {
      readonly kind: 'stream';
      readonly type: string;
      /** File that a browser keeps it in; left out: it is shown or read. */
      readonly name?: string;
      readonly pieces: AsyncIterable<string | Uint8Array>;
    };

export interface Route {
  /** Name of the call in the log. */
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Parameters are written `:id`. */
  readonly path: string;
  /** `acts`: changes something, so it is recorded before it does, and refused when it cannot be. Never a GET. */
  readonly kind: 'reads' | 'acts';
  /** Least role that may call it. */
  readonly role: Role;
  /**
   * What a scope makes of it. `scoped`: it works on the parts that the scope shows. `unscoped`: it is about the whole gateway, and takes an
   * operator who sees everything. `global`: it tells the same to everybody, and nothing of any profile.
   */
  readonly sight: 'scoped' | 'unscoped' | 'global';
  /** Keys of body and path that the record of an acting call repeats. Never a secret's value. */
  readonly recorded?: readonly string[];
  answer(call: Call): Promise<Answer>;
}

/** An event about an operator and nothing else. */
export function operatorEvent(
  type: 'operator.acted' | 'secret.changed' | 'audit.exported' | 'connection.refused',
  operator: Pick<Principal, 'name'>,
  {
    atMs,
    data,
    reason = '',
  }: { readonly atMs: number; readonly data: Readonly<Record<string, unknown>>; readonly reason?: string },
): AuditEvent {
  return createEvent(type, atMs, { by: operator.name, reason, data });
}
