import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createJobs, type Jobs } from '../../src/lib/jobs.ts';
import { FakeClock, settled } from '../support/fake-clock.ts';

function stateOf(jobs: Jobs, name: string): string {
  const state = jobs.list().find((job) => job.name === name);
  return state === undefined
    ? 'none'
    : `${state.lastRunMs === null ? 'never' : 'ran'} ${state.lastError ?? 'well'} ${state.late ? 'late' : 'in time'}`;
}

test('TR-07: a job runs in its turn, one run at a time, goes on after a failure, and ends when it is stopped', async () => {
  const clock = new FakeClock();
  const jobs = createJobs(clock);
  const ran: number[] = [];
  let fails = false;
  const job = jobs.every({
    name: 'one',
    everyMs: () => 1_000,
    work() {
      ran.push(clock.monotonicMs() - 5_000);
      if (fails) {
        throw new Error('broken');
      }
    },
  });
  assert.equal(stateOf(jobs, 'one'), 'never well in time');
  await clock.advance(2_500);
  assert.deepEqual(ran, [1_000, 2_000]);
  fails = true;
  await clock.advance(1_000);
  assert.equal(stateOf(jobs, 'one'), 'ran broken in time');
  fails = false;
  job.runAfter(0);
  await settled();
  assert.deepEqual(ran, [1_000, 2_000, 3_000, 3_500]);
  assert.equal(stateOf(jobs, 'one'), 'ran well in time');
  job.stop();
  await clock.advance(10_000);
  assert.deepEqual([ran.length, clock.timers, jobs.list()], [4, 0, []]);
});

test('a job may begin at once and say when it comes next; asked for while it is at work it runs once after it', async () => {
  const clock = new FakeClock();
  const jobs = createJobs(clock);
  let runs = 0;
  let finish: (nextMs: number | undefined) => void = () => {};
  const work = (): Promise<number | undefined> => {
    runs += 1;
    return new Promise((resolve) => {
      finish = resolve;
    });
  };
  const job = jobs.every({ name: 'slow', everyMs: () => 60_000, firstMs: 0, work });
  assert.equal(runs, 1);
  job.runAfter(10);
  job.runAfter(0);
  await clock.advance(1_000);
  assert.equal(runs, 1, 'it is at work');
  finish(undefined);
  await clock.advance(5);
  assert.equal(runs, 2);
  finish(200);
  await clock.advance(199);
  assert.equal(runs, 2);
  await clock.advance(1);
  assert.equal(runs, 3);
});

test('TR-07: a job that hangs, or whose timer is never served, is late; a slow machine and another job are not', async () => {
  const clock = new FakeClock();
  const jobs = createJobs(clock);
  jobs.every({ name: 'hangs', everyMs: () => 1_000, work: () => new Promise<void>(() => {}) });
  jobs.every({ name: 'runs', everyMs: () => 1_000, work: () => {} });
  jobs.every({ name: 'seldom', everyMs: () => 3_600_000, work: () => {} });
  await clock.advance(30_000);
  assert.deepEqual(
    ['hangs', 'runs', 'seldom'].map((name) => stateOf(jobs, name)),
    ['never well in time', 'ran well in time', 'never well in time'],
  );
  await clock.advance(2_000);
  assert.deepEqual(
    ['hangs', 'runs', 'seldom'].map((name) => stateOf(jobs, name)),
    ['never well late', 'ran well in time', 'never well in time'],
  );
  clock.stall(2 * 3_600_000 + 1);
  assert.equal(stateOf(jobs, 'seldom'), 'never well late');
});
