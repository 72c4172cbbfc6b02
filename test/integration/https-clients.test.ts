// Real clients of HTTP through the real daemon to real servers: curl, Node's fetch, undici, Python's requests, gRPC, MCP, WebSocket, npm;
// over a listener of the endpoint's own and over HTTPS_PROXY. Each is allowed, denied, and usable afterwards.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { FILE_TEXT, startApi, type ApiUpstream } from '../support/api-upstream.ts';
import { eventually } from '../support/daemon.ts';
import { skipWithout } from '../support/driver-world.ts';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { testAuthority } from '../support/http-gateway.ts';
import { INSTALL_MS, installClients } from '../support/npm-clients.ts';
import { startRegistry, type Registry } from '../support/npm-registry.ts';
import { approvePending } from '../support/pending.ts';
import { runProgram, type ProgramResult } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';
import { temporaryFolder } from '../support/temp.ts';

const SOURCE = 'test/integration/clients/http';
const REASON = 'not for agents';
const scope = fileScope();
const folder = temporaryFolder(scope);
const ca = join(folder, 'gateway.pem');
const skip = skipWithout('npm');
const skipPython = skipWithout('/usr/bin/python3', '/usr/lib/python3/dist-packages/requests');

let api: ApiUpstream;
let registry: Registry;
let programs: string;
let servers: Servers;
let gateway: GatewayProcess;

interface Servers {
  readonly ports: { readonly grpc: number; readonly mcp: number; readonly chat: number };
  /** What came through, in order. */
  readonly said: readonly string[];
}

function configOf(): string {
  const endpoint = (name: string, port: number, rest: string = ''): string => `
endpoint "https" "${name}" {
  hosts   = ["localhost:${port}"]
  ca_cert = "<<file:${join(folder, 'upstream.pem')}>>"
  listen  = "127.0.0.1:0"
  ${rest}
}
credential "passthrough" "${name}" { endpoint = https.${name} }`;
  const rule = (name: string, at: string, condition: string, verdict: string): string => `
rule "${name}" {
  endpoint  = https.${at}
  condition = "${condition}"
  verdict   = "${verdict}"
  ${verdict === 'deny' ? `priority = 10\n  reason = "${REASON}"` : ''}
}`;
  return `schema_version = 1
gateway {
  dashboard_listen = "off"
  proxy {
    listen  = "127.0.0.1:0"
    profile = "default"
  }
}
${endpoint('api', api.port)}
${endpoint('registry', registry.port, 'encoded_slash = "data"')}
${endpoint('grpc', servers.ports.grpc)}
${endpoint('mcp', servers.ports.mcp, 'mcp = true\n  tools = { search = "safe", steps = "safe", wipe = "destructive" }')}
${endpoint('chat', servers.ports.chat)}
profile "default" {
  credentials = [passthrough.api, passthrough.registry, passthrough.grpc, passthrough.mcp, passthrough.chat]
}
${rule('no-denied', 'api', "http.path == '/denied'", 'deny')}
${rule('echo', 'api', "http.path == '/echo'", 'allow')}
${rule('no-package', 'registry', "http.segments[0] == '@scope/denied'", 'deny')}
${rule('no-wipe-call', 'grpc', "http.path.startsWith('/demo.Demo/Wipe')", 'deny')}
${rule('calls', 'grpc', "http.path.startsWith('/demo.Demo/')", 'allow')}
${rule('no-wipe-tool', 'mcp', "mcp.tool == 'wipe'", 'deny')}
${rule('end-of-session', 'mcp', "http.method == 'delete'", 'allow')}
${rule('no-wipe-message', 'chat', "http.kind == 'ws_message' && has(http.message_json.action) && http.message_json.action == 'wipe'", 'deny')}
${rule('no-upgrade', 'chat', "http.path == '/denied'", 'deny')}
${rule('chat', 'chat', "http.path == '/chat'", 'allow')}
`;
}

before(
  async () => {
    const authority = await testAuthority();
    writeFileSync(join(folder, 'upstream.pem'), authority.caPem);
    api = await startApi(scope);
    registry = await startRegistry(scope);
    programs = await installClients(SOURCE);
    servers = await startServers();
    gateway = await startGateway(scope, { config: configOf() });
    writeFileSync(ca, gateway.cli('ca', 'export').stdout);
  },
  { timeout: INSTALL_MS },
);

/** Upstreams that need packages, in a process of their own that ends with this one. */
async function startServers(): Promise<Servers> {
  const { key, cert } = await (await testAuthority()).leaf('localhost');
  writeFileSync(join(folder, 'leaf.pem'), `${key}\n${cert}`);
  const child = spawn(process.execPath, [join(programs, 'servers.mjs'), join(folder, 'leaf.pem')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  scope.after(() => void child.kill('SIGKILL'));
  const said: string[] = [];
  let rest = '';
  const ports = await new Promise<Servers['ports']>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the servers ended with ${code}`)));
    child.stdout.on('data', (bytes: Buffer) => {
      const lines = (rest + bytes.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const value of lines.map((line) => JSON.parse(line) as unknown)) {
        if (typeof value === 'string') {
          said.push(value);
        } else {
          resolve(value as Servers['ports']);
        }
      }
    });
  });
  return { ports, said };
}

/** What the servers say of what came through is read from their output, later than a client may end. */
async function checkSaid(from: number, wanted: readonly string[]): Promise<void> {
  await eventually('the servers have told all of it', () => servers.said.length >= from + wanted.length);
  assert.deepEqual(servers.said.slice(from), wanted);
}

/** Environment of a client that goes through the forward proxy, or to the listener of the endpoint. */
type Way = 'listener' | 'proxy';
const WAYS: readonly Way[] = ['listener', 'proxy'];

function proxyUrl(): string {
  return `http://127.0.0.1:${gateway.port('proxy')}`;
}

function proxied(way: Way): Readonly<Record<string, string>> {
  return way === 'proxy' ? { HTTPS_PROXY: proxyUrl(), https_proxy: proxyUrl() } : {};
}

function portOf(way: Way, name: string, upstreamPort: number): number {
  return way === 'proxy' ? upstreamPort : gateway.port(`https.${name}`);
}

/** `curl` to the API by its own name, whatever way it takes. */
function curl(way: Way, ...args: readonly string[]): Promise<ProgramResult> {
  const to = `localhost:${api.port}:127.0.0.1:${gateway.port('https.api')}`;
  const route = way === 'proxy' ? [] : ['--connect-to', to];
  return runProgram('curl', ['-sS', '--max-time', '60', '--cacert', ca, ...route, ...args], { env: proxied(way) });
}

async function runClient(name: string, env: Readonly<Record<string, string>>): Promise<unknown> {
  const result = await runProgram(process.execPath, [join(programs, 'client.mjs'), name], {
    env: { CA: ca, NODE_EXTRA_CA_CERTS: ca, ...env },
  });
  assert.equal(result.code, 0, result.stderr);
  return JSON.parse(result.stdout);
}

const VERSIONS = [
  ['--http1.1', '1.1'],
  ['--http2', '2'],
] as const;

for (const way of WAYS) {
  for (const [flag, version] of VERSIONS) {
    test(`curl ${flag} over the ${way}: allowed, denied, and again on one connection`, { skip }, async () => {
      const url = `https://localhost:${api.port}`;
      const seen = api.seen.length;
      const format = '\\n%{http_code} %{http_version} %{num_connects}\\n';
      const three = await curl(way, flag, '-w', format, `${url}/a`, `${url}/denied`, `${url}/b`);
      const lines = three.stdout.trim().split('\n').filter(Boolean);
      assert.match(lines[0] ?? '', /"GET \/a"/, three.stderr);
      assert.equal(lines[1], `200 ${version} 1`);
      assert.match(lines[2] ?? '', /"code":"denied","reason":"not for agents","rule":"no-denied"/);
      assert.deepEqual([lines[3], lines[5]], [`403 ${version} 0`, `200 ${version} 0`]);
      assert.deepEqual(
        api.seen.slice(seen).map((line) => line.replace(/ [\d.]+$/, '')),
        ['GET /a', 'GET /b'],
      );
    });

    test(`curl ${flag} over the ${way}: POST, uploads, expectations, HEAD, ranges, 304`, { skip }, async () => {
      const url = `https://localhost:${api.port}`;
      const big = join(folder, 'big');
      writeFileSync(big, Buffer.alloc(3_000_000, 'x'));
      const echoed = async (...args: readonly string[]): Promise<unknown> => {
        const { stdout, stderr } = await curl(way, flag, ...args, `${url}/echo`);
        assert.notEqual(stdout, '', stderr);
        return JSON.parse(stdout);
      };
      const sum = (method: string, body: string | Buffer): unknown => ({
        line: `${method} /echo`,
        sizeBytes: body.length,
        sha256: createHash('sha256').update(body).digest('hex'),
      });
      assert.deepEqual(await echoed('-d', 'a=1&b=2'), sum('POST', 'a=1&b=2'));
      assert.deepEqual(await echoed('-T', big), sum('PUT', Buffer.alloc(3_000_000, 'x')));
      const expecting = ['-H', 'Expect: 100-continue', '--expect100-timeout', '50'];
      assert.deepEqual(await echoed(...expecting, '-d', 'waited'), sum('POST', 'waited'));
      assert.deepEqual(await echoed('-H', 'Transfer-Encoding: chunked', '-d', 'chunks'), sum('POST', 'chunks'));
      const head = await curl(way, flag, '-I', `${url}/file`);
      assert.match(head.stdout, new RegExp(`content-length: ${FILE_TEXT.length}\r`, 'i'));
      const range = await curl(way, flag, '-r', '5-14', '-w', ' %{http_code}', `${url}/file`);
      assert.equal(range.stdout, `${FILE_TEXT.slice(5, 15)} 206`);
      const unchanged = await curl(way, flag, '-H', 'If-None-Match: "v1"', '-w', '%{http_code}', `${url}/file`);
      assert.equal(unchanged.stdout, '304');
      const whole = await curl(way, flag, `${url}/file`);
      assert.equal(whole.stdout, FILE_TEXT);
    });

    test(`curl ${flag} over the ${way}: a denied upload of 20 MB still shows why (HX-04)`, { skip }, async () => {
      const huge = join(folder, 'huge');
      writeFileSync(huge, Buffer.alloc(20_000_000, 'x'));
      for (const expect of ['Expect:', 'Expect: 100-continue']) {
        const args = [flag, '-H', expect, '-w', ' %{http_code}', '-T', huge, `https://localhost:${api.port}/denied`];
        const { code, stdout, stderr } = await curl(way, ...args);
        assert.match(stdout, /"reason":"not for agents".* 403$/s, `${expect} ${code} ${stderr}`);
      }
    });
  }

  test(`curl over the ${way}: a write waits for a person and runs once`, { skip }, async () => {
    const count = (): number => api.seen.filter((line) => line.startsWith('POST /things')).length;
    const earlier = count();
    const sending = curl(way, '-d', 'name=x', '-w', ' %{http_code}', `https://localhost:${api.port}/things`);
    assert.match(await approvePending(gateway), /POST \/things[\s\S]*name=x/);
    assert.match((await sending).stdout, /"sizeBytes":6.* 200$/);
    assert.equal(count(), earlier + 1);
  });

  test(`curl over the ${way}: an event is there before the next one is made`, { skip }, async () => {
    let released = 0;
    const names = ['first', 'second', 'third'];
    const result = await runProgram(
      'curl',
      ['-sSN', '--max-time', '60', '--cacert', ca, `https://localhost:${portOf(way, 'api', api.port)}/events`],
      {
        env: proxied(way),
        watch: (printed) => {
          while (released < names.length && printed.includes(`data: ${names[released] ?? ''}`)) {
            released += 1;
            api.release();
          }
        },
      },
    );
    assert.equal(result.stdout, names.map((name) => `data: ${name}\n\n`).join(''), result.stderr);
  });

  test(`requests of Python over the ${way}`, { skip: skipPython }, async () => {
    const result = await runProgram('/usr/bin/python3', ['test/integration/clients/requests_client.py'], {
      env: { AT: `https://localhost:${portOf(way, 'api', api.port)}`, REQUESTS_CA_BUNDLE: ca, ...proxied(way) },
    });
    assert.equal(result.code, 0, result.stderr);
    const seen = JSON.parse(result.stdout) as readonly (readonly [number, string])[];
    assert.deepEqual(
      seen.map(([status]) => status),
      [200, 200, 403, 403, 200, 206],
    );
    assert.match(seen[2]?.[1] ?? '', /"code":"denied"/);
    assert.equal(seen[5]?.[1], FILE_TEXT.slice(10, 20));
  });

  test(`gRPC over the ${way}: a denied method is PERMISSION_DENIED with the reason`, { skip }, async () => {
    const from = servers.said.length;
    const seen = await runClient('grpc', {
      AT: `localhost:${portOf(way, 'grpc', servers.ports.grpc)}`,
      ...proxied(way),
    });
    const denied = /^not for agents; rule no-wipe-call; .*action [0-9a-f-]{36}$/;
    const { denied: unary, deniedStream, ...rest } = seen as Record<string, { code: number; details: string }>;
    for (const refused of [unary, deniedStream]) {
      assert.equal(refused?.code, 7, JSON.stringify(refused));
      assert.match(refused.details, denied);
    }
    assert.deepEqual(rest, {
      echo: { text: 'hello', key: 'value' },
      long: 1024 * 1024,
      fail: { code: 9, details: 'not yet: 100 % ü', trailer: 'from the trailers' },
      count: 100,
      chat: { got: [{ text: 're: a' }, { text: 're: b' }], code: 0, details: 'OK' },
      after: { text: 'still here', key: null },
    });
    await checkSaid(from, ['grpc Echo 5', `grpc Echo ${1024 * 1024}`, 'grpc Echo 10']);
  });
}

test('fetch of Node: events one by one, and a long poll', { skip }, async () => {
  assert.deepEqual(await runClient('events', { AT: `https://localhost:${gateway.port('https.api')}` }), {
    seen: ['first', 'second', 'third'].map((name) => `data: ${name}\n\n`),
    done: true,
    released: 'answered',
    poll: 'news',
  });
});

test('ProxyAgent of undici', { skip }, async () => {
  assert.deepEqual(await runClient('undici', { AT: `https://localhost:${api.port}`, PROXY: proxyUrl() }), [
    [200, '{"line":"'],
    [403, '{"error":'],
    [200, '{"line":"'],
  ]);
});

test(
  'MCP: a denied tool is not listed, its call fails with the reason, events and the end of a session pass',
  { skip },
  async () => {
    const from = servers.said.length;
    const seen = await runClient('mcp', { AT: `https://localhost:${gateway.port('https.mcp')}/mcp` });
    const { denied, ...rest } = seen as Record<string, unknown>;
    assert.match((denied as { error: string }).error, /not for agents/);
    assert.deepEqual(rest, {
      server: 'demo',
      tools: ['search', 'steps'],
      search: 'search: search',
      steps: 'steps: steps',
      progress: [1, 2],
      after: 'search: search',
    });
    await checkSaid(from, ['mcp search', 'mcp steps', 'mcp search', 'mcp session ended']);
  },
);

test('MCP over stdio: the tools of `clawpatrol mcp` through the proxy, and none that decides', { skip }, async () => {
  const parent = '019a0000-0000-7000-8000-000000000001';
  const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.js');
  const found = await runClient('own-mcp', { MAIN, PROXY: proxyUrl(), PARENT: parent });
  const { instructions, manifest, wrong, ...seen } = found as Record<string, unknown>;
  assert.match(String(instructions), /context_set/);
  assert.match(String(manifest), /### https\.api/);
  assert.match((wrong as { error: string }).error, /^incident must be an id/);
  const said = { incident: 'PX1', task: '', reason: 'disk is full', parent, traceparent: '' };
  assert.deepEqual(seen, {
    server: 'clawpatrol',
    tools: ['manifest', 'context_set', 'would_allow', 'pending'],
    said: { said },
    safe: { verdict: 'allow', tier: 'safe', reason: '', rule: '', hint: '', assumes: '' },
    denied: {
      verdict: 'deny',
      tier: 'safe',
      reason: REASON,
      rule: 'no-denied',
      hint: 'Nothing was run. Sending it again gives the same answer: ask a person if it is needed.',
      assumes: '',
    },
    pending: { items: [] },
    unknown: -32_602,
    after: { said: { ...said, incident: '' } },
  });
});

test(
  'ws: echoes, pings, compression, a megabyte, codes of closing; a denied message closes with 1008',
  { skip },
  async () => {
    const rows = [
      '{"text":"hello"}',
      '{"pong":"are you there"}',
      'from the client',
      1024 * 1024,
      { code: 4001, reason: 'as you wish' },
      { code: 1008, reason: REASON },
      { code: 1000, reason: 'bye' },
    ];
    assert.deepEqual(await runClient('ws', { AT: `wss://localhost:${gateway.port('https.chat')}` }), {
      deflate: { extensions: true, rows },
      plain: { extensions: false, rows },
      upgrade: 'Unexpected server response: 403',
    });
  },
);

test('npm: scoped packages, whose slash is encoded, are seen as one segment', { skip }, async () => {
  const npm = (name: string): Promise<ProgramResult> => {
    const cache = join(folder, 'npm');
    mkdirSync(cache, { recursive: true });
    return runProgram('npm', ['view', name, 'version', '--cafile', ca, '--https-proxy', proxyUrl()], {
      env: {
        HOME: cache,
        npm_config_registry: `https://localhost:${registry.port}/`,
        npm_config_update_notifier: 'false',
      },
    });
  };
  assert.equal((await npm('@scope/allowed')).stdout.trim(), '1.2.3');
  const denied = await npm('@scope/denied');
  assert.equal(denied.code, 1);
  assert.match(denied.stderr, /403/);
  assert.equal((await npm('plain')).stdout.trim(), '1.2.3');
  assert.deepEqual(registry.seen, ['/@scope%2fallowed', '/plain']);
});
