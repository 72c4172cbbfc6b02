// test and explain with requests of HTTP: fixtures and flags are judged by the code that judges live requests.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runVerb } from '../support/cli.ts';
import type { CliRun } from '../support/cli.ts';
import { temporaryFolder } from '../support/temp.ts';
import type { CleanUp } from '../support/temp.ts';

const CONFIG = `schema_version = 1
endpoint "https" "api" {
  hosts = ["api.example.com", "*.wild.example"]
}
endpoint "https" "tools" {
  hosts = ["mcp.example.com"]
  listen = "127.0.0.1:18443"
  mcp   = true
  tools = { search = "safe" }
}
endpoint "https" "wild" {
  hosts = ["*.other.example"]
}
credential "bearer_token" "api" {
  endpoints = [api, tools, wild]
}
profile "default" {
  credentials = [api]
}
rule "no-refunds" {
  endpoint  = api
  condition = "http.path == '/v1/refunds'"
  verdict   = "deny"
}
rule "no-deletes" {
  endpoint  = api
  condition = "has(http.body_json.action) && http.body_json.action == 'delete'"
  verdict   = "deny"
}
rule "no-prod" {
  endpoint  = api
  condition = "'prod' in http.headers['x-env']"
  verdict   = "allow"
  priority  = -1
}
`;

/** What may be in a body that was cut. */
const CUT = [
  ...['fields', 'name', 'operations', 'paths', 'type', 'variables'].map((name) => `graphql.${name}`),
  'http.body',
  'http.body_json',
  'http.body_sha256',
  // Without a Content-Type it is a form to some servers.
  'http.effective_method',
  'http.files',
  'http.form',
  'rpc.batch',
  'rpc.methods',
];

function write(cleanUp: CleanUp): string {
  const path = join(temporaryFolder(cleanUp), 'gateway.hcl');
  writeFileSync(path, CONFIG);
  return path;
}

function explain(config: string, request: string, more: readonly string[] = []): Promise<CliRun> {
  return runVerb(['explain', config, '--http', request, '--json', ...more]);
}

test('a request is explained as it would be judged', async (t) => {
  const config = write(t);
  const body = join(temporaryFolder(t), 'body.json');
  writeFileSync(body, '{"action":"delete"}');
  const header = ['--header', 'x-env: prod'];
  const cases: [string, readonly string[], string, string][] = [
    ['GET https://api.example.com/v1/charges', header, 'allow', 'no-prod'],
    ['GET https://api.example.com/v1/charges', [], 'deny', 'no-prod'],
    ['POST https://api.example.com/v1/refunds?a=1', header, 'deny', 'no-refunds'],
    ['POST https://api.example.com/v1/./refunds', header, 'deny', 'no-refunds'],
    ['POST https://api.example.com/v1\\refunds', header, 'deny', 'no-refunds'],
    ['POST https://a.wild.example/v1/x', [...header, '--body', body], 'deny', 'no-deletes'],
    ['TRACE https://api.example.com/', header, 'deny', ''],
    ['GET https://mcp.example.com', [], 'allow', ''],
  ];
  for (const [request, more, verdict, rule] of cases) {
    const run = await explain(config, request, more);
    const answer = Object(run.json());
    assert.deepEqual([run.code, answer.verdict, answer.rule], [0, verdict, rule], `${request} ${run.stderr}`);
  }
  const answer = Object(
    (await explain(config, 'POST https://a.wild.example/x%2Fy?b=%20', [...header, '--body', body])).json(),
  );
  assert.equal(answer.facts.http.raw_path, '/x%2Fy');
  assert.equal(answer.facts.http.raw_query, 'b=%20');
  assert.equal(answer.facts.http.host, 'a.wild.example');
  assert.equal(answer.facts.http.body, '{"action":"delete"}');
  assert.equal(answer.facts.http.has_credential, true);
  assert.equal(answer.endpoint, 'https.api');
  assert.deepEqual(answer.unknown, ['http.path', 'http.segments']);
  assert.equal(answer.risk, 'suspicious');
});

test('the text of explain has the request, its facts and the tier', async (t) => {
  const { stdout, code } = await runVerb(['explain', write(t), '--http', 'DELETE https://mcp.example.com/x']);
  assert.equal(code, 0);
  assert.match(stdout, /^action +DELETE mcp\.example\.com\/x$/m);
  assert.match(stdout, /^ +http\.method +/m);
  assert.match(stdout, /destructive/);
});

test('flags that make no request say so', async (t) => {
  const config = write(t);
  const cases: [readonly string[], RegExp][] = [
    [['--http', 'GET /x'], /is not a URL/],
    [['--endpoint', 'wild', '--http', 'GET https://api.example.com/'], /none of the hosts/],
  ];
  for (const [args, message] of cases) {
    const run = await runVerb(['explain', config, ...args]);
    assert.match(`${run.stdout}${run.stderr}`, message, args.join(' '));
  }
});

test('fixtures of requests are judged, a cut body included', async (t) => {
  const root = temporaryFolder(t);
  const fixtures = join(root, 'fixtures');
  mkdirSync(fixtures);
  const http = (more: object): object => ({ method: 'POST', path: '/v1/x', headers: { 'X-Env': ['prod'] }, ...more });
  const files: Readonly<Record<string, [object, object]>> = {
    'plain.json': [
      { host: 'api.example.com', http: http({}) },
      { verdict: 'allow', rule: 'no-prod' },
    ],
    'body.json': [
      { host: 'api.example.com:443', http: http({ body: '{"action":"delete"}' }) },
      { verdict: 'deny', rule: 'no-deletes', endpoint: 'https.api', risk: 'suspicious' },
    ],
    'base64.json': [
      { host: 'api.example.com', http: http({ body_b64: Buffer.from('{"action":"delete"}').toString('base64') }) },
      { verdict: 'deny', rule: 'no-deletes' },
    ],
    'cut.json': [
      { host: 'api.example.com', http: http({ body: '{"action":', truncated: true }) },
      { verdict: 'deny', rule: 'no-deletes', unknown: CUT },
    ],
    'query.json': [
      { host: 'api.example.com', http: http({ path: '/v1/refunds', query: { a: ['1', 'ä&'] } }) },
      { verdict: 'deny', rule: 'no-refunds' },
    ],
    'chunked.json': [
      {
        host: 'api.example.com',
        http: http({ headers: { 'x-env': ['prod'], 'Transfer-Encoding': ['chunked'] }, body: 'x' }),
      },
      { verdict: 'deny', rule: 'no-deletes' },
    ],
    'refused.json': [
      { host: 'api.example.com', http: http({ headers: { 'bad name': ['x'] } }) },
      { verdict: 'deny', rule: '' },
    ],
    'tool.json': [
      {
        host: 'mcp.example.com',
        http: {
          method: 'POST',
          path: '/',
          body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search"}}',
        },
      },
      { verdict: 'allow', rule: '' },
    ],
    'batch.json': [
      {
        host: 'mcp.example.com',
        http: {
          method: 'POST',
          path: '/',
          body: '[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"wipe"}}]',
        },
      },
      { verdict: 'approve', rule: '', risk: 'destructive' },
    ],
  };
  for (const [name, [action, match]] of Object.entries(files)) {
    writeFileSync(join(fixtures, name), JSON.stringify({ action, match }));
  }
  const run = await runVerb(['test', write(t), fixtures]);
  assert.match(
    run.stdout,
    new RegExp(`^${Object.keys(files).length} action\\(s\\) checked, 0 mismatch`, 'm'),
    run.stdout,
  );
  const bad = join(root, 'bad.json');
  const wrong = {
    action: { host: 'api.example.com', http: http({ headers: { 'Content-Length': ['5'] }, body: 'x' }) },
  };
  writeFileSync(bad, JSON.stringify({ ...wrong, match: { verdict: 'allow' } }));
  assert.match((await runVerb(['test', write(t), bad])).stdout, /Content-Length says 5, and the body has 1 bytes/);
});
