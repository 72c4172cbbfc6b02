// The calls of machines: which clients are heard, and that none of the operators' calls is among them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createApp } from '../../src/dashboard/api.ts';
import { addJoinRoutes, type JoinParts } from '../../src/dashboard/join-routes.ts';
import { ROUTES } from '../../src/dashboard/routes.ts';
import type { AuditEvent } from '../../src/audit/event.ts';
import { CLIENT_LEVEL, parseClientLevel } from '../../src/lib/client-level.ts';
import { GatewayError } from '../../src/lib/errors.ts';
import { FakeClock } from '../support/fake-clock.ts';
import type { CleanUp } from '../support/temp.ts';

async function openApp(t: CleanUp) {
  const { app } = createApp({ warn: () => {} });
  const heard: string[] = [];
  const devices = {
    enrolment: {
      findRefusal: () => null,
      start() {
        heard.push('start');
        return { kind: 'refused', status: 429, why: 'later' };
      },
    },
    registry: { authenticate: () => null },
  } as unknown as JoinParts['devices'];
  const parts = {
    clock: new FakeClock(),
    devices,
    caPem: () => '',
    fingerprint: () => '',
    publicUrl: () => null,
    record: () => Promise.resolve(),
    turnedAway: (cause: string) => void heard.push(cause),
  } as unknown as JoinParts;
  addJoinRoutes(app, parts);
  await app.ready();
  t.after(() => app.close());
  return { app, heard };
}

test('CP-23: a client that does not say that it does what the gateway counts on is told to be upgraded', async (t) => {
  const { app, heard } = await openApp(t);
  const ask = async (url: string, level: string | null) =>
    app.inject({
      method: 'POST',
      url,
      headers: level === null ? {} : { 'clawpatrol-client': level },
      payload: { public_key: 'x', hostname: 'laptop' },
    });
  for (const url of ['/api/onboard/start', '/api/device/runs']) {
    for (const level of [null, '0', '', '-1', '1x', '1e9', String(CLIENT_LEVEL - 1)]) {
      const answer = await ask(url, level);
      assert.equal(answer.statusCode, 426, `${url} ${level}`);
      assert.match(answer.body, /upgrade clawpatrol on this machine/);
    }
  }
  assert.deepEqual(heard, []);
  assert.equal(
    (await ask('/api/onboard/start', String(CLIENT_LEVEL))).statusCode,
    429,
    'the enrolment itself is asked',
  );
  assert.equal((await ask('/api/onboard/start', String(CLIENT_LEVEL + 1))).statusCode, 429);
  assert.equal((await ask('/api/device/runs', String(CLIENT_LEVEL))).statusCode, 401);
  // A token that is nobody's is heard of.
  assert.deepEqual(heard, ['start', 'start', 'device-token']);
  assert.equal(parseClientLevel(['1', '2']), 0);
});

test('CP-04: none of the operators’ calls exists where machines call, whatever they bring', async (t) => {
  const { app } = await openApp(t);
  for (const { method, path } of ROUTES) {
    const url = path.replace(/:\w+/g, '0190f3a2-0000-7000-8000-000000000000');
    for (const headers of [{}, { authorization: 'Bearer local', 'clawpatrol-client': '1', cookie: 'clawpatrol=x' }]) {
      const answer = await app.inject({ method, url, headers });
      assert.equal(answer.statusCode, 404, `${method} ${url}`);
    }
  }
  assert.ok(ROUTES.length > 30);
});

test('a device begins so many runs and no more; what did not begin is not recorded, and what is not recorded does not begin', async (t) => {
  const { app } = createApp({ warn: () => {} });
  const told: string[] = [];
  const ended: string[] = [];
  const clock = new FakeClock();
  let full = false;
  const device = { id: 'd1', name: 'laptop', profile: 'default', user: '' };
  const runs = {
    start({ publicKey }: { publicKey: string }) {
      if (publicKey !== 'key') {
        throw new GatewayError('CONFIG_INVALID', 'operator', 'a run needs a public key of its own');
      }
      return { id: 'r1', profile: 'default', label: 'x', number: 9 };
    },
    end: (id: string) => ended.push(id),
  };
  const tunnel = { peersSet: () => Promise.resolve(), addressesOf: () => ({ v4: '', v6: '' }), endpoint: () => '' };
  const parts = {
    clock,
    devices: { runs, tunnel, registry: { authenticate: (token: string) => ({ ...device, id: token }) } },
    placeholdersOf: () => ({}),
    record({ type, data }: AuditEvent) {
      if (full) {
        return Promise.reject(new GatewayError('STORE_FAILED', 'operator', 'full'));
      }
      told.push(`${type} ${String(data?.['run'])}`);
      return Promise.resolve();
    },
  } as unknown as JoinParts;
  addJoinRoutes(app, parts);
  await app.ready();
  t.after(() => app.close());
  const begin = async (token: string, key: string): Promise<number> => {
    const headers = { authorization: `Bearer ${token}`, 'clawpatrol-client': String(CLIENT_LEVEL) };
    const answer = await app.inject({ method: 'POST', url: '/api/device/runs', headers, payload: { public_key: key } });
    return answer.statusCode;
  };
  for (let count = 0; count < 126; count += 1) {
    assert.ok((await begin('d1', 'no key')) >= 400);
  }
  assert.deepEqual(told, []);
  assert.equal(await begin('d1', 'key'), 200);
  assert.deepEqual(told, ['run.started r1']);
  full = true;
  assert.ok((await begin('d1', 'key')) >= 500);
  assert.deepEqual(ended, ['r1']);
  full = false;
  assert.equal(await begin('d1', 'key'), 429);
  assert.equal(await begin('d2', 'key'), 200, 'another device');
  clock.stall(1_000);
  assert.equal(await begin('d1', 'key'), 200);
});
