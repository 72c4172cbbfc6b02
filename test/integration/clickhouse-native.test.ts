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
  condition = "sql.statement.contains('SELECT 2')"
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

const COMPRESSIONS: readonly (readonly [string, readonly string[]])[] = [
  ['LZ4', []],
  ['ZSTD', ['--network_compression_method=zstd']],
  ['no compression', ['--compression=0']],
];

/** Lines of a number, a text, an array and something that may be missing. */
function lines(count: number): string {
  return Array.from(
    { length: count },
    (_, row) =>
      `${row}\t${'x'.repeat(row % 300)}-${row}\t['a','${row}']\t${row % 7 === 0 ? '\\N' : String(row / 2)}\t2024-01-0${(row % 9) + 1}\n`,
  ).join('');
}

const COLUMNS = 'n UInt64, s String, a Array(String), f Nullable(Float64), d Date';

for (const [name, args] of COMPRESSIONS) {
  test(`MP-24 rows inserted with ${name} come out as they went in, and the session goes on`, { skip }, async () => {
    const table = `insert_${name.replaceAll(' ', '_').toLowerCase()}`;
    const rows = lines(20_000);
    assert.equal((await client(`CREATE TABLE ${table} (${COLUMNS}) ENGINE = Memory`, args)).stderr, '');
    const inserted = await client(
      `INSERT INTO ${table} FORMAT TabSeparated`,
      [...args, '--max_insert_block_size=3000'],
      rows,
    );
    assert.deepEqual([inserted.code, inserted.stderr], [0, '']);
    const selected = await client(`SELECT * FROM ${table} ORDER BY n FORMAT TabSeparated`, args);
    assert.equal(selected.stderr, '');
    assert.equal(selected.stdout === rows, true);
  });

  test(`temporary tables sent with ${name} are read`, { skip }, async () => {
    const external = ['--external', '--file=-', '--name=mine', '--structure=k UInt32, v String'];
    const result = await client(
      'SELECT sum(k), max(v), max(length(v)) FROM mine',
      [...args, ...external],
      '1\tabc\n2\tabcd\n',
    );
    assert.deepEqual([result.code, result.stdout, result.stderr], [0, '3\tabcd\t4\n', '']);
  });

  test(`a large answer with ${name} arrives whole`, { skip }, async () => {
    const query =
      "SELECT number, toString(number), range(number % 5), if(number % 3 = 0, NULL, 'x') FROM system.numbers LIMIT 300000";
    const through = await client(query, [...args, '--format=TabSeparated']);
    const direct = await server?.query(`${query} FORMAT TabSeparated`);
    assert.equal(through.stderr, '');
    assert.ok(through.stdout.length > 5_000_000);
    assert.equal(through.stdout === direct, true);
  });
}

test('a denied query in the middle of a session leaves the rest as it was', { skip }, async () => {
  const port = gateway?.port('clickhouse_native.ch') ?? 0;
  const result = await runProgram(
    'clickhouse-client',
    ['--host', '127.0.0.1', '--port', String(port), '--ignore-error', '--multiquery'],
    { input: 'SELECT 1; SELECT 2; SELECT 3;' },
  );
  assert.equal(result.stdout, '1\n3\n');
  assert.match(result.stderr, /Code: 497/);
});
