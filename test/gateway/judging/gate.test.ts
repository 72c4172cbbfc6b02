import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createDeferred } from '../../../src/lib/deferred.ts';
import type { Outcome } from '../../../src/rules/action.ts';
import type { Decision } from '../../../src/rules/decision.ts';
import type { Verdict } from '../../../src/protocols/session.ts';
import {
  AGENT,
  ALLOWED,
  ASKED,
  DENIED,
  makeAction,
  makeConfig,
  makeGate,
  makeLive,
  makeWaiting,
  settleMicrotasks,
} from '../../support/gate-parts.ts';
import type { GateHarness } from '../../support/gate-parts.ts';

const OK: Outcome = {
  kind: 'ok',
  rows: 3,
  status: 'SELECT 3',
  errorCode: '',
  bytesToClient: 90,
  durationMs: 1.25,
};
const NEVER = (): never => assert.fail('nothing has to be waited for');

function now(verdict: Verdict | Promise<Verdict>): Verdict {
  assert.ok(!(verdict instanceof Promise), 'the answer is synchronous');
  return verdict;
}

function denied(verdict: Verdict): Extract<Verdict, { kind: 'deny' }> {
  assert.ok(verdict.kind === 'deny', 'the answer is a denial');
  return verdict;
}

/** Parks one action under a policy that asks. */
async function park(harness: GateHarness, text: string = 'delete from t') {
  const waiting = makeWaiting();
  const action = makeAction(text, { risk: 'destructive' });
  const verdict = Promise.resolve(harness.gate.decide(action, () => waiting));
  await settleMicrotasks();
  return { waiting, action, verdict };
}

describe('the gate on actions that nobody has to be asked about', () => {
  test('a safe, allowed action is recorded and answered without a promise', () => {
    const { gate, audit } = makeGate(makeLive(() => ALLOWED));
    const action = makeAction('select 1');
    assert.equal(now(gate.decide(action, NEVER)).kind, 'allow');
    gate.settle(action, OK);
    assert.deepEqual(audit.steps, ['append action.decided allow']);
    const [event] = audit.events;
    assert.equal(event?.text, 'select 1');
    assert.equal(event?.digest, action.evidence.digest());
    assert.equal(event?.by, 'risk');
    assert.deepEqual(audit.outcomes.get(action.id), [
      { kind: 'ok', rows: 3, status: 'SELECT 3', error_code: '', bytes: 90, duration_ms: 1.25 },
    ]);
  });

  test('what is not safe is on disk before the answer', async () => {
    const { gate, audit } = makeGate(makeLive(() => ALLOWED));
    audit.slow = true;
    let answered = false;
    const verdict = Promise.resolve(
      gate.decide(makeAction('update t set a = 1 where id = 2', { risk: 'suspicious' }), makeWaiting),
    ).then((value) => {
      answered = true;
      return value;
    });
    await settleMicrotasks();
    assert.equal(answered, false);
    audit.reachDisk();
    assert.equal((await verdict).kind, 'allow');
    assert.deepEqual(audit.steps, ['durable action.decided allow', 'on disk action.decided allow']);
  });

  test('under strict durability a safe action is on disk before the answer too', async () => {
    const config = makeConfig();
    const strict = {
      ...config.gateway,
      audit: { ...config.gateway.audit, durability: 'strict' as const },
    };
    const { gate, audit } = makeGate(makeLive(() => ALLOWED, { config: { gateway: strict } }));
    assert.equal((await gate.decide(makeAction('select 1'), makeWaiting)).kind, 'allow');
    assert.deepEqual(audit.steps, ['durable action.decided allow', 'on disk action.decided allow']);
  });

  test('AU-05: a denial is recorded with the same evidence as an allowed action', () => {
    const { gate, audit } = makeGate(makeLive(() => DENIED));
    const action = makeAction('drop table users', { risk: 'destructive' });
    now(gate.decide(action, NEVER));
    const [event] = audit.events;
    assert.equal(event?.verdict, 'deny');
    assert.equal(event?.rule, 'no-drops');
    assert.equal(event?.text, 'drop table users');
    assert.equal(event?.digest, action.evidence.digest());
    assert.equal(event?.factsJson, '{"units":1}');
    assert.deepEqual(event?.data?.['risk_causes'], ['unbounded_delete']);
  });

  test('the agent hears the rule, its reason, one word and what to do, and nothing else', () => {
    const cannotTell: Decision = {
      ...DENIED,
      by: 'cannot-tell',
      cannotTell: { word: 'evaluation', cause: 'error', facts: ['sql.params'], detail: 'no such key: secret-value' },
    };
    const { gate, audit } = makeGate(makeLive(() => cannotTell));
    const action = makeAction('select 1');
    const verdict = denied(now(gate.decide(action, NEVER)));
    assert.equal(verdict.rule, 'no-drops');
    assert.equal(verdict.reason, 'schema changes need a migration');
    assert.equal(verdict.word, 'evaluation');
    assert.match(verdict.hint, /ask a person/);
    assert.doesNotMatch(JSON.stringify(verdict), /secret-value|sql\.params|operator|dashboard/);
    assert.deepEqual(audit.events[0]?.data?.['cannot_tell'], cannotTell.cannotTell);
  });

  test('HX-16: a long text is stored up to the limit, at a character border, and marked as cut', () => {
    const { gate, audit } = makeGate(makeLive(() => ALLOWED));
    const cases = [
      { text: `select '${'x'.repeat(100)}'`, kept: `select '${'x'.repeat(56)}` },
      { text: `select ${'é'.repeat(100)}`, kept: `select ${'é'.repeat(28)}` },
      { text: `${'x'.repeat(63)}😀tail`, kept: 'x'.repeat(63) },
    ];
    for (const { text, kept } of cases) {
      now(gate.decide(makeAction(text), NEVER));
      const event = audit.events.at(-1);
      assert.equal(event?.text, kept);
      assert.equal(event?.textComplete, false);
    }
    now(gate.decide(makeAction('x'.repeat(64)), NEVER));
    assert.equal(audit.events.at(-1)?.textComplete, true);
  });
});

describe('what the gate remembers', () => {
  const count = (holds: Decision['holds']) => makeLive(() => ({ ...ALLOWED, holds }));

  test('equal shapes are judged once', () => {
    const live = count('shape');
    const { gate, audit } = makeGate(live);
    const memo = {};
    for (let i = 0; i < 5; i += 1) {
      now(gate.decide(makeAction('select 1', { memo }), NEVER));
    }
    assert.equal(live.asked(), 1);
    assert.equal(audit.events.length, 5);
  });

  const cases: { name: string; holds: Decision['holds']; second: Parameters<typeof makeAction>[1] }[] = [
    { name: 'nothing is remembered without a memo object', holds: 'shape', second: { memo: null } },
    { name: 'another shape is judged anew', holds: 'shape', second: { memo: {} } },
    { name: 'another tier is judged anew', holds: 'shape', second: { risk: 'suspicious' } },
    { name: 'what the protocol refuses is judged anew', holds: 'shape', second: { refused: 'no' } },
    { name: 'a prepared statement and its execution are judged apart', holds: 'shape', second: { phase: 'prepare' } },
    {
      name: 'another credential is judged anew',
      holds: 'shape',
      second: { credential: 'postgres_credential.other' },
    },
    { name: 'what hangs on time is judged anew', holds: 'once', second: {} },
    {
      name: 'what hangs on the connection is judged anew on another',
      holds: 'connection',
      second: { agent: { ...AGENT, ip: '127.0.0.2' } },
    },
    {
      name: 'what hangs on the connection is judged anew when its state moved',
      holds: 'connection',
      second: { facts: { 'sql.transaction': 'open' } },
    },
  ];
  for (const { name, holds, second } of cases) {
    test(name, async () => {
      const live = count(holds);
      const { gate } = makeGate(live);
      const memo = {};
      const first = { memo, facts: { 'sql.transaction': 'idle' } };
      await gate.decide(makeAction('select 1', first), makeWaiting);
      await gate.decide(makeAction('select 1', { ...first, ...second }), makeWaiting);
      assert.equal(live.asked(), 2);
    });
  }

  test('on one connection in one state it is remembered', () => {
    const live = count('connection');
    const { gate } = makeGate(live);
    const same = { memo: {}, facts: { 'sql.transaction': 'idle' } };
    now(gate.decide(makeAction('select 1', same), NEVER));
    now(gate.decide(makeAction('select 1', same), NEVER));
    assert.equal(live.asked(), 1);
  });

  test('PG-T17: a new policy is asked at the next action, whatever was remembered', () => {
    const harness = makeGate(makeLive(() => ALLOWED));
    const memo = {};
    assert.equal(now(harness.gate.decide(makeAction('select 1', { memo }), NEVER)).kind, 'allow');
    harness.swap(makeLive(() => DENIED));
    assert.equal(now(harness.gate.decide(makeAction('select 1', { memo }), NEVER)).kind, 'deny');
  });

  test('equal shapes with different texts are recorded with their own text and digest', () => {
    const { gate, audit } = makeGate(makeLive(() => ALLOWED));
    const memo = {};
    const texts = ['select 1', 'select 2', 'select 1'];
    for (const text of texts) {
      now(gate.decide(makeAction(text, { memo }), NEVER));
    }
    assert.deepEqual(
      audit.events.map((event) => event.text),
      texts,
    );
    assert.equal(new Set(audit.events.map((event) => event.digest)).size, 2);
  });
});

describe('what is recorded of an action', () => {
  const bound = (values: string[]) => {
    const action = makeAction('select $1', {});
    return { ...action.evidence, parameters: values, digest: () => `digest of ${values.join()}` };
  };
  const units = (count: number) => Array.from({ length: count }, () => makeAction('x').units).flat();

  test('safe ones of one shape share its facts, and have their own values and digest', () => {
    const { gate, audit } = makeGate(makeLive(() => ALLOWED));
    const memo = {};
    for (const value of ['7', '8']) {
      now(gate.decide(makeAction('select $1', { memo, units: units(2), evidence: bound([value]) }), NEVER));
    }
    assert.deepEqual(
      audit.events.map((event) => [event.factsJson, event.data?.['parameters'], event.digest]),
      [
        ['{"units":2,"shape":true}', ['7'], 'digest of 7'],
        ['{"units":2,"shape":true}', ['8'], 'digest of 8'],
      ],
    );
  });

  test('a safe one is recorded without asking for its units again', () => {
    const { gate, audit } = makeGate(makeLive(() => ALLOWED));
    const memo = {};
    now(gate.decide(makeAction('select 1', { memo }), NEVER));
    const again = makeAction('select 2', { memo });
    const asked = (): never => assert.fail('the units of a remembered safe action were made');
    now(gate.decide(Object.defineProperty({ ...again }, 'units', { get: asked }), NEVER));
    assert.deepEqual(
      audit.events.map((event) => [event.factsJson, event.text]),
      [
        ['{"units":1,"shape":true}', 'select 1'],
        ['{"units":1,"shape":true}', 'select 2'],
      ],
    );
  });

  test('one that is not safe, and one that may not be remembered, has all of its facts', async () => {
    const { gate, audit } = makeGate(makeLive(() => ALLOWED));
    await gate.decide(makeAction('delete', { memo: {}, risk: 'suspicious', evidence: bound(['7']) }), makeWaiting);
    now(gate.decide(makeAction('select', { memo: null }), NEVER));
    assert.deepEqual(
      audit.events.map((event) => event.factsJson),
      ['{"units":1}', '{"units":1}'],
    );
  });

  test('many and long parameters are kept in part, and what is left out is said', () => {
    const { gate, audit } = makeGate(makeLive(() => ALLOWED));
    const values = Array.from({ length: 70 }, () => 'x'.repeat(300));
    now(gate.decide(makeAction('select $1', { evidence: bound(values) }), NEVER));
    const kept = audit.events[0]?.data?.['parameters'];
    assert.ok(Array.isArray(kept));
    assert.equal(kept.length, 65);
    assert.equal(kept[0], `${'x'.repeat(256)}…`);
    assert.equal(kept[64], '… 6 more parameters');
  });
});

describe('the gate on a statement that is only prepared', () => {
  const cases: { name: string; decision: Decision; kind: Verdict['kind']; records: number }[] = [
    { name: 'an allowed one is not recorded', decision: ALLOWED, kind: 'allow', records: 0 },
    { name: 'one that would need approval is not parked', decision: ASKED, kind: 'allow', records: 0 },
    { name: 'a denied one is denied and recorded', decision: DENIED, kind: 'deny', records: 1 },
    {
      name: 'one that only its parameters can tell about is judged when it runs',
      decision: {
        ...DENIED,
        by: 'cannot-tell',
        cannotTell: { word: 'evaluation', cause: 'dynamic', facts: [], detail: '' },
      },
      kind: 'allow',
      records: 0,
    },
    {
      name: 'one that could not be read is denied',
      decision: {
        ...DENIED,
        by: 'cannot-tell',
        cannotTell: { word: 'unparseable', cause: 'unparseable', facts: [], detail: '' },
      },
      kind: 'deny',
      records: 1,
    },
  ];
  for (const { name, decision, kind, records } of cases) {
    test(name, () => {
      const { gate, audit } = makeGate(makeLive(() => decision));
      assert.equal(now(gate.decide(makeAction('select $1', { phase: 'prepare' }), NEVER)).kind, kind);
      assert.equal(audit.events.length, records);
    });
  }
});

describe('the gate when records cannot be written', () => {
  test('a safe action waits for room and is then allowed', async () => {
    const { gate, audit } = makeGate(makeLive(() => ALLOWED));
    audit.full = true;
    const verdict = gate.decide(makeAction('select 1'), makeWaiting);
    await settleMicrotasks();
    assert.equal(audit.events.length, 0);
    audit.recover();
    assert.equal((await verdict).kind, 'allow');
    assert.equal(audit.events.length, 1);
  });

  test('a safe action is denied as unavailable when there is no room in time', async () => {
    const { gate, audit, clock } = makeGate(makeLive(() => ALLOWED));
    audit.full = true;
    const verdict = Promise.resolve(gate.decide(makeAction('select 1'), makeWaiting));
    await clock.advance(10_000);
    assert.equal(denied(await verdict).cause, 'unavailable');
    audit.recover();
    await clock.advance(1_000);
    assert.match(audit.events.at(-1)?.summary ?? '', /^1 more like this/);
  });

  test('what is not safe is denied as unavailable when its record fails', async () => {
    const { gate, audit } = makeGate(makeLive(() => ALLOWED));
    audit.broken = true;
    const verdict = await gate.decide(makeAction('delete from t where id = 1', { risk: 'suspicious' }), makeWaiting);
    assert.equal(denied(verdict).cause, 'unavailable');
  });

  test('a record that reaches the disk too late says that nothing was run', async () => {
    const { gate, audit, clock } = makeGate(makeLive(() => ALLOWED));
    audit.slow = true;
    const action = makeAction('delete from t where id = 1', { risk: 'suspicious' });
    const verdict = Promise.resolve(gate.decide(action, makeWaiting));
    await clock.advance(10_000);
    assert.equal(denied(await verdict).cause, 'unavailable');
    audit.reachDisk();
    await settleMicrotasks();
    assert.equal(audit.outcomes.get(action.id)?.[0]?.['kind'], 'not-run');
  });

  test('a client that goes away while its record is written is never sent for', async () => {
    const { gate, audit } = makeGate(makeLive(() => ALLOWED));
    audit.slow = true;
    const waiting = makeWaiting();
    const action = makeAction('delete from t where id = 1', { risk: 'suspicious' });
    const verdict = Promise.resolve(gate.decide(action, () => waiting));
    await settleMicrotasks();
    waiting.abort.abort();
    audit.reachDisk();
    assert.equal(denied(await verdict).cause, 'cancelled');
    assert.equal(audit.outcomes.get(action.id)?.[0]?.['kind'], 'not-run');
  });

  test('a client that goes away while its safe action waits for room is let go', async () => {
    const { gate, audit } = makeGate(makeLive(() => ALLOWED));
    audit.full = true;
    const waiting = makeWaiting();
    const verdict = Promise.resolve(gate.decide(makeAction('select 1'), () => waiting));
    await settleMicrotasks();
    waiting.abort.abort();
    assert.equal(denied(await verdict).cause, 'cancelled');
    assert.equal(audit.events.length, 0);
  });

  test('a question that cannot be recorded is not put', async () => {
    const harness = makeGate(makeLive(() => ASKED));
    harness.audit.broken = true;
    const { verdict } = await park(harness);
    assert.equal(denied(await verdict).cause, 'unavailable');
    assert.equal(harness.approvals.asked.length, 0);
  });

  test('a yes that cannot be recorded is a no', async () => {
    const harness = makeGate(makeLive(() => ASKED));
    const { verdict } = await park(harness);
    harness.audit.broken = true;
    harness.approvals.answer('approved');
    assert.equal(denied(await verdict).cause, 'unavailable');
  });

  test('a fault that cannot even be recorded is still a denial', () => {
    const harness = makeGate(
      makeLive(() => {
        throw new Error('bug');
      }),
    );
    harness.audit.append = () => {
      throw new Error('another bug');
    };
    assert.equal(denied(now(harness.gate.decide(makeAction('select 1'), NEVER))).cause, 'unavailable');
    assert.equal(harness.faults.length, 1);
  });

  test('a denial is given at once and counted when it cannot be recorded', async () => {
    const { gate, audit, clock } = makeGate(makeLive(() => DENIED));
    audit.full = true;
    for (let i = 0; i < 3; i += 1) {
      assert.equal(denied(now(gate.decide(makeAction('drop table t'), NEVER))).cause, 'deny');
    }
    audit.recover();
    await clock.advance(1_000);
    assert.equal(audit.events[0]?.data?.['summarised'], 3);
  });
});

describe('the gate on actions that wait for a person', () => {
  test('the question is on disk before it is put, and the yes before the answer', async () => {
    const harness = makeGate(makeLive(() => ASKED));
    const { verdict } = await park(harness);
    harness.approvals.answer('approved');
    assert.equal((await verdict).kind, 'allow');
    assert.deepEqual(harness.audit.steps, [
      'durable action.decided approve',
      'on disk action.decided approve',
      'ask',
      'durable action.decided allow',
      'on disk action.decided allow',
    ]);
    const [, approved] = harness.audit.events;
    assert.equal(approved?.by, 'local');
    assert.equal(approved?.data?.['approval'], 'approval-1');
  });

  test('a person who says no decides, and the note reaches the agent, but not the name', async () => {
    const harness = makeGate(makeLive(() => ASKED));
    const { verdict } = await park(harness);
    harness.approvals.answer('denied', 'use the replica');
    const answer = denied(await verdict);
    assert.equal(answer.cause, 'deny');
    assert.match(answer.reason, /use the replica/);
    assert.doesNotMatch(JSON.stringify(answer), /local/);
    assert.equal(harness.audit.events.at(-1)?.by, 'local');
  });

  test('nobody in time is a no', async () => {
    const harness = makeGate(makeLive(() => ASKED));
    const { verdict } = await park(harness);
    harness.approvals.answer('expired');
    assert.equal(denied(await verdict).cause, 'deny');
  });

  test('a queue that cannot ask denies', async () => {
    const harness = makeGate(makeLive(() => ASKED));
    const { verdict } = await park(harness);
    harness.approvals.refuse('too many requests wait already');
    const answer = denied(await verdict);
    assert.equal(answer.cause, 'unavailable');
    assert.match(answer.reason, /too many/);
  });

  test('a client that goes away takes its question back; a later yes changes nothing', async () => {
    const harness = makeGate(makeLive(() => ASKED));
    const { verdict, waiting } = await park(harness);
    waiting.abort.abort();
    harness.approvals.answer('approved');
    assert.equal(denied(await verdict).cause, 'cancelled');
    assert.equal(harness.gate.parked, 0);
  });

  test('what may not be asked for want of an incident is denied unasked, and the agent is told what it can do', async () => {
    const objection = { reason: 'no incident', hint: 'Name one.' };
    const harness = makeGate(
      makeLive(() => ASKED),
      { objectionTo: () => objection },
    );
    const verdict = denied(
      await harness.gate.decide(makeAction('delete from t', { risk: 'destructive' }), makeWaiting),
    );
    assert.equal(verdict.reason, 'no incident');
    assert.match(verdict.hint, /nobody was asked\. Name one\./);
    assert.equal(harness.approvals.asked.length, 0);
    assert.equal(harness.audit.events.at(-1)?.verdict, 'deny');
    // Nobody has to be asked about what is safe.
    const safe = makeGate(
      makeLive(() => ALLOWED),
      { objectionTo: () => objection },
    );
    assert.equal(now(safe.gate.decide(makeAction('select 1'), NEVER)).kind, 'allow');
  });

  test('people are asked when more is known of the incident, not before; who went away meanwhile is not asked for', async () => {
    for (const gone of [false, true]) {
      const settled = createDeferred<void>();
      const harness = makeGate(
        makeLive(() => ASKED),
        { contextSettled: () => settled.promise },
      );
      const { verdict, waiting } = await park(harness);
      assert.equal(harness.approvals.asked.length, 0);
      if (gone) {
        waiting.abort.abort();
      }
      settled.resolve();
      await settleMicrotasks();
      assert.equal(harness.approvals.asked.length, gone ? 0 : 1);
      if (!gone) {
        harness.approvals.answer('approved');
      }
      assert.equal((await verdict).kind, gone ? 'deny' : 'allow');
    }
  });

  test('a text that was cut is denied unasked', async () => {
    const harness = makeGate(makeLive(() => ASKED));
    const whole = makeAction('delete from t', { risk: 'destructive' });
    const cut = { ...whole, evidence: { ...whole.evidence, complete: false } };
    const verdict = denied(await harness.gate.decide(cut, makeWaiting));
    assert.equal(verdict.word, 'truncated');
    assert.equal(harness.approvals.asked.length, 0);
    assert.equal(harness.audit.events.at(-1)?.verdict, 'deny');
  });

  test('so is an object of Kubernetes; of a body of HTTP people see where it was cut', async () => {
    for (const [family, asked] of [
      ['k8s', 0],
      ['http', 1],
    ] as const) {
      const harness = makeGate(makeLive(() => ASKED));
      const whole = makeAction('POST /a', { risk: 'destructive', family });
      const waiting = makeWaiting();
      const verdict = harness.gate.decide(
        { ...whole, evidence: { ...whole.evidence, complete: false } },
        () => waiting,
      );
      await settleMicrotasks();
      assert.equal(harness.approvals.asked.length, asked, family);
      waiting.abort.abort();
      await verdict;
    }
  });

  test('the same question under a new policy goes on waiting', async () => {
    const harness = makeGate(makeLive(() => ASKED));
    const { verdict } = await park(harness);
    harness.swap(makeLive(() => ASKED, { revision: 'r2' }));
    assert.equal(harness.gate.parked, 1);
    harness.approvals.answer('approved');
    assert.equal((await verdict).kind, 'allow');
  });

  const changes: { name: string; next: Parameters<typeof makeLive> }[] = [
    { name: 'denied by the new policy', next: [() => DENIED] },
    { name: 'asked of others by the new policy', next: [() => ({ ...ASKED, approvers: ['human_approver.lead'] })] },
    { name: 'asked by another rule', next: [() => ({ ...ASKED, by: 'rule' as const, rule: 'deletes' })] },
    { name: 'allowed by the new policy', next: [() => ALLOWED] },
    { name: 'at an endpoint that is gone', next: [() => ASKED, { config: { endpoints: [] } }] },
    { name: 'under a profile that is gone', next: [() => ASKED, { config: { profiles: [] } }] },
    {
      name: 'with another time limit',
      next: [() => ASKED, { config: { defaults: { ...makeConfig().defaults, humanTimeoutMs: 1_000 } } }],
    },
  ];
  for (const { name, next } of changes) {
    test(`a waiting action that is ${name} is taken back and denied`, async () => {
      const harness = makeGate(makeLive(() => ASKED));
      const { verdict } = await park(harness);
      harness.swap(makeLive(...next));
      assert.equal(denied(await verdict).cause, 'deny');
      assert.equal(harness.audit.events.at(-1)?.verdict, 'deny');
    });
  }

  test('a yes for an endpoint that went away in the same moment is a no', async () => {
    const harness = makeGate(makeLive(() => ASKED));
    const { verdict } = await park(harness);
    harness.replace(makeLive(() => ASKED, { config: { endpoints: [] } }));
    harness.approvals.answer('approved');
    assert.equal(denied(await verdict).cause, 'deny');
  });

  test('a yes is checked against the policy in force when it is given', async () => {
    let decision: Decision = ASKED;
    const harness = makeGate(makeLive(() => decision));
    const { verdict } = await park(harness);
    decision = DENIED;
    harness.approvals.answer('approved');
    const answer = denied(await verdict);
    assert.equal(answer.rule, 'no-drops');
  });

  test('a stop takes back what waits and parks nothing new', async () => {
    const harness = makeGate(makeLive(() => ASKED));
    const { verdict } = await park(harness);
    harness.gate.stopParking('the gateway is stopping');
    assert.match(denied(await verdict).reason, /stopping/);
    const next = await park(harness);
    assert.equal(denied(await next.verdict).cause, 'unavailable');
    assert.equal(harness.approvals.asked.length, 1);
  });
});

describe('actions whose client did not wait', () => {
  async function approved(decide: () => Decision = () => ASKED) {
    const harness = makeGate(makeLive(decide));
    const action = makeAction('delete from t', { risk: 'destructive' });
    const verdict = Promise.resolve(harness.gate.decide(action, () => makeWaiting(true)));
    await settleMicrotasks();
    harness.approvals.answer('approved');
    assert.equal((await verdict).kind, 'allow');
    const outcomes = (): readonly unknown[] => (harness.audit.outcomes.get(action.id) ?? []).map(({ kind }) => kind);
    return { ...harness, action, later: { ...action, session: 'session-2' }, outcomes };
  }

  test('the end of the asking connection settles nothing; the fetching one`s does', async () => {
    const { gate, action, later, outcomes } = await approved();
    gate.ended(action.session);
    assert.deepEqual(outcomes(), []);
    assert.equal(gate.resume(later).kind, 'allow');
    gate.ended(action.session);
    assert.deepEqual(outcomes(), []);
    gate.ended('session-2');
    assert.deepEqual(outcomes(), ['unknown']);
  });

  test('it is run once, and settled once', async () => {
    const { gate, later, outcomes, audit } = await approved();
    assert.equal(gate.resume(later).kind, 'allow');
    assert.equal(denied(gate.resume(later)).cause, 'unavailable');
    gate.settle(later, OK);
    gate.settle(later, OK);
    assert.deepEqual(outcomes(), ['ok']);
    assert.deepEqual(
      audit.events.map(({ verdict }) => verdict),
      ['approve', 'allow'],
    );
  });

  test('a deny that came after the yes wins, is recorded, and nothing was run', async () => {
    let decision: Decision = ASKED;
    const { gate, later, outcomes, audit } = await approved(() => decision);
    decision = DENIED;
    assert.equal(denied(gate.resume(later)).rule, 'no-drops');
    assert.deepEqual(outcomes(), ['not-run']);
    assert.equal(audit.events.at(-1)?.verdict, 'deny');
    decision = ASKED;
    assert.equal(gate.resume(later).kind, 'deny');
  });

  test('an endpoint that went away after the yes, and a question that changed, are a no', async () => {
    const gone = await approved();
    gone.swap(makeLive(() => ASKED, { config: { endpoints: [] } }));
    assert.equal(gone.gate.resume(gone.later).kind, 'deny');
    assert.deepEqual(gone.outcomes(), ['not-run']);
    const changed = await approved();
    changed.swap(makeLive(() => ({ ...ASKED, by: 'rule', rule: 'deletes' })));
    assert.match(denied(changed.gate.resume(changed.later)).reason, /changed/);
  });

  test('a fault while it is judged again is a denial', async () => {
    let broken = false;
    const { gate, later, outcomes, faults } = await approved(() => {
      if (broken) {
        throw new Error('broken rule');
      }
      return ASKED;
    });
    broken = true;
    assert.equal(denied(gate.resume(later)).cause, 'unavailable');
    assert.deepEqual([outcomes(), faults.length], [['not-run'], 1]);
  });

  test('what nobody fetches is settled by who gives it up, or by the stop', async () => {
    const left = await approved();
    left.gate.settle(left.action, { ...OK, kind: 'not-run' });
    assert.equal(left.gate.resume(left.later).kind, 'deny');
    assert.deepEqual(left.outcomes(), ['not-run']);
    const stopped = await approved();
    stopped.gate.stopParking('the gateway is stopping');
    assert.deepEqual(stopped.outcomes(), ['not-run']);
    assert.match(denied(stopped.gate.resume(stopped.later)).reason, /stopping/);
  });

  test('a yes whose record is written while the gateway stops is not kept', async () => {
    const harness = makeGate(makeLive(() => ASKED));
    const action = makeAction('delete from t', { risk: 'destructive' });
    const verdict = Promise.resolve(harness.gate.decide(action, () => makeWaiting(true)));
    await settleMicrotasks();
    harness.audit.slow = true;
    harness.approvals.answer('approved');
    await settleMicrotasks();
    harness.gate.stopParking('the gateway is stopping');
    harness.audit.reachDisk();
    assert.equal(denied(await verdict).cause, 'unavailable');
    assert.deepEqual(
      harness.audit.outcomes.get(action.id)?.map(({ kind }) => kind),
      ['not-run'],
    );
  });
});

describe('the end of actions', () => {
  test('what a connection leaves unsettled is recorded as unknown, once', () => {
    const { gate, audit } = makeGate(makeLive(() => ALLOWED));
    const action = makeAction('select 1');
    now(gate.decide(action, NEVER));
    gate.ended('session-1');
    gate.ended('session-1');
    gate.settle(action, OK);
    assert.deepEqual(
      audit.outcomes.get(action.id)?.map((outcome) => outcome['kind']),
      ['unknown'],
    );
  });

  test('a fault in the rules is a denial, told to the log', () => {
    const harness = makeGate(
      makeLive(() => {
        throw new Error('bug');
      }),
    );
    assert.equal(denied(now(harness.gate.decide(makeAction('select 1'), NEVER))).cause, 'unavailable');
    assert.equal(harness.faults.length, 1);
    assert.equal(harness.audit.events[0]?.verdict, 'deny');
  });

  test('an endpoint that is not configured is denied and recorded', () => {
    const { gate, audit } = makeGate(makeLive(() => ALLOWED, { config: { endpoints: [] } }));
    assert.equal(now(gate.decide(makeAction('select 1'), NEVER)).kind, 'deny');
    assert.equal(audit.events[0]?.verdict, 'deny');
  });
});

describe('a request of which not everything was held', () => {
  const part = makeAction('POST /a, body not held', { risk: 'suspicious' });
  const whole = (parts: Parameters<typeof makeAction>[1] = {}) =>
    makeAction('POST /a with its body', { risk: 'suspicious', ...parts, id: part.id });

  test('people are asked about the whole of it', async () => {
    const { gate, approvals, hits } = makeGate(makeLive(() => ASKED));
    const all = whole();
    const verdict = Promise.resolve(gate.decide(part, () => ({ ...makeWaiting(), whole: () => Promise.resolve(all) })));
    await settleMicrotasks();
    assert.deepEqual(
      approvals.asked.map(({ action }) => action.evidence.text),
      ['POST /a with its body'],
    );
    // One request is one hit, though it was judged twice.
    assert.equal((ASKED.rule === '' ? hits.ofTier('suspicious') : hits.ofRule(ASKED.rule))?.count, 1);
    approvals.answer('approved');
    assert.equal((await verdict).kind, 'allow');
  });

  test('what the rest of it says decides, without asking anybody', async () => {
    for (const [decision, expected] of [
      [DENIED, 'deny'],
      [ALLOWED, 'allow'],
    ] as const) {
      const all = whole();
      const { gate, approvals } = makeGate(makeLive((action) => (action === all ? decision : ASKED)));
      const verdict = await gate.decide(part, () => ({ ...makeWaiting(), whole: () => Promise.resolve(all) }));
      assert.equal(verdict.kind, expected);
      assert.equal(approvals.asked.length, 0);
    }
  });

  test('nobody is asked when the client goes away while the rest is read', async () => {
    const { gate, approvals } = makeGate(makeLive(() => ASKED));
    const gone = new AbortController();
    const verdict = await gate.decide(part, () => ({
      ...makeWaiting(),
      signal: gone.signal,
      whole: () => {
        gone.abort('gone');
        return Promise.resolve(whole());
      },
    }));
    assert.equal(denied(verdict).cause, 'cancelled');
    assert.equal(approvals.asked.length, 0);
  });
});

describe('the gate on agents in quarantine', () => {
  test('what is safe and allowed is denied too, recorded, and another device goes on', () => {
    const harness = makeGate(makeLive(() => ALLOWED));
    assert.equal(now(harness.gate.decide(makeAction('select 1'), NEVER)).kind, 'allow');
    harness.quarantine(AGENT.device);
    for (const phase of ['execute', 'prepare'] as const) {
      const verdict = denied(now(harness.gate.decide(makeAction('select 1', { phase }), NEVER)));
      assert.match(verdict.reason, /quarantined/);
    }
    assert.equal(harness.audit.events.at(-1)?.by, 'quarantine');
    harness.quarantine('somebody-else');
    assert.equal(now(harness.gate.decide(makeAction('select 1'), NEVER)).kind, 'allow');
  });

  test('what waits is taken back', async () => {
    const harness = makeGate(makeLive(() => ASKED));
    const parked = await park(harness);
    harness.quarantine(AGENT.device);
    assert.match(denied(await parked.verdict).reason, /quarantined/);
  });
});

test('CP-15: the gate denies agents of a profile that is not configured, and searches no other', () => {
  const harness = makeGate(makeLive(() => ALLOWED));
  assert.equal(now(harness.gate.decide(makeAction('select 1'), NEVER)).kind, 'allow');
  const stranger = makeAction('select 1', { agent: { ...AGENT, profile: 'gone' } });
  assert.match(denied(now(harness.gate.decide(stranger, NEVER))).reason, /no longer configured/);
  assert.equal(harness.audit.events.at(-1)?.verdict, 'deny');
});

describe('AP-26: the gate on agents whose device is none any more', () => {
  test('what waits is taken back, also where its client did not wait; that of others is not', async () => {
    for (const detached of [false, true]) {
      const harness = makeGate(makeLive(() => ASKED));
      const action = makeAction('delete from t', { risk: 'destructive' });
      const verdict = Promise.resolve(harness.gate.decide(action, () => makeWaiting(detached)));
      await settleMicrotasks();
      harness.revoke('somebody-else');
      assert.equal(harness.gate.parked, 1);
      harness.revoke(AGENT.device);
      assert.match(denied(await verdict).reason, /device or run is gone/);
      assert.equal(harness.gate.parked, 0);
    }
  });

  test('what was approved for it and not fetched is never run', async () => {
    const harness = makeGate(makeLive(() => ASKED));
    const action = makeAction('delete from t', { risk: 'destructive' });
    const verdict = Promise.resolve(harness.gate.decide(action, () => makeWaiting(true)));
    await settleMicrotasks();
    harness.approvals.answer('approved');
    assert.equal((await verdict).kind, 'allow');
    harness.revoke(AGENT.device);
    assert.equal(harness.gate.resume({ ...action, session: 'session-2' }).kind, 'deny');
    assert.deepEqual(
      harness.audit.outcomes.get(action.id)?.map(({ kind }) => kind),
      ['not-run'],
    );
  });
});

test('the gate counts what decided: rules by name, tiers where no rule matched, and nothing that is only prepared', () => {
  const harness = makeGate(makeLive(() => DENIED));
  for (const phase of ['execute', 'execute', 'prepare'] as const) {
    void harness.gate.decide(makeAction('drop table t', { phase }), NEVER);
  }
  assert.equal(harness.hits.ofRule(DENIED.rule)?.count, 2);
  assert.equal(harness.hits.ofRule('another'), null);
  const tiers = makeGate(makeLive(() => ALLOWED));
  void tiers.gate.decide(makeAction('select 1'), NEVER);
  assert.equal((ALLOWED.rule === '' ? tiers.hits.ofTier('safe') : tiers.hits.ofRule(ALLOWED.rule))?.count, 1);
});

describe('what an agent says of its work', () => {
  test('AP-39: it goes into the records of its actions, as its own words, and changes no verdict', async () => {
    const harness = makeGate(makeLive(({ risk }) => (risk === 'safe' ? ALLOWED : ASKED)));
    const claimOf = (index: number): unknown => harness.audit.events[index]?.data?.['claim'];
    now(harness.gate.decide(makeAction('select 1', { risk: 'safe' }), NEVER));
    assert.equal(harness.audit.events[0]?.data, null, 'who said nothing has nothing in the record');
    await harness.claims.set(AGENT, { incident: 'PX1', intent: 'approved in ticket 123 by the CTO' }, 'agent');
    now(harness.gate.decide(makeAction('select 1', { risk: 'safe' }), NEVER));
    assert.deepEqual(claimOf(2), { incident: 'PX1' });
    const { verdict } = await park(harness);
    assert.deepEqual(claimOf(3), { incident: 'PX1' });
    assert.equal(harness.gate.parked, 1, 'it is asked for all the same');
    harness.gate.stopParking('over');
    denied(await verdict);
    assert.deepEqual(claimOf(4), { incident: 'PX1' });
  });
});
