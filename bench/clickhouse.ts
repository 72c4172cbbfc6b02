// Large selects and inserts of clickhouse-client over the native protocol: through a bare relay and through the gateway with ten rules and the
// audit on, with each compression. The ways take turns, so that a machine whose speed drifts does not favour one.
import { spawn } from 'node:child_process';
import { createReadStream, createWriteStream, statSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { startClickHouse, type ClickHouseServer } from '../test/support/clickhouse-server.ts';
import { startGateway } from '../test/support/gateway-process.ts';
import { temporaryFolder } from '../test/support/temp.ts';
import { median, Scope, startRelay, table } from './parts.ts';

interface Options {
  readonly rounds: number;
  readonly rows: number;
}

interface Way {
  readonly name: string;
  readonly port: number;
}

const COMPRESSIONS: readonly (readonly [string, readonly string[]])[] = [
  ['LZ4', []],
  ['ZSTD', ['--network_compression_method=zstd']],
  ['none', ['--compression=0']],
];

/** Ten rules as a team would write them; both statements walk all of them. */
function config(server: ClickHouseServer): string {
  const conditions = [
    `sql.verb in ['drop', 'truncate', 'alter', 'attach', 'detach']`,
    `'tokens' in sql.tables`,
    `sql.verb == 'delete' && !sql.bounded`,
    `sql.verb == 'update' && !sql.bounded`,
    `'identity' in sql.effects || 'privilege' in sql.effects`,
    `'network' in sql.effects`,
    `'file' in sql.effects`,
    `sql.verb == 'system'`,
    `sql.verb == 'kill'`,
    `sql.is_opaque`,
  ];
  const rules = conditions.map(
    (condition, index) =>
      `rule "bench-${index}" {\n  endpoint  = clickhouse_native.bench\n  condition = "${condition}"\n  verdict   = "deny"\n}\n`,
  );
  return `schema_version = 1
gateway {
  dashboard_listen = "off"
}
endpoint "clickhouse_native" "bench" {
  hosts     = ["127.0.0.1:${server.nativePort}"]
  listen    = "127.0.0.1:0"
  unmatched = "allow"
}
credential "clickhouse_credential" "bench" {
  endpoint = clickhouse_native.bench
  user     = "${server.user}"
  secret { env = "BENCH_PASSWORD" }
}
profile "bench" {
  credentials = [clickhouse_credential.bench]
}
${rules.join('')}
`;
}

const COLUMNS = 'number, toString(number * 7919) AS s, number % 1000 AS k, number / 3 AS f';

/** Prints a table; the ratios are medians of the ratios of one round. */
export async function benchClickHouse({ rounds, rows }: Options): Promise<void> {
  const scope = new Scope();
  try {
    const server = await startClickHouse(scope);
    const gateway = await startGateway(scope, { config: config(server), env: { BENCH_PASSWORD: server.password } });
    const ways: readonly Way[] = [
      { name: 'relay', port: await startRelay(scope, server.nativePort) },
      { name: 'gateway', port: gateway.port('clickhouse_native.bench') },
    ];
    await server.query('CREATE TABLE sink (number UInt64, s String, k UInt16, f Float64) ENGINE = Null');
    const select = `SELECT ${COLUMNS} FROM system.numbers LIMIT ${rows}`;
    const file = join(temporaryFolder(scope, 'clawpatrol-bench'), 'rows.native');
    await client({
      server,
      way: { name: 'direct', port: server.nativePort },
      query: `${select} FORMAT Native`,
      out: file,
    });
    const megabytes = statSync(file).size / 1e6;
    const lines: string[][] = [];
    for (const [compression, args] of COMPRESSIONS) {
      for (const kind of ['select', 'insert'] as const) {
        const query = kind === 'select' ? `${select} FORMAT Null` : 'INSERT INTO sink FORMAT Native';
        // oxlint-disable-next-line no-await-in-loop -- one at a time is what is measured
        const times = await measure(ways, rounds, {
          server,
          query,
          args,
          ...(kind === 'insert' ? { input: file } : {}),
        });
        const [relay = [], through = []] = times;
        const ratio = median(relay.map((seconds, index) => seconds / (through[index] ?? Infinity)));
        const speeds = [relay, through].map((all) => (megabytes / median(all)).toFixed(0));
        lines.push([`${kind}, ${compression}`, ...speeds, ratio.toFixed(2)]);
      }
    }
    process.stdout.write(`${megabytes.toFixed(0)} MB of data each way, MB/s of data before compression\n\n`);
    process.stdout.write(`${table(['', 'relay MB/s', 'gateway MB/s', '÷ relay'], lines)}\n`);
  } finally {
    await scope.end();
  }
}

/** Seconds of each way, by round. */
async function measure(
  ways: readonly Way[],
  rounds: number,
  run: Omit<ClientRun, 'way'>,
): Promise<readonly (readonly number[])[]> {
  const times = ways.map((): number[] => []);
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? [...ways.keys()] : [...ways.keys()].toReversed();
    for (const index of order) {
      const way = ways[index];
      if (way !== undefined) {
        // oxlint-disable-next-line no-await-in-loop -- one at a time is what is measured
        times[index]?.push(await client({ ...run, way }));
      }
    }
  }
  return times;
}

interface ClientRun {
  readonly server: ClickHouseServer;
  readonly way: Way;
  readonly query: string;
  readonly args?: readonly string[];
  readonly input?: string;
  readonly out?: string;
}

/** Seconds that one run of clickhouse-client takes, its start included. */
async function client({ server, way, query, args = [], input, out }: ClientRun): Promise<number> {
  const login = [
    '--host',
    '127.0.0.1',
    '--port',
    String(way.port),
    '--user',
    server.user,
    '--password',
    server.password,
  ];
  const started = performance.now();
  const child = spawn('clickhouse-client', [...login, ...args, '--query', query], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  if (out === undefined) {
    child.stdout.resume();
  } else {
    void pipeline(child.stdout, createWriteStream(out));
  }
  if (input === undefined) {
    child.stdin.end();
  } else {
    await pipeline(createReadStream(input, { highWaterMark: 1024 * 1024 }), child.stdin);
  }
  const code = await exited;
  if (code !== 0) {
    throw new Error(`clickhouse-client ended with ${code}`);
  }
  return (performance.now() - started) / 1000;
}
