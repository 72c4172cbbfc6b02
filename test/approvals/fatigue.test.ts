// Who has stopped reading: more than nine of ten approved over the last twenty, each within seconds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFatigue, decisionsOf, type Fatigue } from '../../src/approvals/fatigue.ts';
import { describeApproval } from '../../src/approvals/item.ts';
import { actionOf, decisionOf } from './parts.ts';

interface Votes {
  readonly approved: number;
  readonly denied?: number;
  readonly tookMs: number;
}

function vote(fatigue: Fatigue, { approved, denied = 0, tookMs }: Votes, by: string = 'bob'): void {
  for (let index = 0; index < approved + denied; index += 1) {
    fatigue.note({ by, approved: index >= denied, atMs: index, tookMs, limitMs: 5_000 });
  }
}

test('tired is who approves nearly everything, quickly, often enough to tell', () => {
  const rows: readonly (readonly [string, Votes, boolean])[] = [
    ['twenty at once', { approved: 20, tookMs: 1_000 }, true],
    ['nineteen of twenty', { approved: 19, denied: 1, tookMs: 1_000 }, true],
    ['eighteen of twenty', { approved: 18, denied: 2, tookMs: 1_000 }, false],
    ['too few to tell', { approved: 19, tookMs: 1_000 }, false],
    ['with time', { approved: 20, tookMs: 5_000 }, false],
    ['nobody', { approved: 0, tookMs: 0 }, false],
  ];
  for (const [name, votes, expected] of rows) {
    const fatigue = createFatigue();
    vote(fatigue, votes);
    assert.equal(fatigue.isTired('bob'), expected, name);
    assert.equal(fatigue.isTired('carol'), false, 'somebody else');
  }
});

test('only the last twenty count, and the median, not the mean', () => {
  const fatigue = createFatigue();
  vote(fatigue, { approved: 20, tookMs: 1_000 });
  vote(fatigue, { approved: 9, tookMs: 60_000 });
  assert.equal(fatigue.isTired('bob'), true, 'nine of twenty took their time');
  vote(fatigue, { approved: 2, tookMs: 60_000 });
  assert.equal(fatigue.isTired('bob'), false);
  const [record] = fatigue.list();
  assert.deepEqual([record?.decided, record?.approved, record?.lastDecided, record?.medianMs], [31, 31, 20, 60_000]);
});

test('the time to decide begins with the question, or with what was decided before', () => {
  const fatigue = createFatigue();
  assert.equal(fatigue.decidingMs('bob', { nowMs: 100_000, askedMs: 40_000 }), 40_000);
  fatigue.note({ by: 'bob', approved: true, atMs: 99_000, tookMs: 1, limitMs: 1 });
  assert.equal(fatigue.decidingMs('bob', { nowMs: 100_000, askedMs: 40_000 }), 1_000);
  assert.equal(fatigue.decidingMs('bob', { nowMs: 100_000, askedMs: 500 }), 500);
  assert.equal(fatigue.decidingMs('bob', { nowMs: 1_000, askedMs: 500 }), 500, 'the clock was set back');
});

test('what stored approvals tell of people is remembered, and nothing of models, grants and timeouts', () => {
  const shown = { text: 'x', factsJson: '{}', alert: null, words: '' };
  const base = describeApproval(actionOf(), decisionOf('human_approver.oncall'), { nowMs: 0, shown });
  const votes = [
    { by: 'bob', via: 'cli', decision: 'approve', atMs: 2, note: '', digest: '', waitedMs: 700 },
    { by: 'carol', via: 'slack', decision: 'deny', atMs: 1, note: '', digest: '', waitedMs: 800 },
    { by: 'llm_approver.r', via: 'model', decision: 'approve', atMs: 1, note: '', digest: '', waitedMs: 1 },
    { by: 'grant:g', via: 'gateway', decision: 'approve', atMs: 1, note: '', digest: '' },
    { by: 'gateway', via: 'gateway', decision: 'escalate', atMs: 1, note: '', digest: '' },
    { by: 'old', via: 'cli', decision: 'approve', atMs: 1, note: '', digest: '' },
  ] as const;
  assert.deepEqual(
    decisionsOf([{ ...base, votes }], () => 9).map(({ by, approved, tookMs, limitMs }) => ({
      by,
      approved,
      tookMs,
      limitMs,
    })),
    [
      { by: 'carol', approved: false, tookMs: 800, limitMs: 9 },
      { by: 'bob', approved: true, tookMs: 700, limitMs: 9 },
    ],
  );
});
