// Reviewer models on the whole path: psql, the daemon, a stand-in that speaks the providers' wire formats, a real PostgreSQL. What a model
// allows runs, what it denies does not, and what it cannot answer goes to people or is denied.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { createControlClient, type ControlClient } from '../../src/client/control-client.ts';
import type { ApprovalJson } from '../../src/client/approval-shapes.ts';
import { NO, startModelServer, UNSURE, YES, type ModelScript, type ModelServer } from '../support/model-server.ts';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { findPostgres, startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { runProgram, type ProgramResult } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';

const scope = fileScope();
const skip = findPostgres('debian') === null ? 'no PostgreSQL on this machine' : false;
const KEY = 'sk-test-7f3a-never-shown';
let server: PostgresServer;
let model: ModelServer;
let gateway: GatewayProcess;
let client: ControlClient;

/** One endpoint a chain of approvers; all of them ask about everything that changes rows. */
const CHAINS: Readonly<Record<string, string>> = {
  openai: 'llm_approver.compatible',
  anthropic: 'llm_approver.claude',
  closed: 'llm_approver.closed',
  both: 'llm_approver.compatible, human_approver.oncall',
};

function configOf(): string {
  const endpoints = Object.entries(CHAINS).map(
    ([name, chain]) => `
endpoint "postgres" "${name}" {
  host      = "127.0.0.1:${server.port}"
  sslmode   = "disable"
  listen    = "127.0.0.1:0"
  profile   = "${name}"
  unmatched = "allow"
}
credential "postgres_credential" "${name}" {
  endpoint = postgres.${name}
  user     = "postgres"
  database = "app"
  secret { env = "PG_PASSWORD" }
}
profile "${name}" { credentials = [postgres_credential.${name}] }
rule "ask-${name}" {
  endpoint  = postgres.${name}
  condition = "sql.verb in ['insert', 'update', 'delete', 'drop']"
  approve   = [${chain}]
  reason    = "changes rows"
}`,
  );
  return `schema_version = 1
gateway { dashboard_listen = "off" }
endpoint "https" "models" { hosts = ["models.example.com"] }
credential "header_token" "key" {
  endpoint = https.models
  header   = "x-api-key"
  secret { env = "MODEL_KEY" }
}
approver "human_approver" "oncall" {}
approver "llm_approver" "compatible" {
  provider  = "openai_compatible"
  model     = "qwen3-235b"
  base_url  = "${model.url}"
  timeout   = 60
  on_error  = "escalate"
  cache_ttl = "5m"
  price     = { input = 3, output = 15 }
}
approver "llm_approver" "claude" {
  model      = "claude-sonnet-4-5"
  base_url   = "${model.url}"
  credential = header_token.key
  timeout    = 60
  on_error   = "deny"
}
approver "llm_approver" "closed" {
  provider = "openai_compatible"
  model    = "qwen3-235b"
  base_url = "${model.url}"
  timeout  = 2
  on_error = "deny"
}
${endpoints.join('')}
`;
}

before(async () => {
  if (skip !== false) {
    return;
  }
  server = await startPostgres(scope, { flavour: 'debian' });
  await server.query('CREATE DATABASE app');
  await server.query('CREATE TABLE logs (id int PRIMARY KEY); INSERT INTO logs SELECT generate_series(1, 100)', 'app');
  model = await startModelServer(scope);
  gateway = await startGateway(scope, {
    config: configOf(),
    env: { PG_PASSWORD: server.password, MODEL_KEY: KEY, ANTHROPIC_AUTH_TOKEN: 'of-the-environment' },
  });
  client = createControlClient({ kind: 'unix', path: join(gateway.stateDir, 'control.sock') });
});

async function psql(endpoint: string, sql: string, script: ModelScript): Promise<ProgramResult> {
  model.script = [script];
  model.calls.length = 0;
  const url = `postgres://agent@127.0.0.1:${gateway.port(`postgres.${endpoint}`)}/app?sslmode=disable`;
  return runProgram('psql', ['-X', '-A', '-t', '-d', url, '-c', sql]);
}

interface Recorded {
  readonly type: string;
  readonly by: string;
  readonly verdict: string | null;
  readonly data: { readonly review?: Readonly<Record<string, unknown>> } | null;
}

/** Records of the newest action that was asked about. */
function story(): readonly Recorded[] {
  const listed = gateway.cli('approvals', 'list', '--state', 'all', '--limit', '1', '--json');
  const [item] = (JSON.parse(listed.stdout) as { items: { action_id: string }[] }).items;
  const shown = gateway.cli('audit', 'show', item?.action_id ?? '', '--json');
  return (JSON.parse(shown.stdout) as { items: Recorded[] }).items;
}

test(
  'psql waits for the model, which allows: the statement runs, and the log has the whole review',
  { skip },
  async () => {
    for (const [endpoint, approver, id] of [
      ['openai', 'llm_approver.compatible', 1],
      ['anthropic', 'llm_approver.claude', 2],
    ] as const) {
      const result = await psql(endpoint, `DELETE FROM logs WHERE id = ${id}`, YES);
      assert.equal(result.stdout.trim(), 'DELETE 1', result.stderr);
      const records = story();
      assert.deepEqual(
        records.filter(({ type }) => type !== 'action.settled').map(({ type, by }) => `${type} ${by}`),
        [
          'action.decided rule',
          'approval.created rule',
          `approval.reviewed ${approver}`,
          `approval.approved ${approver}`,
          `action.decided ${approver}`,
        ],
      );
      const review = records[2]?.data?.review ?? {};
      assert.equal(review['answer'], 'allow');
      assert.equal(review['inputTokens'], 1_000);
      assert.match(String(review['promptDigest']), /^[0-9a-f]{64}$/);
    }
  },
);

test('AP-09 TA-12: what the model denies is not run, and the agent hears that and not why', { skip }, async () => {
  const result = await psql('openai', 'DELETE FROM logs', NO);
  assert.match(result.stderr, /a reviewer model denied it/);
  assert.doesNotMatch(result.stderr + result.stdout, /SECRET-REASON/);
  assert.equal((await server.query('SELECT count(*)::int AS n FROM logs', 'app'))[0]?.['n'], 98);
  const listed = gateway.cli('approvals', 'list', '--state', 'denied', '--limit', '1', '--json');
  assert.match(listed.stdout, /SECRET-REASON/, 'people see the reasons');
});

test('AP-08: trouble denies where on_error says so, whatever it is', { skip }, async () => {
  const rows: readonly ModelScript[] = [{ kind: 'status', status: 500 }, { kind: 'refusal' }, { kind: 'silent' }];
  for (const script of rows) {
    const result = await psql('closed', 'DELETE FROM logs WHERE id = 3', script);
    assert.match(result.stderr, /gave no usable answer/, script.kind);
  }
  assert.equal((await server.query('SELECT 1 FROM logs WHERE id = 3', 'app')).length, 1);
});

test(
  'a model that is not sure, and one that allows, both leave the person of the chain to decide',
  { skip },
  async () => {
    for (const [script, id] of [
      [UNSURE, 4],
      [YES, 5],
    ] as const) {
      const running = psql('both', `DELETE FROM logs WHERE id = ${id}`, script);
      const waiting = await waitingFor('human_approver.oncall');
      assert.equal(waiting.reviewer?.answer, script === YES ? 'allow' : 'escalate');
      assert.equal((await server.query(`SELECT 1 FROM logs WHERE id = ${id}`, 'app')).length, 1, 'nothing has run yet');
      const done = gateway.cli('approvals', 'approve', waiting.id, '--digest', waiting.request.digest);
      assert.equal(done.code, 0, done.stderr);
      assert.equal((await running).stdout.trim(), 'DELETE 1');
    }
  },
);

/** The one approval that waits for these people. Asked without blocking: the stand-in for the model lives in this process. */
async function waitingFor(approver: string): Promise<ApprovalJson> {
  const untilMs = Date.now() + 60_000;
  while (Date.now() < untilMs) {
    const { items } = await client.approvals.list();
    const found = items.find((item) => item.approver === approver);
    if (found !== undefined) {
      return client.approvals.show(found.id);
    }
  }
  throw new Error(`nothing waits for ${approver}`);
}

test(
  "the provider gets the gateway's credential and nothing of the environment or the log of it",
  { skip },
  async () => {
    await psql('anthropic', 'DELETE FROM logs WHERE id = 6', YES);
    const [call] = model.calls;
    assert.equal(call?.path, '/v1/messages');
    assert.equal(call.headers['x-api-key'], KEY);
    assert.equal(call.headers['authorization'], undefined);
    assert.ok(!gateway.log().includes(KEY));
    await psql('openai', 'DELETE FROM logs WHERE id = 7', YES);
    assert.equal(model.calls[0]?.path, '/v1/chat/completions');
    assert.equal(model.calls[0]?.headers['authorization'], undefined, 'no credential is configured');
  },
);
