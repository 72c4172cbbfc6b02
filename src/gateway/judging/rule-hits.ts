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
  note(decision: Pick<Decision, 'rule'>, risk: Risk): void;
  ofRule(name: string): Hit | null;
  /** Where no rule matched. */
  ofTier(risk: Risk): Hit | null;
}

interface Counter {
  count: number;
  lastMs: number;
}

export function createRuleHits(clock: Pick<Clock, 'now'>): RuleHits {
  const rules = new Map<string, Counter>();
  const tiers = new Map<string, Counter>();
  return {
    sinceMs: clock.now(),
    note({ rule }, risk) {
      const [table, key] = rule === '' ? [tiers, risk] : [rules, rule];
      const counter = table.get(key);
      if (counter === undefined) {
        table.set(key, { count: 1, lastMs: clock.now() });
      } else {
        counter.count += 1;
        counter.lastMs = clock.now();
      }
    },
    ofRule: (name) => rules.get(name) ?? null,
    ofTier: (risk) => tiers.get(risk) ?? null,
  };
}
