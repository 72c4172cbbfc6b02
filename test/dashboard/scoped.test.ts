// CP-14: operators who see some profiles only. Everything of profile zeta bears its name, so an answer to the operator of alpha that holds the
// word tells too much, whatever call it is an answer to.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFeed, type ApprovalFeed } from '../../src/approvals/feed.ts';
import type { Principal } from '../../src/approvals/stages.ts';
import { createEvent, type AuditRecord } from '../../src/audit/event.ts';
import { peopleOf } from '../../src/dashboard/operations.ts';
import { listenDashboard, OWN_ROUTES } from '../../src/dashboard/dashboard.ts';
import type { JoinParts } from '../../src/dashboard/join-routes.ts';
import { openOperators, principalOf } from '../../src/dashboard/operators.ts';
import { ROUTES } from '../../src/dashboard/routes.ts';
import type { Devices } from '../../src/devices/devices.ts';
import { createEnrolment } from '../../src/devices/enrolment.ts';
import { openJoinTokens } from '../../src/devices/join-tokens.ts';
import { openDeviceRegistry } from '../../src/devices/registry.ts';
import { openRunRegistry } from '../../src/devices/runs.ts';
import type { Incident } from '../../src/approvals/incidents.ts';
import { refused, voterOf } from '../../src/gateway/channels/parts.ts';
import { createRuleHits } from '../../src/gateway/judging/rule-hits.ts';
import { GatewayError } from '../../src/lib/errors.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { Secret } from '../../src/lib/secret.ts';
import { AGENT } from '../approvals/parts.ts';
import { loadLive } from '../gateway/agent-api/world.ts';
import { eventually } from '../support/daemon.ts';
import { temporaryFolder, type CleanUp } from '../support/temp.ts';
import { openWorld, type ControlWorld, type Parked, dashboardParts } from './control-world.ts';

const SIDES = ['alpha', 'zeta'] as const;
type Side = (typeof SIDES)[number];

const CONFIG = `
gateway { public_url = "https://patrol.example.test" }
approver "human_approver" "oncall" { timeout = 600 }
${SIDES.map(
  (name, index) => `
endpoint "postgres" "${name}-db" {
  host    = "${name}.internal.test:5432"
  listen  = "127.0.0.1:1543${index}"
  profile = "${name}"
}
endpoint "ssh" "${name}-ssh" { hosts = ["${name}-ssh.internal.test"] }
endpoint "kubernetes" "${name}-k8s" {
  server = "https://${name}-k8s.internal.test:6443"
  listen  = "127.0.0.1:1553${index}"
  profile = "${name}"
}
credential "postgres_credential" "${name}-cred" {
  endpoint = postgres.${name}-db
  user     = "reader"
}
credential "ssh_key" "${name}-key" {
  endpoint = ssh.${name}-ssh
  user     = "ops"
}
credential "bearer_token" "${name}-token" { endpoint = kubernetes.${name}-k8s }
context "webhook" "${name}-alerts" {
  secret = "{{secret:X}}"
  id     = "id"
}
approver "llm_approver" "${name}-model" {
  provider = "openai_compatible"
  model    = "${name}-1"
  base_url = "https://${name}-model.example.test"
}
rule "${name}-rule" {
  endpoint  = postgres.${name}-db
  condition = "sql.verb == 'delete'"
  approve   = [llm_approver.${name}-model, human_approver.oncall]
  reason    = "deletes"
}
profile "${name}" {
  credentials = [postgres_credential.${name}-cred, ssh_key.${name}-key, bearer_token.${name}-token]
  context     = webhook.${name}-alerts
}
`,
).join('')}
`;

interface Reply {
  readonly status: number;
  readonly text: string;
}

interface World extends ControlWorld {
  readonly port: number;
  readonly feed: ApprovalFeed;
  readonly routes: readonly string[];
  readonly devices: Devices;
  readonly bearer: ReadonlyMap<string, string>;
  readonly ask: (who: string, call: string, body?: object) => Promise<Reply>;
}

function incidentOf(side: Side): Incident {
  return {
    id: `P${side}`,
    source: `webhook.${side}-alerts`,
    status: 'open',
    url: '',
    serviceId: '',
    fields: { title: `${side} is down` },
    openedMs: 1,
    changedMs: 1,
    resolvedMs: null,
    saidMs: 0,
  };
}

function agentOf(side: Side): typeof AGENT {
  return { ...AGENT, device: `${side}-box`, profile: side };
}

function openDevices(t: CleanUp): Devices {
  const stateDir = temporaryFolder(t);
  const isKey = (text: string): boolean => text.startsWith('key');
  const registry = openDeviceRegistry({ stateDir, clock: systemClock, isKey, lastNumber: () => 100 });
  const tokens = openJoinTokens({ stateDir, clock: systemClock });
  const runs = openRunRegistry({
    stateDir,
    clock: systemClock,
    isKey,
    isDevices: () => false,
    lastNumber: 250,
    highestDevice: () => 100,
  });
  const enrolment = createEnrolment({
    clock: systemClock,
    registry,
    tokens,
    isKey,
    sourceOf: (ip) => ip,
    hasProfile: () => true,
    isHeld: () => false,
  });
  for (const side of SIDES) {
    const { id } = registry.enrol({ name: `${side}-box`, publicKey: `key-${side}`, profile: side, user: '' });
    runs.start({ device: id, publicKey: `key-${side}-run`, profile: side, label: `${side} works` });
  }
  return { registry, tokens, runs, enrolment, tunnel: null };
}

async function openScoped(t: CleanUp): Promise<World> {
  const live = await loadLive(CONFIG);
  const devices = openDevices(t);
  const hits = createRuleHits(systemClock);
  SIDES.forEach((side) => hits.note({ rule: '' }, 'safe', side));
  const world = await openWorld(t, {
    config: () => live.config,
    devices,
    hits,
    incidents: { list: () => SIDES.map(incidentOf), receive: async () => refused(404, 'none') },
    knownHosts: () =>
      SIDES.map((side) => ({ endpoint: `ssh.${side}-ssh`, names: [`${side}.test`], key: 'ssh-ed25519 A' })),
    connections: {
      list: () =>
        SIDES.map((side) => ({
          session: `s-${side}`,
          agent: agentOf(side),
          endpoint: `postgres.${side}-db`,
          openMs: 5,
          fromClientBytes: 1,
          toClientBytes: 2,
        })),
    },
    status: () => ({
      ok: true,
      checks: [
        { name: 'gateway', state: 'ok', detail: 'running', fix: '' },
        { name: 'audit', state: 'ok', detail: '77 records of zeta and all', fix: '' },
        ...SIDES.map((side) => ({
          name: `postgres.${side}-db`,
          state: 'ok' as const,
          detail: 'served',
          fix: '',
        })),
        { name: 'connections', state: 'ok', detail: '2 open, 2 waiting for approval', fix: '' },
      ],
    }),
  });
  const { operators, secrets, audit } = world.parts;
  secrets.set('alpha-cred', 'password', new Secret('one'));
  secrets.set('zeta-cred', 'password', new Secret('two'));
  operators.add({ name: 'ann', role: 'admin', email: '', slack: 'UANN', password: null, profiles: ['alpha'] });
  operators.add({ name: 'root', role: 'admin', email: '', slack: 'UROOT', password: null });
  for (const side of SIDES) {
    await audit.appendDurable(
      createEvent('incident.opened', 5, { by: `webhook.${side}-alerts`, data: { incident: incidentOf(side) } }),
    );
    await audit.appendDurable(
      createEvent('context.claimed', 6, {
        agent: agentOf(side),
        by: 'agent',
        summary: `${side} says so`,
        data: { claim: { incident: `P${side}`, task: `${side} task` }, changed: ['incident', 'task'] },
      }),
    );
  }
  const bearer = new Map(['ann', 'root'].map((name) => [name, operators.issueToken(name, Date.now() + 600_000) ?? '']));
  const feed = createFeed();
  const common = dashboardParts(world.parts);
  const metrics = { scrape: async () => 'connections{endpoint="postgres.zeta-db"} 1\n', contentType: 'text/plain' };
  const dashboard = await listenDashboard({
    ...common,
    health: { ...common.health, metrics },
    onApprovals: (listener) => feed.onChange(listener),
    // Only their names are asked for here.
    join: { clock: systemClock, devices } as unknown as JoinParts,
  });
  t.after(() => dashboard.close());
  const port = dashboard.bound?.port ?? 0;
  return {
    ...world,
    port,
    devices,
    bearer,
    feed,
    routes: dashboard.routes,
    ask: (who, call, body) => ask(port, bearer.get(who) ?? '', call, body),
  };
}

function ask(port: number, token: string, call: string, body?: object): Promise<Reply> {
  const [method = '', path = ''] = call.split(' ');
  const bytes = body === undefined ? '' : JSON.stringify(body);
  const headers = {
    authorization: `Bearer ${token}`,
    ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(bytes) }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => (text += piece));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    outgoing.on('error', reject);
    outgoing.end(bytes);
  });
}

/** Something of each side waits, was decided, and is granted. */
async function fill(world: World): Promise<Readonly<Record<Side, { waits: Parked; decided: string; grant: string }>>> {
  const fillSide = async (side: Side): Promise<{ waits: Parked; decided: string; grant: string }> => {
    const agent = agentOf(side);
    const first = await world.park({ agent, text: `delete from ${side} where id = 1` });
    const voter: Principal = { name: `${side}-person`, via: 'cli', aliases: [] };
    const grant = { durationMs: 60_000, uses: 5, scope: 'exact' as const };
    const ballot = { decision: 'approve' as const, digest: first.digest, note: '', grant };
    const voted = await world.approvals.vote(first.id, ballot, voter);
    assert.ok(voted.kind === 'recorded', JSON.stringify(voted));
    const waits = await world.park({ agent, text: `delete from ${side} where id = 2` });
    return { waits, decided: first.id, grant: voted.approval.grantsMade[0] ?? '' };
  };
  return { alpha: await fillSide('alpha'), zeta: await fillSide('zeta') };
}

test('CP-14: every call that the dashboard’s address answers says whom it tells what, and no other is served', async (t) => {
  const world = await openScoped(t);
  const sights = new Map(ROUTES.map(({ method, path, sight }) => [`${method} ${path}`, sight]));
  for (const route of world.routes) {
    assert.ok(sights.has(route) !== (OWN_ROUTES[route] !== undefined), `${route} is classified once`);
  }
  assert.deepEqual(
    [...sights.keys()].filter((route) => !world.routes.includes(route)),
    [],
  );
  assert.ok(world.routes.includes('GET /api/live') && world.routes.includes('POST /api/device/runs'));
  // What must stay out of reach of whoever sees some profiles only.
  const unscoped = ROUTES.filter(({ sight }) => sight === 'unscoped').map(({ name }) => name);
  assert.deepEqual(unscoped.toSorted(), [
    'audit.verify',
    'operators.add',
    'operators.list',
    'operators.passwd',
    'operators.remove',
    'operators.scope',
    'operators.token',
    'reload',
    'secrets.remove',
    'secrets.set',
  ]);
  assert.equal(OWN_ROUTES['GET /metrics'], 'unscoped');
  for (const route of [...ROUTES.filter(({ sight }) => sight === 'unscoped'), { method: 'GET', path: '/metrics' }]) {
    const call = `${route.method} ${route.path.replace(':name', 'root')}`;
    const body = route.method === 'GET' ? undefined : {};
    const denied = await world.ask('ann', call, body);
    assert.equal(denied.status, 403, `${call} ${denied.text}`);
    assert.match(denied.text, /takes an operator who sees every profile/);
    assert.doesNotMatch(denied.text, /alpha|zeta/);
    const twin = await world.ask('root', call, body);
    assert.notEqual(twin.status, 403, `${call} ${twin.text}`);
  }
  assert.notEqual(world.parts.operators.find('root'), null, 'nobody removes themselves');
});

/** Calls that list, with what of a side they show to those who may see it; null: the answer is shared, and bears no side's name. */
const LISTS: Readonly<Record<string, ((side: Side) => RegExp) | null>> = {
  'GET /api/devices?revoked=true': (side) => new RegExp(`"${side}-box"[^]*${side} works`),
  'GET /api/agents': (side) => new RegExp(`"${side}-box"[^]*`),
  'GET /api/connections': (side) => new RegExp(`s-${side}`),
  'GET /api/quarantine': (side) => new RegExp(`${side}-box`),
  'GET /api/policy': (side) => new RegExp(`${side}-rule`),
  'GET /api/grants': (side) => new RegExp(`delete from ${side}`),
  'GET /api/grants?all=true': (side) => new RegExp(`delete from ${side}`),
  'GET /api/approvers': (side) => new RegExp(`${side}-person`),
  'GET /api/reviewers': (side) => new RegExp(`${side}-model`),
  'GET /api/incidents': (side) => new RegExp(`P${side}`),
  'GET /api/break-glass': null,
  'GET /api/approvals': (side) => new RegExp(`delete from ${side}`),
  'GET /api/approvals?state=all': (side) => new RegExp(`delete from ${side}`),
  'GET /api/audit?limit=1000': (side) => new RegExp(`delete from ${side}[^]*P${side}|P${side}[^]*delete from ${side}`),
  'GET /api/audit/export?format=csv': (side) => new RegExp(`delete from ${side}`),
  'GET /api/audit/export': (side) => new RegExp(`delete from ${side}[^]*`),
  'GET /api/status': (side) => new RegExp(`postgres.${side}-db`),
  'GET /api/secrets': (side) => new RegExp(`${side}-cred`),
  'GET /api/known-hosts': (side) => new RegExp(`ssh.${side}-ssh`),
  'GET /api/profiles': (side) => new RegExp(`"name":"${side}"`),
  'GET /api/ca': null,
  'GET /api/ca/certificate': null,
};

test('CP-14, AU-09: lists, searches, statistics and exports hold nothing of another profile; who sees everything finds both there', async (t) => {
  const world = await openScoped(t);
  await fill(world);
  for (const side of SIDES) {
    world.parts.quarantine.set({ kind: 'device', name: `${side}-box`, by: 'root', atMs: 1, reason: '' });
    const request = { publicKey: `key-${side}-new`, hostname: `${side}-new`, wish: side, token: '', ip: '192.0.2.1' };
    world.devices.enrolment.start(request);
  }
  for (const [call, show] of Object.entries(LISTS)) {
    const [ann, root] = [await world.ask('ann', call), await world.ask('root', call)];
    assert.deepEqual([ann.status, root.status], [200, 200], `${call} ${ann.text}`);
    assert.doesNotMatch(ann.text, /zeta/, call);
    if (show === null) {
      assert.equal(ann.text, root.text, call);
      continue;
    }
    assert.match(ann.text, show('alpha'), call);
    assert.match(root.text, show('alpha'), call);
    assert.match(root.text, show('zeta'), call);
  }
  const paths = new Set(Object.keys(LISTS).map((call) => call.split('?')[0]));
  const lists = ROUTES.filter(
    ({ method, path, sight }) => method === 'GET' && sight !== 'unscoped' && !path.includes(':'),
  );
  // A stream has tests of its own.
  const untested = lists.map(({ method, path }) => `${method} ${path}`).filter((call) => !paths.has(call));
  assert.deepEqual(untested, ['GET /api/audit/follow']);
  // What is counted is what is seen.
  const counted = async (who: string, path: string): Promise<unknown> =>
    JSON.parse((await world.ask(who, `GET ${path}`)).text).total;
  assert.deepEqual([await counted('ann', '/api/approvals'), await counted('root', '/api/approvals')], [1, 2]);
  assert.deepEqual([await counted('ann', '/api/connections'), await counted('root', '/api/connections')], [1, 2]);
  const safeHits = async (who: string): Promise<unknown> =>
    JSON.parse((await world.ask(who, 'GET /api/policy')).text).tiers.find(
      ({ risk }: { risk: string }) => risk === 'safe',
    ).hits;
  assert.deepEqual([await safeHits('ann'), await safeHits('root')], [1, 2]);
  assert.match((await world.ask('ann', 'GET /api/status')).text, /1 open, 1 waiting for approval/);
  // A filter of their own does not widen it, and what belongs to no profile is for those who see everything.
  for (const query of ['profile=zeta', 'device=zeta-box', 'by=webhook.zeta-alerts', 'text=zeta']) {
    const found = JSON.parse((await world.ask('ann', `GET /api/audit?${query}`)).text);
    assert.deepEqual(found.items, [], query);
  }
  // Their own acts they see, and nobody else's.
  const actors = async (who: string): Promise<readonly string[]> => {
    const { items } = JSON.parse((await world.ask(who, 'GET /api/audit?types=operator.acted')).text);
    return [...new Set<string>(items.map(({ by }: { by: string }) => by))].toSorted();
  };
  for (const who of ['ann', 'root']) {
    await world.ask(who, 'DELETE /api/quarantine', { kind: 'device', name: 'nobody' });
  }
  assert.deepEqual(await actors('ann'), ['ann']);
  assert.ok((await actors('root')).includes('ann') && (await actors('root')).includes('root'));
  const within = await world.ask('ann', 'GET /api/audit?within=zeta');
  assert.equal(within.status, 400, 'a scope is nobody’s to give');
});

test('CP-14: what is named in a call and belongs to another profile is answered as what does not exist', async (t) => {
  const world = await openScoped(t);
  const filled = await fill(world);
  const { registry, runs } = world.devices;
  const ids = (side: Side): Readonly<Record<string, string>> => ({
    device: registry.find(`${side}-box`)?.id ?? '',
    name: `${side}-box`,
    run: runs.list().find(({ profile }) => profile === side)?.id ?? '',
    waits: filled[side].waits.id,
    decided: filled[side].decided,
    grant: filled[side].grant,
    profile: side,
    endpoint: `kubernetes.${side}-k8s`,
    incident: `P${side}`,
    task: `${side} task`,
  });
  const none = '0190f3a2-0000-7000-8000-000000000000';
  const actionOf = async (side: Side): Promise<string> => {
    const found = await world.approvals.find(filled[side].waits.id);
    return found.kind === 'found' ? found.approval.actionId : '';
  };
  const seqOf = async (side: Side): Promise<string> => {
    const filter = { profile: side, types: ['approval.created'] } as const;
    const { items } = await world.audit.search(filter, { limit: 1, cursor: null, newestFirst: false });
    return String(items[0]?.seq ?? 0);
  };
  const named = {
    alpha: { ...ids('alpha'), action: await actionOf('alpha'), seq: await seqOf('alpha') },
    zeta: { ...ids('zeta'), action: await actionOf('zeta'), seq: await seqOf('zeta') },
    none: Object.fromEntries([
      ...Object.keys(ids('alpha')).map((key) => [key, key === 'name' ? 'no-box' : none]),
      ['action', none],
      ['seq', '999'],
      // As near to what the caller sees as the other profile's is: what is suggested depends on the word alone.
      ['endpoint', 'kubernetes.beta-k8s'],
      ['profile', 'beta'],
    ]),
  };
  /** In an order in which the ones before take nothing from the ones after. */
  const calls: readonly (readonly [call: string, key: string, body?: (id: string, side: Side | 'none') => object])[] = [
    ['GET /api/devices/:id', 'device'],
    ['GET /api/devices/:id', 'name'],
    ['GET /api/approvals/:id', 'waits'],
    ['GET /api/approvals/:id', 'decided'],
    ['GET /api/approvals/:id/grant', 'waits'],
    ['GET /api/approvals/:id/break-glass', 'waits'],
    ['GET /api/grants/:id', 'grant'],
    ['GET /api/audit/show/:id', 'action'],
    ['GET /api/audit/show/:id', 'seq'],
    ['GET /api/audit/chain/:id', 'incident'],
    ['GET /api/audit/chain/:id', 'task'],
    ['GET /api/audit/chain/:id', 'action'],
    ['GET /api/audit/chain/:id/bundle', 'incident'],
    ['GET /api/profiles/:name', 'profile'],
    ['GET /api/kubeconfig/:endpoint', 'endpoint'],
    ['GET /api/known-hosts?endpoint=ssh.:id-ssh', 'profile'],
    ['POST /api/quarantine', 'name', (name) => ({ kind: 'device', name, reason: 'x' })],
    ['DELETE /api/quarantine', 'name', (name) => ({ kind: 'device', name })],
    ['POST /api/quarantine', 'profile', (name) => ({ kind: 'profile', name })],
    ['DELETE /api/quarantine', 'profile', (name) => ({ kind: 'profile', name })],
    ['POST /api/devices/token', 'profile', (profile) => ({ profile, expires: '1h' })],
    ['PUT /api/devices/:id', 'device', () => ({ profile: 'alpha' })],
    ['POST /api/grants/:id/revoke', 'grant', () => ({ note: 'over' })],
    [
      'POST /api/approvals/:id/approve',
      'waits',
      (_, side) => ({ digest: filled[side === 'none' ? 'zeta' : side].waits.digest }),
    ],
    ['DELETE /api/runs/:id', 'run'],
    ['DELETE /api/devices/:id', 'device'],
  ];
  for (const [template, key, body] of calls) {
    const send = async (side: Side | 'none'): Promise<Reply> => {
      const id = named[side][key] ?? '';
      const call = template.replace(/:(id|name|endpoint)/, encodeURIComponent(id));
      const { status, text } = await world.ask('ann', call, body?.(id, side));
      // A short number is also part of the words around it.
      return { status, text: id.length < 4 ? text.replace(`\\"${id}\\"`, '\\"ID\\"') : text.replaceAll(id, 'ID') };
    };
    const [hidden, absent] = [await send('zeta'), await send('none')];
    assert.deepEqual(hidden, absent, `${template} ${key}`);
    assert.ok([400, 404].includes(hidden.status), `${template} ${key}: ${hidden.status} ${hidden.text}`);
    const own = await send('alpha');
    assert.equal(own.status, 200, `${template} ${key}: ${own.text}`);
    assert.doesNotMatch(own.text, /zeta/, template);
  }
  // Every call that names something is in the table.
  const tested = new Set(calls.map(([call]) => call.split('?')[0]));
  const naming = ROUTES.filter(
    ({ sight, path, kind }) => sight === 'scoped' && (path.includes(':') || kind === 'acts'),
  );
  assert.deepEqual(
    naming.map(({ method, path }) => `${method} ${path}`).filter((call) => !tested.has(call)),
    ['POST /api/devices/approve', 'POST /api/devices/deny', 'POST /api/approvals/:id/deny'],
    'these have tests of their own',
  );
  // Nothing of zeta was touched by any of it.
  assert.equal(registry.find('zeta-box')?.profile, 'zeta');
  assert.equal(runs.list().filter(({ profile }) => profile === 'zeta').length, 1);
  assert.ok(world.parts.grants.active().some(({ profile }) => profile === 'zeta'));
  assert.deepEqual(world.parts.quarantine.list(), []);
  assert.equal(world.approvals.pending().length, 1);
  const denied = await world.ask('ann', `POST /api/approvals/${filled.zeta.waits.id}/deny`, { note: 'no' });
  const nothing = await world.ask('ann', `POST /api/approvals/${none}/deny`, { note: 'no' });
  assert.deepEqual(denied, { ...nothing, text: nothing.text.replace(none, filled.zeta.waits.id) });
  assert.equal(world.approvals.pending().length, 1);
  const twin = await world.park({ agent: agentOf('alpha'), text: 'delete from alpha where id = 3' });
  assert.equal((await world.ask('ann', `POST /api/approvals/${twin.id}/deny`, { note: 'no' })).status, 200);
});

test('CP-14: of a vote outside the scope the log is told why and the voter nothing, whatever channel it comes by', async (t) => {
  const world = await openScoped(t);
  const { zeta, alpha } = await fill(world);
  const operator = world.parts.operators.find('ann');
  assert.ok(operator !== null);
  const people = peopleOf(world.parts.operators);
  const notifier = 'slack.ops';
  const voters: readonly Principal[] = [
    principalOf(operator, 'dashboard'),
    voterOf(people.findBySlack('UANN'), { via: 'slack', identity: 'slack:UANN', notifier }),
    voterOf(people.findByName('ann'), { via: 'webhook', identity: 'ann', notifier }),
  ];
  for (const voter of voters) {
    const ballot = { decision: 'approve' as const, digest: zeta.waits.digest, note: '' };
    assert.deepEqual(await world.approvals.vote(zeta.waits.id, ballot, voter), { kind: 'not-found' }, voter.via);
    const own = await world.approvals.vote(alpha.waits.id, { ...ballot, digest: 'wrong' }, voter);
    assert.notEqual(own.kind, 'not-found', voter.via);
  }
  assert.equal(world.approvals.pending().length, 2);
  let told: readonly AuditRecord[] = [];
  await eventually('the refusals are in the log', async () => {
    const filter = { profile: 'zeta', types: ['operator.acted'] } as const;
    told = (await world.audit.search(filter, { limit: 10, cursor: null, newestFirst: false })).items;
    return told.length >= voters.length;
  });
  for (const record of told) {
    assert.equal(record.by, 'ann');
    assert.equal(record.reason, 'ann is scoped to profiles, and zeta is none of them');
    assert.equal(record.data?.['result'], 'refused');
  }
  assert.doesNotMatch((await world.ask('ann', 'GET /api/audit?limit=1000')).text, /zeta/, 'nor do they find it later');
  // Whoever sees everything decides, and so does the same person once the scope is wider.
  world.parts.operators.setProfiles('ann', ['alpha', 'zeta']);
  const wider = world.parts.operators.find('ann');
  assert.ok(wider !== null);
  const ballot = { decision: 'approve' as const, digest: zeta.waits.digest, note: '' };
  assert.equal((await world.approvals.vote(zeta.waits.id, ballot, principalOf(wider, 'dashboard'))).kind, 'recorded');
});

test('CP-14: a machine is let in by a scoped admin under a profile of theirs, unless it asks for another or is known there', async (t) => {
  const world = await openScoped(t);
  const start = (publicKey: string, wish: string): string => {
    const ip = '192.0.2.9';
    const result = world.devices.enrolment.start({ publicKey, hostname: 'new', wish, token: '', ip });
    assert.ok(result.kind === 'started');
    return result.request.userCode;
  };
  const none = 'BBBB-CCCC';
  const approve = async (code: string, profile: string, call = 'approve'): Promise<Reply> => {
    const { status, text } = await world.ask('ann', `POST /api/devices/${call}`, {
      code,
      ...(call === 'approve' ? { profile } : {}),
    });
    return { status, text: text.replaceAll(code, 'CODE') };
  };
  for (const call of ['approve', 'deny']) {
    const absent = await approve(none, 'alpha', call);
    assert.equal(absent.status, 404);
    for (const [key, wish] of [
      ['key-wants-zeta', 'zeta'],
      // Enrolling a known key gives the device that it is.
      ['key-zeta', 'alpha'],
      ['key-zeta', ''],
    ] as const) {
      assert.deepEqual(await approve(start(key, wish), 'alpha', call), absent, `${call} ${key} ${wish}`);
    }
  }
  assert.equal((await approve(start('key-n1', ''), 'zeta')).status, 400);
  assert.equal(world.devices.registry.list().length, 2);
  assert.equal((await approve(start('key-n2', 'alpha'), 'alpha')).status, 200);
  assert.equal((await approve(start('key-n3', ''), 'alpha')).status, 200, 'the code is proof enough');
  assert.equal((await approve(start('key-n4', 'alpha'), 'alpha', 'deny')).status, 200);
  assert.deepEqual(
    world.devices.registry.list().map(({ profile }) => profile),
    ['alpha', 'zeta', 'alpha', 'alpha'],
  );
});

test('CP-14: what holds everybody is shown without its reason, and is neither set nor lifted by whoever sees some', async (t) => {
  const world = await openScoped(t);
  for (const [method, body] of [
    ['POST', { kind: 'all', reason: 'x' }],
    ['DELETE', { kind: 'all' }],
  ] as const) {
    const denied = await world.ask('ann', `${method} /api/quarantine`, body);
    assert.equal(denied.status, 403, denied.text);
  }
  assert.equal((await world.ask('root', 'POST /api/quarantine', { kind: 'all', reason: 'zeta burns' })).status, 200);
  for (const path of ['/api/quarantine', '/api/agents']) {
    const seen = await world.ask('ann', `GET ${path}`);
    assert.match(seen.text, /"kind":"all"/);
    assert.doesNotMatch(seen.text, /zeta/);
  }
  assert.equal((await world.ask('root', 'DELETE /api/quarantine', { kind: 'all' })).status, 200);
});

/** Reads a stream until `over` says so or it ends. */
function openStream(
  { port, bearer }: World,
  who: string,
  path: string,
): { readonly text: () => string; readonly ended: () => boolean; close(): void } {
  let text = '';
  let over = false;
  const end = (): void => {
    over = true;
  };
  const headers = { authorization: `Bearer ${bearer.get(who)}` };
  const outgoing = httpRequest({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
    response.setEncoding('utf8');
    response.on('data', (piece: string) => (text += piece));
    response.on('close', end);
    response.on('error', end);
  });
  outgoing.on('error', end);
  outgoing.end();
  return { text: () => text, ended: () => over, close: () => outgoing.destroy() };
}

test('CP-14: streams tell of the profiles of the scope, from the past and as it happens, and end when the scope changes', async (t) => {
  const world = await openScoped(t);
  const filled = await fill(world);
  const paths = ['/api/live?records=1&after=0', '/api/audit/follow?last=1000'];
  const streams = paths.flatMap((path) =>
    ['ann', 'root'].map((who) => ({ path, who, ...openStream(world, who, path) })),
  );
  t.after(() => streams.forEach((stream) => stream.close()));
  const seen = async (side: Side, number: number): Promise<void> => {
    for (const { path, who, text } of streams) {
      if (who === 'root' || side === 'alpha') {
        const wanted = `delete from ${side} where id = ${number}`;
        await eventually(`${who} ${path} ${wanted}`, () => text().includes(wanted));
      }
    }
  };
  await seen('alpha', 2);
  await seen('zeta', 2);
  await world.park({ agent: agentOf('zeta'), text: 'delete from zeta where id = 3' });
  await world.park({ agent: agentOf('alpha'), text: 'delete from alpha where id = 3' });
  // What comes after it has come, so it would have come too.
  await seen('zeta', 3);
  await seen('alpha', 3);
  for (const { who, path, text } of streams) {
    assert.equal(/zeta/.test(text()), who === 'root', `${who} ${path}`);
    const counts = [...text().matchAll(/"pending":(\d+)/g)].map(([, count]) => Number(count));
    assert.ok(
      counts.every((count) => count <= (who === 'root' ? 4 : 2)),
      `${who} ${path}: ${counts.join()}`,
    );
  }
  const [ann, root] = ['ann', 'root'].map((who) =>
    streams.find((stream) => stream.who === who && stream.path.startsWith('/api/live')),
  );
  const noted = (stream: typeof ann): number => stream?.text().match(/^event: approvals$/gm)?.length ?? 0;
  for (const side of ['zeta', 'alpha'] as const) {
    const before = [noted(ann), noted(root)];
    const found = await world.approvals.find(filled[side].waits.id);
    assert.ok(found.kind === 'found');
    world.feed.tell({ kind: 'decided', approval: found.approval, told: [] });
    await eventually(
      `${side} is told`,
      () => noted(side === 'zeta' ? root : ann) > (before[side === 'zeta' ? 1 : 0] ?? 0),
    );
    assert.equal(
      noted(ann),
      (before[0] ?? 0) + (side === 'alpha' ? 1 : 0),
      'not even that something happens elsewhere',
    );
  }
  // A change that is not theirs ends nothing; one that is ends what is open, and what they were shown is gone.
  world.parts.operators.add({ name: 'carol', role: 'viewer', email: '', slack: '', password: null });
  world.parts.operators.setProfiles('ann', ['zeta']);
  await eventually('what is open ends', () => streams.every(({ who, ended }) => ended() === (who === 'ann')));
  const gone = await world.ask('ann', `GET /api/approvals/${filled.alpha.waits.id}`);
  assert.equal(gone.status, 404, 'at once');
  assert.equal((await world.ask('ann', `GET /api/approvals/${filled.zeta.waits.id}`)).status, 200);
  const open = streams.filter(({ who }) => who === 'root');
  await world.park({ agent: agentOf('zeta'), text: 'delete from zeta where id = 4' });
  for (const { text, path } of open) {
    await eventually(path, () => text().includes('zeta where id = 4'));
  }
});

test('CP-14: scopes are kept with the accounts; a file from before has none, and an older gateway refuses one that has', async (t) => {
  const dir = temporaryFolder(t);
  const path = join(dir, 'operators.json');
  const account = { name: 'ann', role: 'viewer', email: '', slack: '', password: null } as const;
  const operators = openOperators({ stateDir: dir, clock: systemClock });
  operators.add(account);
  const versionNow = (): unknown => JSON.parse(readFileSync(path, 'utf8')).version;
  assert.equal(versionNow(), 1, 'as it was while nobody has a scope');
  let changes = 0;
  const stop = operators.onChange(() => (changes += 1));
  assert.equal(operators.setProfiles('ann', ['alpha']), true);
  assert.equal(operators.setProfiles('nobody', ['alpha']), false);
  stop();
  assert.deepEqual([versionNow(), changes], [2, 1]);
  assert.deepEqual(openOperators({ stateDir: dir, clock: systemClock }).find('ann')?.profiles, ['alpha']);
  const stored = JSON.parse(readFileSync(path, 'utf8'));
  const [one] = stored.operators;
  const { profiles: _, ...before } = one;
  writeFileSync(path, JSON.stringify({ version: 1, operators: [before] }));
  assert.equal(openOperators({ stateDir: dir, clock: systemClock }).find('ann')?.profiles, null);
  for (const broken of [
    { version: 1, operators: [one] },
    { version: 2, operators: [{ ...one, profiles: [] }] },
    { version: 2, operators: [{ ...one, profiles: [''] }] },
    { version: 2, operators: [{ ...one, profiles: 'alpha' }] },
    { version: 3, operators: [one] },
  ]) {
    writeFileSync(path, JSON.stringify(broken));
    assert.throws(() => openOperators({ stateDir: dir, clock: systemClock }), GatewayError, JSON.stringify(broken));
  }
});

test('CP-14: a scope is set by an admin who sees everything, to profiles that exist, and the act is in the log', async (t) => {
  const world = await openScoped(t);
  const set = (body: object, name = 'ann'): Promise<Reply> =>
    world.ask('root', `PUT /api/operators/${name}/scope`, body);
  for (const [body, message] of [
    [{ profiles: '["nowhere"]' }, /there is no profile \\"nowhere\\"; there are: alpha, zeta/],
    [{ profiles: '[]' }, /JSON list of one name or more/],
    [{ profiles: 'alpha' }, /JSON list of one name or more/],
    [{ profiles: '["alpha"]', all: 'true' }, /either profiles, or all=true/],
    [{}, /either profiles, or all=true/],
  ] as const) {
    const refusedReply = await set(body);
    assert.equal(refusedReply.status, 400);
    assert.match(refusedReply.text, message);
  }
  assert.equal((await set({ all: 'true' }, 'root')).status, 409, 'nobody scopes themselves');
  assert.equal((await set({ all: 'true' }, 'nobody')).status, 404);
  assert.deepEqual(world.parts.operators.find('ann')?.profiles, ['alpha']);
  const changed = await set({ profiles: '["zeta","zeta"]' });
  assert.deepEqual([changed.status, JSON.parse(changed.text).profiles], [200, ['zeta']]);
  const { items } = await world.audit.search(
    { types: ['operator.acted'], by: 'root' },
    { limit: 1, cursor: null, newestFirst: true },
  );
  const { call, name, profiles } = items[0]?.data ?? {};
  assert.deepEqual([call, name, profiles], ['operators.scope', 'ann', '["zeta","zeta"]']);
  const added = { name: 'ben', role: 'viewer', password: 'a long enough one', profiles: '["alpha"]' };
  assert.equal((await world.ask('root', 'POST /api/operators', added)).status, 200);
  assert.deepEqual(world.parts.operators.find('ben')?.profiles, ['alpha']);
});
