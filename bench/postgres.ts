// Point selects (pgbench -S) against PostgreSQL directly, through a bare relay, through the gateway with ten rules and the audit on,
// and through pgbouncer where it is installed. The ways take turns, so that a machine whose speed drifts does not favour one.
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { startGateway } from '../test/support/gateway-process.ts';
import { freePort } from '../test/support/ports.ts';
import { startPostgres, unprivilegedIds, type PostgresServer } from '../test/support/postgres-server.ts';
import { temporaryFolder } from '../test/support/temp.ts';
import {
  findProgram,
  median,
  pgbench,
  residentBytes,
  Scope,
  startRelay,
  table,
  type Load,
  type LoadResult,
} from './parts.ts';

interface Way {
  readonly name: string;
  readonly port: number;
  readonly pid: number | null;
}

/** Ten rules as a team would write them; a point select walks all of them and is allowed by its tier. */
export function benchConfig(postgresPort: number, rules: string): string {
  return `schema_version = 1
gateway {
  dashboard_listen = "off"
}
credential "postgres_credential" "bench" {
  endpoint = postgres.bench
  user     = "postgres"
  secret { env = "BENCH_PASSWORD" }
}
endpoint "postgres" "bench" {
  host    = "127.0.0.1:${postgresPort}"
  sslmode = "disable"
  listen  = "127.0.0.1:0"
  profile = "bench"
}
profile "bench" {
  credentials = [postgres_credential.bench]
}
${rules}
`;
}

/** \`count\` rules that never match a select; the first ten are the ten of the benchmark. */
export function benchRules(count: number): string {
  const conditions = [
    `sql.verb in ['drop', 'truncate', 'alter']`,
    `sql.tables.exists(t, t in ['tokens', 'public.tokens'])`,
    `sql.verb == 'delete' && !sql.bounded`,
    `sql.verb == 'update' && !sql.bounded`,
    `'identity' in sql.effects || 'privilege' in sql.effects`,
    `sql.functions.exists(f, f in ['pg_sleep', 'pg_read_file', 'dblink'])`,
    `sql.verb == 'copy' && sql.copy_channel != 'client'`,
    `sql.is_opaque`,
    `sql.columns.exists(c, c in ['ssn', 'users.ssn'])`,
    `sql.writes.exists(t, t.startsWith('audit_'))`,
  ];
  return Array.from({ length: count }, (_, index) => {
    const condition =
      index < conditions.length ? conditions[index] : `sql.verb == 'delete' && 'table_${index}' in sql.tables`;
    return `rule "bench-${index}" {\n  endpoint  = postgres.bench\n  condition = "${condition}"\n  verdict   = "deny"\n}\n`;
  }).join('');
}

async function startPgbouncer(scope: Scope, server: PostgresServer): Promise<Way | null> {
  const program = findProgram('pgbouncer');
  if (program === null) {
    return null;
  }
  const folder = temporaryFolder(scope, 'clawpatrol-bouncer');
  const port = await freePort();
  const users = join(folder, 'users.txt');
  const config = join(folder, 'pgbouncer.ini');
  writeFileSync(users, `"postgres" "${server.password}"\n`);
  writeFileSync(
    config,
    `[databases]\nbench = host=127.0.0.1 port=${server.port} dbname=bench user=postgres password=${server.password}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${port}\nunix_socket_dir =\nauth_type = any\nauth_file = ${users}\npool_mode = session\nlogfile = ${join(folder, 'log')}\npidfile =\n`.replace(
      'pidfile =\n',
      '',
    ),
  );
  const ids = unprivilegedIds();
  chmodSync(folder, 0o755);
  for (const path of ids === null ? [] : [folder, users, config]) {
    chownSync(path, ids?.uid ?? 0, ids?.gid ?? 0);
  }
  const child = spawn(program, ['-q', config], { stdio: 'ignore', ...ids });
  scope.after(() => {
    child.kill('SIGKILL');
  });
  await untilListening(port);
  return { name: 'pgbouncer', port, pid: child.pid ?? null };
}

async function untilListening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port });
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing listens on ${port}`);
}

/** PostgreSQL with pgbench's tables in database \`bench\`. */
export async function startBenchServer(scope: Scope): Promise<PostgresServer> {
  const server = await startPostgres(scope, { flavour: 'debian', settings: ['shared_buffers = 256MB'] });
  await server.query('CREATE DATABASE bench');
  execFileSync(
    findProgram('pgbench') ?? 'pgbench',
    ['-i', '-q', '-s', '1', '-h', '127.0.0.1', '-p', String(server.port), '-U', 'postgres', 'bench'],
    {
      env: { PATH: '/usr/bin:/bin', PGPASSWORD: server.password },
      stdio: 'pipe',
    },
  );
  return server;
}

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly memoryStatements: number;
}

/** Prints the tables; the ratios are medians of the ratios of one round. */
export async function benchPostgres(options: Options): Promise<void> {
  const scope = new Scope();
  try {
    const server = await startBenchServer(scope);
    const gateway = await startGateway(scope, {
      config: benchConfig(server.port, benchRules(10)),
      env: { BENCH_PASSWORD: server.password },
    });
    const relay = await startRelay(scope, server.port);
    const bouncer = await startPgbouncer(scope, server);
    const ways: Way[] = [
      { name: 'direct', port: server.port, pid: null },
      { name: 'relay', port: relay, pid: null },
      { name: 'gateway', port: gateway.port('postgres.bench'), pid: gateway.pid },
      ...(bouncer === null ? [] : [bouncer]),
    ];
    const rows: string[][] = [];
    for (const clients of [1, 8]) {
      for (const mode of ['simple', 'extended', 'prepared'] as const) {
        rows.push(...(await compare(ways, { clients, mode, password: server.password }, options)));
      }
    }
    const head = [
      'clients',
      'protocol',
      'way',
      'tps',
      'latency µs',
      'latency ÷ relay',
      'throughput ÷ relay',
      'latency ÷ direct',
    ];
    process.stdout.write(`${table(head, rows)}\n\n`);
    if (options.memoryStatements > 0) {
      await benchMemory(
        { port: gateway.port('postgres.bench'), pid: gateway.pid, password: server.password },
        options.memoryStatements,
      );
    }
    const verified = gateway.cli('audit', 'verify');
    process.stdout.write(`audit verify: ${verified.stdout.trim()}${verified.stderr.trim()}\n`);
  } finally {
    await scope.end();
  }
}

async function compare(
  ways: readonly Way[],
  load: Pick<Load, 'clients' | 'mode' | 'password'>,
  options: Options,
): Promise<string[][]> {
  const results = new Map<string, LoadResult[]>(ways.map((way) => [way.name, []]));
  for (let round = -1; round < options.rounds; round += 1) {
    for (const way of ways) {
      const result = await pgbench({
        ...load,
        port: way.port,
        user: 'postgres',
        seconds: round < 0 ? 1 : options.seconds,
      });
      if (round >= 0) {
        results.get(way.name)?.push(result);
      }
    }
  }
  const ratio = (name: string, base: string, of: (result: LoadResult) => number): string => {
    const mine = results.get(name) ?? [];
    const theirs = results.get(base) ?? [];
    return median(mine.map((result, index) => of(result) / of(theirs[index] ?? result))).toFixed(2);
  };
  return ways.map((way) => [
    String(load.clients),
    load.mode,
    way.name,
    median((results.get(way.name) ?? []).map((result) => result.tps)).toFixed(0),
    median((results.get(way.name) ?? []).map((result) => result.latencyUs)).toFixed(0),
    ratio(way.name, 'relay', (result) => result.latencyUs),
    ratio(way.name, 'relay', (result) => result.tps),
    ratio(way.name, 'direct', (result) => result.latencyUs),
  ]);
}

async function benchMemory(
  gateway: { readonly port: number; readonly pid: number; readonly password: string },
  statements: number,
): Promise<void> {
  const rows: string[][] = [];
  const steps = 5;
  for (let step = 0; step <= steps; step += 1) {
    if (step > 0) {
      const mode = step % 2 === 0 ? 'prepared' : 'simple';
      await pgbench({
        port: gateway.port,
        user: 'postgres',
        password: gateway.password,
        clients: 8,
        mode,
        transactions: Math.ceil(statements / steps / 8),
      });
    }
    rows.push([String(Math.round((statements * step) / steps)), (residentBytes(gateway.pid) / 1024 ** 2).toFixed(0)]);
  }
  process.stdout.write(`${table(['statements', 'resident MiB'], rows)}\n\n`);
}
