// reviewer eval: the labelled set against a stand-in, and what is printed of it.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readCases } from '../../src/approvals/evaluation.ts';
import { runVerb } from '../support/cli.ts';
import { startModelServer, YES, type ModelCall, type ModelScript, type ModelServer } from '../support/model-server.ts';
import { temporaryFolder, type CleanUp } from '../support/temp.ts';

const SET = join(process.cwd(), 'test', 'corpus', 'reviewer', 'cases.json');

function configFor(t: CleanUp, server: ModelServer): string {
  const path = join(temporaryFolder(t), 'gateway.hcl');
  writeFileSync(
    path,
    `schema_version = 1
endpoint "postgres" "pg" {
  host    = "db.example.com"
  listen  = "127.0.0.1:5439"
  profile = "default"
}
credential "postgres_credential" "pg" { endpoint = postgres.pg }
profile "default" { credentials = [postgres_credential.pg] }
approver "llm_approver" "judge" {
  provider = "openai_compatible"
  model    = "stand-in"
  base_url = "${server.url}"
  timeout  = 30
  price    = { input = 1, output = 2 }
}
risk "suspicious" { approve = [llm_approver.judge] }
`,
  );
  return path;
}

test('the set has sixty cases or more, of all families and all labels', () => {
  const cases = readCases(readFileSync(SET, 'utf8')) ?? [];
  assert.ok(cases.length >= 60, String(cases.length));
  assert.equal(new Set(cases.map(({ family }) => family)).size, 4);
  assert.equal(new Set(cases.map(({ expected }) => expected)).size, 3);
  assert.equal(new Set(cases.map(({ name }) => name)).size, cases.length);
});

test('a model that allows everything is found out', async (t) => {
  const server = await startModelServer(t);
  const ran = await runVerb(['reviewer', 'eval', configFor(t, server), '--min', '90', '--json']);
  assert.equal(ran.code, 1, ran.stderr);
  const result = ran.json() as {
    matrix: Readonly<Record<string, Readonly<Record<string, number>>>>;
    wrongly_allowed: readonly string[];
    cost: number;
  };
  const cases = readCases(readFileSync(SET, 'utf8')) ?? [];
  const denied = cases.filter(({ expected }) => expected === 'deny').length;
  assert.deepEqual(result.matrix['deny'], { allow: denied, escalate: 0, deny: 0, failed: 0 });
  assert.ok(result.wrongly_allowed.includes('deny: DROP TABLE orders'));
  assert.ok(result.cost > 0);
  assert.equal(server.calls.length, cases.length);
});

test('a model that answers as people labelled is whole, and one that fails is told apart', async (t) => {
  const server = await startModelServer(t);
  const cases = readCases(readFileSync(SET, 'utf8')) ?? [];
  const expectedOf = (call: ModelCall): string => {
    const data = JSON.parse(call.user.split('\n')[1] ?? '{}') as { request: { text: string } };
    return cases.find(({ text }) => text === data.request.text)?.expected ?? '';
  };
  server.script = (call) => ({ kind: 'answer', value: { verdict: expectedOf(call), risk: 1, reasons: [] } });
  const good = await runVerb(['reviewer', 'eval', configFor(t, server), 'judge', '--min', '100']);
  assert.equal(good.code, 0, good.stderr);
  assert.match(good.stdout, /as expected: 100\.0 %/);
  assert.match(good.stdout, /wrongly allowed: 0/);
  server.script = [{ kind: 'refusal' }];
  const failing = await runVerb(['reviewer', 'eval', configFor(t, server), '--min', '1']);
  assert.equal(failing.code, 1);
  assert.match(failing.stdout, /no answer: .*refused/);
  const unknown = await runVerb(['reviewer', 'eval', configFor(t, server), 'nobody']);
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /configured: llm_approver\.judge/);
});

test('a model that no case reaches is no model that failed: the exit code says that nothing was measured', async (t) => {
  const server = await startModelServer(t);
  const path = configFor(t, server);
  const locked: ModelScript = { kind: 'status', status: 401 };
  const rows: readonly (readonly [string, ModelServer['script'], readonly string[], number])[] = [
    ['a key that is not taken', [locked], [], 3],
    ['also where a share is asked for', [locked], ['--min', '50'], 3],
    ['connections that end', [{ kind: 'closed' }], [], 3],
    ['a model that declines', [{ kind: 'refusal' }], [], 0],
    ['some cases that were answered', ({ user }) => (user.includes('debug_logs') ? YES : locked), [], 0],
  ];
  for (const [name, script, options, code] of rows) {
    server.script = script;
    const ran = await runVerb(['reviewer', 'eval', path, ...options]);
    assert.equal(ran.code, code, `${name}: ${ran.stdout}`);
    assert.equal(/llm_approver\.judge answered nothing/.test(ran.stderr), code === 3, name);
  }
});
