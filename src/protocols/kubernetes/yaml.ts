// YAML bodies: one document of plain data. The API server reads YAML 1.1 (`yes` is true); whatever the two versions of YAML take
// differently, and everything beyond data (aliases, tags, merges), is Unknown.
import { isDeepStrictEqual } from 'node:util';
import { isAlias, isMap, isScalar, parseAllDocuments, visit } from 'yaml';
import type { Document } from 'yaml';
import { Unknown } from '../../rules/action.ts';
import { MAX_DEPTH } from './json.ts';
import type { JsonValue } from './json.ts';

/** Reading it takes about a second for each 100 KiB of what is written to be slow. Clients send JSON, also where they say YAML. */
const MAX_CHARS = 64 * 1024;

/** Reads YAML text. */
export function parseYaml(text: string): JsonValue | Unknown {
  if (text.length > MAX_CHARS) {
    return new Unknown('too_large');
  }
  try {
    const old = documentOf(text, '1.1');
    const current = documentOf(text, '1.2');
    if (old === null || current === null) {
      return new Unknown('unparseable');
    }
    if (!isPlainData(old) || !isPlainData(current)) {
      return new Unknown('undecodable');
    }
    const value: unknown = old.toJS();
    return isJson(value, 0) && isDeepStrictEqual(value, current.toJS()) ? value : new Unknown('ambiguous');
  } catch {
    return new Unknown('unparseable');
  }
}

function documentOf(text: string, version: '1.1' | '1.2'): Document | null {
  const documents = parseAllDocuments(text, {
    version,
    strict: true,
    // The library compares each key with every other; isPlainData looks for repeated ones in linear time.
    uniqueKeys: false,
    merge: false,
    logLevel: 'silent',
  });
  const [first] = Array.isArray(documents) ? documents : [];
  return first === undefined || documents.length !== 1 || first.errors.length > 0 || first.warnings.length > 0
    ? null
    : first;
}

/** No alias, anchor, tag or merge, and nothing but text as a key, said once. */
function isPlainData(document: Document): boolean {
  let plain = true;
  visit(document, {
    Node: (_key, node) => {
      plain = plain && !isAlias(node) && node.tag === undefined && node.anchor === undefined;
      if (isMap(node)) {
        const keys = node.items.map(({ key }) => (isScalar(key) ? key.value : null));
        plain =
          plain && new Set(keys).size === keys.length && keys.every((key) => typeof key === 'string' && key !== '<<');
      }
      return plain ? undefined : visit.BREAK;
    },
  });
  return plain;
}

/** Only what JSON has, no deeper than JSON may be, and no number that a double cannot hold. */
function isJson(value: unknown, depth: number): value is JsonValue {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') {
    return true;
  }
  if (typeof value === 'number') {
    return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
  }
  return (
    typeof value === 'object' &&
    depth < MAX_DEPTH &&
    (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype) &&
    Object.values(value).every((item) => isJson(item, depth + 1))
  );
}
