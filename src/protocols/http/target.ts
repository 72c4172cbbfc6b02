// What a request is addressed to, read once: path, segments and query in their one canonical reading. Types only; path.ts and
// query.ts do the reading.
import type { Unknown } from '../../rules/action.ts';

/** A request's target as rules and provider tables see it. What two conforming readers could read in two ways is Unknown. */
export interface CanonicalTarget {
  /** Percent-decoded once; begins with `/`; a trailing slash is kept. */
  readonly path: string | Unknown;
  /**
   * The path cut at `/` first, then each segment decoded once: `/a%2fb/c` is `['a/b', 'c']` where `%2f` is declared to be data. A
   * trailing slash gives a last segment "", and `/` alone gives none.
   */
  readonly segments: readonly string[] | Unknown;
  /** Pairs of the query by decoded key, order kept; `+` is a space. */
  readonly query: ReadonlyMap<string, readonly string[]> | Unknown;
}
