// String functions: CEL's own and the strings extension. Positions are code points, whatever the text holds.
import { asciiLower } from '../lib/text.ts';
import type { Budget } from './cel-budget.ts';
import { define } from './cel-signatures.ts';
import type { FunctionDefinition, Run } from './cel-signatures.ts';
import { EXHAUSTED, Failure, NO_OVERLOAD, OUT_OF_RANGE, isList } from './cel-values.ts';
import type { Element, Result, Value } from './cel-values.ts';
import { findPattern } from './regexp.ts';

const NOT_TEXT = new Failure('the list holds something else than text');

/** Number of code points. */
export function codePoints(text: string): number {
  let pairs = 0;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit >= 0xd800 && unit < 0xdc00 && isLow(text.charCodeAt(index + 1))) {
      pairs += 1;
      index += 1;
    }
  }
  return text.length - pairs;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}

/** UTF-16 offset of a code point index, or null when the text is shorter. */
function offsetOf(text: string, index: bigint): number | null {
  if (index < 0n || index > BigInt(text.length)) {
    return null;
  }
  let offset = 0;
  for (let left = Number(index); left > 0; left -= 1) {
    if (offset >= text.length) {
      return null;
    }
    offset += (text.codePointAt(offset) ?? 0) > 0xffff ? 2 : 1;
  }
  return offset;
}

/** A function of texts only: pays for all of them. */
function onTexts(count: number, run: (texts: readonly string[]) => Result): Run {
  return (args, budget) => {
    const texts = args.filter((arg) => typeof arg === 'string');
    if (texts.length !== args.length || args.length !== count) {
      return NO_OVERLOAD;
    }
    const chars = texts.reduce((sum, text) => sum + text.length, 0);
    return budget.spendText(chars) ? run(texts) : EXHAUSTED;
  };
}

function upper(text: string): string {
  return text.replace(/[a-z]+/g, (run) => run.toUpperCase());
}

/** White space of Unicode, which is what cel-go's trim removes. JavaScript's trim also removes U+FEFF and keeps U+0085. */
const SPACE = '\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const IS_SPACE = new RegExp(`[${SPACE}]`);

function trim(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && IS_SPACE.test(text.charAt(start))) {
    start += 1;
  }
  while (end > start && IS_SPACE.test(text.charAt(end - 1))) {
    end -= 1;
  }
  return text.slice(start, end);
}

const charAt: Run = ([text, index], budget) => {
  if (typeof text !== 'string' || typeof index !== 'bigint') {
    return NO_OVERLOAD;
  }
  if (!budget.spendText(text.length)) {
    return EXHAUSTED;
  }
  const offset = offsetOf(text, index);
  if (offset === null) {
    return OUT_OF_RANGE;
  }
  const point = text.codePointAt(offset);
  return point === undefined ? '' : String.fromCodePoint(point);
};

const substring: Run = ([text, start, end], budget) => {
  if (typeof text !== 'string' || typeof start !== 'bigint' || (end !== undefined && typeof end !== 'bigint')) {
    return NO_OVERLOAD;
  }
  if (!budget.spendText(text.length)) {
    return EXHAUSTED;
  }
  const from = offsetOf(text, start);
  const to = end === undefined ? text.length : offsetOf(text, end);
  return from === null || to === null || from > to ? OUT_OF_RANGE : text.slice(from, to);
};

function indexing(find: (text: string, part: string, from: number | undefined) => number): Run {
  return ([text, part, from], budget) => {
    if (typeof text !== 'string' || typeof part !== 'string' || (from !== undefined && typeof from !== 'bigint')) {
      return NO_OVERLOAD;
    }
    if (!budget.spendText(text.length)) {
      return EXHAUSTED;
    }
    const offset = from === undefined ? undefined : offsetOf(text, from);
    if (offset === null) {
      return OUT_OF_RANGE;
    }
    const found = find(text, part, offset);
    return found < 0 ? -1n : BigInt(codePoints(text.slice(0, found)));
  };
}

/** Limit argument of `replace` and `split`: left out or negative means no limit. */
function limitOf(limit: Value | undefined): number | null {
  if (limit === undefined) {
    return Number.POSITIVE_INFINITY;
  }
  return typeof limit === 'bigint' ? (limit < 0n ? Number.POSITIVE_INFINITY : Number(limit)) : null;
}

/** `text` cut at `separator` into at most `limit` pieces, the rest unsplit in the last. "" cuts into code points. */
function cut(text: string, separator: string, limit: number): readonly string[] {
  const pieces = separator === '' ? Array.from(text) : text.split(separator);
  if (pieces.length <= limit) {
    return pieces;
  }
  return limit < 1 ? [] : [...pieces.slice(0, limit - 1), pieces.slice(limit - 1).join(separator)];
}

const split: Run = ([text, separator, limit], budget) => {
  const most = limitOf(limit);
  if (typeof text !== 'string' || typeof separator !== 'string' || most === null) {
    return NO_OVERLOAD;
  }
  // Every character may become a list element.
  return budget.spend(text.length / 4) ? cut(text, separator, most) : EXHAUSTED;
};

const replace: Run = ([text, old, by, limit], budget) => {
  const most = limitOf(limit);
  if (typeof text !== 'string' || typeof old !== 'string' || typeof by !== 'string' || most === null) {
    return NO_OVERLOAD;
  }
  if (!budget.spend(text.length / 4)) {
    return EXHAUSTED;
  }
  // An empty `old` stands before every code point and at the end.
  const pieces = old === '' ? ['', ...Array.from(text), ''] : text.split(old);
  const count = Math.min(pieces.length - 1, most);
  if (!budget.spendText(count * by.length)) {
    return EXHAUSTED;
  }
  const head = pieces.slice(0, count + 1).join(by);
  const tail = pieces.slice(count + 1);
  return tail.length === 0 ? head : head + old + tail.join(old);
};

const join: Run = ([list = null, separator = ''], budget) =>
  isList(list) && typeof separator === 'string' ? joinTexts(list, separator, budget) : NO_OVERLOAD;

function joinTexts(list: readonly Element[], separator: string, budget: Budget): Result {
  let chars = 0;
  const texts: string[] = [];
  for (const element of list) {
    if (typeof element !== 'string') {
      return NOT_TEXT;
    }
    chars += element.length + separator.length;
    texts.push(element);
  }
  return budget.spend(texts.length) && budget.spendText(chars) ? texts.join(separator) : EXHAUSTED;
}

const matches: Run = ([text, pattern], budget) => {
  if (typeof text !== 'string' || typeof pattern !== 'string') {
    return NO_OVERLOAD;
  }
  const compiled = findPattern(pattern, budget);
  return compiled instanceof Failure ? compiled : compiled.test(text, budget);
};

export const STRING_FUNCTIONS: readonly [string, FunctionDefinition][] = [
  define(
    'contains',
    ['string.(string) bool'],
    onTexts(2, ([text = '', part = '']) => text.includes(part)),
  ),
  define(
    'startsWith',
    ['string.(string) bool'],
    onTexts(2, ([text = '', part = '']) => text.startsWith(part)),
  ),
  define(
    'endsWith',
    ['string.(string) bool'],
    onTexts(2, ([text = '', part = '']) => text.endsWith(part)),
  ),
  define('matches', ['string.(string) bool', '(string, string) bool'], matches),
  define(
    'lowerAscii',
    ['string.() string'],
    onTexts(1, ([text = '']) => asciiLower(text)),
  ),
  define(
    'upperAscii',
    ['string.() string'],
    onTexts(1, ([text = '']) => upper(text)),
  ),
  define(
    'trim',
    ['string.() string'],
    onTexts(1, ([text = '']) => trim(text)),
  ),
  define('charAt', ['string.(int) string'], charAt),
  define('substring', ['string.(int) string', 'string.(int, int) string'], substring),
  define(
    'indexOf',
    ['string.(string) int', 'string.(string, int) int'],
    indexing((text, part, from) => text.indexOf(part, from)),
  ),
  define(
    'lastIndexOf',
    ['string.(string) int', 'string.(string, int) int'],
    indexing((text, part, from) => text.lastIndexOf(part, from)),
  ),
  define('split', ['string.(string) strings', 'string.(string, int) strings'], split),
  define('replace', ['string.(string, string) string', 'string.(string, string, int) string'], replace),
  define('join', ['strings.() string', 'strings.(string) string'], join),
];
