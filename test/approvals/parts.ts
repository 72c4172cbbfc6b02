// Parts for tests of approvals: an action, approvers, and a log that keeps what it is given.
import { createHash } from 'node:crypto';
import type { Action, Agent, FactValue, Unit } from '../../src/rules/action.ts';
import type { Approval, ApprovalStore } from '../../src/approvals/approval.ts';
import type { AuditEvent } from '../../src/audit/event.ts';
import type { AuditTicket } from '../../src/audit/log.ts';
import type { HumanApproverConfig, LlmApproverConfig } from '../../src/config/config.ts';
import type { Decision } from '../../src/rules/decision.ts';
import type { Effect } from '../../src/protocols/protocol.ts';
import type { ParkedNotice } from '../../src/protocols/session.ts';
import { createApprovals, type Approvals } from '../../src/approvals/queue.ts';
import { uuidv7 } from '../../src/lib/ids.ts';
import type { ApprovalSettings, Principal } from '../../src/approvals/stages.ts';
import { FakeClock } from '../support/fake-clock.ts';

const AT = { file: 'gateway.hcl', line: 1, column: 1, endLine: 1, endColumn: 2 };

export function human(name: string, changes: Partial<HumanApproverConfig> = {}): HumanApproverConfig {
  return {
    type: 'human_approver',
    name,
    ref: `human_approver.${name}`,
    timeoutMs: 600_000,
    onTimeout: 'deny',
    escalateTo: null,
    requireApprovers: 1,
    approvers: [],
    separationOfDuties: false,
    notifiers: [],
    message: null,
    grant: null,
    attributes: {},
    at: AT,
    ...changes,
  };
}

export function model(name: string, changes: Partial<LlmApproverConfig> = {}): LlmApproverConfig {
  return {
    type: 'llm_approver',
    name,
    ref: `llm_approver.${name}`,
    onError: 'deny',
    escalateTo: null,
    timeoutMs: 30_000,
    attributes: {},
    at: AT,
    ...changes,
  };
}

export function settingsOf(
  approvers: readonly (HumanApproverConfig | LlmApproverConfig)[] = [],
  changes: Partial<ApprovalSettings> = {},
): ApprovalSettings {
  return {
    approvers: new Map(approvers.map((approver) => [approver.ref, approver])),
    humanTimeoutMs: 600_000,
    parked: 1000,
    parkedPerDevice: 50,
    ...changes,
  };
}

export const AGENT: Agent = {
  device: 'laptop-7',
  profile: 'default',
  run: '',
  user: 'alice@example.com',
  ip: '192.0.2.7',
  transport: 'direct',
};

export interface ActionChanges {
  readonly text?: string;
  readonly agent?: Partial<Agent>;
  readonly transaction?: 'idle' | 'open';
  readonly complete?: boolean;
  readonly family?: 'sql' | 'http';
  readonly digest?: () => string;
}

export function actionOf(changes: ActionChanges = {}): Action {
  const { text = 'delete from users where id = 7', family = 'sql' } = changes;
  const facts: Readonly<Record<string, FactValue>> = { 'sql.transaction': changes.transaction ?? 'idle' };
  const unit: Unit = {
    facts: { get: (name) => facts[name] },
    risk: 'suspicious',
    riskCauses: ['bounded_write'],
    riskReason: 'writes rows',
    unreadable: false,
  };
  const digest = createHash('sha256').update(text).digest('hex');
  return {
    id: uuidv7(1_700_000_000_000),
    session: uuidv7(1_700_000_000_000),
    agent: { ...AGENT, ...changes.agent },
    endpoint: { name: 'pg', type: 'postgres', ref: 'postgres.pg', family, host: '127.0.0.1' },
    family,
    credential: null,
    units: [unit],
    risk: 'suspicious',
    summary: text,
    evidence: {
      text,
      parameters: [],
      sizeBytes: Buffer.byteLength(text),
      complete: changes.complete ?? true,
      digest: changes.digest ?? (() => digest),
    },
    phase: 'execute',
    refused: null,
    memo: null,
  };
}

export function decisionOf(...approvers: readonly string[]): Decision {
  return {
    kind: 'approve',
    by: 'rule',
    rule: 'ask-first',
    reason: 'writes need a person',
    cannotTell: null,
    approvers,
    unit: 0,
    holds: 'once',
  };
}

export function person(name: string, ...aliases: readonly string[]): Principal {
  return { name, via: 'cli', aliases };
}

/** Keeps events; can be told to fail, or to hold every write until it is let go. */
export class FakeAudit {
  readonly events: AuditEvent[] = [];
  failing = false;
  #held: (() => void)[] | null = null;

  async appendDurable(event: AuditEvent): Promise<AuditTicket> {
    this.events.push(event);
    if (this.#held !== null) {
      const held = this.#held;
      await new Promise<void>((resolve) => held.push(resolve));
    }
    if (this.failing) {
      throw new Error('the disk is full');
    }
    return { settle: () => undefined };
  }

  hold(): void {
    this.#held = [];
  }

  letGo(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const resolve of held) {
      resolve();
    }
  }

  /** Types of the events so far, without their common beginning. */
  types(): readonly string[] {
    return this.events.map((event) => event.type.replace('approval.', ''));
  }
}

export interface World {
  readonly clock: FakeClock;
  readonly audit: FakeAudit;
  readonly approvals: Approvals;
  readonly ended: Approval[];
  readonly warnings: string[];
  /** What was handed to `ask` last. */
  readonly notices: ParkedNotice[];
  settings: ApprovalSettings;
  cover: (approver: string) => string | null;
  measure: (action: Action, signal: AbortSignal) => Promise<Effect | null>;
  stored: readonly Approval[];
}

export function createWorld(settings: ApprovalSettings = settingsOf()): World {
  const clock = new FakeClock();
  const audit = new FakeAudit();
  const ended: Approval[] = [];
  const warnings: string[] = [];
  const store: ApprovalStore = {
    getApproval: async (prefix) => {
      const found = world.stored.filter((approval) => approval.id.startsWith(prefix));
      return found.length === 1 ? (found[0] ?? null) : null;
    },
    listApprovals: async (states, { limit, cursor }) => {
      const newest = world.stored.filter((approval) => states.includes(approval.state)).toReversed();
      const from = cursor === null ? 0 : newest.findIndex((approval) => approval.id === cursor) + 1;
      const items = newest.slice(from, from + limit);
      return { items, next: from + limit < newest.length ? (items.at(-1)?.id ?? null) : null };
    },
  };
  const approvals = createApprovals({
    clock,
    audit,
    store,
    settings: () => world.settings,
    grants: {
      findCover: (_action, approver) => {
        const grantId = world.cover(approver);
        return grantId === null ? null : { grantId };
      },
    },
    measure: (action, signal) => world.measure(action, signal),
    show: ({ evidence }) => ({ text: evidence.text, factsJson: '{"sql":{"verb":"delete"}}' }),
    ended: (approval) => ended.push(approval),
    warn: (message) => warnings.push(message),
  });
  const world: World = {
    clock,
    audit,
    approvals,
    ended,
    warnings,
    notices: [],
    settings,
    cover: () => null,
    measure: async () => null,
    stored: [],
  };
  return world;
}
