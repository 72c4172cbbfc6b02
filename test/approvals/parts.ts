// Parts for tests of approvals: an action, approvers, and a log that keeps what it is given.
import { createHash } from 'node:crypto';
import type { Action, Agent, FactValue, Unit } from '../../src/rules/action.ts';
import type { Approval, ApprovalStore, Review } from '../../src/approvals/approval.ts';
import type { AuditEvent } from '../../src/audit/event.ts';
import type { AuditTicket } from '../../src/audit/log.ts';
import type { GrantLimits, HumanApproverConfig, LlmApproverConfig } from '../../src/config/config.ts';
import type { Decision } from '../../src/rules/decision.ts';
import type { Effect } from '../../src/protocols/protocol.ts';
import type { ParkedNotice } from '../../src/protocols/session.ts';
import { createFatigue, type Fatigue } from '../../src/approvals/fatigue.ts';
import type { Grant } from '../../src/approvals/grant.ts';
import type { ApprovalNews } from '../../src/approvals/notify.ts';
import { troubled, type ReviewCase } from '../../src/approvals/reviewer.ts';
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
    breakGlass: [],
    notifiers: [],
    message: null,
    remindMs: 0,
    onFatigue: 'warn',
    fatigueMs: 5_000,
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
    provider: 'openai_compatible',
    model: 'qwen3',
    baseUrl: 'http://127.0.0.1:1/v1',
    credential: null,
    policy: null,
    cacheTtlMs: 0,
    hourlyTokens: 2_000_000,
    price: null,
    attributes: {},
    at: AT,
    ...changes,
  };
}

export const NO_GRANTS: GrantLimits = {
  enabled: false,
  maxDurationMs: 900_000,
  maxUses: 20,
  scopes: ['exact'],
  maxRisk: 'suspicious',
};

export function settingsOf(
  approvers: readonly (HumanApproverConfig | LlmApproverConfig)[] = [],
  changes: Partial<ApprovalSettings> = {},
): ApprovalSettings {
  return {
    approvers: new Map(approvers.map((approver) => [approver.ref, approver])),
    humanTimeoutMs: 600_000,
    parked: 1000,
    parkedPerDevice: 50,
    grant: NO_GRANTS,
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

/** What a model said; null: trouble. */
export function reviewOf(approver: LlmApproverConfig, answer: Review['answer']): Review {
  const none = troubled(approver, 'unreachable', { atMs: 0, detail: 'no route', latencyMs: 1 });
  return answer === null ? none : { ...none, answer, risk: 50, trouble: null, detail: '' };
}

export function grantOf(changes: Partial<Grant> = {}): Grant {
  return {
    id: 'g1',
    state: 'active',
    scope: 'exact',
    key: 'k',
    approver: 'human_approver.oncall',
    device: AGENT.device,
    profile: AGENT.profile,
    endpoint: 'postgres.pg',
    family: 'sql',
    credential: null,
    risk: 'suspicious',
    sentence: 'the same statement',
    by: ['bob'],
    approval: 'a1',
    createdMs: 0,
    expiresMs: 900_000,
    maxUses: 20,
    uses: 0,
    endedMs: null,
    ended: '',
    policy: 'p',
    ...changes,
  };
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
  cover: (approver: string) => Grant | null;
  review: (request: ReviewCase, signal: AbortSignal) => Promise<Review>;
  /** Grants that were made and are in force. */
  readonly granted: Grant[];
  /** What channels were told. */
  readonly news: ApprovalNews[];
  readonly fatigue: Fatigue;
  measure: (action: Action, signal: AbortSignal) => Promise<Effect | null>;
  stored: readonly Approval[];
}

export function createWorld(settings: ApprovalSettings = settingsOf()): World {
  const clock = new FakeClock();
  const audit = new FakeAudit();
  const ended: Approval[] = [];
  const warnings: string[] = [];
  const world0: Pick<World, 'news' | 'fatigue'> = { news: [], fatigue: createFatigue() };
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
      use: (_action, approver) => world.cover(approver),
      findObjection: () => null,
      make: (_action, approval, wish) => grantOf({ approval: approval.id, ...wish, by: wish.by }),
      start: (grant) => world.granted.push(grant),
    },
    reviewer: { review: (request, signal) => world.review(request, signal), usage: () => [] },
    fatigue: world0.fatigue,
    announce: (news) => world0.news.push(news),
    measure: (action, signal) => world.measure(action, signal),
    show: ({ evidence }) => ({ text: evidence.text, factsJson: '{"sql":{"verb":"delete"}}', alert: null, words: '' }),
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
    review: async ({ approver }) => reviewOf(approver, null),
    granted: [],
    ...world0,
    measure: async () => null,
    stored: [],
  };
  return world;
}
