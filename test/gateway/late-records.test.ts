// Records that are made after the bytes have gone: all of them, with their outcomes, and none when the log takes nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LateRecords } from '../../src/gateway/late-records.ts';
import { ALLOWED, FakeAudit, makeAction, makeGate, makeLive } from '../support/gate-parts.ts';
import { createEvent } from '../../src/audit/event.ts';

const NEVER = (): never => assert.fail('nothing has to be waited for');

/** A turn of the event loop that the test ends itself. */
function makeTurn() {
  const waiting: (() => void)[] = [];
  return { defer: (run: () => void) => void waiting.push(run), end: () => waiting.splice(0).forEach((run) => run()) };
}

test('a safe action is answered before its record is made, and the record has its outcome', () => {
  const turn = makeTurn();
  const { gate, audit } = makeGate(
    makeLive(() => ALLOWED),
    turn.defer,
  );
  const [first, second] = [makeAction('select 1'), makeAction('select 2')];
  assert.deepEqual(gate.decide(first, NEVER), { kind: 'allow' });
  assert.deepEqual(gate.decide(second, NEVER), { kind: 'allow' });
  gate.settle(first, { kind: 'ok', rows: 1, status: 'SELECT 1', errorCode: '', bytesToClient: 1, durationMs: 1 });
  assert.equal(audit.events.length, 0);
  turn.end();
  assert.deepEqual(
    audit.events.map((event) => event.text),
    ['select 1', 'select 2'],
  );
  assert.equal(audit.outcomes.get(first.id)?.[0]?.['status'], 'SELECT 1');
  gate.ended(second.session);
  assert.equal(audit.outcomes.get(second.id)?.[0]?.['kind'], 'unknown');
});

test('what was let through is recorded even when the log filled up meanwhile, and nothing more is let through', () => {
  const turn = makeTurn();
  const audit = new FakeAudit();
  const records = new LateRecords({ audit, defer: turn.defer });
  const event = createEvent('action.decided', 0, { text: 'select 1' });
  assert.notEqual(
    records.add(() => event),
    null,
  );
  audit.full = true;
  assert.equal(
    records.add(() => event),
    null,
  );
  turn.end();
  assert.deepEqual(audit.events, [event]);
});
