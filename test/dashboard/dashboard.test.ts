// The dashboard's address over real HTTP: who gets in, what a browser may send, and that nobody else gets anything. Rows of the control plane.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect, createSecureContext } from 'node:tls';
import { join } from 'node:path';
import type { ListenAddress } from '../../src/config/config.ts';
import { test } from 'node:test';
import { listenDashboard, OWN_ROUTES, type Dashboard, type DashboardParts } from '../../src/dashboard/dashboard.ts';
import { openOperators } from '../../src/dashboard/operators.ts';
import { createPasswords } from '../../src/dashboard/password.ts';
import { ROLES } from '../../src/dashboard/roles.ts';
import { ROUTES } from '../../src/dashboard/routes.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { openWorld, type ControlWorld, dashboardParts } from './control-world.ts';
import { makeAuthority } from '../support/certificate.ts';
import { temporaryFolder, type CleanUp } from '../support/temp.ts';

const PASSWORD = 'correct horse battery';
/** What scrypt costs here; the real cost is for real accounts. */
const CHEAP = createPasswords({ n: 1024, r: 8, p: 1 });
const PAGE = new Map([
  ['/', { type: 'text/html', bytes: Buffer.from('<html>'), gzipped: Buffer.from(''), hashed: false }],
  ['/assets/x.mjs', { type: 'text/javascript', bytes: Buffer.from('1'), gzipped: Buffer.from(''), hashed: true }],
]);

const RANK = { viewer: 0, approver: 1, admin: 2 } as const;
/** What must never become easier to reach. */
const LEAST = {
  'approvals.approve': 'approver',
  'approvals.deny': 'approver',
  'quarantine.set': 'approver',
  'operators.add': 'admin',
  'operators.passwd': 'admin',
  'operators.token': 'admin',
  'secrets.set': 'admin',
  'audit.export': 'admin',
  'audit.chain.export': 'admin',
  reload: 'admin',
} as const;

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

interface Ask {
  readonly method?: string;
  readonly body?: unknown;
  readonly raw?: string;
  readonly headers?: Record<string, string>;
}

interface World extends ControlWorld {
  readonly dashboard: Dashboard;
  readonly said: string[];
  ask(path: string, options?: Ask): Promise<Reply>;
}

async function openDashboard(t: CleanUp, changes: Partial<DashboardParts> = {}): Promise<World> {
  const world = await openWorld(t);
  const said: string[] = [];
  const dashboard = await listenDashboard({
    ...dashboardParts(world.parts),
    tell: (line) => said.push(line),
    page: PAGE,
    passwords: CHEAP,
    ...changes,
  });
  t.after(() => dashboard.close());
  const port = dashboard.bound?.port ?? 0;
  return { ...world, dashboard, said, ask: (path, options = {}) => ask(port, path, options) };
}

function ask(port: number, path: string, { method = 'GET', body, raw, headers = {} }: Ask): Promise<Reply> {
  const bytes = raw ?? (body === undefined ? '' : JSON.stringify(body));
  const own = body === undefined ? {} : { 'content-type': 'application/json' };
  const length = bytes === '' ? {} : { 'content-length': String(Buffer.byteLength(bytes)) };
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      { host: '127.0.0.1', port, path, method, headers: { ...own, ...length, ...headers }, agent: false },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (piece: string) => (text += piece));
        response.on('end', () => {
          const isJson = (response.headers['content-type'] ?? '').startsWith('application/json') && text !== '';
          const parsed = isJson ? JSON.parse(text) : {};
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: parsed });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(bytes);
  });
}

/** What our own page sends with everything that acts. */
function fromPage({ dashboard }: World): Record<string, string> {
  return { origin: `http://127.0.0.1:${dashboard.bound?.port}`, 'sec-fetch-site': 'same-origin' };
}

async function addOperator({ parts }: World, name: string, role: 'viewer' | 'approver' | 'admin'): Promise<void> {
  parts.operators.add({ name, role, email: '', slack: '', password: await CHEAP.hash(PASSWORD) });
}

interface Login {
  readonly reply: Reply;
  /** Headers of a page that is logged in. */
  readonly headers: Record<string, string>;
  readonly cookie: string;
}

async function logIn(world: World, name: string, cookie: string = ''): Promise<Login> {
  const reply = await world.ask('/api/login', {
    method: 'POST',
    body: { name, password: PASSWORD },
    headers: { ...fromPage(world), ...(cookie === '' ? {} : { cookie }) },
  });
  assert.equal(reply.status, 200, reply.text);
  const cookies = (reply.headers['set-cookie'] ?? []).map((line) => line.split(';')[0]).join('; ');
  const csrf = String(reply.json['csrf']);
  return { reply, cookie: cookies, headers: { ...fromPage(world), cookie: cookies, 'x-csrf-token': csrf } };
}

test('CP-07: the first account takes the token from the console, once; whoever comes without it gets nothing', async (t) => {
  const world = await openDashboard(t);
  const token = /^setup: http:\/\/127\.0\.0\.1:\d+\/#\/setup\/(\S+)$/.exec(world.said[0] ?? '')?.[1] ?? '';
  assert.ok(token.length >= 32);
  const setUp = (given: string, name: string) =>
    world.ask('/api/setup', {
      method: 'POST',
      body: { token: given, name, password: PASSWORD },
      headers: fromPage(world),
    });
  const look = (given: string) =>
    world.ask('/api/setup/look', { method: 'POST', body: { token: given }, headers: fromPage(world) });
  for (const wrong of ['', 'x', `${token}x`, token.toUpperCase()]) {
    assert.equal((await setUp(wrong, 'mallory')).status, 401, wrong);
  }
  assert.deepEqual(
    [(await look('x')).status, (await look(token)).status],
    [401, 200],
    'the page asks when it is opened',
  );
  assert.equal((await setUp(token, 'no good name')).status, 400);
  assert.equal((await setUp(token, 'gateway')).status, 400, 'a word of the log is no name');
  const made = await setUp(token, 'alice');
  assert.equal(made.status, 200, made.text);
  assert.deepEqual(made.json['operator'], { name: 'alice', role: 'admin', email: '', profiles: null });
  assert.equal((await setUp(token, 'mallory')).status, 401, 'it works once');
  const used = await look(token);
  assert.equal(used.status, 401);
  assert.match(used.text, /was used/);
  assert.equal(used.headers['set-cookie'], undefined);
  const again = await openDashboard(t);
  await addOperator(again, 'alice', 'admin');
  assert.equal((await again.ask('/api/session')).json['setup'], false);
});

test('CP-02, CP-26: nobody is trusted for an address, nor for headers that claim one', async (t) => {
  const world = await openDashboard(t);
  await addOperator(world, 'alice', 'admin');
  const claims = [
    {},
    { 'x-forwarded-for': '127.0.0.1', 'x-real-ip': '127.0.0.1', forwarded: 'for=127.0.0.1' },
    { 'x-forwarded-user': 'alice', 'x-remote-user': 'alice', 'tailscale-user-login': 'alice' },
    { authorization: 'Basic YWxpY2U6' },
    { authorization: 'Bearer alice' },
    { cookie: `clawpatrol-${world.dashboard.bound?.port}=${'a'.repeat(43)}` },
  ];
  for (const headers of claims) {
    for (const path of ['/api/approvals', '/api/audit', '/metrics', '/api/live', '/api/nothing']) {
      assert.equal((await world.ask(path, { headers })).status, 401, `${path} ${JSON.stringify(headers)}`);
    }
  }
  assert.equal((await world.ask('/healthz')).status, 200);
  const { headers } = await logIn(world, 'alice');
  assert.equal((await world.ask('/api/approvals', { headers })).status, 200);
  assert.equal((await world.ask('/metrics', { headers })).status, 200);
});

test('CP-05, CP-08: the cookie is a random session, HttpOnly, strict, new at every login, and no secret travels in a URL', async (t) => {
  const world = await openDashboard(t);
  await addOperator(world, 'alice', 'approver');
  const first = await logIn(world, 'alice');
  for (const line of first.reply.headers['set-cookie'] ?? []) {
    assert.match(line, /^clawpatrol-[\w-]+=[\w.-]{32,}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/);
    assert.equal(line.includes(PASSWORD), false);
  }
  const second = await logIn(world, 'alice', first.cookie);
  assert.notEqual(second.cookie, first.cookie);
  assert.equal((await world.ask('/api/approvals', { headers: { cookie: first.cookie } })).status, 401, 'rotated');
  assert.equal((await world.ask('/api/approvals', { headers: { cookie: second.cookie } })).status, 200);
  const inUrl = await world.ask(`/api/approvals?token=${encodeURIComponent(second.cookie)}`);
  assert.equal(inUrl.status, 401);
  const login = await world.ask('/api/login?next=https://evil.example/', {
    method: 'POST',
    body: { name: 'alice', password: PASSWORD },
    headers: fromPage(world),
  });
  assert.equal(login.headers.location, undefined, 'nothing redirects');
  const out = await world.ask('/api/logout', { method: 'POST', body: {}, headers: second.headers });
  assert.equal(out.status, 200);
  assert.equal((await world.ask('/api/approvals', { headers: { cookie: second.cookie } })).status, 401, 'logged out');
});

test('CP-08: over TLS the cookie is Secure and bound to the host', async (t) => {
  const context = createSecureContext(await (await makeAuthority()).leaf('localhost'));
  const world = await openDashboard(t, { tls: async () => context });
  await addOperator(world, 'alice', 'approver');
  const port = world.dashboard.bound?.port ?? 0;
  const body = JSON.stringify({ name: 'alice', password: PASSWORD });
  const head = `POST /api/login HTTP/1.1\r\nHost: localhost:${port}\r\nOrigin: https://localhost:${port}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
  const text = await new Promise<string>((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false }, () =>
      socket.write(head),
    );
    let all = '';
    socket.on('data', (bytes) => (all += bytes.toString()));
    socket.on('end', () => resolve(all));
    socket.on('error', reject);
  });
  assert.match(text, /^HTTP\/1\.1 200 /);
  assert.match(text, new RegExp(`set-cookie: __Host-clawpatrol-${port}=[^\\r]*; Secure\\r`, 'i'));
  await assert.rejects(world.ask('/healthz'), 'nothing is served in the clear there');
});

test('CP-06, HX-15: guessing is throttled and recorded, and keeps nobody out who logged in here before', async (t) => {
  // Time stands still, so that no supply refills on a slow machine.
  const world = await openDashboard(t, { clock: { ...systemClock, monotonicMs: () => 1_000 } });
  await addOperator(world, 'alice', 'approver');
  const known = await logIn(world, 'alice');
  const guess = (name: string) =>
    world.ask('/api/login', { method: 'POST', body: { name, password: 'guess' }, headers: fromPage(world) });
  const statuses: number[] = [];
  for (let index = 0; index < 40; index += 1) {
    statuses.push((await guess(index % 2 === 0 ? 'alice' : `nobody-${index}`)).status);
  }
  assert.ok(statuses.slice(0, 5).every((status) => status === 401));
  assert.ok(statuses.slice(15).every((status) => status === 429));
  const right = await world.ask('/api/login', {
    method: 'POST',
    body: { name: 'alice', password: PASSWORD },
    headers: fromPage(world),
  });
  assert.equal(right.status, 429, 'also with the right password');
  await logIn(world, 'alice', known.cookie);
  await world.audit.flush();
  const { items } = await world.audit.search({}, { limit: 200, cursor: null, newestFirst: false });
  const tries = items.filter(({ data }) => data?.['call'] === 'session.login' && data?.['result'] !== 'ok');
  assert.ok(tries.length >= 35);
  assert.ok(tries.some(({ by, data }) => by === 'alice' && data?.['address'] === '127.0.0.1'));
  assert.equal(JSON.stringify(items).includes('nobody-1'), false, 'a name that no account has is not kept');
});

test('CP-09: nothing acts for another origin, without the token, or as text', async (t) => {
  const world = await openDashboard(t);
  await addOperator(world, 'alice', 'approver');
  const parked = await world.park();
  const { headers } = await logIn(world, 'alice');
  const port = world.dashboard.bound?.port;
  const without = (name: string): Record<string, string> =>
    Object.fromEntries(Object.entries(headers).filter(([key]) => key !== name));
  const vote = { body: { digest: parked.digest } };
  const refused: readonly (readonly [string, Ask, number])[] = [
    ['no CSRF token', { ...vote, headers: without('x-csrf-token') }, 403],
    ['another CSRF token', { ...vote, headers: { ...headers, 'x-csrf-token': 'x'.repeat(43) } }, 403],
    ['another site', { ...vote, headers: { ...headers, 'sec-fetch-site': 'cross-site' } }, 403],
    ['another port of this host', { ...vote, headers: { ...headers, 'sec-fetch-site': 'same-site' } }, 403],
    ['another origin', { ...vote, headers: { ...headers, origin: 'http://evil.example' } }, 403],
    ['the origin of another port', { ...vote, headers: { ...headers, origin: 'http://127.0.0.1:1' } }, 403],
    ['the null origin', { ...vote, headers: { ...without('sec-fetch-site'), origin: 'null' } }, 403],
    [
      'no origin at all',
      {
        ...vote,
        headers: (({ cookie = '', 'x-csrf-token': csrf = '' }) => ({ cookie, 'x-csrf-token': csrf }))(headers),
      },
      403,
    ],
    ['text', { raw: JSON.stringify(vote.body), headers: { ...headers, 'content-type': 'text/plain' } }, 415],
    ['a form', { raw: 'digest=x', headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' } }, 415],
    ['a name that is not ours', { ...vote, headers: { ...headers, host: `evil.example:${port}` } }, 421],
  ];
  for (const [what, options, status] of refused) {
    const reply = await world.ask(`/api/approvals/${parked.id}/approve`, { method: 'POST', ...options });
    assert.ok(
      reply.status === status || (status === 415 && reply.status === 400),
      `${what}: ${reply.status} ${reply.text}`,
    );
  }
  for (const method of ['GET', 'HEAD']) {
    const reply = await world.ask(`/api/approvals/${parked.id}/approve?digest=${parked.digest}`, { method, headers });
    assert.equal(reply.status, 404, `${method} decides nothing`);
  }
  assert.equal((await world.client.approvals.list()).items.length, 1, 'it still waits');
  const reply = await world.ask(`/api/approvals/${parked.id}/approve`, { method: 'POST', ...vote, headers });
  assert.equal(reply.status, 200, reply.text);
  assert.equal((await parked.result).kind, 'approved');
});

test('CP-09: reads are for our own page too, and every answer forbids what could run in it', async (t) => {
  const world = await openDashboard(t);
  await addOperator(world, 'alice', 'viewer');
  const { cookie } = await logIn(world, 'alice');
  for (const site of ['cross-site', 'same-site']) {
    const reply = await world.ask('/api/approvals', { headers: { cookie, 'sec-fetch-site': site } });
    assert.equal(reply.status, 403, site);
  }
  assert.equal((await world.ask('/api/approvals', { headers: { cookie, host: 'rebound.example' } })).status, 421);
  for (const path of ['/', '/assets/x.mjs', '/api/session', '/nothing']) {
    const { headers } = await world.ask(path);
    const policy = String(headers['content-security-policy']);
    assert.match(policy, /default-src 'none'.*script-src 'self';.*frame-ancestors 'none'/, path);
    assert.doesNotMatch(policy, /unsafe|\*/, path);
    assert.equal(headers['x-content-type-options'], 'nosniff', path);
    assert.equal(headers['x-frame-options'], 'DENY', path);
    assert.equal(headers['access-control-allow-origin'], undefined, path);
  }
});

test('CP-12: who decided is who is logged in, whatever the call says', async (t) => {
  const world = await openDashboard(t);
  await addOperator(world, 'alice', 'approver');
  const parked = await world.park();
  const { headers } = await logIn(world, 'alice');
  const forged = { digest: parked.digest, by: 'bob', operator: 'bob' };
  const path = `/api/approvals/${parked.id}/approve`;
  assert.equal((await world.ask(path, { method: 'POST', body: forged, headers })).status, 400);
  const named = { ...headers, 'x-operator': 'bob', 'x-hitl-channel': 'bob', 'x-forwarded-user': 'bob' };
  const reply = await world.ask(`${path}?by=bob`, { method: 'POST', body: { digest: parked.digest }, headers: named });
  assert.equal(reply.status, 200, reply.text);
  const votes = reply.json['votes'] as { by: string; via: string }[];
  assert.deepEqual(
    votes.map(({ by, via }) => [by, via]),
    [['alice', 'dashboard']],
  );
});

test('CP-21: who is removed, demoted or given another password is out at the next call, with every session and token', async (t) => {
  const world = await openDashboard(t);
  const { operators } = world.parts;
  for (const end of ['password', 'remove'] as const) {
    await addOperator(world, 'carol', 'admin');
    const { cookie } = await logIn(world, 'carol');
    const token = operators.issueToken('carol', Date.now() + 60_000) ?? '';
    const both = [{ cookie }, { authorization: `Bearer ${token}` }];
    for (const headers of both) {
      assert.equal((await world.ask('/api/operators', { headers })).status, 200);
    }
    if (end === 'password') {
      operators.setPassword('carol', await CHEAP.hash('another sentence'));
    } else {
      operators.remove('carol');
    }
    for (const headers of both) {
      assert.equal(
        (await world.ask('/api/operators', { headers })).status,
        401,
        `${end} ${Object.keys(headers).join()}`,
      );
    }
    operators.remove('carol');
  }
});

test('a file of operators that makes no sense is refused: nobody is forgotten, and nobody becomes the first again', (t) => {
  const stateDir = temporaryFolder(t, 'operators');
  assert.deepEqual(openOperators({ stateDir, clock: systemClock }).list(), [], 'no file is nobody yet');
  for (const text of ['', 'null', '{}', '{"version":1,"operators":null}', '{"version":1,"operators":[{"name":"a"}]}']) {
    writeFileSync(join(stateDir, 'operators.json'), text);
    assert.throws(() => openOperators({ stateDir, clock: systemClock }), { code: 'STORE_FAILED' }, text);
  }
});

test('CP-21: a live stream ends with its session', async (t) => {
  const world = await openDashboard(t);
  await addOperator(world, 'alice', 'viewer');
  const { headers } = await logIn(world, 'alice');
  const port = world.dashboard.bound?.port ?? 0;
  const stream = new Promise<string>((resolve, reject) => {
    const outgoing = httpRequest({ host: '127.0.0.1', port, path: '/api/live?records=1', headers }, (response) => {
      let text = '';
      response.on('data', (bytes: Buffer) => {
        const first = text === '';
        text += bytes.toString();
        if (first) {
          world.parts.operators.remove('alice');
          // Something to tell, so that the stream looks around now and not at its next beat.
          void world.park();
        }
      });
      response.on('end', () => resolve(text));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
  assert.match(await stream, /event: ended/);
});

test('CP-25: no list, error or record holds a password, a hash or a token', async (t) => {
  const world = await openDashboard(t);
  await addOperator(world, 'alice', 'admin');
  const { headers } = await logIn(world, 'alice');
  const made = await world.ask('/api/operators', {
    method: 'POST',
    body: { name: 'dora', role: 'viewer', password: 'canary-password-77' },
    headers,
  });
  assert.equal(made.status, 200, made.text);
  const issued = await world.ask('/api/operators/dora/token', { method: 'POST', body: { expires: '1h' }, headers });
  const token = String(issued.json['token']);
  assert.ok(token.length > 40);
  const list = await world.ask('/api/operators', { headers });
  await world.audit.flush();
  const { items } = await world.audit.search({}, { limit: 500, cursor: null, newestFirst: false });
  const { password } = world.parts.operators.find('dora') ?? {};
  for (const text of [made.text, list.text, JSON.stringify(items)]) {
    for (const secret of ['canary-password-77', token, password?.key ?? '?', password?.salt ?? '?']) {
      assert.equal(text.includes(secret), false, secret);
    }
  }
});

test('CP-27: each route for each role: what a role may not call is refused before anything is done, and nothing is unclassified', async (t) => {
  const world = await openDashboard(t);
  const logins = new Map<string, Login>();
  for (const role of ROLES) {
    await addOperator(world, role, role);
    logins.set(role, await logIn(world, role));
  }
  for (const route of ROUTES) {
    for (const role of ROLES) {
      const headers = logins.get(role)?.headers ?? {};
      if (route.name === 'audit.follow') {
        // It never ends.
        continue;
      }
      const path = route.path.replaceAll(/:\w+/g, 'nothing-there');
      const body = route.method === 'GET' ? {} : { body: {} };
      const reply = await world.ask(path, { method: route.method, ...body, headers });
      const error = reply.json['error'] as { message?: string } | undefined;
      const barred = reply.status === 403 && /takes the role/.test(error?.message ?? '');
      assert.equal(barred, RANK[role] < RANK[route.role], `${route.name} for ${role}: ${reply.status} ${reply.text}`);
    }
    assert.equal(route.kind === 'acts' && route.role === 'viewer', false, `${route.name}: a viewer changes nothing`);
  }
  for (const [name, role] of Object.entries(LEAST)) {
    assert.equal(ROUTES.find((route) => route.name === name)?.role, role, name);
  }
  const bare = await world.ask('/api/approvals', { headers: { cookie: '' } });
  assert.equal(bare.status, 401);
  for (const [name, who] of Object.entries(OWN_ROUTES)) {
    const [method = '', path = ''] = name.split(' ');
    const reply = await world.ask(path.replace(':file', 'x.mjs'), {
      method,
      ...(method === 'POST' ? { body: {} } : {}),
      headers: fromPage(world),
    });
    assert.equal(reply.status === 401 && who !== 'anyone', who !== 'anyone', `${name}: ${reply.status}`);
  }
});

test('CP-28: a token does what its operator may, while it lasts, and no browser adds it by itself', async (t) => {
  const world = await openDashboard(t);
  await addOperator(world, 'robot', 'viewer');
  const { operators } = world.parts;
  const token = operators.issueToken('robot', Date.now() + 60_000) ?? '';
  const old = operators.issueToken('robot', Date.now() - 1) ?? '';
  const bearer = { authorization: `Bearer ${token}` };
  assert.equal((await world.ask('/api/approvals', { headers: bearer })).status, 200);
  assert.equal((await world.ask('/api/approvals', { headers: { authorization: `Bearer ${old}` } })).status, 401);
  const reload = await world.ask('/api/reload', { method: 'POST', body: {}, headers: bearer });
  assert.equal(reload.status, 403, 'beyond its role');
  const foreign = { ...bearer, origin: 'http://evil.example' };
  assert.equal((await world.ask('/api/reload', { method: 'POST', body: {}, headers: foreign })).status, 403);
});

test('CP-13: nothing of the API or the page writes configuration', () => {
  assert.deepEqual(
    ROUTES.filter(({ path, kind }) => kind === 'acts' && /config|policy|rule/.test(path)).map(({ name }) => name),
    [],
  );
});

test('a machine that wants to join at the dashboard’s address is told where to go', async (t) => {
  const asked = async (enrolListen: ListenAddress | null): Promise<string> => {
    const world = await openDashboard(t, { enrolListen });
    const { status, text } = await world.ask('/api/onboard/start', { method: 'POST', body: {} });
    return `${status} ${text}`;
  };
  const cases: readonly (readonly [ListenAddress | null, RegExp])[] = [
    [{ kind: 'tcp', host: '0.0.0.0', port: 8444 }, /^404 .*write https:\/\/127\.0\.0\.1:8444 /],
    [{ kind: 'tcp', host: '::', port: 0 }, /^404 .*write https:\/\/127\.0\.0\.1:PORT /],
    [{ kind: 'tcp', host: '2001:db8::1', port: 8444 }, /^404 .*write https:\/\/\[2001:db8::1\]:8444 /],
    [{ kind: 'unix', path: '/run/enrol.sock' }, /^404 .*\/run\/enrol\.sock/],
    [null, /^404 .*wireguard/],
  ];
  for (const [at, said] of cases) {
    assert.match(await asked(at), said);
  }
});
