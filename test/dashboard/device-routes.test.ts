// What operators do to devices, as calls of their API.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEVICE_ROUTES } from '../../src/dashboard/device-routes.ts';
import type { Call } from '../../src/dashboard/call.ts';
import { openDeviceRegistry } from '../../src/devices/registry.ts';
import { openQuarantine } from '../../src/gateway/judging/quarantine.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { temporaryFolder, type CleanUp } from '../support/temp.ts';

function world(t: CleanUp) {
  const stateDir = temporaryFolder(t, 'clawpatrol-device-routes');
  const clock = new FakeClock();
  const registry = openDeviceRegistry({ stateDir, clock, isKey: () => true, lastNumber: () => 254 });
  const quarantine = openQuarantine(stateDir);
  const devices = { registry, runs: { list: () => [] }, tunnel: null };
  const enrol = (name: string) => registry.enrol({ name, publicKey: name, profile: 'oncall', user: '' });
  const rename = async (id: string, name: string): Promise<void> => {
    const route = DEVICE_ROUTES.find((one) => one.name === 'devices.change');
    const parts = { devices, quarantine, config: () => ({ profiles: [] }) };
    await route?.answer({ parts, params: new Map([['id', id]]), body: { name } } as unknown as Call);
  };
  const held = (): readonly string[] => quarantine.list().map(({ kind, name }) => `${kind} ${name}`);
  return { quarantine, enrol, rename, held };
}

test('a quarantine stays on the device that has another name, and is not inherited with the old one', async (t) => {
  const { quarantine, enrol, rename, held } = world(t);
  const { id } = enrol('rogue');
  enrol('honest');
  quarantine.set({ kind: 'device', name: 'rogue', by: 'ada', atMs: 1, reason: 'odd' });
  quarantine.set({ kind: 'profile', name: 'rogue', by: 'ada', atMs: 1, reason: '' });
  await assert.rejects(rename(id, 'honest'), /another device/);
  assert.deepEqual(held(), ['device rogue', 'profile rogue']);
  await rename(id, 'renamed');
  assert.deepEqual(held().toSorted(), ['device renamed', 'profile rogue']);
  assert.equal(quarantine.find({ device: 'renamed', profile: 'oncall' })?.reason, 'odd');
  await rename(id, 'renamed');
  assert.deepEqual(held().toSorted(), ['device renamed', 'profile rogue']);
  // The twin: who was not held is not held under another name.
  await rename('honest', 'still-honest');
  assert.deepEqual(held().toSorted(), ['device renamed', 'profile rogue']);
});
