// Header fields as rules see them: canonical names, every value, and the media type.
import { asciiLower } from '../../lib/text.ts';
import { decodeUtf8Bytes } from '../../lib/utf8.ts';
import { Unknown } from '../../rules/action.ts';
import { canonicalHeader } from '../../rules/header-name.ts';
import { fieldValues } from './request.ts';
import type { Field } from './request.ts';

/** All values by canonical name, in order, neither joined nor split. Bytes that are not UTF-8 make the whole map Unknown. */
export function readHeaders(fields: readonly Field[]): ReadonlyMap<string, readonly string[]> | Unknown {
  const headers = new Map<string, string[]>();
  for (const { name, value } of fields) {
    const text = decodeUtf8Bytes(value);
    if (text === null) {
      return new Unknown('undecodable');
    }
    const canonical = canonicalHeader(name);
    const known = headers.get(canonical);
    if (known === undefined) {
      headers.set(canonical, [text]);
    } else {
      known.push(text);
    }
  }
  return headers;
}

/** A media type with its parameters, names in lower case. */
export interface MediaType {
  /** `type/subtype`, lower case; "" when no Content-Type was sent. */
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const NO_TYPE: MediaType = { type: '', parameters: new Map() };
const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const TYPE = new RegExp(`^(${TOKEN}/${TOKEN})[ \\t]*(?:;|$)`);
const PARAMETER = new RegExp(`[ \\t]*(?:(${TOKEN})=(?:(${TOKEN})|"((?:[^"\\\\]|\\\\.)*)")[ \\t]*)?(?:;|$)`, 'y');

/** The Content-Type of a request or part; Unknown when it is repeated or malformed. */
export function readContentType(fields: readonly Field[]): MediaType | Unknown {
  const values = fieldValues(fields, 'content-type');
  const [value] = values;
  if (value === undefined) {
    return NO_TYPE;
  }
  return values.length > 1 ? new Unknown('ambiguous') : (parseMediaType(value) ?? new Unknown('ambiguous'));
}

/** `type/subtype; name=value …` (RFC 9110, 8.3.1); null when it is malformed or names a parameter twice. */
export function parseMediaType(value: string): MediaType | null {
  const type = TYPE.exec(value);
  if (type === null) {
    return null;
  }
  const parameters = parseParameters(value.slice(type[0].length));
  return parameters === null ? null : { type: asciiLower(type[1] ?? ''), parameters };
}

/** `name=value; name="value"`; empty ones are skipped (RFC 9110, 5.6.6). Null: malformed, or a name stands twice. */
export function parseParameters(text: string): ReadonlyMap<string, string> | null {
  const parameters = new Map<string, string>();
  PARAMETER.lastIndex = 0;
  while (PARAMETER.lastIndex < text.length) {
    const match = PARAMETER.exec(text);
    if (match === null) {
      return null;
    }
    const [, name, token, quoted] = match;
    if (name !== undefined) {
      const key = asciiLower(name);
      if (parameters.has(key)) {
        return null;
      }
      parameters.set(key, token ?? (quoted ?? '').replaceAll(/\\(.)/g, '$1'));
    }
  }
  return parameters;
}

/** Content codings in the order in which they were applied, lower case; `identity` is one of them where it was sent. */
export function readCodings(fields: readonly Field[]): readonly string[] {
  return fieldValues(fields, 'content-encoding')
    .flatMap((value) => value.split(','))
    .map((coding) => asciiLower(coding.trim()))
    .filter((coding) => coding !== '');
}
