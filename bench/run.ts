// npm run bench [part …]: each part prints figures as ratios against something that a user would otherwise run.
// --quick shortens everything (for a look, not for the README).
import { cpus, totalmem } from 'node:os';
import { benchAnalysis } from './analysis.ts';
import { benchClickHouse } from './clickhouse.ts';
import { benchDashboard } from './dashboard.ts';
import { benchHttps } from './https.ts';
import { benchPostgres } from './postgres.ts';
import { benchRulesScale } from './rules.ts';
import { benchSsh } from './ssh.ts';
import { benchTunnel } from './tunnel.ts';

const quick = process.argv.includes('--quick');
const wanted = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const parts: Readonly<Record<string, () => Promise<void>>> = {
  analysis: () => benchAnalysis(quick ? 5_000 : 50_000),
  rules: () => benchRulesScale(quick ? 2_000 : 50_000),
  dashboard: () => benchDashboard({ clicks: quick ? 30 : 300, parked: quick ? 1_000 : 10_000 }),
  postgres: () =>
    benchPostgres({ rounds: quick ? 2 : 5, seconds: quick ? 1 : 2, memoryStatements: quick ? 50_000 : 1_000_000 }),
  clickhouse: () => benchClickHouse({ rounds: quick ? 2 : 5, rows: quick ? 2_000_000 : 6_000_000 }),
  https: () =>
    benchHttps({ rounds: quick ? 2 : 5, seconds: quick ? 1 : 2, downloadBytes: (quick ? 128 : 1024) * 1024 ** 2 }),
  ssh: () => benchSsh({ rounds: quick ? 1 : 3, bytes: (quick ? 50 : 200) * 1024 ** 2 }),
  tunnel: () => benchTunnel({ rounds: quick ? 1 : 3, mebibytes: quick ? 50 : 100, seconds: quick ? 1 : 2 }),
};

const unknown = wanted.filter((name) => !(name in parts));
if (unknown.length > 0) {
  process.stderr.write(`no benchmark named ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}\n`);
  process.exitCode = 2;
} else {
  const cores = cpus();
  process.stdout.write(
    `${cores.length} × ${cores[0]?.model ?? 'cpu'}, ${(totalmem() / 1024 ** 3).toFixed(0)} GiB, Node ${process.version}\n\n`,
  );
  for (const [name, run] of Object.entries(parts)) {
    if (wanted.length === 0 || wanted.includes(name)) {
      process.stdout.write(`## ${name}\n\n`);
      await run();
      process.stdout.write('\n');
    }
  }
}
