// Batches of Google's APIs: several requests as parts of one multipart/mixed body. Each part is a request of its own; a body in which one
// part could be read otherwise by the server is opaque as a whole (attack reference, PV-03).
import { trimBlanks } from '../../../lib/text.ts';
import { Unknown } from '../../../rules/action.ts';
import type { FactRecord } from '../../../rules/action.ts';
import { contentOf } from '../body.ts';
import type { BodyReading, Field, HttpRequest } from '../request.ts';
import { fieldValues } from '../request.ts';
import { READS, readingOf, RUNS } from './action-class.ts';
import type { EmbeddedRequest, ProviderReading } from './provider.ts';

/** Google allows 1000 calls in a batch at most. */
const MAX_PARTS = 1000;

export function readBatch(request: HttpRequest, body: BodyReading, facts: FactRecord): ProviderReading {
  const { bytes } = contentOf(request, body);
  const parts = bytes instanceof Unknown || request.method !== 'POST' ? null : parseBatch(request, bytes);
  if (parts === null) {
    const opaque = {
      ...RUNS,
      class: 'unknown',
      causes: ['opaque'],
      reason: 'the parts of this batch cannot be read',
    } as const;
    return { ...readingOf('gcp:batch', facts, opaque), opaque: true };
  }
  return { ...readingOf('gcp:batch', facts, READS), parts };
}

/** Null where anything is not as plain as client libraries write it. */
function parseBatch(request: HttpRequest, bytes: Buffer): readonly EmbeddedRequest[] | null {
  const boundary = boundaryOf(request);
  const text = bytes.toString('latin1');
  if (boundary === null || /\r(?!\n)/.test(text) || text.includes('\0')) {
    return null;
  }
  // The Cloud SDK ends lines by LF alone, other libraries by CRLF.
  const pieces = `\n${text.replaceAll('\r\n', '\n')}`.split(`\n--${boundary}`);
  const [preamble = '', ...rest] = pieces;
  const last = rest.pop();
  if (
    preamble.trim() !== '' ||
    last === undefined ||
    !/^--\s*$/.test(last) ||
    rest.length === 0 ||
    rest.length > MAX_PARTS
  ) {
    return null;
  }
  const parts: EmbeddedRequest[] = [];
  for (const piece of rest) {
    const part = parsePart(piece, request);
    if (part === null) {
      return null;
    }
    parts.push(part);
  }
  return parts;
}

function boundaryOf({ fields }: HttpRequest): string | null {
  const [type, second] = fieldValues(fields, 'content-type');
  const found = /^multipart\/mixed\s*;\s*boundary=(?:"([^"\\]{1,70})"|([^\s;"]{1,70}))\s*$/i.exec(type ?? '');
  return second !== undefined || found === null ? null : (found[1] ?? found[2] ?? null);
}

function parsePart(piece: string, outer: HttpRequest): EmbeddedRequest | null {
  // What is left of the delimiter's line, then the part's own fields.
  const line = /^[ \t]*\n/.exec(piece);
  const outerHead = line === null ? null : takeFields(piece.slice(line[0].length));
  if (outerHead === null || !isPlainPart(outerHead.fields)) {
    return null;
  }
  const text = outerHead.rest;
  const start = /^([A-Z]+) (\S+) HTTP\/1\.1[ \t]*\n/.exec(text);
  const head = start === null ? null : takeFields(text.slice(start[0].length));
  const target = start === null ? null : splitTarget(start[2] ?? '', outer.host);
  if (start === null || head === null || target === null || target.rawPath.startsWith('/batch')) {
    return null;
  }
  const one = (name: string): readonly string[] => fieldValues(head.fields, name);
  const [length, second] = one('content-length');
  const hosts = one('host');
  const framed =
    one('transfer-encoding').length > 0 || second !== undefined || (length !== undefined && !/^\d{1,9}$/.test(length));
  if (framed || hosts.length > 1 || (hosts[0] !== undefined && hosts[0].toLowerCase() !== outer.host)) {
    return null;
  }
  const content = length === undefined ? head.rest.trimEnd() : head.rest.slice(0, Number(length));
  if (length !== undefined && (content.length < Number(length) || head.rest.slice(content.length).trim() !== '')) {
    return null;
  }
  const shared = outer.fields.filter(({ name }) => !/^content-/i.test(name));
  return {
    request: {
      ...outer,
      ...target,
      method: start[1] ?? '',
      fields: [...shared, ...head.fields.filter(({ name }) => name.toLowerCase() !== 'host')],
      framing: content === '' ? 'none' : 'length',
      contentLength: content === '' ? null : content.length,
      upgrade: 'none',
    },
    body: { kind: 'whole', bytes: Buffer.from(content, 'latin1') },
  };
}

/** Fields up to an empty line. Null for anything folded or malformed. */
function takeFields(text: string): { readonly fields: readonly Field[]; readonly rest: string } | null {
  const fields: Field[] = [];
  let at = 0;
  for (;;) {
    const end = text.indexOf('\n', at);
    const line = text.slice(at, end === -1 ? text.length : end);
    if (line === '') {
      return { fields, rest: end === -1 ? '' : text.slice(end + 1) };
    }
    const field = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):(.*)$/.exec(line);
    if (field === null) {
      return null;
    }
    fields.push({ name: field[1] ?? '', value: trimBlanks(field[2] ?? '') });
    if (end === -1) {
      return { fields, rest: '' };
    }
    at = end + 1;
  }
}

function isPlainPart(fields: readonly Field[]): boolean {
  const types = fieldValues(fields, 'content-type');
  const encodings = fieldValues(fields, 'content-transfer-encoding');
  return (
    types.length === 1 &&
    /^application\/http(?:\s*;.*)?$/i.test(types[0] ?? '') &&
    encodings.every((encoding) => /^(?:binary|7bit|8bit)$/i.test(encoding)) &&
    fieldValues(fields, 'content-encoding').length === 0
  );
}

function splitTarget(target: string, host: string): Pick<HttpRequest, 'rawPath' | 'rawQuery'> | null {
  const own = `https://${host}`;
  const path = target.toLowerCase().startsWith(`${own}/`) ? target.slice(own.length) : target;
  if (!/^\/(?!\/)[\x21-\x7e]*$/.test(path) || path.includes('#')) {
    return null;
  }
  const question = path.indexOf('?');
  return question === -1
    ? { rawPath: path, rawQuery: null }
    : { rawPath: path.slice(0, question), rawQuery: path.slice(question + 1) };
}
