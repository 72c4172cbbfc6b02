// From the pairs of an HTTP/2 header block to the request that is judged and sent, and from fields to the object that node:http2 sends.
// nghttp2 has checked the block's grammar (RFC 9113, section 8.2); what it lets pass and an HTTP/1 upstream would read in another way is
// refused here (notes H6, HT-07). Pure.
import { findPlace, parseAuthority, type Entrance } from './authority.ts';
import { retryOf } from './deferred.ts';
import { countOf, forwardedFields, listOf, onlyValue } from './fields.ts';
import { FIELD_VALUE, REQUEST_TARGET } from './h1-head.ts';
import { splitPath, type RefusedRequest } from './h1-request.ts';
import type { ReadRequest } from './h1-request.ts';
import type { Field } from './request.ts';

const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}$/;
/** RFC 9113, section 8.2.2. */
const CONNECTION_SPECIFIC = /^(?:connection|keep-alive|proxy-connection|transfer-encoding|upgrade)$/;

/** A header block taken apart. */
interface Block {
  readonly pseudo: ReadonlyMap<string, string>;
  readonly fields: readonly Field[];
}

function refused(why: string, status: number = 400, code: 'malformed' | 'misdirected' = 'malformed'): RefusedRequest {
  return { kind: 'refused', status, code, why };
}

/** What a header block asks for, at that entrance. `raw`: name, value, name, value. `ended`: no body follows. */
export function readBlock(raw: readonly string[], ended: boolean, entrance: Entrance): ReadRequest | RefusedRequest {
  const block = splitBlock(raw);
  if ('kind' in block) {
    return block;
  }
  const { pseudo, fields } = block;
  const method = pseudo.get(':method') ?? '';
  const target = pseudo.get(':path') ?? '';
  if (method === 'CONNECT' || method === 'TRACE' || pseudo.has(':protocol')) {
    return refused(`${method} is not served`, 405);
  }
  if (
    !METHOD.test(method) ||
    !REQUEST_TARGET.test(target) ||
    !(target.startsWith('/') || (target === '*' && method === 'OPTIONS'))
  ) {
    return refused('the method or the path cannot be read');
  }
  const place = findBlockPlace(block, entrance);
  if (place.kind === 'misplaced') {
    return refused(place.why, place.status, 'misdirected');
  }
  const lengths = countOf(fields, 'content-length');
  const length = onlyValue(fields, 'content-length');
  if (lengths > 1 || (length !== null && !/^(?:0|[1-9]\d{0,14})$/.test(length))) {
    return refused('the length of the body cannot be read');
  }
  const expectations = listOf(fields, 'expect');
  if (expectations.length > 1 || (expectations.length === 1 && expectations[0] !== '100-continue')) {
    return refused('this expectation cannot be met', 417);
  }
  const framing = framingOf(ended, length);
  return {
    kind: 'request',
    request: {
      version: '2',
      method,
      scheme: place.scheme,
      host: place.host,
      port: place.port,
      ...pathOf(target),
      fields: forwardedFields(joinCookies(fields)),
      upgrade: 'none',
      framing: framing.kind === 'chunked' ? 'stream' : framing.kind,
      contentLength: framing.kind === 'length' ? framing.bytes : null,
    },
    framing,
    expectContinue: expectations.length === 1 && !ended,
    keepAlive: true,
    retry: retryOf(fields),
  };
}

function pathOf(target: string): { readonly rawPath: string; readonly rawQuery: string | null } {
  const { path, query } = splitPath(target);
  return { rawPath: path, rawQuery: query };
}

/** Streams have no chunks, but a body without a length is sent on in them. */
function framingOf(
  ended: boolean,
  length: string | null,
): { readonly kind: 'none' } | { readonly kind: 'chunked' } | { readonly kind: 'length'; readonly bytes: number } {
  if (length !== null) {
    return { kind: 'length', bytes: Number(length) };
  }
  return ended ? { kind: 'none' } : { kind: 'chunked' };
}

function splitBlock(raw: readonly string[]): Block | RefusedRequest {
  const pseudo = new Map<string, string>();
  const fields: Field[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? '';
    const value = raw[at + 1] ?? '';
    if (!FIELD_VALUE.test(value) || value.trim() !== value) {
      return refused(`the header ${name.slice(0, 64)} holds characters that it may not hold`);
    }
    if (name.startsWith(':')) {
      if (pseudo.has(name) || fields.length > 0) {
        return refused('a pseudo-header is repeated or out of place');
      }
      pseudo.set(name, value);
    } else if (!NAME.test(name) || CONNECTION_SPECIFIC.test(name) || (name === 'te' && value !== 'trailers')) {
      return refused(`the header ${name.slice(0, 64)} does not belong into HTTP/2`);
    } else {
      fields.push({ name, value });
    }
  }
  return { pseudo, fields };
}

/** `:authority`, or Host, or both where they say the same. */
function findBlockPlace({ pseudo, fields }: Block, entrance: Entrance): ReturnType<typeof findPlace> {
  const authority = pseudo.get(':authority') ?? null;
  const hosts = countOf(fields, 'host');
  const host = onlyValue(fields, 'host');
  const named = authority ?? host;
  if (named === null || hosts > 1 || (authority !== null && host !== null && !sameHost(authority, host))) {
    return { kind: 'misplaced', status: 400, why: 'the host of the request cannot be read' };
  }
  return findPlace(entrance, named, null);
}

function sameHost(a: string, b: string): boolean {
  const left = parseAuthority(a);
  const right = parseAuthority(b);
  return left !== null && left.host === right?.host && left.port === right.port;
}

/** Crumbs of a cookie become one field, as RFC 9113, section 8.2.3, asks of whoever hands them on, and before they are judged. */
function joinCookies(fields: readonly Field[]): readonly Field[] {
  if (countOf(fields, 'cookie') < 2) {
    return fields;
  }
  const value = fields
    .filter(({ name }) => name === 'cookie')
    .map((field) => field.value)
    .join('; ');
  let first = true;
  return fields.flatMap((field) => {
    if (field.name !== 'cookie') {
      return [field];
    }
    const joined = first ? [{ name: 'cookie', value }] : [];
    first = false;
    return joined;
  });
}

/** Fields of a block, without pseudo-headers; null when one of them could not be sent on over HTTP/1. */
export function fieldsOf(raw: readonly string[]): readonly Field[] | null {
  const fields: Field[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? '';
    const value = raw[at + 1] ?? '';
    if (!name.startsWith(':')) {
      if (!NAME.test(name) || !FIELD_VALUE.test(value)) {
        return null;
      }
      fields.push({ name, value });
    }
  }
  return fields;
}

export type BlockObject = Record<string, string | number | string[]>;

/** The form in which node:http2 takes a block: one value a name, or a list. */
export function blockOf(pseudo: Readonly<Record<string, string | number>>, fields: readonly Field[]): BlockObject {
  // No prototype: a field may be called anything.
  const block: BlockObject = Object.assign(Object.create(null), pseudo);
  for (const { name, value } of fields) {
    const lower = name.toLowerCase();
    const before = block[lower];
    if (before === undefined) {
      block[lower] = value;
    } else if (Array.isArray(before)) {
      before.push(value);
    } else {
      block[lower] = [String(before), value];
    }
  }
  return block;
}
