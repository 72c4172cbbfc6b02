// The queue alone, with a writer that does what the test says: what is sent when, what is refused, what is tried again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Batch } from '../../src/audit/batch.ts';
import { AuditQueue } from '../../src/audit/queue.ts';
import { ThreadGoneError } from '../../src/audit/thread.ts';
import { GatewayError } from '../../src/lib/errors.ts';
import { FakeClock, settled } from '../support/fake-clock.ts';
import { OUTCOME, bodiesOf, createEvent } from './parts.ts';

interface Attempt {
  readonly batch: Batch;
  readonly summaries: readonly string[];
  done(): Promise<void>;
  fail(error: Error): Promise<void>;
}

function makeQueue(parts: { maxEvents?: number; maxChars?: number } = {}): {
  queue: AuditQueue;
  clock: FakeClock;
  attempts: Attempt[];
  stalls: (string | null)[];
} {
  const clock = new FakeClock();
  const attempts: Attempt[] = [];
  const stalls: (string | null)[] = [];
  const queue = new AuditQueue({
    clock,
    batchMs: 50,
    maxEvents: 100,
    maxChars: 10_000,
    retryMs: 1000,
    waitMs: 5000,
    ...parts,
    onStalled: (why) => stalls.push(why),
    write: (batch) =>
      new Promise((resolve, reject) => {
        attempts.push({
          batch,
          summaries: bodiesOf(batch).map((body) => body.summary ?? ''),
          done: () => (resolve(), settled()),
          fail: (error) => (reject(error), settled()),
        });
      }),
  });
  return { queue, clock, attempts, stalls };
}

const event = (summary: string): ReturnType<typeof createEvent> => createEvent({ summary, text: 'x', digestOf: 'x' });
const isStoreFailed = (error: unknown): boolean => error instanceof GatewayError && error.code === 'STORE_FAILED';
const crash = new ThreadGoneError('killed');

test('safe events wait for company, at most for the batch time', async () => {
  const { queue, clock, attempts } = makeQueue();
  queue.append(event('a'));
  await clock.advance(40);
  queue.append(event('b'));
  assert.equal(attempts.length, 0);
  await clock.advance(10);
  assert.deepEqual(attempts[0]?.summaries, ['a', 'b']);
});

test('a durable event goes out in the same turn, with all that came before it', async () => {
  const { queue, attempts } = makeQueue();
  queue.append(event('a'));
  const first = queue.appendDurable(event('b'));
  const second = queue.appendDurable(event('c'));
  await settled();
  assert.deepEqual(
    attempts.map(({ summaries }) => summaries),
    [['a', 'b', 'c']],
  );
  await attempts[0]?.done();
  await Promise.all([first, second]);
});

test('while a batch is written the next one gathers', async () => {
  const { queue, attempts } = makeQueue();
  const first = queue.appendDurable(event('a'));
  await settled();
  const rest = ['b', 'c', 'd'].map((name) => queue.appendDurable(event(name)));
  await settled();
  assert.equal(attempts.length, 1);
  await attempts[0]?.done();
  await first;
  assert.deepEqual(
    attempts.map(({ batch, summaries }) => [batch.id, summaries.length]),
    [
      [1, 1],
      [2, 3],
    ],
  );
  await attempts[1]?.done();
  await Promise.all(rest);
});

test('an outcome joins its event until that is sent, then it is an event of its own', async () => {
  const { queue, clock, attempts } = makeQueue();
  const [early, late] = [queue.append(event('a')), queue.append(event('b'))];
  early?.settle(OUTCOME, 0);
  await clock.advance(50);
  const batch = attempts[0]?.batch;
  assert.ok(batch !== undefined);
  assert.deepEqual(
    bodiesOf(batch).map(({ outcome }) => outcome),
    [OUTCOME, null],
  );
  late?.settle(OUTCOME, 7);
  await attempts[0]?.done();
  await clock.advance(50);
  const next = attempts[1]?.batch;
  assert.ok(next !== undefined);
  const [settledLate] = bodiesOf(next);
  assert.deepEqual([settledLate?.type, settledLate?.time], ['action.settled', '1970-01-01T00:00:00.007Z']);
});

test('an event that is made later is made once, when its batch is sent, and keeps its place', async () => {
  const { queue, clock, attempts } = makeQueue();
  const made: string[] = [];
  const later = (name: string) => queue.appendLater(1, () => (made.push(name), event(name)));
  const [first, second] = [later('a'), later('b')];
  queue.append(event('c'));
  assert.deepEqual(made, []);
  second?.settle(OUTCOME, 0);
  await clock.advance(50);
  assert.deepEqual(made, ['a', 'b']);
  assert.deepEqual(attempts[0]?.summaries, ['a', 'b', 'c']);
  first?.settle(OUTCOME, 0);
  assert.deepEqual(made, ['a', 'b']);
});

test('what is to be made later counts for the bounds as well', () => {
  const { queue } = makeQueue({ maxChars: 4 });
  assert.ok(queue.appendLater(4, () => event('a')) !== null);
  assert.equal(
    queue.appendLater(1, () => assert.fail('it is not made')),
    null,
  );
});

test('the queue is bounded by events and by size, and says when it takes again', async () => {
  for (const [bound, summary] of [
    [{ maxEvents: 2 }, 'few'],
    [{ maxChars: 4 }, 'small'],
  ] as const) {
    const { queue, clock, attempts } = makeQueue(bound);
    queue.append(event('a'));
    queue.append(event('b'));
    assert.equal(queue.append(event('c')), null, summary);
    const writable = queue.writable(new AbortController().signal);
    await clock.advance(50);
    await attempts[0]?.done();
    await writable;
    assert.ok(queue.append(event('c')) !== null);
  }
});

test('whoever waits for room does not wait for ever, and may go away', async () => {
  const { queue, clock } = makeQueue({ maxEvents: 1 });
  queue.append(event('a'));
  const abort = new AbortController();
  const [timed, aborted] = [queue.writable(new AbortController().signal), queue.writable(abort.signal)];
  abort.abort();
  await assert.rejects(aborted, isStoreFailed);
  const check = assert.rejects(timed, isStoreFailed);
  await clock.advance(5000);
  await check;
  await assert.rejects(queue.writable(abort.signal), isStoreFailed);
});

test('a failed write refuses durable events, keeps the others in order, and is tried again', async () => {
  const { queue, clock, attempts, stalls } = makeQueue();
  const kept = queue.append(event('kept'));
  const refused = queue.appendDurable(event('refused'));
  await settled();
  queue.append(event('later'));
  const checks = [assert.rejects(refused, isStoreFailed)];
  await attempts[0]?.fail(new Error('disk full'));
  await Promise.all(checks);
  assert.equal(queue.stalled, true);
  assert.equal(queue.append(event('no')), null);
  await assert.rejects(queue.appendDurable(event('no')), isStoreFailed);
  kept?.settle(OUTCOME, 0);
  await clock.advance(1000);
  await attempts[1]?.fail(new Error('disk full'));
  await clock.advance(1000);
  assert.deepEqual(attempts[2]?.summaries, ['kept', 'later']);
  await attempts[2]?.done();
  assert.equal(queue.stalled, false);
  assert.deepEqual(stalls, ['disk full', null]);
  assert.equal(queue.size, 0);
  await queue.flush();
});

test('when nothing was kept, writing is tried with an empty batch', async () => {
  const { queue, clock, attempts } = makeQueue();
  const refused = queue.appendDurable(event('refused'));
  const check = assert.rejects(refused, isStoreFailed);
  await settled();
  await attempts[0]?.fail(new Error('disk full'));
  await check;
  await clock.advance(1000);
  assert.deepEqual(attempts[1]?.summaries, []);
  // An outcome that comes now must not go out under the same batch number.
  queue.settleLate(event('late'), OUTCOME, 0);
  await clock.advance(50);
  assert.equal(attempts.length, 2);
  await attempts[1]?.done();
  await clock.advance(50);
  assert.deepEqual(
    attempts.map(({ batch }) => batch.id),
    [1, 1, 2],
  );
});

test('ND-09: after a crash the same batch is sent again under the same number, and its callers wait on', async () => {
  const { queue, attempts, stalls } = makeQueue();
  const durable = queue.appendDurable(event('a'));
  await settled();
  await attempts[0]?.fail(crash);
  assert.deepEqual(
    attempts.map(({ batch, summaries }) => [batch.id, ...summaries]),
    [
      [1, 'a'],
      [1, 'a'],
    ],
  );
  await attempts[1]?.done();
  await durable;
  assert.deepEqual(stalls, []);
});

test('a batch that may have been written stays as it is, and what was refused in it is marked as not run', async () => {
  const { queue, clock, attempts, stalls } = makeQueue();
  const durable = queue.appendDurable(event('a'));
  const check = assert.rejects(durable, isStoreFailed);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await settled();
    await attempts[attempt]?.fail(crash);
  }
  await check;
  assert.equal(stalls.length, 1);
  await clock.advance(1000);
  await attempts[3]?.fail(new Error('cannot open'));
  await clock.advance(1000);
  assert.deepEqual(attempts[4]?.summaries, ['a']);
  await attempts[4]?.done();
  await clock.advance(50);
  const last = attempts[5]?.batch;
  assert.ok(last !== undefined);
  const [notRun] = bodiesOf(last);
  assert.deepEqual([notRun?.type, notRun?.outcome?.['kind']], ['action.settled', 'not-run']);
  assert.equal(queue.stalled, false);
});

test('a write that never comes back counts as stalled', async () => {
  const { queue, clock } = makeQueue();
  queue.append(event('a'));
  await clock.advance(50);
  assert.equal(queue.stalled, false);
  await clock.advance(5001);
  assert.equal(queue.stalled, true);
});

test('flush waits for what was appended before it, and not for ever', async () => {
  const { queue, clock, attempts } = makeQueue();
  await queue.flush();
  queue.append(event('a'));
  const flushed = queue.flush();
  queue.append(event('b'));
  await attempts[0]?.done();
  await flushed;
  const never = assert.rejects(queue.flush(), isStoreFailed);
  await clock.advance(5000);
  await never;
});

test('a fault in an event of ours does not hold up the log', async () => {
  const { queue, clock, attempts } = makeQueue();
  queue.append(createEvent({ data: { big: 5n } }));
  await clock.advance(50);
  const batch = attempts[0]?.batch;
  assert.ok(batch !== undefined);
  assert.ok('unrecordable' in (bodiesOf(batch)[0]?.data ?? {}));
});
