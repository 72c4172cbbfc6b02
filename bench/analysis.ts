// Statement analysis: texts per second that the gateway has not seen, and that differ from a seen one in a number only.
import { createPostgresAnalyser } from '../src/protocols/postgres/facts.ts';
import type { SqlNames, SqlOptions, SqlState } from '../src/protocols/sql/analysis.ts';
import { systemClock } from '../src/lib/clock.ts';
import { table } from './parts.ts';

const OPTIONS: SqlOptions = { readOnly: false, trustedFunctions: new Set(), maxTextBytes: 1 << 20 };
const STATE: SqlState = {
  database: 'app',
  user: 'agent',
  role: 'agent',
  resetRole: 'agent',
  searchPath: ['public'],
  schemas: new Set(['public']),
  gatewaySetRole: false,
  readable: true,
  serverMajor: 15,
  shadowedFunctions: null,
};
const NAMES: SqlNames = { prepared: () => undefined, cursor: () => undefined };

const TEXTS: Readonly<Record<string, (index: number) => string>> = {
  'point select, another number each time': (index) => `SELECT abalance FROM pgbench_accounts WHERE aid = ${index};`,
  'point select, another name each time': (index) =>
    `SELECT abalance FROM pgbench_accounts WHERE aid = 1 AND x${index} = 2`,
  'join with sub-select, another name each time': (index) =>
    `SELECT u.name, count(*) FROM users u JOIN orders o ON o.user_id = u.id WHERE o.total > (SELECT avg(total) FROM orders x${index}) GROUP BY 1 ORDER BY 2 DESC LIMIT 10`,
  'update with a string, another each time': (index) => `UPDATE users SET name = 'user ${index}' WHERE id = 7`,
};

/** The worker recorded what the facts are, as the gate would ask for them: verb, tables, risk. */
export async function benchAnalysis(count: number): Promise<void> {
  const analyser = await createPostgresAnalyser({ clock: systemClock });
  const rows: string[][] = [];
  for (const [name, make] of Object.entries(TEXTS)) {
    const run = async (from: number, to: number): Promise<void> => {
      for (let index = from; index < to; index += 1) {
        const text = await analyser.analyse(Buffer.from(make(index)), OPTIONS);
        const bound = analyser.bind(text, STATE, NAMES, 'idle');
        for (const unit of bound.units) {
          unit.facts.get('sql.verb');
          unit.facts.get('sql.tables');
        }
      }
    };
    await run(0, Math.ceil(count / 5));
    const startedMs = performance.now();
    await run(count, count * 2);
    const us = ((performance.now() - startedMs) * 1000) / count;
    rows.push([name, us.toFixed(1), (1e6 / us).toFixed(0)]);
  }
  await analyser.close();
  process.stdout.write(`${table(['statement', 'µs each', 'per second'], rows)}\n`);
}
