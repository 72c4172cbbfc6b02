// What a patch changes: the pointers that it sets or removes, and the values that it sets, as trees that look like the object.
import { Unknown } from '../../rules/action.ts';
import { pointerOf } from './body.ts';
import type { ApiBody, PatchStep } from './body.ts';
import { isList, isObject } from './json.ts';
import type { JsonValue } from './json.ts';

const MAX_POINTERS = 10_000;

/** `k8s.changed`: pointers that a patch sets or removes; for merges the leaves. */
export function changedPointers(body: ApiBody, verb: string): readonly string[] | Unknown {
  if (verb === 'update') {
    return [''];
  }
  if (verb !== 'patch') {
    return [];
  }
  switch (body.kind) {
    case 'none':
      return [];
    case 'unknown':
      return body.unknown;
    case 'steps':
      return body.steps
        .filter(({ op }) => op !== 'test')
        .flatMap(({ op, path, from }) => (op === 'move' ? [pointerOf(from), pointerOf(path)] : [pointerOf(path)]));
    case 'object': {
      const pointers: string[] = [];
      collectLeaves(body.object, [], pointers);
      return pointers.length > MAX_POINTERS ? new Unknown('too_large') : pointers;
    }
  }
}

function collectLeaves(value: JsonValue, path: readonly string[], pointers: string[]): void {
  const entries = isList(value) ? [...value.entries()] : isObject(value) ? Object.entries(value) : [];
  if (entries.length === 0 || pointers.length > MAX_POINTERS) {
    pointers.push(pointerOf(path));
    return;
  }
  for (const [key, item] of entries) {
    collectLeaves(item, [...path, String(key)], pointers);
  }
}

/**
 * The values that a body sets, each at its place: the object itself, or one tree for every step of a JSON Patch. `moves` tells that
 * a step takes values from the live object, so that what is set cannot be told from the patch alone.
 */
export interface SetValues {
  readonly trees: readonly JsonValue[];
  readonly moves: boolean;
}

export function setValues(body: Exclude<ApiBody, { readonly kind: 'unknown' }>): SetValues {
  switch (body.kind) {
    case 'none':
      return { trees: [], moves: false };
    case 'object':
      return { trees: [body.object], moves: false };
    case 'steps':
      return {
        trees: body.steps.filter(({ op }) => op === 'add' || op === 'replace').map(treeOf),
        moves: body.steps.some(({ op }) => op === 'move' || op === 'copy'),
      };
  }
}

/** Places in lists as the server takes them: it counts from the end too, and reads a sign before any number. */
const INDEX = /^(?:[+-]?\d+|-)$/;

/** `/spec/containers/0/image` = x as `{spec:{containers:[{image:x}]}}`. */
function treeOf({ path, value }: PatchStep): JsonValue {
  return path.reduceRight<JsonValue>(
    (inner, token) => (INDEX.test(token) ? [inner] : Object.fromEntries([[token, inner]])),
    value,
  );
}
