// How often each rule and each tier has decided since the gateway started, for the people who look after the rules.
import type { Clock } from '../../lib/clock.ts';
import type { Risk } from '../../rules/action.ts';
import type { Decision } from '../../rules/decision.ts';

export interface Hit {
  readonly count: number;
  readonly lastMs: number;
}

export interface RuleHits {
  readonly sinceMs: number;
  /** One action was decided. On the path of every action: no promise, nothing is made but at a rule's first hit. */
  note(decision: Pick<Decision, 'rule'>, risk: Risk, profile: string): void;
  /** `profiles`: of agents of these only. */
  ofRule(name: string, profiles?: readonly string[]): Hit | null;
  /** Where no rule matched. */
  ofTier(risk: Risk, profiles?: readonly string[]): Hit | null;
}

interface Counter {
  count: number;
  lastMs: number;
}

/** By profile. */
type Counters = Map<string, Counter>;

export function createRuleHits(clock: Pick<Clock, 'now'>): RuleHits {
  const rules = new Map<string, Counters>();
  const tiers = new Map<string, Counters>();
  return {
    sinceMs: clock.now(),
    note({ rule }, risk, profile) {
      const [table, key] = rule === '' ? [tiers, risk] : [rules, rule];
      const counter = table.get(key)?.get(profile);
      if (counter === undefined) {
        const counters = table.get(key) ?? new Map<string, Counter>();
        table.set(key, counters.set(profile, { count: 1, lastMs: clock.now() }));
      } else {
        counter.count += 1;
        counter.lastMs = clock.now();
      }
    },
    ofRule: (name, profiles) => sum(rules.get(name), profiles),
    ofTier: (risk, profiles) => sum(tiers.get(risk), profiles),
  };
}

function sum(counters: Counters | undefined, profiles: readonly string[] | undefined): Hit | null {
  const own = [...(counters ?? [])].flatMap(([profile, counter]) =>
    profiles === undefined || profiles.includes(profile) ? [counter] : [],
  );
  return own.length === 0
    ? null
    : {
        count: own.reduce((total, { count }) => total + count, 0),
        lastMs: own.reduce((latest, { lastMs }) => Math.max(latest, lastMs), 0),
      };
}
