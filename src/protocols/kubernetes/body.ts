// The body of a request as an object: which encodings are read, and what of them is Unknown.
import { decodeUtf8 } from '../../lib/utf8.ts';
import { Unknown } from '../../rules/action.ts';
import { decodeBody } from '../http/codings.ts';
import { fieldValues } from '../http/request.ts';
import type { BodyReading, HttpRequest } from '../http/request.ts';
import { isList, isObject, parseJson } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { parseProtobuf } from './proto.ts';
import type { Target } from './request.ts';
import { parseYaml } from './yaml.ts';

export type PatchType = 'none' | 'json' | 'merge' | 'strategic' | 'apply';

/** One step of a JSON Patch (RFC 6902). */
export interface PatchStep {
  readonly op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test';
  /** Decoded tokens of `path`. */
  readonly path: readonly string[];
  /** Decoded tokens of `from`; empty where the step has none. */
  readonly from: readonly string[];
  readonly value: JsonValue;
}

export type ApiBody =
  /** No body, or one that is not the API server's own (what is sent through a proxy). */
  | { readonly kind: 'none' }
  | { readonly kind: 'object'; readonly object: JsonObject }
  | { readonly kind: 'steps'; readonly steps: readonly PatchStep[]; readonly list: readonly JsonValue[] }
  | { readonly kind: 'unknown'; readonly unknown: Unknown };

/** Content codings are taken off up to this size: kube-apiserver takes no longer body (`MaxRequestBodyBytes`). */
const MAX_DECODED_BYTES = 3 * 1024 * 1024;

const PATCH_TYPES: Readonly<Record<string, PatchType>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};

/** The media type without parameters, lower case; null when it is said twice. */
function mediaType(request: HttpRequest): string | null {
  const values = fieldValues(request.fields, 'content-type');
  return values.length > 1 ? null : (values[0] ?? '').split(';', 1).join('').trim().toLowerCase();
}

/** `k8s.patch_type`. */
export function patchTypeOf(request: HttpRequest): PatchType | Unknown {
  if (request.method !== 'PATCH') {
    return 'none';
  }
  const type = mediaType(request);
  return (type === null ? undefined : PATCH_TYPES[type]) ?? new Unknown(type === null ? 'ambiguous' : 'undecodable');
}

/** Reads the body of a request. Total. */
export function readBody(request: HttpRequest, target: Target, body: BodyReading): ApiBody {
  if (target.verb === 'connect' || request.framing === 'none' || request.contentLength === 0) {
    return { kind: 'none' };
  }
  if (body.kind !== 'whole') {
    return unknownBody(body.kind === 'cut' ? body.cause : 'too_large');
  }
  if (body.bytes.length === 0) {
    return { kind: 'none' };
  }
  const bytes = withoutCoding(request, body.bytes);
  const value = bytes instanceof Unknown ? bytes : parse(request, bytes);
  if (value instanceof Unknown) {
    return { kind: 'unknown', unknown: value };
  }
  if (patchTypeOf(request) === 'json') {
    const steps = isList(value) ? value.map(readStep) : [null];
    const whole = steps.filter((step) => step !== null);
    return whole.length === steps.length && isList(value)
      ? { kind: 'steps', steps: whole, list: value }
      : unknownBody('unparseable');
  }
  return isObject(value) ? { kind: 'object', object: value } : unknownBody('unparseable');
}

function unknownBody(cause: Unknown['cause']): ApiBody {
  return { kind: 'unknown', unknown: new Unknown(cause) };
}

function withoutCoding(request: HttpRequest, bytes: Buffer): Buffer | Unknown {
  const codings = fieldValues(request.fields, 'content-encoding')
    .flatMap((value) => value.split(','))
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '');
  return decodeBody(bytes, codings, MAX_DECODED_BYTES);
}

function parse(request: HttpRequest, bytes: Buffer): JsonValue | Unknown {
  const type = mediaType(request);
  if (type === 'application/vnd.kubernetes.protobuf') {
    return parseProtobuf(bytes);
  }
  const text = decodeUtf8(bytes);
  if (text === null) {
    return new Unknown('undecodable');
  }
  const patch = patchTypeOf(request);
  if (patch instanceof Unknown) {
    return patch;
  }
  if (type === 'application/yaml' || patch === 'apply') {
    // What clients send as apply is JSON, which is YAML too; the strict reader of JSON knows more of its traps.
    return text.trimStart().startsWith('{') ? parseJson(text) : parseYaml(text);
  }
  return type === 'application/json' || type === '' || patch !== 'none' ? parseJson(text) : new Unknown('undecodable');
}

const OPERATIONS: readonly PatchStep['op'][] = ['add', 'remove', 'replace', 'move', 'copy', 'test'];

function readStep(value: JsonValue): PatchStep | null {
  if (!isObject(value)) {
    return null;
  }
  const { op, path, from } = value;
  const known = OPERATIONS.find((name) => name === op);
  const tokens = pointerTokens(path);
  const fromTokens = from === undefined ? [] : pointerTokens(from);
  if (known === undefined || tokens === null || fromTokens === null) {
    return null;
  }
  return { op: known, path: tokens, from: fromTokens, value: value['value'] ?? null };
}

/** Tokens of a JSON pointer (RFC 6901), or null when it is none. */
function pointerTokens(pointer: JsonValue | undefined): readonly string[] | null {
  if (typeof pointer !== 'string' || (pointer !== '' && !pointer.startsWith('/')) || /~(?![01])/.test(pointer)) {
    return null;
  }
  return pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** Tokens back to a pointer. */
export function pointerOf(tokens: readonly string[]): string {
  return tokens.map((token) => `/${token.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
