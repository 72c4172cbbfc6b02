// The syntax tree, as much of it as the facts need.

/** A part of a name. `parameter`: the name of the parameter that holds it. */
export interface Part {
  readonly text: string;
  readonly parameter: boolean;
  readonly quoted: boolean;
}

export type NodeKind =
  /** `name`: string, number, null, bool. */
  | 'literal'
  /** `parts`. */
  | 'name'
  /** `{name:Type}`: `name`. */
  | 'parameter'
  /** `name`(`args`), with `parameters` of aggregate functions and what follows (FILTER, OVER) in `more`. */
  | 'call'
  /** An operator or special form: `name` is the server's name of its function, several names separated by spaces. */
  | 'operator'
  | 'query'
  /** `*`, `t.*`, COLUMNS(…); expressions of its transformers in `args`. */
  | 'star'
  | 'lambda';

export interface Node {
  readonly kind: NodeKind;
  readonly name: string;
  readonly parts: readonly Part[];
  readonly args: Node[];
  readonly more: Node[];
  readonly query: Query | null;
  readonly start: number;
  end: number;
  alias: string | null;
  /** Written in parentheses, so that nothing joins it from outside. */
  closed: boolean;
}

export interface SettingNode {
  readonly name: string;
  /** Text of a literal value; null for DEFAULT and for what is no literal. */
  readonly value: string | null;
  readonly literal: boolean;
}

/** Where rows come from. */
export interface Source {
  readonly kind: 'table' | 'function' | 'query' | 'none';
  /** Of a table. */
  readonly parts: readonly Part[];
  /** Of a function, with its whole path in `parts`. */
  readonly call: Node | null;
  readonly query: Query | null;
  alias: string | null;
  /** Its alias gives its columns other names. */
  renames?: boolean;
}

export interface WithItem {
  readonly name: string | null;
  readonly query: Query | null;
  /** `WITH expression AS name`. */
  readonly expression: Node | null;
}

export interface Select {
  readonly withItems: WithItem[];
  recursive: boolean;
  projection: Node[];
  sources: Source[];
  /** Conjuncts of PREWHERE and WHERE. */
  conditions: Node[];
  hasWhere: boolean;
  /** Everything else that is an expression. */
  others: Node[];
  /** The LIMIT without BY. */
  limit: Node | null;
  /** LIMIT … WITH TIES, or BY: more rows may come. */
  ties: boolean;
  settings: SettingNode[];
}

export interface Query {
  readonly kind: 'select' | 'set' | 'values' | 'explain';
  readonly select: Select | null;
  /** Of a set operation, in the order of the text. */
  readonly operands: Query[];
  /** Rows of VALUES. */
  readonly rows: Node[];
  /** Written in parentheses: what it defines is its own. */
  readonly closed: boolean;
  /** Of EXPLAIN. */
  readonly inner: Query | null;
  readonly start: number;
  end: number;
}

// oxlint-disable-next-line max-params -- what every node has; made in a hundred places
export function node(kind: NodeKind, name: string, start: number, end: number, args: Node[] = []): Node {
  return { kind, name, parts: [], args, more: [], query: null, start, end, alias: null, closed: false };
}

export function queryNode(query: Query): Node {
  return { ...node('query', '', query.start, query.end), query };
}

export function pathNode(parts: readonly Part[], start: number, end: number): Node {
  return { ...node('name', '', start, end), parts };
}
