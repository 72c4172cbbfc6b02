import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deferrals, ownerOf, prefersAsync, retryOf } from '../../../src/protocols/http/deferred.ts';
import type { LocalAnswer } from '../../../src/protocols/http/flavour.ts';
import type { Action } from '../../../src/rules/action.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { AGENT, makeAction } from '../../support/gate-parts.ts';

const MINUTE_MS = 60_000;
const DENIAL = { status: 403, code: 'denied', reason: 'not today', rule: 'writes', hint: 'Ask.' };

function make(limits?: ConstructorParameters<typeof Deferrals>[2]) {
  const clock = new FakeClock();
  const abandoned: Action[] = [];
  const store = new Deferrals(clock, (action) => abandoned.push(action), limits);
  const add = (approval: string, owner: string = 'me', text: string = 'POST') => {
    const notice = { approval, expiresInMs: MINUTE_MS, waitsFor: 'human_approver.oncall' };
    return store.add({ notice, action: makeAction(text), owner, binding: 'bytes' });
  };
  return { clock, abandoned, store, add };
}

const stateOf = ({ body }: LocalAnswer): unknown => JSON.parse(body.toString())['state'];

test('an approved request is given out once, to its owner, for its own bytes', () => {
  const { store, add } = make();
  const added = add('a');
  assert.equal(added?.answer.status, 202);
  assert.equal(store.take('a', 'me', 'bytes').kind, 'pending');
  added?.deferral.approved();
  const refusals: readonly (readonly [string, string | null, string])[] = [
    ['somebody', 'bytes', 'retry_unknown'],
    ['me', 'others', 'retry_differs'],
    ['me', null, 'retry_differs'],
  ];
  for (const [owner, binding, code] of refusals) {
    const taken = store.take('a', owner, binding);
    assert.equal(taken.kind === 'refused' ? taken.refusal.code : taken.kind, code);
  }
  assert.equal(stateOf(store.status('a', 'me')), 'approved');
  assert.equal(store.take('a', 'me', 'bytes').kind, 'taken');
  const again = store.take('a', 'me', 'bytes');
  assert.equal(again.kind === 'refused' && again.refusal.code, 'retry_used');
  assert.equal(stateOf(store.status('a', 'me')), 'used');
  assert.equal(store.status('a', 'somebody').status, 404);
});

test('what was approved and not fetched in ten minutes is given up, told for a while, and then forgotten', async () => {
  const { clock, abandoned, store, add } = make();
  add('a')?.deferral.approved();
  await clock.advance(10 * MINUTE_MS - 1);
  assert.equal(stateOf(store.status('a', 'me')), 'approved');
  await clock.advance(1);
  assert.equal(abandoned.length, 1);
  const late = store.take('a', 'me', 'bytes');
  assert.equal(late.kind === 'refused' && late.refusal.code, 'retry_expired');
  await clock.advance(10 * MINUTE_MS);
  assert.equal(store.status('a', 'me').status, 404);
  assert.deepEqual([abandoned.length, clock.timers], [1, 0]);
});

test('what was fetched is not given up later', async () => {
  const { clock, abandoned, store, add } = make();
  add('a')?.deferral.approved();
  assert.equal(store.take('a', 'me', 'bytes').kind, 'taken');
  await clock.advance(30 * MINUTE_MS);
  assert.deepEqual([abandoned.length, clock.timers], [0, 0]);
});

test('a denial, and an expiry, are told with their reason', () => {
  const { store, add } = make();
  add('a')?.deferral.refused(DENIAL, false);
  add('b')?.deferral.refused(DENIAL, true);
  assert.deepEqual(JSON.parse(store.status('a', 'me').body.toString()), {
    approval: 'a',
    state: 'denied',
    status: '/.well-known/clawpatrol/requests/a',
    reason: 'not today',
    rule: 'writes',
    hint: 'Ask.',
  });
  assert.equal(stateOf(store.status('b', 'me')), 'expired');
  assert.deepEqual(store.take('a', 'me', 'bytes'), { kind: 'refused', refusal: DENIAL });
});

test('what is kept is bounded by number, by owner and by bytes, and room comes back', async () => {
  const { clock, add } = make({ count: 3, perOwner: 2, bytes: 10 });
  const first = add('a', 'me', '12345');
  assert.notEqual(add('b', 'me', '1'), null);
  assert.equal(add('c', 'me', '1'), null, 'one owner');
  assert.equal(add('c', 'you', '12345'), null, 'bytes');
  assert.equal(add('a', 'you', '1'), null, 'one approval twice');
  first?.deferral.refused(DENIAL, false);
  assert.notEqual(add('c', 'you', '12345'), null, 'bytes came back');
  assert.equal(add('d', 'them', '1'), null, 'number');
  await clock.advance(10 * MINUTE_MS);
  assert.notEqual(add('d', 'me', '1'), null, 'number came back');
});

test('owners differ by device, profile, user and endpoint, and by address where agents share a listener', () => {
  const { endpoint } = makeAction('x');
  const own = ownerOf({ agent: AGENT, endpoint });
  assert.equal(ownerOf({ agent: { ...AGENT, run: 'another' }, endpoint }), own);
  for (const part of [{ device: 'd' }, { profile: 'p' }, { user: 'u' }, { ip: '10.0.0.1' }]) {
    assert.notEqual(ownerOf({ agent: { ...AGENT, ...part }, endpoint }), own, JSON.stringify(part));
  }
  assert.notEqual(ownerOf({ agent: AGENT, endpoint: { ...endpoint, ref: 'https.other' } }), own);
  const tunnelled = { ...AGENT, transport: 'wireguard' as const };
  assert.equal(ownerOf({ agent: { ...tunnelled, ip: '::1' }, endpoint }), ownerOf({ agent: tunnelled, endpoint }));
});

test('what a request asks for is read from its fields', () => {
  const prefers = (value: string): boolean => prefersAsync({ fields: [{ name: 'Prefer', value }] });
  for (const value of ['respond-async', 'Respond-Async, wait=10', 'return=minimal,respond-async ; x=1']) {
    assert.equal(prefers(value), true, value);
  }
  for (const value of ['', 'wait=10', 'respond-asynchronously', 'x="respond-async"']) {
    assert.equal(prefers(value), false, value);
  }
  const field = { name: 'CLAWPATROL-Retry', value: 'a' };
  assert.deepEqual([retryOf([]), retryOf([field]), retryOf([field, field])], [null, 'a', '']);
});
