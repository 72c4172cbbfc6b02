// What any alerting system says, found by the dotted paths of a `context "webhook"` block. Pure.
import type { NamedBlock } from '../../config/config.ts';
import { isIncidentId, type Heard } from '../../approvals/incidents.ts';
import { ALERT_FIELDS } from '../../rules/common-facts.ts';
import { textOf, textsOf } from './parts.ts';
import { asObject } from './slack-api.ts';

/** Alerts of one call that are taken. */
export const MAX_ALERTS = 100;

/** What a call tells; null when it tells of no alert that has an id, or of more than are taken. */
export function readMappedEvent(
  body: Readonly<Record<string, unknown>> | null,
  block: NamedBlock,
  saidMs: number,
): readonly Heard[] | null {
  const path = textOf(block, 'items') ?? '';
  const found = path === '' ? body : valueAt(body, path);
  const items: readonly unknown[] = path === '' ? [found] : Array.isArray(found) ? found : [];
  if (items.length === 0 || items.length > MAX_ALERTS) {
    return null;
  }
  const heard = items.flatMap((item) => readAlert(item, block, saidMs) ?? []);
  return heard.length === items.length ? heard : null;
}

function readAlert(item: unknown, block: NamedBlock, saidMs: number): Heard | null {
  const read = (name: string): string => {
    const path = textOf(block, name) ?? '';
    return path === '' ? '' : wordOf(valueAt(item, path));
  };
  const id = read('id');
  if (!isIncidentId(id)) {
    return null;
  }
  const status = read('status').toLowerCase();
  const resolved = textsOf(block, 'resolved').some((word) => word.toLowerCase() === status);
  const openedMs = Date.parse(read('opened'));
  return {
    source: block.ref,
    id,
    status: resolved ? 'resolved' : 'open',
    url: read('url'),
    serviceId: read('service'),
    // What a call leaves out stays as an earlier one said it.
    fields: Object.fromEntries(
      ALERT_FIELDS.map((name) => [name, read(name)] as const).filter(([, words]) => words !== ''),
    ),
    openedMs: Number.isNaN(openedMs) ? null : openedMs,
    saidMs,
    asked: null,
  };
}

/** The value at a dotted path; numbers in it are places of a list. */
function valueAt(value: unknown, path: string): unknown {
  let found: unknown = value;
  for (const name of path.split('.')) {
    found = Array.isArray(found) ? found[Number(name)] : ownAt(found, name);
  }
  return found;
}

function ownAt(value: unknown, name: string): unknown {
  const object = asObject(value);
  return object !== null && Object.hasOwn(object, name) ? object[name] : undefined;
}

/** A scalar as text, a list of scalars with commas between; "" for everything else. */
function wordOf(value: unknown): string {
  if (Array.isArray(value)) {
    return value
      .slice(0, 20)
      .map((item) => (Array.isArray(item) ? '' : wordOf(item)))
      .filter((word) => word !== '')
      .join(', ');
  }
  return typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? `${value}` : '';
}
