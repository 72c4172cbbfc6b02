// Who is asked, and what a vote does: pure walks over a chain of approvers. Nothing here waits, records or knows the time.
import { BUILTIN_APPROVER } from '../config/names.ts';
import { asciiLower, shorten } from '../lib/text.ts';
import type {
  ApproverConfig,
  Config,
  GrantLimits,
  HumanApproverConfig,
  LlmApproverConfig,
  Ref,
} from '../config/config.ts';
import type { Scope } from '../audit/scope.ts';
import type { Approval, GrantTerms, GrantWish, RefusedCode, Review, Vote } from './approval.ts';
import { findWishObjection } from './grant.ts';

/** How often a stage may hand over to another approver (config reference 2.8). */
const MAX_ESCALATIONS = 3;

/** Median time to decide below which somebody who approves nearly everything counts as tired. */
export const DEFAULT_FATIGUE_MS = 5_000;

/** A note is told to the agent and kept; what is longer is cut. */
export const MAX_NOTE_CHARS = 2_000;

/** What of the configuration in force matters to approvals. */
export interface ApprovalSettings {
  readonly approvers: ReadonlyMap<Ref, ApproverConfig>;
  /** Wait of `builtin.dashboard`. */
  readonly humanTimeoutMs: number;
  readonly parked: number;
  readonly parkedPerDevice: number;
  /** Limits of grants for approvers without their own. */
  readonly grant: GrantLimits;
}

/** Reads the settings out of a configuration. */
export function approvalSettings(
  config: Pick<Config, 'approvers' | 'defaults' | 'gateway' | 'grant'>,
): ApprovalSettings {
  return {
    approvers: new Map(config.approvers.map((approver) => [approver.ref, approver])),
    humanTimeoutMs: config.defaults.humanTimeoutMs,
    parked: config.gateway.limits.parked,
    parkedPerDevice: config.gateway.limits.parkedPerDevice,
    grant: config.grant,
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
  /** Who may decide alone in an emergency: break-glass.ts. */
  readonly breakGlass: readonly string[];
  readonly notifiers: readonly Ref[];
  readonly message: string | null;
  /** Time between reminders; 0 = none. */
  readonly remindMs: number;
  readonly onFatigue: 'warn' | 'second_approver';
  /** Who approves nearly everything in less than this, as a median, counts as tired. */
  readonly fatigueMs: number;
  readonly grant: GrantLimits;
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
  /** People that this stage needs beside `required`, since one who voted approves nearly everything unread. */
  readonly extra: number;
  readonly grantId: string | null;
  /** Grants to be made when the whole request is approved: what every voter of a stage agreed to. */
  readonly wishes: readonly GrantTerms[];
}

export type Step =
  | { readonly kind: 'ask'; readonly course: Course; readonly human: HumanStage }
  /** A reviewer model is asked; `afterReview` goes on with what it said. */
  | { readonly kind: 'review'; readonly course: Course; readonly reviewer: LlmApproverConfig }
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
  return { approvers, stage: 0, hops: 0, votes: [], countedFrom: 0, extra: 0, grantId: null, wishes: [] };
}

/** Walks on from the current stage to the next one that must wait for people or a model, or to the end. */
export function enterStage(start: Course, context: StageContext, passedBy: string = 'gateway'): Step {
  let course = start;
  let by = passedBy;
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
    return approver?.type === 'llm_approver'
      ? { kind: 'review', course, reviewer: approver }
      : { kind: 'denied', course, by: 'gateway', why: `approver ${ref} is not in the configuration` };
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

/** What an agent is told of a reviewer's no: that, and nothing of its reasons, which would be an oracle. */
const REVIEWER_DENIED = 'a reviewer model denied it';
const REVIEWER_FAILED = 'the reviewer model gave no usable answer';

/**
 * Goes on with what a reviewer model said. Its yes passes its own stage and no other: whoever comes after it in the chain still decides.
 * Without an answer the stage takes its `on_error` way, so no path leads from trouble to allow.
 */
export function afterReview(
  course: Course,
  reviewer: LlmApproverConfig,
  review: Pick<Review, 'answer' | 'trouble'>,
  context: StageContext,
): Step {
  // What is not whole is for people, whatever the model's trouble otherwise leads to.
  const outcome = review.answer ?? (review.trouble === 'cut' ? 'escalate' : reviewer.onError);
  const decision = outcome === 'allow' ? 'approve' : outcome;
  const failed = review.answer === null;
  const note = decision === 'approve' ? '' : failed ? REVIEWER_FAILED : decision === 'deny' ? REVIEWER_DENIED : '';
  const vote = makeVote(context, { by: reviewer.ref, via: 'model', decision, note });
  const voted = { ...course, votes: [...course.votes, vote] };
  switch (decision) {
    case 'approve':
      return enterStage(nextStage(voted), context, reviewer.ref);
    case 'deny':
      return { kind: 'denied', course: voted, by: reviewer.ref, why: note };
    case 'escalate':
      return escalateFrom(voted, reviewer, context);
  }
}

function escalateFrom(course: Course, reviewer: LlmApproverConfig, context: StageContext): Step {
  if (course.hops >= MAX_ESCALATIONS) {
    return { kind: 'denied', course, by: 'gateway', why: 'handed from approver to approver too often' };
  }
  if (reviewer.escalateTo !== null) {
    return enterStage(replaceStage(course, reviewer.escalateTo), context);
  }
  const later = course.approvers.slice(course.stage + 1);
  return later.some((ref) => isHuman(ref, context.settings))
    ? enterStage(nextStage(course), context)
    : enterStage(replaceStage(course, BUILTIN_APPROVER), context);
}

function isHuman(ref: Ref, settings: ApprovalSettings): boolean {
  return ref === BUILTIN_APPROVER || settings.approvers.get(ref)?.type === 'human_approver';
}

function findHuman(ref: Ref, approver: HumanApproverConfig | undefined, settings: ApprovalSettings): HumanStage | null {
  if (approver === undefined) {
    return ref === BUILTIN_APPROVER ? dashboardStage(settings) : null;
  }
  return {
    ref,
    label: approver.name,
    timeoutMs: approver.timeoutMs,
    escalateTo: approver.onTimeout === 'escalate' ? approver.escalateTo : null,
    required: Math.max(1, approver.requireApprovers),
    allowed: approver.approvers,
    separationOfDuties: approver.separationOfDuties,
    breakGlass: approver.breakGlass,
    notifiers: approver.notifiers,
    message: approver.message,
    remindMs: approver.remindMs ?? Math.floor(approver.timeoutMs / 2),
    onFatigue: approver.onFatigue,
    fatigueMs: approver.fatigueMs,
    grant: approver.grant ?? settings.grant,
  };
}

/** The people who are asked, and after them, in order, those to whom they hand it on when nobody answers. */
export function escalationPath(human: HumanStage, settings: ApprovalSettings): readonly HumanStage[] {
  const path = [human];
  for (let ref = human.escalateTo; ref !== null && path.length <= MAX_ESCALATIONS;) {
    const approver = settings.approvers.get(ref);
    const next = approver?.type === 'llm_approver' ? null : findHuman(ref, approver, settings);
    if (next === null) {
      break;
    }
    path.push(next);
    ref = next.escalateTo;
  }
  return path;
}

function dashboardStage(settings: ApprovalSettings): HumanStage {
  return {
    ref: BUILTIN_APPROVER,
    label: 'an operator',
    timeoutMs: settings.humanTimeoutMs,
    escalateTo: null,
    required: 1,
    allowed: [],
    separationOfDuties: false,
    breakGlass: [],
    notifiers: [],
    message: null,
    remindMs: 0,
    onFatigue: 'warn',
    fatigueMs: DEFAULT_FATIGUE_MS,
    grant: settings.grant,
  };
}

/** The course when the people of its stage have said yes. */
export function nextStage(course: Course): Course {
  return { ...course, stage: course.stage + 1, hops: 0, countedFrom: course.votes.length, extra: 0 };
}

function replaceStage(course: Course, ref: Ref): Course {
  const approvers = course.approvers.with(course.stage, ref);
  return { ...course, approvers, hops: course.hops + 1, countedFrom: course.votes.length, extra: 0 };
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
  /** The notifier whose button it was; a stage that does not name it is not decided through it. Absent: dashboard and command line. */
  readonly notifier?: Ref;
  /** No operator account is theirs, so only an entry that names them lets them decide; or one whose role decides nothing. Absent: an approver. */
  readonly standing?: 'stranger' | 'viewer';
  /** What they see: of anything else they are told that it is not there. Absent: everything (the control socket). */
  readonly scope?: Scope;
}

/** What they say. */
export interface Ballot {
  readonly decision: 'approve' | 'deny';
  /** Digest of the request that they were shown; may be "" on a denial, which needs no look at the request. */
  readonly digest: string;
  /** Told to the agent on a denial, which needs one. */
  readonly note: string;
  /** With an approval: that what is like it may pass without asking, for a while. */
  readonly grant?: GrantWish | null;
  /** How many equal requests the voter was shown as one; 1 when left out. */
  readonly together?: number;
  /** With an approval: the reason why one person decides alone what takes more. Only the dashboard and the command line have it. */
  readonly breakGlass?: string | null;
}

/** The vote counts for nothing. */
export interface RefusedCast {
  readonly kind: 'refused';
  readonly code: RefusedCode;
  readonly why: string;
}

export type Cast =
  | RefusedCast
  /** The same person said the same on this stage before: nothing changes. */
  | { readonly kind: 'repeated' }
  | { readonly kind: 'denied'; readonly course: Course }
  | { readonly kind: 'counted'; readonly course: Course }
  /** The stage has what it needs; `course` is at the next one. */
  | { readonly kind: 'stage-passed'; readonly course: Course };

export interface CastContext {
  readonly human: HumanStage;
  readonly approval: Pick<Approval, 'agent' | 'request' | 'risk'>;
  readonly atMs: number;
  /** How long this approver had been asked. */
  readonly waitedMs: number;
  /** Whether that person approves nearly everything unread. */
  readonly isTired: (name: string) => boolean;
  /** Why no grant of that scope can be made of this request, or null. */
  readonly scopeObjection: (scope: GrantWish['scope']) => string | null;
}

/** Counts a vote. One denial decides; approvals count once a person. */
export function castVote(course: Course, ballot: Ballot, voter: Principal, context: CastContext): Cast {
  const { human, atMs, waitedMs } = context;
  const refused = findRefusal(ballot, voter, context);
  if (refused !== null) {
    return refused;
  }
  const counted = course.votes.slice(course.countedFrom).filter((vote) => vote.decision === 'approve');
  if (ballot.decision === 'approve' && counted.some((vote) => vote.by === voter.name)) {
    return { kind: 'repeated' };
  }
  const note = shorten(ballot.note.trim(), MAX_NOTE_CHARS);
  const wish = ballot.decision === 'approve' ? (ballot.grant ?? null) : null;
  const vote: Vote = {
    by: voter.name,
    via: voter.via,
    decision: ballot.decision,
    atMs,
    note,
    digest: asciiLower(ballot.digest),
    waitedMs,
    ...(wish === null ? {} : { grant: wish }),
  };
  const voted = { ...course, votes: [...course.votes, vote] };
  if (ballot.decision === 'deny') {
    return { kind: 'denied', course: voted };
  }
  const approving = [...counted, vote];
  const tired = human.onFatigue === 'second_approver' && approving.some(({ by }) => context.isTired(by));
  const extra = tired ? 1 : 0;
  return approving.length >= human.required + extra
    ? { kind: 'stage-passed', course: nextStage(withWish(voted, human.ref, approving)) }
    : { kind: 'counted', course: { ...voted, extra } };
}

/** A stage gives a grant only when every one of its voters said so, and then the narrowest that they said. */
function withWish(course: Course, approver: Ref, votes: readonly Vote[]): Course {
  const wishes = votes.flatMap(({ grant }) => grant ?? []);
  if (wishes.length < votes.length) {
    return course;
  }
  const wish: GrantTerms = {
    approver,
    by: votes.map(({ by }) => by),
    durationMs: Math.min(...wishes.map(({ durationMs }) => durationMs)),
    uses: Math.min(...wishes.map(({ uses }) => uses)),
    scope: wishes.some(({ scope }) => scope === 'exact') ? 'exact' : 'shape',
  };
  return { ...course, wishes: [...course.wishes, wish] };
}

function findRefusal(
  ballot: Ballot,
  voter: Principal,
  { human, approval, scopeObjection }: CastContext,
): RefusedCast | null {
  const notPermitted = findObjection(human, voter, approval.agent.user);
  if (notPermitted !== null) {
    return { kind: 'refused', code: 'not-permitted', why: notPermitted };
  }
  const wrongDigest = findWrongDigest(ballot, approval);
  if (wrongDigest !== null) {
    return wrongDigest;
  }
  if (ballot.decision === 'deny' && ballot.note.trim() === '') {
    return { kind: 'refused', code: 'needs-reason', why: 'a denial needs a reason: the agent is told it' };
  }
  const wish = ballot.grant ?? null;
  const why =
    wish === null ? null : (findWishObjection(wish, human.grant, approval.risk) ?? scopeObjection(wish.scope));
  return why === null ? null : { kind: 'refused', code: 'grant-refused', why };
}

/** The refusal of a vote on something else than what waits, or null. Only a denial may leave the digest out. */
export function findWrongDigest(
  { digest, decision }: Pick<Ballot, 'digest' | 'decision'>,
  { request }: Pick<Approval, 'request'>,
): RefusedCast | null {
  if (asciiLower(digest) === request.digest || (digest === '' && decision === 'deny')) {
    return null;
  }
  const why = 'the digest is not that of the request which waits; look at it again';
  return { kind: 'refused', code: 'wrong-digest', why };
}

/** Why this person may not decide here, or null. */
export function findObjection(human: HumanStage, voter: Principal, owner: string): string | null {
  const { notifier } = voter;
  if (notifier !== undefined && !human.notifiers.includes(notifier)) {
    return `${human.ref} is not asked through ${notifier}`;
  }
  if (voter.standing === 'viewer') {
    return `the role of ${voter.name} decides nothing`;
  }
  if (voter.standing === 'stranger' && human.allowed.length === 0) {
    return `${voter.name} is not linked to an operator, and any operator may decide for ${human.ref}, nobody else`;
  }
  if (human.allowed.length > 0 && !isListed(voter, human.allowed)) {
    return `${voter.name} is not among the approvers of ${human.ref}`;
  }
  if (human.separationOfDuties && ownsDevice(voter, owner)) {
    return `${voter.name} owns the device that asks, and ${human.ref} separates the duties`;
  }
  return null;
}

type Names = Pick<Principal, 'name' | 'aliases'>;

/** Whether one of the entries of a list of people is this person, by whichever of their names. */
export function isListed(voter: Names, entries: readonly string[]): boolean {
  return entries.some((entry) => namesOf(voter).some((name) => fits(entry, name)));
}

/** Whether the device that asks is this person's; `owner` is "" where it has none. */
export function ownsDevice(voter: Names, owner: string): boolean {
  return owner !== '' && namesOf(voter).some((name) => asciiLower(name) === asciiLower(owner));
}

function namesOf({ name, aliases }: Names): readonly string[] {
  return [name, ...aliases];
}

/** `*@domain` fits every address of exactly that domain; addresses compare without regard to ASCII case, other names exactly. */
export function fits(entry: string, name: string): boolean {
  if (!entry.includes('@')) {
    return entry === name;
  }
  if (entry.startsWith('*@')) {
    const at = name.lastIndexOf('@');
    return at > 0 && asciiLower(name.slice(at)) === asciiLower(entry.slice(1));
  }
  return asciiLower(entry) === asciiLower(name);
}
