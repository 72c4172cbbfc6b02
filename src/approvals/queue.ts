// The queue of parked requests. One writer: every change of state is a compare-and-set in memory, then a record on disk, and only then
// does the waiting session hear of it. Knows nothing of how people are reached (notify.ts); they vote through `vote`.
import type { Action } from '../rules/action.ts';
import type { Decision } from '../rules/decision.ts';
import type { Waiting } from '../protocols/protocol.ts';
import type { LlmApproverConfig, Ref } from '../config/config.ts';
import type { ApprovalResult, Review, VoteResult, Approval } from './approval.ts';
import type { Approvals, ApprovalsParts } from './queue-parts.ts';
import { AlikeGroups, Counts } from './alike.ts';
import { createAnnouncing, type Announcing } from './announcing.ts';
import {
  allowedOf,
  castBreakGlass,
  offerBreakGlass,
  type BreakGlassContext,
  type BreakGlassOffer,
  type Voting,
} from './break-glass.ts';
import { createDeferred } from '../lib/deferred.ts';
import {
  CHANGED,
  NOT_RECORDED,
  abortReason,
  alikeKey,
  describeApproval,
  findRefusal,
  newItem,
  resultOf,
  type Ending,
  type Item,
} from './item.ts';
import { findApproval, recoverPending, type Found } from './lookup.ts';
import { createMeasuring, type Measurement } from './measuring.ts';
import { askedBy } from './records.ts';
import { createRecording, type Recording } from './recording.ts';
import { reviewOrTrouble, troubled } from './reviewer.ts';
import {
  afterReview,
  castVote,
  enterStage,
  escalateOnTimeout,
  type Ballot,
  type Course,
  type HumanStage,
  type Principal,
  type StageContext,
  type Step,
} from './stages.ts';

export type { Approvals, ApprovalsParts } from './queue-parts.ts';

/** A transaction holds locks while it waits, so it waits no longer than this, whatever the approver's timeout. */
const MAX_IN_TRANSACTION_MS = 60_000;
/** How long a review waits for the measured effect. */
const EFFECT_WAIT_MS = 3_000;
/** A reviewer keeps its own time; one that does not is given up this much later. */
const REVIEW_SLACK_MS = 5_000;

/** Creates the queue. */
export function createApprovals(parts: ApprovalsParts): Approvals {
  return new Queue(parts);
}

class Queue implements Approvals {
  readonly #parts: ApprovalsParts;
  readonly #measure: (action: Action) => Measurement;
  /** By id, in the order of creation. An item leaves when its end is on disk. */
  readonly #items = new Map<string, Item>();
  readonly #alike = new AlikeGroups();
  /** Those that stand for their equals, in order; null = to be found anew. Open pages ask ten times a second. */
  #firsts: readonly Item[] | null = null;
  readonly #announcing: Announcing;
  readonly #recording: Recording;
  readonly #perDevice = new Counts();
  /** Ends that are being written. */
  readonly #writing = new Set<Promise<void>>();
  #waiting = 0;
  #closed: string | null = null;

  constructor(parts: ApprovalsParts) {
    this.#parts = parts;
    this.#measure = createMeasuring(parts);
    this.#recording = createRecording(parts);
    this.#announcing = createAnnouncing({ ...parts, isFirst: (item) => this.#alike.isFirst(item) });
  }

  async ask(action: Action, decision: Decision, waiting: Waiting): Promise<ApprovalResult> {
    const why =
      this.#closed ??
      findRefusal(action, decision, {
        settings: this.#parts.settings(),
        signal: waiting.signal,
        waiting: this.#waiting,
        ofDevice: this.#perDevice.of(action.agent.device),
      });
    if (why !== null) {
      return { kind: 'refused', why };
    }
    try {
      return await this.#park(action, decision, waiting);
    } catch (error) {
      this.#parts.warn('a request could not be parked', error);
      return { kind: 'refused', why: 'the request could not be put to the approvers' };
    }
  }

  async vote(id: string, ballot: Ballot, voter: Principal): Promise<VoteResult> {
    const item = this.#items.get(id);
    if (item === undefined) {
      const stored = await this.#parts.store.getApproval(id);
      return stored?.id === id ? { kind: 'decided', approval: stored } : { kind: 'not-found' };
    }
    const { clock, fatigue } = this.#parts;
    const askedMs = clock.monotonicMs() - item.askedMonotonicMs;
    const waitedMs = fatigue.decidingMs(voter.name, { nowMs: clock.now(), askedMs });
    // What one person decides alone is one request, whatever else looks like it.
    const together = (ballot.breakGlass ?? null) === null ? (ballot.together ?? 1) : 1;
    const after = this.#alike.after(item, together - 1);
    const voting = this.#voteOn(item, ballot, { voter, waitedMs });
    // A grant covers what comes later; what waits already is answered by the vote.
    const others = after.map((other) => this.#voteOn(other, { ...ballot, grant: null }, { voter, waitedMs }));
    const [result] = await Promise.all([voting, ...others]);
    return result;
  }

  pending(): readonly Approval[] {
    this.#firsts ??= [...this.#items.values()].filter((item) => this.#alike.isFirst(item));
    return this.#firsts.map(({ approval }) => approval);
  }

  async find(idOrPrefix: string): Promise<Found> {
    return findApproval(idOrPrefix, {
      store: this.#parts.store,
      waiting: () => [...this.#items.values()].map(({ approval }) => approval),
      current: (id) => this.#items.get(id)?.approval ?? null,
    });
  }

  async effectReady(id: string, limitMs: number): Promise<void> {
    await this.#items.get(id)?.measurement?.within(limitMs);
  }

  asked(id: string): { readonly action: Action; readonly human: HumanStage } | null {
    const { action, human = null } = this.#items.get(id) ?? {};
    return action === undefined || human === null ? null : { action, human };
  }

  offerBreakGlass(id: string, voter: Principal): BreakGlassOffer {
    const item = this.#items.get(id);
    const human = item?.human ?? null;
    return item === undefined || human === null
      ? { kind: 'refused', why: 'no people are asked about it now' }
      : offerBreakGlass(item.course, voter, this.#breakGlassContext(item, { human, atMs: 0, waitedMs: 0 }));
  }

  async recoverPending(): Promise<number> {
    const notifiersOf = (ref: Ref): readonly Ref[] => {
      const approver = this.#parts.settings().approvers.get(ref);
      return approver?.type === 'human_approver' ? approver.notifiers : [];
    };
    return recoverPending({ ...this.#parts, toldOf: ({ approvers }) => approvers.flatMap(notifiersOf) });
  }

  async close(why: string): Promise<void> {
    this.#closed = why;
    const items = [...this.#items.values()];
    await Promise.all(items.map((item) => this.#end(item, { state: 'cancelled', by: 'gateway', why })));
    await Promise.all(items.map((item) => item.result));
    await Promise.all(this.#writing);
  }

  async #voteOn(
    item: Item,
    ballot: Ballot,
    { voter, waitedMs }: { readonly voter: Principal; readonly waitedMs: number },
  ): Promise<VoteResult> {
    const { clock, fatigue, grants } = this.#parts;
    this.#expireIfDue(item);
    const { human } = item;
    if (item.approval.state !== 'pending') {
      return { kind: 'decided', approval: item.approval };
    }
    if (human === null) {
      const why =
        item.review === null
          ? 'somebody decides it at this moment'
          : 'a reviewer model looks at it; people are asked when it has answered';
      return { kind: 'refused', code: 'not-permitted', why };
    }
    const atMs = clock.now();
    if ((ballot.breakGlass ?? null) !== null) {
      return this.#breakGlass(item, ballot, { voter, human, atMs, waitedMs });
    }
    const cast = castVote(item.course, ballot, voter, {
      human,
      approval: item.approval,
      atMs,
      waitedMs,
      isTired: (name) => fatigue.isTired(name),
      scopeObjection: (scope) => grants.findObjection(item.action, scope),
    });
    if (cast.kind === 'refused') {
      await this.#recording.refusal(item.approval, { ballot, voter, atMs, why: cast.why });
      return cast;
    }
    if (cast.kind === 'repeated') {
      return { kind: 'recorded', approval: item.approval };
    }
    const approved = ballot.decision === 'approve';
    fatigue.note({ by: voter.name, approved, atMs, tookMs: waitedMs, limitMs: human.fatigueMs });
    switch (cast.kind) {
      case 'denied': {
        this.#follow(item, cast.course);
        const note = cast.course.votes.at(-1)?.note ?? '';
        const ending: Ending = { state: 'denied', by: voter.name, why: 'an approver denied it', note };
        return this.#answer(item, this.#end(item, ending));
      }
      case 'counted':
        this.#follow(item, cast.course);
        item.approval = { ...item.approval, required: human.required + cast.course.extra };
        return this.#answer(item, this.#recordVote(item, voter.name));
      case 'stage-passed':
        return this.#answer(item, this.#take(item, enterStage(cast.course, this.#context(item)), voter.name));
    }
  }

  /** One person decides the stage alone. That they do is on disk, and told to everybody, before anything comes of it. */
  async #breakGlass(item: Item, ballot: Ballot, by: Voting): Promise<VoteResult> {
    const { voter, human, atMs, waitedMs } = by;
    const cast = castBreakGlass(item.course, ballot, voter, this.#breakGlassContext(item, by));
    if (cast.kind === 'refused') {
      await this.#recording.refusal(item.approval, { ballot, voter, atMs, why: cast.why });
      return cast;
    }
    this.#parts.fatigue.note({ by: voter.name, approved: true, atMs, tookMs: waitedMs, limitMs: human.fatigueMs });
    // Until it is on disk nobody else decides, and no deadline ends it.
    item.human = null;
    this.#follow(item, { ...item.course, votes: cast.course.votes });
    const transition = { type: 'approval.break_glass', atMs, by: voter.name, reason: cast.vote.note } as const;
    if (!(await this.#recording.record(item, transition))) {
      await this.#fail(item);
      return { kind: 'unrecorded' };
    }
    this.#announcing.alarm(item, { vote: cast.vote, allowed: allowedOf(human) });
    if (item.approval.state !== 'pending') {
      return { kind: 'decided', approval: item.approval };
    }
    return this.#answer(item, this.#take(item, enterStage(cast.course, this.#context(item)), voter.name, true));
  }

  #breakGlassContext(item: Item, { human, atMs, waitedMs }: Omit<Voting, 'voter'>): BreakGlassContext {
    const { fatigue, settings } = this.#parts;
    const isTired = (name: string): boolean => fatigue.isTired(name);
    return { human, settings: settings(), approval: item.approval, atMs, waitedMs, isTired };
  }

  async #park(action: Action, decision: Decision, waiting: Waiting): Promise<ApprovalResult> {
    const { promise: result, resolve } = createDeferred<ApprovalResult>();
    const shown = this.#parts.show(action);
    const nowMs = this.#parts.clock.monotonicMs();
    const approval = describeApproval(action, decision, { nowMs: this.#parts.clock.now(), shown });
    const item: Item = newItem(
      {
        action,
        signal: waiting.signal,
        notify: (notice) => waiting.parked(notice),
        approval,
        alike: alikeKey(action, decision, shown),
        onAbort: () =>
          this.#own(this.#end(item, { state: 'cancelled', by: 'gateway', why: abortReason(waiting.signal) })),
        resolve,
        result,
      },
      { approvers: decision.approvers, nowMs },
    );
    this.#items.set(approval.id, item);
    this.#waiting += 1;
    this.#perDevice.add(action.agent.device, 1);
    this.#firsts = null;
    const first = this.#alike.join(item);
    if (first !== null) {
      this.#announcing.changed(first);
    }
    waiting.signal.addEventListener('abort', item.onAbort, { once: true });
    try {
      await this.#open(item, askedBy(decision));
    } catch (error) {
      this.#parts.warn('a request could not be parked', error);
      await this.#fail(item);
    }
    return result;
  }

  /** Puts the question: first on disk, then to the client as a notice. Ends it at once when nobody has to be asked. */
  async #open(item: Item, by: string): Promise<void> {
    const step = enterStage(item.course, this.#context(item));
    if (step.kind === 'ask') {
      this.#wait(item, step.course, step.human);
    } else if (step.kind === 'review') {
      this.#await(item, step.course, step.reviewer);
    }
    const reason = item.approval.reason;
    const recorded = await this.#recording.record(item, {
      type: 'approval.created',
      atMs: item.approval.createdMs,
      by,
      reason,
    });
    if (!recorded) {
      await this.#fail(item);
    } else if (step.kind === 'approved' || step.kind === 'denied') {
      await this.#take(item, step, 'gateway');
    } else if (item.approval.state === 'pending') {
      item.measurement = this.#measure(item.action);
      this.#own(this.#attachEffect(item, item.measurement));
      this.#begin(item, null);
      this.#announcing.tick(item);
    }
  }

  /** Goes where a walk over the stages has led. Resolves with whether it is on disk. `told`: this turn has a record already. */
  async #take(item: Item, step: Step, by: string, told: boolean = false): Promise<boolean> {
    const previous = item.human?.ref ?? null;
    switch (step.kind) {
      case 'ask':
      case 'review': {
        if (step.kind === 'ask') {
          this.#wait(item, step.course, step.human);
        } else {
          this.#await(item, step.course, step.reviewer);
        }
        const recorded = told || (await this.#recordVote(item, by));
        if (recorded && item.approval.state === 'pending') {
          this.#begin(item, previous);
        }
        return recorded;
      }
      case 'approved':
        this.#follow(item, step.course);
        return this.#end(item, { state: 'approved', by: by === 'gateway' ? step.by : by, why: '' });
      case 'denied':
        this.#follow(item, step.course);
        return this.#end(item, { state: 'denied', by: step.by, why: step.why, note: step.why });
    }
  }

  /** Asks the people of a stage; the time to answer starts now. */
  #wait(item: Item, course: Course, human: HumanStage): void {
    item.human = human;
    item.review = null;
    item.reminders = 0;
    this.#limit(item, course, human.timeoutMs);
    item.approval = { ...item.approval, required: human.required };
  }

  /** Asks a reviewer model. */
  #await(item: Item, course: Course, approver: LlmApproverConfig): void {
    item.human = null;
    item.review = { approver, abort: new AbortController() };
    this.#limit(item, course, EFFECT_WAIT_MS + approver.timeoutMs + REVIEW_SLACK_MS);
    item.approval = { ...item.approval, required: 1 };
  }

  #limit(item: Item, course: Course, timeoutMs: number): void {
    const { clock } = this.#parts;
    const nowMs = clock.monotonicMs();
    const capMs = item.approval.inTransaction ? item.createdMonotonicMs + MAX_IN_TRANSACTION_MS : Number.MAX_VALUE;
    item.dueMs = Math.min(nowMs + timeoutMs, capMs);
    item.askedMonotonicMs = nowMs;
    const leftMs = Math.max(0, item.dueMs - nowMs);
    this.#follow(item, course);
    item.approval = { ...item.approval, askedMs: clock.now(), expiresMs: clock.now() + leftMs };
    item.deadline?.cancel();
    item.reminder?.cancel();
    item.deadline = clock.after(leftMs, () => this.#own(this.#expire(item)));
  }

  /** It is on disk that somebody is asked: now they are. */
  #begin(item: Item, previous: Ref | null): void {
    const { human, review } = item;
    if (review !== null) {
      this.#own(this.#review(item, review.approver, review.abort.signal));
    }
    if (human !== null) {
      this.#announcing.asked(item, previous);
    }
  }

  async #review(item: Item, approver: LlmApproverConfig, signal: AbortSignal): Promise<void> {
    await this.effectReady(item.approval.id, EFFECT_WAIT_MS);
    const { action, approval } = item;
    const review = await reviewOrTrouble(this.#parts, { approver, action, approval }, signal);
    await this.#reviewed(item, review, signal);
  }

  /** Takes what a model said, unless it is not asked any more. */
  async #reviewed(item: Item, review: Review, signal: AbortSignal): Promise<void> {
    if (item.review?.abort.signal !== signal || item.approval.state !== 'pending') {
      return;
    }
    const { approver } = item.review;
    item.review = null;
    item.deadline?.cancel();
    const step = afterReview(item.course, approver, review, this.#context(item));
    item.approval = { ...item.approval, reviews: [...item.approval.reviews, review] };
    this.#follow(item, step.course);
    const reason = review.trouble ?? review.answer ?? '';
    const atMs = this.#parts.clock.now();
    if (await this.#recording.record(item, { type: 'approval.reviewed', atMs, by: approver.ref, reason, review })) {
      if (item.approval.state === 'pending') {
        await this.#take(item, step, approver.ref, true);
      }
    } else {
      await this.#fail(item);
    }
  }

  #follow(item: Item, course: Course): void {
    const { approvers, stage, votes, grantId } = course;
    item.course = course;
    // Past the last stage the approval keeps naming the last one.
    const shown = Math.min(stage, approvers.length - 1);
    item.approval = { ...item.approval, approvers, stage: shown, votes, grantId };
  }

  /** At the deadline, or when a vote finds that it has passed: the deadline wins. */
  async #expire(item: Item): Promise<void> {
    const { human, review, approval } = item;
    if (approval.state !== 'pending' || (human === null && review === null)) {
      return;
    }
    const { clock } = this.#parts;
    const capped = approval.inTransaction && clock.monotonicMs() >= item.createdMonotonicMs + MAX_IN_TRANSACTION_MS;
    if (review !== null && !capped) {
      const late = troubled(review.approver, 'timeout', {
        atMs: clock.now(),
        detail: 'no answer in time',
        latencyMs: 0,
      });
      await this.#reviewed(item, late, review.abort.signal);
      review.abort.abort();
      return;
    }
    const step = capped || human === null ? null : escalateOnTimeout(item.course, human, this.#context(item));
    if (step !== null) {
      await this.#take(item, step, 'gateway');
      return;
    }
    const why = capped
      ? 'nobody answered in the time that a request inside a transaction may hold its locks'
      : 'nobody answered in time';
    await this.#end(item, { state: 'expired', by: 'gateway', why });
  }

  /** A timer may be late; a vote at the deadline is. */
  #expireIfDue(item: Item): void {
    if (this.#parts.clock.monotonicMs() >= item.dueMs) {
      this.#own(this.#expire(item));
    }
  }

  /** The one way out of `pending`. Resolves with whether this call ended it and the end is on disk. */
  async #end(item: Item, ending: Ending): Promise<boolean> {
    if (item.approval.state !== 'pending') {
      return false;
    }
    const { clock, ended, grants } = this.#parts;
    // Bound to the bytes: what is released must still be what was shown.
    const changed = ending.state === 'approved' && item.action.evidence.digest() !== item.approval.request.digest;
    const { state, by, why } = changed ? CHANGED : ending;
    const atMs = clock.now();
    const { action, approval, course } = item;
    const made = state === 'approved' ? course.wishes.map((wish) => grants.make(action, approval, wish)) : [];
    item.approval = { ...approval, state, decidedMs: atMs, ended: why, grantsMade: made.map(({ id }) => id) };
    item.unrecorded = [...item.unrecorded, ...made];
    this.#release(item);
    const reason = ending.note === undefined || ending.note === '' ? why : ending.note;
    const recorded = await this.#recording.record(item, { type: `approval.${state}`, atMs, by, reason });
    this.#items.delete(item.approval.id);
    if (recorded) {
      made.forEach((grant) => grants.start(grant));
    }
    ended(item.approval, clock.monotonicMs() - item.createdMonotonicMs);
    item.resolve(resultOf(item, ending.note ?? '', recorded));
    this.#announcing.decided(item);
    return recorded;
  }

  /** Neither asked nor recorded: nothing may come of it. */
  async #fail(item: Item): Promise<void> {
    await this.#end(item, { state: 'cancelled', by: 'gateway', why: NOT_RECORDED });
  }

  /** Lets go of everything that an ended item held; nothing of it fires later. */
  #release(item: Item): void {
    item.deadline?.cancel();
    item.notice?.cancel();
    item.reminder?.cancel();
    item.measurement?.stop();
    item.review?.abort.abort();
    item.review = null;
    item.signal.removeEventListener('abort', item.onAbort);
    this.#waiting -= 1;
    this.#perDevice.add(item.action.agent.device, -1);
    const rest = this.#alike.leave(item);
    this.#firsts = null;
    if (rest?.before === true) {
      this.#announcing.changed(rest.first);
    } else if (rest !== null) {
      this.#announcing.asked(rest.first, null);
    }
  }

  async #recordVote(item: Item, by: string): Promise<boolean> {
    const recorded = await this.#recording.record(item, {
      type: 'approval.voted',
      atMs: this.#parts.clock.now(),
      by,
      reason: item.approval.votes.at(-1)?.note ?? '',
    });
    if (recorded) {
      this.#announcing.changed(item);
    } else {
      await this.#fail(item);
    }
    return recorded;
  }

  async #answer(item: Item, recording: Promise<boolean>): Promise<VoteResult> {
    return (await recording) ? { kind: 'recorded', approval: item.approval } : { kind: 'unrecorded' };
  }

  async #attachEffect(item: Item, measurement: Measurement): Promise<void> {
    const effect = await measurement.over;
    if (item.approval.state === 'pending') {
      item.approval = { ...item.approval, effect };
      this.#announcing.changed(item);
    }
  }

  #context(item: Item): StageContext {
    return {
      settings: this.#parts.settings(),
      atMs: this.#parts.clock.now(),
      digest: item.approval.request.digest,
      findCover: (approver) => {
        const grant = this.#parts.grants.use(item.action, approver);
        item.unrecorded = grant === null ? item.unrecorded : [...item.unrecorded, grant];
        return grant?.id ?? null;
      },
    };
  }

  /** Keeps a promise that nobody awaits, so that `close` can, and so that its failure is told. */
  #own(work: Promise<unknown>): void {
    const owned: Promise<void> = work
      .then(
        () => undefined,
        (error: unknown) => this.#parts.warn('the queue of approvals failed', error),
      )
      .finally(() => this.#writing.delete(owned));
    this.#writing.add(owned);
  }
}
