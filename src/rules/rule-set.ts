// The rules of one endpoint, profile and credential: walks them for each unit of an action and joins what they say.
// Order of strength: deny, approve, allow. Nothing here throws; a fault of ours denies.
import { Unknown } from './action.ts';
import type { Action, CannotTellWord, Unit, UnknownCause } from './action.ts';
import { answerOf } from './cel-eval.ts';
import type { Evaluate } from './cel-eval.ts';
import type { Failure } from './cel-values.ts';
import type { CannotTell, CommonFacts, Decision, RuleSet, RuleTrace, TierPolicy } from './decision.ts';
import type { Frame, UnknownRead } from './frame.ts';
import { GuardIndex } from './guard.ts';
import type { Guard } from './guard.ts';
import { messageOf } from '../lib/errors.ts';

/** A rule, ready to run. */
export interface CompiledRule {
  readonly name: string;
  readonly priority: number;
  readonly file: string;
  readonly line: number;
  readonly disabled: boolean;
  /** Typed reference of the only credential under which it matches, or null. */
  readonly credential: string | null;
  /** null = matches everything. */
  readonly condition: Evaluate | null;
  readonly guard: Guard | null;
  /** Names of the facts that the condition can read. */
  readonly facts: ReadonlySet<string>;
  /** Texts that it compares facts with, by fact. */
  readonly named: ReadonlyMap<string, ReadonlySet<string>>;
  readonly kind: 'allow' | 'deny' | 'approve';
  readonly approvers: readonly string[];
  readonly reason: string;
}

/** What a set needs beside its rules. */
export interface RuleSetParts {
  readonly frame: Frame;
  /** In evaluation order, disabled ones and those of other credentials included. */
  readonly rules: readonly CompiledRule[];
  readonly credential: string | null;
  readonly unmatched: 'risk' | 'allow' | 'deny';
  readonly tiers: Readonly<Record<Unit['risk'], TierPolicy>>;
}

/** What the walk says about one unit. */
interface Judged {
  readonly kind: Decision['kind'];
  readonly by: Decision['by'];
  readonly rule: string;
  readonly reason: string;
  readonly cannotTell: CannotTell | null;
  readonly approvers: readonly string[];
  /** Allowed only because nothing runs yet. */
  readonly postponed: boolean;
}

const STRENGTH: Readonly<Record<Decision['kind'], number>> = { allow: 0, approve: 1, deny: 2 };
const POSTPONED = 'judged when it is executed';

/** Below this, walking all rules is cheaper than asking an index. */
const MIN_INDEXED_RULES = 8;

export function createRuleSet(parts: RuleSetParts): RuleSet {
  return new CompiledRuleSet(parts);
}

class CompiledRuleSet implements RuleSet {
  readonly #parts: RuleSetParts;
  readonly #frame: Frame;
  /** Rules that can match here, with their answers made once. */
  readonly #live: readonly { readonly rule: CompiledRule; readonly judged: Judged }[];
  readonly #index: GuardIndex | null;
  readonly #facts: ReadonlySet<string>;

  constructor(parts: RuleSetParts) {
    this.#parts = parts;
    this.#frame = parts.frame;
    this.#live = parts.rules
      .filter((rule) => !rule.disabled && matchesCredential(rule, parts.credential))
      .map((rule) => ({ rule, judged: judgedBy(rule) }));
    const guards = this.#live.map(({ rule }) => rule.guard);
    const worthwhile = guards.length >= MIN_INDEXED_RULES && guards.some((guard) => guard !== null);
    this.#index = worthwhile ? new GuardIndex(guards, parts.frame) : null;
    this.#facts = new Set(this.#live.flatMap(({ rule }) => [...rule.facts]));
  }

  decide(action: Action, common: CommonFacts): Decision {
    try {
      return this.#decide(action, common);
    } catch (error) {
      return faulty(error);
    }
  }

  #decide(action: Action, common: CommonFacts): Decision {
    if (action.refused !== null) {
      return refused(action.refused);
    }
    this.#frame.start(action, common);
    const joined = new Join();
    for (const unit of action.units) {
      this.#frame.enter(unit);
      if (joined.add(this.#soften(this.#judge(unit), action)) === 'decided') {
        break;
      }
    }
    return joined.finish(this.#frame.holds);
  }

  explain(action: Action, common: CommonFacts): { readonly decision: Decision; readonly trace: readonly RuleTrace[] } {
    const decision = this.decide(action, common);
    const trace: RuleTrace[] = [];
    try {
      this.#frame.start(action, common);
      action.units.forEach((unit, index) => {
        this.#frame.enter(unit);
        trace.push(...this.#traceUnit(index));
      });
    } catch {
      // The decision already says that something is wrong; the trace ends where it happened.
    }
    return { decision, trace };
  }

  reads(factName: string): boolean {
    return this.#facts.has(factName);
  }

  names(factName: string, value: string): boolean {
    return this.#live.some(({ rule }) => rule.named.get(factName)?.has(value) === true);
  }

  #judge(unit: Unit): Judged {
    if (this.#index === null) {
      for (const entry of this.#live) {
        const judged = this.#ask(entry);
        if (judged !== null) {
          return judged;
        }
      }
      return this.#unmatched(unit);
    }
    return this.#judgeSelected(this.#index.select(this.#frame)) ?? this.#unmatched(unit);
  }

  #judgeSelected(bits: Uint32Array): Judged | null {
    for (let word = 0; word < bits.length; word += 1) {
      for (let left = bits[word] ?? 0; left !== 0; left &= left - 1) {
        const entry = this.#live[word * 32 + 31 - Math.clz32(left & -left)];
        const judged = entry === undefined ? null : this.#ask(entry);
        if (judged !== null) {
          return judged;
        }
      }
    }
    return null;
  }

  /** The rule's answer, null when it does not match. */
  #ask({ rule, judged }: { readonly rule: CompiledRule; readonly judged: Judged }): Judged | null {
    if (rule.condition === null) {
      return judged;
    }
    this.#frame.begin();
    const answer = answerOf(rule.condition(this.#frame));
    if (typeof answer === 'boolean') {
      return answer ? judged : null;
    }
    return cannotTell(rule, answer, this.#frame.unknowns);
  }

  #unmatched(unit: Unit): Judged {
    const { unmatched, tiers } = this.#parts;
    const why = unit.riskReason === '' ? '' : `: ${unit.riskReason}`;
    const base = { rule: '', cannotTell: null, postponed: false } as const;
    switch (unmatched) {
      case 'allow':
        return unit.unreadable
          ? {
              ...base,
              kind: 'deny',
              by: 'unmatched',
              reason: 'no rule matched, and it could not be read',
              approvers: [],
            }
          : ALLOWED_UNMATCHED;
      case 'deny':
        return {
          ...base,
          kind: 'deny',
          by: 'unmatched',
          reason: 'no rule matched, and what no rule allows is denied',
          approvers: [],
        };
      case 'risk': {
        const risk = unit.unreadable ? 'destructive' : unit.risk;
        const tier = tiers[risk];
        if (tier.kind === 'allow') {
          return ALLOWED_TIER;
        }
        const reason = tier.reason === '' ? `no rule matched; ${risk}${why}` : tier.reason;
        return { ...base, kind: tier.kind, by: 'risk', reason, approvers: tier.approvers };
      }
    }
  }

  /**
   * Nothing runs at a Parse: it can be denied, and is never parked. What needs approval, and what hangs on values that are
   * not bound yet, is judged at each execution.
   */
  #soften(judged: Judged, action: Action): Judged {
    if (action.phase === 'execute') {
      return judged;
    }
    return judged.kind === 'approve' || isOpenUntilBound(judged, this.#frame.unknowns)
      ? { ...judged, kind: 'allow', reason: POSTPONED, approvers: [], cannotTell: null, postponed: true }
      : judged;
  }

  /** Every rule up to the one that decides, for one unit. */
  #traceUnit(unit: number): readonly RuleTrace[] {
    const trace: RuleTrace[] = [];
    for (const rule of this.#parts.rules) {
      const step = this.#traceRule(rule);
      const { name, priority, file, line } = rule;
      trace.push({ rule: name, priority, file, line, unit, ...step });
      if (step.result === 'yes' || step.result === 'cannot-tell') {
        break;
      }
    }
    return trace;
  }

  #traceRule(rule: CompiledRule): Pick<RuleTrace, 'result' | 'cause'> {
    if (rule.disabled) {
      return { result: 'disabled', cause: '' };
    }
    if (!matchesCredential(rule, this.#parts.credential)) {
      return { result: 'other-credential', cause: rule.credential ?? '' };
    }
    this.#frame.begin();
    const answer = rule.condition === null || answerOf(rule.condition(this.#frame));
    if (typeof answer === 'boolean') {
      return { result: answer ? 'yes' : 'no', cause: '' };
    }
    return { result: 'cannot-tell', cause: causeText(answer, this.#frame.unknowns) };
  }
}

const ALLOWED_UNMATCHED: Judged = {
  kind: 'allow',
  by: 'unmatched',
  rule: '',
  reason: '',
  cannotTell: null,
  approvers: [],
  postponed: false,
};
const ALLOWED_TIER: Judged = { ...ALLOWED_UNMATCHED, by: 'risk' };

function matchesCredential(rule: CompiledRule, credential: string | null): boolean {
  return rule.credential === null || rule.credential === credential;
}

function judgedBy({ name, kind, reason, approvers }: CompiledRule): Judged {
  const generated = { allow: '', deny: `denied by rule ${name}`, approve: `rule ${name} asks for approval` }[kind];
  return {
    kind,
    by: 'rule',
    rule: name,
    reason: reason === '' ? generated : reason,
    cannotTell: null,
    approvers,
    postponed: false,
  };
}

/** Causes and the coarse words for them (fact reference, 1.3). */
const WORDS: Readonly<Record<UnknownCause, CannotTellWord>> = {
  too_large: 'truncated',
  incomplete: 'truncated',
  unparseable: 'unparseable',
  undecodable: 'unparseable',
  ambiguous: 'unparseable',
  dynamic: 'evaluation',
  unresolved: 'evaluation',
  unavailable: 'evaluation',
};

function cannotTell(rule: CompiledRule, answer: Unknown | Failure, unknowns: readonly UnknownRead[]): Judged {
  const cause = answer instanceof Unknown ? answer.cause : 'error';
  const word = cause === 'error' ? 'evaluation' : WORDS[cause];
  const told = rule.reason === '' ? '' : `: ${rule.reason}`;
  return {
    kind: 'deny',
    by: 'cannot-tell',
    rule: rule.name,
    reason: `rule ${rule.name} could not be evaluated (${word})${told}`,
    cannotTell: {
      word,
      cause,
      facts: unknowns.map(({ fact }) => fact).toSorted(),
      detail: causeText(answer, unknowns),
    },
    approvers: [],
    postponed: false,
  };
}

function causeText(answer: Unknown | Failure, unknowns: readonly UnknownRead[]): string {
  const read = unknowns.map(({ fact, cause }) => `${fact} is unknown (${cause})`);
  const own = answer instanceof Unknown ? [] : [answer.detail];
  return read.length + own.length === 0 && answer instanceof Unknown ? answer.cause : [...own, ...read].join('; ');
}

/** A rule that could not tell, and everything it missed is missing because parameters are not bound yet. */
function isOpenUntilBound(judged: Judged, unknowns: readonly UnknownRead[]): boolean {
  return judged.by === 'cannot-tell' && unknowns.length > 0 && unknowns.every(({ cause }) => cause === 'dynamic');
}

/** Joins the units' answers: the strictest wins, the first of equals; approvers of all units in order, each once. */
class Join {
  #strongest: Judged | null = null;
  #unit = 0;
  #count = 0;
  #postponed = false;
  #approvers: readonly string[] = [];

  add(judged: Judged): 'decided' | 'open' {
    if (this.#strongest === null || STRENGTH[judged.kind] > STRENGTH[this.#strongest.kind]) {
      this.#strongest = judged;
      this.#unit = this.#count;
    }
    this.#count += 1;
    this.#postponed ||= judged.postponed;
    if (judged.approvers.length > 0) {
      const approvers = this.#approvers;
      this.#approvers =
        approvers.length === 0
          ? judged.approvers
          : [...approvers, ...judged.approvers.filter((ref) => !approvers.includes(ref))];
    }
    return judged.kind === 'deny' ? 'decided' : 'open';
  }

  finish(holds: Decision['holds']): Decision {
    const judged = this.#strongest ?? NO_UNITS;
    const { kind, by, rule, reason, cannotTell: why } = judged;
    return {
      kind,
      by,
      rule,
      reason,
      cannotTell: why,
      approvers: kind === 'approve' ? this.#approvers : [],
      unit: this.#unit,
      // A postponed answer is for this phase only: the same memo comes back at the execution.
      holds: this.#postponed ? 'once' : holds,
    };
  }
}

/** An action has at least one unit; one that has none is a fault of ours. */
const NO_UNITS: Judged = {
  kind: 'deny',
  by: 'protocol',
  rule: '',
  reason: 'there is nothing to judge',
  cannotTell: null,
  approvers: [],
  postponed: false,
};

function refused(reason: string): Decision {
  return { ...NO_DECISION, reason: reason === '' ? 'refused by the protocol' : reason };
}

function faulty(error: unknown): Decision {
  const detail = messageOf(error);
  return {
    ...NO_DECISION,
    by: 'cannot-tell',
    reason: 'the rules could not be evaluated (evaluation)',
    cannotTell: { word: 'evaluation', cause: 'error', facts: [], detail },
  };
}

const NO_DECISION: Decision = {
  kind: 'deny',
  by: 'protocol',
  rule: '',
  reason: '',
  cannotTell: null,
  approvers: [],
  unit: 0,
  holds: 'once',
};
