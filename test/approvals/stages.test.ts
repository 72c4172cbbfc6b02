// Who is asked next, and what a vote does: tables over the pure walks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  afterReview,
  castVote,
  enterStage,
  escalateOnTimeout,
  startCourse,
  type ApprovalSettings,
  type Ballot,
  type Cast,
  type Course,
  type HumanStage,
  type Principal,
  type StageContext,
  type Step,
} from '../../src/approvals/stages.ts';
import type { GrantWish, Review } from '../../src/approvals/approval.ts';
import type { GrantLimits } from '../../src/config/config.ts';
import type { Risk } from '../../src/rules/action.ts';
import { AGENT, human, model, NO_GRANTS, person, settingsOf } from './parts.ts';

const DIGEST = 'd'.repeat(64);

function contextOf(settings: ApprovalSettings, cover: Readonly<Record<string, string>> = {}): StageContext {
  return { settings, atMs: 1, digest: DIGEST, findCover: (ref) => cover[ref] ?? null };
}

/** `ask REF@STAGE`, `approved by BY`, `denied by BY`. */
function brief(step: Step | null): string {
  if (step === null) {
    return 'nothing';
  }
  switch (step.kind) {
    case 'ask':
      return `ask ${step.human.ref}@${step.course.stage}`;
    case 'review':
      return `review ${step.reviewer.ref}@${step.course.stage}`;
    case 'approved':
    case 'denied':
      return `${step.kind} by ${step.by}`;
  }
}

type Said = Pick<Review, 'answer' | 'trouble'>;
const TROUBLE: Said = { answer: null, trouble: 'timeout' };

/** Walks a chain in which every model says the same. */
function walk(chain: readonly string[], context: StageContext, said: Said = TROUBLE): Step {
  let step = enterStage(startCourse(chain), context);
  for (let turn = 0; step.kind === 'review' && turn < 10; turn += 1) {
    step = afterReview(step.course, step.reviewer, said, context);
  }
  return step;
}

const oncall = human('oncall');
const leads = human('leads');

test('a chain is walked to the first stage that must wait for people, and a model in trouble never allows', () => {
  const rows: readonly (readonly [string, ApprovalSettings, readonly string[], string])[] = [
    ['a person', settingsOf([oncall]), ['human_approver.oncall'], 'ask human_approver.oncall@0'],
    ['the dashboard', settingsOf(), ['builtin.dashboard'], 'ask builtin.dashboard@0'],
    ['nobody that is configured', settingsOf(), ['human_approver.gone'], 'denied by gateway'],
    ['a model that denies on trouble', settingsOf([model('r')]), ['llm_approver.r'], 'denied by llm_approver.r'],
    [
      'a model that denies before a person',
      settingsOf([model('r'), oncall]),
      ['llm_approver.r', 'human_approver.oncall'],
      'denied by llm_approver.r',
    ],
    [
      'a model that escalates, alone',
      settingsOf([model('r', { onError: 'escalate' })]),
      ['llm_approver.r'],
      'ask builtin.dashboard@0',
    ],
    [
      'a model that escalates before a person of the chain',
      settingsOf([model('r', { onError: 'escalate' }), oncall]),
      ['llm_approver.r', 'human_approver.oncall'],
      'ask human_approver.oncall@1',
    ],
    [
      'a model that escalates to somebody',
      settingsOf([model('r', { onError: 'escalate', escalateTo: leads.ref }), oncall, leads]),
      ['llm_approver.r', 'human_approver.oncall'],
      'ask human_approver.leads@0',
    ],
    [
      'a model after the person',
      settingsOf([model('r', { onError: 'escalate' }), oncall]),
      ['human_approver.oncall', 'llm_approver.r'],
      'ask human_approver.oncall@0',
    ],
    [
      'a model that hands to a model that denies',
      settingsOf([model('a', { onError: 'escalate', escalateTo: 'llm_approver.b' }), model('b')]),
      ['llm_approver.a'],
      'denied by llm_approver.b',
    ],
    [
      'models that hand to one another',
      settingsOf([
        model('a', { onError: 'escalate', escalateTo: 'llm_approver.b' }),
        model('b', { onError: 'escalate', escalateTo: 'llm_approver.a' }),
      ]),
      ['llm_approver.a'],
      'denied by gateway',
    ],
  ];
  for (const [name, settings, chain, expected] of rows) {
    assert.equal(brief(walk(chain, contextOf(settings))), expected, name);
  }
});

test("a model's yes passes its own stage and no other; its no ends it", () => {
  const settings = settingsOf([
    model('r', { onError: 'escalate' }),
    model('s', { onError: 'escalate', escalateTo: leads.ref }),
    oncall,
    leads,
  ]);
  const chain = ['llm_approver.r', oncall.ref];
  const rows: readonly (readonly [string, readonly string[], Said, string])[] = [
    ['AP-35: allowed before a person', chain, says('allow'), 'ask human_approver.oncall@1'],
    ['AP-10: allowed, alone', ['llm_approver.r'], says('allow'), 'approved by llm_approver.r'],
    ['allowed after a person', [oncall.ref, 'llm_approver.r'], says('allow'), 'ask human_approver.oncall@0'],
    ['denied before a person', chain, says('deny'), 'denied by llm_approver.r'],
    ['escalated before a person', chain, says('escalate'), 'ask human_approver.oncall@1'],
    ['escalated, alone', ['llm_approver.r'], says('escalate'), 'ask builtin.dashboard@0'],
    ['escalated to somebody', ['llm_approver.s'], says('escalate'), 'ask human_approver.leads@0'],
    ['two models that allow', ['llm_approver.r', 'llm_approver.s'], says('allow'), 'approved by llm_approver.s'],
  ];
  for (const [name, approvers, said, expected] of rows) {
    assert.equal(brief(walk(approvers, contextOf(settings), said)), expected, name);
  }
});

test('AP-03: what a model was not shown whole goes to a person, also where its trouble denies', () => {
  const settings = settingsOf([model('r', { onError: 'deny' }), oncall]);
  const cut: Said = { answer: null, trouble: 'cut' };
  assert.equal(brief(walk(['llm_approver.r', oncall.ref], contextOf(settings), cut)), 'ask human_approver.oncall@1');
  assert.equal(brief(walk(['llm_approver.r'], contextOf(settings), cut)), 'ask builtin.dashboard@0');
  assert.equal(brief(walk(['llm_approver.r'], contextOf(settings), TROUBLE)), 'denied by llm_approver.r');
});

function says(answer: NonNullable<Review['answer']>): Said {
  return { answer, trouble: null };
}

test('what a model said is kept as its vote, marked as a model, without a word of its reasons', () => {
  const settings = settingsOf([model('r', { onError: 'escalate' }), oncall]);
  const votes = (said: Said) =>
    walk(['llm_approver.r', oncall.ref], contextOf(settings), said).course.votes.map(({ by, via, decision, note }) => ({
      by,
      via,
      decision,
      note,
    }));
  const vote = { by: 'llm_approver.r', via: 'model' };
  assert.deepEqual(votes(TROUBLE), [
    { ...vote, decision: 'escalate', note: 'the reviewer model gave no usable answer' },
  ]);
  assert.deepEqual(votes(says('allow')), [{ ...vote, decision: 'approve', note: '' }]);
  assert.deepEqual(votes(says('deny')), [{ ...vote, decision: 'deny', note: 'a reviewer model denied it' }]);
});

test('a grant answers in the place of a person, and of nobody else', () => {
  const settings = settingsOf([oncall, leads, model('r')]);
  const cover = { [oncall.ref]: 'g1', 'llm_approver.r': 'g2' };
  const covered = enterStage(startCourse([oncall.ref]), contextOf(settings, cover));
  assert.equal(brief(covered), 'approved by grant:g1');
  assert.equal(covered.course.grantId, 'g1');
  const next = enterStage(startCourse([oncall.ref, leads.ref]), contextOf(settings, cover));
  assert.equal(brief(next), 'ask human_approver.leads@1');
  assert.equal(brief(walk(['llm_approver.r'], contextOf(settings, cover))), 'denied by llm_approver.r');
});

test('a silent approver hands over at most three times', () => {
  const circle = ['a', 'b', 'c', 'd', 'e'].map((name, index, names) =>
    human(name, { onTimeout: 'escalate', escalateTo: `human_approver.${names[index + 1] ?? 'a'}` }),
  );
  const context = contextOf(settingsOf(circle));
  let step: Step | null = enterStage(startCourse(['human_approver.a']), context);
  const asked: string[] = [];
  while (step !== null && step.kind === 'ask') {
    asked.push(step.human.ref);
    step = escalateOnTimeout(step.course, step.human, context);
  }
  assert.deepEqual(
    asked,
    ['a', 'b', 'c', 'd'].map((name) => `human_approver.${name}`),
  );
  assert.equal(brief(step), 'nothing');
});

test('an approver without on_timeout escalate hands over to nobody', () => {
  const settings = settingsOf([human('oncall', { escalateTo: leads.ref }), leads]);
  const step = enterStage(startCourse([oncall.ref]), contextOf(settings));
  assert.equal(step.kind, 'ask');
  if (step.kind === 'ask') {
    assert.equal(escalateOnTimeout(step.course, step.human, contextOf(settings)), null);
  }
});

function stageOf(changes: Partial<HumanStage> = {}): HumanStage {
  return {
    ref: oncall.ref,
    label: 'oncall',
    timeoutMs: 1,
    escalateTo: null,
    required: 1,
    allowed: [],
    separationOfDuties: false,
    breakGlass: [],
    notifiers: [],
    message: null,
    remindMs: 0,
    onFatigue: 'warn',
    fatigueMs: 5_000,
    grant: NO_GRANTS,
    ...changes,
  };
}

interface Room {
  readonly owner?: string;
  readonly tired?: readonly string[];
  readonly course?: Course;
  readonly risk?: Risk;
}

function cast(stage: HumanStage, voter: Principal, ballot: Partial<Ballot> = {}, room: Room = {}): Cast {
  const request = { digest: DIGEST, sizeBytes: 1, complete: true, text: 'x', parameters: [] };
  const approval = { agent: { ...AGENT, user: room.owner ?? AGENT.user }, request, risk: room.risk ?? 'suspicious' };
  const full: Ballot = { decision: 'approve', digest: DIGEST, note: 'because', ...ballot };
  return castVote(room.course ?? startCourse([oncall.ref]), full, voter, {
    human: stage,
    approval,
    atMs: 1,
    waitedMs: 1,
    isTired: (name) => room.tired?.includes(name) === true,
    scopeObjection: () => null,
  });
}

function voteOn(stage: HumanStage, voter: Principal, ballot: Partial<Ballot> = {}, room: Room = {}): string {
  const result = cast(stage, voter, ballot, room);
  return result.kind === 'refused' ? result.code : result.kind;
}

test('only those on the list may decide, known by who they are and not by what they are called', () => {
  const rows: readonly (readonly [readonly string[], Principal, string])[] = [
    [[], person('anybody'), 'stage-passed'],
    [['bob'], person('bob'), 'stage-passed'],
    [['bob'], person('bobby'), 'not-permitted'],
    [['bob'], person('Bob'), 'not-permitted'],
    [['local'], person('local'), 'stage-passed'],
    [['bob'], person('local'), 'not-permitted'],
    [['*@example.com'], person('bob', 'bob@Example.com'), 'stage-passed'],
    [['*@example.com'], person('bob', 'bob@evil.example.com'), 'not-permitted'],
    [['*@example.com'], person('bob', 'bob@example.com.evil.org'), 'not-permitted'],
    [['*@example.com'], person('bob', '@example.com'), 'not-permitted'],
    [['*@example.com'], person('*@example.com.'), 'not-permitted'],
    [['bob@example.com'], person('b', 'BOB@example.com'), 'stage-passed'],
    [['slack:U1'], person('bob', 'slack:U1'), 'stage-passed'],
    [['slack:U1'], person('bob', 'slack:u1'), 'not-permitted'],
  ];
  for (const [allowed, voter, expected] of rows) {
    assert.equal(voteOn(stageOf({ allowed }), voter), expected, `${allowed.join()} for ${JSON.stringify(voter)}`);
  }
});

test('the owner of the device decides nothing where duties are separated, not even a denial', () => {
  const apart = stageOf({ separationOfDuties: true });
  const alice = person('alice', 'Alice@example.com');
  assert.equal(voteOn(apart, alice), 'not-permitted');
  assert.equal(voteOn(apart, alice, { decision: 'deny' }), 'not-permitted');
  assert.equal(voteOn(apart, person('bob')), 'stage-passed');
  assert.equal(voteOn(stageOf(), alice), 'stage-passed');
  assert.equal(voteOn(apart, person(''), {}, { owner: '' }), 'stage-passed');
});

test('a vote counts only for the request that was shown', () => {
  assert.equal(voteOn(stageOf(), person('bob'), { digest: 'e'.repeat(64) }), 'wrong-digest');
  assert.equal(voteOn(stageOf(), person('bob'), { digest: '' }), 'wrong-digest');
  assert.equal(voteOn(stageOf(), person('bob'), { digest: DIGEST.slice(0, 63) }), 'wrong-digest');
  assert.equal(voteOn(stageOf(), person('bob'), { digest: DIGEST.toUpperCase() }), 'stage-passed');
  assert.equal(voteOn(stageOf(), person('bob'), { decision: 'deny', digest: '' }), 'denied');
  assert.equal(voteOn(stageOf(), person('bob'), { decision: 'deny', digest: 'e'.repeat(64) }), 'wrong-digest');
});

test('AP-13: the same person through two channels or twice is one; AP-15: a button of another channel decides nothing', () => {
  const stage = stageOf({ required: 2, notifiers: ['slack.ops'] });
  const first = cast(stage, person('bob'));
  assert.equal(first.kind, 'counted');
  const course = first.kind === 'counted' ? first.course : startCourse([]);
  assert.equal(voteOn(stage, { ...person('bob'), via: 'slack', notifier: 'slack.ops' }, {}, { course }), 'repeated');
  assert.equal(voteOn(stage, person('carol'), {}, { course }), 'stage-passed');
  assert.equal(voteOn(stage, { ...person('carol'), notifier: 'slack.ops' }, {}, { course }), 'stage-passed');
  assert.equal(voteOn(stage, { ...person('carol'), notifier: 'slack.other' }, {}, { course }), 'not-permitted');
});

test('a denial needs a reason; an approval does not', () => {
  assert.equal(voteOn(stageOf(), person('bob'), { decision: 'deny', note: '  ' }), 'needs-reason');
  assert.equal(voteOn(stageOf(), person('bob'), { decision: 'deny', note: 'not on a Friday' }), 'denied');
  assert.equal(voteOn(stageOf(), person('bob'), { note: '' }), 'stage-passed');
});

test('somebody who approves unread needs a second person where it is configured so, and only there', () => {
  const strict = stageOf({ onFatigue: 'second_approver' });
  const tired = ['bob'];
  assert.equal(voteOn(stageOf(), person('bob'), {}, { tired }), 'stage-passed');
  assert.equal(voteOn(strict, person('carol'), {}, { tired }), 'stage-passed');
  const first = cast(strict, person('bob'), {}, { tired });
  assert.equal(first.kind, 'counted');
  const course = first.kind === 'counted' ? first.course : startCourse([]);
  assert.equal(course.extra, 1);
  assert.equal(voteOn(strict, person('bob'), {}, { tired, course }), 'repeated');
  assert.equal(voteOn(strict, person('carol'), {}, { tired, course }), 'stage-passed');
  assert.equal(voteOn(strict, person('bob'), { decision: 'deny' }, { tired }), 'denied');
});

const LIMITS: GrantLimits = {
  enabled: true,
  maxDurationMs: 900_000,
  maxUses: 20,
  scopes: ['exact', 'shape'],
  maxRisk: 'suspicious',
};
const WISH: GrantWish = { durationMs: 600_000, uses: 5, scope: 'shape' };

test('a grant stays within its limits', () => {
  const rows: readonly (readonly [string, Partial<GrantLimits>, Partial<GrantWish>, Risk, string])[] = [
    ['within', {}, {}, 'suspicious', 'stage-passed'],
    ['at the limits', {}, { durationMs: 900_000, uses: 20 }, 'suspicious', 'stage-passed'],
    ['no grant block', { enabled: false }, {}, 'suspicious', 'grant-refused'],
    ['too long', {}, { durationMs: 900_001 }, 'suspicious', 'grant-refused'],
    ['no time', {}, { durationMs: 0 }, 'suspicious', 'grant-refused'],
    ['not a time', {}, { durationMs: Number.NaN }, 'suspicious', 'grant-refused'],
    ['too many', {}, { uses: 21 }, 'suspicious', 'grant-refused'],
    ['none', {}, { uses: 0 }, 'suspicious', 'grant-refused'],
    ['half a use', {}, { uses: 1.5 }, 'suspicious', 'grant-refused'],
    ['a wider scope', { scopes: ['exact'] }, {}, 'suspicious', 'grant-refused'],
    ['destructive', {}, {}, 'destructive', 'grant-refused'],
    ['destructive where it is allowed', { maxRisk: 'destructive' }, {}, 'destructive', 'stage-passed'],
  ];
  for (const [name, limits, wish, risk, expected] of rows) {
    const stage = stageOf({ grant: { ...LIMITS, ...limits } });
    assert.equal(voteOn(stage, person('bob'), { grant: { ...WISH, ...wish } }, { risk }), expected, name);
  }
});

test('a stage gives a grant only when each of its voters wants one, and then the narrowest', () => {
  const stage = stageOf({ required: 2, grant: LIMITS });
  const both = (second: GrantWish | null) => {
    const first = cast(stage, person('bob'), { grant: WISH });
    assert.equal(first.kind, 'counted');
    const course = first.kind === 'counted' ? first.course : startCourse([]);
    const passed = cast(stage, person('carol'), { grant: second }, { course });
    assert.equal(passed.kind, 'stage-passed');
    return passed.kind === 'stage-passed' ? passed.course.wishes : [];
  };
  assert.deepEqual(both({ durationMs: 60_000, uses: 9, scope: 'exact' }), [
    { approver: oncall.ref, by: ['bob', 'carol'], durationMs: 60_000, uses: 5, scope: 'exact' },
  ]);
  assert.deepEqual(both(null), []);
});
