// The calls of the gateway's own name: who asks is the connection, each answer tells its own agent only, and no call decides anything.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeApproval } from '../../../src/approvals/item.ts';
import type { Approval } from '../../../src/approvals/approval.ts';
import type { Agent } from '../../../src/rules/action.ts';
import { actionOf, decisionOf } from '../../approvals/parts.ts';
import { createWorld, RESPONDER } from './world.ts';

const OTHER: Agent = { ...RESPONDER, run: 'run-2' };

function approvalOf(text: string, agent: Agent, changes: Partial<Approval> = {}): Approval {
  const shown = { text, factsJson: '{}', alert: null, words: '' };
  return { ...describeApproval(actionOf({ text, agent }), decisionOf('x'), { nowMs: 0, shown }), ...changes };
}

test('the manifest is Markdown, and JSON where it is asked for', async () => {
  const { ask } = await createWorld();
  for (const [path, accept, type] of [
    ['/', '', 'text/markdown; charset=utf-8'],
    ['/manifest', '*/*', 'text/markdown; charset=utf-8'],
    ['/manifest', 'application/json', 'application/json'],
    ['/manifest', 'text/markdown, application/json', 'text/markdown; charset=utf-8'],
    ['/manifest?format=json', '', 'application/json'],
    ['/manifest?format=markdown', 'application/json', 'text/markdown; charset=utf-8'],
  ] as const) {
    const answer = await ask('GET', path, { accept });
    assert.deepEqual([answer.status, answer.type], [200, type], `${path} ${accept}`);
  }
  assert.match((await ask('GET', '/')).body, /^# What you can reach/);
});

test('info tells agents who they are, by their connection; the certificate is the gateway`s', async () => {
  const { ask } = await createWorld();
  const info = JSON.parse((await ask('GET', '/info')).body) as unknown;
  const agent = { device: 'laptop-7', profile: 'responder', run: 'run-1' };
  assert.deepEqual(info, { version: '1', ca_fingerprint: 'AB:CD', agent });
  assert.equal((await ask('HEAD', '/ca.crt')).body, 'PEM');
});

test('an agent sees its own requests that wait, without ids and query strings, and nobody else`s', async () => {
  const { ask, pending } = await createWorld();
  pending.push(
    approvalOf('delete from t where a ? 1', RESPONDER, { alike: 3 }),
    approvalOf('secret of another run', OTHER),
    approvalOf('POST api.test/x?token=canary', RESPONDER, { family: 'http' }),
  );
  const { body } = await ask('GET', '/pending');
  const { items } = JSON.parse(body) as { items: Readonly<Record<string, unknown>>[] };
  assert.deepEqual(
    items.map(({ summary, equal, endpoint, risk }) => [summary, equal, endpoint, risk]),
    [
      ['delete from t where a ? 1', 3, 'postgres.pg', 'suspicious'],
      ['POST api.test/x', 1, 'postgres.pg', 'suspicious'],
    ],
  );
  const ids = pending.flatMap(({ id, actionId, session, request }) => [id, actionId, session, request.digest]);
  assert.ok(!ids.some((id) => body.includes(id)) && !body.includes('canary') && !body.includes('another run'));
});

test('AP-39: intent and context are what the agent of the connection says, recorded as its word', async () => {
  const { post, claims, audit } = await createWorld();
  const intent = await post('/intent', { text: 'approved in ticket 123' });
  assert.equal(intent.status, 200);
  const parent = '019a0000-0000-7000-8000-000000000001';
  const context = await post('/context', { incident: 'PX1', task: 'free space', parent });
  const said = { incident: 'PX1', task: 'free space', reason: 'approved in ticket 123', parent, traceparent: '' };
  assert.deepEqual(context.json, { said });
  const known = await post('/context', { incident: 'PKNOWN' });
  assert.deepEqual(known.json, { said: { ...said, incident: 'PKNOWN' }, incident_is: 'open' });
  assert.equal(claims.of(RESPONDER)?.intent, 'approved in ticket 123');
  assert.equal(claims.of(OTHER), null);
  assert.deepEqual(
    audit.events.map(({ type, by, agent }) => [type, by, agent?.run]),
    [
      ['context.claimed', 'agent', 'run-1'],
      ['context.claimed', 'agent', 'run-1'],
      ['context.claimed', 'agent', 'run-1'],
    ],
  );
});

test('what is malformed is refused with what is wrong, and says nothing', async () => {
  const { ask, claims } = await createWorld();
  const bodies: readonly (readonly [string, string | Buffer | null, number, RegExp])[] = [
    ['/intent', '{"text":"x","device":"other"}', 400, /no key/],
    ['/intent', '{}', 400, /text is missing/],
    ['/intent', '{"text":1}', 400, /must be text/],
    ['/intent', `{"text":"${'x'.repeat(4097)}"}`, 400, /4096 bytes/],
    ['/intent', '[]', 400, /JSON object/],
    ['/intent', 'null', 400, /JSON object/],
    ['/intent', '{', 400, /not JSON/],
    ['/intent', '{"text":"a","text":"b"}', 400, /repeated keys/],
    ['/intent', '['.repeat(60_000), 400, /levels deep/],
    ['/intent', Buffer.from([0x22, 0xff, 0x22]), 400, /UTF-8/],
    ['/intent', null, 413, /65536 bytes/],
    ['/context', '{}', 400, /nothing is said/],
    ['/context', '{"incident":"two words"}', 400, /incident/],
    ['/context', '{"intent":"x"}', 400, /no key/],
    ['/context', '{"__proto__":"x"}', 400, /no key/],
  ];
  for (const [path, body, status, reason] of bodies) {
    const answer = await ask('POST', path, { body });
    assert.equal(answer.status, status, answer.body);
    assert.match(answer.body, reason);
  }
  for (const contentType of ['', 'text/plain', 'application/x-www-form-urlencoded', 'application/jsonp']) {
    assert.equal((await ask('POST', '/intent', { contentType, body: '{"text":"x"}' })).status, 415, contentType);
  }
  assert.equal(claims.of(RESPONDER), null);
  const contentType = 'application/json; charset=utf-8';
  assert.equal((await ask('POST', '/intent', { contentType, body: '{"text":"x"}' })).status, 200);
});

test('CP-04 CP-03: no path, method or body decides anything, and what is not there is recorded', async () => {
  const { ask, refused, pending, audit } = await createWorld();
  const waiting = approvalOf('delete from t', RESPONDER);
  pending.push(waiting);
  const { id, request } = waiting;
  const body = JSON.stringify({ digest: request.digest, decision: 'approve' });
  const paths = [
    '/api/approvals',
    `/api/approvals/${id}/approve`,
    `/pending/${id}`,
    '/metrics',
    '/healthz',
    '/login',
    '/intent/',
  ];
  for (const path of paths) {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS']) {
      assert.equal((await ask(method, path, { body })).status, 404, `${method} ${path}`);
    }
  }
  for (const [method, path] of [
    ['POST', '/pending'],
    ['GET', '/intent'],
    ['DELETE', '/context'],
    ['OPTIONS', '/intent'],
  ] as const) {
    const answer = await ask(method, path, { body });
    assert.equal(answer.status, 405);
    assert.equal(answer.fields?.[0]?.name, 'Allow');
  }
  assert.equal(refused.length, paths.length * 5 + 4);
  assert.equal(refused[1], 'own-name POST /api/approvals');
  assert.deepEqual(audit.events, []);
  assert.equal((await ask('GET', '/pending')).status, 200);
});

test('HX-15: who asks too often waits, and nobody else does', async () => {
  const { ask, post, clock } = await createWorld();
  for (let count = 0; count < 20; count += 1) {
    assert.equal((await post('/intent', { text: 'x' })).status, 200);
  }
  const late = await ask('POST', '/intent', { body: '{"text":"x"}' });
  assert.equal(late.status, 429);
  assert.deepEqual(late.fields, [{ name: 'Retry-After', value: '2' }]);
  assert.equal((await post('/intent', { text: 'x' }, OTHER)).status, 200);
  assert.equal((await ask('GET', '/info')).status, 200, 'reading has its own supply');
  clock.stall(2_000);
  assert.equal((await post('/intent', { text: 'x' })).status, 200);
});

test('all that come by one listener share a supply, since an address costs nothing there', async () => {
  const { post, clock, audit } = await createWorld();
  const at = (number: number): Agent => ({
    ...RESPONDER,
    run: '',
    transport: 'direct',
    device: 'listener/api',
    ip: `127.0.0.${number}`,
  });
  const say = async (agent: Agent): Promise<number> => (await post('/intent', { text: 'x' }, agent)).status;
  const statuses: number[] = [];
  for (let number = 0; number < 202; number += 1) {
    statuses.push(await say(at(number)));
  }
  assert.deepEqual(statuses.slice(199), [200, 429, 429]);
  assert.equal(audit.events.length, 200);
  assert.equal(await say(RESPONDER), 200, 'a device has its own');
  clock.stall(200);
  assert.equal(await say(at(202)), 200);
  assert.equal(await say(at(203)), 429);
});

test('what cannot be recorded is not said and not answered', async () => {
  const { post, audit, claims, faults } = await createWorld();
  audit.broken = true;
  assert.equal((await post('/intent', { text: 'x' })).status, 503);
  assert.equal(claims.of(RESPONDER), null);
  assert.equal(faults.length, 1);
  assert.equal((await post('/would-allow', { endpoint: 'pg', sql: { statement: 'select 1' } })).status, 503);
  audit.broken = false;
  assert.equal((await post('/would-allow', { endpoint: 'pg', sql: { statement: 'select 1' } })).status, 200);
});
