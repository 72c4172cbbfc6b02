import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findSilent, openRunRegistry, type Run } from '../../src/devices/runs.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { temporaryFolder, type CleanUp } from '../support/temp.ts';

const HOUR_MS = 3_600_000;

function world(t: CleanUp, highestDevice: number = 2, lastNumber: number = 6) {
  const stateDir = temporaryFolder(t, 'clawpatrol-runs');
  const clock = new FakeClock();
  const open = () =>
    openRunRegistry({
      stateDir,
      clock,
      isKey: (text) => text.startsWith('key'),
      isDevices: (publicKey) => publicKey === 'key of a device',
      lastNumber,
      highestDevice: () => highestDevice,
    });
  return { clock, open, runs: open() };
}

const RUN = { device: 'dev1', publicKey: 'key1', profile: 'oncall', label: 'claude' };

test('TR-08: each run has a place and an id of its own, which a restart keeps until it ends', (t) => {
  const { runs, open } = world(t);
  const seen: Run[] = [];
  runs.onChange((run) => seen.push(run));
  const one = runs.start(RUN);
  const two = runs.start({ ...RUN, publicKey: 'key2' });
  assert.deepEqual([one.number, two.number, one.id === two.id], [6, 5, false]);
  const again = open();
  assert.deepEqual([again.at(6)?.id, again.at(5)?.id, again.lowest], [one.id, two.id, 5]);
  assert.deepEqual([runs.end(one.id), runs.end(one.id), runs.at(6), runs.find(one.id)], [true, false, null, null]);
  assert.deepEqual(
    seen.map(({ number, endedMs }) => [number, endedMs === null]),
    [
      [6, true],
      [5, true],
      [6, false],
    ],
  );
});

test('what is told of a run after its end is told of that run, for as long as its place stays empty', (t) => {
  const { runs, open, clock } = world(t);
  const one = runs.start(RUN);
  assert.equal(runs.latelyAt(6)?.id, one.id);
  runs.end(one.id);
  assert.deepEqual([runs.at(6), runs.latelyAt(6)?.id, open().latelyAt(6)?.id], [null, one.id, one.id]);
  assert.equal(runs.latelyAt(5), null);
  clock.stall(HOUR_MS);
  assert.equal(runs.latelyAt(6), null);
  const next = runs.start({ ...RUN, publicKey: 'key2' });
  assert.equal(runs.latelyAt(6)?.id, next.id);
});

test('the place of a run that has ended stays empty for an hour, and never meets those of devices', (t) => {
  const { runs, clock } = world(t, 4);
  const one = runs.start(RUN);
  runs.end(one.id);
  assert.equal(runs.start({ ...RUN, publicKey: 'key2' }).number, 5);
  assert.throws(() => runs.start({ ...RUN, publicKey: 'key3' }), { code: 'LIMIT_REACHED' });
  clock.stall(HOUR_MS + 1);
  assert.equal(runs.start({ ...RUN, publicKey: 'key3' }).number, 6);
});

test('a key that is none or is known starts nothing; one device has a limited number of runs', (t) => {
  const { runs } = world(t, 2, 200);
  runs.start(RUN);
  for (const publicKey of ['key1', '', 'nokey', 'key of a device']) {
    assert.throws(() => runs.start({ ...RUN, publicKey }), { code: 'CONFIG_INVALID' });
  }
  for (let index = 2; index <= 64; index += 1) {
    runs.start({ ...RUN, publicKey: `key${index}` });
  }
  assert.throws(() => runs.start({ ...RUN, publicKey: 'key65' }), { code: 'LIMIT_REACHED' });
  assert.equal(runs.start({ ...RUN, device: 'dev2', publicKey: 'key65' }).number, 136);
});

test('a run of which nothing is heard for ten minutes has ended; one that speaks, or has just begun, has not', (t) => {
  const { runs } = world(t);
  const { startedMs, publicKey } = runs.start(RUN);
  const silent = (heardMs: number, afterMinutes: number) =>
    findSilent(runs.list(), (run) => (run.publicKey === publicKey ? heardMs : 0), startedMs + afterMinutes * 60_000)
      .length;
  assert.deepEqual(
    [silent(0, 9), silent(0, 11), silent(startedMs + 5 * 60_000, 11), silent(startedMs + 5 * 60_000, 16)],
    [0, 1, 0, 1],
  );
});

test('a run with a token has no place, and is known by the token for as long as it lives', (t) => {
  const { runs, open, clock } = world(t, 2, 6);
  const tunnelled = runs.start(RUN);
  const { run, token } = runs.startWithToken({ device: 'dev1', profile: 'oncall', label: 'claude' });
  assert.deepEqual([run.number, run.publicKey, runs.lowest], [0, '', 6]);
  assert.match(token, /^cpr_[\w-]{32}$/);
  for (const registry of [runs, open()]) {
    assert.equal(registry.authenticate(token)?.id, run.id);
    assert.equal(registry.at(0), null);
    for (const wrong of ['', 'cpr_', `${token}x`, tunnelled.publicKey]) {
      assert.equal(registry.authenticate(wrong), null, wrong);
    }
  }
  // Heard of, it lives on; silent for long, it does not. A gateway that was started again gives everybody time.
  const silent = (registry: typeof runs, nowMs: number) =>
    findSilent(registry.list(), ({ id }) => registry.heardMs(id), nowMs).map(({ id }) => id);
  clock.stall(9 * 60_000);
  runs.noteHeard(run.id);
  assert.deepEqual(silent(runs, clock.now() + 2 * 60_000), [tunnelled.id]);
  assert.deepEqual(silent(open(), clock.now() + 2 * 60_000), []);
  runs.end(run.id);
  assert.equal(runs.authenticate(token), null);
});
