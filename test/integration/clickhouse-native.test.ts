// The native protocol through the real daemon: Debian's clickhouse-client against Debian's server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasClickHouse, startClickHouse } from '../support/clickhouse-server.ts';
import { startGateway } from '../support/gateway-process.ts';
import { runProgram, type ProgramResult } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';

const scope = fileScope();
const skip = hasClickHouse() ? false : 'no clickhouse-server on this machine';
const server = skip === false ? await startClickHouse(scope) : null;
const gateway =
  server === null
    ? null
    : await startGateway(scope, {
        config: `
gateway {
  dashboard_listen = "off"
}
endpoint "clickhouse_native" "ch" {
  hosts  = ["127.0.0.1:${server.nativePort}"]
  listen = "127.0.0.1:0"
}
credential "clickhouse_credential" "ch" {
  endpoint = clickhouse_native.ch
  user     = "${server.user}"
  secret {
    env = "CH_PASSWORD"
  }
}
profile "default" {
  credentials = [clickhouse_credential.ch]
}
rule "no-two" {
  endpoint  = clickhouse_native.ch
  priority  = 10
  condition = "sql.statement == 'SELECT 2'"
  verdict   = "deny"
  reason    = "two is too many"
}
rule "rest" {
  endpoint = clickhouse_native.ch
  verdict  = "allow"
}
`,
        env: { CH_PASSWORD: server.password },
      });

function client(query: string, args: readonly string[] = [], input: string = ''): Promise<ProgramResult> {
  const port = gateway?.port('clickhouse_native.ch') ?? 0;
  const login = ['--host', '127.0.0.1', '--port', String(port), '--user', 'agent', '--password', 'whatever'];
  return runProgram('clickhouse-client', [...login, ...args, '--query', query], { input });
}

test('clickhouse-client runs an allowed query under the login of the gateway', { skip }, async () => {
  const result = await client('SELECT user FROM system.processes');
  assert.deepEqual([result.code, result.stdout, result.stderr], [0, 'real\n', '']);
});

test('a denied query is an exception 497 with the rule and its reason', { skip }, async () => {
  const result = await client('SELECT 2');
  assert.notEqual(result.code, 0);
  assert.match(result.stderr, /Code: 497\. DB::Exception: .*two is too many .*no-two/s);
});
