import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRecorder } from '../../../src/gateway/judging/recorder.ts';
import { createEvent } from '../../../src/audit/event.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { AGENT, FakeAudit } from '../../support/gate-parts.ts';

function world() {
  const clock = new FakeClock();
  const audit = new FakeAudit();
  const recorder = createRecorder({ audit, clock });
  const denial = (device: string, endpoint = 'postgres.pg') =>
    createEvent('action.decided', clock.now(), {
      agent: { ...AGENT, device },
      endpoint,
      verdict: 'deny',
      reason: 'no',
      actionId: 'a',
    });
  const flood = (device: string, count: number) => {
    for (let i = 0; i < count; i += 1) {
      recorder.record(denial(device));
    }
  };
  return { clock, audit, recorder, denial, flood };
}

test('up to the rate every denial has a record of its own', () => {
  const { audit, flood, recorder } = world();
  flood('one', 5_000);
  assert.equal(audit.events.length, 5_000);
  assert.equal(recorder.summarised, 0);
});

test('AU-07: a flood is counted and summarised with a digest, and other devices are not affected', async () => {
  const { audit, flood, recorder, clock } = world();
  flood('one', 20_000);
  flood('two', 3);
  assert.equal(audit.events.length, 5_003);
  assert.equal(recorder.summarised, 15_000);
  await clock.advance(1_000);
  const summary = audit.events.at(-1);
  assert.equal(summary?.agent?.device, 'one');
  assert.equal(summary?.data?.['summarised'], 15_000);
  assert.match(summary?.digest ?? '', /^[0-9a-f]{64}$/);
  assert.equal(audit.events.length, 5_004);
});

test('the budget comes back with time', async () => {
  const { audit, flood, clock } = world();
  flood('one', 6_000);
  await clock.advance(10_000);
  const before = audit.events.length;
  flood('one', 5_000);
  assert.equal(audit.events.length - before, 5_000);
});

test('the number of devices does not grow what is kept, and nothing is lost in the crowd', async () => {
  const { audit, recorder, denial, clock } = world();
  audit.full = true;
  for (let i = 0; i < 10_000; i += 1) {
    recorder.record(denial(`device-${i}`));
  }
  audit.recover();
  await clock.advance(1_000);
  const total = audit.events.reduce((sum, event) => sum + Number(event.data?.['summarised'] ?? 0), 0);
  assert.equal(total, 10_000);
  assert.ok(audit.events.length <= 2_001);
});

test('what cannot be written stays counted until it can', async () => {
  const { audit, recorder, denial, clock } = world();
  audit.broken = true;
  recorder.record(denial('one'));
  await clock.advance(5_000);
  recorder.record(denial('one'));
  assert.equal(audit.events.length, 0);
  audit.recover();
  await clock.advance(1_000);
  assert.equal(audit.events[0]?.data?.['summarised'], 2);
  assert.equal(clock.timers, 0);
});
