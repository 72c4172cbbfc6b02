// Parameters of the query, as the API server converts them.
import { Unknown } from '../../rules/action.ts';
import { readQuery } from '../http/query.ts';

/** All values of every parameter, decoded, in order. */
export type Query = ReadonlyMap<string, readonly string[]>;

/** Parameters that the API declares as booleans: anything but `false` and `0` is true, also nothing. */
const BOOLEANS: ReadonlySet<string> = new Set([
  'watch',
  'follow',
  'previous',
  'stdin',
  'stdout',
  'stderr',
  'tty',
  'timestamps',
  'allowWatchBookmarks',
  'orphanDependents',
  'force',
]);

/** The query of a request; null when two readers could take it differently, or it holds a NUL. */
export function parseQuery(rawQuery: string | null): Query | null {
  const query = readQuery(rawQuery);
  if (query instanceof Unknown) {
    return null;
  }
  return [...query].every(([name, values]) => ![name, ...values].some((text) => text.includes('\0'))) ? query : null;
}

/** A boolean as the server reads it; null when the parameter is absent. */
export function readBoolean(values: readonly string[] | undefined): boolean | null {
  const [first] = values ?? [];
  if (first === undefined) {
    return null;
  }
  const lower = first.toLowerCase();
  return lower !== 'false' && lower !== '0';
}

/** One boolean of the query for a fact: false when absent, Unknown when it is said more than once. */
export function booleanFact(query: Query, name: string): boolean | Unknown {
  const values = query.get(name);
  return values !== undefined && values.length > 1 ? new Unknown('ambiguous') : (readBoolean(values) ?? false);
}

/** One text of the query for a fact: "" when absent, Unknown when it is said more than once. */
export function textFact(query: Query, name: string): string | Unknown {
  const values = query.get(name);
  return values !== undefined && values.length > 1 ? new Unknown('ambiguous') : (values?.[0] ?? '');
}

/** `k8s.params`: first values, booleans normalised; a parameter said more than once is Unknown. */
export function paramsOf(query: Query, interactive: boolean): ReadonlyMap<string, string | Unknown> {
  const params = new Map<string, string | Unknown>();
  for (const [name, values] of query) {
    const [first = ''] = values;
    const value = BOOLEANS.has(name) ? String(readBoolean(values)) : first;
    params.set(name, values.length > 1 ? new Unknown('ambiguous') : value);
  }
  for (const name of interactive ? ['stdin', 'tty'] : []) {
    if (!params.has(name)) {
      params.set(name, 'false');
    }
  }
  return params;
}
