// Break-glass: one named person decides alone, in an emergency, what a quorum, fatigue or the order of escalation would hold back. Never
// what they could not decide at all: on their own device, or what a rule denies. Pure.
import { asciiLower, shorten } from '../lib/text.ts';
import type { Approval, Vote } from './approval.ts';
import {
  escalationPath,
  findObjection,
  findWrongDigest,
  isListed,
  MAX_NOTE_CHARS,
  nextStage,
  ownsDevice,
  type ApprovalSettings,
  type Ballot,
  type CastContext,
  type Course,
  type HumanStage,
  type Principal,
  type RefusedCast,
} from './stages.ts';

/** Shorter reasons tell nobody anything afterwards. */
export const MIN_REASON_CHARS = 10;

/** Who votes at a stage, and when. */
export interface Voting {
  readonly voter: Principal;
  readonly human: HumanStage;
  readonly atMs: number;
  readonly waitedMs: number;
}

export interface BreakGlassContext extends Omit<CastContext, 'scopeObjection'> {
  readonly settings: ApprovalSettings;
}

export type BreakGlassCast =
  | RefusedCast
  /** `course` is at the next stage; `vote` is its last. */
  | { readonly kind: 'broken'; readonly course: Course; readonly vote: Vote & Required<Pick<Vote, 'breakGlass'>> };

/** Whether a person may decide alone, and what is missing that they overrule. */
export type BreakGlassOffer =
  | { readonly kind: 'offered'; readonly missing: readonly string[] }
  | { readonly kind: 'refused'; readonly why: string };

/** What break-glass would be for that person at this stage, before anything is said about the request itself. */
export function offerBreakGlass(course: Course, voter: Principal, context: BreakGlassContext): BreakGlassOffer {
  const { human, settings, approval } = context;
  const listing = escalationPath(human, settings).find(({ breakGlass }) => isListed(voter, breakGlass));
  // Buttons of channels are pressed by mistake; here a person writes down why.
  if (voter.notifier !== undefined || (voter.via !== 'cli' && voter.via !== 'dashboard')) {
    return refuse('break-glass is possible on the dashboard and the command line only');
  }
  if (voter.standing !== undefined) {
    return refuse(`${voter.name} has no role that decides`);
  }
  if (listing === undefined) {
    return refuse(`${voter.name} is not in break_glass of ${human.ref}`);
  }
  if (ownsDevice(voter, approval.agent.user)) {
    return refuse(`${voter.name} owns the device that asks: that takes another person, in an emergency too`);
  }
  const missing = missingFor(course, voter, { ...context, listing });
  return missing.length === 0
    ? refuse('nobody else is needed: an ordinary approval decides it')
    : { kind: 'offered', missing };
}

/** Decides the stage alone. */
export function castBreakGlass(
  course: Course,
  ballot: Ballot,
  voter: Principal,
  context: BreakGlassContext,
): BreakGlassCast {
  const offer = offerBreakGlass(course, voter, context);
  if (offer.kind === 'refused') {
    return { ...offer, code: 'not-permitted' };
  }
  if (ballot.decision !== 'approve') {
    return { kind: 'refused', code: 'not-permitted', why: 'a denial by one person decides without break-glass' };
  }
  const wrongDigest = findWrongDigest(ballot, context.approval);
  if (wrongDigest !== null) {
    return wrongDigest;
  }
  if ((ballot.grant ?? null) !== null) {
    return { kind: 'refused', code: 'grant-refused', why: 'break-glass is for one request: it gives no lease' };
  }
  const reason = (ballot.breakGlass ?? '').trim().replace(/\s+/g, ' ');
  if (reason.length < MIN_REASON_CHARS) {
    const why = `break-glass needs a reason of ${MIN_REASON_CHARS} characters or more: everybody is told it`;
    return { kind: 'refused', code: 'needs-reason', why };
  }
  const vote = {
    by: voter.name,
    via: voter.via,
    decision: 'approve',
    atMs: context.atMs,
    note: shorten(reason, MAX_NOTE_CHARS),
    digest: asciiLower(ballot.digest),
    waitedMs: context.waitedMs,
    breakGlass: { approver: context.human.ref, missing: offer.missing },
  } as const;
  return { kind: 'broken', vote, course: nextStage({ ...course, votes: [...course.votes, vote] }) };
}

/** Votes by which somebody decided alone, in order. */
export function brokenGlass({
  votes,
}: Pick<Approval, 'votes'>): readonly (Vote & Required<Pick<Vote, 'breakGlass'>>)[] {
  return votes.flatMap((vote) => (vote.breakGlass === undefined ? [] : [{ ...vote, breakGlass: vote.breakGlass }]));
}

/** Who else is told: those of the approver, and those who may break its glass. No approver listed: any operator who decides. */
export function allowedOf({ allowed, breakGlass }: Pick<HumanStage, 'allowed' | 'breakGlass'>): readonly string[] {
  return allowed.length === 0 ? [] : [...new Set([...allowed, ...breakGlass])];
}

/** What would be needed beside this person's word; [] when nothing is. */
function missingFor(
  course: Course,
  voter: Principal,
  { human, listing, approval, isTired }: BreakGlassContext & { readonly listing: HumanStage },
): readonly string[] {
  const approving = new Set(
    course.votes
      .slice(course.countedFrom)
      .filter(({ decision }) => decision === 'approve')
      .map(({ by }) => by),
  );
  const objection = findObjection(human, voter, approval.agent.user);
  if (objection === null) {
    approving.add(voter.name);
  }
  const tired = human.onFatigue === 'second_approver' && [...approving].some((name) => isTired(name));
  const needed = human.required + (tired ? 1 : 0);
  const short = approving.size < needed;
  if (objection === null && !short) {
    return [];
  }
  return [
    ...(listing === human ? [] : [`${human.ref} is asked first, and ${listing.ref} only when nobody answers in time`]),
    ...(objection === null ? [] : [objection]),
    ...(short ? [shortOf(needed, approving.size, objection === null ? voter.name : null)] : []),
    ...(short && tired ? ['one of them because somebody who approves has stopped reading'] : []),
  ];
}

function shortOf(needed: number, size: number, voter: string | null): string {
  const people = `${needed} ${needed === 1 ? 'person is' : 'people are'} needed`;
  return voter === null ? `${people}, and ${size} approved` : `${people}, and with ${voter} it is ${size}`;
}

function refuse(why: string): BreakGlassOffer {
  return { kind: 'refused', why };
}
