import assert from 'node:assert/strict';
import { test } from 'node:test';
import { operatorEvent } from '../../src/dashboard/call.ts';
import { createEvent } from '../../src/audit/event.ts';

test('what an event does not say has its neutral value, and what it says stands', () => {
  const { type, timeMs, by, data, ...rest } = createEvent('audit.sealed', 7, { data: { segment: 1 } });
  assert.deepEqual([type, timeMs, by, data], ['audit.sealed', 7, 'gateway', { segment: 1 }]);
  assert.deepEqual(
    Object.values(rest).filter((value) => value !== null && value !== ''),
    [[], true],
  );
});

test('an event about an operator differs from the neutral one in who, why and what only', () => {
  const data = { call: 'reload' };
  assert.deepEqual(
    operatorEvent('operator.acted', { name: 'alice' }, { atMs: 7, data, reason: 'x' }),
    createEvent('operator.acted', 7, { by: 'alice', reason: 'x', data }),
  );
});
