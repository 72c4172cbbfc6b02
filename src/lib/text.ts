// Text helpers that are exact about bytes and alphabets. Folding is ASCII only: Unicode folding maps other
// letters onto ASCII ones (KELVIN SIGN to k), and a rule would see a name that the server does not.

/** Lower-cases A to Z and nothing else. */
export function asciiLower(text: string): string {
  return /[A-Z]/.test(text) ? text.replace(/[A-Z]+/g, (run) => run.toLowerCase()) : text;
}

/** The candidate nearest to `word` by edit distance when it is near enough to be a typing slip, else null. */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase(), bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `postgres.shop` is `shop` where people write it. */
export function bareName(ref: string): string {
  return ref.slice(ref.indexOf('.') + 1);
}

/** Names that are listed where none is near. */
const MAX_LISTED = 10;

/**
 * The end of a message about a name that nothing has: `; did you mean "shop"?` where one is near, else what there is:
 * `; there are: postgres.shop, https.billing`. `short`: other ways to write the same, not listed.
 */
export function orKnown(word: string, known: Iterable<string>, short: Iterable<string> = []): string {
  const names = [...new Set(known)];
  const near = nearest(word, [...names, ...short]);
  if (near !== null) {
    return `; did you mean ${JSON.stringify(near)}?`;
  }
  if (names.length === 0) {
    return '; there is none';
  }
  const more = names.length > MAX_LISTED ? ` and ${names.length - MAX_LISTED} more` : '';
  return `; there ${names.length === 1 ? 'is' : 'are'}: ${names.slice(0, MAX_LISTED).join(', ')}${more}`;
}

/** The same of declared blocks: they are listed with their type, and a bare name is near too. */
export function orKnownRefs(word: string, refs: readonly string[]): string {
  return orKnown(word, refs, refs.map(bareName));
}

/** Edit distance in which two neighbours that changed places are one slip, or `cap` as soon as it is known to be at least that. */
function editDistance(a: string, b: string, cap: number): number {
  if (Math.abs(a.length - b.length) >= cap) {
    return cap;
  }
  let earlier: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      current.push(
        Math.min(
          (previous[j] ?? 0) + 1,
          (current[j - 1] ?? 0) + 1,
          (previous[j - 1] ?? 0) + cost,
          swapped ? (earlier[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    earlier = previous;
    previous = current;
  }
  return Math.min(previous[b.length] ?? cap, cap);
}

/**
 * Agent-chosen text made safe for a terminal or a log line: control characters, bidirectional controls, zero-width
 * and line separators become visible `\u{…}` escapes. Newline and tab stay when `multiline` is set.
 */
export function visible(text: string, multiline: boolean = false): string {
  // Most text is plain: looking for anything else first costs a tenth of replacing.
  if (!/[^\x20-\x7e]/.test(text)) {
    return text;
  }
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (character) => {
    if (multiline && (character === '\n' || character === '\t')) {
      return character;
    }
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

/** Without the spaces and tabs around it, in linear time: a pattern for a run before the end tries at every character of every run. */
export function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) {
    start += 1;
  }
  while (end > start && isBlank(text.charCodeAt(end - 1))) {
    end -= 1;
  }
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** The first `maxChars` characters with a mark when something was cut off. For summaries only, never for evidence. */
export function shorten(text: string, maxChars: number): string {
  return text.length <= maxChars ? text : `${text.slice(0, maxChars - 1)}…`;
}
