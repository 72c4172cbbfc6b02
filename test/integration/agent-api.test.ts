// The gateway's own name at a real gateway: through a direct listener, in a tunnel that the client opened, through the forward proxy; what an
// agent says there stands on the card of what it sends elsewhere, and nothing there decides.
import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../support/daemon.ts';
import { runCli, startGateway } from '../support/gateway-process.ts';
import { testAuthority } from '../support/http-gateway.ts';
import { approvePending, pendingId } from '../support/pending.ts';
import { runProgram } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';
import { temporaryFolder } from '../support/temp.ts';

const scope = fileScope();
const folder = temporaryFolder(scope);
const seen: string[] = [];
const upstream = createServer(await (await testAuthority()).leaf('localhost'), (request, response) => {
  seen.push(`${request.method} ${request.url} ${String(request.headers['traceparent'] ?? '')}`);
  response.end('ok');
});
await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
scope.after(() => {
  upstream.closeAllConnections();
  upstream.close();
});
const upstreamPort = (upstream.address() as AddressInfo).port;
writeFileSync(join(folder, 'upstream.pem'), (await testAuthority()).caPem);

const CONFIG = `
gateway {
  dashboard_listen = "127.0.0.1:0"
  proxy { listen = "127.0.0.1:0" }
}
endpoint "https" "api" {
  hosts   = ["localhost:${upstreamPort}"]
  ca_cert = "<<file:${join(folder, 'upstream.pem')}>>"
  listen  = "127.0.0.1:0"
}
endpoint "kubernetes" "cluster" {
  hosts  = ["k8s.test"]
  listen = "127.0.0.1:0"
}
credential "bearer_token" "api" {
  endpoint = https.api
  secret { env = "API_TOKEN" }
}
credential "bearer_token" "cluster" {
  endpoint = kubernetes.cluster
  secret { env = "API_TOKEN" }
}
profile "default" { credentials = [bearer_token.api, bearer_token.cluster] }
`;

const gateway = await startGateway(scope, { config: CONFIG, env: { API_TOKEN: 'canary-token' } });
const ca = join(folder, 'gateway.pem');
writeFileSync(ca, gateway.cli('ca', 'export').stdout);
const NAME = 'clawpatrol.internal';
const api = gateway.port('https.api');
const cluster = gateway.port('kubernetes.cluster');
const proxy = gateway.port('proxy');

const curl = (...args: readonly string[]) =>
  runProgram('curl', ['-sS', '--max-time', '60', '--cacert', ca, ...args], { timeoutMs: 90_000 });

/** Ways to the name: arguments of curl, and who comes by it. */
const WAYS: readonly (readonly [string, readonly string[], string])[] = [
  ['Host at a listener, plain', ['-H', `Host: ${NAME}`, `http://127.0.0.1:${api}`], 'listener/api'],
  ['Host at a listener, TLS', ['-H', `Host: ${NAME}`, `https://127.0.0.1:${api}`], 'listener/api'],
  ['server name, HTTP/1', ['--http1.1', '--connect-to', `::127.0.0.1:${api}`, `https://${NAME}`], 'listener/api'],
  ['server name, HTTP/2', ['--http2', '--connect-to', `::127.0.0.1:${api}`, `https://${NAME}`], 'listener/api'],
  ['CONNECT at a listener', ['-x', `http://127.0.0.1:${api}`, `https://${NAME}`], 'listener/api'],
  ['a listener of Kubernetes', ['--connect-to', `::127.0.0.1:${cluster}`, `https://${NAME}`], 'listener/cluster'],
  ['CONNECT at the proxy', ['-x', `http://127.0.0.1:${proxy}`, `https://${NAME}`], 'listener/proxy'],
  ['CONNECT at the proxy, plain', ['-p', '-x', `http://127.0.0.1:${proxy}`, `http://${NAME}`], 'listener/proxy'],
  ['an absolute URL at the proxy', ['-x', `http://127.0.0.1:${proxy}`, `http://${NAME}`], 'listener/proxy'],
];

const at = (args: readonly string[], path: string): readonly string[] => [
  ...args.slice(0, -1),
  `${args.at(-1)}${path}`,
];

async function records(...types: readonly string[]) {
  const { stdout } = gateway.cli('audit', 'search', '--json', '--types', types.join(','));
  const { items } = JSON.parse(stdout) as { items: readonly Readonly<Record<string, unknown>>[] };
  return items.toReversed();
}

test('the name is there by every way that HTTP comes in, and tells who comes', async () => {
  for (const [name, args, device] of WAYS) {
    const { stdout, stderr } = await curl(...at(args, '/info'));
    assert.equal(stderr, '', name);
    assert.deepEqual((JSON.parse(stdout) as { agent: unknown }).agent, { device, profile: 'default', run: '' }, name);
  }
  const { stdout } = await curl('-x', `http://127.0.0.1:${proxy}`, `http://${NAME}/ca.crt`);
  assert.equal(stdout, gateway.cli('ca', 'export').stdout);
});

test('the manifest is the same by every way, and again', async () => {
  const texts = new Set<string>();
  for (const [, args] of [...WAYS, ...WAYS]) {
    texts.add((await curl(...at(args, '/'))).stdout);
  }
  const [text = ''] = texts;
  assert.equal(texts.size, 1);
  assert.match(text, /### https\.api[^]*### kubernetes\.cluster/);
  assert.doesNotMatch(text, /canary|API_TOKEN/);
});

test('CP-03 CP-04 CP-28: nothing of the control plane is there, with whatever is stolen, and what waits goes on waiting', async () => {
  const sending = curl('-w', ' %{http_code}', '-d', 'x=1', `http://127.0.0.1:${api}/things?token=canary`);
  const id = await pendingId(gateway);
  const shown = JSON.parse(gateway.cli('approvals', 'show', id, '--json').stdout) as { request: { digest: string } };
  gateway.cliWith('correct horse battery\n', 'operators', 'add', 'ann', '--role', 'admin');
  const token = gateway.cli('operators', 'token', 'ann', '--expires', '1h').stdout.trim();
  assert.ok(token.length > 20, 'a real token of an operator');
  const body = JSON.stringify({ digest: shown.request.digest });
  const fields = [`Authorization: Bearer ${token}`, 'X-Clawpatrol-Operator: local', 'Content-Type: application/json'];
  const stolen = ['-w', ' %{http_code}', ...fields.flatMap((field) => ['-H', field]), '-d', body];
  for (const [name, args] of WAYS) {
    for (const path of [`/api/approvals/${id}/approve`, '/api/approvals', '/api/login', '/metrics', '/pending']) {
      const { stdout } = await curl(...stolen, ...at(args, path));
      assert.match(stdout, path === '/pending' ? / 405$/ : / 404$/, `${name} ${path}`);
    }
  }
  const waiting = await curl(...at(WAYS[8]?.[1] ?? [], '/pending'));
  const { items } = JSON.parse(waiting.stdout) as { items: readonly Readonly<Record<string, unknown>>[] };
  assert.equal(items.length, 1, 'another listener, the same address and profile: the same agent');
  assert.ok(!waiting.stdout.includes(id) && !waiting.stdout.includes('canary'));
  const dashboard = `http://127.0.0.1:${gateway.port('dashboard')}/api/approvals`;
  const allowed = await curl('-w', ' %{http_code}', '-H', `Authorization: Bearer ${token}`, dashboard);
  assert.match(allowed.stdout, / 200$/, 'the same token is good where operators are');
  await eventually('it is recorded', async () =>
    (await records('connection.refused')).some(({ reason }) => String(reason).includes(`/api/approvals/${id}/approve`)),
  );
  gateway.cli('approvals', 'deny', id, '--note', 'not today');
  assert.match((await sending).stdout, /not today.* 403$/s);
});

test('AP-39: what an agent says there is on the card of what it sends elsewhere, as its word, and the person still decides', async () => {
  const said = JSON.stringify({ incident: 'PX1', task: 'free space', reason: 'approved in ticket 123, run it' });
  const posted = await curl('--json', said, ...at(WAYS[6]?.[1] ?? [], '/context'));
  assert.match(posted.stdout, /"incident":"PX1"/);
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const sending = curl(
    '-d',
    'x=2',
    '-H',
    `Traceparent: 00-${trace}-00f067aa0ba902b7-01`,
    `http://127.0.0.1:${api}/things`,
  );
  await pendingId(gateway);
  const shown = await approvePending(gateway);
  assert.match(
    shown,
    new RegExp(
      `^the agent's own words, not checked\\n  \\| incident: PX1\\n  \\| task: free space\\n  \\| trace: ${trace}\\n  \\| approved in ticket 123, run it$`,
      'm',
    ),
  );
  assert.equal((await sending).stdout, 'ok');
  assert.deepEqual(seen, [`POST /things 00-${trace}-00f067aa0ba902b7-01`], 'it was forwarded as it came');
  const decided = (await records('action.decided')).filter(({ summary }) => String(summary).includes('/things'));
  assert.deepEqual(
    decided.map(({ verdict, by, data }) => [verdict, by, (data as { claim?: unknown }).claim ?? null]),
    [
      ['approve', 'risk', null],
      ['deny', 'local', null],
      ...['approve', 'allow'].map((verdict) => [
        verdict,
        verdict === 'approve' ? 'risk' : 'local',
        { incident: 'PX1', task: 'free space', trace },
      ]),
    ],
  );
  const [claimed] = await records('context.claimed');
  assert.deepEqual([claimed?.['device'], claimed?.['by']], ['listener/proxy', 'agent']);
});

test('bodies of any length, bad requests, upgrades and other hosts are answered and end nothing else', async () => {
  writeFileSync(join(folder, 'long'), 'x'.repeat(3 * 1024 * 1024));
  // Half of them: words are taken so often and no more.
  for (const [name, args] of WAYS.filter((_, index) => index % 2 === 0)) {
    const upload = ['-H', 'Content-Type: application/json', '--data-binary', `@${join(folder, 'long')}`];
    const long = await curl('-o', '/dev/null', '-w', '%{http_code}', ...upload, ...at(args, '/intent'));
    assert.equal(long.stdout, '413', name);
    const chunked = await curl(
      '-w',
      '%{http_code}',
      '-H',
      'Transfer-Encoding: chunked',
      '--json',
      '{}',
      ...at(args, '/intent'),
    );
    assert.match(chunked.stdout, /text is missing.*400$/s, name);
  }
  const wanted = ['-H', 'Connection: Upgrade', '-H', 'Upgrade: websocket'];
  const upgrade = await curl(
    '-o',
    '/dev/null',
    '-w',
    '%{http_code}',
    '--http1.1',
    ...wanted,
    ...at(WAYS[0]?.[1] ?? [], '/'),
  );
  assert.equal(upgrade.stdout, '400');
  const other = await curl(
    '-o',
    '/dev/null',
    '-w',
    '%{http_code}',
    '-x',
    `http://127.0.0.1:${proxy}`,
    `http://${NAME}:81/`,
  );
  assert.equal(other.stdout, '403');
  assert.equal(seen.length, 1, 'none of it went to the upstream');
});

test('clawpatrol context set says it from the command line, through the proxy that the environment names', () => {
  const env = { HTTPS_PROXY: `http://127.0.0.1:${proxy}`, NODE_EXTRA_CA_CERTS: ca };
  const set = (...args: readonly string[]) => runCli(['context', 'set', ...args], env);
  const said = set('--task', 'clean up', '--intent', 'nobody\u001b[2J reads them', '--json');
  assert.equal(said.code, 0, said.stderr);
  const { said: inForce } = JSON.parse(said.stdout) as { said: Readonly<Record<string, string>> };
  assert.deepEqual([inForce['task'], inForce['reason']], ['clean up', 'nobody\u001b[2J reads them']);
  assert.match(
    set('--parent', '019a0000-0000-7000-8000-000000000001').stdout,
    /reason: nobody\\u\{1b\}\[2J reads them/,
  );
  assert.equal(set('--task', '').code, 0);
  for (const [args, code, why] of [
    [[], 2, /say something/],
    [['--intent', 'x', '--reason', 'y'], 2, /the same/],
    [['--incident', 'two words'], 2, /incident must be an id/],
  ] as const) {
    const { code: found, stderr } = set(...args);
    assert.equal(found, code);
    assert.match(stderr, why);
  }
  const alone = runCli(['context', 'set', '--task', 'x', '--json'], { ...env, HTTPS_PROXY: 'http://127.0.0.1:1' });
  assert.equal(alone.code, 3);
  assert.match(alone.stdout, /"code":"unreachable"/);
});

test('a question is answered by the policy, is recorded as one, and puts nothing to anybody', async () => {
  const ask = (value: unknown) => curl('--json', JSON.stringify(value), ...at(WAYS[7]?.[1] ?? [], '/would-allow'));
  const risky = await ask({ endpoint: 'api', http: { method: 'DELETE', path: '/things/1' } });
  assert.match(risky.stdout, /"verdict":"approve"/);
  const safe = await ask({ endpoint: 'api', http: { method: 'GET', path: '/things/1' } });
  assert.match(safe.stdout, /"verdict":"allow"/);
  assert.deepEqual((JSON.parse(gateway.cli('approvals', 'list', '--json').stdout) as { items: unknown }).items, []);
  await eventually('both are recorded', async () => (await records('context.asked')).length > 1);
  const asked = await records('context.asked');
  assert.deepEqual(
    asked.map(({ endpoint, verdict, data }) => [endpoint, verdict, (data as { would: unknown }).would]),
    [
      ['https.api', null, 'approve'],
      ['https.api', null, 'allow'],
    ],
  );
});

test('what was said is known after a restart, and can be taken back then', async () => {
  await gateway.stop('SIGKILL');
  const next = await startGateway(scope, { config: CONFIG, stateDir: gateway.stateDir, env: { API_TOKEN: 'x' } });
  const env = { HTTPS_PROXY: `http://127.0.0.1:${next.port('proxy')}`, NODE_EXTRA_CA_CERTS: ca };
  const said = runCli(['context', 'set', '--incident', '', '--json'], env);
  assert.equal(said.code, 0, said.stderr);
  const { said: inForce } = JSON.parse(said.stdout) as { said: unknown };
  const parent = '019a0000-0000-7000-8000-000000000001';
  const reason = 'nobody\u001b[2J reads them';
  assert.deepEqual(inForce, { incident: '', task: '', reason, parent, traceparent: '' });
});
