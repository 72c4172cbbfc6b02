// Which incident an agent works on, out of the `context` block of its profile: the one that it named, once the source knows it, or the newest
// open one, which is a guess. Also the entrance for what alerting systems say by themselves, each call under its signature.
import { alertFacts, alertShown, type Incident } from '../../approvals/incidents.ts';
import {
  createReplayGuard,
  findPagerDutyFault,
  findWebhookFault,
  SIGNATURE_WINDOW_MS,
  type ReplayGuard,
  type Signed,
} from '../../approvals/signature.ts';
import type { AuditLog } from '../../audit/log.ts';
import type { Config, NamedBlock, Ref } from '../../config/config.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Jobs } from '../../lib/jobs.ts';
import type { Secret } from '../../lib/secret.ts';
import { createThrottle, type Throttle } from '../../lib/throttle.ts';
import { Unknown, type Agent } from '../../rules/action.ts';
import { NO_ALERT } from '../../rules/common-facts.ts';
import type { Outbound } from '../dialling/outbound-fetch.ts';
import { createIncidentDesk, type IncidentDesk } from './incident-desk.ts';
import { readMappedEvent } from './mapped-event.ts';
import { readPagerDutyEvent } from './pagerduty-event.ts';
import { createPagerDutySource, type IncidentSource } from './pagerduty-source.ts';
import { flagOf, refused, textOf, textsOf, type CallbackReply, type ChannelParts } from './parts.ts';
import { parseObject, reasonOf } from './slack-api.ts';

/** PagerDuty tries a delivery again for a day; what is older is no delivery any more. */
const MAX_EVENT_AGE_MS = 25 * 3_600_000;

/** What rules read of an agent's incident. */
export interface IncidentFacts {
  readonly incident: string | Unknown;
  readonly alert: ReadonlyMap<string, string>;
}

/** What one source may tell: so many incidents at once, then one in so long. Each that is news is a record. */
const TOLD = { supply: 2_000, refillMs: 50 };

const NOTHING: IncidentFacts = { incident: '', alert: NO_ALERT };
const UNAVAILABLE: IncidentFacts = { incident: new Unknown('unavailable'), alert: NO_ALERT };

/** For the agent: why nobody is asked, and what it can do. */
export interface Objection {
  readonly reason: string;
  readonly hint: string;
}

const HOW_TO_NAME =
  'Say which at http://clawpatrol.internal/context, or with clawpatrol context set --incident ID, and send it again.';
const NO_OPEN: Objection = {
  reason: 'it needs approval, and nobody is asked without an open incident; none is known',
  hint: 'Tell a person.',
};
const closed = (id: string): Objection => ({
  reason: `it needs approval, and nobody is asked without an open incident: ${id} is resolved`,
  hint: HOW_TO_NAME,
});
const NOT_NAMED: Objection = {
  reason: 'it needs approval, and nobody is asked without an incident: name one that is known and open',
  hint: HOW_TO_NAME,
};

/** Whether an id that somebody named is one that the source knows. */
export type Named = 'open' | 'resolved' | 'absent' | 'unavailable' | 'no-source';

export interface Incidents {
  /** For the rules. Never waits. */
  factsOf(agent: Agent): IncidentFacts;
  /** For people and reviewer models; null when nothing is known. */
  shownTo(agent: Agent): Readonly<Record<string, string>> | null;
  /** Resolves when the source has said what it knows of the incident that the agent named, or was given up; null: nothing to wait for. */
  settled(agent: Agent): Promise<void> | null;
  /** Why an action may not wait for people as things are, or null: `required` without an incident that is known and open. */
  objectionTo(agent: Agent): Objection | null;
  /** Looks an id up for a profile and `by`, the device or listener that names it, within the source's `timeout`. */
  lookUp(profile: string, id: string, by: string): Promise<Named>;
  /** A call to `/api/context/NAME/events`. */
  receive(name: string, signed: Signed): Promise<CallbackReply>;
  list(): readonly Incident[];
  close(): void;
}

export interface IncidentParts extends Pick<ChannelParts, 'authorise' | 'warn' | 'secretString'> {
  readonly clock: Clock;
  readonly jobs: Jobs;
  readonly outbound: Outbound;
  readonly audit: Pick<AuditLog, 'appendDurable' | 'search'>;
  readonly config: () => Pick<Config, 'contexts' | 'profiles'>;
  /** The incident that an agent says it works on; "" when it said none. */
  readonly namedBy: (agent: Agent) => string;
}

/** Reads what earlier processes recorded, and begins to ask. */
export async function openIncidents(parts: IncidentParts): Promise<Incidents> {
  const desk = createIncidentDesk(parts);
  await desk.recall();
  const incidents = new Watcher(parts, desk);
  incidents.follow();
  return incidents;
}

/** A `context` block in force. */
interface Running {
  readonly block: NamedBlock;
  readonly source: IncidentSource;
}

class Watcher implements Incidents {
  readonly #parts: IncidentParts;
  readonly #desk: IncidentDesk;
  readonly #running = new Map<Ref, Running>();
  readonly #byProfile = new Map<string, Ref>();
  readonly #replays: ReplayGuard;
  readonly #told: Throttle;
  #config: Pick<Config, 'contexts' | 'profiles'> | null = null;
  #closed = false;

  constructor(parts: IncidentParts, desk: IncidentDesk) {
    this.#parts = parts;
    this.#desk = desk;
    this.#replays = createReplayGuard(parts.clock);
    this.#told = createThrottle(parts.clock, TOLD);
  }

  factsOf(agent: Agent): IncidentFacts {
    const running = this.#find(agent.profile);
    if (running === null) {
      return NOTHING;
    }
    const { block, source } = running;
    const wanted = textsOf(block, 'fields');
    if (textOf(block, 'select') === 'latest') {
      const newest = source.latest();
      return newest === null ? NOTHING : { incident: '', alert: alertFacts(newest, wanted) };
    }
    const named = this.#parts.namedBy(agent);
    const finding = named === '' ? null : source.find(named, agent.device);
    switch (finding?.kind) {
      case undefined:
      case 'absent':
        return NOTHING;
      case 'asking':
      case 'unavailable':
        return UNAVAILABLE;
      case 'known':
        return finding.incident.status === 'resolved'
          ? NOTHING
          : { incident: finding.incident.id, alert: alertFacts(finding.incident, wanted) };
    }
  }

  shownTo(agent: Agent): Readonly<Record<string, string>> | null {
    const running = this.#find(agent.profile);
    if (running === null) {
      return null;
    }
    const { block, source } = running;
    const wanted = textsOf(block, 'fields');
    if (textOf(block, 'select') === 'latest') {
      const newest = source.latest();
      const guess = 'the newest open incident of the services of this profile; nobody named it';
      return newest === null ? null : alertShown(newest, wanted, { guess });
    }
    const named = this.#parts.namedBy(agent);
    const finding = named === '' ? null : source.find(named, agent.device);
    return finding?.kind === 'known'
      ? alertShown(finding.incident, wanted, { named: `the agent named it; ${block.ref} knows it` })
      : null;
  }

  settled(agent: Agent): Promise<void> | null {
    const running = this.#find(agent.profile);
    const named = running === null ? '' : this.#parts.namedBy(agent);
    return running === null || named === '' || textOf(running.block, 'select') === 'latest'
      ? null
      : running.source.settled(named, agent.device);
  }

  objectionTo(agent: Agent): Objection | null {
    const running = this.#find(agent.profile);
    if (running === null || !flagOf(running.block, 'required')) {
      return null;
    }
    const { block, source } = running;
    if (textOf(block, 'select') === 'latest') {
      return source.latest() === null ? NO_OPEN : null;
    }
    const named = this.#parts.namedBy(agent);
    const finding = named === '' ? null : source.find(named, agent.device);
    if (finding?.kind !== 'known') {
      return NOT_NAMED;
    }
    return finding.incident.status === 'resolved' ? closed(finding.incident.id) : null;
  }

  async lookUp(profile: string, id: string, by: string): Promise<Named> {
    const running = this.#find(profile);
    if (running === null) {
      return 'no-source';
    }
    await running.source.settled(id, by);
    const finding = running.source.find(id, by);
    switch (finding.kind) {
      case 'known':
        return finding.incident.status === 'resolved' ? 'resolved' : 'open';
      case 'absent':
        return 'absent';
      case 'asking':
      case 'unavailable':
        return 'unavailable';
    }
  }

  async receive(name: string, signed: Signed): Promise<CallbackReply> {
    this.follow();
    const running = [...this.#running.values()].find(({ block }) => block.name === name);
    const setting = running?.block.type === 'webhook' ? 'secret' : 'signing_secret';
    const written = running === undefined ? null : textOf(running.block, setting);
    if (running === undefined || written === null) {
      return refused(404, 'no context of this name takes events');
    }
    let secret: Secret;
    try {
      secret = this.#parts.secretString(written, `${setting} of ${running.block.ref}`);
    } catch (error) {
      return refused(503, reasonOf(error));
    }
    try {
      return running.block.type === 'webhook'
        ? await this.#receiveMapped(running, signed, secret)
        : await this.#receivePagerDuty(running, signed, secret);
    } catch (error) {
      this.#parts.warn('an event of an incident could not be recorded, so it was turned away', error);
      return refused(503, reasonOf(error));
    }
  }

  list(): readonly Incident[] {
    return this.#desk.list();
  }

  /** Starts and ends what the configuration in force asks for. */
  follow(): void {
    const config = this.#parts.config();
    if (config === this.#config || this.#closed) {
      return;
    }
    this.#config = config;
    this.#byProfile.clear();
    for (const { name, context } of config.profiles) {
      if (context !== null) {
        this.#byProfile.set(name, context);
      }
    }
    const wanted = new Map(config.contexts.map((block) => [block.ref, block]));
    for (const [ref, { source }] of this.#running) {
      const block = wanted.get(ref);
      if (block === undefined || JSON.stringify(block.attributes) !== source.key) {
        source.close();
        this.#running.delete(ref);
      }
    }
    for (const [ref, block] of wanted) {
      if (!this.#running.has(ref)) {
        this.#running.set(ref, { block, source: this.#make(block) });
      }
    }
  }

  close(): void {
    this.#closed = true;
    this.#running.forEach(({ source }) => source.close());
    this.#running.clear();
  }

  #make(block: NamedBlock): IncidentSource {
    return block.type === 'webhook'
      ? createWebhookSource(block, this.#desk)
      : createPagerDutySource(block, { ...this.#parts, desk: this.#desk });
  }

  #find(profile: string): Running | null {
    this.follow();
    return this.#running.get(this.#byProfile.get(profile) ?? '') ?? null;
  }

  async #receivePagerDuty({ block, source }: Running, signed: Signed, secret: Secret): Promise<CallbackReply> {
    const fault = findPagerDutyFault(signed, secret);
    if (fault !== null) {
      return refused(401, fault);
    }
    const event = readPagerDutyEvent(parseObject(signed.body.toString('utf8')), block.ref);
    if (event === null) {
      return refused(400, 'it is no event of webhooks v3');
    }
    const ageMs = this.#parts.clock.now() - event.occurredMs;
    if (ageMs > MAX_EVENT_AGE_MS || ageMs < -SIGNATURE_WINDOW_MS) {
      return refused(401, 'stale');
    }
    const { heard, id } = event;
    if (!this.#desk.isNew(block.ref, id)) {
      return refused(409, 'replayed');
    }
    if (heard !== null && !this.#mayTell(block.ref, 1)) {
      return refused(429, 'too many');
    }
    if (heard !== null && covers(block, heard.serviceId)) {
      await this.#desk.take(heard, id);
      source.heard(heard.id);
    }
    return { kind: 'answer', status: 202, body: null };
  }

  /** Whether that source may tell of so many incidents now. */
  #mayTell(source: Ref, count: number): boolean {
    for (let taken = 0; taken < count; taken += 1) {
      if (this.#told.take([source]) !== null) {
        return false;
      }
    }
    return true;
  }

  async #receiveMapped({ block, source }: Running, signed: Signed, secret: Secret): Promise<CallbackReply> {
    const nowMs = this.#parts.clock.now();
    // Also when it was accepted before a restart: the log knows it.
    const delivery = signed.header('clawpatrol-signature');
    const fault =
      findWebhookFault(signed, { secret, nowMs, replays: this.#replays }) ??
      (this.#desk.isNew(block.ref, delivery) ? null : 'replayed');
    if (fault !== null) {
      return refused(401, fault);
    }
    const heard = readMappedEvent(parseObject(signed.body.toString('utf8')), block, nowMs);
    if (heard === null) {
      return refused(400, 'no alert with an id is where the paths of the context lead');
    }
    if (!this.#mayTell(block.ref, heard.length)) {
      return refused(429, 'too many');
    }
    for (const one of heard) {
      if (covers(block, one.serviceId)) {
        await this.#desk.take(one, delivery);
        source.heard(one.id);
      }
    }
    return { kind: 'answer', status: 202, body: null };
  }
}

function covers(block: NamedBlock, serviceId: string): boolean {
  const services = textsOf(block, 'services');
  return services.length === 0 || services.includes(serviceId);
}

/** A `context "webhook"` knows what it was told, and asks nobody. */
function createWebhookSource(block: NamedBlock, desk: IncidentDesk): IncidentSource {
  return {
    key: JSON.stringify(block.attributes),
    find(id) {
      const incident = desk.find(block.ref, id);
      return incident !== null && covers(block, incident.serviceId) ? { kind: 'known', incident } : { kind: 'absent' };
    },
    settled: () => null,
    latest: () =>
      desk
        .list()
        .find((one) => one.source === block.ref && one.status !== 'resolved' && covers(block, one.serviceId)) ?? null,
    heard: () => {},
    close: () => {},
  };
}
