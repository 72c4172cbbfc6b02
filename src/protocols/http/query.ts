// The one reading of a query or an urlencoded form: pairs split at `&`, decoded once. What some readers split or decode otherwise
// makes the whole of it Unknown (fact reference, 4.1).
import { decodePercent } from '../../lib/percent.ts';
import { Unknown } from '../../rules/action.ts';

/** Longer queries, and ones of more pairs, are not read. */
export const MAX_QUERY_BYTES = 64 * 1024;
const MAX_QUERY_PAIRS = 1000;

export interface PairLimits {
  readonly maxBytes: number;
  readonly maxPairs: number;
}

const QUERY_LIMITS: PairLimits = { maxBytes: MAX_QUERY_BYTES, maxPairs: MAX_QUERY_PAIRS };
const NO_PAIRS: ReadonlyMap<string, readonly string[]> = new Map();

/** Pairs by decoded key, all values in order. A key without `=` has `""`. Null and "" give no pairs. */
export function readQuery(
  rawQuery: string | null,
  limits: PairLimits = QUERY_LIMITS,
): ReadonlyMap<string, readonly string[]> | Unknown {
  if (rawQuery === null || rawQuery === '') {
    return NO_PAIRS;
  }
  if (rawQuery.length > limits.maxBytes) {
    return new Unknown('too_large');
  }
  // A reader that splits at `;` too sees other pairs.
  if (rawQuery.includes(';') || rawQuery.includes('#')) {
    return new Unknown('ambiguous');
  }
  const pairs = rawQuery.split('&', limits.maxPairs + 1);
  if (pairs.length > limits.maxPairs) {
    return new Unknown('too_large');
  }
  const values = new Map<string, string[]>();
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    const key = decodePercent(equals < 0 ? pair : pair.slice(0, equals), true);
    const value = equals < 0 ? '' : decodePercent(pair.slice(equals + 1), true);
    if (key === null || value === null) {
      return new Unknown('ambiguous');
    }
    if (pair !== '') {
      const known = values.get(key);
      if (known === undefined) {
        values.set(key, [value]);
      } else {
        known.push(value);
      }
    }
  }
  return values;
}

/**
 * Values that any reader of the query could find under such a key, lower case, however it splits or fails to decode: for what must be
 * noticed even where the query as a whole is Unknown.
 */
export function possibleValues(rawQuery: string | null, isKey: (name: string) => boolean): readonly string[] {
  if (rawQuery === null) {
    return [];
  }
  return rawQuery.split(/[&;?]/).flatMap((pair) => {
    const equals = pair.indexOf('=');
    const name = equals < 0 ? pair : pair.slice(0, equals);
    const value = equals < 0 ? '' : pair.slice(equals + 1);
    return isKey(name) ? [lenient(value).trim()] : [];
  });
}

function lenient(text: string): string {
  return (decodePercent(text, true) ?? text).toLowerCase();
}
