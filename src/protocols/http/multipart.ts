// multipart bodies, read strictly (RFC 2046, 5.1; RFC 7578): a boundary is where it must be and nowhere else, a header says one
// thing, a name is written in one way. Everything that some servers read otherwise makes the body ambiguous.
import { asciiLower, trimBlanks } from '../../lib/text.ts';
import { decodeUtf8Bytes } from '../../lib/utf8.ts';
import { parseMediaType, parseParameters } from './headers.ts';
import type { Field } from './request.ts';

export interface MultipartPart {
  readonly fields: readonly Field[];
  readonly content: Buffer;
}

const MAX_PARTS = 1000;
const MAX_PART_FIELDS = 50;
const MAX_PART_HEADER_BYTES = 8 * 1024;

const CRLF = Buffer.from('\r\n');
const HEADER_END = Buffer.from('\r\n\r\n');
// RFC 2046, 5.1.1, without the space, which must not come last.
const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=?]{1,70}$/;
const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([^\r\n\0]*)$/;

/** The parts in order; null: malformed, ambiguous, or more than is read. */
export function splitMultipart(bytes: Buffer, boundary: string | undefined): readonly MultipartPart[] | null {
  if (boundary === undefined || !BOUNDARY.test(boundary)) {
    return null;
  }
  const delimiter = Buffer.from(`--${boundary}`, 'latin1');
  if (!bytes.subarray(0, delimiter.length).equals(delimiter)) {
    return null;
  }
  const parts: MultipartPart[] = [];
  let at = delimiter.length;
  for (;;) {
    const mark = bytes.toString('latin1', at, at + 2);
    if (mark === '--') {
      const end = bytes.length - at - 2;
      return end === 0 || (end === 2 && bytes.subarray(at + 2).equals(CRLF)) ? parts : null;
    }
    const next = bytes.indexOf(delimiter, at);
    // The delimiter's line end belongs to it, so that content never ends in one by accident.
    const isLine = next >= at + 4 && bytes[next - 2] === 0x0d && bytes[next - 1] === 0x0a;
    if (mark !== '\r\n' || !isLine || parts.length >= MAX_PARTS) {
      return null;
    }
    const part = readPart(bytes.subarray(at + 2, next - 2));
    if (part === null) {
      return null;
    }
    parts.push(part);
    at = next + delimiter.length;
  }
}

function readPart(bytes: Buffer): MultipartPart | null {
  // No header at all: the part begins with the empty line.
  if (bytes.subarray(0, 2).equals(CRLF)) {
    return { fields: [], content: bytes.subarray(2) };
  }
  const end = bytes.indexOf(HEADER_END);
  if (end < 0 || end > MAX_PART_HEADER_BYTES) {
    return null;
  }
  const lines = bytes.toString('latin1', 0, end).split('\r\n');
  const fields: Field[] = [];
  for (const line of lines) {
    const match = FIELD.exec(line);
    if (match === null) {
      return null;
    }
    fields.push({ name: match[1] ?? '', value: trimBlanks(match[2] ?? '') });
  }
  const names = new Set(fields.map(({ name }) => asciiLower(name)));
  return fields.length <= MAX_PART_FIELDS && names.size === fields.length
    ? { fields, content: bytes.subarray(end + HEADER_END.length) }
    : null;
}

/** What a part of multipart/form-data says of itself. */
export interface FormPart {
  readonly name: string;
  /** Null for a text part. */
  readonly filename: string | null;
  /** Media type, lower case, without parameters; "" when the part names none. */
  readonly type: string;
  /** As written, lower case; "" when none is. */
  readonly charset: string;
  readonly content: Buffer;
}

// Written by browsers for what a quoted text cannot hold, and decoded by some servers only.
const ESCAPED = /\\|%22|%0d|%0a/i;
const PLAIN_ENCODINGS = new Set(['', '7bit', '8bit', 'binary']);

/** Null: some server reads this part otherwise. */
export function readFormPart(part: MultipartPart): FormPart | null {
  const disposition = /^form-data[ \t]*(?:;|$)/i.exec(fieldOf(part, 'content-disposition'));
  const parameters =
    disposition === null ? null : parseParameters(fieldOf(part, 'content-disposition').slice(disposition[0].length));
  const media = parseMediaType(fieldOf(part, 'content-type'));
  const typed = fieldOf(part, 'content-type') !== '';
  const encoding = asciiLower(fieldOf(part, 'content-transfer-encoding'));
  if (parameters === null || (typed && media === null) || !PLAIN_ENCODINGS.has(encoding)) {
    return null;
  }
  // RFC 5987 and 2231 forms (`filename*`, `name*0`) give a second name beside the first.
  if ([...parameters.keys()].some((key) => key !== 'name' && key !== 'filename')) {
    return null;
  }
  const name = textOf(parameters.get('name'));
  const filename = parameters.has('filename') ? textOf(parameters.get('filename')) : null;
  if (name === null || (parameters.has('filename') && filename === null)) {
    return null;
  }
  if (ESCAPED.test(fieldOf(part, 'content-disposition'))) {
    return null;
  }
  const type = media?.type ?? '';
  // A file without a name is a text to some servers, and bytes without a name are a file to others.
  const unclear = filename === '' ? part.content.length > 0 : filename === null && type === 'application/octet-stream';
  const charset = asciiLower(media?.parameters.get('charset') ?? '');
  return unclear ? null : { name, filename, type, charset, content: part.content };
}

function fieldOf(part: MultipartPart, name: string): string {
  return part.fields.find((field) => asciiLower(field.name) === name)?.value ?? '';
}

function textOf(bytes: string | undefined): string | null {
  return bytes === undefined ? null : decodeUtf8Bytes(bytes);
}
