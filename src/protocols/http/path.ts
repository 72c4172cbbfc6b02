// The one reading of a path. A form that two conforming readers read in two ways makes it Unknown, unless the endpoint declares how
// its upstream reads that form (fact reference, 4.1). The path that is forwarded is never built from this.
import type { EndpointConfig } from '../../config/config.ts';
import { decodePercent } from '../../lib/percent.ts';
import { asciiLower } from '../../lib/text.ts';
import { Unknown } from '../../rules/action.ts';
import type { CanonicalTarget } from './target.ts';

/** Longer paths are not read. */
const MAX_PATH_BYTES = 8 * 1024;

/** How the upstream is declared to read what is otherwise ambiguous; true: as data. */
export interface PathForms {
  readonly encodedSlash: boolean;
  readonly emptySegments: boolean;
  readonly pathParams: boolean;
}

/** The forms that an endpoint declares. */
export function pathFormsOf(config: EndpointConfig): PathForms {
  const { attributes } = config;
  return {
    encodedSlash: attributes['encoded_slash'] === 'data',
    emptySegments: attributes['empty_segments'] === 'data',
    pathParams: attributes['path_params'] === 'data',
  };
}

const AMBIGUOUS = new Unknown('ambiguous');
const TOO_LARGE = new Unknown('too_large');

/** Path and segments of what stands before the `?`. `*` is the target of OPTIONS and has no segments. */
export function readPath(rawPath: string, forms: PathForms): Pick<CanonicalTarget, 'path' | 'segments'> {
  if (rawPath === '*') {
    return { path: '*', segments: [] };
  }
  if (rawPath.length > MAX_PATH_BYTES) {
    return { path: TOO_LARGE, segments: TOO_LARGE };
  }
  if (!rawPath.startsWith('/') || isAmbiguous(rawPath, forms)) {
    return { path: AMBIGUOUS, segments: AMBIGUOUS };
  }
  if (rawPath === '/') {
    return { path: '/', segments: [] };
  }
  const segments: string[] = [];
  for (const raw of rawPath.slice(1).split('/')) {
    const segment = decodePercent(raw);
    if (segment === null) {
      return { path: AMBIGUOUS, segments: AMBIGUOUS };
    }
    segments.push(segment);
  }
  const path = `/${segments.join('/')}`;
  return isPlainPath(path, forms) ? { path, segments } : { path: AMBIGUOUS, segments: AMBIGUOUS };
}

/**
 * Words that some reader may find as segments of a path that is not canonical: decoded twice, cut at everything that one of them takes for
 * a separator. For telling whether the path could be one of a provider's, never for telling which.
 */
export function possibleSegments(rawPath: string): readonly string[] {
  const once = decodePercent(rawPath) ?? rawPath;
  const twice = decodePercent(once) ?? once;
  return asciiLower(twice).split(/[/\\;]/);
}

/** Escapes that some readers take for a separator. */
function isAmbiguous(rawPath: string, forms: PathForms): boolean {
  return (
    /[\\#]|%5c/i.test(rawPath) ||
    (!forms.encodedSlash && /%2f/i.test(rawPath)) ||
    // A raw `?` cannot stand in a path; whoever made this one made a mistake.
    rawPath.includes('?')
  );
}

/**
 * What must not be in a decoded path. Pieces are cut at every slash, decoded ones too: where `%2f` is data, `..%2f..` is still not
 * something to build an allow on.
 */
function isPlainPath(path: string, forms: PathForms): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\0-\x1f\x7f]/.test(path) || (!forms.pathParams && path.includes(';'))) {
    return false;
  }
  // An escape that is left, however its own characters were written: some readers decode twice.
  if (/%[0-9a-f]{2}/i.test(path)) {
    return false;
  }
  const pieces = path.slice(1).split('/');
  return pieces.every((piece, index) => {
    if (piece === '') {
      return forms.emptySegments || index === pieces.length - 1;
    }
    return piece !== '.' && piece !== '..';
  });
}
