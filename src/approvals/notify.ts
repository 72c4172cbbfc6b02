// How channels (Slack, PagerDuty, a webhook, the dashboard's live feed) hear of what waits for people. The queue tells; a channel decides
// what to do with it. Nothing here lets a channel decide anything: votes come in by `Approvals.vote`, with an authenticated principal.
import type { Ref } from '../config/config.ts';
import type { Approval, BreakGlass, Vote } from './approval.ts';

/** The people that an approval waits for now. */
export interface Asked {
  /** `human_approver.oncall` or `builtin.dashboard`. */
  readonly approver: Ref;
  /** Notifiers that this approver names; [] = dashboard and command line only. */
  readonly notifiers: readonly Ref[];
  /** The approver's `message`, with its `{{…}}` not filled in; null without one. */
  readonly message: string | null;
  /** Distinct people that are needed. */
  readonly required: number;
}

/** That somebody decided alone, and who else could have: the others of that approver. */
export interface Alarm {
  readonly vote: Vote & { readonly breakGlass: BreakGlass };
  /** Entries of `approvers` and `break_glass`; no entry of `approvers`: any operator who decides. */
  readonly allowed: readonly string[];
}

/** What happened to one approval. Events about one approval come in order. */
export type ApprovalNews =
  /** People are asked: a new stage, or an approver to whom it was handed on. `previous` was asked before and did not answer. */
  | { readonly kind: 'asked'; readonly approval: Approval; readonly asked: Asked; readonly previous: Ref | null }
  /** They still have not decided. `number` counts from 1 for each approver. */
  | { readonly kind: 'reminded'; readonly approval: Approval; readonly asked: Asked; readonly number: number }
  /** What was shown has changed: a vote was counted, the effect is measured, more equal requests wait. */
  | { readonly kind: 'changed'; readonly approval: Approval; readonly asked: Asked }
  /** Somebody decided alone. Goes to every channel that there is, whatever it asks to hear. */
  | { readonly kind: 'break_glass'; readonly approval: Approval; readonly alarm: Alarm }
  /** What came of that: a line of ours. To every channel too. */
  | {
      readonly kind: 'break_glass_over';
      readonly approval: Approval;
      readonly alarm: Alarm;
      readonly outcome: string;
    }
  /** It has an end, on disk: `approval.state` is not pending. `told` are all notifiers that were told of it before. */
  | { readonly kind: 'decided'; readonly approval: Approval; readonly told: readonly Ref[] };

/** A channel. */
export interface Notifier {
  /**
   * Called in the queue's own turn, so it returns at once, never throws on purpose, and waits for nothing: delivery (with its time limit, its
   * retries and a bound on what it keeps) is the notifier's own work. A delivery that fails is recorded by the notifier; the queue goes on.
   */
  tell(news: ApprovalNews): void;
}

export interface AnnouncerParts {
  /** The notifiers of the configuration in force, by reference. */
  readonly notifiers: () => ReadonlyMap<Ref, Notifier>;
  /** Hear everything, whatever approver is asked: the dashboard's live feed. */
  readonly always: readonly Notifier[];
  readonly warn: (message: string, error: unknown) => void;
}

/** Tells each notifier that is concerned, each once; one that fails keeps the others from nothing. */
export function createAnnouncer({ notifiers, always, warn }: AnnouncerParts): (news: ApprovalNews) => void {
  return (news) => {
    const known = notifiers();
    const named = [...new Set(concernedBy(news, known))].flatMap((ref) => known.get(ref) ?? []);
    for (const notifier of [...always, ...named]) {
      try {
        notifier.tell(news);
      } catch (error) {
        warn('a notifier failed', error);
      }
    }
  };
}

function concernedBy(news: ApprovalNews, known: ReadonlyMap<Ref, Notifier>): Iterable<Ref> {
  switch (news.kind) {
    case 'break_glass':
    case 'break_glass_over':
      return known.keys();
    case 'decided':
      return news.told;
    case 'asked':
    case 'reminded':
    case 'changed':
      return news.asked.notifiers;
  }
}
