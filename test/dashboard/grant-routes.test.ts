// Grants over the operator API: shown before they are given, given with a vote, listed, counted, revoked; and who decides how.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControlError } from '../../src/client/control-client.ts';
import { actionOf, decisionOf } from '../approvals/parts.ts';
import { createEvent } from '../../src/audit/event.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { openWorld } from './control-world.ts';

async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'none';
  } catch (error) {
    return error instanceof ControlError ? error.code : String(error);
  }
}

test('a grant is shown, given, used, listed and revoked, and each is in the log', async (t) => {
  const world = await openWorld(t);
  const first = await world.park({ text: 'delete from users where id = 1' });
  const preview = await world.client.grants.preview(first.id, 'shape');
  assert.equal(preview.sentence, 'delete from users where id = ?');
  assert.deepEqual([preview.max_duration_s, preview.max_uses, preview.objection], [900, 20, null]);
  const approved = await world.client.approvals.approve(first.id, {
    digest: first.digest,
    grant: '10m,uses=2,scope=shape',
  });
  const [id] = approved.grants_made;
  assert.equal((await world.client.grants.list()).items[0]?.id, id);
  const stored = await world.audit.getGrant(id ?? '');
  assert.equal(stored?.by[0], 'local');

  const result = await world.approvals.ask(
    actionOf({ text: 'delete from users where id = 2' }),
    decisionOf('human_approver.oncall'),
    { signal: new AbortController().signal, parked: () => undefined },
  );
  assert.ok(result.kind === 'approved');
  assert.equal(result.approval.grantId, id);
  assert.equal((await world.audit.getGrant(id ?? ''))?.uses, 1, 'the use is on disk with the answer');
  const other = await world.park({ text: 'delete from logs where id = 2' });
  assert.equal((await world.client.approvals.list()).items[0]?.id, other.id, 'another form asks');

  const revoked = await world.client.grants.revoke((id ?? '').slice(0, 18), { note: 'enough' });
  assert.deepEqual([revoked.state, revoked.ended], ['revoked', 'revoked by local: enough']);
  assert.deepEqual((await world.client.grants.list()).items, []);
  assert.equal((await world.client.grants.list({ all: 'true' })).items[0]?.state, 'revoked');
  assert.equal((await world.client.grants.show(id ?? '')).uses, 1);
  const again = await world.park({ text: 'delete from users where id = 3' });
  assert.ok(
    (await world.client.approvals.list()).items.some((item) => item.id === again.id),
    'it asks again',
  );
  assert.equal(await refusal(world.client.grants.revoke(id ?? '', {})), 'decided');
  assert.equal(await refusal(world.client.grants.show('ffffffff')), 'not_found');
});

test('a grant that goes beyond its limits, or is not written as one, is refused and approves nothing', async (t) => {
  const world = await openWorld(t);
  const parked = await world.park();
  const rows: readonly (readonly [string, string])[] = [
    ['16m', 'grant_refused'],
    ['10m,uses=21', 'grant_refused'],
    ['soon', 'bad_request'],
    ['10m,uses=0', 'bad_request'],
    ['10m,uses=2,uses=3', 'bad_request'],
    ['10m,scope=all', 'bad_request'],
    ['10m,forever', 'bad_request'],
  ];
  for (const [grant, expected] of rows) {
    const call = world.client.approvals.approve(parked.id, { digest: parked.digest, grant });
    assert.equal(await refusal(call), expected, grant);
  }
  assert.equal((await world.client.approvals.list()).items.length, 1);
  await world.client.approvals.approve(parked.id, { digest: parked.digest, grant: '15m' });
  assert.equal((await world.client.grants.list()).items[0]?.scope, 'exact');
});

test('AP-31: fifty equal questions are one with a count; a vote answers those that were shown, and no others', async (t) => {
  const world = await openWorld(t);
  const text = 'delete from users where id = 1';
  const first = await world.park({ text });
  for (let count = 1; count < 50; count += 1) {
    await world.park({ text });
  }
  const [shown] = (await world.client.approvals.list()).items;
  assert.deepEqual([shown?.id, shown?.alike], [first.id, 50]);
  const late = await world.park({ text });
  await world.client.approvals.approve(first.id, { digest: first.digest, together: '50' });
  const [left] = (await world.client.approvals.list()).items;
  assert.deepEqual([left?.id, left?.alike], [late.id, 1]);
  const approved = await world.client.approvals.list({ state: 'approved', limit: 100 });
  assert.equal(approved.items.length, 50, 'each has its own record');
});

test('how people decide, and what reviewer models were used for, can be asked', async (t) => {
  const world = await openWorld(t);
  for (const note of ['', 'no']) {
    const parked = await world.park();
    await (note === ''
      ? world.client.approvals.approve(parked.id, { digest: parked.digest })
      : world.client.approvals.deny(parked.id, { note }));
  }
  const { items } = await world.client.people.approvers();
  assert.deepEqual(
    items.map(({ name, decided, approved, tired }) => ({ name, decided, approved, tired })),
    [{ name: 'local', decided: 2, approved: 1, tired: false }],
  );
  assert.deepEqual((await world.client.people.reviewers()).items, []);
});

test('LC-13: what is counted in a part of the log says so, and what is not is counted whole', async (t) => {
  const world = await openWorld(t);
  const asked = await world.park({ text: 'delete from users where id = 0' });
  const record = (count: number): void => {
    for (let index = 0; index < count; index += 1) {
      const action = actionOf({ text: `delete from users where id = ${index}` });
      const { agent, endpoint, summary } = action;
      const about = {
        agent,
        session: 's',
        actionId: action.id,
        endpoint: endpoint.ref,
        family: 'sql',
        summary,
      } as const;
      const event = createEvent('action.decided', systemClock.now(), {
        ...about,
        digest: asked.digest,
        verdict: 'allow',
      });
      assert.notEqual(world.audit.append(event), null);
    }
  };
  const preview = async (): Promise<unknown> => {
    await world.audit.flush();
    const { last_week: week } = await world.client.grants.preview(asked.id, 'exact');
    return [week.covered, week.looked_at, week.truncated, week.samples.length];
  };
  record(7);
  assert.deepEqual(await preview(), [7, 7, false, 5]);
  record(2_500);
  assert.deepEqual(await preview(), [2_000, 2_000, true, 5], 'of the newest, and it says so');

  for (let index = 1; index < 6; index += 1) {
    await world.park({ text: `delete from users where id = ${index}` });
  }
  const pages = await Promise.all([1, 2, 100].map((limit) => world.client.approvals.list({ limit })));
  assert.deepEqual(
    pages.map(({ items, total }) => [items.length, total]),
    [
      [1, 6],
      [2, 6],
      [6, 6],
    ],
    'a page is no total',
  );
});
