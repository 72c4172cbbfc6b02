// Fakes around the gate: a log that can be full or broken, an approvals queue that answers when told, a policy made of a function.
import { createHash } from 'node:crypto';
import { createClaims } from '../../src/approvals/claims.ts';
import type { Claims } from '../../src/approvals/claims.ts';
import type { Approval, ApprovalResult } from '../../src/approvals/approval.ts';
import type { AuditEvent } from '../../src/audit/event.ts';
import type { AuditLog, AuditTicket } from '../../src/audit/log.ts';
import type { Config, EndpointConfig } from '../../src/config/config.ts';
import { createGate } from '../../src/gateway/judging/gate.ts';
import type { GateParts, GatewayGate } from '../../src/gateway/judging/gate.ts';
import { createLive } from '../../src/gateway/live.ts';
import type { Live } from '../../src/gateway/live.ts';
import { NO_DECIDERS } from '../../src/gateway/decider-metrics.ts';
import { createMetrics } from '../../src/gateway/metrics.ts';
import type { Approvals } from '../../src/gateway/judging/parking.ts';
import type { Quarantine } from '../../src/gateway/judging/quarantine.ts';
import { createRuleHits } from '../../src/gateway/judging/rule-hits.ts';
import type { RuleHits } from '../../src/gateway/judging/rule-hits.ts';
import { createRecorder } from '../../src/gateway/judging/recorder.ts';
import type { Waiting } from '../../src/protocols/protocol.ts';
import type { Action, Agent, Unit } from '../../src/rules/action.ts';
import type { Decision } from '../../src/rules/decision.ts';
import { factSchemas } from '../../src/rules/schemas.ts';
import { FakeClock } from './fake-clock.ts';

/** One thing that happened, in order: what the log and the queue saw. */
export type Step = string;

/** A log in memory. `broken` refuses everything, `full` refuses only what is not durable. */
export class FakeAudit implements AuditLog {
  readonly events: AuditEvent[] = [];
  readonly outcomes = new Map<string, Readonly<Record<string, unknown>>[]>();
  readonly steps: Step[] = [];
  full = false;
  broken = false;
  /** Durable writes wait for `reachDisk` while this is set. */
  slow = false;
  #writing: (() => void)[] = [];
  #waiting: (() => void)[] = [];

  get stalled(): boolean {
    return this.full || this.broken;
  }

  append(event: AuditEvent): AuditTicket | null {
    return this.stalled ? null : this.#take(event);
  }

  appendLater(_chars: number, make: () => AuditEvent): AuditTicket | null {
    return this.stalled ? null : this.#take(make());
  }

  #take(event: AuditEvent): AuditTicket {
    this.steps.push(`append ${event.type} ${event.verdict}`);
    this.events.push(event);
    return this.#ticket(event);
  }

  async appendDurable(event: AuditEvent): Promise<AuditTicket> {
    if (this.broken) {
      throw new Error('disk full');
    }
    this.steps.push(`durable ${event.type} ${event.verdict}`);
    if (this.slow) {
      await new Promise<void>((resolve) => this.#writing.push(resolve));
    }
    this.steps.push(`on disk ${event.type} ${event.verdict}`);
    this.events.push(event);
    return this.#ticket(event);
  }

  writable(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(resolve);
      signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
    });
  }

  reachDisk(): void {
    this.#writing.splice(0).forEach((resolve) => resolve());
  }

  /** The store takes records again. */
  recover(): void {
    this.full = false;
    this.broken = false;
    this.#waiting.splice(0).forEach((resolve) => resolve());
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
  search(): Promise<never> {
    return Promise.reject(new Error('not in this fake'));
  }
  show(): Promise<never> {
    return Promise.reject(new Error('not in this fake'));
  }
  get(): Promise<never> {
    return Promise.reject(new Error('not in this fake'));
  }
  follow(): () => void {
    return () => {};
  }
  metrics() {
    const records = this.events.length;
    return { records, headSeq: records, headHash: '', lastWriteMs: 0, queued: 0, stalled: this.stalled };
  }

  #ticket(event: AuditEvent): AuditTicket {
    return {
      settle: (outcome) => {
        const id = event.actionId ?? '';
        this.outcomes.set(id, [...(this.outcomes.get(id) ?? []), outcome]);
      },
    };
  }
}

/** A queue that answers when the test says so. */
export class FakeApprovals implements Approvals {
  readonly asked: { readonly action: Action; readonly decision: Decision; readonly waiting: Waiting }[] = [];
  #answer: ((result: ApprovalResult) => void) | null = null;
  readonly #audit: FakeAudit;

  constructor(audit: FakeAudit) {
    this.#audit = audit;
  }

  ask(action: Action, decision: Decision, waiting: Waiting): Promise<ApprovalResult> {
    this.#audit.steps.push('ask');
    this.asked.push({ action, decision, waiting });
    return new Promise((resolve) => {
      this.#answer = resolve;
      waiting.signal.addEventListener(
        'abort',
        () => resolve({ kind: 'cancelled', approval: approvalOf(action), why: String(waiting.signal.reason) }),
        { once: true },
      );
    });
  }

  answer(kind: 'approved' | 'denied' | 'expired', note: string = ''): void {
    const last = this.asked.at(-1);
    if (last === undefined || this.#answer === null) {
      throw new Error('nothing was asked');
    }
    const decision = kind === 'approved' ? ('approve' as const) : ('deny' as const);
    const votes = kind === 'expired' ? [] : [{ by: 'local', via: 'cli' as const, decision, atMs: 0, note, digest: '' }];
    const approval = { ...approvalOf(last.action), votes };
    this.#answer(kind === 'denied' ? { kind, approval, note } : { kind, approval });
  }

  refuse(why: string): void {
    this.#answer?.({ kind: 'refused', why });
  }
}

function approvalOf(action: Action): Approval {
  return {
    id: 'approval-1',
    actionId: action.id,
    session: action.session,
    state: 'pending',
    createdMs: 0,
    expiresMs: 0,
    decidedMs: null,
    agent: action.agent,
    endpoint: action.endpoint.ref,
    family: action.family,
    risk: action.risk,
    riskCauses: [],
    rule: '',
    reason: '',
    approvers: [],
    stage: 0,
    required: 1,
    votes: [],
    reviews: [],
    askedMs: 0,
    alike: 1,
    summary: '',
    request: { digest: '', sizeBytes: 0, complete: true, text: '', parameters: [] },
    factsJson: '',
    alert: null,
    words: '',
    effect: null,
    grantId: null,
    grantsMade: [],
    ended: '',
    inTransaction: false,
  };
}

export const AGENT: Agent = {
  device: 'listener/pg',
  profile: 'default',
  run: '',
  user: '',
  ip: '127.0.0.1',
  transport: 'direct',
};

let actions = 0;

/** An action with one unit; everything can be overridden. */
export function makeAction(
  text: string,
  parts: Partial<Action> & { readonly facts?: Readonly<Record<string, string>> } = {},
): Action {
  actions += 1;
  const { facts = {}, ...rest } = parts;
  const risk = parts.risk ?? 'safe';
  const unit: Unit = {
    facts: { get: (name) => facts[name] },
    risk,
    riskCauses: risk === 'safe' ? [] : ['unbounded_delete'],
    riskReason: '',
    unreadable: false,
  };
  return {
    id: `action-${actions}`,
    session: 'session-1',
    agent: AGENT,
    endpoint: { name: 'pg', type: 'postgres', ref: 'postgres.pg', family: 'sql', host: 'db' },
    family: 'sql',
    credential: null,
    units: [unit],
    risk,
    summary: text,
    evidence: {
      text,
      parameters: [],
      sizeBytes: Buffer.byteLength(text),
      complete: true,
      digest: () => createHash('sha256').update(text).digest('hex'),
    },
    phase: 'execute',
    refused: null,
    memo: null,
    ...rest,
  };
}

export const ALLOWED: Decision = {
  kind: 'allow',
  by: 'risk',
  rule: '',
  reason: '',
  cannotTell: null,
  approvers: [],
  unit: 0,
  holds: 'shape',
};
export const DENIED: Decision = {
  ...ALLOWED,
  kind: 'deny',
  by: 'rule',
  rule: 'no-drops',
  reason: 'schema changes need a migration',
};
export const ASKED: Decision = {
  ...ALLOWED,
  kind: 'approve',
  by: 'risk',
  reason: 'destructive',
  approvers: ['builtin.dashboard'],
};

/** What is in force, with rules that are one function. Counts how often it is asked. */
export function makeLive(
  decide: (action: Action) => Decision,
  parts: { readonly config?: Partial<Config>; readonly revision?: string } = {},
): Live & { readonly asked: () => number } {
  let asked = 0;
  const ruleSet = {
    decide: (action: Action): Decision => {
      asked += 1;
      return decide(action);
    },
    explain: (action: Action) => ({ decision: decide(action), trace: [] }),
    reads: () => true,
    names: () => true,
  };
  const live = createLive(makeConfig(parts.config ?? {}), {
    revision: parts.revision ?? 'r1',
    ruleSet: () => ruleSet,
  });
  return { ...live, asked: () => asked };
}

const NOWHERE = { file: 'gateway.hcl', line: 1, column: 1, endLine: 1, endColumn: 1 };

export const ENDPOINT: EndpointConfig = {
  type: 'postgres',
  name: 'pg',
  ref: 'postgres.pg',
  family: 'sql',
  hosts: [{ host: '127.0.0.1', port: 5432, wildcard: false }],
  description: '',
  tunnel: null,
  retentionMs: null,
  listen: { host: '127.0.0.1', port: 0 },
  profile: 'default',
  listenAllow: ['127.0.0.0/8', '::1/128'],
  listenTls: 'auto',
  unmatched: 'risk',
  caCert: null,
  attributes: { sslmode: 'disable' },
  at: NOWHERE,
};

/** A checked configuration with one Postgres endpoint, one credential and one profile. */
export function makeConfig(parts: Partial<Config> = {}): Config {
  const tier = (risk: 'safe' | 'suspicious' | 'destructive') => ({
    risk,
    outcome: { kind: 'allow' as const },
    reason: '',
    at: null,
  });
  return {
    schemaVersion: 1,
    revision: 'r1',
    files: [],
    gateway: {
      dashboardListen: null,
      dashboardTls: false,
      controlListen: null,
      enrollListen: null,
      metricsListen: null,
      proxy: null,
      publicUrl: null,
      stateDir: null,
      dashboardSessionTtlMs: 86_400_000,
      resolver: null,
      logPath: null,
      logLevel: 'info',
      timezone: 'UTC',
      sessionKeepMs: 0,
      actionsKeepMs: 0,
      limits: {
        bodyBufferBytes: 1_048_576,
        bodyStorageBytes: 64,
        headerBytes: 65_536,
        parked: 1000,
        parkedPerDevice: 50,
        connections: 20_000,
        connectionsPerDevice: 2_000,
      },
      storePath: 'clawpatrol.db',
      audit: {
        durability: 'standard',
        retentionMs: 0,
        segmentMs: 86_400_000,
        archiveDir: null,
        redact: [],
        checkpoint: { everyMs: 60_000, records: 1000, key: null, publish: null },
      },
      vipSubnets: [],
      wireguard: null,
      tailscale: null,
    },
    defaults: {
      unmatched: 'risk',
      unknownHost: 'deny',
      unknownPrivate: 'deny',
      llmFailMode: 'closed',
      llmCacheTtlMs: 0,
      humanTimeoutMs: 600_000,
      humanOnTimeout: 'deny',
    },
    risks: { safe: tier('safe'), suspicious: tier('suspicious'), destructive: tier('destructive') },
    profiles: [
      {
        name: 'default',
        description: '',
        credentials: [{ credential: 'postgres_credential.pg', constraints: {} }],
        context: null,
        agentFamily: null,
        tailscale: [],
        at: NOWHERE,
      },
    ],
    endpoints: [ENDPOINT],
    credentials: [
      {
        type: 'postgres_credential',
        name: 'pg',
        ref: 'postgres_credential.pg',
        endpoints: ['postgres.pg'],
        description: '',
        placeholder: null,
        secrets: {},
        slots: [{ name: '', required: true }],
        attributes: { user: 'agent' },
        at: NOWHERE,
      },
    ],
    rules: [],
    approvers: [],
    tunnels: [],
    notifiers: [],
    contexts: [],
    grant: { enabled: false, maxDurationMs: 0, maxUses: 0, scopes: [], maxRisk: 'suspicious' },
    ...parts,
  };
}

export interface GateHarness {
  readonly gate: GatewayGate;
  readonly claims: Claims;
  readonly audit: FakeAudit;
  readonly approvals: FakeApprovals;
  readonly clock: FakeClock;
  readonly faults: unknown[];
  readonly hits: RuleHits;
  /** Holds that device, and no other. */
  quarantine(device: string): void;
  /** That device is one no more. */
  revoke(device: string): void;
  /** Swaps what is in force, as a reload does. */
  swap(live: Live): void;
  /** The same, in the moment before waiting questions are looked at. */
  replace(live: Live): void;
}

/** A gate over fakes. */
export function makeGate(first: Live, parts: Pick<GateParts, 'contextSettled' | 'objectionTo'> = {}): GateHarness {
  const clock = new FakeClock();
  const audit = new FakeAudit();
  const approvals = new FakeApprovals(audit);
  const faults: unknown[] = [];
  const hits = createRuleHits(clock);
  const gone = new Set<string>();
  const held: { find: Quarantine['find'] } = { find: () => null };
  const claims = createClaims({ clock, audit });
  let live = first;
  const gate = createGate({
    quarantine: { find: (agent) => held.find(agent) },
    departed: ({ device }) => gone.has(device),
    hits,
    clock,
    audit,
    approvals,
    recorder: createRecorder({ audit, clock }),
    metrics: createMetrics({
      audit: () => audit.metrics(),
      parked: () => 0,
      revision: () => live.config.revision,
      deciders: () => NO_DECIDERS,
      tunnels: () => [],
    }),
    schemas: factSchemas,
    live: () => live,
    claims,
    factsToJson: (units, _, { shapeOnly = false } = {}) =>
      JSON.stringify({ units: units.length, ...(shapeOnly ? { shape: true } : {}) }),
    onFault: (error) => faults.push(error),
    ...parts,
  });
  return {
    gate,
    claims,
    audit,
    approvals,
    clock,
    faults,
    hits,
    quarantine(device) {
      held.find = (agent) =>
        agent.device === device ? { kind: 'device', name: device, by: 'alice', atMs: 0, reason: '' } : null;
      gate.policyChanged();
    },
    revoke(device) {
      gone.add(device);
      gate.policyChanged();
    },
    replace(next) {
      live = next;
    },
    swap(next) {
      live = next;
      gate.policyChanged();
    },
  };
}

/** How a test waits: with a client that can go away. */
export function makeWaiting(detached: boolean = false): Waiting & { readonly abort: AbortController } {
  const abort = new AbortController();
  return { abort, signal: abort.signal, parked: () => {}, detached: () => detached };
}

/** Lets promises that are ready run. */
export function settleMicrotasks(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
