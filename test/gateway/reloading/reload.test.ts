import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createReloader } from '../../../src/gateway/reloading/reload.ts';
import { ASKED, makeConfig, makeLive } from '../../support/gate-parts.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function notReached(): never {
  throw new Error('nothing of the daemon may be touched');
}

test('a gateway that begins to stop while a configuration is loaded keeps the one that it has', async () => {
  const live = makeLive(() => ASKED);
  const answers = [null, 'the gateway is draining'];
  let loads = 0;
  const reloader = createReloader({
    clock: new FakeClock(),
    configPath: 'gateway.hcl',
    load: async () => {
      loads += 1;
      return {
        config: makeConfig({ revision: 'r2' }),
        policy: live.policy,
        diagnostics: [],
        unreadable: null,
        watch: [],
      };
    },
    live: () => live,
    started: live.config,
    get services(): never {
      return notReached();
    },
    get listeners(): never {
      return notReached();
    },
    get logger(): never {
      return notReached();
    },
    refusal: () => answers.shift() ?? null,
    swap: notReached,
  });
  const result = await reloader.reload('SIGHUP');
  assert.deepEqual([result.ok, result.message, loads], [false, 'the gateway is draining', 1]);
  assert.deepEqual([answers.length, reloader.refused], [0, null]);
});
