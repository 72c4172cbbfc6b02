// Globs within one path segment: `*`, `?`, `[…]` (config reference, 2.1). No regular expression is built from them.

/** Whether a path holds a pattern. */
export function isGlob(path: string): boolean {
  return /[*?[]/.test(path);
}

/** Whether `name` matches the segment `pattern`. Linear in the product of both lengths. */
export function globMatches(pattern: string, name: string): boolean {
  const parts = parseGlob(pattern);
  const characters = Array.from(name);
  let at = 0;
  let part = 0;
  let star = -1;
  let retry = 0;
  while (at < characters.length) {
    const want = parts[part];
    if (want === '*') {
      star = part;
      retry = at;
      part += 1;
    } else if (want !== undefined && accepts(want, characters[at] ?? '')) {
      at += 1;
      part += 1;
    } else if (star !== -1) {
      retry += 1;
      at = retry;
      part = star + 1;
    } else {
      return false;
    }
  }
  return parts.slice(part).every((rest) => rest === '*');
}

interface Class {
  readonly negated: boolean;
  readonly ranges: readonly (readonly [string, string])[];
}

type Part = '*' | '?' | { readonly literal: string } | Class;

function accepts(part: Exclude<Part, '*'>, character: string): boolean {
  if (part === '?') {
    return true;
  }
  if ('literal' in part) {
    return part.literal === character;
  }
  return part.ranges.some(([low, high]) => character >= low && character <= high) !== part.negated;
}

function parseGlob(pattern: string): readonly Part[] {
  const parts: Part[] = [];
  const characters = Array.from(pattern);
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] ?? '';
    const close = character === '[' ? characters.indexOf(']', at + 2) : -1;
    if (character === '*' || character === '?') {
      parts.push(character);
    } else if (close !== -1) {
      parts.push(parseClass(characters.slice(at + 1, close)));
      at = close;
    } else {
      parts.push({ literal: character });
    }
  }
  return parts;
}

function parseClass(characters: readonly string[]): Class {
  const negated = characters[0] === '!' || characters[0] === '^';
  const ranges: [string, string][] = [];
  for (let at = negated ? 1 : 0; at < characters.length; at += 1) {
    const low = characters[at] ?? '';
    const high = characters[at + 1] === '-' ? characters[at + 2] : undefined;
    ranges.push([low, high ?? low]);
    at += high === undefined ? 0 : 2;
  }
  return { negated, ranges };
}
