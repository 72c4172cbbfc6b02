// test: fixtures replayed against a configuration, and what is printed about them.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runVerb } from '../support/cli.ts';
import { temporaryFolder } from '../support/temp.ts';
import type { CleanUp } from '../support/temp.ts';

const CONFIG = `schema_version = 1
endpoint "postgres" "pg" {
  host   = "pg.example"
  listen = "127.0.0.1:15432"
}
endpoint "ssh" "build" {
  hosts = ["build.example"]
}
credential "postgres_credential" "pg" {
  endpoint = pg
}
profile "default" {
  credentials = [pg]
}
rule "no-ddl" {
  endpoint  = pg
  condition = "sql.verb in ['create', 'alter']"
  verdict   = "deny"
  reason    = "schema changes need a migration"
}
`;

const ALTER = { host: 'pg.example', sql: { statement: 'ALTER TABLE t ADD c int', database: 'app' } };
const DROP = { host: 'pg.example:5432', credential: 'pg', sql: { statement: 'DROP TABLE t', database: 'app' } };
const GOOD = {
  action: ALTER,
  match: { verdict: 'deny', rule: 'no-ddl', endpoint: 'postgres.pg', reason: 'not compared' },
};
const WRONG = { action: DROP, match: { verdict: 'deny', rule: 'no-ddl', endpoint: 'postgres.pg' } };

interface Folder {
  readonly config: string;
  readonly fixtures: string;
}

function folder(cleanUp: CleanUp, fixtures: Readonly<Record<string, unknown>>, config: string = CONFIG): Folder {
  const root = temporaryFolder(cleanUp);
  const paths = { config: join(root, 'gateway.hcl'), fixtures: join(root, 'fixtures') };
  writeFileSync(paths.config, config);
  mkdirSync(join(paths.fixtures, 'below'), { recursive: true });
  for (const [name, fixture] of Object.entries(fixtures)) {
    writeFileSync(join(paths.fixtures, name), typeof fixture === 'string' ? fixture : JSON.stringify(fixture));
  }
  return paths;
}

test('fixtures that match are ok, others say what was wanted, what came and why; the closing line is last', async (t) => {
  const { config, fixtures } = folder(t, { 'a.json': GOOD, 'b.json': WRONG, 'notes.txt': 'x' });
  const { code, stdout, stderr } = await runVerb(['test', config, fixtures]);
  assert.equal(
    stdout,
    [
      `ok   ${fixtures}/a.json`,
      `FAIL ${fixtures}/b.json`,
      '  want verdict=deny rule=no-ddl endpoint=postgres.pg',
      '  got  verdict=approve rule= endpoint=postgres.pg',
      '  why  no rule matched; risk destructive',
      '2 action(s) checked, 1 mismatch(es)',
      '',
    ].join('\n'),
  );
  assert.deepEqual([code, stderr], [1, '']);
  const one = await runVerb(['test', config, join(fixtures, 'a.json')]);
  assert.deepEqual([one.code, one.stdout], [0, `ok   ${fixtures}/a.json\n1 action(s) checked, 0 mismatch(es)\n`]);
  const quiet = await runVerb(['test', config, join(fixtures, 'a.json'), '-q']);
  assert.equal(quiet.stdout, '1 action(s) checked, 0 mismatch(es)\n');
});

test('-r descends', async (t) => {
  const { config, fixtures } = folder(t, { 'a.json': GOOD, 'below/b.json': GOOD });
  assert.match((await runVerb(['test', config, fixtures])).stdout, /^1 action\(s\) checked/m);
  assert.match((await runVerb(['test', config, fixtures, '-r'])).stdout, /^2 action\(s\) checked/m);
});

test('what is compared: rule always, "*" is any, risk, approvers and unknown when they are given', async (t) => {
  const approve = { verdict: 'approve', endpoint: 'postgres.pg' };
  const bad = { host: 'pg.example', sql: { statement: 'SELEKT 1' } };
  const cases: [string, boolean, unknown][] = [
    ['no rule matched, and none was named', true, { action: DROP, match: approve }],
    ['any rule', true, { action: ALTER, match: { verdict: 'deny', rule: '*' } }],
    ['a rule matched, and none was named', false, { action: ALTER, match: { verdict: 'deny' } }],
    ['risk', true, { action: DROP, match: { ...approve, risk: 'destructive' } }],
    ['another risk', false, { action: DROP, match: { ...approve, risk: 'safe' } }],
    ['approvers', true, { action: DROP, match: { ...approve, approvers: ['builtin.dashboard'] } }],
    ['other approvers', false, { action: DROP, match: { ...approve, approvers: [] } }],
    [
      'a bare endpoint pins',
      true,
      { action: { sql: { statement: 'DROP TABLE t' } }, match: { ...approve, endpoint: 'pg' } },
    ],
    ['a rule that cannot tell', true, { action: bad, match: { verdict: 'deny', rule: 'no-ddl' } }],
    ['the role is unknown offline', true, { action: DROP, match: { ...approve, unknown: ['sql.role'] } }],
    ['the verb is not unknown', false, { action: DROP, match: { ...approve, unknown: ['sql.verb'] } }],
    ['an undeclared host', true, { action: { ...DROP, host: 'x.example' }, match: { verdict: 'deny' } }],
  ];
  const { config, fixtures } = folder(
    t,
    Object.fromEntries(cases.map(([name, , fixture]) => [`${name}.json`, fixture])),
  );
  for (const [name, ok] of cases) {
    const run = await runVerb(['test', config, join(fixtures, `${name}.json`)]);
    assert.equal(run.code, ok ? 0 : 1, `${name}\n${run.stdout}`);
  }
});

test('PG-114: a fixture that states facts which differ from the parser is refused', async (t) => {
  const stated = (facts: object): unknown => ({
    action: { ...DROP, sql: { ...DROP.sql, ...facts } },
    match: { verdict: 'approve' },
  });
  const { config, fixtures } = folder(t, {
    'good.json': stated({ verb: 'drop', tables: ['t'] }),
    'tables.json': stated({ tables: ['u'] }),
    'verb.json': stated({ verb: 'select' }),
  });
  const { code, stdout } = await runVerb(['test', config, fixtures]);
  assert.equal(code, 1);
  assert.match(stdout, /^ok {3}\S+good\.json$/m);
  assert.match(stdout, /^FAIL \S+tables\.json: .*disagrees with the parser/m);
  assert.match(stdout, /^FAIL \S+verb\.json: .*says "select", and the statement is "drop"/m);
});

test('a fixture that cannot be taken is a mismatch with its reason', async (t) => {
  const ssh = { action: { host: 'build.example', ssh: { verb: 'exec' } }, match: { verdict: 'deny' } };
  const { config, fixtures } = folder(t, {
    'json.json': '{',
    'keys.json': { ...GOOD, extra: 1 },
    'command.json': ssh,
    'family.json': { action: { ssh: { verb: 'exec' } }, match: { verdict: 'deny', endpoint: 'pg' } },
  });
  const { code, stdout } = await runVerb(['test', config, fixtures]);
  assert.equal(code, 1);
  assert.match(stdout, /^FAIL \S+json\.json: not JSON/m);
  assert.match(stdout, /^FAIL \S+keys\.json: unknown key "extra"/m);
  assert.match(stdout, /^FAIL \S+command\.json: action\.ssh\.command is missing/m);
  assert.match(stdout, /^FAIL \S+family\.json: postgres\.pg takes sql actions/m);
  assert.match(stdout, /^4 action\(s\) checked, 4 mismatch\(es\)$/m);
});

test('--json gives every result', async (t) => {
  const { config, fixtures } = folder(t, { 'a.json': GOOD, 'b.json': WRONG, 'c.json': '{' });
  const result = Object((await runVerb(['test', config, fixtures, '--json'])).json());
  assert.deepEqual([result.checked, result.mismatches], [3, 2]);
  assert.deepEqual(result.results[1], {
    path: join(fixtures, 'b.json'),
    ok: false,
    want: { verdict: 'deny', rule: 'no-ddl', endpoint: 'postgres.pg' },
    got: { verdict: 'approve', rule: '', endpoint: 'postgres.pg' },
    reason: 'no rule matched; risk destructive',
    error: null,
  });
  assert.match(result.results[2].error, /not JSON/);
});

test('a bad configuration, missing fixtures and an empty folder exit 2', async (t) => {
  const { config, fixtures } = folder(t, { 'a.json': GOOD });
  const broken = folder(t, { 'a.json': GOOD }, CONFIG.replace("'create'", "'kreate'"));
  const refused = await runVerb(['test', broken.config, broken.fixtures]);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /\[dead-literal\]/);
  assert.equal(refused.stdout, '');
  for (const path of [join(fixtures, 'none.json'), join(fixtures, 'below')]) {
    assert.equal((await runVerb(['test', config, path])).code, 2, path);
  }
  assert.equal((await runVerb(['test', '/nonexistent', fixtures])).code, 2);
  const missing = await runVerb(['test', config, '/nonexistent']);
  assert.equal(missing.stderr, 'clawpatrol: fixtures cannot be read: /nonexistent: no such file or directory\n');
});
