// Requests whose agent did not wait for a person: it was answered 202, asks for news, and sends the same bytes once more when they are
// approved. One store for the whole gateway. The bytes are not kept for sending: what is sent is what comes with the retry, which must have
// the digest that was shown to people. Pure but for the timers of its clock.
import type { Clock, Timer } from '../../lib/clock.ts';
import { visible } from '../../lib/text.ts';
import type { Action, Evidence } from '../../rules/action.ts';
import type { ParkedNotice } from '../session.ts';
import type { Origin } from './action.ts';
import type { LocalAnswer } from './flavour.ts';
import type { RefusalDraft } from './judgement.ts';
import { onlyValue, countOf, listOf } from './fields.ts';
import type { Field, HttpRequest } from './request.ts';

/** Where news of a request is, on the endpoint that it was sent to; the approval's id follows. Never forwarded. */
export const STATUS_PATH = '/.well-known/clawpatrol/requests/';

/** How long an approved request waits to be fetched, and how long what became of it is told afterwards. */
const FETCH_MS = 10 * 60_000;
const TOLD_MS = 10 * 60_000;
const MAX_TEXT_CHARS = 2000;
/** Seconds between two looks. */
const RETRY_AFTER = '5';
const MIB = 1024 * 1024;

/** How much is kept; beyond it requests are held open as if nobody had asked. */
export interface DeferralLimits {
  readonly count: number;
  readonly perOwner: number;
  /** Of requests that wait, or are approved. */
  readonly bytes: number;
}

const LIMITS: DeferralLimits = { count: 1000, perOwner: 100, bytes: 64 * MIB };

type State = 'pending' | 'approved' | 'denied' | 'expired' | 'used';

/** One request that was answered 202. */
export interface Deferral {
  /** It may run; its retry is waited for. */
  approved(): void;
  /** `expired`: nobody answered in time. */
  refused(refusal: RefusalDraft, expired: boolean): void;
}

/** What a retry is answered. `taken`: it is that action, and no other retry will be. */
export type Taken =
  | { readonly kind: 'taken'; readonly action: Action }
  | { readonly kind: 'pending'; readonly answer: LocalAnswer }
  | { readonly kind: 'refused'; readonly refusal: RefusalDraft };

/** What is to be kept of a request. */
export interface DeferralParts {
  readonly notice: ParkedNotice;
  readonly action: Action;
  readonly owner: string;
  readonly binding: string;
}

interface Entry {
  readonly approval: string;
  readonly owner: string;
  readonly binding: string;
  /** Null when it will not run any more. */
  action: Action | null;
  state: State;
  refusal: RefusalDraft | null;
  /** When the state ends by itself, on the monotonic clock. */
  endsMs: number;
  timer: Timer | null;
}

/** Whose request it is: who asks for another one's is told that there is none. Several agents may share a listener, so its peers count apart. */
export function ownerOf({ agent, endpoint }: Pick<Origin, 'agent' | 'endpoint'>): string {
  const { device, profile, user, transport, ip } = agent;
  return JSON.stringify([device, profile, user, transport === 'direct' ? ip : '', endpoint.ref]);
}

/** What must be the same in a retry. The digest covers method, target, fields and body. */
export function bindingOf(request: HttpRequest, evidence: Evidence, credential: string | null): string {
  const { scheme, host, port } = request;
  return JSON.stringify([scheme, host, port, credential, evidence.digest()]);
}

/** The approval that a request is the retry of; null when it is none, "" when that cannot be told. */
export function retryOf(fields: readonly Field[]): string | null {
  return countOf(fields, 'clawpatrol-retry') === 0 ? null : (onlyValue(fields, 'clawpatrol-retry') ?? '');
}

/** The agent would rather be told where to ask than wait (RFC 7240, section 4.1). */
export function prefersAsync({ fields }: Pick<HttpRequest, 'fields'>): boolean {
  return listOf(fields, 'prefer').some((member) => /^respond-async[ \t]*(?:;|$)/.test(member));
}

export class Deferrals {
  readonly #clock: Clock;
  readonly #abandon: (action: Action) => void;
  readonly #limits: DeferralLimits;
  readonly #entries = new Map<string, Entry>();
  readonly #perOwner = new Map<string, number>();
  #bytes = 0;

  /** `abandon` is told of actions that were approved and not fetched in time. */
  constructor(clock: Clock, abandon: (action: Action) => void, limits: DeferralLimits = LIMITS) {
    this.#clock = clock;
    this.#abandon = abandon;
    this.#limits = limits;
  }

  /** Null: there is no room for it. */
  add({
    notice,
    action,
    owner,
    binding,
  }: DeferralParts): { readonly deferral: Deferral; readonly answer: LocalAnswer } | null {
    const own = this.#perOwner.get(owner) ?? 0;
    const { count, perOwner, bytes } = this.#limits;
    if (
      this.#entries.size >= count ||
      own >= perOwner ||
      this.#bytes + action.evidence.sizeBytes > bytes ||
      this.#entries.has(notice.approval)
    ) {
      return null;
    }
    const entry: Entry = {
      approval: notice.approval,
      owner,
      binding,
      action,
      state: 'pending',
      refusal: null,
      endsMs: this.#clock.monotonicMs() + notice.expiresInMs,
      timer: null,
    };
    this.#entries.set(entry.approval, entry);
    this.#perOwner.set(owner, own + 1);
    this.#bytes += action.evidence.sizeBytes;
    return { deferral: this.#deferralOf(entry), answer: this.#accepted(entry) };
  }

  /** News of a request of that owner. */
  status(approval: string, owner: string): LocalAnswer {
    const entry = this.#find(approval, owner);
    return entry === null
      ? answerOf(404, [], { error: { code: 'unknown', reason: UNKNOWN } })
      : answerOf(200, entry.state === 'pending' ? [RETRY_LATER] : [], this.#describe(entry));
  }

  /** Once for an approved request. A retry that is not the same request leaves the approved one as it is. */
  take(approval: string, owner: string, binding: string | null): Taken {
    const entry = this.#find(approval, owner);
    if (entry === null) {
      return refused('retry_unknown', UNKNOWN);
    }
    if (entry.binding !== binding) {
      return refused('retry_differs', 'this is not the request that was asked for: its bytes differ');
    }
    const { action, state } = entry;
    if (state === 'pending') {
      return { kind: 'pending', answer: this.#accepted(entry) };
    }
    if (state === 'approved' && action !== null) {
      this.#end(entry, 'used');
      return { kind: 'taken', action };
    }
    return entry.refusal === null
      ? refused(`retry_${state}`, state === 'used' ? 'it was sent already, once' : 'it was not fetched in time')
      : { kind: 'refused', refusal: entry.refusal };
  }

  #find(approval: string, owner: string): Entry | null {
    const entry = this.#entries.get(approval);
    return entry?.owner === owner ? entry : null;
  }

  #deferralOf(entry: Entry): Deferral {
    return {
      approved: () => {
        entry.state = 'approved';
        this.#schedule(entry, FETCH_MS, () => this.#unfetched(entry));
      },
      refused: (refusal, expired) => {
        entry.refusal = refusal;
        this.#end(entry, expired ? 'expired' : 'denied');
      },
    };
  }

  #unfetched(entry: Entry): void {
    const { action } = entry;
    this.#end(entry, 'expired');
    if (action !== null) {
      this.#abandon(action);
    }
  }

  /** Nothing of it will run any more: what became of it is told for a while. */
  #end(entry: Entry, state: State): void {
    this.#bytes -= entry.action?.evidence.sizeBytes ?? 0;
    entry.action = null;
    entry.state = state;
    this.#schedule(entry, TOLD_MS, () => this.#forget(entry));
  }

  #forget({ approval, owner }: Entry): void {
    this.#entries.delete(approval);
    const left = (this.#perOwner.get(owner) ?? 1) - 1;
    if (left > 0) {
      this.#perOwner.set(owner, left);
    } else {
      this.#perOwner.delete(owner);
    }
  }

  #schedule(entry: Entry, delayMs: number, fire: () => void): void {
    entry.timer?.cancel();
    entry.endsMs = this.#clock.monotonicMs() + delayMs;
    entry.timer = this.#clock.after(delayMs, fire);
  }

  #accepted(entry: Entry): LocalAnswer {
    const location = { name: 'Location', value: STATUS_PATH + entry.approval };
    return answerOf(202, [PREFERENCE_APPLIED, location, RETRY_LATER], this.#describe(entry));
  }

  #describe({ approval, state, endsMs, refusal }: Entry): object {
    const waits = state === 'pending' || state === 'approved';
    const leftMs = Math.max(0, endsMs - this.#clock.monotonicMs());
    return {
      approval,
      state,
      ...(waits ? { expires_in: Math.ceil(leftMs / 1000) } : {}),
      status: STATUS_PATH + approval,
      ...(waits
        ? {
            retry: `when the state is approved, send the same request once more, byte for byte, with the header Clawpatrol-Retry: ${approval}`,
          }
        : {}),
      ...(refusal === null ? {} : toldOf(refusal)),
    };
  }
}

const UNKNOWN = 'no such request is waiting here';
const RETRY_LATER: Field = { name: 'Retry-After', value: RETRY_AFTER };
const PREFERENCE_APPLIED: Field = { name: 'Preference-Applied', value: 'respond-async' };

function refused(code: string, reason: string): Taken {
  return { kind: 'refused', refusal: { status: 409, code, reason, hint: 'Nothing was run by this request.' } };
}

/** What the agent would have been told had it waited: never who decided. */
function toldOf({ reason, rule = '', hint = '' }: RefusalDraft): object {
  return {
    reason: shown(reason),
    ...(rule === '' ? {} : { rule: shown(rule) }),
    ...(hint === '' ? {} : { hint: shown(hint) }),
  };
}

function shown(text: string): string {
  return visible(text, true).slice(0, MAX_TEXT_CHARS);
}

function answerOf(status: number, fields: readonly Field[], body: object): LocalAnswer {
  return {
    status,
    fields: [
      { name: 'Content-Type', value: 'application/json; charset=utf-8' },
      { name: 'Cache-Control', value: 'no-store' },
      ...fields,
    ],
    body: Buffer.from(`${JSON.stringify(body)}\n`, 'utf8'),
  };
}
