// What an operator sends, from text to types: query strings and JSON bodies. Everything that does not fit is a bad_request that says
// what would fit.
import type { GrantWish } from '../approvals/approval.ts';
import { AUDIT_EVENT_TYPES, type AuditEventType, type AuditFilter } from '../audit/event.ts';
import type { ControlErrorCode } from '../client/control-shapes.ts';
import { AUDIT_FILTERS } from '../client/control-shapes.ts';
import { isObject } from '../lib/fields.ts';
import { parseDurationMs } from '../lib/units.ts';

/** An answer that is "no", with its HTTP status. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: ControlErrorCode;

  constructor(status: number, code: ControlErrorCode, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
  }
}

/** A query string or path, each name once. */
export type Fields = ReadonlyMap<string, string>;

/** Refuses names that are not in `known`: a filter that is misspelt must not widen an answer. */
export function readFields(values: unknown, known: readonly string[]): Fields {
  const fields = new Map<string, string>();
  for (const [name, value] of Object.entries(isObject(values) ? values : {})) {
    if (!known.includes(name)) {
      throw badRequest(`there is no parameter ${JSON.stringify(name)}; known: ${known.join(', ') || 'none'}`);
    }
    if (typeof value !== 'string') {
      throw badRequest(`${name} is given more than once`);
    }
    fields.set(name, value);
  }
  return fields;
}

/** A JSON body of text values only. */
export function readBody(body: unknown, known: readonly string[]): Fields {
  if (!isObject(body)) {
    throw badRequest('the body must be a JSON object');
  }
  const fields = new Map<string, string>();
  for (const [name, value] of Object.entries(body)) {
    if (!known.includes(name)) {
      throw badRequest(`there is no key ${JSON.stringify(name)}; known: ${known.join(', ')}`);
    }
    if (typeof value !== 'string') {
      throw badRequest(`${name} must be text`);
    }
    fields.set(name, value);
  }
  return fields;
}

/** A text that must be there. */
export function getText(fields: Fields, name: string): string {
  const value = fields.get(name);
  if (value === undefined || value === '') {
    throw badRequest(`${name} is missing`);
  }
  return value;
}

/** A whole number, or null when it was left out. */
export function readNumber(
  fields: Fields,
  name: string,
  { from, to }: { readonly from: number; readonly to: number },
): number | null {
  const text = fields.get(name);
  if (text === undefined) {
    return null;
  }
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= from && value <= to)) {
    throw badRequest(`${name} must be a whole number from ${from} to ${to}`);
  }
  return value;
}

/** One of some words, or null when it was left out. */
export function readWord<T extends string>(fields: Fields, name: string, words: readonly T[]): T | null {
  const text = fields.get(name);
  if (text === undefined) {
    return null;
  }
  const word = words.find((candidate) => candidate === text);
  if (word === undefined) {
    throw badRequest(`${name} must be one of ${words.join(', ')}`);
  }
  return word;
}

/** The filter of an audit call. */
export function readFilter(fields: Fields, nowMs: number): AuditFilter {
  const filter: Record<string, string> = {};
  for (const name of AUDIT_FILTERS) {
    const value = fields.get(name);
    if (value !== undefined && value !== '' && !['since', 'until', 'types'].includes(name)) {
      filter[name] = value;
    }
  }
  const sinceMs = readTime(fields, 'since', nowMs);
  const untilMs = readTime(fields, 'until', nowMs);
  const types = fields.get('types');
  return {
    ...filter,
    ...(sinceMs === null ? {} : { sinceMs }),
    ...(untilMs === null ? {} : { untilMs }),
    ...(types === undefined ? {} : { types: types.split(',').map(readType) }),
  };
}

function readType(text: string): AuditEventType {
  const type = AUDIT_EVENT_TYPES.find((candidate) => candidate === text.trim());
  if (type === undefined) {
    throw badRequest(`there is no kind of record ${JSON.stringify(text)}; known: ${AUDIT_EVENT_TYPES.join(', ')}`);
  }
  return type;
}

/** RFC 3339, or a duration back from now. */
function readTime(fields: Fields, name: string, nowMs: number): number | null {
  const text = fields.get(name);
  if (text === undefined || text === '') {
    return null;
  }
  const backMs = parseDurationMs(text);
  if (backMs !== null) {
    return nowMs - backMs;
  }
  const rfc3339 = /^\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-]\d\d:\d\d))?$/;
  const timeMs = rfc3339.test(text) ? Date.parse(text.toUpperCase().replace(' ', 'T')) : Number.NaN;
  if (Number.isNaN(timeMs)) {
    throw badRequest(`${name} must be a time such as 2026-01-31T12:00:00Z, or a duration back from now such as 2h`);
  }
  return timeMs;
}

/** Uses of a grant when an approver names none. */
const DEFAULT_GRANT_USES = 20;

/** `DURATION[,uses=N][,scope=exact|shape]`, as on the command line; null when it was left out. */
export function readGrant(text: string | undefined): GrantWish | null {
  if (text === undefined || text === '') {
    return null;
  }
  const [first = '', ...rest] = text.split(',').map((part) => part.trim());
  const durationMs = parseDurationMs(first);
  const options = readFields(Object.fromEntries(rest.map((part) => part.split('=', 2))), ['uses', 'scope']);
  if (durationMs === null || new Set(rest.map((part) => part.split('=')[0])).size < rest.length) {
    throw badRequest('a grant is written DURATION[,uses=N][,scope=exact|shape], for example 15m,uses=5,scope=shape');
  }
  return {
    durationMs,
    uses: readNumber(options, 'uses', { from: 1, to: 10_000 }) ?? DEFAULT_GRANT_USES,
    scope: readWord(options, 'scope', ['exact', 'shape']) ?? 'exact',
  };
}

function badRequest(message: string): ApiError {
  return new ApiError(400, 'bad_request', message);
}
