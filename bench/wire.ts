// What the session itself costs: pgbench -S against a real PostgreSQL, direct, through the bare relay, and through the protocol's own
// code with a gate that always allows and a trivial analysis. Prints latencies and their ratio to the relay's.
// Run: node dist/bench/wire.js [seconds per run]; needs pgbench.
import { spawn } from 'node:child_process';
import { systemClock } from '../src/lib/clock.ts';
import { createPostgresAnalyser } from '../src/protocols/postgres/facts.ts';
import type { Gate } from '../src/protocols/protocol.ts';
import type { Verdict } from '../src/protocols/session.ts';
import { startPostgres } from '../test/support/postgres-server.ts';
import { startWireGateway } from '../test/support/wire-gateway.ts';
import { Scope, firstLine, median, pgbench, startRelay, table, type Load } from './parts.ts';

const ALLOW: Verdict = { kind: 'allow' };
const allowAll: Gate = { decide: () => ALLOW, settle: () => undefined, resume: () => ALLOW };

async function serve(scope: Scope, port: number, user: string, password: string): Promise<void> {
  const { port: listening } = await startWireGateway(scope, {
    upstream: { host: '127.0.0.1', port },
    user,
    password,
    gate: allowAll,
    ...(process.argv[6] === 'fake' ? {} : { analyser: await createPostgresAnalyser({ clock: systemClock }) }),
  });
  process.stdout.write(`${listening}\n`);
}

async function compare(scope: Scope, seconds: number): Promise<void> {
  const server = await startPostgres(scope, { flavour: 'debian' });
  await server.query('CREATE DATABASE bench');
  await server.query(
    'CREATE TABLE pgbench_accounts (aid int PRIMARY KEY, bid int, abalance int, filler char(84)); ' +
      'CREATE TABLE pgbench_branches (bid int PRIMARY KEY); INSERT INTO pgbench_branches VALUES (1); ' +
      "INSERT INTO pgbench_accounts SELECT n, 1, 0, '' FROM generate_series(1, 100000) n; ANALYZE",
    'bench',
  );
  const relay = await startRelay(scope, server.port);
  const ways: [string, number][] = [
    ['direct', server.port],
    ['relay', relay],
  ];
  for (const kind of ['fake', 'real']) {
    const args = ['serve', String(server.port), server.user, server.password, kind];
    const child = spawn(process.execPath, [process.argv[1] ?? '', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    scope.after(() => void child.kill('SIGKILL'));
    ways.push([`session, ${kind} analysis`, Number(await firstLine(child))]);
  }
  const rows: string[][] = [];
  for (const clients of [1, 8]) {
    for (const mode of ['simple', 'extended', 'prepared'] as const) {
      const latencies = ways.map((): number[] => []);
      for (let round = 0; round < 3; round += 1) {
        for (const [index, [, port]] of ways.entries()) {
          const load: Load = { port, user: server.user, password: server.password, clients, mode, seconds };
          latencies[index]?.push((await pgbench(load)).latencyUs);
        }
      }
      const medians = latencies.map(median);
      const base = medians[1] ?? 1;
      rows.push([`${clients} ${mode}`, ...medians.map((us) => `${us.toFixed(0)} µs (${(us / base).toFixed(2)})`)]);
    }
  }
  console.log(table(['clients, mode', ...ways.map(([name]) => name)], rows));
}

const scope = new Scope();
if (process.argv[2] === 'serve') {
  await serve(scope, Number(process.argv[3]), process.argv[4] ?? '', process.argv[5] ?? '');
} else {
  try {
    await compare(scope, Number(process.argv[2] ?? '3'));
  } finally {
    await scope.end();
  }
}
