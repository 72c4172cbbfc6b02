import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createServiceManager } from '../../src/gateway/notify.ts';
import { createJobs } from '../../src/lib/jobs.ts';
import { FakeClock } from '../support/fake-clock.ts';

function world(env: Record<string, string>) {
  const clock = new FakeClock();
  const told: string[] = [];
  const given: Record<string, string>[] = [];
  const manager = createServiceManager({
    env,
    jobs: createJobs(clock),
    run: (args, childEnv) => {
      told.push(args.join(' '));
      given.push(childEnv);
    },
  });
  return { clock, told, given, manager };
}

test('systemd is told about readiness, life three times a watchdog period, and the stop', async () => {
  const env = { NOTIFY_SOCKET: '/run/n', WATCHDOG_USEC: '30000000', CLAWPATROL_STORE_KEY: 'canary' };
  const { manager, clock, told, given } = world(env);
  manager.ready('ready control=unix:/s');
  await clock.advance(25_000);
  manager.stopping();
  manager.stop();
  await clock.advance(60_000);
  assert.deepEqual(told, [
    '--ready --status=ready control=unix:/s',
    'WATCHDOG=1',
    'WATCHDOG=1',
    'WATCHDOG=1',
    '--stopping --status=draining',
  ]);
  assert.doesNotMatch(JSON.stringify(given), /canary/);
});

test('without systemd nothing is run', async () => {
  const { manager, clock, told } = world({ WATCHDOG_USEC: '30000000' });
  manager.ready('ready');
  await clock.advance(60_000);
  manager.stopping();
  assert.deepEqual(told, []);
});
