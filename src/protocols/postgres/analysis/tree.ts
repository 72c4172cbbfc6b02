// Reading the grammar's syntax tree: JSON in which zero values are left out. A field of type "any node" holds `{ "Type": {…} }`;
// a field of one node type holds the node's fields directly.
import { ENUM_VALUES, NODE_FIELDS, WRAPPED_NODES } from './grammar.ts';

export interface TreeNode {
  readonly [key: string]: unknown;
}

export type FieldKind =
  | { readonly kind: 'scalar'; readonly type: string }
  | { readonly kind: 'enum'; readonly values: ReadonlySet<string> }
  | { readonly kind: 'node'; readonly list: boolean }
  | { readonly kind: 'typed'; readonly type: string; readonly list: boolean };

const SCALARS: ReadonlySet<string> = new Set(['string', 'number', 'boolean']);

function readKind(text: string): FieldKind {
  const isList = text.endsWith('[]');
  const bare = isList ? text.slice(0, -2) : text;
  if (bare === '*') {
    return { kind: 'node', list: isList };
  }
  if (bare.startsWith('=')) {
    return { kind: 'enum', values: new Set((ENUM_VALUES[bare.slice(1)] ?? '').split(' ')) };
  }
  return SCALARS.has(bare) ? { kind: 'scalar', type: bare } : { kind: 'typed', type: bare, list: isList };
}

/** Fields by node type, as the grammar declares them. */
export const FIELDS: ReadonlyMap<string, ReadonlyMap<string, FieldKind>> = new Map(
  Object.entries(NODE_FIELDS).map(([type, fields]) => [
    type,
    new Map(
      fields
        .split(' ')
        .filter((field) => field !== '')
        .map((field) => {
          const colon = field.indexOf(':');
          return [field.slice(0, colon), readKind(field.slice(colon + 1))];
        }),
    ),
  ]),
);

const WRAPPED: ReadonlySet<string> = new Set(WRAPPED_NODES.split(' '));

/** Deeper trees are not analysed: each level costs a few frames of our own stack. */
const MAX_DEPTH = 1500;

export function isNode(value: unknown): value is TreeNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The one entry of a wrapped node, or null. */
export function unwrap(value: unknown): { readonly type: string; readonly node: TreeNode } | null {
  if (!isNode(value)) {
    return null;
  }
  for (const type in value) {
    const node = value[type];
    return isNode(node) ? { type, node } : null;
  }
  return null;
}

/** The fields of a wrapped node when it is of this type, else null. */
export function as(value: unknown, type: string): TreeNode | null {
  const node = isNode(value) ? value[type] : undefined;
  return isNode(node) ? node : null;
}

export function str(node: TreeNode, key: string): string {
  const value = node[key];
  return typeof value === 'string' ? value : '';
}

export function num(node: TreeNode, key: string): number {
  const value = node[key];
  return typeof value === 'number' ? value : Number(value ?? 0);
}

export function flag(node: TreeNode, key: string): boolean {
  return node[key] === true;
}

export function list(node: TreeNode, key: string): readonly unknown[] {
  const value = node[key];
  return Array.isArray(value) ? value : [];
}

export function child(node: TreeNode, key: string): TreeNode | null {
  const value = node[key];
  return isNode(value) ? value : null;
}

/** A String node's text, or null for anything else. */
export function stringOf(value: unknown): string | null {
  const node = as(value, 'String');
  return node === null ? null : str(node, 'sval');
}

/** The texts of a list of String nodes; null when one of them is something else. */
export function strings(values: readonly unknown[]): readonly string[] | null {
  const texts: string[] = [];
  for (const value of values) {
    const text = stringOf(value);
    if (text === null) {
      return null;
    }
    texts.push(text);
  }
  return texts;
}

/** A literal: its text form, its kind, and where it stands. Null for anything that is not an A_Const. */
export function constantOf(value: unknown): {
  readonly kind: 'int' | 'float' | 'bool' | 'string' | 'bits' | 'null';
  readonly text: string;
  readonly at: number;
} | null {
  const node = as(value, 'A_Const');
  if (node === null) {
    return null;
  }
  const at = num(node, 'location');
  if (flag(node, 'isnull')) {
    return { kind: 'null', text: '', at };
  }
  const { ival, fval, boolval, sval, bsval } = node;
  if (isNode(ival)) {
    return { kind: 'int', text: String(num(ival, 'ival')), at };
  }
  if (isNode(fval)) {
    return { kind: 'float', text: str(fval, 'fval'), at };
  }
  if (isNode(boolval)) {
    return { kind: 'bool', text: flag(boolval, 'boolval') ? 'true' : 'false', at };
  }
  if (isNode(sval)) {
    return { kind: 'string', text: str(sval, 'sval'), at };
  }
  return isNode(bsval) ? { kind: 'bits', text: str(bsval, 'bsval'), at } : null;
}

/** What a pass over every key of every node counted. */
export interface TreeCensus {
  /** Nodes in the tree. */
  readonly nodes: number;
  /** What the grammar's declarations do not have, or null when they account for everything. */
  readonly unknown: string | null;
}

/**
 * Looks at every key of every node under a wrapped node: a node type, field or enumeration value that our declarations do not have means
 * that the grammar is newer than this code, and what it means is not known.
 */
export function takeCensus(root: unknown): TreeCensus {
  const census = { nodes: 0, unknown: null as string | null };
  visitWrapped(root, census, 0);
  return census;
}

type Tally = { nodes: number; unknown: string | null };

function visitWrapped(value: unknown, tally: Tally, depth: number): void {
  if (!isNode(value)) {
    tally.unknown ??= 'a node that is not an object';
    return;
  }
  // List elements can be null nodes, which are written as {}.
  for (const type in value) {
    if (!WRAPPED.has(type)) {
      tally.unknown ??= `node ${type}`;
    }
    visitTyped(type, value[type], tally, depth);
  }
}

function visitTyped(type: string, node: unknown, tally: Tally, depth: number): void {
  tally.nodes += 1;
  const fields = FIELDS.get(type);
  if (fields === undefined || !isNode(node)) {
    tally.unknown ??= `node ${type}`;
    return;
  }
  if (depth > MAX_DEPTH) {
    tally.unknown ??= 'nesting too deep';
    return;
  }
  for (const key in node) {
    const kind = fields.get(key);
    const value = node[key];
    if (kind === undefined) {
      tally.unknown ??= `field ${type}.${key}`;
      continue;
    }
    if (kind.kind === 'scalar') {
      if (typeof value === 'object') {
        tally.unknown ??= `field ${type}.${key}`;
      }
      continue;
    }
    if (kind.kind === 'enum') {
      if (typeof value !== 'string' || !kind.values.has(value)) {
        tally.unknown ??= `value ${String(value)} of ${type}.${key}`;
      }
      continue;
    }
    const entries: readonly unknown[] = kind.list ? (Array.isArray(value) ? value : [null]) : [value];
    for (const entry of entries) {
      if (kind.kind === 'node') {
        visitWrapped(entry, tally, depth + 1);
      } else {
        visitTyped(kind.type, entry, tally, depth + 1);
      }
    }
  }
}
