// What tests of ClickHouse's SQL analysis share: an analyser, what a query comes with, and facts by short name.
import type { FactValue, Unit } from '../../src/rules/action.ts';
import type { Policy } from '../../src/rules/decision.ts';
import type {
  ClickHouseContext,
  ClickHouseJudgeable,
  ClickHouseOptions,
} from '../../src/protocols/clickhouse/analysis/context.ts';
import { createClickHouseAnalyser } from '../../src/protocols/clickhouse/facts.ts';
import { decide, makeRuleAction } from './rule-parts.ts';

/** Long texts may take their time in the thread: all unit tests are one process, which may hear of the answer late. */
export const analyser = createClickHouseAnalyser({ deadlineMs: 120_000 });

export const OPTIONS: ClickHouseOptions = {
  readOnly: false,
  trustedFunctions: new Set(),
  maxTextBytes: 4 * 1024 * 1024,
};

export const CONTEXT: ClickHouseContext = {
  database: 'app',
  user: 'agent',
  role: '',
  interface: 'native',
  settings: new Map(),
  parameters: new Map(),
  externalTables: [],
  temporaryTables: [],
  sessionSettings: new Map(),
};

export interface JudgeOptions {
  readonly options?: Partial<ClickHouseOptions>;
  readonly context?: Partial<ClickHouseContext>;
}

export async function judge(
  sql: string | Buffer,
  { options = {}, context = {} }: JudgeOptions = {},
): Promise<ClickHouseJudgeable> {
  const scoped = Object.keys(options).length === 0 ? OPTIONS : { ...OPTIONS, ...options };
  const text = await analyser.analyse(typeof sql === 'string' ? Buffer.from(sql) : sql, scoped);
  return analyser.bind(text, { ...CONTEXT, ...context }, scoped);
}

/** A fact by its name without `sql.`. */
export function fact(unit: Unit | undefined, name: string): FactValue | undefined {
  return unit?.facts.get(name === 'risk' || name === 'risk_causes' ? name : `sql.${name}`);
}

/** What a policy says about a text. */
export async function verdictOf(policy: Policy, sql: string | Buffer, extra: JudgeOptions = {}): Promise<string> {
  const { units, risk, summary, refused, memo } = await judge(sql, extra);
  const decision = decide(policy, { ...makeRuleAction(), units, risk, summary, refused, memo });
  return decision.by === 'protocol' ? 'refuse' : decision.kind;
}
