// Who decides how: an approver that approves nearly everything within seconds has stopped reading. Pure bookkeeping over the last votes.
import type { Approval } from './approval.ts';
import { Lru } from '../lib/lru.ts';

/** So many of a person's last decisions are looked at; before that nobody is flagged. */
export const FATIGUE_VOTES = 20;
/** More than this share approved counts. */
const APPROVED_SHARE = 0.9;
/** People that are remembered; the ones who voted longest ago are forgotten. */
const MAX_PEOPLE = 1_000;

/** One decision of a person. */
export interface Decided {
  readonly by: string;
  readonly approved: boolean;
  /** Wall clock. */
  readonly atMs: number;
  /** From when they could have decided: when they were asked, or when they were done with what they decided before. */
  readonly tookMs: number;
  /** The configured time of the approver that asked them. */
  readonly limitMs: number;
}

/** How a person decides. */
export interface ApproverRecord {
  readonly name: string;
  /** Since the log begins, or since this process remembers. */
  readonly decided: number;
  readonly approved: number;
  /** Of the last decisions, at most `FATIGUE_VOTES`. */
  readonly lastDecided: number;
  readonly lastApproved: number;
  readonly medianMs: number;
  readonly limitMs: number;
  readonly lastMs: number;
  readonly tired: boolean;
}

export interface Fatigue {
  note(decided: Decided): void;
  isTired(name: string): boolean;
  /**
   * How long that person had for a decision now: since they were asked, or since they were done with what they decided before, whichever is
   * less. Whoever clicks through what had waited for an hour took no hour for it.
   */
  decidingMs(name: string, times: { readonly nowMs: number; readonly askedMs: number }): number;
  /** Everyone that is known, by name. */
  list(): readonly ApproverRecord[];
}

interface Person {
  decided: number;
  approved: number;
  readonly last: Decided[];
}

export function createFatigue(): Fatigue {
  const people = new Lru<string, Person>(MAX_PEOPLE);
  const names = new Set<string>();
  const recordOf = (name: string): ApproverRecord | null => {
    const person = people.find(name);
    return person === null ? null : describe(name, person);
  };
  return {
    note(decided) {
      const person = people.find(decided.by) ?? { decided: 0, approved: 0, last: [] };
      person.decided += 1;
      person.approved += decided.approved ? 1 : 0;
      person.last.push(decided);
      if (person.last.length > FATIGUE_VOTES) {
        person.last.shift();
      }
      people.put(decided.by, person);
      names.add(decided.by);
    },
    isTired: (name) => recordOf(name)?.tired === true,
    decidingMs(name, { nowMs, askedMs }) {
      const lastMs = people.find(name)?.last.at(-1)?.atMs;
      // The wall clock may have been set back.
      return Math.max(0, lastMs === undefined || nowMs < lastMs ? askedMs : Math.min(askedMs, nowMs - lastMs));
    },
    list() {
      const known = [...names].flatMap((name) => recordOf(name) ?? []);
      if (known.length < names.size) {
        names.clear();
        known.forEach(({ name }) => names.add(name));
      }
      return known.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    },
  };
}

function describe(name: string, { decided, approved, last }: Person): ApproverRecord {
  const lastApproved = last.filter((one) => one.approved).length;
  const latest = last.at(-1);
  const limitMs = latest?.limitMs ?? 0;
  const medianMs = median(last.map(({ tookMs }) => tookMs));
  return {
    name,
    decided,
    approved,
    lastDecided: last.length,
    lastApproved,
    medianMs,
    limitMs,
    lastMs: latest?.atMs ?? 0,
    tired: last.length >= FATIGUE_VOTES && lastApproved / last.length > APPROVED_SHARE && medianMs < limitMs,
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const high = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? 0) + high) / 2;
}

/** The decisions of people that stored approvals tell of, oldest first. */
export function decisionsOf(approvals: readonly Approval[], limitOf: (approver: string) => number): readonly Decided[] {
  return approvals
    .flatMap(({ votes, approvers, stage }) =>
      votes.flatMap(({ by, via, decision, atMs, waitedMs }): Decided[] =>
        via === 'model' || via === 'gateway' || decision === 'escalate' || typeof waitedMs !== 'number'
          ? []
          : [
              {
                by,
                approved: decision === 'approve',
                atMs,
                tookMs: waitedMs,
                limitMs: limitOf(approvers[stage] ?? ''),
              },
            ],
      ),
    )
    .toSorted((a, b) => a.atMs - b.atMs);
}
