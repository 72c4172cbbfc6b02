// Heads of HTTP/1 messages: bytes to raw (name, value) pairs, as strict as RFC 9112 allows a recipient to be, and nothing beyond. Why not
// node:http: what is judged must be what is sent, byte for byte; llhttp joins, drops and tolerates, and where two readers of one head
// differ a second request can hide (notes H1, ND-14). What is doubtful here is malformed, and the connection ends. Pure.
import { trimBlanks } from '../../lib/text.ts';
import { isToken } from '../../lib/token.ts';
import type { Field } from './request.ts';

/** The most fields of one head; more is no client that we know. */
export const MAX_FIELDS = 500;
const MAX_METHOD_CHARS = 64;
const CR = 0x0d;
const LF = 0x0a;
const CRLF = Buffer.from('\r\n', 'latin1');
const HEAD_END = Buffer.from('\r\n\r\n', 'latin1');

/** field-vchar, SP, HTAB and obs-text (RFC 9110, section 5.5): no CR, no LF, no NUL, no other control character. */
export const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** Visible characters and obs-text; what they mean is for whoever reads paths. A fragment is never sent (RFC 9112, section 3.2). */
export const REQUEST_TARGET = /^[\x21-\x22\x24-\x7e\x80-\xff]+$/;
/** What a client that speaks something else begins with cannot be a method. */
const METHOD_START = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]*/;

export interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly version: '1.0' | '1.1';
  readonly fields: readonly Field[];
}

export interface ResponseHead {
  readonly version: '1.0' | '1.1';
  readonly status: number;
  /** May be empty. */
  readonly reason: string;
  readonly fields: readonly Field[];
}

/** What is wrong with a head, and the status for whoever sent it. */
export interface Malformed {
  readonly kind: 'malformed';
  readonly status: number;
  readonly why: string;
}

export type Take<T> =
  | { readonly kind: 'incomplete' }
  | Malformed
  | { readonly kind: 'head'; readonly head: T; readonly sizeBytes: number };

/** Where the head at the front of a buffer ends. */
export type HeadSpan =
  | { readonly kind: 'incomplete' }
  | Malformed
  /** `text`: the head without an empty line before it and without the empty line behind it, one character a byte. */
  | { readonly kind: 'span'; readonly text: string; readonly sizeBytes: number };

const INCOMPLETE = { kind: 'incomplete' } as const;

function malformed(why: string, status: number = 400): Malformed {
  return { kind: 'malformed', status, why };
}

/**
 * The head at the front of `buffer`. One empty line before a request is let pass (RFC 9112, section 2.2). `seenBytes`: so many were looked
 * at before, when it was incomplete; what comes byte by byte is not read anew each time.
 */
export function takeSpan(
  buffer: Buffer,
  maxBytes: number,
  of: 'request' | 'response',
  seenBytes: number = 0,
): HeadSpan {
  const start = of === 'request' && buffer[0] === CR && buffer[1] === LF ? 2 : 0;
  const end = buffer.indexOf(HEAD_END, Math.max(start, seenBytes - HEAD_END.length + 1));
  if (end !== -1 && end - start <= maxBytes) {
    return { kind: 'span', text: buffer.toString('latin1', start, end), sizeBytes: end + HEAD_END.length };
  }
  if (end !== -1 || buffer.length - start > maxBytes) {
    return malformed(`a head of more than ${maxBytes} bytes`, 431);
  }
  const why = of === 'request' ? checkRequest(buffer, start, seenBytes) : checkResponse(buffer, seenBytes);
  return why ?? INCOMPLETE;
}

// What is wrong already, though the rest has not come: a peer that speaks something else would be waited for until its deadline.

function checkResponse(buffer: Buffer, seenBytes: number): Malformed | null {
  return (
    checkLineEnds(buffer, 0, seenBytes) ??
    ('HTTP/1.'.startsWith(buffer.toString('latin1', 0, 7)) ? null : malformed('this is not HTTP/1'))
  );
}

function checkRequest(buffer: Buffer, start: number, seenBytes: number): Malformed | null {
  const why = checkLineEnds(buffer, start, seenBytes);
  if (why !== null) {
    return why;
  }
  const lineEnd = buffer.indexOf(CRLF, start);
  if (lineEnd !== -1) {
    // It is read once, when its end has come.
    const parsed =
      lineEnd + CRLF.length > seenBytes ? parseRequestLine(buffer.toString('latin1', start, lineEnd)) : null;
    return parsed !== null && 'kind' in parsed ? parsed : null;
  }
  const text = buffer.toString('latin1', start, start + MAX_METHOD_CHARS + 2);
  const method = METHOD_START.exec(text)?.[0] ?? '';
  const over = method.length > MAX_METHOD_CHARS || (text.length > method.length && text[method.length] !== ' ');
  return over && text !== '\r' ? malformed('this is not an HTTP/1 request') : null;
}

function checkLineEnds(buffer: Buffer, start: number, seenBytes: number): Malformed | null {
  const from = Math.max(start, seenBytes - 1);
  const text = buffer.toString('latin1', from);
  const bare = from === start ? /(?:^|[^\r])\n|\r[^\n]/ : /[^\r]\n|\r[^\n]/;
  return bare.test(text) ? malformed('a line that does not end with CR LF') : null;
}

/** The request head at the front of `buffer`. */
export function takeRequestHead(buffer: Buffer, maxBytes: number): Take<RequestHead> {
  return toHead(takeSpan(buffer, maxBytes, 'request'), parseRequestHead);
}

/** The response head at the front of `buffer`; `seenBytes` as in `takeSpan`. */
export function takeResponseHead(buffer: Buffer, maxBytes: number, seenBytes: number = 0): Take<ResponseHead> {
  return toHead(takeSpan(buffer, maxBytes, 'response', seenBytes), parseResponseHead);
}

function toHead<T extends object>(span: HeadSpan, parse: (text: string) => T | Malformed): Take<T> {
  if (span.kind !== 'span') {
    return span;
  }
  const head = parse(span.text);
  return isMalformed(head) ? head : { kind: 'head', head, sizeBytes: span.sizeBytes };
}

export function isMalformed(value: object): value is Malformed {
  return 'kind' in value && value.kind === 'malformed';
}

/** A whole head, without its closing empty line. */
export function parseRequestHead(text: string): RequestHead | Malformed {
  const lineEnd = text.indexOf('\r\n');
  const line = parseRequestLine(lineEnd === -1 ? text : text.slice(0, lineEnd));
  if ('kind' in line) {
    return line;
  }
  const fields = lineEnd === -1 ? [] : parseFields(text, lineEnd + 2);
  return 'kind' in fields ? fields : { ...line, fields };
}

function parseRequestLine(line: string): Omit<RequestHead, 'fields'> | Malformed {
  const first = line.indexOf(' ');
  const second = line.indexOf(' ', first + 1);
  const method = line.slice(0, Math.max(0, first));
  const target = line.slice(first + 1, Math.max(first + 1, second));
  const version = line.slice(second + 1);
  if (first < 1 || second === -1 || method.length > MAX_METHOD_CHARS || !isToken(method)) {
    return malformed('the request line is not METHOD TARGET HTTP/1.1');
  }
  if (!REQUEST_TARGET.test(target)) {
    return malformed('the request target holds characters that no target may hold');
  }
  if (version === 'HTTP/1.1') {
    return { method, target, version: '1.1' };
  }
  if (version === 'HTTP/1.0') {
    return { method, target, version: '1.0' };
  }
  return malformed('the version is neither HTTP/1.1 nor HTTP/1.0', /^HTTP\/\d\.\d$/.test(version) ? 505 : 400);
}

/** A whole response head, without its closing empty line. */
export function parseResponseHead(text: string): ResponseHead | Malformed {
  const lineEnd = text.indexOf('\r\n');
  const line = lineEnd === -1 ? text : text.slice(0, lineEnd);
  const match = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: (.*))?$/s.exec(line);
  if (match === null || !FIELD_VALUE.test(line)) {
    return malformed('the status line is not HTTP/1.1 STATUS REASON');
  }
  const fields = lineEnd === -1 ? [] : parseFields(text, lineEnd + 2);
  if ('kind' in fields) {
    return fields;
  }
  return { version: match[1] === '1' ? '1.1' : '1.0', status: Number(match[2]), reason: match[3] ?? '', fields };
}

/** Field lines from `start` on, or of a trailer section. */
export function parseFields(text: string, start: number = 0): readonly Field[] | Malformed {
  const fields: Field[] = [];
  for (let from = start; from <= text.length;) {
    const found = text.indexOf('\r\n', from);
    const end = found === -1 ? text.length : found;
    const colon = text.indexOf(':', from);
    if (colon === -1 || colon > end) {
      return malformed('a header line without a colon');
    }
    const name = text.slice(from, colon);
    // Also catches white space before the colon, and a folded line, which begins with white space.
    if (!isToken(name)) {
      return malformed('a header name holds characters that no name may hold');
    }
    const raw = text.slice(colon + 1, end);
    if (!FIELD_VALUE.test(raw)) {
      return malformed(`the header ${name} holds control characters`);
    }
    if (isLoose(name, raw)) {
      return malformed(`the header ${name} is not written plainly`);
    }
    if (fields.length === MAX_FIELDS) {
      return malformed(`more than ${MAX_FIELDS} header fields`, 431);
    }
    fields.push({ name, value: trimOws(raw) });
    from = end + 2;
  }
  return fields;
}

/** What frames a message has one spelling: at most one space, then digits or the one coding (facts, 4.4). */
function isLoose(name: string, raw: string): boolean {
  switch (name.length) {
    case 14:
      return name.toLowerCase() === 'content-length' && !/^ ?(?:0|[1-9]\d{0,14})$/.test(raw);
    case 17:
      return name.toLowerCase() === 'transfer-encoding' && !/^ ?chunked$/i.test(raw);
    default:
      return false;
  }
}

function trimOws(raw: string): string {
  const first = raw.charCodeAt(0);
  const last = raw.charCodeAt(raw.length - 1);
  // The usual form is one space and no more, which needs no pattern.
  if (first === 0x20 && last !== 0x20 && last !== 0x09) {
    const second = raw.charCodeAt(1);
    if (second !== 0x20 && second !== 0x09) {
      return raw.slice(1);
    }
  }
  return trimBlanks(raw);
}
