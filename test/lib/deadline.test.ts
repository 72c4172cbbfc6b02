// One deadline that moves: it is missed once, at its last time, with few timers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deadline } from '../../src/lib/deadline.ts';
import { FakeClock } from '../support/fake-clock.ts';

test('ND-06: a deadline that is moved is missed at its last time, once', async () => {
  const clock = new FakeClock();
  const missed: number[] = [];
  const startMs = clock.monotonicMs();
  const deadline = new Deadline(clock, () => missed.push(clock.monotonicMs() - startMs));
  deadline.set(100);
  await clock.advance(60);
  deadline.set(100);
  deadline.set(100);
  assert.equal(clock.timers, 1);
  await clock.advance(1000);
  assert.deepEqual(missed, [160]);
});

test('an earlier deadline counts at once, a cleared one never, and nothing is left of a stopped one', async () => {
  const clock = new FakeClock();
  let missed = 0;
  const deadline = new Deadline(clock, () => {
    missed += 1;
  });
  deadline.set(1000);
  deadline.set(10);
  await clock.advance(20);
  assert.equal(missed, 1);
  deadline.set(10);
  deadline.clear();
  await clock.advance(5000);
  assert.equal(missed, 1);
  deadline.set(10);
  deadline.stop();
  assert.equal(clock.timers, 0);
  await clock.advance(100);
  assert.equal(missed, 1);
});
