// Builds what decides in a person's or a model's place from its parts: the queue, reviewer models, grants, and the memory of who decides how.
import { createHash } from 'node:crypto';
import type { Approval, ApprovalStore } from '../approvals/approval.ts';
import { createAftermath } from '../approvals/aftermath.ts';
import { allowedOf } from '../approvals/break-glass.ts';
import { actionClaim, createClaims, STALE_MS, type Claims } from '../approvals/claims.ts';
import { createFatigue, decisionsOf, FATIGUE_VOTES, type Fatigue } from '../approvals/fatigue.ts';
import { createFeed, type ApprovalFeed } from '../approvals/feed.ts';
import { createGrantBook, type GrantBook, type GrantStore, type Likeness } from '../approvals/grants.ts';
import type { Shown } from '../approvals/item.ts';
import type { Measure } from '../approvals/measuring.ts';
import { createAnnouncer, type ApprovalNews, type Notifier } from '../approvals/notify.ts';
import { createApprovals, type Approvals } from '../approvals/queue.ts';
import type { Reviewer } from '../approvals/reviewer.ts';
import { scopeVotes } from '../approvals/scoped-votes.ts';
import { shapeOf } from '../approvals/shape.ts';
import { approvalSettings, DEFAULT_FATIGUE_MS } from '../approvals/stages.ts';
import type { AuditLog, AuditPage } from '../audit/log.ts';
import { createEvent } from '../audit/event.ts';
import type { AuditRecord } from '../audit/event.ts';
import type { Ref } from '../config/config.ts';
import type { SecretSources } from '../credentials/sources.ts';
import type { Clock } from '../lib/clock.ts';
import type { Jobs } from '../lib/jobs.ts';
import { GatewayError } from '../lib/errors.ts';
import type { Secret } from '../lib/secret.ts';
import type { Action } from '../rules/action.ts';
import { factsToJson } from '../rules/facts.ts';
import { redactSummary, redactText } from '../rules/redact.ts';
import { createRedactor } from '../rules/redactor.ts';
import { endpointFingerprint } from './dialling/chain.ts';
import type { Deciders } from './decider-metrics.ts';
import type { Dial } from './dialling/dial.ts';
import type { ContextOf } from './judging/judge.ts';
import type { Live } from './live.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import { loadModels } from './reviewers/models.ts';
import { createChannels, type Channels } from './channels/channels.ts';
import { openIncidents, type Incidents } from './channels/incidents.ts';
import { createOutbound } from './dialling/outbound-fetch.ts';
import { createAuthoriser, createReviewers } from './reviewers/reviewers.ts';

export interface ApprovalServices {
  readonly approvals: Approvals;
  readonly reviewer: Reviewer;
  readonly fatigue: Fatigue;
  readonly grants: GrantBook;
  /** For the dashboard. */
  readonly feed: ApprovalFeed;
  readonly channels: Channels;
  /** What agents say of their work. */
  readonly claims: Claims;
  readonly incidents: Incidents;
  /** For the rules: the incident as its source tells it, and the agent's own words. */
  readonly contextOf: ContextOf;
}

export interface ApprovalServiceParts {
  readonly clock: Clock;
  readonly jobs: Jobs;
  readonly audit: AuditLog & ApprovalStore & GrantStore;
  readonly live: () => Live;
  readonly dial: Dial;
  readonly sources: SecretSources;
  readonly secretString: (text: string, what: string) => Secret;
  readonly metrics: Pick<Metrics, 'approvalEnded' | 'glassBroken' | 'noticed'>;
  readonly logger: Logger;
  readonly measure: Measure;
  readonly onStop: (name: string, undo: () => Promise<void> | void) => void;
}

/** How many ended approvals are looked through for how people decided before this process. */
const REMEMBERED_APPROVALS = 25 * FATIGUE_VOTES;

/** Opens the queue: what waited when the last process ended is cancelled first. */
export async function openApprovals(parts: ApprovalServiceParts): Promise<ApprovalServices> {
  const { clock, audit, live, dial, sources, metrics, logger, measure, onStop } = parts;
  const warn = (message: string, error: unknown): void => logger.warn({ err: error }, message);
  await loadModels(live().config.approvers);
  const fatigue = await recallFatigue(audit, live);
  const feed = createFeed();
  const reviewer = createReviewers({ clock, live, dial, sources, likeness: (action) => nearlyEqual(action, live()) });
  const grants = createGrantBook({
    clock,
    audit,
    store: audit,
    likeness: (action, scope) => likenessOf(action, scope, live()),
    policyOf: createPolicyOf(live),
    warn,
  });
  const later: { approvals: Approvals | null } = { approvals: null };
  const channels = openChannels(parts, () => later.approvals);
  const claims = createClaims({ clock, audit });
  const incidents = await watchIncidents(parts, claims);
  const { announce, recall } = createNews(parts, { channels, feed });
  const queue = createApprovals({
    clock,
    audit,
    store: audit,
    settings: () => approvalSettings(live().config),
    grants,
    reviewer,
    fatigue,
    announce,
    measure,
    show: (action) => showTo(action, live(), { alert: incidents.shownTo(action.agent), claims }),
    ended: (approval, waitedMs) => metrics.approvalEnded(approval.state, waitedMs),
    warn,
  });
  const approvals = scopeVotes(queue, { clock, audit, store: audit, warn });
  later.approvals = approvals;
  // Undone in the opposite order: what is cancelled at the end is still told.
  onStop('the channels', () => channels.close());
  onStop('grants', () => grants.close());
  onStop('waiting requests', () => approvals.close('the gateway is stopping'));
  channels.notifiers();
  onStop('incidents', () => incidents.close());
  const cancelled = await approvals.recoverPending();
  if (cancelled > 0) {
    logger.warn({ cancelled }, 'requests that waited when the last gateway ended were cancelled');
  }
  const untold = await recall();
  if (untold > 0) {
    logger.warn({ untold }, 'what the last gateway had not told of decisions by break-glass is told');
  }
  await grants.load();
  await recallClaims(audit, claims, clock);
  const contextOf: ContextOf = (agent) => ({
    ...incidents.factsOf(agent),
    reason: claims.of(agent)?.intent ?? '',
  });
  return { approvals, reviewer, fatigue, grants, feed, channels, claims, incidents, contextOf };
}

/** Tells channels, open dashboards and metrics; and what came of a decision that one person took alone. */
function createNews(
  { clock, audit, live, metrics, logger }: ApprovalServiceParts,
  { channels, feed }: { readonly channels: Channels; readonly feed: ApprovalFeed },
): { readonly announce: (news: ApprovalNews) => void; readonly recall: () => Promise<number> } {
  const warn = (message: string, error: unknown): void => logger.warn({ err: error }, message);
  const counted: Notifier = {
    tell({ kind }) {
      if (kind === 'break_glass') {
        metrics.glassBroken();
      }
    },
  };
  const announce = createAnnouncer({
    notifiers: () => channels.notifiers(),
    always: [feed, counted],
    warn,
  });
  const aftermath = createAftermath({
    clock,
    audit,
    warn,
    follow: (listener) => audit.follow(listener),
    announce,
    allowedOf(ref) {
      const approver = live().approvers.get(ref);
      return approver?.type === 'human_approver'
        ? allowedOf({ allowed: approver.approvers, breakGlass: approver.breakGlass })
        : [];
    },
  });
  // What waited when the process before ended is cancelled first, and told with the rest.
  let recalled = false;
  return {
    announce(news) {
      announce(news);
      if (recalled) {
        aftermath.hear(news);
      }
    },
    async recall() {
      const untold = await aftermath.recall();
      recalled = true;
      return untold;
    },
  };
}

/** For metrics and status. */
export function describeDeciders({
  reviewer,
  fatigue,
  grants,
}: Pick<ApprovalServices, 'reviewer' | 'fatigue' | 'grants'>): Deciders {
  return { reviewers: reviewer.usage(), approvers: fatigue.list(), activeGrants: grants.active().length };
}

/** The fingerprints of endpoints, each worked out once for a configuration. */
function createPolicyOf(live: () => Live): (endpoint: Ref) => string {
  const known = new WeakMap<Live, Map<Ref, string>>();
  return (endpoint) => {
    const current = live();
    const made = known.get(current) ?? new Map<Ref, string>();
    known.set(current, made);
    const fingerprint = made.get(endpoint) ?? endpointFingerprint(current, endpoint);
    made.set(endpoint, fingerprint);
    return fingerprint;
  };
}

/** What a scope compares: the form of the recorded facts, or the very bytes with what is known of them. */
function likenessOf(action: Action, scope: 'exact' | 'shape', { config }: Live): Likeness {
  const redactor = createRedactor(config.gateway.audit.redact);
  const factsJson = factsToJson(action.units, action.family, { redactor });
  if (scope === 'shape') {
    const shape = shapeOf(factsJson, action.family);
    return shape.kind === 'shape' ? { ...shape, kind: 'like' } : shape;
  }
  const digest = action.evidence.digest();
  const key = createHash('sha256').update(`${digest}\n${factsJson}`).digest('hex');
  return {
    kind: 'like',
    key,
    sentence: `exactly this request (SHA-256 ${digest.slice(0, 12)}): ${redactSummary(action, redactor)}`,
  };
}

/** What nearly equal requests have in common, for the limit on asking a model again. */
function nearlyEqual(action: Action, live: Live): string {
  const shape = likenessOf(action, 'shape', live);
  return shape.kind === 'like' ? shape.key : action.summary.toLowerCase().replace(/'[^']*'|\d+|\s+/g, ' ');
}

/** Pages of records that are looked through for what agents said before this process. */
const CLAIM_PAGES = 20;

async function recallClaims(audit: Pick<AuditLog, 'search'>, claims: Claims, clock: Clock): Promise<void> {
  const found: AuditRecord[] = [];
  const filter = { types: ['context.claimed'], sinceMs: clock.now() - STALE_MS } as const;
  let cursor: string | null = null;
  for (let page = 0; page < CLAIM_PAGES; page += 1) {
    const { items, next }: AuditPage = await audit.search(filter, { limit: 500, cursor, newestFirst: true });
    found.push(...items);
    cursor = next;
    if (cursor === null) {
      break;
    }
  }
  claims.recall(found);
}

async function recallFatigue(audit: ApprovalStore, live: () => Live): Promise<Fatigue> {
  const fatigue = createFatigue();
  const ended: Approval[] = [];
  for (let cursor: string | null = null; ended.length < REMEMBERED_APPROVALS;) {
    const page: Awaited<ReturnType<ApprovalStore['listApprovals']>> = await audit.listApprovals(
      ['approved', 'denied', 'expired', 'cancelled'],
      { limit: 100, cursor },
    );
    ended.push(...page.items);
    cursor = page.next;
    if (cursor === null) {
      break;
    }
  }
  const limitOf = (ref: string): number => {
    const approver = live().approvers.get(ref);
    return approver?.type === 'human_approver' ? approver.fatigueMs : DEFAULT_FATIGUE_MS;
  };
  decisionsOf(ended, limitOf).forEach((decided) => fatigue.note(decided));
  return fatigue;
}

/** The channels of whatever configuration is in force. */
function openChannels(parts: ApprovalServiceParts, approvals: () => Approvals | null): Channels {
  const { clock, audit, live, dial, sources, secretString, metrics, logger } = parts;
  const authorise = createAuthoriser({ clock, live, sources });
  return createChannels({
    clock,
    dial,
    secretString,
    outbound: createOutbound({ dial }),
    authorise: (credential, url) => authorise({ credential, user: 'a notifier', url }),
    config: () => live().config,
    publicUrl: () => live().config.gateway.publicUrl,
    approvals() {
      const queue = approvals();
      if (queue === null) {
        throw new Error('the queue is not open yet');
      }
      return queue;
    },
    async secretsOf(ref) {
      const credential = live().config.credentials.find((one) => one.ref === ref);
      if (credential === undefined) {
        throw new GatewayError('SECRET_MISSING', 'operator', `${ref} is not in the configuration`);
      }
      return sources.read(credential);
    },
    failed(notifier, approval, why) {
      metrics.noticed('notifier-failed');
      logger.warn({ notifier, approval, why }, 'a message of a channel could not be delivered');
      // Recorded where there is room for it: nothing waits for a channel.
      audit.append(
        createEvent('notifier.failed', clock.now(), { by: notifier, reason: why, data: { approval_id: approval } }),
      );
    },
    warn: (message, error) => logger.warn({ err: error }, message),
  });
}

function watchIncidents(parts: ApprovalServiceParts, claims: Claims): Promise<Incidents> {
  const { clock, jobs, audit, live, dial, sources, secretString, logger } = parts;
  const authorise = createAuthoriser({ clock, live, sources });
  return openIncidents({
    clock,
    jobs,
    audit,
    secretString,
    outbound: createOutbound({ dial }),
    config: () => live().config,
    authorise: (credential, url) => authorise({ credential, user: 'a context', url }),
    namedBy: (agent) => claims.of(agent)?.incident ?? '',
    warn: (message, error) => logger.warn({ err: error }, message),
  });
}

/** An action as approvers see it. */
function showTo(
  action: Action,
  { config }: Live,
  { alert, claims }: { readonly alert: Shown['alert']; readonly claims: Claims },
): Shown {
  const claim = claims.of(action.agent);
  const redactor = createRedactor(config.gateway.audit.redact);
  const text = redactText(action, redactor);
  return {
    text,
    summary: redactSummary(action, redactor),
    factsJson: factsToJson(action.units, action.family, { redactor }),
    alert,
    words: claim?.intent ?? '',
    claim: actionClaim(claim, action.trace ?? ''),
  };
}
