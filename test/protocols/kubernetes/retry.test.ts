// KU-03: kubectl's second attempt over SPDY repeats the denial of the first, and asks nobody.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDenials, createRetryGate } from '../../../src/protocols/kubernetes/retry.ts';
import type { Gate, Waiting } from '../../../src/protocols/protocol.ts';
import type { Verdict } from '../../../src/protocols/session.ts';
import type { Action } from '../../../src/rules/action.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { ALLOW, denial } from '../../support/fake-gate.ts';
import { analysisOf } from '../../support/kubernetes.ts';
import { makeRuleAction, TEST_AGENT } from '../../support/rule-parts.ts';

const EXEC = '/api/v1/namespaces/d/pods/p/exec?command=ls';

function actionOf(line: string, upgrade: string, agent: Partial<Action['agent']> = {}): Action {
  const { units, risk } = analysisOf(line, { upgrade });
  return { ...makeRuleAction({ family: 'k8s', agent }), units, risk };
}

const first = (line = EXEC): Action => actionOf(`GET ${line}`, 'websocket');
const second = (line = EXEC, agent: Partial<Action['agent']> = {}): Action =>
  actionOf(`POST ${line}`, 'spdy/3.1', agent);

function world(verdict: Verdict) {
  const clock = new FakeClock();
  const asked: Action[] = [];
  const repeated: string[] = [];
  const gate: Gate = {
    decide: (action) => {
      asked.push(action);
      return verdict;
    },
    settle: () => undefined,
    resume: () => assert.fail('nothing was left behind'),
  };
  const retry = createRetryGate({ gate, clock, denials: createDenials(), repeated: (detail) => repeated.push(detail) });
  const decide = (action: Action): Verdict | Promise<Verdict> =>
    retry.decide(action, (): Waiting => assert.fail('nothing waits'));
  return { clock, asked, repeated, decide };
}

test('a denied attempt over WebSocket is denied again over SPDY without being asked', () => {
  const { asked, repeated, decide } = world(denial('no shells'));
  const denied = decide(first());
  assert.equal(decide(second()), denied);
  assert.deepEqual([asked.length, repeated.length], [1, 1]);
  // The denial of the second attempt stands for itself.
  assert.equal(decide(second()), denied);
});

test('anything else is asked about', () => {
  for (const [name, action] of [
    ['another command', second('/api/v1/namespaces/d/pods/p/exec?command=rm')],
    ['another pod', second('/api/v1/namespaces/d/pods/q/exec?command=ls')],
    ['stdin', second(`${EXEC}&stdin=true`)],
    ['another agent', second(EXEC, { device: 'other' })],
    ['another run', second(EXEC, { run: `${TEST_AGENT.run}x` })],
    ['not a stream', actionOf('GET /api/v1/namespaces/d/pods/p', 'none')],
    ['WebSocket once more', first()],
  ] as const) {
    const { asked, decide } = world(denial('no'));
    decide(first());
    decide(action);
    assert.equal(asked.length, 2, name);
  }
  const later = world(denial('no'));
  later.decide(first());
  later.clock.stall(5_001);
  later.decide(second());
  assert.equal(later.asked.length, 2);
});

test('only what rules or people denied is repeated', () => {
  for (const verdict of [ALLOW, denial('gone', 'cancelled'), denial('full', 'unavailable')]) {
    const { asked, decide } = world(verdict);
    decide(first());
    decide(second());
    assert.equal(asked.length, 2);
  }
});

test('a denial that a person gave later counts too', async () => {
  const clock = new FakeClock();
  let asked = 0;
  const gate: Gate = {
    decide: () => {
      asked += 1;
      return Promise.resolve(denial('no'));
    },
    settle: () => undefined,
    resume: () => assert.fail('nothing was left behind'),
  };
  const retry = createRetryGate({ gate, clock, denials: createDenials(), repeated: () => undefined });
  await retry.decide(first(), (): Waiting => assert.fail());
  await retry.decide(second(), (): Waiting => assert.fail());
  assert.equal(asked, 1);
});
