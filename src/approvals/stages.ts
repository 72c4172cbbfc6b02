// Who is asked, and what a vote does: pure walks over a chain of approvers. Nothing here waits, records or knows the time.
import { asciiLower, shorten } from '../lib/text.ts';
import type { ApproverConfig, Config, HumanApproverConfig, LlmApproverConfig, Ref } from '../config/config.ts';
import type { Approval, Vote } from './approval.ts';

/** Any operator, on the dashboard or the command line. */
export const BUILTIN_DASHBOARD: Ref = 'builtin.dashboard';

/** How often a stage may hand over to another approver (config reference 2.8). */
export const MAX_ESCALATIONS = 3;

/** A note is told to the agent and kept; what is longer is cut. */
export const MAX_NOTE_CHARS = 2_000;

/** What of the configuration in force matters to approvals. */
export interface ApprovalSettings {
  readonly approvers: ReadonlyMap<Ref, ApproverConfig>;
  /** Wait of `builtin.dashboard`. */
  readonly humanTimeoutMs: number;
  readonly parked: number;
  readonly parkedPerDevice: number;
}

/** Reads the settings out of a configuration. */
export function approvalSettings(config: Pick<Config, 'approvers' | 'defaults' | 'gateway'>): ApprovalSettings {
  return {
    approvers: new Map(config.approvers.map((approver) => [approver.ref, approver])),
    humanTimeoutMs: config.defaults.humanTimeoutMs,
    parked: config.gateway.limits.parked,
    parkedPerDevice: config.gateway.limits.parkedPerDevice,
  };
}

/** A stage at which people are asked. */
export interface HumanStage {
  readonly ref: Ref;
  /** For the agent: a name from the configuration, never a person's. */
  readonly label: string;
  readonly timeoutMs: number;
  /** Who is asked when nobody answers in time; null = the request expires. */
  readonly escalateTo: Ref | null;
  /** Distinct people. */
  readonly required: number;
  /** [] = any operator. */
  readonly allowed: readonly string[];
  readonly separationOfDuties: boolean;
}

/** How far a request has come. Immutable. */
export interface Course {
  /** The chain; an escalation puts another approver in a stage's place. */
  readonly approvers: readonly Ref[];
  readonly stage: number;
  /** Escalations of this stage so far. */
  readonly hops: number;
  readonly votes: readonly Vote[];
  /** Votes before this index were cast on earlier stages or approvers and do not count here. */
  readonly countedFrom: number;
  readonly grantId: string | null;
}

export type Step =
  | { readonly kind: 'ask'; readonly course: Course; readonly human: HumanStage }
  | { readonly kind: 'approved'; readonly course: Course; readonly by: string }
  | { readonly kind: 'denied'; readonly course: Course; readonly by: string; readonly why: string };

/** What a walk may look at. */
export interface StageContext {
  readonly settings: ApprovalSettings;
  readonly atMs: number;
  readonly digest: string;
  /** Id of a grant that answers in the place of that approver, or null. */
  findCover(approver: Ref): string | null;
}

/** The course of a request that nobody has been asked about yet. */
export function startCourse(approvers: readonly Ref[]): Course {
  return { approvers, stage: 0, hops: 0, votes: [], countedFrom: 0, grantId: null };
}

/** Walks on from the current stage to the next one that must wait for people, or to the end. */
export function enterStage(start: Course, context: StageContext): Step {
  let course = start;
  let by = 'gateway';
  // Ends: each turn goes to the next stage or uses up one of the stage's escalations.
  for (;;) {
    const ref = course.approvers[course.stage];
    if (ref === undefined) {
      return { kind: 'approved', course, by };
    }
    const approver = context.settings.approvers.get(ref);
    const human = approver?.type === 'llm_approver' ? null : findHuman(ref, approver, context.settings);
    if (human !== null) {
      const grantId = context.findCover(ref);
      if (grantId === null) {
        return { kind: 'ask', course, human };
      }
      by = `grant:${grantId}`;
      const vote = makeVote(context, { by, via: 'gateway', decision: 'approve', note: '' });
      course = nextStage({ ...course, grantId, votes: [...course.votes, vote] });
      continue;
    }
    if (approver?.type !== 'llm_approver') {
      return { kind: 'denied', course, by: 'gateway', why: `approver ${ref} is not in the configuration` };
    }
    const step = passReviewer(course, approver, context);
    if (step.kind === 'denied') {
      return step;
    }
    course = step.course;
  }
}

/** Goes to the stage's replacement when nobody answered in time; null when there is none, or it was handed on too often. */
export function escalateOnTimeout(course: Course, human: HumanStage, context: StageContext): Step | null {
  if (human.escalateTo === null || course.hops >= MAX_ESCALATIONS) {
    return null;
  }
  const vote = makeVote(context, {
    by: 'gateway',
    via: 'gateway',
    decision: 'escalate',
    note: 'nobody answered in time',
  });
  return enterStage(replaceStage({ ...course, votes: [...course.votes, vote] }, human.escalateTo), context);
}

/**
 * There is no reviewer model behind `llm_approver` in this version, so its stage is always unavailable and takes its `on_error` way.
 * No path leads from here to allow.
 */
function passReviewer(
  course: Course,
  approver: LlmApproverConfig,
  context: StageContext,
): { readonly kind: 'go-on'; readonly course: Course } | Extract<Step, { readonly kind: 'denied' }> {
  const note = 'the reviewer model is not available';
  const vote = makeVote(context, { by: approver.ref, via: 'model', decision: approver.onError, note });
  const voted = { ...course, votes: [...course.votes, vote] };
  if (approver.onError === 'deny') {
    return { kind: 'denied', course: voted, by: approver.ref, why: note };
  }
  if (course.hops >= MAX_ESCALATIONS) {
    return { kind: 'denied', course: voted, by: 'gateway', why: 'handed from approver to approver too often' };
  }
  if (approver.escalateTo !== null) {
    return { kind: 'go-on', course: replaceStage(voted, approver.escalateTo) };
  }
  const later = course.approvers.slice(course.stage + 1);
  return later.some((ref) => isHuman(ref, context.settings))
    ? { kind: 'go-on', course: nextStage(voted) }
    : { kind: 'go-on', course: replaceStage(voted, BUILTIN_DASHBOARD) };
}

function isHuman(ref: Ref, settings: ApprovalSettings): boolean {
  return ref === BUILTIN_DASHBOARD || settings.approvers.get(ref)?.type === 'human_approver';
}

function findHuman(ref: Ref, approver: HumanApproverConfig | undefined, settings: ApprovalSettings): HumanStage | null {
  if (approver === undefined) {
    return ref === BUILTIN_DASHBOARD ? dashboardStage(settings) : null;
  }
  return {
    ref,
    label: approver.name,
    timeoutMs: approver.timeoutMs,
    escalateTo: approver.onTimeout === 'escalate' ? approver.escalateTo : null,
    required: Math.max(1, approver.requireApprovers),
    allowed: approver.approvers,
    separationOfDuties: approver.separationOfDuties,
  };
}

function dashboardStage(settings: ApprovalSettings): HumanStage {
  return {
    ref: BUILTIN_DASHBOARD,
    label: 'an operator',
    timeoutMs: settings.humanTimeoutMs,
    escalateTo: null,
    required: 1,
    allowed: [],
    separationOfDuties: false,
  };
}

function nextStage(course: Course): Course {
  return { ...course, stage: course.stage + 1, hops: 0, countedFrom: course.votes.length };
}

function replaceStage(course: Course, ref: Ref): Course {
  const approvers = course.approvers.with(course.stage, ref);
  return { ...course, approvers, hops: course.hops + 1, countedFrom: course.votes.length };
}

function makeVote(context: StageContext, vote: Pick<Vote, 'by' | 'via' | 'decision' | 'note'>): Vote {
  return { ...vote, atMs: context.atMs, digest: context.digest };
}

/** Who votes, as the channel authenticated them. Nothing of it comes from the vote itself. */
export interface Principal {
  /** `local`, or the operator account; one person has one name whatever the channel. */
  readonly name: string;
  readonly via: Vote['via'];
  /** E-mail address, tailnet login, `slack:ID` that are proven to be the same person. */
  readonly aliases: readonly string[];
}

/** What they say. */
export interface Ballot {
  readonly decision: 'approve' | 'deny';
  /** Digest of the request that they were shown; may be "" on a denial, which needs no look at the request. */
  readonly digest: string;
  /** Told to the agent on a denial. */
  readonly note: string;
}

export type Cast =
  | { readonly kind: 'refused'; readonly code: 'not-permitted' | 'wrong-digest'; readonly why: string }
  /** The same person said the same on this stage before: nothing changes. */
  | { readonly kind: 'repeated' }
  | { readonly kind: 'denied'; readonly course: Course }
  | { readonly kind: 'counted'; readonly course: Course }
  /** The stage has what it needs; `course` is at the next one. */
  | { readonly kind: 'stage-passed'; readonly course: Course };

export interface CastContext {
  readonly human: HumanStage;
  readonly approval: Pick<Approval, 'agent' | 'request'>;
  readonly atMs: number;
}

/** Counts a vote. One denial decides; approvals count once a person. */
export function castVote(course: Course, ballot: Ballot, voter: Principal, context: CastContext): Cast {
  const { human, approval, atMs } = context;
  const notPermitted = findObjection(human, voter, approval.agent.user);
  if (notPermitted !== null) {
    return { kind: 'refused', code: 'not-permitted', why: notPermitted };
  }
  const digest = asciiLower(ballot.digest);
  if (digest !== approval.request.digest && !(digest === '' && ballot.decision === 'deny')) {
    const why = 'the digest is not that of the request which waits; look at it again';
    return { kind: 'refused', code: 'wrong-digest', why };
  }
  const counted = course.votes.slice(course.countedFrom).filter((vote) => vote.decision === 'approve');
  if (ballot.decision === 'approve' && counted.some((vote) => vote.by === voter.name)) {
    return { kind: 'repeated' };
  }
  const note = shorten(ballot.note, MAX_NOTE_CHARS);
  const vote: Vote = { by: voter.name, via: voter.via, decision: ballot.decision, atMs, note, digest };
  const voted = { ...course, votes: [...course.votes, vote] };
  if (ballot.decision === 'deny') {
    return { kind: 'denied', course: voted };
  }
  return counted.length + 1 >= human.required
    ? { kind: 'stage-passed', course: nextStage(voted) }
    : { kind: 'counted', course: voted };
}

/** Why this person may not decide here, or null. */
function findObjection(human: HumanStage, voter: Principal, owner: string): string | null {
  const names = [voter.name, ...voter.aliases];
  if (human.allowed.length > 0 && !human.allowed.some((entry) => names.some((name) => fits(entry, name)))) {
    return `${voter.name} is not among the approvers of ${human.ref}`;
  }
  if (human.separationOfDuties && owner !== '' && names.some((name) => asciiLower(name) === asciiLower(owner))) {
    return `${voter.name} owns the device that asks, and ${human.ref} separates the duties`;
  }
  return null;
}

/** `*@domain` fits every address of exactly that domain; addresses compare without regard to ASCII case, other names exactly. */
function fits(entry: string, name: string): boolean {
  if (!entry.includes('@')) {
    return entry === name;
  }
  if (entry.startsWith('*@')) {
    const at = name.lastIndexOf('@');
    return at > 0 && asciiLower(name.slice(at)) === asciiLower(entry.slice(1));
  }
  return asciiLower(entry) === asciiLower(name);
}
