// What tests of the SQL analysis share: an analyser, a connection's state, and facts by short name.
import { systemClock } from '../../src/lib/clock.ts';
import type { Action, FactValue, Unit } from '../../src/rules/action.ts';
import type { Policy } from '../../src/rules/decision.ts';
import { decide, makeRuleAction } from './rule-parts.ts';
import type { Judgeable, SqlNames, SqlOptions, SqlState, SqlText } from '../../src/protocols/sql/analysis.ts';
import { createPostgresAnalyser } from '../../src/protocols/postgres/facts.ts';

/** Long texts may take their time in the thread: all unit tests are one process, which may hear of the answer late. */
export const analyser = await createPostgresAnalyser({ clock: systemClock, deadlineMs: 120_000 });

export const OPTIONS: SqlOptions = { readOnly: false, trustedFunctions: new Set(), maxTextBytes: 1024 * 1024 };

export const STATE: SqlState = {
  database: 'app',
  user: 'agent',
  role: 'agent',
  resetRole: 'agent',
  searchPath: ['public'],
  schemas: null,
  gatewaySetRole: false,
  readable: true,
  serverMajor: 18,
  shadowedFunctions: null,
};

export const NO_NAMES: SqlNames = { prepared: () => undefined, cursor: () => undefined };

export interface AnalyseOptions {
  readonly options?: Partial<SqlOptions>;
  readonly state?: Partial<SqlState>;
  readonly names?: SqlNames;
}

/** The text's analysis, however long it takes. */
export function textOf(sql: string | Buffer, options: Partial<SqlOptions> = {}): Promise<SqlText> {
  const scoped = Object.keys(options).length === 0 ? OPTIONS : { ...OPTIONS, ...options };
  return Promise.resolve(analyser.analyse(typeof sql === 'string' ? Buffer.from(sql) : sql, scoped));
}

export async function judgeableOf(sql: string | Buffer, extra: AnalyseOptions = {}): Promise<Judgeable> {
  const text = await textOf(sql, extra.options);
  return analyser.bind(text, { ...STATE, ...extra.state }, extra.names ?? NO_NAMES, 'idle');
}

/** A fact by its name without `sql.`. */
export function fact(unit: Unit | undefined, name: string): FactValue | undefined {
  return unit?.facts.get(name === 'risk' || name === 'risk_causes' ? name : `sql.${name}`);
}

/** The action that a gateway would judge for this text. */
export function actionOf(judgeable: Judgeable): Action {
  const action = makeRuleAction();
  const { units, risk, summary, refused, memo } = judgeable;
  return { ...action, units, risk, summary, refused, memo };
}

/** What a policy says about a text. */
export async function verdictOf(policy: Policy, sql: string | Buffer, extra: AnalyseOptions = {}): Promise<string> {
  const judgeable = await judgeableOf(sql, extra);
  const decision = decide(policy, actionOf(judgeable));
  return decision.by === 'protocol' ? 'refuse' : decision.kind;
}
