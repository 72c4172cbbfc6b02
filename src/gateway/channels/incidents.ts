// What incident an agent is likely to work on: the newest open one of the services that its profile's `context` names, asked of PagerDuty from
// time to time. It is a guess and marked as one; its text is written by outsiders. Nothing waits for it: what is known is shown.
import type { Config, NamedBlock, Ref } from '../../config/config.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import { shorten } from '../../lib/text.ts';
import { ALERT_FIELDS, NO_ALERT } from '../../rules/common-facts.ts';
import type { Outbound } from '../outbound-fetch.ts';
import { numberOf, textOf, textsOf, type ChannelParts } from './parts.ts';
import { PAGERDUTY_URL } from './pagerduty.ts';
import { asObject, parseObject, reasonOf, textAt } from './slack-api.ts';

type Field = (typeof ALERT_FIELDS)[number];

const MAX_FIELD_CHARS = 2_000;
const MAX_LINES = 20;
/** What was heard counts no longer than so many times its `cache_ttl` when PagerDuty does not answer any more. */
const STALE_AFTER = 5;
const GUESS = 'the newest open incident of the services of this profile; nobody named it';

export interface Incidents {
  /** For the rules: the fields as text. */
  factsOf(profile: string): ReadonlyMap<string, string>;
  /** For people and reviewer models; null when nothing is known. */
  shownTo(profile: string): Readonly<Record<string, string>> | null;
  close(): void;
}

export interface IncidentParts extends Pick<ChannelParts, 'authorise' | 'warn'> {
  readonly clock: Clock;
  readonly outbound: Outbound;
  readonly config: () => Pick<Config, 'contexts' | 'profiles'>;
}

interface Known {
  readonly facts: ReadonlyMap<string, string>;
  readonly shown: Readonly<Record<string, string>>;
  /** Monotonic. */
  readonly untilMs: number;
}

export function createIncidents(parts: IncidentParts): Incidents {
  const watcher = new Watcher(parts);
  watcher.follow();
  return watcher;
}

class Watcher implements Incidents {
  readonly #parts: IncidentParts;
  readonly #watched = new Map<Ref, Watch>();
  readonly #byProfile = new Map<string, Ref>();
  #config: Pick<Config, 'contexts' | 'profiles'> | null = null;
  #closed = false;

  constructor(parts: IncidentParts) {
    this.#parts = parts;
  }

  factsOf(profile: string): ReadonlyMap<string, string> {
    return this.#find(profile)?.facts ?? NO_ALERT;
  }

  shownTo(profile: string): Readonly<Record<string, string>> | null {
    return this.#find(profile)?.shown ?? null;
  }

  /** Starts and ends what the configuration in force asks for. */
  follow(): void {
    const config = this.#parts.config();
    if (config === this.#config || this.#closed) {
      return;
    }
    this.#config = config;
    const { contexts, profiles } = config;
    this.#byProfile.clear();
    for (const { name, context } of profiles) {
      if (context !== null) {
        this.#byProfile.set(name, context);
      }
    }
    const wanted = new Map(
      contexts.filter((block) => textOf(block, 'select') === 'latest').map((one) => [one.ref, one]),
    );
    for (const [ref, watch] of this.#watched) {
      const block = wanted.get(ref);
      if (block === undefined || JSON.stringify(block.attributes) !== watch.key) {
        watch.close();
        this.#watched.delete(ref);
      }
    }
    for (const [ref, block] of wanted) {
      if (!this.#watched.has(ref)) {
        const watch = new Watch(block, this.#parts);
        this.#watched.set(ref, watch);
        void watch.look();
      }
    }
  }

  close(): void {
    this.#closed = true;
    this.#watched.forEach((watch) => watch.close());
    this.#watched.clear();
  }

  #find(profile: string): Known | null {
    this.follow();
    return this.#watched.get(this.#byProfile.get(profile) ?? '')?.known ?? null;
  }
}

/** One `context` block. */
class Watch {
  readonly key: string;
  readonly #block: NamedBlock;
  readonly #parts: IncidentParts;
  readonly #closing = new AbortController();
  readonly #ttlMs: number;
  #known: Known | null = null;
  #next: Timer | null = null;
  #failing = false;

  constructor(block: NamedBlock, parts: IncidentParts) {
    this.key = JSON.stringify(block.attributes);
    this.#block = block;
    this.#parts = parts;
    this.#ttlMs = Math.max(1_000, numberOf(block, 'cache_ttl', 60_000));
  }

  get known(): Known | null {
    return this.#known !== null && this.#parts.clock.monotonicMs() < this.#known.untilMs ? this.#known : null;
  }

  /** Asks now, and again after `cache_ttl`. Never rejects. */
  async look(): Promise<void> {
    const { clock, warn } = this.#parts;
    const over = new AbortController();
    const give = (): void => over.abort();
    const timer = clock.after(numberOf(this.#block, 'timeout', 3_000), give);
    this.#closing.signal.addEventListener('abort', give, { once: true });
    try {
      this.#known = await this.#ask(over.signal);
      this.#failing = false;
    } catch (error) {
      if (!this.#failing && !this.#closing.signal.aborted) {
        warn(`${this.#block.ref} does not answer: requests are shown without their incident`, reasonOf(error));
      }
      this.#failing = true;
    }
    timer.cancel();
    this.#closing.signal.removeEventListener('abort', give);
    if (!this.#closing.signal.aborted) {
      this.#next = clock.after(this.#ttlMs, () => void this.look());
    }
  }

  close(): void {
    this.#closing.abort();
    this.#next?.cancel();
  }

  async #ask(signal: AbortSignal): Promise<Known | null> {
    const query = new URLSearchParams([
      ['statuses[]', 'triggered'],
      ['statuses[]', 'acknowledged'],
      ...textsOf(this.#block, 'services').map((id): [string, string] => ['service_ids[]', id]),
      ['sort_by', 'created_at:desc'],
      ['limit', '1'],
    ]);
    const [newest] = listAt(await this.#get(`/incidents?${query.toString()}`, signal), 'incidents');
    const id = textAt(newest, 'id');
    // Ids are letters and digits; nothing else is put into a path.
    if (!/^[A-Za-z0-9]{1,40}$/.test(id)) {
      return null;
    }
    const wanted = ALERT_FIELDS.filter((field) => textsOf(this.#block, 'fields').includes(field));
    const texts = new Map<string, string>(NO_ALERT);
    for (const field of wanted) {
      texts.set(field, shorten(await this.#fieldOf(field, newest, id, signal), MAX_FIELD_CHARS));
    }
    const shown = { id, guess: GUESS, ...Object.fromEntries([...texts].filter(([, text]) => text !== '')) };
    const untilMs = this.#parts.clock.monotonicMs() + STALE_AFTER * this.#ttlMs;
    return { facts: texts, shown, untilMs };
  }

  async #fieldOf(field: Field, incident: unknown, id: string, signal: AbortSignal): Promise<string> {
    switch (field) {
      case 'title':
      case 'urgency':
        return textAt(incident, field);
      case 'service':
        return textAt(incident, 'service', 'summary');
      case 'assignees':
        return listAt(incident, 'assignments')
          .map((one) => textAt(one, 'assignee', 'summary'))
          .join(', ');
      case 'body': {
        const whole = await this.#get(`/incidents/${id}?include%5B%5D=body`, signal);
        return textAt(whole, 'incident', 'body', 'details');
      }
      case 'notes':
        return lines(listAt(await this.#get(`/incidents/${id}/notes`, signal), 'notes'), 'content');
      case 'timeline':
        return lines(listAt(await this.#get(`/incidents/${id}/log_entries`, signal), 'log_entries'), 'summary');
    }
  }

  async #get(path: string, signal: AbortSignal): Promise<unknown> {
    const base = textOf(this.#block, 'base_url') ?? PAGERDUTY_URL;
    const url = new URL(`${base.replace(/\/$/, '')}${path}`);
    const fields = await this.#parts.authorise(textOf(this.#block, 'credential') ?? '', url);
    const accept = 'application/vnd.pagerduty+json;version=2';
    const headers = { ...Object.fromEntries(fields), accept };
    const response = await this.#parts.outbound({ url, method: 'GET', headers, body: '', signal });
    const answer = response.status === 200 ? parseObject(await response.text()) : null;
    if (answer === null) {
      throw new Error(`the API answers with HTTP status ${response.status}`);
    }
    return answer;
  }
}

function listAt(value: unknown, name: string): readonly unknown[] {
  const found = asObject(value)?.[name];
  return Array.isArray(found) ? found : [];
}

function lines(items: readonly unknown[], name: string): string {
  return items
    .slice(0, MAX_LINES)
    .map((item) => textAt(item, name))
    .join('\n');
}
