// Incidents as other systems tell of them: what is known of each, and what of it is news. Bounded; the oldest that is over goes first.
// Every text in here was written by outsiders. Pure.
import { createEvent, type AuditEvent } from '../audit/event.ts';
import type { Ref } from '../config/config.ts';
import { shorten, visible } from '../lib/text.ts';
import { ALERT_FIELDS, NO_ALERT } from '../rules/common-facts.ts';

export type AlertField = (typeof ALERT_FIELDS)[number];
export type IncidentStatus = 'open' | 'acknowledged' | 'resolved';
export type AlertTexts = Readonly<Partial<Record<AlertField, string>>>;

/** What a source says of an incident at one moment. Texts that it does not mention stay as they were. */
export interface Heard {
  /** The `context` block. */
  readonly source: Ref;
  readonly id: string;
  readonly status: IncidentStatus;
  readonly url: string;
  /** For `services`: ids where the source has ids, else names. */
  readonly serviceId: string;
  readonly fields: AlertTexts;
  /** When it began, by the source's clock; null when it does not say. */
  readonly openedMs: number | null;
  /** When it was so, by the source's clock: what is older than what was heard before changes nothing. Null: just asked. */
  readonly saidMs: number | null;
  /** Of an answer: the turn (`IncidentBook.turn`) in which it was asked for. What was heard in a later one is newer. Null: nobody asked. */
  readonly asked: number | null;
}

export interface Incident {
  readonly id: string;
  readonly source: Ref;
  readonly status: IncidentStatus;
  readonly url: string;
  readonly serviceId: string;
  readonly fields: AlertTexts;
  readonly openedMs: number;
  /** Our clock. */
  readonly changedMs: number;
  readonly resolvedMs: number | null;
  /** The source's clock; 0 when it never said. */
  readonly saidMs: number;
}

export type IncidentNews = 'opened' | 'changed' | 'resolved';

/** What of it is news, and the incident as it is now. */
export interface IncidentChange {
  readonly news: IncidentNews;
  readonly incident: Incident;
  /** As it was known before; null when it was not. */
  readonly before: Incident | null;
}

/** Incidents that are remembered. */
export const MAX_INCIDENTS = 500;
const MAX_ID_CHARS = 128;
const MAX_FIELD_CHARS = 2_000;
const MAX_URL_CHARS = 2_000;

/** Whether a text can be the id of an incident: it is shown, searched for, and put into addresses. */
export function isIncidentId(text: string): boolean {
  return text.length <= MAX_ID_CHARS && /^[A-Za-z0-9][A-Za-z0-9._:@#=+-]*$/.test(text);
}

/** What is known. Ids are a source's own, so the same id may be there once for each. */
export interface IncidentBook {
  /** A number for a question that is put now: whatever is taken from now on is newer than its answer. */
  turn(): number;
  /** Null when it is no news, or older than what is known. */
  take(heard: Heard, nowMs: number): IncidentChange | null;
  /** As a record of an earlier process has it; what is known already stays. */
  recall(incident: Incident): void;
  /** Puts back what was before a change that could not be recorded. */
  undo(change: IncidentChange): void;
  find(source: Ref, id: string): Incident | null;
  /** Open ones first, then the newest. */
  list(): readonly Incident[];
}

export function createIncidentBook(): IncidentBook {
  const known = new Map<string, Incident>();
  // Not by the clock, which may be set back: an answer that was under way when an event came is older than the event.
  let lastTurn = 0;
  const turns = new WeakMap<Incident, number>();
  // A source that tells of very many pushes out its own: nobody who may speak for one silences another.
  const forget = (): void => {
    if (known.size > MAX_INCIDENTS) {
      const counts = new Map<Ref, number>();
      known.forEach(({ source }) => counts.set(source, (counts.get(source) ?? 0) + 1));
      const [fullest] = [...counts].toSorted(([, one], [, other]) => other - one);
      const [last] = [...known]
        .filter(([, { source }]) => source === fullest?.[0])
        .toSorted(([, one], [, other]) => inOrder(other, one));
      known.delete(last?.[0] ?? '');
    }
  };
  const turn = (): number => {
    lastTurn += 1;
    return lastTurn;
  };
  const keep = (incident: Incident, { asked }: Heard): void => {
    turns.set(incident, asked ?? turn());
    known.set(keyOf(incident), incident);
  };
  return {
    turn,
    take(heard, nowMs) {
      const before = known.get(keyOf(heard)) ?? null;
      if (before !== null && isOlder(heard, { saidMs: before.saidMs, turn: turns.get(before) ?? 0 })) {
        return null;
      }
      const incident = merge(heard, before, nowMs);
      if (before !== null && (sameOf(before) === sameOf(incident) || completes(heard, before, incident))) {
        keep({ ...incident, changedMs: before.changedMs }, heard);
        return null;
      }
      keep(incident, heard);
      forget();
      return { news: newsOf(incident, before), incident, before };
    },
    recall(incident) {
      if (!known.has(keyOf(incident))) {
        known.set(keyOf(incident), incident);
        forget();
      }
    },
    undo({ incident, before }) {
      if (before === null) {
        known.delete(keyOf(incident));
      } else {
        known.set(keyOf(incident), before);
      }
    },
    find: (source, id) => known.get(keyOf({ source, id })) ?? null,
    list: () => [...known.values()].toSorted(inOrder),
  };
}

/** The record of a change. The incident is in it whole, so that the log alone tells the story. */
export function incidentEvent({ news, incident }: IncidentChange, event: string, nowMs: number): AuditEvent {
  const { id, source, status, fields } = incident;
  return createEvent(`incident.${news}`, nowMs, {
    by: source,
    summary: `incident ${id} ${status}: ${visible(shorten(fields.title ?? '', 200))}`,
    data: { incident, ...(event === '' ? {} : { event }) },
  });
}

/** The incident of a record that `incidentEvent` made; null for anything else. */
export function incidentOf(data: Readonly<Record<string, unknown>> | null): Incident | null {
  const found: unknown = data?.['incident'];
  if (typeof found !== 'object' || found === null) {
    return null;
  }
  const { id, source, status, fields, openedMs, changedMs }: Partial<Incident> = found;
  const whole =
    typeof id === 'string' &&
    typeof source === 'string' &&
    typeof status === 'string' &&
    typeof openedMs === 'number' &&
    typeof changedMs === 'number' &&
    typeof fields === 'object';
  const { url = '', serviceId = '', resolvedMs = null, saidMs = 0 }: Partial<Incident> = found;
  return whole ? { id, source, status, url, serviceId, fields, openedMs, changedMs, resolvedMs, saidMs } : null;
}

/** The fields as `context.alert` has them: each is present, only those that are wanted are told. */
export function alertFacts({ fields }: Incident, wanted: readonly string[]): ReadonlyMap<string, string> {
  return new Map([...NO_ALERT].map(([name]) => [name, wanted.includes(name) ? (fieldAt(fields, name) ?? '') : '']));
}

/** The incident as approvers and models are shown it: whose words, how it came here, and what of it is wanted. */
export function alertShown(
  incident: Incident,
  wanted: readonly string[],
  how: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const texts = [...alertFacts(incident, wanted)].filter(([, text]) => text !== '');
  const { id, source, status, url } = incident;
  return { id, source, status, ...how, ...Object.fromEntries(texts), ...(url === '' ? {} : { url }) };
}

function fieldAt(fields: AlertTexts, name: string): string | undefined {
  const field = ALERT_FIELDS.find((one) => one === name);
  return field === undefined ? undefined : fields[field];
}

function keyOf({ source, id }: Pick<Incident, 'source' | 'id'>): string {
  return `${source} ${id}`;
}

function merge(heard: Heard, before: Incident | null, nowMs: number): Incident {
  const { source, id, status, serviceId, openedMs, saidMs } = heard;
  const fields: Partial<Record<AlertField, string>> = { ...before?.fields };
  for (const name of ALERT_FIELDS) {
    const text = heard.fields[name];
    if (text !== undefined) {
      fields[name] = shorten(text, MAX_FIELD_CHARS);
    }
  }
  const url = isLink(heard.url) ? heard.url : (before?.url ?? '');
  return {
    id,
    source,
    status,
    url,
    serviceId: serviceId === '' ? (before?.serviceId ?? '') : shorten(serviceId, MAX_ID_CHARS),
    fields,
    openedMs: openedMs ?? before?.openedMs ?? nowMs,
    changedMs: nowMs,
    resolvedMs: status === 'resolved' ? (before?.resolvedMs ?? nowMs) : null,
    saidMs: Math.max(saidMs ?? 0, before?.saidMs ?? 0),
  };
}

/** An address that a browser may be led to. */
function isLink(text: string): boolean {
  return text.length <= MAX_URL_CHARS && /^https?:\/\/\S+$/.test(text) && visible(text) === text && URL.canParse(text);
}

function newsOf({ status }: Incident, before: Incident | null): IncidentNews {
  if (status === 'resolved') {
    return before?.status === 'resolved' ? 'changed' : 'resolved';
  }
  return before === null ? 'opened' : 'changed';
}

/** Everything that people see of it. */
function sameOf({ status, url, serviceId, fields, openedMs }: Incident): string {
  return JSON.stringify([status, url, serviceId, openedMs, ALERT_FIELDS.map((name) => fields[name] ?? '')]);
}

/** Whether something newer is known. */
function isOlder({ asked, saidMs }: Heard, known: { readonly saidMs: number; readonly turn: number }): boolean {
  return asked === null ? saidMs !== null && saidMs < known.saidMs : asked < known.turn;
}

/** An answer that only adds what nobody had said yet: an event has no description. Known from now on, and no news. */
function completes({ asked }: Heard, before: Incident, incident: Incident): boolean {
  const bare = (known: Incident): string =>
    sameOf({
      ...incident,
      status: known.status,
      openedMs: known.openedMs,
      url: before.url === '' ? '' : known.url,
      serviceId: before.serviceId === '' ? '' : known.serviceId,
      fields: Object.fromEntries(
        ALERT_FIELDS.flatMap((name) => ((before.fields[name] ?? '') === '' ? [] : [[name, known.fields[name]]])),
      ),
    });
  return asked !== null && bare(before) === bare(incident);
}

function inOrder(one: Incident, other: Incident): number {
  const over = Number(one.status === 'resolved') - Number(other.status === 'resolved');
  return over === 0 ? other.openedMs - one.openedMs : over;
}
