// A statement as it is judged: the trace that its comment names is a hint beside it, and nothing of it is judged.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SqlAction } from '../../../src/protocols/sql/action.ts';
import { AGENT } from '../../approvals/parts.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function actionOf(text: string): SqlAction {
  const endpoint = { name: 'pg', type: 'postgres', ref: 'postgres.pg', family: 'sql', host: 'h' } as const;
  const origin = { session: 's', agent: AGENT, endpoint, credential: null, clock: new FakeClock() };
  const judged = { units: [], risk: 'safe', summary: text, refused: null, memo: null } as const;
  const evidence = { text, parameters: [], sizeBytes: text.length, complete: true, digest: () => '' };
  return new SqlAction(origin, judged, evidence, { phase: 'execute', refused: null });
}

test('the comment of sqlcommenter names the trace, a malformed one names none', () => {
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  assert.equal(actionOf(`select 1 /*traceparent='00-${trace}-00f067aa0ba902b7-01'*/`).trace, trace);
  assert.equal(actionOf(`select 1 /*traceparent='00-${trace}-00f067aa0ba902b7'*/`).trace, '');
  assert.equal(actionOf('select 1').trace, '');
});
