import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mayMove, TRANSITIONS } from '../../src/gateway/phase.ts';
import type { Phase } from '../../src/gateway/phase.ts';

const phases = Object.keys(TRANSITIONS) as Phase[];
const allowed: readonly (readonly [Phase, Phase])[] = [
  ['created', 'starting'],
  ['starting', 'running'],
  ['starting', 'stopping'],
  ['running', 'draining'],
  ['draining', 'stopping'],
  ['stopping', 'stopped'],
];

test('the daemon goes from phase to phase only as the table says', () => {
  for (const from of phases) {
    for (const to of phases) {
      const expected = allowed.some(([a, b]) => a === from && b === to);
      assert.equal(mayMove(from, to), expected, `${from} to ${to}`);
    }
  }
});

test('every phase leads to the end, and nothing leads out of it', () => {
  for (const phase of phases) {
    const seen = new Set<Phase>([phase]);
    for (const from of seen) {
      TRANSITIONS[from].forEach((to) => seen.add(to));
    }
    assert.ok(seen.has('stopped'), phase);
  }
  assert.deepEqual(TRANSITIONS.stopped, []);
});
