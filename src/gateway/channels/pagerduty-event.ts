// What PagerDuty's webhooks v3 and its REST API say of an incident (developer documentation, "Webhooks overview", "Get an incident"). Pure.
import type { Ref } from '../../config/config.ts';
import { isIncidentId, type Heard, type IncidentStatus } from '../../approvals/incidents.ts';
import { asObject, textAt } from './slack-api.ts';

/** One delivery. */
export interface PagerDutyEvent {
  readonly id: string;
  readonly occurredMs: number;
  /** Null when it is about something else: a note, a test. */
  readonly heard: Heard | null;
}

/** Null when it is no event. */
export function readPagerDutyEvent(body: Readonly<Record<string, unknown>> | null, source: Ref): PagerDutyEvent | null {
  const event = asObject(body?.['event']);
  const id = textAt(event, 'id');
  const occurredMs = Date.parse(textAt(event, 'occurred_at'));
  if (!/^[\x21-\x7e]{1,128}$/.test(id) || Number.isNaN(occurredMs)) {
    return null;
  }
  const data = asObject(event?.['data']);
  const isIncident = textAt(event, 'event_type').startsWith('incident.') && textAt(data, 'type') === 'incident';
  return {
    id,
    occurredMs,
    heard: isIncident ? readPagerDutyIncident(data, source, { saidMs: occurredMs, asked: null }) : null,
  };
}

/** An incident as both the events and the REST API write it; null when it is none. `when`: as in `Heard`. */
export function readPagerDutyIncident(
  incident: unknown,
  source: Ref,
  when: Pick<Heard, 'saidMs' | 'asked'>,
): Heard | null {
  const id = textAt(incident, 'id');
  const status = STATUSES.get(textAt(incident, 'status'));
  if (!isIncidentId(id) || status === undefined) {
    return null;
  }
  const createdMs = Date.parse(textAt(incident, 'created_at'));
  return {
    source,
    id,
    status,
    url: textAt(incident, 'html_url'),
    serviceId: textAt(incident, 'service', 'id'),
    fields: {
      title: textAt(incident, 'title'),
      urgency: textAt(incident, 'urgency'),
      service: textAt(incident, 'service', 'summary'),
      assignees: assigneesOf(asObject(incident)),
    },
    openedMs: Number.isNaN(createdMs) ? null : createdMs,
    ...when,
  };
}

const STATUSES: ReadonlyMap<string, IncidentStatus> = new Map([
  ['triggered', 'open'],
  ['acknowledged', 'acknowledged'],
  ['resolved', 'resolved'],
]);

/** Events have `assignees`, the REST API has `assignments`. */
function assigneesOf(incident: Readonly<Record<string, unknown>> | null): string {
  const direct = listAt(incident, 'assignees').map((one) => textAt(one, 'summary'));
  const assigned = listAt(incident, 'assignments').map((one) => textAt(one, 'assignee', 'summary'));
  return [...direct, ...assigned].filter((name) => name !== '').join(', ');
}

export function listAt(value: unknown, name: string): readonly unknown[] {
  const found = asObject(value)?.[name];
  return Array.isArray(found) ? found : [];
}
