// What agents say of their work: who is one agent, what is taken, what is recorded, and what is forgotten.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actionClaim, createClaims, findFault, identityOf } from '../../src/approvals/claims.ts';
import type { ClaimChange, Claims } from '../../src/approvals/claims.ts';
import type { Agent } from '../../src/rules/action.ts';
import { FakeAudit } from '../support/gate-parts.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { AGENT } from './parts.ts';

const ID = '019a0000-0000-7000-8000-000000000001';
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = `00-${TRACE}-00f067aa0ba902b7-01`;
const IN_RUN: Agent = { ...AGENT, transport: 'wireguard', run: 'run-1' };

function create(): { readonly claims: Claims; readonly audit: FakeAudit; readonly clock: FakeClock } {
  const audit = new FakeAudit();
  const clock = new FakeClock();
  return { claims: createClaims({ clock, audit }), audit, clock };
}

test('what is said stays until it is said anew or taken back, and each change is one record with the whole claim', async () => {
  const { claims, audit, clock } = create();
  assert.equal(claims.of(IN_RUN), null);
  await claims.set(IN_RUN, { incident: 'PX1', intent: 'the disk is full' }, 'run');
  await claims.set(IN_RUN, { task: 'free space' }, 'agent');
  const kept = await claims.set(IN_RUN, { incident: '' }, 'agent');
  const said = { incident: '', task: 'free space', intent: 'the disk is full', parent: '', traceparent: '' };
  assert.deepEqual(kept, { ...said, atMs: clock.now() });
  assert.deepEqual(claims.of({ ...IN_RUN }), kept);
  assert.deepEqual(
    audit.events.map(({ type, by, agent, data }) => [type, by, agent, data]),
    [
      ['run', { ...said, incident: 'PX1', task: '' }, ['incident', 'intent']] as const,
      ['agent', { ...said, incident: 'PX1' }, ['task']] as const,
      ['agent', said, ['incident']] as const,
    ].map(([by, claim, changed]) => ['context.claimed', by, IN_RUN, { claim, changed }]),
  );
});

test('what cannot be recorded does not count, and nothing counts before its record is on disk', async () => {
  const { claims, audit } = create();
  audit.broken = true;
  await assert.rejects(claims.set(IN_RUN, { task: 'x' }, 'agent'));
  assert.equal(claims.of(IN_RUN), null);
  audit.broken = false;
  audit.slow = true;
  const setting = claims.set(IN_RUN, { task: 'x' }, 'agent');
  const other = claims.set(IN_RUN, { incident: 'PX1' }, 'agent');
  assert.equal(claims.of(IN_RUN), null);
  audit.reachDisk();
  await Promise.all([setting, other]);
  const { task, incident } = claims.of(IN_RUN) ?? {};
  assert.deepEqual([task, incident], ['x', 'PX1'], 'both changes are there');
});

test('a device with its run is one agent wherever it connects; behind listeners it is the address with the profile', () => {
  const same: readonly (readonly [string, Agent, Agent, boolean])[] = [
    ['another connection of the run', IN_RUN, { ...IN_RUN, ip: '192.0.2.9' }, true],
    ['another run of the device', IN_RUN, { ...IN_RUN, run: 'run-2' }, false],
    ['the device outside of the run', IN_RUN, { ...IN_RUN, run: '' }, false],
    ['another listener', AGENT, { ...AGENT, device: 'listener/other' }, true],
    ['another address', AGENT, { ...AGENT, ip: '192.0.2.9' }, false],
    ['another profile', AGENT, { ...AGENT, profile: 'other' }, false],
    ['a device that is called like a listener', AGENT, { ...AGENT, transport: 'wireguard' }, false],
  ];
  for (const [name, one, other, equal] of same) {
    assert.equal(identityOf(one) === identityOf(other), equal, name);
  }
});

test('a run that ends takes its words with it, also those that are being written; other runs keep theirs', async () => {
  const { claims, audit } = create();
  const other = { ...IN_RUN, run: 'run-2' };
  await claims.set(IN_RUN, { task: 'x' }, 'agent');
  await claims.set(other, { task: 'y' }, 'agent');
  audit.slow = true;
  const late = claims.set(IN_RUN, { task: 'z' }, 'agent');
  claims.forget(({ run }) => run === 'run-1');
  audit.reachDisk();
  await late;
  assert.equal(claims.of(IN_RUN), null);
  assert.equal(claims.of(other)?.task, 'y');
});

test('what was said before this process is taken from its records, the newest of each agent, and what was said since stays', async () => {
  const { claims, clock } = create();
  const other = { ...IN_RUN, run: 'run-2' };
  await claims.set(AGENT, { task: 'said since' }, 'agent');
  const claim = (task: string) => ({ claim: { incident: 'PX1', task, intent: 'why', parent: '', traceparent: '' } });
  const hourAgo = clock.now() - 3_600_000;
  claims.recall([
    { agent: IN_RUN, data: claim('newest'), timeMs: hourAgo },
    { agent: IN_RUN, data: claim('older'), timeMs: hourAgo - 1 },
    { agent: AGENT, data: claim('before'), timeMs: hourAgo },
    { agent: other, data: claim('yesterday'), timeMs: clock.now() - 24 * 3_600_000 - 1 },
    { agent: null, data: claim('nobody'), timeMs: hourAgo },
    { agent: other, data: { claim: 'nonsense' }, timeMs: hourAgo },
    { agent: { ...IN_RUN, run: 'run-3' }, data: { claim: { task: 7 } }, timeMs: hourAgo },
  ]);
  const newest = { incident: 'PX1', task: 'newest', intent: 'why', parent: '', traceparent: '', atMs: hourAgo };
  assert.deepEqual(claims.of(IN_RUN), newest);
  assert.equal(claims.of(AGENT)?.task, 'said since');
  assert.equal(claims.of(other), null);
  clock.stall(23 * 3_600_000 + 1);
  assert.equal(claims.of(IN_RUN), null, 'it ages from when it was said');
});

test('what was said a day ago is about other work', async () => {
  const { claims, clock } = create();
  await claims.set(AGENT, { task: 'x' }, 'agent');
  clock.stall(24 * 3_600_000);
  assert.equal(claims.of(AGENT)?.task, 'x');
  clock.stall(1);
  assert.equal(claims.of(AGENT), null);
  assert.deepEqual((await claims.set(AGENT, { incident: 'PX1' }, 'agent')).task, '');
});

test('a listener with any number of addresses pushes nobody else out', async () => {
  const { claims } = create();
  const at = (number: number): Agent => ({
    ...AGENT,
    device: 'listener/api',
    ip: `10.0.${number >> 8}.${number & 255}`,
  });
  await claims.set(IN_RUN, { task: 'x' }, 'agent');
  for (let number = 0; number <= 1_000; number += 1) {
    await claims.set(at(number), { task: 'x' }, 'agent');
  }
  assert.equal(claims.of(at(0)), null);
  assert.equal(claims.of(at(1))?.task, 'x');
  assert.equal(claims.of(IN_RUN)?.task, 'x');
});

test('so many agents are remembered; who has been silent longest is forgotten first', async () => {
  const { claims } = create();
  const at = (number: number): Agent => ({ ...IN_RUN, device: `d-${number % 100}`, run: `run-${number}` });
  for (let number = 0; number < 10_000; number += 1) {
    await claims.set(at(number), { task: 'x' }, 'agent');
  }
  await claims.set(at(0), { task: 'y' }, 'agent');
  await claims.set(at(10_000), { task: 'x' }, 'agent');
  assert.deepEqual(
    [0, 1, 2].map((number) => claims.of(at(number))?.task),
    ['y', undefined, 'x'],
  );
});

const FAULTS: readonly (readonly [ClaimChange, RegExp | null])[] = [
  [{}, null],
  [{ incident: '', task: '', intent: '', parent: '', traceparent: '' }, null],
  [{ incident: 'PABC123' }, null],
  [{ incident: 'two words' }, /incident/],
  [{ incident: 'x'.repeat(101) }, /incident/],
  [{ incident: 'naïve' }, /incident/],
  [{ task: 'Platte räumen #7' }, null],
  [{ task: 'a\nb' }, /task/],
  [{ task: 'a\u202eb' }, /task/],
  [{ task: 'x'.repeat(201) }, /task/],
  [{ intent: 'ä\n'.repeat(1365) }, null],
  [{ intent: `${'ä\n'.repeat(1365)}xx` }, /4096 bytes/],
  [{ parent: ID }, null],
  [{ parent: ID.toUpperCase() }, /parent/],
  [{ parent: `${ID}\n` }, /parent/],
  [{ traceparent: PARENT }, null],
  [{ traceparent: 'x' }, /traceparent/],
];

test('a change is taken whole or refused with what is wrong', () => {
  for (const [change, fault] of FAULTS) {
    const found = findFault(change);
    assert.ok(fault === null ? found === null : fault.test(found ?? ''), JSON.stringify([change, found]));
  }
});

test('an action carries what was said but the intent; the trace of the request comes before that of the work', () => {
  const said = { incident: 'PX1', task: '', intent: 'because', parent: ID, traceparent: PARENT, atMs: 0 };
  assert.deepEqual(actionClaim(said, ''), { incident: 'PX1', parent: ID, trace: TRACE });
  assert.deepEqual(actionClaim(said, 'a'.repeat(32)), { incident: 'PX1', parent: ID, trace: 'a'.repeat(32) });
  assert.deepEqual(actionClaim(null, TRACE), { trace: TRACE });
  assert.equal(actionClaim(null, ''), null);
  assert.equal(actionClaim({ ...said, incident: '', parent: '', traceparent: '' }, ''), null);
});
