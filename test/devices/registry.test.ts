import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Device } from '../../src/devices/device.ts';
import { openDeviceRegistry } from '../../src/devices/registry.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { temporaryFolder, type CleanUp } from '../support/temp.ts';

function open(stateDir: string, lastNumber: number = 254) {
  return openDeviceRegistry({
    stateDir,
    clock: new FakeClock(),
    isKey: (text) => text.startsWith('key'),
    lastNumber: () => lastNumber,
  });
}

function folder(t: CleanUp): string {
  return temporaryFolder(t, 'clawpatrol-devices');
}

const LAPTOP = { name: 'laptop', publicKey: 'key1', profile: 'oncall', user: '' };

test('a device keeps its id, name and place over restarts, and enrolling its key again changes nothing', (t) => {
  const stateDir = folder(t);
  const first = open(stateDir);
  const device = first.enrol(LAPTOP);
  assert.deepEqual([device.number, first.enrol({ ...LAPTOP, name: 'other', profile: 'admin' })], [2, device]);
  const second = open(stateDir);
  assert.deepEqual(second.list(), [device]);
  assert.equal(second.enrol({ ...LAPTOP, name: 'next', publicKey: 'key2' }).number, 3);
  for (const by of ['laptop', device.id, device.id.slice(0, 35)]) {
    assert.equal(second.find(by)?.id, device.id, by);
  }
  assert.deepEqual(
    [second.find(device.id.slice(0, 7)), second.find('nobody'), second.at(2)?.name, second.at(9)],
    [null, null, 'laptop', null],
  );
});

test('CP-20 CP-22: a revoked device has no place, its key stays out, and its place is nobody’s', (t) => {
  const registry = open(folder(t));
  const seen: Device[] = [];
  registry.onChange((device) => seen.push(device));
  const { id } = registry.enrol(LAPTOP);
  registry.revoke(id);
  assert.deepEqual(
    [registry.at(2), registry.find('laptop'), registry.find(id)?.revokedMs !== null],
    [null, null, true],
  );
  assert.throws(() => registry.enrol(LAPTOP), /was revoked/);
  assert.throws(() => registry.change(id, { profile: 'x' }), /revoked/);
  // The twin: a new key is a new device, under the same name and at another place.
  assert.equal(registry.enrol({ ...LAPTOP, publicKey: 'key2' }).number, 3);
  assert.deepEqual(
    seen.map(({ number, revokedMs }) => [number, revokedMs === null]),
    [
      [2, true],
      [2, false],
      [3, true],
    ],
  );
});

test('CP-22: a token speaks for its device until it is replaced or the device is revoked', (t) => {
  const registry = open(folder(t));
  const { id } = registry.enrol(LAPTOP);
  const first = registry.issueToken(id);
  assert.deepEqual(
    [registry.authenticate(first)?.id, registry.authenticate(''), registry.authenticate(`${first}x`)],
    [id, null, null],
  );
  const second = registry.issueToken(id);
  assert.deepEqual([registry.authenticate(first), registry.authenticate(second)?.id], [null, id]);
  registry.revoke(id);
  assert.equal(registry.authenticate(second), null);
});

test('names, keys and places that cannot be are refused with what to do', (t) => {
  const registry = open(folder(t), 3);
  registry.enrol(LAPTOP);
  for (const name of ['', 'a b', 'listener/pg', '-x', 'x'.repeat(64), 'a\u202eb', 'laptop']) {
    assert.throws(() => registry.enrol({ ...LAPTOP, name, publicKey: 'key2' }), { code: 'CONFIG_INVALID' }, name);
  }
  assert.throws(() => registry.enrol({ ...LAPTOP, name: 'b', publicKey: 'nokey' }), /44 characters of base64/);
  registry.enrol({ ...LAPTOP, name: 'b', publicKey: 'key2' });
  assert.throws(() => registry.enrol({ ...LAPTOP, name: 'c', publicKey: 'key3' }), { code: 'LIMIT_REACHED' });
});

test('a change that cannot be written did not happen; a file that makes no sense is an error', (t) => {
  const stateDir = folder(t);
  const registry = open(stateDir);
  const { id } = registry.enrol(LAPTOP);
  const path = join(stateDir, 'devices.json');
  const good = readFileSync(path, 'utf8');
  for (const bad of [
    '',
    '{}',
    '{"version":2,"devices":[]}',
    '{"version":1,"devices":[{}]}',
    good.replace('null', '"no"'),
  ]) {
    writeFileSync(path, bad);
    assert.throws(() => open(stateDir), { code: 'STORE_FAILED' }, bad);
  }
  writeFileSync(path, good);
  chmodSync(path, 0o600);
  assert.equal(open(stateDir).find(id)?.name, 'laptop');
});
