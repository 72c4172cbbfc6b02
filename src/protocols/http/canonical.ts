// Path and query of a request in their one reading, made once a request.
import type { RequestState } from './flavour.ts';
import { pathFormsOf, readPath } from './path.ts';
import { readQuery } from './query.ts';
import type { HttpRequest } from './request.ts';
import type { CanonicalTarget } from './target.ts';

/** The canonical target, as far as the endpoint's declarations let it be known. */
export function canonicalTarget(request: HttpRequest, state: RequestState): CanonicalTarget {
  return { ...readPath(request.rawPath, pathFormsOf(state.config)), query: readQuery(request.rawQuery) };
}
