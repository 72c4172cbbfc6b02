// Quarantine: what it holds, that it outlives the process, and that the gate asks it before anything else.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openQuarantine, type Quarantined } from '../../../src/gateway/judging/quarantine.ts';
import { temporaryFolder } from '../../support/temp.ts';

const AGENT = { device: 'laptop-7', profile: 'default' };

function entry(kind: Quarantined['kind'], name: string): Quarantined {
  return { kind, name, by: 'alice', atMs: 1, reason: 'odd' };
}

test('a device, a profile or everybody is held until it is lifted, over restarts', (t) => {
  const folder = temporaryFolder(t);
  const rows: readonly (readonly [Quarantined, boolean])[] = [
    [entry('device', 'laptop-7'), true],
    [entry('device', 'laptop-70'), false],
    [entry('profile', 'default'), true],
    [entry('profile', 'laptop-7'), false],
    [entry('all', ''), true],
  ];
  for (const [held, holds] of rows) {
    const quarantine = openQuarantine(folder);
    assert.equal(quarantine.find(AGENT), null);
    quarantine.set(held);
    const what = `${held.kind} ${held.name}`;
    assert.equal(quarantine.find(AGENT) !== null, holds, what);
    const again = openQuarantine(folder);
    assert.equal(again.find(AGENT) !== null, holds, `${what}, after a restart`);
    assert.deepEqual(again.list(), [held]);
    assert.equal(again.lift(held.kind, held.name), true);
    assert.equal(again.lift(held.kind, held.name), false);
    assert.equal(openQuarantine(folder).find(AGENT), null);
  }
});

test('a file that cannot be read lets nobody be forgotten: the gateway does not start', (t) => {
  const folder = temporaryFolder(t);
  for (const text of [
    '',
    '{',
    'null',
    '{"version":2,"quarantined":[]}',
    '{"version":1,"quarantined":[{"kind":"device"}]}',
  ]) {
    writeFileSync(join(folder, 'quarantine.json'), text);
    assert.throws(() => openQuarantine(folder), { code: 'STORE_FAILED' }, text);
  }
});

test('listeners hear of every change', (t) => {
  const quarantine = openQuarantine(temporaryFolder(t));
  let heard = 0;
  quarantine.onChange(() => {
    heard += 1;
  });
  quarantine.set(entry('all', ''));
  quarantine.lift('all', '');
  quarantine.lift('all', '');
  assert.equal(heard, 2);
});
