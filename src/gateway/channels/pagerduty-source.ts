// One `context "pagerduty"`: what its REST API says of incidents that somebody named, or of the newest open one, and what of that is still
// worth something. Nothing waits for it longer than `timeout`; what PagerDuty says is heard by the desk, and its texts are outsiders'.
import type { Heard, Incident } from '../../approvals/incidents.ts';
import type { NamedBlock } from '../../config/config.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Job, Jobs } from '../../lib/jobs.ts';
import { Lru } from '../../lib/lru.ts';
import { shorten } from '../../lib/text.ts';
import type { Outbound } from '../dialling/outbound-fetch.ts';
import type { IncidentDesk } from './incident-desk.ts';
import { numberOf, textOf, textsOf, type ChannelParts } from './parts.ts';
import { PAGERDUTY_URL } from './pagerduty.ts';
import { listAt, readPagerDutyIncident } from './pagerduty-event.ts';
import { asObject, parseObject, reasonOf, textAt } from './slack-api.ts';

const MAX_FIELD_CHARS = 2_000;
const MAX_LINES = 20;
const MAX_LISTED = 25;
/** What was heard counts no longer than so many times its `cache_ttl` when PagerDuty does not answer any more. */
const STALE_AFTER = 5;
/** Ids whose answer is remembered, and how many are asked for in a minute: agents choose what they name. */
const MAX_ASKED = 500;
const MAX_LOOKS_A_MINUTE = 60;
/** Of them, those for one device or listener, so that who names anything leaves the others theirs. */
const MAX_LOOKS_OF_ONE = 20;
/** After a failure it is asked again so much later. */
const RETRY_MS = 5_000;
/** Open incidents that are looked at again in one round, so that their end is heard of. */
const MAX_SWEPT = 5;

/** What a source says of an id. `unavailable`: it does not answer; `asking`: it has not answered yet. */
export type Finding =
  | { readonly kind: 'known'; readonly incident: Incident }
  | { readonly kind: 'absent' | 'asking' | 'unavailable' };

/** Where a profile's incidents come from. */
export interface IncidentSource {
  readonly key: string;
  /** What is known of an id now. `by`: who names it, a device or listener; each has a share of the questions. Looks it up where that is too old. */
  find(id: string, by: string): Finding;
  /** Resolves when a look that is under way has an answer or was given up; null when none is. */
  settled(id: string, by: string): Promise<void> | null;
  /** With `select = "latest"`: the newest open one, or null. */
  latest(): Incident | null;
  /** Something was heard from outside: what was read of that incident before is old. */
  heard(id: string): void;
  close(): void;
}

export interface PagerDutyParts extends Pick<ChannelParts, 'authorise' | 'warn'> {
  readonly clock: Clock;
  readonly jobs: Jobs;
  readonly outbound: Outbound;
  readonly desk: IncidentDesk;
}

interface Asked {
  /** Monotonic: until when it serves without a question, and until when at all. */
  readonly freshMs: number;
  readonly staleMs: number;
  readonly found: boolean;
  readonly failed: boolean;
}

export function createPagerDutySource(block: NamedBlock, parts: PagerDutyParts): IncidentSource {
  const source = new PagerDutySource(block, parts);
  source.begin();
  return source;
}

class PagerDutySource implements IncidentSource {
  readonly key: string;
  readonly #block: NamedBlock;
  readonly #parts: PagerDutyParts;
  readonly #closing = new AbortController();
  readonly #asked = new Lru<string, Asked>(MAX_ASKED);
  readonly #looking = new Map<string, Promise<void>>();
  /** Of these, ids of which something was heard meanwhile. */
  readonly #again = new Set<string>();
  #newest: { readonly id: string; readonly untilMs: number } | null = null;
  /** The turn of the question that `#newest` answers: rounds may overlap. */
  #newestAsked = 0;
  #looks = { count: 0, sinceMs: 0, shares: new Map<string, number>() };
  #job: Job | null = null;
  #failing = false;

  constructor(block: NamedBlock, parts: PagerDutyParts) {
    this.key = JSON.stringify(block.attributes);
    this.#block = block;
    this.#parts = parts;
  }

  find(id: string, by: string): Finding {
    if (!/^[A-Za-z0-9]{1,40}$/.test(id)) {
      // Ids are letters and digits; nothing else is put into a path.
      return { kind: 'absent' };
    }
    const nowMs = this.#parts.clock.monotonicMs();
    const asked = this.#asked.find(id);
    if (asked === null || nowMs >= asked.freshMs) {
      this.#look(id, by);
    }
    const incident = this.#parts.desk.find(this.#block.ref, id);
    if (incident !== null && !this.#covers(incident.serviceId)) {
      return { kind: 'absent' };
    }
    // What came by webhook stays as it is until the next one comes.
    const counts = textOf(this.#block, 'signing_secret') !== null || (asked !== null && nowMs < asked.staleMs);
    if (incident !== null && counts) {
      return { kind: 'known', incident };
    }
    if (asked !== null && !asked.failed && !asked.found && nowMs < asked.staleMs) {
      return { kind: 'absent' };
    }
    return { kind: this.#looking.has(id) ? 'asking' : 'unavailable' };
  }

  settled(id: string, by: string): Promise<void> | null {
    const known = this.find(id, by).kind === 'known' && this.#asked.find(id) !== null;
    return known ? null : (this.#looking.get(id) ?? null);
  }

  latest(): Incident | null {
    const newest = this.#newest;
    const incident =
      newest !== null && this.#parts.clock.monotonicMs() < newest.untilMs
        ? this.#parts.desk.find(this.#block.ref, newest.id)
        : null;
    // An event may have told of its end before the next question.
    return incident === null || incident.status === 'resolved' ? null : incident;
  }

  heard(id: string): void {
    const asked = this.#asked.find(id);
    if (asked !== null) {
      this.#asked.put(id, { ...asked, freshMs: 0 });
    }
    if (this.#looking.has(id)) {
      // Its answer is older than what was heard: it counts for nothing, and is asked for again.
      this.#again.add(id);
    }
    // An event has no description, notes or timeline.
    this.#look(id, '');
    if (textOf(this.#block, 'select') === 'latest') {
      // Beside one that may be under way, which began before the event. Owned: what goes wrong is told by `#told`.
      this.#round().catch(() => undefined);
    }
  }

  close(): void {
    this.#closing.abort();
    this.#job?.stop();
  }

  /** Asks now, and again after each `cache_ttl`. */
  begin(): void {
    this.#job = this.#parts.jobs.every({
      name: `incidents of ${this.#block.ref}`,
      everyMs: () => this.#ttlMs,
      firstMs: 0,
      work: () => this.#round(),
    });
  }

  async #round(): Promise<void> {
    try {
      if (textOf(this.#block, 'select') === 'latest') {
        await this.#within((signal) => this.#findNewest(signal));
      }
      await this.#sweep();
      this.#failing = false;
    } catch (error) {
      this.#told(error);
      throw new Error(reasonOf(error), { cause: error });
    }
  }

  get #ttlMs(): number {
    return Math.max(1_000, numberOf(this.#block, 'cache_ttl', 60_000));
  }

  #told(error: unknown): void {
    if (!this.#failing && !this.#closing.signal.aborted) {
      this.#parts.warn(
        `${this.#block.ref} does not answer: requests are shown without their incident`,
        reasonOf(error),
      );
    }
    this.#failing = true;
  }

  #covers(serviceId: string): boolean {
    const services = textsOf(this.#block, 'services');
    return services.length === 0 || services.includes(serviceId);
  }

  /** `by`: as in `find`; "" is the gateway itself. */
  #look(id: string, by: string): void {
    if (this.#looking.has(id) || this.#closing.signal.aborted || !this.#mayLook(by)) {
      return;
    }
    const looking = this.#lookUp(id).finally(() => {
      this.#looking.delete(id);
      if (this.#again.delete(id)) {
        this.#look(id, '');
      }
    });
    this.#looking.set(id, looking);
  }

  #mayLook(by: string): boolean {
    const nowMs = this.#parts.clock.monotonicMs();
    if (this.#looks.count === 0 || nowMs - this.#looks.sinceMs > 60_000) {
      this.#looks = { count: 0, sinceMs: nowMs, shares: new Map() };
    }
    const share = this.#looks.shares.get(by) ?? 0;
    if (this.#looks.count >= MAX_LOOKS_A_MINUTE || (by !== '' && share >= MAX_LOOKS_OF_ONE)) {
      return false;
    }
    this.#looks.count += 1;
    this.#looks.shares.set(by, share + 1);
    return true;
  }

  /** Never rejects. */
  async #lookUp(id: string): Promise<void> {
    try {
      const heard = await this.#within((signal) => this.#ask(id, signal));
      if (heard !== null) {
        await this.#parts.desk.take(heard);
      }
      this.#note(id, heard !== null, false);
      this.#failing = false;
    } catch (error) {
      this.#told(error);
      this.#note(id, this.#asked.find(id)?.found ?? false, true);
    }
  }

  #note(id: string, found: boolean, failed: boolean): void {
    const nowMs = this.#parts.clock.monotonicMs();
    const before = this.#asked.find(id);
    this.#asked.put(id, {
      freshMs: nowMs + (failed ? Math.min(RETRY_MS, this.#ttlMs) : this.#ttlMs),
      // A failure does not prolong what was heard before it.
      staleMs: failed ? (before?.staleMs ?? 0) : nowMs + STALE_AFTER * this.#ttlMs,
      found,
      failed,
    });
  }

  async #findNewest(signal: AbortSignal): Promise<void> {
    const query = new URLSearchParams([
      ['statuses[]', 'triggered'],
      ['statuses[]', 'acknowledged'],
      ...textsOf(this.#block, 'services').map((id): [string, string] => ['service_ids[]', id]),
      ['sort_by', 'created_at:desc'],
      ['limit', String(MAX_LISTED)],
    ]);
    const asked = this.#parts.desk.turn();
    const listed = listAt(await this.#get(`/incidents?${query.toString()}`, signal), 'incidents').slice(0, MAX_LISTED);
    const [newest, ...others] = listed.flatMap(
      (incident) => readPagerDutyIncident(incident, this.#block.ref, { saidMs: null, asked }) ?? [],
    );
    for (const heard of others) {
      await this.#parts.desk.take(heard);
    }
    const whole = newest === undefined ? null : await this.#complete(listed[0], newest, signal);
    if (whole !== null) {
      await this.#parts.desk.take(whole);
    }
    if (asked < this.#newestAsked) {
      return;
    }
    this.#newestAsked = asked;
    this.#newest =
      whole === null ? null : { id: whole.id, untilMs: this.#parts.clock.monotonicMs() + STALE_AFTER * this.#ttlMs };
  }

  /** Without webhooks nobody says that an incident is over, so some of those that were open are looked at again. */
  async #sweep(): Promise<void> {
    const nowMs = this.#parts.clock.now();
    const due = this.#parts.desk
      .list()
      .filter(({ source, status, id }) => source === this.#block.ref && status !== 'resolved' && this.#isOld(id))
      .toSorted((one, other) => one.changedMs - other.changedMs)
      .filter(({ changedMs }) => nowMs - changedMs >= this.#ttlMs)
      .slice(0, MAX_SWEPT);
    due.forEach(({ id }) => this.#look(id, ''));
    await Promise.all(due.flatMap(({ id }) => this.#looking.get(id) ?? []));
  }

  #isOld(id: string): boolean {
    return (this.#asked.find(id)?.freshMs ?? 0) <= this.#parts.clock.monotonicMs();
  }

  /** The incident with that id; null when there is none. */
  async #ask(id: string, signal: AbortSignal): Promise<Heard | null> {
    const asked = this.#parts.desk.turn();
    const answer = await this.#get(`/incidents/${id}?include%5B%5D=body`, signal, [404]);
    const incident = asObject(answer)?.['incident'];
    const heard = readPagerDutyIncident(incident, this.#block.ref, { saidMs: null, asked });
    return heard === null || heard.id !== id || !this.#covers(heard.serviceId)
      ? null
      : this.#complete(incident, heard, signal);
  }

  /** With those of the wanted texts that take a call of their own. */
  async #complete(incident: unknown, heard: Heard, signal: AbortSignal): Promise<Heard> {
    const wanted = textsOf(this.#block, 'fields');
    const { id } = heard;
    const texts: Record<string, string> = {};
    if (wanted.includes('body')) {
      const own = textAt(incident, 'body', 'details');
      const whole = own === '' ? await this.#get(`/incidents/${id}?include%5B%5D=body`, signal) : null;
      texts['body'] = own === '' ? textAt(whole, 'incident', 'body', 'details') : own;
    }
    if (wanted.includes('notes')) {
      texts['notes'] = lines(listAt(await this.#get(`/incidents/${id}/notes`, signal), 'notes'), 'content');
    }
    if (wanted.includes('timeline')) {
      const path = `/incidents/${id}/log_entries`;
      texts['timeline'] = lines(listAt(await this.#get(path, signal), 'log_entries'), 'summary');
    }
    return { ...heard, fields: { ...heard.fields, ...texts } };
  }

  async #get(path: string, signal: AbortSignal, none: readonly number[] = []): Promise<unknown> {
    const base = textOf(this.#block, 'base_url') ?? PAGERDUTY_URL;
    const url = new URL(`${base.replace(/\/$/, '')}${path}`);
    const fields = await this.#parts.authorise(textOf(this.#block, 'credential') ?? '', url);
    const accept = 'application/vnd.pagerduty+json;version=2';
    const headers = { ...Object.fromEntries(fields), accept };
    const response = await this.#parts.outbound({ url, method: 'GET', headers, body: '', signal });
    if (none.includes(response.status)) {
      return null;
    }
    const answer = response.status === 200 ? parseObject(await response.text()) : null;
    if (answer === null) {
      throw new Error(`the API answers with HTTP status ${response.status}`);
    }
    return answer;
  }

  /** Runs calls within `timeout`, and until the source is closed. */
  async #within<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const over = new AbortController();
    const give = (): void => over.abort();
    const timer = this.#parts.clock.after(numberOf(this.#block, 'timeout', 3_000), give);
    this.#closing.signal.addEventListener('abort', give, { once: true });
    try {
      return await run(over.signal);
    } finally {
      timer.cancel();
      this.#closing.signal.removeEventListener('abort', give);
    }
  }
}

function lines(items: readonly unknown[], name: string): string {
  return shorten(
    items
      .slice(0, MAX_LINES)
      .map((item) => textAt(item, name))
      .join('\n'),
    MAX_FIELD_CHARS,
  );
}
