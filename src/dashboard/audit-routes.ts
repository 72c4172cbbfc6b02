// The calls about the log: searched, followed, shown, checked, taken along.
import { createEvent } from '../audit/event.ts';
import type { VerifyJson } from '../client/control-shapes.ts';
import { AUDIT_FILTERS } from '../client/control-shapes.ts';
import { followRecords } from './follow.ts';
import { ApiError, getText, readFields, readFilter, readNumber, readWord } from './input.ts';
import type { Fields } from './input.ts';
import type { AuditFilter } from '../audit/event.ts';
import type { Answer, Call, Route } from './call.ts';
import { recordJson, recordRowJson } from './shapes.ts';

/** Records have an endpoint's typed name; people write the bare one where the configuration has one of that name. */
function filterOf({ clock, config }: Call['parts'], fields: Fields): AuditFilter {
  const filter = readFilter(fields, clock.now());
  const named = config().endpoints.filter(({ name }) => name === filter.endpoint);
  const [only] = named;
  return only === undefined || named.length > 1 ? filter : { ...filter, endpoint: only.ref };
}

async function searchAudit({ parts, query }: Call): Promise<Answer> {
  const fields = readFields(query, [...AUDIT_FILTERS, 'limit', 'cursor', 'order', 'shape']);
  const toJson = readWord(fields, 'shape', ['whole', 'row']) === 'row' ? recordRowJson : recordJson;
  const page = await parts.audit.search(filterOf(parts, fields), {
    limit: readNumber(fields, 'limit', { from: 1, to: 10_000 }) ?? 100,
    cursor: fields.get('cursor') ?? null,
    newestFirst: (readWord(fields, 'order', ['newest', 'oldest']) ?? 'newest') === 'newest',
  });
  return { kind: 'json', body: { items: page.items.map((record) => toJson(record)), next: page.next } };
}

async function followAudit({ parts, query, signal }: Call): Promise<Answer> {
  const fields = readFields(query, [...AUDIT_FILTERS, 'last']);
  const pieces = followRecords(
    {
      audit: parts.audit,
      clock: parts.clock,
      filter: filterOf(parts, fields),
      last: readNumber(fields, 'last', { from: 0, to: 1000 }) ?? 0,
      signal,
    },
    (record) => `${JSON.stringify(recordJson(record))}\n`,
  );
  return { kind: 'stream', type: 'application/x-ndjson', pieces };
}

async function showAudit({ parts, params }: Call): Promise<Answer> {
  const id = getText(params, 'id');
  // A sequence number is shorter than any prefix of an id may be.
  const one = /^\d{1,7}$/.test(id) ? await parts.audit.get(Number(id)) : null;
  const items = one === null ? await parts.audit.show(id) : [one];
  const [first] = items;
  if (first === undefined) {
    const message = `no record has the number ${JSON.stringify(id)}, and no single action is it or begins so (8 characters or more)`;
    throw new ApiError(404, 'not_found', message);
  }
  return { kind: 'json', body: { items: items.map(recordJson), next: null } };
}

async function verifyAudit({ parts, query }: Call): Promise<Answer> {
  const fields = readFields(query, ['from', 'to']);
  const range = { from: 1, to: Number.MAX_SAFE_INTEGER };
  const from = readNumber(fields, 'from', range);
  const to = readNumber(fields, 'to', range);
  if (from !== null && to !== null && from > to) {
    // Nothing would be looked at, and nothing found wrong.
    throw new ApiError(400, 'bad_request', `from ${from} to ${to} holds no record`);
  }
  const result: VerifyJson = await parts.audit.verify({ from, to });
  return { kind: 'json', body: result };
}

/** Takes the log out of the house, so it is in the log itself, with the filter and by whom. */
async function exportAudit({ parts, operator, query }: Call): Promise<Answer> {
  const fields = readFields(query, [...AUDIT_FILTERS, 'format', 'bundle']);
  const nowMs = parts.clock.now();
  const filter = filterOf(parts, fields);
  const format = readWord(fields, 'format', ['jsonl', 'csv']) ?? 'jsonl';
  const bundle = readWord(fields, 'bundle', ['true', 'false']) === 'true';
  if (bundle && format === 'csv') {
    throw new ApiError(400, 'bad_request', 'a bundle is JSON lines: leave format=csv out');
  }
  // Read only once it is recorded; refused before.
  const pieces = parts.audit.export(filter, bundle ? 'bundle' : format);
  await parts.audit.appendDurable(
    createEvent('audit.exported', nowMs, { by: operator.name, data: { filter, format, bundle, via: operator.via } }),
  );
  const type = format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson';
  return { kind: 'stream', type, pieces };
}

export const AUDIT_ROUTES: readonly Route[] = [
  {
    name: 'audit.search',
    method: 'GET',
    path: '/api/audit',
    kind: 'reads',
    role: 'viewer',
    sight: 'scoped',
    answer: searchAudit,
  },
  {
    name: 'audit.follow',
    method: 'GET',
    path: '/api/audit/follow',
    kind: 'reads',
    role: 'viewer',
    sight: 'scoped',
    answer: followAudit,
  },
  {
    name: 'audit.show',
    method: 'GET',
    path: '/api/audit/show/:id',
    kind: 'reads',
    role: 'viewer',
    sight: 'scoped',
    answer: showAudit,
  },
  {
    name: 'audit.verify',
    method: 'GET',
    path: '/api/audit/verify',
    kind: 'reads',
    role: 'viewer',
    sight: 'unscoped',
    answer: verifyAudit,
  },
  {
    name: 'audit.export',
    method: 'GET',
    path: '/api/audit/export',
    kind: 'reads',
    role: 'admin',
    sight: 'scoped',
    answer: exportAudit,
  },
];
