import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createParking } from '../../../src/gateway/judging/parking.ts';
import type { ApprovalResult } from '../../../src/approvals/approval.ts';
import { ASKED, FakeApprovals, FakeAudit, makeAction, makeWaiting } from '../../support/gate-parts.ts';

const question = () => ({ action: makeAction('delete'), decision: ASKED, fingerprint: 'f' });

test('a client that is gone already is not asked about', async () => {
  const approvals = new FakeApprovals(new FakeAudit());
  const waiting = makeWaiting();
  waiting.abort.abort();
  assert.deepEqual(await createParking(approvals).ask(question(), waiting), { kind: 'withdrawn' });
  assert.equal(approvals.asked.length, 0);
});

test('a yes in the same moment as a withdrawal or a reload is no yes', async () => {
  for (const end of ['withdrawn', 'taken-back'] as const) {
    const approvals = new FakeApprovals(new FakeAudit());
    const parking = createParking(approvals);
    const waiting = makeWaiting();
    const answer = parking.ask(question(), waiting);
    approvals.answer('approved');
    if (end === 'withdrawn') {
      waiting.abort.abort();
    } else {
      parking.review(() => 'the policy changed');
    }
    assert.equal((await answer).kind, end);
  }
});

test('ND-08: ten thousand questions leave nothing behind', async () => {
  const approvals = new FakeApprovals(new FakeAudit());
  const parking = createParking(approvals);
  const waiting = makeWaiting();
  for (let i = 0; i < 10_000; i += 1) {
    const answer = parking.ask(question(), waiting);
    approvals.answer('denied');
    await answer;
  }
  assert.equal(parking.size, 0);
});

test('a queue that fails is a refusal, and one that cancels says why', async () => {
  const failing = createParking({ ask: () => Promise.reject(new Error('broken')) });
  assert.deepEqual(await failing.ask(question(), makeWaiting()), { kind: 'refused', why: 'broken' });
  const cancelled = { kind: 'cancelled', why: 'the endpoint is gone' } as ApprovalResult;
  const cancelling = createParking({ ask: () => Promise.resolve(cancelled) });
  assert.deepEqual(await cancelling.ask(question(), makeWaiting()), {
    kind: 'taken-back',
    why: 'the endpoint is gone',
  });
});
