// What agents say about their work: incident, task, intent, what led to it. It is the agent's word: shown to people and reviewer models as
// such, recorded, and never a ground for allowing anything. Kept in memory; the log alone tells all of it, and a gateway that is started again
// takes it from there.
//
// How others read it:
// - `of(agent)` is what is in force for that agent now. An agent is a device with its run; behind a direct listener or the forward proxy,
//   where nobody proves anything, it is whoever comes from that address with that profile (`identityOf`).
// - Every change is one record, `context.claimed`, written before the change counts: `agent` is who said it, `by` by which way ('agent': the
//   agent itself; `run`: who started the run), `data.claim` what is in force from then on (`ClaimJson`), `data.changed` the names of what
//   was said now.
// - Every `action.decided` record of an agent that said something has `data.claim`: what was in force, without the intent, and the trace
//   that the request itself named (`ActionClaimJson`). The record of an action without it had none.
// - An approval has the same in `words` (the intent) and `claim`, as they were when it was asked for.
import { createEvent } from '../audit/event.ts';
import type { AuditRecord } from '../audit/event.ts';
import type { AuditLog } from '../audit/log.ts';
import type { Clock } from '../lib/clock.ts';
import { shorten, visible } from '../lib/text.ts';
import { traceOf } from '../lib/trace.ts';
import type { Agent } from '../rules/action.ts';

/** Each text is "" where nothing was said. */
export interface Claim {
  /** Id of the incident as its source has it. The source may know better: nobody has checked it here. */
  readonly incident: string;
  /** Name or id of a task; one line. */
  readonly task: string;
  /** Why, in the agent's words; may have several lines. */
  readonly intent: string;
  /** Id of the action (or approval) of another agent, or of this one, that led to this work. */
  readonly parent: string;
  /** W3C traceparent of the work. */
  readonly traceparent: string;
  /** Wall clock of the latest change. */
  readonly atMs: number;
}

/** What is left out stays; "" takes it back. */
export type ClaimChange = Partial<Omit<Claim, 'atMs'>>;

/** A claim in records. */
export interface ClaimJson {
  readonly incident: string;
  readonly task: string;
  readonly intent: string;
  readonly parent: string;
  readonly traceparent: string;
}

/** What of it goes with each action; what was not said is left out. */
export interface ActionClaimJson {
  readonly incident?: string;
  readonly task?: string;
  readonly parent?: string;
  /** 32 hexadecimal digits: the trace that the request named, else that of the claim. */
  readonly trace?: string;
}

export interface Claims {
  /** Null when the agent has said nothing. */
  of(agent: Agent): Claim | null;
  /**
   * Takes a checked change (`findFault`) and gives what is in force then. `by`: who said it. Rejects with GatewayError STORE_FAILED when it
   * cannot be recorded, and then nothing has changed.
   */
  set(agent: Agent, change: ClaimChange, by: 'agent' | 'run'): Promise<Claim>;
  /** Those agents are gone: what they said, also what is being written, does not count any more. */
  forget(gone: (agent: Agent) => boolean): void;
  /** What was said before this process: records of changes, newest first. What was said since stays. */
  recall(records: readonly Pick<AuditRecord, 'agent' | 'data' | 'timeMs'>[]): void;
}

export const MAX_INTENT_BYTES = 4 * 1024;
const MAX_TASK_CHARS = 200;
/** Agents that are remembered; who has been silent longest is forgotten first. */
const MAX_AGENTS = 10_000;
/** Of them, those of one device or listener: behind a listener somebody may have as many addresses as they like. */
const MAX_OF_DEVICE = 1_000;
/** What was said so long ago is about other work. */
export const STALE_MS = 24 * 3_600_000;

const INCIDENT = /^[\x21-\x7e]{1,100}$/;
/** The id of an action or approval, whole. */
export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export interface ClaimsParts {
  readonly clock: Pick<Clock, 'now' | 'monotonicMs'>;
  readonly audit: Pick<AuditLog, 'appendDurable'>;
}

/** A store in which nobody has said anything. */
export function createClaims(parts: ClaimsParts): Claims {
  return new MemoryClaims(parts);
}

interface Entry {
  readonly claim: Claim;
  readonly agent: Agent;
  /** Monotonic. */
  readonly saidMs: number;
}

class MemoryClaims implements Claims {
  readonly #parts: ClaimsParts;
  /** By identity; who spoke last is last. */
  readonly #entries = new Map<string, Entry>();
  /** Entries by device. */
  readonly #counts = new Map<string, number>();
  /** Identities of connections' agents: worked out once. */
  readonly #identities = new WeakMap<Agent, string>();
  /** What is being written; taken out of here, it does not count any more. */
  readonly #writing = new Set<Agent>();

  constructor(parts: ClaimsParts) {
    this.#parts = parts;
  }

  of(agent: Agent): Claim | null {
    // Asked for every action, and mostly nobody has said anything.
    if (this.#entries.size === 0) {
      return null;
    }
    const identity = this.#identities.get(agent) ?? identityOf(agent);
    this.#identities.set(agent, identity);
    return this.#find(identity);
  }

  async set(agent: Agent, change: ClaimChange, by: 'agent' | 'run'): Promise<Claim> {
    const identity = identityOf(agent);
    const { clock, audit } = this.#parts;
    const next = merge(this.#find(identity), change, clock.now());
    const speaker = { ...agent };
    this.#writing.add(speaker);
    try {
      await audit.appendDurable(claimedEvent(agent, next, change, by));
    } catch (error) {
      this.#writing.delete(speaker);
      throw error;
    }
    if (!this.#writing.delete(speaker)) {
      return next;
    }
    // What was said meanwhile stays.
    const claim = merge(this.#find(identity), change, next.atMs);
    this.#put(identity, { claim, agent: speaker, saidMs: clock.monotonicMs() });
    return claim;
  }

  forget(gone: (agent: Agent) => boolean): void {
    for (const [identity, { agent }] of this.#entries) {
      if (gone(agent)) {
        this.#drop(identity);
      }
    }
    for (const agent of this.#writing) {
      if (gone(agent)) {
        this.#writing.delete(agent);
      }
    }
  }

  recall(records: readonly Pick<AuditRecord, 'agent' | 'data' | 'timeMs'>[]): void {
    const { clock } = this.#parts;
    const before = new Map<string, Entry>();
    for (const { agent, data, timeMs } of records) {
      const claim = agent === null ? null : readClaim(data, timeMs);
      const identity = agent === null ? '' : identityOf(agent);
      // The newest tells all of it.
      if (agent !== null && claim !== null && !before.has(identity) && !this.#entries.has(identity)) {
        const agoMs = Math.max(0, clock.now() - timeMs);
        before.set(identity, { claim, agent, saidMs: clock.monotonicMs() - agoMs });
      }
    }
    const since = [...this.#entries];
    this.#entries.clear();
    this.#counts.clear();
    [...[...before].toReversed(), ...since].forEach(([identity, entry]) => this.#put(identity, entry));
  }

  #find(identity: string): Claim | null {
    const entry = this.#entries.get(identity);
    return entry === undefined || this.#parts.clock.monotonicMs() - entry.saidMs > STALE_MS ? null : entry.claim;
  }

  #put(identity: string, entry: Entry): void {
    const { device } = entry.agent;
    this.#drop(identity);
    this.#entries.set(identity, entry);
    this.#counts.set(device, (this.#counts.get(device) ?? 0) + 1);
    this.#prune(device);
  }

  /** `speaker`: the device that has just grown. */
  #prune(speaker: string): void {
    for (const [identity, { agent }] of this.#entries) {
      const crowded = (this.#counts.get(speaker) ?? 0) > MAX_OF_DEVICE;
      if (!crowded && this.#entries.size <= MAX_AGENTS) {
        return;
      }
      if (!crowded || agent.device === speaker) {
        this.#drop(identity);
      }
    }
  }

  #drop(identity: string): void {
    const device = this.#entries.get(identity)?.agent.device;
    if (device !== undefined) {
      this.#entries.delete(identity);
      const left = (this.#counts.get(device) ?? 1) - 1;
      if (left === 0) {
        this.#counts.delete(device);
      } else {
        this.#counts.set(device, left);
      }
    }
  }
}

/** Who an agent is to this store: equal texts are one agent. */
export function identityOf({ transport, device, run, profile, ip }: Agent): string {
  return transport === 'direct' && run === ''
    ? JSON.stringify(['direct', profile, ip])
    : JSON.stringify(['device', device, run]);
}

/** What is wrong with a change, for whoever sent it; null when it may be set. */
export function findFault({ incident, task, intent, parent, traceparent }: ClaimChange): string | null {
  if (isSaid(incident) && !INCIDENT.test(incident)) {
    return 'incident must be an id: at most 100 visible ASCII characters without spaces';
  }
  if (isSaid(task) && (task.length > MAX_TASK_CHARS || visible(task) !== task)) {
    return `task must be one line of at most ${MAX_TASK_CHARS} characters`;
  }
  if (isSaid(intent) && Buffer.byteLength(intent) > MAX_INTENT_BYTES) {
    return `the text must be at most ${MAX_INTENT_BYTES} bytes of UTF-8`;
  }
  if (isSaid(parent) && !UUID.test(parent)) {
    return 'parent must be the id of an action, as a record or a denial shows it';
  }
  return isSaid(traceparent) && traceOf(traceparent) === ''
    ? 'traceparent is not one of W3C Trace Context (00-TRACE-SPAN-FLAGS)'
    : null;
}

function isSaid(text: string | undefined): text is string {
  return text !== undefined && text !== '';
}

/** What of a claim goes with an action; null where nothing was said. `trace`: what the request itself named, or "". */
export function actionClaim(claim: Claim | null, trace: string): ActionClaimJson | null {
  if (claim === null) {
    return trace === '' ? null : { trace };
  }
  const { incident, task, parent } = claim;
  const known = trace === '' ? traceOf(claim.traceparent) : trace;
  const said = {
    ...(incident === '' ? {} : { incident }),
    ...(task === '' ? {} : { task }),
    ...(parent === '' ? {} : { parent }),
    ...(known === '' ? {} : { trace: known }),
  };
  return Object.keys(said).length === 0 ? null : said;
}

/** The same for people, as labels and texts. */
export function claimRows(
  claim: ActionClaimJson | null | undefined,
): readonly (readonly [label: string, text: string])[] {
  const rows = [
    ['incident', claim?.incident],
    ['task', claim?.task],
    ['led to by', claim?.parent],
    ['trace', claim?.trace],
  ] as const;
  return rows.flatMap(([label, text]) => (text === undefined || text === '' ? [] : [[label, text] as const]));
}

function merge(claim: Claim | null, change: ClaimChange, atMs: number): Claim {
  const { incident = '', task = '', intent = '', parent = '', traceparent = '' } = { ...claim, ...change };
  return { incident, task, intent, parent, traceparent, atMs };
}

/** What a record of a change says; null where it says nothing that can be read. */
function readClaim(data: AuditRecord['data'], atMs: number): Claim | null {
  const found: unknown = data?.['claim'];
  if (typeof found !== 'object' || found === null) {
    return null;
  }
  const said = new Map(Object.entries(found));
  const text = (name: keyof ClaimJson): string => {
    const value: unknown = said.get(name);
    return typeof value === 'string' ? value : '';
  };
  const claim = { incident: text('incident'), task: text('task'), intent: text('intent') };
  return { ...claim, parent: text('parent'), traceparent: text('traceparent'), atMs };
}

const MAX_SUMMARY_CHARS = 120;

function claimedEvent(
  agent: Agent,
  { incident, task, intent, parent, traceparent, atMs }: Claim,
  change: ClaimChange,
  by: 'agent' | 'run',
): ReturnType<typeof createEvent> {
  const claim: ClaimJson = { incident, task, intent, parent, traceparent };
  const told = Object.entries({ incident, task, intent })
    .filter(([, text]) => text !== '')
    .map(([name, text]) => `${name} ${text}`);
  return createEvent('context.claimed', atMs, {
    agent,
    by,
    summary: shorten(visible(`the agent says: ${told.join(', ')}`), MAX_SUMMARY_CHARS),
    data: { claim, changed: Object.keys(change).toSorted() },
  });
}
