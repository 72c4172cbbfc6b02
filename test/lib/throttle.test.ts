// How often something may be tried.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createThrottle } from '../../src/lib/throttle.ts';
import { FakeClock } from '../support/fake-clock.ts';

test('HX-15: a supply is that of its key alone, refills with time, and what is given back does not count', async () => {
  const clock = new FakeClock();
  const throttle = createThrottle(clock, { supply: 2, refillMs: 1000 });
  for (let good = 0; good < 10; good += 1) {
    assert.equal(throttle.take(['a']), null);
    throttle.giveBack(['a']);
  }
  assert.deepEqual([throttle.take(['a']), throttle.take(['a']), throttle.take(['a'])], [null, null, 1000]);
  assert.equal(throttle.take(['b']), null);
  assert.equal(throttle.take(['a', 'b']), 1000);
  assert.equal(throttle.take(['b']), null, 'what was refused took nothing');
  await clock.advance(1000);
  assert.equal(throttle.take(['a']), null);
});
