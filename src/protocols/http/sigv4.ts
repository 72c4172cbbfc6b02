// AWS Signature Version 4 (AWS General Reference, "Signing AWS API requests"): the canonical request, the signature over it, and what an
// agent's own signature says. Knows no credentials but the keys it is given; sigv4-resign.ts puts them into requests.
import { createHash, createHmac } from 'node:crypto';
import type { Field } from './request.ts';

export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | null;
}

/** The scope that a signature names: `20150830/us-east-1/iam/aws4_request`. */
export interface AwsScope {
  /** `YYYYMMDD`. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

export const ALGORITHM = 'AWS4-HMAC-SHA256';
export const UNSIGNED = 'UNSIGNED-PAYLOAD';
/** SHA-256 of nothing. */
export const EMPTY_HASH = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** What is signed: exactly what is sent. */
export interface Signable {
  readonly method: string;
  readonly rawPath: string;
  /** Without the signature itself. */
  readonly rawQuery: string | null;
  /** All fields that may be signed, `host` among them. */
  readonly fields: readonly Field[];
  /** Lower case; those that `fields` lacks are an error of the caller. */
  readonly signedHeaders: readonly string[];
  /** Hex SHA-256 of the body, or one of the words that stand in its place. */
  readonly payloadHash: string;
}

/** Services whose servers decode a path once and encode it once; all others encode what was sent once more. */
const PATH_AS_SENT: readonly string[] = ['s3', 's3-outposts', 's3-object-lambda'];

/** Task 1 of the specification. */
export function canonicalRequest(request: Signable, service: string): string {
  const names = request.signedHeaders.toSorted();
  return [
    request.method,
    canonicalPath(request.rawPath, service),
    canonicalQuery(request.rawQuery),
    ...names.map((name) => `${name}:${canonicalValue(request.fields, name)}`),
    '',
    names.join(';'),
    request.payloadHash,
  ].join('\n');
}

/** Tasks 2 and 3: the signature in hex. `time` is `YYYYMMDDTHHMMSSZ`. */
export function signRequest(
  request: Signable,
  {
    scope,
    time,
    secretAccessKey,
  }: { readonly scope: AwsScope; readonly time: string; readonly secretAccessKey: string },
): string {
  const hashed = createHash('sha256').update(canonicalRequest(request, scope.service), 'latin1').digest('hex');
  const text = [ALGORITHM, time, scopeText(scope), hashed].join('\n');
  let key: Buffer = Buffer.from(`AWS4${secretAccessKey}`, 'utf8');
  for (const part of [scope.date, scope.region, scope.service, 'aws4_request']) {
    key = createHmac('sha256', key).update(part).digest();
  }
  return createHmac('sha256', key).update(text).digest('hex');
}

export function scopeText({ date, region, service }: AwsScope): string {
  return `${date}/${region}/${service}/aws4_request`;
}

/** `YYYYMMDDTHHMMSSZ` of a wall clock time. */
export function amzTime(nowMs: number): string {
  // A time of day from a number needs no clock.
  // oxlint-disable-next-line no-restricted-globals
  return new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '');
}

function canonicalPath(rawPath: string, service: string): string {
  const segments = rawPath.split('/');
  return segments
    .map((segment) => encode(PATH_AS_SENT.includes(service) ? decodeBytes(segment) : Buffer.from(segment, 'latin1')))
    .join('/');
}

function canonicalQuery(rawQuery: string | null): string {
  if (rawQuery === null || rawQuery === '') {
    return '';
  }
  return rawQuery
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=');
      const name = equals === -1 ? pair : pair.slice(0, equals);
      const value = equals === -1 ? '' : pair.slice(equals + 1);
      return [encode(decodeBytes(name.replaceAll('+', ' '))), encode(decodeBytes(value.replaceAll('+', ' ')))] as const;
    })
    .toSorted(([nameA, valueA], [nameB, valueB]) => compare(nameA, nameB) || compare(valueA, valueB))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function canonicalValue(fields: readonly Field[], name: string): string {
  return fields
    .filter((field) => field.name.toLowerCase() === name)
    .map(({ value }) => value.trim().replace(/ +/g, ' '))
    .join(',');
}

/** Every byte but the unreserved ones of RFC 3986 as `%XX`. */
function encode(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/[^A-Za-z0-9\-._~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

function decodeBytes(text: string): Buffer {
  const plain = text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(plain, 'latin1');
}

/** What an agent's signature says. */
export type AgentSignature =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'header' | 'query';
      readonly accessKeyId: string;
      readonly scope: AwsScope;
      readonly signedHeaders: readonly string[];
    }
  | { readonly kind: 'unreadable'; readonly why: string };

/** Reads the signature of a request, from its Authorization field or from a presigned query. Total. */
export function readSignature(rawQuery: string | null, fields: readonly Field[]): AgentSignature {
  const values = fields.filter(({ name }) => name.toLowerCase() === 'authorization').map(({ value }) => value);
  const query = queryPairs(rawQuery);
  const presigned = query.some(([name]) => /^x-amz-(?:algorithm|signature|credential)$/i.test(name));
  const [authorization, second] = values;
  if (second !== undefined || (authorization !== undefined && presigned)) {
    return { kind: 'unreadable', why: 'the request is signed twice' };
  }
  if (presigned) {
    return readQuery(query);
  }
  return authorization === undefined ? { kind: 'none' } : readAuthorization(authorization);
}

/** Pairs of a query, decoded. */
export function queryPairs(rawQuery: string | null): readonly (readonly [name: string, value: string])[] {
  return (rawQuery ?? '')
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=');
      const parts = equals === -1 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
      const [name = '', value = ''] = parts.map((part) => decodeBytes(part.replaceAll('+', ' ')).toString('utf8'));
      return [name, value];
    });
}

function readAuthorization(value: string): AgentSignature {
  const space = value.indexOf(' ');
  const algorithm = value.slice(0, space === -1 ? value.length : space);
  if (algorithm !== ALGORITHM) {
    return algorithm.startsWith('AWS')
      ? { kind: 'unreadable', why: `signatures of kind ${algorithm} cannot be made again, only ${ALGORITHM}` }
      : { kind: 'none' };
  }
  const parts = new Map<string, string>();
  for (const part of value.slice(space + 1).split(',')) {
    const [name = '', text = ''] = part.trim().split(/=(.*)/s);
    if (parts.has(name)) {
      return { kind: 'unreadable', why: `its Authorization names ${name} twice` };
    }
    parts.set(name, text);
  }
  return fromParts('header', parts.get('Credential') ?? '', parts.get('SignedHeaders') ?? '');
}

function readQuery(query: readonly (readonly [string, string])[]): AgentSignature {
  const one = (name: string): string | null => {
    const found = query.filter(([key]) => key.toLowerCase() === name.toLowerCase());
    return found.length === 1 && found[0]?.[0] === name ? found[0][1] : null;
  };
  const algorithm = one('X-Amz-Algorithm');
  const credential = one('X-Amz-Credential');
  const signedHeaders = one('X-Amz-SignedHeaders');
  if (algorithm === null || credential === null || signedHeaders === null || one('X-Amz-Signature') === null) {
    return { kind: 'unreadable', why: 'its presigned query is not complete, or says something twice' };
  }
  return algorithm === ALGORITHM
    ? fromParts('query', credential, signedHeaders)
    : { kind: 'unreadable', why: `signatures of kind ${algorithm} cannot be made again, only ${ALGORITHM}` };
}

function fromParts(kind: 'header' | 'query', credential: string, signedHeaders: string): AgentSignature {
  const parts = /^(.+)\/(\d{8})\/([A-Za-z0-9-]+)\/([A-Za-z0-9-]+)\/aws4_request$/.exec(credential);
  if (parts === null || !/^[a-z0-9!#$%&'*+.^_`|~-]+(?:;[a-z0-9!#$%&'*+.^_`|~-]+)*$/.test(signedHeaders)) {
    return { kind: 'unreadable', why: 'its signature cannot be read' };
  }
  const [, accessKeyId = '', date = '', region = '', service = ''] = parts;
  return {
    kind,
    accessKeyId,
    scope: { date, region: region.toLowerCase(), service: service.toLowerCase() },
    signedHeaders: signedHeaders.split(';'),
  };
}
