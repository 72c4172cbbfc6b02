// A reload that changes a credential while a connection is still reading its secret: the connection logs in as the new policy says.
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../support/daemon.ts';
import { startGateway } from '../support/gateway-process.ts';
import { startPostgres } from '../support/postgres-server.ts';
import * as wire from '../support/raw-postgres.ts';
import { fileScope } from '../support/scope.ts';
import { temporaryFolder } from '../support/temp.ts';

const { RawPostgres } = wire;
const scope = fileScope();
const server = await startPostgres(scope, { flavour: 'debian' });
await server.query("CREATE ROLE alice LOGIN PASSWORD 'same'; CREATE ROLE bob LOGIN PASSWORD 'same'");

/** The secret comes from a command that says when it has begun and waits until it may end. */
const config = (user: string, { begun, release }: { readonly begun: string; readonly release: string }): string => `
schema_version = 1
gateway { dashboard_listen = "off" }
endpoint "postgres" "pg" {
  host    = "127.0.0.1:${server.port}"
  sslmode = "disable"
  listen  = "127.0.0.1:0"
}
credential "postgres_credential" "pg" {
  endpoint = postgres.pg
  user     = "${user}"
  database = "postgres"
  secret {
    command = ["/bin/sh", "-c", "touch ${begun}; while [ ! -e ${release} ]; do sleep 0.05; done; echo same"]
    timeout = "120s"
  }
}
profile "default" { credentials = [postgres_credential.pg] }
`;

for (const reloaded of [false, true]) {
  const what = reloaded ? 'changed meanwhile: the new role' : 'left alone: the role of before';
  test(`a credential whose secret is being read and which is ${what} is logged in`, { timeout: 300_000 }, async (t) => {
    const folder = temporaryFolder(t);
    const files = { begun: join(folder, 'begun'), release: join(folder, 'release') };
    const gateway = await startGateway(t, { config: config('alice', files) });
    const client = await RawPostgres.open(gateway.port('postgres.pg'));
    client.send(wire.startup({ user: 'agent', database: 'postgres' }));
    await eventually('the secret is being read', () => existsSync(files.begun));
    if (reloaded) {
      writeFileSync(gateway.configPath, config('bob', files));
      assert.equal(gateway.cli('reload').code, 0);
    }
    writeFileSync(files.release, '');
    await client.until('Z');
    const answer = await client.ask(wire.query('SELECT current_user'));
    const row = answer.find(({ type }) => type === 'D')?.body.toString('utf8', 6);
    assert.equal(row, reloaded ? 'bob' : 'alice');
    client.close();
  });
}
