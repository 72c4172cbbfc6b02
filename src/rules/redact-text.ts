// Masks values in texts of requests: heads, queries, forms, multipart and JSON. Names, and everything that is not behind a name that
// is masked, stay as they are to the character, whether a text is well formed or cut. Pure and total; time is linear in the text.
import { MASKED } from './header-name.ts';
import { maskingInside } from './redactor.ts';
import type { Masking, Redactor } from './redactor.ts';

/** How keys of JSON are masked, and what else is known of the request. */
export interface Masker {
  readonly redactor: Redactor;
  readonly masking: (key: string) => Masking;
  /** The request writes a Secret of Kubernetes: of a body that cannot be read here nothing is shown. */
  readonly isSecret: boolean;
}

/** The text of a request: its head and its body, or one message. */
export function maskRequestText(text: string, masker: Masker): string {
  const end = text.indexOf('\n\n');
  if (end < 0 || !/^\S+ \S+ HTTP\/[\d.]+\n/.test(text)) {
    return maskBody(text, '', masker);
  }
  const [start = '', ...fields] = text.slice(0, end).split('\n');
  const type = fields.find((line) => /^content-type:/i.test(line))?.slice('content-type:'.length) ?? '';
  const head = [maskTarget(start, masker.redactor), ...fields.map((line) => maskField(line, masker.redactor))];
  return `${head.join('\n')}\n\n${maskBody(text.slice(end + 2), type, masker)}`;
}

function maskTarget(line: string, redactor: Redactor): string {
  const [, before = '', query = '', after = ''] = /^([^?]*\?)(.*)( HTTP\/[\d.]+)$/.exec(line) ?? [];
  return before === '' ? line : `${before}${maskPairs(query, redactor)}${after}`;
}

function maskField(line: string, redactor: Redactor): string {
  const colon = line.indexOf(':');
  return colon > 0 && redactor.header(line.slice(0, colon)) ? `${line.slice(0, colon)}: ${MASKED}` : line;
}

/** A query, or a form as it is sent: the values of masked names. */
export function maskPairs(text: string, redactor: Redactor): string {
  return text
    .split('&')
    .map((pair) => {
      const equals = pair.indexOf('=');
      const isShown = equals < 0 || equals === pair.length - 1;
      return isShown || !redactor.parameter(decoded(pair.slice(0, equals)))
        ? pair
        : `${pair.slice(0, equals + 1)}${MASKED}`;
    })
    .join('&');
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name.replaceAll('+', ' '));
  } catch {
    return name;
  }
}

/** What the gateway says of a body, behind it. */
const NOTE = /\n\[(?:cut after \d+ bytes|decoded from [\w, -]+)\]$/;
const NOT_TEXT = /^\[(?:base64\]|a body )/;

/** A body as text; `type` is its media type, with or without parameters. */
export function maskBody(text: string, type: string, masker: Masker): string {
  const note = NOTE.exec(text)?.[0] ?? '';
  const body = note === '' ? text : text.slice(0, -note.length);
  return `${maskWhole(body, type.trim().toLowerCase(), masker)}${note}`;
}

function maskWhole(body: string, type: string, masker: Masker): string {
  if (NOT_TEXT.test(body)) {
    return masker.isSecret && body.startsWith('[base64]') ? UNREAD_SECRET : body;
  }
  if (/^\s*[{[]/.test(body) && !type.startsWith('application/x-www-form-urlencoded')) {
    return maskJson(body, masker.masking);
  }
  if (masker.isSecret && body !== '') {
    return UNREAD_SECRET;
  }
  if (type.startsWith('application/x-www-form-urlencoded')) {
    return maskPairs(body, masker.redactor);
  }
  return type.startsWith('multipart/form-data') ? maskParts(body, masker.redactor) : body;
}

const UNREAD_SECRET = `${MASKED} a Secret that is not written in JSON`;

/** Contents of parts of a multipart form. The first line is taken for the border. */
function maskParts(body: string, redactor: Redactor): string {
  const border = /^--[^\r\n]+/.exec(body)?.[0];
  if (border === undefined) {
    return body;
  }
  return body
    .split(border)
    .map((part) => maskPart(part, redactor))
    .join(border);
}

/** One part, from behind its border; its head ends at the first empty line. */
function maskPart(part: string, redactor: Redactor): string {
  const [empty = ''] = /\r?\n\r?\n/.exec(part) ?? [];
  const headEnd = empty === '' ? 0 : part.indexOf(empty) + empty.length;
  const names = part
    .slice(0, headEnd)
    .split('\n')
    .filter((line) => /^content-disposition:/i.test(line))
    .map((line) => /[;\s]name="?([^"\r;]*)/i.exec(line)?.[1] ?? '');
  if (!names.some((name) => redactor.parameter(name))) {
    return part;
  }
  const lineEnd = part.endsWith('\r\n') ? '\r\n' : part.endsWith('\n') ? '\n' : '';
  return `${part.slice(0, headEnd)}${MASKED}${lineEnd}`;
}

/** One open list or object. */
interface Level {
  readonly isList: boolean;
  /** What holds for everything in it that has no name of its own. */
  readonly inside: Masking;
  /** What holds for the next value. */
  next: Masking;
  /** In an object: the next text is a key. */
  expectsKey: boolean;
}

/** Values behind masked keys in the text of JSON, or of several JSON texts after each other. */
function maskJson(text: string, masking: (key: string) => Masking): string {
  const out: string[] = [];
  const levels: Level[] = [];
  let at = 0;
  let copied = 0;
  while (at < text.length) {
    const end = tokenEnd(text, at);
    const token = text.slice(at, end);
    const shown = maskToken(token, levels, masking);
    if (shown !== token) {
      out.push(text.slice(copied, at), shown);
      copied = end;
    }
    at = end;
  }
  return `${out.join('')}${text.slice(copied)}`;
}

function maskToken(token: string, levels: Level[], masking: (key: string) => Masking): string {
  const level = levels.at(-1);
  switch (token.charAt(0)) {
    case '{':
    case '[': {
      const isList = token === '[';
      const inside = maskingInside(level?.next ?? 'keep', isList);
      levels.push({ isList, inside, next: inside, expectsKey: !isList });
      return token;
    }
    case '}':
    case ']':
      levels.pop();
      return token;
    case ',':
      if (level !== undefined) {
        level.next = level.inside;
        level.expectsKey = !level.isList;
      }
      return token;
    case ':':
      if (level !== undefined) {
        level.expectsKey = false;
      }
      return token;
    default:
      return /^\s/.test(token) || level === undefined ? token : maskScalar(token, level, masking);
  }
}

function maskScalar(token: string, level: Level, masking: (key: string) => Masking): string {
  if (level.expectsKey) {
    level.next = level.inside === 'all' ? 'all' : masking(textOf(token));
    return token;
  }
  return level.next === 'keep' || token === '""' || token === 'null' ? token : `"${MASKED}"`;
}

function textOf(token: string): string {
  try {
    const value: unknown = JSON.parse(token);
    return typeof value === 'string' ? value : token;
  } catch {
    return token.replaceAll('"', '');
  }
}

const MARKS = '{}[],:';
const SPACE = /\s+/y;
const BARE = /[^\s{}[\],:"]+/y;

/** Where the token that begins at `at` ends; always behind `at`. */
function tokenEnd(text: string, at: number): number {
  const first = text.charAt(at);
  if (MARKS.includes(first)) {
    return at + 1;
  }
  if (first === '"') {
    return quotedEnd(text, at);
  }
  const pattern = /\s/.test(first) ? SPACE : BARE;
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at + 1;
}

function quotedEnd(text: string, at: number): number {
  for (let index = at + 1; index < text.length; index += 1) {
    const char = text.charCodeAt(index);
    if (char === 0x5c) {
      index += 1;
    } else if (char === 0x22) {
      return index + 1;
    }
  }
  return text.length;
}
