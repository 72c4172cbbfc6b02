// A gate for the wire's own tests: denies, parks or allows by a look at the text, and writes down everything it is asked and told.
import type { Gate, Waiting } from '../../src/protocols/protocol.ts';
import type { ParkedNotice, Verdict } from '../../src/protocols/session.ts';
import type { Action, Outcome } from '../../src/rules/action.ts';

export interface Asked {
  readonly action: Action;
  readonly verdict: string;
}

export const ALLOW: Verdict = { kind: 'allow' };

export function denial(reason: string, cause: 'deny' | 'cancelled' | 'unavailable' = 'deny'): Verdict {
  return { kind: 'deny', cause, rule: 'no-drops', reason, word: '', hint: 'Ask the operators.' };
}

export interface Parked {
  readonly action: Action;
  readonly signal: AbortSignal;
  notify(notice: ParkedNotice): void;
  answer(verdict: Verdict): void;
}

/** Denies `drop`, `delete`, `denied`; parks `park`; waits a turn for `slow`; allows everything else. */
export class FakeGate implements Gate {
  readonly asked: Action[] = [];
  readonly settled: { readonly action: Action; readonly outcome: Outcome }[] = [];
  readonly parked: Parked[] = [];
  onParked: (parked: Parked) => void = () => undefined;

  decide(action: Action, waiting: () => Waiting): Verdict | Promise<Verdict> {
    this.asked.push(action);
    const text = textOf(action);
    if (action.refused !== null) {
      return denial(action.refused);
    }
    if (/\b(drop|delete|denied|unknown)\b/i.test(text)) {
      return denial('schema changes need a migration');
    }
    if (/\bslow\b/.test(text)) {
      return Promise.resolve(ALLOW);
    }
    return /\bpark\b/.test(text) && action.phase === 'execute' ? this.#park(action, waiting()) : ALLOW;
  }

  resume(): Verdict {
    return ALLOW;
  }

  settle(action: Action, outcome: Outcome): void {
    this.settled.push({ action, outcome });
  }

  /** `text: kind rows status` of everything that was settled. */
  get outcomes(): readonly string[] {
    return this.settled.map(
      ({ action, outcome }) =>
        `${action.evidence.text}: ${outcome.kind} ${outcome.rows ?? '-'} ${outcome.status}${outcome.errorCode}`,
    );
  }

  #park(action: Action, waiting: Waiting): Promise<Verdict> {
    return new Promise((resolve) => {
      waiting.signal.addEventListener('abort', () => resolve(denial('withdrawn', 'cancelled')), { once: true });
      const parked = {
        action,
        signal: waiting.signal,
        notify: (notice: ParkedNotice) => waiting.parked(notice),
        answer: resolve,
      };
      this.parked.push(parked);
      waiting.parked({ approval: 'approval-1', expiresInMs: 600_000, waitsFor: 'human_approver.oncall' });
      this.onParked(parked);
    });
  }
}

/** What the fake looks at: the text, the verbs (with those of stored statements) and the parameters. */
function textOf(action: Action): string {
  const facts = action.units.map((unit) => JSON.stringify([unit.facts.get('sql.verbs'), unit.facts.get('sql.params')]));
  return [action.evidence.text, ...facts].join(' ');
}
