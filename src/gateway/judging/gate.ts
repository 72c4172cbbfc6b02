// The gate: rules, then risk, then approvals, then the audit record, then the answer, in that order, for every protocol. It knows no
// wire and no SQL. The path of a safe, allowed and remembered action makes no promise and evaluates nothing.
import { actionClaim, type ActionClaimJson, type Claims } from '../../approvals/claims.ts';
import type { AuditEvent } from '../../audit/event.ts';
import type { AuditLog, AuditTicket } from '../../audit/log.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import { GatewayError, messageOf } from '../../lib/errors.ts';
import type { Gate, Waiting } from '../../protocols/protocol.ts';
import type { Verdict } from '../../protocols/session.ts';
import type { Action, Agent, Family, Outcome, SessionId } from '../../rules/action.ts';
import type { Decision } from '../../rules/decision.ts';
import type { FactSchema } from '../../rules/fact-schema.ts';
import { questionFingerprint } from '../dialling/chain.ts';
import { createJudge } from './judge.ts';
import type { ContextOf, FactsToJson, Judge, Judged, Scope } from './judge.ts';
import type { Live } from '../live.ts';
import type { GateMetrics } from '../metrics.ts';
import { createParking } from './parking.ts';
import type { Answer, Approvals, Parking, Question } from './parking.ts';
import { allowedEvent, decidedEvent, OUTCOME_NOT_RUN, OUTCOME_UNKNOWN, outcomeData } from './records.ts';
import type { DecidedParts, RecordedMoment } from './records.ts';
import { QUARANTINED } from './quarantine.ts';
import type { Quarantine } from './quarantine.ts';
import type { Recorder } from './recorder.ts';
import type { RuleHits } from './rule-hits.ts';
import * as verdicts from './verdicts.ts';
import type { Denial } from './verdicts.ts';

/** How long an action waits for a store that takes nothing, and for a record to reach the disk. */
const STORE_WAIT_MS = 10_000;

export interface GateParts {
  readonly clock: Clock;
  readonly audit: AuditLog;
  readonly approvals: Approvals;
  readonly recorder: Recorder;
  readonly metrics: GateMetrics;
  readonly quarantine: Pick<Quarantine, 'find'>;
  /** Whether an agent is none any more: its device was revoked or moved, its run has ended. Left out: agents stay. */
  readonly departed?: (agent: Agent) => boolean;
  readonly hits: Pick<RuleHits, 'note'>;
  readonly schemas: ReadonlyMap<Family, FactSchema>;
  /** What is in force now. */
  readonly live: () => Live;
  readonly factsToJson: FactsToJson;
  /** As in `JudgeParts`. */
  readonly contextOf?: ContextOf;
  /** Resolves when more is known of what an agent works on, or will not be; null: nothing to wait for. Left out: nothing. */
  readonly contextSettled?: (agent: Agent) => Promise<void> | null;
  /** Why nobody is asked about what this agent does, or null. Left out: nothing is against it. */
  readonly objectionTo?: (agent: Agent) => Pick<Denial, 'reason' | 'hint'> | null;
  /** What agents say of their work: it goes into the records. */
  readonly claims: Pick<Claims, 'of'>;
  /** A fault of the gateway itself, for the log; the action was denied. */
  readonly onFault: (error: unknown, action: Action) => void;
}

/** The gate as the daemon holds it. */
export interface GatewayGate extends Gate {
  /** The connection has ended: actions that nobody settled are recorded as `unknown`. */
  ended(session: SessionId): void;
  /** A new policy is in force: waiting actions that it would not ask in the same way are taken back and denied. */
  policyChanged(): void;
  /** Takes back everything that waits, and from now on parks nothing. */
  stopParking(why: string): void;
  readonly parked: number;
}

/** The gate over its parts. */
export function createGate(parts: GateParts): GatewayGate {
  return new PolicyGate(parts);
}

/** What was decided, and under what. */
interface Case {
  readonly judged: Judged;
  readonly scope: Scope;
}

interface DurableParts {
  readonly event: AuditEvent;
  readonly waiting: Waiting;
  /** The question that was answered with a yes; left out where nobody was asked. */
  readonly question?: Question;
}

/** An allowed action that nobody has fetched. */
interface Detached {
  readonly ticket: AuditTicket;
  /** Of the question that was answered with a yes. */
  readonly fingerprint: string;
}

class PolicyGate implements GatewayGate {
  readonly #parts: GateParts;
  readonly #judge: Judge;
  readonly #parking: Parking;
  /** Tickets of allowed, unsettled actions. By session, so that what a connection leaves behind is found when it ends. */
  readonly #open = new Map<SessionId, Map<string, AuditTicket>>();
  /** Allowed while the client did not wait, and not fetched yet; by action. They belong to no connection. */
  readonly #detached = new Map<string, Detached>();
  #stopping: string | null = null;

  constructor(parts: GateParts) {
    this.#parts = parts;
    this.#judge = createJudge(parts);
    this.#parking = createParking(parts.approvals);
  }

  get parked(): number {
    return this.#parking.size;
  }

  decide(action: Action, waiting: () => Waiting): Verdict | Promise<Verdict> {
    const startedMs = this.#parts.clock.monotonicMs();
    try {
      const verdict = this.#decide(action, waiting);
      this.#parts.metrics.decided(this.#parts.clock.monotonicMs() - startedMs);
      return verdict instanceof Promise ? verdict.catch((error: unknown) => this.#failed(action, error)) : verdict;
    } catch (error) {
      return this.#failed(action, error);
    }
  }

  settle(action: Action, outcome: Outcome): void {
    const tickets = this.#open.get(action.session);
    const ticket = tickets?.get(action.id) ?? this.#detached.get(action.id)?.ticket;
    if (ticket === undefined) {
      return;
    }
    tickets?.delete(action.id);
    this.#detached.delete(action.id);
    ticket.settle(outcomeData(outcome), this.#parts.clock.now());
  }

  resume(action: Action): Verdict {
    const kept = this.#detached.get(action.id);
    if (kept === undefined) {
      return verdicts.denialOfTrouble('', this.#stopping ?? 'it does not wait to be fetched');
    }
    this.#detached.delete(action.id);
    try {
      const denial = this.#objected(action, kept);
      if (denial === null) {
        // From here on it is the fetching connection's.
        this.#keep(action, kept.ticket);
        return verdicts.ALLOW;
      }
      kept.ticket.settle(outcomeData(OUTCOME_NOT_RUN), this.#parts.clock.now());
      return denial;
    } catch (error) {
      kept.ticket.settle(outcomeData(OUTCOME_NOT_RUN), this.#parts.clock.now());
      return this.#failed(action, error);
    }
  }

  /** The denial, recorded, of an action that the policy in force would not ask about in the same way; else null. */
  #objected(action: Action, { fingerprint }: Detached): Denial | null {
    const objection = this.#objection({ action, fingerprint });
    if (objection === null) {
      return null;
    }
    const scope = this.#judge.findScope(this.#parts.live(), action);
    if (scope === null) {
      return this.#denyUnreached(action);
    }
    const judged = this.#judge.judge(scope, action);
    const { decision } = judged;
    const denial =
      decision.kind === 'deny' ? verdicts.denialOf(decision) : verdicts.denialOfChange(decision.rule, objection);
    return this.#deny(action, { judged, scope }, denial, { verdict: 'deny', by: 'gateway', reason: objection });
  }

  ended(session: SessionId): void {
    const tickets = this.#open.get(session);
    this.#open.delete(session);
    for (const ticket of tickets?.values() ?? []) {
      ticket.settle(outcomeData(OUTCOME_UNKNOWN), this.#parts.clock.now());
    }
  }

  policyChanged(): void {
    this.#parking.review((question) => this.#objection(question));
  }

  stopParking(why: string): void {
    this.#stopping = why;
    this.#parking.review(() => why);
    for (const { ticket } of this.#detached.values()) {
      ticket.settle(outcomeData(OUTCOME_NOT_RUN), this.#parts.clock.now());
    }
    this.#detached.clear();
  }

  #decide(action: Action, waiting: () => Waiting): Verdict | Promise<Verdict> {
    const scope = this.#judge.findScope(this.#parts.live(), action);
    if (scope === null) {
      return this.#denyUnreached(action);
    }
    const judged = this.#judge.judge(scope, action);
    if (this.#parts.quarantine.find(action.agent) !== null) {
      return this.#denyQuarantined(action, { judged, scope });
    }
    const { decision } = judged;
    if (action.phase !== 'prepare' && decision.kind !== 'approve') {
      this.#noteHit(action, judged);
    }
    switch (decision.kind) {
      case 'deny':
        // A fact that only the parameters will tell: the execution is judged when they are bound.
        if (action.phase === 'prepare' && decision.cannotTell?.cause === 'dynamic') {
          return verdicts.ALLOW;
        }
        return this.#deny(action, { judged, scope }, verdicts.denialOf(decision));
      case 'allow':
        if (action.phase === 'prepare') {
          return verdicts.ALLOW;
        }
        return this.#allow(action, judged, scope, waiting);
      case 'approve':
        if (action.phase === 'prepare') {
          return verdicts.ALLOW;
        }
        return this.#parkWhole(action, judged, scope, waiting());
    }
  }

  /** People see the whole request: what was not held for the rules is held now, and judged with what it says. */
  async #parkWhole(action: Action, judged: Judged, scope: Scope, waiting: Waiting): Promise<Verdict> {
    if (waiting.whole === undefined) {
      this.#noteHit(action, judged);
      return this.#park(action, judged, scope, waiting);
    }
    const whole = await waiting.whole();
    const rest: Waiting = {
      signal: waiting.signal,
      parked: (notice) => waiting.parked(notice),
      detached: () => waiting.detached?.() === true,
    };
    return waiting.signal.aborted
      ? this.#deny(whole, { judged, scope }, verdicts.denialOfCancel(judged.decision, 'the client withdrew it'))
      : this.#decide(whole, () => rest);
  }

  /** Once a request, by its last judgement: what is held whole for people is judged again. */
  #noteHit({ risk, agent }: Action, { decision }: Judged): void {
    this.#parts.hits.note(decision, risk, agent.profile);
  }

  #allow(action: Action, judged: Judged, scope: Scope, waiting: () => Waiting): Verdict | Promise<Verdict> {
    if (action.risk !== 'safe' && judged.decision.by === 'rule') {
      this.#parts.metrics.allowedUnasked(action.endpoint.ref, action.risk);
    }
    if (action.risk !== 'safe' || scope.strict) {
      const event = this.#event(action, judged, scope, { verdict: 'allow' });
      return this.#allowDurably(action, judged, scope, { event, waiting: waiting() });
    }
    const moment = { timeMs: this.#parts.clock.now(), claim: this.#claimOf(action) };
    const ticket = this.#parts.audit.appendLater(action.evidence.text.length, () =>
      this.#safeEvent(action, judged, scope, moment),
    );
    if (ticket === null) {
      const event = this.#safeEvent(action, judged, scope, moment);
      return this.#allowWhenWritable(action, judged, scope, { event, waiting: waiting() });
    }
    scope.counts.add('allow', action.risk);
    this.#keep(action, ticket);
    return verdicts.ALLOW;
  }

  /** The record of a safe, allowed action. It is made when the action is on its way already, so a fault in it must not escape. */
  #safeEvent(action: Action, judged: Judged, scope: Scope, moment: RecordedMoment): AuditEvent {
    try {
      return allowedEvent(action, judged.decision, this.#judge.requestOf(scope, action, judged), moment);
    } catch (error) {
      this.#parts.onFault(error, action);
      return this.#judge.bareEvent(action, 'allow', messageOf(error));
    }
  }

  /** The record is on disk before the answer is given. */
  async #allowDurably(
    action: Action,
    judged: Judged,
    scope: Scope,
    { event, waiting, question }: DurableParts,
  ): Promise<Verdict> {
    let ticket: AuditTicket;
    try {
      ticket = await this.#appendDurable(event);
    } catch {
      return this.#unrecorded(action, judged, scope);
    }
    if (waiting.signal.aborted) {
      ticket.settle(outcomeData(OUTCOME_NOT_RUN), this.#parts.clock.now());
      return verdicts.denialOfCancel(judged.decision, 'the client withdrew it');
    }
    const detached = question !== undefined && waiting.detached?.() === true;
    if (detached && this.#stopping !== null) {
      ticket.settle(outcomeData(OUTCOME_NOT_RUN), this.#parts.clock.now());
      return verdicts.denialOfTrouble(judged.decision.rule, this.#stopping);
    }
    scope.counts.add('allow', action.risk);
    if (detached) {
      this.#detached.set(action.id, { ticket, fingerprint: question.fingerprint });
    } else {
      this.#keep(action, ticket);
    }
    return verdicts.ALLOW;
  }

  /** Back-pressure: a safe action waits until its record is taken. */
  async #allowWhenWritable(
    action: Action,
    judged: Judged,
    scope: Scope,
    { event, waiting }: { readonly event: AuditEvent; readonly waiting: Waiting },
  ): Promise<Verdict> {
    const { audit, clock } = this.#parts;
    const abort = new AbortController();
    const giveUp = (): void => abort.abort();
    const deadline = clock.after(STORE_WAIT_MS, giveUp);
    waiting.signal.addEventListener('abort', giveUp, { once: true });
    try {
      let ticket: AuditTicket | null = null;
      while (ticket === null && !abort.signal.aborted && !waiting.signal.aborted) {
        await audit.writable(abort.signal);
        ticket = abort.signal.aborted ? null : audit.append(event);
      }
      if (ticket !== null) {
        scope.counts.add('allow', action.risk);
        this.#keep(action, ticket);
        return verdicts.ALLOW;
      }
    } catch {
      // The store is broken: told below.
    } finally {
      deadline.cancel();
      waiting.signal.removeEventListener('abort', giveUp);
    }
    if (waiting.signal.aborted) {
      return verdicts.denialOfCancel(judged.decision, 'the client withdrew it');
    }
    return this.#unrecorded(action, judged, scope);
  }

  async #park(action: Action, judged: Judged, scope: Scope, waiting: Waiting): Promise<Verdict> {
    const { decision } = judged;
    const settled = this.#parts.contextSettled?.(action.agent) ?? null;
    if (settled !== null) {
      await settled;
    }
    const refusal = this.#refusalToAsk(action, decision, scope);
    if (refusal !== null) {
      return this.#deny(action, { judged, scope }, refusal);
    }
    try {
      await this.#appendDurable(this.#event(action, judged, scope, { verdict: 'approve' }));
    } catch {
      return this.#unrecorded(action, judged, scope);
    }
    scope.counts.add('approve', action.risk);
    const question = { action, decision, fingerprint: questionFingerprint(scope.live, decision, action) };
    const answer = await this.#parking.ask(question, waiting);
    return this.#answered(question, answer, judged, { scope, waiting });
  }

  /** Why nobody is asked at all, or null. */
  #refusalToAsk(action: Action, decision: Decision, scope: Scope): Denial | null {
    if (this.#stopping !== null) {
      return verdicts.denialOfTrouble(decision.rule, this.#stopping);
    }
    const objection = this.#parts.objectionTo?.(action.agent) ?? null;
    if (objection !== null) {
      return verdicts.denialOfContext(decision, objection);
    }
    return scope.showsWhole && !action.evidence.complete ? verdicts.denialOfCut(decision) : null;
  }

  #answered(
    question: Question,
    answer: Answer,
    judged: Judged,
    { scope, waiting }: { readonly scope: Scope; readonly waiting: Waiting },
  ): Verdict | Promise<Verdict> {
    const { action, decision } = question;
    const deny = (denial: Denial, by: string, approval: string | null): Verdict =>
      this.#deny(action, { judged, scope }, denial, {
        verdict: 'deny',
        by,
        reason: denial.reason,
        data: approval === null ? {} : { approval },
      });
    switch (answer.kind) {
      case 'approved':
        return this.#approved(question, answer, waiting);
      case 'denied': {
        const vote = answer.approval.votes.findLast((one) => one.decision === 'deny');
        const denial =
          vote?.via === 'model'
            ? verdicts.denialOfReviewer(decision, answer.note)
            : verdicts.denialOfPerson(decision, answer.note);
        return deny(denial, vote?.by ?? 'gateway', answer.approval.id);
      }
      case 'expired':
        return deny(verdicts.denialOfExpiry(decision), 'gateway', answer.approval.id);
      case 'withdrawn':
        return deny(verdicts.denialOfCancel(decision, 'the client withdrew it'), 'gateway', null);
      case 'taken-back':
        return deny(verdicts.denialOfChange(decision.rule, answer.why), 'gateway', null);
      case 'refused':
        return deny(verdicts.denialOfTrouble(decision.rule, answer.why), 'gateway', null);
    }
  }

  /** A yes is for the question that was put: it is judged again, under the policy now in force, and a deny wins. */
  async #approved(
    question: Question,
    answer: Extract<Answer, { kind: 'approved' }>,
    waiting: Waiting,
  ): Promise<Verdict> {
    const { action } = question;
    const { id, votes, grantId } = answer.approval;
    const scope = this.#judge.findScope(this.#parts.live(), action);
    if (scope === null) {
      return this.#denyUnreached(action);
    }
    const judged = this.#judge.judge(scope, action);
    const objection = this.#stopping ?? this.#objection(question);
    if (objection !== null) {
      const denial =
        judged.decision.kind === 'deny'
          ? verdicts.denialOf(judged.decision)
          : verdicts.denialOfChange(question.decision.rule, objection);
      const data = { approval: id };
      return this.#deny(action, { judged, scope }, denial, { verdict: 'deny', by: 'gateway', reason: objection, data });
    }
    const by =
      grantId === null ? (votes.findLast((vote) => vote.decision === 'approve')?.by ?? 'gateway') : `grant:${grantId}`;
    const event = this.#event(action, judged, scope, {
      verdict: 'allow',
      by,
      approvers: question.decision.approvers,
      data: { approval: id, votes: votes.map((vote) => ({ by: vote.by, via: vote.via, decision: vote.decision })) },
    });
    return this.#allowDurably(action, judged, scope, { event, waiting, question });
  }

  /** Why a question may no longer be answered with a yes, or null while the policy in force would put the same one. */
  #objection({ action, fingerprint }: Pick<Question, 'action' | 'fingerprint'>): string | null {
    if (this.#parts.quarantine.find(action.agent) !== null) {
      return QUARANTINED;
    }
    if (this.#parts.departed?.(action.agent) === true) {
      return 'its device or run is gone';
    }
    const live = this.#parts.live();
    const scope = this.#judge.findScope(live, action);
    if (scope === null) {
      return 'its endpoint or profile is no longer configured';
    }
    const { decision } = this.#judge.judge(scope, action);
    if (decision.kind === 'deny') {
      return 'the policy changed while it waited: it is denied now';
    }
    return questionFingerprint(live, decision, action) === fingerprint
      ? null
      : 'the rule, its approvers or the credential changed while it waited';
  }

  /** Denies and records it with the same evidence as an allowed action has. */
  #deny(action: Action, { judged, scope }: Case, denial: Denial, parts?: DecidedParts): Denial {
    scope.counts.add('deny', action.risk);
    this.#parts.recorder.record(
      this.#event(action, judged, scope, parts ?? { verdict: 'deny', reason: denial.reason }),
    );
    return denial;
  }

  /** The record could not be written: the effect must not happen. The attempt itself is counted, and summarised when the store is back. */
  #unrecorded(action: Action, judged: Judged, scope: Scope): Denial {
    const denial = verdicts.denialOfTrouble('', 'the gateway cannot record it now');
    return this.#deny(action, { judged, scope }, denial, { verdict: 'deny', by: 'gateway', reason: denial.reason });
  }

  /** Whatever the rules say. Also what would only be prepared. */
  #denyQuarantined(action: Action, found: Case): Denial {
    const denial = verdicts.denialOfQuarantine();
    return this.#deny(action, found, denial, { verdict: 'deny', by: 'quarantine', reason: denial.reason });
  }

  #denyUnreached(action: Action): Denial {
    const denial = verdicts.denialOfChange('', 'its endpoint or profile is no longer configured');
    this.#parts.recorder.record(this.#judge.bareEvent(action, 'deny', denial.reason));
    return denial;
  }

  #failed(action: Action, error: unknown): Denial {
    this.#parts.onFault(error, action);
    const denial = verdicts.denialOfTrouble('', 'the gateway failed while it judged this');
    try {
      this.#parts.recorder.record(this.#judge.bareEvent(action, 'deny', messageOf(error)));
    } catch {
      // Already told to the log; nothing was let through.
    }
    return denial;
  }

  #event(action: Action, judged: Judged, scope: Scope, parts: DecidedParts): AuditEvent {
    const request = this.#judge.requestOf(scope, action, judged);
    const moment = { timeMs: this.#parts.clock.now(), claim: this.#claimOf(action) };
    return decidedEvent(action, judged.decision, request, { ...parts, ...moment });
  }

  #claimOf({ agent, trace = '' }: Action): ActionClaimJson | null {
    return actionClaim(this.#parts.claims.of(agent), trace);
  }

  #keep(action: Action, ticket: AuditTicket): void {
    const tickets = this.#open.get(action.session);
    if (tickets === undefined) {
      this.#open.set(action.session, new Map([[action.id, ticket]]));
    } else {
      tickets.set(action.id, ticket);
    }
  }

  /** `appendDurable` with an end. A record that reaches the disk later says that nothing was run. */
  async #appendDurable(event: AuditEvent): Promise<AuditTicket> {
    const { audit, clock } = this.#parts;
    const writing = audit.appendDurable(event);
    let deadline: Timer | null = null;
    const tooLate = new Promise<null>((resolve) => {
      deadline = clock.after(STORE_WAIT_MS, () => resolve(null));
    });
    const ticket = await Promise.race([writing, tooLate]).finally(() => deadline?.cancel());
    if (ticket !== null) {
      return ticket;
    }
    // The late record has an owner too; a late failure was told already.
    writing.then(
      (late) => late.settle(outcomeData(OUTCOME_NOT_RUN), clock.now()),
      () => {},
    );
    throw new GatewayError('STORE_FAILED', 'gateway', 'the record did not reach the disk in time');
  }
}
