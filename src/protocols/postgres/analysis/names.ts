// Names: how the server folds and quotes them, and how settings and literals hold lists of them.
import { asciiLower } from '../../../lib/text.ts';
import type { Name } from '../../sql/outline.ts';

/** The server's NAMEDATALEN - 1. */
const MAX_NAME_BYTES = 63;

/** Cuts a name to 63 bytes on a character boundary, as the server does. */
export function cutName(name: string): string {
  if (name.length * 3 <= MAX_NAME_BYTES || Buffer.byteLength(name) <= MAX_NAME_BYTES) {
    return name;
  }
  const bytes = Buffer.from(name);
  let end = MAX_NAME_BYTES;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) {
    end -= 1;
  }
  return bytes.toString('utf8', 0, end);
}

/** One to three parts of a dotted name, last one first in meaning; null for anything longer or empty. */
export function nameOf(parts: readonly string[]): Name | null {
  const [a, b, c] = parts;
  if (a === undefined || parts.length > 3) {
    return null;
  }
  if (b === undefined) {
    return { database: null, schema: null, name: a };
  }
  return c === undefined ? { database: null, schema: a, name: b } : { database: a, schema: b, name: c };
}

/** The server's quote_identifier, quoting rather too much than too little. */
export function quoteName(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/**
 * Splits text as the server's SplitIdentifierString does (search_path, regclass input): names separated by `separator`, unquoted ones
 * folded, quoted ones unescaped, each cut at 63 bytes. Null when the server would refuse it.
 */
export function splitNames(text: string, separator: ',' | '.'): readonly string[] | null {
  const names: string[] = [];
  const end = endOfText(text);
  let at = skipSpace(text, 0, end);
  if (at === end) {
    return names;
  }
  for (;;) {
    const found =
      text[at] === '"' ? takeQuoted(text, at, end) : takePlain(text, at, separator === ',' ? PLAIN : PLAIN_PART);
    if (found === null) {
      return null;
    }
    names.push(cutName(found.name));
    at = skipSpace(text, found.end, end);
    if (at === end) {
      return names;
    }
    if (text[at] !== separator) {
      return null;
    }
    at = skipSpace(text, at + 1, end);
  }
}

const SPACE = /[ \t\n\r\f\v]/;
const PLAIN = /[^, \t\n\r\f\v"]*/y;
const PLAIN_PART = /[^.,: \t\n\r\f\v"()]*/y;

/** Where the white space at the end begins. */
function endOfText(text: string): number {
  let end = text.length;
  while (end > 0 && SPACE.test(text[end - 1] ?? '')) {
    end -= 1;
  }
  return end;
}

function skipSpace(text: string, from: number, end: number): number {
  let at = from;
  while (at < end && SPACE.test(text[at] ?? '')) {
    at += 1;
  }
  return at;
}

interface Found {
  readonly name: string;
  readonly end: number;
}

function takePlain(text: string, at: number, pattern: RegExp): Found | null {
  pattern.lastIndex = at;
  const name = pattern.exec(text)?.[0] ?? '';
  return name === '' ? null : { name: asciiLower(name), end: at + name.length };
}

/** A name in quotes, in which two quotes stand for one. */
function takeQuoted(text: string, at: number, end: number): Found | null {
  for (let from = at + 1; ;) {
    const quote = text.indexOf('"', from);
    if (quote === -1 || quote >= end) {
      return null;
    }
    if (text[quote + 1] !== '"') {
      return { name: text.slice(at + 1, quote).replaceAll('""', '"'), end: quote + 1 };
    }
    from = quote + 2;
  }
}

/** The schemas of a search_path setting's value (as SHOW prints it), or null when it cannot be read. */
export function parseSearchPath(value: string): readonly string[] | null {
  return splitNames(value, ',');
}
