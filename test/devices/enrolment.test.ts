// Rows CP-11, CP-16, CP-18 and CP-20 of the control plane: who is let in, by whom, and how often.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEnrolment, nameFrom } from '../../src/devices/enrolment.ts';
import { openJoinTokens } from '../../src/devices/join-tokens.ts';
import { openDeviceRegistry } from '../../src/devices/registry.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { temporaryFolder, type CleanUp } from '../support/temp.ts';

const MINUTE_MS = 60_000;

function world(t: CleanUp) {
  const stateDir = temporaryFolder(t, 'clawpatrol-enrol');
  const clock = new FakeClock();
  const isKey = (text: string): boolean => text.startsWith('key');
  const registry = openDeviceRegistry({ stateDir, clock, isKey, lastNumber: () => 254 });
  const tokens = openJoinTokens({ stateDir, clock });
  const enrolment = createEnrolment({ clock, registry, tokens, isKey, hasProfile: (name) => name === 'oncall' });
  return { stateDir, clock, registry, tokens, enrolment };
}

function ask(more: object = {}) {
  return { publicKey: 'key1', hostname: 'laptop.example', wish: '', token: '', ip: '192.0.2.1', ...more };
}

function started(result: ReturnType<ReturnType<typeof world>['enrolment']['start']>) {
  assert.ok(result.kind === 'started', JSON.stringify(result));
  return result;
}

test('CP-11 CP-18: a machine waits until an operator lets it in, and fetches what it needs once, from where it asked', (t) => {
  const { enrolment, registry } = world(t);
  const { deviceCode, request } = started(enrolment.start(ask()));
  assert.match(request.userCode, /^[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}$/);
  assert.deepEqual(enrolment.poll(deviceCode, '192.0.2.1'), { kind: 'waiting' });
  assert.equal(enrolment.poll(deviceCode, '192.0.2.2'), null);
  assert.equal(registry.list().length, 0);
  assert.deepEqual(
    enrolment.waiting().map(({ userCode, hostname }) => [userCode, hostname]),
    [[request.userCode, 'laptop.example']],
  );
  // As people type it.
  const typed = request.userCode.toLowerCase().replace('-', ' ');
  const device = enrolment.approve(typed, { profile: 'oncall', name: null, user: 'ada' });
  assert.deepEqual(
    [device?.name, device?.profile, device?.user, device?.number],
    ['laptop.example', 'oncall', 'ada', 2],
  );
  assert.equal(enrolment.approve(typed, { profile: 'oncall', name: null, user: 'ada' }), null);
  assert.deepEqual(
    [enrolment.claim(deviceCode, '192.0.2.9'), enrolment.claim(deviceCode, '192.0.2.1')?.kind],
    [null, 'approved'],
  );
  assert.equal(enrolment.claim(deviceCode, '192.0.2.1'), null);
});

test('CP-18: a code that was refused or has expired lets nobody in', (t) => {
  const { enrolment, registry, clock } = world(t);
  const denied = started(enrolment.start(ask()));
  assert.equal(enrolment.deny(denied.request.userCode), true);
  assert.equal(enrolment.deny(denied.request.userCode), false);
  assert.deepEqual(enrolment.poll(denied.deviceCode, '192.0.2.1'), { kind: 'denied' });
  const late = started(enrolment.start(ask()));
  clock.stall(10 * MINUTE_MS + 1);
  assert.deepEqual(enrolment.poll(late.deviceCode, '192.0.2.1'), { kind: 'expired' });
  assert.equal(enrolment.approve(late.request.userCode, { profile: 'oncall', name: null, user: '' }), null);
  assert.deepEqual([registry.list(), enrolment.waiting()], [[], []]);
});

test('CP-18: who guesses is not heard any more, and others still are', (t) => {
  const { enrolment, clock } = world(t);
  const { deviceCode } = started(enrolment.start(ask()));
  for (let index = 0; index < 20; index += 1) {
    assert.equal(enrolment.poll(`guess${index}`, '192.0.2.1'), null);
  }
  assert.equal(enrolment.poll(deviceCode, '192.0.2.1'), null);
  assert.equal(enrolment.start(ask()).kind, 'refused');
  assert.equal(enrolment.start(ask({ ip: '192.0.2.2' })).kind, 'started');
  clock.stall(10 * MINUTE_MS + 1);
  assert.equal(enrolment.start(ask()).kind, 'started');
});

test('requests that wait are limited, in all and by address', (t) => {
  const { enrolment } = world(t);
  for (let index = 0; index < 10; index += 1) {
    started(enrolment.start(ask({ publicKey: `key${index}` })));
  }
  assert.equal(enrolment.start(ask({ publicKey: 'key11' })).kind, 'refused');
  for (let index = 0; index < 190; index += 1) {
    started(enrolment.start(ask({ ip: `198.51.100.${index}` })));
  }
  assert.equal(enrolment.start(ask({ ip: '203.0.113.1' })).kind, 'refused');
});

test('a join token lets in under its profile, as often as it says, until it expires, and is nowhere in the file', (t) => {
  const { enrolment, tokens, clock, stateDir, registry } = world(t);
  const { text } = tokens.create({ profile: 'oncall', usesLeft: 2, expiresMs: clock.now() + MINUTE_MS, by: 'ada' });
  for (const number of [1, 2]) {
    const { deviceCode } = started(
      enrolment.start(ask({ token: text, publicKey: `key${number}`, ip: `192.0.2.${number}` })),
    );
    assert.equal(enrolment.claim(deviceCode, `192.0.2.${number}`)?.kind, 'approved');
  }
  assert.deepEqual(
    registry.list().map(({ name, profile }) => [name, profile]),
    [
      ['laptop.example', 'oncall'],
      ['laptop.example-2', 'oncall'],
    ],
  );
  assert.deepEqual(enrolment.start(ask({ token: text, publicKey: 'key3' })), {
    kind: 'refused',
    status: 403,
    why: 'the join token is unknown, used up or expired',
  });
  const brief = tokens.create({ profile: 'oncall', usesLeft: 1, expiresMs: clock.now() + MINUTE_MS, by: 'ada' });
  const gone = tokens.create({ profile: 'gone', usesLeft: 1, expiresMs: clock.now() + MINUTE_MS, by: 'ada' });
  assert.match(JSON.stringify(enrolment.start(ask({ token: gone.text, publicKey: 'key4' }))), /no longer exists/);
  assert.equal(openJoinTokens({ stateDir, clock }).list().length, 1);
  clock.stall(2 * MINUTE_MS);
  assert.equal(enrolment.start(ask({ token: brief.text, publicKey: 'key5' })).kind, 'refused');
  assert.equal(registry.list().length, 2);
});

test('what a machine calls itself becomes a name that a device can have', () => {
  assert.deepEqual(['web-1.example', '--x y/z', '‮evil', '', 'é', 'a'.repeat(300)].map(nameFrom), [
    'web-1.example',
    'x-y-z',
    'evil',
    'device',
    'device',
    'a'.repeat(40),
  ]);
});
