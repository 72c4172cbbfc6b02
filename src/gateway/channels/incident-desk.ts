// Where everything that is heard of incidents arrives: what is news goes into the log, and into the memory that the page, the rules and
// approvers read. After a start the memory is made from the log.
import {
  createIncidentBook,
  incidentEvent,
  incidentOf,
  MAX_INCIDENTS,
  type Heard,
  type Incident,
  type IncidentBook,
} from '../../approvals/incidents.ts';
import { INCIDENT_TYPES } from '../../audit/event.ts';
import type { AuditLog } from '../../audit/log.ts';
import type { Ref } from '../../config/config.ts';
import type { Clock } from '../../lib/clock.ts';
import { Lru } from '../../lib/lru.ts';

/** Ids of one source's deliveries that are remembered, so that none counts twice. */
const MAX_EVENTS = 10_000;
const PAGE = 500;
const MAX_PAGES = 8;

export interface IncidentDesk {
  /** As `IncidentBook.turn`: taken before a question is put, and given back with its answer as `Heard.asked`. */
  turn(): number;
  /** Rejects with GatewayError STORE_FAILED when it is news that cannot be recorded; then it is not known either. */
  take(heard: Heard, event?: string): Promise<void>;
  /** False when a delivery of that source with that id was taken before. */
  isNew(source: Ref, event: string): boolean;
  find(source: Ref, id: string): Incident | null;
  list(): readonly Incident[];
  /** Reads what earlier processes recorded. */
  recall(): Promise<void>;
}

export interface IncidentDeskParts {
  readonly clock: Clock;
  readonly audit: Pick<AuditLog, 'appendDurable' | 'search'>;
}

export function createIncidentDesk(parts: IncidentDeskParts): IncidentDesk {
  return new Desk(parts);
}

class Desk implements IncidentDesk {
  readonly #parts: IncidentDeskParts;
  readonly #book: IncidentBook = createIncidentBook();
  readonly #events = new Map<Ref, Lru<string, true>>();

  constructor(parts: IncidentDeskParts) {
    this.#parts = parts;
  }

  turn(): number {
    return this.#book.turn();
  }

  async take(heard: Heard, event: string = ''): Promise<void> {
    const nowMs = this.#parts.clock.now();
    // Known at once, so that two calls at the same moment are told apart from one that says the same twice.
    const change = this.#book.take(heard, nowMs);
    if (event !== '') {
      this.#eventsOf(heard.source).put(event, true);
    }
    if (change === null) {
      return;
    }
    try {
      await this.#parts.audit.appendDurable(incidentEvent(change, event, nowMs));
    } catch (error) {
      this.#book.undo(change);
      this.#eventsOf(heard.source).delete(event);
      throw error;
    }
  }

  isNew(source: Ref, event: string): boolean {
    return this.#eventsOf(source).find(event) === null;
  }

  find(source: Ref, id: string): Incident | null {
    return this.#book.find(source, id);
  }

  list(): readonly Incident[] {
    return this.#book.list();
  }

  async recall(): Promise<void> {
    const seen = new Set<string>();
    const events: (readonly [source: Ref, event: string])[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < MAX_PAGES && seen.size < MAX_INCIDENTS; page += 1) {
      const found: Awaited<ReturnType<AuditLog['search']>> = await this.#parts.audit.search(
        { types: INCIDENT_TYPES },
        { limit: PAGE, cursor, newestFirst: true },
      );
      for (const { data } of found.items) {
        const incident = incidentOf(data);
        if (incident !== null) {
          seen.add(`${incident.source} ${incident.id}`);
          this.#book.recall(incident);
        }
        const event: unknown = data?.['event'];
        if (incident !== null && typeof event === 'string') {
          events.push([incident.source, event]);
        }
      }
      cursor = found.next;
      if (cursor === null) {
        break;
      }
    }
    events.toReversed().forEach(([source, event]) => this.#eventsOf(source).put(event, true));
  }

  /** One of its own for each source: who may speak for one makes nothing of another's forgotten. */
  #eventsOf(source: Ref): Lru<string, true> {
    const events = this.#events.get(source) ?? new Lru<string, true>(MAX_EVENTS);
    this.#events.set(source, events);
    return events;
  }
}
