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
  let rest = trimSpace(text);
  if (rest === '') {
    return names;
  }
  for (;;) {
    const quoted = /^"((?:[^"]|"")*)"/.exec(rest);
    const plain =
      quoted === null ? (separator === ',' ? /^[^, \t\n\r\f\v"]+/ : /^[^.,: \t\n\r\f\v"()]+/).exec(rest) : null;
    const match = quoted ?? plain;
    if (match === null) {
      return null;
    }
    names.push(cutName(quoted === null ? asciiLower(match[0]) : (quoted[1] ?? '').replaceAll('""', '"')));
    rest = trimSpace(rest.slice(match[0].length));
    if (rest === '') {
      return names;
    }
    if (!rest.startsWith(separator)) {
      return null;
    }
    rest = trimSpace(rest.slice(1));
  }
}

function trimSpace(text: string): string {
  return text.replace(/^[ \t\n\r\f\v]+|[ \t\n\r\f\v]+$/g, '');
}

/** The schemas of a search_path setting's value (as SHOW prints it), or null when it cannot be read. */
export function parseSearchPath(value: string): readonly string[] | null {
  return splitNames(value, ',');
}
