// The walk over one text's trees. Generic: every key of every node is followed; a handler changes what a position *means* (a
// write, a new query level, a nested unit), never whether it is looked at. `seen` counts the nodes that were followed, and whoever
// starts a walk compares it with an independent census: a handler that forgets a key makes the unit opaque, not blind.
import type { Risk } from '../../../rules/action.ts';
import { asciiLower } from '../../../lib/text.ts';
import {
  addRelation,
  createOutline,
  markOpaque,
  mergeNested,
  type Name,
  type OpaqueCause,
  type OutlineChange,
  type UnitContext,
  type UnitOutline,
} from '../../sql/outline.ts';
import type { Grammar } from './engine.ts';
import type { Source } from './source.ts';
import { FIELDS, isNode, type TreeNode } from './tree.ts';

/** What of the endpoint's options the walk needs. */
export interface WalkOptions {
  readonly readOnly: boolean;
  readonly trusted: ReadonlySet<string>;
}

/** Something in a FROM list, or a statement's target, that column references can name. */
export interface RangeEntry {
  readonly alias: string;
  /** Null for anything but a table: sub-selects, functions, common table expressions. */
  readonly relation: Name | null;
  /** A reference to the alias alone takes whole rows of tables (a join with an alias). */
  readonly rows: boolean;
  /** The target of UPDATE, DELETE, MERGE: looking at its columns reads it. */
  readonly target: boolean;
  readonly unit: UnitOutline;
}

/** One query level: what its FROM names. */
export interface Level {
  readonly parent: Level | null;
  readonly entries: RangeEntry[];
}

/** Names of common table expressions in scope. */
export interface CteScope {
  readonly parent: CteScope | null;
  readonly names: Set<string>;
}

export type Handler = (walk: Walk, node: TreeNode) => void;

export interface Handlers {
  readonly expressions: ReadonlyMap<string, Handler>;
  /** Called for statement nodes other than a query in expression position. */
  readonly statement: (walk: Walk, type: string, node: TreeNode) => void;
  readonly isStatement: (type: string) => boolean;
}

export class Walk {
  readonly grammar: Grammar;
  readonly options: WalkOptions;
  readonly handlers: Handlers;
  source: Source;
  unit: UnitOutline;
  /** Byte range of the statement in `source`. */
  range: readonly [number, number] = [0, 0];
  level: Level = { parent: null, entries: [] };
  ctes: CteScope | null = null;
  /** What the current statement does with relations outside of queries. */
  use: 'read' | 'write' | 'name' = 'read';
  /** Inside a query: relations are read. */
  inQuery = false;
  /** A type named here converts a value now; elsewhere types are only declared. */
  casts = false;
  /** The unit's own outermost query, and the INTO clause that the unit itself has dealt with. */
  root: TreeNode | null = null;
  into: TreeNode | null = null;
  /** Literal parameter name that `set_config(name, …)` takes in this query, when its WHERE fixes it. */
  fixedSetting: string | null = null;
  /** The call being followed stands alone in the target list of a SELECT without FROM and WHERE: it runs exactly once. */
  certain = false;
  /** State changes of the top-level statement. */
  changes: OutlineChange[] = [];
  seen = 0;
  /** How deep bodies are nested in bodies. */
  bodies = 0;

  constructor(parts: {
    grammar: Grammar;
    options: WalkOptions;
    handlers: Handlers;
    source: Source;
    unit: UnitOutline;
  }) {
    this.grammar = parts.grammar;
    this.options = parts.options;
    this.handlers = parts.handlers;
    this.source = parts.source;
    this.unit = parts.unit;
  }

  /** Follows a wrapped node. */
  node(value: unknown): void {
    if (!isNode(value)) {
      return;
    }
    for (const type in value) {
      const node = value[type];
      if (isNode(node)) {
        this.typed(type, node);
      }
    }
  }

  nodes(values: readonly unknown[]): void {
    for (const value of values) {
      this.node(value);
    }
  }

  /** Follows a node of a known type. */
  typed(type: string, node: TreeNode): void {
    if (this.handlers.isStatement(type)) {
      // A statement where an expression may stand; only data-modifying ones in WITH are legal there.
      this.nest('cte', null, () => this.statement(type, node));
      return;
    }
    const handler = this.handlers.expressions.get(type);
    if (handler === undefined) {
      this.fields(type, node);
    } else {
      handler(this, node);
    }
  }

  /** Runs the statement handler; counts the node itself there. */
  statement(type: string, node: TreeNode): void {
    this.handlers.statement(this, type, node);
  }

  /** Follows every key of a node, but those that the caller follows itself. Counts the node. */
  fields(type: string, node: TreeNode, except: readonly string[] = NONE): void {
    this.seen += 1;
    const fields = FIELDS.get(type);
    if (fields === undefined) {
      return;
    }
    for (const key in node) {
      if (!except.includes(key)) {
        this.#field(fields.get(key), node[key]);
      }
    }
  }

  /** Follows one key of a node. */
  key(type: string, node: TreeNode, key: string): void {
    this.#field(FIELDS.get(type)?.get(key), node[key]);
  }

  #field(kind: ReturnType<NonNullable<ReturnType<typeof FIELDS.get>>['get']>, value: unknown): void {
    if (kind === undefined || kind.kind === 'scalar' || kind.kind === 'enum') {
      return;
    }
    const entries: readonly unknown[] = Array.isArray(value) ? value : [value];
    for (const entry of entries) {
      if (kind.kind === 'node') {
        this.node(entry);
      } else if (isNode(entry)) {
        this.typed(kind.type, entry);
      }
    }
  }

  /** Builds a nested unit with `build`, adds it, and lets the outer facts include it. */
  nest(context: UnitContext, range: readonly [number, number] | null, build: () => void): UnitOutline {
    const outer = this.unit;
    const { level, ctes, use, inQuery, casts, fixedSetting, certain, root, into } = this;
    const saved = { range: this.range, level, ctes, use, inQuery, casts, fixedSetting, certain, root, into };
    const inner = createOutline(context);
    this.unit = inner;
    this.level = { parent: null, entries: [] };
    this.inQuery = false;
    this.casts = false;
    this.fixedSetting = null;
    this.certain = false;
    if (range !== null) {
      this.range = range;
      inner.range = range;
      inner.text = this.source.slice(range[0], range[1]).trim();
    }
    build();
    this.unit = outer;
    Object.assign(this, saved);
    outer.nested.push(inner);
    mergeNested(outer, inner);
    return inner;
  }

  /** Adds a nested unit that was made elsewhere (a stand-in). */
  adopt(inner: UnitOutline): void {
    this.unit.nested.push(inner);
    mergeNested(this.unit, inner);
  }

  /** Runs `inside` one query level deeper. */
  deeper(inside: () => void): void {
    const saved = { level: this.level, ctes: this.ctes, inQuery: this.inQuery, fixedSetting: this.fixedSetting };
    this.level = { parent: this.level, entries: [] };
    this.fixedSetting = null;
    inside();
    Object.assign(this, saved);
  }

  /** Follows a key whose type converts a value now. */
  casting(type: string, node: TreeNode, key: string): void {
    const saved = this.casts;
    this.casts = true;
    this.key(type, node, key);
    this.casts = saved;
  }

  isCte(name: string): boolean {
    for (let scope = this.ctes; scope !== null; scope = scope.parent) {
      if (scope.names.has(name)) {
        return true;
      }
    }
    return false;
  }

  enter(entry: Omit<RangeEntry, 'unit'>): void {
    this.level.entries.push({ ...entry, unit: this.unit });
  }

  relation(name: Name, use: { read?: boolean; write?: boolean }): void {
    addRelation(this.unit, name, use);
    if (use.read === true) {
      this.unit.effects.add('read');
    }
  }

  note(tier: Risk, cause: string, reason: string): void {
    this.unit.notes.push({ tier, cause, reason });
  }

  opaque(cause: OpaqueCause, reason: string): void {
    markOpaque(this.unit, cause);
    this.note('destructive', 'opaque', reason);
  }

  /** A function that is only named (a trigger's function), not called. */
  named(parts: readonly string[]): void {
    const lower = parts.map(asciiLower);
    const last = lower.at(-1);
    if (last !== undefined) {
      this.unit.functions.add(last);
      if (lower.length > 1) {
        this.unit.functions.add(lower.slice(-2).join('.'));
      }
    }
  }
}

const NONE: readonly string[] = [];
