// What wakes nobody: under the tiers as the README has them a reviewer model lets bounded work through, and people are asked about the rest
// alone. A real PostgreSQL, an API server on loopback, a stand-in for the model, the real daemon.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { createControlClient, type ControlClient } from '../../src/client/control-client.ts';
import { API_TOKEN, startApiServer } from '../support/api-server.ts';
import { makeAuthority } from '../support/certificate.ts';
import { eventually } from '../support/daemon.ts';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { startModelServer, YES, type ModelServer } from '../support/model-server.ts';
import { freePort } from '../support/ports.ts';
import { findPostgres, startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { runProgram } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';
import { temporaryFolder } from '../support/temp.ts';

const scope = fileScope();
const skip = findPostgres('debian') === null ? 'no PostgreSQL on this machine' : false;
const LIMIT = { skip, timeout: 120_000 };
const DEPLOYMENT = '/apis/apps/v1/namespaces/d/deployments/w';
let server: PostgresServer;
let model: ModelServer;
let gateway: GatewayProcess;
let client: ControlClient;
let kubernetes: { readonly server: string; readonly ca: string };

before(async () => {
  if (skip !== false) {
    return;
  }
  server = await startPostgres(scope, { flavour: 'debian' });
  await server.query('CREATE DATABASE app');
  await server.query('CREATE TABLE users (id int PRIMARY KEY, name text)', 'app');
  await server.query("INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 50) AS n", 'app');
  model = await startModelServer(scope);
  model.script = [YES];
  const authority = await makeAuthority();
  const api = await startApiServer(scope, authority);
  const caPath = join(temporaryFolder(scope), 'ca.pem');
  writeFileSync(caPath, authority.caPem);
  gateway = await startGateway(scope, {
    env: { PG_PASSWORD: server.password, K8S_TOKEN: API_TOKEN },
    config: `schema_version = 1
gateway { dashboard_listen = "off" }
endpoint "postgres" "shop" {
  host    = "127.0.0.1:${server.port}"
  sslmode = "disable"
  listen  = "127.0.0.1:0"
}
credential "postgres_credential" "shop" {
  endpoint = postgres.shop
  user     = "postgres"
  database = "app"
  secret { env = "PG_PASSWORD" }
}
endpoint "kubernetes" "prod" {
  server  = "https://127.0.0.1:${api.port}"
  listen  = "127.0.0.1:${await freePort()}"
  ca_cert = "<<file:${caPath}>>"
}
credential "bearer_token" "prod" {
  endpoint = kubernetes.prod
  secret { env = "K8S_TOKEN" }
}
profile "responder" { credentials = [postgres_credential.shop, bearer_token.prod] }
approver "llm_approver" "reviewer" {
  provider  = "openai_compatible"
  model     = "qwen3-235b"
  base_url  = "${model.url}"
  timeout   = 60
  cache_ttl = "0s"
}
approver "human_approver" "oncall" {}
risk "suspicious"  { approve = [llm_approver.reviewer] }
risk "destructive" { approve = [llm_approver.reviewer, human_approver.oncall] }
`,
  });
  client = createControlClient({ kind: 'unix', path: join(gateway.stateDir, 'control.sock') });
  const { server: address, certificate } = await client.kubeconfig('prod');
  kubernetes = { server: address, ca: certificate };
});

/** What psql printed of one statement. */
async function psql(sql: string): Promise<string> {
  const url = `postgres://agent@127.0.0.1:${gateway.port('postgres.shop')}/app?sslmode=disable`;
  const { stdout, stderr } = await runProgram('psql', ['-X', '-A', '-t', '-d', url, '-c', sql]);
  return `${stdout}${stderr}`;
}

/** The status of a call to the API server. */
function call(method: string, path: string, body?: object): Promise<string> {
  const text = body === undefined ? '' : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const sent = httpsRequest(new URL(path, kubernetes.server), {
      method,
      ca: kubernetes.ca,
      // A kept connection may have ended while psql and people had their turn.
      agent: false,
      headers: {
        'Content-Length': String(Buffer.byteLength(text)),
        ...(body === undefined ? {} : { 'Content-Type': 'application/strategic-merge-patch+json' }),
      },
    });
    sent.on('response', (response) => {
      response.resume();
      response.on('end', () => resolve(`status ${response.statusCode}`));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.setTimeout(60_000, () => sent.destroy(new Error('no answer')));
    sent.end(text);
  });
}

// What `kubectl rollout restart` sends.
const RESTART = {
  spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': '2026-11-22T03:00:00Z' } } } },
};

test(
  'MP-46: a reviewer that allows is enough for a suspicious action, a rollout restart and a bounded UPDATE',
  LIMIT,
  async () => {
    const rows: readonly (readonly [string, () => Promise<string>, RegExp])[] = [
      ['a suspicious action', () => psql("INSERT INTO users VALUES (51, 'new')"), /^INSERT 0 1$/m],
      ['a bounded UPDATE', () => psql("UPDATE users SET name = 'x' WHERE id = 7"), /^UPDATE 1$/m],
      ['a rollout restart', () => call('PATCH', DEPLOYMENT, RESTART), /^status 200$/],
    ];
    for (const [title, act, want] of rows) {
      const [calls, asked] = [model.calls.length, (await client.approvals.list({ state: 'all' })).items.length];
      assert.match(await act(), want, title);
      assert.equal(model.calls.length, calls + 1, `${title}: the model is asked once`);
      const { items } = await client.approvals.list({ state: 'all' });
      assert.equal(items.length, asked + 1, title);
      const [latest] = items;
      assert.deepEqual(
        [latest?.state, latest?.risk, latest?.approvers, latest?.votes.map(({ by }) => by)],
        ['approved', 'suspicious', ['llm_approver.reviewer'], ['llm_approver.reviewer']],
        `${title}: no person was asked`,
      );
    }
  },
);

test(
  'MP-46: of what is destructive the same reviewer alone lets nothing through: a person is asked',
  LIMIT,
  async () => {
    const rows: readonly (readonly [string, () => Promise<string>, RegExp])[] = [
      ['an unbounded UPDATE', () => psql("UPDATE users SET name = 'x'"), /denied|ERROR/],
      ['a DROP', () => psql('DROP TABLE users'), /denied|ERROR/],
      ['the deletion of the deployment', () => call('DELETE', DEPLOYMENT), /^status 403$/],
    ];
    for (const [title, act, want] of rows) {
      const acting = act();
      await eventually(`${title} waits for a person`, async () => {
        const [waiting] = (await client.approvals.list()).items;
        return waiting?.approver === 'human_approver.oncall' && waiting.votes.length === 1;
      });
      const [waiting] = (await client.approvals.list()).items;
      assert.equal(waiting?.risk, 'destructive', title);
      await client.approvals.deny(waiting.id, { note: 'not at night' });
      assert.match(await acting, want, title);
    }
    assert.equal((await server.query("SELECT count(*)::int AS n FROM users WHERE name = 'x'", 'app'))[0]?.['n'], 1);
  },
);
