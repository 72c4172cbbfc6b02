// explain: one action in text and JSON, flags that do not fit, and the coprocess form.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runVerb } from '../support/cli.ts';
import type { CliOptions, CliRun } from '../support/cli.ts';
import { temporaryFolder } from '../support/temp.ts';
import type { CleanUp } from '../support/temp.ts';

const CONFIG = `schema_version = 1
endpoint "postgres" "pg" {
  host   = "pg.example"
  listen = "127.0.0.1:15432"
}
endpoint "https" "api" {
  hosts = ["api.example.com"]
}
endpoint "ssh" "build" {
  hosts = ["build.example"]
}
credential "postgres_credential" "pg" {
  endpoint = pg
}
credential "passthrough" "api" {
  endpoint = api
}
profile "default" {
  credentials = [pg, api]
}
rule "off" {
  endpoint = pg
  priority = 9
  verdict  = "deny"
  disabled = true
}
rule "pinned" {
  endpoint   = pg
  priority   = 8
  credential = passthrough.api
  verdict    = "deny"
}
rule "no-api-keys" {
  endpoint  = pg
  priority  = 7
  condition = "sql.tables.exists(t, t == 'api_keys')"
  verdict   = "deny"
  reason    = "not for agents"
}
rule "from-home" {
  endpoint  = pg
  condition = "sql.verb == 'update' && agent.ip == '10.0.0.1'"
  verdict   = "allow"
}
`;

function write(cleanUp: CleanUp): string {
  const path = join(temporaryFolder(cleanUp), 'gateway.hcl');
  writeFileSync(path, CONFIG);
  return path;
}

async function explain(cleanUp: CleanUp, args: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  return runVerb(['explain', write(cleanUp), ...args], options);
}

test('the text holds action, endpoint, facts, tier, every rule walked, and the word, in this order', async (t) => {
  const { code, stdout } = await explain(t, ['--endpoint', 'pg', '--sql', 'SELECT * FROM api_keys']);
  assert.equal(code, 0);
  const parts = [
    /^action .*SELECT \* FROM api_keys$/,
    /^endpoint +postgres\.pg \(sql\), profile default, credential postgres_credential\.pg$/,
    /^facts$/,
    /^ {2}sql\.tables +\[.*"api_keys".*\]$/,
    /^risk +safe/,
    /^rules$/,
    /^ {2}9 +off +\S+gateway\.hcl:\d+ +disabled$/,
    /^ {2}8 +pinned +\S+ +pinned to another credential \(passthrough\.api\)$/,
    /^ {2}7 +no-api-keys +\S+ +yes$/,
    /^verdict +deny$/,
    /^reason +not for agents$/,
  ];
  const lines = stdout.split('\n');
  const found = parts.map((part) => lines.findIndex((line) => part.test(line)));
  assert.ok(!found.includes(-1), `${stdout}\nmissing: ${String(parts[found.indexOf(-1)])}`);
  assert.deepEqual(
    found,
    found.toSorted((a, b) => a - b),
  );
});

test('a rule that cannot tell says which fact, and denies', async (t) => {
  const { stdout } = await explain(t, ['--endpoint', 'pg', '--sql', 'SELEKT 1']);
  assert.match(stdout, /^ {2}sql\.tables +unknown \(unparseable\)$/m);
  assert.match(stdout, /no-api-keys +\S+ +cannot tell \(.*sql\.tables.*\)$/m);
  assert.match(stdout, /^verdict +deny \(cannot tell\)$/m);
});

test('--json prints the batch object with the rules that were walked', async (t) => {
  const run = await explain(t, ['--endpoint', 'postgres.pg', '--sql', 'DELETE FROM t', '--database', 'app', '--json']);
  const found = Object(run.json());
  const { id, endpoint, family, risk, rule, verdict, approvers, unknown } = found;
  assert.deepEqual(
    {
      id,
      endpoint,
      family,
      risk,
      rule,
      verdict,
      approvers,
      unknown: unknown.filter((name: string) => name === 'sql.verb'),
    },
    {
      id: 1,
      endpoint: 'postgres.pg',
      family: 'sql',
      risk: 'destructive',
      rule: '',
      verdict: 'approve',
      approvers: ['builtin.dashboard'],
      unknown: [],
    },
  );
  assert.match(found.reason, /\S/);
  assert.equal(found.facts.sql.database, 'app');
  assert.equal(found.facts.sql.verb, 'delete');
  assert.deepEqual(
    found.rules.map((step: { name: string; result: string }) => [step.name, step.result]),
    [
      ['off', 'disabled'],
      ['pinned', 'other-credential'],
      ['no-api-keys', 'no'],
      ['from-home', 'no'],
    ],
  );
});

test('several statements are told one by one, and the top level is the one that decided', async (t) => {
  const run = await explain(t, [
    '--endpoint',
    'pg',
    '--sql',
    'SELECT 1; SELECT * FROM api_keys; DROP TABLE t',
    '--json',
  ]);
  const found = Object(run.json());
  assert.deepEqual([found.verdict, found.rule, found.risk], ['deny', 'no-api-keys', 'destructive']);
  assert.match(found.facts.sql.statement, /api_keys/);
  assert.deepEqual(
    found.statements.map((each: { verdict: string; risk: string }) => [each.verdict, each.risk]),
    [
      ['allow', 'safe'],
      ['deny', 'safe'],
      ['approve', 'destructive'],
    ],
  );
});

test('facts of the agent are unknown until they are given', async (t) => {
  const update = ['--endpoint', 'pg', '--sql', 'UPDATE t SET a = 1 WHERE id = 2', '--json'];
  const without = Object((await explain(t, update)).json());
  assert.deepEqual([without.verdict, without.rule], ['deny', 'from-home']);
  assert.ok(without.unknown.includes('agent.ip'));
  const given = Object((await explain(t, [...update, '--agent-ip', '10.0.0.1'])).json());
  assert.deepEqual([given.verdict, given.rule], ['allow', 'from-home']);
});

test('--expect turns another verdict into exit 1; a - reads the statement from stdin', async (t) => {
  const args = ['--endpoint', 'pg', '--sql', '-'];
  assert.equal((await explain(t, [...args, '--expect', 'allow'], { input: 'SELECT 1' })).code, 0);
  const other = await explain(t, [...args, '--expect', 'allow'], { input: 'DROP TABLE t' });
  assert.equal(other.code, 1);
  assert.equal(other.stderr, 'expected allow, got approve\n');
});

test('flags that make no action exit 2 and say what to write', async (t) => {
  const cases: [string[], RegExp][] = [
    [['--endpoint', 'pg'], /exactly one of --sql/],
    [['--endpoint', 'pg', '--sql', 'a', '--ssh', 'exec'], /exactly one of/],
    [['--endpoint', 'pg', '--sql', 'a', '--command', 'ls'], /--command goes with --ssh/],
    [['--endpoint', 'pg', '--ssh', 'exec'], /takes sql actions/],
    [['--endpoint', 'pgg', '--sql', 'SELECT 1'], /did you mean "pg"/],
    [['--sql', 'SELECT 1'], /name the endpoint or the host/],
    [['--endpoint', 'api', '--http', 'GET'], /takes a method and a target/],
    [['--http', 'GET /x'], /is not a URL/],
    [['--http', 'GET https://api.example.com/x', '--header', 'nope'], /--header takes NAME:VALUE/],
    [['--http', 'GET https://api.example.com/x', '--body', '/nonexistent'], /cannot be read/],
    [['--endpoint', 'pg', '--sql', 'SELECT 1', '--expect', 'perhaps'], /--expect takes allow, deny, approve/],
  ];
  for (const [args, message] of cases) {
    const run = await explain(t, args);
    assert.equal(run.code, 2, args.join(' '));
    assert.match(run.stderr, message, args.join(' '));
    assert.equal(run.stdout, '', args.join(' '));
  }
});

test('an SSH command is explained as it would be judged', async (t) => {
  const run = await explain(t, ['--endpoint', 'build', '--ssh', 'exec', '--command', 'rm -rf /srv', '--json']);
  const { verdict, risk } = Object(run.json());
  assert.deepEqual({ verdict, risk }, { verdict: 'approve', risk: 'destructive' });
});

test('a host that no endpoint claims is told', async (t) => {
  const { code, stdout } = await explain(t, ['--host', 'x.example', '--sql', 'SELECT 1']);
  assert.equal(code, 0);
  assert.match(stdout, /^verdict +deny$/m);
  assert.match(stdout, /unknown_host is deny/);
});

test('--jsonl answers a line for a line, in order, and goes on after a bad one', async (t) => {
  const lines = [
    '{"id":"q1","endpoint":"pg","sql":{"statement":"SELECT 1"}}',
    '',
    '{"host":"pg.example:5432","sql":{"statement":"SELECT * FROM api_keys"}}',
    'nonsense',
    '{"id":7,"endpoint":"pg"}',
    '{"id":"a","endpoint":"nope","sql":{"statement":"SELECT 1"}}',
    '{"id":"b","endpoint":"build","ssh":{"verb":"exec"}}',
    '{"id":"c","endpoint":"api","http":{"method":"GET","path":"/"}}',
    '{"id":false,"host":"x.example","sql":{"statement":"SELECT 1"}}',
  ];
  const run = await explain(t, ['--jsonl'], { input: lines.join('\n') });
  const answers = run.stdout
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
  const brief = answers.map((answer) => {
    const { id, verdict, rule, error } = Object(answer);
    return error === undefined ? { id, verdict, rule } : { id, error: error.code };
  });
  assert.deepEqual(brief, [
    { id: 'q1', verdict: 'allow', rule: '' },
    { id: 3, verdict: 'deny', rule: 'no-api-keys' },
    { id: 4, error: 'bad-json' },
    { id: 7, error: 'bad-action' },
    { id: 'a', error: 'unknown-endpoint' },
    { id: 'b', error: 'bad-action' },
    { id: 'c', verdict: 'allow', rule: '' },
    { id: false, verdict: 'deny', rule: '' },
  ]);
  assert.equal(run.code, 1);
  assert.equal((await explain(t, ['--jsonl'], { input: `${lines[0]}\n` })).code, 0);
});

test('--jsonl skips a line that is too long to its end', async (t) => {
  const long = `{"id":"x","endpoint":"pg","sql":{"statement":"${'x'.repeat(17 * 1024 * 1024)}"}}`;
  const input = `${long}\n{"endpoint":"pg","sql":{"statement":"SELECT 1"}}\n`;
  const run = await explain(t, ['--jsonl'], { input });
  const [first, second] = run.stdout
    .trimEnd()
    .split('\n')
    .map((line) => Object(JSON.parse(line)));
  assert.deepEqual([first.id, first.error.code], [1, 'too-long']);
  assert.deepEqual([second.id, second.verdict], [2, 'allow']);
});

test('--jsonl writes nothing when the configuration does not load', async () => {
  const run = await runVerb(['explain', '/nonexistent.hcl', '--jsonl'], { input: '{}\n' });
  assert.deepEqual([run.code, run.stdout], [2, '']);
});

test('a statement that is long enough for the analysis thread is judged as well', async (t) => {
  const ids = Array.from({ length: 20_000 }, (_, index) => index).join(', ');
  const statement = `SELECT * FROM api_keys WHERE id IN (${ids})`;
  const line = JSON.stringify({ id: 'long', endpoint: 'pg', sql: { statement } });
  const run = await explain(t, ['--jsonl'], { input: `${line}\n` });
  const { id, verdict, rule, unknown } = Object(JSON.parse(run.stdout));
  assert.deepEqual([id, verdict, rule], ['long', 'deny', 'no-api-keys']);
  assert.ok(!unknown.includes('sql.tables'));
});

test('a name that nothing has is answered with the nearest, or with all that there are', async (t) => {
  const cases: readonly [readonly string[], RegExp][] = [
    [['--endpoint', 'nope'], /there is no endpoint "nope"; there are: postgres\.pg, https\.api, ssh\.build\n/],
    [['--endpoint', 'bulid'], /there is no endpoint "bulid"; did you mean "build"\?/],
    [['--endpoint', 'pg', '--profile', 'nope'], /there is no profile "nope"; there is: default\n/],
    [
      ['--endpoint', 'pg', '--credential', 'nope'],
      /no credential "nope" is bound to postgres\.pg; there is: postgres_credential\.pg\n/,
    ],
    [[], /name the endpoint or the host; there are: postgres\.pg, https\.api, ssh\.build\n/],
  ];
  for (const [args, expected] of cases) {
    const { code, stderr } = await explain(t, [...args, '--sql', 'SELECT 1']);
    assert.equal(code, 2);
    assert.match(stderr, expected);
  }
  assert.equal((await explain(t, ['--endpoint', 'build', '--ssh', 'shell'])).code, 0);
});

test('--jsonl takes no flag that a line says itself', async (t) => {
  const input = '{"endpoint":"pg","sql":{"statement":"SELECT 1"}}\n';
  for (const args of [
    ['--endpoint', 'pg'],
    ['--expect', 'deny'],
    ['--agent-ip', '10.0.0.1'],
    ['--header', 'a: b'],
  ]) {
    const run = await explain(t, ['--jsonl', ...args], { input });
    assert.deepEqual([run.code, run.stdout], [2, '']);
    assert.ok(run.stderr.includes(`${args[0]} does nothing beside --jsonl`), run.stderr);
  }
  assert.equal((await explain(t, ['--jsonl', '--json', '--no-color'], { input })).code, 0);
});
