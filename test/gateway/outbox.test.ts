// The queue of what channels send: bounded, in order, deduplicated, each try with a deadline.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDeferred } from '../../src/lib/deferred.ts';
import { createOutbox, Later, Permanent, type OutboxLimits } from '../../src/gateway/channels/outbox.ts';
import { FakeClock } from '../support/fake-clock.ts';

function world(limits: Partial<OutboxLimits> = {}) {
  const clock = new FakeClock();
  const failed: string[] = [];
  const outbox = createOutbox({ clock, limits, failed: (key, why) => failed.push(`${key}: ${why}`) });
  const ran: string[] = [];
  const send = (key: string, name: string, run: () => Promise<void> = async () => {}, kind: string | null = null) =>
    outbox.send({
      key,
      kind,
      timeoutMs: 5_000,
      run: async () => {
        ran.push(name);
        await run();
      },
    });
  return { clock, failed, outbox, ran, send };
}

test('deliveries of one key keep their order, and a newer one takes the place of one of its kind that waits', async () => {
  const { clock, ran, send } = world();
  const gate = createDeferred<void>();
  send('a', 'a1', () => gate.promise, 'card');
  for (const name of ['a2', 'a3', 'a4']) {
    send('a', name, async () => {}, 'card');
  }
  send('a', 'a5');
  send('b', 'b1');
  await clock.advance(0);
  assert.deepEqual(ran, ['a1', 'b1']);
  gate.resolve();
  await clock.advance(0);
  assert.deepEqual(ran, ['a1', 'b1', 'a4', 'a5']);
});

test('what fails is tried three times with growing pauses, what cannot be mended once, and what is silent within its deadline', async () => {
  const rows: readonly (readonly [string, () => Promise<void>, number, string])[] = [
    ['passing', () => Promise.reject(new Error('no route')), 3, 'x: no route'],
    ['permanent', () => Promise.reject(new Permanent('wrong channel')), 1, 'x: wrong channel'],
    ['later', () => Promise.reject(new Later('busy', 20_000)), 3, 'x: busy'],
    ['silent', () => new Promise<void>(() => {}), 3, 'x: no answer within 5000 ms'],
  ];
  for (const [name, run, tries, why] of rows) {
    const { clock, failed, ran, send } = world();
    send('x', name, run);
    for (let second = 0; second < 60; second += 1) {
      await clock.advance(1_000);
    }
    assert.equal(ran.length, tries, name);
    assert.deepEqual(failed, [why], name);
    assert.equal(clock.timers, 0, name);
  }
});

test('TA-13: what is too much is refused and told, and those that wait are unharmed', async () => {
  const { clock, failed, outbox, ran, send } = world({ waiting: 3, waitingEach: 2, running: 1 });
  const gate = createDeferred<void>();
  send('a', 'a1', () => gate.promise);
  for (const name of ['a2', 'a3', 'a4']) {
    send('a', name);
  }
  send('b', 'b1');
  send('c', 'c1');
  assert.deepEqual(failed, ['a: too many messages wait to be sent', 'c: too many messages wait to be sent']);
  gate.resolve();
  await clock.advance(0);
  assert.deepEqual(ran.toSorted(), ['a1', 'a2', 'a3', 'b1']);
  assert.equal(outbox.waiting, 0);
});
