// Agents that do not wait for a person: 202, news, and the same bytes once more; with the engine alone, and with the real daemon and curl.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { ALLOW, denial } from '../support/fake-gate.ts';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { startHttpGateway, testAuthority, type HttpGatewayOptions } from '../support/http-gateway.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';
import { runProgram } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';
import { temporaryFolder } from '../support/temp.ts';

const scope = fileScope();
const folder = temporaryFolder(scope);
const upstreamCa = join(folder, 'upstream.pem');
writeFileSync(upstreamCa, (await testAuthority()).caPem);

const ASYNC = ['-H', 'Prefer: respond-async'];
const VERSIONS = ['--http1.1', '--http2'];

interface Answer {
  readonly status: number;
  readonly headers: string;
  /** As text, and as JSON where it is some. */
  readonly body: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** One curl, one connection: it is gone when its answer is there. */
async function curl(ca: string, ...args: readonly string[]): Promise<Answer> {
  const result = await runProgram('curl', ['-sS', '-i', '--max-time', '120', '--cacert', ca, ...args], {
    timeoutMs: 130_000,
  });
  const end = result.stdout.indexOf('\r\n\r\n');
  assert.notEqual(end, -1, result.stderr);
  const headers = result.stdout.slice(0, end);
  const body = result.stdout.slice(end + 4);
  const json = body.startsWith('{') ? (JSON.parse(body) as Readonly<Record<string, unknown>>) : {};
  return { status: Number(headers.split(' ')[1]), headers, body, json };
}

const codeOf = ({ json }: Answer): unknown =>
  (json['error'] as Readonly<Record<string, unknown>> | undefined)?.['code'];
const again = (approval: string): readonly string[] => ['-H', `Clawpatrol-Retry: ${approval}`];

async function start(options: Partial<HttpGatewayOptions> = {}) {
  const upstream = await startRawUpstream(scope);
  const gateway = await startHttpGateway(scope, { upstreamPort: upstream.port, ...options });
  const to = ['--connect-to', `api.test:443:127.0.0.1:${gateway.port}`];
  const send = (...args: readonly string[]): Promise<Answer> => curl(upstreamCa, ...to, ...args);
  return { upstream, gateway, gate: gateway.gate, send };
}

const PARK = 'https://api.test/park?x=1';
const STATUS = 'https://api.test/.well-known/clawpatrol/requests/';

for (const version of VERSIONS) {
  test(`${version}: an agent is told where to ask, goes away, and its request runs once, with the same bytes`, async () => {
    const { upstream, gateway, gate, send } = await start();
    const parking = gate.nextParked();
    const asked = await send(version, ...ASYNC, '-d', 'a=1', PARK);
    assert.equal(asked.status, 202);
    assert.match(asked.headers, /\r\npreference-applied: respond-async/i);
    assert.match(asked.headers, /\r\nlocation: \/\.well-known\/clawpatrol\/requests\/approval-1/i);
    assert.match(asked.headers, /\r\nretry-after: \d+/i);
    const { state, expires_in: expiresIn } = asked.json;
    assert.deepEqual([state, Number(expiresIn) > 590], ['pending', true]);
    const parked = await parking;
    await gateway.ended(1);
    assert.equal(parked.signal.aborted, false);
    const send2 = (body: string) => send(version, ...ASYNC, ...again('approval-1'), '-d', body, PARK);
    assert.equal((await send2('a=1')).status, 202);
    parked.answer(ALLOW);
    assert.equal((await send(version, `${STATUS}approval-1`)).json['state'], 'approved');
    const other = await send2('a=2');
    assert.deepEqual([other.status, codeOf(other)], [409, 'retry_differs']);
    assert.equal(upstream.requests.length, 0);
    const answer = await send2('a=1');
    assert.deepEqual([answer.status, answer.body], [200, 'POST /park?x=1']);
    assert.doesNotMatch(upstream.requests[0]?.text ?? '', /clawpatrol/i);
    const twice = await send2('a=1');
    assert.deepEqual([twice.status, codeOf(twice)], [409, 'retry_used']);
    assert.equal(upstream.requests.length, 1);
    assert.deepEqual(
      gate.resumed.map(({ id }) => id),
      [parked.action.id],
    );
    assert.deepEqual(await gate.outcomes(1), ['POST api.test/park whole ok 200']);
    assert.equal((await send(version, `${STATUS}approval-1`)).json['state'], 'used');
  });
}

test('a request without a body, a changed target, method or field, and a retry that names two approvals', async () => {
  const { upstream, gate, send } = await start();
  const parking = gate.nextParked();
  assert.equal((await send(...ASYNC, PARK)).status, 202);
  (await parking).answer(ALLOW);
  const retry = again('approval-1');
  const others: readonly (readonly string[])[] = [
    [...ASYNC, ...retry, `${PARK}1`],
    [...ASYNC, ...retry, '-X', 'DELETE', PARK],
    [...ASYNC, ...retry, '-H', 'X-More: 1', PARK],
    [...retry, PARK],
    [...ASYNC, ...retry, '-d', 'a', '-X', 'GET', PARK],
  ];
  for (const other of others) {
    assert.equal(codeOf(await send(...other)), 'retry_differs', other.join(' '));
  }
  assert.equal(codeOf(await send(...ASYNC, ...retry, ...again('approval-2'), PARK)), 'retry_unknown');
  assert.equal(upstream.requests.length, 0);
  assert.equal((await send(...ASYNC, ...retry, PARK)).status, 200);
});

test('another device and another profile see nothing of it, and cannot send it', async () => {
  const who = { device: 'one', profile: 'default' };
  const { upstream, gate, send } = await start({ device: () => who.device, profile: () => who.profile });
  const parking = gate.nextParked();
  await send(...ASYNC, PARK);
  (await parking).answer(ALLOW);
  for (const [device, profile] of [
    ['two', 'default'],
    ['one', 'other'],
  ] as const) {
    Object.assign(who, { device, profile });
    assert.equal((await send(`${STATUS}approval-1`)).status, 404);
    assert.equal(codeOf(await send(...ASYNC, ...again('approval-1'), PARK)), 'retry_unknown');
  }
  Object.assign(who, { device: 'one', profile: 'default' });
  assert.equal(upstream.requests.length, 0);
  assert.equal((await send(...ASYNC, ...again('approval-1'), PARK)).status, 200);
});

test('a denial and the gate`s last word refuse the retry', async () => {
  const { upstream, gate, send } = await start();
  const first = gate.nextParked();
  await send(...ASYNC, PARK);
  (await first).answer(denial('not today'));
  const status = await send(`${STATUS}approval-1`);
  assert.deepEqual([status.json['state'], status.json['reason']], ['denied', 'not today']);
  const refused = await send(...ASYNC, ...again('approval-1'), PARK);
  assert.deepEqual([refused.status, codeOf(refused)], [403, 'denied']);
  const second = gate.nextParked();
  await send(...ASYNC, PARK);
  (await second).answer(ALLOW);
  gate.objection = denial('no longer');
  const late = await send(...ASYNC, ...again('approval-2'), PARK);
  assert.deepEqual([late.status, codeOf(late)], [403, 'denied']);
  assert.equal(upstream.requests.length, 0);
});

test('who does not ask for it waits as ever, and so does a request that is too long to be held whole', async () => {
  const { gate, send } = await start({ bodyBufferBytes: 16 });
  for (const args of [
    ['-d', 'a=1', PARK],
    [...ASYNC, '-d', 'a'.repeat(64), PARK],
  ]) {
    const parking = gate.nextParked();
    const sending = send(...args);
    (await parking).answer(ALLOW);
    assert.equal((await sending).status, 200);
  }
  assert.equal(gate.resumed.length, 0);
});

test('the place of news is the gateway`s own: nothing of it is forwarded', async () => {
  const { upstream, send } = await start();
  assert.equal((await send(`${STATUS}x`)).status, 404);
  assert.equal((await send('-X', 'DELETE', `${STATUS}x`)).status, 405);
  assert.equal((await send(...again('x'), 'https://api.test/a')).status, 409);
  assert.equal(upstream.requests.length, 0);
  assert.equal((await send('https://api.test/.well-known/other')).status, 200);
});

// The real daemon.

const seen: string[] = [];
/** Names of the fields of each. */
const fields: string[][] = [];
const server = createServer(await (await testAuthority()).leaf('localhost'), (request, response) => {
  seen.push(`${request.method} ${request.url}`);
  fields.push(request.rawHeaders.filter((_, index) => index % 2 === 0));
  request.resume().on('end', () => response.end('done'));
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
scope.after(() => {
  server.closeAllConnections();
  server.close();
});
const upstreamPort = (server.address() as AddressInfo).port;

const endpoint = (name: string, port: number): string => `
endpoint "https" "${name}" {
  hosts   = ["localhost:${port}"]
  ca_cert = "<<file:${upstreamCa}>>"
  listen  = "127.0.0.1:0"
}
credential "passthrough" "${name}" {
  endpoint = https.${name}
}
rule "${name}-quick" {
  endpoint  = https.${name}
  condition = "http.path == '/quick'"
  approve   = [human_approver.quick]
}
`;
const CONFIG = `
gateway {
  dashboard_listen = "off"
}
approver "human_approver" "quick" { timeout = "1s" }
${endpoint('api', upstreamPort)}
${endpoint('other', 1)}
profile "default" { credentials = [passthrough.api, passthrough.other] }
`;
const DENY = `
rule "frozen" {
  endpoint  = https.api
  priority  = 900
  condition = "http.path == '/frozen'"
  verdict   = "deny"
}
`;

async function daemon() {
  const gateway: GatewayProcess = await startGateway(scope, { config: CONFIG });
  const ca = join(temporaryFolder(scope), 'gateway.pem');
  writeFileSync(ca, gateway.cli('ca', 'export').stdout);
  const at = (name: string): string => `https://localhost:${gateway.port(`https.${name}`)}`;
  const send = (...args: readonly string[]): Promise<Answer> => curl(ca, ...args);
  const approve = (id: string): void => {
    const digest = /\b[0-9a-f]{64}\b/.exec(gateway.cli('approvals', 'show', id).stdout)?.[0] ?? '';
    const { code, stderr } = gateway.cli('approvals', 'approve', id, '--digest', digest);
    assert.equal(code, 0, stderr);
  };
  const untilState = async (id: string, state: string): Promise<Answer> => {
    const limit = Date.now() + 60_000;
    for (;;) {
      const status = await send(`${at('api')}/.well-known/clawpatrol/requests/${id}`);
      if (status.json['state'] === state) {
        return status;
      }
      assert.ok(Date.now() < limit, status.body);
    }
  };
  return { gateway, at, send, approve, untilState };
}

test('the daemon: 202, approved by the command line after curl is gone, sent once, and one whole story in the record', async () => {
  const { gateway, at, send, approve, untilState } = await daemon();
  for (const version of VERSIONS) {
    const before = seen.length;
    const request = [version, ...ASYNC, '-d', 'name=x', `${at('api')}/things`];
    const asked = await send(...request);
    const id = String(asked.json['approval']);
    assert.deepEqual([asked.status, seen.length], [202, before], asked.body);
    approve(id);
    await untilState(id, 'approved');
    const elsewhere = await send(version, ...ASYNC, ...again(id), '-d', 'name=x', `${at('other')}/things`);
    assert.equal(codeOf(elsewhere), 'retry_unknown');
    assert.equal((await send(`${at('other')}/.well-known/clawpatrol/requests/${id}`)).status, 404);
    const sent = await send(...request, ...again(id));
    assert.deepEqual([sent.status, sent.body], [200, 'done']);
    assert.equal(codeOf(await send(...request, ...again(id))), 'retry_used');
    assert.equal(seen.length, before + 1);
  }
  const first = await send(...ASYNC, '-d', 'x', `${at('api')}/no`);
  const denied = String(first.json['approval']);
  assert.equal(gateway.cli('approvals', 'deny', denied, '--note', 'not today').code, 0);
  const told = await untilState(denied, 'denied');
  assert.match(String(told.json['reason']), /an approver denied it: not today/);
  const quick = await send(...ASYNC, `${at('api')}/quick`);
  await untilState(String(quick.json['approval']), 'expired');
  assert.equal((await send(...ASYNC, ...again(denied), '-d', 'x', `${at('api')}/no`)).status, 403);
  const frozen = ['-d', 'x', ...ASYNC, `${at('api')}/frozen`];
  const last = String((await send(...frozen)).json['approval']);
  approve(last);
  await untilState(last, 'approved');
  writeFileSync(gateway.configPath, CONFIG + DENY);
  assert.equal(gateway.cli('reload').code, 0);
  const late = await send(...frozen, ...again(last));
  assert.deepEqual([late.status, codeOf(late)], [403, 'denied'], late.body);
  const left = String((await send(...ASYNC, '-d', 'x', `${at('api')}/left`)).json['approval']);
  approve(left);
  await untilState(left, 'approved');
  assert.equal(await gateway.stop(), 0);
  assert.deepEqual(
    seen.filter((line) => !line.endsWith('/things')),
    [],
  );
  const second = await startGateway(scope, { config: CONFIG, stateDir: gateway.stateDir });
  assert.match(second.cli('audit', 'verify').stdout, /^ok/);
  const exported = second.cli('audit', 'export', '--format', 'jsonl').stdout;
  const whole = ['approve', 'approval.created', 'approval.approved', 'allow'];
  assert.deepEqual(storiesOf(exported, 'things'), [
    [...whole, 'ok 200'],
    [...whole, 'ok 200'],
  ]);
  assert.deepEqual(storiesOf(exported, 'frozen'), [[...whole, 'deny', 'not-run']]);
  assert.deepEqual(storiesOf(exported, 'left'), [[...whole, 'not-run']]);
});

test('AP-21 AP-22 AP-23: an approval is spent by its own bytes alone, by its own agent, once, however many come at the same moment', async () => {
  const { at, send, approve, untilState } = await daemon();
  const url = `${at('api')}/grants`;
  const own = [...ASYNC, '-H', 'Content-Type: text/plain', '-d', 'amount=1', `${url}?to=a`];
  const before = seen.length;
  const id = String((await send(...own)).json['approval']);
  const early = await send(...own, ...again(id));
  assert.deepEqual(
    [early.status, early.json['approval'], early.json['state']],
    [202, id, 'pending'],
    'not before it is approved',
  );
  approve(id);
  await untilState(id, 'approved');
  const text = ['-H', 'Content-Type: text/plain'];
  const others: Readonly<Record<string, readonly string[]>> = {
    body: [...text, '-d', 'amount=2', `${url}?to=a`],
    method: [...text, '-X', 'PUT', '-d', 'amount=1', `${url}?to=a`],
    path: [...text, '-d', 'amount=1', `${url}2?to=a`],
    query: [...text, '-d', 'amount=1', `${url}?to=b`],
    'content type': ['-H', 'Content-Type: application/json', '-d', 'amount=1', `${url}?to=a`],
    'method override': [...text, '-H', 'X-HTTP-Method-Override: DELETE', '-d', 'amount=1', `${url}?to=a`],
    'another field': [...text, '-H', 'X-Tenant: b', '-d', 'amount=1', `${url}?to=a`],
  };
  for (const [what, other] of Object.entries(others)) {
    const answer = await send(...ASYNC, ...other, ...again(id));
    assert.deepEqual([answer.status, codeOf(answer)], [409, 'retry_differs'], what);
  }
  const host = await send(...own, ...again(id), '-H', 'Host: elsewhere.test');
  assert.notEqual(host.status, 200, 'host');
  // Who is not its agent learns nothing from the answer: it is that about an id that never was.
  const foreign = await send(...ASYNC, ...text, '-d', 'amount=1', `${at('other')}/grants?to=a`, ...again(id));
  const unknown = await send(
    ...ASYNC,
    ...text,
    '-d',
    'amount=1',
    `${at('other')}/grants?to=a`,
    ...again(`${id.slice(0, -4)}ffff`),
  );
  assert.deepEqual([foreign.status, codeOf(foreign)], [409, 'retry_unknown']);
  assert.deepEqual([foreign.status, foreign.body], [unknown.status, unknown.body]);
  assert.equal(seen.length, before);
  const both = await Promise.all([send(...own, ...again(id)), send(...own, ...again(id))]);
  assert.deepEqual(
    both.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 409],
  );
  assert.deepEqual(seen.slice(before), ['POST /grants?to=a']);
});

test('AP-29: what an agent says about who is to be asked, or how soon, is ignored and goes nowhere', async () => {
  const { gateway, at, send, approve, untilState } = await daemon();
  const steering = ['X-HITL-Channel: #mine', 'X-HITL-Thread: 1', 'X-Hitl-Approver: mallory', 'X_HITL_URGENT: 1'];
  const args = [
    ...ASYNC,
    ...steering.flatMap((field) => ['-H', field]),
    '-d',
    'x',
    `${at('api')}/steer?approver=mallory&urgent=1`,
  ];
  const id = String((await send(...args)).json['approval']);
  const shown = JSON.parse(gateway.cli('approvals', 'show', id, '--json').stdout) as {
    readonly approvers: readonly string[];
    readonly required: number;
    readonly request: { readonly text: string };
  };
  assert.deepEqual([shown.approvers, shown.required], [['builtin.dashboard'], 1]);
  assert.doesNotMatch(shown.request.text, /hitl/i);
  assert.match(shown.request.text, /approver=mallory/, 'a query is the upstream`s business, and is shown');
  approve(id);
  await untilState(id, 'approved');
  assert.equal((await send(...args, ...again(id))).status, 200);
  assert.deepEqual(
    fields.at(-1)?.filter((name) => /hitl/i.test(name)),
    [],
  );
});

/** What the record says of each action on that path: its steps in order, then how it ended. */
function storiesOf(exported: string, path: string): readonly (readonly string[])[] {
  const stories = new Map<string, { readonly steps: string[]; readonly ends: string[] }>();
  for (const line of exported.trim().split('\n')) {
    const record = JSON.parse(line) as {
      readonly type: string;
      readonly action_id: string | null;
      readonly verdict: string | null;
      readonly summary: string | null;
      readonly outcome: { readonly kind: string; readonly status: string } | null;
    };
    if (record.action_id === null || record.summary !== `POST localhost/${path}`) {
      continue;
    }
    const story = stories.get(record.action_id) ?? { steps: [], ends: [] };
    stories.set(record.action_id, story);
    if (record.type !== 'action.settled') {
      story.steps.push(record.type === 'action.decided' ? (record.verdict ?? '') : record.type);
    }
    if (record.outcome !== null) {
      story.ends.push(`${record.outcome.kind} ${record.outcome.status}`.trim());
    }
  }
  return [...stories.values()].map(({ steps, ends }) => [...steps, ...ends]);
}
