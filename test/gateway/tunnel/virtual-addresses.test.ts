import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCidr } from '../../../src/config/hosts.ts';
import { AGENT_NAME } from '../../../src/config/hosts.ts';
import { VirtualAddresses, type AssignedName } from '../../../src/gateway/tunnel/virtual-addresses.ts';

const HOUR_MS = 3_600_000;

function table(saved: readonly AssignedName[] = [], v4Text = '10.78.0.0/28') {
  const [v4, v6] = [parseCidr(v4Text), parseCidr('fd78::/64')];
  assert.ok(v4 !== null && v6 !== null);
  const stored: AssignedName[] = [...saved];
  const clock = { ms: 0 };
  const addresses = new VirtualAddresses({
    v4,
    v6,
    saved,
    save: (assigned) => void stored.push(assigned),
    nowMs: () => clock.ms,
  });
  return { addresses, stored, clock };
}

test('a name has one address in each network, and keeps it over restarts (DN-06)', () => {
  const first = table();
  const db = first.addresses.assign('db.test', null);
  const api = first.addresses.assign('api.test', 'laptop');
  assert.deepEqual([db?.v4, db?.v6, api?.v4], ['10.78.0.1', 'fd78::1', '10.78.0.2']);
  assert.deepEqual(first.addresses.assign('db.test', null), db);
  const second = table(first.stored);
  assert.deepEqual(second.addresses.find('10.78.0.2'), { kind: 'name', name: 'api.test' });
  assert.deepEqual(second.addresses.find('fd78::1'), { kind: 'name', name: 'db.test' });
  assert.equal(second.addresses.assign('new.test', null)?.v4, '10.78.0.3');
});

test('addresses of nobody, of others, and the last one', () => {
  const { addresses } = table();
  assert.deepEqual(
    ['10.78.0.9', 'fd78::ffff:1', '10.79.0.1', '9.9.9.9', '::1', 'no address', '10.78.0.0'].map(
      (ip) => addresses.find(ip).kind,
    ),
    ['unassigned', 'unassigned', 'other', 'other', 'other', 'other', 'unassigned'],
  );
  assert.equal(addresses.assign(AGENT_NAME, null)?.v4, '10.78.0.14');
  assert.deepEqual(addresses.find('10.78.0.14'), { kind: 'name', name: AGENT_NAME });
});

test('DN-10 DP-16: a full network gives nothing until a wildcard name was unused for a day, and never takes a declared one', () => {
  const { addresses, clock } = table();
  addresses.assign('declared.test', null);
  for (let index = 0; index < 4; index += 1) {
    assert.notEqual(addresses.assign(`x${index}.wild.test`, 'laptop'), null);
  }
  for (let index = 0; index < 8; index += 1) {
    assert.notEqual(addresses.assign(`declared${index}.test`, null), null);
  }
  assert.equal(addresses.assign('one.more.test', 'laptop'), null);
  assert.equal(addresses.assign('one.more.test', 'other'), null);
  clock.ms = 23 * HOUR_MS;
  addresses.find('10.78.0.2');
  clock.ms = 25 * HOUR_MS;
  assert.equal(addresses.assign('one.more.test', 'other')?.v4, '10.78.0.3');
  assert.deepEqual(addresses.find('10.78.0.1'), { kind: 'name', name: 'declared.test' });
  assert.deepEqual(addresses.find('10.78.0.2'), { kind: 'name', name: 'x0.wild.test' });
  assert.deepEqual(addresses.find('10.78.0.3'), { kind: 'name', name: 'one.more.test' });
});

test('an address that cannot be stored is not given', () => {
  const [v4, v6] = [parseCidr('10.78.0.0/16'), parseCidr('fd78::/64')];
  assert.ok(v4 !== null && v6 !== null);
  const save = () => {
    throw new Error('disk full');
  };
  const addresses = new VirtualAddresses({ v4, v6, saved: [], save, nowMs: () => 0 });
  assert.throws(() => addresses.assign('db.test', null), /disk full/);
  assert.equal(addresses.find('10.78.0.1').kind, 'unassigned');
});

test('DN-10: names under wildcards have a limit, of each device and of all, and never take what declared names need', () => {
  const { addresses } = table([], '10.78.0.0/16');
  const fill = (device: string): readonly unknown[] =>
    Array.from({ length: 1024 }, (_, index) => addresses.assign(`x${index}.${device}.test`, device));
  assert.ok(!fill('laptop').includes(null));
  assert.equal(addresses.assign('y.wild.test', 'laptop'), null);
  // What it had, and what another asked for, it is still told.
  assert.notEqual(addresses.assign('y.wild.test', 'other'), null);
  assert.notEqual(addresses.assign('y.wild.test', 'laptop'), null);
  assert.notEqual(addresses.assign('x7.laptop.test', 'laptop'), null);
  for (let index = 1; index < 15; index += 1) {
    assert.ok(!fill(`machine${index}`).includes(null));
  }
  assert.ok(fill('last').includes(null));
  assert.equal(addresses.assign('z.wild.test', 'newcomer'), null);
  assert.notEqual(addresses.assign('declared.test', null), null);
});

test('DN-10: a device at its limit is given a name’s address again after a day, its own and nobody else’s', () => {
  const { addresses, clock } = table();
  assert.equal(addresses.assign('other.test', 'other')?.v4, '10.78.0.1');
  for (let index = 0; index < 4; index += 1) {
    addresses.assign(`x${index}.wild.test`, 'laptop');
  }
  assert.equal(addresses.assign('more.test', 'laptop'), null);
  clock.ms = 25 * HOUR_MS;
  assert.equal(addresses.assign('more.test', 'laptop')?.v4, '10.78.0.2');
  assert.deepEqual(addresses.find('10.78.0.1'), { kind: 'name', name: 'other.test' });
});
