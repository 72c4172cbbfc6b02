// The queue of parked requests. One writer: every change of state is a compare-and-set in memory, then a record on disk, and only then
// does the waiting session hear of it. Knows nothing of how people are reached; they vote through `vote`.
import type { Action } from '../rules/action.ts';
import type { AuditEvent } from '../audit/event.ts';
import type { AuditLog } from '../audit/log.ts';
import type { Clock } from '../lib/clock.ts';
import type { Decision } from '../rules/decision.ts';
import type { Waiting } from '../protocols/protocol.ts';
import type { ParkedNotice } from '../protocols/session.ts';
import type { Approval, ApprovalResult, ApprovalStore, Grants } from './approval.ts';
import { createDeferred } from '../lib/deferred.ts';
import {
  CHANGED,
  NOT_RECORDED,
  abortReason,
  describeApproval,
  resultOf,
  type Ending,
  type Item,
  type Shown,
} from './item.ts';
import { createMeasuring, type Measure, type Measurement } from './measuring.ts';
import { approvalEvent, askedBy, refusedVoteEvent, type Transition } from './records.ts';
import {
  castVote,
  enterStage,
  escalateOnTimeout,
  startCourse,
  type ApprovalSettings,
  type Ballot,
  type Course,
  type HumanStage,
  type Principal,
  type StageContext,
  type Step,
} from './stages.ts';

/** A transaction holds locks while it waits, so it waits no longer than this, whatever the approver's timeout. */
export const MAX_IN_TRANSACTION_MS = 60_000;
/** How often a waiting client is told that it still waits. */
const NOTICE_MS = 30_000;
const MIN_PREFIX_CHARS = 8;

export interface ApprovalsParts {
  readonly clock: Clock;
  readonly audit: Pick<AuditLog, 'appendDurable'>;
  readonly store: ApprovalStore;
  readonly settings: () => ApprovalSettings;
  readonly grants: Grants;
  readonly measure: Measure;
  /** What approvers see of an action: its text, and its facts as JSON text nested by variable. */
  readonly show: (action: Action) => Shown;
  /** An approval has ended; for metrics. */
  readonly ended: (approval: Approval, waitedMs: number) => void;
  readonly warn: (message: string, error: unknown) => void;
}

export type VoteResult =
  /** Counted (or counted before); the approval's state tells whether it is decided now. */
  | { readonly kind: 'recorded'; readonly approval: Approval }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'decided'; readonly approval: Approval }
  | { readonly kind: 'refused'; readonly code: 'not-permitted' | 'wrong-digest'; readonly why: string }
  /** The record could not be written; the vote does not count. */
  | { readonly kind: 'unrecorded' };

export type Found =
  | { readonly kind: 'found'; readonly approval: Approval }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'ambiguous' };

export interface Approvals {
  /** Parks an action until it is decided. Never rejects: trouble is `refused`. `waiting.signal` takes it back at once; its reason says why. */
  ask(action: Action, decision: Decision, waiting: Waiting): Promise<ApprovalResult>;
  /** Counts a vote on the approval with exactly that id. `voter` comes from the channel's authentication and from nothing else. */
  vote(id: string, ballot: Ballot, voter: Principal): Promise<VoteResult>;
  /** Those that wait, oldest first. */
  pending(): readonly Approval[];
  /** Waiting or ended, with its effect as far as it is measured; by id or unique prefix of 8 or more. */
  find(idOrPrefix: string): Promise<Found>;
  /** Resolves when the effect of a waiting approval is measured, or after `limitMs`. */
  effectReady(id: string, limitMs: number): Promise<void>;
  /** Marks what was waiting when the last process ended as cancelled. Call once, before the first `ask`. */
  recoverPending(): Promise<number>;
  /** Cancels everything that waits and refuses what comes after. */
  close(why: string): Promise<void>;
}

/** Creates the queue. */
export function createApprovals(parts: ApprovalsParts): Approvals {
  return new Queue(parts);
}

class Queue implements Approvals {
  readonly #parts: ApprovalsParts;
  readonly #measure: (action: Action) => Measurement;
  /** By id, in the order of creation. An item leaves when its end is on disk. */
  readonly #items = new Map<string, Item>();
  readonly #perDevice = new Map<string, number>();
  /** Ends that are being written. */
  readonly #writing = new Set<Promise<void>>();
  #waiting = 0;
  #closed: string | null = null;

  constructor(parts: ApprovalsParts) {
    this.#parts = parts;
    this.#measure = createMeasuring(parts);
  }

  async ask(action: Action, decision: Decision, waiting: Waiting): Promise<ApprovalResult> {
    const settings = this.#parts.settings();
    const why = this.#findRefusal(action, decision, { settings, signal: waiting.signal });
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
    this.#expireIfDue(item);
    const { human } = item;
    if (item.approval.state !== 'pending' || human === null) {
      return { kind: 'decided', approval: item.approval };
    }
    const atMs = this.#parts.clock.now();
    const cast = castVote(item.course, ballot, voter, { human, approval: item.approval, atMs });
    switch (cast.kind) {
      case 'refused': {
        await this.#recordRefusal(refusedVoteEvent(item.approval, { ballot, voter, atMs, why: cast.why }));
        return cast;
      }
      case 'repeated':
        return { kind: 'recorded', approval: item.approval };
      case 'denied': {
        this.#follow(item, cast.course);
        const ending: Ending = {
          state: 'denied',
          by: voter.name,
          why: 'an approver denied it',
          note: cast.course.votes.at(-1)?.note ?? '',
        };
        return this.#answer(item, this.#end(item, ending));
      }
      case 'counted':
        this.#follow(item, cast.course);
        return this.#answer(item, this.#recordVote(item, voter.name));
      case 'stage-passed':
        return this.#answer(item, this.#take(item, enterStage(cast.course, this.#context(item)), voter.name));
    }
  }

  pending(): readonly Approval[] {
    return [...this.#items.values()].map((item) => item.approval).filter((approval) => approval.state === 'pending');
  }

  async find(idOrPrefix: string): Promise<Found> {
    const { store } = this.#parts;
    const waiting = [...this.#items.values()].filter(({ approval }) => approval.id.startsWith(idOrPrefix));
    const [only] = waiting;
    if (only?.approval.id === idOrPrefix) {
      return { kind: 'found', approval: only.approval };
    }
    if (idOrPrefix.length < MIN_PREFIX_CHARS) {
      return { kind: 'not-found' };
    }
    if (waiting.length > 1) {
      return { kind: 'ambiguous' };
    }
    const stored = await store.getApproval(idOrPrefix);
    if (stored !== null) {
      return { kind: 'found', approval: this.#items.get(stored.id)?.approval ?? stored };
    }
    if (only === undefined) {
      return { kind: 'not-found' };
    }
    // The store also says null when several have the prefix. One that waits is stored, unless it is being written just now.
    const { approval } = only;
    return (await store.getApproval(approval.id)) === null ? { kind: 'found', approval } : { kind: 'ambiguous' };
  }

  async effectReady(id: string, limitMs: number): Promise<void> {
    const over = this.#items.get(id)?.measurement?.over;
    if (over === undefined) {
      return;
    }
    const { promise: late, resolve } = createDeferred<null>();
    const timer = this.#parts.clock.after(limitMs, () => resolve(null));
    await Promise.race([over, late]);
    timer.cancel();
  }

  async recoverPending(): Promise<number> {
    const { store, audit, clock, ended } = this.#parts;
    let recovered = 0;
    for (let cursor: string | null = null; ;) {
      const page: Awaited<ReturnType<ApprovalStore['listApprovals']>> = await store.listApprovals(['pending'], {
        limit: 200,
        cursor,
      });
      for (const approval of page.items) {
        const why = 'the gateway was restarted while it waited';
        const atMs = clock.now();
        const cancelled: Approval = { ...approval, state: 'cancelled', decidedMs: atMs, ended: `restart: ${why}` };
        await audit.appendDurable(
          approvalEvent(cancelled, { type: 'approval.cancelled', atMs, by: 'gateway', reason: why }),
        );
        ended(cancelled, Math.max(0, atMs - approval.createdMs));
        recovered += 1;
      }
      cursor = page.next;
      if (cursor === null) {
        return recovered;
      }
    }
  }

  async close(why: string): Promise<void> {
    this.#closed = why;
    const items = [...this.#items.values()];
    await Promise.all(items.map((item) => this.#end(item, { state: 'cancelled', by: 'gateway', why })));
    await Promise.all(items.map((item) => item.result));
    await Promise.all(this.#writing);
  }

  #findRefusal(
    action: Action,
    decision: Decision,
    { settings, signal }: { readonly settings: ApprovalSettings; readonly signal: AbortSignal },
  ): string | null {
    if (this.#closed !== null) {
      return this.#closed;
    }
    if (signal.aborted) {
      return abortReason(signal);
    }
    if (decision.approvers.length === 0) {
      return 'nobody is named who could approve it';
    }
    // Nobody can answer for what nobody can see whole (config reference 1.7).
    if (!action.evidence.complete && (action.family === 'sql' || action.family === 'ssh')) {
      return 'it is too long to be shown whole to an approver';
    }
    if (this.#waiting >= settings.parked) {
      return 'too many requests wait for approval already';
    }
    if ((this.#perDevice.get(action.agent.device) ?? 0) >= settings.parkedPerDevice) {
      return 'too many requests of this device wait for approval already';
    }
    return null;
  }

  async #park(action: Action, decision: Decision, waiting: Waiting): Promise<ApprovalResult> {
    const { promise: result, resolve } = createDeferred<ApprovalResult>();
    const shown = this.#parts.show(action);
    const approval = describeApproval(action, decision, { nowMs: this.#parts.clock.now(), shown });
    const item: Item = {
      action,
      signal: waiting.signal,
      notify: (notice) => waiting.parked(notice),
      createdMonotonicMs: this.#parts.clock.monotonicMs(),
      dueMs: Number.POSITIVE_INFINITY,
      approval,
      course: startCourse(decision.approvers),
      human: null,
      deadline: null,
      notice: null,
      measurement: null,
      onAbort: () =>
        this.#own(this.#end(item, { state: 'cancelled', by: 'gateway', why: abortReason(waiting.signal) })),
      resolve,
      result,
    };
    this.#items.set(approval.id, item);
    this.#waiting += 1;
    this.#perDevice.set(action.agent.device, (this.#perDevice.get(action.agent.device) ?? 0) + 1);
    waiting.signal.addEventListener('abort', item.onAbort, { once: true });
    try {
      await this.#open(item, askedBy(decision));
    } catch (error) {
      this.#parts.warn('a request could not be parked', error);
      await this.#fail(item);
    }
    return result;
  }

  /** Puts the question: first on disk, then to the client as a notice. Ends it at once when no person has to be asked. */
  async #open(item: Item, by: string): Promise<void> {
    const step = enterStage(item.course, this.#context(item));
    if (step.kind === 'ask') {
      this.#wait(item, step.course, step.human);
    }
    const reason = item.approval.reason;
    const recorded = await this.#record(item, { type: 'approval.created', atMs: item.approval.createdMs, by, reason });
    if (!recorded) {
      await this.#fail(item);
    } else if (step.kind !== 'ask') {
      await this.#take(item, step, 'gateway');
    } else if (item.approval.state === 'pending') {
      item.measurement = this.#measure(item.action);
      this.#own(this.#attachEffect(item, item.measurement));
      this.#tick(item);
    }
  }

  /** Goes where a walk over the stages has led. Resolves with whether it is on disk. */
  async #take(item: Item, step: Step, by: string): Promise<boolean> {
    switch (step.kind) {
      case 'ask':
        this.#wait(item, step.course, step.human);
        return this.#recordVote(item, by);
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
    const { clock } = this.#parts;
    const nowMs = clock.monotonicMs();
    const capMs = item.approval.inTransaction ? item.createdMonotonicMs + MAX_IN_TRANSACTION_MS : Number.MAX_VALUE;
    item.dueMs = Math.min(nowMs + human.timeoutMs, capMs);
    const leftMs = Math.max(0, item.dueMs - nowMs);
    item.human = human;
    this.#follow(item, course);
    item.approval = { ...item.approval, required: human.required, expiresMs: clock.now() + leftMs };
    item.deadline?.cancel();
    item.deadline = clock.after(leftMs, () => this.#own(this.#expire(item)));
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
    if (item.approval.state !== 'pending' || item.human === null) {
      return;
    }
    const capped =
      item.approval.inTransaction && this.#parts.clock.monotonicMs() >= item.createdMonotonicMs + MAX_IN_TRANSACTION_MS;
    const step = capped ? null : escalateOnTimeout(item.course, item.human, this.#context(item));
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
    const { clock, ended } = this.#parts;
    // Bound to the bytes: what is released must still be what was shown.
    const changed = ending.state === 'approved' && item.action.evidence.digest() !== item.approval.request.digest;
    const { state, by, why } = changed ? CHANGED : ending;
    const atMs = clock.now();
    item.approval = { ...item.approval, state, decidedMs: atMs, ended: why };
    this.#release(item);
    const reason = ending.note === undefined || ending.note === '' ? why : ending.note;
    const recorded = await this.#record(item, { type: `approval.${state}`, atMs, by, reason });
    this.#items.delete(item.approval.id);
    ended(item.approval, clock.monotonicMs() - item.createdMonotonicMs);
    item.resolve(resultOf(item, ending.note ?? '', recorded));
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
    item.measurement?.stop();
    item.signal.removeEventListener('abort', item.onAbort);
    this.#waiting -= 1;
    const { device } = item.action.agent;
    const left = (this.#perDevice.get(device) ?? 1) - 1;
    if (left === 0) {
      this.#perDevice.delete(device);
    } else {
      this.#perDevice.set(device, left);
    }
  }

  async #recordVote(item: Item, by: string): Promise<boolean> {
    const recorded = await this.#record(item, {
      type: 'approval.voted',
      atMs: this.#parts.clock.now(),
      by,
      reason: item.approval.votes.at(-1)?.note ?? '',
    });
    if (!recorded) {
      await this.#fail(item);
    }
    return recorded;
  }

  async #record(item: Item, transition: Transition): Promise<boolean> {
    try {
      await this.#parts.audit.appendDurable(approvalEvent(item.approval, transition));
      return true;
    } catch (error) {
      this.#parts.warn(`${transition.type} of ${item.approval.id} could not be recorded`, error);
      return false;
    }
  }

  async #recordRefusal(event: AuditEvent): Promise<void> {
    try {
      await this.#parts.audit.appendDurable(event);
    } catch (error) {
      this.#parts.warn('a vote that was refused could not be recorded', error);
    }
  }

  async #answer(item: Item, recording: Promise<boolean>): Promise<VoteResult> {
    return (await recording) ? { kind: 'recorded', approval: item.approval } : { kind: 'unrecorded' };
  }

  #tick(item: Item): void {
    const { clock, warn } = this.#parts;
    const notice: ParkedNotice = {
      approval: item.approval.id,
      expiresInMs: Math.max(0, item.dueMs - clock.monotonicMs()),
      waitsFor: item.human?.label ?? '',
    };
    try {
      item.notify(notice);
    } catch (error) {
      warn('a waiting client could not be told that it waits', error);
    }
    // The client may have withdrawn in answer to the notice.
    if (item.approval.state === 'pending') {
      item.notice = clock.after(NOTICE_MS, () => this.#tick(item));
    }
  }

  async #attachEffect(item: Item, measurement: Measurement): Promise<void> {
    const effect = await measurement.over;
    if (item.approval.state === 'pending') {
      item.approval = { ...item.approval, effect };
    }
  }

  #context(item: Item): StageContext {
    return {
      settings: this.#parts.settings(),
      atMs: this.#parts.clock.now(),
      digest: item.approval.request.digest,
      findCover: (approver) => this.#parts.grants.findCover(item.action, approver)?.grantId ?? null,
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
