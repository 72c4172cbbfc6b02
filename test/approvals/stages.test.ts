// Who is asked next, and what a vote does: tables over the pure walks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  castVote,
  enterStage,
  escalateOnTimeout,
  startCourse,
  type ApprovalSettings,
  type Ballot,
  type HumanStage,
  type Principal,
  type StageContext,
  type Step,
} from '../../src/approvals/stages.ts';
import { AGENT, human, model, person, settingsOf } from './parts.ts';

const DIGEST = 'd'.repeat(64);

function contextOf(settings: ApprovalSettings, cover: Readonly<Record<string, string>> = {}): StageContext {
  return { settings, atMs: 1, digest: DIGEST, findCover: (ref) => cover[ref] ?? null };
}

/** `ask REF@STAGE`, `approved by BY`, `denied by BY`. */
function brief(step: Step | null): string {
  if (step === null) {
    return 'nothing';
  }
  return step.kind === 'ask' ? `ask ${step.human.ref}@${step.course.stage}` : `${step.kind} by ${step.by}`;
}

const oncall = human('oncall');
const leads = human('leads');

test('a chain is walked to the first stage that must wait for people, and a model never allows', () => {
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
    assert.equal(brief(enterStage(startCourse(chain), contextOf(settings))), expected, name);
  }
});

test('what a model could not say is kept as its vote, marked as a model', () => {
  const settings = settingsOf([model('r', { onError: 'escalate' }), oncall]);
  const step = enterStage(startCourse(['llm_approver.r', oncall.ref]), contextOf(settings));
  assert.deepEqual(
    step.course.votes.map(({ by, via, decision }) => ({ by, via, decision })),
    [{ by: 'llm_approver.r', via: 'model', decision: 'escalate' }],
  );
});

test('a grant answers in the place of a person, and of nobody else', () => {
  const settings = settingsOf([oncall, leads, model('r')]);
  const cover = { [oncall.ref]: 'g1', 'llm_approver.r': 'g2' };
  const covered = enterStage(startCourse([oncall.ref]), contextOf(settings, cover));
  assert.equal(brief(covered), 'approved by grant:g1');
  assert.equal(covered.course.grantId, 'g1');
  const next = enterStage(startCourse([oncall.ref, leads.ref]), contextOf(settings, cover));
  assert.equal(brief(next), 'ask human_approver.leads@1');
  assert.equal(
    brief(enterStage(startCourse(['llm_approver.r']), contextOf(settings, cover))),
    'denied by llm_approver.r',
  );
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
    ...changes,
  };
}

function voteOn(stage: HumanStage, voter: Principal, ballot: Partial<Ballot> = {}, owner: string = AGENT.user): string {
  const request = { digest: DIGEST, sizeBytes: 1, complete: true, text: 'x', parameters: [] };
  const approval = { agent: { ...AGENT, user: owner }, request };
  const full: Ballot = { decision: 'approve', digest: DIGEST, note: '', ...ballot };
  const cast = castVote(startCourse([oncall.ref]), full, voter, { human: stage, approval, atMs: 1 });
  return cast.kind === 'refused' ? cast.code : cast.kind;
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
  assert.equal(voteOn(apart, person(''), {}, ''), 'stage-passed');
});

test('a vote counts only for the request that was shown', () => {
  assert.equal(voteOn(stageOf(), person('bob'), { digest: 'e'.repeat(64) }), 'wrong-digest');
  assert.equal(voteOn(stageOf(), person('bob'), { digest: '' }), 'wrong-digest');
  assert.equal(voteOn(stageOf(), person('bob'), { digest: DIGEST.slice(0, 63) }), 'wrong-digest');
  assert.equal(voteOn(stageOf(), person('bob'), { digest: DIGEST.toUpperCase() }), 'stage-passed');
  assert.equal(voteOn(stageOf(), person('bob'), { decision: 'deny', digest: '' }), 'denied');
  assert.equal(voteOn(stageOf(), person('bob'), { decision: 'deny', digest: 'e'.repeat(64) }), 'wrong-digest');
});
