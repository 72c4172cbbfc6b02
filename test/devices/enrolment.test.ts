// Rows CP-11, CP-16, CP-18 and CP-20 of the control plane: who is let in, by whom, and how often.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { createEnrolment, nameFrom } from '../../src/devices/enrolment.ts';
import { openJoinTokens } from '../../src/devices/join-tokens.ts';
import { provePossession } from '../../src/devices/possession.ts';
import { openDeviceRegistry } from '../../src/devices/registry.ts';
import { sourceOf } from '../../src/gateway/dialling/addresses.ts';
import { createWireguardKeys, isWireguardKey, type WireguardKeys } from '../../src/devices/wireguard.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { temporaryFolder, type CleanUp } from '../support/temp.ts';

const MINUTE_MS = 60_000;

function world(t: CleanUp) {
  const stateDir = temporaryFolder(t, 'clawpatrol-enrol');
  const clock = new FakeClock();
  const isKey = isWireguardKey;
  const registry = openDeviceRegistry({ stateDir, clock, isKey, lastNumber: () => 254 });
  const tokens = openJoinTokens({ stateDir, clock });
  const hasProfile = (name: string): boolean => name === 'oncall';
  const held = new Set<string>();
  const isHeld = (name: string): boolean => held.has(name);
  const enrolment = createEnrolment({ clock, registry, tokens, isKey, sourceOf, hasProfile, isHeld });
  return { stateDir, clock, registry, tokens, enrolment, held };
}

/** Key pairs by number, the same at every call. */
const pairs = new Map<number, WireguardKeys>();

function pair(number: number): WireguardKeys {
  const keys = pairs.get(number) ?? createWireguardKeys();
  pairs.set(number, keys);
  return keys;
}

/** What the machine with that pair says to have its private half. */
function prove(number: number, { proofKey, deviceCode }: { readonly proofKey: string; readonly deviceCode: string }) {
  return provePossession({ privateKey: pair(number).privateKey, publicKey: proofKey }, deviceCode) ?? '';
}

function ask(more: object = {}) {
  return { publicKey: pair(1).publicKey, hostname: 'laptop.example', wish: '', token: '', ip: '192.0.2.1', ...more };
}

function started(result: ReturnType<ReturnType<typeof world>['enrolment']['start']>) {
  assert.ok(result.kind === 'started', JSON.stringify(result));
  return result;
}

test('CP-11 CP-18: a machine waits until an operator lets it in, and fetches what it needs once, from where it asked', (t) => {
  const { enrolment, registry } = world(t);
  const start = started(enrolment.start(ask()));
  const { deviceCode, request } = start;
  const proof = prove(1, start);
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
    [enrolment.claim(deviceCode, '192.0.2.9', proof), enrolment.claim(deviceCode, '192.0.2.1', proof)?.kind],
    [null, 'approved'],
  );
  assert.equal(enrolment.claim(deviceCode, '192.0.2.1', proof), null);
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
    started(enrolment.start(ask({ publicKey: pair(index).publicKey })));
  }
  assert.equal(enrolment.start(ask({ publicKey: pair(11).publicKey })).kind, 'refused');
  for (let index = 0; index < 190; index += 1) {
    started(enrolment.start(ask({ ip: `198.51.100.${index}` })));
  }
  assert.equal(enrolment.start(ask({ ip: '203.0.113.1' })).kind, 'refused');
});

test('a machine with a whole network of IPv6 addresses counts as one', (t) => {
  const { enrolment } = world(t);
  for (let index = 0; index < 10; index += 1) {
    started(enrolment.start(ask({ ip: `2001:db8::${index}:1` })));
  }
  assert.equal(enrolment.start(ask({ ip: '2001:db8::ffff' })).kind, 'refused');
  assert.equal(enrolment.start(ask({ ip: '2001:db8:0:1::ffff' })).kind, 'started');
  for (let index = 0; index < 20; index += 1) {
    assert.equal(enrolment.poll(`guess${index}`, `2001:db8:7::${index}`), null);
  }
  assert.equal(enrolment.start(ask({ ip: '2001:db8:7::ffff' })).kind, 'refused');
});

test('a join token lets in under its profile, as often as it says, until it expires, and is nowhere in the file', (t) => {
  const { enrolment, tokens, clock, stateDir, registry } = world(t);
  const { text } = tokens.create({ profile: 'oncall', usesLeft: 2, expiresMs: clock.now() + MINUTE_MS, by: 'ada' });
  for (const number of [1, 2]) {
    const start = started(
      enrolment.start(ask({ token: text, publicKey: pair(number).publicKey, ip: `192.0.2.${number}` })),
    );
    const proof = prove(number, start);
    assert.equal(enrolment.claim(start.deviceCode, `192.0.2.${number}`, proof)?.kind, 'approved');
  }
  assert.deepEqual(
    registry.list().map(({ name, profile }) => [name, profile]),
    [
      ['laptop.example', 'oncall'],
      ['laptop.example-2', 'oncall'],
    ],
  );
  assert.deepEqual(enrolment.start(ask({ token: text, publicKey: pair(3).publicKey })), {
    kind: 'refused',
    status: 403,
    why: 'the join token is unknown, used up or expired',
  });
  const brief = tokens.create({ profile: 'oncall', usesLeft: 1, expiresMs: clock.now() + MINUTE_MS, by: 'ada' });
  const gone = tokens.create({ profile: 'gone', usesLeft: 1, expiresMs: clock.now() + MINUTE_MS, by: 'ada' });
  assert.match(
    JSON.stringify(enrolment.start(ask({ token: gone.text, publicKey: pair(4).publicKey }))),
    /no longer exists/,
  );
  // The profile may come again: nobody was let in, and nothing is spent.
  assert.equal(openJoinTokens({ stateDir, clock }).list().length, 2);
  clock.stall(2 * MINUTE_MS);
  assert.equal(enrolment.start(ask({ token: brief.text, publicKey: pair(5).publicKey })).kind, 'refused');
  assert.equal(registry.list().length, 2);
});

test('a machine that is quarantined, or was revoked, does not come back under another name by the token that it came with', (t) => {
  const { enrolment, registry, tokens, clock, held, stateDir } = world(t);
  const make = () =>
    tokens.create({ profile: 'oncall', usesLeft: 3, expiresMs: clock.now() + MINUTE_MS, by: 'ada' }).text;
  const [text, other] = [make(), make()];
  const come = (number: number, token: string) =>
    enrolment.start(ask({ token, publicKey: pair(number).publicKey, hostname: `box${number}` })).kind;
  assert.equal(come(1, text), 'started');
  const first = registry.find('box1');
  assert.ok(first !== null);
  held.add('box1');
  assert.equal(come(2, text), 'refused');
  // It leaves, and is in quarantine still; so it is after a restart of the gateway.
  registry.revoke(first.id);
  assert.equal(come(2, text), 'refused');
  assert.deepEqual(
    openJoinTokens({ stateDir, clock })
      .list()
      .map(({ devices, usesLeft }) => [devices, usesLeft]),
    [
      [[first.id], 2],
      [[], 3],
    ],
  );
  // The twins: another token, and the same one once the quarantine is lifted.
  assert.equal(come(3, other), 'started');
  held.clear();
  assert.equal(come(2, text), 'started');
  // An operator revokes.
  tokens.withdrawOf(registry.find('box2')?.id ?? '');
  assert.equal(come(4, text), 'refused');
  assert.equal(come(5, other), 'started');
});

test('CP-20: who comes with another machine’s public key gets nothing of that machine', (t) => {
  const { enrolment, registry, tokens, clock } = world(t);
  const victim = registry.enrol({ name: 'bastion', publicKey: pair(1).publicKey, profile: 'admin', user: '' });
  const { text } = tokens.create({ profile: 'oncall', usesLeft: 2, expiresMs: clock.now() + MINUTE_MS, by: 'ada' });
  const stolen = started(enrolment.start(ask({ token: text, ip: '192.0.2.66' })));
  const proofs = ['', 'x'.repeat(43), prove(2, stolen), prove(1, { ...stolen, deviceCode: 'another request' })];
  for (const proof of proofs) {
    assert.equal(enrolment.claim(stolen.deviceCode, '192.0.2.66', proof)?.kind, 'unproven', proof);
  }
  // The twin: the machine itself joins again, and is still what it was.
  const own = started(enrolment.start(ask({ token: text })));
  assert.deepEqual(enrolment.claim(own.deviceCode, '192.0.2.1', prove(1, own)), { kind: 'approved', device: victim });
});

test('a public key of small order, whose secrets everybody knows, proves nothing', (t) => {
  const { enrolment, tokens, clock } = world(t);
  const { text } = tokens.create({ profile: 'oncall', usesLeft: 2, expiresMs: clock.now() + MINUTE_MS, by: 'ada' });
  const publicKey = Buffer.alloc(32).toString('base64');
  const start = started(enrolment.start(ask({ token: text, publicKey })));
  const known = createHmac('sha256', Buffer.alloc(32)).update(`clawpatrol join\n${start.deviceCode}`);
  assert.equal(enrolment.claim(start.deviceCode, '192.0.2.1', known.digest('base64url'))?.kind, 'unproven');
  assert.equal(enrolment.claim(start.deviceCode, '192.0.2.1', '')?.kind, 'unproven');
});

test('what cannot be asked is refused before anything is written of it', (t) => {
  const { enrolment } = world(t);
  const bad = [{ publicKey: 'x' }, { hostname: '' }, { hostname: 'a'.repeat(254) }, { wish: 'p'.repeat(129) }];
  for (const more of bad) {
    const asked = ask(more);
    assert.equal(enrolment.findRefusal(asked)?.status, 400, JSON.stringify(more));
    assert.deepEqual(enrolment.start(asked), enrolment.findRefusal(asked));
  }
  assert.equal(enrolment.findRefusal(ask()), null);
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

test('a machine waits once: what it asked before, or takes back itself, lets nobody in, and others still wait', (t) => {
  const { enrolment, registry } = world(t);
  const first = started(enrolment.start(ask()));
  const other = started(enrolment.start(ask({ publicKey: pair(2).publicKey })));
  const elsewhere = started(enrolment.start(ask({ ip: '192.0.2.2' })));
  const second = started(enrolment.start(ask()));
  // Neither another machine at that address, nor whoever says elsewhere to have that key, takes its place.
  assert.deepEqual(
    [first, other, elsewhere, second].map(({ replaced }) => replaced),
    [null, null, null, first.request.userCode],
  );
  assert.deepEqual(enrolment.poll(first.deviceCode, '192.0.2.1'), { kind: 'withdrawn' });
  assert.equal(enrolment.approve(first.request.userCode, { profile: 'oncall', name: null, user: '' }), null);
  assert.equal(enrolment.withdraw(other.deviceCode, '192.0.2.9'), null);
  assert.deepEqual(enrolment.withdraw(other.deviceCode, '192.0.2.1'), { kind: 'withdrawn' });
  assert.deepEqual(
    enrolment.waiting().map(({ userCode }) => userCode),
    [elsewhere.request.userCode, second.request.userCode],
  );
  assert.equal(enrolment.approve(second.request.userCode, { profile: 'oncall', name: null, user: '' })?.number, 2);
  // It was let in meanwhile: that stands until it is revoked.
  assert.equal(enrolment.withdraw(second.deviceCode, '192.0.2.1')?.kind, 'approved');
  assert.deepEqual(
    registry.list().map(({ publicKey }) => publicKey),
    [pair(1).publicKey],
  );
});
