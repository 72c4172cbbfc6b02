// Grants in force: which of them covers an action, how often, until when. Counting is atomic since nothing of it waits; the count goes to the
// disk in the record of the question that it answers, before the effect.
import type { AuditLog } from '../audit/log.ts';
import { createEvent, type AuditEvent } from '../audit/event.ts';
import type { Ref } from '../config/config.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import { RISKS, type Action } from '../rules/action.ts';
import type { Approval, Grants, GrantTerms, GrantWish } from './approval.ts';
import type { Grant, GrantState } from './grant.ts';

/** What a scope compares, of one action. */
export type Likeness =
  | { readonly kind: 'like'; readonly key: string; readonly sentence: string }
  | { readonly kind: 'none'; readonly why: string };

/** Grants as they are stored: the log makes them from its records, in the record's own transaction. */
export interface GrantStore {
  getGrant(idOrPrefix: string): Promise<Grant | null>;
  /** Newest first. */
  listGrants(
    states: readonly GrantState[],
    page: { readonly limit: number; readonly cursor: string | null },
  ): Promise<{ readonly items: readonly Grant[]; readonly next: string | null }>;
}

export interface GrantBookParts {
  readonly clock: Clock;
  readonly audit: Pick<AuditLog, 'appendDurable'>;
  readonly store: GrantStore;
  readonly likeness: (action: Action, scope: GrantWish['scope']) => Likeness;
  /** Everything of the configuration in force that stands behind an endpoint, as text; another text ends its grants. */
  readonly policyOf: (endpoint: Ref) => string;
  readonly warn: (message: string, error: unknown) => void;
}

export type Revoked =
  | { readonly kind: 'revoked'; readonly grant: Grant }
  | { readonly kind: 'not-active' }
  /** It is revoked in this process, and the record could not be written: a restart would bring it back. */
  | { readonly kind: 'unrecorded' };

export interface GrantBook extends Grants {
  /** Those that may answer now, oldest first. */
  active(): readonly Grant[];
  /** What a grant of that scope would cover, for people; "" where there can be none. */
  describe(action: Action, scope: GrantWish['scope']): string;
  /** What actions must have in common with this one to be covered; null where there can be no such grant. */
  keyOf(action: Action, scope: GrantWish['scope']): string | null;
  revoke(id: string, by: string, why: string): Promise<Revoked>;
  /** A new configuration is in force: grants behind which something changed end. */
  policyChanged(): void;
  /** Ends those, for that reason. */
  endOf(fits: (grant: Grant) => boolean, why: string): void;
  /** Takes up what an earlier process left. Call once, before anything is asked. */
  load(): Promise<void>;
  /** Nothing of it fires later. */
  close(): void;
}

interface Entry {
  grant: Grant;
  /** Monotonic; beside the wall clock, so that setting that back prolongs nothing. */
  readonly dueMs: number;
  readonly timer: Timer;
}

const PAGE = 200;
const POLICY_CHANGED = 'the policy of its endpoint changed';

export function createGrantBook(parts: GrantBookParts): GrantBook {
  return new Book(parts);
}

class Book implements GrantBook {
  readonly #parts: GrantBookParts;
  readonly #entries = new Map<string, Entry>();

  constructor(parts: GrantBookParts) {
    this.#parts = parts;
  }

  use(action: Action, approver: Ref): Grant | null {
    const { clock, policyOf } = this.#parts;
    const nowMs = clock.now();
    const keys = new Map<GrantWish['scope'], string | null>();
    const known = (scope: GrantWish['scope']): string | null => {
      const found = keys.get(scope);
      if (found !== undefined) {
        return found;
      }
      const key = this.keyOf(action, scope);
      keys.set(scope, key);
      return key;
    };
    for (const entry of this.#entries.values()) {
      const { grant } = entry;
      const live = clock.monotonicMs() < entry.dueMs && nowMs < grant.expiresMs;
      if (
        live &&
        concerns(grant, action, approver) &&
        grant.policy === policyOf(grant.endpoint) &&
        grant.key === known(grant.scope)
      ) {
        return this.#count(entry, nowMs);
      }
    }
    return null;
  }

  findObjection(action: Action, scope: GrantWish['scope']): string | null {
    if (!action.evidence.complete) {
      return 'it was cut, and what is not seen whole cannot be granted';
    }
    const like = this.#parts.likeness(action, scope);
    return like.kind === 'like' ? null : `no grant of scope ${scope}: ${like.why}`;
  }

  describe(action: Action, scope: GrantWish['scope']): string {
    const like = this.#parts.likeness(action, scope);
    return like.kind === 'like' ? like.sentence : '';
  }

  keyOf(action: Action, scope: GrantWish['scope']): string | null {
    const like = action.evidence.complete ? this.#parts.likeness(action, scope) : null;
    return like?.kind === 'like' ? like.key : null;
  }

  make(action: Action, approval: Approval, { approver, by, durationMs, uses, scope }: GrantTerms): Grant {
    const { clock, likeness, policyOf } = this.#parts;
    const like = likeness(action, scope);
    const nowMs = clock.now();
    return {
      id: uuidv7(nowMs),
      state: 'active',
      scope,
      // Without a form it covers nothing; votes for such a grant were refused.
      key: like.kind === 'like' ? like.key : '',
      approver,
      device: action.agent.device,
      profile: action.agent.profile,
      endpoint: action.endpoint.ref,
      family: action.family,
      credential: action.credential,
      risk: action.risk,
      sentence: like.kind === 'like' ? like.sentence : '',
      by,
      approval: approval.id,
      createdMs: nowMs,
      expiresMs: nowMs + durationMs,
      maxUses: uses,
      uses: 0,
      endedMs: null,
      ended: '',
      agent: { ...action.agent, run: '' },
      policy: policyOf(action.endpoint.ref),
    };
  }

  start(grant: Grant): void {
    void this.#begin(grant);
  }

  /** It answers from now on, or its end is recorded. Whether it answers is settled at once; the record is what takes time. */
  async #begin(grant: Grant): Promise<void> {
    const { clock } = this.#parts;
    if (grant.key === '') {
      return;
    }
    // A wall clock that stands before the grant's beginning tells nothing: the whole time counts from now.
    const leftMs = Math.min(grant.expiresMs - clock.now(), grant.expiresMs - grant.createdMs);
    if (leftMs <= 0 || grant.uses >= grant.maxUses) {
      await this.#finish(grant, leftMs <= 0 ? 'expired' : 'used-up', '');
      return;
    }
    // It may have changed while the approval was being recorded, or the gateway was down: then nobody was asked about it as it is now.
    if (grant.policy !== this.#parts.policyOf(grant.endpoint)) {
      await this.#finish(grant, 'ended', POLICY_CHANGED);
      return;
    }
    const timer = clock.after(leftMs, () => this.#expire(grant.id));
    this.#entries.set(grant.id, { grant, dueMs: clock.monotonicMs() + leftMs, timer });
  }

  active(): readonly Grant[] {
    return [...this.#entries.values()].map(({ grant }) => grant);
  }

  async revoke(id: string, by: string, why: string): Promise<Revoked> {
    const entry = this.#entries.get(id);
    if (entry === undefined) {
      return { kind: 'not-active' };
    }
    // First in memory: a use in the same moment does not find it any more.
    this.#drop(entry);
    const ended = why === '' ? `revoked by ${by}` : `revoked by ${by}: ${why}`;
    const grant: Grant = { ...entry.grant, state: 'revoked', endedMs: this.#parts.clock.now(), ended };
    return (await this.#record('grant.revoked', grant, by)) ? { kind: 'revoked', grant } : { kind: 'unrecorded' };
  }

  policyChanged(): void {
    this.endOf(({ policy, endpoint }) => policy !== this.#parts.policyOf(endpoint), POLICY_CHANGED);
  }

  endOf(fits: (grant: Grant) => boolean, why: string): void {
    for (const entry of this.#entries.values()) {
      if (fits(entry.grant)) {
        this.#drop(entry);
        void this.#finish(entry.grant, 'ended', why);
      }
    }
  }

  async load(): Promise<void> {
    const found: Grant[] = [];
    for (let cursor: string | null = null; ;) {
      const page: Awaited<ReturnType<GrantStore['listGrants']>> = await this.#parts.store.listGrants(['active'], {
        limit: PAGE,
        cursor,
      });
      found.push(...page.items);
      cursor = page.next;
      if (cursor === null) {
        break;
      }
    }
    for (const grant of found.toReversed()) {
      await this.#begin(grant);
    }
  }

  close(): void {
    for (const entry of this.#entries.values()) {
      entry.timer.cancel();
    }
    this.#entries.clear();
  }

  #count(entry: Entry, nowMs: number): Grant {
    const uses = entry.grant.uses + 1;
    const last = uses >= entry.grant.maxUses;
    entry.grant = {
      ...entry.grant,
      uses,
      ...(last ? { state: 'used-up' as const, endedMs: nowMs, ended: 'its uses are used up' } : {}),
    };
    if (last) {
      this.#drop(entry);
    }
    return entry.grant;
  }

  #drop(entry: Entry): void {
    entry.timer.cancel();
    this.#entries.delete(entry.grant.id);
  }

  #expire(id: string): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) {
      this.#drop(entry);
      void this.#finish(entry.grant, 'expired', '');
    }
  }

  /** It has ended by itself; the record is for people, so nobody waits for it. Never rejects. */
  async #finish(grant: Grant, state: Exclude<GrantState, 'active' | 'revoked'>, why: string): Promise<void> {
    const ended = why === '' ? (state === 'expired' ? 'its time is over' : 'its uses are used up') : why;
    await this.#record('grant.ended', { ...grant, state, endedMs: this.#parts.clock.now(), ended }, 'gateway');
  }

  async #record(type: 'grant.revoked' | 'grant.ended', grant: Grant, by: string): Promise<boolean> {
    try {
      await this.#parts.audit.appendDurable(grantEvent(type, grant, { by, atMs: this.#parts.clock.now() }));
      return true;
    } catch (error) {
      this.#parts.warn(`${type} of ${grant.id} could not be recorded`, error);
      return false;
    }
  }
}

/** Same device, profile, endpoint, credential and approver, and a tier that is no higher. */
function concerns(grant: Grant, action: Action, approver: Ref): boolean {
  return (
    grant.approver === approver &&
    grant.device === action.agent.device &&
    grant.profile === action.agent.profile &&
    grant.endpoint === action.endpoint.ref &&
    grant.family === action.family &&
    grant.credential === action.credential &&
    RISKS.indexOf(action.risk) <= RISKS.indexOf(grant.risk)
  );
}

function grantEvent(
  type: 'grant.revoked' | 'grant.ended',
  grant: Grant,
  { by, atMs }: { readonly by: string; readonly atMs: number },
): AuditEvent {
  return createEvent(type, atMs, {
    agent: grant.agent ?? null,
    endpoint: grant.endpoint,
    family: grant.family,
    by,
    reason: grant.ended,
    summary: grant.sentence,
    data: { grants: [grant] },
  });
}
