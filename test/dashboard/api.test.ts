// The operator API over a real Unix socket: every call through the client that the command line uses, and what is refused raw.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { test } from 'node:test';
import type { AuditRecord } from '../../src/audit/event.ts';
import { ControlError, createControlClient } from '../../src/client/control-client.ts';
import type { RecordJson } from '../../src/client/control-shapes.ts';
import { ROUTES } from '../../src/dashboard/routes.ts';
import { Secret } from '../../src/lib/secret.ts';
import { openWorld, type ControlWorld } from './control-world.ts';

const CANARY = 'canary-9c31-value';

/** Every call there is. A new one belongs in this list, with a thought about which kind it is. */
const CALLS: Readonly<Record<string, 'reads' | 'acts'>> = {
  'GET /api/approvals': 'reads',
  'GET /api/approvals/:id': 'reads',
  'POST /api/approvals/:id/approve': 'acts',
  'POST /api/approvals/:id/deny': 'acts',
  'GET /api/approvals/:id/break-glass': 'reads',
  'GET /api/approvals/:id/grant': 'reads',
  'GET /api/grants': 'reads',
  'GET /api/grants/:id': 'reads',
  'POST /api/grants/:id/revoke': 'acts',
  'GET /api/approvers': 'reads',
  'GET /api/reviewers': 'reads',
  'GET /api/audit': 'reads',
  'GET /api/audit/follow': 'reads',
  'GET /api/audit/show/:id': 'reads',
  'GET /api/audit/verify': 'reads',
  'GET /api/audit/chain/:id': 'reads',
  'GET /api/audit/chain/:id/bundle': 'reads',
  'GET /api/audit/export': 'reads',
  'GET /api/status': 'reads',
  'POST /api/reload': 'acts',
  'GET /api/secrets': 'reads',
  'PUT /api/secrets': 'acts',
  'DELETE /api/secrets': 'acts',
  'GET /api/break-glass': 'reads',
  'GET /api/ca': 'reads',
  'GET /api/ca/certificate': 'reads',
  'GET /api/incidents': 'reads',
  'GET /api/kubeconfig/:endpoint': 'reads',
  'GET /api/agents': 'reads',
  'GET /api/connections': 'reads',
  'GET /api/quarantine': 'reads',
  'POST /api/quarantine': 'acts',
  'DELETE /api/quarantine': 'acts',
  'GET /api/policy': 'reads',
  'GET /api/operators': 'reads',
  'POST /api/operators': 'acts',
  'PUT /api/operators/:name/password': 'acts',
  'PUT /api/operators/:name/scope': 'acts',
  'POST /api/operators/:name/token': 'acts',
  'DELETE /api/operators/:name': 'acts',
  'GET /api/known-hosts': 'reads',
  'GET /api/devices': 'reads',
  'GET /api/devices/:id': 'reads',
  'POST /api/devices/approve': 'acts',
  'POST /api/devices/deny': 'acts',
  'POST /api/devices/token': 'acts',
  'PUT /api/devices/:id': 'acts',
  'DELETE /api/devices/:id': 'acts',
  'DELETE /api/runs/:id': 'acts',
  'GET /api/profiles': 'reads',
  'GET /api/profiles/:name': 'reads',
};

async function rejects(run: Promise<unknown>, code: ControlError['code'], exitCode: number): Promise<ControlError> {
  let caught: unknown = null;
  try {
    await run;
  } catch (error) {
    caught = error;
  }
  assert.ok(caught instanceof ControlError, `expected ${code}, got ${String(caught)}`);
  assert.equal(caught.code, code);
  assert.equal(caught.exitCode, exitCode);
  return caught;
}

interface RawAnswer {
  readonly status: number;
  readonly body: string;
}

/** A request by hand. */
function raw(
  world: ControlWorld,
  method: string,
  path: string,
  { body = '', headers = {} }: { body?: string; headers?: Record<string, string> } = {},
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: world.path, method, path, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => (text += piece));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

async function recordsOf(world: ControlWorld, type: string): Promise<readonly AuditRecord[]> {
  await world.audit.flush();
  const page = await world.audit.search({}, { limit: 1000, cursor: null, newestFirst: false });
  return page.items.filter((record) => record.type === type);
}

test('every route is classified, no GET acts, and every act is named in the log', () => {
  const found = Object.fromEntries(ROUTES.map((route) => [`${route.method} ${route.path}`, route.kind]));
  assert.deepEqual(found, CALLS);
  assert.equal(new Set(ROUTES.map((route) => route.name)).size, ROUTES.length);
  for (const route of ROUTES) {
    assert.equal(route.method === 'GET', route.kind === 'reads', route.name);
    assert.equal(route.recorded?.some((key) => ['value', 'password'].includes(key)) ?? false, false, route.name);
  }
});

test('an approval is listed, shown, approved with its digest, and released', async (t) => {
  const world = await openWorld(t);
  world.measure = async () => ({ lines: ['estimated rows: 1 (EXPLAIN)'], data: { rows: 1 } });
  const parked = await world.park({ text: 'delete from users where id = 7' });
  const list = await world.client.approvals.list();
  assert.deepEqual(
    list.items.map((item) => item.id),
    [parked.id],
  );
  assert.equal(list.next, null);
  const shown = await world.client.approvals.show(parked.id.slice(0, 13));
  assert.equal(shown.state, 'pending');
  assert.equal(shown.approver, 'human_approver.oncall');
  assert.equal(shown.request.text, 'delete from users where id = 7');
  assert.equal(shown.request.digest, parked.digest);
  assert.equal(shown.device, 'laptop-7');
  assert.deepEqual(shown.facts, { sql: { verb: 'delete', tables: ['users'] } });
  assert.deepEqual(shown.effect?.lines, ['estimated rows: 1 (EXPLAIN)']);
  assert.match(shown.created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const approved = await world.client.approvals.approve(parked.id, {
    digest: shown.request.digest,
    note: 'looks fine',
  });
  assert.equal(approved.state, 'approved');
  assert.deepEqual(
    approved.votes.map(({ by, via, decision, note }) => ({ by, via, decision, note })),
    [{ by: 'local', via: 'cli', decision: 'approve', note: 'looks fine' }],
  );
  assert.equal((await parked.result).kind, 'approved');
  assert.deepEqual((await world.client.approvals.list()).items, []);
  const ended = await world.client.approvals.list({ state: 'approved' });
  assert.deepEqual(
    ended.items.map((item) => item.id),
    [parked.id],
  );
  const [act] = await recordsOf(world, 'operator.acted');
  assert.equal(act?.by, 'local');
  assert.deepEqual(act?.data, {
    call: 'approvals.approve',
    via: 'cli',
    id: parked.id,
    digest: parked.digest,
    note: 'looks fine',
  });
});

test('a denial needs no digest and carries its note to the agent', async (t) => {
  const world = await openWorld(t);
  const parked = await world.park();
  const denied = await world.client.approvals.deny(parked.id, { note: 'use the replica' });
  assert.equal(denied.state, 'denied');
  const result = await parked.result;
  assert.ok(result.kind === 'denied');
  assert.equal(result.note, 'use the replica');
});

test('a vote that cannot count is refused with a reason, and recorded', async (t) => {
  const world = await openWorld(t);
  const parked = await world.park();
  await rejects(world.client.approvals.approve(parked.id, { digest: '0'.repeat(64) }), 'wrong_digest', 1);
  await rejects(world.client.approvals.approve(parked.id, { digest: '' }), 'bad_request', 2);
  await rejects(world.client.approvals.approve('00000000', { digest: parked.digest }), 'not_found', 1);
  await rejects(world.client.approvals.approve(parked.id.slice(0, 7), { digest: parked.digest }), 'not_found', 1);
  const other = await world.park();
  await rejects(world.client.approvals.approve(parked.id.slice(0, 8), { digest: parked.digest }), 'ambiguous', 1);
  const carols = await world.park({ approver: 'human_approver.carol' });
  await rejects(world.client.approvals.approve(carols.id, { digest: carols.digest }), 'not_permitted', 1);
  assert.equal((await world.client.approvals.list()).items.length, 3);
  await world.client.approvals.approve(other.id, { digest: other.digest });
  const late = await rejects(world.client.approvals.deny(other.id, { note: 'no' }), 'decided', 1);
  assert.match(late.message, /is approved/);
  const refusals = (await recordsOf(world, 'operator.acted')).filter((record) => record.data?.['result'] === 'refused');
  assert.equal(refusals.length, 2);
});

test('TA-06: what waits is listed in pages, oldest first, and a page begins behind the one before whatever was decided meanwhile', async (t) => {
  const world = await openWorld(t);
  const parked: Awaited<ReturnType<typeof world.park>>[] = [];
  for (let count = 0; count < 6; count += 1) {
    parked.push(await world.park({ text: `delete from t where id = ${count}` }));
  }
  const ids = parked.map(({ id }) => id);
  const idsOf = async (page: { readonly limit: number; readonly cursor?: string }): Promise<readonly string[]> =>
    (await world.client.approvals.list(page)).items.map(({ id }) => id);
  const first = await world.client.approvals.list({ limit: 2 });
  assert.deepEqual(
    first.items.map(({ id }) => id),
    ids.slice(0, 2),
  );
  assert.deepEqual(await idsOf({ limit: 2, cursor: first.next ?? '' }), ids.slice(2, 4));
  const [, last] = first.items;
  await world.client.approvals.deny(last?.id ?? '', { note: 'no' });
  assert.deepEqual(
    await idsOf({ limit: 2, cursor: first.next ?? '' }),
    ids.slice(2, 4),
    'the last of the page was decided',
  );
  assert.deepEqual(await idsOf({ limit: 9 }), [ids[0], ...ids.slice(2)]);
});

test('a list is filtered and paged, the waiting ones oldest first', async (t) => {
  const world = await openWorld(t);
  const ids: string[] = [];
  for (const device of ['a', 'b', 'a']) {
    ids.push((await world.park({ agent: { device } })).id);
  }
  const mine = await world.client.approvals.list({ device: 'a' });
  assert.deepEqual(
    mine.items.map((item) => item.id),
    [ids[0], ids[2]],
  );
  const first = await world.client.approvals.list({ limit: 2 });
  assert.deepEqual(
    first.items.map((item) => item.id),
    ids.slice(0, 2),
  );
  const second = await world.client.approvals.list({ limit: 2, cursor: first.next ?? '' });
  assert.deepEqual(
    second.items.map((item) => item.id),
    ids.slice(2),
  );
  assert.equal(second.next, null);
  assert.equal((await world.client.approvals.list({ endpoint: 'postgres.other' })).items.length, 0);
  const byName = [{ endpoint: 'postgres.pg' }, { endpoint: 'pg' }, { endpoint: 'p' }];
  assert.deepEqual(
    await Promise.all(byName.map(async (query) => (await world.client.approvals.list(query)).items.length)),
    [3, 3, 0],
  );
  const stored = await world.client.approvals.list({ state: 'all', device: 'b' });
  assert.deepEqual(
    stored.items.map((item) => item.id),
    [ids[1]],
  );
});

test('a list cuts long requests and says so; show has them whole', async (t) => {
  const world = await openWorld(t);
  const text = `delete from users where id in (${'1,'.repeat(200_000)}1)`;
  const long = await world.park({ text });
  await world.park({ text: 'delete from a' });
  const [first, second] = (await world.client.approvals.list()).items;
  assert.ok((first?.request.text.length ?? 0) < 3_000);
  assert.equal(first?.request.listed_whole, false);
  assert.equal(second?.request.text, 'delete from a');
  assert.equal(second?.request.listed_whole, undefined);
  const shown = await world.client.approvals.show(long.id);
  assert.equal(shown.request.text, text);
  assert.equal(shown.request.listed_whole, undefined);
});

test('ND-08: many calls over one connection leave nothing on it', async (t) => {
  const world = await openWorld(t);
  const warned: string[] = [];
  const onWarning = (warning: Error) => warned.push(warning.name);
  process.on('warning', onWarning);
  t.after(() => process.off('warning', onWarning));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  for (let count = 0; count < 30; count += 1) {
    const status = await new Promise<number>((resolve, reject) => {
      const outgoing = request({ socketPath: world.path, path: '/api/status', agent }, (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode ?? 0));
      });
      outgoing.on('error', reject);
      outgoing.end();
    });
    assert.equal(status, 200);
  }
  assert.deepEqual(warned, []);
});

test('the log is searched, shown, verified and exported, and the export is in the log', async (t) => {
  const world = await openWorld(t);
  const parked = await world.park();
  await world.client.approvals.deny(parked.id, { note: 'no' });
  await parked.result;
  const found = await world.client.audit.search({ types: 'approval.created,approval.denied', order: 'oldest' });
  assert.deepEqual(
    found.items.map((item) => item.type),
    ['approval.created', 'approval.denied'],
  );
  // The vote names no table itself: its action does.
  assert.equal((await world.client.audit.search({ since: '1h', table: 'users' })).items.length, 2);
  for (const [endpoint, length] of Object.entries({ 'postgres.pg': 2, pg: 2, p: 0 })) {
    assert.equal((await world.client.audit.search({ table: 'users', endpoint })).items.length, length, endpoint);
  }
  assert.equal((await world.client.audit.search({ until: '2001-01-01T00:00:00Z' })).items.length, 0);
  const [created] = found.items;
  assert.equal(created?.agent_ip, '192.0.2.7');
  const byAction = await world.client.audit.show(created?.action_id ?? '');
  assert.ok(byAction.items.length >= 2);
  const bySeq = await world.client.audit.show(String(created?.seq));
  assert.deepEqual(bySeq.items, [created]);
  await rejects(world.client.audit.show('9999999'), 'not_found', 1);
  const verified = await world.client.audit.verify();
  assert.equal(verified.ok, true);
  assert.equal(verified.first_bad, null);
  const nothing = await raw(world, 'GET', '/api/audit/verify?from=5&to=3');
  assert.equal(nothing.status, 400, 'a range that holds nothing is not found intact');
  assert.equal((await raw(world, 'GET', '/api/audit/verify?from=1&to=1')).status, 200);
  let text = '';
  for await (const piece of world.client.audit.export({ rule: 'ask-first' }, { format: 'jsonl', bundle: false })) {
    text += piece.toString('utf8');
  }
  const lines = text.trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as RecordJson).type),
    ['approval.created', 'approval.denied'],
  );
  const [exported] = await recordsOf(world, 'audit.exported');
  assert.equal(exported?.by, 'local');
  assert.deepEqual(exported?.data?.['filter'], { rule: 'ask-first' });
});

test('the log is followed from the last few on, without a gap and without repeats, until the reader stops', async (t) => {
  const world = await openWorld(t);
  const before = await world.park({ text: 'delete from a' });
  await world.client.approvals.deny(before.id, { note: 'no' });
  await world.park({ text: 'delete from b' });
  const stop = new AbortController();
  const seen: RecordJson[] = [];
  let parkedLate = false;
  for await (const record of world.client.audit.follow({ types: 'approval.created', last: 10 }, stop.signal)) {
    seen.push(record);
    if (seen.length === 2 && !parkedLate) {
      parkedLate = true;
      await world.park({ text: 'delete from c' });
    }
    if (seen.length === 3) {
      stop.abort();
    }
  }
  assert.deepEqual(
    seen.map((record) => record.summary),
    ['delete from a', 'delete from b', 'delete from c'],
  );
  assert.deepEqual(world.warnings, []);
});

test('a filter that does not exist or makes no sense is refused, not ignored', async (t) => {
  const world = await openWorld(t);
  const rows = [
    '/api/audit?verdit=deny',
    '/api/audit?since=yesterday',
    '/api/audit?types=action.denied',
    '/api/audit?limit=0',
    '/api/audit?limit=1e3',
    '/api/audit?order=random',
    '/api/audit?rule=a&rule=b',
    '/api/approvals?state=waiting',
    '/api/audit/verify?from=x',
    '/api/audit/export?format=xml',
    '/api/audit/export?format=csv&bundle=true',
  ];
  for (const path of rows) {
    const answer = await raw(world, 'GET', path);
    assert.equal(answer.status, 400, path);
    assert.match(answer.body, /^\{"error":\{"code":"bad_request","message":".+"\}\}$/, path);
  }
  assert.equal((await raw(world, 'GET', '/api/audit?verdict=deny&limit=10&order=oldest')).status, 200);
});

test('secrets are set, listed by name and removed, and no value comes out anywhere', async (t) => {
  const world = await openWorld(t);
  await world.client.secrets.set('pg', '', new Secret(CANARY));
  await world.client.secrets.set('k8s', 'key', new Secret('\u0001'.repeat(64 * 1024)));
  const list = await world.client.secrets.list();
  assert.deepEqual(
    list.items.map(({ name, slot }) => [name, slot]),
    [
      ['k8s', 'key'],
      ['pg', ''],
    ],
  );
  assert.equal(JSON.stringify(list).includes(CANARY), false);
  await rejects(world.client.secrets.set('pg', '', new Secret('')), 'bad_request', 2);
  await rejects(world.client.secrets.set('', '', new Secret('x')), 'bad_request', 2);
  await rejects(world.client.secrets.set('pg', '', new Secret('x'.repeat(64 * 1024 + 1))), 'bad_request', 2);
  await world.client.secrets.remove('pg', '');
  await rejects(world.client.secrets.remove('pg', ''), 'not_found', 1);
  const changes = await recordsOf(world, 'secret.changed');
  assert.deepEqual(
    changes.map((record) => [record.data?.['name'], record.data?.['change']]),
    [
      ['pg', 'set'],
      ['k8s', 'set'],
      ['pg', 'removed'],
    ],
  );
  await world.audit.flush();
  for (const file of ['clawpatrol.db', 'clawpatrol.db-wal', 'secrets.json']) {
    assert.equal(readFileSync(`${world.dir}/${file}`).includes(CANARY), false, file);
  }
});

test('status, reload, profiles and the certificate are told', async (t) => {
  const world = await openWorld(t);
  assert.equal((await world.client.status()).checks[0]?.name, 'store');
  assert.deepEqual(await world.client.reload(), { ok: true, revision: 'r2', diagnostics: [], message: '' });
  const [profile] = (await world.client.profiles.list()).items;
  assert.deepEqual(profile?.endpoints, ['postgres.pg']);
  assert.deepEqual(profile?.devices, ['listener/pg']);
  assert.equal((await world.client.profiles.show('default')).name, 'default');
  await rejects(world.client.profiles.show('nobody'), 'not_found', 1);
  await assert.rejects(world.client.profiles.show('nobody'), /there is no profile "nobody"; there is: default/);
  await assert.rejects(
    world.client.profiles.show('defualt'),
    /there is no profile "defualt"; did you mean "default"\?/,
  );
  assert.equal((await world.client.ca.show()).fingerprint, 'AA:BB');
  assert.equal(await world.client.ca.export(), 'PEM\n');
  const acts = await recordsOf(world, 'operator.acted');
  assert.deepEqual(
    acts.map((record) => record.data?.['call']),
    ['reload'],
  );
});

test('a refused reload comes with its diagnostics', async (t) => {
  const at = { file: 'g.hcl', line: 3, column: 4, endLine: 3, endColumn: 9 };
  const diagnostics = [{ at, severity: 'error', code: 'syntax', message: 'not HCL', fix: '' }] as const;
  const world = await openWorld(t, { reload: async () => ({ ok: false, revision: 'r1', diagnostics, message: '' }) });
  const answer = await world.client.reload();
  assert.equal(answer.ok, false);
  assert.deepEqual(answer.diagnostics[0], {
    file: 'g.hcl',
    line: 3,
    col: 4,
    end_line: 3,
    end_col: 9,
    severity: 'error',
    code: 'syntax',
    message: 'not HCL',
    fix: '',
  });
});

test('what cannot be recorded is not done', async (t) => {
  let reloads = 0;
  const world = await openWorld(t, {
    audit: {
      append: () => null,
      appendDurable: () => Promise.reject(new Error('the disk is full')),
      search: () => Promise.reject(new Error('not in this test')),
      show: () => Promise.resolve([]),
      get: () => Promise.resolve(null),
      follow: () => () => undefined,
      listApprovals: () => Promise.resolve({ items: [], next: null }),
      listGrants: () => Promise.resolve({ items: [], next: null }),
      getApproval: () => Promise.resolve(null),
      getGrant: () => Promise.resolve(null),
      verify: () => Promise.reject(new Error('not in this test')),
      async *export() {
        yield '';
      },
    },
    reload: async () => {
      reloads += 1;
      return { ok: true, revision: 'r2', diagnostics: [], message: '' };
    },
  });
  await rejects(world.client.reload(), 'unavailable', 1);
  await rejects(world.client.secrets.set('pg', '', new Secret('v')), 'unavailable', 1);
  const parked = await world.park();
  await rejects(world.client.approvals.approve(parked.id, { digest: parked.digest }), 'unavailable', 1);
  assert.equal(reloads, 0);
  assert.deepEqual((await world.client.secrets.list()).items, []);
  assert.equal(world.approvals.pending().length, 1);
  const broken = await rejects(world.client.audit.search(), 'internal', 1);
  assert.equal(broken.message.includes('not in this test'), false);
});

test('only JSON bodies of plain text values within the limit are read', async (t) => {
  const world = await openWorld(t);
  const parked = await world.park();
  const path = `/api/approvals/${parked.id}/approve`;
  const vote = JSON.stringify({ digest: parked.digest });
  const json = { 'content-type': 'application/json' };
  const rows: readonly (readonly [string, { body?: string; headers?: Record<string, string> }, number])[] = [
    ['text/plain', { body: vote, headers: { 'content-type': 'text/plain' } }, 415],
    [
      'a form',
      { body: `digest=${parked.digest}`, headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      415,
    ],
    ['no type', { body: vote }, 415],
    ['no body', {}, 400],
    ['not JSON', { body: '{', headers: json }, 400],
    ['a list', { body: '[]', headers: json }, 400],
    ['a number', { body: '{"digest":1}', headers: json }, 400],
    ['another key', { body: JSON.stringify({ digest: parked.digest, by: 'alice' }), headers: json }, 400],
    ['a prototype', { body: `{"__proto__":{"digest":"${parked.digest}"}}`, headers: json }, 400],
    ['a long note', { body: JSON.stringify({ digest: parked.digest, note: 'x'.repeat(2001) }), headers: json }, 400],
    ['too long', { body: JSON.stringify({ digest: 'x'.repeat(600_000) }), headers: json }, 413],
  ];
  for (const [name, options, status] of rows) {
    const answer = await raw(world, 'POST', path, options);
    assert.equal(answer.status, status, `${name}: ${answer.body}`);
    assert.match(answer.body, /^\{"error":\{"code":"(bad_request|too_large)"/, name);
  }
  assert.equal(world.approvals.pending()[0]?.votes.length, 0);
  assert.equal((await raw(world, 'POST', path, { body: vote, headers: json })).status, 200);
});

test('nothing is decided by GET or HEAD, and what is not in the table does not exist', async (t) => {
  const world = await openWorld(t);
  const parked = await world.park();
  const rows = [
    ['GET', `/api/approvals/${parked.id}/approve?digest=${parked.digest}`],
    ['HEAD', `/api/approvals/${parked.id}/approve?digest=${parked.digest}`],
    ['HEAD', '/api/approvals'],
    ['PUT', `/api/approvals/${parked.id}/approve`],
    ['OPTIONS', '/api/approvals'],
    ['GET', '/'],
    ['GET', '/metrics'],
    ['GET', '/api/../api/secrets/x'],
    ['TRACE', '/api/status'],
  ] as const;
  for (const path of ['/%', `/api/approvals/${'a'.repeat(300)}`]) {
    const answer = await raw(world, 'GET', path);
    assert.match(
      answer.body,
      /^\{"error":\{"code":"bad_request","message":/,
      'what the router cannot read has the same form',
    );
  }
  for (const [method, path] of rows) {
    const answer = await raw(world, method, path);
    assert.ok([400, 404, 405].includes(answer.status), `${method} ${path}: ${answer.status}`);
  }
  assert.equal(world.approvals.pending().length, 1);
});

test('who may decide comes from the connection, whatever headers and query say', async (t) => {
  const world = await openWorld(t);
  const carols = await world.park({ approver: 'human_approver.carol' });
  const answer = await raw(world, 'POST', `/api/approvals/${carols.id}/approve`, {
    body: JSON.stringify({ digest: carols.digest }),
    headers: {
      'content-type': 'application/json',
      'x-forwarded-user': 'carol',
      'x-operator': 'carol',
      authorization: 'Bearer carol',
    },
  });
  assert.equal(answer.status, 403);
  assert.equal(world.approvals.pending().length, 1);
});

test('a client whose gateway is not there or hangs up says so, with the exit code for it', async (t) => {
  const world = await openWorld(t);
  const nobody = createControlClient({ kind: 'unix', path: `${world.dir}/other.sock` });
  const error = await rejects(nobody.status(), 'unreachable', 3);
  assert.match(error.message, /other\.sock: no such socket/);
  await world.control.close();
  await rejects(world.client.status(), 'unreachable', 3);
});

test('closing ends what is being followed', async (t) => {
  const world = await openWorld(t);
  await world.park();
  const records = world.client.audit.follow({ last: 1 }, new AbortController().signal)[Symbol.asyncIterator]();
  assert.equal((await records.next()).done, false);
  const next = Promise.resolve(records.next()).then(
    () => 'ended',
    () => 'broke off',
  );
  await world.control.close();
  assert.match(await next, /ended|broke off/);
});
